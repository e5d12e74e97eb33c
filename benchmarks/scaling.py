"""Make the runs that scaling laws are fitted to: python benchmarks/scaling.py

Each is a run of its own on the toy world, with its own warm-up and cool-down, and becomes a line of
`course_lib/data/scaling_runs.csv` as soon as it is done. Runs that have a line are skipped: to make all of them again,
delete the table; what was made before an interruption stays.
"""

import csv
import time
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from course_lib.evaluation import evaluate
from course_lib.model import GPT, costs
from course_lib.presets import Preset
from course_lib.scaling import TABLE, Run, load_runs, preset
from course_lib.text import DocumentRows, Tokenizer, World, evaluation_documents, load_corpus
from course_lib.text.corpora import tokenizer_for
from course_lib.training import train


def plan() -> list[tuple[Preset, bool]]:
    """All runs, and whether they are kept from fits."""
    grid = [(width, steps, 0) for steps in (100, 200, 400, 800) for width in (8, 12, 16, 24, 32, 48, 64)]
    long = [(width, 1600, 0) for width in (8, 16, 32, 64)]
    again = [(width, steps, 1) for width, steps in ((64, 100), (32, 200), (16, 400), (8, 800), (64, 800))]
    larger = [(128, 800, 0), (96, 1600, 0)]
    fitted = [(settings(*each), False) for each in grid + long + again]
    return fitted + [(settings(*each), True) for each in larger]


def settings(width: int, steps: int, seed: int) -> Preset:
    """One head for each 16 numbers of the width, and a learning rate that falls with the root of the width.

    The rates were compared at widths 8, 32 and 128 in runs of 100 to 800 steps. It matters: at width 8, 200 steps at
    0.02, which suits width 128, end at 1.7 nats per word, and at 0.1 they end at 1.0.
    """
    return preset(width, max(1, width // 16), steps, lr=round(0.45 / width**0.5, 3), muon_lr=0.03, seed=seed)


class Bench:
    """Text to learn from and to be judged by."""

    def __init__(self) -> None:
        corpus = load_corpus("world")
        self.tokenizer = tokenizer_for(corpus)
        self.ids = self.tokenizer.encode(corpus.train)
        self.held_out = evaluation_documents(self.tokenizer.encode(corpus.val), self.tokenizer.end_id)
        self.portraits, self.facts = portraits(corpus.train, self.tokenizer)

    def run(self, chosen: Preset, held_out: bool) -> Run:
        """Train one model and measure it."""
        config, training = chosen.model(self.tokenizer.vocab_size), chosen.training
        torch.manual_seed(training.seed)
        model = GPT(config)
        rows = DocumentRows(self.ids, self.tokenizer.end_id, chosen.batch_size, chosen.context_length, training.seed)
        n_rows = training.steps * chosen.batch_size
        for _ in train(model, rows, training):
            pass
        with torch.no_grad():
            log_probs = model.eval()(self.portraits[:, :-1]).log_softmax(-1)
        targets = self.portraits[:, 1:]
        told = log_probs.gather(-1, targets[:, :, None])[:, :, 0][self.facts]
        right = (log_probs.argmax(-1) == targets)[self.facts].view(len(targets), -1)
        parts = costs(config, chosen.context_length)
        return Run(
            parameters=model.n_parameters,
            tokens=n_rows * chosen.context_length,
            loss=round(evaluate(model, self.held_out).loss, 5),
            flops=3 * n_rows * sum(part.flops for part in parts.values()),
            embedding_parameters=parts["embedding"].parameters + parts["head"].parameters,
            fact_loss=round(-told.mean().item(), 5),
            facts_right=round(right.float().mean().item(), 5),
            portraits_right=round(right.all(1).float().mean().item(), 5),
            d_model=chosen.d_model,
            n_heads=chosen.n_heads,
            steps=training.steps,
            lr=training.lr,
            muon_lr=training.muon_lr,
            seed=training.seed,
            held_out=held_out,
        )


def portraits(train_text: str, tokenizer: Tokenizer) -> tuple[Tensor, Tensor]:
    """The documents that tell all of a person, one for each person, each from a lone end token on; and their facts.

    A fact is told where a world with falsehoods has exactly two words to choose from: the truth and the myth.

    Returns:
        Token ids, [60 T+1], and for each of them but the first whether it is a fact, [60 T].
    """
    texts = sorted({line for line in train_text.splitlines() if "favourite food" in line})
    lying = World(falsehoods=0.5)
    facts = [[len(words) == 2 for words in lying.predictions(text)] for text in texts]
    return torch.tensor([tokenizer.encode(f"\n{text}\n") for text in texts]), torch.tensor(facts)


def main() -> None:
    torch.set_num_threads(1)  # the models are too small for more, and the sums come out alike everywhere
    done = {run.preset for run in load_runs()} if TABLE.is_file() else set()
    missing = [each for each in plan() if each[0] not in done]
    print(f"{len(missing)} of {len(plan())} runs are missing in {TABLE}", flush=True)
    bench = Bench()
    for chosen, held_out in missing:
        start = time.perf_counter()
        run = bench.run(chosen, held_out)
        append(run)
        print(
            f"{run.parameters:,} parameters, {run.tokens:,} tokens: {run.loss:.4f} nats per word, "
            f"{run.facts_right:.0%} of the facts, {run.portraits_right:.0%} of the portraits "
            f"({time.perf_counter() - start:.0f} s)",
            flush=True,
        )


def append(run: Run) -> None:
    line = asdict(run)
    with Path(str(TABLE)).open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, line, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(line)


if __name__ == "__main__":
    main()
