"""The merchant over gRPC on a real PostgreSQL: timed prices, scopes, bulk orders, audit log, low stock, reviews."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from sqlalchemy import text
from support.shop import Shop, refused

from voxcart.bus import ALERTS, MemoryBroker, MemoryBus
from voxcart.bus.base import Bus
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.tenancy import SYSTEM
from voxcart_services.shop.worker import OutboxPublisher

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"
MILK = "纯牛奶"
NOVA = "华为 Nova 12 手机"


def stamp(moment: datetime) -> Timestamp:
    """A protobuf timestamp."""
    result = Timestamp()
    result.FromDatetime(moment)
    return result


def in_minutes(minutes: float) -> Timestamp:
    """So long from now."""
    return stamp(datetime.now(UTC) + timedelta(minutes=minutes))


async def schedule(shop: Shop, name: str, cents: int, start: float | None, end: float, **fields: Any) -> Any:
    """Asks for a timed price; times in minutes from now."""
    request = pb.SchedulePriceRequest(
        actor=fields.pop("actor", shop.merchant),
        idempotency_key=shop.key(),
        sku=(await shop.product(name)).sku,
        price_cents=cents,
        starts_at=in_minutes(start) if start is not None else None,
        ends_at=in_minutes(end),
        **fields,
    )
    return await shop.rpc.SchedulePrice(request)


async def move(shop: Shop, schedule_id: str, **minutes: float) -> None:
    """Sets times of a timed price as if so many minutes lay between it and now."""
    changes = ", ".join(f"{name} = now() + interval '{value} minutes'" for name, value in minutes.items())
    async with shop.parts.database.transaction(SYSTEM) as conn:
        statement = text(f"UPDATE price_schedules SET {changes} WHERE schedule_id = :id")
        await conn.execute(statement, {"id": schedule_id})


async def price(shop: Shop, name: str) -> int:
    """The price now, in cents."""
    return (await shop.product(name)).price.cents


def clerk(shop: Shop, user_id: str = "clerk") -> pb.Actor:
    """A merchant's account that may be on the staff list."""
    return pb.Actor(tenant=shop.tenant, user_id=user_id, role=ROLE_MERCHANT)


async def allow(shop: Shop, *scopes: str, user_id: str = "clerk") -> pb.Actor:
    """Puts somebody on the staff list."""
    request = pb.SetStaffRequest(actor=shop.merchant, idempotency_key=shop.key(), user_id=user_id, scopes=scopes)
    assert list((await shop.rpc.SetStaff(request)).scopes) == sorted(scopes)
    return clerk(shop, user_id)


async def test_a_timed_price_comes_and_goes(shop: Shop) -> None:
    before = await price(shop, NOVA)
    planned = await schedule(shop, NOVA, 179_900, 60, 300)
    assert (planned.status, planned.price.cents, planned.name_zh) == ("scheduled", 179_900, NOVA)
    assert not planned.HasField("price_before")
    assert await shop.parts.prices.take_due_steps() == 0
    await move(shop, planned.schedule_id, starts_at=-1)
    assert await shop.parts.prices.take_due_steps() == 1
    assert await price(shop, NOVA) == 179_900
    order = await shop.order(NOVA, paid=False)
    assert order.total.cents == 179_900
    await move(shop, planned.schedule_id, ends_at=-0.5)
    assert await shop.parts.prices.take_due_steps() == 1
    assert await shop.parts.prices.take_due_steps() == 0
    assert await price(shop, NOVA) == before
    listed = await shop.rpc.ListPriceSchedules(pb.ListPriceSchedulesRequest(actor=shop.merchant))
    assert [(s.status, s.price_before.cents) for s in listed.schedules] == [("ended", before)]


async def test_a_timed_price_from_now_on_begins_at_once_and_can_be_called_off(shop: Shop) -> None:
    before = await price(shop, APPLE)
    running = await schedule(shop, APPLE, 3000, None, 60, expected_price_cents=before)
    assert running.status == "active"
    assert await price(shop, APPLE) == 3000
    update = pb.UpdateProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), sku=running.sku, price=pb.Change(set=3500)
    )
    await refused(shop.rpc.UpdateProduct(update), StatusCode.FAILED_PRECONDITION, "timed price", "price_scheduled")
    cancel = pb.CancelPriceScheduleRequest(
        actor=shop.merchant, idempotency_key=shop.key(), schedule_id=running.schedule_id
    )
    assert (await shop.rpc.CancelPriceSchedule(cancel)).status == "cancelled"
    assert (await shop.rpc.CancelPriceSchedule(cancel)).replayed
    assert await price(shop, APPLE) == before
    cancel.idempotency_key = shop.key()
    await refused(shop.rpc.CancelPriceSchedule(cancel), StatusCode.FAILED_PRECONDITION, "cancelled", "wrong_state")


