"""Whole runs, from the command to its end: seconds to a loss, the loss after a minute, and facts of the toy world."""

import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from course_lib.evaluation import evaluate
from course_lib.model import GPT
from course_lib.presets import find_preset
from course_lib.text import (
    TRAINING_SEED,
    VALIDATION_SEED,
    DocumentRows,
    Windows,
    World,
    evaluation_documents,
    evaluation_windows,
    load_corpus,
    tokenizer_for,
)
from course_lib.text.corpora import VALIDATION_DOCUMENTS
from course_lib.training import train
from report import Row
from scaling import portraits

NANOGPT, COUNTED = 1.898, 1.703
"""Nats per letter of Tiny Shakespeare that nanoGPT's recipe for the CPU reaches, and counted 5-grams."""
N_DOCUMENTS = 100_000
"""Of the toy world: three times what the lessons read, for a run of a minute would read those three times."""


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
    """The last two rows have the time that a machine has in a minute where the recipe takes 90 seconds."""
    took, loss = nanogpt_recipe()
    beside = f"nanoGPT's recipe, training alone: {took:.0f} s for {loss:.3f}"
    minute = took * 60 / 90
    table = []
    with tempfile.TemporaryDirectory() as folder:
        _, probe = command(Path(folder) / "probe", "--corpus", "shakespeare", "--preset", "laptop", "--steps", "200")
        steps = minute * 200 / probe["seconds"]
        for name, target, reach, arguments in (
            ("speedrun", NANOGPT, 90 / 12, ["--preset", "speedrun"]),
            ("counted 5-grams", COUNTED, 90 / 30, ["--preset", "speedrun", "--steps", "750"]),
            ("a minute", 1.60, None, ["--preset", "laptop", "--steps", f"{steps:.0f}"]),
        ):
            seconds, result = command(Path(folder) / name, "--corpus", "shakespeare", *arguments)
            reached = result["val_loss"]
            time_taken = f"{seconds:.0f} s of the whole process ({result['seconds']:.0f} s of training)"
            ours = f"{time_taken}, loss {reached:.3f}, {'at most' if reached <= target else 'NOT'} {target}"
            ratio = took / seconds if reach is not None and reached <= target else None
            table.append(Row(f"Tiny Shakespeare, {name}", ours, beside, ratio, reach))
    return [*table, world_row(minute)]


def world_row(minute: float) -> Row:
    """The toy world as the laptop's preset learns it in so many seconds."""
    world, preset = World(), find_preset("laptop", "world")
    corpus = load_corpus("world")
    tokenizer = tokenizer_for(corpus)
    texts = "".join(f"{document.text}\n" for document in world.documents(N_DOCUMENTS, TRAINING_SEED))
    batches = DocumentRows(tokenizer.encode(texts), tokenizer.end_id, preset.batch_size, preset.context_length, seed=0)

    def run(steps: int) -> tuple[GPT, float]:
        torch.manual_seed(0)
        model = GPT(preset.model(tokenizer.vocab_size))
        training = replace(preset.training, steps=steps, decay=0.7)
        return model, sum(step.seconds for step in train(model, batches, training))

    _, seconds_of_100 = run(100)
    model, seconds = run(round(minute * 100 / seconds_of_100))
    held_out = world.documents(VALIDATION_DOCUMENTS, VALIDATION_SEED)
    evaluation = evaluate(model, evaluation_documents(tokenizer.encode(corpus.val), tokenizer.end_id))
    gap = evaluation.nats / len(held_out) - world.floor(held_out).per_document

    ids, is_fact = portraits(corpus.train, tokenizer)
    with torch.inference_mode():
        guesses = model.eval()(ids[:, :-1]).argmax(-1)
    facts = (guesses == ids[:, 1:])[is_fact].float().mean().item()
    ours = f"{gap:.3f} nats a document after {seconds:.0f} s, {facts:.1%} of the facts"
    return Row("the toy world, above its floor", ours, "the floor: 0, and 100 %")
