"""Spoken reasons: short, true sentences made from the signal that decided."""

from datetime import datetime

from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.recsys.catalogue import Shelf
from voxcart_services.recsys.history import Type
from voxcart_services.recsys.ranking import Candidate


def spoken_name(product: bus_pb2.ProductChanged, language: str) -> str:
    """The name people say: the English name, or the shortest alias of the Chinese one."""
    if language == "en":
        return product.name_en or product.name_zh
    return min(product.aliases, key=len, default=product.name_zh) or product.name_zh


def when(days: float, language: str) -> str:
    """How long ago, as one says it."""
    if language == "en":
        steps = ((1, "today"), (2, "yesterday"), (7, "this week"), (14, "last week"), (45, "last month"))
        return next((word for limit, word in steps if days < limit), "a while ago")
    steps = ((1, "今天"), (2, "昨天"), (7, "前几天"), (14, "上周"), (45, "上个月"))
    return next((word for limit, word in steps if days < limit), "之前")


def reason(candidate: Candidate, shelf: Shelf, events: list[bus_pb2.UserEvent], now: datetime, language: str) -> str:
    """A sentence that says why the product is shown. Names what the user did only if the history holds it."""
    product = shelf.products[candidate.sku]
    signal = candidate.signal
    anchor = candidate.anchors.get(signal, "")
    done = _what_was_done(anchor, shelf, events, now, language)
    english = language == "en"
    if signal == "buy_again" and done:
        return f"You {done}." if english else f"您{done}"
    if signal == "co_visitation" and anchor in shelf.products:
        name = spoken_name(shelf.products[anchor], language)
        return f"People who want {name} often take it too." if english else f"要{name}的顾客常常一起买"
    if signal == "content" and done:
        return f"Because you {done}." if english else f"因为您{done}"
    return _popular(product, english)


def _what_was_done(sku: str, shelf: Shelf, events: list[bus_pb2.UserEvent], now: datetime, language: str) -> str:
    verbs = {
        Type.TYPE_BUY: ("bought", "买过"),
        Type.TYPE_ADD_TO_CART: ("put in your cart", "加购过"),
        Type.TYPE_LIKE: ("liked", "喜欢"),
        Type.TYPE_VIEW: ("looked at", "看过"),
    }
    seen = [event for event in events if event.sku == sku and event.type in verbs]
    if not seen or sku not in shelf.products:
        return ""
    strongest = max(seen, key=lambda event: (event.type == Type.TYPE_BUY, event.at.seconds))
    ago = when((now.timestamp() - strongest.at.seconds) / 86_400, language)
    name = spoken_name(shelf.products[sku], language)
    english, chinese = verbs[strongest.type]
    return f"{english} {name} {ago}" if language == "en" else f"{ago}{chinese}{name}"


def _popular(product: bus_pb2.ProductChanged, english: bool) -> str:
    if product.HasField("rating") and product.rating >= 4.5:
        stars = f"{product.rating:.1f}"
        return f"It is rated {stars} out of 5." if english else f"评分{stars}分"
    if product.units_sold > 0:
        return f"{product.units_sold} were sold." if english else f"已经卖出{product.units_sold}件"
    return "It fits what you asked for." if english else "符合您的要求"
