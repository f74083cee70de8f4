"""What do hot words win when they are right, and what do they cost when they are wrong?

Every recording of a manifest is recognised three times over, with the service's own streams:

- none: without hot words,
- right: its product and brand words among 30 names of the demo catalogue that are not said,
- wrong: 50 names of the demo catalogue that are not said.

Reported are error rates and slot words, raw and corrected; texts that differ from those without hot words; and hot
words that were written although they were not said. ``python benchmarks/asr_hot_words.py --manifest
speech-dev/manifest.tsv [--boost 1] [--json]``
"""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from voxcart.benchmarking.machine import describe_machine
from voxcart.cli_eval_asr import Language, told_language
from voxcart.errors import VoxcartError
from voxcart.evaluation.asr import OpenStream, Recognised, evaluate
from voxcart.evaluation.asr_report import rates, speed
from voxcart.evaluation.manifest import Recording, read_manifest
from voxcart.evaluation.recognizers import Setup, open_recognizers
from voxcart.evaluation.scoring import SlotAccuracy, normalized_tokens
from voxcart_services.asr.context import MAX_REQUEST_WORDS, checked_words
from voxcart_services.asr.recognition import HotWord
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.shop.catalogue_file import read_catalogue

SLOTS = ("product", "brand")
OTHERS_BESIDE_RIGHT, NUM_WRONG = 30, 50
MAX_WORD_CHARACTERS = 16


def catalogue_words() -> dict[str, list[str]]:
    """Names and brands of the demo catalogue, Chinese and English."""
    rows = [row.product for row in read_catalogue()]
    found = {
        lang: {row[f"name_{lang}"] for row in rows} | {row[f"brand_{lang}"] for row in rows} for lang in ("zh", "en")
    }
    return {
        lang: sorted(word for word in words if 2 <= len(word) <= MAX_WORD_CHARACTERS) for lang, words in found.items()
    }


def unsaid(words: Sequence[str], recording: Recording) -> list[str]:
    """Words that are not said, and are no part of a word that is, nor the other way round."""
    said = [recording.transcript.lower(), *(text.lower() for _, text in recording.slots)]
    return [word for word in words if not any(word.lower() in text or text in word.lower() for text in said)]


def contexts(recording: Recording, words: dict[str, list[str]]) -> dict[str, list[str]]:
    """The hot words of a recording, by kind; the same in every run."""
    chance = random.Random(recording.transcript)
    others = unsaid(words["en" if recording.lang == "en" else "zh"], recording)
    chosen = [text for name, text in recording.slots if name in SLOTS]
    right = [*chosen, *chance.sample(others, min(OTHERS_BESIDE_RIGHT, len(others)))]
    return {"none": [], "right": right, "wrong": chance.sample(others, min(NUM_WRONG, len(others)))}


def opener(
    recognizer: Recognizer, kind: str, words: dict[str, list[str]], boost: float, language: Language
) -> OpenStream:
    """Opens streams with the hot words of one kind."""
    plain = Setup().opener(recognizer, lambda recording: told_language(recording.lang, language))

    def open_stream(recording: Recording) -> Any:
        stream = plain(recording)
        hot_words = [HotWord(word, boost) for word in contexts(recording, words)[kind]]
        stream.context.set_request(checked_words(hot_words, MAX_REQUEST_WORDS))
        return stream

    return open_stream


def summary(results: Sequence[Recognised], plain: Sequence[Recognised], words: dict[str, list[str]]) -> dict[str, Any]:
    """The figures of one kind beside those without hot words."""
    slots = {"raw": SlotAccuracy(), "corrected": SlotAccuracy()}
    changed = {"raw": 0, "corrected": 0}
    false_words: list[str] = []
    for result, before in zip(results, plain, strict=True):
        recording = result.recording
        kept = [slot for slot in recording.slots if slot[0] in SLOTS]
        slots["raw"].add(kept, result.raw_text, recording.lang)
        slots["corrected"].add(kept, result.text, recording.lang)
        changed["raw"] += result.raw_text != before.raw_text
        changed["corrected"] += result.text != before.text
        for word in unsaid(contexts(recording, words)["wrong"], recording):
            tokens = "".join(normalized_tokens(word, recording.lang))
            if tokens in "".join(normalized_tokens(result.text, recording.lang)):
                false_words.append(word)
    return {
        "rates": rates(results),
        "slots": {name: accuracy.report() for name, accuracy in slots.items()},
        "changed": changed,
        "false_words": false_words,
        "work_after_speech_ms": speed(results)["work_after_speech_ms"],
    }


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Runs the benchmark."""
    recordings = [recording for recording in read_manifest(options.manifest) if recording.is_speech]
    recordings = recordings[: options.limit] if options.limit else recordings
    words = catalogue_words()

    def progress() -> None:
        print(".", end="", file=sys.stderr, flush=True)

    async with open_recognizers(["tail"]) as recognizers:
        recognizer = recognizers["tail"]
        kinds = {
            kind: opener(recognizer, kind, words, options.boost, options.lang) for kind in ("none", "right", "wrong")
        }
        found = await evaluate(kinds, recordings, progress)
    return {
        "machine": describe_machine(),
        "recordings": len(recordings),
        "boost": options.boost,
        **{kind: summary(results, found["none"], words) for kind, results in found.items()},
    }


def main() -> int:
    """Prints a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--boost", type=float, default=1.0)
    parser.add_argument(
        "--lang", default="manifest", choices=["manifest", "detect", "zh", "en"], help="told to the recogniser"
    )
    parser.add_argument("--limit", type=int, default=0, help="only the first recordings")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        report = asyncio.run(measure(options))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    print()
    for kind in ("none", "right", "wrong"):
        row = report[kind]
        print(f"{kind}: {json.dumps(row['rates'], ensure_ascii=False)}")
        print(f"  slots {json.dumps(row['slots'])}, texts changed {row['changed']}, false {row['false_words']}")
        print(f"  work after speech {row['work_after_speech_ms']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
