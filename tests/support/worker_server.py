"""The processes of pytest-xdist, forked from one that has imported all tests.

Importing them takes most of the time until a worker runs its first test, and each would do it anew.
Execnet starts `worker_client.py` in place of Python; that hands its streams and the program over to
this process, and ends when the forked one does.
"""

import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from _pytest.config import _prepareconfig

from tests.support import run_folder
from tests.support.fork_modules import ROOT
from tests.support.fork_server import Exit, renew_streams
from tests.support.programs import Run

MESSAGE_BYTES = 65_536


class WorkerServer:
    """The running server."""

    def __init__(self, options: list[str]) -> None:
        self.path = run_folder.path() / "workers"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.path))
            listener.listen()
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(listener.fileno()), *options],
                cwd=ROOT,
                # Tests ask for it when they are imported; each worker gets its own name later.
                env=os.environ | {"PYTEST_XDIST_WORKER": "gw0"},
                # Its end tells of the end of this process.
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
            )

    @property
    def python(self) -> str:
        """The command that takes the place of Python."""
        client = Path(__file__).with_name("worker_client.py")
        return f"{sys.executable} -I -S {client} {self.path}"

    def end(self) -> None:
        """Ends the server."""
        self._process.communicate()


def import_tests(options: list[str]) -> None:
    """Imports all tests as pytest does, with its assertions, exempt from garbage collection."""
    gc.disable()
    # This makes the importer that rewrites assertions, and imports the plug-ins.
    config = _prepareconfig(["--capture=no", *options])
    Run.quick = config.getoption("--quick")
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    gc.freeze()
    gc.enable()


def next_worker(listener: socket.socket) -> tuple[str, socket.socket]:
    """Forks a process per client; returns its program, and the client that waits for its end."""
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            end()
        client, _ = listener.accept()
        program, files, _, _ = socket.recv_fds(client, MESSAGE_BYTES, 3)
        if not os.fork():
            listener.close()
            use_streams(files)
            return program.decode(), client
        client.close()
        for file in files:
            os.close(file)


def end() -> None:
    """Ends this process after all workers, so that it counts their processor time."""
    with suppress(ChildProcessError):
        while True:
            os.wait()
    os._exit(0)


def use_streams(files: list[int]) -> None:
    """Makes these the standard streams of this process."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    renew_streams()
    sys.stdin = open(0, closefd=False)


def main(number: str, *options: str) -> None:
    """Imports the tests, and runs a worker in each forked process."""
    exit_ = Exit()
    import_tests(list(options))
    # Those who press Ctrl-C mean the workers.
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)
    program, _client = next_worker(socket.socket(fileno=int(number)))
    signal.signal(signal.SIGINT, interrupted)
    sys.argv = ["-c"]
    main_module = sys.modules["__main__"] = ModuleType("__main__")
    with exit_.noted():
        exec(program, vars(main_module))  # noqa: S102


if __name__ == "__main__":
    main(*sys.argv[1:])
