"""The decode queue: order, bounds, cancellation, and an answer for every waiter."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from voxcart.errors import Overloaded
from voxcart_services.asr.work import DecodeQueue, Urgency

pytestmark = pytest.mark.unit


class Blocker:
    """Keeps the queue's thread busy until it is released."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started = asyncio.Event()
        self.release = threading.Event()
        self.saw_cancel = False

    async def is_running(self) -> None:
        await self._started.wait()

    def __call__(self, is_cancelled: Callable[[], bool]) -> str:
        self._loop.call_soon_threadsafe(self._started.set)
        self.release.wait(5)
        self.saw_cancel = is_cancelled()
        return "blocked"


async def _busy(queue: DecodeQueue) -> Blocker:
    blocker = Blocker()
    queue.submit(blocker, Urgency.FINAL)
    await blocker.is_running()
    return blocker


async def test_finals_overtake_interims() -> None:
    queue, order = DecodeQueue(), []
    blocker = await _busy(queue)
    jobs = [
        queue.submit(lambda _, name=name: order.append(name), urgency)
        for name, urgency in [("interim", Urgency.INTERIM), ("first", Urgency.FINAL), ("second", Urgency.FINAL)]
    ]
    blocker.release.set()
    await asyncio.gather(*(job.future for job in jobs))
    assert order == ["first", "second", "interim"]
    await queue.aclose()


async def test_a_full_queue_refuses_and_interims_sooner() -> None:
    queue = DecodeQueue(max_length=2, max_interims=1)
    blocker = await _busy(queue)
    kept = queue.submit(lambda _: "kept", Urgency.INTERIM)
    with pytest.raises(Overloaded):
        queue.submit(lambda _: "interim", Urgency.INTERIM)
    also = queue.submit(lambda _: "also", Urgency.FINAL)
    with pytest.raises(Overloaded):
        queue.submit(lambda _: "final", Urgency.FINAL)
    blocker.release.set()
    assert await kept.future == "kept"
    assert await also.future == "also"
    await queue.aclose()


async def test_errors_reach_their_waiter_only() -> None:
    queue = DecodeQueue()

    def fail(_: Callable[[], bool]) -> None:
        raise ArithmeticError("bad")

    broken, fine = queue.submit(fail, Urgency.FINAL), queue.submit(lambda _: 1, Urgency.FINAL)
    with pytest.raises(ArithmeticError):
        await broken.future
    assert await fine.future == 1
    await queue.aclose()


async def test_cancelled_work_is_told_and_left_out() -> None:
    queue, ran = DecodeQueue(), []
    blocker = Blocker()
    running = queue.submit(blocker, Urgency.FINAL)
    await blocker.is_running()
    waiting = queue.submit(lambda _: ran.append(1), Urgency.FINAL)
    running.cancel()
    waiting.cancel()
    blocker.release.set()
    await queue.submit(lambda _: None, Urgency.FINAL).future
    assert blocker.saw_cancel
    assert ran == []
    await queue.aclose()


async def test_closing_answers_everybody() -> None:
    queue = DecodeQueue()
    blocker = await _busy(queue)
    waiting = queue.submit(lambda _: 1, Urgency.FINAL)
    closing = asyncio.ensure_future(queue.aclose())
    await asyncio.sleep(0)
    blocker.release.set()
    await closing
    with pytest.raises(Overloaded, match="shutting down"):
        await waiting.future
    with pytest.raises(Overloaded, match="shutting down"):
        queue.submit(lambda _: 1, Urgency.FINAL)
