"""The settings file of a sandbox: one running sandbox has it, and nothing else is written over."""

import asyncio
import stat
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import SandboxError
from sandbox.serve import RunningSandbox, start
from sandbox.settings_file import SettingsFile

Start = Callable[[Path], Awaitable[RunningSandbox]]


@pytest.fixture
async def start_with(source: Path) -> AsyncIterator[Start]:
    """Start sandboxes with a settings file; they are closed at the end."""
    running = []

    async def start_one(env_file: Path) -> RunningSandbox:
        running.append(await start(source, env_file=env_file, report=lambda _: None))
        return running[-1]

    yield start_one
    for one in running:
        await one.close()


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


async def test_a_second_sandbox_is_refused_the_file_of_a_running_one_and_changes_nothing(
    start_with: Start, tmp_path: Path
) -> None:
    file = tmp_path / "sandbox.env"
    await start_with(file)
    before = files(tmp_path)
    assert set(before) == {"sandbox.env", "sandbox.env.pem"}
    (tmp_path / "link.env").symlink_to(file)
    for name in ("sandbox.env", "../" + tmp_path.name + "/sandbox.env", "link.env"):
        with pytest.raises(SandboxError, match="Another sandbox that is running uses"):
            await start_with(tmp_path / name)
    (tmp_path / "link.env").unlink()
    assert files(tmp_path) == before


async def test_sandboxes_with_files_of_their_own_have_keys_of_their_own(start_with: Start, tmp_path: Path) -> None:
    first, second = await start_with(tmp_path / "a.env"), await start_with(tmp_path / "b.env")
    assert set(files(tmp_path)) == {"a.env", "a.env.pem", "b.env", "b.env.pem"}
    assert first.url in files(tmp_path)["a.env"] and second.url in files(tmp_path)["b.env"]


async def test_the_file_of_a_sandbox_that_has_ended_is_written_anew(start_with: Start, tmp_path: Path) -> None:
    file = tmp_path / "sandbox.env"
    first = await start_with(file)
    await first.close()
    second = await start_with(file)
    assert first.url not in file.read_text() and second.url in file.read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


async def test_the_file_of_a_sandbox_that_was_killed_is_written_anew(start_with: Start, tmp_path: Path) -> None:
    file, key = tmp_path / "sandbox.env", tmp_path / "sandbox.env.pem"
    file.write_text("LONGSHORE_GITHUB_APP_ID=1\n\n")
    key.write_text("a key that nobody needs any more")
    assert (await start_with(file)).github.private_key == key.read_text()


async def test_a_shell_reads_the_file_whatever_its_folder_is_called(start_with: Start, tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s a $HOME of "ships"'
    folder.mkdir()
    running = await start_with(folder / "sandbox.env")
    script = 'set -a; . "$1"; cat "$LONGSHORE_GITHUB_PRIVATE_KEY_FILE"'
    command = ["sh", "-c", script, "sh", str(folder / "sandbox.env")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == running.github.private_key


async def test_an_empty_file_may_be_there_already(start_with: Start, tmp_path: Path) -> None:
    (tmp_path / "sandbox.env").touch()
    assert (await start_with(tmp_path / "sandbox.env")).url in files(tmp_path)["sandbox.env"]


@pytest.mark.parametrize("text", ["LONGSHORE_PORT=8080\n", "hello", "LONGSHORE_GITHUB_APP_ID=1\nA=B\n", "\xff"])
async def test_a_file_of_something_else_is_not_written_over(start_with: Start, tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(text)
    with pytest.raises(SandboxError, match="holds more than the settings of a sandbox: name another file"):
        await start_with(tmp_path / ".env")
    assert files(tmp_path) == {".env": text}


async def test_a_key_of_something_else_is_not_written_over(start_with: Start, tmp_path: Path) -> None:
    (tmp_path / "app.pem").write_text("a precious key")
    with pytest.raises(SandboxError, match=r"app\.pem exists without .*/app, so it may be another key"):
        await start_with(tmp_path / "app")
    assert files(tmp_path) == {"app.pem": "a precious key"}


@pytest.mark.parametrize("name", ["missing/sandbox.env", "folder"])
async def test_a_file_that_cannot_be_written_is_refused_before_anything_is_done(
    start_with: Start, tmp_path: Path, name: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SandboxError, match=f"The settings file .*{name} cannot be written"):
        await start_with(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


async def test_of_sandboxes_that_start_at_once_one_gets_the_file(start_with: Start, tmp_path: Path) -> None:
    file = tmp_path / "sandbox.env"
    results = await asyncio.gather(*(start_with(file) for _ in range(4)), return_exceptions=True)
    (winner,) = [result for result in results if isinstance(result, RunningSandbox)]
    assert winner.url in file.read_text()
    assert all(isinstance(result, RunningSandbox | SandboxError) for result in results)


class Overtaken(SettingsFile):
    """A claim during which another claim ends, after the key file was opened and before it is locked."""

    other: SettingsFile
    successor: SettingsFile | None = None

    def _open_key_file(self) -> int:
        descriptor = super()._open_key_file()
        self.other.release()
        if self.successor is not None:
            self.successor.claim()
        return descriptor


@pytest.mark.parametrize("has_successor", [True, False])
async def test_a_claim_of_a_key_file_that_was_deleted_meanwhile_is_refused(tmp_path: Path, has_successor: bool) -> None:
    file = tmp_path / "sandbox.env"
    claim = Overtaken(file)
    claim.other = SettingsFile(file).claim()
    claim.successor = SettingsFile(file) if has_successor else None
    with pytest.raises(SandboxError, match=r"Another sandbox used .* until just now: try again"):
        claim.claim()
    assert (tmp_path / "sandbox.env.pem").exists() == has_successor
    if claim.successor is not None:
        with pytest.raises(SandboxError, match="Another sandbox that is running uses"):
            SettingsFile(file).claim()
        claim.successor.release()
