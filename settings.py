"""The settings: typed constants, read once from the environment. Nothing else reads it.

Every name is a row of the table in README.md. With nothing set the server runs *embedded*: SQLite under var/, the demo
Commerce server, demo users.
"""

from pathlib import Path
from urllib.parse import quote, urlsplit

from starlette.config import Config
from starlette.datastructures import CommaSeparatedStrings, Secret

ROOT = Path(__file__).parent

config = Config()


def url_path(path: str) -> str:
    """Returns a path as addresses have it: one slash before it, none after it, "" for none."""
    stripped = path.strip("/")
    return "/" + quote(stripped, safe="/%:@!$&'()*+,;=~") if stripped else ""


ENVIRONMENT: str = config("ENVIRONMENT", default="embedded")
DEBUG: bool = config("DEBUG", cast=bool, default=False)
HOST: str = config("HOST", default="127.0.0.1")
PORT: int = config("PORT", cast=int, default=8000)
LOCAL_URL = f"http://[{HOST.strip('[]')}]:{PORT}" if ":" in HOST else f"http://{HOST}:{PORT}"
"""The address that the server listens on, as a browser on its machine may take it."""
DRAIN_SECONDS: float = config("DRAIN_SECONDS", cast=float, default=0.0)
NOTIFY_SOCKET: str = config("NOTIFY_SOCKET", default="")
STOP_SECONDS: int = config("STOP_SECONDS", cast=int, default=40)

DATABASE_URL: str = config("DATABASE_URL", default=f"sqlite://{ROOT / 'var' / 'basket.sqlite3'}")
BENCH_DATABASE_URL: str = config("BENCH_DATABASE_URL", default="postgres://postgres@127.0.0.1:5432/basket_bench")
DATABASE_POOL_SIZE: int = config("DATABASE_POOL_SIZE", cast=int, default=20)
DATABASE_POOL_WAIT_SECONDS: float = config("DATABASE_POOL_WAIT_SECONDS", cast=float, default=5.0)
DATABASE_STATEMENT_TIMEOUT_SECONDS: float = config("DATABASE_STATEMENT_TIMEOUT_SECONDS", cast=float, default=10.0)
REDIS_URL: str = config("REDIS_URL", default="")
REDIS_PREFIX: str = config("REDIS_PREFIX", default="")

SECRET_KEY_OF_THE_DEMO = "only-for-the-demo-everybody-knows-it"  # noqa: S105
SECRET_KEY = Secret(config("SECRET_KEY", default=SECRET_KEY_OF_THE_DEMO))
_PUBLIC_URL: str = config("PUBLIC_URL", default=LOCAL_URL).rstrip("/")
_PUBLIC_PATH = urlsplit(_PUBLIC_URL).path
ROOT_PATH: str = url_path(config("ROOT_PATH", default="") or _PUBLIC_PATH)
"""The path prefix that clients see, in the form of an address: "" or "/shop"."""
PUBLIC_URL: str = _PUBLIC_URL if _PUBLIC_PATH else _PUBLIC_URL + ROOT_PATH
EXPORT_URL: str = config("EXPORT_URL", default=str(ROOT / "var" / "exports"))
EXPORT_KEPT_SECONDS: int = config("EXPORT_KEPT_SECONDS", cast=int, default=86_400)
EXPORT_LINK_SECONDS: int = config("EXPORT_LINK_SECONDS", cast=int, default=3_600)
EXPORT_MAXIMUM_WAITING: int = config("EXPORT_MAXIMUM_WAITING", cast=int, default=20)
EXPORT_PRESIGNED: bool = config("EXPORT_PRESIGNED", cast=bool, default=False)
WORKER_PORT: int = config("WORKER_PORT", cast=int, default=0)

COMMERCE_URL: str = config("COMMERCE_URL", default="")
COMMERCE_TOKEN = Secret(config("COMMERCE_TOKEN", default=""))
COMMERCE_TIMEOUT_SECONDS: float = config("COMMERCE_TIMEOUT_SECONDS", cast=float, default=5.0)
COMMERCE_RETRIES: int = config("COMMERCE_RETRIES", cast=int, default=2)
COMMERCE_CONCURRENCY: int = config("COMMERCE_CONCURRENCY", cast=int, default=16)

TOKEN_KEPT_SECONDS: float = config("TOKEN_KEPT_SECONDS", cast=float, default=5.0)
PRODUCT_MAXIMUM_AGE_SECONDS: int = config("PRODUCT_MAXIMUM_AGE_SECONDS", cast=int, default=300)
QUOTATION_APPROVAL: bool = config("QUOTATION_APPROVAL", cast=bool, default=True)
COMPILED_SELECTIONS: bool = config("COMPILED_SELECTIONS", cast=bool, default=True)

