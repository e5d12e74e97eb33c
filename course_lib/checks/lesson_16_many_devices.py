"""What right answers of lesson 16 obey, and what wrong ones look like.

Letters: n ranks, r one of them, B rows of a batch, L numbers of a vector, N parameters, D numbers of a row.
"""

import copy
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.checks.deadline import OutOfTime
from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import BrokenLaw, Mistake, Returned, Trial

# ── Several ranks in one process ──


class _Waits(OutOfTime):
    """Ends a rank's function where it waits for the others. A trial lets it pass, and so does `except Exception`."""

    def __init__(self, operation: str, value: Any) -> None:
        super().__init__(operation)
        self.operation = operation
        self.value = value


def _total(values: list[Any]) -> list[float]:
    numbers = [float(value.detach() if isinstance(value, Tensor) else value) for value in values]
    return [sum(numbers)] * len(values)


def _gather(values: list[Any]) -> list[list[Any]]:
    return [copy.deepcopy([_detached(value) for value in values]) for _ in values]


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


_OPERATIONS: dict[str, Callable[[list[Any]], list[Any]]] = {"total": _total, "gather": _gather}
"""What comes of a meeting: from the values of all ranks, what each of them gets."""


def _together(trial: Trial, ranks: list[dict[str, Any]], *operations: str) -> list[Returned]:
    """Call the learner's function once for each rank, with functions by which the ranks meet.

    There is no other process. A rank that calls such a function is ended there; when all wait, what they meet for is
    computed, and all begin anew and are handed it when they come to that call.
    """
    met: list[list[Any]] = []
    while True:
        outcomes: list[Returned | _Waits] = []
        for rank, given in enumerate(ranks):
            functions = _meeting_points(operations, [results[rank] for results in met])
            try:
                outcomes.append(trial(**given, **functions))
            except _Waits as waits:
                outcomes.append(waits)
        waiting = {rank: each for rank, each in enumerate(outcomes) if isinstance(each, _Waits)}
        if not waiting:
            return [each for each in outcomes if isinstance(each, Returned)]
        law = "all ranks call the same collective operations, in the same order"
        first = next(iter(waiting))
        absent = [rank for rank in range(len(ranks)) if rank not in waiting]
        trial.requires(
            not absent,
            law,
            "a_rank_never_comes",
            f"Rank {first} calls `{waiting[first].operation}` and waits there for rank {(absent or [0])[0]}, which has "
            "returned without that call. Even a rank that has nothing to add has to take part.",
        )
        called = {each.operation for each in waiting.values()}
        trial.requires(
            len(called) == 1,
            law,
            "different_calls",
            f"Some ranks call `{'` and others `'.join(sorted(called))}`, and they wait for one another for ever.",
        )
        trial.requires(
            len(met) < 12, law, "endless_calls", "The ranks met a dozen times and were still not done. Once is enough."
        )
        met.append(_OPERATIONS[called.pop()]([each.value for each in waiting.values()]))


def _meeting_points(operations: tuple[str, ...], known: list[Any]) -> dict[str, Callable[[Any], Any]]:
    """Functions that give back what is known, one result a call, and then wait."""
    remaining = iter(known)

    def named(operation: str) -> Callable[[Any], Any]:
        def meet(value: Any) -> Any:
            for result in remaining:
                return copy.deepcopy(result)
            if operation == "total":
                _total([value])  # what is no number shows here, in the learner's own line
            raise _Waits(operation, copy.deepcopy(_detached(value)))

        meet.__name__ = operation
        return meet

    return {operation: named(operation) for operation in operations}


def _near(got: Any, wanted: float, tolerance: float = 1e-4) -> bool:
    number = as_numbers(got)
    return number is not None and number.ndim == 0 and math.isclose(number.item(), wanted, rel_tol=tolerance)


# ── 16.1 ──


class _Request(NamedTuple):
    """Whose rows of which batch."""

    order: list[int]
    batch_size: int
    step: int
    rank: int
    n_ranks: int

    @property
    def each(self) -> int:
        return self.batch_size // self.n_ranks

    def rows(self, start: int, number: int | None = None) -> list[int]:
        """So many rows from a place of the endless sequence on."""
        number = self.each if number is None else number
        return [self.order[(start + i) % len(self.order)] for i in range(number)]

    @property
    def batch(self) -> list[int]:
        return self.rows(self.step * self.batch_size, self.batch_size)

    def own_part(self, part: list[int]) -> list[int]:
        """The rows of this step, if a rank had a part of the order to itself."""
        return [part[(self.step * self.each + i) % len(part)] for i in range(self.each)]


