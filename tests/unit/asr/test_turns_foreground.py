"""Speech meant for the shop against a television behind it: levels, noise, and the benefit of the doubt."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_services.asr.turns.foreground import (
    ForegroundRules,
    SpeechLevel,
    VoiceMeasures,
    judge_foreground,
    measure_voice,
)
from voxcart_services.asr.turns.vad import FRAME_SAMPLES

pytestmark = pytest.mark.unit

RULES = ForegroundRules()
NEAR = VoiceMeasures(-20.0, -55.0, 35.0, 900, 0.9, 600, 0.95, 0.0)
FAR = replace(NEAR, speech_dbfs=-42.0, snr_db=8.0)
MEASURES = st.builds(
    VoiceMeasures,
    st.none() | st.floats(-90, 0),
    st.none() | st.floats(-96, -10),
    st.none() | st.floats(-5, 90),
    st.integers(0, 20_000),
    st.floats(0, 1),
    st.integers(0, 20_000),
    st.floats(0, 1),
    st.floats(0, 1),
)


def known_level(dbfs: float = -20.0) -> SpeechLevel:
    return SpeechLevel((dbfs,))


def voice(level: float, num_frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, num_frames * FRAME_SAMPLES).astype(np.float32)


def test_levels_of_speech_and_background_are_told_apart() -> None:
    samples = np.concatenate([voice(0.001, 10, 1), voice(0.1, 20, 2), voice(0.001, 5, 3), voice(0.1, 10, 4)])
    probabilities = np.array([0.9] * 20 + [0.1] * 5 + [0.8] * 10, np.float32)
    measures = measure_voice(samples, probabilities)
    assert measures.speech_dbfs == pytest.approx(-20, abs=0.5)
    assert measures.noise_dbfs == pytest.approx(-60, abs=0.5)
    assert measures.snr_db == pytest.approx(40, abs=1)
    assert (measures.voiced_ms, measures.longest_voiced_ms) == (30 * 32, 20 * 32)
    assert measures.voiced_share == pytest.approx(30 / 35)
    assert measures.mean_probability == pytest.approx((20 * 0.9 + 10 * 0.8) / 30)
    assert measures.clipped_share == 0


def test_samples_that_fill_no_frame_are_left_out_at_the_beginning() -> None:
    samples = np.concatenate([voice(0.1, 1)[:100], voice(0.001, 4), voice(0.1, 4)])
    measures = measure_voice(samples, np.array([0.9] * 4, np.float32))
    assert measures.snr_db == pytest.approx(40, abs=1.5)


def test_what_is_not_there_is_unknown() -> None:
    silent = measure_voice(np.zeros(FRAME_SAMPLES * 3, np.float32), np.zeros(3, np.float32))
    assert (silent.speech_dbfs, silent.snr_db, silent.voiced_ms, silent.mean_probability) == (None, None, 0, 0.0)
    assert silent.noise_dbfs == -96.0
    voiced = measure_voice(voice(0.1, 3), np.ones(3, np.float32))
    assert (voiced.noise_dbfs, voiced.snr_db) == (None, None)
    empty = measure_voice(np.zeros(0, np.float32), np.zeros(0, np.float32))
    assert (empty.speech_dbfs, empty.noise_dbfs, empty.clipped_share) == (None, None, 0.0)


def test_clipping_is_counted() -> None:
    samples = voice(0.05, 4)
    samples[:512] = 1.0
    assert measure_voice(samples, np.ones(4, np.float32)).clipped_share == pytest.approx(0.25)


@given(measures=MEASURES, confidence=st.floats(0, 1), is_answer=st.booleans())
def test_nobody_is_turned_away_before_a_turn_was_accepted(
    measures: VoiceMeasures, confidence: float, is_answer: bool
) -> None:
    assert not judge_foreground(measures, SpeechLevel(), confidence, is_answer, RULES).is_background


@given(measures=MEASURES, confidence=st.floats(0, 1), level=st.floats(-60, 0))
def test_an_answer_always_passes(measures: VoiceMeasures, confidence: float, level: float) -> None:
    assert not judge_foreground(measures, known_level(level), confidence, True, RULES).is_background


@given(measures=MEASURES, confidence=st.floats(0, 1), level=st.floats(-60, 0))
def test_one_turns_nobody_away(measures: VoiceMeasures, confidence: float, level: float) -> None:
    rules = replace(RULES, reject_background=1.0)
    assert not judge_foreground(measures, known_level(level), confidence, False, rules).is_background


@given(level=st.floats(-50, -10), down=st.floats(0, 8), confidence=st.floats(0, 1), snr_db=st.floats(0, 60))
def test_a_speaker_about_as_loud_as_before_passes_in_any_noise(
    level: float, down: float, confidence: float, snr_db: float
) -> None:
    measures = replace(NEAR, speech_dbfs=level - down, snr_db=snr_db)
    assert not judge_foreground(measures, known_level(level), confidence, False, RULES).is_background


@given(one=st.floats(-70, -10), other=st.floats(-70, -10), confidence=st.floats(0, 1))
def test_the_fainter_the_more_likely_background(one: float, other: float, confidence: float) -> None:
    fainter, louder = sorted((one, other))
    probabilities = [
        judge_foreground(replace(FAR, speech_dbfs=dbfs), known_level(), confidence, False, RULES).background_probability
        for dbfs in (fainter, louder)
    ]
    assert probabilities[0] >= probabilities[1]


def test_a_television_behind_the_speaker_is_turned_away_and_the_speaker_is_not() -> None:
    level = SpeechLevel()
    for dbfs in (-20.0, -23.0, -18.0):
        assert not judge_foreground(replace(NEAR, speech_dbfs=dbfs), level, 0.8, False, RULES).is_background
        level.accept(dbfs)
    assert judge_foreground(FAR, level, 0.45, False, RULES).is_background
    assert not judge_foreground(replace(NEAR, speech_dbfs=-29.0), level, 0.8, False, RULES).is_background


@given(level=st.floats(-30, -10), down=st.floats(0, 60), confidence=st.floats(0.35, 1), snr_db=st.floats(10, 60))
def test_a_voice_that_sounds_close_is_never_turned_away_for_being_faint(
    level: float, down: float, confidence: float, snr_db: float
) -> None:
    close = replace(NEAR, speech_dbfs=level - down, snr_db=snr_db, decay_db=12.0)
    assert not judge_foreground(close, known_level(level), confidence, False, RULES).is_background


@given(one=st.none() | st.floats(0, 40), other=st.floats(0, 40), dbfs=st.floats(-60, -20))
def test_the_more_it_echoes_the_more_likely_background(one: float | None, other: float, dbfs: float) -> None:
    decays = (other, other + 5) if one is None else sorted((one, other))
    echoing, dry = (
        judge_foreground(replace(FAR, speech_dbfs=dbfs, decay_db=decay_db), known_level(), 0.5, False, RULES)
        for decay_db in decays
    )
    assert echoing.background_probability >= dry.background_probability


def test_a_voice_close_by_falls_silent_faster_than_one_from_across_a_room() -> None:
    syllables = np.concatenate([np.concatenate([voice(0.1, 5, seed), voice(0.0002, 4, seed)]) for seed in range(8)])
    seconds = np.arange(int(0.6 * 16_000)) / 16_000
    tail = np.random.default_rng(9).normal(0, 1, len(seconds)) * 10 ** (-3 * seconds / 0.6)
    room = np.convolve(syllables, np.concatenate([[5.0], tail]))[: len(syllables)].astype(np.float32)
    everywhere = np.ones(len(syllables) // FRAME_SAMPLES, np.float32)
    dry, far = (measure_voice(samples, everywhere).decay_db for samples in (syllables, room * np.float32(0.01)))
    assert dry is not None
    assert far is not None
    assert dry > 20 > 9 > far
    assert measure_voice(syllables * np.float32(0.1), everywhere).decay_db == pytest.approx(dry, abs=1.5)


def test_what_never_falls_has_no_decay() -> None:
    assert measure_voice(voice(0.1, 20), np.ones(20, np.float32)).decay_db is None
    assert measure_voice(voice(0.1, 2), np.ones(2, np.float32)).decay_db is None


def test_a_speaker_who_stepped_back_is_heard_again() -> None:
    level, turns = known_level(), 0
    farther = replace(NEAR, speech_dbfs=-20.0 - RULES.fainter_db - 6.0, snr_db=20.0, decay_db=6.0)
    while judge_foreground(farther, level, 0.8, False, RULES).is_background:
        level.reject()
        turns += 1
    assert 1 <= turns <= 3


@given(st.lists(st.floats(-90, 0), min_size=1, max_size=20))
def test_the_expected_level_stays_among_what_was_heard_and_can_be_carried_over(heard: list[float]) -> None:
    level = SpeechLevel()
    for dbfs in heard:
        level.accept(dbfs)
    assert level.dbfs is not None
    assert min(heard) - 0.01 <= level.dbfs <= max(heard) + 0.01
    assert SpeechLevel(level.state).dbfs == level.dbfs
    assert SpeechLevel(SpeechLevel().state).dbfs is None


def test_a_turn_without_voice_teaches_nothing() -> None:
    level = SpeechLevel()
    level.reject()
    level.accept(None)
    assert level.state == ()


def test_bad_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="reject_background"):
        ForegroundRules(reject_background=0.2)
