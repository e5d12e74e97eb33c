"""Read the sources of lessons and exercises. A malformed one stops the build and says where: `file:line: message`."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import jupytext
import yaml

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")

CODE_TAGS = {"nbval-check-output", "hide-input"}
LESSON_TAGS = CODE_TAGS | {"course-map"}
EXERCISE_TAGS = CODE_TAGS | {"hint", "discussion"}


class SourceError(Exception):
    """A source that no notebook can be made from."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Cell:
    """A cell as its author wrote it. `line` is that of its `# %%`; `exercise` is set where one begins."""

    kind: str
    text: str
    line: int
    tags: tuple[str, ...] = ()
    exercise: str | None = None

    def line_of(self, row: int) -> int:
        """The line in the file of line `row` of code; a Markdown cell, which may begin with quotes, is one place."""
        return self.line + 1 + row if self.kind == "code" else self.line


@dataclass(frozen=True)
class Option:
    answer: str
    because: str
    right: bool


@dataclass(frozen=True)
class Question:
    question: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Lesson:
    name: str
    title: str
    part: str
    minutes: int
    prerequisites: str
    objectives: tuple[str, ...]
    summary: tuple[str, ...]
    quiz: tuple[Question, ...]
    read_next: tuple[str, ...]
    may_take: int | None
    cells: tuple[Cell, ...]

    @property
    def heading(self) -> str:
        return f"{self.name[:2]} · {self.title}"


@dataclass(frozen=True)
class ExerciseSheet:
    """The exercises of one lesson: `ids` in the order in which they stand."""

    lesson: str
    ids: tuple[str, ...]
    cells: tuple[Cell, ...]


def read_lesson(path: Path) -> Lesson:
    """Read a lesson's source. Raises SourceError, as does everything below."""
    front, cells = _read(path)
    _check_tags(path, cells, LESSON_TAGS)
    for cell in cells:
        if cell.exercise:
            raise SourceError(
                path, cell.line, f"exercise {cell.exercise} stands in a lesson; move it to an exercise file"
            )
        for row, text in enumerate(cell.text.splitlines()):
            if BEGIN in text or END in text:
                raise SourceError(path, cell.line_of(row), "a solution marker in a lesson")
    front.only(
        "title", "part", "minutes", "prerequisites", "objectives", "summary", "quiz", "read_next", "may_take"
    )  # fmt: skip
    objectives = front.texts("objectives")
    if not 3 <= len(objectives) <= 5:
        front.fail(f"{len(objectives)} objectives; a lesson has 3 to 5", "objectives")
    # Lesson 00 explains the course: there is nothing yet to be asked about.
    closes = path.name[:2] != "00"
    summary = front.texts("summary") if closes or "summary" in front.data else ()
    if summary and len(summary) != len(objectives):
        front.fail(f"{len(summary)} sentences of summary for {len(objectives)} objectives", "summary")
    return Lesson(
        name=path.stem,
        title=front.text("title"),
        part=front.text("part"),
        minutes=front.number("minutes"),
        prerequisites=front.text("prerequisites"),
        objectives=objectives,
        summary=summary,
        quiz=_read_quiz(front) if closes or "quiz" in front.data else (),
        read_next=front.texts("read_next") if closes or "read_next" in front.data else (),
        may_take=front.number("may_take") if "may_take" in front.data else None,
        cells=cells,
    )


def read_exercises(path: Path) -> ExerciseSheet:
    """Read a lesson's exercises: each a statement, code with a solution, one check, three hints and a discussion."""
    front, cells = _read(path)
    _check_tags(path, cells, EXERCISE_TAGS)
    front.only("lesson")
    starts = [place for place, cell in enumerate(cells) if cell.exercise]
    if not starts:
        raise SourceError(path, 1, 'no exercise: no cell begins with `# %% [markdown] exercise="NN.N"`')
    for cell in cells[: starts[0]]:
        if cell.tags or blank(path, cell) != cell.text:
            raise SourceError(path, cell.line, "belongs to an exercise, but none has begun")
    ids: list[str] = []
    for start, stop in zip(starts, [*starts[1:], len(cells)], strict=True):
        exercise_id = _check_exercise(path, cells[start:stop])
        if exercise_id in ids:
            raise SourceError(path, cells[start].line, f"a second exercise {exercise_id}")
        ids.append(exercise_id)
    return ExerciseSheet(lesson=front.text("lesson"), ids=tuple(ids), cells=cells)


