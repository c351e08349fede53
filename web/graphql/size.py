"""The size of a selection: its depth and its cost."""

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
    clamp_page_size,
    cost_from_number,
)

META_FIELDS = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
INT_DIGITS = 10
"""The most digits of an Int."""
OTHER_LIST = cost_from_number(OTHER_LIST_SIZE)
NOTHING = cost_from_number(0)


@dataclass(frozen=True, slots=True)
class Size:
    """The depth of a selection set in fields, and its cost outside and per entry of its page."""

    depth: int
    cost: Cost
    paged: Cost


EMPTY = Size(0, NOTHING, NOTHING)


def find_field(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    """Returns a field of a type; None when the document is invalid there."""
    if name in META_FIELDS:
        return META_FIELDS[name]
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        field: GraphQLField | None = parent.fields.get(name)
        return field
    return None


def weigh_field(parent: GraphQLNamedType | None, name: str, *, is_object: bool) -> Cost:
    """Returns the cost of a field without its selections."""
    if parent is not None and parent.name == "Mutation":
        return cost_from_number(WEIGHTS.get(f"Mutation.{name}", MUTATION_WEIGHT))
    weight = WEIGHTS.get(f"{parent.name}.{name}") if parent is not None else None
    return cost_from_number(int(is_object) if weight is None else weight)


def wrap_size(
    node: FieldNode,
    parent: GraphQLNamedType | None,
    field: GraphQLField | None,
    weight: Cost,
    inner: Size,
) -> Size:
    """Returns the size of a field with its selections: pages size the lists in them."""
    depth = inner.depth + 1
    if field is not None and parent is not None and _is_list(field):
        expected = LIST_SIZES.get(f"{parent.name}.{node.name.value}")
        entry = weight.plus(inner.cost).plus(inner.paged.times(OTHER_LIST))
        if expected is None:
            return Size(depth, NOTHING, entry)
        return Size(depth, entry.times(cost_from_number(expected)), NOTHING)
    # Lists in a page, such as `edges`, have its size; in another object, an unknown one.
    size = OTHER_LIST
    if (
        field is not None
        and parent is not None
        and field.args.keys() >= set(PAGE_ARGUMENTS)
    ):
        size = _page_cost(
            node, PAGE_SIZES.get(f"{parent.name}.{node.name.value}", DEFAULT_PAGE)
        )
    return Size(depth, weight.plus(inner.cost).plus(inner.paged.times(size)), NOTHING)


def _is_list(field: GraphQLField) -> bool:
    return is_list_type(
        field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    )


def _page_cost(node: FieldNode, default: int) -> Cost:
    """Returns the size of a page; the sum of `first` and `last`, one of which must be null."""
    values = [
        argument.value
        for argument in node.arguments or ()
        if argument.name.value in PAGE_ARGUMENTS
    ]
    sizes = [_size(value) for value in values if not isinstance(value, NullValueNode)]
    return reduce(Cost.plus, sizes) if sizes else cost_from_number(default)


def _size(value: ValueNode) -> Cost:
    if isinstance(value, VariableNode):
        return Cost({(value.name.value,): 1})
    return cost_from_number(clamp_page_size(parse_int(value)))


def parse_int(value: Any) -> int:
    """Returns the number of a literal; 0 for others, which the validation rejects."""
    # Long literals are invalid, and int() takes quadratic time for them, or raises.
    if isinstance(value, IntValueNode) and len(value.value) <= INT_DIGITS:
        return int(value.value)
    return 0
