"""The proxy that the standard variables of a company's machines name for an address."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from settings.addresses import PROXY
from settings.kinds import InvalidSetting


def standard_proxy(variables: Mapping[str, str], url: str, problems: dict[str, str]) -> str:
    """Returns the proxy of HTTPS_PROXY or HTTP_PROXY for an address; empty when there is none.

    The machine itself is never asked through one.
    """
    parts = urlsplit(url)
    name = f"{parts.scheme}_proxy".upper()
    text = _variable(variables, name)
    host = parts.hostname or ""
    if (
        not text
        or not host
        or is_loopback(host)
        or _is_excluded(variables, host, parts.port)
    ):
        return ""
    try:
        return PROXY.parse(text)
    except (InvalidSetting, ValueError) as reason:
        problems[name] = f"{name}: {reason}."
        return ""


def _variable(variables: Mapping[str, str], name: str) -> str:
    # Lower case goes first, as in curl.
    return (variables.get(name.lower()) or variables.get(name) or "").strip()


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its address or its name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_excluded(variables: Mapping[str, str], host: str, port: int | None) -> bool:
    """Tells whether NO_PROXY names the host, a domain above it, its network, or every host."""
    entries = _variable(variables, "NO_PROXY").casefold().replace(",", " ").split()
    return any(_matches(entry, host.casefold(), port) for entry in entries)


def _matches(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass
    name, separator, port_text = entry.rpartition(":")
    if separator and port_text.isdecimal():
        return str(port) == port_text and _matches(name, host, port)
    domain = entry.removeprefix("*").removeprefix(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))
