"""The addresses under which files are downloaded: signed, so that they work without a token, and for a while only."""

from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, TimestampSigner

import settings

_SALT = "basket.export"


class AddressExpired(Exception):
    """Raised when an address was signed by us, too long ago."""


def _signer() -> TimestampSigner:
    return TimestampSigner(str(settings.SECRET_KEY), salt=_SALT)


def address_of(file_name: str) -> str:
    """Returns an address for a file, good for EXPORT_LINK_SECONDS from now."""
    signature = _signer().sign(file_name).decode().removeprefix(f"{file_name}.")
    return f"{settings.PUBLIC_URL.rstrip('/')}/export_file/{file_name}?signature={signature}"


def is_signed(file_name: str, signature: str) -> bool:
    """Tells whether we signed this file's address; raises AddressExpired when that was too long ago."""
    try:
        # The age is not left to itsdangerous: to it, what a server signed whose clock is a second ahead has expired.
        _, signed_at = _signer().unsign(f"{file_name}.{signature}", return_timestamp=True)
    except BadSignature:
        return False
    if signed_at + timedelta(seconds=settings.EXPORT_LINK_SECONDS) < datetime.now(UTC):
        raise AddressExpired
    return True
