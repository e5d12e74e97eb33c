"""What the learner has passed: one small JSON file per user, which is never worth an error."""

import json
import os
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

from platformdirs import user_data_path


def progress_file() -> Path:
    """Where this user's progress is kept."""
    return user_data_path("course_lib", appauthor=False) / "progress.json"


def passed() -> dict[str, str]:
    """The ids of the exercises passed so far, each with the day (ISO 8601) of its first pass.

    A damaged file is set aside under another name, with a notice; then nothing has been passed.
    """
    file = progress_file()
    try:
        return _read(file)
    except OSError as error:
        _notice(f"your progress in {file} cannot be read ({error.strerror}), so it counts as empty for now")
        return {}


def record(exercise_id: str) -> None:
    """Note that an exercise has been passed. Where that cannot be done, a notice says so and nothing else happens."""
    file = progress_file()
    # A name of its own per process, for two notebooks that pass something at once.
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    try:
        days = _read(file)
        if exercise_id in days:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        content = {"passed": {**days, exercise_id: date.today().isoformat()}}
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
        unfinished.replace(file)
    except OSError as error:
        _notice(f"{exercise_id} is passed, but that could not be noted in {file} ({error.strerror})")
        with suppress(OSError):
            unfinished.unlink()


def _read(file: Path) -> dict[str, str]:
    try:
        days = json.loads(file.read_text(encoding="utf-8"))["passed"]
        if not all(isinstance(day, str) for day in days.values()):
            raise ValueError("a day is not text")
        return dict(sorted(days.items()))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        _set_aside(file)
        return {}


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
