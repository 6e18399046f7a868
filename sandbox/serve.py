"""The sandbox on a port, for demonstrations and for trying the bot by hand."""

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.errors import SandboxError
from sandbox.github import GitHub
from sandbox.template import make_repository

RUN_SECONDS = (1.0, 3.0)
Report = Callable[[str], None]


@dataclass(slots=True)
class RunningSandbox:
    """A sandbox that answers on a port until it is closed."""

    github: GitHub
    url: str
    runner: web.AppRunner
    created_folder: Path | None = None

    async def close(self) -> None:
        """Stop answering and remove every copy."""
        await self.runner.cleanup()
        await self.github.close()
        if self.created_folder:
            await asyncio.to_thread(shutil.rmtree, self.created_folder, ignore_errors=True)


async def start(
    *,
    repo: Path,
    owner: str = "acme",
    name: str = "site",
    port: int = 0,
    webhook_url: str | None = None,
    env_file: Path | None = None,
    host: str = "127.0.0.1",
    say: Report = print,
    run_seconds: tuple[float, float] | None = RUN_SECONDS,
) -> RunningSandbox:
    """Open a sandbox over a repository on a port (0: any free one); whether the webhook's end is up does not matter."""
    made = await _make_repository_if_missing(repo, say)
    github = await GitHub.create(
        made / "site" if made else repo,
        owner=owner,
        name=name,
        webhook_url=webhook_url,
        run_seconds=run_seconds,
        webhook_secret=secrets.token_hex(20),
    )
    runner = web.AppRunner(github.app, access_log=None)
    try:
        url = await _listen(runner, host, port)
        github.state.api_url, github.state.html_url = url, f"{url}/_sandbox/web"
        running = RunningSandbox(github, url, runner, made)
        if env_file is not None:
            await asyncio.to_thread(_write_settings, env_file, running)
            say(f"Settings for the bot are in {env_file}.")
    except BaseException:
        await runner.cleanup()
        await github.close()
        raise
    _report_start(running, say)
    return running


async def _make_repository_if_missing(repo: Path, report: Report) -> Path | None:
    def is_repository() -> bool:
        return (repo / ".git").exists() or ((repo / "HEAD").exists() and (repo / "objects").exists())

    if not await asyncio.to_thread(repo.is_dir):
        raise SandboxError(f"There is no folder {repo}.")
    if await asyncio.to_thread(is_repository):
        return None
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="github-sandbox-made-"))
    await make_repository(folder / "site")
    report(f"{repo} is not a git repository, so a small one was made for the sandbox.")
    return folder


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise SandboxError(f"Port {port} on {host} cannot be used: {error.strerror or error}.") from error
    display_host = f"[{host}]" if ":" in host else host
    return f"http://{display_host}:{runner.addresses[0][1]}"


def _report_start(running: RunningSandbox, report: Report) -> None:
    github = running.github
    report(f"GitHub in a box answers at {running.url} for {github.repository().full_name}.")
    if github.added_workflows:
        report(f"Only the sandbox's copy got {' and '.join(github.added_workflows)}, which the repository lacks.")
    if github.webhook_url:
        report(f"Webhooks go to {github.webhook_url}.")
    report(f"What can be made to happen: {running.url}/_sandbox/")


def _write_settings(env_file: Path, running: RunningSandbox) -> None:
    github, key = running.github, env_file.resolve().with_name(f"{env_file.name}.pem")
    settings = {
        "LONGSHORE_GITHUB_API_URL": running.url,
        "LONGSHORE_GITHUB_APP_ID": str(github.app_id),
        "LONGSHORE_GITHUB_WEBHOOK_SECRET": github.webhook_secret,
        "LONGSHORE_GITHUB_PRIVATE_KEY_FILE": str(key),
    }
    try:
        _write_private(key, github.private_key)
        _write_private(env_file, "".join(f"{name}={value}\n" for name, value in settings.items()))
    except OSError as error:
        raise SandboxError(f"The settings file {env_file} cannot be written: {error.strerror}.") from error


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


async def serve(
    *,
    repo: Path,
    owner: str,
    name: str,
    port: int,
    webhook_url: str | None,
    env_file: Path | None,
    host: str = "127.0.0.1",
    say: Report = print,
) -> None:
    """Run a sandbox until cancelled."""
    running = await start(
        repo=repo, owner=owner, name=name, port=port, webhook_url=webhook_url, env_file=env_file, host=host, say=say
    )
    try:
        await asyncio.Event().wait()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await running.close()
