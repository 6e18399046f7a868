"""GitHub in our words: what we ask of a repository, and of the App itself."""

import base64
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import yaml

from bot.errors import NotFound, Refusal, Unavailable
from bot.github.app import App
from bot.github.facts import (
    DeliveryFact,
    PullRequestFact,
    RepositoryFact,
    delivery_fact,
    field,
    repository_fact,
    run_fact,
)
from bot.github.limits import UNAVAILABLE
from bot.github.transport import ApiError, Before
from bot.rules.permissions import role_from
from bot.rules.runs import RunFact, workflow_file, workflow_path

ARCHIVED = "The repository is archived on GitHub, where nothing can be tagged or run: end that, then try again."


class DispatchDenied(Refusal):
    """GitHub will not start the workflow, and what to change.

    `inputs` tells that the inputs were wrong, `ref` that GitHub does not find the branch or tag.
    """

    def __init__(self, sentence: str, *, inputs: bool = False, ref: bool = False) -> None:
        super().__init__(sentence)
        self.inputs, self.ref = inputs, ref


@dataclass(frozen=True)
class WorkflowFile:
    """A workflow file: its blob's SHA, and the inputs that it declares for being dispatched."""

    sha: str
    inputs: frozenset[str]


class Repo:
    """One repository, reached by one installation. Names may change under us: GitHub's redirects are followed."""

    def __init__(self, app: App, installation: int, repository: int, full_name: str) -> None:
        self._app, self._installation, self.id, self.full_name = app, installation, repository, full_name
        owner, _, name = full_name.partition("/")
        self._root = f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"

    async def _read(self, path: str) -> Any:
        return await self._app.as_installation(self._installation, self.id, "read", "GET", self._root + path)

    async def _list(self, path: str, key: str | None = None, most: int = 10) -> list[Any]:
        return await self._app.list_as_installation(self._installation, self.id, self._root + path, key, most)

    async def _write(self, purpose: str, path: str, data: Any, before: Before | None = None) -> Any:
        url = self._root + path
        return await self._app.as_installation(self._installation, self.id, purpose, "POST", url, data, before)

    # --- the repository, its commits, branches and tags

    async def fact(self) -> RepositoryFact | None:
        """The repository as it is now, found by its id whatever it is called; None when it is no longer ours to see."""
        url = f"/repositories/{self.id}"
        try:
            answer = await self._app.as_installation(self._installation, self.id, "read", "GET", url)
            return repository_fact(answer, self._installation)
        except NotFound:  # the installation is gone, or reaches it no more
            return None
        except ApiError as denied:
            _only(denied, 403, 404, 451)
            return None

    async def branch_position(self, branch: str, sha: str) -> str | None:
        """Where a commit stands on a branch of this very repository: `tip`, `below` it, or not there at all.

        Mere existence proves nothing: commits of forks resolve here too. A comparison from the branch to the commit
        that says `behind` or `identical` is the proof. https://docs.github.com/en/rest/commits/commits#compare-two-commits
        """
        try:
            compared = await self._read(f"/compare/{quote(branch, safe='/')}...{sha}?per_page=1&page=2")
        except ApiError as denied:
            _only(denied, 404, 409, 422)
            return None
        # a tag object's SHA is compared as the commit it points to, a branch of that name as its tip: neither is it
        is_itself = field(field(compared, "merge_base_commit"), "sha") == sha
        return {"identical": "tip", "behind": "below"}.get(field(compared, "status")) if is_itself else None

    async def branches(self, prefix: str) -> list[str]:
        """The names of the branches that begin with a text."""
        try:
            refs = await self._list(f"/git/matching-refs/heads/{quote(prefix, safe='/')}?per_page=100")
        except ApiError as denied:
            _only(denied, 404, 409)
            return []
        return [field(ref, "ref").removeprefix("refs/heads/") for ref in refs]

    async def tagged_commit(self, tag: str) -> str | None:
        """The commit that a tag points to, annotated tags peeled; None where there is no such tag."""
        try:
            target = field(await self._read(f"/git/ref/tags/{quote(tag, safe='/')}"), "object")
            while target["type"] == "tag":
                target = field(await self._read(f"/git/tags/{target['sha']}"), "object")
        except ApiError as denied:
            _only(denied, 404, 409)
            return None
        return str(target["sha"]) if target["type"] == "commit" else None

    async def create_tag(self, tag: str, sha: str) -> str | None:
        """Create a lightweight tag, and give None; where one of that name is there already, the commit it points to.

        Refuses in GitHub's or our words: a ruleset forbids it, or the App lacks the permission that the commit's
        workflow files call for. https://docs.github.com/en/rest/git/refs#create-a-reference
        """
        try:
            await self._write("tag", "/git/refs", {"ref": f"refs/tags/{tag}", "sha": sha})
        except ApiError as denied:
            if denied.status == 422 and "already exists" in denied.message.lower():
                return await self._tag_that_exists(tag)
            if denied.status == 401:
                raise
            raise Refusal(_why_no_tag(tag, denied)) from denied
        return None

    async def _tag_that_exists(self, tag: str) -> str:
        commit = await self.tagged_commit(tag)
        if commit is None:
            raise Unavailable(UNAVAILABLE, reason=f"it says that the tag {tag} exists and does not show it")
        return commit

    # --- workflows and their runs

    async def workflow_file(self, workflow: str, ref: str, called: str) -> WorkflowFile:
        """A workflow file at a ref, which people know by the name `called`; refuses one that cannot be dispatched."""
        path = workflow_path(workflow)
        try:
            answer = await self._read(f"/contents/{quote(path)}?ref={quote(ref, safe='')}")
        except ApiError as denied:
            if denied.status != 404:
                raise
            raise DispatchDenied(
                f"There is no workflow file `{path}` at `{called}`: add it, or name another."
            ) from denied
        return WorkflowFile(str(field(answer, "sha")), declared_inputs(_decoded(answer), path))

    async def dispatch(self, workflow: str, ref: str, inputs: dict[str, str], before: Before) -> int | None:
        """Start a workflow on a branch or tag; give the id of its run, or None where GitHub does not tell it.

        `before` is awaited at the last moment before the request is sent; if it raises, nothing is.
        Not to be repeated after `AnswerLost` without a search. Raises `DispatchDenied` in words of what to change.
        https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
        """
        path = workflow_path(workflow)
        data = {"ref": ref, "inputs": inputs, "return_run_details": True}
        try:
            answer = await self._write("run", f"/actions/workflows/{workflow_file(path)}/dispatches", data, before)
        except ApiError as denied:
            if denied.status == 401:
                raise
            raise _why_no_run(path, ref, denied) from denied
        return int(answer["workflow_run_id"]) if isinstance(answer, dict) and "workflow_run_id" in answer else None

    async def run(self, run: int) -> RunFact | None:
        """A run as it is now; None when GitHub has none of that id here."""
        try:
            return run_fact(await self._read(f"/actions/runs/{run}"))
        except ApiError as denied:
            _only(denied, 404)
            return None

    async def runs_since(self, workflow: str, since: datetime) -> list[RunFact]:
        """The dispatched runs of a workflow that were created since a moment, newest first."""
        file = workflow_file(workflow_path(workflow))
        created = quote(f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", safe="")
        path = f"/actions/workflows/{file}/runs?event=workflow_dispatch&created={created}&per_page=100"
        return [run_fact(run) for run in await self._list(path, "workflow_runs", most=3)]

    async def cancel_run(self, run: int, *, force: bool = False) -> None:
        """Ask for a run to be cancelled; nothing happens where it has ended or is gone.

        With `force`, steps that are to run whatever happens do not run either.
        https://docs.github.com/en/rest/actions/workflow-runs#force-cancel-a-workflow-run
        """
        try:
            await self._write("run", f"/actions/runs/{run}/{'force-cancel' if force else 'cancel'}", {})
        except ApiError as denied:
            _only(denied, 404, 409)

    # --- people and what they say

    async def role_of(self, login: str) -> str:
        """The role somebody has here at this moment: `none`, `read`, `triage`, `write`, `maintain` or `admin`."""
        try:
            answer = await self._read(f"/collaborators/{quote(login, safe='')}/permission")
        except ApiError as denied:
            _only(denied, 403, 404)
            return "none"
        return role_from(field(answer, "permission"), answer.get("role_name"))

    async def pull_request(self, number: int) -> PullRequestFact | None:
        """A pull request as it is now."""
        try:
            answer = await self._read(f"/pulls/{number}")
        except ApiError as denied:
            _only(denied, 404)
            return None
        merged = answer.get("merge_commit_sha") if answer.get("merged") else None
        return PullRequestFact(number, field(answer, "head")["sha"], merged)

    async def react(self, place: str, comment: int, reaction: str) -> None:
        """Put a reaction on a comment. `place` is `pull` or `commit`. Doing it twice is doing it once."""
        root = "/issues/comments" if place == "pull" else "/comments"
        await self._write("talk", f"{root}/{comment}/reactions", {"content": reaction})

    async def replies(self, place: str, where: str, since: datetime) -> list[str]:
        """The texts of the comments on a pull request (by number, since a moment) or on a commit (by SHA)."""
        query = f"per_page=100&since={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        answers = await self._list(f"{_thread(place, where)}?{query}")
        return [answer.get("body") or "" for answer in answers]

    async def reply(self, place: str, where: str, body: str) -> None:
        """Comment on a pull request (by number) or a commit (by SHA)."""
        await self._write("talk", _thread(place, where), {"body": body})


class GitHub:
    """What we ask of GitHub as the App."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._bot_login = ""

    async def bot_login(self) -> str:
        """The login under which the App acts on GitHub."""
        if not self._bot_login:
            self._bot_login = f"{field(await self._app.as_app('GET', '/app'), 'slug')}[bot]"
        return self._bot_login

    def at(self, installation: int | None, repository: int, full_name: str) -> Repo:
        """A repository that we know. Refuses one that no installation of the App reaches."""
        if installation is None:
            raise Refusal(f"The GitHub App is not installed on {full_name}: install it, then try again.")
        return Repo(self._app, installation, repository, full_name)

    async def find(self, full_name: str) -> RepositoryFact | None:
        """A repository by its name; None when GitHub knows none or the App is not installed on it."""
        owner, _, name = full_name.partition("/")
        root = f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"
        try:
            installation = int(field(await self._app.as_app("GET", f"{root}/installation"), "id"))
            # The repository's id is not known yet, so the token that asks for it reaches the whole installation.
            answer = await self._app.as_installation(installation, 0, "find", "GET", root)
        except ApiError as denied:
            _only(denied, 301, 403, 404, 451)
            return None
        return repository_fact(answer, installation)

    async def deliveries(self, since: datetime) -> AsyncIterator[DeliveryFact]:
        """The attempts to deliver webhooks to the App since a moment, newest first."""
        url: str | None = "/app/hook/deliveries?per_page=100"
        while url is not None:
            page, url = await self._app.app_page(url)
            for item in page:
                fact = delivery_fact(item)
                if fact.delivered_at < since - timedelta(minutes=1):
                    return
                yield fact

    async def delivery_payload(self, delivery: int) -> dict[str, Any] | None:
        """What GitHub sent, or tried to send, in one delivery."""
        try:
            answer = await self._app.as_app("GET", f"/app/hook/deliveries/{delivery}")
        except ApiError as denied:
            _only(denied, 404)
            return None
        payload = field(answer, "request").get("payload")
        return payload if isinstance(payload, dict) else None

    def forget(self, installation: int) -> None:
        """Drop tokens and cached answers of an installation that has changed."""
        self._app.forget(installation)


def declared_inputs(text: str, path: str) -> frozenset[str]:
    """The inputs that a workflow's YAML declares for being dispatched; refuses a workflow that cannot be."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DispatchDenied(f"`{path}` is not valid YAML: mend it.") from error
    # YAML 1.1 reads the key `on` as the boolean true.
    triggers = document.get("on", document.get(True)) if isinstance(document, dict) else None
    names = [triggers] if isinstance(triggers, str) else triggers or ()
    if "workflow_dispatch" not in names:
        raise DispatchDenied(f"`{path}` has no `workflow_dispatch` trigger: add `on: workflow_dispatch` to it.")
    dispatch = triggers.get("workflow_dispatch") if isinstance(triggers, dict) else None
    inputs = dispatch.get("inputs") if isinstance(dispatch, dict) else None
    return frozenset(map(str, inputs or ()))


def _only(denied: ApiError, *expected: int) -> None:
    """None for the statuses that mean "there is none"; any other refusal goes on."""
    if denied.status not in expected:
        raise denied
    return


def _decoded(answer: Any) -> str:
    try:
        return base64.b64decode(field(answer, "content")).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Unavailable(UNAVAILABLE, reason="a file's content cannot be read") from error


def _thread(place: str, where: str) -> str:
    return f"/issues/{where}/comments" if place == "pull" else f"/commits/{where}/comments"


def _why_no_tag(tag: str, denied: ApiError) -> str:
    if "archived" in denied.message:
        return ARCHIVED
    if denied.status in (403, 404):
        return (
            f"GitHub refused to create the tag `{tag}`: the commit's workflow files differ from the default branch's, "
            "which calls for the permission `workflows: write`; or the App lacks `contents: write`."
        )
    if "rule violation" in denied.message.lower():
        return f"A ruleset of the repository forbids the tag `{tag}`: let the App bypass it. ({denied.message})"
    return f"GitHub refused to create the tag `{tag}`: {denied.message}"


def _why_no_run(path: str, ref: str, denied: ApiError) -> DispatchDenied:
    message = denied.message
    if "archived" in message:
        return DispatchDenied(ARCHIVED)
    if denied.status == 404:
        return DispatchDenied(f"There is no workflow `{path}` on the default branch: add it there, or name another.")
    if denied.status == 403:
        return DispatchDenied("The App may not start workflows here: grant it `actions: write`.")
    if "No ref found" in message:
        return DispatchDenied(f"GitHub finds no branch or tag `{ref}` to run `{path}` on.", ref=True)
    if "disabled workflow" in message:
        return DispatchDenied(f"The workflow `{path}` is disabled on GitHub: enable it under Actions.")
    if "does not have 'workflow_dispatch'" in message:
        return DispatchDenied(f"`{path}` has no `workflow_dispatch` trigger at `{ref}`: add it to the file.")
    if "Unexpected inputs" in message or "Required input" in message or "Provided value" in message:
        return DispatchDenied(f"`{path}` refuses the inputs: {message}. Change its `inputs` or ours.", inputs=True)
    return DispatchDenied(f"GitHub refused to start `{path}` on `{ref}`: {message}")
