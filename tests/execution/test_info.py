"""What resolvers know of the field they resolve, and how often they run."""

import asyncio
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult
from strawberry import Schema
from strawberry.extensions import FieldExtension
from strawberry.types import Info

from schema.execution.operation import Operation
from schema.execution.strawberry_internals import (
    find_definition,
    graphql_schema,
    raw_info,
)
from tests.support.documents import UNLIMITED
from web.graphql.document import Document

Calls = list[tuple[str, Any]]


def described(info: Info[Calls, None]) -> tuple[Any, ...]:
    """Returns everything that an info tells, in values that can be compared."""
    raw = raw_info(info)
    definition = info.get_argument_definition("number")
    return (
        type(info),
        info.field_name,
        info.python_name,
        info.path.as_list(),
        info.path.typename,
        info.variable_values,
        info.root_value,
        info.return_type,
        info.operation,
        info.query,
        info.schema,
        info.selected_fields,
        definition and definition.python_name,
        [
            raw.parent_type,
            raw.return_type,
            raw.fragments,
            raw.field_nodes,
            raw.abort_signal,
        ],
    )


@strawberry.type
class Place:
    name: str


@strawberry.input
class NearInput:
    name: str


@strawberry.input
class PlaceInput:
    name: str
    near: list[NearInput] | None = None


@strawberry.type
class Query:
    @strawberry.field
    async def place(self, info: Info[Calls, None], number: int = 1) -> Place | None:
        await asyncio.sleep(0)
        info.context.append((info.field_name, described(info)))
        if number < 0:
            raise ValueError(f"{number} is negative.")
        return Place(name=str(number)) if number else Place(name=None)  # type: ignore[arg-type]

    @strawberry.field
    def here(self, info: Info[Calls, None]) -> Place:
        info.context.append((info.field_name, described(info)))
        return Place(name="here")


@strawberry.type
class Payload:
    name: str

    @strawberry.field
    def query(self) -> Query:
        return Query()


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def rename(self, info: Info[Calls, None], input: PlaceInput) -> Payload:
        await asyncio.sleep(0)
        info.context.append((info.field_name, described(info)))
        assert [type(near) for near in input.near or ()] == [NearInput]
        if input.name == "wrong":
            raise ValueError("The name is wrong.")
        return Payload(name=None if input.name == "none" else input.name)  # type: ignore[arg-type]

    @strawberry.mutation
    async def forget(self, info: Info[Calls, None], name: str) -> Payload | None:
        info.context.append((info.field_name, described(info)))
        if name == "wrong":
            raise ValueError("The name is wrong.")
        return Payload(name=None if name == "none" else name)  # type: ignore[arg-type]


SCHEMA = Schema(query=Query, mutation=Mutation)
STRAWBERRY = Schema(query=Query, mutation=Mutation)
"""The same, executed by Strawberry as it makes it."""

RENAME = (
    "rename(input: {name: $name, near: [{name: $name}]}) { name query { place { name } } }"
)


def operation_of(text: str) -> Operation:
    """Returns the operation of a valid document."""
    document = Document(graphql_schema(SCHEMA), text, UNLIMITED)
    assert document.errors == []
    operation = document.operation(None)
    assert operation is not None
    return operation


def run(
    operation: Operation, variables: dict[str, Any], *, is_compiled: bool = True
) -> tuple[ExecutionResult, Calls]:
    """Executes an operation and returns its answer with the calls of its resolvers."""
    calls: Calls = []
    result = asyncio.run(operation.execute(variables, calls, is_compiled=is_compiled))
    return result, calls


@pytest.mark.parametrize(
    "text",
    [
        "query ($number: Int) { a: place(number: $number) { ...F } } fragment F on Place { name }",
        "query A { place { name } ...F } fragment F on Query { place { __typename } here { name } }",
        f"mutation ($name: String!) {{ {RENAME} b: {RENAME} }}",
    ],
)
def test_an_info_tells_the_same_at_every_execution(text: str) -> None:
    operation = operation_of(text)
    variables: dict[str, Any] = {"number": 5} if "number" in text else {}
    if "$name" in text:
        variables = {"name": "x"}
    expected = run(operation, variables, is_compiled=False)
    assert expected[0].errors is None
    for _ in range(1_000):
        assert run(operation, variables) == expected
    assert operation.fallbacks == 1


BELOW = "forget(name: $name) { name query { place(number: -1) { name } } }"


def three(field: str) -> str:
    """Returns a document of three mutations, the first of which is given."""
    return (
        f"mutation ($name: String!) {{ a: {field} b: {RENAME} "
        "c: forget(name: $name) { name } }"
    )


@pytest.mark.parametrize("name", ["right", "wrong", "none"])
@pytest.mark.parametrize(
    "text",
    [
        "query ($n: Int) { a: place(number: $n) { name } here { name } b: place { name } }",
        "{ here { name } place(number: 7) { name } __typename __schema { __typename } }",
        "{ a: place(number: -1) { name } b: place(number: 2) { name } }",
        "{ a: place(number: 2) { name } b: place(number: 0) { name } }",
        "{ place(number: -1) { name } }",
        "{ place(number: 0) { name } }",
        three(RENAME),
        three(BELOW),
        'mutation { a: forget(name: "x") { query { place(number: 0) { name } here { name } } } '
        'b: forget(name: "y") { query { here { name } } } }',
    ],
)
def test_every_resolver_runs_once_and_answers_and_errors_are_graphql_cores(
    text: str, name: str
) -> None:
    operation = operation_of(text)
    variables = {"name": name} if "$name" in text else {}
    expected, expected_calls = run(operation, variables, is_compiled=False)
    for _ in range(2):
        result, calls = run(operation, variables)
        assert (result.data, result.formatted) == (expected.data, expected.formatted)
        assert calls == expected_calls
    calls = []
    answered = asyncio.run(STRAWBERRY.execute(text, variables, context_value=calls))
    assert answered.data == expected.data
    assert [called for called, _ in calls] == [called for called, _ in expected_calls]


def test_a_query_that_is_given_up_leaves_no_resolver_running() -> None:
    calls: list[str] = []

    async def resolve(*_: Any, **arguments: Any) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            calls.append("ended")

    schema = graphql_schema(Schema(query=Query))
    assert schema.query_type is not None
    field = schema.query_type.fields["place"]
    field.resolve, field.extensions = resolve, {}
    document = Document(schema, "{ a: place { name } b: place { name } }", UNLIMITED)
    operation = document.operation(None)
    assert operation is not None

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(operation.execute({}, None), 0.05)
        assert calls == ["ended", "ended"]

    asyncio.run(give_up())


def test_a_field_that_needs_strawberry_to_call_its_resolver_is_no_part_of_a_schema() -> (
    None
):
    @strawberry.type
    class Extended:
        @strawberry.field(extensions=[FieldExtension()])
        def name(self) -> str:
            return "name"

    with pytest.raises(TypeError, match="name needs Strawberry"):
        graphql_schema(Schema(query=Extended))


def test_the_private_names_of_strawberry_are_as_they_were() -> None:
    schema = graphql_schema(SCHEMA)
    assert schema.query_type is not None
    field = schema.query_type.fields["place"]
    assert find_definition(schema.query_type).origin is Query
    assert find_definition(field).python_name == "place"
    calls: Calls = []
    asyncio.run(operation_of("{ here { name } }").execute({}, calls))
    assert [name for name, _ in calls] == ["here"]
