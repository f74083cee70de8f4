"""Quality of understanding: intent accuracy, slot F1 (strict and relaxed), values, by role, language and tag.

A line is ``{"text", "lang", "role", "intent", "slots": [{"name", "value", ...}]}``. Optional keys: ``id``, ``tag`` or
``tags``, ``intent_alt`` (other intents that are right), ``clock`` (ISO time that dates count from), and per slot
``start``, ``end``, ``normalized``, ``negated``, ``relation``, ``approximate`` and ``optional``.

Rules: product and category are one label; slots of out_of_scope lines are not scored; an optional gold slot counts
neither missed nor found; a strict match needs name and span text (offsets too where gold gives them), a relaxed one
name and overlap; a value is compared on relaxed matches whose gold has ``normalized``: a quantity by its value,
numbers numerically, the rest as text without case and spaces, and ``negated`` and ``relation`` must agree.
"""

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from voxcart.errors import InvalidInput
from voxcart.evaluation.scoring import percentile

OUT_OF_SCOPE = "out_of_scope"
_ONE_LABEL = {"category": "product"}


class FoundSlot(Protocol):
    """A slot as the engine gives it."""

    name: str
    start: int
    end: int
    normalized: Any
    negated: bool
    relation: str


@dataclass(frozen=True)
class GoldSlot:
    """A slot of the evaluation data. ``start`` is None where the data gives no offsets."""

    name: str
    value: str
    start: int | None = None
    end: int | None = None
    normalized: Any = None
    negated: bool = False
    relation: str = ""
    optional: bool = False


@dataclass(frozen=True)
class GoldLine:
    """One line of the evaluation data."""

    text: str
    lang: str
    role: str
    intents: frozenset[str]
    intent: str
    slots: tuple[GoldSlot, ...]
    tags: tuple[str, ...] = ()
    clock: datetime | None = None
    line_id: str = ""


@dataclass
class Tally:
    """Counts of one group of lines."""

    lines: int = 0
    intents_right: int = 0
    strict_found: int = 0
    relaxed_found: int = 0
    gold_slots: int = 0
    predicted_slots: int = 0
    values: int = 0
    values_right: int = 0

    def report(self) -> dict[str, float | int | None]:
        """The rates; None where nothing was counted."""
        return {
            "lines": self.lines,
            "intent_accuracy": _rate(self.intents_right, self.lines),
            "slot_f1_strict": _f1(self.strict_found, self.predicted_slots, self.gold_slots),
            "slot_f1_relaxed": _f1(self.relaxed_found, self.predicted_slots, self.gold_slots),
            "value_accuracy": _rate(self.values_right, self.values),
            "gold_slots": self.gold_slots,
        }


@dataclass
class LineResult:
    """What happened on one line; kept for the list of errors."""

    gold: GoldLine
    intent: str
    confidence: float
    missed: list[GoldSlot] = field(default_factory=list)
    spurious: list[FoundSlot] = field(default_factory=list)
    wrong_values: list[tuple[GoldSlot, FoundSlot]] = field(default_factory=list)


