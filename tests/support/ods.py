"""OpenDocument spreadsheets, written as LibreOffice writes them, for the tests."""

import io
import zipfile
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

from tests.support.sheets import HEADER

MIME = "application/vnd.oasis.opendocument.spreadsheet"
_SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("table", "table"),
        ("text", "text"),
        ("style", "style"),
        ("manifest", "manifest"),
    )
)
_CALC = (
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
)


def text_cell(text: str, attributes: str = "") -> str:
    """Writes a cell that holds a text."""
    return cell(
        f'office:value-type="string" {attributes}', f"<text:p>{escape(text)}</text:p>"
    )


def number_cell(value: float, shown: str, kind: str = "float") -> str:
    """Writes a cell that holds a number, and the text that it shows."""
    kinds = f'office:value-type="{kind}" office:value="{value}"'
    return cell(kinds, f"<text:p>{escape(shown)}</text:p>")


def cell(attributes: str, content: str = "") -> str:
    """Writes a cell."""
    return f"<table:table-cell {attributes}>{content}</table:table-cell>"


def table(rows: Sequence[Sequence[str]], name: str = "basket", style: str = "ta1") -> str:
    """Writes a sheet of cells that are written already."""
    lines = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in rows)
    return (
        f'<table:table table:name="{name}" table:style-name="{style}">{lines}</table:table>'
    )


def document(tables: str) -> bytes:
    """Returns a file with these sheets; those of the style `ta2` are hidden."""
    styles = "".join(
        f'<style:style style:name="{name}" style:family="table">'
        f'<style:table-properties table:display="{display}"/></style:style>'
        for name, display in (("ta1", "true"), ("ta2", "false"))
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES} {_CALC}>'
        f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>"
        f"<office:spreadsheet>{tables}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    manifest = f"<manifest:manifest {_SPACES}></manifest:manifest>"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mimetype", MIME, zipfile.ZIP_STORED)
        made.writestr("content.xml", content)
        made.writestr("META-INF/manifest.xml", manifest)
    return target.getvalue()


def book(
    rows: Sequence[Sequence[str]], *, row: str = "", cell: str = "", before: str = ""
) -> bytes:
    """Returns a file with the import's header and rows of texts; each row and first cell has attributes."""
    lines = []
    for texts in (HEADER, *rows):
        cells = [
            text_cell(text, cell if index == 0 else "") for index, text in enumerate(texts)
        ]
        lines.append(f"<table:table-row {row}>{''.join(cells)}</table:table-row>")
    return document(
        f'<table:table table:name="a" table:style-name="ta1">{before}{"".join(lines)}</table:table>'
    )


def repacked(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """Returns a file with one part changed."""
    target = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            part_content = old.read(entry)
            is_changed = entry.filename == part
            new.writestr(
                entry.filename, change(part_content) if is_changed else part_content
            )
    return target.getvalue()
