"""A small shop, recommender and state store in memory, and a talk with the engine in front of them."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from voxcart.errors import Conflict, NotFound, Unavailable, VoxcartError, WrongState
from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_api.recsys.v1 import recsys_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue.engine import DialogueEngine, EngineOptions
from voxcart_services.dialogue.ports import RecommenderPort, ShopPort, StateStore, StoredSession, TurnOutcome
from voxcart_services.dialogue.slots import SHOP_TIME_ZONE
from voxcart_services.dialogue.state import SessionState
from voxcart_services.dialogue.store import outcome_from_json, outcome_to_json

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def money(yuan: float) -> common_pb2.Money:
    return common_pb2.Money(currency="CNY", cents=round(yuan * 100))


def product(sku: str, name: str, yuan: float, *aliases: str, **fields: Any) -> shop_pb2.Product:
    fields.setdefault("stock", 100)
    fields.setdefault("rating", 4.5)
    attributes = fields.pop("attributes", {})
    made = shop_pb2.Product(sku=sku, name_zh=name, price=money(yuan), aliases=aliases, **fields)
    made.attributes.update(attributes)
    return made


def variants(colors: list[tuple[str, str]], sizes: list[str]) -> list[shop_pb2.Variant]:
    return [
        shop_pb2.Variant(variant_id=f"{code}-{size}", color=color, color_code=code, size=size, stock=10)
        for color, code in colors
        for size in sizes
    ]


def catalogue() -> list[shop_pb2.Product]:
    shoes = variants([("黑色", "black"), ("白色", "white")], ["41", "42", "43"])
    dresses = variants([("红色", "red"), ("蓝色", "blue")], ["S", "M"])
    return [
        product("apple", "新鲜红富士苹果", 39, "苹果", name_en="Fuji apples", unit="3斤装"),
        product("banana", "海南香蕉", 15.8, "香蕉", name_en="Hainan bananas", unit="2斤装"),
        product("milk", "纯牛奶", 65, "牛奶", "milk", name_en="Pure milk", unit="250ml×24盒"),
        product("nova", "华为 Nova 12 手机", 1999, "Nova 12", brand="华为", kind="手机", attributes={"内存": "8GB"}),
        product("mate", "华为 Mate 60 手机", 5499, "Mate 60", brand="华为", kind="手机"),
        product("ear1", "声海蓝牙耳机", 99, brand="声海", units_sold=900),
        product("ear2", "云雀蓝牙耳机", 199, brand="云雀", rating=4.9, units_sold=800),
        product("ear3", "远山蓝牙耳机", 299, brand="远山", units_sold=700),
        product("shoes", "运动鞋 男款", 299, "运动鞋", variants=shoes, stock=60),
        product("dress", "连衣裙", 199, "连衣裙", variants=dresses, stock=40),
        product("gone", "绝版电饭煲", 259, "电饭煲", stock=0),
    ]


class FakeShop(ShopPort):
    """The shop's rules as far as the dialogue meets them: keys, totals, states. ``fail`` scripts the next errors."""

    def __init__(self) -> None:
        self.products = {entry.sku: entry for entry in catalogue()}
        self.lines: dict[str, tuple[str, str, int]] = {}
        self.orders: dict[str, shop_pb2.Order] = {}
        self.refunds: dict[str, shop_pb2.Refund] = {}
        self.answers: dict[str, tuple[bytes, Message]] = {}
        self.calls: list[str] = []
        self.changes: list[str] = []
        self.failures: dict[str, list[VoxcartError]] = {}
        self.lost_answers: set[str] = set()
        self.addresses = ["家", "公司"]
        self.coupons = [
            shop_pb2.Coupon(code="TEN", title="新人立减10", cents_off=1000, threshold_cents=5000),
            shop_pb2.Coupon(code="FORTY", title="满300减40", cents_off=4000, threshold_cents=30000),
        ]
        self.quoted = -1
        self.schedules: dict[str, shop_pb2.PriceSchedule] = {}
        self.charted: shop_pb2.ReportChartRequest | None = None
        self.amounts: dict[int, float] = {}
        """Sales by the month that a report begins in."""
        self.reports: list[shop_pb2.SalesReportRequest] = []
        self._seed_orders()

    def _seed_orders(self) -> None:
        states = {"100001": ("paid", 1), "100002": ("shipped", 3), "100003": ("delivered", 9)}
        for order_id, (status, days) in states.items():
            order = shop_pb2.Order(order_id=order_id, status=status, total=money(65), user_id="u")
            order.lines.add(sku="milk", name_zh="纯牛奶", name_en="Pure milk", quantity=1, unit_price=money(65))
            order.created_at.FromDatetime(NOW - timedelta(days=days))
            self.orders[order_id] = order
        self.orders["100002"].shipment.carrier = "顺丰"
        self.orders["100002"].shipment.last_event = "包裹到了上海"
        refund = shop_pb2.Refund(refund_id="r1", order_id="200001", status="requested", reason="坏了", amount=money(39))
        self.refunds["r1"] = refund

    async def call(self, rpc: str, request: Message, timeout_seconds: float) -> Message:
        assert timeout_seconds > 0
        self.calls.append(rpc)
        if self.failures.get(rpc):
            raise self.failures[rpc].pop(0)
        key = getattr(request, "idempotency_key", None)
        if key is None:
            return getattr(self, f"_{rpc}")(request)
        assert key
        if key in self.answers:
            known, answer = self.answers[key]
            if known != request.SerializeToString(deterministic=True):
                raise Conflict("the key was used for another request")
            return answer
        answer = copy.deepcopy(getattr(self, f"_{rpc}")(request))
        self.answers[key] = (request.SerializeToString(deterministic=True), answer)
        self.changes.append(rpc)
        if rpc in self.lost_answers:
            self.lost_answers.discard(rpc)
            raise Unavailable("the answer was lost")
        return answer

    def _SearchProducts(self, request: shop_pb2.SearchProductsRequest) -> shop_pb2.SearchProductsResponse:
        words = request.query.lower().split()
        hits = []
        for entry in self.products.values():
            text = " ".join([entry.name_zh, entry.name_en, entry.brand, *entry.aliases]).lower()
            cents, colors = entry.price.cents, {variant.color_code for variant in entry.variants}
            if (
                not entry.delisted
                and all(word in text for word in words)
                and (not request.HasField("price_max_cents") or cents <= request.price_max_cents)
                and (not request.HasField("price_min_cents") or cents >= request.price_min_cents)
                and (not request.brands or entry.brand in request.brands)
                and entry.brand not in request.excluded_brands
                and (not request.colors or colors & set(request.colors))
            ):
                hits.append(shop_pb2.SearchHit(product=entry, score=1.0, name_match=bool(words)))
        keys: dict[int, Callable[[shop_pb2.SearchHit], float]] = {
            shop_pb2.SORT_BY_PRICE_ASC: lambda hit: hit.product.price.cents,
            shop_pb2.SORT_BY_PRICE_DESC: lambda hit: -hit.product.price.cents,
            shop_pb2.SORT_BY_SALES_DESC: lambda hit: -hit.product.units_sold,
        }
        if request.sort_by in keys:
            hits.sort(key=keys[request.sort_by])
        return shop_pb2.SearchProductsResponse(hits=hits[: request.page_size or 10], total=len(hits))

    def _GetProduct(self, request: shop_pb2.GetProductRequest) -> shop_pb2.Product:
        return self._known(self.products, request.sku)

    @staticmethod
    def _known(things: dict[str, Any], name: str) -> Any:
        if name not in things:
            raise NotFound(f"no {name}")
        return things[name]

    def _SearchFaq(self, request: shop_pb2.SearchFaqRequest) -> shop_pb2.SearchFaqResponse:
        if "运费" not in request.query:
            return shop_pb2.SearchFaqResponse()
        return shop_pb2.SearchFaqResponse(hits=[{"id": "f1", "title": "运费", "answer": "满99元包邮。", "score": 0.9}])

    def cart(self) -> shop_pb2.Cart:
        cart = shop_pb2.Cart(total=money(0))
        for line_id, (sku, variant_id, quantity) in self.lines.items():
            entry = self.products[sku]
            chosen = next((v for v in entry.variants if v.variant_id == variant_id), shop_pb2.Variant())
            total = common_pb2.Money(currency="CNY", cents=entry.price.cents * quantity)
            cart.lines.add(
                line_id=line_id, product=entry, variant_id=variant_id, quantity=quantity, unit_price=entry.price,
                total=total, color=chosen.color, size=chosen.size,
            )  # fmt: skip
            cart.total.cents += total.cents
        return cart

    def _GetCart(self, request: shop_pb2.GetCartRequest) -> shop_pb2.Cart:
        return self.cart()

    def _AddToCart(self, request: shop_pb2.AddToCartRequest) -> shop_pb2.Cart:
        if request.quantity > self._known(self.products, request.sku).stock:
            raise WrongState("not enough in stock")
        line_id = f"line-{request.sku}-{request.variant_id}"
        before = self.lines.get(line_id, ("", "", 0))[2]
        self.lines[line_id] = (request.sku, request.variant_id, before + request.quantity)
        return self.cart()

    def _UpdateCartLine(self, request: shop_pb2.UpdateCartLineRequest) -> shop_pb2.Cart:
        sku, variant_id, _ = self._known(self.lines, request.line_id)
        if request.quantity:
            self.lines[request.line_id] = (sku, variant_id, request.quantity)
        else:
            del self.lines[request.line_id]
        return self.cart()

    def _ClearCart(self, request: shop_pb2.ClearCartRequest) -> shop_pb2.Cart:
        self.lines.clear()
        return self.cart()

    def _Checkout(self, request: shop_pb2.CheckoutRequest) -> shop_pb2.Order:
        cart = self.cart()
        due = self.quoted if request.quote_id else cart.total.cents
        if not cart.lines or due != request.expected_total_cents:
            raise WrongState("the cart changed")
        cart.total.cents = due
        order = shop_pb2.Order(order_id=f"30000{len(self.orders)}", status="pending_payment", total=cart.total)
        for line in cart.lines:
            order.lines.add(sku=line.product.sku, name_zh=line.product.name_zh, quantity=line.quantity)
        order.created_at.FromDatetime(NOW)
        self.orders[order.order_id] = order
        self.lines.clear()
        return order

    def _Pay(self, request: shop_pb2.PayRequest) -> shop_pb2.Order:
        order = self._known(self.orders, request.order_id)
        if order.status != "pending_payment":
            raise WrongState("not payable")
        order.status, order.payment_method = "paid", request.method
        return order

    def _GetOrder(self, request: shop_pb2.GetOrderRequest) -> shop_pb2.Order:
        return self._known(self.orders, request.order_id)

    def _ListOrders(self, request: Any) -> shop_pb2.ListOrdersResponse:
        orders = [
            order
            for order in self.orders.values()
            if (not request.statuses or order.status in request.statuses)
            and (not request.HasField("from") or order.created_at.seconds >= getattr(request, "from").seconds)
            and (not request.HasField("to") or order.created_at.seconds < request.to.seconds)
            and all(getattr(request, "product_query", "") in line.name_zh for line in order.lines)
        ]
        orders.sort(key=lambda order: -order.created_at.seconds)
        return shop_pb2.ListOrdersResponse(orders=orders[: request.page_size or 10], total=len(orders))

    _ListShopOrders = _ListOrders

    def _CancelOrder(self, request: shop_pb2.CancelOrderRequest) -> shop_pb2.Order:
        order = self._known(self.orders, request.order_id)
        order.status = "cancelled"
        return order

    def _RequestRefund(self, request: shop_pb2.RequestRefundRequest) -> shop_pb2.Refund:
        order = self._known(self.orders, request.order_id)
        refund = shop_pb2.Refund(refund_id="r9", order_id=order.order_id, status="requested", reason=request.reason)
        order.refund.CopyFrom(refund)
        return refund

    def _ChangeAddress(self, request: shop_pb2.ChangeAddressRequest) -> shop_pb2.Address:
        self.addresses.append(request.address)
        return shop_pb2.Address(address_id="a", label=request.address, text="某路1号")

    def _ListAddresses(self, request: shop_pb2.ListAddressesRequest) -> shop_pb2.ListAddressesResponse:
        return shop_pb2.ListAddressesResponse(addresses=[{"label": label} for label in self.addresses])

    def _UpdateProduct(self, request: shop_pb2.UpdateProductRequest) -> shop_pb2.UpdateProductResponse:
        entry = self._known(self.products, request.sku)
        answer = shop_pb2.UpdateProductResponse(price_before_cents=entry.price.cents, stock_before=entry.stock)
        if request.HasField("price"):
            entry.price.cents = request.price.set
        if request.HasField("stock"):
            entry.stock += request.stock.add
        answer.product.CopyFrom(entry)
        return answer

    def _AddProduct(self, request: shop_pb2.AddProductRequest) -> shop_pb2.Product:
        made = product("new", request.name, request.price_cents / 100, stock=request.stock)
        self.products["new"] = made
        return made

    def _DelistProduct(self, request: shop_pb2.DelistProductRequest) -> shop_pb2.Product:
        entry = self._known(self.products, request.sku)
        entry.delisted = True
        return entry

    def _ListLowStock(self, request: shop_pb2.ListLowStockRequest) -> shop_pb2.ListLowStockResponse:
        return shop_pb2.ListLowStockResponse(products=[self.products["gone"]], total=1)

    def _ConfirmOrder(self, request: shop_pb2.ConfirmOrderRequest) -> shop_pb2.Order:
        order = self._known(self.orders, request.order_id)
        if order.status != "paid":
            raise WrongState("not paid")
        order.status = "confirmed"
        return order

    def _ShipOrder(self, request: shop_pb2.ShipOrderRequest) -> shop_pb2.Order:
        order = self._known(self.orders, request.order_id)
        order.status = "shipped"
        order.shipment.carrier, order.shipment.tracking_no = request.carrier, request.tracking_no
        return order

    def _ListRefunds(self, request: shop_pb2.ListRefundsRequest) -> shop_pb2.ListRefundsResponse:
        refunds = [refund for refund in self.refunds.values() if refund.status in request.statuses]
        return shop_pb2.ListRefundsResponse(refunds=refunds, total=len(refunds))

    def _ProcessRefund(self, request: shop_pb2.ProcessRefundRequest) -> shop_pb2.Refund:
        refund = self._known(self.refunds, request.refund_id)
        refund.status = "refunded" if request.approve else "rejected"
        return refund

    def _SalesReport(self, request: shop_pb2.SalesReportRequest) -> shop_pb2.SalesReportResponse:
        self.reports.append(request)
        best = [{"product": self.products["milk"], "amount": money(650), "units": 10}]
        worst = [{"product": self.products["gone"], "amount": money(0), "units": 0}]
        month = getattr(request, "from").ToDatetime(UTC).astimezone(SHOP_TIME_ZONE).month
        return shop_pb2.SalesReportResponse(
            amount=money(self.amounts.get(month, 12345.5)),
            units=321,
            orders=200,
            best_sellers=best,
            worst_sellers=worst,
            previous_amount=money(10000),
            figures={"refunded": money(99), "refunds": 2},
            categories=[{"category": "水果", "category_en": "Fruit", "amount": money(800), "units": 20}],
        )

    def _ReviewSummary(self, request: shop_pb2.ReviewSummaryRequest) -> shop_pb2.ReviewSummaryResponse:
        examples = [{"sku": "milk", "product_name": "纯牛奶", "stars": 1, "text": "盒子压坏了"}]
        return shop_pb2.ReviewSummaryResponse(
            count=2, mean_stars=4.5, positive_share=0.9, praised=["新鲜"], blamed=["包装"], examples=examples
        )

    def _UndoLast(self, request: shop_pb2.UndoLastRequest) -> shop_pb2.UndoLastResponse:
        undone = next((key for key in reversed(self.answers) if key.startswith(f"{request.effect_key}/")), "")
        if not undone:
            raise WrongState("nothing", reason="nothing_to_undo")
        operation = type(self.answers[undone][1]).__name__
        answer = shop_pb2.UndoLastResponse(operation=operation, effect_key=undone)
        if operation == "Order":
            order = self.orders[self.answers[undone][1].order_id]  # type: ignore[attr-defined]
            order.status = "cancelled"
            answer.order.CopyFrom(order)
            return answer
        self.lines.clear()
        answer.cart.CopyFrom(self.cart())
        return answer

    def _ListCoupons(self, request: shop_pb2.ListCouponsRequest) -> shop_pb2.ListCouponsResponse:
        return shop_pb2.ListCouponsResponse(coupons=self.coupons, total=len(self.coupons))

    def _GetQuote(self, request: shop_pb2.GetQuoteRequest) -> shop_pb2.Quote:
        coupon = next((c for c in self.coupons if c.code == request.coupon_code), shop_pb2.Coupon())
        if request.coupon_code and not coupon.code:
            raise NotFound("no such coupon")
        total = self.cart().total.cents
        if total < coupon.threshold_cents:
            raise WrongState("too little", reason="coupon_threshold")
        self.quoted = total - coupon.cents_off
        quote = shop_pb2.Quote(quote_id=f"q-{coupon.code}", coupon_code=coupon.code, total=money(self.quoted / 100))
        quote.discount.CopyFrom(money(coupon.cents_off / 100))
        quote.expires_at.FromDatetime(NOW + timedelta(minutes=10))
        return quote

    def _SchedulePrice(self, request: shop_pb2.SchedulePriceRequest) -> shop_pb2.PriceSchedule:
        entry = self._known(self.products, request.sku)
        if request.price_cents < 1000:
            raise WrongState("below the floor", reason="below_floor")
        schedule = shop_pb2.PriceSchedule(
            schedule_id=f"s{len(self.schedules)}",
            sku=entry.sku,
            name_zh=entry.name_zh,
            name_en=entry.name_en,
            price=money(request.price_cents / 100),
            status="scheduled" if request.HasField("starts_at") else "active",
            ends_at=request.ends_at,
        )
        schedule.starts_at.CopyFrom(request.starts_at)
        self.schedules[schedule.schedule_id] = schedule
        return schedule

    def _ListPriceSchedules(self, request: shop_pb2.ListPriceSchedulesRequest) -> shop_pb2.ListPriceSchedulesResponse:
        found = [s for s in self.schedules.values() if s.status in request.statuses and request.sku in ("", s.sku)]
        return shop_pb2.ListPriceSchedulesResponse(schedules=found, total=len(found))

    def _CancelPriceSchedule(self, request: shop_pb2.CancelPriceScheduleRequest) -> shop_pb2.PriceSchedule:
        self.schedules[request.schedule_id].status = "cancelled"
        return self.schedules[request.schedule_id]

    def _ConfirmOrders(self, request: shop_pb2.ConfirmOrdersRequest) -> shop_pb2.ProcessedOrders:
        paid = [order for order in self.orders.values() if order.status == "paid"]
        for order in paid:
            order.status = "confirmed"
        return shop_pb2.ProcessedOrders(orders=paid, refused=[{"order_id": "x", "reason": "wrong_state"}])

    def _ReportChart(self, request: shop_pb2.ReportChartRequest) -> shop_pb2.ReportChartResponse:
        self.charted = request
        return shop_pb2.ReportChartResponse(images=[{"media_type": "image/svg+xml", "data": b"<svg/>"}])


