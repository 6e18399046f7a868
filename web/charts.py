"""Charts as SVG without scripts and styles of their own; each says in its text what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 720, 120
TOP, BOTTOM = 14, 4  # of the drawing, free of bars
LEAST = 3.0  # the height of the shortest bar
MARKS = {"good": "", "bad": "✕", "run": "▸", "wait": "◷", "idle": "○"}
"""What stands above a bar, so that its color is not needed."""


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: its size, its state (a key of MARKS), and what it says to who points at it."""

    size: float
    state: str
    text: str


def bars(entries: Sequence[Bar], title: str) -> Markup:
    """A bar chart, the first entry leftmost. It is an image with this title for those who do not see it."""
    largest = max((entry.size for entry in entries), default=0.0) or 1.0
    step = min(WIDTH / max(len(entries), 1), 24.0)
    drawn = Markup().join(_bar(entry, index * step, step, largest) for index, entry in enumerate(entries))
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="xMinYMin meet">'
        '{}<line class="base" x1="0" y1="{}" x2="{}" y2="{}"/></svg>'
    ).format(WIDTH, HEIGHT, title, drawn, HEIGHT - BOTTOM, WIDTH, HEIGHT - BOTTOM)


def _bar(entry: Bar, left: float, step: float, largest: float) -> Markup:
    height = max(LEAST, entry.size / largest * (HEIGHT - TOP - BOTTOM))
    top = HEIGHT - BOTTOM - height
    mark = MARKS[entry.state]
    above = Markup('<text x="{:.1f}" y="{:.1f}">{}</text>').format(left + step * 0.4, top - 3, mark) if mark else ""
    return Markup(
        '<g class="{}"><title>{}</title><rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="1.5"/>{}</g>'
    ).format(entry.state, entry.text, left, top, step * 0.8, height, above)
