"""What outlives the request: broker, actors, sweeper, files.

Importing it does nothing, except for the command `dramatiq tasks`, which imports it to find its broker and actors.
"""

import sys
from importlib import import_module

if "dramatiq.cli" in sys.modules:
    import_module("tasks.worker")
