"""What right answers of lesson 12 obey, and what wrong ones look like.

Shape letters: B rows of a batch, T tokens of a row, V words, D numbers of a vector, N documents.
"""

import copy
import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial

# ── 12.1 ──


@exercise("12.1", title="Rise, hold, fall", stars=1, minutes=10)
def learning_rate(trial: Trial) -> None:
    law = "the rate is peak · min(1, (step + 1) / warmup, (steps − step) / cooldown), and 0 from step number `steps` on"
    runs = [(8, 2, 4, 1.0), (30, 7, 11, 0.4), (12, 0, 5, 3.0), (9, 4, 0, 0.02), (6, 0, 0, 0.3), (10, 8, 7, 2.0)]
    for steps, warmup, cooldown, peak in runs:
        for step in range(steps + 3):
            _agrees_with_schedule(trial, law, step, steps, warmup, cooldown, peak)


def _agrees_with_schedule(
    trial: Trial, law: str, step: int, steps: int, warmup: int, cooldown: int, peak: float
) -> None:
    rise = (step + 1) / warmup if warmup else 1.0
    fall = (steps - step) / cooldown if cooldown else 1.0
    over = step >= steps
    answer = trial(step=step, steps=steps, warmup=warmup, cooldown=cooldown, peak=peak)
    mistakes = []
    if over:
        mistakes = [
            Mistake("negative", lambda got: float(got) < 0, "Past the end of the run the line goes on below 0."),
            Mistake(
                "goes_on_after_the_end", lambda got: float(got) > 0, "The run is over, and the rate should be 0 by now."
            ),
        ]
    else:
        mistakes = [
            Mistake("zero_at_first", peak * step / warmup if warmup else math.nan, _ZERO_AT_FIRST),
            Mistake(
                "zero_at_last",
                peak * max(0.0, steps - 1 - step) / cooldown if cooldown else math.nan,
                "The fall is one step early: the last update of the run has a rate above 0 too.",
            ),
            Mistake(
                "never_holds",
                peak * (steps - step) / (steps - warmup) if warmup < steps else math.nan,
                "It falls from the end of the warm-up on. Between warm-up and cool-down the rate stays at the peak.",
            ),
            Mistake(
                "cosine",
                peak * (1 - math.cos(math.pi * fall)) / 2,
                "That is half a cosine. This schedule falls in a straight line.",
            ),
            Mistake("peak_forgotten", min(1.0, rise, fall), "That is the share of the peak. Multiply it by `peak`."),
            Mistake("above_the_peak", lambda got: float(got) > peak * 1.001, "The rate is above the peak here."),
            Mistake(
                "product",
                peak * min(1, rise) * min(1, fall),
                "Where rise and fall overlap, you multiplied them. The smaller of the two counts.",
            ),
            Mistake(
                "first_case_wins",
                lambda got: rise < 1 and fall < 1 and _near(got, peak * max(rise, fall)),
                "Rise and fall overlap here, and you took the larger of the two. Or did the first `if` that fits "
                "return before the other was asked?",
            ),
            Mistake(
                "starts_from_peak",
                lambda got: _near(got, peak) and rise < 1,
                "This step is in the warm-up, and you gave it the peak.",
            ),
            Mistake(
                "no_fall",
                lambda got: _near(got, peak) and fall < 1,
                "This step is in the cool-down, and you gave it the peak.",
            ),
        ]
    answer.equals(0.0 if over else peak * min(1.0, rise, fall), law, *mistakes, tolerance=1e-6)


_ZERO_AT_FIRST = (
    "The rise is one step late: the first step would have rate 0, and its batch would be computed for nothing."
)


def _near(got: Any, expected: float, tolerance: float = 1e-4) -> bool:
    return math.isclose(float(got), expected, rel_tol=tolerance, abs_tol=1e-7)


# ── 12.2 ──


@exercise("12.2", title="One length for all gradients", stars=1, minutes=15)
def clip(trial: Trial) -> None:
    for max_norm in (0.3, 1.0, 1000.0):
        gradients = [trial.normal(4, 3), trial.normal(7, scale=0.1), None, trial.normal(2, 2, 2), trial.normal(1)]
        _agrees_with_clip(trial, gradients, max_norm)
    _agrees_with_clip(trial, [torch.tensor([3.0, 0.0]), None, torch.tensor([[0.0], [4.0]])], 2.5)
    _agrees_with_clip(trial, [torch.zeros(3), torch.zeros(2, 2)], 1.0)
    for bad in (math.inf, -math.inf, math.nan):
        spoilt = trial.normal(3, 2)
        spoilt[1, 0] = bad
        _refuses(trial, [trial.normal(4), None, spoilt], bad)


