"""What right answers of lesson 02 obey, and what wrong ones look like.

Shape letters: D parameters, N examples, b examples of a batch, S steps.
"""

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial

# ── 02.1 ──


@exercise("02.1", title="Slopes without calculus", stars=1, minutes=10)
def numerical_gradient(trial: Trial) -> None:
    def statement(x: Tensor) -> float:
        return (x[0] ** 3 + x[0] * x[1]).item()

    def fourth_power(x: Tensor) -> float:
        return (x[0] ** 4).item()

    def waves(x: Tensor) -> float:
        return ((x**3).sum() + 2 * (x[:-1] * x[1:]).sum() + (0.7 * x).exp().sum()).item()

    def far_from_zero(x: Tensor) -> float:
        return 1000.0 + ((x**2).sum() + x[0] ** 3 + x.sin().sum()).item()

    law = "slope i is (f(x + h·eᵢ) − f(x − h·eᵢ)) / 2h, and eᵢ moves coordinate i alone"
    for f, x, h in (
        (statement, torch.tensor([1.0, 2.0]).double(), 0.25),
        (statement, torch.tensor([1.0, 2.0]).double(), 1.0),
        (waves, trial.normal(5).double(), 0.25),
        (waves, trial.normal(2).double() + 1, 0.4),
    ):
        _agrees_with_differences(trial, f, x, h, law)
    _agrees_with_differences(trial, fourth_power, torch.tensor([0.5]).double(), 0.3, law)

    x = trial.normal(4).double()
    exact = 2 * x + x.cos()
    exact[0] += 3 * x[0] ** 2
    trial(f=far_from_zero, x=x, h=1e-4).equals(
        exact,
        "for a small h the slopes are those of the gradient",
        Mistake(
            "rounding",
            lambda got: (got.double() - exact).abs().max() < 2,
            "Nearly, but the digits have gone. The function's value here is about 1000, and f(x + h) differs from "
            "f(x − h) only far behind the point: 32-bit numbers do not reach there, and neither does an h smaller than "
            "the one that was given.",
        ),
    )


def _agrees_with_differences(trial: Trial, f: Callable[[Tensor], float], x: Tensor, h: float, law: str) -> None:
    def unit(i: int) -> Tensor:
        return torch.eye(len(x), dtype=torch.float64)[i] * h

    def slopes(slope: Callable[[int], float]) -> Tensor:
        return torch.tensor([slope(i) for i in range(len(x))], dtype=torch.float64)

    def pile(i: int) -> Tensor:
        """Where the coordinates before i have been moved and not put back."""
        return torch.cat([torch.full((i,), h), torch.zeros(len(x) - i)]).double()

    right = slopes(lambda i: (f(x + unit(i)) - f(x - unit(i))) / (2 * h))
    everywhere = torch.full_like(x, h)
    together = (f(x + everywhere) - f(x - everywhere)) / (2 * h)
    finer = slopes(lambda i: (f(x + unit(i) / 1000) - f(x - unit(i) / 1000)) / (h / 500))
    piled = [
        slopes(lambda i: (f(x + pile(i) + unit(i)) - f(x + pile(i) - unit(i))) / (2 * h)),
        slopes(lambda i: (f(x - pile(i) + unit(i)) - f(x - pile(i) - unit(i))) / (2 * h)),
        slopes(lambda i: (f(x + pile(i) + unit(i)) - f(x - pile(i) - unit(i))) / (2 * h)),
        slopes(lambda i: (f(x + pile(i) + unit(i)) - f(x)) / h),
        slopes(lambda i: (f(x + pile(i) + unit(i)) - f(x + pile(i))) / h),
    ]
    trial(f=f, x=x, h=h).equals(
        right,
        law,
        Mistake(
            "forward",
            slopes(lambda i: (f(x + unit(i)) - f(x)) / h),
            "That is the forward difference: one side only, and its error is larger. Move to both sides.",
        ),
        Mistake(
            "backward",
            slopes(lambda i: (f(x) - f(x - unit(i))) / h),
            "That is the backward difference: one side only, and its error is larger. Move to both sides.",
        ),
        Mistake("sign", -right, "The sign is turned round: it is the value *ahead* minus the value behind."),
        Mistake(
            "not_halved",
            2 * right,
            "It is twice the slope. From x − h to x + h the way is 2h long: divide by that.",
        ),
        Mistake(
            "divides_by_half_h",
            4 * right,
            "It is four times the slope. From x − h to x + h the way is 2h long, and you divide by h / 2.",
        ),
        Mistake(
            "no_difference",
            lambda got: bool((got == 0).all()) and len(x) > 1,
            "Every slope is 0. Was `f` called twice at the same place? `y = x` makes no copy, only a second name: what "
            "happens to the one happens to the other. (And in a tensor of whole numbers, a small h is 0.)",
        ),
        Mistake(
            "brackets",
            right * (2 * h) / 2 * h,
            "`/ 2 * h` divides by 2 and then *multiplies* by h. Put brackets round the product: `/ (2 * h)`.",
        ),
        Mistake(
            "difference_not_in_brackets",
            slopes(lambda i: f(x + unit(i)) - f(x - unit(i)) / (2 * h)),
            "Only the second value was divided: the difference needs brackets of its own, `(f(…) - f(…)) / (2 * h)`.",
        ),
        Mistake(
            "half_the_way",
            slopes(lambda i: (f(x + unit(i) / 2) - f(x - unit(i) / 2)) / h),
            "You moved by h / 2 to each side. Here it is h to each side, 2h in all.",
        ),
        Mistake(
            "only_the_first",
            lambda got: len(x) > 1 and torch.isclose(got[0].double(), right[0]) and not got[1:].any(),
            "Only the first slope was found. Does a `return` stand inside the loop?",
        ),
        Mistake(
            "added_up",
            right.sum() if len(x) > 1 else None,
            "The slopes were added up. Return all of them, each in its own place.",
        ),
        Mistake("not_divided", right * 2 * h, "That is the difference itself. A slope is a difference per distance."),
        Mistake(
            "together",
            lambda got: torch.allclose(got.double(), together * torch.ones_like(x), rtol=1e-4, atol=1e-4),
            "All coordinates were moved at once: every slope is the same. Move one and leave the others where they "
            "are.",
        ),
        Mistake(
            "moves_pile_up",
            lambda got: any(torch.allclose(got.double(), wrong, rtol=1e-4, atol=1e-4) for wrong in piled),
            "The first slope is right, and later ones are taken elsewhere: the coordinates that came before were not "
            "put back. Start from a fresh copy of x for each.",
        ),
        Mistake(
            "own_h",
            lambda got: torch.allclose(got.double(), finer, rtol=1e-3, atol=1e-3),
            f"That is (nearly) the exact slope, and with h = {h} the central difference is something else. Use the h "
            "that is given, whatever its size.",
        ),
    )


# ── 02.2 ──


@exercise("02.2", title="Walk downhill, and stop", stars=1, minutes=10)
def descend(trial: Trial) -> None:
    def valley(*curvatures: float) -> Callable[[Tensor], Tensor]:
        scale = torch.tensor(curvatures)

        def gradient(x: Tensor) -> Tensor:
            return scale * x

        return gradient

    def coupled(x: Tensor) -> Tensor:
        return torch.stack([3 * x[0] + 2 * x[1], 2 * x[0] + 4 * x[1]])

    # Long enough that no mistake about where to stop looks like another.
    _agrees_with_descent(trial, coupled, torch.tensor([3.0, -2.0]), 0.05, 0.25, 70)
    _agrees_with_descent(trial, valley(1, 4), torch.tensor([4.0, 1.0]), 0.25, 2.0, 20)
    _agrees_with_descent(trial, valley(1, 2, 5, 1.5), trial.normal(4) + 2, 0.08, 0.5, 60)
    _agrees_with_descent(trial, valley(1, 2), torch.tensor([2.0, 2.0]), 0.05, 0.01, 7)
    _agrees_with_descent(trial, valley(1.0, 3.0), torch.tensor([0.1, 0.1]), 0.1, 2.0, 9)
    _agrees_with_descent(trial, valley(2.0), torch.tensor([1.0]), 0.1, 0.01, 0)


