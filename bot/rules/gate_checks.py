"""The gate `checks`: checks and commit statuses that have to be green at the candidate's commit."""

import re
from collections.abc import Callable, Collection, Iterable
from fnmatch import translate
from functools import lru_cache
from typing import Any

from bot.rules.checks import CheckResult
from bot.rules.gate_facts import GateFacts
from bot.rules.gate_results import GateResult
from bot.rules.gate_settings import GateSettings, RequiredCheck
from bot.rules.names import in_words

ALL = "all"
MAX_LISTED = 5  # checks that a sentence names
OFF = GateResult("checks", "off")
NOT_READ = "the checks were not read"


def checks(facts: GateFacts) -> GateResult:
    """Judge the required checks: those that failed refuse, those that are pending or missing are waited for."""
    required = facts.settings.required_checks
    if not required:
        return OFF
    known: dict[str, Any] = {"required": [{"name": each.name, "app": each.app} for each in required]}
    if facts.checks is None or facts.checks.problem is not None:
        error = NOT_READ if facts.checks is None else facts.checks.problem
        return GateResult("checks", "wait", f"The checks could not be read: {error}", facts={**known, "error": error})
    found, missing = _find(required, facts.checks.results)
    others = [each for each in found if each.state != "green"]
    failed = [each for each in others if each.state == "failed"]
    pending = [each for each in others if each.state == "pending"]
    known["green"] = len(found) - len(others)
    known["failed"], known["pending"] = [_to_json(each) for each in failed], [_to_json(each) for each in pending]
    known["missing"] = missing
    if failed:
        return GateResult("checks", "refuse", f"{_listed(each.name for each in failed)} failed", facts=known)
    if pending or missing:
        parts = [
            f"pending: {_listed(each.name for each in pending)}" if pending else "",
            f"not reported: {_listed(missing)}" if missing else "",
        ]
        sentence = f"Not all required checks are green; {'; '.join(filter(None, parts))}"
        return GateResult("checks", "wait", sentence, facts=known)
    return GateResult("checks", "pass", facts=known)


def is_required(settings: GateSettings, name: str) -> bool:
    """Whether a check, or a commit status, of this name may be one that the settings require, of whatever app."""
    return any(_named(each.name, (name,)) for each in settings.required_checks)


def _find(
    required: Iterable[RequiredCheck], results: Iterable[CheckResult]
) -> tuple[Collection[CheckResult], list[str]]:
    """The results that are required, each once, and the requirements for which nothing is reported."""
    by_name: dict[str, list[CheckResult]] = {}
    for each in results:
        if not each.is_ours:
            by_name.setdefault(each.name, []).append(each)
    found: dict[int, CheckResult] = {}
    missing: list[str] = []
    for check in required:
        named = [each for name in _named(check.name, by_name) for each in by_name[name]]
        matching = {id(each): each for each in named if check.app in (None, each.app)}
        found |= matching
        if not matching:
            missing.append(check.name)
    return found.values(), missing


def _named(name: str, reported: Collection[str]) -> Collection[str]:
    """The reported names that are meant by a required one; brackets may be meant literally, or as a pattern."""
    if name == ALL:
        return reported
    matches = _pattern(name)
    if matches is None:
        return (name,) if name in reported else ()
    return [each for each in reported if each == name or matches(each)]


@lru_cache(512)
def _pattern(name: str) -> Callable[[str], object] | None:
    """What matches the pattern that a name is; None if it is none."""
    return re.compile(translate(name)).match if any(character in name for character in "*?[") else None


def _listed(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    return in_words(unique[:MAX_LISTED], max(0, len(unique) - MAX_LISTED))


def _to_json(result: CheckResult) -> dict[str, str | None]:
    return {"name": result.name, "app": result.app, "conclusion": result.conclusion, "url": result.url or None}
