"""The voices of the synthesiser: their names, languages and style vectors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxcart.errors import NotFound

STYLE_WIDTH = 256

_LANGUAGE_OF = {"z": "zh", "a": "en", "b": "en"}
_GENDER_OF = {"f": "female", "m": "male"}


@dataclass(frozen=True)
class Voice:
    """One voice by name.

    Attributes:
        name: As in ``zf_xiaobei``: the first letter is the language (z Mandarin, a American, b British English),
            the second the gender.
        styles: float32 [num_lengths, 256]; row ``n`` is the style for a clause of ``n`` phoneme tokens.
    """

    name: str
    styles: np.ndarray

    @property
    def language(self) -> str:
        """``zh`` or ``en``: the language the voice was made for. Each voice can speak both."""
        return _LANGUAGE_OF[self.name[0]]

    @property
    def gender(self) -> str:
        """``female`` or ``male``."""
        return _GENDER_OF[self.name[1]]

    @property
    def is_british(self) -> bool:
        """Whether English is pronounced the British way."""
        return self.name[0] == "b"

    def style(self, num_tokens: int) -> np.ndarray:
        """Style for a clause of ``num_tokens`` tokens: float32 [1, 256]."""
        return self.styles[min(num_tokens, len(self.styles) - 1)][np.newaxis]


class VoiceLibrary:
    """All voices in one folder, loaded at once (0.5 MB each)."""

    def __init__(self, voices: dict[str, Voice], defaults: dict[str, str]) -> None:
        """Keep ``voices``; ``defaults`` maps ``zh`` and ``en`` to the name that is used when none is asked for.

        Raises:
            NotFound: A default names a voice that is not there.
        """
        self._voices = voices
        self._defaults = defaults
        for name in defaults.values():
            self.get(name)

    @classmethod
    def load(cls, folder: Path, defaults: dict[str, str]) -> "VoiceLibrary":
        """Read every Mandarin and English ``<name>.bin`` (float32, [num_lengths, 256]) of a folder.

        Raises:
            ValueError: A file is not whole rows of 256 float32.
            NotFound: A default voice has no file.
        """
        voices = {}
        for path in sorted(folder.glob("*.bin")):
            if path.name[0] not in _LANGUAGE_OF or path.name[1] not in _GENDER_OF:
                continue
            values = np.fromfile(path, dtype="<f4")
            if values.size == 0 or values.size % STYLE_WIDTH:
                raise ValueError(f"{path.name} does not hold rows of {STYLE_WIDTH} float32 values")
            voices[path.stem] = Voice(path.stem, values.reshape(-1, STYLE_WIDTH))
        return cls(voices, defaults)

    def get(self, name: str) -> Voice:
        """The voice of that name.

        Raises:
            NotFound: There is none; the message names some that there are.
        """
        voice = self._voices.get(name)
        if voice is None:
            known = ", ".join(list(self._voices)[:40]) or "none"
            raise NotFound(f"there is no voice {name[:64]!r}; voices: {known}")
        return voice

    def default_for(self, language: str) -> Voice:
        """The default voice of ``zh`` or ``en``."""
        return self._voices[self._defaults["en" if language == "en" else "zh"]]

    def is_default(self, voice: Voice) -> bool:
        """Whether the voice is the default of its language."""
        return voice.name in self._defaults.values()

    def all(self, language: str = "") -> list[Voice]:
        """Every voice, or those of one language, by name."""
        return [voice for voice in self._voices.values() if language in ("", voice.language)]
