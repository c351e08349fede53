"""The compound documents that xls files are: streams by name, read as tolerantly as Excel does.

xlrd's own reading gives up on files whose tables of sectors contradict each other in places that
nobody needs; this one follows the chain of the wanted stream and looks at nothing else.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tasks.spreadsheets.rejection import damage_rejection

SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEADER = struct.Struct("<30xHH14xI4xII4xI")
_HEADER_BYTES = 512
_ENTRY_BYTES = 128
_ROOT, _STREAM = 5, 2
_LAST_SECTOR = 0xFFFFFFFA
"""The numbers above are marks: end of a chain, free, table."""


class _Entry(NamedTuple):
    name: str
    type: int
    start: int
    size: int


class CompoundDocument:
    """The streams of a compound document; raises SpreadsheetRejected for a broken header."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        if len(content) < _HEADER_BYTES:
            raise damage_rejection("it ends within its header")
        header = _HEADER.unpack_from(content)
        shift, mini_shift, directory, cutoff, mini_table, more = header
        if shift not in (9, 12) or not 1 <= mini_shift < shift:
            raise damage_rejection("its header gives an impossible size of sectors")
        self._sector = 1 << shift
        self._mini_sector = 1 << mini_shift
        self._cutoff = cutoff
        self._table = self._sector_table(more)
        self._entries = list(self._read_entries(self._chain(directory)))
        self._mini_table = _unpack_numbers(self._chain(mini_table))
        root = next((entry for entry in self._entries if entry.type == _ROOT), None)
        self._mini_stream = self._chain(root.start) if root else b""

    def names(self) -> set[str]:
        """Returns the names of all streams, in lower case."""
        return {entry.name.lower() for entry in self._entries if entry.type == _STREAM}

    def stream(self, name: str) -> bytes:
        """Returns the content of the first stream with this name."""
        entries = (entry for entry in self._entries if entry.type == _STREAM)
        entry = next(entry for entry in entries if entry.name.lower() == name)
        if entry.size < self._cutoff:
            content = _join_sectors(
                self._mini_stream, self._mini_table, entry.start, self._mini_sector, 0
            )
        else:
            content = self._chain(entry.start)
        if len(content) < entry.size:
            raise damage_rejection("its end is missing")
        return content[: entry.size]

    def _chain(self, start: int) -> bytes:
        return _join_sectors(self._content, self._table, start, self._sector, self._sector)

    def _sector_table(self, more: int) -> list[int]:
        """Reads the table of sectors, whose own sectors the header and a chain behind it list."""
        # The header has room for the first 109 sectors of the table.
        sectors = _unpack_numbers(self._content[76:_HEADER_BYTES])
        seen: set[int] = set()
        while more < _LAST_SECTOR and more not in seen:
            seen.add(more)
            *listed, more = _unpack_numbers(self._at(more)) or [_LAST_SECTOR]
            sectors += listed
        content = b"".join(self._at(sector) for sector in sectors if sector < _LAST_SECTOR)
        return _unpack_numbers(content[: 4 * (len(self._content) // self._sector + 1)])

    def _at(self, sector: int) -> bytes:
        first = (sector + 1) * self._sector
        return self._content[first : first + self._sector]

    def _read_entries(self, directory: bytes) -> Iterator[_Entry]:
        for first in range(0, len(directory) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            entry = directory[first : first + _ENTRY_BYTES]
            length = min(struct.unpack_from("<H", entry, 64)[0], 64)
            # The length includes the NUL at the end of the name.
            name = entry[: max(length - 2, 0)].decode("utf-16-le", "replace")
            start, size = struct.unpack_from("<II", entry, 116)
            yield _Entry(name, entry[66], start, size)


def _unpack_numbers(content: bytes) -> list[int]:
    count = len(content) // 4
    return list(struct.unpack(f"<{count}I", content[: 4 * count]))


def _join_sectors(
    content: bytes, table: list[int], start: int, size: int, offset: int
) -> bytes:
    """Joins the sectors of a chain, until it ends, leaves the file or comes round again."""
    pieces: list[bytes] = []
    sector = start
    # A chain longer than the table is a circle.
    for _ in range(len(table) + 1):
        first = sector * size + offset
        if sector >= _LAST_SECTOR or first >= len(content):
            break
        pieces.append(content[first : first + size])
        if sector >= len(table):
            break
        sector = table[sector]
    return b"".join(pieces)
