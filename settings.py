"""The settings: typed constants, read once from the environment. Nothing else reads it.

Every name is a row of the table in README.md. With nothing set the server runs *embedded*: SQLite under var/, the demo
Commerce server, demo users.
"""

from pathlib import Path

from starlette.config import Config
from starlette.datastructures import Secret

ROOT = Path(__file__).parent

config = Config()

ENVIRONMENT: str = config("ENVIRONMENT", default="embedded")
DEBUG: bool = config("DEBUG", cast=bool, default=False)
HOST: str = config("HOST", default="127.0.0.1")
PORT: int = config("PORT", cast=int, default=8000)

DATABASE_URL: str = config("DATABASE_URL", default=f"sqlite://{ROOT / 'var' / 'basket.sqlite3'}")
BENCH_DATABASE_URL: str = config("BENCH_DATABASE_URL", default="postgres://postgres@127.0.0.1:5432/basket_bench")
DATABASE_POOL_SIZE: int = config("DATABASE_POOL_SIZE", cast=int, default=20)
REDIS_URL: str = config("REDIS_URL", default="")

SECRET_KEY_OF_THE_DEMO = "only-for-the-demo-everybody-knows-it"  # noqa: S105
SECRET_KEY = Secret(config("SECRET_KEY", default=SECRET_KEY_OF_THE_DEMO))
PUBLIC_URL: str = config("PUBLIC_URL", default=f"http://{HOST}:{PORT}")
EXPORT_URL: str = config("EXPORT_URL", default=str(ROOT / "var" / "exports"))
EXPORT_KEPT_SECONDS: int = config("EXPORT_KEPT_SECONDS", cast=int, default=86_400)
EXPORT_LINK_SECONDS: int = config("EXPORT_LINK_SECONDS", cast=int, default=3_600)

COMMERCE_URL: str = config("COMMERCE_URL", default="")
COMMERCE_TOKEN = Secret(config("COMMERCE_TOKEN", default=""))
COMMERCE_TIMEOUT_SECONDS: float = config("COMMERCE_TIMEOUT_SECONDS", cast=float, default=5.0)
COMMERCE_RETRIES: int = config("COMMERCE_RETRIES", cast=int, default=2)
COMMERCE_CONCURRENCY: int = config("COMMERCE_CONCURRENCY", cast=int, default=16)

PRODUCT_MAXIMUM_AGE_SECONDS: int = config("PRODUCT_MAXIMUM_AGE_SECONDS", cast=int, default=300)
QUOTATION_APPROVAL: bool = config("QUOTATION_APPROVAL", cast=bool, default=True)
REQUEST_MAXIMUM_BYTES: int = config("REQUEST_MAXIMUM_BYTES", cast=int, default=1_000_000)

IMPORT_MAXIMUM_BYTES: int = config("IMPORT_MAXIMUM_BYTES", cast=int, default=10_000_000)
IMPORT_MAXIMUM_ROWS: int = config("IMPORT_MAXIMUM_ROWS", cast=int, default=65_536)
IMPORT_MAXIMUM_COLUMNS: int = config("IMPORT_MAXIMUM_COLUMNS", cast=int, default=256)
IMPORT_MAXIMUM_UNPACKED_BYTES: int = config("IMPORT_MAXIMUM_UNPACKED_BYTES", cast=int, default=60_000_000)
IMPORT_MAXIMUM_CELL_LENGTH: int = config("IMPORT_MAXIMUM_CELL_LENGTH", cast=int, default=32_767)

EMBEDDED: bool = DATABASE_URL.startswith("sqlite:") and ENVIRONMENT != "production"
