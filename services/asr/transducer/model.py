"""A streaming Zipformer transducer: encoder with caches, stateless decoder, joiner, as exported by icefall.

The encoder advances by a chunk of frames and needs a few more to the right. Its caches (attention keys and values,
convolution context, averages) go in and come out as tensors; here they are values that an utterance owns, stacked for
a batch and taken apart after it. Where the batch is in each of them is read from the model itself: it is the axis
whose size the export left open.

Models: `zipformer` (Yao et al., ICLR 2024, as of the recipe pruned_transducer_stateless7_streaming) and `zipformer2`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from voxcart.serving.sessions import SessionError, SessionOptions, TensorSpec, create_session

_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64}
_LIST_KEYS = {
    "zipformer": ("num_encoder_layers", "encoder_dims", "attention_dims", "cnn_module_kernels", "left_context_len"),
    "zipformer2": (
        "num_encoder_layers",
        "encoder_dims",
        "query_head_dims",
        "value_head_dims",
        "num_heads",
        "cnn_module_kernels",
        "left_context_len",
    ),
}

EncoderState = tuple[np.ndarray, ...]
"""The encoder's caches of one utterance, each with a batch axis of 1; never changed in place."""


class ModelLayoutError(SessionError):
    """The files are not a streaming Zipformer transducer in icefall's layout."""


@dataclass(frozen=True, slots=True)
class CacheSpec:
    """One cache of the encoder: names, shape for one utterance, type, and the batch axis (`None`: exported for one)."""

    input_name: str
    output_name: str
    shape: tuple[int, ...]
    dtype: type
    batch_axis: int | None


