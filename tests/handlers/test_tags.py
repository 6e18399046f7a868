"""Pushed tags: trigger tags cut candidates, and the tags of candidates are monitored."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.log import MAX_LENGTH
from bot.operations.comment_limits import MAX_TAG_ANSWERS
from bot.operations.jobs import CheckRepositories
from bot.queue.jobs import enqueue
from bot.store.candidates import Candidate
from bot.store.projects import Project
from bot.store.seen_tags import SeenTag
from tests.world import PROJECT, World


async def cut_versions() -> list[str]:
    """The versions of all candidates, in the order in which they were cut."""
    return [candidate.version for candidate in await Candidate.all().order_by("id")]


def answers(world: World, commit: str) -> list[str]:
    """Longshore's comments on a commit, oldest first."""
    bot = f"{world.github.app_slug}[bot]"
    return [comment["body"] for comment in world.github.commit_comments(commit) if comment["user"] == bot]


async def refusals(world: World) -> list[str]:
    """The refusals of pushed tags that cut nothing."""
    return [entry.after["refusal"] for entry in await world.audit("candidate.refused")]


@pytest.mark.parametrize("annotated", [False, True], ids=["lightweight", "annotated"])
async def test_a_pushed_trigger_tag_cuts_its_commit(world: World, annotated: bool) -> None:
    commit = world.github.head()
    await world.github.commit()
    await world.github.tag("v1.4.0-rc2", at="main~1", annotated=annotated)
    await world.settle()
    candidate = await world.candidate("1.4.0-rc2")
    assert candidate["commit"] == commit
    assert (candidate["created_by"], candidate["status"]) == ("alice", "building")
    (entry,) = await world.audit("candidate.cut")
    assert (entry.actor, entry.channel, entry.commit) == ("alice", "tag", candidate["commit"])


async def test_a_candidate_of_a_trigger_tag_is_built_on_that_tag(world: World) -> None:
    await world.github.tag("v1.4.0-rc1")
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    assert [dispatch.ref for dispatch in world.github.dispatches] == ["v1.4.0-rc1"]
    assert await world.status("1.4.0-rc1") == "ready"
    tagged = [call.status for call in world.github.calls if call.route == "POST {repo}/git/refs"]
    assert tagged == [422]  # the tag exists already, and is compared


@pytest.mark.parametrize(
    "tag",
    [
        pytest.param("v1.4.0", id="a release version"),
        pytest.param("1.4.0-rc1", id="another prefix"),
        pytest.param("v1.4.0-rc01", id="an invalid version"),
    ],
)
async def test_other_tags_are_ignored(world: World, tag: str) -> None:
    await world.github.tag(tag)
    await world.settle()
    assert await cut_versions() == []
    assert await refusals(world) == []


# --- tags that cut nothing are logged


def logged(lines: list[Any], event: str) -> list[dict[str, Any]]:
    """The lines of an event, with what is said about the tag."""
    kept = ("log_level", "repository", "tag", "pusher", "commit", "reason")
    return [{key: line[key] for key in kept} for line in lines if line["event"] == event]


async def push_logged(world: World, tag: str, event: str, **options: Any) -> list[dict[str, Any]]:
    """Push a tag, and return the lines that are logged about it."""
    with capture_logs() as lines:
        await world.github.tag(tag, **options)
        await world.settle()
    return logged(lines, event)


@pytest.mark.parametrize(
    ("tag", "spelling"),
    [
        ("v1.4.0-RC1", "v1.4.0-rc1"),
        ("V1.4.0-rc1", "v1.4.0-rc1"),
        ("v1.4.0rc1", "v1.4.0-rc1"),
        ("1.4.0-rc1", "v1.4.0-rc1"),
        ("rc-1.4.0", "v<release version>-rc<number>"),
        ("rc/1.4.0-rc3", "v1.4.0-rc3"),
    ],
)
async def test_a_tag_nearly_like_a_candidates_is_logged_with_its_pusher(world: World, tag: str, spelling: str) -> None:
    (line,) = await push_logged(world, tag, "tag not recognized", by="alice")
    assert (line["log_level"], line["repository"], line["tag"], line["pusher"]) == ("info", "acme/site", tag, "alice")
    assert line["commit"] == world.github.head() and f"`{spelling}`" in line["reason"]
    assert (await cut_versions(), await refusals(world)) == ([], [])


