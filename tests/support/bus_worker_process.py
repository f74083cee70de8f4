"""A worker as a process of its own, to be killed: prints the id of each message when it begins to handle it.

``python bus_worker_process.py GROUP [HANG_ON_EVENT_ID]``, broker by ``VOXCART_BROKER`` and ``VOXCART_BROKER_KIND``.
"""

import asyncio
import sys

from voxcart.bus import TRANSCRIPTS, Message, SessionWorker, WorkerOptions, open_bus
from voxcart.settings import ServiceSettings


async def main(group: str, hang_on: str) -> None:
    async def handle(message: Message) -> None:
        print(message.event_id, flush=True)
        if message.event_id == hang_on:
            await asyncio.Event().wait()

    async with open_bus(ServiceSettings(), group) as bus:
        worker = SessionWorker(bus, group, [TRANSCRIPTS], handle, WorkerOptions(commit_interval_s=0.05))
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
