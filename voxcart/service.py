"""One life for every service: start, serve, drain, stop.

A service gives a ``build`` coroutine that loads its models, connects, registers servicers and starts workers. Health
says NOT_SERVING until ``build`` is done and from SIGTERM on; then streams and messages in flight get
``drain_seconds`` to finish, and what was entered into ``ServiceContext.stack`` is closed in reverse order.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from voxcart.errors import VoxcartError
from voxcart.grpc_support import ErrorsAndMetrics, server_options
from voxcart.settings import ServiceSettings
from voxcart.telemetry.logs import configure_logging, get_logger
from voxcart.telemetry.metrics import SERVICE_READY, TASK_FAILURES_TOTAL, MetricsServer

log = get_logger(__name__)

PARENT_VARIABLE = "VOXCART_PARENT_PID"
"""Set by a supervisor: the service drains when the process with this id is gone."""

Drain = Callable[[], Awaitable[None]]
Build = Callable[["ServiceContext"], Awaitable[None]]


class ServiceContext:
    """What ``build`` works with.

    Attributes:
        stack: Resources to be closed at stop, last entered first.
        stopping: Set when SIGTERM or SIGINT came or a supervised task died.
    """

    def __init__(self, name: str, settings: ServiceSettings, server: grpc.aio.Server, tasks: asyncio.TaskGroup) -> None:
        self.name = name
        self.settings = settings
        self.stack = AsyncExitStack()
        self.stopping = asyncio.Event()
        self.failure: BaseException | None = None
        self._server = server
        self._tasks = tasks
        self._running: set[asyncio.Task[None]] = set()
        self._drains: list[Drain] = []
        self.service_names: list[str] = []

    def add_servicer(self, adder: Callable[[Any, grpc.aio.Server], None], servicer: Any, full_name: str) -> None:
        """Registers a servicer by its generated ``add_..._to_server`` and its full proto name."""
        adder(servicer, self._server)
        self.service_names.append(full_name)

    def supervise(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs ``work`` for the life of the service. If it fails, the service drains and exits with status 1."""
        task = self._tasks.create_task(self._guard(name, work), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def on_drain(self, drain: Drain) -> None:
        """Calls ``drain`` after health turned NOT_SERVING: finish and commit what is in flight, accept no more."""
        self._drains.append(drain)

    async def drain(self) -> None:
        """Runs the drains side by side; what does not finish in ``drain_seconds`` is logged and given up."""
        if not self._drains:
            return
        waits = [asyncio.wait_for(drain(), self.settings.drain_seconds) for drain in self._drains]
        for result in await asyncio.gather(*waits, return_exceptions=True):
            if isinstance(result, BaseException):
                log.warning("drain did not finish", error=type(result).__name__)

    def cancel_tasks(self) -> None:
        """Cancels what still runs under supervision."""
        for task in self._running:
            task.cancel()

    async def _guard(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as error:
            TASK_FAILURES_TOTAL.labels(name).inc()
            log.error("supervised task died", task=name, exc_info=error)
            self.failure = error
            self.stopping.set()


async def serve(name: str, settings: ServiceSettings, build: Build) -> int:
    """Runs a service until SIGTERM or SIGINT; returns the exit status."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)

    host = settings.listen.rpartition(":")[0]
    metrics = MetricsServer(host, settings.metrics_port)
    server = grpc.aio.server(interceptors=[ErrorsAndMetrics()], options=server_options(settings.max_message_bytes))
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    try:
        async with asyncio.TaskGroup() as tasks:
            context = ServiceContext(name, settings, server, tasks)
            context.stopping = stopping
            try:
                return await _live(context, server, checks, build, metrics.port)
            finally:
                context.cancel_tasks()
                await server.stop(None)
                await context.stack.aclose()
    finally:
        metrics.close()


async def _live(
    context: ServiceContext, server: grpc.aio.Server, checks: health.aio.HealthServicer, build: Build, metrics_port: int
) -> int:
    settings = context.settings
    port = await _bind_and_build(context, server, checks, build)
    if port is None:
        return 0
    await _set_health(checks, context.service_names, serving=True)
    SERVICE_READY.set(1)
    log.info("serving", port=port, metrics_port=metrics_port, settings=settings.model_dump(mode="json"))
    await context.stopping.wait()
    log.info("draining")
    SERVICE_READY.set(0)
    await _set_health(checks, context.service_names, serving=False)
    await context.drain()
    await server.stop(settings.drain_seconds)
    log.info("stopped")
    return 1 if context.failure else 0


async def _bind_and_build(
    context: ServiceContext, server: grpc.aio.Server, checks: health.aio.HealthServicer, build: Build
) -> int | None:
    """Binds the port, builds the service and starts serving; None if a stop was asked for meanwhile."""
    port = _bind(server, context.settings.listen)
    await _set_health(checks, [], serving=False)
    building = asyncio.create_task(build(context), name="build")
    stopped = asyncio.create_task(context.stopping.wait(), name="stopped")
    try:
        await asyncio.wait({building, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not building.done():
            return None
        await building
    finally:
        for task in (building, stopped):
            task.cancel()
        await asyncio.gather(building, stopped, return_exceptions=True)
    if not context.service_names:
        raise RuntimeError(f"service {context.name} registered no servicer")
    reflection.enable_server_reflection([*context.service_names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    await server.start()
    return port


def _bind(server: grpc.aio.Server, address: str) -> int:
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if port == 0:
        raise OSError(f"cannot listen on {address}: the port is in use or the address is not this machine's")
    return port


async def _set_health(checks: health.aio.HealthServicer, names: list[str], *, serving: bool) -> None:
    status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    for name in ["", process_health(os.getpid()), *names]:
        await checks.set(name, status)


def process_health(pid: int) -> str:
    """Name under which the health service knows one process, to tell it from another one on its port."""
    return f"process.{pid}"


def run(name: str, settings: ServiceSettings, build: Build) -> None:
    """Entry point of ``__main__``: configures logging, runs :func:`serve`, exits with its status.

    A refused start (port in use, model missing, server away) ends with status 1 and one clear line.
    """
    configure_logging(name, settings.log_level)
    _end_with_parent(os.environ.get(PARENT_VARIABLE))
    try:
        import uvloop

        runner: Callable[[Coroutine[Any, Any, int]], int] = uvloop.run
    except ImportError:
        runner = asyncio.run
    try:
        status = runner(serve(name, settings, build))
    except* (VoxcartError, OSError) as group:
        for error in group.exceptions:
            log.error("cannot start", reason=str(error))
        status = 1
    sys.exit(status)


def _end_with_parent(parent_pid: str | None) -> None:
    """Asks the kernel (Linux) for SIGTERM when the supervisor dies, so that no service outlives it."""
    if not parent_pid or not sys.platform.startswith("linux"):
        return
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != int(parent_pid):
        log.error("the supervisor is gone")
        sys.exit(1)
