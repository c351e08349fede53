"""Headers by which no cache gives the response of one user to another, or without asking us."""

from starlette.responses import Response

Header = tuple[bytes, bytes]

VARY_OF_USER: Header = (b"vary", b"Authorization, Accept, Accept-Encoding")
CACHE_CONTROL: Header = (b"cache-control", b"private, no-cache")


def make_private(response: Response) -> None:
    """Adds the headers to the response of a GET, where it has none of its own."""
    for name, value in (VARY_OF_USER, CACHE_CONTROL):
        response.headers.setdefault(name.decode(), value.decode())
