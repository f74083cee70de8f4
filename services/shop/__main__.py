"""Starts the shop service: `python -m voxcart_services.shop`."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

from voxcart.bus import open_bus
from voxcart.models import ModelStore
from voxcart.service import ServiceContext, run
from voxcart.serving.sessions import SessionOptions
from voxcart.settings import read_settings
from voxcart.telemetry.logs import get_logger
from voxcart.text_encoder import TextEncoder
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop.adapters.postgres import postgres_adapter
from voxcart_services.shop.bootstrap import prepare
from voxcart_services.shop.config import ShopSettings
from voxcart_services.shop.database import Database
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.http_endpoint import http_endpoint
from voxcart_services.shop.parts import Options, assemble
from voxcart_services.shop.sandbox import SandboxProvider, SandboxWebhooks
from voxcart_services.shop.servicer import ShopServicer
from voxcart_services.shop.webhooks import PAYMENTS_PATH
from voxcart_services.shop.worker import OutboxPublisher

log = get_logger(__name__)


def _load_encoder(settings: ShopSettings) -> TextEncoder:
    options = SessionOptions(provider=settings.provider, threads=1)
    return TextEncoder.from_store(ModelStore(settings.models_dir), options)


async def build(context: ServiceContext) -> None:
    """Loads the encoder, prepares the database, then connects the gRPC servicer and the outbox publisher."""
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
    await prepare(database, embedder, seed=settings.shop_seed, demo=settings.shop_demo)
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
    servicer = ShopServicer(postgres_adapter(parts))
    context.add_servicer(shop_pb2_grpc.add_ShopServicer_to_server, servicer, "voxcart.shop.v1.Shop")
    await parts.warm_up()
    context.supervise("shop outbox", publisher.run())
    context.supervise("shop settlement", parts.settlement.run())
    context.supervise("sandbox webhooks", messenger.run(f"http://{host}:{webhook_port}{PAYMENTS_PATH}"))


if __name__ == "__main__":
    run("shop", read_settings(ShopSettings), build)
