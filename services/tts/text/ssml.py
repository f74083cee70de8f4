"""The SSML that is understood: a strict subset of W3C SSML 1.1, parsed without ever expanding an entity.

==============  ===========================================================================================
element         attributes
==============  ===========================================================================================
``speak``       the root; ``version``, ``xmlns``, ``xml:lang`` (``zh...`` or ``en...``)
``p``, ``s``    a paragraph, a sentence: a longer pause at its end
``break``       ``time`` ("500ms", "1.5s", at most 10 s) or ``strength`` (none .. x-strong)
``prosody``     ``rate`` only: x-slow .. x-fast, "120%", "+20%", "1.2"; nested rates multiply, 0.5 to 2 in all
``say-as``      ``interpret-as`` (see :mod:`~voxcart_services.tts.text.interpretation`), ``format`` of a date
``sub``         ``alias``: what is said instead
``phoneme``     ``alphabet`` ("ipa" or "pinyin"), ``ph``
==============  ===========================================================================================

Anything else is refused with its name, never skipped: another element or attribute, a document type declaration (and
with it every entity of one's own), a processing instruction, an element left open. Comments are dropped.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.parsers import expat

from voxcart.errors import InvalidInput
from voxcart_services.tts.text.clauses import Clause, ClauseLimits, ClauseSplitter, pause_after_ms
from voxcart_services.tts.text.interpretation import DATE_FORMATS, INTERPRETATIONS
from voxcart_services.tts.text.notation import phonemes_of_ipa, phonemes_of_pinyin
from voxcart_services.tts.text.reading import Mark

MAX_DOCUMENT_CHARACTERS = 200_000
MAX_DEPTH = 12
MAX_ELEMENTS = 2_000
MAX_BREAK_MS = 10_000
MAX_BREAKS_MS = 120_000
MAX_MARKED_CHARACTERS = 100
MIN_RATE, MAX_RATE = 0.5, 2.0

_ATTRIBUTES: dict[str, frozenset[str]] = {
    "speak": frozenset(("version", "xmlns", "xml:lang")),
    "p": frozenset(),
    "s": frozenset(),
    "break": frozenset(("time", "strength")),
    "prosody": frozenset(("rate",)),
    "say-as": frozenset(("interpret-as", "format", "detail")),
    "sub": frozenset(("alias",)),
    "phoneme": frozenset(("alphabet", "ph")),
}
_MARKING = ("say-as", "sub", "phoneme")
_STRENGTHS_MS = {"none": 0, "x-weak": 50, "weak": 120, "medium": 250, "strong": 500, "x-strong": 1000}
_RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_PARAGRAPH_MS, _SENTENCE_MS = 500, 280
_TIME = re.compile(r"(\d{1,6}(?:\.\d{1,4})?)(ms|s)")
_RATE = re.compile(r"([+-]?)(\d{1,4}(?:\.\d{1,4})?)(%?)")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Passage:
    """Text between two breaks or changes of rate.

    Attributes:
        text: Without tags, runs of white space as one space.
        marks: With offsets in ``text``.
        speaking_rate: How many times as fast as the rest.
        break_ms: Silence that is asked for after it; None: what its punctuation asks for.
    """

    text: str
    marks: tuple[Mark, ...] = ()
    speaking_rate: float = 1.0
    break_ms: int | None = None


@dataclass(frozen=True)
class SsmlDocument:
    """A parsed document.

    Attributes:
        passages: In order; one without text is silence.
        language: ``zh``, ``en``, or empty if it does not say.
    """

    passages: tuple[Passage, ...]
    language: str = ""

    @property
    def text(self) -> str:
        """The text without tags."""
        return "".join(passage.text for passage in self.passages)

    def clauses(self, limits: ClauseLimits | None = None) -> list[Clause]:
        """The clauses that it is spoken in; their offsets are those of :attr:`text`."""
        splitter = ClauseSplitter(limits)
        clauses: list[Clause] = []
        start = 0
        for passage in self.passages:
            own = _clauses_of(passage, splitter, start)
            if passage.break_ms is not None and own:
                last = own[-1]
                own[-1] = Clause(last.text, last.start, passage.break_ms, last.speaking_rate, last.marks)
            elif passage.break_ms:
                own = [Clause("", start, passage.break_ms)]
            clauses += own
            start += len(passage.text)
        if clauses and clauses[-1].text and self.passages[-1].break_ms:
            clauses.append(Clause("", start, self.passages[-1].break_ms))
        return clauses


def ssml_clauses(document: str, limits: ClauseLimits | None = None) -> list[Clause]:
    """The clauses of an SSML document.

    Raises:
        InvalidInput: See :func:`parse_ssml`.
    """
    return parse_ssml(document).clauses(limits)


def parse_ssml(document: str) -> SsmlDocument:
    """Parse a document.

    Raises:
        InvalidInput: It is no SSML of the subset; the sentence says what is wrong, and where.
    """
    if len(document) > MAX_DOCUMENT_CHARACTERS:
        raise InvalidInput(f"the SSML has {len(document)} characters; the limit is {MAX_DOCUMENT_CHARACTERS}")
    reader = _Reader()
    parser = reader.parser
    try:
        parser.Parse(document.strip().encode("utf-8"), True)
    except UnicodeEncodeError as error:
        raise InvalidInput("the SSML has a character that is half of one (a lone surrogate)") from error
    except expat.ExpatError as error:
        raise InvalidInput(reader.complaint(error)) from error
    return reader.document()


@dataclass
class _Open:
    """An element that is open."""

    name: str
    attributes: dict[str, str]
    line: int
    text_start: int
    rate: float


@dataclass
class _Reader:
    """Collects passages while expat reads."""

    parser: expat.XMLParserType = field(init=False)
    _open: list[_Open] = field(default_factory=list)
    _passages: list[Passage] = field(default_factory=list)
    _text: str = ""
    _marks: list[Mark] = field(default_factory=list)
    _language: str = ""
    _elements: int = 0
    _breaks_ms: int = 0

    def __post_init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._refuse("a document type declaration")
        self.parser.EntityDeclHandler = self._refuse("an entity declaration")
        self.parser.ProcessingInstructionHandler = self._refuse("a processing instruction")

    def _refuse(self, what: str) -> Callable[..., None]:
        def refuse(*_: object) -> None:
            raise InvalidInput(f"the SSML has {what} ({self._place()}); none is allowed")

        return refuse

    def _place(self) -> str:
        return f"line {self.parser.CurrentLineNumber}, column {self.parser.CurrentColumnNumber + 1}"

    def complaint(self, error: expat.ExpatError) -> str:
        """What an error of the parser means."""
        place = f"line {error.lineno}, column {error.offset + 1}"
        if error.code == expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS] and not self._open:
            return "the SSML has no <speak> element"
        if error.code == expat.errors.codes[expat.errors.XML_ERROR_TAG_MISMATCH] and self._open:
            return (
                f"the SSML closes another element than <{self._open[-1].name}> of line {self._open[-1].line} ({place})"
            )
        if self._open and error.code in (
            expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS],
            expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
        ):
            return f"the SSML ends before <{self._open[-1].name}> of line {self._open[-1].line} is closed"
        return f"the SSML is not well-formed: {expat.ErrorString(error.code)} ({place})"

    def document(self) -> SsmlDocument:
        """What was read."""
        self._finish_passage(None)
        if not any(passage.text.strip() for passage in self._passages):
            raise InvalidInput("the SSML has no text")
        return SsmlDocument(tuple(self._passages), self._language)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._check_place(name)
        unknown = sorted(set(attributes) - _ATTRIBUTES[name])
        if unknown:
            allowed = ", ".join(sorted(_ATTRIBUTES[name])) or "none"
            raise InvalidInput(f"<{name}> has the attribute {unknown[0][:40]!r} ({self._place()}); allowed: {allowed}")
        rate = self._open[-1].rate if self._open else 1.0
        if name == "speak":
            self._language = self._checked_language(attributes.get("xml:lang", ""))
        elif name in ("p", "s"):
            self._finish_passage(None)
        elif name == "break":
            self._add_break(self._break_ms(attributes))
        elif name == "prosody":
            rate = self._checked_rate(rate, attributes.get("rate", ""))
            self._finish_passage(None)
        self._open.append(_Open(name, attributes, self.parser.CurrentLineNumber, len(self._text), rate))

    def _check_place(self, name: str) -> None:
        if name not in _ATTRIBUTES:
            known = ", ".join(_ATTRIBUTES)
            raise InvalidInput(f"the SSML element <{name[:40]}> is not supported ({self._place()}); known: {known}")
        if (name == "speak") != (not self._open):
            raise InvalidInput(f"<speak> must be the outermost element and no other ({self._place()})")
        if self._open and self._open[-1].name in (*_MARKING, "break"):
            raise InvalidInput(f"<{self._open[-1].name}> may hold text only, not <{name}> ({self._place()})")
        if len(self._open) >= MAX_DEPTH:
            raise InvalidInput(f"SSML elements may be nested {MAX_DEPTH} deep ({self._place()})")
        if self._elements > MAX_ELEMENTS:
            raise InvalidInput(f"the SSML has more than {MAX_ELEMENTS} elements")

    def _end(self, name: str) -> None:
        closed = self._open[-1]
        if name in _MARKING:
            self._add_mark(closed)
        elif name == "p":
            self._finish_passage(_PARAGRAPH_MS, rate=closed.rate)
        elif name == "s":
            self._finish_passage(_SENTENCE_MS, rate=closed.rate)
        elif name == "prosody":
            self._finish_passage(None, rate=closed.rate)
        self._open.pop()

    def _characters(self, data: str) -> None:
        if self._open[-1].name == "break" and data.strip():
            raise InvalidInput(f"<break> may not hold text ({self._place()})")
        data = _SPACES.sub(" ", data)
        self._text += data.lstrip(" ") if not self._text or self._text.endswith(" ") else data

    def _add_mark(self, closed: _Open) -> None:
        start, end = closed.text_start, len(self._text)
        while start < end and self._text[start] == " ":
            start += 1
        while end > start and self._text[end - 1] == " ":
            end -= 1
        value, detail = self._checked_mark(closed)
        if start == end:
            raise InvalidInput(f"<{closed.name}> of line {closed.line} holds no text")
        if end - start > MAX_MARKED_CHARACTERS:
            raise InvalidInput(
                f"<{closed.name}> of line {closed.line} holds more than {MAX_MARKED_CHARACTERS} characters"
            )
        self._marks.append(Mark(start, end, closed.name, value, detail))  # type: ignore[arg-type]

    def _checked_mark(self, closed: _Open) -> tuple[str, str]:
        attributes, line = closed.attributes, closed.line
        if closed.name == "sub":
            alias = _SPACES.sub(" ", attributes.get("alias", "")).strip()
            if not alias or len(alias) > 2 * MAX_MARKED_CHARACTERS:
                raise InvalidInput(
                    f"<sub> of line {line} needs an alias of 1 to {2 * MAX_MARKED_CHARACTERS} characters"
                )
            return alias, ""
        if closed.name == "phoneme":
            alphabet = attributes.get("alphabet", "ipa")
            ph = attributes.get("ph", "")
            if alphabet not in ("ipa", "pinyin"):
                raise InvalidInput(
                    f"<phoneme> of line {line}: alphabet must be 'ipa' or 'pinyin', not {alphabet[:40]!r}"
                )
            if len(ph) > 2 * MAX_MARKED_CHARACTERS:
                raise InvalidInput(f"<phoneme> of line {line}: ph has more than {2 * MAX_MARKED_CHARACTERS} characters")
            try:
                phonemes_of_pinyin(ph) if alphabet == "pinyin" else phonemes_of_ipa(ph)
            except InvalidInput as error:
                raise InvalidInput(f"<phoneme> of line {line}: {error}") from error
            return ph, alphabet
        interpretation, order = attributes.get("interpret-as", ""), attributes.get("format", "")
        if interpretation not in INTERPRETATIONS:
            known = ", ".join(INTERPRETATIONS)
            raise InvalidInput(
                f"<say-as> of line {line}: interpret-as must be one of {known}, not {interpretation[:40]!r}"
            )
        if interpretation == "date" and order and order not in DATE_FORMATS:
            raise InvalidInput(f"<say-as> of line {line}: format must be one of {', '.join(DATE_FORMATS)}")
        return interpretation, order if interpretation == "date" else ""

    def _add_break(self, break_ms: int) -> None:
        self._breaks_ms += break_ms
        if self._breaks_ms > MAX_BREAKS_MS:
            raise InvalidInput(f"the breaks of the SSML add up to more than {MAX_BREAKS_MS // 1000} s")
        self._finish_passage(break_ms)

    def _break_ms(self, attributes: dict[str, str]) -> int:
        time, strength = attributes.get("time"), attributes.get("strength", "medium")
        if time is None:
            if strength not in _STRENGTHS_MS:
                raise InvalidInput(f"<break> strength must be one of {', '.join(_STRENGTHS_MS)} ({self._place()})")
            return _STRENGTHS_MS[strength]
        match = _TIME.fullmatch(time.strip())
        milliseconds = float(match[1]) * (1000 if match[2] == "s" else 1) if match else -1
        if not 0 <= milliseconds <= MAX_BREAK_MS:
            raise InvalidInput(
                f"<break> time must be like '500ms' or '1.5s', at most 10s, not {time[:40]!r} ({self._place()})"
            )
        return round(milliseconds)

    def _checked_rate(self, outer: float, written: str) -> float:
        match = _RATE.fullmatch(written.strip())
        if written in _RATES:
            factor = _RATES[written]
        elif match and match[3]:
            share = float(match[2]) / 100
            factor = {"": share, "+": 1 + share, "-": 1 - share}[match[1]]
        elif match and not match[1]:
            factor = float(match[2])
        else:
            raise InvalidInput(
                f"<prosody> rate must be like 'slow', '120%' or '1.2', not {written[:40]!r} ({self._place()})"
            )
        rate = outer * factor
        if not MIN_RATE <= rate <= MAX_RATE:
            raise InvalidInput(
                f"<prosody> rate comes to {rate:g} ({self._place()}); it must be {MIN_RATE:g} to {MAX_RATE:g}"
            )
        return rate

    def _checked_language(self, written: str) -> str:
        language = written.lower().replace("_", "-").partition("-")[0]
        if language not in ("", "zh", "cmn", "en"):
            raise InvalidInput(f"xml:lang must be Chinese (zh-CN) or English (en-US), not {written[:40]!r}")
        return "zh" if language == "cmn" else language

    def _finish_passage(self, break_ms: int | None, *, rate: float | None = None) -> None:
        """End the passage here; ``break_ms`` 0 is no pause at all, None what punctuation asks for."""
        speaking_rate = rate if rate is not None else (self._open[-1].rate if self._open else 1.0)
        if self._text.strip():
            self._passages.append(Passage(self._text, tuple(self._marks), speaking_rate, break_ms))
        elif break_ms is not None:
            self._lengthen(break_ms)
        self._text, self._marks = "", []

    def _lengthen(self, break_ms: int) -> None:
        """A break without text before it adds to the break before it, or is silence at the start."""
        if not self._passages:
            self._passages.append(Passage("", break_ms=break_ms))
            return
        last = self._passages[-1]
        longer = (
            max(last.break_ms or 0, break_ms)
            if break_ms in (_PARAGRAPH_MS, _SENTENCE_MS)
            else (last.break_ms or 0) + break_ms
        )
        self._passages[-1] = Passage(last.text, last.marks, last.speaking_rate, longer)


def _clauses_of(passage: Passage, splitter: ClauseSplitter, start: int) -> list[Clause]:
    """The clauses of one passage; none ends inside a mark.

    For the splitter a marked stretch is one Latin word, which it does not cut; where it had to, clauses are joined.
    """
    masked = passage.text
    for mark in passage.marks:
        masked = masked[: mark.start] + "a" * (mark.end - mark.start) + masked[mark.end :]
    ends = []
    end = 0
    for part in splitter.push(masked) + splitter.flush():
        end += len(part.text)
        if not any(mark.start < end < mark.end for mark in passage.marks):
            ends.append(end)
    clauses = []
    begun = 0
    for end in ends:
        text = passage.text[begun:end]
        marks = tuple(
            Mark(mark.start - begun, mark.end - begun, mark.kind, mark.value, mark.detail)
            for mark in passage.marks
            if begun <= mark.start < end
        )
        clauses.append(Clause(text, start + begun, pause_after_ms(text), passage.speaking_rate, marks))
        begun = end
    return clauses
