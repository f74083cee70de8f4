"""The service's recogniser beside faster-whisper, in one run, on the same weights, audio and threads.

Every recording goes to all systems before the next one comes, the first one changing from recording to recording, so
that what else the machine does hits all alike; ratios of medians are what counts. faster-whisper gets the whole
recording at once and is timed from the call to the end of its text; so is the service's recogniser in its ``file``
form. In its ``live`` form it gets the recording at the pace of real time, and what is timed is the wait of a speaker:
from the end of speech to the final, with the pause in it that ends the turn.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voxcart.errors import InvalidInput, Unavailable
from voxcart.evaluation.asr import OpenStream, Recognised, recognise
from voxcart.evaluation.asr_report import rates, report, speed
from voxcart.evaluation.manifest import SAMPLE_RATE_HZ, Recording, read_audio
from voxcart.evaluation.recognizers import Setup
from voxcart.evaluation.scoring import percentile
from voxcart.models import ModelStore

if TYPE_CHECKING:
    from voxcart_services.asr.recognizer import Recognizer

FASTER_WHISPER_FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
COMMAND_SECONDS = (2.0, 5.0)
"""Length of the recordings that count as commands."""
REFERENCE = "faster-whisper beam 1"

System = Callable[[Recording], Awaitable[Recognised]]
TellLanguage = Callable[[Recording], str | None]


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
        tell_language: What all systems are told of a recording's language; None to detect it.
        prompt: Given to all systems in the sides with a prompt, in Chinese and mixed recordings.
        is_live: Whether the service is also fed at the pace of real time.
    """

    tell_language: TellLanguage
    prompt: str
    is_live: bool = True

    def prompt_for(self, recording: Recording) -> str:
        """The prompt is Chinese: an English recording gets none."""
        return "" if recording.lang == "en" else self.prompt


class FasterWhisper:
    """faster-whisper on the weights of the model store, with its own best settings, without its VAD. Blocks one thread.

    Raises:
        Unavailable: The package is not installed.
        ModelMissing: The store does not keep the weights it reads.
    """

    def __init__(self, model: str, threads: int) -> None:
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise Unavailable("faster-whisper is not installed: pip install 'voxcart[bench]'") from error
        folder = ModelStore().require(model, FASTER_WHISPER_FILES)
        self._model: WhisperModel = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="faster-whisper")

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown()

    async def recognise(self, recording: Recording, language: str | None, beam: int, prompt: str) -> Recognised:
        """Recognises a whole recording; all its times are the time of the call."""
        samples = read_audio(recording.path)
        run = asyncio.get_running_loop().run_in_executor
        text, seconds = await run(self._thread, self._transcribe, samples, language, beam, prompt)
        return _whole(recording, samples, (text, text), seconds)

    def _transcribe(
        self, samples: NDArray[np.float32], language: str | None, beam: int, prompt: str
    ) -> tuple[str, float]:
        started = time.perf_counter()
        segments, _ = self._model.transcribe(
            samples, language=language, beam_size=beam, initial_prompt=prompt or None, vad_filter=False
        )
        text = " ".join(segment.text.strip() for segment in segments)
        return text, time.perf_counter() - started


async def recognise_file(open_stream: OpenStream, recording: Recording) -> Recognised:
    """The service's way of a whole recording: all audio at once, then its end; nothing is waited for."""
    from voxcart_services.asr.results import Final

    samples = read_audio(recording.path)
    stream = open_stream(recording)
    started = time.perf_counter()
    try:
        events = [event async for event in stream.push_audio(samples)]
        events += [event async for event in stream.end_input()]
    finally:
        await stream.aclose()
    seconds = time.perf_counter() - started
    finals = [event.transcript for event in events if isinstance(event, Final)]
    texts = (" ".join(final.text for final in finals), " ".join(final.raw_text for final in finals))
    return _whole(recording, samples, texts, seconds, len(finals))


def _whole(
    recording: Recording, samples: NDArray[np.float32], texts: tuple[str, str], seconds: float, num_utterances: int = 1
) -> Recognised:
    audio_s = len(samples) / SAMPLE_RATE_HZ
    return Recognised(recording, *texts, audio_s, seconds, seconds, seconds, num_utterances)


