"""Signatures of webhooks: HMAC-SHA256 (RFC 2104) over the time of sending and the body.

Header ``Voxcart-Signature: t=<Unix seconds>,v1=<hexadecimal digest of "<t>." + body>``. The time is part of what is
signed, so a message cannot be sent again later: it is refused outside a window around now.

Each sender has secrets of its own. While a secret is changed the old one and the new one are both valid: the shop is
given both, the sender changes over, then the old one is taken away.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

SIGNATURE_HEADER = "voxcart-signature"
TOLERANCE_SECONDS = 300

_FORM = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


class BadSignature(Exception):
    """The message is not from who it says; the sentence says what is wrong."""


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """Who may sign what, at least 16 bytes each; the newest first.

    Attributes:
        payments: Secrets of the payment company. The sandbox signs with the first.
        carrier: Secrets of the carriers. None: nothing is taken from a carrier.
    """

    payments: tuple[bytes, ...] = ()
    carrier: tuple[bytes, ...] = ()


def sign(secret: bytes, body: bytes, at: int) -> str:
    """The header for a body that is sent at this Unix time."""
    return f"t={at},v1={_digest(secret, body, at)}"


def verify(
    secrets: Sequence[bytes], header: str, body: bytes, now: float, tolerance_seconds: float = TOLERANCE_SECONDS
) -> None:
    """Checks a message that must be signed with one of these secrets.

    Raises:
        BadSignature: No signature, another one, or one of a time too far from now.
    """
    found = _FORM.fullmatch(header.strip())
    if found is None:
        raise BadSignature("the message is not signed")
    at = int(found[1])
    if not any(hmac.compare_digest(_digest(secret, body, at), found[2]) for secret in secrets):
        raise BadSignature("the signature is wrong")
    if abs(now - at) > tolerance_seconds:
        raise BadSignature("the message is too old, or from the future")


def _digest(secret: bytes, body: bytes, at: int) -> str:
    return hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
