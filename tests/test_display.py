"""What the display room promises: data is shown as data, and pictures hold what they were given."""

import base64
import html.parser
import math
import re
import threading
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from course_lib.display import (
    LiveCurve,
    bars,
    coloured_tokens,
    curves,
    escape,
    heatmap,
    live,
    loss_curve,
    table,
    token_bars,
)
from course_lib.display.plots import Picture, paired_bars, stacked_curves
from course_lib.display.widgets import Dashboard, Explorer, TokenChooser, menu, slider, text_box

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


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("values", [None, [0.5, 1.0]])
def test_coloured_tokens_show_tokens_and_caption_literally(payload: str, values: list[float] | None) -> None:
    page = Reader(coloured_tokens([payload, payload], values, caption=payload)._repr_html_())
    assert page.tags == ["div", "div", "span", "span"]
    assert {name for name, _ in page.attributes} <= {"style", "title"}
    assert page.text == 3 * payload


def grounds_of(markup: str) -> list[str]:
    styles = [value for name, value in Reader(markup).attributes if name == "style" and "border-radius" in value]
    return [style.partition(";")[0].removeprefix("background:") for style in styles]


def test_the_largest_value_has_the_darkest_ground_and_nothing_has_none() -> None:
    shown = coloured_tokens(list("abcd"), [0.0, 6.0, 3.0, -1.0])
    colours = [re.fullmatch(r"rgba\((.*), (.*?)\)", ground).groups() for ground in grounds_of(shown.markup)]
    assert len({colour for colour, _ in colours}) == 1
    none, darkest, half, negative = (float(opacity) for _, opacity in colours)
    assert none == negative == 0
    assert 0 < half < darkest <= 1
    assert half == pytest.approx(darkest / 2, abs=0.01)
    titles = [value for name, value in Reader(shown.markup).attributes if name == "title"]
    assert titles == ["0.000", "6.000", "3.000", "-1.000"]
    assert grounds_of(coloured_tokens(list("abcd"), [0.0, 0.6, 0.3, -0.1]).markup) == grounds_of(shown.markup)


@pytest.mark.parametrize("values", [[], [0.0, 0.0]])
def test_where_no_value_is_above_nothing_there_is_no_ground(values: list[float]) -> None:
    shown = coloured_tokens(["a", "b"][: len(values)], values)
    assert grounds_of(shown.markup) == ["rgba(213, 94, 0, 0.00)"] * len(values)


def test_without_values_neighbours_differ_in_their_ground() -> None:
    grounds = grounds_of(coloured_tokens(list("abcdefghi")).markup)
    assert all(left != right for left, right in pairwise(grounds))


def test_as_plain_text_tokens_are_separated() -> None:
    assert repr(coloured_tokens(["a", " b", "<c>"], caption="cut")) == "cut\na| b|<c>"
    assert repr(coloured_tokens(["a", "b"], [1, 2])) == "a|b"


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0, 3.0]])
def test_each_token_needs_its_value(values: list[float]) -> None:
    with pytest.raises(ValueError, match="zip"):
        coloured_tokens(["a", "b"], values)


def labels_of(picture: Picture) -> set[str]:
    return {
        text.get_text()
        for ax in picture.axes
        for text in [*ax.texts, *ax.get_xticklabels(), *ax.get_yticklabels(), ax.xaxis.label, ax.yaxis.label]
    }


def test_labels_that_look_like_mathematics_are_drawn_literally() -> None:
    odd = "$\\frac{$"  # matplotlib would read this as a formula and fail when drawing
    for picture in (
        bars([odd], [1.0], xlabel=odd, title=odd),
        curves([0, 1], {odd: [0, 1], "other": [1, 0]}, xlabel=odd, ylabel=odd, lines={odd: 0.5}, marks={odd: (0, 0)}),
        curves([1, 9], {odd: [1, 2], "other": [2, 1]}, xlabel=odd, ylabel=odd, title=odd, lines={odd: 1}, log="xy"),
        paired_bars([odd], {odd: [1.0]}, limits=[(0, 2)]),
        stacked_curves([0, 1], {odd: [0, 1]}, xlabel=odd),
        heatmap([[0, 1]], [odd], ["a", "b"], xlabel="x", ylabel="y"),
        heatmap([[0, 1]], ["a"], ["b", odd], xlabel="x", ylabel="y"),
        heatmap([[0, 1]], ["a"], ["b", "c"], xlabel=odd, ylabel=odd, title=odd),
        token_bars([0.9, 0.1], ["a", odd], xlabel="x"),
        token_bars([0.9, 0.1], ["a", "b"], xlabel=odd, title=odd),
        loss_curve([1], [1.0], validation=([1], [1.0]), unit=odd, floor=0.5),
    ):
        assert picture.png().startswith(b"\x89PNG")
        assert any(odd in label for label in labels_of(picture))


