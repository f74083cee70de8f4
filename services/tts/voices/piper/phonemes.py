"""From the front end's notation to espeak-ng's IPA, which Piper's voices were trained on, and to their ids.

espeak-ng itself (GPL) is not needed. Its Mandarin tones are written as it writes them, one character a tone, of which
the first and the fourth are the same (an error of its IPA output that the voices have learned).
"""

from collections.abc import Mapping

_ENGLISH = {
    "A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "ʤ": "dʒ", "ʧ": "tʃ", "ʣ": "dz", "ʦ": "ts",
    "ᵊ": "ə", "ɜ": "ɜː", "i": "iː", "u": "uː", "ɑ": "ɑː", "ɔ": "ɔː", "ᵻ": "ɪ", "T": "ɾ",
}  # fmt: skip
_MANDARIN = {
    "ʨ": "tɕ", "ꭧ": "ts", "ʦ": "ts", "ʂ": "s", "ɻ": "ɹ", "ʰ": "h", "x": "χ", "ɨ": "i", "ɤ": "o", "ɥ": "y", "ʊ": "u",
    "→": "5", "↗": "ɜ", "↓": "2", "↘": "5",
}  # fmt: skip
_TONES = "→↗↓↘"


def piper_symbols(phonemes: str, known: Mapping[str, object]) -> tuple[list[tuple[str, int]], str]:
    """The symbols that a voice reads, each with the position of the phoneme that it belongs to.

    A phoneme that the voice knows as it is stays as it is; another one is written as espeak-ng would; what is still
    unknown is left out.

    Args:
        phonemes: In the front end's notation.
        known: The voice's symbols.

    Returns:
        The symbols, and the phonemes that were left out.
    """
    table = _MANDARIN if _is_mandarin(phonemes) else _ENGLISH
    symbols: list[tuple[str, int]] = []
    unknown = ""
    for position, phoneme in enumerate(phonemes):
        written = table.get(phoneme, phoneme)
        found = [symbol for symbol in written if symbol in known]
        if not found and phoneme in known:
            found = [phoneme]
        if not found:
            unknown += phoneme
        symbols += [(symbol, position) for symbol in found]
    return symbols, unknown


def _is_mandarin(phonemes: str) -> bool:
    return any(tone in phonemes for tone in _TONES)
