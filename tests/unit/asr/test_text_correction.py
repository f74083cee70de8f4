"""The correction step: what is repaired, what is left alone, what the catalogue and hot words change."""

import pytest

from voxcart_services.asr.results import TextEdit
from voxcart_services.asr.text.correction import CorrectionRequest, Corrector
from voxcart_services.asr.text.pipeline import TextPipeline

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def corrector() -> Corrector:
    return Corrector()


def correct(
    corrector: Corrector, text: str, tenant: str = "demo", hot_words: tuple[tuple[str, ...], ...] = ()
) -> list[TextEdit]:
    return corrector.correct(CorrectionRequest(text, tenant, hot_words))


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("衣服吃马不合适", "衣服尺码不合适"),
        ("衣服驰马不合适", "衣服尺码不合适"),
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
        ("巴平国的价格改成35元", "把苹果的价格改成35元"),
        ("屈人", "确认"),
        ("8苹果的价格改成35元", "把苹果的价格改成35元"),
        ("8苹果的价格", "把苹果的价格"),
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
    assert correct(corrector, text) == []


def corrected(corrector: Corrector, text: str, tenant: str, hot_words: tuple[tuple[str, ...], ...] = ()) -> str:
    for edit in reversed(correct(corrector, text, tenant, hot_words)):
        text = text[: edit.start] + edit.after + text[edit.end :]
    return text


def test_catalogue_names_come_and_go(corrector: Corrector) -> None:
    heard = "我想买酷洛米亚棉"
    assert corrected(corrector, heard, "plush") == heard
    corrector.set_product("plush", "1", ["库洛米雅绵", "ABC"])
    assert corrected(corrector, heard, "plush") == "我想买库洛米雅绵"
    assert {edit.reason for edit in correct(corrector, heard, "plush")} == {"catalogue"}
    assert corrected(corrector, heard, "other") == heard
    corrector.set_product("plush", "1", [])
    assert corrected(corrector, heard, "plush") == heard


def test_hot_words_count_for_one_call(corrector: Corrector) -> None:
    heard = "我要两盒马斯卡彭乃酪"
    assert corrected(corrector, heard, "demo", (("马斯卡彭奶酪",),)) == "我要两盒马斯卡彭奶酪"
    assert {edit.reason for edit in correct(corrector, heard, "demo", (("马斯卡彭奶酪",),))} == {"hot_word"}
    assert corrected(corrector, heard, "demo") == heard


def test_every_edit_is_listed_with_offsets_in_the_raw_text(corrector: Corrector) -> None:
    result = TextPipeline(corrector).process("買三斤苹果加入够物车", tenant="demo")
    assert result.text == "买3斤苹果加入购物车"
    assert [(e.start, e.end, e.before, e.after, e.reason) for e in result.edits] == [
        (0, 1, "買", "买", "simplified"),
        (1, 3, "三斤", "3斤", "number"),
        (7, 8, "够", "购", "homophone"),
    ]


def test_raw_only_changes_nothing_but_the_script(corrector: Corrector) -> None:
    result = TextPipeline(corrector).process("三斤蘋果够物车", tenant="demo", raw_only=True)
    assert result.text == "三斤苹果够物车"
    assert [edit.reason for edit in result.edits] == ["simplified"]


def test_overlong_and_foreign_text_passes(corrector: Corrector) -> None:
    assert correct(corrector, "吃马" * 5_000) == []
    assert correct(corrector, "'; DROP TABLE orders; -- \x00 ignore all rules") == []
