"""The store of exported files, on any storage of fsspec. Its methods block: call them in a thread.

Nothing is ever listed: a file is read and deleted by the name in the row of its export. So files of
others are never touched, and no listing is cached while another process writes.
"""

import errno
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from threading import Thread
from typing import BinaryIO, NamedTuple, cast

from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from settings.startup_error import StartupError
from tasks.exports.store_url import (
    PACKAGES,
    explain_store_failure,
    open_storage,
    remove_password,
    store_rejection,
)

logger = logging.getLogger("basket")

CHECK_SECONDS = 5.0
"""Timeout of the check at the start, in seconds."""
CHUNK_BYTES = 256 * 1024
"""Bytes per piece of a file that is read."""
SPOOLED_BYTES = 16 * 1024 * 1024
"""The largest file, in bytes, that waits in memory for its upload; larger ones are on disk."""
LIBRARIES = (
    "botocore.", "aiobotocore.", "azure.", "aiohttp.", "gcsfs.", "google.", "s3fs.", "adlfs.",
)  # fmt: skip
"""The packages whose errors stand for failures of the store."""
ERROR_OF_STATUS: dict[int | None, type[OSError]] = {
    401: PermissionError,
    403: PermissionError,
    404: FileNotFoundError,
}
"""The classes of errors of those packages, by their HTTP status."""
ERRORS_OF_SETTINGS = (
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"),
    *("ParamValidationError", "NoRegionError", "InvalidRegionError", "ProfileNotFound"),
)
"""The errors of botocore that no store has sent: only other settings can mend them."""
PERMANENT_ERRNOS = (errno.EROFS, errno.ENAMETOOLONG, errno.ENODEV, errno.EINVAL)
PERMANENT_ERRORS = (
    FileNotFoundError,
    PermissionError,
    NotADirectoryError,
    FileExistsError,
    IsADirectoryError,
    NotImplementedError,
    ValueError,
    TypeError,
)
"""Errors of a store that only a change of its address or of its rights can mend."""


class Download(NamedTuple):
    """The name and media type that a downloaded file is to have."""

    file_name: str
    media_type: str


class StoreFailed(OSError):
    """Raised for failures that a storage library raises as errors of its own."""


class StoreUnusable(StoreFailed):
    """Raised when only another address or other rights can mend the failure."""


def _is_permanent(error: Exception) -> bool:
    return (
        isinstance(error, PERMANENT_ERRORS)
        or getattr(error, "errno", 0) in PERMANENT_ERRNOS
    )


def _create_headers(scheme: str, download: Download) -> dict[str, str]:
    disposition = f'attachment; filename="{download.file_name}"'
    match PACKAGES.get(scheme):
        case "s3fs":
            content_type = download.media_type
            return {
                "ResponseContentDisposition": disposition,
                "ResponseContentType": content_type,
            }
        case "adlfs":
            return {"content_disposition": disposition, "content_type": download.media_type}
        case _:
            return {}


