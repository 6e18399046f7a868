"""Releases of people and bots."""

from sandbox.acts.errors import as_sandbox_error
from sandbox.lifecycle import Sandbox
from sandbox.records import Release
from sandbox.use_cases import releases


class ReleaseActs(Sandbox):
    """Publish and delete releases."""

    async def release(
        self,
        tag: str,
        at: str = "main",
        *,
        by: str = "alice",
        draft: bool = False,
        prerelease: bool = False,
        repo: str | None = None,
    ) -> int:
        """Publish a release of a tag, which is created if there is none, or save a draft; return the release's id."""
        repository, number = self.repository(repo), next(self.state.ids.others)
        target = at if f"refs/heads/{at}" in repository.history.refs else self.resolve(at, repo)
        release = Release(number, tag, target, self.state.account(by), self.state.now(), tag)
        release.draft, release.prerelease = draft, prerelease
        with as_sandbox_error():
            await releases.create(self.state, repository, release, release.author)
        return number

    async def publish_release(self, release: int, by: str = "alice", repo: str | None = None) -> None:
        """Publish a draft."""
        repository = self.repository(repo)
        found = releases.find(repository, release)
        with as_sandbox_error():
            await releases.publish(self.state, repository, found, self.state.account(by))

    async def delete_release(self, release: int, by: str = "alice", repo: str | None = None) -> None:
        """Delete a release; its tag stays."""
        repository = self.repository(repo)
        releases.delete(self.state, repository, releases.find(repository, release), self.state.account(by))
