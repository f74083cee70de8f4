"""From search paths to hypotheses: text, words with times, confidences, alternatives, silence at the end."""

from __future__ import annotations

import math
from collections.abc import Sequence

from voxcart.text.scripts import detect_language
from voxcart_services.asr.recognition import Alternative, DecodeOptions, Hypothesis, Word
from voxcart_services.asr.transducer.search import Path, SearchState
from voxcart_services.asr.transducer.tokens import TokenTable

OUTPUT_FRAME_MS = 40
"""Time between two frames of the encoder's output."""
_MAX_WORD_TAIL_MS = 200


def make_hypothesis(
    search: SearchState, tokens: TokenTable, context_size: int, audio_ms: int | None, options: DecodeOptions
) -> Hypothesis:
    """What was recognised.

    A transducer has no end token and no token for silence. `avg_logprob` is over the tokens; `no_speech_prob` is the
    chance that none of them is right, were they independent: 1 when there are none. Confidences are after the
    temperature, the other figures are as the model gives them.

    Args:
        search: Where the search stands.
        tokens: Of the model.
        context_size: Of the model.
        audio_ms: Length of the audio when silence was put behind it; `None` when the search stands within the audio.
        options: What is wanted.
    """
    ranked = search.ranked(context_size)
    best = ranked[0]
    text = tokens.text(best.tokens)
    end_ms = search.num_frames * OUTPUT_FRAME_MS if audio_ms is None else audio_ms
    return Hypothesis(
        text=text,
        tokens=best.tokens,
        confidence=_confidence(best.confidences),
        avg_logprob=_mean(best.log_probs),
        no_speech_prob=math.prod((-math.expm1(log_prob) for log_prob in best.log_probs), start=1.0),
        language=detect_language(text),
        words=_words(best, tokens, end_ms) if options.word_times else (),
        alternatives=_alternatives(ranked[1:], text, tokens, options.num_alternatives - 1),
        trailing_silence_ms=_trailing_silence_ms(best, end_ms),
    )


def _mean(log_probs: Sequence[float]) -> float:
    return min(0.0, sum(log_probs) / len(log_probs)) if log_probs else 0.0


def _confidence(confidences: Sequence[float]) -> float:
    return math.exp(_mean(confidences)) if confidences else 0.0


def _trailing_silence_ms(path: Path, end_ms: int) -> int:
    """Time since the frame of the last token."""
    return max(0, end_ms - (path.frames[-1] + 1) * OUTPUT_FRAME_MS) if path.frames else end_ms


def _words(path: Path, tokens: TokenTable, end_ms: int) -> tuple[Word, ...]:
    """A word begins at the frame of its first token and lasts to the next word, though not long past its last token.

    A transducer says when it decided on a token, which is shortly after it began; where it ended is not known.
    """
    spans = tokens.spans(path.tokens)
    starts_ms = [path.frames[span.first] * OUTPUT_FRAME_MS for span in spans]
    words = []
    for index, span in enumerate(spans):
        begin = min(starts_ms[index], end_ms)
        next_ms = starts_ms[index + 1] if index + 1 < len(spans) else end_ms
        last_ms = path.frames[span.last] * OUTPUT_FRAME_MS + _MAX_WORD_TAIL_MS
        confidence = _confidence(path.confidences[span.first : span.last + 1])
        words.append(Word(span.text, begin, max(begin, min(next_ms, last_ms, end_ms)), confidence))
    return tuple(words)


def _alternatives(paths: Sequence[Path], text: str, tokens: TokenTable, count: int) -> tuple[Alternative, ...]:
    found: dict[str, Alternative] = {}
    for path in paths:
        if len(found) >= count:
            break
        other = tokens.text(path.tokens)
        if other != text and other not in found:
            found[other] = Alternative(other, _confidence(path.confidences), _mean(path.log_probs))
    return tuple(found.values())
