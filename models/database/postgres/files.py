"""The files that an address of PostgreSQL names, checked without connecting."""

from asyncpg.exceptions import InterfaceError, PostgresError

from models.database.postgres.address import AddressRejected, PostgresAddress
from models.database.postgres.asyncpg_internals import parse_options


def check_files(address: PostgresAddress) -> None:
    """Reads the files of TLS as connecting will; raises AddressRejected for a wrong one."""
    if address.tls_address is None:
        return
    nothing = dict.fromkeys(
        ("port", "password", "passfile", "database", "ssl", "service", "servicefile")
    )
    more = dict.fromkeys(("direct_tls", "server_settings", "krbsrvname", "gsslib"))
    try:
        parse_options(
            dsn=address.tls_address,
            host="localhost",
            user="-",
            target_session_attrs="any",
            **nothing,
            **more,
        )
    except (OSError, ValueError, InterfaceError, PostgresError) as error:
        words = ", ".join(word for word in ("sslrootcert", "sslcert", "sslkey", "sslcrl"))
        reason = " ".join(str(error).split())
        raise AddressRejected(
            f"the files of TLS ({words}) cannot be used: {reason}"
        ) from None
