"""Bad usage of the measuring commands: one sentence and status 2."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from voxcart.cli_bench import app as bench_app
from voxcart.cli_eval import app as eval_app
from voxcart.cli_eval_asr import told_language
from voxcart.errors import InvalidInput
from voxcart.evaluation.recognizers import feed_demo_catalogue, read_hot_words
from voxcart.tenants import DEFAULT_TENANT
from voxcart_services.asr.context import ShopWords
from voxcart_services.asr.text.correction import Corrector

pytestmark = pytest.mark.unit


def test_hot_words_with_and_without_boost(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# brands\n华为\n\niPhone 15 Pro\t3.5\n", encoding="utf-8")
    assert [(word.text, word.boost) for word in read_hot_words(path)] == [("华为", 1.0), ("iPhone 15 Pro", 3.5)]


@pytest.mark.parametrize("line", ["华为\tvery", "华为\t11", "华为\t-1", "华为\tnan"])
def test_bad_boosts_name_the_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"words\.txt:1: the boost"):
        read_hot_words(path)


@pytest.mark.parametrize(
    ("lang", "language", "told"),
    [("zh", "detect", None), ("mixed", "manifest", "zh"), ("en", "manifest", "en"), ("zh", "en", "en")],
)
def test_what_is_told_of_the_language(lang: str, language: str, told: str | None) -> None:
    assert told_language(lang, language) == told  # type: ignore[arg-type]


def test_eval_with_a_missing_manifest(tmp_path: Path) -> None:
    done = CliRunner().invoke(eval_app, ["asr", "--manifest", str(tmp_path / "none.tsv"), "--json"])
    assert done.exit_code == 2
    assert "cannot read" in done.stderr
    assert not done.stdout


def test_eval_with_bad_options(tmp_path: Path) -> None:
    for options in (["--beam", "0"], ["--beam", "99"], ["--language", "fr"]):
        done = CliRunner().invoke(eval_app, ["asr", "--manifest", str(tmp_path / "x.tsv"), *options])
        assert done.exit_code == 2
    done = CliRunner().invoke(eval_app, ["asr", "--manifest", "x.tsv", "--hot-words", str(tmp_path / "none.txt")])
    assert done.exit_code == 2
    assert "none.txt" in done.stderr


def test_windows_are_whispers_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "one.wav", np.zeros(8_000, np.float32), 16_000)
    (tmp_path / "m.tsv").write_text("one.wav\t好的\tzh", encoding="utf-8")
    monkeypatch.setenv("VOXCART_ASR_ENGINE", "transducer")
    done = CliRunner().invoke(eval_app, ["asr", "--manifest", str(tmp_path / "m.tsv"), "--windows"])
    assert done.exit_code == 2
    assert "only whisper has a full window" in done.stderr


def test_bench_with_recordings_that_cannot_be_said(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000, np.float32), 16_000)
    done = CliRunner().invoke(bench_app, ["asr", "--wav", str(tmp_path / "silent.wav")])
    assert done.exit_code == 2
    assert "is silent" in done.stderr
    done = CliRunner().invoke(bench_app, ["asr", "--wav", str(tmp_path / "none.wav")])
    assert done.exit_code == 2
    assert CliRunner().invoke(bench_app, ["asr", "--sessions", "0"]).exit_code == 2


def test_bench_against_nothing_says_so() -> None:
    done = CliRunner().invoke(bench_app, ["asr", "--silent", "--seconds", "5", "--address", "127.0.0.1:1"])
    assert done.exit_code == 1
    assert "no speech recognition at 127.0.0.1:1" in done.stderr


def test_the_demo_catalogue_is_told_in_the_words_of_the_shop() -> None:
    corrector, shop_words = Corrector(), ShopWords()
    feed_demo_catalogue(corrector, shop_words)
    assert any("苹果" in name for name in shop_words.best_sold(DEFAULT_TENANT, 40))
    assert shop_words.version(DEFAULT_TENANT) > 500
