"""The bytes around the events of a stream, which its media type says."""

from dataclasses import dataclass

from web.live.metrics import Transport


@dataclass(frozen=True, slots=True)
class Framing:
    """A transport, the header of its media type, and the bytes around its events."""

    transport: Transport
    content_type: bytes
    opening: bytes
    before: bytes
    after: bytes
    heartbeat: bytes
    ending: bytes

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Returns the headers of a response; they keep proxies from collecting it."""
        return [
            (b"content-type", self.content_type),
            (b"cache-control", b"no-cache, no-store, no-transform"),
            (b"x-accel-buffering", b"no"),
        ]
