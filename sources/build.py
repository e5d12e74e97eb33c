"""Build notebooks/, exercises/ and solutions/ from sources/, and the lesson table in README.md.

python sources/build.py [NAME ...]      build; execute the lessons whose code has changed
python sources/build.py --force [...]   execute them whatever has changed (after a change in course_lib)
python sources/build.py --check         say what is not as the sources have it; executes nothing
python sources/build.py --point-at URL  move badges and links to a fork; outputs stay
"""

import argparse
import copy
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.reader import NotJSONError

from editions import Course, Entry, Home, exercise_notebook, lesson_notebook, solution_notebook
from execution import execute, flaws
from source_files import ExerciseSheet, SourceError, blank, read_exercises, read_lesson

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("notebooks", "exercises", "solutions")
TABLE = re.compile(r"(?<=<!-- lessons:begin -->\n).*?(?=<!-- lessons:end -->)", re.DOTALL)


class BuildError(Exception):
    """What stops the build, other than a malformed source."""


@dataclass(frozen=True)
class Editions:
    """What the sources make: every notebook by its path below the root, without outputs."""

    course: Course
    notebooks: Mapping[Path, NotebookNode]


def read_course(root: Path, registry: Mapping[str, Entry]) -> Editions:
    """Read all sources below `root` and make the editions. Raises SourceError, BuildError."""
    lessons = [read_lesson(path) for path in sorted((root / "sources/lessons").glob("*.py"))]
    sheets = {path: read_exercises(path) for path in sorted((root / "sources/exercises").glob("*.py"))}
    _check_registry(sheets, {lesson.name for lesson in lessons}, registry)
    course = Course(_home(root), lessons, {sheet.lesson: sheet for sheet in sheets.values()}, registry)

    notebooks = {Path(f"notebooks/{lesson.name}.ipynb"): lesson_notebook(lesson, course) for lesson in lessons}
    for path, sheet in sheets.items():
        blanks = {cell: blank(path, cell) for cell in sheet.cells}
        notebooks[Path(f"exercises/{sheet.lesson}.ipynb")] = exercise_notebook(sheet, course, blanks)
        notebooks[Path(f"solutions/{sheet.lesson}.ipynb")] = solution_notebook(sheet, course)
    return Editions(course, notebooks)


def build(root: Path, registry: Mapping[str, Entry], names: Sequence[str] = (), force: bool = False) -> None:
    """Write every edition; execute the lessons whose outputs are missing, of other code, or not fit to publish.

    Raises BuildError where a lesson fails, and at the end where one has outputs that must not be published. Those are
    there to be looked at, and the sync check refuses them.
    """
    editions = read_course(root, registry)
    for name in names:
        if not any(name in path.stem for path in editions.notebooks):
            raise BuildError(f"no source is called {name}")
    wanted = {
        path: notebook
        for path, notebook in editions.notebooks.items()
        if not names or any(name in path.stem for name in names)
    }
    unfit = []
    for path in sorted(wanted, key=lambda path: path.parts[0] == "notebooks"):  # what needs no kernel first
        notebook = wanted[path]
        if path.parts[0] == "notebooks":
            old = _read(root / path)
            if old is not None and not force and _can_keep(notebook, old):
                notebook = with_outputs(notebook, old)
            else:
                _execute(notebook, path, root)
                unfit += [f"{path.as_posix()}: {flaw}" for flaw in flaws(notebook)]
        _write(root / path, dumps(notebook))
    _write(root / "README.md", _with_table(root, editions.course))
    if unfit:
        raise BuildError("\n".join(unfit))


def _execute(notebook: NotebookNode, path: Path, root: Path) -> None:
    print(f"executing {path.as_posix()} ...", end=" ", flush=True)
    (root / path).parent.mkdir(exist_ok=True)
    try:
        execute(notebook, (root / path).parent)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise BuildError(f"{path.as_posix()}: " + re.sub(r"\x1b\[[0-9;]*m", "", str(error))) from None
    figures = notebook.metadata["course"]
    print(f"{figures['seconds']} s, {figures['peak_memory_mb']} MB")


def check(root: Path, registry: Mapping[str, Entry]) -> list[str]:
    """What on disk is not as the sources have it, or not fit to be published; nothing is executed."""
    editions = read_course(root, registry)
    found = []
    for path, notebook in editions.notebooks.items():
        old = _read(root / path)
        if old is None:
            found.append(f"{path.as_posix()}: missing, or not a notebook")
        elif path.parts[0] == "notebooks":
            if not _same_code(notebook, old):
                found.append(f"{path.as_posix()}: stale: its outputs were made from other code than its source has now")
                continue
            found += _differences(path, with_outputs(notebook, old), root)
            found += [f"{path.as_posix()}: {flaw}" for flaw in flaws(old)]
        else:
            found += _differences(path, notebook, root)
    for folder in FOLDERS:
        for file in sorted((root / folder).glob("*.ipynb")):
            if file.relative_to(root) not in editions.notebooks:
                found.append(f"{folder}/{file.name}: no source makes it")
    stated = {exercise_id for sheet in editions.course.sheets.values() for exercise_id in sheet.ids}
    for exercise_id in sorted(set(registry) - stated):
        found.append(f"exercise {exercise_id} is in course_lib.checks, and no file in sources/exercises states it")
    readme = root / "README.md"
    if readme.read_text(encoding="utf-8") != _with_table(root, editions.course):
        found.append("README.md: the lesson table is not up to date")
    return found


