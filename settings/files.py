"""The kinds of settings that name a file or a folder."""

import os
import ssl
from pathlib import Path

from settings.kinds import InvalidSetting, Kind


def _parse_folder(text: str) -> str:
    if not text.isprintable():
        raise ValueError
    if not Path(text).is_absolute():
        raise InvalidSetting(f"the path {text!r} is not absolute")
    if not Path(text).is_dir():
        raise InvalidSetting(f"there is no folder {text!r}")
    return text


FOLDER = Kind("the absolute path of a folder that exists", _parse_folder)


def _parse_writable_folder(text: str) -> str:
    folder = _parse_folder(text)
    # Making a file in a folder takes both rights.
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidSetting(f"the folder {text!r} cannot be written to")
    return folder


WRITABLE_FOLDER = Kind(
    "the absolute path of a folder that can be written to", _parse_writable_folder
)


def _parse_certificates(text: str) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=text)
    except ssl.SSLError:
        raise InvalidSetting(
            f"the file {text!r} holds no certificates in PEM form"
        ) from None
    except OSError as error:
        raise InvalidSetting(
            f"the file {text!r} cannot be read: {error.strerror}"
        ) from None
    return text


CERTIFICATES = Kind("the path of a file of certificates in PEM form", _parse_certificates)