def _agrees_with_clip(trial: Trial, gradients: list[Tensor | None], max_norm: float) -> None:
    here = [gradient for gradient in gradients if gradient is not None]
    flat = torch.cat([gradient.flatten() for gradient in here]).double()
    norm = float(flat.norm())
    factor = min(1.0, max_norm / norm) if norm else 1.0
    answer = trial(gradients=gradients, max_norm=max_norm)
    clipped = answer.entry(0)
    _same_places(clipped, gradients)
    given = [(clipped.entry(place), each) for place, each in enumerate(gradients) if each is not None]
    together = [as_numbers(entry.value) for entry, _ in given]

    def scaled_by(factors: list[float]) -> bool:
        return all(
            got is not None and got.shape == each.shape and torch.allclose(got, each.double() * by, 1e-3, 1e-5)
            for got, each, by in zip(together, here, factors, strict=True)
        )

    def when(gives: Any) -> Callable[[Any], bool]:
        return lambda got: bool(gives)

    own = [float(each.double().norm()) for each in here]
    looks = [
        Mistake(
            "clamps_numbers",
            when(
                all(
                    got is not None and torch.allclose(got, each.double().clamp(-max_norm, max_norm), atol=1e-5)
                    for got, each in zip(together, here, strict=True)
                )
            ),
            "The single numbers were cut off at `max_norm`. That changes the direction; shorten the whole instead.",
        ),
        Mistake(
            "each_on_its_own",
            when(scaled_by([min(1.0, max_norm / each) if each else 1.0 for each in own])),
            "Every tensor was measured and shortened on its own. That turns the step: long parts lose more than short "
            "ones. Measure all numbers together, and shorten all by the same factor.",
        ),
        Mistake(
            "stretches",
            when(norm and scaled_by([max_norm / norm] * len(here)) and norm < max_norm),
            "This gradient was shorter than `max_norm`, and you made it longer. A short one stays as it is.",
        ),
        Mistake(
            "not_clipped", when(scaled_by([1.0] * len(here)) and factor < 1), "This gradient came back at full length."
        ),
        Mistake(
            "sum_of_norms",
            when(scaled_by([min(1.0, max_norm / sum(own)) if norm else 1.0] * len(here))),
            "The lengths of the tensors were added up. Lengths add in squares, as in Pythagoras' theorem.",
        ),
        Mistake(
            "no_root",
            when(scaled_by([min(1.0, max_norm / norm**2) if norm else 1.0] * len(here))),
            "That divides by the sum of squares. The length is its root.",
        ),
        Mistake(
            "mean_of_squares",
            when(scaled_by([min(1.0, max_norm / mean) if (mean := norm / len(flat) ** 0.5) else 1.0] * len(here))),
            "That divides by the root of the *mean* of the squares. The length is the root of their sum, so it grows "
            "with the number of weights.",
        ),
        Mistake(
            "largest_tensor",
            when(scaled_by([min(1.0, max_norm / max(own)) if norm else 1.0] * len(here))),
            "The longest single tensor was measured. The length is that of all numbers together.",
        ),
        Mistake(
            "largest_number",
            when(norm and scaled_by([min(1.0, max_norm / float(flat.abs().max()))] * len(here))),
            "The largest single number was measured. The length is the root of the sum of all squares.",
        ),
        Mistake(
            "zero_by_zero",
            when(norm == 0 and any(got is not None and bool(got.isnan().any()) for got in together)),
            "All gradients are 0 here, and you divided 0 by 0. Where nothing is long, nothing is shortened.",
        ),
    ]
    for entry, each in given:
        entry.equals(each * factor, "all gradients together are shortened by one factor, to `max_norm` at most", *looks)
    after = min(norm, max_norm)
    answer.entry(1).equals(
        norm,
        "the second thing that comes back is the length *before* shortening",
        Mistake("length_afterwards", after, "That is the length after shortening, and it hides every spike."),
        Mistake("factor_returned", factor, "That is the factor. The length is wanted."),
        Mistake("squared_length", norm**2, "That is the sum of squares. The length is its root."),
        Mistake("lengths_added", sum(own), "Lengths of several tensors add in squares, as in Pythagoras' theorem."),
    )


def _same_places(clipped: Returned, gradients: list[Tensor | None]) -> None:
    law = "one entry comes back for each that was given, and None stays None"
    clipped.requires(
        isinstance(clipped.value, list | tuple) and len(clipped.value) == len(gradients),
        law,
        "places_lost",
        "A list of another length came back. Then nobody knows which gradient belongs to which weight.",
    )
    for place, each in enumerate(gradients):
        got = clipped.value[place]
        clipped.requires(
            each is not None or got is None, law, "none_replaced", f"Place {place} was None, and no longer is."
        )
        clipped.requires(
            each is None or isinstance(got, Tensor), law, "tensor_lost", f"Place {place} held a tensor, and none now."
        )


def _refuses(trial: Trial, gradients: list[Tensor | None], bad: float) -> None:
    answer = trial(gradients=gradients, max_norm=1.0)
    clipped = answer.entry(0)
    _same_places(clipped, gradients)
    law = "where a gradient holds inf or nan, zeros come back for all of them"
    numbers = [as_numbers(got) for got in clipped.value if got is not None]
    clipped.requires(
        not any(got is not None and bool(got.isinf().any()) for got in numbers),
        law,
        "infinite_passes",
        "The infinity came through.",
    )
    clipped.requires(
        not any(got is not None and bool(got.isnan().any()) for got in numbers),
        law,
        "zero_times_infinity",
        "There are nans in what came back. inf / inf is nan, and so is 0 · inf: no factor can repair this. Make new "
        "zeros instead.",
    )
    for place, each in enumerate(gradients):
        if each is not None:
            clipped.entry(place).equals(
                torch.zeros_like(each),
                law,
                Mistake(
                    "others_pass",
                    lambda got: bool(got.any()),
                    "The other gradients came through. They were computed from the same spoilt batch.",
                ),
            )
    norm = as_numbers(answer.entry(1).value)
    answer.entry(1).requires(
        norm is not None and norm.ndim == 0 and not bool(norm.isfinite()),
        "the length that comes back tells of it: it is inf or nan",
        "length_hides_it",
        f"A gradient held {bad}, and your length is an ordinary number. Whoever called would never know.",
    )


# ── 12.3 ──


class _Reading:
    """That a batch was read; it lives as long as the batch's graph does."""

    done = False
    """Whether the graph was gone through backwards."""