REQUIRE_PREFLIGHT_HEADER: bool = config("REQUIRE_PREFLIGHT_HEADER", cast=bool, default=False)
CORS_ORIGINS: list[str] = list(config("CORS_ORIGINS", cast=CommaSeparatedStrings, default=""))
FORWARDED_ALLOW_IPS: str = config("FORWARDED_ALLOW_IPS", default="127.0.0.1,::1")
RATE_LIMIT_TOKEN: str = config("RATE_LIMIT_TOKEN", default="6000/minute")
RATE_LIMIT_ADDRESS: str = config("RATE_LIMIT_ADDRESS", default="60000/minute")

REQUEST_MAXIMUM_BYTES: int = config("REQUEST_MAXIMUM_BYTES", cast=int, default=1_000_000)
REQUEST_MAXIMUM_HEAD_BYTES: int = config("REQUEST_MAXIMUM_HEAD_BYTES", cast=int, default=65_536)
REQUEST_HEAD_SECONDS: float = config("REQUEST_HEAD_SECONDS", cast=float, default=10.0)
REQUEST_BODY_SECONDS: float = config("REQUEST_BODY_SECONDS", cast=float, default=60.0)
KEEP_ALIVE_SECONDS: int = config("KEEP_ALIVE_SECONDS", cast=int, default=15)
OPERATION_SECONDS: float = config("OPERATION_SECONDS", cast=float, default=30.0)

QUERY_MAXIMUM_LENGTH: int = config("QUERY_MAXIMUM_LENGTH", cast=int, default=100_000)
QUERY_MAXIMUM_TOKENS: int = config("QUERY_MAXIMUM_TOKENS", cast=int, default=2_000)
QUERY_MAXIMUM_DEPTH: int = config("QUERY_MAXIMUM_DEPTH", cast=int, default=20)
QUERY_MAXIMUM_ALIASES: int = config("QUERY_MAXIMUM_ALIASES", cast=int, default=100)
QUERY_MAXIMUM_DIRECTIVES: int = config("QUERY_MAXIMUM_DIRECTIVES", cast=int, default=50)
QUERY_MAXIMUM_REPEATED_FIELDS: int = config("QUERY_MAXIMUM_REPEATED_FIELDS", cast=int, default=50)
QUERY_MAXIMUM_COST: int = config("QUERY_MAXIMUM_COST", cast=int, default=100_000)

IMPORT_MAXIMUM_BYTES: int = config("IMPORT_MAXIMUM_BYTES", cast=int, default=10_000_000)
IMPORT_MAXIMUM_ROWS: int = config("IMPORT_MAXIMUM_ROWS", cast=int, default=65_536)
IMPORT_MAXIMUM_COLUMNS: int = config("IMPORT_MAXIMUM_COLUMNS", cast=int, default=256)
IMPORT_MAXIMUM_UNPACKED_BYTES: int = config("IMPORT_MAXIMUM_UNPACKED_BYTES", cast=int, default=60_000_000)
IMPORT_MAXIMUM_CELL_LENGTH: int = config("IMPORT_MAXIMUM_CELL_LENGTH", cast=int, default=32_767)

EMBEDDED: bool = DATABASE_URL.startswith("sqlite:") and ENVIRONMENT != "production"
INTROSPECTION: bool = config("INTROSPECTION", cast=bool, default=EMBEDDED)
GRAPHIQL: bool = config("GRAPHIQL", cast=bool, default=INTROSPECTION)

LOG_FORMAT: str = config("LOG_FORMAT", default="text" if EMBEDDED else "json")
LOG_LEVEL: str = config("LOG_LEVEL", default="INFO")
ACCESS_LOG: bool = config("ACCESS_LOG", cast=bool, default=False)
METRICS_TOKEN = Secret(config("METRICS_TOKEN", default=""))
OTEL_EXPORTER_OTLP_ENDPOINT: str = config("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: str = config("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", default="")

SECRET_KEY_LENGTH = 32
"""How many characters a secret key has at least."""


class SettingMissing(Exception):
    """Raised when production is to start on a missing setting, or on one of the demo; the message says what to set."""


def check_production() -> None:
    """Raises SettingMissing when nothing of production may start with these settings: no server, and no worker."""
    if EMBEDDED:
        return
    if DEBUG:
        raise SettingMissing("DEBUG is on: set DEBUG=false in production.")
    key = str(SECRET_KEY)
    if key in ("", SECRET_KEY_OF_THE_DEMO):
        raise SettingMissing("SECRET_KEY is not set: production signs addresses with a long random text of its own.")
    if len(key) < SECRET_KEY_LENGTH or len(set(key)) < SECRET_KEY_LENGTH // 4:
        raise SettingMissing(
            f"SECRET_KEY is weak: set a random text of at least {SECRET_KEY_LENGTH} characters, "
            "for example by python3 -c 'import secrets; print(secrets.token_hex(32))'."
        )
