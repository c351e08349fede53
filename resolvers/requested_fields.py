"""The parts of a basket that an operation selects, so that no more is read than is answered.

Results are cached with the document: they depend on nothing but its text.
"""

from collections.abc import Iterable, Iterator

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionNode,
)

from resolvers.context import Info
from schema.execution.strawberry_internals import raw_info

_ITEM_FIELDS = frozenset({"items", "itemsPage", "item", "unavailable"})


STATE = "query"
"""The field of a payload that is the state after the change."""

MAXIMUM_KNOWN = 1_000
"""The highest number of results cached per document; only @skip and @include make so many."""


def selects_items(info: Info) -> bool:
    """Tells whether any item of a basket is asked for anywhere below the field being resolved.

    It errs on the side of reading them: a field left out by @skip counts as asked for.
    """
    raw = raw_info(info)
    # The document keeps its nodes alive as long as these results, so an identity stays unique.
    known, key = info.context.selected, ("", *map(id, raw.field_nodes))
    if key not in known:
        if len(known) >= MAXIMUM_KNOWN:
            known.clear()
        known[key] = any(
            name in _ITEM_FIELDS for name in _names(raw, raw.field_nodes, set(), deep=True)
        )
    return known[key]


def selects(info: Info, name: str) -> bool:
    """Tells whether a field of this name is asked for directly below the field being resolved."""
    raw = raw_info(info)
    known, key = info.context.selected, (name, *map(id, raw.field_nodes))
    if key not in known:
        if len(known) >= MAXIMUM_KNOWN:
            known.clear()
        known[key] = name in _names(raw, raw.field_nodes, set(), deep=False)
    return known[key]


def _names(
    raw: GraphQLResolveInfo[object],
    nodes: Iterable[SelectionNode],
    seen: set[str],
    *,
    deep: bool,
) -> Iterator[str]:
    """Yields the names of the fields below these ones, or all the way down; each fragment once."""
    for node in nodes:
        for selection in _selections(raw, node, seen):
            if isinstance(selection, FieldNode):
                yield selection.name.value
            # What is read again after a change is read by the fields below a payload's `query`.
            is_below = deep and not (
                isinstance(selection, FieldNode) and selection.name.value == STATE
            )
            if is_below or not isinstance(selection, FieldNode):
                yield from _names(raw, [selection], seen, deep=deep)


def _selections(
    raw: GraphQLResolveInfo[object], node: SelectionNode, seen: set[str]
) -> Iterable[SelectionNode]:
    if isinstance(node, FragmentSpreadNode):
        if node.name.value in seen:
            return ()
        seen.add(node.name.value)
        return raw.fragments[node.name.value].selection_set.selections
    if isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
        return node.selection_set.selections
    return ()
