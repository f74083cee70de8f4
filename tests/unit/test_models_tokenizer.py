"""The unigram tokenizer: same ids as the ``tokenizers`` package on the same model; the character map's trie."""

from pathlib import Path

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart.models.converters.double_array import build_double_array
from voxcart.models.converters.unigram_tokenizer import write_tokenizer
from voxcart.unigram_tokenizer import META_SPACE, UnigramModel, UnigramTokenizer, write_unigram

pytestmark = pytest.mark.unit

PIECES = {
    "<s>": 0.0,
    "<pad>": 0.0,
    "</s>": 0.0,
    "<unk>": 0.0,
    META_SPACE: -3.0,
    "我": -4.0,
    "我想": -5.5,
    "想买": -5.25,
    "买": -4.5,
    "苹果": -6.0,
    "苹": -7.0,
    "果": -7.5,
    META_SPACE + "i": -5.0,
    "Phone": -6.25,
    "P": -5.75,
    "h": -4.75,
    "one": -5.125,
    "15": -6.5,
    "1": -4.25,
    "5": -4.375,
    "é": -8.0,
    "a": -4.125,
    "A": -4.625,
    "ー": -9.0,
}
NORMALIZATION = {"\t": " ", "\n": " ", "\u3000": " ", "\x07": "", "１": "1", "５": "5", "Ａ": "A", "½": "1\u20442"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[UnigramTokenizer, tokenizers.Tokenizer]:
    folder = tmp_path_factory.mktemp("tokenizer")
    model = UnigramModel(list(PIECES), list(PIECES.values()), NORMALIZATION, bos_id=0, eos_id=2, unk_id=3)
    write_unigram(folder / "tokenizer.bin", model)
    write_tokenizer(folder / "tokenizer.json", model)
    return UnigramTokenizer(folder / "tokenizer.bin"), tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


@given(text=st.text(alphabet="我想买苹果 iPhone15aAé１５Ａ½\t\n\u3000\x07喵😀", max_size=40))
@settings(max_examples=300, deadline=None)
def test_ids_equal_those_of_the_tokenizers_package(
    pair: tuple[UnigramTokenizer, tokenizers.Tokenizer], text: str
) -> None:
    ours, theirs = pair
    assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids


def test_texts_by_hand(pair: tuple[UnigramTokenizer, tokenizers.Tokenizer]) -> None:
    names = list(PIECES)

    def pieces(text: str) -> list[str]:
        return [names[index] for index in pair[0].encode(text)]

    assert pieces("我想买苹果") == [META_SPACE, "我", "想买", "苹果"]
    assert pieces(" iPhone  １５") == [META_SPACE + "i", "Phone", META_SPACE, "15"]
    assert pieces("喵喵a") == [META_SPACE, "<unk>", "a"]
    assert pieces("e\u0301") == [META_SPACE, "é"]
    assert pieces("") == []
    assert pair[1].encode("a").ids == [0, 4, names.index("a"), 2]


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.bin"
    write_unigram(path, UnigramModel(list(PIECES), list(PIECES.values()), {}, bos_id=0, eos_id=2, unk_id=3))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="cut short"):
        UnigramTokenizer(path)


def look_up(units: list[int], key: bytes) -> int | None:
    """The value of a key in a double array, read by the rules of darts-clone."""
    base = units[0] >> 10
    for byte in key:
        position = base ^ byte
        if units[position] & 0x800000FF != byte:
            return None
        base = position ^ units[position] >> 10
        has_value = units[position] >> 8 & 1
    return units[base] & 0x7FFFFFFF if has_value else None


KEYS = st.binary(min_size=1, max_size=4).filter(lambda key: 0 not in key)


@given(entries=st.dictionaries(KEYS, st.integers(0, 2**31 - 1), min_size=1, max_size=60), other=KEYS)
@settings(max_examples=100, deadline=None)
def test_a_double_array_gives_back_its_entries_and_nothing_else(entries: dict[bytes, int], other: bytes) -> None:
    units = build_double_array(entries).tolist()
    assert len(units) % 256 == 0
    assert {key: look_up(units, key) for key in entries} == entries
    assert look_up(units, other) == entries.get(other)


@pytest.mark.parametrize("key", [b"", b"a\0b"])
def test_keys_that_the_form_cannot_hold_are_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="NUL"):
        build_double_array({key: 1})