def _walk(
    gradient: Callable[[Tensor], Tensor],
    start: Tensor,
    lr: float,
    tolerance: float,
    max_steps: int,
    size: Callable[[Tensor], Tensor] = torch.linalg.vector_norm,
    step: Callable[[Tensor], Tensor] = lambda slope: slope,
) -> Tensor:
    path = [start]
    for _ in range(max_steps):
        slope = gradient(path[-1])
        if size(slope) < tolerance:
            break
        path.append(path[-1] - lr * step(slope))
    return torch.stack(path)


def _agrees_with_descent(
    trial: Trial,
    gradient: Callable[[Tensor], Tensor],
    start: Tensor,
    lr: float,
    tolerance: float,
    max_steps: int,
) -> None:
    right = _walk(gradient, start, lr, tolerance, max_steps)
    frozen = gradient(start)

    def walk(**other: Any) -> Callable[[], Tensor]:
        return lambda: _walk(gradient, start, lr, **{"tolerance": tolerance, "max_steps": max_steps, **other})

    def close(got: Tensor, path: Tensor) -> bool:
        return got.shape == path.shape and torch.allclose(got.float(), path, 1e-4, 1e-4)

    def is_like(*makers: Callable[[], Tensor]) -> Callable[[Tensor], bool]:
        """Whether the walk is one that `makers` make, and is longer or shorter than the right one for that reason."""
        return lambda got: any(close(got, make()) for make in makers)

    def begins_like(make: Callable[[], Tensor], at_least: int = 1) -> Callable[[Tensor], bool]:
        """Whether the first steps, `at_least` so many, are those that `make` makes, and not the right ones."""

        def same(got: Tensor) -> bool:
            path = make()
            n = min(len(got), len(path), 6)
            return n > at_least and close(got[:n], path[:n]) and not close(got[:n], right[:n])

        return same

    def goes_on(got: Tensor) -> bool:
        """Whether the walk begins as it should, and does not stop where it should."""
        return len(got) > len(right) and close(got, _walk(gradient, start, lr, 0.0, len(got) - 1))

    def from_the_start() -> Tensor:
        path = [start]
        for _ in range(1, len(right)):
            path.append(start - lr * gradient(path[-1]))
        return torch.stack(path)

    def in_turn() -> Tensor:
        path = [start]
        for _ in range(1, len(right)):
            point = path[-1].clone()
            for i in range(len(point)):
                point[i] -= lr * gradient(point)[i]
            path.append(point)
        return torch.stack(path)

    answer = trial(gradient=gradient, start=start, lr=lr, tolerance=tolerance, max_steps=max_steps)
    law = (
        "the path holds the start and every point after it, each a step −lr · gradient from the one before, up to the "
        "first point whose gradient is shorter than the tolerance, or up to max_steps steps"
    )
    answer.equals(
        right,
        law,
        Mistake(
            "only_the_end",
            lambda got: got.shape == start.shape and torch.allclose(got.float(), right[-1], 1e-4, 1e-4),
            "That is the last point alone. Wanted is the whole path, one point a row, the start first.",
        ),
        Mistake(
            "path_of_one_tensor",
            lambda got: (
                len(got) > 2
                and torch.allclose(got[1:], got[-1].expand_as(got[1:]))
                and not torch.allclose(right[1], right[2])
            ),
            "All points of the path are the same one, because they are one tensor, changed in place and listed many "
            "times. Make a new tensor at each step (`x = x - ...`), or append `x.clone()`.",
        ),
        Mistake(
            "uphill",
            begins_like(walk(step=torch.neg)),
            "It walks uphill. The gradient points to where the function grows: subtract it.",
        ),
        Mistake(
            "start_missing", right[1:], "The first point is missing: the path begins at the start, before any step."
        ),
        Mistake(
            "end_missing",
            right[:-1] if len(right) <= max_steps else None,
            "The last point is missing. Append the new point right after the step that led to it.",
        ),
        Mistake(
            "frozen_gradient",
            begins_like(lambda: torch.stack([start - k * lr * frozen for k in range(len(right))]), at_least=2),
            "Every step is the same: the gradient was computed once, at the start. Ask for it again at each point.",
        ),
        Mistake(
            "one_coordinate_after_another",
            begins_like(in_turn),
            "The second coordinate already sees the first one moved. All coordinates step at once, with the gradient "
            "of one and the same point.",
        ),
        Mistake(
            "always_from_the_start",
            begins_like(from_the_start, at_least=2),
            "Each step is taken from the start. Take it from the point where you are, the last of the path.",
        ),
        Mistake(
            "unit_steps",
            begins_like(walk(step=lambda slope: slope / slope.norm())),
            "Each step is lr long, because the gradient was divided by its length. Multiply by the gradient itself, "
            "so that steps become shorter where it is flat.",
        ),
        Mistake("no_lr", begins_like(walk(step=lambda slope: slope / lr)), "The step lacks the factor `lr`."),
        Mistake(
            "ignores_max_steps",
            lambda got: len(right) == max_steps + 1 and goes_on(got),
            f"It goes on too long. After `max_steps` steps, here {max_steps}, it has to stop wherever it is.",
        ),
        Mistake(
            "squared_length",
            is_like(walk(size=lambda slope: slope.square().sum())),
            "It compares the *squared* length of the gradient with the tolerance. Take the root.",
        ),
        Mistake(
            "largest_component",
            is_like(walk(size=lambda slope: slope.abs().max()), walk(size=lambda slope: slope.abs().min())),
            "It looks at the gradient coordinate by coordinate. Wanted is its length, √(g₁² + … + g_D²).",
        ),
        Mistake(
            "signed_components",
            is_like(walk(size=torch.max), walk(size=torch.sum), walk(size=torch.mean)),
            "It compares something with a sign: a gradient of −5 is not shorter than the tolerance. Take its length, "
            "√(g₁² + … + g_D²).",
        ),
        Mistake(
            "sum_of_components",
            is_like(walk(size=lambda slope: slope.abs().sum())),
            "It compares the sum of the absolute slopes with the tolerance. Wanted is the length, √(g₁² + … + g_D²).",
        ),
        Mistake(
            "mean_of_squares",
            is_like(
                walk(size=lambda slope: slope.square().mean().sqrt()), walk(size=lambda slope: slope.square().mean())
            ),
            "It takes the mean of the squared slopes. The length of a gradient is the root of their *sum*.",
        ),
        Mistake(
            "short_step",
            is_like(walk(size=lambda slope: lr * slope.norm())),
            "It stops when the *step* is shorter than the tolerance. The gradient is what should be compared: a small "
            "learning rate makes every step short.",
        ),
        Mistake(
            "one_step_too_many",
            lambda got: len(got) == len(right) + 1 and goes_on(got),
            "It takes one step too many. At each point, first ask whether to stop, then step.",
        ),
        Mistake(
            "padded_path",
            lambda got: (
                len(got) > len(right)
                and torch.allclose(got[: len(right)].float(), right, 1e-4, 1e-4)
                and torch.allclose(got[len(right) :], got[-1].expand_as(got[len(right) :]))
            ),
            f"The points are right, and behind them are rows to spare. Return the {len(right)} points that were "
            "visited, and nothing after the last.",
        ),
        Mistake(
            "never_stops_early",
            lambda got: len(got) == max_steps + 1 and goes_on(got),
            "It always takes `max_steps` steps. Stop where the gradient is shorter than `tolerance`.",
        ),
        Mistake(
            "stops_too_early",
            lambda got: len(got) < len(right) and torch.allclose(got.float(), right[: len(got)], 1e-4, 1e-4),
            f"The points are right, and there are too few: {len(right)} are wanted, the start among them. Stop only "
            "where the gradient is shorter than the tolerance, or after `max_steps` *steps*.",
        ),
    )


