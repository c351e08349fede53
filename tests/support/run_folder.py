"""What the processes of one run of the tests share: a folder, in which the first one makes a thing."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_VARIABLE = "TEST_RUN_FOLDER"
"""The folder, which the workers of pytest-xdist inherit from the process that starts them."""


def create() -> bool:
    """Makes the folder, unless the process that started this one has; returns whether it is ours."""
    is_ours = _VARIABLE not in os.environ
    if is_ours:
        os.environ[_VARIABLE] = tempfile.mkdtemp(prefix="basket_test_")
    return is_ours


def delete() -> None:
    """Removes the folder."""
    shutil.rmtree(os.environ.pop(_VARIABLE))


@contextmanager
def made() -> Iterator[None]:
    """Makes the folder for a program that may run outside of tests, and removes it again."""
    is_ours = create()
    try:
        yield
    finally:
        if is_ours:
            delete()


def path() -> Path:
    """Returns the folder."""
    return Path(os.environ[_VARIABLE])


def make_once(name: str, make: Callable[[Path], None]) -> Path:
    """Returns the file of a name, which one process makes, while all others wait for it."""
    file = path() / name
    with _lock(file.with_suffix(".lock")):
        if not file.exists():
            made = file.with_suffix(".new")
            make(made)
            made.rename(file)
    return file


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
