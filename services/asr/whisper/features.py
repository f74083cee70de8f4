"""Whisper's log-mel features in numpy.

80 (or 128) Slaney-scale mel bands of a 400-point Hann window every 160 samples at 16 kHz, log10, floored at 8 decades
below the loudest value, shifted to roughly [-1, 1]. Same numbers as OpenAI Whisper's `log_mel_spectrogram`.
"""

from __future__ import annotations

import functools

import numpy as np

SAMPLE_RATE_HZ = 16_000
HOP_SAMPLES = 160
_WINDOW_SAMPLES = 400
_NUM_BINS = _WINDOW_SAMPLES // 2 + 1
_LEVEL_SAMPLES = 512
_LOUD_SHARE = 0.25
_MAX_GAIN_DB = 30.0


def log_mel(samples: np.ndarray, num_mels: int = 80) -> np.ndarray:
    """Log-mel spectrogram, one frame per 10 ms.

    Args:
        samples: float32 `[num_samples]` in [-1, 1] at 16 kHz; at least 400 samples.
        num_mels: Mel bands.

    Returns:
        float32 `[num_mels, num_samples // 160]`.
    """
    padded = np.pad(np.asarray(samples, dtype=np.float32), _WINDOW_SAMPLES // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_SAMPLES)[::HOP_SAMPLES]
    frames = frames[: len(samples) // HOP_SAMPLES]
    spectrum = np.fft.rfft(frames * _hann(), axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    mel = np.log10(np.maximum(_mel_bands(power, num_mels), 1e-10))
    return ((np.maximum(mel, mel.max() - 8.0) + 4.0) / 4.0).astype(np.float32)


def level_gain(samples: np.ndarray, level_dbfs: float) -> np.float32:
    """Factor that brings the loudest quarter of an utterance, by frames of 32 ms, to a level.

    The features are logarithms that are only floored by the loudest value, so a level stays in them as an offset, and
    Whisper hears faint speech worse. At most 30 dB are added, and silence stays as it is. Samples may go beyond
    [-1, 1], which the features do not mind.

    Args:
        samples: float32 `[num_samples]`.
        level_dbfs: Mean power of the loud part, in dB below full scale.
    """
    num_frames = len(samples) // _LEVEL_SAMPLES
    if not num_frames:
        return np.float32(1)
    frames = samples[: num_frames * _LEVEL_SAMPLES].reshape(num_frames, _LEVEL_SAMPLES)
    power = np.sort(np.einsum("ij,ij->i", frames, frames)) / _LEVEL_SAMPLES
    loud = float(power[-max(1, round(num_frames * _LOUD_SHARE)) :].mean())
    if loud < 1e-12:
        return np.float32(1)
    return np.float32(10 ** (min(_MAX_GAIN_DB, level_dbfs - 10 * np.log10(loud)) / 20))


@functools.cache
def _hann() -> np.ndarray:
    return np.hanning(_WINDOW_SAMPLES + 1)[:-1].astype(np.float32)


def _mel_bands(power: np.ndarray, num_mels: int) -> np.ndarray:
    """Power in the mel bands, float32 `[num_mels, num_frames]`.

    Nearly all of the filters' weights are 0, and only the others are multiplied. Besides, a product of matrices goes
    to the threads of numpy's BLAS, which wait for each other by spinning: on a busy machine that takes twenty times as
    long.
    """
    bins, weights, starts = _filter_taps(num_mels)
    return np.add.reduceat(power[:, bins] * weights, starts, axis=1).T


@functools.cache
def _filter_taps(num_mels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The filters without their zeros: bins and weights of all bands in a row, and where each band starts."""
    bins, weights, starts = [], [], []
    for row in _mel_filters(num_mels):
        own = np.flatnonzero(row)
        own = own if len(own) else np.zeros(1, dtype=own.dtype)  # a band between two bins keeps one of weight 0
        starts.append(len(bins))
        bins.extend(own.tolist())
        weights.extend(row[own].tolist())
    return np.array(bins), np.array(weights, dtype=np.float32), np.array(starts)


@functools.cache
def _mel_filters(num_mels: int) -> np.ndarray:
    """Triangular filters of equal area on the Slaney mel scale, float32 `[num_mels, bins]`."""
    edges_hz = _mel_to_hz(np.linspace(0.0, _hz_to_mel(SAMPLE_RATE_HZ / 2), num_mels + 2))
    bins_hz = np.linspace(0.0, SAMPLE_RATE_HZ / 2, _NUM_BINS)
    distance = edges_hz[:, None] - bins_hz[None, :]
    width = np.diff(edges_hz)
    rising = -distance[:-2] / width[:-1, None]
    falling = distance[2:] / width[1:, None]
    area = 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return (np.maximum(0.0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_LOG_START_HZ = 1000.0
_LOG_START_MEL = _LOG_START_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _LOG_START_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return float(_LOG_START_MEL + np.log(hz / _LOG_START_HZ) / _LOG_STEP)


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    linear = mel * _LINEAR_HZ_PER_MEL
    logarithmic = _LOG_START_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _LOG_START_MEL) - _LOG_START_MEL))
    return np.where(mel < _LOG_START_MEL, linear, logarithmic)
