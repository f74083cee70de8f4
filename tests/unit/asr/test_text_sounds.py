"""Searches by sound give what trying everything would give; names come and go; Latin names in Mandarin syllables."""

import math
import random

import numpy as np
import pytest

from voxcart_services.asr.lists import read_words
from voxcart_services.asr.text.channel import SoundChannel, read_costs
from voxcart_services.asr.text.language_model import LanguageModel, packaged_model, write_model
from voxcart_services.asr.text.loans import heard_as
from voxcart_services.asr.text.names import LoanIndex, NameIndex
from voxcart_services.asr.text.sound_index import MAX_SYLLABLES
from voxcart_services.asr.text.sounds import READING_COST, HeardSounds, sound_numbers, unheard
from voxcart_services.asr.text.substitutes import Substitutes
from voxcart_services.asr.text.syllables import readings, syllable_numbers, word_readings

pytestmark = pytest.mark.unit

TEXTS = ("我想买轻空构无车", "把库洛米亚棉加入够物车", "火龙果多少钱", "8平果", "A米", "米", "要蓝牙尔机和充电保")


@pytest.fixture(scope="module")
def sounds() -> HeardSounds:
    return HeardSounds(SoundChannel(read_costs()))


def brute_force(names: list[str], text: str, sounds: HeardSounds) -> set[tuple[int, str]]:
    """Every name at every place, one syllable after the other."""
    numbers, found = syllable_numbers(), set()
    for name in names:
        for start in range(len(text) - len(name) + 1):
            total, is_heard = 0.0, True
            for position, said in enumerate(word_readings(name)):
                total += float(sounds.toneless(text[start + position])[numbers[said.letters]])
                is_heard &= total <= 3.0 + 1.6 * (position + 1)
            if is_heard and math.isfinite(total):
                found.add((start, name))
    return found


def search(index: NameIndex, text: str, sounds: HeardSounds) -> set[tuple[int, str]]:
    return {(m.start, m.name) for m in index.search(text, sounds.rows(text, MAX_SYLLABLES), sounds)}


def test_names_are_found_as_by_trying_all(sounds: HeardSounds) -> None:
    names = [name for name in read_words("goods.txt") if 2 <= len(name) <= MAX_SYLLABLES][::3]
    index = NameIndex()
    for name in names:
        index.add(name)
    for text in TEXTS:
        assert search(index, text, sounds) == brute_force(names, text, sounds)


def test_names_that_come_and_go_leave_what_a_new_index_has(sounds: HeardSounds) -> None:
    names, chance = read_words("goods.txt")[:200], random.Random(5)
    index, kept = NameIndex(), set(names[:100])
    for name in names:
        index.add(name)
    index.add(names[0])
    for name in chance.sample(names, len(names)):
        if name not in kept:
            index.remove(name)
    index.remove(names[0])
    index.remove("没有的名字")
    assert len(index) == len(kept)
    for text in TEXTS:
        assert search(index, text, sounds) == brute_force(sorted(kept), text, sounds)


def test_substitutes_are_the_best_of_all_characters(sounds: HeardSounds) -> None:
    model, weight, count = packaged_model(), 0.7, 4
    substitutes = Substitutes(model, sounds, weight, count)

    def total(char: str, state: int, heard: str) -> float:
        first, second = sound_numbers(char)
        toned = sounds.toned(heard)
        cost = min(toned.item(first), toned.item(second) + READING_COST)
        return cost - weight * model.step(state, char)[0]

    for context, heard in (("^", "取"), ("^加入购", "无"), ("^我想买平", "国"), ("^清空", "够")):
        state = 0
        for token in context:
            state = model.step(state, token)[1]
        (found,) = substitutes.find([state], heard)
        totals = [candidate.cost - weight * candidate.logprob for candidate in found]
        assert totals == sorted(totals)
        seen = {chr(token) for token in model.tokens[model.children(state)].tolist()} - {heard}
        best = min((total(char, state, heard) for char in seen), default=math.inf)
        assert totals[0] <= best + 1e-4


def test_many_contexts_at_once_give_what_each_gives(sounds: HeardSounds) -> None:
    model = packaged_model()
    states = [model.step(model.begin, token)[1] for token in "我要把请订购"]
    together = Substitutes(model, sounds, 0.7, 4).find(states, "物")
    alone = [Substitutes(model, sounds, 0.7, 4).find([state], "物")[0] for state in states]
    assert together == alone


def test_rows_hold_the_costs_of_readings(sounds: HeardSounds) -> None:
    row = sounds.toned("买")
    assert row.item(unheard()) == math.inf
    assert sounds.cost("买", readings("买")[0]) == 0.0
    assert sounds.cost("买", readings("卖")[0]) < sounds.cost("买", readings("拜")[0])
    assert not np.isfinite(sounds.toneless("A")[:-1]).any()


@pytest.mark.parametrize(
    ("name", "syllables"),
    [
        ("iPhone", ("ai", "feng")),
        ("Mate", ("mei", "te")),
        ("Sony", ("sou", "ni")),
        ("Bluetooth", ("bu", "lu", "tu", "si")),
    ],
)
def test_latin_names_have_mandarin_syllables(name: str, syllables: tuple[str, ...]) -> None:
    assert syllables in heard_as(name)


@pytest.mark.parametrize("name", ["", "T", "A4", "Mate 60", "苹果", "x" * 80])
def test_what_cannot_be_said_as_a_short_name_gives_nothing(name: str) -> None:
    assert heard_as(name) == ()


def test_loans_are_found_in_han_text(sounds: HeardSounds) -> None:
    index, text = LoanIndex(["iPhone"]), "我想买爱疯"
    rows = sounds.rows(text, MAX_SYLLABLES)
    assert {(m.start, m.length, m.name) for m in index.search(rows)} == {(3, 2, "iPhone")}
    index.remove("iPhone")
    assert index.search(rows) == []
    assert len(index) == 0


def test_a_model_is_written_the_same_and_read_back(tmp_path) -> None:
    logprobs = {"^": -9.0, "买": -1.5, "米": -2.0, "^买": -0.5, "买米": -0.25, "^买米": -0.125}
    backoffs = {"^": -0.5, "买": -0.25, "^买": -1.0}
    for name in ("a.npz", "b.npz"):
        write_model(tmp_path / name, logprobs, backoffs, {"what": "test"})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    model = LanguageModel(tmp_path / "a.npz")
    assert model.card == {"what": "test"}
    assert model.logprob("买米") == pytest.approx(-0.625)
    state = model.step(model.begin, "买")[1]
    assert model.step(state, "买")[0] == pytest.approx(-1.0 - 0.25 - 1.5)
    assert model.step(state, "猫")[0] < -9.0
