"""All voices of all engines by name, the defaults of the languages, and blends."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from voxcart.errors import InvalidInput, NotFound
from voxcart_services.tts.voices.blends import blend_name, is_blend, parse_blend
from voxcart_services.tts.voices.engine import Voice, VoiceEngine

_REMEMBERED_BLENDS = 64
_LONGEST_NAME = 256


class VoiceLibrary:
    """Which voices there are. Blends are made when they are asked for; the last 64 are kept."""

    def __init__(self, engines: Iterable[VoiceEngine], defaults: Mapping[str, str]) -> None:
        """Collect the voices of all engines.

        Args:
            engines: Earlier ones are listed first.
            defaults: The voice or blend that is used when none is asked for, by language (``zh``, ``en``).

        Raises:
            ValueError: Two engines have a voice of the same name.
            NotFound: A default names a voice that is not there.
            InvalidInput: A default is a malformed blend.
        """
        self._voices: dict[str, Voice] = {}
        for voice in (voice for engine in engines for voice in engine.voices):
            if voice.name in self._voices:
                raise ValueError(f"two voices are called {voice.name}")
            self._voices[voice.name] = voice
        self._blends: OrderedDict[str, Voice] = OrderedDict()
        self._defaults = {language: self.get(name) for language, name in defaults.items()}

    def get(self, name: str) -> Voice:
        """The voice of that name, or the blend of that expression.

        Raises:
            NotFound: There is none; the message names some that there are.
            InvalidInput: A malformed blend, or one of voices that cannot be blended.
        """
        if len(name) > _LONGEST_NAME:
            raise InvalidInput(f"the name of a voice has at most {_LONGEST_NAME} characters, not {len(name)}")
        return self._blend(name) if is_blend(name) else self._named(name)

    def _named(self, name: str) -> Voice:
        voice = self._voices.get(name)
        if voice is None:
            known = ", ".join(list(self._voices)[:40]) or "none"
            raise NotFound(f"there is no voice {name[:64]!r}; voices: {known}")
        return voice

    def _blend(self, expression: str) -> Voice:
        parts = parse_blend(expression)
        voices = [(self._named(part.voice), part.share) for part in parts]
        if len(voices) == 1:
            return voices[0][0]
        engine = voices[0][0].engine
        if any(voice.engine is not engine for voice, _ in voices):
            raise InvalidInput(f"only voices of one engine can be blended, not {expression[:64]!r}")
        name = blend_name(parts)
        if name not in self._blends:
            self._blends[name] = engine.blend(name, voices)
            while len(self._blends) > _REMEMBERED_BLENDS:
                self._blends.popitem(last=False)
        self._blends.move_to_end(name)
        return self._blends[name]

    def default_for(self, language: str) -> Voice:
        """The default voice of ``zh`` or ``en``."""
        return self._defaults["en" if language == "en" else "zh"]

    def is_default(self, voice: Voice) -> bool:
        """Whether the voice is the default of its language."""
        return voice in self._defaults.values()

    def all(self, language: str = "") -> list[Voice]:
        """Every voice, or those of one language, in the order of the engines."""
        return [voice for voice in self._voices.values() if language in ("", voice.language)]