@pytest.mark.parametrize("tag", ["v1.4.0", "nightly", "search-1"])
async def test_a_tag_nothing_like_a_candidates_is_not_logged(world: World, tag: str) -> None:
    for event in ("tag refused", "tag not recognized"):
        assert await push_logged(world, f"{tag}{len(event)}", event) == []


async def test_a_refused_tag_is_logged_with_its_pusher_and_the_reason(world: World) -> None:
    world.github.person("bob", "triage")
    (line,) = await push_logged(world, "v1.4.0-rc1", "tag refused", by="bob")
    assert (line["repository"], line["tag"], line["pusher"]) == ("acme/site", "v1.4.0-rc1", "bob")
    assert "it needs write; you have triage" in line["reason"]
    (line,) = await push_logged(world, "v1.4.0-rc2", "tag refused", at=await world.github.fork_commit())
    assert line["reason"].startswith("Invalid commit hash (") and "reason: " in line["reason"]
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"version_scheme": "semver"})
    (line,) = await push_logged(world, "v1.4-rc3", "tag refused")
    assert "semver" in line["reason"]


async def test_a_tag_of_an_archived_project_is_logged_as_refused(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"archived": True})
    (line,) = await push_logged(world, "v1.4.0-rc1", "tag refused")
    assert line["reason"] == "The project `site` is archived."


@pytest.mark.parametrize(
    ("change", "why"),
    [({"sender": None}, "GitHub does not say who pushed it"), ({"head_commit": None}, "it does not point to a commit")],
    ids=["nobody", "nothing"],
)
async def test_a_tag_about_which_github_does_not_say_enough_is_logged_as_refused(
    world: World, change: dict[str, Any], why: str
) -> None:
    payload = {
        "ref": "refs/tags/v1.4.0-rc1",
        "repository": {"id": world.github.repository().id, "full_name": "acme/site"},
        "sender": {"id": 7, "login": "x" * 900},
        "head_commit": {"id": world.github.head()},
        "deleted": False,
    }
    with capture_logs() as lines:
        assert await world.github.send("push", {**payload, **change}) == 202
        await world.settle()
    (line,) = logged(lines, "tag refused")
    assert why in line["reason"] and len(line["pusher"]) <= MAX_LENGTH


async def test_neither_deleted_tags_nor_those_of_longshore_are_logged(world: World) -> None:
    await world.github.tag("v1.4.0-RC1")
    await world.settle()
    with capture_logs() as lines:
        await world.github.delete_tag("v1.4.0-RC1")
        await world.cut("1.4.0-rc1", build=True)
        await world.settle()
    assert "refs/tags/rc/1.4.0-rc1" in world.github.repository().history.refs
    assert logged(lines, "tag not recognized") == logged(lines, "tag refused") == []


async def test_longshores_own_tags_cut_nothing(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"tag_prefix": "v", "trigger_tag_prefix": "cut/"})
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"trigger_tag_prefix": "v1"})
    await world.cut("1.4.0-rc1", build=True)
    await world.settle()
    assert "refs/tags/v1.4.0-rc1" in world.github.repository().history.refs
    assert await cut_versions() == ["1.4.0-rc1"]
    assert await refusals(world) == []
    assert await world.alarms() == []


@pytest.mark.parametrize("role", ["none", "triage"])
async def test_a_sender_without_the_grant_cuts_nothing_and_is_audited(world: World, role: str) -> None:
    world.github.person("bob", role)
    await world.github.tag("v1.4.0-rc1", by="bob")
    await world.settle()
    assert await cut_versions() == []
    held = {"none": "read"}.get(role, role)  # anybody may read a public repository
    sentence = f"You do not have permission to perform this action: in this repository it needs write; you have {held}."
    assert await refusals(world) == [sentence]
    (entry,) = await world.audit("candidate.refused")
    assert (entry.actor, entry.channel) == ("bob", "tag")


