"""The workloads, and their requests to each kind of server."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.population import Placed

DIVISION = "id name erpCode type parent { id name erpCode type isActive } isActive"
HEADER = (
    "id status name segmentRemoteId currency totalAmount totalQuantity itemCount version "
    "createdAt updatedAt"
)
WHOLE = (
    f"{HEADER} items {{ id productRemoteId price quantity totalAmount "
    "product { remoteId sku name price currency variants productImage inStock refreshedAt } "
    f"divisions {{ quantity totalAmount division {{ {DIVISION} }} }} }}"
)
TOTALS = "id totalAmount totalQuantity itemCount currency"
READ = f"query Read {{ activeBasket {{ {WHOLE} }} }}"
DRAFTS = (
    f"query Drafts {{ draftBaskets(first: 20) {{ edges {{ cursor node {{ {HEADER} }} }} "
    "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"
)
OURS, BESIDE, BY_HAND = "ours", "beside", "by hand"
KINDS = (OURS, "stock", BY_HAND)
"""The servers that are compared; BESIDE is another checkout of ours."""

ADD = (
    "mutation Add($input: BasketItemsAddInput!) {{ basketItemsAdd(input: $input) "
    "{{ basket {{ {} }} userErrors {{ code message field }} }} }}"
)


PRODUCT, DIVISION_ID = "<product>", "<division>"
"""Placeholders of a body for the product and the division of the request."""


@dataclass(frozen=True, slots=True)
class Line:
    """One unit of a product for the buyer's own division."""

    product: int
    division: int


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a workload: the token of its buyer, and the line that it adds, if any."""

    token: str
    line: Line | None


@dataclass(frozen=True, slots=True)
class Shape:
    """The common part of all requests of a workload to one server."""

    method: str
    path: str
    body: str

    def body_of(self, call: Call) -> str:
        """Returns the body of a call."""
        if call.line is None:
            return self.body
        return self.body.replace(PRODUCT, str(call.line.product)).replace(
            DIVISION_ID, str(call.line.division)
        )


@dataclass(frozen=True, slots=True)
class Workload:
    """An operation of a population, as a GraphQL document and as a path of the server by hand."""

    name: str
    description: str
    prefix: str
    document: str
    path: str
    line: Callable[[Placed, int, int], Line] | None = None
    repeats: int = 1
    """Different requests of each buyer."""
    division_id: str = f"division_{DIVISION_ID}"
    """The id of a division in a request; checkouts from before global ids take the number alone."""
    documents: Mapping[str, str] = field(default_factory=dict)
    """The documents of the servers that have another schema."""

    @property
    def writes(self) -> bool:
        """Whether it changes baskets."""
        return self.line is not None

    def calls(self, populations: Sequence[Placed]) -> list[Call]:
        """Returns the calls in their order, buyer by buyer."""
        (population,) = [
            population
            for population in populations
            if population.population.prefix == self.prefix
        ]
        numbers = range(1, population.population.users + 1)
        return [
            Call(
                population.population.token(number),
                self.line(population, number, count) if self.line else None,
            )
            for count in range(self.repeats)
            for number in numbers
        ]

    def shape(self, kind: str) -> Shape:
        """Returns the request of a kind of server."""
        line = {
            "productRemoteId": 0,
            "divisionId": self.division_id,
            "quantity": 1,
        }
        # It has a path per operation, and takes a line alone.
        if kind == BY_HAND:
            return (
                Shape("POST", self.path, _body(line))
                if self.line
                else Shape("GET", self.path, "")
            )
        variables = {"input": {"items": [line]}} if self.line else {}
        document = self.documents.get(kind, self.document)
        return Shape("POST", "/graphql", _body({"query": document, "variables": variables}))


def _body(content: object) -> str:
    text = json.dumps(content, separators=(",", ":"))
    # A placeholder in JSON would have quotation marks, which a number has not.
    return text.replace('"productRemoteId":0', f'"productRemoteId":{PRODUCT}')


def _held_line(population: Placed, number: int, count: int) -> Line:
    return Line(population.held_product(number), population.main_division(number))


def _new_line(population: Placed, number: int, count: int) -> Line:
    return Line(population.new_product(number, count), population.main_division(number))


WORKLOADS = (
    Workload("R20", "read a basket of 20 items", "bench", READ, "/basket"),
    Workload("R100", "read a basket of 100 items", "bench-r100", READ, "/basket"),
    Workload("R500", "read a basket of 500 items", "bench-r500", READ, "/basket"),
    Workload("D", "list 20 drafts with totals", "bench-draft", DRAFTS, "/drafts"),
    Workload(
        "W1",
        "add a unit, return the basket",
        "bench",
        ADD.format(WHOLE),
        "/basket/items",
        _held_line,
    ),
    Workload(
        "W2",
        "add a unit, return totals",
        "bench",
        ADD.format(TOTALS),
        "/basket/items/totals",
        _held_line,
    ),
    Workload(
        "W3",
        "add a new product",
        "bench-new",
        ADD.format(WHOLE),
        "/basket/items",
        _new_line,
        repeats=20,
    ),
)
