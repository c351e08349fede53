"""The middleware of compressed responses, around small applications of this file."""

import gzip

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.http.compression import Compression

TEXT = b"0123456789abcdef" * 200
START = "http.response.start"


def respond(status: int, pieces: list[bytes], **headers: str) -> ASGIApp:
    """Returns an application that sends a body in pieces."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        sent = [
            (name.replace("_", "-").encode(), text.encode())
            for name, text in headers.items()
        ]
        await send({"type": START, "status": status, "headers": sent})
        for place, piece in enumerate(pieces, 1):
            more = place < len(pieces)
            await send({"type": "http.response.body", "body": piece, "more_body": more})

    return application


async def messages_of(
    application: ASGIApp, method: str = "GET", version: str = "1.1"
) -> list[Message]:
    """Returns the messages of the response to a client that accepts gzip."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        messages.append(message)

    headers = [(b"accept-encoding", b"gzip")]
    scope = {"type": "http", "method": method, "http_version": version, "headers": headers}
    await Compression(application)(scope, receive, send)
    return messages


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (204, {"content_type": "text/plain"}),
        (206, {"content_type": "text/plain", "content_range": "bytes 0-3199/4000"}),
        (200, {"content_type": "text/plain", "content_encoding": "br"}),
        (200, {"content_type": "text/event-stream"}),
        (200, {"content_type": 'multipart/mixed;boundary="-"'}),
        (200, {"content_type": "image/png"}),
        (200, {}),
    ],
)
async def test_what_is_not_compressed_passes_as_it_is(
    status: int, headers: dict[str, str]
) -> None:
    start, *rest = await messages_of(respond(status, [TEXT, TEXT, b""], **headers))
    assert start["status"] == status
    names = [name for name, _ in start["headers"] if name != b"vary"]
    assert names == [name.replace("_", "-").encode() for name in headers]
    assert [message["body"] for message in rest] == [TEXT, TEXT, b""]


async def test_pieces_are_one_compressed_body() -> None:
    application = respond(200, [TEXT, b"", TEXT * 500], content_type="text/csv", etag='"a"')
    start, *rest = await messages_of(application)
    assert start["headers"] == [
        (b"content-type", b"text/csv"),
        (b"etag", b'W/"a"'),
        (b"vary", b"Accept-Encoding"),
        (b"content-encoding", b"gzip"),
    ]
    assert [message["more_body"] for message in rest] == [True, True, False]
    assert gzip.decompress(b"".join(message["body"] for message in rest)) == TEXT * 501


async def test_a_short_body_in_pieces_and_one_for_http_1_0_pass() -> None:
    short = respond(200, [b"ab", b"c"], content_type="text/csv", content_length="3")
    long = respond(200, [TEXT, TEXT], content_type="text/csv")
    for application, version in ((short, "1.1"), (long, "1.0")):
        start, *rest = await messages_of(application, version=version)
        assert b"content-encoding" not in dict(start["headers"])
        assert [message["more_body"] for message in rest] == [True, False]


async def test_head_has_the_headers_of_get_without_the_unknown_length() -> None:
    for length, is_announced, etag in (("3", True, b'"a"'), ("3000", False, b'W/"a"')):
        headers = {"content_type": "text/csv", "content_length": length, "etag": '"a"'}
        start, body = await messages_of(respond(200, [b""], **headers), "HEAD")
        sent = dict(start["headers"])
        assert (b"content-length" in sent, sent[b"etag"]) == (is_announced, etag)
        assert (sent[b"vary"], body["body"]) == (b"Accept-Encoding", b"")
        assert b"content-encoding" not in sent


async def test_not_modified_has_the_etag_and_vary_of_the_compressed_response() -> None:
    application = respond(304, [b""], etag='"a"', vary="Origin")
    start, _ = await messages_of(application)
    assert start["headers"] == [(b"etag", b'W/"a"'), (b"vary", b"Origin, Accept-Encoding")]
