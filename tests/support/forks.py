"""Python programs in processes of their own, forked from one that has imported the libraries.

A forked process does what a started one does, but for the imports of libraries: it runs the program,
which imports our modules, with arguments, environment, folder, files and session of its own.
With TEST_FORKS=0 all are started.
"""

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import BinaryIO
from weakref import finalize

from tests.support import run_folder
from tests.support.fork_modules import ROOT
from tests.support.fork_server import NUMBER, SITE_CODE
from tests.support.programs import skip_start
from tests.support.waiting import TIMEOUT_SECONDS

SHARED = "TEST_FORK_SERVER"
"""The variable with the path of the fork server that all workers share."""
_ENVIRONMENT = dict(os.environ)
_PROGRAMS = ("dramatiq", "uvicorn")
"""Programs beside Python that are written in it."""
_LIBRARY_VARIABLES = (
    *("PYTHON", "LANG", "LC_", "LD_", "TZ", "SSL", "OPENSSL"),
    *("OTEL", "PROMETHEUS", "WEBSOCKETS"),
)
"""Beginnings of variables that Python reads when it starts, or libraries when they are imported."""
CLOCK_FOLDER = ROOT / "tests" / "support" / "clock"
"""What gives a Python process a clock that a file sets, whatever has been imported before."""


@dataclass(frozen=True)
class Start:
    """All that a process is started with."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    output: BinaryIO
    errors: BinaryIO
    folder: Path = ROOT
    has_own_session: bool = False


class ForkedProcess(subprocess.Popen[bytes]):
    """A process that the fork server has forked; that one waits for it, and reports its status."""

    def __init__(self, command: tuple[str, ...], report: int) -> None:
        self.args, self.returncode = command, None
        self.stdin = self.stdout = self.stderr = None
        self._report, self._lock = report, Lock()
        finalize(self, os.close, report)
        self.pid = self._read_number()

    def poll(self) -> int | None:
        """Returns the exit status, or None while the process runs."""
        with self._lock:
            if self.returncode is None and self._has_ended(0):
                self.returncode = self._read_number()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Waits for the end of the process and returns its exit status."""
        if self.returncode is None and not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        status = self.poll()
        assert status is not None
        return status

    def send_signal(self, sig: int) -> None:
        """Sends a signal, unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def _read_number(self) -> int:
        number: int
        (number,) = NUMBER.unpack(os.read(self._report, NUMBER.size))
        return number

    def _has_ended(self, timeout: float | None) -> bool:
        poller = select.poll()
        poller.register(self._report, select.POLLIN)
        return bool(poller.poll(None if timeout is None else timeout * 1_000))


class ForkServer:
    """The fork server of this process, started when it is first used, or that of all workers."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._channel: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, start: Start) -> ForkedProcess:
        """Has a process forked, unless this run starts none."""
        skip_start(start.command)
        request = {
            "command": _python_command(start.command),
            "folder": str(start.folder),
            "environment": dict(start.environment),
            "has_own_session": start.has_own_session,
        }
        report, reporting = os.pipe()
        files = [start.output.fileno(), start.errors.fileno(), reporting]
        socket.send_fds(self._open_channel(), [json.dumps(request).encode()], files)
        os.close(reporting)
        return ForkedProcess(start.command, report)

    def share(self) -> None:
        """Starts the one of all workers, before they are."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            path = str(run_folder.path() / "forks")
            listener.bind(path)
            listener.listen(64)
            self._channel = self._start(listener.fileno())
        os.environ[SHARED] = path

    def _open_channel(self) -> socket.socket:
        with self._lock:
            if self._channel is None:
                self._channel = self._connect() or self._start()
            return self._channel

    def _connect(self) -> socket.socket | None:
        """Connects to the one of all workers, if there is one."""
        path = os.environ.get(SHARED)
        if path is None:
            return None
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.connect(path)
        return channel

    def _start(self, *listener: int) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            files = (theirs.fileno(), *listener)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.fork_server", *map(str, files)],
                cwd=ROOT,
                env={**_ENVIRONMENT, "PYTHONPATH": ""},
                stdin=subprocess.DEVNULL,
                pass_fds=files,
                start_new_session=True,
            )
        return ours

    def end(self) -> None:
        """Ends the fork server, if this process has started it; forked processes go on."""
        if self._channel:
            self._channel.close()
        if self._process:
            self._process.wait()


fork_server = ForkServer()


def start_process(start: Start) -> subprocess.Popen[bytes]:
    """Starts a process: a forked one where a program of Python cannot tell, else a new one."""
    return fork_server.fork(start) if can_fork(start) else start_anew(start)


def run_program(*command: str, **environment: str) -> tuple[int, str, str]:
    """Runs a program to its end; returns its status, its output and its errors."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        status = run_to_end(Start(command, os.environ | environment, output, errors))
        return status, read_from_start(output), read_from_start(errors)


def run_to_end(start: Start) -> int:
    """Runs a program and returns its status; one that does not end is killed at the timeout."""
    process = start_process(start)
    try:
        return process.wait(TIMEOUT_SECONDS)
    finally:
        process.kill()
        process.wait()


def run_for_lines(*command: str, **environment: str) -> tuple[int, list[str]]:
    """Runs a program to its end; returns its status, and the lines of its output and errors."""
    status, output, errors = run_program(*command, **environment)
    return status, [*output.splitlines(), *errors.splitlines()]


def read_from_start(file: BinaryIO) -> str:
    """Returns all the text of a file."""
    file.seek(0)
    return file.read().decode()


def start_anew(start: Start) -> subprocess.Popen[bytes]:
    """Starts a process that begins with nothing."""
    return subprocess.Popen(
        start.command,
        cwd=start.folder,
        env=start.environment,
        stdin=subprocess.DEVNULL,
        stdout=start.output,
        stderr=start.errors,
        start_new_session=start.has_own_session,
    )


def can_fork(start: Start) -> bool:
    """Whether this runs a program by this Python, without another setting of Python's own."""
    return (
        has_forks()
        and _python_command(start.command) is not None
        and library_variables(start.environment) == library_variables(_ENVIRONMENT)
        and not _has_site_code(start.environment)
        and not _is_of_another_checkout(start.folder)
    )


def _is_of_another_checkout(folder: Path) -> bool:
    """Whether a program finds modules of the same names as ours, which are imported already."""
    return folder != ROOT and (folder / "application.py").exists()


def _has_site_code(environment: Mapping[str, str]) -> bool:
    """Whether a Python that starts runs a module of the test first, before all libraries."""
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    return any(
        (Path(folder) / SITE_CODE).exists()
        for folder in folders
        if folder and Path(folder) != CLOCK_FOLDER
    )


@cache
def has_forks() -> bool:
    """Whether this run forks: unless TEST_FORKS is 0, where the system can tell of their ends."""
    if os.environ.get("TEST_FORKS") == "0":
        return False
    try:
        # Linux has it since 5.3.
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def _python_command(command: tuple[str, ...]) -> tuple[str, ...] | None:
    """Returns the command with Python at its beginning; None for any other program."""
    program, *arguments = command
    folder, name = Path(program).parent, Path(program).name
    if folder == Path(sys.executable).parent and name in _PROGRAMS:
        return sys.executable, *command
    is_python = program == sys.executable and arguments
    return command if is_python and arguments[0].endswith((".py", "-m")) else None


def library_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables that a running Python would not read again."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_LIBRARY_VARIABLES) and name != "PYTHONPATH"
    }
