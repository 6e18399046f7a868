"""Serving the sandbox on a port: what it writes, reports and refuses."""

import asyncio
import re
import stat
import subprocess
from pathlib import Path

import aiohttp
import pytest

from sandbox import SandboxError, SandboxOptions, git
from sandbox.serve import serve, start


def _ignore(_: str) -> None:
    pass


def head(repository: Path) -> str:
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True).stdout.strip()


async def test_it_starts_while_the_webhook_url_is_down_and_writes_private_settings(
    source: Path, tmp_path: Path
) -> None:
    reported: list[str] = []
    env = tmp_path / "sandbox.env"
    options = SandboxOptions(webhook_url="http://127.0.0.1:9/hook")
    running = await start(source, options, env_file=env, report=reported.append)
    lines = dict(line.split("=", 1) for line in env.read_text().splitlines())
    key = Path(lines["LONGSHORE_GITHUB_PRIVATE_KEY_FILE"])
    assert key.is_absolute() and key.read_text() == running.github.private_key
    assert {stat.S_IMODE(path.stat().st_mode) for path in (env, key)} == {0o600}
    assert lines["LONGSHORE_GITHUB_API_URL"] == running.url
    assert lines["LONGSHORE_GITHUB_APP_ID"] == str(running.github.app_id)
    assert f"Wrote the settings for Longshore to {env}." in reported
    assert any("build.yml" in line and "deploy.yml" in line for line in reported)
    await running.github.commit()
    await running.github.settle()
    assert running.github.deliveries[0].status_code == 0 and running.github.deliveries[0].status != "OK"
    await running.close()


async def test_without_a_folder_a_sample_is_used_where_there_is_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.chdir(tmp_path)
    running = await start(None, report=reported.append)
    assert len(running.github.repository().history.commits) > 3
    assert "small sample repository" in reported[0]
    assert list(tmp_path.iterdir()) == []
    await running.close()


async def test_without_a_folder_the_repository_of_the_current_one_is_used(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source)
    running = await start(None, report=_ignore)
    assert head(source) in running.github.repository().history.commits
    await running.close()


async def test_a_folder_that_is_in_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=re.escape(f"{tmp_path} is not in a git repository: name the folder of one")):
        await start(tmp_path, report=_ignore)


async def test_a_missing_git_is_reported_as_such(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(git.ENVIRONMENT, "PATH", str(tmp_path))
    with pytest.raises(SandboxError, match=r"git could not be started in .*: is it installed"):
        await start(source, report=_ignore)


@pytest.mark.parametrize("is_bare", [False, True])
async def test_a_folder_in_a_repository_stands_for_the_repository(source: Path, tmp_path: Path, is_bare: bool) -> None:
    reported: list[str] = []
    copy = tmp_path / "copy\nof it"
    subprocess.run(["git", "clone", "-q", *["--bare"][: int(is_bare)], str(source), str(copy)], check=True)
    for folder in (copy, copy / ("objects" if is_bare else "src")):
        reported.clear()
        running = await start(folder, report=reported.append)
        assert head(source) in running.github.repository().history.commits
        assert (f"{folder} is a folder of the git repository {copy}" in reported[0]) == (folder != copy)
        await running.close()


async def test_a_port_in_use_is_reported(source: Path) -> None:
    running = await start(source, report=_ignore)
    port = int(running.url.rsplit(":", 1)[1])
    with pytest.raises(
        SandboxError, match=rf"Port {port} on 127.0.0.1 cannot be used \(.*\): choose another one with --port\.$"
    ):
        await start(source, port=port, report=_ignore)
    await running.close()


async def issued_ids(source: Path) -> dict[str, set[int]]:
    """The ids that a new sandbox issues; small ones, such as numbers of pull requests, are left out."""
    running = await start(source, report=_ignore)
    github = running.github
    number = await github.pull_request("Improve it")
    comments = [await github.comment(number, "Hello"), await github.commit_comment(github.head(), "Hello")]
    ids = github.state.ids
    issued = {
        "comments": set(comments),
        "pull requests": {pull.id for pull in github.repository().pulls.values()},
        "deliveries": {next(ids.deliveries) for _ in range(5)},
        "runs": {next(ids.runs) for _ in range(5)},
        "checks": {next(ids.checks) for _ in range(5)},
        "deployments": {next(ids.deployments) for _ in range(5)},
        "others": {next(ids.others) for _ in range(5)},
    }
    await running.close()
    return issued


async def test_a_sandbox_that_is_started_again_issues_no_id_again(source: Path) -> None:
    first, second = await issued_ids(source), await issued_ids(source)
    for kind, ids in first.items():
        assert ids.isdisjoint(second[kind]), kind
        assert max(second[kind]) < 2**53, kind


async def test_a_sandbox_that_is_started_again_has_the_same_repository_and_installation(source: Path) -> None:
    found = []
    for _ in range(2):
        running = await start(source, report=_ignore)
        found.append((running.github.repository().id, list(running.github.state.installations)))
        await running.close()
    assert found[0] == found[1]


@pytest.mark.parametrize("fault", ["missing", "empty"])
async def test_a_repository_that_cannot_be_used_is_reported(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "repo"
    if fault == "empty":
        subprocess.run(["git", "init", "-q", str(path)], check=True)
    with pytest.raises(SandboxError, match=str(path)):
        await start(path, report=_ignore)


async def test_it_serves_until_it_is_cancelled(source: Path) -> None:
    reported: list[str] = []
    serving = asyncio.create_task(serve(source, report=reported.append))
    while not any("serves acme/site at" in line for line in reported):
        await asyncio.sleep(0.01)
    url = reported[0].split(" at ")[1].rstrip(".")
    async with aiohttp.ClientSession() as session, session.get(f"{url}/repos/acme/site") as response:
        assert response.status == 200
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_the_checkout_is_never_modified(source: Path) -> None:
    def refs() -> bytes:
        return subprocess.run(["git", "show-ref", "--head"], cwd=source, check=True, capture_output=True).stdout

    before = refs()
    running = await start(source, SandboxOptions(), report=_ignore)
    await running.github.commit()
    await running.github.tag("v1")
    assert refs() == before
    await running.close()


async def test_the_control_api_is_served_under_the_name_that_the_sandbox_listens_on(source: Path) -> None:
    running = await start(source, host="localhost", report=_ignore)
    running.github.state.host_names.add("sandbox.internal")
    async with aiohttp.ClientSession() as session:
        for name, status in (("localhost", 200), ("sandbox.internal", 200), ("other.internal", 403)):
            async with session.get(f"{running.url}/_sandbox/", headers={"Host": name}) as response:
                assert response.status == status, name
    await running.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (SandboxOptions(owner="a b"), "`a b` is not a valid --owner"),
        (SandboxOptions(owner="acme/site"), "`acme/site` is not a valid --owner"),
        (SandboxOptions(owner="-acme"), "`-acme` is not a valid --owner"),
        (SandboxOptions(owner=""), "`` is not a valid --owner"),
        (SandboxOptions(name="my site"), "`my site` is not a valid --name"),
        (SandboxOptions(name=".."), "`..` is not a valid --name"),
        (SandboxOptions(webhook_url="localhost:8080"), "`localhost:8080` is not a valid --webhook-url"),
        (SandboxOptions(webhook_url="http://"), "`http://` is not a valid --webhook-url"),
    ],
)
async def test_options_that_no_repository_could_have_are_refused(
    source: Path, options: SandboxOptions, said: str
) -> None:
    with pytest.raises(SandboxError, match=re.escape(said)):
        await start(source, options, report=_ignore)
