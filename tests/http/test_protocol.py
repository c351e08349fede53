"""How requests arrive: late, in pieces, too large, with contradictions; each gets its 4xx, and nothing hangs."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.raw_http import TOKEN, RawServer, raw_server, read_answer

POST = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + TOKEN
QUERY = b'{"query": "{ viewer { email } }"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    """A server with little patience."""
    folder = tmp_path_factory.mktemp("server")
    patience = {
        "REQUEST_HEAD_SECONDS": "0.5",
        "REQUEST_BODY_SECONDS": "0.7",
        "KEEP_ALIVE_SECONDS": "1",
    }
    with raw_server(folder, **patience) as started:
        yield started
        assert "Traceback" not in started.output.read_text()


def answer_until_closed(server: RawServer, data: bytes) -> bytes:
    """Sends bytes, and returns what comes until the server closes the connection."""
    with server.connect() as connection:
        connection.sendall(data)
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    return answer


def test_a_slow_head_is_408_and_silence_is_closed(server: RawServer) -> None:
    for head in (b"P", b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-Slow: "):
        answer = server.ask(head)
        assert answer is not None
        assert (answer.status, answer.code, answer.headers["connection"]) == (
            408,
            "REQUEST_TIMEOUT",
            "close",
        )
    answer = server.ask(b"GET /healthz HTTP/1.1\r\n", *[b"X: y\r\n"] * 8, pause=0.1)
    assert answer is not None
    assert answer.status == 408
    assert answer_until_closed(server, b"") == b""


def test_a_slow_body_is_408(server: RawServer) -> None:
    head = POST + b"Content-Length: 100\r\n\r\n"
    for pieces in ((head,), (head, *[b" "] * 9)):
        answer = server.ask(*pieces, pause=0.1)
        assert answer is not None
        assert (answer.status, answer.code) == (408, "REQUEST_TIMEOUT")


def test_a_request_in_pieces_is_answered(server: RawServer) -> None:
    head = POST + b"Content-Length: %d\r\n\r\n" % len(QUERY)
    answer = server.ask(head[:9], head[9:], QUERY[:5], QUERY[5:], pause=0.1)
    assert answer is not None
    assert json.loads(answer.body) == {"data": {"viewer": {"email": "main@demo.invalid"}}}


def test_a_response_says_for_how_long_its_connection_stays_open(
    server: RawServer,
) -> None:
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    kept = server.ask(health + b"\r\n")
    assert kept is not None
    assert (kept.status, kept.headers["keep-alive"]) == (200, "timeout=1")
    for closing in (
        health + b"Connection: close\r\n\r\n",
        health + b"Expect: 100-continue\r\n\r\n",
        health.replace(b"1.1", b"1.0") + b"\r\n",
    ):
        (*_, answer) = server.converse(closing)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert "keep-alive" not in answer.headers


def test_an_idle_connection_is_closed_and_a_half_sent_second_request_is_408(
    server: RawServer,
) -> None:
    whole = POST + b"Content-Length: %d\r\n\r\n" % len(QUERY) + QUERY
    with server.connect() as connection:
        connection.sendall(whole)
        first = read_answer(connection)
        assert first is not None
        assert first.status == 200
        connection.sendall(whole[:30])
        second = read_answer(connection)
        assert second is not None
        assert second.status == 408
    assert b" 200 OK" in answer_until_closed(server, whole)


def test_a_body_after_its_answer_does_not_keep_the_connection(server: RawServer) -> None:
    stranger = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
    assert b" 401 " in answer_until_closed(server, stranger)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 33\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 33\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 1e3\r\n",
        b"Content-Length: 99999999999999999999999999\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Bad Header: x\r\n",
    ],
)
def test_conflicting_and_impossible_heads_are_400_with_a_json_error(
    server: RawServer, head: bytes
) -> None:
    answer = server.ask(POST + head + b"\r\n" + QUERY)
    assert answer is not None
    assert (answer.status, answer.headers["content-type"]) == (
        400,
        "application/json; charset=utf-8",
    )
    assert answer.code == "BAD_REQUEST"


def test_what_is_no_http_is_400(server: RawServer) -> None:
    for data in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\nHost\n\n",
        b"hello\r\n\r\n",
    ):
        answer = server.ask(data)
        assert answer is not None
        assert (answer.status, answer.code) == (400, "BAD_REQUEST")


def test_a_head_too_large_is_431(server: RawServer) -> None:
    answer = server.ask(b"GET /graphql HTTP/1.1\r\nX: ", *[b"x" * 10_000] * 8, b"\r\n\r\n")
    assert answer is not None
    assert (answer.status, answer.code) == (431, "HEAD_TOO_LARGE")


def test_a_head_too_large_is_431_however_it_arrives(server: RawServer) -> None:
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1_000) for number in range(70))
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + fields
    whole = request + b"Connection: close\r\n\r\n"
    for pieces in (
        (whole,),
        (whole[:9], whole[9:]),
        (request, whole[len(request) :]),
        (request,),
    ):
        answers = server.converse(*pieces)
        assert [(answer.status, answer.code) for answer in answers] == [
            (431, "HEAD_TOO_LARGE")
        ]
    long = b"GET /healthz?%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert [answer.status for answer in server.converse(long % (b"x" * 66_000))] == [431]
    assert [answer.status for answer in server.converse(long % (b"x" * 60_000))] == [200]


def test_a_body_larger_than_a_head_may_be_is_read(server: RawServer) -> None:
    body = b'{"query": "{ viewer { email } }"%s}' % (b" " * 200_000)
    answer = server.post(body)
    assert answer is not None
    assert answer.status == 200


def test_compressed_bodies_and_other_charsets_are_415(server: RawServer) -> None:
    for header, body in (
        (b"Content-Encoding: gzip\r\n", gzip.compress(QUERY)),
        (b"Content-Encoding: br\r\n", QUERY),
        (b"Content-Type: text/plain\r\n", QUERY),
    ):
        answer = server.post(body, header)
        assert answer is not None
        assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
    answer = server.post(QUERY, b"Content-Encoding: identity\r\n")
    assert answer is not None
    assert answer.status == 200


def test_a_body_said_to_be_too_large_is_413_before_it_is_read(server: RawServer) -> None:
    answer = server.ask(POST + b"Content-Length: 10000000\r\n\r\n")
    assert answer is not None
    assert (answer.status, answer.code) == (413, "BODY_TOO_LARGE")


def test_strangers_are_turned_away_before_their_body_is_read(server: RawServer) -> None:
    answer = server.ask(
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\nExpect: 100-continue\r\n\r\n"
    )
    assert answer is not None
    assert (answer.status, answer.code) == (401, "UNAUTHENTICATED")


def test_a_connection_cut_in_the_middle_leaves_the_server_well(
    server: RawServer, tmp_path: Path
) -> None:
    for cut in (10, 60, len(POST) + 25):
        with server.connect() as connection:
            connection.sendall((POST + b"Content-Length: 50\r\n\r\n" + QUERY)[:cut])
    answer = server.post(QUERY)
    assert answer is not None
    assert answer.status == 200


REST = (
    b"POST /api/v1/basket/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    + TOKEN
)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415),
        (b"Content-Length: 10000000\r\n\r\n", 413),
        (b"Content-Length: 10\r\n\r\n{", 408),
        (b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nnull", 400),
        (b'Content-Length: 6\r\n\r\n{"a":\xff', 400),
        (b'Content-Length: 13\r\n\r\n{"a":1,"a":2}', 400),
    ],
)
def test_the_rest_interface_reads_bodies_as_strictly(
    server: RawServer, head: bytes, status: int
) -> None:
    answer = server.ask(REST + head)
    assert answer is not None
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (
        status,
        "application/json",
    )
    assert json.loads(answer.body) != {}
