"""Words of the tests about GraphQL."""

import logging
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bot.store.announcements import Announcement
from bot.store.candidates import Candidate
from bot.store.content import Schedule, Sla
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project, Repository
from bot.store.releases import Release
from bot.store.runs import Run
from bot.store.users import User
from tests.world import Answer, World

NOW = datetime(2026, 11, 3, 18, tzinfo=UTC)
PRIVATE = 4711  # a repository


async def post(world: World, query: str, *, token: str | None = None, **given: Any) -> Answer:
    """Send a query with its variables."""
    return await world.ask("POST", "/graphql", {"query": query, "variables": given}, token=token)


async def ask(world: World, query: str, *, token: str | None = None, **given: Any) -> Any:
    """What a query gives that has no errors."""
    answer = await post(world, query, token=token, **given)
    assert answer.status == 200 and set(answer.json) == {"data"}, answer.json
    return answer.json["data"]


def codes(answer: Answer) -> dict[str, str]:
    """The code of each field that is refused."""
    return {".".join(map(str, error["path"])): error["extensions"]["code"] for error in answer.json["errors"]}


def sentence(answer: Answer) -> str:
    """What is said of a query that is refused as a whole, in the form that every refusal has."""
    assert set(answer.json) == {"errors"} and answer.headers["Content-Type"].startswith("application/json")
    for error in answer.json["errors"]:
        assert set(error) <= {"message", "locations", "extensions"} and error["extensions"]["code"].isupper()
    return str(answer.json["errors"][0]["message"])


@asynccontextmanager
async def statements(world: World) -> AsyncIterator[list[str]]:
    """The statements that read the graph meanwhile, by the databases' own accounts; there once that has ended.

    Credentials are looked up besides, and the worker looks for jobs.
    """
    heard: list[str] = []
    read: list[str] = []
    async with listening(world, heard):
        yield read
    read += [each for each in heard if re.search(r"\b(FROM|JOIN) \w+ x\b", each)]


@asynccontextmanager
async def listening(world: World, heard: list[str]) -> AsyncIterator[None]:
    """Every statement meanwhile."""
    client: Any = world.service.database.client
    if world.service.database.dialect == "sqlite":
        for callback in (heard.append, None):
            await client._reader.set_trace_callback(callback)
            client._glance._connection.set_trace_callback(callback)
            if callback is not None:
                yield
        return
    keeper, log = Heard(heard), logging.getLogger("tortoise.db_client")
    log.addHandler(keeper)
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(logging.NOTSET)
    log.removeHandler(keeper)


class Heard(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


async def user(name: str = "robot") -> User:
    """A user."""
    return (await User.get_or_create(name=name, defaults={"created_at": NOW}))[0]


async def repository(number: int = 1000, *, private: bool = False) -> Repository:
    """A repository."""
    values = {"full_name": f"acme/{number}", "default_branch": "main", "private": private, "checked_at": NOW}
    return (await Repository.get_or_create(github_id=number, defaults=values))[0]


async def project(name: str, *, private: bool = False) -> Project:
    """A project with a repository of its own kind."""
    source = await repository(PRIVATE if private else 1000, private=private)
    values: dict[str, Any] = {"tag_prefix": f"{name}/", "trigger_tag_prefix": f"{name}-", "repository": source}
    return await Project.create(name=name, permalink=f"the-{name}", created_at=NOW, updated_at=NOW, **values)


async def releases(of: Project, versions: Iterable[str], **values: Any) -> list[Release]:
    """Releases of a project."""
    values = {"created_at": NOW, "updated_at": NOW, **values}
    return [
        await Release.create(project=of, version=version, release_id=f"{of.permalink}-{version}", **values)
        for version in versions
    ]


async def candidates(of: Release, numbers: Iterable[int], **values: Any) -> list[Candidate]:
    """Candidates of a release."""
    owner = await Project.get(id=of.project_id)
    values = {"commit": "c" * 40, "branch": "main", "status": "ready", "created_at": NOW, "updated_at": NOW, **values}
    return [
        await Candidate.create(
            project_id=owner.id,
            release=of,
            repository_id=owner.repository_id,
            number=number,
            version=f"{of.version}-rc{number}",
            created_by=await user(),
            **values,
        )
        for number in numbers
    ]


async def environment(of: Project, name: str, **values: Any) -> Environment:
    """An environment of a project."""
    values = {"tier": "staging", "created_at": NOW, **values}
    return await Environment.create(project=of, name=name, name_key=name.lower(), **values)


async def deployment(of: Candidate, to: Environment, status: str = "success", **values: Any) -> Deployment:
    """A deployment that has ended."""
    values = {"deploy_start_at": NOW, "deploy_end_at": NOW, "created_at": NOW, **values}
    return await Deployment.create(candidate=of, environment=to, status=status, actor=await user(), **values)


async def build(of: Candidate, **values: Any) -> Run:
    """A run that builds a candidate."""
    values = {"workflow": "build.yml", "state": "done", "deadline_at": NOW, "created_at": NOW, **values}
    return await Run.create(candidate=of, repository_id=of.repository_id, commit=of.commit, **values)


async def announcement(of: Project, version: str, state: str = "approved", by: str = "robot", **values: Any) -> Any:
    """An announcement, decided where its state is that of one."""
    decided = {} if state == "pending" else {"decided_by": await user("boss"), "decided_at": NOW}
    values = {"changelog": f"Fixes in {version}", "created_at": NOW, **decided, **values}
    return await Announcement.create(project=of, version=version, state=state, submitted_by=await user(by), **values)


async def schedule(of: Release, sla: str = "maintenance", days: int = 10) -> Schedule:
    """A schedule, some days from a day that stays."""
    kind, _ = await Sla.get_or_create(name=sla, defaults={"description": f"About {sla}"})
    return await Schedule.create(release=of, sla=kind, date=date(2026, 11, 3) + timedelta(days=days))


async def grow(name: str, count: int, *, private: bool = False) -> Project:
    """A project in which there are so many of everything, below each other."""
    made = await project(name, private=private)
    places = [await environment(made, f"{name}-{place}", position=place) for place in range(count)]
    for release in await releases(made, [f"{name}.{number}" for number in range(count)]):
        await announcement(made, release.version, release=release)
        for number in range(count):
            await schedule(release, f"sla {number}", number)
        for candidate in await candidates(release, range(count)):
            await build(candidate, request_id=f"{candidate.id}")
            for place in places:
                await deployment(candidate, place, from_candidate=candidate)
    return made
