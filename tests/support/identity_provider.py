"""A provider of OpenID Connect on loopback: real keys, real HTTP, and every way to misbehave."""

import asyncio
import base64
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

AUDIENCE = "basket"
RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
"""Made once, because making one takes long."""


def private_key(algorithm: str) -> Any:
    """Returns a key for an algorithm."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else RSA


def public_members(key: Any) -> dict[str, Any]:
    """Returns the public half of a key as a JWK without a name."""
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        return dict(RSAAlgorithm.to_jwk(public, as_dict=True))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return dict(ECAlgorithm.to_jwk(public, as_dict=True))
    return dict(OKPAlgorithm.to_jwk(public, as_dict=True))


def encode_part(value: Any) -> str:
    """Returns a part of a token made by hand: JSON in base64url, or a text as it is."""
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


class IdentityProvider:
    """The provider: which keys it has, how it answers, and which requests it got."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.private: dict[str, tuple[str, Any]] = {"rsa": ("RS256", RSA)}
        self.jwks: Any = None
        """What it answers instead of its keys, unless None."""
        self.discovery: dict[str, Any] = {}
        """What its discovery says besides, or instead."""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.requests: list[str] = []
        self.answers = asyncio.Event()
        """Answers wait for it; set from the beginning."""
        self.answers.set()

    def add_key(self, name: str, algorithm: str) -> None:
        """Adds a key for an algorithm, under the name of a key id."""
        self.private[name] = (algorithm, private_key(algorithm))

    def claims(self, name: str = "main", **changed: Any) -> dict[str, Any]:
        """Returns the claims of the token of a person; those that are changed to None are absent."""
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": f"subject-of-{name}",
            "iat": int(time.time()),
            "exp": int(time.time()) + 600,
            "email": f"{name}@example.invalid",
            "email_verified": True,
        } | changed
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        name: str = "main",
        key: str = "rsa",
        headers: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        """Returns a token of a person that is signed by one of the keys."""
        algorithm, private = self.private[key]
        return jwt.encode(
            self.claims(name, **changed), private, algorithm, {"kid": key} | (headers or {})
        )

    def public_keys(self) -> dict[str, Any]:
        """Returns the JWKS."""
        return {
            "keys": [
                public_members(private) | {"kid": name, "use": "sig", "alg": algorithm}
                for name, (algorithm, private) in self.private.items()
            ]
        }

    async def answer(self, request: web.Request) -> web.Response:
        """Answers with the discovery or the keys."""
        self.requests.append(request.path)
        await self.answers.wait()
        if self.status != 200:
            return web.Response(
                status=self.status, headers={"Location": f"{self.url}/keys"}
            )
        if request.path.endswith("/.well-known/openid-configuration"):
            content = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.discovery
        else:
            content = self.public_keys() if self.jwks is None else self.jwks
        return web.Response(
            text=content if isinstance(content, str) else json.dumps(content),
            headers={"Content-Type": "application/json"} | self.headers,
        )


@asynccontextmanager
async def identity_provider(
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[IdentityProvider]:
    """Runs a provider on a port of its own."""
    provider = IdentityProvider()
    application = web.Application()
    application.router.add_get("/{path:.*}", provider.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    assert runner.addresses
    scheme = "https" if tls else "http"
    provider.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
