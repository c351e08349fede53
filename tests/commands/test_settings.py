"""The settings: every value that cannot be used is rejected at start, by name and in one line."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

import settings
from settings.addresses import with_password
from settings.checks import Use, find_problems
from tests.support.command_line import Commands
from tests.support.ports import free_port
from tests.support.waiting import TIMEOUT_SECONDS

KEY = "0123456789abcdef0123456789abcdef"
NO_SCHEME = "the address begins with neither http:// nor https://; write"
NO_ORIGIN = "is no origin; write SCHEME://HOST or SCHEME://HOST:PORT alone"
NOT_AS_BROWSERS = "in lower case and without the port of its scheme"
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


@pytest.mark.parametrize(
    ("name", "value", "expects"),
    [
        ("DEBUG", "maybe", "true or false (or yes, no, on, off, 1, 0)"),
        ("DEBUG", "2", "true or false (or yes, no, on, off, 1, 0)"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("PORT", "-1", "a whole number from 0 to 65535"),
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("PORT", "80.0", "a whole number from 0 to 65535"),
        ("PORT", "٨٠", "a whole number from 0 to 65535"),
        ("DATABASE_POOL_SIZE", "0", "a whole number from 1 to 1000"),
        ("STOP_SECONDS", "0", "a whole number from 1 to 86400"),
        ("OPERATION_SECONDS", "0", "a number from 0.001 to 86400"),
        ("OPERATION_SECONDS", "-3", "a number from 0.001 to 86400"),
        ("OPERATION_SECONDS", "nan", "a number from 0.001 to 86400"),
        ("COMMERCE_TIMEOUT_SECONDS", "inf", "a number from 0.001 to 86400"),
        ("COMMERCE_TIMEOUT_SECONDS", "1e400", "a number from 0.001 to 86400"),
        ("REQUEST_BODY_SECONDS", "60s", "a number from 0.001 to 86400"),
        ("DRAIN_SECONDS", "-0.5", "a number from 0 to 86400"),
        ("EXPORT_KEPT_SECONDS", "-1", "a whole number from 1 to 315360000"),
        ("IMPORT_MAXIMUM_BYTES", "10MB", "a whole number from 1 to 10000000000"),
        ("COMMERCE_RETRIES", "-1", "a whole number from 0 to 10"),
        ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("LOG_FORMAT", "xml", "one of json, text"),
        ("RATE_LIMIT_TOKEN", "many", "like 6000/minute, or 0 for no limit"),
        ("RATE_LIMIT_TOKEN", "-5/minute", "like 6000/minute, or 0 for no limit"),
        ("RATE_LIMIT_ADDRESS", "0/minute", "like 6000/minute, or 0 for no limit"),
        ("RATE_LIMIT_ADDRESS", "60/fortnight", "like 6000/minute, or 0 for no limit"),
        ("HOST", "my host", "an IPv4 or IPv6 address or the name of a host"),
        ("HOST", "256.1.1.1", "an IPv4 or IPv6 address or the name of a host"),
        ("HOST", "http://h", "an IPv4 or IPv6 address or the name of a host"),
        (
            "REDIS_PREFIX",
            "a b",
            "1 to 64 letters, digits, points, hyphens and underscores, "
            "with a letter or digit first",
        ),
    ],
)
def test_a_value_that_cannot_be_is_rejected_by_name(
    name: str, value: str, expects: str
) -> None:
    assert problems_of(**{name: value}) == [f"{name} is {value!r}; it is {expects}."]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PUBLIC_URL", "shop.example", f"{NO_SCHEME} https://HOST"),
        ("PUBLIC_URL", "ftp://shop.example", f"{NO_SCHEME} https://HOST"),
        ("PUBLIC_URL", "https://", "the address names no host; write https://HOST"),
        ("PUBLIC_URL", "https:///path", "the address names no host; write https://HOST"),
        (
            "PUBLIC_URL",
            "https://h:99999",
            "the port of the address is no number from 1 to 65535",
        ),
        (
            "PUBLIC_URL",
            "https://h:0",
            "the port of the address is no number from 1 to 65535",
        ),
        ("PUBLIC_URL", "https://[::1", "the brackets of the address's host do not match"),
        ("PUBLIC_URL", "https://h/?a=b", "the address has a query or a fragment"),
        (
            "PUBLIC_URL",
            "https://a b",
            "the address contains white space or characters that cannot be printed",
        ),
        (
            "PUBLIC_URL",
            "https://me:hidden@h",
            "the address names a user or a password, which are not supported here",
        ),
        ("COMMERCE_URL", "commerce", f"{NO_SCHEME} http://USER:PASSWORD@HOST:PORT"),
        (
            "COMMERCE_PROXY",
            "socks5://me:hidden@h:1",
            "SOCKS proxies are not supported; name a proxy of HTTP",
        ),
        ("CORS_ORIGINS", "https://a.example/", f"'https://a.example/' {NO_ORIGIN}"),
        ("CORS_ORIGINS", "https://a.example,b.example", f"'b.example' {NO_ORIGIN}"),
        (
            "CORS_ORIGINS",
            "https://a.example:443",
            f"write 'https://a.example:443' {NOT_AS_BROWSERS}",
        ),
        ("CORS_ORIGINS", "*,https://a.example", f"'*' {NO_ORIGIN}"),
        (
            "FORWARDED_ALLOW_IPS",
            "10.0.0.1/8",
            "'10.0.0.1/8' is no address and no network of IP (10.0.0.1/8 has host bits set)",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", f"{NO_SCHEME} https://HOST"),
        ("SCRATCH_PATH", "scratch", "the path 'scratch' is not absolute"),
        ("SCRATCH_PATH", "/nowhere/at/all", "there is no folder '/nowhere/at/all'"),
        (
            "COMMERCE_CA_FILE",
            "/nowhere/ca.pem",
            "the file '/nowhere/ca.pem' cannot be read: No such file or directory",
        ),
        ("REDIS_URL", "redis://h:6379/x", "the database 'x' is not a whole number"),
        ("SECRET_KEY", f"{KEY},{KEY}", "the same key stands twice in the list"),
    ],
)
def test_an_address_that_cannot_be_is_rejected_with_the_reason(
    name: str, value: str, reason: str
) -> None:
    assert problems_of(**{name: value}) == [f"{name}: {reason}."]


@pytest.mark.parametrize("value", ["ftpx://bucket", "gopher://h/x", "s4://bucket/exports"])
def test_an_unknown_storage_is_rejected(value: str) -> None:
    (line,) = problems_of(EXPORT_URL=value)
    scheme = value.partition(":")[0]
    assert line.startswith(
        f"EXPORT_URL is {value}: the storage scheme {scheme}:// is unknown;"
    )


@pytest.mark.parametrize("value", ["exports", "./exports", "file://exports", "../x"])
def test_a_relative_export_folder_is_rejected_in_production(value: str) -> None:
    (line,) = problems_of(
        EXPORT_URL=value,
        ENVIRONMENT="production",
        COMMERCE_URL="http://h",
        SECRET_KEY=KEY,
    )
    assert line == (
        f"EXPORT_URL is {value}: the folder depends on where the process is started; "
        "begin it with a slash."
    )
    assert problems_of(EXPORT_URL=value) == []


def test_a_misspelt_environment_is_rejected_and_is_not_the_demo() -> None:
    lines = problems_of(ENVIRONMENT="prodution", COMMERCE_URL="http://h", SECRET_KEY=KEY)
    assert lines == ["ENVIRONMENT is 'prodution'; it is one of embedded, test, production."]


@pytest.mark.parametrize("spaces", ["", "  "])
def test_an_empty_variable_is_rejected_where_there_is_a_default_and_nothing_elsewhere(
    spaces: str,
) -> None:
    optional = [
        name for name, setting in settings.READER.settings.items() if setting.default == ""
    ]
    others = [
        name for name, setting in settings.READER.settings.items() if setting.default != ""
    ]
    for derived in ("COMMERCE_PROXY", "ROOT_PATH"):
        others.remove(derived)
    assert len(others) > 40
    assert {"SECRET_KEY", "REDIS_URL", "COMMERCE_TOKEN", "CORS_ORIGINS"} <= set(optional)
    assert problems_of(**dict.fromkeys(optional, spaces)) == []
    lines = problems_of(**dict.fromkeys(others, spaces))
    wrong = [
        f"{name} is empty; remove the variable for the default, or set a value."
        for name in others
    ]
    assert [line for line in lines if line in wrong] == wrong


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("yes", "true"),
        ("On", "true"),
        ("1", "true"),
        ("no", "false"),
        ("oFF", "false"),
        ("0", "false"),
    ],
)
def test_truth_is_accepted_as_people_write_it(text: str, shown: str) -> None:
    assert in_force(INTROSPECTION=text)["INTROSPECTION"] == shown


def test_numbers_and_words_are_accepted_as_people_write_them() -> None:
    shown = in_force(
        PORT=" 8080 ",
        IMPORT_MAXIMUM_BYTES="10_000_000",
        OPERATION_SECONDS="2.5",
        LOG_LEVEL="debug",
        HOST="[::1]",
        RATE_LIMIT_TOKEN="10 per 2 hours",
        RATE_LIMIT_ADDRESS="0",
        CORS_ORIGINS="https://a.example, http://localhost:3000",
        FORWARDED_ALLOW_IPS="10.0.0.0/8, ::1",
    )
    assert shown["PORT"] == "8080"
    assert shown["IMPORT_MAXIMUM_BYTES"] == "10000000"
    assert shown["OPERATION_SECONDS"] == "2.5"
    assert shown["LOG_LEVEL"] == "DEBUG"
    assert shown["PUBLIC_URL"] == "http://[::1]:8080"
    assert shown["RATE_LIMIT_TOKEN"] == "10 per 2 hours"
    assert shown["RATE_LIMIT_ADDRESS"] == "0"
    assert shown["CORS_ORIGINS"] == "https://a.example,http://localhost:3000"
    assert shown["FORWARDED_ALLOW_IPS"] == "10.0.0.0/8,::1"


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


def test_all_that_is_wrong_is_said_at_once() -> None:
    lines = problems_of(
        DEBUG="?", PORT="x", LOG_LEVEL="x", EXPORT_URL="", ENVIRONMENT="production"
    )
    names = [re.split(r"[ :]", line)[0] for line in lines]
    assert names == [
        "DEBUG",
        "PORT",
        "EXPORT_URL",
        "LOG_LEVEL",
        "COMMERCE_URL",
        "SECRET_KEY",
    ]


def test_a_rejected_setting_is_not_told_as_in_force() -> None:
    _, output, _ = commands(PORT="x", HOST="::1").run("check-settings")
    assert {"PORT=8000  (rejected)", "HOST=::1  (HOST)", "DEBUG=false  (default)"} <= set(
        output.splitlines()
    )


def test_each_use_checks_what_it_needs() -> None:
    line = commands(ENVIRONMENT="production", SECRET_KEY=KEY)
    assert line.run("check-settings")[::2] == (
        1,
        "COMMERCE_URL is not set: production needs a real Commerce.",
    )
    assert line.run("check-settings", "--for", "worker")[::2] == (0, "")
    assert commands(ENVIRONMENT="production").run("check-settings", "--for", "command")[
        ::2
    ] == (0, "")


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


def test_names_that_are_nearly_settings_are_told() -> None:
    line = commands(
        DATABSE_URL="x", PUBLIC_URL_FILE="/x", SECRET_KEYS="x", HOSTNAME="x", EDITOR="x"
    )
    status, _, errors = line.run("check-settings")
    assert (status, errors.splitlines()) == (
        0,
        [
            "Warning: DATABSE_URL is no setting; DATABASE_URL may be meant.",
            "Warning: PUBLIC_URL_FILE is not read: only secrets can be read from a file.",
            "Warning: SECRET_KEYS is no setting; SECRET_KEY may be meant.",
        ],
    )


@pytest.mark.parametrize(
    "command",
    [
        ["server.py"],
        ["server.py", "migrate"],
        ["-m", "uvicorn", "server:application"],
        ["-c", "import dramatiq.cli, tasks"],
    ],
)
def test_every_process_rejects_in_json_in_production(command: list[str]) -> None:
    wrong = {
        "PORT": "x",
        "LOG_LEVEL": "x",
        "STOP_SECONDS": "0",
        "REDIS_URL": "redis://h:6379/0",
    }
    done = subprocess.run(
        [
            sys.executable,
            *command,
            *(["--port", str(free_port())] if "uvicorn" in command else []),
        ],
        cwd=settings.ROOT,
        env=os.environ | PRODUCTION | wrong,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS * 4,
        check=False,
    )
    assert done.returncode == (3 if "uvicorn" in command else 1)
    assert done.stdout == ""
    messages = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert [message.split()[0] for message in messages] == [
        "PORT",
        "STOP_SECONDS",
        "LOG_LEVEL",
    ]


def test_the_documentation_lists_every_setting_with_its_default_and_its_values() -> None:
    text = (settings.ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line.split(" | ", 3) for line in text.splitlines() if line.startswith("| `")]
    documented = [(row[0].removeprefix("| "), row[1].strip("` "), row[2]) for row in rows]
    declared = [
        (
            f"`{name}`{' †' if setting.kind.is_secret else ''}",
            setting.default,
            setting.kind.expects,
        )
        for name, setting in settings.READER.settings.items()
    ]
    assert documented == declared
    assert all(len(row[3]) > 10 for row in rows)


def test_every_constant_is_read_under_its_own_name() -> None:
    tree = ast.parse(
        (settings.ROOT / "settings" / "__init__.py").read_text(encoding="utf-8")
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and "_read(" in ast.unparse(node.value):
            calls = [each for each in ast.walk(node.value) if isinstance(each, ast.Call)]
            (call,) = [each for each in calls if ast.unparse(each.func) == "_read"]
            (target,) = node.targets
            assert ast.unparse(target) == ast.literal_eval(call.args[0])


def test_nothing_is_wrong_with_the_defaults() -> None:
    assert problems_of() == []
    assert find_problems(Use.SERVER) == []


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
