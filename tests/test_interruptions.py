"""What comes between: killed again and again while it trains and saves, stopped again and again in a notebook."""

import ast
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient, KernelManager

from course_lib.training import Checkpoint, load_checkpoint

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}  # bit-equality needs equal threads


# Killed

KILLS, STEPS, SAVE_EVERY = 20, 240, 3

# Imports once and then lives many times, each time as a fork: a launch takes longer than a life. A life is the real
# command. It notes every step in a file, and counts the events between which a kill could leave a trace: its beginning,
# each fsync, each rename. At the event of the given number it is killed, or so many seconds later.
LIVES = """
import os, signal, sys
from itertools import count
from pathlib import Path
from course_lib.__main__ import main
from course_lib.commands import train  # loaded once, before the forks
from course_lib.training import TrainingRun


def live(fatal, seconds, arguments):
    events = count()

    def counted(function):
        def event(*args):
            if next(events) == fatal:
                if seconds:
                    os.system(f"(sleep {seconds}; kill -KILL {os.getpid()}) &")
                else:
                    os.kill(os.getpid(), signal.SIGKILL)
            return function(*args)
        return event

    def noted(run, make_step=TrainingRun.__next__):
        step = make_step(run)
        os.write(log, f"{step.number} {step.loss.hex()}\\n".encode())
        return step

    TrainingRun.__next__ = noted
    os.fsync, Path.rename = counted(os.fsync), counted(Path.rename)
    os.dup2(2, 1)
    return counted(main)(arguments)


log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for line in sys.stdin:
    fatal, seconds, *arguments = line.rstrip("\\n").split("\\t")
    if not (life := os.fork()):
        os._exit(live(int(fatal), float(seconds), arguments))
    print(os.waitstatus_to_exitcode(os.waitpid(life, 0)[1]), flush=True)
"""


def newest(out: Path) -> Checkpoint | None:
    return load_checkpoint(out / "checkpoints")


def bytes_of(checkpoint: Checkpoint | None) -> list[bytes]:
    """Weights, and all tensors of the run: optimizers and random numbers."""
    assert checkpoint
    return [(checkpoint.path / name).read_bytes() for name in ("model.safetensors", "run.safetensors")]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX's")
