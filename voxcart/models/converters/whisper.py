"""Converts CTranslate2 Whisper weights to two ONNX graphs: encoder and decoder with key/value cache.

The encoder takes any number of frames. Its layers attend to the states of the audio that is there, followed by
*tail* keys and values that the caller kept from a run over a whole 30 s window, so that a short utterance sees the
silence the model was trained on without computing it. An empty tail gives the plain full-window encoder. A tail
entry may stand for several positions: `tail_bias` holds the logarithm of how many.

Encoder (L layers, H heads, D depth of a head, C audio + tail entries):

* inputs `mel` [batch, mels, 2 * audio], `tail_bias` [tail], per layer `tail_key.<l>` [1, H, D, tail] and
  `tail_value.<l>` [1, H, tail, D], per decoder layer `cross_tail_key.<l>`, `cross_tail_value.<l>` alike;
* outputs `cross_bias` [C] and per decoder layer `cross_key.<l>` [batch, H, D, C], `cross_value.<l>`
  [batch, H, C, D], ready for the decoder; and what a tail is made of: `states`, `key.<l>`, `value.<l>` of the
  audio positions.

Decoder (P cached tokens, S new ones):

* inputs `tokens` [batch, S] and `positions` [batch, S] (int64), `self_bias` [batch, 1, S, P + S] (0 where a token may
  look, a large negative number elsewhere), `cross_bias`, `cross_key.<l>`, `cross_value.<l>`, `past_key.<l>`
  [batch, H, D, P], `past_value.<l>` [batch, H, P, D];
* outputs `logits` [batch, S, vocabulary], `present_key.<l>`, `present_value.<l>`, and `alignment`
  [batch, alignment heads, S, C], the cross-attention weights that follow the audio.

int8 files hold quantised linear layers; convolutions, normalisation and attention stay in fp32.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto

from voxcart.models.converters.whisper_ct2 import CTranslate2Weights, WeightFileError, read_weights
from voxcart.models.converters.whisper_graph import GraphBuilder, LinearForm, quantize_blocks

VERSION = 1
"""Raised whenever the same source would give other files."""
PRECISIONS = ("fp32", "int8")
ENCODER_FILE = "encoder.onnx"
DECODER_FILE = "decoder.onnx"
CONFIG_FILE = "whisper.json"
TOKENIZER_FILE = "tokenizer.json"
_SINGLE_FILE_LIMIT_BYTES = 1_900_000_000


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


def convert(source_dir: Path, target_dir: Path, precision: str) -> None:
    """Writes `encoder.onnx`, `decoder.onnx`, `whisper.json` and `tokenizer.json`.

    The same source gives the same bytes. Weights over 1.9 GB go beside their graph as `<graph>.data`.

    Args:
        source_dir: Holds `model.bin`, `config.json` and `tokenizer.json` of a CTranslate2 Whisper model of any size.
        target_dir: Existing or new folder for the result.
        precision: `fp32` or `int8`.

    Raises:
        ValueError: Unknown precision.
        WeightFileError: The weights are not a Whisper model.
        OSError: A file is missing or cannot be written.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {PRECISIONS}, not {precision!r}")
    source_dir, target_dir = Path(source_dir), Path(target_dir)
    weights = read_weights(source_dir / "model.bin")
    if weights.spec != "WhisperSpec":
        raise WeightFileError(f"the weights are a {weights.spec!r}, not a Whisper model")
    dims = read_dims(weights)
    config = json.loads((source_dir / "config.json").read_text(encoding="utf-8"))
    target_dir.mkdir(parents=True, exist_ok=True)
    metadata = {"format": str(VERSION), "precision": precision}
    quantized = precision == "int8"
    encoder_form = LinearForm.ROWS if quantized else LinearForm.FP32
    decoder_form = LinearForm.BLOCKS if quantized else LinearForm.FP32
    _save(build_encoder(weights, dims, encoder_form, metadata), target_dir / ENCODER_FILE)
    heads = [(int(layer), int(head)) for layer, head in config["alignment_heads"]]
    _save(build_decoder(weights, dims, decoder_form, heads, metadata), target_dir / DECODER_FILE)
    _write_config(dims, config, precision, target_dir / CONFIG_FILE)
    if source_dir.resolve() != target_dir.resolve():
        shutil.copyfile(source_dir / TOKENIZER_FILE, target_dir / TOKENIZER_FILE)


