"""A repository's refs and commits in memory, for ancestry queries without a git process."""

import heapq
import re
from dataclasses import dataclass, field
from datetime import datetime

FULL_SHA = re.compile(r"[0-9a-f]{40}")
SHORT_SHA = re.compile(r"[0-9a-f]{4,40}")


@dataclass(frozen=True, slots=True)
class Signature:
    """Author or committer of a commit, with the time."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """Metadata of a commit."""

    sha: str
    parents: tuple[str, ...]
    tree: str
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True, slots=True)
class TagObject:
    """An annotated tag object."""

    sha: str
    name: str
    target: str
    message: str
    tagger: Signature


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of `head` with `base`; `ahead` lists commits oldest first."""

    status: str
    merge_base: str
    ahead: list[str]
    behind: int


@dataclass(slots=True)
class History:
    """Refs by full name; annotated tags and commits by SHA."""

    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, TagObject] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def copy(self) -> "History":
        """Return an independent copy; commits are immutable and shared."""
        return History(dict(self.refs), dict(self.tags), dict(self.commits))

    def peel(self, sha: str) -> str:
        """Dereference annotated tags to a commit."""
        while sha in self.tags:
            sha = self.tags[sha].target
        return sha

    def ref_names(self, prefix: str) -> list[str]:
        """List short ref names under `refs/heads/` or `refs/tags/`, sorted."""
        return sorted(ref.removeprefix(prefix) for ref in self.refs if ref.startswith(prefix))

    def resolve_ref(self, name: str) -> str | None:
        """Resolve a short, partial or full ref name to a commit; branches take precedence over tags."""
        for prefix in ("refs/heads/", "refs/tags/", "refs/", ""):
            full = prefix + name
            if full in self.refs and full.startswith(("refs/heads/", "refs/tags/")):
                return self.peel(self.refs[full])
        return None

    def resolve(self, rev: str) -> str | None:
        """Resolve as the API does: a full SHA, then a branch or tag, then a unique short SHA."""
        if FULL_SHA.fullmatch(rev):
            return self.peel(rev) if rev in self.commits or rev in self.tags else None
        by_name = self.resolve_ref(rev)
        if by_name or not SHORT_SHA.fullmatch(rev):
            return by_name
        matches = [sha for sha in self.commits if sha.startswith(rev)]
        return matches[0] if len(matches) == 1 else None

    def resolve_revision(self, rev: str) -> str | None:
        """Resolve a revision with optional suffixes such as `~2` or `^`."""
        name, marks = re.fullmatch(r"(.*?)((?:~\d*|\^)*)", rev).groups()  # type: ignore[union-attr]
        sha = self.resolve(name)
        for mark in re.findall(r"~\d*|\^", marks):
            for _ in range(int(mark[1:] or 1)):
                parents = self.commits[sha].parents if sha else ()
                sha = parents[0] if parents else None
        return sha

    def ancestors(self, sha: str) -> set[str]:
        """Return the commits reachable from a commit, including itself."""
        seen: set[str] = set()
        pending = [sha]
        while pending:
            current = pending.pop()
            if current not in seen and current in self.commits:
                seen.add(current)
                pending.extend(self.commits[current].parents)
        return seen

    def log(self, sha: str, excluding: set[str] | None = None) -> list[str]:
        """List commits reachable from a commit, newest first and children before parents."""
        included = self.ancestors(sha) - (excluding or set())
        children = dict.fromkeys(included, 0)
        for current in included:
            for parent in self.commits[current].parents:
                if parent in children:
                    children[parent] += 1
        ready = [
            (-self._committed_at(current).timestamp(), current) for current, count in children.items() if count == 0
        ]
        heapq.heapify(ready)
        result: list[str] = []
        while ready:
            current = heapq.heappop(ready)[1]
            result.append(current)
            for parent in self.commits[current].parents:
                if parent in children:
                    children[parent] -= 1
                    if children[parent] == 0:
                        heapq.heappush(ready, (-self._committed_at(parent).timestamp(), parent))
        return result

    def _committed_at(self, sha: str) -> datetime:
        return self.commits[sha].committer.at

    def compare(self, base: str, head: str) -> Comparison | None:
        """Compare two commits; None when they have no common ancestor."""
        if base == head:
            return Comparison("identical", base, [], 0)
        of_base, of_head = self.ancestors(base), self.ancestors(head)
        common = of_base & of_head
        if not common:
            return None
        parents_of_common = {parent for commit in common for parent in self.commits[commit].parents}
        merge_base = max(common - parents_of_common, key=self._committed_at)
        ahead = self.log(head, of_base)[::-1]
        behind = len(of_base - of_head)
        status = {(True, False): "ahead", (False, True): "behind"}.get((bool(ahead), bool(behind)), "diverged")
        return Comparison(status, merge_base, ahead, behind)
