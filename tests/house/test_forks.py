"""Processes that tests fork: their programs find what they find in a process that was started."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryFile

import pytest

from tests.support.fork_modules import ROOT
from tests.support.forks import (
    CLOCK_FOLDER,
    Start,
    can_fork,
    fork_server,
    has_forks,
    start_anew,
)
from tests.support.waiting import TIMEOUT_SECONDS

pytestmark = pytest.mark.skipif(not has_forks(), reason="This run forks no processes.")

SURROUNDINGS = """
import gc, json, logging, multiprocessing, os, signal, sys, tempfile, threading

print(json.dumps({
    "arguments": [sys.argv, sys.orig_argv],
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "garbage": [gc.isenabled(), gc.get_threshold()],
    "input": [sys.stdin.read(), sys.stdin.encoding],
    "files": sorted(os.listdir("/proc/self/fd"), key=int)[:-1],
    "logs": [logging.root.level, logging.root.handlers],
    "main": [__name__, __file__, sys.modules["__main__"].__dict__ is globals()],
    "parent": multiprocessing.parent_process(),
    "path": sys.path,
    "session": [os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid()],
    "signals": [str(signal.getsignal(number)) for number in range(1, 32)],
    "streams": [
        [stream.encoding, stream.errors, stream.line_buffering, stream.write_through]
        for stream in (sys.stdout, sys.stderr)
    ],
    "temporary": tempfile.tempdir,
    "threads": threading.active_count(),
}, indent=1))
print("errors", file=sys.stderr)
sys.exit(3)
"""
MODULES = """
import sys
from pathlib import Path

names = {name.partition(".")[0] for name in sys.modules if name not in ("__main__", "tests")}
ours = {path.stem for path in Path.cwd().glob("*") if path.suffix == ".py" or path.is_dir()}
print(sorted(names & ours), "aiohttp" in names)
"""
CLOCK = """
import time
from pathlib import Path

Path("written").touch()
while time.time() > Path("written").stat().st_mtime - 1_800:
    time.sleep(0.01)
print("set")
"""


SCRIPTS = Path(sys.executable).parent
Starter = Callable[[Start], Popen[bytes]]


def run(
    starter: Starter, folder: Path, *command: str, **environment: str
) -> tuple[int, str, str]:
    """Returns the exit status, the output and the errors of a program."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        process = starter(
            Start(
                (sys.executable, *command), os.environ | environment, output, errors, folder
            )
        )
        status = process.wait(TIMEOUT_SECONDS)
        output.seek(0)
        errors.seek(0)
        return status, output.read().decode(), errors.read().decode()


@pytest.mark.parametrize(
    "command", [("program.py", "a", "b c"), ("-m", "package.program", "a")]
)
def test_a_forked_program_finds_what_a_started_one_finds(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "package").mkdir()
    for folder in (tmp_path, tmp_path / "package"):
        (folder / "program.py").write_text(SURROUNDINGS)
    environment = {"DATABASE_URL": "sqlite://a", "PYTHONPATH": "/first:/second"}

    forked = run(fork_server.fork, tmp_path, *command, **environment)
    started = run(start_anew, tmp_path, *command, **environment)

    assert forked[0] == started[0] == 3
    assert json.loads(forked[1]) == json.loads(started[1])
    assert forked[2] == started[2] == "errors\n"


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("pass", 0),
        ("import atexit, sys; atexit.register(print, 'end'); sys.exit(300)", 300 - 256),
        (
            "import threading, time; threading.Thread(target=lambda: time.sleep(0.01) or print(1)).start()",
            0,
        ),
        ("print('buffered'); import os; os.abort()", -signal.SIGABRT),
        ("raise SystemExit('a reason')", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
    ],
)
def test_a_forked_program_ends_as_a_started_one_does(
    tmp_path: Path, program: str, status: int
) -> None:
    (tmp_path / "program.py").write_text(program)
    forked = run(fork_server.fork, tmp_path, "program.py")
    started = run(start_anew, tmp_path, "program.py")
    assert forked[:2] == started[:2]
    assert forked[0] == status
    assert forked[2].splitlines()[-1:] == started[2].splitlines()[-1:]


