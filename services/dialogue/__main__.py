"""Starts the dialogue service: ``python -m voxcart_services.dialogue``."""

from redis.asyncio import Redis

from voxcart.bus import open_bus
from voxcart.grpc_support import open_channel
from voxcart.service import ServiceContext, run
from voxcart.settings import read_settings
from voxcart_api.dialogue.v1 import dialogue_pb2_grpc
from voxcart_services.dialogue.config import DialogueSettings
from voxcart_services.dialogue.engine import DialogueEngine, EngineOptions
from voxcart_services.dialogue.grpc_ports import GrpcRecommender, GrpcShop
from voxcart_services.dialogue.publisher import OutcomePublisher
from voxcart_services.dialogue.servicer import DialogueServicer
from voxcart_services.dialogue.store import RedisStateStore, wait_for_redis
from voxcart_services.dialogue.worker import DialogueWorker

REDIS_TIMEOUT_SECONDS = 1.0


async def build(context: ServiceContext) -> None:
    """Connects to Redis, the bus, the shop and the recommender, and starts the worker."""
    settings = context.settings
    assert isinstance(settings, DialogueSettings)
    redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
    )
    context.stack.push_async_callback(redis.aclose)
    await wait_for_redis(redis, settings.start_seconds)
    shop_channel = open_channel(settings.shop_address)
    context.stack.push_async_callback(shop_channel.close)
    recsys_channel = open_channel(settings.recsys_address)
    context.stack.push_async_callback(recsys_channel.close)
    engine = DialogueEngine(
        GrpcShop(shop_channel),
        GrpcRecommender(recsys_channel),
        RedisStateStore(redis, settings.dialogue_state_ttl_seconds),
        EngineOptions(settings.dialogue_turn_seconds, settings.dialogue_min_confidence),
    )
    bus = await context.stack.enter_async_context(open_bus(settings, "dialogue"))
    publisher = OutcomePublisher(bus)
    worker = DialogueWorker(bus, engine, publisher, settings.dialogue_retry_seconds)
    context.supervise("dialogue worker", worker.run())
    context.on_drain(worker.drain)
    context.add_servicer(
        dialogue_pb2_grpc.add_DialogueServicer_to_server,
        DialogueServicer(engine, publisher),
        "voxcart.dialogue.v1.Dialogue",
    )


def main() -> None:
    """Entry point."""
    run("dialogue", read_settings(DialogueSettings), build)


if __name__ == "__main__":
    main()
