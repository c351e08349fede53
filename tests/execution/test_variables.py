"""Variables: what the compiled coercers accept they read as graphql-core does."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    OperationDefinitionNode,
    build_schema,
    parse,
)
from graphql.execution.values import VariableValues, get_variable_values

from application import schema
from schema.execution.inputs import VariableReader
from schema.execution.strawberry_internals import graphql_schema
from tests.support.thoroughness import examples

SCHEMA = graphql_schema(schema)
INPUTS = [
    input_type
    for name, input_type in SCHEMA.type_map.items()
    if isinstance(input_type, GraphQLInputObjectType) and not name.startswith("__")
]
LEAVES: list[Any] = [0, 7, -1, 2**31, 1.0, 1.5, "", "text", "5", True, False, "2026-11-26"]
ODD: list[Any] = [*LEAVES, None, [], {}, [[]], {"unknown": 1}, float("inf")]


def definitions_of(text: str) -> Any:
    """Returns the definitions of the variables in `query (…) { __typename }`."""
    operation = parse(f"query ({text}) {{ __typename }}").definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return operation.variable_definitions


class Values:
    """Random values for input types; `odd` is the chance in a hundred that one does not fit."""

    def __init__(self, seed: int, odd: int) -> None:
        self.random = Random(seed)
        self.odd = odd

    def of(self, input_type: GraphQLInputType) -> Any:
        """Draws a value of a type."""
        if self.random.randrange(100) < self.odd:
            return self.random.choice(ODD)
        if isinstance(input_type, GraphQLNonNull):
            return self.present(input_type.of_type)
        return None if self.random.randrange(5) == 0 else self.present(input_type)

    def present(self, input_type: GraphQLInputType) -> Any:
        """Draws a value that is not null."""
        if isinstance(input_type, GraphQLList):
            return [self.of(input_type.of_type) for _ in range(self.random.randrange(4))]
        if isinstance(input_type, GraphQLEnumType):
            return self.random.choice(list(input_type.values))
        if isinstance(input_type, GraphQLInputObjectType):
            return {
                name: self.of(field.type)
                for name, field in input_type.fields.items()
                if isinstance(field.type, GraphQLNonNull) or self.random.random() < 0.5
            }
        plain = {"Int": 7, "Boolean": True, "Upload": None}
        return plain.get(str(input_type), "text")


def read_or_none(
    read: Callable[[Any], VariableValues], given: Any
) -> VariableValues | None:
    """Returns the values; None where they are left to graphql-core."""
    try:
        return read(given)
    except Exception:
        return None


@pytest.mark.parametrize("input_type", INPUTS, ids=str)
@pytest.mark.parametrize("odd", [0, 4])
def test_they_are_read_as_graphql_core_reads_them(
    input_type: GraphQLInputObjectType, odd: int
) -> None:
    definitions = definitions_of(f"$value: {input_type.name}!, $other: Int = 3, $left: ID")
    reader, values = VariableReader(SCHEMA, definitions), Values(4, odd)
    count, compiled = examples(60), 0
    for _ in range(count):
        given = {"value": values.of(GraphQLNonNull(input_type))}
        theirs = get_variable_values(SCHEMA, definitions, given)
        ours = read_or_none(reader.read, given)
        if ours is not None:
            assert not isinstance(theirs, list)
            assert ours.coerced == theirs.coerced
            assert [*ours.sources] == [*theirs.sources] == ["value", "other", "left"]
            compiled += 1
    # All that fit are read, but for files, which no JSON has.
    assert compiled == count if odd == 0 else compiled > 0


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"value": None},
        {"value": []},
        {"value": {"items": {"quantity": 1}}},
        {"value": {"items": [], "unknown": 1}},
        {"value": {"onInvalid": "SKIP"}},
        {"value": {"items": [], "onInvalid": "NONE"}},
        {"value": {"items": [{"quantity": 2**31}]}},
    ],
    ids=str,
)
def test_anything_unusual_is_left_to_graphql_core(given: dict[str, Any]) -> None:
    reader = VariableReader(SCHEMA, definitions_of("$value: BasketItemsAddInput!"))
    assert read_or_none(reader.read, given) is None


def test_an_input_that_contains_itself_is_left_to_graphql_core() -> None:
    tree = build_schema(
        "input Tree { below: [Tree!] } type Query { root(tree: Tree): Int }"
    )
    reader = VariableReader(tree, definitions_of("$tree: Tree"))
    assert read_or_none(reader.read, {"tree": {"below": []}}) is None


def test_an_input_of_one_field_is_left_to_graphql_core() -> None:
    one = build_schema(
        "input One @oneOf { a: Int b: Int } type Query { root(one: One): Int }"
    )
    reader = VariableReader(one, definitions_of("$one: One"))
    assert read_or_none(reader.read, {"one": {"a": 1}}) is None
