"""Compiled execution on real databases: random operations of several buyers equal the stock executor's answers."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from application import create_application, schema
from models.history.tables import ChangeOrigin
from models.user import Buyer, Buyers, hash_token
from resolvers.context import Context
from settings.options import Options
from tests.support.documents import UNLIMITED
from tests.support.executors import compare
from tests.support.operations import Choices, Drawn, operations
from tests.support.service import write_people
from tests.support.shop import Shop, serve_shop
from tests.support.thoroughness import IS_REPEATED, examples
from web.graphql.document import Document

EXAMPLES = 30
PEOPLE = ("main", "sub", "other", "closed")
LINES = [
    {"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 2},
    {"productRemoteId": 2, "divisionErpCode": "ERP02", "quantity": 3},
    {"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": 4},
    {"productRemoteId": 8, "divisionErpCode": "ERP03"},
]
OLDEST = "the oldest draft"
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("basketItemsAdd", {"items": LINES}),
    ("basketSave", {"name": "Autumn"}),
    ("basketItemsAdd", {"items": LINES[:1]}),
    ("quotationRequest", {"name": "Spring"}),
    ("basketItemsAdd", {"items": LINES[1:]}),
    ("basketItemUpdate", {"productRemoteId": 2, "divisionId": "2", "quantity": 9}),
    ("basketItemsAdd", {"items": LINES[3:], "segmentRemoteId": 1}),
    ("basketSave", {"name": "Segment", "segmentRemoteId": 1}),
    ("basketLoad", {"basketId": OLDEST}),
    ("basketItemRemove", {"productRemoteId": 8}),
    ("basketItemsSet", {"items": LINES[:2], "mode": "REPLACE", "onInvalid": "SKIP"}),
    ("basketRename", {"basketId": OLDEST, "name": "Other"}),
    ("basketCopy", {"basketId": OLDEST}),
    ("basketRefresh", {}),
    ("basketItemsAdd", {"items": LINES[:2], "segmentRemoteId": 1}),
    ("basketClear", {"segmentRemoteId": 1}),
    ("basketRevert", {"toVersion": 1, "segmentRemoteId": 1}),
    ("basketExport", {"format": "CSV"}),
]
Rejected: dict[str, list[dict[str, Any]]] = {
    "basketItemsAdd": [
        {"items": []},
        {"items": [{"sku": "nothing", "divisionErpCode": "ERP01"}]},
    ],
    "basketItemsSet": [{"items": [LINES[0], LINES[0]]}],
    "basketItemUpdate": [{"productRemoteId": 404, "divisionId": "1", "quantity": -1}],
    "basketItemRemove": [{"productRemoteId": 404}],
    "basketClear": [{"expectedVersion": 9999}],
    "basketSave": [{"name": " "}, {"name": "x", "expectedVersion": 9999}],
    "basketLoad": [{"basketId": "999999"}, {"basketId": "x"}],
    "basketDelete": [{"basketId": "999999"}],
    "basketRename": [{"basketId": "999999", "name": "x"}],
    "basketCopy": [{"basketId": "999999"}],
    "basketRefresh": [{"expectedVersion": 9999}],
    "basketRevert": [{"toVersion": 0}, {"toVersion": 9999, "onInvalid": "REJECT"}],
    "basketExport": [{"basketId": "999999"}],
    "quotationRequest": [{"name": ""}],
}
"""What nobody's basket accepts."""


@dataclass
class People:
    """Buyers, and what their requests know."""

    buyers: dict[str, Buyer]
    state: dict[str, Any]

    def context(self, name: str, document: Document) -> Context:
        """Makes the context of a request, as the view does."""
        return Context.from_state(
            self.buyers[name],
            self.state,
            ChangeOrigin.GRAPHQL,
            selected=document.selected,
        )

    async def ask(self, name: str, text: str, **variables: Any) -> dict[str, Any]:
        """Executes an operation that must succeed, by graphql-core's own executor."""
        document = Document(schema._schema, text, UNLIMITED)
        operation = document.operation(None)
        assert operation is not None
        result = await operation.execute(
            variables, self.context(name, document), is_compiled=False
        )
        assert result.errors is None, result
        assert result.data is not None
        return result.data


@asynccontextmanager
async def people(database_url: str, shop: Shop) -> AsyncIterator[People]:
    """Opens the application on a database and gives two buyers baskets, drafts, quotations and exports."""
    application = create_application(
        Options(
            database_url=database_url,
            commerce_url=shop.url,
            redis_url="",
            export_url="memory://exports",
        )
    )
    shop.sell(8, "1.25", name=None)
    async with application.router.lifespan_context(application) as state:
        await write_people()
        found = {name: await Buyers(0).find(hash_token(name)) for name in PEOPLE}
        yield People(
            {name: buyer for name, buyer in found.items() if buyer}, dict(state or {})
        )


