"""The product of misbehaving Commerce, as the client reads it."""

from decimal import Decimal

from commerce.client import (
    CommerceProduct,
)

LIST_PATH = "/api/v1/data-warehouse/products/"


PRODUCT = CommerceProduct(
    remote_id=1,
    sku="SKU01",
    name="product name",
    price=Decimal("10.55"),
    currency="try",
    variants={"color": "red"},
    product_image="http://example.com/image.jpg",
    in_stock=True,
    stock=3,
    is_available=True,
)