# ── 02.3 ──


class _Call(NamedTuple):
    """What `gradients` was asked for."""

    weights: Tensor
    inputs: Tensor
    targets: Tensor


@exercise("02.3", title="An epoch of stochastic gradient descent", stars=2, minutes=15)
def sgd_epoch(trial: Trial) -> None:
    for n, d, batch_size, lr in ((12, 3, 4, 0.05), (23, 2, 5, 0.03), (6, 4, 1, 0.02), (5, 3, 8, 0.1), (16, 1, 3, 0.04)):
        inputs, targets, weights = trial.normal(n, d), trial.normal(n), trial.normal(d)
        _runs_an_epoch(trial, weights, inputs, targets, lr, batch_size)

    inputs, targets, weights = trial.normal(40, 2), trial.normal(40), trial.normal(2)
    first, second = (_runs_an_epoch(trial, weights, inputs, targets, 0.02, 8) for _ in range(2))
    trial.requires(
        first != second,
        "every epoch draws a new order",
        "same_order_every_time",
        "Two epochs in a row had the same batches. Does your function set a seed (or ask a generator that it has just "
        "made)? Leave that to whoever calls it.",
    )


def _runs_an_epoch(
    trial: Trial, weights: Tensor, inputs: Tensor, targets: Tensor, lr: float, batch_size: int
) -> list[int]:
    """Hold one epoch against the laws, and return the order in which the examples came."""
    n, d = inputs.shape
    calls: list[_Call] = []

    def gradients(weights: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
        shapes = tuple(weights.shape), tuple(inputs.shape), tuple(targets.shape)
        if inputs.ndim != 2 or shapes != ((d,), (len(inputs), d), (len(inputs),)):
            raise ValueError(
                f"gradients() wants weights of shape ({d},), inputs of shape (b, {d}) and targets of shape (b,), and "
                f"got the shapes {shapes[0]}, {shapes[1]} and {shapes[2]}"
            )
        calls.append(_Call(*(given.detach().clone() for given in (weights, inputs, targets))))
        return (2 * (inputs @ weights - targets)[:, None] * inputs).detach()

    answer = trial(weights=weights, inputs=inputs, targets=targets, gradients=gradients, lr=lr, batch_size=batch_size)
    answer.requires(
        bool(calls), "each batch asks for its gradients", "never_asks", "Yours never called `gradients` at all."
    )
    batches = _batches(answer, calls, inputs, targets)
    _visits_every_example(answer, batches, calls, n, batch_size)
    answer.requires(
        torch.equal(batches[0][0].float(), weights),
        "the first batch is judged at the weights that were given",
        "starts_elsewhere",
        "Your first call of `gradients` was made with other weights.",
    )

    def means(ids: list[int], at: Tensor) -> Tensor:
        return 2 * (inputs[ids] @ at - targets[ids]) @ inputs[ids] / len(ids)

    reached = [at for at, _ in batches[1:]] + [answer.value]
    for k, ((at, ids), after) in enumerate(zip(batches, reached, strict=True)):
        at, last, size = at.float(), k + 1 == len(batches), len(ids)
        slope = means(ids, at)
        what = "the weights that were returned" if last else f"the weights after batch {k + 1} of {len(batches)}"
        Returned(after, f"{answer.call}, {what}", answer.inputs).equals(
            at - lr * slope,
            "after each batch, the weights are the old ones minus lr times the mean gradient of that batch",
            Mistake(
                "last_step_missing",
                at if last else None,
                "What came back are the weights *before* the last batch's step.",
            ),
            Mistake("uphill", at + lr * slope, "The step goes uphill: subtract the gradient."),
            Mistake(
                "last_batch_divided_by_batch_size",
                at - lr * slope * size / batch_size if size < batch_size else None,
                f"This batch has {size} example{'s' * (size > 1)}, and its sum was divided by `batch_size`. Divide by "
                "how many there are.",
            ),
            Mistake(
                "sum",
                at - lr * slope * size,
                "The gradients of the batch were added up. Take their mean, or the step grows with the batch.",
            ),
            Mistake(
                "divides_by_all",
                at - lr * slope * size / n,
                "The sum over the batch was divided by the number of *all* examples. Divide by those in the batch.",
            ),
            Mistake("no_lr", at - slope, "The step lacks the factor `lr`."),
            Mistake(
                "divided_twice",
                lambda got, at=at, slope=slope, size=size: any(
                    torch.allclose(got.float(), at - lr * slope / number, 1e-5, 1e-5) for number in {size, batch_size}
                ),
                "The mean was divided by the number of examples once more. A mean has been divided already.",
            ),
            Mistake(
                "wrong_axis",
                lambda got, at=at, ids=ids: (
                    torch.allclose((got.float() - at).std(unbiased=False), torch.tensor(0.0), atol=1e-6)
                    and len(got) > 1
                ),
                "All weights moved by the same amount: the mean ran over everything. Take it over the examples alone, "
                "`mean(dim=0)`, so that each weight keeps a slope of its own.",
            ),
            Mistake(
                "step_from_the_start",
                weights - lr * slope if k else None,
                "The step was taken from the weights at the start of the epoch, and what the batches before have "
                "learned is lost.",
            ),
        )
    return [i for _, ids in batches for i in ids]


def _batches(answer: Returned, calls: list[_Call], inputs: Tensor, targets: Tensor) -> list[tuple[Tensor, list[int]]]:
    """The weights of each batch and its examples; different calls at the same weights are parts of one batch."""
    batches: list[tuple[Tensor, list[int]]] = []
    before: _Call | None = None
    for call in calls:
        if before and all(torch.equal(now, then) for now, then in zip(call, before, strict=True)):
            continue  # the same question twice
        before = call
        equal = (call.inputs[:, None] == inputs).all(-1)
        answer.requires(
            bool(equal.any(1).all()),
            "each batch consists of examples, as they were given",
            "other_inputs",
            "`gradients` got an input that is none of the examples.",
        )
        ids = equal.long().argmax(1)
        answer.requires(
            torch.equal(call.targets.float(), targets[ids]),
            "each input goes with its own target",
            "torn_apart",
            "Inputs came with the targets of other examples. Shuffle once, and pick both by the same numbers.",
        )
        if batches and torch.equal(batches[-1][0], call.weights):
            batches[-1][1].extend(ids.tolist())
        else:
            batches.append((call.weights, ids.tolist()))
    return batches


def _visits_every_example(
    answer: Returned, batches: list[tuple[Tensor, list[int]]], calls: list[_Call], n: int, batch_size: int
) -> None:
    order = [i for _, ids in batches for i in ids]
    sizes = [len(ids) for _, ids in batches]
    wanted = [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
    per_step = "there is a step after each batch, and the next one is judged at the new weights"
    answer.requires(
        not (len(batches) == 1 and len(calls) == len(wanted) > 1),
        per_step,
        "weights_never_move",
        "All batches were judged at the same weights. Step after each, and hand the new weights to `gradients`.",
    )
    answer.requires(
        not (n > batch_size and all(len(call.inputs) == n for call in calls)),
        "each step looks at its own batch alone",
        "full_batch",
        f"Your function asks for the gradients of all {n} examples at once. A batch has {batch_size}, and the step "
        "should cost no more than those.",
    )
    largest = max(sizes)
    answer.requires(
        largest <= batch_size,
        "no batch is larger than batch_size",
        "batches_too_large",
        f"One step took in {largest} examples, and a batch has {batch_size}. If you cut with a slice, where does it "
        "end?",
    )
    visits = "in an epoch each example comes up exactly once"
    dropped = n % batch_size
    answer.requires(
        not (dropped and len(set(order)) == len(order) == n - dropped),
        visits,
        "last_batch_dropped",
        f"{dropped} of {n} examples never came up: they were too few for a full batch. Use them all the same, as a "
        "smaller batch.",
    )
    answer.requires(
        not (len(order) > n and len(set(order)) == n and len(set(Counter(order).values())) == 1),
        visits,
        "several_epochs",
        f"Every example came up, but there were {len(order)} visits to {n} examples. One pass is one epoch.",
    )
    answer.requires(
        not (len(order) > n and len(set(order[:n])) == n and sizes == [batch_size] * len(wanted)),
        visits,
        "last_batch_filled_up",
        "The last batch was filled up with examples that had been there before. Leave it smaller.",
    )
    answer.requires(
        len(set(order)) == len(order),
        visits,
        "with_replacement",
        "Some examples came up more than once. Draw one order for the whole epoch, before the first batch, and cut it "
        "into batches.",
    )
    answer.requires(
        len(order) == n,
        visits,
        "examples_missing",
        f"{n - len(order)} of {n} examples never came up. Does the loop go on to the last batch, and does the "
        "`return` come after it?",
    )
    if n > batch_size:
        answer.requires(
            n < 10 or order != list(range(n)),
            "the examples are shuffled",
            "not_shuffled",
            "They came in the order in which they were given.",
        )
        answer.requires(
            batch_size == 1 or any(max(ids) - min(ids) >= len(ids) or min(ids) % batch_size for _, ids in batches),
            "the examples are shuffled, so that any of them may meet in a batch",
            "blocks_stay_together",
            "Batches were cut first and shuffled afterwards: the same examples meet every time. Shuffle the examples, "
            "then cut.",
        )
    answer.requires(
        not (batch_size > 1 and n > 1 and sizes == [1] * n),
        per_step,
        "batch_size_ignored",
        f"Yours takes a step after every single example. A batch has {batch_size}.",
    )
    answer.requires(
        sizes == wanted,
        "every batch has batch_size examples, and the last one what is left",
        "wrong_sizes",
        f"Here the batches should have {' + '.join(map(str, wanted))} examples, and yours have "
        f"{' + '.join(map(str, sizes))}.",
    )


# ── 02.4 ──


@exercise("02.4", title="Momentum, as torch has it", stars=1, minutes=10)
def momentum_step(trial: Trial) -> None:
    _agrees_with_momentum(
        trial, torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0]), 0.05, 0.9, "the statement's example"
    )
    weights, velocity = trial.normal(3, 4), torch.zeros(3, 4)
    for lr, momentum in ((0.3, 0.8), (0.2, 0.8), (0.05, 0.5), (0.4, 0.0)):
        gradient = trial.normal(3, 4)
        _agrees_with_momentum(trial, weights, velocity, gradient, lr, momentum, "any shape")
        velocity = momentum * velocity + gradient
        weights = weights - lr * velocity
    _agrees_with_momentum(trial, trial.normal(), trial.normal(), trial.normal(), 0.2, 0.7, "no axes at all")


