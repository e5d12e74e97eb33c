"""Open the course in JupyterLab: a place to work in, new exercises put there, and one address to click."""

import os
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError

FIRST_NOTEBOOK = Path("notebooks", "00_start_here.ipynb")


@dataclass(frozen=True)
class Options:
    """Open the course in JupyterLab."""

    port: int = 8888
    """Port to try first; if it is taken, a free one after it is used."""

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise CourseError(f"Port {self.port} does not exist: give a number from 1 to 65535 (8888 is customary).")


@dataclass(frozen=True)
class Workplace:
    """Where a learner works: `folder` is what JupyterLab shows, `my_work` holds the learner's own exercises."""

    folder: Path
    my_work: Path
    new_exercises: tuple[str, ...]


def find_course(start: Path) -> Path:
    """The course's folder: the nearest one at or above `start`, else the one that `course_lib` itself lies in.

    Raises CourseError where neither holds the notebooks, as after a plain `pip install` from a URL.
    """
    for folder in (start, *start.parents, Path(__file__).resolve().parents[2]):
        if (folder / FIRST_NOTEBOOK).is_file():
            return folder
    raise CourseError(
        f"No {FIRST_NOTEBOOK.as_posix()} was found in {start} or above it. The library is installed, the notebooks are "
        "not: clone the course's repository and run this command inside it."
    )


def prepare(course: Path) -> Workplace:
    """Put exercises that are not there yet into `my_work/`; what is there already is never touched.

    Where `course` is read-only (a shared server), the learner works in copies in `~/course` instead.
    """
    folder = course if _can_write(course / "my_work") else Path.home() / "course"
    if folder != course:
        for edition in ("notebooks", "solutions"):
            _copy_new(course / edition, folder / edition)
    my_work = folder / "my_work"
    return Workplace(folder, my_work, _copy_new(course / "exercises", my_work))


def run(options: Options) -> dict[str, Any]:
    """Serve the course until the learner stops it; returns where it was served and what was new."""
    course = find_course(Path.cwd())
    try:
        from jupyterlab.labapp import LabApp
    except ModuleNotFoundError:
        raise CourseError(
            f"JupyterLab is not installed for {sys.executable}. In the course's folder: "
            "pip install -c constraints.txt -e '.[lab]'"
        ) from None

    workplace = prepare(course)
    token = secrets.token_hex(24)
    server = LabApp.initialize_server(
        argv=[
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={options.port}",
            f"--ServerApp.root_dir={workplace.folder}",
            f"--ServerApp.allow_root={_is_root()}",
            f"--ServerApp.open_browser={has_display()}",
            f"--IdentityProvider.token={token}",
            f"--LabApp.default_url=/lab/tree/{FIRST_NOTEBOOK.as_posix()}",
            # Nothing leaves this machine, and no pop-up asks whether it may.
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
            "--LabApp.log_level=WARN",
            "--ServerApp.log_level=WARN",
        ]
    )
    url = f"{server.connection_url}lab/tree/{FIRST_NOTEBOOK.as_posix()}?token={token}"
    # From inside the loop, so that the address answers by the time it can be read.
    server.io_loop.add_callback(lambda: print(_welcome(url, workplace), file=sys.stderr, flush=True))
    server.start()
    return {
        "url": url,
        "folder": str(workplace.folder),
        "my_work": str(workplace.my_work),
        "new_exercises": list(workplace.new_exercises),
    }


def _welcome(url: str, workplace: Workplace) -> str:
    new = f" New there: {', '.join(workplace.new_exercises)}." if workplace.new_exercises else ""
    return (
        f"\nThe course is open at\n\n    {url}\n\n"
        f"Your exercises are in {workplace.my_work}.{new}\n"
        "Stop with Ctrl-C; everything you saved stays.\n"
    )


def _copy_new(source: Path, target: Path) -> tuple[str, ...]:
    """Copy the notebooks of `source` that `target` lacks; returns their names. Never leaves half a copy."""
    target.mkdir(parents=True, exist_ok=True)
    new = [notebook for notebook in sorted(source.glob("*.ipynb")) if not (target / notebook.name).exists()]
    for notebook in new:
        partial = target / f".{notebook.name}.partial"
        shutil.copyfile(notebook, partial)  # not `copy`: a read-only original would make a read-only copy
        partial.replace(target / notebook.name)
    return tuple(notebook.name for notebook in new)


def _can_write(folder: Path) -> bool:
    """Whether files can be made in `folder`, created if need be: tried, because permission bits do not tell."""
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def has_display() -> bool:
    """Whether a browser can be opened where the learner sees it. An editor that forwards pages says so in BROWSER."""
    if "BROWSER" in os.environ:
        return True
    if sys.platform in ("win32", "darwin"):
        return "SSH_CONNECTION" not in os.environ
    return "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
