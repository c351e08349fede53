"""GraphQL over HTTP: statuses, media types, malformed requests, masked errors."""

import logging
from typing import Any

import httpx
import pytest

import resolvers.query
from resolvers.time_limit import TookTooLong
from schema.execution.operation import Operation
from tests.support.service import Service
from web.graphql.media_type import choose_media_type

HEADERS = {"Authorization": "Token main"}


GRAPHQL = "application/graphql-response+json"


JSON = "application/json"


async def post(service: Service, content: bytes, **headers: str) -> httpx.Response:
    """Posts raw bytes as JSON."""
    return await service.client.post(
        "/graphql",
        content=content,
        headers=HEADERS | {"Content-Type": "application/json"} | headers,
    )


MALFORMED = [
    b"",
    b"{",
    b"null",
    b"true",
    b"1",
    b'"x"',
    b"[]",
    b"{}",
    b'{"query": null}',
    b'{"query": 1}',
    b'{"query": ""}',
    b'{"query": "{viewer{id}}", "variables": []}',
    b'{"query": "{viewer{id}}", "variables": "x"}',
    b'{"query": "{viewer{id}}", "operationName": 1}',
    b'{"query": "{viewer{id}}", "extensions": 1}',
    b'{"query": "\xff"}',
    b'{"query": "\\ud800"}',
    b'{"query": "{viewer{id}}", "variables": {"a": NaN}}',
    b"[" * 100_000,
]


async def test_a_malformed_body_is_400_with_a_json_error(service: Service) -> None:
    for content in MALFORMED:
        response = await post(service, content)
        assert (content[:80], response.status_code) == (content[:80], 400)
        answer = response.json()
        assert answer["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}, content[:80]
        assert "data" not in answer, content[:80]


async def test_a_body_too_large_is_413(service: Service) -> None:
    response = await post(service, b'{"query": "' + b" " * 1_000_000 + b'"}')
    assert (response.status_code, response.json()["errors"][0]["message"]) == (
        413,
        "The body is larger than 1000000 bytes.",
    )


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/plain, application/json", "application/graphql", ""],
)
async def test_other_content_types_are_415(service: Service, content_type: str) -> None:
    response = await post(
        service, b'{"query": "{ viewer { id } }"}', **{"Content-Type": content_type}
    )
    assert response.status_code == 415


async def test_the_media_type_of_the_answer_is_what_is_accepted(service: Service) -> None:
    wanted = {
        GRAPHQL: GRAPHQL,
        f"{GRAPHQL};q=0.9, application/json": "application/json",
        f"{GRAPHQL};q=0.5, application/json;q=0.9": "application/json",
        f"{GRAPHQL};q=0.9, application/json;q=0.5": GRAPHQL,
        "application/json": "application/json",
        "*/*": "application/json",
        "text/html, application/*": "application/json",
    }
    for accept, media_type in wanted.items():
        response = await post(service, b'{"query": "{ viewer { id } }"}', Accept=accept)
        assert (response.status_code, response.headers["content-type"]) == (
            200,
            f"{media_type}; charset=utf-8",
        )
    assert (
        await post(service, b'{"query": "{ viewer { id } }"}', Accept="text/csv")
    ).status_code == 406


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("*/*;q=0.1", JSON),
        ("application/*", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{JSON};q=0.5,{GRAPHQL};q=0.5", GRAPHQL),
        (f"{JSON};q=0.501,{GRAPHQL};q=0.5", JSON),
        (f"{GRAPHQL};q=0.5, */*", JSON),
        (f"{GRAPHQL}, */*", GRAPHQL),
        (f"{JSON}, */*", JSON),
        (f"{JSON};charset=utf-8;q=0.4, {GRAPHQL}; Q=0.3", JSON),
        (f"{JSON};q=0, {GRAPHQL};q=0.001", GRAPHQL),
        (f"{JSON};q=.2, {GRAPHQL}; q=.1", JSON),
        (f"{JSON};q=., {GRAPHQL};q=.9", JSON),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"{GRAPHQL};q=0, application/*;q=0.2", JSON),
        (f"application/*;q=0.1, */*;q=0.9, {GRAPHQL};q=0.05", JSON),
        (f"{JSON.upper()};q=1.0, text/html;q=1.0", JSON),
        (f"{JSON};q=0.1, {JSON};q=0.8, {GRAPHQL};q=0.5", JSON),
        ("text/html", None),
        (f"{JSON};q=0", None),
        (f"{JSON};q=0.000, {GRAPHQL};q=0, */*", None),
        ("*/*;q=0", None),
        ("application/*;q=0, */*", None),
        ("text/*, image/png;q=0.5", None),
    ],
)
def test_the_media_type_follows_the_weights(accept: str, media_type: str | None) -> None:
    assert choose_media_type(accept.encode()) == media_type


