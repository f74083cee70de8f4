"""A circuit breaker: after several failures in a row nothing is sent for a while, so that a platform that is down is
neither waited for nor kept down (M. Nygard, Release It!, 2007).

::

    closed ── failures in a row ──> open ── pause is over ──> half open: one try
       ^                             ^                           │
       └──────── success ────────────┼────────── success ────────┘
                                     └────────── failure ────────┘
"""

import time
from collections.abc import Callable

from voxcart.errors import Unavailable


class Breaker:
    """The state of one platform. For one event loop; no locks."""

    def __init__(self, failures: int, pause_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            failures: How many in a row open it.
            pause_seconds: How long it stays open before one try is let through.
        """
        self._limit = failures
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._failures = 0
        self._closed_at = 0.0
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        """Whether calls are held back."""
        return self._failures >= self._limit

    def enter(self) -> None:
        """Asks to send one request; what became of it is told by :meth:`succeeded`, :meth:`failed` or :meth:`left`.

        Raises:
            Unavailable: Not now.
        """
        if not self.is_open:
            return
        if self._is_trying or self._clock() < self._closed_at:
            raise Unavailable("the shop platform does not answer at the moment; try again in a few seconds")
        self._is_trying = True

    def succeeded(self) -> None:
        """The platform answered."""
        self._failures = 0
        self._is_trying = False

    def failed(self) -> None:
        """The platform did not answer, or could not."""
        self._failures += 1
        self._is_trying = False
        if self.is_open:
            self._closed_at = self._clock() + self._pause_seconds

    def left(self) -> None:
        """The request was given up by the caller; that says nothing about the platform."""
        self._is_trying = False
