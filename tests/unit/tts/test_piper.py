"""Piper as a second engine: phonemes to ids, speakers, pace, times, and voices whose files are broken."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from support.tiny_vits import SAMPLES_PER_ID, SYMBOLS, write_tiny_voice
from support.tts import DEFAULTS, FRONT_END, scripted_engine

from voxcart.errors import InvalidInput
from voxcart.serving.sessions import SessionError, SessionOptions
from voxcart_services.tts.speaking.cache import CacheLimits, PhraseCache
from voxcart_services.tts.speaking.clause_maker import Delivery
from voxcart_services.tts.speaking.scheduler import PieceScheduler
from voxcart_services.tts.speaking.synthesizer import SpeechSynthesizer
from voxcart_services.tts.text.clauses import Clause
from voxcart_services.tts.voices.engine import SpeechPiece, SpeechRequest
from voxcart_services.tts.voices.library import VoiceLibrary
from voxcart_services.tts.voices.piper.config import PiperVoiceBroken
from voxcart_services.tts.voices.piper.engine import PiperEngine, load_piper
from voxcart_services.tts.voices.piper.phonemes import piper_symbols

pytestmark = pytest.mark.unit

CPU = SessionOptions(provider="cpu")


def loaded(folder: Path, **options: object) -> PiperEngine:
    write_tiny_voice(folder, "en_US-tiny-low", **options)
    (engine,) = load_piper(folder, CPU)
    return engine


def said(engine: PiperEngine, phonemes: str, speaker: int = 0, rate: float = 1.0) -> SpeechPiece:
    (piece,) = engine.speak(SpeechRequest(phonemes, engine.voices[speaker], rate))
    return piece


def test_every_symbol_is_followed_by_padding_between_begin_and_end(tmp_path: Path) -> None:
    piece = said(loaded(tmp_path), "hɛlO")
    num_symbols = len("hɛloʊ")
    assert len(piece.samples) == (2 * num_symbols + 2) * SAMPLES_PER_ID
    assert piece.is_last
    assert np.abs(piece.samples).max() <= 1.0


def test_times_of_phonemes_grow_to_the_end_of_the_audio(tmp_path: Path) -> None:
    piece = said(loaded(tmp_path), "hɛ#lO")
    assert piece.unknown == "#"
    assert len(piece.phoneme_times) == 6
    assert (np.diff(piece.phoneme_times) >= 0).all()
    assert np.diff(piece.phoneme_times)[2] == 0
    assert piece.phoneme_times[-1] == pytest.approx(len(piece.samples) / 16_000)


def test_a_faster_rate_is_shorter(tmp_path: Path) -> None:
    engine = loaded(tmp_path)
    slow, fast = said(engine, "hɛlO wˈɜɹld"), said(engine, "hɛlO wˈɜɹld", rate=2.0)
    assert len(fast.samples) == pytest.approx(len(slow.samples) / 2, rel=0.05)


def test_speakers_are_voices_of_their_own(tmp_path: Path) -> None:
    engine = loaded(tmp_path, speakers=2)
    assert [voice.name for voice in engine.voices] == ["en_US-tiny-low/ann", "en_US-tiny-low/ben"]
    assert not np.allclose(said(engine, "hɛlO", 0).samples, said(engine, "hɛlO", 1).samples)


def test_without_noise_it_says_the_same_every_time(tmp_path: Path) -> None:
    engine = loaded(tmp_path)
    assert np.array_equal(said(engine, "hɛlO").samples, said(engine, "hɛlO").samples)


def test_nothing_that_can_be_said_is_one_empty_piece(tmp_path: Path) -> None:
    piece = said(loaded(tmp_path), "# ,")
    assert not len(piece.samples)
    assert piece.unknown == "#"


def test_mandarin_tones_are_written_as_espeak_writes_them() -> None:
    symbols, unknown = piper_symbols("ni↓ xau↓", dict.fromkeys(SYMBOLS))
    assert "".join(symbol for symbol, _ in symbols) == "ni2 χau2"
    assert [position for _, position in symbols] == list(range(8))
    assert not unknown


def test_both_engines_are_in_one_library_and_are_not_blended(tmp_path: Path) -> None:
    engine = loaded(tmp_path)
    voices = VoiceLibrary([scripted_engine(), engine], DEFAULTS)
    assert voices.all("en")[-1].engine.name == "piper"
    with pytest.raises(InvalidInput, match="one engine"):
        voices.get("en_US-tiny-low+af_heart")


def test_speakers_of_one_voice_are_not_blended(tmp_path: Path) -> None:
    voices = VoiceLibrary([loaded(tmp_path, speakers=2)], {"en": "en_US-tiny-low/ann"})
    with pytest.raises(InvalidInput, match="piper cannot be blended"):
        voices.get("en_US-tiny-low/ann+en_US-tiny-low/ben")


def test_its_speech_comes_out_at_the_services_rate(tmp_path: Path) -> None:
    voice = loaded(tmp_path).voices[0]

    async def speak() -> bytes:
        scheduler = PieceScheduler(4)
        task = asyncio.create_task(scheduler.run())
        synthesizer = SpeechSynthesizer(FRONT_END, scheduler, PhraseCache(None, CacheLimits()))
        chunks = [chunk async for chunk in synthesizer.speak("Hello.", Delivery(voice, language="en"))]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert chunks[0].words[0].text == "Hello"
        return b"".join(chunk.pcm_s16le for chunk in chunks)

    phonemes = FRONT_END.pronounce(Clause("Hello.", 0, 0), language="en").phonemes
    expected = len(said(voice.engine, phonemes).samples) / 16_000
    assert len(asyncio.run(speak())) / 48_000 == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"espeak": {"voice": "de"}}, "'de'"),
        ({"phoneme_type": "text"}, "text"),
        ({"phoneme_id_map": {"a": [1]}}, "phoneme_id_map"),
        ({"audio": {}}, "sample_rate"),
        ({"espeak": None}, "another form"),
    ],
)
def test_a_description_that_is_not_understood_is_refused(tmp_path: Path, change: dict, words: str) -> None:
    path = write_tiny_voice(tmp_path, "broken")
    description = path.with_name("broken.onnx.json")
    description.write_text(json.dumps(json.loads(description.read_text()) | change))
    with pytest.raises(PiperVoiceBroken, match=words):
        load_piper(tmp_path, CPU)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(PiperVoiceBroken, match="no Piper voice"):
        load_piper(tmp_path, CPU)
    path = write_tiny_voice(tmp_path, "lonely")
    path.with_name("lonely.onnx.json").unlink()
    with pytest.raises(PiperVoiceBroken, match=r"lonely.onnx.json"):
        load_piper(tmp_path, CPU)


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = write_tiny_voice(tmp_path, "many", speakers=2)
    description = path.with_name("many.onnx.json")
    description.write_text(json.dumps(json.loads(description.read_text()) | {"num_speakers": 1}))
    with pytest.raises(SessionError, match="sid"):
        load_piper(tmp_path, CPU)
