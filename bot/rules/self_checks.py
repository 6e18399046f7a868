"""What `longshore check` says: lines about the service, each made of facts that were found out before."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from bot.rules.names import in_words
from bot.rules.webhooks import REMEDY, is_refusal

State = Literal["ok", "warning", "failure"]

LEVELS = ("none", "read", "write", "admin")
CLOCK_WARNING, CLOCK_FAILURE = timedelta(seconds=30), timedelta(minutes=5)
MAX_JOB_DELAY = 300.0  # seconds that the oldest due job may wait
MAX_WORKER_SILENCE = 600.0  # seconds without a finished job; a worker finishes recurring ones every minute
ESSENTIAL_EVENTS = frozenset({"issue_comment", "push", "workflow_run"})
WEBHOOK_PATH = "/webhooks/github"
LIVELY = "Start `longshore serve` or `longshore work`, and see what it logs."


@dataclass(frozen=True)
class Line:
    """One finding: which check it is of, how it ended, what was found, what to do about it, and where."""

    check: str
    state: State
    sentence: str
    remedy: str = ""
    url: str = ""


@dataclass(frozen=True)
class HookFact:
    """The App's webhook as GitHub shows it."""

    url: str
    content_type: str
    is_insecure: bool


@dataclass(frozen=True)
class QueueFacts:
    """The queue: for how many seconds the oldest job is due, and since a job was finished; None if none was."""

    oldest: float
    dead_letters: int
    silence: float | None


@dataclass(frozen=True)
class SignInFacts:
    """With what people sign in with GitHub, as far as it is there."""

    has_client_id: bool
    has_client_secret: bool


def is_failed(lines: Iterable[Line]) -> bool:
    """Whether a line is a failure."""
    return any(line.state == "failure" for line in lines)


def clock(difference: timedelta) -> Line:
    """Our clock, which differs so much from GitHub's (negative: ours is ahead)."""
    seconds = abs(difference).total_seconds()
    if abs(difference) < CLOCK_WARNING:
        return Line("clock", "ok", "The clock of this machine and GitHub's agree.")
    direction = "behind" if difference > timedelta() else "ahead of"
    return Line(
        "clock",
        "failure" if abs(difference) >= CLOCK_FAILURE else "warning",
        f"The clock of this machine is {seconds:.0f} seconds {direction} GitHub's.",
        "Set it, with NTP for example: windows, freezes and the times that are shown follow it.",
    )


def lacking(needed: Mapping[str, str], held: Mapping[str, str]) -> dict[str, str]:
    """The permissions that are needed and not held, with the level that is needed."""
    return {name: level for name, level in needed.items() if _rank(held.get(name)) < _rank(level)}


def permissions(
    needed: Mapping[str, str], held: Mapping[str, str], essential: Collection[str], url: str
) -> Sequence[Line]:
    """The App's permissions: without an `essential` one it does not work, without another one a part is off."""
    missing = lacking(needed, held)
    if not missing:
        return [Line("permissions", "ok", "The App has the permissions that it needs.")]
    return [
        Line(
            "permissions",
            state,
            f"The App lacks {_listed(found)}{consequence}.",
            "Grant it in the App's settings, then have each installation accept it.",
            url,
        )
        for state, found, consequence in _by_weight(missing, essential)
    ]


def accepted(account: str, missing: Mapping[str, str], essential: Collection[str], url: str) -> Sequence[Line]:
    """Permissions of the App that an installation has not accepted."""
    return [
        Line(
            "installations",
            state,
            f"{account} has not accepted {_listed(found)}{consequence}.",
            f"An owner of {account} reviews the request of the App there.",
            url,
        )
        for state, found, consequence in _by_weight(missing, essential)
    ]


def events(needed: Collection[str], subscribed: Collection[str], url: str) -> Sequence[Line]:
    """The events to which the App subscribes."""
    missing = sorted(set(needed) - set(subscribed))
    if not missing:
        return [Line("events", "ok", "The App receives the events that it needs.")]
    is_bad = not ESSENTIAL_EVENTS.isdisjoint(missing)
    sentence = f"The App does not subscribe to {in_words(missing)}."
    return [Line("events", "failure" if is_bad else "warning", sentence, "Check them in the App's settings.", url)]


def webhook(hook: HookFact, public_url: str, *, is_named: bool, url: str) -> Sequence[Line]:
    """The App's webhook. `is_named`: the settings say at which URL GitHub reaches the service."""
    ours = public_url.rstrip("/") + WEBHOOK_PATH
    lines = [*_address(hook.url, ours, url, is_named=is_named)]
    if hook.content_type != "json":
        lines.append(
            Line(
                "webhook",
                "failure",
                f"GitHub sends webhooks as `{hook.content_type}`.",
                "Choose the content type application/json in the App's settings.",
                url,
            )
        )
    if hook.is_insecure:
        sentence = "GitHub does not verify our certificate when it sends webhooks."
        lines.append(Line("webhook", "warning", sentence, "Enable SSL verification in the App's settings.", url))
    return lines or [Line("webhook", "ok", f"GitHub sends webhooks to {ours}.")]