class FakeRecommender(RecommenderPort):
    """Gives what it is told to, or is away."""

    def __init__(self) -> None:
        self.answer: recsys_pb2.RecommendResponse | None = None
        self.requests: list[recsys_pb2.RecommendRequest] = []

    async def recommend(
        self, request: recsys_pb2.RecommendRequest, timeout_seconds: float
    ) -> recsys_pb2.RecommendResponse:
        self.requests.append(request)
        if self.answer is None:
            raise Unavailable("away")
        return self.answer


class MemoryStore(StateStore):
    """The store's contract in a dict. ``before_save`` runs once, between effects and the write of the state."""

    def __init__(self) -> None:
        self.sessions: dict[str, tuple[int, str, str]] = {}
        self.outcomes: dict[str, str] = {}
        self.journals: dict[str, dict[str, bytes]] = {}
        self.before_save: Callable[[], None] | None = None

    async def load(self, session_id: str, utterance_id: str) -> StoredSession:
        version, state, last = self.sessions.get(session_id, (0, "", ""))
        outcome = self.outcomes.get(utterance_id)
        return StoredSession(
            version=version,
            state=SessionState.model_validate_json(state) if state else None,
            last_utterance_id=last,
            outcome=outcome_from_json(outcome) if outcome else None,
            journal=dict(self.journals.get(utterance_id, {})),
        )

    async def write_journal(self, session_id: str, utterance_id: str, entries: dict[str, bytes]) -> None:
        self.journals.setdefault(utterance_id, {}).update(entries)

    async def save(
        self, session_id: str, version: int, state: SessionState, utterance_id: str, outcome: TurnOutcome
    ) -> bool:
        if self.before_save is not None:
            interfere, self.before_save = self.before_save, None
            interfere()
        known, _, last = self.sessions.get(session_id, (0, "", ""))
        if known != version:
            return False
        self.sessions[session_id] = (version + 1, state.model_dump_json(), utterance_id or last)
        if utterance_id:
            self.outcomes[utterance_id] = outcome_to_json(outcome)
        return True

    async def save_state(self, session_id: str, version: int, state: SessionState) -> bool:
        return await self.save(session_id, version, state, "", TurnOutcome())


