"""What must be true of a shop's books when everything has settled, whatever went wrong before."""

import asyncio
import time
from collections import Counter
from typing import Any

from support.order_desk import Asked, Desk
from support.order_people import HOT, TENANT, Merchant, Shopper
from support.shop_replicas import Replicas
from voxcart.bus import EVENTS, Message
from voxcart.bus.embedded import EmbeddedBus
from voxcart_api.bus.v1.bus_pb2 import UserEvent

SETTLE_SECONDS = 120.0

UNSETTLED = """
SELECT (SELECT count(*) FROM payments WHERE status IN ('started', 'authorised') OR (status = 'voided' AND NOT settled)),
       (SELECT count(*) FROM orders WHERE NOT seeded AND status = 'pending_payment'),
       (SELECT count(*) FROM refunds r JOIN orders o USING (tenant, order_id) WHERE NOT o.seeded
           AND r.status = 'approved' AND NOT r.exchange AND NOT EXISTS (SELECT 1 FROM returns t
           WHERE t.tenant = r.tenant AND t.refund_id = r.refund_id AND t.status IN ('requested', 'awaited', 'sent'))),
       (SELECT count(*) FROM outbox)
"""
"""Payments, orders, refunds and events on their way; all 0 when everything has settled."""

_NEW = "o.tenant = 'demo' AND NOT o.seeded"
_CHARGES = (
    "(SELECT c.* FROM sandbox_charges c JOIN payments p ON c.charge_id = p.tenant || '/' || p.payment_id "
    f"JOIN orders o USING (tenant, order_id) WHERE {_NEW}) c"
)
_UNITS = "SELECT coalesce(sum(l.quantity - l.taken_out), 0) FROM orders o JOIN order_lines l USING (tenant, order_id)"
_LEDGER = "(SELECT coalesce(sum(g.cents), 0) FROM ledger g WHERE g.tenant = p.tenant AND g.payment_id = p.payment_id)"

NEVER = {
    "stock that is negative": "SELECT count(*) FROM stock WHERE available < 0 OR reserved < 0",
    "units reserved that no order holds": "SELECT abs((SELECT sum(reserved) FROM stock WHERE tenant = 'demo') - "
    f"({_UNITS} WHERE o.tenant = 'demo' AND o.status IN ('pending_payment', 'paid', 'confirmed')))",
    "payments whose ledger is not captured minus given back": "SELECT count(*) FROM payments p "
    f"WHERE p.tenant = 'demo' AND p.captured_cents - p.refunded_cents <> {_LEDGER} "
    "AND EXISTS (SELECT 1 FROM orders o WHERE o.order_id = p.order_id AND o.tenant = p.tenant AND NOT o.seeded)",
    "payments that the company's books know otherwise": "SELECT count(*) FROM payments p JOIN sandbox_charges c "
    "ON c.charge_id = p.tenant || '/' || p.payment_id WHERE p.refunded_cents <> c.refunded_cents "
    "OR p.captured_cents <> CASE WHEN c.status = 'captured' THEN c.amount_cents ELSE 0 END",
    "charges of the company that the shop does not know": "SELECT count(*) FROM sandbox_charges c WHERE NOT EXISTS "
    "(SELECT 1 FROM payments p WHERE c.charge_id = p.tenant || '/' || p.payment_id)",
    "refunds of the company that do not add up": f"SELECT count(*) FROM {_CHARGES} WHERE c.refunded_cents <> "
    "(SELECT coalesce(sum(r.amount_cents), 0) FROM sandbox_refunds r WHERE r.charge_id = c.charge_id)",
    "cents between the ledger and the company's books": "SELECT abs((SELECT coalesce(sum(g.cents), 0) FROM ledger g "
    f"JOIN orders o USING (tenant, order_id) WHERE {_NEW}) - (SELECT coalesce(sum(CASE WHEN c.status = 'captured' "
    f"THEN c.amount_cents ELSE 0 END - c.refunded_cents), 0) FROM {_CHARGES}))",
    "orders paid twice": f"SELECT count(*) FROM (SELECT 1 FROM payments p JOIN orders o USING (tenant, order_id) "
    f"WHERE {_NEW} AND p.status = 'captured' GROUP BY p.tenant, p.order_id HAVING count(*) > 1) twice",
    "orders that were sold and not paid": f"SELECT count(*) FROM orders o WHERE {_NEW} AND o.status IN ('paid', "
    "'confirmed', 'shipped', 'delivered', 'completed') AND NOT EXISTS (SELECT 1 FROM payments p "
    "WHERE p.tenant = o.tenant AND p.order_id = o.order_id AND p.status = 'captured' "
    "AND p.captured_cents = o.total_cents)",
    "cancelled orders whose money was kept": f"SELECT count(*) FROM orders o WHERE {_NEW} AND o.status = 'cancelled' "
    "AND (SELECT coalesce(sum(g.cents), 0) FROM ledger g WHERE g.tenant = o.tenant AND g.order_id = o.order_id) <> 0",
    "orders of which more was given back than was paid": f"SELECT count(*) FROM orders o WHERE {_NEW} AND "
    "(SELECT coalesce(sum(r.amount_cents), 0) FROM refunds r WHERE r.tenant = o.tenant AND r.order_id = o.order_id "
    "AND r.status <> 'rejected') > o.total_cents",
    "orders whose lines do not cost the total": f"SELECT count(*) FROM orders o WHERE {_NEW} AND o.total_cents <> "
    "(SELECT coalesce(sum(l.quantity * l.unit_price_cents - l.discount_cents), 0) FROM order_lines l "
    "WHERE l.tenant = o.tenant AND l.order_id = o.order_id)",
    "coupons that count other uses than there are": "SELECT count(*) FROM coupons c WHERE c.used <> (SELECT count(*) "
    "FROM coupon_uses u WHERE u.tenant = c.tenant AND u.code = c.code)",
    "coupon uses of cancelled orders": f"SELECT count(*) FROM coupon_uses u JOIN orders o USING (tenant, order_id) "
    f"WHERE {_NEW} AND o.status = 'cancelled'",
    "steps of an order that were taken twice": "SELECT count(*) FROM (SELECT 1 FROM audit_log WHERE operation IN "
    "('checkout', 'pay', 'cancel_order', 'expire_order', 'ship_order', 'confirm_order', 'deliver_order') "
    "GROUP BY tenant, operation, subject HAVING count(*) > 1) twice",
    "keys without an answer": "SELECT count(*) FROM idempotency WHERE response IS NULL",
}
"""Queries whose result must be 0."""


