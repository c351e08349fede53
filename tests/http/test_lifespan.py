"""A server that sends no lifespan events, as `uvicorn --lifespan off`."""

import httpx
import pytest

from application import create_application

MESSAGE = (
    "The ASGI server sent no lifespan events, which open the database: start it "
    "without `--lifespan off`."
)


@pytest.mark.parametrize("path", ["/graphql?query={viewer{email}}", "/readyz"])
async def test_without_a_lifespan_each_request_gets_503_and_the_log_has_the_reason(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    transport = httpx.ASGITransport(create_application())
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get(path, headers={"Authorization": "Token any"})
    assert response.status_code == 503
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "SERVICE_UNAVAILABLE"
    assert error["message"].startswith("This server was started without its lifespan")
    assert [record.message for record in caplog.records if record.name == "basket"] == [
        MESSAGE
    ]
