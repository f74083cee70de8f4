"""The merchant's orders and refunds."""

from typing import Any

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import order_card, order_contents, refund_card
from voxcart_services.dialogue.money import money_text
from voxcart_services.dialogue.reference import MAX_SPOKEN
from voxcart_services.dialogue.skills.merchant_bulk import ask_all
from voxcart_services.dialogue.skills.merchant_reports import report_refunds
from voxcart_services.dialogue.skills.orders import describe_order, remember_orders, spoken_orders
from voxcart_services.dialogue.turn import MERCHANT, Answer, Turn, confirmed, skill

LISTED = 10
OPEN_REFUND = "requested"


@skill("merchant_list_orders", MERCHANT, side=True)
async def list_shop_orders(turn: Turn) -> Answer:
    """今天有多少待发货的订单, 看看待处理的退款."""
    if cues.REFUNDS.search(turn.text):
        asks_amount = "time_range" in turn.slots and cues.AMOUNT_ASKED.search(turn.text)
        return await (report_refunds(turn) if asks_amount else _list_refunds(turn))
    if turn.slots.order_id():
        order = await _order(turn, turn.slots.order_id())
        return order if isinstance(order, Answer) else describe_order(turn, order)
    time_range, statuses = turn.slots.time_range(), cues.order_statuses(turn.text)
    response = await turn.shop.shop_orders(
        statuses=list(statuses),
        from_=time_range.start if time_range else None,
        to=time_range.end if time_range else None,
        page_size=LISTED,
    )
    values = {
        "time": time_range.text if time_range else "",
        "kind": turn.say(f"order_kind.{'_'.join(statuses)}") if statuses else "",
        "count": max(response.total, len(response.orders)),
    }
    orders = list(response.orders)
    if not orders:
        return turn.answer("merchant.no_orders", **values)
    remember_orders(turn, orders)
    cards = [order_card(order, turn.language) for order in orders]
    return turn.answer("merchant.orders", cards, orders=spoken_orders(turn, orders), **values)


async def _list_refunds(turn: Turn) -> Answer:
    refunds = await _open_refunds(turn)
    if not refunds:
        return turn.answer("merchant.no_refunds")
    turn.state.refund_id = refunds[0].refund_id
    turn.state.order_ids = [refund.order_id for refund in refunds]
    turn.state.shown_kind = "orders"
    said = [_refund_text(turn, refund) for refund in refunds[:MAX_SPOKEN]]
    separator = "；" if turn.language == "zh" else "; "
    cards = [refund_card(refund) for refund in refunds]
    return turn.answer("merchant.refunds", cards, count=len(refunds), refunds=separator.join(said))


async def _open_refunds(turn: Turn) -> list[shop_pb2.Refund]:
    response = await turn.shop.read(
        "ListRefunds", shop_pb2.ListRefundsRequest(statuses=[OPEN_REFUND], page_size=LISTED)
    )
    return list(response.refunds)


def _refund_text(turn: Turn, refund: shop_pb2.Refund) -> str:
    amount = money_text(refund.amount, turn.language)
    return turn.say("merchant.refund_item", id=refund.order_id, amount=amount, reason=refund.reason)


async def _order(turn: Turn, order_id: str) -> shop_pb2.Order | Answer:
    try:
        return await turn.shop.order(order_id)
    except (NotFound, InvalidInput):
        return turn.answer("orders.unknown", id=order_id)


def _listed_order_id(turn: Turn) -> str:
    """The number that was said, or the one that a position in the last list or a pronoun points to."""
    order_id = turn.slots.order_id()
    if order_id:
        return order_id
    ordinal, ids = turn.slots.ordinal(), turn.state.order_ids
    if ordinal is not None and ids:
        index = ordinal - 1 if ordinal > 0 else len(ids) + ordinal
        return ids[index] if 0 <= index < len(ids) else ""
    return turn.state.order_id


