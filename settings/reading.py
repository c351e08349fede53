"""Reading the settings from the environment, and secrets also from files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from settings.kinds import InvalidSetting, Kind

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
    """The default as the documentation shows it; empty without one."""
    value: Any
    source: str
    """The variable of the value; empty for the default."""

    @property
    def shown(self) -> str:
        """The value in force, without secrets."""
        return self.kind.show(self.value)


class Reader:
    """Reads settings from variables; replaces rejected values by defaults, and notes them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables
        self.settings: dict[str, Setting] = {}
        self.problems: dict[str, str] = {}
        """The reason, in one line, per rejected setting."""

    def read(
        self, name: str, kind: Kind[T], default: T, shown_default: str | None = None
    ) -> T:
        """Returns the value of a setting.

        An empty variable is the same as none where the setting has no default, and is rejected
        elsewhere: it could mean the default as well as nothing at all.
        """
        value, source = default, ""
        try:
            text, source = self._read_text(name, kind, is_optional=kind.is_nothing(default))
            if source:
                value = self._parse(source, kind, text)
        except InvalidSetting as reason:
            self.problems[name] = str(reason)
        shown = kind.show(default) if shown_default is None else shown_default
        self.settings[name] = Setting(name, kind, shown, value, source)
        return value

    def _read_text(self, name: str, kind: Kind[T], *, is_optional: bool) -> tuple[str, str]:
        """Returns the text of a setting and its variable; two empty texts when it is not set."""
        text = self._read_variable(name, is_optional=is_optional)
        path = self._read_variable(name + FILE, is_optional=True) if kind.is_secret else ""
        if text and path:
            raise InvalidSetting(f"{name} and {name}{FILE} are both set; set one of them.")
        if path:
            return _read_file(name + FILE, path), name + FILE
        return text, name if text else ""

    def _read_variable(self, name: str, *, is_optional: bool) -> str:
        text = self.variables.get(name)
        if text is None:
            return ""
        stripped = text.strip()
        if not stripped and not is_optional:
            raise InvalidSetting(
                f"{name} is empty; remove the variable for the default, or set a value."
            )
        return stripped

    def _parse(self, source: str, kind: Kind[T], text: str) -> T:
        try:
            return kind.parse(text)
        except InvalidSetting as reason:
            raise InvalidSetting(f"{source}: {reason}.") from None
        except ValueError:
            raise InvalidSetting(
                f"{source} is {_show_rejected(text, kind)}; it is {kind.expects}."
            ) from None


def _show_rejected(text: str, kind: Kind[Any]) -> str:
    """Returns a rejected text for a message, unless it may hold a password."""
    # An `@` may end the login of an address that was given to the wrong variable.
    if kind.is_secret or "@" in text:
        return "not usable (the value may hold a secret and is not shown)"
    if len(text) > _SHOWN_CHARACTERS:
        return f"{text[:_SHOWN_CHARACTERS]!r}…"
    return repr(text)


def _read_file(name: str, path: str) -> str:
    """Returns the text in a file, without the newline at its end."""
    try:
        with Path(path).open("rb") as file:
            # Bounded, since the path may name a device; one byte more tells a file too large.
            content = file.read(MAXIMUM_FILE_BYTES + 1)
        text = content.decode("utf-8").strip()
    except OSError as error:
        raise InvalidSetting(
            f"{name} is {path!r}; it cannot be read: {error.strerror}."
        ) from None
    except ValueError:
        raise InvalidSetting(f"{name} is {path!r}; it is not a text in UTF-8.") from None
    if len(content) > MAXIMUM_FILE_BYTES:
        raise InvalidSetting(
            f"{name} is {path!r}; it is larger than {MAXIMUM_FILE_BYTES} bytes."
        )
    if not text:
        raise InvalidSetting(f"{name} is {path!r}; it is empty.")
    return text
