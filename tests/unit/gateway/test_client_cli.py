"""``voxcart ask`` against a gateway: order of turns, JSON keys, exit status, finding the gateway."""

import asyncio
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from support.scripted_backend import utterance_pcm
from typer.testing import CliRunner

from voxcart.benchmarking.turn import TurnLoad, as_table, measure_turns, spread
from voxcart.cli_ask import ask_app
from voxcart.errors import InvalidInput
from voxcart.run_file import find_gateway, read_run_file
from voxcart_client import Clip, write_wav

pytestmark = pytest.mark.unit

KEYS = [
    *("transcript", "raw_transcript", "edits", "intent", "slots", "sentiment"),
    *("reply", "cards", "actions", "session_id", "timing"),
]


async def voxcart(*words: object) -> tuple[int, str, str]:
    """Runs the command; exit status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "voxcart",
        *map(str, words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 40)
    return process.returncode, out.decode(), err.decode()


async def test_turns_come_in_the_order_given(rig, tmp_path: Path):
    wav, out = tmp_path / "said.wav", tmp_path / "reply.wav"
    write_wav(wav, b"".join(utterance_pcm(16_000)), 16_000)
    given = ("--text", "一", "--wav", wav, f"--text={'二'}", "--out", out)
    status, printed, errors = await voxcart("ask", *given, "--address", rig.address, "--json")
    assert status == 0, errors
    lines = [json.loads(line) for line in printed.splitlines()]
    assert [line["transcript"] for line in lines] == ["一", "我想买苹果", "二"]
    assert [list(line) for line in lines] == [KEYS] * 3
    assert lines[1]["timing"]["speech_end_to_first_audio_ms"] > 0
    assert len({line["session_id"] for line in lines}) == 1
    assert out.stat().st_size > 3 * 3 * 4800


async def test_session_can_be_named_and_continued(rig):
    for text in ("一", "二"):
        status, printed, errors = await voxcart(
            *("ask", "--text", text, "--session", "my-session", "--address", rig.address, "--json")
        )
        assert status == 0, errors
        assert json.loads(printed)["session_id"] == "my-session"
    numbers = [message.envelope.transcript.utterance_id for message in rig.backend.typed]
    assert numbers == ["my-session/t0", "my-session/t1"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--wav", "/nowhere.wav"),
        ("--text", "x", "--role", "king"),
        ("--text", "x", "--state-dir", "/nowhere"),
        ("--colour", "red"),
    ],
)
def test_bad_usage_is_status_2_and_says_nothing_on_standard_output(words):
    result = CliRunner().invoke(ask_app, [*words, "--json"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


async def test_refused_text_is_status_2_and_no_gateway_status_1(rig):
    status, printed, errors = await voxcart("ask", "--text", "果" * 2001, "--address", rig.address, "--json")
    assert (status, printed) == (2, "")
    assert "2000 characters" in errors
    status, printed, errors = await voxcart("ask", "--text", "x", "--address", "127.0.0.1:1", "--timeout", 1)
    assert (status, printed) == (1, "")
    assert "cannot be reached" in errors


def test_gateway_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "run.json").write_text('{"gateway": "127.0.0.1:7"}')
    monkeypatch.setenv("VOXCART_GATEWAY_ADDRESS", "127.0.0.1:8")
    assert find_gateway("127.0.0.1:9", tmp_path) == "127.0.0.1:9"
    assert find_gateway(None, tmp_path) == "127.0.0.1:7"
    assert find_gateway(None) == "127.0.0.1:8"
    assert read_run_file(tmp_path / "nothing") == {}
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InvalidInput):
        read_run_file(tmp_path)


async def test_bench_counts_turns_and_failures(rig):
    pcm = np.frombuffer(b"".join(utterance_pcm(16_000)), "<i2").astype(np.float32) / 32_768
    clip = Clip(pcm, 16_000)
    load = TurnLoad(rig.address, [clip], num_sessions=2, num_turns=1, num_warm_up=1)
    report = await measure_turns(load, None, lambda line: None)
    assert (report["turns"], report["failed"]) == (2, 0)
    assert report["speech_end_to_first_audio_ms"]["count"] == 2
    assert report["machine"]["cores"] >= 1
    assert "speech_end_to_final_ms" in as_table(report)


def test_percentiles_of_known_numbers():
    values = [float(number) for number in range(1, 101)]
    assert spread([*values, None]) == {"p50": 50.5, "p95": 95.0, "p99": 99.0, "count": 100} | {
        "p95": pytest.approx(95.05, abs=0.1),
        "p99": pytest.approx(99.01, abs=0.1),
    }
    assert spread([None])["count"] == 0
