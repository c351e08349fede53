"""I10k and E10k: files of 10,000 rows, compared with the libraries alone doing the same.

I10k is the whole `basketImport` over HTTP, from sending the file until the answer; unwrapped is
reading each cell of the same file with the same library (csv, xlrd, openpyxl) and writing the
rows with one statement. E10k is the worker's attempt at an export, from the claim until it is
COMPLETED and the file published; unwrapped is reading the rows with one statement and writing
them with the library (csv, xlwt, xlsxwriter) to a file. All but PostgreSQL and the HTTP client
runs on core 0.
"""

import os
import tempfile
import time
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from statistics import median

import asyncpg
import httpx

import settings
from bench.checkouts import checkouts_of
from bench.load import TIMESTAMP
from bench.operations import OURS
from bench.population import Placed
from bench.reset import reset
from bench.servers import SERVER_CORE, all_running
from bench.unwrapped import READERS, WRITERS
from bench.wrk import LOAD_CORE
from models.database.connection import connect, disconnect
from models.export.export import ExportField, ExportFormat, ask_export
from tasks.exports.actor import attempt
from tasks.exports.store import open_store

FORMATS = ("csv", "xls", "xlsx")
PRODUCTS = 5_000
"""Products of a file, each for two divisions: 10,000 rows."""
HEADERS = ("product__sku", "quantity", "division__erp_code")

_IMPORT = (
    "mutation ($file: Upload!) { basketImport(input: {file: $file}) "
    "{ report { rowsImported } userErrors { code } } }"
)
_CLEAR = (
    "DELETE FROM basket_item WHERE basket_id IN (SELECT id FROM basket WHERE user_id = $1)"
)
BULK = f"""
WITH line AS (
    SELECT * FROM unnest($2::text[], $3::int[], $4::text[]) AS line(sku, quantity, erp_code)
), basket AS (
    INSERT INTO basket (user_id, segment, status, version, created_at, updated_at)
    VALUES ($1, 0, 'ACTIVE', 1, {TIMESTAMP}, {TIMESTAMP})
    ON CONFLICT (user_id, segment) WHERE status = 'ACTIVE'
    DO UPDATE SET version = basket.version + 1
    RETURNING id
), item AS (
    INSERT INTO basket_item (basket_id, product_id, price, currency)
    SELECT DISTINCT basket.id, p.id, p.price, p.currency
    FROM basket, line
    JOIN product p ON p.sku = line.sku AND p.segment = 0
    RETURNING id, product_id
)
INSERT INTO basket_item_division (item_id, division_id, quantity)
SELECT item.id, d.id, line.quantity
FROM line
JOIN product p ON p.sku = line.sku AND p.segment = 0
JOIN item ON item.product_id = p.id
JOIN division d ON d.erp_code = line.erp_code"""
_ROWS = """
SELECT p.sku, q.division_id, d.erp_code, d.name, i.price, q.quantity, p.remote_id
FROM basket_item i
JOIN product p ON p.id = i.product_id
JOIN basket_item_division q ON q.item_id = i.id
JOIN division d ON d.id = q.division_id
WHERE i.basket_id = $1
ORDER BY i.id, q.id"""


async def seconds_of(work: Awaitable[object]) -> float:
    """Awaits `work` and returns the seconds that it took."""
    begin = time.monotonic()
    await work
    return time.monotonic() - begin


class FilesDiffer(Exception):
    """Raised when an import or export did not handle all rows."""


