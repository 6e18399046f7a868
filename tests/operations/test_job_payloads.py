"""Jobs as rows: every payload survives the table, and an unreadable row becomes a dead letter that says why."""

import dataclasses
import logging
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.operations import config_jobs, distances, gate_jobs, jobs, tag_jobs, view_jobs
from bot.queue.dead_letters import dead_letters
from bot.queue.intake import WebhookDelivery
from bot.queue.jobs import Job, LeasedJob, enqueue
from bot.queue.leases import claim
from bot.rules.comments import CommandComment
from bot.rules.ids import (
    CandidateId,
    CheckRunId,
    CommentId,
    CommitSha,
    DeliveryId,
    DeploymentId,
    EnvironmentId,
    GitHubUserId,
    GitHubViewId,
    InstallationId,
    JobId,
    ProjectId,
    ProtectionRequestId,
    RepositoryId,
    RunId,
    RunRowId,
)
from bot.rules.tags import TagPush
from bot.store.database import Database, execute
from tests.queue.helpers import AnyJob
from tests.world import World

COMMENT = CommandComment(
    repository_id=RepositoryId(1),
    thread="pull",
    thread_id="7",
    comment_id=CommentId(2**53),
    author_id=GitHubUserId(3),
    author="alice",
    body='/release status\r\n\u2028 \U0001f680 "quoted" \0',
    created_at="2026-11-21T12:00:00Z",
)
PUSH = TagPush(RepositoryId(1), "v1.0-rc1", CommitSha("a" * 40), GitHubUserId(3), "alice", "guid")
CLICK = view_jobs.ClickButton(
    repository=RepositoryId(1),
    check_run=CheckRunId(2**50),
    candidate=CandidateId(1),
    act="requested_action",
    identifier="deploy:1.0",
    person=GitHubUserId(3),
    login="alice",
    guid="guid",
)
EXAMPLES: tuple[Job, ...] = (
    WebhookDelivery("guid", "push", "application/json", b"\0\xff{}"),
    jobs.DispatchRun(RunRowId(1), "candidate:2"),
    jobs.DispatchRun(RunRowId(2)),
    jobs.FollowRun(RunRowId(1), "environment:2"),
    jobs.ExpireBuild(RunRowId(1), "candidate:3"),
    jobs.ExpireDeployment(DeploymentId(1), EnvironmentId(2)),
    jobs.ExpireDeployment(DeploymentId(2)),
    jobs.CancelRun(RunRowId(1)),
    jobs.CancelRun(RunRowId(1), forced=True),
    jobs.CancelStrayRun(RunRowId(1), RunId(2**53)),
    jobs.RunCommands(COMMENT),
    jobs.RunCommands(COMMENT, standing="reader"),
    jobs.PostReply(COMMENT, "Done.\n", "rocket", standing="writer"),
    jobs.CutByTag(PUSH),
    jobs.CutByTag(dataclasses.replace(PUSH, sender_id=None, delivery="nobody's")),
    jobs.CutByTag(dataclasses.replace(PUSH, commit=None, delivery="other")),
    jobs.CheckTag(CandidateId(1), "alice"),
    jobs.CheckRepository(RepositoryId(1)),
    jobs.CheckRepository(RepositoryId(2), again=True, installation=InstallationId(2**40)),
    jobs.CheckInstallation(InstallationId(2**40)),
    jobs.CheckInstallation(InstallationId(1), again=True),
    jobs.FetchDelivery(DeliveryId(2**60), "guid", "push"),
    config_jobs.ApplyConfiguration(RepositoryId(1)),
    config_jobs.ApplyConfiguration(RepositoryId(1), GitHubUserId(2), InstallationId(3), again=True),
    config_jobs.TellBroken(RepositoryId(1), CommitSha("a" * 40), "b" * 40, "Broken"),
    config_jobs.LintConfiguration(RepositoryId(1), 2, trusted=True, again=True),
    gate_jobs.EvaluateWaiting(DeploymentId(1), EnvironmentId(2)),
    gate_jobs.EvaluateWaiting(DeploymentId(1), EnvironmentId(2), again=True),
    gate_jobs.DeployAutomatically(CandidateId(1), EnvironmentId(2)),
    gate_jobs.JudgeDeployment(DeploymentId(1), rerun=True),
    gate_jobs.SweepWaiting(),
    gate_jobs.React(RepositoryId(1), "pull", CommentId(2**53), "rocket"),
    tag_jobs.RunTagCommands(dataclasses.replace(PUSH, object="b" * 40, email="alice@example.com", pushed_at=2**31)),
    tag_jobs.FindTags(RepositoryId(1)),
    tag_jobs.AnswerTag(RepositoryId(1), CommitSha("a" * 40), "tag:1", "Done.\n"),
    distances.CountChanges(RepositoryId(1), CommitSha("a" * 40), CommitSha("b" * 40)),
    view_jobs.ShowComment(GitHubViewId(1)),
    view_jobs.ShowComment(GitHubViewId(1), again=True),
    view_jobs.ShowCheckRun(CandidateId(1)),
    view_jobs.ShowDeployment(DeploymentId(1), EnvironmentId(2), again=True),
    view_jobs.ShowProject(ProjectId(1)),
    CLICK,
    view_jobs.AnswerProtection(ProtectionRequestId(1), again=True),
    jobs.Reconcile(),
    jobs.SweepDeliveries(),
    jobs.CheckRepositories(),
    jobs.Prune(),
)

