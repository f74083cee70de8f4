"""The example platform as a process of its own, and the HTTP adapter in front of it."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from voxcart_services.shop.adapters.http.client import ClientOptions, PlatformClient
from voxcart_services.shop.adapters.http.opening import http_adapter
from voxcart_services.shop.adapters.http.platform import Platform

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-of-the-tests"


@contextmanager
def example_platform(*, database: str = ":memory:") -> Iterator[str]:
    """Starts the example on a free port; its address."""
    command = [sys.executable, "-m", "examples.platform_server", "--port", "0", "--token", TOKEN]
    command += ["--tenants", "demo,other", "--database", database]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


@asynccontextmanager
async def connected(url: str, seen: Any = None, **options: Any) -> AsyncIterator[tuple[PlatformClient, Platform]]:
    """A client of a platform that has said what it offers."""
    client = PlatformClient(ClientOptions(url, TOKEN, **options))
    try:
        platform = Platform(client, seen)
        await platform.connect()
        yield client, platform
    finally:
        await client.aclose()


__all__ = ["TOKEN", "connected", "example_platform", "http_adapter"]
