"""`python server.py` as a real process."""

import os
import subprocess
import sys

from settings import ROOT


class CommandLine:
    """Runs `python server.py` on a database."""

    def __init__(self, database_url: str, **environment: str) -> None:
        self.environment = os.environ | {"DATABASE_URL": database_url, "ENVIRONMENT": "test"} | environment

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Returns the exit status, the output and the errors of a command."""
        command = [sys.executable, "server.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def accepted(self, *arguments: str) -> str:
        """Runs a command that must succeed and returns its output."""
        status, output, errors = self.run(*arguments)
        assert status == 0, errors
        return output

    def refused(self, *arguments: str) -> str:
        """Runs a command whose input must be refused and returns why, in one line."""
        status, output, errors = self.run(*arguments)
        assert (status, output, len(errors.splitlines())) == (2, "", 1), errors
        return errors
