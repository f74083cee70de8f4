"""A Whisper model of a few kilobytes with seeded random weights, in CTranslate2's layout, and its vocabulary."""

import json
import struct
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

MELS, WIDTH, HEADS, LAYERS, VOCABULARY, AUDIO, TEXT = 8, 64, 2, 2, 50, 30, 48
DEPTH = WIDTH // HEADS
CONTROLS = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|zh|>",
    "<|en|>",
    "<|transcribe|>",
    "<|notimestamps|>",
    "<|startofprev|>",
    "<|nospeech|>",
)
FIRST_CONTROL = VOCABULARY - len(CONTROLS)


def _layer(prefix: str, stacked: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {
        "linear_0/weight": (stacked, WIDTH),
        "linear_0/bias": (stacked,),
        "linear_1/weight": (WIDTH, WIDTH),
        "linear_1/bias": (WIDTH,),
        "layer_norm/gamma": (WIDTH,),
        "layer_norm/beta": (WIDTH,),
    }
    return {f"{prefix}/{name}": rng.normal(0, 0.2, shape).astype(np.float16) for name, shape in shapes.items()}


def small_weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.2, shape).astype(np.float16)

    weights: dict[str, np.ndarray] = {
        "encoder/conv1/weight": normal(WIDTH, MELS, 3),
        "encoder/conv1/bias": normal(WIDTH),
        "encoder/conv2/weight": normal(WIDTH, WIDTH, 3),
        "encoder/conv2/bias": normal(WIDTH),
        "encoder/position_encodings/encodings": normal(AUDIO, WIDTH),
        "encoder/num_heads": np.array(HEADS, np.int16),
        "decoder/position_encodings/encodings": normal(TEXT, WIDTH),
        "decoder/embeddings/weight": normal(VOCABULARY, WIDTH),
    }
    for side in ("encoder", "decoder"):
        weights |= {f"{side}/layer_norm/gamma": normal(WIDTH) + 1, f"{side}/layer_norm/beta": normal(WIDTH)}
        for layer in range(LAYERS):
            path = f"{side}/layer_{layer}"
            weights |= _layer(f"{path}/self_attention", 3 * WIDTH, rng)
            feed_forward = _layer(f"{path}/ffn", 4 * WIDTH, rng)
            feed_forward[f"{path}/ffn/linear_1/weight"] = normal(WIDTH, 4 * WIDTH)
            weights |= feed_forward
            if side == "decoder":
                cross = _layer(f"{path}/attention", WIDTH, rng)
                cross[f"{path}/attention/linear_1/weight"] = normal(2 * WIDTH, WIDTH)
                cross[f"{path}/attention/linear_1/bias"] = normal(2 * WIDTH)
                cross[f"{path}/attention/linear_2/weight"] = normal(WIDTH, WIDTH)
                cross[f"{path}/attention/linear_2/bias"] = normal(WIDTH)
                weights |= cross
    # Texts depend on place and sound; with equal weights the model would repeat one token.
    weights["decoder/embeddings/weight"] *= np.float16(0.3)
    weights["decoder/layer_norm/gamma"] *= np.float16(4)
    for name in (
        "decoder/position_encodings/encodings",
        *(f"decoder/layer_{n}/attention/linear_2/weight" for n in (0, 1)),
    ):
        weights[name] *= np.float16(4)
    return weights


def write_ct2(path: Path, weights: dict[str, np.ndarray], spec: str = "WhisperSpec", version: int = 6) -> None:
    codes = {np.dtype(np.float32): 0, np.dtype(np.int16): 2, np.dtype(np.float16): 4}

    def string(text: str) -> bytes:
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    data = struct.pack("<I", version) + string(spec) + struct.pack("<II", 3, len(weights))
    for name, array in weights.items():
        data += string(name) + struct.pack("<B", array.ndim) + struct.pack(f"<{array.ndim}I", *array.shape)
        data += struct.pack("<BI", codes[array.dtype], array.nbytes) + array.tobytes()
    data += struct.pack("<I", 1) + string("decoder/projection/weight") + string("decoder/embeddings/weight")
    path.write_bytes(data)


def write_tokenizer(path: Path) -> None:
    """A word for every token; the last eight are control tokens."""
    words = {f"w{number}": number for number in range(FIRST_CONTROL)}
    tokenizer = Tokenizer(WordLevel(words, unk_token="w0"))
    tokenizer.add_special_tokens(list(CONTROLS))
    assert tokenizer.token_to_id(CONTROLS[0]) == FIRST_CONTROL
    tokenizer.save(str(path))


def write_source(folder: Path) -> Path:
    """The files that the converter reads."""
    write_ct2(folder / "model.bin", small_weights())
    config = {
        "alignment_heads": [[0, 1], [1, 0]],
        "suppress_ids": [1],
        "suppress_ids_begin": [2],
        "lang_ids": [FIRST_CONTROL + 2, FIRST_CONTROL + 3],
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_tokenizer(folder / "tokenizer.json")
    return folder
