"""How fast deliveries are taken: our webhook route beside a bare one, and beside one that only checks and stores.

Every server is a process of its own with a fresh database, loaded by this one over loopback; they take turns, and the
ratios are of neighbours in the same round.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.databases import KINDS, LABELS, MISSING, connect, fresh, sqlite_file
from benchmarks.load import SECRET, Deliveries, Measured, Requests, send
from benchmarks.tables import machine, percentile, table

EVENT_LOOP = "uvloop" if find_spec("uvloop") else "asyncio"
BODY = 10 * 1024
CONNECTIONS = 32
WARM_UP = 0.5
START_SECONDS = 20
SERVE = "import sys; from cli.main import main; sys.argv = ['longshore', 'serve', *sys.argv[1:]]; main()"


@dataclass(frozen=True)
class Contestant:
    """Somebody who takes deliveries. `required` is the share of `plain`'s rate that it has to reach."""

    name: str
    says: str
    table: str = ""
    required: float | None = None

    def command(self, port: int, url: str) -> list[str]:
        """What starts it."""
        if self.name in ("bare", "plain"):
            return ["-m", "benchmarks.rivals", self.name, str(port), url]
        return ["-c", SERVE, *([] if self.name == "working" else ["--no-worker"])]


BARE = Contestant("bare", "bare aiohttp route")
PLAIN = Contestant("plain", "HMAC and group commit alone", "deliveries")
OURS = Contestant("ours", "`longshore serve --no-worker`", "jobs WHERE kind = 'webhook'", 0.85)
WORKING = Contestant("working", "`longshore serve`, worker busy", "jobs WHERE kind = 'webhook'", 0.6)
CONTESTANTS = (PLAIN, OURS, WORKING)


@dataclass
class Series:
    """What one contestant did on one database, round by round."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    jobs: list[float] = field(default_factory=list)

    def add(self, measured: Measured, processor_seconds: float, jobs: int) -> None:
        """One turn, and how many of its deliveries were also worked on meanwhile."""
        self.rates.append(measured.rate)
        self.jobs.append(jobs / (WARM_UP + measured.seconds))
        self.latencies += measured.latencies
        self.costs.append(processor_seconds / max(1, measured.acknowledged) * 1e6)


Results = dict[tuple[str, str], Series]


def environment(port: int, url: str) -> Mapping[str, str]:
    """Our settings; nobody answers where GitHub ought to."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LONGSHORE_")},
        "LONGSHORE_DATABASE_URL": url,
        "LONGSHORE_PORT": str(port),
        "LONGSHORE_GITHUB_API_URL": f"http://127.0.0.1:{free_port()}",
        "LONGSHORE_GITHUB_APP_ID": "1",
        "LONGSHORE_GITHUB_PRIVATE_KEY": pem,
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": SECRET,
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serving(says: str, command: Sequence[str], port: int, url: str) -> AsyncIterator[int]:
    """A server's process number, once it accepts connections; its log is shown when it does not come up."""
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *command),
            stdout=log,
            stderr=log,
            env=environment(port, url),
            cwd=Path(__file__).parent.parent,
        )
        try:
            if not await _accepts(port, process):
                log.seek(0)
                raise RuntimeError(f"{says} does not start: {log.read().decode()[-2000:]}")
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _accepts(port: int, process: asyncio.subprocess.Process) -> bool:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.returncode is None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        await asyncio.sleep(0.02)
    return False


def processor_seconds(process: int) -> float:
    """Processor time that a process has had; 0 where that cannot be read."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def turn(contestant: Contestant, kind: str, requests: Requests, seconds: float) -> tuple[Measured, float, int]:
    """Load one contestant; what it acknowledged must be there afterwards.

    Gives its processor time as well, and how many deliveries it has worked on.
    """
    port, jobs = free_port(), 0
    async with fresh(kind) if kind else nullcontext("") as url:
        async with serving(contestant.says, contestant.command(port, url), port, url) as process:
            before = processor_seconds(process)
            measured = await send(port, requests, connections=CONNECTIONS, warm_up=WARM_UP, seconds=seconds)
            spent = processor_seconds(process) - before
        if kind:
            stored = await _count(contestant.table, url)
            if stored < measured.acknowledged:
                raise RuntimeError(f"{contestant.says}: {measured.acknowledged} acknowledged, {stored} stored")
        if contestant is WORKING:
            jobs = await _count(f"{contestant.table} AND state = 'done'", url)
    return measured, spent, jobs


async def _count(rows: str, url: str) -> int:
    question = f"SELECT count(*) FROM {rows}"
    if url.startswith("sqlite"):
        database = sqlite3.connect(sqlite_file(url))
        try:
            return int(database.execute(question).fetchone()[0])
        finally:
            database.close()
    connection = await connect(url)
    try:
        return int(await connection.fetchval(question))
    finally:
        await connection.close()


async def run(rounds: int, seconds: float) -> tuple[Results, float]:
    """All rounds; also how busy this process, the load, was at most."""
    requests = Deliveries(BODY)
    turns = [(BARE, "")] + [(contestant, kind) for kind in KINDS for contestant in CONTESTANTS]
    results: Results = {(contestant.name, kind): Series() for contestant, kind in turns}
    busiest = 0.0
    for number in range(rounds):
        for contestant, kind in turns if number % 2 == 0 else reversed(turns):
            measured, spent, jobs = await turn(contestant, kind, requests, seconds)
            results[contestant.name, kind].add(measured, spent, jobs)
            busiest = max(busiest, measured.busy)
            print(
                f"  round {number + 1}: {contestant.says}, {LABELS[kind]}: {measured.rate:,.0f}/s",
                file=sys.stderr,
                flush=True,
            )
    return results, busiest


def ratio(results: Results, contestant: Contestant, kind: str) -> float:
    """The median over the rounds of a contestant's rate against that of `plain`."""
    pairs = zip(results[contestant.name, kind].rates, results[PLAIN.name, kind].rates, strict=True)
    return median(own / other for own, other in pairs)


def report(results: Results) -> tuple[str, bool]:
    """The table, and whether every requirement is met."""
    rows, met = [], True
    for contestant, kind in [(BARE, ""), *((one, kind) for kind in KINDS for one in CONTESTANTS)]:
        series = results[contestant.name, kind]
        share, wanted = "", ""
        if contestant.required is not None:
            found = ratio(results, contestant, kind)
            met &= found >= contestant.required
            share, wanted = f"{found:.2f}", f"≥ {contestant.required}"
        times = [f"{percentile(series.latencies, at) * 1000:.1f} ms" for at in (0.5, 0.99)]
        rate, cost = f"{median(series.rates):,.0f}", f"{median(series.costs):.0f} µs"
        jobs = f"{median(series.jobs):,.0f}" if contestant is WORKING else ""
        rows.append([contestant.says, LABELS[kind], rate, share, wanted, *times, cost, jobs])
    head = ["server", "database", "deliveries/s", "of HMAC and group commit alone", "required"]
    return table([*head, "median", "p99", "processor time each", "jobs done/s"], rows), met


def main() -> int:
    """Measure and print; 1 when a requirement is not met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    given = parser.parse_args()
    factory = None
    if EVENT_LOOP == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        results, busiest = runner.run(run(given.rounds, given.seconds))
    text, met = report(results)
    how = f"{given.rounds} rounds of {given.seconds:g} s, {CONNECTIONS} connections, {BODY:,} byte bodies, {EVENT_LOOP}"
    print(f"{machine()} {how}.")
    print(f"{'' if 'postgres' in KINDS else MISSING + ' '}The load's own process was busy {busiest:.0%} at most.\n")
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
