"""The real Kokoro weights: converted graphs agree with the published one, speech is sane and is recognised back."""

import asyncio
import threading
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart_services.tts.text.normalization import spoken_form
from voxcart_services.tts.text.phonemes import Phonemizer
from voxcart_services.tts.voices.kokoro.loading import MODEL, LoadedVoiceModel, load
from voxcart_services.tts.voices.kokoro.model import KokoroModel, spoken_frames

pytestmark = [pytest.mark.integration, pytest.mark.model]

DEFAULTS = {"zh": "zf_xiaobei", "en": "af_heart"}
OPTIONS = SessionOptions(provider="cpu", threads=2)


@pytest.fixture(scope="module")
def phonemizer() -> Phonemizer:
    return Phonemizer()


@pytest.fixture(scope="module")
def loaded(models_dir: Path) -> LoadedVoiceModel:
    return load(models_dir, OPTIONS, DEFAULTS, "float")


@pytest.fixture(scope="module")
def quantized(models_dir: Path) -> LoadedVoiceModel:
    return load(models_dir, OPTIONS, DEFAULTS, "int8")


def say(loaded: LoadedVoiceModel, phonemizer: Phonemizer, text: str, voice: str, rate: float = 1.0) -> np.ndarray:
    tokens, unknown = loaded.model.tokens(phonemizer(spoken_form(text)))
    assert not unknown
    return loaded.model.infer(tokens, loaded.voices.get(voice), rate).samples


def log_spectrum(samples: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::256] * np.hanning(1024)
    return np.log(np.abs(np.fft.rfft(frames)) + 1e-2)


def test_all_voices_are_there(loaded: LoadedVoiceModel) -> None:
    assert len(loaded.voices.all("zh")) == 8
    assert len(loaded.voices.all("en")) == 28


def test_the_converted_graphs_agree_with_the_published_one(
    models_dir: Path, loaded: LoadedVoiceModel, phonemizer: Phonemizer
) -> None:
    """Durations are equal; spectra differ by no more than two quantisations of one model do."""
    folder = models_dir / MODEL
    published = ort.InferenceSession(str(folder / "kokoro-v1.0.int8.onnx"))
    encoder = ort.InferenceSession(str(folder / "encoder.onnx"))
    decoder = ort.InferenceSession(str(folder / "decoder.onnx"))
    voice = loaded.voices.get("zm_yunxi")
    tokens, _ = loaded.model.tokens(phonemizer("您的订单明天送到。"))
    feeds = {
        "tokens": np.array([[0, *tokens, 0]]),
        "style": voice.style(len(tokens)),
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
    loaded: LoadedVoiceModel, quantized: LoadedVoiceModel, phonemizer: Phonemizer, text: str, voice: str
) -> None:
    exact, rounded = say(loaded, phonemizer, text, voice), say(quantized, phonemizer, text, voice)
    noise = np.mean((exact - rounded) ** 2) / np.mean(exact**2)
    assert 10 * np.log10(1 / noise) > 15
    assert np.abs(log_spectrum(exact) - log_spectrum(rounded)).mean() < 0.3


@pytest.mark.parametrize("voice", ["zf_xiaoxiao", "zm_yunjian", "af_heart", "bf_emma"])
def test_speech_is_as_long_and_as_loud_as_speech(
    quantized: LoadedVoiceModel, phonemizer: Phonemizer, voice: str
) -> None:
    samples = say(quantized, phonemizer, "已经加入购物车了" if voice[0] == "z" else "Added to your cart", voice)
    assert 0.8 < len(samples) / 24_000 < 3.0
    assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.3
    assert np.abs(samples).max() < 1.0
    assert np.abs(samples[:240]).max() < 0.05


def test_a_faster_rate_is_shorter(quantized: LoadedVoiceModel, phonemizer: Phonemizer) -> None:
    slow = say(quantized, phonemizer, "已经加入购物车了", "zf_xiaobei", 0.8)
    fast = say(quantized, phonemizer, "已经加入购物车了", "zf_xiaobei", 1.5)
    assert len(fast) < 0.75 * len(slow)


def test_silence_is_cut_before_it_is_computed(loaded: LoadedVoiceModel, phonemizer: Phonemizer) -> None:
    samples = say(loaded, phonemizer, "这是新鲜的苹果。", "zf_xiaobei")
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    assert loud[0] < 0.2 * 24_000
    assert len(samples) - loud[-1] < 0.25 * 24_000
    assert spoken_frames(np.full(20, -9.0, np.float32)) == (0, 10)


def test_every_phoneme_of_both_languages_is_in_the_vocabulary(models_dir: Path, phonemizer: Phonemizer) -> None:
    vocabulary = KokoroModel.read_vocabulary(models_dir / MODEL / "vocab.json")
    said = phonemizer("我要买 iPhone，谢谢！Added two boxes of milk to your cart, the total is ninety nine yuan.")
    assert not {symbol for symbol in said if symbol not in vocabulary}


@pytest.mark.parametrize(
    ("text", "voice", "words"),
    [
        ("昨天的订单已经发货了", "zf_xiaoxiao", ("昨天的", "已")),
        ("Your order arrives tomorrow morning", "af_heart", ("order", "tomorrow")),
    ],
)
def test_speech_is_recognised_back(
    models_dir: Path, quantized: LoadedVoiceModel, phonemizer: Phonemizer, text: str, voice: str, words: tuple[str, ...]
) -> None:
    soxr = pytest.importorskip("soxr")
    whisper = pytest.importorskip("voxcart_services.asr.whisper.engine")
    from voxcart_services.asr.recognition import DecodeOptions, Hypothesis, Urgency

    if not (models_dir / "whisper-base" / "encoder.onnx").is_file():
        pytest.skip("no recognition model in the store")
    silence = np.zeros(8_000, np.float32)
    heard = soxr.resample(say(quantized, phonemizer, text, voice), 24_000, 16_000)
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


def test_a_running_synthesis_can_be_stopped(quantized: LoadedVoiceModel, phonemizer: Phonemizer) -> None:
    tokens, _ = quantized.model.tokens(phonemizer("这一句话很长，" * 12))
    run_options = ort.RunOptions()
    stopper = threading.Timer(0.3, lambda: setattr(run_options, "terminate", True))
    stopper.start()
    started = time.perf_counter()
    with pytest.raises(Exception, match="terminate"):
        quantized.model.infer(tokens, quantized.voices.get("zf_xiaobei"), 1.0, run_options)
    stopper.join()
    assert time.perf_counter() - started < 1.5