def read_dims(weights: CTranslate2Weights) -> WhisperDims:
    """Reads the model's sizes from the shapes of its weights."""
    width, num_mels, _ = weights.float32("encoder/conv1/weight").shape
    return WhisperDims(
        num_mels=num_mels,
        width=width,
        num_audio_positions=weights.float32("encoder/position_encodings/encodings").shape[0],
        num_text_positions=weights.float32("decoder/position_encodings/encodings").shape[0],
        num_heads=weights.scalar("encoder/num_heads"),
        num_encoder_layers=weights.count_layers("encoder"),
        num_decoder_layers=weights.count_layers("decoder"),
        vocabulary_size=weights.arrays["decoder/embeddings/weight"].shape[0],
    )


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
        return self._by_head(queries), self._by_head(keys, transposed=True), self._by_head(values)

    def cross_queries(self, x: str, path: str) -> str:
        weight, bias = (self._weights.float32(f"{path}/{part}") for part in ("weight", "bias"))
        scaled = self.g.linear(x, path, weight * self._query_scale, bias * self._query_scale, self._form)
        return self._by_head(scaled)

    def keys_values(self, states: str, path: str) -> tuple[str, str]:
        """Stacked cross-attention projection as (transposed keys, values) by head."""
        keys, values = self._split(self.linear(states, path), 2)
        return self._by_head(keys, transposed=True), self._by_head(values)

    def feed_forward(self, x: str, path: str) -> str:
        hidden = self.g.op("Gelu", self.linear(self.norm(x, path), f"{path}/linear_0"))
        return self.g.op("Add", x, self.linear(hidden, f"{path}/linear_1"))

    def _split(self, stacked: str, parts: int) -> list[str]:
        width = self.dims.width
        bounds = [(i * width, (i + 1) * width) for i in range(parts)]
        ints = self.g.integers
        return [self.g.op("Slice", stacked, ints(start), ints(end), ints(2)) for start, end in bounds]

    def _by_head(self, x: str, *, transposed: bool = False) -> str:
        return self.g.split_heads(x, self.dims.num_heads, transposed=transposed)


def build_encoder(
    weights: CTranslate2Weights, dims: WhisperDims, form: LinearForm, metadata: dict[str, str]
) -> onnx.ModelProto:
    """The encoder graph described at the top of this file."""
    g = GraphBuilder("whisper_encoder")
    layers = _Layers(g, weights, dims, form)
    key_shape, value_shape = _cache_shapes(dims, 1, "tail")
    mel = g.input("mel", TensorProto.FLOAT, ["batch", dims.num_mels, "frames"])
    tail_bias = g.input("tail_bias", TensorProto.FLOAT, ["tail"])
    x = _audio_embedding(g, weights, mel)
    num_audio = g.op("Shape", x, start=1, end=2)
    zeros = g.op("ConstantOfShape", num_audio)
    bias = g.op("Concat", zeros, tail_bias, axis=0)
    batch = g.op("Shape", x, start=0, end=1)
    expand_to = g.op("Concat", batch, g.integers(1, 1, 1), axis=0)
    for layer in range(dims.num_encoder_layers):
        path = f"encoder/layer_{layer}"
        tail_key = g.input(f"tail_key.{layer}", TensorProto.FLOAT, key_shape)
        tail_value = g.input(f"tail_value.{layer}", TensorProto.FLOAT, value_shape)
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
    g.output(bias, "cross_bias", ["cross"])
    for layer in range(dims.num_decoder_layers):
        tail_key = g.input(f"cross_tail_key.{layer}", TensorProto.FLOAT, key_shape)
        tail_value = g.input(f"cross_tail_value.{layer}", TensorProto.FLOAT, value_shape)
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
    """The decoder graph described at the top of this file."""
    g = GraphBuilder("whisper_decoder")
    layers = _Layers(g, weights, dims, form)
    tokens = g.input("tokens", TensorProto.INT64, ["batch", "new"])
    positions = g.input("positions", TensorProto.INT64, ["batch", "new"])
    self_bias = g.input("self_bias", TensorProto.FLOAT, ["batch", 1, "new", "total"])
    cross_bias = g.input("cross_bias", TensorProto.FLOAT, ["cross"])
    embedding = weights.float32("decoder/embeddings/weight")
    position_table = weights.float32("decoder/position_encodings/encodings")
    x = g.op(
        "Add",
        _embed(g, tokens, embedding, form),
        g.op("Gather", g.constant("positions.weight", position_table), positions),
    )
    alignments: list[str] = []
    for layer in range(dims.num_decoder_layers):
        path = f"decoder/layer_{layer}"
        x = _self_attention(g, layers, x, layer, self_bias)
        cross_key = g.input(f"cross_key.{layer}", TensorProto.FLOAT, _cache_shapes(dims, "batch", "cross")[0])
        cross_value = g.input(f"cross_value.{layer}", TensorProto.FLOAT, _cache_shapes(dims, "batch", "cross")[1])
        queries = layers.cross_queries(layers.norm(x, f"{path}/attention"), f"{path}/attention/linear_0")
        context, probabilities = g.attend(queries, cross_key, cross_value, cross_bias)
        chosen = [head for at, head in alignment_heads if at == layer]
        if chosen:
            alignments.append(g.op("Gather", probabilities, g.integers(*chosen), axis=1))
        x = g.op("Add", x, layers.linear(context, f"{path}/attention/linear_2"))
        x = layers.feed_forward(x, f"{path}/ffn")
    logits = g.linear(layers.norm(x, "decoder"), "decoder/projection", embedding, None, form)
    g.output(logits, "logits", ["batch", "new", dims.vocabulary_size])
    g.output(g.op("Concat", *alignments, axis=1), "alignment", ["batch", len(alignment_heads), "new", "cross"])
    return g.model(metadata)


