"""What a query may be, said of its text before it is run: how long, how deep, and how much it could answer.

The cost of a query is the number of objects that its answer could hold: a page counts as many as it is asked for, and
what is asked of each of those counts as often. A list of which the length alone is asked for counts as one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

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
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    get_named_type,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from api.graphql.connections import size_of
from api.graphql.errors import Invalid, TooMuch
from bot.errors import Refusal

MOST_CHARACTERS = 50_000
MOST_TOKENS = 1_000
MOST_COMMENTS = 500
MOST_ALIASES = 30
MOST_DIRECTIVES = 30
DEEPEST = 10
DEEPEST_BRACES = 30
HIGHEST_COST = 2_000
WHOLE_COUNT = 100  # what `totalCount` of a list of everything costs
HIGHEST_TOLD = 10**12  # what costs more is said to cost this

WRAPPERS = ("edges", "node", "nodes", "pageInfo")
INTROSPECTION = ("__schema", "__type")


def read(schema: GraphQLSchema, text: str) -> DocumentNode:
    """The query that a text is; refused when it is none, fits no schema of ours, or is too long or too deep."""
    try:
        document = parse(
            text, max_lexical_tokens=MOST_TOKENS, max_comments=MOST_COMMENTS, max_source_length=MOST_CHARACTERS
        )
    except GraphQLError as error:
        raise Invalid([error], "GRAPHQL_PARSE_FAILED") from error
    try:
        _check_form(document)
        errors = validate(schema, document)
    except RecursionError:
        raise TooMuch("The query is nested too deeply.") from None
    if errors:
        raise Invalid(errors, "GRAPHQL_VALIDATION_FAILED")
    return document


def operation_of(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation that is to be run; refused when the name does not say which."""
    operation = get_operation_ast(document, name or None)
    if operation is None:
        found = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        names = ", ".join(each.name.value for each in found if each.name) or "none, as there is one without a name"
        raise Refusal(f"`operationName` must be one of the query's operations: {names}.", field="operationName")
    return operation


def variables_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The values of an operation's variables; refused where they do not fit."""
    values = get_variable_values(schema, operation.variable_definitions or (), dict(given), max_errors=10)
    if isinstance(values, list):
        raise Invalid(values, "BAD_USER_INPUT")
    return values.coerced


