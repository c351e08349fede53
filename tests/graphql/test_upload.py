"""Uploads: the multipart form of a file, and forms that are none."""

import json
from itertools import product
from typing import Any

import httpx
import pytest

from tests.support import sheets
from tests.support.imports import ROWS
from tests.support.service import Service

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


DISPOSITIONS = [
    'name="0"',
    "name=0",
    'name="0"; filename=""',
    'name="0"; filename="a.csv"',
    "name=\"0\"; filename*=UTF-8''d%C3%BCbel.csv",
    'name="0"; filename="a.csv"; filename*=UTF-8\'\'d%C3%BCbel.csv',
]


async def test_a_part_is_a_file_with_or_without_a_file_name(service: Service) -> None:
    good = json.dumps(GOOD | {"variables": {"f": None}})
    mapping = json.dumps({"0": ["variables.f"]})
    headers = {
        "Authorization": "Token main",
        "Content-Type": "multipart/form-data; boundary=x",
    }
    texts = (("",), ('; filename="blob"', "Content-Type: application/json"))
    for disposition, (text_name, *more) in product(DISPOSITIONS, texts):
        body = part(f'name="operations"{text_name}', good, *more)
        body += part(f'name="map"{text_name}', mapping, *more)
        body += part(disposition, FILE, "Content-Type: application/octet-stream")
        response = await service.client.post(
            "/graphql", content=f"{body}--x--\r\n", headers=headers
        )
        found = (disposition, response.status_code, response.json())
        assert found == (disposition, 200, IMPORTED)


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
