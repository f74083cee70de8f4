"""gRPC: ``voxcart.dialogue.v1.Dialogue``."""

import grpc

from voxcart.errors import InvalidInput, NotFound
from voxcart_api.dialogue.v1 import dialogue_pb2, dialogue_pb2_grpc
from voxcart_services.dialogue.engine import DialogueEngine
from voxcart_services.dialogue.publisher import OutcomePublisher

MAX_ID_CHARACTERS = 200


class DialogueServicer(dialogue_pb2_grpc.DialogueServicer):
    """Direct use of the engine; events for the recommender and feedback go on the bus all the same."""

    def __init__(self, engine: DialogueEngine, publisher: OutcomePublisher) -> None:
        self._engine = engine
        self._publisher = publisher

    async def Respond(
        self, request: dialogue_pb2.RespondRequest, context: grpc.aio.ServicerContext
    ) -> dialogue_pb2.RespondResponse:
        """See the proto."""
        session, understanding = request.session, request.understanding
        if max(len(session.session_id), len(understanding.utterance_id)) > MAX_ID_CHARACTERS:
            raise InvalidInput(f"session_id and utterance_id have at most {MAX_ID_CHARACTERS} characters")
        outcome = await self._engine.take_turn(session, understanding)
        await self._publisher.publish_signals(session, understanding.utterance_id, outcome)
        return dialogue_pb2.RespondResponse(replies=outcome.replies)

    async def GetState(
        self, request: dialogue_pb2.GetStateRequest, context: grpc.aio.ServicerContext
    ) -> dialogue_pb2.GetStateResponse:
        """See the proto."""
        stored = await self._engine.state_of(request.session_id)
        if stored.state is None:
            raise NotFound(f"no session {request.session_id}")
        return dialogue_pb2.GetStateResponse(
            state_json=stored.state.model_dump_json(exclude_defaults=True),
            awaiting=stored.state.awaiting,
            last_utterance_id=stored.last_utterance_id,
        )
