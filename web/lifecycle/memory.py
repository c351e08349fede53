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


@cache
def freeze_objects() -> None:
    """Takes the objects that live as long as the process out of garbage collection, once.

    Looking at them would stop every request for a tenth of a second.
    """
    gc.collect()
    gc.freeze()
