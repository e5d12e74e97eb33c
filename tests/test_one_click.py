"""A rehearsal of the badges: each notebook alone in an empty folder, on a machine that has only what Colab has.

The notebook's own set-up cell installs the course, from a repository that holds this working tree.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock

pytestmark = pytest.mark.notebooks

ROOT = Path(__file__).resolve().parents[1]
PREINSTALLED = ROOT / "tests" / "colab_packages.txt"
CONSTRAINTS = ROOT / "constraints.txt"

# What an import finds first counts, as it does in a notebook.
INVENTORY = """
from importlib.metadata import distributions, version
import json
print(json.dumps({name: version(name) for name in {package.name for package in distributions()}}))
"""

# An import at any depth, such as within an answer.
IMPORT = re.compile(r"\s*(import|from) \w")


def notebooks() -> list[Path]:
    """Lessons and exercises. A solution has the set-up cell and the imports of its exercises, to the letter."""
    return sorted(path for edition in ("notebooks", "exercises") for path in (ROOT / edition).glob("*.ipynb"))


def needs(path: Path) -> list[str]:
    """The set-up cell and all imports."""
    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return [cells[0], *(line for cell in cells[1:] for line in cell.splitlines() if IMPORT.match(line))]


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_solution_needs_what_its_exercises_need(path: Path) -> None:
    assert needs(path) == needs(ROOT / "exercises" / path.name)


def test_all_notebooks_have_the_same_set_up_cell() -> None:
    assert len({needs(path)[0] for path in notebooks()}) == 1


def python_in(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def packages_of(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))


def inventory(environment: Path) -> dict[str, str]:
    """The packages of an environment and their versions."""
    said = subprocess.run([python_in(environment), "-I", "-c", INVENTORY], check=True, capture_output=True, text=True)
    return json.loads(said.stdout)


@pytest.fixture(scope="module")
def bare() -> Path:
    """An environment with what Colab has and no more, built once and kept until its list changes."""
    inputs = [sys.version.encode(), PREINSTALLED.read_bytes(), CONSTRAINTS.read_bytes()]
    environment = ROOT / ".cache" / f"colab-{hashlib.sha256(b''.join(inputs)).hexdigest()[:12]}"
    environment.parent.mkdir(exist_ok=True)
    with FileLock(environment.with_suffix(".lock")):  # two test processes want it at once
        if not environment.exists():
            unfinished = environment.with_suffix(".unfinished")
            subprocess.run([sys.executable, "-m", "venv", "--clear", unfinished], check=True)
            install = ["-m", "pip", "install", "--quiet", "-c", CONSTRAINTS, "-r", PREINSTALLED]
            subprocess.run([python_in(unfinished), *install], check=True)
            unfinished.rename(environment)
    return environment


@pytest.fixture(scope="module")
def machine(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the bare one behind it, as a host's packages are.

    Whichever notebook comes first installs the course there; the others, whose set-up cell is the same, find it.
    """
    environment = tmp_path_factory.mktemp("machine") / "machine"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages_of(environment) / "preinstalled.pth").write_text(f"{packages_of(bare)}\n", encoding="utf-8")
    assert "course_lib" not in inventory(environment)
    return environment


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with one commit: the files of this working tree, whether committed here or not."""
    copy = tmp_path_factory.mktemp("published") / "course"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    author = ["-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.invalid"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "As it stands"]):
        subprocess.run(["git", *command], cwd=copy, check=True)
    return copy


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_notebook_needs_only_itself(path: Path, bare: Path, machine: Path, repository: Path, tmp_path: Path) -> None:
    before = inventory(bare)

    folder, home, kernel = tmp_path / "folder", tmp_path / "home", tmp_path / "kernels" / "elsewhere"
    for new in (folder, home, kernel):
        new.mkdir(parents=True)
    shutil.copyfile(path, folder / path.name)
    launch = {
        "argv": [str(python_in(machine)), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Elsewhere",
    }
    (kernel / "kernel.json").write_text(json.dumps(launch), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COURSE_STRICT")} | {
        "COURSE_PRESET": "smoke",
        "COURSE_INSTALL": f"git+{repository.as_uri()}",
        "HOME": str(home),
        "IPYTHONDIR": str(home),
        "JUPYTER_PATH": str(tmp_path),
    }
    execute = [sys.executable, "-m", "jupyter", "execute", "--kernel_name=elsewhere", "--timeout=300", path.name]
    run = subprocess.run(execute, check=False, cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr

    after = inventory(machine)
    assert "course_lib" in after
    assert {name: after.get(name) for name in before} == before
    assert list(folder.iterdir()) == [folder / path.name]
