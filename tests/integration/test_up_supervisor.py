"""The supervisor with small real processes: ready, restart, clean stop, and clear errors."""

import asyncio
import json
import os
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from voxcart.errors import Unavailable, WrongState
from voxcart.ports import free_port, port_in_use
from voxcart.supervisor import Plan, Supervisor

pytestmark = pytest.mark.integration

HEALTHY = """
    from voxcart.service import run
    from voxcart.settings import ServiceSettings, read_settings
    from voxcart_api.nlu.v1 import nlu_pb2_grpc

    async def build(context):
        context.add_servicer(
            nlu_pb2_grpc.add_LanguageUnderstandingServicer_to_server,
            nlu_pb2_grpc.LanguageUnderstandingServicer(),
            "voxcart.nlu.v1.LanguageUnderstanding",
        )

    run("small", read_settings(ServiceSettings), build)
"""
BROKEN = """
    import sys
    print("the model is missing", file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "small_service.py").write_text(textwrap.dedent(HEALTHY))
    (folder / "broken_service.py").write_text(textwrap.dedent(BROKEN))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def plan(tmp_path: Path, modules: dict[str, str] | None = None, **changes: object) -> Plan:
    wanted = {"gateway": "small_service", "asr": "small_service"} if modules is None else modules
    return Plan(tmp_path / "state", {}, lambda: {"VOXCART_LOG_LEVEL": "INFO"}, modules=wanted, **changes)


@pytest.fixture
async def system(tmp_path: Path, modules: Path) -> AsyncIterator[Supervisor]:
    async with Supervisor(plan(tmp_path)) as running:
        yield running


async def wait_until_ready_again(system: Supervisor, name: str, old_pid: int) -> None:
    async with asyncio.timeout(30):
        while True:
            service = system.services[name]
            if service.process is not None and service.process.pid != old_pid and service.was_ready:
                return
            await asyncio.sleep(0.05)


async def test_run_file_says_where_everything_is(system: Supervisor, tmp_path: Path) -> None:
    run = json.loads((tmp_path / "state" / "run.json").read_text())
    assert run["gateway"] == system.gateway
    assert set(run["services"]) == {"gateway", "asr"}
    assert all(psutil.pid_exists(pid) for pid in run["pids"].values())


async def test_a_killed_service_comes_back_at_its_address(system: Supervisor) -> None:
    asr = system.services["asr"]
    address, pid = asr.address, asr.process.pid
    os.kill(pid, signal.SIGKILL)
    await wait_until_ready_again(system, "asr", pid)
    assert system.services["asr"].address == address


async def test_stop_leaves_no_process_no_run_file_and_no_lock(tmp_path: Path, modules: Path) -> None:
    async with Supervisor(plan(tmp_path)) as running:
        pids = [service.process.pid for service in running.services.values()]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not (tmp_path / "state" / "run.json").exists()
    async with Supervisor(plan(tmp_path)) as again:
        assert again.gateway


async def test_a_state_directory_in_use_is_refused(system: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(WrongState, match="in use by another"):
        async with Supervisor(plan(tmp_path)):
            pass
    assert system.services["gateway"].process.returncode is None


async def test_two_state_directories_run_side_by_side(system: Supervisor, tmp_path: Path) -> None:
    async with Supervisor(plan(tmp_path / "second")) as second:
        assert second.gateway != system.gateway


async def test_a_gateway_port_in_use_is_said_before_anything_starts(system: Supervisor, tmp_path: Path) -> None:
    port = system.services["gateway"].port
    with pytest.raises(WrongState, match=f"port {port} is in use"):
        async with Supervisor(plan(tmp_path / "second", gateway_port=port)):
            pass


async def test_a_service_that_cannot_start_is_given_up_with_its_last_words(tmp_path: Path, modules: Path) -> None:
    with pytest.raises(Unavailable, match="the model is missing"):
        async with Supervisor(plan(tmp_path, {"gateway": "small_service", "asr": "broken_service"})):
            pass


async def test_services_end_when_the_supervisor_is_killed(tmp_path: Path, modules: Path) -> None:
    script = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from voxcart.supervisor import Plan, Supervisor

        async def main():
            plan = Plan(Path({str(tmp_path / "state")!r}), {{}}, dict, modules={{"gateway": "small_service"}})
            async with Supervisor(plan) as system:
                print(system.services["gateway"].process.pid, flush=True)
                await system.wait_failed()

        asyncio.run(main())
    """)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    child = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    assert psutil.wait_procs([child], timeout=15)[1] == []


def test_free_ports_are_free_and_never_the_same_one() -> None:
    ports = [free_port() for _ in range(300)]
    assert len(set(ports)) == 300
    assert not any(port_in_use(port) for port in ports)


def test_free_ports_lie_below_those_that_connections_take() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert free_port() < taken.getsockname()[1]


async def test_a_dead_service_is_not_ready_because_another_answers_on_its_port(
    tmp_path: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = free_port()
    ports = iter([shared, free_port(), shared, free_port()])
    monkeypatch.setattr("voxcart.supervisor.free_port", lambda: next(ports))
    with pytest.raises(Unavailable, match=r"times in a row"):
        async with Supervisor(plan(tmp_path)) as system:
            await system.wait_failed()