async def _candidate(turn: Turn, status: str) -> shop_pb2.Order | Answer:
    """Without a number: the only order in this state, else asks which."""
    response = await turn.shop.shop_orders(statuses=[status], page_size=LISTED)
    orders = list(response.orders)
    if not orders:
        return turn.answer(f"merchant.none_{status}")
    if len(orders) == 1:
        return orders[0]
    remember_orders(turn, orders)
    cards = [order_card(order, turn.language) for order in orders]
    question = turn.say("merchant.which_order", count=len(orders), orders=spoken_orders(turn, orders))
    return turn.ask_slot("order_id", question, cards=cards)


@skill("merchant_confirm_order", MERCHANT, changes=True)
async def confirm_order(turn: Turn) -> Answer:
    """确认订单一二三四五六: at once with a number, after a yes without; 全部确认: all that wait, after a yes."""
    if cues.EVERYTHING.search(turn.text) and not turn.slots.order_id():
        return await ask_all(turn, "paid")
    order_id = _listed_order_id(turn)
    if order_id:
        return await _confirm(turn, order_id)
    order = await _candidate(turn, "paid")
    if isinstance(order, Answer):
        return order
    what = order_contents(order, turn.language)
    question = turn.say("merchant.confirm_confirm", id=order.order_id, what=what)
    parameters = {"order_id": order.order_id}
    return turn.ask_confirmation("confirm_order", parameters, question, [order_card(order, turn.language)])


@confirmed("confirm_order")
async def confirm_order_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to confirming the one order."""
    return await _confirm(turn, parameters["order_id"])


async def _confirm(turn: Turn, order_id: str) -> Answer:
    request = shop_pb2.ConfirmOrderRequest(order_id=order_id)
    try:
        order = await turn.shop.change("ConfirmOrder", request, "confirm_order", order_id=order_id)
    except (NotFound, InvalidInput):
        return turn.answer("orders.unknown", id=order_id)
    except WrongState:
        return await _wrong_state(turn, order_id)
    turn.state.order_id = order.order_id
    return turn.answer("merchant.order_confirmed", [order_card(order, turn.language)], id=order.order_id)


async def _wrong_state(turn: Turn, order_id: str) -> Answer:
    order = await _order(turn, order_id)
    if isinstance(order, Answer):
        return order
    status = turn.say(f"status.{order.status}")
    return turn.answer("merchant.order_wrong_state", [order_card(order, turn.language)], id=order_id, status=status)


@skill("merchant_ship_order", MERCHANT, changes=True)
async def ship_order(turn: Turn) -> Answer:
    """订单一二三四五六发货，顺丰，单号SF8866: at once with a number, after a yes without; 全部发货: after a yes."""
    if cues.EVERYTHING.search(turn.text) and not turn.slots.order_id():
        return await ask_all(turn, "confirmed")
    parameters = {
        "order_id": _listed_order_id(turn),
        "carrier": turn.slots.text("carrier"),
        "tracking_no": turn.slots.word("tracking_no"),
    }
    if parameters["order_id"]:
        return await _ship(turn, parameters)
    order = await _candidate(turn, "confirmed")
    if isinstance(order, Answer):
        return order
    parameters["order_id"] = order.order_id
    what = order_contents(order, turn.language)
    question = turn.say("merchant.confirm_ship", id=order.order_id, what=what)
    return turn.ask_confirmation("ship_order", parameters, question, [order_card(order, turn.language)])


@confirmed("ship_order")
async def ship_order_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to shipping the one order."""
    return await _ship(turn, parameters)


async def _ship(turn: Turn, parameters: dict[str, Any]) -> Answer:
    request = shop_pb2.ShipOrderRequest(**parameters)
    try:
        order = await turn.shop.change("ShipOrder", request, "ship_order", **parameters)
    except (NotFound, InvalidInput):
        return turn.answer("orders.unknown", id=parameters["order_id"])
    except WrongState:
        return await _wrong_state(turn, parameters["order_id"])
    turn.state.order_id = order.order_id
    values = {"id": order.order_id, "carrier": order.shipment.carrier, "tracking_no": order.shipment.tracking_no}
    phrase = "merchant.shipped_by" if values["carrier"] else "merchant.shipped"
    phrase = "merchant.shipped_with" if values["tracking_no"] else phrase
    return turn.answer(phrase, [order_card(order, turn.language)], **values)


