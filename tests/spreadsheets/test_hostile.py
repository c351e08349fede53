"""Files made to do harm: each ends as a clear rejection, or is read right, within bounds of memory and time."""

import asyncio
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from settings import ROOT
from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import SpreadsheetLimits
from tests.support.odd_files import BOUNDED, FAR, READ
from tests.support.rejected_files import REJECTED
from tests.support.waiting import TIMEOUT_SECONDS

PEAK_MEGABYTES = 300


# A new process counts its parent's memory as its own peak, so a small one stands between.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[2:], input=sys.argv[1].encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
assert done.stdout.strip(), "Nothing was read."
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_maxrss, usage.ru_utime + usage.ru_stime)
"""


CPU_SECONDS = 5.0


SLOW_MACHINE = SpreadsheetLimits(
    file_bytes=20_000_000, cpu_seconds=60, wall_seconds=TIMEOUT_SECONDS
)
"""Limits that reject a file for what is in it, and not for how long a busy machine takes."""


TOO_SHORT = SpreadsheetLimits(
    file_bytes=20_000_000, cpu_seconds=1, wall_seconds=TIMEOUT_SECONDS
)
"""Limits that reject a file for the work that it makes."""


def bounds_of(path: Path) -> tuple[int, float]:
    """Reads a file by itself and returns the peak memory in megabytes and the processor time in seconds."""
    line = orjson.dumps([str(path), asdict(SpreadsheetLimits())]).decode() + "\n"
    command = [
        sys.executable,
        "-c",
        MEASURE,
        line,
        sys.executable,
        "-m",
        "tasks.spreadsheets.child",
    ]
    measured = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return int(measured[0]) // 1024, float(measured[1])


@pytest.mark.parametrize("name", REJECTED)
async def test_a_hostile_file_is_rejected_within_bounds(name: str, tmp_path: Path) -> None:
    make, code, message = REJECTED[name]
    path = tmp_path / "upload"
    path.write_bytes(make())
    with pytest.raises(SpreadsheetRejected, match=message) as rejected:
        await SpreadsheetReader().read(
            path, TOO_SHORT if "takes more" in message else SLOW_MACHINE
        )
    assert rejected.value.code == code
    megabytes, seconds = await asyncio.to_thread(bounds_of, path)
    assert megabytes < PEAK_MEGABYTES
    assert seconds < CPU_SECONDS


@pytest.mark.parametrize("name", READ)
async def test_an_odd_file_is_read_within_bounds(name: str, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(READ[name]())
    assert (await SpreadsheetReader().read(path, SpreadsheetLimits())).rows_read == 1
    megabytes, seconds = await asyncio.to_thread(bounds_of, path)
    assert megabytes < PEAK_MEGABYTES
    assert seconds < CPU_SECONDS


async def outcome_of(path: Path) -> str:
    """Returns the number of rows, or the code of the rejection."""
    try:
        return (
            f"{(await SpreadsheetReader().read(path, SpreadsheetLimits())).rows_read} rows"
        )
    except SpreadsheetRejected as rejected:
        return rejected.code


@pytest.mark.parametrize("name", BOUNDED)
async def test_a_file_of_millions_of_parts_is_read_or_rejected_within_bounds(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(BOUNDED[name]())
    outcome = await outcome_of(path)
    assert outcome in ("1 rows", "FILE_TOO_LARGE")
    megabytes, seconds = await asyncio.to_thread(bounds_of, path)
    assert megabytes < PEAK_MEGABYTES
    assert seconds < CPU_SECONDS


@pytest.mark.parametrize("name", FAR)
async def test_a_far_cell_is_a_row_without_the_columns_that_count(
    name: str, tmp_path: Path
) -> None:
    make, row = FAR[name]
    path = tmp_path / "upload"
    path.write_bytes(make())
    sheet = await SpreadsheetReader().read(path, SpreadsheetLimits())
    assert [(error.row, error.code) for error in sheet.errors] == [
        (row, "INVALID_INPUT"),
        (row, "INVALID_QUANTITY"),
        (row, "INVALID_INPUT"),
    ]
    megabytes, seconds = await asyncio.to_thread(bounds_of, path)
    assert megabytes < PEAK_MEGABYTES
    assert seconds < CPU_SECONDS


async def test_a_file_over_the_limit_is_not_read_at_all(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"x" * 10_000_001)
    with pytest.raises(
        SpreadsheetRejected,
        match="The file has 10000001 bytes; at most 10000000 are allowed",
    ):
        await SpreadsheetReader().read(path, SpreadsheetLimits())
