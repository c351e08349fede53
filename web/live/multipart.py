"""Parts of a multipart response, the protocol of Apollo's clients.

https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
"""

from web.live.framing import Framing
from web.live.metrics import Transport

_BOUNDARY = b"\r\n--graphql"
_PART = b"\r\ncontent-type: application/json\r\n\r\n"

# Each part ends with the next boundary: a client shows a part once it has seen where it ends.
MULTIPART = Framing(
    transport=Transport.MULTIPART,
    content_type=b'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"',
    opening=_BOUNDARY,
    before=_PART + b'{"payload":',
    after=b"}" + _BOUNDARY,
    heartbeat=_PART + b"{}" + _BOUNDARY,
    ending=b"--\r\n",
)
