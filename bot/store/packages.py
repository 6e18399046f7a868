"""Package releases, read by plain SQL: releases of the type `ga` as the packages dialect shows them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypedDict, cast

import orjson

from bot.rules.permissions import Visibility
from bot.rules.releases import HOLD, shown_status
from bot.store import visibility
from bot.store.database import fetch, fetch_as
from bot.store.placeholders import placeholder_list
from bot.store.queries import IdRow

_ROWS = """
SELECT r.id, p.name AS package, r.version, r.release_date, r.status, r.held IS NOT NULL AS held,
    r.notes AS release_notes, r.files, r.signature
FROM releases r JOIN projects p ON p.id = r.project_id
WHERE r.id IN ({ids}) AND r.release_type = 'ga' ORDER BY r.id DESC
"""

_PAGE = "SELECT id FROM releases WHERE {condition} ORDER BY id DESC LIMIT {limit} OFFSET {offset}"
_COUNT = "SELECT count(*) AS count FROM releases WHERE {condition}"
_LATEST = """
SELECT id, release_date FROM releases WHERE {condition} AND release_date <= {now}
ORDER BY release_date DESC, id DESC LIMIT 1
"""


class PackageRow(TypedDict):
    """A package release as the dialect shows it; on SQLite, `release_date` is text."""

    id: int
    package: str
    version: str
    release_date: datetime | str | None
    status: int
    held: bool
    release_notes: str
    files: dict[str, list[str]]
    signature: str | None


class DatedRow(IdRow):
    """The id of a release and its date."""

    release_date: datetime | str


@dataclass(frozen=True)
class PackageFilter:
    """Which package releases to list: the visible ones, of one project or of all, with one shown status or any."""

    visible: Visibility
    project_id: int | None = None
    status: int | None = None

    def condition(self, args: list[Any]) -> str:
        """Return the condition on the rows of `releases`; its arguments are added to `args`.

        It repeats the conditions of the partial indexes on `status` and `held`, so that these are used.
        """
        conditions = ["release_type = 'ga'", visibility.condition(self.visible, "project_id", args)]
        if self.project_id is not None:
            args.append(self.project_id)
            conditions.append(f"project_id = ${len(args)}")
        if self.status == HOLD:
            conditions.append("held IS NOT NULL")
        elif self.status is not None:
            args.append(self.status)
            conditions.append(f"status = ${len(args)} AND held IS NULL")
        return " AND ".join(filter(None, conditions))


async def list_page(filters: PackageFilter, *, limit: int, offset: int) -> list[PackageRow]:
    """Return one page of package releases, newest first."""
    args: list[Any] = [limit, offset]
    page = _PAGE.format(condition=filters.condition(args), limit="$1", offset="$2")
    return await find_by_ids([row["id"] for row in await fetch_as(IdRow, page, *args)])


async def count(filters: PackageFilter) -> int:
    """Count the package releases that pass a filter."""
    args: list[Any] = []
    rows = await fetch(_COUNT.format(condition=filters.condition(args)), *args)
    return int(rows[0]["count"])


async def find_latest(filters: PackageFilter, statuses: tuple[int, ...], now: datetime) -> PackageRow | None:
    """Find the package release of one of the statuses with the latest date that is not after `now`."""
    candidates = [row for status in statuses for row in await _latest(replace(filters, status=status), now)]
    if not candidates:
        return None
    # compared as text: SQLite returns text, and PostgreSQL returns the earliest time without a time zone
    latest = max(candidates, key=lambda row: (str(row["release_date"]), row["id"]))
    rows = await find_by_ids([latest["id"]])
    return rows[0] if rows else None


async def _latest(filters: PackageFilter, now: datetime) -> list[DatedRow]:
    args: list[Any] = [now]
    return await fetch_as(DatedRow, _LATEST.format(condition=filters.condition(args), now="$1"), *args)


async def find_by_ids(ids: list[int]) -> list[PackageRow]:
    """Return package releases by their ids, newest first."""
    if not ids:
        return []
    return [_to_package(row) for row in await fetch(_ROWS.format(ids=placeholder_list(len(ids))), *ids)]


def _to_package(row: dict[str, Any]) -> PackageRow:
    """Set the status that is shown, and parse `files`, which SQLite returns as JSON."""
    files = row["files"]
    row["status"] = shown_status(row["status"], held=bool(row["held"]))
    row["files"] = orjson.loads(files) if isinstance(files, str) else files
    return cast("PackageRow", row)
