"""What the engine needs of the world: the shop, the recommender and a place for its state.

All failures are of the tree in :mod:`voxcart.errors`. ``Unavailable`` and ``DeadlineMissed`` leave open whether an
effect happened; all others mean that nothing was changed.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TypeVar

from google.protobuf.message import Message

from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.recsys.v1 import recsys_pb2
from voxcart_services.dialogue.state import SessionState

Response = TypeVar("Response", bound=Message)


class ShopPort(ABC):
    """The shop's calls by their names in ``voxcart.shop.v1.Shop``."""

    @abstractmethod
    async def call(self, rpc: str, request: Message, timeout_seconds: float) -> Message:
        """Calls ``rpc`` once or, while time is left and the shop is away, again with the same request.

        Raises:
            voxcart.errors.VoxcartError: By the shop's status.
        """


class RecommenderPort(ABC):
    """The recommender."""

    @abstractmethod
    async def recommend(
        self, request: recsys_pb2.RecommendRequest, timeout_seconds: float
    ) -> recsys_pb2.RecommendResponse:
        """Items for a person.

        Raises:
            voxcart.errors.VoxcartError: By the recommender's status.
        """


@dataclass
class TurnOutcome:
    """All that a turn gives to the outside; stored, so that a repeated utterance gives exactly this again."""

    replies: list[bus_pb2.Reply] = field(default_factory=list)
    user_events: list[bus_pb2.UserEvent] = field(default_factory=list)
    feedback: list[bus_pb2.Feedback] = field(default_factory=list)
    hot_words: list[str] = field(default_factory=list)
    """Words that are likely in the next utterance, the most likely first."""

    @property
    def awaiting(self) -> str:
        """What the dialogue waits for after the turn."""
        return self.replies[-1].awaiting if self.replies else "none"


@dataclass(frozen=True)
class StoredSession:
    """What is known of a session when a turn begins.

    Attributes:
        version: Counts the writes; 0 before the first.
        outcome: What the same utterance gave before; None if it is new.
        journal: Answers of the shop that the same utterance saw before it was cut off, by their call.
    """

    version: int = 0
    state: SessionState | None = None
    last_utterance_id: str = ""
    outcome: TurnOutcome | None = None
    journal: dict[str, bytes] = field(default_factory=dict)


class StateStore(ABC):
    """State of the sessions, written atomically with the utterance that made it."""

    @abstractmethod
    async def load(self, session_id: str, utterance_id: str) -> StoredSession:
        """Reads the session as one utterance sees it; ``utterance_id`` may be empty to look only.

        Raises:
            voxcart.errors.Unavailable: The store is away.
        """

    @abstractmethod
    async def write_journal(self, session_id: str, utterance_id: str, entries: dict[str, bytes]) -> None:
        """Keeps answers of the shop before the turn's first effect.

        Raises:
            voxcart.errors.Unavailable: The store is away.
        """

    @abstractmethod
    async def save(
        self, session_id: str, version: int, state: SessionState, utterance_id: str, outcome: TurnOutcome
    ) -> bool:
        """Writes state and outcome together if the version is still ``version``; False if another writer was first.

        Raises:
            voxcart.errors.Unavailable: The store is away.
        """

    @abstractmethod
    async def save_state(self, session_id: str, version: int, state: SessionState) -> bool:
        """Writes the state alone, as :meth:`save` does. For what happens between utterances.

        Raises:
            voxcart.errors.Unavailable: The store is away.
        """