@pytest.mark.parametrize("source_of_commit", ["fork", "pull request"])
async def test_a_tag_outside_the_allowed_branches_cuts_nothing(world: World, source_of_commit: str) -> None:
    commit = await world.github.fork_commit() if source_of_commit == "fork" else ""
    if not commit:
        await world.github.pull_request()
        commit = world.github.resolve("heads/alice/change-1")
    await world.github.tag("v1.4.0-rc1", at=commit)
    await world.settle()
    assert await cut_versions() == []
    assert await refusals(world) == ["Invalid commit hash"]


async def test_a_tag_on_a_release_branch_cuts(world: World) -> None:
    await world.github.branch("release/1.4")
    fix = await world.github.commit(branch="release/1.4")
    await world.github.tag("v1.4.1-rc1", at=fix)
    await world.settle()
    assert (await world.candidate("1.4.1-rc1"))["commit"] == fix


async def test_a_tag_of_an_existing_version_changes_nothing(world: World) -> None:
    await world.cut("1.4.0-rc1", world.github.resolve("main~1"))
    await world.github.tag("v1.4.0-rc1")
    await world.settle()
    assert (await world.candidate("1.4.0-rc1"))["commit"] == world.github.resolve("main~1")
    assert await refusals(world) == ["Release candidate already exists with another commit"]


async def test_a_tag_belongs_to_the_project_with_the_longest_prefix(world: World) -> None:
    """Of prefixes that overlap: a database may have some from before they were refused."""
    project = {"name": "vault", "repo": "acme/site", "tag_prefix": "a/", "trigger_tag_prefix": "b-"}
    assert (await world.ask("POST", "/api/projects", project)).status == 201
    await Project.filter(name="vault").update(tag_prefix="vault/rc/", trigger_tag_prefix="vault-v")
    await world.github.tags(["v1.4.0-rc1", "vault-v2.0-rc1"])
    await world.settle()
    cut = await Candidate.all().order_by("version").select_related("project")
    assert [(candidate.version, candidate.project.name) for candidate in cut] == [
        ("1.4.0-rc1", PROJECT),
        ("2.0-rc1", "vault"),
    ]


async def test_three_tags_in_one_push_cut_three_and_github_sends_no_webhook_for_more(world: World) -> None:
    await world.github.tags(["v1.0-rc1", "v1.0-rc2", "v1.0-rc3"])
    await world.settle()
    assert sorted(await cut_versions()) == ["1.0-rc1", "1.0-rc2", "1.0-rc3"]
    await world.github.tags([f"v2.0-rc{number}" for number in range(1, 5)])
    await world.settle()
    assert len(await cut_versions()) == 3


# --- tags that no webhook reports


async def look_for_tags(world: World) -> None:
    """Check the repository as it is checked every hour, and let that be an hour ago."""
    await enqueue(CheckRepositories())
    await world.settle()
    for row in await SeenTag.all():
        await SeenTag.filter(id=row.id).update(seen_at=row.seen_at - timedelta(hours=1))


async def test_more_than_three_tags_in_one_push_are_found_and_cut_by_longshore(world: World) -> None:
    await look_for_tags(world)
    tags = [f"v2.0-rc{number}" for number in range(1, 5)]
    await world.github.tags(["nightly", "v2.0", *tags])
    await look_for_tags(world)
    assert await cut_versions() == []  # a webhook may still come
    await look_for_tags(world)
    assert sorted(await cut_versions()) == [tag[1:] for tag in tags]
    assert {(entry.actor, entry.channel) for entry in await world.audit("candidate.cut")} == {("longshore", "tag")}
    await look_for_tags(world)
    assert len(await cut_versions()) == 4


async def test_tags_from_before_the_first_look_are_left_alone(world: World) -> None:
    await world.github.tags([f"v1.0-rc{number}" for number in range(1, 6)])
    for _ in range(3):
        await look_for_tags(world)
    assert await cut_versions() == []