def test_bars_carry_their_numbers_and_mark_one_without_colour_alone() -> None:
    picture = bars(["a", "b"], [0.25, -0.5], xlabel="share", highlight=1, number="{:.2f}", limits=(-1, 1))
    assert {"0.25", "-0.50", "share"} <= labels_of(picture)
    plain, marked = picture.axes[0].patches
    assert plain.get_hatch() is None
    assert marked.get_hatch() == "//"


def test_curves_differ_in_dash_as_well_as_in_colour() -> None:
    lines = curves([0, 1], {name: [0, 1] for name in "abcde"}, xlabel="x", ylabel="y").axes[0].lines
    dashes = {
        str(line._unscaled_dash_pattern) for line in lines
    }  # the public style calls every pattern of one's own "--"
    assert len({line.get_color() for line in lines}) == len(dashes) == 5


@pytest.mark.parametrize(
    ("log", "scales"), [("", "linear linear"), ("x", "log linear"), ("y", "linear log"), ("xy", "log log")]
)
def test_curves_are_drawn_over_equal_factors_where_that_is_asked_for(log: str, scales: str) -> None:
    picture = curves([1, 10, 100], {"a": [3, 2, 1]}, xlabel="x", ylabel="y", log=log)
    (ax,) = picture.axes
    assert f"{ax.get_xscale()} {ax.get_yscale()}" == scales
    places = [ax.transData.transform((x, y)) for x, y in ax.lines[0].get_xydata()]
    steps = [places[1][0] - places[0][0], places[2][0] - places[1][0]]
    assert (steps[0] == pytest.approx(steps[1])) == ("x" in log)


def bars_of(picture: Picture) -> dict[str, float]:
    (ax,) = picture.axes
    names = [label.get_text() for label in ax.get_yticklabels()]
    return dict(zip(names, (bar.get_width() for bar in ax.patches), strict=True))


FORECAST, NAMES = [0.05, 0.4, 0.1, 0.25, 0.2], ["e", "a", "d", "b", "c"]


@pytest.mark.parametrize("top", range(1, 8))
def test_a_forecast_shows_the_likeliest_first_and_all_others_together(top: int) -> None:
    shown = bars_of(token_bars(FORECAST, NAMES, top=top))
    assert sum(shown.values()) == pytest.approx(1)
    likeliest = [("a", 0.4), ("b", 0.25), ("c", 0.2), ("d", 0.1), ("e", 0.05)][:top]
    assert list(shown.items())[:top] == likeliest
    assert list(shown)[top:] == ([f"({5 - top} others)"] if top < 5 else [])


@pytest.mark.parametrize(("highlight", "names"), [(1, ["a", "b", "(3 others)"]), (0, ["a", "b", "e", "(2 others)"])])
def test_a_token_that_stands_out_is_shown_even_where_it_is_unlikely(highlight: int, names: list[str]) -> None:
    picture = token_bars(FORECAST, NAMES, top=2, highlight=highlight)
    shown = bars_of(picture)
    assert list(shown) == names
    assert sum(shown.values()) == pytest.approx(1)
    assert shown[NAMES[highlight]] == FORECAST[highlight]
    marked = [name for name, bar in zip(names, picture.axes[0].patches, strict=True) if bar.get_hatch()]
    assert marked == [NAMES[highlight]]


def test_rounding_leaves_no_bar_below_zero() -> None:
    forecast = [0.05, 0.15, 0.7, 0.1, 0.0]
    assert sum(forecast) < sum(sorted(forecast, reverse=True))  # as floats
    assert min(bars_of(token_bars(forecast, NAMES, top=4)).values()) == 0


