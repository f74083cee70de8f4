"""A picture as plain shapes, and its two forms: SVG text and a PNG drawn with Pillow.

Both are made from the same shapes. The SVG names fonts and leaves the drawing of text to whoever shows it; the PNG is
drawn with the font that comes with the service (data/fonts), which has the characters of GB 2312 and Latin letters.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).parent / "data" / "fonts" / "wqy-microhei-gb2312.ttf"
FONT_FAMILY = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','WenQuanYi Micro Hei',sans-serif"
SCALE = 2
"""Pixels of the PNG for each unit of a shape, so that text is sharp on dense screens."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line one unit wide."""

    x1: float
    y1: float
    x2: float
    y2: float
    color: str


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; ``y`` is its baseline."""

    x: float
    y: float
    text: str
    size: int
    color: str
    anchor: Anchor = "start"


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes in the order they are drawn, on a white ground; ``alt_text`` says what it shows."""

    width: int
    height: int
    shapes: Sequence[Box | Rule | Label]
    alt_text: str


@lru_cache(maxsize=32)
def font_of(size: int) -> ImageFont.FreeTypeFont:
    """The font in a size, units of the picture times :data:`SCALE`."""
    return ImageFont.truetype(str(FONT), size)


def text_width(text: str, size: int) -> float:
    """How wide a text is drawn, in units of the picture."""
    return font_of(size).getlength(text)


def shortened(text: str, size: int, width: float) -> str:
    """The text, cut and ended with "…" if it is wider than ``width``."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def to_svg(picture: Picture) -> bytes:
    """The picture as SVG, UTF-8."""
    size = f'width="{picture.width}" height="{picture.height}" viewBox="0 0 {picture.width} {picture.height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family={quoteattr(FONT_FAMILY)}>',
        f"<title>{_text(picture.alt_text)}</title>",
        f'<rect width="{picture.width}" height="{picture.height}" fill="#ffffff"/>',
        *(_svg_shape(shape) for shape in picture.shapes),
        "</svg>",
    ]
    return "".join(parts).encode()


def _text(text: str) -> str:
    """Escaped, without characters that XML cannot hold."""
    return escape("".join(c for c in text if c.isprintable()))


def _svg_shape(shape: Box | Rule | Label) -> str:
    if isinstance(shape, Box):
        place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
        return f'<rect {place} fill="{shape.fill}"/>'
    if isinstance(shape, Rule):
        ends = f'x1="{shape.x1:.1f}" y1="{shape.y1:.1f}" x2="{shape.x2:.1f}" y2="{shape.y2:.1f}"'
        return f'<line {ends} stroke="{shape.color}"/>'
    place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" font-size="{shape.size}" text-anchor="{shape.anchor}"'
    return f'<text {place} fill="{shape.color}">{_text(shape.text)}</text>'


def to_png(picture: Picture) -> bytes:
    """The picture as PNG, :data:`SCALE` pixels a unit. Takes a tenth of a second of CPU time: call it in a thread."""
    image = Image.new("RGB", (picture.width * SCALE, picture.height * SCALE), "#ffffff")
    draw = ImageDraw.Draw(image)
    for shape in picture.shapes:
        _draw(draw, shape)
    colors = image.quantize(colors=64, dither=Image.Dither.NONE)
    out = io.BytesIO()
    colors.save(out, "PNG", optimize=True)
    return out.getvalue()


def _draw(draw: ImageDraw.ImageDraw, shape: Box | Rule | Label) -> None:
    if isinstance(shape, Box):
        right, bottom = (shape.x + shape.width) * SCALE - 1, (shape.y + shape.height) * SCALE - 1
        if right >= shape.x * SCALE and bottom >= shape.y * SCALE:
            draw.rectangle((shape.x * SCALE, shape.y * SCALE, right, bottom), fill=shape.fill)
    elif isinstance(shape, Rule):
        ends = (shape.x1 * SCALE, shape.y1 * SCALE, shape.x2 * SCALE, shape.y2 * SCALE)
        draw.line(ends, fill=shape.color, width=SCALE)
    else:
        anchor = {"start": "ls", "middle": "ms", "end": "rs"}[shape.anchor]
        place = (shape.x * SCALE, shape.y * SCALE)
        draw.text(place, shape.text, fill=shape.color, font=font_of(shape.size * SCALE), anchor=anchor)
