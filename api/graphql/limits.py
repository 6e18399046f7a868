"""Limits on queries, checked before execution: length, depth and cost.

The cost of a query is the maximum number of objects in its response: a page counts as the maximum number of its nodes,
and the objects selected from a node count once per node. A list counts as one if only its length is selected. What an
operation reads costs more, since that is as much work however little of it is selected.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    get_named_type,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from api.graphql.errors import InvalidQuery, LimitExceeded
from api.graphql.pagination import page_size
from bot.errors import Refusal

MAX_CHARACTERS = 50_000
MAX_TOKENS = 1_000
MAX_COMMENTS = 500
MAX_ALIASES = 30
MAX_DIRECTIVES = 30
MAX_DEPTH = 10
MAX_BRACE_DEPTH = 30
MAX_COST = 2_000
TOTAL_COUNT_COST = 100  # of the `totalCount` of a list at the root
OPERATION_COST = 100  # of each of OPERATIONS, which read more than their response shows
OPERATIONS = ("board", "waiting", "search", "audit")
MAX_REPORTED_COST = 10**12  # a higher cost is reported as this

CONNECTION_FIELDS = ("edges", "node", "nodes", "pageInfo")
INTROSPECTION_FIELDS = ("__schema", "__type")


def parse_query(schema: GraphQLSchema, text: str) -> DocumentNode:
    """Parse and validate a query; refuse one that is invalid, too long or too deep."""
    try:
        document = parse(
            text, max_lexical_tokens=MAX_TOKENS, max_comments=MAX_COMMENTS, max_source_length=MAX_CHARACTERS
        )
    except GraphQLError as error:
        raise InvalidQuery([error], "GRAPHQL_PARSE_FAILED") from error
    try:
        _check_syntax(document)
        errors = validate(schema, document)
    except RecursionError:
        raise LimitExceeded("The query is nested too deeply.") from None
    if errors:
        raise InvalidQuery(errors, "GRAPHQL_VALIDATION_FAILED")
    return document


def select_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """Return the operation to execute; refuse a name that does not select exactly one."""
    operation = get_operation_ast(document, name or None)
    if operation is None:
        named = [operation.name.value for operation in _operations(document) if operation.name]
        names = ", ".join(named) or "none, as there is one without a name"
        raise Refusal(f"`operationName` must be one of the query's operations: {names}.", field="operationName")
    return operation


def coerce_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Mapping[str, object]
) -> Mapping[str, object]:
    """Return the values of an operation's variables with defaults; refuse values of the wrong type."""
    values = get_variable_values(schema, operation.variable_definitions or (), dict(variables), max_errors=10)
    if isinstance(values, list):
        raise InvalidQuery(values, "BAD_USER_INPUT")
    return values.coerced


def check_cost(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, object]
) -> int:
    """Return the cost of a query; refuse one that costs too much or requests too large a page."""
    query = schema.query_type
    total = CostCounter(document, variables).count(operation.selection_set, query).objects if query else 0
    cost = min(total, MAX_REPORTED_COST)
    if cost > MAX_COST:
        raise LimitExceeded(
            f"The query costs {cost:,}, which is how many objects its answer could hold. At most {MAX_COST:,} are "
            "allowed: ask for smaller pages.",
            cost=cost,
            limit=MAX_COST,
        )
    return cost


class Cost(NamedTuple):
    """The cost of a selection, and whether it reads the page of a connection or only its length."""

    objects: int
    reads_page: bool


class CostCounter:
    """Computes the cost of the parts of a document; the cost of each fragment is computed once."""

    def __init__(self, document: DocumentNode, variables: Mapping[str, object]) -> None:
        self._variables = variables
        self._fragments = _fragments(document)
        self._fragment_costs: dict[str, Cost] = {}

    def count(self, selections: SelectionSetNode, parent: GraphQLObjectType) -> Cost:
        """Return the cost of the fields that are selected from one object."""
        costs = [self._selection(selection, parent) for selection in selections.selections]
        return Cost(sum(cost.objects for cost in costs), any(cost.reads_page for cost in costs))

    def _selection(self, selection: SelectionNode, parent: GraphQLObjectType) -> Cost:
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name not in self._fragment_costs:
                self._fragment_costs[name] = self.count(self._fragments[name].selection_set, parent)
            return self._fragment_costs[name]
        if isinstance(selection, FieldNode):
            return Cost(self._field(selection, parent), selection.name.value in CONNECTION_FIELDS)
        return self.count(_nested(selection, self._fragments), parent)

    def _field(self, field: FieldNode, parent: GraphQLObjectType) -> int:
        name = field.name.value
        if field.selection_set is None or name.startswith("__"):
            return 0
        type_ = get_named_type(parent.fields[name].type)
        if not isinstance(type_, GraphQLObjectType):
            return 0
        selected = self.count(field.selection_set, type_)
        is_root = parent.name == "Query"
        performed = OPERATION_COST if is_root and name in OPERATIONS else 0
        if type_.name.endswith("Connection"):
            return performed + self._connection(field, field.selection_set, selected, is_root=is_root)
        return selected.objects if name in CONNECTION_FIELDS else performed + 1 + selected.objects

    def _connection(self, field: FieldNode, selections: SelectionSetNode, selected: Cost, *, is_root: bool) -> int:
        size, is_counted = self._page_size(field), self._selects_total_count(selections)
        count_cost = (TOTAL_COUNT_COST if is_root else 1) if is_counted else 0
        return count_cost + (size * (1 + selected.objects) if selected.reads_page else not is_counted)

    def _selects_total_count(self, selections: SelectionSetNode) -> bool:
        """Whether the length of a list is selected, which requires a count in the database."""
        return any(
            selection.name.value == "totalCount"
            if isinstance(selection, FieldNode)
            else self._selects_total_count(_nested(selection, self._fragments))
            for selection in selections.selections
        )

    def _page_size(self, field: FieldNode) -> int:
        arguments = {argument.name.value: self._integer(argument.value) for argument in field.arguments or ()}
        return page_size(arguments.get("first"), arguments.get("last"))

    def _integer(self, value: Node) -> int | None:
        if isinstance(value, VariableNode):
            variable = self._variables.get(value.name.value)
            return variable if isinstance(variable, int) else None
        return int(value.value) if isinstance(value, IntValueNode) else None


