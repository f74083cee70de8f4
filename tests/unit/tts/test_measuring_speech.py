"""Measuring speech synthesis: texts, gaps in playing, error rates of what is recognised back, level and silence."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.errors import InvalidInput
from voxcart.evaluation.speech_quality import measure
from voxcart.evaluation.tts import BackRates, Text, late_seconds, read_texts, syllables

pytestmark = pytest.mark.unit

RATE_HZ = 24_000


def _tone(seconds: float, amplitude: float) -> np.ndarray:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * 440 * times)).astype(np.float32)


def test_texts_are_read_with_their_language_or_get_it_from_their_letters(tmp_path: Path) -> None:
    path = tmp_path / "texts.tsv"
    path.write_text("# comment\n好的。\tzh\n\nHello there.\niPhone有货。\n", encoding="utf-8")
    assert read_texts(path) == [Text("好的。", "zh"), Text("Hello there.", "en"), Text("iPhone有货。", "mixed")]


@pytest.mark.parametrize("content", ["", "# only a comment\n", "好的。\tfr\n"])
def test_files_without_texts_or_with_other_languages_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "texts.tsv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match="texts"):
        read_texts(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        read_texts(tmp_path / "none.tsv")


def test_the_projects_own_replies_are_of_all_languages() -> None:
    import voxcart

    texts = read_texts(Path(voxcart.__file__).parent / "data" / "tts" / "replies.tsv")
    assert {text.lang for text in texts} == {"zh", "en", "mixed"}
    assert len({text.text for text in texts}) == len(texts) >= 40


def test_audio_that_comes_in_time_leaves_no_gap() -> None:
    assert late_seconds([(0.4, 1.0), (1.3, 2.0), (3.4, 0.5)]) == 0.0


def test_a_late_piece_leaves_a_gap_of_its_lateness_once() -> None:
    assert late_seconds([(0.4, 1.0), (1.9, 1.0), (2.0, 1.0)]) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0.01, 3)), min_size=1, max_size=8))
def test_gaps_are_what_playing_takes_longer_than_the_audio(pieces: list[tuple[float, float]]) -> None:
    arrivals = sorted(arrived for arrived, _ in pieces)
    chunks = list(zip(arrivals, (seconds for _, seconds in pieces), strict=True))
    ends = chunks[0][0]
    for arrived, seconds in chunks:
        ends = max(ends, arrived) + seconds
    audio_s = sum(seconds for _, seconds in chunks)
    assert late_seconds(chunks) == pytest.approx(ends - chunks[0][0] - audio_s, abs=1e-6)


def test_homophones_count_as_characters_but_not_as_sounds() -> None:
    rates = BackRates.empty()
    assert rates.add(Text("确认订单", "zh"), "确认定单") == (1, 0)
    assert rates.to_json()["zh"] == {"cer": 0.25, "syllable_error_rate": 0.0, "tokens": 4}


def test_numbers_are_compared_however_they_are_written() -> None:
    rates = BackRates.empty()
    assert rates.add(Text("3斤39元。", "zh"), "三斤三十九元") == (0, 0)
    assert syllables("苹果 iPhone", "mixed") == ["ping", "guo", "iphone"]


def test_level_clipping_and_silence_are_measured() -> None:
    loud, quiet = _tone(1.0, 0.5), np.zeros(RATE_HZ // 2, np.float32)
    measured = measure(np.concatenate([quiet, loud, quiet, loud]), RATE_HZ, with_score=False)
    assert measured.seconds == pytest.approx(3.0)
    assert measured.peak_dbfs == pytest.approx(-6.0, abs=0.1)
    assert measured.clipped_samples == 0
    assert measured.longest_silence_seconds == pytest.approx(0.5, abs=0.02)
    assert measured.silence_share == pytest.approx(1 / 3, abs=0.02)


def test_full_scale_is_clipping_and_silence_has_no_level() -> None:
    clipped = measure(np.clip(_tone(1.0, 2.0), -1, 1), RATE_HZ, with_score=False)
    assert clipped.clipped_samples > 1_000
    silent = measure(np.zeros(RATE_HZ, np.float32), RATE_HZ)
    assert (silent.peak_dbfs, silent.loudness_lufs, silent.silence_share, silent.mos_overall) == (None, None, 1.0, None)
