"""Execute a notebook as a reader would, measure it, and say what keeps its outputs from being published."""

import getpass
import os
import platform
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbclient import NotebookClient
from nbformat import NotebookNode

CELL_TIMEOUT = 120
MAX_SECONDS = 60
MAX_MEMORY_MB = 2000
MAX_BYTES = 400_000

# Where user names and machines show: paths below these folders, and drives.
PRIVATE_PATH = re.compile(
    r"(?<![\w./:-])(?:/(?:home|root|Users|tmp|private|var|opt|usr|mnt|media|work|srv|scratch)/[\w.-]+"
    r"|[A-Za-z]:\\+(?=\w))"
)
# Accounts of machines that many people share; the names tell nothing and some are English words.
SHARED_ACCOUNTS = {"root", "user", "admin", "runner", "ubuntu", "debian", "jovyan", "vscode", "codespace", "student"}


class Meter:
    """Watches a process's descendants ten times a second: who was there, and the most that they held together.

    Attributes:
        peak: resident memory, bytes.
        seen: the descendants.
    """

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self.seen: set[psutil.Process] = set()
        self._top = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Meter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            resident = 0
            try:
                for process in self._top.children(recursive=True):
                    self.seen.add(process)
                    resident += process.memory_info().rss
            except psutil.NoSuchProcess:  # ended between being listed and being asked
                continue
            self.peak = max(self.peak, resident)


def environment(root: Path, scratch: Path) -> dict[str, str]:
    """The settings that the course at `root` is published with; a person's own IPython start-up has no part in it."""
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {
        "COURSE_PRESET": "laptop",
        "COURSE_STRICT": "1",
        "IPYTHONDIR": str(scratch),
        "PYTHONPATH": os.pathsep.join(paths),
    }


def execute(notebook: NotebookNode, folder: Path) -> None:
    """Run the notebook in `folder` from top to bottom; outputs and what it took are written into it.

    Raises nbclient's CellExecutionError or CellTimeoutError.
    """
    language = notebook.metadata["language_info"]
    with tempfile.TemporaryDirectory() as scratch, Meter(os.getpid()) as meter:
        start = time.perf_counter()
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
        )
        client.execute(env=environment(folder.parent, Path(scratch)))
        seconds = time.perf_counter() - start
    notebook.metadata["language_info"] = language  # the kernel's own names the version of its Python
    notebook.metadata["course"] |= {"seconds": round(seconds, 1), "peak_memory_mb": round(meter.peak / 1e6)}
    _number_widgets(notebook)


def _number_widgets(notebook: NotebookNode) -> None:
    """Replace the widgets' random ids by their order, so that executing again changes no byte without a reason."""
    state = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    numbers = {model_id: f"{place:032x}" for place, model_id in enumerate(state, start=1)}

    def renumber(value: Any) -> Any:
        if isinstance(value, dict):
            return {renumber(key): renumber(item) for key, item in value.items()}
        if isinstance(value, list):
            return [renumber(item) for item in value]
        if isinstance(value, str):
            prefix = "IPY_MODEL_" if value.startswith("IPY_MODEL_") else ""
            return prefix + numbers.get(value.removeprefix(prefix), value.removeprefix(prefix))
        return value

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = nbformat.from_dict(renumber(cell.outputs))
    if "widgets" in notebook.metadata:
        notebook.metadata["widgets"] = nbformat.from_dict(renumber(notebook.metadata["widgets"]))


def flaws(notebook: NotebookNode) -> list[str]:
    """Why these outputs must not be published; empty when they may."""
    found = []
    size = len(nbformat.writes(notebook).encode())
    if size > MAX_BYTES:
        found.append(f"{size:,} bytes; a notebook has at most {MAX_BYTES:,}")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        found.append("not executed from top to bottom")
    elif not any(cell.outputs for cell in code):
        found.append("its outputs are missing")
    for cell in code:
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"{cell.id}: an error: {output.ename}: {output.evalue}")
            elif output.output_type == "stream" and output.name == "stderr" and "Warning" in output.text:
                found.append(f"{cell.id}: a warning: {output.text.strip()}")
        if "execution" in cell.metadata:
            found.append(f"{cell.id}: when it was executed")
        found += [f"{cell.id}: {leak}" for leak in _leaks(cell.outputs)]
    found += [f"metadata: {leak}" for leak in _leaks(notebook.metadata)]

    figures = notebook.metadata.get("course", {})
    may_take = figures.get("may_take", MAX_SECONDS)
    if (seconds := figures.get("seconds", 0)) > may_take:
        found.append(f"took {seconds} s; this lesson may take {may_take} (was the machine busy?)")
    if (memory := figures.get("peak_memory_mb", 0)) > MAX_MEMORY_MB:
        found.append(f"took {memory} MB of memory; a lesson may take {MAX_MEMORY_MB}")
    return found


def _leaks(value: Any) -> Iterator[str]:
    """What tells of a person or a machine in `value`."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not key.startswith("image/png"):
                yield from _leaks(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaks(item)
    elif isinstance(value, str):
        for match in PRIVATE_PATH.finditer(value):
            yield f"an absolute path: {match[0]}"
        for name in _names_of_this_machine():
            if re.search(rf"\b{re.escape(name)}\b", value):
                yield f"a name of the machine that it was made on: {name}"


def _names_of_this_machine() -> set[str]:
    names = {getpass.getuser(), platform.node(), platform.node().partition(".")[0]}
    return {name for name in names if len(name) > 3 and name not in SHARED_ACCOUNTS | {"localhost"}}
