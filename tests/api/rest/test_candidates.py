"""Cutting candidates over REST: responses, and refusals that write nothing."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from bot.store.candidates import Candidate
from tests.api.helpers import (
    SITE,
    UNKNOWN_SHA,
    ZERO_SHA,
    change_project,
    count_rows,
    create_project,
    cut_path,
    status_and_error,
)
from tests.world import World

ROWS = ("releases", "candidates", "runs", "jobs")
INVALID_VERSION = (400, "Invalid release candidate version")
INVALID_COMMIT = (400, "Invalid commit hash")
NO_REPOSITORY = (404, "GitHub repository not found")
DOWN = (503, "GitHub is unavailable")


async def test_a_cut_answers_201_with_the_candidate(world: World) -> None:
    head = world.github.head()
    answer = await world.cut("1.4.0-rc2")
    response = dict(answer.json)
    moment = response.pop("created_at")
    assert answer.status == 201
    assert response == {
        "id": 1,
        "project": "site",
        "repo": "acme/site",
        "release_version": "1.4.0",
        "release_candidate_version": "1.4.0-rc2",
        "commit": head,
        "tag": "rc/1.4.0-rc2",
        "status": "ready",
        "reason": None,
        "build": None,
        "created_by": "root",
        "url": f"{world.service.settings.url}/api/releases/site/releases/1.4.0-rc2",
    }
    assert moment.endswith("Z")
    assert "T" in moment
    assert await world.candidate("1.4.0-rc2") == answer.json
    assert await count_rows(*ROWS) == {"releases": 1, "candidates": 1, "runs": 0, "jobs": 0}


async def test_a_repeated_cut_is_200_even_while_github_is_down(world: World) -> None:
    head = world.github.head()
    first = await world.cut("1.0-rc1")
    world.github.faults.down()
    answers = [await world.cut("1.0-rc1", commit) for commit in (head, head.upper())]
    answers.append(await world.cut("1.0-rc1", head, repo="acme/elsewhere"))
    assert [(answer.status, answer.json) for answer in answers] == [(200, first.json)] * 3


async def test_the_same_version_with_another_commit_is_409_even_while_github_is_down(world: World) -> None:
    await world.cut("1.0-rc1")
    other = world.github.resolve("main~1")
    world.github.faults.down()
    answers = [await world.cut("1.0-rc1", commit) for commit in (other, UNKNOWN_SHA, "main")]
    assert {status_and_error(answer) for answer in answers} == {
        (409, "Release candidate already exists with another commit")
    }
    assert answers[0].json["details"]["commit"] == world.github.head()


async def test_uppercase_hex_is_the_same_commit(world: World) -> None:
    head = world.github.head()
    answer = await world.cut("1.0-rc1", head.upper())
    assert (answer.status, answer.json["commit"]) == (201, head)


async def test_a_commit_that_is_not_a_full_sha_on_an_allowed_branch_is_refused_and_nothing_is_written(
    world: World, source: Any
) -> None:
    github = world.github
    elsewhere = await github.add_repository_to_account(source, "other")
    await github.branch("feature/x")
    head = github.head()
    invalid = {
        "a fork's commit": await github.fork_commit(),
        "another repository's commit": await github.commit(repo=elsewhere),
        "a commit on a branch that is not allowed": await github.commit(branch="feature/x"),
        "a commit that nobody knows": UNKNOWN_SHA,
        "64 digits that nobody knows": UNKNOWN_SHA[:32] * 2,
        "40 zeros": ZERO_SHA,
        "64 zeros": "0" * 64,
        "a short SHA": head[:12],
        "39 digits": head[:39],
        "41 digits": head + "0",
        "a branch": "main",
        "a ref": "refs/heads/main",
        "HEAD": "HEAD",
        "a tree expression": f"{head}^",
        "a comparison": f"main...{head}",
        "nothing": "",
        "space around it": f" {head} ",
        "a line break after it": f"{head}\n",
        "full-width digits": head.translate({ord("0") + i: 0xFF10 + i for i in range(10)})[:39] + "\uff10",
        "a tag object": await github.tag("annotated", annotated=True),
    }
    await world.settle()
    before = await count_rows(*ROWS)
    answers = {name: status_and_error(await world.cut("1.0-rc1", commit or " ")) for name, commit in invalid.items()}
    assert answers == dict.fromkeys(invalid, INVALID_COMMIT)
    assert await count_rows(*ROWS) == before


async def test_a_branch_named_like_a_commit_is_not_taken_for_it(world: World) -> None:
    fork = await world.github.fork_commit()
    await world.github.branch(fork)
    assert status_and_error(await world.cut("1.0-rc1", fork)) == INVALID_COMMIT


async def test_only_commits_of_allowed_branches_are_cut(world: World) -> None:
    allowances: list[tuple[list[str] | None, str, int]] = [
        (None, "release/1.x", 201),
        (None, "release/2.x/hot", 400),
        (None, "hotfix", 400),
        (["hotfix"], "hotfix", 201),
        (["main"], "release/3.x", 400),
        (["ship-*", "main"], "ship-it", 201),
        (["*/ship"], "team/ship", 201),
        (["*/ship"], "ship", 400),
    ]
    for branch in {branch for _, branch, _ in allowances}:
        await world.github.branch(branch)
    for number, (allowed, branch, status) in enumerate(allowances):
        await change_project(world, allowed_branches=allowed)
        commit = await world.github.commit(f"On {branch}, {number}", branch=branch)
        assert (await world.cut(f"1.0-rc{number}", commit)).status == status, (allowed, branch)


async def test_a_branch_is_found_among_more_than_a_thousand(world: World) -> None:
    await world.github.branches(1_100, "feature-")
    await world.github.branch("z-stable")
    commit = await world.github.commit(branch="z-stable")
    await change_project(world, allowed_branches=["*-stable"])
    assert (await world.cut("1.0-rc1", commit)).status == 201


async def test_the_default_branch_is_checked_first_and_alone(world: World) -> None:
    await world.cut("1.0-rc1")
    world.github.forget_calls()
    assert (await world.cut("1.0-rc2", world.github.resolve("main~1"))).status == 201
    paths = [call.path for call in world.github.calls if "/compare/" in call.path]
    assert len(world.github.calls) == len(paths) == 1
    assert "compare/main..." in paths[0]


async def test_a_repository_other_than_the_projects_is_refused(world: World, source: Any) -> None:
    await world.github.add_repository_to_account(source, "hidden")
    other = await world.github.add_repository_to_account(source, "other")
    await world.github.add_repository(other)
    await world.settle()
    answers = {
        repo: status_and_error(await world.cut("1.0-rc1", repo=repo)) for repo in ("acme/hidden", "acme/none", other)
    }
    assert answers == {
        "acme/hidden": NO_REPOSITORY,
        "acme/none": NO_REPOSITORY,
        other: (400, "Repository does not belong to the release project"),
    }
    assert await count_rows("candidates", "releases") == {"candidates": 0, "releases": 0}


@pytest.mark.parametrize("delivered", [True, False], ids=["webhook-delivered", "webhook-missed"])
async def test_a_renamed_repository_is_known_by_both_names(world: World, delivered: bool) -> None:
    if not delivered:
        world.github.faults.webhooks(drop=1)
    await world.github.rename("shop")
    await world.settle()
    answers = [
        await world.cut(f"1.0-rc{n}", repo=repo) for n, repo in enumerate(("acme/shop", "acme/site", "ACME/Shop"))
    ]
    assert [(answer.status, answer.json.get("repo")) for answer in answers] == [(201, "acme/shop")] * 3


@pytest.mark.parametrize("delivered", [True, False], ids=["webhook-delivered", "webhook-missed"])
async def test_a_repository_that_the_app_was_removed_from_is_not_found(world: World, delivered: bool) -> None:
    await world.cut("1.0-rc1")
    if not delivered:
        world.github.faults.webhooks(drop=1)
    await world.github.remove_repository()
    await world.settle()
    answer = await world.cut("1.0-rc2")
    assert status_and_error(answer) == NO_REPOSITORY
    assert answer.json["details"]["reason"] == "it does not exist, or the App is not installed on it"
    assert (await world.cut("1.0-rc1")).status == 200
    assert await count_rows("candidates") == {"candidates": 1}


async def test_a_deleted_repository_is_not_found(world: World) -> None:
    head = world.github.head()
    await world.github.delete_repository()
    await world.settle()
    assert status_and_error(await world.cut("1.0-rc1", head)) == NO_REPOSITORY


async def assert_unavailable(world: World) -> None:
    """Check that a cut is 503 with Retry-After and writes nothing, then end the outage."""
    before = await count_rows(*ROWS)
    answer = await world.cut("1.0-rc1", build=True)
    assert status_and_error(answer) == DOWN
    assert 1 <= int(answer.headers["Retry-After"]) <= 77
    assert await count_rows(*ROWS) == before
    world.github.faults.clear()


@pytest.mark.parametrize("fault", ["down", "garbage", "limit"])
async def test_an_outage_of_github_is_503(world: World, fault: str) -> None:
    faults = world.github.faults
    if fault == "down":
        faults.down()
    else:
        (faults.garbage if fault == "garbage" else faults.limit)(times=None)
    await assert_unavailable(world)
    assert (await world.cut("1.0-rc1")).status == 201


async def test_a_rate_limit_of_github_is_503_until_it_ends(world: World) -> None:
    await world.cut("0.9-rc1")
    for kind in ("primary", "secondary", "429"):
        world.github.faults.limit(kind, retry_after=77, times=None)
        await assert_unavailable(world)
    assert (await world.cut("1.0-rc1")).status == 201


@pytest.mark.parametrize("same", [True, False], ids=["same-commit", "different-commits"])
async def test_of_concurrent_cuts_of_a_candidate_one_wins(world: World, same: bool) -> None:
    heads = [world.github.head(), await world.github.commit()]
    commits = [heads[0 if same else n % 2] for n in range(12)]
    answers = await asyncio.gather(*(world.cut("1.0-rc1", commit, build=True) for commit in commits))
    (winner,) = [answer.json for answer in answers if answer.status == 201]
    expected = Counter(200 if commit == winner["commit"] else 409 for commit in commits) - Counter([200])
    assert Counter(answer.status for answer in answers) - Counter([201]) == expected
    assert {answer.json["id"] for answer in answers if answer.status in (200, 201)} == {winner["id"]}
    await world.settle()
    assert len(world.github.dispatches) == 1
    await world.github.finish()


async def test_many_candidates_of_a_new_release_can_be_cut_concurrently(world: World) -> None:
    answers = await asyncio.gather(*(world.cut(f"1.0-rc{n}") for n in range(12)))
    assert [answer.status for answer in answers] == [201] * 12
    assert await count_rows("releases", "candidates") == {"releases": 1, "candidates": 12}


async def test_a_version_must_match_the_grammar_exactly(world: World) -> None:
    longest = "9" * 100
    valid = ["1.4.0-rc0", "24.04-rc999999", "a_B+c-d-rc1", "1-rc1", f"{longest}-rc1"]
    invalid = [
        *("1.4.0", "1.4.0-rc", "1.4.0-rc01", "1.4.0rc1", "-rc1", "1.4.0-RC1", "1.4.0.rc1", "1.4.0-rc1-rc2"),
        *(
            "1.4.0-rc1000000",
            "1.4.0-rc-1",
            "1..0-rc1",
            "1.0.-rc1",
            "1.0.lock-rc1",
            ".1-rc1",
            "-1-rc1",
            f"9{longest}-rc1",
        ),
        *(
            "1.0-rc1%0A",
            "1.0%20-rc1",
            "1.0-rc%D9%A1",
            "1.0-rc1%00",
            "%C3%A9-rc1",
            "1%2F0-rc1",
            "1.0-rc1%FF",
            "%E2%80%8B-rc1",
        ),
    ]
    answers = {version: (await world.cut(version)).status for version in valid}
    assert answers == dict.fromkeys(valid, 201)
    refusals = {version: status_and_error(await world.cut(version)) for version in invalid}
    assert refusals == dict.fromkeys(invalid, INVALID_VERSION)
    looked_for = {version: status_and_error(await world.ask("GET", cut_path(version))) for version in invalid}
    assert looked_for == dict.fromkeys(invalid, INVALID_VERSION)


async def test_a_version_scheme_is_part_of_the_grammar(world: World) -> None:
    for scheme, valid, invalid in [
        ("semver", "1.2.3-beta.1+5", "1.2"),
        ("calver", "2026.11.3", "2026.13"),
        ("calver", "24.04", "1.2.3.4.5"),
    ]:
        await change_project(world, version_scheme=scheme)
        assert (await world.cut(f"{valid}-rc1")).status == 201
        assert status_and_error(await world.cut(f"{invalid}-rc1")) == INVALID_VERSION


async def test_a_build_without_a_build_workflow_is_refused(world: World) -> None:
    await change_project(world, build_workflow=None)
    assert status_and_error(await world.cut("1.0-rc1", build=True)) == (400, "Build workflow is not configured")
    assert await count_rows(*ROWS) == {"releases": 0, "candidates": 0, "runs": 0, "jobs": 0}
    assert (await world.cut("1.0-rc1")).json["status"] == "ready"


async def test_checks_are_made_in_the_documented_order(world: World) -> None:
    """Each request fails every check from its position on; the first failed check decides the response."""
    reader, cutter = await world.create_token("project:read"), await world.create_token("release:cut", project="site")
    await create_project(world, "shop")
    await world.cut("1.0-rc1")
    await change_project(world, build_workflow=None)
    body: dict[str, Any] = {"repo": "acme/none", "commit": "main", "trigger_build_workflow": True}
    shop = "/api/releases/shop/releases"

    async def cut(path: str, token: str | None = None, **more: Any) -> tuple[int, str]:
        return status_and_error(await world.ask("POST", path, {**body, **more}, token=token))

    in_order = [
        await cut("/api/releases/none/releases/bad", "", commit=7),
        await cut("/api/releases/none/releases/bad", reader, commit=7),
        await cut("/api/releases/none/releases/bad", reader),
        await cut("/api/releases/none/releases/1.0-rc1", reader),
        await cut("/api/releases/none/releases/1.0-rc1", cutter),
        await cut(f"{shop}/1.0-rc1", cutter),
        await cut("/api/releases/none/releases/1.0-rc1"),
        await cut(f"{SITE}/releases/1.0-rc1"),
        await cut(f"{SITE}/releases/1.0-rc2"),
        await cut(f"{SITE}/releases/1.0-rc2", trigger_build_workflow=False),
        await cut(f"{SITE}/releases/1.0-rc2", trigger_build_workflow=False, repo="acme/site"),
    ]
    assert in_order == [
        (401, "Authentication credentials were not provided."),
        (400, "`commit` must be text."),
        INVALID_VERSION,
        (403, "You do not have permission to perform this action."),
        (403, "You do not have permission to perform this action."),
        (403, "You do not have permission to perform this action."),
        (404, "Release project not found"),
        (409, "Release candidate already exists with another commit"),
        (400, "Build workflow is not configured"),
        NO_REPOSITORY,
        INVALID_COMMIT,
    ]


async def test_a_project_without_a_repository_cannot_be_cut(world: World) -> None:
    await create_project(world, "paper")
    body = {"repo": "acme/site", "commit": world.github.head()}
    answer = await world.ask("POST", cut_path("1.0-rc1", "paper"), body)
    assert status_and_error(answer) == (400, "Release project has no repository")


async def test_an_archived_project_cannot_be_cut_and_still_shows_its_candidates(world: World) -> None:
    await world.cut("1.0-rc1")
    await change_project(world, archived=True)
    assert status_and_error(await world.cut("1.0-rc2")) == (409, "Release project is archived")
    assert (await world.cut("1.0-rc1")).status == 200
    await change_project(world, archived=False)
    assert (await world.cut("1.0-rc2")).status == 201


async def test_a_release_id_that_another_project_has_is_a_conflict(world: World) -> None:
    await create_project(world, "a", repo="acme/site")
    await create_project(world, "a-1", repo="acme/site")
    body = {"repo": "acme/site", "commit": world.github.head()}
    assert (await world.ask("POST", cut_path("1-2-rc1", "a"), body)).status == 201
    clash = await world.ask("POST", cut_path("2-rc1", "a-1"), body)
    assert clash.status == 409
    assert "`a-1-2`" in clash.error
    assert "`a`" in clash.error


async def test_an_unknown_candidate_is_not_found(world: World) -> None:
    await world.cut("1.0-rc1")
    paths = [cut_path("1.0-rc2"), f"{cut_path('1.0-rc2')}/cancel", cut_path("1.0-rc1", "none")]
    answers = [status_and_error(await world.ask("POST" if path.endswith("cancel") else "GET", path)) for path in paths]
    assert answers == [(404, "Release not found")] * 2 + [(404, "Release project not found")]


async def test_a_repeated_cut_keeps_the_original_creator(world: World) -> None:
    cutter = await world.create_token("release:cut", "project:read", user="carol")
    body = {"repo": "acme/site", "commit": world.github.head()}
    await world.ask("POST", cut_path("1.0-rc1"), body, token=cutter)
    await world.cut("1.0-rc1")
    assert (await world.candidate("1.0-rc1"))["created_by"] == "carol"
    assert await Candidate.all().count() == 1


async def test_why_a_commit_is_refused_is_told(world: World) -> None:
    await world.github.branch("feature/x")
    proposed = await world.github.commit(branch="feature/x")
    fork = await world.github.fork_commit()
    head = world.github.head()
    not_releasable = (
        "not on a branch that may be released from (main, release/*); "
        "if it is on a pull request, that has to be merged first"
    )
    for commit, reason in {
        UNKNOWN_SHA: "GitHub knows no such commit in this repository",
        proposed: not_releasable,
        fork: not_releasable,
        head[:12]: "abbreviated",
        head[:-1]: "abbreviated",
        "main": "it is the name of a branch or tag, not a SHA",
        "0" * 40: "that is Git's placeholder for no commit: use the SHA of a commit that exists",
    }.items():
        answer = await world.cut("1.0-rc1", commit)
        assert status_and_error(answer) == INVALID_COMMIT
        assert answer.json["details"].get("reason") == reason, commit


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("trigger_build_workfow", "trigger_build_workflow"),
        ("triggerBuildWorkflow", "trigger_build_workflow"),
        ("trigger-build-workflow", "trigger_build_workflow"),
        ("Trigger_Build_Workflow", "trigger_build_workflow"),
        ("trigger_build", "trigger_build_workflow"),
        ("build_workflow", "trigger_build_workflow"),
        ("workflow", None),
        ("comit", "commit"),
        ("Repo", "repo"),
        ("name", None),
        ("description", None),
        ("x" * 100_000, None),
    ],
)
async def test_a_mistyped_field_is_refused_and_an_unknown_one_ignored(
    world: World, name: str, meant: str | None
) -> None:
    body: dict[str, Any] = {"repo": "acme/site", "commit": world.github.head(), name: True}
    body.pop(meant or "", None)
    answer = await world.ask("POST", cut_path("1.0-rc1"), body)
    assert answer.status == (201 if meant is None else 400)
    if meant is not None:
        sentence = f"`{name}` is not a field of this call. Did you mean `{meant}`?"
        assert answer.json == {"error": sentence, "details": {"field": meant}}
        assert await count_rows(*ROWS) == dict.fromkeys(ROWS, 0)


async def test_a_missing_version_is_said_to_be_missing(world: World) -> None:
    path = f"{SITE}/environments/staging/deployments"
    bodies: list[tuple[str, Any, str]] = [
        ("POST", {}, "`release_candidate_version` is required."),
        ("PATCH", {"status": "success"}, "`release_candidate_version` is required."),
        ("POST", {"release_candidate_version": 1}, "`release_candidate_version` must be text."),
    ]
    for method, body, reason in bodies:
        answer = await world.ask(method, path, body)
        assert status_and_error(answer) == INVALID_VERSION
        assert answer.json["details"]["reason"] == reason


async def test_a_field_beside_the_one_that_it_is_like_is_ignored(world: World) -> None:
    body = {"repo": "acme/site", "commit": world.github.head(), "commits": 3, "trigger_build_workflow": False}
    assert (await world.ask("POST", cut_path("1.0-rc1"), {**body, "trigger_build": True})).status == 201
