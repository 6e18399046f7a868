"""The client of GitHub's REST API, one file per resource: the only package that reads its JSON."""