async def test_a_tag_that_a_webhook_reported_is_not_cut_again(world: World) -> None:
    await look_for_tags(world)
    world.github.person("bob", "triage")
    world.github.state.account("helper[bot]", "Bot")
    await world.github.tag("v1.0-rc1")
    await world.github.tag("v1.0-rc2", by="bob")
    await world.github.tag("v1.0-rc3", by="helper[bot]")
    for _ in range(3):
        await look_for_tags(world)
    assert await cut_versions() == ["1.0-rc1"]


async def test_a_tag_whose_webhook_comes_after_it_was_found_is_its_pushers(world: World) -> None:
    await look_for_tags(world)
    world.github.faults.webhooks(drop=1.0)
    await world.github.tag("v1.0-rc1")
    await look_for_tags(world)
    world.github.faults.clear()
    push = next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == "push")
    await world.github.send("push", push)
    await look_for_tags(world)
    (entry,) = await world.audit("candidate.cut")
    assert entry.actor == "alice"


async def test_a_found_tag_that_is_refused_is_answered(world: World) -> None:
    await look_for_tags(world)
    fork = await world.github.fork_commit()
    await world.github.tags([f"v1.0-rc{number}" for number in range(1, 5)], at=fork)
    for _ in range(3):
        await look_for_tags(world)
    assert await cut_versions() == []
    assert len(answers(world, fork)) == 4


async def test_a_push_delivered_twice_cuts_once(world: World) -> None:
    world.github.faults.webhooks(double=1.0)
    await world.github.tag("v1.4.0-rc1")
    await world.settle()
    push = next(delivery for delivery in world.github.deliveries if delivery.event == "push")
    assert await world.github.send("push", push.payload, delivery="another") == 202
    await world.settle()
    assert await cut_versions() == ["1.4.0-rc1"]
    assert len(world.github.dispatches) == 1


# --- tags that cut nothing are answered, once


@pytest.mark.parametrize("annotated", [False, True], ids=["lightweight", "annotated"])
async def test_a_misspelled_tag_is_answered_on_its_commit_with_the_right_spelling(
    world: World, annotated: bool
) -> None:
    await world.github.tag("v1.4.0rc1", annotated=annotated)
    await world.settle()
    (answer,) = answers(world, world.github.head())
    assert answer.startswith("The tag `v1.4.0rc1` cuts nothing. A tag that cuts a candidate is spelled `v1.4.0-rc1`.")


async def test_a_refused_tag_is_answered_with_the_reason(world: World) -> None:
    await world.github.pull_request()
    commit = world.github.resolve("heads/alice/change-1")
    await world.github.tag("v1.4.0-rc1", at=commit)
    await world.settle()
    (answer,) = answers(world, commit)
    assert answer.startswith("The tag `v1.4.0-rc1` cuts nothing. Invalid commit hash.")
    assert "not on a branch that may be released from" in answer


async def test_a_moved_trigger_tag_is_answered_with_the_commit_of_the_candidate(world: World) -> None:
    await world.cut("1.4.0-rc1", world.github.resolve("main~1"))
    await world.github.tag("v1.4.0-rc1")
    await world.settle()
    (answer,) = answers(world, world.github.head())
    assert "Release candidate already exists with another commit" in answer


async def test_the_same_tag_pushed_again_is_answered_once(world: World) -> None:
    for _ in range(3):
        await world.github.tag("v1.4.0rc1")
        await world.settle()
        await world.github.delete_tag("v1.4.0rc1")
        await world.settle()
    assert len(answers(world, world.github.head())) == 1


@pytest.mark.parametrize("role", ["read", "triage"])
async def test_who_has_less_than_write_is_not_answered(world: World, role: str) -> None:
    world.github.person("bob", role)
    for tag in ("v1.4.0rc1", "v1.4.0-rc1"):
        await world.github.tag(tag, by="bob")
    await world.settle()
    assert answers(world, world.github.head()) == []


async def test_only_so_many_tags_are_answered_in_an_hour(world: World) -> None:
    for number in range(MAX_TAG_ANSWERS + 2):
        await world.github.tag(f"v1.{number}.0rc1")
        await world.settle()
    assert len(answers(world, world.github.head())) == MAX_TAG_ANSWERS


