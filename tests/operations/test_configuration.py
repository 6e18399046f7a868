"""The configuration file of a repository: applied from the default branch, and nowhere else."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Conflict, Forbidden, NotFound, Unavailable
from bot.operations import config_approvals, repositories, users
from bot.operations.config_approvals import ApprovedChange
from bot.operations.config_jobs import ApplyConfiguration
from bot.queue.jobs import enqueue
from bot.rules.config_schema import schema
from bot.store.config_files import ConfigChange, StoredConfigFile
from bot.store.projects import Environment, Project, Repository
from tests.world import PROJECT, World

FILE = ".github/longshore.yml"
START = "version: 1\nprojects:\n"
SITE = START + "  site:\n    build: {workflow: build.yml}\n    environments:\n"
STAGING = "      staging: {tier: staging, workflow: deploy.yml}\n"
PRODUCTION = "      production: {tier: production, workflow: deploy.yml"
RULE = "approvals: {count: 1, from: [user:carol]}"
GATED = f"{PRODUCTION}, {RULE}, checks: [ci]}}\n"
UNCHECKED = f"{PRODUCTION}, {RULE}}}\n"


async def push(world: World, text: str | None, by: str = "alice") -> str:
    """Push the file to the default branch, and wait."""
    commit = await world.github.commit("Configure", files={FILE: text}, by=by)
    await world.settle()
    return commit


async def look_again(world: World) -> None:
    await enqueue(ApplyConfiguration((await Repository.get()).github_id))
    await world.settle()


async def environment(name: str = "production", project: str = PROJECT) -> Environment:
    return await Environment.get(project__name=project, name=name)


async def settings(name: str = "production") -> dict[str, Any]:
    return (await environment(name)).gate_settings


async def waiting() -> list[ConfigChange]:
    return await ConfigChange.filter(outcome=None).order_by("id").select_related("environment", "project")


async def approve(world: World, by: str, name: str = "production", role: str = "write") -> list[ApprovedChange]:
    """Approve as a person whose role GitHub tells, and wait."""
    person = world.github.person(by, role)
    context = await world.context()
    actor = await users.actor_from_github(context, person.id, by, await Repository.get())
    approved = await config_approvals.approve(context.acting_as(actor, "pull comment"), PROJECT, name)
    await world.settle()
    return approved


async def gated(world: World) -> str:
    """A world whose file gates production: carol's approval and a check."""
    world.github.person("carol")
    return await push(world, SITE + STAGING + GATED)


# --- what it makes and changes


async def test_a_file_on_the_default_branch_sets_projects_and_environments(world: World) -> None:
    commit = await gated(world)
    site = await Project.get(name=PROJECT)
    assert site.managed and site.build_workflow == "build.yml"
    production = await environment()
    assert production.gate_settings == {"approvals": {"count": 1, "from": ["user:carol"]}, "checks": ["ci"]}
    assert production.listed_users == {"carol": world.github.state.account("carol").id}
    assert not await waiting()
    stored = await StoredConfigFile.get()
    assert (stored.state, stored.commit, stored.applied_text) == ("applied", commit, SITE + STAGING + GATED)
    assert [entry.commit for entry in await world.audit("configuration.apply")] == [commit]


async def test_missing_projects_and_environments_are_made_in_their_order(world: World) -> None:
    shop = "  shop:\n    paths: ['shop/**']\n    versions: semver\n    environments:\n"
    await push(world, f"{SITE}{STAGING}{shop}      b: {{tier: staging}}\n      a: {{tier: production, after: [b]}}\n")
    row = await Project.get(name="shop").select_related("repository")
    assert row.repository is not None and row.repository.full_name == "acme/site"
    assert (row.managed, row.paths, row.version_scheme) == (True, ["shop/**"], "semver")
    assert (row.tag_prefix, row.trigger_tag_prefix) == ("shop/rc/", "shop-v")
    environments = await Environment.filter(project_id=row.id).order_by("position")
    assert [(each.name, each.tier, each.closed) for each in environments] == [
        ("b", "staging", None),
        ("a", "production", None),
    ]


