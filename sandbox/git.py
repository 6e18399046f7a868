"""Run git, which only this module does, without a shell, hooks or the user's configuration."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.errors import GitFailed, SandboxError
from sandbox.history import Commit, History, Signature, TagObject

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": os.devnull,
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "sandbox",
    "GIT_AUTHOR_EMAIL": "sandbox@users.noreply.github.com",
    "GIT_COMMITTER_NAME": "sandbox",
    "GIT_COMMITTER_EMAIL": "sandbox@users.noreply.github.com",
}
COMMIT_FORMAT = "%H%n%P%n%T%n%an%n%ae%n%at%n%cn%n%ce%n%ct%n%B"
REF_FORMAT = (
    "%(refname)%00%(objectname)%00%(*objectname)%00%(tag)%00"
    "%(taggername)%00%(taggeremail)%00%(taggerdate:unix)%00%(contents)%01"
)

FileCache = dict[tuple[str, str], Any]
"""Contents read from commits, by SHA and path; they are immutable, so copies of a repository share the cache."""

_accepted_names: set[str] = set()
"""Names of refs that git accepts."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Names of the files that a commit added, modified and removed."""

    added: list[str]
    modified: list[str]
    removed: list[str]


async def git(*arguments: str, cwd: Path, stdin: bytes = b"") -> bytes:
    """Run git in a folder and return its output; if it fails, raise SandboxError with its last error line."""
    try:
        process = await asyncio.create_subprocess_exec(
            "git",
            "-c",
            "core.quotePath=off",
            *arguments,
            cwd=cwd,
            env=ENVIRONMENT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            process_group=0,  # a Ctrl-C is for us; with git end the programs that it started
        )
    except FileNotFoundError:
        raise SandboxError(f"git could not be started in {cwd}: is it installed?") from None
    try:
        out, err = await process.communicate(stdin)
    except asyncio.CancelledError:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        raise
    if process.returncode:
        output = err.decode(errors="replace").strip()
        lines = output.splitlines() or ["no reason given"]
        raise GitFailed(f"git {arguments[0]} failed: {lines[-1]}.", output)
    return out


async def find_repository(folder: Path) -> Path | None:
    """Return the repository that a folder is in: its work tree, or its git folder if it has no work tree."""
    try:
        inside = await git("rev-parse", "--is-inside-work-tree", cwd=folder)
    except GitFailed as error:
        if "not a git repository" in error.output:
            return None
        raise
    option = "--show-toplevel" if inside.strip() == b"true" else "--absolute-git-dir"
    return Path(os.fsdecode((await git("rev-parse", option, cwd=folder)).removesuffix(b"\n")))


def _parse_timestamp(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds or 0), UTC)


def _parse_commit(text: str) -> Commit:
    sha, parents, tree, author, email, at, committer, committer_email, committed, message = text.split("\n", 9)
    return Commit(
        sha,
        tuple(parents.split()),
        tree,
        Signature(author, email, _parse_timestamp(at)),
        Signature(committer, committer_email, _parse_timestamp(committed)),
        message.rstrip("\n"),
    )


async def load(path: Path) -> History:
    """Read all refs, annotated tags and commits of a repository with two git processes."""
    refs, log = await asyncio.gather(
        git("for-each-ref", f"--format={REF_FORMAT}", cwd=path),
        git("log", "--all", "-z", f"--format={COMMIT_FORMAT}", cwd=path),
    )
    history = History()
    for text in log.decode(errors="replace").split("\0"):
        if text:
            commit = _parse_commit(text)
            history.commits[commit.sha] = commit
    for record in refs.decode(errors="replace").split("\x01\n"):
        if record:
            _add_ref(history, record)
    return history


def _add_ref(history: History, record: str) -> None:
    ref, sha, target, tag, name, email, at, message = record.split("\0", 7)
    if (target or sha) not in history.commits:
        return
    history.refs[ref] = sha
    if target:
        tagger = Signature(name, email.strip("<>"), _parse_timestamp(at))
        history.tags[sha] = TagObject(sha, tag, target, message.rstrip("\n"), tagger)