class Files:
    """Measures imports and exports on one database."""

    def __init__(self, url: str, populations: list[Placed], folder: Path) -> None:
        self.url = url
        self.by_prefix = {placed.population.prefix: placed for placed in populations}
        self.populations = populations
        self.folder = folder

    def content(self, kind: str) -> bytes:
        """Returns the bytes of the imported file."""
        company = self.by_prefix["bench-import"].main_division(1) // 2 + 1
        rows = [
            (f"BENCH-{number}", number % 9 + 1, f"{division}{company}")
            for number in range(1, PRODUCTS + 1)
            for division in ("BM", "BS")
        ]
        path = self.folder / f"import.{kind}"
        WRITERS[kind](path, [HEADERS, *rows])
        return path.read_bytes()

    async def imports(
        self, kind: str, rounds: int, port: int, connection: asyncpg.Connection
    ) -> tuple[float, float]:
        """Returns the seconds of ours and of the library alone."""
        content, user = self.content(kind), self.by_prefix["bench-import"].first_user
        ours, unwrapped = [], []
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=60
        ) as client:
            for _ in range(rounds + 1):
                await self._clear(connection, user)
                # This process is the client of ours, and does the unwrapped work itself.
                os.sched_setaffinity(0, {LOAD_CORE})
                ours.append(await seconds_of(send(client, content, kind)))
                await self._clear(connection, user)
                os.sched_setaffinity(0, {SERVER_CORE})
                unwrapped.append(
                    await seconds_of(
                        self._unwrapped_import(connection, kind, content, user)
                    )
                )
        # The first round only warms both up.
        return median(ours[1:]), median(unwrapped[1:])

    async def _clear(self, connection: asyncpg.Connection, user: int) -> None:
        await reset(connection, self.populations)
        await connection.execute(_CLEAR, user)

    async def _unwrapped_import(
        self, connection: asyncpg.Connection, kind: str, content: bytes, user: int
    ) -> None:
        _, *rows = READERS[kind](content)
        skus, quantities, codes = zip(*rows, strict=True)
        status = await connection.execute(
            BULK, user, skus, [int(quantity) for quantity in quantities], codes
        )
        if status != f"INSERT 0 {2 * PRODUCTS}":
            raise FilesDiffer(f"The unwrapped import ended with {status}.")

    async def exports(
        self, kind: str, rounds: int, connection: asyncpg.Connection
    ) -> tuple[float, float]:
        """Returns the seconds of ours and of the library alone."""
        placed = self.by_prefix["bench-export"]
        store = open_store(str(self.folder / "exports"), shared=False)
        ours, unwrapped = [], []
        for _ in range(rounds + 1):
            job = await ask_export(
                placed.first_user,
                placed.first_basket,
                ExportFormat(kind),
                list(ExportField),
                "basketId",
                settings.EXPORT_MAXIMUM_WAITING,
            )
            ours.append(await seconds_of(attempt(job[0], store, timedelta(hours=1))))
            await _check_completed(connection, job[0])
            unwrapped.append(
                await seconds_of(
                    self._unwrapped_export(connection, kind, placed.first_basket)
                )
            )
        return median(ours[1:]), median(unwrapped[1:])

    async def _unwrapped_export(
        self, connection: asyncpg.Connection, kind: str, basket_id: int
    ) -> None:
        rows = await connection.fetch(_ROWS, basket_id)
        # The column holds cents.
        cells = [[*row[:4], Decimal(row[4]).scaleb(-2), *row[5:]] for row in rows]
        WRITERS[kind](
            self.folder / f"unwrapped.{kind}",
            [[field.value for field in ExportField], *cells],
        )


async def _check_completed(connection: asyncpg.Connection, job: int) -> None:
    row = await connection.fetchrow(
        "SELECT status, rows_written FROM basket_export WHERE id = $1", job
    )
    if tuple(row) != ("COMPLETED", 2 * PRODUCTS):
        raise FilesDiffer(f"The export ended as {tuple(row)}.")


async def send(
    client: httpx.AsyncClient, content: bytes, kind: str, rows: int = 2 * PRODUCTS
) -> None:
    """Imports a file; raises FilesDiffer when not every row was imported."""
    # Braces are doubled for the format: the body has null where the file goes.
    operations = f'{{"query": "{_IMPORT}", "variables": {{"file": null}}}}'
    response = await client.post(
        "/graphql",
        data={"operations": operations, "map": '{"0": ["variables.file"]}'},
        files={"0": (f"import.{kind}", content)},
        headers={"Authorization": "Token bench-import-1", "X-Requested-With": "bench"},
    )
    answer = response.json()
    if answer.get("data", {}).get("basketImport", {}).get("report") != {
        "rowsImported": rows
    }:
        raise FilesDiffer(f"The import was answered with {response.text[:500]}.")


async def measure_files(
    url: str, populations: list[Placed], names: Sequence[str], rounds: int
) -> list[str]:
    """Measures the workloads with these names and returns the lines of the report."""
    connection = await asyncpg.connect(url)
    cores = os.sched_getaffinity(0)
    lines = ["", "                  ours ms  unwrapped ms  ratio"] if names else []
    try:
        with tempfile.TemporaryDirectory(prefix="basket-bench-") as folder:
            files = Files(url, populations, Path(folder))
            if "I10k" in names:
                with all_running(checkouts_of([OURS], url)) as servers:
                    for kind in FORMATS:
                        port = servers["ours"].port
                        seconds = await files.imports(kind, rounds, port, connection)
                        lines.append(_line("I10k", kind, seconds))
            if "E10k" in names:
                lines += await _export_lines(files, rounds, connection)
    finally:
        os.sched_setaffinity(0, cores)
        await connection.close()
    return lines


async def _export_lines(
    files: Files, rounds: int, connection: asyncpg.Connection
) -> list[str]:
    os.sched_setaffinity(0, {SERVER_CORE})
    await connect(files.url, 4)
    try:
        return [
            _line("E10k", kind, await files.exports(kind, rounds, connection))
            for kind in FORMATS
        ]
    finally:
        await disconnect()


def _line(name: str, kind: str, seconds: tuple[float, float]) -> str:
    ours, unwrapped = seconds
    return f"{name:<6}{kind:<8}{ours * 1e3:11,.0f}{unwrapped * 1e3:14,.0f}{ours / unwrapped:7.2f}"
