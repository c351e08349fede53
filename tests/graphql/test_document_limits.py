"""The limits on documents, each at its edge, and what operations cost."""

import pytest
from graphql import GraphQLError, get_introspection_query

from application import schema
from settings.options import OPTIONS
from tests.support.service import BASKET, Service
from web.graphql.limits import DocumentLimits, Measures, parse_document
from web.graphql.walk import measure_document

LIMITS = DocumentLimits.from_options(OPTIONS)
FEW = DocumentLimits(
    length=500,
    tokens=120,
    depth=4,
    aliases=2,
    directives=2,
    repeated_fields=3,
    cost=1_000,
    introspection=False,
)


def measures(document: str, limits: DocumentLimits = LIMITS) -> Measures:
    """Parses and measures a document."""
    return measure_document(schema._schema, parse_document(document, limits), limits)


def rejections(document: str, limits: DocumentLimits = FEW) -> list[str]:
    """Returns the messages with which a document is rejected."""
    return [error.message for error in measures(document, limits).errors]


def fragments(count: int, spread: str, last: str = "id") -> str:
    """Writes fragments on Viewer, each spreading the next."""
    links = [f"fragment F{i} on Viewer {{ {spread.format(i + 1)} }}" for i in range(count)]
    return " ".join([*links, f"fragment F{count} on Viewer {{ {last} }}"])


def test_the_length_and_the_tokens_are_limited_before_anything_is_parsed() -> None:
    padded = "{ viewer { id } }".ljust(500)
    assert rejections(padded) == []
    with pytest.raises(
        GraphQLError, match="The document has 501 characters; at most 500 are allowed."
    ):
        parse_document(padded + " ", FEW)
    assert rejections("{" + "a " * 118 + "}", FEW) == [
        "The document asks for 'a' more than 3 times in one place.",
    ]
    with pytest.raises(GraphQLError, match="Document contains more than 120 tokens"):
        parse_document("{" + "a " * 119 + "}", FEW)
    with pytest.raises(GraphQLError, match="Document contains more than 120 comments"):
        parse_document("{viewer{id}}" + "#\n" * 121, FEW)


DEPTH = "The document is nested deeper than 4 fields."


@pytest.mark.parametrize(
    ("document", "messages"),
    [
        ("{ a { b { c { d } } } }", []),
        ("{ a { b { c { d { e } } } } }", [DEPTH]),
        ("{ a { b { ...F } } } fragment F on X { c { d } }", []),
        ("{ a { b { ...F } } } fragment F on X { c { d { e } } }", [DEPTH]),
        ("{ a } fragment F on X { a { b { c { d { e } } } } }", [DEPTH]),
        ("{ a } query B { a { b { c { d { e } } } } }", [DEPTH]),
        ("{ viewer { ...F0 } } " + fragments(8, "...F{0}"), []),
        ("{ viewer { ...F0 } } " + fragments(12, "...F{0}"), [DEPTH]),
        ("{ viewer { ...F } } fragment F on Viewer { id ...F }", []),
    ],
)
def test_the_depth_is_limited_through_fragments_and_in_every_operation(
    document: str, messages: list[str]
) -> None:
    assert rejections(document) == messages


@pytest.mark.parametrize(
    ("document", "messages"),
    [
        ("{ a: x b: x }", []),
        ("{ a: x b: x c: x }", ["The document has more than 2 aliases."]),
        (
            "{ a: x } fragment F on X { b: x c: x }",
            ["The document has more than 2 aliases."],
        ),
        ("query @a { x @b }", []),
        ("query @a { x @b @c }", ["The document has more than 2 directives."]),
        (
            "query ($v: Int @a) { ...F @b } fragment F on X @c { x }",
            ["The document has more than 2 directives."],
        ),
        (
            "{ ... @a { x } ... @b { x } ...F @c }",
            ["The document has more than 2 directives."],
        ),
    ],
)
def test_aliases_and_directives_are_limited_in_the_whole_document(
    document: str, messages: list[str]
) -> None:
    assert rejections(document) == messages


