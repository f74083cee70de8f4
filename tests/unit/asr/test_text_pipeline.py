"""From raw to useful text: every change is an edit of the raw text; what is meant is never lost."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart_services.asr.lists import read_words
from voxcart_services.asr.recognition import Alternative, Word
from voxcart_services.asr.results import TextEdit
from voxcart_services.asr.text.correction import CorrectionRequest, Corrector
from voxcart_services.asr.text.edits import EditedText, between
from voxcart_services.asr.text.pipeline import CorrectedText, TextPipeline, confidences

pytestmark = pytest.mark.unit

SPOKEN = (
    "我你他要想买看个的了吗是不这那有没什么多少钱元块斤箱双码号一二三四五十百千八马吃尺"
    "购够物车订定单丁苹平果国嗯呃，。？ 42iPhone買車單號"
)


@pytest.fixture(scope="module")
def corrector() -> Corrector:
    made = Corrector()
    made.set_product("demo", "1", ["库洛米雅绵", "iPhone 15 Pro"])
    return made


@pytest.fixture(scope="module")
def pipeline(corrector: Corrector) -> TextPipeline:
    return TextPipeline(corrector)


def applied(raw: str, edits: tuple[TextEdit, ...]) -> str:
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        assert raw[edit.start : edit.end] == edit.before
        raw = raw[: edit.start] + edit.after + raw[edit.end :]
    return raw


def check(result: CorrectedText, raw: str) -> None:
    assert applied(raw, result.edits) == result.text
    assert all(0.0 <= edit.score <= 1.0 and edit.before != edit.after for edit in result.edits)
    assert all(first.end <= second.start for first, second in zip(result.edits, result.edits[1:], strict=False))


@settings(max_examples=120, deadline=None)
@given(st.text(alphabet=SPOKEN, max_size=24), st.booleans())
def test_edits_lead_from_raw_to_text(pipeline: TextPipeline, raw: str, punctuate: bool) -> None:
    result = pipeline.process(raw, tenant="demo", hot_words=(("马斯卡彭奶酪",),), punctuate=punctuate)
    check(result, raw)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_passes(pipeline: TextPipeline, raw: str) -> None:
    check(pipeline.process(raw, tenant="demo", punctuate=True), raw)


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=SPOKEN + string.printable, max_size=30))
def test_only_the_script_changes_on_request(pipeline: TextPipeline, raw: str) -> None:
    result = pipeline.process(raw, tenant="demo", raw_only=True)
    check(result, raw)
    assert {edit.reason for edit in result.edits} <= {"simplified"}


def test_words_of_the_lexicon_stay(corrector: Corrector) -> None:
    words = read_words("lexicon.txt")
    changed = [word for word in words if corrector.correct(CorrectionRequest(word, "other"))]
    assert changed == []


@pytest.mark.parametrize(
    "raw",
    [
        "我想买三斤苹果",
        "去認下答",
        "嗯那个我想买苹果",
        "我要买我要买苹果",
        "把牛奶改成酸香",
        "i phone fifteen pro",
        "你好我想退货",
    ],
)
def test_what_was_corrected_stays_when_corrected_again(pipeline: TextPipeline, raw: str) -> None:
    once = pipeline.process(raw, tenant="demo", punctuate=True).text
    again = pipeline.process(once, tenant="demo", punctuate=True)
    assert (again.text, again.edits) == (once, ())


def test_the_same_call_gives_the_same_text_whatever_came_before(corrector: Corrector) -> None:
    raw = "大密时间多少钱"
    before = TextPipeline(Corrector()).process(raw, tenant="x")
    pipeline = TextPipeline(corrector)
    for other in ("高無尺寧又神嘛", "今天賣了多少蛋", "I want an i phone"):
        pipeline.process(other, tenant="demo")
    assert pipeline.process(raw, tenant="x") == before


@pytest.mark.parametrize(
    ("raw", "text", "reason"),
    [
        ("i phone fifteen pro", "iPhone 15 Pro", "catalogue"),
        ("我要买iphone15pro", "我要买iPhone 15 Pro", "catalogue"),
        ("I want an I phone", "I want an iPhone", "catalogue"),
        ("来个 mac book", "来个 MacBook", "hot_word"),
        ("do you have air pots", "do you have AirPods", "hot_word"),
    ],
)
def test_latin_names_are_restored(pipeline: TextPipeline, raw: str, text: str, reason: str) -> None:
    result = pipeline.process(raw, tenant="demo", hot_words=(("AirPods", "MacBook"),))
    assert result.text == text
    assert reason in {edit.reason for edit in result.edits}


@pytest.mark.parametrize(
    "text",
    ["add the second one to my cart", "do you have this in blue", "the rice cooker please", "I want a phone case"],
)
def test_other_english_stays(pipeline: TextPipeline, text: str) -> None:
    assert pipeline.process(text, tenant="demo", hot_words=(("AirPods", "MacBook"),)).text == text


def test_a_better_hypothesis_is_taken(pipeline: TextPipeline) -> None:
    others = (Alternative("我想买三斤苹果", 0.5, -0.45), Alternative("窝香麦山金平锅", 0.4, -0.5))
    result = pipeline.process("窝像麦山经平锅", tenant="x", alternatives=others, score=-0.4)
    assert result.text == "我想买3斤苹果"
    check(result, "窝像麦山经平锅")


def test_alternatives_do_not_replace_what_is_right(pipeline: TextPipeline) -> None:
    others = (Alternative("我想买平果", 0.5, -0.4), Alternative("我像买苹果", 0.4, -0.5))
    assert pipeline.process("我想买苹果", tenant="x", alternatives=others, score=-0.3).text == "我想买苹果"


def test_confidence_belongs_to_characters() -> None:
    words = [Word("我", 0, 1, 0.9), Word("想", 1, 2, 0.8), Word(" iPhone", 2, 3, 0.5)]
    assert confidences("我，想iPhone", words) == (0.9, 0.7, 0.8, *[0.5] * 6)
    assert confidences("我想", ()) is None


def test_what_was_heard_surely_is_harder_to_change(corrector: Corrector) -> None:
    def score(confidence: float) -> float:
        request = CorrectionRequest("把牛奶改成酸香", "x", confidences=(confidence,) * 7)
        return max((edit.score for edit in corrector.correct(request)), default=0.0)

    assert score(0.2) > score(0.7) > score(1.0)


def test_changes_that_touch_become_one_edit() -> None:
    edited = EditedText("買三尺蘋果")
    edited.apply([TextEdit(0, 1, "買", "买", "simplified", 1.0), TextEdit(3, 4, "蘋", "苹", "simplified", 1.0)])
    edited.apply([TextEdit(1, 3, "三尺", "三斤", "near_homophone", 0.7)])
    edited.apply([TextEdit(1, 3, "三斤", "3斤", "number", 0.95)])
    edited.apply([TextEdit(5, 5, "", "。", "punctuation", 0.8)])
    assert edited.text == "买3斤苹果。"
    assert edited.edits() == (
        TextEdit(0, 1, "買", "买", "simplified", 1.0),
        TextEdit(1, 3, "三尺", "3斤", "near_homophone", 0.7),
        TextEdit(3, 4, "蘋", "苹", "simplified", 1.0),
        TextEdit(5, 5, "", "。", "punctuation", 0.8),
    )


@given(
    st.text(max_size=12), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4), st.text(max_size=3)), max_size=6)
)
def test_edited_text_is_the_original_with_its_edits(original: str, changes: list[tuple[int, int, str]]) -> None:
    edited, plain = EditedText(original), original
    for start, size, after in changes:
        start = min(start, len(plain))
        end = min(start + size, len(plain))
        edited.apply([TextEdit(start, end, plain[start:end], after, "homophone", 0.5)])
        plain = plain[:start] + after + plain[end:]
        assert edited.text == plain
    text = original
    for edit in reversed(edited.edits()):
        assert text[edit.start : edit.end] == edit.before
        text = text[: edit.start] + edit.after + text[edit.end :]
    assert text == plain


@given(st.text(alphabet="购够物车八把", max_size=8), st.text(alphabet="购够物车八把", max_size=8))
def test_differences_lead_from_one_text_to_the_other(before: str, after: str) -> None:
    edited = EditedText(before)
    edited.apply(between(before, after, "llm", 0.8))
    assert edited.text == after
