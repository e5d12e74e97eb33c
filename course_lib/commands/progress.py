"""`python -m course_lib progress`: what the learner has solved."""

from dataclasses import dataclass
from typing import Any

from course_lib import progress
from course_lib.checks import EXERCISES


@dataclass(frozen=True)
class Options:
    """Show which exercises are solved."""


def run(options: Options) -> dict[str, Any]:
    """Print how far each lesson's exercises have come, and what to try next.

    Returns:
        `passed`: the ids solved, each with the day of its first pass; `exercises`: how many there are; `lessons`: of
        each lesson how many are solved, and out of how many; `next`: the first one not solved, None where none is
        left; `file`: where progress is kept.
    """
    solved = {exercise_id: day for exercise_id, day in progress.passed().items() if exercise_id in EXERCISES}
    lessons: dict[str, dict[str, int]] = {}
    for exercise in EXERCISES.values():
        lesson = lessons.setdefault(exercise.lesson, {"passed": 0, "exercises": 0})
        lesson["exercises"] += 1
        lesson["passed"] += exercise.id in solved
    upcoming = next((exercise for exercise in EXERCISES.values() if exercise.id not in solved), None)
    for name, lesson in lessons.items():
        bar = "■" * lesson["passed"] + "□" * (lesson["exercises"] - lesson["passed"])
        print(f"{name}  {bar}  {lesson['passed']} of {lesson['exercises']}")
    if upcoming:
        print(f"next: {upcoming.id} · {upcoming.title}, about {upcoming.minutes} minutes")
    return {
        "passed": solved,
        "exercises": len(EXERCISES),
        "lessons": lessons,
        "next": upcoming.id if upcoming else None,
        "file": str(progress.progress_file()),
    }
