"""With introspection off, as in production by default, nothing tells of the schema: no introspection, no suggestion."""

import json
from collections.abc import Iterator

import pytest

from tests.support.raw_http import RawServer, raw_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawServer]:
    """A server without introspection."""
    with raw_server(tmp_path_factory.mktemp("server"), INTROSPECTION="false") as started:
        yield started


def messages(server: RawServer, document: str, **variables: object) -> list[str]:
    """Returns the messages with which a document is rejected."""
    answer = server.post(json.dumps({"query": document, "variables": variables}).encode())
    assert answer is not None
    content = json.loads(answer.body)
    assert "data" not in content
    return [error["message"] for error in content["errors"]]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{ __schema { queryType { name } } }", "Introspection is switched off."),
        ('{ __type(name: "Basket") { name } }', "Introspection is switched off."),
        ("{ view { id } }", "Cannot query field 'view' on type 'Query'."),
        ("{ viewer { firstNam } }", "Cannot query field 'firstNam' on type 'Viewer'."),
        (
            "{ product(remoteIds: 1) { sku } }",
            "Unknown argument 'remoteIds' on field 'Query.product'.",
        ),
        ("{ viewer { ... on Viewr { id } } }", "Unknown type 'Viewr'."),
        ("{ viewer { id @includ(if: true) } }", "Unknown directive '@includ'."),
        (
            "{ viewer { id @include(iff: true, if: true) } }",
            "Unknown argument 'iff' on directive '@include'.",
        ),
    ],
)
def test_nothing_is_suggested(server: RawServer, document: str, message: str) -> None:
    assert messages(server, document) == [message]


def test_values_suggest_nothing_either(server: RawServer) -> None:
    literal = "mutation { basketExport(input: {format: CVS}) { export { cacheKey } } }"
    variable = "mutation ($i: BasketExportInput!) { basketExport(input: $i) { export { cacheKey } } }"
    found = [
        *messages(server, literal),
        *messages(server, variable, i={"format": "CVS"}),
        *messages(server, variable, i={"forma": "CSV", "format": "CSV"}),
    ]
    assert len(found) >= 3
    assert [message for message in found if "Did you mean" in message] == []


def test_type_names_are_still_told(server: RawServer) -> None:
    answer = server.post(b'{"query": "{ __typename viewer { __typename } }"}')
    assert answer is not None
    assert json.loads(answer.body) == {
        "data": {"__typename": "Query", "viewer": {"__typename": "Viewer"}}
    }
