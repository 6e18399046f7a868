"""The parts of the documentation that are made of what the code declares, for developers: `make reference`."""
