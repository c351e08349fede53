"""Looking at sockets."""

import select
import sys
from asyncio import Transport
from contextlib import suppress

if sys.platform == "linux":
    from fcntl import ioctl
    from termios import TIOCOUTQ


def has_data(descriptor: int) -> bool:
    """Whether a socket has something to read or to accept."""
    if not hasattr(select, "poll"):
        return False
    # Not select(), which fails for descriptors from 1,024 on.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def count_unread_bytes(transport: Transport) -> int:
    """Returns how many written bytes the peer has not taken, from an open connection.

    The event loop holds some of them and the system others. The system takes more only when the
    peer has read a third of what it holds: some megabytes, for which a client on a bad network may
    need minutes.
    """
    descriptor = transport.get_extra_info("socket").fileno()
    return transport.get_write_buffer_size() + _count_unsent_bytes(descriptor)


def _count_unsent_bytes(descriptor: int) -> int:
    """Returns how many bytes the system holds that the peer has not taken; 0 if it cannot tell."""
    if sys.platform == "linux":
        with suppress(OSError):
            return int.from_bytes(ioctl(descriptor, TIOCOUTQ, bytes(4)), sys.byteorder)
    return 0
