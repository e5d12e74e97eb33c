"""The way in: what a learner wrote is never touched, and the server is theirs alone."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from course_lib.commands import lab
from course_lib.errors import CourseError

ROOT = Path(__file__).resolve().parents[1]
EMPTY_NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def make_course(folder: Path) -> Path:
    """A course of one lesson and one set of exercises."""
    for name in ("notebooks/00_start_here", "exercises/01_first", "solutions/01_first"):
        path = folder / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(EMPTY_NOTEBOOK, encoding="utf-8")
    return folder


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course")


# Where the course is


def test_the_course_is_found_from_anywhere_inside_it(course: Path) -> None:
    inside = course / "my_work" / "deeper"
    inside.mkdir(parents=True)
    assert lab.find_course(course) == lab.find_course(inside) == course


def test_the_course_is_found_beside_its_library(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "__file__", str(course / "course_lib" / "commands" / "lab.py"))
    assert lab.find_course(tmp_path) == course


def test_a_library_without_notebooks_says_where_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab, "__file__", str(tmp_path / "site-packages" / "course_lib" / "commands" / "lab.py"))
    with pytest.raises(CourseError, match=r"No notebooks/00_start_here\.ipynb .* clone"):
        lab.find_course(tmp_path)


# Where the learner works


def test_new_exercises_are_copied_once_and_answers_are_never_touched(course: Path) -> None:
    first = lab.prepare(course)
    assert first.folder == course
    assert first.new_exercises == ("01_first.ipynb",)
    answer = first.my_work / "01_first.ipynb"
    assert answer.read_text(encoding="utf-8") == EMPTY_NOTEBOOK

    answer.write_text("my answer", encoding="utf-8")
    (course / "exercises" / "01_first.ipynb").write_text("a new edition", encoding="utf-8")
    (course / "exercises" / "02_second.ipynb").write_text("another", encoding="utf-8")
    assert lab.prepare(course).new_exercises == ("02_second.ipynb",)
    assert answer.read_text(encoding="utf-8") == "my answer"
    assert lab.prepare(course).new_exercises == ()


def test_an_interrupted_copy_is_made_again(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(source: Path, target: Path) -> None:
        target.write_text(source.read_text(encoding="utf-8")[:10], encoding="utf-8")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", half)
        with pytest.raises(KeyboardInterrupt):
            lab.prepare(course)
    assert lab.prepare(course).new_exercises == ("01_first.ipynb",)
    assert (course / "my_work" / "01_first.ipynb").read_text(encoding="utf-8") == EMPTY_NOTEBOOK


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Permission bits do not hold root back, and the tests may run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX permissions")
def test_in_a_read_only_course_the_learner_gets_copies_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as shared:  # pytest's own temporary folders are closed to other users
        course, home = make_course(Path(shared, "course")), Path(shared, "home")
        home.mkdir()
        for path in (Path(shared), home, *course.rglob("*"), course):
            path.chmod(0o777 if path == home else 0o444 if path.is_file() else 0o555)
        monkeypatch.setenv("HOME", str(home))
        with as_ordinary_user():
            place = lab.prepare(course)
            (place.my_work / "01_first.ipynb").write_text("my answer", encoding="utf-8")
            again = lab.prepare(course)
        assert place.my_work == home / "course" / "my_work"
        assert place.new_exercises == ("01_first.ipynb",)
        assert again.new_exercises == ()
        assert (home / "course" / "notebooks" / "00_start_here.ipynb").is_file()
        assert (home / "course" / "my_work" / "01_first.ipynb").read_text(encoding="utf-8") == "my answer"
        Path(shared).chmod(0o700)


# The server


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(CourseError, match=f"Port {port} does not exist"):
        lab.Options(port=port)


def test_without_jupyterlab_the_way_to_get_it_is_told(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course)
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    with pytest.raises(CourseError, match="JupyterLab is not installed"):
        lab.run(lab.Options())
    assert not (course / "my_work").exists()


@pytest.mark.parametrize(
    ("platform", "environment", "opens"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"BROWSER": "an-editor-that-forwards"}, True),
        ("darwin", {}, True),
        ("darwin", {"SSH_CONNECTION": "from afar"}, False),
        ("win32", {}, True),
    ],
)
def test_a_browser_opens_only_where_somebody_sees_it(
    platform: str, environment: dict[str, str], opens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert lab.has_display() is opens


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.skipif(os.name == "nt", reason="stops the server as Ctrl-C does on POSIX")
@pytest.mark.usefixtures("ctrl_c_interrupts")
def test_the_server_answers_here_only_and_only_to_its_token(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a taken port, too, and whatever the user's own settings of Jupyter say."""
    settings = course.parent / "settings"
    settings.mkdir()
    careless = "c.ServerApp.ip = '0.0.0.0'\nc.IdentityProvider.token = ''\nc.ServerApp.allow_root = False\n"
    (settings / "jupyter_server_config.py").write_text(careless, encoding="utf-8")
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(settings))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(course.parent / "runtime"))
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)

    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        taken = somebody_else.getsockname()[1]
        command = [sys.executable, "-m", "course_lib", "lab", "--port", str(taken), "--json"]
        with subprocess.Popen(
            command, cwd=course, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as server:
            try:
                assert server.stderr is not None
                told = ""
                while server.poll() is None and "\nStop with" not in told:
                    told += server.stderr.readline()
                address = re.search(r"http://127\.0\.0\.1:(\d+)/\S+\?token=\w+", told)
                assert address, told
                listening = {
                    connection.laddr
                    for connection in psutil.Process(server.pid).net_connections()
                    if connection.status == psutil.CONN_LISTEN
                }
                status = {
                    "page": status_of(address[0]),
                    "files": status_of(f"http://127.0.0.1:{address[1]}/api/contents?{address[0].partition('?')[2]}"),
                    "no token": status_of(f"http://127.0.0.1:{address[1]}/api/contents"),
                    "wrong token": status_of(f"http://127.0.0.1:{address[1]}/api/contents?token=guess"),
                }
                server.send_signal(signal.SIGINT)
                said, _ = server.communicate(timeout=30)
            finally:
                server.kill()

    assert server.returncode == 0
    assert status == {"page": 200, "files": 200, "no token": 403, "wrong token": 403}
    assert {(here.ip, here.port) for here in listening} == {("127.0.0.1", int(address[1]))}
    assert 0 < abs(int(address[1]) - taken) < 200  # as near as one is free
    result = json.loads(said.splitlines()[-1])
    assert result["url"] == address[0]
    assert Path(result["my_work"]) == course / "my_work"
    assert result["new_exercises"] == ["01_first.ipynb"]


# make lab


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder in which `make lab` has been at work, as far as make can see."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed-lab").touch()
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, although these tests may themselves run under make."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_nothing_is_installed_again_until_its_inputs_change(installed: Path, changed: str) -> None:
    assert "pip install" not in make(installed, "--dry-run", "lab").stdout
    later = (installed / ".venv" / "installed-lab").stat().st_mtime + 1
    os.utime(installed / changed, (later, later))
    assert "pip install" in make(installed, "--dry-run", "lab").stdout


def test_the_port_reaches_the_command(installed: Path) -> None:
    assert make(installed, "--dry-run", "lab", "PORT=9000").stdout.strip().endswith("course_lib lab --port 9000")


def test_without_a_new_enough_python_the_message_says_so(installed: Path) -> None:
    (installed / ".venv" / "installed-lab").unlink()
    (installed / "python3").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")  # as one that is too old answers
    (installed / "python3").chmod(0o755)
    tools = {name: shutil.which(name) for name in ("make", "sh", "echo", "test")}
    for name, path in tools.items():
        assert path
        (installed / name).symlink_to(path)
    environment = {"PATH": str(installed)}
    run = subprocess.run(["make", "lab"], cwd=installed, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "needs Python 3.11 or newer" in run.stdout + run.stderr
