"""The biasing automaton against a definition by brute force: totals along any path, back-off, sparse rows, cache."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_services.asr.biasing import ROOT, BiasPhrase, ContextGraph, GraphCache
from voxcart_services.asr.recognition import HotWord

pytestmark = pytest.mark.unit

VOCABULARY = 4
tokens = st.integers(0, VOCABULARY - 1)
paths = st.lists(tokens, max_size=24)
phrase_scores = st.dictionaries(
    st.lists(tokens, min_size=1, max_size=5).map(tuple), st.sampled_from([0.5, 1.0, 2.5]), max_size=8
)
Scores = dict[tuple[int, ...], float]


def graph_of(phrases: Scores) -> ContextGraph:
    """A graph of the phrases, the highest score first."""
    ordered = sorted(phrases.items(), key=lambda pair: -pair[1])
    return ContextGraph([BiasPhrase(phrase, score) for phrase, score in ordered])


def prefix_score(phrases: Scores, prefix: tuple[int, ...]) -> float | None:
    """What a beginning of phrases has earned: for each token the best of the phrases that share it so far."""
    total = 0.0
    for length in range(1, len(prefix) + 1):
        sharing = [score for phrase, score in phrases.items() if phrase[:length] == prefix[:length]]
        if not sharing:
            return None
        total += max(sharing)
    return total


def longest_open(phrases: Scores, path: list[int]) -> tuple[int, ...]:
    """The longest end of the path that begins a phrase."""
    for start in range(len(path) + 1):
        suffix = tuple(path[start:])
        if prefix_score(phrases, suffix) is not None:
            return suffix
    raise AssertionError("the empty end begins every phrase")


def run(graph: ContextGraph, path: list[int], strict: bool) -> tuple[float, int]:
    total, state = 0.0, ROOT
    for token in path:
        score, state, _ = graph.forward_one_step(state, token, strict)
        total += score
    return total, state


@given(phrase_scores, paths)
def test_strict_total_is_every_occurrence_and_what_is_open(phrases: Scores, path: list[int]) -> None:
    occurrences = sum(
        prefix_score(phrases, phrase)
        for end in range(1, len(path) + 1)
        for phrase in phrases
        if tuple(path[:end][-len(phrase) :]) == phrase
    )
    graph = graph_of(phrases)
    total, state = run(graph, path, strict=True)
    assert total == occurrences + prefix_score(phrases, longest_open(phrases, path))
    assert total + graph.finalize(state)[0] == occurrences


@given(phrase_scores, paths)
def test_free_total_is_the_phrases_as_they_complete(phrases: Scores, path: list[int]) -> None:
    expected, open_tokens = 0.0, []
    for token in path:
        open_tokens = list(longest_open(phrases, [*open_tokens, token]))
        ends = [tuple(open_tokens[start:]) for start in range(len(open_tokens))]
        complete = next((end for end in ends if end in phrases), None)
        if complete:
            expected += prefix_score(phrases, complete)
            open_tokens = []
    graph = graph_of(phrases)
    total, state = run(graph, path, strict=False)
    assert total + graph.finalize(state)[0] == expected
    assert graph.earned(state) == prefix_score(phrases, tuple(open_tokens))


@given(phrase_scores, paths, st.booleans())
def test_a_path_without_a_phrase_ends_with_nothing(phrases: Scores, path: list[int], strict: bool) -> None:
    graph = graph_of({(*phrase, VOCABULARY): score for phrase, score in phrases.items()})
    total, state = run(graph, path, strict)
    assert total + graph.finalize(state)[0] == 0
    assert run(graph, [*path, VOCABULARY + 1], strict)[1] == ROOT


@given(phrase_scores, paths, st.booleans())
def test_sparse_row_is_a_step_for_every_token(phrases: Scores, path: list[int], strict: bool) -> None:
    graph = graph_of(phrases)
    _, state = run(graph, path, strict)
    row = graph.bonuses(state, strict)
    dense = np.full(VOCABULARY + 2, row.default, np.float32)
    dense[row.tokens] += row.scores - np.float32(row.default)
    assert dense.tolist() == [graph.forward_one_step(state, token, strict).score for token in range(len(dense))]
    assert len(set(row.tokens.tolist())) == len(row.tokens)


@given(phrase_scores, paths)
def test_greedy_gains_are_a_tokens_own_score_in_its_phrase(phrases: Scores, path: list[int]) -> None:
    graph = graph_of(phrases)
    _, state = run(graph, path, strict=False)
    tokens, gains = graph.gains(state)
    for token, gain in zip(tokens.tolist(), gains.tolist(), strict=True):
        after = graph.forward_one_step(state, token).state
        if graph.level(after) == graph.level(state) + 1:
            assert gain == graph.earned(after) - graph.earned(state)
        assert 0 < gain <= graph.earned(after)
    assert graph.path_score(path) == run(graph, path, strict=False)[0] + graph.finalize(state)[0]


def test_matches_name_the_longest_phrase_that_ends() -> None:
    graph = ContextGraph([BiasPhrase((1, 2, 3), text="long"), BiasPhrase((2,), text="short", threshold=0.25)], 1.5, 0.5)
    step = graph.forward_one_step(ROOT, 1)
    assert step == (1.5, 1, None)
    step = graph.forward_one_step(step.state, 2)
    assert (step.score, graph.text(step.matched), graph.threshold(step.matched)) == (3.0, "short", 0.25)
    assert graph.is_matched(step.state) == (True, step.matched)
    step = graph.forward_one_step(step.state, 3)
    assert (step.score, graph.text(step.matched), graph.threshold(step.matched)) == (6.0, "long", 0.5)
    assert graph.forward_one_step(step.state, 9) == (-4.5, ROOT, None)


def test_left_phrase_keeps_what_begins_another() -> None:
    graph = ContextGraph([BiasPhrase((1, 2, 3)), BiasPhrase((2, 4))], 1.0)
    _, state = run(graph, [1, 2], strict=False)
    assert graph.forward_one_step(state, 4, strict=False).score == 0.0  # 2 earned before are these two
    assert graph.forward_one_step(state, 5, strict=False).score == -2.0


def test_later_higher_score_counts_from_the_shared_state_on() -> None:
    graph = ContextGraph([BiasPhrase((1, 2), 1.0), BiasPhrase((1, 3), 4.0)])
    total, state = run(graph, [1, 2], strict=False)
    assert (total, state) == (5.0, ROOT)
    assert graph.forward_one_step(graph.forward_one_step(ROOT, 1).state, 9).score == -4.0


def test_scores_are_single_precision() -> None:
    graph = ContextGraph([BiasPhrase((1, 1, 1), 0.1)])
    _, state = run(graph, [1, 1], strict=False)
    assert graph.earned(state) == float(np.float32(0.1) + np.float32(0.1))
    assert graph.finalize(state)[0] == -graph.earned(state)


def test_empty_graph_and_empty_phrases_change_nothing() -> None:
    graph = ContextGraph([BiasPhrase(())])
    assert graph.num_states == 1
    assert graph.forward_one_step(ROOT, 7) == (0.0, ROOT, None)
    assert graph.bonuses(ROOT).tokens.size == 0


def test_graphs_are_built_once_a_word_set() -> None:
    asked: list[str] = []

    def tokenize(word: str) -> list[list[int]]:
        asked.append(word)
        return [[ord(char) for char in word], [32, *(ord(char) for char in word)]]

    cache = GraphCache(tokenize, 2.0, max_graphs=2)
    words = (HotWord("ab", 0.5), HotWord("cd", 2.0), HotWord("ef", 0.0))
    graph = cache.get(words)
    assert asked == ["cd", "ab"]
    assert cache.get(tuple(words)) is graph
    assert graph.forward_one_step(ROOT, ord("a")).score == 1.0
    assert graph.forward_one_step(ROOT, ord("c")).score == 4.0
    assert graph.forward_one_step(ROOT, ord("e")).score == 0.0
    assert cache.get(()) is None
    assert cache.get((HotWord("ab", 0.0),)) is None
    for word in "xyz":
        cache.get((HotWord(word),))
    assert cache.get(words) is not graph
