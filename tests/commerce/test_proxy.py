"""Commerce behind a company's proxy, and with a certificate of a company's own authority."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from commerce.client import CommerceClient, CommerceFailed
from tests.support.command_line import Commands
from tests.support.forward_proxy import forward_proxy
from tests.support.misbehaving_commerce import (
    MisbehavingCommerce,
    misbehaving_commerce,
    one_product,
)
from tests.support.redis_servers import Certificates, write_certificates
from tests.support.service import serve
from tests.support.shop import serve_shop

PROXY = "http://proxy.example:3128"


@asynccontextmanager
async def commerce_of(
    certificates: Certificates | None,
) -> AsyncIterator[MisbehavingCommerce]:
    """Serves a Commerce with one product, over TLS where there are certificates."""
    tls = None
    if certificates is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificates.server)
    async with misbehaving_commerce(tls) as commerce:
        commerce.answers(one_product())
        yield commerce


async def test_commerce_is_asked_through_a_proxy_with_a_login() -> None:
    async with commerce_of(None) as commerce, forward_proxy("me:right") as proxy:
        async with CommerceClient(commerce.url, token="secret", proxy=proxy.url) as client:
            product = await client.product(1)
        assert product is not None
        assert (product.sku, proxy.passed) == ("SKU01", [f"GET {commerce.url}/product/1/"])
        assert commerce.requests[0].headers["Authorization"] == "Token secret"


async def test_a_proxy_that_rejects_the_login_is_a_failure_of_commerce() -> None:
    async with commerce_of(None) as commerce, forward_proxy("me:right") as proxy:
        wrong = proxy.url.replace("right", "wrong")
        async with CommerceClient(commerce.url, proxy=wrong, retries=0) as client:
            with pytest.raises(CommerceFailed):
                await client.product(1)
        assert (proxy.passed, proxy.rejected, commerce.requests) == ([], 1, [])


@pytest.mark.parametrize("has_proxy", [False, True])
async def test_a_certificate_of_the_companys_authority_is_trusted(
    tmp_path: Path, has_proxy: bool
) -> None:
    certificates = write_certificates(tmp_path)
    async with commerce_of(certificates) as commerce, forward_proxy() as proxy:
        url = proxy.url if has_proxy else ""
        async with CommerceClient(
            commerce.url, proxy=url, ca_file=str(certificates.authority)
        ) as client:
            product = await client.product(1)
        assert product is not None
        assert product.sku == "SKU01"
        place = commerce.url.removeprefix("https://")
        assert proxy.passed == ([f"CONNECT {place}"] if has_proxy else [])


@pytest.mark.parametrize("authority", ["", "other_authority"])
async def test_no_other_certificate_is_trusted(tmp_path: Path, authority: str) -> None:
    certificates = write_certificates(tmp_path)
    ca_file = str(getattr(certificates, authority)) if authority else ""
    async with (
        commerce_of(certificates) as commerce,
        CommerceClient(commerce.url, ca_file=ca_file, retries=0) as client,
    ):
        with pytest.raises(CommerceFailed, match="ClientConnectorCertificateError"):
            await client.product(1)
        assert commerce.requests == []


async def test_the_server_asks_as_the_settings_say(sqlite_url: str, tmp_path: Path) -> None:
    async with serve_shop() as shop, forward_proxy("me:right") as proxy:
        exports = str(tmp_path / "exports")
        async with serve(sqlite_url, shop, exports, commerce_proxy=proxy.url) as service:
            items = [{"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 2}]
            basket = await service.main.accepted("basketItemsAdd", items=items)
            assert (basket["totalQuantity"], len(proxy.passed), len(shop.requests)) == (
                2,
                1,
                1,
            )


@pytest.mark.parametrize(
    ("variables", "proxy"),
    [
        ({}, ""),
        ({"HTTPS_PROXY": PROXY}, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, PROXY),
        ({"HTTP_PROXY": PROXY}, ""),
        ({"HTTPS_PROXY": PROXY, "COMMERCE_PROXY": "http://mine:1"}, "http://mine:1"),
        ({"HTTPS_PROXY": PROXY, "COMMERCE_PROXY": "none"}, ""),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, ""),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "a.example, .Company.example"}, ""),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "commerce.company.example:443"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "commerce.company.example:8443"}, ""),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "pany.example"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8"}, PROXY),
        (
            {
                "HTTPS_PROXY": PROXY,
                "NO_PROXY": "10.0.0.0/8",
                "COMMERCE_URL": "https://10.1.2.3",
            },
            "",
        ),
        ({"HTTPS_PROXY": PROXY, "COMMERCE_URL": "https://127.0.0.1:9"}, ""),
        ({"HTTPS_PROXY": PROXY, "COMMERCE_URL": "https://localhost:9"}, ""),
        ({"HTTP_PROXY": PROXY, "COMMERCE_URL": "http://commerce.example"}, PROXY),
        ({"HTTPS_PROXY": PROXY, "COMMERCE_URL": ""}, ""),
    ],
)
def test_the_proxy_is_that_of_the_standard_variables_unless_it_is_set(
    variables: dict[str, str], proxy: str
) -> None:
    line = Commands(
        "sqlite:///nowhere.sqlite3",
        **{"COMMERCE_URL": "https://commerce.company.example:8443"} | variables,
    )
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        for written in (name, name.lower()):
            if written not in variables:
                line.environment.pop(written, None)
    output = line.accepted("check-settings")
    (shown,) = [row for row in output.splitlines() if row.startswith("COMMERCE_PROXY=")]
    assert shown.partition("  (")[0] == f"COMMERCE_PROXY={proxy}"


def test_a_standard_proxy_that_is_not_supported_is_rejected_by_its_name() -> None:
    line = Commands(
        "sqlite:///nowhere.sqlite3",
        COMMERCE_URL="http://h.example",
        http_proxy="",
        HTTP_PROXY="socks5://h:1",
    )
    status, _, errors = line.run("check-settings")
    assert (status, errors) == (
        1,
        "HTTP_PROXY: SOCKS proxies are not supported; name a proxy of HTTP.",
    )


def test_a_file_without_certificates_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    for content in (
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ):
        file.write_text(content)
        status, _, errors = Commands("sqlite:///x.sqlite3", COMMERCE_CA_FILE=str(file)).run(
            "check-settings"
        )
        reason = (
            f"COMMERCE_CA_FILE: the file {str(file)!r} holds no certificates in PEM form."
        )
        assert (status, errors) == (1, reason)