Slot = tuple[str, str] | tuple[str, str, Any] | tuple[str, str, Any, str]


@dataclass
class Talk:
    """One session with the engine. ``say`` takes what the language understanding would have found."""

    shop: FakeShop = field(default_factory=FakeShop)
    recommender: FakeRecommender = field(default_factory=FakeRecommender)
    store: MemoryStore = field(default_factory=MemoryStore)
    role: int = common_pb2.ROLE_SHOPPER
    locale: str = "zh-CN"
    options: EngineOptions = field(default_factory=EngineOptions)
    utterances: int = 0
    last: TurnOutcome = field(default_factory=TurnOutcome)

    def session(self) -> common_pb2.SessionContext:
        session = common_pb2.SessionContext(session_id="s", user_id="u", role=self.role, locale=self.locale)  # type: ignore[arg-type]
        session.clock.FromDatetime(NOW)
        return session

    def understanding(self, text: str, intent: str, slots: tuple[Slot, ...], **fields: Any) -> Any:
        fields.setdefault("confidence", 0.95)
        fields.setdefault("language", "zh")
        understood = common_pb2.Understanding(utterance_id=f"s/{self.utterances}", text=text, intent=intent, **fields)
        for index, entry in enumerate(slots):
            name, value, normalized, relation = (*entry, None, "")[:4] if len(entry) < 4 else entry
            start = text.find(value) if value in text else index
            slot = understood.slots.add(name=name.lstrip("!"), value=value, start=start, relation=relation or "")
            slot.negated = name.startswith("!")
            if normalized is not None:
                _set(slot.normalized, normalized)
        return understood

    async def say(self, text: str, intent: str, *slots: Slot, **fields: Any) -> bus_pb2.Reply:
        self.utterances += 1
        return await self.again(self.understanding(text, intent, slots, **fields))

    async def again(self, understanding: common_pb2.Understanding) -> bus_pb2.Reply:
        engine = DialogueEngine(self.shop, self.recommender, self.store, self.options)
        self.last = await engine.take_turn(self.session(), understanding)
        assert len(self.last.replies) == 1
        reply = self.last.replies[0]
        assert reply.text
        assert reply.is_last
        return reply

    def in_cart(self) -> dict[str, int]:
        return {sku: quantity for sku, _, quantity in self.shop.lines.values()}

    def state(self) -> SessionState:
        return SessionState.model_validate_json(self.store.sessions["s"][1])


def _set(value: Any, plain: Any) -> None:
    if isinstance(plain, dict):
        value.struct_value.update(plain)
    elif isinstance(plain, str):
        value.string_value = plain
    else:
        value.number_value = plain
