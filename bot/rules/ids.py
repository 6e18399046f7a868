"""Types for ids and hashes that are easily mixed up: plain ints and strings at run time, distinct to the type checker.

An id whose description does not mention GitHub is the primary key of a table.
"""

from typing import NewType

ProjectId = NewType("ProjectId", int)
ReleaseId = NewType("ReleaseId", int)
CandidateId = NewType("CandidateId", int)
EnvironmentId = NewType("EnvironmentId", int)
DeploymentId = NewType("DeploymentId", int)
RunRowId = NewType("RunRowId", int)
"""The row of a requested workflow run, which exists before GitHub has started the run."""
UserId = NewType("UserId", int)
JobId = NewType("JobId", int)

RunId = NewType("RunId", int)
"""GitHub's id of a workflow run."""
RepositoryId = NewType("RepositoryId", int)
"""GitHub's id of a repository: it survives renames and transfers."""
InstallationId = NewType("InstallationId", int)
"""GitHub's id of an installation of the App."""
GitHubUserId = NewType("GitHubUserId", int)
CommentId = NewType("CommentId", int)
DeliveryId = NewType("DeliveryId", int)
"""GitHub's id of one attempt to deliver a webhook; the delivery itself is known by its GUID."""

CommitSha = NewType("CommitSha", str)
"""A full commit SHA in lower case: 40 hexadecimal digits, or 64."""

MAX_ROW_ID_DIGITS = 9
"""Digits of an id: nine always fit the 32-bit integers of PostgreSQL."""


def parse_row_id(text: str) -> int | None:
    """Parse the id of a row: a positive number of at most nine ASCII digits; None for any other text."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ROW_ID_DIGITS):
        return None
    return int(text) or None
