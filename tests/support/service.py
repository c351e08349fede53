"""The service under test: the real application on a real database, with a real Commerce server beside it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from tortoise.connection import get_connection

from application import create_application, executed_schema
from models.division import Division, DivisionType
from models.timestamps import now
from models.user import hash_token
from settings.options import Options
from tests.support.shop import Shop
from web.graphql.document import Documents
from web.graphql.limits import DocumentLimits

BASKET = """
fragment Whole on Basket {
  id status name version segmentRemoteId currency totalAmount totalQuantity itemCount
  items {
    productRemoteId price quantity totalAmount
    product { sku }
    divisions { quantity totalAmount division { erpCode } }
  }
}
"""

PARENTS = {
    "ERP01": None,
    "ERP02": "ERP01",
    "ERP03": "ERP01",
    "ERP04": "ERP01",
    "ERP05": None,
    "ERP06": "ERP05",
}
"""The main division of each sub-division, in the order of their ids."""
NAMES = {"ERP01": "main", "ERP02": "sub"}
PEOPLE = {
    "main": "ERP01",
    "sub": "ERP02",
    "other": "ERP05",
    "closed": "ERP04",
    "gone": "ERP02",
}
"""The division of each user, by their token."""


def payload_document(
    mutation: str, selection: str = "basket { ...Whole }", fragment: str = BASKET
) -> str:
    """Writes the document of a mutation that takes `input` and answers with a basket."""
    kind = mutation[0].upper() + mutation[1:]
    return (
        f"mutation Change($input: {kind}Input!) {{ {mutation}(input: $input) "
        f"{{ {selection} userErrors {{ code message field }} }} }} {fragment if 'Whole' in selection else ''}"
    )


def number_in(identifier: str) -> str:
    """Returns the number by which the REST interface names an object with one number in its id."""
    return identifier.rpartition("_")[2]


class ApplicationClient(httpx.AsyncClient):
    """A client of an application in this process, with its state and the application itself."""

    state: dict[str, Any]
    asgi: ASGIApp


class Caller:
    """Someone with a token, over HTTP."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client = client
        self.token = token

    async def post(self, document: str, **variables: Any) -> httpx.Response:
        """Sends an operation and returns the HTTP response."""
        headers = {"Authorization": f"Token {self.token}"}
        return await self.client.post(
            "/graphql", json={"query": document, "variables": variables}, headers=headers
        )

    async def query(self, document: str, **variables: Any) -> dict[str, Any]:
        """Sends an operation that must succeed and returns its data."""
        response = await self.post(document, **variables)
        content: dict[str, Any] = response.json()
        assert "errors" not in content, content
        data: dict[str, Any] = content["data"]
        return data

    async def change(
        self, mutation: str, selection: str = "basket { ...Whole }", **given: Any
    ) -> dict[str, Any]:
        """Sends a mutation and returns its payload."""
        data = await self.query(payload_document(mutation, selection), input=given)
        payload: dict[str, Any] = data[mutation]
        return payload

    async def accepted(self, mutation: str, **given: Any) -> dict[str, Any]:
        """Sends a mutation that must be accepted and returns the basket after it."""
        payload = await self.change(mutation, **given)
        assert payload["userErrors"] == [], payload
        basket: dict[str, Any] = payload["basket"]
        return basket

    async def rejected(self, mutation: str, **given: Any) -> list[tuple[str, list[str]]]:
        """Sends a mutation that must be rejected, checks that nothing changed, and returns codes and paths."""
        before = await self.everything()
        selection = "deletedBasketId" if mutation == "basketDelete" else "basket { id }"
        payload = await self.change(mutation, selection, **given)
        assert payload.get("basket") is None
        assert await self.everything() == before
        return [(error["code"], error["field"]) for error in payload["userErrors"]]

    async def basket(self, segment: int | None = None) -> dict[str, Any] | None:
        """Reads the active basket of a segment."""
        document = f"query Read($segment: Int) {{ activeBasket(segmentRemoteId: $segment) {{ ...Whole }} }} {BASKET}"
        data = await self.query(document, segment=segment)
        basket: dict[str, Any] | None = data["activeBasket"]
        return basket

    async def everything(self) -> dict[str, Any]:
        """Reads all that the caller has: active baskets, drafts and quotations."""
        return await self.query(
            "{ activeBaskets { ...Whole } draftBaskets(first: 50) { totalCount edges { node { ...Whole } } } "
            f"quotations(first: 50) {{ totalCount edges {{ node {{ id }} }} }} }} {BASKET}"
        )


