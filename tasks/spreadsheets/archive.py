"""The zip archives that xlsx and ods files are: parts by name, unpacked within bounds."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from urllib.parse import unquote

from tasks.spreadsheets.rejection import (
    ENCRYPTED,
    SAVE_AGAIN,
    SEND_LESS,
    damage_rejection,
    format_rejection,
    size_rejection,
)

PIECE_BYTES = 65_536
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """The parts of an archive. Only parts that are read are looked at, and count for the limit."""

    def __init__(self, content: bytes, unpacked_bytes: int) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            raise damage_rejection(
                "its end is missing, or its list of parts is broken"
            ) from None
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._doubled: set[str] = set()
        for entry in self._zip.infolist():
            name = _normalize(entry.filename)
            # Programs disagree on which of two parts of one name counts.
            if self._entries.setdefault(name, entry) is not entry:
                self._doubled.add(name)
        self._counted: set[str] = set()
        self._limit = unpacked_bytes
        self._left = unpacked_bytes

    def __contains__(self, name: str) -> bool:
        return _normalize(name) in self._entries

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yields a part in pieces; raises SpreadsheetRejected if missing, broken or too large."""
        entry = self._entries.get(_normalize(name))
        if entry is None:
            raise damage_rejection(f"its part {name[:100]!r} is missing")
        if _normalize(name) in self._doubled:
            raise damage_rejection(f"it has two parts {name[:100]!r}")
        self._check(entry)
        try:
            with self._zip.open(entry) as opened:
                while piece := opened.read(PIECE_BYTES):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError):
            raise damage_rejection(f"its part {name[:100]!r} cannot be unpacked") from None

    def _check(self, entry: zipfile.ZipInfo) -> None:
        # The lowest bit marks an encrypted part.
        if entry.flag_bits & 1:
            raise format_rejection(ENCRYPTED)
        if entry.compress_type not in _METHODS:
            raise format_rejection(f"The file is packed by an unusual method. {SAVE_AGAIN}")
        # Reading a part stops at the size that it claims to have, so the claims are an upper bound.
        if entry.filename in self._counted:
            return
        self._counted.add(entry.filename)
        self._left -= entry.file_size
        if self._left < 0:
            size = self._limit - self._left
            raise size_rejection(
                f"The file has {size} bytes when unpacked; at most {self._limit} are allowed. "
                f"{SEND_LESS}"
            )


def _normalize(name: str) -> str:
    """Returns a name as all programs compare it: some write backslashes, or other letter case."""
    return unquote(name).replace("\\", "/").lstrip("/").casefold()
