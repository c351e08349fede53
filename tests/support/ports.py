"""Ports of the tests: each process that runs tests has a block of its own."""

import fcntl
import os
import socket
import tempfile
from functools import cache
from io import BufferedWriter
from itertools import count
from pathlib import Path

_FIRST, _BLOCKS, _SIZE = 10_000, 44, 500
"""All blocks lie below the ports that the system gives to clients (from 32,768)."""

_claims: list[BufferedWriter] = []
_used = count()


def free_port() -> int:
    """Returns a port on which nothing listens, and that no other process of tests is given."""
    for _ in range(_SIZE):
        port = _block() + next(_used) % _SIZE
        if _can_listen(port):
            return port
    raise OSError(f"All ports from {_block()} to {_block() + _SIZE - 1} are in use.")


def free_ports() -> int:
    """Returns the first of two free ports in a row."""
    port, following = free_port(), free_port()
    while following != port + 1:
        port, following = following, free_port()
    return port


def _can_listen(port: int) -> bool:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@cache
def _block() -> int:
    """Claims a block until this process ends, and returns its first port."""
    for index in range(_BLOCKS):
        path = Path(tempfile.gettempdir()) / f"basket-test-ports-{os.getuid()}-{index}.lock"
        claim = path.open("wb")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.close()
        else:
            _claims.append(claim)
            return _FIRST + index * _SIZE
    raise OSError(f"All {_BLOCKS} blocks of ports are claimed by other processes of tests.")
