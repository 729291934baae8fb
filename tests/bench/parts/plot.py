# SPDX-License-Identifier: Apache-2.0
"""Small pictures of how a cost grows: a line of blocks for the terminal, an SVG for a page."""

from __future__ import annotations

from typing import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 260, 130, 46, 24, 22
SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="10">
<rect width="100%" height="100%" fill="white"/>
{graphs}</svg>
"""


def blocks(values: Sequence[float]) -> str:
    """From zero up, so that what does not grow is flat."""
    top = max(values, default=0)
    return "".join(BLOCKS[min(7, int(value / top * 7.999))] if top > 0 else BLOCKS[0]
                   for value in values)


def short(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _graph(x: int, y: int, title: str, unit: str, at: Sequence[float],
           values: Sequence[float]) -> str:
    """One graph; what it grows with is spread evenly: it grows by factors."""
    top = max(values) or 1
    step = (WIDTH - LEFT - 14) / max(1, len(values) - 1)
    height = HEIGHT - TOP - BOTTOM
    points = [(x + LEFT + i * step, y + TOP + height * (1 - value / top))
              for i, value in enumerate(values)]
    out = [f'<text x="{x + 6}" y="{y + 13}" font-weight="bold">{title}</text>',
           f'<line x1="{x + LEFT}" y1="{y + TOP + height}" x2="{x + WIDTH - 8}" '
           f'y2="{y + TOP + height}" stroke="#999"/>',
           f'<text x="{x + LEFT - 4}" y="{y + TOP + 4}" text-anchor="end">{short(top)}</text>',
           f'<text x="{x + LEFT - 4}" y="{y + TOP + height}" text-anchor="end">0</text>',
           f'<text x="{x + LEFT - 4}" y="{y + TOP + height / 2}" text-anchor="end" '
           f'fill="#777">{unit}</text>',
           '<polyline fill="none" stroke="#1a5fb4" stroke-width="2" points="'
           + " ".join(f"{px:.1f},{py:.1f}" for px, py in points) + '"/>']
    for (px, py), place in zip(points, at):
        out.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.5" fill="#1a5fb4"/>')
        out.append(f'<text x="{px:.1f}" y="{y + HEIGHT - 8}" text-anchor="middle">'
                   f'{short(place)}</text>')
    return "\n".join(out) + "\n"


def page(graphs: Sequence[tuple[str, str, Sequence[float], Sequence[float]]]) -> str:
    """(title, unit, where, values) each; three beside each other."""
    drawn = [_graph(i % 3 * WIDTH, i // 3 * HEIGHT, *graph) for i, graph in enumerate(graphs)]
    rows = (len(graphs) + 2) // 3
    return SVG.format(width=WIDTH * min(3, max(1, len(graphs))), height=HEIGHT * max(1, rows),
                      graphs="".join(drawn))
