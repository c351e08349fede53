"""Who asks for what: people of every kind, what belongs to each of them, and requests that name it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import httpx
from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from models.administration import issue_token, revoke_token, set_division_active, set_user_active
from tests import sheets
from tests.exports import completed
from tests.service import Caller, Service, number_in
from web.rest.door import ADDRESSES, PREFIXES

CALLERS = ("nobody", "garbage", "revoked", "gone", "closed", "sub", "main", "other")
"""No token, one that never was, one revoked, an inactive user, an inactive division, a sub-division, its main division,
and another company's main division."""
OWNERS = ("gone", "closed", "sub", "main", "other")
"""Who has things of their own."""
UPLOAD = sheets.csv([["SKU01", 1, "ERP02"]])


@dataclass(frozen=True)
class Things:
    """What someone owns, each by the name that a request calls it."""

    draft: str
    submitted: str
    key: str

    def named_in(self, text: str) -> str:
        """Puts these identifiers into a request, in the place of DRAFT, SUBMITTED and KEY."""
        for field in fields(self):
            text = text.replace(field.name.upper(), getattr(self, field.name))
        return text

    def numbered(self) -> "Things":
        """Returns them as the REST interface calls them."""
        return Things(number_in(self.draft), number_in(self.submitted), self.key)


MISSING = Things("basket_987654321", "basket_987654322", "0" * 32)
"""What nobody owns."""


async def basket_with_an_item(caller: Caller, division: str) -> str:
    """Adds a product and returns the id of the active basket."""
    items = [{"productRemoteId": 1, "divisionErpCode": division}]
    return str((await caller.accepted("basketItemsAdd", items=items))["id"])


async def new_things(caller: Caller, division: str, key: str) -> Things:
    """Makes a draft and a quotation, and leaves an active basket."""
    draft = await basket_with_an_item(caller, division)
    await caller.accepted("basketSave", name="Draft")
    submitted = await basket_with_an_item(caller, division)
    payload = await caller.change("quotationRequest", "quotation { id }", name="Quotation")
    assert payload["userErrors"] == []
    await basket_with_an_item(caller, division)
    return Things(draft, submitted, key)


DIVISIONS = {"gone": "ERP02", "closed": "ERP04", "sub": "ERP02", "main": "ERP01", "other": "ERP05"}


