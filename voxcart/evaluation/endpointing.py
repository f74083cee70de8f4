"""How well the end of a turn is found: cut-off rate and delay, over the turn-taking set, for several endpointers.

Every recording is heard once: voice activity frame by frame, and in every pause what an endpointer could know there
(transcript so far, smart-turn's probability at growing lengths of the pause). The endpointers are then run over what
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

JUDGED_MS = (96, 192, 320, 544)
"""Lengths of a pause at which smart-turn is asked."""
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
        turn_probabilities: smart-turn's by length of the pause, in ms.
    """

    start_ms: int
    length_ms: int
    text: str
    confidence: float
    voiced_ms: int
    turn_probabilities: dict[int, float]

    def turn_probability(self, pause_ms: int) -> float:
        """The newest of the probabilities that are known at a length of the pause."""
        return [self.turn_probabilities[asked] for asked in sorted(self.turn_probabilities) if asked <= pause_ms][-1]


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


async def hear(recorded: RecordedTurn, vad: Vad, turn: TurnModel, recognise: Recognise, gate: GateRules) -> HeardTurn:
    """Goes through one recording; takes about as long as recognising it once for each of its pauses."""
    samples = read_audio(recorded.path)
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    probabilities = await vad.stream().push_frames(frames)
    pauses = []
    for first, last, opened, voiced_frames in find_pauses(probabilities, gate):
        start = max(0, opened - _PRE_ROLL_FRAMES) * FRAME_SAMPLES
        text, confidence = await recognise(samples[start : (first + frames_of(JUDGED_MS[0])) * FRAME_SAMPLES])
        judged = {}
        for length_ms in JUDGED_MS:
            if frames_of(length_ms) <= last - first:
                up_to = (first + frames_of(length_ms)) * FRAME_SAMPLES
                judged[length_ms] = round(turn.probability_complete(samples[start:up_to]), 4)
        length_ms, voiced_ms = (last - first) * FRAME_MS, voiced_frames * FRAME_MS
        pauses.append(HeardPause(first * FRAME_MS, length_ms, text, round(confidence, 4), voiced_ms, judged))
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
        if before >= frames_of(JUDGED_MS[0]) and (gate.pause_frames == 0 or number == len(probabilities)):
            found.append((number - before, number, opened, voiced))
    return found


def our_endpointer(rules: EndpointRules, *, again: bool = True) -> Endpointer:
    """The service's own rules.

    Args:
        rules: Thresholds.
        again: Ask smart-turn anew at later checkpoints, not only at the beginning of the pause.
    """
    checkpoints = sorted(checkpoint_frames(rules))

    def endpoint(turn: HeardTurn) -> int | None:
        for pause in turn.pauses:
            for frames in checkpoints:
                pause_ms = frames * FRAME_MS
                if pause_ms > pause.length_ms:
                    break
                probability = pause.turn_probability(pause_ms if again else JUDGED_MS[0])
                known = Pause(pause_ms, probability, pause.text, turn.awaiting, pause.voiced_ms, pause.confidence)
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


def smart_turn_endpointer(threshold: float = 0.5, stop_ms: int = 200, limit_ms: int = 3_000) -> Endpointer:
    """smart-turn alone, as pipecat uses it: asked once, when voice activity stops; a long silence ends any turn."""

    def endpoint(turn: HeardTurn) -> int | None:
        for pause in turn.pauses:
            stopped_ms = frames_of(stop_ms) * FRAME_MS
            if pause.length_ms >= stopped_ms and pause.turn_probability(stopped_ms) > threshold:
                return pause.start_ms + stopped_ms
            if pause.length_ms >= limit_ms:
                return pause.start_ms + limit_ms
        last = turn.pauses[-1] if turn.pauses else None
        return None if last is None else last.start_ms + limit_ms

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
        pauses = [
            HeardPause(**{**pause, "turn_probabilities": {int(k): v for k, v in pause["turn_probabilities"].items()}})
            for pause in fields.pop("pauses")
        ]
        turns.append(HeardTurn(**fields, pauses=tuple(pauses)))
    return turns
