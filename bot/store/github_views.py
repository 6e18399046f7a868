"""What Longshore shows on GitHub about candidates, and the questions of environments that it answers there."""

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model

from bot.rules.ids import CandidateId, GitHubUserId, GitHubViewId, ProtectionRequestId, RepositoryId, RunId
from bot.store.candidates import Candidate
from bot.store.columns import commit_sha, github_id, nullable_github_id, primary_key
from bot.store.projects import Repository

STATUS_COMMENT, CHECK_RUN = "status_comment", "check_run"


class GitHubView(Model):
    """One text on GitHub about a candidate: a comment on a pull request or commit, or the check run on its commit.

    `kind` is `status_comment` or `check_run`; `thread` and `thread_id` are those of a comment, and empty for a check
    run. `github_id` is GitHub's id of it, null until it is known. `sending`: it may have been created by a request
    whose answer is not known, so it is searched for before it is created. `gone`: it can no longer be shown, because
    its thread no longer exists, or the repository takes no writes. `digest` is that of what was shown at `shown_at`.
    `note` is what is to be told about the last click on one of its buttons.
    """

    id = primary_key(GitHubViewId)
    kind = fields.CharField(max_length=20)
    candidate: fields.ForeignKeyRelation[Candidate] = fields.ForeignKeyField(
        "models.Candidate", related_name="github_views", on_delete=fields.OnDelete.RESTRICT
    )
    candidate_id: CandidateId
    thread = fields.CharField(max_length=10, default="")
    thread_id = fields.CharField(max_length=64, default="")
    github_id = fields.BigIntField(null=True)
    sending = fields.BooleanField(default=False)
    gone = fields.BooleanField(default=False)
    digest = fields.CharField(max_length=64, null=True)
    shown_at = fields.DatetimeField(null=True)
    note: dict[str, Any] | None = fields.JSONField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        """Table and indexes: a candidate has one check run, and one comment in a thread."""

        table = "github_views"
        unique_together = (("kind", "candidate", "thread", "thread_id"),)
        indexes = (("candidate",), ("thread_id",))


class ProtectionRequest(Model):
    """A job of a run that waits for our answer about an environment of GitHub (a custom deployment protection rule).

    `run_id` is GitHub's id of the run. `state` is `waiting`, `approved`, `rejected` or `closed`: nobody waits for an
    answer any more. The requester is whoever triggered the run, once GitHub has been asked. `reports` counts the
    reports of progress, of which GitHub takes ten; `digest` is that of the last text sent. It is evaluated again at
    `evaluate_at` or before.
    """

    id = primary_key(ProtectionRequestId)
    repository: fields.ForeignKeyRelation[Repository] = fields.ForeignKeyField(
        "models.Repository", related_name="protection_requests", on_delete=fields.OnDelete.RESTRICT
    )
    repository_id: RepositoryId
    run_id = github_id(RunId)
    environment = fields.CharField(max_length=255)
    commit = commit_sha()
    state = fields.CharField(max_length=10, default="waiting")
    requester_id = nullable_github_id(GitHubUserId)
    requester = fields.CharField(max_length=255, null=True)
    reports = fields.IntField(default=0)
    digest = fields.CharField(max_length=64, null=True)
    evaluate_at: datetime | None = fields.DatetimeField(null=True)
    requested_at = fields.DatetimeField()
    answered_at = fields.DatetimeField(null=True)

    class Meta:
        """Table; its partial indexes are in the migrations."""

        table = "protection_requests"
        unique_together = (("repository", "run_id", "environment"),)
