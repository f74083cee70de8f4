"""Thousands of kills, retries and repeated deliveries around orders and money: nothing is lost, doubled or negative.

Two shop processes, PostgreSQL, the broker and the sandbox payment company run in earnest. Shoppers and a merchant do
random things to few products while processes are killed, connections are torn, requests come twice, late and on the
other process, and webhooks and events are forged, repeated and reordered. Then goods, money, effects and events are
counted. All chances come from a seed, which a failure prints.

``VOXCART_FAULTS_NUMBER=10000 python -m pytest tests/faults/test_faults_orders.py -s`` runs the long form;
``VOXCART_FAULTS_SEED`` chooses other chances.
"""

import asyncio
import os
import random
import time
from pathlib import Path

import pytest
from support.order_books import settled, units_there, wrong_books, wrong_effects, wrong_events
from support.order_desk import Desk
from support.order_faults import Troublemaker
from support.order_people import COUPON, HOT, TENANT, Merchant, Shopper
from support.shop_replicas import Replicas, running_replicas

from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT
from voxcart_api.shop.v1 import shop_pb2 as pb

pytestmark = pytest.mark.faults

NUMBER = int(os.environ.get("VOXCART_FAULTS_NUMBER", "700"))
SEED = int(os.environ.get("VOXCART_FAULTS_SEED", "20261121"))
LONGEST_SECONDS = 60.0 + NUMBER * 0.5
NEVER_LEFT_OUT = {"shop killed", "PostgreSQL crashed", "backend terminated", "connection dropped", "broker stalled"}
SHOPPERS = 16
UNITS = 40


async def test_nothing_is_lost_doubled_or_negative(models_dir: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    settings = {"shop_reserve_minutes": "0.2", "shop_sweep_seconds": "2", "shop_outbox_poll_seconds": "0.5"}
    async with running_replicas(tmp_path, models_dir, 2, **settings) as replicas:
        desk = Desk(replicas, random.Random(chance.random()), is_calm=True)
        people = [Shopper(desk, f"fault-{n}", random.Random(chance.random())) for n in range(SHOPPERS)]
        merchant = Merchant(desk, people, random.Random(chance.random()))
        for sku in HOT:
            await merchant.stock(sku, UNITS)
        await add_coupon(replicas)
        units_before = await units_there(replicas)
        desk.is_calm = False
        started = time.monotonic()
        try:
            await live(replicas, desk, people, merchant, random.Random(chance.random()))
        except* AssertionError as broken:
            raise AssertionError(f"seed {SEED}: {broken.exceptions[0]}\n{replicas.log_tail()}") from broken
        seconds = time.monotonic() - started
        await settled(replicas)
        desk.is_calm = True
        accepted = [asked for asked in desk.asked.values() if asked.answer is not None]
        for asked in chance.sample(accepted, min(len(accepted), 300)):
            await desk.repeat(asked)
        wrong = await wrong_books(replicas, merchant, units_before)
        wrong += await wrong_effects(replicas, desk)
        wrong += await wrong_events(replicas, people)
        print(report(desk, seconds))
        assert not wrong, f"seed {SEED}:\n" + "\n".join(wrong[:40])


async def live(
    replicas: Replicas, desk: Desk, people: list[Shopper], merchant: Merchant, chance: random.Random
) -> None:
    """Lets all live until there was enough trouble."""
    stopping = asyncio.Event()
    trouble = Troublemaker(replicas, chance, desk.faults)
    async with asyncio.timeout(LONGEST_SECONDS), asyncio.TaskGroup() as tasks:
        for someone in (*people, merchant, trouble):
            tasks.create_task(someone.live(stopping))
        while desk.faults.total() < NUMBER or not desk.faults.keys() >= NEVER_LEFT_OUT:
            await asyncio.sleep(0.2)
        stopping.set()


async def add_coupon(replicas: Replicas) -> None:
    """A coupon that everybody may use."""
    actor = pb.Actor(tenant=TENANT, user_id="demo-merchant", role=ROLE_MERCHANT)
    coupon = pb.Coupon(code=COUPON, percent_off=10)
    request = pb.AddCouponRequest(actor=actor, idempotency_key="fault-coupon", coupon=coupon)
    await replicas.shops[0].rpc.AddCoupon(request)


def report(desk: Desk, seconds: float) -> str:
    """The faults by kind, and what was done meanwhile."""
    kinds = "\n".join(f"{count:7}  {kind}" for kind, count in desk.faults.most_common())
    accepted = sum(asked.answer is not None for asked in desk.asked.values())
    total = desk.faults.total()
    return (
        f"\n{total:7}  faults in {seconds:.0f} s, seed {SEED}\n{kinds}\n"
        f"{accepted:7}  requests accepted, {len(desk.asked) - accepted} refused"
    )
