"""Plans: which operations they answer, what is left to graphql-core, and how many are kept."""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import ExecutionResult, GraphQLObjectType, get_named_type, is_leaf_type

from application import create_application
from schema.basket import Basket
from schema.division import Division
from schema.execution.operation import MAXIMUM_PLANS, Operation
from schema.execution.selection import MAXIMUM_FIELDS
from schema.execution.strawberry_internals import graphql_schema
from schema.item_rows import ItemRows
from schema.product import Product
from schema.scalars import JSON
from settings.options import Options
from tests.support.baskets import PRODUCT, division_row, full_basket
from tests.support.documents import UNLIMITED
from tests.support.executors import parse_data
from tests.support.generated_schema import real_types
from tests.support.generated_values import MOMENT, Later
from tests.support.service import open_client, serve
from tests.support.shop import Shop
from web.graphql.document import (
    CACHED_DOCUMENTS,
    CACHED_LENGTH,
    Document,
    Documents,
)

README = (
    "{ activeBasket { totalAmount items { product { sku name } price quantity "
    "divisions { division { name } quantity } } } }"
)
SCHEMA = real_types()


class Given:
    """A context that answers every root field with the same value."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def answer(self, info: Any) -> Any:
        return self.value


def operation_of(text: str, name: str | None = None) -> Operation:
    """Returns an operation of a valid document over the real types."""
    document = Document(graphql_schema(SCHEMA), text, UNLIMITED)
    assert document.errors == []
    operation = document.operation(name)
    assert operation is not None
    return operation


def executed(
    operation: Operation, value: Callable[[], Any], **variables: Any
) -> ExecutionResult:
    """Executes an operation both ways, asserts that the answers are equal, and returns it."""
    compiled, stock = (
        asyncio.run(operation.execute(variables, Given(value()), is_compiled=is_compiled))
        for is_compiled in (True, False)
    )
    compiled.data = parse_data(compiled.data)
    assert (compiled.data, compiled.formatted) == (stock.data, stock.formatted)
    return compiled


def planned(
    operation: Operation, value: Callable[[], Any], **variables: Any
) -> ExecutionResult:
    """Executes an operation as `executed` does, and asserts that its plan answered it."""
    before = operation.fallbacks
    result = executed(operation, value, **variables)
    assert operation.fallbacks == before + 1, "graphql-core answered instead of the plan."
    return result


def fallen_back(
    operation: Operation, value: Callable[[], Any], **variables: Any
) -> ExecutionResult:
    """Executes an operation as `executed` does, and asserts that graphql-core answered it."""
    before = operation.fallbacks
    result = executed(operation, value, **variables)
    assert operation.fallbacks == before + 2, "The plan answered instead of graphql-core."
    return result


def rows(*quantities: dict[int, int]) -> ItemRows:
    """Makes items of division 7 and 9, from their quantities by division."""
    items = [
        (
            number,
            1055,
            PRODUCT,
            "2026-11-23 14:05:00+00",
            (list(parts), list(parts.values())),
        )
        for number, parts in enumerate(quantities, 1)
    ]
    divisions = {7: division_row(7), 9: division_row(9, parent_id=7)}
    return ItemRows(full_basket(items, divisions))


def basket(**changes: Any) -> Basket:
    """Makes a basket of one item for two divisions."""
    made = object.__new__(Basket)
    whole = {
        "id": "5",
        "total_amount": 3165,
        "item_count": 1,
        "name": None,
        "items": rows({7: 2, 9: 1}),
    }
    vars(made).update(whole | changes)
    return made


def division(name: str) -> Division:
    """Makes a division without a parent."""
    made = object.__new__(Division)
    vars(made).update({"id": "7", "name": name, "parent": None})
    return made


def test_the_query_of_the_readme_is_answered_by_its_plan() -> None:
    assert README in Path("README.md").read_text(encoding="utf-8")
    operation = operation_of(README)
    item = {
        "product": {"sku": "SKU01", "name": None},
        "price": "10.55",
        "quantity": 3,
        "divisions": [
            {"division": {"name": "main"}, "quantity": 2},
            {"division": {"name": "sub"}, "quantity": 1},
        ],
    }
    assert planned(operation, basket).data == {
        "activeBasket": {"totalAmount": "31.65", "items": [item]}
    }


def selection_of_all(name: str) -> str:
    """Selects every field without arguments of a type, and of all types below it."""
    object_type = graphql_schema(SCHEMA).type_map[name]
    assert isinstance(object_type, GraphQLObjectType)
    fields = [
        field_name
        if is_leaf_type(below := get_named_type(field.type))
        else f"{field_name} {{ {'id' if below is object_type else selection_of_all(below.name)} }}"
        for field_name, field in object_type.fields.items()
        if not field.args
    ]
    return " ".join(["__typename", *fields])


def test_every_field_of_an_item_is_answered_from_rows() -> None:
    operation = operation_of(
        f"{{ activeBasket {{ items {{ {selection_of_all('BasketItem')} }} }} }}"
    )
    data = planned(operation, basket).data
    assert data is not None
    (item,) = data["activeBasket"]["items"]
    product = graphql_schema(SCHEMA).type_map["Product"]
    assert isinstance(product, GraphQLObjectType)
    assert item["product"].keys() == {"__typename", *product.fields}


def test_an_item_without_quantities_is_answered_from_rows() -> None:
    operation = operation_of(
        "{ activeBasket { items { quantity divisions { quantity } } } }"
    )
    made = partial(basket, items=rows({}, {7: 2, 9: 1}, {}))
    assert planned(operation, made).data == {
        "activeBasket": {
            "items": [
                {"quantity": 0, "divisions": []},
                {"quantity": 3, "divisions": [{"quantity": 2}, {"quantity": 1}]},
                {"quantity": 0, "divisions": []},
            ]
        }
    }


def test_methods_with_arguments_are_called_by_the_plan() -> None:
    operation = operation_of(
        "query ($id: Int!) { activeBasket { id items { id } a: item(productRemoteId: $id) { id } "
        "itemsPage(first: 1) { edges { node { quantity } } } } }"
    )
    for number, item in ((1, {"id": "item_1"}), (2, None)):
        assert planned(operation, basket, id=number).data == {
            "activeBasket": {
                "id": "5",
                "items": [{"id": "item_1"}],
                "a": item,
                "itemsPage": {"edges": [{"node": {"quantity": 3}}]},
            }
        }
    wrong = operation_of("{ activeBasket { itemsPage(first: 0) { totalCount } } }")
    assert fallen_back(wrong, basket).data == {"activeBasket": None}


def test_conditions_select_within_one_document() -> None:
    operation = operation_of(
        "query ($a: Boolean!, $b: Boolean!, $c: Boolean = true) "
        "{ activeBasket { id @include(if: $a) name @skip(if: $b) "
        "items @include(if: $c) { id @skip(if: $a) quantity } } }"
    )
    for a, b, c in product((True, False), repeat=3):
        item = ({} if a else {"id": "item_1"}) | {"quantity": 3}
        expected = (
            ({"id": "5"} if a else {})
            | ({} if b else {"name": None})
            | ({"items": [item]} if c else {})
        )
        assert planned(operation, basket, a=a, b=b, c=c).data == {"activeBasket": expected}
    assert len(operation._plans) == 8


def test_a_null_condition_is_an_error_where_the_stock_path_comes_to_it() -> None:
    at_root = operation_of(
        "query ($a: Boolean = true) { activeBasket @skip(if: $a) { id } }"
    )
    result = executed(at_root, basket, a=None)
    assert (result.data, len(result.errors or ())) == (None, 1)
    below = operation_of(
        "query ($a: Boolean = true) { activeBasket { id items { id @skip(if: $a) } } }"
    )
    assert executed(below, lambda: basket(items=[])).data == {
        "activeBasket": {"id": "5", "items": []}
    }
    assert executed(below, lambda: None).data == {"activeBasket": None}
    result = executed(below, basket, a=None)
    assert (result.data, [error.path for error in result.errors or ()]) == (
        {"activeBasket": None},
        [["activeBasket", "items", 0]],
    )


def test_a_variable_may_be_a_condition_of_one_operation_and_a_list_of_another() -> None:
    text = (
        "query A($a: Boolean!) { viewer @skip(if: $a) { id } } "
        "mutation B($a: [ExportField!]) { basketExport(input: {fields: $a}) { userErrors { code } } }"
    )
    result = executed(operation_of(text, "B"), lambda: None, a=["PRICE", "DIVISION"])
    assert (result.data, len(result.errors or ())) == (None, 1)


@pytest.mark.parametrize(
    "value",
    [
        ValueError("Broken."),
        division("other"),
        {},
        "text",
        rows(),
    ],
)
def test_a_type_name_is_answered_for_its_own_class_at_once_and_for_others_by_the_stock_path(
    value: Any,
) -> None:
    operation = operation_of("{ activeBasket { __typename } }")
    assert executed(operation, basket).data == {"activeBasket": {"__typename": "Basket"}}
    # The stock path takes every Node for a basket where one is expected.
    assert executed(operation, lambda: value).data == {
        "activeBasket": {"__typename": "Basket"} if isinstance(value, Division) else None
    }


@pytest.mark.parametrize(
    ("value", "answer"),
    [(ValueError("Broken."), None), (Later({"a": 1}), {"variants": {"a": 1}})],
)
def test_json_that_is_an_error_or_awaited_is_left_to_the_stock_path(
    value: Any, answer: Any
) -> None:
    def made() -> Product:
        found = object.__new__(Product)
        vars(found).update({"variants": JSON(value), "refreshed_at": MOMENT})
        return found

    assert executed(operation_of("{ product(remoteId: 1) { variants } }"), made).data == {
        "product": answer
    }


def test_quantities_that_are_no_int_together_are_an_error() -> None:
    operation = operation_of("{ activeBasket { items { id quantity } } }")
    largest = 2**31 - 1
    assert executed(operation, lambda: basket(items=rows({7: largest}))).data == {
        "activeBasket": {"items": [{"id": "item_1", "quantity": largest}]}
    }
    result = executed(operation, lambda: basket(items=rows({7: 1}, {7: largest, 9: 1})))
    assert (result.data, [error.path for error in result.errors or ()]) == (
        {"activeBasket": None},
        [["activeBasket", "items", 1, "quantity"]],
    )


@pytest.mark.parametrize(
    "value", [bytearray(b"ab"), memoryview(b"ab"), "ab", b"ab", {"a": 1}, 5]
)
def test_what_graphql_takes_for_no_list_is_none_here(value: Any) -> None:
    result = executed(operation_of("{ divisions { __typename } }"), lambda: value)
    assert [error.message for error in result.errors or ()] == [
        "Expected Iterable, but did not find one for field 'Query.divisions'."
    ]


def test_fragments_that_double_again_and_again_are_not_compiled() -> None:
    text = "{ divisions { name ...F0 } } fragment F40 on Division { id }"
    for number in range(40):
        below = f"parent {{ ...F{number + 1} }}"
        text += f" fragment F{number} on Division {{ a: {below} b: {below} }}"
    operation = operation_of(text)
    answer = {"name": "main", "a": None, "b": None}
    assert fallen_back(operation, lambda: [division("main")]).data == {
        "divisions": [answer]
    }


def test_an_operation_of_very_many_fields_is_not_compiled() -> None:
    for count, execute in ((MAXIMUM_FIELDS - 1, planned), (MAXIMUM_FIELDS, fallen_back)):
        operation = operation_of(
            f"{{ divisions {{ {' '.join(f'a{number}: id' for number in range(count))} }} }}"
        )
        data = execute(operation, lambda: [division("main")]).data
        assert data is not None
        assert len(data["divisions"][0]) == count


def test_however_conditions_combine_the_plans_kept_are_bounded() -> None:
    names = "abcdefghi"
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: id @include(if: ${name})" for name in names)
    operation = operation_of(f"query ({declared}) {{ activeBasket {{ {fields} }} }}")
    for values in product((True, False), repeat=len(names)):
        variables = dict(zip(names, values, strict=True))
        result = asyncio.run(operation.execute(variables, Given(basket())))
        assert result.data == {
            "activeBasket": {name: "5" for name, value in variables.items() if value}
        }
    # Beyond that number graphql-core answers, and nothing is made again and again.
    assert len(operation._plans) == MAXIMUM_PLANS == 200
    assert operation.fallbacks == 2 ** len(names) - MAXIMUM_PLANS


def test_documents_are_kept_up_to_a_number_and_a_length() -> None:
    documents = Documents(graphql_schema(SCHEMA), UNLIMITED)
    text = "{ viewer { id } }"
    assert documents.find(text) is documents.find(text)
    long = text + " " * CACHED_LENGTH
    assert documents.find(long) is not documents.find(long)
    for number in range(CACHED_DOCUMENTS + 1):
        documents.find(f"{{ viewer {{ id }} }} # {number}")
    assert len(documents.cached) == CACHED_DOCUMENTS == 1_000


async def answers(client: httpx.AsyncClient) -> list[bytes]:
    """Asks for what the README asks, and for something that is an error."""
    headers = {"Authorization": "Token main"}
    queries = [
        README,
        "{ activeBasket { id itemsPage(first: 0) { totalCount } } viewer { email } }",
        "{ nothing }",
    ]
    found = [
        await client.post("/graphql", json={"query": query}, headers=headers)
        for query in queries
    ]
    return [response.content for response in found]


async def test_switched_off_by_the_setting_all_answers_are_the_same(
    database_url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> Any:
        raise AssertionError("Compiled execution is switched off.")

    with monkeypatch.context() as switched:
        switched.setattr(Operation, "bind", forbidden)
        async with serve(database_url, shop, is_compiled=False) as service:
            items = [{"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": 2}]
            await service.main.accepted("basketItemsAdd", items=items)
            stock = await answers(service.client)
    application = create_application(
        Options(
            database_url=database_url,
            commerce_url=shop.url,
            redis_url="",
            export_url="memory://exports",
        )
    )
    async with open_client(application) as client:
        assert await answers(client) == stock
    assert stock[0].startswith(
        b'{"data":{"activeBasket":{"totalAmount":"21.10","items":[{"product":{"sku":"SKU01",'
    )
    assert b'"path":["activeBasket","itemsPage"]' in stock[1]


def test_plans_count_for_the_size_of_cached_documents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A tenth of both limits is reached in a tenth of the time.
    monkeypatch.setattr("schema.execution.operation.MAXIMUM_PLANS", 20)
    monkeypatch.setattr("web.graphql.document.CACHED_CHARACTERS", 36_000)
    documents = Documents(graphql_schema(SCHEMA), UNLIMITED)
    names = "abcde"
    variables = ", ".join(f"${name}: Boolean!" for name in names)
    fields = [f"{name}: id @include(if: ${name})" for name in names]
    fields += [f"f{number}: id" for number in range(292)]
    for number in range(6):
        text = f"query Q{number}({variables}) {{ activeBasket {{ {' '.join(fields)} }} }}"
        operation = documents.find(text).operation(None)
        assert operation is not None
        for values in product([True, False], repeat=5):
            operation.bind(dict(zip(names, values, strict=True)))
            assert documents.size <= 36_000
    # Each has 20 plans of about 295 fields, which count twice.
    sizes = [document.size for document in documents.cached.values()]
    assert sum(sizes) == documents.size
    assert min(sizes) > 20 * 586
    assert [text[:8] for text in documents.cached] == [f"query Q{n}" for n in (4, 5)]
