"""What pages of other sites can make a browser send changes nothing and tells them nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tests.support.service import Service, serve_beside
from web.graphql.view import GraphQLView

MAIN = {"Authorization": "Token main"}
ADD = 'mutation { basketItemsAdd(input: {items: [{sku: "SKU01", divisionErpCode: "ERP01"}]}) { basket { id } } }'
PREFLIGHT = {"X-Requested-With": "test"}


async def get(
    service: Service, headers: dict[str, str], **parameters: str
) -> httpx.Response:
    """Sends a GET request with the buyer's token."""
    return await service.client.get("/graphql", params=parameters, headers=MAIN | headers)


@pytest.fixture
async def strict(service: Service, database_url: str) -> AsyncIterator[Service]:
    """Demands a preflight header, as behind a proxy that makes the token out of a cookie."""
    async with serve_beside(service, database_url, requires_preflight=True) as client:
        yield replace(service, client=client)


async def test_get_queries_with_nothing_but_the_token(service: Service) -> None:
    query = "{ viewer { email } }"
    response = await get(service, {}, query=query)
    assert response.json() == {"data": {"viewer": {"email": "main@example.invalid"}}}


async def test_a_token_is_taken_from_no_other_place_than_its_header(
    service: Service,
) -> None:
    query = "{ viewer { email } }"
    names = ("token", "access_token", "authorization", "Authorization", "auth", "api_key")
    for headers in ({}, PREFLIGHT, {"Cookie": "token=main; Authorization=Token main"}):
        for name in names:
            for value in ("main", "Token main", "Bearer main"):
                parameters = {"query": query, name: value}
                response = await service.client.get(
                    "/graphql", params=parameters, headers=headers
                )
                assert response.status_code == 401
                posted = await service.client.post(
                    "/graphql", params=parameters, headers=headers
                )
                assert posted.status_code == 401


async def test_get_queries_with_a_preflight_header_only_where_it_is_demanded(
    strict: Service,
) -> None:
    query = "{ viewer { email } }"
    for header in (
        "X-Requested-With",
        "Apollo-Require-Preflight",
        "X-Apollo-Operation-Name",
    ):
        response = await get(strict, {header: "x"}, query=query)
        assert response.json() == {"data": {"viewer": {"email": "main@example.invalid"}}}
    for headers in ({}, {"X-Requested-With": " "}):
        response = await get(strict, headers, query=query)
        assert (response.status_code, response.json()["errors"][0]["extensions"]) == (
            403,
            {"code": "PREFLIGHT_REQUIRED"},
        )
    assert (
        await strict.client.get("/graphql", params={"query": query}, headers=PREFLIGHT)
    ).status_code == 401


async def test_get_takes_variables_and_the_name_of_the_operation(service: Service) -> None:
    query = "query A($id: Int) { product(remoteId: $id) { sku } } query B { viewer { id } }"
    response = await get(
        service, PREFLIGHT, query=query, variables='{"id": 3}', operationName="A"
    )
    assert response.json() == {"data": {"product": {"sku": "SKU03"}}}
    for wrong in (
        {"variables": "["},
        {"variables": "[]"},
        {"extensions": "1"},
        {"variables": '{"a":1,"a":2}'},
    ):
        response = await get(
            service, PREFLIGHT, **({"query": query, "operationName": "A"} | wrong)
        )
        assert response.status_code == 400
    response = await service.client.get(
        "/graphql?query={viewer{id}}&query={a}", headers=MAIN | PREFLIGHT
    )
    assert response.status_code == 400
    assert (await get(service, PREFLIGHT)).status_code == 400


async def test_a_mutation_by_get_is_405_and_changes_nothing(service: Service) -> None:
    before = await service.main.everything()
    named = f"query Q {{ viewer {{ id }} }} {ADD.replace('mutation', 'mutation M')}"
    for parameters in ({"query": ADD}, {"query": named, "operationName": "M"}):
        for headers in ({}, PREFLIGHT):
            response = await get(service, headers, **parameters)
            assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert await service.main.everything() == before


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 400),
        ("text/plain; application/json", 415),
        ("application/json, text/plain", 415),
        ("application/jsonp", 415),
        ("application/json; charset=utf-16", 415),
    ],
)
async def test_no_mutation_by_what_a_form_can_send(
    service: Service, content_type: str, status: int
) -> None:
    before = await service.main.everything()
    content = httpx.Request("POST", "http://x", json={"query": ADD}).content
    headers = MAIN | {"Content-Type": content_type}
    response = await service.client.post("/graphql", content=content, headers=headers)
    assert response.status_code == status
    assert await service.main.everything() == before


