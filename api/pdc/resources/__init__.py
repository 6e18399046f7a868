"""The resources of the PDC dialect, one file per group."""
