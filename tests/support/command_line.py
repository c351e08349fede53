"""`python server.py`, as a real process or, much quicker, in the process of the test."""

import contextlib
import importlib
import io
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from unittest.mock import patch

import commands.main
import logs
import settings
from tests.support.forks import run_program


class CommandLine:
    """Runs `python server.py` on a database, as a process of its own."""

    def __init__(self, database_url: str, **environment: str) -> None:
        ours = {"DATABASE_URL": database_url, "ENVIRONMENT": "test"}
        self.environment = os.environ | ours | environment

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Returns the exit status, the output and the errors of a command."""
        command = (sys.executable, "server.py", *arguments)
        status, output, errors = run_program(*command, **self.environment)
        return status, output.strip(), errors.strip()

    def accepted(self, *arguments: str) -> str:
        """Runs a command that must succeed and returns its output."""
        status, output, errors = self.run(*arguments)
        assert status == 0, errors
        return output

    def rejected(self, *arguments: str) -> str:
        """Runs a command whose input must be rejected and returns why, in one line."""
        status, output, errors = self.run(*arguments)
        assert (status, output, len(errors.splitlines())) == (2, "", 1), errors
        return errors


class Commands(CommandLine):
    """Runs commands in this process, with settings read anew from an environment of their own."""

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Returns the exit status, the output and the errors of a command."""
        output, errors, statuses = io.StringIO(), io.StringIO(), list[int]()

        def run_main() -> None:
            try:
                statuses.append(commands.main.main(list(arguments)))
            except SystemExit as end:
                statuses.append(int(str(end.code)))

        with self._own_settings():
            # A thread of its own, because the test may run in an event loop.
            thread = threading.Thread(target=run_main)
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                thread.start()
                thread.join()
        (status,) = statuses
        return status, output.getvalue().strip(), errors.getvalue().strip()

    @contextlib.contextmanager
    def _own_settings(self) -> Iterator[None]:
        try:
            own = patch.dict(os.environ, self.environment, clear=True)
            # The logs are those of the tests.
            plain = patch.object(logs, "set_up")
            # The objects of other tests have to be collected.
            imports = patch.object(commands.main, "import_to_stay", importlib.import_module)
            with own, plain, imports, patch.object(tempfile, "tempdir", tempfile.tempdir):
                importlib.reload(settings)
                yield
        finally:
            importlib.reload(settings)