@pytest.mark.parametrize("status", [403, 404, 422])
async def test_an_answer_where_nobody_can_comment_is_dropped(world: World, status: int) -> None:
    body = '{"message": "Commit comments are disabled"}'
    world.github.faults.fail(method="POST", path="*/commits/*/comments", status=status, times=None, body=body)
    await world.github.tag("v1.4.0rc1")
    await world.settle()
    assert [row["state"] for row in await world.jobs("answer_tag")] == ["done"]


# --- tags of releases


PRODUCTION = {"promote_on_tag": "production"}


async def test_the_tag_of_a_release_deploys_the_highest_candidate_at_its_commit(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", PRODUCTION)
    commit = world.github.head()
    for version in ("1.4.0-rc1", "1.4.0-rc2", "1.5.0-rc1"):
        await world.cut(version, commit)
    await world.github.commit()
    await world.cut("1.4.0-rc3")
    world.github.person("mia", "maintain")
    await world.github.tag("v1.4.0", at=commit, by="mia")
    await world.settle()
    (deployment,) = await world.deployments("production")
    assert (deployment["release_candidate_version"], deployment["actor"]) == ("1.4.0-rc2", "mia")
    (entry,) = await world.audit("deployment.deploy")
    assert entry.channel == "tag"
    assert answers(world, commit) == []


NOT_PROMOTED = {
    "no candidate there": ("mia", "main", "No candidate of 1.4.0 was cut at this commit"),
    "too low a role": ("wim", "main~1", "it needs maintain; you have write"),
}


@pytest.mark.parametrize("case", NOT_PROMOTED)
async def test_the_tag_of_a_release_that_deploys_nothing_is_answered_with_the_reason(world: World, case: str) -> None:
    person, at, why = NOT_PROMOTED[case]
    await world.ask("PATCH", f"/api/projects/{PROJECT}", PRODUCTION)
    await world.cut("1.4.0-rc1", world.github.resolve("main~1"))
    world.github.person("mia", "maintain")
    world.github.person("wim", "write")
    await world.github.tag("v1.4.0", at=at, by=person)
    await world.settle()
    (answer,) = answers(world, world.github.resolve(at))
    assert answer.startswith("The tag `v1.4.0` deploys nothing.") and why in answer
    assert await world.deployments("production") == []
    (entry,) = await world.audit("deployment.tag_refused")
    assert entry.actor == person


async def test_the_tag_of_a_release_whose_environment_does_not_exist_is_answered(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"promote_on_tag": "moon"})
    await world.cut("1.4.0-rc1")
    await world.github.tag("v1.4.0")
    await world.settle()
    (answer,) = answers(world, world.github.head())
    assert "Release environment not found" in answer and "`staging`" in answer


