"""The audit log, as its operation reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from api.graphql.connections import Argument, Page, Pagination, Slice, described, object_type, without_next
from api.graphql.pagination import PageArguments, read_cursor, write_cursor
from api.graphql.query_context import QueryContext
from bot.context import Context
from bot.operations import audit
from bot.operations.audit import Entry
from bot.rules.audit import AuditFilter, AuditPage, audit_filter
from bot.rules.ids import parse_row_id
from bot.store.graph import PageWindow, SortKey
from bot.store.graph_nodes import PROJECT

NAME = "audit"
FILTERS: Mapping[str, Argument] = {
    "project": (str, "The name of a project."),
    "actor": (str, "Who did it."),
    "act": (str, "What was done: the name of an event, such as `candidate.cut`."),
    "channel": (str, "Through which channel, such as `rest`."),
    "alarm": (bool, "True: only alarms; false: no alarms."),
    "since": (str, "A day such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z."),
    "until": (str, "A day, which is included, or a time, which is not."),
}


@object_type
class AuditEntry:
    """Something that happened."""

    id: strawberry.ID = described("Its id.")
    at: datetime = described("When it happened.")
    actor: str = described("Who did it.")
    channel: str = described("Through which channel.")
    act: str = described("What was done: the name of an event.")
    alarm: bool = described("Whether a person has to look at it.")
    project: str | None = described("The name of the project that it is about; null if it is about none.")
    subject: str = described("What it was done to.")
    commit: str | None = described("At which commit.")
    before: JSON | None = described("What was there before, as far as it can be told in values.")
    after: JSON | None = described("What was there afterwards, as far as it can be told in values.")


class AuditPagination(Pagination):
    """The pages of the audit log."""

    def page(self, source: Any, context: QueryContext, asked: PageArguments, own: Mapping[str, Any]) -> Page:
        """Return a page of the entries that a filter selects; refuse whom the operation would refuse."""
        context.require(PROJECT)
        texts = {name: str(value).lower() if name == "alarm" else value for name, value in own.items()}
        return EntryPage(audit_filter(texts), asked.window(_parse))


@dataclass(frozen=True)
class EntryPage:
    """A page of the audit log."""

    wanted: AuditFilter
    window: PageWindow

    async def read(self, context: QueryContext) -> Slice:
        """Return the entries on the page."""
        window = self.window  # what comes after an entry is older
        page = AuditPage(window.size + 1, _bound(window.after), _bound(window.before), from_end=window.backwards)

        async def find(operating: Context) -> list[Entry]:
            return list(await audit.find(operating, self.wanted, page))

        return without_next(await context.read((NAME, self.wanted, page), find), window)

    async def count(self, context: QueryContext) -> int:
        """Return the number of entries on all pages, as far as they are counted."""

        async def count(operating: Context) -> int:
            return await audit.count(operating, self.wanted)

        return await context.read((NAME, self.wanted), count)

    def cursor(self, found: Slice, index: int) -> str:
        """Return the cursor of an entry on the page."""
        return write_cursor(NAME, found.nodes[index].id)


def _bound(key: SortKey | None) -> int | None:
    return None if key is None else int(str(key[0]))


def _parse(argument: str, cursor: str) -> SortKey:
    return read_cursor(NAME, argument, cursor, _id)


def _id(value: object) -> SortKey:
    """Return the value of a cursor; raise ValueError for an invalid one."""
    if type(value) is int and (found := parse_row_id(str(value))) is not None:
        return (found,)
    raise ValueError(value)


AUDIT: Any = strawberry.field(
    extensions=[AuditPagination(FILTERS)],
    description="Who did what through which channel, newest first. `totalCount` counts at most 10,000 entries.",
)