OLD_COMMENT = {"repository": 1, "place": "pull", "where": "7", "comment": 2, "body": "/release help"}
UNREADABLE = [
    ("dispatch", b"", "it"),
    ("dispatch", b"not JSON", "it"),
    ("dispatch", b"[]", "it"),
    ("dispatch", b"{}", "run"),
    ("follow", b'{"run": null}', "run"),
    ("cancel", b'{"run": "first"}', "run"),
    ("cancel", b'{"run": 1, "forced": "by all means"}', "forced"),
    ("cancel_stray", b'{"run": 1}', "github_id"),
    ("expire_build", b'{"run": 1, "run_lock": 7}', "run_lock"),
    ("expire_deployment", b'{"deployment": 1.5}', "deployment"),
    ("check_tag", b'{"candidate": 1}', "by"),
    ("check_repository", b'{"again": true}', "repository"),
    ("check_installation", b'{"installation": "acme"}', "installation"),
    ("fetch_delivery", b'{"delivery": 1, "guid": "g"}', "event"),
    ("command", b'{"comment": null}', "comment"),
    ("command", orjson.dumps(OLD_COMMENT), "comment"),
    ("command", orjson.dumps({"comment": {**vars(COMMENT), "thread": "issue"}}), "comment.thread"),
    ("reply", orjson.dumps({"comment": vars(COMMENT), "reaction": "rocket"}), "body"),
    ("cut_by_tag", orjson.dumps({"push": {"tag": "v1.0-rc1"}}), "push.repository"),
]


def subclasses(job: type[Job]) -> Iterator[type[Job]]:
    """The subclasses of a job class that are kinds of jobs."""
    for subclass in job.__subclasses__():
        if "kind" in vars(subclass):
            yield subclass
        yield from subclasses(subclass)


KINDS = {job.kind: job for job in subclasses(Job)}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type that JSON can hold."""
    annotation = getattr(annotation, "__supertype__", annotation)
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return instances(annotation)
    if get_origin(annotation) is Literal:
        return st.sampled_from(get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return st.one_of([values(argument) for argument in get_args(annotation)])
    simple: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(-(2**63), 2**63 - 1),
        str: st.text(),
        bool: st.booleans(),
        bytes: st.binary(),
        NoneType: st.none(),
    }
    return simple[annotation]


def instances(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Instances of a dataclass with any values in every field."""
    hints = get_type_hints(cls)
    return st.builds(cls, **{field.name: values(hints[field.name]) for field in dataclasses.fields(cls)})


def leased(job: Job) -> LeasedJob:
    """The row of a job, as a worker holds it."""
    headers = orjson.loads(orjson.dumps(job.headers() or {}))
    return LeasedJob(JobId(1), job.kind, job.key, job.lock, job.priority, job.payload(), headers, 1, 0, 0)


def test_every_kind_of_job_has_an_example() -> None:
    assert {job.kind for job in EXAMPLES} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_payload_is_read_as_the_job_that_was_written(kind: str, data: st.DataObject) -> None:
    job = data.draw(instances(KINDS[kind]))
    assert KINDS[kind].read(leased(job)) == job


async def test_every_kind_of_job_survives_the_table(database: Database) -> None:
    for job in EXAMPLES:
        await enqueue(job)
    read: list[Job] = []
    while rows := await claim(len(EXAMPLES), "tester", 60_000):
        read += [KINDS[row.kind].read(row) for row in rows]
        await execute("UPDATE jobs SET state = 'done' WHERE state = 'running'")
    assert sorted(read, key=repr) == sorted(EXAMPLES, key=repr)


def test_comments_that_were_stored_without_their_authors_standing_are_read() -> None:
    comment = vars(COMMENT)
    for kind, payload in (("command", {}), ("reply", {"body": "Done.", "reaction": "rocket"})):
        stored = orjson.dumps({"comment": comment, **payload})
        job = KINDS[kind].read(LeasedJob(JobId(1), kind, None, None, 10, stored, {}, 1, 0, 0))
        assert isinstance(job, jobs.CommentJob)
        assert (job.comment, job.standing) == (COMMENT, "unknown")


async def test_a_job_of_a_kind_that_no_longer_exists_is_a_dead_letter_that_says_so(world: World) -> None:
    world.expect_unfinished("observe")
    await enqueue(AnyJob("observe", {"run": 1}))
    await world.settle()
    (letter,) = await dead_letters()
    assert (letter.kind, letter.attempts) == ("observe", 1)
    assert "Jobs of the kind `observe` no longer exist: discard this one." in letter.error


async def test_a_payload_that_cannot_be_read_is_a_dead_letter_that_names_the_field(world: World) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # tracebacks are slow
    world.expect_unfinished(*KINDS)
    for number, (kind, payload, _) in enumerate(UNREADABLE):
        await enqueue(AnyJob(kind, {}, key=str(number), raw_payload=payload))
    await world.settle()
    letters = {letter.key: letter for letter in await dead_letters()}
    assert len(letters) == len(UNREADABLE)
    for number, (kind, payload, field) in enumerate(UNREADABLE):
        letter = letters[str(number)]
        assert (letter.kind, letter.attempts) == (kind, 1)
        assert f"The payload of this `{kind}` job cannot be read: " in letter.error
        assert f" {field} " in letter.error, (kind, payload, letter.error)
