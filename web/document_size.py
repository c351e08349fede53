"""The size of what is selected: how deep it is, and what it costs."""

from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLNamedType,
    GraphQLObjectType,
    IntValueNode,
    NullValueNode,
    VariableNode,
)
from graphql.type import GraphQLField, GraphQLNonNull, SchemaMetaFieldDef, TypeMetaFieldDef, is_list_type

from web.document_cost import (
    LIST_SIZES,
    MUTATION_WEIGHT,
    OTHER_LIST_SIZE,
    PAGE_ARGUMENT,
    WEIGHTS,
    Cost,
    fixed,
    page_size,
)

META_FIELDS = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
OTHER_LIST = fixed(OTHER_LIST_SIZE)
NOTHING = fixed(0)


@dataclass(frozen=True, slots=True)
class Size:
    """A selection set: its depth in fields, and its cost without and for each entry of the page around it."""

    depth: int
    cost: Cost
    paged: Cost


EMPTY = Size(0, NOTHING, NOTHING)


def definition_of(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    """Returns a field of a type; None when the document is wrong there."""
    if name in META_FIELDS:
        return META_FIELDS[name]
    return parent.fields.get(name) if isinstance(parent, GraphQLObjectType) else None


def weight_of(parent: GraphQLNamedType | None, name: str, *, is_object: bool) -> Cost:
    """Returns what a field costs by itself, without what is selected of it."""
    if parent is not None and parent.name == "Mutation":
        return fixed(WEIGHTS.get(f"Mutation.{name}", MUTATION_WEIGHT))
    weight = WEIGHTS.get(f"{parent.name}.{name}") if parent is not None else None
    return fixed(int(is_object) if weight is None else weight)


def with_list(
    node: FieldNode, parent: GraphQLNamedType | None, field: GraphQLField | None, weight: Cost, inner: Size
) -> Size:
    """Puts a field around its selections: a page gives its size to the lists in it, a list multiplies."""
    depth = inner.depth + 1
    if field is not None and parent is not None and _is_list(field):
        expected = LIST_SIZES.get(f"{parent.name}.{node.name.value}")
        entry = weight.plus(inner.cost).plus(inner.paged.times(OTHER_LIST))
        if expected is None:
            return Size(depth, NOTHING, entry)
        return Size(depth, entry.times(fixed(expected)), NOTHING)
    size = OTHER_LIST
    if field is not None and PAGE_ARGUMENT in field.args:
        size = _page(node, field.args[PAGE_ARGUMENT].default_value)
    return Size(depth, weight.plus(inner.cost).plus(inner.paged.times(size)), NOTHING)


def _is_list(field: GraphQLField) -> bool:
    return is_list_type(field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type)


def _page(node: FieldNode, default: Any) -> Cost:
    value = next((argument.value for argument in node.arguments or () if argument.name.value == PAGE_ARGUMENT), None)
    if isinstance(value, VariableNode):
        return Cost({(value.name.value,): 1})
    if value is None or isinstance(value, NullValueNode):
        return fixed(page_size(default))
    return fixed(page_size(whole_number(value)))


def whole_number(value: Any) -> int:
    """Reads a literal; longer ones than any Int, and other literals, are refused by the validation."""
    is_short = isinstance(value, IntValueNode) and len(value.value) <= 10
    return int(value.value) if is_short else 0
