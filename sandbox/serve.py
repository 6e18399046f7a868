"""Serve a sandbox on a port, for the demo and for trying the bot by hand."""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from sandbox import git
from sandbox.errors import SandboxError
from sandbox.github import GitHub
from sandbox.lifecycle import SandboxOptions
from sandbox.settings_file import PREFIX, SettingsFile
from sandbox.template import make_repository, no_folder

DEFAULT_OPTIONS = SandboxOptions(run_seconds=(1.0, 3.0))
SHUTDOWN_SECONDS = 1.0  # that requests may go on for when the sandbox is closed
Report = Callable[[str], None]


@dataclass(slots=True)
class RunningSandbox:
    """A sandbox that is served on a port until it is closed."""

    github: GitHub
    url: str
    resources: AsyncExitStack

    async def close(self) -> None:
        """Stop the server, delete all copies and leave the settings file to other sandboxes."""
        await self.resources.aclose()


async def start(
    repo: Path | None,
    options: SandboxOptions = DEFAULT_OPTIONS,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    env_file: Path | None = None,
    report: Report = print,
) -> RunningSandbox:
    """Serve a sandbox over a repository on a port (0: any free port), with a webhook secret and ids of its own.

    `repo` is a folder in a git repository. None is the current folder, or a sample if it is not in a repository.
    The settings that point a bot at the sandbox are written to `env_file`, which no other running sandbox may use. The
    webhook URL need not respond yet.
    """
    _check(options)
    async with AsyncExitStack() as resources:
        settings_file = _claim(env_file, resources)
        source = await _source(repo, resources, report)
        github = await GitHub.create(source, _one_of_its_kind(options))
        resources.push_async_callback(github.close)
        runner = web.AppRunner(github.app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        resources.push_async_callback(runner.cleanup)
        url = await _listen(runner, host, port)
        github.state.host_names.add(host.lower())
        github.state.api_url, github.state.html_url = url + github.server.root, f"{url}/_sandbox/web"
        if settings_file is not None:
            settings_file.write(github.private_key, _settings(github))
            report(f"Wrote the settings for Longshore to {env_file}.")
        running = RunningSandbox(github, url, resources.pop_all())
    _report_start(running, report)
    return running


def _check(options: SandboxOptions) -> None:
    """Refuse names that an account or repository on GitHub cannot have, and an invalid webhook URL."""
    if not re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}", options.owner):
        raise SandboxError(
            f"`{options.owner}` is not a valid --owner: use up to 39 letters, digits and single hyphens."
        )
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", options.name) or set(options.name) == {"."}:
        raise SandboxError(
            f"`{options.name}` is not a valid --name: use up to 100 letters, digits, dots, underscores and hyphens."
        )
    if options.webhook_url is not None and not re.fullmatch(r"https?://[^\s/?#]+\S*", options.webhook_url):
        raise SandboxError(
            f"`{options.webhook_url}` is not a valid --webhook-url: use one such as http://127.0.0.1:8080/webhooks/github."
        )


def _one_of_its_kind(options: SandboxOptions) -> SandboxOptions:
    """The options with new secrets, and with ids that no earlier sandbox has issued.

    Microseconds as the offset are below 2**53 until the year 2255, and grow faster than the ids of a sandbox.
    """
    return replace(
        options,
        webhook_secret=secrets.token_hex(20),
        client_secret=secrets.token_hex(20),
        id_offset=time.time_ns() // 1000,
    )


def _claim(env_file: Path | None, resources: AsyncExitStack) -> SettingsFile | None:
    if env_file is None:
        return None
    settings_file = SettingsFile(env_file)
    resources.callback(settings_file.release)
    return settings_file.claim()


async def _source(repo: Path | None, resources: AsyncExitStack, report: Report) -> Path:
    """The repository that a folder is in. Without a folder, that of the current one, or a sample if there is none."""
    named = Path() if repo is None else repo
    if not await asyncio.to_thread(named.is_dir):
        raise no_folder(named)
    found = await git.find_repository(named)
    if found is None and repo is not None:
        raise SandboxError(f"{repo} is not in a git repository: name the folder of one with --repo.")
    if found is None:
        return await _sample(resources, report)
    if not await asyncio.to_thread(found.samefile, named):
        report(f"{named.absolute()} is a folder of the git repository {found}, which the sandbox uses.")
    return found


async def _sample(resources: AsyncExitStack, report: Report) -> Path:
    folder = resources.enter_context(TemporaryDirectory(prefix="github-sandbox-sample-", ignore_cleanup_errors=True))
    report("The current folder is not in a git repository; the sandbox uses a small sample repository instead.")
    return await make_repository(Path(folder) / "site")


async def _listen(runner: web.AppRunner, host: str, port: int) -> str:
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        why = error.strerror or error
        raise SandboxError(f"Port {port} on {host} cannot be used ({why}): choose another one with --port.") from error
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


def _settings(github: GitHub) -> dict[str, str]:
    return {
        f"{PREFIX}API_URL": github.api_url,
        f"{PREFIX}APP_ID": str(github.app_id),
        f"{PREFIX}WEBHOOK_SECRET": github.webhook_secret,
        f"{PREFIX}CLIENT_ID": github.client_id,
        f"{PREFIX}CLIENT_SECRET": github.client_secret,
    }


async def serve(
    repo: Path | None,
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
        await running.close()
