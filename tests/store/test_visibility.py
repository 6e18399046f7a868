"""The rows that a list shows are those that the actor may read individually."""

from itertools import product
from typing import Any

import pytest

from bot.context import Actor, utc_now
from bot.rules.ids import RepositoryId, UserId
from bot.rules.permissions import Visibility
from bot.store import queries, visibility
from bot.store.database import Database, fetch
from bot.store.projects import Outline, Project, Repository

PUBLIC_REPOSITORY, PRIVATE_REPOSITORY, UNREACHABLE_REPOSITORY = 11, 12, 13


@pytest.fixture
async def projects(database: Database) -> list[Project]:
    """Two projects of a public repository, one of a private one, one without, and one of an unreachable one."""
    now, values = utc_now(), dict[str, Any]()
    for number, private, installation in (
        (PUBLIC_REPOSITORY, False, 1),
        (PRIVATE_REPOSITORY, True, 1),
        (UNREACHABLE_REPOSITORY, False, None),
    ):
        values = {"full_name": f"acme/{number}", "default_branch": "main", "installation_id": installation}
        await Repository.create(github_id=number, private=private, checked_at=now, **values)
    for name, repository in (
        ("one", PUBLIC_REPOSITORY),
        ("two", PUBLIC_REPOSITORY),
        ("three", PRIVATE_REPOSITORY),
        ("four", None),
        ("five", UNREACHABLE_REPOSITORY),
    ):
        values = {"permalink": name, "tag_prefix": f"{name}/", "trigger_tag_prefix": f"{name}-v"}
        values |= {"repository_id": repository, "created_at": now, "updated_at": now}
        await Project.create(name=name, **values)
    return await Project.all().select_related("repository").order_by("id")


async def visible_names(visible: Visibility, *, before: tuple[Any, ...] = (), nullable: bool = False) -> list[str]:
    """Query the names of visible projects; `before` are arguments that precede those of the condition."""
    args = list(before)
    column = "NULLIF(id, -1)"  # never NULL, but the database does not know that
    conditions = [f"'x' = ${number}" for number in range(1, len(args) + 1)]
    conditions += filter(None, [visibility.condition(visible, column, args, nullable=nullable)])
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return [row["name"] for row in await fetch(f"SELECT name FROM projects {where} ORDER BY id", *args)]


async def test_a_list_shows_exactly_what_may_be_read_individually(projects: list[Project]) -> None:
    ids, repositories = (None, projects[0].id, projects[2].id, 999), (None, PUBLIC_REPOSITORY, PRIVATE_REPOSITORY, 999)
    grants: tuple[frozenset[str], ...] = (frozenset(), frozenset({"project:read"}), frozenset({"admin"}))
    for held, public, project_id, repository_id in product(grants, grants[:2], ids, repositories):
        actor = Actor(UserId(7), "x", held, project_id=project_id, repository_id=repository_id, public=public)
        expected = [each.name for each in projects if actor.may_on(each, "project:read")]
        assert await visible_names(actor.visibility("project:read")) == expected, actor
        assert await visible_names(actor.visibility("project:read"), before=("x", "x")) == expected, actor
        assert [each.name for each in await outlines() if actor.may_on(each, "project:read")] == expected, actor


async def outlines() -> list[Outline]:
    """The projects as they are read to authorize a request."""
    found = [await queries.find_outline(queries.BY_NAME, name) for name in ("one", "two", "three", "four", "five")]
    return [each for each in found if each is not None]


async def test_people_list_public_repositories_and_those_they_were_found_to_read(projects: list[Project]) -> None:
    for public, readable, expected in (
        (False, (), ["one", "two"]),
        (False, (PRIVATE_REPOSITORY,), ["one", "two", "three"]),
        (True, (), ["one", "two", "four"]),
    ):
        actor = Actor(
            UserId(7),
            "rita",
            frozenset({"project:read"}),
            public=frozenset({"project:read"}) if public else frozenset(),
            is_unconfirmed=True,
            readable=frozenset(map(RepositoryId, readable)),
        )
        assert await visible_names(actor.visibility("project:read")) == expected


async def test_rows_without_a_project_are_visible_to_everyone_if_the_column_is_nullable(
    projects: list[Project],
) -> None:
    for visible in (
        Visibility(),
        Visibility(project_id=projects[0].id),
        Visibility(repository_id=PRIVATE_REPOSITORY),
        Visibility(public=True),
    ):
        args: list[Any] = []
        condition = visibility.condition(visible, "CAST(NULL AS INTEGER)", args, nullable=True)
        assert len(await fetch(f"SELECT id FROM projects WHERE {condition}", *args)) == len(projects)
    assert await visible_names(Visibility(), nullable=True) == []
    assert visibility.condition(Visibility(everything=True), "x", [], nullable=True) == ""
