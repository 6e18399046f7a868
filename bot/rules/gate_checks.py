"""The gate `checks`: checks and commit statuses that have to be green at the candidate's commit."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from bot.rules.checks import CheckResult
from bot.rules.gate_facts import GateFacts
from bot.rules.gate_results import GateResult
from bot.rules.gate_settings import RequiredCheck
from bot.rules.names import in_words

ALL = "all"
MAX_LISTED = 5  # checks that a sentence names
NOT_READ = "the checks were not read"


def checks(facts: GateFacts) -> GateResult:
    """Judge the required checks: those that failed refuse, those that are pending or missing are waited for."""
    required = facts.settings.required_checks()
    if not required:
        return GateResult("checks", "off")
    known: dict[str, Any] = {"required": [_written(each) for each in required]}
    if facts.checks is None or facts.checks.problem is not None:
        error = NOT_READ if facts.checks is None else facts.checks.problem
        return GateResult("checks", "wait", f"The checks could not be read: {error}", facts={**known, "error": error})
    found, missing = _find(required, facts.checks.results)
    failed = [each for each in found if each.state == "failed"]
    pending = [each for each in found if each.state == "pending"]
    known |= {"failed": [*map(_to_json, failed)], "pending": [*map(_to_json, pending)], "missing": missing}
    known["green"] = len(found) - len(failed) - len(pending)
    if failed:
        return GateResult("checks", "refuse", f"{_listed(each.name for each in failed)} failed", facts=known)
    if pending or missing:
        parts = [
            f"{_listed(each.name for each in pending)} is pending" if pending else "",
            f"{_listed(missing)} is not reported" if missing else "",
        ]
        return GateResult("checks", "wait", ", and ".join(filter(None, parts)), facts=known)
    return GateResult("checks", "pass", facts=known)


def _find(required: Iterable[RequiredCheck], results: Iterable[CheckResult]) -> tuple[list[CheckResult], list[str]]:
    """The results that are required, each once, and the requirements for which nothing is reported."""
    reported = [each for each in results if not each.is_ours]
    by_name: dict[str, list[CheckResult]] = {}
    for each in reported:
        by_name.setdefault(each.name, []).append(each)
    found, missing = dict[int, CheckResult](), list[str]()
    for requirement in required:
        matching = [
            each
            for each in _named(requirement.name, by_name, reported)
            if requirement.app is None or each.app == requirement.app
        ]
        found |= {id(each): each for each in matching}
        if not matching:
            missing.append(requirement.name)
    return list(found.values()), missing


def _named(name: str, by_name: Mapping[str, list[CheckResult]], reported: list[CheckResult]) -> list[CheckResult]:
    """What is reported under a name; a name with brackets may be meant literally, or as a pattern."""
    if name == ALL:
        return reported
    if not any(character in name for character in "*?["):
        return by_name.get(name, [])
    return [each for each in reported if each.name == name or fnmatchcase(each.name, name)]


def _listed(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    return in_words(unique[:MAX_LISTED], max(0, len(unique) - MAX_LISTED))


def _written(required: RequiredCheck) -> dict[str, str | None]:
    return {"name": required.name, "app": required.app}


def _to_json(result: CheckResult) -> dict[str, str | None]:
    return {"name": result.name, "app": result.app, "conclusion": result.conclusion, "url": result.url}
