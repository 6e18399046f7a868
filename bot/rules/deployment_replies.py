"""The replies to commands about candidates and deployments: what was started, what it waits for, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.rules.commit_ranges import CommitRange
from bot.rules.escaping import code, plain
from bot.rules.gate_results import Decision, GateResult, Verdict
from bot.rules.ids import CommitSha
from bot.rules.replies import Act, moment

SHORT_SHA = 12  # digits
VERDICTS: dict[Verdict, str] = {
    "off": "is off",
    "pass": "passes",
    "overridden": "is overridden",
    "wait": "waits",
    "refuse": "refuses",
}


@dataclass(frozen=True)
class CutResult:
    """A candidate that a command cut, or would cut."""

    version: str
    commit: str
    status: str
    building: bool


@dataclass(frozen=True)
class DeployResult:
    """A deployment that a command started. `closed` are the gates that it waits for, until `expires_at` at most.

    `rollback`: it deploys what was live before. `overridden` are the gates that were overridden, for `reason`.
    """

    version: str
    environment: str
    deployment_id: int
    rollback: bool = False
    closed: tuple[GateResult, ...] = ()
    expires_at: datetime | None = None
    overridden: tuple[GateResult, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Preview:
    """What a command would do, in sentences, and the gates that stand in its way."""

    would: tuple[str, ...]
    closed: tuple[GateResult, ...] = ()


@dataclass(frozen=True)
class Shipment:
    """What a deployment would bring to an environment where the candidate `live` is, if any.

    `commits` None: it is the same commit, or `problem` says why the commits are not known.
    """

    live: str | None
    commits: CommitRange | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Explanation:
    """Why a candidate can or cannot be deployed to an environment, and what that would bring."""

    decision: Decision
    shipment: Shipment


@dataclass(frozen=True)
class Canceled:
    """A deployment that a command canceled: at once, or once its run has ended."""

    version: str
    deployment_id: int
    ended: bool


@dataclass(frozen=True)
class ApprovedConfig:
    """An approval of a change of the configuration file: `given` of the `needed` approvals, and what is concerned."""

    fields: tuple[str, ...]
    given: int
    needed: int
    takes_effect: bool


def cut(result: CutResult) -> Act:
    """Say which candidate was cut, at which commit."""
    state = "Its build has been requested." if result.building else f"It is {result.status}."
    return Act("Cut", "cut", f"{code(result.version)} at {code(result.commit)}", (state,))


def deployed(result: DeployResult) -> str:
    """Say that a deployment was started, or what it waits for, until when, and who can help."""
    if result.closed:
        return _waiting(result)
    act = "Rolling" if result.rollback else "Deploying"
    what = f"{code(result.version)} to {code(result.environment)}"
    if result.rollback:
        what = f"{code(result.environment)} back to {code(result.version)}"
    because = _because(result)
    lines = [f"{act} {what} (deployment {result.deployment_id}){because if result.rollback else ''}."]
    return "\n".join([*lines, *_overridden(result)])


def previewed(preview: Preview) -> str:
    """Say what a command would do."""
    lines = ["I would:", *(f"- {plain(sentence)}" for sentence in preview.would)]
    if preview.closed:
        lines += ["", "What stands in the way:", *gate_lines(preview.closed)]
    return "\n".join(lines)


def canceled_build(version: str, *, ended: bool) -> Act:
    """Say that a build was canceled."""
    later = () if ended else ("It ends once GitHub has stopped its run.",)
    return Act("Canceled", "cancel", f"the build of {code(version)}", later)


def canceled(environment: str, deployments: Sequence[Canceled]) -> Act:
    """Say which deployments of an environment were canceled."""
    named = " and ".join(f"{code(each.version)} (deployment {each.deployment_id})" for each in deployments)
    is_ending = any(not each.ended for each in deployments)
    later = ("It ends once GitHub has stopped its run.",) if is_ending else ()
    return Act("Canceled", "cancel", f"on {code(environment)}: {named}", later)


def approved(version: str, environment: str, commit: CommitSha, given: int, needed: int) -> Act:
    """Say what somebody approved: one commit for one environment, with `given` approvals now, of `needed`."""
    what = f"{code(version)} for {code(environment)}"
    count = f"It has {given} of {needed} {'approval' if needed == 1 else 'approvals'} now."
    return Act("Approved", "approve", what, (count, f"This is about the commit {code(commit)} alone."))


def approved_config(environment: str, changes: Sequence[ApprovedConfig]) -> Act:
    """Say which changes of the configuration file somebody approved, and which take effect."""
    remarks = []
    for change in changes:
        effect = "it takes effect" if change.takes_effect else "it waits for more"
        fields = ", ".join(map(code, change.fields)) or "the change"
        remarks.append(f"Of {fields}: {change.given} of {change.needed} approvals, {effect}.")
    return Act("Approved", "approve", f"the configuration file for {code(environment)}", tuple(remarks))


def unapproved(version: str, environment: str) -> Act:
    """Say that somebody withdrew their approval."""
    return Act("Withdrew", "withdraw", f"your approval of {code(version)} for {code(environment)}")


def explained(explanation: Explanation) -> str:
    """Say every gate's verdict in words, and which commits a deployment would bring."""
    decision = explanation.decision
    verdicts = {"wait": "has to wait", "refuse": "cannot be deployed"}
    summary = verdicts.get(decision.verdict, "can be deployed")
    heading = f"**{code(decision.candidate)} for {code(decision.environment)}**: it {summary}."
    shown = [gate for gate in decision.gates if gate.verdict != "off"]
    off = ", ".join(gate.gate for gate in decision.gates if gate.verdict == "off")
    lines = [heading, "", *gate_lines(shown)]
    if off:
        lines.append(f"- off: {off}")
    return "\n".join([*lines, "", *_shipped(explanation.shipment)])