_WRONG_ROWS: list[tuple[str, str, Callable[[_Request], list[int]]]] = [
    (
        "strided",
        "Each row comes once, but rank 0 has every n-th row. The rule wants blocks: all ranks' rows, one rank after "
        "the other, are the batch in its order.",
        lambda q: q.batch[q.rank :: q.n_ranks],
    ),
    (
        "batch_for_each_rank",
        "Each rank takes a whole batch of its own, so n ranks together take n batches. Then a step would be another "
        "step with every number of ranks.",
        lambda q: q.rows((q.step * q.n_ranks + q.rank) * q.batch_size, q.batch_size),
    ),
    (
        "whole_batch",
        "Every rank gets the whole batch, and all compute the same. They should share it.",
        lambda q: q.batch,
    ),
    (
        "same_rows_for_all",
        "Every rank gets the rows of rank 0.",
        lambda q: q.rows(q.step * q.batch_size),
    ),
    (
        "data_divided_first",
        "You gave each rank a part of the *data*, and it reads only there. Then what is in a batch depends on the "
        "number of ranks. Divide each batch.",
        lambda q: q.own_part(q.order[q.rank * (len(q.order) // q.n_ranks) :][: max(1, len(q.order) // q.n_ranks)]),
    ),
    (
        "data_divided_unevenly",
        "You gave each rank a part of the *data*, some one row longer than others, and it reads only there. Then what "
        "is in a batch depends on the number of ranks. Divide each batch.",
        lambda q: q.own_part(
            q.order[q.rank * len(q.order) // q.n_ranks : (q.rank + 1) * len(q.order) // q.n_ranks] or q.order
        ),
    ),
    (
        "every_nth_of_the_data",
        "You gave each rank every n-th row of the *data*. Then the rows of a rank are not a block of the batch. Take "
        "the batch first, then its part.",
        lambda q: q.own_part(q.order[q.rank :: q.n_ranks]),
    ),
    (
        "step_ignored",
        "These are rows of the first batch, whichever step it is.",
        lambda q: q.rows(q.rank * q.each),
    ),
    (
        "step_from_one",
        "These are the rows one batch earlier. Steps are counted from 0.",
        lambda q: q.rows((q.step - 1) * q.batch_size + q.rank * q.each),
    ),
    (
        "rank_from_one",
        "These are the rows of the rank before. Ranks are counted from 0.",
        lambda q: q.rows(q.step * q.batch_size + (q.rank - 1) * q.each),
    ),
    (
        "ranks_reversed",
        "The last rank has the first rows. The first rank should.",
        lambda q: q.rows(q.step * q.batch_size + (q.n_ranks - 1 - q.rank) * q.each),
    ),
    (
        "steps_overlap",
        "One step moves on by a rank's share only, so the next batch reads rows of this one again. A step moves on by "
        "the whole batch.",
        lambda q: q.rows((q.step + q.rank) * q.each),
    ),
    (
        "step_counted_in_rows",
        "One step moves on by a single row. It should move on by the whole batch.",
        lambda q: q.rows(q.step + q.rank * q.each),
    ),
    (
        "cut_at_the_end",
        "Where a batch reaches the end of the order, rows are missing. It goes on at the beginning.",
        lambda q: q.order[(start := (q.step * q.batch_size + q.rank * q.each) % len(q.order)) : start + q.each],
    ),
    (
        "cut_at_the_end",
        "Where a batch reaches the end of the order, rows are missing. It goes on at the beginning.",
        lambda q: q.order[(start := q.step * q.batch_size + q.rank * q.each) : start + q.each],
    ),
    (
        "cut_at_the_end",
        "Where a batch reaches the end of the order, it is cut off there. It goes on at the beginning.",
        lambda q: q.order[(start := q.step * q.batch_size) : start + q.batch_size][q.rank * q.each :][: q.each],
    ),
    (
        "cut_at_the_end",
        "Where a batch reaches the end of the order, it is cut off there. It goes on at the beginning.",
        lambda q: q.order[(start := q.step * q.batch_size % len(q.order)) : start + q.batch_size][q.rank * q.each :][
            : q.each
        ],
    ),
    (
        "rest_dropped",
        "In yours, rows that fill no batch at the end of the order are left out. The next batch begins with them.",
        lambda q: q.rows(q.step % max(1, len(q.order) // q.batch_size) * q.batch_size + q.rank * q.each),
    ),
    (
        "places_not_rows",
        "These are places in the order. Which rows stand there?",
        lambda q: [(q.step * q.batch_size + q.rank * q.each + i) % len(q.order) for i in range(q.each)],
    ),
    (
        "places_not_rows",
        "These are places in the endless sequence. Which rows stand there?",
        lambda q: [q.step * q.batch_size + q.rank * q.each + i for i in range(q.each)],
    ),
    (
        "one_short",
        "The last row of each rank is missing. A slice already leaves out its end.",
        lambda q: q.rows(q.step * q.batch_size + q.rank * q.each, q.each - 1),
    ),
]
"""Ways to get 16.1 wrong: the diagnosis, what it says, and the rows that come of it."""


@exercise("16.1", title="Whose rows are these?", stars=1, minutes=10)
def my_rows(trial: Trial) -> None:
    statement = [4, 0, 3, 1, 5, 2, 6]
    orders = [
        (statement, 4, (0, 1, 2, 5), (1, 2, 4)),
        (trial.normal(31).argsort().tolist(), 6, (0, 1, 4, 5, 11), (1, 2, 3, 6)),
        (trial.normal(24).argsort().tolist(), 8, (0, 2, 3, 7), (2, 4)),
        (trial.normal(3).argsort().tolist(), 4, (0, 1), (2,)),
    ]
    requests = [
        _Request(order, batch_size, step, rank, n_ranks)
        for order, batch_size, steps, numbers in orders
        for step in steps
        for n_ranks in numbers
        for rank in range(n_ranks)
    ]
    law = "all ranks' rows, one rank after the other, are the batch: part r of n of the places step · B to step · B + B"
    answers = [trial(**request._asdict()) for request in requests]
    got = []
    for answer in answers:
        rows = as_numbers(answer.value)
        answer.requires(
            rows is not None and rows.ndim == 1, "what comes back is a list of whole numbers", "no_list", "That is not."
        )
        got.append([] if rows is None else rows.tolist())
    wanted = [request.rows(request.step * request.batch_size + request.rank * request.each) for request in requests]
    if got == wanted:
        return
    seen, request, right = next(
        (answer, request, right)
        for answer, request, yours, right in zip(answers, requests, got, wanted, strict=True)
        if yours != right
    )
    for mistake, says, wrong in _WRONG_ROWS:
        if got == [wrong(each) for each in requests]:
            seen.requires(False, law, mistake, f"{says} Here the batch is {request.batch}.")
    seen.equals(
        right,
        law,
        Mistake("not_in_order", lambda rows: sorted(rows) == sorted(right), "The right rows in another order."),
    )


# ── 16.2 ──


@exercise("16.2", title="A token is a token, on any rank", stars=2, minutes=20)
def rank_loss(trial: Trial) -> None:
    for numbers in ([2, 5, 1], [4, 0, 3, 7], [6], [3, 3]):
        _agrees_with_loss_of_all(trial, numbers)


def _agrees_with_loss_of_all(trial: Trial, numbers: list[int]) -> None:
    """`numbers`: how many tokens of each rank count."""
    n = len(numbers)
    ranks: list[dict[str, Any]] = []
    for number in numbers:
        n_tokens = 8 + int(trial.integers(4, 1))
        losses = (trial.normal(n_tokens) + 3).abs() + 0.1
        counted = torch.zeros(n_tokens, dtype=torch.bool)
        counted[trial.normal(n_tokens).argsort()[:number]] = True
        ranks.append({"losses": losses.requires_grad_(), "counted": counted, "n_ranks": n})
    nats = [float(each["losses"].detach()[each["counted"]].double().sum()) for each in ranks]
    total, positions = sum(numbers), sum(len(each["losses"]) for each in ranks)
    answers = _together(trial, ranks, "total")
    law = "the mean over the ranks of their gradients is the gradient of the mean over all tokens that count"
    gradients = [_gradient_on_losses(answer, law) for answer in answers]

    factors = []
    for answer, gradient in zip(answers, gradients, strict=True):
        counted = answer.inputs["counted"]
        answer.requires(
            not gradient.isnan().any(),
            law,
            "nan_from_empty_rank",
            "This rank has no token that counts, and its gradient is nan: 0 tokens were divided by.",
        )
        answer.requires(
            bool((gradient[~counted] == 0).all()),
            law,
            "masked_count",
            "Tokens that do not count get a gradient. Leave them out of the sum.",
        )
        factors.append(gradient[counted])

    def each_is(*wanted: float) -> bool:
        """Whether the gradient of each rank's tokens is so large."""
        return all(
            torch.allclose(got, torch.full_like(got, want), rtol=1e-3)
            for got, want in zip(factors, wanted, strict=True)
        )

    def all_are(*each: float) -> bool:
        return any(each_is(*[one] * n) for one in each)

    def requires(shown: bool, mistake: str, says: str) -> None:
        fullest = answers[max(range(n), key=lambda rank: numbers[rank])]
        fullest.requires(not shown, law, mistake, says)

    if not all_are(n / total):
        own = [1 / max(1, number) for number in numbers]
        requires(
            each_is(*own) or each_is(*(n * each for each in own)) or each_is(*(each / n for each in own)),
            "mean_of_means",
            "Each rank divides by the number of its own tokens. So a token of a rank with few of them counts more than "
            "one of a rank with many.",
        )
        requires(
            all_are(1 / total),
            "ranks_forgotten",
            "Divided by all tokens, yes. But the gradients are then averaged over the ranks, which divides by n once "
            "more. What has to be done beforehand?",
        )
        requires(
            all_are(1 / total / n),
            "divided_by_ranks_twice",
            "You divide by n, and the average over the ranks does it again. The two should undo each other.",
        )
        requires(all_are(1, n, 1 / n), "sum_of_nats", "It was not divided by the number of tokens at all.")
        requires(
            all_are(n / positions, 1 / positions)
            or each_is(*(1 / len(each["losses"]) for each in ranks))
            or each_is(*(n / len(each["losses"]) for each in ranks)),
            "positions_counted",
            "You divided by the number of positions. Those that do not count should not be in it.",
        )
        requires(
            each_is(*(n * number / total for number in numbers)) or each_is(*(number / total for number in numbers)),
            "sum_weighted",
            "Tokens of a rank with many of them weigh more here. It was a sum that you gave the weight of a mean.",
        )
        requires(True, "wrong_gradient", "It looks like none of the mistakes that this check knows.")
    means = [sum_ / max(1, number) for sum_, number in zip(nats, numbers, strict=True)]
    for answer, sum_, mean, number in zip(answers, nats, means, numbers, strict=True):
        answer.entry(1).equals(
            sum(nats) / total,
            "every rank reports the mean over all tokens that count, of all ranks",
            Mistake(
                "nan_from_empty_rank",
                lambda got: math.isnan(float(got)),
                "This is nan. A rank without tokens divided by 0.",
            ),
            Mistake(
                "reports_what_goes_backward",
                n * sum_ / total,
                "That is what this rank calls `backward()` on. It knows only its own tokens.",
            ),
            Mistake("reports_its_share", sum_ / total, "That is this rank's share. The shares have to be added up."),
            Mistake(
                "reports_its_own",
                mean if number else 0.0,
                "That is the mean over this rank's own tokens. The log would be of one rank alone.",
            ),
            Mistake("reports_mean_of_means", sum(means) / n, "That is a mean of the ranks' means."),
            Mistake("reports_mean_of_means", sum(means) / max(1, sum(map(bool, numbers))), "A mean of means again."),
            Mistake(
                "reports_masked",
                sum(float(each["losses"].detach().sum()) for each in ranks) / total,
                "Tokens that do not count are in the sum for the log.",
            ),
            Mistake("reports_n_times", n * sum(nats) / total, "It is n times too large: n is for the gradients."),
            Mistake("reports_sum", sum(nats), "That is the sum over all tokens, not the mean."),
        )


def _gradient_on_losses(answer: Returned, law: str) -> Tensor:
    """The gradient of what goes backward, on each of this rank's losses."""
    losses, counted = answer.inputs["losses"], answer.inputs["counted"]
    back = answer.entry(0)
    value = back.value
    empty = not counted.any()
    gradient = None
    if isinstance(value, Tensor) and value.requires_grad:
        (gradient,) = torch.autograd.grad(value.sum(), losses, allow_unused=True)
    back.requires(
        gradient is not None or not empty,
        law,
        "empty_rank_has_no_graph",
        "This rank has no token that counts, and what it returns does not hang on `losses`. It has to call "
        "`backward()` all the same, because the others wait for its gradient. The sum over no tokens is a 0 that has a "
        "graph.",
    )
    back.requires(
        gradient is not None,
        law,
        "no_graph",
        "The first thing that comes back has to be a tensor that hangs on `losses`: `backward()` is called on it. Was "
        "it `item()` or `detach()`, or did it go through `total`?",
    )
    back.requires(value.numel() == 1, law, "not_one_number", "`backward()` needs a single number. Yours holds more.")
    back.requires(
        not value.isnan().any(),
        law,
        "nan_from_empty_rank" if empty else "not_finite",
        "This is nan. The mean over no token is: 0 / 0.",
    )
    assert gradient is not None
    return gradient


# ── 16.3 ──

_STAGES = ("ddp", "zero1", "zero2", "fsdp")


class _Model(NamedTuple):
    """What has to be placed on devices."""

    n_parameters: float
    largest: float
    activations: float


class _Way(NamedTuple):
    """A way to count bytes; the defaults are right."""

    parts: tuple[float, float, float] = (2, 2, 12)
    """Bytes a parameter: weights, gradients, optimizer."""
    from_stage: tuple[int, int, int] = (3, 2, 1)
    """From which strategy on these are divided."""
    gathered: float = 2
    alone: bool = False
    """Whether a single device gathers too."""
    activations: float = 1
    divided: bool = False
    """Whether activations are shared out as well."""
    unit: float = 1
    all_devices: bool = False

    def bytes(self, model: _Model, strategy: str, n: int) -> float:
        stage = _STAGES.index(strategy)
        each = [
            part * model.n_parameters / (n if stage >= start else 1)
            for part, start in zip(self.parts, self.from_stage, strict=True)
        ]
        gathered = self.gathered * model.largest if stage == 3 and (n > 1 or self.alone) else 0.0
        activations = self.activations * model.activations / (n if self.divided else 1)
        return (sum(each) + gathered + activations) / self.unit * (n if self.all_devices else 1)


_WRONG_BYTES: list[tuple[str, str, _Way]] = [
    (
        "activations_divided",
        "The activations were divided. They are given for one device, which has its own rows: more devices have more "
        "rows together.",
        _Way(divided=True),
    ),
    ("activations_forgotten", "The activations are missing.", _Way(activations=0)),
    (
        "gathered_forgotten",
        "With `fsdp`, the weights of the layer that is just being computed are there whole, for a moment.",
        _Way(gathered=0),
    ),
    (
        "gathered_alone",
        "A single device has all weights anyway. It gathers nothing.",
        _Way(alone=True),
    ),
    (
        "gathered_with_everything",
        "Of the largest layer, only the *weights* are gathered. Nobody needs its optimiser whole.",
        _Way(gathered=16),
    ),
    (
        "gathered_with_everything",
        "Of the largest layer, only the *weights* are gathered, 2 bytes each.",
        _Way(gathered=4),
    ),
    (
        "gathered_in_parameters",
        "`largest` is a number of parameters. Their weights take 2 bytes each.",
        _Way(gathered=1),
    ),
    (
        "everything_divided",
        "With this strategy, not everything is divided among the devices. Look at the table again.",
        _Way(from_stage=(1, 1, 1)),
    ),
    (
        "everything_divided",
        "Here everything is divided, whatever the strategy. Look at the table again.",
        _Way(from_stage=(0, 0, 0)),
    ),
    (
        "everything_divided",
        "Here everything is divided, whatever the strategy. Look at the table again.",
        _Way(from_stage=(0, 0, 0), gathered=0),
    ),
    (
        "nothing_divided",
        "Nothing is divided here. What does the table say?",
        _Way(from_stage=(4, 4, 4)),
    ),
    (
        "only_weights_divided",
        "With `fsdp` all three are divided, and `zero1` begins with what is largest.",
        _Way(from_stage=(1, 2, 3)),
    ),
    (
        "one_strategy_early",
        "What is divided fits the strategy after it in the table.",
        _Way(from_stage=(2, 1, 0)),
    ),
    (
        "copy_forgotten",
        "The optimiser has its two running means, and besides a copy of the weights in 4 bytes: 12 bytes a parameter.",
        _Way(parts=(2, 2, 8)),
    ),
    (
        "all_in_four_bytes",
        "16 bytes a parameter, yes. But weights and gradients have 2 each here, and the optimizer 12.",
        _Way(parts=(4, 4, 8)),
    ),
    ("only_the_weights", "Gradients and optimiser are missing.", _Way(parts=(2, 0, 0))),
    ("gradients_forgotten", "The gradients are missing.", _Way(parts=(2, 0, 12))),
    ("gigabytes", "That is in gigabytes. Bytes are wanted.", _Way(unit=1e9)),
    ("gigabytes", "That is in gibibytes. Bytes are wanted.", _Way(unit=2**30)),
    ("all_devices_together", "That is what all devices have together. What has one of them?", _Way(all_devices=True)),
]
"""Ways to get the bytes of 16.3 wrong: the diagnosis, what it says, and how it counts."""


@exercise("16.3", title="Does it fit?", stars=2, minutes=20)
def fits(trial: Trial) -> None:
    billions = 1e9
    cases = [
        (_Model(70 * billions, 1.1 * billions, 11 * billions), 64, 72 * billions),
        (_Model(6 * billions, 0.3 * billions, 8 * billions), 3, 50 * billions),
        (_Model(1.3 * billions, 0.2 * billions, 3.5 * billions), 5, 7.7 * billions),
        (_Model(0.4 * billions, 0.04 * billions, 6 * billions), 1, 16 * billions),
        (_Model(8 * billions, 0.5 * billions, 20 * billions), 8, 72 * billions),
    ]
    for model, n_devices, capacity in cases:
        for strategy in _STAGES:
            _agrees_with_memory(trial, model, strategy, n_devices, capacity)


def _smallest(model: _Model, strategy: str, capacity: float, way: _Way | None = None) -> int | None:
    way = way or _Way()
    return next((n for n in range(1, 2001) if way.bytes(model, strategy, n) <= capacity), None)


def _agrees_with_memory(trial: Trial, model: _Model, strategy: str, n_devices: int, capacity: float) -> None:
    answer = trial(**model._asdict(), strategy=strategy, n_devices=n_devices, capacity=capacity)
    right = _Way().bytes(model, strategy, n_devices)
    first, second = answer.entry(0), answer.entry(1)
    law = f"with {strategy!r}, one device holds what the table says, and the activations of its own rows"
    if not _near(first.value, right, 1e-6):
        for mistake, says, way in _WRONG_BYTES:
            first.requires(not _near(first.value, way.bytes(model, strategy, n_devices), 1e-6), law, mistake, says)
        first.equals(right, law, tolerance=1e-12)

    law = "the second is the smallest number of devices on which it fits, None if none is enough"
    fewest = _smallest(model, strategy, capacity)
    got = second.value
    if fewest is None:
        second.requires(
            got is None,
            law,
            "none_missing",
            "However many devices: what is not divided is already too much for each of them. Return None.",
        )
        return
    second.requires(got is not None, law, "none_although_it_fits", f"Yours says never, and on {fewest} it does fit.")
    number = as_numbers(got)
    if number is None or number.ndim or not number.isfinite() or number.item() != fewest:
        value = number.item() if number is not None and number.ndim == 0 else math.nan
        everything = 16 * model.n_parameters + model.activations
        power = 1
        while power < fewest:
            power *= 2
        exact = _Way().bytes(model, strategy, fewest) == capacity
        for mistake, shown, says in (
            ("bytes_or_none", value > 1e6, "That is a number of bytes. How many devices are wanted?"),
            ("not_whole", value != round(value) if math.isfinite(value) else False, "There are no half devices."),
            (
                "full_is_refused",
                exact and value == fewest + 1,
                "Exactly full is allowed: it fits if the bytes are at most `capacity`.",
            ),
            (
                "pooled",
                value == math.ceil(everything / capacity),
                "You divided all the bytes by the bytes of a device, as if all of it could be parted. It cannot.",
            ),
            (
                "one_less_is_too_few",
                value == fewest - 1,
                f"On {fewest - 1} it does not fit yet. Was it rounded down?",
            ),
            ("power_of_two", value == power, "That is the smallest power of two. Any number of devices will do."),
            (
                "n_devices_returned",
                value == n_devices and value > fewest,
                "That is `n_devices`. Would it not fit on fewer?",
            ),
            (
                "too_few",
                value < fewest,
                f"On so few devices it takes {_Way().bytes(model, strategy, max(1, int(value))):.4g} bytes each."
                if math.isfinite(value)
                else "",
            ),
            ("too_many", value > fewest, "It fits, and it would also fit on fewer."),
        ):
            second.requires(not shown, law, mistake, says)
        second.equals(fewest, law)


# ── 16.4 ──


class _Ring(NamedTuple):
    """A ring of ranks by the rounds of its two halves; the defaults are right. Rank r, round s of a half, n ranks."""

    sends: Callable[[int, int], int] = lambda r, s: r - s
    takes: Callable[[int, int], int] = lambda r, s: r - s - 1
    adds: bool = True
    sends_back: Callable[[int, int], int] = lambda r, s: r + 1 - s
    takes_back: Callable[[int, int], int] = lambda r, s: r - s
    adds_back: bool = False
    short: tuple[int, int] = (1, 1)
    """How many rounds less than n the halves have."""
    share: bool = False
    """Whether the mean comes out."""

    def run(self, vectors: list[Tensor]) -> list[Tensor]:
        n = len(vectors)
        pieces = [[piece.clone() for piece in vector.tensor_split(n)] for vector in vectors]
        halves = (
            (self.sends, self.takes, self.adds, self.short[0]),
            (self.sends_back, self.takes_back, self.adds_back, self.short[1]),
        )
        for sends, takes, adds, short in halves:
            for s in range(max(0, n - short)):
                sent = [pieces[r][sends(r, s) % n].clone() for r in range(n)]
                for r in range(n):
                    place, came = takes(r, s) % n, sent[r - 1]
                    pieces[r][place] = pieces[r][place] + came if adds else came
        return [torch.cat(each) / (n if self.share else 1) for each in pieces]


_WRONG_RINGS: list[tuple[str, str, _Ring]] = [
    (
        "first_half_only",
        "Each rank has *one* piece that is complete, and the others are sums on their way. The second n − 1 rounds "
        "have to bring the complete pieces round.",
        _Ring(short=(1, 10**6)),
    ),
    (
        "first_half_too_short",
        "No piece that went round in the second half had been added to. Has the first half all its n − 1 rounds?",
        _Ring(short=(10**6, 1)),
    ),
    (
        "pieces_of_one_rank",
        "Every piece that went round in the second half was that of a single rank. Was what arrives in the first half "
        "*added* to the piece that is there? And does the second half begin with the piece that was added to last?",
        _Ring(adds=False),
    ),
    (
        "added_in_second_half",
        "In the second n − 1 rounds, what arrives is complete. You added it to a part that it contains already.",
        _Ring(adds_back=True),
    ),
    (
        "kept_at_the_wrong_place",
        "What arrives was put where the piece was that you *sent*. The rank before you sent another piece.",
        _Ring(takes=lambda r, s: r - s, takes_back=lambda r, s: r + 1 - s),
    ),
    (
        "from_the_wrong_side",
        "Your places fit a piece from rank r + 1. What arrives comes from rank r − 1.",
        _Ring(takes=lambda r, s: r - s + 1, takes_back=lambda r, s: r - s + 2),
    ),
    (
        "from_the_wrong_side",
        "Your pieces go upwards, r, r + 1, ..., as if they came from rank r + 1. What arrives comes from rank r − 1, "
        "which begins with its piece r − 1.",
        _Ring(
            sends=lambda r, s: r + s,
            takes=lambda r, s: r + s + 1,
            sends_back=lambda r, s: r - 1 + s,
            takes_back=lambda r, s: r + s,
        ),
    ),
    (
        "same_piece_every_round",
        "Each rank sends the same piece in every round. What it has just added to is what has to travel on.",
        _Ring(
            sends=lambda r, s: r,
            takes=lambda r, s: r - 1,
            sends_back=lambda r, s: r + 1,
            takes_back=lambda r, s: r,
        ),
    ),
    (
        "counts_upwards",
        "From round to round your pieces go upwards, r, r + 1, ... So what you send next is not the piece that you "
        "have just added to.",
        _Ring(
            sends=lambda r, s: r + s,
            takes=lambda r, s: r - 1 + s,
            sends_back=lambda r, s: r + 1 + s,
            takes_back=lambda r, s: r + s,
        ),
    ),
    (
        "second_half_too_short",
        "The second half is one round too short: a complete piece is missing in the end.",
        _Ring(short=(1, 2)),
    ),
    ("mean_not_sum", "That is the mean. The sum is wanted.", _Ring(share=True)),
]
"""Ways to get 16.4 wrong: the diagnosis, what it says, and what goes round."""


@exercise("16.4", title="All-reduce in a ring", stars=3, minutes=35)
def ring_all_reduce(trial: Trial) -> None:
    whole = torch.tensor([[1.0, 2, 3], [10, 20, 30], [100, 200, 300]])
    sets = [list(trial.normal(4, 8)), list(whole), list(trial.normal(5, 15))]
    sets += [list(trial.normal(n, length)) for n, length in ((4, 6), (3, 10), (5, 3), (2, 7), (1, 4))]
    for vectors in sets:
        _agrees_with_sum(trial, vectors)


def _agrees_with_sum(trial: Trial, vectors: list[Tensor]) -> None:
    n, length = len(vectors), len(vectors[0])
    programs = [trial(rank=rank, n_ranks=n, vector=vector) for rank, vector in enumerate(vectors)]
    law = "the program of a rank is a generator: `received = yield piece` in each round, `return` at the end"
    for program in programs:
        program.requires(
            inspect.isgenerator(program.value),
            law,
            "no_generator",
            "That is none. A function becomes a generator by a `yield` in it.",
        )
    results, sent, rounds = _go_round(trial, programs)
    law = "in the end every rank has the sum of all vectors"
    found = []
    for program, result in zip(programs, results, strict=True):
        program.requires(
            result is not None, law, "rank_returns_nothing", "It came to its end without a `return` of the sum."
        )
        numbers = as_numbers(result)
        if numbers is None or numbers.shape != (length,):
            last = Returned(result, program.call, program.inputs)
            pieces = isinstance(result, list | tuple) and len(result) == n and _count(result) == length
            last.requires(
                not (pieces and n > 1 and length > n),
                law,
                "still_in_pieces",
                "You returned a list of pieces. Put them together again: `torch.cat`.",
            )
            last.equals(vectors[0], law, reveal=False)
            return
        found.append(numbers)

    def all_near(wanted: list[Tensor]) -> bool:
        return all(torch.allclose(a, b.double(), 1e-4, 1e-4) for a, b in zip(found, wanted, strict=True))

    total = torch.stack(vectors).double().sum(0)
    if not all_near([total] * n):
        trial.requires(not all_near(vectors), law, "own_vector", "Every rank returns the vector that it began with.")
        for mistake, says, ring in _WRONG_RINGS:
            trial.requires(not all_near(ring.run(vectors)), law, mistake, says)
        wrong = next(rank for rank in range(n) if not torch.allclose(found[rank], total, 1e-4, 1e-4))
        Returned(results[wrong], programs[wrong].call, programs[wrong].inputs).equals(total.float().tolist(), law)
    _sends_little(trial, n, length, sent, rounds)


def _sends_little(trial: Trial, n: int, length: int, sent: list[int], rounds: int) -> None:
    most = 2 * (n - 1) * math.ceil(length / n)
    law = f"a rank sends at most 2 (n − 1) pieces of ⌈L / n⌉ numbers, with n = {n} and L = {length}: {most}"
    highest = max(sent)
    says = f"The sum is right. But a rank of yours sent {highest} numbers."
    trial.requires(
        highest <= most or highest < rounds * length,
        law,
        "whole_vectors_sent",
        f"{says} Did whole vectors go round? Cut them into n pieces, and let each round send one.",
    )
    trial.requires(
        rounds == 2 * (n - 1),
        f"there are 2 (n − 1) rounds, {2 * (n - 1)} for n = {n}",
        "number_of_rounds",
        f"The sum is right, and yours took {rounds}.",
    )
    trial.requires(
        highest <= most or highest > most + rounds,
        law,
        "number_of_piece_sent",
        f"{says} Which piece it is need not be sent along: rank and round say it.",
    )
    trial.requires(highest <= most, law, "sends_too_much", says)


def _count(piece: Any) -> int | None:
    """How many numbers are in it; None if something else is."""
    if isinstance(piece, Tensor):
        return piece.numel()
    if isinstance(piece, np.ndarray):
        return piece.size
    if isinstance(piece, list | tuple | dict):
        counts = [_count(each) for each in (piece.values() if isinstance(piece, dict) else piece)]
        return None if None in counts else sum(count for count in counts if count is not None)
    numbers = as_numbers(piece)
    return 1 if numbers is not None and numbers.ndim == 0 else None


def _go_round(trial: Trial, programs: list[Returned]) -> tuple[list[Any], list[int], int]:
    """Let all ranks run in step: what they return, how many numbers each has sent, and in how many rounds."""
    n = len(programs)
    inbox: list[Any] = [None] * n
    sent = [0] * n
    for rounds in range(4 * n + 4):
        outcomes = [_advance(trial, program, rounds, inbox[rank]) for rank, program in enumerate(programs)]
        over = [each.over for each in outcomes]
        if all(over):
            return [each.value for each in outcomes], sent, rounds
        trial.requires(
            not any(over),
            "all ranks make the same number of rounds",
            "a_rank_stops_early",
            f"Of {n} ranks, rank {over.index(True) if any(over) else 0} returned after {rounds} rounds, and rank "
            f"{over.index(False)} goes on sending to somebody who no longer listens.",
        )
        for rank, each in enumerate(outcomes):
            count = _count(each.value)
            programs[rank].requires(
                each.value is not None,
                "in each round every rank sends a piece",
                "sends_nothing",
                "A bare `yield` sends None. Write `received = yield piece`.",
            )
            programs[rank].requires(
                count is not None,
                "a piece is made of numbers",
                "strange_piece",
                f"Rank {rank} sent something of type {type(each.value).__name__}.",
            )
            sent[rank] += count or 0
            inbox[(rank + 1) % n] = copy.deepcopy(_detached(each.value))
    trial.requires(False, f"there are 2 (n − 1) rounds, {2 * (n - 1)} for n = {n}", "endless_rounds", "Yours go on.")
    return [], sent, 0


class _Outcome(NamedTuple):
    """Of one round of one rank: what it sent, or what it returned."""

    over: bool
    value: Any


def _advance(trial: Trial, program: Returned, rounds: int, received: Any) -> _Outcome:
    def advance() -> _Outcome:
        try:
            return _Outcome(False, program.value.send(received))
        except StopIteration as stop:
            return _Outcome(True, stop.value)

    trial.happening = program.call
    try:
        outcome: _Outcome = Trial(advance)().value
    except BrokenLaw as broken:
        raise BrokenLaw(broken.mistake, *broken.lines[:-1], f"tried:  {program.call}, in round {rounds}") from broken
    return outcome


# ── 16.5 ──


class _Program(NamedTuple):
    """A program of 16.5: where its three ranks end, and what speaks against other answers."""

    letters: str
    ends: str
    against: dict[str, str]
    otherwise: str


_PROGRAMS: dict[str, _Program] = {
    "log": _Program(
        "ABC",
        "BCC",
        {
            "---": "Which ranks get as far as B? And whom does B need?",
            "B--": "Ranks 1 and 2 cannot leave their last call alone: it needs all three as well.",
            "CCC": "Before rank 0 comes to its last call, it has to come out of the one before.",
            "BBB": "Two of these ranks never enter the branch.",
            "AAA": "All three call A, so they meet there.",
        },
        "Write down the calls of each rank, one below the other. Which is the first row in which they differ?",
    ),
    "uneven": _Program(
        "AB",
        "AAB",
        {
            "---": "How many calls does each rank make in all?",
            "AA-": "The loop is not the end of the program. What does rank 2 do after it?",
            "BBB": "Two of the ranks have one batch more. Where are they, when the third has left its loop?",
            "BBA": "The rank with fewer batches leaves the loop *first*.",
            "--B": "Nobody gets out of a call that needs all ranks, as long as one is elsewhere.",
            "AAA": "Rank 2 has only two batches. After those it is no longer in the loop.",
        },
        "Count the meetings in the loop. After how many of them is the first rank done with its batches?",
    ),
    "careful": _Program(
        "A",
        "A-A",
        {
            "---": "Count the calls of each rank. Are there equally many?",
            "AAA": "Rank 1 made fewer calls than the others. What is left for it to do after them?",
            "-A-": "Whom do the ranks with more calls wait for? It is the one with *fewer* calls that gets out.",
        },
        "Meetings are by number, not by step: the calls of a rank that leaves one out slip forward by one.",
    ),
    "start": _Program(
        "ABCDE",
        "ACC",
        {
            "---": "Both calls are made by all, but in which order? A meeting is between calls of the same number.",
            "EEE": "Both calls are made by all, but in which order? A meeting is between calls of the same number.",
            "ADD": "For rank 1 to come to D, it would have to come out of the call before.",
            "BCC": "For rank 0 to come to B, it would have to come out of the call before.",
            "BDD": "For that, all would have to come out of their first call. Do those fit together?",
        },
        "What is the very first call of each rank? Are they the same operation?",
    ),
    "own_best": _Program(
        "AB",
        "ABA",
        {
            "---": "Which of the three losses are below 2.3?",
            "A-A": "The last call needs all three ranks. Does rank 1 get out of it?",
            "BBB": "A call that only some of the ranks make: can they come out of it?",
            "BAB": "It is *lower* losses that count as better.",
            "AAA": "Not all of the losses are below 2.3.",
            "AB-": "Rank 2 has a loss of its own too.",
        },
        "Decide for each rank whether it enters the branch, and note the first call that it makes.",
    ),
    "agreed": _Program(
        "ABC",
        "---",
        {
            "BCB": "What do the ranks compare with 2.3: their own loss or something that all of them know?",
            "CCC": "What would keep them there? All three come.",
            "BBB": "What would keep them there? All three come.",
            "AAA": "What would keep them there? All three come.",
        },
        "Compute `mean` for each of the ranks. Which way does each go at the `if`?",
    ),
    "crossed": _Program(
        "ABCD",
        "---",
        {
            "ACC": "Is it the same operation that they call? No call says what the number that it brings stands for.",
            "BDD": "Is it the same operation that they call? No call says what the number that it brings stands for.",
            "AAA": "Ranks 1 and 2 never call A.",
        },
        "What does a meeting ask for: the same line of the program, or the same operation?",
    ),
    "ring": _Program(
        "AB",
        "AAA",
        {
            "---": "Who is the first to send anything?",
            "BBB": "To come to B, a rank must have received something. From whom, if nobody has sent yet?",
            "BAA": "Rank 0 is no exception here: its first call is the same as that of the others.",
            "ABB": "To come to B, a rank must have received something. From whom, if nobody has sent yet?",
        },
        "Begin with the first call of each rank. What has to happen before it can return?",
    ),
}


@exercise("16.5", title="Who waits for whom?", stars=2, minutes=20)
def waits(trial: Trial) -> None:
    said = trial()
    for name, program in _PROGRAMS.items():
        entry = said.entry(name)
        places = "".join(entry.value.upper().split()) if isinstance(entry.value, str) else ""
        law = f"in {name!r}, each rank ends where it gets no further"
        entry.requires(
            len(places) == 3 and set(places) <= {*program.letters, "-"},
            law,
            "no_places",
            f"Write three characters, one for each rank: one of {program.letters}, or - if it gets to the end.",
        )
        wrong = places != program.ends
        stuck = places.replace("-", "0")
        if wrong and places in program.against:
            entry.requires(False, law, f"{name}_is_not_{stuck}", program.against[places])
        entry.requires(not wrong, law, f"{name}_is_otherwise", program.otherwise)
    said.entry("crossed_loss").equals(
        1.7,
        "all-reduce adds up whatever numbers meet",
        Mistake("as_it_should_be", 2.375, "That would be right if nats met nats. Which numbers met?"),
        Mistake("of_rank_0", 10 / 17, "That is what rank 0 prints."),
        Mistake("own_numbers", 2, "That is from rank 1's own numbers, before any meeting."),
        Mistake("nobody_prints", lambda got: math.isnan(float(got)), "All ranks come to the end, and print."),
        Mistake("sum_only", lambda got: float(got) in (10, 17), "That is one of the two sums alone."),
        tolerance=2e-3,
        reveal=False,
    )


# ── 16.6 ──


class Replica(nn.Module):
    """A copy of a model on one rank of several, whose other ranks are only played, each with rows of its own.

    Called with one of its batches, it gives the mean loss of the rows. A backward pass adds to `.grad`, and then the
    ranks exchange gradients: each `.grad` becomes the mean over the ranks, unless the *forward* pass was made inside
    `with replica.no_sync():`. It has one weight.
    """

    def __init__(self, weight: Float[Tensor, " D"], batches: list[list[Tensor]]) -> None:
        """`batches`: of each rank, this one first."""
        super().__init__()
        self.weight = nn.Parameter(weight.clone())
        self._batches = batches
        self._others = [weight.clone().requires_grad_() for _ in batches[1:]]
        self._syncs = True
        self._arrived = 0
        self._open = 0
        self.syncs = 0
        """How often the ranks have exchanged gradients."""
        self.asked = 0
        """How often `no_sync()` was called."""
        self.entered = 0
        self.most_open = 0
        """How many batches were read at once before a backward pass."""
        self.read: list[int] = []
        """Which batches were read, in order; -1 for what is none of them."""
        self.backwards = 0
        self._will_sync = False
        for each in (self.weight, *self._others):
            each.register_post_accumulate_grad_hook(self._accumulated)

    def forward(self, batch: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
        numbers = [
            number
            for number, own in enumerate(self._batches[0])
            if isinstance(batch, Tensor) and own.shape == batch.shape and torch.equal(own, batch)
        ]
        self.read.append(numbers[0] if numbers else -1)
        if self.weight.grad is None:
            for other in self._others:
                other.grad = None
        self._open += 1
        self.most_open = max(self.most_open, self._open)
        self._will_sync = self._syncs
        loss = _row_loss(self.weight, batch)
        for rank, other in enumerate(self._others, start=1):
            theirs = _row_loss(other, self._batches[rank][numbers[0] if numbers else 0])
            loss = loss + (theirs - theirs.detach())  # nothing to its value, and the others' gradients
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients."""
        for each in (self.weight, *self._others):
            each.grad = None if set_to_none or each.grad is None else torch.zeros_like(each.grad)

    @contextmanager
    def _without(self) -> Iterator[None]:
        before, self._syncs = self._syncs, False
        self.entered += 1
        try:
            yield
        finally:
            self._syncs = before

    def no_sync(self) -> Any:
        """Inside `with replica.no_sync():`, forward passes are marked to leave out the exchange of gradients."""
        self.asked += 1
        return self._without()

    def _accumulated(self, _: Tensor) -> None:
        self._arrived += 1
        if self._arrived == 1 + len(self._others):
            self._arrived = self._open = 0
            self.backwards += 1
            if self._will_sync:
                self._synchronize()

    def _synchronize(self) -> None:
        self.syncs += 1
        grads = [torch.zeros_like(self.weight) if w.grad is None else w.grad for w in (self.weight, *self._others)]
        mean = torch.stack(grads).mean(0)
        for each in (self.weight, *self._others):
            each.grad = mean.clone()

    def __deepcopy__(self, memo: dict[int, Any]) -> "Replica":
        twin = Replica(self.weight.detach(), [[batch.clone() for batch in batches] for batches in self._batches])
        memo[id(self)] = twin
        return twin

    def __repr__(self) -> str:
        return f"<a replica, one of {len(self._batches)}>"


def _row_loss(weight: Tensor, batch: Tensor) -> Tensor:
    return (batch @ weight - 1).square().mean()


def _row_gradient(weight: Tensor, batch: Tensor) -> Tensor:
    return 2 * ((batch @ weight - 1) @ batch) / len(batch)


@exercise("16.6", title="Four batches, one exchange", stars=2, minutes=20)
def accumulate(trial: Trial) -> None:
    for n_ranks, n_batches in ((3, 4), (2, 2), (4, 3), (2, 1)):
        _agrees_with_one_exchange(trial, n_ranks, n_batches)


def _agrees_with_one_exchange(trial: Trial, n_ranks: int, k: int) -> None:
    weight = trial.normal(5)
    batches = [[trial.normal(6, 5) for _ in range(k)] for _ in range(n_ranks)]
    answer = trial(replica=Replica(weight, batches), batches=batches[0])
    after: Replica = answer.inputs["replica"]
    law = "`.grad` ends as the mean of the gradients of all batches of all ranks"
    own = [_row_gradient(weight, batch) for batch in batches[0]]
    mean = [torch.stack([_row_gradient(weight, batches[rank][i]) for rank in range(n_ranks)]).mean(0) for i in range(k)]
    answer.requires(
        torch.equal(after.weight, weight),
        "no weight changes: accumulation only fills `.grad`",
        "updates_weights",
        "Yours changed the weight. The optimiser's step comes later, and is somebody else's.",
    )
    answer.requires(
        -1 not in after.read,
        "only one batch is in memory at a time",
        "one_big_batch",
        "The replica was given something that is none of the batches. Were they put together?",
    )
    answer.requires(after.read != [], law, "replica_not_called", "The replica was never called.")
    answer.requires(
        after.backwards > 0, law, "no_backward", "The replica was called, but there never was a `backward()`."
    )
    answer.requires(
        after.most_open <= 1,
        "only one batch is in memory at a time",
        "holds_all_batches",
        f"{after.most_open} batches were read before the first `backward()`, so all of them were in memory together. "
        "Call it for each batch, before the next one is read.",
    )
    answer.requires(
        len(after.read) <= k,
        "each batch is read once",
        "reads_twice",
        f"There are {k} batches, and the replica was called {len(after.read)} times.",
    )
    answer.requires(
        sorted(after.read) == list(range(k)),
        "each batch is read once",
        "batch_left_out",
        f"There are {k} batches, and the replica read only {len(set(after.read))} of them.",
    )
    got = torch.zeros(5) if after.weight.grad is None else after.weight.grad
    right = torch.stack(mean).mean(0)

    def like(*wrong: Tensor) -> bool:
        return any(torch.allclose(got, each, 1e-3, 1e-5) for each in wrong)

    if not like(right):
        unsynced = torch.stack(own).sum(0)
        answer.requires(
            not (after.syncs == 0 and like(unsynced, unsynced / k)),
            law,
            "never_exchanged",
            "The gradient is this rank's alone: there was no exchange at all. Each rank would make a step of its own, "
            "and the replicas would drift apart without any error.",
        )
        partly = [torch.stack(mean[:i]).sum(0) + torch.stack(own[i:]).sum(0) for i in range(1, k)]
        answer.requires(
            not like(*partly, *(each / k for each in partly)),
            law,
            "exchanged_too_early",
            "The exchange came before the last batch. What this rank added afterwards, the others never got.",
        )
        answer.requires(
            not like(torch.stack(mean).sum(0)),
            law,
            "not_divided",
            f"The gradients of {k} batches were added up. For the mean each loss is divided by {k}, before it goes "
            "backward.",
        )
        answer.requires(
            not like(mean[-1], mean[-1] / k, own[-1], own[-1] / k) or k == 1,
            law,
            "last_batch_only",
            "Only the last batch is in it. Are the gradients set to zero inside the loop?",
        )
        answer.requires(
            not like(right / k, right / n_ranks) or (k == 1 and n_ranks == 1),
            law,
            "divided_twice",
            "It is too small by a whole factor. The exchange already takes the mean over the ranks, and one division "
            "by the number of batches is enough.",
        )
        answer.requires(
            not like(right * n_ranks),
            law,
            "multiplied_by_ranks",
            "It is as many times too large as there are ranks.",
        )
        answer.requires(False, law, "wrong_gradient", "It looks like none of the mistakes that this check knows.")
    law = "the ranks exchange gradients once for all batches together"
    if after.syncs != 1:
        says = f"The gradient is right, but the ranks exchanged it {after.syncs} times."
        answer.requires(
            after.asked == after.entered,
            law,
            "no_sync_not_entered",
            f"{says} `replica.no_sync()` by itself does nothing. It has an effect inside a `with`.",
        )
        answer.requires(
            after.entered == 0,
            law,
            "forward_outside",
            f"{says} Whether there will be an exchange is decided in the *forward* pass. Is the call of the replica "
            "inside the `with` for all batches but the last?",
        )
        answer.requires(
            False,
            law,
            "exchanges_every_time",
            f"{says} That is right and slow. Put all batches but the last inside `with replica.no_sync():`.",
        )
    losses = [float(_row_loss(weight, batch)) for batch in batches[0]]
    answer.equals(
        sum(losses) / k,
        "the loss that comes back is the mean over this rank's batches",
        Mistake("reports_sum", sum(losses), "The gradient is right. The loss that you report is the sum."),
        Mistake(
            "reports_last",
            lambda loss: _near(loss, losses[-1]) or _near(loss, losses[-1] / k),
            "The gradient is right. The loss that you report is of the last batch alone.",
        ),
        Mistake(
            "reports_divided_twice", sum(losses) / k**2, "The gradient is right. The loss was divided once too often."
        ),
    )


# ── 16.7 ──

_BETA1, _BETA2, _EPS = 0.9, 0.99, 1e-8


class _Part(NamedTuple):
    """What one rank has of a step: its rows, and the state before."""

    rows: slice
    weights: Tensor
    gradient: Tensor
    mean: Tensor
    square: Tensor
    t: int

    def means(self, factor: float, forgets: bool = False) -> tuple[Tensor, Tensor]:
        g = self.gradient * factor
        mean, square = (each * (not forgets) for each in (self.mean, self.square))
        return _BETA1 * mean + (1 - _BETA1) * g, _BETA2 * square + (1 - _BETA2) * g**2


@exercise("16.7", title="An optimiser in slices", stars=3, minutes=35)
def sharded_step(trial: Trial) -> None:
    # In the first, all slices are equally long. Every case ends with a gradient so short that nothing is cut.
    for length, n_ranks, lr in ((8, 2, 0.1), (10, 4, 0.03), (5, 4, 0.2), (3, 1, 0.1)):
        _agrees_with_whole(trial, length, n_ranks, lr)


def _agrees_with_whole(trial: Trial, length: int, n_ranks: int, lr: float) -> None:
    weights = trial.normal(length).double()
    mean, square = torch.zeros(2, length).double()
    each = math.ceil(length / n_ranks)
    slices = [slice(min(rank * each, length), min((rank + 1) * each, length)) for rank in range(n_ranks)]
    states: list[Any] = [None] * n_ranks
    for t, scale in enumerate((3.0, 5.0, 0.02), start=1):
        gradient = scale * trial.normal(length).double()
        max_norm = 1.0
        ranks = [
            {
                "rank": rank,
                "n_ranks": n_ranks,
                "weights": weights,
                "gradient": gradient[rows],
                "state": states[rank],
                "lr": lr,
                "max_norm": max_norm,
            }
            for rank, rows in enumerate(slices)
        ]
        answers = _together(trial, ranks, "total", "gather")
        parts = [_Part(rows, weights[rows], gradient[rows], mean[rows], square[rows], t) for rows in slices]
        norms = [float(gradient[rows].norm()) for rows in slices]
        norm = math.hypot(*norms)
        factor = min(1.0, max_norm / norm)
        for rank, answer in enumerate(answers):
            _holds_its_state(answer, parts[rank], norms, rank, max_norm, length)
        whole = _Part(slice(0, length), weights, gradient, mean, square, t)
        mean, square = whole.means(factor)
        direction = (mean / (1 - _BETA1**t)) / ((square / (1 - _BETA2**t)).sqrt() + _EPS)
        for rank, answer in enumerate(answers):
            _moves_all_weights(answer, weights, lr * direction, (mean, square), slices, rank, lr, t)
        weights = weights - lr * direction
        states = [answer.value[1] for answer in answers]


def _holds_its_state(
    answer: Returned, part: _Part, norms: list[float], rank: int, max_norm: float, length: int
) -> None:
    answer.requires(
        isinstance(answer.value, list | tuple) and len(answer.value) == 2,
        "two things come back: all the new weights, and the new state",
        "no_pair",
        "Yours is something else.",
    )
    law = "the state of a rank is (m, s, t), for its own slice alone"
    state = answer.entry(1)
    triple = isinstance(state.value, list | tuple) and len(state.value) == 3
    state.requires(
        triple and all(isinstance(each, Tensor) for each in state.value[:2]),
        law,
        "no_triple",
        "Return two tensors and a whole number, in this order.",
    )
    size = len(part.gradient)
    for place in range(2):
        tensor = state.value[place]
        state.requires(
            not (tensor.numel() == length and size < length),
            law,
            "whole_state",
            f"This rank keeps {tensor.numel()} numbers for a slice of {size}. The state of the other slices is the "
            "business of the other ranks: that is where the memory is saved.",
        )
    norm = math.hypot(*norms)
    factor = min(1.0, max_norm / norm)
    own = norms[rank]
    factors: list[tuple[str, float, str]] = [
        (
            "clipped_by_own_slice",
            min(1.0, max_norm / own) if own else 1.0,
            "The gradient was measured by this rank's slice alone. Every rank would shorten by another factor, and "
            "together they would turn the step.",
        ),
        (
            "lengths_added",
            min(1.0, max_norm / sum(norms)),
            "The lengths of the slices were added up. Lengths add in squares: add those, and take the root of the sum.",
        ),
        (
            "root_forgotten",
            min(1.0, max_norm / norm**2),
            "That divides by the sum of squares. The length is its root.",
        ),
        ("not_clipped", 1.0, "This gradient is longer than `max_norm`, and was not shortened."),
        (
            "stretched",
            max_norm / norm,
            "This gradient was shorter than `max_norm`, and you made it longer. A short one stays as it is.",
        ),
    ]
    looks: tuple[list[Mistake], list[Mistake]] = ([], [])
    for mistake, wrong, says in factors:
        if not math.isclose(wrong, factor, rel_tol=1e-3):
            for place, value in enumerate(part.means(wrong)):
                looks[place].append(Mistake(mistake, value, says))
    if part.t > 1:
        for place, value in enumerate(part.means(factor, forgets=True)):
            looks[place].append(
                Mistake(
                    "state_forgotten", value, "The running means begin anew. Go on from the state that you are given."
                )
            )
    g = part.gradient * factor
    looks[0].append(Mistake("no_running_mean", g, "That is the gradient itself, and no running mean."))
    looks[0].append(
        Mistake(
            "shares_exchanged",
            (1 - _BETA1) * part.mean + _BETA1 * g,
            "0.9 is the share of the *old* mean, and 0.1 that of the new gradient.",
        )
    )
    looks[0].append(
        Mistake("gradient_added_whole", _BETA1 * part.mean + g, "The new gradient has the share 0.1, not 1.")
    )
    looks[0].append(
        Mistake(
            "corrected_mean_kept",
            part.means(factor)[0] / (1 - _BETA1**part.t),
            "The state has to be the mean *before* the correction for the start.",
        )
    )
    looks[1].append(
        Mistake(
            "not_squared",
            _BETA2 * part.square + (1 - _BETA2) * g,
            "The second mean is of the *squares* of the gradient.",
        )
    )
    looks[1].append(
        Mistake(
            "one_beta_for_both",
            _BETA1 * part.square + (1 - _BETA1) * g**2,
            "The second mean has the share 0.99, not 0.9.",
        )
    )
    looks[1].append(
        Mistake(
            "corrected_mean_kept",
            part.means(factor)[1] / (1 - _BETA2**part.t),
            "The state has to be the mean *before* the correction for the start.",
        )
    )
    if size:
        law = "the running means of a slice are those that an optimiser of all weights would have there"
        for place, value in enumerate(part.means(factor)):
            state.entry(place).equals(value, law, *looks[place], tolerance=1e-5)
    else:
        for place in range(2):
            state.entry(place).requires(
                state.value[place].numel() == 0, law, "state_without_slice", "This rank has no weights, and no state."
            )
    state.entry(2).equals(
        part.t,
        "t is the number of updates made so far, this one included",
        Mistake("step_not_counted", part.t - 1, "It is one less. Was it counted up?"),
        Mistake("step_not_counted", 1, "It stays at 1. Go on from the number that you are given."),
        Mistake("step_counted_twice", part.t + 1, "It is one more. The first update has t = 1."),
    )


def _moves_all_weights(
    answer: Returned,
    weights: Tensor,
    update: Tensor,
    means: tuple[Tensor, Tensor],
    slices: list[slice],
    rank: int,
    lr: float,
    t: int,
) -> None:
    law = "every rank has all the new weights, the same that an optimiser of all weights would make"
    mean, square = means
    rows = slices[rank]
    new = weights - update
    size, length = rows.stop - rows.start, len(weights)
    entry = answer.entry(0)
    numbers = as_numbers(entry.value)
    entry.requires(
        numbers is None or numbers.shape != (size,) or size == length,
        law,
        "not_gathered",
        "These are the weights of this rank's slice. The next forward pass needs all of them: gather.",
    )
    entry.requires(
        not (isinstance(entry.value, list | tuple) and len(entry.value) == len(slices) < length),
        law,
        "not_put_together",
        "What `gather` returns is a list of slices. Put them together: `torch.cat`.",
    )
    stale = weights.clone()
    stale[rows] = new[rows]

    def cut_otherwise(starts: list[int]) -> Any:
        """The new weights, if each rank took its old ones from another place."""
        taken = [weights[start:][: each.stop - each.start] for start, each in zip(starts, slices, strict=True)]
        fit = all(len(old) == each.stop - each.start for old, each in zip(taken, slices, strict=True))
        return torch.cat([old - update[each] for old, each in zip(taken, slices, strict=True)]) if fit else math.nan

    plain = weights - lr * mean / (square.sqrt() + _EPS)
    inside = weights - lr * (mean / (1 - _BETA1**t)) / (square / (1 - _BETA2**t) + _EPS).sqrt()
    entry.equals(
        new,
        law,
        Mistake("unchanged", weights, "The weights are the old ones."),
        Mistake(
            "others_stale",
            stale if len(slices) > 1 else math.nan,
            "This rank's slice is new, and the others are still the old ones. Each rank would have weights of its own.",
        ),
        Mistake(
            "corrected_by_old_t",
            lambda got: not bool(got.isfinite().all()),
            "There are numbers that are nan or infinite. In the first step t is 1, so that 1 − βᵗ is not 0.",
        ),
        Mistake("wrong_direction", weights + update, "The weights went up the gradient, not down."),
        Mistake("no_bias_correction", plain, "The correction for the start is missing: divide by 1 − βᵗ."),
        Mistake("eps_inside_the_root", inside, "Nearly. The 10⁻⁸ is added to the root, not under it."),
        Mistake("update_not_weights", -update, "That is the step alone. The weights are missing."),
        Mistake("update_not_weights", update, "That is the step alone. The weights are missing."),
        Mistake(
            "slices_reversed",
            torch.cat([new[each] for each in reversed(slices)]),
            "The slices stand in the wrong order.",
        ),
        Mistake(
            "start_by_own_length",
            cut_otherwise([place * (each.stop - each.start) for place, each in enumerate(slices)]),
            "A rank whose slice is shorter than the others' took its weights from the wrong place. Slice r begins at "
            "r · ⌈L / n⌉, whatever its own length is.",
        ),
        Mistake(
            "slices_rounded_down",
            cut_otherwise([place * (length // len(slices)) for place in range(len(slices))]),
            "The places do not fit. Slice r begins at r · ⌈L / n⌉, and the division is rounded *up*.",
        ),
        Mistake("without_lr", weights - update / lr, "The learning rate is missing."),
        tolerance=1e-5,
    )
