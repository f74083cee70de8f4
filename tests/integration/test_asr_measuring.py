"""The measuring commands on real models: eval, the comparison of windows, bench on a real process, faster-whisper."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from typer.testing import CliRunner

from voxcart.benchmarking.asr import AsrLoad, SpokenClip, measure_asr, read_clips
from voxcart.benchmarking.asr_side_by_side import REFERENCE, Comparison, FasterWhisper, compare, figures, systems
from voxcart.cli_bench import app as bench_app
from voxcart.cli_eval import app as eval_app
from voxcart.evaluation.manifest import Recording, read_manifest
from voxcart.evaluation.recognizers import open_recognizers
from voxcart.speech_data.build import make_non_speech
from voxcart_api.asr.v1 import asr_pb2, asr_pb2_grpc

pytestmark = pytest.mark.integration

DATA = Path(__file__).parent.parent / "data" / "asr"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The demo's first recordings and a noise, with slots and conditions."""
    demo = Path(__file__).parents[2] / "voxcart" / "data" / "demo"
    make_non_speech(tmp_path, 3, 1, lambda name, done, wanted: None)
    rows = ["file\ttranscript\tlang\ttag\tslots\tcondition"]
    for name, text, slots in (("shopper-01.flac", "我想买苹果", "product=苹果"), ("shopper-05.flac", "下单吧", "")):
        shutil.copy(demo / name, tmp_path / name)
        rows.append(f"{name}\t{text}\tzh\tshopper\t{slots}\tclean")
    rows.append("nonspeech-002-white.flac\t\tzh\t\t\t")
    path = tmp_path / "mixed.tsv"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.mark.usefixtures("models_dir")
def test_eval_reports_both_windows_slots_and_non_speech(manifest: Path) -> None:
    done = CliRunner().invoke(eval_app, ["asr", "--manifest", str(manifest), "--windows", "--json"])
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["all"]["zh"]["cer_corrected"] == 0.0
    assert found["condition:clean"]["zh"]["recordings"] == 2
    assert found["slots"]["corrected"]["product"] == {"accuracy": 1.0, "count": 1}
    assert found["non_speech"]["recordings_with_text"] == 0
    assert found["cut_recordings"] == found["missed_recordings"] == 0
    assert set(found["windows"]) == {"tail", "full_window"}
    assert found["windows"]["full_window"]["errors"]["zh"]["cer_corrected"] == 0.0
    assert found["settings"]["language"] == "detect"
    assert found["machine"]["cores"]


@pytest.mark.usefixtures("models_dir")
def test_bench_measures_a_service_process_of_its_own(manifest: Path) -> None:
    done = CliRunner().invoke(
        bench_app, ["asr", "--sessions", "2", "--seconds", "7", "--manifest", str(manifest), "--json"]
    )
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["utterances"] >= 2
    assert found["missed"] == 0
    assert found["speech_end_to_final_ms"]["count"] == found["utterances"]
    assert found["service"]["rss_mb_after"] > 100
    assert found["service"]["cpu_percent_of_one_core"] > 0


@pytest.mark.usefixtures("models_dir")
async def test_side_by_side_with_faster_whisper(manifest: Path) -> None:
    pytest.importorskip("faster_whisper")
    recordings = read_manifest(manifest)
    comparison = Comparison(lambda one: "zh", "下单，退款。", is_live=False)
    reference = FasterWhisper("whisper-base", 2)
    try:
        async with open_recognizers(("tail",)) as recognizers:
            sides = systems(recognizers["tail"], reference, comparison)
            chosen = {name: sides[name] for name in ("voxcart file", REFERENCE)}
            found = figures(await compare(chosen, recordings[:1], lambda: None))
    finally:
        reference.close()
    assert found["systems"][REFERENCE]["errors"]["zh"]["cer_raw"] == 0.0
    assert found["systems"]["voxcart file"]["errors"]["zh"]["cer_corrected"] == 0.0
    assert found["systems"]["voxcart file"]["median_by_reference"] > 0


class ScriptedRecognition(asr_pb2_grpc.SpeechRecognitionServicer):
    """Answers each half second of audio with a final of that half second; fails after ``fail_after_s``."""

    def __init__(self, fail_after_s: float = 1e9) -> None:
        self.fail_after_s = fail_after_s
        self.num_open = self.most_open = 0

    async def Recognize(
        self, request: asr_pb2.RecognizeRequest, context: grpc.aio.ServicerContext
    ) -> asr_pb2.RecognizeResponse:
        return asr_pb2.RecognizeResponse()

    async def StreamingRecognize(
        self, requests: AsyncIterator[asr_pb2.StreamingRecognizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[asr_pb2.StreamingRecognizeResponse]:
        self.num_open += 1
        self.most_open = max(self.most_open, self.num_open)
        heard_s = told_s = 0.0
        try:
            async for request in requests:
                heard_s += len(request.audio) / 32_000
                if heard_s > self.fail_after_s:
                    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no more")
                if heard_s - told_s >= 0.5:
                    response = asr_pb2.StreamingRecognizeResponse(
                        event=asr_pb2.StreamingRecognizeResponse.EVENT_RESULT,
                        result=asr_pb2.RecognitionResult(is_final=True, text="好"),
                    )
                    response.result.start.FromMilliseconds(round(1_000 * told_s))
                    response.result.end.FromMilliseconds(round(1_000 * heard_s))
                    told_s = heard_s
                    yield response
        finally:
            self.num_open -= 1


async def bench_scripted(servicer: ScriptedRecognition, clips: list[SpokenClip]) -> dict:
    server = grpc.aio.server()
    asr_pb2_grpc.add_SpeechRecognitionServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with asyncio.timeout(30):
            load = AsrLoad(f"127.0.0.1:{port}", clips, 3, 5.5, chunk_ms=50)
            return await measure_asr(load, None, lambda line: None)
    finally:
        await server.stop(1)


async def test_a_load_keeps_its_sessions_open_together_and_finds_its_finals() -> None:
    servicer = ScriptedRecognition()
    clips = read_clips([Recording(DATA / "zh00_zf_xiaobei.flac", "", "zh", speech_end_s=1.0)])
    found = await bench_scripted(servicer, [SpokenClip("a", clips[0].samples[:16_000], 0.2, 1.0)])
    assert servicer.most_open == 3
    assert found["failed_sessions"] == 0
    assert found["utterances"] == 3
    assert found["missed"] == 0
    assert found["cut"] == 3
    assert found["service"] is None
    assert found["speech_end_to_final_ms"]["count"] == 3


async def test_streams_that_fail_are_reported_with_their_reason() -> None:
    found = await bench_scripted(ScriptedRecognition(fail_after_s=1.0), [])
    assert found["failed_sessions"] == 3
    assert found["failures"] == ["RESOURCE_EXHAUSTED: no more"]
