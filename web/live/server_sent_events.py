"""Server-sent events: graphql-sse's distinct connections, one response for one operation.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

from web.live.framing import Framing
from web.live.metrics import Transport

_COMMENT = b":\n\n"

# The encoded JSON has no line breaks, so an event is one line of data.
SERVER_SENT_EVENTS = Framing(
    transport=Transport.SSE,
    content_type=b"text/event-stream; charset=utf-8",
    opening=_COMMENT,
    before=b"event: next\ndata: ",
    after=b"\n\n",
    heartbeat=_COMMENT,
    ending=b"event: complete\ndata:\n\n",
)
