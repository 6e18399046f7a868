"""The gate `approvals`: how many people approved a candidate for an environment, and whose approval counts."""

from collections.abc import Mapping
from typing import Any, Literal

from bot.errors import FactUnknown
from bot.rules.approvers import PersonFact, is_listed
from bot.rules.gate_facts import ApprovalFact, GateFacts
from bot.rules.gate_results import GateResult, stamp
from bot.rules.ids import GitHubUserId, UserId
from bot.rules.names import in_words

Because = Literal["gone", "cut", "requested", "expired", "author", "not_listed", "unknown"]
"""Why an approval does not count; `unknown`: GitHub did not say whether it does."""

OFF = GateResult("approvals", "off")
NOT_READ = "the authors of the commits were not read"
NOT_ASKED = "GitHub was not asked about the approver"
TO_THEMSELVES: Mapping[Because, str] = {
    "gone": "Your account on GitHub does not exist any more",
    "cut": "You cut this candidate: somebody else has to approve it",
    "requested": "You asked for this deployment: somebody else has to approve it",
    "author": "You wrote a commit that this deployment would bring: somebody else has to approve it",
}


def approvals(facts: GateFacts) -> GateResult:
    """Count the approvals of different people: wait until there are enough, and until it is known whose count."""
    rule = facts.settings.approvals
    if rule.count == 0:
        return OFF
    counted, not_counted, errors = _count(facts)
    known: dict[str, Any] = {
        "needed": rule.count,
        "given": len(counted),
        "approved_by": [_to_json(each) for each in counted],
        "not_counted": not_counted,
        "unlinked_authors": list(facts.authors.unlinked) if facts.authors is not None else [],
    }
    if len(counted) >= rule.count:
        return GateResult("approvals", "pass", facts=known)
    entries = facts.settings.approvers(facts.tier)
    who = in_words(entries, last="or")
    sentence = f"{len(counted)} of {rule.count} approval{'s' if rule.count > 1 else ''} by {who}"
    if errors:
        known["error"], sentence = errors[0], f"{sentence}; not all of them could be judged: {errors[0]}"
    return GateResult("approvals", "wait", sentence, who_can_help=entries, facts=known)


def why_not_approve(facts: GateFacts, person: PersonFact, user_id: UserId) -> str | None:
    """Why a person may not approve the candidate, in a sentence to them; None if they may.

    `facts.requester` is who asked for the deployment that the approval is for; `automatic` if nobody did. Raises
    Unavailable if GitHub did not say what has to be known.
    """
    because, error = _judged(facts, person, user_id)
    if because is None:
        return None
    if because == "unknown":
        raise FactUnknown(reason=error)
    who = in_words(facts.settings.approvers(facts.tier), last="or")
    return TO_THEMSELVES.get(because) or f"You may not approve it here: {who} may"


def _count(facts: GateFacts) -> tuple[list[ApprovalFact], list[dict[str, Any]], list[str]]:
    """The approvals that count, one of each person; those that do not, and why; and what could not be read."""
    counted: dict[GitHubUserId, ApprovalFact] = {}
    not_counted: list[dict[str, Any]] = []
    errors: list[str] = []
    for approval in facts.approvals:
        because, error = _judge(facts, approval)
        if because is None:
            counted.setdefault(approval.github_id, approval)
            continue
        not_counted.append({"by": approval.login, "because": because})
        if because == "unknown":
            errors.append(error)
    return list(counted.values()), not_counted, errors


def _judge(facts: GateFacts, approval: ApprovalFact) -> tuple[Because | None, str]:
    """Why an approval does not count, and what could not be read; None if it counts."""
    if approval.approved_at + facts.settings.approvals.expire_after <= facts.now:
        return "expired", ""
    person = approval.person
    if person is None:
        because = _excluded(facts, approval.github_id, approval.user_id)
        return because or "unknown", approval.problem or NOT_ASKED
    if person.github_id != approval.github_id:
        return "unknown", NOT_ASKED
    return _judged(facts, person, approval.user_id)


def _judged(facts: GateFacts, person: PersonFact, user_id: UserId) -> tuple[Because | None, str]:
    if person.is_gone:
        return "gone", ""
    if (because := _excluded(facts, person.github_id, user_id)) is not None:
        return because, ""
    answer, problem = is_listed(person, facts.settings.approvers(facts.tier), facts.users)
    if answer == "no":
        return "not_listed", ""
    error = problem if answer == "unknown" else _authors_problem(facts)
    return (None, "") if error is None else ("unknown", error)


def _excluded(facts: GateFacts, github_id: GitHubUserId, user_id: UserId) -> Because | None:
    """Why a person's approval does not count whatever their role: it would be of what they do themselves."""
    candidate, requester = facts.candidate, facts.requester
    if user_id == candidate.cut_by or github_id == candidate.cut_by_github_id:
        return "cut"
    if not requester.automatic and (user_id == requester.user_id or github_id == requester.github_id):
        return "requested"
    if not facts.settings.approvals.authors and facts.authors is not None and github_id in facts.authors.ids:
        return "author"
    return None


def _authors_problem(facts: GateFacts) -> str | None:
    """Why it is not known who wrote the commits; None if it is, or does not matter."""
    if facts.settings.approvals.authors:
        return None
    return NOT_READ if facts.authors is None else facts.authors.problem


def _to_json(approval: ApprovalFact) -> dict[str, Any]:
    return {"by": approval.login, "at": stamp(approval.approved_at), "by_operator": approval.by_operator}