def check_cost(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> int:
    """What a query costs; refused where that is too much, or where a page is too large."""
    query = schema.query_type
    cost, _ = Costs(document, variables).of(operation.selection_set, query) if query else (0, False)
    cost = min(cost, HIGHEST_TOLD)
    if cost > HIGHEST_COST:
        raise TooMuch(
            f"The query costs {cost:,}, which is how many objects its answer could hold. At most {HIGHEST_COST:,} are "
            "allowed: ask for smaller pages.",
            cost=cost,
            limit=HIGHEST_COST,
        )
    return cost


class Costs:
    """Counts what parts of a document cost, each fragment once."""

    def __init__(self, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._fragments = fragments_of(document)
        self._known: dict[str, tuple[int, bool]] = {}

    def of(self, selections: SelectionSetNode, parent: GraphQLObjectType) -> tuple[int, bool]:
        """The cost of what is selected from one object, and whether that is a page of a list, more than its length."""
        found = [self._selection(each, parent) for each in selections.selections]
        return sum(cost for cost, _ in found), any(page for _, page in found)

    def _selection(self, selection: Any, parent: GraphQLObjectType) -> tuple[int, bool]:
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            if name not in self._known:
                self._known[name] = self.of(self._fragments[name].selection_set, parent)
            return self._known[name]
        if isinstance(selection, InlineFragmentNode):
            return self.of(selection.selection_set, parent)
        return self._field(selection, parent), selection.name.value in WRAPPERS

    def _field(self, field: FieldNode, parent: GraphQLObjectType) -> int:
        name = field.name.value
        if field.selection_set is None or name.startswith("__"):
            return 0
        kind = get_named_type(parent.fields[name].type)
        if not isinstance(kind, GraphQLObjectType):
            return 0
        inner, page = self.of(field.selection_set, kind)
        if kind.name.endswith("Connection"):
            size, counted = self._size(field), self._counts(field.selection_set)
            count = (WHOLE_COUNT if parent.name == "Query" else 1) if counted else 0
            return count + (size * (1 + inner) if page else not counted)
        return inner if name in WRAPPERS else 1 + inner

    def _counts(self, selections: SelectionSetNode) -> bool:
        """Whether how many there are is asked of a list: of one that is of everything, that looks at every row."""
        for each in selections.selections:
            if isinstance(each, FieldNode) and each.name.value == "totalCount":
                return True
            inner = self._fragments[each.name.value] if isinstance(each, FragmentSpreadNode) else each
            if not isinstance(each, FieldNode) and self._counts(inner.selection_set):  # type: ignore[union-attr]
                return True
        return False

    def _size(self, field: FieldNode) -> int:
        given = {argument.name.value: self._number(argument.value) for argument in field.arguments or ()}
        return size_of(given.get("first"), given.get("last"))

    def _number(self, value: Node) -> int | None:
        if isinstance(value, VariableNode):
            given = self._variables.get(value.name.value)
            return given if isinstance(given, int) else None
        return int(value.value) if isinstance(value, IntValueNode) else None


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    """The fragments of a document, by name."""
    return {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}


def _check_form(document: DocumentNode) -> None:
    """Refuse what is written too often or too deep, before anything is looked up in the schema."""
    aliases = directives = introspections = 0
    for node, braces in _walk(document):
        aliases += isinstance(node, FieldNode) and node.alias is not None
        introspections += isinstance(node, FieldNode) and node.name.value in INTROSPECTION
        directives += isinstance(node, DirectiveNode)
        if braces > DEEPEST_BRACES:
            raise TooMuch(f"The query is nested too deeply: braces go {DEEPEST_BRACES} deep at most.")
        if isinstance(node, StringValueNode) and "\0" in node.value:
            raise Refusal("A text must not contain the character U+0000.")
    for what, count, most in (("aliases", aliases, MOST_ALIASES), ("directives", directives, MOST_DIRECTIVES)):
        if count > most:
            raise TooMuch(f"The query has {count} {what}. At most {most} are allowed.", limit=most)
    if introspections and aliases:  # which costs nothing: asked for thirty times at once it took thirteen seconds
        raise TooMuch("A query that asks for the schema has no aliases.", limit=0)
    depths = Depths(document)
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    depth = max(map(depths.of, operations), default=0)
    if depth > DEEPEST:
        raise TooMuch(
            f"The query is {depth} fields deep, not counting {', '.join(WRAPPERS)}. At most {DEEPEST} are allowed.",
            depth=depth,
            limit=DEEPEST,
        )


def _walk(document: DocumentNode) -> Iterator[tuple[Node, int]]:
    """Every node of a document, with how many braces are around it."""
    pending: list[tuple[Node, int]] = [(document, 0)]
    while pending:
        node, braces = pending.pop()
        yield node, braces
        deeper = braces + isinstance(node, SelectionSetNode)
        for key in node.keys:
            child = getattr(node, key, None)
            children = child if isinstance(child, tuple | list) else (child,)
            pending += [(each, deeper) for each in children if isinstance(each, Node) and key != "loc"]


class Depths:
    """Counts how deep parts of a document go, each fragment once. What is asked of the schema itself does not count."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = fragments_of(document)
        self._known: dict[str, int] = {}

    def of(self, node: Any) -> int:
        """The fields that lead to the deepest one."""
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in self._known:
                self._known[name] = 0  # ends a circle, which is refused by its own rule
                self._known[name] = self.of(self._fragments[name]) if name in self._fragments else 0
            return self._known[name]
        if isinstance(node, FieldNode) and node.name.value.startswith("__"):
            return 0
        own = isinstance(node, FieldNode) and node.name.value not in WRAPPERS
        selections = getattr(node, "selection_set", None)
        return own + max((self.of(each) for each in selections.selections), default=0) if selections else int(own)
