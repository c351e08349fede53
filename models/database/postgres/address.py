"""DATABASE_URL of PostgreSQL: libpq's words, taken as libpq means them, or rejected by name."""

import getpass
import os.path
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

SCHEMES = ("postgres", "postgresql")
DEFAULT_PORT = 5432
CONNECT_SECONDS = 2.0
"""Timeout of connecting to one host, unless `connect_timeout` says otherwise."""

TLS_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
TLS_WORDS = (
    "sslmode",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslrootcert",
    "sslcrl",
    "sslnegotiation",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
)
"""The words that asyncpg reads from an address of its own."""
_FILE_WORDS = ("sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile")

_NO_STANDBY = (
    "the service writes, so it serves from a primary only: any, read-write or primary"
)
_NO_GSS = "GSSAPI is not supported; leave it out, or set it to disable or prefer"
REJECTED_WORDS = {
    "hostaddr": "write the address as the host, and with sslmode=verify-full a name",
    "service": "a service file is not read; write its words into the address",
    "servicefile": "a service file is not read; write its words into the address",
    "sslcrldir": "write one file with sslcrl",
    "requirepeer": "the peer of a socket is not checked",
    "krbsrvname": _NO_GSS,
    "gsslib": _NO_GSS,
    "gssdelegation": _NO_GSS,
    "replication": "a replication connection answers no queries",
    "require_auth": "set the method in the server's pg_hba.conf",
    "pgbouncer": "set DATABASE_POOLER instead",
    "oauth_issuer": "OAuth is not supported",
    "oauth_client_id": "OAuth is not supported",
    "schema": "write options=-csearch_path%3DNAME",
    "search_path": "write options=-csearch_path%3DNAME",
    "statement_timeout": "set DATABASE_STATEMENT_TIMEOUT_SECONDS",
    "pool_size": "set DATABASE_POOL_SIZE",
    "maxsize": "set DATABASE_POOL_SIZE",
    "minsize": "connections are opened when they are needed; set DATABASE_POOL_SIZE",
}
"""Words that are understood and not supported, each with a remedy."""

ALLOWED_VALUES = {
    "sslmode": (TLS_MODES, "it is one of " + ", ".join(TLS_MODES)),
    "target_session_attrs": (("any", "read-write", "primary"), _NO_STANDBY),
    "gssencmode": (("disable", "prefer"), _NO_GSS),
    "channel_binding": (("disable", "prefer"), "channel binding cannot be demanded"),
    "sslnegotiation": (("postgres", "direct"), "it is postgres or direct"),
    "sslcompression": (("0",), "compression of TLS is not supported"),
    "sslcertmode": (("allow", "disable"), "it is allow or disable"),
    "sslsni": (("1",), "the name of the server is always sent"),
    "requiressl": (("0", "1"), "it is 0 or 1; write sslmode"),
    "load_balance_hosts": (("disable", "random"), "it is disable or random"),
    "client_encoding": (("utf8", "UTF8", "utf-8", "UTF-8", "auto"), "it is UTF8"),
    "keepalives": (("0", "1"), "it is 0 or 1"),
}
"""Words of which only these values are supported, with the reason."""

NUMBERS = (
    "connect_timeout",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
)
_TEXTS = (
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "passfile",
    "application_name",
    "fallback_application_name",
    "options",
)
WORDS = {*_TEXTS, *NUMBERS, *TLS_WORDS, *ALLOWED_VALUES}
"""Every word that is supported."""


class AddressRejected(Exception):
    """Raised for an unusable address; the message names the part and the reason, no password."""


