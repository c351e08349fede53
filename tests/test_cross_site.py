"""What pages of other sites can make a browser send changes nothing and tells them nothing."""

import httpx
import pytest

import settings
from server import create_application
from tests.service import Service, open_client

MAIN = {"Authorization": "Token main"}
ADD = 'mutation { basketItemsAdd(input: {items: [{sku: "SKU01", divisionErpCode: "ERP01"}]}) { basket { id } } }'
PREFLIGHT = {"X-Requested-With": "test"}


async def get(service: Service, headers: dict[str, str], **parameters: str) -> httpx.Response:
    """Sends a GET request with the buyer's token."""
    return await service.client.get("/graphql", params=parameters, headers=MAIN | headers)


async def test_get_queries_with_a_preflight_header_only(service: Service) -> None:
    query = "{ viewer { email } }"
    for header in ("X-Requested-With", "Apollo-Require-Preflight", "X-Apollo-Operation-Name"):
        response = await get(service, {header: "x"}, query=query)
        assert response.json() == {"data": {"viewer": {"email": "main@example.invalid"}}}
    for headers in ({}, {"X-Requested-With": " "}):
        response = await get(service, headers, query=query)
        assert (response.status_code, response.json()["errors"][0]["extensions"]) == (
            403,
            {"code": "PREFLIGHT_REQUIRED"},
        )
    assert (await service.client.get("/graphql", params={"query": query}, headers=PREFLIGHT)).status_code == 401


async def test_get_takes_variables_and_the_name_of_the_operation(service: Service) -> None:
    query = "query A($id: Int) { product(remoteId: $id) { sku } } query B { viewer { id } }"
    response = await get(service, PREFLIGHT, query=query, variables='{"id": 3}', operationName="A")
    assert response.json() == {"data": {"product": {"sku": "SKU03"}}}
    for wrong in ({"variables": "["}, {"variables": "[]"}, {"extensions": "1"}, {"variables": '{"a":1,"a":2}'}):
        response = await get(service, PREFLIGHT, **({"query": query, "operationName": "A"} | wrong))
        assert response.status_code == 400
    response = await service.client.get("/graphql?query={viewer{id}}&query={a}", headers=MAIN | PREFLIGHT)
    assert response.status_code == 400
    assert (await get(service, PREFLIGHT)).status_code == 400


async def test_a_mutation_by_get_is_405_and_changes_nothing(service: Service) -> None:
    before = await service.main.everything()
    named = f"query Q {{ viewer {{ id }} }} {ADD.replace('mutation', 'mutation M')}"
    for parameters in ({"query": ADD}, {"query": named, "operationName": "M"}):
        response = await get(service, PREFLIGHT, **parameters)
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert await service.main.everything() == before


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 403),
        ("text/plain; application/json", 415),
        ("application/json, text/plain", 415),
        ("application/jsonp", 415),
        ("application/json; charset=utf-16", 415),
    ],
)
async def test_no_mutation_by_what_a_form_can_send(service: Service, content_type: str, status: int) -> None:
    before = await service.main.everything()
    content = httpx.Request("POST", "http://x", json={"query": ADD}).content
    headers = MAIN | {"Content-Type": content_type}
    response = await service.client.post("/graphql", content=content, headers=headers)
    assert response.status_code == status
    assert await service.main.everything() == before


async def test_two_content_types_are_415(service: Service) -> None:
    headers = [("Content-Type", "text/plain"), ("Content-Type", "application/json"), *MAIN.items()]
    response = await service.client.post("/graphql", content=b'{"query": "{viewer{id}}"}', headers=headers)
    assert response.status_code == 415


ORIGIN = {"Origin": "https://shop.example"}
ASKS = ORIGIN | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


async def test_no_origin_is_let_in_unless_it_is_configured(service: Service) -> None:
    asked = await service.client.options("/graphql", headers=ASKS)
    assert asked.status_code == 405
    answered = await service.client.post("/graphql", json={"query": "{ viewer { id } }"}, headers=MAIN | ORIGIN)
    for response in (asked, answered):
        assert [name for name in response.headers if name.startswith("access-control")] == []


async def test_configured_origins_are_let_in_and_no_others(
    service: Service, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(settings, "CORS_ORIGINS", ["https://shop.example"])
    application = create_application(database_url=database_url, commerce_url=service.shop.url, redis_url="")
    async with open_client(application) as client:
        asked = await client.options("/graphql", headers=ASKS)
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, "https://shop.example")
        answered = await client.post("/graphql", json={"query": "{ viewer { id } }"}, headers=MAIN | ORIGIN)
        assert answered.headers["access-control-allow-origin"] == "https://shop.example"
        foreign = await client.options("/graphql", headers=ASKS | {"Origin": "https://other.example"})
        assert (foreign.status_code, foreign.headers.get("access-control-allow-origin")) == (400, None)
