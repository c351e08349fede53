"""The areas of an xlsx sheet where a condition may show numbers in another format."""

from collections.abc import Collection, Iterable, Iterator

from tasks.spreadsheets.cells import MergedCells
from tasks.spreadsheets.xlsx_sheet import MAXIMUM_COLUMN, MAXIMUM_ROW, parse_merged_cells
from tasks.spreadsheets.xml_reading import Attributes, read_elements, whole_number_from_xml

WHOLE_SHEET = MergedCells(1, MAXIMUM_ROW, 0, MAXIMUM_COLUMN - 1)


def read_conditional_areas(
    pieces: Iterable[bytes], part: str, formats: Collection[int]
) -> list[MergedCells]:
    """Returns the areas of the rules that use one of these differential formats."""
    areas: list[MergedCells] = []
    references = ""

    def start(name: str, attributes: Attributes) -> None:
        nonlocal references
        if name == "conditionalFormatting":
            references = attributes.get("sqref", "")
        elif name == "cfRule":
            if whole_number_from_xml(attributes.get("dxfId", "")) in formats:
                areas.extend(_parse_areas(references))

    read_elements(pieces, part, start)
    return areas


def _parse_areas(references: str) -> Iterator[MergedCells]:
    """Yields the areas of a list of references; the whole sheet for one in another form."""
    for reference in references.split():
        first, _, last = reference.partition(":")
        yield from list(parse_merged_cells(f"{first}:{last or first}")) or [WHOLE_SHEET]
