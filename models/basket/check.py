"""The check of a read: one small statement tells whether it would still give the same baskets.

A state names all that a read shows: ids, versions and times of baskets, revisions of products and
divisions. Of equal states the reads are equal, in every process and at all times.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

import orjson

from models.basket.contents import Revisions, name_state
from models.basket.contents_cache import ContentsCache, ContentsKey
from models.basket.read import ACTIVE, ALL_ACTIVE, OWN, BasketRead
from models.basket.rows import (
    BasketRows,
    BasketSince,
    BasketSummary,
    FullBasket,
)
from models.database.statements import Row, Statement, is_sqlite, load_statements
from models.database.turn import TurnBatch
from models.division import DIVISION

State = Sequence[Sequence[Any]]
"""The state of each basket of a read, in their order."""

MAXIMUM_PRODUCTS = 20
"""The most products of a delta that is checked; of more, the check would cost like the read."""

_NUMBERS: Mapping[BasketRead, str] = {ACTIVE: "segment", ALL_ACTIVE: "", OWN: "basket_id"}
"""The reads that can be checked, with the name of their parameter beside the user."""


class Subject(NamedTuple):
    """A read of the baskets of a user: its source, its number, and whether items are read.

    `products` are those that a delta shows, which only its read knows; otherwise there are none.
    """

    source: BasketRead
    number: int
    has_items: bool
    products: tuple[int, ...] = ()


def find_subject(
    source: BasketRead, values: Mapping[str, Any], *, has_items: bool
) -> Subject | None:
    """Returns the subject of a read with these parameters; None when it cannot be checked."""
    name = _NUMBERS.get(source)
    if name is None:
        return None
    return Subject(source, values[name] if name else 0, has_items)


def find_state(subject: Subject, read: BasketRows) -> tuple[Subject, State | None]:
    """Returns the subject and the state of a read; None when more decides what it has shown."""
    (basket, *others) = read.baskets or (None,)
    if isinstance(basket, BasketSince) and basket.items is not None and not others:
        return _read_delta_state(subject, basket)
    for basket in read.baskets:
        if isinstance(basket, BasketSince) and basket.items is not None:
            return subject, None
    return subject, state_of_baskets(read.baskets)


def _read_delta_state(
    subject: Subject, basket: BasketSince
) -> tuple[Subject, State | None]:
    revisions = basket.revisions
    # What is in the history decides that a delta is complete. All others stay right without it.
    if basket.has_all_items or revisions is None or revisions.divisions is None:
        return subject, None
    if not revisions.products:
        return subject, [[*name_state(basket.columns), None, None]]
    if len(revisions.products) > MAXIMUM_PRODUCTS:
        return subject, None
    state = [
        *name_state(basket.columns),
        _product_revisions(revisions),
        revisions.divisions,
    ]
    return subject._replace(products=tuple(sorted(revisions.product_ids))), [state]


def state_of_baskets(
    baskets: Iterable[BasketSummary | BasketSince | FullBasket],
) -> State:
    """Returns the state of baskets as they were read; raises ValueError for a part of one."""
    return [_state_of_basket(basket) for basket in baskets]


def _state_of_basket(basket: BasketSummary | BasketSince | FullBasket) -> Sequence[Any]:
    state = name_state(basket.columns)
    if not isinstance(basket, FullBasket):
        return [*state, None, None]
    revisions = basket.revisions
    if revisions is None:
        raise ValueError("Some items of a basket have no state.")
    divisions = revisions.divisions
    if divisions is None:
        return [*state, _product_revisions(revisions), _division_columns(basket)]
    return [*state, _product_revisions(revisions), divisions]


def _product_revisions(revisions: Revisions) -> Sequence[int]:
    """Returns the revisions in the order of the products, as the check reads them."""
    pairs = sorted(zip(revisions.product_ids, revisions.products, strict=True))
    return [revision for _, revision in pairs]


def _division_columns(basket: FullBasket) -> Sequence[Sequence[Any]]:
    """Returns the columns of a basket's divisions, which SQLite has in place of a revision."""
    return [list(row.columns.values()) for _, row in sorted(basket.divisions.items())]


