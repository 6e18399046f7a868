"""Building a candidate again, by a new run at the same commit."""

from bot.context import Context, allowed, unknown_candidate
from bot.errors import Conflict, Refusal
from bot.operations import candidates, projects, runs
from bot.rules import candidates as rules
from bot.rules.versions import CandidateVersion
from bot.store.candidates import Candidate
from bot.store.database import transaction
from bot.store.projects import Project
from bot.store.runs import Run


@allowed("release:cut")
async def rebuild(context: Context, project: Project, version: CandidateVersion) -> Candidate:
    """Build a candidate again whose build failed or was canceled, or that is ready and was never deployed.

    Refused: an archived project, one without a build workflow, a candidate that is being built, whose last run has not
    ended yet, that is banned, or that was deployed.
    """
    async with transaction():
        candidate = await Candidate.select_for_update().get_or_none(project_id=project.id, version=str(version))
        if candidate is None:
            raise await unknown_candidate(context, project, version)
        projects.refuse_archived(project)
        if project.build_workflow is None:
            raise Refusal("Build workflow is not configured", project=project.name)
        await _refuse_unfit(candidate)
        await candidates.start_build(context, project, candidate)
    await candidate.fetch_related(*candidates.RELATED)
    return candidate


async def _refuse_unfit(candidate: Candidate) -> None:
    details = {"release_candidate_version": candidate.version, "status": candidate.status}
    if candidate.status in rules.UNFINISHED:
        raise Conflict("Release candidate is being built", **details)
    if candidate.status == "banned":
        raise Conflict("Release candidate is banned", **details, reason=candidate.reason)
    if await Run.exists(candidate_id=candidate.id, state__in=list(runs.UNFINISHED)):
        raise Conflict("The last run of the build has not ended yet: try again in a moment.", **details)
    if candidate.status == "ready":
        await candidates.refuse_deployed(candidate)
