"""Guards against invented text: what is dropped, what is cut off, and what must stay."""

import pytest

from voxcart_services.asr.recognition import Hypothesis
from voxcart_services.asr.whisper.guards import GuardRules, is_speech, is_subtitle, num_units, without_inventions

pytestmark = pytest.mark.unit


def _hypothesis(text: str, logprob: float = -0.3, no_speech: float = 0.1, *, is_loop: bool = False) -> Hypothesis:
    return Hypothesis(text, tuple(range(len(text))), 0.7, logprob, no_speech, "zh", is_loop=is_loop)


def test_invented_text_is_dropped() -> None:
    rules = GuardRules()
    assert is_speech(_hypothesis("我想买苹果"), 800, rules)
    assert not is_speech(_hypothesis("  。 "), 800, rules)
    assert not is_speech(_hypothesis("我想买苹果"), 96, rules)
    assert not is_speech(_hypothesis("随便什么", -0.9, 0.7), 800, rules)
    assert not is_speech(_hypothesis("随便什么", -0.5, 0.9), 800, rules)
    assert not is_speech(_hypothesis("You", -0.3, 0.4), 800, rules)
    assert not is_speech(_hypothesis("随便什么什么", -1.8), 800, rules)
    assert not is_speech(_hypothesis("对", -0.9, is_loop=True), 800, rules)


@pytest.mark.parametrize("text", ["好的", "是", "对", "yes", "no", "ok", "不要", "嗯", "三个", "取消", "thank you"])
def test_short_true_answers_stay(text: str) -> None:
    assert without_inventions(text) == text
    assert is_speech(_hypothesis(text, -0.9, 0.4), 200, GuardRules())


def test_nobody_speaks_that_fast() -> None:
    rules = GuardRules()
    assert is_speech(_hypothesis("我想买两斤苹果和一箱牛奶"), 1_200, rules)
    assert not is_speech(_hypothesis("我想买两斤苹果和一箱牛奶"), 400, rules)
    assert not is_speech(_hypothesis("one two three four five six seven eight nine ten eleven"), 300, rules)


def test_units_are_what_takes_time_to_say() -> None:
    assert num_units("我想买iPhone 15") == 6


@pytest.mark.parametrize(
    "line",
    ["字幕志愿者 杨茜茜", "谢谢观看！", "請不吝點贊訂閱", "Thanks for watching!", "字幕由Amara.org社区提供", "[Music]"],
)
def test_subtitle_lines_are_dropped(line: str) -> None:
    assert without_inventions(line) == ""


@pytest.mark.parametrize(
    "line",
    [
        "谢谢",
        "谢谢你的推荐",
        "我想订阅牛奶",
        "thank you",
        "下次再说",
        "有没有带字幕的电视",
        "我想看音乐盒",
        "《三体》多少钱",
        "I want to subscribe to milk",
        "下期付款可以吗",
    ],
)
def test_what_customers_say_stays(line: str) -> None:
    assert without_inventions(line) == line
    assert not is_subtitle(line)


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("我想买苹果谢谢观看", "我想买苹果"),
        ("我想买苹果，字幕由Amara.org社群提供", "我想买苹果"),
        ("我想買蘋果。請不吝點贊訂閱", "我想買蘋果。"),
        ("谢谢观看。我想买苹果", "我想买苹果"),
        ("I want apples. Thanks for watching!", "I want apples."),
        ("（音樂）我想买苹果", "我想买苹果"),
    ],
)
def test_only_the_invented_part_is_cut(heard: str, said: str) -> None:
    assert without_inventions(heard) == said
