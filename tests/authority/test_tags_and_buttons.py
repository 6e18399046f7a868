"""Who may act by pushing a tag, and by the buttons of check runs: by every role on GitHub, on both kinds of tiers."""

from collections.abc import Sequence
from typing import Any

from bot.operations.view_jobs import ShowCheckRun
from bot.queue.jobs import enqueue
from bot.rules.candidate_checks import Button
from bot.rules.ids import CandidateId
from bot.rules.views import PARTS
from bot.store.audit import AuditEntry
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.github_views import CHECK_RUN, GitHubView
from bot.store.performed_requests import PerformedRequest
from bot.store.projects import Project
from tests.authority.attempts import FIRST, Attempt, Who, people, plan, prepare
from tests.authority.table import ACTS, BUTTON, TAG, offered
from tests.authority.written_commands import FOR_LACK_OF_AUTHORITY, refusals
from tests.handlers.test_tags import look_for_tags
from tests.world import PROJECT, World


async def acts_of(who: str) -> set[str]:
    """The acts of somebody in the audit log."""
    return {entry.act for entry in await AuditEntry.filter(actor=who)}


# --- pushed tags


def tag_of(attempt: Attempt) -> str:
    """The tag that asks for an act: of a new candidate, or of a release whose candidate is to be deployed."""
    version = f"{attempt.values['new']}-rc1" if attempt.act.name == "cut" else attempt.values["release"]
    return f"{attempt.project}/v{version}"


async def test_a_pushed_tag_is_for_the_roles_of_the_table(world: World) -> None:
    assert {act.name for act in offered(TAG)} == {"cut", "deploy"}
    attempts = plan(
        await people(world),
        offered(TAG),
        lambda who, act, tier: act.is_for(who.role, tier, TAG),
        alone=["deploy"],
    )
    await prepare(world, attempts)
    for attempt in reversed(attempts):
        if attempt.act.name == "deploy":
            environment = attempt.values["environment"]
            await Project.filter(name=attempt.project).update(promote_on_tag=environment)
    for allowed in (False, True):
        tags: dict[str, Attempt] = {}
        for attempt in attempts:
            if attempt.allowed is allowed:
                if allowed and attempt.act.name == "deploy":  # of one commit, a tag is ignored during a deployment
                    await Candidate.filter(id=attempt.row).update(commit=await world.github.commit())
                await world.github.tag(tag_of(attempt), by=attempt.who.name)
                tags[tag_of(attempt)] = attempt
        await world.settle()
        done = {row.origin.split(":")[2] for row in await PerformedRequest.filter(origin__startswith="tag:")}
        assert done == (set(tags) if allowed else set())
        if not allowed:
            refused = await AuditEntry.filter(act__in=["candidate.refused", "deployment.tag_refused"])
            assert {entry.subject: entry.actor for entry in refused} == {tag: tags[tag].who.name for tag in tags}
            assert all(FOR_LACK_OF_AUTHORITY.search(entry.after["refusal"]) for entry in refused)
            assert await Deployment.all().count() == 0


async def test_no_other_act_is_done_by_a_tag(world: World) -> None:
    await Project.filter(name=PROJECT).update(promote_on_tag="production")
    await world.cut("1.4.0-rc1")
    world.github.person("ada", "admin")
    tags = sorted({f"v{act.name.partition(' ')[0]}" for act in ACTS if TAG not in act.channels})
    for first in range(0, len(tags), 3):  # GitHub reports three at once
        await world.github.tags(tags[first : first + 3], by="ada")
    await world.settle()
    assert await acts_of("ada") <= {"deployment.tag_refused"}
    assert (await Candidate.all().count(), await Deployment.all().count()) == (1, 0)


async def test_a_tag_that_longshore_has_found_itself_deploys_nothing(world: World) -> None:
    """Nobody knows who has pushed it."""
    await Project.filter(name=PROJECT).update(promote_on_tag="staging")
    await world.cut("1.4.0-rc1")
    await look_for_tags(world)
    await world.github.tags(["v1.4.0", "v1.5.0-rc1", "v1.5.0-rc2", "v1.5.0-rc3"])
    for _ in range(3):
        await look_for_tags(world)
    assert await Deployment.all().count() == 0
    assert {entry.actor for entry in await world.audit("candidate.cut")} == {"root", "longshore"}


