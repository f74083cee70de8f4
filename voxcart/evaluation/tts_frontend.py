"""How many written texts the speech front end says right: written-spoken pairs.

A pairs file is tab-separated; ``#`` starts a comment line. With a header line that names ``written`` and ``spoken`` the
columns are found by name; without one a line is ``written, spoken`` or ``batch, check, category, language, written,
spoken``.

============  =====================================================================================================
column        content
============  =====================================================================================================
``written``   the text as a reply holds it
``spoken``    what is to be said; several right answers are parted by `` | ``
``check``     ``words`` (the default): punctuation, spaces and case do not count; ``pinyin``: syllables with tone
              numbers (5 is the neutral tone) as they are said, with tone sandhi inside words; ``ipa``: the voice
              model's phonemes
``language``  ``zh``, ``en``, ``mixed`` or empty: taken from the text
``category``  a group to score apart
``batch``     a group to score apart: ``first`` if the pair was written before its outcome was seen
============  =====================================================================================================
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from voxcart.errors import InvalidInput
from voxcart.evaluation.scoring import percentile

CHECKS = ("words", "pinyin", "ipa")
_LANGUAGES = ("", "zh", "en", "mixed")
_COLUMNS = ("batch", "check", "category", "language", "written", "spoken")
_ALTERNATIVES = " | "
_NOT_WORDS = re.compile(r"[^\w]|_")


@dataclass(frozen=True)
class Pair:
    """One line of a pairs file; see the module for the columns. ``spoken`` holds every right answer."""

    written: str
    spoken: tuple[str, ...]
    check: str = "words"
    language: str = ""
    category: str = ""
    batch: str = ""


class Reader(Protocol):
    """The front end under test."""

    def spoken(self, written: str, language: str) -> str:
        """What is said, in words."""

    def phonemes(self, written: str, language: str) -> str:
        """What the voice model is given."""

    def phonemes_of_pinyin(self, syllables: str) -> str:
        """The phonemes of syllables with tone numbers, parted by spaces."""


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file.

    Raises:
        InvalidInput: It cannot be read, is empty, or a line does not fit; the sentence names the line.
    """
    try:
        rows = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read the pairs {path}: {error}") from error
    columns: Sequence[str] | None = None
    pairs = []
    for number, row in enumerate(rows, 1):
        if not row.strip() or row.startswith("#"):
            continue
        cells = [cell.strip() for cell in row.split("\t")]
        if columns is None and {"written", "spoken"} <= set(cells):
            columns = cells
            continue
        columns = columns or (_COLUMNS if len(cells) > 2 else _COLUMNS[-2:])
        pairs.append(_pair(dict(zip(columns, cells, strict=False)), f"{path} line {number}"))
    if not pairs:
        raise InvalidInput(f"{path} holds no pairs")
    return pairs


def _pair(cells: dict[str, str], place: str) -> Pair:
    check = cells.get("check") or "words"
    language = cells.get("language", "")
    if not cells.get("written") or not cells.get("spoken"):
        raise InvalidInput(f"{place}: written and spoken must both hold something")
    if check not in CHECKS:
        raise InvalidInput(f"{place}: check must be one of {', '.join(CHECKS)}, not {check!r}")
    if language not in _LANGUAGES:
        raise InvalidInput(f"{place}: language must be zh, en, mixed or empty, not {language!r}")
    spoken = tuple(answer.strip() for answer in cells["spoken"].split(_ALTERNATIVES))
    return Pair(cells["written"], spoken, check, language, cells.get("category", ""), cells.get("batch", ""))


def evaluate(pairs: Iterable[Pair], reader: Reader) -> dict[str, Any]:
    """Shares that are right, overall and by check, category, language and batch, and the pairs that are wrong."""
    groups: dict[str, dict[str, list[bool]]] = {name: defaultdict(list) for name in ("check", "category", "batch")}
    groups["language"] = defaultdict(list)
    outcomes: list[bool] = []
    wrong: list[dict[str, str]] = []
    milliseconds: list[float] = []
    for pair in pairs:
        started = time.perf_counter()
        said = _said(pair, reader)
        milliseconds.append((time.perf_counter() - started) * 1000)
        is_right = _comparable(said, pair.check) in [_expected(answer, pair.check, reader) for answer in pair.spoken]
        outcomes.append(is_right)
        for name, values in groups.items():
            values[getattr(pair, name) or "none"].append(is_right)
        if not is_right:
            wrong.append({"written": pair.written, "spoken": _ALTERNATIVES.join(pair.spoken), "said": said})
    return {
        "pairs": len(outcomes),
        "right": sum(outcomes),
        "share": sum(outcomes) / len(outcomes) if outcomes else None,
        **{f"by_{name}": {key: _share(values) for key, values in sorted(of.items())} for name, of in groups.items()},
        "milliseconds": {"p50": percentile(milliseconds, 0.5), "p95": percentile(milliseconds, 0.95)},
        "wrong": wrong,
    }


def _share(outcomes: list[bool]) -> dict[str, float]:
    return {"pairs": len(outcomes), "right": sum(outcomes), "share": sum(outcomes) / len(outcomes)}


def _said(pair: Pair, reader: Reader) -> str:
    language = pair.language if pair.language in ("zh", "en") else ""
    return reader.spoken(pair.written, language) if pair.check == "words" else reader.phonemes(pair.written, language)


def _expected(answer: str, check: str, reader: Reader) -> str:
    return _comparable(reader.phonemes_of_pinyin(answer) if check == "pinyin" else answer, check)


def _comparable(text: str, check: str) -> str:
    return _NOT_WORDS.sub("", text).casefold() if check == "words" else re.sub(r"[\s,.!?;:…—]", "", text)


def check_pairs(path: Path) -> dict[str, Any]:
    """:func:`evaluate` for the pairs of a file and the front end of the speech service.

    Raises:
        InvalidInput: The file cannot be read or a line does not fit.
    """
    return evaluate(read_pairs(path), FrontEndReader())


class FrontEndReader:
    """The front end of the speech service, without a voice model."""

    def __init__(self) -> None:
        from voxcart_services.tts.text.front_end import FrontEnd

        self._front_end = FrontEnd()
        for language in ("zh", "en"):
            self._front_end.warm_up(language)

    def spoken(self, written: str, language: str) -> str:
        """See :class:`Reader`."""
        return self._pronunciation(written, language).spoken

    def phonemes(self, written: str, language: str) -> str:
        """See :class:`Reader`."""
        return self._pronunciation(written, language).phonemes

    def phonemes_of_pinyin(self, syllables: str) -> str:
        """See :class:`Reader`."""
        from voxcart_services.tts.text.notation import phonemes_of_pinyin

        return phonemes_of_pinyin(syllables)

    def _pronunciation(self, written: str, language: str):
        from voxcart_services.tts.text.clauses import Clause
        from voxcart_services.tts.text.normalization import language_of

        return self._front_end.pronounce(Clause(written, 0, 0), language=language or language_of(written))
