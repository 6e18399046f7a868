"""Files: their patches in comparisons, and listings of folders."""

import base64
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Lab, running_lab


async def _files(lab: Lab, base: str, head: str = "main") -> dict[str, Any]:
    compared = (await lab.repo("GET", f"/compare/{base}...{head}")).json
    return {file["filename"]: file for file in compared["files"]}


async def test_comparisons_have_the_patches_of_files(lab: Lab) -> None:
    base = lab.github.head()
    blob = (await lab.repo("GET", "/contents/src/part1.py")).json["sha"]
    await lab.github.commit(files={"README.md": "# Site\n", "src/part1.py": None, "new é\tx.txt": "one\ntwo"})
    files = await _files(lab, base)
    assert {name: file["status"] for name, file in files.items()} == {
        "README.md": "modified",
        "new é\tx.txt": "added",
        "src/part1.py": "removed",
    }
    assert files["new é\tx.txt"]["patch"] == "@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file"
    assert files["README.md"]["patch"].startswith("@@ -1,3 +1 @@\n # Site\n-\n-Revision")
    assert (files["src/part1.py"]["sha"], files["src/part1.py"]["patch"]) == (blob, "@@ -1 +0,0 @@\n-PART = 1")
    commit = (await lab.repo("GET", "/commits/main")).json
    assert commit["files"] == list(files.values())
    assert commit["stats"] == {"total": 5, "additions": 2, "deletions": 3}


async def test_renames_are_found(lab: Lab) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    base = await lab.github.commit(files={"old.txt": text})
    await lab.github.commit(files={"old.txt": None, "new.txt": text + "more\n"})
    (renamed,) = (await _files(lab, base)).values()
    assert (renamed["status"], renamed["previous_filename"], renamed["filename"]) == ("renamed", "old.txt", "new.txt")
    assert renamed["patch"].endswith("\n line 19\n+more")
    number = await lab.github.pull_request(files={"new.txt": None, "newer.txt": text})
    merged = await lab.github.merge(number)
    assert (await lab.repo("GET", f"/contents/new.txt?ref={merged}")).status == 404


async def test_patches_are_bounded(lab: Lab) -> None:
    base = lab.github.head()
    many = {f"many/{number:03}.txt": f"{number}\n" for number in range(301)}
    await lab.github.commit(files={"a.txt": "x\n" * 20_001, "b.txt": "x" * 500_001, **many})
    files = await _files(lab, base)
    assert len(files) == 300
    assert "patch" not in files["a.txt"] and "patch" not in files["b.txt"]
    stats = (await lab.repo("GET", "/commits/main")).json["stats"]
    assert stats["additions"] == 20_001 + 1 + 301
    await lab.github.commit(files={"c.txt": "1\n", "d.txt": "y" * 500_001})
    files = await _files(lab, lab.github.resolve("main~1"))
    assert [("patch" in file) for file in files.values()] == [True, False]


def _git(folder: Path, *arguments: str) -> None:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
async def unusual(tmp_path: Path, source: Path) -> AsyncIterator[Lab]:
    """A repository with a symbolic link, a submodule, an executable and a large file."""
    folder = tmp_path / "unusual"
    _git(tmp_path, "clone", "--quiet", str(source), str(folder))
    (folder / "link").symlink_to("README.md")
    (folder / "large.bin").write_bytes(b"x" * (1024 * 1024 + 1))
    (folder / "run.sh").write_text("true\n")
    (folder / "run.sh").chmod(0o755)
    _git(folder, "submodule", "add", "--quiet", str(source), "module")
    _git(folder, "add", "--all")
    _git(folder, "commit", "--quiet", "--message", "Unusual")
    async with running_lab(folder) as lab:
        yield lab


async def test_a_folder_lists_the_sizes_of_files_but_none_of_folders(unusual: Lab) -> None:
    entries = {entry["name"]: entry for entry in (await unusual.repo("GET", "/contents/")).json}
    readme = (await unusual.repo("GET", "/contents/README.md")).json
    assert (entries["README.md"]["type"], entries["README.md"]["size"]) == ("file", readme["size"])
    assert entries["README.md"]["size"] == len(base64.b64decode(readme["content"])) > 0
    assert (entries["src"]["type"], entries["src"]["size"], entries["src"]["download_url"]) == ("dir", 0, None)
    assert "/tree/main/src" in entries["src"]["html_url"]
    assert (entries["link"]["type"], entries["link"]["size"]) == ("symlink", 9)
    assert (entries["module"]["type"], entries["module"]["size"]) == ("file", 0)
    assert entries["run.sh"]["size"] == 5