def point_at(root: Path, registry: Mapping[str, Entry], url: str) -> None:
    """Move the course to another repository, branch or tag: pyproject.toml, all badges and links; outputs are kept."""
    try:
        home = Home.parse(url)
    except ValueError as error:
        raise BuildError(str(error)) from None
    for path, notebook in read_course(root, registry).notebooks.items():
        old = _read(root / path)
        if old is None or not _can_keep(notebook, old):
            raise BuildError(f"{path.as_posix()} is not built from its source as it is now: build first")
    pyproject = root / "pyproject.toml"
    text = pyproject.read_text(encoding="utf-8")
    _write(pyproject, re.sub(r'(?m)^Course = ".*"$', f'Course = "{home.url}"', text))
    build(root, registry)


def with_outputs(notebook: NotebookNode, old: NotebookNode) -> NotebookNode:
    """`notebook` with the outputs of `old`, which has the same code, and what they took."""
    notebook = copy.deepcopy(notebook)
    code, old_code = ([cell for cell in each.cells if cell.cell_type == "code"] for each in (notebook, old))
    for cell, old_cell in zip(code, old_code, strict=False):
        cell.outputs = old_cell.outputs
        cell.execution_count = old_cell.execution_count
    notebook.metadata["course"] = old.metadata["course"] | notebook.metadata["course"]
    if "widgets" in old.metadata:
        notebook.metadata["widgets"] = old.metadata["widgets"]
    return notebook


def dumps(notebook: NotebookNode) -> str:
    return nbformat.writes(notebook) + "\n"


def _same_code(notebook: NotebookNode, old: NotebookNode) -> bool:
    """Whether `old` was executed with this code and still holds it."""
    return _code(notebook) == _code(old)


def _code(notebook: NotebookNode) -> tuple[str | None, list[str]]:
    """What outputs depend on. The set-up cell is left out: it says where the course lives, which a fork changes."""
    digest = notebook.metadata.get("course", {}).get("source_sha256")
    return digest, [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.id != "setup"]


def _can_keep(notebook: NotebookNode, old: NotebookNode) -> bool:
    """Whether the outputs of `old` may stand in `notebook`. (An edition that is never executed is not in question.)"""
    return _same_code(notebook, old) and ("course" not in old.metadata or not flaws(old))


def _differences(path: Path, notebook: NotebookNode, root: Path) -> list[str]:
    if (root / path).read_bytes() == dumps(notebook).encode():
        return []
    old = {cell.id: cell for cell in nbformat.read(root / path, as_version=4).cells}
    for cell in notebook.cells:
        if old.get(cell.id) != cell:
            return [f"{path.as_posix()}: {cell.id} is not as its source has it: build again"]
    return [f"{path.as_posix()}: not as its source has it: build again"]


def _check_registry(sheets: Mapping[Path, ExerciseSheet], lessons: set[str], registry: Mapping[str, Entry]) -> None:
    seen: dict[str, Path] = {}
    for path, sheet in sheets.items():
        if sheet.lesson not in lessons or sheet.lesson != path.stem:
            raise SourceError(path, 2, f"`lesson: {sheet.lesson}` is not the lesson that this file is named after")
        for cell in sheet.cells:
            if cell.exercise is None:
                continue
            if cell.exercise in seen:
                raise SourceError(path, cell.line, f"exercise {cell.exercise} is already in {seen[cell.exercise]}")
            if cell.exercise not in registry:
                raise SourceError(path, cell.line, f"course_lib.checks knows no exercise {cell.exercise}")
            seen[cell.exercise] = path


def _home(root: Path) -> Home:
    with (root / "pyproject.toml").open("rb") as file:
        url = tomllib.load(file)["project"]["urls"]["Course"]
    try:
        return Home.parse(url)
    except ValueError as error:
        raise BuildError(f"pyproject.toml: {error}") from None


def _read(path: Path) -> NotebookNode | None:
    """The notebook at `path`; None where there is none, or what is left of one after a merge with conflicts."""
    try:
        return nbformat.read(path, as_version=4)
    except (FileNotFoundError, NotJSONError):
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _with_table(root: Path, course: Course) -> str:
    """README.md with a table of the lessons between its markers; the figures are those of the last execution."""
    text = (root / "README.md").read_text(encoding="utf-8")
    rows = ["| Lesson | Minutes | Open it in | Runs in | Memory |", "| --- | --- | --- | --- | --- |"]
    part = ""
    for lesson in course.lessons:
        if lesson.part != part:
            part = lesson.part
            rows.append(f"| **{part}** | | | | |")
        path = f"notebooks/{lesson.name}.ipynb"
        old = _read(root / path)
        figures = old.metadata.get("course", {}) if old is not None else {}
        took = f"{figures['seconds']:.0f} s | {figures['peak_memory_mb']} MB" if "seconds" in figures else "– | –"
        rows.append(f"| [{lesson.heading}]({path}) | {lesson.minutes} | {course.home.badges(path)} | {took} |")
    if not TABLE.search(text):
        raise BuildError("README.md has no lines `<!-- lessons:begin -->` and `<!-- lessons:end -->`")
    return TABLE.sub(lambda _: "\n".join(rows) + "\n", text)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="part of a file's name, such as 01")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--point-at", metavar="URL")
    options = parser.parse_args(arguments)

    sys.path.insert(0, str(ROOT))
    from course_lib.checks import EXERCISES

    try:
        if options.check:
            found = check(ROOT, EXERCISES)
            print("\n".join(found) or "all editions are as their sources have them")
            return bool(found)
        if options.point_at:
            point_at(ROOT, EXERCISES, options.point_at)
        else:
            build(ROOT, EXERCISES, options.names, options.force)
    except (SourceError, BuildError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