def _agrees_with_momentum(
    trial: Trial, weights: Tensor, velocity: Tensor, gradient: Tensor, lr: float, momentum: float, where: str
) -> None:
    new = momentum * velocity + gradient
    moved = weights - lr * new
    answer = trial(weights=weights, velocity=velocity, gradient=gradient, lr=lr, momentum=momentum)
    _returns(answer, "new weights", "new velocity")
    answer.entry(1).equals(
        new,
        f"the new velocity is momentum · old velocity + gradient ({where})",
        Mistake("swapped", moved, "Those are the new weights. They come first, the velocity second."),
        Mistake(
            "dampened",
            momentum * velocity + (1 - momentum) * gradient,
            "The gradient was multiplied by 1 − momentum: a running mean, as other books have it. Here it comes in "
            "full.",
        ),
        Mistake(
            "shares_swapped",
            (1 - momentum) * velocity + momentum * gradient,
            "Momentum is the share of the *old velocity* that stays, and the gradient comes in full.",
        ),
        Mistake(
            "shares_swapped", velocity + momentum * gradient, "Momentum belongs to the velocity, not the gradient."
        ),
        Mistake(
            "lr_in_velocity",
            momentum * velocity + lr * gradient,
            "The learning rate is inside the velocity. Here it comes in only where the weights move, so that a new "
            "rate applies to old gradients too.",
        ),
        Mistake(
            "lr_in_velocity",
            momentum * velocity - lr * gradient,
            "That is the convention v ← momentum · v − lr · gradient. In torch's, the velocity adds up gradients as "
            "they are, and lr and the minus sign come in where the weights move.",
        ),
        Mistake(
            "lr_for_momentum",
            lr * velocity + gradient,
            "The old velocity was multiplied by `lr`. What stays of it is `momentum`.",
        ),
        Mistake(
            "velocity_sign",
            momentum * velocity - gradient,
            "The gradient was subtracted from the velocity. Add it, and subtract the velocity from the weights.",
        ),
        Mistake(
            "never_forgets",
            velocity + gradient,
            "Nothing of the old velocity fades: it lacks the factor `momentum`.",
        ),
        Mistake("no_memory", gradient, "That is the gradient alone. The old velocity has its part, times `momentum`."),
        Mistake(
            "velocity_unchanged",
            velocity if bool(velocity.any()) else None,
            "That is the old velocity. Return the new one, for the next step.",
        ),
        Mistake(
            "momentum_on_both",
            momentum * (velocity + gradient),
            "The factor `momentum` belongs to the old velocity alone. The gradient comes in full.",
        ),
    )
    answer.entry(0).equals(
        moved,
        f"the new weights are the old ones minus lr · new velocity ({where})",
        Mistake(
            "old_velocity",
            weights - lr * velocity,
            "The weights moved with the *old* velocity. Renew it first.",
        ),
        Mistake("uphill", weights + lr * new, "The step goes uphill: subtract the velocity."),
        Mistake("no_lr", weights - new, "The step lacks the factor `lr`."),
        Mistake(
            "plain_step",
            weights - lr * gradient,
            "That is a step along the gradient, and the velocity has no part in it. Step along the velocity.",
        ),
        Mistake(
            "nesterov",
            weights - lr * (gradient + momentum * new),
            "That is Nesterov's momentum, gradient + momentum · velocity. Here the step is along the velocity itself.",
        ),
        Mistake(
            "counted_twice",
            weights - lr * (gradient + new),
            "The gradient counts twice: it is in the velocity already.",
        ),
        Mistake("weights_unchanged", weights, "The weights have not moved. Return the new ones."),
        Mistake("step_only", -lr * new, "That is the step alone. Add it to the weights."),
        Mistake(
            "momentum_twice",
            weights - lr * momentum * new,
            "The step was multiplied by `momentum` once more. It is lr times the new velocity.",
        ),
    )


def _returns(answer: Returned, *names: str) -> None:
    """Demand a tuple, or something like it, with an entry for each of `names`."""
    try:
        found = len(answer.value)
    except TypeError:
        found = 1
    answer.requires(
        found == len(names) and not (isinstance(answer.value, dict) and 0 not in answer.value),
        f"what comes back are {len(names)} tensors: {', '.join(names)}",
        "not_all_returned",
        f"Return them as a tuple, in this order: `return {', '.join(name.removeprefix('new ') for name in names)}`.",
    )


# ── 02.5 ──


@exercise("02.5", title="Up in a line, down in a cosine", stars=2, minutes=15)
def learning_rate(trial: Trial) -> None:
    for steps, warmup, peak, floor in (
        (14, 4, 3.0, 0.5),
        (8, 2, 1.0, 0.2),
        (30, 5, 2.0, 0.1),
        (12, 0, 2.0, 0.0),
        (20, 1, 1.5, 1.0),
    ):
        _agrees_with_schedule(trial, steps, warmup, peak, floor)
    _agrees_with_schedule(trial, 6, 6, 2.0, 0.5)


