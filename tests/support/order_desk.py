"""Sends requests to a shop the way bad networks do, and keeps what was answered.

A request goes out once or several times at the same moment, to any replica; some copies are cut off by a deadline, a
cancellation or a lost connection. What is not clear afterwards is asked again under the same key. All that was ever
accepted under one key must be the same answer.
"""

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc

from support.shop_replicas import Replica, Replicas
from voxcart.grpc_support import REASON_METADATA

REFUSALS = {
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.ALREADY_EXISTS,
}
TRANSIENT = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}
TIMEOUT_SECONDS = 10.0
GHOST_SECONDS = 1.0
"""How long a call that was cut off may still be at work."""
UNDER_WAY = "payment_under_way"


class ShopBroken(AssertionError):
    """The shop did what it must never do."""


@dataclass(slots=True)
class Asked:
    """A request, and what came of it.

    Attributes:
        answer: ``None`` unless it was accepted.
        is_clear: Whether the shop said what came of it; a payment may be left to the payment company.
    """

    call: str
    request: Any
    answer: Any = None
    is_clear: bool = True
    refusal: str = ""

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.request.idempotency_key

    @property
    def user(self) -> str:
        """Who asked."""
        return self.request.actor.user_id


@dataclass(slots=True)
class _Reply:
    answer: Any = None
    refusal: str = ""
    reason: str = ""

    @property
    def is_clear(self) -> bool:
        return self.answer is not None or bool(self.refusal)


@dataclass
class Desk:
    """Where requests of all clients go out.

    Attributes:
        faults: What was done to requests, by kind.
        asked: Every request whose outcome is clear, and payments that were left.
    """

    replicas: Replicas
    chance: random.Random
    faults: Counter[str] = field(default_factory=Counter)
    asked: dict[tuple[str, str], Asked] = field(default_factory=dict)
    is_calm: bool = False

    async def ask(self, call: str, request: Any, *, tries: int = 60) -> Asked:
        """Sends a request until it is clear what came of it; payments at most ``tries`` times.

        Raises:
            ShopBroken: Two answers to one key, an internal error, or no answer at all.
        """
        asked = Asked(call, request, is_clear=False)
        replies = await self._copies(call, request)
        for _ in range(tries):
            accepted = [reply.answer for reply in replies if reply.answer is not None]
            if accepted:
                asked.answer, asked.is_clear = accepted[0], True
                self._same(asked, accepted)
                break
            if all(reply.is_clear for reply in replies):
                asked.refusal, asked.is_clear = replies[-1].refusal, replies[-1].reason != UNDER_WAY
                if asked.is_clear or call != "Pay":
                    break
            await asyncio.sleep(GHOST_SECONDS)
            self.faults["repeated after a while"] += 1
            replies = [await self._send(call, request, TIMEOUT_SECONDS)]
        if not asked.is_clear and call != "Pay":
            raise ShopBroken(f"{call} {asked.key}: nothing clear was ever said")
        self.asked[asked.user, asked.key] = asked
        return asked

    async def repeat(self, asked: Asked) -> None:
        """Sends an accepted request again, much later and to any replica: it must be told the same."""
        self.faults["repeated much later"] += not self.is_calm
        reply = await self._send(asked.call, asked.request, TIMEOUT_SECONDS)
        if reply.answer is not None:
            self._same(asked, [reply.answer])
        elif reply.refusal:
            raise ShopBroken(f"{asked.call} {asked.key} was accepted and is now refused: {reply.refusal}")

    async def _copies(self, call: str, request: Any) -> list[_Reply]:
        """One to three copies at the same time, some of which are cut off."""
        copies = 1 if self.is_calm else self.chance.choices([1, 2, 3], [5, 4, 1])[0]
        self.faults["sent twice at once"] += copies - 1
        return await asyncio.gather(*(self._send_or_cut(call, request) for _ in range(copies)))

    async def _send_or_cut(self, call: str, request: Any) -> _Reply:
        fate = "whole" if self.is_calm else self.chance.choices(["whole", "deadline", "cancel"], [8, 1, 1])[0]
        if fate == "whole":
            return await self._send(call, request, TIMEOUT_SECONDS)
        seconds = self.chance.choice([0.002, 0.01, 0.03, 0.1]) * self.chance.uniform(0.5, 2.0)
        if fate == "deadline":
            self.faults["cut off by a deadline"] += 1
            return await self._send(call, request, seconds)
        self.faults["cancelled"] += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return await self._send(call, request, TIMEOUT_SECONDS)
        return _Reply()

    def _any_replica(self) -> Replica:
        return self.chance.choice(self.replicas.shops)

    async def _send(self, call: str, request: Any, timeout_s: float) -> _Reply:
        try:
            return _Reply(answer=await getattr(self._any_replica().rpc, call)(request, timeout=timeout_s))
        except grpc.aio.UsageError:
            return _Reply()  # the channel was closed between choosing and calling
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return _Reply()  # the channel was closed during the call
        except grpc.aio.AioRpcError as error:
            if error.code() in TRANSIENT:
                return _Reply()
            if error.code() not in REFUSALS:
                raise ShopBroken(f"{call} {request.idempotency_key}: {error.code()} {error.details()}") from error
            reason = dict(error.trailing_metadata() or ()).get(REASON_METADATA, "")
            return _Reply(refusal=f"{error.code().name} {error.details()}", reason=str(reason))

    def _same(self, asked: Asked, answers: list[Any]) -> None:
        """All answers to one key are one answer, but for what says that it is a repetition."""
        for answer in answers:
            if "replayed" in answer.DESCRIPTOR.fields_by_name:
                answer.replayed = False
        if asked.call == "ProcessRefund":  # its answer tells how far the money is by now
            return
        if any(answer != asked.answer for answer in answers):
            raise ShopBroken(f"{asked.call} {asked.key} was answered in two ways: {asked.answer} and {answers}")