class TransducerModel:
    """The three networks. Shared by all utterances; calls come from one thread at a time.

    Attributes:
        model_type: `zipformer` or `zipformer2`.
        window_frames: Frames that an encoder step reads.
        shift_frames: Frames by which it advances.
        num_mels: Width of a frame.
        context_size: Tokens that the decoder sees.
        vocab_size: Tokens, blank (0) included.
        max_batch: Utterances that a step can take; `None` for any number, 1 for models exported for one.
    """

    def __init__(self, folder: Path, options: SessionOptions | None = None) -> None:
        """Loads and checks; blocks for up to a second.

        Raises:
            ModelLayoutError: A file is missing or not what it should be.
            SessionError: ONNX Runtime cannot load a file.
        """
        self._encoder = create_session(find_part(folder, "encoder"), options)
        self._decoder = create_session(find_part(folder, "decoder"), options, inputs=[TensorSpec("y", "int64", 2)])
        self._joiner = create_session(
            find_part(folder, "joiner"),
            options,
            inputs=[TensorSpec("encoder_out", "float32", 2), TensorSpec("decoder_out", "float32", 2)],
        )
        metadata = _metadata(self._encoder)
        self.model_type = _model_type(metadata)
        self.shift_frames = _number(metadata, "encoder", "decode_chunk_len")
        self.window_frames = _number(metadata, "encoder", "T")
        if not 0 < self.shift_frames <= self.window_frames:
            raise ModelLayoutError(
                f"the encoder's metadata contradicts itself: T is {self.window_frames}, "
                f"decode_chunk_len {self.shift_frames}; T must be at least as long"
            )
        self._x_name, self._x_dtype, self.num_mels = self._check_features()
        self.caches = _caches(self._encoder)
        _check_cache_shapes(self.caches, self.model_type, metadata)
        decoder = _metadata(self._decoder)
        self.vocab_size = _number(decoder, "decoder", "vocab_size")
        self.context_size = _number(decoder, "decoder", "context_size")
        self.max_batch = 1 if any(cache.batch_axis is None for cache in self.caches) else None
        self._output_names = [self._encoder.get_outputs()[0].name, *(cache.output_name for cache in self.caches)]
        self._check_run()

    def initial_state(self) -> EncoderState:
        """Caches of an utterance that has not begun."""
        return tuple(np.zeros(cache.shape, dtype=cache.dtype) for cache in self.caches)

    def run_encoder(
        self, features: np.ndarray, states: Sequence[EncoderState]
    ) -> tuple[np.ndarray, list[EncoderState]]:
        """One step of several utterances.

        Args:
            features: float32 `[batch, window_frames, num_mels]`.
            states: Caches of each.

        Returns:
            The encoder's output, float32 `[batch, num_outputs, joiner_dim]`, and each one's new caches.
        """
        feed: dict[str, np.ndarray] = {self._x_name: features.astype(self._x_dtype, copy=False)}
        for index, cache in enumerate(self.caches):
            own = [state[index] for state in states]
            feed[cache.input_name] = own[0] if len(own) == 1 else np.concatenate(own, axis=cache.batch_axis)
        output, *renewed = self._encoder.run(self._output_names, feed)
        if len(states) == 1:
            return output.astype(np.float32, copy=False), [tuple(renewed)]
        # Copies, not views: a view would keep the whole batch's memory for as long as one utterance is open.
        parts = [
            tuple(
                np.ascontiguousarray(np.take(tensor, [row], axis=cache.batch_axis))
                for tensor, cache in zip(renewed, self.caches, strict=True)
            )
            for row in range(len(states))
        ]
        return output.astype(np.float32, copy=False), parts

    def run_decoder(self, contexts: np.ndarray) -> np.ndarray:
        """Last tokens, int64 `[batch, context_size]` (-1 before the start), to float32 `[batch, joiner_dim]`."""
        output = self._decoder.run(None, {"y": contexts})[0]
        return output.reshape(len(contexts), -1)

    def run_joiner(self, encoder_out: np.ndarray, decoder_out: np.ndarray) -> np.ndarray:
        """float32 `[batch, joiner_dim]` each, to logits, float32 `[batch, vocab_size]`."""
        return self._joiner.run(None, {"encoder_out": encoder_out, "decoder_out": decoder_out})[0]

    def _check_features(self) -> tuple[str, type, int]:
        x = self._encoder.get_inputs()[0]
        if len(x.shape) != 3 or x.type not in _DTYPES:
            raise ModelLayoutError(f"the encoder's first input {x.name!r} is not a batch of frames: {x.type} {x.shape}")
        if isinstance(x.shape[1], int) and x.shape[1] != self.window_frames:
            raise ModelLayoutError(
                f"the encoder reads {x.shape[1]} frames a step, but its metadata says T = {self.window_frames}"
            )
        if not isinstance(x.shape[2], int):
            raise ModelLayoutError(f"the encoder's input {x.name!r} does not say how many mel bins it wants: {x.shape}")
        return x.name, _DTYPES[x.type], x.shape[2]

    def _check_run(self) -> None:
        """One step of silence through all three networks; also warms them up."""
        silence = np.zeros((1, self.window_frames, self.num_mels), dtype=np.float32)
        encoder_out, (state,) = self.run_encoder(silence, [self.initial_state()])
        for cache, tensor in zip(self.caches, state, strict=True):
            if tensor.shape != cache.shape:
                raise ModelLayoutError(
                    f"the encoder takes {cache.input_name!r} as {list(cache.shape)} but gives it back as "
                    f"{list(tensor.shape)}"
                )
        decoder_out = self.run_decoder(np.zeros((1, self.context_size), dtype=np.int64))
        if encoder_out.ndim != 3 or encoder_out.shape[2] != decoder_out.shape[1]:
            raise ModelLayoutError(
                f"encoder and decoder do not fit together: outputs {list(encoder_out.shape)} and "
                f"{list(decoder_out.shape)}"
            )
        logits = self.run_joiner(encoder_out[:, 0], decoder_out)
        if logits.shape != (1, self.vocab_size):
            raise ModelLayoutError(
                f"the joiner gives {list(logits.shape)} logits, but the decoder knows {self.vocab_size} tokens"
            )


def find_part(folder: Path, part: str) -> Path:
    """The file of `encoder`, `decoder` or `joiner`; of several precisions int8, but the small decoder in full.

    Raises:
        ModelLayoutError: There is none, or several that differ in more than precision.
    """
    found = sorted(folder.glob(f"{part}*.onnx"))
    if not found:
        raise ModelLayoutError(f"there is no {part}*.onnx in {folder}; a transducer has encoder, decoder and joiner")
    full = [path for path in found if not path.name.endswith(".int8.onnx")]
    small = [path for path in found if path.name.endswith(".int8.onnx")]
    chosen = (full or small) if part == "decoder" else (small or full)
    if len(chosen) > 1:
        names = ", ".join(path.name for path in chosen)
        raise ModelLayoutError(f"{folder} has several {part}s ({names}); keep one of them")
    return chosen[0]


def _metadata(session: ort.InferenceSession) -> Mapping[str, str]:
    return session.get_modelmeta().custom_metadata_map


def _model_type(metadata: Mapping[str, str]) -> str:
    model_type = metadata.get("model_type", "")
    if model_type not in _LIST_KEYS:
        known = " or ".join(_LIST_KEYS)
        raise ModelLayoutError(
            f"the encoder's metadata says model_type {model_type!r}; this engine runs streaming {known} models"
        )
    if metadata.get("feature", "") == "whisper":
        raise ModelLayoutError("the encoder wants Whisper's features; this engine computes Kaldi's filter banks")
    return model_type


