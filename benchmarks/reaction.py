"""Measure how long a command in a comment waits for its first reaction, alone and behind a crowd of deliveries.

`longshore serve` and the sandbox that stands for GitHub are processes of their own; this one delivers webhooks. The
time runs from the moment at which the comment's webhook is sent to the one at which GitHub gets the request for the
reaction.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import orjson

from benchmarks import datasets
from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE, temporary_database
from benchmarks.intake import (
    EVENT_LOOP,
    SERVE_SCRIPT,
    count_rows,
    environment,
    event_loop_runner,
    free_port,
    running_process,
)
from benchmarks.load import HEAD_END, PATH, SECRET, Load, Sender, guid_at, push_payload
from benchmarks.reporting import markdown_table, measured_on, percentile
from benchmarks.simulated_github import SimulatedGitHub, simulated_github
from bot.store.migrate import migrate

TOKEN = "lsh_benchmark-token"
MAX_IDLE, MAX_BEHIND, MAX_GROWTH = 0.050, 0.150, 7.0  # of the 99th percentiles: seconds, seconds, ratio
CROWD = 1000  # deliveries that arrive before a maintainer's comment
STRANGERS = 250  # of them comments with commands, each by somebody else
CONNECTIONS = 32
SPACING = 0.02  # seconds between the comments behind a crowd
COMMAND = "/release status"
COMMANDS_A_MINUTE = 8  # of one person; Longshore performs ten
UNFINISHED = "jobs WHERE state IN ('queued', 'running') AND kind IN ('webhook', 'command', 'reply')"
CASES = ("idle", "behind the crowd", "behind the crowd, author unknown")


@dataclass(frozen=True)
class Delivery:
    """A webhook to send; of a comment, with its id."""

    event: str
    body: bytes
    comment: int = 0

    def request(self, number: int) -> bytes:
        """Return the signed request, under a new GUID."""
        signature = hmac.new(SECRET.encode(), self.body, hashlib.sha256).hexdigest()
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nContent-Type: application/json\r\n"
            f"User-Agent: GitHub-Hookshot/bench\r\nX-GitHub-Event: {self.event}\r\n"
            f"X-GitHub-Delivery: {guid_at(time.time_ns(), number)}\r\nX-Hub-Signature-256: sha256={signature}\r\n"
            f"Content-Length: {len(self.body)}"
        )
        return head.encode() + HEAD_END + self.body


class Batch(Load):
    """Requests that are sent once each."""

    status = b"202"

    def __init__(self, requests: Sequence[bytes]) -> None:
        super().__init__(self, 0, 0)
        self._left = list(reversed(requests))

    @property
    def stopped(self) -> bool:
        """Whether all requests were sent."""
        return not self._left

    def next(self) -> bytes:
        """Return the next request."""
        return self._left.pop()

    def record_response(self, sent: float) -> bool:
        """Return whether to send another request."""
        return bool(self._left)


@dataclass
class Bench:
    """A running Longshore with a sandbox, and what was measured with them."""

    github: SimulatedGitHub
    database_url: str
    port: int
    numbers: int = 0
    waits: dict[str, list[float]] = field(default_factory=lambda: {case: [] for case in CASES})

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to Longshore's API."""
        url, headers = f"http://127.0.0.1:{self.port}{path}", {"Authorization": f"Bearer {TOKEN}"}
        async with self.github.session.request(method, url, json=body, headers=headers) as response:
            answer = await response.json()
            if response.status >= 400:
                raise RuntimeError(f"{method} {path}: {response.status} {answer}")
            return answer

    async def comments(self, authors: Sequence[str]) -> list[Delivery]:
        """Have people comment with a command; return the webhooks in that order."""
        pull = await self.github.act("pull-requests")
        for author in authors:
            await self.github.act("comments", number=pull, body=COMMAND, by=author)
        events = [
            each["body"].encode() for each in await self.github.view("events") if each["event"] == "issue_comment"
        ]
        comments = [(body, orjson.loads(body)["comment"]) for body in events]
        found = [(body, comment) for body, comment in comments if comment["user"]["type"] != "Bot"]  # else our reply
        assert len(found) == len(authors), (len(found), len(authors))
        return [Delivery("issue_comment", body, int(comment["id"])) for body, comment in found]

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        """Send deliveries, many at once; return when all are acknowledged."""
        requests = [each.request(self._next_number()) for each in deliveries]
        batch, loop = Batch(requests), asyncio.get_running_loop()
        connections = range(min(CONNECTIONS, len(requests)))
        senders = [
            (await loop.create_connection(lambda: Sender(batch), "127.0.0.1", self.port))[1] for _ in connections
        ]
        await asyncio.gather(*(sender.ended for sender in senders))

    async def time_reaction(self, comment: Delivery) -> float:
        """Send a comment's webhook; return the seconds until the first reaction to it is requested."""
        began = time.monotonic()
        await self.send([comment])
        return float(await self.github.view(f"reactions/{comment.comment}")) - began

    async def settle(self) -> None:
        """Wait until no deliveries, commands and replies wait."""
        while await count_rows(UNFINISHED, self.database_url):
            await asyncio.sleep(0.1)

    def _next_number(self) -> int:
        self.numbers += 1
        return self.numbers


@asynccontextmanager
async def started(engine: str) -> AsyncIterator[Bench]:
    """Start the sandbox and Longshore, with a project."""
    async with temporary_database(engine) as url, simulated_github() as github:
        await migrate(url)
        await datasets.fill_token(url, TOKEN)
        port = free_port()
        variables = {**environment(port, url), **github.settings}
        command = (sys.executable, "-c", SERVE_SCRIPT)
        async with running_process("longshore serve", command, port, variables):
            bench = Bench(github, url, port)
            await bench.ask("POST", "/api/projects", {"name": "site", "repo": "acme/site"})
            await bench.ask("POST", "/api/projects/site/environments", {"name": "staging", "tier": "staging"})
            yield bench


