"""Text that knows where each of its characters was written: rewriting it keeps captions in step with speech."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

GIVEN_FIRST, GIVEN_LAST = "\ue000", "\uf8ff"
"""Characters for private use: each stands for a stretch whose pronunciation is given (lexicon, SSML)."""

Span = tuple[int, int]
"""Offsets [start, end) in the text as it was written."""


@dataclass(frozen=True)
class Rewrite:
    """One stretch of a text and what stands in its place."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class TracedText:
    """A text and, for each of its characters, the written stretch that it stands for.

    Attributes:
        text: The text as it is now.
        spans: As many as ``text`` has characters. Characters that came out of one rewrite share a span.
    """

    text: str
    spans: tuple[Span, ...]

    @staticmethod
    def of(text: str) -> "TracedText":
        """A text as it was written: every character stands for itself."""
        return TracedText(text, tuple((index, index + 1) for index in range(len(text))))

    def sub(self, pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str]) -> "TracedText":
        """Like ``pattern.sub``. A replacement stands for all that it replaces."""
        found = pattern.finditer(self.text)
        make: Callable[[re.Match[str]], str] = replacement if callable(replacement) else lambda match: replacement
        rewrites = [Rewrite(match.start(), match.end(), make(match)) for match in found]
        return self.rewritten(rewrites) if rewrites else self

    def rewritten(self, rewrites: Iterable[Rewrite]) -> "TracedText":
        """The text with stretches of it replaced. ``rewrites`` are in order and do not overlap."""
        pieces: list[str] = []
        spans: list[Span] = []
        done = 0
        for rewrite in rewrites:
            pieces += (self.text[done : rewrite.start], rewrite.text)
            spans += self.spans[done : rewrite.start]
            spans += [self.written(rewrite.start, rewrite.end)] * len(rewrite.text)
            done = rewrite.end
        pieces.append(self.text[done:])
        spans += self.spans[done:]
        return TracedText("".join(pieces), tuple(spans))

    def map(self, change: Callable[[str], str]) -> "TracedText":
        """Each character replaced by none, one or several."""
        changed = [change(character) for character in self.text]
        spans = [span for span, now in zip(self.spans, changed, strict=True) for _ in now]
        return TracedText("".join(changed), tuple(spans))

    def part(self, start: int, end: int) -> "TracedText":
        """A stretch of the text."""
        return TracedText(self.text[start:end], self.spans[start:end])

    def written(self, start: int, end: int) -> Span:
        """The written stretch that the characters [start, end) stand for."""
        if start < end:
            return self.spans[start][0], self.spans[end - 1][1]
        if start < len(self.spans):
            return (self.spans[start][0],) * 2
        return (self.spans[-1][1],) * 2 if self.spans else (0, 0)

    def __iter__(self) -> Iterator[tuple[str, Span]]:
        return iter(zip(self.text, self.spans, strict=True))


def joined(parts: Iterable[TracedText]) -> TracedText:
    """Texts put together, in the order of what was written."""
    known = list(parts)
    return TracedText("".join(part.text for part in known), tuple(span for part in known for span in part.spans))
