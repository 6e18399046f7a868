"""The context of one query: the caller's visibility, and the data loaders that batch reads."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from bot.context import FORBIDDEN, Context, authorize, with_known_projects
from bot.errors import Forbidden, deployment_not_found, project_not_found, release_not_found
from bot.operations.announcements import READS
from bot.store import graph
from bot.store.graph import Filters, PageWindow, ViewerVisibility
from bot.store.graph_nodes import (
    ANNOUNCEMENT,
    DEPLOYMENT,
    PROJECT,
    SCHEDULE,
    DeploymentNode,
    N,
    Node,
    NodeList,
    NodeType,
    ProjectNode,
)

T = TypeVar("T")

PROJECT_GRANTS = ("project:read",)
GRANTS: Mapping[NodeType[Node], tuple[str, ...]] = {ANNOUNCEMENT: READS, SCHEDULE: ("content:read",)}
"""Types of nodes with the grants that allow callers to see them; other types need PROJECT_GRANTS."""


class QueryContext:
    """The state that the resolvers of one query share. Reads return only what the caller may see."""

    def __init__(self, context: Context) -> None:
        actor = context.actor
        self.actor = actor
        self._context = context
        self.now = context.now()
        self._viewer = ViewerVisibility(
            projects=actor.visibility(*PROJECT_GRANTS),
            announcements=actor.visibility(*READS),
            undecided=actor.visibility("announcement:approve"),
            schedules=actor.visibility(*GRANTS[SCHEDULE]),
            user_id=actor.user_id,
        )
        self._permitted: set[NodeType[Node]] = set()
        self._loaders: dict[Hashable, DataLoader[int, Any]] = {}

    @property
    def today(self) -> date:
        """Today's date in UTC."""
        return self.now.date()

    def require(self, node_type: NodeType[N]) -> None:
        """Refuse a caller who may not see any node of a type."""
        if node_type not in self._permitted:
            authorize(self.actor, *_grants(node_type))
            self._permitted.add(node_type)

    def node(self, node_type: NodeType[N], node_id: int) -> Awaitable[N]:
        """Load a node by its id; refuse one that is not visible."""
        self.require(node_type)

        async def load(ids: list[int]) -> list[N | BaseException]:
            nodes = await graph.nodes_by_id(node_type, self._viewer, ids)
            return [nodes.get(row_id) or Forbidden(FORBIDDEN, grant=_grants(node_type)[0]) for row_id in ids]

        return self._loader(node_type, load).load(node_id)

    def page(self, nodes: NodeList[N], parent: int, window: PageWindow, filters: Filters) -> Awaitable[list[N]]:
        """Load a page of the nodes of a parent, as `graph.pages` does."""

        async def load(parents: list[int]) -> list[list[N]]:
            pages = await graph.pages(nodes, self._viewer, parents, window, filters)
            return [pages[parent_id] for parent_id in parents]

        return self._loader((nodes, window, filters), load).load(parent)

    def count(self, nodes: NodeList[N], parent: int, filters: Filters) -> Awaitable[int]:
        """Load the number of nodes of a parent."""

        async def load(parents: list[int]) -> list[int]:
            counts = await graph.counts(nodes, self._viewer, parents, filters)
            return [counts[parent_id] for parent_id in parents]

        return self._loader((nodes, filters), load).load(parent)

    def read(self, key: Hashable, operation: Callable[[Context], Awaitable[T]]) -> Awaitable[T]:
        """Return what an operation reads for the caller. Within the query it is performed once for each key."""

        async def load(ids: list[int]) -> list[T]:
            found = await operation(self._context)
            return [found for _ in ids]

        return self._loader(key, load).load(0)

    def _loader(
        self, key: Hashable, load: Callable[[list[int]], Awaitable[Sequence[T | BaseException]]]
    ) -> DataLoader[int, T]:
        """Return the loader for a key, which collects ids and reads them together."""
        if key not in self._loaders:
            self._loaders[key] = DataLoader(load)
        return self._loaders[key]

    async def project(self, name: str) -> ProjectNode:
        """Return the project with a name."""
        self.require(PROJECT)
        if (project := await graph.project_by_name(self._viewer, name)) is None:
            raise await with_known_projects(self.actor, name, project_not_found())
        return project

    async def by_version(self, node_type: NodeType[N], project: str, version: str) -> N:
        """Return the release or candidate with a version in the named project."""
        self.require(node_type)
        if (node := await graph.node_by_version(node_type, self._viewer, project, version)) is None:
            await self.project(project)
            raise release_not_found()
        return node

    async def deployment(self, deployment_id: int) -> DeploymentNode:
        """Return the deployment with an id."""
        self.require(DEPLOYMENT)
        deployments = await graph.nodes_by_id(DEPLOYMENT, self._viewer, [deployment_id])
        if deployment_id not in deployments:
            raise deployment_not_found()
        return deployments[deployment_id]


def _grants(node_type: NodeType[N]) -> tuple[str, ...]:
    return GRANTS.get(node_type, PROJECT_GRANTS)
