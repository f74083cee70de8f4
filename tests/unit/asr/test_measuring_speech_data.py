"""The speech set: its texts, what is planned from them, rooms, telephone, noises and music."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.tts import scripted_engine
from typer.testing import CliRunner

from voxcart.errors import InvalidInput
from voxcart.evaluation.manifest import read_manifest
from voxcart.evaluation.scoring import SlotAccuracy
from voxcart.speech_data.build import NON_SPEECH, make_non_speech, plan
from voxcart.speech_data.conditions import CONDITIONS, Condition, apply_condition, draw_condition, telephone
from voxcart.speech_data.noises import SAMPLE_RATE_HZ
from voxcart.speech_data.rooms import add_room, room_response
from voxcart.speech_data.texts import parse_marked, read_sentences
from voxcart_services.tts.voices.library import VoiceLibrary

pytestmark = pytest.mark.unit


def voices() -> VoiceLibrary:
    names = ("zf_one", "zm_two", "zf_three", "af_four", "bm_five")
    return VoiceLibrary([scripted_engine(names)], {"zh": "zf_one", "en": "af_four"})


def tone(seconds: float = 1.0, hz: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ).astype(np.float32)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_marks_become_slots() -> None:
    text, slots = parse_marked("我想买[product:苹果][number:三斤]")
    assert text == "我想买苹果三斤"
    assert [(slot.name, slot.text) for slot in slots] == [("product", "苹果"), ("number", "三斤")]


@pytest.mark.parametrize("marked", ["我想买[fruit:苹果]", "我想买[苹果]", "我想买[product:苹果"])
def test_wrong_marks_are_refused(marked: str) -> None:
    with pytest.raises(InvalidInput, match=r"slot"):
        parse_marked(marked)


def test_malformed_text_files_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "texts.tsv"
    path.write_text("zh\tshopper\t你好\nzh\tshopper\t你好\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="2: said before"):
        read_sentences(path)
    path.write_text("fr\tshopper\tbonjour\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="1: expected lang"):
        read_sentences(path)


def test_the_sentences_cover_languages_roles_and_slots() -> None:
    sentences = read_sentences()
    counts = {lang: sum(one.lang == lang for one in sentences) for lang in ("zh", "en", "mixed")}
    assert counts["zh"] >= 170
    assert counts["en"] >= 50
    assert counts["mixed"] >= 40
    for part in ("dev", "test"):
        own = [one for one in sentences if one.part == part]
        tags = {tag for one in own for tag in one.tags}
        assert {"shopper", "merchant", "short", "long", "outside", "phone", "address", "order"} <= tags
        assert {slot.name for one in own for slot in one.slots} >= {"product", "brand", "number", "price", "order_id"}


def test_every_slot_is_found_in_its_own_sentence() -> None:
    for one in read_sentences():
        slots = [(slot.name, slot.text) for slot in one.slots]
        assert SlotAccuracy().add(slots, one.text, one.lang) == []


def test_a_plan_is_the_same_every_time_and_grows_at_its_end() -> None:
    sentences = read_sentences()
    short, long = plan(sentences, voices(), "dev", 20, 1), plan(sentences, voices(), "dev", 300, 1)

    def facts(recordings: list) -> list:
        return [(one.name, one.sentence, one.voice.name, one.condition, one.seed) for one in recordings]

    assert facts(long[:20]) == facts(short)
    assert facts(plan(sentences, voices(), "dev", 20, 2)) != facts(short)
    assert {one.condition.name for one in short} == set(CONDITIONS)
    assert len({(one.sentence, one.voice.name, one.condition) for one in long}) == 300


def test_parts_share_neither_sentences_nor_voices() -> None:
    sentences = read_sentences()
    dev, test = (plan(sentences, voices(), part, 400, 1) for part in ("dev", "test"))
    assert not {one.sentence.text for one in dev} & {one.sentence.text for one in test}
    assert not {one.voice.name for one in dev} & {one.voice.name for one in test}
    for one in [*dev, *test]:
        assert one.voice.language == ("en" if one.sentence.lang == "en" else "zh")


@pytest.mark.parametrize("name", sorted(set(CONDITIONS)))
def test_conditions_give_sound_audio_again_and_again(name: str) -> None:
    condition = draw_condition(name, rng())
    assert condition.name == name
    one, rate_hz = apply_condition(tone(), condition, rng(3))
    other, _ = apply_condition(tone(), condition, rng(3))
    assert np.array_equal(one, other)
    assert one.dtype == np.float32
    assert np.isfinite(one).all()
    assert np.abs(one).max() <= 1
    assert rate_hz == (8_000 if condition.is_telephone else 16_000)
    assert len(one) / rate_hz > 1 / condition.pitch_factor + condition.lead_s + condition.trail_s - 0.1


def test_level_and_noise_are_what_they_are_said_to_be() -> None:
    samples, _ = apply_condition(tone(), Condition("x", peak_dbfs=-20.0), rng())
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(-20, abs=0.1)
    noisy, _ = apply_condition(tone(), Condition("x", noise="white", snr_db=10.0, lead_s=1.0), rng())
    background, speech = noisy[:15_000], noisy[17_000:31_000]
    noise_power = float(np.mean(background**2))
    assert 10 * np.log10((np.mean(speech**2) - noise_power) / noise_power) == pytest.approx(10, abs=0.5)


def test_pitch_moves_without_the_tempo_that_was_wanted() -> None:
    higher, _ = apply_condition(tone(), Condition("x", pitch_factor=1.1, lead_s=0.0, trail_s=0.0), rng())
    assert len(higher) == pytest.approx(16_000 / 1.1, abs=2)
    spectrum = np.abs(np.fft.rfft(higher))
    assert np.argmax(spectrum) * SAMPLE_RATE_HZ / len(higher) == pytest.approx(484, abs=2)


def test_a_telephone_lets_speech_through_and_little_else() -> None:
    def level(hz: float) -> float:
        line = telephone(tone(hz=hz) + 0.5 * tone(hz=1_000.0))
        spectrum = np.abs(np.fft.rfft(line))
        frequencies = np.fft.rfftfreq(len(line), 1 / 8_000)
        return float(spectrum[np.abs(frequencies - hz) < 5].max(initial=0) / spectrum.max())

    assert len(telephone(tone())) == 8_000
    assert level(100.0) < 0.05
    assert level(2_000.0) > 0.9


@pytest.mark.parametrize("reverberation_s", [0.2, 0.6])
def test_rooms_reverberate_as_long_as_asked(reverberation_s: float) -> None:
    response = room_response(rng(), SAMPLE_RATE_HZ, reverberation_s)
    assert response[0] == 1
    energy = np.cumsum(response[::-1].astype(np.float64) ** 2)[::-1]
    decay_db = 10 * np.log10(energy / energy[0] + 1e-12)
    fall = np.argmax(decay_db < -25) - np.argmax(decay_db < -5)
    assert 0.7 * reverberation_s < 3 * fall / SAMPLE_RATE_HZ < 1.8 * reverberation_s
    heard = add_room(tone(), response)
    assert len(heard) == 16_000
    assert np.mean(heard**2) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("kind", sorted(set(NON_SPEECH) - {"silence"}))
def test_noises_have_unit_level(kind: str) -> None:
    samples = NON_SPEECH[kind](rng(), 24_000)
    assert samples.shape == (24_000,)
    assert np.sqrt(np.mean(samples.astype(np.float64) ** 2)) == pytest.approx(1, rel=1e-3)
    assert np.array_equal(samples, NON_SPEECH[kind](rng(), 24_000))


def test_the_non_speech_part_is_a_manifest_without_words(tmp_path: Path) -> None:
    manifest = make_non_speech(tmp_path, 3, 1, lambda name, done, wanted: None)
    recordings = read_manifest(manifest)
    assert [one.condition for one in recordings] == list(NON_SPEECH)[:3]
    assert not any(one.is_speech for one in recordings)
    assert soundfile.info(recordings[0].path).duration == pytest.approx(18.75)


def test_the_command_refuses_bad_options(tmp_path: Path) -> None:
    from voxcart.cli_data import app

    assert CliRunner().invoke(app, ["speech", "--out", str(tmp_path), "--part", "train"]).exit_code == 2
    assert CliRunner().invoke(app, ["speech", "--out", str(tmp_path), "--count", "0"]).exit_code == 2
    (tmp_path / "file").write_text(json.dumps({}))
    done = CliRunner().invoke(app, ["speech", "--out", str(tmp_path / "file"), "--part", "nonspeech", "--count", "1"])
    assert done.exit_code == 1
