"""The parts of a basket that an operation selects, so that no more is read than is answered.

The selection depends on the text of a document and on its conditions, so it is found once for each
combination of them and cached with the document. Only the values of arguments are read anew.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLNamedType,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_directive_values,
    get_named_type,
)
from graphql.execution.values import get_argument_values

from models.basket.read import Wants
from resolvers.context import Info
from schema.execution.strawberry_internals import find_variables, raw_info
from schema.page import PageArguments

Raw = GraphQLResolveInfo[Any]
Selected = TypeVar("Selected")

ITEM_FIELDS = frozenset(
    {
        "Basket.items",
        "Basket.itemsPage",
        "Basket.item",
        "Basket.problems",
        "Basket.isSubmittable",
        "BasketRefreshPayload.unavailable",
        "PriceChange.item",
    }
)
"""The fields that need every item of a basket."""
_PROBLEM_FIELDS = frozenset({"Basket.problems", "Basket.isSubmittable"})
"""The fields for which problems are looked for."""
_REFRESHED_AT = "Product.refreshedAt"
"""The field that the revision of a product does not cover."""
CHANGES, LINES = "Basket.changes", "BasketChange.lines"
"""The fields that are pages, and are read before they are resolved."""

MAXIMUM_KNOWN = 100
"""The highest number of results cached per document; only @skip and @include make so many."""


@dataclass(frozen=True, slots=True)
class SelectedPages:
    """A selected field `changes`, and the fields `lines` below it."""

    field: FieldNode
    lines: Sequence[FieldNode]
    has_count: bool
    has_info: bool


@dataclass(frozen=True, slots=True)
class SelectedParts:
    """The parts of baskets, and of changes by themselves, that are selected below a field."""

    has_items: bool
    has_refreshed_at: bool
    has_problems: bool
    deltas: Sequence[FieldNode]
    changes: Sequence[SelectedPages]
    lines: Sequence[FieldNode]


def find_wants(info: Info, parts: SelectedParts) -> Wants:
    """Returns what a read of baskets has to read for the parts below the field being resolved.

    The parts selected below a payload's `query` are wanted by its own fields.
    """
    if not parts.deltas:
        return Wants(items=parts.has_items, refreshed_at=parts.has_refreshed_at)
    return _join_wants(info, parts, ())


def find_delta_wants(info: Info, since: int | None) -> Wants:
    """Returns the parts of a basket that a delta from a version, and what is below it, needs."""
    return _join_wants(info, find_parts(info), (since or 0,))


def _join_wants(info: Info, parts: SelectedParts, since: Iterable[int]) -> Wants:
    values = find_variables(raw_info(info)).coerced
    versions = {*since, *(_read_version(node, values) for node in parts.deltas)} - {None}
    known = [version for version in versions if version is not None and version > 0]
    # Below 1 there is no version, so that every item differs. Of several versions one may be ahead
    # of the basket, while the changes since another one do not name every item.
    has_items = parts.has_items or len(versions) > 1 or not known
    return Wants(items=has_items, since=min(known, default=None))


def _read_version(delta: FieldNode, values: dict[str, Any]) -> int | None:
    """Returns the argument of `delta`; None where it is no number, which its execution rejects."""
    (argument,) = delta.arguments or ()
    value: Any = argument.value
    found = values.get(value.name.value) if isinstance(value, VariableNode) else value.value
    return None if found is None else int(found)


def find_parts(info: Info) -> SelectedParts:
    """Returns the parts of baskets and of changes that are selected below the field."""
    raw = raw_info(info)
    return _remember(info, "parts", lambda: _collect_parts(raw))


def selects(info: Info, name: str) -> bool:
    """Tells whether a field of this name is asked for directly below the field being resolved."""
    raw = raw_info(info)
    return _remember(info, name, lambda: _has_child(raw, name))


def _has_child(raw: Raw, name: str) -> bool:
    of = get_named_type(raw.return_type)
    fields = _fields_below(raw, raw.field_nodes, of, is_deep=False)
    return any(node.name.value == name for _, node in fields)


def page_arguments(info: Info, coordinate: str, node: FieldNode) -> PageArguments:
    """Returns the arguments of a page that is selected somewhere below the field."""
    raw = raw_info(info)
    type_name, field_name = coordinate.split(".")
    field = cast(Any, raw.schema.get_type(type_name)).fields[field_name]
    return PageArguments(**get_argument_values(field, node, find_variables(raw)))


def _remember(info: Info, name: str, find: Callable[[], Selected]) -> Selected:
    """Returns the cached result for this field and the values of the conditions, or finds it."""
    raw = raw_info(info)
    conditions = [
        (name, value)
        for name, value in find_variables(raw).coerced.items()
        if isinstance(value, bool)
    ]
    # The document keeps its nodes alive as long as these results, so an identity stays unique.
    known, key = info.context.selected, (name, *map(id, raw.field_nodes), *conditions)
    if key not in known:
        if len(known) >= MAXIMUM_KNOWN:
            known.clear()
        known[key] = find()
    found: Selected = known[key]
    return found


def _collect_parts(raw: Raw) -> SelectedParts:
    fields = list(_fields_below(raw, raw.field_nodes, get_named_type(raw.return_type)))
    return SelectedParts(
        has_items=any(coordinate in ITEM_FIELDS for coordinate, _ in fields),
        has_refreshed_at=any(coordinate == _REFRESHED_AT for coordinate, _ in fields),
        has_problems=any(coordinate in _PROBLEM_FIELDS for coordinate, _ in fields),
        deltas=[node for coordinate, node in fields if coordinate == "Basket.delta"],
        changes=[
            _collect_pages(raw, node)
            for coordinate, node in fields
            if coordinate == CHANGES
        ],
        lines=[node for coordinate, node in fields if coordinate == LINES],
    )


def _collect_pages(raw: Raw, changes: FieldNode) -> SelectedPages:
    connection = raw.schema.type_map["BasketChangeConnection"]
    fields = list(_fields_below(raw, [changes], connection))
    coordinates = {coordinate for coordinate, _ in fields}
    return SelectedPages(
        changes,
        [node for coordinate, node in fields if coordinate == LINES],
        has_count="BasketChangeConnection.totalCount" in coordinates,
        has_info="BasketChangeConnection.pageInfo" in coordinates,
    )


def _fields_below(
    raw: Raw, nodes: Iterable[FieldNode], of: GraphQLNamedType, *, is_deep: bool = True
) -> Iterator[tuple[str, FieldNode]]:
    """Yields the fields below these ones of a type, with their coordinates."""
    seen = set[str]()
    for node in nodes:
        if node.selection_set:
            yield from _walk(raw, node.selection_set, of, seen, is_deep=is_deep)


def _walk(
    raw: Raw,
    selections: SelectionSetNode,
    of: GraphQLNamedType,
    seen: set[str],
    *,
    is_deep: bool,
) -> Iterator[tuple[str, FieldNode]]:
    """Yields the fields of a selection set, and those below them; each fragment once."""
    for node in selections.selections:
        if not _is_included(raw, node):
            continue
        if isinstance(node, FieldNode):
            coordinate = f"{of.name}.{node.name.value}"
            yield coordinate, node
            below = _find_type(raw, of, node) if is_deep else None
            # Pages of changes are collected one by one, each with the pages of lines in it.
            if below and node.selection_set and coordinate != CHANGES:
                yield from _walk(raw, node.selection_set, below, seen, is_deep=is_deep)
        elif fragment := _find_fragment(raw, node, seen):
            condition = fragment.type_condition
            inner = raw.schema.type_map[condition.name.value] if condition else of
            yield from _walk(raw, fragment.selection_set, inner, seen, is_deep=is_deep)


def _find_type(raw: Raw, of: GraphQLNamedType, node: FieldNode) -> GraphQLNamedType | None:
    """Returns the type of a field with fields below it that belong to the field being resolved."""
    field = cast(Any, of).fields.get(node.name.value)
    found = get_named_type(field.type) if field else None
    # What is read again after a change is read by the fields below a payload's `query`.
    return None if found is raw.schema.query_type else found


def _find_fragment(
    raw: Raw, node: SelectionNode, seen: set[str]
) -> FragmentDefinitionNode | InlineFragmentNode | None:
    """Returns the fragment that a selection stands for; None when it was seen already."""
    if isinstance(node, InlineFragmentNode):
        return node
    name = cast(FragmentSpreadNode, node).name.value
    if name in seen:
        return None
    seen.add(name)
    return raw.fragments[name]


def _is_included(raw: Raw, node: SelectionNode) -> bool:
    """Whether the conditions of a selection hold; one that is null is an error of its execution."""
    try:
        skip, include = (
            get_directive_values(directive, node, find_variables(raw)) or {}
            for directive in (GraphQLSkipDirective, GraphQLIncludeDirective)
        )
    except GraphQLError:
        return True
    return not skip.get("if", False) and bool(include.get("if", True))
