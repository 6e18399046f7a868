"""The sandbox on a port: what it writes, says and refuses."""

import asyncio
import stat
import subprocess
from pathlib import Path

import aiohttp
import pytest

from sandbox import SandboxError
from sandbox.serve import serve, start


async def test_it_starts_while_the_webhook_address_is_down_and_writes_private_settings(
    source: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    env = tmp_path / "sandbox.env"
    running = await start(repo=source, webhook_url="http://127.0.0.1:9/hook", env_file=env, say=said.append)
    lines = dict(line.split("=", 1) for line in env.read_text().splitlines())
    key = Path(lines["LONGSHORE_GITHUB_PRIVATE_KEY_FILE"])
    assert key.is_absolute() and key.read_text() == running.github.private_key
    assert {stat.S_IMODE(path.stat().st_mode) for path in (env, key)} == {0o600}
    assert lines["LONGSHORE_GITHUB_API_URL"] == running.url
    assert lines["LONGSHORE_GITHUB_APP_ID"] == str(running.github.app_id)
    assert any("build.yml" in one and "deploy.yml" in one for one in said)
    await running.github.commit()
    await running.github.settle()
    assert running.github.deliveries[0].status_code == 0 and running.github.deliveries[0].status != "OK"
    await running.close()


async def test_a_folder_without_git_gets_a_small_repository(tmp_path: Path) -> None:
    said: list[str] = []
    running = await start(repo=tmp_path, say=said.append)
    assert len(running.github.repository().history.commits) > 3
    assert "small one was made" in said[0]
    assert list(tmp_path.iterdir()) == []
    await running.close()


async def test_a_port_in_use_is_said(source: Path) -> None:
    running = await start(repo=source, say=lambda _: None)
    port = int(running.url.rsplit(":", 1)[1])
    with pytest.raises(SandboxError, match=f"Port {port}"):
        await start(repo=source, port=port, say=lambda _: None)
    await running.close()


@pytest.mark.parametrize("kind", ["missing", "empty"])
async def test_a_repository_that_cannot_be_used_is_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "repo"
    if kind == "empty":
        subprocess.run(["git", "init", "-q", str(path)], check=True)
    with pytest.raises(SandboxError, match=str(path)):
        await start(repo=path, say=lambda _: None)


async def test_runs_succeed_by_themselves_until_it_is_cancelled(source: Path) -> None:
    said: list[str] = []
    work = asyncio.create_task(
        serve(repo=source, owner="acme", name="site", port=0, webhook_url=None, env_file=None, say=said.append)
    )
    while not any("answers at" in one for one in said):
        await asyncio.sleep(0.01)
    url = said[0].split(" at ")[1].split()[0]
    async with aiohttp.ClientSession() as session, session.get(f"{url}/repos/acme/site") as answer:
        assert answer.status == 200
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


async def test_the_checkout_is_never_touched(source: Path) -> None:
    def look() -> bytes:
        return subprocess.run(["git", "show-ref", "--head"], cwd=source, check=True, capture_output=True).stdout

    before = look()
    running = await start(repo=source, say=lambda _: None, run_seconds=None)
    await running.github.commit()
    await running.github.tag("v1")
    assert look() == before
    await running.close()
