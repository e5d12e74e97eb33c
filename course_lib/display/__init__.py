"""From numbers to what a reader sees. Nothing here computes what it shows.

Widgets stand apart in `course_lib.display.widgets`, so that drawing a picture does not load ipywidgets.
"""

from course_lib.display.graph import graph
from course_lib.display.hover import hover_map
from course_lib.display.html import Html, Svg, coloured_tokens, escape, table
from course_lib.display.live import LiveCurve
from course_lib.display.plots import Picture, bars, curves, heatmap, landscape, loss_curve, token_bars

__all__ = [
    "Html",
    "LiveCurve",
    "Picture",
    "Svg",
    "bars",
    "coloured_tokens",
    "curves",
    "escape",
    "graph",
    "heatmap",
    "hover_map",
    "landscape",
    "loss_curve",
    "table",
    "token_bars",
]
