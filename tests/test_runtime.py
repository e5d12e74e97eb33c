"""The device, the random numbers, and the modes of a model."""

import contextlib
import platform
import random
import subprocess
import sys

import numpy as np
import psutil
import pytest
import torch

from course_lib import runtime


def draw() -> tuple[float, float, float, float]:
    return random.gauss(), np.random.normal(), torch.rand(1).item(), random.random()  # noqa: NPY002


def test_a_seed_decides_all_random_numbers():
    runtime.seed_everything(3)
    first = draw()
    runtime.seed_everything(3)
    assert draw() == first
    runtime.seed_everything(4)
    assert not set(draw()) & set(first)


def test_random_numbers_go_on_from_a_saved_state():
    runtime.seed_everything(3)
    draw()  # leaves half a pair of normal numbers behind, in Python's generator and in NumPy's
    state = runtime.rng_state()
    first = draw(), draw()
    draw()
    runtime.set_rng_state(state)
    assert (draw(), draw()) == first


def test_the_device_is_one_that_computes():
    assert torch.ones(2, device=runtime.device()).sum().item() == 2


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_best_device_is_taken(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert runtime.device().type == expected


def test_a_cpu_computes_in_float32():
    with runtime.autocast(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_bfloat16_is_used_only_where_the_gpu_has_it(monkeypatch, capability, expected):
    asked = {}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype, enabled: asked.update(dtype=dtype, enabled=enabled))
    runtime.autocast(torch.device("cuda"))
    assert asked == {"dtype": torch.bfloat16, "enabled": expected}


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_a_model_gets_back_the_mode_it_had(before, inside):
    model = torch.nn.Sequential(torch.nn.Dropout()).train(before)
    with contextlib.suppress(KeyError), runtime.in_mode(model, training=inside):
        assert model.training == model[0].training == inside
        raise KeyError
    assert model.training == model[0].training == before


def test_peak_memory_lies_between_what_is_held_now_and_what_there_is():
    peak = runtime.peak_memory_bytes()
    if sys.platform == "win32":
        assert peak == 0
    else:
        assert 0.9 * psutil.Process().memory_info().rss < peak <= psutil.virtual_memory().total


PAGES = """
import resource
import torch
from course_lib.runtime import keep_freed_memory

def faults() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        [torch.zeros(2**20) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = faults()
keep_freed_memory()
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other ways, and are left alone")
def test_freed_memory_is_used_again():
    done = subprocess.run([sys.executable, "-c", PAGES], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert after < before / 5


@pytest.fixture
def unwilling_interpreter():
    """One that no thread gets from another that does not wait."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(100)
    yield
    sys.setswitchinterval(before)


def test_no_message_is_held_when_the_processes_part(monkeypatch, unwilling_interpreter):
    """Else a thread that lets go of it after Python's end aborts a process that has done all its work."""
    for name, value in {
        "RANK": 0,
        "LOCAL_RANK": 0,
        "WORLD_SIZE": 1,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": 0,
    }.items():
        monkeypatch.setenv(name, str(value))
    references = set()
    for _ in range(20):
        message = torch.ones(3)
        with runtime.process_group(timeout=60):
            _kept = torch.distributed.group.WORLD  # as a model in shards does
            for _ in range(20):
                torch.distributed.all_reduce(message)
        references.add(sys.getrefcount(message) - 1)  # of which the call itself has one
    assert references == {1}
