"""A training run to watch: how far it is, and a loss curve that grows."""

import time
from typing import Any

from course_lib.display.html import Html, escape
from course_lib.display.plots import Picture, loss_curve

PAUSE = 3.0
"""Seconds from one drawing to the next: drawing takes a good tenth of one, in which nothing is trained."""


class LiveCurve:
    """Shows itself below the cell while its `with` block runs, and once more at the end, however the block ends.

    Entered again, after an interrupt say, it goes on where it was.

        with LiveCurve(n_steps) as live:
            for step in run:
                live.add(step.loss, step.number)
    """

    def __init__(self, n_steps: int, *, floor: float | None = None, unit: str = "nats per token") -> None:
        """`n_steps` of the whole run; `floor`, the loss that no model can beat, and `unit` as for `loss_curve`."""
        self.n_steps = n_steps
        self.floor = floor
        self.unit = unit
        self.losses: list[float] = []
        self.steps: list[int] = []
        self.seconds = 0.0
        self._last_step = self._last_drawing = time.monotonic()
        self._line: Any = None
        self._curve: Any = None

    def add(self, loss: float, number: int | None = None) -> None:
        """Note the loss of step `number`, by default the one after the last."""
        self.losses.append(loss)
        self.steps.append(number or len(self.losses))
        now = time.monotonic()
        self.seconds += now - self._last_step
        self._last_step = now
        if now - self._last_drawing > PAUSE:
            self._update()

    def __enter__(self) -> "LiveCurve":
        from IPython.display import display

        self._last_step = self._last_drawing = time.monotonic()
        self._line = display(self.progress(), display_id=True)
        self._curve = display(self.picture(), display_id=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._update()

    def progress(self) -> Html:
        """How far the run is."""
        done = self.steps[-1] if self.steps else 0
        words = f"{done} of {self.n_steps} steps"
        if done:
            to_go = (self.n_steps - done) * self.seconds / done
            words += f" · loss {self.losses[-1]:.3f} {self.unit} · {self.seconds:.0f} s"
            words += f", about {to_go:.0f} s to go" if done < self.n_steps else ""
        return Html(f'<progress value="{done}" max="{self.n_steps}"></progress> {escape(words)}', words)

    def picture(self) -> Picture:
        """The curve so far."""
        return loss_curve(self.steps, self.losses, floor=self.floor, unit=self.unit)

    def _update(self) -> None:
        for shown, content in ((self._line, self.progress()), (self._curve, self.picture())):
            _replace(shown, content)
        self._last_drawing = time.monotonic()


def _replace(shown: Any, content: Html | Picture) -> None:
    if shown is not None:  # outside a notebook there is nothing to draw on
        shown.update(content)
