"""Praise and blame: noted for the recommender and for training, answered with tact."""

from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.skills.recommend import liked
from voxcart_services.dialogue.turn import Answer, Turn, skill

MAX_FEEDBACK_CHARACTERS = 500


@skill("give_feedback")
async def give_feedback(turn: Turn) -> Answer:
    """你推荐得不对, 很好，谢谢你的推荐."""
    turn.sentiment = _felt(turn)
    note_feedback(turn, "explicit")
    skus = liked(turn)
    if turn.sentiment == common_pb2.SENTIMENT_POSITIVE:
        for sku in skus:
            turn.record_event(bus_pb2.UserEvent.TYPE_LIKE, sku=sku)
        return turn.answer("feedback.positive")
    if turn.sentiment == common_pb2.SENTIMENT_NEGATIVE:
        for sku in skus:
            turn.record_event(bus_pb2.UserEvent.TYPE_DISLIKE, sku=sku)
        return turn.answer("feedback.negative_recommendation" if skus else "feedback.negative")
    return turn.answer("feedback.neutral")


def _felt(turn: Turn) -> int:
    """The sentiment as understood; where it was found neutral, plain words of praise or blame decide."""
    if turn.sentiment in {common_pb2.SENTIMENT_POSITIVE, common_pb2.SENTIMENT_NEGATIVE}:
        return turn.sentiment
    if cues.COMPLAINT.search(turn.text):
        return common_pb2.SENTIMENT_NEGATIVE
    return common_pb2.SENTIMENT_POSITIVE if cues.PRAISE.search(turn.text) else turn.sentiment


def note_feedback(turn: Turn, kind: str) -> None:
    """Notes the utterance for the learning loop; ``kind`` as in the Feedback message."""
    turn.feedback.append(
        bus_pb2.Feedback(
            utterance_id=turn.utterance_id,
            kind=kind,
            sentiment=turn.sentiment,  # type: ignore[arg-type]
            text=turn.text[:MAX_FEEDBACK_CHARACTERS],
            intent=turn.intent,
        )
    )
