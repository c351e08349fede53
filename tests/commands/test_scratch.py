"""The folder of temporary files: all of them are there, and a process that cannot write there does not start."""

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

import settings
from settings.scratch import use_scratch
from tests.support.command_line import CommandLine, Commands
from tests.support.exports import completed
from tests.support.ports import free_port
from tests.support.processes import Processes
from tests.support.programs import program
from tests.support.service import Caller, serve
from tests.support.shop import serve_shop
from tests.support.waiting import TIMEOUT_SECONDS

HEADER = ["product__sku", "quantity", "division__erp_code"]
DOCUMENT = (
    "mutation Import($file: Upload!) { basketImport(input: {file: $file}) "
    "{ userErrors { message } basket { totalQuantity } } }"
)


def sheet(rows: int) -> bytes:
    """Returns a csv file of a size that is spooled to a file when it is received."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([HEADER, *(["SKU01", "1", "ERP01"] for _ in range(rows))])
    return text.getvalue().encode()


async def imported(client: httpx.AsyncClient, token: str, content: bytes) -> object:
    """Imports a file by a multipart request and returns the payload."""
    operations = json.dumps({"query": DOCUMENT, "variables": {"file": None}})
    response = await client.post(
        "/graphql",
        data={"operations": operations, "map": json.dumps({"0": ["variables.file"]})},
        files={"0": ("basket.csv", content, "text/csv")},
        headers={"Authorization": f"Token {token}"},
    )
    return response.json()["data"]["basketImport"]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the scratch space of this process."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(settings, "SCRATCH_PATH", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", "/nowhere")
    use_scratch()
    return folder


class Watched:
    """The temporary files that this process makes while it is on."""

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.is_on = True
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.is_on and event in ("tempfile.mkstemp", "tempfile.mkdtemp"):
            self.paths.append(Path(str(arguments[0])))


async def test_every_temporary_file_is_in_the_scratch_space(
    sqlite_url: str, tmp_path: Path, scratch: Path
) -> None:
    watched = Watched()
    async with (
        serve_shop() as shop,
        serve(sqlite_url, shop, str(tmp_path / "exports")) as service,
    ):
        payload = await imported(service.client, "main", sheet(60_000))
        assert payload == {"userErrors": [], "basket": {"totalQuantity": 60_000}}
        for kind in ("XLSX", "XLS", "CSV"):
            await completed(service.main, format=kind, fields=["PRODUCT_SKU", "QUANTITY"])
    watched.is_on = False
    assert len(watched.paths) >= 2
    assert {path.parent for path in watched.paths} - {scratch} == set()
    assert os.environ["TMPDIR"] == str(scratch)
    assert list(scratch.iterdir()) == []


async def test_nothing_needs_another_folder_that_can_be_written(tmp_path: Path) -> None:
    """A server whose whole file system but one folder is read-only imports and exports all formats."""
    program("unshare")
    if not _may_unshare(tmp_path):
        pytest.skip("This user may not make mount namespaces (unshare --mount).")
    port = free_port()
    processes = Processes(
        tmp_path,
        DATABASE_URL=f"sqlite://{tmp_path / 'basket.sqlite3'}",
        REDIS_URL="",
        COMMERCE_URL="",
        ENVIRONMENT="embedded",
        PYTHONDONTWRITEBYTECODE="1",
        SCRATCH_PATH=str(tmp_path),
    )
    script = f"{_read_only_but(tmp_path)} && exec {sys.executable} server.py serve"
    processes.start("unshare", "--mount", "sh", "-c", script, PORT=str(port))
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS
        ) as client:
            await _until_healthy(client)
            payload = await imported(client, "demo-main", sheet(60_000))
            assert payload == {"userErrors": [], "basket": {"totalQuantity": 60_000}}
            for kind in ("XLSX", "XLS", "CSV"):
                export = await completed(
                    Caller(client, "demo-main"), format=kind, fields=["PRODUCT_SKU"]
                )
                assert (await client.get(export["url"])).status_code == 200
    finally:
        processes.end()


async def _until_healthy(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            try:
                assert (await client.get("/readyz")).status_code == 200
                return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


def _read_only_but(folder: Path) -> str:
    usual = ("/tmp", "/var/tmp", str(settings.ROOT))  # noqa: S108
    places = {os.path.realpath(place) for place in usual}
    own = [place for place in sorted(places) if os.path.ismount(place)]
    remounts = " && ".join(f"mount -o remount,bind,ro {place}" for place in ["/", *own])
    return f"mount --bind {folder} {folder} && {remounts}"


def _may_unshare(folder: Path) -> bool:
    command = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        f"{_read_only_but(folder)} && ! touch /tmp/x /var/tmp/x",
    ]
    return (
        subprocess.run(
            command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False
        ).returncode
        == 0
    )


@pytest.mark.parametrize("use", ["server", "worker"])
def test_a_scratch_space_that_cannot_be_written_is_rejected(use: str) -> None:
    # Nobody, not even root, can make files there.
    line = Commands(
        "sqlite:///nowhere.sqlite3", SCRATCH_PATH="/proc", REDIS_URL="redis://h"
    )
    status, _, errors = line.run("check-settings", "--for", use)
    assert status == 1
    (message,) = errors.splitlines()
    assert message.startswith(
        "SCRATCH_PATH is '/proc'; no temporary file can be written there: "
    )
    assert line.run("check-settings", "--for", "command")[::2] == (0, "")


def test_a_server_does_not_start_without_one(tmp_path: Path) -> None:
    line = CommandLine(f"sqlite://{tmp_path / 'basket.sqlite3'}", SCRATCH_PATH="/proc")
    status, output, errors = line.run("serve")
    assert (status, output, len(errors.splitlines())) == (1, "", 1)
    assert errors.startswith(
        "SCRATCH_PATH is '/proc'; no temporary file can be written there: "
    )
