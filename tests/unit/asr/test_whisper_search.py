"""Greedy and beam search on scripted scores: what is chosen, when it ends, loops, biasing."""

import numpy as np
import pytest

from voxcart_services.asr.biasing import BiasPhrase, ContextGraph
from voxcart_services.asr.whisper.search import BeamSearch, GreedySearch, Search, SearchRules, unlooped_length

pytestmark = pytest.mark.unit

END, SIZE = 9, 10


def rules(limit: int = 20, bias: ContextGraph | None = None, suppressed: tuple[int, ...] = ()) -> SearchRules:
    always = np.zeros(SIZE, np.float32)
    always[list(suppressed)] = -np.inf
    first = always.copy()
    first[END] = -np.inf  # changes what is left for the others a little
    return SearchRules(END, always, first, limit, bias)


def row(probabilities: dict[int, float]) -> np.ndarray:
    rest = (1 - sum(probabilities.values())) / (SIZE - len(probabilities))
    return np.log(np.array([probabilities.get(token, rest) for token in range(SIZE)], np.float32))


class Script:
    """Scores by what was written so far."""

    def __init__(self, table: dict[tuple[int, ...], dict[int, float]], default: dict[int, float]) -> None:
        self._table = {path: row(probabilities) for path, probabilities in table.items()}
        self._default = row(default)

    def run(self, search: Search) -> int:
        """Drives a search to its end and counts the steps."""
        paths: list[tuple[int, ...]] = [()]
        steps = 0
        while True:
            logits = np.stack([self._table.get(path, self._default) for path in paths])
            move = search.advance(logits)
            steps += 1
            if move is None:
                return steps
            paths = [(*paths[parent], token) for parent, token in zip(move.parents, move.tokens, strict=True)]


# Greedily 1 is first and leads nowhere good; 2 3 is the better text.
GARDEN_PATH = Script(
    {(): {1: 0.5, 2: 0.45}, (1,): {4: 0.2, 5: 0.2}, (2,): {3: 0.95}, (2, 3): {END: 0.95}, (1, 4): {END: 0.5}},
    {END: 0.5},
)


def test_greedy_takes_the_best_token_each_time() -> None:
    search = GreedySearch(rules())
    GARDEN_PATH.run(search)
    (found,) = search.results
    assert found.tokens == (1, 4)
    assert found.log_probs == pytest.approx(np.log([0.5, 0.2, 0.5]), abs=0.01)


def test_a_beam_finds_the_better_text() -> None:
    greedy, beam = GreedySearch(rules()), BeamSearch(rules(), 2, num_results=2)
    GARDEN_PATH.run(greedy)
    GARDEN_PATH.run(beam)
    best = beam.results[0]
    assert best.tokens == (2, 3)
    assert best.mean_log_prob > greedy.results[0].mean_log_prob
    assert [found.rank for found in beam.results] == sorted((found.rank for found in beam.results), reverse=True)


def test_a_beam_of_one_is_greedy() -> None:
    greedy, beam = GreedySearch(rules()), BeamSearch(rules(), 1)
    GARDEN_PATH.run(greedy)
    GARDEN_PATH.run(beam)
    assert beam.results[0].tokens == greedy.results[0].tokens


def test_suppressed_tokens_are_never_written() -> None:
    for search in (GreedySearch(rules(suppressed=(1, 4))), BeamSearch(rules(suppressed=(1, 4)), 3)):
        GARDEN_PATH.run(search)
        assert not {1, 4} & set(search.results[0].tokens)


@pytest.mark.parametrize("width", [1, 3])
def test_the_limit_ends_a_text_that_never_ends(width: int) -> None:
    endless = Script({}, dict.fromkeys(range(9), 0.11))
    search = GreedySearch(rules(limit=5)) if width == 1 else BeamSearch(rules(limit=5), width)
    assert endless.run(search) <= 6
    assert len(search.results[0].tokens) <= 5


def test_repetition_ends_a_search_and_is_kept_once() -> None:
    alternating = {(1, 2) * n: {1: 0.9} for n in range(10)} | {(*((1, 2) * n), 1): {2: 0.9} for n in range(10)}
    search = GreedySearch(rules())
    Script(alternating, {1: 0.9}).run(search)
    assert search.results[0].is_loop
    assert search.results[0].tokens == (1, 2)
    beam = BeamSearch(rules(), 2)
    Script(alternating, {1: 0.9}).run(beam)
    assert len(beam.results[0].tokens) <= 20


def test_loops_are_cut_to_their_first_round() -> None:
    assert unlooped_length((1, 2, 3, *[7, 8] * 4)) == 5
    assert unlooped_length((5,) * 7) == 1
    assert unlooped_length((8, 8, 8, 8, 6, 6)) is None


HOMOPHONES = Script({(): {1: 0.6, 2: 0.38}, (1,): {3: 0.9}, (2,): {3: 0.9}}, {END: 0.9})


@pytest.mark.parametrize("width", [1, 4])
def test_a_hot_word_wins_over_what_sounds_like_it(width: int) -> None:
    def written(bias: ContextGraph | None) -> tuple[int, ...]:
        search = GreedySearch(rules(bias=bias)) if width == 1 else BeamSearch(rules(bias=bias), width)
        HOMOPHONES.run(search)
        return search.results[0].tokens

    assert written(None) == (1, 3)
    assert written(ContextGraph([BiasPhrase((2, 3))], 1.0)) == (2, 3)


def test_confidence_is_the_models_not_the_hot_words() -> None:
    search = BeamSearch(rules(bias=ContextGraph([BiasPhrase((2, 3))], 2.0)), 4)
    HOMOPHONES.run(search)
    best = search.results[0]
    assert best.log_probs == pytest.approx(np.log([0.38, 0.9, 0.9]), abs=0.01)
    assert best.rank > best.mean_log_prob


def test_half_a_hot_word_earns_nothing_in_a_beam() -> None:
    search = BeamSearch(rules(bias=ContextGraph([BiasPhrase((1, 7, 8))], 1.0)), 4)
    HOMOPHONES.run(search)
    assert search.results[0].tokens == (1, 3)
    assert search.results[0].rank == pytest.approx(search.results[0].mean_log_prob, abs=1e-5)