async def register(bench: Bench, label: str, count: int) -> list[str]:
    """Register maintainers under new logins."""
    logins = [f"{label}-{number}" for number in range(count)]
    for login in logins:
        await bench.github.act("people", login=login, role="maintain")
    return logins


def workflow_run(number: int) -> bytes:
    """Build the body of a `workflow_run` event about a run that Longshore did not start."""
    at = "2026-11-30T10:00:00Z"
    run = {"id": 10**9 + number, "path": ".github/workflows/ci.yml", "event": "push", "head_sha": uuid4().hex + "0" * 8}
    run |= {"run_attempt": 1, "status": "completed", "conclusion": "success", "created_at": at, "updated_at": at}
    run |= {"html_url": f"https://github.com/acme/site/actions/runs/{number}", "name": "ci", "display_title": "ci"}
    return orjson.dumps({"action": "completed", "workflow_run": run, "repository": {"id": 1}, "padding": "x" * 8000})


async def crowd(bench: Bench, label: str) -> list[Delivery]:
    """Make the deliveries of a crowd: a quarter comments with commands by strangers, the others about CI."""
    others = []
    for number in range(CROWD - STRANGERS):
        event = ("push", "workflow_run", "check_run")[number % 3]
        body = workflow_run(number) if event == "workflow_run" else push_payload(10_000)
        others.append(Delivery(event, body))
    comments = await bench.comments([f"stranger-{label}-{number}" for number in range(STRANGERS)])
    every = CROWD // STRANGERS
    return [comments[n // every] if n % every == 0 else others.pop() for n in range(CROWD)]


async def measure_idle(bench: Bench, comments: Sequence[Delivery]) -> None:
    """Send comments one at a time, each when nothing else is to be done."""
    for comment in comments:
        await bench.settle()
        bench.waits["idle"].append(await bench.time_reaction(comment))


async def measure_behind(bench: Bench, others: Sequence[Delivery], known: Sequence[Delivery], new: Delivery) -> None:
    """Send a crowd, then comments of known maintainers and of one of whom nothing is known."""
    await bench.settle()
    await bench.send(others)
    measuring = []
    for case, comment in [*((CASES[1], each) for each in known), (CASES[2], new)]:
        measuring.append((case, asyncio.create_task(bench.time_reaction(comment))))
        await asyncio.sleep(SPACING)
    waiting = await count_rows(UNFINISHED, bench.database_url)
    log_progress(f"{waiting:,} jobs wait after the last comment")
    for case, task in measuring:
        bench.waits[case].append(await task)


async def run_engine(engine: str, crowds: int, each: int) -> dict[str, list[float]]:
    """Measure with one database: as many comments idle as behind crowds."""
    total = crowds * each
    async with started(engine) as bench:
        logins = await register(bench, "maintainer", -(-(2 * total + 1) // COMMANDS_A_MINUTE) + each)
        new = await register(bench, "newcomer", crowds)
        for comment in await bench.comments(logins):  # from now on they are known
            await bench.time_reaction(comment)
        authors = [logins[number % len(logins)] for number in range(2 * total)]
        comments = await bench.comments(authors)
        first = await bench.comments(new)
        await measure_idle(bench, comments[:total])
        for number in range(crowds):
            others = await crowd(bench, str(number))
            known = comments[total + number * each : total + (number + 1) * each]
            await measure_behind(bench, others, known, first[number])
            log_progress(f"{ENGINE_LABELS[engine]}: crowd {number + 1} of {crowds}")
        return bench.waits


def log_progress(line: str) -> None:
    """Print a progress message to standard error."""
    print(f"  {line}", file=sys.stderr, flush=True)


def report(waits: dict[str, dict[str, list[float]]]) -> tuple[str, bool]:
    """Return the table and whether every requirement is met."""
    rows, met = [], True
    for engine, by_case in waits.items():
        idle = percentile(by_case["idle"], 0.99)
        limits = {"idle": MAX_IDLE, "behind the crowd": min(MAX_BEHIND, MAX_GROWTH * idle)}
        for case, seconds in by_case.items():
            middle, late = percentile(seconds, 0.5), percentile(seconds, 0.99)
            limit = limits.get(case)
            met = met and (limit is None or late <= limit)
            required = "" if limit is None else f"≤ {limit * 1000:.0f} ms"
            row = [case, ENGINE_LABELS[engine], len(seconds), f"{middle * 1000:.1f} ms", f"{late * 1000:.1f} ms"]
            rows.append([*row, f"{late / idle:.1f}", required])
    header = ["comment", "database", "comments", "median", "p99", "p99 of the idle one", "required p99"]
    return markdown_table(header, rows), met


def main() -> int:
    """Measure and print the results; return 1 if a requirement is not met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--crowds", type=int, default=10)
    parser.add_argument("--each", type=int, default=5, help="comments of maintainers behind each crowd")
    args = parser.parse_args()
    waits = {}
    with event_loop_runner() as runner:
        for engine in ENGINES:
            waits[engine] = runner.run(run_engine(engine, args.crowds, args.each))
    text, met = report(waits)
    print(f"{measured_on()} {args.crowds} crowds of {CROWD:,} deliveries, {EVENT_LOOP}. {ENGINES_NOTE}\n")
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
