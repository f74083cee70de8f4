"""The figures of ``voxcart eval asr``, from what was recognised."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from voxcart.evaluation.asr import Recognised
from voxcart.evaluation.interims import as_line, tally
from voxcart.evaluation.scoring import (
    CorrectionTally,
    ErrorRate,
    SlotAccuracy,
    Unit,
    normalized_tokens,
    percentile,
    unit_of,
)

_RATE_NAMES: dict[Unit, str] = {"character": "cer", "word": "wer", "mixed": "mer"}


def report(results: Sequence[Recognised]) -> dict[str, Any]:
    """Error rates by language, tag and condition, slots, what correction did, invented text, RTF and latency."""
    spoken = [result for result in results if result.recording.is_speech]
    audio_s = sum(result.audio_seconds for result in results)
    return {
        "recordings": len(results),
        "audio_seconds": round(audio_s, 1),
        **{group: rates(members) for group, members in _groups(spoken)},
        "slots": {
            "raw": _slots(spoken, lambda result: result.raw_text),
            "corrected": _slots(spoken, lambda result: result.text),
        },
        "correction": _correction(spoken),
        "non_speech": _non_speech([result for result in results if not result.recording.is_speech]),
        "cut_recordings": sum(result.num_utterances > 1 for result in spoken),
        "missed_recordings": sum(result.num_utterances == 0 for result in spoken),
        **speed(spoken),
        "interims": tally([shown for result in spoken for shown in result.shown]),
        "rtf": _rounded(sum(result.compute_seconds for result in results) / audio_s if audio_s else None, 4),
        "lines": [_line(result) for result in results],
    }


def speed(results: Sequence[Recognised]) -> dict[str, Any]:
    """Percentiles, in ms: work after the end of speech, and end of speech to final as a live stream sees it.

    ``ended_by_file`` counts recordings that were over before the turn was: their times are less than a speaker's wait.
    """
    return {
        "work_after_speech_ms": _spread([result.work_seconds for result in results]),
        "speech_end_to_final_ms": _spread([result.final_seconds for result in results]),
        "ended_by_file": sum(result.is_ended_by_file for result in results),
    }


def rates(results: Sequence[Recognised]) -> dict[str, Any]:
    """Raw and corrected error rates, each language apart, and by character of all Chinese and mixed sentences."""
    found: dict[str, Any] = {}
    for lang in sorted({result.recording.lang for result in results}):
        members = [result for result in results if result.recording.lang == lang]
        found[lang] = _rate_pair(members, unit_of(lang))
        if lang == "mixed":
            found[lang] |= _rate_pair(members, "character", with_counts=False)
    chinese = [result for result in results if result.recording.lang != "en"]
    if {result.recording.lang for result in chinese} == {"zh", "mixed"}:
        found["zh+mixed"] = _rate_pair(chinese, "character")
    return found


def _rate_pair(results: Sequence[Recognised], unit: Unit, with_counts: bool = True) -> dict[str, Any]:
    raw, corrected = ErrorRate(), ErrorRate()
    exact_raw = exact_corrected = 0
    for result in results:
        recording = result.recording
        exact_raw += raw.add(recording.transcript, result.raw_text, recording.lang, unit) == 0
        exact_corrected += corrected.add(recording.transcript, result.text, recording.lang, unit) == 0
    name = _RATE_NAMES[unit]
    pair = {f"{name}_raw": _rounded(raw.rate, 4), f"{name}_corrected": _rounded(corrected.rate, 4)}
    if not with_counts:
        return pair
    return pair | {
        "sentences_right_raw": _rounded(exact_raw / len(results), 4),
        "sentences_right_corrected": _rounded(exact_corrected / len(results), 4),
        "recordings": len(results),
        "reference_tokens": raw.reference_tokens,
    }


def _slots(results: Sequence[Recognised], text_of: Callable[[Recognised], str]) -> dict[str, Any]:
    accuracy = SlotAccuracy()
    for result in results:
        accuracy.add(result.recording.slots, text_of(result), result.recording.lang)
    return accuracy.report()


def _correction(results: Sequence[Recognised]) -> dict[str, int]:
    tally = CorrectionTally()
    for result in results:
        tally.add(result.recording.transcript, result.raw_text, result.text, result.recording.lang)
    return {
        "tokens_fixed": tally.fixed,
        "tokens_damaged": tally.damaged,
        "superfluous_removed": tally.removed,
        "superfluous_inserted": tally.inserted,
        "sentences_better": tally.utterances_better,
        "sentences_worse": tally.utterances_worse,
    }


def _non_speech(results: Sequence[Recognised]) -> dict[str, Any] | None:
    """What was invented where nothing is said; None if the manifest has no such recording."""
    if not results:
        return None
    minutes = sum(result.audio_seconds for result in results) / 60

    def per_minute(text_of: Callable[[Recognised], str]) -> float:
        return round(sum(len(normalized_tokens(text_of(result), "zh")) for result in results) / minutes, 3)

    return {
        "recordings": len(results),
        "minutes": round(minutes, 2),
        "recordings_with_text": sum(bool(result.text or result.raw_text) for result in results),
        "characters_per_minute_raw": per_minute(lambda result: result.raw_text),
        "characters_per_minute_corrected": per_minute(lambda result: result.text),
    }


def _line(result: Recognised) -> dict[str, Any]:
    recording = result.recording
    raw, corrected = ErrorRate(), ErrorRate()
    return {
        "file": recording.path.name,
        "lang": recording.lang,
        "reference": recording.transcript,
        "raw": result.raw_text,
        "corrected": result.text,
        "edits_raw": raw.add(recording.transcript, result.raw_text, recording.lang),
        "edits_corrected": corrected.add(recording.transcript, result.text, recording.lang),
        "reference_tokens": raw.reference_tokens,
        "missed_slots": [
            f"{name}={text}" for name, text in SlotAccuracy().add(recording.slots, result.text, recording.lang)
        ],
        "work_after_speech_ms": _milliseconds(result.work_seconds),
        "speech_end_to_final_ms": _milliseconds(result.final_seconds),
    }


def _groups(results: Sequence[Recognised]) -> Iterator[tuple[str, list[Recognised]]]:
    yield "all", list(results)
    for tag in sorted({tag for result in results for tag in result.recording.tags}):
        yield f"tag:{tag}", [result for result in results if tag in result.recording.tags]
    for condition in sorted({result.recording.condition for result in results if result.recording.condition}):
        yield f"condition:{condition}", [result for result in results if result.recording.condition == condition]


def as_table(figures: dict[str, Any]) -> str:
    """The figures for people to read: error rates in per cent, groups below each other."""
    rows = [f"{figures['recordings']} recordings, {figures['audio_seconds']} s"]
    rows.append(f"{'':<26}{'':<10}{'raw':>8}{'corrected':>11}{'recordings':>12}{'tokens':>8}")
    for group, by_language in figures.items():
        if group != "all" and not group.startswith(("tag:", "condition:")):
            continue
        for lang, values in by_language.items():
            name = next(key.removesuffix("_raw") for key in values if key.endswith("er_raw"))
            cells = "".join(
                f"{_percent(values[f'{name}_{kind}']):>{width}}" for kind, width in (("raw", 8), ("corrected", 11))
            )
            label = f"{lang} {name.upper()}"
            rows.append(f"{group:<24}{label:<12}{cells}{values['recordings']:>12}{values['reference_tokens']:>8}")
    for name, values in figures["slots"]["corrected"].items():
        raw = figures["slots"]["raw"][name]
        cells = f"{_percent(raw['accuracy']):>8}{_percent(values['accuracy']):>11}{values['count']:>12}"
        rows.append(f"{'slot:' + name:<24}{'right':<12}{cells}")
    rows.append("correction: " + ", ".join(f"{value} {key}" for key, value in figures["correction"].items()))
    if figures["non_speech"]:
        rows.append("non-speech: " + ", ".join(f"{value} {key}" for key, value in figures["non_speech"].items()))
    rows.append(
        f"cut {figures['cut_recordings']}, missed {figures['missed_recordings']}, ended by the file "
        f"{figures['ended_by_file']}, rtf {figures['rtf']}"
    )
    if figures["interims"]["interims"]:
        rows.append(as_line(figures["interims"]))
    for name in ("work_after_speech_ms", "speech_end_to_final_ms"):
        rows.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures[name].items()))
    return "\n".join(rows)


def _spread(seconds: Sequence[float | None]) -> dict[str, float | int | None]:
    known = [1_000 * value for value in seconds if value is not None]
    shares = (0.5, 0.95, 0.99)
    return {**{f"p{round(100 * q)}": _rounded(percentile(known, q), 1) for q in shares}, "count": len(known)}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(1_000 * seconds, 1)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{100 * rate:.1f} %"
