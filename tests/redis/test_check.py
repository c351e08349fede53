"""Redis is used only when it lets the server do all that it does there; real servers in every state say so."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import redis

from application import create_application
from models.database.connection import connect, disconnect
from settings.options import Options
from settings.startup_error import StartupError
from tasks.redis.address import parse_redis_address
from tasks.redis.check import RedisCheck, use_redis
from tasks.redis.connection import RedisServer
from tasks.redis.server import find_redis_server
from tests.support.redis_servers import (
    Certificates,
    RedisServers,
    redis_servers,
    write_certificates,
)
from tests.support.service import open_client
from tests.support.waiting import TIMEOUT_SECONDS

RIGHTS = (
    "&basket-*",
    *("+@read", "+@write", "+@connection", "+@scripting", "+keys"),
    *("+publish", "+subscribe", "+unsubscribe"),
)
DOCUMENTATION = Path("docs/redis.md").read_text(encoding="utf-8")


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[RedisServers]:
    """A way to start Redis servers of this test."""
    with redis_servers(tmp_path) as started:
        yield started


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Certificates of this test."""
    return write_certificates(tmp_path)


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[None]:
    """A connected database."""
    await connect(sqlite_url)
    yield
    await disconnect()


def fault_word(url: str) -> str | None:
    """Checks the Redis of an address and returns the word of its fault, None when it can be used."""
    check = RedisCheck(RedisServer(parse_redis_address(url), "basket-test"))
    try:
        fault = check.fault()
        return fault.word if fault else None
    finally:
        check.close()


def test_a_redis_that_does_everything_has_no_fault_and_keeps_nothing(
    servers: RedisServers,
) -> None:
    port = servers.start()
    assert fault_word(f"redis://127.0.0.1:{port}/2") is None
    with redis.Redis(port=port, db=2) as client:
        assert client.keys() == []


@pytest.mark.parametrize(
    ("options", "login", "word"),
    [
        (["--replicaof", "127.0.0.1", "1"], "", "read-only"),
        (["--cluster-enabled", "yes"], "", "cluster"),
        (["--maxmemory", "1", "--maxmemory-policy", "noeviction"], "", "full"),
        (["--requirepass", "right"], "", "unauthenticated"),
        (["--requirepass", "right"], ":wrong@", "unauthenticated"),
        (["--requirepass", "right"], ":right@", None),
        (["--user", "a", "on", ">b", "~basket-*", *RIGHTS], "a:b@", None),
        (["--user", "a", "on", ">b", "~other-*", *RIGHTS], "a:b@", "not permitted"),
        (
            ["--user", "a", "on", ">b", "~basket-*", *RIGHTS, "-keys"],
            "a:b@",
            "not permitted",
        ),
        *(
            (
                ["--user", "a", "on", ">b", "~basket-*", *RIGHTS, less],
                "a:b@",
                "not permitted",
            )
            for less in ("-publish", "-subscribe", "resetchannels")
        ),
        (["--user", "a", "on", ">b", "~basket-*", "+@read"], "a:b@", "not permitted"),
        (["--user", "a", "off", ">b", "~*", "+@all"], "a:b@", "unauthenticated"),
        (["--databases", "1"], "db 5", "no database"),
    ],
)
def test_the_fault_of(
    options: list[str], login: str, word: str | None, servers: RedisServers
) -> None:
    port = servers.start(*options)
    url = (
        f"redis://127.0.0.1:{port}/5"
        if login == "db 5"
        else f"redis://{login}127.0.0.1:{port}"
    )
    assert fault_word(url) == word


def test_the_documented_rights_are_enough(servers: RedisServers) -> None:
    assert f"user basket on >PASSWORD ~basket-* {' '.join(RIGHTS)}\n" in DOCUMENTATION
    port = servers.start("--user", "basket", "on", ">PASSWORD", "~basket-*", *RIGHTS)
    assert fault_word(f"redis://basket:PASSWORD@127.0.0.1:{port}") is None


def test_a_sentinel_that_is_none_or_knows_no_such_service_is_said(
    servers: RedisServers,
) -> None:
    port = servers.start()
    sentinel = servers.start_sentinel(port)
    dead = "127.0.0.1:1"
    assert fault_word(f"redis+sentinel://{dead},127.0.0.1:{sentinel}/basket") is None
    assert fault_word(f"redis+sentinel://{dead},127.0.0.1:{sentinel}/shop") == "no service"
    assert fault_word(f"redis+sentinel://127.0.0.1:{port}/basket") == "no sentinel"
    assert fault_word(f"redis+sentinel://{dead}/basket") == "unavailable"


def test_a_server_that_lacks_a_command_is_said_as_a_sentinel_does(
    servers: RedisServers,
) -> None:
    port = servers.start("--rename-command", "EVAL", "")
    assert fault_word(f"redis://127.0.0.1:{port}") == "no command"
    sentinel = servers.start_sentinel(port)
    assert fault_word(f"redis://127.0.0.1:{sentinel}") == "no command"


def test_nothing_that_listens_is_unavailable() -> None:
    assert fault_word("redis://127.0.0.1:1") == "unavailable"


def test_a_socket_is_an_address(servers: RedisServers, tmp_path: Path) -> None:
    servers.start("--unixsocket", str(tmp_path / "redis.sock"))
    assert fault_word(f"unix://{tmp_path / 'redis.sock'}?db=1") is None


