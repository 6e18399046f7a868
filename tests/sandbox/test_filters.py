"""The filters of lists, where GitHub has them."""

import asyncio
import uuid
from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.sandbox.conftest import Lab


async def _shas(lab: Lab, query: str) -> list[str]:
    return [commit["sha"] for commit in (await lab.repo("GET", f"/commits?{query}")).json]


async def test_commits_are_filtered_by_ref_and_path(lab: Lab) -> None:
    github = lab.github
    await github.branch("side", "main~2")
    on_side = await github.commit(branch="side", files={"docs/[a] b.md": "1"})
    removed = await github.commit(files={"src/part1.py": None})
    assert (await _shas(lab, "sha=side"))[:2] == [on_side, github.resolve("main~3")]
    assert await _shas(lab, f"sha={on_side}&path={quote('docs/[a] b.md')}") == [on_side]
    assert await _shas(lab, "sha=side&path=docs") == [on_side]
    assert (await _shas(lab, "path=src/part1.py"))[0] == removed
    assert await _shas(lab, "path=src/part2.py") == [github.resolve("main~5")]
    assert await _shas(lab, "path=nowhere.txt") == []
    assert (await lab.repo("GET", "/commits?sha=nowhere")).status == 404


async def test_commits_are_filtered_by_time_and_person(lab: Lab) -> None:
    github = lab.github
    old = github.head()
    github.skew(1_800)
    new = await github.commit(by="alice")
    at = github.repository().history.commits[new].committer.at
    exactly, before = quote(at.isoformat()), f"{at - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    assert await _shas(lab, f"since={exactly}") == await _shas(lab, f"since={before}") == [new]
    assert (await _shas(lab, f"until={exactly}"))[:2] == [new, old]
    assert (await _shas(lab, f"until={before}"))[0] == old
    assert await _shas(lab, "author=alice") == [new]
    assert new not in await _shas(lab, "author=sam@example.com")
    assert await _shas(lab, "committer=nobody") == []
    assert (await lab.repo("GET", "/commits?since=yesterday")).status == 422


async def test_comments_are_filtered_by_their_last_change(lab: Lab) -> None:
    number = await lab.github.pull_request()
    first = await lab.github.comment(number, "one")
    lab.github.advance(100)
    second = await lab.github.comment(number, "two")
    since = f"{lab.github.state.now():%Y-%m-%dT%H:%M:%SZ}"
    listed = (await lab.repo("GET", f"/issues/{number}/comments?since={since}")).json
    assert [comment["id"] for comment in listed] == [second]
    await lab.github.edit_comment(first, "changed")
    assert len((await lab.repo("GET", f"/issues/{number}/comments?since={since}")).json) == 2


async def test_pull_requests_are_filtered_and_sorted(lab: Lab) -> None:
    first, second = await lab.github.pull_request("One"), await lab.github.pull_request("Two", by="bob")
    lab.github.advance(60)
    await lab.github.merge(first)
    expected = {
        "": [second],
        "?state=all": [second, first],
        "?state=closed": [first],
        "?state=all&direction=asc": [first, second],
        f"?state=all&head=acme:{lab.github.repository().pulls[first].head}": [first],
        "?base=other": [],
    }
    for query, numbers in expected.items():
        assert [pull["number"] for pull in (await lab.repo("GET", f"/pulls{query}")).json] == numbers, query


async def test_jobs_are_listed_for_the_latest_attempt_or_for_all(lab: Lab) -> None:
    await lab.dispatch()
    await lab.github.finish(conclusion="failure")
    await lab.github.rerun()
    path = f"/actions/runs/{lab.github.runs[0].id}"
    attempts = {
        "/jobs": [(2, None)],
        "/jobs?filter=all": [(1, "failure"), (2, None)],
        "/attempts/1/jobs": [(1, "failure")],
    }
    for suffix, expected in attempts.items():
        jobs = (await lab.repo("GET", path + suffix)).json["jobs"]
        assert [(job["run_attempt"], job["conclusion"]) for job in jobs] == expected
    assert (await lab.repo("GET", f"{path}/attempts/3/jobs")).status == 404


async def test_statuses_reactions_and_runs_are_filtered_and_paged(lab: Lab) -> None:
    await lab.dispatch()
    await lab.dispatch()
    suite = (await lab.repo("GET", f"/actions/runs/{lab.github.runs[1].id}")).json["check_suite_id"]
    listed = (await lab.repo("GET", f"/actions/runs?check_suite_id={suite}")).json
    assert [run["id"] for run in listed["workflow_runs"]] == [lab.github.runs[1].id]
    for context in ("a", "b", "c"):
        await lab.repo("POST", f"/statuses/{lab.github.head()}", json={"state": "success", "context": context})
    combined = await lab.repo("GET", "/commits/main/status?per_page=2")
    assert (len(combined.json["statuses"]), combined.json["total_count"]) == (2, 3)
    assert 'rel="next"' in combined.headers["Link"]
    comment = await lab.github.comment(await lab.github.pull_request(), "/help")
    await lab.repo("POST", f"/issues/comments/{comment}/reactions", json={"content": "eyes"})
    counts = [
        len((await lab.repo("GET", f"/issues/comments/{comment}/reactions?content={content}")).json)
        for content in ("eyes", "heart")
    ]
    assert counts == [1, 0]


async def test_deliveries_are_forgotten_after_three_days(lab: Lab) -> None:
    await lab.github.ping()
    await lab.github.settle()
    (old,) = (await lab.request("GET", "/app/hook/deliveries", token=lab.jwt())).json
    lab.github.advance(3 * 86_400 + 1)
    await lab.github.ping()
    await lab.github.settle()
    (new,) = (await lab.request("GET", "/app/hook/deliveries", token=lab.jwt())).json
    assert new["id"] != old["id"]
    path = f"/app/hook/deliveries/{old['id']}"
    assert (await lab.request("GET", path, token=lab.jwt())).status == 404
    assert (await lab.request("POST", f"{path}/attempts", token=lab.jwt())).status == 404
    assert (await lab.request("GET", "/app/hook/deliveries?status=lost", token=lab.jwt())).status == 422


async def test_the_ids_of_events_look_like_githubs(lab: Lab) -> None:
    await asyncio.gather(*(lab.github.ping() for _ in range(3)), lab.github.send("push", {}))
    await lab.github.settle()
    assert {uuid.UUID(webhook.guid).version for webhook in lab.received} == {1}
    assert len({webhook.guid for webhook in lab.received}) == 4


@pytest.mark.parametrize("path", ["/git/matching-refs/tags/v", "/git/matching-refs/tags/"])
async def test_matching_refs_have_no_pages(lab: Lab, path: str) -> None:
    await lab.github.tags([f"v{number:03}" for number in range(120)])
    listed = await lab.repo("GET", path)
    assert len(listed.json) == 120 and "Link" not in listed.headers
