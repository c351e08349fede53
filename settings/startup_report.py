"""The one report of a set-up that all processes of a worker reject.

Each of them finds the same reasons. The first that can make a file of a name that only they and
their main process know says them, and the main process then says nothing more.
"""

import hashlib
import logging
import multiprocessing
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MARK = b"basket-worker:"


@contextmanager
def single_report(name: str) -> Iterator[None]:
    """Lets one of the processes that are started within report; then the named logger is silent."""
    # Every process gets this key of its main process, however it is started.
    key = _MARK + secrets.token_bytes(32)
    multiprocessing.current_process().authkey = key
    path = _path(key)

    def is_unreported(record: logging.LogRecord) -> bool:
        return not path.exists()

    logging.getLogger(name).addFilter(is_unreported)
    try:
        yield
    finally:
        logging.getLogger(name).removeFilter(is_unreported)
        path.unlink(missing_ok=True)


def claim_report() -> bool:
    """Tells whether this process is to report why it does not start: the first, or any alone."""
    key = bytes(multiprocessing.current_process().authkey)
    if not key.startswith(_MARK):
        return True
    # Where there can be no file, twice is better than never.
    with suppress(OSError):
        try:
            _path(key).touch(exist_ok=False)
        except FileExistsError:
            return False
    return True


def _path(key: bytes) -> Path:
    digest = hashlib.sha256(key).hexdigest()
    return Path(tempfile.gettempdir()) / f"basket-worker-{digest}"
