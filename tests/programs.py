"""Programs beyond Python that tests drive; `.ci/run` installs them."""

import os
import shutil

import pytest

from tests.databases import IN_CI


def program(name: str) -> str:
    """Returns the path of a program; without it the test is skipped, and in CI it fails."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        message = f"The program {name} is not installed here (Debian: apt-get install {name})."
        (pytest.fail if IN_CI else pytest.skip)(message)
    return found
