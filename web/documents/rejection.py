"""Why the document of a request is not executed."""

from enum import StrEnum

from prometheus_client import Counter

REJECTIONS = Counter(
    "basket_document_rejections",
    "Requests rejected for the way they give their document, by code.",
    ["code"],
)


class DocumentCode(StrEnum):
    """The codes of rejected documents. Those that begin with PERSISTED_QUERY are Apollo's."""

    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    """The hash of a persisted query is not known; its client sends the text next."""
    PERSISTED_QUERY_HASH_MISMATCH = "PERSISTED_QUERY_HASH_MISMATCH"
    """The hash of a persisted query is not that of the text beside it."""
    PERSISTED_QUERY_VERSION_UNSUPPORTED = "PERSISTED_QUERY_VERSION_UNSUPPORTED"
    """The protocol of persisted queries has another version than 1."""
    DOCUMENT_NOT_FOUND = "DOCUMENT_NOT_FOUND"
    """No trusted document has the id."""
    DOCUMENT_NOT_PERSISTED = "DOCUMENT_NOT_PERSISTED"
    """The setting DOCUMENTS allows a text only with its hash."""
    DOCUMENT_NOT_TRUSTED = "DOCUMENT_NOT_TRUSTED"
    """The setting DOCUMENTS allows no text at all."""


STATUSES = {
    # Clients of persisted queries look into no other response than one with status 200.
    DocumentCode.PERSISTED_QUERY_NOT_FOUND: 200,
    DocumentCode.PERSISTED_QUERY_HASH_MISMATCH: 400,
    DocumentCode.PERSISTED_QUERY_VERSION_UNSUPPORTED: 400,
}
"""The status by which Apollo's server answers; that of the other codes follows the media type."""


class DocumentRejected(Exception):
    """Raised for a document that is not known, or not allowed."""

    def __init__(self, code: DocumentCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        REJECTIONS.labels(code).inc()
