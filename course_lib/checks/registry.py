"""What exercises there are. A lesson's module registers its own with `@exercise`; nothing else lists them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules

from course_lib.checks.trial import Trial


@dataclass(frozen=True)
class Exercise:
    """One exercise and the laws that an answer to it must keep.

    Attributes:
        id: lesson and place, as in `"01.3"`.
        title: what its heading says.
        stars: difficulty, 1 to 3.
        minutes: how long it takes someone who meets it for the first time.
        lesson: the lesson it belongs to, as in `"01_loss_functions"`.
        laws: puts an answer on trial; a broken law raises `BrokenLaw`.
    """

    id: str
    title: str
    stars: int
    minutes: int
    lesson: str
    laws: Callable[[Trial], None] = field(repr=False)

    @property
    def difficulty(self) -> str:
        """The stars, drawn, as in `"★★☆"`."""
        return "★" * self.stars + "☆" * (3 - self.stars)


EXERCISES: dict[str, Exercise] = {}


def exercise(
    exercise_id: str, *, title: str, stars: int, minutes: int
) -> Callable[[Callable[[Trial], None]], Callable[[Trial], None]]:
    """Register the decorated laws as an exercise of the lesson that its module is named after.

    Raises:
        ValueError: the id is taken.
    """

    def register(laws: Callable[[Trial], None]) -> Callable[[Trial], None]:
        if exercise_id in EXERCISES:
            raise ValueError(f"two exercises are called {exercise_id}: {EXERCISES[exercise_id].title!r} and {title!r}")
        lesson = laws.__module__.rpartition(".lesson_")[2]
        EXERCISES[exercise_id] = Exercise(exercise_id, title, stars, minutes, lesson, laws)
        return laws

    return register


def register_lessons(package: str, path: list[str]) -> None:
    """Import every module `lesson_*` of `package`, in order, so that their exercises stand in `EXERCISES`."""
    for name in sorted(module.name for module in iter_modules(path)):
        if name.startswith("lesson_"):
            import_module(f"{package}.{name}")
