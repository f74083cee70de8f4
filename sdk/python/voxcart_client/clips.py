"""Recorded speech: reading WAV and FLAC, finding where the voice ends, changing the rate, writing WAV."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.01
SILENCE_BELOW_PEAK_DB = 35.0
"""A frame counts as voiced when it is less than this below the loudest frame ..."""
SILENCE_DBFS = -55.0
"""... and louder than this."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording.

    Attributes:
        samples: float32 ``[num_samples]`` in [-1, 1], mono.
        sample_rate_hz: Samples a second.
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length, seconds."""
        return len(self.samples) / self.sample_rate_hz

    @property
    def voiced_end_s(self) -> float:
        """End of the last voiced frame of 10 ms by energy; 0 when the recording is silent."""
        frame = max(1, round(FRAME_S * self.sample_rate_hz))
        num_frames = len(self.samples) // frame
        if num_frames == 0:
            return 0.0
        frames = self.samples[: num_frames * frame].reshape(num_frames, frame)
        level_db = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-12)
        voiced = np.flatnonzero(level_db > max(SILENCE_DBFS, level_db.max() - SILENCE_BELOW_PEAK_DB))
        return float((voiced[-1] + 1) * frame / self.sample_rate_hz) if len(voiced) else 0.0

    def at_rate(self, sample_rate_hz: int) -> "Clip":
        """The same recording at another rate (Fourier method, for recordings of moderate length)."""
        if sample_rate_hz == self.sample_rate_hz or not len(self.samples):
            return Clip(self.samples, sample_rate_hz)
        pad = self.sample_rate_hz
        padded = np.concatenate([self.samples, np.zeros(pad - len(self.samples) % pad, np.float32)])
        num_out = len(padded) // self.sample_rate_hz * sample_rate_hz
        spectrum = np.fft.rfft(padded)[: num_out // 2 + 1]
        scaled = np.fft.irfft(spectrum, num_out) * (num_out / len(padded))
        num_samples = round(len(self.samples) * sample_rate_hz / self.sample_rate_hz)
        return Clip(scaled[:num_samples].astype(np.float32), sample_rate_hz)

    def to_pcm_s16le(self) -> bytes:
        """Signed 16-bit little-endian PCM, clipped."""
        return np.clip(np.round(self.samples * 32_768), -32_768, 32_767).astype("<i2").tobytes()


def read_clip(path: str | Path) -> Clip:
    """Reads a recording; several channels are averaged. WAV of 16 bit needs no package, other forms need ``soundfile``.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no recording, or ``soundfile`` is needed and not installed.
    """
    path = Path(path)
    with path.open("rb") as file:
        is_wav = file.read(4) == b"RIFF"
    if is_wav:
        try:
            with wave.open(str(path), "rb") as reader:
                if reader.getsampwidth() == 2:
                    pcm = reader.readframes(reader.getnframes())
                    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
                    channels = samples[: len(samples) // reader.getnchannels() * reader.getnchannels()]
                    mono = channels.reshape(-1, reader.getnchannels()).mean(axis=1, dtype=np.float32)
                    return _checked(path, mono, reader.getframerate())
        except (wave.Error, EOFError):
            is_wav = False
    try:
        import soundfile
    except ImportError:
        raise ValueError(f"{path}: only WAV of 16 bit can be read; install soundfile for other forms") from None
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise ValueError(f"{path} is no recording that can be read: {error}") from error
    return _checked(path, samples.mean(axis=1, dtype=np.float32), rate_hz)


def write_wav(path: str | Path, pcm_s16le: bytes, sample_rate_hz: int) -> None:
    """Writes mono PCM as a WAV file.

    Raises:
        OSError: The file cannot be written.
    """
    with wave.open(str(path), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(sample_rate_hz)
        writer.writeframes(pcm_s16le)


def _checked(path: Path, samples: NDArray[np.float32], sample_rate_hz: int) -> Clip:
    if not np.isfinite(samples).all():
        raise ValueError(f"{path} holds samples that are no finite numbers")
    return Clip(np.ascontiguousarray(samples), sample_rate_hz)
