"""EXPORT_URL, the address of the export store: opened as a storage of fsspec, or rejected."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs
from fsspec.registry import get_filesystem_class

from logs import remove_secrets
from settings.startup_error import StartupError

PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "abfs": "adlfs", "abfss": "adlfs", "az": "adlfs",
    "gs": "gcsfs", "gcs": "gcsfs",
}  # fmt: skip
"""The package that each kind of object store needs."""
CACHING = ("blockcache", "cached", "filecache", "simplecache")
LOCAL = ("file", "local")
READ_ONLY = ("http", "https", "data", "github", "git", "reference")
SUPPORTED = "a folder, s3://BUCKET/PREFIX or abfs://CONTAINER/PREFIX"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
# One letter may be a drive of Windows.
_SCHEME_ALONE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


def store_rejection(url: str, reason: str) -> StartupError:
    """Returns the rejection of an address, which is shown without its password."""
    return StartupError(f"EXPORT_URL is {remove_password(url)}: {reason}.")


def remove_password(url: str) -> str:
    """Returns an address without its password."""
    return remove_secrets(url)


def open_storage(url: str) -> tuple[Any, str, str]:
    """Returns the storage, the root in it and its scheme, without a request; raises StartupError.

    No listing is cached: another process writes to the same store.
    """
    scheme = _check_scheme(url)
    try:
        storage, root = url_to_fs(
            url,
            use_listings_cache=False,
            skip_instance_cache=True,
            **_storage_options(scheme),
        )
    except (AttributeError, TypeError) as error:
        # Of a storage that takes arguments.
        reason = f"{scheme}:// needs more than an address; set it to {SUPPORTED}"
        raise store_rejection(url, reason) from error
    except Exception as error:
        raise store_rejection(url, explain_store_failure(error)) from error
    return storage, str(root), scheme


def _check_scheme(url: str) -> str:
    if not url.strip() or url != url.strip():
        raise StartupError(
            f"EXPORT_URL is empty or has spaces around it; set it to {SUPPORTED}."
        )
    if "::" in url:
        raise store_rejection(
            url, f"chained addresses are not supported; set it to {SUPPORTED}"
        )
    match = _SCHEME.fullmatch(url)
    if match is None:
        _check_folder(url)
        return LOCAL[0]
    scheme, rest = match[1].lower(), match[2]
    if scheme in CACHING:
        raise store_rejection(url, f"{scheme}:// caches files; give the storage itself")
    if scheme in READ_ONLY:
        raise store_rejection(
            url, f"{scheme}:// cannot be written to; set it to {SUPPORTED}"
        )
    # Only there the first part is a bucket: memory:///x has none.
    place = re.split("[/?]", rest)[0] if scheme in PACKAGES else rest.strip("/")
    if not place and scheme not in LOCAL:
        raise store_rejection(
            url, f"it names no bucket or container; set it to {SUPPORTED}"
        )
    if PACKAGES.get(scheme) == "s3fs" and "@" in place:
        raise store_rejection(
            url, "it has a login; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
        )
    _check_package(url, scheme)
    return scheme


def _check_folder(path: str) -> None:
    if match := _SCHEME_ALONE.match(path):
        raise store_rejection(path, f"two slashes are missing; begin it with {match[1]}://")


def check_absolute(url: str) -> None:
    """Raises StartupError for a relative folder, which depends on where a process starts."""
    match = _SCHEME.fullmatch(url)
    if match is not None and match[1].lower() not in LOCAL:
        return
    path = match[2] if match else url
    if not Path(path).expanduser().is_absolute():
        reason = "the folder depends on where the process is started; begin it with a slash"
        raise store_rejection(url, reason)


def _check_package(url: str, scheme: str) -> None:
    package = PACKAGES.get(scheme)
    if package and find_spec(package) is None:
        raise store_rejection(
            url,
            f"{scheme}:// needs the package {package}, which is not installed: "
            f"pip install {package}",
        )
    try:
        get_filesystem_class(scheme)
    except ValueError:
        known = f"the storage scheme {scheme}:// is unknown; set it to {SUPPORTED}"
        raise store_rejection(url, known) from None
    except ImportError as error:
        raise store_rejection(
            url, f"{scheme}:// needs a package: {explain_store_failure(error)}"
        ) from error


def _storage_options(scheme: str) -> dict[str, Any]:
    # adlfs otherwise only warns of a container that it may not ask about.
    return {"assume_container_exists": True} if PACKAGES.get(scheme) == "adlfs" else {}


def explain_store_failure(error: BaseException) -> str:
    """Returns the first line of an error's message, without passwords and without a full stop.

    A first line that ends in a colon only announces the next one.
    """
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    else:
        text = str(error) or type(error).__name__
    lines = remove_secrets(text).splitlines()
    is_title = bool(lines) and lines[0].endswith(":")
    return " ".join(lines[: 1 + is_title]).rstrip(".")