class _Watched(torch.autograd.Function):
    """Hands logits through, and keeps a `_Reading` in their graph."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, reading: _Reading) -> Tensor:
        ctx.reading = reading
        return logits.view_as(logits)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        ctx.reading.done = True
        return gradient, None


class _Reader(nn.Module):
    """Logits from the newest word alone. It notes how many batches were in memory when it was given another."""

    def __init__(self, table: Float[Tensor, "V D"], head: Float[Tensor, "D V"]) -> None:
        super().__init__()
        self.table = nn.Parameter(table)
        self.head = nn.Parameter(head)
        self.readings: list[weakref.ref[_Reading]] = []
        self.held = 0
        self.most_rows = 0

    def forward(self, inputs: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        alive = [reading() for reading in self.readings]
        self.held = max(self.held, sum(each is not None and not each.done for each in alive))
        self.most_rows = max(self.most_rows, len(inputs))
        reading = _Reading()
        self.readings.append(weakref.ref(reading))
        logits: Tensor = _Watched.apply(self.table[inputs] @ self.head, reading)
        return logits

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Reader":
        """With the gradients, which torch leaves out of a copy."""
        twin = _Reader(self.table.detach().clone(), self.head.detach().clone())
        for copied, weight in zip(twin.parameters(), self.parameters(), strict=True):
            copied.grad = None if weight.grad is None else weight.grad.clone()
        memo[id(self)] = twin
        return twin

    def __repr__(self) -> str:
        return "<a small model>"


def _gradient(model: nn.Module) -> Tensor:
    """All gradients in one row; None counts as zeros, as it does for an optimizer without decay."""
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in model.parameters()])


@exercise("12.3", title="Four small batches, one big step", stars=2, minutes=20)
def accumulate(trial: Trial) -> None:
    for lengths in ([1, 6, 3], [5, 0, 2, 4], [2, 2]):
        _agrees_with_big_batch(trial, lengths)


def _agrees_with_big_batch(trial: Trial, lengths: list[int]) -> None:
    """`lengths`: how many targets per row of each batch are not ignored."""
    n_words = 7
    model = _Reader(trial.normal(n_words, 5), trial.normal(5, n_words))
    for weight in model.parameters():
        weight.grad = trial.normal(*weight.shape)
    stale = _gradient(model)
    batches = []
    for length in lengths:
        inputs, targets = trial.integers(n_words, 3, 6), trial.integers(n_words, 3, 6)
        targets[:, length:] = -100
        batches.append((inputs, targets))

    sums, grads, counts = [], [], []
    for inputs, targets in batches:
        twin = _Reader(model.table.detach().clone(), model.head.detach().clone())
        nats = cross_entropy(twin(inputs).flatten(0, 1), targets.flatten(), reduction="sum")
        nats.backward()
        sums.append(nats.item())
        grads.append(_gradient(twin))
        counts.append(int((targets != -100).sum()))
    total, positions = sum(counts), sum(targets.numel() for _, targets in batches)
    filled = [(nats, grad, count) for nats, grad, count in zip(sums, grads, counts, strict=True) if count]

    def summed(parts: list[Tensor]) -> Tensor:
        return torch.stack(parts).sum(0)

    all_grads = summed(grads)
    shifted_grads, n_shifted = [], 0
    for inputs, targets in batches:
        twin = _Reader(model.table.detach().clone(), model.head.detach().clone())
        cut = inputs[:, :-1], targets[:, 1:]
        cross_entropy(twin(cut[0]).flatten(0, 1), cut[1].flatten(), reduction="sum").backward()
        shifted_grads.append(_gradient(twin))
        n_shifted += int((cut[1] != -100).sum())
    means = summed([grad / count for _, grad, count in filled])
    answer = trial(model=model, batches=batches)
    after: _Reader = answer.inputs["model"]
    for name, weight in after.named_parameters():
        answer.requires(
            torch.equal(weight, model.get_parameter(name)),
            "no weight changes: accumulation only fills `.grad`",
            "updates_weights",
            "Yours changed the weights. The optimiser's step comes later, and is somebody else's.",
        )
    got = _gradient(after)
    law = "`.grad` holds the gradient of the mean over all targets of all batches, as if they were one big batch"

    def looks_like(wrong: Tensor) -> bool:
        return torch.allclose(got, wrong, 1e-3, 1e-5)

    if not looks_like(all_grads / total):
        seen: list[tuple[str, str, list[Tensor]]] = [
            ("no_backward", "There are no gradients, or those that it came with. Is `backward()` called?", [0 * stale]),
            (
                "mean_of_means",
                "Every batch counts the same here, whether it has many targets or few. Every *target* should.",
                [means / len(lengths), means / len(filled)],
            ),
            (
                "not_divided",
                "The means of the batches were added up and not averaged: the step grows with the number of batches.",
                [means],
            ),
            ("sum_of_nats", "The total was not divided by the number of targets.", [all_grads]),
            (
                "ignored_counted",
                "You divided by all positions. Those with target −100 cost nothing and don't count.",
                [all_grads / positions],
            ),
            (
                "rows_counted",
                "You divided by the number of rows, or of batches. A mean per target divides by the number of targets.",
                [all_grads / (3 * len(lengths)), all_grads / len(lengths)],
            ),
            (
                "shifted_again",
                "Inputs and targets were shifted against each other. In these batches that is done already: the target "
                "at each place is what follows the input there.",
                [summed(shifted_grads) / total, summed(shifted_grads) / max(1, n_shifted)],
            ),
            (
                "last_batch_only",
                "Only the last batch is in it. Are the gradients set to zero inside the loop?",
                [grads[-1] / counts[-1], grads[-1] / total, grads[-1]],
            ),
        ]
        answer.requires(
            not got.isnan().any(),
            law,
            "nan_from_empty_batch",
            "There are nans in it. One batch has no target at all, and the mean over nothing is nan.",
        )
        answer.requires(not looks_like(stale), law, "no_backward", seen[0][1])
        for mistake, says, gradients in seen:
            answer.requires(not any(map(looks_like, gradients)), law, mistake, says)
        kept = [all_grads / total, *(gradient for _, _, gradients in seen for gradient in gradients)]
        answer.requires(
            not any(looks_like(stale + wrong) for wrong in kept),
            law,
            "old_gradients_kept",
            "The model came with gradients of an earlier step, and they are still in the sum. `backward()` adds to "
            "what is there.",
        )
        answer.requires(False, law, "wrong_gradient", "It looks like none of the mistakes that this check knows.")
    answer.requires(
        after.most_rows <= max(len(inputs) for inputs, _ in batches),
        "only one batch is held in memory at a time",
        "one_big_batch",
        "The gradient is right, and you put all batches together for it: the big batch for which there is no room.",
    )
    # One may be alive without harm: a loss that was computed only to be looked at.
    answer.requires(
        after.held <= 1,
        "only one batch is held in memory at a time",
        "holds_all_batches",
        "The gradient is right, and yet nothing is gained: all batches were read before the first `backward()`, so all "
        "their graphs were in memory together. Call it for each batch before you read the next.",
    )
    answer.equals(
        sum(sums) / total,
        "the loss that comes back is the mean over all targets of all batches",
        Mistake(
            "reports_mean_of_means",
            sum(nats / count for nats, _, count in filled) / len(lengths),
            "The gradient is right. The loss that you report is a mean of the batches' means.",
        ),
        Mistake(
            "reports_sum", sum(sums), "The gradient is right. The loss that you report is the total, not the mean."
        ),
        Mistake(
            "reports_last",
            lambda loss: any(_near(loss, sums[-1] / n) for n in (counts[-1], total)),
            "The gradient is right. The loss that you report is of the last batch alone.",
        ),
        Mistake(
            "nan_from_empty_batch",
            lambda loss: math.isnan(float(loss)),
            "The gradient is right, and the loss is nan: one batch has no target, and the mean over nothing is nan.",
        ),
    )


# ── 12.4 ──


@exercise("12.4", title="The same text twice, nearly", stars=2, minutes=20)
def keep(trial: Trial) -> None:
    letters = list("abcdefghijkl")
    cat = "the cat saw a bird in the garden today"
    cases: list[tuple[list[str], int, float]] = [
        (["the cat saw a bird", "the cat saw a dog", "a bird saw the cat"], 2, 0.6),
        ([cat, cat.replace("garden", "tree"), "a dog ate the bone", cat], 3, 0.4),
        (["a b c d", "a b c d e", "b a c d e", "a b c", "d c b a"], 2, 0.75),
        (["so", "so it is", "so it was", "so"], 4, 0.5),
        (["a b a b a b", "a b", "x a b a y", "b a"], 2, 0.5),
        (["a b c d e f", "a b c", "g h", "g h i j k"], 2, 0.8),
        (["a bc", "ab c", " a  bc\n"], 2, 0.5),
        (["a b c d", "a b c d e"], 3, 0.3),
        # A chain: each is near its neighbours only.
        ([" ".join(letters[i : i + 6]) for i in range(7)], 2, 0.6),
    ]
    for n in (1, 2, 3):
        documents = []
        for _ in range(8):
            words = [letters[int(word)] for word in trial.integers(12, 9)]
            documents.append(" ".join(words))
            words[int(trial.integers(9, 1))] = "z"
            documents.append(" ".join(words))
        cases.append((documents, n, 0.3))
    _agrees_with_keep(trial, cases)
    # Apart from the others, for what divides by 0 here may have another mistake that shows elsewhere.
    _agrees_with_keep(trial, [(["so", "", "so it is", ""], 4, 0.5)])


def _agrees_with_keep(trial: Trial, cases: list[tuple[list[str], int, float]]) -> None:
    answers = [trial(documents=documents, n=n, threshold=threshold) for documents, n, threshold in cases]
    for answer in answers:
        _is_a_list_of_places(answer)
    got = [as_numbers(_sorted(answer.value)).tolist() for answer in answers]  # type: ignore[union-attr]
    wanted = [_kept(*case) for case in cases]
    law = "a document is kept unless its similarity with an earlier one *that is kept* is at least `threshold`"
    for mistake, says, wrong in _WRONG_WAYS:
        if got != wanted and got == [wrong(*case) for case in cases]:
            seen = next(answer for answer, a, b in zip(answers, got, wanted, strict=True) if a != b)
            seen.requires(False, law, mistake, says)
    for answer, case, yours, places in zip(answers, cases, got, wanted, strict=True):
        answer.requires(
            sorted(yours) == sorted(set(yours)) and all(place in range(len(case[0])) for place in yours),
            "what comes back are places in the list, each at most once",
            "no_places",
            f"Here the places go from 0 to {len(case[0]) - 1}.",
        )
        if set(yours) != set(places):
            first = int(min(set(yours) ^ set(places)))
            sets = [set(_grams(document.split(), case[1])) for document in case[0]]
            earlier = [sets[place] for place in places if place < first]
            said = f"You {'kept' if first in yours else 'dropped'} document {first}, {case[0][first]!r}."
            answer.requires(bool(earlier), law, "first_dropped", f"{said} No earlier one is kept, so it stays.")
            nearest = max(earlier, key=lambda each: len(each & sets[first]) / len(each | sets[first]))
            answer.requires(
                False,
                law,
                "wrong_place",
                f"{said} With the nearest of the earlier ones that are kept, it has {len(nearest & sets[first])} "
                f"pieces in common, and together they have {len(nearest | sets[first])}.",
            )
        answer.requires(yours == places, "the places come in order", "not_in_order", "Yours do not.")


def _sorted(value: Any) -> Any:
    """Sets and other collections of places as lists."""
    return sorted(value) if isinstance(value, set | frozenset | range | dict) else value


def _is_a_list_of_places(answer: Returned) -> None:
    value = _sorted(answer.value)
    answer.requires(
        not (isinstance(value, list | tuple) and any(isinstance(each, str) for each in value)),
        "what comes back are places in the list",
        "texts_returned",
        "You returned the texts. The places are wanted: 0 for the first document.",
    )
    numbers = as_numbers(value)
    answer.requires(
        numbers is not None and numbers.ndim == 1,
        "what comes back are places in the list, as a list of whole numbers",
        "no_list",
        "That is none.",
    )


def _grams(words: list[str] | str, n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)] or [tuple(words)]


def _kept(
    documents: list[str],
    n: int,
    threshold: float,
    split: Callable[[str], list[str] | str] = str.split,
    grams: Callable[[Any, int], list[tuple[str, ...]]] = _grams,
    similarity: Callable[[set[Any], set[Any]], float] = lambda a, b: len(a & b) / len(a | b),
    against_all: bool = False,
    strictly: bool = False,
) -> list[int]:
    """Indices of the documents that are near no earlier one that is kept; the options are ways to get that wrong."""
    sets: list[set[Any]] = [set(grams(split(document), n)) for document in documents]
    kept: list[int] = []
    for i, each in enumerate(sets):
        near = (similarity(each, sets[j]) for j in (range(i) if against_all else kept))
        if not any(value > threshold if strictly else value >= threshold for value in near):
            kept.append(i)
    return kept


def _one_short(words: list[str] | str, n: int) -> list[tuple[str, ...]]:
    return _grams(words, n)[: max(1, len(words) - n)]


def _blocks(words: list[str] | str, n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(0, len(words), n)] or [()]


def _shorter_at_the_end(words: list[str] | str, n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words))] or [()]


def _glued(words: list[str] | str, n: int) -> list[tuple[str, ...]]:
    return [("".join(piece),) for piece in _grams(words, n)]


def _none_if_short(words: list[str] | str, n: int) -> list[tuple[str, ...]]:
    return _grams(words, n) if len(words) >= n else []


def _share(both: int, of: int) -> float:
    return both / of if of else 0.0


def _kept_by_counts(documents: list[str], n: int, threshold: float) -> list[int]:
    counts = [Counter(_grams(document.split(), n)) for document in documents]
    kept: list[int] = []
    for i, each in enumerate(counts):
        if all((each & counts[j]).total() < threshold * (each | counts[j]).total() for j in kept):
            kept.append(i)
    return kept


def _kept_from_pool(documents: list[str], n: int, threshold: float) -> list[int]:
    pool: set[tuple[str, ...]] = set()
    kept = []
    for i, document in enumerate(documents):
        pieces = set(_grams(document.split(), n))
        if len(pieces & pool) < threshold * len(pieces):
            kept.append(i)
        pool |= pieces
    return kept


_ONE_SIZE = "You divided what both have by the size of one of the two. Divide by the size of both together."

_WRONG_WAYS: list[tuple[str, str, Callable[[list[str], int, float], list[int]]]] = [
    (
        "dropped_returned",
        "These are the documents to drop. Those to keep are wanted.",
        lambda documents, n, threshold: [i for i in range(len(documents)) if i not in _kept(documents, n, threshold)],
    ),
    (
        "keeps_the_last",
        "Of two that are alike you kept the later one. The earlier stays.",
        lambda documents, n, threshold: sorted(len(documents) - 1 - i for i in _kept(documents[::-1], n, threshold)),
    ),
    (
        "compares_with_dropped",
        "You compared with documents that were dropped themselves. B may be dropped because of A, and C is near B "
        "alone: if B is gone, C is the only one of its kind.",
        partial(_kept, against_all=True),
    ),
    (
        "exactly_at_threshold",
        "A similarity of exactly `threshold` is enough to be dropped.",
        partial(_kept, strictly=True),
    ),
    (
        "exact_copies_only",
        "Only exact copies were dropped. One changed word, and a copy comes through.",
        lambda documents, n, threshold: [i for i, each in enumerate(documents) if each not in documents[:i]],
    ),
    ("share_of_the_new", _ONE_SIZE, partial(_kept, similarity=lambda a, b: _share(len(a & b), len(a)))),
    ("share_of_the_old", _ONE_SIZE, partial(_kept, similarity=lambda a, b: _share(len(a & b), len(b)))),
    (
        "share_of_the_smaller",
        _ONE_SIZE,
        partial(_kept, similarity=lambda a, b: _share(len(a & b), min(len(a), len(b)))),
    ),
    (
        "share_of_the_larger",
        _ONE_SIZE,
        partial(_kept, similarity=lambda a, b: _share(len(a & b), max(len(a), len(b)))),
    ),
    (
        "sizes_added",
        "You divided by the two sizes added up. What is in both belongs to the union once, not twice.",
        partial(_kept, similarity=lambda a, b: _share(len(a & b), len(a) + len(b))),
    ),
    (
        "dice",
        "You counted what is in both twice above the line, as Dice did. Jaccard divides it once by the union.",
        partial(_kept, similarity=lambda a, b: _share(2 * len(a & b), len(a) + len(b))),
    ),
    ("letters", "Your pieces are made of characters. They should be made of words.", partial(_kept, split=str)),
    (
        "single_words",
        "Your pieces are single words. Two texts of the same words in another order are not the same.",
        lambda documents, n, threshold: _kept(documents, 1, threshold),
    ),
    ("last_piece_forgotten", "The last piece of n words is missing.", partial(_kept, grams=_one_short)),
    (
        "pieces_side_by_side",
        "Your pieces stand side by side. They should overlap: one begins at each word.",
        partial(_kept, grams=_blocks),
    ),
    (
        "shorter_at_the_end",
        "Your last pieces are shorter than n words. A piece begins only where n - 1 more words follow.",
        partial(_kept, grams=_shorter_at_the_end),
    ),
    (
        "words_glued",
        "You joined the words of a piece without a mark between them, so 'a bc' and 'ab c' became the same piece.",
        partial(_kept, grams=_glued),
    ),
    (
        "split_at_every_blank",
        "Two blanks in a row, or a line end, made other words in yours. `document.split()` without an argument takes "
        "any white space as one gap.",
        partial(_kept, split=lambda document: document.split(" ")),
    ),
    (
        "counts_repeats",
        "A piece that comes twice in a document counts twice in yours. A set holds it once.",
        _kept_by_counts,
    ),
    (
        "one_pool",
        "You compared each document with the pieces of all others together. It has to be near a *single* one.",
        _kept_from_pool,
    ),
    (
        "short_never_alike",
        "A document shorter than n words has one piece, all of it. So two equal short ones are alike.",
        partial(_kept, grams=_none_if_short, similarity=lambda a, b: _share(len(a & b), len(a | b))),
    ),
    (
        "short_all_alike",
        "A document shorter than n words has one piece, all of it. Two different short ones are not alike.",
        partial(_kept, grams=_none_if_short, similarity=lambda a, b: len(a & b) / len(a | b) if a | b else 1.0),
    ),
]
"""Ways to get 12.4 wrong: the diagnosis, what it says, and the places that come of it."""


# ── 12.5 ──

_CAUSES = (
    "never zeroed",
    "zeroed too early",
    "no shift",
    "no mask",
    "clipped too late",
    "validates in training mode",
    "resumed with weights alone",
    "leak",
    "rate too low",
    "frozen",
)

_FLAT = "That run does learn: its loss changes."
_PATIENTS: dict[str, tuple[str, dict[str, str]]] = {
    "A": (
        "resumed with weights alone",
        {
            "never zeroed": "That would show from the second update on. Until when does A agree with the healthy run?",
            "clipped too late": "No gradient of A is longer than 1, not even that of the damaged batch.",
            "validates in training mode": "Then the training would be that of the healthy run, from first to last.",
            "leak": "A validation loss higher than the healthy run's is no sign of that.",
        },
    ),
    "B": (
        "no shift",
        {
            "no mask": "What did B make of the damaged batch, whose *targets* were replaced? And a program that used "
            "to look at the words to come would hardly repeat itself when there are none.",
            "leak": "Whoever learns texts by heart begins slowly and still cannot write them after 50 updates. And "
            "look at what B writes.",
            "never zeroed": "Would that be *better* than the healthy run?",
        },
    ),
    "C": (
        "zeroed too early",
        {
            "rate too low": "With small steps the gradient would still have its length. What does the optimiser get?",
            "frozen": "The model's gradient would then have the same length as in the healthy run's first update.",
            "never zeroed": "The gradient would then grow longer, up to the limit.",
        },
    ),
    "D": (
        "validates in training mode",
        {
            "leak": "Its validation loss is higher than the healthy run's.",
            "resumed with weights alone": "Its training agrees with the healthy run to the last update.",
            "clipped too late": "Its training agrees with the healthy run to the last update.",
            "never zeroed": "Its training agrees with the healthy run to the last update.",
        },
    ),
    "E": (
        "never zeroed",
        {
            "zeroed too early": "Then the optimiser would get no gradient at all.",
            "clipped too late": "No gradient is longer than 1.",
            "frozen": _FLAT,
            "rate too low": "E is thrown about, above where it began. Small steps do not do that.",
            "no shift": "To say the word that one stands on is easy. The loss would be near 0 by now.",
            "resumed with weights alone": "E is ill long before update 150.",
        },
    ),
    "F": (
        "clipped too late",
        {
            "resumed with weights alone": "F fares badly before update 150. When does it begin?",
            "never zeroed": "Then the loss would not go down like the healthy run's.",
            "validates in training mode": "That changes no training loss, and two validations would differ.",
            "leak": "Its validation loss is higher than the healthy run's.",
        },
    ),
}
"""Which cause each patient of 12.5 has, and what speaks against others."""

_SPEAKS_AGAINST = {
    "rate too low": _FLAT,
    "frozen": _FLAT,
    "zeroed too early": "Then the optimiser would get gradients of length 0.",
    "no shift": "Its loss is far from that of a program that has to say what it has just read.",
    "no mask": "A program that sees the words to come has losses far below those of the healthy run.",
    "leak": "A leak makes the validation loss better than it could be. Compare with the healthy run.",
    "validates in training mode": "The same weights on the same text in the same mode: do its two validations agree?",
    "clipped too late": "Look at the length of the gradient that the optimiser gets, in update 130 above all.",
    "resumed with weights alone": "Look at what happens after update 150, and at what happens before.",
    "never zeroed": "Then every gradient contains all earlier ones. How long would they be?",
}


@exercise("12.5", title="The clinic: six patients", stars=2, minutes=20)
def causes(trial: Trial) -> None:
    said = trial()
    for patient, (right, against) in _PATIENTS.items():
        entry = said.entry(patient)
        word = " ".join(entry.value.lower().split()) if isinstance(entry.value, str) else None
        entry.requires(
            word in _CAUSES,
            f"what is wrong with patient {patient} is said in the words of the table",
            "unknown_cause",
            f"The causes are {', '.join(map(repr, _CAUSES))}.",
        )
        entry.requires(
            word == right,
            "all of a patient's numbers fit the cause",
            f"{patient.lower()}_is_not_{str(word).replace(' ', '_')}",
            against.get(str(word)) or _SPEAKS_AGAINST[str(word)],
        )


# ── 12.6 and 12.7: what the patients are made of ──


class Momentum:
    """An optimiser in the manner of torch's: the weights move by `lr` times a running sum of gradients.

    Like torch's, `state_dict` hands out its own tensors, and `load_state_dict` keeps those that it is given.
    """

    def __init__(self, weights: Iterator[nn.Parameter], lr: float = 0.1, momentum: float = 0.9) -> None:
        self.weights = list(weights)
        self.lr = lr
        self.momentum = momentum
        self.velocity: list[Tensor] = []

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients."""
        for weight in self.weights:
            weight.grad = None if set_to_none or weight.grad is None else torch.zeros_like(weight)

    @torch.no_grad()
    def step(self) -> None:
        """Update every weight from its gradient; one that has None has gradient 0."""
        if not self.velocity:
            self.velocity = [torch.zeros_like(weight) for weight in self.weights]
        for weight, velocity in zip(self.weights, self.velocity, strict=True):
            velocity.mul_(self.momentum)
            if weight.grad is not None:
                velocity.add_(weight.grad)
            weight.sub_(self.lr * velocity)

    def state_dict(self) -> dict[str, Any]:
        """What it remembers: its own tensors, not copies."""
        return {"lr": self.lr, "velocity": self.velocity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember this instead."""
        self.lr, self.velocity = state["lr"], state["velocity"]

    def __call__(self) -> None:
        """Same as `step`."""
        self.step()

    def __repr__(self) -> str:
        return "<an optimiser>"


class _Patient(nn.Module):
    """Logits from the newest word alone. In training mode it leaves out some of its numbers, always the same ones."""

    def __init__(self, table: Float[Tensor, "V D"], head: Float[Tensor, "D V"]) -> None:
        super().__init__()
        self.table = nn.Parameter(table)
        self.head = nn.Parameter(head)

    def forward(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        x = self.table[ids]
        if self.training:
            x = x * (torch.arange(x.shape[-1]) % 3 != 0) * 1.5
        return x @ self.head

    def __repr__(self) -> str:
        return f"<a small model in {'training' if self.training else 'evaluation'} mode>"


class _Faults(NamedTuple):
    """A way to write the loop of 12.6; the defaults are right."""

    shift: str = "right"
    zero: str = "right"
    clip: str = "right"
    mode: str = "right"


_SHIFTS: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "right": lambda logits, ids: (logits[:, :-1], ids[:, 1:]),
    "none": lambda logits, ids: (logits, ids),
    "none, one short": lambda logits, ids: (logits[:, :-1], ids[:, :-1]),
    "backwards": lambda logits, ids: (logits[:, 1:], ids[:, :-1]),
    "round": lambda logits, ids: (logits, ids.roll(-1, 1)),
    "across rows": lambda logits, ids: (logits.flatten(0, 1)[None, :-1], ids.flatten()[None, 1:]),
}


def _loss(logits: Tensor, ids: Tensor, shift: str = "right") -> Tensor:
    kept, targets = _SHIFTS[shift](logits, ids)
    return cross_entropy(kept.flatten(0, 1), targets.flatten())


def _clip(weights: list[nn.Parameter], max_norm: float, how: str) -> None:
    grads = [weight.grad for weight in weights if weight.grad is not None]
    norm = torch.stack([grad.square().sum() for grad in grads]).sum().sqrt() if grads else torch.tensor(0.0)
    for grad in grads:
        if how == "numbers":
            grad.clamp_(-max_norm, max_norm)
        elif how == "each alone":
            grad.mul_((max_norm / (grad.norm() + 1e-6)).clamp(max=1.0))
        else:
            grad.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))


def _run_loop(model: nn.Module, optimizer: Momentum, batches: list[Tensor], max_norm: float, way: _Faults) -> Tensor:
    """The losses of a loop with these faults; `model` and `optimizer` change."""
    if way.mode != "as it came":
        model.train(way.mode != "evaluation")
    losses = []
    for ids in batches:
        if way.zero == "right":
            optimizer.zero_grad()
        loss = _loss(model(ids), ids, way.shift)
        if way.clip == "before backward":
            _clip(optimizer.weights, max_norm, way.clip)
        loss.backward()
        if way.zero == "too early":
            optimizer.zero_grad()
        if way.clip in ("right", "numbers", "each alone"):
            _clip(optimizer.weights, max_norm, way.clip)
        optimizer.step()
        if way.clip == "late":
            _clip(optimizer.weights, max_norm, way.clip)
        losses.append(loss.detach())
        if way.mode == "lost":
            model.eval()
    return torch.stack(losses).double()


_MENDS = {
    "shift": (
        "the word at each place is predicted from the words before it",
        {
            "none": ("not_shifted", "Your program still has to say the word that it has just read."),
            "none, one short": (
                "shifted_both",
                "Both were cut in the same place, so the program still has to say the word that it has just read.",
            ),
            "backwards": ("shifted_backwards", "It learns to say the word *before* the one that it reads."),
            "round": (
                "shifted_round",
                "At the last place of a row, the target is the row's first word. Nothing is known to follow there, so "
                "that place has to be left out.",
            ),
            "across rows": (
                "shifted_across_rows",
                "The batch was made one long row and then shifted, so the end of each row has to say the first word of "
                "the next row. Shift within the rows, and flatten after that.",
            ),
        },
    ),
    "zero": (
        "each update uses the gradient of its own batch alone",
        {
            "never": ("never_zeroed", "In yours, each gradient contains those of all earlier batches."),
            "too early": ("zeroed_too_early", "The gradients are set to zero after they were computed, and then used."),
        },
    ),
    "clip": (
        "a gradient is shortened after `backward()` and before the optimiser uses it",
        {
            "late": ("clipped_too_late", "In yours, the optimiser gets gradients of any length."),
            "none": ("clipped_too_late", "In yours, the optimiser gets gradients of any length."),
            "before backward": ("clipped_too_early", "Yours shortens what is there before `backward()`."),
            "numbers": (
                "clips_numbers",
                "In yours, single numbers are cut off. It is the length of all together that is limited.",
            ),
            "each alone": (
                "clips_each_alone",
                "In yours, every weight's gradient is shortened on its own. It is the length of all together that is "
                "limited.",
            ),
        },
    ),
    "mode": (
        "training happens in training mode",
        {
            "as it came": (
                "mode_as_it_came",
                "The model came in evaluation mode, because somebody had looked at it, and stayed in it.",
            ),
            "evaluation": ("trains_in_evaluation_mode", "You put it into evaluation mode before it was trained."),
            "lost": (
                "mode_lost",
                "The first update is made in training mode, and all others are not: `eval()` stands inside the loop, "
                "and nothing brings the mode back.",
            ),
        },
    ),
}
"""What each of the faults breaks and is called, in the order in which they are told."""


@exercise("12.6", title="The clinic: mend the loop", stars=3, minutes=20)
def train(trial: Trial) -> None:
    for training, n_batches, max_norm in ((False, 4, 0.4), (True, 5, 0.3)):
        n_words = 6
        model = _Patient(trial.normal(n_words, 6), trial.normal(6, n_words)).train(training)
        optimizer = Momentum(model.parameters(), lr=0.5)
        batches = [trial.integers(n_words, 2, 5) for _ in range(n_batches)]
        # A calm batch, whose gradient is short enough to be left alone.
        held_out = trial.integers(n_words, 4, 5)
        answer = trial(model=model, optimizer=optimizer, batches=batches, held_out=held_out, max_norm=max_norm)
        _agrees_with_loop(answer, model, optimizer, batches, held_out, max_norm)


def _agrees_with_loop(
    answer: Returned,
    model: _Patient,
    optimizer: Momentum,
    batches: list[Tensor],
    held_out: Tensor,
    max_norm: float,
) -> None:
    def outcome(way: _Faults) -> tuple[Tensor, Tensor]:
        """The losses, and all weights afterwards in a row."""
        twin, its_optimizer = copy.deepcopy((model, optimizer))
        losses = _run_loop(twin, its_optimizer, batches, max_norm, way)
        return losses, torch.cat([weight.detach().flatten() for weight in twin.parameters()])

    trained: _Patient = answer.inputs["model"]
    weights = torch.cat([weight.detach().flatten() for weight in trained.parameters()])
    losses, verdict = answer.entry(0), answer.entry(1)
    got = as_numbers(losses.value)
    losses.requires(
        got is not None and got.shape == (len(batches),),
        "the first thing that comes back is a list with a loss for each batch",
        "no_losses",
        f"There were {len(batches)} batches.",
    )

    def explains(way: _Faults) -> bool:
        expected, after = outcome(way)
        return (
            got is not None and torch.allclose(got, expected, 1e-4, 1e-5) and torch.allclose(weights, after, 1e-3, 1e-4)
        )

    if not explains(_Faults()):
        # The first loss shows shift and mode, whatever the updates are like: few ways are left to be run in full.
        with torch.no_grad():
            first = {
                (shift, mode): _loss(
                    copy.deepcopy(model).train(model.training if mode == "as it came" else mode != "evaluation")(
                        batches[0]
                    ),
                    batches[0],
                    shift,
                ).item()
                for shift, mode in product(_SHIFTS, ("right", "as it came", "evaluation", "lost"))
            }
        ways = [
            _Faults(shift, zero, clip, mode)
            for (shift, mode), loss in first.items()
            if got is not None and math.isclose(float(got[0]), loss, rel_tol=1e-4)
            for zero, clip in product(
                ("right", "never", "too early"), ("right", "late", "none", "before backward", "numbers", "each alone")
            )
        ]
        ways.sort(key=lambda way: sum(part != "right" for part in way))  # the fewest faults first
        found = next((way for way in ways if explains(way)), None)
        if found is not None:
            for field, (law, names) in _MENDS.items():
                part = getattr(found, field)
                if part != "right":
                    answer.requires(False, law, *names[part])
        right, after = outcome(_Faults())
        answer.requires(
            not torch.allclose(weights, after, 1e-3, 1e-4)
            or (got is not None and torch.allclose(got, right * batches[0][:, 1:].numel(), 1e-3)),
            "the losses are those of each batch before its update",
            "losses_of_something_else",
            "The weights are right at last, and the losses are not: of which batch, and of which weights, are they?",
        )
        n_predictions = batches[0][:, 1:].numel()
        with torch.no_grad():
            probabilities = copy.deepcopy(model).train()(batches[0]).softmax(-1)
        losses.equals(
            right.tolist(),
            "the losses are those of a program without a mistake",
            Mistake(
                "softmax_twice",
                lambda numbers: _near(numbers[0], _loss(probabilities, batches[0]).item(), 1e-3),
                "`cross_entropy` wants logits and makes probabilities of them itself.",
            ),
            Mistake(
                "total_not_mean",
                lambda numbers: _near(numbers[0], n_predictions * right[0].item(), 1e-3),
                "That is the total of a batch. The loss is the mean over its predictions.",
            ),
        )
        answer.requires(
            False, "the weights are those of a program without a mistake", "wrong_weights", "The losses are right."
        )
    parts = list(losses.value) if isinstance(losses.value, list | tuple) else [losses.value]
    answer.requires(
        not any(isinstance(part, Tensor) and part.requires_grad for part in [*parts, verdict.value]),
        "what comes back are numbers, which hold nothing else in memory",
        "graphs_kept",
        "Your losses still carry their graphs. A list of them keeps every batch of the run in memory. `.item()`?",
    )
    with torch.no_grad():
        values = {
            (mode, shift): _loss(trained.train(mode == "training")(held_out), held_out, shift).item()
            for mode in ("evaluation", "training")
            for shift in _SHIFTS
        }
        before = _loss(copy.deepcopy(model).eval()(held_out), held_out).item()
    verdict.equals(
        values["evaluation", "right"],
        "the held-out loss is that of the trained model in evaluation mode, each word predicted from those before",
        Mistake("validates_in_training_mode", values["training", "right"], _IN_TRAINING_MODE),
        *(
            Mistake(
                "held_out_not_shifted",
                values["evaluation", shift],
                "The training is mended. The held-out loss is still that of other targets.",
            )
            for shift in _SHIFTS
            if shift != "right"
        ),
        *(
            Mistake("held_out_not_shifted_in_training_mode", values["training", shift], _IN_TRAINING_MODE)
            for shift in _SHIFTS
            if shift != "right"
        ),
        Mistake("held_out_before_training", before, "That is the held-out loss before the first update."),
    )


_IN_TRAINING_MODE = (
    "The training is mended. The held-out loss was computed in training mode: with dropout, it would be another one "
    "each time."
)


# ── 12.7 ──


class Run:
    """A training run of a tiny model on numbers that it makes up. `run()` makes one update and returns its loss.

    Attributes:
        model: whose weights are trained.
        optimizer: which remembers a velocity for each weight.
        step: updates made so far; the learning rate depends on it.
        place: number of the next batch; two are read in each update.
        generator: source of the random numbers of dropout.
    """

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.model = _Regression(torch.randn(5, generator=self.generator))
        self.optimizer = Momentum(self.model.parameters())
        self.step = 0
        self.place = 0

    def __call__(self) -> float:
        """Make one update and return its loss."""
        self.optimizer.lr = 0.1 / (1 + self.step)
        self.optimizer.zero_grad()
        total = 0.0
        for number in (self.place, self.place + 1):
            x = torch.randn(8, 5, generator=torch.Generator().manual_seed(number))
            dropped = x * (torch.rand(x.shape, generator=self.generator) > 0.2)
            loss = (self.model(dropped) - x.sum(-1)).square().mean() / 2
            loss.backward()
            total += loss.item()
        self.optimizer.step()
        self.step += 1
        self.place += 2
        return total

    def __deepcopy__(self, memo: dict[int, Any]) -> "Run":
        twin = Run(0)
        twin.model, twin.optimizer = copy.deepcopy((self.model, self.optimizer), memo)
        twin.step, twin.place = self.step, self.place
        twin.generator.set_state(self.generator.get_state())
        memo[id(self)] = twin
        return twin

    def __repr__(self) -> str:
        return f"<a run after {self.step} updates>"


class _Regression(nn.Module):
    def __init__(self, weight: Float[Tensor, " D"]) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, " B"]:
        return x @ self.weight


@exercise("12.7", title="The clinic: stop, and go on as if nothing had happened", stars=2, minutes=20)
def resume(trial: Trial) -> None:
    for seed, updates in ((1, 3), (2, 5)):
        old, new = Run(seed), Run(seed + 10)
        for _ in range(updates):
            old()
        old.place += 4  # two damaged batches were passed over: the place is not twice the step
        _agrees_with_resume(trial(old=old, new=new), old, new)


def _velocity(run: Run) -> Tensor:
    velocity = run.optimizer.velocity
    return torch.cat([each.flatten() for each in velocity]) if velocity else torch.zeros(0)


def _state(run: Run) -> dict[str, Tensor]:
    return {
        "weights": run.model.weight.detach().clone(),
        "velocity": _velocity(run).clone(),
        "step": torch.tensor(run.step),
        "place": torch.tensor(run.place),
        "randomness": run.generator.get_state(),
    }


_FORGOTTEN = {
    "weights": ("weights_forgotten", "Its weights are others."),
    "velocity": (
        "optimizer_forgotten",
        "Its optimiser does not remember what the old one does, and has to gather speed anew.",
    ),
    "step": (
        "step_forgotten",
        "It counts its updates from somewhere else, so its learning rate is that of another time.",
    ),
    "place": (
        "place_forgotten",
        "It goes on at another batch. After a restart it would see some of the text again, or miss some.",
    ),
    "randomness": (
        "randomness_forgotten",
        "Its generator is not where the old one's is, so dropout leaves out other numbers.",
    ),
}


def _agrees_with_resume(answer: Returned, old: Run, new: Run) -> None:
    after = answer.value
    given_old, given_new = answer.inputs["old"], answer.inputs["new"]
    answer.requires(isinstance(after, Run), "a run comes back", "no_run", "That is none.")
    answer.requires(
        after is not given_old,
        "the run that comes back is the new one",
        "returns_the_old_run",
        "That is the old one. In truth it is gone: its process was ended.",
    )
    law = "the new run is exactly where the old one was"
    was, fresh = _state(old), _state(new)
    old_now = _state(given_old)
    answer.requires(
        torch.equal(old_now["weights"], was["weights"]),
        "the old run stays as it is",
        "backwards" if torch.equal(old_now["weights"], fresh["weights"]) else "old_run_changed",
        "The old run's weights have changed. Which of the two is to learn from which?",
    )
    for part in ("step", "place", "velocity", "randomness"):
        answer.requires(
            torch.equal(old_now[part], was[part]),
            "the old run stays as it is",
            "old_run_changed",
            f"Its {part} changed.",
        )
    answer.requires(
        all(weight is own for weight, own in zip(after.optimizer.weights, after.model.parameters(), strict=False)),
        "the new run's optimiser updates the new run's own weights",
        "optimizer_of_another_model",
        "It holds the weights of another model. Did you exchange the whole model, or the whole optimiser? Load what is "
        "*in* them, into those that are there.",
    )
    now = _state(after)
    for part, (mistake, says) in _FORGOTTEN.items():
        answer.requires(torch.equal(now[part], was[part]), law, mistake, says)
    answer.requires(
        after is given_new,
        "the run that comes back is the new one",
        "another_run",
        "That is a third run. Bring the one that was given to where the old one is.",
    )
    given_old()
    now = _state(after)
    shared = [part for part in ("weights", "velocity", "randomness") if not torch.equal(now[part], was[part])]
    answer.requires(
        not shared,
        "what happens to the old run afterwards does not touch the new one",
        f"shares_{shared[0]}" if shared else "",
        "The old run made another update, and something in the new one moved with it: they share memory. "
        "`state_dict()` hands out the living tensors, and a generator that is assigned is the same generator.",
    )
    old_losses, new_losses = [[run() for _ in range(3)] for run in (old, after)]
    answer.requires(
        old_losses == new_losses,
        "the new run goes on as the old one would have, bit for bit",
        "goes_on_differently",
        f"Losses of the next updates: {new_losses}, and without a stop {old_losses}.",
    )
