"""The built-in shop on PostgreSQL as an adapter: the first implementation of the ports."""

import asyncio
import secrets
from dataclasses import replace
from typing import Any

from voxcart.bus import open_bus
from voxcart.models import ModelStore
from voxcart.service import ServiceContext
from voxcart.serving.sessions import SessionOptions
from voxcart.telemetry.logs import get_logger
from voxcart.text_encoder import TextEncoder
from voxcart_services.shop import codec, scopes
from voxcart_services.shop.adapters.adapter import ShopAdapter
from voxcart_services.shop.bootstrap import prepare
from voxcart_services.shop.calls import ShopParts
from voxcart_services.shop.config import ShopSettings
from voxcart_services.shop.database import Database
from voxcart_services.shop.demo_calls import DemoCalls
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.http_endpoint import http_endpoint
from voxcart_services.shop.merchant_calls import MerchantCalls
from voxcart_services.shop.models import Role
from voxcart_services.shop.parts import Options, assemble
from voxcart_services.shop.sandbox import SandboxProvider, SandboxWebhooks
from voxcart_services.shop.search_index import SearchIndexer
from voxcart_services.shop.shopper_calls import ShopperCalls
from voxcart_services.shop.webhooks import PAYMENTS_PATH
from voxcart_services.shop.worker import OutboxPublisher

log = get_logger(__name__)


def postgres_adapter(parts: ShopParts) -> ShopAdapter:
    """The built-in shop behind the service."""
    shopper = ShopperCalls(parts)
    return ShopAdapter(
        catalogue=shopper,
        carts=shopper,
        orders=shopper,
        payments=shopper,
        merchant=MerchantCalls(parts),
        demo=DemoCalls(parts),
        warm_up=parts.warm_up,
        admit=lambda rpc, request: _admit(parts.database, rpc, request),
    )


async def _admit(database: Database, rpc: str, request: Any) -> None:
    """Refuses a merchant's call that their scopes do not hold."""
    wanted = scopes.needed(rpc, request)
    if wanted:
        actor = codec.to_actor(request.actor)
        if actor.role is Role.MERCHANT:
            await database.run(actor.tenant, lambda conn: scopes.check(conn, actor, wanted))


async def open_postgres(context: ServiceContext) -> ShopAdapter:
    """The built-in shop with all that works beside it: outbox, settlement, webhooks, the sandbox payment company.

    Loads the encoder, waits for PostgreSQL, migrates and seeds it.
    """
    settings = context.settings
    if not isinstance(settings, ShopSettings):
        raise TypeError("the shop service needs ShopSettings")
    database = Database.open(
        settings.database_url.get_secret_value(),
        pool_size=settings.shop_pool_size,
        pool_wait_seconds=settings.shop_pool_wait_seconds,
        statement_seconds=settings.shop_statement_seconds,
    )
    context.stack.push_async_callback(database.aclose)
    encoder, _ = await asyncio.gather(
        asyncio.to_thread(_load_encoder, settings), database.wait_until_ready(settings.start_seconds)
    )
    embedder = Embedder(encoder)
    context.stack.push_async_callback(embedder.aclose)
    await database.insist(
        lambda: prepare(database, embedder, seed=settings.shop_seed, demo=settings.shop_demo), settings.start_seconds
    )
    bus = await context.stack.enter_async_context(open_bus(settings, "shop"))
    publisher = OutboxPublisher(database, bus, settings.shop_outbox_poll_seconds)
    webhook_secrets = settings.webhook_secrets
    if not webhook_secrets.payments:
        webhook_secrets = replace(webhook_secrets, payments=(secrets.token_bytes(32),))
    options = Options(
        demo=settings.shop_demo,
        rules=settings.order_rules,
        webhook_secrets=webhook_secrets,
        webhook_tolerance_seconds=settings.shop_webhook_tolerance_seconds,
        sweep_seconds=settings.shop_sweep_seconds,
    )
    messenger = SandboxWebhooks(database, webhook_secrets.payments[0])
    parts = assemble(database, embedder, publisher.wake, options, SandboxProvider(database, messenger.wake))
    host, _, port = settings.shop_webhook_listen.rpartition(":")
    endpoint = http_endpoint(host.strip("[]"), int(port), parts.webhooks.handlers())
    webhook_port = await context.stack.enter_async_context(endpoint)
    log.info("webhooks are taken", host=host, port=webhook_port)
    context.stack.push_async_callback(parts.charts.aclose)
    await database.insist(parts.prices.take_due_steps, settings.start_seconds)
    indexer = SearchIndexer(database, embedder, settings.shop_search_poll_seconds, settings.shop_index_memory_mb)
    background = {
        "shop outbox": publisher.run,
        "search index": indexer.run,
        "shop settlement": parts.settlement.run,
        "timed prices": parts.prices.run,
        "sandbox webhooks": lambda: messenger.run(f"http://{host}:{webhook_port}{PAYMENTS_PATH}"),
    }
    return replace(
        postgres_adapter(parts),
        warm_up=lambda: database.insist(parts.warm_up, settings.start_seconds),
        background=background,
    )


def _load_encoder(settings: ShopSettings) -> TextEncoder:
    options = SessionOptions(provider=settings.provider, threads=1)
    return TextEncoder.from_store(ModelStore(settings.models_dir), options)
