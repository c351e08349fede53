"""The names of Dramatiq that it does not document, all in one place.

A release of Dramatiq may change them; the tests of Redis' health, of dead letters and of the
worker's health fail then.
"""

from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import xq_name
from redis import Redis

_ALWAYS_MAINTAIN = 1_000_000


def count_dead_letters(broker: RedisBroker) -> int:
    """Returns the number of messages that are put aside in Redis, for all queues."""
    keys = [
        f"{broker.namespace}:{xq_name(queue)}" for queue in broker.get_declared_queues()
    ]
    return sum(int(broker.client.zcard(key)) for key in keys)


def use_queue(client: Redis, namespace: str, queue: str) -> None:
    """Sends a message through a queue with the broker's own script, and purges the queue."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        namespace=namespace,
        maintenance_chance=_ALWAYS_MAINTAIN,
        middleware=[],
    )
    heartbeats = f"{namespace}:__heartbeats__"
    try:
        # The script lists keys only when a worker was silent for too long, so one is invented.
        client.zadd(heartbeats, {"silent": 0})
        broker.do_enqueue(queue, "1", "message")
        broker.do_fetch(queue, 1)
        broker.do_nack(queue, "1")
        broker.do_ack(queue, "1")
        broker.do_requeue(queue, "1")
        broker.do_purge(queue)
    finally:
        client.delete(heartbeats)


def find_dead_threads(worker: Worker) -> list[str]:
    """Returns the names of the worker's threads that have ended."""
    threads = [*worker.workers, *worker.consumers.values()]
    return [thread.name for thread in threads if not thread.is_alive()]
