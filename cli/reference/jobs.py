"""The table of kinds of jobs, made of their classes."""

from collections.abc import Iterator, Mapping
from datetime import timedelta

from bot.queue.jobs import Job
from bot.rules.command_pages import markdown_table
from bot.rules.durations import format_duration
from cli.reference.docstrings import first_sentence
from server.jobs import INTERVALS


def table() -> str:
    """A row for each kind of job: what it does, and how often it is due if it recurs."""
    intervals: Mapping[str, str] = {job.kind: format_duration(timedelta(seconds=n)) for job, n in INTERVALS.items()}
    rows = sorted((job.kind, first_sentence(job), intervals.get(job.kind, "")) for job in _below(Job))
    return markdown_table(("kind", "what it does", "every"), [(f"`{kind}`", *others) for kind, *others in rows])


def _below(base: type[Job]) -> Iterator[type[Job]]:
    for job in base.__subclasses__():
        if "kind" in vars(job):
            yield job
        yield from _below(job)
