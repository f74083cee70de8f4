"""The broker, Redis or PostgreSQL away for 20 s in the middle of a purchase, or killed: told and recovered."""

import os
import signal
import time

import pytest
from support.shopper import Books, buy_apples
from support.system import System

from voxcart_client import ConversationConfig, Refused, SyncConversation, SyncVoxcartClient, Turn, TurnTimedOut

pytestmark = pytest.mark.faults

OUTAGE_SECONDS = 20.0
RECOVERY_SECONDS = 60.0
SERVERS = ("broker", "Valkey", "PostgreSQL")


def type_it(conversation: SyncConversation, said: str) -> Turn:
    return conversation.ask_text(said, timeout_s=60.0)


def wait_until_answered(client: SyncVoxcartClient) -> None:
    """Returns when a new session gets a product search answered."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            with client.converse(ConversationConfig(user_id="probe", text_only=True)) as conversation:
                if conversation.ask_text("我想买苹果", timeout_s=20).cards:
                    return
        except (Refused, TurnTimedOut):
            pass
        assert time.monotonic() < deadline, "the system did not recover"
        time.sleep(0.5)


def told_or_answered(conversation: SyncConversation, said: str) -> tuple[bool, Turn]:
    """Whether the shopper was told something in time: a reply, or an error with a sentence."""
    turn = conversation.ask_text(said, timeout_s=45.0)
    return bool(turn.reply or (turn.error and turn.error.message)), turn


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_away_for_20_seconds(system: System, client: SyncVoxcartClient, books: Books, server: str) -> None:
    user_id = f"outage-{server}"
    stock_before = books.apple_stock()
    with client.converse(ConversationConfig(user_id=user_id)) as conversation:
        assert type_it(conversation, "我想买苹果").cards
        with system.paused(server):
            started = time.monotonic()
            told, _ = told_or_answered(conversation, "第一个来两份")
            assert told
            time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - started)))
        wait_until_answered(client)
        shopping = buy_apples(conversation, books, user_id, type_it)
    orders = books.orders(user_id)
    assert len(orders) == 1, shopping
    quantity = sum(line.quantity for line in orders[0].lines)
    assert quantity in {2 * count for count in range(1, shopping.adds + 2)}, shopping
    assert stock_before - books.apple_stock() == quantity, shopping


@pytest.mark.parametrize("server", SERVERS)
def test_a_killed_server_comes_back_and_loses_no_order(
    system: System, client: SyncVoxcartClient, books: Books, server: str
) -> None:
    user_id = f"killed-{server}"
    with client.converse(ConversationConfig(user_id=user_id, text_only=True)) as conversation:
        buy_apples(conversation, books, user_id, type_it)
    before = [order.order_id for order in books.orders(user_id)]
    os.kill(system.run["server_pids"][server], signal.SIGKILL)
    wait_until_answered(client)
    assert [order.order_id for order in books.orders(user_id)] == before