@dataclass(frozen=True)
class PostgresAddress:
    """A database, and how to connect to it."""

    hosts: tuple[tuple[str | None, int], ...]
    database: str
    user: str
    password: str | None = field(repr=False)
    words: dict[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """The address without password and words."""
        hosts = ",".join(_host_text(host, port) for host, port in self.hosts)
        return f"postgres://{hosts}/{self.database}"

    @property
    def connect_seconds(self) -> float:
        """The timeout of connecting to one host; libpq's 0, no limit, is not granted."""
        return float(self.words.get("connect_timeout", 0)) or CONNECT_SECONDS

    @property
    def tls_address(self) -> str | None:
        """An address with nothing but the words of TLS, for asyncpg; None when there are none."""
        words = {word: self.words[word] for word in TLS_WORDS if word in self.words}
        if self.words.get("requiressl") == "1":
            words.setdefault("sslmode", "require")
        if words.get("sslrootcert") == "system":
            # asyncpg would look for a file; the connector passes the system's authorities.
            del words["sslrootcert"]
        query = "&".join(f"{word}={quote(value, safe='')}" for word, value in words.items())
        return f"postgres://?{query}" if query else None

    @property
    def trusts_system(self) -> bool:
        """Whether the certificate authorities of the system are trusted."""
        return self.words.get("sslrootcert") == "system"

    @property
    def server_settings(self) -> dict[str, str]:
        """The settings of a session that the address asks for."""
        name = self.words.get("application_name") or self.words.get(
            "fallback_application_name"
        )
        settings = {"application_name": name or "basket"}
        if "options" in self.words:
            settings["options"] = self.words["options"]
        return settings


def parse_address(url: str) -> PostgresAddress:
    """Returns the parts of an address; raises AddressRejected."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise AddressRejected(f"it is no address: {error}") from None
    if parts.scheme not in SCHEMES:
        raise AddressRejected(f"it begins with {parts.scheme}://, not with postgres://")
    if "@" in parts.path + parts.query + parts.fragment or parts.fragment:
        raise AddressRejected(
            "a special character of the password is not written as %XX "
            "(@ is %40, / is %2F, # is %23)"
        )
    words = _words_from_query(parts.query)
    login, _, location = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    database = unquote(parts.path.removeprefix("/")) or words.get("dbname", "")
    if not database:
        raise AddressRejected("it names no database: write postgres://USER@HOST/DATABASE")
    hosts = _hosts_from_text(location, words)
    named_user = unquote(user) or words.get("user") or _system_user()
    secret = unquote(password) or words.get("password")
    address = PostgresAddress(hosts, database, named_user, secret, words)
    _check_tls(address)
    return address


def _words_from_query(query: str) -> dict[str, str]:
    words: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        word, equals, value = pair.partition("=")
        word, value = unquote(word), unquote(value)
        # The spelling of JDBC, which libpq takes too.
        if word in ("ssl",) and value == "true":
            word, value = "sslmode", "require"
        if not equals:
            raise AddressRejected(f"the word {word!r} has no value")
        _check_word(word, value)
        words[word] = value
    return words


def _check_word(word: str, value: str) -> None:
    if word in REJECTED_WORDS:
        raise AddressRejected(f"{word} is not supported: {REJECTED_WORDS[word]}")
    if word not in WORDS:
        raise AddressRejected(f"the word {word!r} is unknown to libpq or to this service")
    if word in ALLOWED_VALUES:
        values, reason = ALLOWED_VALUES[word]
        if value not in values:
            raise AddressRejected(f"{word}={value} is not supported: {reason}")
    if word in NUMBERS and not (value.isascii() and value.isdigit()):
        raise AddressRejected(f"{word}={value} is no whole number")
    if word in _FILE_WORDS and value != "system" and not os.path.isfile(value):
        raise AddressRejected(f"{word}={value} is no file that can be read")


def _hosts_from_text(
    location: str, words: dict[str, str]
) -> tuple[tuple[str | None, int], ...]:
    if location and "host" in words:
        raise AddressRejected("the host is named twice, before the path and by host=")
    texts = location.split(",") if location else words.get("host", "").split(",")
    ports = words["port"].split(",") if words.get("port") else []
    if len(ports) not in (0, 1, len(texts)):
        raise AddressRejected(f"it has {len(ports)} ports for {len(texts)} hosts")
    defaults = ports if len(ports) == len(texts) else (ports or [""]) * len(texts)
    hosts = (_split_host(text, is_literal=not location) for text in texts)
    return tuple(
        (host or None, _port_from_text(port or default))
        for (host, port), default in zip(hosts, defaults, strict=True)
    )


def _split_host(text: str, *, is_literal: bool) -> tuple[str, str]:
    """Returns host and port; `host=` names a host without a port."""
    if is_literal:
        return text.strip("[]"), ""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise AddressRejected(
                f"the host {text!r} has an IPv6 address without its brackets"
            )
        return unquote(host), port[1:]
    host, _, port = text.partition(":")
    if ":" in port:
        raise AddressRejected(
            f"the host {text!r} is an IPv6 address: write it in brackets, [::1]"
        )
    return unquote(host), port


def _port_from_text(text: str) -> int:
    if not text:
        return DEFAULT_PORT
    port = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= 65_535:
        raise AddressRejected(f"the port {text!r} is no number from 1 to 65535")
    return port


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise AddressRejected(
            "it names no user, and the user of this process has no name"
        ) from None


def _check_tls(address: PostgresAddress) -> None:
    mode = address.words.get("sslmode", "prefer")
    has_root = "sslrootcert" in address.words
    checks: list[tuple[Callable[[], bool], str]] = [
        (
            lambda: (
                mode in ("verify-ca", "verify-full")
                and not has_root
                and not _has_own_root()
            ),
            f"sslmode={mode} needs sslrootcert, a file, or the word system",
        ),
        (
            lambda: address.trusts_system and mode != "verify-full",
            "sslrootcert=system needs sslmode=verify-full",
        ),
        (
            lambda: "sslkey" in address.words and "sslcert" not in address.words,
            "sslkey needs sslcert",
        ),
        (
            lambda: (
                address.words.get("sslnegotiation") == "direct"
                and mode not in ("require", "verify-ca", "verify-full")
            ),
            "sslnegotiation=direct needs sslmode=require or stronger",
        ),
    ]
    for is_wrong, reason in checks:
        if is_wrong():
            raise AddressRejected(reason)


def _has_own_root() -> bool:
    return os.path.isfile(os.path.expanduser("~/.postgresql/root.crt"))


def _host_text(host: str | None, port: int) -> str:
    if host is None or host.startswith("/"):
        return quote(host or "", safe="")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
