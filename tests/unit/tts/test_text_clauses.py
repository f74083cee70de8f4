"""Cutting replies into clauses: nothing is lost, the first is short, numbers stay whole, pieces change nothing."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart_services.tts.text.clauses import ClauseLimits, ClauseSplitter, pause_after_ms, split_clauses, weight

pytestmark = pytest.mark.unit

TEXTS = st.text(alphabet=st.sampled_from("好的苹果加购物车三斤 39.5元ab,，。！？：；“”\n…、-😀"), max_size=120)


def texts(text: str) -> list[str]:
    return [clause.text for clause in split_clauses(text)]


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_no_character_is_lost(text: str) -> None:
    clauses = split_clauses(text)
    assert "".join(clause.text for clause in clauses) == text
    assert [clause.start for clause in clauses] == [
        sum(len(earlier.text) for earlier in clauses[:position]) for position in range(len(clauses))
    ]


@given(TEXTS, st.lists(st.integers(1, 9), max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_way_of_cutting_the_text_into_pieces_gives_the_same_clauses(text: str, lengths: list[int]) -> None:
    splitter = ClauseSplitter()
    clauses = []
    rest = text
    for length in lengths:
        clauses += splitter.push(rest[:length])
        rest = rest[length:]
    clauses += splitter.push(rest) + splitter.flush()
    assert clauses == split_clauses(text)


@given(st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_clause_is_much_heavier_than_the_limit(text: str) -> None:
    limits = ClauseLimits(largest=20.0)
    assert all(weight(clause.text) <= 2 * limits.largest for clause in split_clauses(text, limits))


def test_the_first_clause_is_short_when_punctuation_allows() -> None:
    assert texts("好的，已经为您加入购物车，一共78元。")[0] == "好的，"
    assert texts("这是新鲜的苹果，3斤39元，很实惠。")[0] == "这是新鲜的苹果，"


def test_clauses_grow() -> None:
    weights = [weight(text) for text in texts("好的，" + "这是第一句话，" * 12)]
    assert weights[0] <= 4
    assert max(weights) > 20
    assert all(later <= max(12, 1.6 * earlier) + 8 for earlier, later in itertools.pairwise(weights))


def test_a_number_is_never_cut() -> None:
    assert texts("一共1,299.50元")[0] == "一共1,299.50元"
    assert "12:05" in "".join(texts("12:05到")[:1])


def test_a_long_text_without_punctuation_is_cut_at_a_space_if_there_is_one() -> None:
    parts = texts("word " * 200)
    assert len(parts) > 3
    assert all(part.endswith(" ") for part in parts[:-1])
    assert len(texts("一" * 200)) > 4


def test_a_closing_quote_stays_with_its_clause() -> None:
    assert texts("“好的。”他说，马上就来，请您稍微等一下。")[0].startswith("“好的。”")


@pytest.mark.parametrize(("text", "longer_than"), [("好的。", "好的，"), ("好的，", "好的"), ("好的！”", "好的、")])
def test_pauses_follow_the_punctuation(text: str, longer_than: str) -> None:
    assert pause_after_ms(text) > pause_after_ms(longer_than)


def test_nothing_gives_no_clause() -> None:
    assert split_clauses("") == []