async def test_the_word_of_commands_is_that_of_the_file(world: World) -> None:
    await push(world, "version: 1\ncommand: /ship\n" + (SITE + STAGING + GATED).removeprefix("version: 1\n"))
    assert (await Repository.get()).command == "/ship"
    await push(world, None)
    assert (await Repository.get()).command == "/release"


async def test_a_second_look_at_the_same_file_changes_nothing(world: World) -> None:
    await gated(world)
    before = len(await world.audit("environment.change")), len(await world.audit("project.change"))
    await look_again(world)
    assert (len(await world.audit("environment.change")), len(await world.audit("project.change"))) == before
    assert len(await world.audit("configuration.apply")) == 1


async def test_a_file_whose_webhook_was_lost_is_found_by_the_check_of_the_repository(world: World) -> None:
    world.github.faults.webhooks(drop=1.0)
    await world.github.commit("Configure", files={FILE: SITE + STAGING + GATED})
    await world.settle()
    assert not await StoredConfigFile.exists()
    await repositories.schedule_check((await Repository.get()).github_id)
    await world.settle()
    assert (await StoredConfigFile.get()).state == "applied"


async def test_a_push_that_does_not_touch_the_file_asks_github_nothing(world: World) -> None:
    await world.github.commit("Change something else")
    await world.settle()
    assert not [call for call in world.github.calls if call.path.endswith("longshore.yml")]


@pytest.mark.parametrize("branch", ["topic", "release/1"])
async def test_a_file_on_another_branch_has_no_effect(world: World, branch: str) -> None:
    await world.github.branch(branch)
    await world.github.commit("Configure", branch, files={FILE: SITE + STAGING + GATED})
    await world.settle()
    assert not await StoredConfigFile.exists()
    assert not (await Project.get(name=PROJECT)).managed


async def test_a_file_in_a_pull_request_has_no_effect(world: World) -> None:
    await gated(world)
    await world.github.pull_request("Open it", by="mallory", files={FILE: SITE + STAGING + UNCHECKED})
    await world.settle()
    await look_again(world)
    assert (await settings())["checks"] == ["ci"]
    assert not await waiting()


@pytest.mark.parametrize(
    "path", [".github/Longshore.yml", "longshore.yml", ".github/longshore.yaml", ".github/l\u043engshore.yml"]
)
async def test_a_file_of_a_similar_name_has_no_effect(world: World, path: str) -> None:
    await world.github.commit("Configure", files={path: SITE + STAGING + GATED})
    await world.settle()
    assert not await StoredConfigFile.filter(state="applied").exists()


async def test_a_project_of_another_repository_is_refused_without_changing_anything(world: World) -> None:
    assert (await world.ask("POST", "/api/projects", {"name": "elsewhere"})).status == 201
    commit = await push(world, SITE + STAGING + GATED + "  elsewhere:\n")
    stored = await StoredConfigFile.get()
    assert (stored.state, [error["line"] for error in stored.errors]) == ("broken", [8])
    assert not (await Project.get(name=PROJECT)).managed
    assert not (await Project.get(name="elsewhere")).managed
    assert "belongs elsewhere" in world.github.commit_comments(commit)[0]["body"]
    await world.settle()


async def test_tag_prefixes_that_overlap_with_another_projects_are_refused(world: World) -> None:
    await push(world, SITE + STAGING + GATED + "  shop: {tags: {triggers: v1}}\n")
    stored = await StoredConfigFile.get()
    assert stored.state == "broken"
    assert "`v1`" in stored.errors[0]["sentence"]
    assert not await Project.exists(name="shop")


# --- broken files


async def test_a_broken_file_changes_nothing_and_is_told_once_with_an_alarm(world: World) -> None:
    await gated(world)
    commit = await push(world, SITE + STAGING + f"{PRODUCTION}, chekcs: []}}\n")
    assert (await settings())["checks"] == ["ci"]
    assert await world.alarms() == ["configuration.broken"]
    (comment,) = world.github.commit_comments(commit)
    assert "line 7, `projects.site.environments.production.chekcs`" in comment["body"]
    assert "Did you mean `checks`?" in comment["body"]
    await look_again(world)
    assert len(world.github.commit_comments(commit)) == 1
    assert await world.alarms() == ["configuration.broken"]
    configuration = (await world.ask("GET", f"/api/projects/{PROJECT}")).json["configuration"]
    assert (configuration["state"], configuration["managed"]) == ("broken", True)
    assert configuration["errors"][0]["line"] == 7


