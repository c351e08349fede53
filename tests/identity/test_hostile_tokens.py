"""Tokens that nobody may get in with, and odd ones that are valid all the same."""

import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from identity.errors import TokenRejected
from identity.providers import MAXIMUM_LENGTH, Providers, open_providers
from tests.support.identity_provider import (
    AUDIENCE,
    RSA,
    IdentityProvider,
    encode_part,
    identity_provider,
    public_members,
)

OTHER = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
PEM = RSA.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


@asynccontextmanager
async def opened(provider: IdentityProvider) -> AsyncIterator[Providers]:
    """Opens the verification of a provider's tokens, with a leeway of 30 seconds."""
    async with open_providers(
        {provider.url: AUDIENCE},
        leeway_seconds=30,
        proxy="",
        ca_file="",
        note_withdrawal=lambda: None,
    ) as opened:
        yield opened


async def rejection(providers: Providers, token: str) -> str:
    """Returns why a token is rejected; empty when it is accepted."""
    try:
        await providers.verify(token)
    except TokenRejected as rejected:
        return str(rejected)
    return ""


def signed(provider: IdentityProvider, payload: object, **headers: Any) -> str:
    """Returns a token of any payload with a true signature; the header is made by hand."""
    header = {"alg": "RS256", "kid": "rsa"} | headers
    return signed_parts(f"{encode_part(header)}.{encode_part(payload)}")


def signed_parts(signing_input: str) -> str:
    """Returns a token of two encoded parts, with the signature of the provider's RSA key."""
    algorithm = jwt.get_algorithm_by_name("RS256")
    signature = algorithm.sign(signing_input.encode(), RSA)
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_hmac(provider: IdentityProvider, secret: bytes) -> str:
    """Returns a token whose signature is an HMAC; PyJWT itself would not make it of a key."""
    parts = (
        f"{encode_part({'alg': 'HS256', 'kid': 'rsa'})}.{encode_part(provider.claims())}"
    )
    signature = jwt.get_algorithm_by_name("HS256").sign(parts.encode(), secret)
    return f"{parts}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def by_other(provider: IdentityProvider, **headers: Any) -> str:
    """Returns a token that is signed by a key of somebody else."""
    return jwt.encode(provider.claims(), OTHER, "RS256", {"kid": "rsa"} | headers)


def other_jwk() -> dict[str, Any]:
    """Returns the public key of somebody else."""
    return public_members(OTHER) | {"kid": "rsa", "alg": "RS256"}


