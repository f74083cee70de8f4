"""A voice activity network of Silero's shapes with random weights, and its arithmetic written out plainly."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

_SHAPES = {
    "model.stft.forward_basis_buffer": (258, 1, 256),
    "model.encoder.0.reparam_conv.weight": (128, 129, 3),
    "model.encoder.0.reparam_conv.bias": (128,),
    "model.encoder.1.reparam_conv.weight": (64, 128, 3),
    "model.encoder.1.reparam_conv.bias": (64,),
    "model.encoder.2.reparam_conv.weight": (64, 64, 3),
    "model.encoder.2.reparam_conv.bias": (64,),
    "model.encoder.3.reparam_conv.weight": (128, 64, 3),
    "model.encoder.3.reparam_conv.bias": (128,),
    "model.decoder.rnn.weight_ih": (512, 128),
    "model.decoder.rnn.weight_hh": (512, 128),
    "model.decoder.rnn.bias_ih": (512,),
    "model.decoder.rnn.bias_hh": (512,),
    "model.decoder.decoder.2.weight": (1, 128, 1),
    "model.decoder.decoder.2.bias": (1,),
}


def random_weights(seed: int) -> dict[str, np.ndarray]:
    """Weights that keep activations in the range of one."""
    rng = np.random.default_rng(seed)
    return {
        name: (rng.normal(size=shape) / np.sqrt(max(1, np.prod(shape[1:])))).astype(np.float32)
        for name, shape in _SHAPES.items()
    }


def write_silero(path: Path, weights: dict[str, np.ndarray]) -> Path:
    """A file that holds the weights under their published names."""
    tensors = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph([], "tiny", [], [], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), str(path))
    return path


def plain_probabilities(weights: dict[str, np.ndarray], frames: np.ndarray) -> list[float]:
    """The probabilities of a stream's frames, as the published network computes them, one frame after the other."""
    context = np.zeros(64, np.float32)
    hidden, cell = np.zeros(128), np.zeros(128)
    found = []
    for frame in frames:
        window = np.concatenate([context, frame])
        context = frame[-64:]
        padded = np.pad(window, (0, 64), mode="reflect")
        basis = weights["model.stft.forward_basis_buffer"][:, 0]
        spectrum = np.stack([basis @ padded[start : start + 256] for start in range(0, 385, 128)], axis=1)
        columns = np.hypot(spectrum[:129], spectrum[129:])
        for layer, stride in enumerate((1, 2, 2, 1)):
            columns = _convolution(weights, layer, columns, stride)
        gates = weights["model.decoder.rnn.weight_ih"] @ columns[:, 0] + weights["model.decoder.rnn.bias_ih"]
        gates = gates + weights["model.decoder.rnn.weight_hh"] @ hidden + weights["model.decoder.rnn.bias_hh"]
        into, forget, candidate, out = np.split(gates, 4)
        cell = _sigmoid(forget) * cell + _sigmoid(into) * np.tanh(candidate)
        hidden = _sigmoid(out) * np.tanh(cell)
        score = weights["model.decoder.decoder.2.weight"][0, :, 0] @ np.maximum(hidden, 0)
        found.append(float(_sigmoid(score + weights["model.decoder.decoder.2.bias"][0])))
    return found


def _convolution(weights: dict[str, np.ndarray], layer: int, columns: np.ndarray, stride: int) -> np.ndarray:
    weight = weights[f"model.encoder.{layer}.reparam_conv.weight"]
    bias = weights[f"model.encoder.{layer}.reparam_conv.bias"]
    padded = np.pad(columns, ((0, 0), (1, 1)))
    starts = range(0, padded.shape[1] - 2, stride)
    output = [np.tensordot(weight, padded[:, start : start + 3], axes=([1, 2], [0, 1])) + bias for start in starts]
    return np.maximum(np.stack(output, axis=1), 0)


def _sigmoid(value: np.ndarray | float) -> np.ndarray | float:
    return 1 / (1 + np.exp(-value))
