"""Sounds that are not speech, synthesised: steady noises, street, household, clicks, tones and music.

Every maker takes a random generator and a number of samples and gives float32 [num_samples] at 16 kHz with RMS 1
(digital silence excepted). Nothing of it is recorded, so it can be made anywhere, always the same.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
Noise = Callable[[np.random.Generator, int], NDArray[np.float32]]


def unit_level(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Scaled to RMS 1."""
    rms = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
    return (samples / rms if rms > 0 else samples).astype(np.float32)


def shaped(rng: np.random.Generator, num_samples: int, gain: Callable[[NDArray], NDArray]) -> NDArray[np.float64]:
    """White noise through a gain that is a function of frequency in Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    frequencies = np.fft.rfftfreq(num_samples, 1 / SAMPLE_RATE_HZ)
    return np.fft.irfft(spectrum * gain(frequencies), num_samples)


def white(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Equal power per hertz."""
    return unit_level(rng.standard_normal(num_samples))


def pink(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Equal power per octave above 20 Hz."""
    return unit_level(shaped(rng, num_samples, lambda hz: 1 / np.sqrt(np.maximum(hz, 20))))


def brown(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """6 dB less per octave: wind, a lorry far away."""
    return unit_level(shaped(rng, num_samples, lambda hz: 1 / np.maximum(hz, 20)))


def room_tone(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """A quiet room: pink noise with little above 2 kHz."""
    return unit_level(shaped(rng, num_samples, lambda hz: 1 / np.sqrt(np.maximum(hz, 40)) / (1 + (hz / 2_000) ** 2)))


def hum(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Mains hum of 50 Hz with its overtones."""
    return unit_level(_harmonics(rng, num_samples, 50.0, 12) + 0.02 * rng.standard_normal(num_samples))


def fan(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """A fan or an air conditioner: broad noise, blades that beat it, a motor's tone."""
    time_s = np.arange(num_samples) / SAMPLE_RATE_HZ
    air = unit_level(shaped(rng, num_samples, lambda hz: 1 / (1 + (hz / 700) ** 2) / np.sqrt(np.maximum(hz, 30))))
    beat = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(8, 25) * time_s)
    return unit_level(air * beat + 0.1 * _harmonics(rng, num_samples, rng.uniform(90, 140), 5))


def street(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Traffic: a rumble that swells, and vehicles that pass."""
    rumble = unit_level(shaped(rng, num_samples, lambda hz: 1 / (1 + (hz / 300) ** 2) / np.sqrt(np.maximum(hz, 25))))
    swell = 1 + 0.5 * _slow(rng, num_samples, 0.5)
    sound: NDArray[np.floating] = rumble * np.maximum(swell, 0.2)
    time_s = np.arange(num_samples) / SAMPLE_RATE_HZ
    for _ in range(1 + num_samples // (4 * SAMPLE_RATE_HZ)):
        centre_s, width_s = rng.uniform(0, max(time_s[-1], 0.1)), rng.uniform(0.5, 1.5)
        cutoff_hz = rng.uniform(800, 2_500)
        tyres = _passing(rng, num_samples, cutoff_hz)
        sound = sound + rng.uniform(0.3, 1.0) * tyres * np.exp(-(((time_s - centre_s) / width_s) ** 2))
    return unit_level(sound)


def _passing(rng: np.random.Generator, num_samples: int, cutoff_hz: float) -> NDArray[np.float32]:
    return unit_level(shaped(rng, num_samples, lambda hz: 1 / (1 + (hz / cutoff_hz) ** 4)))


def clicks(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Single clicks of a switch or a bad contact."""
    return unit_level(_events(rng, num_samples, 1.5, _click) + 0.003 * rng.standard_normal(num_samples))


def keyboard(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Typing: short double clicks in bursts."""
    return unit_level(_events(rng, num_samples, 7.0, _click) + 0.003 * rng.standard_normal(num_samples))


def knocks(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Knocks on wood, steps, a cup that is put down."""
    return unit_level(_events(rng, num_samples, 1.2, _knock) + 0.003 * rng.standard_normal(num_samples))


def ringing(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Beeps and rings of devices: two tones in a rhythm."""
    time_s = np.arange(num_samples) / SAMPLE_RATE_HZ
    low_hz, high_hz = rng.uniform(400, 900), rng.uniform(1_000, 2_200)
    turn = np.sin(2 * np.pi * 10 * time_s) > 0
    tone = np.sin(2 * np.pi * np.where(turn, low_hz, high_hz) * time_s)
    return unit_level(tone * (np.sin(2 * np.pi * rng.uniform(0.3, 0.8) * time_s) > 0))


def silence(rng: np.random.Generator, num_samples: int) -> NDArray[np.float32]:
    """Digital silence."""
    del rng
    return np.zeros(num_samples, np.float32)


def _harmonics(rng: np.random.Generator, num_samples: int, base_hz: float, count: int) -> NDArray[np.float64]:
    time_s = np.arange(num_samples) / SAMPLE_RATE_HZ
    sound = np.zeros(num_samples)
    for number in range(1, count + 1):
        sound += rng.uniform(0.3, 1) / number * np.sin(2 * np.pi * (base_hz * number * time_s + rng.uniform()))
    return sound


def _slow(rng: np.random.Generator, num_samples: int, rate_hz: float) -> NDArray[np.float64]:
    """A smooth random curve around 0 that turns about ``rate_hz`` times a second."""
    num_points = max(int(num_samples / SAMPLE_RATE_HZ * rate_hz * 2), 2)
    points = rng.standard_normal(num_points)
    return np.interp(np.linspace(0, num_points - 1, num_samples), np.arange(num_points), points)


def _events(
    rng: np.random.Generator,
    num_samples: int,
    rate_hz: float,
    make: Callable[[np.random.Generator], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Sounds at random times, ``rate_hz`` a second on average."""
    sound = np.zeros(num_samples)
    for start in rng.integers(0, num_samples, max(1, int(num_samples / SAMPLE_RATE_HZ * rate_hz))):
        event = make(rng)[: num_samples - start]
        sound[start : start + len(event)] += event
    return sound


def _click(rng: np.random.Generator) -> NDArray[np.float64]:
    time_s = np.arange(int(0.03 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return rng.uniform(0.3, 1) * rng.standard_normal(len(time_s)) * np.exp(-time_s / rng.uniform(0.001, 0.004))


def _knock(rng: np.random.Generator) -> NDArray[np.float64]:
    time_s = np.arange(int(0.25 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    body = np.sin(2 * np.pi * rng.uniform(90, 320) * time_s) * np.exp(-time_s / rng.uniform(0.02, 0.06))
    attack = rng.standard_normal(len(time_s)) * np.exp(-time_s / 0.004)
    return rng.uniform(0.4, 1) * (body + 0.4 * attack)


STEADY: dict[str, Noise] = {"white": white, "pink": pink, "street": street, "hum": hum, "fan": fan}
"""Backgrounds that speech is mixed with."""
