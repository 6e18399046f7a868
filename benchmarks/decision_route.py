"""How fast the decision about a deployment is shown, compared with a bare route with the same SQL and as many bytes.

One process serves our application on one port and the bare route on another, as in `lists`; GitHub is the sandbox in a
process of its own, whose answers our application remembers for some seconds. The environment has every gate set. The
caller has a personal token, so that GitHub is asked for the caller's role, too.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
from aiohttp import web

from benchmarks import datasets
from benchmarks.databases import ENGINE_LABELS, ENGINES, connect, sqlite_path, temporary_database
from benchmarks.intake import cpu_seconds, environment, event_loop_runner, free_port, running_process
from benchmarks.lists import Execute, Recorder, RepeatedRequest, Series, open_reader, serve
from benchmarks.load import generate_load
from benchmarks.reporting import markdown_table, percentile
from benchmarks.simulated_github import SimulatedGitHub, simulated_github
from bot.store.migrate import migrate

MIN_RATIO = 0.5
CONNECTIONS = 8
WARM_UP_SECONDS = 1.0
ADMIN, PERSONAL = "lsh_benchmark-admin", "lsh_benchmark-person"
HEADERS = {"Authorization": f"Bearer {PERSONAL}"}
DECISION = "/api/projects/site/environments/production/decision?candidate=1.1-rc1"
PEOPLE = ("ada", "grace", "alan")
"""The caller, and two who have approved."""
GATES = {
    "after": ["test", "staging"],
    "soak": "2h",
    "downgrade": "refuse",
    "checks": ["build", {"name": "lint", "app": "github-actions"}, "test *"],
    "approvals": {"count": 2, "from": ["role:maintain", "team:acme/release", "user:ada"]},
    "deployers": ["role:maintain", "team:acme/release"],
    "windows": [
        {"deny": "FREQ=WEEKLY;BYDAY=FR;BYHOUR=14", "for": "64h", "timezone": "Europe/Berlin", "reason": "weekend"},
        {"deny": "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24;BYHOUR=0", "for": "200h", "timezone": "America/New_York"},
    ],
}
ENVIRONMENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("test", "development", {}),
    ("staging", "staging", {}),
    ("production", "production", GATES),
)


# --- the server process


class BareRoute:
    """The statements of our decision, run by the usual libraries, and as many bytes as our response has."""

    def __init__(self, url: str, address: str, recorder: Recorder) -> None:
        self._url, self._address, self._recorder = url, address, recorder
        self._read: Execute
        self._statements: list[tuple[str, Any]] = []
        self._body = b""
        self._recording = asyncio.Lock()
        self._session: aiohttp.ClientSession

    async def open(self, _: web.Application) -> AsyncIterator[None]:
        """Open a client of our application and a connection to the database."""
        async with aiohttp.ClientSession(self._address) as self._session, open_reader(self._url) as self._read:
            yield

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the route."""
        router.add_get("/decision", self.decision)

    async def decision(self, _: web.Request) -> web.Response:
        """Run the statements and send the bytes."""
        async with self._recording:
            if not self._body:
                await self._record()
        for sql, args in self._statements:
            await self._read(sql, args)
        return web.Response(body=self._body, content_type="application/json")

    async def _record(self) -> None:
        for _ in range(2):  # what GitHub answers to the first one is remembered
            self._recorder.statements = []
            async with self._session.get(DECISION, headers=HEADERS) as response:
                body = await response.read()
                if response.status != 200:
                    raise RuntimeError(f"{response.status} {body.decode()}")
            self._statements = [(each.sql, each.args or []) for each in self._recorder.statements]
            self._recorder.statements = None
        unread = [gate for gate in orjson.loads(body)["gates"] if "error" in gate["facts"]]
        if unread or not all(gate["verdict"] == "pass" for gate in orjson.loads(body)["gates"]):
            raise RuntimeError(body.decode())
        print(f"{len(self._statements)} statements, {len(body):,} bytes", file=sys.stderr, flush=True)
        self._body = body


# --- the load generator


@dataclass(frozen=True)
class Server:
    """A server process with one of the databases."""

    port: int
    bare_port: int
    pid: int


async def prepare(github: SimulatedGitHub, address: str, database_url: str) -> None:
    """Make a project with an environment whose gates are all set, and a candidate for which they are open."""
    await github.act("teams", name="release")
    pull = await github.act("pull-requests")
    for login in PEOPLE:
        await github.act("people", login=login, role="maintain")
        await github.act("teams/members/add", team="release", login=login)
        await github.act("comments", number=pull, body="Looks good.", by=login)
    users = {}
    for each in await github.view("events"):
        if each["event"] == "issue_comment":
            user = orjson.loads(each["body"])["comment"]["user"]
            users[user["login"]] = user["id"]
    old, new = await github.view("resolve?rev=main~2"), await github.view("resolve?rev=main")
    for name in ("build", "lint", "docs", *(f"test 3.{minor}" for minor in range(10))):
        await github.act("checks/report", name=name, sha=new["result"], app="github-actions")
    await fill(address, old["result"], new["result"])
    await run_sql(database_url, *statements(users))