def gate_lines(gates: Iterable[GateResult]) -> list[str]:
    """Gates in a list: the verdict of each, why (which says until when), and who can help."""
    return [f"- {_gate_line(gate)}" for gate in gates]


def _gate_line(gate: GateResult) -> str:
    parts = [f"**{gate.gate}** {VERDICTS[gate.verdict]}" + (f": {plain(gate.sentence)}" if gate.sentence else "")]
    if gate.who_can_help and not gate.is_open:
        parts.append(f"who can help: {', '.join(map(code, gate.who_can_help))}")
    return "; ".join(parts)


def _because(result: DeployResult) -> str:
    return f", because {code(result.reason)}" if result.reason else ""


def _overridden(result: DeployResult) -> list[str]:
    if not result.overridden:
        return []
    return [f"Overridden{_because(result)}:", *gate_lines(result.overridden)]


def _waiting(result: DeployResult) -> str:
    what = f"{code(result.version)} waits to be deployed to {code(result.environment)}"
    lines = [f"{what} (deployment {result.deployment_id}):", *gate_lines(result.closed)]
    lines += _overridden(result)
    if result.expires_at is not None:
        lines += ["", f"It is deployed as soon as nothing stands in its way, until {moment(result.expires_at)}."]
    return "\n".join(lines)


def _shipped(shipment: Shipment) -> list[str]:
    if shipment.live is None:
        return ["Nothing is live there yet."]
    live = f"what is live there ({code(shipment.live)})"
    if shipment.problem is not None:
        return [f"How it differs from {live} is not known: {plain(shipment.problem)}."]
    commits = shipment.commits
    if commits is None:
        return [f"It is the same commit as {live}."]
    counts = [f"bring {_count(commits.ahead_by)}"] if commits.ahead_by or not commits.behind_by else []
    if commits.behind_by:
        counts.append(f"take back {_count(commits.behind_by)}")
    shown = [f"- {code(each.sha[:SHORT_SHA])} {code(each.subject)} by {code(each.author)}" for each in commits.commits]
    more = commits.ahead_by - len(shown)
    rest = [f"- and {more:,} more"] if more > 0 else []
    return [f"It would {' and '.join(counts)}, compared with {live}{':' if shown else '.'}", *shown, *rest]


def _count(number: int) -> str:
    return f"{number:,} commit{'' if number == 1 else 's'}"
