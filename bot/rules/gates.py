"""Gates: the conditions between a candidate and an environment, decided and explained in one place.

`decide` always evaluates every gate. Errors, comments, pages and audit entries are rendered from its `Decision`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from bot.rules import gate_freezes
from bot.rules.approvers import Answer, is_listed
from bot.rules.gate_approvals import approvals
from bot.rules.gate_checks import checks
from bot.rules.gate_facts import EarlierEnvironment, GateFacts, Override, Requester
from bot.rules.gate_results import GATES, OVERRIDABLE, Decision, Gate, GateResult, Verdict, stamp, until_words
from bot.rules.ids import GitHubUserId
from bot.rules.names import in_words

BUILDING = frozenset({"pending", "building"})
_OFF: Mapping[Gate, GateResult] = {gate: GateResult(gate, "off") for gate in GATES}
_PASS: Mapping[Gate, GateResult] = {gate: GateResult(gate, "pass") for gate in GATES}
ENDED = {"failed": "has failed", "canceled": "was canceled"}
"""Statuses of candidates, where they are not said with `is`."""


def decide(facts: GateFacts, *, exempt: Collection[Gate] = (), override: Override | None = None) -> Decision:
    """Evaluate every gate. Those in `exempt` are off; an override opens closed ones of `OVERRIDABLE`, if it may."""
    results = [_OFF[gate] if gate in exempt else judge(facts) for gate, judge in _GATES.items()]
    if override is not None:
        results = [_overridden(facts, result, override) for result in results]
    return Decision(facts.candidate.version, facts.environment, tuple(results), override)


def _overridden(facts: GateFacts, result: GateResult, override: Override) -> GateResult:
    """The result as an override leaves it: with the verdict as it was, or saying why it stays closed."""
    if result.is_open or result.gate not in OVERRIDABLE:
        return result
    if result.gate == "freeze" and not gate_freezes.is_overridable(facts):
        return result
    if not facts.settings.force:
        sentence = f"{result.sentence}; the environment does not allow `force`"
        return result._replace(sentence=sentence, facts={**result.facts, "force": False})
    was = {"was": result.verdict, "overridden_by": override.by, "override_reason": override.reason}
    return result._replace(verdict="overridden", facts={**result.facts, **was})


def _candidate(facts: GateFacts) -> GateResult:
    candidate = facts.candidate
    known = {"status": candidate.status, "reason": candidate.reason}
    if candidate.status == "ready":
        return GateResult("candidate", "pass", facts=known)
    because = f": {candidate.reason}" if candidate.reason else ""
    verdict: Verdict = "wait" if candidate.status in BUILDING else "refuse"
    return GateResult(
        "candidate",
        verdict,
        f"The candidate {ENDED.get(candidate.status, f'is {candidate.status}')}{because}",
        facts=known,
    )


def _hold(facts: GateFacts) -> GateResult:
    held = facts.held
    if held is None:
        return _PASS["hold"]
    return GateResult(
        "hold",
        "refuse",
        f"The release is held by {held.by}: {held.reason}",
        since=held.since,
        who_can_help=(held.by,),
        facts={"by": held.by, "reason": held.reason, "since": stamp(held.since)},
    )


def _order(facts: GateFacts) -> GateResult:
    """Judge the environments that come before: the same commit on each of them, for as long as it has to soak."""
    if not facts.settings.after:
        return _OFF["order"]
    found = {each.name: each for each in facts.earlier}
    earlier = [found[name] if name in found else EarlierEnvironment(name) for name in facts.settings.after]
    known = {"after": [_earlier_to_json(each) for each in earlier], "soak": facts.settings.soak.total_seconds()}
    unknown = [each.name for each in earlier if not each.exists]
    if unknown:
        sentence = f"`after` names {in_words(unknown)}, which the project does not have: change the setting"
        return GateResult("order", "refuse", sentence, facts=known)
    missing = [_order_sentence(each) for each in earlier if each.deployed_at is None or _has_failed(each)]
    if missing:
        return GateResult("order", "wait", "; ".join(missing), facts=known)
    ends = {each.name: each.deployed_at + facts.settings.soak for each in earlier if each.deployed_at is not None}
    until = max(ends.values())
    if until <= facts.now:
        return GateResult("order", "pass", facts=known)
    soaking = [name for name, end in ends.items() if end > facts.now]
    sentence = f"The commit soaks on {in_words(soaking)}{until_words(until).removeprefix(';')}"
    return GateResult("order", "wait", sentence, since=until - facts.settings.soak, until=until, facts=known)


def _has_failed(earlier: EarlierEnvironment) -> bool:
    """Whether the commit failed, or was rolled back, since its last success."""
    deployed_at, failed_at = earlier.deployed_at, earlier.failed_at
    return failed_at is not None and (deployed_at is None or failed_at >= deployed_at)


def _order_sentence(earlier: EarlierEnvironment) -> str:
    if _has_failed(earlier):
        return f"The commit failed on `{earlier.name}`, or was rolled back from it: deploy it there again first"
    return f"The commit was never deployed to `{earlier.name}`: deploy it there first"


def _earlier_to_json(earlier: EarlierEnvironment) -> dict[str, Any]:
    return {
        "environment": earlier.name,
        "exists": earlier.exists,
        "deployed_at": stamp(earlier.deployed_at),
        "failed_at": stamp(earlier.failed_at),
    }


def _downgrade(facts: GateFacts) -> GateResult:
    """Judge how the commit stands to the live one: an ancestor of it is refused."""
    live = facts.live
    if not facts.settings.refuses_downgrades(facts.tier):
        return _OFF["downgrade"]
    if live is None:
        return GateResult("downgrade", "pass", facts={"live": None})
    is_same = live.commit == facts.candidate.commit
    comparison = "identical" if is_same else live.comparison
    known = {"live": live.version, "live_commit": live.commit, "comparison": comparison}
    if comparison is None:
        error = live.problem or "the commits were not compared"
        sentence = f"The commit could not be compared with the live one of {live.version}: {error}"
        return GateResult("downgrade", "wait", sentence, facts={**known, "error": error})
    if comparison == "behind":
        sentence = f"{live.version} is live and contains this commit: to go back, use `rollback`"
        return GateResult("downgrade", "refuse", sentence, facts=known)
    diverged = f"The commit is on another branch than {live.version}, which is live"
    return GateResult("downgrade", "pass", diverged if comparison == "diverged" else "", facts=known)


def _lock(facts: GateFacts) -> GateResult:
    lock, requester = facts.lock, facts.requester
    if lock is None or (lock.until is not None and lock.until <= facts.now):
        return _PASS["lock"]
    known = {
        "owner": lock.owner_name,
        "reason": lock.reason,
        "since": stamp(lock.since),
        "until": stamp(lock.until),
    }
    if lock.owner == requester.user_id and not requester.automatic:
        return GateResult("lock", "pass", since=lock.since, facts=known)
    return GateResult(
        "lock",
        "refuse" if lock.until is None else "wait",
        f"The environment is locked by {lock.owner_name}: {lock.reason}{until_words(lock.until)}",
        since=lock.since,
        until=lock.until,
        who_can_help=(lock.owner_name,),
        facts=known,
    )


def _busy(facts: GateFacts) -> GateResult:
    if facts.busy_with is None:
        return _PASS["busy"]
    sentence = f"Deployment {facts.busy_with} is in progress"
    return GateResult("busy", "wait", sentence, facts={"deployment": facts.busy_with})


def _deployers(facts: GateFacts) -> GateResult:
    """Judge who asks: the environment may name those who may."""
    entries, requester = facts.settings.deployers, facts.requester
    if not entries:
        return _OFF["deployers"]
    known = {"requester": requester.name}
    answer, error = _is_deployer(requester, entries, facts.users)
    if answer == "yes":
        return GateResult("deployers", "pass", facts=known)
    if answer == "no":
        who = f"only {in_words(entries)} may deploy here"
        why = "has no account on GitHub" if requester.github_id is None else "may not deploy here"
        sentence = f"{requester.name} {why}: {who}"
        return GateResult("deployers", "refuse", sentence, who_can_help=entries, facts=known)
    sentence = f"Whether {requester.name} may deploy here could not be read: {error}"
    return GateResult("deployers", "wait", sentence, who_can_help=entries, facts={**known, "error": error})


def _is_deployer(
    requester: Requester, entries: tuple[str, ...], users: Mapping[str, GitHubUserId]
) -> tuple[Answer, str]:
    """Whether the requester is one of those who may deploy, and why that cannot be told."""
    if requester.automatic:
        return "yes", ""
    if requester.github_id is None:
        return "no", ""
    person = requester.person
    if person is None or person.github_id != requester.github_id:
        return "unknown", "GitHub was not asked about the requester"
    return is_listed(person, entries, users)


_GATES: Mapping[Gate, Callable[[GateFacts], GateResult]] = {
    "candidate": _candidate,
    "hold": _hold,
    "order": _order,
    "downgrade": _downgrade,
    "checks": checks,
    "approvals": approvals,
    "freeze": gate_freezes.freeze,
    "lock": _lock,
    "busy": _busy,
    "deployers": _deployers,
}
"""Every gate, in the order of evaluation."""
