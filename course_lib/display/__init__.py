"""From numbers to what a reader sees. Nothing here computes what it shows.

Widgets stand apart in `course_lib.display.widgets`, so that drawing a picture does not load ipywidgets.
"""

from course_lib.display.html import Html, escape, table
from course_lib.display.plots import Picture, bars, curves, loss_curve

__all__ = ["Html", "Picture", "bars", "curves", "escape", "loss_curve", "table"]