async def fill(address: str, old: str, new: str) -> None:
    """Make the project, its environments, candidates and deployments through the API."""
    async with aiohttp.ClientSession(address, headers={"Authorization": f"Bearer {ADMIN}"}) as session:

        async def ask(method: str, path: str, body: Any) -> None:
            async with session.request(method, path, json=body) as response:
                if response.status >= 400:
                    raise RuntimeError(f"{method} {path}: {response.status} {await response.text()}")

        await ask("POST", "/api/projects", {"name": "site", "repo": "acme/site"})
        for name, tier, more in ENVIRONMENTS:
            await ask("POST", "/api/projects/site/environments", {"name": name, "tier": tier, **more})
        for version, commit in (("1.0-rc1", old), ("1.1-rc1", new)):
            body = {"repo": "acme/site", "commit": commit, "trigger_build_workflow": False}
            await ask("POST", f"/api/releases/site/releases/{version}", body)
        for name, version in (("production", "1.0-rc1"), ("test", "1.1-rc1"), ("staging", "1.1-rc1")):
            body = {"release_candidate_version": version, "status": "success"}
            await ask("PATCH", f"/api/releases/site/environments/{quote(name)}/deployments", body)


def statements(users: dict[str, int]) -> list[str]:
    """Build the statements for what the API lets only people do, and for the time that has passed."""
    earlier, now = "2026-01-01 00:00:00+00:00", datetime.now(UTC).isoformat(" ")
    digest = datasets.digest(PERSONAL)["digest"]
    found = [f"UPDATE deployments SET deploy_end_at = '{earlier}'"]
    for login, github_id in users.items():
        exists = f"SELECT 1 FROM users WHERE github_id = {github_id}"
        values = f"'{login}', {github_id}, '{earlier}'"
        found.append(f"INSERT INTO users (name, github_id, created_at) SELECT {values} WHERE NOT EXISTS ({exists})")
    token = "INSERT INTO api_tokens (user_id, name, prefix, digest, grants, personal, by_operator, created_at)"
    found.append(
        f"""{token} SELECT id, 'ada', 'lsh_', '{digest}', '["project:read"]', TRUE, TRUE, '{earlier}'
        FROM users WHERE github_id = {users[PEOPLE[0]]}"""
    )
    found += [
        f"""INSERT INTO approvals (candidate_id, environment_id, user_id, comment, channel, by_operator, approved_at)
        SELECT c.id, e.id, u.id, '', 'rest', FALSE, '{now}' FROM candidates c, environments e, users u
        WHERE c.version = '1.1-rc1' AND e.name = 'production' AND u.github_id = {users[login]}"""
        for login in PEOPLE[1:]
    ]
    found.append(
        f"""INSERT INTO environment_locks (environment_id, owner_id, reason, since)
        SELECT e.id, u.id, 'mine', '{earlier}' FROM environments e, users u
        WHERE e.name = 'production' AND u.github_id = {users[PEOPLE[0]]}"""
    )
    return found


async def run_sql(url: str, *statements: str) -> None:
    """Run statements in turn."""
    if url.startswith("sqlite"):
        with sqlite3.connect(sqlite_path(url)) as database:
            for statement in statements:
                database.execute(statement)
        database.close()
        return
    connection = await connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


@asynccontextmanager
async def started_server(engine: str) -> AsyncIterator[Server]:
    """Start a sandbox, and a server process with a prepared database."""
    async with temporary_database(engine) as url, simulated_github() as github:
        await migrate(url)
        await datasets.fill_token(url, ADMIN)
        port, bare = free_port(), free_port()
        command = (sys.executable, "-m", "benchmarks.decision_route", str(bare))
        variables = {**environment(port, url), **github.settings}
        async with running_process("the server process", command, port, variables) as pid:
            await prepare(github, f"http://127.0.0.1:{port}", url)
            yield Server(port, bare, pid)


async def measure(server: Server, seconds: float, series: Series, *, ours: bool) -> None:
    """Load our route or the bare one."""
    requests = RepeatedRequest(DECISION if ours else "/decision", HEADERS)
    before, port = cpu_seconds(server.pid), server.port if ours else server.bare_port
    measured = await generate_load(port, requests, connections=CONNECTIONS, warm_up=WARM_UP_SECONDS, seconds=seconds)
    series.add(measured, cpu_seconds(server.pid) - before)


async def run(rounds: int, seconds: float) -> dict[str, tuple[Series, Series]]:
    """Measure with each database; return the series of our route and of the bare one."""
    results = {}
    for engine in ENGINES:
        async with started_server(engine) as server:
            results[engine] = mine, bare = Series(), Series()
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{server.bare_port}/decision"):
                pass  # the statements are recorded
            for number in range(rounds):
                for is_ours in (number % 2 == 0, number % 2 == 1):
                    await measure(server, seconds, mine if is_ours else bare, ours=is_ours)
    return results


def report(results: dict[str, tuple[Series, Series]]) -> tuple[str, bool]:
    """Return the table and whether the requirement is met."""
    rows, met = [], True
    for engine, (mine, bare) in results.items():
        ratio = median(one / other for one, other in zip(mine.rates, bare.rates, strict=True))
        met = met and ratio >= MIN_RATIO
        cells = [f"{median(bare.rates):,.0f}", f"{median(mine.rates):,.0f}", f"{ratio:.2f}", f"≥ {MIN_RATIO}"]
        cells += [f"{percentile(mine.latencies, share) * 1000:.1f} ms" for share in (0.5, 0.99)]
        cells += [f"{median(series.costs) * 1e6:.0f} µs" for series in (bare, mine)]
        rows.append([ENGINE_LABELS[engine], *cells])
    header = ["database", "bare route, decisions/s", "ours, decisions/s", "of the bare route", "required"]
    return markdown_table([*header, "median", "p99", "processor time, bare", "ours"], rows), met


if __name__ == "__main__":
    with event_loop_runner() as runner:
        runner.run(serve(int(sys.argv[1]), BareRoute))
