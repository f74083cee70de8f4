"""Prices for a while: 今晚八点到十二点把 Nova 12 降到1999. Read back with both prices and both times, then set."""

from datetime import UTC, datetime, timedelta
from typing import Any

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import local_time, product_card, product_name
from voxcart_services.dialogue.clock_times import Period, find_period
from voxcart_services.dialogue.money import amount_text, money_text
from voxcart_services.dialogue.reference import MAX_SPOKEN, find_product, set_focus, spoken_name
from voxcart_services.dialogue.slots import SHOP_TIME_ZONE
from voxcart_services.dialogue.turn import Answer, Turn, confirmed

OPEN = ("awaiting_approval", "scheduled", "active")
LISTED = 10
_REFUSALS = {"below_floor", "price_overlap", "delisted", "price_changed"}


def period_of(turn: Turn) -> Period | None:
    """The time that the turn names; after the question until when, the answer counts as the end."""
    known = turn.slots.text("time_range")
    text = turn.text if known in turn.text else f"{known} {turn.text}"
    return find_period(text, turn.now)


def ask_timed_price(turn: Turn, product: shop_pb2.Product, cents: int, period: Period) -> Answer:
    """Reads back product, both prices and both times; or asks until when."""
    name = product_name(product, turn.language)
    cards = [product_card(product, turn.language)]
    if period.end is None:
        return turn.answer("timed.until_when", cards, name=name)
    start = period.start or turn.now
    if period.end <= turn.now or period.end <= start:
        return turn.answer("timed.past", cards)
    parameters = {
        "sku": product.sku,
        "name": name,
        "price_cents": cents,
        "before_cents": product.price.cents,
        "starts_at": period.start.isoformat() if period.start is not None else "",
        "ends_at": period.end.isoformat(),
    }
    values = {
        "name": name,
        "before": money_text(product.price, turn.language),
        "after": amount_text(cents, turn.language),
        "start": spoken_time(turn, period.start) if period.start is not None else turn.say("timed.now"),
        "end": spoken_time(turn, period.end, is_end=True),
    }
    question = turn.say("timed.confirm", **values)
    return turn.ask_confirmation(
        "schedule_price", parameters, question, cards, turn.say("timed.confirm_again", **values)
    )


def spoken_time(turn: Turn, moment: datetime, *, is_end: bool = False) -> str:
    """今天20点, 11月30日9点30分; a midnight that ends something belongs to the day before."""
    local = moment.astimezone(SHOP_TIME_ZONE)
    day, hour = local.date(), local.hour
    if is_end and hour == 0 and local.minute == 0:
        day, hour = day - timedelta(days=1), 24
    ahead = (day - turn.now.astimezone(SHOP_TIME_ZONE).date()).days
    named = (
        turn.say(f"timed.day_{ahead}") if ahead in (0, 1, 2) else turn.say("timed.day", month=day.month, day=day.day)
    )
    minute = turn.say("timed.minute", minute=local.minute) if local.minute else ""
    return turn.say("timed.moment", day=named, hour=hour, minute=minute, clock=f"{hour:02d}:{local.minute:02d}")