def encode_states(states: Iterable[State]) -> bytes:
    """Returns states as bytes that are equal when the states are: every id, nothing hashed."""
    return orjson.dumps(list(states))


class BasketChecks:
    """Reads states; those that the requests of one turn of the event loop need, together.

    Contents of active baskets that are found to be out of date are dropped.
    """

    def __init__(self, contents: ContentsCache) -> None:
        self._contents = contents
        self._batches = {
            (source, has_items): TurnBatch(_StateRead(source, name, has_items).read)
            for source, name in _NUMBERS.items()
            for has_items in (False, True)
        }
        self._deltas = {
            source: TurnBatch(_DeltaStateRead(source, name).read)
            for source, name in _NUMBERS.items()
        }

    async def find(self, user_id: int, subject: Subject) -> State:
        """Returns the state of a user's baskets now."""
        state = await self._find(user_id, subject)
        if subject.source is ACTIVE:
            found = [value for basket in state for value in basket[:3]]
            self._contents.compare(ContentsKey(user_id, subject.number), found)
        return state

    async def _find(self, user_id: int, subject: Subject) -> State:
        if subject.products:
            deltas, key = self._deltas[subject.source], (user_id, subject.number)
            return await deltas.find((*key, subject.products)) or ()
        batch = self._batches[subject.source, subject.has_items]
        return await batch.find((user_id, subject.number)) or ()


@cache
def _load(name: str, source: BasketRead, number: str) -> Statement:
    # The condition of the read itself, of many users at once.
    condition = source.condition.replace(":user_id", "subject.user_id")
    sqlite = condition.replace("subject.user_id", "subject.value ->> 0")
    if number:
        condition = condition.replace(f":{number}", "subject.number")
        sqlite = sqlite.replace(f":{number}", "subject.value ->> 1")
    return load_statements(
        __file__,
        condition=condition,
        sqlite_condition=sqlite,
        order=source.order,
        division=DIVISION.json_object("d"),
        parent=DIVISION.json_object("m"),
    )[name]


AnySubject = TypeVar("AnySubject")


def _group(subjects: Sequence[AnySubject], rows: Sequence[Row]) -> dict[AnySubject, State]:
    """Returns the states of rows by the subjects at whose positions they were found."""
    states: dict[AnySubject, list[Sequence[Any]]] = {}
    for row in rows:
        states.setdefault(subjects[row["position"] - 1], []).append(_state(row))
    return dict(states)


class _StateRead:
    """The statement of one source."""

    def __init__(self, source: BasketRead, number: str, has_items: bool) -> None:
        self._has_items = has_items
        self._statement = _load("states", source, number)

    async def read(
        self, subjects: Sequence[tuple[int, int]]
    ) -> Mapping[tuple[int, int], State]:
        """Reads the states of several users, by the users and the numbers of their reads."""
        values: dict[str, object] = {"subjects": subjects}
        if not is_sqlite():
            users, numbers = zip(*subjects, strict=True)
            values = {"users": users, "numbers": numbers}
        return _group(
            subjects, await self._statement.rows(with_items=self._has_items, **values)
        )


class _DeltaStateRead:
    """The statement of the deltas of one source, on PostgreSQL."""

    def __init__(self, source: BasketRead, number: str) -> None:
        self._statement = _load("delta_states", source, number)

    async def read(
        self, subjects: Sequence[tuple[int, int, tuple[int, ...]]]
    ) -> Mapping[tuple[int, int, tuple[int, ...]], State]:
        """Reads the states of several users, by the users, the numbers and the products."""
        users, numbers, products = zip(*subjects, strict=True)
        # An array of PostgreSQL has lists of one length only.
        texts = [f"{{{','.join(map(str, ids))}}}" for ids in products]
        rows = await self._statement.rows(users=users, numbers=numbers, products=texts)
        return _group(subjects, rows)


def _state(row: Row) -> Sequence[Any]:
    products, division = row["product_revisions"], row["division_revision"]
    # SQLite has one text of JSON in place of each list.
    if isinstance(products, str):
        products = orjson.loads(products)
        division = [
            [*shown.values(), *parent.values()] for shown, parent in orjson.loads(division)
        ]
    return [row["id"], row["version"], row["updated_at"], products, division]
