"""A sandbox's life, from ``create`` to ``close``, and what can be seen of it."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from sandbox import credentials, template
from sandbox.deliveries import Attempt, Deliverer
from sandbox.errors import SandboxError
from sandbox.faults import Faults
from sandbox.records import Account, Call, Comment, Dispatch, Repository, Run
from sandbox.rest import add_routes
from sandbox.state import IdSequences, State
from sandbox.use_cases import account

APP_ID = 3_100_271
CLIENT_ID = "Iv23liSandbox0Longsh"
SLUG = "longshore-sandbox"
SECRET = "sandbox-webhook-secret"


class Sandbox:
    """One App, one account and its repositories; ``GitHub`` adds what happens to them."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.app_slug = state.app_slug
        self.client_id = state.client_id
        self.private_key = credentials.key_pair()[0]
        self.webhook_secret = state.deliverer.secret
        self.added_workflows: tuple[str, ...] = ()
        self.app = web.Application(client_max_size=32 * 1024**2)
        self.app.on_cleanup.append(self._on_cleanup)
        add_routes(self.app, state)

    @classmethod
    async def create(
        cls,
        source: Path,
        *,
        owner: str = "acme",
        name: str = "site",
        webhook_url: str | None = None,
        run_seconds: tuple[float, float] | None = None,
        permissions: Mapping[str, str] | None = None,
        events: Sequence[str] | None = None,
        private: bool = False,
        webhook_secret: str = SECRET,
    ) -> Self:
        """Copy a repository into a new sandbox and install the App on it; the source is only read."""
        source_template = await template.prepare(Path(source))
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="github-sandbox-"))
        numbers = IdSequences()
        deliverer = Deliverer(webhook_secret, APP_ID, numbers.deliveries)
        deliverer.url = webhook_url
        state = State(folder, APP_ID, SLUG, CLIENT_ID, Account(0, owner), deliverer, ids=numbers)
        state.owner = state.account(owner, "Organization")
        state.permissions.update(permissions or {})
        state.events = list(events) if events is not None else state.events
        state.run_seconds = run_seconds
        github = cls(state)
        github.added_workflows = source_template.added
        repository = github._add(source_template, name, private)
        account.install(state, state.owner, [repository], state.owner, quiet=True)
        state.account("alice")
        repository.roles["alice"] = ("write", "write")
        return github

    def _add(self, source_template: template.Template, name: str, private: bool) -> Repository:
        state = self.state
        if f"{state.owner.login}/{name}".lower() in state.ids_by_name:
            raise SandboxError(f"There is a repository {state.owner.login}/{name} already.")
        number = next(state.ids.repositories)
        path = state.folder / f"{number}.git"
        history = template.copy(source_template, path)
        now = state.now()
        repository = Repository(
            number, state.owner, name, path, history, now, now, private=private, file_cache=source_template.file_cache
        )
        state.repositories[number] = repository
        state.ids_by_name[repository.full_name.lower()] = number
        return repository

    async def _on_cleanup(self, _: web.Application) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop everything and remove the copies; may be called twice."""
        self.state.closing.set()
        for task in list(self.state.tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.state.deliverer.close()
        await asyncio.to_thread(shutil.rmtree, self.state.folder, ignore_errors=True)

    # What can be seen

    @property
    def app_id(self) -> int:
        """The App's number."""
        return self.state.app_id

    @property
    def api_url(self) -> str:
        """Where the API is, as its answers say; learnt from the first request unless set."""
        return self.state.api

    @api_url.setter
    def api_url(self, url: str) -> None:
        self.state.api_url = str(url).rstrip("/")

    @property
    def webhook_url(self) -> str | None:
        """Where webhooks go; without one none are sent."""
        return self.state.deliverer.url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self.state.deliverer.url = None if url is None else str(url)

    @property
    def run_seconds(self) -> tuple[float, float] | None:
        """How long runs take before they succeed by themselves; None: they wait to be told."""
        return self.state.run_seconds

    @run_seconds.setter
    def run_seconds(self, seconds: tuple[float, float] | None) -> None:
        self.state.run_seconds = seconds

    @property
    def faults(self) -> Faults:
        """What is made to go wrong."""
        return self.state.faults

    @property
    def calls(self) -> list[Call]:
        """REST requests that were answered, oldest first."""
        return self.state.calls

    @property
    def unknown_routes(self) -> list[str]:
        """Requests for routes that the sandbox does not have."""
        return self.state.unknown_routes

    @property
    def runs(self) -> list[Run]:
        """Workflow runs in the order of their creation."""
        return self.state.runs

    @property
    def dispatches(self) -> list[Dispatch]:
        """Workflow dispatches that were accepted."""
        return self.state.dispatches

    @property
    def deliveries(self) -> list[Attempt]:
        """Attempts at delivering webhooks, oldest first."""
        return self.state.deliverer.attempts

    def repository(self, repo: str | None = None) -> Repository:
        """Find a repository by ``owner/name`` (an old name will do); without one, the first."""
        return self.state.repository(repo)

    def path(self, repo: str | None = None) -> Path:
        """Give the bare repository's folder, which git can clone from."""
        return self.repository(repo).path

    def head(self, branch: str = "main", repo: str | None = None) -> str:
        """Give the full SHA of a branch's tip."""
        return self.resolve(f"heads/{branch}", repo)

    def resolve(self, rev: str, repo: str | None = None) -> str:
        """Give the full SHA of a commit by branch, tag, short SHA, or ``main~2``."""
        sha = self.repository(repo).history.resolve_revision(rev)
        if sha is None:
            raise SandboxError(f"There is no commit {rev} in {self.repository(repo).full_name}.")
        return sha

    def comments(self, number: int, repo: str | None = None) -> list[dict[str, Any]]:
        """List a pull request's comments."""
        comments = self.repository(repo).comments.values()
        return [_comment(comment) for comment in comments if comment.number == number]

    def commit_comments(self, sha: str, repo: str | None = None) -> list[dict[str, Any]]:
        """List a commit's comments."""
        comments = self.repository(repo).commit_comments.values()
        return [_comment(comment) for comment in comments if comment.sha == sha]

    async def settle(self, *, delayed: bool = False) -> None:
        """Wait until no webhook is being sent or due; ``delayed`` also sends those held back or late."""
        await self.state.deliverer.settle(delayed=delayed)


def _comment(comment: Comment) -> dict[str, Any]:
    reactions = [reaction.content for reaction in comment.reactions]
    return {"id": comment.id, "user": comment.user.login, "body": comment.body, "reactions": reactions}