Make = Callable[[IdentityProvider], str]
NOW = int(time.time())
HOSTILE: dict[str, tuple[Make, str]] = {
    "alg none": (
        lambda p: f"{encode_part({'alg': 'none'})}.{encode_part(p.claims())}.",
        "form",
    ),
    "alg none with a signature": (lambda p: signed(p, p.claims(), alg="none"), "algorithm"),
    "alg None": (lambda p: signed(p, p.claims(), alg=None), "algorithm"),
    "alg of a list": (lambda p: signed(p, p.claims(), alg=["RS256"]), "algorithm"),
    "alg in lower case": (lambda p: signed(p, p.claims(), alg="rs256"), "algorithm"),
    "RS512": (lambda p: signed(p, p.claims(), alg="RS512"), "algorithm"),
    "PS256": (lambda p: signed(p, p.claims(), alg="PS256"), "algorithm"),
    "HS256 with the public key": (lambda p: with_hmac(p, PEM), "algorithm"),
    "HS256 with the modulus": (
        lambda p: with_hmac(p, public_members(RSA)["n"].encode()),
        "algorithm",
    ),
    "ES256 of a key of RSA": (lambda p: signed(p, p.claims(), alg="ES256"), "no such key"),
    "another key": (by_other, "InvalidSignatureError"),
    "jwk": (lambda p: by_other(p, jwk=other_jwk()), "InvalidSignatureError"),
    "jku": (lambda p: by_other(p, jku=f"{p.url}/stolen"), "InvalidSignatureError"),
    "x5u": (lambda p: by_other(p, x5u=f"{p.url}/stolen"), "InvalidSignatureError"),
    "x5c": (lambda p: by_other(p, x5c=["AAAA"]), "InvalidSignatureError"),
    "crit": (lambda p: signed(p, p.claims(), crit=["exp"], exp=1), "malformed"),
    "b64": (lambda p: signed(p, p.claims(), crit=["b64"], b64=False), "malformed"),
    "a path as kid": (
        lambda p: p.token(headers={"kid": "../../../../dev/null"}),
        "no such key",
    ),
    "SQL as kid": (lambda p: p.token(headers={"kid": "rsa' OR '1'='1"}), "no such key"),
    "an address as kid": (
        lambda p: p.token(headers={"kid": f"{p.url}/stolen"}),
        "no such key",
    ),
    "a number as kid": (lambda p: signed(p, p.claims(), kid=1), "malformed"),
    "a list as kid": (lambda p: signed(p, p.claims(), kid=["rsa"]), "malformed"),
    "an empty kid": (lambda p: p.token(headers={"kid": ""}), "no such key"),
    "a long kid": (lambda p: p.token(headers={"kid": "k" * 256}), "key id is longer"),
    "a kid twice": (
        lambda p: signed_parts(
            encode_part('{"alg":"RS256","kid":"rsa","kid":"none"}')
            + f".{encode_part(p.claims())}"
        ),
        "no such key",
    ),
    "a token of a log-out": (lambda p: p.token(headers={"typ": "logout+jwt"}), "type"),
    "a nested token": (lambda p: signed(p, p.token(), cty="JWT"), "malformed"),
    "an encrypted token": (lambda p: f"{p.token()}.AAAA.AAAA", "form"),
    "another audience": (lambda p: p.token(aud="other"), "InvalidAudienceError"),
    "no audience": (lambda p: p.token(aud=None), "MissingRequiredClaimError"),
    "an audience of numbers": (lambda p: signed(p, p.claims(aud=[1])), "Audience"),
    "an audience of an object": (
        lambda p: signed(p, p.claims(aud={AUDIENCE: 1})),
        "Audience",
    ),
    "part of the audience": (lambda p: p.token(aud="bask"), "InvalidAudienceError"),
    "another issuer": (lambda p: p.token(iss="https://evil.example"), "issuer"),
    "the issuer with a slash": (lambda p: p.token(iss=f"{p.url}/"), "issuer"),
    "a list of issuers": (lambda p: signed(p, p.claims(iss=[p.url])), "issuer"),
    "no issuer": (lambda p: p.token(iss=None), "issuer"),
    "expired": (lambda p: p.token(exp=NOW - 31), "ExpiredSignatureError"),
    "no expiry": (lambda p: p.token(exp=None), "MissingRequiredClaimError"),
    "a text as expiry": (lambda p: signed(p, p.claims(exp="9999999999")), "no number"),
    "true as expiry": (lambda p: signed(p, p.claims(exp=True)), "ExpiredSignatureError"),
    "infinity as expiry": (lambda p: signed(p, p.claims(exp=float("inf"))), "DecodeError"),
    "a huge negative expiry": (
        lambda p: signed(p, p.claims(exp=-(10**400))),
        "ExpiredSignatureError",
    ),
    "a number of 5,000 digits": (
        lambda p: signed_parts(
            encode_part({"alg": "RS256", "kid": "rsa"})
            + "."
            + encode_part(f'{{"iss":"{p.url}","exp":{"9" * 5_000}}}')
        ),
        "malformed",
    ),
    "not yet valid": (lambda p: p.token(nbf=NOW + 86_400), "ImmatureSignatureError"),
    "issued in the future": (lambda p: p.token(iat=NOW + 86_400), "ImmatureSignatureError"),
    "no subject": (lambda p: p.token(sub=None), "MissingRequiredClaimError"),
    "an empty subject": (lambda p: p.token(sub=""), "`sub` of 0"),
    "a long subject": (lambda p: p.token(sub="s" * 256), "`sub` of 256"),
    "a number as subject": (lambda p: signed(p, p.claims(sub=1)), "InvalidSubjectError"),
    "a list as payload": (lambda p: signed(p, [p.claims()]), "malformed"),
    "nesting without end": (
        lambda p: signed_parts(
            encode_part({"alg": "RS256"}) + "." + encode_part("[" * 5_000)
        ),
        "malformed",
    ),
    "white space inside": (lambda p: p.token().replace(".", ". ", 1), "form"),
    "a newline at the end": (lambda p: p.token() + "\n", "form"),
    "padding": (lambda p: p.token() + "==", "form"),
    "two parts": (lambda p: p.token().rpartition(".")[0], "form"),
    "no signature": (lambda p: p.token().rpartition(".")[0] + ".", "form"),
    "points": (lambda p: "..", "form"),
    "a megabyte": (lambda p: p.token(more="x" * 750_000), "longer than 16384"),
    "a megabyte of nothing": (lambda p: "a." * 500_000, "longer than 16384"),
}


