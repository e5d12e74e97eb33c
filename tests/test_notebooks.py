"""Every notebook runs from top to bottom under nbval, without a network and without a warning."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from build import FOLDERS
from execution import CELL_TIMEOUT, Meter, environment

pytestmark = pytest.mark.notebooks

ROOT = Path(__file__).resolve().parents[1]
GUARDS = ROOT / "tests/notebook_guards"
TABLE = ROOT / f".cache/notebooks-{os.environ.get('PYTEST_XDIST_WORKER', 'all')}.md"


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """Rows of notebook, seconds and memory; what was measured is left in `.cache/`, a file for each test process."""
    rows: list[str] = []
    yield rows
    TABLE.parent.mkdir(exist_ok=True)
    head = ["| notebook | seconds | peak memory, MB |", "| :-- | --: | --: |"]
    TABLE.write_text("\n".join(head + rows) + "\n", encoding="utf-8", newline="\n")


def run_nbval(notebook: Path, scratch: Path, *, strict: bool) -> tuple[subprocess.CompletedProcess[str], Meter]:
    """Run the notebook in its folder under nbval, in a process of its own."""
    settings = environment(ROOT, scratch)
    settings["PYTHONPATH"] = os.pathsep.join([str(GUARDS), settings["PYTHONPATH"]])
    settings["XDG_DATA_HOME"] = str(scratch)  # the progress of whoever runs the tests stays theirs
    if not strict:
        del settings["COURSE_STRICT"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(notebook.parent)]
    command += ["-p", "no:cacheprovider", "-p", "fail_on_warnings"]
    command += ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}", str(notebook)]
    process = subprocess.Popen(command, env=settings, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with Meter(process.pid) as meter:
        output, _ = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, output), meter


def notebooks() -> list[Path]:
    return sorted(
        path for folder in ("notebooks", "exercises", "solutions") for path in (ROOT / folder).glob("*.ipynb")
    )


def test_there_are_notebooks_of_all_three_kinds() -> None:
    assert {path.parent.name for path in notebooks()} == set(FOLDERS)


@pytest.mark.parametrize("notebook", notebooks(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_notebook_runs_and_leaves_nothing_behind(notebook: Path, table: list[str], tmp_path: Path) -> None:
    """A blank exercise fails its checks without an error; anywhere else a failed check or claim is one."""
    files = set(notebook.parent.iterdir())
    start = time.perf_counter()
    run, meter = run_nbval(notebook, tmp_path, strict=notebook.parent.name != "exercises")
    seconds = time.perf_counter() - start
    assert run.returncode == 0, run.stdout
    cells = sum(cell.cell_type == "code" for cell in nbformat.read(notebook, as_version=4).cells)
    assert re.search(rf"\b{cells} passed", run.stdout), run.stdout
    assert set(notebook.parent.iterdir()) == files
    assert psutil.wait_procs(meter.seen, timeout=5)[1] == []
    table.append(f"| {notebook.parent.name}/{notebook.name} | {seconds:.0f} | {meter.peak / 1e6:.0f} |")


# What these tests would notice

GOOD = (
    "import os\nassert (os.environ.get('COURSE_STRICT'), os.environ['COURSE_PRESET']) == ({strict!r}, 'laptop')",
    "import socket\nserver = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(server.getsockname())",
)
BAD = {
    "an error": ("1 / 0", "ZeroDivisionError"),
    "a warning": ("import warnings\nwarnings.warn('old')", "UserWarning: old"),
    "a warning of another process": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import warnings; warnings.warn(\"old\")'])",
        "UserWarning: old",
    ),
    "a connection by name": (
        "import urllib.request\nurllib.request.urlopen('http://example.org')",
        "a connection to example.org was refused",
    ),
    "a connection by number": (
        "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)",
        "a connection to 192.0.2.1 was refused",
    ),
    "a connection of another process": (
        "import subprocess, sys\n"
        "code = 'import socket; socket.create_connection((\"192.0.2.1\", 80), timeout=1)'\n"
        "subprocess.run([sys.executable, '-c', code], check=True)",
        "CalledProcessError",
    ),
}


def write_notebook(path: Path, *code: str) -> Path:
    cells = [nbformat.v4.new_code_cell(text, id=f"cell-{place}") for place, text in enumerate(code)]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return path


@pytest.mark.parametrize("strict", [True, False])
def test_the_guards_let_a_good_notebook_through(strict: bool, tmp_path: Path) -> None:
    code = [cell.format(strict="1" if strict else None) for cell in GOOD]
    run, meter = run_nbval(write_notebook(tmp_path / "good.ipynb", *code), tmp_path, strict=strict)
    assert run.returncode == 0, run.stdout
    assert meter.seen


def test_the_guards_notice_each_fault(tmp_path: Path) -> None:
    """All in one notebook, one a cell: every cell fails, and says why."""
    notebook = write_notebook(tmp_path / "bad.ipynb", *(code for code, _ in BAD.values()))
    run, _ = run_nbval(notebook, tmp_path, strict=True)
    assert re.search(rf"\b{len(BAD)} failed\b(?!.*passed)", run.stdout), run.stdout
    reports = re.split(r"(?m)^_{2,} .*_{2,}$", run.stdout)[1:]
    for report, (_, message) in zip(reports, BAD.values(), strict=True):
        assert message in report


def test_a_process_left_behind_is_seen(tmp_path: Path) -> None:
    """One that has left the kernel's process group, which is killed as a whole."""
    code = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "time.sleep(1)"
    )
    _, meter = run_nbval(write_notebook(tmp_path / "bad.ipynb", code), tmp_path, strict=True)
    [left] = psutil.wait_procs(meter.seen, timeout=1)[1]
    left.kill()


def test_a_deterministic_cell_that_prints_something_else_fails(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "drift.ipynb", "print(1)")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata["tags"] = ["nbval-check-output"]
    notebook.cells[0].update(execution_count=1, outputs=[nbformat.v4.new_output("stream", text="2\n")])
    nbformat.write(notebook, path)
    run, _ = run_nbval(path, tmp_path, strict=True)
    assert "1 failed" in run.stdout, run.stdout
