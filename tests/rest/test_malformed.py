"""Bodies and files that the REST interface cannot read."""

from dataclasses import replace

from tests.support import sheets
from tests.support.rest import RestCaller, rest
from tests.support.service import Service, serve_beside

MALFORMED = [
    (b"{", "The body '{' is not JSON: unexpected end of data: line 1 column 2 (char 1)."),
    (b"[1]", "The body [1] is not an object."),
    (b'"x"', "The body 'x' is not an object."),
    (
        b'{"quantity": NaN}',
        "The body '{\"quantity\": NaN}' is not JSON: unexpected character, expected a JSON value: "
        "line 1 column 14 (char 13).",
    ),
]


async def test_a_malformed_body_is_named(service: Service) -> None:
    buyer, headers = rest(service), {"Content-Type": "application/json"}
    for method, path in (
        ("POST", "basket/"),
        ("PUT", "basket/"),
        ("DELETE", "basket/"),
        ("POST", "basket/save/"),
    ):
        for content, message in MALFORMED:
            answer = await buyer.rejected(method, path, content=content, headers=headers)
            assert answer == (400, {"non_field_errors": [message]})


async def test_a_hostile_body_is_400_with_a_short_answer(service: Service) -> None:
    for content in (
        b"\xff",
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
        b'{"quantity": 1e999}',
    ):
        status, answer = await rest(service).rejected("POST", "basket/", content=content)
        assert (status, len(str(answer)) < 400) == (400, True)


async def test_bodies_of_other_types_and_sizes_are_rejected(service: Service) -> None:
    buyer = rest(service)
    text = {"Content-Type": "text/plain"}
    unsupported = (415, {"detail": 'Unsupported media type "text/plain" in request.'})
    assert (
        await buyer.rejected("POST", "basket/", content=b"{}", headers=text) == unsupported
    )
    assert (
        await buyer.rejected("POST", "basket/bulk-import/", content=b"{}", headers=text)
        == unsupported
    )
    large = b'{"name": "' + b" " * 1_000_000 + b'"}'
    too_large = (413, {"detail": "The body is larger than 1000000 bytes."})
    assert await buyer.rejected("POST", "basket/save/", content=large) == too_large


async def test_a_file_that_cannot_be_imported_changes_nothing(service: Service) -> None:
    buyer = rest(service)
    rows = [["SKU01", 1, "ERP01"], ["SKU99", 1, "ERP01"], ["SKU01", 1, "ERP05"]]
    answer = await buyer.rejected(
        "POST", "basket/bulk-import/", files={"filename": ("a.xls", sheets.xls(rows))}
    )
    assert answer == (
        400,
        {
            "filename": [
                "2 rows cannot be imported, so nothing was.",
                "Row 3, product__sku: The product with SKU SKU99 is not known to Commerce.",
                "Row 4, division__erp_code: You may not buy for division ERP05: it is neither your own division "
                "(ERP01) nor one below it.",
            ]
        },
    )
    missing = await buyer.rejected(
        "POST", "basket/bulk-import/", files={"file": ("a.xls", sheets.xls(rows))}
    )
    assert missing == (400, {"filename": ["This field is required."]})
    status, text = await buyer.rejected(
        "POST", "basket/bulk-import/", files={"filename": (None, b"SKU01")}
    )
    assert (status, list(text)) == (400, ["filename"])
    assert "product__sku" in text["filename"][0]
    status, garbage = await buyer.rejected(
        "POST", "basket/bulk-import/", files={"filename": ("a.xls", b"\x00" * 9)}
    )
    assert (status, list(garbage)) == (400, ["filename"])


async def test_a_file_that_is_too_large_is_rejected_with_its_size(
    service: Service, database_url: str
) -> None:
    async with serve_beside(
        service, database_url, import_maximum_bytes=10, export_url="memory://exports"
    ) as client:
        await check_large_files(rest(replace(service, client=client)))


async def check_large_files(buyer: RestCaller) -> None:
    """Sends files over the limit of 10 bytes."""
    status, answer = await buyer.rejected(
        "POST", "basket/bulk-import/", files={"filename": ("a.csv", b"x" * 11)}
    )
    assert (status, list(answer)) == (400, ["filename"])
    assert "11 bytes" in answer["filename"][0]
    status, answer = await buyer.rejected(
        "POST", "basket/bulk-import/", files={"filename": ("a.csv", b"x" * 1_000_020)}
    )
    assert (status, answer) == (413, {"detail": "The upload is larger than 1000020 bytes."})
