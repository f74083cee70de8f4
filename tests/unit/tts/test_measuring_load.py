"""The load generator of speech synthesis and the page of voices, against a service in the test."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import grpc
import numpy as np
import pytest
import soundfile

from voxcart.benchmarking.tts import TtsLoad, as_table, measure_tts
from voxcart.errors import Unavailable
from voxcart.evaluation.tts import Text
from voxcart.speech_data.voice_page import SENTENCES, make_page
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc

pytestmark = pytest.mark.unit

RATE_HZ = 24_000


class _Tones(tts_pb2_grpc.SpeechSynthesisServicer):
    """Says every text as two pieces of a tone; refuses the text ``no``."""

    async def Synthesize(
        self, request: tts_pb2.SynthesizeRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[tts_pb2.SynthesizeResponse]:
        if request.text == "no":
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many clauses wait")
        piece = (np.sin(np.arange(RATE_HZ // 100)) * 8_000).astype("<i2").tobytes()
        for _ in range(2):
            yield tts_pb2.SynthesizeResponse(audio=piece, sample_rate_hz=RATE_HZ)

    async def ListVoices(
        self, request: tts_pb2.ListVoicesRequest, context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListVoicesResponse:
        return tts_pb2.ListVoicesResponse(voices=[tts_pb2.Voice(name="a<b", language="zh", gender="female")])


@pytest.fixture
async def address() -> AsyncIterator[str]:
    server = grpc.aio.server()
    tts_pb2_grpc.add_SpeechSynthesisServicer_to_server(_Tones(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def test_every_session_hears_its_replies_in_every_round(address: str) -> None:
    load = TtsLoad(address, [Text("好的。", "zh"), Text("Sure.", "en")], num_sessions=3, num_replies=2, num_rounds=2)
    report = await measure_tts(load, None, lambda line: None)
    assert [one["texts"] for one in report["rounds"]] == [6, 6]
    assert all(one["failed"] == 0 and one["audio_seconds"] == pytest.approx(0.1, abs=0.05) for one in report["rounds"])
    assert "3 listeners" in as_table(report)


async def test_refused_replies_are_counted_and_told(address: str) -> None:
    load = TtsLoad(address, [Text("no", "en"), Text("好的。", "zh")], num_sessions=1, num_replies=2)
    report = await measure_tts(load, None, lambda line: None)
    (only,) = report["rounds"]
    assert (only["texts"], only["failed"]) == (1, 1)
    assert "too many clauses wait" in as_table(report)


async def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(Unavailable):
        await measure_tts(TtsLoad("127.0.0.1:1", [Text("好的。", "zh")], 1, 1), None, lambda line: None)


async def test_the_page_of_voices_has_a_player_for_every_voice_blend_and_sentence(address: str, tmp_path: Path) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = tts_pb2_grpc.SpeechSynthesisStub(channel)
        page = await make_page(stub, tmp_path, ["x:0.5+y:0.5"], lambda name: None)
    sources: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: (  # type: ignore[method-assign]
        sources.append(dict(attrs)["src"] or "") if tag == "audio" else None
    )
    parser.feed(page.read_text(encoding="utf-8"))
    assert len(sources) == 2 * len(SENTENCES) == len(set(sources))
    assert all(soundfile.info(tmp_path / source).samplerate == RATE_HZ for source in sources)
    assert "a<b" not in page.read_text(encoding="utf-8")
