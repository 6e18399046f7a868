"""Which roles on GitHub have which grants: the permission table, cell by cell."""

import pytest

from bot.rules.permissions import GRANTS, ROLES, covers, grants_of_role, role_for, role_from, unknown_grants

TABLE = {
    "project:read": "read",
    "release:cut": "write",
    "deployment:start": "write",
    "announcement:submit": "write",
    "deployment:production": "maintain",
    "deployment:report": "maintain",
    "release:hold": "maintain",
    "freeze:write": "maintain",
    "announcement:approve": "maintain",
    "project:write": "admin",
    "deployment:force": "admin",
    "content:read": None,
    "content:write": None,
    "admin": None,
}
CELLS = [(grant, role, lowest_role) for grant, lowest_role in TABLE.items() for role in ROLES]


def test_the_table_names_every_grant() -> None:
    assert set(TABLE) == GRANTS
    assert ROLES == ("read", "triage", "write", "maintain", "admin")


@pytest.mark.parametrize(("grant", "role", "lowest_role"), CELLS)
def test_a_role_has_its_own_grants_and_those_of_lower_roles(grant: str, role: str, lowest_role: str | None) -> None:
    is_granted = lowest_role is not None and ROLES.index(role) >= ROLES.index(lowest_role)
    assert (grant in grants_of_role(role)) is is_granted
    assert role_for(grant) == lowest_role


@pytest.mark.parametrize("role", ["none", "", "owner", "Admin", "ADMIN", "maintainer", "read\n"])
def test_a_role_that_github_does_not_have_has_no_grants(role: str) -> None:
    assert grants_of_role(role) == frozenset()


@pytest.mark.parametrize("grant", sorted(GRANTS))
def test_admin_implies_every_grant_and_no_other_grant_implies_any(grant: str) -> None:
    assert covers(["admin"], grant)
    assert covers([grant], grant)
    assert not covers([], grant)
    assert not covers(GRANTS - {grant, "admin"}, grant)


def test_no_role_on_github_has_the_grant_admin() -> None:
    assert not covers(grants_of_role("admin"), "admin")


def test_names_that_are_not_grants_are_found() -> None:
    assert unknown_grants(["admin", "root", "project:read", "Admin", "*"]) == ["*", "Admin", "root"]
    assert unknown_grants(GRANTS) == []


@pytest.mark.parametrize(
    ("permission", "role_name", "role"),
    [
        ("write", "maintain", "maintain"),
        ("write", "write", "write"),
        ("read", "triage", "triage"),
        ("admin", "admin", "admin"),
        ("read", "read", "read"),
        ("none", "none", "none"),
        ("write", "release manager", "write"),
        ("read", "auditor", "read"),
        ("write", None, "write"),
        ("none", None, "none"),
    ],
)
def test_a_custom_role_counts_as_the_role_that_it_is_based_on(
    permission: str, role_name: str | None, role: str
) -> None:
    assert role_from(permission, role_name) == role