def deliveries(statuses: Sequence[int], url: str) -> Line:
    """GitHub's attempts to deliver webhooks in the last day, newest first: the status of our answer, 0 without one."""
    failed = [status for status in statuses if not 200 <= status < 300]
    if not statuses:
        return Line("deliveries", "warning", "GitHub has sent no webhook in the last day.", "", url)
    if not failed:
        return Line("deliveries", "ok", f"The newest {len(statuses)} webhooks arrived.")
    counts = Counter(failed).most_common()
    described = ", ".join(f"{count} × {status or 'no answer'}" for status, count in counts)
    is_bad = not 200 <= statuses[0] < 300
    sentence = f"Of the newest {len(statuses)} webhooks, {len(failed)} did not arrive ({described})"
    rest = "." if is_bad else ", but the last one did."
    return Line("deliveries", "failure" if is_bad else "warning", sentence + rest, _remedy(failed), url)


def queue(facts: QueueFacts) -> Sequence[Line]:
    """Whether jobs are performed."""
    lines = []
    if facts.oldest > MAX_JOB_DELAY:
        sentence = f"The oldest due job has waited for {facts.oldest:.0f} seconds."
        lines.append(Line("queue", "failure", sentence, f"Is one running, and fast enough? {LIVELY}"))
    elif facts.silence is None or facts.silence > MAX_WORKER_SILENCE:
        since = "yet" if facts.silence is None else f"for {facts.silence / 60:.0f} minutes"
        lines.append(Line("queue", "warning", f"No worker has finished a job {since}.", LIVELY))
    if facts.dead_letters:
        sentence = f"{facts.dead_letters:,} job{'' if facts.dead_letters == 1 else 's'} failed for good."
        remedy = "`longshore deliveries list`, or the page Operations: retry them, or discard them."
        lines.append(Line("queue", "warning", sentence, remedy))
    return lines or [Line("queue", "ok", "Jobs are performed.")]


def sign_in(facts: SignInFacts) -> Line:
    """Whether people can sign in to the pages."""
    if facts.has_client_id and facts.has_client_secret:
        return Line("sign-in", "ok", "People can sign in with GitHub.")
    missing = [
        name for name, is_there in (("_ID", facts.has_client_id), ("_SECRET", facts.has_client_secret)) if not is_there
    ]
    names = in_words([f"LONGSHORE_GITHUB_CLIENT{name}" for name in missing])
    return Line(
        "sign-in",
        "failure" if len(missing) == 1 else "warning",
        "People cannot sign in with GitHub.",
        f"Set {names} to what the App's settings on GitHub show.",
    )


def _rank(level: str | None) -> int:
    return LEVELS.index(level) if level in LEVELS else 0


def _listed(found: Mapping[str, str]) -> str:
    return in_words([f"{name}: {level}" for name, level in sorted(found.items())])


def _by_weight(
    missing: Mapping[str, str], essential: Collection[str]
) -> Iterable[tuple[State, Mapping[str, str], str]]:
    needed = {name: level for name, level in missing.items() if name in essential}
    others = {name: level for name, level in missing.items() if name not in essential}
    if needed:
        yield "failure", needed, ""
    if others:
        yield "warning", others, ": what needs it is off, and gates that need it wait"


def _address(found: str, ours: str, url: str, *, is_named: bool) -> Iterable[Line]:
    if not found:
        remedy = f"Set its URL to {ours} in the App's settings."
        yield Line("webhook", "failure", "The App has no webhook.", remedy, url)
    elif found != ours and not is_named:
        sentence = f"GitHub sends webhooks to {found}. Whether that is this service is not known."
        yield Line("webhook", "warning", sentence, "Set LONGSHORE_BASE_URL to the URL at which people reach it.")
    elif found != ours:
        sentence = f"GitHub sends webhooks to {found}, which is not this service: {ours}."
        yield Line("webhook", "failure", sentence, "Correct it in the App's settings, or LONGSHORE_BASE_URL.", url)


def _remedy(failed: Sequence[int]) -> str:
    if failed[0] == 401:
        return f"Make sure of the secret: {REMEDY}."
    if failed[0] == 503:
        return "See what the service logs: it was starting, overloaded, or without its database."
    if is_refusal(failed[0]):
        return f"The URL must end in {WEBHOOK_PATH}, and a proxy has to pass webhooks on unchanged."
    return "Is the service reachable from GitHub at the webhook's URL, and is its proxy up?"
