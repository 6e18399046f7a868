"""Measure how fast webhook deliveries are accepted, compared with other servers.

These are a bare route, one that only checks and stores, and a Probot app where node and npm are installed.

Every server is a separate process with a new database, and this process is the load generator. The servers take turns;
ratios compare measurements of the same round.
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

from benchmarks import probot
from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE, connect, sqlite_path, temporary_database
from benchmarks.load import SECRET, DeliverySource, Measurement, generate_load
from benchmarks.reporting import markdown_table, measured_on, percentile

EVENT_LOOP = "uvloop" if find_spec("uvloop") else "asyncio"
BODY_BYTES = 10 * 1024
CONNECTIONS = 32
WARM_UP_SECONDS = 1.0
START_TIMEOUT_SECONDS = 60
SERVE_SCRIPT = "import sys; from cli.main import main; sys.argv = ['longshore', 'serve', *sys.argv[1:]]; main()"


@dataclass(frozen=True)
class Subject:
    """A server that accepts deliveries.

    `required` is the minimum ratio of its rate to that of `BASELINE`, `required_of_probot` to that of `PROBOT`.
    """

    name: str
    label: str
    table: str = ""
    required: float | None = None
    required_of_probot: float | None = None
    status: bytes = b"202"

    def command(self, port: int, url: str) -> list[str]:
        """Return the Python arguments that start the server."""
        if self.name in ("bare", "storing"):
            return ["-m", "benchmarks.baselines", self.name, str(port), url]
        return ["-c", SERVE_SCRIPT, *([] if self.name == "longshore-with-worker" else ["--no-worker"])]


BARE = Subject("bare", "bare aiohttp route")
BASELINE = Subject("storing", "HMAC and group commit alone", "deliveries")
PROBOT = Subject("probot", "Probot app, keeps nothing", status=b"200")
LONGSHORE = Subject("longshore", "`longshore serve --no-worker`", "jobs WHERE kind = 'webhook'", 0.85, 1.0)
LONGSHORE_WITH_WORKER = Subject(
    "longshore-with-worker", "`longshore serve`, worker busy", "jobs WHERE kind = 'webhook'", 0.6
)
MEASURED = [
    (BARE, ""),
    *([] if probot.missing() else [(PROBOT, "")]),
    *((subject, engine) for engine in ENGINES for subject in (BASELINE, LONGSHORE, LONGSHORE_WITH_WORKER)),
]
"""The servers to measure, each with a database engine."""


@dataclass
class Series:
    """Measurements of one server with one database, by round."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    jobs: list[float] = field(default_factory=list)

    def add(self, measurement: Measurement, processor_seconds: float, jobs: int) -> None:
        """Add a measurement, and the number of deliveries that the worker processed during it."""
        self.rates.append(measurement.rate)
        self.jobs.append(jobs / (WARM_UP_SECONDS + measurement.seconds))
        self.latencies += measurement.latencies
        self.costs.append(processor_seconds / max(1, measurement.acknowledged) * 1e6)


Results = dict[tuple[str, str], Series]


def private_key() -> str:
    """Return a new key of an App."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def environment(port: int, url: str) -> Mapping[str, str]:
    """Return the environment of a Longshore process; its GitHub API URL does not respond."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LONGSHORE_")},
        "LONGSHORE_DATABASE_URL": url,
        "LONGSHORE_PORT": str(port),
        "LONGSHORE_GITHUB_API_URL": f"http://127.0.0.1:{free_port()}",
        "LONGSHORE_GITHUB_APP_ID": "1",
        "LONGSHORE_GITHUB_PRIVATE_KEY": private_key(),
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": SECRET,
    }


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running_server(label: str, command: Sequence[str], port: int, url: str) -> AsyncIterator[int]:
    """Start a server with these Python arguments and yield its process id, as `running_process` does."""
    async with running_process(label, (sys.executable, *command), port, environment(port, url)) as pid:
        yield pid


@asynccontextmanager
async def running_process(
    label: str, command: Sequence[str], port: int, variables: Mapping[str, str] | None
) -> AsyncIterator[int]:
    """Start a server and yield its process id once it accepts connections; raise with its log if it does not start.

    `variables` is its environment; None is ours.
    """
    with tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=log,
            stderr=log,
            env=variables,
            cwd=Path(__file__).parent.parent,
        )
        try:
            if not await _wait_until_listening(port, process):
                log.seek(0)
                raise RuntimeError(f"{label} did not start: {log.read().decode()[-2000:]}")
            yield process.pid
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _wait_until_listening(port: int, process: asyncio.subprocess.Process) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.returncode is None:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return True
        await asyncio.sleep(0.02)
    return False


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used; 0 if it cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def started(subject: Subject, port: int, url: str, app: Path | None) -> AsyncIterator[int]:
    """Start a server and yield its process id; `app` is the folder of the Probot app."""
    if subject is not PROBOT:
        async with running_server(subject.label, subject.command(port, url), port, url) as pid:
            yield pid
        return
    if app is None:
        raise RuntimeError(probot.MISSING)
    variables = {**os.environ, **probot.environment(port, private_key())}
    async with running_process(subject.label, probot.command(app), port, variables) as pid:
        yield pid


