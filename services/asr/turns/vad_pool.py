"""Silero VAD for all streams of the process together.

A stream pushes its new frames and waits for their probabilities. Frames that wait at the same time run through the
model as one batch, in one thread. With many streams open, a batch is first gathered for a few milliseconds, so that
two hundred silent streams cost little more than one.

A stream starts, and after `reset` is again, *asleep*: while its frames are nearly silent the model is not asked, and
the probability is 0. The first louder frame wakes it. Whether a frame is nearly silent depends on its samples alone, so
equal audio gives equal probabilities however it was cut.
"""

from __future__ import annotations

import asyncio
import tempfile
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxcart.errors import InvalidInput, Unavailable, WrongState
from voxcart.serving.sessions import SessionOptions, create_session
from voxcart_services.asr.turns.silero import CONTEXT_SAMPLES, STATE_SIZE, WINDOW_SAMPLES, batched_models
from voxcart_services.asr.turns.vad import FRAME_SAMPLES, Vad, VadStream

_ASLEEP_DBFS = -66.0
_ASLEEP_ENERGY = FRAME_SAMPLES * 10 ** (_ASLEEP_DBFS / 10)
_MAX_BATCH = 256
_FEW_STREAMS = 8
_GATHER_S_PER_STREAM = 160e-6
_MAX_GATHER_S = 0.032


@dataclass(frozen=True)
class VadState:
    """What a stream carries from frame to frame.

    Attributes:
        context: The last 64 samples, float32 `[64]`.
        hidden, cell: State of the recurrent layer, float32 `[128]`.
    """

    context: np.ndarray
    hidden: np.ndarray
    cell: np.ndarray


_ZERO_STATE = VadState(
    np.zeros(CONTEXT_SAMPLES, np.float32), np.zeros(STATE_SIZE, np.float32), np.zeros(STATE_SIZE, np.float32)
)


