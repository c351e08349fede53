"""Variables whose names are probably misspelt settings."""

from difflib import get_close_matches

import settings
from settings.reading import FILE

_SIMILARITY = 0.88
"""The similarity of two names, from 0 to 1, above which one is a misspelling of the other."""


def unknown_names() -> list[str]:
    """Returns a warning per unread variable that was probably meant as a setting."""
    known = settings.READER.settings
    files = {name + FILE for name, setting in known.items() if setting.kind.is_secret}
    warnings: list[str] = []
    for name in sorted(settings.READER.variables.keys() - known.keys() - files):
        if name.removesuffix(FILE) in known:
            warnings.append(f"{name} is not read: only secrets can be read from a file.")
        elif similar := get_close_matches(name, known, 1, _SIMILARITY):
            warnings.append(f"{name} is no setting; {similar[0]} may be meant.")
    return warnings