def test_a_heatmap_writes_each_number_in_its_cell_and_shades_it_by_its_size() -> None:
    values = [[0.0, 0.25, 1.0], [0.75, 0.5, 0.1]]
    picture = heatmap(values, ["r0", "r1"], ["c0", "c1", "c2"], xlabel="x", ylabel="y", title="t")
    (ax,) = picture.axes
    assert ax.get_title(loc="left") == "t"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["r0", "r1"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["c0", "c1", "c2"]
    written = {(round(text.get_position()[1]), round(text.get_position()[0])): text.get_text() for text in ax.texts}
    assert written == {(i, j): f"{value:.2f}" for i, row in enumerate(values) for j, value in enumerate(row)}
    (image,) = ax.images
    assert image.get_array().tolist() == values
    order = sorted(value for row in values for value in row)
    lightness = [sum(image.cmap(image.norm(value))[:3]) for value in order]
    assert lightness == sorted(lightness, reverse=True)
    assert len(set(lightness)) == len(lightness)
    for text in ax.texts:
        ground = sum(image.cmap(image.norm(float(text.get_text())))[:3]) / 3
        assert (text.get_color() == "white") == (ground < 0.6)


def test_two_heatmaps_shade_equal_numbers_equally() -> None:
    shades = []
    for other in (0.1, 1.0):
        (image,) = heatmap([[0.3, other]], ["r"], ["a", "b"], xlabel="x", ylabel="y").axes[0].images
        shades.append(image.cmap(image.norm(0.3)))
    assert shades[0] == shades[1]


def test_a_heatmap_can_do_without_numbers_or_write_them_differently() -> None:
    def written(number: str) -> list[str]:
        picture = heatmap([[0.25, 1]], ["r"], ["a", "b"], xlabel="x", ylabel="y", number=number)
        return [text.get_text() for text in picture.axes[0].texts]

    assert written("") == []
    assert written("{:.0%}") == ["25%", "100%"]


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


def test_a_menu_and_a_line_of_text_are_controls_as_well() -> None:
    seen = []

    def draw(word: str, how: str) -> tuple[Picture, str]:
        seen.append((word, how))
        return bars([word], [1.0], xlabel=how), f"{word}, {how}"

    explorer = Explorer(draw, word=text_box("one", label="Your word"), how=menu(["short", "long"], "long"))
    assert [control.description for control in explorer.controls.values()] == ["Your word", "how"]
    explorer.controls["word"].value = "<b>"
    explorer.controls["how"].value = "short"
    assert seen == [("one", "long"), ("<b>", "long"), ("<b>", "short")]
    assert "&lt;b&gt;, short" in explorer.line.value
    assert not explorer.controls["word"].continuous_update  # not at every letter
    assert explorer.controls["how"].options == ("short", "long")


# A run to watch


class Clock:
    """Stands still until it is told."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(live, "time", clock)
    return clock


class Screen:
    """What IPython's `display` has been asked to show: for each thing, its versions with the time of each."""

    def __init__(self, clock: Clock, drawing: float) -> None:
        self.clock = clock
        self.drawing = drawing
        self.shown: list[list[tuple[float, object]]] = []

    def display(self, content: object, *, display_id: bool) -> object:
        assert display_id
        versions = [(self.clock.now, content)]
        self.shown.append(versions)

        def update(content: object) -> None:
            versions.append((self.clock.now, content))
            self.clock.now += self.drawing

        return SimpleNamespace(update=update)

    def times(self, place: int) -> list[float]:
        return [time for time, _ in self.shown[place]]

    def last(self, place: int) -> object:
        return self.shown[place][-1][1]


@pytest.fixture
def screen(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen(clock, drawing=0.25)
    monkeypatch.setattr("IPython.display.display", screen.display)
    return screen


def losses_in(picture: Picture) -> list[float]:
    return list(picture.axes[0].lines[0].get_ydata())


def test_a_run_is_drawn_when_it_begins_then_once_in_a_while_and_at_its_end(clock: Clock, screen: Screen) -> None:
    losses = [10 / n for n in range(1, 61)]
    with LiveCurve(60, floor=0.1) as curve:
        for loss in losses:
            clock.now += 0.4
            curve.add(loss)
        during = [screen.times(place) for place in (0, 1)]
    assert len(screen.shown) == 2
    for times in during:
        pauses = [after - before for before, after in pairwise(times)]
        assert min(pauses) > live.PAUSE
        assert max(pauses) < live.PAUSE + 2 * screen.drawing + 0.5  # and no longer than a step more than needed
    assert [len(screen.times(place)) for place in (0, 1)] == [len(times) + 1 for times in during]
    assert losses_in(screen.last(1)) == losses
    assert "60 of 60 steps" in repr(screen.last(0))
    drawn = screen.shown[1][2][1]
    assert 0 < len(losses_in(drawn)) < 60
    assert losses_in(drawn) == losses[: len(losses_in(drawn))]
    assert list(drawn.axes[0].lines[1].get_ydata()) == [0.1, 0.1]


def test_quick_steps_are_not_drawn_one_by_one(clock: Clock, screen: Screen) -> None:
    with LiveCurve(100) as curve:
        for _ in range(100):
            clock.now += live.PAUSE / 200
            curve.add(1.0)
        assert [len(versions) for versions in screen.shown] == [1, 1]
    assert [len(versions) for versions in screen.shown] == [2, 2]


def test_where_drawing_is_slow_a_pause_begins_when_it_is_done(clock: Clock, screen: Screen) -> None:
    screen.drawing = live.PAUSE
    with LiveCurve(20) as curve:
        for _ in range(20):
            clock.now += 0.5
            curve.add(1.0)
        assert 1 < len(screen.shown[0]) <= 1 + 20 * 0.5 / live.PAUSE


def test_however_the_block_ends_its_last_state_is_drawn(clock: Clock, screen: Screen) -> None:
    def interrupted() -> None:
        with LiveCurve(5) as curve:
            curve.add(2.0)
            curve.add(1.5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert losses_in(screen.last(1)) == [2.0, 1.5]
    assert "2 of 5 steps · loss 1.500" in repr(screen.last(0))


def test_entered_again_it_goes_on_where_it_was(clock: Clock, screen: Screen) -> None:
    curve = LiveCurve(4)
    for losses in ([4.0, 3.0], [2.0]):
        with curve:
            for loss in losses:
                clock.now += 1
                curve.add(loss)
        clock.now += 1000  # a pause that is no training
    assert len(screen.shown) == 4  # a line and a picture below each of the two cells
    assert losses_in(screen.shown[3][0][1]) == [4.0, 3.0]
    assert losses_in(screen.last(3)) == [4.0, 3.0, 2.0]
    assert losses_in(screen.last(1)) == [4.0, 3.0]
    assert repr(screen.last(2)) == "3 of 4 steps · loss 2.000 nats per token · 3 s, about 1 s to go"


def test_progress_says_how_far_how_good_how_long_and_how_much_longer(clock: Clock, screen: Screen) -> None:
    with LiveCurve(10, unit="bits") as curve:
        assert repr(curve.progress()) == "0 of 10 steps"
        for n in range(1, 11):
            clock.now += 0.2
            curve.add(1 / n)
            if n == 4:
                words = "4 of 10 steps · loss 0.250 bits · 1 s, about 1 s to go"
                assert repr(curve.progress()) == words
                page = Reader(curve.progress()._repr_html_())
                assert page.tags == ["progress"]
                assert page.attributes == [("value", "4"), ("max", "10")]
                assert page.text.strip() == words
    assert repr(curve.progress()) == "10 of 10 steps · loss 0.100 bits · 2 s"
    assert "bits" in screen.last(1).axes[0].get_ylabel()


def test_without_a_notebook_a_run_says_no_more_than_that_it_begins(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("IPython.core.interactiveshell.InteractiveShell.initialized", lambda: False)
    with LiveCurve(50) as curve:
        for n in range(50):
            clock.now += 2
            curve.add(float(n))
    assert curve.losses == list(range(50))
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == "0 of 50 steps"
    assert captured.out.count("\n") <= 2
    assert captured.err == ""


class Pauses:
    """Stands in for the event that a paused run waits for: each look at it takes a second of the clock."""

    def __init__(self, curve: LiveCurve, clock: Clock, looks: int, then: Callable[[], None]) -> None:
        self.curve, self.clock, self.looks, self.then = curve, clock, looks, then

    def wait(self, _: float) -> bool:
        self.looks -= 1
        self.clock.now += 1
        if self.looks == 0:
            self.then()
        return not self.curve.paused

    def __getattr__(self, name: str) -> Any:
        return getattr(self.event, name)


def paused_for(curve: LiveCurve, clock: Clock, looks: int, then: Callable[[], None]) -> None:
    pauses = Pauses(curve, clock, looks, then)
    pauses.event, curve._may_go_on = curve._may_go_on, pauses


def test_a_paused_run_waits_in_the_step_and_its_clock_stands(clock: Clock, screen: Screen) -> None:
    with LiveCurve(4) as curve:
        paused_for(curve, clock, 50, curve.resume)
        clock.now += 1
        curve.add(3.0)
        assert not curve.paused
        curve.pause()
        clock.now += 1
        curve.add(2.0)  # comes back when resumed
        shown = [repr(content) for _, content in screen.shown[0]]
        assert shown[-2].startswith("2 of 4 steps")
        assert shown[-2].endswith("paused")
        assert "paused" not in shown[-1]
        clock.now += 1
        curve.add(1.0)
    assert curve.losses == [3.0, 2.0, 1.0]
    assert curve.seconds == 3  # and not 53


def test_an_interrupt_ends_a_pause_and_entered_again_it_goes_on(clock: Clock, screen: Screen) -> None:
    def stop_button() -> None:
        raise KeyboardInterrupt

    curve = LiveCurve(4)
    paused_for(curve, clock, 3, stop_button)

    def interrupted() -> None:
        with curve:
            curve.pause()
            curve.add(2.0)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not curve.paused
    with curve:
        curve.add(1.0)
    assert curve.losses == [2.0, 1.0]


def test_a_press_in_another_thread_holds_the_loop_up(screen: Screen) -> None:
    dashboard = Dashboard(1000)
    reached = threading.Event()

    def loop() -> None:
        with dashboard:
            for n in range(1000):
                dashboard.add(1.0)
                if n == 10:
                    reached.set()
                    dashboard.pause_button.click()

    worker = threading.Thread(target=loop)
    worker.start()
    reached.wait(30)
    while not dashboard.paused:
        pass
    worker.join(0.3)
    assert worker.is_alive()
    assert len(dashboard.losses) in (11, 12)
    dashboard.resume_button.click()
    worker.join(30)
    assert len(dashboard.losses) == 1000


def test_the_buttons_are_for_a_run_that_runs(clock: Clock, screen: Screen) -> None:
    dashboard = Dashboard(3)

    def enabled() -> tuple[bool, bool]:
        return not dashboard.pause_button.disabled, not dashboard.resume_button.disabled

    assert enabled() == (False, False)
    with dashboard:
        assert enabled() == (True, False)
        dashboard.pause_button.click()
        assert enabled() == (False, True)
        dashboard.resume_button.click()
        assert enabled() == (True, False)
    assert enabled() == (False, False)
    dashboard.pause_button.click()  # where a press arrives only when the cell is done
    assert not dashboard.paused
    assert enabled() == (False, False)


def test_a_page_without_widgets_gets_the_names_of_the_buttons() -> None:
    bundle = Dashboard(3).buttons._repr_mimebundle_()
    assert bundle["text/plain"] == "[pause] [resume]"
    assert "application/vnd.jupyter.widget-view+json" in bundle


# A text written by hand


def chooser(probabilities: list[float], **settings: int) -> tuple[TokenChooser, list[list[int]]]:
    """A text that begins with tokens 2 and 0, and the texts that the forecast was asked about."""
    asked = []

    def forecast(ids: list[int]) -> list[float]:
        asked.append(list(ids))
        return probabilities

    return TokenChooser(forecast, NAMES, [2, 0], **settings), asked


def test_the_likeliest_tokens_are_offered_in_order() -> None:
    chosen, _ = chooser(FORECAST, top=3)
    assert [button.description for button in chosen.choices] == ["a", "b", "c"]
    everything, _ = chooser(FORECAST)
    assert [button.description for button in everything.choices] == ["a", "b", "c", "d", "e"]


def test_a_click_appends_its_token_and_what_it_cost() -> None:
    chosen, asked = chooser(FORECAST, top=3)
    before = chosen.picture.value
    chosen.choices[1].click()
    chosen.choices[0].click()
    assert chosen.ids == [2, 0, 3, 1]
    assert chosen.costs == pytest.approx([-math.log(0.25), -math.log(0.4)])
    assert asked == [[2, 0], [2, 0, 3], [2, 0, 3, 1]]
    assert chosen.text == "Tokens chosen: 2, 2.30 nats in all. The last one had probability 0.400."
    assert chosen.text in chosen.line.value
    assert Reader(chosen.written.value).text == "deba"
    assert chosen.picture.value == before  # the same forecast, the same bars


def test_the_buttons_and_bars_follow_the_forecast() -> None:
    chosen = TokenChooser(lambda ids: [0.9, 0.1] if len(ids) % 2 else [0.2, 0.8], ["x", "y"], [0])
    pictures = [chosen.picture.value]
    assert [button.description for button in chosen.choices] == ["x", "y"]
    chosen.choices[0].click()
    pictures.append(chosen.picture.value)
    assert [button.description for button in chosen.choices] == ["y", "x"]
    chosen.choices[0].click()
    pictures.append(chosen.picture.value)
    assert chosen.ids == [0, 0, 1]
    assert chosen.costs == pytest.approx([-math.log(0.9), -math.log(0.8)])
    assert pictures[0] != pictures[1]
    assert pictures[0] == pictures[2] == token_bars([0.9, 0.1], ["x", "y"]).png()


def test_undo_takes_back_what_was_chosen_and_nothing_of_the_prompt() -> None:
    chosen, asked = chooser(FORECAST)
    start = chosen.written.value, chosen.text
    chosen.choices[2].click()
    chosen.choices[4].click()
    chosen.undo.click()
    assert chosen.ids == [2, 0, 4]
    assert chosen.costs == pytest.approx([-math.log(0.2)])
    for _ in range(3):
        chosen.undo.click()
    assert (chosen.ids, chosen.costs) == ([2, 0], [])
    assert (chosen.written.value, chosen.text) == start
    assert asked[-1] == [2, 0]
    assert chosen.text.startswith("Tokens chosen: 0, 0.00 nats")


def test_a_token_is_drawn_by_its_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Picture, "png", lambda _: b"")  # which takes its time
    certain, _ = chooser([0.0, 0.0, 0.0, 0.0, 1.0])
    for _ in range(20):
        certain.draw.click()
    assert certain.ids == [2, 0] + 20 * [4]
    assert certain.costs == [0.0] * 20
    either, _ = chooser([0.5, 0.0, 0.0, 0.0, 0.5], top=1)
    for _ in range(30):
        either.draw.click()
    assert set(either.ids[2:]) == {0, 4}  # also one that no button offers
    assert 5 < either.ids[2:].count(4) < 25
    assert either.costs == pytest.approx([math.log(2)] * 30)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_of_tokens_are_shown_literally_in_what_was_written(payload: str) -> None:
    chosen = TokenChooser(lambda _: [0.75, 0.25], [payload, "b"], [1])
    chosen.choices[0].click()
    page = Reader(chosen.written.value)
    assert page.tags == ["div", "span", "span"]
    assert page.text == "b" + payload
    assert chosen.choices[0].description == payload


def test_what_was_unlikely_stands_out_in_what_was_written_and_the_prompt_does_not() -> None:
    chosen, _ = chooser(FORECAST)
    chosen.choices[0].click()
    chosen.choices[4].click()
    opacities = [float(ground.rpartition(", ")[2].rstrip(")")) for ground in grounds_of(chosen.written.value)]
    assert opacities[:2] == [0, 0]
    assert 0 < opacities[2] < opacities[3]


def test_a_page_without_widgets_still_gets_the_forecast() -> None:
    chosen, _ = chooser(FORECAST)
    chosen.choices[0].click()
    bundle = chosen._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]) == chosen.picture.value
    assert bundle["image/png"]
    assert bundle["text/plain"] == chosen.text
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_what_the_forecast_rules_out_cannot_be_chosen() -> None:
    chosen = TokenChooser(lambda _: [0.0, 1.0, 0.0], ["a", "b", "c"], [0])
    assert [(button.description, button.disabled) for button in chosen.choices] == [
        ("b", False),
        ("a", True),
        ("c", True),
    ]


def test_the_unit_of_a_run_is_only_text() -> None:
    assert Reader(LiveCurve(3, unit="<b>").progress()._repr_html_()).tags == ["progress"]
    live = LiveCurve(3, unit="<b>")
    live.add(1.0)
    assert Reader(live.progress()._repr_html_()).tags == ["progress"]
    assert live.seconds < 60  # and the clock began with the run, not with the machine
