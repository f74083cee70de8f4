"""A service's life: not serving until built, statuses from errors, drained on stop, status 1 when a task dies."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from voxcart import service
from voxcart.errors import InvalidInput, NotFound, Overloaded
from voxcart.service import ServiceContext
from voxcart.settings import ServiceSettings, read_settings
from voxcart_api.nlu.v1 import nlu_pb2, nlu_pb2_grpc

pytestmark = pytest.mark.unit

ERRORS = {"unknown": NotFound("no such thing"), "bad": InvalidInput("too long"), "full": Overloaded("try later")}


class Understanding(nlu_pb2_grpc.LanguageUnderstandingServicer):
    async def Understand(self, request, context):
        if request.text in ERRORS:
            raise ERRORS[request.text]
        if request.text == "boom":
            raise ZeroDivisionError("secret detail")
        return nlu_pb2.UnderstandResponse()


class Running:
    """A service in this event loop, with what the test needs of it."""

    def __init__(self) -> None:
        self.context: ServiceContext | None = None
        self.building = asyncio.Event()
        self.may_build = asyncio.Event()
        self.closed: list[str] = []
        self.die = asyncio.Event()
        self.port = 0

    async def build(self, context: ServiceContext) -> None:
        self.context = context
        context.add_servicer(
            nlu_pb2_grpc.add_LanguageUnderstandingServicer_to_server,
            Understanding(),
            "voxcart.nlu.v1.LanguageUnderstanding",
        )
        context.stack.callback(self.closed.append, "resource")
        context.on_drain(self._drained)
        context.supervise("mortal", self._mortal())
        self.building.set()
        await self.may_build.wait()

    async def _drained(self) -> None:
        self.closed.append("drained")

    async def _mortal(self) -> None:
        await self.die.wait()
        raise RuntimeError("died")


@pytest.fixture
async def running(unused_tcp_port: int) -> AsyncIterator[tuple[Running, asyncio.Task[int], grpc.aio.Channel]]:
    state = Running()
    settings = ServiceSettings(listen=f"127.0.0.1:{unused_tcp_port}")
    task = asyncio.create_task(service.serve("try", settings, state.build))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{unused_tcp_port}") as channel:
        yield state, task, channel
    if not task.done():
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _serving(channel: grpc.aio.Channel) -> None:
    answer = await health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=5
    )
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_not_healthy_before_it_is_built(running) -> None:
    state, _, channel = running
    with pytest.raises(grpc.aio.AioRpcError):
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=0.3)
    state.may_build.set()
    await _serving(channel)


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("unknown", grpc.StatusCode.NOT_FOUND, "no such thing"),
        ("bad", grpc.StatusCode.INVALID_ARGUMENT, "too long"),
        ("full", grpc.StatusCode.RESOURCE_EXHAUSTED, "try later"),
        ("boom", grpc.StatusCode.INTERNAL, "internal error; the log of the service has the details"),
    ],
)
async def test_errors_become_statuses(running, text: str, code: grpc.StatusCode, sentence: str) -> None:
    state, _, channel = running
    state.may_build.set()
    await _serving(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await nlu_pb2_grpc.LanguageUnderstandingStub(channel).Understand(nlu_pb2.UnderstandRequest(text=text))
    assert caught.value.code() == code
    assert caught.value.details() == sentence


async def test_stop_drains_then_closes(running) -> None:
    state, task, channel = running
    state.may_build.set()
    await _serving(channel)
    state.context.stopping.set()
    assert await task == 0
    assert state.closed == ["drained", "resource"]


async def test_a_dead_task_ends_the_service_with_status_1(running) -> None:
    state, task, channel = running
    state.may_build.set()
    await _serving(channel)
    state.die.set()
    assert await task == 1
    assert state.closed == ["drained", "resource"]


async def test_stop_during_build_ends_cleanly(running) -> None:
    state, task, _ = running
    await state.building.wait()
    state.context.stopping.set()
    assert await task == 0
    assert state.closed == ["resource"]


async def test_port_in_use_is_said(running, unused_tcp_port: int) -> None:
    state, _, channel = running
    state.may_build.set()
    await _serving(channel)
    settings = ServiceSettings(listen=f"127.0.0.1:{unused_tcp_port}")
    with pytest.raises(BaseExceptionGroup) as caught:
        await service.serve("second", settings, Running().build)
    assert "port is in use" in str(caught.value.exceptions[0])


def test_bad_settings_name_the_variable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VOXCART_LISTEN", "nowhere")
    with pytest.raises(SystemExit) as caught:
        read_settings(ServiceSettings)
    assert caught.value.code == 2
    assert "VOXCART_LISTEN" in capsys.readouterr().err