class DepthCounter:
    """Computes the depth of the parts of a document; the depth of each fragment is computed once.

    Introspection fields do not count.
    """

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = _fragments(document)
        self._fragment_depths: dict[str, int] = {}

    def count(self, selections: SelectionSetNode | None) -> int:
        """Return the number of fields on the longest path."""
        return max((self._selection(selection) for selection in selections.selections), default=0) if selections else 0

    def _selection(self, selection: SelectionNode) -> int:
        if isinstance(selection, FieldNode):
            name = selection.name.value
            return 0 if name.startswith("__") else (name not in CONNECTION_FIELDS) + self.count(selection.selection_set)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        return self.count(_nested(selection, self._fragments))

    def _fragment(self, name: str) -> int:
        if name not in self._fragment_depths:
            self._fragment_depths[name] = 0  # breaks a cycle, which validation refuses later
            fragment = self._fragments.get(name)
            self._fragment_depths[name] = self.count(fragment.selection_set) if fragment else 0
        return self._fragment_depths[name]


def _operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def _nested(selection: SelectionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> SelectionSetNode:
    """Return the selections of a fragment, whether spread by name or inline."""
    if isinstance(selection, InlineFragmentNode):
        return selection.selection_set
    return fragments[cast("FragmentSpreadNode", selection).name.value].selection_set


def _check_syntax(document: DocumentNode) -> None:
    """Refuse too many aliases or directives and too deep nesting, before the query is validated against the schema."""
    aliases = directives = introspections = 0
    for node, brace_depth in _walk(document):
        aliases += isinstance(node, FieldNode) and node.alias is not None
        introspections += isinstance(node, FieldNode) and node.name.value in INTROSPECTION_FIELDS
        directives += isinstance(node, DirectiveNode)
        _check_node(node, brace_depth)
    for name, count, limit in (("aliases", aliases, MAX_ALIASES), ("directives", directives, MAX_DIRECTIVES)):
        if count > limit:
            raise LimitExceeded(f"The query has {count} {name}. At most {limit} are allowed.", limit=limit)
    if introspections and aliases:  # introspection has no cost, but thirty aliases of it took thirteen seconds
        raise LimitExceeded("A query that asks for the schema may have no aliases.", limit=0)
    _check_depth(document)


def _walk(document: DocumentNode) -> Iterator[tuple[Node, int]]:
    """Yield every node of a document with the number of braces around it."""
    pending: list[tuple[Node, int]] = [(document, 0)]
    while pending:
        node, brace_depth = pending.pop()
        yield node, brace_depth
        inner_depth = brace_depth + isinstance(node, SelectionSetNode)
        for key in node.keys:
            child = getattr(node, key, None)
            children = child if isinstance(child, tuple | list) else (child,)
            pending += [(child, inner_depth) for child in children if isinstance(child, Node) and key != "loc"]


def _check_node(node: Node, brace_depth: int) -> None:
    if brace_depth > MAX_BRACE_DEPTH:
        raise LimitExceeded(f"The query is nested too deeply: braces go {MAX_BRACE_DEPTH} deep at most.")
    if isinstance(node, StringValueNode) and "\0" in node.value:
        raise Refusal("A text must not contain the character U+0000.")


def _check_depth(document: DocumentNode) -> None:
    counter = DepthCounter(document)
    depth = max((counter.count(operation.selection_set) for operation in _operations(document)), default=0)
    if depth > MAX_DEPTH:
        raise LimitExceeded(
            f"The query is {depth} fields deep, not counting {', '.join(CONNECTION_FIELDS)}. At most {MAX_DEPTH} are "
            "allowed.",
            depth=depth,
            limit=MAX_DEPTH,
        )
