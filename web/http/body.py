"""Bodies of requests: their encoding, their length, and reading them."""

from starlette.types import Receive

from web.http.bad_request import BadRequest

MAXIMUM_DIGITS = 18
"""The most digits of a length that is compared; a longer number is beyond every limit."""


def check_uncompressed(encoding: bytes | str) -> None:
    """Raises BadRequest (415) for a compressed body, which may hold a gigabyte in a few bytes."""
    if encoding.strip().lower() not in (b"", b"identity", "", "identity"):
        message = "The body is compressed; send it without `Content-Encoding`."
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message)


def check_length(length: bytes | str, maximum_bytes: int) -> None:
    """Raises BadRequest (413) for a `Content-Length` beyond the limit, before the body is read."""
    if len(length) > MAXIMUM_DIGITS or (length.isdigit() and int(length) > maximum_bytes):
        raise _too_large(maximum_bytes)


async def read_body(receive: Receive, maximum_bytes: int) -> bytes:
    """Returns a body; raises BadRequest when it is too large, or not sent to its end."""
    # Nearly every body is one message; only a longer one takes the loop.
    message = await receive()
    pieces = [message.get("body", b"")]
    size = len(pieces[0])
    while message.get("more_body", False) and size <= maximum_bytes:
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
    if message["type"] == "http.disconnect":
        raise BadRequest(400, "BAD_REQUEST", "The body ended before it was complete.")
    if size > maximum_bytes:
        raise _too_large(maximum_bytes)
    return b"".join(pieces)


def _too_large(maximum_bytes: int) -> BadRequest:
    return BadRequest(
        413, "BODY_TOO_LARGE", f"The body is larger than {maximum_bytes} bytes."
    )
