"""Graphs, landscapes and maps to point at: they hold what they were given, and data stays data."""

import base64
import io
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from course_lib.display import Svg, coloured_tokens, graph, hover_map, landscape
from course_lib.display.plots import ORANGE
from course_lib.display.widgets import Explorer, slider

SVG = "{http://www.w3.org/2000/svg}"
NODES = {"w": ["w", "2.0"], "x": ["x", "3.0"], "wx": ["×", "6.0"], "loss": ["loss", "1.0"], "bias": ["bias"]}
EDGES = [("w", "wx"), ("x", "wx"), ("wx", "loss"), ("bias", "loss")]


def boxes(svg: Svg) -> dict[str, tuple[float, float, float, float]]:
    """x, y, width and height of the box around each first line of text."""
    page = ElementTree.fromstring(svg.markup)
    rectangles = [tuple(float(r.get(key)) for key in ("x", "y", "width", "height")) for r in page.iter(SVG + "rect")]
    found = {}
    for text in page.iter(SVG + "text"):
        x, y = float(text.get("x")), float(text.get("y"))
        (around,) = [r for r in rectangles if r[0] <= x <= r[0] + r[2] and r[1] <= y <= r[1] + r[3]]
        found.setdefault(around, text.text)
    return {name: box for box, name in found.items()}


def test_every_box_stands_right_of_what_points_at_it_and_covers_no_other():
    found = boxes(graph(NODES, EDGES))
    named = {lines[0]: name for name, lines in NODES.items()}
    assert {named[line] for line in found} == set(NODES)
    place = {named[line]: box for line, box in found.items()}
    for a, b in EDGES:
        assert place[a][0] + place[a][2] < place[b][0]
    for a in place.values():
        for b in place.values():
            apart = a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]
            assert a is b or apart


def test_all_lines_stand_in_the_drawing_and_in_its_plain_form():
    drawn = graph(NODES, EDGES)
    texts = [text.text for text in ElementTree.fromstring(drawn.markup).iter(SVG + "text")]
    assert sorted(texts) == sorted(line for lines in NODES.values() for line in lines)
    assert "[× | 6.0] ← [w | 2.0] ← [x | 3.0]" in repr(drawn)
    assert drawn._repr_svg_() == drawn.markup


def test_arrows_begin_and_end_at_the_boxes_that_they_join():
    drawn = graph({"a": ["a"], "b": ["b"]}, [("a", "b")])
    place = boxes(drawn)
    x1, y1, x2, y2 = map(float, re.search(r'd="M(\S+) (\S+) C.* (\S+) (\S+)" fill="none"', drawn.markup).groups())
    assert (x1, y1) == pytest.approx((place["a"][0] + place["a"][2], place["a"][1] + place["a"][3] / 2), abs=0.2)
    assert place["b"][0] - 8 < x2 < place["b"][0]
    assert y2 == pytest.approx(place["b"][1] + place["b"][3] / 2, abs=0.2)


def test_what_is_highlighted_looks_different():
    assert ORANGE not in graph(NODES, EDGES).markup
    assert graph(NODES, EDGES, highlight=["wx"]).markup.count(ORANGE) == 1 + 2 * 2  # a box, two arrows with their heads


def test_markup_in_a_label_is_text():
    odd = '<script>alert(1)</script> & "$x$"'
    texts = [text.text for text in ElementTree.fromstring(graph({"a": [odd]}, []).markup).iter(SVG + "text")]
    assert texts == [odd]


@pytest.mark.parametrize(
    ("edges", "message"),
    [([("w", "zzz")], "'zzz', which is no node"), ([("w", "x"), ("x", "w")], "in a circle")],
)
def test_what_is_no_graph_is_refused(edges, message):
    with pytest.raises(ValueError, match=message):
        graph(NODES, edges)


def test_a_landscape_has_its_paths_their_beginnings_and_its_lowest_point():
    paths = {"one": [(-1, 1), (-0.5, 0.2), (0, 0.1)], "$two$": [(1, 1), (0.5, -0.5)]}
    picture = landscape(
        lambda x, y: x**2 + 3 * y**2, (-2, 2), (-1.5, 1.5), paths, xlabel="w", ylabel="v", minimum=(0, 0)
    )
    (ax,) = picture.axes
    drawn = [list(zip(*line.get_data(), strict=True)) for line in ax.lines]
    assert drawn == [paths["one"], [(-1, 1)], paths["$two$"], [(1, 1)], [(0, 0)]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "$two$"]
    assert (ax.get_xlim(), ax.get_ylim()) == ((-2, 2), (-1.5, 1.5))
    assert picture.png().startswith(b"\x89PNG")


def test_the_lines_of_a_landscape_are_lines_of_equal_loss():
    picture = landscape(lambda x, y: x**2 + 3 * y**2 - 7, (-2, 2), (-2, 2), xlabel="w", ylabel="v")
    lines = picture.axes[0].collections[-1]
    heights = []
    for path in lines.get_paths():
        x, y = torch.from_numpy(path.vertices).T
        values = x**2 + 3 * y**2
        assert values.max() - values.min() < 0.05 * values.max()
        heights.append(values.mean().item())
    ratios = [b / a for a, b in pairwise(heights)]
    assert max(ratios) < 1.1 * min(ratios)


POINTS = [(0.0, 0.0), (1.0, 0.5), (0.3, -2.0)]


def spots(markup: str) -> dict[str, tuple[float, float]]:
    """Where on the map, in shares of its width and height from the top left, each note shows up."""
    found = re.findall(r'<span title="([^"]*)" style="position:absolute;left:([\d.]+)%;top:([\d.]+)%', markup)
    return {note: (float(left) / 100, float(top) / 100) for note, left, top in found}


def test_a_note_shows_where_its_point_is_drawn():
    drawn = hover_map(POINTS, ["", "", ""], notes=["n0", "n1", "n2"], title="map")
    picture = Image.open(io.BytesIO(drawn.still)).convert("RGB")
    for left, top in spots(drawn.markup).values():
        red, green, blue = picture.getpixel((round(left * picture.width), round(top * picture.height)))
        assert blue - red > 80, "the marker is blue"
        assert green < 160
    assert set(spots(drawn.markup)) == {"n0", "n1", "n2"}


def test_a_map_is_a_page_and_a_picture_and_its_labels_are_text():
    odd = "\"><script>alert('$x$')</script>"
    drawn = hover_map(POINTS, ["king", "queen", odd], groups=["a", "b", "a"], title="words")
    assert "<script" not in drawn.markup
    bundle = drawn._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == drawn.still
    assert bundle["image/png"] in bundle["text/html"]
    assert bundle["text/plain"] == "words"
    assert len(spots(drawn.markup)) == 3


def test_an_explorer_shows_pictures_and_pages_alike():
    def draw(which):
        if which < 0.5:
            return coloured_tokens(["<b>", "x"]), "tokens"
        return landscape(lambda x, y: x**2 + y**2, (-1, 1), (-1, 1), xlabel="w", ylabel="v"), "landscape"

    explorer = Explorer(draw, which=slider(0, 1, 0))
    assert "&lt;b&gt;" in explorer.page.value
    assert explorer.picture.layout.display == "none"
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/html"] == explorer.page.value
    assert "image/png" not in bundle
    explorer.controls["which"].value = 1
    assert explorer.page.layout.display == "none"
    assert explorer.picture.layout.display is None
    assert explorer._repr_mimebundle_()["image/png"]