def test_a_forked_process_has_libraries_and_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MODULES)
    program = str(tmp_path / "program.py")
    assert run(fork_server.fork, ROOT, program) == (0, "[] True\n", "")
    assert run(start_anew, ROOT, program) == (0, "[] False\n", "")


def test_a_forked_program_of_ours_has_the_settings_of_its_environment() -> None:
    command = ("-m", "tests.support.shown_options")
    environment = {"DATABASE_URL": "sqlite://a", "PORT": "-1", "ROOT_PATH": "/shop"}
    more = {"OIDC_ISSUER": "https://a.example", "LOG_LEVEL": "ERROR"}
    forked = run(fork_server.fork, ROOT, *command, **environment, **more)
    assert forked == run(start_anew, ROOT, *command, **environment, **more)
    assert "sqlite://a\n8000\n{'PORT'" in forked[1]
    assert forked[1].endswith("\nTrue")


def test_a_program_of_another_checkout_needs_a_start(tmp_path: Path) -> None:
    with TemporaryFile() as output:
        command = (sys.executable, "server.py", "serve")
        start = Start(command, os.environ, output, output, tmp_path)
    assert can_fork(start)
    (tmp_path / "application.py").touch()
    assert not can_fork(start)


def test_a_forked_process_is_waited_for_and_killed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import time; time.sleep(600)")
    with TemporaryFile() as output:
        command = (sys.executable, "program.py")
        process = fork_server.fork(
            Start(command, os.environ, output, output, tmp_path, has_own_session=True)
        )
    assert os.getpgid(process.pid) == process.pid
    assert process.poll() is None
    with pytest.raises(TimeoutExpired):
        process.wait(0)
    process.kill()
    assert process.wait(TIMEOUT_SECONDS) == -signal.SIGKILL
    assert process.poll() == -signal.SIGKILL
    process.terminate()


@pytest.mark.parametrize(
    ("command", "environment", "is_forked"),
    [
        ((sys.executable, "server.py", "serve"), {"PORT": "1"}, True),
        ((sys.executable, "server.py", "serve"), {"PYTHONPATH": "/first"}, True),
        ((sys.executable, "server.py", "serve"), {"PYTHONUTF8": "1"}, False),
        ((sys.executable, "server.py", "serve"), {"LD_PRELOAD": "clock.so"}, False),
        ((sys.executable, "-m", "uvicorn", "server:application"), {}, True),
        ((str(SCRIPTS / "uvicorn"), "server:application"), {}, True),
        ((str(SCRIPTS / "pytest"),), {}, False),
        ((sys.executable, "-W", "error", "server.py"), {}, False),
        ((sys.executable, "-c", "pass"), {}, False),
        (("sh", "-c", "exec python server.py"), {}, False),
    ],
)
def test_other_settings_of_python_itself_need_a_start(
    command: tuple[str, ...], environment: dict[str, str], is_forked: bool
) -> None:
    with TemporaryFile() as output:
        start = Start(command, os.environ | environment, output, output)
    assert can_fork(start) == is_forked


def test_a_quick_run_starts_no_process() -> None:
    forked = run(fork_server.fork, ROOT, "-m", "tests.support.quick_start")
    reason = "--quick runs no test that needs a process of its own.\n"
    assert forked == (0, reason * 2, "")


def test_a_forked_program_has_the_clock_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("-3600")
    (tmp_path / "program.py").write_text(CLOCK)
    environment = {
        "PYTHONPATH": str(CLOCK_FOLDER),
        "CLOCK_FILE": str(tmp_path / "clock"),
    }
    with TemporaryFile() as output:
        command = (sys.executable, "program.py")
        assert can_fork(Start(command, os.environ | environment, output, output))
    assert run(fork_server.fork, tmp_path, "program.py", **environment) == (0, "set\n", "")


def test_a_module_that_python_runs_first_needs_a_start(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").touch()
    with TemporaryFile() as output:
        command = (sys.executable, "server.py", "serve")
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        assert not can_fork(Start(command, environment, output, output))
