"""The git repository that somebody stands in: which repository on GitHub it is of, and its commits."""

import asyncio
import re
from pathlib import Path

FIRST = ("origin", "upstream")  # the remotes that are looked at before others
_SCHEME = re.compile(r"(?:https?|ssh|git|git\+ssh)://(?:[^/@]*@)?(?P<host>[^/]+)/(?P<path>.+)")
_SCP = re.compile(r"(?:[^/@:]+@)?(?P<host>[^/:]{2,}):(?!//)(?P<path>.+)")  # one letter is a drive of Windows
_NAME = re.compile(r"(?P<owner>[A-Za-z0-9_-]+)/(?P<name>[A-Za-z0-9._-]+?)(?:\.git)?/?")
_REMOTE = re.compile(r"(?P<remote>\S+)\t(?P<url>.+) \(fetch\)(?: \[.*\])?")
FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def repository_of(url: str) -> str | None:
    """The repository on GitHub, as `owner/name`, that a remote's URL leads to; None if it leads to none."""
    found = _SCHEME.fullmatch(url) or _SCP.fullmatch(url)
    named = _NAME.fullmatch(found["path"].lstrip("/")) if found else None
    return f"{named['owner']}/{named['name']}" if named else None


async def repositories(folder: Path) -> list[str]:
    """The repositories on GitHub that a folder is a clone of, by its remotes: `origin` first. None without git."""
    listed = await _git(folder, "remote", "-v")
    remotes = {found["remote"]: found["url"] for found in map(_REMOTE.fullmatch, listed.splitlines()) if found}
    names = [name for name in FIRST if name in remotes] + [name for name in remotes if name not in FIRST]
    found = (repository_of(remotes[name]) for name in names)
    return list(dict.fromkeys(repository for repository in found if repository))


async def full_sha(folder: Path, revision: str) -> str | None:
    """The full SHA of the commit that a revision stands for in a folder's repository; None if it stands for none."""
    if FULL_SHA.fullmatch(revision):
        return revision
    found = await _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return found.strip() if FULL_SHA.fullmatch(found.strip()) else None


async def _git(folder: Path, *arguments: str) -> str:
    """What git prints; nothing if it fails, or if there is no git."""
    try:
        process = await asyncio.create_subprocess_exec(
            *("git", *arguments),
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ""
    printed, _ = await process.communicate()
    return printed.decode(errors="replace") if process.returncode == 0 else ""
