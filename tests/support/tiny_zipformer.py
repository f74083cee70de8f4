"""Builds small streaming transducers in the icefall layout, with seeded random weights, as ONNX files.

The encoders are reduced Zipformers: everything that a runtime must handle is there (a chunk with right context, stacks
of layers at several frame rates, cached attention keys and values with a mask over what is not filled yet, cached
convolution context, running averages, metadata), and every output depends on every state, so that a state that is
mixed up, stacked along the wrong axis or taken over from another stream changes the tokens. The joiner's scale makes
the output a mix of blanks and many different tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_OPSET = 17
_NUM_MELS = 80
_EMBED_MELS = 19
_FAR = -1e4

HAN = "我想买三斤苹果的红富士手机壳查订单华为运动鞋新鲜香蕉大米纯牛奶蓝耳"
PIECES = ("▁I", "▁WANT", "▁TO", "▁BUY", "▁MATE", "ING", "S", "▁PHONE", "▁A", "▁B", "A", "B", "▁")


@dataclass(frozen=True)
class TinyModel:
    """What is built.

    Attributes:
        model_type: `zipformer` or `zipformer2`.
        seed: Of all weights.
        chunk_frames: Feature frames (10 ms) by which the encoder advances; a multiple of 16.
        num_layers, dims, left_context: A value per stack; the second stack and later ones run at half the rate.
        kernel: Frames of the convolution modules; odd.
        context_size: Tokens that the decoder sees.
        joiner_dim: Width of the encoder's and decoder's outputs.
        blank_bias: Logit added to blank; more makes tokens rarer.
        joiner_scale: Spread of the logits; more makes the probabilities sharper.
        tokens: Symbols after blank, `<sos/eos>` and `<unk>`.
    """

    model_type: str = "zipformer"
    seed: int = 1
    chunk_frames: int = 32
    num_layers: tuple[int, ...] = (1, 2)
    dims: tuple[int, ...] = (16, 24)
    left_context: tuple[int, ...] = (16, 8)
    kernel: int = 5
    context_size: int = 2
    joiner_dim: int = 24
    blank_bias: float = 11.0
    joiner_scale: float = 2.0
    tokens: tuple[str, ...] = (*HAN, *PIECES)

    @property
    def symbols(self) -> list[str]:
        """All symbols in the order of their ids."""
        return ["<blk>", "<sos/eos>", "<unk>", *self.tokens]


def build_tiny_model(folder: Path, model: TinyModel | None = None) -> Path:
    """Writes `encoder.onnx`, `decoder.onnx`, `joiner.onnx` and `tokens.txt`; gives the folder."""
    spec = model or TinyModel()
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(spec.seed)
    encoder = _Zipformer2(spec, random) if spec.model_type == "zipformer2" else _Zipformer(spec, random)
    onnx.save(encoder.build(), folder / "encoder.onnx")
    onnx.save(_decoder(spec, random), folder / "decoder.onnx")
    onnx.save(_joiner(spec, random), folder / "joiner.onnx")
    lines = [f"{symbol} {index}\n" for index, symbol in enumerate(spec.symbols)]
    (folder / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    return folder


class _Graph:
    """An ONNX graph in the making; values are names."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Sequence[int | str], dtype: int = TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, dtype, list(shape)))
        return name

    def output(self, name: str, value: str, shape: Sequence[int | str], dtype: int = TensorProto.FLOAT) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, dtype, list(shape)))

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def weight(self, *shape: int, scale: float | None = None) -> str:
        deviation = scale if scale is not None else 1.0 / np.sqrt(shape[0])
        return self.constant(self.random.standard_normal(shape) * deviation)

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def slice(self, value: str, begin: int, end: int, axis: int) -> str:
        return self.op("Slice", value, self.ints(begin), self.ints(end), self.ints(axis))

    def normalised(self, value: str) -> str:
        """Root mean square of one over the last axis."""
        power = self.op("ReduceMean", self.op("Mul", value, value), axes=[-1], keepdims=1)
        return self.op("Div", value, self.op("Sqrt", self.op("Add", power, self.constant(1e-5))))

    def model(self, metadata: dict[str, object]) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "tiny", self.inputs, self.outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
        helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
        onnx.checker.check_model(model)
        return model


