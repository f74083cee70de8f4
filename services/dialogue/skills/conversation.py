"""Talk about the talk: greeting, thanks, help, repeat, yes and no to nothing, a person instead, what is not ours."""

from voxcart.errors import VoxcartError
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.skills.faq import best_document, document_answer
from voxcart_services.dialogue.skills.feedback import note_feedback
from voxcart_services.dialogue.turn import MERCHANT, SHOPPER, Answer, Turn, skill

SUMMARY_TURNS = 5


@skill("greet", side=True)
async def greet(turn: Turn) -> Answer:
    """你好; the merchant hears what runs out."""
    if turn.role != MERCHANT:
        return turn.answer("talk.greet")
    try:
        low = await turn.shop.read("ListLowStock", shop_pb2.ListLowStockRequest(page_size=1))
    except VoxcartError:
        return turn.answer("talk.greet_merchant")
    return turn.answer("talk.greet_merchant_low" if low.total else "talk.greet_merchant", count=low.total)


@skill("thanks", side=True)
async def thanks(turn: Turn) -> Answer:
    """谢谢."""
    return turn.answer("talk.thanks")


@skill("goodbye")
async def goodbye(turn: Turn) -> Answer:
    """再见."""
    return turn.answer("talk.goodbye")


@skill("help", side=True)
async def help_(turn: Turn) -> Answer:
    """你能做什么."""
    return turn.answer("talk.help_merchant" if turn.role == MERCHANT else "talk.help")


@skill("repeat", side=True)
async def repeat(turn: Turn) -> Answer:
    """再说一遍: the last answer again; a sign that it was not well understood."""
    if not turn.state.last_reply:
        return turn.answer("talk.nothing_to_repeat")
    note_feedback(turn, "repeated")
    heard = turn.state.heard
    opener = "talk.repeat_cut" if heard is not None else "talk.repeat"
    return Answer(turn.say(opener) + turn.state.last_reply, speech_text=_speech(turn, opener))


def _speech(turn: Turn, opener: str) -> str:
    return turn.say(opener) + turn.state.last_speech if turn.state.last_speech else ""


@skill("affirm")
async def affirm(turn: Turn) -> Answer:
    """A yes to nothing that was asked."""
    return turn.answer("talk.affirm_nothing")


@skill("deny")
async def deny(turn: Turn) -> Answer:
    """A no to nothing that was asked."""
    return turn.answer("talk.deny_nothing")


@skill("cancel")
async def cancel(turn: Turn) -> Answer:
    """算了, with nothing under way."""
    return turn.answer("talk.cancel_nothing")


@skill("talk_to_human")
async def talk_to_human(turn: Turn) -> Answer:
    """转人工: hands over with a summary, so that nothing need be said twice."""
    card = common_pb2.Card(kind="handover", id=turn.utterance_id, name=turn.say("talk.handover_title"))
    card.facts.update(_summary(turn))
    answer = turn.answer("talk.handover", [card])
    answer.hand_over = True
    return answer


def _summary(turn: Turn) -> dict[str, object]:
    """What the person who takes over should know."""
    recent = turn.state.history[-SUMMARY_TURNS:]
    facts: dict[str, object] = {
        "role": turn.role,
        "turns": [{"user": entry.user_text, "intent": entry.intent, "reply": entry.reply} for entry in recent],
    }
    if turn.state.focus is not None:
        facts["product"] = {"sku": turn.state.focus.sku, "name": turn.state.focus.name}
    if turn.state.order_id:
        facts["order_id"] = turn.state.order_id
    if turn.state.pending is not None:
        facts["awaiting"] = turn.state.pending.awaiting
    return facts


@skill("out_of_scope", side=True)
async def out_of_scope(turn: Turn) -> Answer:
    """What no skill does: the shop's documents may know it; otherwise says what can be done here."""
    if cues.FILLER.match(turn.text):
        return turn.answer("talk.take_your_time")
    if not cues.CHINESE.search(turn.text) and not cues.ENGLISH_WORDS.search(turn.text):
        return turn.answer("talk.not_understood")
    document = await best_document(turn) if turn.role == SHOPPER else None
    if document is not None:
        return document_answer(turn, document)
    if cues.ELLIPSIS.search(turn.text):
        return turn.answer("talk.not_understood")
    return turn.answer("talk.out_of_scope_merchant" if turn.role == MERCHANT else "talk.out_of_scope")
