"""The size of what is selected: how deep it is, and what it costs."""

from dataclasses import dataclass
from functools import reduce
from typing import Any

from graphql import (
    FieldNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    IntValueNode,
    NullValueNode,
    ValueNode,
    VariableNode,
)
from graphql.type import (
    GraphQLField,
    GraphQLNonNull,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    is_list_type,
)

from schema.page import DEFAULT_PAGE
from web.graphql.cost import (
    LIST_SIZES,
    MUTATION_WEIGHT,
    OTHER_LIST_SIZE,
    PAGE_ARGUMENTS,
    PAGE_SIZES,
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
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        field: GraphQLField | None = parent.fields.get(name)
        return field
    return None


def weight_of(parent: GraphQLNamedType | None, name: str, *, is_object: bool) -> Cost:
    """Returns what a field costs by itself, without what is selected of it."""
    if parent is not None and parent.name == "Mutation":
        return fixed(WEIGHTS.get(f"Mutation.{name}", MUTATION_WEIGHT))
    weight = WEIGHTS.get(f"{parent.name}.{name}") if parent is not None else None
    return fixed(int(is_object) if weight is None else weight)


def with_list(
    node: FieldNode,
    parent: GraphQLNamedType | None,
    field: GraphQLField | None,
    weight: Cost,
    inner: Size,
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
    if (
        field is not None
        and parent is not None
        and field.args.keys() >= set(PAGE_ARGUMENTS)
    ):
        size = _page(node, PAGE_SIZES.get(f"{parent.name}.{node.name.value}", DEFAULT_PAGE))
    return Size(depth, weight.plus(inner.cost).plus(inner.paged.times(size)), NOTHING)


def _is_list(field: GraphQLField) -> bool:
    return is_list_type(
        field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    )


def _page(node: FieldNode, default: int) -> Cost:
    """Returns the size of a page; of two numbers, one of which must turn out to be null, the sum."""
    values = [
        each.value for each in node.arguments or () if each.name.value in PAGE_ARGUMENTS
    ]
    sizes = [_size(value) for value in values if not isinstance(value, NullValueNode)]
    return reduce(Cost.plus, sizes) if sizes else fixed(default)


def _size(value: ValueNode) -> Cost:
    if isinstance(value, VariableNode):
        return Cost({(value.name.value,): 1})
    return fixed(page_size(whole_number(value)))


def whole_number(value: Any) -> int:
    """Reads a literal; longer ones than any Int, and other literals, are rejected by the validation."""
    is_short = isinstance(value, IntValueNode) and len(value.value) <= 10
    return int(value.value) if is_short else 0
