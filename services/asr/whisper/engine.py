"""The Whisper engine: utterances of all streams, decoded by one thread in batches, the most urgent first.

An utterance keeps the tokens of its last hypothesis as the draft of the next one, so that decoding it again at the end
costs little. Drafts change the cost alone, never the text.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart.telemetry.logs import get_logger
from voxcart.text.scripts import detect_language
from voxcart_services.asr.biasing import GraphCache
from voxcart_services.asr.metrics import DECODE_SECONDS, ENCODE_SECONDS
from voxcart_services.asr.recognition import (
    Alternative,
    DecodeOptions,
    Decoding,
    EngineUtterance,
    HotWord,
    Hypothesis,
    SpeechEngine,
    Urgency,
    Word,
)
from voxcart_services.asr.whisper.batch import DecodeBatch, Member
from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ, level_gain
from voxcart_services.asr.whisper.guards import without_inventions
from voxcart_services.asr.whisper.model import WhisperModel
from voxcart_services.asr.whisper.scheduler import Job, Scheduler, SchedulerLimits
from voxcart_services.asr.whisper.search import Found
from voxcart_services.asr.whisper.tokens import WhisperTokens
from voxcart_services.asr.whisper.transcription import BeamRules, Biasing, Task, Transcription

log = get_logger(__name__)

_FILES = ("encoder.onnx", "decoder.onnx", "cache_join.onnx", "whisper.json", "tokenizer.json")
_CPU_LIMITS = SchedulerLimits()
_GPU_LIMITS = SchedulerLimits(max_waiting_interims=64, max_batch=16, max_begun_together=8, interims_beside_finals=True)
_GPU_LENGTH_GRID = 25
_FREE_READINGS = 3


@dataclass(frozen=True)
class WhisperRules:
    """How the engine works.

    Attributes:
        trailing_silence_ms: Silence that the model is shown after the last sample.
        level_dbfs: Level that the loud parts of an utterance are brought to; `None` leaves them as they came.
        tail_stride: Positions (20 ms) of kept silence that one entry stands for; 1 keeps all.
        full_window: Encode 30 s instead of the audio with the kept silence: slow, what Whisper was trained on.
        beam: When and how finals are searched with a beam.
        hot_word_gain: Log probability added in greedy search for each token of a hot word with boost 1.
        hot_word_bonus: The same in beam search, where it is not checked afterwards.
        max_bonus_boost: Higher boosts count as this in beam search.
        max_waiting: Utterances that may wait; a final beyond it is refused.
        max_batch: Utterances decoded together; `None` chooses by provider.
    """

    trailing_silence_ms: int = 600
    level_dbfs: float | None = -17.0
    tail_stride: int = 10
    full_window: bool = False
    beam: BeamRules = field(default_factory=BeamRules)
    hot_word_gain: float = 4.0
    hot_word_bonus: float = 1.0
    max_bonus_boost: float = 1.5
    max_waiting: int = 65
    max_batch: int | None = None


@dataclass(frozen=True)
class LoadedWhisper:
    """Graphs and vocabulary of one checkpoint; shared, without state of a call."""

    model: WhisperModel
    tokens: WhisperTokens


def load_whisper(
    store: ModelStore, name: str, options: SessionOptions, rules: WhisperRules | None = None
) -> LoadedWhisper:
    """Loads a checkpoint, keeps the silence tail, and warms up; blocks for about two seconds.

    Args:
        store: Where the model is.
        name: Model of the store.
        options: Provider and threads.
        rules: `tail_stride` counts here.

    Raises:
        ModelMissing, ModelCorrupt: A file is not in the store or has other bytes.
    """
    folder = store.require(name, _FILES)
    started = time.perf_counter()
    model = WhisperModel(folder, options, tail_stride=(rules or WhisperRules()).tail_stride)
    loaded = LoadedWhisper(model, WhisperTokens(folder / "tokenizer.json"))
    _warm_up(loaded)
    if model.provider != "cpu" and model.config.precision == "int8":
        log.warning("int8 layers run on the CPU; a model converted to fp16 is faster here", model=name)
    seconds = round(time.perf_counter() - started, 3)
    log.info("recognition model is warm", model=name, provider=model.provider, seconds=seconds)
    return loaded


def _warm_up(loaded: LoadedWhisper) -> None:
    """Decodes two seconds of silence with a beam."""
    pipeline = _Pipeline(loaded, WhisperRules())
    options = DecodeOptions(beam_size=2)
    silence = np.zeros(2 * SAMPLE_RATE_HZ, dtype=np.float32)
    audio = loaded.model.encode([silence], loaded.model.num_positions(len(silence)))
    pipeline.batch.add(Member(audio, pipeline.transcription(options, silence, Urgency.FINAL, _Draft()).run()))
    while len(pipeline.batch):
        for member in pipeline.batch.advance():
            if member.error is not None:
                raise member.error


@dataclass
class _Draft:
    """What an utterance's earlier audio gave."""

    tokens: tuple[int, ...] = ()
    language: str | None = None