REPEATED = ["The document asks for 'id' more than 3 times in one place."]


@pytest.mark.parametrize(
    ("document", "messages"),
    [
        ("{ a { id id id } b { id } }", []),
        ("{ a { id id id id } }", REPEATED),
        ("{ a { id id } a { id id } }", REPEATED),
        ("{ a { id ... { id id } ... on X { id } } }", REPEATED),
        ("{ a { id ...F ...G } } fragment F on X { id id } fragment G on X { id }", REPEATED),
        ("{ a { ...F } a { ...F } a { ...F } } fragment F on X { id id id }", []),
        ("{ a { ...F } } fragment F on X { id id ...G } fragment G on X { b { id id } ...H } "
         "fragment H on X { b { id id } }", REPEATED),
    ],
)  # fmt: skip
def test_repeated_fields_are_limited_where_they_can_meet(
    document: str, messages: list[str]
) -> None:
    assert rejections(document) == messages


@pytest.mark.parametrize(
    ("document", "cost"),
    [
        ("{ viewer { id } }", 1),
        ("{ viewer { division { parent { id } } } }", 3),
        ("{ viewer { divisions { id } } }", 21),
        ("{ activeBasket { items { quantity } } }", 101),
        ("{ activeBasket { items { divisions { division { id } } } } }", 1 + 100 * (1 + 3 * 2)),
        ("{ draftBaskets { totalCount } }", 1),
        ("{ draftBaskets { edges { node { id } } } }", 1 + 20 * 2),
        ("{ draftBaskets(first: 3) { edges { node { id } } pageInfo { endCursor } } }", 1 + 3 * 2 + 1),
        ("{ draftBaskets(first: null) { edges { node { id } } } }", 1 + 20 * 2),
        ("{ draftBaskets(first: -5) { edges { node { id } } } }", 1),
        ("{ draftBaskets(last: 3, before: \"x\") { edges { node { id } } } }", 1 + 3 * 2),
        ("{ draftBaskets(first: null, last: 4) { edges { node { id } } } }", 1 + 4 * 2),
        ("{ draftBaskets(first: 3, last: 4) { edges { node { id } } } }", 1 + 7 * 2),
        ("{ activeBasket { itemsPage { edges { node { id } } } } }", 1 + 1 + 50 * 2),
        ("{ node(id: \"basket_1\") { id ... on Basket { items { id } } } }", 1 + 100),
        ("mutation { basketClear(input: {}) { query { product(remoteId: 1) { id } divisions { id } } } }",
         10 + 1 + 10 + 20),
        ("{ draftBaskets(first: 5) { ...F } } fragment F on BasketConnection { edges { node { id } } }", 1 + 5 * 2),
        ("{ product(sku: \"A\") { sku } }", 10),
        ("mutation { basketClear(input: {}) { basket { id } } }", 11),
        ("mutation { basketRefresh(input: {}) { priceChanges { oldPrice } unavailable { price } } }", 50 + 20 + 5),
        ("mutation { basketItemsAdd(input: {items: []}) { acceptedCount outcomes { errors { code } } } }",
         10 + 20 * 2),
        ("mutation { basketCopy(input: {basketId: 1}) { acceptedCount outcomes { index } } }", 50 + 20),
        ("{ activeBasket { isSubmittable problems { item { id } } } }", 1 + 5 * 2),
        ("mutation { basketRevert(input: {toVersion: 1}) { outcomes { division { id } errors { code } } } }",
         50 + 20 * 3),
        ("{ nothing { at { all } } }", 2),
    ],
)  # fmt: skip
def test_what_an_operation_costs(document: str, cost: int) -> None:
    found = measures(document)
    assert (found.errors, found.is_fixed, found.cost(None, None)) == ([], True, cost)


