"""`check()`: hands a learner's answer to the laws of its exercise and says in a few lines what came of it."""

import random
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from difflib import get_close_matches
from io import TextIOBase
from typing import Any

import numpy as np
import torch

from course_lib import progress
from course_lib.checks.deadline import DeadlineError, run_with_deadline
from course_lib.checks.registry import EXERCISES, Exercise
from course_lib.checks.speech import say, strict
from course_lib.checks.trial import BrokenLaw, Trial

SECONDS = 3.9
"""How long all calls of one check may take together."""


@dataclass(frozen=True)
class CheckResult:
    """What a check found; true if the answer passed.

    Attributes:
        exercise_id: what was asked for.
        passed: whether every law holds.
        message: what was printed.
        mistake: id of the diagnosis, None where the answer passed.
        score: how well it did, where the exercise is a contest; the lower the better.
    """

    exercise_id: str
    passed: bool
    message: str = field(repr=False)
    mistake: str | None = None
    score: float | None = None

    def __bool__(self) -> bool:
        return self.passed

    def _ipython_display_(self) -> None:
        """Show nothing as the value of a cell: `check()` has printed the message."""


def check(exercise_id: str, answer: Any = ...) -> CheckResult:
    """Try `answer` on the laws of an exercise, print what came of it, and note a pass in the learner's progress.

    Never raises because of the answer, whatever it does, and takes less than 5 seconds.

    Arguments:
        exercise_id: as in `"01.3"`.
        answer: the learner's function, not called.

    Raises:
        AssertionError: the answer did not pass, under `COURSE_STRICT=1`; nothing is noted then.
    """
    exercise = EXERCISES.get(str(exercise_id))
    result = _unknown(str(exercise_id)) if exercise is None else judge(exercise, answer)
    if strict() and not result:
        raise AssertionError(result.message)
    say(result.message)
    if result and not strict():
        progress.record(result.exercise_id, result.score)
        if result.score is not None:
            say(_standing(result.exercise_id, result.score))
    return result


def judge(exercise: Exercise, answer: Any) -> CheckResult:
    """Try `answer` on the laws of `exercise`: silent, and without a trace in random number generators or progress."""
    trial, printed = Trial(answer), _Printed()
    mistake, lines = None, ["all laws hold."]
    try:
        with _own_randomness(), redirect_stdout(printed):
            if answer is ...:
                raise BrokenLaw("not_yet_written")
            run_with_deadline(lambda: exercise.laws(trial), SECONDS)
        if trial.remark:
            lines.append(trial.remark)
    except BrokenLaw as broken:
        mistake, lines = broken.mistake, list(broken.lines)
    except DeadlineError as late:
        mistake, lines = (
            "never_returns",
            [f"Your function had not returned after {SECONDS:.0f} seconds: an endless loop?"],
        )
        if not late.stopped:
            lines.append("It could not be stopped either: restart the kernel to be rid of it.")
        lines.append(f"tried:  {trial.happening}")
    except Exception as error:
        mistake = "check_failed"
        lines = [
            f"The check itself stumbled over this answer ({type(error).__name__}: {error}).",
            "That is a fault of the course, not yours. Please report it together with your code.",
            f"tried:  {trial.happening}",
        ]
    if printed.lines:
        lines.append(f"(It also printed {printed.lines} line{'s' * (printed.lines > 1)}, kept out of sight here.)")
    return CheckResult(exercise.id, mistake is None, _message(exercise, mistake, lines), mistake, trial.score)


def _message(exercise: Exercise, mistake: str | None, lines: list[str]) -> str:
    heading = f"{exercise.id} · {exercise.title}"
    if mistake == "not_yet_written":
        return f"○ {heading}: not yet written. Write the function above, run its cell, then run this one."
    if mistake is None:
        return "\n  ".join([f"✓ {heading}: {lines[0]}", *lines[1:]])
    return "\n  ".join([f"✗ {heading}", *lines])


def _standing(exercise_id: str, score: float) -> str:
    """The leaderboard of this machine; an arrow points at the place of `score`, if it has one."""
    rows = [
        f"  {place:2}. {kept:.4f}   {day}" + "  ← this one" * (kept == score)
        for place, (kept, day) in enumerate(progress.leaderboard(exercise_id), start=1)
    ]
    return "\n".join(["  On this machine so far (lower is better):", *rows])


def _unknown(exercise_id: str) -> CheckResult:
    two_digits = exercise_id.zfill(4)  # "1.1" is a way to write "01.1"
    near = get_close_matches(two_digits, EXERCISES, n=4, cutoff=0.5) or list(EXERCISES)
    message = f"✗ There is no exercise {exercise_id[:20]!r}. Did you mean one of {', '.join(near)}?"
    return CheckResult(exercise_id, False, message, "unknown_exercise")


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Seed the global generators, so that every check sees the same luck, and put them back afterwards."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - the learner's own
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    torch.default_generator.manual_seed(0)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


class _Printed(TextIOBase):
    """Counts the lines written to it and keeps none, so that an endless `print` fills no memory."""

    lines = 0

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        return len(text)
