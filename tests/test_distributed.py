"""Many processes make the run that one would make: what they compute, exchange, save and survive."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import safetensors.torch
import torch

from course_lib.__main__ import main
from course_lib.commands.run_folder import Run
from course_lib.errors import CourseError
from course_lib.text.batches import Batch
from course_lib.training import ALONE, Ranks, joined, launch, load_checkpoint
from course_lib.training.distributed import Replicas

LIMIT = 180  # seconds
WORKER = str(Path(__file__).with_name("distributed_worker.py"))
SMALL = ["--n-layers", "1", "--n-heads", "1", "--d-model", "8", "--context-length", "8", "--batch-size", "2"]
SMALL += ["--dropout", "0.2", "--preset", "smoke"]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="torchrun and its signals are tested on POSIX")


class OneOf(Ranks):
    """A rank as it would be, without the others."""

    def __init__(self, rank: int, number: int) -> None:
        self.rank = self.shard = rank
        self.number = self.shards = number


@contextmanager
def started(*program: str | Path, ranks: int, restarts: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A launch, which after three minutes, or with the block, comes to its end."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # as bit-equality needs equal threads
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = launch([*map(str, program)], ranks, restarts, env=environment, **streams)
    deadline = threading.Timer(LIMIT, end, [process])
    deadline.start()
    try:
        yield process
    finally:
        deadline.cancel()
        end(process)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            each.kill()


def said_by(*program: str | Path, ranks: int) -> tuple[int, str]:
    """How a launch ended, and what it said."""
    with started(*program, ranks=ranks) as process:
        said, _ = process.communicate()
        return process.returncode, said


def test_two_ranks_are_one_process_and_three_load_what_they_saved(tmp_path: Path) -> None:
    """The laws are in the worker: equal losses, bytes as predicted, own random numbers, shared errors, checkpoints."""
    for law, ranks in (("laws", 2), ("load", 3)):
        status, said = said_by(WORKER, law, tmp_path, ranks=ranks)
        assert status == 0, said
    for saver in ("Replicas", "Shards"):
        alone = load_checkpoint(tmp_path / saver, {})
        assert alone is not None
        expected = safetensors.torch.load_file(tmp_path / f"{saver}.weights")
        assert alone.model_state.keys() == expected.keys()
        assert all(torch.equal(alone.model_state[name], weight) for name, weight in expected.items())


def test_a_rank_that_hangs_is_given_up(tmp_path: Path) -> None:
    status, said = said_by(WORKER, "hang", tmp_path, ranks=2)
    assert status != 0
    assert "Process 0 has lost another one, which died or did not answer for 12 seconds" in said


def read_until(words: str, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    read = ""
    while words not in read:
        character = process.stdout.read(1)
        assert character, read
        read += character


def test_an_interrupted_and_a_killed_rank_cost_nothing(tmp_path: Path) -> None:
    """SIGINT for one rank saves on all of them; after SIGKILL for the other, they go on from there to the same bits."""
    text = tmp_path / "text.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\n" * 60)
    arguments = ["-m", "course_lib", "train", "--corpus", text, "--steps", 120, "--save-every", 10_000, "--resume"]
    whole, out = tmp_path / "whole", tmp_path / "struck"
    status, said = said_by(*arguments, *SMALL, "--shard", "--out", whole, ranks=2)
    assert status == 0, said

    with started(*arguments, *SMALL, "--shard", "--out", out, ranks=2, restarts=2) as process:
        for rank, strike in ((0, signal.SIGINT), (1, signal.SIGKILL)):
            read_until(", loss ", process)  # the progress bar
            workers = {int(each.environ()["RANK"]): each for each in psutil.Process(process.pid).children()}
            workers[rank].send_signal(strike)
            read_until("Go on with" if strike == signal.SIGINT else "has lost another one", process)
        said, _ = process.communicate()
        assert process.returncode == 0, said
    assert 0 < json.loads((out / "result.json").read_text())["resumed_from"] < 120
    found, expected = (Run.open(folder).trained_model().state_dict() for folder in (out, whole))
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())

    file = tmp_path / "model.safetensors"
    assert main(["export", "--model", str(out), "--out", str(file)]) == 0
    exported = safetensors.torch.load_file(file)
    assert exported.keys() == expected.keys()
    assert all(torch.equal(exported[name], weight) for name, weight in expected.items())
    assert main(["export", "--model", str(out), "--out", str(tmp_path / "nowhere" / "model.safetensors")]) == 2


def test_without_patience_there_is_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--corpus", "world", "--out", str(tmp_path / "run"), "--timeout", "0"]) == 2
    assert "timeout is 0" in capsys.readouterr().err


def test_the_ranks_rows_one_after_the_other_are_the_batch() -> None:
    documents, source = torch.arange(24).reshape(12, 2), torch.arange(36).reshape(12, 3)
    batch = Batch(documents + 1, documents + 2, documents, source)
    for number in (1, 2, 3, 4, 6, 12):
        shares = [OneOf(rank, number).share(batch) for rank in range(number)]
        assert {len(share.inputs) for share in shares} == {12 // number}
        for name in ("inputs", "targets", "documents", "source"):
            assert torch.equal(torch.cat([getattr(share, name) for share in shares]), getattr(batch, name))
    assert ALONE.share(Batch(documents, documents)).documents is None


def test_a_batch_that_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(CourseError, match="6 rows cannot be shared out equally among 4 processes"):
        OneOf(0, 4).rows(6)


def test_the_parts_of_a_weight_are_torchs_chunks() -> None:
    for n_rows in range(1, 14):
        for number in range(1, 6):
            parts = [torch.arange(n_rows)[OneOf(rank, number).part(n_rows)] for rank in range(number)]
            chunks = torch.arange(n_rows).chunk(number)
            assert [part.tolist() for part in parts if len(part)] == [chunk.tolist() for chunk in chunks]


def test_alone_there_is_nothing_to_divide() -> None:
    with pytest.raises(CourseError, match="One process alone"), joined(shard=True):
        pass
    with joined() as ranks:
        assert ranks is ALONE


@pytest.fixture
def one_of_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ranks]:
    """A process group of this process alone, as `torchrun --nproc-per-node 1` makes it."""
    for name, value in {
        "RANK": 0,
        "LOCAL_RANK": 0,
        "WORLD_SIZE": 1,
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": 0,
    }.items():
        monkeypatch.setenv(name, str(value))
    with joined(timeout=60) as ranks:
        yield ranks


def test_a_group_of_one_is_a_group(one_of_one: Ranks) -> None:
    assert isinstance(one_of_one, Replicas)
    assert (one_of_one.gather("x"), one_of_one.total(0.5)) == (["x"], 0.5)


def test_without_a_gpu_for_each_process_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(CourseError, match=r"no GPU of its own: there are 2"), joined():
        pass
