"""Phonemes of a clause that may mix Mandarin and English, for one voice."""

import re
import threading

from voxcart_services.tts.text.phonemes_en import EnglishPhonemizer
from voxcart_services.tts.text.phonemes_zh import MandarinPhonemizer

_RUNS = re.compile(r"(?P<zh>[㐀-䶿一-鿿]+)|(?P<en>[A-Za-z]+(?:[ '’\-]+[A-Za-z]+)*)|(?P<other>.)", re.DOTALL)
_PUNCTUATION = {
    "，": ", ", "、": ", ", "。": ". ", "．": ". ", "！": "! ", "？": "? ", "：": ": ", "；": "; ",
    "…": "… ", "—": "— ", "（": " (", "）": ") ", "《": " “", "》": "” ", "「": " “", "」": "” ", "【": " “",
    "】": "” ", "『": " “", "』": "” ", "‘": "", "’": "", "·": " ", "-": " ", "\n": ". ", "~": " ", "～": " ",
}  # fmt: skip
_SPACES = re.compile(r"\s+")
_SPACE_BEFORE_MARK = re.compile(r"\s+([,.!?;:…])")


class Phonemizer:
    """Makes phoneme strings in Kokoro's notation. The dictionaries of a language are loaded when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mandarin: MandarinPhonemizer | None = None
        self._english: dict[bool, EnglishPhonemizer] = {}

    def __call__(self, text: str, *, british: bool = False) -> str:
        """Phonemes of normalised text (no digits, no markup). Blocks.

        Args:
            text: What :func:`voxcart_services.tts.text.frontend.spoken_form` returned.
            british: Pronounce English the British way.
        """
        pieces: list[str] = []
        for match in _RUNS.finditer(text):
            run = match.group()
            if match.lastgroup == "zh":
                pieces += [" ", self._zh()(run), " "]
            elif match.lastgroup == "en":
                pieces += [" ", self._en(british)(run.replace("-", " ")), " "]
            else:
                pieces.append(_PUNCTUATION.get(run, run))
        joined = _SPACES.sub(" ", "".join(pieces))
        return _SPACE_BEFORE_MARK.sub(r"\1", joined).strip()

    def warm_up(self) -> None:
        """Load the Mandarin dictionaries now."""
        self._zh()

    def _zh(self) -> MandarinPhonemizer:
        with self._lock:
            if self._mandarin is None:
                self._mandarin = MandarinPhonemizer()
            return self._mandarin

    def _en(self, british: bool) -> EnglishPhonemizer:
        with self._lock:
            if british not in self._english:
                self._english[british] = EnglishPhonemizer(british=british)
            return self._english[british]
