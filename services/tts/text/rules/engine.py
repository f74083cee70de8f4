"""How rules are applied: each claims stretches of a clause, the first in the list before the later ones."""

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from wetext import Normalizer

from voxcart_services.tts.metrics import GRAMMAR_REFUSALS_TOTAL
from voxcart_services.tts.text.traced import Rewrite

Say = Callable[[re.Match[str]], str | None]
"""What is said for a match; None: the rule does not apply here after all."""

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|(?<![\w.])\.\d+)"
"""1299, 1,299.50, .5"""
DASH = r"\s*[-~–—]\s*"
"""Between the ends of a range."""

_DIGIT = re.compile(r"[0-9]")
_grammar_lock = threading.Lock()
"""wetext's grammars are not documented as thread-safe, so one call runs at a time (about 2 ms each)."""


@dataclass(frozen=True)
class Rule:
    """One way of writing something, and how it is said.

    Attributes:
        pattern: What is looked for. If it has a group ``it``, only that is replaced; the rest is context.
        say: Gives what is said.
    """

    pattern: re.Pattern[str]
    say: Say


def rule(pattern: str, say: str | Say, flags: int = 0) -> Rule:
    r"""A rule from a regular expression and a fixed text or a function. ``\w`` and ``\b`` know ASCII only."""
    if isinstance(say, str):
        fixed = say
        return Rule(re.compile(pattern, flags | re.ASCII), lambda match: fixed)
    return Rule(re.compile(pattern, flags | re.ASCII), say)


def rewrites(text: str, rules: Iterable[Rule], taken: Iterable[Rewrite] = ()) -> list[Rewrite]:
    """What the rules say for stretches of ``text``, in order, together with what was ``taken`` before.

    A stretch belongs to the first rule that claims it; rules see the text around it as it is written.
    """
    claimed = list(taken)
    is_taken = bytearray(len(text))
    for rewrite in claimed:
        is_taken[rewrite.start : rewrite.end] = b"\1" * (rewrite.end - rewrite.start)
    for each in rules:
        position = 0
        while match := each.pattern.search(text, position):
            start, end = match.span("it") if "it" in each.pattern.groupindex else match.span()
            said = None if start == end or any(is_taken[start:end]) else each.say(match)
            if said is None:
                position = match.start() + 1
                continue
            claimed.append(Rewrite(start, end, said))
            is_taken[start:end] = b"\1" * (end - start)
            position = max(end, match.start() + 1)
    return sorted(claimed, key=lambda rewrite: rewrite.start)


@lru_cache(maxsize=2)
def _grammar(language: str) -> Normalizer:
    return Normalizer(lang=language, operator="tn", remove_erhua=False)


def by_grammar(written: str, language: str) -> str | None:
    """What wetext's grammar says for a stretch with digits; None if it does not accept it or leaves digits."""
    with _grammar_lock:
        try:
            said = str(_grammar(language).normalize(written))
        except AssertionError:
            GRAMMAR_REFUSALS_TOTAL.inc()
            return None
    return None if _DIGIT.search(said) or said == written else said
