"""``kill -9`` of a service at random moments of a purchase: it goes on, or the shopper is told; the books are right.

The moments come from a seed, which a failure prints; ``VOXCART_FAULTS_SEED`` repeats it.
"""

import json
import os
import random
import threading
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from support.shopper import Books, buy_apples, pay_order
from support.system import System

from voxcart_client import ConversationConfig, SyncConversation, SyncVoxcartClient, Turn

pytestmark = pytest.mark.faults

KILLED = ("asr", "nlu", "dialogue", "tts", "shop")
ROUNDS = 4
LONGEST_DELAY_SECONDS = 4.0
TURN_TIMEOUT_SECONDS = 45.0
DEMO = Path(__file__).parents[2] / "voxcart" / "data" / "demo"
SEED = int(os.environ.get("VOXCART_FAULTS_SEED", "20261121"))


def recordings() -> dict[str, Path]:
    """The demo's spoken turns by their words."""
    scripts = json.loads((DEMO / "conversations.json").read_text(encoding="utf-8"))
    return {line["text"]: DEMO / line["wav"] for script in scripts for line in script["turns"]}


def type_it(conversation: SyncConversation, said: str) -> Turn:
    return conversation.ask_text(said, timeout_s=TURN_TIMEOUT_SECONDS)


def say_it(conversation: SyncConversation, said: str) -> Turn:
    return conversation.ask_audio(recordings()[said], timeout_s=TURN_TIMEOUT_SECONDS)


@pytest.mark.parametrize("victim", KILLED)
def test_purchases_survive_a_killed_service(
    system: System, client: SyncVoxcartClient, books: Books, victim: str
) -> None:
    moments = random.Random(f"{SEED} {victim}")
    stock_before = books.apple_stock()
    bought = 0
    for number in range(ROUNDS):
        delay = moments.uniform(0.0, LONGEST_DELAY_SECONDS)
        killed: list[int] = []
        timer = threading.Timer(delay, lambda pids=killed: pids.append(system.kill(victim)))
        user_id = f"killed-{victim}-{number}"
        with client.converse(ConversationConfig(user_id=user_id)) as conversation:
            timer.start()
            shopping = buy_apples(conversation, books, user_id, say_it if victim == "asr" else type_it)
        timer.join()
        system.wait_restarted(victim, killed[0])

        where = f"seed {SEED}, {victim} killed after {delay:.2f} s: {shopping}"
        assert not shopping.silent, where
        orders = books.orders(user_id)
        assert len(orders) == 1, where
        quantity = sum(line.quantity for line in orders[0].lines)
        assert quantity % 2 == 0, where
        assert 2 <= quantity <= 2 * shopping.adds, where
        assert books.cart_quantity(user_id) == 0, where
        bought += quantity
    assert stock_before - books.apple_stock() == bought, f"seed {SEED}"


@pytest.mark.parametrize("victim", ["shop", "dialogue"])
def test_a_payment_is_made_once_when_a_service_is_killed(
    system: System, client: SyncVoxcartClient, books: Books, victim: str
) -> None:
    moments = random.Random(f"{SEED} paying {victim}")
    for number in range(3):
        delay = moments.uniform(0.0, 1.5)
        killed: list[int] = []
        timer = threading.Timer(delay, lambda pids=killed: pids.append(system.kill(victim)))
        user_id = f"paying-{victim}-{number}"
        with client.converse(ConversationConfig(user_id=user_id, text_only=True)) as conversation:
            shopping = buy_apples(conversation, books, user_id, type_it)
            timer.start()
            pay_order(conversation, books, shopping, type_it)
        timer.join()
        system.wait_restarted(victim, killed[0])

        where = f"seed {SEED}, {victim} killed after {delay:.2f} s: {shopping}"
        assert not shopping.silent, where
        order = books.orders(user_id)[0]
        assert order.status == "paid", where
        assert captured_cents(system, order.order_id) == [order.total.cents], where


def captured_cents(system: System, order_id: str) -> list[int]:
    """Amounts that the payment provider holds for an order, one for each charge that was captured."""
    url = make_url(system.run["environment"]["VOXCART_DATABASE_URL"])
    with psycopg.connect(host=url.query["host"], user=url.username, dbname=url.database) as connection:
        rows = connection.execute(
            "SELECT c.amount_cents FROM sandbox_charges c "
            "JOIN payments p ON c.charge_id IN (p.provider_id, p.payment_id) "
            "WHERE p.tenant = 'demo' AND p.order_id = %s AND c.status = 'captured'",
            (order_id,),
        )
        return [amount for (amount,) in rows.fetchall()]
