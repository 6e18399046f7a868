"""The demo's address, opened in a browser: the board moves while the steps run."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.browser.conftest import OpenScreen
from tests.cli.conftest import COMMAND, process_environment

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 60


async def test_the_first_line_of_the_demo_is_an_address_that_shows_the_board_moving(
    source: Path, tmp_path: Path, screen_of: OpenScreen
) -> None:
    demo = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("demo", "--repo", str(source), "--port", "0"),
        env=process_environment(TMPDIR=str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert demo.stdout is not None
        line = (await asyncio.wait_for(demo.stdout.readline(), SECONDS)).decode()
        assert line.startswith("Open http://127.0.0.1:")
        screen = await screen_of()
        await screen.open(line.split()[1])
        await screen.page.get_by_role("heading", name="Board").wait_for()
        await screen.mark()
        for text in ("1.0.0-rc1", "live", "1.0.0-rc2"):
            await screen.see(text)
        assert await screen.is_marked() and not screen.errors
    finally:
        demo.send_signal(signal.SIGTERM)
        await asyncio.wait_for(demo.communicate(), SECONDS)
    assert demo.returncode == 0
