"""Importing spreadsheets over HTTP: rows, reports, rejections, and the multipart requests that carry them."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import ods, sheets
from tests.support.service import BASKET, Caller, Service

WHOLE = "basket { ...Whole }"


def document(selection: str) -> str:
    """Writes the mutation's document."""
    report = "report { rowsRead rowsImported rowErrors { row column value code message } }"
    return (
        f"mutation Import($input: BasketImportInput!) {{ basketImport(input: $input) {{ {selection} {report} "
        f"userErrors {{ code message field }} }} }} {BASKET if 'Whole' in selection else ''}"
    )


async def post(
    caller: Caller, content: bytes, selection: str = WHOLE, **given: Any
) -> httpx.Response:
    """Sends a file as the multipart request specification says."""
    variables = {"input": given | {"file": None}}
    return await caller.client.post(
        "/graphql",
        data={
            "operations": json.dumps(
                {"query": document(selection), "variables": variables}
            ),
            "map": json.dumps({"0": ["variables.input.file"]}),
        },
        files={"0": ("basket.xls", content)},
        headers={"Authorization": f"Token {caller.token}", "X-Requested-With": "test"},
    )


async def send(
    caller: Caller, content: bytes, selection: str = WHOLE, **given: Any
) -> dict[str, Any]:
    """Sends a file and returns the payload."""
    answer = (await post(caller, content, selection, **given)).json()
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["basketImport"]
    return payload


ROWS = [
    ["SKU01", 2, "ERP02"],
    ["SKU01", 1, "ERP01"],
    ["SKU02", 2, "ERP02"],
    ["SKU03", 1, "ERP01"],
]


@pytest.mark.parametrize("kind", sheets.WRITERS)
async def test_an_import_is_one_change_with_one_question_to_commerce(
    service: Service, kind: str
) -> None:
    payload = await send(service.main, sheets.WRITERS[kind](ROWS))
    basket = payload["basket"]
    assert payload["report"] == {"rowsRead": 4, "rowsImported": 4, "rowErrors": []}
    assert (basket["totalAmount"], basket["totalQuantity"], basket["version"]) == (
        "81.65",
        6,
        1,
    )
    assert service.shop.requests == [
        "/api/v1/data-warehouse/products/?sku__in=SKU01,SKU02,SKU03&limit=100&page=1",
    ]
    again = await send(service.main, sheets.WRITERS[kind](ROWS))
    assert (again["basket"]["totalQuantity"], again["basket"]["version"]) == (12, 2)
    assert len(service.shop.requests) == 1


async def test_the_same_product_and_division_twice_adds_up(service: Service) -> None:
    payload = await send(
        service.main, sheets.csv([["SKU01", 2, "ERP01"], ["SKU01", 3, "ERP01"]])
    )
    assert [item["quantity"] for item in payload["basket"]["items"]] == [5]


BAD = [
    ["SKU01", 1, "ERP01"],
    ["SKU01", 2.5, "ERP01"],
    ["NONE", 1, "ERP01"],
    ["SKU06", 1, "ERP01"],
    ["SKU01", 1, "ERP05"],
    ["SKU01", 1, "ERP99"],
    ["SKU05", 1, "ERP01"],
    ["SKU01", 1_000_000, "ERP01"],
    ["", 1, "ERP01"],
]
ERRORS = [
    (3, "quantity", "2.5", "INVALID_QUANTITY"),
    (4, "product__sku", "NONE", "PRODUCT_NOT_FOUND"),
    (5, "product__sku", "SKU06", "PRODUCT_UNAVAILABLE"),
    (6, "division__erp_code", "ERP05", "DIVISION_NOT_ALLOWED"),
    (7, "division__erp_code", "ERP99", "DIVISION_NOT_FOUND"),
    (8, "product__sku", "SKU05", "CURRENCY_MISMATCH"),
    (9, "quantity", "1000000", "INVALID_QUANTITY"),
    (10, "product__sku", None, "INVALID_INPUT"),
]


