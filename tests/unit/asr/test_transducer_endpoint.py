"""Kaldi's endpoint rules as a function of two times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_services.asr.transducer.endpoint import EndpointRule, EndpointRules, endpoint_reason

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("utterance_ms", "trailing_silence_ms", "reason"),
    [
        (0, 0, None),
        (2_399, 2_399, None),
        (2_400, 2_400, "nothing_said"),
        (3_000, 1_199, None),
        (3_000, 1_200, "said"),
        (1_200, 1_200, None),
        (19_999, 0, None),
        (20_000, 0, "too_long"),
        (30_000, 5_000, "nothing_said"),
    ],
)
def test_the_default_rules(utterance_ms: int, trailing_silence_ms: int, reason: str | None) -> None:
    assert endpoint_reason(utterance_ms, trailing_silence_ms) == reason


@given(st.integers(0, 60_000), st.integers(0, 60_000), st.integers(0, 5_000))
def test_more_silence_never_reopens_an_utterance(speech_ms: int, silence_ms: int, more_ms: int) -> None:
    if endpoint_reason(speech_ms + silence_ms, silence_ms) is not None:
        assert endpoint_reason(speech_ms + silence_ms + more_ms, silence_ms + more_ms) is not None


def test_own_rules() -> None:
    rules = EndpointRules(said=EndpointRule(True, 300, 1_000))
    assert endpoint_reason(900, 300, rules) is None
    assert endpoint_reason(1_000, 300, rules) == "said"
    with pytest.raises(ValueError, match="negative time"):
        EndpointRule(True, -1, 0)
