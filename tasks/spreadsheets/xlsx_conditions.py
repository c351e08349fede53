"""The areas of an xlsx sheet where a condition may show cells otherwise than their own formats do.

A rule may name a number format of the workbook, or hold one of its own (Excel 2010 and later), or
show a bar or an icon in place of the number.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tasks.spreadsheets.cells import MergedCells
from tasks.spreadsheets.number_format import parse_number_format
from tasks.spreadsheets.xlsx_sheet import MAXIMUM_COLUMN, MAXIMUM_ROW, parse_merged_cells
from tasks.spreadsheets.xml_reading import (
    Attributes,
    LocalNames,
    XmlReader,
    whole_number_from_xml,
)

WHOLE_SHEET = MergedCells(1, MAXIMUM_ROW, 0, MAXIMUM_COLUMN - 1)
_RULE = b"cfRule"
_PICTURES = ("dataBar", "iconSet")
_FALSE = ("0", "false")


class ConditionalAreas(NamedTuple):
    """The areas where numbers, and those where texts too, may be shown in another format."""

    all: list[MergedCells]
    texts: list[MergedCells]


def has_conditions(pieces: Iterable[bytes]) -> bool:
    """Tells whether a sheet may have conditional formats, much faster than by reading it as XML."""
    tail: bytes | None = None
    for piece in pieces:
        # In another encoding the name is not found, and the sheet is read.
        if tail is None and b"\0" in piece[:4]:
            return True
        tail = (tail or b"") + piece
        if _RULE in tail:
            return True
        tail = tail[-len(_RULE) :]
    return False


def read_conditional_areas(
    pieces: Iterable[bytes], part: str, formats: Mapping[int, str]
) -> ConditionalAreas:
    """Returns the areas of rules with a number format; `formats` has those that rules may name."""
    conditions = _ConditionReader(formats)
    reader = XmlReader(conditions.start, conditions.end, conditions.text)
    for _ in reader.read(pieces, part):
        pass
    return conditions.areas


class _ConditionReader:
    """Takes the elements of a sheet and collects the areas of its rules."""

    def __init__(self, formats: Mapping[int, str]) -> None:
        self.areas = ConditionalAreas([], [])
        self._formats = formats
        self._names = LocalNames()
        self._is_within = False
        self._references: list[str] = []
        self._is_reference = False
        self._codes: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        """Takes the beginning of an element."""
        local = self._names[name]
        if local == "conditionalFormatting":
            self._is_within = True
            self._references, self._codes = [attributes.get("sqref", "")], []
        elif self._is_within:
            self._start_within(local, attributes)

    def _start_within(self, local: str, attributes: Attributes) -> None:
        if local == "cfRule":
            index = whole_number_from_xml(attributes.get("dxfId", ""))
            if index is not None and index in self._formats:
                self._codes.append(self._formats[index])
        elif local == "numFmt":
            self._codes.append(attributes.get("formatCode", ""))
        elif local in _PICTURES and attributes.get("showValue", "1").strip() in _FALSE:
            self._codes.append("")
        self._is_reference = local == "sqref"

    def text(self, text: str) -> None:
        """Takes a piece of text."""
        if self._is_reference:
            self._references.append(text)

    def end(self, name: str) -> None:
        """Takes the end of an element."""
        self._is_reference = False
        if self._names[name] != "conditionalFormatting":
            return
        self._is_within = False
        if self._codes:
            areas = list(_parse_areas("".join(self._references)))
            self.areas.all.extend(areas)
            if any(map(_changes_texts, self._codes)):
                self.areas.texts.extend(areas)


def _changes_texts(code: str) -> bool:
    format = parse_number_format(code)
    return format is not None and format.show_text("A") != "A"


def _parse_areas(references: str) -> Iterator[MergedCells]:
    """Yields the areas of a list of references; the whole sheet for one in another form."""
    for reference in references.split():
        first, _, last = reference.partition(":")
        yield from list(parse_merged_cells(f"{first}:{last or first}")) or [WHOLE_SHEET]
