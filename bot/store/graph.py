"""Reads of the graph: nodes by id, and a page of a list of nodes for many parents in one statement.

Every statement returns only rows that the viewer may see, whichever path through the graph leads to them. In each of
them `x` is the table of the node type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import orjson

from bot.rules.permissions import Visibility
from bot.store import visibility
from bot.store.database import dialect, fetch
from bot.store.graph_nodes import (
    ANNOUNCEMENT,
    PROJECT,
    RELEASE,
    SCHEDULE,
    N,
    NodeList,
    NodeType,
    ProjectNode,
)
from bot.store.lists import Conditions

FilterValue = str | int | date
Filters = tuple[tuple[str, tuple[FilterValue, ...]], ...]
"""The values of each filter, by its name in `NodeType.filters`: hashable, so that equal pages can be read together."""
SortKey = tuple[FilterValue, ...]
"""The values of a node in the `keys` of a list."""

_JSON_COLUMNS = ("allowed_branches", "held", "license_list", "project_tag_list", "tag_list")
# Joins each parent with the rows of its page; neither database has the other's syntax.
_PAGE_JOIN = {
    "postgres": "CROSS JOIN LATERAL ({page}) AS pages JOIN {table} x ON x.id = pages.id",
    "sqlite": "JOIN {table} x ON x.id IN ({page})",
}


@dataclass(frozen=True)
class ViewerVisibility:
    """The projects whose rows the viewer may see, by type of row.

    `projects` holds for everything but announcements and schedules; `undecided` for announcements that are not
    approved. The viewer also sees the announcements that the user `user_id` submitted.
    """

    projects: Visibility
    announcements: Visibility
    undecided: Visibility
    schedules: Visibility
    user_id: int


@dataclass(frozen=True)
class PageWindow:
    """A slice of a list: `size` nodes from the start, or `backwards` from the end, of those between two sort keys."""

    size: int
    backwards: bool = False
    after: SortKey | None = None
    before: SortKey | None = None


async def nodes_by_id(node_type: NodeType[N], viewer: ViewerVisibility, ids: Sequence[int]) -> dict[int, N]:
    """Return the nodes with these ids, by id, without those that do not exist or are not visible."""
    where = Conditions()
    where.add_in("x.id", ids)
    return {node["id"]: node for node in await _select(node_type, viewer, where)}


async def project_by_name(viewer: ViewerVisibility, name: str) -> ProjectNode | None:
    """Return the project with a name, if it is visible."""
    where = Conditions()
    where.add("x.name = {}", name)
    return next(iter(await _select(PROJECT, viewer, where)), None)


async def node_by_version(node_type: NodeType[N], viewer: ViewerVisibility, project: str, version: str) -> N | None:
    """Return the release or candidate with a version in the named project, if it is visible."""
    where = Conditions()
    where.add("x.project_id = (SELECT p.id FROM projects p WHERE p.name = {}) AND x.version = {}", project, version)
    if node_type is RELEASE:
        where.add("x.release_type = 'ga'")
    return next(iter(await _select(node_type, viewer, where)), None)


async def pages(
    nodes: NodeList[N], viewer: ViewerVisibility, parents: Sequence[int], window: PageWindow, filters: Filters = ()
) -> dict[int, list[N]]:
    """Return a page for each parent id, with one extra node if there are further ones.

    The parent id of a list of all nodes is 0. The one statement finds the page of each parent separately on its index,
    however many rows the parent has. A window function would read all of them, which was measured to take a hundred
    times as long.
    """
    node_type, where = nodes.node_type, _conditions(nodes, viewer, filters)
    _add_bounds(nodes, window, where)
    if nodes.parent:
        where.add(f"{nodes.parent} = parents.id")
    direction = "DESC" if nodes.descending != window.backwards else "ASC"
    order = ", ".join(f'x."{key}" {direction}' for key in nodes.keys)
    page = f"SELECT x.id FROM {node_type.table} x {nodes.joins} {where} ORDER BY {order} LIMIT {int(window.size) + 1}"
    rows = await fetch(
        f"WITH parents (id) AS (VALUES {_id_rows(where, parents)}) SELECT {node_type.columns}, parents.id AS parent "
        f"FROM parents {_PAGE_JOIN[dialect()].format(table=node_type.table, page=page)} {node_type.joins} "
        f"ORDER BY parents.id, {order}",
        *where.args,
    )
    by_parent: dict[int, list[N]] = {parent: [] for parent in parents}
    for row in rows[::-1] if window.backwards else rows:
        by_parent[row["parent"]].append(_node(node_type.record, row))
    return by_parent


def _add_bounds(nodes: NodeList[N], window: PageWindow, where: Conditions) -> None:
    """Keep only the nodes between the two sort keys of a window."""
    keys, values = ", ".join(f'x."{key}"' for key in nodes.keys), ", ".join("{}" for _ in nodes.keys)
    for bound, is_upper in ((window.after, nodes.descending), (window.before, not nodes.descending)):
        if bound is not None:
            where.add(f"({keys}) {'<' if is_upper else '>'} ({values})", *map(_sql_value, bound))


def _id_rows(where: Conditions, ids: Sequence[int]) -> str:
    """Add ids to the arguments and return them as rows of one column, for VALUES."""
    where.args += ids
    last = len(where.args)
    return ", ".join(f"(CAST(${position} AS INT))" for position in range(last - len(ids) + 1, last + 1))


async def counts(
    nodes: NodeList[N], viewer: ViewerVisibility, parents: Sequence[int], filters: Filters = ()
) -> dict[int, int]:
    """Return how many visible nodes each parent id has; the parent id of a list of all nodes is 0."""
    where = _conditions(nodes, viewer, filters)
    if nodes.parent:
        where.add_in(nodes.parent, parents)
    parent = nodes.parent or "0"
    grouping = f"GROUP BY {nodes.parent}" if nodes.parent else ""
    source = f"{nodes.node_type.table} x {nodes.joins}"
    rows = await fetch(f"SELECT {parent} AS parent, count(*) AS count FROM {source} {where} {grouping}", *where.args)
    return {**dict.fromkeys(parents, 0), **{row["parent"]: int(row["count"]) for row in rows}}


async def _select(node_type: NodeType[N], viewer: ViewerVisibility, where: Conditions) -> list[N]:
    _add_visibility(node_type, viewer, where)
    rows = await fetch(f"SELECT {node_type.columns} FROM {node_type.table} x {node_type.joins} {where}", *where.args)
    return [_node(node_type.record, row) for row in rows]


def _conditions(nodes: NodeList[N], viewer: ViewerVisibility, filters: Filters) -> Conditions:
    """Return the conditions on the nodes of a list that do not depend on the parent."""
    where = Conditions()
    if nodes.where:
        where.add(nodes.where)
    for name, values in filters:
        placeholders = ", ".join("{}" for _ in values)
        condition = nodes.node_type.filters[name].format(placeholders) if values else "1 = 0"
        where.add(condition, *map(_sql_value, values))
    _add_visibility(nodes.node_type, viewer, where)
    return where


def _add_visibility(node_type: NodeType[N], viewer: ViewerVisibility, where: Conditions) -> None:
    """Keep only visible nodes. An unapproved announcement is visible to its submitter and to those who may approve."""
    project = node_type.project
    visible = {ANNOUNCEMENT.table: viewer.announcements, SCHEDULE.table: viewer.schedules}
    if condition := visibility.condition(visible.get(node_type.table, viewer.projects), project, where.args):
        where.clauses.append(condition)
    if node_type is ANNOUNCEMENT and (undecided := visibility.condition(viewer.undecided, project, where.args)):
        where.add(f"(x.state = 'approved' OR {undecided} OR x.submitted_by_id = {{}})", viewer.user_id)


def _sql_value(value: FilterValue) -> FilterValue:
    """Return a value as the database compares it: SQLite stores dates as text."""
    return value.isoformat() if isinstance(value, date) and dialect() == "sqlite" else value


def _node(record: type[N], row: dict[str, Any]) -> N:
    """Convert a row to a record: decode its JSON columns, which both databases return as text."""
    for name in _JSON_COLUMNS:
        if isinstance(row.get(name), str):
            row[name] = orjson.loads(row[name])
    return cast("N", row)
