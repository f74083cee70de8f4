"""Starts the gateway: ``python -m voxcart_services.gateway``."""

import secrets

from redis.asyncio import Redis

from voxcart.bus import open_bus
from voxcart.bus.readers import ReturnReader, SessionIdMinter
from voxcart.grpc_support import open_channel
from voxcart.service import ServiceContext, run
from voxcart.settings import read_settings
from voxcart_api.gateway.v1.gateway_pb2_grpc import add_VoiceGatewayServicer_to_server
from voxcart_services.gateway.config import GatewaySettings
from voxcart_services.gateway.records import SessionRecords
from voxcart_services.gateway.registry import SessionRegistry
from voxcart_services.gateway.servicer import VoiceGatewayServicer
from voxcart_services.gateway.voices import voices_of
from voxcart_services.gateway.websocket import WebSocketServer
from voxcart_services.gateway.worker import BusReturnPath


async def build(context: ServiceContext) -> None:
    """Connects to the bus, Redis and the speech service and registers the gateway."""
    settings = context.settings
    if not isinstance(settings, GatewaySettings):
        raise TypeError("the gateway needs GatewaySettings")
    bus = await context.stack.enter_async_context(open_bus(settings, "gateway"))
    redis = Redis.from_url(settings.redis_url.get_secret_value(), socket_connect_timeout=1.0, socket_timeout=1.0)
    context.stack.push_async_callback(redis.aclose)
    tts = await context.stack.enter_async_context(open_channel(settings.tts_address))
    reader = ReturnReader(bus)
    registry = SessionRegistry(
        bus,
        BusReturnPath(reader, SessionIdMinter(bus, reader)),
        SessionRecords(redis, settings.gateway_retention_hours * 3600),
        voices_of(tts),
        settings,
        gateway_id=secrets.token_hex(8),
    )
    context.stack.push_async_callback(registry.aclose)
    context.supervise("return path", reader.run())
    context.supervise("sessions", registry.run())
    context.on_drain(registry.drain)
    servicer = VoiceGatewayServicer(registry)
    context.add_servicer(add_VoiceGatewayServicer_to_server, servicer, "voxcart.gateway.v1.VoiceGateway")
    if settings.gateway_websocket_listen:
        await context.stack.enter_async_context(
            WebSocketServer(registry, settings.gateway_websocket_listen, settings.max_message_bytes)
        )


if __name__ == "__main__":
    run("gateway", read_settings(GatewaySettings), build)
