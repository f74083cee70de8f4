"""The transducer engine as the streams see it: prefixes, speculation, batches, cancelling, refusing, closing."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny_zipformer import HAN, TinyModel, build_tiny_model, tiny_speech

from voxcart.errors import InvalidInput, Overloaded, WrongState
from voxcart_services.asr.biasing import GraphCache
from voxcart_services.asr.recognition import DecodeCancelled, DecodeOptions, HotWord, Hypothesis, Urgency
from voxcart_services.asr.transducer.engine import TransducerEngine
from voxcart_services.asr.transducer.loading import LoadedTransducer, load_transducer
from voxcart_services.asr.transducer.metrics import UNSPELLED_HOT_WORDS_TOTAL
from voxcart_services.asr.transducer.model import TransducerModel
from voxcart_services.asr.transducer.options import TransducerOptions
from voxcart_services.asr.transducer.search import SearchRules

pytestmark = pytest.mark.unit

SPEECH = [tiny_speech(2.0 + 0.3 * seed, seed) for seed in range(6)]
OPTIONS = [DecodeOptions(), DecodeOptions(beam_size=3), DecodeOptions(hot_words=(HotWord("苹果"), HotWord("运动")))]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedTransducer:
    return load_transducer(build_tiny_model(tmp_path_factory.mktemp("engine"), TinyModel()))


@pytest_asyncio.fixture
async def engine(loaded: LoadedTransducer) -> AsyncIterator[TransducerEngine]:
    engine = TransducerEngine(loaded)
    yield engine
    await engine.aclose()


class GatedModel:
    """A model whose encoder waits until it is let through; it notes the sizes of its batches."""

    def __init__(self, model: TransducerModel) -> None:
        self._model = model
        self.gate = threading.Event()
        self.is_running = threading.Event()
        self.batches: list[int] = []
        self.failures = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def run_encoder(self, features: np.ndarray, states: list) -> tuple:
        self.batches.append(len(states))
        self.is_running.set()
        assert self.gate.wait(20)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the encoder fell over")
        return self._model.run_encoder(features, states)


@pytest_asyncio.fixture
async def gated(loaded: LoadedTransducer) -> AsyncIterator[tuple[TransducerEngine, GatedModel]]:
    model = GatedModel(loaded.model)
    engine = TransducerEngine(
        LoadedTransducer(model, loaded.tokens), TransducerOptions(max_waiting=8, max_waiting_interims=4)
    )
    yield engine, model
    model.gate.set()
    await engine.aclose()


async def running(model: GatedModel) -> None:
    await asyncio.to_thread(model.is_running.wait, 20)


async def final(engine: TransducerEngine, samples: np.ndarray, options: DecodeOptions | None = None) -> Hypothesis:
    utterance = engine.open(options or DecodeOptions())
    try:
        return await utterance.recognise(samples, Urgency.FINAL).future
    finally:
        utterance.close()


def said(hypothesis: Hypothesis) -> tuple:
    """All that must not depend on how it came about."""
    return hypothesis.tokens, hypothesis.text, hypothesis.words, hypothesis.trailing_silence_ms


@settings(max_examples=8, deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 32_000), st.booleans()), max_size=6).map(sorted),
    options=st.sampled_from(OPTIONS),
)
def test_what_was_asked_before_changes_nothing(
    loaded: LoadedTransducer, cuts: list[tuple[int, bool]], options: DecodeOptions
) -> None:
    """Interims and speculative finals at any lengths, then the final."""

    async def compare() -> None:
        engine = TransducerEngine(loaded)
        try:
            utterance = engine.open(options)
            for end, is_final in cuts:
                urgency = Urgency.FINAL if is_final else Urgency.INTERIM
                early = await utterance.recognise(SPEECH[0][:end], urgency).future
                if is_final:
                    assert said(early) == said(await final(engine, SPEECH[0][:end], options))
            last = await utterance.recognise(SPEECH[0], Urgency.FINAL).future
            assert said(last) == said(await final(engine, SPEECH[0], options))
        finally:
            await engine.aclose()

    asyncio.run(compare())


@pytest.mark.parametrize("options", OPTIONS, ids=["greedy", "beam", "hot words"])
async def test_a_batch_equals_singles(engine: TransducerEngine, options: DecodeOptions) -> None:
    alone = [await final(engine, samples, options) for samples in SPEECH]
    together = await asyncio.gather(*(final(engine, samples, options) for samples in SPEECH))
    assert [said(hypothesis) for hypothesis in together] == [said(hypothesis) for hypothesis in alone]
    assert len({hypothesis.tokens for hypothesis in alone}) == len(SPEECH)


async def test_utterances_are_stepped_together(gated: tuple[TransducerEngine, GatedModel]) -> None:
    """Searches of different kinds too."""
    engine, model = gated
    first = asyncio.ensure_future(final(engine, SPEECH[0]))
    await running(model)
    others = [asyncio.ensure_future(final(engine, s, o)) for s, o in zip(SPEECH[1:4], OPTIONS, strict=True)]
    await asyncio.sleep(0)
    model.gate.set()
    await asyncio.gather(first, *others)
    assert model.batches[0] == 1
    assert model.batches[1] == 4


async def test_finals_go_before_interims(gated: tuple[TransducerEngine, GatedModel], loaded: LoadedTransducer) -> None:
    _, model = gated
    engine = TransducerEngine(LoadedTransducer(model, loaded.tokens), TransducerOptions(max_batch=1))
    done: list[str] = []
    utterances = [engine.open(DecodeOptions()) for _ in range(3)]
    for name, utterance, urgency in zip(
        ("first", "interim", "final"), utterances, (Urgency.INTERIM, Urgency.INTERIM, Urgency.FINAL), strict=True
    ):
        decoding = utterance.recognise(SPEECH[0], urgency)
        decoding.future.add_done_callback(lambda _, name=name: done.append(name))
        if name == "first":
            await running(model)
    last = decoding
    model.gate.set()
    await last.future
    assert "interim" not in done
    await engine.aclose()


async def test_interims_grow_and_cost_only_what_is_new(engine: TransducerEngine) -> None:
    utterance = engine.open(DecodeOptions())
    steps, tokens = [], ()
    for end in range(8_000, 32_001, 8_000):
        hypothesis = await utterance.recognise(SPEECH[0][:end], Urgency.INTERIM).future
        assert hypothesis.tokens[: len(tokens)] == tokens, "greedy search takes nothing back"
        steps.append(hypothesis.num_steps)
        tokens = hypothesis.tokens
    utterance.close()
    assert max(steps) <= 2
    assert tokens


async def test_words_confidences_and_alternatives(engine: TransducerEngine) -> None:
    options = DecodeOptions(beam_size=4, num_alternatives=3, word_times=True)
    hypothesis = await final(engine, SPEECH[1], options)
    duration_ms = len(SPEECH[1]) // 16
    assert "".join(word.text for word in hypothesis.words) == hypothesis.text.replace(" ", "")
    starts = [word.start_ms for word in hypothesis.words]
    assert starts == sorted(starts)
    assert all(0 <= word.start_ms <= word.end_ms <= duration_ms for word in hypothesis.words)
    assert all(0 < word.confidence <= 1 for word in hypothesis.words)
    assert 0 < hypothesis.confidence < 1
    assert hypothesis.confidence < np.exp(hypothesis.avg_logprob), "the temperature makes it less sure"
    assert 0 <= hypothesis.no_speech_prob < 0.01
    assert 1 <= len(hypothesis.alternatives) <= 2
    assert hypothesis.text not in {alternative.text for alternative in hypothesis.alternatives}
    assert hypothesis.language in {"zh", "mixed"}
    assert (await final(engine, SPEECH[1])).words == ()


async def test_nothing_recognised(loaded: LoadedTransducer) -> None:
    engine = TransducerEngine(loaded)
    for samples in (np.zeros(0, np.float32), np.zeros(10, np.float32)):
        hypothesis = await final(engine, samples)
        assert hypothesis.tokens == () or len(samples) < 400
    utterance = engine.open(DecodeOptions(word_times=True, num_alternatives=3))
    hypothesis = await utterance.recognise(np.zeros(2_000, np.float32), Urgency.INTERIM).future
    assert (hypothesis.text, hypothesis.confidence, hypothesis.no_speech_prob) == ("", 0.0, 1.0)
    assert hypothesis.words == hypothesis.alternatives == ()
    await engine.aclose()


async def test_hot_words_without_tokens_are_left_out_and_counted(engine: TransducerEngine) -> None:
    before = UNSPELLED_HOT_WORDS_TOTAL._value.get()
    known, unknown = HotWord("运动鞋", 3.0), HotWord("榴莲千层", 3.0)
    found = await final(engine, SPEECH[2], DecodeOptions(hot_words=(unknown, known)))
    assert found.tokens == (await final(engine, SPEECH[2], DecodeOptions(hot_words=(known,)))).tokens
    assert UNSPELLED_HOT_WORDS_TOTAL._value.get() == before + 1


async def test_thousands_of_hot_words(engine: TransducerEngine) -> None:
    random = np.random.default_rng(8)
    words = tuple(HotWord("".join(random.choice(list(HAN), 4))) for _ in range(3_000))
    assert (await final(engine, SPEECH[0], DecodeOptions(hot_words=words))).tokens


async def test_cancelling_leaves_the_others_alone(gated: tuple[TransducerEngine, GatedModel]) -> None:
    engine, model = gated
    utterances = [engine.open(DecodeOptions()) for _ in range(3)]
    decodings = [u.recognise(s, Urgency.FINAL) for u, s in zip(utterances, SPEECH, strict=False)]
    await running(model)
    decodings[1].cancel()
    model.gate.set()
    first, third = await decodings[0].future, await decodings[2].future
    assert decodings[1].future.cancelled()
    again = await utterances[1].recognise(SPEECH[1], Urgency.FINAL).future
    for hypothesis, samples in zip((first, again, third), SPEECH, strict=False):
        assert said(hypothesis) == said(await final(engine, samples))


async def test_a_cancelled_final_does_not_leave_its_silence_behind(gated: tuple[TransducerEngine, GatedModel]) -> None:
    engine, model = gated
    utterance = engine.open(DecodeOptions())
    decoding = utterance.recognise(SPEECH[0][:3_000], Urgency.FINAL)
    await running(model)
    decoding.cancel()
    model.gate.set()
    assert said(await utterance.recognise(SPEECH[0], Urgency.FINAL).future) == said(await final(engine, SPEECH[0]))


async def test_a_failing_step_fails_its_waiters_and_nobody_else(gated: tuple[TransducerEngine, GatedModel]) -> None:
    engine, model = gated
    model.failures = 1
    unlucky = engine.open(DecodeOptions())
    decoding = unlucky.recognise(SPEECH[0], Urgency.FINAL)
    await running(model)
    other = asyncio.ensure_future(final(engine, SPEECH[1]))
    await asyncio.sleep(0)
    model.gate.set()
    with pytest.raises(RuntimeError, match="fell over"):
        await decoding.future
    assert (await other).tokens
    again = await unlucky.recognise(SPEECH[0], Urgency.FINAL).future
    assert said(again) == said(await final(engine, SPEECH[0]))


async def test_audio_is_not_lost_when_hot_words_cannot_be_prepared(
    engine: TransducerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    utterance = engine.open(OPTIONS[2])
    with monkeypatch.context() as patched:
        patched.setattr(GraphCache, "get", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await utterance.recognise(SPEECH[0][:9_000], Urgency.INTERIM).future
    last = await utterance.recognise(SPEECH[0], Urgency.FINAL).future
    assert said(last) == said(await final(engine, SPEECH[0], OPTIONS[2]))


async def test_too_much_waiting_is_refused_interims_first(gated: tuple[TransducerEngine, GatedModel]) -> None:
    engine, model = gated
    utterances = [engine.open(DecodeOptions()) for _ in range(9)]
    decodings = [utterance.recognise(SPEECH[0], Urgency.INTERIM) for utterance in utterances[:4]]
    await running(model)
    with pytest.raises(Overloaded):
        utterances[4].recognise(SPEECH[0], Urgency.INTERIM)
    decodings += [utterance.recognise(SPEECH[0], Urgency.FINAL) for utterance in utterances[4:8]]
    with pytest.raises(Overloaded, match="try again"):
        utterances[8].recognise(SPEECH[0], Urgency.FINAL)
    model.gate.set()
    results = await asyncio.gather(*(decoding.future for decoding in decodings))
    last = await utterances[8].recognise(SPEECH[0], Urgency.FINAL).future
    assert {said(hypothesis) for hypothesis in (*results[4:], last)} == {said(results[4])}


async def test_closing_an_utterance_answers_its_waiters(gated: tuple[TransducerEngine, GatedModel]) -> None:
    engine, model = gated
    utterance = engine.open(DecodeOptions())
    decodings = [utterance.recognise(SPEECH[0], Urgency.INTERIM), utterance.recognise(SPEECH[0], Urgency.FINAL)]
    await running(model)
    utterance.close()
    for decoding in decodings:
        with pytest.raises(DecodeCancelled):
            await decoding.future
    with pytest.raises(WrongState, match="closed"):
        utterance.recognise(SPEECH[0], Urgency.FINAL)
    model.gate.set()
    assert (await final(engine, SPEECH[0])).tokens


async def test_closing_the_engine_answers_everybody(gated: tuple[TransducerEngine, GatedModel]) -> None:
    engine, model = gated
    utterances = [engine.open(DecodeOptions()) for _ in range(3)]
    decodings = [utterance.recognise(SPEECH[0], Urgency.FINAL) for utterance in utterances]
    await running(model)
    closing = asyncio.ensure_future(engine.aclose())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="shutting down"):
        utterances[0].recognise(SPEECH[0], Urgency.FINAL)
    model.gate.set()
    await closing
    for decoding in decodings:
        with pytest.raises(Overloaded, match="shutting down"):
            await decoding.future
    await engine.aclose()


async def test_wrong_audio_is_refused(engine: TransducerEngine) -> None:
    utterance = engine.open(DecodeOptions())
    with pytest.raises(InvalidInput, match="float32 with one axis"):
        utterance.recognise(SPEECH[0].astype(np.float64), Urgency.FINAL)
    with pytest.raises(InvalidInput, match="float32 with one axis"):
        utterance.recognise(SPEECH[0][None], Urgency.FINAL)
    await utterance.recognise(SPEECH[0], Urgency.INTERIM).future
    with pytest.raises(InvalidInput, match="cannot shrink"):
        utterance.recognise(SPEECH[0][:100], Urgency.FINAL)


async def test_the_engine_keeps_no_view_of_the_audio(engine: TransducerEngine) -> None:
    buffer = SPEECH[0].copy()
    utterance = engine.open(DecodeOptions())
    decoding = utterance.recognise(buffer, Urgency.FINAL)
    buffer[:] = 0
    assert said(await decoding.future) == said(await final(engine, SPEECH[0]))


async def test_an_utterance_keeps_little_however_long_it_is(engine: TransducerEngine) -> None:
    """Of 28 s of audio less than two steps' worth, and nothing after it is closed."""
    samples = np.concatenate([SPEECH[seed % 6] for seed in range(12)])[: 28 * 16_000]
    utterance = engine.open(DecodeOptions())
    for end in range(16_000, len(samples) + 1, 16_000):
        await utterance.recognise(samples[:end], Urgency.INTERIM).future
        state = utterance.state()
        assert len(state._audio) < 1_000
        assert len(state.current.frames) <= 2 * engine._model.window_frames
    kept = weakref.ref(state)
    del state
    utterance.close()
    await final(engine, SPEECH[0])
    gc.collect()
    assert kept() is None


async def test_many_utterances_leave_nothing(engine: TransducerEngine) -> None:
    samples = SPEECH[0][:3_000]
    for _ in range(3):
        await asyncio.gather(*(final(engine, samples) for _ in range(50)))
    assert not engine._scheduler._waiting
    assert engine._scheduler._num_waiting == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: TransducerOptions(beam_size=0),
        lambda: TransducerOptions(tail_ms=-1),
        lambda: TransducerOptions(max_batch=0),
        lambda: TransducerOptions(hot_word_score=float("nan")),
        lambda: SearchRules(blank_penalty=-1.0),
        lambda: SearchRules(temperature=0.0),
    ],
)
def test_options_are_checked(make) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()


async def test_a_beam_out_of_range_is_refused(engine: TransducerEngine) -> None:
    with pytest.raises(ValueError, match="beam_size must be 1 to 64; got 1000"):
        engine.open(DecodeOptions(beam_size=1_000))


def test_a_model_of_its_own_for_a_path(tmp_path: Path) -> None:
    """`load_transducer` says which folder lacks what."""
    with pytest.raises(Exception, match=f"no encoder\\*.onnx in {tmp_path}"):
        load_transducer(tmp_path)
