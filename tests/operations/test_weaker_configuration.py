"""What a configuration file makes weaker waits for people to approve it, and so does what leaves the file."""

import asyncio

import pytest

from bot.errors import Conflict, Forbidden, NotFound, Unavailable
from bot.operations import config_approvals, users
from bot.store.config_files import ConfigChange, StoredConfigFile
from bot.store.projects import Project, Repository
from tests.operations.configured import (
    FILE,
    GATED,
    PRODUCTION,
    RULE,
    SITE,
    STAGING,
    START,
    UNCHECKED,
    approve,
    environment,
    gated,
    look_again,
    push,
    settings,
    waiting,
)
from tests.world import PROJECT, World


async def test_what_is_stronger_takes_effect_at_once_and_what_is_weaker_waits(world: World) -> None:
    await gated(world)
    staging = STAGING.replace("}", ", checks: [ci]}")
    commit = await push(world, SITE + staging + f"{PRODUCTION}, {RULE}, after: [staging]}}\n")
    assert (await settings("staging"))["checks"] == ["ci"]
    held = await settings()
    assert (held["checks"], held["after"]) == (["ci"], ["staging"])
    (change,) = await waiting()
    assert [each["field"] for each in change.changes] == ["checks"]
    assert (change.needed, change.approvers, change.commit) == (1, ["user:carol"], commit)
    assert change.author_ids == [world.github.state.account("alice").id]
    answer = (await world.ask("GET", f"/api/projects/{PROJECT}")).json["configuration"]["waiting"]
    assert [(each["environment"], each["approvers"], each["approved_by"]) for each in answer] == [
        ("production", ["user:carol"], [])
    ]


async def test_a_weaker_change_takes_effect_once_it_is_approved_under_the_old_rule(world: World) -> None:
    await gated(world)
    await push(world, SITE + STAGING + f"{PRODUCTION}}}\n")
    assert (await settings())["approvals"]["count"] == 1
    (approved,) = await approve(world, "carol")
    assert (approved.given, approved.needed, approved.takes_effect) == (1, 1, True)
    assert await settings() == {}
    assert not await waiting()
    (change,) = await ConfigChange.all()
    assert change.outcome == "applied"
    assert [entry.actor for entry in await world.audit("configuration.approve")] == ["carol"]


async def test_two_people_have_to_approve_where_two_had_to(world: World) -> None:
    for login in ("carol", "dave"):
        world.github.person(login)
    rule = "approvals: {count: 2, from: [user:carol, user:dave]}"
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}, checks: [ci]}}\n")
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}}}\n")
    assert [each.takes_effect for each in await approve(world, "carol")] == [False]
    assert [(each.given, each.takes_effect) for each in await approve(world, "carol")] == [(1, False)]
    assert (await settings())["checks"] == ["ci"]
    assert [each.takes_effect for each in await approve(world, "dave")] == [True]
    assert "checks" not in await settings()


async def test_an_approval_of_somebody_who_has_left_the_team_does_not_count(world: World) -> None:
    world.github.team("release")
    for login in ("carol", "dave"):
        world.github.person(login)
        world.github.add_team_member("release", login)
    rule = "approvals: {count: 2, from: [team:acme/release]}"
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}, checks: [ci]}}\n")
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}}}\n")
    await approve(world, "carol")
    world.github.remove_team_member("release", "carol")
    assert [(each.given, each.takes_effect) for each in await approve(world, "dave")] == [(1, False)]
    assert (await settings())["checks"] == ["ci"]


@pytest.mark.parametrize("by", ["alice", "bob", "erin"])
async def test_authors_and_strangers_to_the_rule_cannot_approve(world: World, by: str) -> None:
    world.github.person("carol")
    world.github.person("bob")
    rule = "approvals: {count: 1, from: [user:carol, user:alice, user:bob]}"
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}, checks: [ci]}}\n")
    text = SITE + STAGING + f"{PRODUCTION}, {rule}}}\n"
    await world.github.commit("Weaken", files={FILE: text}, author="Bob <bob@users.noreply.github.com>", by="alice")
    await world.settle()
    with pytest.raises(Forbidden):
        await approve(world, by, role="admin")
    assert (await settings())["checks"] == ["ci"]


async def test_where_nobody_had_to_approve_an_administrator_does(world: World) -> None:
    await push(world, SITE + STAGING + f"{PRODUCTION}, checks: [ci]}}\n")
    await push(world, SITE + STAGING + f"{PRODUCTION}, approvals: {{count: 1, from: [user:mallory]}}}}\n")
    (change,) = await waiting()
    assert (change.needed, change.approvers) == (1, ["role:admin"])
    for login, role in (("mallory", "write"), ("dave", "maintain")):
        with pytest.raises(Forbidden):
            await approve(world, login, role=role)
    assert [each.takes_effect for each in await approve(world, "erin", role="admin")] == [True]
    assert "checks" not in await settings()


