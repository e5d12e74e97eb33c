"""What every room's settings have in common: a frozen dataclass to and from a plain dictionary or a file, strictly."""

import dataclasses
import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self, get_type_hints

from course_lib.errors import CourseError


class Config:
    """Base of the frozen dataclasses that hold settings: a line under each field, checks in `__post_init__`."""

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain values, ready for JSON."""
        return dataclasses.asdict(self)  # type: ignore[call-overload]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The settings that `to_dict` wrote. Raises CourseError: a name unknown or missing, a value of a wrong type."""
        fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        for name in values:
            if name not in fields:
                near = get_close_matches(name, fields, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has: {', '.join(fields)}."
                raise CourseError(f"{cls.__name__} has no setting {name!r}; {hint}")
        for name, field in fields.items():
            if name not in values and field.default is dataclasses.MISSING:
                raise CourseError(f"{cls.__name__} needs the setting {name!r}, which is missing. Add it.")
        hints = get_type_hints(cls)
        return cls(**{name: _typed(cls.__name__, name, value, hints[name]) for name, value in values.items()})


def _typed(owner: str, name: str, value: Any, expected: Any) -> Any:
    """`value` if it is of the `expected` type; a whole number is also a float, but a truth value is no number."""
    if isinstance(value, dict) and isinstance(expected, type) and issubclass(expected, Config):
        return expected.from_dict(value)
    is_bool = isinstance(value, bool)
    if isinstance(value, expected) and (not is_bool or expected is bool):
        return value
    if isinstance(value, int) and not is_bool and isinstance(0.0, expected):
        return float(value)
    wanted = getattr(expected, "__name__", str(expected))
    raise CourseError(f"{owner}: {name} is {value!r}, but must be of type {wanted}. Correct that setting.")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises CourseError where there is no such file, or something else in it."""
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror}. Is it the right folder, and complete?") from error
    except ValueError as error:
        raise CourseError(f"{path} is damaged: it is not JSON ({error}). Restore it, or make it again.") from error
    if not isinstance(values, dict):
        raise CourseError(f"{path} is damaged: expected a JSON object. Restore it, or make it again.")
    return values
