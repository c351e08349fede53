"""DATABASE_URL of PostgreSQL: libpq's words are understood, and any other is rejected by its name."""

import os
import ssl
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from models.database.connection import check_answers, connect, disconnect
from models.database.postgres.address import AddressRejected, parse_address
from models.database.postgres.files import check_files
from tests.support.postgres_cluster import Cluster, own_cluster
from tests.support.statements import statement

_SETTING = statement("SELECT current_setting(:name::text)")


@pytest.mark.parametrize(
    ("url", "hosts", "user", "database"),
    [
        ("postgres://u:p@h/d", (("h", 5432),), "u", "d"),
        ("postgresql://u@h:6000/d?application_name=a", (("h", 6000),), "u", "d"),
        ("postgres://u@a:1,b:2,c/d", (("a", 1), ("b", 2), ("c", 5432)), "u", "d"),
        ("postgres://u@[::1]:7,[fe80::1]/d", (("::1", 7), ("fe80::1", 5432)), "u", "d"),
        ("postgres://u@%2Fvar%2Frun/d", (("/var/run", 5432),), "u", "d"),
        ("postgres://u@/d?host=/run/pg&port=7", (("/run/pg", 7),), "u", "d"),
        ("postgres:///d?host=a,b&port=1,2&user=x", (("a", 1), ("b", 2)), "x", "d"),
        ("postgres://u@h?dbname=a%20b", (("h", 5432),), "u", "a b"),
        ("postgres://u%40corp:p%2Fq%23@h/d", (("h", 5432),), "u@corp", "d"),
        ("postgres://u@/d", ((None, 5432),), "u", "d"),
    ],
)
def test_the_parts_are_those_of_libpq(
    url: str, hosts: tuple[tuple[str | None, int], ...], user: str, database: str
) -> None:
    address = parse_address(url)
    assert (address.hosts, address.user, address.database) == (hosts, user, database)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://", "it names no database"),
        ("postgresql://", "it names no database"),
        ("postgres://u@h", "it names no database"),
        ("postgres://u@h/", "it names no database"),
        ("postgres://u@h:0/d", "the port '0' is no number from 1 to 65535"),
        ("postgres://u@h:x/d", "the port 'x' is no number"),
        ("postgres://u@::1/d", "is an IPv6 address: write it in brackets"),
        (
            "postgres://u@h/d?sslmode=on",
            "sslmode=on is not supported: it is one of disable",
        ),
        ("postgres://u@h/d?sslmode=verify-ca", "sslmode=verify-ca needs sslrootcert"),
        (
            "postgres://u@h/d?sslrootcert=/none",
            "sslrootcert=/none is no file that can be read",
        ),
        ("postgres://u@h/d?sslkey=/none", "sslkey=/none is no file"),
        (
            "postgres://u@h/d?target_session_attrs=standby",
            "target_session_attrs=standby is not",
        ),
        ("postgres://u@h/d?gssencmode=require", "gssencmode=require is not supported"),
        ("postgres://u@h/d?service=x", "service is not supported"),
        ("postgres://u@h/d?hostaddr=1.2.3.4", "hostaddr is not supported"),
        (
            "postgres://u@h/d?pgbouncer=true",
            "pgbouncer is not supported: set DATABASE_POOLER",
        ),
        ("postgres://u@h/d?sslmod=require", "the word 'sslmod' is unknown"),
        ("postgres://u@h/d?sslmode", "the word 'sslmode' has no value"),
        (
            "postgres://u@h/d?connect_timeout=soon",
            "connect_timeout=soon is no whole number",
        ),
        (
            "postgres://u@h/d?client_encoding=LATIN1",
            "client_encoding=LATIN1 is not supported",
        ),
        ("postgres://u@a,b/d?port=1,2,3", "it has 3 ports for 2 hosts"),
        ("postgres://u@h/d?host=i", "the host is named twice"),
        (
            "postgres://u:se/cret@h/d",
            "a special character of the password is not written as %XX",
        ),
    ],
)
def test_what_is_not_supported_is_rejected_with_its_part_and_the_reason(
    url: str, reason: str
) -> None:
    with pytest.raises(AddressRejected) as caught:
        parse_address(url)
    assert reason in str(caught.value)
    assert "cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_certificate_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "root.crt"
    file.write_text("Dear reader")
    address = parse_address(f"postgres://u@h/d?sslmode=verify-full&sslrootcert={file}")
    with pytest.raises(AddressRejected, match="the files of TLS"):
        check_files(address)


