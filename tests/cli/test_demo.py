"""The demo: every step is performed, and what it shows of comments is what somebody reads on GitHub."""

import subprocess
from pathlib import Path

import pytest

from cli.demo_session import STEPS, plain_text
from tests.cli.conftest import COMMAND, process_environment

TIMEOUT_SECONDS = 180.0
SAID = (
    "production needs one approval",
    "1.1.0-rc1 waits to be deployed to production",
    "You cut this candidate: somebody else has to approve it.",
    "Approved 1.1.0-rc1 for production.",
    "1.1.0-rc1 on production: success",
    "gate downgrade: 1.1.0-rc1 is live and contains this commit",
    "1.0.0-rc2 for production: it cannot be deployed.",
    "Done: 3 candidates, 8 workflow runs, each dispatched once; production is on 1.1.0-rc1 at ",
)


def test_the_demo_goes_through_every_step_and_leaves_nothing_behind(source: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    completed = subprocess.run(
        [*COMMAND, "demo", "--once", "--repo", str(source), "--port", "0"],
        env=process_environment(TMPDIR=str(temporary), PYTHONIOENCODING="utf-8"),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert (completed.returncode, completed.stderr) == (0, "")
    assert [step for step in range(1, STEPS + 1) if f"\n{step}/{STEPS} " not in completed.stdout] == []
    assert f"\n{STEPS + 1}/" not in completed.stdout
    places = [completed.stdout.find(text) for text in SAID]
    assert -1 not in places and places == sorted(places)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**Cut** `1.0.0-rc1` by \\[bot\\]\n\n<!-- longshore:pull-comment:7 -->", "Cut 1.0.0-rc1 by [bot]"),
        ("[run 7](https://example.com/7) of @\u200balice &lt;a&gt;", "run 7 of @alice <a>"),
        ("Now:\n\n| name | state |\n| --- | --- |\n| staging | live |\n", "Now:\n\nname      state\nstaging   live\n"),
    ],
)
def test_comments_are_shown_without_their_markup(markdown: str, shown: str) -> None:
    assert plain_text(markdown).rstrip() == shown.rstrip()
