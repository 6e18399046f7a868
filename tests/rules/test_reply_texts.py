"""The words of every reply to a command, and that nothing in them is active when GitHub renders them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given

from bot.rules import block_replies, deployment_replies, replies, status_replies
from bot.rules.block_replies import Block, RemainingFreeze
from bot.rules.commit_ranges import CommitLine, CommitRange
from bot.rules.deployment_replies import (
    ApprovedConfig,
    Canceled,
    CutResult,
    DeployResult,
    Explanation,
    Preview,
    Shipment,
)
from bot.rules.gate_results import Decision, GateResult
from bot.rules.ids import CommitSha
from bot.rules.replies import Act
from bot.rules.status_replies import EnvironmentStatus, EnvironmentWithCommit, ProjectStatus, Whereabouts
from tests.rules.test_replies import ANY_TEXT, HOSTILE, assert_harmless

SHA = CommitSha("0123456789" * 4)
UNTIL = datetime(2026, 12, 24, 18, 0, tzinfo=UTC)
ADA = Block("ada", "the login fails")
FROZEN = GateResult(
    "freeze",
    "wait",
    "It is frozen by ada: holidays; until 2026-12-24 18:00 UTC",
    until=UNTIL,
    who_can_help=("role:maintain",),
)
LOCKED = GateResult("lock", "refuse", "It is locked by bob: migration", who_can_help=("bob", "role:admin"))
PASSED = GateResult("candidate", "pass", "The candidate is ready")
OVERRIDDEN = GateResult("freeze", "overridden", "It is frozen by ada: holidays")
COMMITS = CommitRange(3, 0, (CommitLine(SHA, "Fix the login", "ada"), CommitLine(SHA, "Add a page", "bob")))


def explanation(*gates: GateResult, shipment: Shipment) -> Explanation:
    return Explanation(Decision("1.4.0-rc1", "production", gates), shipment)


ACTS: dict[str, tuple[Act, str, str]] = {
    "cut, building": (
        deployment_replies.cut(CutResult("1.4.0-rc1", SHA, "pending", building=True)),
        f"Cut `1.4.0-rc1` at `{SHA}`. Its build has been requested.",
        f"I would cut `1.4.0-rc1` at `{SHA}`.",
    ),
    "cut without a build": (
        deployment_replies.cut(CutResult("1.4.0-rc1", SHA, "ready", building=False)),
        f"Cut `1.4.0-rc1` at `{SHA}`. It is ready.",
        f"I would cut `1.4.0-rc1` at `{SHA}`.",
    ),
    "cancel a build": (
        deployment_replies.canceled_build("1.4.0-rc1", ended=True),
        "Canceled the build of `1.4.0-rc1`.",
        "I would cancel the build of `1.4.0-rc1`.",
    ),
    "cancel a build that runs": (
        deployment_replies.canceled_build("1.4.0-rc1", ended=False),
        "Canceled the build of `1.4.0-rc1`. It ends once GitHub has stopped its run.",
        "I would cancel the build of `1.4.0-rc1`.",
    ),
    "cancel deployments": (
        deployment_replies.canceled(
            "qa", [Canceled("1.4.0-rc1", 7, ended=False), Canceled("1.4.0-rc2", 8, ended=True)]
        ),
        "Canceled on `qa`: `1.4.0-rc1` (deployment 7) and `1.4.0-rc2` (deployment 8). "
        "It ends once GitHub has stopped its run.",
        "I would cancel on `qa`: `1.4.0-rc1` (deployment 7) and `1.4.0-rc2` (deployment 8).",
    ),
    "approve": (
        deployment_replies.approved("1.4.0-rc1", "qa", SHA, 1, 2),
        f"Approved `1.4.0-rc1` for `qa`. It has 1 of 2 approvals now. This is about the commit `{SHA}` alone.",
        "I would approve `1.4.0-rc1` for `qa`.",
    ),
    "approve config": (
        deployment_replies.approved_config(
            "qa",
            [ApprovedConfig(("checks", "soak"), 1, 1, takes_effect=True), ApprovedConfig((), 1, 2, takes_effect=False)],
        ),
        "Approved the configuration file for `qa`. Of `checks`, `soak`: 1 of 1 approvals, it takes effect. "
        "Of the change: 1 of 2 approvals, it waits for more.",
        "I would approve the configuration file for `qa`.",
    ),
    "unapprove": (
        deployment_replies.unapproved("1.4.0-rc1", "qa"),
        "Withdrew your approval of `1.4.0-rc1` for `qa`.",
        "I would withdraw your approval of `1.4.0-rc1` for `qa`.",
    ),
    "hold": (
        block_replies.held("1.4.0", ADA, already=False),
        "Put `1.4.0` on hold: `the login fails`. None of its candidates is deployed until the hold is ended.",
        "I would put `1.4.0` on hold: `the login fails`.",
    ),
    "hold what is on hold": (
        block_replies.held("1.4.0", ADA, already=True),
        "Kept `1.4.0` on hold. It was put on hold before, by `ada`: `the login fails`.",
        "I would keep `1.4.0` on hold.",
    ),
    "unhold": (block_replies.unheld("1.4.0"), "Ended the hold of `1.4.0`.", "I would end the hold of `1.4.0`."),
    "ban": (
        block_replies.banned("1.4.0-rc1", "it loses data"),
        "Banned `1.4.0-rc1`: `it loses data`. It is not deployed any more.",
        "I would ban `1.4.0-rc1`: `it loses data`.",
    ),
    "unban": (
        block_replies.unbanned("1.4.0-rc1"),
        "Ended the ban of `1.4.0-rc1`.",
        "I would end the ban of `1.4.0-rc1`.",
    ),
    "freeze": (
        block_replies.frozen("qa", Block("ada", "holidays", UNTIL)),
        "Froze `qa` until 2026-12-24 18:00 UTC: `holidays`.",
        "I would freeze `qa` until 2026-12-24 18:00 UTC: `holidays`.",
    ),
    "freeze all": (
        block_replies.frozen(None, ADA),
        "Froze all environments of the project: `the login fails`.",
        "I would freeze all environments of the project: `the login fails`.",
    ),
    "unfreeze": (
        block_replies.unfrozen("qa", []),
        "Ended the freezes of `qa`.",
        "I would end the freezes of `qa`.",
    ),
    "unfreeze below others": (
        block_replies.unfrozen(
            "qa",
            [RemainingFreeze("project", None, ADA), RemainingFreeze("service", None, Block("bob", "audit", UNTIL))],
        ),
        "Ended the freezes of `qa`. The whole project is still frozen by `ada`: `the login fails`. "
        "Every project is still frozen by `bob` until 2026-12-24 18:00 UTC: `audit`.",
        "I would end the freezes of `qa`.",
    ),
    "unfreeze all above others": (
        block_replies.unfrozen(None, [RemainingFreeze("environment", "qa", ADA)]),
        "Ended the freezes of all environments of the project. `qa` is still frozen by `ada`: `the login fails`.",
        "I would end the freezes of all environments of the project.",
    ),
    "lock": (
        block_replies.locked("qa", Block("ada", "migration", UNTIL)),
        "Locked `qa` for `ada` until 2026-12-24 18:00 UTC: `migration`. Nobody else can deploy there.",
        "I would lock `qa` for `ada` until 2026-12-24 18:00 UTC: `migration`.",
    ),
    "unlock": (
        block_replies.unlocked("qa", "ada"),
        "Released the lock of `qa` that `ada` had.",
        "I would release the lock of `qa` that `ada` had.",
    ),
    "announce": (
        block_replies.announced("1.4.0"),
        "Submitted `1.4.0` as an announcement. It waits to be approved or rejected.",
        "I would submit `1.4.0` as an announcement.",
    ),
    "announcement approve": (
        block_replies.announcement_approved("1.4.0"),
        "Approved the announcement of `1.4.0`.",
        "I would approve the announcement of `1.4.0`.",
    ),
    "announcement reject": (
        block_replies.announcement_rejected("1.4.0", "typos"),
        "Rejected the announcement of `1.4.0`: `typos`.",
        "I would reject the announcement of `1.4.0`: `typos`.",
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_what_was_done_and_what_would_be_done(name: str) -> None:
    act, done, would = ACTS[name]
    assert (replies.acted(act), replies.would(act)) == (done, would)


TEXTS: dict[str, tuple[str, str]] = {
    "deploying": (
        deployment_replies.deployed(DeployResult("1.4.0-rc1", "qa", 7)),
        "Deploying `1.4.0-rc1` to `qa` (deployment 7).",
    ),
    "rolling back": (
        deployment_replies.deployed(DeployResult("1.3.0-rc2", "qa", 7, rollback=True)),
        "Rolling `qa` back to `1.3.0-rc2` (deployment 7).",
    ),
    "rolling back for a reason": (
        deployment_replies.deployed(DeployResult("1.3.0-rc2", "qa", 7, rollback=True, reason="it loses orders")),
        "Rolling `qa` back to `1.3.0-rc2` (deployment 7), because `it loses orders`.",
    ),
    "with an override": (
        deployment_replies.deployed(DeployResult("1.4.0-rc1", "qa", 7, overridden=(OVERRIDDEN,), reason="an outage")),
        "Deploying `1.4.0-rc1` to `qa` (deployment 7).\n"
        "Overridden, because `an outage`:\n"
        "- **freeze** is overridden: It is frozen by ada: holidays",
    ),
    "waiting with an override": (
        deployment_replies.deployed(
            DeployResult("1.4.0-rc1", "qa", 7, closed=(LOCKED,), overridden=(OVERRIDDEN,), reason="an outage")
        ),
        "`1.4.0-rc1` waits to be deployed to `qa` (deployment 7):\n"
        "- **lock** refuses: It is locked by bob: migration; who can help: `bob`, `role:admin`\n"
        "Overridden, because `an outage`:\n"
        "- **freeze** is overridden: It is frozen by ada: holidays",
    ),
    "waiting": (
        deployment_replies.deployed(DeployResult("1.4.0-rc1", "qa", 7, closed=(FROZEN, LOCKED), expires_at=UNTIL)),
        "`1.4.0-rc1` waits to be deployed to `qa` (deployment 7):\n"
        "- **freeze** waits: It is frozen by ada: holidays; until 2026-12-24 18:00 UTC; who can help: `role:maintain`\n"
        "- **lock** refuses: It is locked by bob: migration; who can help: `bob`, `role:admin`\n"
        "\n"
        "It is deployed as soon as nothing stands in its way, until 2026-12-24 18:00 UTC.",
    ),
    "a dry run": (
        replies.in_dry_run(
            deployment_replies.previewed(Preview(("Wait for freeze, then deploy x to qa.",), (FROZEN,)))
        ),
        "This is a dry run: nothing was done.\n"
        "I would:\n"
        "- Wait for freeze, then deploy x to qa.\n"
        "\n"
        "What stands in the way:\n"
        "- **freeze** waits: It is frozen by ada: holidays; until 2026-12-24 18:00 UTC; who can help: `role:maintain`",
    ),
    "why, of what may go": (
        deployment_replies.explained(
            explanation(PASSED, GateResult("checks", "off"), shipment=Shipment("1.3.0-rc2", COMMITS))
        ),
        "**`1.4.0-rc1` for `production`**: it can be deployed.\n"
        "\n"
        "- **candidate** passes: The candidate is ready\n"
        "- off: checks\n"
        "\n"
        "It would bring 3 commits, compared with what is live there (`1.3.0-rc2`):\n"
        "- `012345678901` `Fix the login` by `ada`\n"
        "- `012345678901` `Add a page` by `bob`\n"
        "- and 1 more",
    ),
    "why, of what has to wait": (
        deployment_replies.explained(explanation(PASSED, FROZEN, shipment=Shipment(None))),
        "**`1.4.0-rc1` for `production`**: it has to wait.\n"
        "\n"
        "- **candidate** passes: The candidate is ready\n"
        "- **freeze** waits: It is frozen by ada: holidays; until 2026-12-24 18:00 UTC; who can help: `role:maintain`\n"
        "\n"
        "Nothing is live there yet.",
    ),
    "why, of what is refused": (
        deployment_replies.explained(explanation(LOCKED, shipment=Shipment("1.3.0-rc2", CommitRange(0, 1, ()), None))),
        "**`1.4.0-rc1` for `production`**: it cannot be deployed.\n"
        "\n"
        "- **lock** refuses: It is locked by bob: migration; who can help: `bob`, `role:admin`\n"
        "\n"
        "It would take back 1 commit, compared with what is live there (`1.3.0-rc2`).",
    ),
    "why, of the same commit": (
        deployment_replies.explained(explanation(PASSED, shipment=Shipment("1.4.0-rc1"))).rpartition("\n")[2],
        "It is the same commit as what is live there (`1.4.0-rc1`).",
    ),
    "why, when GitHub is down": (
        deployment_replies.explained(
            explanation(PASSED, shipment=Shipment("1.3.0-rc2", problem="GitHub is unavailable"))
        ).rpartition("\n")[2],
        "How it differs from what is live there (`1.3.0-rc2`) is not known: GitHub is unavailable.",
    ),
    "status": (
        status_replies.status(
            ProjectStatus(
                "site",
                "1.4.0-rc1",
                (
                    EnvironmentStatus("qa", "1.3.0-rc2", "012345678901", "1.4.0-rc1 (in_progress)", None),
                    EnvironmentStatus(
                        "production",
                        "1.2.0-rc1",
                        "012345678901",
                        None,
                        "holidays",
                        banned=True,
                        waits="1.4.0-rc1 for approvals, freeze",
                        locked="bob: migration",
                    ),
                ),
                held=("1.3.0",),
            )
        ),
        "**`site`**: newest candidate `1.4.0-rc1`.\n"
        "On hold: `1.3.0`.\n"
        "\n"
        "| environment | live | commit | under way | waits |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| `qa` | `1.3.0-rc2` | `012345678901` | `1.4.0-rc1 (in_progress)` | – |\n"
        "| `production` (frozen: `holidays`) (locked: `bob: migration`) | `1.2.0-rc1` (banned) | `012345678901` | – "
        "| `1.4.0-rc1 for approvals, freeze` |",
    ),
    "where": (
        status_replies.where(
            Whereabouts(
                SHA,
                [
                    EnvironmentWithCommit("qa", "live", "1.4.0-rc1"),
                    EnvironmentWithCommit("production", "not live", "1.3.0-rc2"),
                    EnvironmentWithCommit("demo", "nothing live"),
                    EnvironmentWithCommit("edge", "unknown", "1.1.0-rc1", "GitHub is unavailable"),
                ],
                ["1.4.0-rc1"],
                pull=12,
                more=2,
            )
        ),
        f"Where pull request 12 (merged as `{SHA}`) is live:\n"
        "- `qa`: yes (`1.4.0-rc1`)\n"
        "- `production`: no (`1.3.0-rc2`)\n"
        "- `demo`: no: nothing is live there\n"
        "- `edge`: not known (`1.1.0-rc1`): GitHub is unavailable\n"
        "- and 2 more environments, which were not looked at\n"
        "\n"
        "Candidates at this commit: `1.4.0-rc1`.",
    ),
    "where, of a pull request that is open": (
        status_replies.where(Whereabouts(SHA, [EnvironmentWithCommit("qa", "nothing live")], pull=12, merged=False)),
        f"Where pull request 12 (not merged, its head is `{SHA}`) is live:\n- `qa`: no: nothing is live there",
    ),
    "late": (
        replies.late("/ship"),
        "GitHub could not deliver this to me in time, so I did nothing. If you still want it, please say it again: "
        "write `/ship` … in a new comment.",
    ),
    "too many": (
        replies.too_many(10, "/ship"),
        "I perform at most 10 commands a minute for one person, and did nothing about these: wait a minute, then write "
        "`/ship` … again.",
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_words_of_a_reply(name: str) -> None:
    text, expected = TEXTS[name]
    assert text == expected


def all_replies(text: str) -> list[str]:
    """Every reply, with the same text wherever others may have written it."""
    block, gate = Block(text, text, UNTIL), GateResult("lock", "wait", text, who_can_help=(text,))
    commits = CommitRange(2, 1, (CommitLine(SHA, text, text),))
    acts: list[Callable[[], Act]] = [
        lambda: deployment_replies.cut(CutResult(text, text, "ready", building=False)),
        lambda: deployment_replies.canceled_build(text, ended=False),
        lambda: deployment_replies.canceled(text, [Canceled(text, 7, ended=True)]),
        lambda: deployment_replies.approved(text, text, CommitSha(text), 1, 1),
        lambda: deployment_replies.unapproved(text, text),
        lambda: deployment_replies.approved_config(text, [ApprovedConfig((text,), 1, 2, takes_effect=False)]),
        lambda: block_replies.held(text, block, already=False),
        lambda: block_replies.held(text, block, already=True),
        lambda: block_replies.unheld(text),
        lambda: block_replies.banned(text, text),
        lambda: block_replies.unbanned(text),
        lambda: block_replies.frozen(text, block),
        lambda: block_replies.unfrozen(text, [RemainingFreeze("environment", text, block)]),
        lambda: block_replies.locked(text, block),
        lambda: block_replies.unlocked(text, text),
        lambda: block_replies.announced(text),
        lambda: block_replies.announcement_approved(text),
        lambda: block_replies.announcement_rejected(text, text),
    ]
    made = [act() for act in acts]
    status = EnvironmentStatus(text, text, text, text, text, waits=text, locked=text)
    return [
        *map(replies.acted, made),
        *map(replies.would, made),
        deployment_replies.deployed(DeployResult(text, text, 7, closed=(gate,), expires_at=UNTIL)),
        deployment_replies.deployed(DeployResult(text, text, 7, overridden=(gate,), reason=text)),
        deployment_replies.previewed(Preview((f"Deploy {text}.",), (gate,))),
        deployment_replies.explained(Explanation(Decision(text, text, (gate,)), Shipment(text, commits))),
        deployment_replies.explained(Explanation(Decision(text, text, (gate,)), Shipment(text, problem=text))),
        status_replies.status(ProjectStatus(text, text, (status,), (text,))),
        status_replies.where(Whereabouts(text, [EnvironmentWithCommit(text, "unknown", text, text)], [text])),
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:30] for text in HOSTILE])
def test_the_text_of_others_is_inert_in_every_reply(text: str) -> None:
    for body in all_replies(text):
        assert_harmless(body)


@given(ANY_TEXT)
def test_any_text_is_inert_in_every_reply(text: str) -> None:
    for body in all_replies(text):
        assert_harmless(body)
