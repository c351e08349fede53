"""Reading XML as a stream of elements without their prefixes; declarations are rejected."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias
from xml.parsers import expat

from tasks.spreadsheets.rejection import SAVE_AGAIN, damage_rejection, format_rejection

Attributes: TypeAlias = dict[str, str]
Start: TypeAlias = Callable[[str, Attributes], None]
End: TypeAlias = Callable[[str], None]


class LocalNames(dict[str, str]):
    """Names without their prefixes, each found out once."""

    def __missing__(self, name: str) -> str:
        local = name.rpartition(":")[2]
        self[name] = local
        return local


_WHOLE_NUMBER = re.compile(r"[ \t\r\n]*\+?0*([0-9]{1,9})[ \t\r\n]*")


def whole_number_from_xml(text: str) -> int | None:
    """Returns a number of up to nine digits in any form that XML allows; None for other texts."""
    match = _WHOLE_NUMBER.fullmatch(text)
    return int(match[1]) if match else None


def attributes_by_local_name(attributes: Attributes) -> Attributes:
    """Returns attributes without the prefixes of their names."""
    return {name.rpartition(":")[2]: value for name, value in attributes.items()}


class XmlReader:
    """Feeds a handler with the elements of a part; `text` receives the text within elements."""

    def __init__(self, start: Start, end: End, text: Callable[[str], object]) -> None:
        self._parser = expat.ParserCreate()
        # Otherwise expat passes a text on in many pieces.
        self._parser.buffer_text = True
        self._parser.StartElementHandler = start
        self._parser.EndElementHandler = end
        self._parser.CharacterDataHandler = text
        self._parser.StartDoctypeDeclHandler = _reject_declaration

    def read(self, pieces: Iterable[bytes], part: str) -> Iterator[None]:
        """Reads piece after piece; raises SpreadsheetRejected where the part is not XML."""
        try:
            for piece in self._join_long(pieces):
                self._parser.Parse(piece, False)
                yield
            self._parser.Parse(b"", True)
        except (expat.ExpatError, UnicodeError, LookupError):
            line = self._parser.CurrentLineNumber
            raise damage_rejection(f"line {line} of its part {part!r} is not XML") from None
        yield

    def _join_long(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yields pieces, joined while the parser is within a long text, name or comment.

        Older releases of expat read such a one anew from its beginning with each piece.
        """
        waiting: list[bytes] = []
        length = total = needed = 0
        for piece in pieces:
            waiting.append(piece)
            length += len(piece)
            if length >= needed:
                yield b"".join(waiting)
                total, length = total + length, 0
                waiting.clear()
                # As much again as is read anew, so that all of it is read a few times at most.
                needed = total - self._parser.CurrentByteIndex
        if waiting:
            yield b"".join(waiting)


def _reject_declaration(*_: Any) -> None:
    # Entities may refer to each other and expand to gigabytes.
    message = "The file declares XML entities, which no spreadsheet program writes."
    raise format_rejection(f"{message} {SAVE_AGAIN}")


def ignore(_: str) -> None:
    """Takes an event that does not matter."""


def read_elements(
    pieces: Iterable[bytes], part: str, start: Start, end: End = ignore
) -> None:
    """Calls `start` and `end` with the local names of the elements of a part."""
    names = LocalNames()
    reader = XmlReader(
        lambda name, attributes: start(names[name], attributes),
        lambda name: end(names[name]),
        ignore,
    )
    for _ in reader.read(pieces, part):
        pass
