"""What all tests share: annotations checked at run time, no network, a cache of their own, and the data folder."""

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from beartype import beartype
from hypothesis import settings
from jaxtyping import AbstractArray, install_import_hook


def check_tensors(function: Callable) -> Callable:
    """Check the annotations that speak of tensors. The others are mypy's, and some tests break them on purpose."""
    function.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if _of_tensors(hint)}
    return beartype(function)


def _of_tensors(hint: object) -> bool:
    return (isinstance(hint, type) and issubclass(hint, AbstractArray)) or any(map(_of_tensors, get_args(hint)))


# From here on, the modules that annotate tensors are imported with shapes and dtypes checked at every call. The hook
# hands a copy of each function to the checker, and knows the checker only by a name to import.
ROOT = Path(__file__).parents[1]
sys.modules["course_tests"] = sys.modules[__name__]
install_import_hook(
    [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in ROOT.glob("course_lib/**/*.py")
        if "from jaxtyping import" in path.read_text(encoding="utf-8")
    ],
    "course_tests.check_tensors",
)

# The same examples on every run, however slow the machine.
settings.register_profile("course", derandomize=True, deadline=None)
settings.load_profile("course")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Refuse every connection off this machine, as a machine without a network does."""

    def refuse_others(method: Callable) -> Callable:
        def guarded(self: socket.socket, address: object) -> object:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
                raise OSError(errno.ENETUNREACH, f"tests may not reach the network: {address}")
            return method(self, address)

        return guarded

    def look_up_loopback_only(host: str | bytes | None, *args: object, **kwargs: object) -> list:
        if host is not None and not _is_loopback(host):
            raise socket.gaierror(socket.EAI_NONAME, f"tests may not reach the network: {host!r}")
        return look_up(host, *args, **kwargs)

    look_up = socket.getaddrinfo
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse_others(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", refuse_others(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", look_up_loopback_only)
        yield


def _is_loopback(host: str | bytes) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name in ("localhost", "::1") or name.startswith("127.")


@pytest.fixture(scope="session")
def data_file() -> Callable[[str], Path]:
    """Find a third-party file by its name below COURSE_DATA_DIR; skip the test, visibly, where there is none."""

    def find(name: str) -> Path:
        folder = os.environ.get("COURSE_DATA_DIR")
        if not folder or not (path := Path(folder) / name).exists():
            pytest.skip(f"needs {name} in COURSE_DATA_DIR (now: {folder or 'not set'})")
        return path

    return find


@pytest.fixture
def untraced_workers() -> Iterator[None]:
    """Keep coverage out of threads that end by force: one that ends inside coverage leaves its lock closed."""
    before = threading.gettrace()
    threading.settrace(None)
    yield
    threading.settrace(before)


@pytest.fixture
def ctrl_c_interrupts() -> Iterator[None]:
    """As in a terminal. A process that a shell started in the background ignores it, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


PARTS = {
    "as it is": {},
    "learned positions": {"positions": "learned", "norm": "layer"},
    "sinusoidal positions": {"positions": "sinusoidal"},
    "no positions": {"positions": "none"},
    "as GPT-2": {"positions": "learned", "norm": "layer", "mlp": "gelu", "bias": True, "tied": True, "qk_norm": False},
    "as Llama": {"n_kv_heads": 1, "qk_norm": False, "mlp": "swiglu", "d_hidden": 24, "tied": True},
    "shared keys, normalised": {"n_kv_heads": 2, "norm": "layer", "bias": True, "mlp": "swiglu"},
    "norms behind": {"norm_place": "post", "norm": "layer", "qk_norm": False, "bias": True},
}


@pytest.fixture(params=PARTS.values(), ids=PARTS)
def parts(request: pytest.FixtureRequest) -> dict[str, object]:
    """Settings of a transformer, such that each part it can have occurs in one of them: the laws hold for all."""
    return request.param
