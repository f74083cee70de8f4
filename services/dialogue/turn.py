"""What a skill works with and what it gives back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_services.dialogue.deadline import Deadline
from voxcart_services.dialogue.phrases import Phraser
from voxcart_services.dialogue.ports import RecommenderPort
from voxcart_services.dialogue.shop_session import ShopSession
from voxcart_services.dialogue.slots import Slots
from voxcart_services.dialogue.state import Pending, SessionState

SHOPPER = "shopper"
MERCHANT = "merchant"


@dataclass
class Answer:
    """What one skill says.

    Attributes:
        text: The sentence, for eye and ear.
        speech_text: For the ear where it differs; empty if it does not.
        pending: What is waited for after this answer.
        result: How it went, for the metrics.
    """

    text: str
    cards: list[common_pb2.Card] = field(default_factory=list)
    pending: Pending | None = None
    speech_text: str = ""
    hand_over: bool = False
    result: str = "answered"


@dataclass
class Turn:
    """One utterance on its way to an answer. ``intent`` and ``slots`` are those the policy settled on."""

    utterance_id: str
    text: str
    intent: str
    slots: Slots
    sentiment: int
    session: common_pb2.SessionContext
    role: str
    state: SessionState
    phrases: Phraser
    now: datetime
    shop: ShopSession
    recommender: RecommenderPort
    deadline: Deadline
    user_events: list[bus_pb2.UserEvent] = field(default_factory=list)
    feedback: list[bus_pb2.Feedback] = field(default_factory=list)

    @property
    def language(self) -> str:
        """``zh`` or ``en``."""
        return self.phrases.language

    def say(self, name: str, /, **values: Any) -> str:
        """A phrase in the turn's language."""
        return self.phrases.say(name, **values)

    def answer(self, name: str, cards: list[common_pb2.Card] | None = None, /, **values: Any) -> Answer:
        """An answer of one phrase."""
        return Answer(self.say(name, **values), cards or [])

    def ask_slot(
        self, slot: str, question: str, options: list[str] | None = None, cards: list[common_pb2.Card] | None = None
    ) -> Answer:
        """Asks for the value of ``slot``; the skill is called again with it."""
        pending = Pending(
            kind="slot",
            intent=self.intent,
            slots=self.slots.values,
            slot=slot,
            options=options or [],
            question=question,
        )
        return Answer(question, cards or [], pending, result="asked")

    def ask_confirmation(
        self,
        action: str,
        parameters: dict[str, Any],
        question: str,
        cards: list[common_pb2.Card] | None = None,
        short_question: str = "",
    ) -> Answer:
        """Asks for a yes; the confirmed action is called with ``parameters``, which were read back.

        ``short_question`` is what is said to come back after a side question; empty means ``question``.
        """
        pending = Pending(
            kind="confirmation",
            intent=self.intent,
            slots=self.slots.values,
            action=action,
            parameters=parameters,
            question=short_question or question,
        )
        return Answer(question, cards or [], pending, result="asked")

    def record_event(self, kind: "bus_pb2.UserEvent.Type.ValueType", sku: str = "", query: str = "") -> None:
        """Notes what the person did, for the recommender."""
        at = Timestamp()
        at.FromDatetime(self.now)
        self.user_events.append(
            bus_pb2.UserEvent(
                tenant=self.session.tenant, user_id=self.session.user_id, type=kind, sku=sku, query=query, at=at
            )
        )


Handler = Callable[[Turn], Awaitable[Answer]]
ConfirmedHandler = Callable[[Turn, dict[str, Any]], Awaitable[Answer]]


@dataclass(frozen=True)
class Skill:
    """One intent's handler and what the policy must know of it.

    Attributes:
        roles: Who may use it.
        changes: It may change data: at low confidence it is confirmed first.
        side: Asked while something is pending, it is answered and the pending question comes back.
    """

    intent: str
    handler: Handler
    roles: frozenset[str]
    changes: bool = False
    side: bool = False


SKILLS: dict[str, Skill] = {}
CONFIRMED: dict[str, ConfirmedHandler] = {}


def skill(intent: str, *roles: str, changes: bool = False, side: bool = False) -> Callable[[Handler], Handler]:
    """Registers the handler of an intent. No roles means all roles."""

    def register(handler: Handler) -> Handler:
        SKILLS[intent] = Skill(intent, handler, frozenset(roles or (SHOPPER, MERCHANT)), changes, side)
        return handler

    return register


def confirmed(action: str) -> Callable[[ConfirmedHandler], ConfirmedHandler]:
    """Registers what is done after a yes."""

    def register(handler: ConfirmedHandler) -> ConfirmedHandler:
        CONFIRMED[action] = handler
        return handler

    return register