async def test_a_large_file_has_no_content(unusual: Lab) -> None:
    large = (await unusual.repo("GET", "/contents/large.bin")).json
    assert (large["size"], large["encoding"], large["content"]) == (1024 * 1024 + 1, "none", "")


async def test_a_folder_lists_at_most_a_thousand_entries(lab: Lab) -> None:
    await lab.github.commit(files={f"many/{number:04}.txt": "x" for number in range(1_001)})
    assert len((await lab.repo("GET", "/contents/many")).json) == 1_000


async def test_the_content_of_a_file_can_be_read_without_its_description(lab: Lab) -> None:
    first = await lab.github.commit(files={"deploy/config.yml": "a: é\n"})
    await lab.github.commit(files={"deploy/config.yml": "b: 2\n"})
    raw = {"Accept": "application/vnd.github.raw+json"}
    at_head = await lab.repo("GET", "/contents/deploy/config.yml", headers=raw)
    assert (at_head.text, at_head.headers["Content-Type"]) == (
        "b: 2\n",
        "application/vnd.github.raw+json; charset=utf-8",
    )
    assert (await lab.repo("GET", f"/contents/deploy/config.yml?ref={first}", headers=raw)).text == "a: é\n"
    described = (await lab.repo("GET", f"/contents/deploy/config.yml?ref={first}")).json
    assert (described["type"], described["encoding"], described["size"]) == ("file", "base64", 6)
    for path in ("deploy/none.yml", f"deploy/config.yml?ref={'1' * 40}"):
        assert (await lab.repo("GET", f"/contents/{path}", headers=raw)).status == 404
    tag = {"If-None-Match": at_head.headers["ETag"]}
    assert (await lab.repo("GET", "/contents/deploy/config.yml", headers=raw | tag)).status == 304
    assert lab.github.unknown_routes == []


async def test_trees_are_listed_by_ref_and_sha(unusual: Lab) -> None:
    top = (await unusual.repo("GET", "/git/trees/main")).json
    entries = {entry["path"]: entry for entry in top["tree"]}
    assert (entries["src"]["type"], entries["src"]["mode"], "size" in entries["src"]) == ("tree", "040000", False)
    assert (entries["run.sh"]["mode"], entries["run.sh"]["size"]) == ("100755", 5)
    assert (entries["module"]["type"], "url" in entries["module"]) == ("commit", False)
    below = (await unusual.repo("GET", f"/git/trees/{entries['src']['sha']}")).json
    assert [entry["path"] for entry in below["tree"]] == [f"part{number}.py" for number in range(1, 6)]
    everything = (await unusual.repo("GET", f"/git/trees/{top['sha']}?recursive=1")).json
    paths = [entry["path"] for entry in everything["tree"]]
    assert {"src", "src/part1.py"} <= set(paths) and everything["truncated"] is False
    for name in ("unknown", "1" * 40, entries["run.sh"]["sha"]):
        assert (await unusual.repo("GET", f"/git/trees/{name}")).status == 404


async def test_the_files_of_a_pull_request_are_listed(lab: Lab) -> None:
    number = await lab.github.pull_request(files={"a.txt": "1\n", "b.txt": "2\n", "README.md": None})
    await lab.github.commit(files={"c.txt": "not in the pull request"})
    files = (await lab.repo("GET", f"/pulls/{number}/files")).json
    assert [(file["filename"], file["status"]) for file in files] == [
        ("README.md", "removed"),
        ("a.txt", "added"),
        ("b.txt", "added"),
    ]
    assert files[1]["patch"] == "@@ -0,0 +1 @@\n+1"
    page = (await lab.repo("GET", f"/pulls/{number}/files?per_page=2&page=2")).json
    assert [file["filename"] for file in page] == ["b.txt"]
    assert (await lab.repo("GET", "/pulls/99/files")).status == 404
