"""The library: the text of every request, as far as the setting DOCUMENTS allows it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from typing import Self

from models.background import background_loop
from models.document import hash_document
from settings.options import Options
from tasks.redis.connection import RedisServer
from web.documents.persisted import PersistedQueries
from web.documents.reference import DocumentReference
from web.documents.rejection import DocumentCode, DocumentRejected
from web.documents.shared import TIMEOUT_SECONDS, SharedQueries
from web.documents.trusted import TrustedDocuments

UPDATE_SECONDS = 10.0
"""Seconds between two looks for removed documents."""


class DocumentMode(StrEnum):
    """The documents that are executed, by the setting DOCUMENTS."""

    ANY = "any"
    """Every text, persisted queries, and trusted documents."""
    PERSISTED = "persisted"
    """Persisted queries, whose text comes with its hash, and trusted documents."""
    TRUSTED = "trusted"
    """Trusted documents only."""


class DocumentLibrary:
    """Finds the documents of an application's requests, on every transport."""

    def __init__(self, mode: DocumentMode) -> None:
        self.accepts_any = mode is DocumentMode.ANY
        self._is_trusted = mode is DocumentMode.TRUSTED
        self._trusted = TrustedDocuments()
        self._persisted = PersistedQueries()

    @classmethod
    def from_options(cls, options: Options) -> Self:
        """Returns the library of an application."""
        return cls(DocumentMode(options.documents))

    def find_known(self, text: str, reference: DocumentReference | None) -> str | None:
        """Returns the text of a reference without a text, if it was used lately.

        So a hot document is a look-up in memory, which waits for nothing.
        """
        if text or reference is None or not reference.has_known_version:
            return None
        found = self._trusted.texts.get(reference.id)
        if found is None and reference.is_persisted_query and not self._is_trusted:
            return self._persisted.texts.get(reference.id)
        return found

    async def find_text(self, text: str, reference: DocumentReference | None) -> str:
        """Returns the text of a request that sent a text, a reference or both.

        Raises DocumentRejected for a document that is not known or not allowed.
        """
        # Also a text with its hash: whoever may send texts may send any.
        if text and self._is_trusted:
            message = "The setting DOCUMENTS is trusted: send the id of a trusted document."
            raise DocumentRejected(DocumentCode.DOCUMENT_NOT_TRUSTED, message)
        if reference is None:
            return self._check_text(text)
        if not reference.has_known_version:
            code = DocumentCode.PERSISTED_QUERY_VERSION_UNSUPPORTED
            raise DocumentRejected(code, "Unsupported persisted query version")
        if reference.is_persisted_query and not self._is_trusted:
            return await self._find_query(text, reference)
        found = await self._trusted.find(reference.id)
        if found is None:
            message = f"No trusted document has the id {reference.shown}."
            raise DocumentRejected(DocumentCode.DOCUMENT_NOT_FOUND, message)
        return found

    def _check_text(self, text: str) -> str:
        if self.accepts_any:
            return text
        message = (
            "The setting DOCUMENTS is persisted: send the text with its hash, or an id."
        )
        raise DocumentRejected(DocumentCode.DOCUMENT_NOT_PERSISTED, message)

    async def _find_query(self, text: str, reference: DocumentReference) -> str:
        """Returns the text of a persisted query, in the words of Apollo's server."""
        if text:
            if hash_document(text) != reference.id:
                code = DocumentCode.PERSISTED_QUERY_HASH_MISMATCH
                raise DocumentRejected(code, "provided sha does not match query")
            return text
        # Apollo's clients send the ids of their manifest as if they were hashes.
        found = await self._trusted.find(reference.id)
        if found is None:
            found = await self._persisted.find(reference.id)
        if found is None:
            code = DocumentCode.PERSISTED_QUERY_NOT_FOUND
            raise DocumentRejected(code, "PersistedQueryNotFound")
        return found

    async def store(self, text: str) -> None:
        """Stores the text of a persisted query, once it is known to be valid."""
        await self._persisted.store(text)

    @asynccontextmanager
    async def open(self, redis: RedisServer | None) -> AsyncIterator[None]:
        """Shares persisted queries through Redis, and notices removed documents."""
        async with AsyncExitStack() as resources:
            if redis is not None:
                client = await resources.enter_async_context(
                    redis.connect_async(TIMEOUT_SECONDS)
                )
                self._persisted.shared = SharedQueries(client, redis.prefix)
            loop = background_loop(
                "trusted documents", self._trusted.update, UPDATE_SECONDS
            )
            await resources.enter_async_context(loop)
            # A library outlives its application's resources, and must not use a closed client.
            try:
                yield
            finally:
                self._persisted.shared = None
