"""A repository's refs and commits in memory, and questions about ancestry that need no git process."""

import heapq
import re
from dataclasses import dataclass, field
from datetime import datetime

FULL_SHA = re.compile(r"[0-9a-f]{40}")
SHORT_SHA = re.compile(r"[0-9a-f]{4,40}")


@dataclass(frozen=True, slots=True)
class Signature:
    """Who wrote or committed, and when."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit without its files."""

    sha: str
    parents: tuple[str, ...]
    tree: str
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True, slots=True)
class TagObject:
    """An annotated tag's own object."""

    sha: str
    name: str
    target: str
    message: str
    tagger: Signature


@dataclass(frozen=True, slots=True)
class Comparison:
    """How ``head`` stands to ``base``; ``ahead`` is oldest first."""

    status: str
    merge_base: str
    ahead: list[str]
    behind: int


@dataclass(slots=True)
class History:
    """Refs by full name, annotated tags and commits by SHA."""

    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, TagObject] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def copy(self) -> "History":
        """Give an independent copy; the commits themselves never change."""
        return History(dict(self.refs), dict(self.tags), dict(self.commits))

    def peel(self, sha: str) -> str:
        """Follow annotated tags to their commit."""
        while sha in self.tags:
            sha = self.tags[sha].target
        return sha

    def ref_names(self, prefix: str) -> list[str]:
        """List short ref names under ``refs/heads/`` or ``refs/tags/``, sorted."""
        return sorted(ref.removeprefix(prefix) for ref in self.refs if ref.startswith(prefix))

    def resolve_ref(self, name: str) -> str | None:
        """Find the commit of a branch or tag by short, half or full name; branches first."""
        for prefix in ("refs/heads/", "refs/tags/", "refs/", ""):
            full = prefix + name
            if full in self.refs and full.startswith(("refs/heads/", "refs/tags/")):
                return self.peel(self.refs[full])
        return None

    def resolve(self, rev: str) -> str | None:
        """Resolve as the API does: full SHA, then branch or tag, then unique short SHA."""
        if FULL_SHA.fullmatch(rev):
            return self.peel(rev) if rev in self.commits or rev in self.tags else None
        by_name = self.resolve_ref(rev)
        if by_name or not SHORT_SHA.fullmatch(rev):
            return by_name
        matches = [sha for sha in self.commits if sha.startswith(rev)]
        return matches[0] if len(matches) == 1 else None

    def resolve_revision(self, rev: str) -> str | None:
        """Resolve a revision that may end in ``~2`` or ``^``."""
        name, marks = re.fullmatch(r"(.*?)((?:~\d*|\^)*)", rev).groups()  # type: ignore[union-attr]
        sha = self.resolve(name)
        for mark in re.findall(r"~\d*|\^", marks):
            for _ in range(int(mark[1:] or 1)):
                parents = self.commits[sha].parents if sha else ()
                sha = parents[0] if parents else None
        return sha

    def ancestors(self, sha: str) -> set[str]:
        """Everything reachable from a commit, itself included."""
        seen: set[str] = set()
        pending = [sha]
        while pending:
            current = pending.pop()
            if current not in seen and current in self.commits:
                seen.add(current)
                pending.extend(self.commits[current].parents)
        return seen

    def log(self, sha: str, excluding: set[str] | None = None) -> list[str]:
        """List commits reachable from one, newest first, parents after children."""
        included = self.ancestors(sha) - (excluding or set())
        children = dict.fromkeys(included, 0)
        for current in included:
            for parent in self.commits[current].parents:
                if parent in children:
                    children[parent] += 1
        ready = [(-self._age(current).timestamp(), current) for current, count in children.items() if count == 0]
        heapq.heapify(ready)
        result: list[str] = []
        while ready:
            current = heapq.heappop(ready)[1]
            result.append(current)
            for parent in self.commits[current].parents:
                if parent in children:
                    children[parent] -= 1
                    if children[parent] == 0:
                        heapq.heappush(ready, (-self._age(parent).timestamp(), parent))
        return result

    def _age(self, sha: str) -> datetime:
        return self.commits[sha].committer.at

    def compare(self, base: str, head: str) -> Comparison | None:
        """Compare two commits; None where they share no ancestor."""
        if base == head:
            return Comparison("identical", base, [], 0)
        of_base, of_head = self.ancestors(base), self.ancestors(head)
        common = of_base & of_head
        if not common:
            return None
        parents_of_common = {parent for commit in common for parent in self.commits[commit].parents}
        merge_base = max(common - parents_of_common, key=self._age)
        ahead = self.log(head, of_base)[::-1]
        behind = len(of_base - of_head)
        status = {(True, False): "ahead", (False, True): "behind"}.get((bool(ahead), bool(behind)), "diverged")
        return Comparison(status, merge_base, ahead, behind)
