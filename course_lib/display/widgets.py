"""Things to move. The only module that imports ipywidgets."""

import base64
from collections.abc import Callable
from typing import Any

import ipywidgets

from course_lib.display.html import escape
from course_lib.display.plots import Picture


def slider(low: float, high: float, value: float, *, step: float = 0.1, label: str = "") -> ipywidgets.FloatSlider:
    """A slider from `low` to `high`; it can also be moved with the arrow keys."""
    return ipywidgets.FloatSlider(
        value=value,
        min=low,
        max=high,
        step=step,
        description=label,
        style={"description_width": "9em"},
        layout={"width": "34em", "max_width": "98%"},
    )


class Explorer(ipywidgets.VBox):
    """Sliders above a picture and a line of text, both drawn anew whenever a slider moves."""

    def __init__(self, draw: Callable[..., tuple[Picture, str]], **sliders: ipywidgets.FloatSlider) -> None:
        """`draw` gets the value of each slider under its name, and returns the picture and the line of text."""
        self.draw = draw
        self.sliders = sliders
        self.picture = ipywidgets.Image(format="png", layout={"max_width": "100%", "width": "704px"})
        self.line = ipywidgets.HTML()
        for name, control in sliders.items():
            control.description = control.description or name
            control.observe(self._redraw, names="value")
        super().__init__([*sliders.values(), self.picture, self.line])
        self._redraw()

    def _redraw(self, _change: object = None) -> None:
        picture, self.text = self.draw(**{name: control.value for name, control in self.sliders.items()})
        self.picture.value = picture.png()
        self.line.value = f"<div aria-live='polite'>{escape(self.text)}</div>"

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """The widget, and for a page that cannot show widgets the picture and the text as they stand."""
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        still = base64.b64encode(self.picture.value).decode("ascii")
        return bundle | {"image/png": still, "text/plain": self.text}
