"""The addresses of the documented REST interface: who gets in, which methods there are, and the slash at the end."""

from typing import Any

import httpx

from tests.support import sheets
from tests.support.rest import line, rest
from tests.support.service import Service

ADDRESSES = [
    ("GET", "basket/"),
    ("POST", "basket/"),
    ("PUT", "basket/"),
    ("DELETE", "basket/"),
    ("GET", "basket/drafts/"),
    ("POST", "basket/save/"),
    ("POST", "basket/1/load/"),
    ("POST", "basket/bulk-import/"),
    ("GET", "basket/?format=csv"),
    ("GET", f"basket/?status_cache_key={'0' * 32}"),
    ("GET", "my-divisions/"),
    ("GET", "my-quotations/"),
    ("POST", "my-quotations/"),
]


async def test_nobody_without_a_valid_token_gets_in(service: Service) -> None:
    challenge = 'Token realm="basket", Bearer realm="basket"'
    for method, path in ADDRESSES:
        for prefix in ("/api/v1/", "/b2b/"):
            for token in ("garbage", "gone"):
                answer = await rest(service, token, prefix.rstrip("/")).ask(
                    method, path, content=b"{"
                )
                assert (answer.status_code, answer.json()) == (
                    401,
                    {"detail": "Invalid token."},
                )
                assert answer.headers["www-authenticate"] == challenge
            answer = await service.client.request(method, f"{prefix}{path}")
            detail = "Authentication credentials were not provided."
            assert (answer.status_code, answer.json()) == (401, {"detail": detail})


async def test_a_buyer_of_a_closed_division_can_do_nothing(service: Service) -> None:
    buyer, closed = (
        rest(service, "closed"),
        {"non_field_errors": ["Your division ERP04 is inactive."]},
    )
    body, file = (
        line(service, 1, "ERP04", 1) | {"name": "x"},
        {"filename": ("a.csv", sheets.csv([]))},
    )
    for method, path in ADDRESSES:
        if path == "my-divisions/":
            continue
        sent: dict[str, Any] = (
            {"files": file}
            if "import" in path
            else {"json": body}
            if method != "GET"
            else {}
        )
        answer = await buyer.ask(method, path, **sent)
        assert (method, path, answer.status_code, answer.json()) == (
            method,
            path,
            400,
            closed,
        )


async def test_methods_that_an_address_does_not_have_are_405(service: Service) -> None:
    allowed = {
        "basket/": "GET, HEAD, POST, PUT, DELETE",
        "basket/drafts/": "GET, HEAD",
        "basket/save/": "POST",
        "basket/1/load/": "POST",
        "basket/bulk-import/": "POST",
        "my-divisions/": "GET, HEAD",
        "my-quotations/": "GET, HEAD, POST",
    }
    for path, methods in allowed.items():
        answer = await rest(service).ask("PATCH", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
        assert answer.json() == {"detail": 'Method "PATCH" not allowed.'}


async def test_unknown_addresses_are_404(service: Service) -> None:
    for path in (
        "",
        "nothing/",
        "basket/nothing/",
        "basket//",
        "basket/1/",
        "basket/1/2/load/",
        "drafts/",
    ):
        assert await rest(service).rejected("GET", path) == (404, {"detail": "Not found."})
    assert (await service.client.post("/api/v1")).status_code == 404


async def test_without_a_slash_only_reads_are_sent_on(service: Service) -> None:
    buyer = rest(service, prefix="/b2b")
    for method in ("GET", "HEAD"):
        answer = await buyer.ask(method, "basket?segment_remote_id=5&fields=price%0A")
        location = "/b2b/basket/?segment_remote_id=5&fields=price%0A"
        assert (answer.status_code, answer.headers["location"]) == (301, location)
    assert (await buyer.ask("GET", "my-divisions")).headers[
        "location"
    ] == "/b2b/my-divisions/"
    for method, path in (
        ("POST", "basket"),
        ("PUT", "basket"),
        ("DELETE", "basket"),
        ("POST", "basket/save"),
    ):
        answer = await buyer.ask(method, path, json=line(service, 1, "ERP01", 1))
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert await service.main.basket() is None


async def test_the_body_of_a_stranger_is_not_read(service: Service) -> None:
    async def body() -> Any:
        raise AssertionError("The body was read.")
        yield b""

    answer: httpx.Response = await rest(service, "garbage").ask(
        "POST", "basket/", content=body()
    )
    assert answer.status_code == 401
