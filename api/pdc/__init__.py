"""The dialects of release schedules and released files, with the resources that they rest on."""