@dataclass
class Service:
    """The application with its database and shop, and the people who use it."""

    client: httpx.AsyncClient
    shop: Shop
    divisions: dict[str, Division]

    @property
    def application(self) -> ApplicationClient:
        """The client of the application in this process; there is none of another process."""
        assert isinstance(self.client, ApplicationClient)
        return self.client

    def caller(self, token: str) -> Caller:
        """Returns the caller with a token."""
        return Caller(self.client, token)

    @property
    def main(self) -> Caller:
        """A buyer of the main division ERP01."""
        return self.caller("main")

    @property
    def sub(self) -> Caller:
        """A buyer of ERP02, a sub-division of ERP01."""
        return self.caller("sub")

    @property
    def other(self) -> Caller:
        """A buyer of ERP05, the main division of another company."""
        return self.caller("other")

    def division(self, erp_code: str) -> str:
        """Returns the number of a division, as the REST interface writes it and every input takes it."""
        return str(self.divisions[erp_code].id)


async def write_people() -> dict[str, Division]:
    """Writes two companies: ERP01 with ERP02, ERP03 and the closed ERP04 below it, and ERP05 with ERP06."""
    divisions = [_division(*division) for division in PARENTS.items()]
    users = [_user(*user) for user in PEOPLE.items()]
    script = "; ".join(["BEGIN", *divisions, *users, "COMMIT"])
    # One round trip: by the models it would be the most expensive part of many tests.
    await get_connection("default").execute_script(script)
    return {division.erp_code: division for division in await Division.all()}


def _division(erp_code: str, parent: str | None) -> str:
    name = NAMES.get(erp_code, erp_code.lower())
    kind = DivisionType.SUB if parent else DivisionType.MAIN
    return (
        "INSERT INTO division (erp_code, name, type, is_active, parent_id) "
        f"VALUES ('{erp_code}', '{name}', '{kind}', {erp_code != 'ERP04'}, "
        f"(SELECT id FROM division WHERE erp_code = '{parent}'))"
    )


def _user(name: str, erp_code: str) -> str:
    email = f"{name}@example.invalid"
    return (
        "INSERT INTO user_account (email, first_name, last_name, is_active, division_id) "
        f"SELECT '{email}', '{name.title()}', 'Buyer', {name != 'gone'}, id "
        f"FROM division WHERE erp_code = '{erp_code}'; "
        "INSERT INTO token (digest, created_at, user_id) "
        f"SELECT '{hash_token(name)}', '{now().isoformat(' ')}', id "
        f"FROM user_account WHERE email = '{email}'"
    )


@asynccontextmanager
async def open_client(application: Starlette) -> AsyncIterator[ApplicationClient]:
    """Starts an application in this process and yields a client of it."""
    async with application.router.lifespan_context(application) as state:

        async def with_state(scope: Scope, receive: Receive, send: Send) -> None:
            await application({**scope, "state": dict(state or {})}, receive, send)

        transport = httpx.ASGITransport(app=with_state)
        async with ApplicationClient(
            transport=transport, base_url="http://basket"
        ) as client:
            client.state = dict(state or {})
            client.asgi = with_state
            yield client


def _create_application(options: Options) -> Starlette:
    limits = DocumentLimits.from_options(options)
    return create_application(options, documents=_documents(limits))


@cache
def _documents(limits: DocumentLimits) -> Documents:
    """Returns the documents of all applications with these limits.

    As in a server, each document is compiled once in a process, and not again for each test.
    """
    return Documents(executed_schema, limits)


PATIENCE: Mapping[str, float] = {
    "sku_maximum_age_seconds": 300,
    "operation_seconds": 300,
    "database_statement_timeout_seconds": 300,
    "database_pool_wait_seconds": 60,
}
"""No test depends on how fast the machine is, but those of these limits, which set their own."""


@asynccontextmanager
async def serve(
    database_url: str,
    shop: Shop,
    export_url: str = "memory://exports",
    **options: Any,
) -> AsyncIterator[Service]:
    """Runs the application in this process, with the people above; it caches no tokens unless told."""
    defaults: dict[str, Any] = {"redis_url": "", "token_kept_seconds": 0, **PATIENCE}
    application = _create_application(
        Options(
            database_url=database_url,
            commerce_url=shop.url,
            export_url=export_url,
            **(defaults | options),
        )
    )
    async with open_client(application) as client:
        yield Service(client, shop, await write_people())


@asynccontextmanager
async def serve_beside(
    service: Service, database_url: str, **options: Any
) -> AsyncIterator[ApplicationClient]:
    """Runs a second application, with options of its own, on the database of a service."""
    application = _create_application(
        Options(
            database_url=database_url,
            commerce_url=service.shop.url,
            **{"redis_url": "", **PATIENCE, **options},
        )
    )
    async with open_client(application) as client:
        yield client
