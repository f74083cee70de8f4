"""What can be measured of speech without a listener and without a reference: level, clipping, silence, and DNSMOS.

Loudness follows ITU-R BS.1770-4 (pyloudnorm). The quality score is DNSMOS P.835 (Reddy et al., "DNSMOS P.835", ICASSP
2022): a model's guess of what listeners would give, 1 to 5, for the signal, the background and overall. It was trained
on noisy calls; between two voices it says little, between two renderings of one voice it shows added noise and
roughness.
"""

from dataclasses import asdict, dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from voxcart.errors import Unavailable

_DNSMOS_RATE_HZ = 16_000
_CLIPPED = 0.999
_FRAME_SECONDS = 0.01
_SILENCE_DBFS = -50.0
_SHORTEST_FOR_LOUDNESS_SECONDS = 0.4


@dataclass(frozen=True)
class SpeechQuality:
    """Measures of one stretch of speech.

    Attributes:
        seconds: Its length.
        loudness_lufs: Integrated loudness; None below 0.4 s or in silence.
        peak_dbfs: Of the largest sample; None in digital silence.
        clipped_samples: Samples at full scale.
        silence_share: Share of 10 ms frames below -50 dBFS.
        longest_silence_seconds: Within the speech, silence at both ends not counted.
        mos_overall, mos_signal, mos_background: DNSMOS P.835; None if it was not asked for.
    """

    seconds: float
    loudness_lufs: float | None
    peak_dbfs: float | None
    clipped_samples: int
    silence_share: float
    longest_silence_seconds: float
    mos_overall: float | None = None
    mos_signal: float | None = None
    mos_background: float | None = None

    def to_json(self) -> dict[str, float | int | None]:
        """Plain data for JSON, rounded."""
        return {name: None if value is None else round(value, 3) for name, value in asdict(self).items()}


def measure(samples: NDArray[np.float32], rate_hz: int, *, with_score: bool = True) -> SpeechQuality:
    """Measures speech.

    Args:
        samples: float32 [num_samples] in [-1, 1], mono.
        rate_hz: Samples per second.
        with_score: Also ask DNSMOS, about 0.1 s of computing for each second beyond nine.

    Raises:
        Unavailable: A package of the ``bench`` extra is not installed.
    """
    peak = float(np.abs(samples).max(initial=0.0))
    is_silent = _silent_frames(samples, rate_hz)
    spoken = np.flatnonzero(~is_silent)
    inner = is_silent[spoken[0] : spoken[-1]] if spoken.size else is_silent[:0]
    scores = _dnsmos(samples, rate_hz) if with_score and spoken.size else (None, None, None)
    return SpeechQuality(
        len(samples) / rate_hz,
        _loudness(samples, rate_hz),
        20 * float(np.log10(peak)) if peak else None,
        int(np.count_nonzero(np.abs(samples) >= _CLIPPED)),
        float(is_silent.mean()) if is_silent.size else 1.0,
        _longest_run(inner) * _FRAME_SECONDS,
        *scores,
    )


def _silent_frames(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.bool_]:
    size = int(rate_hz * _FRAME_SECONDS)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return np.asarray(power < 10 ** (_SILENCE_DBFS / 10), bool)


def _longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _loudness(samples: NDArray[np.float32], rate_hz: int) -> float | None:
    try:
        from pyloudnorm import Meter
    except ImportError as error:
        raise Unavailable("loudness is measured with pyloudnorm: pip install 'voxcart[bench]'") from error
    if len(samples) < _SHORTEST_FOR_LOUDNESS_SECONDS * rate_hz or not samples.any():
        return None
    loudness = float(Meter(rate_hz).integrated_loudness(samples.astype(np.float64)))
    return loudness if np.isfinite(loudness) else None


def _dnsmos(samples: NDArray[np.float32], rate_hz: int) -> tuple[float, float, float]:
    try:
        from speechmos import dnsmos
    except ImportError as error:
        raise Unavailable("speech is scored with speechmos and librosa: pip install 'voxcart[bench]'") from error
    heard = np.clip(soxr.resample(samples, rate_hz, _DNSMOS_RATE_HZ), -1.0, 1.0).astype(np.float32)
    found = dnsmos.run(heard, _DNSMOS_RATE_HZ)
    return float(found["ovrl_mos"]), float(found["sig_mos"]), float(found["bak_mos"])
