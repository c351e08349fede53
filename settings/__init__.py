"""The settings: typed constants, read once from the environment. Nothing else reads it.

docs/settings.md describes each. With nothing set the server runs *embedded*: SQLite under
var/, the demo Commerce server, demo users. A value that cannot be used is noted here and rejected
by `settings.checks` before anything runs.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from settings import addresses, issuers, kinds
from settings.files import CERTIFICATES, FOLDER, WRITABLE_FOLDER
from settings.proxies import standard_proxy
from settings.reading import Reader
from settings.secret import Secret

ROOT = Path(__file__).parent.parent

READER = Reader(os.environ)
_read = READER.read

_SWITCH = kinds.SWITCH
_NUMBER = kinds.whole_number(1, 1_000_000_000)
_BYTES = kinds.whole_number(1, 10_000_000_000)
_TIMEOUT = kinds.decimal_number(0.001, 86_400)
_WHOLE_TIMEOUT = kinds.whole_number(1, 86_400)
_OPTIONAL_TIME = kinds.decimal_number(0, 86_400)
_RETENTION = kinds.whole_number(1, 315_360_000)
_WEB_ADDRESS = addresses.web_address()

ENVIRONMENT = _read("ENVIRONMENT", kinds.word("embedded", "test", "production"), "embedded")
DEBUG = _read("DEBUG", _SWITCH, False)
HOST = _read("HOST", addresses.HOST, "127.0.0.1")
PORT = _read("PORT", kinds.whole_number(0, 65_535), 8_000)
LOCAL_URL = f"http://[{HOST}]:{PORT}" if ":" in HOST else f"http://{HOST}:{PORT}"
"""The address that the server listens on, as a browser on its machine may take it."""
DRAIN_SECONDS = _read("DRAIN_SECONDS", _OPTIONAL_TIME, 0.0)
STOP_SECONDS = _read("STOP_SECONDS", _WHOLE_TIMEOUT, 40)
NOTIFY_SOCKET = _read("NOTIFY_SOCKET", addresses.SOCKET, "")
WORKER_PORT = _read("WORKER_PORT", kinds.whole_number(0, 65_535), 0)
SCRATCH_PATH = _read("SCRATCH_PATH", FOLDER, "")

_SQLITE_FILE = Path("var", "basket.sqlite3")
DATABASE_URL = _read(
    "DATABASE_URL",
    addresses.DATABASE,
    f"sqlite://{ROOT / _SQLITE_FILE}",
    f"sqlite://…/{_SQLITE_FILE}",
)
DATABASE_PASSWORD = _read("DATABASE_PASSWORD", kinds.PASSWORD, Secret(""))
"""The password of the database, for passwords that an address could hold only encoded."""
if str(DATABASE_PASSWORD):
    try:
        DATABASE_URL = addresses.with_password(DATABASE_URL, str(DATABASE_PASSWORD))
    except kinds.InvalidSetting as reason:
        READER.problems["DATABASE_PASSWORD"] = f"DATABASE_PASSWORD: {reason}."
MIGRATION_DATABASE_URL = _read("MIGRATION_DATABASE_URL", addresses.DATABASE, "")
MIGRATION_ADDRESS = MIGRATION_DATABASE_URL or DATABASE_URL
"""The address of the database for migrations."""
DATABASE_POOLER = _read(
    "DATABASE_POOLER", kinds.word("auto", "none", "named", "unnamed"), "auto"
)
BENCH_DATABASE_URL = _read(
    "BENCH_DATABASE_URL",
    addresses.DATABASE,
    "postgres://postgres@127.0.0.1:5432/basket_bench",
    "postgres://postgres@127.0.0.1:5432/basket_bench",
)
DATABASE_POOL_SIZE = _read("DATABASE_POOL_SIZE", kinds.whole_number(1, 1_000), 20)
DATABASE_POOL_WAIT_SECONDS = _read("DATABASE_POOL_WAIT_SECONDS", _TIMEOUT, 5.0)
DATABASE_STATEMENT_TIMEOUT_SECONDS = _read(
    "DATABASE_STATEMENT_TIMEOUT_SECONDS", _OPTIONAL_TIME, 10.0
)
REDIS_URL = _read("REDIS_URL", addresses.REDIS, "")
REDIS_PREFIX = _read("REDIS_PREFIX", kinds.NAME, "")

SECRET_KEY_OF_THE_DEMO = "only-for-the-demo-everybody-knows-it"  # noqa: S105
# The default is for the demo; `settings.checks` rejects it in production.
SECRET_KEY = _read("SECRET_KEY", kinds.KEYS, ()) or (Secret(SECRET_KEY_OF_THE_DEMO),)
"""The keys, the newest first: it signs, all of them verify."""
PUBLIC_URL = _read("PUBLIC_URL", _WEB_ADDRESS, LOCAL_URL, "http://HOST:PORT").rstrip("/")
_PUBLIC_PATH = addresses.normalize_path(urlsplit(PUBLIC_URL).path)
ROOT_PATH = _read("ROOT_PATH", addresses.PATH, "", "the path of PUBLIC_URL") or _PUBLIC_PATH
"""The path prefix that clients see, in the form of an address: "" or "/shop"."""
# ROOT_PATH alone may name the path, and the addresses that we give out need it, too.
PUBLIC_URL += "" if _PUBLIC_PATH else ROOT_PATH
EXPORT_URL = _read(
    "EXPORT_URL", addresses.STORE, str(ROOT / "var" / "exports"), "…/var/exports"
)
EXPORT_KEPT_SECONDS = _read("EXPORT_KEPT_SECONDS", _RETENTION, 86_400)
EXPORT_LINK_SECONDS = _read("EXPORT_LINK_SECONDS", _RETENTION, 3_600)
EXPORT_MAXIMUM_WAITING = _read("EXPORT_MAXIMUM_WAITING", _NUMBER, 20)
EXPORT_PRESIGNED = _read("EXPORT_PRESIGNED", _SWITCH, False)

COMMERCE_URL = _read("COMMERCE_URL", addresses.web_address(has_login=True), "")
COMMERCE_TOKEN = _read("COMMERCE_TOKEN", kinds.TOKEN, Secret(""))
COMMERCE_PROXY = _read(
    "COMMERCE_PROXY",
    addresses.PROXY,
    standard_proxy(os.environ, COMMERCE_URL, READER.problems),
    "that of HTTPS_PROXY or HTTP_PROXY, unless NO_PROXY excludes the host",
)
COMMERCE_CA_FILE = _read("COMMERCE_CA_FILE", CERTIFICATES, "")
COMMERCE_TIMEOUT_SECONDS = _read("COMMERCE_TIMEOUT_SECONDS", _TIMEOUT, 5.0)
COMMERCE_RETRIES = _read("COMMERCE_RETRIES", kinds.whole_number(0, 10), 2)
COMMERCE_CONCURRENCY = _read("COMMERCE_CONCURRENCY", kinds.whole_number(1, 10_000), 16)

OIDC_ISSUER = _read("OIDC_ISSUER", issuers.ISSUER, "")
OIDC_AUDIENCE = _read("OIDC_AUDIENCE", issuers.AUDIENCE, "")
OIDC_DIVISIONS = _read("OIDC_DIVISIONS", issuers.DIVISIONS, ())
OIDC_ISSUERS = _read("OIDC_ISSUERS", issuers.ISSUERS, ())
OIDC_USER_CLAIM = _read("OIDC_USER_CLAIM", kinds.word("email", "sub"), "email")
OIDC_CREATE_USERS = _read("OIDC_CREATE_USERS", _SWITCH, False)
OIDC_DIVISION_CLAIM = _read("OIDC_DIVISION_CLAIM", issuers.CLAIM, "division")
OIDC_LEEWAY_SECONDS = _read("OIDC_LEEWAY_SECONDS", kinds.whole_number(0, 300), 30)
ISSUERS = issuers.join_issuers(OIDC_ISSUER, OIDC_AUDIENCE, OIDC_DIVISIONS, OIDC_ISSUERS)
"""The identity providers whose tokens are accepted."""
OIDC_PROXY = _read(
    "OIDC_PROXY",
    addresses.PROXY,
    standard_proxy(os.environ, ISSUERS[0].url if ISSUERS else "", READER.problems),
    "that of HTTPS_PROXY or HTTP_PROXY, unless NO_PROXY excludes the host",
)
OIDC_CA_FILE = _read("OIDC_CA_FILE", CERTIFICATES, "")

TOKEN_KEPT_SECONDS = _read("TOKEN_KEPT_SECONDS", _OPTIONAL_TIME, 5.0)
PRODUCT_MAXIMUM_AGE_SECONDS = _read(
    "PRODUCT_MAXIMUM_AGE_SECONDS", kinds.whole_number(0, 315_360_000), 300
)
SKU_MAXIMUM_AGE_SECONDS = _read(
    "SKU_MAXIMUM_AGE_SECONDS", kinds.whole_number(0, 315_360_000), 5
)
QUOTATION_APPROVAL = _read("QUOTATION_APPROVAL", _SWITCH, True)
HISTORY_CHANGES = _read("HISTORY_CHANGES", _NUMBER, 1_000)
HISTORY_DAYS = _read("HISTORY_DAYS", kinds.whole_number(1, 36_500), 90)
_RETENTION_DAYS = kinds.whole_number(0, 36_500)
RETENTION_DRAFT_DAYS = _read("RETENTION_DRAFT_DAYS", _RETENTION_DAYS, 0)
RETENTION_SUBMITTED_DAYS = _read("RETENTION_SUBMITTED_DAYS", _RETENTION_DAYS, 0)
COMPILED_SELECTIONS = _read("COMPILED_SELECTIONS", _SWITCH, True)
RESPONSE_CACHE_BYTES = _read(
    "RESPONSE_CACHE_BYTES", kinds.whole_number(0, 1_000_000_000_000), 64 * 2**20
)

REQUIRE_PREFLIGHT_HEADER = _read("REQUIRE_PREFLIGHT_HEADER", _SWITCH, False)
CORS_ORIGINS = _read("CORS_ORIGINS", addresses.ORIGINS, [])
FORWARDED_ALLOW_IPS = _read("FORWARDED_ALLOW_IPS", addresses.NETWORKS, "127.0.0.1,::1")
COMPRESSION = _read("COMPRESSION", _SWITCH, True)
RATE_LIMIT_TOKEN = _read("RATE_LIMIT_TOKEN", kinds.RATE, "6000/minute")
RATE_LIMIT_ADDRESS = _read("RATE_LIMIT_ADDRESS", kinds.RATE, "60000/minute")

REQUEST_MAXIMUM_BYTES = _read("REQUEST_MAXIMUM_BYTES", _BYTES, 1_000_000)
REQUEST_MAXIMUM_HEAD_BYTES = _read("REQUEST_MAXIMUM_HEAD_BYTES", _BYTES, 65_536)
REQUEST_HEAD_SECONDS = _read("REQUEST_HEAD_SECONDS", _TIMEOUT, 10.0)
REQUEST_BODY_SECONDS = _read("REQUEST_BODY_SECONDS", _TIMEOUT, 60.0)
RESPONSE_SEND_SECONDS = _read("RESPONSE_SEND_SECONDS", _TIMEOUT, 60.0)
KEEP_ALIVE_SECONDS = _read("KEEP_ALIVE_SECONDS", _WHOLE_TIMEOUT, 15)
OPERATION_SECONDS = _read("OPERATION_SECONDS", _TIMEOUT, 30.0)

LIVE_CONNECTIONS = _read("LIVE_CONNECTIONS", kinds.whole_number(0, 1_000_000), 500)
LIVE_CONNECTIONS_PER_TOKEN = _read("LIVE_CONNECTIONS_PER_TOKEN", _NUMBER, 100)
LIVE_CONNECTIONS_PER_ADDRESS = _read("LIVE_CONNECTIONS_PER_ADDRESS", _NUMBER, 1_000)
LIVE_OPERATIONS_PER_CONNECTION = _read("LIVE_OPERATIONS_PER_CONNECTION", _NUMBER, 100)
LIVE_BYTES = _read("LIVE_BYTES", _BYTES, 256_000_000)
LIVE_BYTES_PER_TOKEN = _read("LIVE_BYTES_PER_TOKEN", _BYTES, 100_000_000)
LIVE_MESSAGE_BYTES = _read("LIVE_MESSAGE_BYTES", _BYTES, 1_000_000)
LIVE_INIT_SECONDS = _read("LIVE_INIT_SECONDS", _TIMEOUT, 10.0)
LIVE_HEARTBEAT_SECONDS = _read("LIVE_HEARTBEAT_SECONDS", _TIMEOUT, 12.0)
LIVE_SEND_SECONDS = _read("LIVE_SEND_SECONDS", _TIMEOUT, 60.0)

DOCUMENTS = _read("DOCUMENTS", kinds.word("any", "persisted", "trusted"), "any")
QUERY_MAXIMUM_LENGTH = _read("QUERY_MAXIMUM_LENGTH", _NUMBER, 100_000)
QUERY_MAXIMUM_TOKENS = _read("QUERY_MAXIMUM_TOKENS", _NUMBER, 2_000)
QUERY_MAXIMUM_DEPTH = _read("QUERY_MAXIMUM_DEPTH", _NUMBER, 20)
QUERY_MAXIMUM_ALIASES = _read("QUERY_MAXIMUM_ALIASES", _NUMBER, 100)
QUERY_MAXIMUM_DIRECTIVES = _read("QUERY_MAXIMUM_DIRECTIVES", _NUMBER, 50)
QUERY_MAXIMUM_REPEATED_FIELDS = _read("QUERY_MAXIMUM_REPEATED_FIELDS", _NUMBER, 50)
QUERY_MAXIMUM_COST = _read("QUERY_MAXIMUM_COST", _NUMBER, 100_000)

IMPORT_MAXIMUM_BYTES = _read("IMPORT_MAXIMUM_BYTES", _BYTES, 10_000_000)
IMPORT_MAXIMUM_ROWS = _read("IMPORT_MAXIMUM_ROWS", _NUMBER, 65_536)
IMPORT_MAXIMUM_COLUMNS = _read("IMPORT_MAXIMUM_COLUMNS", _NUMBER, 256)
IMPORT_MAXIMUM_UNPACKED_BYTES = _read("IMPORT_MAXIMUM_UNPACKED_BYTES", _BYTES, 60_000_000)
IMPORT_MAXIMUM_CELL_LENGTH = _read("IMPORT_MAXIMUM_CELL_LENGTH", _NUMBER, 32_767)

EMBEDDED: bool = (
    ENVIRONMENT != "production"
    and DATABASE_URL.startswith("sqlite:")
    # A misspelt "production" must not start the demo.
    and not READER.problems.keys() & {"ENVIRONMENT", "DATABASE_URL"}
)
"""Whether the conveniences of the demo are on."""
INTROSPECTION = _read("INTROSPECTION", _SWITCH, EMBEDDED, "true embedded, else false")
GRAPHIQL = _read("GRAPHIQL", _SWITCH, INTROSPECTION, "as INTROSPECTION")

LOG_FORMAT = _read(
    "LOG_FORMAT",
    kinds.word("json", "text"),
    "text" if EMBEDDED else "json",
    "text embedded, else json",
)
LOG_LEVEL = _read(
    "LOG_LEVEL", kinds.word("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO"
)
ACCESS_LOG = _read("ACCESS_LOG", _SWITCH, False)
PROMETHEUS_MULTIPROC_DIR = _read("PROMETHEUS_MULTIPROC_DIR", WRITABLE_FOLDER, "")
if not PROMETHEUS_MULTIPROC_DIR:
    # To prometheus_client, which reads it by itself, also an empty variable names a folder.
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
METRICS_TOKEN = _read("METRICS_TOKEN", kinds.TOKEN, Secret(""))
OTEL_EXPORTER_OTLP_ENDPOINT = _read("OTEL_EXPORTER_OTLP_ENDPOINT", _WEB_ADDRESS, "")
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT = _read(
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", _WEB_ADDRESS, ""
)
