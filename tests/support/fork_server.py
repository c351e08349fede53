"""The fork server: a process with all libraries imported, which forks the processes of tests.

Imports of libraries take most of the processor time of a start. Our own modules are imported by each
forked process itself, as they read the settings while they are imported.
"""

import atexit
import contextlib
import gc
import json
import os
import re
import runpy
import select
import socket
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from struct import Struct
from types import ModuleType

ROOT = Path(__file__).parents[2]
MESSAGE_BYTES = 1_000_000
SITE_CODE = "sitecustomize.py"
"""A module on the path that Python runs when it starts."""
NUMBER = Struct("i")
"""The format of the id and the status of a process."""

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


@dataclass(frozen=True)
class Request:
    """A command that begins with Python, and the surroundings to run it in."""

    command: list[str]
    folder: str
    environment: dict[str, str]
    has_own_session: bool


@dataclass(frozen=True)
class Forked:
    """A running process, and the descriptor that its id and its status are written to."""

    process_id: int
    report: int

    def report_status(self) -> None:
        """Writes the status of the process, which has ended."""
        _, status = os.waitpid(self.process_id, 0)
        # The test may be over.
        with contextlib.suppress(BrokenPipeError):
            os.write(self.report, NUMBER.pack(os.waitstatus_to_exitcode(status)))
        os.close(self.report)


def imported_libraries() -> Iterator[str]:
    """Yields the modules that ours import when they are imported, without our own."""
    packages = [path.parent for path in ROOT.glob("*/__init__.py")]
    served = [path for path in packages if path.name not in ("bench", "tests")]
    ours = {path.stem for path in [*packages, *ROOT.glob("*.py")]}
    for folder, pattern in [(ROOT, "*.py"), *((path, "**/*.py") for path in served)]:
        for path in folder.glob(pattern):
            for name in _IMPORT.findall(path.read_text(encoding="utf-8")):
                if name.partition(".")[0] not in ours:
                    yield name


def import_libraries() -> None:
    """Imports those that are installed, out of the reach of garbage collection."""
    gc.disable()
    for name in dict.fromkeys([*imported_libraries(), *_IMPORTED_BY_NAME]):
        with contextlib.suppress(ImportError):
            import_module(name)
    # A collection would write to, and so copy, all pages that a forked process shares.
    gc.freeze()
    gc.enable()


def next_request(channel: socket.socket) -> Request:
    """Forks a process per request, and returns the request in that process."""
    running: dict[int, Forked] = {}
    while True:
        ready, _, _ = select.select([channel.fileno(), *running], [], [])
        for ended in running.keys() & ready:
            running.pop(ended).report_status()
            os.close(ended)
        if channel.fileno() in ready:
            message, files, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 3)
            if not message:
                os._exit(0)
            forked = Forked(os.fork(), report=files.pop())
            if not forked.process_id:
                channel.detach()
                request = Request(**json.loads(message))
                if request.has_own_session:
                    os.setsid()
                os.write(forked.report, NUMBER.pack(os.getpid()))
                use_files(*files)
                return request
            running[os.pidfd_open(forked.process_id)] = forked
            for file in files:
                os.close(file)


def use_files(output: int, errors: int) -> None:
    """Makes these the standard streams of this process, and closes all others but its input."""
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    renew_streams()


def renew_streams() -> None:
    """Makes the standard streams of Python anew, empty."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, name)
        size = 0 if old.write_through else -1
        stream = TextIOWrapper(
            open(number, "wb", buffering=size, closefd=False),
            encoding=old.encoding,
            errors=old.errors,
            line_buffering=old.line_buffering,
            write_through=old.write_through,
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(request: Request) -> None:
    """Runs the command in this process, as a Python that was started for it would."""
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    for module in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[module]
    is_module = request.command[1] == "-m"
    name, *arguments = request.command[1 + is_module :]
    own_folder = request.folder if is_module else str(Path(name).resolve().parent)
    more_folders = request.environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:1] = [own_folder, *filter(None, more_folders)]
    run_site_code(filter(None, more_folders))
    sys.argv, sys.orig_argv = [name, *arguments], request.command
    if is_module:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        run_file(Path(name).absolute())


def run_site_code(folders: Iterable[str]) -> None:
    """Runs what Python would have run at its start."""
    for path in (Path(folder) / SITE_CODE for folder in folders):
        if path.exists():
            runpy.run_path(str(path))


def run_file(path: Path) -> None:
    """Runs a program as the main module; `runpy.run_path` would put another name in `sys.argv`."""
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__file__ = str(path)
    exec(compile(path.read_bytes(), path, "exec"), vars(main))  # noqa: S102


class Exit:
    """The exit of a forked process without freeing its memory, which would copy all pages of it."""

    def __init__(self) -> None:
        self._status: int | None = None
        # Functions that are registered later run earlier.
        atexit.register(self._end)

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Notes the exit status; without one Python ends the process itself."""
        try:
            yield
            self._status = 0
        except SystemExit as end:
            if end.code is None or isinstance(end.code, int):
                self._status = end.code or 0
            raise

    def _end(self) -> None:
        if self._status is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self._status & 0xFF)


if __name__ == "__main__":
    exit_ = Exit()
    import_libraries()
    request = next_request(socket.socket(fileno=int(sys.argv[1])))
    with exit_.noted():
        run(request)
