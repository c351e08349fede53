"""An export whose message was lost, and the content of one that is done."""

from datetime import timedelta
from typing import Any

from models.basket.tables import Basket
from models.export.export import (
    BasketExport,
    ExportFormat,
)
from models.timestamps import now
from tests.support.exports import (
    fill,
)
from tests.support.service import Service, number_in


async def content_of(service: Service, export: dict[str, Any]) -> str:
    """Downloads a csv by the export's address."""
    response = await service.client.get(export["url"])
    assert response.status_code == 200
    return response.content.decode("utf-8-sig")


async def waiting_row(service: Service) -> BasketExport:
    """Writes the row of an export whose message was lost."""
    basket = await Basket.get(id=number_in(await fill(service.main)))
    return await BasketExport.create(
        cache_key="0" * 32,
        user_id=basket.user_id,  # type: ignore[attr-defined]
        basket=basket,
        format=ExportFormat.CSV,
        columns="product__sku,quantity",
        rows_total=3,
        resend_at=now() + timedelta(seconds=25),
        created_at=now(),
    )
