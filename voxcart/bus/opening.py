"""Opens the bus that the settings name."""

from voxcart.bus.base import Bus
from voxcart.bus.embedded import EmbeddedBus
from voxcart.bus.kafka import KafkaBus
from voxcart.bus.kafka_client import KafkaOptions
from voxcart.settings import ServiceSettings


def open_bus(settings: ServiceSettings, client_id: str) -> Bus:
    """The bus of a service, not started: ``async with open_bus(settings, "asr") as bus`` or ``await bus.start()``.

    Args:
        settings: ``broker`` and ``broker_kind`` choose the broker; ``start_seconds`` bounds the wait for it.
        client_id: Name of the service.
    """
    if settings.broker_kind == "embedded":
        return EmbeddedBus(settings.broker, client_id, start_timeout_s=settings.start_seconds)
    options = KafkaOptions(settings.broker, start_timeout_s=settings.start_seconds, member=settings.bus_member)
    return KafkaBus(options, client_id)
