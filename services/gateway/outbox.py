"""Responses on their way to one client: numbered when sent, kept for a while in case the connection is lost."""

import asyncio
from collections import deque
from collections.abc import Callable

from voxcart.errors import InvalidInput
from voxcart_api.gateway.v1.gateway_pb2 import ConverseResponse
from voxcart_services.gateway.metrics import DROPPED_RESPONSES_TOTAL


class Outbox:
    """Responses of one session, in order.

    A response gets its sequence number when it is taken for sending, so one that is dropped before leaves no gap.
    Bounds: ``max_bytes`` may wait and ``max_bytes`` of sent ones are kept. When too much waits while a client is
    connected, :attr:`is_overflowing` asks the owner to close the connection; while none is, the oldest audio is
    dropped, then the oldest of anything, counted in ``voxcart_gateway_dropped_responses_total``.

    Attributes:
        changed: Set whenever there may be something new to take.
        is_connected: Whether a client is there to take responses.
        is_overflowing: The client does not read what it is sent.
    """

    def __init__(self, max_bytes: int, last_sequence: int = 0) -> None:
        self.changed = asyncio.Event()
        self.is_connected = False
        self._max_bytes = max_bytes
        self._last_sequence = last_sequence
        self._waiting: deque[ConverseResponse] = deque()
        self._waiting_bytes = 0
        self._sent: deque[ConverseResponse] = deque()
        self._sent_bytes = 0
        self._again: deque[ConverseResponse] = deque()
        self.is_overflowing = False

    @property
    def last_sequence(self) -> int:
        """Sequence of the newest response that was taken."""
        return self._last_sequence

    def __len__(self) -> int:
        """Responses that wait."""
        return len(self._again) + len(self._waiting)

    def put(self, response: ConverseResponse) -> None:
        """Appends a response; its ``sequence`` is set later."""
        self._waiting.append(response)
        self._waiting_bytes += response.ByteSize()
        while self._waiting_bytes > self._max_bytes and len(self._waiting) > 1:
            if self.is_connected:
                self.is_overflowing = True
                break
            self._drop_oldest()
        self.changed.set()

    def take(self) -> ConverseResponse | None:
        """The next response to send, numbered; ``None`` if none waits."""
        if self._again:
            return self._again.popleft()
        if not self._waiting:
            return None
        response = self._waiting.popleft()
        self._waiting_bytes -= response.ByteSize()
        self._last_sequence += 1
        response.sequence = self._last_sequence
        self._sent.append(response)
        self._sent_bytes += response.ByteSize()
        while self._sent_bytes > self._max_bytes and len(self._sent) > 1:
            self._sent_bytes -= self._sent.popleft().ByteSize()
        return response

    def connect(self, last_received: int) -> None:
        """A client is there; what it has not received comes again first.

        Raises:
            InvalidInput: ``last_received`` was never sent.
        """
        if not 0 <= last_received <= self._last_sequence:
            raise InvalidInput(
                f"last_received_sequence {last_received} was never sent; the newest is {self._last_sequence}"
            )
        self._again = deque(response for response in self._sent if response.sequence > last_received)
        self.is_overflowing = False
        self.is_connected = True
        self.changed.set()

    def disconnect(self) -> None:
        """The client is gone; responses are kept for its return."""
        self.is_connected = False
        self.is_overflowing = False
        self._again.clear()
        while self._waiting_bytes > self._max_bytes and len(self._waiting) > 1:
            self._drop_oldest()

    def drop(self, unwanted: Callable[[ConverseResponse], bool]) -> list[ConverseResponse]:
        """Removes waiting responses that are not wanted any more; returns them."""
        dropped = [response for response in self._waiting if unwanted(response)]
        self._waiting = deque(response for response in self._waiting if not unwanted(response))
        self._waiting_bytes = sum(response.ByteSize() for response in self._waiting)
        return dropped

    def _drop_oldest(self) -> None:
        index = next((i for i, response in enumerate(self._waiting) if _is_plain_audio(response)), 0)
        self._waiting_bytes -= self._waiting[index].ByteSize()
        del self._waiting[index]
        DROPPED_RESPONSES_TOTAL.inc()


def _is_plain_audio(response: ConverseResponse) -> bool:
    return response.HasField("audio") and not response.audio.is_last
