"""Our protocol and its headers under uvicorn, which was configured before it imports us."""

import logging

from starlette.types import Receive
from uvicorn.lifespan.on import LifespanOn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web.http.keep_alive import announce_keep_alive
from web.http.protocol import PunctualProtocol

logger = logging.getLogger("basket")

OPTION = "--http web.http.protocol:PunctualProtocol"
_TRACE = "uvicorn.middleware.message_logger"


def replace_protocol(receive: Receive) -> None:
    """Makes the uvicorn whose lifespan calls `receive` serve by our protocol instead of its own.

    uvicorn's own one takes the body of a request with an upgrade for the next request, which lets
    clients smuggle requests. uvicorn passes its configuration to nobody, but `receive` is a method
    of its lifespan, which has it, and each connection asks the configuration for its protocol.
    """
    lifespan = getattr(receive, "__self__", None)
    if isinstance(lifespan, LifespanOn):
        config = lifespan.config
        announce_keep_alive(config)
        if config.http_protocol_class is HttpToolsProtocol:
            config.http_protocol_class = PunctualProtocol
        elif config.http_protocol_class is not PunctualProtocol:
            # uvicorn's other one would read the body of such a request as frames.
            config.ws_protocol_class = None
    elif getattr(receive, "__module__", "") == _TRACE:
        logger.warning("At uvicorn's log level `trace`, start it with %s.", OPTION)
