"""`longshore demo`: a walk through releases against a simulated GitHub over a real git repository."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from aiohttp import web
from rich.console import Console
from rich.text import Text

from bot.operations import users
from bot.settings import NO_PROXY, Settings, read_settings
from bot.store import migrate
from cli import demo_gates, login_links
from cli.demo_session import DemoSession
from cli.processes import listen
from sandbox.serve import DEFAULT_OPTIONS, RunningSandbox, start
from server.app import SERVICE, create_app

HOST = "127.0.0.1"
SHUTDOWN_SECONDS = 1.0  # that requests may go on for at the end


async def demo(repo: Path | None, once: bool, port: int) -> None:
    """Run the scenario; unless `once`, keep everything running until canceled. All files are deleted at the end."""
    console = Console(highlight=False, soft_wrap=True)
    with TemporaryDirectory(prefix="longshore-demo-", ignore_cleanup_errors=True) as folder:
        try:
            async with start_demo(repo, Path(folder), port or free_port(), console, once) as session:
                await run_scenario(session)
                if not once:
                    _print_next_steps(session, await session.new_link())
                    await asyncio.Event().wait()
        except asyncio.CancelledError:
            console.print("\nBye.")
            raise


@asynccontextmanager
async def start_demo(
    repo: Path | None, folder: Path, port: int, console: Console, once: bool
) -> AsyncIterator[DemoSession]:
    """A demo before its first step; with `once`, nothing is printed that one could open while it runs."""
    url = f"http://{HOST}:{port}"
    notes: list[str] = []  # which are printed below the address to open
    sandbox = await start(
        repo,
        replace(
            DEFAULT_OPTIONS,
            webhook_url=f"{url}/webhooks/github",
            callback_urls=(f"{url}/auth/github/callback",),
        ),
        report=notes.append,
    )
    try:
        settings = _settings(sandbox, folder, port)
        await migrate.migrate(settings.database_url)
        app = create_app(settings)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await listen(runner, HOST, port)
            async with aiohttp.ClientSession() as http:
                new_link = partial(login_links.new_address, app[SERVICE], url)
                session = DemoSession(sandbox, url, await _create_token(app), http, console, new_link)
                if not once:
                    _print_address(console, await new_link())
                for note in (*notes, f"Longshore serves {url}, with an SQLite database in {folder}."):
                    console.print(Text(note, style="dim"))
                yield session
        finally:
            await runner.cleanup()
    finally:
        await sandbox.close()


def _settings(sandbox: RunningSandbox, folder: Path, port: int) -> Settings:
    return read_settings(
        database_url=f"sqlite://{folder}/longshore.db",
        port=port,
        github_api_url=sandbox.url,
        github_proxy=NO_PROXY,
        github_app_id=str(sandbox.github.app_id),
        github_private_key=sandbox.github.private_key,
        github_webhook_secret=sandbox.github.webhook_secret,
        github_client_id=sandbox.github.client_id,
        github_client_secret=sandbox.github.client_secret,
    )


def _print_address(console: Console, address: str) -> None:
    console.print(Text(f"Open {address}", style="bold"))
    console.print("  in a browser to watch: it signs you in as the operator, once, within 10 minutes.\n")


async def _create_token(app: web.Application) -> str:
    context = app[SERVICE].context()
    operator = context.acting_as(await users.system_actor(context), "cli")
    _, secret = await users.create_token(operator, "demo", grants=["admin"])
    return secret


async def run_scenario(session: DemoSession) -> None:
    """Go through all steps; raises DemoFailed if one does not succeed."""
    head = session.sandbox.github.head()
    session.start_step("Create a project with a repository and a build workflow")
    project = {"name": "site", "repo": "acme/site", "build_workflow": "build.yml"}
    await session.request("POST", "/api/projects", project)
    session.start_step("Create two environments with a deployment workflow")
    for name, tier in (("staging", "staging"), ("production", "production")):
        body = {"name": name, "tier": tier, "workflow": "deploy.yml"}
        await session.request("POST", "/api/projects/site/environments", body)
    await _cut(session, "1.0.0-rc1", head, "Cut a release candidate at the head of main")
    await _deploy(session, "1.0.0-rc1", "staging", "Deploy it to staging")
    await _deploy(session, "1.0.0-rc1", "production", "Deploy it to production")
    session.start_step("Push another commit")
    commit = await session.sandbox.github.commit("Make it better", by="bob")
    session.log(f"main is now at {commit[:12]}", done=True)
    await _cut(session, "1.0.0-rc2", commit, "Cut a second candidate at the new commit")
    await _deploy(session, "1.0.0-rc2", "production", "Deploy it to production")
    session.start_step("Roll back production")
    rollback = await session.request("POST", "/api/releases/site/environments/production/rollback", {})
    path = f"/api/releases/site/environments/production/deployments/{rollback['id']}"
    restored = rollback["release_candidate_version"]
    await session.wait_for_status(path, "success", f"rollback from 1.0.0-rc2 to {restored}")
    landed = await demo_gates.run(session)
    dispatched = len(session.sandbox.github.dispatches)
    session.console.print(
        f"\nDone: 3 candidates, {dispatched} workflow runs, each dispatched once; production is on "
        f"1.1.0-rc1 at {landed[:12]}."
    )


async def _cut(session: DemoSession, version: str, commit: str, title: str) -> None:
    session.start_step(title)
    path = f"/api/releases/site/releases/{version}"
    body = {"repo": "acme/site", "commit": commit, "trigger_build_workflow": True}
    await session.request("POST", path, body)
    session.log(f"{version} is cut at {commit[:12]}; its build is requested from GitHub Actions", done=True)
    candidate = await session.wait_for_status(path, "ready", version)
    session.log(f"built by run {candidate['build']['run_id']} on the tag {candidate['tag']}")


async def _deploy(session: DemoSession, version: str, environment: str, title: str) -> None:
    session.start_step(title)
    path = f"/api/releases/site/environments/{environment}/deployments"
    deployment = await session.request("POST", path, {"release_candidate_version": version})
    await session.wait_for_status(f"{path}/{deployment['id']}", "success", f"{version} on {environment}")


def _print_next_steps(session: DemoSession, link: str) -> None:
    url, print_ = session.url, session.console.print
    auth = f'-H "Authorization: Bearer {session.token}"'
    print_(Text("\nEverything is still running:", style="bold"))
    print_(f"  Longshore     {url}   (/readyz, /metrics, /api/projects/site/releases/1.0.0)")
    print_(f"  GitHub        {session.sandbox.url}/_sandbox/")
    print_(f"  API token     {session.token}")
    print_(f"  The pages     {link}   (once, within 10 minutes: as the operator)")
    print_(f"                {url}/sign-in   (as somebody of the simulated GitHub)")
    print_(Text("\nTry:", style="bold"))
    commit, sandbox = session.sandbox.github.head(), f"{session.sandbox.url}/_sandbox"
    decision = "environments/production/decision?candidate=1.0.0-rc2"
    for line in (
        f"curl {auth} {url}/api/releases/site/environments/production/deployments",
        f"curl {auth} '{url}/api/projects/site/{decision}'",
        f'curl {auth} --json \'{{"repo": "acme/site", "commit": "{commit}", '
        f'"trigger_build_workflow": true}}\' {url}/api/releases/site/releases/1.2.0-rc1',
        f'curl {auth} --json \'{{"release_candidate_version": "1.0.0-rc2"}}\' '
        f"{url}/api/releases/site/environments/staging/deployments",
        f'curl --json \'{{"number": 1, "by": "bob", "body": "/release status"}}\' {sandbox}/comments',
        f"curl '{sandbox}/comments?number=1'",
    ):
        print_(f"  {line}", markup=False)
    print_("\nPress Ctrl-C to stop.")


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
