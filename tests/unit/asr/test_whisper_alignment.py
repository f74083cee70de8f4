"""Word times from attention weights that are made up: paths, pauses, Han characters, letters."""

import numpy as np
import pytest

from voxcart_services.asr.whisper.alignment import best_path, voiced_positions, word_times

pytestmark = pytest.mark.unit

VOICED = np.ones(100, bool)


def looking(places: list[tuple[int, int]], positions: int = 100) -> np.ndarray:
    """Attention `[heads, tokens, positions]` of two heads; token n looks at places[n]."""
    weights = np.full((2, len(places), positions), 1e-3, np.float32)
    for token, (begin, end) in enumerate(places):
        weights[:, token, begin:end] = 1.0
    return weights / weights.sum(axis=-1, keepdims=True)


def test_the_cheapest_path_never_goes_back() -> None:
    cost = np.ones((3, 9), np.float32)
    cost[0, :4] = cost[1, 4:6] = cost[2, 6:] = 0
    assert best_path(cost).tolist() == [0, 4, 6]
    rng = np.random.default_rng(0)
    assert (np.diff(best_path(rng.random((12, 40)).astype(np.float32))) >= 0).all()


def test_tokens_begin_where_the_decoder_looks() -> None:
    alignment = looking([(0, 20), (20, 50), (50, 80), (80, 100)])
    words = word_times([("我", 1), ("想", 1), ("买", 1)], [-0.1, -0.2, -0.3], alignment, VOICED)
    assert [word.text for word in words] == ["我", "想", "买"]
    assert [word.start_ms for word in words] == pytest.approx([0, 400, 1000], abs=80)
    assert words[2].end_ms == pytest.approx(1600, abs=80)
    assert words[1].confidence == pytest.approx(np.exp(-0.2), abs=1e-3)


def test_han_characters_share_a_token_and_letters_join() -> None:
    alignment = looking([(0, 20), (20, 40), (40, 50), (50, 60), (60, 80), (80, 100)])
    pieces = [("我想", 1), ("买", 2), (" Air", 1), ("Pods", 1)]
    words = word_times(pieces, [-0.1] * 5, alignment, VOICED)
    assert [word.text for word in words] == ["我", "想", "买", "AirPods"]
    assert words[0].end_ms == words[1].start_ms


def test_punctuation_is_no_word_and_ends_one() -> None:
    alignment = looking([(0, 20), (20, 25), (25, 40), (40, 60), (60, 100)])
    words = word_times([("ok", 1), (",", 1), (" it's", 1), (" 3.5", 1)], [-0.1] * 4, alignment, VOICED)
    assert [word.text for word in words] == ["ok", "it's", "3.5"]


def test_a_pause_belongs_to_no_word() -> None:
    voiced = np.ones(100, bool)
    voiced[20:60] = False
    alignment = looking([(0, 18), (60, 80), (80, 100)])
    first, second = word_times([("好", 1), ("的", 1)], [-0.1, -0.1], alignment, voiced)
    assert first.end_ms <= 400
    assert second.start_ms == 1_200


def test_silence_is_quiet_beside_the_speech() -> None:
    tone = np.sin(np.arange(16_000) / 3).astype(np.float32)
    samples = np.concatenate([0.3 * tone, 0.001 * tone, 0.1 * tone])
    voiced = voiced_positions(samples, 160)
    assert voiced[:50].all()
    assert not voiced[50:100].any()
    assert voiced[100:150].all()
    assert not voiced[150:].any()
