"""The ONNX graphs of Whisper: encoder with a kept tail, decoder with key/value cache, and joining of caches.

Their inputs and outputs are described in `whisper.py`. Attention scores, biases and caches have the graph's float type
(fp32, or fp16 for GPUs); `mel`, the biases, `logits` and `alignment` are fp32 outside in either case.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx
from onnx import TensorProto

from voxcart.models.converters.whisper_ct2 import CTranslate2Weights
from voxcart.models.converters.whisper_graph import GraphBuilder, LinearForm


@dataclass(frozen=True)
class WhisperDims:
    """Sizes read from the weights themselves."""

    num_mels: int
    width: int
    num_audio_positions: int
    num_text_positions: int
    num_heads: int
    num_encoder_layers: int
    num_decoder_layers: int
    vocabulary_size: int

    @property
    def head_depth(self) -> int:
        """Width of one attention head."""
        return self.width // self.num_heads


class _Layers:
    """The layers that encoder and decoder share, over one builder and one set of weights."""

    def __init__(self, g: GraphBuilder, weights: CTranslate2Weights, dims: WhisperDims, form: LinearForm) -> None:
        self.g = g
        self.dims = dims
        self._weights = weights
        self._form = form
        self._query_scale = dims.head_depth**-0.5

    def norm(self, x: str, path: str) -> str:
        gamma, beta = (self._weights.float32(f"{path}/layer_norm/{part}") for part in ("gamma", "beta"))
        return self.g.layer_norm(x, path, gamma, beta)

    def linear(self, x: str, path: str) -> str:
        weight, bias = (self._weights.float32(f"{path}/{part}") for part in ("weight", "bias"))
        return self.g.linear(x, path, weight, bias, self._form)

    def queries_keys_values(self, x: str, path: str) -> tuple[str, str, str]:
        """Stacked self-attention projection as (queries, transposed keys, values) by head."""
        weight, bias = self._weights.float32(f"{path}/weight").copy(), self._weights.float32(f"{path}/bias").copy()
        weight[: self.dims.width] *= self._query_scale
        bias[: self.dims.width] *= self._query_scale
        stacked = self.g.linear(x, path, weight, bias, self._form)
        queries, keys, values = self._split(stacked, 3)
        return self.by_head(queries), self.by_head(keys, transposed=True), self.by_head(values)

    def cross_queries(self, x: str, path: str) -> str:
        weight, bias = (self._weights.float32(f"{path}/{part}") for part in ("weight", "bias"))
        return self.g.linear(x, path, weight * self._query_scale, bias * self._query_scale, self._form)

    def keys_values(self, states: str, path: str) -> tuple[str, str]:
        """Stacked cross-attention projection as (transposed keys, values) by head."""
        keys, values = self._split(self.linear(states, path), 2)
        return self.by_head(keys, transposed=True), self.by_head(values)

    def feed_forward(self, x: str, path: str) -> str:
        hidden = self.g.op("Gelu", self.linear(self.norm(x, path), f"{path}/linear_0"))
        return self.g.op("Add", x, self.linear(hidden, f"{path}/linear_1"))

    def _split(self, stacked: str, parts: int) -> list[str]:
        width = self.dims.width
        bounds = [(i * width, (i + 1) * width) for i in range(parts)]
        ints = self.g.integers
        return [self.g.op("Slice", stacked, ints(start), ints(end), ints(2)) for start, end in bounds]

    def by_head(self, x: str, *, transposed: bool = False) -> str:
        return self.g.split_heads(x, self.dims.num_heads, transposed=transposed)


def build_encoder(
    weights: CTranslate2Weights, dims: WhisperDims, form: LinearForm, metadata: dict[str, str]
) -> onnx.ModelProto:
    """The encoder: log-mel frames to the cross-attention keys and values of every decoder layer."""
    g = GraphBuilder("whisper_encoder", form.float_type)
    layers = _Layers(g, weights, dims, form)
    key_shape, value_shape = _cache_shapes(dims, 1, "tail")
    mel = g.cast_in(g.input("mel", TensorProto.FLOAT, ["batch", dims.num_mels, "frames"]))
    tail_bias = g.cast_in(g.input("tail_bias", TensorProto.FLOAT, ["tail"]))
    x = _audio_embedding(g, weights, mel)
    num_audio = g.op("Shape", x, start=1, end=2)
    bias = g.op("Concat", g.zeros(num_audio), tail_bias, axis=0)
    batch = g.op("Shape", x, start=0, end=1)
    expand_to = g.op("Concat", batch, g.integers(1, 1, 1), axis=0)
    for layer in range(dims.num_encoder_layers):
        path = f"encoder/layer_{layer}"
        tail_key = g.input(f"tail_key.{layer}", g.float_type, key_shape)
        tail_value = g.input(f"tail_value.{layer}", g.float_type, value_shape)
        normed = layers.norm(x, f"{path}/self_attention")
        queries, keys, values = layers.queries_keys_values(normed, f"{path}/self_attention/linear_0")
        g.output(keys, f"key.{layer}", _cache_shapes(dims, "batch", "audio")[0])
        g.output(values, f"value.{layer}", _cache_shapes(dims, "batch", "audio")[1])
        keys = g.op("Concat", keys, g.op("Expand", tail_key, expand_to), axis=3)
        values = g.op("Concat", values, g.op("Expand", tail_value, expand_to), axis=2)
        context, _ = g.attend(queries, keys, values, bias)
        x = g.op("Add", x, layers.linear(context, f"{path}/self_attention/linear_1"))
        x = layers.feed_forward(x, f"{path}/ffn")
    states = layers.norm(x, "encoder")
    g.output(states, "states", ["batch", "audio", dims.width])
    for layer in range(dims.num_decoder_layers):
        tail_key = g.input(f"cross_tail_key.{layer}", g.float_type, key_shape)
        tail_value = g.input(f"cross_tail_value.{layer}", g.float_type, value_shape)
        keys, values = layers.keys_values(states, f"decoder/layer_{layer}/attention/linear_1")
        keys = g.op("Concat", keys, g.op("Expand", tail_key, expand_to), axis=3)
        values = g.op("Concat", values, g.op("Expand", tail_value, expand_to), axis=2)
        g.output(keys, f"cross_key.{layer}", _cache_shapes(dims, "batch", "cross")[0])
        g.output(values, f"cross_value.{layer}", _cache_shapes(dims, "batch", "cross")[1])
    return g.model(metadata)


def build_decoder(
    weights: CTranslate2Weights,
    dims: WhisperDims,
    form: LinearForm,
    alignment_heads: list[tuple[int, int]],
    metadata: dict[str, str],
) -> onnx.ModelProto:
    """The decoder: some new tokens of every row to the logits of what follows the wanted ones."""
    g = GraphBuilder("whisper_decoder", form.float_type)
    layers = _Layers(g, weights, dims, form)
    tokens = g.input("tokens", TensorProto.INT64, ["rows", "new"])
    positions = g.input("positions", TensorProto.INT64, ["rows", "new"])
    parents = g.input("parents", TensorProto.INT64, ["rows"])
    self_bias = g.cast_in(g.input("self_bias", TensorProto.FLOAT, ["rows", 1, "new", "total"]))
    cross_bias = g.cast_in(g.input("cross_bias", TensorProto.FLOAT, ["utterances", 1, 1, "cross"]))
    embedding = weights.float32("decoder/embeddings/weight")
    table = g.constant("positions.weight", weights.float32("decoder/position_encodings/encodings"))
    x = g.op("Add", g.embedding(tokens, "decoder/projection", embedding, form), g.op("Gather", table, positions))
    grouped = g.op("Concat", g.op("Shape", cross_bias, start=0, end=1), g.integers(-1, dims.width), axis=0)
    apart = g.op("Shape", x)
    alignments: list[str] = []
    for layer in range(dims.num_decoder_layers):
        path = f"decoder/layer_{layer}"
        x = _self_attention(g, layers, x, layer, parents, self_bias)
        cross_key = g.input(f"cross_key.{layer}", g.float_type, _cache_shapes(dims, "utterances", "cross")[0])
        cross_value = g.input(f"cross_value.{layer}", g.float_type, _cache_shapes(dims, "utterances", "cross")[1])
        queries = layers.cross_queries(layers.norm(x, f"{path}/attention"), f"{path}/attention/linear_0")
        queries = layers.by_head(g.op("Reshape", queries, grouped))
        context, probabilities = g.attend(queries, cross_key, cross_value, cross_bias)
        chosen = [head for at, head in alignment_heads if at == layer]
        if chosen:
            alignments.append(g.op("Gather", probabilities, g.integers(*chosen), axis=1))
        context = g.op("Reshape", context, apart)
        x = g.op("Add", x, layers.linear(context, f"{path}/attention/linear_2"))
        x = layers.feed_forward(x, f"{path}/ffn")
    wanted = g.input("wanted", TensorProto.INT64, ["wanted"])
    chosen_states = g.op("Gather", g.op("Reshape", x, g.integers(-1, 1, dims.width)), wanted, axis=0)
    logits = g.linear(layers.norm(chosen_states, "decoder"), "decoder/projection", embedding, None, form)
    logits = g.op("Reshape", g.cast_out(logits), g.integers(-1, dims.vocabulary_size))
    g.output(logits, "logits", ["wanted", dims.vocabulary_size], TensorProto.FLOAT)
    alignment = g.cast_out(g.op("Concat", *alignments, axis=1))
    shape: list[str | int] = ["utterances", len(alignment_heads), "queries", "cross"]
    g.output(alignment, "alignment", shape, TensorProto.FLOAT)
    return g.model(metadata)


def build_cache_join(dims: WhisperDims, float_type: int, metadata: dict[str, str]) -> onnx.ModelProto:
    """Picks rows of two caches and puts them into one batch; the shorter ones are filled up with zeros."""
    g = GraphBuilder("whisper_cache_join", float_type)
    picked = {side: g.input(f"{side}_rows", TensorProto.INT64, [f"{side}_picked"]) for side in ("first", "second")}
    for layer in range(dims.num_decoder_layers):
        for part, axis in (("key", 3), ("value", 2)):
            sides = []
            for side, rows in picked.items():
                key_shape, value_shape = _cache_shapes(dims, f"{side}_batch", f"{side}_length")
                cache = g.input(f"{side}_{part}.{layer}", float_type, key_shape if part == "key" else value_shape)
                sides.append(g.op("Gather", cache, rows, axis=0))
            lengths = [g.op("Shape", cache, start=axis, end=axis + 1) for cache in sides]
            longest = g.op("Max", *lengths)
            filled = []
            for cache, length in zip(sides, lengths, strict=True):
                before, after = [g.integers(*[0] * (4 + axis))], [g.integers(*[0] * (3 - axis))] if axis < 3 else []
                pads = g.op("Concat", *before, g.op("Sub", longest, length), *after, axis=0)
                filled.append(g.op("Pad", cache, pads))
            key_shape, value_shape = _cache_shapes(dims, "batch", "length")
            shape = key_shape if part == "key" else value_shape
            g.output(g.op("Concat", *filled, axis=0), f"{part}.{layer}", shape)
    return g.model(metadata)


def _self_attention(g: GraphBuilder, layers: _Layers, x: str, layer: int, parents: str, self_bias: str) -> str:
    path = f"decoder/layer_{layer}/self_attention"
    key_shape, value_shape = _cache_shapes(layers.dims, "past_rows", "past")
    past_key = g.op("Gather", g.input(f"past_key.{layer}", g.float_type, key_shape), parents, axis=0)
    past_value = g.op("Gather", g.input(f"past_value.{layer}", g.float_type, value_shape), parents, axis=0)
    queries, keys, values = layers.queries_keys_values(layers.norm(x, path), f"{path}/linear_0")
    keys = g.op("Concat", past_key, keys, axis=3)
    values = g.op("Concat", past_value, values, axis=2)
    key_shape, value_shape = _cache_shapes(layers.dims, "rows", "total")
    g.output(keys, f"present_key.{layer}", key_shape)
    g.output(values, f"present_value.{layer}", value_shape)
    context, _ = g.attend(queries, keys, values, self_bias)
    return g.op("Add", x, layers.linear(context, f"{path}/linear_1"))


def _audio_embedding(g: GraphBuilder, weights: CTranslate2Weights, mel: str) -> str:
    """Two convolutions, the second of stride 2, and the position encodings of the positions there are."""
    x = mel
    for name, stride in (("conv1", 1), ("conv2", 2)):
        weight = g.constant(f"{name}.weight", weights.float32(f"encoder/{name}/weight"))
        bias = g.constant(f"{name}.bias", weights.float32(f"encoder/{name}/bias"))
        x = g.op("Gelu", g.op("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride]))
    x = g.op("Transpose", x, perm=[0, 2, 1])
    table = g.constant("positions.weight", weights.float32("encoder/position_encodings/encodings"))
    end = g.op("Shape", x, start=1, end=2)
    return g.op("Add", x, g.op("Slice", table, g.integers(0), end, g.integers(0)))


def _cache_shapes(dims: WhisperDims, batch: str | int, length: str) -> tuple[list[str | int], list[str | int]]:
    """Declared shapes of transposed keys and of values."""
    heads, depth = dims.num_heads, dims.head_depth
    return [batch, heads, depth, length], [batch, heads, length, depth]
