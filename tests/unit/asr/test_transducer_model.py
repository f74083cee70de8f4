"""Loading a transducer: what is wrong with a folder is said in a sentence; caches matter and are kept apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from support.tiny_zipformer import TinyModel, build_tiny_model

from voxcart.serving.sessions import SessionError
from voxcart_services.asr.transducer.loading import load_transducer
from voxcart_services.asr.transducer.model import ModelLayoutError, TransducerModel, find_part

pytestmark = pytest.mark.unit

SPECS = {"zipformer": TinyModel(), "zipformer2": TinyModel(model_type="zipformer2")}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("plain"), SPECS["zipformer"])


@pytest.fixture(scope="module", params=SPECS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model"), SPECS[request.param])


def with_metadata(folder: Path, to: Path, part: str, change: Callable[[dict[str, str]], None]) -> Path:
    """A copy of the model with other metadata in one of its parts."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    model = onnx.load(to / f"{part}.onnx")
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    change(metadata)
    del model.metadata_props[:]
    helper.set_model_props(model, metadata)
    onnx.save(model, to / f"{part}.onnx")
    return to


@pytest.mark.parametrize(
    ("part", "key", "value", "sentence"),
    [
        (
            "encoder",
            "model_type",
            "conformer",
            "model_type 'conformer'; this engine runs streaming zipformer or zipformer2",
        ),
        ("encoder", "model_type", None, "model_type ''"),
        ("encoder", "T", None, "the encoder's metadata lacks 'T'"),
        ("encoder", "T", "many", "T = 'many', which is not a number"),
        ("encoder", "T", "47", r"the encoder reads \d+ frames a step, but its metadata says T = 47"),
        ("encoder", "decode_chunk_len", "64", "contradicts itself: T is"),
        ("encoder", "num_encoder_layers", "1", "contradicts itself about the number of stacks"),
        ("encoder", "left_context_len", "16,x", "left_context_len = '16,x', which is not a list of numbers"),
        ("encoder", "left_context_len", "16,9", r"the encoder's cache 'cached_key_1' is .* but by its metadata it is"),
        ("encoder", "feature", "whisper", "wants Whisper's features"),
        ("decoder", "context_size", None, "the decoder's metadata lacks 'context_size'"),
        ("decoder", "vocab_size", "7", "the joiner gives .* logits, but the decoder knows 7 tokens"),
    ],
)
def test_wrong_metadata_is_named(
    plain: Path, tmp_path: Path, part: str, key: str, value: str | None, sentence: str
) -> None:
    def change(metadata: dict[str, str]) -> None:
        metadata.pop(key, None)
        if value is not None:
            metadata[key] = value

    with pytest.raises(ModelLayoutError, match=sentence):
        TransducerModel(with_metadata(plain, tmp_path / "changed", part, change))


def test_the_caches_of_a_zipformer2_are_checked_too(tmp_path: Path) -> None:
    folder = build_tiny_model(tmp_path / "model", SPECS["zipformer2"])
    wrong = with_metadata(folder, tmp_path / "changed", "encoder", lambda metadata: metadata.update(num_heads="2,3"))
    with pytest.raises(ModelLayoutError, match=r"cached_key_1.* but by its metadata it is \[8, 1, 24\]"):
        TransducerModel(wrong)


@pytest.mark.parametrize("name", ["encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt"])
def test_a_missing_file_is_named(plain: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(plain, tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(ModelLayoutError, match=name.split(".")[0]):
        load_transducer(tmp_path / "copy")


def test_a_file_that_is_no_model_is_named(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain, tmp_path / "copy")
    (tmp_path / "copy" / "joiner.onnx").write_bytes(b"not a model")
    with pytest.raises(SessionError, match=r"joiner\.onnx cannot be loaded"):
        load_transducer(tmp_path / "copy")


def test_parts_of_different_models_do_not_fit(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain, tmp_path / "copy")
    other = build_tiny_model(tmp_path / "other", TinyModel(joiner_dim=16))
    shutil.copy(other / "encoder.onnx", tmp_path / "copy" / "encoder.onnx")
    with pytest.raises(ModelLayoutError, match="encoder and decoder do not fit together"):
        load_transducer(tmp_path / "copy")


def test_int8_is_preferred_but_for_the_decoder(tmp_path: Path) -> None:
    for name in ("encoder-9.onnx", "encoder-9.int8.onnx", "decoder-9.onnx", "decoder-9.int8.onnx", "joiner.int8.onnx"):
        (tmp_path / name).touch()
    assert find_part(tmp_path, "encoder").name == "encoder-9.int8.onnx"
    assert find_part(tmp_path, "decoder").name == "decoder-9.onnx"
    assert find_part(tmp_path, "joiner").name == "joiner.int8.onnx"
    (tmp_path / "encoder-8.int8.onnx").touch()
    with pytest.raises(ModelLayoutError, match="several encoders"):
        find_part(tmp_path, "encoder")


def test_the_batch_axis_of_every_cache_is_found(folder: Path) -> None:
    """Three utterances a step, each as if it were alone."""
    model = TransducerModel(folder)
    random = np.random.default_rng(5)
    states = [model.initial_state() for _ in range(3)]
    alone = list(states)
    for _ in range(4):
        features = random.normal(-6, 3, (3, model.window_frames, model.num_mels)).astype(np.float32)
        together, states = model.run_encoder(features, states)
        for row in range(3):
            single, (alone[row],) = model.run_encoder(features[row : row + 1], [alone[row]])
            np.testing.assert_allclose(together[row], single[0], atol=1e-4)
            for mine, its in zip(states[row], alone[row], strict=True):
                assert mine.shape == its.shape
                np.testing.assert_allclose(mine, its, atol=1e-4)


def test_every_cache_matters(folder: Path) -> None:
    """So that the parity tests would notice one that is lost: the builder's promise."""
    model = TransducerModel(folder)
    features = np.random.default_rng(6).normal(-6, 3, (1, model.window_frames, model.num_mels)).astype(np.float32)
    _, (state,) = model.run_encoder(features, [model.initial_state()])
    right, _ = model.run_encoder(features, [state])
    for index, cache in enumerate(model.caches):
        wrong = (*state[:index], np.zeros_like(state[index]), *state[index + 1 :])
        output, _ = model.run_encoder(features, [wrong])
        assert np.abs(output - right).max() > 1e-3, cache.input_name


def test_a_model_exported_for_one_utterance_is_stepped_alone(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    model = onnx.load(tmp_path / "copy" / "encoder.onnx")
    for tensor in [*model.graph.input, *model.graph.output]:
        for size in tensor.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_value = 1
    onnx.save(model, tmp_path / "copy" / "encoder.onnx")
    assert TransducerModel(tmp_path / "copy").max_batch == 1
    assert TransducerModel(folder).max_batch is None
