"""Decoding many utterances at a time with a tiny model of random weights: a batch gives what its members give alone."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from tests.support.tiny_whisper import write_source
from voxcart.models.converters import whisper
from voxcart.serving.sessions import SessionOptions
from voxcart_services.asr.biasing import BiasPhrase, ContextGraph
from voxcart_services.asr.recognition import DecodeOptions, Hypothesis, Urgency
from voxcart_services.asr.whisper.batch import DecodeBatch, Member
from voxcart_services.asr.whisper.engine import LoadedWhisper, WhisperEngine, WhisperRules
from voxcart_services.asr.whisper.model import WhisperModel
from voxcart_services.asr.whisper.tokens import WhisperTokens
from voxcart_services.asr.whisper.transcription import BeamRules, Biasing, Task, Transcription

pytestmark = pytest.mark.unit

RATE_HZ = 16_000
RULES = WhisperRules(trailing_silence_ms=40, max_batch=8)


def sound(seed: int, seconds: float) -> np.ndarray:
    """Some tones that come and go."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = [np.sin(2 * np.pi * rng.uniform(100, 6_000) * time) * np.sin(rng.uniform(5, 40) * time) for _ in range(3)]
    return (0.2 * np.sum(tones, axis=0)).astype(np.float32)


@pytest.fixture(scope="module", params=["fp32", "int8"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedWhisper:
    source, folder = (write_source(tmp_path_factory.mktemp(name)) for name in ("source", "target"))
    whisper.convert(source, folder, request.param)
    model = WhisperModel(folder, SessionOptions(provider="cpu", threads=1), tail_stride=2)
    return LoadedWhisper(model, WhisperTokens(folder / "tokenizer.json"))


def transcription(loaded: LoadedWhisper, width: int, draft: tuple[int, ...] = (), **options: object) -> Transcription:
    wanted = DecodeOptions(beam_size=width, num_alternatives=3, **options)  # type: ignore[arg-type]
    task = Task(wanted, is_final=True, samples=np.zeros(RATE_HZ // 2, np.float32), draft=draft)
    return Transcription(loaded.model.config, loaded.tokens, task, BeamRules())


def decode(loaded: LoadedWhisper, jobs: list[tuple[np.ndarray, Transcription]], late: int = 0) -> None:
    """Decodes jobs together; the last `late` of them join one at a time while the others are at it."""
    batch = DecodeBatch(loaded.model)
    members = [Member(loaded.model.encode([samples], 20), made.run()) for samples, made in jobs]
    for member in members[: len(members) - late]:
        batch.add(member)
    waiting = members[len(members) - late :]
    while len(batch) or waiting:
        batch.advance()
        if waiting:
            batch.add(waiting.pop(0))
    for member in members:
        if member.error is not None:
            raise member.error


def _found(made: Transcription) -> list[tuple[int, ...]]:
    return [text.tokens for text in made.found]


@pytest.mark.parametrize("late", [0, 3])
def test_a_batch_of_greedy_and_beam_searches_gives_what_they_give_alone(loaded: LoadedWhisper, late: int) -> None:
    widths = [1, 3, 1, 1, 3, 2]
    sounds = [sound(seed, 0.3 + 0.02 * seed) for seed in range(len(widths))]
    alone = [transcription(loaded, width) for width in widths]
    for samples, made in zip(sounds, alone, strict=True):
        decode(loaded, [(samples, made)])
    together = [transcription(loaded, width) for width in widths]
    decode(loaded, list(zip(sounds, together, strict=True)), late=late)
    assert [_found(made) for made in together] == [_found(made) for made in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.found[0].mean_log_prob == pytest.approx(other.found[0].mean_log_prob, abs=1e-3)
        assert one.no_speech_prob == pytest.approx(other.no_speech_prob, abs=1e-3)


def test_a_draft_changes_the_cost_and_not_the_result(loaded: LoadedWhisper) -> None:
    samples = sound(7, 0.4)
    plain = transcription(loaded, 1)
    decode(loaded, [(samples, plain)])
    assert not plain.found[0].is_loop
    tokens = plain.found[0].tokens
    runs = []
    for draft in (tokens, (*tokens[:2], 7, 9, 11), (40, 41), tokens * 5):
        drafted = transcription(loaded, 1, draft)
        decode(loaded, [(samples, drafted)])
        assert _found(drafted) == _found(plain)
        runs.append(drafted.num_runs)
    assert runs[0] <= 2
    assert runs[0] < plain.num_runs


def test_the_language_is_that_of_the_audio_whatever_was_guessed(loaded: LoadedWhisper) -> None:
    samples = sound(5, 0.4)
    results = []
    for guess in (None, "zh", "en"):
        made = transcription(loaded, 1)
        made.task = Task(made.task.options, True, np.zeros(RATE_HZ // 2, np.float32), language=guess)
        decode(loaded, [(samples, made)])
        results.append((made.language, _found(made)))
    assert results[0] == results[1] == results[2]


def test_hot_words_are_taken_only_where_they_pay(loaded: LoadedWhisper) -> None:
    samples = sound(7, 0.4)
    plain = transcription(loaded, 1)
    decode(loaded, [(samples, plain)])
    said = plain.found[0].tokens
    for phrase in ((40, 41, 38), said[2:5]):
        graph = ContextGraph([BiasPhrase(phrase)], 0.5)
        made = transcription(loaded, 1)
        made.task = replace(made.task, bias=Biasing(graph, graph))
        decode(loaded, [(samples, made)])
        assert graph.path_score(made.found[0].tokens) >= graph.path_score(said)
        assert made.found[0].tokens == said or graph.path_score(made.found[0].tokens) > graph.path_score(said)


def test_a_wider_beam_scores_no_worse(loaded: LoadedWhisper) -> None:
    for seed in range(4):
        greedy, beam = transcription(loaded, 1), transcription(loaded, 4)
        decode(loaded, [(sound(seed, 0.4), greedy), (sound(seed, 0.4), beam)])
        assert beam.found[0].rank >= greedy.found[0].rank - 1e-4


def test_an_utterance_that_leaves_changes_nothing_for_the_others(loaded: LoadedWhisper) -> None:
    alone, staying, leaving = (transcription(loaded, 1) for _ in range(3))
    decode(loaded, [(sound(1, 0.4), alone)])
    batch = DecodeBatch(loaded.model)
    members = [
        Member(loaded.model.encode([sound(seed, 0.4)], 20), made.run()) for seed, made in ((2, leaving), (1, staying))
    ]
    for member in members:
        batch.add(member)
    batch.advance()
    batch.remove(members[0])
    while len(batch):
        batch.advance()
    assert _found(staying) == _found(alone)


def test_an_error_ends_its_utterance_only(loaded: LoadedWhisper) -> None:
    alone, fine, broken = (transcription(loaded, 1) for _ in range(3))
    broken.task = Task(DecodeOptions(language="zh"), True, np.zeros(RATE_HZ // 2, np.float32), draft=(10**6,))
    decode(loaded, [(sound(1, 0.4), alone)])
    batch = DecodeBatch(loaded.model)
    members = [Member(loaded.model.encode([sound(1, 0.4)], 20), made.run()) for made in (broken, fine)]
    for member in members:
        batch.add(member)
    while len(batch):
        batch.advance()
    assert members[0].error is not None
    assert _found(fine) == _found(alone)


def test_the_engine_answers_many_utterances_as_one_by_one(loaded: LoadedWhisper) -> None:
    sounds = [sound(seed, 0.3 + 0.03 * (seed % 3)) for seed in range(6)]
    options = DecodeOptions(language="zh", word_times=True)

    async def work() -> tuple[list[Hypothesis], list[Hypothesis]]:
        engine = WhisperEngine(loaded, RULES)
        single = [await engine.open(options).recognise(samples, Urgency.FINAL).future for samples in sounds]
        asked = [engine.open(options).recognise(samples, Urgency.FINAL) for samples in sounds]
        together = [await decoding.future for decoding in asked]
        await engine.aclose()
        return single, together

    single, together = asyncio.run(work())
    assert [hypothesis.tokens for hypothesis in together] == [hypothesis.tokens for hypothesis in single]


def test_interims_before_do_not_change_the_final(loaded: LoadedWhisper) -> None:
    samples = sound(9, 0.5)

    async def work() -> tuple[Hypothesis, Hypothesis]:
        engine = WhisperEngine(loaded, RULES)
        fresh, asked = engine.open(DecodeOptions()), engine.open(DecodeOptions())
        for length in (2_000, 4_500, 7_000):
            await asked.recognise(samples[:length], Urgency.INTERIM).future
        results = [await utterance.recognise(samples, Urgency.FINAL).future for utterance in (fresh, asked)]
        await engine.aclose()
        return results[0], results[1]

    fresh, asked = asyncio.run(work())
    assert fresh.tokens == asked.tokens
    # Activations in int8 are scaled by the run they are in, so a drafted token may be refused that alone is chosen.
    assert asked.num_steps <= fresh.num_steps + 1


def test_audio_over_the_window_is_refused(loaded: LoadedWhisper) -> None:
    async def work() -> None:
        engine = WhisperEngine(loaded, RULES)
        with pytest.raises(ValueError, match="over the window"):
            engine.open(DecodeOptions()).recognise(np.zeros(31 * RATE_HZ, np.float32), Urgency.FINAL)
        await engine.aclose()

    asyncio.run(work())
