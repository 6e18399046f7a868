"""Serve a sandbox on a port, for the demo and for trying the bot by hand."""

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from aiohttp import web

from sandbox.errors import SandboxError
from sandbox.github import GitHub
from sandbox.lifecycle import SandboxOptions
from sandbox.template import make_repository

DEFAULT_OPTIONS = SandboxOptions(run_seconds=(1.0, 3.0))
Report = Callable[[str], None]


@dataclass(slots=True)
class RunningSandbox:
    """A sandbox that is served on a port until it is closed."""

    github: GitHub
    url: str
    runner: web.AppRunner
    created_folder: Path | None = None

    async def close(self) -> None:
        """Stop the server and delete all copies."""
        await self.runner.cleanup()
        await self.github.close()
        if self.created_folder:
            await asyncio.to_thread(shutil.rmtree, self.created_folder, ignore_errors=True)


async def start(
    repo: Path,
    options: SandboxOptions = DEFAULT_OPTIONS,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    env_file: Path | None = None,
    report: Report = print,
) -> RunningSandbox:
    """Serve a sandbox over a repository on a port (0: any free port), with a webhook secret of its own.

    The settings that point a bot at the sandbox are written to `env_file`. The webhook URL need not respond yet.
    """
    created_folder = await _make_repository_if_missing(repo, report)
    source = created_folder / "site" if created_folder else repo
    github = await GitHub.create(source, replace(options, webhook_secret=secrets.token_hex(20)))
    runner = web.AppRunner(github.app, access_log=None)
    try:
        url = await _listen(runner, host, port)
        github.state.host_names.add(host.lower())
        github.state.api_url, github.state.html_url = url + github.server.root, f"{url}/_sandbox/web"
        running = RunningSandbox(github, url, runner, created_folder)
        if env_file is not None:
            await asyncio.to_thread(_write_settings, env_file, running)
            report(f"Wrote the settings for the bot to {env_file}.")
    except BaseException:
        await runner.cleanup()
        await github.close()
        raise
    _report_start(running, report)
    return running


async def _make_repository_if_missing(repo: Path, report: Report) -> Path | None:
    def is_repository() -> bool:
        return (repo / ".git").exists() or ((repo / "HEAD").exists() and (repo / "objects").exists())

    if not await asyncio.to_thread(repo.is_dir):
        raise SandboxError(f"No such folder: {repo}.")
    if await asyncio.to_thread(is_repository):
        return None
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="github-sandbox-sample-"))
    await make_repository(folder / "site")
    report(f"{repo} is not a git repository; the sandbox uses a small sample repository instead.")
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
    report(f"The GitHub sandbox serves {github.repository().full_name} at {running.url}.")
    if github.added_workflows:
        report(f"Added to the sandbox's copy, not to your repository: {' and '.join(github.added_workflows)}.")
    if github.webhook_url:
        report(f"Webhooks are sent to {github.webhook_url}.")
    report(f"Control API: {running.url}/_sandbox/")


def _write_settings(env_file: Path, running: RunningSandbox) -> None:
    github, key = running.github, env_file.resolve().with_name(f"{env_file.name}.pem")
    settings = {
        "LONGSHORE_GITHUB_API_URL": github.api_url,
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
    repo: Path,
    options: SandboxOptions = DEFAULT_OPTIONS,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    env_file: Path | None = None,
    report: Report = print,
) -> None:
    """Serve a sandbox until canceled; see `start`."""
    running = await start(repo, options, host=host, port=port, env_file=env_file, report=report)
    try:
        await asyncio.Event().wait()
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await running.close()
