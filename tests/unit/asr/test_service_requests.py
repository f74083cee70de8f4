"""The configuration of a call: what it becomes, and the sentence for each bad field."""

import math

import pytest

from voxcart.errors import InvalidInput
from voxcart_api.asr.v1 import asr_pb2
from voxcart_services.asr.recognition import HotWord
from voxcart_services.asr.requests import AWAITED, call_options
from voxcart_services.asr.turns.rules import TurnRules

pytestmark = pytest.mark.unit

Config = asr_pb2.RecognitionConfig
Endpoint = asr_pb2.EndpointConfig


def test_an_empty_configuration_means_the_defaults() -> None:
    options = call_options(Config(), TurnRules())
    assert (options.sample_rate_hz, options.num_channels, options.awaiting) == (16_000, 1, "none")
    stream = options.stream
    assert (stream.language, stream.tenant, stream.num_alternatives, stream.beam_size) == (None, "demo", 1, None)
    assert stream.prompt is None
    assert stream.turns == TurnRules()
    assert not any((stream.interim_results, stream.word_times, options.single_utterance, options.with_diagnostics))


def test_every_field_arrives() -> None:
    config = Config(
        sample_rate_hz=8_000,
        num_channels=2,
        language="en",
        hot_words=[asr_pb2.HotWord(text=" Mate 60 ", boost=3), asr_pb2.HotWord(text="苹果")],
        interim_results=True,
        awaiting="order_id",
        raw_only=True,
        max_alternatives=3,
        enable_word_times=True,
        endpointing=Endpoint(max_pause_ms=1_000, open_pause_ms=1_500, max_utterance_ms=20_000),
        tenant="shop-7",
        enable_diagnostics=True,
        beam_size=4,
        prompt="苹果、香蕉。",
        single_utterance=True,
    )
    options = call_options(config, TurnRules())
    stream = options.stream
    assert (options.sample_rate_hz, options.num_channels, options.awaiting) == (8_000, 2, "order_id")
    assert options.hot_words == (HotWord("Mate 60", 3.0), HotWord("苹果", 1.0))
    assert options.single_utterance
    assert options.with_diagnostics
    assert (stream.language, stream.preferred_language, stream.tenant) == ("en", "en", "shop-7")
    assert (stream.num_alternatives, stream.beam_size, stream.prompt) == (3, 4, "苹果、香蕉。")
    assert stream.interim_results
    assert stream.word_times
    assert stream.raw_only
    assert stream.turns is not None
    assert stream.turns.endpoint.max_pause_ms == 1_000
    assert stream.turns.endpoint.max_utterance_ms == 20_000


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (Config(sample_rate_hz=7_999), "sample rate must be 8000..48000 Hz, not 7999"),
        (Config(sample_rate_hz=48_001), "not 48001"),
        (Config(sample_rate_hz=-16_000), "not -16000"),
        (Config(num_channels=3), "1 or 2 channels, not 3"),
        (Config(num_channels=-1), "1 or 2 channels, not -1"),
        (Config(language="fr"), "language must be zh, en or empty"),
        (Config(awaiting="miracle"), "awaiting must be one of"),
        (Config(max_alternatives=11), "max_alternatives must be 0..10, not 11"),
        (Config(max_alternatives=-1), "max_alternatives"),
        (Config(beam_size=0), "beam_size must be 1..16, not 0"),
        (Config(beam_size=17), "beam_size"),
        (Config(prompt="长" * 401), "prompt has at most 400 characters, not 401"),
        (Config(prompt="苹果\n香蕉"), "prompt holds control characters"),
        (Config(tenant="x" * 65), "tenant has at most 64 characters"),
        (Config(hot_words=[asr_pb2.HotWord(text="苹\x00果")]), "control characters"),
        (Config(hot_words=[asr_pb2.HotWord(text="")]), "hot word is empty"),
        (Config(hot_words=[asr_pb2.HotWord(text="长" * 65)]), "at most 64 characters"),
        (Config(hot_words=[asr_pb2.HotWord(text="苹果", boost=10.1)]), "boost of a hot word is 0 to 10"),
        (Config(hot_words=[asr_pb2.HotWord(text="苹果", boost=math.nan)]), "boost"),
        (Config(hot_words=[asr_pb2.HotWord(text=f"词{n}") for n in range(5_001)]), "at most 5000 hot words"),
        (Config(endpointing=Endpoint(speech_probability=0.01)), "speech_probability"),
        (Config(endpointing=Endpoint(speech_probability=math.nan)), "speech_probability"),
        (Config(endpointing=Endpoint(first_pause_ms=-1)), "first_pause_ms"),
        (Config(endpointing=Endpoint(max_pause_ms=0)), "max_pause_ms"),
        (Config(endpointing=Endpoint(max_pause_ms=900, open_pause_ms=800)), "max_pause_ms"),
        (Config(endpointing=Endpoint(number_pause_ms=10**6)), "number_pause_ms"),
        (Config(endpointing=Endpoint(max_utterance_ms=28_001)), "max_utterance_ms"),
    ],
)
def test_a_bad_field_is_named(config: asr_pb2.RecognitionConfig, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        call_options(config, TurnRules())


def test_thousands_of_hot_words_are_taken() -> None:
    words = [asr_pb2.HotWord(text=f"商品{n}") for n in range(5_000)]
    assert len(call_options(Config(hot_words=words), TurnRules()).hot_words) == 5_000


@pytest.mark.parametrize("awaiting", sorted(AWAITED))
def test_everything_a_dialogue_asks_for_may_be_awaited(awaiting: str) -> None:
    assert call_options(Config(awaiting=awaiting), TurnRules()).awaiting == awaiting
