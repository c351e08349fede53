"""The values of settings: as people write them, and rejected by name with the reason."""

import pytest

import settings
from tests.support.settings import KEY, in_force, problems_of

NO_SCHEME = "the address begins with neither http:// nor https://; write"


NO_ORIGIN = "is no origin; write SCHEME://HOST or SCHEME://HOST:PORT alone"


NO_PATH = "the path of the address has a part that is empty or made of points"


NOT = ", and not with postgres:// or sqlite://"


BROKEN_HOST = (
    "the brackets of the host do not match, or a special character of the password is not "
    "written as %XX"
)


NOT_AS_BROWSERS = "in lower case and without the port of its scheme"


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
        ("HISTORY_CHANGES", "0", "a whole number from 1 to 1000000000"),
        ("HISTORY_DAYS", "0", "a whole number from 1 to 36500"),
        ("HISTORY_DAYS", "90d", "a whole number from 1 to 36500"),
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
        ("HOST", "a..b", "an IPv4 or IPv6 address or the name of a host"),
        ("HOST", "a" * 64, "an IPv4 or IPv6 address or the name of a host"),
        (
            "NOTIFY_SOCKET",
            "run/notify",
            "the absolute path of a socket, or @ and an abstract name",
        ),
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
        ("PUBLIC_URL", "https://h/../shop", NO_PATH),
        ("PUBLIC_URL", "https://h/a//b", NO_PATH),
        ("COMMERCE_URL", "https://h/./v1", NO_PATH),
        ("DATABASE_URL", "mysql://me:hidden@h/d", f"the address begins with mysql://{NOT}"),
        ("DATABASE_URL", "Postgres://h/d", f"the address begins with Postgres://{NOT}"),
        (
            "DATABASE_URL",
            "h:5432/d",
            "the address does not begin with postgres:// or sqlite://",
        ),
        (
            "DATABASE_URL",
            "postgres:///",
            "the address names no database; write postgres://USER@HOST/NAME",
        ),
        (
            "DATABASE_URL",
            "postgres://me:hid den@h/d",
            "the address contains white space or characters that cannot be printed; "
            "in a password write them as %XX",
        ),
        ("DATABASE_URL", "postgres://me:hid/den@h/d", BROKEN_HOST),
        ("MIGRATION_DATABASE_URL", "postgres://me:hidden@[::1/d", BROKEN_HOST),
        (
            "DATABASE_URL",
            "sqlite://",
            "the address names no file; write sqlite:///FOLDER/FILE",
        ),
        (
            "DATABASE_URL",
            "sqlite://:memory:",
            "a database in memory ends with its process; name a file",
        ),
        (
            "DATABASE_URL",
            "sqlite:///tmp/x?journal_mode=off",
            "an address of SQLite has no parameters",
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


TWO_SLASHES = "two slashes are missing; begin it with"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("s3:///exports", "it names no bucket or container; set it to a folder"),
        ("s3:///", "it names no bucket or container; set it to a folder"),
        ("abfs://?x=y", "it names no bucket or container; set it to a folder"),
        ("s3:bucket/exports", f"{TWO_SLASHES} s3://"),
        ("file:/mnt/exports", f"{TWO_SLASHES} file://"),
        ("https://h/exports", "https:// cannot be written to; set it to a folder"),
        ("dir:///mnt", "dir:// needs more than an address; set it to a folder"),
    ],
)
def test_a_storage_that_can_never_work_is_rejected_with_the_reason(
    value: str, reason: str
) -> None:
    (line,) = problems_of(EXPORT_URL=value)
    assert line.startswith(f"EXPORT_URL is {value}: {reason}")


def test_a_login_in_the_address_of_a_bucket_is_rejected_and_not_shown() -> None:
    assert problems_of(EXPORT_URL="s3://me:hidden@bucket/x") == [
        "EXPORT_URL is s3://…@bucket/x: it has a login; "
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead."
    ]


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


@pytest.mark.parametrize(
    ("name", "value"), [("ENVIRONMENT", "prod"), ("DATABASE_URL", "mysql://h/d")]
)
def test_a_setting_that_is_rejected_demands_nothing_of_the_others(
    name: str, value: str
) -> None:
    (line,) = problems_of(**{name: value})
    assert line.startswith(name)


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
    for derived in ("COMMERCE_PROXY", "OIDC_PROXY", "ROOT_PATH"):
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
