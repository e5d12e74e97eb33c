"""What the learner has passed, and how well: one small JSON file per user, which is never worth an error."""

import json
import os
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from platformdirs import user_data_path


def progress_file() -> Path:
    """Where this user's progress is kept."""
    return user_data_path("course_lib", appauthor=False) / "progress.json"


PLACES = 10
"""How many places a leaderboard has."""

Notes = dict[str, dict[str, Any]]


def passed() -> dict[str, str]:
    """The ids of the exercises passed so far, each with the day (ISO 8601) of its first pass.

    A damaged file is set aside under another name, with a notice; then nothing has been passed.
    """
    return _read_or_notice()["passed"]


def leaderboard(exercise_id: str) -> list[tuple[float, str]]:
    """The best scores of an exercise on this machine, lowest first, each with its day; empty where none is kept."""
    return [(score, day) for score, day in _read_or_notice()["scores"].get(exercise_id, [])]


def record(exercise_id: str, score: float | None = None) -> None:
    """Note that an exercise has been passed, and how well, where it is a contest: the lower the score the better.

    Where that cannot be done, a notice says so and nothing else happens.
    """
    file = progress_file()
    # A name of its own per process, for two notebooks that pass something at once.
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        notes = _read(file)
        if exercise_id in notes["passed"] and score is None:
            return
        today = date.today().isoformat()
        notes["passed"].setdefault(exercise_id, today)
        if score is not None:
            kept = notes["scores"].get(exercise_id, [])
            notes["scores"][exercise_id] = sorted([*kept, [score, today]])[:PLACES]
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8", newline="\n")
        unfinished.replace(file)
    except OSError as error:
        _notice(f"{exercise_id} is passed, but that could not be noted in {file} ({error.strerror})")
        with suppress(OSError):
            unfinished.unlink()


def _read_or_notice() -> Notes:
    file = progress_file()
    try:
        return _read(file)
    except OSError as error:
        _notice(f"your progress in {file} cannot be read ({error.strerror}), so it counts as empty for now")
        return {"passed": {}, "scores": {}}


def _read(file: Path) -> Notes:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        days, scores = content["passed"], content.get("scores", {})
        places = [place for places in scores.values() for place in places]
        if not all(isinstance(day, str) for day in days.values()):
            raise ValueError("a day is not text")
        if not all(isinstance(score, float) and isinstance(day, str) for score, day in places):
            raise ValueError("a place on a leaderboard is not a score and its day")
        return {"passed": dict(sorted(days.items())), "scores": scores}
    except FileNotFoundError:
        return {"passed": {}, "scores": {}}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        _set_aside(file)
        return {"passed": {}, "scores": {}}


def _set_aside(file: Path) -> None:
    number = 1
    while (aside := file.with_name(f"progress.damaged-{number}.json")).exists():
        number += 1
    try:
        file.replace(aside)
    except OSError as error:
        _notice(f"your progress in {file} is damaged and could not be moved away ({error.strerror})")
    else:
        _notice(f"your progress in {file} was damaged; it is now {aside.name}, beside a new, empty one")


def _notice(text: str) -> None:
    print(f"Note: {text}.", file=sys.stderr)
