"""Make notebooks, without outputs, from what was read: the same bytes for the same sources."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import nbformat
from markdown_it import MarkdownIt
from nbformat import NotebookNode

from source_files import Cell, ExerciseSheet, Lesson, Question

SETUP = """\
try:
    import course_lib
except ModuleNotFoundError:  # on Colab or Kaggle: install the course; torch stays as it is
    import os

    source = os.environ.get("COURSE_INSTALL", "{install}")
    %pip install --quiet {{source}}
    import course_lib

course_lib.setup()"""

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


class Entry(Protocol):
    """What the build reads of an exercise in the registry of `course_lib.checks`."""

    @property
    def title(self) -> str: ...
    @property
    def difficulty(self) -> str: ...
    @property
    def minutes(self) -> int: ...


@dataclass(frozen=True)
class Home:
    """Where the course lives: a repository on GitHub, and the branch or tag that readers are sent to."""

    owner: str
    repo: str
    ref: str

    @classmethod
    def parse(cls, url: str) -> "Home":
        """Read `https://github.com/OWNER/REPO[/tree/REF]`. Raises ValueError for anything else."""
        parts = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?(?:/tree/([\w./-]+?))?/?", url)
        if parts is None:
            raise ValueError(f"{url!r} is not of the form https://github.com/OWNER/REPO or .../OWNER/REPO/tree/BRANCH")
        return cls(parts[1], parts[2], parts[3] or "main")

    @property
    def url(self) -> str:
        return f"https://github.com/{self.owner}/{self.repo}/tree/{self.ref}"

    @property
    def install(self) -> str:
        return f"git+https://github.com/{self.owner}/{self.repo}@{self.ref}"

    def colab(self, path: str) -> str:
        return f"https://colab.research.google.com/github/{self.owner}/{self.repo}/blob/{self.ref}/{path}"

    def badges(self, path: str) -> str:
        """Links, not pictures: a picture would be fetched from somebody else's server whenever a notebook is opened."""
        repository = f"{self.owner}/{self.repo}"
        ref = quote(self.ref, safe="")
        links = {
            "Colab": self.colab(path),
            "Kaggle": f"https://kaggle.com/kernels/welcome?src=https://github.com/{repository}/blob/{self.ref}/{path}",
            "Binder": f"https://mybinder.org/v2/gh/{repository}/{ref}?urlpath=lab/tree/{path}",
            "Codespaces": f"https://codespaces.new/{repository}/tree/{self.ref}?quickstart=1",
        }
        return " · ".join(f"[{name}]({url})" for name, url in links.items())


@dataclass(frozen=True)
class Course:
    """Everything that an edition may speak of."""

    home: Home
    lessons: Sequence[Lesson]
    sheets: Mapping[str, ExerciseSheet]
    registry: Mapping[str, Entry]

    def lesson(self, name: str) -> Lesson:
        return next(lesson for lesson in self.lessons if lesson.name == name)

    def sheet_minutes(self, name: str) -> int:
        """What the exercises of a lesson take together; 0 where it has none."""
        return (
            sum(self.registry[exercise_id].minutes for exercise_id in self.sheets[name].ids)
            if name in self.sheets
            else 0
        )


def lesson_notebook(lesson: Lesson, course: Course) -> NotebookNode:
    path = f"notebooks/{lesson.name}.ipynb"
    cells = [
        _markdown("header", _lesson_header(lesson, course, path)),
        _code("setup", _setup(course.home)),
        *(
            _built(cell, f"cell-{place:03d}", cell.text + (_map(course) if "course-map" in cell.tags else ""))
            for place, cell in enumerate(lesson.cells, start=1)
        ),
    ]
    if lesson.summary:
        cells.append(_markdown("summary", _summary(lesson)))
    if lesson.quiz:
        cells.append(_markdown("quiz", _quiz(lesson.quiz)))
    cells.append(_markdown("footer", _lesson_footer(lesson, course)))
    course_data: dict[str, Any] = {"source_sha256": code_sha256(lesson)}
    if lesson.may_take:
        course_data["may_take"] = lesson.may_take
    return _notebook(cells, {"course": course_data})


