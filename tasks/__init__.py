"""Work that outlives a request: broker, actors, sweeper, files.

Importing it does nothing, except for the command `dramatiq tasks`, which imports it to find its
broker and actors.
"""

import sys
from importlib import import_module

if "dramatiq.cli" in sys.modules:
    # Before anything else: a signal may come while the rest is imported.
    process = import_module("tasks.worker_process")
    stopping = process.install()
    with process.unbuffered_errors():
        import_module("tasks.worker")
    if stopping is not None:
        stopping.is_booted = True
