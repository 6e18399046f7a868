"""What `longshore check` says about single facts."""

from datetime import timedelta

import pytest

from bot.rules import self_checks
from bot.rules.self_checks import HookFact, Line, QueueFacts, SignInFacts

URL, OURS = "https://github.com/settings/apps/x", "https://releases.example.com"
HOOK = HookFact(f"{OURS}/webhooks/github", "json", False)


def states(lines: object) -> list[str]:
    found = [lines] if isinstance(lines, Line) else lines
    return [line.state for line in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "ok"), (-29, "ok"), (31, "warning"), (-299, "warning"), (300, "failure")]
)
def test_a_clock_may_differ_by_half_a_minute(seconds: int, state: str) -> None:
    assert self_checks.clock(timedelta(seconds=seconds)).state == state


@pytest.mark.parametrize(
    ("hook", "is_named", "expected"),
    [
        (HOOK, True, ["ok"]),
        (HookFact("", "json", False), True, ["failure"]),
        (HookFact("https://old.example.com/x", "json", False), True, ["failure"]),
        (HookFact("https://old.example.com/x", "json", False), False, ["warning"]),
        (HookFact(HOOK.url, "form", False), True, ["failure"]),
        (HookFact(HOOK.url, "form", True), True, ["failure", "warning"]),
    ],
)
def test_the_webhook_leads_here_as_json_over_verified_https(
    hook: HookFact, is_named: bool, expected: list[str]
) -> None:
    assert states(self_checks.webhook(hook, f"{OURS}/", is_named=is_named, url=URL)) == expected


@pytest.mark.parametrize(
    ("statuses", "state", "fragment"),
    [
        ([], "warning", "no webhook in the last day"),
        ([202, 200], "ok", "newest 2 webhooks arrived"),
        ([202, 401], "warning", "1 did not arrive (1 × 401), but the last one did"),
        ([401, 202], "failure", "secret"),
        ([0, 202], "failure", "no answer"),
        ([503], "failure", "without its database"),
        ([404], "failure", "/webhooks/github"),
    ],
)
def test_the_newest_delivery_decides(statuses: list[int], state: str, fragment: str) -> None:
    line = self_checks.deliveries(statuses, URL)
    assert (line.state, fragment in f"{line.sentence} {line.remedy}") == (state, True), line


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (QueueFacts(0, 0, 5), ["ok"]),
        (QueueFacts(0, 0, None), ["warning"]),
        (QueueFacts(0, 0, 601), ["warning"]),
        (QueueFacts(301, 0, None), ["failure"]),
        (QueueFacts(301, 2, 5), ["failure", "warning"]),
    ],
)
def test_jobs_are_performed_soon(facts: QueueFacts, expected: list[str]) -> None:
    assert states(self_checks.queue(facts)) == expected


@pytest.mark.parametrize(
    ("client_id", "secret", "state", "missing"),
    [
        (True, True, "ok", ""),
        (False, False, "warning", "`LONGSHORE_GITHUB_CLIENT_ID` and `LONGSHORE_GITHUB_CLIENT_SECRET`"),
        (True, False, "failure", "`LONGSHORE_GITHUB_CLIENT_SECRET`"),
    ],
)
def test_half_of_what_signing_in_needs_is_a_mistake(client_id: bool, secret: bool, state: str, missing: str) -> None:
    line = self_checks.sign_in(SignInFacts(client_id, secret))
    assert (line.state, missing in line.remedy) == (state, True)
