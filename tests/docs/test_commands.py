"""The `longshore` commands that the documentation shows: they exist, and what they set up can do what follows."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import run
from tests.docs.sessions import parse_steps
from tests.docs.test_sessions import PAGES, ROOT, run_step, session_environment
from tests.world import World

README = ROOT / "README.md"
SOURCES = [*PAGES, ROOT / "sandbox" / "README.md", ROOT / ".env.example"]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each `longshore …` command of a page: in blocks, and in code spans with more than one word."""
    text = page.read_text()
    blocks = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    found = re.findall(r"^\s*(?:\$ )?longshore (.+)$", blocks, re.MULTILINE)
    found += re.findall(r"`longshore ([^`]+)`", text.replace("\n", " ")) + re.findall(r"longshore (serve)$", text)
    for line in found:
        words = shlex.split(line, comments=True)
        if not any("…" in word for word in words):
            yield words


SHOWN = sorted({tuple(words) for page in SOURCES for words in commands(page)})
UNKNOWN = "--no-such-option"


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_every_command_of_the_documentation_exists_with_its_options(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, UNKNOWN]) == 2
    assert UNKNOWN in capsys.readouterr().err  # the first thing that is wrong with the command


async def test_the_token_of_the_readme_can_do_what_its_sessions_do(world: World) -> None:
    (token,) = [words for words in commands(README) if words[:2] == ["token", "create"]]
    grants, project = (token[token.index(option) + 1] for option in ("--grant", "--project"))
    secret = await world.create_token(*grants.split(","), project=project, user=token[2])
    environment = {**await session_environment(world), "TOKEN": secret}
    steps = list(parse_steps(README.read_text()))
    assert len([step for step in steps if step.command]) >= 3
    for step in steps:
        assert await run_step(world, step, environment) == ""
        await world.settle()