def _agrees_with_schedule(trial: Trial, steps: int, warmup: int, peak: float, floor: float) -> None:
    def rates(which: range) -> Returned:
        values = [trial(step=k, steps=steps, warmup=warmup, peak=peak, floor=floor).value for k in which]
        call = f"steps {which[0]} to {which[-1]} with steps={steps}, warmup={warmup}, peak={peak}, floor={floor}"
        return Returned(values, call, {})

    rise, fall, after = range(warmup), range(warmup, steps), range(steps, steps + 4)
    if rise:
        shares = torch.arange(1, warmup + 1) / warmup
        rates(rise).equals(
            (shares * peak).tolist(),
            "in the warm-up the rate is peak · (step + 1) / warmup",
            Mistake(
                "starts_at_zero",
                ((shares - 1 / warmup) * peak).tolist(),
                "It rises one step late, and the first step has rate 0: a batch computed for nothing. Steps count from "
                "0, so take step + 1.",
            ),
            Mistake(
                "peak_too_late",
                (torch.arange(1, warmup + 1) / (warmup + 1) * peak).tolist(),
                "The last step of the warm-up is still below the peak: you divide by warmup + 1.",
            ),
            Mistake(
                "warmup_from_floor",
                (floor + (peak - floor) * shares).tolist() if floor else None,
                "The warm-up starts at the floor. It starts from 0: peak · (step + 1) / warmup.",
            ),
            Mistake(
                "no_warmup",
                lambda got: warmup > 1 and all(abs(float(rate) - peak) < 1e-3 * peak for rate in got),
                "The rate is at the peak from the start. It should rise towards it.",
            ),
            Mistake(
                "no_warmup",
                lambda got: (
                    warmup > 1
                    and abs(float(got[0]) - peak) < 1e-6
                    and all(float(b) < float(a) for a, b in pairwise(got))
                ),
                "The rate falls from the first step on. It should rise in the warm-up.",
            ),
            Mistake(
                "share_not_rate",
                shares.tolist(),
                "Those are shares of the peak. Multiply by `peak`.",
            ),
            Mistake(
                "brackets",
                [peak * k + 1 / warmup for k in rise],
                "`peak * step + 1 / warmup` multiplies and divides before it adds. Put step + 1 in brackets.",
            ),
            Mistake(
                "brackets",
                [peak * (k + 1 / warmup) for k in rise],
                "`step + 1 / warmup` divides before it adds. Put step + 1 in brackets.",
            ),
            Mistake(
                "whole_numbers",
                lambda got: warmup > 1 and all(float(rate) == 0 for rate in got[:-1]) and float(got[-1]) > 0,
                "The rate is 0 until the last step: `//` rounds down to a whole number. Use `/`.",
            ),
            Mistake(
                "warmup_times_cosine",
                lambda got: (
                    warmup > 2
                    and abs(float(got[0]) - peak / warmup) < 0.02 * peak
                    and all(
                        float(rate) < right for rate, right in zip(got[1:], (shares[1:] * peak).tolist(), strict=True)
                    )
                ),
                "The rate falls behind the straight line. Do warm-up and cosine act at the same time? The fall begins "
                "where the warm-up ends.",
            ),
        )
    if fall:
        progress = torch.tensor([(k - warmup) / (steps - warmup) for k in fall], dtype=torch.float64)
        step = torch.tensor(list(fall), dtype=torch.float64)

        def cosine(p: Tensor, low: float = floor) -> list[float]:
            return (low + (peak - low) * (1 + (math.pi * p).cos()) / 2).tolist()

        rates(fall).equals(
            cosine(progress),
            "after the warm-up the rate is floor + (peak − floor) · (1 + cos(π·p)) / 2, where p is the share of the "
            "fall that is over",
            Mistake(
                "warmup_one_longer",
                [peak * (warmup + 1) / warmup, *cosine(progress)[1:]] if warmup else None,
                "The first step after the warm-up is above the peak: it is still treated as warm-up. `<`, not `<=`.",
            ),
            Mistake(
                "gap_after_warmup",
                [floor, *cosine(progress)[1:]] if warmup else None,
                "The first step after the warm-up gets the floor: with step == warmup it falls between two cases.",
            ),
            Mistake(
                "brackets",
                lambda got: any(
                    torch.allclose(as_numbers(got), wrong, 1e-4, 1e-4)  # type: ignore[arg-type]
                    for wrong in (
                        floor + (peak - floor) * 1 + (math.pi * progress).cos() / 2,
                        floor + (peak - floor) * (1 + (math.pi * progress).cos() / 2),
                        (floor + (peak - floor) * (1 + (math.pi * progress).cos())) / 2,
                        torch.tensor(cosine(step - warmup / steps - warmup), dtype=torch.float64),
                        torch.tensor(cosine(step - warmup / (steps - warmup)), dtype=torch.float64),
                    )
                ),
                "A pair of brackets is missing: Python multiplies and divides before it adds. 1 + cos(…) wants "
                "brackets, and so do step − warmup and steps − warmup.",
            ),
            Mistake(
                "counts_from_the_start",
                cosine(step / steps),
                "The cosine counts from step 0, so the rate jumps where the warm-up ends. Count from there: p is "
                "(step − warmup) / (steps − warmup).",
            ),
            Mistake(
                "too_slow",
                cosine((step - warmup) / steps),
                "The fall is too slow and never gets to the floor: it lasts steps − warmup steps, so divide by that.",
            ),
            Mistake(
                "ends_below_steps",
                cosine((step - warmup) / (steps - warmup - 1)) if steps - warmup > 1 else None,
                "The floor is reached one step early, at step number steps − 1. You divide by steps − warmup − 1.",
            ),
            Mistake(
                "one_step_ahead",
                cosine((step - warmup + 1) / (steps - warmup)),
                "The fall is one step ahead: right after the warm-up p is 0.",
            ),
            Mistake(
                "no_floor",
                cosine(progress, 0.0),
                "It falls towards 0. The floor is where it should end: floor + (peak − floor) · …",
            ),
            Mistake(
                "clipped_at_floor",
                [max(floor, rate) for rate in cosine(progress, 0.0)],
                "It falls towards 0 and is held at the floor. Squeeze the wave between floor and peak instead.",
            ),
            Mistake(
                "above_the_peak",
                [floor + rate for rate in cosine(progress, 0.0)],
                "It begins at peak + floor. The wave has the height peak − floor.",
            ),
            Mistake(
                "not_halved",
                (floor + (peak - floor) * (1 + (math.pi * progress).cos())).tolist(),
                "1 + cos goes from 2 to 0. Halve it.",
            ),
            Mistake(
                "plain_cosine",
                (floor + (peak - floor) * (math.pi * progress).cos()).tolist(),
                "The cosine itself goes from 1 to −1, so the rate falls below the floor. (1 + cos) / 2 goes from 1 "
                "to 0.",
            ),
            Mistake(
                "quarter_wave",
                (floor + (peak - floor) * (math.pi / 2 * progress).cos()).tolist(),
                "That is a quarter of the wave, which falls ever faster. Half a wave, with π·p, is level at both ends.",
            ),
            Mistake(
                "whole_wave",
                (floor + (peak - floor) * (1 + (2 * math.pi * progress).cos()) / 2).tolist(),
                "That is the whole wave, down and up again. Half of it, with π·p, goes down once.",
            ),
            Mistake("no_pi", cosine(progress / math.pi), "The π is missing: cos(p) hardly falls from p = 0 to 1."),
            Mistake(
                "degrees",
                cosine(progress * 180 / math.pi),
                "The cosine got degrees. `math.cos` wants radians: half a wave is π.",
            ),
            Mistake(
                "line",
                (floor + (peak - floor) * (1 - progress)).tolist(),
                "It falls in a straight line. The fall is half a cosine wave.",
            ),
            Mistake(
                "upside_down",
                (floor + (peak - floor) * (1 - (math.pi * progress).cos()) / 2).tolist(),
                "The wave is upside down: it rises from the floor. It is 1 *plus* the cosine.",
            ),
            Mistake(
                "share_not_rate",
                ((1 + (math.pi * progress).cos()) / 2).tolist(),
                "Those are shares between 0 and 1. Put them between `floor` and `peak`.",
            ),
            Mistake(
                "stays_at_the_peak",
                [peak] * len(fall) if len(fall) > 1 else None,
                "After the warm-up it stays at the peak. It should fall.",
            ),
        )
    late = torch.tensor(list(after), dtype=torch.float64) - warmup
    rates(after).equals(
        [floor] * len(after),
        "from step number `steps` on, the rate is the floor",
        Mistake(
            "rises_again",
            (floor + (peak - floor) * (1 + (math.pi * late / (steps - warmup)).cos()) / 2).tolist()
            if steps > warmup
            else None,
            "The wave comes up again after its end. From step number `steps` on, return the floor.",
        ),
        Mistake(
            "rises_again",
            lambda got: any(float(b) > float(a) + 1e-6 for a, b in pairwise(got)),
            "The rate rises again after the end. From step number `steps` on, return the floor.",
        ),
        Mistake(
            "zero_after_the_end",
            [0.0] * len(after) if floor else None,
            "After the end the rate is 0, and nothing is learned any more. Return the floor.",
        ),
        Mistake("peak_after_the_end", [peak] * len(after), "After the end it is at the peak. Return the floor."),
        Mistake(
            "floor_one_late",
            lambda got: all(abs(float(rate) - floor) < 1e-4 for rate in got[1:]),
            "All is right but step number `steps` itself, which has the floor already: `>=`, not `>`.",
        ),
    )


