"""Reading a spreadsheet with the default limits, once, for its outcome and for what it takes.

A new process counts its parent's memory as its own peak, so this module, run as a program, is the
small process that stands between a test and the process that reads.
"""

import asyncio
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from settings import ROOT
from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.rejection import SpreadsheetRejected

PEAK_MEGABYTES = 300
CPU_SECONDS = 5.0


@dataclass(frozen=True)
class MeasuredReading:
    """The outcome of a reading, its peak memory in megabytes and its processor time in seconds."""

    rejection: str = ""
    rows_read: int = 0
    errors: list[list[Any]] = field(default_factory=list)
    megabytes: int = 0
    seconds: float = 0

    def check_bounds(self) -> None:
        """Raises AssertionError when the reading took too much."""
        assert 0 < self.megabytes < PEAK_MEGABYTES
        assert 0 < self.seconds < CPU_SECONDS


def measure_reading(path: Path) -> MeasuredReading:
    """Reads a file by processes of its own."""
    command = [sys.executable, "-m", "tests.support.measured_reading", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return MeasuredReading(**orjson.loads(done.stdout))


async def read(path: Path) -> MeasuredReading:
    """Returns the outcome of a reading."""
    try:
        sheet = await SpreadsheetReader().read(path)
    except SpreadsheetRejected as rejected:
        return MeasuredReading(rejection=rejected.code)
    errors = [[error.row, error.code] for error in sheet.errors]
    return MeasuredReading(rows_read=sheet.rows_read, errors=errors)


def main() -> None:
    """Prints the outcome and what the children of this process took."""
    outcome = asdict(asyncio.run(read(Path(sys.argv[1]))))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    outcome["megabytes"] = usage.ru_maxrss // 1_024
    outcome["seconds"] = usage.ru_utime + usage.ru_stime
    print(orjson.dumps(outcome).decode())  # noqa: T201


if __name__ == "__main__":
    main()
