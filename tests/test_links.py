"""Links and pictures that stay inside the repository lead to files that exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest

from source_files import read_exercises, read_lesson

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {"my_work", "runs", "build"}

TARGETS = re.compile(
    r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)|\b(?:href|src)=\"([^\"]+)\"|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE
)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def relative_links(markdown: str) -> list[str]:
    """Where the links of a Markdown text lead, fragments aside; those that leave the repository are left out."""
    # Code may hold what looks like a link, and the text of a link may be code: blank the code, keep what is around it.
    found = ["".join(groups) for groups in TARGETS.findall(CODE.sub("code", markdown))]
    return [unquote(link.partition("#")[0]) for link in found if not re.match(r"[a-z]+:|//|#", link)]


def texts() -> Iterator[tuple[Path, Path, str]]:
    """(file, folder that its links start from, Markdown) of all there is to read."""
    for file in sorted([*ROOT.glob("*.md"), *ROOT.glob("[!.]*/**/*.md")]):
        if file.relative_to(ROOT).parts[0] not in NOT_OURS:
            yield file, file.parent, file.read_text(encoding="utf-8")
    for folder in ("notebooks", "exercises", "solutions"):
        for file in sorted((ROOT / folder).glob("*.ipynb")):
            for cell in nbformat.read(file, as_version=4).cells:
                if cell.cell_type == "markdown":
                    yield file, file.parent, cell.source
    for file in sorted((ROOT / "sources/lessons").glob("*.py")):
        lesson = read_lesson(file)
        cells = [cell.text for cell in lesson.cells if cell.kind == "markdown"]
        quiz = [option.because for question in lesson.quiz for option in question.options]
        for text in (*cells, *lesson.read_next, *lesson.summary, *quiz, lesson.prerequisites):
            yield file, ROOT / "notebooks", text
    for file in sorted((ROOT / "sources/exercises").glob("*.py")):
        for cell in read_exercises(file).cells:
            if cell.kind == "markdown":
                yield file, ROOT / "exercises", cell.text


def test_links_inside_the_repository_lead_somewhere() -> None:
    dead = {
        f"{file.relative_to(ROOT).as_posix()}: {link}"
        for file, folder, text in texts()
        for link in relative_links(text)
        if link and not (folder / link).exists()
    }
    assert sorted(dead) == []


def test_links_are_found_in_every_kind_of_text() -> None:
    """Else the test above would be content with nothing."""
    kinds = {file.suffix + file.parent.name for file, _, text in texts() if relative_links(text)}
    assert kinds >= {".md" + ROOT.name, ".ipynbnotebooks", ".ipynbexercises", ".ipynbsolutions"}


@pytest.mark.parametrize(
    ("markdown", "links"),
    [
        ("see [a](a.md) and ![b](img/b.png#x)", ["a.md", "img/b.png"]),
        ('[`a`](../a%20b.ipynb "title") <a href="c.md">', ["../a b.ipynb", "c.md"]),
        ("[a]: d.md", ["d.md"]),
        ("[a](https://x.org/a) [b](#b) [c](mailto:a@b.c) [d](//x.org)", []),
        ("`x[i](j)`\n```\n[a](b)\n```\n", []),
    ],
)
def test_what_counts_as_a_link(markdown: str, links: list[str]) -> None:
    assert relative_links(markdown) == links