@confirmed("schedule_price")
async def schedule_price(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to the read-back: exactly these times and prices."""
    request = shop_pb2.SchedulePriceRequest(
        sku=parameters["sku"],
        price_cents=parameters["price_cents"],
        expected_price_cents=parameters["before_cents"],
    )
    if parameters["starts_at"]:
        start = max(datetime.fromisoformat(parameters["starts_at"]), turn.now)
        request.starts_at.FromDatetime(start.astimezone(UTC))
    request.ends_at.FromDatetime(datetime.fromisoformat(parameters["ends_at"]).astimezone(UTC))
    try:
        schedule = await turn.shop.change("SchedulePrice", request, "schedule_price", sku=parameters["sku"])
    except (WrongState, NotFound, InvalidInput) as error:
        phrase = f"timed.{error.reason}" if error.reason in _REFUSALS else "timed.refused"
        return turn.answer(phrase, name=parameters["name"])
    turn.shop.actions[-1].details.update({"schedule_id": schedule.schedule_id, "status": schedule.status})
    values = {
        "name": parameters["name"],
        "price": money_text(schedule.price, turn.language),
        "before": amount_text(parameters["before_cents"], turn.language),
        "start": spoken_time(turn, schedule.starts_at.ToDatetime(UTC)),
        "end": spoken_time(turn, schedule.ends_at.ToDatetime(UTC), is_end=True),
    }
    return turn.answer(f"timed.done_{schedule.status}", [schedule_card(turn, schedule)], **values)


def schedule_card(turn: Turn, schedule: shop_pb2.PriceSchedule) -> common_pb2.Card:
    """Product, price, times and state of a timed price."""
    card = common_pb2.Card(
        kind="price_schedule",
        id=schedule.schedule_id,
        name=product_name(schedule, turn.language),
        subtitle=turn.say(f"timed.status_{schedule.status}"),
        price=schedule.price,
    )
    card.facts.update(
        {
            "sku": schedule.sku,
            "status": schedule.status,
            "from": local_time(schedule.starts_at.ToDatetime(UTC)),
            "to": local_time(schedule.ends_at.ToDatetime(UTC)),
        }
    )
    return card


async def manage_timed_prices(turn: Turn) -> Answer:
    """取消 Nova 12 的限时价, 批准苹果的限时价, 有哪些限时价."""
    sku = ""
    if spoken_name(turn.slots) or (turn.state.focus is not None and cues.DEMONSTRATIVE.search(turn.text)):
        found = await find_product(turn)
        if isinstance(found, Answer):
            return found
        set_focus(turn, found.product)
        sku = found.product.sku
    request = shop_pb2.ListPriceSchedulesRequest(statuses=OPEN, sku=sku, page_size=LISTED)
    response = await turn.shop.read("ListPriceSchedules", request)
    schedules = list(response.schedules)
    if not schedules:
        return turn.answer("timed.none")
    if cues.CALL_OFF.search(turn.text) or cues.TAKE_OUT.search(turn.text):
        return _ask_about(turn, schedules, "cancel_schedule", "timed.confirm_cancel")
    waiting = [schedule for schedule in schedules if schedule.status == "awaiting_approval"]
    if waiting and cues.REJECT.search(turn.text):
        return _ask_about(turn, waiting, "reject_schedule", "timed.confirm_reject")
    if waiting and cues.APPROVE.search(turn.text):
        return _ask_about(turn, waiting, "approve_schedule", "timed.confirm_approve")
    said = [turn.say("timed.item", **_values(turn, schedule)) for schedule in schedules[:MAX_SPOKEN]]
    cards = [schedule_card(turn, schedule) for schedule in schedules]
    separator = "；" if turn.language == "zh" else "; "
    return turn.answer("timed.list", cards, count=response.total, items=separator.join(said))


def _ask_about(turn: Turn, schedules: list[shop_pb2.PriceSchedule], action: str, phrase: str) -> Answer:
    """Asks for a yes about the one that is meant; of several says which there are."""
    cards = [schedule_card(turn, schedule) for schedule in schedules]
    if len({schedule.sku for schedule in schedules}) > 1:
        names = [product_name(schedule, turn.language) for schedule in schedules[:MAX_SPOKEN]]
        return turn.ask_slot("product", turn.say("timed.which", names=turn.phrases.joined(names)), names, cards)
    chosen = next((s for s in schedules if s.status == "active"), schedules[-1])
    values = _values(turn, chosen)
    parameters = {"schedule_id": chosen.schedule_id, "name": values["name"]}
    return turn.ask_confirmation(action, parameters, turn.say(phrase, **values), cards)


def _values(turn: Turn, schedule: shop_pb2.PriceSchedule) -> dict[str, Any]:
    return {
        "name": product_name(schedule, turn.language),
        "price": money_text(schedule.price, turn.language),
        "start": spoken_time(turn, schedule.starts_at.ToDatetime(UTC)),
        "end": spoken_time(turn, schedule.ends_at.ToDatetime(UTC), is_end=True),
        "status": turn.say(f"timed.status_{schedule.status}"),
    }


@confirmed("cancel_schedule")
async def cancel_schedule(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to calling it off."""
    request = shop_pb2.CancelPriceScheduleRequest(schedule_id=parameters["schedule_id"])
    return await _changed(turn, "CancelPriceSchedule", request, "cancel_schedule", parameters)


@confirmed("approve_schedule")
async def approve_schedule(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to approving it."""
    request = shop_pb2.DecidePriceScheduleRequest(schedule_id=parameters["schedule_id"], approve=True)
    return await _changed(turn, "DecidePriceSchedule", request, "approve_schedule", parameters)


@confirmed("reject_schedule")
async def reject_schedule(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to rejecting it."""
    request = shop_pb2.DecidePriceScheduleRequest(schedule_id=parameters["schedule_id"], approve=False)
    return await _changed(turn, "DecidePriceSchedule", request, "reject_schedule", parameters)


async def _changed(turn: Turn, rpc: str, request: Any, action: str, parameters: dict[str, Any]) -> Answer:
    try:
        schedule = await turn.shop.change(rpc, request, action, schedule_id=parameters["schedule_id"])
    except (WrongState, NotFound):
        return turn.answer("timed.over", name=parameters["name"])
    return turn.answer(f"timed.{action}", [schedule_card(turn, schedule)], **_values(turn, schedule))
