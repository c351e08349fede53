"""Requests seen from outside: ids, headers, masked errors and the log."""

import errno
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from asyncpg import PostgresError

import logs
from application import create_application
from models.basket.read import ACTIVE
from models.user import Buyers
from settings.options import LogOptions, Options
from tasks.exports.actor import explain_error
from tests.support.service import Service, open_client
from tests.support.shop import Shop

QUERY = "query Mine { viewer { id } }"
SECRET = "5f0c-the-secret-value"


Written = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Written]:
    """Returns, once, what was written to the log, none of which may hold the secret."""

    def written_lines() -> list[dict[str, Any]]:
        text = capsys.readouterr().err
        assert SECRET not in text
        return [json.loads(line) for line in text.splitlines()]

    handler = logs.Log(LogOptions(is_json=True))
    logging.getLogger("basket").addHandler(handler)
    yield written_lines
    logging.getLogger("basket").removeHandler(handler)


async def failing(*given: object, **more: object) -> None:
    """Fails as only a fault of ours does, with a text that nobody may see."""
    raise RuntimeError(f"SELECT {SECRET} FROM /srv/basket")


async def asked(service: Service, **headers: str) -> httpx.Response:
    """Sends a query with further headers."""
    return await service.client.post(
        "/graphql", json={"query": QUERY}, headers={"Authorization": "Token main"} | headers
    )


async def test_every_answer_has_an_id_of_its_own(service: Service) -> None:
    paths = ("/healthz", "/nowhere", "/graphql", "/metrics", "/export_file/x")
    ids = [(await service.client.get(path)).headers["x-request-id"] for path in paths]
    ids += [(await asked(service)).headers["x-request-id"] for _ in range(5)]
    assert len(set(ids)) == 10
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)


@pytest.mark.parametrize("sent", ["a", "0HN7-3f.a_b~c+/=@:1", "f" * 128])
async def test_a_sane_id_is_taken_over(service: Service, sent: str) -> None:
    assert (await asked(service, **{"X-Request-ID": sent})).headers["x-request-id"] == sent


@pytest.mark.parametrize(
    "sent", ["", "f" * 129, "two words", 'a"b', "<script>", "a;b", "a\tb"]
)
async def test_any_other_id_is_replaced(service: Service, sent: str) -> None:
    answered = (await asked(service, **{"X-Request-ID": sent})).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{16}", answered)


async def test_an_embedded_server_says_where_the_time_went(service: Service) -> None:
    timing = (await asked(service)).headers["server-timing"]
    assert re.fullmatch(
        r"auth;dur=[\d.]+, parse;dur=[\d.]+, execute;dur=[\d.]+, total;dur=[\d.]+", timing
    )
    durations = [float(found) for found in re.findall(r"dur=([\d.]+)", timing)]
    assert sum(durations[:3]) <= durations[3] + 0.05


async def test_any_other_server_does_not(sqlite_url: str, shop: Shop) -> None:
    application = create_application(
        Options(
            database_url=sqlite_url,
            commerce_url=shop.url,
            is_embedded=False,
        )
    )
    async with open_client(application) as client:
        assert "server-timing" not in (await client.get("/healthz")).headers


async def test_an_unexpected_error_is_masked_and_logged_once_under_its_id(
    service: Service, monkeypatch: pytest.MonkeyPatch, lines: Written
) -> None:
    document = "{ activeBasket { id } }"
    monkeypatch.setattr(ACTIVE, "read", failing)
    response = await service.client.post(
        "/graphql",
        json={"query": document},
        headers={"Authorization": "Token main", "X-Request-ID": "mine-1"},
    )
    (error,) = response.json()["errors"]
    assert (response.status_code, response.json()["data"]) == (200, {"activeBasket": None})
    assert error["message"] == "Something went wrong on our side."
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "mine-1"}
    (line,) = lines()
    assert (line["level"], line["request_id"]) == ("ERROR", "mine-1")
    assert "RuntimeError" in line["error"]
    assert SECRET not in response.text


async def test_an_error_outside_of_the_execution_is_masked_too(
    service: Service, monkeypatch: pytest.MonkeyPatch, lines: Written
) -> None:
    monkeypatch.setattr(Buyers, "find", failing)
    response = await asked(service, **{"X-Request-ID": "mine-2"})
    assert response.status_code == 500
    assert response.headers["content-type"].startswith("application/json")
    extensions = {"code": "INTERNAL_SERVER_ERROR", "requestId": "mine-2"}
    assert response.json() == {
        "errors": [
            {"message": "Something went wrong on our side.", "extensions": extensions}
        ]
    }
    (line,) = lines()
    assert (line["level"], line["request_id"]) == ("ERROR", "mine-2")


