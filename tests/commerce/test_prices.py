"""Products of Commerce: their fields, stock and prices."""

from decimal import Decimal

import pytest

from commerce.client import (
    CommerceClient,
    CommerceProduct,
    UnsellableProduct,
)
from tests.support import misbehaving_commerce as behaviour
from tests.support.commerce_product import PRODUCT
from tests.support.misbehaving_commerce import (
    MisbehavingCommerce,
    one_product,
    product_json,
)


async def test_extra_fields_are_ignored(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    commerce.answers(
        behaviour.json_value(
            {"product": product_json(weight={"kg": 1}), "in_stock": True, "new": []}
        )
    )
    assert await client.product(1) == PRODUCT


async def test_missing_fields_make_a_product_that_is_not_sold(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    minimal = {"pk": 1, "sku": "SKU01", "price": "10.55", "currency_type": "TRY"}
    commerce.answers(behaviour.json_value({"product": minimal}))
    assert await client.product(1) == CommerceProduct(
        remote_id=1,
        sku="SKU01",
        name=None,
        price=Decimal("10.55"),
        currency="try",
        variants={},
        product_image=None,
        in_stock=False,
        stock=None,
        is_available=False,
    )


@pytest.mark.parametrize(
    ("top_level", "of_product", "expected"),
    [
        (True, False, True),
        (False, True, False),
        (None, True, True),
        ("yes", False, False),
        (None, "yes", False),
    ],
)
async def test_any_variant_in_stock_counts(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    top_level: object,
    of_product: object,
    expected: bool,
) -> None:
    commerce.answers(
        behaviour.json_value(
            {"in_stock": top_level, "product": product_json(in_stock=of_product)}
        )
    )
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.in_stock is expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": None}, "Commerce gives it no price."),
        ({"price": "ten"}, "Its price 'ten' is not a number."),
        ({"price": ""}, "Its price '' is not a number."),
        ({"price": "NaN"}, "Its price 'NaN' is not a number."),
        ({"price": "sNaN"}, "Its price 'sNaN' is not a number."),
        ({"price": "Infinity"}, "Its price 'Infinity' is not a number."),
        ({"price": "1_000"}, "Its price '1_000' is not a number."),
        ({"price": "١٠"}, "Its price '١٠' is not a number."),
        ({"price": "10,55"}, "Its price '10,55' is not a number."),
        (
            {"price": "1E9999999999999999999"},
            "Its price '1E9999999999999999999' is not a number.",
        ),
        ({"price": True}, "Its price True is not a number."),
        ({"price": ["10.55"]}, "Its price ['10.55'] is not a number."),
        ({"price": "\0\ud800"}, "Its price '\\x00\\ud800' is not a number."),
        ({"price": "-0.01"}, "Its price '-0.01' is negative."),
        ({"price": "10.555"}, "Its price '10.555' has more than two decimals."),
        ({"price": 10.555}, "Its price 10.555 has more than two decimals."),
        ({"price": "40000000.01"}, "Its price '40000000.01' is above 40000000.00."),
        ({"price": "1e999999"}, "Its price '1e999999' is above 40000000.00."),
        ({"currency_type": None}, "Commerce gives it no currency."),
        ({"currency_type": ""}, "Commerce gives it no currency."),
        ({"currency_type": "tr"}, "Its currency is 'tr'."),
        ({"currency_type": "try\n"}, "Its currency is 'try\\n'."),
        ({"currency_type": 949}, "Its currency is 949."),
    ],
)
async def test_a_price_that_is_none_makes_it_unsellable(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    changes: dict[str, object],
    reason: str,
) -> None:
    commerce.answers(one_product(**changes))
    assert await client.product(1) == UnsellableProduct(
        remote_id=1, sku="SKU01", reason=reason
    )
    assert len(commerce.requests) == 1


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("10.5500", "10.55"),
        ("10", "10.00"),
        ("10.5", "10.50"),
        (10, "10.00"),
        (10.55, "10.55"),
        ("0", "0.00"),
        ("-0.00", "0.00"),
        ("40000000.00", "40000000.00"),
    ],
)
async def test_a_price_has_two_decimals(
    commerce: MisbehavingCommerce, client: CommerceClient, price: object, expected: str
) -> None:
    commerce.answers(one_product(price=price))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert str(product.price) == expected
