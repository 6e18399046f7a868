"""Releases, read whole."""

from dataclasses import dataclass
from typing import Any

from bot.context import Context, allowed
from bot.errors import NotFound
from bot.store import queries
from bot.store.candidates import Candidate
from bot.store.projects import Project
from bot.store.releases import Release
from bot.store.runs import Run


@dataclass(frozen=True)
class Whole:
    """A release with its candidates, newest first, each with its newest build, and its deployments."""

    line: dict[str, Any]
    candidates: list[tuple[Candidate, Run | None]]
    deployments: list[dict[str, Any]]


@allowed("project:read")
async def find(context: Context, project: Project, version: str) -> Whole:
    """A release of a project by its version."""
    release = await Release.get_or_none(project_id=project.id, version=version, release_type="ga")
    if release is None:
        raise NotFound("Release not found")
    candidates = (
        await Candidate.filter(release_id=release.id)
        .order_by("-number")
        .select_related("release", "repository", "created_by")
    )
    runs = await Run.filter(candidate_id__in=[candidate.id for candidate in candidates]).order_by("id")
    newest = {run.candidate_id: run for run in runs}
    line = (await queries.releases(project.id, before=release.id + 1, limit=1))[0]
    pairs = [(candidate, newest.get(candidate.id)) for candidate in candidates]
    return Whole(line, pairs, await queries.release_deployments(release.id))