def _quote(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _data_command(text: str) -> bytes:
    raw = text.encode()
    return b"data %d\n%s\n" % (len(raw), raw)


def _import_stream(
    ref: str, parent: str | None, message: str, files: Mapping[str, str | None], signatures: tuple[Signature, Signature]
) -> bytes:
    author, committer = (f"{each.name} <{each.email}> {int(each.at.timestamp())} +0000" for each in signatures)
    parts = [f"ls {parent} {_quote(name)}\n".encode() for name in files if parent]
    parts.append(f"commit {ref}\nmark :1\nauthor {author}\ncommitter {committer}\n".encode() + _data_command(message))
    if parent:
        parts.append(f"from {parent}\n".encode())
    for name, content in files.items():
        if content is None:
            parts.append(f"D {_quote(name)}\n".encode())
        else:
            parts.append(f"M 100644 inline {_quote(name)}\n".encode() + _data_command(content))
    parts.append(b'\nls :1 ""\nget-mark :1\ndone\n')
    return b"".join(parts)


async def write_commit(
    path: Path,
    ref: str,
    parent: str | None,
    message: str,
    files: Mapping[str, str | None],
    signatures: tuple[Signature, Signature],
) -> tuple[Commit, Changes]:
    """Write a commit on top of a parent and point the ref at it; a file whose content is None is removed.

    `signatures` are those of its author and of its committer.
    """
    stream = _import_stream(ref, parent, message, files, signatures)
    out = (await git("fast-import", "--quiet", "--force", "--done", cwd=path, stdin=stream)).decode().splitlines()
    before, tree, sha = out[:-2], out[-2].split()[2], out[-1]
    existed = dict(zip(files, (not line.startswith("missing") for line in before), strict=True)) if parent else {}
    changes = Changes(
        [name for name, content in files.items() if content is not None and not existed.get(name)],
        [name for name, content in files.items() if content is not None and existed.get(name)],
        [name for name, content in files.items() if content is None and existed.get(name)],
    )
    return Commit(sha, (parent,) if parent else (), tree, *signatures, message), changes


async def write_merge(path: Path, ref: str, commit: Commit, merged: str) -> Commit:
    """Write a commit like another one, with a second parent, and point the ref at it."""
    people = {"author": commit.author, "committer": commit.committer}
    lines = [f"tree {commit.tree}", *(f"parent {parent}" for parent in (*commit.parents, merged))]
    lines += [f"{kind} {who.name} <{who.email}> {int(who.at.timestamp())} +0000" for kind, who in people.items()]
    text = "\n".join([*lines, "", commit.message])
    sha = (await git("hash-object", "-t", "commit", "-w", "--stdin", cwd=path, stdin=text.encode())).decode().strip()
    await update_ref(path, ref, sha)
    return replace(commit, sha=sha, parents=(*commit.parents, merged))


async def update_ref(path: Path, ref: str, sha: str) -> None:
    """Point a ref at an object."""
    await git("update-ref", "--no-deref", ref, sha, cwd=path)


async def update_refs(path: Path, refs: Mapping[str, str]) -> None:
    """Create or move several refs in one transaction."""
    lines = "".join(f"update {ref} {sha}\n" for ref, sha in refs.items())
    await git("update-ref", "--no-deref", "--stdin", cwd=path, stdin=lines.encode())


async def delete_ref(path: Path, ref: str) -> None:
    """Remove a ref."""
    await git("update-ref", "--no-deref", "-d", ref, cwd=path)


async def write_tag(path: Path, name: str, target: str, message: str, tagger: Signature) -> TagObject:
    """Write an annotated tag object without creating a ref for it."""
    line = f"{tagger.name} <{tagger.email}> {int(tagger.at.timestamp())} +0000"
    text = f"object {target}\ntype commit\ntag {name}\ntagger {line}\n\n{message}\n"
    sha = (await git("mktag", cwd=path, stdin=text.encode())).decode().strip()
    return TagObject(sha, name, target, message, tagger)


async def check_ref_name(name: str, cwd: Path) -> bool:
    """Return whether git accepts a full ref name. It is asked about each name once."""
    if name not in _accepted_names:
        try:
            await git("check-ref-format", name, cwd=cwd)
        except GitFailed:
            return False
        _accepted_names.add(name)
    return True


async def read_file(path: Path, rev: str, name: str) -> tuple[str, bytes] | None:
    """Return the blob SHA and content of a file in a commit; None when the file does not exist."""
    out = await git("cat-file", "--batch", cwd=path, stdin=f"{rev}:{name}\n".encode())
    header, _, content = out.partition(b"\n")
    fields = header.decode(errors="replace").split()
    if len(fields) != 3 or fields[1] != "blob":
        return None
    return fields[0], content[: int(fields[2])]


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a folder: `type` is file, dir, symlink or submodule; only files and links have a size."""

    type: str
    sha: str
    size: int
    path: str


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """An entry of a tree object; only blobs have a size."""

    mode: str
    type: str
    sha: str
    size: int | None
    path: str


async def list_tree(path: Path, tree: str, *, recursive: bool) -> list[TreeEntry]:
    """List a tree object, with `recursive` also the trees below it."""
    options = ("-r", "-t") if recursive else ()
    out = await git("ls-tree", "-z", "--long", *options, tree, cwd=path)
    rows = [row.split("\t", 1) for row in out.decode(errors="replace").split("\0") if row]
    return [_tree_entry(head, full) for head, full in rows]


def _tree_entry(head: str, full: str) -> TreeEntry:
    mode, kind, sha, size = head.split()
    return TreeEntry(mode, kind, sha, int(size) if size.isdecimal() else None, full)


async def resolve_tree(path: Path, sha: str) -> str | None:
    """Return the full SHA of a tree object, or of the tree of a commit; None when there is none."""
    try:
        return (await git("rev-parse", "--verify", "--quiet", f"{sha}^{{tree}}", cwd=path)).decode().strip()
    except GitFailed:
        return None


ENTRY_TYPES = {"040000": "dir", "120000": "symlink", "160000": "submodule"}


async def list_folder(path: Path, rev: str, name: str) -> list[Entry]:
    """List a folder of a commit; empty when the folder does not exist."""
    pathspec = f"{name.strip('/')}/" if name.strip("/") else "."
    out = await git("ls-tree", "-z", "--long", rev, "--", pathspec, cwd=path)
    rows = [row.split("\t", 1) for row in out.decode(errors="replace").split("\0") if row]
    return [_entry(head, full) for head, full in rows]


def _entry(head: str, full: str) -> Entry:
    mode, _, sha, size = head.split()
    return Entry(ENTRY_TYPES.get(mode, "file"), sha, int(size.strip("-") or 0), full)


async def changed_files(path: Path, shas: Iterable[str]) -> dict[str, Changes]:
    """Return the files that each commit changed relative to its first parent."""
    stdin = "".join(f"{sha}\n" for sha in shas).encode()
    arguments = ("diff-tree", "--stdin", "-r", "-m", "--first-parent", "--root", "--no-renames", "--name-status")
    out = await git(*arguments, cwd=path, stdin=stdin)
    result: dict[str, Changes] = {}
    current = Changes([], [], [])
    for line in out.decode(errors="replace").splitlines():
        if "\t" not in line:
            current = result[line.split()[0]] = Changes([], [], [])
            continue
        letter, name = line.split("\t", 1)
        {"A": current.added, "D": current.removed}.get(letter[0], current.modified).append(name)
    return result


async def commits_touching(path: Path, rev: str, name: str) -> set[str]:
    """Return the commits reachable from a revision that changed a file or folder."""
    return set((await git("log", "--format=%H", rev, "--", f":(literal){name}", cwd=path)).decode().split())