class People:
    """Everyone of CALLERS, with what belongs to them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.things: dict[str, Things] = {}
        self.headers: dict[str, dict[str, str]] = {
            name: {"Authorization": f"Token {name}"} for name in CALLERS if name != "nobody"
        } | {"nobody": {}}

    async def prepare(self) -> None:
        """Gives everyone something of their own, while all may still act, and then shuts out those to be shut out.

        Who is shut out acted with another token: the one of the matrix was never used while it was good.
        """
        await set_division_active("ERP04", True)
        await set_user_active("gone@example.invalid", True)
        for name in OWNERS:
            caller = self.service.caller(await issue_token(f"{name}@example.invalid"))
            await basket_with_an_item(caller, DIVISIONS[name])
            export = await completed(caller, format="CSV")
            self.things[name] = await new_things(caller, DIVISIONS[name], export["cacheKey"])
        await set_user_active("gone@example.invalid", False)
        await set_division_active("ERP04", False)
        revoked = await issue_token("main@example.invalid")
        await revoke_token(revoked)
        self.headers["revoked"] = {"Authorization": f"Token {revoked}"}

    async def renew(self) -> None:
        """Gives a new draft and a new active basket to those who may act."""
        for name in ("sub", "main", "other"):
            caller = self.service.caller(name)
            self.things[name] = await new_things(caller, DIVISIONS[name], self.things[name].key)

    async def ask(self, caller: str, request: str, things: Things) -> httpx.Response:
        """Sends a request: a document, or a method and a path."""
        headers = self.headers[caller]
        if not request.startswith(("query", "mutation")):
            text = things.numbered().named_in(request)
            return await self._request(*text.split(maxsplit=2), headers=headers)
        text = things.named_in(request)
        if "$file" in text:
            return await self._upload(text, headers)
        return await self.service.client.post("/graphql", json={"query": text}, headers=headers)

    async def _request(self, method: str, path: str, body: str = "", *, headers: Mapping[str, str]) -> httpx.Response:
        """Sends a request with a body of JSON, or with a file."""
        client = self.service.client
        if body == "FILE":
            return await client.request(method, path, headers=headers, files={"filename": ("basket.csv", UPLOAD)})
        for erp_code in ("ERP01", "ERP02"):
            body = body.replace(erp_code, self.service.division(erp_code))
        more = {"Content-Type": "application/json"} if body else {"Accept": "text/html"} if path == "/graphql" else {}
        return await client.request(method, path, headers={**headers, **more}, content=body or None)

    async def _upload(self, document: str, headers: Mapping[str, str]) -> httpx.Response:
        operations = json.dumps({"query": document, "variables": {"file": None}})
        return await self.service.client.post(
            "/graphql",
            data={"operations": operations, "map": '{"0": ["variables.file"]}'},
            files={"0": ("basket.csv", UPLOAD)},
            headers={**headers, "X-Requested-With": "test"},
        )


def outcome_of(response: httpx.Response) -> str:
    """Says in a word how a request was answered.

    `ok`, `null` (nothing such there), `refused:CODE` (by the mutation), `error:CODE` (by GraphQL), or, where it was not
    a GraphQL operation that was answered, the status, with the code, the detail, or the fields that are refused.
    """
    is_json = response.headers.get("content-type", "").startswith("application/json")
    content: Any = response.json() if is_json and response.content else {}
    if response.status_code in (301, 405) and "errors" not in content:
        return str(response.status_code)
    if response.status_code != 200:
        code = content["errors"][0]["extensions"]["code"] if "errors" in content else None
        return f"{response.status_code}:{code or content.get('detail') or ','.join(content)}"
    if not isinstance(content, dict):
        return "200"
    if "errors" in content:
        return f"error:{content['errors'][0]['extensions']['code']}"
    return _outcome_of_data(content["data"]) if "data" in content else "200"


def _outcome_of_data(data: dict[str, Any]) -> str:
    (answer,) = data.values()
    if answer is None:
        return "null"
    refusals = answer.get("userErrors") if isinstance(answer, dict) else None
    return f"refused:{refusals[0]['code']}" if refusals else "ok"


def operations_of(schema: GraphQLSchema) -> set[str]:
    """Names every root field: `query viewer`, `mutation basketSave`, `subscription …`."""
    roots = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    return {f"{kind} {name}" for kind, root in roots.items() if root is not None for name in root.fields}


def paths_of(application: Starlette) -> set[str]:
    """Names every route, and every path that a middleware answers before the routes are looked through."""
    routes = set(routes_of(application.routes))
    direct = {f"ANY {each.kwargs['path']}" for each in application.user_middleware if "path" in each.kwargs}
    # The REST interface looks at the method itself: each method of an address is a door of its own.
    rest = {(prefix + path): methods for prefix in PREFIXES for path, methods in ADDRESSES.items()}
    open_doors = {f"{method} {path}" for path, methods in rest.items() for method in methods if f"ANY {path}" in routes}
    return direct | open_doors | routes - {f"ANY {path}" for path in rest}


def routes_of(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[str]:
    """Names every route: `GET /healthz`; what is mounted without routes of its own as `MOUNT /path`."""
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from routes_of(route.routes, prefix + route.path)
        elif isinstance(route, Mount):
            yield f"MOUNT {prefix}{route.path}"
        elif isinstance(route, WebSocketRoute):
            yield f"WEBSOCKET {prefix}{route.path}"
        else:
            assert isinstance(route, Route), f"{route!r} is of a kind that the matrix does not know."
            methods = sorted(route.methods or ()) or ["ANY"]
            # HEAD is GET without the body, and answered by the same function.
            yield from (f"{method} {prefix}{route.path}" for method in methods if method != "HEAD")
