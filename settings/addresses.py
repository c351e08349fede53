"""The kinds of settings that are addresses. Passwords in them are never shown.

The supported words of a Redis address, a database address and an export store are checked by the
modules that connect to them, at start; here their form is checked before anything is imported.
"""

import re
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, quote, urlsplit

from settings.kinds import InvalidSetting, Kind

# Up to the last `@`: an unencoded password may have any character of an address.
_LOGIN = re.compile(r"(?<=://).*@")
_SECRET_WORD = re.compile(
    r"(?<=[?&])(\w*(?:pass|secret|token|key|sig|credential)\w*)=[^&]*", re.I
)
# At most 63 characters between two points, or a look-up of the name raises a UnicodeError.
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.?")
_NUMERIC = re.compile(r"[\d.]+")
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))([^/?#%\s]|%[0-9A-Fa-f]{2})+)*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")
_DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")


def hide_secrets(text: str) -> str:
    """Returns an address without user, password and other secrets in its parameters."""
    return _SECRET_WORD.sub(r"\1=…", _LOGIN.sub("…@", text))


def with_password(text: str, password: str) -> str:
    """Returns a database's address with a password.

    Raises InvalidSetting unless it has a user and no password.
    """
    scheme, separator, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    login, at, hosts = authority.rpartition("@")
    if not at or not login or scheme == "sqlite":
        raise InvalidSetting("DATABASE_URL names no user to whom it could belong")
    if ":" in login:
        raise InvalidSetting("DATABASE_URL has a password, too; set one of them")
    return f"{scheme}{separator}{login}:{quote(password, safe='')}@{hosts}{slash}{path}"


def _split(text: str) -> SplitResult:
    """Returns the parts of an address; raises InvalidSetting without a readable host and port."""
    if not text.isprintable() or any(character.isspace() for character in text):
        raise InvalidSetting(
            "the address contains white space or characters that cannot be printed"
        )
    try:
        parts = urlsplit(text)
    except ValueError:
        raise InvalidSetting("the brackets of the address's host do not match") from None
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise InvalidSetting("the port of the address is no number from 1 to 65535")
    return parts


def _is_host(text: str) -> bool:
    """Whether a text is the name or the address of a host."""
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        # Digits and points alone are a malformed address.
        return _HOST.fullmatch(text) is not None and not _NUMERIC.fullmatch(text)
    return True


def _parse_host(text: str) -> str:
    host = text.removeprefix("[").removesuffix("]")
    if not _is_host(host):
        raise ValueError
    return host


HOST = Kind("an IPv4 or IPv6 address or the name of a host", _parse_host)


def web_address(*, has_login: bool = False) -> Kind[str]:
    """Returns the kind of addresses of HTTP; with `has_login` they may name a user."""
    example = "http://USER:PASSWORD@HOST:PORT" if has_login else "https://HOST"

    def parse(text: str) -> str:
        parts = _split(text)
        if parts.scheme not in ("http", "https"):
            raise InvalidSetting(
                f"the address begins with neither http:// nor https://; write {example}"
            )
        if not parts.hostname or not _is_host(parts.hostname):
            raise InvalidSetting(f"the address names no host; write {example}")
        if "@" in parts.netloc and not has_login:
            raise InvalidSetting(
                "the address names a user or a password, which are not supported here"
            )
        if parts.query or parts.fragment or text.endswith(("?", "#")):
            raise InvalidSetting("the address has a query or a fragment")
        if not _PATH.fullmatch(normalize_path(parts.path)):
            raise InvalidSetting(
                "the path of the address has a part that is empty or made of points"
            )
        return text

    return Kind(f"an address such as {example}", parse, has_login, hide_secrets)


def normalize_path(path: str) -> str:
    """Returns a path with a slash before it, none after it, and "" for none."""
    stripped = path.strip("/")
    return "/" + quote(stripped, safe="/%:@!$&'()*+,;=~") if stripped else ""


def _parse_path(text: str) -> str:
    path = normalize_path(text)
    if not _PATH.fullmatch(path):
        raise ValueError
    return path


PATH = Kind("a path like /shop", _parse_path)


def _parse_proxy(text: str) -> str:
    if text.casefold() == NO_PROXY:
        return ""
    scheme = text.partition("://")[0].casefold()
    if scheme.startswith("socks"):
        raise InvalidSetting("SOCKS proxies are not supported; name a proxy of HTTP")
    return web_address(has_login=True).parse(text)


NO_PROXY = "none"
PROXY = Kind(
    "none, or an address such as http://USER:PASSWORD@HOST:PORT",
    _parse_proxy,
    is_secret=True,
    show=hide_secrets,
)


def _parse_origins(text: str) -> list[str]:
    origins = [part.strip() for part in text.split(",") if part.strip()]
    for origin in origins:
        if origin != "*" or len(origins) > 1:
            _check_origin(origin)
    return origins


def _check_origin(text: str) -> None:
    parts = _split(text)
    if parts.scheme not in ("http", "https") or text != f"{parts.scheme}://{parts.netloc}":
        raise InvalidSetting(
            f"{text!r} is no origin; write SCHEME://HOST or SCHEME://HOST:PORT alone"
        )
    if not parts.hostname or not _is_host(parts.hostname) or "@" in parts.netloc:
        raise InvalidSetting(f"{text!r} names no host")
    # A browser writes it so, and the two are compared as texts.
    default_port = {"http": 80, "https": 443}[parts.scheme]
    if parts.port == default_port or parts.netloc != parts.netloc.lower():
        raise InvalidSetting(
            f"write {text!r} in lower case and without the port of its scheme"
        )


ORIGINS = Kind("a list of origins such as https://shop.example", _parse_origins)


def _parse_networks(text: str) -> str:
    networks = [part.strip() for part in text.split(",") if part.strip()]
    for network in networks:
        if network == "*":
            continue
        try:
            ip_network(network)
        except ValueError as reason:
            raise InvalidSetting(
                f"{network!r} is no address and no network of IP ({reason})"
            ) from None
    return ",".join(networks)


NETWORKS = Kind("a list of IP addresses and networks, or *", _parse_networks)


def _parse_database(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in _DATABASE_SCHEMES:
        is_scheme = separator and _SCHEME.fullmatch(scheme)
        begins = f"begins with {scheme}://, and not" if is_scheme else "does not begin"
        raise InvalidSetting(f"the address {begins} with postgres:// or sqlite://")
    if scheme == "sqlite":
        return _check_file(text, rest)
    if not text.isprintable() or " " in text:
        raise InvalidSetting(
            "the address contains white space or characters that cannot be printed; "
            "in a password write them as %XX"
        )
    if not rest.strip("/?"):
        raise InvalidSetting(
            "the address names no database; write postgres://USER@HOST/NAME"
        )
    _check_password(text)
    return text


def _check_file(text: str, path: str) -> str:
    """Returns the address of a SQLite file; raises InvalidSetting for anything else."""
    if not path.strip("/"):
        raise InvalidSetting("the address names no file; write sqlite:///FOLDER/FILE")
    if path == ":memory:":
        raise InvalidSetting("a database in memory ends with its process; name a file")
    if "?" in path or "#" in path:
        raise InvalidSetting("an address of SQLite has no parameters")
    return text


def _check_password(text: str) -> None:
    """Raises InvalidSetting where a password's bare special character moves the host's end."""
    try:
        parts = urlsplit(text)
    except ValueError:
        is_broken = True
    else:
        # A bare `/`, `?` or `#` ends the host too early and leaves the `@` behind it.
        is_broken = "@" in parts.path + parts.query + parts.fragment
    if is_broken:
        raise InvalidSetting(
            "the brackets of the host do not match, or a special character of the password is "
            "not written as %XX"
        )


DATABASE = Kind(
    "sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/NAME, "
    "with special characters of a password as %XX",
    _parse_database,
    is_secret=True,
    show=hide_secrets,
)


def _parse_plainly(text: str) -> str:
    if not text.isprintable():
        raise InvalidSetting("the address contains characters that cannot be printed")
    return text


REDIS = Kind("an address of Redis", _parse_plainly, True, hide_secrets)
STORE = Kind("a folder or an address of a store", _parse_plainly, show=hide_secrets)


def _parse_socket(text: str) -> str:
    if not text.isprintable() or not text.startswith(("/", "@")):
        raise ValueError
    return text


SOCKET = Kind("the absolute path of a socket, or @ and an abstract name", _parse_socket)
