"""Create and close a sandbox, and inspect its state."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from sandbox import credentials, template
from sandbox.accounts import Account
from sandbox.clock import Clock
from sandbox.deliveries import Attempt, Deliverer
from sandbox.errors import SandboxError
from sandbox.faults import Faults
from sandbox.records import Call, Comment, Dispatch, Repository, Run
from sandbox.rest import add_routes
from sandbox.server import Server
from sandbox.state import IdSequences, State
from sandbox.use_cases import installations

APP_ID = 3_100_271
CLIENT_ID = "Iv23liSandbox0Longsh"
CLIENT_SECRET = "sandbox-client-secret"
SLUG = "longshore-sandbox"
WEBHOOK_SECRET = "sandbox-webhook-secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """Options of a new sandbox.

    `run_seconds` is the range of durations of workflow runs; with None they wait for `start` and `finish`.
    `events` replaces the App's default subscriptions, `permissions` overrides single default permissions.
    `enterprise` is the version of an Enterprise Server ("3.20") to be instead of github.com.
    `callback_urls` are those to which the App's sign-in may lead back; without any, all of them are.
    `id_offset` is added to the ids of runs, comments and the like. Sandboxes with the same one issue the same ids.
    """

    owner: str = "acme"
    name: str = "site"
    private: bool = False
    webhook_url: str | None = None
    webhook_secret: str = WEBHOOK_SECRET
    client_secret: str = CLIENT_SECRET
    callback_urls: Sequence[str] = ()
    run_seconds: tuple[float, float] | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[str] | None = None
    enterprise: str = ""
    id_offset: int = 0


DEFAULT_OPTIONS = SandboxOptions()


class Sandbox:
    """One App installed on one account with its repositories; `GitHub` adds the actions."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.added_workflows: tuple[str, ...] = ()
        self.app = web.Application(client_max_size=32 * 1024**2)
        self.app.on_cleanup.append(self._on_cleanup)
        add_routes(self.app, state)

    @classmethod
    async def create(cls, source: Path | template.Template, options: SandboxOptions = DEFAULT_OPTIONS) -> Self:
        """Create a sandbox over a copy of a repository and install the App on it; the source is only read."""
        source_template = source if isinstance(source, template.Template) else await template.prepare(Path(source))
        folder = Path(tempfile.mkdtemp(prefix="github-sandbox-"))
        try:
            sandbox = cls(_initial_state(folder, options))
            state = sandbox.state
            sandbox.added_workflows = source_template.added
            repository = sandbox._add_repository(source_template, options.name, options.private)
            installations.install(state, state.owner, [repository], state.owner, quiet=True)
            repository.roles[state.account("alice").id] = ("write", "write")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return sandbox

    def _add_repository(self, source_template: template.Template, name: str, private: bool) -> Repository:
        state = self.state
        full_name = f"{state.owner.login}/{name}"
        if full_name.lower() in state.ids_by_name:
            raise SandboxError(f"The repository {full_name} already exists.")
        repository_id = next(state.ids.repositories)
        path = state.folder / f"{repository_id}.git"
        repository = Repository(
            id=repository_id,
            owner=state.owner,
            name=name,
            path=path,
            history=template.copy(source_template, path),
            created_at=state.now(),
            pushed_at=state.now(),
            private=private,
            file_cache=source_template.file_cache,
        )
        state.repositories[repository_id] = repository
        state.ids_by_name[full_name.lower()] = repository_id
        return repository

    async def _on_cleanup(self, _: web.Application) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop all tasks and delete the copies; may be called more than once."""
        self.state.closing.set()
        for task in list(self.state.tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.state.deliverer.close()
        await asyncio.to_thread(shutil.rmtree, self.state.folder, ignore_errors=True)

    # The App, which is another one after a registration from a manifest

    @property
    def app_slug(self) -> str:
        """The App's name in addresses."""
        return self.state.app_slug

    @property
    def client_id(self) -> str:
        """The App's client id."""
        return self.state.client_id

    @property
    def client_secret(self) -> str:
        """The App's client secret."""
        return self.state.client_secret

    @property
    def private_key(self) -> str:
        """The App's private key, as PEM."""
        return credentials.key_pair(self.state.key_number)[0]

    @property
    def webhook_secret(self) -> str:
        """The secret that webhooks are signed with."""
        return self.state.deliverer.secret

    # Inspection

    @property
    def app_id(self) -> int:
        """The App's id."""
        return self.state.app_id

    @property
    def api_url(self) -> str:
        """The base URL of the API in responses; taken from the first request by default."""
        return self.state.api

    @api_url.setter
    def api_url(self, url: str) -> None:
        self.state.api_url = str(url).rstrip("/")

    @property
    def webhook_url(self) -> str | None:
        """The URL to send webhooks to; with None, no webhooks are sent."""
        return self.state.deliverer.url

    @webhook_url.setter
    def webhook_url(self, url: str | None) -> None:
        self.state.deliverer.url = None if url is None else str(url)

    @property
    def run_seconds(self) -> tuple[float, float] | None:
        """The range of seconds after which runs succeed on their own; with None they wait for `finish`."""
        return self.state.run_seconds

    @run_seconds.setter
    def run_seconds(self, seconds: tuple[float, float] | None) -> None:
        self.state.run_seconds = seconds

    @property
    def faults(self) -> Faults:
        """The faults to inject."""
        return self.state.faults

    @property
    def server(self) -> Server:
        """The kind of GitHub that this is."""
        return self.state.server

    @property
    def calls(self) -> list[Call]:
        """REST requests received, oldest first."""
        return self.state.calls

    @property
    def unknown_routes(self) -> list[str]:
        """Requests for routes that the sandbox does not implement."""
        return self.state.unknown_routes

    @property
    def runs(self) -> list[Run]:
        """Workflow runs, oldest first."""
        return self.state.runs

    @property
    def dispatches(self) -> list[Dispatch]:
        """Accepted workflow dispatches, oldest first."""
        return self.state.dispatches

    @property
    def deliveries(self) -> list[Attempt]:
        """Webhook delivery attempts, oldest first."""
        return self.state.deliverer.attempts

    def repository(self, repo: str | None = None) -> Repository:
        """Find a repository by its current or a former `owner/name`; the first one by default."""
        return self.state.repository(repo)

    def path(self, repo: str | None = None) -> Path:
        """Return the path of the bare repository, which git can clone."""
        return self.repository(repo).path

    def head(self, branch: str = "main", repo: str | None = None) -> str:
        """Return the full SHA of a branch's head commit."""
        return self.resolve(f"heads/{branch}", repo)

    def resolve(self, rev: str, repo: str | None = None) -> str:
        """Resolve a branch, a tag, a short SHA or a revision such as `main~2` to a full SHA."""
        sha = self.repository(repo).history.resolve_revision(rev)
        if sha is None:
            raise SandboxError(f"No commit {rev} in {self.repository(repo).full_name}.")
        return sha

    def comments(self, number: int, repo: str | None = None) -> list[dict[str, Any]]:
        """List the comments of an issue or pull request."""
        comments = self.repository(repo).comments.values()
        return [_comment_summary(comment) for comment in comments if comment.number == number]

    def commit_comments(self, sha: str, repo: str | None = None) -> list[dict[str, Any]]:
        """List a commit's comments."""
        comments = self.repository(repo).commit_comments.values()
        return [_comment_summary(comment) for comment in comments if comment.sha == sha]

    async def settle(self, *, delayed: bool = False) -> None:
        """Wait until no webhook is in flight or due; `delayed` also sends held and delayed ones now."""
        await self.state.deliverer.settle(delayed=delayed)


def _initial_state(folder: Path, options: SandboxOptions) -> State:
    ids, clock = IdSequences(options.id_offset), Clock()
    deliverer = Deliverer(options.webhook_secret, APP_ID, ids.deliveries, clock)
    deliverer.url = options.webhook_url
    server = Server(options.enterprise, "refused" if options.enterprise else "returned")
    state = State(folder, APP_ID, SLUG, CLIENT_ID, Account(0, options.owner), deliverer, clock, server, ids=ids)
    state.owner = state.account(options.owner, "Organization")
    state.client_secret, state.callback_urls = options.client_secret, tuple(options.callback_urls)
    state.permissions.update(options.permissions)
    if options.events is not None:
        state.events = list(options.events)
    state.run_seconds = options.run_seconds
    return state


def _comment_summary(comment: Comment) -> dict[str, Any]:
    reactions = [reaction.content for reaction in comment.reactions]
    return {"id": comment.id, "user": comment.user.login, "body": comment.body, "reactions": reactions}
