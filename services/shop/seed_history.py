"""The made-up history of the demo shop: customers, ten weeks of orders, refunds and reviews.

Everything is drawn from one fixed random stream and dated relative to :data:`DAY_ZERO`, so that every installation has
the same history; copying it into a shop moves the dates (:mod:`voxcart_services.shop.tenants`).
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from voxcart_services.shop.catalogue_file import CatalogueRow
from voxcart_services.shop.products import DATA

SHOP_ZONE = ZoneInfo("Asia/Shanghai")
DAY_ZERO = datetime(2026, 1, 1, tzinfo=SHOP_ZONE)
"""Midnight of the day that stands for today."""

SHOPPER = "demo-shopper"
MERCHANT = "demo-merchant"
HISTORY_DAYS = 70
ORDERS_PER_DAY = (9, 16)
FIRST_ORDER_ID = 300_001

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_GIVEN_NAMES = "敏 静 丽 强 磊 军 洋 勇 艳 杰 涛 明 超 秀英 霞 平 刚 桂英 雨欣 子涵"
_GIVEN = _GIVEN_NAMES.split()
_CITIES = (
    "北京市朝阳区建国路88号", "上海市浦东新区世纪大道200号", "广州市天河区体育西路12号", "深圳市南山区科技园路6号",
    "杭州市西湖区文三路35号", "成都市锦江区春熙路9号", "南京市鼓楼区中山路120号", "武汉市洪山区珞喻路77号",
)  # fmt: skip
_CARRIERS = (("顺丰", "SF"), ("中通", "ZT"), ("圆通", "YT"))
_METHODS = ("wechat_pay", "wechat_pay", "alipay", "alipay", "unionpay", "card")


@dataclass(slots=True)
class History:
    """Rows of the tables, without tenant."""

    users: list[dict[str, Any]] = field(default_factory=list)
    addresses: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    order_lines: list[dict[str, Any]] = field(default_factory=list)
    payments: list[dict[str, Any]] = field(default_factory=list)
    shipments: list[dict[str, Any]] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    units: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    quantity: int = 1
    color: str = ""
    size: str = ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """An order to be written: who, when (days before today, hour and minute), in which state, with what."""

    order_id: str
    user_id: str
    days_ago: int
    at: tuple[int, int]
    status: str
    items: tuple[tuple[CatalogueRow, dict[str, Any], int], ...]
    method: str = "wechat_pay"


class HistoryWriter:
    """Makes the history of one catalogue."""

    def __init__(self, catalogue: Sequence[CatalogueRow]) -> None:
        self._catalogue = list(catalogue)
        self._by_name = {row.product["name_zh"]: row for row in catalogue}
        self._random = random.Random(20261121)
        self._history = History()

    def write(self) -> History:
        """Everything."""
        customers = self._people()
        self._demo_orders()
        self._merchant_orders(customers)
        self._daily_orders(customers)
        self._reviews(customers)
        return self._history

    def _people(self) -> list[str]:
        history = self._history
        history.users += [
            {"user_id": SHOPPER, "role": "shopper", "name": "林晓"},
            {"user_id": MERCHANT, "role": "merchant", "name": "店主"},
        ]
        home, office = "上海市徐汇区漕溪北路18号3栋502室", "上海市静安区南京西路1266号恒隆广场20楼"
        history.addresses += [
            _address("demo-home", SHOPPER, "家", "林晓", "13800000001", home, is_default=True),
            _address("demo-office", SHOPPER, "公司", "林晓", "13800000001", office, is_default=False),
        ]
        customers = []
        for number in range(1, 61):
            user_id = f"customer-{number:03d}"
            name = self._random.choice(_SURNAMES) + self._random.choice(_GIVEN)
            history.users.append({"user_id": user_id, "role": "shopper", "name": name})
            where = f"{self._random.choice(_CITIES)}{self._random.randint(1, 30)}栋{self._random.randint(101, 2608)}室"
            phone = f"139{number:08d}"
            address_id = f"home-{number:03d}"
            history.addresses.append(_address(address_id, user_id, "家", name, phone, where, is_default=True))
            customers.append(user_id)
        return customers

    def _demo_orders(self) -> None:
        """The demo shopper's: completed ones, one delivered, one on its way, one paid yesterday."""
        self._named("100112", 43, (21, 5), "completed", _Item("抽纸", 2), _Item("深层洁净洗衣液"))
        self._named("100157", 26, (12, 30), "completed", _Item("小米手环 8", 1, "black"))
        self._named("100198", 8, (20, 40), "delivered", _Item("连衣裙", 1, "red", "M"), _Item("新鲜红富士苹果"))
        self._named("100236", 3, (10, 15), "shipped", _Item("华为 FreeBuds 5i 蓝牙耳机", 1, "white"))
        self._named("100245", 1, (19, 20), "paid", _Item("纯牛奶", 2), _Item("东北大米"))

    def _merchant_orders(self, customers: Sequence[str]) -> None:
        """What the merchant has to do: orders to confirm and to ship, refunds to decide."""
        apple, milk, shoes = _Item("新鲜红富士苹果", 2), _Item("纯牛奶"), _Item("运动鞋 男款", 1, "black", "42")
        self._named("123456", 0, (7, 12), "paid", apple, user_id=customers[0])
        self._named("123457", 0, (6, 40), "paid", milk, user_id=customers[1])
        self._named("123460", 1, (18, 5), "confirmed", shoes, user_id=customers[2])
        self._named("123461", 1, (9, 30), "confirmed", _Item("电饭煲 3L", 1, "white"), user_id=customers[3])
        self._named("123321", 6, (14, 0), "delivered", _Item("蓝牙耳机 入门款", 1, "white"), user_id=customers[4])
        self._named("123322", 5, (16, 25), "delivered", _Item("海南香蕉", 2), user_id=customers[5])
        self._refund("123321", "requested", "左耳没有声音", 1)
        self._refund("123322", "rejected", "不想要了", 2, "生鲜商品签收后不支持无理由退货")

    def _daily_orders(self, customers: Sequence[str]) -> None:
        tastes = {user: self._random.sample(_departments(self._catalogue), 3) for user in customers}
        number = FIRST_ORDER_ID
        for days_ago in range(HISTORY_DAYS, -1, -1):
            for _ in range(self._random.randint(*ORDERS_PER_DAY) if days_ago else 4):
                user = self._random.choice(customers)
                hour = self._random.randint(8, 22) if days_ago else self._random.randint(0, 6)
                at = (hour, self._random.randint(0, 59))
                plan = _Plan(
                    str(number), user, days_ago, at, self._status(days_ago), self._basket(tastes[user]),
                    self._random.choice(_METHODS),
                )  # fmt: skip
                self._add(plan)
                if plan.status == "completed" and self._random.random() < 0.03:
                    reason = self._random.choice(["尺码不合适", "和描述不符", "质量有问题", "不喜欢"])
                    self._refund(plan.order_id, "refunded", reason, max(0, days_ago - 6))
                number += 1

    def _status(self, days_ago: int) -> str:
        if self._random.random() < 0.03:
            return "cancelled"
        if days_ago > 14:
            return "completed"
        if days_ago > 4:
            return "delivered"
        if days_ago > 1:
            return "shipped"
        return self._random.choice(["confirmed", "paid"]) if days_ago else "paid"

    def _basket(self, tastes: Sequence[str]) -> tuple[tuple[CatalogueRow, dict[str, Any], int], ...]:
        """One to three products, mostly of one department that the customer likes."""
        department = self._random.choice(tastes)
        liked = [row for row in self._catalogue if row.product["department"] == department]
        pool = liked if self._random.random() < 0.8 else self._catalogue
        weights = [row.popularity for row in pool]
        count = self._random.choices([1, 2, 3], [5, 3, 2])[0]
        chosen = {row.product["sku"]: row for row in self._random.choices(pool, weights, k=count)}
        return tuple((row, self._random.choice(row.variants), self._quantity(row)) for row in chosen.values())

    def _quantity(self, row: CatalogueRow) -> int:
        return self._random.choices([1, 2, 3], [7, 2, 1])[0] if row.product["price_cents"] < 20_000 else 1

    def _named(
        self, order_id: str, days_ago: int, at: tuple[int, int], status: str, *items: _Item, user_id: str = SHOPPER
    ) -> None:
        lines = []
        for item in items:
            row = self._by_name[item.name]
            variant = next(v for v in row.variants if (v["color_code"], v["size"]) == (item.color, item.size))
            lines.append((row, variant, item.quantity))
        self._add(_Plan(order_id, user_id, days_ago, at, status, tuple(lines)))

    def _add(self, plan: _Plan) -> None:
        history = self._history
        created = _moment(plan.days_ago, *plan.at)
        total = sum(row.product["price_cents"] * quantity for row, _, quantity in plan.items)
        after = {"paid": 1, "confirmed": 2, "shipped": 3, "delivered": 4, "completed": 5}.get(plan.status, 1)
        delivered = created + timedelta(days=3)
        history.orders.append(
            {
                "order_id": plan.order_id,
                "user_id": plan.user_id,
                "status": plan.status,
                "total_cents": total,
                "payment_method": plan.method,
                "address": self._address_of(plan.user_id),
                "created_at": created,
                "paid_at": created + timedelta(minutes=2),
                "confirmed_at": created + timedelta(minutes=40) if after >= 2 else None,
                "delivered_at": delivered if after >= 4 else None,
                "cancelled_at": created + timedelta(minutes=30) if plan.status == "cancelled" else None,
            }
        )
        self._add_lines(plan)
        payment_id = f"seed-{plan.order_id}"
        is_cancelled = plan.status == "cancelled"
        history.payments.append(
            {
                "payment_id": payment_id,
                "order_id": plan.order_id,
                "status": "captured",
                "method": plan.method,
                "amount_cents": total,
                "captured_cents": total,
                "refunded_cents": total if is_cancelled else 0,
                "created_at": created + timedelta(minutes=2),
            }
        )
        if is_cancelled:
            self._refund(plan.order_id, "refunded", "取消订单", plan.days_ago)
        if after >= 3:
            self._ship(plan, created, is_delivered=after >= 4)

    def _add_lines(self, plan: _Plan) -> None:
        for line_no, (row, variant, quantity) in enumerate(plan.items, start=1):
            product = row.product
            self._history.order_lines.append(
                {
                    "order_id": plan.order_id,
                    "line_no": line_no,
                    "sku": product["sku"],
                    "variant_id": variant["variant_id"],
                    "name_zh": product["name_zh"],
                    "name_en": product["name_en"],
                    "color": variant["color"],
                    "size": variant["size"],
                    "quantity": quantity,
                    "unit_price_cents": product["price_cents"],
                }
            )
            if plan.status != "cancelled":
                units = self._history.units
                units[product["sku"]] = units.get(product["sku"], 0) + quantity

    def _address_of(self, user_id: str) -> dict[str, Any]:
        found = next(a for a in self._history.addresses if a["user_id"] == user_id and a["is_default"])
        return {name: found[name] for name in ("address_id", "label", "recipient", "phone", "text")}

    def _ship(self, plan: _Plan, created: datetime, *, is_delivered: bool) -> None:
        carrier, prefix = self._random.choice(_CARRIERS)
        city = self._address_of(plan.user_id)["text"].partition("市")[0]
        self._history.shipments.append(
            {
                "order_id": plan.order_id,
                "carrier": carrier,
                "tracking_no": f"{prefix}{self._random.randint(10**9, 10**10 - 1)}",
                "shipped_at": created + timedelta(hours=20),
                "expected_at": _moment(plan.days_ago - (3 if is_delivered else 4), 18, 0),
                "last_event": "已签收" if is_delivered else f"已到达{city}转运中心，正在派送途中",
                "status": "delivered" if is_delivered else "out_for_delivery",
                "delivered_at": created + timedelta(days=3) if is_delivered else None,
            }
        )

    def _refund(self, order_id: str, status: str, reason: str, days_ago: int, decision: str = "") -> None:
        order = next(o for o in reversed(self._history.orders) if o["order_id"] == order_id)
        self._history.refunds.append(
            {
                "refund_id": f"R{order_id}",
                "order_id": order_id,
                "status": status,
                "amount_cents": order["total_cents"],
                "reason": reason,
                "decision_reason": decision,
                "created_at": max(order["created_at"] + timedelta(minutes=30), _moment(days_ago, 9, 30)),
            }
        )
        if status == "refunded":
            payment = next(p for p in reversed(self._history.payments) if p["order_id"] == order_id)
            payment["refunded_cents"] = order["total_cents"]

    def _reviews(self, customers: Sequence[str]) -> None:
        phrases = json.loads((DATA / "reviews.json").read_text(encoding="utf-8"))
        for row in self._catalogue:
            count = min(14, 1 + round(row.popularity / 9))
            for number in range(count):
                stars = self._stars(row.rating)
                self._history.reviews.append(
                    {
                        "review_id": f"{row.product['sku']}-{number + 1}",
                        "sku": row.product["sku"],
                        "user_id": self._random.choice(customers),
                        "stars": stars,
                        "text": self._review_text(phrases, row.product, stars),
                        "created_at": _moment(self._random.randint(1, HISTORY_DAYS), self._random.randint(8, 22), 0),
                    }
                )

    def _stars(self, rating: float) -> int:
        return max(1, min(5, round(self._random.gauss(rating + 0.1, 0.9))))

    def _review_text(self, phrases: dict[str, Any], product: dict[str, Any], stars: int) -> str:
        """A sentence about such goods, and perhaps one about the service."""
        side = "positive" if stars >= 4 else "negative"
        fitting = phrases.get(product["category"]) or phrases[product["department"]]
        sentences = [self._random.choice(fitting[side])]
        if self._random.random() < 0.45:
            sentences.append(self._random.choice(phrases["generic"][side]))
        if stars == 3:
            sentences.append(self._random.choice(["其他还行。", "总体一般。", "勉强能用。"]))
        return "".join(sentences)


def _departments(catalogue: Sequence[CatalogueRow]) -> list[str]:
    return list(dict.fromkeys(row.product["department"] for row in catalogue))


def _moment(days_ago: int, hour: int, minute: int) -> datetime:
    return (DAY_ZERO - timedelta(days=days_ago) + timedelta(hours=hour, minutes=minute)).astimezone(UTC)


def _address(
    address_id: str, user_id: str, label: str, recipient: str, phone: str, where: str, *, is_default: bool
) -> dict[str, Any]:
    return {
        "address_id": address_id,
        "user_id": user_id,
        "label": label,
        "recipient": recipient,
        "phone": phone,
        "text": where,
        "is_default": is_default,
    }
