"""The batcher: batches equal singles, every waiter is answered on every path, limits hold."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart.errors import DeadlineMissed, Overloaded, Unavailable
from voxcart.serving.batcher import Batcher, BatchLimits, InferenceFailed

pytestmark = pytest.mark.unit


class SteppedExecutor(Executor):
    """Computes a batch only when the test says so, in the test's own thread."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, fn, args))
        return future

    def step(self, error: BaseException | None = None) -> bool:
        """Compute the oldest batch, or let it fail; False when none waits."""
        while self.waiting:
            future, fn, args = self.waiting.pop(0)
            if not future.set_running_or_notify_cancel():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(fn(*args))
            return True
        return False


class JumpingSelector(selectors.DefaultSelector):
    """Time goes on only when the loop has nothing to do, and then at once to the next timer."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.now += timeout
            timeout = 0
        return super().select(timeout)


def run_in_virtual_time(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop whose clock jumps."""
    selector = JumpingSelector()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(coroutine)


async def settle() -> None:
    """Let every task run until it waits for something that only the test can give."""
    for _ in range(20):
        await asyncio.sleep(0)


def double(items: Sequence[int]) -> list[int]:
    return [2 * item for item in items]


def limits(**changes: Any) -> BatchLimits:
    return BatchLimits(**({"max_batch_size": 4, "max_wait_seconds": 0.0, "max_queue_size": 100} | changes))


