"""Stored outcomes: those that other releases may have written, and the digest that tells inputs apart."""

import hashlib
from typing import Any

import orjson
import pytest
import strawberry

from models.idempotency import IdempotencyKey, Key, store_outcome
from models.user import User
from resolvers import input_digest
from resolvers.input_digest import differing_fields, digest_of
from schema import inputs
from schema.inputs import BasketItemInput, BasketItemsAddInput, Input, optional
from schema.node import IdKind
from tests.support.service import Service

ADD: dict[str, Any] = {
    "items": [{"productRemoteId": 1, "divisionErpCode": "ERP02", "quantity": 2}],
    "idempotencyKey": "key",
}


async def write(**values: object) -> str:
    """Replaces the one stored outcome, and returns its text."""
    text = orjson.dumps(values).decode()
    assert await IdempotencyKey.all().update(outcome=text) == 1
    return text


async def stored() -> dict[str, Any]:
    """Returns the one stored outcome."""
    (key,) = await IdempotencyKey.all()
    values: dict[str, Any] = orjson.loads(key.outcome)
    return values


async def test_an_outcome_in_an_unknown_format_is_rejected_and_kept(
    service: Service,
) -> None:
    basket = await service.main.accepted("basketItemsAdd", **ADD)
    first = await stored()
    newer = await write(**first | {"format": 4, "unknown": [1]})
    before = await service.main.everything()
    (error,) = (await service.main.change("basketItemsAdd", **ADD))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["idempotencyKey"])
    assert error["message"] == (
        "The first outcome for this key is stored in format 4, and this server reads 2 and 3. "
        "Nothing more was changed; read the basket, or ask again later."
    )
    assert await service.main.everything() == before
    assert orjson.loads(newer) == await stored()
    await write(**first)
    assert await service.main.accepted("basketItemsAdd", **ADD) == basket


async def test_an_outcome_without_a_format_is_rejected(service: Service) -> None:
    await service.main.accepted("basketItemsAdd", **ADD)
    await write(basket=1, version=1)
    assert await service.main.rejected("basketItemsAdd", **ADD) == [
        ("INVALID_INPUT", ["idempotencyKey"])
    ]


async def test_a_name_that_is_not_known_is_left_unread(service: Service) -> None:
    basket = await service.main.accepted("basketItemsAdd", **ADD)
    await write(**await stored() | {"lines": [1, 2], "news": {"format": 9}})
    assert await service.main.accepted("basketItemsAdd", **ADD) == basket


