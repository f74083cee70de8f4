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
from voxcart.evaluation.asr_report import rates, report
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
        commands = [one for one in members if COMMAND_SECONDS[0] <= one.audio_seconds <= COMMAND_SECONDS[1]]
        median_ms = _median_ms(members)
        found[name] = {
            "ms": _spread(members),
            "ms_commands_2_to_5_s": _spread(commands),
            "median_by_reference": _ratio(median_ms, reference_ms),
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
    rows = [
        f"{'':<36}{'median':>9}{'p95':>9}{'2-5 s':>9}{'ratio':>8}{'CER raw':>10}{'corr.':>8}{'WER raw':>10}{'corr.':>8}"
    ]
    for name, side in found["systems"].items():
        chinese = side["errors"].get("zh+mixed") or side["errors"].get("zh") or {}
        english = side["errors"].get("en", {})
        errors = [chinese.get("cer_raw"), chinese.get("cer_corrected"), english.get("wer_raw")]
        cells = [*errors, english.get("wer_corrected")]
        rows.append(
            f"{name:<36}{side['ms']['p50'] or '-':>9}{side['ms']['p95'] or '-':>9}"
            f"{side['ms_commands_2_to_5_s']['p50'] or '-':>9}{side['median_by_reference'] or '-':>8}"
            + "".join(
                f"{'-' if cell is None else f'{100 * cell:.1f} %':>{width}}"
                for cell, width in zip(cells, (10, 8, 10, 8), strict=True)
            )
        )
    return "\n".join(
        [*rows, f"milliseconds; ratio of medians to {found['reference']}; {found['recordings']} recordings"]
    )


def _median_ms(results: Sequence[Recognised]) -> float | None:
    return percentile([1_000 * one.final_seconds for one in results if one.final_seconds is not None], 0.5)


def _spread(results: Sequence[Recognised]) -> dict[str, float | int | None]:
    known = [1_000 * one.final_seconds for one in results if one.final_seconds is not None]
    shares = {f"p{round(100 * share)}": percentile(known, share) for share in (0.5, 0.95, 0.99)}
    return {**{name: None if ms is None else round(ms, 1) for name, ms in shares.items()}, "count": len(known)}


def _ratio(value: float | None, reference: float | None) -> float | None:
    return None if value is None or not reference else round(value / reference, 3)
