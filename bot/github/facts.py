"""GitHub's JSON in our words: the objects that its REST answers and its webhooks have in common."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.errors import Unavailable
from bot.github.limits import UNAVAILABLE
from bot.rules.runs import RunFact, workflow_path


@dataclass(frozen=True)
class RepositoryFact:
    """What GitHub says of a repository, and by which installation we may reach it."""

    id: int
    full_name: str
    default_branch: str
    private: bool
    archived: bool
    installation_id: int


@dataclass(frozen=True)
class PullRequestFact:
    """What GitHub says of a pull request: the commit that stands for it is the merged one, or its head."""

    number: int
    head_sha: str
    merged_sha: str | None


@dataclass(frozen=True)
class DeliveryFact:
    """One attempt of GitHub to deliver a webhook to us."""

    id: int
    guid: str
    event: str
    delivered_at: datetime
    ok: bool


def repository_fact(answer: Any, installation: int) -> RepositoryFact:
    """A repository of GitHub's REST or webhook JSON."""
    return RepositoryFact(
        id=int(field(answer, "id")),
        full_name=str(field(answer, "full_name")),
        default_branch=str(field(answer, "default_branch")),
        private=bool(field(answer, "private")),
        archived=bool(answer.get("archived", False)),
        installation_id=installation,
    )


def run_fact(answer: Any) -> RunFact:
    """A run of GitHub's REST or webhook JSON."""
    return RunFact(
        id=int(field(answer, "id")),
        attempt=int(answer.get("run_attempt") or 1),
        status=str(field(answer, "status")),
        conclusion=answer.get("conclusion"),
        head_sha=str(field(answer, "head_sha")),
        head_branch=answer.get("head_branch"),
        workflow=workflow_path(str(answer.get("path") or "")),
        title=str(answer.get("display_title") or ""),
        url=str(answer.get("html_url") or ""),
        event=str(answer.get("event") or ""),
        actor=str((answer.get("actor") or {}).get("login") or ""),
        created_at=datetime.fromisoformat(str(field(answer, "created_at"))),
    )


def delivery_fact(item: Any) -> DeliveryFact:
    """One item of the list of webhook deliveries."""
    return DeliveryFact(
        id=int(field(item, "id")),
        guid=str(field(item, "guid")),
        event=str(field(item, "event")),
        delivered_at=datetime.fromisoformat(str(field(item, "delivered_at"))),
        ok=item.get("status") == "OK",
    )


def field(answer: Any, name: str) -> Any:
    """A field that an answer must have: without it the answer is not GitHub's."""
    if not isinstance(answer, dict) or answer.get(name) is None:
        raise Unavailable(UNAVAILABLE, reason=f"the answer has no `{name}`")
    return answer[name]
