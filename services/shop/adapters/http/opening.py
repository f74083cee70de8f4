"""Opens a platform over HTTP: the client, the ports, and the work beside the calls."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from voxcart.bus import open_bus
from voxcart.errors import VoxcartError
from voxcart.service import ServiceContext
from voxcart.telemetry.logs import get_logger
from voxcart_services.shop.adapters.adapter import ShopAdapter
from voxcart_services.shop.adapters.http.client import PlatformClient
from voxcart_services.shop.adapters.http.events import EventPublisher
from voxcart_services.shop.adapters.http.feed import CatalogueFeed
from voxcart_services.shop.adapters.http.platform import Platform, http_port
from voxcart_services.shop.adapters.ports import CartPort, CataloguePort, MerchantPort, OrderPort, PaymentPort
from voxcart_services.shop.adapters.settings import AdapterSettings
from voxcart_services.shop.http_endpoint import Answer, Handler, Posted, http_endpoint
from voxcart_services.shop.signatures import SIGNATURE_HEADER, BadSignature, verify

log = get_logger(__name__)

CATALOGUE_PATH = "/webhooks/catalogue"
START_PAUSE_SECONDS = 0.5


def http_adapter(platform: Platform) -> ShopAdapter:
    """A platform behind the service."""
    return ShopAdapter(
        catalogue=http_port(platform, CataloguePort),
        carts=http_port(platform, CartPort),
        orders=http_port(platform, OrderPort),
        payments=http_port(platform, PaymentPort),
        merchant=http_port(platform, MerchantPort),
    )


async def open_http(context: ServiceContext) -> ShopAdapter:
    """Finds the platform, and follows its catalogue onto the bus.

    Raises:
        Unavailable: The platform did not answer within ``start_seconds``. ``PlatformFault``: it is none.
    """
    settings = context.settings
    if not isinstance(settings, AdapterSettings):
        raise TypeError("the shop service needs ShopSettings")
    _warn_of_plain_text(settings)
    client = PlatformClient(settings.http_client_options)
    context.stack.push_async_callback(client.aclose)
    bus = await context.stack.enter_async_context(open_bus(settings, "shop"))
    publisher = EventPublisher(bus)
    platform = Platform(client, publisher.saw)
    await find_platform(platform, settings.start_seconds)
    poll_seconds = settings.shop_http_poll_seconds
    feeds = [CatalogueFeed(client, platform, bus, tenant, poll_seconds) for tenant in settings.followed_tenants]
    secret = settings.shop_http_webhook_secret.get_secret_value().encode()
    handlers = {CATALOGUE_PATH: catalogue_handler(secret, [feed.wake for feed in feeds])}
    host, _, port = settings.shop_webhook_listen.rpartition(":")
    bound = await context.stack.enter_async_context(http_endpoint(host.strip("[]"), int(port), handlers))
    log.info("webhooks are taken", host=host, port=bound)
    background = {f"catalogue of {feed.tenant}": feed.run for feed in feeds}
    return replace(http_adapter(platform), background={"user events": publisher.run, **background})


async def find_platform(platform: Platform, seconds: float) -> None:
    """Waits until the platform says what it offers.

    Raises:
        Unavailable, DeadlineMissed: It did not within ``seconds``. ``PlatformFault``: it is no such platform.
    """
    limit = time.monotonic() + seconds
    while True:
        try:
            await platform.connect()
            return
        except VoxcartError as error:
            if not error.retryable or time.monotonic() > limit:
                raise
        await asyncio.sleep(START_PAUSE_SECONDS)


def catalogue_handler(secret: bytes, wake: Sequence[Callable[[], None]]) -> Handler:
    """Takes the platform's word that its catalogue has changed. The message is a hint only: the list is read."""

    async def handle(posted: Posted) -> Answer:
        try:
            verify([secret] if secret else [], posted.headers.get(SIGNATURE_HEADER, ""), posted.body, time.time())
        except BadSignature as error:
            return Answer(401, str(error))
        for notify in wake:
            notify()
        return Answer(200, "the changes will be read")

    return handle


def _warn_of_plain_text(settings: AdapterSettings) -> None:
    parts = urlsplit(settings.shop_http_url)
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "http" and not is_local and settings.shop_http_token.get_secret_value():
        log.warning("the token of the shop platform goes over the network in plain text")
