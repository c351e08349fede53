"""The text of a cell in an OpenDocument sheet, as it is shown."""

import re

from tasks.spreadsheets.xml_reading import Attributes, attributes_by_local_name

MAXIMUM_SPACES = 32_767
_SPACES = re.compile(r"[ \t\r\n]+")
_BREAKS = {"tab": "\t", "line-break": "\n"}
_HIDDEN = frozenset(
    "note annotation ruby-text script hidden-text frame g custom-shape rect line polyline polygon "
    "regular-polygon path circle ellipse connector caption measure control scene".split()
)
"""Elements in a text that show nothing in it: notes, readings and drawings. Fields show text."""


class ShownText:
    """Collects the paragraphs of a cell; notes, drawings and readings within it are left out."""

    def __init__(self) -> None:
        self._paragraphs: list[str] = []
        self._pieces: list[str] | None = None
        self.depth = 0
        self._hidden_from = 0

    def start(self, local: str, attributes: Attributes) -> None:
        """Takes the beginning of an element within a cell."""
        self.depth += 1
        if self._hidden_from:
            return
        if self._pieces is None:
            self._begin(local)
        elif local == "s":
            count = attributes_by_local_name(attributes).get("c", "1")
            is_count = count.isascii() and count.isdigit() and len(count) < 6
            # Characters that XML cannot hold stand for white space that must not be collapsed.
            self._pieces.append("\0" * min(int(count) if is_count else 1, MAXIMUM_SPACES))
        elif local in _BREAKS:
            self._pieces.append({"tab": "\1", "line-break": "\2"}[local])
        elif local in _HIDDEN:
            self._hidden_from = self.depth

    def _begin(self, local: str) -> None:
        if local == "p" and self.depth == 1:
            self._pieces = []
        else:
            self._hidden_from = self.depth

    def text(self, text: str) -> None:
        """Takes a piece of text."""
        if self._pieces is not None and not self._hidden_from:
            self._pieces.append(text)

    def end(self) -> None:
        """Takes the end of an element within a cell."""
        if self._hidden_from == self.depth:
            self._hidden_from = 0
        self.depth -= 1
        if self.depth == 0 and self._pieces is not None:
            self._paragraphs.append(_collapse_spaces("".join(self._pieces)))
            self._pieces = None

    def take(self) -> str | None:
        """Returns the text, None when the cell has no paragraph; begins with the next cell."""
        text = "\n".join(self._paragraphs) if self._paragraphs else None
        self._paragraphs.clear()
        return text


def _collapse_spaces(text: str) -> str:
    """Collapses white space as OpenDocument prescribes; spaces that count are elements there."""
    collapsed = _SPACES.sub(" ", text).strip(" ")
    return collapsed.replace("\0", " ").replace("\1", "\t").replace("\2", "\n")
