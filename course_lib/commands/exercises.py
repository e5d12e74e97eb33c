"""`python -m course_lib exercises`: what there is to solve."""

from dataclasses import dataclass
from typing import Any

from course_lib import progress
from course_lib.checks import EXERCISES


@dataclass(frozen=True)
class Options:
    """List the exercises."""


def run(options: Options) -> list[dict[str, Any]]:
    """Print the exercises, those solved marked with ✓.

    Returns:
        Of each exercise its id, title, stars (1 to 3), minutes and lesson, in the order of the course.
    """
    solved = progress.passed()
    lesson = ""
    for exercise in EXERCISES.values():
        if exercise.lesson != lesson:
            lesson = exercise.lesson
            print(lesson)
        mark = "✓" if exercise.id in solved else " "
        print(f"  {mark} {exercise.id}  {exercise.difficulty}  {exercise.minutes:3} min  {exercise.title}")
    return [
        {"id": e.id, "title": e.title, "stars": e.stars, "minutes": e.minutes, "lesson": e.lesson}
        for e in EXERCISES.values()
    ]