def test_no_password_is_shown() -> None:
    address = parse_address("postgres://u:secret@h/d?sslpassword=secret")
    assert "secret" not in repr(address) + address.name


async def settings_of(url: str, *names: str) -> list[str]:
    """Connects by an address as servers do; returns settings of the session."""
    await connect(url, 1)
    try:
        await check_answers()
        rows = [await _SETTING.row(name=name) for name in names]
        return [str(row[0]) for row in rows if row]
    finally:
        await disconnect()


async def test_sockets_several_hosts_options_and_the_name_reach_the_server() -> None:
    with own_cluster() as cluster:
        folder = quote(str(cluster.folder), safe="")
        words = "application_name=mine&options=-c%20search_path%3Dpg_catalog"
        for hosts in (f"{folder}:{cluster.port}", f"127.0.0.1:1,127.0.0.1:{cluster.port}"):
            url = f"postgres://postgres@{hosts}/postgres?{words}"
            names = ("application_name", "search_path", "statement_timeout")
            assert await settings_of(url, *names) == ["mine", "pg_catalog", "10s"]


async def test_a_demand_for_tls_is_not_met_without_it() -> None:
    with own_cluster() as cluster:
        for mode in ("disable", "allow", "prefer"):
            assert await settings_of(f"{cluster.url}?sslmode={mode}", "jit") == ["off"]
        with pytest.raises((OSError, ssl.SSLError), match="SSL"):
            await settings_of(f"{cluster.url}?sslmode=require", "jit")


async def test_tls_is_verified_as_demanded(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "root.crt")
    stranger.cert_pem.write_to_path(tmp_path / "stranger.crt")
    with own_cluster() as cluster:
        start_tls(cluster, authority.issue_cert("localhost"))
        named = cluster.url.replace("127.0.0.1", "localhost")
        root, wrong = tmp_path / "root.crt", tmp_path / "stranger.crt"
        for url in (
            f"{named}?sslmode=verify-full&sslrootcert={root}",
            f"{cluster.url}?sslmode=verify-ca&sslrootcert={root}",
            f"{cluster.url}?sslmode=require",
        ):
            assert await is_encrypted(url)
        for url in (
            f"{cluster.url}?sslmode=verify-full&sslrootcert={root}",
            f"{named}?sslmode=verify-ca&sslrootcert={wrong}",
            f"{named}?sslmode=verify-full&sslrootcert=system",
        ):
            with pytest.raises(ssl.SSLCertVerificationError):
                await is_encrypted(url)
        assert not await is_encrypted(f"{named}?sslmode=disable")


async def is_encrypted(url: str) -> bool:
    """Connects by an address as servers do; returns whether the connection has TLS."""
    await connect(url, 1)
    try:
        row = await statement(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).row()
        return bool(row and row[0])
    finally:
        await disconnect()


def start_tls(cluster: Cluster, certificate: trustme.LeafCert) -> None:
    """Restarts a server with a certificate of its own."""
    data = cluster.folder / "data"
    key = data / "server.key"
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(data / "server.crt")
    owner = data.stat().st_uid
    for file in (key, data / "server.crt"):
        file.chmod(0o600)
        os.chown(file, owner, -1)
    with (data / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("ssl = on\n")
    cluster.control("restart")
