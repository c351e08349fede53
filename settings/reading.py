"""Reading the settings from the environment: each once, all faults together, secrets also from files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from settings.kinds import Kind, Rejected

T = TypeVar("T")

FILE = "_FILE"
"""The ending of the variable that names a file with the value of a secret."""
MAXIMUM_FILE_BYTES = 65_536
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its kind, its default, the value in force and the variable that it came from."""

    name: str
    kind: Kind[Any]
    default: str
    """The default as the documentation shows it; empty when there is none."""
    value: Any
    source: str
    """The variable of the value; empty when the default is in force."""

    @property
    def shown(self) -> str:
        """The value in force, without secrets."""
        return self.kind.show(self.value)


class Reader:
    """Reads settings from variables. A value that is rejected is replaced by the default and noted."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.settings: dict[str, Setting] = {}
        self.problems: dict[str, str] = {}
        """Why a setting is rejected, in one line each, by the name of the setting."""

    def read(
        self, name: str, kind: Kind[T], default: T, shown_default: str | None = None
    ) -> T:
        """Returns the value of a setting.

        An empty variable is the same as none where the setting has no default, and is rejected
        elsewhere: it could mean the default as well as nothing at all.
        """
        value, source = default, ""
        try:
            text, source = self._text(name, kind, is_optional=kind.is_nothing(default))
            if source:
                value = self._parsed(source, kind, text)
        except Rejected as reason:
            self.problems[name] = str(reason)
        shown = kind.show(default) if shown_default is None else shown_default
        self.settings[name] = Setting(name, kind, shown, value, source)
        return value

    def _text(self, name: str, kind: Kind[T], *, is_optional: bool) -> tuple[str, str]:
        """Returns the text of a setting and its variable; two empty texts when it is not set."""
        text = self._variable(name, is_optional=is_optional)
        path = self._variable(name + FILE, is_optional=True) if kind.is_secret else ""
        if text and path:
            raise Rejected(f"{name} and {name}{FILE} are both set; set one of them.")
        if path:
            return _content(name + FILE, path), name + FILE
        return text, name if text else ""

    def _variable(self, name: str, *, is_optional: bool) -> str:
        text = self.variables.get(name)
        if text is None:
            return ""
        stripped = text.strip()
        if not stripped and not is_optional:
            raise Rejected(
                f"{name} is empty; remove the variable for the default, or set a value."
            )
        return stripped

    def _parsed(self, source: str, kind: Kind[T], text: str) -> T:
        try:
            return kind.parse(text)
        except Rejected as reason:
            raise Rejected(f"{source}: {reason}.") from None
        except ValueError:
            raise Rejected(
                f"{source} is {_shown(text, kind)}; it is {kind.expects}."
            ) from None


def _shown(text: str, kind: Kind[Any]) -> str:
    """Returns a rejected text for a message, unless it may hold a password."""
    if kind.is_secret or "@" in text:
        return "not usable (the value may hold a secret and is not shown)"
    if len(text) > _SHOWN_CHARACTERS:
        return f"{text[:_SHOWN_CHARACTERS]!r}…"
    return repr(text)


def _content(name: str, path: str) -> str:
    """Returns the text in a file, without the newline at its end."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAXIMUM_FILE_BYTES + 1)
        text = content.decode("utf-8").strip()
    except OSError as error:
        raise Rejected(
            f"{name} is {path!r}; it cannot be read: {error.strerror}."
        ) from None
    except ValueError:
        raise Rejected(f"{name} is {path!r}; it is not a text in UTF-8.") from None
    if len(content) > MAXIMUM_FILE_BYTES:
        raise Rejected(f"{name} is {path!r}; it is larger than {MAXIMUM_FILE_BYTES} bytes.")
    if not text:
        raise Rejected(f"{name} is {path!r}; it is empty.")
    return text