def exercise_notebook(sheet: ExerciseSheet, course: Course, blanks: Mapping[Cell, str]) -> NotebookNode:
    """The learner's edition: `blanks` has what each cell becomes without its solution; discussions are left out."""
    return _sheet_notebook(sheet, course, "exercises", blanks)


def solution_notebook(sheet: ExerciseSheet, course: Course) -> NotebookNode:
    """The edition that gives the answers; nbgrader's markers stay, so that a teacher can assign from it."""
    return _sheet_notebook(sheet, course, "solutions", {cell: cell.text for cell in sheet.cells})


def code_sha256(lesson: Lesson) -> str:
    """What a lesson's outputs were made from: its code. Prose may change without executing again."""
    code = [[cell.text, *cell.tags] for cell in lesson.cells if cell.kind == "code"]
    return hashlib.sha256(repr(code).encode()).hexdigest()


def _lesson_header(lesson: Lesson, course: Course, path: str) -> str:
    objectives = "\n".join(f"- {objective}" for objective in lesson.objectives)
    return f"""\
# {lesson.heading}

{_navigation(lesson, course)}

{lesson.part} · {lesson.minutes} minutes · open it in {course.home.badges(path)}

**Before you start.** {lesson.prerequisites}

**After it you can**

{objectives}"""


def _navigation(lesson: Lesson, course: Course) -> str:
    place = course.lessons.index(lesson)
    links = []
    if place > 0:
        before = course.lessons[place - 1]
        links.append(f"← [{before.heading}]({before.name}.ipynb)")
    if place + 1 < len(course.lessons):
        after = course.lessons[place + 1]
        links.append(f"[{after.heading}]({after.name}.ipynb) →")
    return " · ".join([*links, "[all lessons](../README.md)"])


def _map(course: Course) -> str:
    """The lessons with their minutes, to stand below what a cell tagged `course-map` says; and the hours in all."""
    rows = ["| lesson | reading | exercises |", "| :-- | --: | --: |"]
    part, total = "", 0
    for lesson in course.lessons:
        if lesson.part != part:
            part = lesson.part
            rows.append(f"| **{part}** | | |")
        exercises = course.sheet_minutes(lesson.name)
        total += lesson.minutes + exercises
        practice = f"{exercises} min" if exercises else ""
        rows.append(f"| [{lesson.heading}]({lesson.name}.ipynb) | {lesson.minutes} min | {practice} |")
    return "\n\n" + "\n".join(rows) + f"\n\nIn all about {max(1, round(total / 60))} hours."


def _summary(lesson: Lesson) -> str:
    pairs = zip(lesson.objectives, lesson.summary, strict=True)
    return "## What you can do now\n\n" + "\n".join(f"- **{objective}**  \n  {summary}" for objective, summary in pairs)


def _quiz(quiz: Sequence[Question]) -> str:
    """Folded HTML that needs no kernel and no script: what JupyterLab's and GitHub's sanitisers let through."""
    parts = ["## Three questions\n\nDecide on an answer, then click on it."]
    for number, question in enumerate(quiz, start=1):
        parts.append(f"**{number}.** {question.question}")
        for option in question.options:
            verdict = "Right." if option.right else "Not this one."
            parts.append(_folded(_inline_html(option.answer), f"**{verdict}** {option.because}"))
    return "\n\n".join(parts)


def _folded(summary: str, markdown: str) -> str:
    # The blank lines end the HTML block, so that what lies between is read as Markdown.
    return f"<details><summary>{summary}</summary>\n\n{markdown}\n\n</details>"


def _inline_html(markdown: str) -> str:
    """One line of Markdown as HTML. Formulas between dollars stay for MathJax to find, without what HTML would read."""
    formulas: list[str] = []

    def keep(match: re.Match[str]) -> str:
        formulas.append(match[0].replace("<", r"\lt ").replace(">", r"\gt "))
        return f"\ue000{len(formulas) - 1}\ue001"

    html = MarkdownIt("commonmark").renderInline(re.sub(r"\$[^$]+\$", keep, markdown))
    return re.sub("\ue000(\\d+)\ue001", lambda match: formulas[int(match[1])], html)


