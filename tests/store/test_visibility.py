"""What somebody sees in lists is what they may read one by one."""

from itertools import product
from typing import Any

import pytest

from bot.context import Actor, utc_now
from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import Database, fetch
from bot.store.projects import Project, Repository

OPEN, CLOSED = 11, 12


@pytest.fixture
async def projects(database: Database) -> list[Project]:
    """Two projects of a public repository, one of a private one, and one without."""
    now = utc_now()
    for number, private in ((OPEN, False), (CLOSED, True)):
        await Repository.create(
            github_id=number, full_name=f"acme/{number}", default_branch="main", private=private, checked_at=now
        )
    for name, repository in (("one", OPEN), ("two", OPEN), ("three", CLOSED), ("four", None)):
        values: dict[str, Any] = {"permalink": name, "tag_prefix": f"{name}/", "trigger_tag_prefix": f"{name}-v"}
        values |= {"repository_id": repository, "created_at": now, "updated_at": now}
        await Project.create(name=name, **values)
    return await Project.all().select_related("repository").order_by("id")


async def seen(viewer: Visibility, *, before: tuple[Any, ...] = (), nullable: bool = False) -> list[str]:
    """The names of what is seen, asked for behind arguments that are there already."""
    args = list(before)
    column = "NULLIF(id, -1)"  # never NULL, and not known to be a key
    conditions = [f"'x' = ${number}" for number in range(1, len(args) + 1)]
    conditions += filter(None, [visibility.condition(viewer, column, args, nullable=nullable)])
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return [row["name"] for row in await fetch(f"SELECT name FROM projects {where} ORDER BY id", *args)]


async def test_a_list_shows_what_may_be_read_one_by_one(projects: list[Project]) -> None:
    ids, repositories = (None, projects[0].id, projects[2].id, 999), (None, OPEN, CLOSED, 999)
    grants: tuple[frozenset[str], ...] = (frozenset(), frozenset({"project:read"}), frozenset({"admin"}))
    for held, public, project_id, repository_id in product(grants, grants[:2], ids, repositories):
        actor = Actor(7, "x", held, project_id=project_id, repository_id=repository_id, public=public)
        expected = [each.name for each in projects if actor.may_on(each, "project:read")]
        assert await seen(actor.visibility("project:read")) == expected, actor
        assert await seen(actor.visibility("project:read"), before=("x", "x")) == expected, actor


async def test_rows_of_no_project_are_seen_by_everybody_where_there_are_such(projects: list[Project]) -> None:
    for viewer in (
        Visibility(),
        Visibility(project_id=projects[0].id),
        Visibility(repository_id=CLOSED),
        Visibility(public=True),
    ):
        args: list[Any] = []
        condition = visibility.condition(viewer, "CAST(NULL AS INTEGER)", args, nullable=True)
        assert len(await fetch(f"SELECT id FROM projects WHERE {condition}", *args)) == len(projects)
    assert await seen(Visibility(), nullable=True) == []
    assert visibility.condition(Visibility(everything=True), "x", [], nullable=True) == ""
