"""Lines of `basketItemsAdd`."""


def line(product: int = 1, division: str = "ERP01", quantity: int = 1) -> dict[str, object]:
    """Returns a line of basketItemsAdd."""
    return {"productRemoteId": product, "divisionErpCode": division, "quantity": quantity}
