"""Addresses of Redis: each supported form means one thing, every other one is rejected with the reason."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from settings import kinds
from tasks.redis.address import RedisAddress, parse_redis_address
from tasks.redis.words import RedisAddressRejected
from tests.support.redis_servers import write_certificates


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("redis://redis.example/0", RedisAddress((("redis.example", 6379),))),
        ("redis://redis.example", RedisAddress((("redis.example", 6379),))),
        ("redis://redis.example/", RedisAddress((("redis.example", 6379),))),
        (
            "redis://redis.example:7000/5",
            RedisAddress((("redis.example", 7000),), database=5),
        ),
        (
            "redis://redis.example?db=4",
            RedisAddress((("redis.example", 6379),), database=4),
        ),
        (
            "redis://redis.example/4?db=4",
            RedisAddress((("redis.example", 6379),), database=4),
        ),
        ("redis:///3", RedisAddress((("localhost", 6379),), database=3)),
        ("redis://[::1]:7000/1", RedisAddress((("::1", 7000),), database=1)),
        ("redis://[fe80::2]", RedisAddress((("fe80::2", 6379),))),
        ("redis://:p%40ss%2F@h", RedisAddress((("h", 6379),), password="p@ss/")),
        (
            "redis://ada:secret@h/1",
            RedisAddress((("h", 6379),), "", "", 1, False, "ada", "secret"),
        ),
        (
            "redis://h?username=ada&password=x",
            RedisAddress((("h", 6379),), username="ada", password="x"),
        ),
        ("valkeys://h:1/2", RedisAddress((("h", 1),), database=2, has_tls=True)),
        ("unix:///run/redis.sock", RedisAddress(socket_path="/run/redis.sock")),
        (
            "unix://:pw@/run/r.sock?db=2",
            RedisAddress(socket_path="/run/r.sock", database=2, password="pw"),
        ),
        ("redis+socket:///run/r.sock", RedisAddress(socket_path="/run/r.sock")),
        (
            "redis+sentinel://:pw@a,b:7,[::1]/main/2",
            RedisAddress(
                (("a", 26379), ("b", 7), ("::1", 26379)), "", "main", 2, password="pw"
            ),
        ),
        (
            "redis+sentinel://a/main?sentinel_password=s",
            RedisAddress((("a", 26379),), service="main", sentinel_login={"password": "s"}),
        ),
        (
            "rediss://h?ssl_cert_reqs=none&protocol=3",
            RedisAddress(
                (("h", 6379),),
                has_tls=True,
                tls={"ssl_cert_reqs": "none"},
                options={"protocol": 3},
            ),
        ),
    ],
)
def test_an_address_means(text: str, address: RedisAddress) -> None:
    assert parse_redis_address(text) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("redis://", "names no host"),
        ("redis.example:6379", "names no host"),
        ("http://h", "the scheme 'http' is unknown; known are redis, rediss, unix"),
        ("redis://h:6379/x", "the database 'x' is not a whole number"),
        ("redis://h:6379/-1", "the database '-1' is not a whole number"),
        ("redis://h:6379/٣", "is not a whole number"),
        ("redis://h/1/2", "more than one part"),
        ("redis://h/1?db=2", "names database 1 and the word db names 2"),
        ("redis://h?db=1&db=1", "the word 'db' stands twice"),
        ("redis://h:x", "the port 'x' is not a whole number"),
        ("redis://h:0", "the port 0 is not between 1 and 65535"),
        ("redis://h:65536", "the port 65536 is not between 1 and 65535"),
        ("redis://::1:6379", "write the IPv6 address '::1:6379' in brackets"),
        ("redis://a,b:6379", "several hosts are supported for redis+sentinel:// only"),
        ("redis+cluster://a:1,b:2", "Redis Cluster is not supported"),
        ("redis+sentinel://a:1", "names no service"),
        ("redis://h?ssl_ca_certs=/nowhere", "the word ssl_ca_certs needs TLS"),
        (
            "rediss://h?ssl_ca_certs=/nowhere/ca.pem",
            "cannot be read: No such file or directory",
        ),
        ("rediss://h?ssl_cert_reqs=maybe", "known are required, optional and none"),
        ("rediss://h?ssl_check_hostname=perhaps", "neither true nor false"),
        ("redis://h?socket_timeout=3", "the server sets its own timeouts"),
        ("redis://h?sentinel_password=x", "is for redis+sentinel:// only"),
        ("redis://h?colour=red", "the word 'colour' is unknown"),
        ("redis://h?protocol=4", "the protocol '4' is unknown; known are 2 and 3"),
        ("redis://h?max_connections=0", "the max_connections is 0; the least is 1"),
        ("redis://[::1/0", "the brackets of the host do not match"),
        ("redis://:[hush@h", "the brackets of the host do not match"),
        ("rediss://h?ssl_keyfile=/etc/hosts", "the word ssl_keyfile needs ssl_certfile"),
        (
            "rediss://h?ssl_ca_certs=/etc/hosts",
            "the file of ssl_ca_certs, '/etc/hosts', holds no certificates in PEM form",
        ),
        (
            "rediss+sentinel://h/s?ssl_certfile=/etc/hosts",
            "'/etc/hosts', and ssl_keyfile hold no certificate with its key in PEM form",
        ),
        ("unix:///etc/hosts?db=1", "'/etc/hosts' is no socket"),
        ("unix://run/redis.sock", "three slashes"),
        (" redis://h", "white space"),
    ],
)
def test_an_unsupported_address_is_rejected_with_its_part_and_the_reason(
    text: str, reason: str
) -> None:
    with pytest.raises(RedisAddressRejected) as rejected:
        parse_redis_address(text)
    assert reason in str(rejected.value)
    assert "\n" not in str(rejected.value)


@pytest.mark.parametrize(
    "text",
    [
        "redis://:hush/hush@h:6379/0",
        "redis://:hush#hush@h:6379/0",
        "redis://:hush?hush@h:6379/0",
        "redis://ada:hush@h:x",
        "redis://ada:hush@h/x",
        "redis://ada:hush@h?colour=red",
    ],
)
def test_no_password_is_ever_shown(text: str) -> None:
    with pytest.raises(RedisAddressRejected) as rejected:
        parse_redis_address(text)
    assert "hush" not in str(rejected.value)


def test_the_address_itself_shows_no_password() -> None:
    assert "hush" not in repr(parse_redis_address("redis://ada:hush@h"))


def test_files_of_tls_are_taken_with_their_password(tmp_path: Path) -> None:
    files = write_certificates(tmp_path)
    assert parse_redis_address(f"rediss://h?ssl_ca_certs={files.authority}").tls == {
        "ssl_ca_certs": str(files.authority)
    }
    locked = tmp_path / "locked.pem"
    key = load_pem_private_key(files.client.read_bytes(), None)
    secret = BestAvailableEncryption(b"right")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret)
    locked.write_bytes(pem + files.client.read_bytes().partition(b"-----BEGIN CERT")[2])
    url = f"rediss://h?ssl_certfile={files.client}&ssl_keyfile={locked}"
    assert parse_redis_address(f"{url}&ssl_password=right").tls["ssl_password"] == "right"
    for wrong in ("", "&ssl_password=wrong"):
        with pytest.raises(RedisAddressRejected, match="or ssl_password is not that of"):
            parse_redis_address(url + wrong)


@pytest.mark.parametrize("prefix", ["shop", "Shop-1.test_2", "9"])
def test_a_plain_prefix_is_taken(prefix: str) -> None:
    assert kinds.NAME.parse(prefix) == prefix


@pytest.mark.parametrize("prefix", ["-shop", "shop*", "shop:1", "läden", "x" * 65, " "])
def test_a_prefix_that_no_rule_of_access_can_name_is_rejected(prefix: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        kinds.NAME.parse(prefix)