async def test_an_approval_is_of_one_version_of_the_file(world: World) -> None:
    for login in ("carol", "dave"):
        world.github.person(login)
    rule = "approvals: {count: 2, from: [user:carol, user:dave]}"
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}, checks: [ci], soak: 1h, after: [staging]}}\n")
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}, checks: [ci], soak: 1m, after: [staging]}}\n")
    await approve(world, "carol")
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}, soak: 1m, after: [staging]}}\n", by="frank")
    assert [(each.given, each.takes_effect) for each in await approve(world, "dave")] == [(1, False)]
    held = await settings()
    assert (held["soak"], held["checks"]) == ("1h", ["ci"])
    (change,) = await waiting()
    accounts = world.github.state.account
    assert change.author_ids == sorted({accounts("alice").id, accounts("frank").id})


async def test_who_hid_a_weaker_change_in_a_broken_file_is_among_its_authors(world: World) -> None:
    world.github.person("carol")
    await gated(world)
    await push(world, SITE + STAGING + UNCHECKED + "broken: [\n", by="carol")
    await push(world, SITE + STAGING + UNCHECKED, by="alice")
    with pytest.raises(Forbidden, match="You wrote or pushed"):
        await approve(world, "carol")


async def test_a_weaker_change_that_is_taken_back_does_not_wait_any_more(world: World) -> None:
    await gated(world)
    await push(world, SITE + STAGING + UNCHECKED)
    await push(world, SITE + STAGING + GATED)
    assert not await waiting()
    with pytest.raises(NotFound):
        await approve(world, "carol")
    assert [change.outcome for change in await ConfigChange.all()] == ["withdrawn"]


async def test_a_role_that_github_does_not_tell_is_no_approval(world: World) -> None:
    await push(world, SITE + STAGING + f"{PRODUCTION}, checks: [ci]}}\n")
    await push(world, SITE + STAGING + f"{PRODUCTION}}}\n")
    person = world.github.person("erin", "admin")
    context = await world.context()
    actor = await users.actor_from_github(context, person.id, "erin", await Repository.get())
    world.github.faults.fail(path="*/permission", status=500, times=20)
    with pytest.raises(Unavailable):
        await config_approvals.approve(context.acting_as(actor, "rest"), PROJECT, "production")
    assert (await settings())["checks"] == ["ci"]


async def test_a_token_of_a_machine_cannot_approve_whatever_its_grants(world: World) -> None:
    await gated(world)
    await push(world, SITE + STAGING + UNCHECKED)
    path = f"/api/projects/{PROJECT}/environments/production/configuration/approvals"
    answer = await world.ask("POST", path)
    assert (answer.status, answer.json["detail"]) == (403, config_approvals.NO_PERSON)
    assert len(await waiting()) == 1


async def test_weaker_settings_of_a_project_wait_under_the_rule_of_its_strictest_environment(world: World) -> None:
    await gated(world)
    await push(world, (SITE + STAGING + GATED).replace("build.yml}", "build.yml}\n    branches: [main, anything]"))
    site = await Project.get(name=PROJECT)
    assert site.allowed_branches is None
    (change,) = await waiting()
    assert (change.environment_id, change.approvers) == (None, ["user:carol"])
    await approve(world, "carol")
    assert (await Project.get(name=PROJECT)).allowed_branches == ["main", "anything"]


async def test_an_environment_that_leaves_the_file_is_closed_and_stays_until_that_is_approved(world: World) -> None:
    await gated(world)
    await push(world, SITE + STAGING)
    production = await environment()
    assert production.managed and production.closed is not None
    assert (
        await world.ask("PATCH", f"/api/projects/{PROJECT}/environments/production", {"tier": "staging"})
    ).status == 409
    await approve(world, "carol")
    production = await environment()
    assert not production.managed and production.closed is not None
    await push(world, SITE + STAGING + GATED)
    production = await environment()
    assert production.managed and production.closed is None


async def test_a_renamed_environment_stays_closed_until_the_removal_is_approved(world: World) -> None:
    await gated(world)
    await push(world, SITE + STAGING + "      prod: {tier: production, workflow: deploy.yml}\n")
    assert (await environment("prod")).closed is not None
    await look_again(world)
    assert (await environment("prod")).closed is not None
    changes = [(change.environment, change.approvers) for change in await waiting()]
    assert sorted((row.name, approvers) for row, approvers in changes if row is not None) == [
        ("prod", ["user:carol"]),
        ("production", ["user:carol"]),
    ]
    await approve(world, "carol", "prod")
    assert (await environment("prod")).closed is None


