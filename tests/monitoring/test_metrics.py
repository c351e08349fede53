"""The metrics, as Prometheus reads them, over HTTP."""

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Route

import resolvers.query
from settings.secret import Secret
from tasks.exports.metrics import DeadLetters
from tests.support.exports import completed, fill
from tests.support.service import Service, serve_beside
from tests.support.waiting import eventually
from web.http.rate_limit import REJECTED, UNANSWERED
from web.monitoring.metrics import JobCollector, Metrics, count_request

DOCUMENT = "query %s { activeBasket { id } }"


def value(name: str, **labels: str) -> float:
    """Returns what a series stands at now; 0 when it does not exist yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def series() -> int:
    """Returns how many series there are."""
    return sum(len(family.samples) for family in REGISTRY.collect())


async def scraped(
    client: httpx.AsyncClient, token: str = ""
) -> dict[tuple[str, tuple[str, ...]], float]:
    """Scrapes, and returns each sample by its name and the values of its labels."""
    response = await client.get(
        "/metrics", headers={"Authorization": f"Bearer {token}"} if token else {}
    )
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(response.text)
    return {
        (each.name, tuple(each.labels.values())): each.value
        for family in families
        for each in family.samples
    }


async def test_operations_are_counted_by_their_root_field_and_outcome(
    service: Service,
) -> None:
    basket = {"operation": "query activeBasket"}
    added = {"operation": "mutation basketItemsAdd"}
    names = ("basket_requests_total", "basket_request_seconds_count")
    before = [value(names[0], **basket, outcome="ok"), value(names[1], **basket)]
    rejected = value(names[0], **added, outcome="rejected")
    by_code = value("basket_rejections_total", code="DIVISION_NOT_ALLOWED")
    for _ in range(3):
        await service.main.query(DOCUMENT % "Chosen")
    given = {"sku": "SKU01", "divisionId": service.division("ERP05"), "quantity": 1}
    payload = await service.main.change("basketItemsAdd", "basket { id }", items=[given])
    assert [error["code"] for error in payload["userErrors"]] == ["DIVISION_NOT_ALLOWED"]
    after = [value(names[0], **basket, outcome="ok"), value(names[1], **basket)]
    assert [new - old for old, new in zip(before, after, strict=True)] == [3, 3]
    assert value(names[0], **added, outcome="rejected") - rejected == 1
    assert value("basket_rejections_total", code="DIVISION_NOT_ALLOWED") - by_code == 1


UNKNOWN = {
    "query": '{ product(remoteId: 1, sku: "SKU01") { id } }',
    "subscription": 'subscription { basketExport(cacheKey: "none") { status } }',
}


@pytest.mark.parametrize("kind", ["query", "subscription"])
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_rejection_that_is_an_error_is_counted_once(
    service: Service, kind: str, accept: str
) -> None:
    before = value("basket_rejections_total", code="INVALID_INPUT")
    headers = {
        "Authorization": "Token main",
        "Accept": f"{accept}, text/event-stream;q=0.1",
    }
    body = {"query": UNKNOWN[kind]}
    response = await service.client.post("/graphql", json=body, headers=headers)
    assert response.text.count('"code":"INVALID_INPUT"') == 1
    assert value("basket_rejections_total", code="INVALID_INPUT") - before == 1


async def test_each_rejection_of_a_query_is_counted(service: Service) -> None:
    before = value("basket_rejections_total", code="INVALID_INPUT")
    first, second = '{ a: product(sku: "") { id }', 'b: product(sku: " ") { id } }'
    response = await service.main.post(f"{first} {second}")
    assert len(response.json()["errors"]) == 2
    assert value("basket_rejections_total", code="INVALID_INPUT") - before == 2


@pytest.mark.parametrize(
    ("method", "address"),
    [("GET", "basket/"), ("GET", "basket/drafts/"), ("POST", "basket/save/")],
)
async def test_a_rejection_of_rest_is_counted_once(
    service: Service, method: str, address: str
) -> None:
    before = value("basket_rejections_total", code="INVALID_INPUT")
    url = f"/api/v1/{address}?segment_remote_id=0"
    headers = {"Authorization": "Token main"}
    response = await service.client.request(method, url, headers=headers)
    message = "Segment 0 is not a positive number."
    assert (response.status_code, response.json()) == (
        400,
        {"segment_remote_id": [message]},
    )
    assert value("basket_rejections_total", code="INVALID_INPUT") - before == 1


@pytest.mark.parametrize(
    "accept", ["application/json", "application/graphql-response+json", "text/event-stream"]
)
@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ nothing }"},
        {"query": "{ viewer"},
        {"query": "query A { viewer { id } } query B { viewer { id } }"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
    ],
)
async def test_a_rejected_document_is_an_error_whatever_its_status(
    service: Service, accept: str, body: dict[str, Any]
) -> None:
    label = {"operation": "/graphql", "outcome": "error"}
    before = value("basket_requests_total", **label)
    headers = {"Authorization": "Token main", "Accept": accept}
    response = await service.client.post("/graphql", json=body, headers=headers)
    assert '"errors":' in response.text
    assert value("basket_requests_total", **label) - before == 1


async def test_an_outage_is_counted_by_its_status(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(division_id: int) -> Any:
        raise ConnectionRefusedError("The database is away.")

    monkeypatch.setattr(resolvers.query, "divisions_within", unreachable)
    label = {"operation": "query viewer", "outcome": "http_503"}
    before = value("basket_requests_total", **label)
    assert (await service.main.post("{ viewer { id } }")).status_code == 503
    assert value("basket_requests_total", **label) - before == 1


async def test_strangers_and_unknown_paths_are_counted_by_route(service: Service) -> None:
    unknown = value("basket_requests_total", operation="unknown", outcome="http_404")
    stranger = value("basket_requests_total", operation="/graphql", outcome="http_401")
    assert (await service.client.get("/of-the-client")).status_code == 404
    assert (
        await service.client.post("/graphql", json={"query": "{ viewer { id } }"})
    ).status_code == 401
    assert (
        value("basket_requests_total", operation="unknown", outcome="http_404") - unknown
        == 1
    )
    assert (
        value("basket_requests_total", operation="/graphql", outcome="http_401") - stranger
        == 1
    )


async def test_what_clients_choose_makes_no_series(service: Service) -> None:
    await service.main.query(DOCUMENT % "First")
    await service.client.get("/path-0")
    before = series()
    for number in range(200):
        await service.main.query(DOCUMENT % f"Operation{number}")
        await service.client.get(
            f"/path-{number}", headers={"X-Request-ID": f"id-{number}"}
        )
    assert series() == before


async def test_jobs_are_counted_by_state_and_the_pool_is_shown(
    service: Service,
) -> None:
    samples = await scraped(service.client)
    states = {
        labels[0]: count
        for (name, labels), count in samples.items()
        if name == "basket_exports"
    }
    assert states == {
        "WAITING": 0,
        "PROCESSING": 0,
        "COMPLETED": 0,
        "FAILED": 0,
        "EXPIRED": 0,
    }
    assert samples[("basket_exports_read", ())] == 1
    pool = {name for name, _ in samples if name.startswith("basket_database_connections")}
    if ("basket_database_connections_limit", ()) in samples:
        assert samples[("basket_database_connections_limit", ())] == 20
        assert samples[("basket_database_connections_waiting", ())] == 0
        assert samples[("basket_database_connections", ())] >= 1
    else:
        assert pool == set()


async def test_a_scrape_does_not_wait_for_the_database() -> None:
    async def silent() -> dict[str, int]:
        await asyncio.Event().wait()
        return {}

    metrics = Metrics(
        token="",
        is_embedded=True,
        folder="",
        dead_letters=DeadLetters(),
        jobs=JobCollector(silent, 0.05),
    )
    application = Starlette(routes=[Route("/metrics", metrics.respond)])
    transport = httpx.ASGITransport(application)
    async with (
        metrics.open(),
        httpx.AsyncClient(transport=transport, base_url="http://basket") as client,
    ):
        # The database never answers here, and the scrapes are.
        await asyncio.gather(scraped(client), scraped(client))


async def test_only_who_has_the_token_may_scrape(
    service: Service, database_url: str
) -> None:
    token = Secret("for-prometheus")
    async with serve_beside(service, database_url, metrics_token=token) as client:
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Token main"},
        ):
            response = await client.get("/metrics", headers=headers)
            assert (response.status_code, response.headers["www-authenticate"]) == (
                401,
                'Bearer realm="metrics"',
            )
            assert "basket_" not in response.text
        assert await scraped(client, "for-prometheus")


async def test_production_shows_no_metrics_without_a_token(
    service: Service, database_url: str
) -> None:
    async with serve_beside(service, database_url, is_embedded=False) as client:
        response = await client.get("/metrics")
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (
        404,
        "NOT_FOUND",
    )


async def test_calls_of_commerce_are_counted_by_outcome(service: Service) -> None:
    name = "basket_commerce_seconds_count"
    answered, rejected, failed = (
        value(name, outcome=outcome) for outcome in ("answered", "rejected", "failed")
    )
    product = "{ product(remoteId: %d) { sku } }"
    await service.main.query(product % 3)
    await service.main.query(product % 4_711)
    service.shop.is_down = True
    assert (await service.main.post(product % 2)).status_code == 200
    assert value(name, outcome="answered") - answered == 1
    assert value(name, outcome="rejected") - rejected == 1
    assert value(name, outcome="failed") - failed == 3


async def test_no_token_and_no_body_is_in_the_metrics(service: Service) -> None:
    await service.main.query("query SecretName { viewer { id } }")
    text = (await service.client.get("/metrics")).text
    assert "SecretName" not in text
    assert "main@example" not in text


def test_what_the_rate_limit_counted_is_shown() -> None:
    names = ("basket_rate_limit_rejections_total", "basket_rate_limit_unavailable_total")
    before = [value(name) for name in names]
    REJECTED.inc(7)
    UNANSWERED.inc(3)
    after = [value(name) for name in names]
    assert [new - old for old, new in zip(before, after, strict=True)] == [7, 3]


async def test_attempts_at_exports_are_counted_by_outcome(service: Service) -> None:
    names = ("completed", "failed", "impossible", "returned", "lost")

    def counts() -> list[float]:
        return [value("basket_export_attempts_total", outcome=name) for name in names]

    before, timed = counts(), value("basket_export_seconds_count")
    await fill(service.main)
    await completed(service.main, format="CSV")
    # Counted when the attempt has ended, a moment after the export is seen as completed.
    seconds = "basket_export_seconds_count"
    await eventually(lambda: value(seconds) != timed, "The count of an attempt")
    after = counts()
    assert [new - old for old, new in zip(before, after, strict=True)] == [1, 0, 0, 0, 0]
    assert value("basket_export_seconds_count") - timed == 1
    assert value("basket_export_attempts_in_progress") == 0


def test_seconds_are_counted_in_the_bucket_that_they_fit() -> None:
    name, label = "basket_request_seconds", {"operation": "of a bucket"}
    for seconds in (0.0, 0.001, 0.0011, 0.005, 10.0, 10.1):
        count_request("of a bucket", "ok", seconds)
    count_request("of a bucket", "ok", None)
    bounds = ("0.001", "0.0025", "0.005", "5.0", "10.0", "+Inf")
    counts = [value(f"{name}_bucket", **label, le=bound) for bound in bounds]
    assert counts == [2, 3, 4, 4, 5, 6]
    assert value(f"{name}_count", **label) == 6
    assert round(value(f"{name}_sum", **label), 4) == 20.1071
    assert value("basket_requests_total", **label, outcome="ok") == 7
