"""Bus to engine and back: final transcripts become understandings, product changes the gazetteer."""

from voxcart.bus import (
    CATALOGUE,
    TRANSCRIPTS,
    UNDERSTANDING,
    BroadcastReader,
    Bus,
    Message,
    SessionWorker,
    make_envelope,
)
from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import Transcript
from voxcart_api.common.v1.common_pb2 import Understanding
from voxcart_services.nlu.catalogue import CatalogueIndex
from voxcart_services.nlu.engine import OUT_OF_SCOPE
from voxcart_services.nlu.metrics import FAILURES_TOTAL
from voxcart_services.nlu.runner import UnderstandingRunner
from voxcart_services.nlu.transport import to_understanding

log = get_logger(__name__)

GROUP = "nlu"


def transcript_worker(bus: Bus, runner: UnderstandingRunner) -> SessionWorker:
    """The worker that understands every final transcript, spoken or typed.

    The understanding's id follows from the utterance's, so a transcript that comes twice gives the same event again,
    which readers drop. Content never fails a turn: what the engine cannot take becomes out of scope, so that the
    dialogue answers it.
    """

    async def handle(message: Message) -> None:
        if message.payload_name != "transcript":
            return
        transcript = message.envelope.transcript
        if transcript.kind != Transcript.KIND_FINAL:
            return
        understanding = await _understand(runner, message, transcript)
        envelope = make_envelope(
            message.envelope.session,
            understanding,
            event_id=f"{transcript.utterance_id}/understanding",
            correlation_id=transcript.utterance_id,
            causation_id=message.event_id,
        )
        await bus.publish(UNDERSTANDING, message.session_id, envelope)

    return SessionWorker(bus, GROUP, [TRANSCRIPTS], handle)


async def _understand(runner: UnderstandingRunner, message: Message, transcript: Transcript) -> Understanding:
    try:
        timed = await runner.understand(transcript.text, message.envelope.session)
        return to_understanding(timed.understood, transcript.utterance_id)
    except Exception as error:  # a fault of the engine on one text must not end the turn in silence
        if isinstance(error, VoxcartError) and error.retryable:
            raise
        FAILURES_TOTAL.inc()
        log.error("utterance not understood", error=type(error).__name__, exc_info=error)
    return Understanding(
        utterance_id=transcript.utterance_id, text=transcript.text, intent=OUT_OF_SCOPE, confidence=0.0, language="zh"
    )


def catalogue_reader(bus: Bus, catalogue: CatalogueIndex) -> BroadcastReader:
    """Feeds product changes into the index, from the beginning of the topic on."""

    async def on_change(message: Message) -> None:
        if message.payload_name == "product":
            catalogue.apply(message.envelope.product)

    return BroadcastReader(bus, [CATALOGUE], on_change)
