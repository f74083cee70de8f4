"""Kokoro's voices: style vectors by length of the clause."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxcart_services.tts.voices.engine import Voice

STYLE_WIDTH = 256
_LANGUAGE_OF = {"z": "zh", "a": "en", "b": "en"}
_GENDER_OF = {"f": "female", "m": "male"}


@dataclass(frozen=True, eq=False)
class KokoroVoice(Voice):
    """A voice of Kokoro. Each voice can speak both languages.

    Attributes:
        styles: float32 [num_lengths, 256]; row ``n`` is the style for a clause of ``n`` phoneme tokens.
    """

    styles: NDArray[np.float32] = field(default_factory=lambda: np.zeros((1, STYLE_WIDTH), np.float32), repr=False)

    def style(self, num_tokens: int) -> NDArray[np.float32]:
        """Style for a clause of ``num_tokens`` tokens: float32 [1, 256]."""
        return self.styles[min(num_tokens, len(self.styles) - 1)][np.newaxis]


def read_styles(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Every Mandarin and English ``<name>.bin`` (float32, [num_lengths, 256]) of a folder, by name.

    A name such as ``zf_xiaobei`` tells the language (z Mandarin, a American, b British English) and the gender.

    Raises:
        ValueError: A file is not whole rows of 256 float32.
    """
    styles = {}
    for path in sorted(folder.glob("*.bin")):
        if path.name[0] not in _LANGUAGE_OF or path.name[1] not in _GENDER_OF:
            continue
        values = np.fromfile(path, dtype="<f4")
        if values.size == 0 or values.size % STYLE_WIDTH:
            raise ValueError(f"{path.name} does not hold rows of {STYLE_WIDTH} float32 values")
        styles[path.stem] = values.reshape(-1, STYLE_WIDTH)
    return styles


def language_of_name(name: str) -> str:
    """``zh`` or ``en``, by the first letter of a voice's name."""
    return _LANGUAGE_OF[name[0]]


def gender_of_name(name: str) -> str:
    """``female`` or ``male``, by the second letter of a voice's name."""
    return _GENDER_OF[name[1]]
