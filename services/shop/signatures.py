"""Signatures of webhooks: HMAC-SHA256 (RFC 2104) over the time of sending and the body.

Header ``Voxcart-Signature: t=<Unix seconds>,v1=<hexadecimal digest of "<t>." + body>``. The time is part of what is
signed, so a message cannot be sent again later: it is refused outside a window around now.
"""

import hashlib
import hmac
import re

SIGNATURE_HEADER = "voxcart-signature"
TOLERANCE_SECONDS = 300

_FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


class BadSignature(Exception):
    """The message is not from who it says; the sentence says what is wrong."""


def sign(secret: bytes, body: bytes, at: int) -> str:
    """The header for a body that is sent at this Unix time."""
    return f"t={at},v1={_digest(secret, body, at)}"


def verify(secret: bytes, header: str, body: bytes, now: float, tolerance_seconds: float = TOLERANCE_SECONDS) -> None:
    """Checks a message.

    Raises:
        BadSignature: No signature, another one, or one of a time too far from now.
    """
    found = _FORM.fullmatch(header.strip())
    if found is None:
        raise BadSignature("the message is not signed")
    at = int(found[1])
    if not hmac.compare_digest(_digest(secret, body, at), found[2]):
        raise BadSignature("the signature is wrong")
    if abs(now - at) > tolerance_seconds:
        raise BadSignature("the message is too old, or from the future")


def _digest(secret: bytes, body: bytes, at: int) -> str:
    return hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