async def test_the_tag_of_a_release_waits_for_gates(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", {"promote_on_tag": "staging"})
    await world.cut("1.4.0-rc1", build=True)
    await world.github.tag("v1.4.0")
    await world.settle()
    assert await world.statuses() == [("1.4.0-rc1", "pending")]
    await world.github.finish(run=1)
    await world.settle()
    assert len(world.github.dispatches) == 2
    await world.github.finish(run=2)
    await world.settle()


async def test_without_the_setting_the_tag_of_a_release_does_nothing(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await world.github.tag("v1.4.0")
    await world.settle()
    assert (await world.deployments("production"), answers(world, world.github.head())) == ([], [])


async def test_the_tag_of_a_release_pushed_twice_deploys_once(world: World) -> None:
    await world.ask("PATCH", f"/api/projects/{PROJECT}", PRODUCTION)
    await world.cut("1.4.0-rc1")
    world.github.person("mia", "maintain")
    await world.github.tag("v1.4.0", by="mia")
    await world.settle()
    push = next(sent.payload for sent in reversed(world.github.deliveries) if sent.event == "push")
    await world.github.finish(run=1)
    await world.settle()
    await world.github.send("push", push, delivery="again")
    await world.settle()
    assert await world.statuses("production") == [("1.4.0-rc1", "success")]


# --- tags of candidates


async def test_a_candidate_whose_tag_is_moved_before_any_deployment_is_banned(world: World) -> None:
    await world.cut("1.4.0-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    await world.github.tag("rc/1.4.0-rc1", at="main~1", move=True)
    await world.settle()
    candidate = await world.candidate("1.4.0-rc1")
    assert candidate["status"] == "banned"
    assert candidate["reason"].startswith("tag moved: ")
    assert world.github.resolve("main~1") in candidate["reason"]
    assert await world.alarms() == ["tag.moved"]
    assert (await world.deploy("1.4.0-rc1")).status == 409


async def test_moving_the_tag_of_a_deployed_candidate_bans_it_and_leaves_it_where_it_is_live(world: World) -> None:
    await world.cut("1.4.0-rc1")
    await world.complete_deployment("1.4.0-rc1")
    await world.github.tag("rc/1.4.0-rc1", at="main~1", move=True)
    await world.settle()
    assert await world.status("1.4.0-rc1") == "banned"
    assert await world.alarms() == ["tag.moved"]
    assert await world.statuses() == [("1.4.0-rc1", "success")]
    (entry,) = await world.audit("candidate.ban")
    assert (entry.actor, entry.subject) == ("longshore", "1.4.0-rc1")


async def test_a_deleted_tag_raises_the_alarm_and_bans_its_candidate(world: World) -> None:
    await world.cut("1.4.0-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.github.delete_tag("rc/1.4.0-rc1")
    await world.settle()
    assert await world.status("1.4.0-rc1") == "banned"
    assert await world.alarms() == ["tag.deleted"]


async def test_a_tag_that_is_recreated_at_another_commit_counts_as_moved(world: World) -> None:
    await world.cut("1.4.0-rc1", build=True)
    await world.settle()
    await world.github.finish(run=1)
    await world.github.delete_tag("rc/1.4.0-rc1")
    await world.settle()
    await world.github.tag("rc/1.4.0-rc1", at="main~1")
    await world.settle()
    assert await world.status("1.4.0-rc1") == "banned"
    assert await world.alarms() == ["tag.deleted", "tag.moved"]


async def test_a_moved_trigger_tag_bans_its_candidate_and_cuts_no_other(world: World) -> None:
    await world.github.tag("v1.4.0-rc1")
    await world.settle()
    await world.github.finish(run=1)
    await world.settle()
    await world.github.tag("v1.4.0-rc1", at="main~1", move=True)
    await world.settle()
    assert await cut_versions() == ["1.4.0-rc1"]
    assert await world.status("1.4.0-rc1") == "banned"
    assert await world.alarms() == ["tag.moved"]
    assert await refusals(world) == ["Release candidate already exists with another commit"]


async def test_replacing_a_tag_by_an_annotated_one_at_the_same_commit_is_no_move(world: World) -> None:
    await world.cut("1.4.0-rc1", build=True)
    await world.settle()
    await world.github.tag("rc/1.4.0-rc1", annotated=True, move=True)
    await world.settle()
    assert await world.alarms() == []


async def test_an_existing_tag_at_another_commit_invalidates_the_candidate(world: World) -> None:
    elsewhere = world.github.resolve("main~1")
    await world.github.tag("rc/1.4.0-rc1", at="main~1")
    await world.settle()
    await world.cut("1.4.0-rc1", build=True)
    await world.settle()
    candidate = await world.candidate("1.4.0-rc1")
    assert candidate["status"] == "failed"
    assert f"points to {elsewhere}" in candidate["reason"]
    assert world.github.dispatches == []
    assert await world.alarms() == ["candidate.spoiled"]


@pytest.mark.parametrize("annotated", [False, True], ids=["lightweight", "annotated"])
async def test_an_existing_tag_at_the_commit_is_used(world: World, annotated: bool) -> None:
    await world.github.tag("rc/1.4.0-rc1", annotated=annotated)
    await world.cut("1.4.0-rc1", build=True)
    await world.settle()
    assert await world.status("1.4.0-rc1") == "building"
    assert await world.alarms() == []