def _self_attention(g: GraphBuilder, layers: _Layers, x: str, layer: int, self_bias: str) -> str:
    path = f"decoder/layer_{layer}/self_attention"
    key_shape, value_shape = _cache_shapes(layers.dims, "batch", "past")
    past_key = g.input(f"past_key.{layer}", TensorProto.FLOAT, key_shape)
    past_value = g.input(f"past_value.{layer}", TensorProto.FLOAT, value_shape)
    queries, keys, values = layers.queries_keys_values(layers.norm(x, path), f"{path}/linear_0")
    keys = g.op("Concat", past_key, keys, axis=3)
    values = g.op("Concat", past_value, values, axis=2)
    key_shape, value_shape = _cache_shapes(layers.dims, "batch", "total")
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


def _embed(g: GraphBuilder, tokens: str, embedding: np.ndarray, form: LinearForm) -> str:
    """Token embedding; with int8 blocks it reads the same constant as the output projection."""
    if form is not LinearForm.BLOCKS:
        return g.op("Gather", g.constant("embedding.weight", embedding), tokens)
    quantized, scale = quantize_blocks(embedding)
    blocks = g.op("Gather", g.constant("decoder/projection.weight", quantized), tokens)
    scales = g.op("Gather", g.constant("decoder/projection.scale", scale), tokens)
    centred = g.op("Sub", g.op("Cast", blocks, to=TensorProto.FLOAT), g.constant("block_offset", np.float32(128)))
    scaled = g.op("Mul", centred, g.op("Unsqueeze", scales, g.integers(-1)))
    return g.op("Reshape", scaled, g.integers(0, 0, -1))


def _cache_shapes(dims: WhisperDims, batch: str | int, length: str) -> tuple[list[str | int], list[str | int]]:
    """Declared shapes of transposed keys and of values."""
    heads, depth = dims.num_heads, dims.head_depth
    return [batch, heads, depth, length], [batch, heads, length, depth]


def _save(model: onnx.ModelProto, path: Path) -> None:
    if model.ByteSize() < _SINGLE_FILE_LIMIT_BYTES:
        path.write_bytes(model.SerializeToString(deterministic=True))
        return
    onnx.save_model(
        model,
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{path.name}.data",
        size_threshold=1024,
    )


def _write_config(dims: WhisperDims, source: dict, precision: str, path: Path) -> None:
    config = {
        "format": VERSION,
        "precision": precision,
        "num_mels": dims.num_mels,
        "width": dims.width,
        "num_audio_positions": dims.num_audio_positions,
        "num_text_positions": dims.num_text_positions,
        "num_heads": dims.num_heads,
        "num_encoder_layers": dims.num_encoder_layers,
        "num_decoder_layers": dims.num_decoder_layers,
        "vocabulary_size": dims.vocabulary_size,
        "suppress_ids": source.get("suppress_ids", []),
        "suppress_ids_begin": source.get("suppress_ids_begin", []),
        "language_ids": source.get("lang_ids", []),
        "alignment_heads": source["alignment_heads"],
    }
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
