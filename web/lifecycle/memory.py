"""The memory of a process that serves for long."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def without_collection() -> Iterator[None]:
    """Leaves garbage alone while modules are imported, as they make hardly any.

    Looking for it would take a tenth of the time of a start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@cache
def freeze_objects() -> None:
    """Takes the objects that live as long as the process out of garbage collection, once.

    Looking at them would stop every request for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
