"""The digest of an input, by which a retry is told from another use of an idempotency key."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple, get_args, get_type_hints

import orjson
import strawberry
from strawberry import UNSET

from schema.node import IdKind, number_of


def digest_of(mutation: str, given: Mapping[str, Any]) -> str:
    """Returns the digest of a mutation's name and of the fields of its input."""
    text = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(mutation.encode() + text).hexdigest()


def differing_fields(given: Any) -> dict[str, Any]:
    """Returns the fields of an input that differ from their defaults, with numbers for ids.

    So a retry stays the same input when this server knows a new optional field, and when the
    client names an object by its id once and by its bare number then.
    """
    return {
        name: _reduced(value, kind)
        for name, default, kind in _fields_of(given.__class__)
        if (value := getattr(given, name)) != default
    }


class _Field(NamedTuple):
    """A field of an input: its default, MISSING where it is required, and the kind of an id."""

    name: str
    default: object
    kind: IdKind | None


@cache
def _fields_of(type_of_input: type[Any]) -> Sequence[_Field]:
    hints = get_type_hints(type_of_input)
    return [
        _Field(
            field.name, _default_of(field.default), _kind_of(field.name, hints[field.name])
        )
        for field in fields(type_of_input)
    ]


def _default_of(declared: object) -> object:
    return None if declared is UNSET else declared


def _kind_of(name: str, hint: object) -> IdKind | None:
    """Returns the kind that the name of a field tells, `division_id`; None for no id."""
    if not _names_id(hint):
        return None
    return IdKind(name.removesuffix("s").removesuffix("_id"))


def _names_id(hint: object) -> bool:
    return hint is strawberry.ID or any(map(_names_id, get_args(hint)))


def _reduced(value: object, kind: IdKind | None) -> object:
    if isinstance(value, list):
        return [_reduced(each, kind) for each in value]
    if is_dataclass(value):
        return differing_fields(value)
    number = number_of(kind, value) if kind and isinstance(value, str) else None
    # A text that is no id stays, so that two wrong ones are two inputs.
    return value if number is None else number
