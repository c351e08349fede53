"""How a request names its document."""

from typing import Any

from web.http.bad_request import BadRequest

VERSION = 1
"""The version of Apollo's protocol of persisted queries."""
SHOWN_ID = 100
"""The characters of an id that a message shows."""


class DocumentReference:
    """The id of a document, or the hash of a persisted query, which its text may follow."""

    __slots__ = ("has_known_version", "id", "is_persisted_query")

    def __init__(
        self, id: str, is_persisted_query: bool = False, has_known_version: bool = True
    ) -> None:
        self.id = id
        self.is_persisted_query = is_persisted_query
        self.has_known_version = has_known_version

    @property
    def shown(self) -> str:
        """The id for messages."""
        return repr(self.id[:SHOWN_ID])


def read_reference(
    document_id: str | None, persisted_query: Any, *, has_text: bool
) -> DocumentReference:
    """Returns the reference of a request that has one; raises BadRequest for two documents."""
    if document_id:
        if has_text or persisted_query is not None:
            message = "Send `documentId` alone, without `query` and `persistedQuery`."
            raise BadRequest(400, "BAD_REQUEST", message)
        return DocumentReference(document_id)
    # As on Apollo's server, a malformed one is one of another version or of an unknown hash.
    fields = persisted_query if isinstance(persisted_query, dict) else {}
    sent = fields.get("sha256Hash")
    return DocumentReference(
        sent if isinstance(sent, str) else "",
        is_persisted_query=True,
        # True equals 1, here and not in JSON.
        has_known_version=fields.get("version") == VERSION
        and fields["version"] is not True,
    )
