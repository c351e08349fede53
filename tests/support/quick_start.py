"""A program that starts a process as a test of a quick run would, and prints why it is skipped."""

import subprocess
import sys

import pytest

from tests.support.forks import run_program
from tests.support.programs import Run, skip_starts_when_quick

Run.quick = True
skip_starts_when_quick()
for start in (run_program, lambda *command: subprocess.Popen(command)):
    try:
        start(sys.executable, "server.py", "schema")
    except pytest.skip.Exception as skipped:
        sys.stdout.write(f"{skipped}\n")
