"""The recognition service with a transducer: streams, gRPC and endpoint rules over a small model of random weights."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import numpy as np
import pytest

from tests.support.asr import audio, make_recognizer, silence
from tests.support.tiny_zipformer import TinyModel, build_tiny_model, tiny_speech
from voxcart.audio.pcm import to_pcm_s16le
from voxcart.grpc_support import ErrorsAndMetrics
from voxcart.models import UnknownModel
from voxcart_api.asr.v1 import asr_pb2, asr_pb2_grpc
from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.engine import load_models
from voxcart_services.asr.recognition import DecodeOptions, Urgency
from voxcart_services.asr.recognizer import Recognizer, RecognizerRules
from voxcart_services.asr.results import Final, Interim
from voxcart_services.asr.servicer import SpeechRecognitionServicer
from voxcart_services.asr.stream import StreamOptions
from voxcart_services.asr.transducer.endpoint import EndpointRule, EndpointRules
from voxcart_services.asr.transducer.engine import TransducerEngine
from voxcart_services.asr.transducer.loading import LoadedTransducer, load_transducer
from voxcart_services.asr.transducer.model import ModelLayoutError
from voxcart_services.asr.whisper.guards import GuardRules

pytestmark = pytest.mark.integration

# Random weights say more in a second than anybody can, and are not sure of it.
GUARD = GuardRules(silence=(), max_units_per_second=50.0, hopeless_logprob=-20.0, unsure_logprob=-20.0)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedTransducer:
    return load_transducer(build_tiny_model(tmp_path_factory.mktemp("service"), TinyModel(model_type="zipformer2")))


@asynccontextmanager
async def recognizer(loaded: LoadedTransducer, **rules: object) -> AsyncIterator[Recognizer]:
    used = make_recognizer(TransducerEngine(loaded), rules=RecognizerRules(guard=GUARD, **rules))
    yield used
    await used.aclose()


def loud(seconds: float, seed: int) -> np.ndarray:
    """Speech without pauses, for a VAD that goes by loudness."""
    samples = tiny_speech(seconds, seed)
    carrier = 0.2 * np.sign(np.sin(2 * np.pi * 500 * np.arange(len(samples)) / 16_000))
    return (0.5 * samples + carrier).astype(np.float32)


async def events_of(used: Recognizer, samples: np.ndarray, piece: int = 1_600) -> list:
    """What a stream tells of the samples."""
    stream = used.stream(StreamOptions())
    events = []
    for begin in range(0, len(samples), piece):
        events += [event async for event in stream.push_audio(samples[begin : begin + piece])]
    events += [event async for event in stream.end_input()]
    await stream.aclose()
    return events


def finals(events: list) -> list[str]:
    return [event.transcript.raw_text for event in events if isinstance(event, Final)]


TWO_TURNS = audio(silence(0.5), loud(1.5, 1), silence(1.5), loud(1.2, 2), silence(1.0))


async def test_a_stream_gives_the_same_however_it_is_cut(loaded: LoadedTransducer) -> None:
    async with recognizer(loaded) as used:
        outcomes = [finals(await events_of(used, TWO_TURNS, piece)) for piece in (333, 1_600, 50_000)]
    assert len(outcomes[0]) == 2
    assert all(outcomes[0])
    assert outcomes[0] == outcomes[1] == outcomes[2]


async def test_many_streams_at_a_time_are_as_if_alone(loaded: LoadedTransducer) -> None:
    sounds = [audio(silence(0.3), loud(1.0, seed), silence(1.0)) for seed in range(8)]
    async with recognizer(loaded) as used:
        alone = [finals(await events_of(used, sound)) for sound in sounds]
        together = await asyncio.gather(*(events_of(used, sound) for sound in sounds))
    assert [finals(events) for events in together] == alone
    assert len({tuple(texts) for texts in alone}) == len(sounds)


async def test_interims_come_while_the_speaker_speaks(loaded: LoadedTransducer) -> None:
    """A push of 0.1 s, then as much time as the engine wants."""
    async with recognizer(loaded) as used:
        stream, events = used.stream(StreamOptions()), []
        samples = audio(silence(0.3), loud(6.0, 3))
        for begin in range(0, len(samples), 1_600):
            events += [event async for event in stream.push_audio(samples[begin : begin + 1_600])]
            utterance = stream._utterance
            if utterance is not None and utterance.interim is not None:
                await asyncio.wait([utterance.interim.future])
        await stream.aclose()
    texts = [event.transcript.raw_text for event in events if isinstance(event, Interim)]
    assert texts
    assert all(texts)
    assert not finals(events)


async def test_rules_of_silence_end_a_turn(loaded: LoadedTransducer) -> None:
    """Instead of the turn model. The rule is short, for random weights hear something in silence too."""
    rules = EndpointRules(said=EndpointRule(True, 400, 0))
    async with recognizer(loaded, endpointer="rules", silence=rules) as used:
        events = await events_of(used, TWO_TURNS)
    assert len(finals(events)) == 2
    reasons = [event.transcript.diagnostics.end_reason for event in events if isinstance(event, Final)]
    assert reasons[0] == "rule: said"


async def test_settings_choose_the_engine(models_dir: Path, tmp_path: Path) -> None:
    """By a folder; a folder without a model is named when the service starts."""
    folder = build_tiny_model(tmp_path / "model", TinyModel())
    chosen = AsrSettings(asr_engine="transducer", asr_model=str(folder), models_dir=models_dir, provider="cpu")
    models = load_models(chosen)
    assert (models.engine_name, models.model_name) == ("transducer", "model")
    engine = models.new_engine()
    utterance = engine.open(DecodeOptions())
    assert (await utterance.recognise(tiny_speech(1.5, 1), Urgency.FINAL).future).text
    await engine.aclose()
    with pytest.raises(ModelLayoutError, match="there is no encoder"):
        load_models(chosen.model_copy(update={"asr_model": str(tmp_path)}))
    with pytest.raises(UnknownModel, match="there is no model 'nowhere'"):
        load_models(chosen.model_copy(update={"asr_model": "nowhere"}))


async def test_grpc_with_hot_words_words_and_alternatives(loaded: LoadedTransducer) -> None:
    async with recognizer(loaded) as used:
        server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
        asr_pb2_grpc.add_SpeechRecognitionServicer_to_server(SpeechRecognitionServicer(used), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        config = asr_pb2.RecognitionConfig(
            hot_words=[asr_pb2.HotWord(text="苹果手机", boost=2.0), asr_pb2.HotWord(text="榴莲")],
            max_alternatives=3,
            enable_word_times=True,
        )
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = asr_pb2_grpc.SpeechRecognitionStub(channel)
            request = asr_pb2.RecognizeRequest(config=config, audio=to_pcm_s16le(TWO_TURNS))
            response = await stub.Recognize(request, timeout=30)
        await server.stop(1)
    result = response.results[0]
    assert result.raw_text
    assert result.words
    assert all(word.end.ToNanoseconds() >= word.start.ToNanoseconds() for word in result.words)
    assert result.alternatives
