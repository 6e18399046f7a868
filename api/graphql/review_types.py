"""What waits for the caller's word, as its operation reads it."""

from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import Any

import orjson
import strawberry

from api.graphql.board_types import ClosedGate, closed_gates
from api.graphql.connections import Connection, Info, computed, described, object_type
from api.graphql.listings import listed
from bot.context import NO_CREDENTIALS
from bot.errors import Unauthenticated
from bot.operations import reviews
from bot.operations.reviews import SettingChange, WantedChange
from bot.store.announcement_queries import AnnouncementRow


@object_type
class WantedApproval:
    """A deployment that waits for the caller's approval."""

    deployment: strawberry.ID = described("The id of the deployment.")
    project: str = described("The name of the project.")
    environment: str = described("The name of the environment.")
    version: str = described("The version of the candidate.")
    commit: str = described("The candidate's commit.")
    since: datetime = described("When the deployment was asked for.")
    expires_at: datetime | None = described("When it is given up.")
    by: str = described("Who asked for it, unless it is automatic.")
    automatic: bool = described("Whether nobody asked for it, since the environment deploys automatically.")
    cut_by: str = described("Who cut the candidate.")
    waits_for: Connection[ClosedGate] = closed_gates()


def _tags(root: AnnouncementRow) -> Sequence[str]:
    stored = root["tag_list"]
    tags: Sequence[str] = orjson.loads(stored) if isinstance(stored, str) else stored
    return tags


@object_type
class WantedDecision:
    """An announcement that the caller may approve or reject."""

    id: strawberry.ID = described("Its id.")
    project: str = described("The name of its project.")
    permalink: str = described("The permalink of its project.")
    version: str = described("The version that is announced.")
    changelog: str = described("What has changed.")
    tag_list: list[str] = computed(_tags, "Its tags.")
    hidden_from_frontpage: bool = described("Whether it is kept off the front page.")
    submitted_by: str = described("Who has submitted it.")
    created_at: datetime = described("When it was submitted.")


@object_type
class WeakerSetting:
    """A weaker change of a setting."""

    name: str = described(
        "The name of the setting; `added` or `removed` where that happens to all of an environment or project."
    )
    old: str = described("Its value before as JSON, which may be cut off; `unset` for none.")
    new: str = described("Its value afterwards, in the same form.")


def _setting(each: SettingChange) -> tuple[str, str, str]:
    return each.name, each.old, each.new


@object_type
class WeakerChange:
    """Weaker changes of a configuration file, which people have to approve."""

    project: str = described("The name of the project.")
    environment: str = described("The name of the environment for which they are approved.")
    commit: str = described("The commit of the file.")
    since: datetime = described("Since when they wait.")
    given: int = described("How many people have approved them.")
    needed: int = described("How many people have to.")
    settings: Connection[WeakerSetting] = listed("settings", _setting, "The settings that become weaker.")


def _change(each: WantedChange) -> tuple[str, str]:
    return each.project, each.environment


@object_type
class Waiting:
    """What waits for the caller's word, at most 100 of each kind."""

    approvals: Connection[WantedApproval] = listed(
        "approvals", lambda each: each.deployment, "Deployments that wait for the caller's approval, the oldest first."
    )
    announcements: Connection[WantedDecision] = listed(
        "announcements", lambda each: each["id"], "Announcements that the caller may decide about, the oldest first."
    )
    changes: Connection[WeakerChange] = listed(
        "changes", _change, "Changes of configuration files that wait for the caller's approval, the oldest first."
    )
    incomplete: bool = described("Whether GitHub did not say about everything if it waits for the caller.")


def _waiting(info: Info) -> Awaitable[reviews.Reviews]:
    if info.context.actor.is_anonymous:
        raise Unauthenticated(NO_CREDENTIALS)
    return info.context.read("waiting", reviews.read)


WAITING: Any = computed(
    _waiting, "What waits for the caller to say something: approvals, announcements, changes of configuration files."
)
