"""Microphone and loudspeaker of this machine, through the package ``sounddevice``."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

from voxcart_client.errors import DeviceMissing

BLOCK_S = 0.02
MAX_BLOCKS = 250
"""Blocks of the microphone that may wait to be sent (5 s); beyond that the oldest are dropped."""


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise DeviceMissing("the package sounddevice is needed: pip install 'voxcart-client[audio]'") from None
    except OSError as error:
        raise DeviceMissing(f"the sound library PortAudio is missing: {error}") from error
    return sounddevice


class Microphone:
    """Blocks of 20 ms, mono PCM s16le, while it is entered (``async with``) and iterated over.

    Attributes:
        num_dropped: Blocks that were dropped because they were not taken in time.
    """

    def __init__(self, sample_rate_hz: int = 16_000, device: str | int | None = None) -> None:
        self.num_dropped = 0
        self._rate_hz = sample_rate_hz
        self._device = device
        self._blocks: asyncio.Queue[bytes] = asyncio.Queue(MAX_BLOCKS)
        self._stream: Any = None

    async def __aenter__(self) -> Self:
        sounddevice = _sounddevice()
        loop = asyncio.get_running_loop()

        def heard(data: Any, num_frames: int, when: Any, status: Any) -> None:
            loop.call_soon_threadsafe(self._put, bytes(data))

        try:
            self._stream = sounddevice.RawInputStream(
                samplerate=self._rate_hz,
                blocksize=round(BLOCK_S * self._rate_hz),
                channels=1,
                dtype="int16",
                device=self._device,
                callback=heard,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise DeviceMissing(f"no microphone can be opened: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield await self._blocks.get()

    def _put(self, block: bytes) -> None:
        if self._blocks.full():
            self._blocks.get_nowait()
            self.num_dropped += 1
        self._blocks.put_nowait(block)


class Speaker:
    """Plays mono PCM s16le in order while it is entered (``with``); can be silenced at once."""

    def __init__(self, sample_rate_hz: int = 24_000, device: str | int | None = None) -> None:
        self._rate_hz = sample_rate_hz
        self._device = device
        self._waiting: deque[tuple[str, memoryview]] = deque()
        self._played_bytes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stream: Any = None

    def __enter__(self) -> Self:
        sounddevice = _sounddevice()
        try:
            self._stream = sounddevice.RawOutputStream(
                samplerate=self._rate_hz, channels=1, dtype="int16", device=self._device, callback=self._fill
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise DeviceMissing(f"no loudspeaker can be opened: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def play(self, utterance_id: str, pcm_s16le: bytes) -> None:
        """Appends a piece of a reply's speech."""
        with self._lock:
            self._waiting.append((utterance_id, memoryview(pcm_s16le)))
            if utterance_id not in self._played_bytes:
                self._played_bytes = {utterance_id: 0}

    def silence(self) -> None:
        """Drops everything that was not played yet."""
        with self._lock:
            self._waiting.clear()

    def played_ms(self, utterance_id: str) -> int:
        """How much of the newest reply was played; 0 for any other."""
        with self._lock:
            return self._played_bytes.get(utterance_id, 0) * 1000 // (2 * self._rate_hz)

    def _fill(self, out: Any, num_frames: int, when: Any, status: Any) -> None:
        view, position = memoryview(out).cast("B"), 0
        with self._lock:
            while position < len(view) and self._waiting:
                utterance_id, data = self._waiting.popleft()
                size = min(len(data), len(view) - position)
                view[position : position + size] = data[:size]
                position += size
                if utterance_id in self._played_bytes:
                    self._played_bytes[utterance_id] += size
                if size < len(data):
                    self._waiting.appendleft((utterance_id, data[size:]))
        view[position:] = bytes(len(view) - position)
