"""The grants that changes of releases need."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from api.pdc.resources.releases import RELEASES
from api.rest.packages import CreatePackageReleaseBody
from api.rest.project_schemas import ChangeReleaseBody
from bot.rules.release_grants import GRANTS, IDENTITY, needed_grants, why_established


@dataclass(frozen=True)
class Release:
    """A release in development."""

    release_id: str = "site-1.0"
    status: int = 1
    held: dict[str, str] | None = None
    signature: str | None = None
    files: dict[str, list[str]] = field(default_factory=dict)


ESTABLISHED: list[tuple[dict[str, Any], str]] = [
    ({"status": 10}, "has the status testing"),
    ({"status": 30}, "has the status released"),
    ({"status": 40}, "has the status deprecated"),
    ({"held": {"by": "alice"}}, "is held"),
    ({"held": {}}, "is held"),
    ({"signature": "x"}, "is signed"),
    ({"files": {"js": ["a.js"]}}, "has files"),
]
DEVELOPMENT: list[dict[str, Any]] = [{}, {"signature": ""}]


@pytest.mark.parametrize(("columns", "why"), ESTABLISHED)
@pytest.mark.parametrize("changed", IDENTITY)
def test_an_established_release_keeps_its_identity_but_for_project_writers(
    columns: dict[str, Any], why: str, changed: str
) -> None:
    release = Release(**columns)
    assert why_established(release) == why
    [needed] = needed_grants(release, [changed])
    assert needed.grant == "project:write"
    assert needed.sentence == (f"The release site-1.0 {why}: changing its `{changed}` needs the grant `project:write`.")


@pytest.mark.parametrize("columns", DEVELOPMENT)
def test_the_identity_of_a_release_in_development_is_content(columns: dict[str, Any]) -> None:
    assert why_established(Release(**columns)) is None
    assert {needed.grant for needed in needed_grants(Release(**columns), IDENTITY)} == {"content:write"}


@pytest.mark.parametrize("release", [None, Release(), Release(status=30)])
def test_what_other_dialects_show_needs_the_same_grant_whatever_the_release(release: Release | None) -> None:
    shown = ("status", "release_date", "notes", "files", "signature")
    assert [needed.grant for needed in needed_grants(release, shown)] == ["project:write"] * 5
    [held] = needed_grants(release, ["held"])
    assert (held.grant, held.sentence) == ("release:hold", "Holding a release needs the grant `release:hold`.")
    content = needed_grants(release, ("name", "active", "product_version"))
    assert [needed.grant for needed in content] == ["content:write"] * 3


def test_whoever_may_create_a_release_chooses_its_identity() -> None:
    assert needed_grants(None, IDENTITY) == []


def test_every_field_that_a_dialect_writes_is_in_the_table() -> None:
    in_pdc = {field.name for field in RELEASES.fields if field.column}
    in_packages = {*CreatePackageReleaseBody.model_fields} - {"package", "release_notes"} | {"notes", "short"}
    assert in_pdc | in_packages | {*ChangeReleaseBody.model_fields} <= GRANTS.keys()
    assert {*IDENTITY} <= in_pdc
