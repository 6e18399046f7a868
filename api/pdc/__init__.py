"""The PDC dialect: release schedules, released files, and the resources that they refer to."""
