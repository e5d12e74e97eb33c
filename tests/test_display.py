"""What the display room promises: data is shown as data, and pictures hold what they were given."""

import base64
import html.parser

import pytest

from course_lib.display import bars, curves, escape, loss_curve, table
from course_lib.display.plots import Picture, paired_bars, stacked_curves
from course_lib.display.widgets import Explorer, slider

PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</td></table><h1>",
    "<!-- comment",
    "&lt;already&gt;",
    "&#60;b&#62;",
    "<a href='javascript:alert(1)'>",
    "<style>*{display:none}</style>",
    "]]><x>",
]


class Reader(html.parser.HTMLParser):
    """Collects the tags and the text that a browser would see."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("payload", PAYLOADS)
def test_escaped_text_is_only_text_in_an_element_and_in_an_attribute(payload: str) -> None:
    page = Reader(f'<p title="{escape(payload)}">{escape(payload)}</p>')
    assert page.tags == ["p"]
    assert page.text == payload
    assert page.attributes == [("title", payload)]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_table_shows_its_cells_and_header_literally(payload: str) -> None:
    page = Reader(table([payload], [[payload]], caption=payload)._repr_html_())
    assert set(page.tags) == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert page.text == 3 * payload


def test_a_table_as_plain_text_aligns_numbers_to_the_right() -> None:
    assert repr(table(["name", "loss"], [["a", 12.5], ["long", 1.25]])) == "name     loss\na      12.500\nlong    1.250"


def test_a_ragged_table_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        table(["one"], [["a", "b"]])


def labels_of(picture: Picture) -> set[str]:
    return {
        text.get_text()
        for ax in picture.axes
        for text in [*ax.texts, *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label]
    }


def test_labels_that_look_like_mathematics_are_drawn_literally() -> None:
    odd = "$\\frac{"  # matplotlib would read this as a formula and fail when drawing
    for picture in (
        bars([odd], [1.0], xlabel=odd, title=odd),
        curves([0, 1], {odd: [0, 1], "other": [1, 0]}, xlabel=odd, ylabel=odd, lines={odd: 0.5}, marks={odd: (0, 0)}),
        paired_bars([odd], {odd: [1.0]}, limits=[(0, 2)]),
        stacked_curves([0, 1], {odd: [0, 1]}, xlabel=odd),
    ):
        assert picture.png().startswith(b"\x89PNG")
        assert odd in labels_of(picture)


def test_bars_carry_their_numbers_and_mark_one_without_colour_alone() -> None:
    picture = bars(["a", "b"], [0.25, -0.5], xlabel="share", highlight=1, number="{:.2f}", limits=(-1, 1))
    assert {"0.25", "-0.50", "share"} <= labels_of(picture)
    plain, marked = picture.axes[0].patches
    assert plain.get_hatch() is None
    assert marked.get_hatch() == "//"


def test_curves_differ_in_dash_as_well_as_in_colour() -> None:
    lines = curves([0, 1], {"a": [0, 1], "b": [1, 0]}, xlabel="x", ylabel="y").axes[0].lines
    assert len({line.get_color() for line in lines}) == len({line.get_linestyle() for line in lines}) == 2


def test_a_loss_curve_shows_validation_and_floor() -> None:
    picture = loss_curve([1, 2], [3.0, 2.0], validation=([2], [2.5]), floor=1.5)
    heights = [list(line.get_ydata()) for line in picture.axes[0].lines]
    assert heights == [[3.0, 2.0], [2.5], [1.5, 1.5]]
    assert any("floor" in label for label in labels_of(picture))
    assert len(loss_curve([1], [3.0]).axes[0].lines) == 1


def test_the_same_data_makes_the_same_file() -> None:
    assert bars(["a"], [1.0], xlabel="x").png() == bars(["a"], [1.0], xlabel="x").png()


def test_moving_a_slider_redraws_the_picture_and_the_line() -> None:
    explorer = Explorer(lambda share: (bars(["a"], [share], xlabel="x"), f"<{share}>"), share=slider(0, 1, 0.5))
    before = explorer.picture.value
    explorer.controls["share"].value = 0.9
    assert explorer.picture.value != before
    assert "&lt;0.9&gt;" in explorer.line.value
    assert explorer.controls["share"].description == "share"


def test_a_page_without_widgets_still_gets_the_picture() -> None:
    explorer = Explorer(lambda share: (bars(["a"], [share], xlabel="x"), "half"), share=slider(0, 1, 0.5))
    bundle = explorer._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == explorer.picture.value
    assert bundle["text/plain"] == "half"
    assert "application/vnd.jupyter.widget-view+json" in bundle
