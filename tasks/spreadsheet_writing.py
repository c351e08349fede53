"""stub until `spreadsheets` is merged"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import BinaryIO

Cell = str | int


def write_spreadsheet(
    target: BinaryIO, kind: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]], total: int
) -> int:
    text = io.TextIOWrapper(target, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(headers)
    n = 0
    for row in rows:
        writer.writerow(row)
        n += 1
    text.flush()
    text.detach()
    return n
