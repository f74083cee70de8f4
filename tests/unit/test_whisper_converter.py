"""The Whisper converter on a small model with random weights: structure, caches, the kept tail, damaged files."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from tests.support.tiny_whisper import (
    AUDIO,
    DEPTH,
    HEADS,
    LAYERS,
    MELS,
    VOCABULARY,
    WIDTH,
    write_ct2,
    write_source,
)
from voxcart.models.converters import whisper
from voxcart.models.converters.whisper_ct2 import WeightFileError, read_weights

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("ct2"))


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {precision: tmp_path_factory.mktemp(precision) for precision in whisper.PRECISIONS}
    for precision, folder in folders.items():
        whisper.convert(source, folder, precision)
    return folders


def _run(folder: Path, graph: str, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(str(folder / graph), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    halves = {value.name for value in session.get_inputs() if value.type == "tensor(float16)"}
    typed = {name: array.astype(np.float16) if name in halves else array for name, array in feeds.items()}
    return dict(zip(names, session.run(None, typed), strict=True))


def _tail(full: dict[str, np.ndarray] | None, start: int) -> dict[str, np.ndarray]:
    """Tail inputs of positions `start`.. of a full-window run; an empty tail without one."""
    feeds = {"tail_bias": np.zeros(AUDIO - start, np.float32)}
    for layer in range(LAYERS):
        for prefix in ("", "cross_"):
            keys, values = np.zeros((1, HEADS, DEPTH, 0), np.float32), np.zeros((1, HEADS, 0, DEPTH), np.float32)
            if full is not None:
                keys = full[f"{prefix}key.{layer}"][:1, :, :, start:]
                values = full[f"{prefix}value.{layer}"][:1, :, start:]
            feeds[f"{prefix}tail_key.{layer}"], feeds[f"{prefix}tail_value.{layer}"] = keys, values
    return feeds


def _mel(batch: int, seed: int = 0) -> np.ndarray:
    """Sound in the first half of the window, silence in the second."""
    mel = np.zeros((batch, MELS, 2 * AUDIO), np.float32)
    mel[:, :, :AUDIO] = np.random.default_rng(seed).normal(0, 1, (batch, MELS, AUDIO))
    return mel


def test_dims_are_read_from_the_weights(source: Path) -> None:
    dims = whisper.read_dims(read_weights(source / "model.bin"))
    assert (dims.num_mels, dims.width, dims.num_heads) == (MELS, WIDTH, HEADS)
    assert (dims.num_encoder_layers, dims.num_decoder_layers, dims.vocabulary_size) == (LAYERS, LAYERS, VOCABULARY)


def test_kept_tail_of_the_same_window_gives_the_full_windows_states(converted: dict[str, Path]) -> None:
    folder, cut = converted["fp32"], AUDIO // 2
    full = _run(folder, "encoder.onnx", {"mel": _mel(1), **_tail(None, AUDIO)})
    short = _run(folder, "encoder.onnx", {"mel": _mel(1)[:, :, : 2 * cut], **_tail(full, cut)})
    np.testing.assert_allclose(short["states"], full["states"][:, :cut], atol=2e-4)
    for layer in range(LAYERS):
        np.testing.assert_allclose(short[f"cross_key.{layer}"], full[f"cross_key.{layer}"], atol=2e-4)
        np.testing.assert_allclose(short[f"cross_value.{layer}"], full[f"cross_value.{layer}"], atol=2e-4)


def test_a_batch_gives_what_its_members_give_alone(converted: dict[str, Path]) -> None:
    folder, cut = converted["fp32"], AUDIO // 2
    full = _run(folder, "encoder.onnx", {"mel": _mel(1), **_tail(None, AUDIO)})
    mel = _mel(2, seed=1)[:, :, : 2 * cut]
    both = _run(folder, "encoder.onnx", {"mel": mel, **_tail(full, cut)})
    for index in range(2):
        alone = _run(folder, "encoder.onnx", {"mel": mel[index : index + 1], **_tail(full, cut)})
        np.testing.assert_allclose(both["states"][index], alone["states"][0], atol=2e-4)


def _decode(
    folder: Path, tokens: list[int], cross: dict[str, np.ndarray], past: dict[str, np.ndarray], length: int
) -> dict[str, np.ndarray]:
    new = len(tokens)
    feeds = {
        "tokens": np.array([tokens]),
        "positions": np.arange(length, length + new)[None],
        "parents": np.zeros(1, np.int64),
        "wanted": np.arange(new),
        "self_bias": np.triu(np.full((new, length + new), -1e4, np.float32), length + 1)[None, None],
        "cross_bias": np.zeros((1, 1, 1, AUDIO), np.float32),
    }
    return _run(folder, "decoder.onnx", {**feeds, **cross, **past})


def _empty_past() -> dict[str, np.ndarray]:
    keys = {f"past_key.{layer}": np.zeros((1, HEADS, DEPTH, 0), np.float32) for layer in range(LAYERS)}
    return keys | {f"past_value.{layer}": np.zeros((1, HEADS, 0, DEPTH), np.float32) for layer in range(LAYERS)}


@pytest.mark.parametrize("precision", whisper.PRECISIONS)
def test_decoding_step_by_step_is_decoding_at_once(converted: dict[str, Path], precision: str) -> None:
    folder, tokens = converted[precision], [4, 9, 30, 11, 7]
    encoded = _run(folder, "encoder.onnx", {"mel": _mel(1), **_tail(None, AUDIO)})
    cross = {name: value for name, value in encoded.items() if name.startswith("cross_")}
    at_once = _decode(folder, tokens, cross, _empty_past(), 0)
    past, steps = _empty_past(), []
    for length, token in enumerate(tokens):
        outputs = _decode(folder, [token], cross, past, length)
        steps.append(outputs["logits"][0])
        past = {name.replace("present", "past"): v for name, v in outputs.items() if name.startswith("present")}
    np.testing.assert_allclose(np.stack(steps), at_once["logits"], atol=5e-2 if precision == "fp16" else 1e-3)
    assert at_once["alignment"].shape == (1, 2, len(tokens), AUDIO)
    np.testing.assert_allclose(at_once["alignment"].sum(-1), 1.0, atol=1e-3 if precision == "fp16" else 1e-5)


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_smaller_numbers_are_close_to_fp32(converted: dict[str, Path], precision: str) -> None:
    logits = {}
    for kind in ("fp32", precision):
        folder = converted[kind]
        encoded = _run(folder, "encoder.onnx", {"mel": _mel(1), **_tail(None, AUDIO)})
        cross = {name: value for name, value in encoded.items() if name.startswith("cross_")}
        logits[kind] = _decode(folder, [4, 9, 30], cross, _empty_past(), 0)["logits"].ravel()
    assert np.corrcoef(logits["fp32"], logits[precision])[0, 1] > 0.999


@pytest.mark.parametrize("precision", whisper.PRECISIONS)
def test_caches_are_picked_and_joined(converted: dict[str, Path], precision: str) -> None:
    rng = np.random.default_rng(3)
    sides = {"first": (3, 5), "second": (2, 7)}
    feeds = {"first_rows": np.array([2, 0]), "second_rows": np.array([1])}
    for side, (rows, length) in sides.items():
        for layer in range(LAYERS):
            feeds[f"{side}_key.{layer}"] = rng.normal(0, 1, (rows, HEADS, DEPTH, length)).astype(np.float16)
            feeds[f"{side}_value.{layer}"] = rng.normal(0, 1, (rows, HEADS, length, DEPTH)).astype(np.float16)
    if precision != "fp16":
        feeds = {name: a.astype(np.float32) if a.dtype == np.float16 else a for name, a in feeds.items()}
    joined = _run(converted[precision], "cache_join.onnx", feeds)
    for layer in range(LAYERS):
        keys, values = joined[f"key.{layer}"], joined[f"value.{layer}"]
        np.testing.assert_array_equal(keys[:2, :, :, :5], feeds[f"first_key.{layer}"][[2, 0]])
        np.testing.assert_array_equal(keys[2:], feeds[f"second_key.{layer}"][[1]])
        np.testing.assert_array_equal(values[:2, :, :5], feeds[f"first_value.{layer}"][[2, 0]])
        np.testing.assert_array_equal(values[2:], feeds[f"second_value.{layer}"][[1]])
        assert not keys[:2, :, :, 5:].any()
        assert not values[:2, :, 5:].any()


def test_int8_rows_are_what_they_are_alone(converted: dict[str, Path]) -> None:
    folder = converted["int8"]
    encoded = _run(folder, "encoder.onnx", {"mel": _mel(1), **_tail(None, AUDIO)})
    cross = {name: value for name, value in encoded.items() if name.startswith("cross_")}
    together = _decode(folder, [4, 9, 30], cross, _empty_past(), 0)["logits"]
    alone = _decode(folder, [4], cross, _empty_past(), 0)["logits"]
    np.testing.assert_allclose(together[:1], alone, atol=1e-4)


def test_the_same_source_gives_the_same_bytes(source: Path, converted: dict[str, Path], tmp_path: Path) -> None:
    whisper.convert(source, tmp_path, "int8")
    for name in ("encoder.onnx", "decoder.onnx", "cache_join.onnx", "whisper.json"):
        assert (tmp_path / name).read_bytes() == (converted["int8"] / name).read_bytes()


def test_damaged_and_foreign_files_are_refused(source: Path, tmp_path: Path) -> None:
    good = (source / "model.bin").read_bytes()
    (tmp_path / "model.bin").write_bytes(good[: len(good) // 2])
    with pytest.raises(WeightFileError, match="ends at byte"):
        read_weights(tmp_path / "model.bin")
    write_ct2(tmp_path / "model.bin", {}, version=2)
    with pytest.raises(WeightFileError, match="version 2"):
        read_weights(tmp_path / "model.bin")
    write_ct2(tmp_path / "model.bin", {"decoder/embeddings/weight": np.zeros((1, 1), np.float16)}, "TransformerSpec")
    with pytest.raises(WeightFileError, match="not a Whisper model"):
        whisper.convert(tmp_path, tmp_path, "fp32")
    with pytest.raises(ValueError, match="precision"):
        whisper.convert(source, tmp_path, "int3")