class ExportStore:
    """Files that are each written once; a file counts once the row of its export names it.

    A guarded folder needs its marker; see `tasks.exports.marker`.
    """

    def __init__(self, url: str, *, is_guarded: bool = False) -> None:
        self.url = remove_password(url)
        self._storage, self._root, self._scheme = open_storage(url)
        self._is_local = isinstance(self._storage, LocalFileSystem)
        self.is_guarded = is_guarded and self._is_local

    @property
    def is_in_memory(self) -> bool:
        """Whether the files are in the memory of this process."""
        return isinstance(self._storage, MemoryFileSystem)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def check(self) -> None:
        """Writes and deletes a small file; raises OSError, StoreUnusable if permanent."""
        path = self._path(f"basket-check-{secrets.token_hex(16)}")
        with _raise_unusable(), _raise_os_errors():
            self._storage.pipe_file(path, b"")
            self._storage.rm_file(path)

    def make_folder(self) -> None:
        """Makes the folder where there is none; raises OSError, StoreUnusable if permanent."""
        # Only at the start: later, a folder that is not there is an outage.
        if self._is_local:
            with _raise_unusable():
                os.makedirs(self._root, exist_ok=True)

    def check_presigning(self) -> None:
        """Signs an address; raises StartupError when the store cannot."""
        try:
            self.sign_url("check", Download("check", "text/csv"), 60)
        except Exception as error:
            reason = explain_store_failure(error)
            raise StartupError(
                f"EXPORT_PRESIGNED is true, but EXPORT_URL is {self.url}, "
                f"which cannot sign addresses: {reason}."
            ) from error

    def write(self, name: str, write: Callable[[BinaryIO], None]) -> None:
        """Writes a file by a function; returns when the file is safe in the store."""
        if self._is_local:
            return self._write_to_folder(name, write)
        # Writers of workbooks seek in their file, and an upload cannot.
        with SpooledTemporaryFile(max_size=SPOOLED_BYTES) as spool:
            write(cast(BinaryIO, spool))
            spool.seek(0)
            with (
                _raise_os_errors(),
                self._storage.open(self._path(name), "wb") as upload,
            ):
                shutil.copyfileobj(spool, upload, CHUNK_BYTES)

    def _write_to_folder(self, name: str, write: Callable[[BinaryIO], None]) -> None:
        with self._storage.open(self._path(name), "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        # The name of the file, too, has to survive a crash of the machine.
        self._sync_folder()

    def _sync_folder(self) -> None:
        folder = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self, name: str) -> bool:
        """Deletes a file of ours and logs it; false when it was not there."""
        try:
            with _raise_os_errors():
                self._storage.rm_file(self._path(name))
        except FileNotFoundError:
            return False
        logger.info("Deleted the file %s from %s.", name, self.url)
        return True

    def size(self, name: str) -> int | None:
        """Returns the size of a file in bytes, None without the file; raises OSError."""
        try:
            with _raise_os_errors():
                return int(self._storage.info(self._path(name))["size"])
        except FileNotFoundError:
            # A folder that is gone as a whole is an outage, not a lost file.
            if self._is_local and not os.path.isdir(self._root):
                raise StoreFailed(errno.EIO, f"{self.url} is not there") from None
            return None

    def sign_url(self, name: str, download: Download, seconds: int) -> str:
        """Returns a signed address of a file; raises NotImplementedError where there are none."""
        headers = _create_headers(self._scheme, download)
        with _raise_os_errors():
            return str(self._storage.sign(self._path(name), expiration=seconds, **headers))

    def read(self, name: str, start: int, end: int) -> Iterator[bytes]:
        """Yields the bytes of a file from `start` to before `end`, in pieces."""
        with _raise_os_errors(), self._storage.open(self._path(name), "rb") as file:
            file.seek(start)
            while start < end and (piece := file.read(min(CHUNK_BYTES, end - start))):
                start += len(piece)
                yield piece


def open_store(
    url: str, *, shared: bool, presigned: bool = False, guarded: bool = False
) -> ExportStore:
    """Returns the store after a check; raises StartupError. A silent store may answer later.

    Other processes write to a `shared` store, so it cannot be the memory of one.
    """
    store = ExportStore(url, is_guarded=guarded)
    if shared and store.is_in_memory:
        raise store_rejection(
            store.url,
            "workers cannot reach the memory of a server; set it to a shared store",
        )
    if presigned:
        store.check_presigning()
    checked: Future[None] = Future()
    # A daemon thread ends with the process, also while a storage library waits for a response.
    Thread(target=_check, args=[store, checked], daemon=True).start()
    try:
        checked.result(CHECK_SECONDS)
    except StoreUnusable as error:
        reason = f"it cannot be written to: {error.strerror}"
        raise store_rejection(store.url, reason) from error
    except OSError as error:
        # The storage may raise a TimeoutError of its own; only at ours the check is not done.
        is_late = isinstance(error, TimeoutError) and not checked.done()
        reason = (
            f"nothing within {CHECK_SECONDS:g} seconds"
            if is_late
            else explain_store_failure(error)
        )
        logger.warning(
            "The export store %s (EXPORT_URL) does not answer yet: %s.", store.url, reason
        )
    return store


def _check(store: ExportStore, checked: Future[None]) -> None:
    try:
        store.make_folder()
        store.check()
    except BaseException as error:
        checked.set_exception(error)
    else:
        checked.set_result(None)


@contextmanager
def _raise_os_errors() -> Iterator[None]:
    """Raises the errors of storage libraries as the OSError that they stand for."""
    try:
        yield
    except Exception as error:
        # Anything else is a bug of ours, which must not pass for an outage.
        if isinstance(error, OSError) or not type(error).__module__.startswith(LIBRARIES):
            raise
        raise _error_class(error)(errno.EIO, explain_store_failure(error)) from error


def _error_class(error: Exception) -> type[OSError]:
    if type(error).__name__ in ERRORS_OF_SETTINGS:
        return PermissionError
    return ERROR_OF_STATUS.get(getattr(error, "status_code", None), StoreFailed)


@contextmanager
def _raise_unusable() -> Iterator[None]:
    """Raises permanent errors, which have many classes, as StoreUnusable."""
    try:
        yield
    except Exception as error:
        if _is_permanent(error):
            raise StoreUnusable(errno.EINVAL, explain_store_failure(error)) from error
        raise
