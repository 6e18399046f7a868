"""Deploy, promote, roll back, and follow what is deployed."""

import shlex
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.rules.deployments import FINAL
from bot.rules.durations import format_duration
from cli.client.board import busy_environments
from cli.client.caller import Caller
from cli.client.exits import DONE, FAILED, REFUSED, Outcome, Refused, Table, Usage
from cli.client.following import Followed, follow, parse_timeout
from cli.client.gates import closed, code_of, gate_table
from cli.client.options import FollowOptions, RollbackOptions, StartOptions
from cli.client.service import path
from cli.client.shapes import Deployment, DeploymentDetails, Preview


async def deploy(caller: Caller, candidate: str, environment: str, options: StartOptions) -> Outcome:
    """Deploy a candidate to an environment."""
    body, limit = _body(options), parse_timeout(options.timeout, wait=options.wait)
    project = await caller.project()
    where = path("api", "releases", project, "environments", environment, "deployments")
    answer = await _post(caller, where, {"release_candidate_version": candidate, **body})
    return await _started(caller, project, answer, options, limit)


async def promote(caller: Caller, candidate: str, options: StartOptions) -> Outcome:
    """Deploy a candidate to the environment after the last one where it is live."""
    body, limit = _body(options), parse_timeout(options.timeout, wait=options.wait)
    project = await caller.project()
    answer = await _post(caller, path("api", "projects", project, "candidates", candidate, "promote"), body)
    return await _started(caller, project, answer, options, limit)


async def roll_back(caller: Caller, environment: str, options: RollbackOptions) -> Outcome:
    """Deploy what was live before. A rollback never waits for gates; with `wait`, it is followed."""
    limit = parse_timeout(options.timeout, wait=options.wait)
    _check_force(options)
    project = await caller.project()
    sent = {"force": options.force, "reason": options.reason, "dry_run": options.dry_run}
    body = {name: value for name, value in sent.items() if value}
    answer = await caller.service.post(path("api", "releases", project, "environments", environment, "rollback"), body)
    return await _started(caller, project, answer, options, limit)


async def watch(caller: Caller, environment: str | None, number: int | None, limit: timedelta | None) -> Outcome:
    """Follow a deployment: the one with this number, or else what is under way or waits on an environment."""
    project = await caller.project()
    chosen = environment or await _only_busy(caller, project)
    if chosen is None:
        return Outcome(None, (f"Nothing is under way in {project}, and nothing waits.",))
    where = path("api", "releases", project, "environments", chosen, "deployments")
    if number is None:
        rows: list[Deployment] = await caller.service.get(where)
        if not rows:
            return Outcome(None, (f"Nothing was deployed to {chosen} yet.",))
        number = _most_urgent(rows)["id"]
    return await follow(caller, _followed(project, chosen, number), limit)


def _most_urgent(rows: list[Deployment]) -> Deployment:
    """The deployment that is under way, else the one that waits, else the newest one."""
    unfinished = [row for row in rows if row["status"] not in FINAL]
    return min(unfinished, key=lambda row: bool(row["waits_for"]), default=rows[0])


async def _only_busy(caller: Caller, project: str) -> str | None:
    found = await busy_environments(caller, project)
    if len(found) > 1:
        raise Usage(f"Several environments of {project} are busy: name one of {', '.join(found)}.")
    return found[0] if found else None


async def _post(caller: Caller, where: str, body: Mapping[str, object]) -> Any:
    """Ask for a deployment. If it is refused only because gates wait, it is said what to do about that."""
    try:
        return await caller.service.post(where, body)
    except Refused as refused:
        if {gate["verdict"] for gate in closed(refused.details.get("gates", ()))} != {"wait"}:
            raise
        sentence = f"{refused.sentence.rstrip('.')}. With --wait, the deployment waits until it may start."
        raise Refused(sentence, refused.status, refused.said, refused.details, refused.table) from refused


def _check_force(options: StartOptions | RollbackOptions) -> None:
    if options.force and not (options.reason or "").strip():
        raise Usage("--force needs a --reason, which is recorded and shown.")


