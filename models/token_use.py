"""When tokens were last used: noted in memory, and written to the hour, now and then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from models.background import BackgroundLoop, background_loop
from models.database.statements import load_statements
from models.timestamps import now

WRITE_SECONDS = 60.0
"""Seconds between two writes of a process; those of one that is killed are lost."""
MAXIMUM_TOKENS = 10_000
"""The highest number of tokens that a process notes between two writes, a megabyte of digests."""
_BATCH = 1_000

_NOTE_USES = load_statements(__file__)["note_uses"]


class TokenUses:
    """The tokens that were used and are not written yet, and those of this hour that are."""

    def __init__(self) -> None:
        self._due = set[str]()
        self._written = set[str]()
        self._hour: datetime | None = None

    def note(self, digest: str) -> None:
        """Notes that a valid token was used; a token whose hour is written costs one look-up."""
        if digest not in self._written and len(self._due) < MAXIMUM_TOKENS:
            self._due.add(digest)

    async def write(self) -> None:
        """Writes the uses since the last time; the next hour writes each token again."""
        hour = now().replace(minute=0, second=0, microsecond=0)
        if hour != self._hour or len(self._written) >= MAXIMUM_TOKENS:
            self._hour, self._written = hour, set()
        while self._due:
            digests = sorted(self._due)[:_BATCH]
            # Noted as written before the statement, so that uses during it are not noted again;
            # a statement that fails gives them back.
            self._due.difference_update(digests)
            self._written.update(digests)
            try:
                await _NOTE_USES.rows(hour=hour, digests=digests)
            except BaseException:
                self._written.difference_update(digests)
                self._due.update(digests)
                raise


@asynccontextmanager
async def write_token_uses(uses: TokenUses) -> AsyncIterator[None]:
    """Writes uses of tokens in the background, and the last ones when the context is left."""
    async with background_loop("token uses", uses.write, WRITE_SECONDS):
        yield
    # A loop of its own logs a database that does not answer, instead of failing the stop.
    await BackgroundLoop("token uses", uses.write, WRITE_SECONDS).run_once()
