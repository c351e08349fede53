"""The limit on open files, which bounds the connections of a process."""

import sys

import settings

if sys.platform != "win32":
    import resource

RESERVED_FILES = 200
"""Files that a server needs besides live connections: requests, the database, Redis, exports."""


def raise_file_limit(count: int) -> int:
    """Lets the process open so many files, as far as the system permits; returns how many."""
    if sys.platform == "win32":
        return count
    limit, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    if count <= limit or limit == resource.RLIM_INFINITY:
        return count
    wanted = count if highest == resource.RLIM_INFINITY else min(count, highest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, highest))
    return wanted


def open_files_problems() -> list[str]:
    """Returns why the process cannot have LIVE_CONNECTIONS connections."""
    connections = settings.LIVE_CONNECTIONS
    needed = connections + RESERVED_FILES
    limit = raise_file_limit(needed) if connections else needed
    if limit >= needed:
        return []
    return [
        f"LIVE_CONNECTIONS is {connections}, and the process may open {limit} files, of which "
        f"{RESERVED_FILES} are for everything else: raise its limit to {needed} "
        f"(ulimit -n, LimitNOFILE), or set LIVE_CONNECTIONS to {max(limit - RESERVED_FILES, 0)}."
    ]
