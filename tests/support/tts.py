"""A synthesiser without weights: scripted ONNX sessions behind the real engine, cache and scheduler."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import numpy as np
from onnxruntime import RunOptions

from voxcart_services.tts.speaking.cache import CacheLimits, PhraseCache
from voxcart_services.tts.speaking.frequent import FrequentPhrases
from voxcart_services.tts.speaking.scheduler import PieceScheduler
from voxcart_services.tts.speaking.synthesizer import SpeechSynthesizer
from voxcart_services.tts.text.front_end import FrontEnd
from voxcart_services.tts.voices.kokoro.engine import KokoroEngine
from voxcart_services.tts.voices.kokoro.model import FRAME_SAMPLES, KokoroModel, OnnxSession
from voxcart_services.tts.voices.kokoro.voices import STYLE_WIDTH
from voxcart_services.tts.voices.library import VoiceLibrary

SILENT_FRAMES = 10
FRAMES_PER_TOKEN = 3


class ScriptedEncoder:
    """Three frames a token, with silence of ten frames on both sides; remembers the tokens it was given."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.aborted = 0
        self.may_run = threading.Event()
        self.may_run.set()
        self.error: Exception | None = None

    def run(
        self, output_names: list[str] | None, feeds: dict[str, np.ndarray], run_options: RunOptions | None = None
    ) -> list[np.ndarray]:
        while not self.may_run.wait(0.005):
            if run_options is not None and run_options.terminate:
                self.aborted += 1
                raise RuntimeError("terminated")
        if self.error is not None:
            raise self.error
        tokens = feeds["tokens"][0].tolist()
        self.calls.append(tokens)
        num_spoken = round(FRAMES_PER_TOKEN * (len(tokens) - 2) / float(feeds["speed"][0]))
        num_frames = num_spoken + 2 * SILENT_FRAMES
        log_energy = np.full((1, 2 * num_frames), -9.0, np.float32)
        log_energy[0, 2 * SILENT_FRAMES : 2 * (SILENT_FRAMES + num_spoken)] = 5.0
        features = np.full((1, 512, num_frames), float(sum(tokens) % 97), np.float32)
        frames_per_token = np.full((1, len(tokens)), num_spoken / (len(tokens) - 2), np.float32)
        frames_per_token[0, [0, -1]] = SILENT_FRAMES
        return [features, np.full((1, 2 * num_frames), 200.0, np.float32), log_energy, frames_per_token]


class ScriptedDecoder:
    """A tone whose pitch depends on the features; remembers how many frames it was given."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def run(
        self, output_names: list[str] | None, feeds: dict[str, np.ndarray], run_options: RunOptions | None = None
    ) -> list[np.ndarray]:
        features = feeds["text_features"]
        self.calls.append(features.shape[2])
        time_axis = np.arange(features.shape[2] * FRAME_SAMPLES) / 24_000
        return [(0.5 * np.sin(2 * np.pi * (200 + features[0, 0, 0]) * time_axis)).astype(np.float32)]


_SYMBOLS = "abcdefghijklmnopqrstuvwxyz→↗↓↘ʂɨɕɛʰŋɤɥəʨʦꭧɻ ,.!?ˈ"
VOICES = ("zf_xiaobei", "zm_yunxi", "af_heart", "bm_george")
DEFAULTS = {"zh": "zf_xiaobei", "en": "af_heart"}


def scripted_engine(
    names: Sequence[str] = VOICES, encoder: OnnxSession | None = None, decoder: OnnxSession | None = None
) -> KokoroEngine:
    """Kokoro over scripted sessions; the styles of voice number ``n`` are all ``n``."""
    vocabulary = {symbol: number for number, symbol in enumerate(_SYMBOLS, 1)}
    model = KokoroModel(encoder or ScriptedEncoder(), decoder or ScriptedDecoder(), vocabulary)
    styles = {name: np.full((510, STYLE_WIDTH), number, np.float32) for number, name in enumerate(names)}
    return KokoroEngine(model, styles, "scripted")


FRONT_END = FrontEnd()
"""Shared by all tests of a run: its dictionaries take seconds to load."""


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Lets other tasks run until the condition holds.

    Raises:
        TimeoutError: It does not hold in time.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)


class Studio:
    """The synthesiser with its scripted parts in reach."""

    def __init__(self, max_waiting: int = 16) -> None:
        self.encoder = ScriptedEncoder()
        self.decoder = ScriptedDecoder()
        self.scheduler = PieceScheduler(max_waiting)
        self.cache = PhraseCache(None, CacheLimits())
        self.frequent = FrequentPhrases(None)
        self.front_end = FRONT_END
        self.voices = VoiceLibrary([scripted_engine(VOICES, self.encoder, self.decoder)], DEFAULTS)
        self.synthesizer = SpeechSynthesizer(self.front_end, self.scheduler, self.cache, frequent=self.frequent)


@asynccontextmanager
async def running_studio(max_waiting: int = 16) -> AsyncIterator[Studio]:
    """A studio whose scheduler runs until the block is left."""
    studio = Studio(max_waiting)
    studio.front_end.warm_up("zh")
    task = asyncio.create_task(studio.scheduler.run(), name="scripted scheduler")
    try:
        yield studio
    finally:
        studio.encoder.may_run.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
