"""Converts CTranslate2 Whisper weights to ONNX graphs: encoder, decoder with key/value cache, joining of caches.

The encoder takes any number of frames. Its layers attend to the states of the audio that is there, followed by
*tail* keys and values that the caller kept from a run over a whole 30 s window, so that a short utterance sees the
silence the model was trained on without computing it. An empty tail gives the plain full-window encoder. A tail
entry may stand for several positions: `tail_bias` holds the logarithm of how many.

Encoder (L layers, H heads, D depth of a head, C audio + tail entries):

* inputs `mel` [batch, mels, 2 * audio], `tail_bias` [tail], per layer `tail_key.<l>` [1, H, D, tail] and
  `tail_value.<l>` [1, H, tail, D], per decoder layer `cross_tail_key.<l>`, `cross_tail_value.<l>` alike;
* outputs per decoder layer `cross_key.<l>` [batch, H, D, C], `cross_value.<l>` [batch, H, C, D], ready for the
  decoder; and what a tail is made of: `states`, `key.<l>`, `value.<l>` of the audio positions.

Decoder (U utterances, R rows, which are the hypotheses of the first utterance, then of the second, ..., as many for
each; Q rows of the cache; P cached tokens, S new ones):

* inputs `tokens` [R, S] and `positions` [R, S] (int64), `parents` [R] (int64, the row of the cache that each row goes
  on from), `self_bias` [R, 1, S, P + S] and `cross_bias` [U, 1, 1, C] (0 where a token may look, a large negative
  number elsewhere, the tail's bias), `cross_key.<l>` [U, H, D, C], `cross_value.<l>` [U, H, C, D],
  `past_key.<l>` [Q, H, D, P], `past_value.<l>` [Q, H, P, D];
* outputs `logits` [W, vocabulary], `present_key.<l>`, `present_value.<l>`, and `alignment`
  [U, alignment heads, R / U * S, C], the cross-attention weights that follow the audio.

The third graph puts rows of two caches (of either kind) into one: inputs `first_rows`, `second_rows`,
`first_key.<l>`, ...; outputs `key.<l>`, `value.<l>`, as long as the longer one, filled up with zeros.

fp16 files keep weights, caches and states in half precision (for GPUs); int8 files have quantised linear layers,
convolutions, normalisation and attention stay in fp32.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx

from voxcart.models.converters.whisper_ct2 import CTranslate2Weights, WeightFileError, read_weights
from voxcart.models.converters.whisper_graph import LinearForm
from voxcart.models.converters.whisper_network import WhisperDims, build_cache_join, build_decoder, build_encoder

VERSION = 2
"""Raised whenever the same source would give other files."""
PRECISIONS = ("fp32", "fp16", "int8")
ENCODER_FILE = "encoder.onnx"
DECODER_FILE = "decoder.onnx"
CACHE_JOIN_FILE = "cache_join.onnx"
CONFIG_FILE = "whisper.json"
TOKENIZER_FILE = "tokenizer.json"
_SINGLE_FILE_LIMIT_BYTES = 1_900_000_000
_FORMS = {
    "fp32": (LinearForm.FP32, LinearForm.FP32),
    "fp16": (LinearForm.FP16, LinearForm.FP16),
    "int8": (LinearForm.CALLS, LinearForm.ROWS),
}


def convert(source_dir: Path, target_dir: Path, precision: str) -> None:
    """Writes `encoder.onnx`, `decoder.onnx`, `cache_join.onnx`, `whisper.json` and `tokenizer.json`.

    The same source gives the same bytes. Weights over 1.9 GB go beside their graph as `<graph>.data`.

    Args:
        source_dir: Holds `model.bin`, `config.json` and `tokenizer.json` of a CTranslate2 Whisper model of any size.
        target_dir: Existing or new folder for the result.
        precision: `fp32`, `fp16` or `int8`.

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
    encoder_form, decoder_form = _FORMS[precision]
    _save(build_encoder(weights, dims, encoder_form, metadata), target_dir / ENCODER_FILE)
    heads = alignment_heads(config, dims)
    _save(build_decoder(weights, dims, decoder_form, heads, metadata), target_dir / DECODER_FILE)
    _save(build_cache_join(dims, decoder_form.float_type, metadata), target_dir / CACHE_JOIN_FILE)
    _write_config(dims, config, heads, precision, target_dir / CONFIG_FILE)
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


def alignment_heads(config: dict, dims: WhisperDims) -> list[tuple[int, int]]:
    """Cross-attention heads that follow the audio, (layer, head).

    A model whose configuration names none gets all heads of the upper half of its layers, as OpenAI's own code does.
    """
    named = [(int(layer), int(head)) for layer, head in config.get("alignment_heads") or []]
    upper = range(dims.num_decoder_layers // 2, dims.num_decoder_layers)
    return named or [(layer, head) for layer in upper for head in range(dims.num_heads)]


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


def _write_config(dims: WhisperDims, source: dict, heads: list[tuple[int, int]], precision: str, path: Path) -> None:
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
        "alignment_heads": heads,
    }
    path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