@dataclass(frozen=True)
class _Work:
    """One utterance's audio, added silence included."""

    samples: np.ndarray
    num_spoken: int
    num_positions: int
    options: DecodeOptions
    draft: _Draft


@dataclass
class _Run:
    """A job that is being decoded."""

    member: Member
    transcription: Transcription
    encode_ms: float
    began: float


class _Pipeline:
    """Encodes and decodes; used by the scheduler's thread."""

    def __init__(self, loaded: LoadedWhisper, rules: WhisperRules) -> None:
        self.batch = DecodeBatch(loaded.model)
        self._model = loaded.model
        self._tokens = loaded.tokens
        self._rules = rules
        self._gains = GraphCache(loaded.tokens.spellings, rules.hot_word_gain)
        self._bonuses = GraphCache(loaded.tokens.spellings, rules.hot_word_bonus)
        self._runs: dict[Job[_Work], _Run] = {}

    def is_alike(self, first: Job[_Work], other: Job[_Work]) -> bool:
        return first.payload.num_positions == other.payload.num_positions

    def begin(self, jobs: list[Job[_Work]]) -> None:
        started = time.perf_counter()
        together = self._model.encode([job.payload.samples for job in jobs], jobs[0].payload.num_positions)
        encode_ms = (time.perf_counter() - started) * 1e3
        ENCODE_SECONDS.observe(encode_ms / 1e3)
        for index, job in enumerate(jobs):
            work = job.payload
            audio = together if len(jobs) == 1 else self._model.pick_audio(together, [index])
            transcription = self.transcription(work.options, work.samples[: work.num_spoken], job.urgency, work.draft)
            member = Member(audio, transcription.run())
            self._runs[job] = _Run(member, transcription, encode_ms, time.perf_counter())
            self.batch.add(member)

    def transcription(
        self, options: DecodeOptions, samples: np.ndarray, urgency: Urgency, draft: _Draft
    ) -> Transcription:
        task = Task(
            options,
            is_final=urgency is Urgency.FINAL,
            samples=samples,
            draft=draft.tokens,
            language=draft.language,
            bias=self._biasing(options.hot_words),
        )
        return Transcription(self._model.config, self._tokens, task, self._rules.beam)

    def _biasing(self, hot_words: tuple[HotWord, ...]) -> Biasing | None:
        gains = self._gains.get(hot_words)
        if gains is None:
            return None
        limit = self._rules.max_bonus_boost
        exact = self._bonuses.get(tuple(HotWord(word.text, min(word.boost, limit)) for word in hot_words))
        return Biasing(gains, exact) if exact is not None else None

    def advance(self) -> list[tuple[Job[_Work], Hypothesis | Exception]]:
        over = set(map(id, self.batch.advance()))
        done = [(job, run) for job, run in self._runs.items() if id(run.member) in over]
        results: list[tuple[Job[_Work], Hypothesis | Exception]] = []
        for job, run in done:
            del self._runs[job]
            if run.member.error is not None:
                results.append((job, run.member.error))
                continue
            _keep_draft(job, run.transcription)
            results.append((job, self._hypothesis(run)))
        return results

    def drop(self, job: Job[_Work]) -> None:
        run = self._runs.pop(job)
        _keep_draft(job, run.transcription)
        self.batch.remove(run.member)

    def _hypothesis(self, run: _Run) -> Hypothesis:
        decode_ms = (time.perf_counter() - run.began) * 1e3
        DECODE_SECONDS.observe(decode_ms / 1e3)
        made = run.transcription
        best, *others = made.found
        heard = self._tokens.decode(best.tokens).strip()
        text = without_inventions(heard)
        return Hypothesis(
            text=text,
            tokens=best.tokens,
            confidence=_confidence(best),
            avg_logprob=best.mean_log_prob,
            no_speech_prob=made.no_speech_prob,
            language=detect_language(text) if text else made.language,
            words=made.words if text == heard else _words_of(text, made.words),
            alternatives=self._alternatives(text, others, made.task.options.num_alternatives - 1 or _FREE_READINGS),
            is_loop=best.is_loop,
            encode_ms=run.encode_ms,
            decode_ms=decode_ms,
            num_steps=made.num_runs,
        )

    def _alternatives(self, text: str, others: list[Found], count: int) -> tuple[Alternative, ...]:
        """The other texts that were found, also by a beam that nobody asked for: correction chooses among them."""
        found: dict[str, Alternative] = {}
        for other in others:
            reading = without_inventions(self._tokens.decode(other.tokens).strip())
            if reading and reading != text and reading not in found:
                found[reading] = Alternative(reading, _confidence(other), other.mean_log_prob)
        return tuple(found.values())[:count]