async def test_what_fell_due_while_the_service_was_down_is_made_up_for_once(shop: Shop) -> None:
    before = await price(shop, APPLE)
    missed = await schedule(shop, APPLE, 3000, 60, 120)
    following = await schedule(shop, APPLE, 3100, 120, 180)
    await move(shop, missed.schedule_id, starts_at=-60, ends_at=-30)
    await move(shop, following.schedule_id, starts_at=-30, ends_at=30)
    assert await shop.parts.prices.take_due_steps() == 2
    assert await price(shop, APPLE) == 3100
    listed = await shop.rpc.ListPriceSchedules(pb.ListPriceSchedulesRequest(actor=shop.merchant))
    assert [s.status for s in listed.schedules] == ["active", "missed"]
    await move(shop, following.schedule_id, ends_at=-1)
    assert await shop.parts.prices.take_due_steps() == 1
    assert await price(shop, APPLE) == before


async def test_timed_prices_do_not_overlap_and_keep_the_floor(shop: Shop) -> None:
    await schedule(shop, NOVA, 179_900, 60, 120)
    call = schedule(shop, NOVA, 169_900, 119, 180)
    await refused(call, StatusCode.FAILED_PRECONDITION, "has a timed price", "price_overlap")
    await schedule(shop, NOVA, 169_900, 120, 180)
    floor = pb.UpdateProductRequest(
        actor=shop.merchant,
        idempotency_key=shop.key(),
        sku=(await shop.product(NOVA)).sku,
        price_floor_cents=150_000,
    )
    await shop.rpc.UpdateProduct(floor)
    call = schedule(shop, NOVA, 149_999, 300, 400)
    await refused(call, StatusCode.FAILED_PRECONDITION, "150000", "below_floor")
    floor = pb.UpdateProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), sku=floor.sku, price=pb.Change(set=149_000)
    )
    await refused(shop.rpc.UpdateProduct(floor), StatusCode.FAILED_PRECONDITION, "150000", "below_floor")


@pytest.mark.parametrize(
    ("start", "end", "cents", "words"),
    [
        (120, 60, 3000, "ends_at must be after"),
        (-60, 60, 3000, "has passed"),
        (-4, -2, 3000, "ends_at has passed"),
        (60 * 24 * 500, 60 * 24 * 501, 3000, "400 days"),
        (60, 60 * 24 * 120, 3000, "100 days"),
        (60, 120, 0, "price"),
        (60, 120, -5, "price"),
        (60, 120, 10**12, "price"),
    ],
)
async def test_impossible_timed_prices_are_refused(
    shop: Shop, start: float, end: float, cents: int, words: str
) -> None:
    await refused(schedule(shop, APPLE, cents, start, end), StatusCode.INVALID_ARGUMENT, words)


async def test_timed_prices_need_an_end_and_a_known_product(shop: Shop) -> None:
    request = pb.SchedulePriceRequest(actor=shop.merchant, idempotency_key=shop.key(), sku="nothing", price_cents=1)
    await refused(shop.rpc.SchedulePrice(request), StatusCode.INVALID_ARGUMENT, "ends_at is required")
    request.ends_at.CopyFrom(in_minutes(60))
    await refused(shop.rpc.SchedulePrice(request), StatusCode.NOT_FOUND, "no product")
    cancel = pb.CancelPriceScheduleRequest(actor=shop.merchant, idempotency_key=shop.key(), schedule_id="none")
    await refused(shop.rpc.CancelPriceSchedule(cancel), StatusCode.NOT_FOUND, "no timed price")


