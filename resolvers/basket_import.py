"""Adding the rows of a spreadsheet to the active basket, as one change."""

import asyncio
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from models.basket.lines import add_lines
from models.basket.lock import open_active, peek_active
from models.basket.read import ACTIVE
from models.basket.rules import Line, check_quantity
from models.division import DivisionRead
from models.history.record import record_change
from models.history.tables import ChangeKind
from models.product.tables import KnownProduct
from models.rejections import Rejected, Rejection, RejectionCode
from models.user import Buyer
from resolvers.context import check_text, parse_segment
from resolvers.divisions import DivisionKey, check_division, read_divisions
from resolvers.input_digest import differing_fields
from resolvers.outcome import Outcome, rejected
from resolvers.products import Found, look_up_products
from resolvers.unit_of_work import Change, require_confirmed
from schema.inputs import BasketImportInput
from schema.outcome import ImportReport
from schema.scalars import Upload
from schema.user_error import ImportRowError
from tasks.spreadsheets.cell_values import SHOWN_CHARACTERS
from tasks.spreadsheets.header import ERP_CODE, QUANTITY, SKU
from tasks.spreadsheets.pasted_text import read_pasted_text
from tasks.spreadsheets.rejection import SpreadsheetRejected
from tasks.spreadsheets.rows import MAXIMUM_ERRORS
from tasks.spreadsheets.sheet import (
    RowError,
    Spreadsheet,
    SpreadsheetRows,
)

ROWS_AT_ONCE = 250
"""After how many rows other buyers are answered."""


def _digest(file: Any) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(file: Any, target: Any) -> None:
    file.seek(0)
    shutil.copyfileobj(file, target)
    target.flush()


class RowCheck:
    """Checks rows one after the other and adds the good ones up, by product and division."""

    def __init__(
        self,
        buyer: Buyer,
        divisions: Mapping[DivisionKey, DivisionRead],
        found: Found,
        currency: str | None,
        source: str,
    ) -> None:
        self._source = source
        # Most divisions and many products are in many rows: each is checked once.
        self._division_id = cache(
            lambda erp_code: check_division(buyer, divisions, erp_code, ERP_CODE).id
        )
        self._product = cache(lambda sku: found.check(sku, SKU))
        self.currency = currency
        self.rows = 0
        self.lines: dict[tuple[int, int], Line] = {}

    def add(self, number: int, sku: str, quantity: int, erp_code: str) -> None:
        """Takes a row in; raises Rejected with its faults: of product, division and currency.

        Those of its quantity, which depends on all of them, come alone.
        """
        try:
            division_id, product = self._division_id(erp_code), self._product(sku)
            if product.currency != self.currency:
                self._take_currency(product)
        except Rejection:
            raise Rejected(self._find_faults(sku, erp_code)) from None
        key = (product.id, division_id)
        if before := self.lines.get(key):
            quantity += before.quantity
        check_quantity(quantity)
        self.lines[key] = Line(*key, quantity, (self._source, str(number)))
        self.rows += 1

    def _find_faults(self, sku: str, erp_code: str) -> list[Rejection]:
        """Returns all faults of a row, as those of a line: one does not hide the next."""
        faults: list[Rejection] = []
        try:
            product = self._product(sku)
            if self.currency is not None and product.currency != self.currency:
                self._take_currency(product)
        except Rejection as rejection:
            faults.append(rejection)
        try:
            self._division_id(erp_code)
        except Rejection as rejection:
            faults.append(rejection)
        return faults

    def _take_currency(self, product: KnownProduct) -> None:
        if self.currency is not None:
            message = (
                f"Product {product.sku} is priced in {product.currency}, "
                f"the basket in {self.currency}."
            )
            raise Rejection(RejectionCode.CURRENCY_MISMATCH, message, SKU)
        self.currency = product.currency


def row_error_from_cell(error: RowError) -> ImportRowError:
    """Returns a cell that the reading rejected, as the report of the import lists it."""
    return ImportRowError(
        row=error.row,
        column=error.column,
        value=error.value,
        code=RejectionCode[error.code],
        message=error.message,
    )


def _row_error(
    number: int, values: Mapping[str, str], rejection: Rejection
) -> ImportRowError:
    column = rejection.field[-1]
    return ImportRowError(
        row=number,
        column=column,
        value=values[column][:SHOWN_CHARACTERS],
        code=rejection.code,
        message=rejection.message,
    )