async def test_a_page_is_for_those_who_prefer_it(service: Service) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    for accept, is_page in (
        (browser, True),
        ("text/html", True),
        ("text/html, */*", True),
        (f"text/html;q=0.9, {JSON};q=0.5", True),
        (f"text/html, {JSON}", False),
        (f"text/html;q=0.5, {JSON}", False),
        (f"text/html;q=0, {GRAPHQL}", False),
        ("text/html;q=0.1, */*", False),
        ("text/html;q=.1, *; q=.2, */*; q=.2", False),
        ("*/*", False),
    ):
        headers = HEADERS | {"Accept": accept}
        response = await service.client.get("/graphql?query={__typename}", headers=headers)
        assert response.status_code == 200
        assert (accept, response.text.startswith("<!doctype html>")) == (accept, is_page)


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "query A($a: Int!) { product(remoteId: $a) { sku } }"]
)
async def test_a_document_that_cannot_be_run_has_no_data(
    service: Service, query: str
) -> None:
    body = b'{"query": "%s"}' % query.encode()
    for accept, status in ((GRAPHQL, 400), ("application/json", 200)):
        response = await post(service, body, Accept=accept)
        assert response.status_code == status
        assert "data" not in response.json()
        assert len(response.json()["errors"]) == 1


async def test_several_operations_need_a_name(service: Service) -> None:
    document = "query A { viewer { id } } query B { viewer { email } }"
    for accept, status in ((GRAPHQL, 400), ("application/json", 200)):
        for name, said in ((None, "several operations"), ("C", "'C'"), ("a", "'a'")):
            response = await service.client.post(
                "/graphql",
                json={"query": document, "operationName": name},
                headers=HEADERS | {"Accept": accept},
            )
            assert response.status_code == status
            assert response.headers["content-type"] == f"{accept}; charset=utf-8"
            (error,) = response.json()["errors"]
            assert said in error["message"]
            assert error["extensions"] == {"code": "BAD_REQUEST"}
            assert "data" not in response.json()
    response = await service.client.post(
        "/graphql", json={"query": document, "operationName": "B"}, headers=HEADERS
    )
    assert response.json() == {"data": {"viewer": {"email": "main@example.invalid"}}}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_other_methods_than_get_and_post_are_405(
    service: Service, method: str
) -> None:
    response = await service.client.request(
        method, "/graphql?query={viewer{id}}", headers=HEADERS
    )
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_unexpected_errors_are_masked_and_logged(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(division_id: int) -> Any:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(resolvers.query, "divisions_within", broken)
    with caplog.at_level(logging.ERROR, logger="basket"):
        response = await service.main.post("{ viewer { id } }")
    assert response.json()["errors"][0]["message"] == "Something went wrong on our side."
    assert "secret" not in response.text
    assert "the secret of the house" in caplog.text


@pytest.mark.parametrize(
    "accept", [GRAPHQL, JSON, f"{GRAPHQL},{JSON};q=0.9", f"text/html;q=0, {GRAPHQL}"]
)
async def test_an_answer_that_is_no_graphql_response_is_json(
    service: Service, monkeypatch: pytest.MonkeyPatch, accept: str
) -> None:
    async def unreachable(division_id: int) -> Any:
        raise ConnectionRefusedError("The database is away.")

    async def slow(*given: Any, **more: Any) -> Any:
        raise TookTooLong

    query = {"query": "{ viewer { id } }"}
    headers = HEADERS | {"Accept": accept}
    for target, name, fault, code in (
        (resolvers.query, "divisions_within", unreachable, "SERVICE_UNAVAILABLE"),
        (Operation, "execute", slow, "OPERATION_TIMEOUT"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(target, name, fault)
            for response in (
                await service.client.post("/graphql", json=query, headers=headers),
                await service.client.get("/graphql", params=query, headers=headers),
            ):
                assert response.status_code == 503
                assert response.headers["content-type"] == "application/json; charset=utf-8"
                assert response.headers["retry-after"] == "1"
                assert response.json()["errors"][0]["extensions"]["code"] == code


async def test_introspection_answers(service: Service) -> None:
    data = await service.main.query("{ __schema { queryType { name } } __typename }")
    assert data == {"__schema": {"queryType": {"name": "Query"}}, "__typename": "Query"}


async def test_health_and_readiness_need_no_token(service: Service) -> None:
    assert (await service.client.get("/healthz")).json() == {"status": "ok"}
    assert (await service.client.get("/readyz")).json() == {
        "status": "ok",
        "database": "ok",
    }
