"""Executing one operation by the compiled executor, by graphql-core's own, and by Strawberry, for comparison."""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from strawberry import Schema

from tests.support.documents import UNLIMITED
from tests.support.operations import Drawn
from web.graphql.document import Document

_ADDRESS = re.compile(r"0x[0-9a-f]+")
_INTROSPECTION = re.compile(r"__(schema|type)\b")
_CONDITION = re.compile(r"@(?:skip|include)\(if: \$(\w+)\)")
_SIGNATURE = re.compile(r"signature=[\w.-]+")

Outcome = tuple[str, list[str]]
"""The data as text, in its order, and each error as text."""


def _text(value: object) -> str:
    # Where an object is in memory, and when an address was signed, is no part of an answer.
    return _SIGNATURE.sub("", _ADDRESS.sub("", json.dumps(value, default=_plain)))


def _plain(value: object) -> object:
    if isinstance(value, orjson.Fragment):
        return orjson.loads(orjson.dumps(value))
    return repr(value)


def parse_data(data: object) -> Any:
    """Returns the data of a result as a client reads it, with what was written as JSON already."""
    return json.loads(json.dumps(data, default=_plain))


async def outcome(execution: Awaitable[Any], *, is_ordered: bool) -> Outcome:
    """Returns what an execution came to; errors that have no order are sorted."""
    try:
        result = await execution
    except Exception as error:
        return "raised", [f"{type(error).__name__}: {error}"]
    errors = [
        _text(error.formatted) + type(error.original_error).__name__
        for error in result.errors or ()
    ]
    return _text(result.data), errors if is_ordered else sorted(errors)


def assert_same(found: Outcome, stock: Outcome, drawn: Drawn, *, is_ordered: bool) -> None:
    """Asserts that two executions came to the same.

    Where several root fields that may not be null fail, each at a time of its own, the
    specification (6.4.4) lets an executor report any of them. Of those that both report, the errors
    are the same.
    """
    if is_ordered or found[0] != "null" or not found[1]:
        assert found == stock, drawn
        return
    ours, theirs = _by_root_field(found[1]), _by_root_field(stock[1])
    assert stock[0] == "null", drawn
    assert theirs, drawn
    for root in ours.keys() & theirs.keys():
        assert ours[root] == theirs[root], drawn


def _by_root_field(errors: list[str]) -> dict[object, list[str]]:
    grouped: dict[object, list[str]] = {}
    for error in errors:
        formatted, _ = json.JSONDecoder().raw_decode(error)
        grouped.setdefault(formatted.get("path", [None])[0], []).append(error)
    return grouped


async def compare(
    schema: Schema,
    drawn: Drawn,
    context: Callable[[Document], object],
    *,
    is_ordered: bool,
    counted: Counter[str],
    with_strawberry: bool = False,
    is_regular: bool = False,
) -> None:
    """Executes an operation every way, by its plan twice, and asserts that all come to the same.

    When the values are regular, the plan itself must answer an operation without errors; a
    condition that is null makes an error only where graphql-core comes to it.
    """
    document = Document(schema._schema, drawn.text, UNLIMITED)
    assert document.errors == [], (document.errors, drawn)
    operation = document.operation(drawn.name)
    assert operation is not None
    found = []
    for is_compiled in (True, True, False):
        execution = operation.execute(
            drawn.variables, context(document), is_compiled=is_compiled
        )
        found.append(await outcome(execution, is_ordered=is_ordered))
    first, second, stock = found
    assert_same(first, stock, drawn, is_ordered=is_ordered)
    assert_same(second, stock, drawn, is_ordered=is_ordered)
    is_planned = operation.fallbacks == 1
    given = [drawn.variables.get(name, ...) for name in _CONDITION.findall(drawn.text)]
    is_plannable = not _INTROSPECTION.search(drawn.text) and None not in given
    if is_regular and not stock[1] and is_plannable:
        assert is_planned, drawn
    if with_strawberry:
        answered = schema.execute(
            drawn.text,
            drawn.variables,
            context_value=context(document),
            operation_name=drawn.name,
        )
        strawberry = await outcome(answered, is_ordered=is_ordered)
        assert_same(strawberry, stock, drawn, is_ordered=is_ordered)
        counted["with Strawberry"] += 1
    counted["compared"] += 1
    counted["with errors"] += bool(stock[1])
    counted["with data and errors"] += bool(stock[1]) and stock[0] != "null"
    counted["answered by the plan"] += is_planned
    counted["with fragments"] += "fragment" in drawn.text
    counted["with conditions"] += "@" in drawn.text
    counted["mutations"] += operation.node.operation.value == "mutation"
