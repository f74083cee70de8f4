"""The time that one turn may spend waiting for others."""

import time
from collections.abc import Callable

from voxcart.errors import DeadlineMissed


class Deadline:
    """A budget of seconds that runs from its making."""

    def __init__(self, budget_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """``monotonic`` gives seconds; tests bring their own."""
        self._monotonic = monotonic
        self._end = monotonic() + budget_seconds

    def remaining_seconds(self) -> float:
        """What is left, at least 0."""
        return max(0.0, self._end - self._monotonic())

    def timeout_seconds(self, at_most_seconds: float) -> float:
        """Time limit of the next call.

        Raises:
            voxcart.errors.DeadlineMissed: Nothing is left.
        """
        remaining = self.remaining_seconds()
        if remaining <= 0.0:
            raise DeadlineMissed("the turn's time is used up")
        return min(at_most_seconds, remaining)
