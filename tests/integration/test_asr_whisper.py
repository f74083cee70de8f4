"""Whisper with the real weights: parity with the reference runtime, kept silence, batches, drafts, times, hot words."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxcart.models import ModelStore
from voxcart.models.converters.whisper import convert
from voxcart.serving.sessions import SessionOptions
from voxcart_services.asr.recognition import DecodeOptions, HotWord, Hypothesis, Urgency
from voxcart_services.asr.whisper.engine import LoadedWhisper, WhisperEngine, WhisperRules, load_whisper
from voxcart_services.asr.whisper.features import log_mel
from voxcart_services.asr.whisper.model import WhisperModel
from voxcart_services.asr.whisper.tokens import WhisperTokens

pytestmark = [pytest.mark.integration, pytest.mark.model]

CLIPS = Path(__file__).parents[1] / "data" / "asr"
RATE_HZ = 16_000
OPTIONS = SessionOptions(provider="cpu", threads=2)
GREEDY = DecodeOptions(language="zh", beam_size=1)


def clip(name: str) -> np.ndarray:
    samples, rate_hz = soundfile.read(CLIPS / f"{name}.flac", dtype="float32")
    assert rate_hz == RATE_HZ
    return samples


@pytest.fixture(scope="module")
def loaded(models_dir: Path) -> LoadedWhisper:
    return load_whisper(ModelStore(models_dir), "whisper-base", OPTIONS)


@pytest.fixture(scope="module")
def exact(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedWhisper]:
    folder = tmp_path_factory.mktemp("whisper-fp32")
    sources = ["model.bin", "config.json", "tokenizer.json"]
    convert(ModelStore(models_dir).require("whisper-base", sources), folder, "fp32")
    yield LoadedWhisper(WhisperModel(folder, OPTIONS), WhisperTokens(folder / "tokenizer.json"))
    for path in folder.iterdir():
        path.unlink()


def recognise(
    loaded: LoadedWhisper,
    clips: list[np.ndarray],
    options: DecodeOptions = GREEDY,
    rules: WhisperRules | None = None,
    *,
    together: bool = False,
) -> list[Hypothesis]:
    """Finals of some utterances, asked for one after the other or all at once."""

    async def work() -> list[Hypothesis]:
        engine = WhisperEngine(loaded, rules)
        try:
            if together:
                asked = [engine.open(options).recognise(samples, Urgency.FINAL) for samples in clips]
                return [await decoding.future for decoding in asked]
            return [await engine.open(options).recognise(samples, Urgency.FINAL).future for samples in clips]
        finally:
            await engine.aclose()

    return asyncio.run(work())


def chinese_clips() -> list[np.ndarray]:
    return [clip(path.stem) for path in sorted(CLIPS.glob("zh*.flac"))]


def reference_tokens(models_dir: Path, clips: list[np.ndarray], beam_size: int) -> list[tuple[int, ...]]:
    """What CTranslate2 makes of the same features in float32."""
    ctranslate2 = pytest.importorskip("ctranslate2", reason="the reference runtime is not installed (extra dev)")
    folder = ModelStore(models_dir).require("whisper-base", ["model.bin", "config.json", "vocabulary.txt"])
    model = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="float32", intra_threads=2)
    found = []
    for samples in clips:
        window = np.zeros(30 * RATE_HZ, np.float32)
        window[: len(samples)] = samples
        features = ctranslate2.StorageView.from_array(np.ascontiguousarray(log_mel(window)[None]))
        result = model.generate(features, [[50258, 50260, 50359, 50363]], beam_size=beam_size)
        found.append(tuple(result[0].sequences_ids[0]))
    return found


@pytest.mark.parametrize("beam_size", [1, 5])
def test_full_window_decoding_is_the_reference_runtimes_token_for_token(
    models_dir: Path, exact: LoadedWhisper, beam_size: int
) -> None:
    clips = chinese_clips()
    assert len(clips) >= 3
    options = DecodeOptions(language="zh", beam_size=beam_size)
    ours = recognise(exact, clips, options, WhisperRules(full_window=True, level_dbfs=None))
    assert [hypothesis.tokens for hypothesis in ours] == reference_tokens(models_dir, clips, beam_size)


def test_kept_silence_hears_what_the_full_window_hears(exact: LoadedWhisper) -> None:
    clips = chinese_clips()
    full = recognise(exact, clips, rules=WhisperRules(full_window=True, level_dbfs=None))
    short = recognise(exact, clips)
    assert [one.text.rstrip("?？。.") for one in short] == [one.text.rstrip("?？。.") for one in full]
    assert sum(one.encode_ms for one in short) < sum(one.encode_ms for one in full) / 2


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_batch_gives_what_its_utterances_give_alone(
    exact: LoadedWhisper, loaded: LoadedWhisper, beam_size: int
) -> None:
    """Token for token in float32; int8 layers share one scale of a batch, which may tip a close call on a sign."""
    clips = [*chinese_clips(), chinese_clips()[0][:20_000]]
    options = DecodeOptions(beam_size=beam_size)
    for model, part_of in ((exact, lambda one: one.tokens), (loaded, lambda one: one.text.rstrip("?？。."))):
        alone = recognise(model, clips, options)
        together = recognise(model, clips, options, together=True)
        assert [part_of(one) for one in together] == [part_of(one) for one in alone]


def test_interims_make_the_final_cheap_and_do_not_change_it(loaded: LoadedWhisper) -> None:
    samples = clip("zh03_zm_yunjian")

    async def work() -> tuple[Hypothesis, Hypothesis, Hypothesis]:
        engine = WhisperEngine(loaded)
        fresh, asked, misled = (engine.open(GREEDY) for _ in range(3))
        for length in (20_000, 35_000, len(samples) - 2_000):
            await asked.recognise(samples[:length], Urgency.INTERIM).future
        await misled.recognise(clip("zh00_zf_xiaobei"), Urgency.INTERIM).future
        plain, quick, slow = [
            await utterance.recognise(samples, Urgency.FINAL).future for utterance in (fresh, asked, misled)
        ]
        await engine.aclose()
        return plain, quick, slow

    plain, quick, slow = asyncio.run(work())
    assert plain.tokens == quick.tokens == slow.tokens
    assert quick.num_steps <= plain.num_steps // 2


def test_a_beam_scores_no_worse_and_offers_readings(loaded: LoadedWhisper) -> None:
    clips = chinese_clips()
    greedy = recognise(loaded, clips)
    beam = recognise(loaded, clips, DecodeOptions(language="zh", beam_size=4, num_alternatives=3))
    for one, other in zip(beam, greedy, strict=True):
        assert one.avg_logprob >= other.avg_logprob - 0.01
        assert len(one.alternatives) == 2
        assert one.text not in {reading.text for reading in one.alternatives}
        assert [reading.score for reading in one.alternatives] == sorted(
            (reading.score for reading in one.alternatives), reverse=True
        )


def test_words_have_growing_times_within_the_audio(loaded: LoadedWhisper) -> None:
    options = DecodeOptions(word_times=True)
    for samples, hypothesis in zip(chinese_clips(), recognise(loaded, chinese_clips(), options), strict=True):
        assert "".join(word.text for word in hypothesis.words) == hypothesis.text.rstrip("?？。., ")
        times = [time for word in hypothesis.words for time in (word.start_ms, word.end_ms)]
        assert times == sorted(times)
        assert times[-1] <= len(samples) * 1000 / RATE_HZ
        assert all(0 < word.confidence <= 1 for word in hypothesis.words)


def test_a_pause_between_words_is_found(loaded: LoadedWhisper) -> None:
    """Two utterances with silence between: the border is known to the sample."""
    first, second = clip("zh05_zm_yunyang"), clip("zh00_zf_xiaobei")
    gap = np.zeros(RATE_HZ, np.float32)
    (hypothesis,) = recognise(loaded, [np.concatenate([first, gap, second])], DecodeOptions(word_times=True))
    end_ms = np.flatnonzero(np.abs(first) > 0.02)[-1] / 16
    begin_ms = (len(first) + len(gap) + np.flatnonzero(np.abs(second) > 0.02)[0]) / 16
    index = next(place for place, word in enumerate(hypothesis.words) if word.text == "我")
    assert hypothesis.words[index - 1].text == "的"
    assert hypothesis.words[index - 1].end_ms == pytest.approx(end_ms, abs=150)
    assert hypothesis.words[index].start_ms == pytest.approx(begin_ms, abs=150)


def test_a_hot_word_is_heard_and_one_that_was_not_said_is_not(loaded: LoadedWhisper) -> None:
    samples = clip("zh03_zm_yunjian")
    (plain,) = recognise(loaded, [samples])
    assert "华为" not in plain.text
    for options in (
        DecodeOptions(language="zh", hot_words=(HotWord("华为手机"),)),
        DecodeOptions(language="zh", hot_words=(HotWord("华为手机"),), beam_size=5),
    ):
        (biased,) = recognise(loaded, [samples], options)
        assert "华为手机" in biased.text
    others = tuple(HotWord(word) for word in ("连衣裙", "电饭煲", "蓝牙耳机", "洗衣液", "运动鞋"))
    (same,) = recognise(loaded, [samples], DecodeOptions(language="zh", beam_size=1, hot_words=others))
    assert same.text == plain.text


def test_silence_and_noise_give_no_confident_text(loaded: LoadedWhisper) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 2 * RATE_HZ).astype(np.float32)
    for hypothesis in recognise(loaded, [np.zeros(RATE_HZ, np.float32), noise], DecodeOptions()):
        assert hypothesis.text == "" or hypothesis.no_speech_prob > 0.3 or hypothesis.avg_logprob < -0.5


def test_half_precision_is_near_single(models_dir: Path, exact: LoadedWhisper, tmp_path: Path) -> None:
    sources = ["model.bin", "config.json", "tokenizer.json"]
    convert(ModelStore(models_dir).require("whisper-base", sources), tmp_path, "fp16")
    half = LoadedWhisper(WhisperModel(tmp_path, OPTIONS), WhisperTokens(tmp_path / "tokenizer.json"))
    clips = chinese_clips()[:2]
    ours, reference = recognise(half, clips), recognise(exact, clips)
    assert [one.tokens for one in ours] == [one.tokens for one in reference]
    for one, other in zip(ours, reference, strict=True):
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=0.02)
