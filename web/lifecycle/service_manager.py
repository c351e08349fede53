"""Telling the state of the process to its service manager, systemd or another."""

import socket


def notify(address: str, state: str) -> None:
    """Sends a state such as `READY=1` to the socket in NOTIFY_SOCKET; does nothing without one.

    The protocol is sd_notify(3): one datagram to a Unix socket, whose name begins with @ when it
    is abstract. A manager that went away is ignored.
    """
    if not address:
        return
    name = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        try:
            manager.sendto(state.encode(), name)
        except OSError:
            return
