"""Settings as `check-settings` tells of them."""

from tests.support.command_line import Commands

KEY = "0123456789abcdef0123456789abcdef"


PRODUCTION = {
    "ENVIRONMENT": "production",
    "COMMERCE_URL": "https://commerce.example",
    "SECRET_KEY": KEY,
}


def commands(**variables: str) -> Commands:
    """Returns a command line with these variables, embedded unless they say otherwise."""
    return Commands(
        "sqlite:///nowhere/basket.sqlite3", **{"ENVIRONMENT": "embedded"} | variables
    )


def problems_of(**variables: str) -> list[str]:
    """Returns the lines with which `check-settings` rejects these variables."""
    status, _, errors = commands(**variables).run("check-settings")
    lines = errors.splitlines()
    assert status == (1 if lines else 0)
    return lines


def in_force(**variables: str) -> dict[str, str]:
    """Returns what `check-settings` prints, by name, of variables that are accepted."""
    output = commands(**variables).accepted("check-settings")
    return dict(line.partition("  (")[0].split("=", 1) for line in output.splitlines())
