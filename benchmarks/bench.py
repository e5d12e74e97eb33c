"""Measure the course's speed and memory beside what one would use instead: python benchmarks/bench.py [NAME ...]

Everything is measured side by side in one run: contestants take turns, and the median of several rounds counts. A table
and a plot are left in runs/bench/. Close all other programs first. Without names everything is measured, which takes
about fifteen minutes on two cores.
"""

import platform
import sys
from pathlib import Path

import torch

import bpe
import generation
import gpu
import memory
import report
import runs
import training

PARTS = {"training": training, "runs": runs, "generation": generation, "bpe": bpe, "memory": memory, "gpu": gpu}
OUT = Path("runs", "bench")


def main(names: list[str]) -> None:
    if unknown := set(names) - set(PARTS):
        raise SystemExit(f"There is no benchmark {sorted(unknown)[0]!r}. There are: {', '.join(PARTS)}.")
    OUT.mkdir(parents=True, exist_ok=True)
    title = f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(title, end="\n\n")
    rows = []
    for name in names or PARTS:
        rows += PARTS[name].rows()
        text = report.table(rows)
        (OUT / "table.md").write_text(f"{title}\n\n{text}\n", encoding="utf-8")
        (OUT / "ratios.png").write_bytes(report.plot(rows).png())
        print(f"{name}: done", file=sys.stderr, flush=True)
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
