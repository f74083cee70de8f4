"""Whether the system keeps up, measured on live traffic; decides about new sessions only."""

from collections import deque
from statistics import median

PUBLISH_WINDOW_S = 5.0
TURN_WINDOW_S = 30.0
MIN_TURNS = 3
MAX_MEASUREMENTS = 1_000


class LoadMonitor:
    """Recent publish times and answer times. Times are monotonic seconds."""

    def __init__(self, max_publish_s: float, max_answer_s: float) -> None:
        self._max_publish_s = max_publish_s
        self._max_answer_s = max_answer_s
        self._publishes: deque[tuple[float, float]] = deque(maxlen=MAX_MEASUREMENTS)
        self._answers: deque[tuple[float, float]] = deque(maxlen=MAX_MEASUREMENTS)

    def published(self, took_s: float, now_s: float) -> None:
        """An event reached the broker after ``took_s``."""
        self._publishes.append((now_s, took_s))

    def turn_answered(self, took_s: float, now_s: float) -> None:
        """A turn got its reply, or was given up, ``took_s`` after the end of speech."""
        self._answers.append((now_s, took_s))

    def trouble(self, now_s: float) -> str:
        """Why a new session would not be served well; empty when it would."""
        publishes = [took_s for at_s, took_s in self._publishes if now_s - at_s <= PUBLISH_WINDOW_S]
        if publishes and median(publishes) > self._max_publish_s:
            return "the message bus is slow now"
        answers = [took_s for at_s, took_s in self._answers if now_s - at_s <= TURN_WINDOW_S]
        if len(answers) >= MIN_TURNS and median(answers) > self._max_answer_s:
            return "answers take too long now"
        return ""
