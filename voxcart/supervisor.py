"""Runs the whole of Voxcart on one machine: servers and services as processes, kept alive until stopped.

The state directory holds everything: databases, broker files, logs, and ``run.json``, which says where things listen.
A lock makes sure that one supervisor uses it at a time.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

import grpc
from filelock import FileLock, Timeout
from grpc_health.v1 import health_pb2, health_pb2_grpc

from voxcart.errors import Unavailable, VoxcartError, WrongState
from voxcart.ports import free_port, port_in_use
from voxcart.run_file import RUN_FILE
from voxcart.service import PARENT_VARIABLE, process_health
from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

SERVICES = ("asr", "nlu", "dialogue", "shop", "recsys", "tts", "gateway")
"""In the order in which they are listed; they start side by side and stop with the gateway first."""

MAX_LOG_BYTES = 10 * 1024 * 1024
RESTART_PAUSES_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_AFTER_SECONDS = 30.0
MAX_START_FAILURES = 3

Say = Callable[[str], None]


class Server(Protocol):
    """A database or broker that runs beside the services."""

    async def start(self) -> None:
        """Starts it; returns when it answers."""

    async def stop(self) -> None:
        """Stops it; leaves no process and no lock."""

    def is_alive(self) -> bool:
        """Whether its process runs."""

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""


@dataclass
class Service:
    """One service process and what is known of it."""

    name: str
    port: int
    metrics_port: int
    process: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    failures: int = 0
    was_ready: bool = False

    @property
    def address(self) -> str:
        """host:port of its gRPC server; stays the same over restarts."""
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        state_dir: Everything is kept below it.
        servers: Name to server, started side by side before the services.
        environment: Set for every service, e.g. ``VOXCART_BROKER``.
        gateway_port: 0 takes a free one.
        modules: Service name to the module that is run; tests put their own here.
    """

    state_dir: Path
    servers: Mapping[str, Server]
    environment: Callable[[], Mapping[str, str]]
    gateway_port: int = 0
    modules: Mapping[str, str] = field(default_factory=lambda: {name: f"voxcart_services.{name}" for name in SERVICES})
    ready_seconds: float = 120.0
    stop_seconds: float = 15.0


