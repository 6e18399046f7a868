"""The highest versions of a project, found in the database: one may have tens of thousands of releases."""

from typing import Literal, TypedDict

from bot.store.database import fetch_as

DIGITS = "'0123456789'"
# what follows a number is taken off step by step: `ltrim` is the same on both databases, as few functions of texts are;
# without MATERIALIZED, each step would be computed again for each of its uses
_NUMBERS = f"""
WITH first AS MATERIALIZED (
    SELECT version, ltrim(version, {DIGITS}) AS rest FROM releases WHERE project_id = $1 AND release_type = 'ga'
), second AS MATERIALIZED (
    SELECT version, substr(version, 1, length(version) - length(rest)) AS n1,
        substr(rest, 2) AS part, ltrim(substr(rest, 2), {DIGITS}) AS rest
    FROM first WHERE rest LIKE '.%'
), third AS MATERIALIZED (
    SELECT version, n1, substr(part, 1, length(part) - length(rest)) AS n2,
        substr(rest, 2) AS part, ltrim(substr(rest, 2), {DIGITS}) AS rest
    FROM second
), fourth AS MATERIALIZED (
    SELECT version, n1, n2, substr(part, 1, length(part) - length(rest)) AS n3,
        substr(rest, 2) AS part, ltrim(substr(rest, 2), {DIGITS}) AS rest
    FROM third
), numbers AS MATERIALIZED (
    SELECT version, n1, n2, n3, substr(part, 1, length(part) - length(rest)) AS n4 FROM fourth
)
"""  # noqa: S608 - a constant of ours
_YEAR = """CASE WHEN length(n1) = 2 THEN '20' || n1 WHEN n1 < '1000' THEN '2' || substr(n1, 2) ELSE n1 END"""
_FILTERS = {
    "semver": "n1 <> '' AND n2 <> '' AND n3 <> ''",
    "calver": "length(n1) IN (2, 4) AND length(n2) IN (1, 2)",
    "calver, one digit": "length(n1) IN (2, 4) AND length(n2) = 1",
}
_FIRST = {"semver": "n1", "calver": _YEAR, "calver, one digit": _YEAR}

Kind = Literal["semver", "calver", "calver, one digit"]


class VersionRow(TypedDict):
    """The version of a release."""

    version: str


async def highest(project: int, kind: Kind, *, limit: int, offset: int) -> list[str]:
    """Read versions that may follow a scheme, those with the highest numbers first.

    `calver, one digit` are those of CalVer whose months have one digit.
    """
    numbers = [_FIRST[kind], "n2", "n3", "n4"]
    order = ", ".join(f"length(ltrim({each}, '0')) DESC, ltrim({each}, '0') DESC" for each in numbers)
    sql = f"""
        {_NUMBERS} SELECT version FROM numbers WHERE {_FILTERS[kind]}
        ORDER BY {order}, length(version) DESC, version LIMIT {limit:d} OFFSET {offset:d}
    """  # noqa: S608 - texts of ours
    rows = await fetch_as(VersionRow, sql, project)
    return [row["version"] for row in rows]
