"""What the gRPC contract of speech recognition carries, on a real server over scripted models."""

import itertools

import numpy as np
import pytest

from tests.integration.test_asr_grpc import Config, Response, collected, cut, requests, serving
from tests.support.asr import LengthEngine, ScriptedTurn, audio, make_recognizer, silence, speech, voiced_samples
from voxcart.audio.pcm import to_pcm_s16le
from voxcart_api.asr.v1 import asr_pb2
from voxcart_services.asr.recognition import Alternative, DecodeOptions, HotWord, Hypothesis, Word

pytestmark = pytest.mark.integration

SPEECH = audio(silence(0.5), speech(0.8), silence(1.2))
PCM = to_pcm_s16le(SPEECH)


def rich(samples: np.ndarray, options: DecodeOptions) -> Hypothesis:
    """A hypothesis with everything that was asked for."""
    words = (Word("苹", 320, 520, 0.9), Word("果", 520, 800, 0.8))
    others = (Alternative("平果", 0.4, -0.9), Alternative("买苹果吧", 0.3, -1.0), Alternative("瓶果", 0.2, -1.2))
    return Hypothesis(
        "买苹果吧",
        (7, 8),
        0.85,
        -0.16,
        0.01,
        "zh",
        words=words if options.word_times else (),
        alternatives=others[: options.num_alternatives],
        num_steps=3,
    )


async def recognised(config: Config, pcm: bytes = PCM, engine: LengthEngine | None = None) -> asr_pb2.RecognizeResponse:
    async with serving(make_recognizer(engine or LengthEngine(answer=rich))) as (stub, _):
        return await stub.Recognize(asr_pb2.RecognizeRequest(config=config, audio=pcm), timeout=20)


async def test_words_carry_times_in_the_stream() -> None:
    (result,) = (await recognised(Config(enable_word_times=True))).results
    assert [word.text for word in result.words] == ["苹", "果"]
    first, second = result.words
    assert first.start.ToMilliseconds() == pytest.approx(500, abs=40)
    assert first.end == second.start
    assert second.confidence == pytest.approx(0.8)
    assert not (await recognised(Config())).results[0].words


async def test_alternatives_are_other_texts_best_first() -> None:
    (result,) = (await recognised(Config(max_alternatives=3))).results
    assert [(other.text, other.raw_text) for other in result.alternatives] == [("平果", "平果"), ("瓶果", "瓶果")]
    assert result.alternatives[0].confidence == pytest.approx(0.4)
    assert not (await recognised(Config(max_alternatives=1))).results[0].alternatives


async def test_diagnostics_explain_a_final() -> None:
    (result,) = (await recognised(Config(enable_diagnostics=True))).results
    found = result.diagnostics
    assert (found.engine, found.model, found.num_tokens, found.num_steps) == ("whisper", "scripted", 2, 3)
    assert found.end_reason == "turn"
    assert found.pause_ms == 192
    assert found.turn_probability == pytest.approx(0.9)
    assert found.speech_dbfs == pytest.approx(20 * np.log10(0.3), abs=0.5)
    assert not (await recognised(Config())).results[0].HasField("diagnostics")


async def test_the_request_reaches_the_engine() -> None:
    engine = LengthEngine()
    config = Config(
        language="en", prompt="Apples.", beam_size=5, hot_words=[asr_pb2.HotWord(text="Mate 60", boost=2.5)]
    )
    await recognised(config, engine=engine)
    (options,) = engine.opened
    assert (options.language, options.prompt, options.beam_size) == ("en", "Apples.", 5)
    assert options.hot_words == (HotWord("Mate 60", 2.5),)


async def test_utterances_are_numbered_and_lie_where_they_were_said() -> None:
    two = to_pcm_s16le(audio(SPEECH, SPEECH))
    first, second = (await recognised(Config(), two)).results
    assert (first.utterance, second.utterance) == (1, 2)
    assert second.start.ToMilliseconds() - first.start.ToMilliseconds() == pytest.approx(2_500, abs=40)


async def test_a_single_utterance_ends_the_stream() -> None:
    async with serving() as (stub, recognizer):
        config = Config(single_utterance=True)
        call = stub.StreamingRecognize(iter(requests(config, cut(PCM * 3, 3_200))), timeout=10)
        responses = await collected(call)
        assert recognizer.open_streams == 0
    assert [r.event for r in responses] == [
        Response.EVENT_START_OF_SPEECH,
        Response.EVENT_END_OF_SPEECH,
        Response.EVENT_RESULT,
    ]


