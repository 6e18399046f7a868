"""Types for ids and hashes that are easily mixed up: plain ints and strings at run time, distinct to the type checker.

An id whose description does not mention GitHub is the primary key of a table.
"""

import re
from typing import NewType

ProjectId = NewType("ProjectId", int)
ReleaseId = NewType("ReleaseId", int)
CandidateId = NewType("CandidateId", int)
EnvironmentId = NewType("EnvironmentId", int)
DeploymentId = NewType("DeploymentId", int)
RunRowId = NewType("RunRowId", int)
"""The row of a requested workflow run, which exists before GitHub has started the run."""
UserId = NewType("UserId", int)
TokenId = NewType("TokenId", int)
SessionId = NewType("SessionId", int)
FreezeId = NewType("FreezeId", int)
ApprovalId = NewType("ApprovalId", int)
GitHubViewId = NewType("GitHubViewId", int)
ProtectionRequestId = NewType("ProtectionRequestId", int)
JobId = NewType("JobId", int)
ConfigChangeId = NewType("ConfigChangeId", int)
ConfigApprovalId = NewType("ConfigApprovalId", int)

RunId = NewType("RunId", int)
"""GitHub's id of a workflow run."""
RepositoryId = NewType("RepositoryId", int)
"""GitHub's id of a repository: it survives renames and transfers."""
InstallationId = NewType("InstallationId", int)
"""GitHub's id of an installation of the App."""
GitHubUserId = NewType("GitHubUserId", int)
CommentId = NewType("CommentId", int)
CheckRunId = NewType("CheckRunId", int)
GitHubDeploymentId = NewType("GitHubDeploymentId", int)
DeliveryId = NewType("DeliveryId", int)
"""GitHub's id of one attempt to deliver a webhook; the delivery itself is known by its GUID."""

CommitSha = NewType("CommitSha", str)
"""A full commit SHA in lower case: 40 hexadecimal digits, or 64."""

_GUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MAX_ROW_ID_DIGITS = 9
"""Digits of an id: nine always fit the 32-bit integers of PostgreSQL."""
MAX_GITHUB_ID_DIGITS = 18


def parse_row_id(text: str) -> int | None:
    """Parse the id of a row: a positive number of at most nine ASCII digits; None for any other text."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_ROW_ID_DIGITS):
        return None
    return int(text) or None


def parse_github_id(text: str) -> GitHubUserId | None:
    """Parse GitHub's id of a user: a positive number of at most 18 digits; None for any other text."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_GITHUB_ID_DIGITS):
        return None
    return GitHubUserId(int(text)) if int(text) else None


def parse_guid(text: str) -> str | None:
    """Parse the GUID of a webhook delivery, as `72d3162e-cc78-11e3-81ab-4c9367dc0958`; None for any other text.

    The same GUID in capitals is the same delivery.
    """
    guid = text.lower()
    return guid if _GUID.fullmatch(guid) else None
