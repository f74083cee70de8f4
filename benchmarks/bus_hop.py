"""How long does an event take from one process to another over the bus, and what does an idle bus cost?

Starts a broker and as many consumer processes as the system has services, each with a worker and a control reader,
publishes events of one audio chunk's size at a steady pace, and measures

- hop: from ``publish`` being called to the handler being called in another process (one clock, ``CLOCK_MONOTONIC``),
- idle: CPU of the broker and of all consumers together over a quiet stretch, as a share of one core.

``python benchmarks/bus_hop.py [--broker embedded|apache] [--events 500] [--rate 50] [--json]``
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from voxcart.bus import CONTROL, TRANSCRIPTS, BroadcastReader, Message, SessionWorker, make_envelope, open_bus
from voxcart.embedded import ApacheKafka, EmbeddedBroker
from voxcart.settings import ServiceSettings
from voxcart_api.bus.v1.bus_pb2 import Transcript
from voxcart_api.common.v1.common_pb2 import SessionContext

CONSUMERS = 7
PAYLOAD_CHARACTERS = 2048
SETTLE_S = 3.0


async def consume(group: str) -> None:
    """One consumer process: prints the hop of each event in seconds; the event carries the time it was published."""

    async def handle(message: Message) -> None:
        print(time.monotonic() - float(message.envelope.correlation_id), flush=True)

    async def ignore(_: Message) -> None:
        return

    async with open_bus(ServiceSettings(), group) as bus, asyncio.TaskGroup() as tasks:
        tasks.create_task(SessionWorker(bus, group, [TRANSCRIPTS], handle).run())
        tasks.create_task(BroadcastReader(bus, [CONTROL], ignore).run())


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """User and system time of the processes so far."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


async def idle_share(processes: list[psutil.Process], seconds: float) -> float:
    """CPU of the processes over the next seconds, as a share of one core."""
    before = cpu_seconds(processes)
    await asyncio.sleep(seconds)
    return (cpu_seconds(processes) - before) / seconds


async def measure(options: argparse.Namespace) -> dict[str, object]:
    """Runs the benchmark; returns its figures."""
    with tempfile.TemporaryDirectory() as directory:
        server = (EmbeddedBroker if options.broker == "embedded" else ApacheKafka)(Path(directory) / "broker")
        started = time.monotonic()
        await server.start()
        start_s = time.monotonic() - started
        os.environ |= {"VOXCART_BROKER": server.address, "VOXCART_BROKER_KIND": server.kind}
        consumers = [
            await asyncio.create_subprocess_exec(
                sys.executable, __file__, "--consume", f"bench-{number}", stdout=asyncio.subprocess.PIPE
            )
            for number in range(CONSUMERS)
        ]
        try:
            return {"start_s": round(start_s, 2), **await _load(options, server, consumers)}
        finally:
            for consumer in consumers:
                consumer.kill()
                await consumer.wait()
            await server.stop()


async def _load(
    options: argparse.Namespace,
    server: EmbeddedBroker | ApacheKafka,
    consumers: list[asyncio.subprocess.Process],
) -> dict[str, object]:
    broker = [psutil.Process(server.pid)]
    others = [psutil.Process(consumer.pid) for consumer in consumers]
    hops: list[float] = []
    first_after_idle: list[float] = []

    async def collect(consumer: asyncio.subprocess.Process) -> None:
        assert consumer.stdout is not None
        while line := await consumer.stdout.readline():
            try:
                hops.append(float(line))
            except ValueError:
                continue

    async with open_bus(ServiceSettings(), "bench") as bus, asyncio.TaskGroup() as tasks:
        reading = [tasks.create_task(collect(consumer)) for consumer in consumers]
        await asyncio.sleep(SETTLE_S + CONSUMERS * 0.7)

        async def publish(number: int) -> None:
            session_id = f"s-{number % 16}"
            payload = Transcript(utterance_id=f"{session_id}/1", text="x" * PAYLOAD_CHARACTERS)
            stamp = repr(time.monotonic())
            envelope = make_envelope(
                SessionContext(session_id=session_id), payload, event_id=str(number), correlation_id=stamp
            )
            await bus.publish(TRANSCRIPTS, session_id, envelope)

        for number in range(100):
            await publish(number)
        await asyncio.sleep(SETTLE_S)
        idle = {"broker": await idle_share(broker, 10.0), "consumers": await idle_share(others, 10.0)}
        hops.clear()
        await publish(0)
        await asyncio.sleep(1.5)
        first_after_idle += hops
        hops.clear()
        before = cpu_seconds(broker + others)
        started = time.monotonic()
        for number in range(options.events):
            await publish(number)
            await asyncio.sleep(max(0.0, started + (number + 1) / options.rate - time.monotonic()))
        busy = (cpu_seconds(broker + others) - before) / (time.monotonic() - started)
        await asyncio.sleep(2.0)
        for task in reading:
            task.cancel()
    ordered = sorted(hops)
    cuts = statistics.quantiles(ordered, n=100)
    return {
        "events": options.events,
        "deliveries": len(ordered),
        "hop_ms": {name: round(cuts[at - 1] * 1000, 2) for name, at in (("p50", 50), ("p95", 95), ("p99", 99))},
        "first_after_idle_ms": round(max(first_after_idle) * 1000, 2),
        "idle_cpu_share": {name: round(share, 4) for name, share in idle.items()},
        "busy_cpu_share": round(busy, 3),
        "broker_rss_mb": broker[0].memory_info().rss >> 20,
    }


def main() -> None:
    """Reads the options, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--broker", choices=["embedded", "apache"], default="embedded")
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50.0, help="events per second")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--consume", metavar="GROUP", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.consume:
        asyncio.run(consume(options.consume))
        return
    figures = {
        "broker": options.broker,
        "consumers": CONSUMERS,
        "rate_per_s": options.rate,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **asyncio.run(measure(options)),
    }
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:22} {value}")


if __name__ == "__main__":
    main()
