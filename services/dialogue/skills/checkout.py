"""From the cart to a paid order. Money moves only after a yes to what was read back."""

from datetime import UTC
from typing import Any

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import cart_cards, order_card, product_card, product_name
from voxcart_services.dialogue.money import amount_text, money_text
from voxcart_services.dialogue.reference import set_focus
from voxcart_services.dialogue.skills.cart import spoken_lines
from voxcart_services.dialogue.skills.coupons import discount_text, quote_with_coupon, quoted
from voxcart_services.dialogue.turn import SHOPPER, Answer, Turn, confirmed, skill

PAYMENT_METHODS = ("wechat_pay", "alipay", "unionpay", "card", "cash")
DEFAULT_METHOD = "wechat_pay"


@skill("checkout", SHOPPER, changes=True)
async def checkout(turn: Turn) -> Answer:
    """下单吧: reads back items and total and asks."""
    cart = await turn.shop.cart()
    if not cart.lines:
        return await _empty_cart(turn)
    address = await _delivery_address(turn)
    if isinstance(address, Answer):
        return address
    if cues.QUOTE.search(turn.text) or cues.COUPON.search(turn.text) or "coupon" in turn.slots:
        return await _ask_quoted(turn, cart, address.address_id)
    return ask_checkout(turn, cart, _method(turn), address.address_id)


async def _ask_quoted(turn: Turn, cart: shop_pb2.Cart, address_id: str) -> Answer:
    """The read-back at a price that the shop promises for some minutes, with a coupon if one was spoken of."""
    if cues.COUPON.search(turn.text) or "coupon" in turn.slots:
        quote = await quote_with_coupon(turn)
        if isinstance(quote, str):
            answer = ask_checkout(turn, cart, _method(turn), address_id)
            answer.text = f"{quote}{'' if turn.language == 'zh' else ' '}{answer.text}"
            return answer
    else:
        quote = await quoted(turn, "")
    return ask_checkout(turn, cart, _method(turn), address_id, quote)


async def _delivery_address(turn: Turn) -> shop_pb2.Address | Answer:
    """The address that was named, else the default (its id stays empty); asks when there is none at all."""
    named = turn.slots.text("address")
    known = (await turn.shop.read("ListAddresses", shop_pb2.ListAddressesRequest())).addresses
    if named:
        match = [address for address in known if address.label and address.label in named]
        return match[0] if match else await _new_address(turn, named)
    return shop_pb2.Address() if known else turn.ask_slot("address", turn.say("checkout.need_address"))


async def _new_address(turn: Turn, address: str) -> shop_pb2.Address | Answer:
    request = shop_pb2.ChangeAddressRequest(address=address)
    try:
        return await turn.shop.change("ChangeAddress", request, "change_address", address=address)
    except (NotFound, InvalidInput):
        turn.slots = turn.slots.without("address")
        return turn.ask_slot("address", turn.say("address.unknown", address=address))


def ask_checkout(
    turn: Turn, cart: shop_pb2.Cart, method: str, address_id: str = "", quote: shop_pb2.Quote | None = None
) -> Answer:
    """The read-back with the question; of a quote its total, what a coupon takes off, and how long it holds."""
    due = cart.total if quote is None else quote.total
    total = money_text(due, turn.language)
    lines = spoken_lines(turn, list(cart.lines))
    parameters = {"total_cents": due.cents, "method": method, "address_id": address_id}
    if quote is None:
        question = turn.say("checkout.confirm", lines=lines, total=total)
    else:
        parameters |= {"quote_id": quote.quote_id, "coupon": quote.coupon_code}
        minutes = max(1, round((quote.expires_at.ToDatetime(UTC) - turn.now).total_seconds() / 60))
        off = discount_text(turn, quote)
        phrase = "checkout.confirm_coupon" if off else "checkout.confirm_quote"
        question = turn.say(phrase, lines=lines, total=total, off=off, minutes=minutes)
    again = turn.say("checkout.confirm_again", total=total)
    return turn.ask_confirmation("checkout", parameters, question, cart_cards(cart, turn.language), again)


async def _empty_cart(turn: Turn) -> Answer:
    """Nothing to order; offers the product in focus if there is one, or the order that is not paid."""
    focus = turn.state.focus
    if focus is None:
        return turn.answer("checkout.empty")
    try:
        product = await turn.shop.product(focus.sku)
    except NotFound:
        return turn.answer("checkout.empty")
    if product.stock <= 0:
        return turn.answer("checkout.empty")
    set_focus(turn, product, focus.color, focus.size)
    question = turn.say("checkout.empty_offer", name=product_name(product, turn.language))
    turn.slots = turn.slots.only("quantity", "color", "size")
    return turn.ask_confirmation("add_focus", {}, question, [product_card(product, turn.language)])