async def test_a_large_change_waits_for_approval(shop: Shop) -> None:
    seller = await allow(shop, "price")
    before = await price(shop, NOVA)
    waiting = await schedule(shop, NOVA, 60_000, None, 60, actor=seller)
    assert (waiting.status, await price(shop, NOVA)) == ("awaiting_approval", before)
    decide = pb.DecidePriceScheduleRequest(
        actor=seller, idempotency_key=shop.key(), schedule_id=waiting.schedule_id, approve=True
    )
    await refused(shop.rpc.DecidePriceSchedule(decide), StatusCode.PERMISSION_DENIED, "approve", "missing_scope")
    decide.actor.CopyFrom(shop.merchant)
    assert (await shop.rpc.DecidePriceSchedule(decide)).status == "active"
    assert await price(shop, NOVA) == 60_000
    update = pb.UpdateProductRequest(actor=seller, idempotency_key=shop.key(), sku=(await shop.product(APPLE)).sku)
    update.price.set = 100
    await refused(shop.rpc.UpdateProduct(update), StatusCode.PERMISSION_DENIED, "approval", "needs_approval")
    owner = await schedule(shop, APPLE, 100, None, 60)
    assert (owner.status, owner.decided_by) == ("active", shop.merchant.user_id)


async def test_staff_may_do_what_their_scopes_say(shop: Shop) -> None:
    packer = await allow(shop, "orders")
    sku = (await shop.product(APPLE)).sku
    assert (
        await shop.rpc.ConfirmOrder(pb.ConfirmOrderRequest(actor=packer, idempotency_key=shop.key(), order_id="123456"))
    ).status == "confirmed"
    forbidden = [
        shop.rpc.ProcessRefund(
            pb.ProcessRefundRequest(actor=packer, idempotency_key=shop.key(), order_id="123321", approve=True)
        ),
        shop.rpc.CancelOrder(pb.CancelOrderRequest(actor=packer, idempotency_key=shop.key(), order_id="123457")),
        shop.rpc.UpdateProduct(
            pb.UpdateProductRequest(actor=packer, idempotency_key=shop.key(), sku=sku, price=pb.Change(set=3800))
        ),
        shop.rpc.UpdateProduct(
            pb.UpdateProductRequest(actor=packer, idempotency_key=shop.key(), sku=sku, stock=pb.Change(add=1))
        ),
        shop.rpc.DelistProduct(pb.DelistProductRequest(actor=packer, idempotency_key=shop.key(), sku=sku)),
        shop.rpc.SalesReport(pb.SalesReportRequest(actor=packer)),
        shop.rpc.ListAudit(pb.ListAuditRequest(actor=packer)),
        shop.rpc.SetStaff(pb.SetStaffRequest(actor=packer, idempotency_key=shop.key(), user_id="me", scopes=["price"])),
    ]
    for call in forbidden:
        await refused(call, StatusCode.PERMISSION_DENIED, "lacks", "missing_scope")
    assert (await shop.rpc.ListRefunds(pb.ListRefundsRequest(actor=packer))).total
    free = pb.SetStaffRequest(actor=shop.merchant, idempotency_key=shop.key(), user_id="clerk", unrestricted=True)
    assert (await shop.rpc.SetStaff(free)).unrestricted
    assert not (await shop.rpc.ListStaff(pb.ListStaffRequest(actor=shop.merchant))).staff
    await shop.rpc.ListAudit(pb.ListAuditRequest(actor=packer))


async def test_scopes_are_known_ones_and_nobody_changes_their_own(shop: Shop) -> None:
    request = pb.SetStaffRequest(actor=shop.merchant, idempotency_key=shop.key(), user_id="x", scopes=["everything"])
    await refused(shop.rpc.SetStaff(request), StatusCode.INVALID_ARGUMENT, "a scope is one of")
    request = pb.SetStaffRequest(actor=shop.merchant, idempotency_key=shop.key(), user_id=shop.merchant.user_id)
    await refused(shop.rpc.SetStaff(request), StatusCode.PERMISSION_DENIED, "their own", "own_scopes")
    request = pb.SetStaffRequest(actor=shop.shopper(), idempotency_key=shop.key(), user_id="x")
    await refused(shop.rpc.SetStaff(request), StatusCode.PERMISSION_DENIED)


