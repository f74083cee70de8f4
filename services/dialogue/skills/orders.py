"""The shopper's orders: where they are, what they were, calling one off, and where they go."""

from datetime import timedelta
from typing import Any

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import order_card, order_contents
from voxcart_services.dialogue.money import money_text
from voxcart_services.dialogue.reference import MAX_SPOKEN, spoken_name
from voxcart_services.dialogue.slots import SHOP_TIME_ZONE, TimeRange
from voxcart_services.dialogue.turn import SHOPPER, Answer, Turn, confirmed, skill

CANCELLABLE = ("pending_payment", "paid", "confirmed")
UNDER_WAY = ("pending_payment", "paid", "confirmed", "shipped")
LISTED_ORDERS = 10


@skill("order_status", SHOPPER, side=True)
async def order_status(turn: Turn) -> Answer:
    """昨天的订单到哪了: by number, time or product, else the newest that is under way."""
    chosen = await chosen_order(turn)
    if isinstance(chosen, Answer):
        return chosen
    if chosen is not None:
        return describe_order(turn, chosen)
    under_way = list((await turn.shop.orders(statuses=list(UNDER_WAY), page_size=LISTED_ORDERS)).orders)
    if not under_way:
        latest = list((await turn.shop.orders(page_size=1)).orders)
        return describe_order(turn, latest[0]) if latest else turn.answer("orders.none")
    first = next((order for order in under_way if order.status == "shipped"), under_way[0])
    if cues.LATEST.search(turn.text):
        first = under_way[0]
    return describe_order(turn, first)


async def chosen_order(turn: Turn, statuses: tuple[str, ...] = ()) -> shop_pb2.Order | Answer | None:
    """The order that number, list position, time or product point to; an Answer if they point to none."""
    order_id = turn.slots.order_id()
    if order_id:
        return await _by_number(turn, order_id)
    ordinal = turn.slots.ordinal()
    if ordinal is not None and turn.state.order_ids and turn.state.shown_kind == "orders":
        return await _by_position(turn, ordinal)
    time_range, name = turn.slots.time_range(), spoken_name(turn.slots)
    if time_range is not None or (name and not cues.ORDER_WORD.fullmatch(name)):
        found = await _matching(turn, time_range, name, statuses)
        if isinstance(found, Answer):
            return found
        turn.state.order_ids = [order.order_id for order in found]
        return found[0]
    if turn.state.order_id and _speaks_of_last(turn):
        return await _by_number(turn, turn.state.order_id)
    return None


def _speaks_of_last(turn: Turn) -> bool:
    return bool(cues.DEMONSTRATIVE.search(turn.text)) or not cues.LATEST.search(turn.text)


async def _by_number(turn: Turn, order_id: str) -> shop_pb2.Order | Answer:
    try:
        return await turn.shop.order(order_id)
    except (NotFound, InvalidInput):
        return turn.answer("orders.unknown", id=order_id)


async def _by_position(turn: Turn, ordinal: int) -> shop_pb2.Order | Answer:
    ids = turn.state.order_ids
    index = ordinal - 1 if ordinal > 0 else len(ids) + ordinal
    if not 0 <= index < len(ids):
        return turn.answer("product.no_such_ordinal", count=len(ids))
    return await _by_number(turn, ids[index])


async def _matching(
    turn: Turn, time_range: TimeRange | None, name: str, statuses: tuple[str, ...]
) -> list[shop_pb2.Order] | Answer:
    """Orders of a time that hold a product; those in one of ``statuses`` first. Never an empty list."""
    response = await turn.shop.orders(
        from_=time_range.start if time_range else None,
        to=time_range.end if time_range else None,
        product_query=name,
        page_size=LISTED_ORDERS,
    )
    orders = sorted(response.orders, key=lambda order: bool(statuses) and order.status not in statuses)
    if orders:
        return orders
    if time_range is not None:
        return turn.answer("orders.none_then", time=time_range.text)
    return turn.answer("orders.none_with", name=name)


def describe_order(turn: Turn, order: shop_pb2.Order) -> Answer:
    """State and way of one order in a sentence."""
    turn.state.order_id = order.order_id
    values = {
        "id": order.order_id,
        "what": order_contents(order, turn.language),
        "total": money_text(order.total, turn.language),
        "carrier": order.shipment.carrier,
        "where": order.shipment.last_event,
        "when": _expected(turn, order),
    }
    name = f"order.{order.status}"
    if order.status == "shipped" and not order.shipment.last_event:
        name = "order.shipped_unknown"
    if order.HasField("refund") and order.refund.status:
        values["refund"] = turn.say(f"refund_status.{order.refund.status}")
        name = "order.with_refund"
    return turn.answer(name, [order_card(order, turn.language)], **values)


def _expected(turn: Turn, order: shop_pb2.Order) -> str:
    """When the parcel comes, as a clause; empty if that is not known or past."""
    if not order.shipment.HasField("expected_at"):
        return ""
    day = order.shipment.expected_at.ToDatetime(SHOP_TIME_ZONE).date()
    today = turn.now.astimezone(SHOP_TIME_ZONE).date()
    if day < today:
        return ""
    if day - today <= timedelta(days=2):
        return turn.say(f"order.expected_{(day - today).days}")
    return turn.say("order.expected_on", month=day.month, day=day.day, date=day.isoformat())


