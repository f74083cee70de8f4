"""What to do with an utterance, before any skill runs: the rules, in the order in which they are tried.

1. Something is pending: a yes does it, a no drops it, a value fills it, a correction changes it, a side question is
   answered and the pending question comes back, anything else is a new topic and drops it.
2. Nothing is pending: an ellipsis (那香蕉呢) takes the last intent with the new value; intents of the other role are
   read as this role's own where there is one (ask_stock, merchant_query_stock).
3. Low confidence: a change is asked about first; a question without any value is clarified.
4. The role may not do it: a sentence, nothing else.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from voxcart.text.numbers import find_numbers
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.slots import Slots, SlotValue, quantity_of, renamed, text_slot
from voxcart_services.dialogue.state import Pending, SessionState
from voxcart_services.dialogue.turn import MERCHANT, SHOPPER, SKILLS

MAX_TEXT_CHARACTERS = 500
SURE_SMALL_TALK = 0.5
"""Below this confidence a goodbye may be anything."""
SURE_SEARCH = 0.7
"""Below this confidence 来一件 is an order of one, not a search."""
SURE_YES = 0.5
"""Below this confidence a yes must be one of the plain words for it."""

Move = Literal["run", "do", "drop", "ask_again", "refuse", "confirm_unsure", "clarify", "empty", "too_long"]


@dataclass(frozen=True)
class Heard:
    """An utterance as it was understood, without its wire form."""

    text: str
    intent: str
    confidence: float
    slots: Slots
    role: str


@dataclass(frozen=True)
class Decision:
    """What to do.

    Attributes:
        move: ``run`` the skill of ``intent`` with ``slots``; ``do`` the pending action; ``drop`` it; ``ask_again``
            what is pending; the rest are answers without a skill.
        comes_back: The pending question is asked again after the answer.
        corrected: The person put something right that was understood wrong.
    """

    move: Move
    intent: str = ""
    slots: Slots = field(default_factory=Slots)
    comes_back: bool = False
    corrected: bool = False


ROLE_TWINS = {
    MERCHANT: {
        "ask_stock": "merchant_query_stock",
        "list_orders": "merchant_list_orders",
        "order_status": "merchant_list_orders",
        "request_refund": "merchant_process_refund",
    },
    SHOPPER: {
        "merchant_query_stock": "ask_stock",
        "merchant_list_orders": "list_orders",
        "merchant_reviews": "ask_product_info",
        "merchant_confirm_order": "affirm",
    },
}
"""Intents that the other role says in the same words."""

SLOT_ANSWERS = {
    "product": {"product", "category", "brand", "ordinal", "sort_by"},
    "size": {"size", "color"},
    "color": {"color", "size"},
    "quantity": {"quantity"},
    "price": {"price"},
    "reason": {"reason"},
    "address": {"address"},
    "order_id": {"order_id", "ordinal", "product", "time_range"},
    "payment_method": {"payment_method"},
}
"""Slots whose values answer the question for a slot."""

FREE_TEXT_SLOTS = {"reason", "address"}
"""Slots that any words may fill."""

FILLING_INTENTS = {
    "out_of_scope", "affirm", "select_item", "refine_search", "search_product", "add_to_cart", "update_cart",
    "ask_price", "ask_stock", "ask_product_info", "recommend", "list_orders", "merchant_list_orders", "give_feedback",
    "merchant_query_stock", "merchant_update_product", "merchant_confirm_order", "order_status",
}  # fmt: skip
"""Intents that a bare value is taken for; while a value is asked for, they fill it."""

BARE_EXTRA_CHARACTERS = 3
MAX_BARE_REQUEST_CHARACTERS = 16

NEVER_FREE_TEXT = {"cancel", "repeat", "help", "talk_to_human", "goodbye"}


def decide(heard: Heard, state: SessionState, min_confidence: float) -> Decision:
    """The move for an utterance."""
    if not heard.text.strip():
        return Decision("empty")
    if len(heard.text) > MAX_TEXT_CHARACTERS:
        return Decision("too_long")
    if state.pending is not None:
        decision = _with_pending(heard, state.pending)
        if decision is not None:
            return decision
    return _fresh(heard, state, min_confidence)


def _with_pending(heard: Heard, pending: Pending) -> Decision | None:
    if pending.kind == "confirmation":
        return _at_confirmation(heard, pending)
    return _at_slot(heard, pending)


def _at_confirmation(heard: Heard, pending: Pending) -> Decision | None:
    if corrected := _correction(heard, pending):
        return corrected
    if _says_it_again(heard, pending):
        return Decision("do")
    if cues.YES.match(heard.text) or (heard.intent == "affirm" and heard.confidence >= SURE_YES):
        return Decision("do")
    if cues.NO.match(heard.text) or heard.intent in {"deny", "cancel"}:
        return Decision("drop", "cancel" if heard.intent == "cancel" else "deny")
    if heard.intent == "affirm":
        return Decision("ask_again")
    if pending.action == "add_focus" and heard.intent == "add_to_cart" and not heard.slots.names() - {"quantity"}:
        return Decision("run", "add_to_cart", heard.slots)
    if pending.action == "unsure" and heard.intent == pending.intent:
        return Decision("do")
    return _side_question(heard)


def _says_it_again(heard: Heard, pending: Pending) -> bool:
    """下单吧 to 现在下单吗, 取消吧 to 取消订单吗: the bare request again is a yes."""
    if heard.slots or cues.CORRECTION.search(heard.text) or len(heard.text) > MAX_BARE_REQUEST_CHARACTERS:
        return False
    again = heard.intent == pending.intent or (pending.action == "cancel_order" and heard.intent == "cancel")
    return again and not (heard.intent == "cancel" and "算" in heard.text)


def _side_question(heard: Heard) -> Decision | None:
    skill = SKILLS.get(_own_intent(heard))
    if skill is None or not skill.side or heard.role not in skill.roles:
        return None
    return Decision("run", skill.intent, heard.slots, comes_back=True)


def _correction(heard: Heard, pending: Pending) -> Decision | None:
    """不对，改成三十六元: the pending request with the new values put over the old ones."""
    corrects = bool(cues.CORRECTION.search(heard.text)) or heard.intent in {"deny", pending.intent}
    values = heard.slots
    if not corrects or not values or not _new_values(heard, pending):
        return None
    if heard.intent not in {pending.intent, "deny", "affirm", "out_of_scope"} and not _shares_names(values, pending):
        return None
    known = Slots(pending.slots)
    if "price" in known and "quantity" not in known and "quantity" in values and "price" not in values:
        values = Slots([renamed(v, "price") if v.name == "quantity" else v for v in values.values])
    wanted = Slots(value for value in values.values if not value.negated or value.name in {"color", "brand"})
    return Decision("run", pending.intent, known.replaced_by(wanted), corrected=True)


def _new_values(heard: Heard, pending: Pending) -> bool:
    """Whether the utterance brings a value that the pending request does not have."""
    known = {(value.name, value.text) for value in pending.slots}
    return any((value.name, value.text) not in known for value in heard.slots.values)


def _shares_names(slots: Slots, pending: Pending) -> bool:
    return bool(slots.names() & {value.name for value in pending.slots})


def _at_slot(heard: Heard, pending: Pending) -> Decision | None:
    if pending.slot in FREE_TEXT_SLOTS and heard.intent not in NEVER_FREE_TEXT:
        return _fill(pending, _free_text(heard, pending.slot))
    if heard.intent in {"cancel", "deny"} and not heard.slots:
        return Decision("drop", heard.intent)
    answers = _answers(heard, pending)
    fills = heard.intent == pending.intent or _is_bare(heard, answers)
    if not fills and heard.intent in FILLING_INTENTS:
        fills = heard.slots.names() <= SLOT_ANSWERS.get(pending.slot, {pending.slot}) | {"quantity"}
    if answers and fills:
        others = heard.slots.only(*(SLOT_ANSWERS.get(pending.slot, {pending.slot}) | {"quantity"}))
        return _fill(pending, Slots([*others.without(*answers.names()).values, *answers.values]))
    if _says_it_again(heard, pending):
        return Decision("do")
    if heard.intent == "affirm" and not heard.slots:
        return _fill(pending, Slots()) if pending.slot == "payment_method" else Decision("ask_again")
    return _side_question(heard) if heard.intent in {"repeat", "help"} else None


def _is_bare(heard: Heard, answers: Slots) -> bool:
    """The utterance is hardly more than the answer, whatever intent it was taken for."""
    return bool(answers) and len(heard.text) <= sum(len(value.text) for value in answers.values) + BARE_EXTRA_CHARACTERS


def _fill(pending: Pending, answers: Slots) -> Decision:
    return Decision("run", pending.intent, Slots(pending.slots).replaced_by(answers))


def _free_text(heard: Heard, slot: str) -> Slots:
    """The slot if it was found in the words, else all of the words."""
    return heard.slots.only(slot) if slot in heard.slots else Slots([text_slot(slot, heard.text.strip())])


def _answers(heard: Heard, pending: Pending) -> Slots:
    """The values of an utterance that answer what is asked for."""
    found = heard.slots.only(*SLOT_ANSWERS.get(pending.slot, {pending.slot}))
    if pending.slot in found or (found and pending.slot in {"product", "order_id"}):
        return found
    if option := _option(heard.text, pending.options):
        return Slots([text_slot(pending.slot, option)])
    number = heard.slots.first("quantity", "price", "size", "ordinal", "order_id")
    if pending.slot in {"price", "quantity"} and number is not None:
        return Slots([renamed(number, pending.slot)])
    if pending.slot in {"price", "quantity"} and (numbers := find_numbers(heard.text)):
        said = SlotValue(name=pending.slot, text=heard.text.strip(), normalized=numbers[0].value)
        return Slots([said])
    if pending.slot == "order_id" and number is not None and (quantity := quantity_of(number)):
        return Slots([text_slot("order_id", f"{quantity.value:.0f}")])
    return found


def _option(text: str, options: list[str]) -> str:
    """The longest option that the words hold."""
    said = text.lower()
    return max((option for option in options if option.lower() in said), key=len, default="")


def _own_intent(heard: Heard) -> str:
    """The intent as this role means it."""
    skill = SKILLS.get(heard.intent)
    if skill is not None and heard.role in skill.roles:
        return heard.intent
    return ROLE_TWINS.get(heard.role, {}).get(heard.intent, heard.intent)


def _repaired(heard: Heard, state: SessionState) -> str:
    """The intent where the state of the talk says more than the words: 取消它 after an order, 删掉 after the cart."""
    text, intent = heard.text, heard.intent
    if intent in _VAGUE and cues.UNDO.search(text) and not heard.slots.order_id():
        return "undo"
    if heard.role == MERCHANT and intent in _VAGUE | _LOOKS_UP and cues.TIMED_PRICE.search(text):
        return "merchant_update_product"
    if intent == "cancel" and cues.CALL_OFF.search(text) and state.order_id and state.last_intent in _ABOUT_ORDERS:
        return "cancel_order"
    if intent in {"cancel", "deny"} and cues.TAKE_OUT.search(text) and heard.role == SHOPPER:
        return "remove_from_cart"
    if intent == "pay" and cues.QUESTION.search(text) and not heard.slots.order_id():
        return "ask_faq"
    swaps = cues.CORRECTION.search(text) or cues.SWAP.search(text)
    of_cart = state.cart_line_id and state.last_intent in _ABOUT_THE_CART and heard.slots.all("color", "size")
    if intent in {"refine_search", "deny", "out_of_scope"} and swaps and of_cart:
        return "update_cart"
    decides = cues.REJECT.search(text) or cues.APPROVE.search(text)
    if intent in {"out_of_scope", "deny"} and heard.role == MERCHANT and state.refund_id and decides:
        return "merchant_process_refund"
    if repaired := _repaired_command(heard, state):
        return repaired
    bare = not heard.slots and heard.confidence < SURE_SMALL_TALK
    return "out_of_scope" if bare and intent in {"goodbye", "greet", "thanks", "cancel", "repeat"} else intent


def _repaired_command(heard: Heard, state: SessionState) -> str:
    """The intent that the words show where a command was heard without its verb or value; empty to leave it."""
    text, intent, names = heard.text, heard.intent, heard.slots.names()
    if intent == "search_product" and cues.ORDERING.search(text) and heard.confidence < SURE_SEARCH:
        return "add_to_cart"
    if intent == "update_cart" and not state.cart_line_id and state.shown and names and names <= {"color", "size"}:
        return "refine_search"
    takes = "quantity" in names and cues.TAKES.search(text)
    if intent == "select_item" and (takes or cues.TAKES_PIECES.search(text)):
        return "add_to_cart"
    if intent == "search_product" and cues.BUYS_PIECES.search(text) and names & {"product", "category"}:
        return "add_to_cart"
    if intent == "add_to_cart" and cues.LESS.search(text) and state.cart_line_id:
        return "update_cart"
    of_coupon = "coupon" in names or cues.COUPON.search(text)
    if intent in {"ask_faq", "pay", "out_of_scope"} and of_coupon and cues.ORDERS_NOW.search(text):
        return "checkout"
    if intent == "ask_faq" and state.last_intent in _ABOUT_ORDERS and cues.WHEN_COMES.search(text):
        return "order_status"
    if intent == "out_of_scope" and names & {"product", "category"} and cues.superlative(text):
        return "search_product"
    if intent == "out_of_scope" and state.shown_kind == "products" and cues.superlative(text):
        return "select_item"
    if intent == "merchant_update_product" and not names & {"price", "quantity"} and cues.ASKS_PRICE.search(text):
        return "ask_price"
    if intent in {"merchant_list_orders", "merchant_confirm_order"} and cues.ALL_SHIPPED.search(text):
        return "merchant_ship_order"
    if intent == "merchant_list_orders" and cues.ALL_CONFIRMED.search(text):
        return "merchant_confirm_order"
    verb = {"merchant_confirm_order": cues.CONFIRM_VERB, "merchant_ship_order": cues.SHIP_VERB}.get(intent)
    if verb is not None and not verb.search(text) and cues.ASKS_STATE.search(text):
        return "merchant_list_orders"
    return ""


def _fresh(heard: Heard, state: SessionState, min_confidence: float) -> Decision:
    """No pending request claims the utterance."""
    heard = replace(heard, intent=_repaired(heard, state))
    intent, slots = _own_intent(heard), heard.slots
    if intent == "add_to_cart" and "quantity" not in slots:
        slots = _with_pieces(heard)
    elliptic = _ellipsis(heard, state)
    if elliptic is not None:
        return elliptic
    wish = cues.WISH.search(heard.text)
    if intent == "out_of_scope" and wish and heard.role == SHOPPER and not slots:
        return Decision("run", "search_product", Slots([text_slot("product", wish["goods"])]))
    skill = SKILLS.get(intent)
    if skill is None:
        return Decision("run", "out_of_scope", slots)
    if heard.role not in skill.roles:
        return Decision("refuse", intent)
    if heard.confidence < min_confidence:
        if skill.changes:
            return Decision("confirm_unsure", intent, slots)
        if not slots and intent not in {"out_of_scope", "affirm", "deny", "cancel"} and not skill.side:
            return Decision("clarify", intent, slots)
    corrected = bool(cues.CORRECTION.search(heard.text)) and bool(slots) and bool(state.last_intent)
    if corrected and intent in {"deny", "out_of_scope", "refine_search"} and state.last_intent in _CORRECTABLE:
        return Decision("run", _corrected_intent(state), slots, corrected=True)
    if intent in {"deny", "out_of_scope"} and slots.names() & _REFINING and state.search is not None:
        return Decision("run", "refine_search", slots, corrected=corrected)
    return Decision("run", intent, slots, corrected=corrected)


def _with_pieces(heard: Heard) -> Slots:
    """拿两盒: the pieces after the verb, where the language understanding found none."""
    said = cues.TAKES_PIECES.search(heard.text)
    value = find_numbers(said["pieces"]) if said else []
    if said is None or not value:
        return heard.slots
    pieces = {"value": value[0].value, "unit": said["unit"]}
    slot = SlotValue(name="quantity", text=said["pieces"], normalized=pieces, start=said.start("pieces"))
    return Slots([*heard.slots.values, slot])


_VAGUE = {"cancel", "deny", "out_of_scope", "remove_from_cart", "repeat", "update_cart", "merchant_confirm_order"}
"""Intents that a request without goods or numbers is taken for: 撤销刚才的操作, 有哪些限时价."""
_LOOKS_UP = {"ask_faq", "ask_price", "search_product", "merchant_list_orders", "merchant_query_stock"}
_REFINING = {"color", "size", "brand", "price_min", "price_max", "sort_by", "material", "attribute"}
_ABOUT_ORDERS = {"order_status", "list_orders", "cancel_order", "checkout", "pay"}
_ABOUT_THE_CART = {"add_to_cart", "update_cart", "view_cart"}
_CORRECTABLE = {"search_product", "refine_search", "recommend", "ask_price", "ask_stock", "merchant_query_stock"}
_ELLIPTIC = {
    "ask_price", "ask_stock", "ask_product_info", "search_product", "merchant_query_stock", "merchant_sales_report",
    "merchant_reviews", "recommend", "order_status", "list_orders", "merchant_list_orders",
}  # fmt: skip


def _corrected_intent(state: SessionState) -> str:
    return (
        "refine_search" if state.last_intent in {"search_product", "refine_search", "recommend"} else state.last_intent
    )


def _ellipsis(heard: Heard, state: SessionState) -> Decision | None:
    """那香蕉呢 after a price: the price of bananas."""
    last = state.last_intent
    if last not in _ELLIPTIC or not heard.slots or not cues.ELLIPSIS.search(heard.text.rstrip("。？?！! ")):
        return None
    skill = SKILLS.get(heard.intent)
    if (skill is not None and skill.changes) or heard.slots.names() <= {"quantity"}:
        return None
    known: list[SlotValue] = [value for value in state.last_slots if value.name not in {"ordinal", "quantity"}]
    return Decision("run", last, Slots(known).replaced_by(heard.slots))