async def test_the_file_is_in_force_again_once_it_is_corrected(world: World) -> None:
    await gated(world)
    await push(world, "version: 1\nprojects: [\n")
    await push(world, SITE + STAGING + GATED.replace("[ci]", "[ci, lint]"))
    assert (await settings())["checks"] == ["ci", "lint"]
    assert (await StoredConfigFile.get()).state == "applied"


async def test_a_directory_in_the_place_of_the_file_is_a_broken_file(world: World) -> None:
    await gated(world)
    await world.github.commit("Configure", files={FILE: None, f"{FILE}/x": "y"})
    await world.settle()
    assert (await StoredConfigFile.get()).state == "broken"
    assert (await settings())["checks"] == ["ci"]


# --- what is weaker waits


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


# --- what leaves the file


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


# --- other ways of changing what the file says


@pytest.mark.parametrize(
    ("path", "body", "line"),
    [
        ("", {"build_workflow": "other.yml"}, 4),
        ("", {"version_scheme": "semver"}, 3),
        ("", {"name": "other"}, 3),
        ("", {"promote_on_tag": "staging"}, 3),
        ("", {"show": {"checks": False}}, 3),
        ("/environments/production", {"tier": "staging"}, 7),
        ("/environments/production", {"workflow": None}, 7),
        ("/environments/staging", {"inputs": {"a": "b"}}, 6),
        ("/environments/staging", {"name": "other"}, 6),
        ("/environments/staging", {"url": "https://example.com/"}, 6),
        ("/environments/staging", {"approvals": {"count": 1}}, 6),
        ("/environments/production", {"checks": []}, 7),
    ],
    ids=str,
)
async def test_what_the_file_says_cannot_be_changed_over_rest(
    world: World, path: str, body: dict[str, Any], line: int
) -> None:
    await gated(world)
    answer = await world.ask("PATCH", f"/api/projects/{PROJECT}{path}", body)
    assert answer.status == 409
    assert f"(line {line})" in answer.json["detail"]
    assert (answer.json["file"], answer.json["line"]) == (FILE, line)


async def test_what_the_file_does_not_say_is_changed_over_rest(world: World) -> None:
    await gated(world)
    for body in ({"trigger_tag_prefix": "ver-"}, {"tag_candidates": False}, {"archived": True}):
        assert (await world.ask("PATCH", f"/api/projects/{PROJECT}", body)).status == 200
    frozen = {"frozen": {"reason": "Holidays."}}
    assert (await world.ask("PATCH", f"/api/projects/{PROJECT}/environments/production", frozen)).status == 200
    await look_again(world)
    assert (await Project.get(name=PROJECT)).trigger_tag_prefix == "ver-"


async def test_a_repository_that_is_renamed_changes_nothing(world: World) -> None:
    await gated(world)
    await world.github.rename("renamed")
    await world.settle()
    await look_again(world)
    assert (await Project.get(name=PROJECT)).managed
    assert len(await world.audit("configuration.apply")) == 1


# --- who finds it


async def test_the_schema_of_the_file_is_served_to_everybody(world: World) -> None:
    answer = await world.ask("GET", "/schema/longshore.json", token="")
    assert (answer.status, answer.json) == (200, schema())


async def test_a_repository_that_is_not_known_gets_its_first_project_from_its_file(world: World, source: Path) -> None:
    await world.github.add_repository_to_account(source, "shop")
    await world.github.add_repository("acme/shop")
    await world.github.commit("Configure", files={FILE: START + "  shop:\n"}, repo="acme/shop")
    await world.settle()
    shop = await Project.get(name="shop").select_related("repository")
    assert shop.repository is not None and shop.repository.full_name == "acme/shop"
    assert (shop.managed, shop.tag_prefix) == (True, "rc/")


