"""Room impulse responses by the image-source method (J. Allen, D. Berkley, 1979), for a box with equal walls."""

import numpy as np
from numpy.typing import NDArray

SPEED_OF_SOUND_M_S = 343.0


def room_response(rng: np.random.Generator, sample_rate_hz: int, reverberation_s: float) -> NDArray[np.float32]:
    """Impulse response between two random places of a random room.

    The walls' reflection follows from the nominal reverberation time by Sabine's formula; along the longest side of
    the box sound bounces less often than the formula assumes, so that the tail may ring half as long again. Arrivals
    are put at the nearest sample.

    Args:
        rng: Chooses the room's size (3 to 8 m) and the two places.
        reverberation_s: Nominal time in which sound falls by 60 dB (RT60), 0.1 to 0.8.

    Returns:
        float32 [num_samples], the direct sound at index 0 with gain 1.
    """
    size_m = rng.uniform((3.0, 2.8, 2.4), (8.0, 6.0, 3.2))
    source_m = rng.uniform(0.15, 0.85, 3) * size_m
    offset_m = rng.normal(size=3)
    distance_m = rng.uniform(0.5, 2.0)
    receiver_m = np.clip(source_m + offset_m / np.linalg.norm(offset_m) * distance_m, 0.1, size_m - 0.1)
    volume = float(np.prod(size_m))
    surface = 2 * float(size_m[0] * size_m[1] + size_m[0] * size_m[2] + size_m[1] * size_m[2])
    absorption = min(0.161 * volume / (surface * reverberation_s), 0.95)
    reflection = np.sqrt(1 - absorption)

    reach = np.ceil(reverberation_s * SPEED_OF_SOUND_M_S / (2 * size_m)).astype(int)
    delays, gains = _images(size_m, source_m, receiver_m, reach, reflection)
    first = delays.min()
    positions = np.round((delays - first) / SPEED_OF_SOUND_M_S * sample_rate_hz).astype(int)
    length = int(reverberation_s * sample_rate_hz)
    kept = positions < length
    response = np.zeros(length)
    np.add.at(response, positions[kept], gains[kept])
    return (response / response[0]).astype(np.float32)


def _images(
    size_m: NDArray[np.float64],
    source_m: NDArray[np.float64],
    receiver_m: NDArray[np.float64],
    reach: NDArray[np.int_],
    reflection: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance and gain of every mirrored source within ``reach`` rooms along each axis."""
    squares, bounces = [], []
    for axis in range(3):
        rooms = np.arange(-reach[axis], reach[axis] + 1)
        straight = 2 * rooms * size_m[axis] + source_m[axis] - receiver_m[axis]
        mirrored = 2 * rooms * size_m[axis] - source_m[axis] - receiver_m[axis]
        squares.append(np.concatenate([straight, mirrored]) ** 2)
        bounces.append(np.concatenate([np.abs(2 * rooms), np.abs(2 * rooms - 1)]))
    square = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :]
    bounce = bounces[0][:, None, None] + bounces[1][None, :, None] + bounces[2][None, None, :]
    distance = np.sqrt(square).ravel()
    return distance, (reflection**bounce).ravel() / np.maximum(distance, 0.1)


def add_room(samples: NDArray[np.float32], response: NDArray[np.float32]) -> NDArray[np.float32]:
    """The samples as heard through a response, as long as before, at the same RMS level."""
    size = 1 << int(np.ceil(np.log2(len(samples) + len(response))))
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    heard = np.fft.irfft(spectrum, size)[: len(samples)]
    before, after = np.sqrt(np.mean(samples**2)), np.sqrt(np.mean(heard**2))
    return (heard * (before / after if after > 0 else 1.0)).astype(np.float32)
