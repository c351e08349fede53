"""The workloads, and their requests to each kind of server."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.population import Placed

DIVISION = "id name erpCode type parent { id name erpCode type isActive } isActive"
HEADER = (
    "id status name segmentRemoteId currency totalAmount totalQuantity itemCount version "
    "createdAt updatedAt"
)
WHOLE = (
    f"{HEADER} items {{ id productRemoteId price quantity totalAmount "
    "product { remoteId sku name price currency variants productImage inStock } "
    f"divisions {{ quantity totalAmount division {{ {DIVISION} }} }} }}"
)
"""All fields but `refreshedAt`, with which no response is remembered."""
TOTALS = "id totalAmount totalQuantity itemCount currency"
READ = f"query Read {{ activeBasket {{ {WHOLE} }} }}"
READ_ANEW = READ.replace("inStock", "inStock refreshedAt")
BADGE = "query Badge { activeBasket { totalQuantity totalAmount itemCount } }"
DRAFTS = (
    f"query Drafts {{ draftBaskets(first: 20) {{ edges {{ cursor node {{ {HEADER} }} }} "
    "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } }"
)
OURS, BESIDE, STOCK, BY_HAND = "ours", "beside", "stock", "by hand"
KINDS = (OURS, STOCK, BY_HAND)
"""The servers that are compared; BESIDE is another checkout of ours."""

ADD = (
    "mutation Add($input: BasketItemsAddInput!) {{ basketItemsAdd(input: $input) "
    "{{ basket {{ {} }} userErrors {{ code message field }} }} }}"
)


PRODUCT, DIVISION_ID, KEY = "<product>", "<division>", "<key>"
"""Placeholders of a body for the product, the division and the idempotency key of the request."""


@dataclass(frozen=True, slots=True)
class Line:
    """One unit of a product for the buyer's own division."""

    product: int
    division: int


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a workload: the token of its buyer, and the line that it adds, if any.

    A request without a line reads.
    """

    token: str
    line: Line | None


@dataclass(frozen=True, slots=True)
class Shape:
    """The common part of all requests of a workload to one server."""

    method: str
    path: str
    body: str
    read_body: str = ""
    """The body of calls without a line, in a workload that changes and reads by turns."""

    def body_of(self, call: Call) -> str:
        """Returns the body of a call, with an idempotency key that was never sent before."""
        if call.line is None:
            return self.read_body or self.body
        body = self.body.replace(KEY, str(uuid.uuid4()))
        return body.replace(PRODUCT, str(call.line.product)).replace(
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
    has_key: bool = False
    """Whether each request carries a fresh idempotency key."""
    has_id: bool = False
    """Whether each request names its document, a trusted one, instead of sending it."""
    unsupported: tuple[str, ...] = ()
    """The kinds of servers that do not have the operation."""
    reads: int = 0
    """Reads of the whole basket by each buyer between two of their changes."""

    @property
    def writes(self) -> bool:
        """Whether it changes baskets."""
        return self.line is not None

    @property
    def document_id(self) -> str:
        """The id of its document."""
        return f"sha256:{hashlib.sha256(self.document.encode()).hexdigest()}"

    def supporting(self, kinds: Iterable[str]) -> list[str]:
        """Returns those of the servers that have the operation."""
        return [kind for kind in kinds if kind not in self.unsupported]

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
                self.line(population, number, count)
                # At any time, some buyers are due for a change.
                if self.line and (count + number) % (self.reads + 1) == self.reads
                else None,
            )
            for count in range(self.repeats)
            for number in numbers
        ]

    def compared(self, calls: Sequence[Call], buyers: int) -> list[Call]:
        """Returns the first calls of some buyers of all of the population, not of one company."""
        count = len(calls) // self.repeats
        firsts = range(0, count, max(1, count // buyers))[:buyers]
        return [
            calls[first + turn * count]
            for first in firsts
            for turn in range(self.reads + 1)
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
        document = self.documents.get(kind, self.document)
        sent = {"documentId": self.document_id} if self.has_id else {"query": document}
        content = {**sent, "variables": self._variables(line)}
        read_body = _body({"query": READ}) if self.reads else ""
        return Shape("POST", "/graphql", _body(content), read_body)

    def _variables(self, line: dict[str, object]) -> dict[str, object]:
        if not self.line:
            return {}
        key = {"idempotencyKey": KEY} if self.has_key else {}
        return {"input": {"items": [line], **key}}


def _body(content: object) -> str:
    text = json.dumps(content, separators=(",", ":"))
    # A placeholder in JSON would have quotation marks, which a number has not.
    return text.replace('"productRemoteId":0', f'"productRemoteId":{PRODUCT}')


def _held_line(population: Placed, number: int, count: int) -> Line:
    return Line(population.held_product(number), population.main_division(number))


def _new_line(population: Placed, number: int, count: int) -> Line:
    return Line(population.new_product(number, count), population.main_division(number))


_ADD, _ADD_FOR_TOTALS = "/basket/items", "/basket/items/totals"
# Neither stock nor the server by hand knows idempotency keys.
_OTHERS = (STOCK, BY_HAND)

WORKLOADS = (
    Workload("R20", "read a basket of 20 items", "bench", READ, "/basket"),
    Workload(
        "R20F",
        "R20 with refreshedAt, which is never remembered",
        "bench",
        READ_ANEW,
        "/basket",
        unsupported=(BY_HAND,),
    ),
    Workload(
        "R20ID",
        "R20 by the id of a trusted document",
        "bench",
        READ,
        "/basket",
        has_id=True,
        unsupported=(*_OTHERS, BESIDE),
    ),
    Workload("R100", "read a basket of 100 items", "bench-r100", READ, "/basket"),
    Workload("R500", "read a basket of 500 items", "bench-r500", READ, "/basket"),
    Workload("B", "read the totals of a basket of 20 items", "bench", BADGE, "/badge"),
    Workload(
        "B10K",
        "read the totals of a basket of 10,000 items",
        "bench-large",
        BADGE,
        "/badge",
        # It reads all items, which takes it seconds.
        unsupported=(STOCK,),
    ),
    Workload("D", "list 20 drafts with totals", "bench-draft", DRAFTS, "/drafts"),
    Workload(
        "W1",
        "add a unit, return the basket",
        "bench",
        ADD.format(WHOLE),
        _ADD,
        _held_line,
    ),
    Workload(
        "W1K",
        "W1 with a fresh idempotency key per request",
        "bench",
        ADD.format(WHOLE),
        _ADD,
        _held_line,
        has_key=True,
        unsupported=_OTHERS,
    ),
    Workload(
        "W2",
        "add a unit, return totals",
        "bench",
        ADD.format(TOTALS),
        _ADD_FOR_TOTALS,
        _held_line,
    ),
    Workload(
        "W2K",
        "W2 with a fresh idempotency key per request",
        "bench",
        ADD.format(TOTALS),
        _ADD_FOR_TOTALS,
        _held_line,
        has_key=True,
        unsupported=_OTHERS,
    ),
    Workload(
        "W2_10K",
        "W2 with 10,000 items in the basket",
        "bench-large",
        ADD.format(TOTALS),
        _ADD_FOR_TOTALS,
        _held_line,
        unsupported=(STOCK,),
    ),
    Workload(
        "W3",
        "add a new product",
        "bench-new",
        ADD.format(WHOLE),
        _ADD,
        _new_line,
        repeats=20,
    ),
    *(
        Workload(
            name,
            description,
            "bench",
            ADD.format(TOTALS),
            _ADD_FOR_TOTALS,
            _held_line,
            repeats=reads + 1,
            unsupported=_OTHERS,
            reads=reads,
        )
        for name, description, reads in (
            ("M80", "four reads of R20 to one change of W2", 4),
            ("M50", "a read of R20 after each change of W2", 1),
        )
    ),
)
