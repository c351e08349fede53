"""Programs beyond Python that tests drive; `.ci/run` installs them."""

import os
import shutil
from typing import NoReturn

import pytest

from tests.databases import IN_CI


def program(name: str, package: str = "") -> str:
    """Returns the path of a program; without it the test is skipped, and in CI it fails."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        missing(f"The program {name} is not installed here (Debian: apt-get install {package or name}).")
    return found or ""


def missing(message: str) -> NoReturn:
    """Skips the test at home and fails it in CI, naming what is missing."""
    if IN_CI:
        pytest.fail(message)
    pytest.skip(message)
