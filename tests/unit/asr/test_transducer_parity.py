"""The transducer engine against sherpa-onnx: the same tokens, times and endpoints on the same small models, exactly.

The models have random weights, so nothing in them covers for a mistake: features, caches, chunking, search or biasing
that differ a little give other tokens. sherpa-onnx brings an ONNX Runtime of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from support.tiny_zipformer import HAN, TinyModel, build_tiny_model, tiny_speech

from voxcart_services.asr.recognition import DecodeOptions, HotWord, Hypothesis, Urgency
from voxcart_services.asr.transducer.endpoint import EndpointRule, EndpointRules, endpoint_reason
from voxcart_services.asr.transducer.engine import TransducerEngine
from voxcart_services.asr.transducer.loading import LoadedTransducer, load_transducer
from voxcart_services.asr.transducer.options import TransducerOptions
from voxcart_services.asr.transducer.search import SearchRules

sherpa_onnx = pytest.importorskip("sherpa_onnx")
pytestmark = pytest.mark.unit

MODELS = {
    "zipformer": TinyModel(),
    "zipformer with long steps": TinyModel(seed=7, chunk_frames=64, left_context=(32, 16), context_size=1),
    "zipformer2": TinyModel(
        model_type="zipformer2", seed=4, num_layers=(2, 1, 1), dims=(16, 16, 24), left_context=(8, 4, 4), kernel=7
    ),
}


@dataclass(frozen=True)
class Tiny:
    """A small model, for both engines."""

    folder: Path
    loaded: LoadedTransducer

    def symbols(self, tokens: tuple[int, ...]) -> list[str]:
        """As sherpa-onnx writes them."""
        return [self.loaded.tokens.symbol(token).replace("▁", " ") for token in tokens]

    def final(self, recognizer, samples: np.ndarray, hot_words: str = "", chunk: int = 1 << 30):
        """sherpa-onnx's final result; the audio comes in chunks of so many samples."""
        stream = recognizer.create_stream(hotwords=hot_words) if hot_words else recognizer.create_stream()
        for begin in range(0, len(samples), chunk):
            stream.accept_waveform(16_000, samples[begin : begin + chunk])
            while recognizer.is_ready(stream):
                recognizer.decode_stream(stream)
        # The silence that the engine puts behind an utterance: 660 ms, or a step and a bit.
        tail_ms = max(660, 10 * (self.loaded.model.window_frames + 2))
        stream.accept_waveform(16_000, np.zeros(16 * tail_ms, dtype=np.float32))
        stream.input_finished()
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
        return recognizer.get_result_all(stream)

    def reference(self, method: str, **options: object):
        """sherpa-onnx's recogniser."""
        paths = {part: str(self.folder / f"{part}.onnx") for part in ("encoder", "decoder", "joiner")}
        tokens = str(self.folder / "tokens.txt")
        return sherpa_onnx.OnlineRecognizer.from_transducer(
            tokens=tokens,
            **paths,
            num_threads=1,
            decoding_method=method,
            model_type=self.loaded.model.model_type,
            **options,
        )


@pytest.fixture(scope="module", params=MODELS)
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    folder = build_tiny_model(tmp_path_factory.mktemp("transducer"), MODELS[request.param])
    return Tiny(folder, load_transducer(folder))


@pytest_asyncio.fixture
async def engine(tiny: Tiny) -> AsyncIterator[TransducerEngine]:
    engine = TransducerEngine(tiny.loaded)
    yield engine
    await engine.aclose()


async def recognised(
    engine: TransducerEngine, samples: np.ndarray, options: DecodeOptions, chunk: int = 1 << 30
) -> Hypothesis:
    """Our final result, with interims every `chunk` samples."""
    utterance = engine.open(options)
    for end in range(chunk, len(samples), chunk):
        await utterance.recognise(samples[:end], Urgency.INTERIM).future
    hypothesis = await utterance.recognise(samples, Urgency.FINAL).future
    utterance.close()
    return hypothesis


def assert_same(tiny: Tiny, found: Hypothesis, wanted) -> None:
    assert tiny.symbols(found.tokens) == list(wanted.tokens)
    assert found.text == wanted.text.strip()


def hot_words_for(result) -> list[str]:
    """Words of two to four characters that the model could as well have said: some share beginnings, some overlap."""
    frequent = [symbol for symbol, _ in Counter(result.tokens).most_common() if symbol in HAN][:4]
    pairs = ["".join(pair) for pair in permutations(frequent, 2)]
    return [*pairs[:8], pairs[0] + frequent[2], pairs[0] + pairs[0], frequent[1] * 3]


