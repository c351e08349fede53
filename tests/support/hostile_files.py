"""Pieces of spreadsheets that do harm."""

import io
import zipfile
from collections.abc import Callable

import xlwt

from tests.support import sheets

SMALL = sheets.xlsx([["SKU01", 1, "ERP01"]])


def repacked(part: str, change: Callable[[bytes], bytes], content: bytes = SMALL) -> bytes:
    """Returns an xlsx file, by default a small one, with one part changed."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            read = old.read(entry)
            new.writestr(entry.filename, change(read) if entry.filename == part else read)
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
