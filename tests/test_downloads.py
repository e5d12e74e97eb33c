"""Downloads, from a server on this machine that misbehaves in every way that servers do."""

import hashlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread

import pooch
import pytest

from course_lib.downloads import DownloadError, RemoteFile, cache_dir, fetch

GOOD = b"To be, or not to be, that is the question.\n" * 1000


class Server(ThreadingHTTPServer):
    answer: tuple = (200, GOOD)  # status, body, and the length that is announced if it is not the body's
    requests = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests += 1
        status, body, *announced = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(*announced or [len(body)]))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


def remote(server: Server) -> RemoteFile:
    url = f"http://127.0.0.1:{server.server_port}/hamlet.txt"
    return RemoteFile("plays/hamlet.txt", url, hashlib.sha256(GOOD).hexdigest())


def cached_files() -> list[Path]:
    return [path for path in cache_dir().rglob("*") if path.is_file()]


def test_a_file_is_downloaded_once_and_then_found_in_the_cache(
    server: Server, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = StringIO()
    monkeypatch.setattr(pooch.get_logger().handlers[0], "stream", log)
    path = fetch(remote(server))
    assert path.read_bytes() == GOOD
    assert path == cache_dir() / "plays/hamlet.txt"
    out, err = capfd.readouterr()
    assert out == ""
    assert remote(server).url in err
    assert str(tmp_path) not in err + log.getvalue()  # notices end up in notebooks, which are published
    assert fetch(remote(server)) == path
    assert server.requests == 1
    assert capfd.readouterr() == ("", "")
    assert cached_files() == [path]


BAD_ANSWERS = {
    "missing": ((404, b"gone"), "404"),
    "broken": ((500, b"oops"), "500"),
    "html": ((200, b"\n<!DOCTYPE html><title>Please log in</title>"), "an HTML or XML page (44 bytes)"),
    "lfs": ((200, b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 44000\n"), "a pointer of Git LFS"),
    "wrong": ((200, GOOD[:-1] + b"?"), "other data, starting with b'To be, or not to' (43,000 bytes)"),
    "shorter": ((200, GOOD[:1000]), "(1,000 bytes)"),
    "empty": ((200, b""), "nothing (0 bytes)"),
    "cut off": ((200, GOOD[:1000], len(GOOD)), "cannot be reached"),
}


@pytest.mark.parametrize(("answer", "found"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
@pytest.mark.parametrize("already_cached", [False, True], ids=["empty cache", "damaged cache"])
def test_what_is_not_the_file_is_refused_and_never_stays_in_the_cache(
    server: Server, answer: tuple, found: str, already_cached: bool
) -> None:
    if already_cached:
        bad = cache_dir() / "plays/hamlet.txt"
        bad.parent.mkdir(parents=True)
        bad.write_bytes(GOOD[:100])
    server.answer = answer
    with pytest.raises(DownloadError) as caught:
        fetch(remote(server))
    message = str(caught.value)
    assert found in message
    assert remote(server).url in message
    assert "put a good copy" in message
    assert "COURSE_DATA_DIR" in message
    assert cached_files() == []


def test_a_damaged_file_in_the_cache_is_downloaded_again(server: Server) -> None:
    path = fetch(remote(server))
    path.write_bytes(GOOD[:-1])
    assert fetch(remote(server)).read_bytes() == GOOD
    assert server.requests == 2


def test_a_file_that_nobody_vouched_for_is_taken_as_it_comes_and_kept(server: Server) -> None:
    unknown = replace(remote(server), sha256=None)
    assert fetch(unknown).read_bytes() == GOOD
    assert fetch(unknown).read_bytes() == GOOD
    assert server.requests == 1


def test_with_nobody_listening_the_error_says_how_to_go_on(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DownloadError, match=r"cannot be reached \(ConnectionError\).*COURSE_DATA_DIR .*not set"):
        fetch(RemoteFile("hamlet.txt", f"http://127.0.0.1:{port}/", "00"))
    assert cached_files() == []


def test_without_a_network_the_error_says_how_to_go_on() -> None:
    with pytest.raises(DownloadError, match=r"cannot be reached.*work offline"):
        fetch(RemoteFile("hamlet.txt", "https://example.org/hamlet.txt", "00"))


def test_the_data_folder_comes_first_and_needs_no_network(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    given = tmp_path / "data/plays/hamlet.txt"
    given.parent.mkdir(parents=True)
    given.write_bytes(GOOD)
    assert fetch(remote(server)) == given
    assert server.requests == 0
    assert cached_files() == []


def test_a_wrong_file_in_the_data_folder_is_named_and_left_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    given = tmp_path / "data/plays/hamlet.txt"
    given.parent.mkdir(parents=True)
    given.write_bytes(b"Hamlet, by heart")
    with pytest.raises(DownloadError) as caught:
        fetch(remote(server))
    assert str(given) in str(caught.value)
    assert given.read_bytes() == b"Hamlet, by heart"
    assert server.requests == 0


def test_what_the_data_folder_lacks_is_downloaded(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path))
    assert fetch(remote(server)) == cache_dir() / "plays/hamlet.txt"


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_setting(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="COURSE_CACHE_DIR"):
        fetch(remote(server))


def test_the_cache_is_the_platforms_own_unless_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("COURSE_CACHE_DIR")
    assert cache_dir().is_absolute()
    assert "course_lib" in cache_dir().parts