async def test_two_content_types_are_415(service: Service) -> None:
    headers = [
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/json"),
        *MAIN.items(),
    ]
    response = await service.client.post(
        "/graphql", content=b'{"query": "{viewer{id}}"}', headers=headers
    )
    assert response.status_code == 415


async def test_a_form_without_a_preflight_header_is_403_where_it_is_demanded(
    strict: Service,
) -> None:
    headers = MAIN | {"Content-Type": "multipart/form-data; boundary=x"}
    response = await strict.client.post("/graphql", content=b"--x--", headers=headers)
    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"] == {"code": "PREFLIGHT_REQUIRED"}


ORIGIN = {"Origin": "https://shop.example"}
ASKS = ORIGIN | {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization",
}


async def test_no_origin_is_let_in_unless_it_is_configured(service: Service) -> None:
    asked = await service.client.options("/graphql", headers=ASKS)
    assert asked.status_code == 405
    answered = await service.client.post(
        "/graphql", json={"query": "{ viewer { id } }"}, headers=MAIN | ORIGIN
    )
    for response in (asked, answered):
        assert [
            name for name in response.headers if name.startswith("access-control")
        ] == []


async def test_configured_origins_are_let_in_and_no_others(
    service: Service, database_url: str
) -> None:
    async with serve_beside(
        service, database_url, cors_origins=("https://shop.example",)
    ) as client:
        asked = await client.options("/graphql", headers=ASKS)
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (
            200,
            "https://shop.example",
        )
        answered = await client.post(
            "/graphql", json={"query": "{ viewer { id } }"}, headers=MAIN | ORIGIN
        )
        assert answered.headers["access-control-allow-origin"] == "https://shop.example"
        foreign = await client.options(
            "/graphql", headers=ASKS | {"Origin": "https://other.example"}
        )
        assert (
            foreign.status_code,
            foreign.headers.get("access-control-allow-origin"),
        ) == (400, None)


CLIENT_HEADERS = (
    "authorization,content-type,accept-language,x-requested-with,idempotency-key,if-match",
    "apollo-require-preflight,x-apollo-operation-name,x-apollo-operation-id",
    "apollographql-client-name,apollographql-client-version,traceparent,tracestate,x-request-id",
    "sentry-trace,baggage,x-datadog-trace-id,cache-control",
)


async def test_pages_of_configured_origins_send_and_read_what_clients_do(
    service: Service, database_url: str
) -> None:
    async with serve_beside(
        service, database_url, cors_origins=(ORIGIN["Origin"],)
    ) as client:
        for names in CLIENT_HEADERS:
            asks = ASKS | {"Access-Control-Request-Headers": names}
            asked = await client.options("/graphql", headers=asks)
            assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (
                200,
                names,
            )
        for method in ("GET", "POST", "PUT", "DELETE"):
            asks = ASKS | {"Access-Control-Request-Method": method}
            asked = await client.options("/api/v1/basket/", headers=asks)
            assert (
                asked.status_code,
                method in asked.headers["access-control-allow-methods"],
            ) == (
                200,
                True,
            )
        answered = await client.get("/healthz", headers=ORIGIN)
        assert answered.headers["access-control-expose-headers"].split(", ") == [
            "Content-Disposition",
            "Content-Range",
            "ETag",
            "Retry-After",
            "X-Request-ID",
        ]
        assert "access-control-allow-credentials" not in answered.headers
        assert answered.headers["x-request-id"]


async def test_pages_of_configured_origins_read_faults_too(
    service: Service, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    async def broken(*given: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(GraphQLView, "__call__", broken)
    async with serve_beside(
        service, database_url, cors_origins=(ORIGIN["Origin"],)
    ) as client:
        failed = await client.get("/graphql", headers=ORIGIN)
        assert failed.status_code == 500
        assert failed.headers["access-control-allow-origin"] == ORIGIN["Origin"]