async def test_a_project_that_leaves_the_file_keeps_its_settings_and_goes_back_to_rest_once_approved(
    world: World,
) -> None:
    await gated(world)
    await push(world, None)
    assert (await StoredConfigFile.get()).state == "absent"
    site = await Project.get(name=PROJECT)
    assert site.managed
    refused = await world.ask("PATCH", f"/api/projects/{PROJECT}", {"version_scheme": "semver"})
    assert (refused.status, "until its removal" in refused.json["detail"]) == (409, True)
    await approve(world, "carol")
    site = await Project.get(name=PROJECT)
    assert not site.managed and site.build_workflow == "build.yml"
    assert (await settings())["checks"] == ["ci"]
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", {"version_scheme": "semver"})).status == 200


async def test_a_renamed_project_does_not_get_around_the_gates_of_the_old_one(world: World) -> None:
    await gated(world)
    await push(
        world, START + "  shop:\n    environments:\n      production: {tier: production, workflow: deploy.yml}\n"
    )
    assert (await Project.get(name=PROJECT)).managed
    assert (await environment(project="shop")).closed is not None
    await look_again(world)
    assert (await environment(project="shop")).closed is not None


async def test_while_the_file_is_broken_nothing_of_it_is_approved(world: World) -> None:
    await gated(world)
    await push(world, SITE + STAGING + UNCHECKED)
    await push(world, "version: 1\nprojects: [\n")
    with pytest.raises(Conflict, match="broken"):
        await approve(world, "carol")
    assert (await settings())["checks"] == ["ci"]


async def test_nothing_is_deployed_to_an_environment_that_has_left_the_file(world: World) -> None:
    await gated(world)
    await world.cut("1.2-rc1")
    await push(world, SITE + GATED)
    answer = await world.deploy("1.2-rc1")
    assert answer.status == 400
    assert "does not name this environment any more" in str(answer.json)
    path = f"/api/projects/{PROJECT}/environments/staging"
    assert (await world.ask("PATCH", path, {"closed": None})).status == 409
    await approve(world, "erin", "staging", role="admin")
    opened = await world.ask("PATCH", path, {"closed": None})
    assert (opened.status, opened.json["closed"], opened.json["managed"]) == (200, None, False)
    assert (await world.deploy("1.2-rc1")).status == 201
    await world.settle()


async def test_of_two_who_approve_at_once_one_makes_it_take_effect(world: World) -> None:
    people = [world.github.person(login) for login in ("carol", "dave")]
    rule = "approvals: {count: 2, from: [user:carol, user:dave]}"
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}, checks: [ci]}}\n")
    await push(world, SITE + STAGING + f"{PRODUCTION}, {rule}}}\n")
    context, repository = await world.context(), await Repository.get()
    actors = [await users.actor_from_github(context, each.id, each.login, repository) for each in people]
    results = await asyncio.gather(
        *(config_approvals.approve(context.acting_as(actor, "rest"), PROJECT, "production") for actor in actors)
    )
    assert sorted(each.takes_effect for (each,) in results) == [False, True]
    await world.settle()
    assert "checks" not in await settings()


async def test_a_weaker_change_is_approved_by_a_comment_on_its_merged_pull_request(world: World) -> None:
    await gated(world)
    number = await world.github.pull_request(files={FILE: SITE + STAGING + UNCHECKED})
    await world.github.merge(number, by="bob")
    await world.settle()
    assert (await settings())["checks"] == ["ci"]
    for login in ("alice", "bob", "carol"):
        world.github.person(login)
        await world.github.comment(number, "/release approve config for production", by=login)
        await world.settle()
        expected = [] if login == "carol" else ["ci"]
        assert (await settings()).get("checks", []) == expected
    assert ["You wrote or pushed" in reply for reply in world.replies(number)] == [True, True, False]


async def test_a_comment_approves_only_the_version_of_the_file_that_it_stands_by(world: World) -> None:
    await gated(world)
    other = await world.github.pull_request()
    await world.github.merge(other)
    number = await world.github.pull_request(files={FILE: SITE + STAGING + UNCHECKED})
    world.github.person("carol")
    await world.github.comment(number, "/release approve config for production", by="carol")
    await world.settle()
    await world.github.merge(number, by="bob")
    await world.settle()
    mallory = f"{PRODUCTION}}}\n"  # pushed after carol has read the pull request
    await push(world, SITE + STAGING + mallory, by="mallory")
    for thread in (number, other):
        await world.github.comment(thread, "/release approve config for production", by="carol")
        await world.settle()
        assert "another version of the file" in world.replies(thread)[-1]
    assert (await settings())["checks"] == ["ci"]
    await world.github.commit_comment(world.github.head(), "/release approve config for production", by="carol")
    await world.settle()
    assert "checks" not in await settings()
