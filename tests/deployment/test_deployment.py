"""The deployments that are committed: exactly their processes, started here and asked through the proxy."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import settings
from tests.support.databases import databases, sqlite_database
from tests.support.deployment import (
    FOLDER,
    OUR_SERVICES,
    PROGRAMS,
    ComposeDeployment,
    Deployment,
    Site,
    SystemdDeployment,
    compose,
    filled_in,
    image_command,
    image_environment,
    lines_of,
    service_command,
    unit_command,
)
from tests.support.exports import completed
from tests.support.ports import free_port, free_ports
from tests.support.processes import ROOT, Processes, wait_until
from tests.support.programs import program
from tests.support.service import Caller
from tests.support.shop import Shop
from tests.support.waiting import TIMEOUT_SECONDS

pytestmark = pytest.mark.long


UNITS = ("basket-migrate.service", "basket-server@.service", "basket-worker.service")


@pytest.fixture
def postgres_url(tmp_path: Path) -> Iterator[str]:
    """The PostgreSQL test database, empty."""
    yield from databases("postgres", tmp_path)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Processes that end with the test."""
    # The user of the image, who is not the owner of the test's folder, passes through it.
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    started = Processes(tmp_path)
    yield started
    started.end()


def buyer_of(deployment: Deployment) -> str:
    """Adds a division and a buyer with the command line, as the README says, and returns the buyer's token."""
    deployment.run("division", "add", "--erp-code", "ERP01", "--name", "Head office")
    person = (
        "--email",
        "a@example.invalid",
        "--first-name",
        "A",
        "--last-name",
        "B",
        "--division",
        "ERP01",
    )
    deployment.run("user", "add", *person)
    return deployment.run("token", "issue", "a@example.invalid")


@pytest.mark.parametrize("kind", [SystemdDeployment, ComposeDeployment])
async def test_it_serves_through_the_proxy_and_stops_in_order(
    kind: type[Deployment], postgres_url: str, shop: Shop, processes: Processes
) -> None:
    deployment = kind(processes, Site(postgres_url, shop.url))
    await asyncio.to_thread(deployment.start_all)
    token = await asyncio.to_thread(buyer_of, deployment)
    async with httpx.AsyncClient(
        base_url=deployment.site.proxy_url, timeout=TIMEOUT_SECONDS
    ) as client:
        caller = Caller(client, token)
        items = [{"productRemoteId": 1, "divisionErpCode": "ERP01", "quantity": 2}]
        for turn in range(1, 11):
            basket = await caller.accepted("basketItemsAdd", items=items)
            assert (basket["version"], basket["totalQuantity"]) == (turn, 2 * turn)
        export = await completed(caller, format="CSV", fields=["PRODUCT_SKU", "QUANTITY"])
        assert export["url"].startswith(f"{deployment.site.proxy_url}/export_file/")
        assert (
            await client.get(export["url"])
        ).text == "\ufeffproduct__sku,quantity\r\nSKU01,20\r\n"
        assert (await client.get("/metrics")).status_code == 404
    for process in (*deployment.servers, *deployment.workers):
        process.terminate()
    for process in (*deployment.servers, *deployment.workers):
        assert await asyncio.to_thread(process.wait, TIMEOUT_SECONDS) == 0


def test_every_variable_is_a_setting() -> None:
    known = {name for name in vars(settings) if name.isupper()}
    of_units = {name for unit in UNITS for name in unit_command(unit, "8001").environment}
    given = {
        name: "x"
        for name in ("DATABASE_PASSWORD", "COMMERCE_URL", "SECRET_KEY", "PUBLIC_URL")
    }
    of_services = {
        name
        for service in OUR_SERVICES
        for name in service_command(service, given).environment
    }
    python = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
    assert len(of_units) == 11
    assert of_units - known == set()
    assert of_services - known == python
    assert (
        image_environment()["ENVIRONMENT"]
        == dict(lines_of(FOLDER / "basket.env"))["ENVIRONMENT"]
        == "production"
    )