def test_killed_twenty_times_a_run_ends_as_if_nothing_had_come_between(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Weights, optimizers, random numbers and the loss of every step ever made, bit for bit; with dropout.

    Every second kill falls right into a save, the others anywhere. None costs more than one interval.
    """
    rng = random.Random(0)
    words = rng.choices(["the", "cat", "sat", "on", "a", "mat", "\n"], k=2000)
    (tmp_path / "my.txt").write_text(" ".join(words), encoding="utf-8")
    sizes = "--n-layers 1 --n-heads 1 --d-model 8 --context-length 8 --batch-size 2 --dropout 0.2 --preset smoke"
    whole, killed, log = tmp_path / "whole", tmp_path / "killed", tmp_path / "log"

    def losses() -> list[tuple[int, float]]:
        """Of all lives so far, those steps included that were lost."""
        lines = log.read_text().splitlines()
        return [(int(number), float.fromhex(loss)) for number, loss in map(str.split, lines)]

    lives = subprocess.Popen(
        [sys.executable, "-c", LIVES, str(log)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    with lives:

        def live(out: Path, save_every: int, fatal: int = -1, seconds: float = 0) -> int:
            command = ["train", "--corpus", tmp_path / "my.txt", "--out", out, "--steps", STEPS, *sizes.split()]
            command += ["--save-every", save_every, "--resume"]
            assert lives.stdin
            assert lives.stdout
            print(fatal, seconds, *command, sep="\t", file=lives.stdin, flush=True)
            return int(lives.stdout.readline())

        assert live(whole, STEPS) == 0
        expected = losses()
        assert [number for number, _ in expected] == [*range(1, STEPS + 1)]
        log.write_text("")
        torn = 0
        for kill in range(KILLS):
            fatal, seconds = (rng.randrange(1, 15), 0) if kill % 2 else (rng.randrange(8), rng.uniform(0, 0.03))
            moment = f"kill {kill}, {seconds} s after event {fatal}"
            assert live(killed, SAVE_EVERY, fatal, seconds) == -9, moment
            torn += any((killed / "checkpoints").glob(".unfinished-*"))
            saved = newest(killed)
            made = losses()
            assert (made[-1][0] if made else 0) - (saved.step if saved else 0) <= SAVE_EVERY, moment
            assert {*made} <= {*expected}, moment
        assert torn > 0
        assert live(killed, SAVE_EVERY) == 0
        assert {*losses()} == {*expected}
        n_steps = len(losses())
        assert live(killed, SAVE_EVERY) == 0
        assert len(losses()) == n_steps

    assert "damaged" not in capfd.readouterr().err  # no checkpoint was ever passed over
    end = newest(killed)
    assert end
    assert end.run_state["losses"] == [loss for _, loss in expected]
    assert bytes_of(end) == bytes_of(newest(whole))


# Stopped in a notebook

INTERRUPTS = 50

# With dropout: a step torn apart would leave its mark on the random numbers too.
SET_UP = """
import hashlib
import numpy as np
import torch
from course_lib.model import GPT, TransformerConfig
from course_lib.runtime import seed_everything
from course_lib.text.batches import Windows
from course_lib.training import TrainingConfig, train


def new_run():
    seed_everything(0)
    model = GPT(TransformerConfig(vocab_size=11, context_length=8, n_layers=1, n_heads=2, d_model=16, dropout=0.3))
    ids = np.random.default_rng(7).integers(11, size=500)
    return train(model, Windows(ids, batch_size=3, context_length=8, seed=5), TrainingConfig(steps=100_000))


def leaves(nested):
    return [leaf for each in nested.values() for leaf in leaves(each)] if isinstance(nested, dict) else [nested]


def fingerprint(run):
    state = leaves(run.model.state_dict()) + leaves(run.state_dict())
    data = (each.numpy().tobytes() if torch.is_tensor(each) else repr(each).encode() for each in state)
    return hashlib.sha256(b"".join(data)).hexdigest()


def torn(found):
    "Those of the steps at which an uninterrupted run looks different."
    run = new_run()
    steps = (next(run).number for _ in range(max(found)))
    return [step for step in steps if step in found and fingerprint(run) != found[step]]


run = new_run()
"""
TRAIN = "print('go')\nfor step in run:\n    pass"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    """What JupyterLab starts when a notebook is opened."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env=ENVIRONMENT | {"IPYTHONDIR": str(tmp_path)}, extra_arguments=["--log-level=ERROR"])
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_fifty_interrupts_in_a_notebook_tear_no_step(kernel: tuple[KernelManager, BlockingKernelClient]) -> None:
    """After each the next cell works, the model is in the mode that it was in, and the state is one between two steps.

    Namely, at the end, the state that a run had at that step which nobody interrupted.
    """
    manager, client = kernel

    def shown(expression: str) -> Any:
        """What a cell of its own shows."""
        reply = client.execute("", user_expressions={"shown": expression}, reply=True, timeout=120)["content"]
        assert reply["status"] == "ok", reply
        assert reply["user_expressions"]["shown"]["status"] == "ok", reply
        return ast.literal_eval(reply["user_expressions"]["shown"]["data"]["text/plain"])

    assert client.execute(SET_UP, reply=True, timeout=120)["content"]["status"] == "ok"
    rng = random.Random(0)
    found: dict[int, str] = {}
    for interrupt in range(INTERRUPTS):
        training = rng.random() < 0.5
        shown(f"run.model.train({training}).training")
        cell = client.execute(TRAIN, stop_on_error=False)  # else a cell sent too soon is never run
        while client.get_iopub_msg(timeout=60)["content"].get("text") != "go\n":
            pass
        time.sleep(rng.uniform(0, 0.03))
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=60)
        assert reply["parent_header"]["msg_id"] == cell
        assert reply["content"].get("ename") == "KeyboardInterrupt", f"interrupt {interrupt}: {reply['content']}"
        step, mode, fingerprint = shown("run.step, run.model.training, fingerprint(run)")
        assert mode == training, f"interrupt {interrupt}, at step {step}"
        found[step] = fingerprint
    assert len(found) > INTERRUPTS / 2
    assert shown(f"torn({found})") == []
