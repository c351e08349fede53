"""The address of Redis: every form that is supported, and a reason for every form that is not.

    redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?WORD=VALUE&…]
    rediss://…                          the same over TLS
    unix://[[USER]:PASSWORD@]/PATH/TO/SOCKET[?db=DATABASE]
    redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/SERVICE[/DATABASE]
    rediss+sentinel://…                 the same over TLS, for the sentinels too

`valkey` may stand for `redis` in any of them. User and password are percent-encoded.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from tasks.redis.words import (
    SENTINEL_WORDS,
    Option,
    RedisAddressRejected,
    parse_digits,
    take_options,
    take_tls,
)

PORT = 6_379
SENTINEL_PORT = 26_379
HIGHEST_PORT = 65_535

_PLAIN, _TLS, _SOCKET = "redis", "rediss", "unix"
_SENTINEL, _SENTINEL_TLS = "redis+sentinel", "rediss+sentinel"
_SCHEMES = (_PLAIN, _TLS, _SOCKET, _SENTINEL, _SENTINEL_TLS)

_ALIASES = {
    "valkey": _PLAIN,
    "valkeys": _TLS,
    "redis+unix": _SOCKET,
    "redis+socket": _SOCKET,
    "valkey+unix": _SOCKET,
    "sentinel": _SENTINEL,
    "valkey+sentinel": _SENTINEL,
    "valkeys+sentinel": _SENTINEL_TLS,
}


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """The server and the login. Its `repr` shows neither user nor password."""

    hosts: tuple[tuple[str, int], ...] = ()
    """Host and port; those of the sentinels when there is a `service`."""
    socket_path: str = ""
    service: str = ""
    database: int = 0
    has_tls: bool = False
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    tls: dict[str, Option] = field(default_factory=dict, repr=False)
    options: dict[str, Option] = field(default_factory=dict)
    sentinel_login: dict[str, Option] = field(default_factory=dict, repr=False)


def parse_redis_address(text: str) -> RedisAddress:
    """Returns the address of a text; raises RedisAddressRejected with the part and the reason."""
    scheme, parts = _split(text)
    # Each step takes its words; the last one rejects the rest.
    words = _parse_words(parts.query)

    database = _take_database(words)
    # Words are decoded when they are parsed; `urlsplit` decodes nothing.
    username = words.pop("username", "") or unquote(parts.username or "")
    password = words.pop("password", "") or unquote(parts.password or "")

    sentinel_login = _take_sentinel_login(words, scheme)
    has_tls = scheme in (_TLS, _SENTINEL_TLS)
    tls = take_tls(words, has_tls=has_tls)
    options = take_options(words)

    return replace(
        _parse_server(scheme, parts, database),
        has_tls=has_tls,
        username=username,
        password=password,
        tls=tls,
        options=options,
        sentinel_login=sentinel_login,
    )


def _split(text: str) -> tuple[str, SplitResult]:
    if text != text.strip() or any(character.isspace() for character in text):
        raise RedisAddressRejected("the address contains white space.")

    written, separator, rest = text.partition("://")
    scheme = _ALIASES.get(written.lower(), written.lower())
    if not separator or not rest.strip("/"):
        raise RedisAddressRejected(
            "the address names no host; write redis://HOST:PORT/DATABASE."
        )
    if "cluster" in scheme:
        raise RedisAddressRejected(
            "Redis Cluster is not supported: the job queue needs all of its keys on one node. "
            "Name a single server, or sentinels with redis+sentinel://."
        )
    if scheme not in _SCHEMES:
        raise RedisAddressRejected(
            f"the scheme {written!r} is unknown; known are {', '.join(_SCHEMES)}."
        )

    try:
        parts = urlsplit(f"{scheme}://{rest}")
    except ValueError:
        raise RedisAddressRejected(
            "the brackets of the host do not match; "
            "in a user or password write [ and ] as %5B and %5D."
        ) from None
    # A `#` or `@` in a password moves the borders of the parts without an error.
    if parts.fragment or "#" in rest or "@" in parts.path or "@" in parts.query:
        raise RedisAddressRejected(
            "a character of the user or password breaks the address; "
            "write @ / ? # : % as %40 %2F %3F %23 %3A %25."
        )
    return scheme, parts


def _parse_words(query: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in words:
            raise RedisAddressRejected(f"the word {name!r} stands twice in the address.")
        words[name] = value
    return words


def _take_database(words: dict[str, str]) -> int | None:
    return parse_digits("db", words.pop("db")) if "db" in words else None


def _parse_server(scheme: str, parts: SplitResult, database: int | None) -> RedisAddress:
    if scheme == _SOCKET:
        return RedisAddress(socket_path=_parse_socket_path(parts), database=database or 0)

    segments = [unquote(segment) for segment in parts.path.split("/") if segment]
    if scheme in (_SENTINEL, _SENTINEL_TLS):
        if not segments:
            raise RedisAddressRejected(
                "the sentinels' address names no service; write it as the path."
            )
        service, *segments = segments
        hosts = _parse_hosts(parts.netloc, SENTINEL_PORT)
        return RedisAddress(
            hosts, service=service, database=_parse_database(segments, database)
        )

    hosts = _parse_hosts(parts.netloc, PORT)
    if len(hosts) > 1:
        raise RedisAddressRejected(
            "several hosts are supported for redis+sentinel:// only."
        )
    return RedisAddress(hosts, database=_parse_database(segments, database))


def _parse_socket_path(parts: SplitResult) -> str:
    path = unquote(parts.path)
    if parts.hostname:
        raise RedisAddressRejected(
            "a socket's path is absolute; write unix:///PATH with three slashes."
        )
    # One that is not there yet may come with its server.
    if Path(path).exists() and not Path(path).is_socket():
        raise RedisAddressRejected(f"{path!r} is no socket.")
    return path


def _parse_database(segments: list[str], word: int | None) -> int:
    if len(segments) > 1:
        raise RedisAddressRejected(
            "the path has more than one part; only a database's number may stand there."
        )
    if not segments:
        return word or 0

    database = parse_digits("database", segments[0])
    if word is not None and word != database:
        raise RedisAddressRejected(
            f"the path names database {database} and the word db names {word}."
        )
    return database


def _parse_hosts(netloc: str, default_port: int) -> tuple[tuple[str, int], ...]:
    _, _, hosts = netloc.rpartition("@")
    return tuple(_parse_host(host, default_port) for host in hosts.split(","))


def _parse_host(text: str, default_port: int) -> tuple[str, int]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise RedisAddressRejected(f"the host {text!r} has brackets that do not match.")
    elif text.count(":") > 1:
        raise RedisAddressRejected(f"write the IPv6 address {text!r} in brackets.")
    else:
        host, _, port = text.partition(":")
        rest = f":{port}" if port else ""

    port_text = rest.removeprefix(":")
    port_number = parse_digits("port", port_text) if port_text else default_port
    if not 0 < port_number <= HIGHEST_PORT:
        raise RedisAddressRejected(
            f"the port {port_number} is not between 1 and {HIGHEST_PORT}."
        )
    return host or "localhost", port_number


def _take_sentinel_login(words: dict[str, str], scheme: str) -> dict[str, Option]:
    named = [word for word in words if word in SENTINEL_WORDS]
    if named and scheme not in (_SENTINEL, _SENTINEL_TLS):
        raise RedisAddressRejected(f"the word {named[0]} is for redis+sentinel:// only.")
    return {SENTINEL_WORDS[word]: words.pop(word) for word in named}
