"""The modules that the fork server has imported: all libraries, and ours with the settings renewed.

Only `settings` and `settings.options` read the environment. All other modules of ours use values of
these two when they run, and not while they are imported, so that they stay as they are.
"""

import contextlib
import gc
import re
import sys
from collections.abc import Iterator
from importlib import import_module, reload
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]

_IMPORT = re.compile(r"^(?:from|import) ([\w.]+)", re.MULTILINE)
_IMPORTED_BY_NAME = (
    "aiohttp.web",
    "aiosqlite",
    "strawberry.federation",
    "tortoise.backends.sqlite.client",
    "uvicorn.main",
    "uvicorn.loops.uvloop",
)
"""Libraries that other libraries import by their names when a server starts."""
_OURS = "application"
"""The module of ours that imports most others."""


def import_modules() -> None:
    """Imports the installed libraries and our modules, exempt from garbage collection."""
    gc.disable()
    for name in dict.fromkeys([*imported_libraries(), *_IMPORTED_BY_NAME]):
        with contextlib.suppress(ImportError):
            import_module(name)
    import_module(_OURS)
    # A collection would write to, and so copy, all pages that a forked process shares.
    gc.freeze()
    gc.enable()


def begin_anew(folder: Path) -> None:
    """Leaves our modules to a program in a folder of ours, with settings read anew.

    For programs in other folders they are forgotten.
    """
    # Those of libraries are beside this Python.
    if folder not in (ROOT, Path(sys.executable).parent):
        _forget(_our_names())
        return
    _forget({"tests"})
    # Only the package itself does something: it finds the actors for the command of Dramatiq.
    sys.modules.pop("tasks", None)
    _read_settings_anew()


def imported_libraries() -> Iterator[str]:
    """Yields the modules that ours import when they are imported, without our own."""
    packages = [path.parent for path in ROOT.glob("*/__init__.py")]
    served = [path for path in packages if path.name not in ("bench", "tests")]
    ours = _our_names()
    for folder, pattern in [(ROOT, "*.py"), *((path, "**/*.py") for path in served)]:
        for path in folder.glob(pattern):
            for name in _IMPORT.findall(path.read_text(encoding="utf-8")):
                if name.partition(".")[0] not in ours:
                    yield name


def _our_names() -> set[str]:
    packages = [path.parent for path in ROOT.glob("*/__init__.py")]
    return {path.stem for path in [*packages, *ROOT.glob("*.py")]}


def _modules_of(names: set[str]) -> dict[str, ModuleType]:
    return {
        name: module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in names
    }


def _forget(names: set[str]) -> None:
    for name in _modules_of(names):
        del sys.modules[name]


def _read_settings_anew() -> None:
    """Reads the environment again, and puts the new options wherever the old ones are named."""
    options = sys.modules["settings.options"]
    old = {name: vars(options)[name] for name in ("OPTIONS", "Options", "LogOptions")}
    for name in ("settings", "settings.options"):
        reload(sys.modules[name])
    renewed = {id(value): vars(options)[name] for name, value in old.items()}
    for module in _modules_of(_our_names()).values():
        _replace(vars(module), renewed)


def _replace(names: dict[str, Any], renewed: dict[int, Any]) -> None:
    for name, value in names.items():
        if id(value) in renewed:
            names[name] = renewed[id(value)]