def _joined(values: Sequence[int]) -> str:
    return ",".join(map(str, values))


class _Encoder:
    """What both encoders share: modules over `[frames, N, dim]`."""

    def __init__(self, spec: TinyModel, random: np.random.Generator) -> None:
        self.spec = spec
        self.graph = _Graph(random)
        self.states: list[tuple[str, str, tuple[int | str, ...], int]] = []

    def state(self, name: str, shape: tuple[int | str, ...], dtype: int = TensorProto.FLOAT) -> str:
        return self.graph.input(name, shape, dtype)

    def renew(self, name: str, value: str, shape: tuple[int | str, ...], dtype: int = TensorProto.FLOAT) -> None:
        self.states.append((f"new_{name}", value, shape, dtype))

    def image(self, x: str, channels: int) -> str:
        """`[N, T, 80]` to `[N, channels, (T - 8) // 2 + 1, 19]`: a strided convolution over time and frequency."""
        g = self.graph
        features = g.op("Mul", g.op("Add", x, g.constant(8.0)), g.constant(0.4))
        weight = g.weight(channels, 1, 8, 8, scale=0.125)
        return g.op("Tanh", g.op("Conv", g.op("Unsqueeze", features, g.ints(1)), weight, strides=[2, 4]))

    def flattened(self, image: str, num_frames: int, channels: int) -> str:
        """`[N, channels, num_frames, 19]` to `[num_frames, N, channels * 19]`."""
        g = self.graph
        rows = g.op("Transpose", image, perm=[2, 0, 1, 3])
        return g.op("Reshape", rows, g.ints(num_frames, -1, channels * _EMBED_MELS))

    def attention(self, x: str, keys: str, values: Sequence[str], hidden: str, dim: int, key_dim: int) -> tuple:
        """One head over cached and new frames. `hidden [N, left]` is true where nothing is cached yet.

        Gives the sum of the projected contexts, the keys and the list of values with the cached ones in front.
        """
        g = self.graph
        query = g.op("MatMul", x, g.weight(dim, key_dim))
        all_keys = g.op("Concat", keys, g.op("MatMul", x, g.weight(dim, key_dim)), axis=0)
        scores = g.op("MatMul", g.op("Transpose", query, perm=[1, 0, 2]), g.op("Transpose", all_keys, perm=[1, 2, 0]))
        masked = g.op("Mul", g.op("Cast", hidden, to=TensorProto.FLOAT), g.constant(_FAR))
        frames = g.op("Slice", g.op("Shape", x), g.ints(0), g.ints(1), g.ints(0))
        batch = g.op("Slice", g.op("Shape", x), g.ints(1), g.ints(2), g.ints(0))
        open_ = g.op("ConstantOfShape", g.op("Concat", batch, frames, axis=0))
        mask = g.op("Unsqueeze", g.op("Concat", masked, open_, axis=1), g.ints(1))
        weights = g.op("Softmax", g.op("Add", scores, mask), axis=-1)
        total, all_values = None, []
        for cached, width in values:
            value = g.op("Concat", cached, g.op("MatMul", x, g.weight(dim, width)), axis=0)
            context = g.op("MatMul", weights, g.op("Transpose", value, perm=[1, 0, 2]))
            out = g.op("MatMul", g.op("Transpose", context, perm=[1, 0, 2]), g.weight(width, dim))
            total = out if total is None else g.op("Add", total, out)
            all_values.append(value)
        return total, all_keys, all_values

    def convolution(self, x: str, cached: str, dim: int, kernel: int, num_cached: int) -> tuple[str, str]:
        """Depthwise over time with `num_cached` frames `[N, dim, num_cached]` of the past; gives output and cache."""
        g = self.graph
        channels = g.op("Concat", cached, g.op("Transpose", x, perm=[1, 2, 0]), axis=2)
        weight = g.weight(dim, 1, kernel, scale=1.0 / np.sqrt(kernel))
        pad = kernel - 1 - num_cached
        out = g.op("Conv", channels, weight, group=dim, pads=[0, pad])
        return g.op("Transpose", out, perm=[2, 0, 1]), g.slice(channels, -num_cached, 1 << 40, 2)

    def tail(self, x: str, num_frames: int, dim: int) -> None:
        """Halves the rate, projects, and names the outputs."""
        g, spec = self.graph, self.spec
        half = num_frames // 2
        pairs = g.op("Reshape", x, g.ints(half, 2, -1, dim))
        mean = g.op("ReduceMean", pairs, axes=[1], keepdims=0)
        out = g.op("Transpose", g.op("MatMul", g.normalised(mean), g.weight(dim, spec.joiner_dim)), perm=[1, 0, 2])
        g.output("encoder_out", out, ("N", half, spec.joiner_dim))
        for name, value, shape, dtype in self.states:
            g.output(name, value, shape, dtype)

    def downsampled(self, x: str, num_frames: int, dim: int, out_dim: int) -> str:
        g = self.graph
        pairs = g.op("Reshape", x, g.ints(num_frames // 2, 2, -1, dim))
        return g.op("MatMul", g.op("ReduceMean", pairs, axes=[1], keepdims=0), g.weight(dim, out_dim))

    def upsampled(self, x: str, num_frames: int, dim: int, out_dim: int) -> str:
        g = self.graph
        twice = g.op("Expand", g.op("Unsqueeze", x, g.ints(1)), g.ints(num_frames, 2, 1, dim))
        return g.op("MatMul", g.op("Reshape", twice, g.ints(num_frames * 2, -1, dim)), g.weight(dim, out_dim))


class _Zipformer(_Encoder):
    """States as of `pruned_transducer_stateless7_streaming`: a tensor per kind and stack, layers in front."""

    def build(self) -> onnx.ModelProto:
        g, spec = self.graph, self.spec
        num_frames = spec.chunk_frames // 2
        x = g.input("x", ("N", spec.chunk_frames + 7, _NUM_MELS))
        kinds: dict[str, list[str]] = {}
        for kind in ("len", "avg", "key", "val", "val2", "conv1", "conv2"):
            kinds[kind] = []
            for stack in range(len(spec.dims)):
                dtype = TensorProto.INT64 if kind == "len" else TensorProto.FLOAT
                kinds[kind].append(self.state(f"cached_{kind}_{stack}", self._shape(kind, stack), dtype))
        renewed: dict[tuple[str, int], str] = {}
        frames = self._embed(x, num_frames, spec.dims[0])
        for stack, dim in enumerate(spec.dims):
            inner = frames if stack == 0 else self.downsampled(frames, num_frames, spec.dims[0], dim)
            count = num_frames if stack == 0 else num_frames // 2
            own = {kind: names[stack] for kind, names in kinds.items()}
            inner = self._stack(inner, stack, count, own, renewed)
            back = inner if stack == 0 else self.upsampled(inner, count, dim, spec.dims[0])
            frames = g.normalised(g.op("Add", frames, back))
        for kind in kinds:
            for stack in range(len(spec.dims)):
                dtype = TensorProto.INT64 if kind == "len" else TensorProto.FLOAT
                self.renew(f"cached_{kind}_{stack}", renewed[kind, stack], self._shape(kind, stack), dtype)
        self.tail(frames, num_frames, spec.dims[0])
        return g.model(
            {
                "model_type": "zipformer",
                "version": "1",
                "model_author": "k2-fsa",
                "decode_chunk_len": spec.chunk_frames,
                "T": spec.chunk_frames + 7,
                "num_encoder_layers": _joined(spec.num_layers),
                "encoder_dims": _joined(spec.dims),
                "attention_dims": _joined(spec.dims),
                "cnn_module_kernels": _joined([spec.kernel] * len(spec.dims)),
                "left_context_len": _joined(spec.left_context),
            }
        )

    def _shape(self, kind: str, stack: int) -> tuple[int | str, ...]:
        spec = self.spec
        layers, dim, left = spec.num_layers[stack], spec.dims[stack], spec.left_context[stack]
        return {
            "len": (layers, "N"),
            "avg": (layers, "N", dim),
            "key": (layers, left, "N", dim),
            "val": (layers, left, "N", dim // 2),
            "val2": (layers, left, "N", dim // 2),
            "conv1": (layers, "N", dim, spec.kernel - 1),
            "conv2": (layers, "N", dim, spec.kernel - 1),
        }[kind]

    def _embed(self, x: str, num_frames: int, dim: int) -> str:
        """`[N, T, 80]` to `[num_frames, N, dim]`."""
        g = self.graph
        channels = 32
        flat = self.flattened(self.image(x, channels), num_frames, channels)
        return g.normalised(g.op("MatMul", flat, g.weight(channels * _EMBED_MELS, dim)))

    def _stack(
        self, x: str, stack: int, count: int, states: dict[str, str], renewed: dict[tuple[str, int], str]
    ) -> str:
        g, spec = self.graph, self.spec
        dim = spec.dims[stack]
        new: dict[str, list[str]] = {kind: [] for kind in states}
        for layer in range(spec.num_layers[stack]):
            own = {kind: g.op("Gather", name, self._index(layer), axis=0) for kind, name in states.items()}
            x, own_new = self._layer(x, dim, count, spec.left_context[stack], own)
            for kind, value in own_new.items():
                new[kind].append(g.op("Unsqueeze", value, g.ints(0)))
        for kind, values in new.items():
            renewed[kind, stack] = g.op("Concat", *values, axis=0)
        return x

    def _index(self, layer: int) -> str:
        return self.graph.constant(layer, np.int64)

    def _layer(self, x: str, dim: int, count: int, left: int, own: dict[str, str]) -> tuple[str, dict[str, str]]:
        g, spec = self.graph, self.spec
        new: dict[str, str] = {}
        length = g.op("Cast", g.op("Unsqueeze", own["len"], g.ints(0, 2)), to=TensorProto.FLOAT)
        steps = g.op("Add", length, g.constant(np.arange(1, count + 1).reshape(count, 1, 1)))
        seen = g.op("Add", g.op("CumSum", x, g.ints(0)), g.op("Mul", own["avg"], length))
        average = g.op("Div", seen, steps)
        new["avg"] = g.op("Squeeze", g.slice(average, -1, 1 << 40, 0), g.ints(0))
        new["len"] = g.op("Add", own["len"], g.constant(count, np.int64))
        x = g.op("Add", x, g.op("MatMul", average, g.weight(dim, dim)))
        positions = g.constant(np.arange(left, 0, -1).reshape(1, left), np.int64)
        hidden = g.op("Greater", positions, g.op("Unsqueeze", own["len"], g.ints(1)))
        values = [(own["val"], dim // 2), (own["val2"], dim // 2)]
        context, keys, all_values = self.attention(x, own["key"], values, hidden, dim, dim)
        new["key"] = g.slice(keys, -left, 1 << 40, 0)
        new["val"], new["val2"] = (g.slice(value, -left, 1 << 40, 0) for value in all_values)
        x = g.normalised(g.op("Add", x, context))
        for name in ("conv1", "conv2"):
            out, new[name] = self.convolution(x, own[name], dim, spec.kernel, spec.kernel - 1)
            x = g.op("Add", x, g.op("Tanh", out))
        return g.normalised(x), {kind: new[kind] for kind in own}


class _Zipformer2(_Encoder):
    """States as of the `zipformer` recipe: six tensors a layer, then the embedding's and the processed length."""

    _RIGHT_PAD = 3
    _EMBED_CHANNELS = 128

    def build(self) -> onnx.ModelProto:
        g, spec = self.graph, self.spec
        num_frames = spec.chunk_frames // 2
        x = g.input("x", ("N", spec.chunk_frames + 13, _NUM_MELS))
        shapes = [self._shapes(stack) for stack, layers in enumerate(spec.num_layers) for _ in range(layers)]
        names = [[f"{kind}_{index}" for kind in shape] for index, shape in enumerate(shapes)]
        cached = [
            {kind: self.state(name, shape[kind]) for kind, name in zip(shape, layer, strict=True)}
            for shape, layer in zip(shapes, names, strict=True)
        ]
        embed_shape = ("N", self._EMBED_CHANNELS, self._RIGHT_PAD, _EMBED_MELS)
        embed = self.state("embed_states", embed_shape)
        processed = self.state("processed_lens", ("N",), TensorProto.INT64)
        frames, new_embed = self._embed(x, embed, num_frames, spec.dims[0])
        layer = 0
        for stack, dim in enumerate(spec.dims):
            inner = frames if stack == 0 else self.downsampled(frames, num_frames, spec.dims[0], dim)
            count = num_frames if stack == 0 else num_frames // 2
            seen = processed if stack == 0 else g.op("Div", processed, g.constant(2, np.int64))
            for _ in range(spec.num_layers[stack]):
                inner, new = self._layer(inner, stack, dim, seen, cached[layer])
                for kind, name in zip(shapes[layer], names[layer], strict=True):
                    self.renew(name, new[kind], shapes[layer][kind])
                layer += 1
            back = inner if stack == 0 else self.upsampled(inner, count, dim, spec.dims[0])
            frames = g.normalised(g.op("Add", frames, back))
        self.renew("embed_states", new_embed, embed_shape)
        advanced = g.op("Add", processed, g.constant(num_frames, np.int64))
        self.renew("processed_lens", advanced, ("N",), TensorProto.INT64)
        self.tail(frames, num_frames, spec.dims[0])
        return g.model(self._metadata())

    def _metadata(self) -> dict[str, object]:
        spec = self.spec
        stacks = len(spec.dims)
        return {
            "model_type": "zipformer2",
            "version": "1",
            "model_author": "k2-fsa",
            "decode_chunk_len": spec.chunk_frames,
            "T": spec.chunk_frames + 13,
            "num_encoder_layers": _joined(spec.num_layers),
            "encoder_dims": _joined(spec.dims),
            "cnn_module_kernels": _joined([spec.kernel] * stacks),
            "left_context_len": _joined(spec.left_context),
            "query_head_dims": _joined([8] * stacks),
            "value_head_dims": _joined([4] * stacks),
            "num_heads": _joined([2] * stacks),
        }

    def _shapes(self, stack: int) -> dict[str, tuple[int | str, ...]]:
        spec = self.spec
        dim, left = spec.dims[stack], spec.left_context[stack]
        return {
            "cached_key": (left, "N", 16),
            "cached_nonlin_attn": (1, "N", left, 3 * dim // 4),
            "cached_val1": (left, "N", 8),
            "cached_val2": (left, "N", 8),
            "cached_conv1": ("N", dim, spec.kernel // 2),
            "cached_conv2": ("N", dim, spec.kernel // 2),
        }

    def _embed(self, x: str, cached: str, num_frames: int, dim: int) -> tuple[str, str]:
        """`[N, T, 80]` to `[num_frames, N, dim]`: a strided convolution, then one over 7 frames with a cached past."""
        g = self.graph
        channels, pad = self._EMBED_CHANNELS, self._RIGHT_PAD
        image = self.image(x, channels)
        frames = g.op("Concat", cached, image, axis=2)
        new_cached = g.slice(frames, num_frames, num_frames + pad, 2)
        mixed = g.op("Conv", frames, g.weight(channels, 1, 7, 1, scale=0.4), group=channels)
        flat = self.flattened(mixed, num_frames, channels)
        return g.normalised(g.op("MatMul", flat, g.weight(channels * _EMBED_MELS, dim))), new_cached

    def _layer(self, x: str, stack: int, dim: int, seen: str, own: dict[str, str]) -> tuple[str, dict[str, str]]:
        g, spec = self.graph, self.spec
        left, width = spec.left_context[stack], 3 * dim // 4
        new: dict[str, str] = {}
        positions = g.constant(np.arange(left, 0, -1).reshape(1, left), np.int64)
        hidden = g.op("Greater", positions, g.op("Unsqueeze", seen, g.ints(1)))
        nonlin = g.op("Transpose", g.op("Squeeze", own["cached_nonlin_attn"], g.ints(0)), perm=[1, 0, 2])
        values = [(nonlin, width), (own["cached_val1"], 8), (own["cached_val2"], 8)]
        context, keys, (new_nonlin, new_val1, new_val2) = self.attention(x, own["cached_key"], values, hidden, dim, 16)
        new["cached_key"] = g.slice(keys, -left, 1 << 40, 0)
        kept = g.op("Transpose", g.slice(new_nonlin, -left, 1 << 40, 0), perm=[1, 0, 2])
        new["cached_nonlin_attn"] = g.op("Unsqueeze", kept, g.ints(0))
        new["cached_val1"] = g.slice(new_val1, -left, 1 << 40, 0)
        new["cached_val2"] = g.slice(new_val2, -left, 1 << 40, 0)
        x = g.normalised(g.op("Add", x, context))
        for name in ("cached_conv1", "cached_conv2"):
            out, new[name] = self.convolution(x, own[name], dim, spec.kernel, spec.kernel // 2)
            x = g.op("Add", x, g.op("Tanh", out))
        return g.normalised(x), new


def _decoder(spec: TinyModel, random: np.random.Generator) -> onnx.ModelProto:
    """A stateless decoder: embeddings of the last tokens (zero for the negative ids of the start), convolved."""
    g = _Graph(random)
    y = g.input("y", ("N", spec.context_size), TensorProto.INT64)
    vocab_size, dim = len(spec.symbols), 16
    rows = g.op("Gather", g.weight(vocab_size, dim, scale=1.0), g.op("Max", y, g.constant(0, np.int64)), axis=0)
    is_token = g.op("Cast", g.op("GreaterOrEqual", y, g.constant(0, np.int64)), to=TensorProto.FLOAT)
    rows = g.op("Mul", rows, g.op("Unsqueeze", is_token, g.ints(2)))
    out = g.op(
        "Conv", g.op("Transpose", rows, perm=[0, 2, 1]), g.weight(dim, 1, spec.context_size, scale=0.7), group=dim
    )
    hidden = g.op("Relu", g.op("Squeeze", out, g.ints(2)))
    g.output("decoder_out", g.op("MatMul", hidden, g.weight(dim, spec.joiner_dim)), ("N", spec.joiner_dim))
    return g.model({"context_size": spec.context_size, "vocab_size": vocab_size})


def _joiner(spec: TinyModel, random: np.random.Generator) -> onnx.ModelProto:
    g = _Graph(random)
    encoder_out = g.input("encoder_out", ("N", spec.joiner_dim))
    decoder_out = g.input("decoder_out", ("N", spec.joiner_dim))
    vocab_size = len(spec.symbols)
    bias = np.zeros(vocab_size)
    bias[0] = spec.blank_bias
    bias[1] = -100.0  # the start token is never said
    hidden = g.op("Tanh", g.op("Add", encoder_out, decoder_out))
    logit = g.op(
        "Add", g.op("MatMul", hidden, g.weight(spec.joiner_dim, vocab_size, scale=spec.joiner_scale)), g.constant(bias)
    )
    g.output("logit", logit, ("N", vocab_size))
    return g.model({"joiner_dim": spec.joiner_dim})


def tiny_speech(seconds: float, seed: int) -> np.ndarray:
    """Sound that changes all the time: gliding harmonics, noise and pauses. float32 `[num_samples]` at 16 kHz."""
    random = np.random.default_rng(seed)
    count = int(seconds * 16_000)
    at = np.arange(count) / 16_000
    wave = np.zeros(count)
    for harmonic in range(1, 6):
        pitch = 140 * harmonic * (1 + 0.3 * np.sin(2 * np.pi * random.uniform(0.5, 4) * at + random.uniform(0, 6)))
        loud = np.maximum(0, np.sin(2 * np.pi * random.uniform(1, 7) * at + random.uniform(0, 6)))
        wave += loud * np.sin(2 * np.pi * np.cumsum(pitch) / 16_000) / harmonic
    wave *= np.repeat(random.uniform(0, 1, count // 3_200 + 1) > 0.2, 3_200)[:count]
    return (0.1 * wave + 0.003 * random.standard_normal(count)).astype(np.float32)
