"""Static quantisation of the Kokoro vocoder's convolutions: uint8 activations, int8 weights, int32 sums.

Activations have one scale per channel on both sides. Inside the convolution a single scale is needed: the channel
scales of the input are multiplied into the weights before these are rounded, those of the output are divided out of
them, and both are undone by the per-channel QuantizeLinear and DequantizeLinear around it. So a channel that is a
hundred times quieter than another keeps its 8 bits (the idea of SmoothQuant, Xiao et al., ICML 2023, applied per
channel to convolutions).
"""

import json
from dataclasses import dataclass
from importlib import resources

import numpy as np
from onnx import NodeProto, helper

from voxcart.models.converters.kokoro_graph import KokoroGraph

STEPS_PER_OCTAVE = 16
_LARGEST_WEIGHT = 127


@dataclass(frozen=True)
class ActivationScale:
    """How one activation is quantised: real value of channel c = ``scales[c]`` * (q - ``zero_point``).

    Attributes:
        zero_point: 0..255, the same for all channels, so that padding with it is padding with zero.
        scales: float32 [num_channels].
    """

    zero_point: int
    scales: np.ndarray

    @classmethod
    def covering(cls, lowest: np.ndarray, highest: np.ndarray) -> "ActivationScale":
        """The scale that clips nothing between ``lowest`` and ``highest`` (float [num_channels]) and wastes least."""
        low, high = np.minimum(lowest, 0.0), np.maximum(highest, 1e-6)
        candidates = [(zero, np.maximum(-low / zero, high / (255 - zero))) for zero in range(16, 240, 4)]
        zero_point, scales = min(candidates, key=lambda pair: float(np.mean((pair[1] / (high - low)) ** 2)))
        steps = np.ceil(np.log2(scales) * STEPS_PER_OCTAVE)
        return cls(zero_point, np.exp2(steps / STEPS_PER_OCTAVE).astype(np.float32))

    def to_json(self) -> dict[str, int | list[int]]:
        """As stored: scales in sixteenths of an octave."""
        steps = np.round(np.log2(self.scales) * STEPS_PER_OCTAVE).astype(int)
        return {"zero_point": self.zero_point, "scale_steps": steps.tolist()}

    @classmethod
    def from_json(cls, stored: dict[str, int | list[int]]) -> "ActivationScale":
        """What :meth:`to_json` wrote."""
        steps = np.asarray(stored["scale_steps"], np.float64)
        return cls(int(stored["zero_point"]), np.exp2(steps / STEPS_PER_OCTAVE).astype(np.float32))  # type: ignore[arg-type]


@dataclass(frozen=True)
class ConvolutionScales:
    """Scales of what goes into and comes out of one convolution."""

    input: ActivationScale
    output: ActivationScale


def read_scales() -> dict[str, ConvolutionScales]:
    """The measured scales that come with this package, by name of the convolution."""
    text = resources.files("voxcart.models.converters").joinpath("kokoro_scales.json").read_text(encoding="utf-8")
    return {
        name: ConvolutionScales(ActivationScale.from_json(entry["input"]), ActivationScale.from_json(entry["output"]))
        for name, entry in json.loads(text).items()
    }


def quantize_convolutions(graph: KokoroGraph, scales: dict[str, ConvolutionScales]) -> None:
    """Quantise every fused convolution of the vocoder in place.

    Raises:
        ValueError: A convolution has no scales, or scales for another number of channels.
    """
    replaced = {}
    for node in graph.fused_convolutions():
        if node.name not in scales:
            raise ValueError(f"no activation scales were measured for {node.name}")
        replaced[node.name] = _quantized(graph, node, scales[node.name])
    graph.replace(replaced)


def _quantized(graph: KokoroGraph, node: NodeProto, scales: ConvolutionScales) -> list[NodeProto]:
    """QuantizeLinear, QLinearConv, DequantizeLinear that replace one Conv."""
    weights = graph.array(node.input[1]).astype(np.float64)
    bias = graph.array(node.input[2]).astype(np.float64)
    num_out, num_in, _ = weights.shape
    if (len(scales.input.scales), len(scales.output.scales)) != (num_in, num_out):
        raise ValueError(f"the activation scales of {node.name} are for another number of channels")
    folded = weights * scales.input.scales[None, :, None] / scales.output.scales[:, None, None]
    weight_scales = np.maximum(np.abs(folded).max(axis=(1, 2)) / _LARGEST_WEIGHT, 1e-12)
    rounded = np.round(folded / weight_scales[:, None, None]).astype(np.int8)
    sums = np.round(bias / scales.output.scales / weight_scales)
    base = node.name.removesuffix("/Conv")
    unit = graph.add_constant(f"{base}/unit", np.array(1.0, np.float32))
    conv = helper.make_node(
        "QLinearConv",
        [
            f"{base}/quantized",
            unit,
            graph.add_constant(f"{base}/input_zero", np.array(scales.input.zero_point, np.uint8)),
            graph.add_constant(f"{base}/weight_int8", rounded),
            graph.add_constant(f"{base}/weight_scales", weight_scales.astype(np.float32)),
            graph.add_constant(f"{base}/weight_zeros", np.zeros(num_out, np.int8)),
            unit,
            graph.add_constant(f"{base}/output_zero", np.array(scales.output.zero_point, np.uint8)),
            graph.add_constant(f"{base}/bias_int32", np.clip(sums, -(2**31), 2**31 - 1).astype(np.int32)),
        ],
        [f"{base}/convolved"],
        name=f"{base}/QLinearConv",
    )
    conv.attribute.extend(node.attribute)
    return [
        _channelwise(graph, "QuantizeLinear", node.input[0], f"{base}/quantized", scales.input),
        conv,
        _channelwise(graph, "DequantizeLinear", f"{base}/convolved", node.output[0], scales.output),
    ]


def _channelwise(graph: KokoroGraph, op_type: str, source: str, result: str, scale: ActivationScale) -> NodeProto:
    name = f"{result}/{op_type}"
    zeros = np.full(len(scale.scales), scale.zero_point, np.uint8)
    inputs = [source, graph.add_constant(f"{name}/scales", scale.scales), graph.add_constant(f"{name}/zeros", zeros)]
    return helper.make_node(op_type, inputs, [result], name=name, axis=1)
