"""The machine that a run happens on: device, precision, memory, random numbers. Asked for by call, never at import."""

import ctypes
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta

import numpy as np
import torch
import torch.distributed
from torch import Tensor, nn

from course_lib.errors import CourseError


def device() -> torch.device:
    """The best device there is: CUDA, else Apple's MPS (unless it has to talk to other processes), else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available() and not _in_process_group():
        return torch.device("mps")
    return torch.device("cpu")


def _in_process_group() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


@contextmanager
def process_group(timeout: float) -> Iterator[bool]:
    """Join the processes that torchrun started together with this one, through NCCL on GPUs and gloo on CPUs.

    Each process of a machine takes a GPU of its own.

    Args:
        timeout: seconds after which a process that does not answer is given up.

    Yields:
        Whether torchrun started any: else nothing happens.

    Raises:
        CourseError: this machine has fewer GPUs than processes.
    """
    if "LOCAL_RANK" not in os.environ:
        yield False
        return
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        local_rank, n_gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
        if local_rank >= n_gpus:
            raise CourseError(
                f"Process {local_rank + 1} of this machine has no GPU of its own: there are {n_gpus}. "
                f"Use torchrun --nproc-per-node {n_gpus}, or none of them with CUDA_VISIBLE_DEVICES= ."
            )
        torch.cuda.set_device(local_rank)
    # What is not on a GPU (counts, messages) always goes through gloo.
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=timedelta(seconds=timeout))
    try:
        yield True
        # Threads of gloo have yet to let go of the last messages, for which they need the interpreter. One that asks
        # for it when Python is about to end aborts the process: https://github.com/pytorch/pytorch/pull/179291
        time.sleep(0.1)
    finally:
        torch.distributed.destroy_process_group()


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Matrix products in bfloat16 where the GPU has it, else everything in float32; unless the caller has decided.

    Only CUDA from compute capability 8.0 on has bfloat16 units (a T4 has 7.5). float16 is left alone: its range is so
    small that gradients vanish unless the loss is scaled. Few CPUs gain from bfloat16: on one that does, put
    `torch.autocast("cpu", torch.bfloat16)` around the training.
    """
    if torch.is_autocast_enabled(device.type):
        return nullcontext()
    has_bf16 = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bf16)


@contextmanager
def in_mode(model: nn.Module, *, training: bool) -> Iterator[None]:
    """Put `model` into training or evaluation mode, and back into the mode it had, whatever happens in between."""
    before = model.training
    if before == training:  # nothing to do, and to do it for every part of a model takes longer than a token
        yield
        return
    model.train(training)
    try:
        yield
    finally:
        model.train(before)


def seed_everything(seed: int) -> None:
    """Seed the global random numbers of Python, NumPy and torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - it is the global generator that others may draw from
    torch.manual_seed(seed)


def rng_state() -> dict[str, Tensor | str]:
    """Where the global random numbers of Python, NumPy and torch stand; `set_rng_state` puts them back there."""
    name, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    state: dict[str, Tensor | str] = {
        "python": json.dumps(random.getstate()),
        "numpy": json.dumps([name, keys.tolist(), *rest]),  # type: ignore[union-attr]
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state |= {f"cuda:{i}": each for i, each in enumerate(torch.cuda.get_rng_state_all())}
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_rng_state(state: dict[str, Tensor | str]) -> None:
    """Continue all random numbers from `state`. Devices that it does not know or that are not there are left alone."""
    version, internal, gauss_next = json.loads(state["python"])  # type: ignore[arg-type]
    random.setstate((version, tuple(internal), gauss_next))
    np.random.set_state(json.loads(state["numpy"]))  # type: ignore[arg-type] # noqa: NPY002
    torch.set_rng_state(state["torch"])  # type: ignore[arg-type]
    for i in range(torch.cuda.device_count()):
        if f"cuda:{i}" in state:
            torch.cuda.set_rng_state(state[f"cuda:{i}"], i)  # type: ignore[arg-type]
    if torch.backends.mps.is_available() and "mps" in state:
        torch.mps.set_rng_state(state["mps"])  # type: ignore[arg-type]


def keep_freed_memory() -> None:
    """Let this process hold on to memory that it freed, and use it again, where the C library is glibc.

    By default glibc soon gives freed memory back to the system. Every step of training would then ask for the same
    memory anew, and the system hands it out page by page, each of them zeroed. Blocks of more than 8 MB are still given
    back: among them, what is kept leaves holes that the next one may not fit into.
    """
    trim_threshold, mmap_threshold = -1, -3  # as <malloc.h> numbers them
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(mmap_threshold, 2**23)
        libc.mallopt(trim_threshold, 2**31 - 1)


def peak_memory_bytes() -> int:
    """The most memory this process has held: on the GPU if it uses CUDA, else in RAM; 0 where nobody says."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
