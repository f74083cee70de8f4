"""How much time a call has left. Set by the gRPC face, read by what the call waits for: SQL statements, other systems.

It is ambient, so that the domain need not hand it through; outside a call there is no deadline.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from voxcart.errors import DeadlineMissed

_ends_at: ContextVar[float | None] = ContextVar("shop_deadline", default=None)


@contextmanager
def ends_within(seconds: float | None) -> Iterator[None]:
    """Gives what runs inside at most ``seconds``; ``None`` leaves it without a deadline.

    Raises:
        DeadlineMissed: There is no time left at all.
    """
    if seconds is not None and seconds <= 0:
        raise DeadlineMissed("the deadline of the call has passed")
    token = _ends_at.set(None if seconds is None else time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float | None:
    """Time that the call has left, at least 0; ``None`` without a deadline."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(0.0, ends_at - time.monotonic())
