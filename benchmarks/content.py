"""Measure single writes of content: by two processes, and beside a plain Django REST framework service.

Every server has a new database, and this process is the load generator. What is compared takes turns. On PostgreSQL one
and two processes write schedules, next to the database and at a distance from it, where processors are not the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks import datasets
from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE, sqlite_path, temporary_database
from benchmarks.intake import EVENT_LOOP, LONGSHORE, cpu_seconds, event_loop_runner, free_port, running_server
from benchmarks.load import HEAD_END, Measurement, generate_load
from benchmarks.reporting import markdown_table, measured_on
from bot.store.database import fetch, open_database
from bot.store.migrate import migrate

REQUIRED_OF_TWO, REQUIRED_OF_DJANGO = 1.7, 1.0
PROCESSORS_FOR_TWO = 6
"""Processors that two servers, the database and the load generator need to not wait for each other."""
CALLERS = 4
CALLERS_OF_EACH = 8
"""Of each of the two processes."""
MILLISECONDS = 5.0
"""The way to a database at a distance, and the way back."""
WARM_UP_SECONDS = 0.5
START_SECONDS = 60
ROWS = 30_000
FIRST_RELEASES = 200  # `fill_lists` creates schedules of the SLA for the first hundred
TOKEN = "lsh_benchmark-token-of-forty-characters."
PATH = "/rest_api/v1/release-schedules/"
PACKAGES = ("django", "djangorestframework", "gunicorn", "psycopg[binary]")
SERVICE = Path(__file__).with_name("django_service.py")


class Posts:
    """Requests that create a schedule each, of one release after the other."""

    status = b"201"

    def __init__(self, releases: Iterator[str]) -> None:
        self._releases = releases

    def next(self) -> bytes:
        """Return a request for the next release."""
        body = f'{{"release": "{next(self._releases)}", "sla": "gold", "date": "2030-01-01"}}'
        lines = [f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Token {TOKEN}"]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + HEAD_END + body.encode()


@dataclass
class Series:
    """Requests per second and processor time per request of a subject, by round; the latter in microseconds."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def add(self, measurements: list[Measurement], processor_seconds: float) -> None:
        """Add what was measured at the same time at all processes of the subject."""
        self.rates.append(sum(each.rate for each in measurements))
        self.costs.append(processor_seconds / sum(each.acknowledged for each in measurements) * 1e6)

    @property
    def columns(self) -> list[str]:
        """The medians, for a table."""
        return [f"{median(self.rates):,.0f}", f"{median(self.costs):,.0f} µs"]


def ratio_of(series: Series, other: Series) -> float:
    """Return the median of the ratios of the rates of each round."""
    return median(one / two for one, two in zip(series.rates, other.rates, strict=True))


def cpu_of_all(pid: int) -> float:
    """Return the processor time of a process and of its children."""
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return cpu_seconds(pid) + sum(cpu_seconds(int(child)) for child in children)
    return cpu_seconds(pid)


@asynccontextmanager
async def filled_database(engine: str) -> AsyncIterator[tuple[str, list[str]]]:
    """Yield a database with releases, and their names."""
    async with temporary_database(engine) as url:
        await migrate(url)
        await datasets.fill_lists(url, ROWS, TOKEN)
        database = await open_database(url)
        rows = await fetch("SELECT release_id FROM releases WHERE id > $1 ORDER BY id", FIRST_RELEASES)
        await database.close()
        yield url, [row["release_id"] for row in rows]


@dataclass(frozen=True)
class Longshore:
    """`longshore serve --no-worker` in some processes with one database, each with some callers."""

    engine: str
    processes: int = 1
    callers: int = CALLERS
    distant: bool = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[list[int], list[int], list[str]]]:
        """Start it; yield its ports, its process ids and the names of releases."""
        async with filled_database(self.engine) as (url, releases), AsyncExitStack() as stack:
            if self.distant:
                url = await stack.enter_async_context(at_a_distance(url))
            ports = [free_port() for _ in range(self.processes)]
            servers = [running_server(LONGSHORE.label, LONGSHORE.command(port, url), port, url) for port in ports]
            yield ports, [await stack.enter_async_context(server) for server in servers], releases


@dataclass(frozen=True)
class Django:
    """The service of `django_service.py`, in one process with as many threads as it has callers."""

    engine: str
    python: str
    processes: int = 1
    callers: int = CALLERS

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[list[int], list[int], list[str]]]:
        """Start it; yield its port, its process id and the names of releases."""
        port = free_port()
        async with temporary_database(self.engine) as url:
            address = sqlite_path(url) if self.engine == "sqlite" else url
            async with running_command(
                [self.python, str(SERVICE), str(port), str(ROWS), TOKEN], port, {"BENCHMARK_DATABASE": address}
            ) as pid:
                await first_answer(port)
                yield [port], [pid], [f"release-{number}" for number in range(ROWS)]


Subject = Longshore | Django


@asynccontextmanager
async def running_command(command: list[str], port: int, settings: dict[str, str]) -> AsyncIterator[int]:
    """Run a command, and yield its process id once it listens."""
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **settings}, cwd=SERVICE.parent.parent)
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await is_listening(port):
                if process.returncode is not None:
                    raise RuntimeError(f"{command} has ended")
                await asyncio.sleep(0.05)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def is_listening(port: int) -> bool:
    """Return whether a server accepts connections."""
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


