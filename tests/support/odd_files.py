"""Files that are odd, enormous or far, and read within bounds."""

import io
import zipfile
from collections.abc import Callable

from tests.support import ods
from tests.support.hostile_files import (
    SMALL,
    cells_in_a_row,
    far_xls,
    repacked,
    with_many_parts,
    with_sheet,
)


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