async def test_every_hostile_token_is_rejected_for_its_own_reason() -> None:
    async with identity_provider() as provider, opened(provider) as providers:
        assert await rejection(providers, provider.token()) == ""
        for name, (make, reason) in HOSTILE.items():
            token = make(provider)
            text = await rejection(providers, token)
            assert reason.lower() in text.lower(), f"{name}: {text!r}"
            # No part of the token is in the log.
            assert not any(len(part) > 5 and part in text for part in token.split(".")), (
                name
            )
        # No header made the server ask for anything else.
        assert set(provider.requests) == {"/.well-known/openid-configuration", "/keys"}


async def test_odd_tokens_of_the_provider_are_accepted() -> None:
    async with identity_provider() as provider, opened(provider) as providers:
        now = int(time.time())
        for token in (
            provider.token(aud=["other", AUDIENCE]),
            provider.token(exp=now - 25, nbf=now + 25, iat=now + 25),
            provider.token(headers={"typ": "at+jwt", "jku": "https://evil.example"}),
            signed(provider, provider.claims(exp=now + 60.5)),
            signed(provider, provider.claims(), typ="JWT", x5t="AAAA"),
            provider.token(more="x" * (MAXIMUM_LENGTH // 2)),
        ):
            assert await rejection(providers, token) == ""
        verified = await providers.verify(provider.token(exp=10**300, sub="s" * 255))
        assert (verified.subject, verified.ends_at) == ("s" * 255, 2.0**53 + 30)


async def test_exactly_three_algorithms_are_accepted() -> None:
    async with identity_provider() as provider, opened(provider) as providers:
        provider.add_key("curve", "ES256")
        provider.add_key("edwards", "EdDSA")
        for key in provider.private:
            verified = await providers.verify(provider.token(key=key))
            assert verified.claims["email"] == "main@example.invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": "PS256"},
        {"key_ops": ["sign"]},
        {"kty": "oct", "k": "AAAA"},
        {"e": "AQ"},
        {"n": "!"},
        {"n": 1},
        {"kid": 1},
        {"kid": "other"},
    ],
)
async def test_keys_for_something_else_verify_nothing(changes: dict[str, Any]) -> None:
    async with identity_provider() as provider, opened(provider) as providers:
        (usual,) = provider.public_keys()["keys"]
        provider.jwks = {"keys": [usual | changes, "odd", None]}
        assert "no such key" in await rejection(providers, provider.token())


async def test_weak_ambiguous_and_foreign_keys_verify_nothing() -> None:
    async with identity_provider() as provider, opened(provider) as providers:
        weak = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)  # noqa: S505
        provider.private |= {
            "weak": ("RS256", weak),
            "p384": ("ES384", ec.generate_private_key(ec.SECP384R1())),
        }
        keys = provider.public_keys()["keys"]
        twice = public_members(OTHER) | {"kid": "twice", "alg": "RS256"}
        provider.jwks = {"keys": [*keys, twice, public_members(RSA) | {"kid": "twice"}]}
        assert await rejection(providers, provider.token()) == ""
        with pytest.warns(jwt.InsecureKeyLengthWarning):
            short = provider.token(key="weak")
        assert "no such key for RS256" in await rejection(providers, short)
        assert "algorithm" in await rejection(providers, provider.token(key="p384"))
        ambiguous = provider.token(headers={"kid": "twice"})
        assert "no such key" in await rejection(providers, ambiguous)


async def test_a_token_without_a_key_id_counts_while_there_is_one_key_of_its_kind() -> None:
    async with identity_provider() as provider:
        header, claims = encode_part({"alg": "RS256"}), encode_part(provider.claims())
        token = signed_parts(f"{header}.{claims}")
        provider.add_key("curve", "ES256")
        async with opened(provider) as providers:
            assert await rejection(providers, token) == ""
        provider.private["second"] = ("RS256", OTHER)
        async with opened(provider) as providers:
            assert "no such key" in await rejection(providers, token)
