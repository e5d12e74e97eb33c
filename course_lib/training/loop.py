"""Training as something one can walk through: `for step in train(model, batches, config): ...`

The caller plots, samples, evaluates, saves or stops between two steps; nothing here does any of it.
"""

import copy
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

from course_lib.config import Config
from course_lib.errors import CourseError
from course_lib.evaluation import n_targets, total_nats
from course_lib.runtime import in_mode, keep_freed_memory, rng_state, set_rng_state
from course_lib.text.batches import Batch
from course_lib.training.distributed import ALONE, Ranks
from course_lib.training.optim import make_optimizers
from course_lib.training.schedules import learning_rate_factor


@dataclass(frozen=True)
class TrainingConfig(Config):
    """How a model is trained."""

    steps: int
    """Number of updates."""
    lr: float = 0.01
    """Peak learning rate of AdamW: embedding, head and gains."""
    muon_lr: float | None = 0.04
    """Peak learning rate of Muon: the matrices inside the blocks. None gives them to AdamW."""
    weight_decay: float = 0.0
    """Share of each matrix, times the learning rate, that an update takes away."""
    warmup: float = 0.0
    """Share of the steps over which the learning rate rises."""
    decay: float = 0.5
    """Share of the steps, at the end, over which the learning rate falls to 0."""
    clip: float = 1.0
    """The longest gradient that is used as it is; a longer one is shortened to this."""
    accumulate: int = 1
    """Batches whose gradients are added up for one update."""
    seed: int = 0
    """For whoever makes the weights and the batches."""

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("accumulate", 1), ("lr", 0), ("weight_decay", 0), ("clip", 0)):
            if not getattr(self, name) >= least:
                raise CourseError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if self.muon_lr is not None and not self.muon_lr >= 0:
            raise CourseError(f"muon_lr is {self.muon_lr}; it must be at least 0.")
        for name in ("warmup", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise CourseError(f"{name} is {getattr(self, name)}; it is a share of the steps, from 0 to 1.")


class BatchSource(Protocol):
    """Batches without end, in an order that can be left and taken up again."""

    def __next__(self) -> Batch: ...

    def state_dict(self) -> dict[str, Any]:
        """The place of the next batch."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from that place."""


@dataclass(frozen=True)
class Step:
    """What one update was like."""

    number: int
    """Updates made so far, this one included."""
    loss: float
    """Nats per predicted token, before the update."""
    grad_norm: float
    """Length of the gradient before it was clipped."""
    lr: float
    """Learning rate of AdamW."""
    tokens: int
    """Tokens predicted in this step."""
    seconds: float = field(compare=False)
    """How long it took."""


class NonFiniteError(CourseError):
    """A loss or gradient that is no finite number. The weights are as they were before that step."""


class TrainingRun(Iterator[Step]):
    """One run of training: `next(run)` makes one update, `for step in run` the rest of them.

    A step happens as a whole or not at all: an interrupt waits for its end, and an error leaves weights, optimizers and
    place in the data as they were. So after either, the same run can be continued or saved. Between steps the model is
    in the mode, training or evaluation, that the caller gave it.

    Of several ranks, each makes the same run: whatever they share, they share within a step.
    """

    def __init__(self, model: nn.Module, batches: BatchSource, config: TrainingConfig, ranks: Ranks = ALONE) -> None:
        keep_freed_memory()
        self.model = model
        self.batches = batches
        self.config = config
        self.ranks = ranks
        self.wrapped = ranks.wrap(model)
        self.optimizers = make_optimizers(model, config.lr, config.muon_lr, config.weight_decay, ranks.muon)
        self.step = 0
        self.tokens = 0

    def __next__(self) -> Step:
        """Make one update. Raises NonFiniteError, and StopIteration after the last of `config.steps`."""
        if self.step >= self.config.steps:
            raise StopIteration
        place = self.batches.state_dict()
        with interrupts_deferred(), in_mode(self.model, training=True):
            try:
                return self._update()
            except BaseException:
                self.batches.load_state_dict(place)
                raise

    def _update(self) -> Step:
        started = time.perf_counter()
        config = self.config
        parameters = list(self.model.parameters())
        batches = [next(self.batches) for _ in range(config.accumulate)]
        n_tokens = sum(map(n_targets, batches))

        # Every token weighs the same, in whichever of the batches, on whichever rank it is: so accumulation and ranks
        # equal one big batch.
        for parameter in parameters:
            parameter.grad = None
        loss = 0.0
        for number, batch in enumerate(batches, start=1):
            mine = self.ranks.share(batch).to(parameters[0].device)
            with self.ranks.synchronized(self.wrapped, number == len(batches)):
                share = total_nats(self.wrapped, mine) / n_tokens
                (share * self.ranks.number).backward()  # for what the ranks exchange is the mean of their gradients
            loss += share.item()
        loss = self.ranks.total(loss)
        grad_norm = nn.utils.clip_grad_norm_(parameters, config.clip).item()

        # Before the update, because one NaN in one step poisons every weight for good.
        if not (math.isfinite(loss) and math.isfinite(grad_norm)):
            raise NonFiniteError(
                f"Step {self.step + 1}: the loss is {loss} and the gradient's length {grad_norm}, so the update "
                "was not made: the weights are those of the step before. Try a lower learning rate or a longer warm-up."
            )

        factor = learning_rate_factor(self.step, config.steps, config.warmup, config.decay)
        for optimizer in self.optimizers:
            optimizer.step(factor)
        self.step += 1
        self.tokens += n_tokens
        return Step(self.step, loss, grad_norm, factor * config.lr, n_tokens, time.perf_counter() - started)

    def state_dict(self) -> dict[str, Any]:
        """All that a run needs besides the model's weights to go on as if never stopped: a copy, not a view.

        Nested dictionaries of tensors, numbers and strings: optimizers, steps and tokens so far, the place of the next
        untrained batch, and every random number generator of every rank.
        """
        state = {
            "step": self.step,
            "tokens": self.tokens,
            "optimizers": {name: memory for name, memory in self._memories() if memory},
            "batches": self.batches.state_dict(),
            "rng": {str(rank): state for rank, state in enumerate(self.ranks.gather(rng_state()))},
        }
        return copy.deepcopy(state)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned, on however many ranks; the weights are loaded separately."""
        state = copy.deepcopy(state)
        self.step = state["step"]
        self.tokens = state["tokens"]
        weights = dict(self.model.named_parameters())
        for name, memory in self._memories():
            memory.clear()
            for key, value in state["optimizers"].get(name, {}).items():
                memory[key] = self.ranks.place(value, weights[name]) if isinstance(value, Tensor) else value
        self.batches.load_state_dict(state["batches"])
        if (rng := state["rng"].get(str(self.ranks.rank))) is not None:  # a rank that is new keeps its own
            set_rng_state(rng)

    def _memories(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the optimizers remember of each weight, by the weight's name."""
        names = {weight: name for name, weight in self.model.named_parameters()}
        for optimizer in self.optimizers:
            for weight, memory in optimizer.state.items():
                yield names[weight], memory


def train(model: nn.Module, batches: BatchSource, config: TrainingConfig, ranks: Ranks = ALONE) -> TrainingRun:
    """Begin to train `model`, on the device where it is.

    Args:
        model: maps `(inputs, documents)` of a batch to logits, or `(inputs, source)` where it has a source.
        batches: where the text comes from; the same on all ranks.
        config: how.
        ranks: the processes among which every batch is shared out, each of which calls this.

    Returns:
        The run, of which nothing has happened yet: iterate over it.
    """
    return TrainingRun(model, batches, config, ranks)


@contextmanager
def interrupts_deferred() -> Iterator[list[bool]]:
    """Let an interrupt (ctrl-C, the notebook's stop button) wait until the block is done, and then happen.

    Only the main thread is ever interrupted, so in any other there is nothing to do.

    Yields:
        A list with an entry for each interrupt that is waiting.
    """
    interrupts: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    before = signal.signal(signal.SIGINT, lambda *_: interrupts.append(True))
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        signal.raise_signal(signal.SIGINT)
