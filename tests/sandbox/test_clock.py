"""One clock for everything that the sandbox says, and it may be wrong."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from tests.sandbox.conftest import Lab

TOLERANCE = timedelta(seconds=10)


def _is_near(text: str, expected: datetime) -> bool:
    return abs(datetime.fromisoformat(text) - expected) < TOLERANCE


@pytest.mark.parametrize("seconds", [-300, 300, 86_400])
async def test_every_time_follows_the_clock_of_the_sandbox(lab: Lab, seconds: float) -> None:
    lab.github.skew(seconds)
    expected = datetime.now(UTC) + timedelta(seconds=seconds)
    lab.token = (await lab.create_token()).json["token"]
    await lab.dispatch()
    number = await lab.github.pull_request()
    await lab.github.comment(number, "/help")
    await lab.github.settle()
    run = (await lab.repo("GET", f"/actions/runs/{lab.github.runs[0].id}")).json
    comment = (await lab.repo("GET", f"/issues/{number}/comments")).json[0]
    delivery = (await lab.request("GET", "/app/hook/deliveries", token=lab.jwt())).json[0]
    commit = (await lab.repo("GET", f"/commits/{lab.github.repository().pulls[number].head_sha}")).json["commit"]
    times = (run["created_at"], comment["created_at"], delivery["delivered_at"], commit["committer"]["date"])
    assert all(_is_near(text, expected) for text in times), times
    assert (await lab.last_payload("issue_comment"))["comment"]["created_at"] == comment["created_at"]


async def test_the_date_of_every_response_follows_the_clock(lab: Lab) -> None:
    lab.github.skew(-3_600)
    for path in ("/repos/acme/site", "/nonsense", "/repos/acme/other"):
        date = parsedate_to_datetime((await lab.request("GET", path)).headers["Date"])
        assert abs(date - (datetime.now(UTC) - timedelta(hours=1))) < TOLERANCE
    lab.github.faults.fail()
    assert abs(parsedate_to_datetime((await lab.repo("GET", "")).headers["Date"]) - date) < TOLERANCE


async def test_jwts_and_tokens_are_judged_by_the_clock_of_the_sandbox(lab: Lab) -> None:
    ours = lab.jwt()
    lab.github.skew(-300)
    refused = await lab.request("GET", "/app", token=ours)
    assert refused.json["message"].startswith("'Issued at' claim")
    lab.github.skew(900)
    assert (await lab.request("GET", "/app", token=ours)).json["message"].startswith("'Expiration time' claim")
    assert (await lab.request("GET", "/app", token=lab.jwt())).status == 200
    lab.github.skew(3_700)
    assert (await lab.repo("GET", "")).status == 401
