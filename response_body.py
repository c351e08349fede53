"""Reading the body of another server's response, which may be of any length."""

from aiohttp import ClientResponse


async def read_bounded(response: ClientResponse, maximum_bytes: int) -> bytes | None:
    """Returns the body, decompressed; None when it is longer than allowed."""
    body = bytearray()
    # Pieces arrive decompressed, so the limit holds for compressed bodies too.
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > maximum_bytes:
            return None
    return bytes(body)
