"""The memory of a process that serves for long."""

import gc
from functools import cache
from importlib import import_module
from types import ModuleType


def import_to_stay(name: str) -> ModuleType:
    """Imports a module that lives as long as the process, without collecting garbage.

    Imports make hardly any. To look for it, among all objects, would take a third of the time of a
    start and a stop.
    """
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.freeze()
        gc.enable()


NEW_OBJECTS = 4_000
"""The number of objects more than before at which garbage is looked for; 700 is Python's own."""


@cache
def freeze_objects() -> None:
    """Takes the objects that live as long as the process out of garbage collection, once.

    Looking at them would stop every request for a tenth of a second. Caches hold many more, and
    hardly any request leaves garbage that counting references does not find.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
