"""Sentences that the language model of correction learns from.

- Commands and everyday talk of the project's own: `commands.yaml`, `everyday.yaml` and the example patterns of
  understanding (`services/nlu/data`), drawn with its word lists; a product, brand or category is drawn as the class
  token in a part of the sentences, so that the model learns where names stand and live catalogues can fill them in;
  another part takes a query as the product.
- The demo shop's product names, questions, answers and reviews.
- Search queries, where a file of them is given (Multi-CPR e-commerce, Apache-2.0).
- Words of general Chinese, by the counts of the jieba dictionary (MIT): they are no sentences and teach no beginnings
  or ends, only what is a word.

A sentence is a string of tokens, one a character: see `voxcart_services.asr.text.tokens`.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from training.nlu.expand import EXAMPLE_FILES, Expander
from voxcart.text.itn import normalize_spoken
from voxcart.text.pinyin import is_han
from voxcart_services.asr.lists import read_words
from voxcart_services.asr.text.tokens import BEGIN, END, NAME, to_tokens
from voxcart_services.asr.text.words import general_counts
from voxcart_services.nlu.lexicon import load_yaml

SHOP_DATA = Path("services/shop/data")
PATTERN_FILES = [Path(__file__).with_name(name) for name in ("commands.yaml", "everyday.yaml")]
_NAME_SLOT = re.compile(r"\{(?:product|brand|category)\}")
_MISSPELT = re.compile("优惠卷")
"""What the lists of understanding tolerate, though it is a misspelling."""
_PRODUCT_SLOT = re.compile(r"\{product\}")
_HEADS = (
    "嗯",
    "那个",
    "那",
    "哎",
    "请问",
    "麻烦",
    "你好",
    "请",
    "然后",
    "就",
    "那就",
    "我说",
    "帮忙",
    "不好意思",
    "另外",
    "还有",
    "对了",
    "好",
)
_TAILS = ("啊", "呀", "吧", "呢", "哈", "嘛", "谢谢", "吗", "了", "哦", "可以吗", "行吗", "好吗", "行不行")
# How often a person says such a thing in a shop, relative to 1 for intents that are not named.
_INTENT_WEIGHTS = {
    **dict.fromkeys(("people", "things", "shopping"), 20),
    **dict.fromkeys(("chat", "world", "talk_of_trade", "latin"), 10),
    **dict.fromkeys(("search", "cart", "checkout", "order", "merchant"), 6),
    **dict.fromkeys(("size", "refund", "address", "service", "talk"), 4),
    **dict.fromkeys(("search_product", "add_to_cart", "affirm", "out_of_scope"), 3),
    **dict.fromkeys(("deny", "ask_price", "refine_search", "order_status", "merchant_update_product"), 2),
}
_GROUPS = ("shopper", "merchant", "both")
_CLASS_SHARE, _QUERY_SHARE = 0.35, 0.3
_DIGITS_SHARE = 0.4
_HELD_OUT = 20


@dataclass(frozen=True)
class CorpusOptions:
    """How much is drawn.

    Attributes:
        num_commands: Sentences drawn from the patterns.
        general_mass: Sum of the counts of general words.
        seed: Of the drawings.
    """

    num_commands: int = 450_000
    general_mass: int = 600_000
    seed: int = 20_261


def read_queries(path: Path) -> tuple[list[str], list[str]]:
    """Queries to learn from and held-out ones (every twentieth), lines `id<TAB>query`."""
    queries = list(dict.fromkeys(line.split("\t")[-1].strip() for line in path.read_text("utf-8").splitlines()))
    usable = [query for query in queries if 2 <= len(query) <= 30 and is_han(query[0])]
    held_out = usable[::_HELD_OUT]
    excluded = set(held_out)
    return [query for query in usable if query not in excluded], held_out


def sentences(queries: list[str], options: CorpusOptions) -> Counter[str]:
    """All sentences with how often they count; with begin and end tokens where they are whole."""
    counted: Counter[str] = Counter()
    for text in commands(queries, options):
        counted[BEGIN + to_tokens(text) + END] += 1
    for text in queries:
        counted[BEGIN + to_tokens(text) + END] += 1
    for text, count in shop_texts():
        counted[BEGIN + to_tokens(text) + END] += count
    for word, count in general_words(options.general_mass):
        counted[word] += count
    return counted


def commands(queries: list[str], options: CorpusOptions) -> Iterator[str]:
    """Spoken commands; `NAME` stands for a product, brand or category in a part of them."""
    rng = random.Random(options.seed)
    expander = Expander(options.seed)
    groups = _patterns()
    weights = [_INTENT_WEIGHTS.get(intent, 1) * len(patterns) ** 0.5 for intent, patterns in groups]
    short_queries = [query for query in queries if len(query) <= 8]
    for _, patterns in rng.choices(groups, weights, k=options.num_commands):
        pattern, draw = rng.choice(patterns), rng.random()
        if draw < _CLASS_SHARE:
            pattern = _NAME_SLOT.sub(NAME, pattern)
        elif draw < _CLASS_SHARE + _QUERY_SHARE and short_queries:
            pattern = _PRODUCT_SLOT.sub(rng.choice(short_queries), pattern)
        yield _spoken(_MISSPELT.sub("优惠券", expander.sentence(pattern)), rng)
    for word in read_words("confirmations.txt"):
        for _ in range(options.num_commands // 4_000):
            yield word


def _patterns() -> list[tuple[str, list[str]]]:
    """The patterns of every intent or topic that hold Han characters."""
    sources = [load_yaml(name) for name in EXAMPLE_FILES]
    by_intent: dict[str, list[str]] = {}
    for path in PATTERN_FILES:
        by_intent |= yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)
    for source in sources:
        for group in _GROUPS:
            for intent, patterns in source[group].items():
                by_intent.setdefault(intent, []).extend(p for p in patterns if any(map(is_han, p)))
    return [(intent, patterns) for intent, patterns in by_intent.items() if patterns]


def _spoken(text: str, rng: random.Random) -> str:
    """A sentence as people say it, sometimes with something before or after, numbers in either form."""
    draw = rng.random()
    if draw < 0.06:
        text = rng.choice(_HEADS) + text
    elif draw < 0.12 and text[-1:] not in "吗呢吧啊呀了":
        text += rng.choice(_TAILS)
    return normalize_spoken(text).text if rng.random() < _DIGITS_SHARE else text


def shop_texts() -> Iterator[tuple[str, int]]:
    """Texts of the demo shop with their weights."""
    for line in (SHOP_DATA / "catalogue.jsonl").read_text("utf-8").splitlines():
        product = json.loads(line)
        values = [value["value_zh"] for value in product["attributes"]]
        for text in (product["name_zh"], product["brand_zh"], *product["aliases"]):
            yield text, 8
        for text in (*values, product["unit_zh"]):
            yield text, 1
    for line in (SHOP_DATA / "faq.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        for text in (entry["title_zh"], *entry["questions_zh"], *_clauses(entry["answer_zh"])):
            yield text, 4
    for kinds in json.loads((SHOP_DATA / "reviews.json").read_text("utf-8")).values():
        for text in (clause for review in (*kinds["positive"], *kinds["negative"]) for clause in _clauses(review)):
            yield text, 4
    for word in read_words("lexicon.txt"):
        yield word, 12


def _clauses(text: str) -> list[str]:
    return [clause for clause in re.split(r"[，。！？；]", text) if clause]


def general_words(mass: int) -> Iterator[tuple[str, int]]:
    """Words of general Chinese whose counts sum up to about `mass`; rare ones are left out."""
    counts = {word: count for word, count in general_counts().items() if all(map(is_han, word))}
    total = sum(count**0.75 for count in counts.values())
    for word, count in counts.items():
        scaled = round(count**0.75 / total * mass)
        if scaled:
            yield word, scaled
