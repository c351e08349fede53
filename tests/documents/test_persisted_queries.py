"""Automatic persisted queries: the protocol of Apollo's server, in memory and within bounds."""

import hashlib
import json
from typing import Any

import pytest

from tests.support.service import Service
from web.documents.persisted import CACHE_BYTES, LARGEST_BYTES, PersistedQueries
from web.documents.texts import TextCache

QUERY = "{ viewer { email } }"
MAIN = {"Authorization": "Token main"}
ANSWER = {"data": {"viewer": {"email": "main@example.invalid"}}}


def hashed(text: str) -> str:
    """Returns the hash of a text, as clients compute it."""
    return hashlib.sha256(text.encode()).hexdigest()


def extension(text: str, **fields: Any) -> dict[str, Any]:
    """Returns the extension that stands for a text."""
    return {"persistedQuery": {"version": 1, "sha256Hash": hashed(text)} | fields}


def error(message: str, code: str) -> dict[str, Any]:
    """Returns the content of a response with one error."""
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


NOT_FOUND = error("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/graphql-response+json",
        "application/graphql-response+json, application/graphql+json, application/json, "
        "text/event-stream, multipart/mixed",
    ],
)
async def test_an_unknown_hash_is_answered_as_apollo_does(
    service: Service, accept: str
) -> None:
    headers, known = MAIN | {"Accept": accept}, extension(QUERY)
    for body in (
        {"operationName": "A", "variables": {}, "extensions": known},
        {"extensions": known | {"clientLibrary": {"name": "x"}}},
        {"query": None, "extensions": known},
        {"query": "", "variables": None, "extensions": known},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": extension(QUERY, sha256Hash=5)},
        {"extensions": extension(QUERY, sha256Hash=hashed(QUERY).upper())},
    ):
        response = await service.client.post("/graphql", json=body, headers=headers)
        assert (response.status_code, response.json()) == (200, NOT_FOUND)
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.headers["cache-control"] == "private, no-cache, must-revalidate"
        parameters = {name: json.dumps(body[name]) for name in ("extensions",)}
        response = await service.client.get("/graphql", params=parameters, headers=headers)
        assert (response.status_code, response.json()) == (200, NOT_FOUND)


async def test_a_text_with_its_hash_is_executed_and_known_from_then_on(
    service: Service,
) -> None:
    for text, method in ((QUERY, "POST"), (QUERY.replace(" ", "  "), "GET")):
        for body in ({"query": text}, {}, {"query": ""}):
            content: dict[str, Any] = body | {"extensions": extension(text)}
            parameters = body | {"extensions": json.dumps(extension(text))}
            response = await service.client.request(
                method,
                "/graphql",
                headers=MAIN,
                **({"json": content} if method == "POST" else {"params": parameters}),
            )
            assert (response.status_code, response.json()) == (200, ANSWER)


async def test_another_text_or_version_is_400_in_apollos_words(service: Service) -> None:
    mismatch = "provided sha does not match query", "PERSISTED_QUERY_HASH_MISMATCH"
    version = (
        "Unsupported persisted query version",
        "PERSISTED_QUERY_VERSION_UNSUPPORTED",
    )
    for body, expected in (
        ({"query": QUERY + " ", "extensions": extension(QUERY)}, mismatch),
        ({"query": QUERY, "extensions": extension(QUERY, sha256Hash=None)}, mismatch),
        ({"query": QUERY, "extensions": extension(QUERY, version=2)}, version),
        ({"extensions": extension(QUERY, version="1")}, version),
        ({"extensions": extension(QUERY, version=True)}, version),
        ({"extensions": {"persistedQuery": True}}, version),
    ):
        response = await service.client.post("/graphql", json=body, headers=MAIN)
        assert (response.status_code, response.json()) == (400, error(*expected))
    # None of them has become known.
    body = {"extensions": extension(QUERY)}
    response = await service.client.post("/graphql", json=body, headers=MAIN)
    assert response.json() == NOT_FOUND


@pytest.mark.parametrize(
    "text",
    [
        "{ viewer { shoeSize } }",
        "{ viewer",
        "{ " + "viewer { email } " * 60 + "}",
        "query A { viewer { email } } query B { viewer { email } }",
    ],
)
async def test_a_text_that_is_not_executed_does_not_become_known(
    service: Service, text: str
) -> None:
    body = {"query": text, "extensions": extension(text)}
    response = await service.client.post("/graphql", json=body, headers=MAIN)
    assert "data" not in response.json()
    body = {"extensions": extension(text)}
    response = await service.client.post("/graphql", json=body, headers=MAIN)
    assert response.json() == NOT_FOUND


async def test_a_mutation_by_its_hash_is_405_by_get(service: Service) -> None:
    text = "mutation { basketClear(input: {}) { userErrors { code } } }"
    body = {"query": text, "extensions": extension(text)}
    response = await service.client.post("/graphql", json=body, headers=MAIN)
    assert response.json() == {
        "data": {"basketClear": {"userErrors": [{"code": "BASKET_NOT_FOUND"}]}}
    }
    parameters = {"extensions": json.dumps(extension(text))}
    response = await service.client.get("/graphql", params=parameters, headers=MAIN)
    assert response.status_code == 405


async def test_neither_text_nor_reference_is_a_bad_request(service: Service) -> None:
    for extensions in ({}, None, {"persistedQuery": None}, {"cost": True}):
        body = {"extensions": extensions}
        response = await service.client.post("/graphql", json=body, headers=MAIN)
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_a_batch_is_rejected_with_the_reason_and_the_way(service: Service) -> None:
    batch = [{"query": QUERY}, {"query": QUERY}]
    response = await service.client.post("/graphql", json=batch, headers=MAIN)
    expected = error(
        "Batches are not accepted: one slow operation would hold back the others. Send each "
        "operation as a request of its own, at the same time, over one connection.",
        "BAD_REQUEST",
    )
    assert (response.status_code, response.json()) == (400, expected)


async def test_a_hash_of_a_stranger_is_401(service: Service) -> None:
    response = await service.client.post("/graphql", json={"extensions": extension(QUERY)})
    assert response.status_code == 401
    parameters = {"extensions": json.dumps(extension(QUERY))}
    assert (await service.client.get("/graphql", params=parameters)).status_code == 401


def test_the_texts_in_memory_have_a_bound_in_bytes() -> None:
    cache = TextCache(10_000)
    for number in range(1_000):
        cache.add(f"{number:064}", "x" * (number % 500))
        assert cache.get(f"{0:064}") == ""
        assert 0 < cache.size <= 10_000
    # The one in use has stayed, and others went in the order of their use.
    assert cache.get(f"{999:064}") is not None
    assert cache.get(f"{1:064}") is None
    cache.add("whole", "x" * 10_000)
    assert (cache.get("whole"), cache.size) == (None, 0)


async def test_a_text_beyond_the_bound_of_one_is_not_stored() -> None:
    queries = PersistedQueries()
    largest = "ä" * (LARGEST_BYTES // 2)
    for text in (largest, largest + "x"):
        await queries.store(text)
    assert queries.texts.get(hashed(largest)) == largest
    assert queries.texts.get(hashed(largest + "x")) is None
    assert CACHE_BYTES == 8_388_608