def test_a_secret_is_asked_for_and_none_is_committed() -> None:
    for name in ("DATABASE_PASSWORD", "COMMERCE_URL", "SECRET_KEY", "PUBLIC_URL"):
        others = {
            "DATABASE_PASSWORD": "x",
            "COMMERCE_URL": "x",
            "SECRET_KEY": "x",
            "PUBLIC_URL": "x",
        }
        del others[name]
        with pytest.raises(KeyError, match=name):
            service_command("server-1", others)
    assert filled_in("${COMMERCE_TOKEN:-}", {}) == ""
    assert dict(lines_of(FOLDER / "basket.env"))["SECRET_KEY"] == ""


def test_the_health_check_tells_a_server_from_none(
    processes: Processes, tmp_path: Path
) -> None:
    port = free_port()
    program, *arguments = image_command("HEALTHCHECK")
    assert program == "python"

    def status() -> int:
        environment = os.environ | {"PORT": str(port)}
        command = [f"{PROGRAMS}/python", *arguments]
        return subprocess.run(
            command,
            env=environment,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        ).returncode

    assert status() == 1
    processes.environment |= {
        "DATABASE_URL": sqlite_database(tmp_path),
        "COMMERCE_URL": "",
    }
    processes.serve(port)
    assert status() == 0


def test_the_health_check_of_the_worker_asks_each_of_its_processes(
    processes: Processes, sqlite_url: str
) -> None:
    worker = compose()["services"]["worker"]
    _, program, *arguments = worker["healthcheck"]["test"]
    first, count = (
        int(worker["environment"]["WORKER_PORT"]),
        int(worker["command"][worker["command"].index("--processes") + 1]),
    )
    asked = [str(first + number) for number in range(count)]
    assert (program, arguments[1].count(f"({', '.join(asked)})")) == ("python", 1)
    port = free_ports()
    code = arguments[1].replace(", ".join(asked), f"{port}, {port + 1}")

    def status() -> int:
        command = [f"{PROGRAMS}/python", arguments[0], code]
        return subprocess.run(
            command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        ).returncode

    assert status() == 1
    redis_port = free_port()
    processes.redis(redis_port)
    processes.environment |= {
        "DATABASE_URL": sqlite_url,
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "WORKER_PORT": str(port),
    }
    processes.start(f"{PROGRAMS}/{worker['command'][0]}", *worker["command"][1:])
    wait_until(lambda: status() == 0, "The health of the worker")


def test_there_is_time_to_drain_and_to_stop() -> None:
    for unit in ("basket-server@.service", "basket-worker.service"):
        # Otherwise systemd would send the signal also to the process that reads a file for a request under way.
        assert dict(lines_of(FOLDER / unit))["KillMode"] == "mixed"
    seconds = settings.STOP_SECONDS + float(image_environment().get("DRAIN_SECONDS", "5"))
    assert (
        float(dict(lines_of(FOLDER / "basket-server@.service"))["TimeoutStopSec"]) > seconds
    )
    assert (
        float(compose()["services"]["server-1"]["stop_grace_period"].removesuffix("s"))
        > seconds
    )
    assert dict(lines_of(FOLDER / "basket.env"))["DRAIN_SECONDS"] == "5"
    assert compose()["services"]["server-1"]["environment"]["DRAIN_SECONDS"] == "5"


def test_haproxy_takes_its_configuration_as_it_is_and_with_the_addresses_of_compose() -> (
    None
):
    configuration = str(FOLDER / "haproxy.cfg")
    command = [program("haproxy"), "-c", "-f", configuration]
    proxy = compose()["services"]["proxy"]
    mounted = proxy["volumes"][0].split(":")
    assert (ROOT / mounted[0]).samefile(configuration)
    assert proxy["command"][-1] == mounted[1]
    for environment in ({}, {"BASKET_PROXY": proxy["environment"]["BASKET_PROXY"]}):
        done = subprocess.run(
            command,
            env=os.environ | environment,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    systemd_analyze = program("systemd-analyze")
    for unit in UNITS:
        text = (FOLDER / unit).read_text().replace("/opt/basket/.venv/bin", PROGRAMS)
        (tmp_path / unit).write_text(text)
    command = [systemd_analyze, "verify", *(str(tmp_path / unit) for unit in UNITS)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    about_ours = [line for line in done.stderr.splitlines() if "basket" in line]
    assert (done.returncode, about_ours) == (0, [])
