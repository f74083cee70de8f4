"""From recognised to useful text: simplified characters, correction, fillers, written numbers, punctuation.

Every change is listed as an edit of the raw text, with its reason:

==================  ================================================================================
`simplified`        A traditional character.
`homophone`         Misheard as characters of the same sound.
`near_homophone`    Misheard as characters of a sound that is often confused with it.
`catalogue`         The name of a product, brand or category of the shop was misheard.
`hot_word`          A word that is likely in the session was misheard.
`language_model`    A character that nobody said, or another hypothesis of the recogniser was better.
`filler`            A sound or word of hesitation.
`restart`           A beginning that was said again at once.
`number`            A spoken number as a shop writes it.
`punctuation`       Signs added or written the way of the language.
`llm`               What a language model behind an endpoint made of it.
==================  ================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voxcart.text.itn import normalize_spoken
from voxcart.text.scripts import Language, detect_language, simplify
from voxcart_services.asr.recognition import Alternative, Word
from voxcart_services.asr.results import TextEdit
from voxcart_services.asr.text.correction import CorrectionRequest, Corrector, TextCorrector
from voxcart_services.asr.text.edits import EditedText
from voxcart_services.asr.text.fillers import find_fillers, find_restarts
from voxcart_services.asr.text.punctuation import punctuation_edits

_MAX_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class CorrectedText:
    """Text for people and understanding, with the edits that made it; offsets in the raw text."""

    text: str
    edits: tuple[TextEdit, ...]
    language: str
    raw_text: str = ""


class TextPipeline:
    """Applies the steps in order; holds no state of a call. Calls come from one thread."""

    def __init__(self, corrector: Corrector, second: TextCorrector | None = None) -> None:
        """
        Args:
            corrector: Of what was misheard.
            second: Asked by `polish` after all else, for instance `LlmCorrector`.
        """
        self._corrector = corrector
        self._second = second

    def process(
        self,
        raw_text: str,
        *,
        tenant: str,
        hot_words: Sequence[Sequence[str]] = (),
        raw_only: bool = False,
        words: Sequence[Word] = (),
        alternatives: Sequence[Alternative] = (),
        score: float | None = None,
        punctuate: bool = False,
    ) -> CorrectedText:
        """Makes useful text of one transcript.

        Args:
            raw_text: As the engine spelled it.
            tenant: Shop whose catalogue counts.
            hot_words: Words that are likely, in layers, the most likely first; a layer costs next to nothing while it
                is an equal tuple.
            raw_only: Change nothing but the script.
            words: Of `raw_text`, with the engine's confidence.
            alternatives: Other hypotheses of the engine for the same audio.
            score: Mean log probability of `raw_text`, to be compared with those of the alternatives.
            punctuate: Add signs where the engine gave none.
        """
        edited = EditedText(raw_text)
        edited.apply(_simplifications(raw_text))
        if raw_only:
            return _result(edited)
        request = CorrectionRequest(
            edited.text,
            tenant,
            _layers(hot_words),
            confidences(raw_text, words),
            tuple((simplify(other.text), other.score) for other in alternatives) if score is not None else (),
            score if score is not None else 0.0,
        )
        edited.apply(self._corrector.correct(request))
        _clean(edited)
        numbers = normalize_spoken(edited.text).edits
        edited.apply(TextEdit(e.start, e.end, e.before, e.after, "number", e.score) for e in numbers)
        edited.apply(self._corrector.restore_names(edited.text, tenant, request.hot_words))
        if punctuate:
            edited.apply(punctuation_edits(edited.text))
        return _result(edited)

    async def polish(
        self, corrected: CorrectedText, *, tenant: str, hot_words: Sequence[Sequence[str]] = ()
    ) -> CorrectedText:
        """Asks the second corrector, if there is one; what it does not answer in time stays as it is."""
        if self._second is None or not corrected.text:
            return corrected
        edited = EditedText(corrected.raw_text)
        edited.apply(corrected.edits)
        edited.apply(await self._second.suggest(CorrectionRequest(corrected.text, tenant, _layers(hot_words))))
        return _result(edited)


def confidences(text: str, words: Sequence[Word]) -> tuple[float, ...] | None:
    """The confidence of every character of a text, by its words; `None` without words.

    What no word is found for has a middling confidence, 0.7.
    """
    if not words:
        return None
    found, position = [0.7] * len(text), 0
    for word in words:
        spelled = word.text.strip()
        start = text.find(spelled, position) if spelled else -1
        if start >= 0:
            position = start + len(spelled)
            found[start:position] = [word.confidence] * len(spelled)
    return tuple(found)


def _layers(hot_words: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Layers of words; a single row of words is one layer."""
    if any(isinstance(layer, str) for layer in hot_words):
        return (tuple(str(word) for word in hot_words),)
    return tuple(tuple(layer) for layer in hot_words if layer)


def _simplifications(text: str) -> list[TextEdit]:
    return [
        TextEdit(index, index + 1, old, new, "simplified", 1.0)
        for index, (old, new) in enumerate(zip(text, simplify(text), strict=True))
        if old != new
    ]


def _clean(edited: EditedText) -> None:
    """Takes out hesitation, and what hesitation hid: 呃我要买，嗯我要买苹果."""
    for _ in range(_MAX_ROUNDS):
        before = edited.text
        edited.apply(find_fillers(edited.text))
        edited.apply(find_restarts(edited.text))
        if edited.text == before:
            return


def _result(edited: EditedText) -> CorrectedText:
    language: Language = detect_language(edited.text)
    return CorrectedText(edited.text, edited.edits(), language, edited.original)
