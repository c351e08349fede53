"""A provider of OpenID Connect on loopback, which vouches for the benchmark's users."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from bench.operations import Call

AUDIENCE = "bench"
_KEY_ID = "bench"


class BenchProvider:
    """The provider; its tokens are good for an hour."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.issuer = ""

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of a server that accepts its tokens."""
        issuer = {"OIDC_ISSUER": self.issuer, "OIDC_AUDIENCE": AUDIENCE}
        return issuer | {"OIDC_DIVISIONS": "*"}

    def with_tokens(self, calls: Sequence[Call]) -> list[Call]:
        """Returns calls with tokens of the provider instead of those that servers issue."""
        tokens = {call.token: self._token(call.token) for call in calls}
        return [replace(call, token=tokens[call.token]) for call in calls]

    def document(self, path: str) -> object:
        """Returns the document at a path: the keys, or else the discovery."""
        if path == "/keys":
            public = OKPAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
            return {"keys": [public | {"kid": _KEY_ID, "alg": "EdDSA"}]}
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}

    def _token(self, name: str) -> str:
        # The users of the benchmark have their tokens' names in their addresses.
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": name,
            "exp": int(time.time()) + 3_600,
            "email": f"{name}@example.invalid",
            "email_verified": True,
        }
        return jwt.encode(claims, self._key, "EdDSA", {"kid": _KEY_ID})


@contextmanager
def serving_provider() -> Iterator[BenchProvider]:
    """Serves a provider by a thread of this process."""
    provider = BenchProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(provider.document(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