async def oldest_draft(asking: People) -> str:
    """Returns the id of the draft that `main` saved first."""
    found = await asking.ask("main", "{ draftBaskets(last: 1) { edges { node { id } } } }")
    (edge,) = found["draftBaskets"]["edges"]
    return str(edge["node"]["id"])


async def fill(asking: People) -> tuple[dict[str, list[Any]], list[str]]:
    """Changes what `main` has, and returns the accepted inputs by mutation and the exports' keys."""
    accepted: dict[str, list[Any]] = {}
    for number, (mutation, given_input) in enumerate(CHANGES):
        kind = mutation[0].upper() + mutation[1:]
        sent = given_input | {"idempotencyKey": f"key {number}"}
        if sent.get("basketId") == OLDEST:
            sent["basketId"] = await oldest_draft(asking)
        text = f"mutation ($input: {kind}Input!) {{ {mutation}(input: $input) {{ userErrors {{ message }} }} }}"
        answer = await asking.ask("main", text, input=sent)
        assert answer[mutation]["userErrors"] == [], (mutation, answer)
        accepted.setdefault(mutation, []).append(sent)
    text = 'mutation { basketExport(input: {format: CSV, idempotencyKey: "key"}) { export { cacheKey } } }'
    key = (await asking.ask("main", text))["basketExport"]["export"]["cacheKey"]
    state = "query ($key: String!) { basketExport(cacheKey: $key) { isReady } }"
    while not (await asking.ask("main", state, key=key))["basketExport"]["isReady"]:
        await asyncio.sleep(0.05)
    return accepted, [key]


EVERYTHING = """query {
  activeBaskets { id version segmentRemoteId totalQuantity totalAmount updatedAt }
  draftBaskets { totalCount edges { node { id version name } } }
  quotations { totalCount edges { node { id basket { id version } } } }
}"""


def test_random_operations_equal_the_stock_executors_on_a_real_database(
    database_url: str,
) -> None:
    logging.getLogger("strawberry.execution").disabled = True
    counted: Counter[str] = Counter()
    with asyncio.Runner() as runner:
        shop_opened = serve_shop()
        opened = people(database_url, runner.run(shop_opened.__aenter__()))
        asking = runner.run(opened.__aenter__())
        try:
            accepted, keys = runner.run(fill(asking))
            before = runner.run(asking.ask("main", EVERYTHING))
            assert len(before["activeBaskets"]) == 2
            check_operations(runner, asking, choices(accepted, keys), counted)
            # What was accepted was a retry, and nothing was changed by it.
            assert runner.run(asking.ask("main", EVERYTHING)) == before
        finally:
            runner.run(opened.__aexit__(None, None, None))
            runner.run(shop_opened.__aexit__(None, None, None))
            logging.getLogger("strawberry.execution").disabled = False
    for kind in (
        "mutations",
        "with errors",
        "answered by the plan",
        "with Strawberry",
    ):
        assert counted[kind] > counted["compared"] // 20, counted


def choices(accepted: dict[str, list[Any]], keys: list[str]) -> Choices:
    """Draws arguments that often find something; retries of what was accepted, and what nobody's basket accepts."""
    return Choices(
        {
            "id": [
                "1",
                "2",
                "basket_1",
                "basket_3",
                "basket_4",
                "division_1",
                "x",
                "basket_999999",
            ],
            "cacheKey": [*keys, "nothing"],
            "remoteId": [1, 2, 8, 404],
            "sku": ["SKU01", "nothing"],
            "productRemoteId": [1, 2, 8, 404],
            "segmentRemoteId": [1, 2, -1],
            "first": [1, 2, 50, 0],
            "sinceVersion": [1, 2, 0, 404],
            "after": ["", "nonsense"],
        },
        inputs={name: accepted.get(name, []) + Rejected[name] for name in Rejected},
    )


def check_operations(
    runner: asyncio.Runner, asking: People, chosen: Choices, counted: Counter[str]
) -> None:
    """Compares the executors over random operations."""

    @settings(
        max_examples=examples(EXAMPLES),
        deadline=None,
        derandomize=IS_REPEATED,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(
        drawn=operations(schema._schema, chosen, mutations=40),
        name=st.sampled_from(PEOPLE),
        with_strawberry=st.booleans(),
    )
    def check(drawn: Drawn, name: str, with_strawberry: bool) -> None:
        runner.run(
            compare(
                schema,
                drawn,
                lambda document: asking.context(name, document),
                is_ordered=False,
                counted=counted,
                with_strawberry=with_strawberry,
                is_regular=True,
            )
        )

    check()