async def settled(replicas: Replicas) -> None:
    """Returns when nothing is on its way any more.

    Raises:
        AssertionError: Something did not settle in time.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    async with await replicas.connect() as conn:
        while any(left := await (await conn.execute(UNSETTLED)).fetchone()):
            assert time.monotonic() < deadline, (
                f"payments, orders, refunds and events that did not settle: {left}\n{replicas.log_tail()}"
            )
            await asyncio.sleep(0.5)


async def units_there(replicas: Replicas) -> int:
    """Units of the hot products in the house, for sale or held for orders."""
    query = "SELECT sum(available + reserved) FROM stock WHERE tenant = %s AND sku = ANY(%s)"
    async with await replicas.connect() as conn:
        return (await (await conn.execute(query, (TENANT, list(HOT)))).fetchone())[0]


async def wrong_books(replicas: Replicas, merchant: Merchant, units_before: int) -> list[str]:
    """What is wrong with goods and money."""
    async with await replicas.connect() as conn:

        async def value(query: str, *values: Any) -> int:
            return (await (await conn.execute(query, values or None)).fetchone())[0]

        wrong = [f"{count} {what}" for what, query in NEVER.items() if (count := await value(query))]
        there = await units_there(replicas)
        sold = await value(f"{_UNITS} WHERE {_NEW} AND o.status IN ('shipped', 'delivered', 'completed')")
        taken_in = [asked for asked in merchant.desk.asked.values() if asked.call == "ReceiveReturn" and asked.answer]
        back = await value(
            "SELECT coalesce(sum(b.quantity), 0) FROM returns t JOIN refund_lines b USING (tenant, refund_id) "
            "WHERE t.tenant = %s AND t.status = 'received' AND t.return_id = ANY(%s)",
            TENANT,
            [asked.answer.return_id for asked in taken_in if asked.request.restock],
        )
    before = units_before + sum(merchant.bought_in.values())
    if there + sold - back != before:
        wrong.append(f"{there} units there, {sold} sold and {back} of them back are not the {before} there were")
    return wrong


async def wrong_effects(replicas: Replicas, desk: Desk) -> list[str]:
    """Accepted requests that left no effect, refused ones that left one, and orders nobody was told of."""
    async with await replicas.connect() as conn:
        query = "SELECT user_id, key, response FROM idempotency WHERE tenant = %s AND user_id LIKE 'fault-%%'"
        rows = await (await conn.execute(query, (TENANT,))).fetchall()
        kept = {(user, key): bytes(response) for user, key, response in rows}
        query = "SELECT order_id, user_id FROM orders WHERE tenant = %s AND NOT seeded"
        orders = {tuple(row) for row in await (await conn.execute(query, (TENANT,))).fetchall()}
    wrong = []
    for place, asked in desk.asked.items():
        if asked.user.startswith("fault-"):
            wrong += _wrong_effect(asked, kept.pop(place, None))
    wrong += [f"{place} was never asked for" for place in kept]
    made = [asked for asked in desk.asked.values() if asked.call == "Checkout" and asked.answer is not None]
    told = Counter((asked.answer.order_id, asked.user) for asked in made)
    wrong += [f"order {order} was told of twice" for order, count in told.items() if count > 1]
    wrong += [f"order {order} is there or was told of, not both" for order in orders ^ set(told)]
    return wrong


def _wrong_effect(asked: Asked, kept: bytes | None) -> list[str]:
    if asked.answer is None:
        left = kept is not None and asked.is_clear
        return [f"{asked.call} {asked.key} was refused ({asked.refusal}) and left its key"] if left else []
    if kept is None:
        return [f"{asked.call} {asked.key} was accepted and left nothing"]
    if type(asked.answer).FromString(kept) != asked.answer and asked.call != "ProcessRefund":
        return [f"{asked.call} {asked.key} keeps another answer than was given"]
    return []


async def wrong_events(replicas: Replicas, shoppers: list[Shopper]) -> list[str]:
    """Events that are missing on the bus, are there without a reason, or differ under one id."""
    async with EmbeddedBus(replicas.broker.address, "fault test", start_timeout_s=10.0) as bus:
        found = [m for n in range(bus.num_partitions) async for m in bus.read_from(EVENTS, n, 0)]
    mine = [m for m in found if m.envelope.user_event.user_id.startswith("fault-")]
    there: dict[str, tuple[int, str, int]] = {}
    wrong = []
    for message in mine:
        content = _content(message)
        if there.setdefault(message.event_id, content) != content:
            wrong.append(f"event {message.event_id} is {content} and {there[message.event_id]}")
    expected = await _order_events(replicas)
    for shopper in shoppers:
        expected |= shopper.events
    wrong += [f"event {name} is missing" for name in sorted(expected.keys() - there.keys())]
    wrong += [f"event {name} has no reason" for name in sorted(there.keys() - expected.keys())]
    both = sorted(there.keys() & expected.keys())
    wrong += [f"event {n} is {there[n]}, not {expected[n]}" for n in both if there[n] != expected[n]]
    return wrong + _wrong_order(mine)


def _content(message: Message) -> tuple[int, str, int]:
    event: UserEvent = message.envelope.user_event
    return event.type, event.sku, event.quantity


def _wrong_order(messages: list[Message]) -> list[str]:
    """Orders that were cancelled or refunded on the bus before they were bought."""
    first: dict[tuple[str, int], int] = {}
    for number, message in enumerate(messages):
        event = message.envelope.user_event
        if event.order_id:
            first.setdefault((event.order_id, event.type), number)
    later = (UserEvent.TYPE_CANCEL_ORDER, UserEvent.TYPE_REFUND)
    bought = {order: at for (order, kind), at in first.items() if kind == UserEvent.TYPE_BUY}
    return [
        f"order {order} ends on the bus before it is bought"
        for (order, kind), at in first.items()
        if kind in later and order in bought and at < bought[order]
    ]


async def _order_events(replicas: Replicas) -> dict[str, tuple[int, str, int]]:
    """What the orders, as they are in the books, must have told."""
    lines = (
        "SELECT o.order_id, l.line_no, l.sku, l.quantity FROM orders o JOIN order_lines l USING (tenant, order_id) "
        f"WHERE {_NEW} AND "
    )
    paid = "EXISTS (SELECT 1 FROM payments p WHERE p.order_id = o.order_id AND p.status = 'captured')"
    refunded = (
        "SELECT r.refund_id, l.sku, b.quantity, row_number() OVER (PARTITION BY r.refund_id ORDER BY l.line_no) "
        "FROM refunds r JOIN orders o USING (tenant, order_id) JOIN order_lines l USING (tenant, order_id) "
        "LEFT JOIN refund_lines b ON b.tenant = r.tenant AND b.refund_id = r.refund_id AND b.line_no = l.line_no "
        f"WHERE {_NEW} AND r.status = 'refunded' AND (b.line_no IS NOT NULL)"
    )
    whole = (
        "SELECT r.refund_id, l.sku, l.quantity, l.line_no FROM refunds r JOIN orders o USING (tenant, order_id) "
        f"JOIN order_lines l USING (tenant, order_id) WHERE {_NEW} AND r.status = 'refunded' "
        "AND r.amount_cents = o.total_cents AND NOT EXISTS (SELECT 1 FROM refund_lines b WHERE b.tenant = r.tenant "
        "AND b.refund_id = r.refund_id)"
    )
    cancelled = lines + "o.status = 'cancelled'"
    events = {}
    async with await replicas.connect() as conn:
        for order, line, sku, units in await (await conn.execute(lines + paid)).fetchall():
            events[f"buy/{TENANT}/{order}/{line}"] = (UserEvent.TYPE_BUY, sku, units)
        for order, line, sku, units in await (await conn.execute(cancelled)).fetchall():
            events[f"cancel/{TENANT}/{order}/{line - 1}"] = (UserEvent.TYPE_CANCEL_ORDER, sku, units)
        for query in (refunded, whole):
            for refund, sku, units, number in await (await conn.execute(query)).fetchall():
                events[f"refund/{TENANT}/{refund}/{number}"] = (UserEvent.TYPE_REFUND, sku, units)
    return events
