"""Values for the fields of a schema, made from a seed: as its types expect, or anything but that."""

import asyncio
from collections import UserList, UserString
from collections.abc import Callable, Generator, Mapping, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

from graphql import (
    GraphQLAbstractType,
    GraphQLEnumType,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    is_abstract_type,
)

from models.basket.rows import Parts
from models.basket.tables import BasketStatus
from models.division import DivisionType
from models.export.export import ExportStatus
from models.rejections import Rejection, RejectionCode
from schema.item_rows import ItemRows
from tests.support.baskets import PRODUCT, division_row, full_basket

MAXIMUM_DEPTH = 5
MOMENT = "2026-11-23T14:05:00.000000+00:00"


class Later:
    """A value that has to be awaited, and an error when it is an exception."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, Any]:
        yield from asyncio.sleep(0).__await__()
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Broken:
    """An object none of whose attributes can be read."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(f"{name} cannot be read.")


class Values:
    """Values for one root field. `faults` is the chance that a value is not what its type expects, in a thousand."""

    def __init__(
        self, schema: GraphQLSchema, seed: str, faults: int, *, with_awaitables: bool
    ) -> None:
        self.schema = schema
        self.random = Random(seed)
        self.faults = faults
        self.with_awaitables = with_awaitables
        self.depth = 0

    def chance(self, thousandths: int) -> bool:
        return self.random.randrange(1000) < thousandths

    def value(self, kind: GraphQLOutputType) -> Any:
        """Makes a value of a type; one that must not be null may be null by fault."""
        is_nullable = not isinstance(kind, GraphQLNonNull)
        present = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if is_nullable and (self.chance(200) or self.depth > MAXIMUM_DEPTH):
            return None
        # An error where null is allowed leaves the rest of the answer as it is, which makes it the more telling one.
        likely = self.faults * 8 if is_nullable and self.depth > 0 else self.faults
        return self.fault(present) if self.chance(likely) else self.good(present)

    def good(self, kind: GraphQLOutputType) -> Any:
        """Makes a value as its type expects."""
        if isinstance(kind, GraphQLList):
            return self.listing(kind)
        if isinstance(kind, GraphQLObjectType):
            return self.object(kind)
        if isinstance(kind, GraphQLEnumType):
            return self.random.choice(
                list(kind.extensions["strawberry-definition"].wrapped_cls)
            )
        if isinstance(kind, GraphQLScalarType):
            return self.scalar(kind.name)
        assert is_abstract_type(kind)
        return self.object(self.random.choice(self.possible(kind)))

    def possible(self, kind: GraphQLAbstractType) -> Sequence[GraphQLObjectType]:
        return list(self.schema.get_possible_types(kind))

    def scalar(self, name: str) -> Any:
        """Makes a scalar."""
        scalars: dict[str, list[Any]] = {
            "Int": [0, 1, -1, 2**31 - 1, -(2**31)],
            "Float": [0.0, 0.5, 1, -1e300],
            "String": ["", "a", "ş€😀", '"'],
            "ID": ["1", "", "x"],
            "Boolean": [True, False],
            "Decimal": [0, 5, 8165, 10**15],
            "DateTime": [MOMENT],
            "JSON": [{}, {"size": "XL"}, [], [None], "text", 1, False, 0.5],
        }
        return self.random.choice(scalars[name])

    def listing(self, kind: GraphQLList[Any]) -> Any:
        """Makes a list, of the items of a basket as rows half of the time."""
        if str(kind) == "[BasketItem!]" and self.chance(500):
            return self.item_rows()
        self.depth += 1
        items = [
            self.value(kind.of_type)
            for _ in range(self.random.randrange(4) if self.depth < MAXIMUM_DEPTH else 0)
        ]
        self.depth -= 1
        return tuple(items) if self.chance(100) else items

    def object(self, kind: GraphQLObjectType) -> Any:
        """Makes an object of the very class that answers a type."""
        origin = kind.extensions["strawberry-definition"].origin
        return self.filled(object.__new__(origin), kind)

    def filled(self, made: Any, kind: GraphQLObjectType) -> Any:
        self.depth += 1
        for each in kind.fields.values():
            definition = each.extensions["strawberry-definition"]
            if definition.is_basic_field:
                setattr(made, definition.python_name, self.value(each.type))
        for name, make in HIDDEN.get(kind.name, {}).items():
            setattr(made, name, make(self))
        self.depth -= 1
        return made

    def item_rows(self) -> ItemRows:
        """Makes rows as the database may return them."""
        divisions = {
            number: division_row(
                number,
                parent_id=self.random.choice([None, 9]),
                division_is_active=self.chance(500),
                division_name=self.random.choice(["main", "Größe", "ş€😀"]),
            )
            for number in range(1, 1 + self.random.randint(1, 6))
        }
        items = [self.item(list(divisions)) for _ in range(self.random.randrange(4))]
        status = "SUBMITTED" if self.chance(300) else "ACTIVE"
        return ItemRows(full_basket(items, divisions, status))

    def item(
        self, divisions: Sequence[int]
    ) -> tuple[int, int, Mapping[str, Any], str, Parts]:
        chosen = self.random.sample(divisions, self.random.randint(1, len(divisions)))
        few, many = (1, 2, 1_000_000), (2**31 - 1, 2**30)
        quantities = [self.random.choice(many if self.chance(20) else few) for _ in chosen]
        price = self.random.choice([0, 999, 400_000_000])
        product = {
            **PRODUCT,
            "remote_id": self.random.randrange(9),
            "segment": self.random.choice([0, 3]),
            "name": self.random.choice(
                [None, "", "Socks", "Çorap ş€😀", 'a "quoted" \\ {name}\n']
            ),
            "price": price,
            "variants": self.random.choice(["{}", '{"size": "XL"}']),
            "in_stock": self.random.choice([True, False, 1, 0]),
        }
        moment = self.random.choice(
            ["2026-11-23 14:05:00+00", "2026-11-23T14:05:00.123456+00:00"]
        )
        number = self.random.randrange(10**6)
        return number, price, product, moment, (chosen, quantities)

    def fault(self, kind: GraphQLOutputType) -> Any:
        """Makes something that the type does not expect, or does not expect in this form."""
        numbers: list[Any] = [None, 2**31, -(2**40), 1.5, 2.0, True]
        texts: list[Any] = ["text", b"bytes", bytearray(b"a"), memoryview(b"a"), object]
        simple: list[Any] = [*numbers, *texts, {}, {"id": 1}, [], [[]], (), range(2)]
        errors = [
            ValueError("A value that is an error."),
            GraphQLError("Ours."),
            Rejection(RejectionCode.DIVISION_INACTIVE, "Closed."),
        ]
        enums = [
            BasketStatus.DRAFT,
            ExportStatus.FAILED,
            DivisionType.SUB,
            RejectionCode.BASKET_EMPTY,
            "DRAFT",
            "SUB",
        ]
        odd: list[Callable[[], Any]] = [
            Broken,
            lambda: UserString("text"),
            lambda: UserList([self.good(kind)]),
            lambda: (each for each in [self.good(kind), None]),
            lambda: {self.random.randrange(9)},
            lambda: (
                SimpleNamespace(**vars(self.good(kind)))
                if isinstance(kind, GraphQLObjectType)
                else Broken()
            ),
            lambda: self.derived(kind),
            lambda: self.object(
                self.schema.type_map[self.random.choice(sorted(self.classes()))]  # type: ignore[arg-type]
            ),
        ]
        later: list[Callable[[], Any]] = [
            lambda: Later(self.good(kind)),
            lambda: Later(None),
            lambda: Later(ValueError("It came to nothing.")),
        ]
        form = self.random.randrange(5 if self.with_awaitables else 4)
        if form < 3:
            return self.random.choice((simple, errors, enums)[form])
        return self.random.choice(odd if form == 3 else later)()

    def derived(self, kind: GraphQLOutputType) -> Any:
        """Makes an object of a class of its own below the very one, some of whose attributes raise."""
        if not isinstance(kind, GraphQLObjectType):
            return Broken()
        origin = kind.extensions["strawberry-definition"].origin
        made = self.filled(object.__new__(type("Derived", (origin,), {})), kind)
        for name in list(vars(made)):
            if self.chance(200):
                delattr(made, name)
        return made

    def classes(self) -> set[str]:
        return {
            name
            for name, kind in self.schema.type_map.items()
            if isinstance(kind, GraphQLObjectType)
            and "strawberry-definition" in kind.extensions
            and kind not in (self.schema.query_type, self.schema.mutation_type)
        }


HIDDEN: dict[str, Mapping[str, Callable[[Values], Any]]] = {}
"""By type and attribute, how to make what no plain field shows."""
