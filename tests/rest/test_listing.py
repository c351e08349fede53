"""Lists of the REST interface: divisions and quotations."""

import httpx

from tests.support.rest import line, rest
from tests.support.service import Service


async def test_divisions_are_listed_in_pages(service: Service) -> None:
    buyer = rest(service)
    whole = await buyer.accepted("GET", "my-divisions/")
    assert list(whole) == ["count", "next", "previous", "results"]
    assert (whole["count"], whole["next"], whole["previous"]) == (4, None, None)
    main = int(service.division("ERP01"))
    assert whole["results"][0] == {
        "id": main,
        "name": "main",
        "division_type": "main",
        "parent": None,
        "erp_code": "ERP01",
        "is_active": True,
    }
    assert [
        (found["division_type"], found["parent"], found["is_active"])
        for found in whole["results"][1:]
    ] == [
        ("sub", main, True),
        ("sub", main, False),
        ("sub", main, True),
    ]
    second = await buyer.accepted("GET", "my-divisions/?limit=2&page=2")
    assert (second["results"], second["next"]) == (whole["results"][2:], None)
    first = httpx.URL(second["previous"])
    assert (first.path, dict(first.params)) == (
        "/api/v1/my-divisions/",
        {"limit": "2", "page": "1"},
    )
    below = await rest(service, prefix="/b2b/basket").accepted(
        "GET", "my-divisions/?page_size=4"
    )
    assert below == whole


async def test_the_divisions_of_a_closed_division_are_still_listed(
    service: Service,
) -> None:
    answer = await rest(service, "closed").accepted("GET", "my-divisions/")
    assert [(found["erp_code"], found["is_active"]) for found in answer["results"]] == [
        ("ERP04", False)
    ]


async def test_quotations_are_listed_newest_first(service: Service) -> None:
    buyer = rest(service)
    ids = []
    for name in ("One", "Two", "Three"):
        await buyer.accepted("POST", "basket/", json=line(service, 2, "ERP02", 2))
        ids.append(
            (await buyer.accepted("POST", "my-quotations/", json={"name": name}))["id"]
        )
    whole = await buyer.accepted("GET", "my-quotations/")
    assert [found["name"] for found in whole["results"]] == ["Three", "Two", "One"]
    newest = whole["results"][0]
    assert newest == {
        "id": newest["id"],
        "name": "Three",
        "status": "pending",
        "total_amount": "40.00",
        "currency": "try",
        "basket": ids[2],
        "created_at": newest["created_at"],
    }
    second = await buyer.accepted("GET", "my-quotations/?limit=2&page=2")
    assert (second["count"], second["results"], second["next"]) == (
        3,
        whole["results"][2:],
        None,
    )
    assert (await rest(service, "sub").accepted("GET", "my-quotations/"))["results"] == []
