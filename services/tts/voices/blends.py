"""Blends of voices by expression: ``zf_xiaobei:0.6+zf_xiaoni:0.4``."""

import math
from dataclasses import dataclass

from voxcart.errors import InvalidInput

MOST_PARTS = 8
LARGEST_SHARE = 100.0


@dataclass(frozen=True)
class BlendPart:
    """One voice of a blend; the shares of all parts add up to 1."""

    voice: str
    share: float


def is_blend(expression: str) -> bool:
    """Whether this is a blend rather than the name of a voice."""
    return "+" in expression or ":" in expression


def parse_blend(expression: str) -> tuple[BlendPart, ...]:
    """Voices and shares of a blend, brought to a sum of 1, sorted by name so that equal blends are equal.

    Args:
        expression: ``name:share`` joined by ``+``. Without any share all parts count the same.

    Raises:
        InvalidInput: A share is missing, no number, not above 0 or over 100; a voice is named twice; over 8 parts.
    """
    terms = [term.strip() for term in expression.split("+")]
    if len(terms) > MOST_PARTS:
        raise InvalidInput(f"a blend has at most {MOST_PARTS} voices, not {len(terms)}")
    named = [tuple(part.strip() for part in term.partition(":")) for term in terms]
    if any(not name for name, _, _ in named):
        raise InvalidInput(f"a blend is written voice:share+voice:share, not {expression[:64]!r}")
    if len({name for name, _, _ in named}) < len(named):
        raise InvalidInput(f"a blend names each voice once, not as in {expression[:64]!r}")
    if len({bool(colon) for _, colon, _ in named}) > 1:
        raise InvalidInput(f"either all voices of a blend have a share or none, not as in {expression[:64]!r}")
    shares = [_share(text, expression) if colon else 1.0 for _, colon, text in named]
    total = math.fsum(shares)
    parts = (BlendPart(name, share / total) for (name, _, _), share in zip(named, shares, strict=True))
    return tuple(sorted(parts, key=lambda part: part.voice))


def blend_name(parts: tuple[BlendPart, ...]) -> str:
    """One way to write a blend, whatever way it was asked for."""
    return "+".join(f"{part.voice}:{part.share:.4g}" for part in parts)


def _share(text: str, expression: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0.0 < share <= LARGEST_SHARE:
        raise InvalidInput(
            f"the share of a voice is a number above 0 and at most {LARGEST_SHARE:g}, not {text[:32]!r} "
            f"as in {expression[:64]!r}"
        )
    return share
