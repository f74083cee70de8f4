"""The token table: text, words and hot words in the three ways in which icefall's models spell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny_zipformer import TinyModel, build_tiny_model, tiny_speech

from voxcart_services.asr.recognition import DecodeOptions, Urgency
from voxcart_services.asr.transducer.engine import load_transducer_engine
from voxcart_services.asr.transducer.model import ModelLayoutError
from voxcart_services.asr.transducer.tokens import TokenSpan, TokenTable, UnknownSpelling

pytestmark = pytest.mark.unit

SPECIAL = ["<blk>", "<sos/eos>", "<unk>"]
# icefall's alphabet: byte b is the b-th of these characters.
ALPHABET = [
    chr(code)
    for first, last in ((256, 287), (32, 126), (288, 305), (308, 318), (321, 328), (330, 382), (384, 422))
    for code in range(first, last + 1)
]


def byte_level(text: str) -> str:
    return "".join(ALPHABET[value] for value in text.encode())


def table(tmp_path: Path, symbols: list[str], bpe_vocab: str | None = None) -> TokenTable:
    path = tmp_path / "tokens.txt"
    path.write_text("".join(f"{symbol} {index}\n" for index, symbol in enumerate(SPECIAL + symbols)), encoding="utf-8")
    if bpe_vocab is not None:
        (tmp_path / "bpe.vocab").write_text(bpe_vocab, encoding="utf-8")
    return TokenTable(path, len(SPECIAL) + len(symbols))


def ids(tokens: TokenTable, *symbols: str) -> list[int]:
    wanted = list(symbols)
    return [next(i for i in range(1000) if tokens.symbol(i) == symbol) for symbol in wanted]


MIXED = ["我", "想", "买", "▁I", "PHONE", "▁MA", "TE", "▁", "S", "<0xE6>", "<0xA9>", "<0x98>", "▁A", "B", "T", "E"]


def test_text_of_characters_and_pieces(tmp_path: Path) -> None:
    tokens = table(tmp_path, MIXED)
    assert tokens.text(ids(tokens, "我", "想", "买", "▁I", "PHONE", "▁MA", "TE", "S")) == "我想买 IPHONE MATES"
    assert tokens.text(ids(tokens, "我", "▁", "想")) == "我想"
    assert tokens.text(ids(tokens, "<sos/eos>", "▁I")) == "I"
    assert tokens.text([]) == ""


def test_bytes_become_characters_and_rests_of_characters_are_dropped(tmp_path: Path) -> None:
    tokens = table(tmp_path, MIXED)
    assert tokens.text(ids(tokens, "我", "<0xE6>", "<0xA9>", "<0x98>")) == "我橘"
    assert tokens.text(ids(tokens, "<0xE6>", "<0xA9>", "我", "<0x98>", "买")) == "我买"
    assert tokens.text(ids(tokens, "买", "<0xE6>", "<0xA9>")) == "买"


def test_words_know_their_tokens(tmp_path: Path) -> None:
    tokens = table(tmp_path, MIXED)
    sequence = ids(tokens, "我", "<0xE6>", "<0xA9>", "<0x98>", "▁I", "PHONE", "▁", "S", "买")
    assert tokens.spans(sequence) == [
        TokenSpan("我", 0, 0),
        TokenSpan("橘", 1, 3),
        TokenSpan("IPHONE", 4, 5),
        TokenSpan("S", 7, 7),
        TokenSpan("买", 8, 8),
    ]


def test_hot_words_are_spelled_as_the_model_writes(tmp_path: Path) -> None:
    """In the model's case, full-width letters too; words get the piece that begins one."""
    tokens = table(tmp_path, MIXED)
    assert list(tokens.spell("我买iphone")) == ids(tokens, "我", "买", "▁I", "PHONE")
    assert list(tokens.spell("Ｍate s")) == ids(tokens, "▁MA", "TE", "▁", "S")
    assert list(tokens.spell("橘")) == ids(tokens, "<0xE6>", "<0xA9>", "<0x98>")


def test_scores_choose_between_pieces(tmp_path: Path) -> None:
    """Without `bpe.vocab` the fewest pieces; with it the best sum, as sherpa-onnx chooses."""
    pieces = ["▁", "▁A", "B", "C", "▁AB", "BC"]
    plain = table(tmp_path, pieces)
    assert len(plain.spell("ABC")) == 2
    scored = table(tmp_path, pieces, "▁\t-9\n▁A\t-1\nB\t-9\nC\t-9\n▁AB\t-8\nBC\t-2\n")
    assert list(scored.spell("abc")) == ids(scored, "▁A", "BC")


