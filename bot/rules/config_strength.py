"""Whether a change of the configuration file weakens something, and what holds until that is approved.

A change is weaker if a candidate that could not pass before might pass after it. Where that cannot be told from the two
values, it is taken to be. Added environments, inputs and addresses weaken nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from bot.rules import commits
from bot.rules.config_model import EnvironmentConfig, ProjectConfig
from bot.rules.gate_settings import Window
from bot.rules.permissions import ROLES
from bot.rules.projects import EXTRA_DEFAULT_BRANCHES

Environments = Callable[[EnvironmentConfig, EnvironmentConfig], bool]
_TIERS = ("development", "staging", "production")


def _has_more_people(old: Iterable[str], new: Iterable[str]) -> bool:
    """Whether a list may name somebody whom the other does not. A role includes those above it."""
    known = {entry.lower() for entry in old}
    lowest = min((ROLES.index(entry[5:]) for entry in known if entry.startswith("role:")), default=len(ROLES))
    return any(
        entry.lower() not in known and not (entry.startswith("role:") and ROLES.index(entry[5:]) >= lowest)
        for entry in new
    )


def _counts(old: EnvironmentConfig) -> bool:
    return old.approvals.count > 0


def _more_approvers(old: EnvironmentConfig, new: EnvironmentConfig) -> bool:
    return _counts(old) and _has_more_people(old.approvers(old.tier), new.approvers(new.tier))


def _more_deployers(old: EnvironmentConfig, new: EnvironmentConfig) -> bool:
    return bool(old.deployers) and (not new.deployers or _has_more_people(old.deployers, new.deployers))


def _opens_time(old: tuple[Window, ...], new: tuple[Window, ...]) -> bool:
    """Whether there may be a time at which the new windows allow what the old ones deny."""
    denied, allowed = _windows(new, "deny"), _windows(old, "allow")
    if any(denied.get(key, 0.0) < length for key, length in _windows(old, "deny").items()):
        return True
    newly = _windows(new, "allow")
    if not allowed:
        return False
    return not newly or any(key not in allowed or length > allowed[key] for key, length in newly.items())


def _windows(windows: tuple[Window, ...], kind: str) -> dict[tuple[str, str], float]:
    """The longest durations in seconds of the windows of a kind, by rule and timezone."""
    found: dict[tuple[str, str], float] = {}
    for window in windows:
        rule = getattr(window, kind)
        if rule is not None:
            key = (rule, window.timezone)
            found[key] = max(found.get(key, 0.0), window.for_.total_seconds())
    return found


WEAKER: Mapping[str, Environments] = {
    "tier": lambda old, new: _TIERS.index(new.tier) < _TIERS.index(old.tier),
    "workflow": lambda old, new: new.workflow != old.workflow,
    "inputs": lambda old, new: False,
    "url": lambda old, new: False,
    "deadline": lambda old, new: False,
    "after": lambda old, new: bool(set(old.after) - set(new.after)),
    "soak": lambda old, new: new.soak < old.soak,
    "downgrade": lambda old, new: old.refuses_downgrades(old.tier) and not new.refuses_downgrades(new.tier),
    "checks": lambda old, new: bool(set(old.required_checks) - set(new.required_checks)),
    "approvals.count": lambda old, new: new.approvals.count < old.approvals.count,
    "approvals.from": _more_approvers,
    "approvals.authors": lambda old, new: _counts(old) and new.approvals.authors and not old.approvals.authors,
    "approvals.expire_after": lambda old, new: _counts(old) and new.approvals.expire_after > old.approvals.expire_after,
    "deployers": _more_deployers,
    "force": lambda old, new: new.force and not old.force,
    "auto": lambda old, new: new.auto and not old.auto,
    "wait_at_most": lambda old, new: new.wait_at_most > old.wait_at_most,
    "windows": lambda old, new: _opens_time(old.windows, new.windows),
}
"""Whether the change of one setting of an environment is weaker, by the setting."""


def weaker_in(old: EnvironmentConfig, new: EnvironmentConfig) -> frozenset[str]:
    """The settings of an environment whose change is weaker."""
    return frozenset(field for field, is_weaker in WEAKER.items() if is_weaker(old, new))


def stricter(old: EnvironmentConfig, new: EnvironmentConfig) -> EnvironmentConfig:
    """What holds until the weaker changes are approved: of each setting the new value, unless it is weaker.

    Of lists of which all entries have to be satisfied, the entries of both hold. If this makes no valid settings, the
    old ones hold.
    """
    weaker = weaker_in(old, new)
    if not weaker:
        return new
    kept, values = _values(old), _values(new)
    names = {field.partition(".")[0] for field in weaker} | ({"inputs"} if "workflow" in weaker else set())
    for name in names:
        values[name] = kept[name]
    values["after"] = list(dict.fromkeys([*old.after, *new.after]))
    values["checks"] = [*kept["checks"], *(check for check in _values(new)["checks"] if check not in kept["checks"])]
    values["approvals"] = _stricter_approvals(old, new, weaker)
    try:
        return EnvironmentConfig.model_validate(values)
    except ValidationError:
        return old


def _stricter_approvals(old: EnvironmentConfig, new: EnvironmentConfig, weaker: frozenset[str]) -> dict[str, Any]:
    people = old if "approvals.from" in weaker else new
    return {
        "count": max(old.approvals.count, new.approvals.count),
        "from": list(people.approvers(people.tier)),
        "authors": new.approvals.authors and (old.approvals.authors or not _counts(old)),
        "expire_after": new.approvals.expire_after
        if not _counts(old)
        else min(old.approvals.expire_after, new.approvals.expire_after),
    }


def _values(environment: EnvironmentConfig) -> dict[str, Any]:
    """All settings in the form in which they are written, with what the tier implies."""
    values = environment.model_dump(mode="json", by_alias=True)
    values["downgrade"] = "refuse" if environment.refuses_downgrades(environment.tier) else "allow"
    return values


def weaker_in_project(old: ProjectConfig, new: ProjectConfig, default_branch: str) -> frozenset[str]:
    """The settings of a project, without its environments, whose change is weaker."""
    found = {
        "branches": _has_more_branches(old, new, default_branch),
        "build.workflow": new.build.workflow != old.build.workflow,
        "tags.candidates": new.tags.candidates not in (None, old.tags.candidates),
        "tags.triggers": new.tags.triggers not in (None, old.tags.triggers),
        "show.protection": old.show.protection and not new.show.protection,
    }
    return frozenset(field for field, is_weaker in found.items() if is_weaker)


def _has_more_branches(old: ProjectConfig, new: ProjectConfig, default_branch: str) -> bool:
    unset = (default_branch, *EXTRA_DEFAULT_BRANCHES)
    before, after = old.branches or unset, new.branches or unset
    return not all(
        branch in before
        or (not commits.is_glob(branch) and any(commits.matches(branch, pattern) for pattern in before))
        for branch in after
    )


def stricter_project(old: ProjectConfig, new: ProjectConfig, default_branch: str) -> ProjectConfig:
    """What holds of a project's own settings until the weaker changes are approved."""
    weaker = weaker_in_project(old, new, default_branch)
    parts = {field.partition(".")[0] for field in weaker}
    return new.model_copy(update={part: getattr(old, part) for part in parts})
