"""The real Kokoro weights: converted graphs agree with the published one, speech is sane and is recognised back."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart_services.tts.text.clauses import Clause
from voxcart_services.tts.text.front_end import FrontEnd
from voxcart_services.tts.voices.engine import SpeechPiece, SpeechRequest
from voxcart_services.tts.voices.kokoro.engine import KokoroEngine
from voxcart_services.tts.voices.kokoro.loading import MODEL, load_kokoro
from voxcart_services.tts.voices.kokoro.model import KokoroModel
from voxcart_services.tts.voices.library import VoiceLibrary

pytestmark = [pytest.mark.integration, pytest.mark.model]

DEFAULTS = {"zh": "zf_xiaobei", "en": "af_heart"}
OPTIONS = SessionOptions(provider="cpu", threads=2)


@pytest.fixture(scope="module")
def front_end() -> FrontEnd:
    return FrontEnd()


@pytest.fixture(scope="module")
def exact(models_dir: Path) -> KokoroEngine:
    return load_kokoro(models_dir, OPTIONS, "float")


@pytest.fixture(scope="module")
def quantized(models_dir: Path) -> KokoroEngine:
    return load_kokoro(models_dir, OPTIONS, "int8")


def phonemes_of(front_end: FrontEnd, text: str) -> str:
    return front_end.pronounce(Clause(text, 0, 0), language="zh" if text[0] > "z" else "en").phonemes


def pieces(
    engine: KokoroEngine,
    front_end: FrontEnd,
    text: str,
    voice: str,
    lead: Callable[[], float] | None,
    rate: float = 1.0,
) -> list[SpeechPiece]:
    chosen = VoiceLibrary([engine], DEFAULTS).get(voice)
    return list(engine.speak(SpeechRequest(phonemes_of(front_end, text), chosen, rate, lead)))


def say(engine: KokoroEngine, front_end: FrontEnd, text: str, voice: str, rate: float = 1.0) -> np.ndarray:
    (piece,) = pieces(engine, front_end, text, voice, None, rate)
    assert not piece.unknown
    return piece.samples


def log_spectrum(samples: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::256] * np.hanning(1024)
    return np.log(np.abs(np.fft.rfft(frames)) + 1e-2)


def test_all_voices_are_there(exact: KokoroEngine) -> None:
    voices = VoiceLibrary([exact], DEFAULTS)
    assert len(voices.all("zh")) == 8
    assert len(voices.all("en")) == 28


def test_the_converted_graphs_agree_with_the_published_one(
    models_dir: Path, exact: KokoroEngine, front_end: FrontEnd
) -> None:
    """Durations are equal; spectra differ by no more than two quantisations of one model do."""
    folder = models_dir / MODEL
    published = ort.InferenceSession(str(folder / "kokoro-v1.0.int8.onnx"))
    encoder = ort.InferenceSession(str(folder / "encoder.onnx"))
    decoder = ort.InferenceSession(str(folder / "decoder.onnx"))
    vocabulary = KokoroModel.read_vocabulary(folder / "vocab.json")
    tokens = [vocabulary[phoneme] for phoneme in phonemes_of(front_end, "您的订单明天送到。")]
    feeds = {
        "tokens": np.array([[0, *tokens, 0]]),
        "style": VoiceLibrary([exact], DEFAULTS).get("zm_yunxi").style(len(tokens)),
        "speed": np.ones(1, np.float32),
    }
    (reference,) = published.run(None, feeds)
    features, pitch_hz, log_energy, frames = encoder.run(None, feeds)
    (audio,) = decoder.run(
        None,
        {"text_features": features, "pitch_hz": pitch_hz, "log_energy": log_energy, "style": feeds["style"]},
    )
    assert len(audio) == len(reference) == round(float(frames.sum())) * 600
    assert np.abs(log_spectrum(audio) - log_spectrum(reference)).mean() < 0.3


@pytest.mark.parametrize(
    ("text", "voice"), [("我们有三款两千元以下的手机。", "zf_xiaobei"), ("Your order arrives tomorrow.", "am_michael")]
)
def test_the_quantised_decoder_is_close_to_the_float_one(
    exact: KokoroEngine, quantized: KokoroEngine, front_end: FrontEnd, text: str, voice: str
) -> None:
    reference, rounded = say(exact, front_end, text, voice), say(quantized, front_end, text, voice)
    noise = np.mean((reference - rounded) ** 2) / np.mean(reference**2)
    assert 10 * np.log10(1 / noise) > 15
    assert np.abs(log_spectrum(reference) - log_spectrum(rounded)).mean() < 0.3


@pytest.mark.parametrize("voice", ["zf_xiaoxiao", "zm_yunjian", "af_heart", "bf_emma"])
def test_speech_is_as_long_and_as_loud_as_speech(quantized: KokoroEngine, front_end: FrontEnd, voice: str) -> None:
    samples = say(quantized, front_end, "已经加入购物车了" if voice[0] == "z" else "Added to your cart", voice)
    assert 0.8 < len(samples) / 24_000 < 3.0
    assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.3
    assert np.abs(samples).max() < 1.0
    assert np.abs(samples[:240]).max() < 0.05


def test_a_faster_rate_is_shorter(quantized: KokoroEngine, front_end: FrontEnd) -> None:
    slow = say(quantized, front_end, "已经加入购物车了", "zf_xiaobei", 0.8)
    fast = say(quantized, front_end, "已经加入购物车了", "zf_xiaobei", 1.5)
    assert len(fast) < 0.75 * len(slow)


def test_silence_is_cut_before_it_is_computed(exact: KokoroEngine, front_end: FrontEnd) -> None:
    samples = say(exact, front_end, "这是新鲜的苹果。", "zf_xiaobei")
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    assert loud[0] < 0.2 * 24_000
    assert len(samples) - loud[-1] < 0.25 * 24_000


def test_every_phoneme_of_both_languages_is_in_the_vocabulary(models_dir: Path, front_end: FrontEnd) -> None:
    vocabulary = KokoroModel.read_vocabulary(models_dir / MODEL / "vocab.json")
    said = phonemes_of(front_end, "我要买 iPhone，谢谢！") + phonemes_of(
        front_end, "Added two boxes of milk to your cart, the total is ninety nine yuan."
    )
    assert not {symbol for symbol in said if symbol not in vocabulary}


@pytest.mark.parametrize(
    ("text", "voice", "words"),
    [
        ("昨天的订单已经发货了", "zf_xiaoxiao", ("昨天的", "已")),
        ("Your order arrives tomorrow morning", "af_heart", ("order", "tomorrow")),
    ],
)
def test_speech_is_recognised_back(
    models_dir: Path, quantized: KokoroEngine, front_end: FrontEnd, text: str, voice: str, words: tuple[str, ...]
) -> None:
    soxr = pytest.importorskip("soxr")
    whisper = pytest.importorskip("voxcart_services.asr.whisper.engine")
    from voxcart_services.asr.recognition import DecodeOptions, Hypothesis, Urgency

    if not (models_dir / "whisper-base" / "encoder.onnx").is_file():
        pytest.skip("no recognition model in the store")
    silence = np.zeros(8_000, np.float32)
    heard = soxr.resample(say(quantized, front_end, text, voice), 24_000, 16_000)
    loaded = whisper.load_whisper(ModelStore(models_dir), "whisper-base", SessionOptions(provider="cpu", threads=2))

    async def recognise() -> Hypothesis:
        recognizer = whisper.WhisperEngine(loaded)
        try:
            return (
                await recognizer.open(DecodeOptions()).recognise(np.concatenate([silence, heard]), Urgency.FINAL).future
            )
        finally:
            await recognizer.aclose()

    hypothesis = asyncio.run(recognise())
    assert all(word in hypothesis.text.lower() for word in words), hypothesis.text


def test_a_running_synthesis_can_be_stopped(quantized: KokoroEngine, front_end: FrontEnd) -> None:
    phonemes = phonemes_of(front_end, "这一句话很长，" * 12)
    run_options = ort.RunOptions()
    stopper = threading.Timer(0.3, lambda: setattr(run_options, "terminate", True))
    stopper.start()
    with pytest.raises(Exception, match="terminate"):
        list(quantized.speak(SpeechRequest(phonemes, quantized.voices[0], 1.0, None), run_options))
    stopper.join()


@pytest.mark.parametrize(
    ("text", "voice"),
    [("您的订单已经发货，预计明天下午送到。", "zf_xiaobei"), ("Your order arrives tomorrow morning.", "af_heart")],
)
def test_windows_join_without_clicks_at_the_level_of_the_whole(
    quantized: KokoroEngine, front_end: FrontEnd, text: str, voice: str
) -> None:
    whole = say(quantized, front_end, text, voice)
    parts = [piece.samples for piece in pieces(quantized, front_end, text, voice, lambda: 0.0)]
    joined = np.concatenate(parts)
    assert len(parts) > 1
    assert len(joined) == len(whole)
    begin = 0
    for part in parts:
        ours, theirs = (np.sqrt(np.mean(samples[begin : begin + len(part)] ** 2)) for samples in (joined, whole))
        assert abs(20 * np.log10(ours / theirs)) < 3.0
        begin += len(part)
    assert np.abs(np.diff(joined)).max() < 1.5 * np.abs(np.diff(whole)).max()
    assert np.abs(log_spectrum(joined) - log_spectrum(whole)).mean() < 0.55
