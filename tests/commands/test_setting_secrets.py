"""Settings that are secrets: read from files, never shown, strong."""

from pathlib import Path
from urllib.parse import unquote

import pytest

import settings
from settings.addresses import with_password
from tests.support.settings import KEY, PRODUCTION, commands, problems_of


def test_no_secret_is_shown_in_force_or_rejected() -> None:
    secrets = {
        "SECRET_KEY": f"{KEY},hidden-{KEY}",
        "METRICS_TOKEN": "hidden-metrics",
        "DATABASE_URL": "postgres://me:hidden@h/db",
        "REDIS_URL": "redis://me:hidden@h/0",
        "COMMERCE_URL": "https://me:hidden@commerce.example",
        "COMMERCE_PROXY": "http://me:hidden@proxy.example:3128",
        "EXPORT_URL": "sftp://me:hidden@h/x",
    }
    _, output, errors = commands(**secrets).run("check-settings")
    assert "hidden" not in (output + errors).replace("(hidden)", "")
    assert "SECRET_KEY=(hidden)  (SECRET_KEY)" in output
    assert "COMMERCE_PROXY=http://…@proxy.example:3128  (COMMERCE_PROXY)" in output
    wrong = {name: f"hidden {value}\x07" for name, value in secrets.items()}
    _, output, errors = commands(**wrong).run("check-settings")
    assert "hidden" not in (output + errors).replace("(hidden)", "").replace(
        "may be hidden", ""
    )
    assert len(errors.splitlines()) >= len(wrong)


@pytest.mark.parametrize(
    ("name", "address", "shown"),
    [
        ("REDIS_URL", "redis://:hid/den@h/0", "redis://…@h/0"),
        ("REDIS_URL", "redis://me:hi?dden@h/0", "redis://…@h/0"),
        ("REDIS_URL", "redis://h/0?db=1&password=hidden", "redis://h/0?db=1&password=…"),
        ("DATABASE_URL", "postgres://me:hi@dden@h/db", "postgres://…@h/db"),
        (
            "DATABASE_URL",
            "postgres://h/db?sslpassword=hidden&a=b",
            "postgres://h/db?sslpassword=…&a=b",
        ),
        (
            "EXPORT_URL",
            "s3://bucket/x?secret_access_key=hidden",
            "s3://bucket/x?secret_access_key=…",
        ),
    ],
)
def test_no_password_of_an_address_is_shown(name: str, address: str, shown: str) -> None:
    _, output, errors = commands(**{name: address}).run("check-settings")
    assert f"{name}={shown}  ({name})" in output.splitlines()
    assert "hid" not in (output + errors).replace("(hidden)", "")
    assert "dden" not in (output + errors).replace("(hidden)", "")


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "COMMERCE_TOKEN", "METRICS_TOKEN", "DATABASE_URL", "REDIS_URL"]
)
def test_a_secret_is_read_from_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "secret"
    values = {
        "DATABASE_URL": "sqlite:///elsewhere.sqlite3",
        "REDIS_URL": "redis://elsewhere/3",
    }
    file.write_text(f"{values.get(name, KEY)}\n")
    line = commands(**{f"{name}_FILE": str(file)})
    line.environment.pop(name, None)
    status, output, errors = line.run("check-settings")
    assert (status, errors) == (0, "")
    (shown,) = [row for row in output.splitlines() if row.startswith(f"{name}=")]
    assert shown == f"{name}={values.get(name, '(hidden)')}  ({name}_FILE)"


def test_a_file_of_a_secret_that_cannot_be_used_is_rejected(tmp_path: Path) -> None:
    empty, binary, large = tmp_path / "empty", tmp_path / "binary", tmp_path / "large"
    empty.write_text("\n")
    binary.write_bytes(b"\xff\xfe")
    large.write_text("x" * 70_000)
    missing = tmp_path / "missing"
    reasons = {
        empty: "it is empty",
        binary: "it is not a text in UTF-8",
        large: "it is larger than 65536 bytes",
        missing: "it cannot be read: No such file or directory",
        tmp_path: "it cannot be read: Is a directory",
    }
    for file, reason in reasons.items():
        assert problems_of(METRICS_TOKEN_FILE=str(file)) == [
            f"METRICS_TOKEN_FILE is {str(file)!r}; {reason}."
        ]
    both = problems_of(METRICS_TOKEN_FILE=str(empty), METRICS_TOKEN="x")
    assert both == ["METRICS_TOKEN and METRICS_TOKEN_FILE are both set; set one of them."]


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        (f"{KEY[::-1]},{KEY}", []),
        (
            f"{KEY},weak",
            [
                "SECRET_KEY (key 2 of 2) is weak: set a random text of at least 32 characters, "
            ],
        ),
        ("weak", ["SECRET_KEY is weak: set a random text of at least 32 characters, "]),
        (
            f"{'ab' * 20},{KEY}",
            [
                "SECRET_KEY (key 1 of 2) is weak: set a random text of at least 32 characters, "
            ],
        ),
        (
            f"{KEY},{settings.SECRET_KEY_OF_THE_DEMO}",
            ["SECRET_KEY is not set: production signs "],
        ),
    ],
)
def test_every_key_of_the_list_is_strong(keys: str, lines: list[str]) -> None:
    found = problems_of(**PRODUCTION | {"SECRET_KEY": keys})
    assert len(found) == len(lines)
    assert all(line.startswith(begin) for line, begin in zip(found, lines, strict=True))


@pytest.mark.parametrize(
    "password", ["plain", "p@ss/w:rd#?", "50%25", "'\"$&", "çé€", "[x]"]
)
def test_the_password_of_the_database_is_taken_as_it_is(password: str) -> None:
    address = with_password("postgres://basket@one,two:5433/shop?sslmode=require", password)
    encoded = address.removeprefix("postgres://basket:").removesuffix(
        "@one,two:5433/shop?sslmode=require"
    )
    assert unquote(encoded) == password
    assert not set("@/:#?[] ") & set(encoded)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgres://host/shop", "DATABASE_URL names no user to whom it could belong"),
        (
            "sqlite:///tmp/basket.sqlite3",
            "DATABASE_URL names no user to whom it could belong",
        ),
        (
            "postgres://basket:other@host/shop",
            "DATABASE_URL has a password, too; set one of them",
        ),
    ],
)
def test_a_password_that_has_no_place_is_rejected(url: str, reason: str) -> None:
    lines = problems_of(
        DATABASE_URL=url, DATABASE_PASSWORD="hush", COMMERCE_URL="http://x", SECRET_KEY=KEY
    )
    assert lines == [f"DATABASE_PASSWORD: {reason}."]
