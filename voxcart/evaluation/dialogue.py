"""Task success of written dialogues against a running system.

Every dialogue gets a fresh copy of the seeded shop (``CreateDemoTenant``) and a session in it. Each of its turns goes
through language understanding and the dialogue; then everything that the turn expects is checked, what was done to the
shop by asking the shop itself. A dialogue succeeds when every expectation of every turn holds.
"""

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc

from voxcart.errors import InvalidInput, Unavailable
from voxcart.evaluation.dialogue_checks import KNOWN_KEYS, ShopView, TurnResult, check_turn
from voxcart.evaluation.scoring import percentile
from voxcart.grpc_support import open_channel
from voxcart.tenants import DEFAULT_TENANT
from voxcart_api.common.v1 import common_pb2
from voxcart_api.dialogue.v1 import dialogue_pb2, dialogue_pb2_grpc
from voxcart_api.nlu.v1 import nlu_pb2, nlu_pb2_grpc
from voxcart_api.shop.v1 import shop_pb2, shop_pb2_grpc

CALL_SECONDS = 15.0
TENANT_SECONDS = 60.0
LOCALES = {"zh": "zh-CN", "en": "en-US", "mixed": "zh-CN"}


@dataclass(frozen=True)
class Scenario:
    """One written dialogue. Turns are ``(what the person says, what is expected of the turn)``."""

    id: str
    role: str
    lang: str
    turns: tuple[tuple[str, dict[str, Any]], ...]


@dataclass(frozen=True)
class Addresses:
    """host:port of the services that the evaluation talks to."""

    nlu: str
    dialogue: str
    shop: str


@dataclass
class ScenarioResult:
    """What came of a dialogue: one :class:`TurnResult` a turn, with the problems found in it."""

    scenario: Scenario
    turns: list[TurnResult] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Every expectation of every turn holds."""
        return len(self.turns) == len(self.scenario.turns) and not any(turn.problems for turn in self.turns)


def read_scenarios(path: Path) -> list[Scenario]:
    """Lines ``{"id", "role", "lang", "turns": [{"user", "expect": {...}}]}``.

    Raises:
        InvalidInput: The file cannot be read or a line is malformed; the sentence names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    scenarios = [_scenario(line, f"{path}:{number}", number) for number, line in enumerate(lines, 1) if line.strip()]
    if not scenarios:
        raise InvalidInput(f"{path} holds no dialogue")
    return scenarios


def _scenario(line: str, where: str, number: int) -> Scenario:
    try:
        data = json.loads(line)
        turns = tuple((str(turn["user"]), dict(turn.get("expect", {}))) for turn in data["turns"])
        role = data.get("role", "shopper")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{where}: expected role, lang and turns of user and expect ({error})") from error
    if role not in {"shopper", "merchant"}:
        raise InvalidInput(f"{where}: role must be shopper or merchant, not {role!r}")
    unknown = {key for _, expect in turns for key in expect} - KNOWN_KEYS
    if unknown:
        raise InvalidInput(f"{where}: unknown expectation {', '.join(sorted(unknown))}")
    return Scenario(str(data.get("id") or f"line-{number}"), role, str(data.get("lang", "zh")), turns)


