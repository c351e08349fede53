"""The port that a server listens on."""

import os
import socket
from typing import Any

import settings
from settings.startup_error import StartupError


def bind_socket() -> socket.socket:
    """Binds the port, without listening yet; raises StartupError when another program has it.

    `HOST=::` takes it for IPv6 and for IPv4.
    """
    host = settings.HOST.removeprefix("[").removesuffix("]")
    try:
        family, *_, address = _look_up(host)
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _not_bound(error) from None
    try:
        # A restarted server must not wait for the last connections of the one before; on Windows
        # the same option would let two programs have the port.
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # One socket for IPv6 and IPv4 where the system can have it.
        if family == socket.AF_INET6:
            is_v6_only = int(host != "::" or not socket.has_dualstack_ipv6())
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, is_v6_only)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _not_bound(error) from None
    return listener


def _look_up(host: str) -> tuple[Any, ...]:
    """Returns family and address of a host, for IPv4 where a name has both."""
    addresses = socket.getaddrinfo(
        host, settings.PORT, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return min(addresses, key=lambda info: info[0] != socket.AF_INET)


def _not_bound(error: OSError) -> StartupError:
    address = settings.LOCAL_URL.removeprefix("http://")
    return StartupError(
        f"{address} cannot be served on: {_reason(error)}. Set HOST or PORT."
    )


def _reason(error: OSError) -> str:
    """Returns the system's message for an error, or that of the look-up of a name."""
    if error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return str(error.strerror)
