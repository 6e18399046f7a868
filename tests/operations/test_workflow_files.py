"""Whatever a workflow file holds: the candidate says what to correct, or it is built, and nobody waits meanwhile."""

import base64
from itertools import count
from typing import Any, cast

import pytest

from bot.errors import Unavailable
from bot.github.repository import RepositoryClient
from bot.github.transport import ApiError, Response
from bot.github.workflows import DispatchDenied, get_file
from sandbox.workflows import BUILD
from tests.rules.test_workflow_files import PATH, laughs, merges, with_inputs
from tests.stalls import LIMIT, longest_stall
from tests.world import World

STARTED = [  # files that GitHub starts
    BUILD.replace("jobs:", "env: {a: 2024-13-45, b: =, c: 0x}\njobs:"),
    BUILD.replace("jobs:", "x: &x {a: [b]}\ny: [*x, *x]\njobs:"),
    BUILD.replace("on:\n", "'on':\n"),
    laughs(4, 9),
]
REFUSED = [  # files that it does not start, and what the candidate says
    (laughs(12, 9), "more than 50,000 values when its aliases are written out"),
    (merges(12), "more than 50,000 values when its aliases are written out"),
    ("on: &a {workflow_dispatch: *a}", "has the alias `a` within what it stands for"),
    (with_inputs("[a, b]"), "must have a mapping of names to values as `inputs`"),
    (with_inputs("{<<: {a: }}"), "merges entries with `<<`"),
    ("on: {workflow_dispatch: 2024-13-45}", "must have a mapping of names to values as `workflow_dispatch`"),
    ("[" * 100_000, "is nested more than 50 levels deep"),
    (BUILD + "#" * 1_100_000, "is larger than a megabyte"),
]


@pytest.mark.parametrize("text", STARTED, ids=lambda text: text[:20])
async def test_a_file_with_odd_values_is_started(world: World, text: str) -> None:
    await world.github.commit("Change the build", files={PATH: text})
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    assert await world.status("1.0-rc1") == "building"


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=lambda value: value[:20])
async def test_a_file_that_cannot_be_started_fails_the_candidate_at_once_and_stalls_nobody(
    world: World, text: str, sentence: str
) -> None:
    numbers = count(1)
    await world.github.commit("Change the build", files={PATH: text})

    async def build() -> None:
        version = f"1.0-rc{next(numbers)}"
        await world.cut(version, build=True)
        await world.settle()
        candidate = await world.candidate(version)
        assert (candidate["status"], sentence in candidate["reason"]) == ("failed", True), candidate["reason"]

    assert await longest_stall(build) < LIMIT
    assert set(await world.attempts("dispatch")) == {1}


async def test_a_folder_in_the_place_of_the_file_fails_the_candidate(world: World) -> None:
    await world.github.commit("Make room", files={PATH: None})
    await world.github.commit("Change the build", files={f"{PATH}/x.yml": BUILD})
    await world.cut("1.0-rc1", build=True)
    await world.settle()
    assert "is a directory: put the workflow itself there." in (await world.candidate("1.0-rc1"))["reason"]


class Repository:
    """A repository that answers every request the same."""

    root = "/repos/acme/site"

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    async def request(self, method: str, url: str) -> Response:
        if isinstance(self._answer, Exception):
            raise self._answer
        return Response(self._answer, None)


async def read(answer: Any) -> frozenset[str]:
    """The inputs that a file declares, if GitHub answers so."""
    repository = cast("RepositoryClient", Repository(answer))
    return (await get_file(repository, "build.yml", "main", "main")).content.inputs


def file(text: bytes, **fields: Any) -> dict[str, Any]:
    """A file as GitHub answers it."""
    encoded = base64.encodebytes(text).decode()
    return {"type": "file", "sha": "0" * 40, "encoding": "base64", "content": encoded, **fields}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ([], "is a directory"),
        ({"type": "symlink", "target": "../x", "sha": "0"}, "is a symbolic link"),
        ({"type": "submodule", "sha": "0"}, "is a submodule"),
        ({"type": "unheard of", "sha": "0"}, "is not a file"),
        (file(b"", encoding="none"), "is larger than a megabyte"),
        (ApiError(403, "This API returns blobs up to 100 MB. The requested blob is too large.", {}), "is larger than"),
        (ApiError(404, "Not Found", {}), "There is no workflow file"),
        (file(b"on: caf\xe9"), "is not in UTF-8"),
        (file(b""), "has no `workflow_dispatch` trigger"),
    ],
)
async def test_whatever_is_in_the_place_of_the_file_is_refused_with_a_sentence(answer: Any, sentence: str) -> None:
    with pytest.raises(DispatchDenied, match=sentence):
        await read(answer)


@pytest.mark.parametrize("answer", [{}, file(b"", content=None), file(b"", content=7), "x", None, file(b"", sha=None)])
async def test_an_answer_that_is_none_of_githubs_is_asked_for_again(answer: Any) -> None:
    with pytest.raises(Unavailable):
        await read(answer)


@pytest.mark.parametrize(
    "text",
    [
        *("- x\n" * 250_000, "on: workflow_dispatch\nx: " + "y " * 500_000, "x: |\n" + " y\n" * 300_000),
        *("a: '" + "x''" * 300_000, "#\n" * 500_000, "{" + "a: b, " * 170_000, 'a: "' + "\\n" * 500_000),
    ],
    ids=lambda text: text[:10],
)
async def test_the_largest_files_stall_nobody_while_they_are_read(text: str) -> None:
    answer = file(text.encode())

    async def act() -> None:
        try:
            await read(answer)
        except DispatchDenied:
            return

    assert await longest_stall(act) < LIMIT
