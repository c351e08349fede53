"""Lengths and chunks of bodies that are doubtful: nothing after them is taken for a request."""

import json
from collections.abc import Iterator

import pytest

from tests.support.raw_http import TOKEN, RawServer, raw_server
from tests.support.upgrade_requests import HEAD, QUERY, SMUGGLED, UPGRADES


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    """A server with our protocol."""
    with raw_server(tmp_path_factory.mktemp("ours")) as started:
        yield started
        assert "Traceback" not in started.output.read_text()


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 3\r\nContent-Length: 4\r\n",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        b"Content-Length: +3\r\n",
        b"Content-Length: 0x3\r\n",
        b"Content-Length: 3,4\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 3\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"X: y\nContent-Length: 3\r\n",
        b"X: y\r\n Content-Length: 3\r\n",
    ],
)
def test_a_doubtful_length_is_400_and_ends_the_connection(
    ours: RawServer, framing: bytes
) -> None:
    for upgrade in (b"", *UPGRADES):
        head = HEAD + upgrade + framing
        for pieces in ((head + b"\r\n" + SMUGGLED,), (head, b"\r\n", SMUGGLED)):
            answers = ours.converse(*pieces)
            assert [answer.status for answer in answers] == [400]
            assert answers[0].code == "BAD_REQUEST"


@pytest.mark.parametrize(
    "chunks",
    [b"0x3\r\nabc\r\n0\r\n\r\n", b"3\nabc\n0\n\n", b"-1\r\n", b"2\r\nabc\r\n0\r\n\r\n"],
)
def test_doubtful_chunks_are_400_and_end_the_connection(
    ours: RawServer, chunks: bytes
) -> None:
    for upgrade in (b"", *UPGRADES):
        head = HEAD + upgrade + b"Transfer-Encoding: chunked\r\n\r\n"
        answers = ours.converse(head, chunks + SMUGGLED)
        assert [answer.status for answer in answers] == [400]


def test_what_is_around_chunks_is_bounded(ours: RawServer) -> None:
    token = TOKEN + b"Content-Type: application/json\r\n"
    for credentials, status in ((token, 431), (b"", 401)):
        head = (
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            + credentials
        )
        for filler in (b"2\r\n{}\r\n0\r\nX: ", b"2;x="):
            with ours.connect() as connection:
                connection.sendall(head + b"\r\n")
                with pytest.raises(ConnectionError):  # noqa: PT012
                    connection.sendall(filler)
                    for _ in range(400):
                        connection.sendall(b"y" * 250_000)
        answer = ours.ask(head + b"\r\n", b"1;x=", b"y" * 70_000, b"y" * 70_000, pause=0.02)
        assert answer is not None
        assert answer.status == status


def test_a_body_in_many_small_chunks_is_read(ours: RawServer) -> None:
    body = QUERY + b" " * 30_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\nX: y\r\n\r\n"
    answer = ours.ask(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunks)
    assert answer is not None
    assert json.loads(answer.body) == {"data": {"viewer": {"email": "main@demo.invalid"}}}


def test_connect_is_400_and_nothing_after_it_is_done(ours: RawServer) -> None:
    for target in (b"x:80", b"/graphql", b"http://x/graphql"):
        head = b"CONNECT %s HTTP/1.1\r\nHost: x\r\n" % target
        sized_head = head + b"Content-Length: 3\r\n\r\n"
        for pieces in ((head + b"\r\n" + SMUGGLED,), (sized_head, b"abc" + SMUGGLED)):
            answers = ours.converse(*pieces)
            assert [answer.status for answer in answers] == [400]
            assert answers[0].code == "BAD_REQUEST"


def test_a_client_that_is_rejected_before_its_body_is_closed(ours: RawServer) -> None:
    for upgrade in (b"", *UPGRADES):
        head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        answers = ours.converse(head + upgrade + b"Content-Length: 500\r\n\r\n")
        assert [answer.status for answer in answers] == [401]
        assert answers[0].headers["connection"] == "close"
