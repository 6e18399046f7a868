"""What cutting a candidate would do, said without doing it."""

from bot.context import Context, allowed
from bot.operations import automatic, candidates, projects, releases
from bot.operations.candidates import CutRequest
from bot.operations.commit_proofs import prove
from bot.operations.previews import Preview
from bot.rules.versions import CandidateVersion, check_scheme
from bot.store.projects import Project


@allowed("release:cut")
async def preview_cut(context: Context, project: Project, request: CutRequest) -> Preview:
    """Say what `cut` would do, with the same refusals. Nothing changes."""
    check_scheme(request.release, project.version_scheme)
    if (existing := await candidates.find_existing(context, project, request)) is not None:
        if not (request.build and await candidates.is_unbuilt(existing)):
            return Preview((f"Nothing: {existing.version} exists.",), None)
        await candidates.check_build(project, existing)
        return Preview((f"Build {existing.version}.",), None)
    projects.refuse_archived(project)
    build = candidates.should_build(project, request.build)
    repository = await candidates.find_repository(context, project, request.repo, store=False)
    proven = await prove(context, project, repository, request.commit, request.release)
    number = request.number or await projects.next_candidate_number(project, request.release)
    version = CandidateVersion(request.release, number)
    await releases.refuse_release_id_conflict(context, project, version.release)
    await candidates.refuse_taken_tag(project, version, tag := candidates.tag_of(project, request, version))
    would = (
        f"Cut {version} at {proven.sha} of the branch {proven.branch}.",
        f"Create the tag {tag}." if tag is not None and request.tag is None else "",
        f"Dispatch {project.build_workflow} to build it." if build else "",
        *(f"Deploy it to {name} once it is ready." for name in await automatic.takers(project.id)),
    )
    return Preview(tuple(filter(None, would)), None)
