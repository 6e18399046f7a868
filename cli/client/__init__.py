"""The client half of the command line: commands that ask a running service over HTTP."""