async def describe_listed_order(turn: Turn) -> Answer:
    """第二个 after a list of orders."""
    order = await _by_position(turn, turn.slots.ordinal() or 1)
    return order if isinstance(order, Answer) else describe_order(turn, order)


@skill("list_orders", SHOPPER, side=True)
async def list_orders(turn: Turn) -> Answer:
    """我最近买了什么: newest first, three aloud."""
    time_range = turn.slots.time_range()
    statuses = list(cues.order_statuses(turn.text))
    name = spoken_name(turn.slots)
    response = await turn.shop.orders(
        from_=time_range.start if time_range else None,
        to=time_range.end if time_range else None,
        statuses=statuses,
        product_query="" if cues.ORDER_WORD.fullmatch(name) else name,
        page_size=LISTED_ORDERS,
    )
    orders = list(response.orders)
    if not orders:
        if time_range is not None:
            return turn.answer("orders.none_then", time=time_range.text)
        return turn.answer("orders.none_such" if statuses or name else "orders.none")
    remember_orders(turn, orders)
    cards = [order_card(order, turn.language) for order in orders]
    return turn.answer("orders.list", cards, count=max(response.total, len(orders)), orders=spoken_orders(turn, orders))


def remember_orders(turn: Turn, orders: list[shop_pb2.Order]) -> None:
    """These orders are on the screen now."""
    turn.state.order_ids = [order.order_id for order in orders]
    turn.state.shown_kind = "orders"
    turn.state.order_id = orders[0].order_id if len(orders) == 1 else ""


def spoken_orders(turn: Turn, orders: list[shop_pb2.Order]) -> str:
    """The first three: 订单123456，新鲜红富士苹果，已发货；…"""
    separator = "；" if turn.language == "zh" else "; "
    return separator.join(
        turn.say(
            "orders.item",
            id=order.order_id,
            what=order_contents(order, turn.language, at_most=1),
            status=turn.say(f"status.{order.status}"),
        )
        for order in orders[:MAX_SPOKEN]
    )


@skill("cancel_order", SHOPPER, changes=True)
async def cancel_order(turn: Turn) -> Answer:
    """取消我的最后一个订单: names it and asks."""
    turn.slots = turn.slots if turn.state.shown_kind == "orders" else turn.slots.without("ordinal")
    order = await chosen_order(turn, CANCELLABLE)
    if isinstance(order, Answer):
        return order
    if order is None:
        order = await _newest_cancellable(turn)
    if order is None:
        return turn.answer("orders.none_to_cancel")
    if order.status not in CANCELLABLE:
        return _not_cancellable(turn, order)
    turn.state.order_id = order.order_id
    parameters = {"order_id": order.order_id, "reason": turn.slots.text("reason")}
    question = turn.say(
        "orders.confirm_cancel",
        id=order.order_id,
        what=order_contents(order, turn.language),
        total=money_text(order.total, turn.language),
    )
    again = turn.say("orders.confirm_cancel_again", id=order.order_id)
    return turn.ask_confirmation("cancel_order", parameters, question, [order_card(order, turn.language)], again)


async def _newest_cancellable(turn: Turn) -> shop_pb2.Order | None:
    """The newest of all if that is said (最后一个), else the newest that can be cancelled."""
    statuses = [] if cues.LATEST.search(turn.text) else list(CANCELLABLE)
    return next(iter((await turn.shop.orders(statuses=statuses, page_size=1)).orders), None)


def _not_cancellable(turn: Turn, order: shop_pb2.Order) -> Answer:
    cards = [order_card(order, turn.language)]
    if order.status == "cancelled":
        return turn.answer("orders.cancelled_already", cards, id=order.order_id)
    status = turn.say(f"status.{order.status}")
    return turn.answer("orders.too_late_to_cancel", cards, id=order.order_id, status=status)


@confirmed("cancel_order")
async def cancel_order_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to calling the order off."""
    request = shop_pb2.CancelOrderRequest(**parameters)
    try:
        order = await turn.shop.change("CancelOrder", request, "cancel_order", order_id=parameters["order_id"])
    except WrongState:
        return turn.answer("orders.cannot_cancel", id=parameters["order_id"])
    return turn.answer("orders.cancelled", [order_card(order, turn.language)], id=order.order_id)


@skill("change_address", SHOPPER, changes=True)
async def change_address(turn: Turn) -> Answer:
    """收货地址改成公司: a known label or a new address in words."""
    address = turn.slots.text("address")
    if not address:
        known = await turn.shop.read("ListAddresses", shop_pb2.ListAddressesRequest())
        labels = [entry.label for entry in known.addresses if entry.label]
        question = turn.say("address.which_of", labels=turn.phrases.joined(labels)) if labels else ""
        return turn.ask_slot("address", question or turn.say("address.which"), labels)
    order_id = turn.slots.order_id()
    request = shop_pb2.ChangeAddressRequest(address=address, order_id=order_id)
    try:
        changed = await turn.shop.change("ChangeAddress", request, "change_address", address=address)
    except (NotFound, InvalidInput):
        turn.slots = turn.slots.without("address")
        return turn.ask_slot("address", turn.say("address.unknown", address=address))
    except WrongState:
        return turn.answer("address.too_late")
    return turn.answer("address.changed", label=changed.label or changed.text, text=changed.text)