# ── 02.6 ──


@exercise("02.6", title="Numbers before you run it", stars=2, minutes=15)
def predictions(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake, tolerance: float = 2e-3) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=tolerance, reveal=False)

    expect(
        "largest_lr",
        0.2,
        "a step multiplies each coordinate by 1 − lr · curvature, and all of these must stay between −1 and 1",
        Mistake(
            "halved_curvature",
            0.4,
            "You took 5 for the curvature of ½ · 10 y². The slope is 10 y, and its slope again is the curvature.",
        ),
        Mistake(
            "flattest_direction",
            4,
            "That is right for z alone, the flattest direction. With such a rate the others would leap out of the "
            "valley.",
        ),
        Mistake("middle_direction", 0.5, "That is right for x alone, and y would still diverge."),
        Mistake(
            "one_jump",
            0.1,
            "With that rate y is at its minimum after a single step. It may still be larger: jumping over to the other "
            "side is fine, as long as one lands nearer.",
        ),
        Mistake(
            "mean_curvature",
            lambda got: abs(got - 2 / ((4 + 10 + 0.5) / 3)) < 0.01 or abs(got - 2 / 14.5) < 0.002,
            "All curvatures went into one number. Each direction has a bound of its own; which is the strictest?",
        ),
        Mistake("one_over_curvature", 0.25, "That is 1 over the curvature of x. Which direction is the strictest?"),
        Mistake("upside_down", 5, "That is half the curvature. Turn it round: a steep valley wants a small rate."),
    )
    expect(
        "factor",
        -0.5,
        "a step takes lr · slope off, and the slope of ½ · 10 y² is 10 y",
        Mistake("sign_lost", 0.5, "The size is right. On which side of the minimum does y land?"),
        Mistake("taken_off", 1.5, "That is lr · curvature, the share of y that a step takes off. What is left?"),
        Mistake(
            "halved_curvature_factor", 0.25, "You took 5 for the curvature of ½ · 10 y². What is the slope of that?"
        ),
        Mistake("wrong_direction_up", 2.5, "The step goes against the slope: the product is taken off, not added."),
        Mistake(
            "other_coordinate",
            lambda got: abs(got - 0.4) < 1e-3 or abs(got - 0.925) < 1e-3,
            "That is another coordinate's. The question is about y.",
        ),
    )
    expect(
        "steps",
        89,
        "all three are smaller than a thousandth once the slowest is, and a step multiplies it by 1 − lr · curvature",
        Mistake("steepest_only", 10, "That is how long y takes, the steepest. All three have to arrive."),
        Mistake("x_only", 8, "That is how long x takes. All three have to arrive."),
        Mistake("one_too_few", 88, "After that many steps the slowest is just above a thousandth."),
        Mistake("one_too_many", 90, "Very near. One step fewer is enough already."),
        Mistake(
            "between_steps",
            lambda got: 88 < got < 89,
            "That is where the curve crosses a thousandth, between two steps. Which is the first whole step after it?",
        ),
        Mistake(
            "not_exponential",
            lambda got: abs(got - math.log(1000) / 0.075) < 1.5,
            "Near: log(1 − a) is not quite −a. Take the logarithm of the factor itself.",
        ),
        Mistake(
            "decimal_log_mixed",
            lambda got: 37 < got < 40,
            "Two kinds of logarithm were mixed. Use the same base above and below.",
        ),
        Mistake(
            "straight_line",
            lambda got: 13 <= got <= 14,
            "You took 0.075 off at every step. Each step takes a *share* of what is left.",
        ),
        Mistake(
            "halved_curvature_steps",
            lambda got: 180 <= got <= 186,
            "You took ¼ for the curvature of z. The loss has ½ · ½ z², whose slope is ½ z.",
        ),
        tolerance=1e-5,
    )
    expect(
        "curvature",
        35,
        "each step multiplies the distance from the minimum by 1 − lr · curvature",
        Mistake(
            "sign_ignored",
            5,
            "That fits distances 8, 6, 4.5. Here the sign changes at every step: the factor is below 0.",
        ),
        Mistake(
            "factor_over_lr",
            lambda got: abs(abs(got) - 15) < 0.1,
            "That is the factor over lr. The factor is 1 − lr · curvature; solve that.",
        ),
        Mistake("bound", 40, "With that curvature it would neither shrink nor grow. Here the distances do shrink."),
        Mistake("product", 1.75, "That is lr · curvature. Divide by the learning rate, 0.05."),
        Mistake("one_jump_curvature", 20, "With that curvature the first step would land exactly in the minimum."),
        Mistake("negative", -35, "The size is right. A valley has a curvature above 0."),
        tolerance=5e-3,
    )
    expect(
        "batch",
        256,
        "the noise of a mean over b independent examples falls as 1/√b",
        Mistake(
            "linear_noise",
            64,
            "Four times the batch only halves the noise: it falls with the square root of the batch size.",
        ),
        Mistake("wrong_way", lambda got: got < 16, "A smaller batch is noisier."),
        Mistake("factor_only", 16, "That is the batch size that you have, or the factor. What is the new batch size?"),
        Mistake("too_large", 4096, "Four times less noise takes 4² times the batch: not 4⁴ times."),
        Mistake("doubled", 32, "Twice the batch takes the noise to 0.8 / √2 = 0.57. Wanted is 0.2."),
        tolerance=1e-5,
    )
    expect(
        "momentum",
        0.2,
        "with a constant gradient the velocity settles where v = 0.9 v + gradient",
        Mistake(
            "first_step",
            0.02,
            "That is the first step, when the velocity is the gradient. It adds up from there.",
        ),
        Mistake("second_step", 0.038, "That is the second step. It goes on growing."),
        Mistake("velocity_itself", 20, "That is the velocity. A step is lr times that."),
        Mistake("gradient_forgotten", 0.1, "That holds for a gradient of 1. Here it is 2."),
        Mistake(
            "times_momentum",
            lambda got: abs(got - 0.018) < 5e-4 or abs(got - 0.18) < 2e-3,
            "Add up 1 + 0.9 + 0.9² + … without end: the newest gradient counts in full, the ones before fade.",
        ),
        Mistake("no_bound", math.inf, "It does not grow without end: old gradients fade by 0.9 at every step."),
        Mistake("step_sign", -0.2, "The size is right. A length is above 0."),
        tolerance=5e-4,
    )
    expect(
        "adam",
        1,
        "Adam divides the corrected mean of the gradient by the root of the corrected mean of its square",
        Mistake("like_sgd", 500, "That is plain gradient descent. Adam divides by the size of the gradient."),
        Mistake(
            "no_bias_correction",
            lambda got: abs(got - 0.1 / math.sqrt(0.001)) < 0.05,
            "That is Adam without bias correction, 0.1 / √0.001. What are the two averages once they are corrected?",
        ),
        Mistake(
            "corrects_one",
            lambda got: abs(got - 0.1) < 1e-3 or abs(got - 1 / math.sqrt(0.001)) < 0.1,
            "Only one of the two averages was corrected. Both are.",
        ),
        Mistake(
            "no_root", lambda got: abs(got - 1 / 500) < 1e-3, "You divided by the square. Adam divides by its root."
        ),
        Mistake("uncorrected_mean", 50, "That is 0.1 · 500, the first mean before correction, undivided."),
        Mistake(
            "length_itself",
            lambda got: 0 < got < 0.0015,
            "That looks like the length itself, for some learning rate. Wanted is how many learning rates it is long.",
        ),
        Mistake("adam_sign", -1, "The size is right. A length is above 0."),
        tolerance=1e-3,
    )