class BasketImport(Change[BasketImportInput]):
    """Adds the rows of a spreadsheet: all of them, or the good ones, or none in a dry run."""

    sheet: Spreadsheet | None = None

    async def fingerprint(self) -> dict[str, Any]:
        """Returns the input with the digest of the file in its place."""
        if self.input.file is None:
            return differing_fields(self.input)
        digest = await asyncio.to_thread(_digest, self.input.file.file)
        return differing_fields(self.input) | {"file": digest}

    @property
    def _source(self) -> str:
        """The name of the input that the rows come from."""
        return "text" if self.input.file is None else "file"

    async def prepare(self) -> None:
        """Reads the file, once, and checks every row against divisions, products and currency."""
        self.segment = parse_segment(self.input.segment_remote_id)
        if (self.input.file is None) == (self.input.text is None):
            raise Rejection(
                RejectionCode.INVALID_INPUT, "Send exactly one of file and text.", "file"
            )
        default = self.input.default_division_erp_code
        if default is not None:
            await self._check_default(default)
        # A further attempt at the unit of work checks the rows again, but reads no file again.
        self.sheet = self.sheet or await self._read_source()
        self.errors = [row_error_from_cell(error) for error in self.sheet.errors]
        self.error_count = self.sheet.error_count
        await self._check_rows(self.sheet.rows)
        self.errors = sorted(self.errors, key=lambda error: error.row)[:MAXIMUM_ERRORS]

    async def _check_default(self, erp_code: str) -> None:
        field = "defaultDivisionErpCode"
        check_text(erp_code, "ERP code", field)
        divisions = await read_divisions(self.buyer, {erp_code})
        check_division(self.buyer, divisions, erp_code, field)

    async def _read_source(self) -> Spreadsheet:
        """Reads the rows; those without a division get the default one, if there is one."""
        default = self.input.default_division_erp_code
        is_optional = default is not None
        try:
            if self.input.file is None:
                sheet = await asyncio.to_thread(
                    read_pasted_text,
                    self.input.text or "",
                    is_division_optional=is_optional,
                )
            else:
                sheet = await self._read_file(self.input.file, is_optional=is_optional)
        except SpreadsheetRejected as rejection:
            code = RejectionCode[rejection.code]
            raise Rejection(code, rejection.message, self._source) from None
        if default is not None:
            codes = sheet.rows.erp_codes
            sheet.rows.erp_codes = [code or default for code in codes]
        return sheet

    async def _read_file(self, file: Upload, *, is_optional: bool) -> Spreadsheet:
        # The copy has a name only while the reading process needs it.
        with NamedTemporaryFile(prefix="basket-import-") as target:
            await asyncio.to_thread(_copy, file.file, target)
            return await self.context.spreadsheets.read(
                Path(target.name), is_division_optional=is_optional
            )

    async def _check_rows(self, rows: SpreadsheetRows) -> None:
        divisions = await read_divisions(self.buyer, set(rows.erp_codes))
        products = await look_up_products(self.context, self.segment, set(rows.skus))
        self.confirmed = products.confirmed()
        self.check = RowCheck(
            self.buyer, divisions, products, await self._currency(), self._source
        )
        for index, (number, sku, quantity, erp_code) in enumerate(rows):
            if index % ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                self.check.add(number, sku, quantity, erp_code)
            except Rejected as faulty:
                values = {SKU: sku, ERP_CODE: erp_code, QUANTITY: str(quantity)}
                self.error_count += 1
                self.errors += [
                    _row_error(number, values, rejection) for rejection in faulty.rejections
                ]

    async def _currency(self) -> str | None:
        # Without a lock, for errors per row: adding checks the currency of the locked basket again.
        summaries = await ACTIVE.summaries(user_id=self.buyer.id, segment=self.segment)
        return summaries[0].columns["currency"] if summaries else None

    def _rejection(self) -> Rejection | None:
        if self.error_count and not self.input.skip_invalid_rows:
            rows = "1 row" if self.error_count == 1 else f"{self.error_count} rows"
            return Rejection(
                RejectionCode.INVALID_ROWS,
                f"{rows} cannot be imported, so nothing was.",
                self._source,
            )
        if not self.check.lines:
            return Rejection(
                RejectionCode.INVALID_ROWS,
                f"No row of the {self._source} can be imported.",
                self._source,
            )
        return None

    async def apply(self) -> Outcome:
        """Adds the lines, unless rows are rejected or it is a dry run; raises VERSION_CONFLICT."""
        rows_read = self.sheet.rows_read if self.sheet else 0
        rejection = self._rejection()
        report = ImportReport(
            rows_read=rows_read,
            rows_imported=0 if rejection else self.check.rows,
            row_errors=self.errors,
        )
        if rejection:
            # Returned, not raised, because the report goes with it; nothing was changed yet.
            return replace(rejected([rejection]), report=report)
        find = peek_active if self.input.dry_run else open_active
        basket = await find(self.buyer.id, self.segment, self.input.expected_version)
        if self.input.dry_run:
            return Outcome(report=report)
        added = await add_lines(basket, self.check.lines)
        require_confirmed(added.new_products, self.confirmed)
        await record_change(basket, ChangeKind.IMPORTED, self.author, added.changed)
        return Outcome(baskets=await self.read(basket.id), report=report)