async def test_what_no_route_answers_is_json(service: Service) -> None:
    assert (await service.client.get("/nowhere")).json() == {
        "errors": [
            {"message": "There is nothing here.", "extensions": {"code": "NOT_FOUND"}}
        ]
    }
    response = await service.client.post("/healthz")
    assert (response.status_code, set(response.headers["allow"].split(", "))) == (
        405,
        {"GET", "HEAD"},
    )
    assert response.json()["errors"][0]["extensions"] == {"code": "METHOD_NOT_ALLOWED"}


@pytest.fixture
async def with_access_log(
    database_url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch, lines: Written
) -> AsyncIterator[httpx.AsyncClient]:
    """A server that writes a line a request."""
    monkeypatch.setattr(logging.getLogger("basket"), "level", logging.INFO)
    application = create_application(
        Options(database_url=database_url, commerce_url=shop.url, access_log=True)
    )
    async with open_client(application) as client:
        yield client


async def test_the_access_log_has_one_line_a_request_with_no_token_body_or_path(
    with_access_log: httpx.AsyncClient, lines: Written
) -> None:
    headers = {"Authorization": f"Token {SECRET}", "X-Request-ID": "mine-3"}
    await with_access_log.get(f"/export_file/{SECRET}?signature={SECRET}", headers=headers)
    (line,) = lines()
    known = {
        name: line[name]
        for name in ("method", "route", "status", "request_id", "logger", "level")
    }
    assert known == {
        "method": "GET",
        "route": "/export_file/{name}",
        "status": 401,
        "request_id": "mine-3",
        "logger": "basket.access",
        "level": "INFO",
    }
    assert line["milliseconds"] > 0


def written(record: logging.LogRecord, *, as_json: bool) -> str:
    """Returns the line of a record."""
    return logs.Log(LogOptions(is_json=as_json)).format(record)


def record_of(message: str, error: Exception | None = None) -> logging.LogRecord:
    """Makes a record, with an error that was really raised."""
    info = None
    if error is not None:
        try:
            raise error
        except Exception as raised:
            info = (type(raised), raised, raised.__traceback__)
    return logging.LogRecord("basket", logging.ERROR, __file__, 1, message, (), info)


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Authorization: Token 5f0c-secret", "Authorization: …"),
        ("bearer 5f0c-secret, and more", "…, and more"),
        ("postgres://basket:5f0c-secret@db/basket", "postgres://…@db/basket"),
        ("/export_file/a.csv?signature=5f0c-secret", "/export_file/a.csv?…"),
        ("basket_5f0c-secret0123456789abcdefghijklmnop", "…"),
    ],
)
def test_secrets_are_taken_out_of_messages(message: str, kept: str, as_json: bool) -> None:
    line = written(record_of(message), as_json=as_json)
    assert "5f0c-secret" not in line
    assert kept in line


@pytest.mark.parametrize("as_json", [True, False])
def test_messages_of_errors_that_may_quote_a_request_are_withheld(as_json: bool) -> None:
    line = written(
        record_of("It failed.", ValueError(f"invalid literal: {SECRET}")), as_json=as_json
    )
    assert "ValueError: (the message may quote a request; DEBUG=true shows it)" in line
    assert "test_request_record.py" in line
    assert SECRET not in line


def test_messages_that_tell_of_us_are_kept() -> None:
    line = written(
        record_of("It failed.", ConnectionRefusedError(111, "Connection refused")),
        as_json=True,
    )
    assert json.loads(line)["error"].endswith("ConnectionRefusedError: Connection refused")


def test_a_readable_line_is_one_that_a_person_reads() -> None:
    assert written(record_of("It is so."), as_json=False) == "ERROR basket: It is so."


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            OSError(errno.ENOSPC, f"{SECRET} is full"),
            "The file could not be stored: No space left on device.",
        ),
        (
            PermissionError(f"s3://{SECRET}/exports"),
            "The writing failed unexpectedly (PermissionError).",
        ),
        (
            RuntimeError(f"SELECT {SECRET} FROM /srv"),
            "The writing failed unexpectedly (RuntimeError).",
        ),
        (
            PostgresError(f"SELECT {SECRET}"),
            "The database did not answer while the file was being written.",
        ),
    ],
)
def test_why_an_export_failed_is_said_without_a_path_or_sql(
    error: Exception, reason: str
) -> None:
    assert explain_error(error) == reason
