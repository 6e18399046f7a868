"""Helpers of the GraphQL tests: queries, recorded statements, and rows that the graph consists of."""

import base64
import logging
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from bot.store.announcements import Announcement
from bot.store.candidates import Candidate
from bot.store.content import Schedule, Sla
from bot.store.deployments import Deployment
from bot.store.projects import Environment, Project, Repository
from bot.store.releases import Release
from bot.store.runs import Run
from bot.store.users import User
from tests.world import Response, World

NOW = datetime(2026, 11, 3, 18, tzinfo=UTC)
PUBLIC_REPOSITORY, PRIVATE_REPOSITORY = 1000, 4711


async def post(world: World, query: str, *, token: str | None = None, **variables: Any) -> Response:
    """Send a query with its variables."""
    return await world.ask("POST", "/graphql", {"query": query, "variables": variables}, token=token)


async def execute(world: World, query: str, *, token: str | None = None, **variables: Any) -> Any:
    """Send a query, check that it has no errors, and return its data."""
    answer = await post(world, query, token=token, **variables)
    assert answer.status == 200 and set(answer.json) == {"data"}, answer.json
    return answer.json["data"]


def error_codes(answer: Response) -> dict[str, str]:
    """The code of each error, by the path of its field."""
    return {".".join(map(str, error["path"])): error["extensions"]["code"] for error in answer.json["errors"]}


def forged_cursor(*values: Any) -> str:
    """A cursor of a list with these values."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode()


def error_message(answer: Response) -> str:
    """The message of a query that was not executed; checks that the response has the form of every such response."""
    assert set(answer.json) == {"errors"} and answer.headers["Content-Type"].startswith("application/json")
    for error in answer.json["errors"]:
        assert set(error) <= {"message", "locations", "extensions"} and error["extensions"]["code"].isupper()
    return str(answer.json["errors"][0]["message"])


@asynccontextmanager
async def graph_statements(world: World) -> AsyncIterator[list[str]]:
    """Record the statements that read the graph, as the database reports them; filled when the block ends.

    Other statements, such as those that look up credentials and jobs, are left out.
    """
    recorded: list[str] = []
    statements: list[str] = []
    async with recorded_statements(world, recorded):
        yield statements
    statements += [each for each in recorded if re.search(r"\b(FROM|JOIN) \w+ x\b", each)]


@asynccontextmanager
async def recorded_statements(world: World, recorded: list[str]) -> AsyncIterator[None]:
    """Record every statement while the block runs."""
    client: Any = world.service.database.client
    if world.service.database.dialect == "sqlite":
        for callback in (recorded.append, None):
            await client._reader.set_trace_callback(callback)
            client._short_reads._connection.set_trace_callback(callback)
            if callback is not None:
                yield
        return
    handler, log = MessageRecorder(recorded), logging.getLogger("tortoise.db_client")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield
    log.setLevel(logging.NOTSET)
    log.removeHandler(handler)


class MessageRecorder(logging.Handler):
    """Appends every logged message to a list."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


async def user(name: str = "robot") -> User:
    """Get or create a user."""
    return (await User.get_or_create(name=name, defaults={"created_at": NOW}))[0]


async def repository(github_id: int = PUBLIC_REPOSITORY, *, private: bool = False) -> Repository:
    """Get or create a repository."""
    values = {"full_name": f"acme/{github_id}", "default_branch": "main", "private": private, "checked_at": NOW}
    values["installation_id"] = None if private else 1
    return (await Repository.get_or_create(github_id=github_id, defaults=values))[0]


async def project(name: str, *, private: bool = False) -> Project:
    """Create a project in the public or the private repository."""
    in_repository = await repository(PRIVATE_REPOSITORY if private else PUBLIC_REPOSITORY, private=private)
    values: dict[str, Any] = {"tag_prefix": f"{name}/", "trigger_tag_prefix": f"{name}-", "repository": in_repository}
    return await Project.create(name=name, permalink=f"the-{name}", created_at=NOW, updated_at=NOW, **values)


