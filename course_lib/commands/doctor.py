"""Say what is missing here and how to get it. Works where almost everything is missing."""

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

NEEDED = (
    "torch",
    "numpy",
    "matplotlib",
    "ipywidgets",
    "tiktoken",
    "safetensors",
    "jaxtyping",
    "platformdirs",
    "pooch",
    "regex",
    "requests",
    "tqdm",
    "tyro",
)
ROOM_NEEDED = 2 * 10**9  # bytes, for downloads and checkpoints


@dataclass(frozen=True)
class Options:
    """Say what is missing here and how to get it."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    advice: str = ""
    """What to do; empty where all is well."""
    needed: bool = True
    """Whether the course fails without it, or only lacks something."""


def run(options: Options) -> dict[str, Any]:
    """Print one line per thing looked at; `ok` tells whether all that the course needs is there."""
    findings = [python(), *packages(), jupyterlab()]
    if all(finding.ok for finding in findings if finding.needed):
        findings += [torch_device(), cache(), shakespeare()]
    for finding in findings:
        mark = "ok     " if finding.ok else "MISSING" if finding.needed else "without"
        print(f"{mark}  {finding.name}: {finding.found}")
        if finding.advice:
            print(f"         → {finding.advice}")
    return {
        "ok": all(finding.ok for finding in findings if finding.needed),
        "findings": [asdict(finding) for finding in findings],
    }


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= (3, 11):  # noqa: UP036 - whoever cloned the course may run it with any Python
        return Finding("Python", True, version)
    return Finding("Python", False, version, "install Python 3.11 or newer")


def packages() -> Iterator[Finding]:
    """One finding for each package that the library imports."""
    for name in NEEDED:
        if importlib.util.find_spec(name):
            yield Finding(name, True, metadata.version(name))
        else:
            yield Finding(name, False, "not installed", f"{sys.executable} -m pip install {name}")


def jupyterlab() -> Finding:
    if importlib.util.find_spec("jupyterlab"):
        return Finding("JupyterLab", True, metadata.version("jupyterlab"), needed=False)
    advice = f"to open the lessons here: {sys.executable} -m pip install jupyterlab"
    return Finding("JupyterLab", False, "not installed", advice, needed=False)


def torch_device() -> Finding:
    import torch

    from course_lib.runtime import device

    where = device().type
    found = torch.cuda.get_device_name() if where == "cuda" else f"{where}, {torch.get_num_threads()} threads"
    if where != "cpu" or not shutil.which("nvidia-smi"):
        return Finding("device", True, found)
    advice = "there is an NVIDIA driver, but torch does not see the GPU: install a CUDA build of torch (README.md)"
    return Finding("device", False, found, advice, needed=False)


def cache() -> Finding:
    from course_lib.downloads import cache_dir

    folder = cache_dir()
    advice = "let COURSE_CACHE_DIR name a folder that you may write to, with 2 GB of room"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("cache", False, f"{folder}: {error.strerror}", advice)
    found = f"{folder}, {free / 1e9:.1f} GB free"
    return Finding("cache", free >= ROOM_NEEDED, found, "" if free >= ROOM_NEEDED else advice)


def shakespeare() -> Finding:
    """Whether the one corpus that is not part of the package is at hand. Downloads nothing."""
    from course_lib.downloads import cache_dir
    from course_lib.text.corpora import TINY_SHAKESPEARE

    folders = [cache_dir()]
    if data_dir := os.environ.get("COURSE_DATA_DIR"):
        folders.insert(0, Path(data_dir).expanduser())
    for folder in folders:
        if (folder / TINY_SHAKESPEARE.name).is_file():
            return Finding("Tiny Shakespeare", True, str(folder / TINY_SHAKESPEARE.name), needed=False)
    return Finding(
        "Tiny Shakespeare",
        False,
        "not here yet",
        f"downloaded when first used ({TINY_SHAKESPEARE.url}); without a network the toy world takes its place",
        needed=False,
    )
