"""The folder of temporary files."""

import os
import tempfile

import settings


def use_scratch() -> None:
    """Makes this process and its children write temporary files to SCRATCH_PATH, if it is set."""
    if settings.SCRATCH_PATH:
        tempfile.tempdir = settings.SCRATCH_PATH
        # Children, and libraries that are not written in Python, such as SQLite.
        os.environ["TMPDIR"] = settings.SCRATCH_PATH