def _words_of(text: str, words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words that are still in a text from which something was cut."""
    kept, place = [], 0
    for word in words:
        found = text.find(word.text, place)
        if found >= 0:
            kept.append(word)
            place = found + len(word.text)
    return tuple(kept)


def _keep_draft(job: Job[_Work], made: Transcription) -> None:
    if made.greedy and not (made.found and made.found[0].is_loop):
        job.payload.draft.tokens, job.payload.draft.language = made.greedy, made.language


def _confidence(found: Found) -> float:
    return float(np.exp(min(0.0, found.mean_log_prob)))


class WhisperEngine(SpeechEngine):
    """Recognises with one loaded checkpoint. Light; its thread starts with the first utterance. Closed by its maker."""

    def __init__(self, loaded: LoadedWhisper, rules: WhisperRules | None = None) -> None:
        self.rules = rules or WhisperRules()
        self._model = loaded.model
        on_cpu = loaded.model.provider == "cpu"
        self._grid = 1 if on_cpu else _GPU_LENGTH_GRID
        self._scheduler = Scheduler(_Pipeline(loaded, self.rules), self._limits(on_cpu))

    def open(self, options: DecodeOptions) -> EngineUtterance:
        return _WhisperUtterance(self, options)

    async def aclose(self) -> None:
        await self._scheduler.aclose()

    def submit(
        self, samples: np.ndarray, options: DecodeOptions, draft: _Draft, urgency: Urgency, owner: object
    ) -> Decoding:
        """Queues the recognition of `samples`, which are copied.

        Raises:
            Overloaded: Too much is waiting.
            ValueError: The audio is longer than the model's window.
        """
        silence = self.rules.trailing_silence_ms * SAMPLE_RATE_HZ // 1000
        if len(samples) > self._model.max_samples:
            raise ValueError(f"{len(samples)} samples are over the window of {self._model.max_samples}")
        length = min(len(samples) + silence, self._model.max_samples)
        padded = np.zeros(length, dtype=np.float32)
        padded[: len(samples)] = samples
        if self.rules.level_dbfs is not None:
            padded *= level_gain(samples, self.rules.level_dbfs)
        positions = self._model.config.num_audio_positions
        if not self.rules.full_window:
            needed = self._model.num_positions(length)
            positions = min(-(-needed // self._grid) * self._grid, positions)
        return self._scheduler.submit(_Work(padded, len(samples), positions, options, draft), urgency, owner)

    def _limits(self, on_cpu: bool) -> SchedulerLimits:
        preset = _CPU_LIMITS if on_cpu else _GPU_LIMITS
        return SchedulerLimits(
            max_waiting=self.rules.max_waiting,
            max_waiting_interims=preset.max_waiting_interims,
            max_batch=self.rules.max_batch or preset.max_batch,
            max_begun_together=preset.max_begun_together,
            interims_beside_finals=preset.interims_beside_finals,
        )


class _WhisperUtterance(EngineUtterance):
    """An utterance: its options and the draft, which the decode thread reads and writes."""

    def __init__(self, engine: WhisperEngine, options: DecodeOptions) -> None:
        self._engine = engine
        self._options = options
        self._draft = _Draft()

    def recognise(self, samples: np.ndarray, urgency: Urgency) -> Decoding:
        return self._engine.submit(samples, self._options, self._draft, urgency, self)

    def close(self) -> None:
        self._draft = _Draft()
