"""What tests/test_distributed.py starts in several processes: distributed_worker.py LAW FOLDER. A broken law raises."""

import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.evaluation import total_nats
from course_lib.model import GPT, TransformerConfig
from course_lib.runtime import seed_everything
from course_lib.text.batches import IGNORE, Batch, Windows
from course_lib.training import (
    ALONE,
    NonFiniteError,
    Ranks,
    TrainingConfig,
    TrainingRun,
    joined,
    load_checkpoint,
    loop,
    save_checkpoint,
    train,
)
from course_lib.training.distributed import Replicas, Shards, Traffic

V, T, ROWS = 13, 8, 6


class Uneven(Windows):
    """Rows that are the longer to predict, the further back in the batch they stand: so are the ranks' shares."""

    def _batch(self, rng: np.random.Generator) -> Batch:
        batch = super()._batch(rng)
        is_ignored = torch.arange(T) > torch.arange(1, self.batch_size + 1)[:, None]
        return Batch(batch.inputs, batch.targets.masked_fill(is_ignored, IGNORE))


def new_run(ranks: Ranks = ALONE, dropout: float = 0.0, seed: int = 0, **settings: Any) -> TrainingRun:
    seed_everything(seed)
    sizes = {"context_length": T, "n_layers": 1, "n_heads": 2, "d_model": 16}  # 13 and 16 rows: not for 3 ranks alike
    model = GPT(TransformerConfig(vocab_size=V, dropout=dropout, bias=True, **sizes))
    config = TrainingConfig(**{"steps": 40, "lr": 0.02, "muon_lr": 0.02, "weight_decay": 0.1, **settings})
    ids = np.random.default_rng(7).integers(V, size=500)
    return train(model, Uneven(ids, ROWS, T, seed=5), config, ranks)


def whole(run: TrainingRun) -> dict[str, Tensor]:
    """A copy of all weights, whole, as any rank sees them."""
    return {
        name: (weight.full_tensor() if hasattr(weight, "full_tensor") else weight).detach().clone()
        for name, weight in run.model.named_parameters()
    }


def save(run: TrainingRun, folder: Path, ranks: Ranks) -> Path:
    return save_checkpoint(
        *(folder,),
        step=run.step,
        model_state=run.model.state_dict(),
        run_state={"training": run.state_dict()},
        metadata={},
        ranks=ranks,
    )


def resumed(folder: Path, ranks: Ranks, **settings: Any) -> TrainingRun:
    """Another run, with other weights, that goes on from what is saved."""
    checkpoint = load_checkpoint(folder, {}, ranks)
    assert checkpoint is not None
    run = new_run(ranks, seed=99, **settings)
    ranks.load_weights(run.model, checkpoint.model_state)
    run.load_state_dict(checkpoint.run_state["training"])
    return run


def assert_near(found: float, expected: float, what: str) -> None:
    assert abs(found / expected - 1) <= 1e-5, f"{what}: {found}, but alone {expected}"


def check_equality_with_one_process(all_ranks: list[Ranks]) -> None:
    """40 steps at the same global batch: the losses and the gradients of one process alone."""
    for muon_lr, accumulate in ((None, 2), (0.02, 1)):
        settings = {"muon_lr": muon_lr, "accumulate": accumulate}
        alone = list(new_run(**settings))
        for ranks in all_ranks:
            for step, expected in zip(new_run(ranks, **settings), alone, strict=True):
                what = f"{type(ranks).__name__}, {settings}, step {step.number}"
                assert step.tokens == expected.tokens, what
                assert_near(step.loss, expected.loss, what)
                assert abs(step.grad_norm / expected.grad_norm - 1) < 1e-4, what


