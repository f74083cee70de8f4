"""All thresholds of turn taking of one stream, and how a caller changes some of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from voxcart.errors import InvalidInput
from voxcart_services.asr.turns.endpointing import EndpointRules, GateRules
from voxcart_services.asr.turns.foreground import ForegroundRules

_STAY_BELOW_START = 0.15
_LOWEST_STAY = 0.03
_LIMITS_MS = {
    "first_pause_ms": (128, 2_000),
    "max_pause_ms": (160, 10_000),
    "open_pause_ms": (160, 20_000),
    "number_pause_ms": (160, 20_000),
    "max_utterance_ms": (1_000, 28_000),
}


@dataclass(frozen=True)
class TurnOverrides:
    """What a caller sets for one stream; `None` leaves the service's own.

    Attributes:
        speech_probability: Frame probability, 0.05..0.95, that opens an utterance.
        first_pause_ms: Pause after a turn that sounds finished.
        max_pause_ms: Pause that ends any turn whose text is not clearly unfinished.
        open_pause_ms: Pause that a turn gets whose text is clearly unfinished.
        number_pause_ms: Pause inside an awaited number or address.
        max_utterance_ms: Longest utterance.
        reject_background: Probability, 0.5..1, from which background talk is turned away; 1 never.
    """

    speech_probability: float | None = None
    first_pause_ms: int | None = None
    max_pause_ms: int | None = None
    open_pause_ms: int | None = None
    number_pause_ms: int | None = None
    max_utterance_ms: int | None = None
    reject_background: float | None = None


@dataclass(frozen=True)
class TurnRules:
    """Thresholds of the parts."""

    gate: GateRules = field(default_factory=GateRules)
    endpoint: EndpointRules = field(default_factory=EndpointRules)
    foreground: ForegroundRules = field(default_factory=ForegroundRules)

    def override(self, wanted: TurnOverrides) -> TurnRules:
        """These rules with what a caller sets. A pause that is not set gives way to one that is.

        Raises:
            InvalidInput: A value is out of its range, or two that are set contradict each other.
        """
        for name, (lowest, highest) in _LIMITS_MS.items():
            value = getattr(wanted, name)
            if value is not None and not lowest <= value <= highest:
                raise InvalidInput(f"{name} must be between {lowest} and {highest} ms, not {value}")
        try:
            return TurnRules(_gate(self.gate, wanted), _endpoint(self.endpoint, wanted), _foreground(self, wanted))
        except InvalidInput:
            raise
        except ValueError as error:
            raise InvalidInput(str(error)) from error


def _gate(rules: GateRules, wanted: TurnOverrides) -> GateRules:
    start = wanted.speech_probability
    if start is None:
        return rules
    if not 0.05 <= start <= 0.95:
        raise InvalidInput(f"speech_probability must be between 0.05 and 0.95, not {start}")
    return replace(rules, start_probability=start, stay_probability=max(_LOWEST_STAY, start - _STAY_BELOW_START))


def _endpoint(rules: EndpointRules, wanted: TurnOverrides) -> EndpointRules:
    set_ms = {
        name: getattr(wanted, name)
        for name in ("first_pause_ms", "max_pause_ms", "open_pause_ms", "number_pause_ms")
        if getattr(wanted, name) is not None
    }
    for (shorter, shorter_ms), (longer, longer_ms) in pairwise(set_ms.items()):
        if shorter_ms > longer_ms:
            raise InvalidInput(f"{shorter} ({shorter_ms} ms) must not be longer than {longer} ({longer_ms} ms)")
    return rules.with_pauses(**set_ms, max_utterance_ms=wanted.max_utterance_ms)


def _foreground(rules: TurnRules, wanted: TurnOverrides) -> ForegroundRules:
    if wanted.reject_background is None:
        return rules.foreground
    return replace(rules.foreground, reject_background=wanted.reject_background)
