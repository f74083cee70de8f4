"""Manifests, their errors, and the report of ``voxcart eval asr`` from made-up results."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxcart.errors import InvalidInput
from voxcart.evaluation.asr import Recognised
from voxcart.evaluation.asr_report import as_table, report
from voxcart.evaluation.manifest import Recording, last_voiced_sample, read_audio, read_manifest

pytestmark = pytest.mark.unit


def manifest(tmp_path: Path, *lines: str) -> Path:
    soundfile.write(tmp_path / "one.wav", np.zeros(8_000, np.float32), 8_000)
    path = tmp_path / "manifest.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_columns_by_name_and_empty_lines(tmp_path: Path) -> None:
    path = manifest(
        tmp_path,
        "file\tvoice\ttranscript\tlang\ttag\tslots\tcondition",
        "one.wav\tzf\t我想买苹果\tzh\tshopper,short\tproduct=苹果\tnoise",
        "",
        "one.wav\tzf\t\tzh\t\t\t",
    )
    first, second = read_manifest(path)
    assert (first.transcript, first.lang, first.tags, first.condition) == (
        "我想买苹果",
        "zh",
        ("shopper", "short"),
        "noise",
    )
    assert first.slots == (("product", "苹果"),)
    assert first.is_speech
    assert not second.is_speech


def test_without_a_header_the_order_counts(tmp_path: Path) -> None:
    path = manifest(tmp_path, "one.wav\t我想买苹果\tzh\tnoisy", "one.wav\thello\ten")
    assert [(line.transcript, line.lang, line.tags) for line in read_manifest(path)] == [
        ("我想买苹果", "zh", ("noisy",)),
        ("hello", "en", ()),
    ]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["one.wav\t你好"], r":1: expected file"),
        (["one.wav\t你好\tfr"], r":1: expected file"),
        (["file\ttranscript\tlang", "two.wav\t你好\tzh"], r":2: no such file: two.wav"),
        (["file\ttext\tlang", "one.wav\t你好\tzh"], r":1: the header has no column transcript"),
        (["file\ttranscript\tlang\tslots", "one.wav\t你好\tzh\t苹果"], r":2: slots are written name=words"),
        (["file\ttranscript\tlang"], "names no recording"),
        ([], "names no recording"),
    ],
)
def test_bad_manifests_name_the_line(tmp_path: Path, lines: list[str], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        read_manifest(manifest(tmp_path, *lines))


def test_a_missing_manifest_and_files_that_are_no_audio(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        read_manifest(tmp_path / "none.tsv")
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(InvalidInput, match=r"text\.wav"):
        read_audio(tmp_path / "text.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 8_000)
    with pytest.raises(InvalidInput, match="holds no audio"):
        read_audio(tmp_path / "empty.wav")


def test_stereo_at_another_rate_becomes_mono_at_16_khz(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "stereo.wav", np.zeros((4_410, 2), np.float32), 44_100)
    assert read_audio(tmp_path / "stereo.wav").shape == (1_600,)


@pytest.mark.parametrize("noise", [0.0, 0.005, 0.03])
def test_the_end_of_the_voice_is_found(noise: float) -> None:
    rng = np.random.default_rng(1)
    samples = (noise * rng.standard_normal(32_000)).astype(np.float32)
    samples[8_000:20_000] += 0.3 * rng.standard_normal(12_000).astype(np.float32)
    assert abs(last_voiced_sample(samples) - 20_000) <= 640


def test_silence_has_no_end_of_voice() -> None:
    assert last_voiced_sample(np.zeros(1_000, np.float32)) == 0
    assert last_voiced_sample(np.zeros(10, np.float32)) == 0


def heard(
    reference: str,
    text: str,
    raw: str,
    *,
    lang: str = "zh",
    tag: str = "",
    slots: tuple[tuple[str, str], ...] = (),
    final_s: float | None = 0.4,
) -> Recognised:
    recording = Recording(Path("x.wav"), reference, lang, (tag,) if tag else (), slots, "clean")
    work_s = None if final_s is None else final_s / 2
    return Recognised(recording, text, raw, 2.0, 0.5, work_s, final_s, int(bool(text)))


def test_report_keeps_languages_tags_and_conditions_apart() -> None:
    found = report(
        [
            heard("下单吧", "下单吧", "下单爆", tag="quiet", final_s=0.2),
            heard("好的", "", "", tag="noisy", final_s=None),
            heard("place the order", "place order", "place order", lang="en", tag="quiet"),
        ]
    )
    assert found["all"]["zh"] == {
        "cer_raw": 0.6,
        "cer_corrected": 0.4,
        "sentences_right_raw": 0.0,
        "sentences_right_corrected": 0.5,
        "recordings": 2,
        "reference_tokens": 5,
    }
    assert found["all"]["en"]["wer_raw"] == 0.3333
    assert found["tag:noisy"]["zh"]["cer_raw"] == 1.0
    assert found["condition:clean"]["zh"]["recordings"] == 2
    assert found["rtf"] == 0.25
    assert found["speech_end_to_final_ms"] == {"p50": 200.0, "p95": 400.0, "p99": 400.0, "count": 2}
    assert found["work_after_speech_ms"]["p50"] == 100.0
    assert found["missed_recordings"] == 1
    assert found["correction"]["tokens_fixed"] == 1


def test_mixed_sentences_are_scored_by_word_and_by_character() -> None:
    found = report([heard("我要refund", "我要return", "我要return", lang="mixed"), heard("好的", "好的", "好的")])
    assert found["all"]["mixed"]["mer_corrected"] == 0.3333
    assert found["all"]["mixed"]["cer_corrected"] == 0.375
    assert found["all"]["zh+mixed"]["cer_corrected"] == 0.3


def test_slots_before_and_after_correction() -> None:
    found = report([heard("买苹果", "买苹果", "买平果", slots=(("product", "苹果"),))])
    assert found["slots"]["raw"]["product"] == {"accuracy": 0.0, "count": 1}
    assert found["slots"]["corrected"]["all"] == {"accuracy": 1.0, "count": 1}
    assert found["lines"][0]["missed_slots"] == []


def test_text_invented_in_noise_is_counted_by_the_minute() -> None:
    found = report([heard("", "谢谢观看", "謝謝觀看"), heard("", "", "", final_s=None), heard("好的", "好的", "好的")])
    assert found["non_speech"] == {
        "recordings": 2,
        "minutes": 0.07,
        "recordings_with_text": 1,
        "characters_per_minute_raw": 60.0,
        "characters_per_minute_corrected": 60.0,
    }
    assert found["all"]["zh"]["recordings"] == 1


def test_the_table_names_every_group() -> None:
    table = as_table(report([heard("我要refund", "我要return", "我要", lang="mixed", tag="refund"), heard("", "", "")]))
    assert "tag:refund" in table
    assert "mixed MER" in table
    assert "non-speech: 1 recordings" in table
