"""Products of Commerce: keys, names, variants and images."""

import pytest

from commerce.client import (
    CommerceClient,
    CommerceFailed,
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


@pytest.mark.parametrize(
    "changes",
    [
        *({"pk": pk} for pk in (None, 0, -1, 2**31, 10**30, True, "1", 1.0, [1])),
        *({"sku": sku} for sku in (None, 1, True, ["A"])),
    ],
)
async def test_a_product_without_a_usable_key_fails(
    commerce: MisbehavingCommerce, client: CommerceClient, changes: dict[str, object]
) -> None:
    commerce.answers(one_product(**changes))
    with pytest.raises(CommerceFailed, match=r"whose (pk|SKU) is"):
        await client.product(1)
    assert len(commerce.requests) == 1


@pytest.mark.parametrize(
    ("sku", "reason"),
    [
        ("", "Its SKU '' is blank."),
        (" \u3000", "Its SKU ' \\u3000' is blank."),
        ("\u200b\u2060", "Its SKU '\\u200b\\u2060' is blank."),
        ("A\0", "Its SKU has the character U+0000, which is not allowed."),
        ("A\nB", "Its SKU has the character U+000A, which is not allowed."),
        ("A\ud800", "Its SKU has the character U+D800, which is not allowed."),
        ("A" * 256, "Its SKU has 256 characters; at most 255 are allowed."),
    ],
)
async def test_a_sku_that_cannot_be_makes_it_unsellable_and_does_not_spoil_the_others(
    commerce: MisbehavingCommerce, client: CommerceClient, sku: str, reason: str
) -> None:
    commerce.answers(behaviour.listed(product_json(), product_json(pk=2, sku=sku)))
    assert await client.products(remote_ids=[1, 2]) == [
        PRODUCT,
        UnsellableProduct(2, sku, reason),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("İş güvenliği 🦺", "İş güvenliği 🦺"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👨\u200d👩\u200d👧 set", "👨\u200d👩\u200d👧 set"),
        ("boîte à outils\u00a0: 12 pièces", "boîte à outils\u00a0: 12 pièces"),
        ("two\nlines\x07", "two lines"),
        ("\u00a0\ufeff outer \t", "outer"),
        ("\u200d", None),
        ("a\0b\ud800c", "abc"),
        ("\0", None),
        ("", None),
        (["name"], None),
        (5, None),
        ("n" * 300, "n" * 255),
    ],
)
async def test_a_name_is_cleaned_and_cut(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    name: object,
    expected: str | None,
) -> None:
    commerce.answers(one_product(name=name))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.name == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (
            {"color\0": "r\0e\ud800d", "n": None, "on": True},
            {"color": "red", "n": None, "on": True},
        ),
        ({"sizes": ["S\0", {"a": 1.5}]}, {"sizes": ["S", {"a": 1.5}]}),
        (
            {"big": 2**63, "small": 2**63 - 1},
            {"big": "9223372036854775808", "small": 9223372036854775807},
        ),
        (["red"], {}),
        ("red", {}),
        (None, {}),
        ({"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": {}}}}}}}}}}, {}),
        ({"long": "x" * 20_000}, {}),
    ],
)
async def test_variants_are_cleaned(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    attributes: object,
    expected: dict[str, object],
) -> None:
    commerce.answers(one_product(attributes=attributes))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.variants == expected


async def test_an_infinite_number_among_the_variants_is_null(
    commerce: MisbehavingCommerce, client: CommerceClient
) -> None:
    answer = '{"product": {"pk": 1, "sku": "A", "price": 1, "currency_type": "try", "attributes": {"a": 1e999}}}'
    commerce.answers(behaviour.text(answer))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.variants == {"a": None}


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (
            [
                {"image": "c", "order": 3, "status": "active"},
                {"image": "b", "order": 2, "status": "active"},
                {"image": "a", "order": 1, "status": "passive"},
            ],
            "b",
        ),
        (
            [
                {"image": "a", "status": "active"},
                {"image": "b", "order": 9, "status": "active"},
            ],
            "b",
        ),
        (
            [
                None,
                "a",
                {"order": 1},
                {"image": 5, "status": "active"},
                {"image": "ok", "status": "active"},
            ],
            "ok",
        ),
        ([{"image": "i" * 2000, "status": "active"}], "i" * 2000),
        ([{"image": "i" * 2001, "status": "active"}], None),
        ([{"image": "a\0", "status": "active"}], None),
        ({}, None),
        (None, None),
    ],
)
async def test_the_image_is_the_first_active_one(
    commerce: MisbehavingCommerce,
    client: CommerceClient,
    images: object,
    expected: str | None,
) -> None:
    commerce.answers(one_product(productimage_set=images))
    product = await client.product(1)
    assert isinstance(product, CommerceProduct)
    assert product.product_image == expected
