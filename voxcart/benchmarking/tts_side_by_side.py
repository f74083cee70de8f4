"""The speech service beside the kokoro-onnx package, in one run, on the same weights, texts, voices and threads.

Every text goes to all systems before the next one comes, the first one changing from text to text. kokoro-onnx is given
the phonemes of the service's own front end, so that only model and runtime differ, and runs the published graph in the
ways its users do: the whole text at once, and cut at punctuation by hand. The service is a process of its own with an
empty phrase cache and no prefetching, spoken to over gRPC.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from voxcart.errors import InvalidInput, Unavailable
from voxcart.evaluation import tts
from voxcart.evaluation.scoring import percentile
from voxcart.evaluation.speech_quality import measure
from voxcart.evaluation.tts import Spoken, Text, late_seconds
from voxcart.models import ModelStore
from voxcart_api.tts.v1 import tts_pb2_grpc
from voxcart_services.tts.text.clauses import Clause
from voxcart_services.tts.text.front_end import FrontEnd

MODEL = "kokoro-82m"
GRAPH = "kokoro-v1.0.int8.onnx"
VOCABULARY = "vocab.json"
RATE_HZ = 24_000
REFERENCE = "kokoro-onnx whole"
LENGTHS = ((1, 5), (6, 15), (16, 30), (31, 200))
"""Groups by characters of the text."""
_CUT = re.compile(r"(?<=[，。！？；：、,.!?;:])(?![0-9])")

System = Callable[[Text], Awaitable[Spoken]]


class KokoroOnnx:
    """The kokoro-onnx package on the weights and voices of the model store.

    Raises:
        Unavailable: The package is not installed.
        ModelMissing: The store does not keep the weights.
    """

    def __init__(self, voices: Mapping[str, str], threads: int, folder: Path) -> None:
        """
        Args:
            voices: Name of the voice for ``zh`` and ``en``; the Mandarin one speaks mixed texts.
            threads: Of ONNX Runtime.
            folder: For the file of voices that the package reads.
        """
        try:
            from kokoro_onnx import Kokoro
        except ImportError as error:
            raise Unavailable("kokoro-onnx is not installed: pip install 'voxcart[bench]'") from error
        files = [GRAPH, VOCABULARY, *(f"voices/{name}.bin" for name in voices.values())]
        store = ModelStore().require(MODEL, files)
        packs = {name: np.fromfile(store / f"voices/{name}.bin", "<f4").reshape(-1, 1, 256) for name in voices.values()}
        np.savez(folder / "voices.npz", **packs)  # type: ignore[arg-type]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(store / GRAPH), options, providers=["CPUExecutionProvider"])
        self._kokoro = Kokoro.from_session(session, str(folder / "voices.npz"), vocab_config=str(store / VOCABULARY))
        self._voices = voices
        self._front_end = FrontEnd()

    async def whole(self, text: Text) -> Spoken:
        """Speaks a text in one go."""
        return await asyncio.to_thread(self._speak, text, [text.text])

    async def cut(self, text: Text) -> Spoken:
        """Speaks a text cut at punctuation, one clause after another."""
        pieces = [piece for piece in _CUT.split(text.text) if re.search(r"\w", piece)]
        return await asyncio.to_thread(self._speak, text, pieces)

    def _speak(self, text: Text, pieces: Sequence[str]) -> Spoken:
        language = "en" if text.lang == "en" else "zh"
        audio: list[NDArray[np.float32]] = []
        chunks: list[tuple[float, float]] = []
        started = time.perf_counter()
        for piece in pieces:
            phonemes = self._front_end.pronounce(Clause(piece, 0, 0), language=language).phonemes
            samples, _ = self._kokoro.create(phonemes, self._voices[language], is_phonemes=True)
            audio.append(samples)
            chunks.append((time.perf_counter() - started, len(samples) / RATE_HZ))
        return Spoken(text, np.concatenate(audio), RATE_HZ, chunks[0][0], chunks[-1][0], late_seconds(chunks))


def systems(stub: tts_pb2_grpc.SpeechSynthesisStub, other: KokoroOnnx) -> dict[str, System]:
    """All sides by name."""

    async def own(text: Text) -> Spoken:
        return await tts.speak(stub, text)

    return {"voxcart": own, REFERENCE: other.whole, "kokoro-onnx by clause": other.cut}


async def compare(
    sides: Mapping[str, System], texts: Sequence[Text], progress: Callable[[], None]
) -> dict[str, list[Spoken]]:
    """Speaks every text with every side, by turns; the first text once before, not counted.

    Raises:
        InvalidInput: There is no text.
    """
    if not texts:
        raise InvalidInput("there is no text to speak")
    for side in sides.values():
        await side(texts[0])
    names = list(sides)
    results: dict[str, list[Spoken]] = {name: [] for name in names}
    for number, text in enumerate(texts):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            results[name].append(await sides[name](text))
        progress()
    return results


def figures(results: Mapping[str, Sequence[Spoken]], *, is_scoring: bool) -> dict[str, Any]:
    """Speed, ratios to the reference, and quality of every side; plain data for JSON."""
    reference = results[REFERENCE]
    found: dict[str, Any] = {}
    for name, spoken in results.items():
        found[name] = {
            **tts.speed(spoken),
            "rtf_by_reference": round(_rtf(spoken) / _rtf(reference), 3),
            "first_audio_p50_ms_by_length": {
                f"{least}-{most} characters": _median_ms([one for one in spoken if least <= len(one.text.text) <= most])
                for least, most in LENGTHS
            },
            "quality": tts.quality([measure(one.samples, one.rate_hz, with_score=is_scoring) for one in spoken]),
        }
    return found


def _rtf(spoken: Sequence[Spoken]) -> float:
    return sum(one.total_seconds for one in spoken) / sum(one.audio_seconds for one in spoken)


def _median_ms(spoken: Sequence[Spoken]) -> float | None:
    found = percentile([1_000 * one.first_audio_seconds for one in spoken], 0.5)
    return None if found is None else round(found, 1)
