"""Unit words that follow a number: currency, counting words, measures, times. Data for ``amounts``."""

import re

from voxcart.text.wordlist import words

# Counting words and packages that a quantity is ordered in.
ZH_COUNTERS = words(
    "公斤 千克 人份 个 件 条 双 箱 盒 瓶 包 袋 斤 份 台 部 只 支 枝 根 块 张 片 桶 罐 听 杯 "
    "提 套 副 顶 本 束 朵 把 床 对 打 卷 板 串 颗 "
    "粒 扎 捆 筐 篮 组 排 辆 款 单 批 次 样 种 团 坛 壶 盆 棵 株 扇 匹 架 盏 面 口 篓 碗 盘 "
    "枚 沓 挂 位 身 两 克 kg 升 盒装 袋装"
)
# Sizes and contents; they describe a product rather than count it.
ZH_MEASURES = words(
    "英寸 厘米 毫米 毫升 平方米 平米 千瓦 毫安 兆 寸 码 米 尺 瓦 度 倍 核 匹马力 GB TB MB "
    "mAh ml ML mL cm mm inch G T L W g 号色 支装 片装 卷装 级 岁 人 克 "
    "升 杯量 层 道 期 星 座"
)
ZH_TIMES = words(
    "个多月 个月 个半月 分钟 小时 钟头 年前 年 月份 月 号 日 点钟 点 分 秒 天 周 星期 礼拜 刻钟 季度 夜 晚上"
)
ZH_PLACES = words("号楼 单元 栋 幢 楼 室 弄 巷 街 路 座 组团 门 层")
EN_COUNTERS = words(
    "boxes box bottles bottle packs pack packets packet bags bag kilos kilo kilograms "
    "kilogram kgs kg pounds pound pairs pair "
    "pieces piece cases case cartons carton dozens dozen cans can sets set units unit rolls "
    "roll jars jar bunches bunch copies copy "
    "items item crates crate tubs tub tubes tube trays tray sticks stick slices slice cups "
    "cup orders packages package jin"
)
EN_MEASURES = words(
    "inches inch gb tb gigs gig gigabytes liters liter litres litre ml cm watts watt grams gram oz ounces"
)
EN_TIMES = words("o'clock am pm days day weeks week months month years year hours hour minutes minute mins business")

MONEY_UNIT = re.compile(r"\s?(块钱|元钱|块|元|圆|人民币|rmb|cny|dollars?|bucks?|yuan|kuai|usd)(?![a-z])", re.IGNORECASE)
# Goods that are counted with 块, so that 两块香皂 is not money.
COUNTED_IN_KUAI = re.compile(
    r"块(?:儿)?(?:香皂|肥皂|手表|蛋糕|面包|电池|砖|豆腐|糖|巧克力|饼|毛巾|地毯|布|肉|牛排|"
    r"手工皂|洗衣皂|硬盘|显卡|屏|表|腊肉|排骨)"
)


def _alternation(alternatives: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in sorted(alternatives, key=len, reverse=True))


COUNTER = re.compile(rf"(?:{_alternation(ZH_COUNTERS)})|\s?(?:{_alternation(EN_COUNTERS)})(?![a-z])", re.IGNORECASE)
MEASURE = re.compile(
    rf"\s?(?:{_alternation(ZH_MEASURES + EN_MEASURES)})(?![a-zA-Z])|(?<=[0-9])-?(?:inch|gb|g|l|w)(?![a-z])",
    re.IGNORECASE,
)
TIME = re.compile(rf"(?:{_alternation(ZH_TIMES)})|\s?(?:{_alternation(EN_TIMES)})(?![a-z])", re.IGNORECASE)
PLACE = re.compile(rf"(?:{_alternation(ZH_PLACES)})")