# ── 02.7 ──


class _Settings(NamedTuple):
    t: int
    lr: float
    beta1: float
    beta2: float
    eps: float
    weight_decay: float


@exercise("02.7", title="AdamW, to the last digit", stars=3, minutes=25)
def adamw_step(trial: Trial) -> None:
    settings = _Settings(t=3, lr=0.1, beta1=0.9, beta2=0.96, eps=1e-8, weight_decay=0.0)
    _agrees_with_adamw(
        trial,
        torch.tensor([2.0, -3.0]),
        torch.tensor([4.0, -1.5]),
        torch.tensor([1.0, 0.5]),
        torch.tensor([5.0, 2.0]),
        settings,
        "in the middle of a run, without decay",
    )
    _chain(trial, (2, 3), settings._replace(beta2=0.99), 4, "in the first steps")
    _chain(trial, (4,), settings._replace(beta1=0.8, beta2=0.9, eps=0.3), 2, "with a large eps")
    _chain(
        trial,
        (2, 2),
        settings._replace(beta1=0.7, beta2=0.95, eps=0.01, lr=0.2, weight_decay=0.5),
        3,
        "with weight decay",
    )
    _agrees_with_adamw(
        trial,
        torch.tensor([1.0]),
        torch.tensor([4.0]),
        torch.zeros(1),
        torch.zeros(1),
        settings._replace(t=1, eps=0.0, weight_decay=0.5),
        "in the statement's example",
    )


def _chain(trial: Trial, shape: tuple[int, ...], settings: _Settings, steps: int, where: str) -> None:
    """Several steps in a row, each from the right state, so that a mistake shows where it is made."""
    weights, mean, square = trial.normal(*shape, scale=2), torch.zeros(shape), torch.zeros(shape)
    for t in range(1, steps + 1):
        gradient = trial.normal(*shape) + 0.5
        weights, mean, square = _agrees_with_adamw(
            trial, weights, gradient, mean, square, settings._replace(t=t), where
        )


