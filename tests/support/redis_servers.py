"""Real Redis servers in every state that a deployment may find them in, and certificates for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
import trustme
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.ports import free_port
from tests.support.processes import Processes, wait_until


@dataclass(frozen=True)
class Certificates:
    """The files of a certificate authority of the test, and of the certificates that it signed."""

    authority: Path
    other_authority: Path
    server: Path
    client: Path


def write_certificates(folder: Path) -> Certificates:
    """Writes an authority, a certificate of 127.0.0.1 and one of a client, and an authority that signed neither."""
    authority, other = trustme.CA(), trustme.CA()
    files = Certificates(
        *(folder / f"{name}.pem" for name in ("ca", "other", "server", "client"))
    )
    authority.cert_pem.write_to_path(files.authority)
    other.cert_pem.write_to_path(files.other_authority)
    authority.issue_cert(
        "127.0.0.1", "localhost"
    ).private_key_and_cert_chain_pem.write_to_path(files.server)
    authority.issue_cert("client.example").private_key_and_cert_chain_pem.write_to_path(
        files.client
    )
    return files


class RedisServers:
    """The Redis servers of a test; all of them are ended with it."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes

    def start(self, *options: str, port: int | None = None) -> int:
        """Starts a Redis with options of its configuration and returns its port once it is listened on."""
        own = port or free_port()
        command = ["redis-server", "--port", str(own), "--bind", "127.0.0.1", "--save", ""]
        self.processes.start(*command, "--dir", str(self.processes.folder), *options)
        wait_until(lambda: _answers(own), "The start of Redis")
        return own

    def start_with_tls(self, certificates: Certificates) -> int:
        """Starts a Redis that speaks TLS only and asks clients for a certificate; returns its port."""
        port = free_port()
        tls = {
            "--tls-port": str(port),
            "--tls-cert-file": str(certificates.server),
            "--tls-key-file": str(certificates.server),
            "--tls-ca-cert-file": str(certificates.authority),
        }
        self.start(*(word for pair in tls.items() for word in pair), port=free_port())
        return port

    def start_sentinel(self, primary: int) -> int:
        """Starts a sentinel that watches a primary under the name `basket`, and returns its port."""
        port = free_port()
        file = self.processes.folder / f"sentinel-{port}.conf"
        file.write_text(
            f"port {port}\nbind 127.0.0.1\nsentinel monitor basket 127.0.0.1 {primary} 1\n"
            "sentinel down-after-milliseconds basket 500\nsentinel failover-timeout basket 2000\n"
        )
        self.processes.start("redis-server", str(file), "--sentinel")
        wait_until(lambda: _answers(port), "The start of the sentinel")
        return port


def wait_for_replica(sentinel: int, primary: int) -> None:
    """Waits until a primary's replica is in step and its sentinel knows it."""

    def is_known() -> bool:
        with redis.Redis(port=sentinel) as watcher, redis.Redis(port=primary) as watched:
            replicas = watcher.sentinel_slaves("basket")
            state = watched.info("replication").get("slave0", {}).get("state")
            return len(replicas) == 1 and state == "online"

    wait_until(is_known, "The replica")


def _answers(port: int) -> bool:
    try:
        # By default the client itself tries again for seconds; the caller polls.
        with redis.Redis(port=port, retry=Retry(NoBackoff(), 0)) as client:
            client.ping()
    except redis.AuthenticationError:
        return True
    except redis.RedisError:
        return False
    return True


@contextmanager
def redis_servers(folder: Path) -> Iterator[RedisServers]:
    """Yields a way to start servers, and ends them."""
    processes = Processes(folder)
    try:
        yield RedisServers(processes)
    finally:
        processes.end()
