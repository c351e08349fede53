"""Programs and services beyond Python that tests use; `.ci/run` installs and starts them."""

import os
import shutil
from collections.abc import Callable
from functools import wraps
from subprocess import Popen
from typing import Any, NoReturn

import pytest

from settings import ROOT

IN_CI = os.environ.get("CI") == "true"


def _packages() -> dict[str, str]:
    lines = (ROOT / ".ci" / "programs").read_text().splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


PACKAGES = _packages()
"""Debian's packages of the programs that tests use."""

READERS = ("tasks.spreadsheets.child", "tests.support.measured_reading")
"""The process that reads the spreadsheets of a server, and the one that measures it."""

MORE_FOLDERS = "/usr/sbin"
"""A folder of programs that is not in everybody's PATH."""


class Run:
    """The settings of this run."""

    quick = False
    """Whether only tests run that start no program, server or command."""


def program(name: str) -> str:
    """Returns the path of a program; without it the test is skipped, and in CI it fails."""
    assert name in PACKAGES, f"{name} is not in the list of programs, .ci/programs."
    skip_when_quick(f"the program {name}")
    found = shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", ""), MORE_FOLDERS])
    )
    if found is None:
        missing(
            f"The program {name} is not installed here (Debian: apt-get install {PACKAGES[name]})."
        )
    return found


def no_service(name: str, variable: str, address: str) -> NoReturn:
    """Skips the test at home and fails it in CI, because a service does not answer."""
    missing(
        f"{name} does not answer at {address}; set {variable} to the address of another one."
    )


def missing(message: str) -> NoReturn:
    """Skips the test at home and fails it in CI, naming what is missing."""
    if IN_CI:
        pytest.fail(message)
    pytest.skip(message)


def skip_starts_when_quick() -> None:
    """Lets a quick run skip each test that starts a process, but for the server's own that read.

    An audit hook would be called for every import, file and attribute that is looked up, too, and
    take one in fifty seconds of all tests.
    """
    if Run.quick:
        Popen.__init__ = _watched(Popen.__init__)  # type: ignore[method-assign]


def _watched(start: Callable[..., None]) -> Callable[..., None]:
    @wraps(start)
    def skip_or_start(process: object, command: Any, *more: Any, **options: Any) -> None:
        skip_start(command)
        start(process, command, *more, **options)

    return skip_or_start


def skip_start(command: Any) -> None:
    """Skips the test in a run of the embedded half, unless it starts a process that reads."""
    if not set(READERS) & set(command):
        skip_when_quick("a process of its own")


def skip_when_quick(name: str) -> None:
    """Skips the test in a run of the embedded half, which starts no other program."""
    if Run.quick:
        pytest.skip(f"--quick runs no test that needs {name}.")
