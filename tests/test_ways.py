"""The ways through the code that ARCHITECTURE.md shows are those that requests take."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from bot.store.database import fetch
from tests.api.pdc.content import send
from tests.api.pdc.schedules import NEW, SCHEDULES, create_schedules
from tests.test_shape import PACKAGES
from tests.world import World

ROOT = Path(__file__).parent.parent
LIMITS = {"A `workflow_run` webhook ends a build": (6, 5), "POST cuts a candidate": (8, 6), "A PDC bulk write": (12, 8)}
PLUMBING = ("bot/store/", "bot/queue/", "server/service.py", "server/jobs.py")
"""Below an operation the database, above a job the worker: they are the same on every way."""
GITHUB_READ_FRAMES = 4

Step = str  # `file:function`


def ways() -> dict[str, list[Step]]:
    """The numbered steps of each way, by its heading."""
    text = (ROOT / "ARCHITECTURE.md").read_text().partition("## Three ways through the code")[2]
    sections = re.split(r"^### ", text.partition("\n## ")[0], flags=re.MULTILINE)[1:]
    steps = {part.partition("\n")[0]: re.findall(r"^\d+\. `([^`]+)`", part, re.MULTILINE) for part in sections}
    return {heading: found for heading, found in steps.items() if found}


def step_of(frame: FrameType) -> Step | None:
    """Which function of ours a frame runs; None for those of libraries and tests."""
    path = Path(frame.f_code.co_filename)
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in PACKAGES:
        return None
    return f"{path.relative_to(ROOT)}:{frame.f_code.co_name}"


def stack_of(frame: FrameType | None) -> list[Step]:
    """The functions of ours that wait for a frame, the outermost first."""
    steps: list[Step] = []
    while frame is not None:
        if (step := step_of(frame)) is not None:
            steps.append(step)
        frame = frame.f_back
    return steps[::-1]


class Trace:
    """The functions of ours in the order of their first calls, and the stacks under which a wanted call was made."""

    def __init__(self, wanted: Callable[[FrameType], bool]) -> None:
        self.wanted = wanted
        self.called: list[Step] = []
        self.stacks: list[list[Step]] = []

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        if event != "call":
            return
        step = step_of(frame)
        if step is not None and step not in self.called:
            self.called.append(step)
        if self.wanted(frame) and (stack := stack_of(frame)) not in self.stacks:
            self.stacks.append(stack)


@contextmanager
def traced(wanted: Callable[[FrameType], bool]) -> Iterator[Trace]:
    trace = Trace(wanted)
    sys.setprofile(trace)
    try:
        yield trace
    finally:
        sys.setprofile(None)


def reaches(last: Step) -> Callable[[FrameType], bool]:
    """Whether a frame is the last step of a way."""
    return lambda frame: step_of(frame) == last


def hold(heading: str, trace: Trace) -> None:
    """The way is as ARCHITECTURE says: in this order, with nothing in between, and short."""
    steps = ways()[heading]
    functions, files = LIMITS[heading]
    assert len(steps) <= functions and len({step.partition(":")[0] for step in steps}) <= files
    assert [step for step in trace.called if step in steps] == steps
    assert trace.stacks
    for stack in trace.stacks:
        assert not [step for step in stack if step not in steps and not step.startswith(PLUMBING)]


def test_every_way_has_a_limit() -> None:
    assert set(ways()) == set(LIMITS)


async def test_a_webhook_about_a_run_takes_the_way_that_is_shown(world: World) -> None:
    heading = "A `workflow_run` webhook ends a build"
    await world.cut("1.2-rc1", build=True)
    await world.settle()
    await world.github.start(run=1)
    await world.settle()
    (newest,) = await fetch("SELECT max(id) AS id FROM jobs")
    with traced(reaches(ways()[heading][-1])) as trace:
        await world.github.finish(run=1)
        await world.settle()
    hold(heading, trace)
    kinds = await fetch("SELECT DISTINCT kind FROM jobs WHERE id > $1", newest["id"])
    assert [row["kind"] for row in kinds] == ["webhook"], "one job: the delivery itself"
    assert await world.status("1.2-rc1") == "ready"


async def test_a_cut_takes_the_way_that_is_shown(world: World) -> None:
    heading = "POST cuts a candidate"
    with traced(reaches(ways()[heading][-1])) as trace:
        assert (await world.cut("1.2-rc1", build=True)).status == 201
    hold(heading, trace)
    await world.settle()


async def test_a_bulk_write_takes_the_way_that_is_shown(world: World) -> None:
    heading = "A PDC bulk write"
    await create_schedules(world)
    items = [NEW, {**NEW, "release": "foo-1.1-eus"}]
    with traced(reaches(ways()[heading][-1])) as trace:
        assert (await send(world, "POST", SCHEDULES, items))[0] == 201
    hold(heading, trace)


async def test_a_read_of_github_takes_at_most_four_functions(world: World) -> None:
    def sends(frame: FrameType) -> bool:
        return frame.f_code.co_name == "_request" and frame.f_code.co_filename.endswith("aiohttp/client.py")

    with traced(sends) as trace:
        assert (await world.cut("1.2-rc1")).status == 201
    reads = [[step for step in stack if step.startswith("bot/github/")] for stack in trace.stacks]
    assert any(reads)
    assert max(map(len, reads)) <= GITHUB_READ_FRAMES, reads