class DialogueEvaluation:
    """Plays scenarios. Use as ``async with``; closes its channels."""

    def __init__(self, addresses: Addresses, now: datetime | None = None) -> None:
        """``now`` is the clock of the shop copies and sessions; None means the time of each dialogue's start."""
        self._addresses = addresses
        self._now = now
        self._run = uuid.uuid4().hex[:8]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "DialogueEvaluation":
        channels = []
        for address in (self._addresses.nlu, self._addresses.dialogue, self._addresses.shop):
            channel = open_channel(address)
            self._stack.push_async_callback(channel.close)
            channels.append(channel)
        self._nlu = nlu_pb2_grpc.LanguageUnderstandingStub(channels[0])
        self._dialogue = dialogue_pb2_grpc.DialogueStub(channels[1])
        self._shop = shop_pb2_grpc.ShopStub(channels[2])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def play(self, scenario: Scenario, index: int) -> ScenarioResult:
        """Plays one dialogue in a fresh copy of the shop.

        Raises:
            Unavailable: A service does not answer.
            InvalidInput: The shop does not allow copies.
        """
        tenant = f"{DEFAULT_TENANT}~eval-{self._run}-{index}"
        now = self._now or datetime.now(UTC)
        request = shop_pb2.CreateDemoTenantRequest(tenant=tenant)
        request.now.FromDatetime(now.astimezone(UTC))
        try:
            people = await self._shop.CreateDemoTenant(request, timeout=TENANT_SECONDS)
            try:
                return await self._play_in(scenario, tenant, now, people)
            finally:
                drop = shop_pb2.DropDemoTenantRequest(tenant=tenant)
                await self._shop.DropDemoTenant(drop, timeout=TENANT_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                raise InvalidInput(f"the shop allows no copies: {error.details()}") from error
            raise Unavailable(f"{scenario.id}: {error.code().name}: {error.details()}") from error

    async def _play_in(
        self, scenario: Scenario, tenant: str, now: datetime, people: shop_pb2.CreateDemoTenantResponse
    ) -> ScenarioResult:
        is_merchant = scenario.role == "merchant"
        session = common_pb2.SessionContext(
            session_id=f"{self._run}-{uuid.uuid4().hex[:12]}",
            tenant=tenant,
            user_id=people.merchant_user_id if is_merchant else people.shopper_user_id,
            role=common_pb2.ROLE_MERCHANT if is_merchant else common_pb2.ROLE_SHOPPER,
            locale=LOCALES.get(scenario.lang, "zh-CN"),
        )
        session.clock.FromDatetime(now.astimezone(UTC))
        view = ShopView(self._shop, tenant, people.shopper_user_id, people.merchant_user_id, CALL_SECONDS)
        await view.start([expect for _, expect in scenario.turns])
        result = ScenarioResult(scenario)
        for number, (user, expect) in enumerate(scenario.turns, 1):
            turn = await self._turn(session, f"{session.session_id}/{number}", user)
            turn.problems = await check_turn(expect, turn, view)
            result.turns.append(turn)
        return result

    async def _turn(self, session: common_pb2.SessionContext, utterance_id: str, user: str) -> TurnResult:
        started = time.monotonic()
        understood = await self._nlu.Understand(
            nlu_pb2.UnderstandRequest(text=user, session=session, utterance_id=utterance_id), timeout=CALL_SECONDS
        )
        understanding = understood.understanding
        understanding.utterance_id = utterance_id
        answered = await self._dialogue.Respond(
            dialogue_pb2.RespondRequest(session=session, understanding=understanding), timeout=CALL_SECONDS
        )
        return TurnResult(user, understanding, list(answered.replies), (time.monotonic() - started) * 1000)


async def evaluate(
    scenarios: list[Scenario], addresses: Addresses, now: datetime | None, on_done: Callable[[ScenarioResult], None]
) -> dict[str, Any]:
    """Plays all scenarios one after another and sums up.

    Raises:
        Unavailable: A service does not answer.
        InvalidInput: The shop does not allow copies.
    """
    results = []
    async with DialogueEvaluation(addresses, now) as evaluation:
        for index, scenario in enumerate(scenarios):
            result = await evaluation.play(scenario, index)
            results.append(result)
            on_done(result)
    return summary(results)


def summary(results: list[ScenarioResult]) -> dict[str, Any]:
    """Task success over all and by role and language, turn success, time a turn, and every failed turn."""
    turns = [turn for result in results for turn in result.turns]
    latencies = [turn.latency_ms for turn in turns]
    return {
        "dialogues": len(results),
        "succeeded": sum(result.succeeded for result in results),
        "task_success": _share(results),
        "turns": len(turns),
        "turn_success": round(sum(not turn.problems for turn in turns) / max(1, len(turns)), 4),
        "by_role": _grouped(results, lambda result: result.scenario.role),
        "by_language": _grouped(results, lambda result: result.scenario.lang),
        "latency_ms": {f"p{percent}": _rounded(percentile(latencies, percent / 100)) for percent in (50, 95, 99)},
        "failures": [failure for result in results for failure in _failures(result)],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _share(results: list[ScenarioResult]) -> float:
    return round(sum(result.succeeded for result in results) / max(1, len(results)), 4)


def _grouped(results: list[ScenarioResult], key: Callable[[ScenarioResult], str]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[ScenarioResult]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    return {name: {"dialogues": len(group), "task_success": _share(group)} for name, group in sorted(groups.items())}


def _failures(result: ScenarioResult) -> list[dict[str, Any]]:
    return [
        {
            "id": result.scenario.id,
            "turn": number,
            "user": turn.user,
            "intent": turn.understanding.intent,
            "slots": [f"{slot.name}={slot.value}" for slot in turn.understanding.slots],
            "reply": turn.text,
            "problems": turn.problems,
        }
        for number, turn in enumerate(result.turns, 1)
        if turn.problems
    ]
