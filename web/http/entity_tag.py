"""Entity tags (RFC 9110, sections 8.8.3 and 13.1.2), all of them weak."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import blake2b

LONGEST_IF_NONE_MATCH = 8_000
"""The number of bytes of `If-None-Match` that are read."""
_BYTES = 18
_TAG = re.compile(rb'\s*(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)|\s*,')


def make_tag(parts: Iterable[bytes]) -> bytes:
    """Returns the weak tag of a response that is decided by these parts."""
    digest = blake2b(digest_size=_BYTES)
    for part in parts:
        # With their lengths, so that no two lists of parts are one text.
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return b'W/"' + urlsafe_b64encode(digest.digest()) + b'"'


def is_match(tag: bytes, if_none_match: bytes) -> bool:
    """Whether the header names a tag, compared weakly; `*` names every one.

    Where it is no list of tags, the tags before the fault count.
    """
    # A header of many tags would cost time, and no client has more than a few.
    header = if_none_match[:LONGEST_IF_NONE_MATCH]
    if header.strip() == b"*":
        return True
    position = 0
    while match := _TAG.match(header, position):
        if match[1] == tag.removeprefix(b"W/"):
            return True
        position = match.end()
        if position >= len(header):
            break
    return False