@skill("merchant_process_refund", MERCHANT, changes=True)
async def process_refund(turn: Turn) -> Answer:
    """同意这个退款 moves money and waits for a yes; 拒绝 with a reason is done at once."""
    reject = bool(cues.REJECT.search(turn.text))
    approve = not reject and bool(cues.APPROVE.search(turn.text))
    if not (reject or approve or turn.slots.names() & {"order_id", "ordinal", "reason"}):
        return await _list_refunds(turn)
    refund = await _refund_meant(turn)
    if isinstance(refund, Answer):
        return refund
    turn.state.refund_id = refund.refund_id
    cards = [refund_card(refund)]
    if refund.status != OPEN_REFUND:
        status = turn.say(f"refund_status.{refund.status}")
        return turn.answer("merchant.refund_decided", cards, id=refund.order_id, status=status)
    said = cues.BECAUSE.search(turn.text)
    reason = turn.slots.text("reason") or (said[1].strip() if said else "")
    if reject or (reason and not approve):
        if not reason:
            return turn.ask_slot("reason", turn.say("merchant.reject_why", id=refund.order_id), cards=cards)
        return await _decide(turn, refund.refund_id, approve=False, reason=reason)
    amount = money_text(refund.amount, turn.language)
    question = turn.say("merchant.confirm_refund", id=refund.order_id, amount=amount, reason=refund.reason)
    return turn.ask_confirmation("approve_refund", {"refund_id": refund.refund_id}, question, cards)


async def _refund_meant(turn: Turn) -> shop_pb2.Refund | Answer:
    """By order number, by position in the list, by pronoun; else the only open one, else asks."""
    order_id = turn.slots.order_id()
    if order_id:
        order = await _order(turn, order_id)
        if isinstance(order, Answer):
            return order
        return order.refund if order.refund.refund_id else turn.answer("merchant.no_refund_of_order", id=order_id)
    refunds = await _open_refunds(turn)
    if not refunds:
        return turn.answer("merchant.no_refunds")
    ordinal = turn.slots.ordinal()
    if ordinal is not None:
        index = ordinal - 1 if ordinal > 0 else len(refunds) + ordinal
        if 0 <= index < len(refunds):
            return refunds[index]
    remembered = [refund for refund in refunds if refund.refund_id == turn.state.refund_id]
    if len(refunds) == 1 or remembered:
        return (remembered or refunds)[0]
    turn.state.order_ids = [refund.order_id for refund in refunds]
    turn.state.shown_kind = "orders"
    said = [_refund_text(turn, refund) for refund in refunds[:MAX_SPOKEN]]
    question = turn.say("merchant.which_refund", refunds=turn.phrases.joined(said))
    return turn.ask_slot("order_id", question, cards=[refund_card(refund) for refund in refunds])


@confirmed("approve_refund")
async def approve_refund_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to giving the money back."""
    return await _decide(turn, parameters["refund_id"], approve=True, reason="")


async def _decide(turn: Turn, refund_id: str, *, approve: bool, reason: str) -> Answer:
    request = shop_pb2.ProcessRefundRequest(refund_id=refund_id, approve=approve, reason=reason)
    action = "approve_refund" if approve else "reject_refund"
    try:
        refund = await turn.shop.change("ProcessRefund", request, action, refund_id=refund_id)
    except (WrongState, NotFound, InvalidInput):
        return turn.answer("merchant.refund_refused")
    turn.state.refund_id = ""
    amount = money_text(refund.amount, turn.language)
    phrase = "merchant.refund_approved" if approve else "merchant.refund_rejected"
    return turn.answer(phrase, [refund_card(refund)], id=refund.order_id, amount=amount, reason=reason)
