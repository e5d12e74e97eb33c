"""What only a GPU can show: a model of GPT-2's size trained at speed, Tiny Shakespeare in seconds, and writing."""

import tempfile
from pathlib import Path

import numpy as np
import torch

import generation
from course_lib.model import GPT, TransformerConfig, costs
from course_lib.text import Windows
from course_lib.training import TrainingConfig, train
from report import Row
from runs import command
from training import seconds

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L4": 121e12, "T4": 65e12}
"""FLOPs a second of matrix products in 16 bits, without sparsity, by the makers' data sheets."""
NANOGPT_GPU = 1.4697
"""Nats per letter of Tiny Shakespeare that nanoGPT's recipe for one GPU reaches, in about three minutes on an A100."""


def rows() -> list[Row]:
    if not torch.cuda.is_available():
        return [Row("GPU", "not measured: there is none here", "")]
    return [training_row(), shakespeare_row(), *generation.rows(device="cuda")]


def training_row(batch_size: int = 32) -> Row:
    """Tokens a second at 124 M parameters, compiled, in bfloat16, and the share of the GPU's peak."""
    sizes = TransformerConfig(vocab_size=50_304, context_length=1024, n_layers=12, n_heads=12, d_model=768, tied=True)
    model = GPT(sizes).cuda()
    model.compile()
    ids = np.random.default_rng(0).integers(50_257, size=10_000_000)
    run = train(model, Windows(ids, batch_size, 1024, seed=0), TrainingConfig(steps=10**9, lr=1e-3, muon_lr=0.02))
    seconds(lambda: next(run), 10)  # compiles
    took = seconds(lambda: next(run), 20)  # a step ends with a number on the CPU, so nothing is left to wait for
    flops = 3 * batch_size * sum(part.flops for part in costs(sizes, 1024).values()) / took
    name = torch.cuda.get_device_name()
    peak = next((peak for known, peak in PEAKS.items() if known in name), None)
    share = None if peak is None else flops / peak
    ours = f"{batch_size * 1024 / took:,.0f} tokens/s, {flops / 1e12:,.0f} TFLOP/s"
    return Row("training, GPT-2 small, bfloat16, compiled", ours, f"the peak of {name}", share, 0.45)


def shakespeare_row() -> Row:
    with tempfile.TemporaryDirectory() as folder:
        took, result = command(Path(folder) / "run", "--corpus", "shakespeare", "--preset", "gpu")
    ours = f"{result['seconds']:.0f} s of training, {took:.0f} s of the whole process, loss {result['val_loss']:.4f}"
    reached = result["val_loss"] <= NANOGPT_GPU
    ratio = 180 / result["seconds"] if reached else None
    return Row("Tiny Shakespeare on a GPU", ours, f"nanoGPT: {NANOGPT_GPU} after about 180 s on an A100", ratio, 9.0)
