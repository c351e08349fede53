"""Looking at sockets."""

import select


def has_data(descriptor: int) -> bool:
    """Whether a socket has something to read or to accept."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