def blank(path: Path, cell: Cell) -> str:
    """The cell's text with every solution replaced by the stub, indented as the solution was."""
    lines: list[str] = []
    began = 0
    for row, text in enumerate(cell.text.splitlines()):
        line = cell.line_of(row)
        if BEGIN in text:
            if cell.kind != "code" or text.strip() != BEGIN:
                raise SourceError(path, line, f"`{BEGIN}` must stand alone on a line of a code cell")
            if began:
                raise SourceError(path, line, f"a solution begins inside the one that began in line {began}")
            began = line
            indent = text[: len(text) - len(text.lstrip())]
            if not indent:
                raise SourceError(
                    path, line, "a solution outside a function: its stub would stop the notebook before the check"
                )
            lines += [indent + stub for stub in STUB]
        elif END in text:
            if not began or text.strip() != END:
                raise SourceError(
                    path, line, "a solution ends here that never began" if not began else f"`{END}` must stand alone"
                )
            began = 0
        elif not began:
            lines.append(text)
    if began:
        raise SourceError(path, began, f"this solution is not closed by `{END}` in its cell")
    return "\n".join(lines)


def _check_exercise(path: Path, cells: tuple[Cell, ...]) -> str:
    statement, *rest = cells
    exercise_id = statement.exercise or ""
    if statement.kind != "markdown":
        raise SourceError(path, statement.line, f"exercise {exercise_id} does not begin with its statement in Markdown")
    if not any(blank(path, cell) != cell.text for cell in rest):
        raise SourceError(path, statement.line, f"exercise {exercise_id} has no solution between `{BEGIN}` and `{END}`")

    checks = [
        (cell, called)
        for cell in rest
        if cell.kind == "code"
        for called in re.findall(r"\bcheck\(\s*[\"']([^\"']*)", cell.text)
    ]
    for cell, called in checks:
        if called != exercise_id:
            raise SourceError(path, cell.line, f"exercise {exercise_id} checks {called!r}")
    if len(checks) != 1:
        raise SourceError(
            path,
            statement.line,
            f'exercise {exercise_id} calls `check("{exercise_id}", ...)` {len(checks)} times instead of once',
        )

    for tag, wanted in (("hint", 3), ("discussion", 1)):
        tagged = [cell for cell in rest if tag in cell.tags]
        if len(tagged) != wanted:
            raise SourceError(
                path, statement.line, f"exercise {exercise_id} has {len(tagged)} cells tagged {tag}; it needs {wanted}"
            )
        for cell in tagged:
            if cell.kind != "markdown":
                raise SourceError(path, cell.line, f"a {tag} is a Markdown cell")
    return exercise_id


def _check_tags(path: Path, cells: tuple[Cell, ...], known: set[str]) -> None:
    for cell in cells:
        if unknown := sorted(set(cell.tags) - known):
            raise SourceError(path, cell.line, f"unknown tag {unknown[0]!r}; known here: {', '.join(sorted(known))}")


def _read_quiz(front: "_Front") -> tuple[Question, ...]:
    questions = []
    for place, _ in enumerate(front.items("quiz")):
        at = ("quiz", place)
        front.only("question", "options", at=at)
        options = []
        for number, option in enumerate(front.items("options", at=at)):
            here = (*at, "options", number)
            front.only("answer", "because", "right", at=here)
            right = option.get("right", False)
            if not isinstance(right, bool):
                front.fail("`right` is true or left out", *here)
            options.append(Option(front.text("answer", at=here), front.text("because", at=here), right))
        right_ones = sum(option.right for option in options)
        if len(options) < 2 or right_ones != 1:
            front.fail(
                f"{right_ones} right answers among {len(options)} options; exactly one of at least two is right", *at
            )
        questions.append(Question(front.text("question", at=at), tuple(options)))
    if len(questions) != 3:
        front.fail(f"{len(questions)} quiz questions; a lesson has 3", "quiz")
    return tuple(questions)


