"""Bare clones of source repositories, prepared once per process and then copied for each sandbox."""

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox import git, workflows
from sandbox.errors import SandboxError
from sandbox.history import History, Signature

COMMIT_AUTHOR = ("Sam Developer", "sam@example.com")


@dataclass(frozen=True, slots=True)
class Template:
    """A prepared bare repository, its history, and the workflow files that were added to it."""

    path: Path
    history: History
    added: tuple[str, ...]
    file_cache: git.FileCache = field(default_factory=dict)


_templates: dict[tuple[Path, bytes], Template] = {}
_folder: list[Path] = []


def _new_folder() -> Path:
    if not _folder:
        _folder.append(Path(tempfile.mkdtemp(prefix="github-sandbox-templates-")))
        atexit.register(shutil.rmtree, _folder[0], ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=_folder[0]))


def no_folder(path: Path) -> SandboxError:
    """Build the error for a path that is not a folder."""
    return SandboxError(f"{path} is a file, not a folder." if path.exists() else f"No such folder: {path}.")


async def _read_refs(source: Path) -> bytes:
    if not await asyncio.to_thread(source.is_dir):
        raise no_folder(source)
    try:
        return await git.git("show-ref", "--head", cwd=source)
    except SandboxError:
        raise SandboxError(f"{source} is not a git repository with at least one commit.") from None


async def prepare(source: Path, *, add_workflows: bool = True) -> Template:
    """Return the template for the current state of a source repository, which is only read."""
    source = await asyncio.to_thread(source.resolve)
    state = await _read_refs(source)
    key = (source, state + bytes([add_workflows]))
    if key not in _templates:
        _templates[key] = await _build(source, state, add_workflows)
    return _templates[key]


async def _build(source: Path, state: bytes, add_workflows: bool) -> Template:
    path = await asyncio.to_thread(_new_folder)
    await git.git("clone", "--quiet", "--bare", "--no-hardlinks", "--template=", "--", str(source), "repo", cwd=path)
    path = path / "repo"
    await git.git("config", "--remove-section", "remote.origin", cwd=path)
    head = next(line.split()[0] for line in state.decode().splitlines() if line.endswith(" HEAD"))
    await git.update_ref(path, "refs/heads/main", head)
    await git.git("symbolic-ref", "HEAD", "refs/heads/main", cwd=path)
    history = await git.load(path)
    added = await _add_workflows(path, history, head) if add_workflows else ()
    await git.git("repack", "-d", "--quiet", cwd=path)  # a folder for each object would take long to copy
    return Template(path, history, added)


async def _add_workflows(path: Path, history: History, head: str) -> tuple[str, ...]:
    existing = {entry.path for entry in await git.list_folder(path, head, ".github/workflows")}
    missing: Mapping[str, str] = {
        name: text for name, text in workflows.DEFAULT_WORKFLOWS.items() if name not in existing
    }
    if missing:
        committed_at = max(history.commits[head].committer.at, datetime.now(UTC) - timedelta(days=1)).replace(
            microsecond=0
        )
        author = Signature("sandbox", "sandbox@users.noreply.github.com", committed_at)
        commit, _ = await git.write_commit(path, "refs/heads/main", head, "Add workflows", missing, (author, author))
        history.commits[commit.sha] = commit
        history.refs["refs/heads/main"] = commit.sha
    return tuple(missing)


def copy(template: Template, target: Path) -> History:
    """Copy a template's repository to `target` and return a history of its own.

    Hard links are safe because git replaces files instead of modifying them.
    """
    try:
        shutil.copytree(template.path, target, copy_function=os.link)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without hard links
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(template.path, target)
    return template.history.copy()


async def make_repository(path: Path, commits: int = 5) -> Path:
    """Create a small git repository with a few commits, and its folder if it does not exist."""
    await asyncio.to_thread(lambda: path.mkdir(parents=True, exist_ok=True))
    await git.git("init", "--quiet", "--template=", "--initial-branch=main", cwd=path)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=commits + 1)
    parent: str | None = None
    for number in range(1, commits + 1):
        files = {"README.md": f"# Site\n\nRevision {number}.\n", f"src/part{number}.py": f"PART = {number}\n"}
        author = Signature(*COMMIT_AUTHOR, start + timedelta(days=number))
        message = f"Add part {number}" if number > 1 else "Start the site"
        commit, _ = await git.write_commit(path, "refs/heads/main", parent, message, files, (author, author))
        parent = commit.sha
    await git.git("reset", "--quiet", "--hard", cwd=path)
    return path
