"""A training run to watch: how far it is, and a loss curve that grows."""

import threading
import time
from typing import Any

from course_lib.display.html import Html, escape
from course_lib.display.plots import Picture, loss_curve

PAUSE = 3.0
"""Seconds from one drawing to the next: drawing takes a good tenth of one, in which nothing is trained."""


LOOK = 0.1
"""Seconds from one look at `resume` to the next while paused: so long may an interrupt have to wait on Windows."""


class LiveCurve:
    """Shows itself below the cell while its `with` block runs, and once more at the end, however the block ends.

    Entered again, after an interrupt say, it goes on where it was. Another thread may `pause` it between two steps.

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
        self._may_go_on = threading.Event()
        self._may_go_on.set()

    @property
    def paused(self) -> bool:
        """Whether the next `add` waits, or one does."""
        return not self._may_go_on.is_set()

    def pause(self) -> None:
        """Let the next `add` wait, so that the loop stands still, until `resume` or an interrupt."""
        self._may_go_on.clear()

    def resume(self) -> None:
        """Let the loop go on."""
        self._may_go_on.set()

    def add(self, loss: float, number: int | None = None) -> None:
        """Note the loss of step `number`, by default the one after the last."""
        self.losses.append(loss)
        self.steps.append(number or len(self.losses))
        now = time.monotonic()
        self.seconds += now - self._last_step
        self._last_step = now
        if self.paused:
            self._update()
            while not self._may_go_on.wait(LOOK):
                pass
            self._update()
            self._last_step = time.monotonic()  # to stand still is no training
        elif now - self._last_drawing > PAUSE:
            self._update()

    def __enter__(self) -> "LiveCurve":
        from IPython.display import display

        self.resume()
        self._last_step = self._last_drawing = time.monotonic()
        self._line = display(self.progress(), display_id=True)
        self._curve = display(self.picture(), display_id=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.resume()
        self._update()

    def progress(self) -> Html:
        """How far the run is."""
        done = self.steps[-1] if self.steps else 0
        words = f"{done} of {self.n_steps} steps"
        if done:
            to_go = (self.n_steps - done) * self.seconds / done
            words += f" · loss {self.losses[-1]:.3f} {self.unit} · {self.seconds:.0f} s"
            words += f", about {to_go:.0f} s to go" if done < self.n_steps else ""
        words += " · paused" if self.paused else ""
        return Html(f'<progress value="{done}" max="{self.n_steps}"></progress> {escape(words)}', words)

    def picture(self) -> Picture:
        """The curve so far."""
        return loss_curve(self.steps, self.losses, floor=self.floor, unit=self.unit)

    def _update(self) -> None:
        # The line last: whoever reads there that a run is paused sees the curve of that step already.
        for shown, content in ((self._curve, self.picture()), (self._line, self.progress())):
            _replace(shown, content)
        self._last_drawing = time.monotonic()


def _replace(shown: Any, content: Html | Picture) -> None:
    if shown is not None:  # outside a notebook there is nothing to draw on
        shown.update(content)
