"""The token table of a transducer: `tokens.txt`, text and words from token ids, hot words as token ids.

icefall's models spell in one of three ways, told apart by the table itself: Han characters and BPE pieces (`▁` begins a
word), with `<0xE6>` for single bytes where the model falls back to them; or byte-level BPE, whose pieces are strings of
256 printable characters that stand for bytes (Wang et al., "Neural machine translation with byte-level subwords", 2019,
with icefall's alphabet).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from voxcart.errors import InvalidInput
from voxcart_services.asr.transducer.model import ModelLayoutError

_SPACE = "▁"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SPECIAL = re.compile(r"<[^<>]+>|#\d+")
_HAN = re.compile(r"[㐀-䶿一-鿿豈-﫿\U00020000-\U000323af]")
_HAN_SPACE = re.compile(rf"(?<={_HAN.pattern}) +(?={_HAN.pattern})")
_WORD_OR_HAN = re.compile(rf"{_HAN.pattern}|[^\s{_HAN.pattern[1:-1]}]+")
# icefall's alphabet for bytes: 0..255 in this order; printable ASCII stands for itself.
_BYTE_ALPHABET = "".join(
    chr(code)
    for first, last in ((256, 287), (32, 126), (288, 305), (308, 318), (321, 328), (330, 382), (384, 422))
    for code in range(first, last + 1)
)
_BYTE_OF = {char: value for value, char in enumerate(_BYTE_ALPHABET)}
_ASCII_FIELD = re.compile(r"[^ \t\r]+")  # a symbol may be a space or line break of another alphabet
_LONGEST_PIECE = 32


class UnknownSpelling(InvalidInput):
    """The model has no tokens for a text."""


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A word or a Han character, and which tokens of the sequence made it: `first` to `last`, both included."""

    text: str
    first: int
    last: int


class TokenTable:
    """Immutable; safe to share."""

    def __init__(self, path: Path, vocab_size: int) -> None:
        """Reads `tokens.txt`, and `bpe.vocab` beside it if there is one.

        Args:
            path: A line a token: symbol, white space, id. Ids from `vocab_size` on (graph symbols) are left out.
            vocab_size: Ids that the model gives.

        Raises:
            ModelLayoutError: The file is missing, malformed or does not cover the vocabulary.
        """
        symbols = _read_table(path)
        missing = [index for index in range(vocab_size) if index not in symbols]
        if missing:
            raise ModelLayoutError(
                f"{path.name} has no symbol for {len(missing)} of the model's {vocab_size} tokens, "
                f"the first of them {missing[0]}; it belongs to another model"
            )
        self._symbols = [symbols[index] for index in range(vocab_size)]
        self._ids = {symbol: index for index, symbol in reversed(list(enumerate(self._symbols)))}
        plain = [symbol for symbol in self._symbols if not _SPECIAL.fullmatch(symbol)]
        self.is_byte_level = _is_byte_level(plain)
        self.unknown_id = self._ids.get("<unk>")
        self._bytes = [self._bytes_of(symbol) for symbol in self._symbols]
        self._scores = _read_scores(path.with_name("bpe.vocab"))
        self._changes_case = _one_case(plain)

    def symbol(self, token: int) -> str:
        """The symbol as it stands in the table."""
        return self._symbols[token]

    def text(self, tokens: Sequence[int]) -> str:
        """Text of token ids. Bytes that make no character are left out, and so is space between Han characters."""
        return _HAN_SPACE.sub("", "".join(char for char, _, _ in self._characters(tokens))).strip()

    def spans(self, tokens: Sequence[int]) -> list[TokenSpan]:
        """Words and Han characters with the tokens that made them, in order."""
        spans: list[TokenSpan] = []
        is_open = False
        for char, first, last in self._characters(tokens):
            if char.isspace():
                is_open = False
            elif _HAN.match(char):
                spans.append(TokenSpan(char, first, last))
                is_open = False
            elif is_open:
                spans[-1] = TokenSpan(spans[-1].text + char, spans[-1].first, last)
            else:
                spans.append(TokenSpan(char, first, last))
                is_open = True
        return spans

    def spell(self, text: str) -> tuple[int, ...]:
        """A hot word as token ids, as the model would write it.

        Raises:
            UnknownSpelling: A part of it has no tokens.
        """
        tokens: list[int] = []
        for unit in _WORD_OR_HAN.findall(unicodedata.normalize("NFKC", text)):
            tokens += self._spell_unit(self._changes_case(unit), text)
        if not tokens:
            raise UnknownSpelling(f"the hot word {text!r} holds nothing that is said")
        return tuple(tokens)

    def _spell_unit(self, unit: str, text: str) -> list[int]:
        if self.is_byte_level:
            encoded = "".join(_BYTE_ALPHABET[value] for value in unit.encode())
            choices = [_SPACE + encoded]
        elif _HAN.match(unit):
            choices = [unit, _SPACE + unit]
        else:
            choices = [_SPACE + unit, unit]
        for choice in choices:
            pieces = self._segment(choice)
            if pieces is not None:
                return pieces
        in_bytes = [self._ids.get(f"<0x{value:02X}>") for value in unit.encode()]
        if None not in in_bytes:
            return [token for token in in_bytes if token is not None]
        raise UnknownSpelling(f"the hot word {text!r} cannot be spelled by this model: it has no tokens for {unit!r}")

    def _segment(self, text: str) -> list[int] | None:
        """The pieces with the highest sum of scores; without `bpe.vocab` the fewest. `None` if none cover the text."""
        best: list[tuple[float, int, int] | None] = [None] * len(text) + [(0.0, -1, len(text))]
        for begin in range(len(text) - 1, -1, -1):
            for end in range(begin + 1, min(len(text), begin + _LONGEST_PIECE) + 1):
                token, rest = self._ids.get(text[begin:end]), best[end]
                if token is None or rest is None:
                    continue
                score = rest[0] + self._scores.get(text[begin:end], -1.0)
                known = best[begin]
                if known is None or score >= known[0]:
                    best[begin] = (score, token, end)
        tokens, position = [], 0
        while position < len(text):
            step = best[position]
            if step is None:
                return None
            tokens.append(step[1])
            position = step[2]
        return tokens

    def _bytes_of(self, symbol: str) -> bytes:
        if found := _BYTE.fullmatch(symbol):
            return bytes([int(found[1], 16)])
        if _SPECIAL.fullmatch(symbol):
            return b""
        if self.is_byte_level:
            return b"".join(b" " if char == _SPACE else bytes([_BYTE_OF[char]]) for char in symbol)
        if symbol.startswith(_SPACE):
            return b" " + symbol[1:].encode()
        return symbol.encode()

    def _characters(self, tokens: Sequence[int]) -> list[tuple[str, int, int]]:
        """Characters with the positions of the first and last token that they come from."""
        characters: list[tuple[str, int, int]] = []
        pending = bytearray()
        owners: list[int] = []
        for position, token in enumerate(tokens):
            for value in self._bytes[token]:
                if pending and value & 0xC0 != 0x80:  # the character before was cut short
                    pending.clear()
                    owners.clear()
                pending.append(value)
                owners.append(position)
                char = _complete(pending)
                if char is not None:
                    if char:
                        self._append(characters, char, owners[0], owners[-1])
                    pending.clear()
                    owners.clear()
        return characters

    def _append(self, characters: list[tuple[str, int, int]], char: str, first: int, last: int) -> None:
        """Byte-level models put a space before every unit; it is kept only behind a printable ASCII character."""
        if self.is_byte_level and char == " ":
            before = characters[-1][0] if characters else " "
            if not ("!" <= before <= "~"):
                return
        characters.append((char, first, last))


