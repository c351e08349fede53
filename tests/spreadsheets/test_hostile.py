"""Files made to do harm: each ends as a clear rejection, or is read right, within bounds of memory and time."""

import asyncio
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest
import xlwt

from settings import ROOT
from tasks.spreadsheets.reading import SpreadsheetReader
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.sheet import SpreadsheetLimits
from tests.support import ods, sheets
from tests.support.waiting import TIMEOUT_SECONDS, eventually

_ours: set[Path] = set()
"""The processes of this one that were seen to read files; one whose parent has died is still found."""

SMALL = sheets.xlsx([["SKU01", 1, "ERP01"]])
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


def repacked(part: str, change: Callable[[bytes], bytes]) -> bytes:
    """Returns a small xlsx file with one part changed."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(SMALL)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(
                entry.filename, change(content) if entry.filename == part else content
            )
    return target.getvalue()


def with_sheet(old: bytes, new: bytes) -> bytes:
    """Returns a small xlsx file with a piece of its sheet replaced."""
    return repacked("xl/worksheets/sheet1.xml", lambda content: content.replace(old, new))


def far_xls() -> bytes:
    """Returns an xls file whose second cell is as far away as can be."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("a")
    for column, name in enumerate(sheets.HEADER):
        sheet.write(0, column, name)
    sheet.write(65_535, 255, "x")
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def renamed_stream(name: str) -> bytes:
    """Returns an xls file whose stream has another name."""
    old, new = ("Workbook".encode("utf-16-le"), name.encode("utf-16-le"))
    content = sheets.xls([["A", 1, "B"]] * 100)
    at = content.index(old)
    named = content[:at] + new + content[at + len(new) :]
    return named[: at + 64] + (len(new) + 2).to_bytes(2, "little") + named[at + 66 :]


def endless_chain() -> bytes:
    """Returns an xls file whose table of sectors leads each sector to the first."""
    content = sheets.xls([["A", 1, "B"]] * 1_000)
    table = 512 * (int.from_bytes(content[76:80], "little") + 1)
    return content[:table] + bytes(512) + content[table + 512 :]


def with_encrypted_entries() -> bytes:
    """Returns an xlsx file whose list of parts says that they are encrypted."""
    content = bytearray(SMALL)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 4)
    return bytes(content)


def with_many_parts() -> bytes:
    """Returns a small xlsx file with thirty thousand parts that an import does not need."""
    target = io.BytesIO(SMALL)
    with zipfile.ZipFile(target, "a") as opened:
        for number in range(30_000):
            opened.writestr(f"x/{number}", b"")
    return target.getvalue()


def cells_in_a_row(number: int) -> bytes:
    """Returns a small xlsx file with a row of that many empty cells."""
    return with_sheet(b"</sheetData>", b"<row>" + b"<c/>" * number + b"</row></sheetData>")


