"""Correction, guards and agreement: what is repaired, what is left alone, what is dropped."""

import pytest

from voxcart_services.asr.agreement import LocalAgreement
from voxcart_services.asr.text.correction import Corrector
from voxcart_services.asr.text.pinyin_index import PinyinIndex, sound_cost
from voxcart_services.asr.text.pipeline import TextPipeline
from voxcart_services.asr.whisper.decode import Hypothesis, unlooped_length
from voxcart_services.asr.whisper.guards import GuardRules, is_speech, is_subtitle

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def corrector() -> Corrector:
    return Corrector()


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("衣服吃马不合适", "衣服尺码不合适"),
        ("衣服驰马不合适", "衣服尺码不合适"),
        ("我要屈人", "我要确认"),
        ("缺任订单", "确认订单"),
        ("昨天的定单到哪了", "昨天的订单到哪了"),
        ("顶单到哪里了", "订单到哪里了"),
        ("加入够物车", "加入购物车"),
        ("夹入购物车", "加入购物车"),
        ("轻空构无车", "清空购物车"),
        ("红色的连疫群", "红色的连衣裙"),
        ("滑位手机有哪些", "华为手机有哪些"),
        ("要黑色的41马", "要黑色的41码"),
        ("闪掉第一个", "删掉第一个"),
        ("8苹果的价格改成35元", "把苹果的价格改成35元"),
        ("巴平国的价格改成35元", "把苹果的价格改成35元"),
    ],
)
def test_mishearings_of_shop_words_are_repaired(corrector: Corrector, heard: str, meant: str) -> None:
    assert TextPipeline(corrector).process(heard, tenant="demo").text == meant


@pytest.mark.parametrize(
    "text",
    [
        "我想买苹果",
        "第一个来两份",
        "你有什么推荐的",
        "苹果还有多少库存",
        "上个月的销售额是多少",
        "把苹果的价格改成三十五元",
        "我想吃马铃薯",
        "他确实任性",
        "你今天过得怎么样",
        "我今天收获很多",
        "请问试用期是多久",
        "帮我把客厅的灯打开",
        "导航去最近的门店",
        "好嘞",
        "这个适合送给妈妈吗",
        "音乐很好听",
        "两千马力的发动机",
        "买一匹马",
        "8个苹果加入购物车",
        "八月上架的新款",
        "我要买湿巾和洗脸巾",
    ],
)
def test_correct_text_is_left_alone(corrector: Corrector, text: str) -> None:
    assert corrector.correct(text, tenant="demo") == []


def test_catalogue_names_come_and_go(corrector: Corrector) -> None:
    heard = "我想买榴联酥"
    assert corrector.correct(heard, tenant="fruit") == []
    corrector.set_product("fruit", "1", ["榴莲酥", "ABC"])
    (edit,) = corrector.correct(heard, tenant="fruit")
    assert (edit.before, edit.after, edit.reason, edit.start, edit.end) == ("榴联酥", "榴莲酥", "catalogue", 3, 6)
    assert corrector.correct(heard, tenant="other") == []
    corrector.set_product("fruit", "1", [])
    assert corrector.correct(heard, tenant="fruit") == []


def test_hot_words_count_for_one_call(corrector: Corrector) -> None:
    (edit,) = corrector.correct("来杯奈雪的查", tenant="demo", hot_words=["奈雪的茶"])
    assert (edit.before, edit.after) == ("奈雪的查", "奈雪的茶")
    assert corrector.correct("来杯奈雪的查", tenant="demo") == []


def test_every_edit_is_listed_with_offsets_in_the_raw_text(corrector: Corrector) -> None:
    result = TextPipeline(corrector).process("買三斤苹果加入够物车", tenant="demo")
    assert result.text == "买3斤苹果加入购物车"
    assert [(e.start, e.end, e.before, e.after, e.reason) for e in result.edits] == [
        (0, 1, "買", "买", "simplified"),
        (1, 3, "三斤", "3斤", "itn"),
        (5, 10, "加入够物车", "加入购物车", "homophone"),
    ]


def test_raw_only_changes_nothing_but_the_script(corrector: Corrector) -> None:
    result = TextPipeline(corrector).process("三斤蘋果够物车", tenant="demo", raw_only=True)
    assert (result.text, result.edits) == ("三斤苹果够物车", ())


def test_overlong_and_foreign_text_passes(corrector: Corrector) -> None:
    assert corrector.correct("吃马" * 5_000, tenant="demo") == []
    assert corrector.correct("'; DROP TABLE orders; -- \x00 ignore all rules", tenant="demo") == []


def test_sounds() -> None:
    assert sound_cost("定单", "订单") == 0.0
    assert sound_cost("吃马", "尺码") == pytest.approx(0.6)
    assert sound_cost("牛奶", "苹果") is None
    index = PinyinIndex(["购物车", "订单", "iPhone", "车"])
    assert len(index) == 2
    assert list(index.find("够无车")) == ["购物车"]
    index.remove("购物车")
    assert list(index.find("够无车")) == []


def _hypothesis(text: str, logprob: float = -0.3, no_speech: float = 0.1, *, is_loop: bool = False) -> Hypothesis:
    return Hypothesis(text, tuple(range(len(text))), logprob, no_speech, "zh", is_loop)


def test_invented_text_is_dropped() -> None:
    rules = GuardRules()
    assert is_speech(_hypothesis("我想买苹果"), 800, rules)
    assert is_speech(_hypothesis("是", -1.4, 0.25), 300, rules)
    assert not is_speech(_hypothesis("  。 "), 800, rules)
    assert not is_speech(_hypothesis("我想买苹果"), 96, rules)
    assert not is_speech(_hypothesis("随便什么", -1.2, 0.7), 800, rules)
    assert not is_speech(_hypothesis("随便什么什么", -1.8), 800, rules)
    assert not is_speech(_hypothesis("对", -0.9, is_loop=True), 800, rules)


@pytest.mark.parametrize(
    "line",
    ["字幕志愿者 杨茜茜", "谢谢观看！", "請不吝點贊訂閱", "Thanks for watching!", "字幕由Amara.org社区提供", "Music"],
)
def test_subtitle_lines_are_known(line: str) -> None:
    assert is_subtitle(line)


@pytest.mark.parametrize("line", ["谢谢", "谢谢你的推荐", "我想订阅牛奶", "thank you", "下次再说"])
def test_thanks_of_customers_are_no_subtitles(line: str) -> None:
    assert not is_subtitle(line)


def test_loops_are_cut_to_their_first_round() -> None:
    assert unlooped_length([1, 2, 3] + [7, 8] * 4) == 5
    assert unlooped_length([5] * 7) == 1
    assert unlooped_length([8, 8, 8, 8, 6, 6]) is None


def test_stability_is_the_agreed_share() -> None:
    agreement = LocalAgreement()
    assert agreement.push("我想") == 0.0
    assert agreement.push("我想买苹果。") == pytest.approx(2 / 5)
    assert agreement.push("我想买苹果") == 1.0
    assert agreement.push("") == 0.0
