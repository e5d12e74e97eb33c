"""Memory at its highest in a training step, beside what such a step cannot do without.

That is 16 bytes for each parameter (the weight, its gradient and AdamW's two means) and all that the backward pass
needs of the forward pass. Measured in a process of its own: resident memory, less what it was after all imports.
"""

import multiprocessing
import resource
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from course_lib.evaluation import total_nats
from course_lib.model import GPT
from course_lib.training import TrainingConfig, train
from report import Row
from training import LARGE


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def measure() -> tuple[int, int]:
    """Bytes that two steps took at their highest, and bytes that they cannot do without."""
    before = resident_bytes()
    model = GPT(LARGE.config())
    run = train(model, LARGE.batches(), TrainingConfig(steps=2, lr=1e-3))
    for _ in run:
        pass
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before

    saved: dict[int, int] = {}  # by place in memory: what several operations keep is kept once
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        nats = total_nats(model, next(LARGE.batches()))  # held, or places in memory are taken twice
    assert nats.requires_grad
    return taken, 16 * model.n_parameters + sum(saved.values())


def rows() -> list[Row]:
    if not Path("/proc/self/statm").exists():
        return [Row("memory of a training step", "not measured: this system has no /proc", "")]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        taken, needed = pool.submit(measure).result()
    return [
        Row(
            f"memory of a training step, {LARGE.name}",
            f"{taken / 1e9:.2f} GB",
            f"parameters × 16 bytes and what is kept for the backward pass: {needed / 1e9:.2f} GB",
            needed / taken,
            1 / 1.3,
        )
    ]
