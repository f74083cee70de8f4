"""Kokoro-82M int8 ONNX -> an encoder and two decoders that serve clause by clause.

The published graph turns phoneme ids into audio in one go. Here it is cut where text meets time:

* ``encoder.onnx``: ``tokens`` int64 [1, num_tokens], ``style`` float32 [1, 256], ``speed`` float32 [1] ->
  ``text_features`` float32 [1, 512, num_frames], ``pitch_hz`` and ``log_energy`` float32 [1, 2 * num_frames],
  ``frames_per_token`` float32 [1, num_tokens]. A frame is 600 samples at 24 kHz (25 ms).
* ``decoder.onnx``: ``text_features``, ``pitch_hz``, ``log_energy``, ``style`` -> ``audio`` float32
  [num_frames * 600] in [-1, 1]. Convolutions in float32.
* ``decoder-int8.onnx``: the same with the vocoder's 48 large convolutions quantised statically.

Nearly all the time goes into the decoder and is proportional to its frames, and the model surrounds every clause
with 0.4 s of silence before and up to 1.1 s after it. With the cut, that silence is dropped (by ``log_energy``)
before it is computed. ``frames_per_token`` gives the time of every phoneme.

The publisher quantised the convolutions dynamically (DynamicQuantizeLinear, ConvInteger), which on CPU is no faster
than float. They are put back to float32 Conv with exactly the published weights, the normalisation and activation
around them are fused, and for ``decoder-int8.onnx`` they are quantised with activation scales measured beforehand
(``kokoro_scales.json``, made by ``training/tts/measure_scales.py``).

Measured on 2 cores with AVX-512 VNNI, ONNX Runtime 1.31, five clauses of 1.7 to 3.1 s, seconds per second of speech:
published graph 1.43, float decoder 1.24, int8 decoder 0.54 (machine loaded by other work). Mean difference of the log
spectrum to the float decoder: int8 decoder 0.12-0.19 (signal to noise 19-22 dB), published graph 0.14-0.22.
"""

from pathlib import Path

import onnx
from onnx import TensorProto, ValueInfoProto, helper

from voxcart.models.converters.kokoro_graph import KokoroGraph
from voxcart.models.converters.kokoro_quantize import quantize_convolutions, read_scales

VERSION = 2

SOURCE_FILE = "kokoro-v1.0.int8.onnx"
ENCODER_FILE = "encoder.onnx"
DECODER_FILE = "decoder.onnx"
INT8_DECODER_FILE = "decoder-int8.onnx"

_RENAMED = {
    "/encoder/MatMul_1_output_0": "text_features",
    "/encoder/Reshape_output_0": "pitch_hz",
    "/encoder/Reshape_1_output_0": "log_energy",
    "/encoder/Clip_output_0": "frames_per_token",
}


def convert(source_dir: Path, target_dir: Path) -> None:
    """Write the encoder and both decoders made from ``kokoro-v1.0.int8.onnx``. Deterministic.

    Raises:
        ValueError: The source graph is not the one this converter knows.
    """
    graph = KokoroGraph(onnx.load(source_dir / SOURCE_FILE))
    graph.restore_float_convolutions()
    graph.fuse_vocoder_blocks()
    graph.rename(_RENAMED)
    features = [
        _tensor("text_features", [1, 512, "num_frames"]),
        _tensor("pitch_hz", [1, "num_half_frames"]),
        _tensor("log_energy", [1, "num_half_frames"]),
    ]
    style = _tensor("style", [1, 256])
    audio = _tensor("audio", ["num_samples"])
    tokens = _tensor("tokens", [1, "num_tokens"], TensorProto.INT64)
    durations = _tensor("frames_per_token", [1, "num_tokens"])
    onnx.save(graph.extract([tokens, style, _tensor("speed", [1])], [*features, durations]), target_dir / ENCODER_FILE)
    onnx.save(graph.extract([*features, style], [audio]), target_dir / DECODER_FILE)
    quantize_convolutions(graph, read_scales())
    onnx.save(graph.extract([*features, style], [audio]), target_dir / INT8_DECODER_FILE)


def _tensor(name: str, shape: list[int | str], dtype: int = TensorProto.FLOAT) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)
