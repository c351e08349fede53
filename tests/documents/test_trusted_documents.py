"""Trusted documents: executed by id on every transport, and what each mode rejects there."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from models.database.connection import connect, disconnect
from models.document import (
    AdditionRejected,
    TrustedDocument,
    add_documents,
    hash_document,
    read_stamp,
    remove_documents,
)
from tests.documents.test_persisted_queries import error, extension
from tests.support import document_requests
from tests.support.document_requests import Send, outcome
from tests.support.lines import line
from tests.support.service import Service, serve, serve_beside
from tests.support.shop import Shop
from tests.support.websockets import listen
from web.documents.trusted import TrustedDocuments

QUERY = "query Viewer { viewer { email } }"
WATCH = "subscription Watch { activeBasket { version } }"
IMPORT = (
    "mutation Import($file: Upload!) { basketImport(input: { file: $file }) "
    "{ report { rowsImported } } }"
)
INTROSPECTION = "{ __schema { queryType { name } } }"
TRANSPORTS: list[tuple[Send, str, str]] = [
    (document_requests.post, QUERY, "viewer"),
    (document_requests.get, QUERY, "viewer"),
    (document_requests.upload, IMPORT, "basketImport"),
    (document_requests.sse, QUERY, "viewer"),
    (document_requests.sse, WATCH, "activeBasket"),
    (document_requests.multipart, WATCH, "activeBasket"),
    (document_requests.websocket, QUERY, "viewer"),
    (document_requests.websocket, WATCH, "activeBasket"),
]
MAIN = {"Authorization": "Token main"}


def requests_for(text: str) -> dict[str, dict[str, Any]]:
    """Returns a request of every form for a document; that of its unknown hash goes first."""
    return {
        "hash": {"extensions": extension(text + " ")},
        "text": {"query": text},
        "text with hash": {"query": text + " ", "extensions": extension(text + " ")},
        "hash again": {"extensions": extension(text + " ")},
        "id": {"documentId": f"id-{hash_document(text)[:9]}"},
        "hash as id": {"documentId": f"sha256:{hash_document(text)}"},
        "hash of a trusted one": {"extensions": extension(text)},
        "unknown id": {"documentId": "id-0"},
    }


MODES = {
    "any": {
        "hash": "PERSISTED_QUERY_NOT_FOUND",
        "unknown id": "DOCUMENT_NOT_FOUND",
    },
    "persisted": {
        "hash": "PERSISTED_QUERY_NOT_FOUND",
        "text": "DOCUMENT_NOT_PERSISTED",
        "unknown id": "DOCUMENT_NOT_FOUND",
    },
    "trusted": {
        "hash": "DOCUMENT_NOT_FOUND",
        "text": "DOCUMENT_NOT_TRUSTED",
        "text with hash": "DOCUMENT_NOT_TRUSTED",
        "hash again": "DOCUMENT_NOT_FOUND",
        "unknown id": "DOCUMENT_NOT_FOUND",
    },
}
"""The codes of rejected requests in each mode; all other requests are executed."""


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
async def test_a_mode_holds_on_every_transport(
    mode: str, sqlite_url: str, shop: Shop
) -> None:
    async with (
        serve(sqlite_url, shop, documents=mode) as service,
        listen(service) as server,
    ):
        await add_documents(
            {f"id-{hash_document(text)[:9]}": text for text in (QUERY, WATCH, IMPORT)}
        )
        url = f"http://127.0.0.1:{server.port}/graphql"
        for number, (send, text, field) in enumerate(TRANSPORTS):
            # Another text for each transport, so that none knows it from the one before.
            sent = requests_for(text)
            unknown = text + " " * (number + 1)
            sent["hash"] = sent["hash again"] = {"extensions": extension(unknown)}
            sent["text with hash"] = {"query": unknown, "extensions": extension(unknown)}
            results = {name: outcome(await send(url, sent[name])) for name in sent}
            assert results == dict.fromkeys(sent, field) | MODES[mode], send
        imports = len(sent) - len(MODES[mode])
        basket = await service.main.client.get("/api/v1/basket/", headers=MAIN)
        # REST asks no library. Each accepted upload has added three pieces, a rejected one none.
        assert basket.status_code == 200
        assert basket.json()["total_quantity"] == 3 * imports


async def test_introspection_and_the_page_are_no_trusted_documents(
    sqlite_url: str, shop: Shop
) -> None:
    async with serve(sqlite_url, shop, documents="trusted") as service:
        response = await service.main.post(INTROSPECTION)
        message = "The setting DOCUMENTS is trusted: send the id of a trusted document."
        assert response.json() == error(message, "DOCUMENT_NOT_TRUSTED")
        for path in ("/graphql", "/"):
            page = await service.client.get(path, headers={"Accept": "text/html"})
            assert page.status_code in (401, 404)
        async with serve_beside(service, sqlite_url, documents="persisted") as beside:
            page = await beside.get("/graphql", headers={"Accept": "text/html"})
            assert page.status_code == 401


async def test_a_rejection_has_the_status_of_its_media_type(service: Service) -> None:
    expected = error("No trusted document has the id 'nope'.", "DOCUMENT_NOT_FOUND")
    for accept, status in (
        ("application/graphql-response+json", 400),
        ("application/json", 200),
    ):
        response = await service.client.post(
            "/graphql", json={"documentId": "nope"}, headers=MAIN | {"Accept": accept}
        )
        assert (response.status_code, response.json()) == (status, expected)
        assert response.headers["content-type"] == f"{accept}; charset=utf-8"


@pytest.mark.parametrize(
    "more", [{"query": QUERY}, {"extensions": extension(QUERY)}, {"documentId": 5}]
)
async def test_two_documents_or_an_id_that_is_no_text_are_a_bad_request(
    service: Service, more: dict[str, Any]
) -> None:
    body = {"documentId": "a", **more}
    response = await service.client.post("/graphql", json=body, headers=MAIN)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_variables_operation_and_cost_go_with_an_id(service: Service) -> None:
    text = """query A { viewer { id } }
    query B($first: Int!) { draftBaskets(first: $first) { totalCount } }"""
    await add_documents({"two": text})
    body = {"documentId": "two", "operationName": "B", "variables": {"first": 5}}
    response = await service.client.post(
        "/graphql", json=body | {"extensions": {"cost": True}}, headers=MAIN
    )
    content = response.json()
    assert content["data"] == {"draftBaskets": {"totalCount": 0}}
    assert content["extensions"]["cost"]["requested"] > 0
    response = await service.client.post(
        "/graphql", json={"documentId": "two"}, headers=MAIN
    )
    assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_a_document_by_id_is_not_sent_again_while_nothing_has_changed(
    service: Service,
) -> None:
    await add_documents({"basket": "{ activeBasket { id totalQuantity } }"})

    async def read(tag: str = "") -> httpx.Response:
        return await service.client.get(
            "/graphql",
            params={"documentId": "basket"},
            headers=MAIN | ({"If-None-Match": tag} if tag else {}),
        )

    await service.main.accepted("basketItemsAdd", items=[line(1)])
    first = await read()
    tag = first.headers["etag"]
    assert first.json()["data"]["activeBasket"]["totalQuantity"] == 1
    assert (await read(tag)).status_code == 304
    await service.main.accepted("basketItemsAdd", items=[line(1)])
    changed = await read(tag)
    assert changed.json()["data"]["activeBasket"]["totalQuantity"] == 2
    assert changed.headers["etag"] != tag


async def test_a_mutation_by_its_id_is_405_by_get(service: Service) -> None:
    await add_documents({"clear": "mutation { basketClear(input: {}) { basket { id } } }"})
    parameters = {"documentId": "clear"}
    response = await service.client.get("/graphql", params=parameters, headers=MAIN)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[None]:
    """An open database."""
    await connect(database_url, 2)
    yield
    await disconnect()


async def test_a_hot_id_and_an_unknown_one_need_no_database(database_url: str) -> None:
    await connect(database_url, 2)
    try:
        await add_documents({"a": QUERY})
        trusted = TrustedDocuments(miss_seconds=3_600)
        hot = ("a", f"sha256:{hash_document(QUERY)}")
        for name in hot:
            assert await trusted.find(name) == QUERY
    finally:
        await disconnect()
    for name in hot:
        assert await trusted.find(name) == trusted.texts.get(name) == QUERY
    for number in range(100):
        assert await trusted.find(f"stranger-{number}") is None


@pytest.mark.usefixtures("database")
async def test_new_documents_become_known_and_removed_ones_unknown() -> None:
    trusted = TrustedDocuments(miss_seconds=0)
    assert await trusted.find("a") is None
    assert await add_documents({"a": QUERY}) == ["a"]
    assert await trusted.find("a") == QUERY
    # Another release beside it, which shares one of the documents.
    assert await add_documents({"a": QUERY, "b": WATCH}) == ["b"]
    assert (await trusted.find("b"), await trusted.find("a")) == (WATCH, QUERY)
    assert await remove_documents(["a", "never"]) == ["a"]
    await trusted.update()
    assert (await trusted.find("a"), await trusted.find("b")) == (None, WATCH)
    # An id that was removed may come back with another text.
    await add_documents({"a": IMPORT})
    assert await trusted.find("a") == IMPORT


@pytest.mark.usefixtures("database")
async def test_an_id_with_another_text_is_rejected_and_nothing_is_added() -> None:
    await add_documents({"a": QUERY})
    before = await read_stamp()
    with pytest.raises(AdditionRejected, match="1 ids are stored with another text.*'a'"):
        await add_documents({"b": WATCH, "a": QUERY + " "})
    assert await read_stamp() == before
    assert [each.text for each in await TrustedDocument.all()] == [QUERY]
