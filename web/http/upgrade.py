"""Requests for another protocol: handshakes of WebSockets, and all others, which are ignored."""

import httptools

Headers = list[tuple[bytes, bytes]]
"""The names of a head's headers, in lower case, and their values."""


def is_handshake(method: bytes, url: bytes, version: str, headers: Headers) -> bool:
    """Whether a request opens a WebSocket. It has no body, which would be read as frames."""
    names = [name for name, _ in headers]
    is_websocket = all(
        value.strip().lower() == b"websocket"
        for name, value in headers
        if name == b"upgrade"
    )
    return (
        method == b"GET"
        and version == "1.1"
        and _is_served(url)
        and is_websocket
        and b"sec-websocket-key" in names
        and names.count(b"upgrade") == 1
        and b"content-length" not in names
        and b"transfer-encoding" not in names
        and b"upgrade" in map(bytes.lower, _read_options(headers))
    )


def _is_served(url: bytes) -> bool:
    """Whether WebSockets are served at an address, which may begin with the prefix of a proxy."""
    try:
        path, _, _ = target_from_url(url).partition(b"?")
    except ValueError:
        return False
    return path.endswith(b"/graphql")


def target_from_url(url: bytes) -> bytes:
    """Returns the path and the query of a request's address; raises ValueError without a path."""
    try:
        address = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError as error:
        raise ValueError("The address has no valid form.") from error
    path, query = address.path, address.query
    if path is None or not url.isascii():
        raise ValueError("The address has no path of ASCII characters.")
    return path + b"?" + query if query else path


def head_without_upgrade(
    method: bytes, url: bytes, version: str, headers: Headers
) -> bytes:
    """Returns the head of a request, as a parser has read it, without its upgrade.

    llhttp skips the body of a request with `Connection: upgrade` and `Upgrade`, so that the body
    would be parsed as the next request. The other words of `Connection` still apply.
    """
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    for name, value in headers:
        if name == b"connection":
            options = _read_options([(name, value)])
            value = b", ".join(word for word in options if word.lower() != b"upgrade")
        if name != b"upgrade":
            lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join([*lines, b"", b""])


def _read_options(headers: Headers) -> list[bytes]:
    values = [value for name, value in headers if name == b"connection"]
    return [word.strip() for value in values for word in value.split(b",")]
