"""How well the end of a turn is found: cut-off rate and delay, over the turn-taking set, for several endpointers.

Every recording is heard once: voice activity frame by frame, and in every pause what an endpointer could know there
(transcript so far and its confidence, smart-turn's probability). The endpointers are then run over what
was heard, so that all of them judge the same frames, words and probabilities.

Delays are audio time: from the true end of speech to the frame at which the endpointer decides. Compute is not in
them: recognition and smart-turn start at the beginning of a pause, and are done when the first decision is due on a
machine that is not overloaded.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxcart.evaluation.asr import read_audio
from voxcart.evaluation.scoring import percentile
from voxcart.speech_data.pauses import RecordedTurn
from voxcart_services.asr.turns.endpointing import (
    EndpointRules,
    GateRules,
    Pause,
    SpeechGate,
    checkpoint_frames,
    decide,
    frames_of,
)
from voxcart_services.asr.turns.smart_turn import TurnModel
from voxcart_services.asr.turns.vad import FRAME_MS, FRAME_SAMPLES
from voxcart_services.asr.turns.vad_pool import Vad

Recognise = Callable[[NDArray[np.float32]], Awaitable[tuple[str, float]]]
"""Gives the text of an utterance and its confidence."""
Endpointer = Callable[["HeardTurn"], int | None]
"""Gives the position in the recording, in ms, at which it ends the turn; `None` if it never does."""

PREPARE_MS = 96
"""Pause at which the service asks for transcript and smart-turn; shorter ones are not seen."""
STOP_MS = 200
"""Pause at which pipecat asks smart-turn."""
HELD_MS = 400
"""A short answer is held when it ends later than this after its true end."""
_PRE_ROLL_FRAMES = 10
_SAMPLES_PER_MS = 16


@dataclass(frozen=True)
class HeardPause:
    """A pause of at least 96 ms inside or after the speech.

    Attributes:
        start_ms: Where the last voiced frame before it ends.
        length_ms: How long it lasts, up to the next voiced frame or the end of the recording.
        text: What was recognised up to 96 ms of it.
        confidence: Of the recognition, 0..1.
        voiced_ms: Voiced time of the utterance before it.
        turn_probability: smart-turn's, as the service asks it, at 96 ms.
        stop_probability: smart-turn's, as pipecat asks it, at 200 ms; `None` if the pause is shorter.
    """

    start_ms: int
    length_ms: int
    text: str
    confidence: float
    voiced_ms: int
    turn_probability: float
    stop_probability: float | None


@dataclass(frozen=True)
class HeardTurn:
    """A recording as an endpointer sees it, with the truth about it.

    Attributes:
        name, half, lang, kind, awaiting: As in the set.
        text: What was said.
        end_ms: Where the speech truly ends.
        total_ms: Length of the recording.
        pauses: In order; empty if no speech was found.
    """

    name: str
    half: str
    lang: str
    kind: str
    awaiting: str
    text: str
    end_ms: int
    total_ms: int
    pauses: tuple[HeardPause, ...]


@dataclass(frozen=True)
class Ears:
    """The models that hear a recording.

    Attributes:
        vad: Voice activity.
        turn: smart-turn as the service asks it.
        bare_turn: smart-turn as it is.
        recognise: Gives text and confidence.
        gate: Hysteresis.
    """

    vad: Vad
    turn: TurnModel
    bare_turn: TurnModel
    recognise: Recognise
    gate: GateRules


async def hear(recorded: RecordedTurn, ears: Ears) -> HeardTurn:
    """Goes through one recording; takes about as long as recognising it once for each of its pauses."""
    samples = read_audio(recorded.path)
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    probabilities = await ears.vad.stream().push_frames(frames)
    pauses = []
    for first, last, opened, voiced_frames in find_pauses(probabilities, ears.gate):
        start = max(0, opened - _PRE_ROLL_FRAMES) * FRAME_SAMPLES
        prepared = samples[start : (first + frames_of(PREPARE_MS)) * FRAME_SAMPLES]
        stopped = samples[start : (first + frames_of(STOP_MS)) * FRAME_SAMPLES]
        is_stop = last - first >= frames_of(STOP_MS)
        text, confidence = await ears.recognise(prepared)
        pause = HeardPause(
            start_ms=first * FRAME_MS,
            length_ms=(last - first) * FRAME_MS,
            text=text,
            confidence=round(confidence, 4),
            voiced_ms=voiced_frames * FRAME_MS,
            turn_probability=round(ears.turn.probability_complete(prepared), 4),
            stop_probability=round(ears.bare_turn.probability_complete(stopped), 4) if is_stop else None,
        )
        pauses.append(pause)
    one = recorded.turn
    return HeardTurn(
        recorded.path.name,
        one.half,
        one.lang,
        one.kind,
        one.awaiting,
        one.text,
        recorded.end_ms,
        len(samples) // _SAMPLES_PER_MS,
        tuple(pauses),
    )


def find_pauses(probabilities: NDArray[np.float32], rules: GateRules) -> list[tuple[int, int, int, int]]:
    """Pauses of at least 96 ms: first frame, frame after the last, frame at which speech opened, voiced frames."""
    gate = SpeechGate(rules)
    opened, found = 0, []
    for number, probability in enumerate([*probabilities.tolist(), 1.0]):
        before, voiced = gate.pause_frames, gate.voiced_frames
        if gate.push(probability):
            opened = number + 1 - rules.start_frames
        if before >= frames_of(PREPARE_MS) and (gate.pause_frames == 0 or number == len(probabilities)):
            found.append((number - before, number, opened, voiced))
    return found


def our_endpointer(rules: EndpointRules) -> Endpointer:
    """The service's own rules."""
    checkpoints = sorted(checkpoint_frames(rules))

    def endpoint(turn: HeardTurn) -> int | None:
        for pause in turn.pauses:
            for pause_ms in (frames * FRAME_MS for frames in checkpoints):
                if pause_ms > pause.length_ms:
                    break
                known = Pause(
                    pause_ms, pause.turn_probability, pause.text, turn.awaiting, pause.voiced_ms, pause.confidence
                )
                if decide(known, rules) is not None:
                    return pause.start_ms + pause_ms
        return None

    return endpoint


