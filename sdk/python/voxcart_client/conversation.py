"""A conversation with the shop: sending, listening, and asking turn by turn."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from voxcart_api.gateway.v1.gateway_pb2 import (
    AudioInput,
    ConverseRequest,
    EndOfAudio,
    InterruptInput,
    Playback,
    TextInput,
)
from voxcart_client.clips import Clip, read_clip
from voxcart_client.errors import ConnectionLost, TurnTimedOut, VoxcartClientError
from voxcart_client.events import Audio, Event, SessionStarted, to_event
from voxcart_client.link import CLOSE_S, Link
from voxcart_client.options import ConversationConfig
from voxcart_client.turn import Turn, TurnCollector

PIECE_S = 0.02
MAX_QUEUED_EVENTS = 2_000
"""Events that may wait to be taken; then reading from the gateway waits."""
NOTHING_HEARD_S = 3.0
"""After the end of a recording: how long to wait for the start of speech before the audio is ended."""
GIVE_UP_S = 2.0
"""After that: how long to wait before the recording counts as silent."""
POLL_S = 0.05

OnEvent = Callable[[Event], None]


class Conversation:
    """One session with the shop. Use ``async with``; then iterate over events or call ``ask_*``, not both at once.

    Attributes:
        session_id: Known once it is entered.
    """

    def __init__(self, channel: grpc.aio.Channel, config: ConversationConfig, connect_timeout_s: float) -> None:
        self.session_id = ""
        self.config = config
        self._link = Link(channel, config, connect_timeout_s)
        self._events: asyncio.Queue[tuple[float, Event | VoxcartClientError | None]] = asyncio.Queue(MAX_QUEUED_EVENTS)
        self._pump: asyncio.Task[None] | None = None
        self._known: set[str] = set()
        self._over: VoxcartClientError | None = None

    async def __aenter__(self) -> Self:
        self._pump = asyncio.create_task(self._receive(), name="voxcart client reader")
        try:
            event = await self._next(None)
        except BaseException:
            await self._stop()
            raise
        if not isinstance(event[1], SessionStarted):
            await self._stop()
            raise ConnectionLost("the gateway did not greet")
        self.session_id = event[1].session_id
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends the session; what it still had to say is dropped."""
        self._link.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                while self._over is None:
                    await self._next(None)
        except (VoxcartClientError, TimeoutError):
            pass
        await self._stop()

    async def send_audio(self, data: bytes) -> None:
        """Sends audio in the session's input format, at most 65,536 bytes; Opus: one packet."""
        await self._link.send(ConverseRequest(audio=AudioInput(data=data)))

    async def end_of_audio(self) -> None:
        """What was said so far is finished at once."""
        await self._link.send(ConverseRequest(end_of_audio=EndOfAudio()))

    async def send_text(self, text: str) -> None:
        """Sends typed text, 1 to 2,000 characters."""
        await self._link.send(ConverseRequest(text=TextInput(text=text)))

    async def interrupt(self, heard_ms: int | None = None) -> None:
        """Asks for silence: the reply is cut off."""
        await self._link.send(ConverseRequest(interrupt=InterruptInput(heard_ms=heard_ms)))

    async def report_playback(self, utterance_id: str, played_ms: int) -> None:
        """Tells how much of a reply was played, so that the shop knows what was heard when it is interrupted."""
        await self._link.send(ConverseRequest(playback=Playback(utterance_id=utterance_id, played_ms=played_ms)))

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Events until the session ends."""
        while True:
            try:
                yield (await self._next(None))[1]
            except _SessionOver:
                return

    async def ask_text(self, text: str, *, timeout_s: float = 60.0, on_event: OnEvent | None = None) -> Turn:
        """Types a text and waits for the whole answer.

        Args:
            timeout_s: How long the turn may take.
            on_event: Told every event as it comes.

        Raises:
            TurnTimedOut: The turn was not complete in time.
            Refused: The gateway ended the conversation.
            ConnectionLost: It could not be resumed in time.
        """
        collector = self._collector(is_typed=True)
        collector.origin_s = time.monotonic()
        await self.send_text(text)
        await self._collect(collector, timeout_s, on_event, lambda: collector.is_settled)
        return self._finished(collector)

    async def ask_audio(
        self, clip: Clip | str | Path, *, timeout_s: float = 60.0, on_event: OnEvent | None = None
    ) -> Turn:
        """Plays a recording to the shop at real-time pace, then silence, and waits for the whole answer.

        The end of speech, from which times are measured, is the end of the recording's last voiced 10 ms by energy. A
        recording in which nothing is heard gives a turn with an empty transcript.

        Args:
            clip: A recording, or a file to read one from.
            timeout_s: How long the turn may take after the end of the recording.
            on_event: Told every event as it comes.

        Raises:
            ValueError: The file is no recording, or the session's input is not PCM.
            TurnTimedOut: The turn was not complete in time.
            Refused: The gateway ended the conversation.
            ConnectionLost: It could not be resumed in time.
        """
        if self.config.input_encoding != "pcm_s16le":
            raise ValueError("ask_audio needs a session whose input is pcm_s16le")
        clip = clip if isinstance(clip, Clip) else read_clip(clip)
        clip = clip.at_rate(self.config.input_sample_rate_hz)
        collector = self._collector(is_typed=False)
        began_s = time.monotonic()
        collector.origin_s = began_s + clip.voiced_end_s
        end_s = began_s + clip.duration_s
        playing = asyncio.create_task(self._play(clip, began_s, collector), name="voxcart client clip")
        try:
            await self._collect(
                collector, clip.duration_s + timeout_s, on_event, lambda: _is_answered(collector, end_s), playing
            )
        finally:
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)
        return self._finished(collector)

    async def _play(self, clip: Clip, began_s: float, collector: TurnCollector) -> None:
        """Sends each piece when its last sample would have been spoken; then silence until something closed."""
        rate_hz = clip.sample_rate_hz
        piece_samples = round(PIECE_S * rate_hz)
        pcm = clip.to_pcm_s16le()
        silence = bytes(2 * piece_samples)
        position, ended = 0, False
        while True:
            piece = pcm[2 * position : 2 * (position + piece_samples)] or silence
            position += len(piece) // 2
            now_s = time.monotonic()
            await asyncio.sleep(max(0.0, began_s + position / rate_hz - now_s))
            after_s = position / rate_hz - clip.duration_s
            if after_s > 0 and collector.is_closed_since(began_s + clip.voiced_end_s):
                return
            if not ended:
                await self.send_audio(piece)
            if after_s > NOTHING_HEARD_S and not ended and not collector.has_begun:
                ended = True
                await self.end_of_audio()

    def _collector(self, *, is_typed: bool) -> TurnCollector:
        rate_hz = self.config.output_sample_rate_hz
        text_only = self.config.text_only
        return TurnCollector(
            self.session_id, self._known, is_typed=is_typed, text_only=text_only, sample_rate_hz=rate_hz
        )

    async def _collect(
        self,
        collector: TurnCollector,
        timeout_s: float,
        on_event: OnEvent | None,
        is_done: Callable[[], bool],
        sending: asyncio.Task[None] | None = None,
    ) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not is_done():
            if sending is not None and sending.done():
                sending.result()
            now_s = time.monotonic()
            if now_s >= deadline_s:
                raise TurnTimedOut(f"the turn was not complete within {timeout_s:g} s")
            try:
                at_s, event = await self._next(min(POLL_S, deadline_s - now_s))
            except TimeoutError:
                continue
            if on_event is not None:
                on_event(event)
            if collector.feed(event, at_s) and isinstance(event, Audio) and event.is_last and not event.cancelled:
                await self._report_played(collector, event.utterance_id)

    async def _report_played(self, collector: TurnCollector, utterance_id: str) -> None:
        """A turn that is only collected counts as heard, so that the next one is no interruption."""
        if self.config.output_encoding == "pcm_s16le":
            played_ms = collector.audio_bytes_of(utterance_id) / 2 / self.config.output_sample_rate_hz * 1000
            await self.report_playback(utterance_id, round(played_ms))

    def _finished(self, collector: TurnCollector) -> Turn:
        turn = collector.finish()
        self._known.update(turn.utterance_ids)
        return turn

    async def _receive(self) -> None:
        try:
            async for response in self._link.responses():
                event = to_event(response)
                if event is not None:
                    await self._events.put((time.monotonic(), event))
            await self._events.put((time.monotonic(), None))
        except VoxcartClientError as error:
            await self._events.put((time.monotonic(), error))

    async def _next(self, timeout_s: float | None) -> tuple[float, Event]:
        if self._over is not None:
            raise self._over
        async with asyncio.timeout(timeout_s):
            at_s, event = await self._events.get()
        if event is None:
            self._over = _SessionOver("the session is over")
            raise self._over
        if isinstance(event, VoxcartClientError):
            self._over = event
            raise event
        return at_s, event

    async def _stop(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)


class _SessionOver(ConnectionLost):
    """The gateway ended the session without an error."""


def _is_answered(collector: TurnCollector, end_s: float) -> bool:
    """Whether the answer to a recording that ends at ``end_s`` is complete, or nothing was heard in it."""
    after_s = time.monotonic() - end_s
    if not collector.has_begun:
        return after_s > NOTHING_HEARD_S + GIVE_UP_S
    if not collector.is_settled:
        return False
    return collector.is_closed_since(collector.origin_s) or after_s > GIVE_UP_S
