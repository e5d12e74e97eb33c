"""The build: from sources to editions, what it refuses, and what the sync check notices."""
# ruff: noqa: E501 - the tables of mistakes have one mistake a line

import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from markdown_it import MarkdownIt

import build
import execution
from course_lib.checks import EXERCISES
from editions import Home
from source_files import SourceError

REPOSITORY = Path(__file__).resolve().parents[1]

START = '''\
# ---
# title: Start
# part: Before
# minutes: 5
# prerequisites: none
# objectives:
#   - one
#   - two
#   - three
# ---

# %% [markdown] tags=["course-map"]
r"""
The map.
"""

# %%
print("hello")
'''

LESSON = '''\
# ---
# title: Sums
# part: "I · Numbers"
# minutes: 30
# prerequisites: Lesson 00.
# objectives:
#   - add
#   - subtract
#   - compare
# summary:
#   - A sum.
#   - A difference.
#   - An order.
# quiz:
#   - question: What is 1 + 1?
#     options:
#       - {answer: "`2`, and **not** 3", right: true, because: It is.}
#       - {answer: "a < b, $x_1 < y_1$", because: "It is *not*, see `code`."}
#   - question: What is 2 + 2?
#     options:
#       - {answer: four, right: true, because: It is.}
#       - {answer: five, because: Four is less.}
#   - question: What is 3 + 3?
#     options:
#       - {answer: six, right: true, because: It is.}
#       - {answer: seven, because: Six is less.}
# read_next:
#   - "[the start](00_start.ipynb)"
# ---

# %% [markdown]
r"""
Some prose.
"""

# %% tags=["nbval-check-output"]
total = 1 + 1
print(total)

# %% tags=["hide-input"]
import ipywidgets

ipywidgets.IntSlider(value=total, description="sum")
'''

EXERCISE = '''\
# ---
# lesson: 01_sums
# ---

# %% [markdown] exercise="01.1"
r"""
Add two numbers.
"""

# %%
def add(a, b):
    """The sum."""
    if a:
        ### BEGIN SOLUTION
        return a + b
        ### END SOLUTION
    ### BEGIN SOLUTION
    return b
    ### END SOLUTION

# %%
check("01.1", add);

# %% [markdown] tags=["hint"]
# First.

# %% [markdown] tags=["hint"]
# Second.

# %% [markdown] tags=["hint"]
# Third.

# %% [markdown] tags=["discussion"]
# It is a sum.
'''

REGISTRY = {"01.1": SimpleNamespace(title="Addition", difficulty="★★☆", minutes=10)}
PYPROJECT = '[project.urls]\nCourse = "https://github.com/OWNER/REPO/tree/main"\n'
README = "# Course\n\n<!-- lessons:begin -->\n<!-- lessons:end -->\n\nThe end.\n"


def make_course(root: Path, *, lesson: str = LESSON, exercise: str = EXERCISE) -> Path:
    """A course of two lessons, with a library that has nothing but `setup`."""
    files = {
        "pyproject.toml": PYPROJECT,
        "README.md": README,
        "course_lib/__init__.py": "def setup():\n    print('preset laptop')\n",
        "sources/lessons/00_start.py": START,
        "sources/lessons/01_sums.py": lesson,
        "sources/exercises/01_sums.py": exercise,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course built once, with real kernels. Tests that change it take `course`, a copy."""
    root = make_course(tmp_path_factory.mktemp("executed"))
    build.build(root, REGISTRY)
    return root


@pytest.fixture
def course(executed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(executed, tmp_path / "course")


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replaces execution by a note of what would have been executed."""
    started: list[str] = []

    def pretend(notebook: Any, folder: Path) -> None:
        started.append(notebook.cells[0].source.splitlines()[0])
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for count, cell in enumerate(code, start=1):
            cell.execution_count = count
            cell.outputs = [nbformat.v4.new_output("stream", text="new\n")]
        notebook.metadata["course"] |= {"seconds": 1.0, "peak_memory_mb": 100}

    monkeypatch.setattr(build, "execute", pretend)
    return started


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def contents(root: Path) -> dict[str, bytes]:
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for folder in (*build.FOLDERS, ".")
        for file in sorted((root / folder).glob("*.*"))
    }


