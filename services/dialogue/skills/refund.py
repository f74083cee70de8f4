"""Asking for money back, or for another size instead."""

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import order_card, order_contents, refund_card
from voxcart_services.dialogue.reference import spoken_name
from voxcart_services.dialogue.skills.orders import CANCELLABLE, chosen_order, remember_orders, spoken_orders
from voxcart_services.dialogue.turn import SHOPPER, Answer, Turn, skill

REFUNDABLE = ("delivered", "completed", "shipped")
MAX_REASON_CHARACTERS = 200


@skill("request_refund", SHOPPER, changes=True)
async def request_refund(turn: Turn) -> Answer:
    """我要退款，衣服尺码不合适: finds the order, asks for what is missing, hands the request in."""
    order = await _order_meant(turn)
    if isinstance(order, Answer):
        return order
    cards = [order_card(order, turn.language)]
    if order.HasField("refund") and order.refund.status:
        status = turn.say(f"refund_status.{order.refund.status}")
        return turn.answer("refund.already", cards, id=order.order_id, status=status)
    if order.status not in REFUNDABLE:
        name = "refund.cancel_instead" if order.status in CANCELLABLE else "refund.too_late"
        return turn.answer(name, cards, id=order.order_id, status=turn.say(f"status.{order.status}"))
    turn.state.order_id = order.order_id
    exchange = bool(cues.EXCHANGE.search(turn.text)) or turn.slots.word("reason") == "exchange"
    reason = turn.slots.text("reason")[:MAX_REASON_CHARACTERS]
    if not reason and exchange:
        reason = turn.text[:MAX_REASON_CHARACTERS]
    if not reason:
        what = order_contents(order, turn.language)
        return turn.ask_slot("reason", turn.say("refund.why", id=order.order_id, what=what), cards=cards)
    return await _hand_in(turn, order, reason, exchange)


async def _hand_in(turn: Turn, order: shop_pb2.Order, reason: str, exchange: bool) -> Answer:
    request = shop_pb2.RequestRefundRequest(order_id=order.order_id, reason=reason, exchange=exchange)
    try:
        refund = await turn.shop.change("RequestRefund", request, "request_refund", order_id=order.order_id)
    except (WrongState, InvalidInput, NotFound):
        return turn.answer("refund.refused", [order_card(order, turn.language)], id=order.order_id)
    turn.state.refund_id = refund.refund_id
    phrase = "refund.exchange_requested" if exchange else "refund.requested"
    what = order_contents(order, turn.language)
    return turn.answer(phrase, [refund_card(refund)], id=order.order_id, what=what, reason=reason)


async def _order_meant(turn: Turn) -> shop_pb2.Order | Answer:
    """By number, time or product; else the only one that can be refunded; else asks."""
    if not turn.slots.order_id() and spoken_name(turn.slots):
        holding = await turn.shop.orders(product_query=spoken_name(turn.slots), page_size=10)
        if not holding.orders:
            turn.slots = turn.slots.without("product", "category")
    order = await chosen_order(turn, REFUNDABLE)
    if isinstance(order, Answer):
        return order
    if order is not None and (order.status in REFUNDABLE or turn.slots.order_id()):
        return order
    candidates = list((await turn.shop.orders(statuses=list(REFUNDABLE), page_size=10)).orders)
    candidates = [entry for entry in candidates if not entry.refund.status] or candidates
    arrived = [entry for entry in candidates if entry.status == "delivered"] or candidates
    if not arrived:
        return order or turn.answer("refund.nothing")
    if len(arrived) == 1 or cues.LATEST.search(turn.text) or spoken_name(turn.slots):
        return arrived[0]
    remember_orders(turn, arrived)
    cards = [order_card(entry, turn.language) for entry in arrived]
    turn.state.order_id = ""
    return turn.ask_slot("order_id", turn.say("refund.which", orders=spoken_orders(turn, arrived)), cards=cards)
