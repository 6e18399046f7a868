"""What environments of GitHub are told about the jobs that they ask about."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.rules.gate_results import Decision, GateResult, Verdict, worst
from bot.rules.replies import code, plain


@dataclass(frozen=True)
class ProjectDecision:
    """The decision of one project. `refusal` says why its requester may not deploy there at all."""

    project: str
    decision: Decision
    refusal: str | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether the project lets the job through."""
        return "refuse" if self.refusal is not None else self.decision.verdict


def verdict_of(decisions: Sequence[ProjectDecision]) -> Verdict:
    """The most severe verdict: the projects that have a candidate at the commit must all let the job through."""
    return worst(decision.verdict for decision in decisions)


def answer(decisions: Sequence[ProjectDecision]) -> str:
    """What the environment is told: for each project, whether its candidate may be deployed, and every closed gate.

    Refusing gates come first, since the text may be cut.
    """
    return "\n".join(line for decision in decisions for line in _lines(decision))


def refused(sentence: str) -> str:
    """What it is told about a job that no gate can judge."""
    return f"Rejected: {plain(sentence)}."


def without_building(decision: Decision) -> Decision:
    """The decision about a run that builds the candidate, which therefore need not be built yet."""
    return Decision(
        decision.candidate,
        decision.environment,
        tuple(
            GateResult("candidate", "pass", facts=each.facts) if _is_building(each) else each for each in decision.gates
        ),
        decision.override,
    )


def _is_building(result: GateResult) -> bool:
    return result.gate == "candidate" and result.verdict == "wait"


def _lines(about: ProjectDecision) -> list[str]:
    decision = about.decision
    subject = f"{code(decision.candidate)} of {code(about.project)}"
    if about.refusal is not None:
        return [f"{subject} may not be deployed to {code(decision.environment)}: {plain(about.refusal)}"]
    closed = sorted(decision.closed(), key=lambda each: each.verdict != "refuse")
    if not closed:
        overridden = ", ".join(each.gate for each in decision.overridden)
        because = f" (overridden: {overridden})" if overridden else ""
        return [f"{subject} may be deployed to {code(decision.environment)}{because}."]
    verb = "may not be deployed to" if about.verdict == "refuse" else "waits for"
    return [f"{subject} {verb} {code(decision.environment)}:", *map(_gate, closed)]


def _gate(result: GateResult) -> str:
    helpers = f". Who can help: {', '.join(map(code, result.who_can_help))}" if result.who_can_help else ""
    return f"- **{result.gate}**: {plain(result.sentence)}{helpers}"
