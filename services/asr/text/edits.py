"""Text that is changed step by step and remembers what became of the original: the edits between the two.

Each step works on offsets of the text as it is by then. Changes that touch one another become one edit, so that
applying the edits to the original, whatever their order was, gives the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from voxcart_services.asr.results import TextEdit

_WEAK_REASONS = frozenset(("simplified", "number", "punctuation"))


class _Piece(NamedTuple):
    """`text` stands for the original's `[start, end)`; `reason` is "" where nothing was changed."""

    start: int
    end: int
    text: str
    reason: str = ""
    score: float = 1.0


class EditedText:
    """A text and what was done to it."""

    def __init__(self, original: str) -> None:
        self.original = original
        self._pieces = [_Piece(0, len(original), original)] if original else []
        self._text = original

    @property
    def text(self) -> str:
        """As it is now."""
        return self._text

    def apply(self, edits: Iterable[TextEdit]) -> None:
        """Makes changes that do not overlap; their offsets are those of `text` before the call."""
        for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
            self._replace(edit.start, edit.end, edit.after, edit.reason, edit.score)
        self._text = "".join(piece.text for piece in self._pieces)

    def edits(self) -> tuple[TextEdit, ...]:
        """In order; offsets in the original. What was changed back is left out."""
        return tuple(
            TextEdit(
                piece.start, piece.end, self.original[piece.start : piece.end], piece.text, piece.reason, piece.score
            )
            for piece in self._pieces
            if piece.reason and piece.text != self.original[piece.start : piece.end]
        )

    def _replace(self, start: int, end: int, after: str, reason: str, score: float) -> None:
        """Puts `after` for `[start, end)` of the text."""
        first, offset = self._locate(start, is_end=False)
        last, end_offset = self._locate(end, is_end=True) if end > start else (first, offset)
        if first == len(self._pieces):
            at = len(self.original)
            self._pieces.append(_Piece(at, at, after, reason, score))
            return
        touched = self._pieces[first : last + 1]
        begin, stop = touched[0], touched[-1]
        kept: list[_Piece] = []
        raw_start, before = begin.start, begin.text[:offset]
        if not begin.reason:
            raw_start += offset
            if offset:
                kept.append(_Piece(begin.start, raw_start, before))
            before = ""
        raw_end, behind, rest = stop.end, stop.text[end_offset:], []
        if not stop.reason:
            raw_end = stop.start + end_offset
            if behind:
                rest.append(_Piece(raw_end, stop.end, behind))
            behind = ""
        changed = [piece for piece in touched if piece.reason]
        reasons = [*(piece.reason for piece in changed), reason]
        reason = next((name for name in reasons if name not in _WEAK_REASONS), reason)
        score = min([score, *(piece.score for piece in changed)])
        kept.append(_Piece(raw_start, raw_end, before + after + behind, reason, score))
        self._pieces[first : last + 1] = kept + rest

    def _locate(self, offset: int, *, is_end: bool) -> tuple[int, int]:
        """The piece that an offset of the text is in, and where in it; an end belongs to the piece before it."""
        for index, piece in enumerate(self._pieces):
            size = len(piece.text)
            if offset < size or (is_end and offset == size):
                return index, offset
            offset -= size
        return len(self._pieces), 0


def between(before: str, after: str, reason: str, score: float) -> list[TextEdit]:
    """The edits that make one text another, where the two differ; offsets in `before`."""
    from rapidfuzz.distance import Levenshtein

    edits: list[TextEdit] = []
    for block in Levenshtein.opcodes(before, after):
        if block.tag == "equal":
            continue
        old, new = before[block.src_start : block.src_end], after[block.dest_start : block.dest_end]
        if edits and edits[-1].end == block.src_start:
            last = edits.pop()
            edits.append(TextEdit(last.start, block.src_end, last.before + old, last.after + new, reason, score))
        else:
            edits.append(TextEdit(block.src_start, block.src_end, old, new, reason, score))
    return edits