class SileroModel:
    """The weights of Silero VAD on ONNX Runtime, one thread on the CPU. Shared, without state of a call."""

    def __init__(self, path: Path) -> None:
        """Loads the published file; blocks for a moment.

        Raises:
            ValueError: The file holds another network.
            SessionError: ONNX Runtime cannot load it.
        """
        with tempfile.TemporaryDirectory(prefix="voxcart-vad-") as folder:
            sessions = []
            for part, graph in zip(("front", "back"), batched_models(path), strict=True):
                rebuilt = Path(folder) / f"{part}.onnx"
                rebuilt.write_bytes(graph)
                options = SessionOptions(provider="cpu", threads=1)
                sessions.append(create_session(rebuilt, options, model_id=f"silero-vad/{part}"))
            self._front, self._back = sessions

    def features(self, windows: np.ndarray) -> np.ndarray:
        """What the recurrent layer is fed: float32 `[n, 576]` to `[n, 128]`, of any frames of any streams."""
        return self._front.run(["features"], {"window": windows})[0]

    def step(
        self, features: np.ndarray, hidden: np.ndarray, cell: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One frame of n streams: three of float32 `[n, 128]` to probabilities `[n]` and next states."""
        feed = {"features": features, "hidden": hidden, "cell": cell}
        probabilities, hidden, cell = self._back.run(["probability", "next_hidden", "next_cell"], feed)
        return probabilities[:, 0], hidden, cell


@dataclass
class _Request:
    """Frames of one stream that wait for the model; `windows` is float32 `[num_frames, 576]`."""

    windows: np.ndarray
    state: VadState
    future: asyncio.Future[tuple[np.ndarray, VadState]]


class SileroVad(Vad):
    """Batches the frames of all its streams. Belongs to the event loop that first pushes; close it with `aclose`."""

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="asr-vad")
        self._streams: weakref.WeakSet[_SileroStream] = weakref.WeakSet()
        self._waiting: list[_Request] = []
        self._gathering: asyncio.TimerHandle | asyncio.Handle | None = None
        self._running: asyncio.Future[None] | None = None
        self._is_closed = False

    def stream(self) -> VadStream:
        stream = _SileroStream(self)
        self._streams.add(stream)
        return stream

    def submit(self, windows: np.ndarray, state: VadState) -> asyncio.Future[tuple[np.ndarray, VadState]]:
        """Queues frames of one stream; each stream has at most one request here, which bounds the queue.

        Raises:
            Unavailable: The model is closing.
        """
        if self._is_closed:
            raise Unavailable("voice activity detection is closing")
        loop = asyncio.get_running_loop()
        request = _Request(windows, state, loop.create_future())
        self._waiting.append(request)
        if self._gathering is None and self._running is None:
            wait_s = gather_seconds(len(self._streams))
            self._gathering = loop.call_later(wait_s, self._start) if wait_s else loop.call_soon(self._start)
        return request.future

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._gathering is not None:
            self._gathering.cancel()
        for request in self._waiting:
            if not request.future.done():
                request.future.set_exception(Unavailable("voice activity detection is closing"))
        self._waiting.clear()
        if self._running is not None:
            await asyncio.wait([self._running])
        self._thread.shutdown(wait=False)

    def _start(self) -> None:
        self._gathering = None
        batch = [request for request in self._waiting if not request.future.done()]
        self._waiting = []
        if not batch:
            return
        loop = asyncio.get_running_loop()
        self._running = loop.run_in_executor(self._thread, run_batch, self._model, batch)
        self._running.add_done_callback(lambda done: self._finish(batch, done))

    def _finish(self, batch: list[_Request], done: asyncio.Future) -> None:
        self._running = None
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        for index, request in enumerate(batch):
            if request.future.done():
                continue
            if error is None:
                request.future.set_result(done.result()[index])
            else:
                request.future.set_exception(Unavailable(f"voice activity detection failed: {error}"))
        if self._waiting and not self._is_closed:
            self._gathering = asyncio.get_running_loop().call_later(gather_seconds(len(self._streams)), self._start)


def gather_seconds(num_streams: int) -> float:
    """How long a batch is gathered: not at all with few streams, up to 32 ms with many."""
    return 0.0 if num_streams <= _FEW_STREAMS else min(_MAX_GATHER_S, num_streams * _GATHER_S_PER_STREAM)


def run_batch(model: SileroModel, batch: list[_Request]) -> list[tuple[np.ndarray, VadState]]:
    """Runs all frames of all requests, the first frames of all first; results in the order of `batch`."""
    results: list[tuple[np.ndarray, VadState] | None] = [None] * len(batch)
    order = sorted(range(len(batch)), key=lambda index: -len(batch[index].windows))
    for begin in range(0, len(order), _MAX_BATCH):
        indices = order[begin : begin + _MAX_BATCH]
        group = [batch[index] for index in indices]
        for index, result in zip(indices, _run_group(model, group), strict=True):
            results[index] = result
    return [result for result in results if result is not None]


def _run_group(model: SileroModel, group: list[_Request]) -> list[tuple[np.ndarray, VadState]]:
    """As `run_batch`, for one batch of the model; the longest requests come first."""
    lengths = np.array([len(request.windows) for request in group])
    features = _features(model, [request.windows for request in group])
    firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    hidden = np.stack([request.state.hidden for request in group])
    cell = np.stack([request.state.cell for request in group])
    probabilities = np.empty((len(group), lengths[0]), np.float32)
    for step in range(lengths[0]):
        active = int((lengths > step).sum())
        probabilities[:active, step], hidden[:active], cell[:active] = model.step(
            features[firsts[:active] + step], hidden[:active], cell[:active]
        )
    return [
        (probabilities[row, : lengths[row]], VadState(request.windows[-1, -CONTEXT_SAMPLES:], hidden[row], cell[row]))
        for row, request in enumerate(group)
    ]


def _features(model: SileroModel, windows: list[np.ndarray]) -> np.ndarray:
    """Features of the frames of all requests, in their order, float32 `[num_frames, 128]`."""
    rows = windows[0] if len(windows) == 1 else np.concatenate(windows)
    parts = [model.features(rows[begin : begin + _MAX_BATCH]) for begin in range(0, len(rows), _MAX_BATCH)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def first_loud(frames: np.ndarray) -> int:
    """Index of the first frame that is not nearly silent; `len(frames)` if all are.

    Nearly silent is a level under -66 dBFS, where a voice could not be told from the rounding of 16-bit samples and
    the noise of a quiet room.
    """
    loud = np.flatnonzero(np.einsum("ij,ij->i", frames, frames) >= _ASLEEP_ENERGY)
    return int(loud[0]) if len(loud) else len(frames)


class _SileroStream(VadStream):
    def __init__(self, vad: SileroVad) -> None:
        self._vad = vad
        self._state = _ZERO_STATE
        self._is_asleep = True
        self._is_pushing = False

    async def push_frames(self, frames: np.ndarray) -> np.ndarray:
        if frames.ndim != 2 or frames.shape[1] != FRAME_SAMPLES:
            raise InvalidInput(f"frames must be float32 [num_frames, {FRAME_SAMPLES}], not {list(frames.shape)}")
        if self._is_pushing:
            raise WrongState("a voice activity stream takes one push at a time")
        skipped = first_loud(frames) if self._is_asleep else 0
        if skipped == len(frames):
            if len(frames):
                self._state = VadState(frames[-1, -CONTEXT_SAMPLES:].copy(), _ZERO_STATE.hidden, _ZERO_STATE.cell)
            return np.zeros(len(frames), np.float32)
        self._is_pushing = True
        try:
            probabilities, self._state = await self._vad.submit(self._windows(frames, skipped), self._state)
        finally:
            self._is_pushing = False
        self._is_asleep = False
        return np.concatenate([np.zeros(skipped, np.float32), probabilities]) if skipped else probabilities

    def reset(self) -> None:
        if self._is_pushing:
            raise WrongState("a voice activity stream cannot be reset while it takes frames")
        self._state = _ZERO_STATE
        self._is_asleep = True

    def _windows(self, frames: np.ndarray, skipped: int) -> np.ndarray:
        """The frames from `skipped` on, each behind the last samples of the frame before it."""
        windows = np.empty((len(frames) - skipped, WINDOW_SAMPLES), np.float32)
        windows[:, CONTEXT_SAMPLES:] = frames[skipped:]
        windows[1:, :CONTEXT_SAMPLES] = frames[skipped:-1, -CONTEXT_SAMPLES:]
        windows[0, :CONTEXT_SAMPLES] = frames[skipped - 1, -CONTEXT_SAMPLES:] if skipped else self._state.context
        return windows
