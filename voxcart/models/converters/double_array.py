"""Builds the double-array trie in which SentencePiece stores its character normalisation table.

The layout is that of darts-clone (S. Yata): an array of u32 units in which the child of a node for byte ``c``
lies at ``base ^ c``. A unit holds its byte in bits 0-7, "a value follows" in bit 8, and ``position ^ base`` in
bits 10-31; a value unit has bit 31 set and the value below it.
"""

from collections.abc import Mapping

import numpy as np

_HAS_VALUE = 1 << 8
_VALUE_UNIT = 1 << 31
_MAX_OFFSET = 1 << 21
# Free cells further back than this are given up: a slightly larger array for a search in linear time.
_SEARCH_WINDOW = 256


def build_double_array(entries: Mapping[bytes, int]) -> np.ndarray:
    """Build the trie of ``entries``.

    Args:
        entries: key bytes (without NUL) -> value below 2**31.

    Returns:
        uint32 [units], little-endian; the length is a multiple of 256, so that no lookup leaves the array.

    Raises:
        ValueError: a key is empty or holds NUL, or the trie is too large for the short offset form.
    """
    if any(not key or 0 in key for key in entries):
        raise ValueError("keys must be non-empty and free of NUL bytes")
    return _Builder(entries).units


class _Builder:
    def __init__(self, entries: Mapping[bytes, int]) -> None:
        self._entries = entries
        self._cells = {0: 0}
        self._used_bases: set[int] = set()
        self._first_free = 1
        self._place(sorted(entries), depth=0, position=0)
        self.units = np.zeros((max([*self._cells, *self._used_bases]) | 0xFF) + 1, dtype="<u4")
        for position, unit in self._cells.items():
            self.units[position] = unit

    def _place(self, keys: list[bytes], depth: int, position: int) -> None:
        """Place the children of the node at ``position``, whose keys share their first ``depth`` bytes."""
        groups: dict[int, list[bytes]] = {}
        for key in keys:
            groups.setdefault(key[depth] if len(key) > depth else 0, []).append(key)
        base = self._find_base(list(groups))
        offset = position ^ base
        if offset >= _MAX_OFFSET:
            raise ValueError("too many keys for a trie with short offsets")
        self._cells[position] |= offset << 10 | (_HAS_VALUE if 0 in groups else 0)
        for label, members in groups.items():
            self._cells[base ^ label] = label if label else _VALUE_UNIT | self._entries[members[0]]
        for label, members in groups.items():
            if label:
                self._place(members, depth + 1, base ^ label)

    def _find_base(self, labels: list[int]) -> int:
        while self._first_free in self._cells:
            self._first_free += 1
        candidate = self._first_free
        while True:
            base = candidate ^ labels[0]
            if base not in self._used_bases and all(base ^ label not in self._cells for label in labels):
                self._used_bases.add(base)
                self._first_free = max(self._first_free, candidate - _SEARCH_WINDOW)
                return base
            candidate += 1
