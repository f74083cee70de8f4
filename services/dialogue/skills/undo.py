"""撤销: takes back what was done last. Orders and payments only after a yes, what is in the cart at once."""

from typing import Any

from voxcart.errors import WrongState
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue.cards import cart_cards, order_card
from voxcart_services.dialogue.money import money_text
from voxcart_services.dialogue.skills.cart import spoken_lines
from voxcart_services.dialogue.turn import Answer, Turn, confirmed, skill

HARMLESS = {"add_to_cart", "update_cart", "remove_from_cart", "clear_cart", "change_address", "request_refund"}
"""Changes that are taken back without asking; orders and payments are read back first."""


@skill("undo", changes=True)
async def undo(turn: Turn) -> Answer:
    """撤销, 撤回刚才的操作: the last change of this talk, else the person's last change after a yes."""
    last = turn.state.last_change
    if last is not None and last.action in HARMLESS:
        return await _undo(turn, last.key)
    parameters = {"effect_key": last.key if last is not None else ""}
    known = last is not None and turn.phrases.has(f"undo.what_{last.action}")
    what = turn.say(f"undo.what_{last.action}" if known and last is not None else "undo.what_last")
    return turn.ask_confirmation("undo", parameters, turn.say("undo.confirm", what=what))


@confirmed("undo")
async def undo_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to taking it back."""
    return await _undo(turn, parameters["effect_key"])


async def _undo(turn: Turn, effect_key: str) -> Answer:
    try:
        undone = await turn.shop.change("UndoLast", shop_pb2.UndoLastRequest(effect_key=effect_key), "undo")
    except WrongState as error:
        turn.state.last_change = None
        phrase = "undo.nothing" if error.reason == "nothing_to_undo" else "undo.impossible"
        return turn.answer(phrase)
    turn.state.last_change = None
    turn.shop.actions[-1].details.update({"operation": undone.operation})
    return _said(turn, undone)


def _said(turn: Turn, undone: shop_pb2.UndoLastResponse) -> Answer:
    """What there is now."""
    if undone.HasField("order"):
        order = undone.order
        cards: list[common_pb2.Card] = [order_card(order, turn.language)]
        turn.state.order_id = order.order_id
        phrase = "undo.order" if order.status == "cancelled" else "undo.of_order"
        return turn.answer(phrase, cards, id=order.order_id)
    if undone.HasField("address"):
        return turn.answer("undo.address", label=undone.address.label or undone.address.text)
    if not undone.cart.lines:
        return turn.answer("undo.cart_empty")
    lines, total = spoken_lines(turn, list(undone.cart.lines)), money_text(undone.cart.total, turn.language)
    return turn.answer("undo.cart", cart_cards(undone.cart, turn.language), lines=lines, total=total)