@confirmed("checkout")
async def checkout_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to the read-back: makes the order for exactly that total."""
    request = shop_pb2.CheckoutRequest(
        expected_total_cents=parameters["total_cents"],
        address_id=parameters["address_id"],
        quote_id=parameters.get("quote_id", ""),
    )
    try:
        order = await turn.shop.change("Checkout", request, "checkout", total_cents=parameters["total_cents"])
    except WrongState as error:
        return await _not_ordered(turn, parameters, error.reason)
    turn.state.order_id = order.order_id
    turn.state.shown_kind = ""
    turn.shop.actions[-1].details.update({"order_id": order.order_id})
    total = money_text(order.total, turn.language)
    cards = [order_card(order, turn.language)]
    method = parameters["method"]
    turn.intent = "pay"
    if method:
        question = turn.say("checkout.done_confirm_pay", id=order.order_id, total=total, method=_said(turn, method))
        return turn.ask_confirmation(
            "pay", _payment(order, method), question, cards, _pay_question(turn, order, method)
        )
    question = turn.say("checkout.done", id=order.order_id, total=total)
    return turn.ask_slot("payment_method", question, cards=cards)


async def _not_ordered(turn: Turn, parameters: dict[str, Any], reason: str) -> Answer:
    """Asks for the address that is missing; or price or stock changed since the read-back: says so, reads back anew."""
    turn.intent = "checkout"
    if reason == "no_address":
        return turn.ask_slot("address", turn.say("checkout.need_address"))
    cart = await turn.shop.cart()
    if not cart.lines:
        return turn.answer("checkout.empty")
    if reason == "out_of_stock" or (not reason and cart.total.cents == parameters["total_cents"]):
        return turn.answer("checkout.out_of_stock", cart_cards(cart, turn.language))
    quote = await _quote_again(turn, parameters)
    answer = ask_checkout(turn, cart, parameters["method"], parameters["address_id"], quote)
    answer.text = turn.say("checkout.total_changed") + answer.text
    return answer


async def _quote_again(turn: Turn, parameters: dict[str, Any]) -> shop_pb2.Quote | None:
    """A new quote after the old one has expired or its coupon is used up; ``None`` if there was none."""
    if "quote_id" not in parameters:
        return None
    try:
        return await quoted(turn, parameters["coupon"])
    except (WrongState, NotFound, InvalidInput):
        return None


@skill("pay", SHOPPER, changes=True)
async def pay(turn: Turn) -> Answer:
    """用微信支付: names order, amount and method and asks."""
    order = await _order_to_pay(turn)
    if isinstance(order, Answer):
        return order
    turn.state.order_id = order.order_id
    method = _method(turn) or DEFAULT_METHOD
    question = _pay_question(turn, order, method)
    return turn.ask_confirmation("pay", _payment(order, method), question, [order_card(order, turn.language)])


async def _order_to_pay(turn: Turn) -> shop_pb2.Order | Answer:
    order_id = turn.slots.order_id()
    if order_id:
        try:
            order = await turn.shop.order(order_id)
        except NotFound:
            return turn.answer("orders.unknown", id=order_id)
        return order if order.status == "pending_payment" else _not_payable(turn, order)
    unpaid = list((await turn.shop.orders(statuses=["pending_payment"], page_size=10)).orders)
    if unpaid:
        return next((order for order in unpaid if order.order_id == turn.state.order_id), unpaid[0])
    cart = await turn.shop.cart()
    if not cart.lines:
        return turn.answer("pay.nothing_to_pay")
    turn.intent = "checkout"
    return await checkout(turn)


def _not_payable(turn: Turn, order: shop_pb2.Order) -> Answer:
    status = turn.say(f"status.{order.status}")
    return turn.answer("pay.wrong_state", [order_card(order, turn.language)], id=order.order_id, status=status)


@confirmed("pay")
async def pay_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to the amount: pays."""
    request = shop_pb2.PayRequest(order_id=parameters["order_id"], method=parameters["method"])
    try:
        order = await turn.shop.change("Pay", request, "pay", **parameters)
    except (WrongState, InvalidInput, NotFound) as error:
        phrase = "pay.declined" if error.reason == "declined" else "pay.refused"
        return turn.answer(phrase, id=parameters["order_id"])
    total = amount_text(parameters["total_cents"], turn.language)
    cards = [order_card(order, turn.language)]
    return turn.answer("pay.done", cards, total=total, id=order.order_id, method=_said(turn, parameters["method"]))


def _payment(order: shop_pb2.Order, method: str) -> dict[str, Any]:
    return {"order_id": order.order_id, "method": method, "total_cents": order.total.cents}


def _pay_question(turn: Turn, order: shop_pb2.Order, method: str) -> str:
    total = money_text(order.total, turn.language)
    return turn.say("pay.confirm", id=order.order_id, total=total, method=_said(turn, method))


def _method(turn: Turn) -> str:
    """The payment method that was named; empty if none of the known ones was."""
    method = turn.slots.word("payment_method")
    return method if method in PAYMENT_METHODS else ""


def _said(turn: Turn, method: str) -> str:
    return turn.say(f"method.{method}")
