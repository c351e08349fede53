"""Health and metrics of a worker process over HTTP, on WORKER_PORT plus the process's number."""

import asyncio
import hmac
import logging
import multiprocessing
import os
import socket
import time

from aiohttp import web
from dramatiq import Broker, Middleware, Worker
from dramatiq.asyncio import get_event_loop_thread
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

import settings
from models.database.connection import DATABASE_FAILURES
from models.database.health import CHECK_SECONDS, check_database
from settings.startup_error import StartupError
from tasks.dramatiq_internals import find_dead_threads
from tasks.exports.marker import NOT_MOUNTED, is_mounted
from tasks.exports.metrics import DeadLetters
from tasks.exports.store import ExportStore
from tasks.redis.check import RedisCheck

logger = logging.getLogger("basket")

STORE_CHECKED_SECONDS = 30.0
"""For how many seconds the check of the export store is good: it writes and deletes a file."""


class Monitor(Middleware):
    """Serves `/healthz`, `/readyz` and `/metrics` on the event loop of the worker."""

    def __init__(
        self,
        listener: socket.socket,
        redis: RedisCheck,
        store: ExportStore,
        dead_letters: DeadLetters,
    ) -> None:
        self._dead_letters = dead_letters
        self._registry = CollectorRegistry()
        self._registry.register(dead_letters)
        self._socket = listener
        self._redis = redis
        self._store = store
        self._worker: Worker | None = None
        self._runner: web.AppRunner | None = None
        self._is_stopping = False
        self._store_word = ""
        self._store_checked_at = float("-inf")

    def after_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Begins to answer."""
        self._worker, loop = worker, get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(self._answer())

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Says from now on that the worker stops."""
        self._is_stopping = True

    def after_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Ends listening."""
        loop = get_event_loop_thread()
        if loop is not None and self._runner is not None:
            loop.run_coroutine(self._runner.cleanup())
        self._redis.close()

    async def _answer(self) -> None:
        application = web.Application()
        application.router.add_get("/healthz", self.healthz)
        application.router.add_get("/readyz", self.readyz)
        application.router.add_get("/metrics", self.metrics)
        # By default aiohttp waits for open connections for a minute, longer than a worker may stop.
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def healthz(self, request: web.Request) -> web.Response:
        """Says whether all threads of the worker are alive; a response proves its event loop."""
        if self._is_stopping:
            return web.json_response({"status": "draining"})
        dead = find_dead_threads(self._worker) if self._worker else []
        if dead:
            return web.json_response({"status": "unavailable", "threads": dead}, status=503)
        return web.json_response({"status": "ok"})

    async def readyz(self, request: web.Request) -> web.Response:
        """Says whether the database, Redis and the export store can be used."""
        if self._is_stopping:
            return web.json_response({"status": "draining"}, status=503)
        words = {
            **await check_database(),
            "redis": await self._check_redis(),
            "exports": await self._check_exports(),
        }
        is_ready = all(words[name] == "ok" for name in ("database", "redis", "exports"))
        status = "ok" if is_ready else "unavailable"
        return web.json_response(
            {"status": status, **words}, status=200 if is_ready else 503
        )

    async def _check_redis(self) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                fault = await asyncio.to_thread(self._redis.fault)
        except TimeoutError:
            return "unavailable"
        return fault.word if fault else "ok"

    async def _check_exports(self) -> str:
        # The check writes a file, and object stores charge per request.
        if (
            time.monotonic() - self._store_checked_at > STORE_CHECKED_SECONDS
            or self._store_word != "ok"
        ):
            self._store_word = await self._check_store()
            self._store_checked_at = time.monotonic()
        return self._store_word

    async def _check_store(self) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await asyncio.to_thread(self._store.check)
        except OSError as error:
            logger.warning("The export store does not answer: %s", error)
            return "unavailable"
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                return "ok" if await is_mounted(self._store) else NOT_MOUNTED
        except (OSError, *DATABASE_FAILURES) as error:
            # The store answers; the database says whether it is the right one.
            logger.warning("The mount of the exports cannot be checked: %s", error)
            return "unknown"

    async def metrics(self, request: web.Request) -> web.Response:
        """Returns the metrics; in production, as on a server, only for METRICS_TOKEN."""
        token = str(settings.METRICS_TOKEN)
        if not token and not settings.EMBEDDED:
            return web.json_response({"detail": "METRICS_TOKEN is not set."}, status=404)
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        # Compared in constant time, so that the time reveals nothing of the token.
        if token and not hmac.compare_digest(sent.encode(), token.encode()):
            challenge = {"WWW-Authenticate": 'Bearer realm="metrics"'}
            return web.json_response(
                {"detail": "Send METRICS_TOKEN."}, status=401, headers=challenge
            )
        await self._dead_letters.refresh()
        return web.Response(
            body=generate_latest() + generate_latest(self._registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )


def listen() -> socket.socket:
    """Returns a socket that listens on the port of this process; raises StartupError."""
    host, port = settings.HOST.strip("[]"), settings.WORKER_PORT + find_process_number()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number) if number and number > 0 else str(error)
        raise StartupError(
            f"WORKER_PORT: {settings.HOST}:{port} cannot be listened on: {reason}. "
            "Each process of a worker takes a port of its own, from WORKER_PORT on."
        ) from error


def find_process_number() -> int:
    """Returns the number of this process among those of its worker, from 0."""
    # multiprocessing names them Process-1, Process-2 and so on.
    number = multiprocessing.current_process().name.rpartition("-")[2]
    return int(number) - 1 if number.isdigit() else 0