def _agrees_with_adamw(
    trial: Trial, weights: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, settings: _Settings, where: str
) -> tuple[Tensor, Tensor, Tensor]:
    t, lr, beta1, beta2, eps, decay = settings
    m = beta1 * mean + (1 - beta1) * gradient
    s = beta2 * square + (1 - beta2) * gradient**2
    m_hat, s_hat = m / (1 - beta1**t), s / (1 - beta2**t)

    def moved(m: Tensor = m_hat, s: Tensor = s_hat) -> Tensor:
        return weights - lr * (m / (s.sqrt() + eps) + decay * weights)

    right = moved()
    answer = trial(weights=weights, gradient=gradient, mean=mean, square=square, **settings._asdict())
    _returns(answer, "new weights", "new mean", "new square")
    answer.entry(1).equals(
        m,
        f"the new mean is beta1 · mean + (1 − beta1) · gradient ({where})",
        Mistake("wrong_order", right, "Those are the new weights. The order is weights, mean, square."),
        Mistake("wrong_order", s, "That is the mean of the squares. The order is weights, mean, square."),
        Mistake(
            "stores_corrected",
            m_hat,
            "It has been corrected, and at the next step it would be corrected again. Keep the mean as it is, and use "
            "the corrected one for this step's update only.",
        ),
        Mistake(
            "shares_swapped",
            (1 - beta1) * mean + beta1 * gradient,
            "The shares are swapped: beta1 of the *old* mean stays, and 1 − beta1 of the gradient comes in.",
        ),
        Mistake(
            "betas_swapped",
            beta2 * mean + (1 - beta2) * gradient,
            "That is with beta2. The mean of the gradient has beta1.",
        ),
        Mistake(
            "sum_not_mean",
            beta1 * mean + gradient,
            "The gradient came in full, as with momentum. In a running mean its share is 1 − beta1.",
        ),
        Mistake(
            "state_unchanged",
            mean if bool(mean.any()) else None,
            "That is the old mean. Return the new one.",
        ),
        Mistake(
            "decay_in_gradient",
            beta1 * mean + (1 - beta1) * (gradient + decay * weights) if decay else None,
            "The weight decay was added to the gradient, so it is averaged and rescaled with it. That is Adam with L2. "
            "In AdamW it acts on the weights alone.",
        ),
        Mistake(
            "one_for_all",
            beta1 * mean + (1 - beta1) * gradient.mean(),
            "One number came in for the whole tensor. Every weight has a running mean of its own, over the *steps*.",
        ),
        Mistake("state_unchanged", lambda got: not got.any(), "It is still 0. Return the new mean."),
    )
    answer.entry(2).equals(
        s,
        f"the new square is beta2 · square + (1 − beta2) · gradient² ({where})",
        Mistake(
            "stores_corrected",
            s_hat,
            "It has been corrected, and at the next step it would be corrected again. Keep it as it is, and use the "
            "corrected one for this step's update only.",
        ),
        Mistake(
            "betas_swapped",
            beta1 * square + (1 - beta1) * gradient**2,
            "That is with beta1. The mean of the squares has beta2.",
        ),
        Mistake(
            "not_squared",
            beta2 * square + (1 - beta2) * gradient,
            "The gradient came in as it is. Square it.",
        ),
        Mistake(
            "absolute",
            beta2 * square + (1 - beta2) * gradient.abs(),
            "The gradient's absolute value came in. Square it.",
        ),
        Mistake(
            "square_of_mean",
            lambda got: any(
                torch.allclose(got.float(), beta2 * square + (1 - beta2) * wrong**2, 1e-4, 1e-5)
                for wrong in (m, m_hat, mean)
            ),
            "The mean was squared. Wanted is the mean of squares: square the gradient of this step.",
        ),
        Mistake(
            "shares_swapped",
            (1 - beta2) * square + beta2 * gradient**2,
            "The shares are swapped: beta2 of the *old* one stays, and 1 − beta2 of the new square comes in.",
        ),
        Mistake(
            "sum_not_mean",
            beta2 * square + gradient**2,
            "The square came in full. In a running mean its share is 1 − beta2.",
        ),
        Mistake(
            "one_for_all",
            lambda got: any(
                torch.allclose(got.float(), beta2 * square + (1 - beta2) * wrong, 1e-4, 1e-5)
                for wrong in (gradient.square().mean(), gradient.square().sum())
            ),
            "One number came in for the whole tensor. Every weight has a running mean of its own, over the *steps*.",
        ),
        Mistake(
            "stores_root",
            s.sqrt(),
            "That is the root of it. Keep the square, and take the root where you divide.",
        ),
        Mistake(
            "share_squared_too",
            beta2 * square + ((1 - beta2) * gradient) ** 2,
            "The share 1 − beta2 was squared with the gradient. Square the gradient alone.",
        ),
        Mistake("state_unchanged", square if bool(square.any()) else None, "That is the old one. Return the new one."),
        Mistake("state_unchanged", lambda got: not got.any(), "It is still 0. Return the new one."),
    )
    adam = m_hat / (s_hat.sqrt() + eps)
    plain = m / (s.sqrt() + eps)
    answer.entry(0).equals(
        right,
        "the new weights are the old ones minus lr · (corrected mean / (√corrected square + eps) + weight_decay · old "
        f"weights) ({where})",
        Mistake(
            "no_bias_correction",
            weights - lr * (plain + decay * weights),
            "Both averages are used as they are. They began at 0 and are too small in the first steps: divide by "
            "1 − beta1ᵗ and 1 − beta2ᵗ.",
        ),
        Mistake("corrects_one", moved(m=m), "Only the square was corrected. The mean began at 0 as well."),
        Mistake("corrects_one", moved(s=s), "Only the mean was corrected. The square began at 0 as well."),
        Mistake(
            "correction_multiplied",
            moved(m * (1 - beta1**t), s * (1 - beta2**t)),
            "You multiply by the correction. The averages are too small: divide.",
        ),
        Mistake(
            "product_not_power",
            lambda got: (
                t > 1
                and torch.allclose(
                    got.float(),
                    moved(m / (1 - beta1 * t), s / (1 - beta2 * t)),
                    1e-4,
                    1e-4,
                    equal_nan=True,
                )
            ),
            "You take beta · t where beta to the power of t is meant: `beta1**t`.",
        ),
        Mistake(
            "power_of_difference",
            moved(m / (1 - beta1) ** t, s / (1 - beta2) ** t) if t > 1 else None,
            "You take (1 − beta) to the power of t. It is 1 minus the power: `1 - beta1**t`.",
        ),
        Mistake(
            "brackets",
            lambda got: torch.allclose(
                got.float(), moved(m / 1 - beta1**t, s / 1 - beta2**t), 1e-4, 1e-4, equal_nan=True
            ),
            "`mean / 1 - beta1**t` divides first. Put the difference in brackets.",
        ),
        Mistake(
            "one_beta_for_both",
            lambda got: any(
                torch.allclose(got.float(), wrong, 1e-4, 1e-4)
                for wrong in (moved(s=s / (1 - beta1**t)), moved(m=m / (1 - beta2**t)))
            ),
            "Both averages were corrected with the same beta. Each has its own: beta1 for the mean, beta2 for the "
            "square.",
        ),
        Mistake(
            "constant_correction",
            moved(m / (1 - beta1), s / (1 - beta2)) if t > 1 else None,
            "The correction is that of the first step, every time. It fades: 1 − beta1 to the power of t.",
        ),
        Mistake(
            "counts_from_zero",
            lambda got: t == 1 and not got.isfinite().all(),
            "It is not finite, for beta to the power of 0 is 1, and 1 − 1 is 0. The first step has t = 1.",
        ),
        Mistake(
            "counts_from_zero",
            moved(m / (1 - beta1 ** (t - 1)), s / (1 - beta2 ** (t - 1))) if t > 1 else None,
            "The correction is that of the step before: t is 1 at the first step already, so use it as it is.",
        ),
        Mistake(
            "one_step_ahead",
            moved(m / (1 - beta1 ** (t + 1)), s / (1 - beta2 ** (t + 1))),
            "The correction is that of the next step: t is 1 at the first one already.",
        ),
        Mistake(
            "eps_inside_root",
            weights - lr * (m_hat / (s_hat + eps).sqrt() + decay * weights),
            "eps was added inside the root. Take the root first.",
        ),
        Mistake(
            "eps_before_correction",
            weights - lr * (plain * math.sqrt(1 - beta2**t) / (1 - beta1**t) + decay * weights) if eps > 1e-3 else None,
            "eps was corrected together with the square: √s + eps, then divided. It is added to the *corrected* root.",
        ),
        Mistake(
            "eps_outside",
            weights - lr * (m_hat / s_hat.sqrt() + eps + decay * weights) if eps > 1e-3 else None,
            "eps was added to the fraction. It belongs below the line: `mean_hat / (square_hat.sqrt() + eps)`.",
        ),
        Mistake(
            "no_eps",
            weights - lr * (m_hat / s_hat.sqrt() + decay * weights) if eps > 1e-3 else None,
            "eps is missing, or is a number of your own. Add the one that is given.",
        ),
        Mistake(
            "no_eps",
            weights - lr * (m_hat / (s_hat.sqrt() + 1e-8) + decay * weights) if eps > 1e-3 else None,
            "eps is a number of your own. Use the one that is given.",
        ),
        Mistake(
            "no_root",
            weights - lr * (m_hat / (s_hat + eps) + decay * weights),
            "The square itself divides. Take its root, else a gradient of 4 moves less than one of 1.",
        ),
        Mistake(
            "gradient_not_mean",
            moved(m=gradient),
            "The gradient of this step is on top of the fraction. It is the corrected mean that belongs there.",
        ),
        Mistake(
            "old_state",
            lambda got: torch.allclose(
                got.float(), moved(mean / (1 - beta1**t), square / (1 - beta2**t)), 1e-4, 1e-4, equal_nan=True
            ),
            "The update uses the averages from *before* this gradient. Renew them first.",
        ),
        Mistake("uphill", weights + lr * (adam + decay * weights), "The step goes uphill: subtract it."),
        Mistake("uphill", weights + lr * adam - lr * decay * weights, "The step goes uphill: subtract it."),
        Mistake("no_lr", weights - adam - lr * decay * weights, "The fraction lacks the factor `lr`."),
        *_decay_mistakes(weights, lr, decay, adam, s_hat.sqrt() + eps),
        Mistake("weights_unchanged", weights, "The weights have not moved. Return the new ones."),
    )
    return right, m, s


def _decay_mistakes(weights: Tensor, lr: float, decay: float, adam: Tensor, root: Tensor) -> list[Mistake]:
    if not decay:
        return []
    return [
        Mistake(
            "no_decay",
            weights - lr * adam,
            "There is no weight decay in it.",
        ),
        Mistake(
            "decay_without_lr",
            weights - lr * adam - decay * weights,
            "The decay lacks the factor `lr`: it would take that share of every weight at every single step.",
        ),
        Mistake(
            "weights_grow",
            weights - lr * (adam - decay * weights),
            "The decay has the wrong sign, and the weights grow. It should pull them towards 0.",
        ),
        Mistake(
            "decay_rescaled",
            weights - lr * (adam + decay * weights / root),
            "The decay is divided by the root together with the mean. It stands outside of the fraction.",
        ),
        Mistake(
            "decays_new_weights",
            (weights - lr * adam) * (1 - lr * decay),
            "The decay acts on the weights *after* Adam's step. Take the share off the old weights.",
        ),
        Mistake(
            "decay_without_weights",
            weights - lr * (adam + decay),
            "The decay lacks the weights: it is a share of each weight, weight_decay · weights.",
        ),
        Mistake(
            "decay_lr_twice",
            weights - lr * (adam + lr * decay * weights),
            "The decay is multiplied by the learning rate twice.",
        ),
        Mistake(
            "decay_by_sign",
            weights - lr * (adam + decay * weights.sign()),
            "The decay takes the same amount off every weight (L1). It takes a *share* of each.",
        ),
        Mistake(
            "decays_everything",
            (weights - lr * adam) * (1 - decay),
            "The decay lacks the factor `lr`, and acts on the new weights. It is lr · weight_decay · old weights.",
        ),
    ]
