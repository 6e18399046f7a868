"""Helpers for the tests of announcements."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from bot.store.announcements import Announcement
from bot.store.projects import Project, Repository
from bot.store.users import User
from tests.world import Response, World

PROJECT = "/projects/site"
RELEASES = f"{PROJECT}/releases"
URLS = f"{PROJECT}/urls"
QUEUE = "/api/announcements"


@dataclass
class XmlResponse:
    """A response in XML."""

    status: int
    root: ElementTree.Element
    headers: Mapping[str, str]

    @property
    def errors(self) -> dict[str, str | None]:
        """The first sentence about each field."""
        assert self.root.tag == "errors"
        return {str(item.get("field")): item.text for item in reversed(self.root)}


async def ask_xml(
    world: World, method: str, path: str, body: Any = None, *, token: str | None = None, **more: Any
) -> XmlResponse:
    """Send a request in XML, with the administrator's token unless another (or "" for none) is given."""
    secret = world.token if token is None else token
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    if body is not None:
        headers["Content-Type"] = more.pop("kind", "application/xml")
    async with world.session.request(method, world.url + path, headers=headers, data=body, **more) as answer:
        assert answer.content_type == "application/xml", (answer.status, await answer.text())
        return XmlResponse(answer.status, ElementTree.fromstring(await answer.read()), answer.headers)


async def submit(world: World, version: str, changelog: str = "Fixes", *, token: str | None = None, **more: Any) -> int:
    """Submit a release and return its id."""
    body = {"release": {"version": version, "changelog": changelog, **more}}
    answer = await world.ask("POST", f"{RELEASES}.json", body, token=token)
    assert answer.status == 201, answer.json
    return int(answer.json["release"]["id"])


async def decide(world: World, version: str, act: str, body: Any = None, *, token: str | None = None) -> Response:
    """Approve or reject an announcement."""
    reason = {"reason": "Spam."} if act == "reject" else {}
    path = f"/api/projects/site/releases/{version}/announcement/{act}"
    return await world.ask("POST", path, {**reason, **(body or {})}, token=token)


async def announce(world: World, *versions: str, **more: Any) -> list[int]:
    """Submit and approve releases, one after another, and return their ids."""
    numbers = []
    for version in versions:
        numbers.append(await submit(world, version, **more))
        answer = await decide(world, version, "approve")
        assert answer.status == 200, answer.json
    return numbers


async def seed(count: int, state: str = "approved", project: str = "site") -> None:
    """Insert many announcements with dates in 2020."""
    owner, user = await Project.get(name=project), await User.get(name="root")
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    await Announcement.bulk_create(
        [
            Announcement(
                project_id=owner.id,
                version=f"0.{number}",
                changelog="Old",
                state=state,
                submitted_by_id=user.id,
                created_at=moment,
                decided_at=None if state == "pending" else moment.replace(minute=number % 60, hour=number // 60),
            )
            for number in range(count)
        ]
    )


async def make_private() -> None:
    """Mark the repository of the project `site` as private."""
    assert await Repository.filter(full_name="acme/site").update(private=True)


def listed_versions(answer: Response) -> list[str]:
    """The versions of a list of announcements, in order."""
    assert answer.status == 200, answer.json
    return [item["release"]["version"] for item in answer.json]


def status_and_fields(answer: Response) -> tuple[int, list[str]]:
    """Status and fields of an error response, whose form is checked."""
    assert list(answer.json) == ["errors"]
    assert answer.headers["Content-Type"].startswith("application/json")
    assert all(sentences and all(map(str, sentences)) for sentences in answer.json["errors"].values())
    return answer.status, list(answer.json["errors"])