def systems(recognizer: "Recognizer", reference: FasterWhisper, comparison: Comparison) -> dict[str, System]:
    """All sides by name."""
    found: dict[str, System] = {}
    for suffix in ("", " with prompt"):

        def prompt_of(recording: Recording, is_prompted: bool = bool(suffix)) -> str:
            return comparison.prompt_for(recording) if is_prompted else ""

        def file(recording: Recording, prompt_of: Callable[[Recording], str] = prompt_of) -> Awaitable[Recognised]:
            setup = Setup(prompt=prompt_of(recording) or None)
            return recognise_file(setup.opener(recognizer, comparison.tell_language), recording)

        found[f"voxcart file{suffix}"] = file
        for beam in (1, 5):

            def other(
                recording: Recording, beam: int = beam, prompt_of: Callable[[Recording], str] = prompt_of
            ) -> Awaitable[Recognised]:
                told = comparison.tell_language(recording)
                return reference.recognise(recording, told, beam, prompt_of(recording))

            found[f"faster-whisper beam {beam}{suffix}"] = other
    if comparison.is_live:

        def live(recording: Recording) -> Awaitable[Recognised]:
            return recognise(Setup(is_live=True).opener(recognizer, comparison.tell_language), recording, is_paced=True)

        found["voxcart live"] = live
    return found


async def compare(
    sides: Mapping[str, System], recordings: Sequence[Recording], progress: Callable[[], None]
) -> dict[str, list[Recognised]]:
    """Recognises every recording with every side, by turns; the first recording once before, not counted.

    Raises:
        InvalidInput: There is no recording with speech, or one cannot be read.
    """
    spoken = [recording for recording in recordings if recording.is_speech]
    if not spoken:
        raise InvalidInput("the manifest names no recording with speech")
    for side in sides.values():
        await side(spoken[0])
    names = list(sides)
    results: dict[str, list[Recognised]] = {name: [] for name in names}
    for number, recording in enumerate(spoken):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            results[name].append(await sides[name](recording))
        progress()
    return results


def figures(results: Mapping[str, Sequence[Recognised]]) -> dict[str, Any]:
    """Times, ratios of medians to faster-whisper, and errors of every side; plain data for JSON."""
    reference_ms = _median_ms(results[REFERENCE])
    found: dict[str, Any] = {}
    for name, members in results.items():
        commands = _commands(members)
        median_ms = _median_ms(members)
        found[name] = {
            **speed(members),
            "commands_2_to_5_s": speed(commands),
            "median_by_reference": _ratio(median_ms, reference_ms),
            "median_by_reference_2_to_5_s": _ratio(_median_ms(commands), _median_ms(_commands(results[REFERENCE]))),
            "errors": rates(members),
            **{
                group: values
                for group, values in report(members).items()
                if group.startswith("condition:") or group in ("slots", "correction")
            },
        }
    return {"reference": REFERENCE, "recordings": len(results[REFERENCE]), "systems": found}


def as_table(found: Mapping[str, Any]) -> str:
    """The figures for people to read."""
    heads = ("median", "p95", "2-5 s", "work", "ratio", "CER raw", "corr.", "WER raw", "corr.")
    widths = (9, 9, 9, 9, 8, 10, 9, 10, 9)
    rows = [f"{'':<36}" + "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))]
    for name, side in found["systems"].items():
        waits, work = side["speech_end_to_final_ms"], side["work_after_speech_ms"]
        chinese = side["errors"].get("zh+mixed") or side["errors"].get("zh") or side["errors"].get("mixed") or {}
        english = side["errors"].get("en", {})
        errors = (*_both(chinese, "cer"), *_both(english, "wer"))
        short = side["commands_2_to_5_s"]["speech_end_to_final_ms"]["p50"]
        cells = [waits["p50"], waits["p95"], short, work["p50"], side["median_by_reference"]]
        cells += [None if rate is None else f"{100 * rate:.1f} %" for rate in errors]
        texts = ["-" if cell is None else str(cell) for cell in cells]
        rows.append(f"{name:<36}" + "".join(f"{text:>{width}}" for text, width in zip(texts, widths, strict=True)))
    rows.append(
        "milliseconds from the end of speech (live) or of the call (file) to the text; work: of it, what was computed; "
        f"ratio: of medians, to {found['reference']}; {found['recordings']} recordings"
    )
    return "\n".join(rows)


def _both(rates_of_language: Mapping[str, Any], name: str) -> tuple[float | None, float | None]:
    return rates_of_language.get(f"{name}_raw"), rates_of_language.get(f"{name}_corrected")


def _commands(results: Sequence[Recognised]) -> list[Recognised]:
    return [one for one in results if COMMAND_SECONDS[0] <= one.audio_seconds <= COMMAND_SECONDS[1]]


def _median_ms(results: Sequence[Recognised]) -> float | None:
    return percentile([1_000 * one.final_seconds for one in results if one.final_seconds is not None], 0.5)


def _ratio(value: float | None, reference: float | None) -> float | None:
    return None if value is None or not reference else round(value / reference, 3)
