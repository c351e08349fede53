"""A provider with its keys: found by discovery, cached, and read anew when they are due."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

import jwt
from yarl import URL

from identity.connection import ProviderConnection, ProviderDocument
from identity.errors import ProviderFailed
from identity.keys import KeyName, Keys, parse_keys, select_key

logger = logging.getLogger("basket")

PAUSE_SECONDS = 5.0
"""Seconds after one reading of the keys in which no token with an unknown key causes another."""
DISCOVERY_PATH = "/.well-known/openid-configuration"


class Provider:
    """The keys of one issuer. Those that are known are used also while it does not answer."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        connection: ProviderConnection,
        note_withdrawal: Callable[[], None],
    ) -> None:
        self.issuer = issuer
        self.audience = audience
        self._connection = connection
        self._note_withdrawal = note_withdrawal
        self._keys: Keys = {}
        self._due_at = 0.0
        self._next_reading_at = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def find_key(self, name: KeyName) -> jwt.PyJWK | None:
        """Returns a key, after reading the keys anew when it is unknown; None when it stays so."""
        key = select_key(self._keys, name)
        if key is None and (self._reading or monotonic() >= self._next_reading_at):
            await self._read_once()
            key = select_key(self._keys, name)
        return key

    async def refresh(self) -> None:
        """Reads the keys anew if they are due; raises ProviderFailed."""
        if monotonic() >= self._due_at and (failure := await self._read_once()):
            raise ProviderFailed(str(failure))

    async def close(self) -> None:
        """Ends a reading that is in progress."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    async def _read_once(self) -> BaseException | None:
        """Reads the keys, or waits for the reading in progress; returns its failure."""
        # A task of its own: a request that ends early must not end the reading for all others.
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._end_reading)
        reading = self._reading
        await asyncio.wait([reading])
        return None if reading.cancelled() else reading.exception()

    def _end_reading(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        # Counted from the end, so that those who waited for a slow provider do not ask it again.
        self._next_reading_at = monotonic() + PAUSE_SECONDS
        if not reading.cancelled():
            # Read here, else asyncio complains of a failure for which no request waits any more.
            reading.exception()

    async def _read(self) -> None:
        configuration = await self._connection.read(
            self.issuer.rstrip("/") + DISCOVERY_PATH
        )
        address = self._find_address_of_keys(configuration)
        document = await self._connection.read(address)
        keys = parse_keys(document.content)
        if keys is None:
            raise ProviderFailed(f"{address} answered with what is no JWKS.")
        self._replace_keys(keys)
        self._due_at = monotonic() + document.seconds

    def _find_address_of_keys(self, configuration: ProviderDocument) -> str:
        content = configuration.content
        if not isinstance(content, dict) or content.get("issuer") != self.issuer:
            raise ProviderFailed(f"The discovery of {self.issuer} names another issuer.")
        address = content.get("jwks_uri")
        try:
            scheme = URL(address).scheme if isinstance(address, str) else ""
        except ValueError:
            scheme = ""
        # Only an issuer on this machine, which tests and demos have, may do without TLS.
        if scheme not in {"https", URL(self.issuer).scheme}:
            raise ProviderFailed(
                f"The discovery of {self.issuer} has no jwks_uri of https."
            )
        return str(address)

    def _replace_keys(self, keys: Keys) -> None:
        if not keys:
            logger.warning("The identity provider %s lists no usable key.", self.issuer)
        is_withdrawn = any(
            name not in keys or keys[name].key != key.key
            for name, key in self._keys.items()
        )
        self._keys = keys
        if is_withdrawn:
            self._note_withdrawal()