@given(items=st.lists(st.integers(), min_size=1, max_size=40), size=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_a_batch_equals_its_singles(items: list[int], size: int) -> None:
    seen: list[list[int]] = []

    def infer(batch: Sequence[int]) -> list[int]:
        seen.append(list(batch))
        return double(batch)

    async def scenario() -> None:
        async with Batcher("t", infer, limits(max_batch_size=size)) as batcher:
            assert await asyncio.gather(*(batcher.submit(item) for item in items)) == double(items)

    asyncio.run(scenario())
    assert [item for batch in seen for item in batch] == items, "first in, first out"
    assert max(map(len, seen)) <= size


OPERATIONS = st.one_of(
    st.just(("submit", 0)),
    st.just(("submit", 0)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.just(("step", 0)),
    st.just(("fail", 0)),
    st.just(("settle", 0)),
    st.just(("close", 0)),
)


@given(operations=st.lists(OPERATIONS, max_size=40), size=st.integers(1, 4), parallel=st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_every_waiter_is_answered_whatever_happens(operations: list[tuple[str, int]], size: int, parallel: int) -> None:
    async def scenario() -> None:
        executor = SteppedExecutor()
        batcher = Batcher(
            "t", double, limits(max_batch_size=size, max_queue_size=6, max_concurrent_batches=parallel), executor
        )
        batcher.start()
        tasks: list[asyncio.Task[int]] = []
        closing: list[asyncio.Task[None]] = []
        for operation, index in operations:
            match operation:
                case "submit":
                    tasks.append(asyncio.create_task(batcher.submit(len(tasks))))
                case "cancel":
                    if tasks:
                        tasks[index % len(tasks)].cancel()
                case "step":
                    executor.step()
                case "fail":
                    executor.step(RuntimeError("broken"))
                case "settle":
                    await settle()
                case "close":
                    closing.append(asyncio.create_task(batcher.aclose()))
        closing.append(asyncio.create_task(batcher.aclose()))
        await settle()
        while executor.step():
            await settle()
        await settle()
        assert all(task.done() for task in [*tasks, *closing])
        for number, task in enumerate(tasks):
            if task.cancelled():
                continue
            error = task.exception()
            assert isinstance(error, InferenceFailed | Overloaded | Unavailable) or task.result() == 2 * number
        assert batcher._taken == set()
        assert not batcher._queue

    asyncio.run(scenario())


@pytest.mark.parametrize("turns", range(8))
async def test_killing_the_dispatcher_at_any_moment_answers_all(turns: int) -> None:
    executor = SteppedExecutor()
    batcher = Batcher("t", double, limits(max_batch_size=2), executor)
    batcher.start()
    tasks = [asyncio.create_task(batcher.submit(number)) for number in range(5)]
    for _ in range(turns):
        await asyncio.sleep(0)
    batcher._dispatcher.cancel()
    await settle()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    with pytest.raises(Unavailable):
        await batcher.submit(1)
    await batcher.aclose()


async def test_cancelling_aclose_still_answers_the_batch_that_computes() -> None:
    executor = SteppedExecutor()
    batcher = Batcher("t", double, limits(), executor)
    batcher.start()
    waiter = asyncio.create_task(batcher.submit(1))
    await settle()
    closing = asyncio.create_task(batcher.aclose())
    await settle()
    assert not closing.done(), "it waits for the batch that computes"
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    with pytest.raises(Unavailable):
        await waiter


async def test_a_batch_that_computes_while_closing_is_still_answered() -> None:
    executor = SteppedExecutor()
    batcher = Batcher("t", double, limits(max_batch_size=1), executor)
    batcher.start()
    first, second = (asyncio.create_task(batcher.submit(number)) for number in (1, 2))
    await settle()
    closing = asyncio.create_task(batcher.aclose())
    await settle()
    executor.step()
    await closing
    assert await first == 2
    with pytest.raises(Unavailable):
        await second


async def test_a_full_queue_refuses() -> None:
    executor = SteppedExecutor()
    batcher = Batcher("t", double, limits(max_batch_size=1, max_queue_size=2), executor)
    batcher.start()
    accepted = [asyncio.create_task(batcher.submit(0))]
    await settle()
    accepted += [asyncio.create_task(batcher.submit(number)) for number in (1, 2)]
    await settle()
    with pytest.raises(Overloaded, match="2 requests wait"):
        await batcher.submit(3)
    for _ in accepted:
        executor.step()
        await settle()
    assert await asyncio.gather(*accepted) == [0, 2, 4]
    await batcher.aclose()


async def test_cancelled_items_never_reach_the_model() -> None:
    seen: list[int] = []

    def infer(batch: Sequence[int]) -> list[int]:
        seen.extend(batch)
        return list(batch)

    executor = SteppedExecutor()
    batcher = Batcher("t", infer, limits(max_batch_size=1), executor)
    batcher.start()
    tasks = [asyncio.create_task(batcher.submit(number)) for number in range(3)]
    await settle()
    tasks[1].cancel()
    executor.step()
    await settle()
    executor.step()
    await settle()
    assert seen == [0, 2]
    assert await tasks[2] == 2
    await batcher.aclose()


async def test_a_model_that_loses_results_fails_its_batch_and_the_next_goes_on() -> None:
    answers = [[1], [1, 2]]
    async with Batcher("t", lambda batch: answers.pop(0), limits()) as batcher:
        results = await asyncio.gather(batcher.submit(1), batcher.submit(2), return_exceptions=True)
        assert all(isinstance(result, InferenceFailed) for result in results)
        assert results[0] is not results[1]
        assert isinstance(results[0].__cause__, ValueError)
        assert await asyncio.gather(batcher.submit(1), batcher.submit(2)) == [1, 2]


async def test_a_batcher_that_was_not_started_says_so() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        await Batcher("t", double, limits(), SteppedExecutor()).submit(1)


@pytest.mark.parametrize(
    "changes", [{"max_batch_size": 0}, {"max_queue_size": 0}, {"max_wait_seconds": -1.0}, {"max_concurrent_batches": 0}]
)
def test_senseless_limits_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        limits(**changes)


def test_a_lonely_item_waits_for_company_but_not_longer_than_it_may() -> None:
    async def scenario() -> None:
        executor = SteppedExecutor()
        batcher = Batcher("t", double, limits(max_wait_seconds=0.05, max_batch_size=3), executor)
        batcher.start()
        loop = asyncio.get_running_loop()
        first = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.03)
        second = asyncio.create_task(batcher.submit(2))
        await settle()
        assert not executor.waiting
        await asyncio.sleep(0.0201)
        assert loop.time() == pytest.approx(0.05, abs=0.001)
        assert executor.step(), "the first item is 50 ms old"
        assert await asyncio.gather(first, second) == [2, 4]
        await batcher.aclose()

    run_in_virtual_time(scenario())


def test_a_full_batch_does_not_wait() -> None:
    async def scenario() -> None:
        executor = SteppedExecutor()
        batcher = Batcher("t", double, limits(max_wait_seconds=10.0, max_batch_size=2), executor)
        batcher.start()
        tasks = [asyncio.create_task(batcher.submit(number)) for number in (1, 2)]
        await settle()
        assert executor.step()
        assert await asyncio.gather(*tasks) == [2, 4]
        assert asyncio.get_running_loop().time() == 0.0
        await batcher.aclose()

    run_in_virtual_time(scenario())


def test_a_deadline_is_met_in_the_queue_and_while_computing() -> None:
    async def scenario() -> None:
        executor = SteppedExecutor()
        batcher = Batcher("t", double, limits(max_batch_size=1), executor)
        batcher.start()
        loop = asyncio.get_running_loop()
        computing = asyncio.create_task(batcher.submit(1, timeout_seconds=0.2))
        await settle()
        with pytest.raises(DeadlineMissed, match=r"0\.1 s"):
            await batcher.submit(2, timeout_seconds=0.1)
        assert loop.time() == pytest.approx(0.1)
        with pytest.raises(DeadlineMissed):
            await computing
        assert loop.time() == pytest.approx(0.2)
        executor.step()
        await settle()
        third = asyncio.create_task(batcher.submit(3))
        await settle()
        assert executor.step(), "the batcher goes on after missed deadlines"
        assert await third == 6
        await batcher.aclose()

    run_in_virtual_time(scenario())
