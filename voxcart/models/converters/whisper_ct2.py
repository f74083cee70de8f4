"""Reader for the CTranslate2 binary weight file (`model.bin`, version 6).

Layout, little-endian: u32 file version; spec name (a string is a u16 length that counts a trailing NUL,
then the bytes); u32 spec revision; u32 number of variables; per variable its name, u8 rank, u32 per
dimension, u8 data type, u32 byte count and the raw data; then u32 number of aliases, each a pair of
strings (alias, variable name).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_DTYPES = {0: np.dtype("<f4"), 1: np.dtype("i1"), 2: np.dtype("<i2"), 3: np.dtype("<i4"), 4: np.dtype("<f2")}
_SUPPORTED_VERSIONS = (6,)


class WeightFileError(ValueError):
    """The file is not a CTranslate2 weight file that this reader understands."""


@dataclass(frozen=True)
class CTranslate2Weights:
    """Named arrays of one CTranslate2 model.

    Attributes:
        spec: Name of the model specification, e.g. `WhisperSpec`.
        arrays: Variables and aliases by name, in the file's own dtypes; rank-0 entries are numpy scalars' arrays.
    """

    spec: str
    arrays: dict[str, np.ndarray]

    def float32(self, name: str) -> np.ndarray:
        """The array called `name` as float32, whatever it is stored as (int8 weights are multiplied out).

        Raises:
            WeightFileError: There is no such array.
        """
        array = self._find(name)
        if array.dtype == np.int8 and array.ndim == 2:
            scale = self._find(f"{name}_scale").astype(np.float32)
            return array.astype(np.float32) / scale[:, None]
        return np.ascontiguousarray(array, dtype=np.float32)

    def scalar(self, name: str, default: int | None = None) -> int:
        """An integer setting stored as a rank-0 array.

        Raises:
            WeightFileError: It is absent and no default is given.
        """
        if name not in self.arrays and default is not None:
            return default
        return int(self._find(name).reshape(-1)[0])

    def count_layers(self, prefix: str) -> int:
        """Number of consecutive `<prefix>/layer_<i>` groups, counted from 0."""
        layers = 0
        while any(name.startswith(f"{prefix}/layer_{layers}/") for name in self.arrays):
            layers += 1
        return layers

    def _find(self, name: str) -> np.ndarray:
        try:
            return self.arrays[name]
        except KeyError:
            raise WeightFileError(f"the weight file has no variable {name!r}") from None


class _Cursor:
    """Reads typed values from a byte buffer and knows when it ends too early."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.offset = 0

    def take(self, num_bytes: int) -> memoryview:
        end = self.offset + num_bytes
        if end > len(self._data):
            raise WeightFileError(f"the weight file ends at byte {len(self._data)}, byte {end} was expected")
        piece = self._data[self.offset : end]
        self.offset = end
        return piece

    def unsigned(self, code: str) -> int:
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def string(self) -> str:
        raw = bytes(self.take(self.unsigned("H")))
        return raw.rstrip(b"\0").decode("utf-8")


def read_weights(path: Path) -> CTranslate2Weights:
    """Reads a CTranslate2 `model.bin`.

    Args:
        path: The weight file; it is mapped into memory, arrays are views of it.

    Raises:
        WeightFileError: The file is truncated, of another version or holds an unknown data type.
        OSError: The file cannot be read.
    """
    data = memoryview(np.memmap(path, dtype=np.uint8, mode="r"))
    cursor = _Cursor(data)
    version = cursor.unsigned("I")
    if version not in _SUPPORTED_VERSIONS:
        raise WeightFileError(f"{path.name} has format version {version}; supported: {_SUPPORTED_VERSIONS}")
    spec = cursor.string()
    cursor.unsigned("I")  # spec revision
    arrays: dict[str, np.ndarray] = {}
    for _ in range(cursor.unsigned("I")):
        name, array = _read_variable(cursor)
        arrays[name] = array
    for _ in range(cursor.unsigned("I")):
        alias, name = cursor.string(), cursor.string()
        if name not in arrays:
            raise WeightFileError(f"alias {alias!r} names an unknown variable {name!r}")
        arrays[alias] = arrays[name]
    return CTranslate2Weights(spec=spec, arrays=arrays)


def _read_variable(cursor: _Cursor) -> tuple[str, np.ndarray]:
    name = cursor.string()
    shape = tuple(cursor.unsigned("I") for _ in range(cursor.unsigned("B")))
    code = cursor.unsigned("B")
    if code not in _DTYPES:
        raise WeightFileError(f"variable {name!r} has unknown data type {code}")
    dtype = _DTYPES[code]
    num_bytes = cursor.unsigned("I")
    if num_bytes != dtype.itemsize * int(np.prod(shape, dtype=np.int64)):
        raise WeightFileError(f"variable {name!r}: {num_bytes} bytes do not fit shape {shape} of {dtype}")
    return name, np.frombuffer(cursor.take(num_bytes), dtype=dtype).reshape(shape)
