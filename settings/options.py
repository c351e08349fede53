"""The settings of one application, to be passed to its parts."""

from dataclasses import dataclass

import settings
from settings.issuers import Issuer
from settings.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings of an application; the values in force unless others are passed."""

    is_embedded: bool = settings.EMBEDDED
    root_path: str = settings.ROOT_PATH
    token_kept_seconds: float = settings.TOKEN_KEPT_SECONDS
    is_compiled: bool = settings.COMPILED_SELECTIONS
    response_cache_bytes: int = settings.RESPONSE_CACHE_BYTES
    quotation_approval: bool = settings.QUOTATION_APPROVAL
    product_maximum_age_seconds: int = settings.PRODUCT_MAXIMUM_AGE_SECONDS
    sku_maximum_age_seconds: int = settings.SKU_MAXIMUM_AGE_SECONDS
    export_maximum_waiting: int = settings.EXPORT_MAXIMUM_WAITING
    history_changes: int = settings.HISTORY_CHANGES
    history_days: int = settings.HISTORY_DAYS
    retention_draft_days: int = settings.RETENTION_DRAFT_DAYS
    retention_submitted_days: int = settings.RETENTION_SUBMITTED_DAYS

    database_url: str = settings.DATABASE_URL
    database_pooler: str = settings.DATABASE_POOLER
    database_pool_size: int = settings.DATABASE_POOL_SIZE
    database_pool_wait_seconds: float = settings.DATABASE_POOL_WAIT_SECONDS
    database_statement_timeout_seconds: float = settings.DATABASE_STATEMENT_TIMEOUT_SECONDS
    redis_url: str = settings.REDIS_URL
    redis_prefix: str = settings.REDIS_PREFIX

    commerce_url: str = settings.COMMERCE_URL
    commerce_token: Secret = settings.COMMERCE_TOKEN
    commerce_proxy: str = settings.COMMERCE_PROXY
    commerce_ca_file: str = settings.COMMERCE_CA_FILE
    commerce_timeout_seconds: float = settings.COMMERCE_TIMEOUT_SECONDS
    commerce_retries: int = settings.COMMERCE_RETRIES
    commerce_concurrency: int = settings.COMMERCE_CONCURRENCY

    issuers: tuple[Issuer, ...] = settings.ISSUERS
    oidc_user_claim: str = settings.OIDC_USER_CLAIM
    oidc_create_users: bool = settings.OIDC_CREATE_USERS
    oidc_division_claim: str = settings.OIDC_DIVISION_CLAIM
    oidc_leeway_seconds: int = settings.OIDC_LEEWAY_SECONDS
    oidc_proxy: str = settings.OIDC_PROXY
    oidc_ca_file: str = settings.OIDC_CA_FILE

    export_url: str = settings.EXPORT_URL
    export_kept_seconds: float = settings.EXPORT_KEPT_SECONDS
    export_presigned: bool = settings.EXPORT_PRESIGNED
    export_link_seconds: int = settings.EXPORT_LINK_SECONDS
    secret_keys: tuple[Secret, ...] = settings.SECRET_KEY
    public_url: str = settings.PUBLIC_URL

    rate_limit_token: str = settings.RATE_LIMIT_TOKEN
    rate_limit_address: str = settings.RATE_LIMIT_ADDRESS
    cors_origins: tuple[str, ...] = tuple(settings.CORS_ORIGINS)
    has_compression: bool = settings.COMPRESSION
    requires_preflight: bool = settings.REQUIRE_PREFLIGHT_HEADER

    request_maximum_bytes: int = settings.REQUEST_MAXIMUM_BYTES
    request_maximum_head_bytes: int = settings.REQUEST_MAXIMUM_HEAD_BYTES
    request_head_seconds: float = settings.REQUEST_HEAD_SECONDS
    request_body_seconds: float = settings.REQUEST_BODY_SECONDS
    response_send_seconds: float = settings.RESPONSE_SEND_SECONDS
    import_maximum_bytes: int = settings.IMPORT_MAXIMUM_BYTES
    import_maximum_rows: int = settings.IMPORT_MAXIMUM_ROWS
    import_maximum_columns: int = settings.IMPORT_MAXIMUM_COLUMNS
    import_maximum_unpacked_bytes: int = settings.IMPORT_MAXIMUM_UNPACKED_BYTES
    import_maximum_cell_length: int = settings.IMPORT_MAXIMUM_CELL_LENGTH
    operation_seconds: float = settings.OPERATION_SECONDS
    live_connections: int = settings.LIVE_CONNECTIONS
    live_connections_per_token: int = settings.LIVE_CONNECTIONS_PER_TOKEN
    live_connections_per_address: int = settings.LIVE_CONNECTIONS_PER_ADDRESS
    live_operations_per_connection: int = settings.LIVE_OPERATIONS_PER_CONNECTION
    live_bytes: int = settings.LIVE_BYTES
    live_bytes_per_token: int = settings.LIVE_BYTES_PER_TOKEN
    live_message_bytes: int = settings.LIVE_MESSAGE_BYTES
    live_init_seconds: float = settings.LIVE_INIT_SECONDS
    live_heartbeat_seconds: float = settings.LIVE_HEARTBEAT_SECONDS
    live_send_seconds: float = settings.LIVE_SEND_SECONDS
    query_maximum_length: int = settings.QUERY_MAXIMUM_LENGTH
    query_maximum_tokens: int = settings.QUERY_MAXIMUM_TOKENS
    query_maximum_depth: int = settings.QUERY_MAXIMUM_DEPTH
    query_maximum_aliases: int = settings.QUERY_MAXIMUM_ALIASES
    query_maximum_directives: int = settings.QUERY_MAXIMUM_DIRECTIVES
    query_maximum_repeated_fields: int = settings.QUERY_MAXIMUM_REPEATED_FIELDS
    query_maximum_cost: int = settings.QUERY_MAXIMUM_COST
    documents: str = settings.DOCUMENTS
    introspection: bool = settings.INTROSPECTION
    has_graphiql: bool = settings.GRAPHIQL and settings.INTROSPECTION

    access_log: bool = settings.ACCESS_LOG
    metrics_token: Secret = settings.METRICS_TOKEN
    metrics_folder: str = settings.PROMETHEUS_MULTIPROC_DIR
    has_collector: bool = bool(
        settings.OTEL_EXPORTER_OTLP_ENDPOINT or settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
    )

    @property
    def public_origin(self) -> str:
        """The origin of the server's own pages, as browsers name it."""
        return "/".join(self.public_url.split("/", 3)[:3])

    @property
    def upload_maximum_bytes(self) -> int:
        """The highest number of bytes that is read of a request with a file.

        A file a little too large is rejected with its size, one far too large without.
        """
        return 2 * self.import_maximum_bytes + self.request_maximum_bytes


OPTIONS = Options()
"""The settings in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """The form and the level of the logs, and whether the messages of all errors are shown."""

    is_json: bool = settings.LOG_FORMAT == "json"
    level: str = settings.LOG_LEVEL
    shows_messages: bool = settings.DEBUG