def listed(payload: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Returns the row errors in short."""
    errors = payload["report"]["rowErrors"]
    return [
        (error["row"], error["column"], error["value"] or None, error["code"])
        for error in errors
    ]


async def test_one_bad_row_and_nothing_is_imported(service: Service) -> None:
    payload = await send(service.main, sheets.csv(BAD))
    assert payload["basket"] is None
    assert (payload["report"]["rowsRead"], payload["report"]["rowsImported"]) == (9, 0)
    assert listed(payload) == ERRORS
    assert payload["userErrors"] == [
        {
            "code": "INVALID_ROWS",
            "message": "8 rows cannot be imported, so nothing was.",
            "field": ["file"],
        }
    ]
    assert await service.main.basket() is None


async def test_a_single_bad_row_is_one_row(service: Service) -> None:
    payload = await send(
        service.main, sheets.csv([["SKU01", "1.000", "ERP01"]], delimiter=";")
    )
    assert [error["message"] for error in payload["userErrors"]] == [
        "1 row cannot be imported, so nothing was."
    ]
    assert listed(payload) == [(2, "quantity", "1.000", "INVALID_QUANTITY")]
    assert await service.main.basket() is None


async def test_an_ods_file_is_imported(service: Service) -> None:
    payload = await send(service.main, ods.book([["SKU01", "2", "ERP01"]]))
    assert (payload["userErrors"], payload["report"]["rowsImported"]) == ([], 1)
    assert payload["basket"]["totalQuantity"] == 2


async def test_bad_rows_are_skipped_when_asked_for(service: Service) -> None:
    payload = await send(service.main, sheets.csv(BAD), skipInvalidRows=True)
    assert (payload["report"]["rowsImported"], payload["userErrors"], listed(payload)) == (
        1,
        [],
        ERRORS,
    )
    assert payload["basket"]["totalQuantity"] == 1


async def test_nothing_of_an_upload_outlives_the_request(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    # Other tests that run now have uploads of their own.
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    await send(service.main, sheets.csv(ROWS))
    await send(service.main, b"<html></html>")
    assert list(folder.iterdir()) == []


async def test_a_dry_run_only_reports(service: Service) -> None:
    payload = await send(service.main, sheets.csv(ROWS), dryRun=True)
    assert (
        payload["basket"],
        payload["report"]["rowsImported"],
        payload["userErrors"],
    ) == (None, 4, [])
    assert await service.main.basket() is None


async def test_an_import_without_a_good_row_makes_no_basket(service: Service) -> None:
    for rows in ([], [["NONE", 1, "ERP01"]]):
        payload = await send(service.main, sheets.csv(rows), skipInvalidRows=True)
        assert [error["code"] for error in payload["userErrors"]] == ["INVALID_ROWS"]
    assert await service.main.basket() is None


async def test_files_that_cannot_be_read_are_rejected(service: Service) -> None:
    for content, code in (
        (b"<html></html>", "FILE_UNREADABLE"),
        (b"a,b\n1,2\n", "MISSING_COLUMN"),
        (b"x" * 10_000_001, "FILE_TOO_LARGE"),
    ):
        payload = await send(service.main, content)
        assert (payload["basket"], payload["report"]) == (None, None)
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
            (code, ["file"])
        ]


async def test_an_upload_far_too_large_is_not_read_to_its_end(service: Service) -> None:
    response = await post(service.main, b"x" * 22_000_000)
    assert (response.status_code, response.json()["errors"][0]["extensions"]) == (
        413,
        {"code": "FILE_TOO_LARGE"},
    )


async def test_a_retry_with_the_same_file_gets_the_first_answer(service: Service) -> None:
    first = await send(service.main, sheets.csv(ROWS), idempotencyKey="key")
    assert await send(service.main, sheets.csv(ROWS), idempotencyKey="key") == first
    other = await send(service.main, sheets.csv(ROWS[:1]), idempotencyKey="key")
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    basket = await service.main.basket()
    assert basket is not None
    assert basket["version"] == 1


async def test_a_rejected_import_is_answered_again_with_its_report(
    service: Service,
) -> None:
    first = await send(service.main, sheets.csv(BAD), idempotencyKey="key")
    assert await send(service.main, sheets.csv(BAD), idempotencyKey="key") == first
    assert listed(first) == ERRORS


async def test_nothing_changes_when_commerce_is_down_or_the_version_is_stale(
    service: Service,
) -> None:
    stale = await send(service.main, sheets.csv(ROWS), expectedVersion=7)
    assert [error["code"] for error in stale["userErrors"]] == ["VERSION_CONFLICT"]
    service.shop.is_down = True
    payload = await send(service.main, sheets.csv([["SKU04", 1, "ERP01"]]))
    assert [error["code"] for error in payload["userErrors"]] == ["COMMERCE_UNAVAILABLE"]
    assert await service.main.basket() is None


GOOD = {
    "query": "mutation ($f: Upload!) { basketImport(input: {file: $f}) { report { rowsRead } } }"
}


async def form(
    service: Service, operations: Any, mapping: Any, *names: str, **headers: str
) -> httpx.Response:
    """Sends a form with any operations, map and file parts."""
    texts = {"operations": operations, "map": mapping}
    data = {
        name: text if isinstance(text, str) else json.dumps(text)
        for name, text in texts.items()
        if text is not None
    }
    files = {name: ("f", sheets.csv(ROWS)) for name in names}
    headers = {"Authorization": "Token main", "X-Requested-With": "x"} | headers
    return await service.client.post("/graphql", data=data, files=files, headers=headers)


NO_PATHS: tuple[Any, ...] = (None, True, 1, "variables.f", {}, [[]], [None])
MALFORMED: list[tuple[Any, Any]] = [
    (None, {"0": ["variables.f"]}),
    ("{", {"0": ["variables.f"]}),
    ([], {"0": ["variables.f"]}),
    (GOOD | {"variables": {"f": None}}, None),
    (GOOD | {"variables": {"f": None}}, "{"),
    (GOOD | {"variables": {"f": None}}, []),
    (GOOD | {"variables": {"f": None}}, {}),
    (GOOD | {"variables": {"f": None}}, {"1": ["variables.f"]}),
    (GOOD | {"variables": {"f": None}}, {"0": "variables.f"}),
    (GOOD | {"variables": {"f": None}}, {"0": []}),
    (GOOD | {"variables": {"f": None}}, {"0": [1]}),
    (GOOD | {"variables": {"f": None}}, {"0": ["variables"]}),
    (GOOD | {"variables": {"f": None}}, {"0": ["query"]}),
    (GOOD | {"variables": {"f": None}}, {"0": ["variables.g"]}),
    (GOOD | {"variables": {"f": None}}, {"0": ["variables.f.g"]}),
    (GOOD | {"variables": {"f": "text"}}, {"0": ["variables.f"]}),
    (GOOD | {"variables": {"f": [None]}}, {"0": ["variables.f.99"]}),
    (GOOD | {"variables": {"f": [None]}}, {"0": ["variables.f.x"]}),
    (GOOD | {"variables": {"f": [None]}}, {"0": ["variables.f.1.5"]}),
    (GOOD | {"variables": {"f": [None]}}, {"0": ["variables.f._0"]}),
    (GOOD | {"variables": {"f": [None]}}, {"0": ["variables.f.-1"]}),
    (GOOD | {"variables": None}, {"0": ["variables.f"]}),
    *[
        (kind, {"0": ["variables.f"]})
        for kind in ("null", "true", "1", '"x"', "[]", "NaN", "", "[" * 2_000)
    ],
    *[
        (GOOD | {"variables": {"f": None}}, kind)
        for kind in ("null", "true", "1", '"x"', "NaN", "", "[" * 2_000)
    ],
    *[(GOOD | {"variables": {"f": None}}, {"0": kind}) for kind in NO_PATHS],
    *[
        (GOOD | {"variables": {"f": [None]}}, {"0": [f"variables.f.{index}"]})
        for index in (
            "0_0",
            "00",
            "+0",
            " 0",
            "0.0",
            "\u0660",
            "0x0",
            "1e0",
            "",
            "999999999999999999999",
        )
    ],
    *[
        (GOOD | {"variables": {"f": None}}, {"0": [path]})
        for path in (
            "",
            ".",
            "variables.",
            "variables..f",
            ".variables.f",
            "0.variables.f",
            "variables.__class__",
        )
    ],
    (
        '{"query": "{viewer{id}}", "variables": {"f": null}, "variables": {"f": null}}',
        {"0": ["variables.f"]},
    ),
    (GOOD | {"variables": {"f": None}}, '{"0": ["variables.f"], "0": ["variables.f"]}'),
    ({"query": 1, "variables": {"f": None}}, {"0": ["variables.f"]}),
    (GOOD | {"variables": {"f": None}, "operationName": []}, {"0": ["variables.f"]}),
]


async def test_a_malformed_form_is_400(service: Service) -> None:
    for operations, mapping in MALFORMED:
        response = await form(service, operations, mapping, "0")
        assert response.status_code == 400, (operations, mapping)
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
    assert service.shop.requests == []


async def test_a_form_needs_no_header_but_the_token(service: Service) -> None:
    good = GOOD | {"variables": {"f": None}}
    response = await form(
        service, good, {"0": ["variables.f"]}, "0", **{"X-Requested-With": ""}
    )
    assert (response.status_code, "errors" in response.json()) == (200, False)


def part(disposition: str, content: str, *more: str) -> str:
    """Writes a part of a form with the boundary x."""
    head = [f"Content-Disposition: form-data; {disposition}", *more]
    return "--x\r\n" + "\r\n".join(head) + f"\r\n\r\n{content}\r\n"


FILE = "product__sku,quantity,division__erp_code\nSKU01,2,ERP01\n"
IMPORTED = {"data": {"basketImport": {"report": {"rowsRead": 1}}}}


@pytest.mark.parametrize(
    "disposition",
    [
        'name="0"',
        "name=0",
        'name="0"; filename=""',
        'name="0"; filename="a.csv"',
        "name=\"0\"; filename*=UTF-8''d%C3%BCbel.csv",
        'name="0"; filename="a.csv"; filename*=UTF-8\'\'d%C3%BCbel.csv',
    ],
)
async def test_a_part_is_a_file_with_or_without_a_file_name(
    service: Service, disposition: str
) -> None:
    good = json.dumps(GOOD | {"variables": {"f": None}})
    mapping = json.dumps({"0": ["variables.f"]})
    for text_name, *more in (
        ("",),
        ('; filename="blob"', "Content-Type: application/json"),
    ):
        body = part(f'name="operations"{text_name}', good, *more)
        body += part(f'name="map"{text_name}', mapping, *more)
        body += (
            part(disposition, FILE, "Content-Type: application/octet-stream") + "--x--\r\n"
        )
        headers = {
            "Authorization": "Token main",
            "Content-Type": "multipart/form-data; boundary=x",
        }
        response = await service.client.post("/graphql", content=body, headers=headers)
        assert (response.status_code, response.json()) == (200, IMPORTED)


@pytest.mark.parametrize("name", ["operations", "map", "0", "1", "_charset_"])
async def test_a_part_too_many_is_rejected_for_that(service: Service, name: str) -> None:
    texts = {"operations": GOOD | {"variables": {"f": None}}, "map": {"0": ["variables.f"]}}
    parts = {key: part(f'name="{key}"', json.dumps(text)) for key, text in texts.items()}
    parts["0"] = part('name="0"; filename="a.csv"', FILE)
    body = (
        "".join(parts.values())
        + parts.get(name, part(f'name="{name}"', "utf-8"))
        + "--x--\r\n"
    )
    headers = {
        "Authorization": "Token main",
        "Content-Type": "multipart/form-data; boundary=x",
    }
    response = await service.client.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == (
        "The multipart body is malformed: Too many parts: a form has at most 1 file and 2 other parts."
    )
    assert await service.main.basket() is None


async def test_a_large_part_without_a_file_name_is_read(service: Service) -> None:
    rows = "SKU01,1,ERP01\n" * 100_000
    texts = part('name="operations"', json.dumps(GOOD | {"variables": {"f": None}}))
    texts += part('name="map"', json.dumps({"0": ["variables.f"]}))
    body = texts + part('name="0"', FILE + rows) + "--x--\r\n"
    headers = {
        "Authorization": "Token main",
        "Content-Type": "multipart/form-data; boundary=x",
    }
    response = await service.client.post("/graphql", content=body, headers=headers)
    assert (response.status_code, "data" in response.json()) == (200, True)


async def test_two_files_or_a_broken_body_are_400(service: Service) -> None:
    good = GOOD | {"variables": {"f": None}}
    for names in (("0", "1"), ("0", "1", "2")):
        assert (
            await form(service, good, {"0": ["variables.f"]}, *names)
        ).status_code == 400
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        headers = {
            "Authorization": "Token main",
            "X-Requested-With": "x",
            "Content-Type": kind,
        }
        response = await service.client.post(
            "/graphql", content=b"--y\r\nbroken", headers=headers
        )
        assert response.status_code == 400


async def test_only_real_files_reach_an_upload(service: Service) -> None:
    for value in ("text", {"filename": "x"}, 1, ["x"]):
        content = (await service.main.post(GOOD["query"], f=value)).json()
        assert "data" not in content
        assert len(content["errors"]) == 1
