"""Files from elsewhere, by name: looked for in a folder of your own, then in the cache, then on the network."""

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import pooch
import requests

from course_lib.errors import CourseError

TIMEOUT = 30  # seconds that a server may stay silent


class DownloadError(CourseError):
    """A file is not to be had, or not the right one."""


@dataclass(frozen=True)
class RemoteFile:
    """A public file, whose content is known before it arrives wherever somebody has vouched for it."""

    name: str  # path below the data folder and the cache, with forward slashes
    url: str
    sha256: str | None  # in hexadecimal; None: not known, so whoever opens the file has to examine it


def cache_dir() -> Path:
    """Where downloads are kept: `COURSE_CACHE_DIR`, or the platform's own place for caches."""
    chosen = os.environ.get("COURSE_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("course_lib")


def fetch(remote: RemoteFile) -> Path:
    """Return the path of a verified copy of `remote`; download it if no copy is at hand.

    Looks in `COURSE_DATA_DIR` (which is only ever read), then in `cache_dir()`, then at `remote.url`. Nothing stays
    in the cache unless its SHA-256 is right, where it is known.

    Raises:
        DownloadError: the file cannot be had, or is not the one it should be.
    """
    try:
        data_dir = os.environ.get("COURSE_DATA_DIR")
        if data_dir and (given := Path(data_dir).expanduser() / remote.name).exists():
            _verify(given, remote, origin=str(given))
            return given
        cached = cache_dir() / remote.name
        if cached.exists() and remote.sha256 is not None and _sha256(cached) != remote.sha256:
            cached.unlink()
        return cached if cached.exists() else _download(remote)
    except requests.HTTPError as error:
        raise DownloadError(f"The server refused: {error}. {_advice(remote)}") from error
    except requests.RequestException as error:
        raise DownloadError(f"{remote.url} cannot be reached ({type(error).__name__}). {_advice(remote)}") from error
    except OSError as error:
        raise DownloadError(
            f"{remote.name} cannot be read or stored: {error}. Free the disk or mend the permissions, "
            "or let COURSE_CACHE_DIR name a folder that you may write to."
        ) from error


def _download(remote: RemoteFile) -> Path:
    # pooch's own downloader leaves the connection open after an error, and cannot say what came in place of the file.
    def download_and_verify(url: str, output_file: str, _: object) -> None:
        with requests.get(url, stream=True, timeout=TIMEOUT) as response, open(output_file, "wb") as file:
            response.raise_for_status()
            file.writelines(response.iter_content(chunk_size=2**16))
        _verify(Path(output_file), remote, origin=url)

    print(f"Downloading {remote.name} from {remote.url}", file=sys.stderr)
    pooch.get_logger().setLevel("WARNING")  # its own notice prints the path of somebody's home folder into notebooks
    # pooch writes to a temporary file beside the target, removes it after any error, and renames it at the very end.
    return Path(pooch.retrieve(remote.url, remote.sha256, remote.name, cache_dir(), downloader=download_and_verify))


def _verify(path: Path, remote: RemoteFile, origin: str) -> None:
    if remote.sha256 is None:
        return
    found = _sha256(path)
    if found != remote.sha256:
        raise DownloadError(
            f"{origin} holds {describe(path)}, not {remote.name}: SHA-256 {found}, expected {remote.sha256}. "
            + _advice(remote)
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def describe(path: Path) -> str:
    """Say what a file seems to be that is not what it should be, such as the error page of a proxy."""
    with path.open("rb") as file:
        head = file.read(256)
    size = f"({path.stat().st_size:,} bytes)"
    if head.startswith(b"version https://git-lfs"):
        return f"a pointer of Git LFS in place of the file {size}"
    if head.lstrip().startswith(b"<"):
        return f"an HTML or XML page {size}"
    if head.startswith(b"PK\x03\x04") or (head[:1] == b"\x80" and head[1:2] <= b"\x05"):
        return f"a ZIP archive or a pickle, as torch.save writes it {size}; it is not opened, for a pickle runs code"
    return f"other data, starting with {head[:16]!r} {size}" if head else "nothing (0 bytes)"


def _advice(remote: RemoteFile) -> str:
    return (
        "Try again with a working network; or, to work offline, put a good copy of the file into a folder as "
        f"{remote.name} and set COURSE_DATA_DIR to that folder (now: {os.environ.get('COURSE_DATA_DIR') or 'not set'})."
    )