async def test_a_repository_that_is_not_known_and_has_no_file_is_not_stored(world: World, source: Path) -> None:
    await world.github.add_repository_to_account(source, "shop")
    await world.github.add_repository("acme/shop")
    repository = world.github.repository("acme/shop")
    payload = {
        "ref": "refs/heads/main",
        "repository": {"id": repository.id, "full_name": "acme/shop", "default_branch": "main"},
        "installation": {"id": world.github.installation_id},
        "commits": [],
    }
    await world.github.send("push", payload)
    await world.settle()
    assert [job["state"] for job in await world.jobs("apply_configuration")] == ["done"]
    assert await Repository.all().count() == 1


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


async def test_a_command_is_about_the_project_whose_files_the_pull_request_changes(world: World) -> None:
    shop = "  shop:\n    paths: ['shop/**']\n    versions: semver\n"
    await push(world, (SITE + STAGING + GATED).replace("  site:\n", "  site:\n    paths: ['web/**']\n") + shop)
    world.github.person("alice", "maintain")
    answers = []
    for files in ({"shop/a": "x"}, {"web/a": "x"}, {"web/b": "x", "shop/b": "x"}, {"README.md": "x"}):
        number = await world.github.pull_request(files=dict(files))
        await world.github.comment(number, "/release status")
        await world.settle()
        answers.append(world.replies(number)[0].partition("\n")[0])
    assert answers[0].startswith("**`shop`**")
    assert answers[1].startswith("**`site`**")
    assert all("several projects" in answer for answer in answers[2:])


async def test_a_command_is_about_the_project_whose_files_the_commit_changes(world: World) -> None:
    shop = "  shop:\n    paths: ['shop/**']\n"
    await push(world, (SITE + STAGING + GATED).replace("  site:\n", "  site:\n    paths: ['web/**']\n") + shop)
    sha = await world.github.commit("Change the shop", files={"shop/a": "x"})
    await world.github.commit_comment(sha, "/release status")
    await world.settle()
    replies = [each["body"] for each in world.github.commit_comments(sha) if "**`" in each["body"]]
    assert replies[0].startswith("**`shop`**")


async def test_a_comment_whose_response_was_lost_is_not_posted_again(world: World) -> None:
    world.github.faults.lose_answer(path="*/comments")
    commit = await world.github.commit("Configure", files={FILE: "version: 1\nprojects: [\n"})
    await world.settle(skip_delays=True)
    assert len(world.github.commit_comments(commit)) == 1


async def test_while_github_does_not_answer_the_old_file_stays_in_force_and_the_new_one_is_applied_later(
    world: World,
) -> None:
    await gated(world)
    world.github.faults.fail(path="*/contents/*", status=502, times=2)
    await world.github.commit("Configure", files={FILE: SITE + STAGING + GATED.replace("[ci]", "[ci, lint]")})
    await world.settle(skip_delays=True)
    assert (await settings())["checks"] == ["ci", "lint"]
    assert (await StoredConfigFile.get()).state == "applied"


async def test_a_repository_that_the_app_is_given_gets_its_projects_from_its_file(world: World, source: Path) -> None:
    await world.github.add_repository_to_account(source, "shop")
    await world.github.commit("Configure", files={FILE: START + "  shop:\n"}, repo="acme/shop")
    await world.settle()
    assert not await Project.exists(name="shop")
    await world.github.add_repository("acme/shop")
    await world.settle()
    assert (await Project.get(name="shop")).managed


async def test_what_others_who_install_the_app_push_causes_no_request(world: World) -> None:
    payload = {
        "ref": "refs/heads/main",
        "repository": {"id": 77, "full_name": "mallory/site", "default_branch": "main"},
        "installation": {"id": 78},
        "commits": [],
    }
    before = len(world.github.calls)
    await world.github.send("push", payload)
    await world.settle()
    assert len(world.github.calls) == before
    assert not await world.jobs("apply_configuration")


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