def source_of(notebook: Any, cell_id: str) -> str:
    return next(cell.source for cell in notebook.cells if cell.id == cell_id)


# What is built


def test_what_was_just_built_is_in_sync(executed: Path) -> None:
    assert build.check(executed, REGISTRY) == []


def test_the_repository_is_in_sync() -> None:
    assert build.check(REPOSITORY, EXERCISES) == []


def test_executing_again_changes_only_what_was_measured(course: Path, executed: Path) -> None:
    build.build(course, REGISTRY, force=True)
    for path in sorted((course / "notebooks").glob("*.ipynb")):
        old, new = read(executed / "notebooks" / path.name), read(path)
        for notebook in (old, new):
            for figure in ("seconds", "peak_memory_mb"):
                assert notebook.metadata["course"].pop(figure) > 0
        assert build.dumps(old) == build.dumps(new)


def test_only_changed_code_is_executed_again(course: Path, no_kernel: list[str]) -> None:
    before = contents(course)
    build.build(course, REGISTRY)
    assert no_kernel == []
    assert contents(course) == before

    lesson = course / "sources/lessons/01_sums.py"
    edit(lesson, "Some prose.", "Other prose.")
    build.build(course, REGISTRY)
    assert no_kernel == []
    assert source_of(read(course / "notebooks/01_sums.ipynb"), "cell-001") == "Other prose."

    edit(lesson, "total = 1 + 1", "total = 1 + 2")
    build.build(course, REGISTRY, names=["00"])
    assert no_kernel == []
    build.build(course, REGISTRY)
    assert no_kernel == ["# 01 · Sums"]
    assert build.check(course, REGISTRY) == []

    build.build(course, REGISTRY, names=["00"], force=True)
    assert no_kernel == ["# 01 · Sums", "# 00 · Start"]


def test_a_cell_that_somebody_changed_in_the_notebook_does_not_leave_its_output(
    course: Path, no_kernel: list[str]
) -> None:
    path = course / "notebooks/01_sums.ipynb"
    edit(path, "total = 1 + 1", "total = 5")
    build.build(course, REGISTRY)
    assert no_kernel == ["# 01 · Sums"]
    assert build.check(course, REGISTRY) == []


def test_a_notebook_has_no_trace_of_when_and_by_which_python_it_was_executed(executed: Path) -> None:
    notebook = read(executed / "notebooks/01_sums.ipynb")
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info", "course", "widgets"}
    assert set(notebook.metadata.language_info) == {"file_extension", "mimetype", "name", "pygments_lexer"}
    assert not any("execution" in cell.metadata for cell in notebook.cells)


def test_cell_ids_come_from_the_place(executed: Path) -> None:
    ids = [cell.id for cell in read(executed / "notebooks/01_sums.ipynb").cells]
    assert ids == ["header", "setup", "cell-001", "cell-002", "cell-003", "summary", "quiz", "footer"]