class _Front:
    """The front matter. Every method takes the path `at` of keys and places that leads to where it reads."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        try:
            self.data: dict[str, Any] = yaml.safe_load(text)
            self._node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise SourceError(path, mark.line + 2 if mark else 2, f"invalid YAML: {error.problem}") from None
        if not isinstance(self.data, dict):
            raise SourceError(path, 1, "the front matter is not a list of `key: value`")

    def fail(self, message: str, *at: str | int) -> NoReturn:
        raise SourceError(self.path, self._line(at), message)

    def only(self, *known: str, at: tuple[str | int, ...] = ()) -> None:
        """Fail where there is a key that nobody would read."""
        here = self._get(at)
        if not isinstance(here, dict):
            self.fail(f"expected {', '.join(known)}", *at)
        for key in here:
            if key not in known:
                self.fail(f"unknown key {key!r}; known here: {', '.join(known)}", *at, key)

    def text(self, key: str, at: tuple[str | int, ...] = ()) -> str:
        value = self._require(key, at)
        if not isinstance(value, str) or not value.strip():
            self.fail(f"`{key}` is not text (does it need quotes?)", *at, key)
        return value.strip()

    def number(self, key: str) -> int:
        value = self._require(key, ())
        if not isinstance(value, int) or value <= 0:
            self.fail(f"`{key}` is not a positive number", key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        for place, value in enumerate(self.items(key)):
            if not isinstance(value, str) or not value.strip():
                self.fail(f"item {place + 1} of `{key}` is not text (does it need quotes?)", key, place)
        return tuple(value.strip() for value in self.data[key])

    def items(self, key: str, at: tuple[str | int, ...] = ()) -> list[Any]:
        value = self._require(key, at)
        if not isinstance(value, list):
            self.fail(f"`{key}` is not a list", *at, key)
        return value

    def _require(self, key: str, at: tuple[str | int, ...]) -> Any:
        here = self._get(at)
        if key not in here:
            self.fail(f"missing `{key}`", *at)
        return here[key]

    def _get(self, at: tuple[str | int, ...]) -> Any:
        here: Any = self.data
        for step in at:
            here = here[step]
        return here

    def _line(self, at: tuple[str | int, ...]) -> int:
        node = self._node
        line = node.start_mark.line
        for step in at:
            if isinstance(node, yaml.MappingNode):
                key, node = next(pair for pair in node.value if pair[0].value == step)
                line = key.start_mark.line
            else:
                node = node.value[step]
                line = node.start_mark.line
        return line + 2


def _read(path: Path) -> tuple[_Front, tuple[Cell, ...]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0] != "# ---" or "# ---" not in lines[1:]:
        raise SourceError(path, 1, "does not begin with front matter between two lines `# ---`")
    end = lines.index("# ---", 1)
    for number, line in enumerate(lines[:end], start=1):
        if not line.startswith("#"):
            raise SourceError(path, number, "a line of the front matter does not begin with `# `")
    front = _Front(path, "\n".join(line[2:] for line in lines[1:end]))

    body = [(number, line) for number, line in enumerate(lines[end + 1 :], start=end + 2) if line.strip()]
    starts = [number for number, line in body if line.startswith("# %%")]
    if not starts:
        raise SourceError(path, end + 1, "no cell follows the front matter")
    if starts[0] != body[0][0]:
        raise SourceError(path, body[0][0], "text before the first cell, which begins with `# %%`")
    text = "\n".join(lines[starts[0] - 1 :])
    read = jupytext.reads(text, fmt={"extension": ".py", "format_name": "percent"}).cells
    for place, cell in enumerate(read):
        if re.search(r"(?m)^# %%", cell.source):
            raise SourceError(path, starts[place + 1], "a line that begins with `# %%` inside a text")
    return front, tuple(_cell(path, cell, line) for cell, line in zip(read, starts, strict=True))


def _cell(path: Path, cell: Any, line: int) -> Cell:
    spacing = ("cell_marker", "lines_to_next_cell")  # jupytext's notes on how the file looks
    metadata = {key: value for key, value in cell.metadata.items() if key not in spacing}
    tags, exercise = metadata.pop("tags", []), metadata.pop("exercise", None)
    if metadata:
        raise SourceError(path, line, f"unknown cell metadata {', '.join(map(repr, metadata))}")
    if not cell.source.strip():
        raise SourceError(path, line, "an empty cell")
    return Cell(cell.cell_type, cell.source, line, tuple(tags), exercise)