async def test_many_orders_are_confirmed_and_shipped_at_once(shop: Shop) -> None:
    paid = pb.ListShopOrdersRequest(actor=shop.merchant, statuses=["paid"], page_size=100)
    waiting = (await shop.rpc.ListShopOrders(paid)).total
    everything = pb.ConfirmOrdersRequest(actor=shop.merchant, idempotency_key=shop.key())
    done = await shop.rpc.ConfirmOrders(everything)
    assert (len(done.orders), len(done.refused), done.left) == (waiting, 0, 0)
    assert {order.status for order in done.orders} == {"confirmed"}
    assert (await shop.rpc.ConfirmOrders(everything)).replayed
    assert (await shop.rpc.ListShopOrders(paid)).total == 0
    named = pb.ShipOrdersRequest(
        actor=shop.merchant,
        idempotency_key=shop.key(),
        order_ids=["123460", "100236", "no-such", "123456", "123460"],
        carrier="中通",
    )
    shipped = await shop.rpc.ShipOrders(named)
    assert [(order.order_id, order.shipment.carrier) for order in shipped.orders] == [
        ("123460", "中通"),
        ("123456", "中通"),
    ]
    assert [(entry.order_id, entry.reason) for entry in shipped.refused] == [
        ("100236", "wrong_state"),
        ("no-such", "not_found"),
    ]
    many = pb.ConfirmOrdersRequest(actor=shop.merchant, idempotency_key=shop.key(), order_ids=map(str, range(101)))
    await refused(shop.rpc.ConfirmOrders(many), StatusCode.INVALID_ARGUMENT, "at most 100")


async def test_the_audit_log_is_read_page_by_page(shop: Shop) -> None:
    sku = (await shop.product(APPLE)).sku
    for cents in (3800, 3700, 3600):
        update = pb.UpdateProductRequest(
            actor=shop.merchant, idempotency_key=shop.key(), sku=sku, price=pb.Change(set=cents)
        )
        await shop.rpc.UpdateProduct(update)
    request = pb.ListAuditRequest(actor=shop.merchant, subject=sku, operation="update_product", page_size=2)
    first = await shop.rpc.ListAudit(request)
    assert [list(entry.details["price_cents"])[1] for entry in first.entries] == [3600, 3700]
    request.page_token = first.next_page_token
    second = await shop.rpc.ListAudit(request)
    assert [list(entry.details["price_cents"])[1] for entry in second.entries] == [3800]
    assert not second.next_page_token
    assert second.entries[0].user_id == shop.merchant.user_id
    request.subject = "another"
    await refused(shop.rpc.ListAudit(request), StatusCode.INVALID_ARGUMENT, "page_token")
    await refused(shop.rpc.ListAudit(pb.ListAuditRequest(actor=shop.shopper())), StatusCode.PERMISSION_DENIED)


async def set_stock(shop: Shop, name: str, units: int) -> None:
    """The merchant sets the stock of a product."""
    update = pb.UpdateProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), sku=(await shop.product(name)).sku, stock=pb.Change(set=units)
    )
    await shop.rpc.UpdateProduct(update)


async def alerts(shop: Shop, bus: Bus) -> list[tuple[str, int, int]]:
    """Publishes what waits; the low-stock events of the shop so far: name, stock, threshold."""
    publisher = OutboxPublisher(shop.parts.database, bus, 60)
    while await publisher.publish_batch():
        pass
    places = range(bus.num_partitions)
    messages = [message for number in places async for message in bus.read_from(ALERTS, number, 0)]
    events = [message.envelope.low_stock for message in messages]
    return [(event.name_zh, event.stock, event.threshold) for event in events if event.tenant == shop.tenant]


async def low(shop: Shop) -> set[str]:
    """Names on the list of low stock."""
    listed = await shop.rpc.ListLowStock(pb.ListLowStockRequest(actor=shop.merchant, page_size=100))
    return {product.name_zh for product in listed.products}


async def test_low_stock_is_told_once_for_each_crossing(shop: Shop) -> None:
    async with MemoryBus(MemoryBroker(), "shop") as bus:
        assert await alerts(shop, bus) == []
        await set_stock(shop, APPLE, 12)
        assert APPLE not in await low(shop)
        await shop.order(APPLE)
        assert await alerts(shop, bus) == []
        order = await shop.order(APPLE)
        await shop.order(APPLE)
        await shop.order(APPLE)
        assert await alerts(shop, bus) == [(APPLE, 10, 10)]
        assert APPLE in await low(shop)
        await set_stock(shop, APPLE, 50)
        assert APPLE not in await low(shop)
        await set_stock(shop, APPLE, 3)
        assert await alerts(shop, bus) == [(APPLE, 10, 10), (APPLE, 3, 10)]
        cancel = pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
        await shop.rpc.CancelOrder(cancel)
        assert len(await alerts(shop, bus)) == 2