def read_lines(path: Path) -> list[GoldLine]:
    """Reads and checks evaluation data.

    Raises:
        InvalidInput: The file cannot be read, or a line is not in the form above; names the line.
    """
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    lines = []
    for number, row in enumerate(rows, start=1):
        if not row.strip():
            continue
        try:
            lines.append(_gold_line(json.loads(row)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(f"{path}, line {number}: not an evaluation line ({error!r})") from error
    if not lines:
        raise InvalidInput(f"{path} has no lines")
    return lines


def _gold_line(row: dict[str, Any]) -> GoldLine:
    alternatives = row.get("intent_alt") or []
    if isinstance(alternatives, str):
        alternatives = [alternatives]
    tags = row.get("tags") or ([row["tag"]] if row.get("tag") else [])
    clock = datetime.fromisoformat(row["clock"]) if row.get("clock") else None
    if clock is not None and clock.tzinfo is None:
        clock = clock.replace(tzinfo=UTC)
    return GoldLine(
        text=str(row["text"]),
        lang=str(row.get("lang", "zh")),
        role=str(row.get("role", "shopper")),
        intents=frozenset([row["intent"], *alternatives]),
        intent=str(row["intent"]),
        slots=tuple(_gold_slot(item) for item in row.get("slots") or []),
        tags=tuple([tags] if isinstance(tags, str) else tags),
        clock=clock,
        line_id=str(row.get("id", "")),
    )


def _gold_slot(item: dict[str, Any]) -> GoldSlot:
    return GoldSlot(
        name=str(item["name"]),
        value=str(item["value"]),
        start=item.get("start"),
        end=item.get("end"),
        normalized=item.get("normalized"),
        negated=bool(item.get("negated", False)),
        relation=str(item.get("relation") or ""),
        optional=bool(item.get("optional", False)),
    )


def same_value(gold: Any, found: Any) -> bool:
    """Whether two machine forms mean the same: quantities by value, numbers as numbers, texts without case."""
    if isinstance(gold, dict) and isinstance(found, dict) and not ("value" in gold and "value" in found):
        return gold.keys() == found.keys() and all(same_value(gold[key], found[key]) for key in gold)
    if isinstance(gold, dict) and "value" in gold:
        gold = gold["value"]
    if isinstance(found, dict) and "value" in found:
        found = found["value"]
    first, second = _as_number(gold), _as_number(found)
    if first is not None and second is not None:
        return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-9)
    return _plain(gold) == _plain(found)


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _plain(value: Any) -> str:
    return "".join(str(value).lower().split())


def _label(name: str) -> str:
    return _ONE_LABEL.get(name, name)


def score_line(
    gold: GoldLine, intent: str, confidence: float, slots: Sequence[FoundSlot], tallies: Iterable[Tally]
) -> LineResult:
    """Counts one line into every tally and says what was wrong."""
    tallies = list(tallies)
    right = intent in gold.intents
    for tally in tallies:
        tally.lines += 1
        tally.intents_right += right
    result = LineResult(gold, intent, confidence)
    if gold.intent == OUT_OF_SCOPE:
        return result
    free = list(slots)
    pairs: list[tuple[GoldSlot, FoundSlot, bool]] = []
    for strict in (True, False):
        for item in gold.slots:
            if any(item is pair[0] for pair in pairs):
                continue
            match = next((slot for slot in free if _matches(gold.text, item, slot, strict)), None)
            if match is not None:
                free = [slot for slot in free if slot is not match]
                pairs.append((item, match, strict))
    scored = [pair for pair in pairs if not pair[0].optional]
    required = [item for item in gold.slots if not item.optional]
    result.missed = [item for item in required if not any(item is pair[0] for pair in pairs)]
    result.spurious = free
    valued = [(item, slot) for item, slot, _ in scored if item.normalized is not None]
    result.wrong_values = [pair for pair in valued if not _value_right(*pair)]
    for tally in tallies:
        tally.gold_slots += len(required)
        tally.predicted_slots += len(scored) + len(free)
        tally.strict_found += sum(strict for _, _, strict in scored)
        tally.relaxed_found += len(scored)
        tally.values += len(valued)
        tally.values_right += len(valued) - len(result.wrong_values)
    return result


def _matches(text: str, gold: GoldSlot, found: FoundSlot, strict: bool) -> bool:
    if _label(gold.name) != _label(found.name):
        return False
    if strict:
        if gold.start is not None and gold.end is not None:
            return (gold.start, gold.end) == (found.start, found.end)
        return text[found.start : found.end] == gold.value
    if gold.start is not None and gold.end is not None:
        return gold.start < found.end and found.start < gold.end
    start = text.find(gold.value)
    while start >= 0:
        if start < found.end and found.start < start + len(gold.value):
            return True
        start = text.find(gold.value, start + 1)
    return False


def _value_right(gold: GoldSlot, found: FoundSlot) -> bool:
    relation = {"": "set"}
    return (
        same_value(gold.normalized, found.normalized)
        and gold.negated == found.negated
        and relation.get(gold.relation, gold.relation) == relation.get(found.relation, found.relation)
    )


def evaluate(
    lines: Sequence[GoldLine],
    understand: Callable[[GoldLine], tuple[str, float, Sequence[FoundSlot]]],
    advance: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Runs and scores all lines.

    Args:
        lines: Evaluation data.
        understand: Gives intent, confidence and slots of a line.
        advance: Called after each line.

    Returns:
        ``overall``, ``by_role``, ``by_language``, ``by_tag``, ``by_intent`` (each with the rates of :class:`Tally`),
        ``out_of_scope`` (precision, recall), ``latency_ms`` (p50, p95, p99), ``errors`` (one object per wrong line).
    """
    overall = Tally()
    groups: dict[str, dict[str, Tally]] = {
        key: defaultdict(Tally) for key in ("by_role", "by_language", "by_tag", "by_intent")
    }
    results: list[LineResult] = []
    durations: list[float] = []
    for gold in lines:
        started = time.perf_counter()
        intent, confidence, slots = understand(gold)
        durations.append((time.perf_counter() - started) * 1000)
        tallies = [
            overall,
            groups["by_role"][gold.role],
            groups["by_language"][gold.lang],
            groups["by_intent"][gold.intent],
        ]
        tallies += [groups["by_tag"][tag] for tag in gold.tags]
        results.append(score_line(gold, intent, confidence, slots, tallies))
        advance()
    report: dict[str, Any] = {"overall": overall.report()}
    for key, tallies_by_name in groups.items():
        report[key] = {name: tally.report() for name, tally in sorted(tallies_by_name.items())}
    report["out_of_scope"] = _scope_rates(results)
    report["latency_ms"] = {f"p{q}": round(percentile(durations, q / 100) or 0.0, 2) for q in (50, 95, 99)}
    report["errors"] = [_error(result) for result in results if _is_wrong(result)]
    return report


def _scope_rates(results: list[LineResult]) -> dict[str, float | None]:
    gold = [result for result in results if result.gold.intent == OUT_OF_SCOPE]
    called = [result for result in results if result.intent == OUT_OF_SCOPE]
    hits = sum(result.gold.intent == OUT_OF_SCOPE for result in called)
    return {"recall": _rate(hits, len(gold)), "precision": _rate(hits, len(called))}


def _is_wrong(result: LineResult) -> bool:
    return bool(result.intent not in result.gold.intents or result.missed or result.spurious or result.wrong_values)


def _error(result: LineResult) -> dict[str, Any]:
    text = result.gold.text
    return {
        "id": result.gold.line_id,
        "text": text,
        "role": result.gold.role,
        "intent": result.gold.intent,
        "predicted_intent": result.intent,
        "confidence": round(result.confidence, 3),
        "missed": [f"{slot.name}={slot.value}" for slot in result.missed],
        "spurious": [f"{slot.name}={text[slot.start : slot.end]}" for slot in result.spurious],
        "wrong_values": [
            {"slot": gold.name, "span": gold.value, "expected": gold.normalized, "found": found.normalized}
            for gold, found in result.wrong_values
        ],
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _f1(found: int, predicted: int, gold: int) -> float | None:
    return round(2 * found / (predicted + gold), 4) if predicted + gold else None
