"""Bus worker: understanding in, reply out."""

from voxcart.bus import CONTROL, UNDERSTANDING, Bus, Message, SessionWorker, WorkerOptions
from voxcart.errors import InvalidInput, VoxcartError
from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.engine import DialogueEngine
from voxcart_services.dialogue.metrics import TURNS_GIVEN_UP_TOTAL
from voxcart_services.dialogue.phrases import Phraser
from voxcart_services.dialogue.publisher import OutcomePublisher

GROUP = "dialogue"


class DialogueWorker:
    """Handles the understanding and control topics; an utterance is finished when its replies are on the bus."""

    def __init__(self, bus: Bus, engine: DialogueEngine, publisher: OutcomePublisher, retry_seconds: float) -> None:
        self._engine = engine
        self._publisher = publisher
        options = WorkerOptions(retry_for_s=retry_seconds)
        self._worker = SessionWorker(bus, GROUP, [UNDERSTANDING, CONTROL], self.handle, options, self.give_up)

    async def run(self) -> None:
        """Works until :meth:`drain` or cancellation."""
        await self._worker.run()

    async def drain(self) -> None:
        """Finishes what is in flight."""
        await self._worker.drain()

    async def handle(self, message: Message) -> None:
        """One message. Retryable errors make the bus bring it again.

        Raises:
            voxcart.errors.VoxcartError: The state or the broker is away, or the message has no ids.
        """
        envelope = message.envelope
        kind = message.payload_name
        if kind == "understanding":
            utterance_id = envelope.understanding.utterance_id
            outcome = await self._engine.take_turn(envelope.session, envelope.understanding)
            await self._publisher.publish(envelope.session, utterance_id, envelope.event_id, outcome)
        elif kind == "interrupt":
            interrupt = envelope.interrupt
            heard_ms = interrupt.heard_ms if interrupt.HasField("heard_ms") else None
            await self._engine.note_interrupt(message.session_id, interrupt.utterance_id, heard_ms)

    async def give_up(self, message: Message, error: Exception) -> None:
        """Tells the client that its turn could not be answered."""
        if message.payload_name != "understanding" or isinstance(error, InvalidInput):
            return
        TURNS_GIVEN_UP_TOTAL.inc()
        envelope = message.envelope
        understanding = envelope.understanding
        language = cues.spoken_language(understanding.text, understanding.language, envelope.session.locale)
        retryable = isinstance(error, VoxcartError) and error.retryable
        failure = bus_pb2.TurnFailed(
            utterance_id=understanding.utterance_id,
            code="unavailable" if retryable else "internal",
            message=Phraser(language, understanding.utterance_id).say("policy.no_answer"),
            retryable=True,
        )
        await self._publisher.publish_failure(envelope.session, understanding.utterance_id, envelope.event_id, failure)
