"""Which of a basket's parts an operation asks for, so that no more is read than is answered."""

from collections.abc import Iterable

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionNode
from strawberry.types.nodes import FragmentSpread, InlineFragment, SelectedField

from resolvers.context import Info

_ITEM_FIELDS = frozenset({"items", "itemsPage", "item", "priceChanges", "unavailable"})


def selects_items(info: Info) -> bool:
    """Tells whether any item of a basket is asked for anywhere below the field being resolved.

    It errs on the side of reading them: a field left out by @skip counts as asked for.
    """
    raw = info._raw_info
    fragments: dict[str, FragmentDefinitionNode] = raw.fragments
    seen: set[str] = set()

    def any_item(selections: Iterable[SelectionNode]) -> bool:
        return any(is_item(selection) for selection in selections)

    def is_item(node: SelectionNode) -> bool:
        if isinstance(node, FieldNode):
            inner = node.selection_set
            return node.name.value in _ITEM_FIELDS or bool(inner and any_item(inner.selections))
        if isinstance(node, InlineFragmentNode):
            return any_item(node.selection_set.selections)
        if isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            return any_item(fragments[node.name.value].selection_set.selections)
        return False

    nodes = [node.selection_set.selections for node in raw.field_nodes if node.selection_set]
    return any(any_item(selections) for selections in nodes)


def selects(info: Info, name: str) -> bool:
    """Tells whether a field of this name is asked for directly below the field being resolved."""
    return any(field.name == name for root in info.selected_fields for field in _fields(root.selections))


def _fields(selections: Iterable[object]) -> Iterable[SelectedField]:
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection
        elif isinstance(selection, FragmentSpread | InlineFragment):
            yield from _fields(selection.selections)
