"""The memory of a process that serves for long."""

import gc
from functools import cache


@cache
def freeze_objects() -> None:
    """Takes the objects that live as long as the process out of garbage collection, once.

    Looking at them would stop every request for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
