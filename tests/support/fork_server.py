"""The fork server: a process with all modules imported, which forks the processes of tests.

Imports take most of the processor time of a start.
"""

import atexit
import contextlib
import json
import os
import runpy
import select
import socket
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from struct import Struct
from types import ModuleType

from tests.support.fork_modules import begin_anew, import_modules

MESSAGE_BYTES = 1_000_000
SITE_CODE = "sitecustomize.py"
"""A module on the path that Python runs when it starts."""
NUMBER = Struct("i")
"""The format of the id and the status of a process."""


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


class Server:
    """Forks a process per request of any client; ends when its owner does."""

    def __init__(self, owner: socket.socket, *listeners: socket.socket) -> None:
        self._owner = owner
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._clients = {owner.fileno(): owner}
        self._running: dict[int, Forked] = {}

    def next_request(self) -> Request:
        """Returns the next request in a process of its own."""
        while True:
            waiting = [*self._listeners, *self._clients, *self._running]
            ready, _, _ = select.select(waiting, [], [])
            for ended in self._running.keys() & ready:
                self._running.pop(ended).report_status()
                os.close(ended)
            for client in self._clients.keys() & ready:
                if request := self._take(self._clients[client]):
                    return request
            for listener in self._listeners.keys() & ready:
                self._accept(self._listeners[listener])

    def _accept(self, listener: socket.socket) -> None:
        client, _ = listener.accept()
        self._clients[client.fileno()] = client

    def _take(self, client: socket.socket) -> Request | None:
        """Takes a request and forks a process; returns the request there, and None here."""
        message, files, _, _ = socket.recv_fds(client, MESSAGE_BYTES, 3)
        if not message:
            self._leave(client)
            return None
        forked = Forked(os.fork(), report=files.pop())
        if not forked.process_id:
            return self._begin(forked, Request(**json.loads(message)), files)
        self._running[os.pidfd_open(forked.process_id)] = forked
        for file in files:
            os.close(file)
        return None

    def _leave(self, client: socket.socket) -> None:
        if client is self._owner:
            os._exit(0)
        self._clients.pop(client.fileno()).close()

    def _begin(self, forked: Forked, request: Request, files: list[int]) -> Request:
        # Their descriptors are closed below, and become those of other files.
        for channel in [*self._clients.values(), *self._listeners.values()]:
            channel.detach()
        if request.has_own_session:
            os.setsid()
        os.write(forked.report, NUMBER.pack(os.getpid()))
        use_files(*files)
        return request


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
    is_module = request.command[1] == "-m"
    name, *arguments = request.command[1 + is_module :]
    folder = Path(request.folder)
    own_folder = request.folder if is_module else str(Path(name).resolve().parent)
    begin_anew(folder if is_module else (folder / name).parent)
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
    import_modules()
    channels = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    request = Server(*channels).next_request()
    with exit_.noted():
        run(request)
