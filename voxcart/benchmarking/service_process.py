"""A service of one's own to measure: the real process, with an embedded broker and nothing else."""

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from voxcart.embedded import EmbeddedBroker
from voxcart.errors import Unavailable
from voxcart.ports import free_port
from voxcart.service import PARENT_VARIABLE

READY_SECONDS = 120.0
_STOP_SECONDS = 15.0


@dataclass(frozen=True)
class ServiceCost:
    """What a process used between two moments.

    Attributes:
        cpu_cores: Processor time by wall time: 1.0 is one core fully used.
        rss_bytes_before, rss_bytes_after: Resident memory.
    """

    cpu_cores: float
    rss_bytes_before: int
    rss_bytes_after: int

    def to_json(self) -> dict[str, float]:
        """Plain data for JSON."""
        return {
            "cpu_percent_of_one_core": round(100 * self.cpu_cores, 1),
            "rss_mb_before": round(self.rss_bytes_before / 1e6, 1),
            "rss_mb_after": round(self.rss_bytes_after / 1e6, 1),
        }


class ProcessMeter:
    """Measures one process from its making to :meth:`stop`.

    Raises:
        Unavailable: There is no such process.
    """

    def __init__(self, pid: int) -> None:
        try:
            self._process = psutil.Process(pid)
            self._cpu_s = self._used_s()
            self._rss_bytes = self._process.memory_info().rss
        except psutil.Error as error:
            raise Unavailable(f"process {pid} cannot be measured: {error}") from error
        self._started_s = time.monotonic()

    def stop(self) -> ServiceCost:
        """What was used since.

        Raises:
            Unavailable: The process is gone.
        """
        wall_s = time.monotonic() - self._started_s
        try:
            return ServiceCost(
                (self._used_s() - self._cpu_s) / wall_s, self._rss_bytes, self._process.memory_info().rss
            )
        except psutil.Error as error:
            raise Unavailable(f"the process that was measured is gone: {error}") from error

    def _used_s(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system


@asynccontextmanager
async def own_service(
    name: str, environment: Mapping[str, str], say: Callable[[str], None]
) -> AsyncIterator[tuple[str, int]]:
    """Starts a service on a free port; gives its address and process id; stops it at the end.

    Args:
        name: ``asr``, ``tts``, ...
        environment: Settings besides those of this process.
        say: Told what is going on.

    Raises:
        Unavailable: It did not become ready; the sentence ends with the last lines of its log.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"voxcart-{name}-"))
    try:
        async with AsyncExitStack() as stack:
            say(f"starting a broker and the {name} service ...")
            broker = EmbeddedBroker(folder / "broker")
            stack.push_async_callback(broker.stop)
            await broker.start()
            address = f"127.0.0.1:{free_port()}"
            log = stack.enter_context((folder / "service.log").open("wb"))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"voxcart_services.{name}"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    **os.environ,
                    **environment,
                    "VOXCART_LISTEN": address,
                    "VOXCART_METRICS_PORT": "0",
                    "VOXCART_BROKER": broker.address,
                    "VOXCART_BROKER_KIND": broker.kind,
                    PARENT_VARIABLE: str(os.getpid()),
                },
            )
            stack.push_async_callback(_stop, process)
            await _wait_ready(name, address, process, folder / "service.log")
            yield address, process.pid
            say("stopping")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _wait_ready(name: str, address: str, process: asyncio.subprocess.Process, log: Path) -> None:
    deadline_s = time.monotonic() + READY_SECONDS
    async with grpc.aio.insecure_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < deadline_s and process.returncode is None:
            try:
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.aio.AioRpcError:
                pass
            await asyncio.sleep(0.1)
    lines = (await asyncio.to_thread(log.read_text, errors="replace")).splitlines()[-5:]
    raise Unavailable(f"the {name} service did not become ready; its log ends:\n" + "\n".join(lines))


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