class Supervisor:
    """Starts a plan, keeps it alive, stops it. Use as ``async with``; enter waits until all is ready.

    Raises on enter:
        WrongState: Another supervisor uses the state directory, or the gateway's port is in use.
        Unavailable: A server or service did not become ready; the sentence ends with its last log lines.
    """

    def __init__(self, plan: Plan, say: Say = lambda line: None) -> None:
        self._plan = plan
        self._say = say
        self._lock = FileLock(plan.state_dir / "lock")
        self._services: dict[str, Service] = {}
        self._stopping = False
        self._watch: asyncio.Task[None] | None = None
        self._logs: dict[str, IO[bytes]] = {}
        self._run_file_lines = ""

    @property
    def services(self) -> Mapping[str, Service]:
        """Services by name."""
        return self._services

    @property
    def gateway(self) -> str:
        """host:port of the gateway."""
        return self._services["gateway"].address

    async def __aenter__(self) -> "Supervisor":
        self._take_state_dir()
        try:
            await self._start_servers()
            for name in self._plan.modules:
                await self._spawn(self._services[name])
            await self._wait_ready()
            self._watch = asyncio.create_task(self._keep_alive(), name="supervisor watch")
        except BaseException:
            await self._stop_all()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop_all()

    async def wait_failed(self) -> None:
        """Returns only by an error: when something died for good.

        Raises:
            Unavailable: The sentence says what and why.
        """
        if self._watch is None:
            raise RuntimeError("not started")
        await asyncio.shield(self._watch)

    def describe(self) -> dict[str, object]:
        """What ``run.json`` holds: addresses, metrics addresses and process ids."""
        return {
            "pid": os.getpid(),
            "gateway": self.gateway,
            "services": {service.name: service.address for service in self._services.values()},
            "metrics": {service.name: f"127.0.0.1:{service.metrics_port}" for service in self._services.values()},
            "pids": {service.name: service.process.pid for service in self._services.values() if service.process},
            "server_pids": {name: server.pid for name, server in self._plan.servers.items()},
            "environment": dict(self._plan.environment()),
            "state_dir": str(self._plan.state_dir),
        }

    def _take_state_dir(self) -> None:
        self._plan.state_dir.mkdir(parents=True, exist_ok=True)
        (self._plan.state_dir / "logs").mkdir(exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise WrongState(
                f"{self._plan.state_dir} is in use by another `voxcart up`; stop it or give another --state-dir"
            ) from None
        if self._plan.gateway_port and port_in_use(self._plan.gateway_port):
            self._lock.release()
            raise WrongState(f"port {self._plan.gateway_port} is in use; give another --port")
        for name in self._plan.modules:
            port = self._plan.gateway_port if name == "gateway" and self._plan.gateway_port else free_port()
            self._services[name] = Service(name, port, free_port())

    async def _start_servers(self) -> None:
        async def start(name: str, server: Server) -> None:
            started = time.monotonic()
            await server.start()
            self._say(f"{name} ready after {time.monotonic() - started:.1f} s")

        try:
            async with asyncio.TaskGroup() as tasks:
                for name, server in self._plan.servers.items():
                    tasks.create_task(start(name, server), name=f"start {name}")
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group

    async def _spawn(self, service: Service) -> None:
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            **self._plan.environment(),
            **{f"VOXCART_{one.name.upper()}_ADDRESS": one.address for one in self._services.values()},
            "VOXCART_LISTEN": service.address,
            "VOXCART_METRICS_PORT": str(service.metrics_port),
            "VOXCART_BUS_MEMBER": "up",
            PARENT_VARIABLE: str(os.getpid()),
        }
        service.started_at = time.monotonic()
        service.was_ready = False
        service.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._plan.modules[service.name],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._log_file(service.name),
            stderr=self._log_file(service.name),
            env=environment,
            start_new_session=True,
        )

    def _log_file(self, name: str) -> IO[bytes]:
        if name not in self._logs:
            path = self._log_path(name)
            if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))
            self._logs[name] = path.open("ab", buffering=0)
        return self._logs[name]

    def _log_path(self, name: str) -> Path:
        return self._plan.state_dir / "logs" / f"{name}.log"

    def _last_lines(self, name: str, count: int = 5) -> str:
        with self._log_path(name).open(errors="replace") as lines:
            return "".join(deque(lines, maxlen=count)).strip()

    async def _wait_ready(self) -> None:
        started = time.monotonic()
        waiting = dict(self._services)
        while waiting:
            for name, service in list(waiting.items()):
                if await _is_serving(service):
                    service.was_ready = True
                    self._say(f"{name} ready after {time.monotonic() - started:.1f} s")
                    del waiting[name]
                else:
                    await self._mend(service)
            if waiting and time.monotonic() - started > self._plan.ready_seconds:
                name = next(iter(waiting))
                raise Unavailable(
                    f"{', '.join(waiting)} not ready after {self._plan.ready_seconds:g} s; the log of {name} ends:\n"
                    + self._last_lines(name)
                )
            await asyncio.sleep(0.1)
        self._write_run_file()

    async def _keep_alive(self) -> None:
        while not self._stopping:
            for name, server in self._plan.servers.items():
                if not server.is_alive():
                    self._say(f"{name} died; starting it again")
                    await self._restart_server(name, server)
            for service in self._services.values():
                await self._mend(service)
                if not service.was_ready and await _is_serving(service):
                    service.was_ready = True
                    self._say(f"{service.name} ready again after {time.monotonic() - service.started_at:.1f} s")
            self._write_run_file()
            await asyncio.sleep(0.2)

    async def _restart_server(self, name: str, server: Server) -> None:
        try:
            await server.stop()
            await server.start()
        except (VoxcartError, OSError, RuntimeError) as error:
            log.error("server did not start again", server=name, reason=str(error))
            await asyncio.sleep(1.0)

    async def _mend(self, service: Service) -> None:
        """Starts a dead service again; gives up when it keeps dying before it was ever ready."""
        process = service.process
        if process is None or process.returncode is None:
            return
        if service.was_ready or time.monotonic() - service.started_at > STEADY_AFTER_SECONDS:
            service.failures = 0
        service.failures += 1
        if service.failures > MAX_START_FAILURES:
            raise Unavailable(
                f"{service.name} ended with status {process.returncode} {service.failures} times in a row; "
                f"its log ends:\n{self._last_lines(service.name)}"
            )
        self._say(f"{service.name} ended with status {process.returncode}; starting it again")
        await asyncio.sleep(RESTART_PAUSES_SECONDS[min(service.failures - 1, len(RESTART_PAUSES_SECONDS) - 1)])
        await self._spawn(service)

    def _write_run_file(self) -> None:
        text = json.dumps(self.describe(), indent=1)
        if text != self._run_file_lines:
            path = self._plan.state_dir / RUN_FILE
            scratch = path.with_suffix(".new")
            scratch.touch(mode=0o600)
            scratch.write_text(text)
            scratch.replace(path)
            self._run_file_lines = text

    async def _stop_all(self) -> None:
        self._stopping = True
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        (self._plan.state_dir / RUN_FILE).unlink(missing_ok=True)
        gateway = [service for service in self._services.values() if service.name == "gateway"]
        others = [service for service in self._services.values() if service.name != "gateway"]
        for group in (gateway, others):
            await asyncio.gather(*(self._stop_service(service) for service in group))
        for name, server in reversed(self._plan.servers.items()):
            try:
                await server.stop()
            except (VoxcartError, OSError, RuntimeError) as error:
                log.error("server did not stop cleanly", server=name, reason=str(error))
        for file in self._logs.values():
            file.close()
        self._logs.clear()
        self._lock.release()

    async def _stop_service(self, service: Service) -> None:
        process = service.process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), self._plan.stop_seconds)
        except TimeoutError:
            self._say(f"{service.name} did not drain in {self._plan.stop_seconds:g} s and is killed")
            process.kill()
            await process.wait()


async def _is_serving(service: Service) -> bool:
    """Whether the service answers; an answer of another process on its port is none."""
    if service.process is None:
        return False
    request = health_pb2.HealthCheckRequest(service=process_health(service.process.pid))
    try:
        async with grpc.aio.insecure_channel(service.address) as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=0.5)
    except grpc.aio.AioRpcError:
        return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING
