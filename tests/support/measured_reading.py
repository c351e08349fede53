"""Reading a spreadsheet once, for its outcome and for what it takes.

A new process counts its parent's memory as its own peak, so this module, run as a program, is the
small process that stands between a test and the process that reads. It forks one per file.
"""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from settings import ROOT
from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import SpreadsheetLimits

PEAK_MEGABYTES = 300
CPU_SECONDS = 5.0


@dataclass(frozen=True)
class MeasuredReading:
    """The outcome of a reading, its peak memory in megabytes and its processor time in seconds."""

    rejection: str = ""
    message: str = ""
    rows_read: int = 0
    errors: list[list[Any]] = field(default_factory=list)
    megabytes: int = 0
    seconds: float = 0

    def check_bounds(self) -> None:
        """Raises AssertionError when the reading took too much."""
        assert 0 < self.megabytes < PEAK_MEGABYTES
        assert 0 < self.seconds < CPU_SECONDS


@dataclass(frozen=True)
class MeasuringProcess:
    """The small process."""

    process: subprocess.Popen[bytes]

    def read(self, path: Path, limits: SpreadsheetLimits | None = None) -> MeasuredReading:
        """Reads a file by processes of its own, with the default limits unless others are given."""
        assert self.process.stdin
        assert self.process.stdout
        limits = limits or SpreadsheetLimits()
        self.process.stdin.write(orjson.dumps([str(path), asdict(limits)]) + b"\n")
        self.process.stdin.flush()
        return MeasuredReading(**orjson.loads(self.process.stdout.readline()))


@contextmanager
def measuring_process() -> Iterator[MeasuringProcess]:
    """Runs the small process, and ends it afterwards."""
    command = [sys.executable, "-m", "tests.support.measured_reading"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield MeasuringProcess(process)
    assert process.returncode == 0


async def read(path: Path, limits: SpreadsheetLimits) -> MeasuredReading:
    """Returns the outcome of a reading."""
    try:
        sheet = await SpreadsheetReader().read(path, limits)
    except SpreadsheetRejected as rejected:
        return MeasuredReading(rejection=rejected.code, message=str(rejected))
    errors = [[error.row, error.code] for error in sheet.errors]
    return MeasuredReading(rows_read=sheet.rows_read, errors=errors)


def answer(path: str, limits: dict[str, Any]) -> None:
    """Prints the outcome and what the children of this process took."""
    outcome = asdict(asyncio.run(read(Path(path), SpreadsheetLimits(**limits))))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome["megabytes"] = usage.ru_maxrss // 1_024
    outcome["seconds"] = usage.ru_utime + usage.ru_stime
    sys.stdout.buffer.write(orjson.dumps(outcome) + b"\n")
    sys.stdout.flush()


def main() -> None:
    """Answers each line of the standard input by a process of its own: only those have children."""
    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            answer(*orjson.loads(line))
            os._exit(0)
        if os.waitpid(child, 0)[1]:
            sys.exit(1)


if __name__ == "__main__":
    main()