def check_traffic(all_ranks: list[Ranks]) -> None:
    """Gradients are exchanged once a step, however many batches are accumulated; in bytes as computed beforehand."""
    for ranks in all_ranks:
        of_one = (ranks.number - 1) / ranks.number
        for accumulate in (1, 3):
            run = new_run(ranks, accumulate=accumulate, muon_lr=None)
            next(run)  # afterwards, DDP's buckets are as they stay
            n_bytes = {name: 4 * weight.numel() for name, weight in whole(run).items()}
            padded = sum(
                4 * -(-len(weight) // ranks.number) * ranks.number * weight[0].numel() for weight in whole(run).values()
            )
            assert padded > sum(n_bytes.values())
            with Traffic() as traffic:
                next(run)
            reduced, gathered = traffic.bytes["reduce_scatter"], traffic.bytes["all_gather"]
            if ranks.shards == 1:
                loss = 2 * of_one * 8
                assert traffic.bytes == {"all_reduce": 2 * of_one * sum(n_bytes.values()) + loss}, traffic.bytes
            else:
                assert reduced == of_one * padded, (reduced, of_one * padded)
                # Blocks are gathered for the forward and for the backward pass, what is outside only once.
                outside = sum(
                    4 * -(-len(weight) // ranks.number) * ranks.number * weight[0].numel()
                    for name, weight in whole(run).items()
                    if "blocks" not in name
                )
                assert gathered == accumulate * of_one * (2 * padded - outside), (gathered, padded, outside)


def check_random_streams(all_ranks: list[Ranks]) -> None:
    """All begin with the first rank's weights, but drop out differently; and where each stream stands is saved."""
    for ranks in all_ranks:
        begin = whole(new_run(ranks, seed=ranks.rank))
        assert all(torch.equal(begin[name], weight) for name, weight in whole(new_run(seed=0)).items())
        run = new_run(ranks, dropout=0.3)
        next(run)
        drawn = ranks.gather(torch.rand(()).item())
        assert len(set(drawn)) == ranks.number
        saved = run.state_dict()["rng"]
        drawn = ranks.gather(torch.rand(()).item())
        assert list(saved) == [str(rank) for rank in range(ranks.number)]
        run.load_state_dict(run.state_dict() | {"rng": saved})
        assert ranks.gather(torch.rand(()).item()) == drawn


def fail_on_rank_1(ranks: Ranks) -> None:
    if ranks.rank == 1:
        raise CourseError("the disk of rank 1 is full")


def check_that_ranks_fail_together(all_ranks: list[Ranks]) -> None:
    for ranks in all_ranks:
        with pytest.raises(CourseError, match="the disk of rank 1 is full"), ranks.together():
            fail_on_rank_1(ranks)
        assert ranks.total(float(ranks.rank)) == sum(range(ranks.number))

        run = new_run(ranks)
        next(run)
        before = whole(run)
        with pytest.MonkeyPatch.context() as patch:
            if ranks.rank == 1:  # one rank alone sees what is no number
                patch.setattr(loop, "total_nats", lambda *args: total_nats(*args) * float("nan"))
            with pytest.raises(NonFiniteError):
                next(run)
        assert all(torch.equal(weight, before[name]) for name, weight in whole(run).items())


def save_all(folder: Path, all_ranks: list[Ranks]) -> None:
    """A sharded and a usual checkpoint, and how both runs went on."""
    for ranks in all_ranks:
        name = type(ranks).__name__
        run = new_run(ranks, steps=20)
        for _ in range(10):
            next(run)
        save(run, folder / name, ranks)
        weights, rest = whole(run), [step.loss for step in run]
        if ranks.rank == 0:
            save_file(weights, folder / f"{name}.weights")
            (folder / f"{name}.json").write_text(json.dumps(rest))


def check_loading(folder: Path, all_ranks: list[Ranks]) -> None:
    """What some ranks saved, these load: the same weights, and the same losses from there."""
    for saver, ranks in itertools.product(("Replicas", "Shards"), all_ranks):
        run = resumed(folder / saver, ranks, steps=20)
        found, expected = whole(run), load_file(folder / f"{saver}.weights")
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], weight) for name, weight in expected.items())
        memory = run.state_dict()["optimizers"]
        assert memory.keys() == found.keys()
        if ranks.shards > 1:
            assert all(of["mean"].shape == found[name].shape for name, of in memory.items())
            assert all(
                len(of["mean"].to_local()) <= -(-len(found[name]) // ranks.number) for name, of in memory.items()
            )
        for loss, before in zip(
            [step.loss for step in run], json.loads((folder / f"{saver}.json").read_text()), strict=True
        ):
            assert_near(loss, before, f"{type(ranks).__name__} after {saver}")
        again = folder / f"{saver}-{type(ranks).__name__}-{ranks.number}"
        save(run, again, ranks)
        if ranks.rank == 0:
            checkpoint = load_checkpoint(again, {})
            assert checkpoint is not None
            save_file(checkpoint.model_state, again.with_suffix(".alone"))
        expected = whole(run)
        with ranks.together():
            pass
        found = load_file(again.with_suffix(".alone"))
        assert all(torch.equal(found[name], weight) for name, weight in expected.items())


def main(law: str, folder: Path) -> None:
    with joined(timeout=12 if law == "hang" else 120) as ranks:
        all_ranks = [ranks, Shards()]
        if law == "hang":
            if ranks.rank == 1:
                time.sleep(600)
            list(new_run(ranks))
        elif law == "load":
            check_loading(folder, all_ranks)
        else:
            assert isinstance(ranks, Replicas)
            check_equality_with_one_process(all_ranks)
            check_traffic(all_ranks)
            check_random_streams(all_ranks)
            check_that_ranks_fail_together(all_ranks)
            save_all(folder, all_ranks)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
