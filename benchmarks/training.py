"""Tokens a second while training, beside transformers' GPT-2 under the loop that its readers write."""

import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.model import GPT, TransformerConfig, costs
from course_lib.text import Windows
from course_lib.training import TrainingConfig, train
from report import Row, alternate

VOCAB_SIZE = 65  # as many letters as Tiny Shakespeare has


@dataclass(frozen=True)
class Size:
    """What is trained, and how many steps are timed together."""

    name: str
    n_layers: int
    n_heads: int
    d_model: int
    context_length: int
    batch_size: int
    n_steps: int

    @property
    def tokens(self) -> int:
        return self.batch_size * self.context_length

    def config(self, **parts: object) -> TransformerConfig:
        return TransformerConfig(
            vocab_size=VOCAB_SIZE,
            context_length=self.context_length,
            n_layers=self.n_layers,
            n_heads=self.n_heads,
            d_model=self.d_model,
            **parts,
        )

    def batches(self) -> Windows:
        ids = np.random.default_rng(0).integers(VOCAB_SIZE, size=200_000)
        return Windows(ids, self.batch_size, self.context_length, seed=0)


SMALL = Size("4 layers × 128", n_layers=4, n_heads=4, d_model=128, context_length=64, batch_size=12, n_steps=40)
LARGE = Size("10.7 M parameters", n_layers=6, n_heads=6, d_model=384, context_length=256, batch_size=16, n_steps=1)

GPT2_PARTS = {
    "positions": "learned",
    "norm": "layer",
    "norm_eps": 1e-5,
    "qk_norm": False,
    "mlp": "gelu",
    "bias": True,
    "tied": True,
}


def ours(size: Size, muon_lr: float | None = None, **parts: object) -> Callable[[], object]:
    """One step of the course's loop."""
    run = train(GPT(size.config(**parts)), size.batches(), TrainingConfig(steps=10**9, lr=1e-3, muon_lr=muon_lr))
    return lambda: next(run)


def theirs(size: Size) -> Callable[[], object]:
    """One step of the loop in every tutorial."""
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB_SIZE,
            n_positions=size.context_length,
            n_embd=size.d_model,
            n_layer=size.n_layers,
            n_head=size.n_heads,
            resid_pdrop=0,
            embd_pdrop=0,
            attn_pdrop=0,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    batches = size.batches()

    def step() -> None:
        batch = next(batches)
        optimizer.zero_grad()
        logits = model(batch.inputs).logits
        loss = F.cross_entropy(logits.flatten(0, 1).float(), batch.targets.flatten())
        loss.backward()
        optimizer.step()

    return step


def seconds(step: Callable[[], object], n_steps: int) -> float:
    start = time.perf_counter()
    for _ in range(n_steps):
        step()
    return (time.perf_counter() - start) / n_steps


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def product_rate(dtype: torch.dtype) -> float:
    """The most FLOPs a second of a matrix product of this machine."""
    a, b = torch.randn(1024, 1024, dtype=dtype), torch.randn(1024, 1024, dtype=dtype)
    return 2 * 1024**3 / min(seconds(lambda: a @ b, 3) for _ in range(5))


class Contestant:
    """Somebody's training, in a process of its own: so none profits from what another has set."""

    def __init__(self, begin: Callable[[], Callable[[], object]], dtype: torch.dtype) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.process = ProcessPoolExecutor(1, spawn, initializer=_begin, initargs=(begin, dtype))

    def seconds(self, n_steps: int) -> float:
        """Of one of so many steps."""
        return self.process.submit(_seconds_a_step, n_steps).result()


def _begin(begin: Callable[[], Callable[[], object]], dtype: torch.dtype) -> None:
    if dtype != torch.float32:
        torch.set_autocast_enabled("cpu", True)
        torch.set_autocast_dtype("cpu", dtype)
    global _step
    _step = begin()
    _step()  # what happens only once


def _seconds_a_step(n_steps: int) -> float:
    return seconds(_step, n_steps)


def rows(repeats: int = 5) -> list[Row]:
    table = []
    for size, dtype, reach in (
        (SMALL, torch.float32, 1.5),
        (LARGE, torch.float32, 1.15),
        (LARGE, torch.bfloat16, 1.4),
    ):
        peak = product_rate(dtype)
        if peak < product_rate(torch.float32) / 2:
            slow = f"not measured: {peak / 1e9:,.0f} GFLOP/s, so this processor has no units for it"
            table.append(Row(f"training, {size.name}, {_name(dtype)}", slow, ""))
            continue
        contestants = {
            "theirs": Contestant(partial(theirs, size), dtype),
            "the same parts": Contestant(partial(ours, size, **GPT2_PARTS), dtype),
            "the course's parts": Contestant(partial(ours, size), dtype),
            "the course's parts and Muon": Contestant(partial(ours, size, muon_lr=0.02), dtype),
        }
        results = alternate([partial(each.seconds, size.n_steps) for each in contestants.values()], repeats)
        medians = {name: statistics.median(each) for name, each in zip(contestants, results, strict=True)}
        for each in contestants.values():
            each.process.shutdown()
        flops = 3 * size.batch_size * sum(part.flops for part in costs(size.config(), size.context_length).values())
        beside = f"transformers, GPT-2: {size.tokens / medians['theirs']:,.0f}"
        for name in list(contestants)[1:]:
            rate = size.tokens / medians[name]
            share = flops / medians[name] / peak
            table.append(
                Row(
                    f"training, {size.name}, {_name(dtype)}, {name}",
                    f"{rate:,.0f} tokens/s ({share:.0%} of {peak / 1e9:,.0f} GFLOP/s)",
                    beside,
                    medians["theirs"] / medians[name],
                    reach if name == "the same parts" else None,
                )
            )
    return table
