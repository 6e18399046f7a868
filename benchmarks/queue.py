"""Measure how many trivial jobs a worker performs, and how soon a new job starts, beside pgqueuer.

Every worker is a separate process with an empty database. They take turns; ratios compare measurements of the same
round. pgqueuer is installed into a temporary environment, and left out where it cannot be.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.databases import ENGINE_LABELS, ENGINES, ENGINES_NOTE, temporary_database
from benchmarks.reporting import markdown_table, measured_on, percentile

ROOT = Path(__file__).parent.parent
SUBJECTS = str(ROOT / "benchmarks" / "queue_subjects.py")
PGQUEUER = ("pgqueuer==1.6.0", "asyncpg==0.32.0", "uvloop==0.23.0")
REQUIRED = 0.7


@dataclass
class Subject:
    """A worker with `places` slots (0 for the default), what it is compared with, and its measurements by round."""

    label: str
    name: str
    engine: str
    python: str
    places: int = 0
    rates: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    def command(self, url: str, *numbers: int) -> list[str]:
        """Return the command that runs it; see `queue_subjects`. With -P, this file is not taken for `queue`."""
        return [self.python, "-P", SUBJECTS, self.name, url, *map(str, numbers)]


def subjects(pgqueuer: str | None) -> list[Subject]:
    """Return the workers to measure; `pgqueuer` is the Python that has it."""
    found = [Subject("pgqueuer, batches of 100", "pgqueuer", "postgres", pgqueuer)] if pgqueuer else []
    for engine in reversed(ENGINES):
        found.append(Subject("ours, default", "longshore", engine, sys.executable))
        found.append(Subject("ours, 100 places", "longshore", engine, sys.executable, 100))
    return found


def install_pgqueuer(folder: str) -> str | None:
    """Install pgqueuer into an environment of its own; return its Python, or None where that does not work."""
    if "postgres" not in ENGINES:
        return None
    python = str(Path(folder) / "bin" / "python")
    try:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PGQUEUER], check=True, capture_output=True)
    except (subprocess.CalledProcessError, OSError):
        return None
    return python


def environment() -> dict[str, str]:
    """Return the environment in which a worker finds our code."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


async def run_to_end(command: Sequence[str]) -> str:
    """Run a command and return what it printed; raise RuntimeError with its errors when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment()
    )
    printed, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(errors.decode()[-2000:])
    return printed.decode()


async def measure_rate(subject: Subject, jobs: int) -> None:
    """Have a worker drain a queue."""
    async with temporary_database(subject.engine) as url:
        subject.rates.append(float((await run_to_end(subject.command(url, jobs, subject.places))).split()[-1]))


async def measure_delays(subject: Subject, jobs: int) -> None:
    """Have an idle worker find jobs that another process enqueues."""
    async with temporary_database(subject.engine) as url:
        worker = await asyncio.create_subprocess_exec(
            *subject.command(url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
        )
        try:
            assert worker.stdout is not None
            await worker.stdout.readline()
            enqueuing = asyncio.create_task(run_to_end(subject.command(url, jobs)))
            async with asyncio.timeout(60):
                for _ in range(jobs):
                    subject.delays.append(float(await worker.stdout.readline()))
            await enqueuing
        finally:
            with suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()


async def run(rounds: int, jobs: int, new_jobs: int, measured: list[Subject]) -> None:
    """Measure all workers in turn, in reverse order every other round."""
    for round_number in range(rounds):
        for subject in measured if round_number % 2 == 0 else reversed(measured):
            await measure_rate(subject, jobs)
            if subject.engine == "postgres" and not subject.places:
                await measure_delays(subject, new_jobs)
            print(
                f"  round {round_number + 1}: {subject.label}: {subject.rates[-1]:,.0f}/s", file=sys.stderr, flush=True
            )


def report(measured: list[Subject]) -> tuple[str, bool]:
    """Return the table and whether every requirement is met."""
    rows, met = [], True
    peer = next((subject for subject in measured if subject.name == "pgqueuer"), None)
    for subject in measured:
        ratio_text = required = delays = ""
        if peer is not None and subject.name != "pgqueuer" and subject.engine == "postgres":
            ratio = median(own / other for own, other in zip(subject.rates, peer.rates, strict=True))
            met &= ratio >= REQUIRED
            ratio_text, required = f"{ratio:.2f}", f"≥ {REQUIRED}"
        if subject.delays:
            middle, late = (percentile(subject.delays, share) for share in (0.5, 0.99))
            delays = f"{middle:.1f} ms, {late:.1f} ms"
        rows.append(
            [
                subject.label,
                ENGINE_LABELS[subject.engine],
                f"{median(subject.rates):,.0f}",
                ratio_text,
                required,
                delays,
            ]
        )
    header = ["worker", "database", "jobs/s", "of pgqueuer", "required", "from enqueuing to start: median, p99"]
    return markdown_table(header, rows), met


def main() -> int:
    """Measure and print the results; return 1 if a requirement is not met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=20_000, help="jobs that wait when a worker starts")
    parser.add_argument("--new-jobs", type=int, default=100, help="jobs that an idle worker is given")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="longshore-bench-") as folder:
        pgqueuer = install_pgqueuer(folder)
        measured = subjects(pgqueuer)
        asyncio.run(run(args.rounds, args.jobs, args.new_jobs, measured))
    text, met = report(measured)
    note = "" if pgqueuer or ENGINES_NOTE else " pgqueuer is not measured: it could not be installed."
    print(f"{measured_on()} {args.rounds} rounds of {args.jobs:,} jobs, uvloop. {ENGINES_NOTE}{note}\n")
    print(text)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
