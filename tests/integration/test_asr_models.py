"""Recognition with the real models: parity with the reference runtime, commands, noise, silence, cutting."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxcart.models import ModelStore
from voxcart.models.converters.whisper import convert
from voxcart.serving.sessions import SessionOptions
from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.engine import AsrModels, load_models, make_recognizer
from voxcart_services.asr.results import EndOfSpeech, Final, RecognitionEvent
from voxcart_services.asr.stream import StreamOptions
from voxcart_services.asr.text.correction import Corrector
from voxcart_services.asr.whisper.decode import DecodeOptions, WhisperDecoder
from voxcart_services.asr.whisper.features import log_mel
from voxcart_services.asr.whisper.model import WhisperModel, tail_positions
from voxcart_services.asr.whisper.tokens import WhisperTokens

pytestmark = [pytest.mark.integration, pytest.mark.model]

CLIPS = Path(__file__).parents[1] / "data" / "asr"
RATE_HZ = 16_000


def clip(name: str) -> np.ndarray:
    samples, rate_hz = soundfile.read(CLIPS / f"{name}.flac", dtype="float32")
    assert rate_hz == RATE_HZ
    return samples


@pytest.fixture(scope="module")
def models(models_dir: Path) -> AsrModels:
    return load_models(AsrSettings(models_dir=models_dir, provider="cpu"))


@pytest.fixture(scope="module")
def float_decoder(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WhisperDecoder]:
    folder = tmp_path_factory.mktemp("whisper-fp32")
    convert(
        ModelStore(models_dir).require("whisper-base", ["model.bin", "config.json", "tokenizer.json"]), folder, "fp32"
    )
    model = WhisperModel(folder, SessionOptions(provider="cpu", threads=2))
    model.prepare_tail()
    yield WhisperDecoder(model, WhisperTokens(folder / "tokenizer.json"))
    for path in folder.iterdir():
        path.unlink()


def reference_tokens(models_dir: Path, clips: list[np.ndarray]) -> list[tuple[int, ...]]:
    """What CTranslate2 makes of the same features in float32, greedily."""
    ctranslate2 = pytest.importorskip("ctranslate2", reason="the reference runtime is not installed (extra dev)")
    folder = ModelStore(models_dir).require("whisper-base", ["model.bin", "config.json", "vocabulary.txt"])
    model = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="float32", intra_threads=2)
    found = []
    for samples in clips:
        window = np.zeros(30 * RATE_HZ, np.float32)
        window[: len(samples)] = samples
        features = ctranslate2.StorageView.from_array(np.ascontiguousarray(log_mel(window)[None]))
        prompt = [[50258, 50260, 50359, 50363]]
        found.append(tuple(model.generate(features, prompt, beam_size=1)[0].sequences_ids[0]))
    return found


def test_full_window_decoding_is_the_reference_runtimes_token_for_token(
    models_dir: Path, float_decoder: WhisperDecoder
) -> None:
    clips = [clip(path.stem) for path in sorted(CLIPS.glob("zh*.flac"))]
    assert len(clips) >= 3
    options = DecodeOptions(language="zh", full_window=True)
    ours = [float_decoder.transcribe(samples, options).tokens for samples in clips]
    assert ours == reference_tokens(models_dir, clips)


def test_a_draft_changes_the_cost_and_not_the_result(float_decoder: WhisperDecoder) -> None:
    samples = np.concatenate([clip("zh03_zm_yunjian"), np.zeros(8_000, np.float32)])
    plain = float_decoder.transcribe(samples, DecodeOptions())
    drafted = float_decoder.transcribe(samples, DecodeOptions(draft=plain.tokens))
    misled = float_decoder.transcribe(samples, DecodeOptions(draft=(*plain.tokens[:4], 100, 200, 300)))
    assert drafted.tokens == misled.tokens == plain.tokens
    assert drafted.num_steps < misled.num_steps < plain.num_steps


def test_kept_silence_hears_what_the_full_window_hears(float_decoder: WhisperDecoder) -> None:
    samples = np.concatenate([clip("zh03_zm_yunjian"), np.zeros(9_600, np.float32)])
    full = float_decoder.transcribe(samples, DecodeOptions(full_window=True))
    short = float_decoder.transcribe(samples, DecodeOptions())
    assert short.text.rstrip("?？。") == full.text.rstrip("?？。")
    assert short.encode_ms < full.encode_ms / 2


def test_tail_weights_stand_for_every_position() -> None:
    positions, weights = tail_positions(200, 1_500, 10)
    assert weights.sum() == 1_300
    assert positions.min() == 200
    assert positions.max() < 1_500
    assert len(positions) < 200
    assert len(tail_positions(1_500, 1_500, 10)[0]) == 0


def recognize(
    models: AsrModels, samples: np.ndarray, chunk: int = 1_024, options: StreamOptions | None = None
) -> list[RecognitionEvent]:
    async def work() -> list[RecognitionEvent]:
        recognizer = make_recognizer(models, Corrector(), AsrSettings().rules())
        stream = recognizer.stream(options or StreamOptions(interim_results=False))
        try:
            events = []
            for start in range(0, len(samples), chunk):
                events += [event async for event in stream.push_audio(samples[start : start + chunk])]
            return events + [event async for event in stream.end_input()]
        finally:
            await stream.aclose()
            await recognizer.aclose()

    return asyncio.run(work())


def test_commands_are_understood_in_a_stream(models: AsrModels) -> None:
    pause = np.zeros(RATE_HZ, np.float32)
    clips = [clip("zh00_zf_xiaobei"), pause, clip("zh03_zm_yunjian"), pause, clip("zh05_zm_yunyang"), pause]
    events = recognize(models, np.concatenate([pause, *clips]))
    texts = [event.transcript.text.rstrip("?？。") for event in events if isinstance(event, Final)]
    assert texts == ["我想买苹果", "2000元以下的华为手机有哪些", "好的"]


def test_a_confirmation_is_never_held(models: AsrModels) -> None:
    samples = np.concatenate([np.zeros(8_000, np.float32), clip("zh05_zm_yunyang"), np.zeros(RATE_HZ, np.float32)])
    events = recognize(models, samples)
    (final,) = [event for event in events if isinstance(event, Final)]
    pause = next(timing.queue_ms for timing in final.transcript.timing if timing.stage == "asr.pause")
    assert pause <= 224


def test_cutting_does_not_change_what_is_heard(models: AsrModels) -> None:
    samples = np.concatenate([np.zeros(8_000, np.float32), clip("zh03_zm_yunjian"), np.zeros(RATE_HZ, np.float32)])
    assert recognize(models, samples, 333) == recognize(models, samples, 48_000)


def test_ten_minutes_of_silence_give_nothing(models: AsrModels) -> None:
    assert recognize(models, np.zeros(600 * RATE_HZ, np.float32), chunk=RATE_HZ) == []


def _music(seconds: float) -> np.ndarray:
    """Chords with a beat, no voice."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    roots = np.array([220.0, 174.6, 261.6, 196.0])[(time / 2).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(roots) / RATE_HZ
    tones = sum(np.sin(ratio * phase) / n for n, ratio in enumerate((1, 1.26, 1.5, 2, 3), start=1))
    beat = np.exp(-8 * (time % 0.5))
    drums = np.random.default_rng(1).normal(0, 1, len(time)) * np.exp(-40 * (time % 0.5))
    return (0.1 * tones * (0.4 + beat) + 0.1 * drums).astype(np.float32)


@pytest.mark.parametrize("kind", ["white", "hum", "music", "clicks"])
def test_noise_and_music_give_no_text(models: AsrModels, kind: str) -> None:
    rng, num_samples = np.random.default_rng(0), 20 * RATE_HZ
    sounds = {
        "white": rng.normal(0, 0.05, num_samples),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * np.arange(num_samples) / RATE_HZ),
        "music": _music(20),
        "clicks": np.where(rng.random(num_samples) < 0.0005, 0.9, 0.0),
    }
    events = recognize(models, sounds[kind].astype(np.float32))
    assert not any(isinstance(event, Final) for event in events)
    assert all(event.no_speech for event in events if isinstance(event, EndOfSpeech))
