"""Persisted queries in a real Redis: shared by processes, verified, bounded, and never waited for."""

import asyncio
from asyncio import StreamReader, StreamWriter
from itertools import count
from pathlib import Path

import redis

from models.document import hash_document
from tasks.redis.address import parse_redis_address
from tasks.redis.connection import RedisServer
from tests.documents.test_persisted_queries import ANSWER, NOT_FOUND, QUERY, extension
from tests.support.ports import free_port
from tests.support.processes import Processes, kill
from tests.support.service import serve, serve_beside
from tests.support.shop import Shop
from web.documents.persisted import PersistedQueries
from web.documents.shared import KEPT_SECONDS, TIMEOUT_SECONDS, SharedQueries

MAIN = {"Authorization": "Token main"}


async def test_a_text_sent_to_one_process_is_known_to_others_and_verified_by_them(
    sqlite_url: str, shop: Shop, redis_url: str, tmp_path: Path
) -> None:
    exports = str(tmp_path / "exports")
    sent = {"query": QUERY, "extensions": extension(QUERY)}
    asked = {"extensions": extension(QUERY)}
    options = {"redis_url": redis_url, "redis_prefix": "basket-a"}
    key = f"basket-a-document-1:{hash_document(QUERY)[:3]}"
    with redis.Redis.from_url(redis_url) as client:
        async with serve(sqlite_url, shop, exports, **options) as service:
            response = await service.client.post("/graphql", json=sent, headers=MAIN)
            assert response.json() == ANSWER
            assert client.get(key) == QUERY.encode()
            assert KEPT_SECONDS - 60 < int(str(client.ttl(key))) <= KEPT_SECONDS
            # One that is asked for does not expire.
            client.expire(key, 5)
            async with serve_beside(service, sqlite_url, **options) as beside:
                response = await beside.post("/graphql", json=asked, headers=MAIN)
                assert response.json() == ANSWER
                assert int(str(client.ttl(key))) > KEPT_SECONDS - 60
                # From here on it is in its memory.
                client.delete(key)
                response = await beside.post("/graphql", json=asked, headers=MAIN)
                assert response.json() == ANSWER
            for forged in ("{ viewer { id } }", "\ud800".encode(errors="replace"), b"\xff"):
                client.set(key, forged)
                async with serve_beside(service, sqlite_url, **options) as third:
                    response = await third.post("/graphql", json=asked, headers=MAIN)
                    assert response.json() == NOT_FOUND


async def test_texts_share_a_fixed_number_of_places(redis_url: str) -> None:
    texts: dict[str, str] = {}
    for number in count():
        text = f"{{ viewer {{ email }} }} # {number}"
        other = texts.setdefault(hash_document(text)[:3], text)
        if other != text:
            break
    server = RedisServer(parse_redis_address(redis_url), "basket-b")
    async with server.connect_async(TIMEOUT_SECONDS) as client:
        shared = SharedQueries(client, server.prefix)
        for each in (other, text):
            await shared.store(hash_document(each), each)
        assert await shared.find(hash_document(other)) is None
        assert await shared.find(hash_document(text)) == text
        assert len(await client.keys("basket-b-document-1:*")) == 1
        # What is no hash is no part of a key.
        queries = PersistedQueries()
        queries.shared = shared
        for wrong in ("", "abc", hash_document(text)[:-1] + "\n", "*" * 64):
            assert await queries.find(wrong) is None


async def test_while_redis_does_not_answer_each_process_knows_its_own(
    tmp_path: Path, sqlite_url: str, shop: Shop
) -> None:
    port, processes = free_port(), Processes(tmp_path)
    process = processes.redis(port)
    url = f"redis://127.0.0.1:{port}/0"
    try:
        exports, options = str(tmp_path), {"redis_url": url, "redis_prefix": "c"}
        async with serve(sqlite_url, shop, exports, **options) as service:
            kill(process)
            for text, content in (("", NOT_FOUND), (QUERY, ANSWER), ("", ANSWER)):
                body = {"query": text, "extensions": extension(QUERY)}
                response = await service.client.post("/graphql", json=body, headers=MAIN)
                assert (response.status_code, response.json()) == (200, content)
            processes.redis(port)
    finally:
        processes.end()


async def test_a_redis_that_accepts_and_says_nothing_is_not_waited_for() -> None:
    async def say_nothing(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with silent:
        port = silent.sockets[0].getsockname()[1]
        server = RedisServer(parse_redis_address(f"redis://127.0.0.1:{port}"), "d")
        async with server.connect_async(TIMEOUT_SECONDS) as client:
            queries = PersistedQueries()
            queries.shared = SharedQueries(client, server.prefix)
            assert await queries.find(hash_document(QUERY)) is None
            await queries.store(QUERY)
            assert queries.texts.get(hash_document(QUERY)) == QUERY
