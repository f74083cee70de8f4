"""Whisper's vocabulary: text from token ids and back, words of tokens, and the ids of the control tokens."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

LANGUAGES = ("zh", "en")
_MAX_CACHED = 4_096
_UNFINISHED = "\ufffd"


class WhisperTokens:
    """Tokenizer of one checkpoint; read-only and safe to share."""

    def __init__(self, path: Path) -> None:
        """Reads `tokenizer.json`.

        Raises:
            ValueError: A control token that decoding needs is missing.
        """
        self._tokenizer = Tokenizer.from_file(str(path))
        self._raw = functools.lru_cache(maxsize=_MAX_CACHED)(self._decode)
        self.start = self._control("<|startoftranscript|>")
        self.end = self._control("<|endoftext|>")
        self.transcribe = self._control("<|transcribe|>")
        self.no_timestamps = self._control("<|notimestamps|>")
        self.previous = self._control("<|startofprev|>")
        self.no_speech = self._control("<|nospeech|>", "<|nocaptions|>")
        self.language = {name: self._control(f"<|{name}|>") for name in LANGUAGES}

    def decode(self, ids: Sequence[int]) -> str:
        """Text of `ids` without control tokens; an unfinished character at the end is left out."""
        return self._decode(tuple(ids)).rstrip(_UNFINISHED)

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def spellings(self, word: str) -> list[list[int]]:
        """The ways in which a word may be written inside a text: at its beginning and after a space, the first letter
        small or capital. Words of Han characters have one."""
        forms = {word: None}
        if any(letter.isascii() and letter.isalpha() for letter in word):
            forms |= dict.fromkeys(
                (word.lower(), word[:1].upper() + word[1:], word.upper() if len(word) <= 4 else word)
            )
            forms |= dict.fromkeys([f" {form}" for form in forms])
        return [self.encode(form) for form in forms]

    def pieces(self, ids: Sequence[int]) -> list[tuple[str, int]]:
        """Whole characters of `ids` in order: text, and how many tokens it took (a rare character takes several)."""
        found: list[tuple[str, int]] = []
        waiting: list[int] = []
        for token in ids:
            waiting.append(token)
            text = self._raw(tuple(waiting))
            if _UNFINISHED not in text:
                found.append((text, len(waiting)))
                waiting = []
        if waiting:
            found.append(("", len(waiting)))
        return found

    def _decode(self, ids: tuple[int, ...]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)

    def _control(self, *spellings: str) -> int:
        for spelling in spellings:
            token = self._tokenizer.token_to_id(spelling)
            if token is not None:
                return token
        raise ValueError(f"the tokenizer has no token {spellings[0]}")
