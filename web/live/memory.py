"""Limits on the memory that live operations hold: those of a token, and of the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from settings.options import Options
from web.graphql.document import BYTES_PER_CHARACTER, Document

MEMORY_CODE = "TOO_MUCH_MEMORY"
BYTES_PER_JSON_BYTE = 48
"""The bytes of memory that a byte of JSON takes at most, as in lists of lists."""
OPERATION_BYTES = 16_000
"""The bytes that an operation takes without its document and its variables."""


class TooMuchMemory(Exception):
    """Raised for an operation beyond a limit; `status` is that of an HTTP response."""

    def __init__(self, subject: str, held: int, needed: int, limit: str) -> None:
        super().__init__(
            f"The live operations of the {subject} hold {held} bytes of memory, and this one "
            f"would take {needed} more; {limit}. End others first."
        )
        # Another process may have room.
        self.status = 503 if subject == "server" else 429


@dataclass(slots=True)
class _Use:
    """The operations that use a document, and the bytes that it counts as."""

    operations: int = 0
    bytes: int = 0


class MemoryAccount:
    """The bytes that running operations hold; a document that several use counts once."""

    __slots__ = ("_documents", "bytes")

    def __init__(self) -> None:
        self.bytes = 0
        self._documents: dict[Document | None, _Use] = {}

    def growth(self, size: int, document: Document | None) -> int:
        """Returns the bytes that one more operation would add."""
        known = self._documents.get(document)
        return size + _weigh(document) - (known.bytes if known else 0)

    def add(self, size: int, document: Document | None) -> None:
        """Counts an operation."""
        self.bytes += self.growth(size, document)
        use = self._documents.setdefault(document, _Use())
        use.operations += 1
        # It may have more plans than when it was counted last.
        use.bytes = _weigh(document)

    def remove(self, size: int, document: Document | None) -> None:
        """Counts an operation no more."""
        use = self._documents[document]
        use.operations -= 1
        self.bytes -= size
        if not use.operations:
            self.bytes -= use.bytes
            del self._documents[document]


class LiveMemory:
    """Counts what the live operations of a process hold, for all and per token."""

    def __init__(self, *, per_process: int, per_token: int) -> None:
        self.all = MemoryAccount()
        self.tokens: dict[str, MemoryAccount] = {}
        self._per_process = per_process
        self._per_token = per_token

    @classmethod
    def from_options(cls, options: Options) -> "LiveMemory":
        """Returns the counts of a process with the limits that the settings describe."""
        return cls(per_process=options.live_bytes, per_token=options.live_bytes_per_token)

    @contextmanager
    def hold(
        self, digest: str, json_bytes: int, document: Document | None = None
    ) -> Iterator[None]:
        """Counts JSON and a document for a token, in its context.

        Raises TooMuchMemory beyond a limit.
        """
        size = OPERATION_BYTES + BYTES_PER_JSON_BYTE * json_bytes
        account = self.tokens.get(digest) or MemoryAccount()
        self._check(account, size, document)
        self.tokens[digest] = account
        self.all.add(size, document)
        account.add(size, document)
        try:
            yield
        finally:
            account.remove(size, document)
            self.all.remove(size, document)
            if not account.bytes:
                self.tokens.pop(digest, None)

    def _check(self, account: MemoryAccount, size: int, document: Document | None) -> None:
        needed = account.growth(size, document)
        if account.bytes + needed > self._per_token:
            limit = f"LIVE_BYTES_PER_TOKEN allows {self._per_token}"
            raise TooMuchMemory("token", account.bytes, needed, limit)
        needed = self.all.growth(size, document)
        if self.all.bytes + needed > self._per_process:
            limit = f"LIVE_BYTES allows {self._per_process}"
            raise TooMuchMemory("server", self.all.bytes, needed, limit)


def _weigh(document: Document | None) -> int:
    """Returns the bytes that a document counts as, with its plans."""
    return BYTES_PER_CHARACTER * document.size if document else 0