async def measure(subject: Subject, engine: str, seconds: float, app: Path | None) -> tuple[Measurement, float, int]:
    """Load a server, and raise if it has not stored every delivery that it acknowledged.

    Return the measurement, the processor time and the number of deliveries that its worker processed.
    """
    port, jobs_done, requests = free_port(), 0, DeliverySource(BODY_BYTES, subject.status)
    async with temporary_database(engine) if engine else nullcontext("") as url:
        async with started(subject, port, url, app) as pid:
            warm_up = await generate_load(port, requests, connections=CONNECTIONS, warm_up=0, seconds=WARM_UP_SECONDS)
            before = cpu_seconds(pid)
            measurement = await generate_load(port, requests, connections=CONNECTIONS, warm_up=0, seconds=seconds)
            cpu = cpu_seconds(pid) - before
        if engine:
            acknowledged, stored = warm_up.acknowledged + measurement.acknowledged, await count_rows(subject.table, url)
            if stored < acknowledged:
                raise RuntimeError(f"{subject.label}: {acknowledged} acknowledged, {stored} stored")
        if subject is LONGSHORE_WITH_WORKER:
            jobs_done = await count_rows(f"{subject.table} AND state = 'done'", url)
    return measurement, cpu, jobs_done


async def count_rows(rows: str, url: str) -> int:
    """Count rows of a database: `rows` is a table, and a condition if it has one."""
    query = f"SELECT count(*) FROM {rows}"
    if url.startswith("sqlite"):
        database = sqlite3.connect(sqlite_path(url))
        try:
            return int(database.execute(query).fetchone()[0])
        finally:
            database.close()
    connection = await connect(url)
    try:
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


def event_loop_runner() -> asyncio.Runner:
    """Return a runner for uvloop if it is installed, otherwise for the standard event loop."""
    if EVENT_LOOP != "uvloop":
        return asyncio.Runner()
    import uvloop

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def run(rounds: int, seconds: float, app: Path | None) -> tuple[Results, float]:
    """Run all rounds; return the results and the highest processor share of the load generator."""
    results: Results = {(subject.name, engine): Series() for subject, engine in MEASURED}
    busiest = 0.0
    for round_number in range(rounds):
        for subject, engine in MEASURED if round_number % 2 == 0 else reversed(MEASURED):
            measurement, cpu, jobs = await measure(subject, engine, seconds, app)
            results[subject.name, engine].add(measurement, cpu, jobs)
            busiest = max(busiest, measurement.cpu_share)
            print(
                f"  round {round_number + 1}: {subject.label}, {ENGINE_LABELS[engine]}: {measurement.rate:,.0f}/s",
                file=sys.stderr,
                flush=True,
            )
    return results, busiest


def median_ratio(results: Results, subject: Subject, engine: str, other: tuple[str, str]) -> float:
    """Return the median over the rounds of the ratio of a server's rate to that of another one."""
    pairs = zip(results[subject.name, engine].rates, results[other].rates, strict=True)
    return median(own / others for own, others in pairs)


def report(results: Results) -> tuple[str, bool]:
    """Return the table and whether every requirement is met."""
    rows, met = [], True
    for subject, engine in MEASURED:
        series, ratios = results[subject.name, engine], []
        others = ((subject.required, (BASELINE.name, engine)), (subject.required_of_probot, (PROBOT.name, "")))
        for required, other in others:
            if required is None or other not in results:
                ratios += ["", ""]
                continue
            ratio = median_ratio(results, subject, engine, other)
            met &= ratio >= required
            ratios += [f"{ratio:.2f}", f"≥ {required}"]
        latencies = [f"{percentile(series.latencies, share) * 1000:.1f} ms" for share in (0.5, 0.99)]
        rate, cost = f"{median(series.rates):,.0f}", f"{median(series.costs):.0f} µs"
        jobs = f"{median(series.jobs):,.0f}" if subject is LONGSHORE_WITH_WORKER else ""
        rows.append([subject.label, ENGINE_LABELS[engine], rate, *ratios, *latencies, cost, jobs])
    if reason := probot.missing():
        rows.append([PROBOT.label, ENGINE_LABELS[""], reason, *[""] * 8])
    header = ["server", "database", "deliveries/s", "of HMAC and group commit alone", "required"]
    header += ["of Probot", "required", "median", "p99", "processor time per request", "jobs done/s"]
    return markdown_table(header, rows), met


def main() -> int:
    """Measure and print the results; return 1 if a requirement is not met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of each measurement")
    args = parser.parse_args()
    with probot.installed() as app, event_loop_runner() as runner:
        results, busiest = runner.run(run(args.rounds, args.seconds, app))
    text, met = report(results)
    parameters = f"{args.rounds} rounds of {args.seconds:g} s, {CONNECTIONS} connections, {BODY_BYTES:,} byte bodies"
    print(f"{measured_on()} {parameters}, {EVENT_LOOP}. {ENGINES_NOTE}")
    print(f"The load generator used at most {busiest:.0%} of one processor.\n")
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
