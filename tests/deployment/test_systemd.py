"""The page of the deployment, carried out under a systemd of the test's own: its units and its commands."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from models.database.connection import migrate_forward
from tests.support.deployment import Site
from tests.support.exports import completed
from tests.support.load import KEYED, PLAIN, loaded
from tests.support.pages import shell_block
from tests.support.ports import free_ports
from tests.support.postgres_cluster import Cluster, own_cluster
from tests.support.private_systemd import RELEASES, Systemd, as_basket, private_systemd
from tests.support.process import write_people_to
from tests.support.processes import ROOT, Processes, answers, in_thread, wait_until
from tests.support.proxies import haproxy_command
from tests.support.service import Caller
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS

pytestmark = pytest.mark.long


LIMITS = {"RATE_LIMIT_TOKEN": "0", "RATE_LIMIT_ADDRESS": "0"}


@dataclass
class Machine:
    """A systemd with its services: a PostgreSQL and a Redis that the test starts when it likes."""

    systemd: Systemd
    site: Site
    cluster: Cluster
    processes: Processes
    worker_port: int

    def on_its_ports(self, block: str) -> str:
        """Puts the ports of the test in the place of those of the page."""
        one, two = self.site.server_ports
        return block.replace("8001", str(one)).replace("8002", str(two))

    def wait_for(self, place: int) -> None:
        """Waits until a server answers and is ready."""
        url = f"http://127.0.0.1:{self.site.server_ports[place]}/readyz"
        wait_until(lambda: answers(url), "The start of a server")

    def wait_for_worker(self) -> None:
        """Waits until both processes of the worker work.

        Its unit is active before, and a stop then finds a Python that has read no program yet.
        """
        for number in range(2):
            url = f"http://127.0.0.1:{self.worker_port + number}/readyz"
            wait_until(partial(answers, url), "The start of a process of the worker")

    def wait_for_units(self, *units: str) -> None:
        """Waits until units are active."""
        wait_until(
            lambda: {self.systemd.state(unit) for unit in units} == {"active"},
            f"The start of {units}",
        )

    def wait_for_no_process(self, unit: str) -> None:
        """Waits until no process of a unit is left; systemd notes that a little after the unit has stopped."""
        count = f"systemd-cgls --no-pager /system.slice | grep -c {unit} || true"
        wait_until(
            lambda: self.systemd.run(count) == "0\n", f"The end of the processes of {unit}"
        )

    def start_proxy(self) -> None:
        """Starts the proxy with the committed configuration."""
        command = haproxy_command(self.processes.folder)
        self.processes.start(*command, **self.site.proxy_environment())
        wait_until(
            lambda: answers(f"{self.site.proxy_url}/readyz"), "The start of the proxy"
        )

    @asynccontextmanager
    async def calling(self, token: str = "main") -> AsyncIterator[Caller]:  # noqa: S107
        """Yields a caller through the proxy."""
        async with httpx.AsyncClient(
            base_url=self.site.proxy_url, timeout=TIMEOUT_SECONDS
        ) as client:
            yield Caller(client, token)


@pytest.fixture
def machine(tmp_path: Path, shop: Shop) -> Iterator[Machine]:
    """A machine on which nothing of ours runs yet, and whose PostgreSQL answers."""
    with own_cluster() as cluster:
        site = Site(cluster.url, shop.url)
        own = {"EXPORT_URL": "/var/lib/basket/exports", "WORKER_PORT": str(free_ports())}
        environment = site.environment(tmp_path) | own | LIMITS
        with private_systemd(tmp_path, environment) as systemd:
            processes = Processes(tmp_path)
            yield Machine(systemd, site, cluster, processes, int(own["WORKER_PORT"]))
            processes.end()


async def write_people(machine: Machine) -> None:
    """Migrates, and writes the people of the load."""
    await migrate_forward(machine.cluster.url)
    await write_people_to(machine.cluster.url)


async def test_every_boot_comes_up_in_any_order_with_postgresql_and_redis_late(
    machine: Machine,
) -> None:
    one, two = machine.site.server_ports
    units = [
        "basket-migrate",
        f"basket-server@{one}",
        f"basket-server@{two}",
        "basket-worker",
    ]
    await write_people(machine)
    for seed in (1, 2):
        await in_thread(lambda: machine.cluster.control("stop"))
        order = random.Random(seed).sample(units, k=len(units))
        machine.systemd.run(f"systemctl start --no-block {' '.join(order)}")
        await asyncio.sleep(random.Random(seed).uniform(0, 3))
        assert machine.systemd.state(f"basket-server@{one}") != "active"

        await in_thread(machine.cluster.start)
        redis = await asyncio.to_thread(machine.processes.redis, machine.site.redis_port)
        for place in (0, 1):
            await asyncio.to_thread(machine.wait_for, place)
        await asyncio.to_thread(machine.wait_for_units, "basket-migrate", "basket-worker")

        machine.systemd.run(f"systemctl stop {' '.join(units)}")
        redis.kill()
        redis.wait()


async def test_the_page_makes_the_database_a_buyer_and_an_export(machine: Machine) -> None:
    port = machine.cluster.port
    make = shell_block("docs/deployment/README.md", "password=").replace(
        "runuser -u postgres -- psql", f"psql -h 127.0.0.1 -p {port} -U postgres"
    )
    password = machine.systemd.run(f'{make}printf %s "$password"')
    url = f"postgres://basket:{password}@127.0.0.1:{port}/basket"

    start = "systemctl daemon-reload"
    files, _, units = shell_block("docs/deployment/README.md", "install -D").partition(
        start
    )
    environment = machine.systemd.run("cat /etc/basket/basket.env")
    machine.systemd.run(files)
    for unit in (ROOT / "docs" / "deployment").glob("*.service"):
        installed = machine.systemd.run(f"cat /etc/systemd/system/{unit.name}")
        assert installed == unit.read_text()
    machine.systemd.run(f"cat > /etc/basket/basket.env <<'END'\n{environment}END")
    machine.systemd.run(
        f"sed -i 's#^DATABASE_URL=.*#DATABASE_URL={url}#' /etc/basket/basket.env"
    )

    await asyncio.to_thread(machine.processes.redis, machine.site.redis_port)
    # The units are in another folder here, and the proxy is not systemd's.
    start += machine.on_its_ports(units).replace("enable --now", "start")
    machine.systemd.run(start.replace("systemctl restart haproxy", ""))
    await asyncio.to_thread(machine.start_proxy)

    buyer = (
        shell_block("docs/deployment/README.md", "basket() {")
        .replace("HQ", "ERP01")
        .replace("--uid=basket", as_basket())
    )
    token = machine.systemd.run(buyer).split()[-1]
    async with machine.calling(token) as caller:
        items = [{"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 2}]
        assert (await caller.accepted("basketItemsAdd", items=items))["totalQuantity"] == 2
        export = await completed(caller, format="CSV", fields=["PRODUCT_SKU", "QUANTITY"])
        download = await caller.client.get(export["url"])
        assert download.text == "\ufeffproduct__sku,quantity\r\nSKU01,2\r\n"


async def test_no_request_fails_while_a_new_version_is_installed(machine: Machine) -> None:
    await write_people(machine)
    await asyncio.to_thread(machine.processes.redis, machine.site.redis_port)
    one, two = machine.site.server_ports
    units = [f"basket-server@{one}", f"basket-server@{two}", "basket-worker"]
    start = f"systemctl start basket-migrate {' '.join(units)}"
    await asyncio.to_thread(machine.systemd.run, start)
    await asyncio.to_thread(machine.start_proxy)
    async with machine.calling() as caller:
        items = [
            {"productRemoteId": number, "divisionErpCode": "ERP02"}
            for number in (KEYED, PLAIN)
        ]
        await caller.accepted("basketItemsAdd", items=items)
        await caller.accepted("basketClear")

    install = shell_block("docs/deployment/README.md", "ln -sfn")
    (point,) = re.findall(r"^ln -sfn .*$", install, re.MULTILINE)
    upgrade = (
        point
        + "\n"
        + machine.on_its_ports(
            shell_block("docs/deployment/README.md", "systemctl restart basket-migrate")
        )
    )
    async with loaded(machine.site.proxy_url) as load:
        await asyncio.to_thread(machine.systemd.run, upgrade)
        await load.flows(100)
    assert load.failures == []
    await load.check_nothing_is_lost(machine.cluster.url)

    await asyncio.to_thread(machine.wait_for_worker)
    folders = machine.systemd.run(
        f"for unit in {' '.join(units)}; do readlink /proc/$(systemctl show -P MainPID $unit)/cwd; done"
    )
    assert folders.split() == [f"/opt/{RELEASES[1]}"] * 3


async def test_what_is_killed_is_started_again_and_what_is_stopped_ends_in_order(
    machine: Machine,
) -> None:
    await write_people(machine)
    await asyncio.to_thread(machine.processes.redis, machine.site.redis_port)
    one, _ = machine.site.server_ports
    units = [f"basket-server@{one}", "basket-worker"]
    machine.systemd.run(f"systemctl start {' '.join(units)}")
    for unit in units:
        before = machine.systemd.run(f"systemctl show -P MainPID {unit}")
        machine.systemd.run(f"systemctl kill --kill-whom=main --signal=KILL {unit}")

        def is_back(unit: str = unit, before: str = before) -> bool:
            now = machine.systemd.run(f"systemctl show -P MainPID {unit}")
            return machine.systemd.state(unit) == "active" and now not in (before, "0\n")

        await asyncio.to_thread(wait_until, is_back, f"The restart of {unit}")
    await asyncio.to_thread(machine.wait_for, 0)
    await asyncio.to_thread(machine.wait_for_worker)

    machine.systemd.run(f"systemctl stop {' '.join(units)}")
    for unit in units:
        result = machine.systemd.run(f"systemctl show -P Result -P ExecMainStatus {unit}")
        assert result.split() == ["success", "0"], unit
        await asyncio.to_thread(machine.wait_for_no_process, unit)
