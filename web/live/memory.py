"""Limits on the memory that live operations and their unread results hold.

There is one for those of a token, and one for those of the process.
"""

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
BYTES_PER_RESULT_BYTE = 5
"""The bytes that a byte of an unread result takes at most, with the text of its message."""


class TooMuchMemory(Exception):
    """Raised for an operation or a result beyond a limit; `status` is that of a response."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


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
    """Counts what a kind of things holds in a process, for all and per token.

    `subject` and `advice` are those of the message of TooMuchMemory.
    """

    def __init__(
        self,
        *,
        per_process: int,
        per_token: int,
        subject: str = "The live operations",
        advice: str = "End others first",
    ) -> None:
        self.all = MemoryAccount()
        self.tokens: dict[str, MemoryAccount] = {}
        self._per_process = per_process
        self._per_token = per_token
        self._subject = subject
        self._advice = advice

    @classmethod
    def of_operations(cls, options: Options) -> "LiveMemory":
        """Returns the counts of operations with the limits that the settings describe."""
        return cls(per_process=options.live_bytes, per_token=options.live_bytes_per_token)

    @classmethod
    def of_results(cls, options: Options) -> "LiveMemory":
        """Returns the counts of unread results, with as much again."""
        return cls(
            per_process=options.live_bytes,
            per_token=options.live_bytes_per_token,
            subject="The unread results",
            advice="Read others first",
        )

    @contextmanager
    def hold(
        self, digest: str, json_bytes: int, document: Document | None = None
    ) -> Iterator[None]:
        """Counts JSON and a document for a token, in its context.

        Raises TooMuchMemory beyond a limit.
        """
        size = OPERATION_BYTES + BYTES_PER_JSON_BYTE * json_bytes
        self.take(digest, size, document)
        try:
            yield
        finally:
            self.release(digest, size, document)

    def take(self, digest: str, size: int, document: Document | None = None) -> None:
        """Counts bytes and a document for a token; raises TooMuchMemory beyond a limit."""
        account = self.tokens.get(digest) or MemoryAccount()
        self._check(account, size, document)
        self.tokens[digest] = account
        self.all.add(size, document)
        account.add(size, document)

    def release(self, digest: str, size: int, document: Document | None = None) -> None:
        """Counts no more what was taken."""
        account = self.tokens[digest]
        account.remove(size, document)
        self.all.remove(size, document)
        if not account.bytes:
            self.tokens.pop(digest, None)

    def _check(self, account: MemoryAccount, size: int, document: Document | None) -> None:
        needed = account.growth(size, document)
        if account.bytes + needed > self._per_token:
            limit = f"LIVE_BYTES_PER_TOKEN allows {self._per_token}"
            raise self._rejection("token", account.bytes, needed, limit)
        needed = self.all.growth(size, document)
        if self.all.bytes + needed > self._per_process:
            limit = f"LIVE_BYTES allows {self._per_process}"
            raise self._rejection("server", self.all.bytes, needed, limit)

    def _rejection(self, owner: str, held: int, needed: int, limit: str) -> TooMuchMemory:
        message = (
            f"{self._subject} of the {owner} hold {held} bytes of memory, and this one would "
            f"take {needed} more; {limit}. {self._advice}."
        )
        # Another process may have room.
        return TooMuchMemory(message, 503 if owner == "server" else 429)


def _weigh(document: Document | None) -> int:
    """Returns the bytes that a document counts as, with its plans."""
    return BYTES_PER_CHARACTER * document.size if document else 0