async def test_noise_does_not_end_a_stream_of_a_single_utterance() -> None:
    engine = LengthEngine(texts=["谢谢观看", "苹果"])
    async with serving(make_recognizer(engine)) as (stub, _):
        config = Config(single_utterance=True, enable_diagnostics=True)
        call = stub.StreamingRecognize(iter(requests(config, cut(PCM * 2, 3_200))), timeout=10)
        responses = await collected(call)
    ended = [response for response in responses if response.event == Response.EVENT_END_OF_SPEECH]
    assert [(end.no_speech, end.no_speech_reason) for end in ended] == [(True, "no_words"), (False, "")]
    assert ended[0].diagnostics.end_reason == "turn"
    assert not ended[1].HasField("diagnostics")
    assert responses[-1].result.text == "苹果"


async def test_interims_carry_stability_and_the_number_of_their_utterance() -> None:
    long = to_pcm_s16le(audio(silence(0.5), speech(3.0), silence(1.0)))
    async with serving() as (stub, _):
        config = Config(interim_results=True)
        responses = await collected(stub.StreamingRecognize(iter(requests(config, cut(long, 60_000)))))
    interims = [r.result for r in responses if r.HasField("result") and not r.result.is_final]
    assert interims
    assert all(result.HasField("stability") and result.utterance == 1 for result in interims)


async def test_clipped_audio_is_recognised_and_reported() -> None:
    loud = np.clip(SPEECH * 10, -1, 1)
    (result,) = (await recognised(Config(enable_diagnostics=True), to_pcm_s16le(loud))).results
    assert result.text == "买苹果吧"
    assert result.diagnostics.clipped_share > 0.3


async def test_a_constant_offset_changes_nothing() -> None:
    def count(samples: np.ndarray, options: DecodeOptions) -> Hypothesis:
        return Hypothesis(f"voiced {voiced_samples(samples)}", (1,), 0.8, -0.2, 0.0, "zh")

    plain = await recognised(Config(), engine=LengthEngine(answer=count))
    shifted = await recognised(Config(), to_pcm_s16le(SPEECH + np.float32(0.1)), LengthEngine(answer=count))
    assert shifted.results[0].text == plain.results[0].text
    assert shifted.results[0].start == plain.results[0].start


@pytest.mark.parametrize(("rate_hz", "num_channels"), [(8_000, 1), (16_000, 2), (44_100, 1), (48_000, 2)])
async def test_rates_and_channels_give_the_same_utterance(rate_hz: int, num_channels: int) -> None:
    count = len(SPEECH) * rate_hz // 16_000
    mono = np.interp(np.arange(count) * 16_000 / rate_hz, np.arange(len(SPEECH)), SPEECH).astype(np.float32)
    pcm = to_pcm_s16le(np.repeat(mono, num_channels))
    config = Config(sample_rate_hz=rate_hz, num_channels=num_channels)
    (result,) = (await recognised(config, pcm)).results
    assert result.start.ToMilliseconds() == pytest.approx(500, abs=64)
    assert result.end.ToMilliseconds() == pytest.approx(1_300, abs=64)


async def test_single_bytes_give_the_same_events() -> None:
    pcm = to_pcm_s16le(audio(silence(0.2), speech(0.4), silence(0.5)))
    found = []
    for size in (1, 3, len(pcm)):
        async with serving() as (stub, _):
            call = stub.StreamingRecognize(iter(requests(Config(), cut(pcm, size))), timeout=60)
            found.append([clear_timing(response) for response in await collected(call)])
    assert len(found[0]) == 3
    assert found[0] == found[1] == found[2]


async def test_endless_speech_is_cut_and_goes_on() -> None:
    endless = to_pcm_s16le(audio(silence(0.5), speech(12), silence(1)))
    config = Config(endpointing=asr_pb2.EndpointConfig(max_utterance_ms=5_000), enable_diagnostics=True)
    results = (await recognised(config, endless)).results
    assert [result.diagnostics.end_reason for result in results] == ["length", "length", "turn"]
    for before, after in itertools.pairwise(results):
        assert after.start.ToMilliseconds() == pytest.approx(before.end.ToMilliseconds(), abs=100)


async def test_a_stream_sets_its_own_pauses() -> None:
    unsure = ScriptedTurn(0.0)
    pauses = {}
    for max_pause_ms in (700, 1_100):
        endpointing = asr_pb2.EndpointConfig(max_pause_ms=max_pause_ms)
        config = Config(endpointing=endpointing, enable_diagnostics=True)
        async with serving(make_recognizer(LengthEngine(texts=["苹果手机壳"]), unsure)) as (stub, _):
            response = await stub.Recognize(asr_pb2.RecognizeRequest(config=config, audio=PCM), timeout=20)
        pauses[max_pause_ms] = response.results[0].diagnostics.pause_ms
    assert pauses == {700: 704, 1_100: 1_120}


def clear_timing(response: Response) -> Response:
    """The response without what the machine's speed changes."""
    response.result.ClearField("timing")
    return response
