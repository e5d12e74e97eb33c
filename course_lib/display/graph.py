"""What was computed from what, as a drawing of boxes and arrows."""

from collections.abc import Collection, Mapping, Sequence

from course_lib.display.html import Svg, escape
from course_lib.display.plots import BLUE, GREY, INK, ORANGE

CHARACTER, LINE, PADDING = 8.6, 20, 12  # pixels: a letter's width, a line's height, a box's margin
GAP, SPACE = 46, 18  # pixels between two columns, and between two boxes of one


def graph(
    nodes: Mapping[str, Sequence[str]],
    edges: Sequence[tuple[str, str]],
    *,
    highlight: Collection[str] = (),
) -> Svg:
    """A box for each node and an arrow for each edge, from left to right.

    Args:
        nodes: the lines of text in each box, by the node's name.
        edges: from which node to which; a box stands to the right of all that point at it.
        highlight: names of nodes whose boxes and incoming arrows are drawn thick and orange.

    Raises:
        ValueError: an edge names no node, or the edges run in a circle.
    """
    for edge in edges:
        for name in edge:
            if name not in nodes:
                raise ValueError(f"the edge {edge} names {name!r}, which is no node")
    columns = _columns(nodes, edges)
    sizes = {
        name: (max(map(len, lines), default=1) * CHARACTER + 2 * PADDING, len(lines) * LINE + PADDING)
        for name, lines in nodes.items()
    }
    height = max(sum(sizes[name][1] + SPACE for name in column) for column in columns) + SPACE
    left, boxes = float(SPACE), {}
    for column in columns:
        widest = max(sizes[name][0] for name in column)
        free = (height - sum(sizes[name][1] for name in column)) / (len(column) + 1)
        top = free
        for name in column:
            boxes[name] = (left + (widest - sizes[name][0]) / 2, top, *sizes[name])
            top += sizes[name][1] + free
        left += widest + GAP
    width = left - GAP + SPACE

    shapes = [_arrow(boxes[a], boxes[b], b in highlight) for a, b in edges]
    shapes += [_box(boxes[name], lines, name in highlight) for name, lines in nodes.items()]
    plain = "\n".join(
        f"[{' | '.join(lines)}]" + "".join(f" ← [{' | '.join(nodes[a])}]" for a, b in edges if b == name)
        for name, lines in nodes.items()
    )
    markup = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" style="max-width:100%;background:white" role="img" aria-label="{escape(plain)}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">{"".join(shapes)}</svg>'
    )
    return Svg(markup, plain)


def _columns(nodes: Mapping[str, Sequence[str]], edges: Sequence[tuple[str, str]]) -> list[list[str]]:
    """The names by column; within one, each stands at the mean height of what points at it."""
    inputs: dict[str, list[str]] = {name: [] for name in nodes}
    for a, b in edges:
        inputs[b].append(a)
    column: dict[str, int] = {}
    while len(column) < len(nodes):
        ready = [name for name in nodes if name not in column and all(a in column for a in inputs[name])]
        if not ready:
            raise ValueError("the edges run in a circle")
        column |= {name: 1 + max((column[a] for a in inputs[name]), default=-1) for name in ready}
    # What nothing points at stands right before what needs it first.
    for name in nodes:
        if not inputs[name]:
            column[name] = min((column[b] for a, b in edges if a == name), default=1) - 1
    columns: list[list[str]] = [[] for _ in range(max(column.values(), default=0) + 1)]
    place: dict[str, float] = {}
    for number, names in enumerate(columns):
        names += [name for name in nodes if column[name] == number]
        before = {name: [place[a] for a in inputs[name]] for name in names}
        means = {name: sum(values) / len(values) if values else float("inf") for name, values in before.items()}
        names.sort(key=means.__getitem__)
        place |= {name: (row + 1) / (len(names) + 1) for row, name in enumerate(names)}
    return columns


def _box(box: tuple[float, float, float, float], lines: Sequence[str], highlighted: bool) -> str:
    x, y, width, height = box
    colour, stroke = (ORANGE, 3) if highlighted else (BLUE, 1.4)
    texts = "".join(
        f'<text x="{x + width / 2:.1f}" y="{y + PADDING / 2 + LINE * (row + 0.72):.1f}" text-anchor="middle" '
        f'fill="{INK}">{escape(line)}</text>'
        for row, line in enumerate(lines)
    )
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6" fill="white" '
        f'stroke="{colour}" stroke-width="{stroke}"/>{texts}'
    )


def _arrow(start: tuple[float, ...], end: tuple[float, ...], highlighted: bool) -> str:
    x1, y1, x2, y2 = start[0] + start[2], start[1] + start[3] / 2, end[0], end[1] + end[3] / 2
    colour, stroke = (ORANGE, 3) if highlighted else (GREY, 1.4)
    bend = GAP * 0.45
    return (
        f'<path d="M{x1:.1f} {y1:.1f} C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2 - 7:.1f} {y2:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="{stroke}"/>'
        f'<path d="M{x2:.1f} {y2:.1f} l-9 -4.5 v9 z" fill="{colour}"/>'
    )
