"""Manifests of trusted documents, in the formats of the tools that build clients.

- GraphQL Code Generator's `persisted-documents.json` and the file of Relay's `persistConfig`: a
  JSON object of ids and texts.
- Apollo's manifest of persisted queries: the same as a list of operations.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from commands.administration import AdministrationRejected
from models.document import HASH_PREFIX, hash_document
from text import MAXIMUM_LENGTH
from web.http.bad_request import BadRequest
from web.http.json_request import parse_json

APOLLO_FORMAT = "apollo-persisted-query-manifest"
APOLLO_VERSION = 1
_ID = re.compile(rf"[!-~]{{1,{MAXIMUM_LENGTH}}}")


def read_manifests(paths: Sequence[str]) -> dict[str, str]:
    """Returns the texts of several manifests by id; raises AdministrationRejected."""
    texts: dict[str, str] = {}
    for path in paths:
        for name, text in _read_manifest(path):
            # The same document in the manifests of two releases is no conflict.
            if texts.setdefault(name, text) != text:
                raise AdministrationRejected(
                    f"{path}: the id {name!r} stands for two texts."
                )
    return texts


def _read_manifest(path: str) -> Iterable[tuple[str, str]]:
    try:
        content = parse_json(Path(path).read_bytes(), "The manifest")
        pairs = list(_find_pairs(content))
        for name, text in pairs:
            _check_pair(name, text)
    except OSError as error:
        raise AdministrationRejected(f"{path} cannot be read: {error.strerror}.") from None
    except BadRequest as rejection:
        raise AdministrationRejected(f"{path}: {rejection.message}") from None
    except AdministrationRejected as rejection:
        raise AdministrationRejected(f"{path}: {rejection}") from None
    return pairs


def _find_pairs(content: Any) -> Iterable[tuple[Any, Any]]:
    """Returns ids with texts; raises AdministrationRejected for an unknown format."""
    if not isinstance(content, Mapping):
        raise AdministrationRejected("The manifest is not a JSON object.")
    # The texts of the other two formats are no lists, so that an id may have this name.
    if not isinstance(content.get("operations"), list):
        return content.items()
    kind = content.get("format"), content.get("version")
    if kind != (APOLLO_FORMAT, APOLLO_VERSION):
        raise AdministrationRejected(
            f"Its format is {kind[0]!r} in version {kind[1]!r}; with a list of operations, only "
            f"{APOLLO_FORMAT!r} in version {APOLLO_VERSION} is known."
        )
    entries = [
        entry if isinstance(entry, Mapping) else {} for entry in content["operations"]
    ]
    return [(entry.get("id"), entry.get("body")) for entry in entries]


def _check_pair(name: Any, text: Any) -> None:
    if not isinstance(name, str) or not isinstance(text, str):
        raise AdministrationRejected(f"The entry {name!r} is no id with a text.")
    if not _ID.fullmatch(name):
        raise AdministrationRejected(
            f"The id {name[:100]!r} is not 1 to {MAXIMUM_LENGTH} ASCII letters, digits and signs."
        )
    if name.startswith(HASH_PREFIX) and name != HASH_PREFIX + hash_document(text):
        raise AdministrationRejected(
            f"The id {name!r} is not the hash of its text, {hash_document(text)}."
        )
