"""The rule for text at every place where a text enters: accepted alike, and rejected alike."""

from itertools import product

import pytest

from commands.administration import AdministrationRejected, add_division, add_user
from tests.basket.test_text import ACCEPTED
from tests.support.rest import line as rest_line
from tests.support.rest import rest
from tests.support.service import Service

SPACED = "\u00a0 Réunion\u202f12 \u200b"
REJECTED = ["a\0b", "a\x07", "two\nlines", "\x7f", "a\u2028b", "\0", "\ufffe", "x" * 256]


async def save_and_load(service: Service, name: str) -> str:
    """Saves a basket under a name, loads it again, and returns the name it had."""
    saved = await service.main.accepted("basketSave", name=name)
    await service.main.accepted("basketLoad", basketId=saved["id"])
    return str(saved["name"])


async def test_names_are_accepted_and_answered_as_they_are(service: Service) -> None:
    buyer = rest(service)
    for name in ACCEPTED:
        await buyer.accepted("POST", "basket/", json=rest_line(service, 1, "ERP02", 1))
        assert await save_and_load(service, name) == name
        await buyer.accepted("POST", "basket/save/", json={"name": name})
        assert name in [
            draft["name"] for draft in await buyer.accepted("GET", "basket/drafts/")
        ]
        await buyer.accepted("POST", "basket/", json=rest_line(service, 1, "ERP02", 1))
        payload = await service.main.change(
            "quotationRequest", "quotation { name }", name=name
        )
        assert payload == {"quotation": {"name": name}, "userErrors": []}


ITEMS = [{"sku": "SKU01", "divisionErpCode": "ERP02"}]
DOORS = (("basketSave", "basket/save/"), ("quotationRequest", "my-quotations/"))


async def test_the_spaces_around_a_name_are_left_out(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=ITEMS)
    assert await save_and_load(service, SPACED) == "Réunion\u202f12"


async def test_names_are_rejected_alike(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=ITEMS)
    buyer = rest(service)
    for name, (mutation, path) in product(REJECTED, DOORS):
        codes = await service.main.rejected(mutation, name=name)
        assert (name, codes) == (name, [("INVALID_INPUT", ["name"])])
        status, messages = await buyer.rejected("POST", path, json={"name": name})
        assert (name, status, list(messages)) == (name, 400, ["name"])
    for name in REJECTED:
        for given in ((name, "x", None), ("ERP77", name, None), ("ERP77", "x", name)):
            with pytest.raises(AdministrationRejected, match=r"^The (ERP code|name) has "):
                await add_division(*given)


BLANK = ("", " ", "\u00a0", "\u200b\u200d", "\u3164")


async def test_blank_names_are_rejected_alike(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", items=ITEMS)
    buyer = rest(service)
    for name, (mutation, path) in product(BLANK, DOORS):
        codes = await service.main.rejected(mutation, name=name)
        assert (name, codes) == (name, [("NAME_REQUIRED", ["name"])])
        status, messages = await buyer.rejected("POST", path, json={"name": name})
        assert (name, status, list(messages)) == (name, 400, ["name"])
    for name in BLANK:
        with pytest.raises(AdministrationRejected, match=r"^The name is blank\.$"):
            await add_division("ERP77", name, None)


async def test_divisions_and_people_may_have_any_accepted_text(service: Service) -> None:
    for number, text in enumerate(ACCEPTED):
        await add_division(text, text, "ERP01")
        await add_user(f"user{number}@example.com", text, text, text)
        items = [{"sku": "SKU01", "divisionErpCode": text}]
        await service.main.accepted("basketItemsAdd", items=items)
    data = await service.main.query("{ divisions { name erpCode } }")
    found = {(each["name"], each["erpCode"]) for each in data["divisions"]}
    assert {(text, text) for text in ACCEPTED} <= found
