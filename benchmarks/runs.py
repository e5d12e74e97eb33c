"""Whole runs, from the command to its end: seconds to a loss, the loss after a minute, and facts of the toy world."""

import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.commands.run_folder import Run
from course_lib.evaluation import evaluate
from course_lib.text import Windows, evaluation_windows, load_corpus, tokenizer_for
from report import Row
from scaling import portraits

NANOGPT, COUNTED = 1.898, 1.703
"""Nats per letter of Tiny Shakespeare that nanoGPT's recipe for the CPU reaches, and counted 5-grams."""


def command(folder: Path, *arguments: str) -> tuple[float, dict[str, float]]:
    """`python -m course_lib train`: seconds of the whole process, and its result."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "course_lib", "train", "--json", "--out", str(folder), *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return time.perf_counter() - start, json.loads(done.stdout)


def nanogpt_recipe(steps: int = 2000) -> tuple[float, float]:
    """nanoGPT's recipe for the CPU (its README) with transformers' GPT-2: seconds of training, and validation loss."""
    corpus = load_corpus("shakespeare")
    tokenizer = tokenizer_for(corpus)
    torch.manual_seed(0)
    sizes = GPT2Config(
        vocab_size=tokenizer.vocab_size, n_positions=64, n_embd=128, n_layer=4, n_head=4,
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    batches = Windows(tokenizer.encode(corpus.train), batch_size=12, context_length=64, seed=0)
    start = time.perf_counter()
    for step in range(steps):
        cosine = 0.5 * (1 + math.cos(math.pi * max(0, step - 100) / (steps - 100)))
        optimizer.param_groups[0]["lr"] = min((step + 1) / 100, 0.1 + 0.9 * cosine) * 1e-3
        batch = next(batches)
        optimizer.zero_grad()
        logits = model(batch.inputs).logits
        F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    took = time.perf_counter() - start

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: torch.Tensor, documents: None) -> torch.Tensor:
            return self.model(ids).logits

    return took, evaluate(Logits(), evaluation_windows(tokenizer.encode(corpus.val), 64)).loss


def rows() -> list[Row]:
    took, loss = nanogpt_recipe()
    beside = f"nanoGPT's recipe, training alone: {took:.0f} s for {loss:.3f}"
    table = []
    with tempfile.TemporaryDirectory() as folder:
        for name, target, reach, arguments in (
            ("speedrun", NANOGPT, 90 / 12, ["--preset", "speedrun"]),
            ("counted 5-grams", COUNTED, None, ["--preset", "speedrun", "--steps", "800"]),
            ("a minute", None, None, ["--preset", "laptop"]),
        ):
            seconds, result = command(Path(folder) / name, "--corpus", "shakespeare", *arguments)
            reached = result["val_loss"]
            aim = "" if target is None else f", {'at most' if reached <= target else 'NOT'} {target}"
            ours = (
                f"{seconds:.0f} s of the whole process ({result['seconds']:.0f} s of training), loss {reached:.3f}{aim}"
            )
            is_faster = target == NANOGPT and reached <= target
            table.append(Row(f"Tiny Shakespeare, {name}", ours, beside, took / seconds if is_faster else None, reach))
        seconds, result = command(Path(folder) / "world", "--corpus", "world", "--preset", "laptop")
        facts = share_of_facts(Path(folder) / "world")
    ours = f"{result['gap_per_document']:.3f} nats a document after {seconds:.0f} s, {facts:.1%} of the facts"
    table.append(Row("the toy world, above its floor", ours, "the floor: 0, and 100 %"))
    return table


def share_of_facts(folder: Path) -> float:
    """How many of the facts in the portraits of the world's people the model of a run holds for the most probable."""
    run = Run.open(folder)
    ids, is_fact = portraits(load_corpus("world").train, run.tokenizer)
    with torch.inference_mode():
        guesses = run.trained_model().eval()(ids[:, :-1]).argmax(-1)
    return (guesses == ids[:, 1:])[is_fact].float().mean().item()
