"""Which pushes may have changed the configuration file."""

from typing import Any

import pytest

from bot.store.projects import Repository
from tests.world import World

FILE = ".github/longshore.yml"
OTHER = {"added": [], "modified": ["README.md"], "removed": []}
TOUCHING = {**OTHER, "modified": [FILE]}
CASES: list[tuple[str, dict[str, Any], bool]] = [
    *((f"the file is {name}", {"commits": [{**OTHER, name: [FILE]}]}, True) for name in OTHER),
    ("another file", {"commits": [OTHER]}, False),
    ("the file in the second commit", {"commits": [OTHER, TOUCHING]}, True),
    ("a file of a similar name", {"commits": [{**OTHER, "added": ["x/.github/longshore.yml"]}]}, False),
    ("no commits, as of a forced push", {"commits": []}, True),
    ("commits that were left out of a large payload", {}, True),
    ("commits that are not told", {"commits": None}, True),
    ("commits without their files", {"commits": [{"id": "x"}]}, True),
    ("as many commits as are listed", {"commits": [OTHER] * 2048}, True),
    ("as many files as are listed", {"commits": [{**OTHER, "added": ["x"] * 3000}]}, True),
    ("another branch", {"ref": "refs/heads/topic", "commits": [TOUCHING]}, False),
    ("a branch whose name ends alike", {"ref": "refs/heads/x/main", "commits": [TOUCHING]}, False),
    ("a tag of the branch's name", {"ref": "refs/tags/main", "commits": [TOUCHING]}, False),
    ("a repository without a default branch", {"default_branch": None, "commits": [TOUCHING]}, False),
]  # fmt: skip


@pytest.mark.parametrize(("payload", "reads"), [each[1:] for each in CASES], ids=[each[0] for each in CASES])
async def test_the_file_is_read_after_pushes_that_may_have_changed_it(
    world: World, payload: dict[str, Any], reads: bool
) -> None:
    repository = await Repository.get()
    sent = {
        "ref": payload.get("ref", "refs/heads/main"),
        "repository": {
            "id": repository.github_id,
            "full_name": "acme/site",
            "default_branch": payload.get("default_branch", "main"),
        },
        "sender": {"id": 1, "login": "alice"},
        **{name: value for name, value in payload.items() if name == "commits"},
    }
    await world.github.send("push", sent)
    await world.settle()
    assert bool(await world.jobs("apply_configuration")) is reads
    assert bool([call for call in world.github.calls if call.path.endswith("longshore.yml")]) is reads
