"""Synthesised music: chords, melodies with vibrato and overtones, and drums."""

import numpy as np
from numpy.typing import NDArray

from voxcart.speech_data.noises import SAMPLE_RATE_HZ, unit_level

_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))
"""Major, minor, pentatonic, in semitones."""
_PROGRESSION = (0, 5, 3, 4)
"""Steps of the scale on which the chords of four bars stand."""


def music(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """A band: chords, a bass, a melody that sings with vibrato, drums; RMS 1."""
    sung, played = melody(rng, num_samples), chords(rng, num_samples)
    return unit_level(sung + 0.7 * played + 0.6 * drums(rng, num_samples))


def melody(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """One voice that goes up and down a scale, with overtones like a flute, a violin or a singer without words."""
    scale = _SCALES[rng.integers(len(_SCALES))]
    base_hz, beat_s = rng.uniform(196, 392), rng.uniform(0.28, 0.6)
    overtones = rng.uniform(0.1, 0.9) ** np.arange(1, 9)
    sound = np.zeros(num_samples)
    step, start = int(rng.integers(0, 7)), 0
    while start < num_samples:
        step = int(np.clip(step + rng.integers(-2, 3), -4, 10))
        length = int(beat_s * rng.choice((0.5, 1, 1, 2)) * SAMPLE_RATE_HZ)
        if rng.uniform() > 0.12:
            note = _note(_pitch(base_hz, scale, step), min(length, num_samples - start), overtones, rng.uniform(4, 7))
            sound[start : start + len(note)] += note
        start += length
    return unit_level(sound)


def chords(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Chords of three notes and a bass, a bar each."""
    scale = _SCALES[rng.integers(2)]
    base_hz, bar = rng.uniform(98, 147), int(rng.uniform(1.4, 2.4) * SAMPLE_RATE_HZ)
    overtones = 0.5 ** np.arange(1, 7)
    sound = np.zeros(num_samples)
    for number, start in enumerate(range(0, num_samples, bar)):
        root = _PROGRESSION[number % len(_PROGRESSION)]
        for step in (root - 7, root, root + 2, root + 4):
            note = _note(_pitch(base_hz, scale, step), min(bar, num_samples - start), overtones, 0.0)
            sound[start : start + len(note)] += note
    return unit_level(sound)


def drums(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Bass drum, snare and hi-hat in four-four time."""
    eighth = int(rng.uniform(0.2, 0.32) * SAMPLE_RATE_HZ)
    time_s = np.arange(int(0.2 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    kick = np.sin(2 * np.pi * 60 * time_s * (1 + np.exp(-time_s / 0.02))) * np.exp(-time_s / 0.06)
    sound = np.zeros(num_samples)
    for number, start in enumerate(range(0, num_samples, eighth)):
        hat = np.diff(rng.standard_normal(len(time_s) + 1)) * np.exp(-time_s / 0.015)
        snare = rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.05)
        hit = 0.2 * hat + (number % 4 == 0) * kick + (number % 4 == 2) * 0.5 * snare
        hit = hit[: num_samples - start]
        sound[start : start + len(hit)] += hit
    return unit_level(sound)


def _pitch(base_hz: float, scale: tuple[int, ...], step: int) -> float:
    octave, degree = divmod(step, len(scale))
    return float(base_hz * 2 ** (octave + scale[degree] / 12))


def _note(pitch_hz: float, num_samples: int, overtones: NDArray[np.floating], vibrato_hz: float) -> NDArray[np.float64]:
    """A tone with its overtones, a soft begin and end, and a vibrato of a quarter tone if ``vibrato_hz`` is not 0."""
    time_s = np.arange(num_samples) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * pitch_hz * time_s
    if vibrato_hz:
        phase = phase + 0.015 * pitch_hz / vibrato_hz * np.sin(2 * np.pi * vibrato_hz * time_s)
    sound = np.zeros(num_samples)
    for number, gain in enumerate(overtones, 1):
        if pitch_hz * number < SAMPLE_RATE_HZ / 2:
            sound += gain * np.sin(number * phase)
    left_s = num_samples / SAMPLE_RATE_HZ - time_s
    return sound * np.minimum(1, time_s / 0.03) * np.minimum(1, left_s / 0.05)
