"""Wrong answers to the exercises of lesson 12, named after the diagnosis that they must get, and a second right one."""

import copy
import math
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from course_lib.checks.lesson_12_training_loop import Run


class Exercise1201:
    def right(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> Tensor:
        """By three ranges, as a tensor."""
        if step >= steps:
            return torch.tensor(0)
        lines = [1.0]
        if step < warmup:
            lines.append((step + 1) / warmup)
        if step >= steps - cooldown:
            lines.append((steps - step) / cooldown)
        return peak * torch.tensor(lines).double().min()

    def zero_at_first(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        if step < warmup:
            return peak * step / warmup
        return float(Exercise1201.right(step, steps, warmup, cooldown, peak))

    def zero_at_last(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        rise = (step + 1) / warmup if warmup else 1
        fall = (steps - 1 - step) / cooldown if cooldown else 1
        return peak * max(0, min(1, rise, fall))

    def never_holds(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        return peak * max(0, steps - step) / max(1, steps - warmup)

    def cosine(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        if step >= steps - cooldown:
            return peak * (1 - math.cos(math.pi * (steps - step) / max(1, cooldown))) / 2
        return float(Exercise1201.right(step, steps, warmup, cooldown, peak))

    def peak_forgotten(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        return float(Exercise1201.right(step, steps, warmup, cooldown, 1.0))

    def above_the_peak(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        return peak * max(0, min((step + 1) / max(1, warmup), (steps - step) / max(1, cooldown)))

    def product(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        if step >= steps:
            return 0
        rise = (step + 1) / warmup if warmup else 1
        fall = (steps - step) / cooldown if cooldown else 1
        return peak * min(1, rise) * min(1, fall)

    def first_case_wins(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        return float(Exercise1201.right(step, steps, 0, cooldown, peak))

    def negative(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        rise = (step + 1) / warmup if warmup else 1
        fall = (steps - step) / cooldown if cooldown else 1
        return peak * min(1, rise, fall)

    def goes_on_after_the_end(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        return float(Exercise1201.right(min(step, steps - 1), steps, warmup, cooldown, peak))

    def starts_from_peak(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        return float(Exercise1201.right(step, steps, 0, cooldown, peak))

    def no_fall(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        return float(Exercise1201.right(step, steps, warmup, 0, peak))

    def raises(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
        return peak * max(0, min(1, (step + 1) / warmup, (steps - step) / cooldown))


def zeros(gradients: list) -> list:
    return [None if each is None else torch.zeros_like(each) for each in gradients]


def scaled(gradients: list, factor: float) -> list:
    return [None if each is None else each * factor for each in gradients]


def length(gradients: list) -> float:
    return torch.cat([each.flatten() for each in gradients if each is not None]).norm().item()


class Exercise1202:
    def right(gradients: list, max_norm: float) -> tuple[tuple, Tensor]:
        """With torch's own, on weights made for it."""
        weights = [nn.Parameter(torch.zeros_like(each)) for each in gradients if each is not None]
        for weight, each in zip(weights, [each for each in gradients if each is not None], strict=True):
            weight.grad = each.clone()
        norm = clip_grad_norm_(weights, max_norm)
        if not norm.isfinite():
            return tuple(zeros(gradients)), norm
        clipped = iter(weights)
        return tuple(None if each is None else next(clipped).grad for each in gradients), norm

    def each_on_its_own(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped = [
            None if each is None else each * min(1, max_norm / max(1e-9, each.norm().item())) for each in gradients
        ]
        return clipped, length(gradients)

    def stretches(gradients: list, max_norm: float) -> tuple[list, float]:
        norm = length(gradients)
        return scaled(gradients, max_norm / norm if norm else 1), norm

    def clamps_numbers(gradients: list, max_norm: float) -> tuple[list, float]:
        return [None if each is None else each.clamp(-max_norm, max_norm) for each in gradients], length(gradients)

    def not_clipped(gradients: list, max_norm: float) -> tuple[list, float]:
        return scaled(gradients, 1), length(gradients)

    def sum_of_norms(gradients: list, max_norm: float) -> tuple[list, float]:
        norm = sum(each.norm().item() for each in gradients if each is not None)
        return scaled(gradients, min(1, max_norm / max(norm, 1e-9))), norm

    def no_root(gradients: list, max_norm: float) -> tuple[list, float]:
        norm = length(gradients) ** 2
        return scaled(gradients, min(1, max_norm / max(norm, 1e-9))), norm

    def mean_of_squares(gradients: list, max_norm: float) -> tuple[list, float]:
        numbers = torch.cat([each.flatten() for each in gradients if each is not None])
        norm = numbers.square().mean().sqrt().item()
        return scaled(gradients, min(1, max_norm / max(norm, 1e-9))), norm

    def largest_tensor(gradients: list, max_norm: float) -> tuple[list, float]:
        norm = max(each.norm().item() for each in gradients if each is not None)
        return scaled(gradients, min(1, max_norm / max(norm, 1e-9))), length(gradients)

    def largest_number(gradients: list, max_norm: float) -> tuple[list, float]:
        norm = max(each.abs().max().item() for each in gradients if each is not None)
        return scaled(gradients, min(1, max_norm / max(norm, 1e-9))), length(gradients)

    def zero_by_zero(gradients: list, max_norm: float) -> tuple[list, Tensor]:
        norm = torch.tensor(length(gradients))
        if not norm.isfinite():
            return zeros(gradients), norm
        return [
            None if each is None else torch.where(norm <= max_norm, each / norm * norm, each / norm * max_norm)
            for each in gradients
        ], norm

    def length_afterwards(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped, _ = Exercise1202.right(gradients, max_norm)
        return clipped, length(clipped)

    def factor_returned(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped, norm = Exercise1202.right(gradients, max_norm)
        return clipped, min(1, max_norm / max(1e-9, float(norm)))

    def squared_length(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped, norm = Exercise1202.right(gradients, max_norm)
        return clipped, norm**2

    def lengths_added(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped, _ = Exercise1202.right(gradients, max_norm)
        return clipped, sum(each.norm().item() for each in gradients if each is not None)

    def places_lost(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped, norm = Exercise1202.right(gradients, max_norm)
        return [each for each in clipped if each is not None], norm

    def none_replaced(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped, norm = Exercise1202.right(gradients, max_norm)
        return [torch.zeros(1) if each is None else each for each in clipped], norm

    def tensor_lost(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped, norm = Exercise1202.right(gradients, max_norm)
        return [None for _ in clipped], norm

    def zero_times_infinity(gradients: list, max_norm: float) -> tuple[list, float]:
        norm = length(gradients)
        return scaled(gradients, 1.0 if norm <= max_norm else max_norm / norm if math.isfinite(norm) else 0.0), norm

    def infinite_passes(gradients: list, max_norm: float) -> tuple[list, float]:
        norm = length(gradients)
        return scaled(gradients, max_norm / norm if max_norm < norm < math.inf else 1.0), norm

    def others_pass(gradients: list, max_norm: float) -> tuple[list, float]:
        clean = [None if each is None else each.nan_to_num(0, 0, 0) for each in gradients]
        return Exercise1202.right(clean, max_norm)[0], length(gradients)

    def length_hides_it(gradients: list, max_norm: float) -> tuple[list, float]:
        clipped, norm = Exercise1202.right(gradients, max_norm)
        return clipped, norm if math.isfinite(norm) else 0.0

    def mutates_input(gradients: list, max_norm: float) -> tuple[list, float]:
        norm = length(gradients)
        for each in gradients:
            if each is not None and norm > max_norm:
                each *= max_norm / norm
        return gradients, norm

    def no_entry(gradients: list, max_norm: float) -> float:
        return length(gradients)


def nats(model: nn.Module, inputs: Tensor, targets: Tensor, reduction: str = "sum") -> Tensor:
    return cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), reduction=reduction)


def n_targets(batches: list) -> int:
    return sum(int((targets != -100).sum()) for _, targets in batches)


def go(model: nn.Module, batches: list, divide: Any, forget: bool = True) -> float:
    """Backward through each batch's total, divided by what `divide(targets)` says."""
    if forget:
        model.zero_grad()
    loss = 0.0
    for inputs, targets in batches:
        share = nats(model, inputs, targets) / divide(targets)
        share.backward()
        loss += share.item()
    return loss


class Exercise1203:
    def right(model: nn.Module, batches: list) -> Tensor:
        """With torch.autograd.grad, and a weighted mean of means."""
        weights, count, loss = list(model.parameters()), n_targets(batches), torch.tensor(0.0)
        gradients = [torch.zeros_like(weight) for weight in weights]
        for inputs, targets in batches:
            here = int((targets != -100).sum())
            if here:
                mean = nats(model, inputs, targets, "mean")
                for sum_, part in zip(gradients, torch.autograd.grad(mean, weights), strict=True):
                    sum_ += part * here / count
                loss += mean.detach() * here / count
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.grad = gradient
        return loss

    def mean_of_means(model: nn.Module, batches: list) -> float:
        return go(model, batches, lambda targets: max(1, (targets != -100).sum()) * len(batches))

    def not_divided(model: nn.Module, batches: list) -> float:
        return go(model, batches, lambda targets: max(1, (targets != -100).sum()))

    def sum_of_nats(model: nn.Module, batches: list) -> float:
        return go(model, batches, lambda targets: 1)

    def ignored_counted(model: nn.Module, batches: list) -> float:
        return go(model, batches, lambda targets: targets.numel() * len(batches))

    def rows_counted(model: nn.Module, batches: list) -> float:
        return go(model, batches, lambda targets: len(targets) * len(batches))

    def shifted_again(model: nn.Module, batches: list) -> float:
        return Exercise1203.right(model, [(inputs[:, :-1], targets[:, 1:]) for inputs, targets in batches])

    def last_batch_only(model: nn.Module, batches: list) -> float:
        for inputs, targets in batches:
            model.zero_grad()
            loss = nats(model, inputs, targets) / n_targets(batches)
            loss.backward()
        return loss.item()

    def old_gradients_kept(model: nn.Module, batches: list) -> float:
        return go(model, batches, lambda targets: n_targets(batches), forget=False)

    def nan_from_empty_batch(model: nn.Module, batches: list) -> float:
        model.zero_grad()
        loss = 0.0
        for inputs, targets in batches:
            weight = (targets != -100).sum() / n_targets(batches)
            share = weight * nats(model, inputs, targets, "mean")
            share.backward()
            loss += share.item()
        return loss

    def no_backward(model: nn.Module, batches: list) -> float:
        model.zero_grad()
        return sum(nats(model, *batch) for batch in batches).item() / n_targets(batches)

    def holds_all_batches(model: nn.Module, batches: list) -> float:
        model.zero_grad()
        loss = sum(nats(model, *batch) for batch in batches) / n_targets(batches)
        loss.backward()
        return loss.item()

    def one_big_batch(model: nn.Module, batches: list) -> float:
        model.zero_grad()
        loss = nats(model, *(torch.cat(part) for part in zip(*batches, strict=True)), "mean")
        loss.backward()
        return loss.item()

    def updates_weights(model: nn.Module, batches: list) -> float:
        loss = float(Exercise1203.right(model, batches))
        with torch.no_grad():
            for weight in model.parameters():
                weight -= 0.1 * weight.grad
        return loss

    def reports_mean_of_means(model: nn.Module, batches: list) -> float:
        Exercise1203.right(model, batches)
        means = [nats(model, *batch).item() / max(1, n_targets([batch])) for batch in batches]
        return sum(means) / sum(n_targets([batch]) > 0 for batch in batches)

    def reports_sum(model: nn.Module, batches: list) -> float:
        return Exercise1203.right(model, batches) * n_targets(batches)

    def reports_last(model: nn.Module, batches: list) -> float:
        Exercise1203.right(model, batches)
        return nats(model, *batches[-1], "mean").item()

    def wrong_gradient(model: nn.Module, batches: list) -> float:
        return -go(model, batches, lambda targets: -n_targets(batches))


def pieces(words: Any, n: int) -> set:
    return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}


def filtered(documents: list[str], near: Any) -> list[int]:
    """Places of the documents for which `near(document, earlier kept one)` never says yes."""
    kept: list[int] = []
    for i, document in enumerate(documents):
        if not any(near(document, documents[j]) for j in kept):
            kept.append(i)
    return kept


def alike(a: str, b: str, n: int) -> float:
    one, other = pieces(a.split(), n), pieces(b.split(), n)
    return len(one & other) / len(one | other)


class Exercise1204:
    def right(documents: list[str], n: int, threshold: float) -> Tensor:
        """With joined pieces, hashed, and a tensor as result."""
        hashes = []
        for document in documents:
            words = document.split()
            padded = words if len(words) >= n else [*words, *["\n"] * (n - len(words))]
            hashes.append({hash("\t".join(part)) for part in zip(*(padded[i:] for i in range(n)), strict=False)})
        kept: list[int] = []
        for i, own in enumerate(hashes):
            common = [len(own & hashes[j]) for j in kept]
            unions = [len(own) + len(hashes[j]) - both for both, j in zip(common, kept, strict=True)]
            if all(both < threshold * union for both, union in zip(common, unions, strict=True)):
                kept.append(i)
        return torch.tensor(kept)

    def dropped_returned(documents: list[str], n: int, threshold: float) -> list[int]:
        kept = filtered(documents, lambda a, b: alike(a, b, n) >= threshold)
        return [i for i in range(len(documents)) if i not in kept]

    def texts_returned(documents: list[str], n: int, threshold: float) -> list[str]:
        return [documents[i] for i in filtered(documents, lambda a, b: alike(a, b, n) >= threshold)]

    def keeps_the_last(documents: list[str], n: int, threshold: float) -> list[int]:
        kept = filtered(documents[::-1], lambda a, b: alike(a, b, n) >= threshold)
        return sorted(len(documents) - 1 - i for i in kept)

    def compares_with_dropped(documents: list[str], n: int, threshold: float) -> list[int]:
        return [
            i
            for i, document in enumerate(documents)
            if not any(alike(document, earlier, n) >= threshold for earlier in documents[:i])
        ]

    def exactly_at_threshold(documents: list[str], n: int, threshold: float) -> list[int]:
        return filtered(documents, lambda a, b: alike(a, b, n) > threshold)

    def exact_copies_only(documents: list[str], n: int, threshold: float) -> list[int]:
        return filtered(documents, lambda a, b: a == b)

    def share_of_the_new(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = pieces(a.split(), n), pieces(b.split(), n)
            return len(one & other) / len(one) >= threshold

        return filtered(documents, near)

    def share_of_the_old(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = pieces(a.split(), n), pieces(b.split(), n)
            return len(one & other) / len(other) >= threshold

        return filtered(documents, near)

    def share_of_the_smaller(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = pieces(a.split(), n), pieces(b.split(), n)
            return len(one & other) / min(len(one), len(other)) >= threshold

        return filtered(documents, near)

    def sizes_added(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = pieces(a.split(), n), pieces(b.split(), n)
            return len(one & other) / (len(one) + len(other)) >= threshold

        return filtered(documents, near)

    def letters(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            return len(pieces(a, n) & pieces(b, n)) / len(pieces(a, n) | pieces(b, n)) >= threshold

        return filtered(documents, near)

    def single_words(documents: list[str], n: int, threshold: float) -> list[int]:
        return filtered(documents, lambda a, b: alike(a, b, 1) >= threshold)

    def last_piece_forgotten(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = ({tuple(w[i : i + n]) for i in range(max(1, len(w) - n))} for w in (a.split(), b.split()))
            return len(one & other) / len(one | other) >= threshold

        return filtered(documents, near)

    def pieces_side_by_side(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = ({tuple(w[i : i + n]) for i in range(0, max(1, len(w)), n)} for w in (a.split(), b.split()))
            return len(one & other) / len(one | other) >= threshold

        return filtered(documents, near)

    def shorter_at_the_end(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = ({tuple(w[i : i + n]) for i in range(len(w))} for w in (a.split(), b.split()))
            return len(one & other) / len(one | other) >= threshold

        return filtered(documents, near)

    def words_glued(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = ({"".join(piece) for piece in pieces(text.split(), n)} for text in (a, b))
            return len(one & other) / len(one | other) >= threshold

        return filtered(documents, near)

    def split_at_every_blank(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = pieces(a.split(" "), n), pieces(b.split(" "), n)
            return len(one & other) / len(one | other) >= threshold

        return filtered(documents, near)

    def first_dropped(documents: list[str], n: int, threshold: float) -> list[int]:
        near = [
            {j for j in range(i) if alike(document, documents[j], n) >= threshold}
            for i, document in enumerate(documents)
        ]
        return [i for i in range(len(documents)) if i not in set().union(*near)]

    def short_never_alike(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = ({tuple(w[i : i + n]) for i in range(len(w) - n + 1)} for w in (a.split(), b.split()))
            return bool(one | other) and len(one & other) / len(one | other) >= threshold

        return filtered(documents, near)

    def share_of_the_larger(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = pieces(a.split(), n), pieces(b.split(), n)
            return len(one & other) / max(len(one), len(other)) >= threshold

        return filtered(documents, near)

    def dice(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = pieces(a.split(), n), pieces(b.split(), n)
            return 2 * len(one & other) / (len(one) + len(other)) >= threshold

        return filtered(documents, near)

    def short_all_alike(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = ({tuple(w[i : i + n]) for i in range(len(w) - n + 1)} for w in (a.split(), b.split()))
            return one == other or len(one & other) / len(one | other) >= threshold

        return filtered(documents, near)

    def counts_repeats(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = (Counter(w[i : i + n] for i in range(max(1, len(w) - n + 1))) for w in (words(a), words(b)))
            return (one & other).total() / (one | other).total() >= threshold

        def words(text: str) -> tuple[str, ...]:
            return tuple(text.split())

        return filtered(documents, near)

    def one_pool(documents: list[str], n: int, threshold: float) -> list[int]:
        kept, seen = [], set()
        for i, document in enumerate(documents):
            own = pieces(document.split(), n)
            if len(own & seen) / len(own) < threshold:
                kept.append(i)
            seen |= own
        return kept

    def wrong_place(documents: list[str], n: int, threshold: float) -> list[int]:
        return filtered(documents, lambda a, b: alike(a, b, n) >= threshold + 0.1)

    def no_places(documents: list[str], n: int, threshold: float) -> list[int]:
        return [i + 1 for i in filtered(documents, lambda a, b: alike(a, b, n) >= threshold)]

    def not_in_order(documents: list[str], n: int, threshold: float) -> list[int]:
        return filtered(documents, lambda a, b: alike(a, b, n) >= threshold)[::-1]

    def no_list(documents: list[str], n: int, threshold: float) -> int:
        return len(filtered(documents, lambda a, b: alike(a, b, n) >= threshold))

    def raises(documents: list[str], n: int, threshold: float) -> list[int]:
        def near(a: str, b: str) -> bool:
            one, other = ({tuple(w[i : i + n]) for i in range(len(w) - n + 1)} for w in (a.split(), b.split()))
            return len(one & other) / len(one | other) >= threshold

        return filtered(documents, near)


def said(**changed: str) -> dict[str, str]:
    right = {"A": "resumed with weights alone", "B": "no shift", "C": "zeroed too early"}
    return {**right, "D": "validates in training mode", "E": "never zeroed", "F": "clipped too late", **changed}


class Exercise1205:
    def right() -> dict[str, str]:
        return said(B=" No shift", C="ZEROED  TOO EARLY ")

    def unknown_cause() -> dict[str, str]:
        return said(D="healthy")

    def no_entry() -> dict[str, str]:
        return {"A": "resumed with weights alone"}

    def a_is_not_clipped_too_late() -> dict[str, str]:
        return said(A="clipped too late")

    def a_is_not_leak() -> dict[str, str]:
        return said(A="leak")

    def b_is_not_no_mask() -> dict[str, str]:
        return said(B="no mask")

    def b_is_not_leak() -> dict[str, str]:
        return said(B="leak")

    def c_is_not_rate_too_low() -> dict[str, str]:
        return said(C="rate too low")

    def c_is_not_frozen() -> dict[str, str]:
        return said(C="frozen")

    def c_is_not_never_zeroed() -> dict[str, str]:
        return said(C="never zeroed")

    def d_is_not_leak() -> dict[str, str]:
        return said(D="leak")

    def e_is_not_clipped_too_late() -> dict[str, str]:
        return said(E="clipped too late")

    def e_is_not_zeroed_too_early() -> dict[str, str]:
        return said(E="zeroed too early")

    def f_is_not_resumed_with_weights_alone() -> dict[str, str]:
        return said(F="resumed with weights alone")

    def f_is_not_no_mask() -> dict[str, str]:
        return said(F="no mask")


def next_loss(model: nn.Module, ids: Tensor) -> Tensor:
    return cross_entropy(model(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def own_loss(model: nn.Module, ids: Tensor) -> Tensor:
    return cross_entropy(model(ids).flatten(0, 1), ids.flatten())


def judged(model: nn.Module, ids: Tensor, loss: Any = next_loss) -> float:
    with torch.no_grad():
        return loss(model.eval(), ids).item()


def loop(model: nn.Module, optimizer: Any, batches: list, max_norm: float, loss: Any = next_loss) -> list[float]:
    """Right, but for what is handed in as `loss`."""
    model.train()
    losses = []
    for ids in batches:
        optimizer.zero_grad()
        each = loss(model, ids)
        each.backward()
        clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        losses.append(each.item())
    return losses


class Exercise1206:
    def right(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        """Sets gradients to zero at the end, clips by hand, returns detached tensors."""
        losses = []
        for ids in batches:
            model.train(True)
            log_probs = model(ids)[:, :-1].log_softmax(-1)
            loss = -log_probs.gather(-1, ids[:, 1:, None]).mean()
            loss.backward()
            norm = torch.cat([weight.grad.flatten() for weight in model.parameters()]).norm()
            for weight in model.parameters():
                weight.grad = weight.grad * min(1.0, float(max_norm / norm))
            optimizer.step()
            model.zero_grad()
            losses.append(loss.detach())
        return torch.stack(losses), next_loss(model.eval(), held_out).detach()

    def not_shifted(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        return loop(model, optimizer, batches, max_norm, own_loss), judged(model, held_out, own_loss)

    def shifted_both(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        def loss(model: nn.Module, ids: Tensor) -> Tensor:
            return own_loss(model, ids[:, :-1])

        return loop(model, optimizer, batches, max_norm, loss), judged(model, held_out, loss)

    def shifted_backwards(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        def loss(model: nn.Module, ids: Tensor) -> Tensor:
            return cross_entropy(model(ids[:, 1:]).flatten(0, 1), ids[:, :-1].flatten())

        return loop(model, optimizer, batches, max_norm, loss), judged(model, held_out, loss)

    def shifted_round(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        def loss(model: nn.Module, ids: Tensor) -> Tensor:
            return cross_entropy(model(ids).flatten(0, 1), ids.roll(-1, dims=1).flatten())

        return loop(model, optimizer, batches, max_norm, loss), judged(model, held_out, loss)

    def shifted_across_rows(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        def loss(model: nn.Module, ids: Tensor) -> Tensor:
            return cross_entropy(model(ids).flatten(0, 1)[:-1], ids.flatten()[1:])

        return loop(model, optimizer, batches, max_norm, loss), judged(model, held_out, loss)

    def never_zeroed(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        model.train()
        losses = []
        for ids in batches:
            loss = next_loss(model, ids)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            losses.append(loss.item())
        return losses, judged(model, held_out)

    def zeroed_too_early(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        model.train()
        losses = []
        for ids in batches:
            loss = next_loss(model, ids)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm)
            optimizer.zero_grad()
            optimizer.step()
            losses.append(loss.item())
        return losses, judged(model, held_out)

    def clipped_too_late(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        model.train()
        losses = []
        for ids in batches:
            optimizer.zero_grad()
            loss = next_loss(model, ids)
            loss.backward()
            optimizer.step()
            clip_grad_norm_(model.parameters(), max_norm)
            losses.append(loss.item())
        return losses, judged(model, held_out)

    def clips_numbers(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        model.train()
        losses = []
        for ids in batches:
            optimizer.zero_grad()
            loss = next_loss(model, ids)
            loss.backward()
            clip_grad_value_(model.parameters(), max_norm)
            optimizer.step()
            losses.append(loss.item())
        return losses, judged(model, held_out)

    def clips_each_alone(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        model.train()
        losses = []
        for ids in batches:
            optimizer.zero_grad()
            loss = next_loss(model, ids)
            loss.backward()
            for weight in model.parameters():
                clip_grad_norm_([weight], max_norm)
            optimizer.step()
            losses.append(loss.item())
        return losses, judged(model, held_out)

    def mode_lost(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        model.train()
        losses = []
        for ids in batches:
            optimizer.zero_grad()
            loss = next_loss(model, ids)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            losses.append(loss.item())
            verdict = judged(model, held_out)
        return losses, verdict

    def mode_as_it_came(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        losses = []
        for ids in batches:
            optimizer.zero_grad()
            loss = next_loss(model, ids)
            loss.backward()
            clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
            losses.append(loss.item())
        return losses, judged(model, held_out)

    def graphs_kept(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        model.train()
        losses = []
        for ids in batches:
            optimizer.zero_grad()
            losses.append(next_loss(model, ids))
            losses[-1].backward()
            clip_grad_norm_(model.parameters(), max_norm)
            optimizer.step()
        return losses, judged(model, held_out)

    def validates_in_training_mode(
        model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float
    ) -> Any:
        losses = loop(model, optimizer, batches, max_norm)
        return losses, next_loss(model, held_out).item()

    def held_out_not_shifted(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        return loop(model, optimizer, batches, max_norm), judged(model, held_out, own_loss)

    def held_out_not_shifted_in_training_mode(
        model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float
    ) -> Any:
        return loop(model, optimizer, batches, max_norm), own_loss(model, held_out).item()

    def held_out_before_training(
        model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float
    ) -> Any:
        verdict = judged(model, held_out)
        return loop(model, optimizer, batches, max_norm), verdict

    def losses_of_something_else(
        model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float
    ) -> Any:
        loop(model, optimizer, batches, max_norm)
        return [judged(model, ids) for ids in batches], judged(model, held_out)

    def softmax_twice(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        def loss(model: nn.Module, ids: Tensor) -> Tensor:
            return cross_entropy(model(ids)[:, :-1].softmax(-1).flatten(0, 1), ids[:, 1:].flatten())

        return loop(model, optimizer, batches, max_norm, loss), judged(model, held_out, loss)

    def total_not_mean(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        def loss(model: nn.Module, ids: Tensor) -> Tensor:
            return next_loss(model, ids) * ids[:, 1:].numel()

        return loop(model, optimizer, batches, max_norm, loss), judged(model, held_out, loss)

    def no_losses(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        losses = loop(model, optimizer, batches, max_norm)
        return sum(losses) / len(losses), judged(model, held_out)

    def no_entry(model: nn.Module, optimizer: Any, batches: list, held_out: Tensor, max_norm: float) -> Any:
        loop(model, optimizer, batches, max_norm)
        return judged(model, held_out)


def all_but(part: str, old: Run, new: Run) -> Run:
    """Right, but for one part."""
    if part != "weights":
        new.model.load_state_dict(old.model.state_dict())
    if part != "velocity":
        new.optimizer.load_state_dict(copy.deepcopy(old.optimizer.state_dict()))
    if part != "step":
        new.step = old.step
    if part != "place":
        new.place = old.place
    if part != "randomness":
        new.generator.set_state(old.generator.get_state())
    return new


class Exercise1207:
    def right(old: Run, new: Run) -> Run:
        """Everything at once, model and optimiser copied together so that they still belong together."""
        new.__dict__.update(copy.deepcopy(old).__dict__)
        return new

    def weights_forgotten(old: Run, new: Run) -> Run:
        return all_but("weights", old, new)

    def optimizer_forgotten(old: Run, new: Run) -> Run:
        return all_but("velocity", old, new)

    def step_forgotten(old: Run, new: Run) -> Run:
        return all_but("step", old, new)

    def place_forgotten(old: Run, new: Run) -> Run:
        return all_but("place", old, new)

    def randomness_forgotten(old: Run, new: Run) -> Run:
        torch.set_rng_state(torch.get_rng_state())
        return all_but("randomness", old, new)

    def returns_the_old_run(old: Run, new: Run) -> Run:
        return old

    def another_run(old: Run, new: Run) -> Run:
        return copy.deepcopy(old)

    def no_run(old: Run, new: Run) -> dict[str, Any]:
        return new.model.state_dict()

    def backwards(old: Run, new: Run) -> Run:
        return all_but("", new, old) and new

    def old_run_changed(old: Run, new: Run) -> Run:
        old()
        return all_but("", old, new)

    def optimizer_of_another_model(old: Run, new: Run) -> Run:
        all_but("", old, new)
        new.model = copy.deepcopy(old.model)
        return new

    def shares_velocity(old: Run, new: Run) -> Run:
        all_but("velocity", old, new)
        new.optimizer.load_state_dict(old.optimizer.state_dict())
        return new

    def shares_randomness(old: Run, new: Run) -> Run:
        all_but("randomness", old, new)
        new.generator = old.generator
        return new

    def shares_weights(old: Run, new: Run) -> Run:
        all_but("", old, new)
        for mine, theirs in zip(new.model.parameters(), old.model.parameters(), strict=True):
            mine.data = theirs.data
        return new