def test_a_cost_follows_the_variables() -> None:
    page = "itemsPage(first: $n) { edges { node { quantity } } }"
    drafts = f"draftBaskets(first: $n) {{ edges {{ node {{ {page} }} }} }}"
    document = f"query A($n: Int = 7) {{ {drafts} }} query B {{ viewer {{ id }} }}"
    found = measures(document)
    assert (found.errors, found.is_fixed) == ([], False)

    def cost(n: int) -> int:
        return 1 + n * (1 + 1 + 1 + n * 2)

    assert found.cost("A", {"n": 10}) == cost(10)
    assert found.cost("A", {}) == cost(7)
    assert found.cost("A", {"n": 10.0}) == cost(10)
    assert found.cost("A", {"n": 10**9}) == cost(1_000)
    assert found.cost("A", {"n": "x"}) == cost(50)
    assert found.cost("B", {"n": 10**9}) == 1
    both = measures(
        "query ($f: Int, $l: Int) { draftBaskets(first: $f, last: $l) { edges { node { id } } } }"
    )
    assert (both.errors, both.cost(None, {"f": 3, "l": 4})) == ([], 1 + 7 * 2)
    assert found.rejection("A", {"n": 100}) is None
    rejected = found.rejection("A", {"n": 300})
    assert rejected is not None
    assert rejected.extensions == {
        "code": "COST_LIMIT_EXCEEDED",
        "cost": {"requested": cost(300), "maximum": 100_000},
    }


def test_chained_fragments_are_walked_once() -> None:
    document = "{ viewer { ...F0 } } " + fragments(50, "...F{0} ...F{0}")
    found = measures(document)
    assert (found.errors, found.cost(None, None)) == ([], 1)
    doubled = "{ viewer { ...F0 } } " + fragments(
        16, "division {{ ...F{0} }} parent {{ ...F{0} }}"
    )
    assert measures(doubled).errors[0].extensions == {
        "code": "COST_LIMIT_EXCEEDED",
        "cost": {"requested": 2**17 - 1, "maximum": 100_000},
    }


def test_everything_a_client_may_reasonably_ask_is_within_the_limits() -> None:
    introspection = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    everything = (
        "{ activeBaskets { ...Whole } draftBaskets(first: 100) { totalCount edges { node { ...Whole } } } "
        f"quotations(first: 100) {{ totalCount edges {{ node {{ id }} }} }} }} {BASKET}"
    )
    costs = [
        measures(document).cost(None, None) for document in (introspection, everything)
    ]
    assert costs == [8_364, 84_407]


def test_introspection_can_be_switched_off() -> None:
    for document in (
        "{ __schema { queryType { name } } }",
        '{ a: __type(name: "X") { name } }',
    ):
        assert rejections(document) == ["Introspection is switched off."]
    assert rejections("{ __typename viewer { __typename } }") == []


async def test_a_rejected_cost_is_told_and_nothing_is_executed(service: Service) -> None:
    page = "itemsPage(first: 1000) { edges { node { quantity } } }"
    document = f"{{ draftBaskets(first: 100) {{ edges {{ node {{ {page} }} }} }} }}"
    content = (await service.main.post(document)).json()
    cost = {"requested": 1 + 100 * (3 + 1000 * 2), "maximum": 100_000}
    (error,) = content["errors"]
    assert error["message"] == (
        "The operation costs 200301; at most 100000 is allowed. Ask for smaller pages or fewer lists."
    )
    assert error["extensions"] == {"code": "COST_LIMIT_EXCEEDED", "cost": cost}
    assert (content["extensions"], content.get("data", "none")) == ({"cost": cost}, "none")
    by_variable = document.replace("{ draft", "query ($n: Int) { draft", 1).replace(
        "1000", "$n"
    )
    assert (await service.main.post(by_variable, n=1_000)).json()["extensions"] == {
        "cost": cost
    }
    assert "data" in (await service.main.post(by_variable, n=10)).json()


async def test_the_cost_is_told_to_whoever_asks(service: Service) -> None:
    body = {
        "query": "{ activeBasket { items { quantity } } }",
        "extensions": {"cost": True},
    }
    headers = {"Authorization": "Token main"}
    content = (await service.client.post("/graphql", json=body, headers=headers)).json()
    assert content == {
        "data": {"activeBasket": None},
        "extensions": {"cost": {"requested": 101, "maximum": 100_000}},
    }
