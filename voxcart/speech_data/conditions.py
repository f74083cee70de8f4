"""Ways in which speech reaches a microphone: tempo, pitch, level, noise, room, telephone.

A condition is drawn from a random generator and then applied; the same generator state gives the same audio.
"""

from dataclasses import dataclass, replace

import numpy as np
import soxr
from numpy.typing import NDArray

from voxcart.speech_data.noises import SAMPLE_RATE_HZ, STEADY, room_tone
from voxcart.speech_data.rooms import add_room, room_response

CONDITIONS = ("clean", "noise", "room", "telephone", "clean", "speed", "noise", "pitch", "level", "far")
"""Dealt out in this order, so that clean speech and noise come twice as often as the others."""
TELEPHONE_RATE_HZ = 8_000
_TELEPHONE_BAND_HZ = (300.0, 3_400.0)
_MU = 255.0


@dataclass(frozen=True, slots=True)
class Condition:
    """How one recording is made.

    Attributes:
        name: The group in which it is scored, one of ``CONDITIONS``.
        speaking_rate: Tempo asked of the synthesiser; 1 is the voice's own.
        pitch_factor: How much faster it is played after that, at the tempo it had: moves pitch and formants.
        peak_dbfs: Level of the loudest sample; above 0 it clips.
        noise: A key of ``STEADY``, empty for none.
        snr_db: Level of the speech above the background.
        reverberation_s: RT60 of the room; 0 for none.
        is_telephone: 8 kHz, 300 to 3400 Hz, mu-law.
        lead_s, trail_s: Time before and after the speech.
    """

    name: str
    speaking_rate: float = 1.0
    pitch_factor: float = 1.0
    peak_dbfs: float = -6.0
    noise: str = ""
    snr_db: float = 60.0
    reverberation_s: float = 0.0
    is_telephone: bool = False
    lead_s: float = 0.4
    trail_s: float = 0.6

    def describe(self) -> str:
        """Its figures in a few words."""
        said = [f"rate {self.speaking_rate:.2f}", f"pitch {self.pitch_factor:.2f}", f"peak {self.peak_dbfs:.0f} dBFS"]
        if self.noise:
            said.append(f"{self.noise} at {self.snr_db:.0f} dB")
        if self.reverberation_s:
            said.append(f"RT60 {self.reverberation_s:.2f} s")
        if self.is_telephone:
            said.append("mu-law 8 kHz")
        return ", ".join(said)


def draw_condition(name: str, rng: np.random.Generator) -> Condition:
    """A condition of a group with figures drawn at random."""
    base = Condition(
        name,
        speaking_rate=float(rng.uniform(0.92, 1.08)),
        peak_dbfs=float(rng.uniform(-18, -3)),
        lead_s=float(rng.uniform(0.3, 0.8)),
        trail_s=float(rng.uniform(0.5, 0.9)),
    )
    noise = str(rng.choice(sorted(STEADY)))
    snr_db, reverberation_s = float(rng.uniform(5, 25)), float(rng.uniform(0.2, 0.7))
    is_low = bool(rng.integers(2))
    if name == "noise":
        return replace(base, noise=noise, snr_db=snr_db)
    if name == "room":
        return replace(base, reverberation_s=reverberation_s, noise="room tone", snr_db=40.0)
    if name == "telephone":
        return replace(base, is_telephone=True, noise="room tone", snr_db=float(rng.uniform(20, 40)))
    if name == "speed":
        return replace(base, speaking_rate=float(rng.uniform(0.75, 0.85) if is_low else rng.uniform(1.2, 1.35)))
    if name == "pitch":
        return replace(base, pitch_factor=float(rng.uniform(0.86, 0.93) if is_low else rng.uniform(1.08, 1.18)))
    if name == "level":
        peak_dbfs = float(rng.uniform(-35, -28) if is_low else rng.uniform(4, 10))
        return replace(base, peak_dbfs=peak_dbfs, noise="room tone", snr_db=35.0)
    if name == "far":
        return replace(
            base,
            peak_dbfs=float(rng.uniform(-30, -14)),
            reverberation_s=reverberation_s,
            noise=noise,
            snr_db=float(rng.uniform(8, 18)),
        )
    return base


def synthesis_rate(condition: Condition) -> float:
    """The tempo to synthesise at, so that the wanted one is left when the pitch has been moved."""
    return condition.speaking_rate / condition.pitch_factor


def apply_condition(
    speech: NDArray[np.float32], condition: Condition, rng: np.random.Generator
) -> tuple[NDArray[np.float32], int]:
    """Makes the recording.

    Args:
        speech: float32 [num_samples] at 16 kHz, spoken at ``synthesis_rate``, without silence around it.
        condition: What happens to it.
        rng: For noise and room.

    Returns:
        The samples, float32 in [-1, 1], and their rate in Hz.
    """
    if condition.pitch_factor != 1.0:
        speech = soxr.resample(speech, SAMPLE_RATE_HZ * condition.pitch_factor, SAMPLE_RATE_HZ)
    level = float(np.sqrt(np.mean(np.square(speech))))
    lead, trail = (np.zeros(int(part * SAMPLE_RATE_HZ)) for part in (condition.lead_s, condition.trail_s))
    samples = np.concatenate([lead, speech, trail]).astype(np.float32)
    if condition.reverberation_s:
        samples = add_room(samples, room_response(rng, SAMPLE_RATE_HZ, condition.reverberation_s))
    if condition.noise:
        make = STEADY.get(condition.noise, room_tone)
        samples = samples + make(rng, len(samples)) * level * 10 ** (-condition.snr_db / 20)
    rate_hz = SAMPLE_RATE_HZ
    if condition.is_telephone:
        samples, rate_hz = telephone(samples), TELEPHONE_RATE_HZ
    peak = float(np.abs(samples).max())
    samples = samples * (10 ** (condition.peak_dbfs / 20) / peak if peak > 0 else 1.0)
    return np.clip(samples, -1, 1).astype(np.float32), rate_hz


def telephone(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a telephone line leaves of 16 kHz audio: 8 kHz, 300 to 3400 Hz, mu-law of 8 bits (ITU-T G.711's curve)."""
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    low_hz, high_hz = _TELEPHONE_BAND_HZ
    steep = 1 / (1 + (low_hz / np.maximum(frequencies, 1)) ** 8) / (1 + (frequencies / high_hz) ** 16)
    band = soxr.resample(np.fft.irfft(spectrum * steep, len(samples)), SAMPLE_RATE_HZ, TELEPHONE_RATE_HZ)
    scaled = band / max(float(np.abs(band).max()), 1e-9)
    pressed = np.sign(scaled) * np.log1p(_MU * np.abs(scaled)) / np.log1p(_MU)
    coarse = np.round(pressed * 127) / 127
    return (np.sign(coarse) * np.expm1(np.abs(coarse) * np.log1p(_MU)) / _MU).astype(np.float32)
