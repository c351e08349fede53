"""Why a file or one of its cells is rejected, in words for the person who sent it."""

from enum import StrEnum

SAVE_AGAIN = (
    "Open it in a spreadsheet program, save it again as xlsx or csv, and import that file."
)
ENCRYPTED = "The file is encrypted; save it without a password."
NO_VISIBLE_SHEET = (
    "The file has no visible sheet; unhide the one to import, and save it again."
)
SEND_LESS = "Send the rows in several files."


class SpreadsheetCode(StrEnum):
    """The codes of rejected files and cells, named as the domain's rejection codes."""

    FILE_UNREADABLE = "FILE_UNREADABLE"
    FILE_TOO_LARGE = "FILE_TOO_LARGE"
    MISSING_COLUMN = "MISSING_COLUMN"
    INVALID_INPUT = "INVALID_INPUT"
    INVALID_QUANTITY = "INVALID_QUANTITY"


class SpreadsheetRejected(Exception):
    """Raised when a file cannot be imported; carries a code, and a message for a person."""

    def __init__(self, code: SpreadsheetCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class CellRejected(SpreadsheetRejected):
    """Raised when one cell cannot be used; other rows still can."""


def format_rejection(message: str) -> SpreadsheetRejected:
    """Returns the rejection of a file that is no readable spreadsheet."""
    return SpreadsheetRejected(SpreadsheetCode.FILE_UNREADABLE, message)


def damage_rejection(reason: str) -> SpreadsheetRejected:
    """Returns the rejection of a file that contradicts its own format."""
    return format_rejection(f"The file is damaged: {reason}. {SAVE_AGAIN}")


def size_rejection(message: str) -> SpreadsheetRejected:
    """Returns the rejection of a file that exceeds a limit."""
    return SpreadsheetRejected(SpreadsheetCode.FILE_TOO_LARGE, message)


def format_column(column: int) -> str:
    """Returns the name of a column, counted from 0, as spreadsheet programs show it: A, Z, AA."""
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def check_cell_length(text: str, maximum: int, row: int, column: int) -> None:
    """Raises SpreadsheetRejected when a cell's text has more characters than allowed."""
    if len(text) > maximum:
        cell = f"The cell {format_column(column)}{row}"
        raise size_rejection(
            f"{cell} has {len(text)} characters; at most {maximum} are allowed. Shorten it."
        )