def _complete(pending: bytearray) -> str | None:
    """The character that the bytes make, empty if they never will, `None` while more are wanted."""
    lead = pending[0]
    length = 1 if lead < 0x80 else 2 if lead >> 5 == 6 else 3 if lead >> 4 == 14 else 4 if lead >> 3 == 30 else 0
    if len(pending) < length:
        return None
    return bytes(pending).decode(errors="ignore")


def _read_table(path: Path) -> dict[int, str]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelLayoutError(f"{path} cannot be read as a token table: {error}") from error
    symbols: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        fields = _ASCII_FIELD.findall(line)
        if not fields:
            continue
        symbol = fields[0] if len(fields) == 2 else " " if len(fields) == 1 else None
        if symbol is None or not re.fullmatch(r"\d+", fields[-1]):
            raise ModelLayoutError(f"line {number} of {path.name} is not a symbol and its id: {line!r}")
        token = int(fields[-1])
        if token in symbols:
            raise ModelLayoutError(f"line {number} of {path.name} gives id {token} to a second symbol: {line!r}")
        symbols[token] = symbol
    return symbols


def _read_scores(path: Path) -> dict[str, float]:
    """Pieces and scores of a sentencepiece vocabulary; empty if there is no file."""
    if not path.is_file():
        return {}
    scores = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        fields = _ASCII_FIELD.findall(line)
        if not fields:
            continue
        try:
            piece, score = fields
            scores[piece] = float(score)
        except ValueError:
            raise ModelLayoutError(f"line {number} of {path.name} is not a piece and its score: {line!r}") from None
    return scores


def _is_byte_level(symbols: Sequence[str]) -> bool:
    chars = set("".join(symbols)) - {_SPACE}
    return bool(chars) and chars <= set(_BYTE_ALPHABET) and any(ord(char) > 0x7E for char in chars)


def _one_case(symbols: Sequence[str]):
    """How Latin letters are written: all in one case by models that know one only."""
    letters = {char for symbol in symbols for char in symbol if char.isascii() and char.isalpha()}
    if letters and all(char.isupper() for char in letters):
        return str.upper
    if letters and all(char.islower() for char in letters):
        return str.lower
    return str
