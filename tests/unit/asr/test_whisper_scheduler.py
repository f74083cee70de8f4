"""The scheduler: order, bounds, batches, cancellation, supersession, and an answer for every waiter."""

import asyncio
import threading

import pytest

from voxcart.errors import Overloaded
from voxcart_services.asr.recognition import DecodeCancelled, Decoding, Hypothesis, Urgency
from voxcart_services.asr.whisper.scheduler import Job, Pipeline, Scheduler, SchedulerLimits

pytestmark = pytest.mark.unit


def _said(text: str) -> Hypothesis:
    return Hypothesis(text, (), 1.0, 0.0, 0.0, "zh")


class ScriptedPipeline(Pipeline[str]):
    """A payload is text and says how many steps it takes (`a:3`); `!` fails at the end, `?` when it begins.

    While `gate` is closed no step is done.
    """

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.in_step = threading.Event()
        self.begun: list[list[str]] = []
        self.dropped: list[str] = []
        self.batches: list[list[str]] = []
        self._left: dict[Job[str], int] = {}

    def is_alike(self, first: Job[str], other: Job[str]) -> bool:
        return first.payload[0] == other.payload[0]

    def begin(self, jobs: list[Job[str]]) -> None:
        self.begun.append([job.payload for job in jobs])
        if any("?" in job.payload for job in jobs):
            raise ArithmeticError("cannot begin")
        for job in jobs:
            self._left[job] = int(job.payload.split(":")[1].rstrip("!"))

    def advance(self) -> list[tuple[Job[str], Hypothesis | Exception]]:
        self.in_step.set()
        assert self.gate.wait(5)
        self.batches.append([job.payload for job in self._left])
        self._left = {job: left - 1 for job, left in self._left.items()}
        over = [job for job, left in self._left.items() if left <= 0]
        for job in over:
            del self._left[job]
        return [(job, ArithmeticError("bad") if "!" in job.payload else _said(job.payload)) for job in over]

    def drop(self, job: Job[str]) -> None:
        self.dropped.append(job.payload)
        self._left.pop(job)

    async def busy(self, scheduler: Scheduler[str], payload: str = "z:1", urgency: Urgency = Urgency.FINAL) -> Decoding:
        """Puts work in and returns when it is held at its first step."""
        self.gate.clear()
        self.in_step.clear()
        decoding = scheduler.submit(payload, urgency, object())
        while not self.in_step.is_set():
            await asyncio.sleep(0)
        return decoding


def _scheduler(**limits: object) -> tuple[Scheduler[str], ScriptedPipeline]:
    pipeline = ScriptedPipeline()
    return Scheduler(pipeline, SchedulerLimits(**limits)), pipeline  # type: ignore[arg-type]


async def test_finals_overtake_interims() -> None:
    scheduler, pipeline = _scheduler(max_batch=1)
    await pipeline.busy(scheduler)
    waiting = [
        scheduler.submit("i:1", Urgency.INTERIM, object()),
        scheduler.submit("a:1", Urgency.FINAL, object()),
        scheduler.submit("b:1", Urgency.FINAL, object()),
    ]
    pipeline.gate.set()
    await asyncio.gather(*(decoding.future for decoding in waiting))
    assert pipeline.begun == [["z:1"], ["a:1"], ["b:1"], ["i:1"]]
    assert all(decoding.queue_ms > 0 for decoding in waiting)
    await scheduler.aclose()


async def test_what_waits_is_decoded_together() -> None:
    scheduler, pipeline = _scheduler(max_batch=3, max_begun_together=2)
    await pipeline.busy(scheduler, "z:2")
    waiting = [scheduler.submit(payload, Urgency.FINAL, object()) for payload in ("a:2", "b:2", "a:3", "c:1")]
    pipeline.gate.set()
    await asyncio.gather(*(decoding.future for decoding in waiting))
    assert pipeline.begun[1] == ["a:2", "a:3"]
    assert max(len(batch) for batch in pipeline.batches) == 3
    await scheduler.aclose()


async def test_interims_do_not_begin_beside_finals_unless_told() -> None:
    for beside in (False, True):
        scheduler, pipeline = _scheduler(interims_beside_finals=beside)
        await pipeline.busy(scheduler, "z:3")
        interim = scheduler.submit("i:1", Urgency.INTERIM, object())
        pipeline.gate.set()
        await interim.future
        assert any(batch == ["z:3", "i:1"] for batch in pipeline.batches) == beside
        await scheduler.aclose()


