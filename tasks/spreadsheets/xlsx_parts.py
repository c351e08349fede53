"""The parts of an xlsx file that an import needs, found by relation: sheet, texts, formats."""

import posixpath
import re
from typing import NamedTuple

from tasks.spreadsheets.archive import Archive
from tasks.spreadsheets.number_format import (
    NumberFormat,
    find_built_in_code,
    parse_number_format,
)
from tasks.spreadsheets.rejection import (
    NO_VISIBLE_SHEET,
    damage_rejection,
    format_rejection,
)
from tasks.spreadsheets.xml_reading import (
    Attributes,
    LocalNames,
    XmlReader,
    attributes_by_local_name,
    read_elements,
    whole_number_from_xml,
)
from text import quote

WORKBOOK, SHARED_TEXTS = "xl/workbook.xml", "xl/sharedStrings.xml"
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SURROGATE = re.compile("[\ud800-\udfff]")


def unescape(text: str) -> str:
    """Returns a text of xlsx with its escapes resolved, once: _x005F_x0041_ stands for _x0041_."""
    if "_x" not in text:
        return text
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return join_surrogates(text)


def join_surrogates(text: str) -> str:
    """Joins the halves of characters beyond U+FFFF."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


class Relation(NamedTuple):
    """A part that another part refers to, and the type of the reference."""

    type: str
    target: str


def read_relations(archive: Archive, part: str) -> dict[str, Relation]:
    """Returns the relations of a part, by id; none where the archive lists none."""
    folder, name = posixpath.split(part)
    listing = posixpath.join(folder, "_rels", f"{name}.rels")
    relations: dict[str, Relation] = {}

    def start(name: str, attributes: Attributes) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            relation_type = attributes.get("Type", "").rpartition("/")[2]
            target = attributes.get("Target", "").replace("\\", "/")
            path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            relations[attributes.get("Id", "")] = Relation(relation_type, path)

    if listing in archive:
        read_elements(archive.pieces(listing), listing, start)
    return relations


def _find_related(relations: dict[str, Relation], relation_type: str) -> str | None:
    targets = (
        relation.target for relation in relations.values() if relation.type == relation_type
    )
    return next(targets, None)


class WorkbookParts(NamedTuple):
    """Names of the parts: the first visible sheet, and texts and formats where there are any."""

    sheet: str
    texts: str | None
    styles: str | None


def find_workbook(archive: Archive) -> str:
    """Returns the name of the part that lists the sheets."""
    related = _find_related(read_relations(archive, ""), "officeDocument")
    return related if related and related in archive else WORKBOOK


def find_workbook_parts(archive: Archive, workbook: str) -> WorkbookParts:
    """Returns the parts to read; raises SpreadsheetRejected without a visible sheet."""
    relations = read_relations(archive, workbook)
    sheets: list[str] = []
    missing: list[str] = []

    def start(name: str, attributes: Attributes) -> None:
        attributes = attributes_by_local_name(attributes)
        if name != "sheet" or attributes.get("state") in ("hidden", "veryHidden"):
            return
        relation = relations.get(attributes.get("id", ""))
        if relation is None:
            missing.append(attributes.get("name", ""))
        elif relation.type == "worksheet":
            sheets.append(relation.target)

    read_elements(archive.pieces(workbook), workbook, start)
    if not sheets and missing:
        raise damage_rejection(f"it lacks the part of the sheet {quote(missing[0])}")
    if not sheets:
        raise format_rejection(NO_VISIBLE_SHEET)
    texts, styles = (
        _find_related(relations, "sharedStrings"),
        _find_related(relations, "styles"),
    )
    # Some writers leave the relation out; Excel finds the part by its usual name.
    if texts is None and SHARED_TEXTS in archive:
        texts = SHARED_TEXTS
    return WorkbookParts(sheets[0], texts, styles if styles and styles in archive else None)


class WorkbookFormats(NamedTuple):
    """The number format of each cell format, None for General, and those of conditions.

    `conditional` has the codes of those differential formats that have one, by their indexes.
    """

    cells: list[NumberFormat | None]
    conditional: dict[int, str]


def read_formats(archive: Archive, part: str) -> WorkbookFormats:
    """Returns the number formats of a workbook."""
    codes: dict[int, str] = {}
    numbers: list[int] = []
    conditional: dict[int, str] = {}
    section, differential = "", -1

    def start(name: str, attributes: Attributes) -> None:
        nonlocal section, differential
        number = whole_number_from_xml(attributes.get("numFmtId", "0")) or 0
        if name in ("numFmts", "cellXfs", "dxfs"):
            section = name
        elif name == "dxf" and section == "dxfs":
            differential += 1
        elif name == "numFmt" and section == "dxfs":
            code = attributes.get("formatCode", find_built_in_code(number))
            conditional[differential] = code
        elif name == "xf" and section == "cellXfs":
            numbers.append(number)
        elif name == "numFmt" and section == "numFmts":
            # Of two with one number the last counts, as in other programs.
            codes[number] = attributes.get("formatCode", "")

    def end(name: str) -> None:
        nonlocal section
        if name == section:
            section = ""

    read_elements(archive.pieces(part), part, start, end)
    cells = [
        parse_number_format(codes.get(number) or find_built_in_code(number))
        for number in numbers
    ]
    return WorkbookFormats(cells, conditional)


class TextCollector:
    """Collects the text of a cell from its runs, without the readings above characters.

    `pieces` takes all texts of a part; the beginning of an element clears it.
    """

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._runs: list[str] = []
        self._readings = 0

    def start(self, local: str) -> None:
        """Takes the beginning of an element `t` or `rPh`."""
        self.pieces.clear()
        self._readings += local == "rPh"

    def end(self, local: str) -> None:
        """Takes the end of an element `t` or `rPh`."""
        if local == "rPh":
            self._readings -= 1
        elif not self._readings:
            self._runs.append(unescape("".join(self.pieces)))

    def take(self) -> str:
        """Returns the text of the cell, and begins with the next one."""
        text = "".join(self._runs)
        self._runs.clear()
        return text


def read_shared_texts(archive: Archive, part: str) -> list[str]:
    """Returns the texts that cells of a workbook share, in their order."""
    names, collector = LocalNames(), TextCollector()
    texts: list[str] = []

    def start(name: str, _: Attributes) -> None:
        if (local := names[name]) in ("t", "rPh"):
            collector.start(local)

    def end(name: str) -> None:
        local = names[name]
        if local == "si":
            texts.append(collector.take())
        elif local in ("t", "rPh"):
            collector.end(local)

    for _ in XmlReader(start, end, collector.pieces.append).read(
        archive.pieces(part), part
    ):
        pass
    return texts


def find_shared_text(texts: list[str], index: str) -> str:
    """Returns a shared text; raises SpreadsheetRejected where there is none."""
    position = whole_number_from_xml(index)
    if position is not None and position < len(texts):
        return texts[position]
    raise damage_rejection(f"a cell names the shared text {index[:20]!r}, which it lacks")
