"""Cached documents take no more memory than they count for, whatever is in them."""

import gc
import tracemalloc
from itertools import product

import pytest

from application import schema
from schema.execution.strawberry_internals import graphql_schema
from tests.support.documents import UNLIMITED
from web.graphql.document import CACHED_CHARACTERS, Document, Documents

CONDITIONS = "abcdefgh"
VARIABLES = ", ".join(f"${name}: Boolean!" for name in CONDITIONS)
PAIRS = [
    f"@include(if: ${first}) @skip(if: ${second})"
    for first, second in zip(CONDITIONS[::2], CONDITIONS[1::2], strict=True)
]
"""Four conditions with eight variables, for as many plans as an operation may have."""
FIELDS = {
    "an alias each": "{ viewer { id " + " ".join(f"a{n}: id" for n in range(99)) + " } }",
    "many operations": " ".join(f"query a{n} {{ viewer {{ id }} }}" for n in range(150)),
    "variables": f"query ({', '.join(f'$a{n}: Int' for n in range(45))}) {{ "
    + " ".join(f"b{n}: activeBasket(segmentRemoteId: $a{n}) {{ id }}" for n in range(45))
    + " }",
    "plans of few fields": f"query ({VARIABLES}) {{ viewer {{ id "
    + " ".join(f"a{n}: id {pair}" for n, pair in enumerate(PAIRS))
    + " } }",
    "plans of mutations": f"mutation ({VARIABLES}) {{ "
    + " ".join(
        f"a{n}: basketItemsAdd(input: {{items: []}}) {pair} {{ basket {{ id }} }}"
        for n, pair in enumerate(PAIRS)
    )
    + " }",
    "plans of items": f"query ({VARIABLES}) {{ activeBasket {{ items {{ id "
    + " ".join(
        f"a{n}: product {{ sku {pair} }} b{n}: divisions {{ quantity division {{ id }} }}"
        for n, pair in enumerate(PAIRS)
    )
    + " } } }",
}


def use(document: Document) -> None:
    """Plans all operations of a document, with all values of its conditions."""
    assert document.errors == []
    assert document.nodes is not None
    for definition in document.nodes.to_dict()["definitions"]:
        name = definition["name"] and definition["name"]["value"]
        operation = document.operation(name)
        assert operation is not None
        document.label(name)
        for values in product([True, False], repeat=8 if operation.has_conditions else 0):
            operation.bind(dict(zip(CONDITIONS, values, strict=False)))


@pytest.mark.long
@pytest.mark.parametrize("kind", FIELDS)
def test_a_document_takes_no_more_than_its_share_of_a_hundred_megabytes(kind: str) -> None:
    documents = Documents(graphql_schema(schema), UNLIMITED)
    use(documents.find("{ viewer { id } }"))
    counted = documents.size
    gc.collect()
    tracemalloc.start()
    try:
        use(documents.find(FIELDS[kind]))
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert CACHED_CHARACTERS == 300_000
    assert taken / (documents.size - counted) < 100_000_000 / CACHED_CHARACTERS
