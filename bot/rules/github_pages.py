"""Addresses of pages on GitHub about a repository, its commits and its runs."""

from dataclasses import dataclass
from urllib.parse import quote

from bot.rules.ids import CommitSha


@dataclass(frozen=True)
class RepositoryPages:
    """The pages of one repository. `web_url` is the address of GitHub's pages."""

    web_url: str
    full_name: str

    @property
    def root(self) -> str:
        """The repository itself."""
        return f"{self.web_url.rstrip('/')}/{quote(self.full_name)}"

    def commit(self, sha: CommitSha | str) -> str:
        """A commit."""
        return f"{self.root}/commit/{quote(sha, safe='')}"

    def branch(self, name: str) -> str:
        """The files of a branch or tag."""
        return f"{self.root}/tree/{quote(name)}"

    def file(self, branch: str, path: str, line: int | None = None) -> str:
        """A file of a branch, at a line."""
        return f"{self.root}/blob/{quote(branch)}/{quote(path)}" + ("" if line is None else f"#L{line}")

    def compare(self, base: CommitSha | str, head: CommitSha | str) -> str:
        """The commits that `head` has and `base` has not."""
        return f"{self.root}/compare/{quote(base, safe='')}...{quote(head, safe='')}"

    def run(self, github_id: int | None, url: str | None = None) -> str | None:
        """A workflow run; None until GitHub has started it. A known address counts if it is one of GitHub's pages."""
        if github_id is None:
            return None
        if url is not None and url.startswith(f"{self.web_url.rstrip('/')}/"):
            return url
        return f"{self.root}/actions/runs/{github_id}"
