"""The operations of the benchmark: answered by their plans, never by graphql-core."""

import json
from typing import Any

import pytest

from application import schema
from bench.neighbours import GRAPHQL
from bench.operations import OURS, WORKLOADS, Call, Line, Shape
from tests.execution.test_execution_on_databases import People, people
from tests.support.documents import UNLIMITED
from tests.support.shop import Shop
from web.graphql.document import Document

FILL = "mutation ($input: BasketItemsAddInput!) { basketItemsAdd(input: $input) { userErrors { code } } }"
HELD = {"items": [{"productRemoteId": 1, "divisionErpCode": "ERP01"}]}
TEXTS = {workload.document_id: workload.document for workload in WORKLOADS}
SHAPES = {workload.name: workload.shape(OURS) for workload in WORKLOADS} | {"REST": GRAPHQL}


async def count_fallbacks(asking: People, shape: Shape) -> int:
    """Executes an operation of the benchmark three times; returns how often graphql-core answered."""
    document = Document(schema._schema, _text_of(_content(shape)), UNLIMITED)
    operation = document.operation(None)
    assert operation is not None
    for _ in range(3):
        variables = _content(shape).get("variables")
        result = await operation.execute(variables, asking.context("main", document))
        assert result.errors is None
        assert result.data is not None
        assert None not in result.data.values()
    return operation.fallbacks


def _text_of(content: dict[str, Any]) -> str:
    """Returns the text that a request sends, or names."""
    return str(content.get("query") or TEXTS[content["documentId"]])


def _content(shape: Shape) -> dict[str, Any]:
    """Returns a request's content, for a product that is not in the basket at first."""
    content: dict[str, Any] = json.loads(shape.body_of(Call("main", Line(2, 1))))
    return content


@pytest.mark.long
async def test_no_operation_of_the_benchmark_falls_back_to_graphql_core(
    database_url: str, shop: Shop
) -> None:
    async with people(database_url, shop) as asking:
        await asking.ask("main", FILL, input=HELD)
        counts = {
            name: await count_fallbacks(asking, shape) for name, shape in SHAPES.items()
        }
        written = await asking.ask("main", "{ activeBasket { totalQuantity } }")
    assert counts == dict.fromkeys(SHAPES, 0)
    # Each of the additions was made three times, with a key of its own where it has one.
    additions = [workload for workload in WORKLOADS if workload.writes]
    assert written == {"activeBasket": {"totalQuantity": 1 + 3 * len(additions)}}