def _lesson_footer(lesson: Lesson, course: Course) -> str:
    parts = []
    if lesson.name in course.sheets:
        path = f"exercises/{lesson.name}.ipynb"
        rows = "\n".join(
            f"| {exercise_id} | {entry.title} | {entry.difficulty} | {entry.minutes} min |"
            for exercise_id in course.sheets[lesson.name].ids
            for entry in [course.registry[exercise_id]]
        )
        parts.append(f"""\
## Exercises

| | exercise | difficulty | time |
| --- | --- | --- | --- |
{rows}

They are in [{path}](../{path}) ([in Colab]({course.home.colab(path)})). In the course's own JupyterLab, open your copy,
`my_work/{lesson.name}.ipynb`: no update ever touches it.""")
    if lesson.read_next:
        parts.append("## To read next\n\n" + "\n".join(f"- {item}" for item in lesson.read_next))
    navigation = _navigation(lesson, course)
    place = course.lessons.index(lesson)
    if place + 1 < len(course.lessons):
        navigation += f" ([in Colab]({course.home.colab(f'notebooks/{course.lessons[place + 1].name}.ipynb')}))"
    return "\n\n".join([*parts, f"---\n\n{navigation}"])


def _sheet_notebook(sheet: ExerciseSheet, course: Course, edition: str, texts: Mapping[Cell, str]) -> NotebookNode:
    lesson = course.lesson(sheet.lesson)
    other = {"exercises": "solutions", "solutions": "exercises"}[edition]
    path = f"{edition}/{lesson.name}.ipynb"
    header = f"""\
# {lesson.heading}: {edition}

[the lesson](../notebooks/{lesson.name}.ipynb) · [its {other}](../{other}/{lesson.name}.ipynb)

{len(sheet.ids)} exercises · {course.sheet_minutes(lesson.name)} minutes · open them in {course.home.badges(path)}"""
    if edition == "exercises":
        header += """

Write each answer where it says `YOUR CODE HERE`, then run the cell below it: `check` tries your answer and says what it
finds. The hints go from a nudge to nearly the answer."""
    cells = [_markdown("header", header), _code("setup", _setup(course.home))]
    hints = 0
    for place, cell in enumerate(sheet.cells, start=1):
        text = texts[cell]
        if cell.exercise:
            entry = course.registry[cell.exercise]
            text = f"## {cell.exercise} · {entry.title}  {entry.difficulty} · {entry.minutes} min\n\n{text}"
            hints = 0
        if "hint" in cell.tags:
            hints += 1
            text = _folded(f"Hint {hints}", text)
        if "discussion" in cell.tags:
            if edition == "exercises":
                continue
            text = f"### Discussion\n\n{text}"
        cells.append(_built(cell, f"cell-{place:03d}", text))
    return _notebook(cells, {})


def _setup(home: Home) -> str:
    return SETUP.format(install=home.install)


def _built(cell: Cell, cell_id: str, text: str) -> NotebookNode:
    metadata: dict[str, Any] = {}
    if cell.tags:
        metadata["tags"] = list(cell.tags)
    if "hide-input" in cell.tags:
        metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    return _code(cell_id, text, metadata) if cell.kind == "code" else _markdown(cell_id, text, metadata)


def _code(cell_id: str, text: str, metadata: Mapping[str, Any] | None = None) -> NotebookNode:
    return nbformat.v4.new_code_cell(text, id=cell_id, metadata=dict(metadata or {}))


def _markdown(cell_id: str, text: str, metadata: Mapping[str, Any] | None = None) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text, id=cell_id, metadata=dict(metadata or {}))


def _notebook(cells: list[NotebookNode], metadata: Mapping[str, Any]) -> NotebookNode:
    return nbformat.from_dict(
        {"cells": cells, "metadata": {**METADATA, **metadata}, "nbformat": 4, "nbformat_minor": 5}
    )
