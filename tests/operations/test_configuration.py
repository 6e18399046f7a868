"""The configuration file of a repository: applied from the default branch, and nowhere else."""

from typing import Any

from bot.operations.config_jobs import ApplyConfiguration
from bot.queue.jobs import enqueue
from bot.store.config_files import ConfigChange, StoredConfigFile
from bot.store.projects import Environment, Project, Repository
from tests.world import PROJECT, World

FILE = ".github/longshore.yml"
START = "version: 1\nprojects:\n"
SITE = START + "  site:\n    build: {workflow: build.yml}\n    environments:\n"
STAGING = "      staging: {tier: staging, workflow: deploy.yml}\n"
GATED = "      production: {tier: production, workflow: deploy.yml, approvals: {count: 1, from: [user:carol]}, checks: [ci]}\n"
OPEN = "      production: {tier: production, workflow: deploy.yml, approvals: {count: 1, from: [user:carol]}}\n"


async def push(world: World, text: str | None, by: str = "alice") -> str:
    """Push the file to the default branch, and wait."""
    commit = await world.github.commit("Configure", files={FILE: text}, by=by)
    await world.settle()
    return commit


async def settings(name: str = "production") -> dict[str, Any]:
    return (await Environment.get(project__name=PROJECT, name=name)).gate_settings


async def waiting() -> list[ConfigChange]:
    return await ConfigChange.filter(outcome=None).order_by("id").select_related("environment")


async def state() -> str:
    return (await StoredConfigFile.get()).state


# --- what it makes and changes


async def test_a_file_on_the_default_branch_sets_projects_and_environments(world: World) -> None:
    commit = await push(world, SITE + STAGING + GATED)
    site = await Project.get(name=PROJECT)
    assert site.managed and site.build_workflow == "build.yml"
    assert await settings() == {"approvals": {"count": 1, "from": ["user:carol"]}, "checks": ["ci"]}
    carol = world.github.state.account("carol").id
    assert (await Environment.get(project=site, name="production")).listed_users == {"carol": carol}
    assert not await waiting()
    stored = await StoredConfigFile.get()
    assert (stored.state, stored.commit, stored.applied_text) == ("applied", commit, SITE + STAGING + GATED)
    assert [entry.commit for entry in await world.audit("configuration.apply")] == [commit]


async def test_missing_projects_and_environments_are_made_in_their_order(world: World) -> None:
    shop = "  shop:\n    paths: ['shop/**']\n    versions: semver\n    environments:\n      b: {tier: staging}\n      a: {tier: production, after: [b]}\n"
    await push(world, SITE + STAGING + shop)
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
    await push(world, "version: 1\ncommand: /ship\n" + SITE.removeprefix("version: 1\n"))
    assert (await Repository.get()).command == "/ship"
    await push(world, None)
    assert (await Repository.get()).command == "/release"


async def test_a_second_look_at_the_same_file_changes_nothing(world: World) -> None:
    await push(world, SITE + STAGING + GATED)
    before = len(await world.audit("environment.change")), len(await world.audit("project.change"))
    await enqueue(ApplyConfiguration((await Repository.get()).github_id))
    await world.settle()
    assert (len(await world.audit("environment.change")), len(await world.audit("project.change"))) == before
    assert len(await world.audit("configuration.apply")) == 1


async def test_a_file_whose_webhook_was_lost_is_found_by_the_periodic_check(world: World) -> None:
    world.github.drop_webhooks = True
    world.expect_unfinished()
