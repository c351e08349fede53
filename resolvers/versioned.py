"""Which queries are answered by versions: of equal states of baskets, their answers are equal.

Nothing else may decide an answer of such a query: not the time, not the history, not a secret, and
nothing of the caller but who they are. So root fields and the fields below them are listed here,
or are columns, and a query with any other field is not versioned. A test asks for every field of
these types.

A delta that is not complete is decided by the state, too, for it stays right when its history is
swept. Reads of complete deltas have no state.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from graphql import GraphQLError
from graphql.execution.values import VariableValues
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from models.basket.check import State, Subject
from models.basket.read import ACTIVE, ALL_ACTIVE, OWN, BasketRead
from models.basket.tables import BASKET
from models.database.columns import Columns
from models.product.tables import PRODUCT
from models.rejections import Rejected
from resolvers.context import Context, parse_segment
from resolvers.requested_fields import ITEM_FIELDS
from schema.basket import Basket
from schema.execution.operation import Bound
from schema.execution.plan import Plan, PlannedField
from schema.node import IdKind, number_of, parsed_id
from schema.product import Product

_FIELDS: Mapping[str, str] = {
    # Besides its columns: every change of a basket has a version.
    "Basket": "id segmentRemoteId items itemsPage item delta",
    "BasketDelta": "sinceVersion basket items removedItemIds isComplete",
    "BasketItemConnection": "edges pageInfo totalCount",
    "BasketItemEdge": "node cursor",
    "PageInfo": "hasNextPage hasPreviousPage startCursor endCursor",
    "BasketItem": "id productRemoteId product price quantity totalAmount divisions",
    "BasketItemDivision": "id division quantity totalAmount",
    # Besides its columns, which its revision covers.
    "Product": "id",
    "Division": "id name erpCode type parent isActive",
    # Types that no basket leads to: only `node` asks for the ids of all types.
    **dict.fromkeys(("Viewer", "BasketChange", "Actor", "Quotation", "BasketExport"), "id"),
}
UNVERSIONED = frozenset(
    {
        # The history is swept, and has more than one author.
        "Basket.changes",
        # The caller's division decides, too.
        "Basket.problems",
        "Basket.isSubmittable",
        # No revision covers it.
        "Product.refreshedAt",
    }
)
"""The other fields of the types of a basket."""


def _find_columns(graphql_type: type[Any], columns: Columns) -> Iterator[str]:
    """Yields the fields of a type that are columns, so that a new column is versioned, too."""
    definition = get_object_definition(graphql_type, strict=True)
    for field in definition.fields:
        if field.python_name in columns.kinds:
            yield f"{definition.name}.{to_camel_case(field.python_name)}"


VERSIONED = frozenset(
    {
        *(
            f"{name}.{field}"
            for name, fields in _FIELDS.items()
            for field in fields.split()
        ),
        *_find_columns(Basket, BASKET),
        *_find_columns(Product, PRODUCT),
    }
    - UNVERSIONED
)
"""The fields that the state of a basket decides."""

NumberedRead = tuple[BasketRead, int] | None
"""The source of a read, and its number."""


def _active_basket(arguments: Mapping[str, Any]) -> NumberedRead:
    return ACTIVE, parse_segment(arguments.get("segment_remote_id"))


def _active_baskets(arguments: Mapping[str, Any]) -> NumberedRead:
    return ALL_ACTIVE, 0


def _basket(arguments: Mapping[str, Any]) -> NumberedRead:
    number = number_of(IdKind.BASKET, arguments["id"])
    return None if number is None else (OWN, number)


def _node(arguments: Mapping[str, Any]) -> NumberedRead:
    parsed = parsed_id(arguments["id"])
    is_basket = parsed is not None and parsed.kind is IdKind.BASKET
    return (OWN, parsed.numbers[0]) if parsed and is_basket else None


_ROOTS: Mapping[str, Callable[[Mapping[str, Any]], NumberedRead]] = {
    "activeBasket": _active_basket,
    "activeBaskets": _active_baskets,
    "basket": _basket,
    "node": _node,
}
"""The versioned root fields; each finds the read that its arguments ask for."""


def may_be_versioned(plan: Plan | None) -> bool:
    """Whether all fields of a query are versioned; its arguments may still ask for others."""
    return plan is not None and all(
        field.name in _ROOTS and field.selected <= VERSIONED for field in plan.fields
    )


def find_subjects(bound: Bound | None) -> Sequence[Subject]:
    """Returns the reads whose states decide the answer of a query; none unless it is versioned."""
    values, plan = bound or ([], None)
    if plan is None or isinstance(values, list) or not may_be_versioned(plan):
        return ()
    subjects: dict[Subject, None] = {}
    for field in plan.fields:
        subject = _find_subject(field, values)
        if subject is None:
            return ()
        subjects[subject] = None
    return list(subjects)


def _find_subject(field: PlannedField, values: VariableValues) -> Subject | None:
    try:
        found = _ROOTS[field.name](field.read(values))
    except (Rejected, GraphQLError):
        # Its execution says why.
        return None
    return found and Subject(*found, not field.selected.isdisjoint(ITEM_FIELDS))


def find_states(
    context: Context, subjects: Sequence[Subject]
) -> Mapping[Subject, State] | None:
    """Returns the states of reads as they were executed; None unless just these were executed.

    By their execution the subjects of deltas have got the products that they show.
    """
    # A read that is not one of the subjects would decide the answer, too.
    read = {subject._replace(products=()) for subject in context.states}
    if not subjects or read != set(subjects):
        return None
    states = {
        subject: state for subject, state in context.states.items() if state is not None
    }
    return states if len(states) == len(context.states) else None