async def first_answer(port: int) -> None:
    """Wait until a server has answered a request: it may accept connections before it can."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readuntil(HEAD_END)
    writer.close()


@asynccontextmanager
async def at_a_distance(url: str) -> AsyncIterator[str]:
    """Yield the address of a relay to the database at `url`."""
    address, port = urlsplit(url), free_port()
    place = [str(port), address.hostname or "127.0.0.1", str(address.port or 5432), str(MILLISECONDS)]
    async with running_command([sys.executable, "-m", "benchmarks.distance", *place], port, {}):
        user = f"{address.netloc.rpartition('@')[0]}@" if "@" in address.netloc else ""
        yield address._replace(netloc=f"{user}127.0.0.1:{port}").geturl()


async def measure(subject: Subject, series: Series, seconds: float) -> None:
    """Load a subject, and add what was measured."""
    async with subject.running() as (ports, pids, releases):
        posts = Posts(iter(releases))
        before = sum(map(cpu_of_all, pids))
        loads = [
            generate_load(port, posts, connections=subject.callers, warm_up=WARM_UP_SECONDS, seconds=seconds)
            for port in ports
        ]
        measurements = await asyncio.gather(*loads)
        series.add(measurements, sum(map(cpu_of_all, pids)) - before)


async def compare(subjects: list[Subject], rounds: int, seconds: float) -> list[Series]:
    """Measure subjects in turn, in reverse order every other round."""
    results = [Series() for _ in subjects]
    for number in range(rounds):
        pairs = list(zip(subjects, results, strict=True))
        for subject, series in pairs if number % 2 == 0 else reversed(pairs):
            await measure(subject, series, seconds)
            print(f"  round {number + 1}: {subject}: {series.rates[-1]:,.0f}/s", file=sys.stderr, flush=True)
    return results


def install_django(folder: str) -> str | None:
    """Make an environment with Django REST framework; return its interpreter, or None if it cannot be installed."""
    python = f"{folder}/bin/python"
    commands = ([sys.executable, "-m", "venv", folder], [python, "-m", "pip", "install", "--quiet", *PACKAGES])
    with suppress(OSError, subprocess.CalledProcessError):
        for command in commands:
            subprocess.run(command, check=True, capture_output=True)
        return python
    return None


async def report_django(python: str | None, rounds: int, seconds: float) -> bool:
    """Compare with Django REST framework and print the table; return whether the requirement is met."""
    if python is None:
        print("Django REST framework is not measured: it cannot be installed here.\n")
        return True
    rows, met = [], True
    for engine in ENGINES:
        ours, django = await compare([Longshore(engine), Django(engine, python)], rounds, seconds)
        ratio = ratio_of(ours, django)
        met &= ratio >= REQUIRED_OF_DJANGO
        rows.append(["Django REST framework", ENGINE_LABELS[engine], *django.columns, "", ""])
        rows.append([LONGSHORE.label, ENGINE_LABELS[engine], *ours.columns, f"{ratio:.2f}", f"≥ {REQUIRED_OF_DJANGO}"])
    header = ["server", "database", "schedules/s", "processor time of a request", "of Django REST framework"]
    print(f"{markdown_table([*header, 'required'], rows)}\n")
    return met


async def report_processes(rounds: int, seconds: float) -> bool:
    """Compare one and two processes on PostgreSQL and print the table; return whether the requirement is met."""
    if "postgres" not in ENGINES:
        return True
    rows, met = [], True
    for distant in (False, True):
        one, two = await compare(
            [Longshore("postgres", processes, CALLERS_OF_EACH, distant) for processes in (1, 2)], rounds, seconds
        )
        ratio = ratio_of(two, one)
        required = distant or (os.cpu_count() or 1) >= PROCESSORS_FOR_TWO
        met &= ratio >= REQUIRED_OF_TWO or not required
        place = f"{2 * MILLISECONDS:g} ms away" if distant else "on the same machine"
        rows.append([place, "1", *one.columns, "", ""])
        rows.append([place, "2", *two.columns, f"{ratio:.2f}", f"≥ {REQUIRED_OF_TWO}" if required else ""])
    header = ["PostgreSQL", "processes", "schedules/s", "processor time of a request", "of one process", "required"]
    print(markdown_table(header, rows))
    return met


async def run(python: str | None, rounds: int, seconds: float) -> bool:
    """Run all measurements; return whether the requirements are met."""
    return all([await report_django(python, rounds, seconds), await report_processes(rounds, seconds)])


def main() -> int:
    """Measure and print the results; return 1 if a requirement is not met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of each measurement")
    parser.add_argument("--django", metavar="PYTHON", help="an interpreter that has the packages already")
    args = parser.parse_args()
    print(f"{measured_on()} {args.rounds} rounds of {args.seconds:g} s, {EVENT_LOOP}. {ENGINES_NOTE}\n")
    with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder, event_loop_runner() as runner:
        python = args.django or install_django(folder)
        met = runner.run(run(python, args.rounds, args.seconds))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
