"""The configuration file of a repository: applied from the default branch, and nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from bot.operations import repositories
from bot.rules.config_schema import schema
from bot.store.config_files import StoredConfigFile
from bot.store.projects import Environment, Project, Repository
from tests.operations.configured import (
    FILE,
    GATED,
    PRODUCTION,
    SITE,
    STAGING,
    START,
    UNCHECKED,
    environment,
    gated,
    look_again,
    push,
    settings,
    waiting,
)
from tests.world import PROJECT, World


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
