"""gRPC to engine and back."""

import grpc

from voxcart.errors import InvalidInput
from voxcart_api.common.v1.common_pb2 import ServerTiming
from voxcart_api.nlu.v1 import nlu_pb2, nlu_pb2_grpc
from voxcart_services.nlu.engine import MAX_TEXT_CHARS
from voxcart_services.nlu.runner import UnderstandingRunner
from voxcart_services.nlu.transport import to_understanding


class LanguageUnderstandingServicer(nlu_pb2_grpc.LanguageUnderstandingServicer):
    """``voxcart.nlu.v1.LanguageUnderstanding``."""

    def __init__(self, runner: UnderstandingRunner) -> None:
        self._runner = runner

    async def Understand(
        self, request: nlu_pb2.UnderstandRequest, context: grpc.aio.ServicerContext
    ) -> nlu_pb2.UnderstandResponse:
        """Understands one text; INVALID_ARGUMENT beyond 2,000 characters, RESOURCE_EXHAUSTED when busy."""
        if len(request.text) > MAX_TEXT_CHARS:
            raise InvalidInput(f"text has {len(request.text)} characters; at most {MAX_TEXT_CHARS} are understood")
        timed = await self._runner.understand(request.text, request.session)
        timing = ServerTiming(stage="nlu", queue_ms=timed.queue_ms, compute_ms=timed.compute_ms)
        understanding = to_understanding(timed.understood, request.utterance_id)
        return nlu_pb2.UnderstandResponse(understanding=understanding, timing=[timing])
