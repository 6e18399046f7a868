"""The steps of a run that the sandbox performs, as the account of Actions."""

from sandbox.errors import ApiError, SandboxError
from sandbox.records import Release, Repository, Run
from sandbox.state import State
from sandbox.use_cases import refs, releases
from sandbox.workflows import Step


async def perform(state: State, repository: Repository, run: Run) -> bool:
    """Perform the steps of a run; return whether all succeeded."""
    try:
        for step in run.steps:
            if step.action == "sandbox/tag":
                await _push_tag(state, repository, run, step)
            else:
                await _publish_release(state, repository, run, step)
    except (ApiError, SandboxError):
        return False
    return True


async def _push_tag(state: State, repository: Repository, run: Run, step: Step) -> None:
    """Push a tag at the run's commit, an annotated one with a message; one that is there already is up to date."""
    name, message, sha = step.inputs.get("name", ""), step.inputs.get("message"), run.head_sha
    if repository.history.resolve_ref(f"tags/{name}") == sha:
        return
    if message:
        tagger = state.signature(state.actions_bot)
        sha = (await refs.write_tag(repository, name, sha, message, tagger)).sha
    await refs.create_ref(state, repository, f"refs/tags/{name}", sha, state.actions_bot)


async def _publish_release(state: State, repository: Repository, run: Run, step: Step) -> None:
    number, tag, bot = next(state.ids.others), step.inputs.get("tag", ""), state.actions_bot
    release = Release(number, tag, run.head_sha, bot, state.now(), tag, step.inputs.get("body"))
    release.draft, release.prerelease = (step.inputs.get(name) == "true" for name in ("draft", "prerelease"))
    await releases.create(state, repository, release, bot)
