"""Versions and names in commands, as people write them."""

import pytest

from bot.store.candidates import Candidate
from tests.handlers.test_comments import reply_to, versions
from tests.world import PROJECT, World

NEARLY = {
    "1.4.0-rc.1": "1.4.0-rc1",
    "1.5.0rc1": "1.5.0-rc1",
    "1.6.0-RC1": "1.6.0-rc1",
    "1.6.0-rc01": "1.6.0-rc1",
    "1.6.0_rc1": "1.6.0-rc1",
    "1.6.0.rc1": "1.6.0-rc1",
    "1.6.0–rc1": "1.6.0-rc1",
    "1.6.0-rc": "1.6.0-rc<number>",
    "v1.6.0-RC.2": "1.6.0-rc2",
}


async def test_what_nearly_spells_a_candidate_is_answered_with_the_right_spelling(world: World) -> None:
    for number, (written, right) in enumerate(NEARLY.items()):
        by = world.github.person(f"writer-{number}").login  # one alone could not give so many in a minute
        cut, deploy = f"/release cut {written} at {world.github.head()}", f"/release deploy {written} to staging"
        reply = await reply_to(world, f"{cut}\n{deploy}", by)
        assert reply.count("Invalid release candidate version") == 2
        assert reply.count(f"expected: `{right}`") == 2, written
    assert not await Candidate.exists()


async def test_a_version_with_the_prefix_of_trigger_tags_is_the_same_release(world: World) -> None:
    head = world.github.head()
    assert "Cut `1.4.0-rc1`" in await reply_to(world, f"/release cut v1.4.0 at {head}")
    assert "Cut `1.4.0-rc7`" in await reply_to(world, f"/release cut V1.4.0-rc7 at {head}")
    assert await versions() == ["1.4.0-rc1", "1.4.0-rc7"]
    await Candidate.all().update(status="ready")
    assert "Deploying `1.4.0-rc7` to `staging`" in await reply_to(world, "/release deploy v1.4.0-rc7 to staging")
    await world.github.finish(run=len(world.github.runs))


SCHEMES = {"semver": ("v1.6.0", "1.6.0"), "calver": ("v2026.11.3", "2026.11.3")}


@pytest.mark.parametrize(("scheme", "spellings"), SCHEMES.items())
async def test_under_a_scheme_the_prefix_of_trigger_tags_may_be_written(
    world: World, scheme: str, spellings: tuple[str, str]
) -> None:
    written, release = spellings
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"version_scheme": scheme})
    assert f"Cut `{release}-rc1`" in await reply_to(world, f"/release cut {written} at {world.github.head()}")
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"trigger_tag_prefix": "cut-"})
    reply = await reply_to(world, f"/release cut {written} at {world.github.head()}")
    assert f"expected: a {scheme} release version, as in `{release}`" in reply
    rest = await world.cut(f"{written}-rc1")
    assert (rest.status, rest.error) == (400, "Invalid release candidate version")
    expected = f"a {scheme} release version, as in {release}"
    assert rest.json["details"] == {"expected": expected, "version_scheme": scheme}
    assert await versions() == [f"{release}-rc1"]


async def test_without_a_scheme_any_word_is_a_release_in_every_channel(world: World) -> None:
    assert "Cut `foo-rc1`" in await reply_to(world, f"/release cut foo at {world.github.head()}")
    assert (await world.cut("foo-rc2")).status == 201
    reply = await reply_to(world, "/release deploy foo to staging")
    assert "expected: `<release version>-rc<number>`, as in `1.4.0-rc2`" in reply
    assert await versions() == ["foo-rc1", "foo-rc2"]


async def test_rest_tells_the_right_spelling_too(world: World) -> None:
    for written, right in NEARLY.items():
        answer = await world.ask("GET", f"/api/releases/{PROJECT}/releases/{written}")
        assert (answer.status, answer.error) == (400, "Invalid release candidate version")
        assert answer.json["details"]["expected"].endswith(right), written


async def test_the_prefix_is_that_of_the_project(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"trigger_tag_prefix": "site-"})
    head = world.github.head()
    await reply_to(
        world, f"/release cut site-1.4.0 at {head}\n/release cut v2.0 at {head}\n/release cut site-map at {head}"
    )
    assert await versions() == ["1.4.0-rc1", "v2.0-rc1", "site-map-rc1"]


async def test_a_release_that_is_called_so_keeps_its_name(world: World) -> None:
    await world.cut("v3.0-rc1")
    await reply_to(world, f"/release cut v3.0 at {world.github.head()}")
    assert await versions() == ["v3.0-rc1", "v3.0-rc2"]


@pytest.mark.parametrize("written", ['"EU West"', "'EU West'", "`EU West`", "“EU West”", "„EU West“", "«EU West»"])
async def test_an_environments_name_with_spaces_is_written_in_quotes(world: World, written: str) -> None:
    environment = {"name": "EU West", "tier": "staging", "workflow": "deploy.yml"}
    assert (await world.ask("POST", f"/api/projects/{PROJECT}/environments", environment)).status == 201
    await world.cut("1.2.0-rc1")
    assert "Deploying `1.2.0-rc1` to `EU West`" in await reply_to(world, f"/release deploy 1.2.0-rc1 to {written}")
    assert "write it as" in await reply_to(world, "/release deploy 1.2.0-rc1 to EU West")
