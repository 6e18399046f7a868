"""What a story leaves in the database, without ids, times, actors and channels: equal for all channels."""

import re
from typing import Any

from bot.store.audit import AuditEntry
from bot.store.candidates import Candidate
from bot.store.deployments import Deployment
from bot.store.gates import Approval, Ban, EnvironmentLock, Freeze
from bot.store.releases import Release

DROPPED = frozenset(
    {
        "id",
        "deployment",
        "deployment_id",
        "since",
        "until",
        "at",
        "by",
        "made_by_operator",
        "commit",
        "origin",
        "run",
        "from",
    }
)
IDS = re.compile(r"(?<=deployment )[0-9]+|(?<=^cut-)[0-9]+-[0-9a-f]+$|(?<=^dep-)[0-9]+-[0-9a-f]+$")
"""Members of audit entries, and of the facts of gates, that are ids, times, actors, or differ with the sandbox."""


async def records() -> dict[str, list[Any]]:
    """The rows of everything that a story is about, oldest first."""
    return {
        "releases": [
            (each.version, each.status, each.held and each.held["reason"])
            for each in await Release.all().order_by("id")
        ],
        "candidates": [
            (each.version, each.status, each.reason, each.branch, each.tagged)
            for each in await Candidate.all().order_by("id")
        ],
        "deployments": [_deployment(each) for each in await _deployments()],
        "approvals": [
            (each.candidate.version, each.environment.name, each.user.name, each.withdrawn_at is None)
            for each in await Approval.all().order_by("id").select_related("candidate", "environment", "user")
        ],
        "bans": [(each.reason, each.tag_moved) for each in await Ban.all().order_by("id")],
        "freezes": [(each.scope, each.reason) for each in await Freeze.all().order_by("id")],
        "locks": [each.reason for each in await EnvironmentLock.all().order_by("id")],
        "audit": [_act(each) for each in await AuditEntry.all().order_by("id")],
    }


async def _deployments() -> list[Deployment]:
    related = ("environment", "candidate", "from_candidate")
    return await Deployment.all().order_by("id").select_related(*related)


def _deployment(row: Deployment) -> tuple[Any, ...]:
    before = None if row.from_candidate is None else row.from_candidate.version
    verdicts = None if row.decision is None else {each["gate"]: each["verdict"] for each in row.decision["gates"]}
    state = (row.kind, row.status, row.wait_outcome, row.waits_for, row.automatic, row.force_reason, row.error_message)
    return (row.environment.name, row.candidate.version, before, *state, verdicts)


def _act(entry: AuditEntry) -> tuple[str, str, bool, Any, Any]:
    return entry.act, IDS.sub("N", entry.subject), entry.alarm, _without(entry.before), _without(entry.after)


def _without(value: Any) -> Any:
    """A JSON value without the members that may differ."""
    if isinstance(value, dict):
        return {name: _without(each) for name, each in value.items() if name not in DROPPED}
    return [_without(each) for each in value] if isinstance(value, list) else value


RECORDS: dict[str, list[Any]] = {
    "approvals": [("1.4.0-rc1", "production", "ada", True), ("1.4.0-rc1", "production", "ben", True)],
    "audit": [
        ("candidate.cut", "1.4.0-rc1", False, None, {"branch": "main", "build": True}),
        ("run.begin", "cut-N", False, None, {}),
        ("candidate.finish_build", "1.4.0-rc1", False, None, {"reason": None, "status": "ready"}),
        (
            "deployment.deploy",
            "staging: 1.4.0-rc1 (deployment N)",
            False,
            None,
            {"message": None, "overridden": [], "reason": None, "status": "pending"},
        ),
        ("run.begin", "dep-N", False, None, {}),
        (
            "deployment.finish",
            "staging: 1.4.0-rc1 (deployment N)",
            False,
            {"is": "in_progress"},
            {"message": None, "status": "success"},
        ),
        (
            "deployment.wait",
            "production: 1.4.0-rc1 (deployment N)",
            False,
            None,
            {"status": "pending", "waits_for": ["order", "approvals"]},
        ),
        ("approval.given", "production: 1.4.0-rc1", False, None, {"comment": ""}),
        ("approval.given", "production: 1.4.0-rc1", False, None, {"comment": ""}),
        (
            "deployment.deploy",
            "production: 1.4.0-rc1 (deployment N)",
            False,
            {"is": "pending"},
            {"message": None, "overridden": [], "reason": None, "status": "pending"},
        ),
        ("run.begin", "dep-N", False, None, {}),
        (
            "deployment.finish",
            "production: 1.4.0-rc1 (deployment N)",
            False,
            {"is": "in_progress"},
            {"message": None, "status": "success"},
        ),
        (
            "deployment.rollback",
            "production: 1.3.0-rc1 (deployment N)",
            False,
            None,
            {"message": None, "overridden": [], "reason": "it loses orders", "status": "pending"},
        ),
        ("run.begin", "dep-N", False, None, {}),
        (
            "deployment.finish",
            "production: 1.3.0-rc1 (deployment N)",
            False,
            {"is": "in_progress"},
            {"message": None, "status": "success"},
        ),
        ("release.hold", "1.4.0", False, {"held": None}, {"held": {"reason": "it loses orders"}}),
    ],
    "bans": [],
    "candidates": [("1.3.0-rc1", "ready", None, "main", True), ("1.4.0-rc1", "ready", None, "main", True)],
    "deployments": [
        ("staging", "1.3.0-rc1", None, "deploy", "success", None, None, False, None, None, None),
        ("production", "1.3.0-rc1", None, "deploy", "success", None, None, False, None, None, None),
        (
            "staging",
            "1.4.0-rc1",
            "1.3.0-rc1",
            "deploy",
            "success",
            None,
            None,
            True,
            None,
            None,
            {
                "approvals": "off",
                "busy": "pass",
                "candidate": "pass",
                "checks": "off",
                "deployers": "off",
                "downgrade": "off",
                "freeze": "pass",
                "hold": "pass",
                "lock": "pass",
                "order": "off",
            },
        ),
        (
            "production",
            "1.4.0-rc1",
            "1.3.0-rc1",
            "deploy",
            "success",
            "dispatched",
            None,
            False,
            None,
            None,
            {
                "approvals": "pass",
                "busy": "pass",
                "candidate": "pass",
                "checks": "off",
                "deployers": "off",
                "downgrade": "pass",
                "freeze": "pass",
                "hold": "pass",
                "lock": "pass",
                "order": "pass",
            },
        ),
        (
            "production",
            "1.3.0-rc1",
            "1.4.0-rc1",
            "rollback",
            "success",
            None,
            None,
            False,
            None,
            None,
            {
                "approvals": "off",
                "busy": "off",
                "candidate": "pass",
                "checks": "off",
                "deployers": "off",
                "downgrade": "off",
                "freeze": "pass",
                "hold": "pass",
                "lock": "pass",
                "order": "off",
            },
        ),
    ],
    "freezes": [],
    "locks": [],
    "releases": [("1.3.0", 30, None), ("1.4.0", 30, "it loses orders")],
}
"""What is left after the story, however it was told."""
