"""The resources of the PDC dialect, one file each group."""
