"""The ASGI lifespan, with a start that is rejected in one line."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from settings.startup_error import StartupError
from web.lifecycle.uvicorn_protocol import replace_protocol


async def run_lifespan(
    application: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    """Starts and stops the application; reports StartupError in one line, without a traceback."""
    replace_protocol(receive)
    failures: list[Message] = []

    # Starlette reports the traceback as text before it raises, so the report is held back.
    async def send_unless_failed(message: Message) -> None:
        if message["type"] == "lifespan.startup.failed":
            failures.append(message)
        else:
            await send(message)

    try:
        await application(scope, receive, send_unless_failed)
    except StartupError as reason:
        await send({"type": "lifespan.startup.failed", "message": str(reason)})
    except BaseException:
        for message in failures:
            await send(message)
        raise