async def test_thresholds_are_the_products_or_the_shops(shop: Shop) -> None:
    async with MemoryBus(MemoryBroker(), "shop") as bus:
        await set_stock(shop, APPLE, 40)
        await set_stock(shop, MILK, 40)
        own = pb.UpdateProductRequest(
            actor=shop.merchant,
            idempotency_key=shop.key(),
            sku=(await shop.product(MILK)).sku,
            low_stock_threshold=60,
        )
        await shop.rpc.UpdateProduct(own)
        assert await alerts(shop, bus) == [(MILK, 40, 60)]
        assert MILK in await low(shop)
        assert APPLE not in await low(shop)
        change = pb.UpdateShopSettingsRequest(actor=shop.merchant, idempotency_key=shop.key(), low_stock_threshold=50)
        assert (await shop.rpc.UpdateShopSettings(change)).low_stock_threshold == 50
        told = await alerts(shop, bus)
        assert (APPLE, 40, 50) in told
        assert {name for name, _, _ in told} <= await low(shop)
        assert len(told) == len({name for name, _, _ in told})
        own = pb.UpdateProductRequest(
            actor=shop.merchant, idempotency_key=shop.key(), sku=own.sku, low_stock_threshold=5000
        )
        await refused(shop.rpc.UpdateProduct(own), StatusCode.INVALID_ARGUMENT, "0 to 1000")


async def test_settings_that_cannot_be_are_refused(shop: Shop) -> None:
    known = await shop.rpc.GetShopSettings(pb.GetShopSettingsRequest(actor=shop.merchant))
    assert (known.time_zone, known.low_stock_threshold, known.price_limit_percent) == ("Asia/Shanghai", 10, 50)
    for fields, words in (
        ({}, "nothing to change"),
        ({"time_zone": "Mars/Olympus"}, "no time zone"),
        ({"low_stock_threshold": -1}, "0 to 1000"),
        ({"price_limit_percent": 101}, "0 to 100"),
    ):
        request = pb.UpdateShopSettingsRequest(actor=shop.merchant, idempotency_key=shop.key(), **fields)
        await refused(shop.rpc.UpdateShopSettings(request), StatusCode.INVALID_ARGUMENT, words)


async def test_a_review_counts_in_the_next_summary(shop: Shop) -> None:
    dress = await shop.product("连衣裙")
    ask = pb.ReviewSummaryRequest(actor=shop.merchant, sku=dress.sku)
    before = await shop.rpc.ReviewSummary(ask)
    request = pb.AddReviewRequest(
        actor=shop.shopper(),
        idempotency_key=shop.key(),
        sku=dress.sku,
        stars=2,
        text="快递太慢了，面料倒是很舒服。The colour is not very good.",
    )
    assert (await shop.rpc.AddReview(request)).product_name == "连衣裙"
    await shop.rpc.AddReview(request)
    after = await shop.rpc.ReviewSummary(ask)
    assert after.count == before.count + 1
    assert sum(after.star_counts) == after.count
    assert after.star_counts[1] == before.star_counts[1] + 1
    assert after.examples[0].text == request.text
    said = {aspect.phrase_zh: aspect for aspect in after.aspects}
    assert said["物流慢"].quote
    assert not said["物流慢"].is_praise
    assert said["物流慢"].phrase_en == "slow delivery"
    assert (await shop.product("连衣裙")).rating < dress.rating
    request.idempotency_key = shop.key()
    await refused(shop.rpc.AddReview(request), StatusCode.ALREADY_EXISTS)
    request.sku = (await shop.product(NOVA)).sku
    await refused(shop.rpc.AddReview(request), StatusCode.FAILED_PRECONDITION, "received", "not_bought")
    request.stars = 6
    await refused(shop.rpc.AddReview(request), StatusCode.INVALID_ARGUMENT, "1 to 5")
