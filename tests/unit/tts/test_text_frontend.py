"""How written text is said: pairs, and properties that hold for any text."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart_services.tts.text.normalization import language_of, spoken_form
from voxcart_services.tts.text.numbers_en import cardinal_en
from voxcart_services.tts.text.numbers_zh import cardinal_zh

pytestmark = pytest.mark.unit

MANDARIN = [
    ("苹果39元", "苹果三十九元"),
    ("3斤39元，很实惠", "三斤三十九元，很实惠"),
    ("香蕉2斤15.8元", "香蕉两斤十五点八元"),
    ("¥1999", "一千九百九十九元"),
    ("￥15.80", "十五点八元"),
    ("¥0.5", "零点五元"),
    ("¥1,299.00", "一千二百九十九元"),
    ("1,299元", "一千二百九十九元"),
    ("12580元", "一万二千五百八十元"),
    ("1.5万元", "一点五万元"),
    ("200元", "两百元"),
    ("102元", "一百零二元"),
    ("销售额123456.78元", "销售额十二万三千四百五十六点七八元"),
    ("39.9元/24包", "三十九点九元每二十四包"),
    ("13元/斤", "十三元每斤"),
    ("10~20元", "十到二十元"),
    ("100-200元", "一百到两百元"),
    ("满300减40", "满三百减四十"),
    ("8.5折", "八点五折"),
    ("85%", "百分之八十五"),
    ("好评率99.5%", "好评率百分之九十九点五"),
    ("1/2", "二分之一"),
    ("2026-11-11", "二零二六年十一月十一日"),
    ("2026/11/1", "二零二六年十一月一日"),
    ("2026年11月11日", "二零二六年十一月十一日"),
    ("11月11日20:30", "十一月十一日二十点三十分"),
    ("12:05", "十二点零五分"),
    ("10:00", "十点"),
    ("10:00-22:00", "十点到二十二点"),
    ("订单号20261111000123", "订单号二零二六，幺幺幺幺，零零零幺，二三"),
    ("您的订单 VX-20261111000123 已发货", "您的订单 V X 二零二六，幺幺幺幺，零零零幺，二三 已发货"),
    ("验证码是 4821", "验证码是 四八二幺"),
    ("尾号5678", "尾号五六七八"),
    ("电话13812345678", "电话幺三八，幺二三四，五六七八"),
    ("010-62345678", "零幺零，六二三四五六七八"),
    ("400-820-8820", "四零零，八二零，八八二零"),
    ("我要买iPhone 15 Pro", "我要买iPhone 十五 Pro"),
    ("华为 Mate 60 Pro+ 手机", "华为 Mate 六十 Pro plus 手机"),
    ("小米14", "小米十四"),
    ("罗技G502鼠标", "罗技G 五零二鼠标"),
    ("5G手机", "五G手机"),
    ("纯牛奶 250ml×24盒", "纯牛奶 两百五十毫升乘二十四盒"),
    ("电饭煲3L", "电饭煲三升"),
    ("大米10kg", "大米十公斤"),
    ("6.1英寸", "六点一英寸"),
    ("电池5000mAh", "电池五千毫安时"),
    ("65W快充", "六十五瓦快充"),
    ("内存8+256GB", "内存八加两百五十六G"),
    ("今天-5℃", "今天负五摄氏度"),
    ("尺码42", "尺码四十二"),
    ("39-44码", "三十九到四十四码"),
    ("XL码", "XL码"),
    ("共2件", "共两件"),
    ("2双运动鞋", "两双运动鞋"),
    ("2张券", "两张券"),
    ("2倍", "两倍"),
    ("第2个", "第二个"),
    ("第12个", "第十二个"),
    ("苹果×3", "苹果三件"),
    ("苹果x2", "苹果两件"),
    ("满2件8折", "满两件八折"),
    ("评分5.0分", "评分五分"),
    ("评分4.8分", "评分四点八分"),
    ("库存120件", "库存一百二十件"),
    ("销量1万+", "销量一万多"),
    ("3-5天送达", "三到五天送达"),
    ("黑/白/蓝", "黑，白，蓝"),
    ("你好😀**强调**", "你好强调"),
    ("<b>好</b>\n第二行", "好。第二行"),
    ("[点这里](https://example.com/a?b=1)看看", "点这里看看"),
    ("１２元", "十二元"),
    ("面膜 10片 89元", "面膜 十片 八十九元"),
]  # fmt: skip

ENGLISH = [
    ("It's $39.50 for 3 items.", "It's thirty nine dollars and fifty cents for three items."),
    ("That is ¥1,299.", "That is one thousand two hundred and ninety nine yuan."),
    ("Only ¥15.8 each", "Only fifteen point eight yuan each"),
    ("20% off", "twenty percent off"),
    ("iPhone 15 Pro", "iPhone fifteen Pro"),
    ("Your order VX20261111 has shipped", "Your order V X two zero two six, one one one one has shipped"),
    ("It arrives at 10:30 am", "It arrives at ten thirty A M"),
    ("It arrives on 2026-11-21", "It arrives on November twenty first, twenty twenty six"),
    ("Call 13812345678", "Call one three eight, one two three four, five six seven eight"),
    ("size 42", "size forty two"),
    ("5.5 kg of rice", "five point five kilograms of rice"),
    ("100-200 yuan", "one hundred to two hundred yuan"),
    ("the 1st one", "the first one"),
]


@pytest.mark.parametrize(("written", "spoken"), MANDARIN)
def test_mandarin_pairs(written: str, spoken: str) -> None:
    assert spoken_form(written, "zh") == spoken


@pytest.mark.parametrize(("written", "spoken"), ENGLISH)
def test_english_pairs(written: str, spoken: str) -> None:
    assert spoken_form(written, "en") == spoken


def test_the_language_is_taken_from_the_text() -> None:
    assert language_of("我要买 iPhone") == "zh"
    assert language_of("two boxes of milk") == "en"
    assert language_of("12") == "zh"
    assert spoken_form("3 boxes") == "three boxes"


def test_chinese_text_is_never_read_by_english_rules() -> None:
    assert spoken_form("共3件", "en") == "共三件"


def test_only_emoji_says_nothing() -> None:
    assert spoken_form("😀🎉") == ""


@given(st.text(max_size=60), st.sampled_from(["zh", "en", ""]))
@settings(max_examples=150, deadline=None)
def test_any_text_is_said_without_ascii_digits_or_control_characters(text: str, language: str) -> None:
    said = spoken_form(text, language)
    assert not re.search(r"[0-9\x00-\x08\x0b\x0c\x0e-\x1f]", said)


@pytest.mark.parametrize(
    ("number", "words"), [("0", "零"), ("10", "十"), ("12", "十二"), ("105", "一百零五"), ("2026", "两千零二十六")]
)
def test_cardinal_in_characters(number: str, words: str) -> None:
    assert cardinal_zh(number) == words


def test_cardinal_in_english_words() -> None:
    assert cardinal_en("0") == "zero"
    assert cardinal_en("21") == "twenty one"
    assert cardinal_en("1000005") == "one million and five"