async def test_a_rejection_of_a_newer_server_is_told_if_its_code_is_known(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", **ADD)
    error = {"code": "BASKET_EMPTY", "message": "Empty.", "field": ["items"], "new": 1}
    await write(format=2, user_errors=[error])
    assert await service.main.change("basketItemsAdd", **ADD) == {
        "basket": None,
        "userErrors": [{"code": "BASKET_EMPTY", "message": "Empty.", "field": ["items"]}],
    }
    await write(format=2, user_errors=[error | {"code": "TOO_NEW"}])
    (told,) = (await service.main.change("basketItemsAdd", **ADD))["userErrors"]
    assert (told["code"], told["field"]) == ("INVALID_INPUT", ["idempotencyKey"])
    assert "with the code TOO_NEW, which this server does not know" in told["message"]


TOO_NEW = [{"code": "TOO_NEW"}]


@pytest.mark.parametrize(
    ("values", "unknown"),
    [
        ({"outcomes": [{"index": 0, "status": "LATER"}]}, "line status LATER"),
        (
            {"outcomes": [{"index": 0, "status": "REJECTED", "errors": TOO_NEW}]},
            "code TOO_NEW",
        ),
        ({"report": {"row_errors": TOO_NEW}}, "code TOO_NEW"),
    ],
)
async def test_a_word_of_a_newer_server_is_named_and_the_outcome_is_kept(
    service: Service, values: dict[str, Any], unknown: str
) -> None:
    await service.main.accepted("basketItemsAdd", **ADD)
    await write(**await stored() | values)
    before = (await stored(), await service.main.everything())
    (told,) = (await service.main.change("basketItemsAdd", **ADD))["userErrors"]
    assert (told["code"], told["field"]) == ("INVALID_INPUT", ["idempotencyKey"])
    assert f"{unknown}, which this server does not know" in told["message"]
    assert (await stored(), await service.main.everything()) == before


async def test_a_problem_of_a_newer_server_is_named_and_the_outcome_is_kept(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", items=ADD["items"])
    service.shop.sell(1, "10.55", is_ready_to_basket=False)
    await service.main.change("basketRefresh", "userErrors { code }")
    given = {"name": "Q", "idempotencyKey": "key"}
    selected = "problems { code item { quantity } }"
    first = await service.main.change("quotationRequest", selected, **given)
    assert first["problems"] == [{"code": "PRODUCT_UNAVAILABLE", "item": {"quantity": 2}}]
    assert await service.main.change("quotationRequest", selected, **given) == first
    values = await stored()
    values["problems"]["found"][0]["code"] = "PRODUCT_RECALLED"
    await write(**values)
    before = await service.main.everything()
    newer = await service.main.change("quotationRequest", selected, **given)
    (told,) = newer["userErrors"]
    assert (newer["problems"], told["code"]) == ([], "INVALID_INPUT")
    assert (
        "with the code PRODUCT_RECALLED, which this server does not know"
        in (told["message"])
    )
    assert (await stored(), await service.main.everything()) == (values, before)


async def test_an_outcome_is_never_written_over_another_that_is_kept(
    service: Service,
) -> None:
    await service.main.accepted("basketItemsAdd", **ADD)
    user = await User.get(email="main@example.invalid")
    first = await stored()
    with pytest.raises(RuntimeError, match="store_outcome returned no row"):
        await store_outcome(user.id, Key("key", "0" * 64), '{"format":2}')
    assert await stored() == first


def test_a_digest_is_of_the_mutation_and_the_fields_that_differ_from_their_defaults() -> (
    None
):
    line = BasketItemInput(
        product_remote_id=1, division_id=strawberry.ID("division_7"), quantity=1
    )
    given = differing_fields(BasketItemsAddInput(items=[line], segment_remote_id=None))
    text = 'BasketItemsAdd{"items":[{"division_id":7,"product_remote_id":1}]}'
    # Another digest for the same input would make every retry during an upgrade another input.
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert digest_of("BasketItemsAdd", given) == expected
    assert digest_of("BasketItemsSet", given) != expected


@strawberry.input
class Line(Input):
    """A line of today."""

    division_id: strawberry.ID | None = optional("An id.")
    name: str | None = optional("A text.")


@strawberry.input
class LaterLine(Line):
    """A line of the next release, with new optional fields."""

    note: str | None = optional("A text.")
    is_urgent: bool = False


@strawberry.input
class Lines(Input):
    """An input of today."""

    items: list[Line]
    division_ids: list[strawberry.ID] | None = optional("Ids.")


@strawberry.input
class LaterLines(Input):
    """The input of the next release."""

    items: list[LaterLine]
    division_ids: list[strawberry.ID] | None = optional("Ids.")
    dry_run: bool = False
    limit: int | None = optional("A number.")


def test_a_new_optional_field_with_its_default_makes_no_other_input() -> None:
    today = differing_fields(Lines(items=[Line(name="7")]))
    assert today == {"items": [{"name": "7"}]}
    assert differing_fields(LaterLines(items=[LaterLine(name="7")])) == today
    assert differing_fields(LaterLines(items=[LaterLine(name="7", is_urgent=True)])) == {
        "items": [{"name": "7", "is_urgent": True}]
    }


@pytest.mark.parametrize(
    ("text", "reduced"),
    [
        ("7", 7),
        ("division_7", 7),
        ("007", 7),
        ("basket_7", "basket_7"),
        ("division_07", "division_07"),
        ("none", "none"),
        ("", ""),
    ],
)
def test_an_id_counts_by_its_number_also_in_lists(text: str, reduced: object) -> None:
    identifier = strawberry.ID(text)
    given = Lines(items=[Line(division_id=identifier)], division_ids=[identifier])
    assert differing_fields(given) == {
        "items": [{"division_id": reduced}],
        "division_ids": [reduced],
    }


def test_a_text_that_looks_like_an_id_stays_a_text() -> None:
    given = [differing_fields(Line(name=name)) for name in ("division_7", "7")]
    assert given == [{"name": "division_7"}, {"name": "7"}]


def test_the_ids_of_all_inputs_are_known_by_their_kinds() -> None:
    names = [name for name in vars(inputs) if name.endswith("Input") and name != "Input"]
    kinds = {
        (name, field.name): field.kind
        for name in names
        for field in input_digest._fields_of(getattr(inputs, name))
        if field.kind
    }
    assert kinds == {
        ("BasketItemInput", "division_id"): IdKind.DIVISION,
        ("BasketItemSetInput", "division_id"): IdKind.DIVISION,
        ("BasketItemUpdateInput", "division_id"): IdKind.DIVISION,
        ("BasketCopyInput", "basket_id"): IdKind.BASKET,
        ("BasketRenameInput", "basket_id"): IdKind.BASKET,
        ("BasketLoadInput", "basket_id"): IdKind.BASKET,
        ("BasketDeleteInput", "basket_id"): IdKind.BASKET,
        ("BasketExportInput", "basket_id"): IdKind.BASKET,
    }
