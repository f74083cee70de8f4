"""The interface behind which every voice engine stands: phonemes in, audio in pieces out, with the phonemes' times."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnxruntime import RunOptions

from voxcart.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Voice:
    """One voice by name. Engines add what they need to speak with it.

    Attributes:
        name: Unique over all engines, or the expression of a blend.
        language: ``zh`` or ``en``: the language the voice was made for.
        gender: ``female`` or ``male``; empty if not known.
        engine: What speaks with it.
        is_british: Whether English is pronounced the British way.
        languages: Every language it can speak.
    """

    name: str
    language: str
    gender: str
    engine: "VoiceEngine"
    is_british: bool = False
    languages: tuple[str, ...] = ("zh", "en")


@dataclass(frozen=True)
class SpeechRequest:
    """One clause to speak.

    Attributes:
        phonemes: In the notation of the front end, one character a phoneme or mark.
        voice: One of the engine's.
        speaking_rate: 1 is the voice's own pace, 2 twice as fast.
        lead: Tells how many seconds of audio the listener still has, so that the engine can hand out a piece before
            they have run out; 0: somebody waits in silence. Asked before each piece, in the synthesis thread. None:
            nobody waits, make the clause in one piece.
    """

    phonemes: str
    voice: Voice
    speaking_rate: float = 1.0
    lead: Callable[[], float] | None = None


@dataclass(frozen=True)
class SpeechPiece:
    """Audio of a clause, or the next part of it.

    Attributes:
        samples: float32 [num_samples] in [-1, 1] at the engine's rate; joins the piece before it without a click.
        is_last: The clause ends here.
        phoneme_times: On the first piece: float64 [num_phonemes + 1], seconds from the start of the clause's audio at
            which each phoneme begins, and the end of the last one. Empty on later pieces.
        stage_seconds: Time spent, by stage of the model.
        unknown: Phonemes that the engine has no sound for and left out.
    """

    samples: NDArray[np.float32]
    is_last: bool
    phoneme_times: NDArray[np.float64]
    stage_seconds: dict[str, float]
    unknown: str = ""


class VoiceEngine(ABC):
    """A voice model with its voices. Shared by all streams, thread-safe, without state between calls.

    Attributes:
        name: ``kokoro``, ``piper``: as it is listed.
        version: Tells the audio of these weights from that of others, in the phrase cache.
        sample_rate_hz: Of what :meth:`speak` gives.
    """

    name: str
    version: str
    sample_rate_hz: int

    @property
    @abstractmethod
    def voices(self) -> Sequence[Voice]:
        """Its voices, in the order in which they are listed."""

    @abstractmethod
    def speak(self, request: SpeechRequest, run_options: RunOptions | None = None) -> Iterator[SpeechPiece]:
        """Speak one clause. Every step of the iterator blocks while it computes; call it from an executor.

        Args:
            request: What to say. Phonemes that the engine does not know are left out.
            run_options: Setting its ``terminate`` from another thread makes the step that runs fail in milliseconds.

        Returns:
            At least one piece; the last one has ``is_last`` set. One empty piece when no phoneme can be said.
        """

    def blend(self, name: str, parts: Sequence[tuple[Voice, float]]) -> Voice:
        """A voice between others.

        Args:
            name: What the blend is called.
            parts: Voices of this engine with their shares, which add up to 1.

        Raises:
            InvalidInput: This engine's voices cannot be blended.
        """
        raise InvalidInput(f"voices of {self.name} cannot be blended: {name[:64]!r}")


NO_TIMES: NDArray[np.float64] = np.zeros(0)
