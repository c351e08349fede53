"""The address of Redis: every form that is supported, and a reason for every form that is not.

    redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE][?WORD=VALUE&…]
    rediss://…                          the same over TLS
    unix://[[USER]:PASSWORD@]/PATH/TO/SOCKET[?db=DATABASE]
    redis+sentinel://[[USER]:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/SERVICE[/DATABASE]
    rediss+sentinel://…                 the same over TLS, for the sentinels too

`valkey` may stand for `redis` in any of them. User and password are percent-encoded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Option = str | int | bool

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


class RedisAddressRejected(ValueError):
    """Raised for an address that is not supported; the message never holds a user or a password."""


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
    tls = _take_tls(words, scheme)
    options = _take_options(words)

    return replace(
        _parse_server(scheme, parts, database),
        has_tls=scheme in (_TLS, _SENTINEL_TLS),
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

    parts = urlsplit(f"{scheme}://{rest}")
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
    return _parse_whole_number("db", words.pop("db")) if "db" in words else None


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
    return path


def _parse_database(segments: list[str], word: int | None) -> int:
    if len(segments) > 1:
        raise RedisAddressRejected(
            "the path has more than one part; only a database's number may stand there."
        )
    if not segments:
        return word or 0

    database = _parse_whole_number("database", segments[0])
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
    port_number = _parse_whole_number("port", port_text) if port_text else default_port
    if not 0 < port_number <= HIGHEST_PORT:
        raise RedisAddressRejected(
            f"the port {port_number} is not between 1 and {HIGHEST_PORT}."
        )
    return host or "localhost", port_number


def _parse_whole_number(part: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise RedisAddressRejected(f"the {part} {text!r} is not a whole number.")
    return int(text)


def _parse_truth(part: str, text: str) -> bool:
    truths = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in truths:
        raise RedisAddressRejected(
            f"the word {part} is {text!r}, and neither true nor false."
        )
    return truths[text.lower()]


def _parse_text(part: str, text: str) -> str:
    if not text:
        raise RedisAddressRejected(f"the word {part} is empty.")
    return text


def _check_file(part: str, text: str) -> str:
    try:
        with Path(text).open("rb"):
            return text
    except OSError as error:
        raise RedisAddressRejected(
            f"the file of {part}, {text!r}, cannot be read: {error.strerror}."
        ) from None


def _parse_requirement(part: str, text: str) -> str:
    if text not in ("required", "optional", "none"):
        raise RedisAddressRejected(
            f"the word {part} is {text!r}; known are required, optional and none."
        )
    return text


Reader = Callable[[str, str], Option]

_TLS_WORDS: dict[str, Reader] = {
    "ssl_ca_certs": _check_file,
    "ssl_certfile": _check_file,
    "ssl_keyfile": _check_file,
    "ssl_password": _parse_text,
    "ssl_cert_reqs": _parse_requirement,
    "ssl_check_hostname": _parse_truth,
}
_OPTION_WORDS: dict[str, Reader] = {
    "client_name": _parse_text,
    "health_check_interval": _parse_whole_number,
    "max_connections": _parse_whole_number,
    "protocol": _parse_whole_number,
}
_SENTINEL_WORDS = {"sentinel_username": "username", "sentinel_password": "password"}


def _take_tls(words: dict[str, str], scheme: str) -> dict[str, Option]:
    named = [word for word in words if word in _TLS_WORDS]
    if named and scheme not in (_TLS, _SENTINEL_TLS):
        raise RedisAddressRejected(
            f"the word {named[0]} needs TLS; begin the address with rediss."
        )
    return {word: _TLS_WORDS[word](word, words.pop(word)) for word in named}


def _take_sentinel_login(words: dict[str, str], scheme: str) -> dict[str, Option]:
    named = [word for word in words if word in _SENTINEL_WORDS]
    if named and scheme not in (_SENTINEL, _SENTINEL_TLS):
        raise RedisAddressRejected(f"the word {named[0]} is for redis+sentinel:// only.")
    return {_SENTINEL_WORDS[word]: words.pop(word) for word in named}


def _take_options(words: dict[str, str]) -> dict[str, Option]:
    unknown = sorted(words.keys() - _OPTION_WORDS.keys())
    if not unknown:
        return {word: _OPTION_WORDS[word](word, value) for word, value in words.items()}

    word = unknown[0]
    if "timeout" in word or "retry" in word:
        raise RedisAddressRejected(
            f"the word {word!r} is not supported: the server sets its own timeouts."
        )
    known = sorted(
        {"db", "username", "password"} | _TLS_WORDS.keys() | _OPTION_WORDS.keys()
    )
    raise RedisAddressRejected(
        f"the word {word!r} is unknown; known are {', '.join(known)}."
    )
