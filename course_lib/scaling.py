"""Scaling laws: what loss to expect of a model of so many parameters that is trained on so many tokens.

The law is that of Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models" (Chinchilla), equation 2.

Shapes: S fits made side by side, R runs.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from itertools import product
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib.errors import CourseError
from course_lib.presets import Preset
from course_lib.training import TrainingConfig

# From this residual on, a run counts by its distance and no longer by the square of it: about what two seeds differ by.
# (The paper has 0.001, less than the noise of any run: its fits are in effect those of the least sum of distances.)
DELTA = 0.01

TABLE = files("course_lib").joinpath("data", "scaling_runs.csv")


@dataclass(frozen=True)
class Point:
    """What a law is fitted to: a run's size and its outcome."""

    parameters: int
    """Trained numbers of the model, N."""
    tokens: int
    """Tokens that it was trained on, D; those read twice count twice."""
    loss: float
    """Nats per predicted token of held-out text, at the end of the run."""


@dataclass(frozen=True)
class Run(Point):
    """A run on the toy world as the table has it: its outcome, and what one needs to repeat it."""

    flops: int
    """Of the whole training: of the forward passes (see `costs`), and twice as many of the backward passes."""
    embedding_parameters: int
    """Those of `parameters` that embedding and head have, one row for each word of the vocabulary."""
    fact_loss: float
    """Nats for each of the five facts in the portraits: job, home, year of birth, food and pet of all sixty people."""
    facts_right: float
    """Share of these facts that the model held for the most probable word, all words before them given."""
    portraits_right: float
    """Share of the portraits in which it held all five."""
    d_model: int
    n_heads: int
    steps: int
    lr: float
    muon_lr: float
    seed: int
    held_out: bool
    """Whether it is kept from fits, to see how well they predict."""

    @property
    def preset(self) -> Preset:
        """The sizes and the training of this run, in the form in which the course's other runs have them."""
        return preset(self.d_model, self.n_heads, self.steps, self.lr, self.muon_lr, self.seed)


def preset(d_model: int, n_heads: int, steps: int, lr: float, muon_lr: float, seed: int) -> Preset:
    """What all runs of the table have in common: one layer, batches of 8 × 128 tokens, a warm-up and a cool-down."""
    training = TrainingConfig(steps=steps, lr=lr, muon_lr=muon_lr, warmup=0.05, decay=0.5, seed=seed)
    return Preset(n_layers=1, n_heads=n_heads, d_model=d_model, context_length=128, batch_size=8, training=training)


def load_runs() -> list[Run]:
    """The runs that `make scaling` made, as they come with the course."""
    read: dict[Any, Any] = {int: int, float: float, bool: "True".__eq__}
    columns = {column.name: read[column.type] for column in fields(Run)}
    with TABLE.open(encoding="utf-8") as file:
        return [Run(**{name: columns[name](value) for name, value in row.items()}) for row in csv.DictReader(file)]


@dataclass(frozen=True)
class Law:
    """Loss = E + A / N^alpha + B / D^beta, of N parameters and D tokens."""

    E: float
    """What no model and no amount of text takes away, in nats per token."""
    A: float
    alpha: float
    """How fast a larger model pays: what it misses shrinks by a factor of 2^alpha when N doubles."""
    B: float
    beta: float
    """The same for more text."""

    def loss(self, parameters: Any, tokens: Any) -> Any:
        """Nats per token to expect; numbers or arrays."""
        return self.E + self.A * parameters**-self.alpha + self.B * tokens**-self.beta


class Optimum(NamedTuple):
    """How to spend a budget best."""

    parameters: float
    tokens: float
    loss: float
    """Nats per token that the law expects then."""


def optimum(law: Law, flops: float) -> Optimum:
    """The model size and the amount of text with the lowest loss among all that cost 6 N D = `flops`.

    There, one per cent more parameters gain as much as one per cent more tokens: alpha A / N^alpha = beta B / D^beta.

    Source: Hoffmann et al. 2022, equation 4.
    """
    product_of_both = flops / 6
    ratio = law.alpha * law.A / (law.beta * law.B)
    parameters = (ratio * product_of_both**law.beta) ** (1 / (law.alpha + law.beta))
    tokens = product_of_both / parameters
    return Optimum(parameters, tokens, law.loss(parameters, tokens))


def fit(runs: Sequence[Point]) -> Law:
    """The law that comes closest to the runs: the least sum of Huber losses of log predicted - log measured loss.

    Source: Hoffmann et al. 2022, approach 3.

    Raises:
        CourseError: too few runs, or too few sizes among them, to tell five numbers.
    """
    return _laws(*_logarithms(runs), torch.ones(1, len(runs), dtype=torch.float64))[0]


def bootstrap(runs: Sequence[Point], n_fits: int = 400, seed: int = 0) -> list[Law]:
    """The laws of `n_fits` sets as large as `runs`, each drawn from it with replacement: how far off a law may be.

    The middle 95 % of anything that is computed from these laws is its 95 % interval. It tells what the choice of runs
    does to the law, and nothing of a law that has the wrong form.

    Source: Efron 1979, "Bootstrap Methods: Another Look at the Jackknife".

    Raises:
        CourseError: as for `fit`.
    """
    logarithms = _logarithms(runs)
    drawn = torch.randint(len(runs), (n_fits, len(runs)), generator=torch.Generator().manual_seed(seed))
    weights = torch.zeros(n_fits, len(runs), dtype=torch.float64)
    weights.scatter_add_(1, drawn, torch.ones(drawn.shape, dtype=weights.dtype))
    return _laws(*logarithms, weights)


