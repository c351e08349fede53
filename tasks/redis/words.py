"""The words behind `?` in an address of Redis: each is read by its own rule, any other rejected."""

import ssl
from collections.abc import Callable
from pathlib import Path

Option = str | int | bool
Reader = Callable[[str, str], Option]


class RedisAddressRejected(ValueError):
    """Raised for an address that is not supported; the message never holds a user or a password."""


def parse_digits(part: str, text: str) -> int:
    """Returns the number that a part of the address is; raises RedisAddressRejected."""
    if not (text.isascii() and text.isdigit()):
        raise RedisAddressRejected(f"the {part} {text!r} is not a whole number.")
    return int(text)


def _parse_count(part: str, text: str) -> int:
    if (count := parse_digits(part, text)) == 0:
        raise RedisAddressRejected(f"the {part} is 0; the least is 1.")
    return count


def _parse_protocol(part: str, text: str) -> int:
    if text not in ("2", "3"):
        raise RedisAddressRejected(f"the {part} {text!r} is unknown; known are 2 and 3.")
    return int(text)


def _parse_truth(part: str, text: str) -> bool:
    truths = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in truths:
        raise RedisAddressRejected(
            f"the word {part} is {text!r}, and neither true nor false."
        )
    return truths[text.lower()]


def _parse_text(part: str, text: str) -> str:
    if not text:
        raise RedisAddressRejected(f"the word {part} is empty.")
    return text


def _check_file(part: str, text: str) -> str:
    try:
        with Path(text).open("rb"):
            return text
    except OSError as error:
        raise RedisAddressRejected(
            f"the file of {part}, {text!r}, cannot be read: {error.strerror}."
        ) from None


def _parse_requirement(part: str, text: str) -> str:
    if text not in ("required", "optional", "none"):
        raise RedisAddressRejected(
            f"the word {part} is {text!r}; known are required, optional and none."
        )
    return text


_FILE_WORDS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TLS_WORDS: dict[str, Reader] = {
    **dict.fromkeys(_FILE_WORDS, _check_file),
    "ssl_password": _parse_text,
    "ssl_cert_reqs": _parse_requirement,
    "ssl_check_hostname": _parse_truth,
}
_OPTION_WORDS: dict[str, Reader] = {
    "client_name": _parse_text,
    "health_check_interval": parse_digits,
    "max_connections": _parse_count,
    "protocol": _parse_protocol,
}
SENTINEL_WORDS = {"sentinel_username": "username", "sentinel_password": "password"}
"""The login of the sentinels, and its name to redis-py."""


def take_tls(words: dict[str, str], *, has_tls: bool) -> dict[str, Option]:
    """Takes the words of TLS out; raises RedisAddressRejected, also for files without use."""
    named = [word for word in words if word in _TLS_WORDS]
    if named and not has_tls:
        raise RedisAddressRejected(
            f"the word {named[0]} needs TLS; begin the address with rediss."
        )
    tls = {word: _TLS_WORDS[word](word, words.pop(word)) for word in named}
    _check_certificates(tls)
    return tls


def _check_certificates(tls: dict[str, Option]) -> None:
    """Loads the files as a connection does, whose failure would pass for an outage."""
    files = {word: str(tls[word]) for word in _FILE_WORDS if word in tls}
    if "ssl_keyfile" in files and "ssl_certfile" not in files:
        raise RedisAddressRejected("the word ssl_keyfile needs ssl_certfile.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities := files.get("ssl_ca_certs"):
        _load_authorities(context, authorities)
    if certificate := files.get("ssl_certfile"):
        password = str(tls.get("ssl_password", ""))
        _load_certificate(context, certificate, files.get("ssl_keyfile"), password)


def _load_authorities(context: ssl.SSLContext, file: str) -> None:
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        raise RedisAddressRejected(
            f"the file of ssl_ca_certs, {file!r}, holds no certificates in PEM form."
        ) from None


def _load_certificate(
    context: ssl.SSLContext, file: str, key: str | None, password: str
) -> None:
    try:
        # A function, as OpenSSL would ask at the terminal where the password is empty.
        context.load_cert_chain(file, key, lambda: password)
    except ssl.SSLError:
        raise RedisAddressRejected(
            f"the files of ssl_certfile, {file!r}, and ssl_keyfile hold no certificate with its "
            "key in PEM form, or ssl_password is not that of the key."
        ) from None


def take_options(words: dict[str, str]) -> dict[str, Option]:
    """Returns the options that all other words are; raises RedisAddressRejected."""
    unknown = sorted(words.keys() - _OPTION_WORDS.keys())
    if not unknown:
        return {word: _OPTION_WORDS[word](word, value) for word, value in words.items()}

    word = unknown[0]
    if "timeout" in word or "retry" in word:
        raise RedisAddressRejected(
            f"the word {word!r} is not supported: the server sets its own timeouts."
        )
    known = sorted(
        {"db", "username", "password"} | _TLS_WORDS.keys() | _OPTION_WORDS.keys()
    )
    raise RedisAddressRejected(
        f"the word {word!r} is unknown; known are {', '.join(known)}."
    )
