"""Building blocks of the Whisper ONNX graphs: nodes, constants, and linear layers in fp32 or int8.

int8 has two forms, chosen by what each part of the model does most:

* `ROWS` - weights int8 per output channel, activations quantised per call (`DynamicQuantizeMatMul`); fastest for
  many rows at once.
* `BLOCKS` - weights 8 bits per block of 64 inputs, activations quantised per block inside the kernel
  (`MatMulNBits`); as fast for a single row and closer to fp32.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MICROSOFT_DOMAIN = "com.microsoft"
BLOCK_SIZE = 64
_OPSET = 20
_IR_VERSION = 10


class LinearForm(Enum):
    """How the weights of a linear layer are stored and multiplied."""

    FP32 = "fp32"
    ROWS = "int8-rows"
    BLOCKS = "int8-blocks"


class GraphBuilder:
    """Collects nodes and initialisers of one graph; names are counted, so equal input gives equal bytes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, element_type: int, shape: list[str | int]) -> str:
        """Declares a graph input and returns its name."""
        self._inputs.append(helper.make_tensor_value_info(name, element_type, shape))
        return name

    def output(self, value: str, name: str, shape: list[str | int]) -> None:
        """Declares `value` as the float32 graph output `name`."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"output_{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def constant(self, name: str, array: np.ndarray) -> str:
        """Adds an initialiser once and returns its name."""
        if name not in self._initializers:
            self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values: int) -> str:
        """An int64 vector constant."""
        return self.constant("i64_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def op(self, op_type: str, *inputs: str, domain: str = "", **attributes: object) -> str:
        """Appends a node with one output and returns the output's name."""
        output = f"{op_type.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op_type, list(inputs), [output], name=output, domain=domain, **attributes))
        return output

    def linear(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray | None, form: LinearForm) -> str:
        """`x @ weight.T + bias`.

        Args:
            x: float32 `[..., in]`.
            name: Prefix of the constants.
            weight: float32 `[out, in]`.
            bias: float32 `[out]` or none.
            form: Storage and kernel.
        """
        if form is LinearForm.FP32:
            product = self.op("MatMul", x, self.constant(f"{name}.weight", weight.T))
        elif form is LinearForm.ROWS:
            quantized, scale = quantize_rows(weight)
            product = self.op(
                "DynamicQuantizeMatMul",
                x,
                self.constant(f"{name}.weight", quantized.T),
                self.constant(f"{name}.scale", scale),
                domain=MICROSOFT_DOMAIN,
            )
        else:
            quantized, scale = quantize_blocks(weight)
            product = self.op(
                "MatMulNBits",
                x,
                self.constant(f"{name}.weight", quantized),
                self.constant(f"{name}.scale", scale),
                domain=MICROSOFT_DOMAIN,
                K=weight.shape[1],
                N=weight.shape[0],
                bits=8,
                block_size=BLOCK_SIZE,
                accuracy_level=4,
            )
        return product if bias is None else self.op("Add", product, self.constant(f"{name}.bias", bias))

    def layer_norm(self, x: str, name: str, gamma: np.ndarray, beta: np.ndarray) -> str:
        """Layer normalisation over the last axis with epsilon 1e-5."""
        return self.op(
            "LayerNormalization",
            x,
            self.constant(f"{name}.gamma", gamma),
            self.constant(f"{name}.beta", beta),
            axis=-1,
            epsilon=1e-5,
        )

    def split_heads(self, x: str, num_heads: int, *, transposed: bool = False) -> str:
        """`[batch, time, width]` to `[batch, head, time, depth]`, or `[batch, head, depth, time]`."""
        heads = self.op("Reshape", x, self.integers(0, 0, num_heads, -1))
        return self.op("Transpose", heads, perm=[0, 2, 3, 1] if transposed else [0, 2, 1, 3])

    def merge_heads(self, x: str) -> str:
        """`[batch, head, time, depth]` to `[batch, time, width]`."""
        return self.op("Reshape", self.op("Transpose", x, perm=[0, 2, 1, 3]), self.integers(0, 0, -1))

    def attend(self, queries: str, keys: str, values: str, bias: str | None) -> tuple[str, str]:
        """Softmax attention; the scale is already in the queries.

        Args:
            queries: `[batch, head, query, depth]`.
            keys: `[batch, head, depth, key]`.
            values: `[batch, head, key, depth]`.
            bias: Added to the scores, broadcast to `[batch, head, query, key]`, or none.

        Returns:
            Context `[batch, query, width]` and probabilities `[batch, head, query, key]`.
        """
        scores = self.op("MatMul", queries, keys)
        if bias is not None:
            scores = self.op("Add", scores, bias)
        probabilities = self.op("Softmax", scores, axis=-1)
        return self.merge_heads(self.op("MatMul", probabilities, values)), probabilities

    def model(self, metadata: dict[str, str]) -> onnx.ModelProto:
        """The finished model with `metadata` as its properties."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, list(self._initializers.values())
        )
        model = helper.make_model(
            graph,
            producer_name="voxcart",
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(MICROSOFT_DOMAIN, 1)],
        )
        helper.set_model_props(model, dict(sorted(metadata.items())))
        return model


def quantize_rows(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric int8 per output channel.

    Args:
        weight: float32 `[out, in]`.

    Returns:
        int8 `[out, in]` in [-127, 127] and float32 scales `[out]`.
    """
    scale = np.maximum(np.abs(weight).max(axis=1), 1e-12) / 127.0
    return np.rint(weight / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def quantize_blocks(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Symmetric 8 bits with offset 128 per block of `BLOCK_SIZE` inputs, in the layout of `MatMulNBits`.

    Args:
        weight: float32 `[out, in]`, `in` a multiple of `BLOCK_SIZE`.

    Returns:
        uint8 `[out, in / block, block]` and float32 scales `[out, in / block]`.
    """
    blocks = weight.reshape(weight.shape[0], -1, BLOCK_SIZE)
    scale = np.maximum(np.abs(blocks).max(axis=-1), 1e-12) / 127.0
    quantized = np.rint(blocks / scale[..., None]) + 128.0
    return quantized.astype(np.uint8), scale.astype(np.float32)
