"""The settings of an environment's gates in words, for people who want to know what stands before a deployment."""

from collections.abc import Iterator
from datetime import timedelta

from bot.rules.durations import UNITS
from bot.rules.gate_results import Gate
from bot.rules.gate_settings import GateSettings, RequiredCheck, Window
from bot.rules.names import in_words

_NAMES = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def in_sentences(settings: GateSettings, tier: str) -> list[tuple[Gate, str]]:
    """Each gate that is set, or that the tier brings, with a sentence that says what it asks for."""
    return [*_order(settings), *_downgrade(settings, tier), *_checks(settings), *_people(settings, tier)]


def notes(settings: GateSettings) -> list[str]:
    """What else the settings say about deployments."""
    found = [f"A deployment that has to wait does so for {duration_words(settings.wait_at_most)} at most."]
    if settings.auto:
        found.append("Each candidate that becomes ready is deployed here by itself.")
    if not settings.force:
        found.append("Gates cannot be overridden here.")
    return found


def duration_words(duration: timedelta) -> str:
    """A duration in its largest unit that divides it, in words: `30 minutes`."""
    seconds = int(duration.total_seconds())
    for unit, size in UNITS.items():
        count, rest = divmod(seconds, int(size.total_seconds()))
        if rest == 0 and count > 0:
            return f"{count} {_NAMES[unit]}{'' if count == 1 else 's'}"
    return "0 seconds"


def _order(settings: GateSettings) -> Iterator[tuple[Gate, str]]:
    if settings.after:
        soak = f" for {duration_words(settings.soak)} without a failure or rollback" if settings.soak else ""
        yield "order", f"The same commit has to have been live on {in_words(settings.after)}{soak}."


def _downgrade(settings: GateSettings, tier: str) -> Iterator[tuple[Gate, str]]:
    if settings.refuses_downgrades(tier):
        yield "downgrade", "Commits older than the live one are refused; rollbacks are exempt."


def _checks(settings: GateSettings) -> Iterator[tuple[Gate, str]]:
    if settings.checks:
        named = in_words(map(_check, settings.required_checks))
        yield "checks", f"These checks have to be green at the commit: {named}."


def _check(check: RequiredCheck) -> str:
    return check.name if check.app is None else f"{check.name} (of {check.app})"


def _people(settings: GateSettings, tier: str) -> Iterator[tuple[Gate, str]]:
    rule = settings.approvals
    if rule.count:
        who = in_words(settings.approvers(tier))
        authors = "authors of it may approve, too" if rule.authors else "nobody approves what they wrote"
        lasts = duration_words(rule.expire_after)
        people = "1 person" if rule.count == 1 else f"{rule.count} people"
        yield "approvals", f"{people} of {who} have to approve; {authors}; an approval counts for {lasts}."
    for window in settings.windows:
        yield "freeze", _window(window)
    if settings.deployers:
        yield "deployers", f"Only {in_words(settings.deployers)} may deploy."


def _window(window: Window) -> str:
    rule, lasts = f"`{window.deny or window.allow}`", duration_words(window.for_)
    fact = "Deployments are denied" if window.deny is not None else "Deployments are allowed only"
    reason = f": {window.reason.rstrip('.')}" if window.reason else ""
    return f"{fact} for {lasts} from each time of {rule} ({window.timezone}){reason}."
