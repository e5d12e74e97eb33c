"""One run of training in many processes, its ranks: each with a part of every batch, all with the same weights.

The loop, the checkpoints and the command know only `Ranks`, which for one process alone does nothing. `Replicas` keeps
the whole model in every process and adds up the gradients; `Shards` keeps in each process only its rows of every weight
(rows of the first axis), and brings them together where they are needed. A model knows nothing of either.
"""

import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from course_lib.errors import CourseError
from course_lib.model.transformer import Block
from course_lib.runtime import device, process_group, seed_everything
from course_lib.text.batches import Batch
from course_lib.training.optim import Muon

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


class Ranks:
    """The processes of a run: here one, alone. What all of them must call, all of them must call in the same order."""

    rank = 0
    """Which of them this one is. The first, 0, speaks for all."""
    number = 1
    """How many there are."""
    shard = 0
    """Which part of every weight this rank has."""
    shards = 1
    """Into how many parts a weight is divided."""
    muon: type[Muon] = Muon
    """What trains the matrices inside the blocks."""

    def rows(self, n_rows: int) -> slice:
        """The rows of a batch that are this rank's: all ranks' rows, one after the other, are the batch.

        Raises:
            CourseError: the ranks cannot get equally many.
        """
        if n_rows % self.number:
            raise CourseError(
                f"A batch of {n_rows} rows cannot be shared out equally among {self.number} processes. "
                f"Take a batch_size that {self.number} divides, or another number of processes."
            )
        each = n_rows // self.number
        return slice(self.rank * each, (self.rank + 1) * each)

    def share(self, batch: Batch) -> Batch:
        """This rank's rows of a batch that every rank has drawn."""
        mine = self.rows(len(batch.inputs))
        documents, source = (None if part is None else part[mine] for part in (batch.documents, batch.source))
        return Batch(batch.inputs[mine], batch.targets[mine], documents, source)

    def wrap(self, model: nn.Module) -> nn.Module:
        """What to call in place of `model`, so that a backward pass leaves the mean of all ranks' gradients in it.

        All ranks begin with the weights of the first, and with random numbers of their own.
        """
        return model

    def synchronized(self, wrapped: nn.Module, now: bool) -> AbstractContextManager[object]:
        """Around a forward and backward pass: whether the ranks exchange gradients `now`, or add to them first."""
        return nullcontext()

    def gather(self, value: Any) -> list[Any]:
        """The `value`s of all ranks, in their order, on all ranks."""
        return [value]

    def total(self, value: float) -> float:
        """The sum of all ranks' `value`s, on all ranks."""
        return value

    @contextmanager
    def together(self) -> Iterator[None]:
        """Wait until all ranks have done this block; an error on one of them is an error on all.

        Raises:
            CourseError: with the message of the first rank that failed. A rank that failed itself raises its own error.
        """
        mine = None
        try:
            yield
        except Exception as error:
            mine = error
        messages = [message for message in self.gather(None if mine is None else str(mine)) if message is not None]
        if mine is not None:
            raise mine
        if messages:
            raise CourseError(messages[0])

    def own(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What of these this rank has to save, so that everything is saved once."""
        return dict(tensors) if self.rank == 0 else {}

    def part(self, n_rows: int) -> slice:
        """The rows that this rank has of a weight of `n_rows`: equally many for all but the last ones."""
        each = -(-n_rows // self.shards)
        return slice(self.shard * each, (self.shard + 1) * each)

    def place(self, rows: Tensor, like: Tensor) -> Tensor:
        """A tensor of the shape of the weight `like`, where that is, of which this rank has its `part`: `rows`."""
        return rows.to(like.device)

    def load_weights(self, model: nn.Module, state: Mapping[str, Tensor]) -> None:
        """Put the weights of which `state` holds this rank's part into `model`. Raises as `load_state_dict` does."""
        weights = model.state_dict()
        model.load_state_dict({name: self.place(rows, weights.get(name, rows)) for name, rows in state.items()})


ALONE = Ranks()


class Replicas(Ranks):
    """Ranks that each keep the whole model (distributed data parallel, DDP), in the process group of this process.

    Source: Li et al. 2020, "PyTorch Distributed: Experiences on Accelerating Data Parallel Training".
    """

    def __init__(self) -> None:
        self.rank, self.number = dist.get_rank(), dist.get_world_size()

    def wrap(self, model: nn.Module) -> nn.Module:
        wrapped = self._wrap(model)
        # Whatever is drawn from now on (dropout) must differ from rank to rank.
        if self.rank:
            seed_everything((torch.initial_seed() + self.rank) % 2**32)
        return wrapped

    def _wrap(self, model: nn.Module) -> nn.Module:
        replica = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
        replica.broadcast_buffers = False  # they are tables, which never change
        return replica

    def synchronized(self, wrapped: nn.Module, now: bool) -> AbstractContextManager[object]:
        return nullcontext() if now else wrapped.no_sync()  # type: ignore[operator]

    def gather(self, value: Any) -> list[Any]:
        values = [None] * self.number
        dist.all_gather_object(values, value)
        return values

    def total(self, value: float) -> float:
        tensor = torch.tensor(value, dtype=torch.float64)
        dist.all_reduce(tensor)
        return tensor.item()


class Shards(Replicas):
    """Ranks that each keep only their rows of every weight, gradient and optimizer memory (fully sharded, FSDP2).

    Sources: Rajbhandari et al. 2020, "ZeRO: Memory Optimizations Toward Training Trillion Parameter Models"; Zhao et
    al. 2023, "PyTorch FSDP".
    """

    def __init__(self) -> None:
        super().__init__()
        self.shard, self.shards = self.rank, self.number
        self.muon = ShardedMuon
        # On a CPU it gathers where it could exchange, and every process would say so.
        logging.getLogger("torch.distributed.tensor._collective_utils").setLevel(logging.ERROR)

    def _wrap(self, model: nn.Module) -> nn.Module:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        for weight in model.parameters():
            dist.broadcast(weight.detach(), src=0)
        # Block by block, so that no more than one of them is ever whole; what is outside them comes last.
        mesh = init_device_mesh(device().type, (self.number,))
        for part in model.modules():
            if isinstance(part, Block):
                fully_shard(part, mesh=mesh)
        fully_shard(model, mesh=mesh)
        return model

    def synchronized(self, wrapped: nn.Module, now: bool) -> AbstractContextManager[object]:
        wrapped.set_requires_gradient_sync(now)  # type: ignore[operator]
        return nullcontext()

    def own(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        from torch.distributed.tensor import DTensor

        divided = {name: tensor.to_local() for name, tensor in tensors.items() if isinstance(tensor, DTensor)}
        return super().own({name: tensor for name, tensor in tensors.items() if name not in divided}) | divided

    def place(self, rows: Tensor, like: Tensor) -> Tensor:
        return _divided_like(like, rows)


class ShardedMuon(Muon):
    """Muon for weights of which each rank has some rows: it takes a whole matrix to orthogonalise it."""

    def orthogonalized(self, matrices: Tensor) -> Tensor:
        from torch.distributed.tensor import DTensor, Shard

        assert isinstance(matrices, DTensor)
        # The ranks exchange rows of all matrices for whole matrices, some for each rank, and back. Where a weight is a
        # stack of matrices, its rows are whole matrices already.
        whole = matrices if matrices.ndim > 3 else matrices.redistribute(placements=[Shard(0)])
        mine = super().orthogonalized(whole.to_local())
        return _divided_like(whole, mine).redistribute(placements=matrices.placements)


def _divided_like(like: Tensor, rows: Tensor) -> "DTensor":
    """The tensor that is divided among the ranks as `like` is, and of which this one has `rows`."""
    from torch.distributed.tensor import DTensor

    if isinstance(rows, DTensor):  # it never went through a file
        return rows
    assert isinstance(like, DTensor)
    return DTensor.from_local(
        rows.to(like.device), like.device_mesh, like.placements, shape=like.shape, stride=like.stride()
    )


@contextmanager
def joined(shard: bool = False, timeout: float = 600.0) -> Iterator[Ranks]:
    """The processes that torchrun started together with this one, able to talk; where it started none, one alone.

    Args:
        shard: whether weights are divided among them.
        timeout: seconds after which a process that does not answer is given up.

    Raises:
        CourseError: there is nothing to divide weights among, this machine has too few GPUs, or a process was lost.
    """
    with process_group(timeout) as is_one_of_many:
        if is_one_of_many:
            ranks = Shards() if shard else Replicas()
            try:
                yield ranks
            except RuntimeError as error:
                # NCCL's errors have a class of their own; those of gloo have its name in their text.
                if not isinstance(error, dist.DistError) and "gloo" not in str(error):
                    raise
                raise CourseError(
                    f"Process {ranks.rank} has lost another one, which died or did not answer for {timeout:g} seconds. "
                    f"What was saved is intact; go on from there with --resume. The message was: {error}"
                ) from error
        elif shard:
            raise CourseError(
                "One process alone has nobody to divide the weights with. Leave --shard out, or start several: "
                "torchrun --standalone --nproc-per-node 2 -m course_lib train --shard"
            )
        else:
            yield ALONE


class Traffic(TorchDispatchMode):
    """Counts, while it is entered, the bytes that this rank sends to others, if all pass them on around a ring.

    So an all-gather of n ranks costs (n - 1)/n of the bytes of the whole, a reduce-scatter the same, and an all-reduce,
    which is both of them, twice as much. Source: Patarasuk and Yuan 2009, "Bandwidth optimal all-reduce algorithms".
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes: Counter[str] = Counter()
        """By operation: all_reduce, all_gather, reduce_scatter."""
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = operation(*args, **(kwargs or {}))
        if "c10d" in str(operation):
            squeezed = str(operation).replace("_", "")
            for name, trips in (("all_reduce", 2), ("all_gather", 1), ("reduce_scatter", 1)):
                if name.replace("_", "") in squeezed:
                    whole = max(leaf.nbytes for leaf in tree_leaves((args, result)) if isinstance(leaf, Tensor))
                    number = dist.get_world_size()
                    self.bytes[name] += trips * whole * (number - 1) // number
                    self.calls[name] += 1
        return result


def launch(program: Sequence[str], ranks: int, restarts: int = 0, **options: Any) -> subprocess.Popen[str]:
    """Start a program in several processes on this machine, as `torchrun` does. One that fails or is killed ends all.

    Args:
        program: what follows `torchrun ...`: a script or `-m` and a module, and their arguments.
        ranks: how many processes.
        restarts: how often all are started again after one has failed.
        options: for `subprocess.Popen`.
    """
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    environment = {
        # Together they use the cores that one would.
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // ranks)),
        # Without, the processes of a restart look for one another where those before them were.
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }
    return subprocess.Popen(
        [*torchrun, f"--nproc-per-node={ranks}", f"--max-restarts={restarts}", *program],
        text=True,
        env=environment | options.pop("env", os.environ),
        **options,
    )
