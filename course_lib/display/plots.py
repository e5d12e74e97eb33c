"""Data in, figure out: every picture of the course in one style.

The figures keep a white ground of their own, so that they read the same in a light and in a dark theme; letters are
large enough for a picture shown 400 pixels wide; and series differ in dash and marker as well as in colour, so that
nothing depends on colour vision (colours: Okabe and Ito, "Color Universal Design", 2008).
"""

import io
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from PIL import Image
from torch import Tensor

BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#0072B2", "#D55E00", "#009E73", "#AA4499", "#56B4E9", "#CC3311"
INK, GREY = "#222222", "#767676"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY)
DASHES = ("-", "--", "-.", ":", (0, (6, 2, 1, 2, 1, 2)))
FONT_SIZE = 13


class Picture(Figure):
    """A figure that shows itself in any notebook and needs no global plotting state."""

    def __init__(self, width: float = 6.4, height: float = 3.6) -> None:
        """`width` and `height` in inches."""
        super().__init__(figsize=(width, height), dpi=110, facecolor="white", layout="constrained")
        FigureCanvasAgg(self)

    def png(self) -> bytes:
        """The picture as a PNG file; 64 colours are plenty for a plot, and make it a third as large."""
        drawn = io.BytesIO()
        self.savefig(drawn, format="png")
        small = io.BytesIO()
        Image.open(drawn).convert("RGB").quantize(64).save(small, format="png", optimize=True)
        return small.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png()


def axes(figure: Figure, *, xlabel: str, ylabel: str, title: str = "", place: tuple[int, int, int] = (1, 1, 1)) -> Axes:
    """One plot of `figure` in the style of the course; `place` is (rows, columns, number) as in matplotlib."""
    ax = figure.add_subplot(*place)
    ax.set_facecolor("white")
    ax.set_xlabel(xlabel, fontsize=FONT_SIZE, color=INK, parse_math=False)
    ax.set_ylabel(ylabel, fontsize=FONT_SIZE, color=INK, parse_math=False)
    ax.set_title(title, fontsize=FONT_SIZE, color=INK, loc="left", parse_math=False)
    ax.tick_params(labelsize=FONT_SIZE - 2, colors=INK)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25, linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def legend(ax: Axes, **options: Any) -> None:
    """A legend that takes labels literally."""
    for text in ax.legend(fontsize=FONT_SIZE - 2, frameon=False, **options).get_texts():
        text.set_parse_math(False)


def curves(
    x: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    lines: Mapping[str, float] | None = None,
    marks: Mapping[str, tuple[float, float]] | None = None,
    log: str = "",
) -> Picture:
    """One curve per entry of `series` over the shared `x`.

    `lines`: horizontal reference lines, name to height. `marks`: single points, name to (x, y). `log`: the axes on
    which equal distances are equal factors, "x", "y" or "xy".
    """
    picture = Picture()
    ax = axes(picture, xlabel=xlabel, ylabel=ylabel, title=title)
    ax.set(**{f"{axis}scale": "log" for axis in log})
    for (label, y), colour, dash in zip(series.items(), cycle(COLOURS), cycle(DASHES)):
        ax.plot(x, y, linestyle=dash, color=colour, linewidth=2.2, label=label)
    reference_lines(ax, lines or {})
    for label, (mark_x, mark_y) in (marks or {}).items():
        ax.plot(mark_x, mark_y, "o", color=INK, markersize=8)
        ax.annotate(
            label, (mark_x, mark_y), (8, 10), textcoords="offset points", fontsize=FONT_SIZE - 2, color=INK,
            parse_math=False, bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )  # fmt: skip
    if len(series) > 1:
        legend(ax)
    for axis in log:
        _plain_ticks(getattr(ax, f"{axis}axis"))
    return picture


