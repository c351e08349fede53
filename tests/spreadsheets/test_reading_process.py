"""Processes that read files: killed in time, and ended with the server."""

import asyncio
import os
from pathlib import Path

import pytest

from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import SpreadsheetLimits
from tests.support import sheets
from tests.support.hostile_files import SMALL, cells_in_a_row
from tests.support.waiting import eventually

_ours: set[Path] = set()
"""The processes of this one that were seen to read files; one whose parent has died is still found."""


def is_reading(cmdline: Path) -> bool:
    """Whether a process reads files, and was started by this process or by one that it started."""
    try:
        if b"tasks.spreadsheets.child" not in cmdline.read_bytes():
            return False
        status = cmdline.with_name("stat").read_text()
    except OSError:
        return False
    parent = int(status.rpartition(")")[2].split()[1])
    return (
        parent == os.getpid()
        or cmdline in _ours
        or Path(f"/proc/{parent}/cmdline") in _ours
    )


def reading_now() -> set[Path]:
    """Returns the processes that read files, or wait for one."""
    everything = sorted(
        Path("/proc").glob("[0-9]*/cmdline"), key=lambda path: int(path.parent.name)
    )
    found = set()
    for cmdline in everything:
        if is_reading(cmdline):
            _ours.add(cmdline)
            found.add(cmdline)
    return found


async def test_a_reading_that_takes_too_long_is_killed_with_its_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "upload"
    path.write_bytes(sheets.xls([["SKU01", 1, "ERP01"]] * 60_000))
    before = reading_now()
    with pytest.raises(SpreadsheetRejected, match="takes more than"):
        await SpreadsheetReader().read(path, SpreadsheetLimits(wall_seconds=0.01))
    task = asyncio.create_task(
        SpreadsheetReader().read(path, SpreadsheetLimits(cpu_seconds=60, wall_seconds=60))
    )
    # The process that waits, and the one that reads.
    await eventually(
        lambda: len(reading_now() - before) == 2, "The start of the second process"
    )
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reading_now() - before == set()


async def test_the_process_that_waits_outlives_a_hostile_file_and_ends_with_the_server(
    tmp_path: Path,
) -> None:
    good, hostile = tmp_path / "good", tmp_path / "hostile"
    good.write_bytes(SMALL)
    hostile.write_bytes(cells_in_a_row(14_000_000))
    before = reading_now()
    reader = SpreadsheetReader()
    async with reader.open():
        assert (await reader.read(good, SpreadsheetLimits())).rows_read == 1
        waiting = reading_now() - before
        assert len(waiting) == 1
        with pytest.raises(SpreadsheetRejected, match="Reading the file takes more"):
            await reader.read(hostile, SpreadsheetLimits(cpu_seconds=1, wall_seconds=120))
        assert (await reader.read(good, SpreadsheetLimits())).rows_read == 1
        assert reading_now() - before == waiting
    assert reading_now() - before == set()
