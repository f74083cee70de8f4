"""Where everything stands in a chart: vertical bars over time, horizontal bars by name. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from voxcart_services.shop.chart_drawing import Box, Label, Picture, Rule, shortened, text_width

WIDTH = 640
HEIGHT = 360
MARGIN = 20
TITLE_SIZE = 18
TEXT_SIZE = 12
ROW_HEIGHT = 34
NAME_WIDTH = 190
MAX_ROWS = 12
MAX_BARS = 400

BAR = "#2f6fde"
LOSS = "#d9534f"
INK = "#1f2933"
FAINT = "#7b8794"
GRID = "#e4e7eb"


@dataclass(frozen=True, slots=True)
class Bar:
    """One value with its name. ``text`` is how the value is written."""

    name: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart shows.

    Attributes:
        title: What and when.
        subtitle: The sum, and how it compares.
        unit: What the values are in; stands over the axis.
        empty_text: Stands in the middle when there is nothing to show.
    """

    title: str
    subtitle: str
    unit: str
    bars: tuple[Bar, ...]
    empty_text: str
    is_trend: bool


def lay_out(chart: Chart) -> Picture:
    """The shapes of a chart. Of too many bars the first are shown."""
    shapes: list[Box | Rule | Label] = [
        Label(MARGIN, 34, shortened(chart.title, TITLE_SIZE, WIDTH - 2 * MARGIN), TITLE_SIZE, INK),
        Label(MARGIN, 56, shortened(chart.subtitle, TEXT_SIZE, WIDTH - 2 * MARGIN), TEXT_SIZE, FAINT),
    ]
    bars = chart.bars[: MAX_BARS if chart.is_trend else MAX_ROWS]
    height = HEIGHT if chart.is_trend else 80 + ROW_HEIGHT * max(3, len(bars)) + MARGIN
    if not any(bar.value for bar in bars) and (chart.is_trend or not bars):
        shapes.append(Label(WIDTH / 2, height / 2 + 20, chart.empty_text, TEXT_SIZE + 2, FAINT, "middle"))
    elif chart.is_trend:
        shapes += _columns(bars, chart.unit)
    else:
        shapes += _rows(bars)
    alt = "; ".join([f"{chart.title}. {chart.subtitle}", *(f"{bar.name} {bar.text}" for bar in bars[:MAX_ROWS])])
    return Picture(WIDTH, height, shapes, alt)


def _columns(bars: Sequence[Bar], unit: str) -> list[Box | Rule | Label]:
    top, bottom, right = 92, HEIGHT - 40, WIDTH - MARGIN
    low, high, step = axis(min(bar.value for bar in bars), max(bar.value for bar in bars))
    ticks = [low + step * number for number in range(round((high - low) / step) + 1)]
    left = MARGIN + max(text_width(short_number(tick), TEXT_SIZE) for tick in ticks) + 8
    shapes: list[Box | Rule | Label] = [Label(MARGIN, top - 14, unit, TEXT_SIZE, FAINT)]

    def height_of(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - top)

    for tick in ticks:
        shapes.append(Rule(left, height_of(tick), right, height_of(tick), FAINT if tick == 0 else GRID))
        shapes.append(Label(left - 6, height_of(tick) + 4, short_number(tick), TEXT_SIZE, FAINT, "end"))
    room = (right - left) / len(bars)
    every = math.ceil(max(text_width(bar.name, TEXT_SIZE) + 10 for bar in bars) / room)
    for number, bar in enumerate(bars):
        edges = sorted((height_of(bar.value), height_of(0)))
        thickness = min(48.0, room * 0.7)
        x = left + room * (number + 0.5)
        color = BAR if bar.value >= 0 else LOSS
        shapes.append(Box(x - thickness / 2, edges[0], thickness, edges[1] - edges[0], color))
        if number % every == 0:
            shapes.append(Label(x, bottom + 18, bar.name, TEXT_SIZE, FAINT, "middle"))
        if text_width(bar.text, TEXT_SIZE) + 6 <= room and bar.value:
            shapes.append(Label(x, edges[0] - 5, bar.text, TEXT_SIZE, INK, "middle"))
    return shapes


def _rows(bars: Sequence[Bar]) -> list[Box | Rule | Label]:
    left = MARGIN + NAME_WIDTH + 10
    text_room = max(text_width(bar.text, TEXT_SIZE) for bar in bars) + 10
    longest = max(1e-9, *(abs(bar.value) for bar in bars))
    shapes: list[Box | Rule | Label] = []
    for number, bar in enumerate(bars):
        y = 80 + ROW_HEIGHT * number
        length = (WIDTH - MARGIN - text_room - left) * abs(bar.value) / longest
        name = shortened(bar.name, TEXT_SIZE, NAME_WIDTH)
        shapes.append(Label(left - 10, y + 18, name, TEXT_SIZE, INK, "end"))
        shapes.append(Box(left, y + 4, length, ROW_HEIGHT - 14, BAR if bar.value >= 0 else LOSS))
        shapes.append(Label(left + length + 6, y + 18, bar.text, TEXT_SIZE, INK))
    return shapes


def axis(least: float, most: float) -> tuple[float, float, float]:
    """Lowest and highest tick of an axis that holds zero and all values, and their distance: 1, 2 or 5 × 10^n."""
    low, high = min(0.0, least), max(0.0, most)
    span = high - low or 1.0
    power = 10.0 ** math.floor(math.log10(span / 4))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= span / 5)
    return math.floor(low / step) * step, math.ceil(high / step) * step or step, step


def short_number(value: float) -> str:
    """A number for an axis: 1,200; 12k; 3.5M."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= limit:
            scale = 1e3 if letter == "k" else limit
            return f"{value / scale:.1f}".removesuffix(".0") + letter
    return f"{value:,.2f}".rstrip("0").rstrip(".")
