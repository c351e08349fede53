"""Looking at sockets."""

import select


def has_data(descriptor: int) -> bool:
    """Whether a socket has something to read or to accept."""
    if not hasattr(select, "poll"):
        return False
    # Not select(), which fails for descriptors from 1,024 on.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
