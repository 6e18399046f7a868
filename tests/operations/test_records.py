"""The operation that writes rows of the PDC dialect: grants, deleted rows and the order of refusals."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from api.pdc.crud.serializers import table
from api.pdc.resources.schedules import SCHEDULES
from bot.context import Actor, Context
from bot.errors import Conflict, Forbidden, NotFound, Refusal, Unauthenticated
from bot.operations import records, users
from bot.operations.content import one_by_one
from bot.operations.records import Change, ItemRefused
from bot.store.audit import AuditEntry
from bot.store.content import ChangeSet, Schedule
from bot.store.releases import Release
from tests.api.pdc.calls import calendar
from tests.world import World

DAY = {"date": date(2031, 1, 1)}


async def context_with(world: World, *grants: str, project: int | None = None) -> Context:
    """The context of an operation by a user with these grants."""
    context = await world.context()
    user = await users.get_or_create(context, "robot")
    return replace(context, actor=Actor(user.id, user.name, frozenset(grants), project_id=project))


async def counts() -> tuple[int, int, int]:
    """The numbers of schedules, change sets and audit entries."""
    return await Schedule.all().count(), await ChangeSet.all().count(), await AuditEntry.all().count()


async def test_only_actors_with_the_grant_may_write(world: World) -> None:
    await calendar(world)
    context = await context_with(world, "content:read", "project:write")
    with pytest.raises(Forbidden):
        await records.apply(context, table(SCHEDULES), [Change(1, DAY)])
    anonymous = replace(context, actor=users.anonymous("all"))
    with pytest.raises(Unauthenticated):
        await records.apply(anonymous, table(SCHEDULES), [Change(1, DAY)])
    release = await Release.get(release_id="foo-1.0")
    other_project = await context_with(world, "content:write", project=release.project_id + 1)
    with pytest.raises(Forbidden):
        await records.apply(other_project, table(SCHEDULES), [Change(1, DAY)])
    same_project = await context_with(world, "content:write", project=release.project_id)
    assert (await records.apply(same_project, table(SCHEDULES), [Change(1, DAY)]))[0]["release"] == "foo-1.0"


async def test_a_row_deleted_by_another_request_is_refused_and_nothing_is_written(world: World) -> None:
    await calendar(world)
    context = await context_with(world, "content:write")
    release = await Release.get(release_id="bar-2.0")
    before = await counts()
    with_deleted_row: list[Change] = [Change(1, DAY), Change(77, DAY), Change(2, None)]
    with pytest.raises(ItemRefused) as refused:
        await records.apply(context, table(SCHEDULES), with_deleted_row)
    assert refused.value.index == 1 and isinstance(refused.value.problem, NotFound)
    new: dict[str, Any] = {"release_id": release.id, "sla_id": 999, **DAY}
    with pytest.raises(Conflict):
        await records.apply(context, table(SCHEDULES), [Change(1, DAY), Change(None, new)])
    assert await counts() == before
    assert (await Schedule.get(id=1)).date.year == 2017


async def test_the_first_refusal_is_raised_whichever_step_it_comes_from(world: World) -> None:
    await calendar(world)
    context = await context_with(world, "content:write")
    before = await counts()
    taken: dict[str, Any] = {"release_id": (await Release.get(release_id="foo-1.0")).id, "sla_id": 1, **DAY}

    @one_by_one
    async def prepare(_: Context, row: Any, values: dict[str, Any]) -> dict[str, Any]:
        if values["date"].year == 2040:
            raise Refusal("Not in 2040.")
        return values

    prepared_table = replace(table(SCHEDULES), prepare=prepare)
    not_unique, not_prepared, checked = (
        Change(None, taken),
        Change(1, {"date": date(2040, 1, 1)}),
        Change(2, DAY, Refusal("Checked.")),
    )
    wrong = ItemRefused(2, Refusal("Shaped."))
    for changes, index, sentence in (
        ([not_unique, not_prepared], 0, "The fields release, sla must make a unique set."),
        ([not_prepared, not_unique], 0, "Not in 2040."),
        ([checked, not_prepared], 0, "Checked."),
        ([Change(3, DAY), not_prepared], 1, "Not in 2040."),
        ([Change(3, DAY), checked], 1, "Checked."),
        ([Change(3, DAY), Change(2, DAY)], 2, "Shaped."),
    ):
        with pytest.raises(ItemRefused) as refused:
            await records.apply(context, prepared_table, changes, wrong=wrong)
        assert (refused.value.index, refused.value.sentence) == (index, sentence)
    assert await counts() == before
