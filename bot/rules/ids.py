"""Types for ids and hashes that are easily mixed up: plain ints and texts at run time, told apart by the type checker.

An id without `GitHub` in its description numbers a row of ours.
"""

from typing import NewType

ProjectId = NewType("ProjectId", int)
ReleaseId = NewType("ReleaseId", int)
CandidateId = NewType("CandidateId", int)
EnvironmentId = NewType("EnvironmentId", int)
DeploymentId = NewType("DeploymentId", int)
RunRowId = NewType("RunRowId", int)
"""The row of a workflow run that Longshore asked for, which exists before GitHub has started the run."""
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
