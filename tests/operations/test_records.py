"""The one operation that writes content rows: grants, rows that are gone, and the order in which items are refused."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date

import pytest

from api.pdc.crud.serializers import table
from api.pdc.resources.schedules import SCHEDULES
from bot.actors import anonymous
from bot.context import Actor, Context
from bot.errors import Conflict, Forbidden, NotFound, Refusal, Unauthenticated
from bot.operations import records, users
from bot.operations.changes import (
    Change,
    ChangeRequest,
    Create,
    Delete,
    Draft,
    ItemRefused,
    Rejected,
    Update,
)
from bot.store.audit import AuditEntry
from bot.store.content import ChangeSet, Schedule
from bot.store.lists import Columns, Rows
from bot.store.releases import Release
from tests.api.pdc.schedules import create_schedules
from tests.world import World

NEW_DATE = {"date": date(2031, 1, 1)}


async def context_with_grants(world: World, *grants: str, project: int | None = None) -> Context:
    """A context whose actor has these grants, on one project or on all."""
    context = await world.context()
    user = await users.get_or_create(context, "robot")
    return replace(context, actor=Actor(user.id, user.name, frozenset(grants), project_id=project))


async def apply(context: Context, *changes: Change | Rejected) -> Rows:
    """Apply changes to schedules."""
    return await records.apply(context, table(SCHEDULES), ChangeRequest(changes))


async def counts() -> tuple[int, int, int]:
    """The numbers of schedules, change sets and audit entries."""
    return await Schedule.all().count(), await ChangeSet.all().count(), await AuditEntry.all().count()


async def test_only_actors_with_the_grant_write(world: World) -> None:
    await create_schedules(world)
    context = await context_with_grants(world, "content:read", "project:write")
    with pytest.raises(Forbidden):
        await apply(context, Update(1, NEW_DATE))
    stranger = replace(context, actor=anonymous("all"))
    with pytest.raises(Unauthenticated):
        await apply(stranger, Update(1, NEW_DATE))
    release = await Release.get(release_id="foo-1.0")
    other = await context_with_grants(world, "content:write", project=release.project_id + 1)
    with pytest.raises(Forbidden):
        await apply(other, Update(1, NEW_DATE))
    own = await context_with_grants(world, "content:write", project=release.project_id)
    assert (await apply(own, Update(1, NEW_DATE)))[1]["release"] == "foo-1.0"


async def test_a_row_that_another_request_deleted_is_reported_and_nothing_is_written(world: World) -> None:
    await create_schedules(world)
    context = await context_with_grants(world, "content:write")
    release = await Release.get(release_id="bar-2.0")
    before = await counts()
    with pytest.raises(ItemRefused) as refused:
        await apply(context, Update(1, NEW_DATE), Update(77, NEW_DATE), Delete(2))
    assert refused.value.index == 1 and isinstance(refused.value.problem, NotFound)
    with pytest.raises(Conflict):
        await apply(context, Update(1, NEW_DATE), Create({"release_id": release.id, "sla_id": 999, **NEW_DATE}))
    assert await counts() == before
    assert (await Schedule.get(id=1)).date.year == 2017


async def refuse_2040(_: Context, drafts: Sequence[Draft]) -> AsyncIterator[Columns]:
    for draft in drafts:
        if draft.values["date"].year == 2040:
            raise Refusal("Not in 2040.")
        yield draft.values


async def test_the_first_refused_item_is_reported_whatever_refuses_it(world: World) -> None:
    await create_schedules(world)
    context = await context_with_grants(world, "content:write")
    before = await counts()
    with_preparer = replace(table(SCHEDULES), prepare=refuse_2040)
    foo = await Release.get(release_id="foo-1.0")
    duplicate = Create({"release_id": foo.id, "sla_id": 1, **NEW_DATE})
    unprepared = Update(1, {"date": date(2040, 1, 1)})
    violating = Update(2, NEW_DATE, Refusal("Checked."))
    cases: list[tuple[list[Change], int, str]] = [
        ([duplicate, unprepared], 0, "The fields release, sla must make a unique set."),
        ([unprepared, duplicate], 0, "Not in 2040."),
        ([violating, unprepared], 0, "Checked."),
        ([Update(3, NEW_DATE), unprepared], 1, "Not in 2040."),
        ([Update(3, NEW_DATE), violating], 1, "Checked."),
        ([Update(3, NEW_DATE), Update(2, NEW_DATE)], 2, "Shaped."),
    ]
    for changes, index, sentence in cases:
        request = ChangeRequest([*changes, Rejected(Refusal("Shaped."))])
        with pytest.raises(ItemRefused) as refused:
            await records.apply(context, with_preparer, request)
        assert (refused.value.index, refused.value.sentence) == (index, sentence)
    assert await counts() == before
