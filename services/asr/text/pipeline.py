"""From recognised to useful text: simplified characters, correction, written numbers; every edit listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voxcart.text.itn import normalize_spoken
from voxcart.text.scripts import detect_language, simplify
from voxcart_services.asr.results import TextEdit
from voxcart_services.asr.text.correction import Corrector


@dataclass(frozen=True, slots=True)
class CorrectedText:
    """Text for people and understanding, with the edits that made it; offsets in the raw text."""

    text: str
    edits: tuple[TextEdit, ...]
    language: str


class TextPipeline:
    """Applies the steps in order; safe to share, holds no state of a call."""

    def __init__(self, corrector: Corrector) -> None:
        self._corrector = corrector

    def process(
        self, raw_text: str, *, tenant: str, hot_words: Sequence[str] = (), raw_only: bool = False
    ) -> CorrectedText:
        """Corrects one transcript.

        Args:
            raw_text: As the engine spelled it.
            tenant: Shop whose catalogue counts.
            hot_words: Words that are likely in this session.
            raw_only: Change nothing but the script.
        """
        text = simplify(raw_text)
        if raw_only:
            return CorrectedText(text, (), detect_language(text))
        corrections = self._corrector.correct(text, tenant=tenant, hot_words=hot_words)
        for edit in corrections:
            text = text[: edit.start] + edit.after + text[edit.end :]
        normalized = normalize_spoken(text)
        edits = [TextEdit(e.start, e.end, e.before, e.after, e.reason, e.score) for e in normalized.edits]
        simplified = [
            TextEdit(index, index + 1, old, new, "simplified", 1.0)
            for index, (old, new) in enumerate(zip(raw_text, simplify(raw_text), strict=True))
            if old != new and not any(edit.start <= index < edit.end for edit in corrections)
        ]
        merged = sorted([*simplified, *corrections, *edits], key=lambda edit: (edit.start, edit.end))
        return CorrectedText(normalized.text, tuple(merged), detect_language(normalized.text))