def test_a_hot_word_without_tokens_is_named(tmp_path: Path) -> None:
    tokens = table(tmp_path, ["我", "买", "▁A"])
    with pytest.raises(UnknownSpelling, match=r"hot word '我买榴莲' cannot be spelled by this model.*'榴'"):
        tokens.spell("我买榴莲")
    with pytest.raises(UnknownSpelling, match="holds nothing that is said"):
        tokens.spell("  ")


WO, MAI = byte_level("我"), byte_level("买")
BYTE_PIECES = ["▁" + WO, WO, "▁" + MAI[:2], MAI[2:], "▁", "▁hi", "a"]


def test_byte_level_pieces(tmp_path: Path) -> None:
    tokens = table(tmp_path, BYTE_PIECES + ALPHABET[:32] + ALPHABET[33:97] + ALPHABET[98:])
    assert tokens.is_byte_level
    said = [3, 5, 6, 8, 8]
    assert tokens.text(said) == "我买hi hi"
    assert [span.text for span in tokens.spans(said)] == ["我", "买", "hi", "hi"]
    assert list(tokens.spell("我买")) == [3, 5, 6]
    assert tokens.text(tokens.spell("橘")) == "橘"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12))
def test_a_byte_level_model_can_spell_everything(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    symbols = ["▁", *ALPHABET[:32], *ALPHABET[33:]]
    tokens = table(tmp_path_factory.mktemp("tokens"), symbols)
    assert tokens.text(tokens.spell(text)).replace(" ", "") == "".join(
        span.text for span in tokens.spans(tokens.spell(text))
    )


WHOLE_BYTE_PIECES = tuple(space + byte_level(text) for space in ("", "▁") for text in ("我", "买", "苹果", "hi", "A"))


@pytest.mark.parametrize("pieces", [(*WHOLE_BYTE_PIECES, "▁"), (*MIXED[:9], "苹", "果", "▁AN", "D")])
async def test_the_same_text_as_sherpa_onnx(tmp_path: Path, pieces: tuple[str, ...]) -> None:
    sherpa_onnx = pytest.importorskip("sherpa_onnx")
    folder = build_tiny_model(tmp_path, TinyModel(seed=11, tokens=pieces, blank_bias=2.0))
    recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(
        *(str(folder / name) for name in ("tokens.txt", "encoder.onnx", "decoder.onnx", "joiner.onnx")), num_threads=1
    )
    engine = load_transducer_engine(folder)
    for seed in range(3):
        samples = tiny_speech(3.0, seed)
        stream, utterance = recognizer.create_stream(), engine.open(DecodeOptions())
        stream.accept_waveform(16_000, np.concatenate([samples, np.zeros(660 * 16, np.float32)]))
        stream.input_finished()
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
        wanted = recognizer.get_result_all(stream).text
        found = await utterance.recognise(samples, Urgency.FINAL).future
        assert len(found.tokens) > 10
        assert found.text == wanted.strip()
    await engine.aclose()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<blk> 0\n我 1\n", "no symbol for 1 of the model's 3 tokens, the first of them 2"),
        ("<blk> 0\n我 1\n买 1\n想 2\n", "line 3 of tokens.txt gives id 1 to a second symbol"),
        ("<blk> 0\n我 x\n", "line 2 of tokens.txt is not a symbol and its id"),
        ("<blk> 0\n我 想 1\n", "line 2 of tokens.txt is not a symbol and its id"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelLayoutError, match=sentence):
        TokenTable(path, 3)


def test_symbols_may_be_odd_spaces(tmp_path: Path) -> None:
    """Also a blank, which leaves only the id on its line; Windows' line ends do not matter."""
    path = tmp_path / "tokens.txt"
    path.write_bytes("<blk> 0\r\n\u2028 1\r\n\u3000 2\r\n  3\r\n我 4\r\n".encode())
    tokens = TokenTable(path, 5)
    assert [tokens.symbol(index) for index in range(1, 5)] == ["\u2028", "\u3000", " ", "我"]
    assert tokens.text([4, 3, 4]) == "我我"


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelLayoutError, match="cannot be read as a token table"):
        TokenTable(tmp_path / "tokens.txt", 3)
    with pytest.raises(ModelLayoutError, match="cannot be read as a token table"):
        TokenTable(tmp_path / "missing.txt", 3)
