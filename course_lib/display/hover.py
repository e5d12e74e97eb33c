"""A map of named points that say more when pointed at."""

import base64
from collections.abc import Sequence
from itertools import cycle
from typing import Any

from course_lib.display.html import Html, escape
from course_lib.display.plots import COLOURS, FONT_SIZE, INK, Picture, axes, legend

MARKERS = "os^Dv"


class HoverMap(Html):
    """A map for a page, and the picture of it for a place that shows no pages."""

    def __init__(self, markup: str, plain: str, still: bytes) -> None:
        super().__init__(markup, plain)
        self.still = still

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        still = base64.b64encode(self.still).decode("ascii")
        return {"text/html": self.markup, "image/png": still, "text/plain": self.plain}


def hover_map(
    points: Sequence[tuple[float, float]],
    labels: Sequence[str],
    notes: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    *,
    title: str = "",
) -> HoverMap:
    """Points with their names, on axes that mean nothing by themselves.

    Args:
        points: (x, y) of each.
        labels: their names, drawn beside them; an empty one is not drawn.
        notes: what is shown when one is pointed at; None shows the label.
        groups: what each belongs to; groups differ in colour and marker.
        title: of the map.
    """
    groups = [""] * len(points) if groups is None else groups
    picture = Picture(7.2, 5.4)
    ax = axes(picture, xlabel="", ylabel="", title=title)
    ax.set(xticks=[], yticks=[], aspect="equal")
    ax.set_adjustable("datalim")
    for group, colour, marker in zip(dict.fromkeys(groups), cycle(COLOURS), cycle(MARKERS)):
        members = [point for point, its in zip(points, groups, strict=True) if its == group]
        ax.plot(*zip(*members, strict=True), marker, color=colour, markersize=7, linestyle="none", label=group)
    for (x, y), label in zip(points, labels, strict=True):
        ax.annotate(
            label, (x, y), (6, 4), textcoords="offset points", fontsize=FONT_SIZE - 3, color=INK, parse_math=False
        )
    if len(set(groups)) > 1:
        legend(ax)
    still = picture.png()  # draws, and so decides where everything is
    width, height = picture.canvas.get_width_height()
    spots = []
    for point, note in zip(points, labels if notes is None else notes, strict=True):
        x, y = ax.transData.transform(point)
        spots.append(
            f'<span title="{escape(note)}" style="position:absolute;left:{100 * x / width:.2f}%;'
            f'top:{100 - 100 * y / height:.2f}%;width:1.4em;height:1.4em;margin:-0.7em;border-radius:50%"></span>'
        )
    image = base64.b64encode(still).decode("ascii")
    plain = title or "map"
    markup = (
        f'<div style="position:relative;max-width:{width}px"><img style="width:100%" alt="{escape(plain)}" '
        f'src="data:image/png;base64,{image}">{"".join(spots)}</div>'
    )
    return HoverMap(markup, plain, still)
