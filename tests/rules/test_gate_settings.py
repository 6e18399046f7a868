"""The settings of gates: what is refused, what is stored, and the defaults that depend on the tier."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.rules.gate_settings import FIELDS, GateSettings, RequiredCheck, read, to_stored

EVERYTHING: dict[str, Any] = {
    "after": ["staging"],
    "soak": "2h",
    "downgrade": "allow",
    "checks": ["build", {"name": "lint", "app": "github-actions"}],
    "approvals": {"count": 2, "from": ["role:admin", "user:ada"], "authors": True, "expire_after": "1d"},
    "deployers": ["team:acme/release"],
    "force": False,
    "auto": False,
    "wait_at_most": "12h",
    "windows": [{"deny": "FREQ=WEEKLY;BYDAY=FR", "for": "64h", "timezone": "Europe/Berlin", "reason": "weekend"}],
}
WINDOW = {"deny": "FREQ=DAILY", "for": "1h"}


def test_settings_are_stored_as_they_are_written() -> None:
    assert set(EVERYTHING) == set(FIELDS)
    assert to_stored(read(EVERYTHING)) == EVERYTHING
    assert read(to_stored(read(EVERYTHING))) == read(EVERYTHING)


@pytest.mark.parametrize("name", FIELDS)
def test_only_what_is_set_is_stored(name: str) -> None:
    if name != "soak":
        assert to_stored(read({name: EVERYTHING[name]})) == {name: EVERYTHING[name]}
    assert to_stored(read({})) == {}


REFUSED: list[dict[str, Any]] = [
    {"unknown": 1},
    {"after": "staging"},
    {"after": [""]},
    {"soak": "2h"},
    {"soak": 7200, "after": ["staging"]},
    {"soak": "2 hours", "after": ["staging"]},
    {"soak": "-1h", "after": ["staging"]},
    {"downgrade": "ask"},
    {"checks": [""]},
    {"checks": [{"app": "github-actions"}]},
    {"checks": [{"name": "build", "id": 1}]},
    {"approvals": 1},
    {"approvals": {"count": -1}},
    {"approvals": {"count": 21}},
    {"approvals": {"count": "1"}},
    {"approvals": {"count": True}},
    {"approvals": {"count": 1, "from": []}},
    {"approvals": {"count": 1, "from": ["ada"]}},
    {"approvals": {"count": 1, "from": ["role:owner"]}},
    {"approvals": {"count": 1, "authors": "yes"}},
    {"deployers": ["role:maintain"] * 51},
    {"deployers": ["role:maintain"], "auto": True},
    {"force": "no"},
    {"auto": 1},
    {"wait_at_most": "0s"},
    {"wait_at_most": "400d"},
    {"windows": WINDOW},
    {"windows": [WINDOW] * 21},
    {"windows": [{"for": "1h"}]},
    {"windows": [{**WINDOW, "allow": "FREQ=DAILY"}]},
    {"windows": [{"deny": "FREQ=DAILY"}]},
    {"windows": [{**WINDOW, "for": "0s"}]},
    {"windows": [{**WINDOW, "for": 3600}]},
    {"windows": [{**WINDOW, "deny": "FREQ=HOURLY"}]},
    {"windows": [{**WINDOW, "timezone": "Mars/Olympus"}]},
    {"windows": [{**WINDOW, "timezone": "../../etc/passwd"}]},
    {"windows": [{**WINDOW, "reason": "x" * 201}]},
]


@pytest.mark.parametrize("settings", REFUSED, ids=str)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(settings)


def test_a_refusal_says_what_is_expected() -> None:
    with pytest.raises(ValidationError, match="`role:NAME` with a role on GitHub"):
        read({"deployers": ["ada"]})
    with pytest.raises(ValidationError, match="a number and a unit"):
        read({"wait_at_most": 5})


def test_defaults_follow_the_tier() -> None:
    settings = read({"approvals": {"count": 1}})
    assert settings.approvers("production") == ("role:maintain",)
    assert settings.approvers("staging") == ("role:write",)
    assert settings.refuses_downgrades("production") and not settings.refuses_downgrades("staging")
    chosen = read({"approvals": {"count": 1, "from": ["user:ada"]}, "downgrade": "allow"})
    assert chosen.approvers("production") == ("user:ada",)
    assert not chosen.refuses_downgrades("production")
    assert read({"downgrade": "refuse"}).refuses_downgrades("development")


def test_required_checks_have_one_form() -> None:
    assert read(EVERYTHING).required_checks == (
        RequiredCheck(name="build"),
        RequiredCheck(name="lint", app="github-actions"),
    )


def test_without_settings_no_gate_is_set() -> None:
    settings = GateSettings()
    assert (settings.approvals.count, settings.after, settings.checks, settings.windows) == (0, (), (), ())
    assert (settings.force, settings.auto, settings.wait_at_most) == (True, False, timedelta(days=7))
    assert settings.approvals.expire_after == timedelta(days=7)
