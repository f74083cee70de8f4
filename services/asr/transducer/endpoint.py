"""Endpoint rules: whether an utterance is over, from its length and the silence at its end, as a pure function.

The rules are those of Kaldi's online decoding (Povey et al., "The Kaldi speech recognition toolkit", ASRU 2011) in the
form that icefall and sherpa-onnx use: silence is time in which the transducer emits blanks. They know nothing of what
was said; they serve where no turn model is wanted, and as a baseline for those.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EndpointRule:
    """The utterance is over when all of these hold.

    Attributes:
        must_contain_nonsilence: Something was recognised.
        min_trailing_silence_ms: Silence at the end, at least.
        min_utterance_ms: Length of the utterance with its silence, at least.
    """

    must_contain_nonsilence: bool
    min_trailing_silence_ms: int
    min_utterance_ms: int

    def __post_init__(self) -> None:
        if self.min_trailing_silence_ms < 0 or self.min_utterance_ms < 0:
            raise ValueError("an endpoint rule cannot ask for a negative time")

    def holds(self, utterance_ms: int, trailing_silence_ms: int) -> bool:
        """Whether the rule ends an utterance of that length and silence at its end."""
        has_nonsilence = utterance_ms > trailing_silence_ms
        return (
            (has_nonsilence or not self.must_contain_nonsilence)
            and trailing_silence_ms >= self.min_trailing_silence_ms
            and utterance_ms >= self.min_utterance_ms
        )


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """Rules by what they are for; any of them ends the utterance. The defaults are Kaldi's and sherpa-onnx's.

    Attributes:
        nothing_said: A long silence in which nothing was recognised.
        said: A silence after something was recognised.
        too_long: A length at which an utterance is cut anyway.
    """

    nothing_said: EndpointRule = EndpointRule(False, 2_400, 0)
    said: EndpointRule = EndpointRule(True, 1_200, 0)
    too_long: EndpointRule = EndpointRule(False, 0, 20_000)


def endpoint_reason(utterance_ms: int, trailing_silence_ms: int, rules: EndpointRules | None = None) -> str | None:
    """The name of the first rule that ends the utterance, or `None` while it goes on.

    Args:
        utterance_ms: Length of the audio looked at so far.
        trailing_silence_ms: Time since the last token; the whole length if there is none
            (`Hypothesis.trailing_silence_ms`).
        rules: Kaldi's defaults when `None`.
    """
    chosen = rules or EndpointRules()
    for name in ("nothing_said", "said", "too_long"):
        if getattr(chosen, name).holds(utterance_ms, trailing_silence_ms):
            return name
    return None
