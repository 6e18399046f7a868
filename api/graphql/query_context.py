"""What one query reads: rows are asked for one by one, and fetched together for each level of the query."""

from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import date
from typing import Any

from strawberry.dataloader import DataLoader

from bot.context import FORBIDDEN, Context, require
from bot.errors import Forbidden, NotFound
from bot.operations.announcements import READS
from bot.store import graph
from bot.store.graph import Filters, Kind, Listing, Row, ViewerVisibility, Window

GRANTS: Mapping[Kind, tuple[str, ...]] = {graph.ANNOUNCEMENT: READS, graph.SCHEDULE: ("content:read",)}
PROJECTS = ("project:read",)


class Reading:
    """The rows that one caller's query has read so far. Every row is asked for with what the caller may see."""

    def __init__(self, context: Context) -> None:
        actor = context.actor
        self.actor = actor
        self.now = context.now()
        self.eyes = ViewerVisibility(
            projects=actor.visibility(*PROJECTS),
            announcements=actor.visibility(*READS),
            undecided=actor.visibility("announcement:approve"),
            schedules=actor.visibility(*GRANTS[graph.SCHEDULE]),
            user_id=actor.user_id,
        )
        self._allowed: set[str] = set()
        self._loaders: dict[Hashable, DataLoader[int, Any]] = {}

    @property
    def today(self) -> date:
        """The day, in UTC."""
        return self.now.date()

    def require(self, kind: Kind) -> None:
        """Refuse who may see no row of a kind."""
        if kind.table not in self._allowed:
            require(self.actor, *grants_for(kind))
            self._allowed.add(kind.table)

    def one(self, kind: Kind, number: int) -> Awaitable[Row]:
        """The row of a number; refused where it is not seen."""
        self.require(kind)
        return self._loader(kind, lambda numbers: self._ones(kind, numbers)).load(number)

    async def _ones(self, kind: Kind, numbers: list[int]) -> list[Row | BaseException]:
        rows = await graph.by_number(kind, self.eyes, numbers)
        return [rows.get(number) or Forbidden(FORBIDDEN, grant=grants_for(kind)[0]) for number in numbers]

    def page(self, listing: Listing, parent: int, window: Window, filters: Filters) -> Awaitable[list[Row]]:
        """A page of a parent's rows, with one row more where there is more to come; 0 is the parent of all."""

        async def load(parents: list[int]) -> list[list[Row]]:
            found = await graph.pages(listing, self.eyes, parents, window, filters)
            return [found[each] for each in parents]

        return self._loader((listing, window, filters), load).load(parent)

    def count(self, listing: Listing, parent: int, filters: Filters) -> Awaitable[int]:
        """How many rows a parent has; 0 is the parent of all."""

        async def load(parents: list[int]) -> list[int]:
            found = await graph.counts(listing, self.eyes, parents, filters)
            return [found[each] for each in parents]

        return self._loader((listing, filters), load).load(parent)

    def _loader(self, key: Hashable, load: Callable[[list[int]], Awaitable[list[Any]]]) -> DataLoader[int, Any]:
        if key not in self._loaders:
            self._loaders[key] = DataLoader(load)
        return self._loaders[key]

    async def project(self, name: str) -> Row:
        """A project by its name."""
        self.require(graph.PROJECT)
        if (row := await graph.project(self.eyes, name)) is None:
            raise NotFound("Release project not found")
        return row

    async def versioned(self, kind: Kind, project: str, version: str) -> Row:
        """A release or a candidate of a project by its version."""
        self.require(kind)
        if (row := await graph.versioned(kind, self.eyes, project, version)) is None:
            await self.project(project)
            raise NotFound("Release not found")
        return row

    async def deployment(self, number: int) -> Row:
        """A deployment by its number."""
        self.require(graph.DEPLOYMENT)
        rows = await graph.by_number(graph.DEPLOYMENT, self.eyes, [number])
        if number not in rows:
            raise NotFound("Deployment not found")
        return rows[number]


def grants_for(kind: Kind) -> tuple[str, ...]:
    """The grants of which one is called for to see rows of a kind."""
    return GRANTS.get(kind, PROJECTS)
