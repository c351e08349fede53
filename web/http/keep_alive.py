"""The header `Keep-Alive`, by which a client knows for how long an idle connection stays open."""

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

Headers = list[tuple[bytes, bytes]]

KEEP_ALIVE = b"keep-alive"


def announce_keep_alive(config: Config) -> None:
    """Has every response announce uvicorn's own timeout of idle connections."""
    config.encoded_headers.append((KEEP_ALIVE, b"timeout=%d" % config.timeout_keep_alive))


def remove_keep_alive(headers: Headers) -> None:
    """Removes the header from a list that others hold too."""
    headers[:] = [header for header in headers if header[0] != KEEP_ALIVE]


def match_keep_alive(cycle: RequestResponseCycle) -> None:
    """Leaves the header out of a response that closes its connection."""
    if not cycle.keep_alive:
        # A copy, as all responses share one list.
        cycle.default_headers = list(cycle.default_headers)
        remove_keep_alive(cycle.default_headers)
