"""A server that may open few files: requests it cannot serve are an outage, never a fault of ours."""

import asyncio
import resource
import sys
from collections import Counter
from pathlib import Path

import httpx

from tests.support.process import write_people_to
from tests.support.processes import Processes, answers, free_port, wait_until
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS

FILES, CLIENTS, REQUESTS = 64, 60, 15
QUERY = {"query": "{ activeBaskets { id } divisions { id } }"}
LIMIT = (
    "import os, resource, sys; "
    f"resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, {FILES})); "
    "os.execv(sys.executable, [sys.executable, 'server.py', 'serve'])"
)


async def ask(url: str) -> Counter[str]:
    """Sends requests on a connection of its own; counts the statuses and codes."""
    found: Counter[str] = Counter()
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS) as client:
        for _ in range(REQUESTS):
            try:
                response = await client.post(
                    "/graphql", json=QUERY, headers={"Authorization": "Token main"}
                )
            except httpx.TransportError:
                found["no connection"] += 1
                continue
            codes = [
                error["extensions"]["code"] for error in response.json().get("errors", [])
            ]
            found[" ".join([str(response.status_code), *codes])] += 1
    return found


async def test_too_many_open_files_are_503(
    postgres_url: str, shop: Shop, tmp_path: Path
) -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > FILES
    await write_people_to(postgres_url)
    processes = Processes(
        tmp_path,
        DATABASE_URL=postgres_url,
        COMMERCE_URL=shop.url,
        REDIS_URL="",
        ENVIRONMENT="test",
        RATE_LIMIT_TOKEN="0",
        RATE_LIMIT_ADDRESS="0",
        DATABASE_POOL_SIZE="40",
        LIVE_CONNECTIONS="0",
    )
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    try:
        processes.start(sys.executable, "-c", LIMIT, PORT=str(port))
        await asyncio.to_thread(wait_until, lambda: answers(f"{url}/healthz"), "The start")
        found = sum(await asyncio.gather(*[ask(url) for _ in range(CLIENTS)]), Counter())
    finally:
        await asyncio.to_thread(processes.end)
    assert set(found) <= {"200", "503 SERVICE_UNAVAILABLE", "no connection"}, found
    assert found["200"] > 0
