"""Package releases, read by plain SQL: releases of the type `ga` as the dialect `packages` shows them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from bot.rules.permissions import Visibility
from bot.rules.releases import HOLD, shown_status
from bot.store import visibility
from bot.store.database import fetch

_ROWS = """
SELECT r.id, p.name AS package, r.version, r.release_date, r.status, r.held IS NOT NULL AS held,
    r.notes AS release_notes, r.files, r.signature
FROM releases r JOIN projects p ON p.id = r.project_id
WHERE r.id IN ({places}) AND r.release_type = 'ga' ORDER BY r.id DESC
"""

_PAGE = "SELECT id FROM releases WHERE {condition} ORDER BY id DESC LIMIT {limit} OFFSET {offset}"
_COUNT = "SELECT count(*) AS count FROM releases WHERE {condition}"
_LATEST = """
SELECT id, release_date FROM releases WHERE {condition} AND release_date <= {now}
ORDER BY release_date DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True)
class Wanted:
    """Which package releases are asked for: those that somebody sees, of a project, shown with a status."""

    viewer: Visibility
    project: int | None = None
    status: int | None = None

    def condition(self, args: list[Any]) -> str:
        """As a condition on the rows of `releases`; what it asks with is added to `args`.

        It is worded as the partial indexes on `status` and `held` are, so that they serve it.
        """
        conditions = ["release_type = 'ga'", visibility.condition(self.viewer, "project_id", args)]
        if self.project is not None:
            args.append(self.project)
            conditions.append(f"project_id = ${len(args)}")
        if self.status == HOLD:
            conditions.append("held IS NOT NULL")
        elif self.status is not None:
            args.append(self.status)
            conditions.append(f"status = ${len(args)} AND held IS NULL")
        return " AND ".join(filter(None, conditions))


async def page(wanted: Wanted, *, limit: int, offset: int) -> list[dict[str, Any]]:
    """One page of package releases, newest first."""
    args: list[Any] = [limit, offset]
    found = await fetch(_PAGE.format(condition=wanted.condition(args), limit="$1", offset="$2"), *args)
    return await rows([row["id"] for row in found])


async def count(wanted: Wanted) -> int:
    """How many package releases there are."""
    args: list[Any] = []
    counted = await fetch(_COUNT.format(condition=wanted.condition(args)), *args)
    return int(counted[0]["count"])


async def latest(wanted: Wanted, statuses: tuple[int, ...], now: datetime) -> list[dict[str, Any]]:
    """The package release with the newest date that has come and one of the statuses, if there is one."""
    newest = [found for status in statuses for found in await _latest(replace(wanted, status=status), now)]
    # as text: SQLite gives that, and PostgreSQL the first moment there is without its zone, which compares with none
    chosen = sorted(newest, key=lambda row: (str(row["release_date"]), row["id"]))[-1:]
    return await rows([row["id"] for row in chosen])


async def _latest(wanted: Wanted, now: datetime) -> list[dict[str, Any]]:
    args: list[Any] = [now]
    return await fetch(_LATEST.format(condition=wanted.condition(args), now="$1"), *args)


async def rows(numbers: list[int]) -> list[dict[str, Any]]:
    """The package releases of some numbers, newest first."""
    if not numbers:
        return []
    places = ", ".join(f"${place}" for place in range(1, len(numbers) + 1))
    return [_told(row) for row in await fetch(_ROWS.format(places=places), *numbers)]


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the status that is shown. SQLite gives its files as JSON."""
    files = row["files"]
    status = shown_status(row["status"], held=bool(row["held"]))
    return row | {"status": status, "files": orjson.loads(files) if isinstance(files, str) else files}
