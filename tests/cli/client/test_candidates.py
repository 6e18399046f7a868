"""Cutting, approving and asking why from the command line."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from cli.client import candidates
from cli.client.caller import Caller
from cli.client.exits import DONE, FAILED, REFUSED, WAITS, Refused, Usage
from cli.client.options import CutOptions
from tests.cli.client.conftest import Client, Line, personal_token, said, when
from tests.world import World


async def cut(caller: Caller, version: str | None, commit: str, **options: bool | str) -> list[str]:
    given = CutOptions(commit=commit, **options)  # type: ignore[arg-type]
    return said(await candidates.cut(caller, version, given))


async def test_a_candidate_is_cut_with_the_version_that_is_written_or_the_next_one(
    world: World, client: Client
) -> None:
    caller, head = await client.caller(), world.github.head()
    await world.ask("PATCH", "/api/projects/site", {"version_scheme": "semver"})
    lines = [
        *await cut(caller, "1.4.0-rc0", head, build=False),
        *await cut(caller, "1.4.0", head, build=False),
        *await cut(caller, "1.5.0", head, build=False),
        *await cut(caller, None, head, build=False),
        *await cut(caller, None, head, dry_run=True),
    ]
    versions = ["1.4.0-rc0", "1.4.0-rc1", "1.5.0-rc1", "1.5.1-rc1"]
    assert lines[:4] == [f"Cut {version} at {head[:12]}; it is ready." for version in versions]
    assert lines[4].startswith(f"Cut 1.5.2-rc1 at {head}") and await world.status("1.5.1-rc1") == "ready"


@pytest.mark.parametrize(("conclusion", "code"), [("success", DONE), ("failure", FAILED)])
async def test_a_build_is_followed_to_its_end(world: World, client: Client, conclusion: str, code: int) -> None:
    caller, options = await client.caller(), CutOptions(commit=world.github.head(), wait=True)
    task = asyncio.create_task(candidates.cut(caller, "1.4.0", options))
    await when(lambda: bool(client.told.lines))
    await world.settle()
    await world.github.finish(run=1, conclusion=conclusion)
    await world.settle()
    outcome = await task
    assert outcome.code == code and client.told.lines[0] == "1.4.0-rc1 is pending"
    assert said(outcome)[0].startswith("Cut 1.4.0-rc1 at" if code == DONE else "1.4.0-rc1 is failed (http")


async def test_a_number_that_somebody_else_takes_meanwhile_is_not_fought_for(
    world: World, client: Client, line: Line
) -> None:
    old = world.github.head()
    await world.cut("1.4.0-rc1", old)
    new = await world.github.commit("Make it better")
    line.answers["/api/projects/site/releases/1.4.0"] = {"candidates": []}
    with pytest.raises(Refused, match="already exists with another commit"):
        await cut(await client.caller(line.url), "1.4.0", new)
    posted = [path for method, path, _ in line.passed if method == "POST"]
    assert posted == ["/api/releases/site/releases/1.4.0-rc1"] * candidates.ATTEMPTS
    del line.answers["/api/projects/site/releases/1.4.0"]
    assert await cut(await client.caller(line.url), "1.4.0", new, build=False) == [
        f"Cut 1.4.0-rc2 at {new[:12]}; it is ready."
    ]


async def test_the_commit_is_the_one_that_is_checked_out_or_what_git_knows(
    world: World, client: Client, source: Path
) -> None:
    caller = await client.caller()
    with pytest.raises(
        Usage, match=r"^`HEAD` is no commit of the repository that you are in: name one by its full SHA"
    ):
        await cut(caller, "1.4.0", "HEAD")
    subprocess.run(["git", "clone", "-q", str(source), str(client.folder / "site")], check=True)
    sha = subprocess.run(
        ["git", "-C", str(source), "rev-parse", "HEAD"], check=True, capture_output=True
    ).stdout.decode()
    caller = Caller(caller.service, client.told, client.folder / "site", "site")
    assert (await cut(caller, "1.4.0", "HEAD", build=False))[0].startswith("Cut 1.4.0-rc1 at")
    for revision in ("HEAD~0", sha[:9], "origin/HEAD"):
        assert await cut(caller, "1.4.0-rc1", revision, build=False)
    for revision in ("nothing", "--all", ""):
        with pytest.raises(Usage, match="is no commit"):
            await cut(caller, "1.4.0", revision)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.4.0-rc.1", "`1.4.0-rc.1` is not a version: write 1.4.0-rc1."),
        ("one two", "`one two` is not a version: write <release version>-rc<number>, as in 1.4.0-rc2."),
    ],
)
async def test_a_misspelled_version_is_shown_as_it_is_spelled(client: Client, version: str, words: str) -> None:
    with pytest.raises(Usage) as refused:
        await cut(await client.caller(), version, "0" * 40)
    assert refused.value.sentence == words


async def test_a_commit_that_is_on_no_branch_is_refused_with_the_reason(client: Client) -> None:
    with pytest.raises(Refused, match=r"^Invalid commit hash \(.*GitHub knows no such commit"):
        await cut(await client.caller(), "1.4.0", "d" * 40)


async def test_people_approve_and_see_why_something_waits(world: World, client: Client) -> None:
    await world.cut("1.4.0-rc1")
    token = await personal_token(world, "bob", "project:read")
    await world.ask("PATCH", "/api/projects/site/environments/production", {"approvals": {"count": 1}})
    caller = await client.caller()
    before = await candidates.why(caller, "1.4.0-rc1", "production")
    assert before.code == WAITS and said(before)[0] == "1.4.0-rc1 would wait before it is deployed to production."
    assert len(said(before)) == 12 and said(before)[1].split()[:3] == ["gate", "verdict", "why"]
    with pytest.raises(Refused, match=r"^Only people approve, and this token is not tied to one"):
        await candidates.approve(caller, "1.4.0-rc1", "production", "")
    bob = await client.caller(token=token)
    approved = await candidates.approve(bob, "1.4.0-rc1", "production", "Tried it.")
    assert said(approved) == ["Approved 1.4.0-rc1 for production as bob."]
    assert (await candidates.why(caller, "1.4.0-rc1", "production")).code == DONE
    await world.ask("POST", "/api/projects/site/releases/1.4.0/hold", {"reason": "Wait."})
    held = await candidates.why(caller, "1.4.0-rc1", "production")
    assert held.code == REFUSED and said(held)[0] == "1.4.0-rc1 cannot be deployed to production."


async def test_a_build_that_has_not_ended_in_time_exits_with_4(world: World, client: Client) -> None:
    options = CutOptions(commit=world.github.head(), wait=True, timeout="0s")
    outcome = await candidates.cut(await client.caller(), "1.4.0", options)
    again = f"longshore cut 1.4.0-rc1 --commit {world.github.head()} --wait --project site"
    assert (outcome.code, said(outcome)) == (WAITS, [f"1.4.0-rc1 is pending, after 0s. `{again}` follows it again."])
    await world.settle()