def _body(options: StartOptions) -> dict[str, object]:
    """The fields of a request that say how a deployment is started."""
    _check_force(options)
    if options.reason is not None and not options.force:
        raise Usage("--reason says why gates are overridden: it needs --force.")
    sent = {"wait": options.wait, "force": options.force, "reason": options.reason, "dry_run": options.dry_run}
    return {name: value for name, value in sent.items() if value}


async def _started(
    caller: Caller, project: str, answer: Any, options: FollowOptions, limit: timedelta | None
) -> Outcome:
    """The outcome of the request for a deployment: what it would do, what it has started, or how that ended."""
    if options.dry_run:
        return previewed(answer, waits=options.wait and isinstance(options, StartOptions))
    deployment: Deployment = answer
    followed = _followed(project, deployment["environment_name"], deployment["id"])
    if options.wait:
        return await follow(caller, followed, limit)
    line = f"Deployment {deployment['id']}: {_subject(deployment)} is {_words(deployment['status'])}."
    return Outcome(deployment, (line, f"`{followed.again}` follows it."))


def previewed(preview: Preview, *, waits: bool) -> Outcome:
    """What a request would do. `waits`: it would wait for gates that may still open."""
    decision = preview["decision"]
    shut = [] if decision is None else closed(decision["gates"])
    shown: list[str | Table] = [*preview["would"], *([gate_table(shut)] if shut else [])]
    return Outcome(preview, shown, DONE if decision is None else code_of(decision, waits=waits))


def _followed(project: str, environment: str, number: int) -> Followed[DeploymentDetails]:
    return Followed(
        path=path("api", "releases", project, "environments", environment, "deployments", number),
        describe=_describe,
        ended=_ended,
        explain=_explain,
        again=shlex.join(["longshore", "watch", environment, "--deployment", str(number), "--project", project]),
    )


def _describe(deployment: DeploymentDetails) -> str:
    """How a deployment goes on, on one line."""
    subject, run = _subject(deployment), deployment["run"]
    if deployment["waits_for"]:
        gates = [] if deployment["decision"] is None else closed(deployment["decision"]["gates"])
        told = "; ".join(f"{gate['gate']}: {gate['sentence']}" for gate in gates)
        return f"{subject} waits ({told or ', '.join(deployment['waits_for'])})"
    address = f" ({run['url']})" if run is not None and run["url"] else ""
    return f"{subject} is {_words(deployment['status'])}{address}"


def _ended(deployment: DeploymentDetails) -> Outcome | None:
    """The outcome of a deployment that has ended."""
    status, run = deployment["status"], deployment["run"]
    if status not in FINAL:
        return None
    if status == "success":
        return Outcome(deployment, (f"{_subject(deployment)} is live{_took(deployment)}.",))
    refused = deployment["wait_outcome"] == "refused"
    gates = [] if deployment["decision"] is None or not refused else closed(deployment["decision"]["gates"])
    address = f" See {run['url']}." if run is not None and run["url"] else ""
    reason = (deployment["error_message"] or "").rstrip(".")
    problem = f"{_subject(deployment)} ended with `{_words(status)}`{f': {reason}' if reason else ''}.{address}"
    return Outcome(deployment, (gate_table(gates),) if gates else (), REFUSED if refused else FAILED, problem)


def _explain(deployment: DeploymentDetails) -> Table | None:
    decision = deployment["decision"] if deployment["waits_for"] else None
    return None if decision is None else gate_table(closed(decision["gates"]))


def _subject(deployment: Deployment) -> str:
    return f"{deployment['release_candidate_version']} on {deployment['environment_name']}"


def _words(status: str) -> str:
    return status.replace("_", " ")


def _took(deployment: Deployment) -> str:
    """How long a deployment took, as the end of a sentence."""
    started, ended = deployment["deploy_start_at"], deployment["deploy_end_at"]
    if started is None or ended is None:
        return ""
    return f", after {format_duration(datetime.fromisoformat(ended) - datetime.fromisoformat(started))}"
