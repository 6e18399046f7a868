"""Cut candidates, approve them, and ask why one can or cannot be deployed."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.errors import Refusal
from bot.rules.versions import CandidateVersion, parse_candidate_version, parse_requested_version
from cli.client.caller import Caller
from cli.client.deployments import previewed
from cli.client.exits import FAILED, Outcome, Refused, Usage
from cli.client.following import Followed, follow, parse_timeout
from cli.client.gates import code_of, gate_table
from cli.client.options import CutOptions
from cli.client.repositories import full_sha
from cli.client.service import path
from cli.client.shapes import Candidate, Decision, Project

TAKEN = "Release candidate already exists with another commit"
SHORT_SHA = 12  # digits
GOING_ON = ("pending", "building")
ATTEMPTS = 3  # to find a number that nobody else takes meanwhile


@dataclass(frozen=True)
class _Cut:
    """A candidate to cut: what to send, and its version as far as somebody named it."""

    project: str
    version: str | None
    body: Mapping[str, object]


async def cut(caller: Caller, version: str | None, options: CutOptions) -> Outcome:
    """Cut a candidate, by default of the next version, at the commit that is checked out."""
    limit = parse_timeout(options.timeout, wait=options.wait)
    name = await caller.project()
    project: Project = await caller.service.get(path("api", "projects", name))
    if project["repo"] is None:
        raise Usage(f"The project {name} has no repository, so there is nothing to cut.")
    build = project["build_workflow"] is not None if options.build is None else options.build
    commit = await _commit(caller, options.commit)
    body = {"repo": project["repo"], "commit": commit, "trigger_build_workflow": build, "dry_run": options.dry_run}
    answer: Any = await _cut(caller, _Cut(name, version, body))
    if options.dry_run:
        return previewed(answer, waits=False)
    if options.wait:
        return await follow(caller, _followed(name, answer), limit)
    return Outcome(answer, (_cut_line(answer),))


async def approve(caller: Caller, candidate: str, environment: str, comment: str) -> Outcome:
    """Approve a candidate for an environment."""
    where = path("api", "projects", await caller.project(), "environments", environment, "approvals")
    approval = await caller.service.post(where, {"candidate": candidate, "comment": comment})
    line = f"Approved {approval['candidate']} for {approval['environment']} as {approval['by']}."
    return Outcome(approval, (line,))


async def why(caller: Caller, candidate: str, environment: str) -> Outcome:
    """Show what every gate says about a deployment; the exit code says whether it could be made now."""
    where = path("api", "projects", await caller.project(), "environments", environment, "decision")
    decision: Decision = await caller.service.get(where, candidate=candidate)
    verdicts = {0: "can be deployed to", 3: "cannot be deployed to", 4: "would wait before it is deployed to"}
    code = code_of(decision, waits=True)
    line = f"{decision['candidate']} {verdicts[code]} {decision['environment']}."
    return Outcome(decision, (line, gate_table(decision["gates"])), code)


async def _commit(caller: Caller, revision: str) -> str:
    commit = await full_sha(caller.folder, revision)
    if commit is None:
        raise Usage(f"`{revision}` is no commit of the repository that you are in: name one by its full SHA.")
    return commit


async def _cut(caller: Caller, cut_: _Cut, attempts: int = ATTEMPTS) -> Candidate:
    """Cut a candidate. If its number was left to us, and somebody else takes it meanwhile, take the next one."""
    candidate = await _candidate_version(caller, cut_)
    try:
        answer: Candidate = await caller.service.post(
            path("api", "releases", cut_.project, "releases", candidate), cut_.body
        )
    except Refused as refused:
        if refused.said != TAKEN or candidate == cut_.version or attempts == 1:
            raise
        return await _cut(caller, cut_, attempts - 1)
    return answer


async def _candidate_version(caller: Caller, cut_: _Cut) -> str:
    """The candidate version that is meant: as it is written, or with the next number of its release."""
    if cut_.version is None:
        found = await caller.service.get(path("api", "projects", cut_.project, "next-version"))
        return str(found["release_candidate_version"])
    release, number = _requested(cut_.version)
    return str(
        CandidateVersion(release, await _next_number(caller, cut_.project, release) if number is None else number)
    )


def _requested(version: str) -> tuple[str, int | None]:
    """The release that is meant, and the candidate's number if there is one."""
    try:
        requested = parse_requested_version(version)
    except Refusal as refused:
        raise Usage(f"`{version}` is not a version: write {refused.details['expected']}.") from None
    return requested.release, requested.number


async def _next_number(caller: Caller, project: str, release: str) -> int:
    try:
        found = await caller.service.get(path("api", "projects", project, "releases", release))
    except Refused as refused:
        if refused.status != 404:
            raise
        return 1
    numbers = [parse_candidate_version(each["release_candidate_version"]).number for each in found["candidates"]]
    return max(numbers, default=0) + 1


def _followed(project: str, candidate: Candidate) -> Followed[Candidate]:
    version = candidate["release_candidate_version"]
    again = ["longshore", "cut", version, "--commit", candidate["commit"], "--wait", "--project", project]
    return Followed(
        path=path("api", "releases", project, "releases", version),
        describe=_describe,
        ended=_ended,
        explain=lambda candidate: None,
        again=shlex.join(again),
    )


def _describe(candidate: Candidate) -> str:
    run = candidate["build"]
    address = f" ({run['url']})" if run is not None and run["url"] else ""
    return f"{candidate['release_candidate_version']} is {candidate['status']}{address}"


def _ended(candidate: Candidate) -> Outcome | None:
    """The outcome of a build that has ended."""
    if candidate["status"] in GOING_ON:
        return None
    if candidate["status"] == "ready":
        return Outcome(candidate, (_cut_line(candidate),))
    reason = f": {candidate['reason'].rstrip('.')}" if candidate["reason"] else ""
    problem = f"{_describe(candidate)}{reason}."
    return Outcome(candidate, (), FAILED, problem)


def _cut_line(candidate: Candidate) -> str:
    version, commit = candidate["release_candidate_version"], candidate["commit"][:SHORT_SHA]
    return f"Cut {version} at {commit}; it is {candidate['status']}."
