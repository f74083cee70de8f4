"""What a Piper voice's ``.onnx.json`` says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxcart.errors import VoxcartError

_LANGUAGES = {"cmn": "zh", "en": "en"}


class PiperVoiceBroken(VoxcartError):
    """The files of a Piper voice are missing something or say something that is not understood."""


@dataclass(frozen=True)
class PiperConfig:
    """How a voice is fed.

    Attributes:
        sample_rate_hz: Of its audio.
        language: ``zh`` or ``en``.
        is_british: Whether its English is British.
        symbol_ids: Ids of each phoneme symbol; ``_`` stands between phonemes, ``^`` before and ``$`` after them.
        speakers: Id by name; one nameless speaker without an id for a voice of one speaker.
        noise_scale: How much its sound varies.
        length_scale: Its own pace; larger is slower.
        noise_w: How much its rhythm varies.
    """

    sample_rate_hz: int
    language: str
    is_british: bool
    symbol_ids: Mapping[str, tuple[int, ...]]
    speakers: Mapping[str, int | None]
    noise_scale: float
    length_scale: float
    noise_w: float


def read_piper_config(path: Path) -> PiperConfig:
    """Read and check a voice's description.

    Raises:
        PiperVoiceBroken: It is no description of a voice that can be spoken with here; the sentence says why.
    """
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return _config(stored)
    except (OSError, ValueError) as error:
        raise PiperVoiceBroken(f"{path.name} cannot be read: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise PiperVoiceBroken(f"{path.name} lacks {error} or has it in another form") from error


def _config(stored: dict[str, Any]) -> PiperConfig:
    if stored.get("phoneme_type", "espeak") != "espeak":
        raise ValueError(f"its phonemes are {stored['phoneme_type']!r}; only espeak's IPA is understood")
    espeak = str(stored["espeak"]["voice"])
    language = _LANGUAGES.get(espeak.split("-")[0])
    if language is None:
        raise ValueError(f"it speaks {espeak!r}; Mandarin (cmn) and English (en) are served")
    inference = stored.get("inference", {})
    ids = {symbol: tuple(int(each) for each in found) for symbol, found in stored["phoneme_id_map"].items()}
    missing = [symbol for symbol in "_^$" if symbol not in ids]
    if missing:
        raise ValueError(f"its phoneme_id_map has no {', '.join(missing)}")
    return PiperConfig(
        sample_rate_hz=int(stored["audio"]["sample_rate"]),
        language=language,
        is_british=espeak.startswith("en-gb"),
        symbol_ids=ids,
        speakers=_speakers(stored),
        noise_scale=float(inference.get("noise_scale", 0.667)),
        length_scale=float(inference.get("length_scale", 1.0)),
        noise_w=float(inference.get("noise_w", 0.8)),
    )


def _speakers(stored: dict[str, Any]) -> dict[str, int | None]:
    count = int(stored.get("num_speakers", 1))
    if count <= 1:
        return {"": None}
    named = {str(name): int(number) for name, number in stored.get("speaker_id_map", {}).items()}
    return dict(named) or {str(number): number for number in range(count)}