def fixed_endpointer(silence_ms: int) -> Endpointer:
    """Ends the turn after a fixed silence."""

    def endpoint(turn: HeardTurn) -> int | None:
        waited_ms = frames_of(silence_ms) * FRAME_MS
        return next((p.start_ms + waited_ms for p in turn.pauses if p.length_ms >= waited_ms), None)

    return endpoint


def smart_turn_endpointer(threshold: float = 0.5, limit_ms: int = 3_000) -> Endpointer:
    """smart-turn alone, as pipecat uses it: asked once, when voice activity stops; a long silence ends any turn."""
    stop_ms = frames_of(STOP_MS) * FRAME_MS

    def endpoint(turn: HeardTurn) -> int | None:
        for pause in turn.pauses:
            if pause.stop_probability is not None and pause.stop_probability > threshold:
                return pause.start_ms + stop_ms
        return turn.pauses[-1].start_ms + limit_ms if turn.pauses else None

    return endpoint


@dataclass
class EndpointScore:
    """How an endpointer did.

    Attributes:
        num_turns: Turns judged.
        cut: Names of the turns that it ended before their true end.
        delays_ms: From the true end to the decision, of the turns that were not cut.
        held: Short answers that ended later than `HELD_MS` after their end.
        num_short: Short answers judged.
        missed: Turns in which it never decided.
    """

    num_turns: int = 0
    cut: list[str] = field(default_factory=list)
    delays_ms: list[int] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    num_short: int = 0
    missed: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Rates and percentiles."""
        delays = sorted(self.delays_ms)
        return {
            "turns": self.num_turns,
            "cut_off_rate": round(len(self.cut) / max(1, self.num_turns), 4),
            "delay_ms": {f"p{share}": percentile(delays, share / 100) for share in (50, 90, 95)} if delays else {},
            "short_answers": self.num_short,
            "held_rate": round(len(self.held) / max(1, self.num_short), 4),
            "missed": len(self.missed),
        }


def score(endpointer: Endpointer, turns: Iterable[HeardTurn]) -> EndpointScore:
    """Runs an endpointer over turns."""
    result = EndpointScore()
    for turn in turns:
        result.num_turns += 1
        result.num_short += turn.kind == "short"
        decided_ms = endpointer(turn)
        if decided_ms is None:
            result.missed.append(turn.name)
        elif decided_ms < turn.end_ms:
            result.cut.append(turn.name)
        else:
            result.delays_ms.append(decided_ms - turn.end_ms)
            if turn.kind == "short" and decided_ms - turn.end_ms > HELD_MS:
                result.held.append(turn.name)
    return result


def save_heard(turns: Sequence[HeardTurn], path: Path) -> None:
    """Writes what was heard as one JSON object a line."""
    lines = [json.dumps(asdict(turn), ensure_ascii=False) for turn in turns]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def load_heard(path: Path) -> list[HeardTurn]:
    """Reads what `save_heard` wrote."""
    turns = []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        pauses = [HeardPause(**pause) for pause in fields.pop("pauses")]
        turns.append(HeardTurn(**fields, pauses=tuple(pauses)))
    return turns
