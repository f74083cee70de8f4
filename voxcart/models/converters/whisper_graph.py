"""Building blocks of the Whisper ONNX graphs: nodes, constants, and linear layers in fp32, fp16 or int8.

int8 weights have one scale per output channel. Activations are quantised as the model runs, in two forms:

* `CALLS` - one scale for all activations of a call (`DynamicQuantizeMatMul`), the fastest for one long utterance; what
  is computed together shares the scale, so a batch differs a little from its members alone.
* `ROWS` - a scale for every row (token), the products in whole numbers: a batch gives what its members give, however it
  is put together. A few microseconds more per call, nothing more per row.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MICROSOFT_DOMAIN = "com.microsoft"
_OPSET = 20
_IR_VERSION = 10
_TINY = 1e-12


class LinearForm(Enum):
    """How the weights of a linear layer are stored and multiplied."""

    FP32 = "fp32"
    FP16 = "fp16"
    CALLS = "int8-calls"
    ROWS = "int8-rows"

    @property
    def float_type(self) -> int:
        """ONNX element type of everything that is not quantised."""
        return TensorProto.FLOAT16 if self is LinearForm.FP16 else TensorProto.FLOAT


class GraphBuilder:
    """Collects nodes and initialisers of one graph; names are counted, so equal input gives equal bytes."""

    def __init__(self, name: str, float_type: int = TensorProto.FLOAT) -> None:
        """
        Args:
            name: Name of the graph.
            float_type: Element type that float constants are stored in.
        """
        self.float_type = float_type
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, element_type: int, shape: list[str | int]) -> str:
        """Declares a graph input and returns its name."""
        self._inputs.append(helper.make_tensor_value_info(name, element_type, shape))
        return name

    def output(self, value: str, name: str, shape: list[str | int], element_type: int | None = None) -> None:
        """Declares `value` as the graph output `name`; of the graph's float type unless told otherwise."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=f"output_{name}"))
        self._outputs.append(helper.make_tensor_value_info(name, element_type or self.float_type, shape))

    def constant(self, name: str, array: np.ndarray) -> str:
        """Adds an initialiser once and returns its name; float32 arrays are stored in the graph's float type."""
        if name not in self._initializers:
            if array.dtype == np.float32 and self.float_type == TensorProto.FLOAT16:
                array = array.astype(np.float16)
            self._initializers[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def integers(self, *values: int) -> str:
        """An int64 vector constant."""
        return self.constant("i64_" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def zeros(self, shape: str) -> str:
        """Zeros of the graph's float type."""
        dtype = np.float16 if self.float_type == TensorProto.FLOAT16 else np.float32
        return self.op("ConstantOfShape", shape, value=numpy_helper.from_array(np.zeros(1, dtype)))

    def cast_in(self, x: str) -> str:
        """A float32 value in the graph's float type."""
        return x if self.float_type == TensorProto.FLOAT else self.op("Cast", x, to=self.float_type)

    def cast_out(self, x: str) -> str:
        """A value of the graph's float type in float32."""
        return x if self.float_type == TensorProto.FLOAT else self.op("Cast", x, to=TensorProto.FLOAT)

    def op(self, op_type: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Appends a node with one output and returns the output's name."""
        output = f"{op_type.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(op_type, list(inputs), [output], name=output, domain=domain, **attributes))
        return output

    def linear(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray | None, form: LinearForm) -> str:
        """`x @ weight.T + bias`.

        Args:
            x: `[..., ..., in]` of the graph's float type.
            name: Prefix of the constants.
            weight: float32 `[out, in]`.
            bias: float32 `[out]` or none.
            form: Storage and kernel.
        """
        if form is LinearForm.ROWS:
            return self._linear_by_rows(x, name, weight, bias)
        if form is LinearForm.CALLS:
            quantized, scale = quantize_rows(weight)
            product = self.op(
                "DynamicQuantizeMatMul",
                x,
                self.constant(f"{name}.weight", quantized.T),
                self.constant(f"{name}.scale", scale),
                domain=MICROSOFT_DOMAIN,
            )
        else:
            product = self.op("MatMul", x, self.constant(f"{name}.weight", weight.T))
        return product if bias is None else self.op("Add", product, self.constant(f"{name}.bias", bias))

    def _linear_by_rows(self, x: str, name: str, weight: np.ndarray, bias: np.ndarray | None) -> str:
        """Whole numbers of 8 bits on both sides, with a scale per row of `x` and per output channel."""
        quantized, scale = quantize_rows(weight)
        rows = self.op("Reshape", x, self.integers(-1, weight.shape[1]))
        peak = self.op("ReduceMax", self.op("Abs", rows), self.integers(-1), keepdims=0)
        step = self.op("Max", self.op("Mul", peak, self._number("step", 1 / 127)), self._number("tiny", _TINY))
        middle = self.constant("u8_middle", np.array([128], dtype=np.uint8))
        product = self.op(
            "MatMulIntegerToFloat",
            self.op("QuantizeLinear", rows, step, self.op("Expand", middle, self.op("Shape", step)), axis=0),
            self.constant(f"{name}.weight", quantized.T),
            self._number("one", 1.0),
            self.constant(f"{name}.scale", scale),
            middle,
            domain=MICROSOFT_DOMAIN,
        )
        product = self.op("Mul", product, self.op("Unsqueeze", step, self.integers(-1)))
        if bias is not None:
            product = self.op("Add", product, self.constant(f"{name}.bias", bias))
        shape = self.op("Concat", self.op("Shape", x, end=2), self.integers(weight.shape[0]), axis=0)
        return self.op("Reshape", product, shape)

    def embedding(self, ids: str, name: str, weight: np.ndarray, form: LinearForm) -> str:
        """Rows `ids` `[batch, time]` of `weight` `[entries, width]`, from the constants that `linear` has under `name`.

        Returns:
            `[batch, time, width]`.
        """
        if form is not LinearForm.ROWS:
            columns = self.op("Gather", self.constant(f"{name}.weight", weight.T), ids, axis=1)
            return self.op("Transpose", columns, perm=[1, 2, 0])
        quantized, scale = quantize_rows(weight)
        columns = self.op("Gather", self.constant(f"{name}.weight", quantized.T), ids, axis=1)
        scales = self.op("Gather", self.constant(f"{name}.scale", scale), ids)
        whole = self.op("Cast", self.op("Transpose", columns, perm=[1, 2, 0]), to=TensorProto.FLOAT)
        return self.op("Mul", whole, self.op("Unsqueeze", scales, self.integers(-1)))

    def _number(self, name: str, value: float) -> str:
        return self.constant(f"f32_{name}", np.array(value, dtype=np.float32))

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