# --- buttons

ALL = {"show": {**dict.fromkeys(PARTS, False), "checks": True}}
IDENTIFIERS = {
    "deploy": lambda row: Button("deploy", row).identifier,
    "cancel a deployment": lambda row: Button("cancel", row).identifier,
    "cancel a build": lambda row: Button("build", row).identifier,
    "build again": None,  # it is run again instead
}


async def show_checks(world: World, attempts: Sequence[Attempt]) -> dict[int, int]:
    """The ids of the check runs of the attempts' candidates on GitHub, by the ids of these."""
    for attempt in attempts:
        await enqueue(ShowCheckRun(CandidateId(attempt.row)))
    await world.settle()
    views = await GitHubView.filter(kind=CHECK_RUN)
    return {view.candidate_id: view.github_id for view in views if view.candidate_id and view.github_id}


async def click(world: World, who: Who, candidate: int, check: int, identifier: str | None) -> None:
    """Click a button of a candidate's check run as GitHub tells it; or, without an identifier, run it again."""
    repository = world.github.repository()
    payload: dict[str, Any] = {
        "action": "rerequested" if identifier is None else "requested_action",
        "requested_action": {"identifier": identifier},
        "check_run": {"id": check, "external_id": f"candidate:{candidate}", "app": {"id": world.github.app_id}},
        "repository": {"id": repository.id, "full_name": repository.full_name},
        "installation": {"id": world.github.installation_id},
        "sender": {"id": world.github.state.account(who.name).id, "login": who.name, "type": "User"},
    }
    assert await world.github.send("check_run", payload) == 202


async def test_a_button_is_for_the_roles_of_the_table(world: World) -> None:
    assert {act.name for act in offered(BUTTON)} == set(IDENTIFIERS)
    attempts = plan(await people(world), offered(BUTTON), lambda who, act, tier: act.is_for(who.role, tier, BUTTON))
    await prepare(world, attempts, **ALL)
    checks = await show_checks(world, attempts)
    for allowed in (False, True):
        tried = [attempt for attempt in attempts if attempt.allowed is allowed]
        for attempt in tried:
            identifier = IDENTIFIERS[attempt.act.name]
            button = None if identifier is None else identifier(attempt.row)
            await click(world, attempt.who, attempt.row, checks[attempt.row], button)
        await world.settle()
        clicked = [entry for entry in await AuditEntry.filter(channel="check button") if entry.act != "command.refused"]
        done = {str(each) for each in tried for entry in clicked if is_about(entry, each)}
        assert done == (set(map(str, tried)) if allowed else set())
        if not allowed:
            assert not clicked
            sentences = await refusals()
            assert set(sentences) == {f"check-run:{checks[attempt.row]}" for attempt in tried}
            assert all(FOR_LACK_OF_AUTHORITY.search(each) for (each,) in sentences.values())


def is_about(entry: AuditEntry, attempt: Attempt) -> bool:
    """Whether an audit entry is about the candidate of who has attempted something."""
    return (entry.actor, attempt.values["candidate"] in entry.subject) == (attempt.who.name, True)


async def test_no_other_act_is_done_by_a_button(world: World) -> None:
    world.github.person("ada", "admin")
    (attempt,) = plan(await people(world), offered(BUTTON)[:1], lambda *_: True)[:1]
    await prepare(world, [attempt], **ALL)
    ada, check = Who("ada", attempt.who.user), (await show_checks(world, [attempt]))[attempt.row]
    for act in ACTS:
        if BUTTON not in act.channels:
            await click(world, ada, attempt.row, check, f"{act.name.replace(' ', '-')}:{FIRST}")
    await world.settle()
    assert await acts_of("ada") == {"command.refused"}
    assert set((await refusals())[f"check-run:{check}"]) == {"There is no such button any more."}