@pytest.mark.parametrize("method", ["greedy_search", "modified_beam_search"])
async def test_the_same_tokens(tiny: Tiny, engine: TransducerEngine, method: str) -> None:
    recognizer = tiny.reference(method)
    options = DecodeOptions(beam_size=1 if method == "greedy_search" else 4)
    different = set()
    for seed, (seconds, chunk) in enumerate([(3.0, 5_001), (0.31, 1 << 30), (1.3, 777), (4.37, 16_000)]):
        samples = tiny_speech(seconds, seed)
        wanted = tiny.final(recognizer, samples, chunk=chunk)
        assert_same(tiny, await recognised(engine, samples, options, chunk), wanted)
        different |= set(wanted.tokens)
    assert len(different) >= 8, "the model says too little for this test to mean anything"


async def test_the_same_tokens_with_hot_words(tiny: Tiny) -> None:
    """And the hot words do something."""
    recognizer = tiny.reference("modified_beam_search", hotwords_score=2.5)
    engine = TransducerEngine(tiny.loaded, TransducerOptions(hot_word_score=2.5))
    for seed in range(3):
        samples = tiny_speech(2.5, 10 + seed)
        plain = tiny.final(recognizer, samples)
        words = hot_words_for(plain)
        wanted = tiny.final(recognizer, samples, "/".join(words))
        options = DecodeOptions(hot_words=tuple(HotWord(text) for text in words))
        assert_same(tiny, await recognised(engine, samples, options, 8_000), wanted)
        assert list(wanted.tokens) != list(plain.tokens)
    await engine.aclose()


async def test_the_same_tokens_with_a_boost_for_each_hot_word(tiny: Tiny, engine: TransducerEngine) -> None:
    recognizer = tiny.reference("modified_beam_search", hotwords_score=1.5)
    samples = tiny_speech(2.5, 20)
    words = hot_words_for(tiny.final(recognizer, samples))
    boosts = [3.0 - 0.25 * place for place in range(len(words))]
    listed = "/".join(f"{text} :{1.5 * boost}" for text, boost in zip(words, boosts, strict=True))
    options = DecodeOptions(hot_words=tuple(HotWord(*word) for word in zip(words, boosts, strict=True)))
    assert_same(tiny, await recognised(engine, samples, options), tiny.final(recognizer, samples, listed))


@pytest.mark.parametrize(("method", "beam_size"), [("greedy_search", 1), ("modified_beam_search", 7)])
async def test_the_same_times_and_confidences(tiny: Tiny, method: str, beam_size: int) -> None:
    """Under other rules than the defaults."""
    recognizer = tiny.reference(method, max_active_paths=beam_size, blank_penalty=1.5, temperature_scale=1.3)
    engine = TransducerEngine(tiny.loaded, TransducerOptions(rules=SearchRules(blank_penalty=1.5, temperature=1.3)))
    samples = tiny_speech(3.1, 30)
    wanted = tiny.final(recognizer, samples)
    found = await recognised(engine, samples, DecodeOptions(beam_size=beam_size, word_times=True))
    await engine.aclose()
    assert_same(tiny, found, wanted)
    spans = tiny.loaded.tokens.spans(found.tokens)
    starts_ms = [min(3_100, round(wanted.timestamps[span.first] * 1e3)) for span in spans]
    assert [word.start_ms for word in found.words] == starts_ms
    assert found.confidence == pytest.approx(np.exp(np.mean(wanted.ys_probs)), abs=1e-4)


async def test_the_same_endpoints(tiny: Tiny, engine: TransducerEngine) -> None:
    """Kaldi's rules, after every third of a second."""
    recognizer = tiny.reference(
        "greedy_search",
        enable_endpoint_detection=True,
        rule1_min_trailing_silence=1.6,
        rule2_min_trailing_silence=0.4,
        rule3_min_utterance_length=5.0,
    )
    rules = EndpointRules(
        nothing_said=EndpointRule(False, 1_600, 0),
        said=EndpointRule(True, 400, 0),
        too_long=EndpointRule(False, 0, 5_000),
    )
    samples = np.concatenate([tiny_speech(1.5, 40), np.zeros(24_000, np.float32), tiny_speech(3.0, 41)])
    stream, utterance = recognizer.create_stream(), engine.open(DecodeOptions())
    fed, outcomes = 0, []
    for end in range(4_000, len(samples), 4_000):
        stream.accept_waveform(16_000, samples[fed:end])
        fed = end
        steps = 0
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
            steps += 1
        found = await utterance.recognise(samples[:end], Urgency.INTERIM).future
        if steps:
            step_ms = tiny.loaded.model.shift_frames * 10
            outcomes.append((steps * step_ms, recognizer.is_endpoint(stream), found))
    utterance.close()
    done_ms = 0
    for stepped_ms, wanted, found in outcomes:
        done_ms += stepped_ms
        assert (endpoint_reason(done_ms, found.trailing_silence_ms or 0, rules) is not None) is wanted, done_ms
    assert {wanted for _, wanted, _ in outcomes} == {True, False}
