"""What differs between two commits: the files, and their patches within GitHub's limits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.git import git

MAX_FILES = 300
MAX_LINES = 20_000  # of all patches together, and of one
MAX_PATCH_CHARACTERS = 500_000
STATUSES = {"A": "added", "D": "removed", "R": "renamed", "T": "changed"}


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that differs between two commits; `previous` is its name before it was renamed."""

    name: str
    status: str
    additions: int
    deletions: int
    sha: str
    previous: str | None = None
    patch: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the file."""
        return (self.name,) if self.previous is None else (self.previous, self.name)


def _ends(base: str | None, head: str) -> tuple[str, str]:
    return (base, head) if base else ("--root", head)


async def difference(path: Path, base: str | None, head: str, *, renames: bool = True) -> list[FileChange]:
    """List the files that differ between two commits; without a base, all files of `head`."""
    detection = "--find-renames" if renames else "--no-renames"
    arguments = ("diff-tree", "-r", detection, "--no-commit-id", "--raw", "--numstat", "-z", "--no-abbrev")
    output = await git(*arguments, *_ends(base, head), cwd=path)
    tokens = iter(output.decode(errors="replace").split("\0"))
    changes: dict[str, FileChange] = {}
    for token in tokens:
        if token.startswith(":"):
            _, _, old, new, letters = token.split()
            first = next(tokens)
            name, previous = (next(tokens), first) if letters[0] == "R" else (first, None)
            sha = old if letters == "D" else new
            changes[name] = FileChange(name, STATUSES.get(letters[0], "modified"), 0, 0, sha, previous)
        elif token:
            plus, minus, name = token.split("\t", 2)
            name = name or [next(tokens), next(tokens)][1]
            added, removed = (int(count.strip("-") or 0) for count in (plus, minus))
            changes[name] = replace(changes[name], additions=added, deletions=removed)
    return list(changes.values())


async def add_patches(path: Path, base: str | None, head: str, changes: Sequence[FileChange]) -> list[FileChange]:
    """Add the patches of the first files, as long as they are not too large."""
    wanted, lines = [], 0
    for change in changes[:MAX_FILES]:
        lines += change.additions + change.deletions
        wanted += [change] if lines <= MAX_LINES else []
    patches = await _patches(path, base, head, wanted) if wanted else {}
    return [replace(change, patch=patches.get(change.name)) for change in changes]


async def _patches(path: Path, base: str | None, head: str, changes: Sequence[FileChange]) -> dict[str, str]:
    names = [f":(literal){name}" for change in changes for name in change.names]
    arguments = ("diff-tree", "-r", "--find-renames", "--no-commit-id", "--patch", *_ends(base, head), "--", *names)
    output = (await git(*arguments, cwd=path)).decode(errors="replace")
    sections = iter(re.split(r"^diff --git .*\n", output, flags=re.MULTILINE)[1:])
    patches = {}
    for change in changes:
        section = "".join(next(sections, "") for _ in range(2 if change.status == "changed" else 1))
        hunks = re.search(r"^@@ .*", section, re.MULTILINE | re.DOTALL)
        if hunks and len(hunks[0]) <= MAX_PATCH_CHARACTERS:
            patches[change.name] = hunks[0].rstrip("\n")
    return patches
