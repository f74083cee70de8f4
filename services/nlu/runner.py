"""Runs the blocking engine for asynchronous callers: own threads, a bounded queue, timings."""

import asyncio
import time
from concurrent.futures import Executor
from dataclasses import dataclass

from voxcart.errors import Overloaded
from voxcart_api.common.v1.common_pb2 import Role, SessionContext
from voxcart_services.nlu.catalogue import CatalogueIndex
from voxcart_services.nlu.engine import UnderstandingEngine
from voxcart_services.nlu.metrics import CONFIDENCE, QUEUE_SECONDS, REFUSED_TOTAL, UNDERSTAND_SECONDS, UTTERANCES_TOTAL
from voxcart_services.nlu.spans import Understood
from voxcart_services.nlu.transport import clock_of


@dataclass(frozen=True, slots=True)
class Timed:
    """A result with its times in milliseconds."""

    understood: Understood
    queue_ms: float
    compute_ms: float


class UnderstandingRunner:
    """Shared by servicer and bus worker.

    Args:
        engine: Does the work; blocks.
        catalogue: Gazetteers by tenant.
        executor: Threads that run the engine.
        queue_size: Calls that may wait or run at once; more are refused.
    """

    def __init__(
        self, engine: UnderstandingEngine, catalogue: CatalogueIndex, executor: Executor, queue_size: int
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._executor = executor
        self._queue_size = queue_size
        self._pending = 0

    async def understand(self, text: str, session: SessionContext) -> Timed:
        """What an utterance means in its session.

        Raises:
            Overloaded: ``queue_size`` calls are waiting or running.
        """
        if self._pending >= self._queue_size:
            REFUSED_TOTAL.inc()
            raise Overloaded("understanding is busy, try again in a moment")
        role = "merchant" if session.role == Role.ROLE_MERCHANT else "shopper"
        gazetteer = self._catalogue.gazetteer(session.tenant)
        clock = clock_of(session)
        submitted = time.perf_counter()

        def work() -> tuple[Understood, float, float]:
            started = time.perf_counter()
            understood = self._engine.understand(text, role, gazetteer, clock)
            return understood, started, time.perf_counter()

        self._pending += 1
        try:
            understood, started, ended = await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._pending -= 1
        QUEUE_SECONDS.observe(started - submitted)
        UNDERSTAND_SECONDS.observe(ended - started)
        CONFIDENCE.observe(understood.confidence)
        UTTERANCES_TOTAL.labels(understood.intent, role).inc()
        return Timed(understood, (started - submitted) * 1000, (ended - started) * 1000)
