"""The dialogue engine: one utterance in, one reply out, everything in between done at most once.

Knows nothing of gRPC, Kafka or Redis; it works through the ports.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import voxcart_services.dialogue.skills  # noqa: F401  (registers the skills)
from voxcart.errors import DeadlineMissed, InvalidInput, NotAllowed, Overloaded, Unavailable, VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues, metrics, policy
from voxcart_services.dialogue.deadline import Deadline
from voxcart_services.dialogue.hot_words import expected_words
from voxcart_services.dialogue.phrases import Phraser
from voxcart_services.dialogue.ports import RecommenderPort, ShopPort, StateStore, StoredSession, TurnOutcome
from voxcart_services.dialogue.shop_session import ShopSession, TurnJournal
from voxcart_services.dialogue.skills.feedback import note_feedback
from voxcart_services.dialogue.slots import Slots
from voxcart_services.dialogue.state import Heard, HistoryTurn, Pending, SessionState
from voxcart_services.dialogue.turn import CONFIRMED, MERCHANT, SHOPPER, SKILLS, Answer, Turn

log = get_logger(__name__)

MAX_WRITE_TRIES = 5
MAX_HISTORY_CHARACTERS = 200


@dataclass(frozen=True)
class EngineOptions:
    """Time budget of a turn in seconds, and the confidence below which the dialogue asks."""

    turn_seconds: float = 3.0
    min_confidence: float = 0.35


class DialogueEngine:
    """Answers utterances. Light: all state is in the store, so any number of engines may serve the same sessions."""

    def __init__(
        self, shop: ShopPort, recommender: RecommenderPort, store: StateStore, options: EngineOptions | None = None
    ) -> None:
        self._shop = shop
        self._recommender = recommender
        self._store = store
        self._options = options or EngineOptions()

    async def respond(
        self, session: common_pb2.SessionContext, understanding: common_pb2.Understanding
    ) -> list[bus_pb2.Reply]:
        """The replies to one utterance; see :meth:`take_turn`."""
        return (await self.take_turn(session, understanding)).replies

    async def take_turn(
        self, session: common_pb2.SessionContext, understanding: common_pb2.Understanding
    ) -> TurnOutcome:
        """Answers one utterance, or gives again what it gave before.

        Raises:
            voxcart.errors.InvalidInput: No session or utterance id.
            voxcart.errors.Unavailable: The state cannot be reached, or other writers were always first.
        """
        if not session.session_id or not understanding.utterance_id:
            raise InvalidInput("session_id and utterance_id are required")
        started = time.monotonic()
        for _ in range(MAX_WRITE_TRIES):
            stored = await self._store.load(session.session_id, understanding.utterance_id)
            if stored.outcome is not None:
                metrics.TURNS_TOTAL.labels(_known_intent(understanding.intent), "replayed").inc()
                return stored.outcome
            outcome, state = await self._answer(session, understanding, stored, started)
            written = await self._store.save(
                session.session_id, stored.version, state, understanding.utterance_id, outcome
            )
            if written:
                return outcome
            metrics.STATE_CONFLICTS_TOTAL.inc()
        raise Unavailable("another worker answers this session at the same time")

    async def note_interrupt(self, session_id: str, utterance_id: str, heard_ms: int | None) -> None:
        """Remembers that a reply was talked over, and how much of it was heard.

        Raises:
            voxcart.errors.Unavailable: The store is away.
        """
        for _ in range(MAX_WRITE_TRIES):
            stored = await self._store.load(session_id, "")
            if stored.state is None or (utterance_id and utterance_id != stored.last_utterance_id):
                return
            heard = Heard(utterance_id=stored.last_utterance_id, heard_ms=heard_ms)
            state = stored.state.model_copy(update={"heard": heard})
            if await self._store.save_state(session_id, stored.version, state):
                return

    async def state_of(self, session_id: str) -> StoredSession:
        """What is known of a session.

        Raises:
            voxcart.errors.Unavailable: The store is away.
        """
        return await self._store.load(session_id, "")

    async def _answer(
        self,
        session: common_pb2.SessionContext,
        understanding: common_pb2.Understanding,
        stored: StoredSession,
        started: float,
    ) -> tuple[TurnOutcome, SessionState]:
        turn = self._begin(session, understanding, stored)
        decision = policy.decide(_heard(turn, understanding), turn.state, self._options.min_confidence)
        answer = await _carry_out(turn, decision)
        _remember(turn, decision, answer)
        compute_ms = (time.monotonic() - started) * 1000
        reply = _reply(turn, understanding, answer, compute_ms)
        intent = turn.intent if turn.intent in SKILLS else "out_of_scope"
        metrics.TURN_SECONDS.labels(intent).observe(compute_ms / 1000)
        metrics.TURNS_TOTAL.labels(intent, answer.result).inc()
        for action in turn.shop.actions:
            metrics.EFFECTS_TOTAL.labels(action.name, action.status).inc()
        hot_words = expected_words(turn.state, answer.cards)
        return TurnOutcome([reply], turn.user_events, turn.feedback, hot_words), turn.state

    def _begin(
        self, session: common_pb2.SessionContext, understanding: common_pb2.Understanding, stored: StoredSession
    ) -> Turn:
        role = MERCHANT if session.role == common_pb2.ROLE_MERCHANT else SHOPPER
        state = stored.state
        if state is None or not state.belongs_to(session.tenant, session.user_id, role):
            state = SessionState(tenant=session.tenant, user_id=session.user_id, role=role)
        state.language = cues.spoken_language(understanding.text, understanding.language, session.locale)
        deadline = Deadline(self._options.turn_seconds)
        journal = TurnJournal(self._store, session.session_id, understanding.utterance_id, stored.journal)
        actor = shop_pb2.Actor(
            tenant=session.tenant,
            user_id=session.user_id or f"guest:{session.session_id}",
            role=common_pb2.ROLE_MERCHANT if role == MERCHANT else common_pb2.ROLE_SHOPPER,
        )
        now = session.clock.ToDatetime(UTC) if session.HasField("clock") else datetime.now(UTC)
        return Turn(
            utterance_id=understanding.utterance_id,
            text=understanding.text.strip(),
            intent=understanding.intent,
            slots=Slots.from_understanding(understanding),
            sentiment=understanding.sentiment,
            session=session,
            role=role,
            state=state,
            phrases=Phraser(state.language, understanding.utterance_id),
            now=journal.clock(now),
            shop=ShopSession(self._shop, actor, state, journal, deadline, understanding.utterance_id),
            recommender=self._recommender,
            deadline=deadline,
        )


def _heard(turn: Turn, understanding: common_pb2.Understanding) -> policy.Heard:
    return policy.Heard(turn.text, turn.intent, understanding.confidence, turn.slots, turn.role)


async def _carry_out(turn: Turn, decision: policy.Decision) -> Answer:
    """Does what the policy decided. Whatever goes wrong, there is an answer, and it says what became of the request."""
    pending = turn.state.pending
    try:
        answer = await _perform(turn, decision, pending)
    except (Unavailable, DeadlineMissed, Overloaded) as error:
        log.warning("the shop is away", intent=decision.intent, error=type(error).__name__)
        answer = _shop_away(turn, decision, pending)
    except NotAllowed as error:
        log.warning("the account may not do it", intent=decision.intent, reason=error.reason)
        name = "policy.needs_approval" if error.reason == "needs_approval" else "policy.no_scope"
        answer = Answer(turn.say("policy.partly" if _changed(turn) else name), result="refused")
    except VoxcartError as error:
        log.warning("the shop refused", intent=decision.intent, error=type(error).__name__)
        answer = Answer(turn.say("policy.partly" if _changed(turn) else "policy.refused"), result="refused")
    except Exception as error:
        log.error("a skill failed", intent=decision.intent, exc_info=error)
        answer = Answer(turn.say("policy.partly" if _changed(turn) else "policy.internal"), result="failed")
    return answer


def _changed(turn: Turn) -> bool:
    return any(action.status == "done" for action in turn.shop.actions)


async def _perform(turn: Turn, decision: policy.Decision, pending: Pending | None) -> Answer:
    if decision.corrected:
        note_feedback(turn, "corrected")
    if decision.move == "run":
        turn.intent, turn.slots = decision.intent, decision.slots
        answer = await SKILLS[decision.intent].handler(turn)
        if pending is not None and pending.action == "checkout" and _corrected_cart(turn):
            return await _read_back_again(turn, answer)
        return _with_question(answer, pending) if decision.comes_back and pending else answer
    if decision.move == "do" and pending is not None:
        turn.intent, turn.slots = pending.intent, Slots(pending.slots)
        return await _confirmed_action(turn, pending)
    if decision.move == "ask_again" and pending is not None:
        turn.intent = pending.intent
        return Answer(pending.question, pending=pending, result="asked")
    if decision.move == "drop":
        return turn.answer("policy.deny_dropped" if decision.intent == "deny" else "policy.dropped")
    if decision.move == "refuse":
        name = "policy.merchant_only" if turn.role == SHOPPER else "policy.shopper_only"
        return Answer(turn.say(name), result="refused")
    if decision.move in {"confirm_unsure", "clarify"}:
        turn.intent, turn.slots = decision.intent, decision.slots
        question = turn.say(f"policy.{decision.move}", what=turn.say(f"what.{decision.intent}"))
        return turn.ask_confirmation("unsure", {}, question)
    return turn.answer(f"talk.{decision.move}")


async def _confirmed_action(turn: Turn, pending: Pending) -> Answer:
    """After a yes: the action that was read back, or the skill that was not sure it was meant."""
    if pending.action == "unsure":
        return await SKILLS[pending.intent].handler(turn)
    return await CONFIRMED[pending.action](turn, pending.parameters)


def _corrected_cart(turn: Turn) -> bool:
    return turn.intent in {"update_cart", "remove_from_cart"} and bool(cues.CORRECTION.search(turn.text))


async def _read_back_again(turn: Turn, answer: Answer) -> Answer:
    """不对，要两袋 at the read-back of an order: the cart is changed and read back anew."""
    if answer.pending is not None or not _changed(turn):
        return answer
    turn.intent, turn.slots = "checkout", Slots()
    again = await SKILLS["checkout"].handler(turn)
    again.text = answer.text + ("" if turn.language == "zh" else " ") + again.text
    return again


def _with_question(answer: Answer, pending: Pending) -> Answer:
    """The answer to a side question, and then the question that was open."""
    if answer.pending is None and pending.question in answer.text:
        answer.pending = pending
    if answer.pending is None:
        answer.text = f"{answer.text}{'' if cues.CHINESE.search(answer.text) else ' '}{pending.question}"
        answer.speech_text = ""
        answer.pending = pending
    return answer


def _shop_away(turn: Turn, decision: policy.Decision, pending: Pending | None) -> Answer:
    """Says whether something is left open; a confirmed action stays pending, so that another yes does it once."""
    tried = any(action.status == "failed" for action in turn.shop.actions)
    kept = pending if decision.move == "do" or decision.comes_back else None
    name = "policy.shop_away_effect" if tried else "policy.shop_away"
    return Answer(turn.say(name), pending=kept, result="shop_away")


def _remember(turn: Turn, decision: policy.Decision, answer: Answer) -> None:
    """What the next utterance may refer to."""
    state = turn.state
    answer.text = _tidy(answer.text)
    state.pending = answer.pending
    state.heard = None
    if decision.move in {"run", "do"} and turn.intent not in {"repeat", "affirm", "deny", "cancel", "help", "thanks"}:
        state.last_intent = turn.intent
        state.last_slots = turn.slots.values
    if turn.intent != "repeat":
        state.last_reply, state.last_speech = answer.text, answer.speech_text
    state.remember_turn(
        HistoryTurn(
            utterance_id=turn.utterance_id,
            user_text=turn.text[:MAX_HISTORY_CHARACTERS],
            intent=turn.intent,
            reply=answer.text[:MAX_HISTORY_CHARACTERS],
        )
    )


def _tidy(text: str) -> str:
    """Without the spaces that an empty value leaves in an English sentence."""
    return re.sub(r" {2,}", " ", re.sub(r" +([:,.?;])", r"\1", text)).strip()


def _reply(turn: Turn, understanding: common_pb2.Understanding, answer: Answer, compute_ms: float) -> bus_pb2.Reply:
    return bus_pb2.Reply(
        utterance_id=turn.utterance_id,
        index=0,
        text=answer.text,
        speech_text=answer.speech_text,
        cards=answer.cards,
        actions=turn.shop.actions,
        awaiting=turn.state.awaiting,
        language=turn.language,
        is_last=True,
        hand_over=answer.hand_over,
        timing=[common_pb2.ServerTiming(stage="dialogue", compute_ms=compute_ms)],
        understanding=understanding,
    )


def _known_intent(intent: str) -> str:
    return intent if intent in SKILLS else "out_of_scope"
