"""Trusted documents: the texts that operators add, each under the id that its client sends."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from tortoise import fields
from tortoise.transactions import in_transaction

from models.database.statements import load_statements
from models.database.table import Table
from models.timestamps import now
from text import MAXIMUM_LENGTH

MAXIMUM_DOCUMENTS = 20_000
"""The highest number of trusted documents; each server process has all of their ids in memory."""
HASH_PREFIX = "sha256:"
"""The beginning of an id that is the hash of its text."""
_BATCH = 500
"""Rows per statement, whose parameters are bounded."""

_STATEMENTS = load_statements(__file__)


class TrustedDocument(Table):
    """The text of a document under one id, and the digest of the text. A row never changes."""

    id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=MAXIMUM_LENGTH, unique=True)
    digest = fields.CharField(max_length=64, db_index=True)
    text = fields.TextField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "trusted_document"


class Stamp(NamedTuple):
    """The number of trusted documents and the highest id: one of them changes with each change."""

    total: int
    highest_id: int


class AdditionRejected(Exception):
    """Raised when documents cannot be added; none of them is."""


def hash_document(text: str) -> str:
    """Returns the SHA-256 of a document's text in UTF-8, as lower-case hexadecimal digits."""
    # A lone surrogate, which no document can hold, must not be an error of ours.
    return sha256(text.encode(errors="replace")).hexdigest()


async def add_documents(texts: Mapping[str, str]) -> list[str]:
    """Adds documents by id, all or none; returns the new ids, or raises AdditionRejected."""
    async with in_transaction():
        # Changes come one after the other, so that a stamp never stands for two states.
        await _STATEMENTS["lock"].rows()
        # All of them, and not by their ids: databases bound the parameters of a statement.
        known = await read_digests()
        new = {name: text for name, text in texts.items() if name not in known}
        changed = [
            name
            for name, text in texts.items()
            if name not in new and known[name] != hash_document(text)
        ]
        _check_new(changed, len(known) + len(new))
        created_at = now()
        await TrustedDocument.bulk_create(
            [
                TrustedDocument(
                    name=name, digest=hash_document(text), text=text, created_at=created_at
                )
                for name, text in new.items()
            ],
            batch_size=_BATCH,
        )
    return list(new)


def _check_new(changed: Sequence[str], count: int) -> None:
    if changed:
        raise AdditionRejected(
            f"{len(changed)} ids are stored with another text, the first is {changed[0]!r}; "
            "an id keeps its text until it is removed."
        )
    if count > MAXIMUM_DOCUMENTS:
        raise AdditionRejected(
            f"There would be {count} documents; at most {MAXIMUM_DOCUMENTS} are stored. "
            "Remove those of old releases."
        )


async def remove_documents(names: Sequence[str]) -> list[str]:
    """Removes the documents with these ids, and returns the ids of those that there were."""
    async with in_transaction():
        await _STATEMENTS["lock"].rows()
        known = await read_digests()
        removed = [name for name in names if name in known]
        for start in range(0, len(removed), _BATCH):
            batch = removed[start : start + _BATCH]
            await TrustedDocument.filter(name__in=batch).delete()
    return removed


async def read_stamp() -> Stamp:
    """Returns the stamp of the trusted documents as they are now."""
    return Stamp(*(await _STATEMENTS["stamp"].one())[0:2])


async def read_digests() -> dict[str, str]:
    """Returns the digests of all trusted documents by id."""
    rows = await TrustedDocument.all().values_list("name", "digest")
    return {str(name): str(digest) for name, digest in rows}


async def read_text(digest: str) -> str | None:
    """Returns the text with a digest; None when no trusted document has it."""
    # Several ids may name the same text.
    document = await TrustedDocument.filter(digest=digest).first()
    return None if document is None else document.text


class StoredDocument(NamedTuple):
    """A trusted document, as commands list it."""

    name: str
    text: str
    created_at: datetime


async def list_documents() -> Sequence[StoredDocument]:
    """Returns all trusted documents by id."""
    documents = await TrustedDocument.all().order_by("name")
    return [StoredDocument(each.name, each.text, each.created_at) for each in documents]
