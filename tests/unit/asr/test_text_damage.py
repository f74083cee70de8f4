"""How much of correct text is damaged, and how many mishearings of shop words are repaired; counted over lists."""

from pathlib import Path

import pytest

from voxcart.evaluation.scoring import CorrectionTally, normalized_tokens
from voxcart_services.asr.text.correction import CorrectionRequest, Corrector
from voxcart_services.asr.text.pipeline import TextPipeline

pytestmark = pytest.mark.unit

LISTS = Path(__file__).parent / "data"
MAX_DAMAGED_SHARE = 0.01
MIN_REPAIRED_SHARE = 0.88


def lines(name: str) -> list[str]:
    text = (LISTS / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def corrector() -> Corrector:
    return Corrector()


def test_correct_sentences_are_left_alone(corrector: Corrector) -> None:
    sentences = lines("correct_sentences.txt")
    damaged = [text for text in sentences if corrector.correct(CorrectionRequest(text, "demo"))]
    assert len(damaged) <= MAX_DAMAGED_SHARE * len(sentences), damaged


def test_mishearings_of_general_words_are_repaired(corrector: Corrector) -> None:
    pipeline, tally, wrong = TextPipeline(corrector), CorrectionTally(), []
    pairs = [line.split("\t") for line in lines("mishearings.tsv")]
    for heard, meant in pairs:
        text = pipeline.process(heard, tenant="demo").text
        tally.add(meant, heard, text, "zh")
        if normalized_tokens(text, "zh") != normalized_tokens(meant, "zh"):
            wrong.append((heard, text))
    assert len(wrong) <= (1.0 - MIN_REPAIRED_SHARE) * len(pairs), wrong
    assert tally.damaged <= 0.05 * tally.fixed


def test_what_the_recogniser_was_unsure_of_is_changed_sooner(corrector: Corrector) -> None:
    heard = "尺马选大了"

    def edits(confidence: float) -> list[str]:
        request = CorrectionRequest(heard, "demo", confidences=(confidence,) * len(heard))
        return [edit.after for edit in corrector.correct(request)]

    assert edits(0.99) == []
    assert edits(0.3) == ["码"]


def test_a_name_that_was_changed_for_another_is_forgotten(corrector: Corrector) -> None:
    heard = CorrectionRequest("我想买爱疯的手机壳", "letters")
    corrector.set_product("letters", "1", ["苹果iPhone 15"])
    assert [edit.after for edit in corrector.correct(heard)] == ["iPhone"]
    corrector.set_product("letters", "1", ["苹果手机"])
    assert [edit.reason for edit in corrector.correct(heard) if edit.reason == "catalogue"] == []
