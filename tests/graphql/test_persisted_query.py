"""Queries sent as a hash alone: rejected in the words by which clients fall back to the text."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from tests.support.node_packages import node_script
from tests.support.raw_http import raw_server
from tests.support.service import Service
from tests.support.waiting import TIMEOUT_SECONDS

QUERY = "{ viewer { email } }"
HASH = hashlib.sha256(QUERY.encode()).hexdigest()
PERSISTED = {"persistedQuery": {"version": 1, "sha256Hash": HASH}}
UNSUPPORTED = {
    "errors": [
        {
            "message": "PersistedQueryNotSupported",
            "extensions": {"code": "PERSISTED_QUERY_NOT_SUPPORTED"},
        }
    ]
}
MAIN = {"Authorization": "Token main"}
ANSWER = {"data": {"viewer": {"email": "main@example.invalid"}}}


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json",
        "application/graphql-response+json",
        "application/graphql-response+json,application/json;q=0.9",
        "application/graphql-response+json, application/graphql+json, application/json, "
        "text/event-stream, multipart/mixed",
    ],
)
async def test_a_hash_alone_is_answered_as_apollo_does(
    service: Service, accept: str
) -> None:
    headers = MAIN | {"Accept": accept}
    bodies = (
        {"operationName": "A", "variables": {}, "extensions": PERSISTED},
        {"extensions": PERSISTED | {"clientLibrary": {"name": "x"}}},
        {"query": None, "extensions": PERSISTED},
        {"query": "", "variables": None, "extensions": PERSISTED},
    )
    for body in bodies:
        response = await service.client.post("/graphql", json=body, headers=headers)
        assert (response.status_code, response.json()) == (200, UNSUPPORTED)
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.headers["cache-control"] == "private, no-cache, must-revalidate"
    parameters = {
        "extensions": json.dumps(PERSISTED),
        "variables": "{}",
        "operationName": "A",
    }
    for given in (
        parameters,
        parameters | {"query": ""},
        {"extensions": json.dumps(PERSISTED)},
    ):
        response = await service.client.get("/graphql", params=given, headers=headers)
        assert (response.status_code, response.json()) == (200, UNSUPPORTED)


async def test_a_query_with_its_hash_is_executed(service: Service) -> None:
    body = {"query": QUERY, "extensions": PERSISTED}
    response = await service.client.post("/graphql", json=body, headers=MAIN)
    assert (response.status_code, response.json()) == (200, ANSWER)
    parameters = {"query": QUERY, "extensions": json.dumps(PERSISTED)}
    response = await service.client.get("/graphql", params=parameters, headers=MAIN)
    assert (response.status_code, response.json()) == (200, ANSWER)


async def test_neither_query_nor_hash_is_a_bad_request(service: Service) -> None:
    for extensions in ({}, None, {"persistedQuery": None}, {"cost": True}):
        body = {"extensions": extensions}
        response = await service.client.post("/graphql", json=body, headers=MAIN)
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_a_hash_of_a_stranger_is_401(service: Service) -> None:
    response = await service.client.post("/graphql", json={"extensions": PERSISTED})
    assert response.status_code == 401
    parameters = {"extensions": json.dumps(PERSISTED)}
    assert (await service.client.get("/graphql", params=parameters)).status_code == 401


def test_apollo_and_urql_fall_back_and_remember(tmp_path: Path) -> None:
    script = node_script("persisted_queries.mjs", tmp_path)
    with raw_server(tmp_path) as server:
        command = ["node", str(script), f"http://127.0.0.1:{server.port}/graphql"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert {result["email"] for result in results} == {"main@demo.invalid"}
    assert [(result["client"], result["methods"]) for result in results] == [
        ("Apollo", ["POST", "POST"]),
        ("Apollo", ["POST"]),
        ("Apollo by GET", ["GET", "POST"]),
        ("Apollo by GET", ["POST"]),
        ("urql", ["GET", "GET"]),
        ("urql", ["GET"]),
        ("urql by GET", ["GET", "GET"]),
        ("urql by GET", ["GET"]),
    ]