def archive(**parts: bytes) -> bytes:
    """Returns a zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, content in parts.items():
            made.writestr(name.replace("_", "/"), content)
    return target.getvalue()


ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet/>'

# What is made, the code, and what the message says.
Rejected: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "nothing": (lambda: b"", "FILE_UNREADABLE", "it holds nothing"),
    "HTML called xls": (
        lambda: b"<html><table></table></html>",
        "FILE_UNREADABLE",
        "an HTML page",
    ),
    "XML": (
        lambda: b'<?xml version="1.0"?><Workbook/>',
        "FILE_UNREADABLE",
        "an XML document",
    ),
    "PDF": (lambda: b"%PDF-1.7", "FILE_UNREADABLE", "a PDF document"),
    "a picture": (lambda: b"\x89PNG\r\n", "FILE_UNREADABLE", "a picture"),
    "noise": (
        lambda: bytes(range(128, 160)) * 100,
        "FILE_UNREADABLE",
        "neither a spreadsheet nor text",
    ),
    "a text document": (
        lambda: archive(word_document=b""),
        "FILE_UNREADABLE",
        "zip archive of other files",
    ),
    "truncated xls": (
        lambda: sheets.xls([["A", 1, "B"]] * 5_000)[:100_000],
        "FILE_UNREADABLE",
        "The file is damaged",
    ),
    "truncated xlsx": (lambda: SMALL[:-500], "FILE_UNREADABLE", "The file is damaged"),
    "xls of noise": (
        lambda: sheets.xls([])[:512] + b"\x81" * 10_000,
        "FILE_UNREADABLE",
        "The file is damaged",
    ),
    "xls without its streams": (
        lambda: renamed_stream("Worksheet"),
        "FILE_UNREADABLE",
        "it holds no workbook",
    ),
    "a text document of old": (
        lambda: renamed_stream("WordDocument"),
        "FILE_UNREADABLE",
        "it holds a text document",
    ),
    "encrypted": (
        lambda: renamed_stream("EncryptedPackage"),
        "FILE_UNREADABLE",
        "save it without a password",
    ),
    "zip entries that are encrypted": (
        with_encrypted_entries,
        "FILE_UNREADABLE",
        "save it without a password",
    ),
    "an encrypted ods": (
        lambda: ods.repacked(
            ods.book([]), "META-INF/manifest.xml", lambda x: x + b"<!--encryption-data-->"
        ),
        "FILE_UNREADABLE",
        "save it without a password",
    ),
    "ods with entities": (
        lambda: ods.repacked(ods.book([]), "content.xml", lambda _: ENTITY),
        "FILE_UNREADABLE",
        "declares XML entities",
    ),
    "a filled row of ods repeated without end": (
        lambda: ods.book([["A", "1", "B"]], row='table:number-rows-repeated="500000"'),
        "FILE_TOO_LARGE",
        "more than 65536 rows",
    ),
    "a filled cell of ods repeated without end": (
        lambda: ods.book([["A", "1", "B"]], cell='table:number-columns-repeated="16384"'),
        "FILE_TOO_LARGE",
        "Row 1 has 16384 cells that hold something; at most 256",
    ),
    "100 MB of ods zipped": (
        lambda: ods.repacked(ods.book([]), "content.xml", lambda x: x + b" " * 100_000_000),
        "FILE_TOO_LARGE",
        "bytes when unpacked; at most 60000000",
    ),
    "a chain of sectors that comes round again": (
        endless_chain,
        "FILE_UNREADABLE",
        "The file is damaged",
    ),
    "entities": (
        lambda: repacked("xl/worksheets/sheet1.xml", lambda _: ENTITY),
        "FILE_UNREADABLE",
        "declares XML entities",
    ),
    "entities after a long comment": (
        lambda: repacked(
            "xl/worksheets/sheet1.xml",
            lambda _: b"<!--" + b" " * 2_000_000 + b"-->" + ENTITY[21:],
        ),
        "FILE_UNREADABLE",
        "declares XML entities",
    ),
    "entities in UTF-16": (
        lambda: repacked(
            "xl/worksheets/sheet1.xml", lambda _: ENTITY.decode().encode("utf-16")
        ),
        "FILE_UNREADABLE",
        "declares XML entities",
    ),
    "300 filled cells in a row": (
        lambda: with_sheet(
            b"</sheetData>",
            b'<row r="9">' + b"<c><v>1</v></c>" * 300 + b"</row></sheetData>",
        ),
        "FILE_TOO_LARGE",
        "Row 9 has 300 cells that hold something; at most 256 are allowed",
    ),
    "70,000 filled rows": (
        lambda: with_sheet(
            b"</sheetData>", b"<row><c><v>1</v></c></row>" * 70_000 + b"</sheetData>"
        ),
        "FILE_TOO_LARGE",
        "more than 65536 rows",
    ),
    "100 MB zipped": (
        lambda: with_sheet(b"</sheetData>", b" " * 100_000_000 + b"</sheetData>"),
        "FILE_TOO_LARGE",
        "bytes when unpacked; at most 60000000",
    ),
    "a million rows, csv": (
        lambda: sheets.csv([["A", 1, "B"]] * 1_000_000),
        "FILE_TOO_LARGE",
        "more than 65536 rows",
    ),
    "a long cell, csv": (
        lambda: sheets.csv([["x" * 40_000, 1, "B"]]),
        "FILE_TOO_LARGE",
        "more than 32767 characters",
    ),
    "a quote that never ends": (
        lambda: sheets.csv([['"x', 1, "B"]]),
        "FILE_UNREADABLE",
        "opened in line 2, column A",
    ),
}


def with_macros() -> bytes:
    """Returns a small xlsx file with a project of macros in it."""
    target = io.BytesIO(SMALL)
    with zipfile.ZipFile(target, "a") as opened:
        opened.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" * 1_000)
    return target.getvalue()


READ: dict[str, Callable[[], bytes]] = {
    "macros": with_macros,
    "a merged range over the sheet": lambda: with_sheet(
        b"</sheetData>",
        b'</sheetData><mergeCells count="1"><mergeCell ref="A4:XFD1048576"/></mergeCells>',
    ),
    "a million empty rows": lambda: with_sheet(
        b"</sheetData>", b"<row/>" * 1_000_000 + b"</sheetData>"
    ),
    "many styles": lambda: repacked(
        "xl/styles.xml",
        lambda x: x.replace(b"</cellXfs>", b"<xf/>" * 600_000 + b"</cellXfs>"),
    ),
    "thirty thousand parts": with_many_parts,
    "a million empty rows and columns of ods": lambda: ods.book(
        [["A", "1", "B"]],
        before='<table:table-row table:number-rows-repeated="500000"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>',
    ),
    "deep XML of ods": lambda: ods.book(
        [["A", "1", "B"]], before="<a>" * 200_000 + "</a>" * 200_000
    ),
    "a size that is a lie": lambda: with_sheet(
        b'<dimension ref="A1:C2"/>', b'<dimension ref="A1:XFD1048576"/>'
    ),
    "deep XML": lambda: with_sheet(
        b"<sheetData>", b"<a>" * 300_000 + b"</a>" * 300_000 + b"<sheetData>"
    ),
}


# How far a quick machine comes within the limit of processor time is its own affair.
BOUNDED: dict[str, Callable[[], bytes]] = {
    "millions of cells in a row": lambda: cells_in_a_row(6_000_000),
    "millions of texts": lambda: repacked(
        "xl/sharedStrings.xml",
        lambda x: x.replace(b"</sst>", b"<si><t/></si>" * 2_000_000 + b"</sst>"),
    ),
    "many thousands of merged cells": lambda: with_sheet(
        b"</sheetData>",
        b"</sheetData><mergeCells>"
        + b'<mergeCell ref="A4:XFD1048576"/>' * 600_000
        + b"</mergeCells>",
    ),
}


FAR: dict[str, tuple[Callable[[], bytes], int]] = {
    "a far cell, xls": (far_xls, 65_536),
    "a far cell, xlsx": (
        lambda: with_sheet(
            b"</sheetData>",
            b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>',
        ),
        1_048_576,
    ),
    "a wide row": (
        lambda: with_sheet(
            b"</sheetData>", b'<row r="9"><c r="XFD9"><v>1</v></c></row></sheetData>'
        ),
        9,
    ),
}


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


@pytest.mark.parametrize("name", Rejected)
async def test_a_hostile_file_is_rejected_within_bounds(name: str, tmp_path: Path) -> None:
    make, code, message = Rejected[name]
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
