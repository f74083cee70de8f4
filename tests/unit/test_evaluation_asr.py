"""Manifests, their errors, and the report of ``voxcart eval asr`` from made-up results."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxcart.errors import InvalidInput
from voxcart.evaluation.asr import Recognised, Recording, last_voiced_sample, read_audio, read_manifest, report

pytestmark = pytest.mark.unit


def manifest(tmp_path: Path, *lines: str) -> Path:
    soundfile.write(tmp_path / "one.wav", np.zeros(8_000, np.float32), 8_000)
    path = tmp_path / "manifest.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_header_tags_and_empty_lines(tmp_path: Path) -> None:
    path = manifest(tmp_path, "file\ttranscript\tlang\ttag", "one.wav\t我想买苹果\tzh\tnoisy", "", "one.wav\thello\ten")
    assert [(line.transcript, line.lang, line.tag) for line in read_manifest(path)] == [
        ("我想买苹果", "zh", "noisy"),
        ("hello", "en", ""),
    ]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["one.wav\t你好"], r":1: expected file"),
        (["one.wav\t你好\tfr"], r":1: expected file"),
        (["file\ttranscript\tlang", "two.wav\t你好\tzh"], r":2: no such file: two.wav"),
        ([], "names no recording"),
    ],
)
def test_bad_manifests_name_the_line(tmp_path: Path, lines: list[str], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read_manifest(manifest(tmp_path, *lines))


def test_a_missing_manifest_and_a_file_that_is_no_audio(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        read_manifest(tmp_path / "none.tsv")
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(InvalidInput, match=r"text\.wav"):
        read_audio(tmp_path / "text.wav")


def test_stereo_at_another_rate_becomes_mono_at_16_khz(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stereo.wav", np.zeros((4_410, 2), np.float32), 44_100)
    assert read_audio(tmp_path / "stereo.wav").shape == (1_600,)


def test_the_end_of_the_voice_is_found() -> None:
    samples = np.zeros(1_000, np.float32)
    samples[100:400] = 0.5
    assert last_voiced_sample(samples) == 399
    assert last_voiced_sample(np.zeros(10, np.float32)) == 0


def test_report_keeps_languages_and_tags_apart() -> None:
    def result(lang: str, tag: str, reference: str, text: str, raw: str, final: float | None) -> Recognised:
        return Recognised(Recording(Path("x.wav"), reference, lang, tag), text, raw, 2.0, 0.5, final)

    found = report(
        [
            result("zh", "quiet", "下单吧", "下单吧", "下单爆", 0.2),
            result("zh", "noisy", "好的", "", "", None),
            result("en", "quiet", "place the order", "place order", "place order", 0.4),
        ]
    )
    assert found["all"]["zh"] == {"cer_raw": 0.6, "cer_corrected": 0.4, "reference_tokens": 5}
    assert found["all"]["en"]["wer_raw"] == 0.3333
    assert found["tag:noisy"]["zh"]["cer_raw"] == 1.0
    assert found["rtf"] == 0.25
    assert found["final_ms"]["p50"] == 200.0