def test_the_state_of_a_shown_widget_is_stored(executed: Path) -> None:
    notebook = read(executed / "notebooks/01_sums.ipynb")
    [shown] = [
        output.data["application/vnd.jupyter.widget-view+json"]["model_id"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]
    state = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert state[shown]["state"]["value"] == 2
    assert state[shown]["state"]["layout"].removeprefix("IPY_MODEL_") in state


def test_header_and_footer(executed: Path) -> None:
    notebook = read(executed / "notebooks/01_sums.ipynb")
    header, footer = source_of(notebook, "header"), source_of(notebook, "footer")
    assert header.startswith("# 01 · Sums\n\n← [00 · Start](00_start.ipynb)")
    for expected in ("I · Numbers · 30 minutes", "- subtract", "Lesson 00."):
        assert expected in header
    for expected in (
        "| 01.1 | Addition | ★★☆ | 10 min |",
        "(../exercises/01_sums.ipynb)",
        "[the start](00_start.ipynb)",
    ):
        assert expected in footer
    assert "- **subtract**  \n  A difference." in source_of(notebook, "summary")
    start = read(executed / "notebooks/00_start.ipynb")
    assert "[01 · Sums](01_sums.ipynb) →" in source_of(start, "header")
    course_map = source_of(start, "cell-001")
    assert course_map.startswith("The map.")
    assert "| [01 · Sums](01_sums.ipynb) | 30 min | 10 min |" in course_map


def test_tags_reach_the_cell_and_hidden_input_hides_everywhere(executed: Path) -> None:
    cells = {cell.id: cell for cell in read(executed / "notebooks/01_sums.ipynb").cells}
    assert cells["cell-002"].metadata == {"tags": ["nbval-check-output"]}
    assert cells["cell-003"].metadata["jupyter"] == {"source_hidden": True}
    assert cells["cell-003"].metadata["cellView"] == "form"


class Tags(HTMLParser):
    """All tags with their attributes, and the text inside each `<details>`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.folded: list[str] = []
        self._depth = 0
        self.feed(html)
        assert self._depth == 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "details":
            self._depth += 1
            self.folded.append("")

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "details"

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.folded[-1] += data


def test_the_quiz_is_folded_html_that_sanitisers_let_through(executed: Path) -> None:
    html = MarkdownIt("commonmark").render(source_of(read(executed / "notebooks/01_sums.ipynb"), "quiz"))
    seen = Tags(html)
    assert seen.tags <= {"h2", "p", "strong", "em", "code", "details", "summary"}
    assert seen.attributes == set()
    assert len(seen.folded) == 6
    assert "<summary><code>2</code>, and <strong>not</strong> 3</summary>" in html
    assert r"a < b, $x_1 \lt  y_1$" in seen.folded[1]  # JupyterLab escapes formulas itself: `&lt;` would be shown
    assert "<em>not</em>, see <code>code</code>" in html
    assert [text.count("Right.") for text in seen.folded] == [1, 0, 1, 0, 1, 0]


def test_the_blank_edition(executed: Path) -> None:
    notebook = read(executed / "exercises/01_sums.ipynb")
    assert source_of(notebook, "cell-001").startswith("## 01.1 · Addition  ★★☆ · 10 min\n\nAdd two")
    assert source_of(notebook, "cell-002") == (
        "def add(a, b):\n"
        '    """The sum."""\n'
        "    if a:\n"
        "        # YOUR CODE HERE\n"
        "        raise NotImplementedError()\n"
        "    # YOUR CODE HERE\n"
        "    raise NotImplementedError()"
    )
    assert "<details><summary>Hint 3</summary>\n\nThird.\n\n</details>" in source_of(notebook, "cell-006")
    assert "It is a sum" not in build.dumps(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_the_solution_edition_has_the_answer_and_its_discussion(executed: Path) -> None:
    notebook, blank = (read(executed / f"{folder}/01_sums.ipynb") for folder in ("solutions", "exercises"))
    namespace: dict[str, Any] = {}
    exec(source_of(notebook, "cell-002"), namespace)
    assert namespace["add"](1, 2) == 3
    assert "It is a sum." in source_of(notebook, "cell-007")
    assert [cell.id for cell in blank.cells] == [cell.id for cell in notebook.cells if cell.id != "cell-007"]


def test_the_readme_has_a_row_for_each_lesson_with_what_was_measured(executed: Path) -> None:
    text = (executed / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# Course\n\n<!-- lessons:begin -->\n|")
    assert text.endswith("<!-- lessons:end -->\n\nThe end.\n")
    [row] = re.findall(r"(?m)^\| \[01 · Sums\].*$", text)
    assert re.search(r"\| 30 \| .*colab.*kaggle.*mybinder.*codespaces.* \| \d+ s \| \d+ MB \|$", row)


def test_a_fork_is_pointed_at_with_one_call_and_keeps_the_outputs(course: Path, no_kernel: list[str]) -> None:
    old = read(course / "notebooks/01_sums.ipynb")
    build.point_at(course, REGISTRY, "https://github.com/me/fork/tree/v1.0")
    assert no_kernel == []
    assert build.check(course, REGISTRY) == []
    everything = b"".join(contents(course).values()).decode()
    assert "OWNER" not in everything
    for expected in (
        "https://colab.research.google.com/github/me/fork/blob/v1.0/notebooks/01_sums.ipynb",
        "https://kaggle.com/kernels/welcome?src=https://github.com/me/fork/blob/v1.0/exercises/01_sums.ipynb",
        "https://mybinder.org/v2/gh/me/fork/v1.0?urlpath=lab/tree/solutions/01_sums.ipynb",
        "https://codespaces.new/me/fork/tree/v1.0?quickstart=1",
        "git+https://github.com/me/fork@v1.0",
    ):
        assert expected in everything
    new = read(course / "notebooks/01_sums.ipynb")
    outputs, old_outputs = ([cell.get("outputs") for cell in notebook.cells] for notebook in (new, old))
    assert outputs == old_outputs


def test_a_stale_course_is_not_pointed_elsewhere(course: Path) -> None:
    edit(course / "sources/lessons/01_sums.py", "total = 1 + 1", "total = 1 + 2")
    before = contents(course)
    with pytest.raises(build.BuildError, match="build first"):
        build.point_at(course, REGISTRY, "https://github.com/me/fork")
    assert contents(course) == before


@pytest.mark.parametrize("url", ["github.com/me/fork", "https://gitlab.com/me/fork", "https://github.com/me", "main"])
def test_an_address_that_is_no_repository_is_refused(course: Path, url: str) -> None:
    with pytest.raises(build.BuildError, match="is not of the form https:"):
        build.point_at(course, REGISTRY, url)


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("https://github.com/me/fork", Home("me", "fork", "main")),
        ("https://github.com/me/fork.git", Home("me", "fork", "main")),
        ("https://github.com/me/fork/", Home("me", "fork", "main")),
        ("https://github.com/me/a.b/tree/release/2/", Home("me", "a.b", "release/2")),
    ],
)
def test_the_forms_of_an_address(url: str, home: Home) -> None:
    assert Home.parse(url) == home
    assert Home.parse(home.url) == home


# What is refused in a source


BEGIN, END = "### BEGIN SOLUTION\n", "### END SOLUTION\n"
SECOND = EXERCISE.partition("# ---\n\n")[2]
HINTS = '# %% [markdown] tags=["hint"]\n# Second.\n\n'

# Of each: what is edited, the text that goes, the text that comes, the beginning of the line to be named, and what is said of it.
MALFORMED = {
    "nested markers": ("exercises", "return a + b\n", BEGIN, "### BEGIN SOLUTION\n        ### END", "begins inside"),
    "unclosed marker": ("exercises", "return b\n    " + END, "return b\n", "### BEGIN SOLUTION\n    return b", "not closed"),
    "stray end": ("exercises", "    if a:\n", "    " + END + "    if a:\n", "### END SOLUTION\n    if a", "never began"),
    "begin beside code": ("exercises", BEGIN + "    return b", "x = 1 ### BEGIN SOLUTION\n    return b", "x = 1", "alone"),
    "end beside code": ("exercises", "b\n    " + END, "b\n    x = 1 " + END, "x = 1", "alone"),
    "marker in prose": ("exercises", "Add two", "### BEGIN SOLUTION", '# %% [markdown] exercise="01.1"', "code cell"),
    "marker in a lesson": ("lessons", "print(total)", "### BEGIN SOLUTION", "### BEGIN", "marker in a lesson"),
    "solution outside a function": ("exercises", "check(", BEGIN + END + "check(", BEGIN + END, "outside a function"),
    "duplicate id": ("exercises", SECOND, SECOND + "\n" + SECOND.replace("Add", "Sum"), '# %% [markdown] exercise="01.1"\nr"""\nSum', "a second"),
    "no statement": ("exercises", '[markdown] exercise="01.1"\nr"""\nAdd two numbers.\n"""', 'exercise="01.1"\nx = 1', '# %% exercise="01.1"', "statement"),
    "unknown id": ("exercises", "01.1", "01.9", '# %% [markdown] exercise="01.9"', "knows no exercise 01.9"),
    "no exercise": ("exercises", ' exercise="01.1"', "", "# ---", "no exercise"),
    "before the first exercise": ("exercises", "# ---\n\n", "# ---\n\n" + HINTS, HINTS, "none has begun"),
    "no check": ("exercises", 'check("01.1", add);', "add(1, 2)", '# %% [markdown] exercise="01.1"', "0 times"),
    "two checks": ("exercises", 'check("01.1", add);', 'check("01.1", add); check("01.1", 1)', '# %% [markdown] exercise="01.1"', "2 times"),
    "check of another": ("exercises", 'check("01.1", add);', "check('01.2', add)", "# %%\ncheck", "checks '01.2'"),
    "two hints": ("exercises", HINTS, "", '# %% [markdown] exercise="01.1"', "2 cells tagged hint"),
    "four hints": ("exercises", HINTS, HINTS + HINTS, '# %% [markdown] exercise="01.1"', "4 cells tagged hint"),
    "hint in code": ("exercises", "# %% [markdown] tags=[\"hint\"]\n# Sec", "# %% tags=[\"hint\"]\n# Sec", "# %% tags", "is a Markdown cell"),
    "no discussion": ("exercises", "discussion", "hide-input", '# %% [markdown] exercise="01.1"', "0 cells tagged discussion"),
    "another lesson": ("exercises", "lesson: 01_sums", "lesson: 00_start", "# lesson", "named after"),
    "exercise in a lesson": ("lessons", "# %% [markdown]", '# %% [markdown] exercise="01.1"', "# %% [markdown]", "stands in a lesson"),
    "unknown tag": ("lessons", "hide-input", "hide-inptu", '# %% tags=["hide-inptu"]', "unknown tag 'hide-inptu'"),
    "unknown cell metadata": ("lessons", 'tags=["hide-input"]', 'tag="hide-input"', '# %% tag="hide-input"', "unknown cell metadata 'tag'"),
    "empty cell": ("lessons", "# %% [markdown]", "# %%\n\n# %% [markdown]", "# %%\n\n", "empty cell"),
    "cell within a text": ("lessons", "Some prose.", "# %% prose.", '# %% prose', "inside a text"),
    "text before the first cell": ("lessons", "# %% [markdown]", "x = 1\n\n# %% [markdown]", "\nx = 1", "text before the first"),
    "no cells": ("lessons", LESSON.partition("# ---\n\n")[2], "", "# ---\n\n", "no cell follows"),
    "no front matter": ("lessons", "# ---\n# title", "# title", "# title", "front matter"),
    "front matter cut by code": ("lessons", "# part", "part", "part", "does not begin with"),
    "invalid YAML": ("lessons", "# minutes: 30", "# minutes: [30", "# prerequisites", "invalid YAML"),
    "YAML that is a list": ("exercises", "# lesson: 01_sums", "# - 01_sums", "# ---", "not a list of"),
    "unknown key": ("lessons", "# minutes:", "# minuets:", "# minuets", "unknown key 'minuets'"),
    "no title": ("lessons", "# title: Sums\n", "", "# part", "missing `title`"),
    "title that is a number": ("lessons", "title: Sums", "title: 1", "# title", "not text"),
    "no minutes": ("lessons", "minutes: 30", "minutes: half an hour", "# minutes", "not a positive number"),
    "no objectives": ("lessons", "# objectives:\n#   - add\n#   - subtract\n#   - compare\n", "", "# title", "missing `objectives`"),
    "two objectives": ("lessons", "#   - compare\n", "", "# objectives", "2 objectives"),
    "objectives in one text": ("lessons", "# objectives:\n#   - add\n#   - subtract\n#   - compare\n", "# objectives: all\n", "# objectives", "not a list"),
    "objective with a colon": ("lessons", "- subtract", "- subtract: all", "#   - subtract", "not text"),
    "summary short of one": ("lessons", "#   - An order.\n", "", "# summary", "2 sentences of summary for 3 objectives"),
    "no summary": ("lessons", "# summary:\n#   - A sum.\n#   - A difference.\n#   - An order.\n", "", "# title", "missing `summary`"),
    "two questions": ("lessons", "#   - question: What is 3 + 3?\n#     options:\n#       - {answer: six, right: true, because: It is.}\n#       - {answer: seven, because: Six is less.}\n", "", "# quiz", "2 quiz questions"),
    "option without because": ("lessons", ", because: Four is less.}", "}", "#       - {answer: five", "missing `because`"),
    "no right answer": ("lessons", "{answer: four, right: true", "{answer: four", "#   - question: What is 2", "0 right answers"),
    "two right answers": ("lessons", "{answer: five", "{answer: five, right: true", "#   - question: What is 2", "2 right answers"),
    "right that is text": ("lessons", "four, right: true", 'four, right: "no"', "#       - {answer: four", "true or left out"),
    "unknown option key": ("lessons", "{answer: five", "{answer: five, wrong: true", "#       - {answer: five", "unknown key 'wrong'"),
    "option that is text": ("lessons", "{answer: five, because: Four is less.}", "five", "#       - five", "expected answer"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_source_stops_the_build_and_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    folder, old, new, at, message = MALFORMED[name]
    root = make_course(tmp_path)
    path = root / "sources" / folder / "01_sums.py"
    edit(path, old, new)
    text = path.read_text(encoding="utf-8")
    line = text[: text.index(at.lstrip("\n")) + len(at) - len(at.lstrip("\n"))].count("\n") + 1
    with pytest.raises(SourceError) as error:
        build.build(root, REGISTRY)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert message in str(error.value)
    assert not any((root / folder).exists() for folder in build.FOLDERS)


def test_an_exercise_id_is_taken_across_files(tmp_path: Path) -> None:
    root = make_course(tmp_path)
    other = root / "sources/exercises/00_start.py"
    other.write_text(EXERCISE.replace("01_sums", "00_start"), encoding="utf-8")
    with pytest.raises(SourceError, match=r"01_sums.py:5: exercise 01.1 is already in .*00_start.py"):
        build.build(root, REGISTRY)


def test_a_lesson_that_fails_stops_the_build_and_is_not_written(tmp_path: Path) -> None:
    root = make_course(tmp_path, lesson=LESSON.replace("total = 1 + 1", "total = 1 / 0"))
    with pytest.raises(build.BuildError, match=r"(?s)notebooks/01_sums.ipynb: .*total = 1 / 0.*ZeroDivisionError"):
        build.build(root, REGISTRY, names=["01"])
    assert not (root / "notebooks/01_sums.ipynb").exists()


def test_a_name_that_no_source_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match="no source is called 02"):
        build.build(make_course(tmp_path), REGISTRY, names=["02"])


def test_a_readme_without_markers_is_refused(course: Path) -> None:
    edit(course / "README.md", "<!-- lessons:end -->", "")
    with pytest.raises(build.BuildError, match="lessons:end"):
        build.build(course, REGISTRY)


# What the sync check notices


def change_lesson(change: Callable[[Any], None]) -> Callable[[Path], None]:
    """An edit of the built lesson 01 as somebody's editor would make it."""

    def apply(root: Path) -> None:
        path = root / "notebooks/01_sums.ipynb"
        notebook = read(path)
        change(notebook)
        path.write_text(build.dumps(notebook), encoding="utf-8", newline="\n")

    return apply


def printed(text: str, name: str = "stdout") -> Callable[[Path], None]:
    def change(notebook: Any) -> None:
        notebook.cells[1].outputs = [nbformat.v4.new_output("stream", name=name, text=text)]

    return change_lesson(change)


def show(output: Any) -> Callable[[Path], None]:
    return change_lesson(lambda notebook: notebook.cells[1].outputs.append(output))


def clear(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)


def clear_outputs_only(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []


UNTIDY: dict[str, tuple[Callable[[Path], None], str]] = {
    "code of a source": (lambda root: edit(root / "sources/lessons/01_sums.py", "1 + 1\n", "2 + 1\n"), "01_sums.ipynb: stale"),
    "tag of a source": (lambda root: edit(root / "sources/lessons/01_sums.py", ' tags=["nbval-check-output"]', ""), "stale"),
    "prose of a source": (lambda root: edit(root / "sources/lessons/01_sums.py", "Some", "No"), "cell-001 is not as its source"),
    "title of a lesson": (lambda root: edit(root / "sources/lessons/00_start.py", "title: Start", "title: Begin"), "01_sums.ipynb: header"),
    "answer": (lambda root: edit(root / "sources/exercises/01_sums.py", "a + b", "b + a"), "solutions/01_sums.ipynb: cell-002"),
    "hint": (lambda root: edit(root / "sources/exercises/01_sums.py", "Second", "2nd"), "exercises/01_sums.ipynb: cell-005"),
    "address": (lambda root: edit(root / "pyproject.toml", "OWNER", "me"), "exercises/01_sums.ipynb: header"),
    "recorded hash": (change_lesson(lambda notebook: notebook.metadata.course.update(source_sha256="0" * 64)), "stale"),
    "no recorded hash": (change_lesson(lambda notebook: notebook.metadata.pop("course")), "stale"),
    "code of a notebook": (change_lesson(lambda notebook: notebook.cells[3].update(source="total = 3")), "stale"),
    "cell more": (change_lesson(lambda notebook: notebook.cells.append(nbformat.v4.new_code_cell("1"))), "stale"),
    "prose of a notebook": (change_lesson(lambda notebook: notebook.cells[2].update(source="More.")), "cell-001 is not as"),
    "cell of prose more": (change_lesson(lambda notebook: notebook.cells.append(nbformat.v4.new_markdown_cell("1"))), "not as its source"),
    "conflict": (lambda root: edit(root / "solutions/01_sums.ipynb", '{\n "cells"', '<<<<<<< HEAD\n{\n "cells"'), "not a notebook"),
    "cell less": (change_lesson(lambda notebook: notebook.cells.pop()), "footer"),
    "layout of a notebook": (lambda root: edit(root / "notebooks/01_sums.ipynb", '  "cell_type"', '   "cell_type"'), "not as its source"),
    "cleared notebook": (change_lesson(clear), "not executed from top to bottom"),
    "cleared outputs": (change_lesson(clear_outputs_only), "outputs are missing"),
    "order of execution": (change_lesson(lambda notebook: notebook.cells[3].update(execution_count=7)), "not executed from top"),
    "time of execution": (change_lesson(lambda notebook: notebook.cells[3].metadata.update(execution={})), "cell-002"),
    "size": (printed("x" * 400_000), "a notebook has at most 400,000"),
    "error": (show(nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[])), "an error: ValueError: no"),
    "warning": (printed("x.py:1: UserWarning: old\n", "stderr"), "a warning: x.py:1: UserWarning"),
    "path": (printed("saved in /home/ada/course"), "an absolute path: /home/ada"),
    "path on a Mac": (show(nbformat.v4.new_output("display_data", {"text/html": "<b>/Users/ada</b>"})), "path: /Users/ada"),
    "path on Windows": (printed("C:\\Users\\ada"), "an absolute path: C:"),
    "user": (printed("by lovelace!"), "a name of the machine that it was made on: lovelace"),
    "machine": (printed("on analytical.engine.org"), "it was made on: analytical"),
    "slow": (change_lesson(lambda notebook: notebook.metadata.course.update(seconds=61)), "took 61 s"),
    "large": (change_lesson(lambda notebook: notebook.metadata.course.update(peak_memory_mb=2001)), "took 2001 MB"),
    "missing edition": (lambda root: (root / "exercises/01_sums.ipynb").unlink(), "exercises/01_sums.ipynb: missing"),
    "edition too many": (lambda root: shutil.copy(root / "exercises/01_sums.ipynb", root / "exercises/02.ipynb"), "exercises/02.ipynb: no source"),
    "outputs of a solution": (lambda root: edit(root / "solutions/01_sums.ipynb", '"outputs": []', '"outputs": [{"output_type": "stream", "name": "stdout", "text": "3"}]'), "solutions/01_sums.ipynb"),
    "lesson table": (lambda root: edit(root / "README.md", "| 30 |", "| 31 |"), "README.md: the lesson table"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNTIDY)
def test_the_sync_check_notices(name: str, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "lovelace")
    monkeypatch.setattr("platform.node", lambda: "analytical.engine.org")
    change, message = UNTIDY[name]
    change(course)
    found = build.check(course, REGISTRY)
    assert any(message in flaw for flaw in found), found


def test_the_sync_check_notices_an_exercise_that_no_source_states(executed: Path) -> None:
    found = build.check(executed, REGISTRY | {"01.2": REGISTRY["01.1"]})
    assert found == ["exercise 01.2 is in course_lib.checks, and no file in sources/exercises states it"]


@pytest.mark.parametrize(
    "text", ["1/2 and a/b", "https://example.org/home/ada/x", "see ../tmp/x", "`C:`", "root mean square", "/ home /"]
)
def test_what_only_looks_like_a_path_or_a_name_is_let_through(text: str, course: Path) -> None:
    printed(text)(course)
    assert build.check(course, REGISTRY) == []


def test_outputs_not_fit_to_publish_are_an_error_until_they_are_made_again(
    tmp_path: Path, no_kernel: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_course(tmp_path)
    monkeypatch.setattr(execution, "MAX_SECONDS", 0.5)
    for _ in range(2):
        with pytest.raises(build.BuildError, match=r"01_sums.ipynb: took 1.0 s; this lesson may take 0.5"):
            build.build(root, REGISTRY)
    with pytest.raises(build.BuildError, match="build first"):
        build.point_at(root, REGISTRY, "https://github.com/me/fork")
    assert len(no_kernel) == 4
    monkeypatch.undo()
    assert build.check(root, REGISTRY) == []


def test_a_lesson_that_says_so_may_take_longer(
    tmp_path: Path, no_kernel: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_course(tmp_path)
    monkeypatch.setattr(execution, "MAX_SECONDS", 0.5)
    source = root / "sources/lessons/01_sums.py"
    source.write_text(
        source.read_text(encoding="utf-8").replace("# minutes:", "# may_take: 2\n# minutes:"), encoding="utf-8"
    )
    with pytest.raises(build.BuildError) as error:  # the other lesson says nothing
        build.build(root, REGISTRY)
    assert "01_sums" not in str(error.value)


def test_peak_memory_counts_what_a_notebook_and_its_processes_held(tmp_path: Path) -> None:
    """Held for a moment by the kernel and by a process that it started, at once: the figure shows the sum."""
    peaks = {}
    for megabytes in (1, 200):
        hold = f"import time; held = b'x' * {megabytes}_000_000; time.sleep(1)"
        code = f"import subprocess, sys\nhold = {hold!r}\nchild = subprocess.Popen([sys.executable, '-c', hold])\n"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code + "exec(hold)\nchild.wait()")])
        notebook.metadata = nbformat.from_dict({"course": {}, "language_info": {"name": "python"}})
        (tmp_path / "notebooks").mkdir(exist_ok=True)
        execution.execute(notebook, tmp_path / "notebooks")
        peaks[megabytes] = notebook.metadata["course"]["peak_memory_mb"]
    assert 350 < peaks[200] - peaks[1] < 450
