"""The public keys of a provider, as its JWKS lists them."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import jwt
from cryptography.exceptions import UnsupportedAlgorithm

ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA"}
"""The accepted algorithms, by the kind and the curve of a key."""
RSA_BITS = range(2_048, 8_193)
"""Shorter keys can be broken; longer ones only cost time."""
MAXIMUM_KEYS = 100
_PUBLIC_MEMBERS = ("kty", "crv", "n", "e", "x", "y")


class KeyName(NamedTuple):
    """The id of a key, None without one, and the algorithm that it is for."""

    id: str | None
    algorithm: str


Keys: TypeAlias = Mapping[KeyName, jwt.PyJWK]


def parse_keys(content: object) -> Keys | None:
    """Returns the usable keys of a JWKS; None when the content is no JWKS.

    Keys that are not for signatures, too short or of an unknown kind are left out, and so are those
    that share a name: nobody could tell which one is meant.
    """
    entries = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        return None
    keys: dict[KeyName, jwt.PyJWK] = {}
    ambiguous = set[KeyName]()
    for entry in entries[:MAXIMUM_KEYS]:
        named = _parse_key(entry) if isinstance(entry, dict) else None
        if named is not None:
            name, key = named
            if name in keys:
                ambiguous.add(name)
            keys[name] = key
    return {name: key for name, key in keys.items() if name not in ambiguous}


def _parse_key(entry: Mapping[str, Any]) -> tuple[KeyName, jwt.PyJWK] | None:
    name = _name_key(entry)
    if name is None or not _is_for_signatures(entry, name.algorithm):
        return None
    # Of a private key, which a provider publishes by mistake, only the public half is used.
    members = {member: entry[member] for member in _PUBLIC_MEMBERS if member in entry}
    try:
        key = jwt.PyJWK(members, name.algorithm)
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, AttributeError):
        return None
    is_short = name.algorithm == "RS256" and key.key.key_size not in RSA_BITS
    return None if is_short else (name, key)


def _name_key(entry: Mapping[str, Any]) -> KeyName | None:
    kind, curve, key_id = entry.get("kty"), entry.get("crv"), entry.get("kid")
    texts = (kind, curve, key_id)
    if not all(text is None or isinstance(text, str) for text in texts):
        return None
    algorithm = ALGORITHMS.get((str(kind), None if kind == "RSA" else curve))
    return KeyName(key_id, algorithm) if algorithm else None


def _is_for_signatures(entry: Mapping[str, Any], algorithm: str) -> bool:
    operations = entry.get("key_ops", ["verify"])
    return (
        entry.get("use", "sig") == "sig"
        and entry.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
    )


def select_key(keys: Keys, name: KeyName) -> jwt.PyJWK | None:
    """Returns the key that a token names; without a key id, the only one of its algorithm."""
    if name.id is not None:
        return keys.get(name)
    matching = [key for known, key in keys.items() if known.algorithm == name.algorithm]
    return matching[0] if len(matching) == 1 else None
