"""What a benchmark has to say: rows, which become a table and a plot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from course_lib.display.plots import BLUE, GREY, ORANGE, Picture, axes


@dataclass(frozen=True)
class Row:
    """One comparison, made side by side in one run."""

    work: str
    ours: str
    beside: str
    """What a user would pick instead, and what it reached."""
    ratio: float | None = None
    """How many times better ours is; None where there is nothing to compare."""
    reach: float | None = None
    """The ratio to reach."""


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = ["| work | the course | beside it | ratio | to reach |", "| :-- | --: | :-- | --: | --: |"]
    for row in rows:
        ratio, reach = ("" if number is None else f"{number:.2f}" for number in (row.ratio, row.reach))
        lines.append(f"| {row.work} | {row.ours} | {row.beside} | {ratio} | {reach} |")
    return "\n".join(lines)


def plot(rows: Sequence[Row]) -> Picture:
    """Every ratio beside the one to reach, on a logarithmic axis."""
    compared = [row for row in rows if row.ratio is not None]
    picture = Picture(width=9, height=1.2 + 0.45 * len(compared))
    ax = axes(picture, xlabel="times better than what stands beside it (bar: measured, stroke: to reach)", ylabel="")
    for place, row in enumerate(reversed(compared)):
        ax.barh(place, row.ratio, color=BLUE, height=0.55)
        if row.reach is not None:
            ax.plot([row.reach, row.reach], [place - 0.4, place + 0.4], color=ORANGE, linewidth=3)
    ax.axvline(1, color=GREY, linewidth=1)
    ax.set_xscale("log")
    ax.set_yticks(range(len(compared)), [row.work for row in reversed(compared)])
    return picture


def alternate(contestants: Sequence[Callable[[], float]], repeats: int) -> list[list[float]]:
    """What each contestant returned (say, its seconds), in `repeats` rounds in which each of them has its turn.

    So whatever else the machine does meanwhile falls on all of them.
    """
    rounds = [[contestant() for contestant in contestants] for _ in range(repeats)]
    return [list(results) for results in zip(*rounds, strict=True)]