def _plain_ticks(axis: Axis) -> None:
    """Numbers as one would write them on an axis of factors, with 2 and 5 between the powers where there is room."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def reference_lines(ax: Axes, lines: Mapping[str, float]) -> None:
    """Named horizontal lines; the name stands below the line at its right end."""
    for label, height in lines.items():
        ax.axhline(height, color=INK, linewidth=1.4, linestyle=(0, (2, 2)))
        ax.annotate(
            label, (1, height), (-4, -3), xycoords=("axes fraction", "data"), textcoords="offset points",
            ha="right", va="top", fontsize=FONT_SIZE - 2, color=INK, parse_math=False,
        )  # fmt: skip


def stacked_curves(x: Sequence[float], series: Mapping[str, Sequence[float]], *, xlabel: str) -> Picture:
    """One plot per entry of `series`, one above the other over the shared `x`; the name labels its axis."""
    picture = Picture(height=0.6 + 1.9 * len(series))
    for row, ((label, y), colour) in enumerate(zip(series.items(), cycle(COLOURS)), start=1):
        ax = axes(picture, xlabel=xlabel if row == len(series) else "", ylabel=label, place=(len(series), 1, row))
        ax.plot(x, y, ".", color=colour, markersize=6)
    return picture


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    xlabel: str,
    title: str = "",
    highlight: int | None = None,
    number: str = "{:.3f}",
    limits: tuple[float, float] | None = None,
) -> Picture:
    """Horizontal bars, the first on top, each with its number; the bar `highlight` is hatched and of another colour.

    `limits` fixes the range of the axis, so that bars can be watched moving.
    """
    picture = Picture(height=1.1 + 0.42 * len(labels))
    ax = axes(picture, xlabel=xlabel, ylabel="", title=title)
    _draw_bars(ax, labels, values, highlight, number)
    if limits is None:
        ax.margins(x=0.18)
    else:
        ax.set_xlim(*limits)
    return picture


def paired_bars(
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    limits: Sequence[tuple[float, float]],
    highlight: int | None = None,
) -> Picture:
    """Bars for several quantities of the same things, side by side.

    `limits` fixes the range of each axis, so that bars can be watched moving.
    """
    picture = Picture(height=1.1 + 0.42 * len(labels))
    for column, ((xlabel, values), limit) in enumerate(zip(series.items(), limits, strict=True), start=1):
        ax = axes(picture, xlabel=xlabel, ylabel="", place=(1, len(series), column))
        _draw_bars(ax, labels if column == 1 else [""] * len(labels), values, highlight, "{:.2f}")
        ax.set_xlim(*limit)
    return picture


def _draw_bars(ax: Axes, labels: Sequence[str], values: Sequence[float], highlight: int | None, number: str) -> None:
    drawn = ax.barh(range(len(labels)), values, color=SKY, edgecolor=INK, linewidth=0.8)
    if highlight is not None:
        drawn[highlight].set(facecolor=ORANGE, hatch="//")
    ax.set_yticks(range(len(labels)), labels=labels, parse_math=False)
    ax.tick_params(axis="y", labelsize=FONT_SIZE)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.bar_label(drawn, [number.format(value) for value in values], padding=4, fontsize=FONT_SIZE - 1, color=INK)
    if min(values) < 0:
        ax.axvline(0, color=INK, linewidth=1)


def token_bars(
    probabilities: Sequence[float],
    names: Sequence[str],
    *,
    top: int = 8,
    highlight: int | None = None,
    xlabel: str = "probability of the next token",
    title: str = "",
) -> Picture:
    """A forecast: a bar for each of the `top` likeliest tokens, and one for all others together.

    `highlight`: the id of a token whose bar stands out; it is shown even where it is not among the likeliest.
    """
    values = [float(p) for p in probabilities]
    shown = sorted(range(len(values)), key=lambda id: -values[id])[:top]
    if highlight is not None and highlight not in shown:
        shown.append(highlight)
    others = len(values) - len(shown)
    labels, heights = [names[id] for id in shown], [values[id] for id in shown]
    if others:
        labels.append(f"({others} others)")
        heights.append(max(0.0, sum(values) - sum(heights)))
    marked = None if highlight is None else shown.index(highlight)
    return bars(labels, heights, xlabel=xlabel, title=title, highlight=marked, limits=(0, 1.15))


def heatmap(
    values: Sequence[Sequence[float]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    number: str = "{:.2f}",
) -> Picture:
    """A table of numbers from 0 to 1 as shades, the darker the larger, with the number in each cell.

    `number` is how one is written; "" leaves them out, where there are too many to read.
    """
    cell = 0.62 if number else 0.36
    picture = Picture(width=max(4.2, 1.9 + cell * len(columns)), height=max(2.6, 1.5 + 0.8 * cell * len(rows)))
    ax = axes(picture, xlabel=xlabel, ylabel=ylabel, title=title)
    ax.grid(visible=False)
    ax.imshow([[float(value) for value in row] for row in values], cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(
        range(len(columns)), labels=columns, parse_math=False, rotation=45, ha="right", rotation_mode="anchor"
    )
    ax.set_yticks(range(len(rows)), labels=rows, parse_math=False)
    ax.spines[:].set_visible(False)
    for i, row in enumerate(values if number else []):
        for j, value in enumerate(row):
            ink = "white" if value > 0.55 else INK
            ax.text(j, i, number.format(float(value)), ha="center", va="center", color=ink, fontsize=FONT_SIZE - 2)
    return picture


def loss_curve(
    steps: Sequence[int],
    losses: Sequence[float],
    *,
    validation: tuple[Sequence[int], Sequence[float]] | None = None,
    floor: float | None = None,
    unit: str = "nats per token",
) -> Picture:
    """Training loss over optimizer steps; `validation` as (steps, losses); `floor`: the loss that no model can beat."""
    picture = Picture()
    ax = axes(picture, xlabel="optimizer step", ylabel=f"loss ({unit})")
    ax.plot(steps, losses, color=SKY, linewidth=1.2, label="training batch")
    if validation is not None:
        ax.plot(*validation, "o--", color=ORANGE, linewidth=2, markersize=6, label="validation")
    reference_lines(ax, {} if floor is None else {"floor: no model can go below": floor})
    ax.set_ylim(bottom=0)
    if validation is not None:
        legend(ax, loc="upper right")
    return picture


def landscape(
    loss: Callable[[Tensor, Tensor], Tensor],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    paths: Mapping[str, Sequence[tuple[float, float]]] | None = None,
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    minimum: tuple[float, float] | None = None,
) -> Picture:
    """The lines of equal loss over a plane of two parameters, and the paths that were walked on it.

    `loss` is called once, with the coordinates of a grid as two tensors. From one line to the next, the loss above its
    lowest value on the grid grows by one factor. A path begins at a ring and has a dot for each step.
    """
    x, y = torch.meshgrid(torch.linspace(*xlim, 161), torch.linspace(*ylim, 161), indexing="xy")
    height = loss(x, y)
    height = (height - height.min()).double()
    top = height.max().clamp(min=1e-12)
    picture = Picture(6.4, 4.4)
    ax = axes(picture, xlabel=xlabel, ylabel=ylabel, title=title)
    ax.grid(visible=False)
    levels = (top * torch.logspace(-3.2, -0.2, 12, dtype=torch.float64)).tolist()
    ax.contourf(
        x,
        y,
        height,
        [0.0, *levels],
        cmap="Greys_r",
        norm=PowerNorm(0.25, 0, float(top) * 1.6),
        alpha=0.55,
        extend="max",
    )
    ax.contour(x, y, height, levels, colors=GREY, linewidths=0.7)
    for (label, path), colour, dash in zip((paths or {}).items(), cycle(COLOURS), cycle(DASHES)):
        across, up = zip(*path, strict=True)
        ax.plot(across, up, linestyle=dash, color=colour, linewidth=2, marker=".", markersize=6, label=label)
        ax.plot(across[0], up[0], "o", color=colour, markersize=9, fillstyle="none", markeredgewidth=2)
    if minimum is not None:
        ax.plot(*minimum, "*", color=INK, markersize=13)
    ax.set(xlim=xlim, ylim=ylim)
    if paths:
        legend(ax)
    return picture