async def test_a_full_queue_refuses_and_interims_sooner() -> None:
    scheduler, pipeline = _scheduler(max_waiting=2, max_waiting_interims=1)
    await pipeline.busy(scheduler)
    kept = scheduler.submit("i:1", Urgency.INTERIM, object())
    with pytest.raises(Overloaded):
        scheduler.submit("j:1", Urgency.INTERIM, object())
    also = scheduler.submit("a:1", Urgency.FINAL, object())
    with pytest.raises(Overloaded):
        scheduler.submit("b:1", Urgency.FINAL, object())
    pipeline.gate.set()
    assert (await kept.future).text == "i:1"
    assert (await also.future).text == "a:1"
    await scheduler.aclose()


async def test_errors_reach_their_waiter_only() -> None:
    scheduler, pipeline = _scheduler()
    await pipeline.busy(scheduler)
    broken, unbegun, fine = (scheduler.submit(p, Urgency.FINAL, object()) for p in ("a:1!", "b:1?", "c:1"))
    pipeline.gate.set()
    with pytest.raises(ArithmeticError, match="bad"):
        await broken.future
    with pytest.raises(ArithmeticError, match="cannot begin"):
        await unbegun.future
    assert (await fine.future).text == "c:1"
    await scheduler.aclose()


async def test_cancelled_work_stops_at_the_next_step_and_disturbs_nobody() -> None:
    scheduler, pipeline = _scheduler()
    running = await pipeline.busy(scheduler, "z:100")
    waiting, other = (scheduler.submit(payload, Urgency.FINAL, object()) for payload in ("a:1", "b:1"))
    running.cancel()
    waiting.cancel()
    pipeline.gate.set()
    assert (await other.future).text == "b:1"
    assert pipeline.dropped == ["z:100"]
    assert ["a:1"] not in pipeline.begun
    await scheduler.aclose()


async def test_newer_audio_takes_the_place_of_waiting_interims() -> None:
    scheduler, pipeline = _scheduler()
    await pipeline.busy(scheduler)
    owner = object()
    first, second = (scheduler.submit(payload, Urgency.INTERIM, owner) for payload in ("i:1", "j:1"))
    final = scheduler.submit("a:1", Urgency.FINAL, owner)
    again = scheduler.submit("b:1", Urgency.FINAL, owner)
    pipeline.gate.set()
    for superseded in (first, second):
        with pytest.raises(DecodeCancelled):
            await superseded.future
    assert (await final.future).text == "a:1"
    assert (await again.future).text == "b:1"
    await scheduler.aclose()


async def test_a_final_stops_the_running_interim_of_its_utterance_only() -> None:
    scheduler, pipeline = _scheduler()
    pipeline.gate.clear()
    owner = object()
    other = scheduler.submit("o:2", Urgency.INTERIM, object())
    interim = scheduler.submit("i:1000000", Urgency.INTERIM, owner)
    pipeline.gate.set()
    while ["i:1000000"] not in pipeline.begun:
        await asyncio.sleep(0)
    final = scheduler.submit("a:1", Urgency.FINAL, owner)
    with pytest.raises(DecodeCancelled):
        await interim.future
    assert (await final.future).text == "a:1"
    assert (await other.future).text == "o:2"
    while not pipeline.dropped:
        await asyncio.sleep(0)
    assert pipeline.dropped == ["i:1000000"]
    await scheduler.aclose()


async def test_closing_answers_everybody() -> None:
    scheduler, pipeline = _scheduler(max_batch=1)
    running = await pipeline.busy(scheduler, "z:100")
    waiting = scheduler.submit("a:1", Urgency.FINAL, object())
    closing = asyncio.ensure_future(scheduler.aclose())
    await asyncio.sleep(0)
    pipeline.gate.set()
    await closing
    for decoding in (running, waiting):
        with pytest.raises(Overloaded, match="shutting down"):
            await decoding.future
    with pytest.raises(Overloaded, match="shutting down"):
        scheduler.submit("b:1", Urgency.FINAL, object())
    await scheduler.aclose()


async def test_closing_what_never_worked() -> None:
    scheduler, _ = _scheduler()
    await scheduler.aclose()
