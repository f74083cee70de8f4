"""SSML: what is understood, what is refused and with which words, and clauses that never part a mark."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart.errors import InvalidInput
from voxcart_services.tts.text.clauses import Clause, ClauseLimits
from voxcart_services.tts.text.reading import Mark
from voxcart_services.tts.text.ssml import MAX_DOCUMENT_CHARACTERS, Passage, SsmlDocument, parse_ssml, ssml_clauses

pytestmark = pytest.mark.unit


def speak(inner: str) -> str:
    return f"<speak>{inner}</speak>"


def test_text_between_tags_is_one_passage_and_white_space_is_one_space() -> None:
    document = parse_ssml(
        '<?xml version="1.0"?>\n<speak version="1.1" xml:lang="zh-CN">\n 您好，\n  <!-- x -->欢迎 </speak>\n'
    )
    assert document.text.strip() == "您好， 欢迎"
    assert document.language == "zh"


def test_a_break_is_silence_after_a_clause_at_the_start_and_at_the_end() -> None:
    clauses = ssml_clauses(speak('<break time="1s"/>您好<break time="250ms"/>欢迎<break strength="strong"/>'))
    assert [(clause.text, clause.pause_ms) for clause in clauses] == [
        ("", 1000),
        ("您好", 250),
        ("欢迎", 500),
        ("", 500),
    ]


def test_no_break_takes_the_pause_away_and_breaks_in_a_row_add_up() -> None:
    clauses = ssml_clauses(speak('您好。<break strength="none"/>一<break time="1s"/><break time="2s"/>二'))
    assert [clause.pause_ms for clause in clauses[:2]] == [0, 3000]


def test_rates_multiply_and_end_a_clause() -> None:
    clauses = ssml_clauses(speak('一<prosody rate="fast">二<prosody rate="80%">三</prosody>四</prosody>五'))
    assert [(clause.text, clause.speaking_rate) for clause in clauses] == [
        ("一", 1.0),
        ("二", 1.25),
        ("三", 1.0),
        ("四", 1.25),
        ("五", 1.0),
    ]


@pytest.mark.parametrize(("rate", "factor"), [("slow", 0.8), ("+20%", 1.2), ("-20%", 0.8), ("150%", 1.5), ("0.7", 0.7)])
def test_ways_of_writing_a_rate(rate: str, factor: float) -> None:
    assert parse_ssml(speak(f'<prosody rate="{rate}">好</prosody>')).passages[0].speaking_rate == pytest.approx(factor)


def test_marks_keep_their_place_in_the_clause() -> None:
    (clause,) = ssml_clauses(speak('订单 <say-as interpret-as="digits"> 1234 </say-as>好'))
    (mark,) = clause.marks
    assert (clause.text[mark.start : mark.end], mark.kind, mark.value) == ("1234", "say-as", "digits")


def test_a_paragraph_ends_with_a_longer_pause_than_a_sentence() -> None:
    clauses = ssml_clauses(speak("<p><s>一</s><s>二</s></p><p>三</p>"))
    assert [clause.text for clause in clauses if clause.text] == ["一", "二", "三"]
    assert clauses[1].pause_ms > clauses[0].pause_ms > 0


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("", "no <speak> element"),
        ("您好", "not well-formed"),
        ("<speak>您好", "ends before <speak> of line 1 is closed"),
        ("<speak><prosody rate='slow'>您好</speak>", "closes another element than <prosody>"),
        ("<speak>\n<prosody rate='slow'>您好", "ends before <prosody> of line 2 is closed"),
        ("<speak></speak>", "no text"),
        ("<speak> <break time='1s'/> </speak>", "no text"),
        ("<p>您好</p>", "outermost"),
        ("<speak><speak>您好</speak></speak>", "outermost"),
        (speak("<voice name='x'>好</voice>"), "<voice> is not supported"),
        (speak("<prosody pitch='high'>好</prosody>"), "attribute 'pitch'"),
        (speak("<prosody rate='300%'>好</prosody>"), "rate comes to 3"),
        (speak("<prosody rate='quick'>好</prosody>"), "rate must be"),
        (speak("好<break time='11s'/>"), "at most 10s"),
        (speak("好<break time='-1s'/>"), "at most 10s"),
        (speak("好<break strength='huge'/>"), "strength must be"),
        (speak("好<break>好</break>"), "<break> may not hold text"),
        (speak("<say-as interpret-as='name'>好</say-as>"), "interpret-as must be one of"),
        (speak("<say-as interpret-as='date' format='xyz'>1</say-as>"), "format must be one of"),
        (speak("<say-as interpret-as='digits'></say-as>"), "holds no text"),
        (speak("<sub>好</sub>"), "needs an alias"),
        (speak("<sub alias='x'><sub alias='y'>好</sub></sub>"), "may hold text only"),
        (speak("<phoneme alphabet='x-sampa' ph='a'>好</phoneme>"), "alphabet must be"),
        (speak("<phoneme alphabet='pinyin' ph='hao9'>好</phoneme>"), "no pinyin syllable"),
        (speak("<phoneme ph='日'>a</phoneme>"), "no voice can say"),
        (speak("<p>" * 20 + "好" + "</p>" * 20), "nested 12 deep"),
        (speak("<s>好</s>" * 2001), "more than 2000 elements"),
        (speak("好<break time='10s'/>" * 13), "add up to more than 120 s"),
        ("<speak>" + "好" * MAX_DOCUMENT_CHARACTERS + "</speak>", "the limit is"),
        ("<?php echo 1 ?><speak>好</speak>", "processing instruction"),
        (speak("&nbsp;好"), "undefined entity"),
        (speak("好\x00"), "not well-formed"),
        (speak("好\ud800"), "surrogate"),
        (speak("好") + speak("好"), "junk after document"),
        ("<speak xml:lang='fr-FR'>oui</speak>", "xml:lang must be"),
    ],
)
def test_what_is_no_ssml_of_the_subset_is_refused_with_a_sentence(document: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        parse_ssml(document)


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE speak [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE speak [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE speak SYSTEM "http://127.0.0.1/x.dtd">',
    ],
)
def test_entities_are_never_expanded(declaration: str) -> None:
    with pytest.raises(InvalidInput, match="document type declaration"):
        parse_ssml(f"{declaration}<speak>&b;&x;</speak>")


@given(
    st.lists(
        st.tuples(st.text("好的，。苹果 a1", max_size=20), st.text("商品ab12", min_size=1, max_size=30)), max_size=8
    )
)
@settings(max_examples=100, deadline=None)
def test_no_clause_ends_inside_a_mark_and_nothing_is_lost(pieces: list[tuple[str, str]]) -> None:
    text, marks = "", []
    for between, marked in pieces:
        text += between
        marks.append(Mark(len(text), len(text) + len(marked), "sub", "x"))
        text += marked
    clauses = SsmlDocument((Passage(text, tuple(marks)),)).clauses(
        ClauseLimits(first_largest=5, second_largest=5, largest=5)
    )
    assert "".join(clause.text for clause in clauses) == text
    assert [_absolute(mark, clause) for clause in clauses for mark in clause.marks] == marks
    assert all(mark.end <= len(clause.text) for clause in clauses for mark in clause.marks)


def _absolute(mark: Mark, clause: Clause) -> Mark:
    return Mark(mark.start + clause.start, mark.end + clause.start, mark.kind, mark.value, mark.detail)


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for document in (text, speak(text), f"<speak><{text}/></speak>"):
        with contextlib.suppress(InvalidInput):
            parse_ssml(document)
