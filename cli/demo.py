"""`longshore demo`: the main job before the reader's eyes, against a GitHub in a box over a real git repository."""

import asyncio
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer
from aiohttp import web
from rich.console import Console
from rich.text import Text

from bot.errors import Problem
from bot.operations import users
from bot.settings import Settings, read_settings
from bot.store import migrate
from cli.processes import listen
from sandbox.serve import DEFAULT_OPTIONS, RunningSandbox, start
from server.app import SERVICE, create_app

HOST = "127.0.0.1"
PATIENCE = 60.0
STEPS = 9


class DemoFailed(Problem):
    """The demonstration did not get to its end."""


def demo(
    repo: Annotated[Path, typer.Option(help="The git repository to release from; it is only read.")] = Path(),
    once: Annotated[bool, typer.Option("--once", help="End when the show is over.")] = False,
    port: Annotated[int, typer.Option(help="The port of the service; 0 for any that is free.")] = 0,
) -> None:
    """Start Longshore and a GitHub in a box, and cut, build, deploy and roll back before your eyes."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_demo(repo, once, port))


async def _demo(repo: Path, once: bool, port: int) -> None:
    console = Console(highlight=False, soft_wrap=True)
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="longshore-demo-"))
    try:
        async with _stage(repo, folder, port or _free_port(), console) as stage:
            await _show(stage)
            if not once:
                _tell_what_next(stage)
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        console.print("\nBye.")
        raise
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


@dataclass
class Stage:
    """What the show is played on."""

    sandbox: RunningSandbox
    url: str
    token: str
    session: aiohttp.ClientSession
    console: Console
    begun: float = field(default_factory=time.monotonic)
    step: int = 0

    def say(self, text: str, *, done: bool = False) -> None:
        """One line of progress."""
        clock = Text(f"{time.monotonic() - self.begun:5.1f}s  ", style="dim")
        mark = Text("✓ " if done else "  ", style="green")
        self.console.print(clock + mark + Text(text))

    def begin(self, text: str) -> None:
        """A new step."""
        self.step += 1
        self.console.print(Text(f"\n{self.step}/{STEPS} {text}", style="bold"))

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the service, shown as it is made."""
        self.say(f"{method} {path}")
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as response:
            answer = await response.json()
            if response.status >= 400:
                raise DemoFailed(f"{method} {path} was answered {response.status}: {answer}")
            return answer

    async def until(self, path: str, wanted: str, what: str) -> Any:
        """Look at something until it has come to the status that is wanted, telling each on the way."""
        seen, headers = "", {"Authorization": f"Bearer {self.token}"}
        for _ in range(int(PATIENCE / 0.2)):
            async with self.session.get(self.url + path, headers=headers) as response:
                found = await response.json()
            if found["status"] != seen:
                seen = found["status"]
                self.say(f"{what}: {seen.replace('_', ' ')}", done=seen == wanted)
            if seen == wanted:
                return found
            if seen in ("failed", "failure", "error", "canceled"):
                raise DemoFailed(f"{what} is {seen}: {found.get('reason') or found.get('error_message')}")
            await asyncio.sleep(0.2)
        raise DemoFailed(f"{what} is still {seen} after {PATIENCE:.0f} seconds")


@asynccontextmanager
async def _stage(repo: Path, folder: Path, port: int, console: Console) -> AsyncIterator[Stage]:
    url = f"http://{HOST}:{port}"
    sandbox = await start(
        repo,
        replace(DEFAULT_OPTIONS, webhook_url=f"{url}/webhooks/github"),
        report=lambda line: console.print(Text(line, style="dim")),
    )
    try:
        settings = _settings(sandbox, folder, port)
        await migrate.migrate(settings.database_url)
        app = create_app(settings)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await listen(runner, HOST, port)
            console.print(Text(f"Longshore answers at {url}, with an SQLite database in {folder}.", style="dim"))
            async with aiohttp.ClientSession() as session:
                yield Stage(sandbox, url, await _token(app), session, console)
        finally:
            await runner.cleanup()
    finally:
        await sandbox.close()


