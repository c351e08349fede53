"""The reason why a file is not imported, in words for the person who sent it."""

SAVE_AGAIN = (
    "Open it in a spreadsheet program, save it again as xlsx or csv, and import that file."
)
UNREADABLE, TOO_LARGE, MISSING_COLUMN = (
    "FILE_UNREADABLE",
    "FILE_TOO_LARGE",
    "MISSING_COLUMN",
)
ENCRYPTED = "The file is encrypted; save it without a password."


class Rejected(Exception):
    """Raised when a file cannot be imported; carries a code, and a message for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def damaged(reason: str) -> Rejected:
    """Returns the rejection of a file that contradicts its own format."""
    return Rejected(UNREADABLE, f"The file is damaged: {reason}. {SAVE_AGAIN}")


def too_large(reason: str) -> Rejected:
    """Returns the rejection of a file that exceeds a limit."""
    return Rejected(TOO_LARGE, reason)


def column_letters(column: int) -> str:
    """Returns the name of a column, counted from 0, as spreadsheet programs show it: A, Z, AA."""
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def check_length(text: str, maximum: int, row: int, column: int) -> None:
    """Raises Rejected when a cell's text is longer than the highest number of characters."""
    if len(text) > maximum:
        cell = f"The cell {column_letters(column)}{row}"
        raise too_large(
            f"{cell} has {len(text)} characters; at most {maximum} are allowed."
        )
