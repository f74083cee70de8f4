"""Corrects words that were heard as others of nearly the same sound: 吃马 -> 尺码, 去認下答 -> 确认下单.

The whole sentence is read again by `SentenceDecoder`; each stretch that differs is an edit, kept if the sentence
gains enough by it alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from voxcart_services.asr.results import TextEdit
from voxcart_services.asr.text.catalogue import Catalogue, Names, name_arcs
from voxcart_services.asr.text.channel import SoundChannel, read_costs
from voxcart_services.asr.text.decoder import DecoderRules, Piece, SentenceDecoder, Unit
from voxcart_services.asr.text.edits import between
from voxcart_services.asr.text.language_model import LanguageModel, packaged_model
from voxcart_services.asr.text.latin import latin_edits
from voxcart_services.asr.text.sounds import HeardSounds
from voxcart_services.asr.text.syllables import readings
from voxcart_services.asr.text.tokens import split_units
from voxcart_services.asr.text.words import general_counts, segment

_MAX_CHARACTERS = 400
_USUAL_CONFIDENCE, _LEAST_WEIGHT = 0.67, 0.2
_LATIN = re.compile("[A-Za-z]")


@dataclass(frozen=True)
class CorrectionRequest:
    """What is to be corrected, and what is known about it.

    Attributes:
        text: Simplified characters.
        tenant: Shop whose catalogue counts.
        hot_words: Words that are likely, in layers, the most likely first.
        confidences: How sure the recogniser was of each character of `text`, 0..1.
        alternatives: Its other hypotheses, simplified, with their mean log probabilities.
        score: Mean log probability of `text`.
    """

    text: str
    tenant: str
    hot_words: tuple[tuple[str, ...], ...] = ()
    confidences: tuple[float, ...] | None = None
    alternatives: tuple[tuple[str, float], ...] = ()
    score: float = 0.0


class TextCorrector(Protocol):
    """Anything that corrects a text."""

    async def suggest(self, request: CorrectionRequest) -> Sequence[TextEdit]:
        """Edits of `request.text`, in order, not overlapping; none when there is nothing to correct or no time."""
        ...


@dataclass(frozen=True)
class CorrectionRules:
    """How willing correction is.

    Attributes:
        decoder: Of the search.
        margin: Nats by which the sentence must gain by an edit.
        familiar_surprise: Nats a token up to which a sentence is such as people say in a shop.
        unfamiliar_margin: What the margin grows by for every nat over that: what the language model does not know it
            cannot judge.
        familiar_nearby, nearby_margin: The same for the corrected words and those beside them.
        usual_cost: Nats of the channel that are usual for a replaced character.
        distance_weight: What the margin grows by for every nat over that.
        word_margin: What the margin grows by for an edit of a word of general Chinese; half of it if the new one sounds
            the same.
        unsure, sure: Confidence of the recogniser up to which none of this counts, and from which all of it does.
        confidence_slope: By how much it is dearer to replace what the recogniser was sure of, per unit of confidence.
        score_scale: Nats of gain over which the score of an edit goes from 0.5 to 0.73.
        hypothesis_weight: Of the recogniser's log probability in the choice between its hypotheses.
        hypothesis_margin: Nats by which another hypothesis must be better than the first.
    """

    decoder: DecoderRules = field(default_factory=DecoderRules)
    margin: float = 0.7
    familiar_surprise: float = 3.2
    unfamiliar_margin: float = 3.0
    familiar_nearby: float = 3.5
    nearby_margin: float = 1.0
    usual_cost: float = 2.5
    distance_weight: float = 0.7
    word_margin: float = 3.0
    unsure: float = 0.5
    sure: float = 0.8
    confidence_slope: float = 0.6
    score_scale: float = 3.0
    hypothesis_weight: float = 0.6
    hypothesis_margin: float = 0.5


class Corrector:
    """The correction step; a `TextCorrector`. Catalogue changes and corrections are made from one thread."""

    def __init__(self, model: LanguageModel | None = None, rules: CorrectionRules | None = None) -> None:
        """
        Args:
            model: The language model; the packaged one when `None`.
            rules: Costs and limits.
        """
        self._rules = rules or CorrectionRules()
        model = model or packaged_model()
        self._sounds = HeardSounds(SoundChannel(read_costs()))
        self._decoder = SentenceDecoder(model, self._sounds, self._rules.decoder)
        self._catalogue = Catalogue()

    def set_product(self, tenant: str, sku: str, names: Iterable[str]) -> None:
        """Adds or replaces what a product is called; no names take it out."""
        self._catalogue.set_product(tenant, sku, names)

    async def suggest(self, request: CorrectionRequest) -> Sequence[TextEdit]:
        """`correct`, as the protocol wants it."""
        return self.correct(request)

    def correct(self, request: CorrectionRequest) -> list[TextEdit]:
        """Corrections of a text, in order; offsets in it. Over 400 characters nothing is corrected."""
        if len(request.text) > _MAX_CHARACTERS:
            return []
        names = self._catalogue.names(request.tenant, request.hot_words)
        sentence = (math.exp(min(0.0, request.score)),) * len(request.text)
        first = self._read(request.text, request.confidences or sentence, names)
        if first is None:
            return []
        for text, score in request.alternatives:
            other = self._read(text, None, names) if len(text) <= _MAX_CHARACTERS else None
            if other is None:
                continue
            likelier = self._rules.hypothesis_weight * (score - request.score) * (len(first.units) + 1)
            gain = other.score - first.score + likelier
            if gain > self._rules.hypothesis_margin:
                return between(request.text, _applied(text, self._edits(other)), "language_model", self._score(gain))
        return self._edits(first)

    def restore_names(self, text: str, tenant: str, hot_words: tuple[tuple[str, ...], ...] = ()) -> list[TextEdit]:
        """Names in Latin letters as the shop spells them: i phone -> iPhone. Numbers are digits by then."""
        if len(text) > _MAX_CHARACTERS or not _LATIN.search(text):
            return []
        return latin_edits(text, self._catalogue.latin_names(tenant, hot_words))

    def _read(self, text: str, confidences: Sequence[float] | None, names: Sequence[Names]) -> _Read | None:
        spans = split_units(text)
        if not spans:
            return None
        slope = self._rules.confidence_slope
        units = [Unit(text[s:e], token, heard, _weight(confidences, s, e, slope)) for s, e, token, heard in spans]
        reading = self._decoder.decode(units, name_arcs(units, names, self._sounds))
        return _Read(text, spans, units, reading.pieces, reading.score, confidences)

    def _edits(self, read: _Read) -> list[TextEdit]:
        """The changes of a reading that gain enough; what is left out may make others not worth it."""
        pieces = list(read.pieces)
        while stretches := _stretches(read.units, pieces):
            parts = [(at, at + 1) for start, end in stretches for at in range(start, end) if end > start + 1]
            gains = {stretch: self._gain(read, pieces, *stretch) for stretch in [*stretches, *parts]}
            counted = {key: gain.counted if key in stretches else gain.of_part for key, gain in gains.items()}
            worst = min(counted, key=counted.__getitem__)
            if counted[worst] >= self._rules.margin:
                return [self._edit(read, pieces[slice(*stretch)], gains[stretch].whole) for stretch in stretches]
            begin, stop = pieces[worst[0]].start, pieces[worst[1] - 1].end
            pieces[slice(*worst)] = _plain(read.units, begin, stop)
        return []

    def _gain(self, read: _Read, pieces: list[Piece], start: int, end: int) -> _Gain:
        """What the sentence gains by the pieces `[start, end)`, and what of it counts against the margin."""
        rules, changed = self._rules, pieces[start:end]
        begin, stop = changed[0].start, changed[-1].end
        plain = [*pieces[:start], *_plain(read.units, begin, stop), *pieces[end:]]
        whole = self._decoder.score(pieces) - self._decoder.score(plain)
        # The more syllables of a name were heard, the less it needs a sentence that the language model knows.
        named = max((piece.end - piece.start - 1 for piece in changed if piece.source), default=1)
        doubt = self._unfamiliarity(pieces, start, end) / max(1, named)
        if _is_of_word(read, begin, stop):
            doubt += rules.word_margin * (0.5 if _reason(read.units, changed) == "homophone" else 1.0)
        usual_cost = rules.usual_cost * _num_changed(read.units, changed)
        distance = rules.distance_weight * max(0.0, sum(piece.cost for piece in changed) - usual_cost)
        sureness = self._sureness(read, begin, stop)
        return _Gain(whole, whole - sureness * (distance + doubt), whole - sureness * distance)

    def _sureness(self, read: _Read, start: int, end: int) -> float:
        """How much the recogniser is to be believed, 0..1."""
        rules = self._rules
        first, last = read.spans[start][0], read.spans[end - 1][1]
        confidence = sum(read.confidences[first:last]) / (last - first) if read.confidences else 1.0
        return min(1.0, max(0.0, (confidence - rules.unsure) / (rules.sure - rules.unsure)))

    def _unfamiliarity(self, pieces: list[Piece], start: int, end: int) -> float:
        """What is taken off a gain because the language model does not know such a sentence, or such words in it."""
        rules, surprises = self._rules, self._decoder.surprises(pieces)
        counts = [*(len(piece.tokens) for piece in pieces), 1]
        near = slice(max(0, start - 1), end + 2)
        whole = sum(surprises) / sum(counts) - rules.familiar_surprise
        nearby = sum(surprises[near]) / max(1, sum(counts[near])) - rules.familiar_nearby
        return rules.unfamiliar_margin * max(0.0, whole) + rules.nearby_margin * max(0.0, nearby)

    def _edit(self, read: _Read, changed: list[Piece], gain: float) -> TextEdit:
        begin, stop = read.spans[changed[0].start][0], read.spans[changed[-1].end - 1][1]
        after = "".join(piece.text for piece in changed)
        return _trimmed(begin, read.text[begin:stop], after, _reason(read.units, changed), self._score(gain))

    def _score(self, gain: float) -> float:
        return round(1.0 / (1.0 + math.exp(-gain / self._rules.score_scale)), 3)


class _Read(NamedTuple):
    """A text, its pieces and their best reading."""

    text: str
    spans: list[tuple[int, int, str, str]]
    units: list[Unit]
    pieces: tuple[Piece, ...]
    score: float
    confidences: Sequence[float] | None


class _Gain(NamedTuple):
    """What a sentence gains by a change, what of it counts against the margin, and what if it is part of a longer one.

    The sentence that the language model does not know and the words that are replaced are those of the longer one.
    """

    whole: float
    counted: float
    of_part: float


def _stretches(units: Sequence[Unit], pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """Where neighbouring pieces change something: [start, end)."""
    found: list[tuple[int, int]] = []
    for at, piece in enumerate(pieces):
        if _differs(units, piece):
            start = found.pop()[0] if found and found[-1][1] == at else at
            found.append((start, at + 1))
    return found


def _applied(text: str, edits: list[TextEdit]) -> str:
    for edit in reversed(edits):
        text = text[: edit.start] + edit.after + text[edit.end :]
    return text


def _trimmed(start: int, before: str, after: str, reason: str, score: float) -> TextEdit:
    """An edit of what differs alone."""
    shorter = min(len(before), len(after))
    first = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    last = next((i for i in range(shorter - first) if before[-1 - i] != after[-1 - i]), shorter - first)
    before, after = before[first : len(before) - last], after[first : len(after) - last]
    return TextEdit(start + first, start + first + len(before), before, after, reason, score)


def _plain(units: Sequence[Unit], start: int, end: int) -> list[Piece]:
    """The text as it was recognised."""
    return [Piece(i, i + 1, units[i].text, units[i].token) for i in range(start, end)]


def _num_changed(units: Sequence[Unit], pieces: Sequence[Piece]) -> int:
    """How many units are read as others."""
    changed = 0
    for piece in pieces:
        heard = [unit.text for unit in units[piece.start : piece.end]]
        same_place = zip(heard, piece.text, strict=False) if len(heard) == len(piece.text) else ()
        changed += len(heard) - sum(old == new for old, new in same_place)
    return changed


def _is_of_word(read: _Read, start: int, end: int) -> bool:
    """Whether units of a text belong to a word of general Chinese that has more than one character."""
    first, last = read.spans[start][0], read.spans[end - 1][1]
    position = 0
    for word in segment(read.text):
        position += len(word)
        if position > first and position - len(word) < last and len(word) > 1 and word in general_counts():
            return True
    return False


def _differs(units: Sequence[Unit], piece: Piece) -> bool:
    return piece.text != "".join(unit.text for unit in units[piece.start : piece.end])


def _weight(confidences: Sequence[float] | None, start: int, end: int, slope: float) -> float:
    """How much dearer or cheaper it is to replace what the recogniser was sure or unsure of."""
    if confidences is None:
        return 1.0
    return max(_LEAST_WEIGHT, 1.0 + slope * (sum(confidences[start:end]) / (end - start) - _USUAL_CONFIDENCE))


def _reason(units: Sequence[Unit], pieces: Sequence[Piece]) -> str:
    sources = [piece.source for piece in pieces if piece.source]
    if sources:
        return sources[0]
    if not all(piece.text for piece in pieces):
        return "language_model"
    said = "".join(piece.text for piece in pieces)
    heard = (unit.heard for unit in units[pieces[0].start : pieces[-1].end])
    return "homophone" if all(map(_sounds_equal, said, heard)) else "near_homophone"


def _sounds_equal(said: str, heard: str) -> bool:
    letters = {syllable.letters for syllable in readings(heard)}
    return said == heard or any(syllable.letters in letters for syllable in readings(said))
