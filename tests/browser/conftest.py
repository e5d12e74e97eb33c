"""A real Chromium in front of the JupyterLab that `python -m course_lib lab` serves."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import nbformat
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]

BROWSERS = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
]

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-quic",
    # No name but this machine's own resolves: whatever wants the internet fails, and is seen to fail.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: the folder that it shows, where it answers, and the token that opens it."""

    folder: Path
    address: str
    token: str


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        message = f"no Chromium or Chrome found (looked for {', '.join(BROWSERS)})"
        if "CI" in os.environ:
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The course's own command in a copy of the course, with settings and runtime files of its own."""
    course = tmp_path_factory.mktemp("course")
    for edition in ("notebooks", "exercises"):
        (course / edition).mkdir()
        for path in (ROOT / edition).glob("*.ipynb"):
            notebook = nbformat.read(path, as_version=4)
            for cell in notebook.cells:
                if cell.cell_type == "code":  # without outputs: what a test finds there, this run has made
                    cell.outputs, cell.execution_count = [], None
            nbformat.write(notebook, course / edition / path.name)
    environment = os.environ.copy()
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):  # the page is opened by the test alone
        environment.pop(name, None)
    for name in (
        "HOME",
        "IPYTHONDIR",
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTERLAB_SETTINGS_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
    ):
        environment[name] = str(tmp_path_factory.mktemp(name.lower()))
    environment["COURSE_PRESET"] = (
        "smoke"  # widgets move alike whatever was trained; tests/test_notebooks.py trains in full
    )
    environment["MPLCONFIGDIR"] = matplotlib.get_cachedir()  # in a home without a font cache, matplotlib says so
    # Servers that start in the same moment can find the same port free, and one of them then dies: each test process
    # has a region of its own.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    command = [sys.executable, "-m", "course_lib", "lab", "--port", str(20_000 + 1_000 * worker)]
    with subprocess.Popen(command, cwd=course, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = ""
        for line in server.stderr:
            said += line
            if match := re.search(r"(http://127\.0\.0\.1:\d+)/lab/tree/\S+\?token=(\w+)", line):
                break
        else:
            pytest.fail(f"JupyterLab did not start:\n{said}")
        yield Lab(course, *match.groups())
        server.terminate()
        server.stderr.read()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield context.new_page()
    context.close()
