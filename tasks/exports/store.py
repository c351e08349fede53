"""The folder of exported files, on any storage that fsspec knows. Its methods block: call them in a thread."""

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

CHUNK_BYTES = 256 * 1024


class ExportStore:
    """Files that appear whole: they are written under a temporary name and then moved."""

    def __init__(self, url: str) -> None:
        self._storage, self._root = url_to_fs(url)
        self._is_local = isinstance(self._storage, LocalFileSystem)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def write(self, name: str, write: Callable[[BinaryIO], int]) -> int:
        """Writes a file until it is safe on the storage, and returns what `write` returned."""
        self._storage.makedirs(self._root, exist_ok=True)
        with self._storage.open(self._path(name), "wb") as file:
            result = write(file)
            file.flush()
            if self._is_local:
                os.fsync(file.fileno())
        return result

    def publish(self, temporary: str, name: str) -> None:
        """Gives a written file its name; on a local folder in one step, and safe on the disk."""
        if not self._is_local:
            self._storage.mv(self._path(temporary), self._path(name))
            return
        os.replace(self._path(temporary), self._path(name))
        folder = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self, name: str) -> None:
        """Removes a file; that it is not there is as good."""
        with contextlib.suppress(FileNotFoundError):
            self._storage.rm_file(self._path(name))

    def local_path(self, name: str) -> Path | None:
        """Returns where a file lies on a local disk; None when the storage is another one."""
        return Path(self._path(name)) if self._is_local else None

    def size(self, name: str) -> int | None:
        """Returns how many bytes a file has; None when it is not there."""
        try:
            return int(self._storage.size(self._path(name)))
        except FileNotFoundError:
            return None

    def read(self, name: str, start: int, end: int) -> Iterator[bytes]:
        """Reads the bytes of a file from `start` to before `end`, a piece at a time."""
        with self._storage.open(self._path(name), "rb") as file:
            file.seek(start)
            while start < end and (piece := file.read(min(CHUNK_BYTES, end - start))):
                start += len(piece)
                yield piece

    def remove_older_than(self, age: timedelta) -> None:
        """Removes what attempts that were killed, or exports whose row is gone, left behind."""
        limit = datetime.now(UTC) - age
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):
                if _in_utc(self._storage.modified(path)) < limit:
                    self._storage.rm_file(path)

    def _files(self) -> list[str]:
        try:
            found: list[dict[str, Any]] = self._storage.ls(self._root, detail=True, refresh=True)
        except FileNotFoundError:
            return []
        return [str(entry["name"]) for entry in found if entry["type"] == "file"]


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
