"""Kokoro-82M int8 ONNX -> an encoder and a decoder that serve clause by clause.

The published graph turns phoneme ids into audio in one go. Here it is cut where text meets time:

* ``encoder.onnx``: ``tokens`` int64 [1, num_tokens], ``style`` float32 [1, 256], ``speed`` float32 [1] ->
  ``text_features`` float32 [1, 512, num_frames], ``pitch_hz`` and ``log_energy`` float32 [1, 2 * num_frames],
  ``frames_per_token`` float32 [1, num_tokens]. A frame is 600 samples at 24 kHz (25 ms).
* ``decoder.onnx``: ``text_features``, ``pitch_hz``, ``log_energy``, ``style`` -> ``audio`` float32
  [num_frames * 600] in [-1, 1].

Nearly all the time goes into the decoder and is proportional to its frames, and the model surrounds every clause
with 0.4 s of silence before and up to 1.1 s after it. With the cut, that silence is dropped (by ``log_energy``)
before it is computed. ``frames_per_token`` gives the time of every phoneme.

The publisher quantised the convolutions dynamically (DynamicQuantizeLinear, ConvInteger), which on CPU is no faster
than float. They are put back to float32 Conv with exactly the published weights.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

VERSION = 1

SOURCE_FILE = "kokoro-v1.0.int8.onnx"
ENCODER_FILE = "encoder.onnx"
DECODER_FILE = "decoder.onnx"

_RENAMED = {
    "/encoder/MatMul_1_output_0": "text_features",
    "/encoder/Reshape_output_0": "pitch_hz",
    "/encoder/Reshape_1_output_0": "log_energy",
    "/encoder/Clip_output_0": "frames_per_token",
}


def convert(source_dir: Path, target_dir: Path) -> None:
    """Write ``encoder.onnx`` and ``decoder.onnx`` made from ``kokoro-v1.0.int8.onnx``. Deterministic.

    Raises:
        ValueError: The source graph is not the one this converter knows.
    """
    graph = _Graph(onnx.load(source_dir / SOURCE_FILE))
    graph.restore_float_convolutions()
    graph.rename(_RENAMED)
    features = {
        "text_features": _tensor("text_features", [1, 512, "num_frames"]),
        "pitch_hz": _tensor("pitch_hz", [1, "num_half_frames"]),
        "log_energy": _tensor("log_energy", [1, "num_half_frames"]),
    }
    style = _tensor("style", [1, 256])
    onnx.save(
        graph.extract(
            [_tensor("tokens", [1, "num_tokens"], TensorProto.INT64), style, _tensor("speed", [1])],
            [*features.values(), _tensor("frames_per_token", [1, "num_tokens"])],
        ),
        target_dir / ENCODER_FILE,
    )
    onnx.save(
        graph.extract([*features.values(), style], [_tensor("audio", ["num_samples"])]),
        target_dir / DECODER_FILE,
    )


class _Graph:
    """A model with the look-ups that graph surgery needs."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = model
        self.nodes: list[NodeProto] = list(model.graph.node)
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._index()

    def _index(self) -> None:
        self.producer = {name: node for node in self.nodes for name in node.output}
        self.consumers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in node.input:
                self.consumers[name].append(node)

    def restore_float_convolutions(self) -> None:
        """Replace every dynamically quantised convolution by Conv on the published weights in float32."""
        replaced: dict[str, NodeProto] = {}
        for node in self.nodes:
            if node.op_type == "ConvInteger":
                last, conv = self._float_convolution(node)
                replaced[last.name] = conv
        if not replaced:
            raise ValueError("the Kokoro graph has no ConvInteger node; it is not the int8 export that is expected")
        self.nodes = [replaced.get(node.name, node) for node in self.nodes]
        self._index()

    def _float_convolution(self, node: NodeProto) -> tuple[NodeProto, NodeProto]:
        """The last node of the pattern around one ConvInteger, and the Conv that replaces the pattern.

        The pattern: DynamicQuantizeLinear -> ConvInteger [-> Add of the requantised bias] -> Cast -> Mul by the scales.
        """
        quantized, weight, _, weight_zero_point = node.input
        source = self._expect(self.producer[quantized], "DynamicQuantizeLinear").input[0]
        step = self._only_consumer(node)
        bias = ""
        if step.op_type == "Add":
            bias, scale = self._bias_and_weight_scale(step, node.output[0])
            step = self._only_consumer(step)
            rescale = self._only_consumer(self._expect(step, "Cast"))
        else:
            rescale = self._only_consumer(self._expect(step, "Cast"))
            product = self.producer[_other(rescale.input, step.output[0])]
            scale = self._constant_input(product)
        self._expect(rescale, "Mul")
        centred = self._array(weight).astype(np.float32) - self._array(weight_zero_point).astype(np.float32)
        name = f"{weight}_float"
        self.constants[name] = numpy_helper.from_array(np.asarray(centred * self._array(scale), np.float32), name)
        inputs = [source, name, bias] if bias else [source, name]
        conv = helper.make_node("Conv", inputs, list(rescale.output), name=node.name.removesuffix("_quant"))
        conv.attribute.extend(node.attribute)
        return rescale, conv

    def _bias_and_weight_scale(self, add: NodeProto, convolved: str) -> tuple[str, str]:
        """Names of the float bias and of the weight scale behind ``Reshape(Cast(Floor(bias / scales)))``."""
        node = self.producer[_other(add.input, convolved)]
        for op_type in ("Reshape", "Cast", "Floor"):
            node = self.producer[self._expect(node, op_type).input[0]]
        self._expect(node, "Div")
        return node.input[0], self._constant_input(self.producer[node.input[1]])

    def _constant_input(self, node: NodeProto) -> str:
        return next(name for name in node.input if name in self.constants)

    def _array(self, name: str) -> np.ndarray:
        return numpy_helper.to_array(self.constants[name])

    def _only_consumer(self, node: NodeProto) -> NodeProto:
        found = self.consumers[node.output[0]]
        if len(found) != 1:
            raise ValueError(f"the output of {node.name} has {len(found)} consumers instead of 1")
        return found[0]

    @staticmethod
    def _expect(node: NodeProto, op_type: str) -> NodeProto:
        if node.op_type != op_type:
            raise ValueError(f"{node.name} is {node.op_type}; {op_type} was expected")
        return node

    def rename(self, names: dict[str, str]) -> None:
        """Give values better names wherever they appear."""
        missing = [name for name in names if name not in self.producer]
        if missing:
            raise ValueError(f"the Kokoro graph has no value {missing[0]!r}")
        for node in self.nodes:
            for values in (node.input, node.output):
                for position, name in enumerate(values):
                    values[position] = names.get(name, name)
        self._index()

    def extract(self, inputs: list[ValueInfoProto], outputs: list[ValueInfoProto]) -> onnx.ModelProto:
        """The part of the graph between ``inputs`` and ``outputs`` as a checked model of its own."""
        given = {value.name for value in inputs}
        wanted = [value.name for value in outputs]
        seen: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in seen or name in given or not name:
                continue
            seen.add(name)
            if name in self.producer:
                wanted.extend(self.producer[name].input)
        nodes = [node for node in self.nodes if seen.intersection(node.output)]
        used = {name for node in nodes for name in node.input}
        constants = [tensor for name, tensor in self.constants.items() if name in used]
        graph = helper.make_graph(nodes, "kokoro", inputs, outputs, constants)
        used_domains = {node.domain for node in nodes}
        opsets = [opset for opset in self.model.opset_import if opset.domain in used_domains]
        return helper.make_model(graph, opset_imports=opsets, ir_version=self.model.ir_version)


def _other(names: Iterable[str], name: str) -> str:
    return next(candidate for candidate in names if candidate != name)


def _tensor(name: str, shape: list[int | str], dtype: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)
