"""Things to move. The only module that imports ipywidgets."""

import base64
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from course_lib.display.html import Html, coloured_tokens, escape
from course_lib.display.live import LiveCurve
from course_lib.display.plots import Picture, token_bars

_STYLE: dict[str, Any] = {
    "style": {"description_width": "9em"},
    "layout": {"width": "34em", "max_width": "98%"},
}


def slider(
    low: float, high: float, value: float, *, step: float = 0.1, label: str = ""
) -> ipywidgets.FloatSlider | ipywidgets.IntSlider:
    """A slider from `low` to `high`; it can also be moved with the arrow keys. Whole numbers give whole numbers."""
    # A slider of floats would say 12.999999 where it shows 13.
    whole = all(isinstance(number, int) for number in (low, high, value, step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(value=value, min=low, max=high, step=step, description=label, **_STYLE)


def text_box(value: str, *, label: str = "") -> ipywidgets.Text:
    """A line to type in; it counts once Enter is pressed or the cursor leaves it."""
    return ipywidgets.Text(value=value, description=label, continuous_update=False, **_STYLE)


def menu(options: Sequence[str], value: str, *, label: str = "") -> ipywidgets.Dropdown:
    """A choice of one among several."""
    return ipywidgets.Dropdown(options=options, value=value, description=label, **_STYLE)


class _Shown(ipywidgets.VBox):
    """A picture or a piece of HTML, and a line of text, which a page that cannot show widgets gets as they stand."""

    def __init__(self, above: Sequence[ipywidgets.Widget], below: Sequence[ipywidgets.Widget] = ()) -> None:
        self.picture = ipywidgets.Image(format="png", layout={"max_width": "100%", "width": "704px"})
        self.page = ipywidgets.HTML()
        self.line = ipywidgets.HTML()
        self.text = ""
        super().__init__([*above, self.picture, self.page, *below, self.line])

    def show(self, content: Picture | Html, text: str) -> None:
        self.text = text
        self.picture.value = content.png() if isinstance(content, Picture) else b""
        self.page.value = content.markup if isinstance(content, Html) else ""
        for part in (self.picture, self.page):
            part.layout.display = None if part.value else "none"
        self.line.value = f"<div aria-live='polite'>{escape(text)}</div>"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        still = base64.b64encode(self.picture.value).decode("ascii")
        return bundle | ({"image/png": still} if still else {"text/html": self.page.value}) | {"text/plain": self.text}


class Explorer(_Shown):
    """Controls above a picture and a line of text, both drawn anew whenever a control changes."""

    def __init__(self, draw: Callable[..., tuple[Picture | Html, str]], **controls: ipywidgets.ValueWidget) -> None:
        """`draw` gets the value of each control under its name, and returns the picture and the line of text."""
        self.draw = draw
        self.controls = controls
        for name, control in controls.items():
            control.description = control.description or name
            control.observe(self._redraw, names="value")
        super().__init__(list(controls.values()))
        self._redraw()

    def _redraw(self, _change: object = None) -> None:
        self.show(*self.draw(**{name: control.value for name, control in self.controls.items()}))


class TokenChooser(_Shown):
    """Write a text by hand beside a model: its forecast as bars, and a button for each of the likeliest tokens."""

    def __init__(
        self,
        forecast: Callable[[list[int]], Sequence[float]],
        names: Sequence[str],
        prompt: Sequence[int],
        top: int = 8,
    ) -> None:
        """`forecast` gets all token ids so far and returns the probability of each token; `names` shows them."""
        self.forecast = forecast
        self.names = names
        self.ids = list(prompt)
        self.costs: list[float] = []
        self.rng = random.Random(0)
        self.written = ipywidgets.HTML()
        self.choices = [ipywidgets.Button(layout={"width": "auto"}) for _ in range(min(top, len(names)))]
        self.draw = ipywidgets.Button(description="draw one", icon="random", layout={"width": "auto"})
        self.undo = ipywidgets.Button(description="undo", icon="undo", layout={"width": "auto"})
        for rank, button in enumerate(self.choices):
            button.on_click(lambda _, rank=rank: self._append(self._likeliest[rank]))
        self.draw.on_click(lambda _: self._append(self.rng.choices(range(len(names)), self._probabilities)[0]))
        self.undo.on_click(lambda _: self._take_back())
        wrapped = {"flex_flow": "row wrap"}
        buttons = [ipywidgets.HBox(self.choices, layout=wrapped), ipywidgets.HBox([self.draw, self.undo])]
        super().__init__([self.written], buttons)
        self._look()

    def _append(self, id: int) -> None:
        self.costs.append(-math.log(self._probabilities[id]))
        self.ids.append(id)
        self._look()

    def _take_back(self) -> None:
        if self.costs:
            self.costs.pop()
            self.ids.pop()
            self._look()

    def _look(self) -> None:
        self._probabilities = [float(p) for p in self.forecast(self.ids)]
        ranked = sorted(range(len(self.names)), key=lambda id: -self._probabilities[id])
        self._likeliest = ranked[: len(self.choices)]
        for button, id in zip(self.choices, self._likeliest, strict=True):
            button.description, button.disabled = self.names[id], self._probabilities[id] == 0
        given = [0.0] * (len(self.ids) - len(self.costs))
        self.written.value = coloured_tokens([self.names[id] for id in self.ids], given + self.costs).markup
        text = f"Tokens chosen: {len(self.costs)}, {sum(self.costs):.2f} nats in all."
        if self.costs:
            text += f" The last one had probability {math.exp(-self.costs[-1]):.3f}."
        self.show(token_bars(self._probabilities, self.names, top=len(self.choices)), text)


class Dashboard(LiveCurve):
    """A run to watch, with a button that lets it stand still between two steps and one that lets it go on.

    The buttons work while the cell runs where the kernel listens to widgets in a thread of their own (a *subshell*:
    JupyterLab 4.4 and ipykernel 7, or later). Elsewhere, Colab among them, they come too late: there the stop button is
    the pause, and entering the block again goes on.
    """

    def __init__(self, n_steps: int, *, floor: float | None = None, unit: str = "nats per token") -> None:
        """As for LiveCurve."""
        super().__init__(n_steps, floor=floor, unit=unit)
        self.pause_button = ipywidgets.Button(description="pause", icon="pause", layout={"width": "auto"})
        self.resume_button = ipywidgets.Button(description="resume", icon="play", layout={"width": "auto"})
        self.pause_button.on_click(lambda _: self.pause())
        self.resume_button.on_click(lambda _: self.resume())
        self.buttons = _Buttons([self.pause_button, self.resume_button])
        self._runs = False
        self._enable()

    def pause(self) -> None:
        if self._runs:  # a press that comes after the end would only hold up the next beginning
            super().pause()
        self._enable()

    def resume(self) -> None:
        super().resume()
        self._enable()

    def __enter__(self) -> "Dashboard":
        from IPython.display import display

        self._runs = True
        display(self.buttons, display_id=True)
        super().__enter__()
        for button in self.buttons.children:
            # ipykernel hands what a widget says to the thread that spoke to it last (7.4). That was this one, which is
            # about to be busy; where nobody is on record, the front end's own choice stands, and that is a subshell.
            vars(button.comm).pop("_reply_subshell_id", None)
        return self

    def __exit__(self, *error: object) -> None:
        self._runs = False
        super().__exit__(*error)

    def _enable(self) -> None:
        self.pause_button.disabled = not self._runs or self.paused
        self.resume_button.disabled = not self._runs or not self.paused


class _Buttons(ipywidgets.HBox):
    """Buttons in a row; a page that cannot show widgets gets their names."""

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        return bundle | {"text/plain": " ".join(f"[{button.description}]" for button in self.children)}
