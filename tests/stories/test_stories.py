"""One release, from a merged pull request to its rollback, by comments, by tags and over REST: the same in the end."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.operations import gate_jobs, personal_tokens
from bot.operations.users import NewToken
from bot.queue.jobs import enqueue
from bot.store.audit import AuditEntry
from bot.store.deployments import Deployment
from tests.stories.records import RECORDS, records
from tests.stories.transcripts import Transcript, check_transcript
from tests.world import PROJECT, World

RELEASES = f"/api/releases/{PROJECT}"
PROJECTS = f"/api/projects/{PROJECT}"
REASON = "it loses orders"


class Teller(ABC):
    """Does what people do, through one channel. Each act returns what was done, for the transcript."""

    def __init__(self, world: World, pull: int, commit: str) -> None:
        self.world, self.pull, self.commit = world, pull, commit

    @abstractmethod
    async def cut(self) -> str: ...

    @abstractmethod
    async def deploy(self) -> str: ...

    @abstractmethod
    async def approve(self, person: str) -> str: ...

    @abstractmethod
    async def roll_back(self) -> str: ...

    @abstractmethod
    async def hold(self) -> str: ...


class ByCommands(Teller):
    """Gives commands."""

    @abstractmethod
    async def say(self, person: str, text: str) -> str:
        """Give a command; returns what was done."""

    async def cut(self) -> str:
        return await self.say("mia", "/release cut 1.4.0")

    async def deploy(self) -> str:
        return await self.say("mia", "/release deploy 1.4.0-rc1 to production")

    async def approve(self, person: str) -> str:
        return await self.say(person, "/release approve 1.4.0-rc1 for production")

    async def roll_back(self) -> str:
        return await self.say("mia", f"/release rollback production because {REASON}")

    async def hold(self) -> str:
        return await self.say("mia", f"/release hold 1.4.0 because {REASON}")


class ByComments(ByCommands):
    """Comments on the merged pull request."""

    async def say(self, person: str, text: str) -> str:
        await self.world.github.comment(self.pull, text, by=person)
        return f"{person} comments: {text}"


class ByTags(ByCommands):
    """Tags, and comments on the commit that they point to."""

    async def say(self, person: str, text: str) -> str:
        await self.world.github.commit_comment(self.commit, text, by=person)
        return f"{person} comments on the tagged commit: {text}"

    async def cut(self) -> str:
        return await self._tag("v1.4.0-rc1")

    async def deploy(self) -> str:
        return await self._tag("v1.4.0")

    async def _tag(self, name: str) -> str:
        await self.world.github.tag(name, at=self.commit, by="mia")
        return f"mia pushes the tag {name}"


class ByRest(Teller):
    """Requests with the personal token of whoever acts."""

    async def cut(self) -> str:
        body = {"repo": "acme/site", "commit": self.commit, "trigger_build_workflow": True}
        return await self._post("mia", f"{RELEASES}/releases/1.4.0-rc1", body)

    async def deploy(self) -> str:
        body = {"release_candidate_version": "1.4.0-rc1", "wait": True}
        return await self._post("mia", f"{RELEASES}/environments/production/deployments", body)

    async def approve(self, person: str) -> str:
        return await self._post(person, f"{PROJECTS}/environments/production/approvals", {"candidate": "1.4.0-rc1"})

    async def roll_back(self) -> str:
        return await self._post("mia", f"{RELEASES}/environments/production/rollback", {"reason": REASON})

    async def hold(self) -> str:
        return await self._post("mia", f"{PROJECTS}/releases/1.4.0/hold", {"reason": REASON})

    async def _post(self, person: str, path: str, body: Any) -> str:
        answer = await self.world.ask("POST", path, body, token=self.world.tokens[person])
        assert answer.status in (200, 201), answer.json
        return f"{person} posts to {path}: {body}"


TELLERS: dict[str, type[Teller]] = {"comments": ByComments, "tags": ByTags, "rest": ByRest}
GRANTS = ("project:read", "release:cut", "deployment:start", "deployment:production", "release:hold")


async def begin(world: World) -> None:
    """1.3.0-rc1 is live everywhere; `production` comes after an hour on `staging` and the approval of two."""
    for person in ("mia", "ada", "ben"):
        world.github.person(person, "maintain")
        new = NewToken(f"{person}-laptop", list(GRANTS))
        _, world.tokens[person] = await personal_tokens.create_for(await world.context(), person, new)
    world.github.person("carl", "write")
    assert (await world.cut("1.3.0-rc1")).status == 201
    for environment in ("staging", "production"):
        assert (await world.report("1.3.0-rc1", "success", environment)).status == 200
    gates: dict[str, dict[str, Any]] = {
        "staging": {"auto": True},
        "production": {"after": ["staging"], "soak": "1h", "approvals": {"count": 2, "from": ["role:maintain"]}},
    }
    for environment, body in gates.items():
        answer = await world.ask("PATCH", f"{PROJECTS}/environments/{environment}", body)
        assert answer.status == 200, answer.json
    await world.ask("PATCH", PROJECTS, {"promote_on_tag": "production", "show": {}})
    await world.show_all()


async def let_pass(time: timedelta) -> None:
    """Let all deployments that have ended have done so this much earlier, and evaluate those that wait."""
    for ended in await Deployment.exclude(deploy_end_at=None):
        assert ended.deploy_end_at is not None
        await Deployment.filter(id=ended.id).update(deploy_end_at=ended.deploy_end_at - time)
    await Deployment.filter(waiting=True).update(evaluate_at=datetime.now(UTC) - timedelta(seconds=1))
    await enqueue(gate_jobs.SweepWaiting())


async def tell(world: World, teller: type[Teller]) -> str:
    """Tell the story; returns its transcript."""
    github, before = world.github, world.github.head()
    pull = await github.pull_request("Sell more", by="carl")
    commit = await github.merge(pull, by="carl")
    await world.show_all()
    acts, story = teller(world, pull, commit), Transcript(world, {before: "before", commit: "merged"})
    finished = iter(range(len(github.runs) + 1, 100))

    async def finish() -> str:
        run = next(finished)
        await github.start(run)
        await world.show_all()
        await github.finish(run)
        return f"The run {run} succeeds"

    async def pause() -> str:
        await let_pass(timedelta(minutes=1))
        return "A minute passes"

    async def soak() -> str:
        await let_pass(timedelta(hours=1))
        return "An hour passes"

    steps: list[Callable[[], Awaitable[str]]] = [
        acts.cut, finish, finish, pause, acts.deploy, lambda: acts.approve("ada"), lambda: acts.approve("ben"),
        soak, finish, acts.roll_back, finish, acts.hold,
    ]  # fmt: skip
    for act in steps:
        await story.step(await act())
    return story.text


@pytest.mark.parametrize("channel", TELLERS)
async def test_a_release_ends_the_same_through_every_channel(world: World, channel: str) -> None:
    await begin(world)
    first = await AuditEntry.all().count()
    transcript = await tell(world, TELLERS[channel])
    found = await records()
    found["audit"] = found["audit"][first:]
    assert found == RECORDS
    check_transcript(channel, transcript)
