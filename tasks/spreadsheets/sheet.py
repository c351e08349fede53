"""The content of a spreadsheet, in one shape from the child process to the change it makes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tasks.spreadsheets.rejection import SpreadsheetCode


@dataclass(frozen=True, slots=True)
class SpreadsheetLimits:
    """The limits of a file, and of the process that reads it."""

    file_bytes: int = 10_000_000
    rows: int = 65_536
    """Rows that hold something, with the header."""
    columns: int = 256
    """Cells per row that hold something."""
    unpacked_bytes: int = 60_000_000
    cell_length: int = 32_767
    """Characters per cell."""
    memory_bytes: int = 300_000_000
    cpu_seconds: int = 4
    wall_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class RowError:
    """A rejected cell: the number of its row, its column, the value found, and the reason."""

    row: int
    column: str
    value: str | None
    code: SpreadsheetCode
    message: str


@dataclass(slots=True)
class SpreadsheetRows:
    """Good rows, stored as columns.

    Most readers need a column as a whole, and the garbage collector would visit each of thousands
    of rows again and again.
    """

    numbers: list[int] = field(default_factory=list)
    """The rows' numbers as a spreadsheet program shows them; the header is row 1."""
    skus: list[str] = field(default_factory=list)
    quantities: list[int] = field(default_factory=list)
    erp_codes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[int, str, int, str]]:
        """Yields number, SKU, quantity and ERP code per row."""
        return zip(self.numbers, self.skus, self.quantities, self.erp_codes, strict=True)

    def __len__(self) -> int:
        return len(self.numbers)

    def append(self, number: int, sku: str, quantity: int, erp_code: str) -> None:
        """Appends a row."""
        self.numbers.append(number)
        self.skus.append(sku)
        self.quantities.append(quantity)
        self.erp_codes.append(erp_code)

    def extend(self, rows: "SpreadsheetRows") -> None:
        """Appends other rows."""
        self.numbers += rows.numbers
        self.skus += rows.skus
        self.quantities += rows.quantities
        self.erp_codes += rows.erp_codes

    def batches(self, size: int) -> "Iterator[SpreadsheetRows]":
        """Yields the rows in batches of `size`."""
        for first in range(0, len(self), size):
            rows = slice(first, first + size)
            yield SpreadsheetRows(
                self.numbers[rows],
                self.skus[rows],
                self.quantities[rows],
                self.erp_codes[rows],
            )


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """A file that was read: its good rows, and its rejected cells up to a number of them."""

    rows_read: int
    """All rows below the header that hold something."""
    rows: SpreadsheetRows
    errors: list[RowError]
    error_count: int
    """All rows that were rejected, listed or not."""
