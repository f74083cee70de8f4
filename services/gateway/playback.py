"""What the client is playing now, from what it was sent and what it reports. A pure function of the times given."""


class Playback:
    """Follows the reply that is being heard.

    A client is taken to play audio as it comes, in order, unless it reports otherwise.
    """

    def __init__(self) -> None:
        self._utterance_id = ""
        self._sent_ms = 0.0
        self._complete = False
        self._origin_s = 0.0
        self._reports = False

    def audio_sent(self, utterance_id: str, duration_ms: float, now_s: float, *, is_last: bool) -> None:
        """Audio of a reply went out at ``now_s`` (monotonic)."""
        if utterance_id != self._utterance_id:
            self._origin_s = max(now_s, self._end_s() if self._utterance_id else now_s)
            self._utterance_id, self._sent_ms = utterance_id, 0.0
        self._sent_ms += duration_ms
        self._complete = is_last

    def report(self, utterance_id: str, played_ms: int, now_s: float) -> None:
        """The client says how much of a reply it has played."""
        self._reports = True
        if utterance_id == self._utterance_id:
            self._origin_s = now_s - played_ms / 1000

    def stop(self) -> None:
        """Nothing is played any more."""
        self._utterance_id = ""

    def current(self, now_s: float) -> str:
        """Utterance whose reply is being sent or heard; empty if none."""
        if self._utterance_id and self._complete and now_s >= self._end_s():
            self._utterance_id = ""
        return self._utterance_id

    def heard_ms(self, now_s: float) -> int | None:
        """How much of the current reply was heard; ``None`` if the client does not report."""
        if not self._reports or not self._utterance_id:
            return None
        return round(min(self._sent_ms, max(0.0, (now_s - self._origin_s) * 1000)))

    def _end_s(self) -> float:
        return self._origin_s + self._sent_ms / 1000
