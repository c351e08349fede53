"""Files that are rejected: what is made, the code, and what the message says."""

import io
import zipfile
from collections.abc import Callable

from tests.support import ods, sheets
from tests.support.hostile_files import (
    SMALL,
    archive,
    endless_chain,
    renamed_stream,
    repacked,
    with_encrypted_entries,
    with_sheet,
)

ENTITY = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet/>'


def office_archive(part: str) -> bytes:
    """Returns an archive of Office Open XML with this main part."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.writestr(part, b"<x/>")
        made.writestr(
            "_rels/.rels",
            f'<Relationships><Relationship Id="a" Type="x/officeDocument" Target="{part}"/>'
            "</Relationships>",
        )
    return target.getvalue()


# What is made, the code, and what the message says.
REJECTED: dict[str, tuple[Callable[[], bytes], str, str]] = {
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
    "a text document of today": (
        lambda: office_archive("word/document.xml"),
        "FILE_UNREADABLE",
        "it holds a text document. Save it as xlsx or csv.",
    ),
    "a presentation": (
        lambda: office_archive("ppt/presentation.xml"),
        "FILE_UNREADABLE",
        "it holds a presentation. Save it as xlsx or csv.",
    ),
    "a binary workbook": (
        lambda: office_archive("xl/workbook.bin"),
        "FILE_UNREADABLE",
        r"it holds a binary workbook \(xlsb\). Save it as xlsx or csv.",
    ),
    "a text document of OpenDocument": (
        lambda: ods.repacked(
            ods.book([]), "mimetype", lambda x: x.replace(b"spreadsheet", b"text")
        ),
        "FILE_UNREADABLE",
        "it holds another document than a sheet of OpenDocument",
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
        "it holds a text document. Save it as xlsx or csv.",
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
