"""Whisper's vocabulary: text from token ids, and the ids of the control tokens."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

LANGUAGES = ("zh", "en")


class WhisperTokens:
    """Tokenizer of one checkpoint; read-only and safe to share."""

    def __init__(self, path: Path) -> None:
        """Reads `tokenizer.json`.

        Raises:
            ValueError: A control token that decoding needs is missing.
        """
        self._tokenizer = Tokenizer.from_file(str(path))
        self.start = self._control("<|startoftranscript|>")
        self.end = self._control("<|endoftext|>")
        self.transcribe = self._control("<|transcribe|>")
        self.no_timestamps = self._control("<|notimestamps|>")
        self.previous = self._control("<|startofprev|>")
        self.no_speech = self._control("<|nospeech|>", "<|nocaptions|>")
        self.language = {name: self._control(f"<|{name}|>") for name in LANGUAGES}

    def decode(self, ids: list[int]) -> str:
        """Text of `ids` without control tokens; an unfinished character at the end is left out."""
        return self._tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd")

    def encode(self, text: str) -> list[int]:
        """Token ids of `text`."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _control(self, *spellings: str) -> int:
        for spelling in spellings:
            token = self._tokenizer.token_to_id(spelling)
            if token is not None:
                return token
        raise ValueError(f"the tokenizer has no token {spellings[0]}")
