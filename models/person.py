"""The rules for the texts that describe a person, entered by commands, files or logins."""

from text import find_flaw, is_blank, trim

ERASED_DOMAIN = "erased.invalid"
"""The domain of nameless users, to whom the quotations of erased people belong."""


class InvalidText(ValueError):
    """Raised for a text that is not accepted; the message names it and the reason."""


def accept_text(text: str, name: str) -> str:
    """Returns a trimmed text; raises InvalidText when it is blank or not accepted."""
    text = trim(text)
    if is_blank(text):
        raise InvalidText(f"The {name} is blank.")
    if flaw := find_flaw(text):
        raise InvalidText(f"The {name} {flaw}.")
    return text


def accept_email(text: str) -> str:
    """Returns a trimmed e-mail address; raises InvalidText when it cannot be one."""
    email = accept_text(text, "e-mail address")
    name, at, domain = email.partition("@")
    if not (name and at and domain) or any(map(is_blank, email)):
        raise InvalidText(f"{email!r} is not an e-mail address.")
    if is_nameless(email):
        raise InvalidText(f"{email!r} is not an e-mail address of a person.")
    return email


def is_nameless(email: str) -> bool:
    """Whether an address is that of a nameless user, whom nobody can find, change or become."""
    return email.lower().endswith(f"@{ERASED_DOMAIN}")
