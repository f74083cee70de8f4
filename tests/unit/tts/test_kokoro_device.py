"""Kokoro with its features kept on the device: bound to the memory of the provider, here the CPU's."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession, OrtValue, RunOptions
from support.tts import VOICES

from voxcart.serving.binding import BoundSession
from voxcart.serving.sessions import SessionOptions, create_session
from voxcart_services.tts.voices.engine import SpeechRequest
from voxcart_services.tts.voices.kokoro.engine import KokoroEngine
from voxcart_services.tts.voices.kokoro.loading import choose_decoder
from voxcart_services.tts.voices.kokoro.model import FRAME_SAMPLES, DeviceKokoroModel, KokoroModel

pytestmark = pytest.mark.unit

FEATURES = ("text_features", "pitch_hz", "log_energy")
VOCABULARY = {symbol: number for number, symbol in enumerate("abcdefgh", 1)}


def value(name: str, shape: list[int | str], dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def feature_values() -> list[onnx.ValueInfoProto]:
    return [value("text_features", [1, 512, "n"]), value("pitch_hz", [1, "m"]), value("log_energy", [1, "m"])]


def session(path: Path, nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> InferenceSession:
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return create_session(path, SessionOptions(provider="cpu"))


@pytest.fixture
def sessions(tmp_path: Path) -> tuple[InferenceSession, InferenceSession]:
    """One frame a token; each frame becomes 600 samples by itself."""
    rng = np.random.default_rng(5)
    encoder = session(
        tmp_path / "encoder.onnx",
        [
            helper.make_node("Cast", ["tokens"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["style"], ["level"], keepdims=0),
            helper.make_node("Add", ["numbers", "level"], ["levelled"]),
            helper.make_node("Mul", ["levelled", "speed"], ["paced"]),
            helper.make_node("Unsqueeze", ["paced", "axis"], ["row"]),
            helper.make_node("Mul", ["row", "widths"], ["text_features"]),
            helper.make_node("Concat", ["paced", "paced"], ["pitch_hz"], axis=1),
            helper.make_node("Concat", ["paced", "paced"], ["log_energy"], axis=1),
            helper.make_node("Sign", ["paced"], ["frames_per_token"]),
        ],
        [value("tokens", [1, "n"], TensorProto.INT64), value("style", [1, 256]), value("speed", [1])],
        [*feature_values(), value("frames_per_token", [1, "n"])],
        {"axis": np.array([1]), "widths": rng.normal(size=(1, 512, 1)).astype(np.float32)},
    )
    decoder = session(
        tmp_path / "decoder.onnx",
        [
            helper.make_node("Transpose", ["text_features"], ["frames"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["frames", "weights"], ["waves"]),
            helper.make_node("ReduceMean", ["style"], ["level"], keepdims=0),
            helper.make_node("Add", ["waves", "level"], ["voiced"]),
            helper.make_node("Reshape", ["voiced", "flat"], ["audio"]),
        ],
        [*feature_values(), value("style", [1, 256])],
        [value("audio", ["samples"])],
        {"weights": (0.001 * rng.normal(size=(512, FRAME_SAMPLES))).astype(np.float32), "flat": np.array([-1])},
    )
    return encoder, decoder


def device_model(sessions: tuple[InferenceSession, InferenceSession]) -> DeviceKokoroModel:
    encoder, decoder = sessions
    bound = BoundSession(encoder, keep=FEATURES, outputs=[*FEATURES, "frames_per_token"])
    return DeviceKokoroModel(bound, BoundSession(decoder, keep=()), VOCABULARY)


def test_features_stay_on_the_device_and_sound_the_same(sessions: tuple[InferenceSession, InferenceSession]) -> None:
    host, device = KokoroModel(*sessions, VOCABULARY), device_model(sessions)
    style = np.full((1, 256), 0.5, np.float32)
    ours, theirs = (model.encode([1, 2, 3, 4], style, 1.5) for model in (device, host))
    assert all(isinstance(ours.features[name], OrtValue) for name in FEATURES)
    assert np.array_equal(ours.log_energy, theirs.log_energy)
    assert np.array_equal(ours.frames_per_token, theirs.frames_per_token)
    for seen in (np.arange(6), np.array([1, 2, 5])):
        assert np.allclose(device.decode(ours, seen), host.decode(theirs, seen), atol=1e-6)


def test_a_clause_is_made_in_one_piece_whoever_waits(sessions: tuple[InferenceSession, InferenceSession]) -> None:
    engine = KokoroEngine(device_model(sessions), {VOICES[0]: np.zeros((4, 256), np.float32)}, "device")
    (piece,) = engine.speak(SpeechRequest("abcdefgh" * 30, engine.voices[0], 1.0, lambda: 0.0))
    assert len(piece.samples) % FRAME_SAMPLES == 0
    assert len(piece.phoneme_times) == 241


def test_a_bound_call_can_be_ended(sessions: tuple[InferenceSession, InferenceSession]) -> None:
    run_options = RunOptions()
    run_options.terminate = True
    with pytest.raises(Exception, match="terminate"):
        device_model(sessions).encode([1, 2], np.zeros((1, 256), np.float32), 1.0, run_options)


def test_the_int8_decoder_is_for_cpus_only() -> None:
    assert choose_decoder("auto", "cuda") == choose_decoder("auto", "tensorrt") == "decoder.onnx"
    assert choose_decoder("int8", "cpu") == "decoder-int8.onnx"
    assert choose_decoder("float", "cpu") == "decoder.onnx"