def test_tls_asks_for_the_authority_and_shows_a_certificate(
    servers: RedisServers, certificates: Certificates
) -> None:
    url = f"rediss://127.0.0.1:{servers.start_with_tls(certificates)}"
    own = f"ssl_certfile={certificates.client}&ssl_keyfile={certificates.client}"
    assert fault_word(f"{url}?ssl_ca_certs={certificates.authority}&{own}") is None
    assert fault_word(f"{url}?ssl_cert_reqs=none&{own}") is None
    assert (
        fault_word(f"{url}?ssl_ca_certs={certificates.other_authority}&{own}")
        == "untrusted"
    )
    assert fault_word(f"{url}?{own}") == "untrusted"
    assert fault_word(f"{url}?ssl_ca_certs={certificates.authority}") is not None


async def test_the_event_loop_connects_to_the_same_addresses(
    servers: RedisServers, certificates: Certificates
) -> None:
    port = await asyncio.to_thread(servers.start_with_tls, certificates)
    files = f"ssl_ca_certs={certificates.authority}&ssl_certfile={certificates.client}"
    address = parse_redis_address(
        f"rediss://127.0.0.1:{port}/1?{files}&ssl_keyfile={certificates.client}"
    )
    server = RedisServer(address, "basket-test")
    async with server.connect_async(5) as client:
        assert await client.set("key", "value") is True
        assert await client.get("key") == b"value"


async def test_sentinels_name_the_primary_in_threads_and_on_the_loop(
    servers: RedisServers,
) -> None:
    port = await asyncio.to_thread(servers.start)
    sentinel = await asyncio.to_thread(servers.start_sentinel, port)
    address = parse_redis_address(
        f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel}/basket/3"
    )
    server = RedisServer(address, "basket-test")
    await asyncio.to_thread(use_redis, server.connect(5), "basket-test")
    async with server.connect_async(5) as client:
        await client.set("key", "value")
    with redis.Redis(port=port, db=3) as direct:
        assert direct.keys() == [b"key"]


@pytest.mark.usefixtures("database")
async def test_what_can_never_work_is_rejected_with_the_setting_and_the_reason(
    servers: RedisServers,
) -> None:
    port = await asyncio.to_thread(servers.start, "--requirepass", "right")
    with pytest.raises(StartupError) as rejected:
        await find_redis_server(f"redis://:hush@127.0.0.1:{port}", "")
    assert (
        str(rejected.value)
        == "REDIS_URL: Redis cannot be used: user or password are wrong or missing."
    )


@pytest.mark.usefixtures("database")
async def test_what_may_work_later_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = await find_redis_server("redis://127.0.0.1:1", "shop")
    assert server == RedisServer(parse_redis_address("redis://127.0.0.1:1"), "shop")
    assert "Redis cannot be used now" in caplog.text


async def test_two_databases_have_two_prefixes_and_one_has_one(
    database_url: str, tmp_path: Path
) -> None:
    prefixes = []
    for url in (database_url, database_url, f"sqlite://{tmp_path / 'other.sqlite3'}"):
        await connect(url)
        try:
            server = await find_redis_server("redis://127.0.0.1:1", "")
        finally:
            await disconnect()
        prefixes.append(server.prefix if server else "")
    assert prefixes[0] == prefixes[1]
    assert prefixes[0] != prefixes[2]
    assert all(prefix.startswith("basket-") and len(prefix) == 19 for prefix in prefixes)


async def test_a_server_does_not_start_on_a_redis_that_can_never_be_used(
    sqlite_url: str, servers: RedisServers
) -> None:
    port = await asyncio.to_thread(servers.start, "--replicaof", "127.0.0.1", "1")
    application = create_application(
        Options(
            database_url=sqlite_url,
            commerce_url="http://x.invalid",
            redis_url=f"redis://127.0.0.1:{port}",
        )
    )
    with pytest.raises(
        StartupError, match="REDIS_URL: Redis cannot be used: it is a read-only replica"
    ):
        async with open_client(application):
            pass


async def readyz(client: httpx.AsyncClient, word: str) -> None:
    """Waits until the health check says a word of Redis."""
    for _ in range(10 * int(TIMEOUT_SECONDS)):
        response = await client.get("/readyz")
        if response.json()["redis"] == word:
            assert response.status_code == (200 if word == "ok" else 503)
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"Redis never was {word!r}: {response.json()}")


async def test_readiness_follows_what_redis_accepts(
    sqlite_url: str, servers: RedisServers
) -> None:
    port = await asyncio.to_thread(servers.start)
    application = create_application(
        Options(
            database_url=sqlite_url,
            commerce_url="http://x.invalid",
            redis_url=f"redis://127.0.0.1:{port}",
        )
    )
    async with open_client(application) as client:
        with redis.Redis(port=port) as administrator:
            await readyz(client, "ok")
            administrator.config_set("maxmemory", "1")
            await readyz(client, "full")
            administrator.config_set("maxmemory", "0")
            await readyz(client, "ok")
            administrator.replicaof("127.0.0.1", "1")
            await readyz(client, "read-only")
            administrator.replicaof("NO", "ONE")
            await readyz(client, "ok")
            assert (await client.get("/healthz")).status_code == 200