def _settings(sandbox: RunningSandbox, folder: Path, port: int) -> Settings:
    return read_settings(
        database_url=f"sqlite://{folder}/longshore.db",
        port=port,
        github_api_url=sandbox.url,
        github_app_id=str(sandbox.github.app_id),
        github_private_key=sandbox.github.private_key,
        github_webhook_secret=sandbox.github.webhook_secret,
    )


async def _token(app: web.Application) -> str:
    context = app[SERVICE].context()
    acting = context.acting_as(await users.system(context), "cli")
    _, secret = await users.create_token(acting, "demo", grants=["admin"])
    return secret


async def _show(stage: Stage) -> None:
    head = stage.sandbox.github.head()
    stage.begin("A project: what is released, and what builds it")
    project = {"name": "site", "repo": "acme/site", "build_workflow": "build.yml"}
    await stage.ask("POST", "/api/projects", project)
    stage.begin("Two environments, deployed to by one workflow")
    for name, tier in (("staging", "staging"), ("production", "production")):
        body = {"name": name, "tier": tier, "workflow": "deploy.yml"}
        await stage.ask("POST", "/api/projects/site/environments", body)
    await _cut(stage, "1.0.0-rc1", head, "A candidate, cut at the head of main")
    await _deploy(stage, "1.0.0-rc1", "staging", "To staging")
    await _deploy(stage, "1.0.0-rc1", "production", "To production")
    stage.begin("Somebody pushes a commit")
    commit = await stage.sandbox.github.commit("Make it better")
    stage.say(f"main is at {commit[:12]} now", done=True)
    await _cut(stage, "1.0.0-rc2", commit, "A second candidate, at the new commit")
    await _deploy(stage, "1.0.0-rc2", "production", "To production as well")
    stage.begin("It was no improvement: production is rolled back")
    answer = await stage.ask("POST", "/api/releases/site/environments/production/rollback", {})
    path = f"/api/releases/site/environments/production/deployments/{answer['id']}"
    await stage.until(path, "success", f"the rollback from 1.0.0-rc2 to {answer['release_candidate_version']}")
    dispatched = len(stage.sandbox.github.dispatches)
    stage.console.print(
        f"\nDone: 2 candidates, {dispatched} workflow runs, each dispatched once; production is on "
        f"{answer['release_candidate_version']} at {head[:12]}."
    )


async def _cut(stage: Stage, version: str, commit: str, title: str) -> None:
    stage.begin(title)
    path = f"/api/releases/site/releases/{version}"
    body = {"repo": "acme/site", "commit": commit, "trigger_build_workflow": True}
    await stage.ask("POST", path, body)
    stage.say(f"{version} is cut at {commit[:12]}; GitHub Actions is asked to build it", done=True)
    found = await stage.until(path, "ready", version)
    stage.say(f"its build was run {found['build']['run_id']}, on the tag {found['tag']}")


async def _deploy(stage: Stage, version: str, environment: str, title: str) -> None:
    stage.begin(title)
    path = f"/api/releases/site/environments/{environment}/deployments"
    answer = await stage.ask("POST", path, {"release_candidate_version": version})
    await stage.until(f"{path}/{answer['id']}", "success", f"{version} on {environment}")


def _tell_what_next(stage: Stage) -> None:
    url, say = stage.url, stage.console.print
    auth = f'-H "Authorization: Bearer {stage.token}"'
    say(Text("\nStill running. Look around:", style="bold"))
    say(f"  Longshore     {url}   (/readyz, /metrics, /api/projects/site/releases/1.0.0)")
    say(f"  the sandbox   {stage.sandbox.url}/_sandbox/")
    say(f"  a token       {stage.token}")
    say(Text("\nTry:", style="bold"))
    commit = stage.sandbox.github.head()
    for line in (
        f"curl {auth} {url}/api/releases/site/environments/production/deployments",
        f"curl {auth} {url}/api/projects/site/releases/1.0.0",
        f'curl {auth} --json \'{{"repo": "acme/site", "commit": "{commit}", '
        f'"trigger_build_workflow": true}}\' {url}/api/releases/site/releases/1.1.0-rc1',
        f'curl {auth} --json \'{{"release_candidate_version": "1.0.0-rc2"}}\' '
        f"{url}/api/releases/site/environments/staging/deployments",
    ):
        say(f"  {line}", markup=False)
    say("\nCtrl-C ends it.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
