"""The real schema with generated values behind its root fields, and a small one with all that the real one lacks."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Union

import strawberry
from graphql import GraphQLResolveInfo
from strawberry import Private, Schema

from resolvers.mutation import Mutation
from resolvers.query import Query
from schema.scalars import CONFIGURATION
from tests.support.generated_values import HIDDEN, Later, Values


@dataclass(frozen=True)
class Generated:
    """A context from which root fields are answered: the same for the same seed and path."""

    seed: int
    faults: int
    with_awaitables: bool

    def answer(self, info: GraphQLResolveInfo[Any]) -> Any:
        """Makes the value of a root field."""
        seed = f"{self.seed} {info.path.as_list()}"
        values = Values(
            info.schema, seed, self.faults, with_awaitables=self.with_awaitables
        )
        made = values.value(info.return_type)
        if values.chance(self.faults):
            raise RuntimeError("A resolver that raises.")
        return Later(made) if self.with_awaitables and values.chance(500) else made


def generated(schema: Schema) -> Schema:
    """Lets the root fields of a schema answer from the context."""
    for root in (schema._schema.query_type, schema._schema.mutation_type):
        for each in root.fields.values() if root else ():
            each.resolve = lambda source, info, **arguments: info.context.answer(info)
            # It is no resolver of Strawberry any more, and is called as graphql-core calls it.
            each.extensions = {}
    return schema


@strawberry.interface
class Named:
    name: str
    length: int | None


@strawberry.type
class Leaf(Named):
    weight: float
    is_green: bool | None


@strawberry.type
class Stone(Named):
    weight: float
    below: "list[list[Stone] | None]"


@strawberry.type
class Place:
    x: float
    y: float | None
    note: str | None
    above: "Place | None"
    beside: "list[list[Place | None] | None]"


@strawberry.type
class Branch:
    id: strawberry.ID
    name: str | None
    leaves: list[Leaf | None]
    first: "Branch | None"
    tags: list[list[str] | None] | None
    found: list[Annotated[Union[Leaf, Stone], strawberry.union("Found")]]  # noqa: UP007
    named: Named | None
    place: "Place"
    places: "list[Place] | None"
    hidden: Private[Any]

    @strawberry.field
    async def later(self) -> "Branch | None":
        await asyncio.sleep(0)
        return self.hidden  # type: ignore[no-any-return]

    @strawberry.field
    async def surely(self) -> "Branch":
        await asyncio.sleep(0)
        return self if self.hidden is None else self.hidden

    @strawberry.field
    def scaled(self, by: int = 2) -> int | None:
        return len(self.leaves) * by

    @strawberry.field
    def leaf(self, at: int) -> Leaf | None:
        return self.leaves[at % 4]

    @strawberry.field
    async def cut(
        self, length: int | None = None, names: list[str] | None = None
    ) -> list[Leaf | None]:
        return self.leaves[:length]


@strawberry.type
class Trees:
    branch: Branch | None
    surely: Branch
    branches: list[Branch | None] | None
    named: list[Named] | None
    place: Place | None
    places: list[Place | None] | None
    depth: int | None


HIDDEN["Branch"] = {"hidden": lambda values: values.value(values.schema.type_map["Branch"])}  # type: ignore[arg-type]


def real_types() -> Schema:
    """Returns the real schema's types under root fields that answer from the context."""
    return generated(Schema(query=Query, mutation=Mutation, config=CONFIGURATION))


def trees() -> Schema:
    """Returns a schema with async fields, arguments, interfaces, unions and nested lists beside plain fields."""
    return generated(Schema(query=Trees))