async def releases(owner: Project, versions: Iterable[str], **values: Any) -> list[Release]:
    """Create releases of a project."""
    values = {"created_at": NOW, "updated_at": NOW, **values}
    return [
        await Release.create(project=owner, version=version, release_id=f"{owner.permalink}-{version}", **values)
        for version in versions
    ]


async def candidates(release: Release, numbers: Iterable[int], **values: Any) -> list[Candidate]:
    """Create candidates of a release."""
    parent = await Project.get(id=release.project_id)
    values = {"commit": "c" * 40, "branch": "main", "status": "ready", "created_at": NOW, "updated_at": NOW, **values}
    return [
        await Candidate.create(
            project_id=parent.id,
            release=release,
            repository_id=parent.repository_id,
            number=number,
            version=f"{release.version}-rc{number}",
            created_by=await user(),
            **values,
        )
        for number in numbers
    ]


async def environment(owner: Project, name: str, **values: Any) -> Environment:
    """Create an environment of a project."""
    values = {"tier": "staging", "created_at": NOW, **values}
    return await Environment.create(project=owner, name=name, name_key=name.lower(), **values)


async def deployment(candidate: Candidate, target: Environment, status: str = "success", **values: Any) -> Deployment:
    """Create a deployment that has ended."""
    values = {"deploy_start_at": NOW, "deploy_end_at": NOW, "created_at": NOW, **values}
    return await Deployment.create(candidate=candidate, environment=target, status=status, actor=await user(), **values)


async def build(candidate: Candidate, **values: Any) -> Run:
    """Create a build run of a candidate."""
    values = {"workflow": "build.yml", "state": "done", "deadline_at": NOW, "created_at": NOW, **values}
    return await Run.create(
        candidate=candidate, repository_id=candidate.repository_id, commit=candidate.commit, **values
    )


async def deployment_run(deployed: Deployment, candidate: Candidate) -> Run:
    """Create a run that has made a deployment."""
    return await Run.create(
        deployment=deployed,
        repository_id=candidate.repository_id,
        commit=candidate.commit,
        request_id=f"dep-{deployed.id}",
        workflow="deploy.yml",
        state="done",
        deadline_at=NOW,
        created_at=NOW,
    )


async def announcement(
    owner: Project, version: str, state: str = "approved", submitter: str = "robot", **values: Any
) -> Any:
    """Create an announcement; one whose state is not pending was decided by `boss`."""
    decided = {} if state == "pending" else {"decided_by": await user("boss"), "decided_at": NOW}
    values = {"changelog": f"Fixes in {version}", "created_at": NOW, **decided, **values}
    return await Announcement.create(
        project=owner, version=version, state=state, submitted_by=await user(submitter), **values
    )


async def schedule(release: Release, sla: str = "maintenance", days: int = 10) -> Schedule:
    """Create a schedule a number of days after a fixed date."""
    sla_row, _ = await Sla.get_or_create(name=sla, defaults={"description": f"About {sla}"})
    return await Schedule.create(release=release, sla=sla_row, date=date(2026, 11, 3) + timedelta(days=days))


async def full_project(name: str, count: int, *, private: bool = False) -> Project:
    """Create a project with `count` environments and releases, each release with `count` candidates, and so on."""
    created = await project(name, private=private)
    environments = [await environment(created, f"{name}-{position}", position=position) for position in range(count)]
    for release in await releases(created, [f"{name}.{number}" for number in range(count)]):
        await announcement(created, release.version, release=release)
        for number in range(count):
            await schedule(release, f"sla {number}", number)
        for candidate in await candidates(release, range(count)):
            await build(candidate, request_id=f"{candidate.id}")
            for target in environments:
                await deployment_run(await deployment(candidate, target, from_candidate=candidate), candidate)
    return created
