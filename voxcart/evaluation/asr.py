"""Recognition quality and speed over a manifest of recordings, with the service's own streams.

Every recording is streamed in 64 ms chunks, as fast as they are taken or at the pace of real time. Several recognisers
can be compared in one run: each recording goes to all of them before the next one comes, the first one changing, so
that whatever else the machine does hits all alike.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voxcart.evaluation.interims import ShownUtterance
from voxcart.evaluation.manifest import SAMPLE_RATE_HZ, Recording, read_audio, speech_end_sample
from voxcart.speech_data.noises import room_tone

if TYPE_CHECKING:
    from voxcart_services.asr.results import RecognitionEvent
    from voxcart_services.asr.stream import RecognitionStream

CHUNK_SAMPLES = 1_024
GOES_ON_SECONDS = 2.0
"""At the pace of real time the background goes on after a recording for so long: the turn ends, not the file."""

OpenStream = Callable[[Recording], "RecognitionStream"]
"""Opens the stream that a recording is recognised with."""


@dataclass(frozen=True)
class Recognised:
    """What a recogniser made of a recording.

    Attributes:
        text, raw_text: Corrected, and as the model gave it; utterances are joined with a space.
        audio_seconds: Length of the recording.
        compute_seconds: Time from the first chunk to the last event, waiting for real time not counted.
        work_seconds: Time between the chunk that holds the end of speech and the final, with nothing waited for;
            None when nothing was recognised.
        final_seconds: Time from the end of speech to the final as a live stream sees it, the pause that ends the turn
            included; None when nothing was recognised.
        num_utterances: Finals; more than one means that a recording was cut.
        is_ended_by_file: Whether the last turn was over only because the recording was.
        shown: Interim results and finals of its utterances.
    """

    recording: Recording
    text: str
    raw_text: str
    audio_seconds: float
    compute_seconds: float
    work_seconds: float | None
    final_seconds: float | None
    num_utterances: int
    is_ended_by_file: bool = False
    shown: tuple[ShownUtterance, ...] = ()


@dataclass
class _Clock:
    """When a chunk would be done at the pace of real time: not before it has arrived, nor before the one before it."""

    done_s: float = 0.0
    work_s: float = 0.0
    work_at_speech_end_s: float = field(default=0.0)

    def step(self, arrived_s: float, work_s: float) -> None:
        self.done_s = max(self.done_s, arrived_s) + work_s
        self.work_s += work_s


class Pacer:
    """Waits until a chunk has arrived; asked for chunk after chunk."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    async def wait(self, arrived_s: float) -> None:
        """Sleeps until ``arrived_s`` after the start."""
        await asyncio.sleep(max(0.0, arrived_s - self.elapsed_s()))

    def elapsed_s(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._started_s


async def recognise(open_stream: OpenStream, recording: Recording, is_paced: bool = False) -> Recognised:
    """Streams one recording.

    Args:
        is_paced: Feed it at the pace of real time, with background after it until its turn is over; otherwise as fast
            as it is taken, and ``final_seconds`` is computed from the work of each chunk.

    Raises:
        InvalidInput: The recording cannot be read.
    """
    from voxcart_services.asr.results import Final

    samples = read_audio(recording.path)
    speech_end = speech_end_sample(recording, samples)
    audio_s = len(samples) / SAMPLE_RATE_HZ
    if is_paced:
        samples = np.concatenate([samples, background_like(samples)])
    pacer = Pacer() if is_paced else None
    stream = open_stream(recording)
    clock, told = _Clock(), []
    final_s = work_s = None
    is_ended_by_file = False
    try:
        for first in range(0, len(samples) + CHUNK_SAMPLES, CHUNK_SAMPLES):
            chunk = samples[first : first + CHUNK_SAMPLES]
            arrived_s = min(first + CHUNK_SAMPLES, len(samples)) / SAMPLE_RATE_HZ
            if pacer is not None:
                await pacer.wait(arrived_s)
            if first <= speech_end:
                clock.work_at_speech_end_s = clock.work_s
            started = time.perf_counter()
            events = [event async for event in (stream.push_audio(chunk) if len(chunk) else stream.end_input())]
            clock.step(arrived_s, time.perf_counter() - started)
            told += events
            if any(isinstance(event, Final) for event in events):
                done_s = clock.done_s if pacer is None else pacer.elapsed_s()
                final_s = done_s - (speech_end + 1) / SAMPLE_RATE_HZ
                work_s = clock.work_s - clock.work_at_speech_end_s
                is_ended_by_file = not len(chunk)
            if is_paced and final_s is not None and arrived_s >= audio_s and not _is_speaking(told):
                break
    finally:
        await stream.aclose()
    finals = [event.transcript for event in told if isinstance(event, Final)]
    texts = (" ".join(final.text for final in finals), " ".join(final.raw_text for final in finals))
    return Recognised(
        recording, *texts, audio_s, clock.work_s, work_s, final_s, len(finals), is_ended_by_file, _shown(told)
    )


def _is_speaking(events: Sequence["RecognitionEvent"]) -> bool:
    """Whether an utterance began that is not over."""
    from voxcart_services.asr.results import EndOfSpeech, StartOfSpeech

    bounds = [event for event in events if isinstance(event, StartOfSpeech | EndOfSpeech)]
    return bool(bounds) and isinstance(bounds[-1], StartOfSpeech)


def _shown(events: Sequence["RecognitionEvent"]) -> tuple[ShownUtterance, ...]:
    """The interim results and finals of every utterance."""
    from voxcart_services.asr.results import Final, Interim

    shown: list[ShownUtterance] = []
    interims: list[tuple[str, float]] = []
    for event in events:
        if isinstance(event, Interim):
            interims.append((event.transcript.text, event.stability))
        elif isinstance(event, Final):
            shown.append(ShownUtterance(tuple(interims), event.transcript.text))
            interims = []
    return tuple(shown)


def background_like(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two seconds of room tone as loud as the quietest tenth of a recording."""
    frame = SAMPLE_RATE_HZ // 50
    whole = len(samples) // frame * frame
    power = np.square(samples[:whole].reshape(-1, frame), dtype=np.float64).mean(axis=1) if whole else np.zeros(1)
    level = np.float32(np.sqrt(np.quantile(power, 0.1)))
    return level * room_tone(np.random.default_rng(len(samples)), int(GOES_ON_SECONDS * SAMPLE_RATE_HZ))


async def evaluate(
    candidates: Mapping[str, OpenStream],
    recordings: Sequence[Recording],
    progress: Callable[[], None],
    is_paced: bool = False,
) -> dict[str, list[Recognised]]:
    """Recognises all recordings with every candidate, by turns, one recording after another.

    The first recording is recognised once before, not counted.

    Raises:
        InvalidInput: A recording cannot be read.
    """
    names = list(candidates)
    for open_stream in candidates.values():
        await recognise(open_stream, recordings[0])
    results: dict[str, list[Recognised]] = {name: [] for name in names}
    for number, recording in enumerate(recordings):
        for name in [*names[number % len(names) :], *names[: number % len(names)]]:
            results[name].append(await recognise(candidates[name], recording, is_paced))
        progress()
    return results