def _number(metadata: Mapping[str, str], part: str, key: str) -> int:
    value = metadata.get(key)
    if value is None:
        raise ModelLayoutError(f"the {part}'s metadata lacks {key!r}; export the model with icefall's export script")
    try:
        return int(value)
    except ValueError:
        raise ModelLayoutError(f"the {part}'s metadata has {key} = {value!r}, which is not a number") from None


def _numbers(metadata: Mapping[str, str], key: str) -> list[int]:
    value = metadata.get(key)
    if value is None:
        raise ModelLayoutError(f"the encoder's metadata lacks {key!r}; export the model with icefall's export script")
    try:
        return [int(part) for part in value.split(",")]
    except ValueError:
        raise ModelLayoutError(
            f"the encoder's metadata has {key} = {value!r}, which is not a list of numbers"
        ) from None


def _caches(encoder: ort.InferenceSession) -> list[CacheSpec]:
    """The encoder's inputs after the features, each with the output that renews it."""
    outputs = {output.name for output in encoder.get_outputs()}
    caches = []
    for tensor in encoder.get_inputs()[1:]:
        output_name = f"new_{tensor.name}"
        if output_name not in outputs:
            raise ModelLayoutError(
                f"the encoder takes {tensor.name!r} but does not renew it: no output {output_name!r}"
            )
        if tensor.type not in _DTYPES:
            raise ModelLayoutError(f"the encoder's cache {tensor.name!r} has the unexpected type {tensor.type}")
        open_axes = [axis for axis, size in enumerate(tensor.shape) if not isinstance(size, int)]
        if len(open_axes) > 1:
            raise ModelLayoutError(f"the encoder's cache {tensor.name!r} leaves several sizes open: {tensor.shape}")
        shape = tuple(size if isinstance(size, int) else 1 for size in tensor.shape)
        batch_axis = open_axes[0] if open_axes else None
        caches.append(CacheSpec(tensor.name, output_name, shape, _DTYPES[tensor.type], batch_axis))
    if not caches:
        raise ModelLayoutError("the encoder keeps no caches: it was not exported for streaming")
    return caches


def _check_cache_shapes(caches: Sequence[CacheSpec], model_type: str, metadata: Mapping[str, str]) -> None:
    """The metadata's layer counts and widths are those of the caches."""
    lists = {key: _numbers(metadata, key) for key in _LIST_KEYS[model_type]}
    if len({len(values) for values in lists.values()}) != 1:
        counts = ", ".join(f"{key} has {len(values)}" for key, values in lists.items())
        raise ModelLayoutError(f"the encoder's metadata contradicts itself about the number of stacks: {counts}")
    stacks = [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    expected = _zipformer_shapes(stacks) if model_type == "zipformer" else _zipformer2_shapes(stacks)
    found = {cache.input_name: cache.shape for cache in caches}
    for name, shape in expected.items():
        if name not in found:
            raise ModelLayoutError(f"the encoder has no cache {name!r}, which its metadata calls for")
        if found[name] != shape:
            raise ModelLayoutError(
                f"the encoder's cache {name!r} is {list(found[name])}, but by its metadata it is {list(shape)}"
            )


def _zipformer_shapes(stacks: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for index, stack in enumerate(stacks):
        layers, dim, left = stack["num_encoder_layers"], stack["encoder_dims"], stack["left_context_len"]
        attention, past = stack["attention_dims"], stack["cnn_module_kernels"] - 1
        shapes[f"cached_len_{index}"] = (layers, 1)
        shapes[f"cached_avg_{index}"] = (layers, 1, dim)
        shapes[f"cached_key_{index}"] = (layers, left, 1, attention)
        shapes[f"cached_val_{index}"] = shapes[f"cached_val2_{index}"] = (layers, left, 1, attention // 2)
        shapes[f"cached_conv1_{index}"] = shapes[f"cached_conv2_{index}"] = (layers, 1, dim, past)
    return shapes


def _zipformer2_shapes(stacks: Sequence[Mapping[str, int]]) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    layers = [stack for stack in stacks for _ in range(stack["num_encoder_layers"])]
    for index, stack in enumerate(layers):
        dim, left, past = stack["encoder_dims"], stack["left_context_len"], stack["cnn_module_kernels"] // 2
        value_dim = stack["value_head_dims"] * stack["num_heads"]
        shapes[f"cached_key_{index}"] = (left, 1, stack["query_head_dims"] * stack["num_heads"])
        shapes[f"cached_nonlin_attn_{index}"] = (1, 1, left, 3 * dim // 4)
        shapes[f"cached_val1_{index}"] = shapes[f"cached_val2_{index}"] = (left, 1, value_dim)
        shapes[f"cached_conv1_{index}"] = shapes[f"cached_conv2_{index}"] = (1, dim, past)
    return shapes