def _logarithms(runs: Sequence[Point]) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"], Float[Tensor, " R"]]:
    """Of parameters, tokens and losses. Raises CourseError where they cannot tell a law."""
    rows = [(run.parameters, run.tokens, run.loss) for run in runs]
    for what, found in (("parameters", {row[0] for row in rows}), ("tokens", {row[1] for row in rows})):
        if len(found) < 3:
            raise CourseError(
                f"The {len(rows)} runs have {len(found)} different numbers of {what}. A power law above a floor needs "
                "at least 3 to be told from others. Add runs of other sizes."
            )
    values = torch.tensor(rows, dtype=torch.float64)
    if not bool((values > 0).all()):
        raise CourseError("A run has parameters, tokens or a loss that is not above 0. Leave it out, or measure again.")
    n, d, loss = values.log().unbind(1)
    return n, d, loss


def _laws(
    n: Float[Tensor, " R"], d: Float[Tensor, " R"], loss: Float[Tensor, " R"], weights: Float[Tensor, "S R"]
) -> list[Law]:
    """For each row of weights the best of several descents.

    Each begins with other exponents, and with a third of the middle loss in each term: a term that is almost 0 has
    almost no slope, and would stay there.
    """
    third = loss.median() - math.log(3)
    tries = []
    for alpha, beta in product((0.4, 1.2), repeat=2):
        start = torch.tensor([third, third + alpha * n.median(), third + beta * d.median(), alpha, beta], dtype=n.dtype)
        tries.append(_descend(start.repeat(len(weights), 1), n, d, loss, weights))
    misfits = torch.stack([_misfit(each, n, d, loss, weights) for each in tries])
    best = torch.stack(tries)[misfits.argmin(0), torch.arange(len(weights))]
    rows = torch.cat([best[:, :3].exp(), best[:, 3:]], dim=1).tolist()
    return [Law(E, A, alpha, B, beta) for E, A, B, alpha, beta in rows]


def _predict(
    solutions: Float[Tensor, "S 5"], n: Float[Tensor, " R"], d: Float[Tensor, " R"]
) -> tuple[Float[Tensor, "S R"], Float[Tensor, "S R 5"]]:
    """The logarithm of the law's loss, and its derivatives; a solution holds log E, log A, log B, alpha and beta."""
    e, a, b, alpha, beta = solutions.T[:, :, None]
    terms = torch.stack([e.expand(-1, len(n)), a - alpha * n, b - beta * d], dim=-1)
    share_e, share_a, share_b = terms.softmax(-1).unbind(-1)
    slopes = torch.stack([share_e, share_a, share_b, -n * share_a, -d * share_b], dim=-1)
    return terms.logsumexp(-1), slopes


def _misfit(
    solutions: Float[Tensor, "S 5"],
    n: Float[Tensor, " R"],
    d: Float[Tensor, " R"],
    loss: Float[Tensor, " R"],
    weights: Float[Tensor, "S R"],
) -> Float[Tensor, " S"]:
    """What each fit makes as small as it can."""
    predicted, _ = _predict(solutions, n, d)
    return (
        weights * torch.nn.functional.huber_loss(predicted, loss.expand_as(predicted), reduction="none", delta=DELTA)
    ).sum(1)


def _descend(
    solutions: Float[Tensor, "S 5"],
    n: Float[Tensor, " R"],
    d: Float[Tensor, " R"],
    loss: Float[Tensor, " R"],
    weights: Float[Tensor, "S R"],
    n_steps: int = 60,
) -> Float[Tensor, "S 5"]:
    """All fits side by side, by the steps of Levenberg and Marquardt: careful where they fail, bold where they succeed.

    The Huber loss is a sum of squares in which a run counts the less the further off it is.
    """
    misfit = _misfit(solutions, n, d, loss, weights)
    damping = torch.full_like(misfit, 1e-2)
    for _ in range(n_steps):
        predicted, slopes = _predict(solutions, n, d)
        residual = loss - predicted
        weighted = slopes * (weights * (DELTA / residual.abs()).clamp(max=1))[:, :, None]
        curvature = weighted.mT @ slopes
        careful = damping[:, None] * curvature.diagonal(dim1=1, dim2=2) + 1e-12
        steps = torch.linalg.solve(curvature + torch.diag_embed(careful), (weighted.mT @ residual[:, :, None])[:, :, 0])
        moved = solutions + steps
        # Size does no harm, so no exponent is below 0; with one above 10, A or B would soon be too large for a float.
        moved[:, 3:].clamp_(0, 10)
        new = _misfit(moved, n, d, loss, weights)
        better = new < misfit
        solutions = torch.where(better[:, None], moved, solutions)
        misfit = torch.where(better, new, misfit)
        damping = torch.where(better, damping / 4, damping * 4).clamp(1e-9, 1e9)
    return solutions
