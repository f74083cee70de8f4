"""Kokoro behind the interface of the voice engines."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from onnxruntime import RunOptions

from voxcart_services.tts.voices.engine import NO_TIMES, SpeechPiece, SpeechRequest, Voice, VoiceEngine
from voxcart_services.tts.voices.kokoro.model import FRAME_SAMPLES, MAX_TOKENS, SAMPLE_RATE_HZ, Frames, KokoroModel
from voxcart_services.tts.voices.kokoro.voices import KokoroVoice, gender_of_name, language_of_name
from voxcart_services.tts.voices.kokoro.windows import WindowJoiner, WindowLimits, level_of, next_window, spoken_frames

_JOIN_SAMPLES = 480


class KokoroEngine(VoiceEngine):
    """Speaks with Kokoro-82M at 24 kHz, window by window when somebody waits.

    The silence that the model puts around every clause is cut off before it is decoded.
    """

    name = "kokoro"
    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(
        self,
        model: KokoroModel,
        styles: Mapping[str, NDArray[np.float32]],
        version: str,
        limits: WindowLimits | None = None,
    ) -> None:
        """Make the voices.

        Args:
            model: Loaded graphs.
            styles: float32 [num_lengths, 256] by name of the voice.
            version: Tells these weights from others.
            limits: How clauses are cut for decoding; None: as they are best.
        """
        self._model = model
        self._limits = limits or WindowLimits()
        windowed = f"/w{self._limits.first_frames}" if model.can_window else ""
        self.version = f"{version}{windowed}"
        self._voices = tuple(self._voice(name, name, rows) for name, rows in styles.items())

    def _voice(self, name: str, like: str, styles: NDArray[np.float32]) -> KokoroVoice:
        return KokoroVoice(
            name=name,
            language=language_of_name(like),
            gender=gender_of_name(like),
            engine=self,
            is_british=like[0] == "b",
            styles=styles,
        )

    @property
    def voices(self) -> Sequence[KokoroVoice]:
        """8 Mandarin and 28 English voices, as published."""
        return self._voices

    def blend(self, name: str, parts: Sequence[tuple[Voice, float]]) -> KokoroVoice:
        """A voice whose styles are the weighted mean of others'; its language is that of the largest share."""
        voices = [(voice, share) for voice, share in parts if isinstance(voice, KokoroVoice)]
        rows = min(len(voice.styles) for voice, _ in voices)
        styles = sum(np.float32(share) * voice.styles[:rows] for voice, share in voices)
        main, _ = max(voices, key=lambda part: part[1])
        return self._voice(name, main.name, np.asarray(styles, np.float32))

    def speak(self, request: SpeechRequest, run_options: RunOptions | None = None) -> Iterator[SpeechPiece]:
        """See :meth:`VoiceEngine.speak`. Over 510 phonemes are spoken part by part."""
        voice = request.voice
        if not isinstance(voice, KokoroVoice):
            raise TypeError(f"{voice.name} is not a voice of Kokoro")
        tokens = [self._model.token(phoneme) for phoneme in request.phonemes]
        unknown = "".join(p for p, token in zip(request.phonemes, tokens, strict=True) if token is None)
        spans = _spans_of_tokens(request.phonemes, tokens)
        if not spans:
            yield SpeechPiece(np.zeros(0, np.float32), True, np.zeros(len(tokens) + 1), {}, unknown)
            return
        for number, (start, stop) in enumerate(spans):
            known = [token for token in tokens[start:stop] if token is not None]
            frames = self._model.encode(known, voice.style(len(known)), request.speaking_rate, run_options)
            is_last = number == len(spans) - 1
            for piece in self._decoded(frames, request.lead, run_options):
                times = NO_TIMES
                if number == 0 and len(piece.phoneme_times):
                    times = _times_of_phonemes(tokens[:stop], piece.phoneme_times, len(tokens))
                yield SpeechPiece(piece.samples, piece.is_last and is_last, times, piece.stage_seconds, unknown)
                unknown = ""

    def _decoded(
        self, frames: Frames, lead: Callable[[], float] | None, run_options: RunOptions | None
    ) -> Iterator[SpeechPiece]:
        """Pieces of the frames of one run of the encoder; ``phoneme_times`` are those of its tokens."""
        first, last = spoken_frames(frames.log_energy)
        joiner = WindowJoiner(FRAME_SAMPLES, _JOIN_SAMPLES)
        spent = {"encoder": frames.encode_seconds}
        times = _token_times(frames.frames_per_token, first, last)
        start = first
        while start < last:
            started = time.perf_counter()
            lead_seconds = lead() if lead is not None and self._model.can_window else None
            window = next_window(frames.log_energy, start, lead_seconds, self._limits)
            samples = self._model.decode(frames, window.seen, run_options)
            if self._model.can_window:
                samples = samples * np.float32(level_of(frames.log_energy, window))
            ready = joiner.push(samples, window, is_last=window.last == last)
            spent["decoder"] = time.perf_counter() - started
            yield SpeechPiece(ready, window.last == last, times, spent)
            spent, times, start = {}, NO_TIMES, window.last


def _spans_of_tokens(phonemes: str, tokens: Sequence[int | None]) -> list[tuple[int, int]]:
    """Stretches of the phonemes that hold 1 to 510 tokens, cut behind a space where there is one."""
    spans = []
    start = 0
    while start < len(tokens):
        stop, count = start, 0
        while stop < len(tokens) and count < MAX_TOKENS:
            count += tokens[stop] is not None
            stop += 1
        if stop < len(tokens):
            space = phonemes.rfind(" ", start + (stop - start) // 2, stop)
            stop = space + 1 if space > 0 else stop
        if any(token is not None for token in tokens[start:stop]):
            spans.append((start, stop))
        start = stop
    return spans


def _token_times(frames_per_token: NDArray[np.float32], first: int, last: int) -> NDArray[np.float64]:
    """Seconds at which each token begins and the last one ends, from the first frame that is spoken."""
    edges = np.cumsum(frames_per_token[:-1].astype(np.float64))
    return (np.clip(edges, first, last) - first) * (FRAME_SAMPLES / SAMPLE_RATE_HZ)


def _times_of_phonemes(
    tokens: Sequence[int | None], token_times: NDArray[np.float64], num_phonemes: int
) -> NDArray[np.float64]:
    """Times by token spread to phonemes: one that is not known begins when the next known one does."""
    position = np.concatenate([[0], np.cumsum([token is not None for token in tokens])])
    times = token_times[np.minimum(position, len(token_times) - 1)]
    return np.concatenate([times, np.full(num_phonemes + 1 - len(times), times[-1])])
