"""The attempts under way in this process, so that a worker that stops gives them back."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from dramatiq import Broker, Middleware, Worker


class Attempts(Middleware):
    """Runs attempts until the worker stops, and then cancels them.

    Dramatiq's own notice of a shutdown raises an exception anywhere in a thread, even within its
    clean-up; a cancelled task ends where it waits.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[asyncio.Task[Any], asyncio.AbstractEventLoop] = {}
        self._is_stopping = False

    async def run(self, attempt: Coroutine[Any, Any, None]) -> None:
        """Runs an attempt; one that arrives while the worker stops is left to the sweeper."""
        task = asyncio.ensure_future(attempt)
        with self._lock:
            self._running[task] = asyncio.get_running_loop()
            # Under the lock, so that no task is missed by both this and the shutdown.
            if self._is_stopping:
                task.cancel()
        # Awaiting the task itself would raise its cancellation, a failure of the message.
        await asyncio.wait([task])
        with self._lock:
            del self._running[task]
        # An attempt's error is raised here, so that Dramatiq sees its message fail.
        if not task.cancelled():
            task.result()

    def before_worker_boot(self, broker: Broker, worker: Worker) -> None:
        """Begins to accept attempts."""
        self._is_stopping = False

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        """Cancels the running attempts, from the thread that stops the worker."""
        with self._lock:
            self._is_stopping = True
            for task, loop in self._running.items():
                # `Task.cancel` may be called in the thread of the task's own loop only.
                loop.call_soon_threadsafe(task.cancel)
