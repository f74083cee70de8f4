"""What a turn's outcome becomes on the bus. Ids are made of the utterance's, so that a replay gives the same."""

from voxcart.bus import CONTROL, EVENTS, FEEDBACK, REPLIES, Bus, make_envelope
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_services.dialogue.ports import TurnOutcome

log = get_logger(__name__)

SIGNAL_SECONDS = 2.0
"""How long an answer to a gRPC call waits for the bus to take events and feedback."""


class OutcomePublisher:
    """Publishes replies, what the dialogue waits for, events for the recommender and feedback."""

    def __init__(self, bus: Bus) -> None:
        """The bus is closed by its owner."""
        self._bus = bus

    async def publish(
        self, session: common_pb2.SessionContext, utterance_id: str, cause: str, outcome: TurnOutcome
    ) -> None:
        """All of an outcome; ``cause`` is the event id of the understanding.

        Raises:
            voxcart.bus.BusUnavailable: The broker does not take it; publishing again is safe.
        """
        expectation = bus_pb2.Expectation(awaiting=outcome.awaiting, hot_words=outcome.hot_words)
        for index, reply in enumerate(outcome.replies):
            await self._send(REPLIES, session, reply, utterance_id, f"reply/{index}", cause)
        await self._send(CONTROL, session, expectation, utterance_id, "expectation", cause)
        await self._signals(session, utterance_id, outcome)

    async def publish_signals(
        self, session: common_pb2.SessionContext, utterance_id: str, outcome: TurnOutcome
    ) -> None:
        """Events and feedback alone, for a turn that came by gRPC. A bus that is away is logged only."""
        if not outcome.user_events and not outcome.feedback:
            return
        try:
            await self._signals(session, utterance_id, outcome, SIGNAL_SECONDS)
        except Exception as error:
            log.warning("events of a turn were not published", error=type(error).__name__)

    async def publish_failure(
        self, session: common_pb2.SessionContext, utterance_id: str, cause: str, failure: bus_pb2.TurnFailed
    ) -> None:
        """Tells the client that a turn could not be answered.

        Raises:
            voxcart.bus.BusUnavailable: The broker does not take it.
        """
        await self._send(REPLIES, session, failure, utterance_id, "reply/failed", cause)

    async def _signals(
        self,
        session: common_pb2.SessionContext,
        utterance_id: str,
        outcome: TurnOutcome,
        timeout_seconds: float | None = None,
    ) -> None:
        for index, event in enumerate(outcome.user_events):
            key = event.user_id or session.session_id
            envelope = make_envelope(
                session, event, event_id=f"{utterance_id}/event/{index}", correlation_id=utterance_id
            )
            await self._bus.publish(EVENTS, key, envelope, **_limit(timeout_seconds))
        for index, entry in enumerate(outcome.feedback):
            envelope = make_envelope(
                session, entry, event_id=f"{utterance_id}/feedback/{index}", correlation_id=utterance_id
            )
            await self._bus.publish(FEEDBACK, session.session_id, envelope, **_limit(timeout_seconds))

    async def _send(self, topic, session, payload, utterance_id: str, name: str, cause: str) -> None:  # type: ignore[no-untyped-def]
        envelope = make_envelope(
            session, payload, event_id=f"{utterance_id}/{name}", correlation_id=utterance_id, causation_id=cause
        )
        await self._bus.publish(topic, session.session_id, envelope)


def _limit(timeout_seconds: float | None) -> dict[str, float]:
    return {} if timeout_seconds is None else {"timeout_s": timeout_seconds}
