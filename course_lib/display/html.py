"""Text that came from data, made safe for a page."""

import html
from collections.abc import Iterable, Sequence


class Html:
    """A piece of finished HTML that a notebook shows as a page and a terminal as `plain` text."""

    def __init__(self, markup: str, plain: str) -> None:
        self.markup = markup
        self.plain = plain

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.plain


class Svg(Html):
    """A drawing, which is a picture of its own where a page is not wanted."""

    def _repr_svg_(self) -> str:
        return self.markup


def escape(text: str) -> str:
    """`text` as HTML that shows exactly these characters, in an element or in a quoted attribute."""
    return html.escape(text, quote=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> Html:
    """A small table: text to the left, numbers to the right, every cell escaped.

    Floats are shown with three decimals; whatever should look otherwise is passed as a string.
    """
    rows = [list(row) for row in rows]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"this row has {len(row)} cells for {len(header)} columns: {row}")
    shown = [[f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]

    def line(tag: str, cells: Sequence[str]) -> str:
        return (
            "<tr>"
            + "".join(
                f'<{tag} style="text-align:{"right" if right else "left"}">{escape(cell)}</{tag}>'
                for cell, right in zip(cells, numeric, strict=True)
            )
            + "</tr>"
        )

    body = "".join(line("td", cells) for cells in shown)
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    markup = f"<table>{title}<thead>{line('th', header)}</thead><tbody>{body}</tbody></table>"

    widths = [max(map(len, column)) for column in zip(header, *shown, strict=True)]

    def text_line(cells: Sequence[str]) -> str:
        aligned = (c.rjust(w) if right else c.ljust(w) for c, w, right in zip(cells, widths, numeric, strict=True))
        return "   ".join(aligned).rstrip()

    plain = "\n".join([*([caption] if caption else []), *map(text_line, [header, *shown])])
    return Html(markup, plain)


# Light enough for dark letters, and told apart by lightness as well.
_STRIPES = ("#cfe5f3", "#fde3c8", "#d3eee2", "#f1f1f1")


def coloured_tokens(tokens: Sequence[str], values: Sequence[float] | None = None, *, caption: str = "") -> Html:
    """A text with each of its tokens on a ground of its own, every token escaped.

    `values`, one for each token: the largest gets the darkest ground, 0 none, and pointing at a token shows its number.
    """
    if values is None:
        grounds = [_STRIPES[place % len(_STRIPES)] for place in range(len(tokens))]
        titles = [""] * len(tokens)
    else:
        most = max(values, default=0.0) or 1.0
        grounds = [f"rgba(213, 94, 0, {0.75 * max(0.0, value) / most:.2f})" for value in values]
        titles = [f' title="{value:.3f}"' for value in values]
    spans = "".join(
        f'<span style="background:{ground};border-radius:3px;padding:1px 2px"{title}>{escape(token)}</span>'
        for token, ground, title in zip(tokens, grounds, titles, strict=True)
    )
    heading = f'<div style="font-weight:bold">{escape(caption)}</div>' if caption else ""
    page = "background:white;color:#222222;padding:6px 8px;line-height:1.9;white-space:pre-wrap;overflow-wrap:anywhere"
    plain = "|".join(tokens)
    return Html(f'<div style="{page}">{heading}{spans}</div>', f"{caption}\n{plain}" if caption else plain)
