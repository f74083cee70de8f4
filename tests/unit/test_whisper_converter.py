"""The Whisper converter on a small model with random weights: structure, caches, the kept tail, damaged files."""

import json
import struct
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from voxcart.models.converters import whisper
from voxcart.models.converters.whisper_ct2 import WeightFileError, read_weights

pytestmark = pytest.mark.unit

MELS, WIDTH, HEADS, LAYERS, VOCABULARY, AUDIO, TEXT = 8, 64, 2, 2, 50, 30, 16
DEPTH = WIDTH // HEADS


def _layer(prefix: str, stacked: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {
        "linear_0/weight": (stacked, WIDTH),
        "linear_0/bias": (stacked,),
        "linear_1/weight": (WIDTH, WIDTH),
        "linear_1/bias": (WIDTH,),
        "layer_norm/gamma": (WIDTH,),
        "layer_norm/beta": (WIDTH,),
    }
    return {f"{prefix}/{name}": rng.normal(0, 0.2, shape).astype(np.float16) for name, shape in shapes.items()}


def small_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.2, shape).astype(np.float16)

    weights: dict[str, np.ndarray] = {
        "encoder/conv1/weight": normal(WIDTH, MELS, 3),
        "encoder/conv1/bias": normal(WIDTH),
        "encoder/conv2/weight": normal(WIDTH, WIDTH, 3),
        "encoder/conv2/bias": normal(WIDTH),
        "encoder/position_encodings/encodings": normal(AUDIO, WIDTH),
        "encoder/num_heads": np.array(HEADS, np.int16),
        "decoder/position_encodings/encodings": normal(TEXT, WIDTH),
        "decoder/embeddings/weight": normal(VOCABULARY, WIDTH),
    }
    for side in ("encoder", "decoder"):
        weights |= {f"{side}/layer_norm/gamma": normal(WIDTH) + 1, f"{side}/layer_norm/beta": normal(WIDTH)}
        for layer in range(LAYERS):
            path = f"{side}/layer_{layer}"
            weights |= _layer(f"{path}/self_attention", 3 * WIDTH, rng)
            feed_forward = _layer(f"{path}/ffn", 4 * WIDTH, rng)
            feed_forward[f"{path}/ffn/linear_1/weight"] = normal(WIDTH, 4 * WIDTH)
            weights |= feed_forward
            if side == "decoder":
                cross = _layer(f"{path}/attention", WIDTH, rng)
                cross[f"{path}/attention/linear_1/weight"] = normal(2 * WIDTH, WIDTH)
                cross[f"{path}/attention/linear_1/bias"] = normal(2 * WIDTH)
                cross[f"{path}/attention/linear_2/weight"] = normal(WIDTH, WIDTH)
                cross[f"{path}/attention/linear_2/bias"] = normal(WIDTH)
                weights |= cross
    return weights


def write_ct2(path: Path, weights: dict[str, np.ndarray], spec: str = "WhisperSpec", version: int = 6) -> None:
    codes = {np.dtype(np.float32): 0, np.dtype(np.int16): 2, np.dtype(np.float16): 4}

    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    data = struct.pack("<I", version) + string(spec) + struct.pack("<II", 3, len(weights))
    for name, array in weights.items():
        data += string(name) + struct.pack("<B", array.ndim) + struct.pack(f"<{array.ndim}I", *array.shape)
        data += struct.pack("<BI", codes[array.dtype], array.nbytes) + array.tobytes()
    data += struct.pack("<I", 1) + string("decoder/projection/weight") + string("decoder/embeddings/weight")
    path.write_bytes(data)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ct2")
    write_ct2(folder / "model.bin", small_weights())
    config = {"alignment_heads": [[0, 1], [1, 0]], "suppress_ids": [1], "suppress_ids_begin": [2], "lang_ids": [3]}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def converted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {precision: tmp_path_factory.mktemp(precision) for precision in whisper.PRECISIONS}
    for precision, folder in folders.items():
        whisper.convert(source, folder, precision)
    return folders


def _run(folder: Path, graph: str, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(str(folder / graph), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


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
        "self_bias": np.triu(np.full((new, length + new), -1e9, np.float32), length + 1)[None, None],
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
        steps.append(outputs["logits"][0, 0])
        past = {name.replace("present", "past"): v for name, v in outputs.items() if name.startswith("present")}
    np.testing.assert_allclose(np.stack(steps), at_once["logits"][0], atol=1e-3)
    assert at_once["alignment"].shape == (1, 2, len(tokens), AUDIO)
    np.testing.assert_allclose(at_once["alignment"].sum(-1), 1.0, atol=1e-5)


def test_int8_is_close_to_fp32(converted: dict[str, Path]) -> None:
    logits = {}
    for precision, folder in converted.items():
        encoded = _run(folder, "encoder.onnx", {"mel": _mel(1), **_tail(None, AUDIO)})
        cross = {name: value for name, value in encoded.items() if name.startswith("cross_")}
        logits[precision] = _decode(folder, [4, 9, 30], cross, _empty_past(), 0)["logits"].ravel()
    assert np.corrcoef(logits["fp32"], logits["int8"])[0, 1] > 0.999


def test_the_same_source_gives_the_same_bytes(source: Path, converted: dict[str, Path], tmp_path: Path) -> None:
    whisper.convert(source, tmp_path, "int8")
    for name in ("encoder.onnx", "decoder.onnx", "whisper.json"):
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
