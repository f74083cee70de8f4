"""What an HTTP answer means: a value, an error that the caller sees, or a fault of the platform.

::

    200, 201          the answer
    400               InvalidInput (``field``)      422   Conflict: the key was used for another request
    401               the platform refuses our token, not the caller's fault: PlatformFault
    403               NotAllowed                    429   Overloaded
    404               NotFound                      500, 502, 503   Unavailable
    409               WrongState (``reason``)       504   DeadlineMissed
    501               NotSupported                  anything else   PlatformFault

A refusal needs the body ``{"error": {"message": "...", "reason": "...", "field": "..."}}``: a 404 without it comes from
something that is not the platform, and is not taken for "there is no such order".
"""

from dataclasses import dataclass, field
from typing import Any

import grpc

from voxcart.errors import (
    Conflict,
    DeadlineMissed,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSupported,
    Overloaded,
    Unavailable,
    VoxcartError,
    WrongState,
)
from voxcart_services.shop.adapters.http.json_form import BadJson, read_json

IN_PROGRESS = "in_progress"
"""Reason of a 409: the same request is still being dealt with."""

_REFUSALS: dict[int, type[VoxcartError]] = {
    400: InvalidInput,
    403: NotAllowed,
    404: NotFound,
    409: WrongState,
    422: Conflict,
    501: NotSupported,
}
_AWAY: dict[int, type[VoxcartError]] = {
    429: Overloaded,
    500: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: DeadlineMissed,
}
_SENTENCES = {
    Overloaded: "the shop platform is busy; try again in a moment",
    Unavailable: "the shop platform has a problem; try again in a moment",
    DeadlineMissed: "the shop platform took too long",
}
MAX_SENTENCE_LENGTH = 500


class PlatformFault(VoxcartError):
    """The platform's answer breaks its contract. What became of the request is not known from it."""

    code = grpc.StatusCode.INTERNAL

    def __init__(self, message: str) -> None:
        super().__init__(f"the shop platform's answer cannot be used: {message}", reason="platform_fault")


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    Attributes:
        headers: Names in lower case.
        error: Set if the call did not succeed.
        may_pass: Whether the same request may succeed in a moment.
    """

    status: int
    headers: dict[str, str]
    body: Any = None
    error: VoxcartError | None = None
    may_pass: bool = False
    is_away: bool = field(default=False)

    @property
    def retry_after_seconds(self) -> float | None:
        """How long the platform asks to wait, ``None`` if it does not say."""
        value = self.headers.get("retry-after", "")
        return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None


def read_answer(status: int, headers: dict[str, str], body: bytes) -> Answer:
    """What an answer means. Never raises for what a platform can send."""
    if status in _AWAY:
        kind = _AWAY[status]
        return Answer(status, headers, error=kind(_SENTENCES[kind]), may_pass=True, is_away=kind is not Overloaded)
    try:
        values = _json(headers, body)
    except BadJson as error:
        return Answer(status, headers, error=PlatformFault(f"status {status}, {error}"), may_pass=True)
    if status in (200, 201):
        return Answer(status, headers, values)
    if status == 401:
        return Answer(status, headers, error=PlatformFault("it refuses the token of this service"))
    if status not in _REFUSALS:
        return Answer(status, headers, error=PlatformFault(f"status {status} has no meaning here"))
    try:
        refusal = _refusal(_REFUSALS[status], values)
    except BadJson as error:
        return Answer(status, headers, error=PlatformFault(f"status {status}, {error}"))
    if status == 409 and refusal.reason == IN_PROGRESS:
        return Answer(status, headers, error=Unavailable("the same request is still being dealt with"), may_pass=True)
    return Answer(status, headers, error=refusal)


def _json(headers: dict[str, str], body: bytes) -> Any:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "application/problem+json"):
        raise BadJson(f"content type {kind[:60]!r} instead of application/json")
    return read_json(body)


def _refusal(kind: type[VoxcartError], values: Any) -> VoxcartError:
    error = values.get("error") if isinstance(values, dict) else None
    if not isinstance(error, dict):
        raise BadJson("no error object")
    texts = {name: error.get(name, "") for name in ("message", "reason", "field")}
    if not all(isinstance(text, str) for text in texts.values()) or not texts["message"]:
        raise BadJson("an error object without a message")
    message = "".join(c if c.isprintable() else " " for c in texts["message"][:MAX_SENTENCE_LENGTH])
    reason, name = texts["reason"], texts["field"]
    if not (len(reason) <= 64 and reason.replace("_", "a").isalnum() and reason.isascii()):
        reason = ""
    return kind(message, reason=reason, field=name if name.isprintable() and len(name) <= 128 else "")
