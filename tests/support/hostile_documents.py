"""Requests made to cost a server much: each as a body, with what it is answered."""

import json
from typing import Any

Expected = tuple[int, str | None]
"""The status for `application/graphql-response+json`, and the error's code if it has one."""

LIMIT = (400, "DOCUMENT_LIMIT_EXCEEDED")
COST = (400, "COST_LIMIT_EXCEEDED")
MALFORMED = (400, "BAD_REQUEST")
TOO_LARGE = (413, "BODY_TOO_LARGE")
SYNTAX = (400, None)
CHAIN = "{{viewer{{...F0}}}} {} fragment F{} on Viewer{{id}}"


def _chain(length: int, spread: str) -> str:
    links = " ".join(
        f"fragment F{i} on Viewer{{{spread.format(i + 1)}}}" for i in range(length)
    )
    return CHAIN.format(links, length)


DOCUMENTS: dict[str, tuple[str, Expected]] = {
    "10 MB": ("{viewer{id}}" + " " * 10_000_000, TOO_LARGE),
    "900 kB": ("{viewer{id}}" + " " * 900_000, LIMIT),
    "100,000 aliases": ("{" + " ".join(f"a{i}:x" for i in range(100_000)) + "}", LIMIT),
    "300 aliases": ("{" + " ".join(f"a{i}:viewer{{id}}" for i in range(300)) + "}", LIMIT),
    "10,000 nested fields": ("{" + "viewer{" * 10_000 + "id" + "}" * 10_001, SYNTAX),
    "60 nested fields": ("{" + "viewer{" * 60 + "id" + "}" * 61, LIMIT),
    "100 nested inline fragments": ("{" + "...{" * 100 + "__typename" + "}" * 101, LIMIT),
    "100,000 directives": ("{viewer{id" + " @a" * 100_000 + "}}", LIMIT),
    "900 directives": ("{viewer{id" + " @a" * 900 + "}}", LIMIT),
    "a chain of fragments, doubled": (_chain(60, "...F{0} ...F{0}"), LIMIT),
    "a chain of 200 fragments": (_chain(200, "...F{0}"), LIMIT),
    "fields doubled twenty times": (
        _chain(20, "a:division{{...F{0}}} b:division{{...F{0}}}"),
        LIMIT,
    ),
    "a fragment that spreads itself": (
        "{viewer{...F}} fragment F on Viewer{id ...F ...F}",
        SYNTAX,
    ),
    "a field repeated": ("{" + "viewer{id} " * 300 + "}", LIMIT),
    "a field repeated by fragments": (
        "{viewer{"
        + " ".join(f"...F{i}" for i in range(100))
        + "}}"
        + " ".join(f"fragment F{i} on Viewer{{id email}}" for i in range(100)),
        LIMIT,
    ),
    "1,900 unknown fields": ("{" + " ".join(f"x{i}" for i in range(1_900)) + "}", SYNTAX),
    "150 unused fragments": (
        "{viewer{id}} "
        + " ".join(f"fragment F{i} on Viewer{{id email}}" for i in range(150)),
        SYNTAX,
    ),
    "45,000 comments": ("{viewer{id}}" + "#\n" * 45_000, SYNTAX),
    "a string of 99,000 characters": (
        '{product(sku:"' + "x" * 99_000 + '"){sku}}',
        (200, "INVALID_INPUT"),
    ),
    "a number of 99,000 digits": ("{product(remoteId:" + "1" * 99_000 + "){sku}}", SYNTAX),
    "2,147,483,648": ("{product(remoteId:2147483648){sku}}", SYNTAX),
    "deep lists": ("{product(sku:" + "[" * 900 + "]" * 900 + "){sku}}", SYNTAX),
    "lists of lists": (
        "{draftBaskets(first:100){edges{node{itemsPage(first:1000){edges{node{quantity}}}}}}}",
        COST,
    ),
    "introspection of introspection": (
        "{__schema{types{" + "fields{type{" * 5 + "name" + "}}" * 5 + "}}}",
        COST,
    ),
    "a NUL": ("{viewer{id}}\0", SYNTAX),
    "a NUL in a string": ('{product(sku:"\\u0000"){sku}}', (200, "INVALID_INPUT")),
    "half a surrogate pair in a string": ('{product(sku:"\\ud800"){sku}}', SYNTAX),
}
"""By what is hostile about it: a GraphQL document, and the answer."""

QUERY = '{"query": "query($s: String, $i: Int) {product(sku: $s, remoteId: $i) {sku}}", "variables": '
BODIES: dict[str, tuple[bytes, Expected]] = {
    "a name twice": (b'{"query": "{viewer{id}}", "query": "{viewer{email}}"}', MALFORMED),
    "a variable twice": ((QUERY + '{"s": "a", "s": "b"}}').encode(), MALFORMED),
    "a name twice, once escaped": (
        b'{"query":"{viewer{id}}","qu\\u0065ry":"{viewer{email}}"}',
        MALFORMED,
    ),
    "an integer of 100,000 digits": (
        (QUERY + '{"i": ' + "1" * 100_000 + "}}").encode(),
        MALFORMED,
    ),
    "an integer of 30 digits": ((QUERY + '{"i": ' + "1" * 30 + "}}").encode(), SYNTAX),
    "an integer beyond Int": ((QUERY + '{"i": 2147483648}}').encode(), SYNTAX),
    "NaN": ((QUERY + '{"i": NaN}}').encode(), MALFORMED),
    "Infinity": ((QUERY + '{"i": 1e999}}').encode(), MALFORMED),
    "100,000 nested lists": (b"[" * 100_000, MALFORMED),
    "900 nested objects": (
        (QUERY + '{"s": ' + '{"a":' * 900 + "1" + "}" * 900 + "}}").encode(),
        SYNTAX,
    ),
    "200 nested objects": (
        (QUERY + '{"s": ' + '{"a":' * 200 + "1" + "}" * 200 + "}}").encode(),
        SYNTAX,
    ),
    "half a surrogate pair": ((QUERY + '{"s": "\\ud800"}}').encode(), MALFORMED),
    "a NUL in a variable": ((QUERY + '{"s": "\\u0000"}}').encode(), (200, "INVALID_INPUT")),
    "bad UTF-8": (b'{"query": "\xff"}', MALFORMED),
    "a batch": (b'[{"query": "{viewer{id}}"}]', MALFORMED),
    "50,000 variables": (
        json.dumps(
            {"query": "{viewer{id}}", "variables": {f"v{i}": i for i in range(50_000)}}
        ).encode(),
        (200, None),
    ),
}
"""By what is hostile about it: a body, and the answer."""


def body_of(document: str, number: int, **more: Any) -> bytes:
    """Writes a body; the number keeps the document out of every cache."""
    return json.dumps({"query": f"#{number}\n{document}"} | more).encode()
