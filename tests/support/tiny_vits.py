"""Builds a small VITS-shaped voice in Piper's layout with seeded random weights: ``name.onnx`` and ``name.onnx.json``.

Everything that a runtime must handle is there: ids with padding between them, lengths, the three scales (the second one
stretches the audio, the first one adds noise), speakers, and audio of shape [batch, 1, 1, samples].
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAMPLES_PER_ID = 400
SYMBOLS = "_^$ ,.?!abdefhijklmnoprstuvwxyzæðŋɑɐɔəɚɛɜɡɪɹɾʃʊʌʒθˈˌː5ɜ21ɕχ"
_WIDTH = 8


def write_tiny_voice(
    folder: Path, name: str, *, espeak: str = "en-us", speakers: int = 1, noise_scale: float = 0.0, seed: int = 1
) -> Path:
    """Write a voice; returns the path of its model.

    Args:
        folder: Made if missing.
        name: Of the voice.
        espeak: Its language as espeak calls it.
        speakers: How many; more than one are called ``anna``, ``ben``, ...
        noise_scale: 0 makes it say the same every time.
        seed: Of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    onnx.save(_model(speakers, np.random.default_rng(seed)), path)
    symbols = dict.fromkeys(SYMBOLS)
    config = {
        "audio": {"sample_rate": 16_000},
        "espeak": {"voice": espeak},
        "phoneme_type": "espeak",
        "num_symbols": len(symbols),
        "num_speakers": speakers,
        "speaker_id_map": {f"{'ab'[n]}{'ne'[n]}n": n for n in range(speakers)} if speakers > 1 else {},
        "inference": {"noise_scale": noise_scale, "length_scale": 1.0, "noise_w": 0.0},
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(symbols)},
    }
    path.with_name(f"{path.name}.json").write_text(json.dumps(config), encoding="utf-8")
    return path


def _model(speakers: int, rng: np.random.Generator) -> onnx.ModelProto:
    constants = {
        "embedding": rng.normal(size=(len(SYMBOLS), _WIDTH)).astype(np.float32),
        "kernel": (0.2 * rng.normal(size=(_WIDTH, 1, SAMPLES_PER_ID))).astype(np.float32),
        "voices": rng.normal(size=(speakers, _WIDTH, 1)).astype(np.float32),
        "noise_at": np.array([0], np.int64),
        "pace_at": np.array([1], np.int64),
        "ones": np.ones(2, np.float32),
        "shape": np.array([0, 1, 1, -1], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["embedding", "input"], ["embedded"]),
        helper.make_node("Transpose", ["embedded"], ["symbols"], perm=[0, 2, 1]),
        helper.make_node("Gather", ["scales", "pace_at"], ["pace"]),
        helper.make_node("Concat", ["ones", "pace"], ["stretch"], axis=0),
        helper.make_node("Resize", ["symbols", "", "stretch"], ["frames"], mode="nearest"),
        helper.make_node("RandomNormalLike", ["frames"], ["random"], seed=1.0),
        helper.make_node("Gather", ["scales", "noise_at"], ["noise_scale"]),
        helper.make_node("Mul", ["random", "noise_scale"], ["noise"]),
        helper.make_node("Add", ["frames", "noise"], ["noisy"]),
        helper.make_node("Cast", ["input_lengths"], ["lengths"], to=TensorProto.FLOAT),
        helper.make_node("Clip", ["lengths", "", "largest"], ["one"]),
        helper.make_node("Mul", ["noisy", "one"], ["masked"]),
    ]
    constants["largest"] = np.array(1.0, np.float32)
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, ["batch", "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    spoken = "masked"
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, ["batch"]))
        nodes += [
            helper.make_node("Gather", ["voices", "sid"], ["speaker"]),
            helper.make_node("Add", ["masked", "speaker"], ["voiced"]),
        ]
        spoken = "voiced"
    nodes += [
        helper.make_node("ConvTranspose", [spoken, "kernel"], ["wave"], strides=[SAMPLES_PER_ID]),
        helper.make_node("Tanh", ["wave"], ["bounded"]),
        helper.make_node("Reshape", ["bounded", "shape"], ["output"]),
    ]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 1, 1, "time"])
    used = {name for node in nodes for name in node.input}
    tensors = [numpy_helper.from_array(values, name) for name, values in constants.items() if name in used]
    graph = helper.make_graph(nodes, "tiny_vits", inputs, [output], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
