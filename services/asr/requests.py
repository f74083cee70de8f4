"""The configuration of a gRPC call as options of a recognition stream; every field is checked."""

from __future__ import annotations

from dataclasses import dataclass

from voxcart.audio.intake import check_format
from voxcart.errors import InvalidInput
from voxcart.tenants import catalogue_tenant
from voxcart_api.asr.v1 import asr_pb2
from voxcart_services.asr.context import MAX_REQUEST_WORDS, checked_words
from voxcart_services.asr.recognition import HotWord
from voxcart_services.asr.stream import StreamOptions
from voxcart_services.asr.turns.rules import TurnOverrides, TurnRules

DEFAULT_RATE_HZ = 16_000
MAX_ALTERNATIVES = 10
MAX_BEAM_SIZE = 16
MAX_PROMPT_CHARACTERS = 400
MAX_TENANT_CHARACTERS = 64
_ANSWERS = "none confirmation number phone_number recipient_phone address order_id tracking_no"
_SLOTS = (
    "product brand category material attribute color size quantity price price_min price_max sort_by ordinal "
    "time_range payment_method metric carrier reason recipient coupon device room action place"
)
AWAITED = frozenset(f"{_ANSWERS} {_SLOTS}".split())
"""What a dialogue may wait for: a confirmation, or the value of a slot."""


@dataclass(frozen=True)
class CallOptions:
    """What one call asked for.

    Attributes:
        sample_rate_hz, num_channels: Of its audio.
        stream: Options of its stream.
        hot_words: Words of the request.
        awaiting: What is waited for.
        with_diagnostics: Whether results are explained.
        single_utterance: Whether the first utterance with words is the last.
    """

    sample_rate_hz: int
    num_channels: int
    stream: StreamOptions
    hot_words: tuple[HotWord, ...]
    awaiting: str
    with_diagnostics: bool
    single_utterance: bool


def call_options(config: asr_pb2.RecognitionConfig, turns: TurnRules) -> CallOptions:
    """Checks a configuration.

    Args:
        config: As the client sent it.
        turns: The recogniser's rules of turn taking, which the configuration may shift.

    Raises:
        InvalidInput: A field is bad; the sentence names it.
    """
    rate_hz, num_channels = config.sample_rate_hz or DEFAULT_RATE_HZ, config.num_channels or 1
    check_format(rate_hz, num_channels)
    if config.language not in ("", "zh", "en"):
        raise InvalidInput(f"language must be zh, en or empty for detection, not {config.language!r}")
    awaiting = config.awaiting or "none"
    if awaiting not in AWAITED:
        raise InvalidInput(f"awaiting must be one of {', '.join(sorted(AWAITED))}, not {config.awaiting!r}")
    _check_range("max_alternatives", config.max_alternatives, 0, MAX_ALTERNATIVES)
    if config.HasField("beam_size"):
        _check_range("beam_size", config.beam_size, 1, MAX_BEAM_SIZE)
    _check_text("prompt", config.prompt, MAX_PROMPT_CHARACTERS)
    _check_text("tenant", config.tenant, MAX_TENANT_CHARACTERS)
    stream = StreamOptions(
        language=config.language or None,
        preferred_language=config.language or "zh",
        tenant=catalogue_tenant(config.tenant),
        interim_results=config.interim_results,
        raw_only=config.raw_only,
        turns=turns.override(_overrides(config.endpointing)) if config.HasField("endpointing") else turns,
        prompt=config.prompt or None,
        num_alternatives=config.max_alternatives or 1,
        beam_size=config.beam_size if config.HasField("beam_size") else None,
        word_times=config.enable_word_times,
    )
    words = (HotWord(word.text, word.boost if word.HasField("boost") else 1.0) for word in config.hot_words)
    return CallOptions(
        sample_rate_hz=rate_hz,
        num_channels=num_channels,
        stream=stream,
        hot_words=checked_words(words, MAX_REQUEST_WORDS),
        awaiting=awaiting,
        with_diagnostics=config.enable_diagnostics,
        single_utterance=config.single_utterance,
    )


def _overrides(config: asr_pb2.EndpointConfig) -> TurnOverrides:
    return TurnOverrides(**{field.name: value for field, value in config.ListFields()})


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidInput(f"{name} must be {least}..{most}, not {value}")


def _check_text(name: str, text: str, max_characters: int) -> None:
    if len(text) > max_characters:
        raise InvalidInput(f"{name} has at most {max_characters} characters, not {len(text)}")
    if not text.isprintable():
        raise InvalidInput(f"{name} holds control characters")
