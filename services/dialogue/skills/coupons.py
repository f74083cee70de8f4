"""Coupons, and quotes: what the cart costs with them, at prices that hold for some minutes."""

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.money import amount_text, money_text
from voxcart_services.dialogue.reference import MAX_SPOKEN
from voxcart_services.dialogue.turn import Answer, Turn

LISTED = 10
MAX_TRIED = 5
"""Coupons that are tried for the best one."""


async def usable_coupons(turn: Turn) -> list[shop_pb2.Coupon]:
    """The coupons that the person may use now."""
    response = await turn.shop.read("ListCoupons", shop_pb2.ListCouponsRequest(page_size=LISTED))
    return list(response.coupons)


async def tell_coupons(turn: Turn) -> Answer | None:
    """有什么优惠券; ``None`` if there is none, so that the shop's rules may answer."""
    coupons = await usable_coupons(turn)
    if not coupons:
        return None
    said = [_reduction(turn, coupon) for coupon in coupons[:MAX_SPOKEN]]
    cards = [_card(turn, coupon) for coupon in coupons]
    return turn.answer("coupon.list", cards, count=len(coupons), items=turn.phrases.joined(said))


def coupon_name(coupon: shop_pb2.Coupon) -> str:
    """Title, else code."""
    return coupon.title or coupon.code


def _reduction(turn: Turn, coupon: shop_pb2.Coupon) -> str:
    """新人立减10, 满50元减10元."""
    if coupon.WhichOneof("reduction") == "percent_off":
        off = turn.say("coupon.percent", percent=coupon.percent_off, fold=f"{(100 - coupon.percent_off) / 10:g}")
    else:
        off = turn.say("coupon.amount", amount=amount_text(coupon.cents_off, turn.language))
    name = coupon_name(coupon)
    if not coupon.threshold_cents:
        return turn.say("coupon.item", name=name, off=off)
    return turn.say(
        "coupon.item_from", name=name, off=off, threshold=amount_text(coupon.threshold_cents, turn.language)
    )


def _card(turn: Turn, coupon: shop_pb2.Coupon) -> common_pb2.Card:
    card = common_pb2.Card(kind="coupon", id=coupon.code, name=coupon_name(coupon), subtitle=_reduction(turn, coupon))
    card.facts.update({"code": coupon.code, "threshold_cents": coupon.threshold_cents})
    return card


async def quoted(turn: Turn, code: str) -> shop_pb2.Quote:
    """What the cart costs with a coupon; empty for none.

    Raises:
        WrongState, NotFound, InvalidInput: The coupon cannot be used, or the cart is empty.
    """
    return await turn.shop.read("GetQuote", shop_pb2.GetQuoteRequest(coupon_code=code))


async def quote_with_coupon(turn: Turn) -> shop_pb2.Quote | str:
    """The cart with the coupon that was named, else with the one that takes off most; or why there is none."""
    named = _named(turn)
    coupons = await usable_coupons(turn)
    fitting = [c for c in coupons if named and (named in coupon_name(c).lower() or named in c.code.lower())]
    if named and not fitting:
        try:
            return await quoted(turn, named)
        except (NotFound, InvalidInput):
            return turn.say("coupon.unknown", name=named)
        except WrongState as error:
            return _not_usable(turn, named, error.reason)
    if not coupons:
        return turn.say("coupon.none")
    best: shop_pb2.Quote | None = None
    reason, name = "", ""
    for coupon in (fitting or coupons)[:MAX_TRIED]:
        try:
            quote = await quoted(turn, coupon.code)
        except (WrongState, NotFound, InvalidInput) as error:
            reason, name = reason or error.reason, name or coupon_name(coupon)
            continue
        if best is None or quote.discount.cents > best.discount.cents:
            best = quote
    return best if best is not None else _not_usable(turn, name, reason)


def _named(turn: Turn) -> str:
    """The name or code of a coupon; empty for 优惠券 and the like."""
    said = turn.slots.text("coupon").lower()
    return "" if cues.ANY_COUPON.fullmatch(said) else said


def _not_usable(turn: Turn, name: str, reason: str) -> str:
    phrase = f"coupon.{reason}" if turn.phrases.has(f"coupon.{reason}") else "coupon.not_usable"
    return turn.say(phrase, name=name)


def discount_text(turn: Turn, quote: shop_pb2.Quote) -> str:
    """，用新人立减10减10元; empty without a discount."""
    if not quote.discount.cents:
        return ""
    return turn.say("coupon.taken_off", name=quote.coupon_code, amount=money_text(quote.discount, turn.language))
