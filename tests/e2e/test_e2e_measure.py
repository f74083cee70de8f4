"""The measuring commands on the running system: one JSON object on standard output, plausible figures, honest exits."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.system import System

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "voxcart" / "data" / "demo"


def measure(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "voxcart", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def first_lines(source: Path, count: int, target: Path) -> str:
    target.write_text("".join(source.read_text(encoding="utf-8").splitlines(keepends=True)[:count]), encoding="utf-8")
    return str(target)


def test_bench_turn_reports_times_memory_and_the_machine(system: System) -> None:
    report = measure("bench", "turn", "--sessions", "2", "--turns", "2", "--state-dir", str(system.state_dir))
    assert report["failed"] == 0
    assert report["speech_end_to_final_ms"]["count"] == 4
    assert 0 < report["speech_end_to_final_ms"]["p50"] <= report["speech_end_to_first_audio_ms"]["p50"]
    assert 0.5 < report["under_load"]["rss_gb"] < 4.5
    assert report["machine"]["cores"] >= 1


def test_eval_dialogue_succeeds_on_its_first_scenarios(system: System, tmp_path: Path) -> None:
    data = first_lines(ROOT / "tests" / "data" / "dialogue" / "shopper_zh.jsonl", 4, tmp_path / "scenarios.jsonl")
    report = measure("eval", "dialogue", "--data", data, "--state-dir", str(system.state_dir))
    assert report["dialogues"] == 4
    assert report["task_success"] == 1.0, report["failures"]


def test_eval_nlu_scores_held_out_lines(models_dir: Path) -> None:
    report = measure("eval", "nlu", "--data", str(ROOT / "tests" / "data" / "nlu" / "heldout.jsonl"))
    assert report["overall"]["intent_accuracy"] >= 0.95
    assert report["overall"]["slot_f1_relaxed"] >= 0.9


def test_eval_asr_hears_the_demo(models_dir: Path, tmp_path: Path) -> None:
    scripts = json.loads((DEMO / "conversations.json").read_text(encoding="utf-8"))
    lines = [f"{DEMO / turn['wav']}\t{turn['text']}\tzh" for script in scripts for turn in script["turns"]]
    manifest = tmp_path / "manifest.tsv"
    manifest.write_text("file\ttranscript\tlang\n" + "\n".join(lines), encoding="utf-8")
    report = measure("eval", "asr", "--manifest", str(manifest))
    assert report["recordings"] == 11
    assert report["all"]["zh"]["cer_corrected"] <= 0.05


def test_bad_data_is_status_2_and_names_the_file(tmp_path: Path) -> None:
    for name, option in (("asr", "--manifest"), ("nlu", "--data"), ("dialogue", "--data")):
        missing = tmp_path / "missing"
        command = [sys.executable, "-m", "voxcart", "eval", name, option, str(missing), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, ""), name
        assert "missing" in done.stderr
