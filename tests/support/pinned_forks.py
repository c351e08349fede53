"""Forks the servers of the benchmark instead of starting them, with their settings and core."""

import os
from collections.abc import Sequence
from pathlib import Path
from subprocess import Popen
from typing import BinaryIO

from tests.support.forks import Start, start_process


def fork_pinned(
    command: Sequence[str],
    *,
    cwd: Path,
    start_new_session: bool,
    stdout: BinaryIO,
    stderr: int,
) -> Popen[bytes]:
    """Forks the program of `taskset -c CORE [env NAME=VALUE ...] PROGRAM ...`, if it is Python's."""
    assert command[:2] == ["taskset", "-c"]
    assert stderr < 0, "Errors go where the output goes."
    settings, program = split_settings(command[3:])
    start = Start(
        tuple(program),
        os.environ | settings,
        output=stdout,
        errors=stdout,
        folder=cwd,
        has_own_session=start_new_session,
    )
    process = start_process(start)
    os.sched_setaffinity(process.pid, {int(command[2])})
    return process


def split_settings(command: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    """Returns what `env` adds to the environment, and the command that it runs."""
    if command[0] != "env":
        return {}, command
    first = next(index for index, word in enumerate(command) if index and "=" not in word)
    return dict(word.split("=", 1) for word in command[1:first]), command[first:]
