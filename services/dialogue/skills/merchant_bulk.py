"""Many orders at once: 把待确认的订单全部确认, 全部发货. How many it is about is read back first."""

from typing import Any

from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue.cards import order_card
from voxcart_services.dialogue.turn import Answer, Turn, confirmed

SHOWN = 10
_CALLS = {"paid": "ConfirmOrders", "confirmed": "ShipOrders"}


async def ask_all(turn: Turn, status: str) -> Answer:
    """Asks whether all orders of a state are meant: paid ones are confirmed, confirmed ones shipped."""
    response = await turn.shop.shop_orders(statuses=[status], page_size=SHOWN)
    if not response.total:
        return turn.answer(f"merchant.none_{status}")
    cards = [order_card(order, turn.language) for order in response.orders]
    parameters = {"status": status, "carrier": turn.slots.text("carrier")}
    question = turn.say(f"merchant.confirm_all_{status}", count=response.total)
    return turn.ask_confirmation("process_orders", parameters, question, cards)


@confirmed("process_orders")
async def process_orders(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to all of them; says how many were done and how many could not be."""
    status = parameters["status"]
    request: Any = shop_pb2.ConfirmOrdersRequest()
    if status == "confirmed":
        request = shop_pb2.ShipOrdersRequest(carrier=parameters["carrier"])
    action = "confirm_orders" if status == "paid" else "ship_orders"
    done = await turn.shop.change(_CALLS[status], request, action)
    turn.shop.actions[-1].details.update({"done": len(done.orders), "refused": len(done.refused), "left": done.left})
    cards = [order_card(order, turn.language) for order in done.orders[:SHOWN]]
    text = turn.say(f"merchant.all_{status}", count=len(done.orders))
    if done.refused:
        text += turn.say("merchant.some_refused", count=len(done.refused))
    if done.left:
        text += turn.say("merchant.some_left", count=done.left)
    return Answer(text + turn.say("report.stop"), cards)
