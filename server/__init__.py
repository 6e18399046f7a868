"""One process put together: the only package that imports every other one."""
