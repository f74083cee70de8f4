"""Requests to a shop platform over HTTP: bounded in time, size and number, repeated only where that is safe.

A request that may be repeated (a read, or a change with its ``Idempotency-Key``) is sent again after a lost connection,
a time-out, an answer that says "later", or one that cannot be read, at most ``attempts`` times and never past the
deadline of the call. All others are sent once.
"""

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from voxcart.bus.envelope import current_traceparent
from voxcart.errors import DeadlineMissed, Overloaded, Unavailable
from voxcart_services.shop.adapters.http.answers import Answer, PlatformFault, read_answer
from voxcart_services.shop.adapters.http.breaker import Breaker
from voxcart_services.shop.adapters.http.metrics import (
    PLATFORM_FAULTS_TOTAL,
    PLATFORM_OPEN,
    PLATFORM_RETRIES_TOTAL,
    PLATFORM_SECONDS,
)
from voxcart_services.shop.deadline import seconds_left

REQUEST_ID = "voxcart-request-id"
"""Sent with every try; an answer that carries another one belongs to another request."""
MAX_WAIT_SECONDS = 2.0
"""Longest pause between two tries, whatever the platform asks for."""


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a platform is talked to.

    Attributes:
        url: Address below which the routes lie.
        token: Sent as a bearer token.
        try_seconds: Longest single try.
        call_seconds: Longest call, repeats included, if the caller's deadline is not nearer.
        attempts: Tries of a request that may be repeated.
        backoff_seconds: Upper bound of the first random pause; doubled after each.
        max_connections: Requests at a time; more wait up to ``try_seconds``.
        max_answer_bytes: Largest answer that is read.
        breaker_failures: Tries in a row that found no platform, after which calls are held back.
        breaker_pause_seconds: For how long.
    """

    url: str
    token: str = field(default="", repr=False)
    try_seconds: float = 2.0
    call_seconds: float = 6.0
    attempts: int = 3
    backoff_seconds: float = 0.05
    max_connections: int = 64
    max_answer_bytes: int = 4 * 1024 * 1024
    breaker_failures: int = 8
    breaker_pause_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What to send.

    Attributes:
        call: Its name in metrics.
        path: Percent-encoded, begins with a slash.
        body: JSON text; ``None`` sends none.
    """

    call: str
    verb: str
    path: str
    headers: dict[str, str]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    is_repeatable: bool = True


class PlatformClient:
    """Talks to one platform. Closed by :meth:`aclose`."""

    def __init__(
        self,
        options: ClientOptions,
        chance: Callable[[], float] = random.random,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """
        Args:
            chance: Gives 0 up to 1, for the length of pauses.
            transport: What carries the requests; connections to the platform if there is none.
        """
        self._options = options
        self._chance = chance
        self._breaker = Breaker(options.breaker_failures, options.breaker_pause_seconds)
        headers = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "voxcart-shop"}
        if options.token:
            headers["authorization"] = f"Bearer {options.token}"
        limits = httpx.Limits(
            max_connections=options.max_connections, max_keepalive_connections=options.max_connections
        )
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=options.try_seconds,
            limits=limits,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def send(self, request: HttpRequest, read: Callable[[Answer], Any]) -> Any:
        """Sends a request and gives what ``read`` makes of the answer.

        Args:
            read: Makes a value of a successful answer, or raises ``PlatformFault``; then the request may be repeated.

        Raises:
            VoxcartError: The platform refuses the request.
            Unavailable: The platform is away, or could not answer. ``DeadlineMissed``: it took too long.
            Overloaded: Too many calls are under way. ``PlatformFault``: its answers cannot be read.
        """
        left = seconds_left()
        limit = self._options.call_seconds if left is None else min(left, self._options.call_seconds)
        ends_at = asyncio.get_running_loop().time() + limit
        attempt = 1
        while True:
            answer = await self._try(request, ends_at)
            error, may_pass = answer.error, answer.may_pass
            if error is None:
                try:
                    return read(answer)
                except PlatformFault as fault:
                    PLATFORM_FAULTS_TOTAL.labels(request.call).inc()
                    error, may_pass = fault, True
            if not (may_pass and request.is_repeatable) or attempt == self._options.attempts:
                raise error
            pause = self._pause(attempt, answer)
            if asyncio.get_running_loop().time() + pause >= ends_at:
                raise error
            PLATFORM_RETRIES_TOTAL.labels(request.call).inc()
            await asyncio.sleep(pause)
            attempt += 1

    def _pause(self, attempt: int, answer: Answer) -> float:
        """Exponential backoff with full jitter, or what the platform asks for."""
        pause = self._options.backoff_seconds * 2 ** (attempt - 1) * self._chance()
        return min(MAX_WAIT_SECONDS, max(pause, answer.retry_after_seconds or 0.0))

    async def _try(self, request: HttpRequest, ends_at: float) -> Answer:
        """One try; what went wrong on the way is part of the answer."""
        self._breaker.enter()
        outcome = "given_up"
        with PLATFORM_SECONDS.time() as timer:
            try:
                answer = await self._exchange(request, ends_at)
                outcome = "away" if answer.is_away else "answered" if answer.status else "busy"
            finally:
                timer.labels(request.call, outcome)
                self._note(outcome)
        return answer

    def _note(self, outcome: str) -> None:
        """Tells the breaker what a try says about the platform."""
        if outcome == "away":
            self._breaker.failed()
        elif outcome == "answered":
            self._breaker.succeeded()
        else:
            self._breaker.left()
        PLATFORM_OPEN.set(self._breaker.is_open)

    async def _exchange(self, request: HttpRequest, ends_at: float) -> Answer:
        seconds = min(self._options.try_seconds, ends_at - asyncio.get_running_loop().time())
        if seconds <= 0:
            raise DeadlineMissed("the deadline of the call has passed")
        try:
            async with asyncio.timeout(seconds):
                return await self._read(request)
        except TimeoutError:
            slow = DeadlineMissed("the shop platform did not answer in time; the same request again tells what it did")
            return Answer(0, {}, error=slow, may_pass=True, is_away=True)
        except httpx.PoolTimeout:
            return Answer(0, {}, error=Overloaded("too many calls of the shop platform are under way"))
        except (httpx.TransportError, httpx.InvalidURL, OSError):
            lost = Unavailable("the shop platform cannot be reached, or hung up; try again in a moment")
            return Answer(0, {}, error=lost, may_pass=True, is_away=True)

    async def _read(self, request: HttpRequest) -> Answer:
        """Sends and reads, the body up to the limit."""
        options = self._options
        request_id = uuid.uuid4().hex
        headers = request.headers | {REQUEST_ID: request_id}
        if request.body is not None:
            headers["content-type"] = "application/json"
        if traceparent := current_traceparent.get():
            headers["traceparent"] = traceparent
        url = httpx.URL(options.url.rstrip("/") + request.path, params=request.query or None)
        async with self._http.stream(request.verb, url, headers=headers, content=request.body) as response:
            found = {name.lower(): value for name, value in response.headers.items()}
            if found.get(REQUEST_ID, request_id) != request_id:
                return _fault(response.status_code, found, "it belongs to another request")
            if found.get("content-encoding", "identity") != "identity":
                return _fault(response.status_code, found, "it is compressed although that was not asked for")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > options.max_answer_bytes:
                    return _fault(response.status_code, found, f"it has more than {options.max_answer_bytes} bytes")
            return read_answer(response.status_code, found, bytes(body))


def _fault(status: int, headers: dict[str, str], what: str) -> Answer:
    return Answer(status, headers, error=PlatformFault(what), may_pass=True)
