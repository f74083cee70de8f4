"""The written-spoken pairs: how many the front end says right, and what a pairs file may look like."""

from pathlib import Path

import pytest

from voxcart.errors import InvalidInput
from voxcart.evaluation.tts_frontend import FrontEndReader, Pair, evaluate, read_pairs

pytestmark = pytest.mark.unit

PAIRS = Path(__file__).parents[2] / "data" / "tts" / "frontend_pairs.tsv"


class Echo:
    """Says what is written."""

    def spoken(self, written: str, language: str) -> str:
        return written

    def phonemes(self, written: str, language: str) -> str:
        return f"{language} {written}"

    def phonemes_of_pinyin(self, syllables: str) -> str:
        return f"zh {syllables}"


def test_at_least_97_per_cent_of_the_pairs_are_said_right() -> None:
    pairs = read_pairs(PAIRS)
    result = evaluate(pairs, FrontEndReader())
    assert result["pairs"] == len(pairs) >= 200
    assert result["share"] >= 0.97, result["wrong"]
    assert all(group["share"] >= 0.8 for group in result["by_check"].values())


def test_punctuation_spaces_and_case_do_not_count_for_words_and_alternatives_do() -> None:
    pairs = [Pair("Hello, world", ("hello world",)), Pair("二", ("两", "二")), Pair("二", ("三",))]
    result = evaluate(pairs, Echo())
    assert (result["pairs"], result["right"]) == (3, 2)
    assert result["wrong"] == [{"written": "二", "spoken": "三", "said": "二"}]


def test_pinyin_is_compared_by_its_phonemes_without_spaces() -> None:
    result = evaluate([Pair("yin2 hang2", ("yin2hang2",), check="pinyin", language="zh")], Echo())
    assert result["share"] == 1


def test_a_file_of_two_columns_and_one_with_a_header_are_read(tmp_path: Path) -> None:
    plain = tmp_path / "plain.tsv"
    plain.write_text("# a comment\n39元\t三十九元\n", encoding="utf-8")
    assert read_pairs(plain) == [Pair("39元", ("三十九元",))]
    named = tmp_path / "named.tsv"
    named.write_text("spoken\tlanguage\twritten\n五 | 伍\tzh\t5\n", encoding="utf-8")
    assert read_pairs(named) == [Pair("5", ("五", "伍"), language="zh")]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "holds no pairs"),
        ("39元\t\n", "line 1"),
        ("written\tspoken\tcheck\n1\t一\tsound\n", "check must be"),
        ("written\tspoken\tlanguage\n1\t一\tfr\n", "language must be"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, content: str, complaint: str) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=complaint):
        read_pairs(file)
