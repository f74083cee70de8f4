"""A worker process that is killed with ``kill -9``: how soon does its successor handle what it left?"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from support.bus_brokers import Apache, BrokerUnderTest, Embedded, missing_for_kafka

from voxcart.bus import TRANSCRIPTS, make_envelope
from voxcart_api.bus.v1.bus_pb2 import Transcript
from voxcart_api.common.v1.common_pb2 import SessionContext

pytestmark = pytest.mark.integration

WORKER = Path(__file__).parents[1] / "support" / "bus_worker_process.py"
TAKEOVER_S = 5.0


@pytest.fixture(params=["embedded", "kafka"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BrokerUnderTest]:
    if request.param == "kafka" and (reason := missing_for_kafka()):
        pytest.skip(reason)
    under_test: BrokerUnderTest = Embedded(tmp_path) if request.param == "embedded" else Apache(tmp_path)
    await under_test.start()
    yield under_test
    await under_test.stop()


async def start_worker(broker: BrokerUnderTest, group: str, hang_on: str = "") -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "VOXCART_BROKER": broker.address,
        "VOXCART_BROKER_KIND": broker.name,
        "VOXCART_BUS_MEMBER": "only",
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), group, hang_on, stdout=asyncio.subprocess.PIPE, env=environment
    )


async def handled(process: asyncio.subprocess.Process) -> str:
    """The next event id that the worker began to handle."""
    assert process.stdout is not None
    while True:
        line = (await asyncio.wait_for(process.stdout.readline(), 30.0)).decode().strip()
        assert line, "the worker ended"
        if line.startswith("s-"):
            return line


async def test_a_killed_worker_is_replaced_within_seconds_and_nothing_is_lost(broker: BrokerUnderTest) -> None:
    session_id = f"s-{uuid4().hex[:16]}"
    events = [f"{session_id}/{number}/final" for number in range(3)]
    group = f"takeover-{uuid4().hex[:8]}"
    async with broker.bus("publisher") as bus:
        victim = await start_worker(broker, group, hang_on=events[1])
        for event_id in events:
            payload = Transcript(utterance_id=event_id, kind=Transcript.KIND_FINAL)
            context = SessionContext(session_id=session_id)
            await bus.publish(TRANSCRIPTS, session_id, make_envelope(context, payload, event_id=event_id))
        assert [await handled(victim) for _ in range(2)] == events[:2]
        await asyncio.sleep(0.5)
        victim.kill()
        await victim.wait()
        killed_at = time.monotonic()
        successor = await start_worker(broker, group)
        try:
            assert [await handled(successor) for _ in range(2)] == events[1:]
            took_s = time.monotonic() - killed_at
        finally:
            successor.kill()
            await successor.wait()
    print(f"{broker.name}: {took_s:.2f} s from kill -9 to the first message of the successor")
    assert took_s < TAKEOVER_S
