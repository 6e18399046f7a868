"""The client of GitHub's REST API, one file per resource: the only place with its JSON."""
