"""Wrong answers to the exercises of lesson 01, named after the diagnosis that they must get, and a second right one."""

import math
from bisect import bisect_right
from collections.abc import Callable

import torch
from torch import Tensor


class Exercise0101:
    def right(logits: Tensor) -> Tensor:
        return logits - torch.logsumexp(logits, dim=-1, keepdim=True)

    def not_log(logits: Tensor) -> Tensor:
        return (logits - logits.amax(-1, keepdim=True)).softmax(-1)

    def sign(logits: Tensor) -> Tensor:
        return logits.logsumexp(-1, keepdim=True) - logits

    def bits(logits: Tensor) -> Tensor:
        return logits.softmax(-1).log2()

    def first_axis(logits: Tensor) -> Tensor:
        return logits - logits.exp().sum(0).log()

    def sums_over_everything(logits: Tensor) -> Tensor:
        return logits - logits.exp().sum().log()

    def max_taken_off_once(logits: Tensor) -> Tensor:
        return logits - (logits - logits.amax(-1, keepdim=True)).exp().sum(-1, keepdim=True).log()

    def underflows(logits: Tensor) -> Tensor:
        return logits.softmax(-1).log()

    def epsilon(logits: Tensor) -> Tensor:
        return (logits.softmax(-1) + 1e-9).log()

    def overflows(logits: Tensor) -> Tensor:
        return logits - logits.exp().sum(-1, keepdim=True).log()

    def one_max_for_all_rows(logits: Tensor) -> Tensor:
        shifted = logits - logits.max()
        return shifted - shifted.exp().sum(-1, keepdim=True).log()

    def not_normalised(logits: Tensor) -> Tensor:
        return logits - logits.amax(-1, keepdim=True)

    def shift_too_small(logits: Tensor) -> Tensor:
        shifted = logits - logits.mean(-1, keepdim=True)
        return shifted - shifted.exp().sum(-1, keepdim=True).log()

    def wrong_type(logits: Tensor) -> list:
        return logits.log_softmax(-1).tolist()

    def mutates_input(logits: Tensor) -> Tensor:
        logits -= logits.amax(-1, keepdim=True)
        return logits - logits.exp().sum(-1, keepdim=True).log()

    def wrong_shape(logits: Tensor) -> Tensor:
        return -logits.exp().sum(-1).log()

    def no_keepdim(logits: Tensor) -> Tensor:
        return logits - logits.exp().sum(-1).log()

    def raises(logits: Tensor) -> Tensor:
        return logits - logits.exp().sum(-1).log()[:, None]


class Exercise0102:
    def right(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        summed = torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]), targets.flatten(), ignore_index=ignore_index, reduction="sum"
        )
        return summed / max(1, int((targets != ignore_index).sum()))

    def python_number(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> float:
        return Exercise0102.right(logits, targets, ignore_index).item()

    def no_gradient(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return torch.tensor(Exercise0102.right(logits, targets, ignore_index).item())

    def sign(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return -Exercise0102.right(logits, targets, ignore_index)

    def sum(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        kept = targets != ignore_index
        return -logits[kept].log_softmax(-1).gather(-1, targets[kept][:, None]).sum()

    def no_mean(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        kept = targets != ignore_index
        return -logits[kept].log_softmax(-1).gather(-1, targets[kept][:, None])[:, 0]

    def divides_by_all(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return Exercise0102.sum(logits, targets, ignore_index) / targets.numel()

    def ignores_nothing(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return Exercise0102.right(logits, targets.clamp(min=0))

    def ignores_minus_100_only(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return Exercise0102.right(logits, targets, -100)

    def bits(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return Exercise0102.right(logits, targets, ignore_index) / math.log(2)

    def no_log(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        kept = targets != ignore_index
        return -logits[kept].softmax(-1).gather(-1, targets[kept][:, None]).mean()

    def log_of_mean(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        kept = targets != ignore_index
        return -logits[kept].softmax(-1).gather(-1, targets[kept][:, None]).mean().log()

    def perplexity(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return Exercise0102.right(logits, targets, ignore_index).exp()

    def no_softmax(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        kept = targets != ignore_index
        return -logits[kept].gather(-1, targets[kept][:, None]).mean()

    def wrong_axis(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return Exercise0102.no_softmax(logits.log_softmax(-2), targets, ignore_index)

    def zero_without_gradient(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        if (targets == ignore_index).all():
            return torch.tensor(0.0)
        return Exercise0102.right(logits, targets, ignore_index)

    def softmax_twice(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return Exercise0102.right(logits.softmax(-1), targets, ignore_index)

    def mean_of_row_means(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        if targets.ndim == 1:
            return Exercise0102.right(logits, targets, ignore_index)
        rows = [Exercise0102.right(row, target, ignore_index) for row, target in zip(logits, targets, strict=True)]
        return torch.stack(rows).mean()

    def overflows(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        kept = targets != ignore_index
        at_target = logits[kept].softmax(-1).log().gather(-1, targets[kept][:, None])
        return -at_target.sum() / kept.sum().clamp(min=1)

    def nan_when_nothing_is_left(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return torch.nn.functional.cross_entropy(
            logits.reshape(-1, logits.shape[-1]), targets.flatten(), ignore_index=ignore_index
        )

    def raises(logits: Tensor, targets: Tensor, ignore_index: int = -100) -> Tensor:
        return -logits.log_softmax(-1)[torch.arange(len(targets)), targets].mean()


class Exercise0103:
    def right(token_nats: Tensor, text: str) -> tuple[Tensor, Tensor]:
        mean_bits = token_nats.double().mean() / torch.tensor(2.0).log()
        return 2**mean_bits, mean_bits * len(token_nats) / len(bytes(text, "utf-8"))

    def swapped(token_nats: Tensor, text: str) -> tuple[float, float]:
        perplexity, bits_per_byte = Exercise0103.right(token_nats, text)
        return bits_per_byte, perplexity

    def loss_not_perplexity(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.mean(), Exercise0103.right(token_nats, text)[1]

    def exp_of_total(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.sum().exp(), Exercise0103.right(token_nats, text)[1]

    def mean_of_exps(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.exp().mean(), Exercise0103.right(token_nats, text)[1]

    def power_of_two(token_nats: Tensor, text: str) -> tuple[float, float]:
        return 2 ** token_nats.mean().item(), Exercise0103.right(token_nats, text)[1]

    def per_byte(token_nats: Tensor, text: str) -> tuple[float, float]:
        return math.exp(token_nats.sum() / len(text.encode())), Exercise0103.right(token_nats, text)[1]

    def per_character(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.mean().exp(), token_nats.sum() / math.log(2) / len(text)

    def per_token(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.mean().exp(), token_nats.mean() / math.log(2)

    def not_divided(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.mean().exp(), token_nats.sum() / math.log(2)

    def times_eight(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.mean().exp(), 8 * Exercise0103.right(token_nats, text)[1]

    def nats_per_byte(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.mean().exp(), token_nats.sum() / len(text.encode())

    def times_ln_2(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.mean().exp(), token_nats.sum() * math.log(2) / len(text.encode())

    def mean_over_bytes(token_nats: Tensor, text: str) -> tuple[float, float]:
        return token_nats.mean().exp(), token_nats.mean() / math.log(2) / len(text.encode())

    def no_entry(token_nats: Tensor, text: str) -> float:
        return math.exp(token_nats.mean())


def by_bin(confidences: Tensor, correct: Tensor, n_bins: int) -> list[tuple[float, float, float]]:
    """Share, accuracy and mean confidence of each bin that is not empty."""
    edges = [k / n_bins for k in range(1, n_bins)]
    bins: dict[int, list[tuple[float, bool]]] = {}
    for confidence, right in zip(confidences.tolist(), correct.tolist(), strict=True):
        bins.setdefault(bisect_right(edges, confidence), []).append((confidence, right))
    return [
        (
            len(inside) / len(correct),
            sum(right for _, right in inside) / len(inside),
            sum(confidence for confidence, _ in inside) / len(inside),
        )
        for inside in bins.values()
    ]


class Exercise0104:
    def right(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        return sum(share * abs(right - sure) for share, right, sure in by_bin(confidences, correct, n_bins))

    def nan_from_empty_bins(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> Tensor:
        error = torch.tensor(0.0)
        bins = (confidences * n_bins).long().clamp(max=n_bins - 1)
        for k in range(n_bins):
            inside = bins == k
            gap = correct[inside].float().mean() - confidences[inside].mean()
            error = error + inside.float().mean() * gap.abs()
        return error

    def brier(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> Tensor:
        return ((confidences - correct.float()) ** 2).mean()

    def no_bins(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> Tensor:
        return (confidences - correct.float()).abs().mean()

    def gaps_cancel(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        return abs(sum(share * (right - sure) for share, right, sure in by_bin(confidences, correct, n_bins)))

    def bins_not_weighted(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        return sum(abs(right - sure) for _, right, sure in by_bin(confidences, correct, n_bins)) / n_bins

    def worst_bin(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        return max(abs(right - sure) for _, right, sure in by_bin(confidences, correct, n_bins))

    def squared_gaps(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        return sum(share * (right - sure) ** 2 for share, right, sure in by_bin(confidences, correct, n_bins))

    def bin_middle(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        error = 0.0
        for share, right, sure in by_bin(confidences, correct, n_bins):
            middle = (min(int(sure * n_bins), n_bins - 1) + 0.5) / n_bins
            error += share * abs(right - middle)
        return error

    def always_ten_bins(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        return Exercise0104.right(confidences, correct, 10)

    def not_divided(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        return Exercise0104.right(confidences, correct, n_bins) * len(correct)

    def percent(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        return Exercise0104.right(confidences, correct, n_bins) * 100

    def own_bin_for_full_confidence(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        error = 0.0
        for k in range(n_bins + 1):
            inside = (confidences * n_bins).long() == k
            if inside.any():
                gap = correct[inside].float().mean() - confidences[inside].mean()
                error += inside.float().mean().item() * abs(gap.item())
        return error

    def drops_full_confidence(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        error = 0.0
        for k in range(n_bins):
            inside = (k / n_bins <= confidences) & (confidences < (k + 1) / n_bins)
            if inside.any():
                gap = correct[inside].float().mean() - confidences[inside].mean()
                error += inside.float().mean().item() * abs(gap.item())
        return error

    def edges_the_other_way(confidences: Tensor, correct: Tensor, n_bins: int = 10) -> float:
        error = 0.0
        for k in range(n_bins):
            inside = (k / n_bins < confidences) & (confidences <= (k + 1) / n_bins)
            if inside.any():
                gap = correct[inside].float().mean() - confidences[inside].mean()
                error += inside.float().mean().item() * abs(gap.item())
        return error


def said(**changed: float) -> dict[str, float]:
    """Rounded right numbers, some of them changed."""
    right = {"uniform_guess": 4.17, "best_probability": 0.75, "best_loss": 0.56}
    return {**right, "fifty_fifty": 0.69, "ten_times_less": 2.3, **changed}


class Exercise0105:
    def right() -> dict[str, float]:
        return said()

    def uniform_in_bits() -> dict[str, float]:
        return said(uniform_guess=6.02)

    def uniform_perplexity() -> dict[str, float]:
        return said(uniform_guess=65)

    def uniform_probability() -> dict[str, float]:
        return said(uniform_guess=1 / 65)

    def uniform_decimal_log() -> dict[str, float]:
        return said(uniform_guess=1.81)

    def uniform_sign() -> dict[str, float]:
        return said(uniform_guess=-4.17)

    def winner_takes_all() -> dict[str, float]:
        return said(best_probability=1)

    def truth_not_data() -> dict[str, float]:
        return said(best_probability=0)

    def undecided() -> dict[str, float]:
        return said(best_probability=0.5)

    def percent() -> dict[str, float]:
        return said(best_probability=75)

    def floor_in_bits() -> dict[str, float]:
        return said(best_loss=0.81)

    def floor_is_zero() -> dict[str, float]:
        return said(best_loss=0)

    def frequent_word_only() -> dict[str, float]:
        return said(best_loss=0.29)

    def log_of_mean_probability() -> dict[str, float]:
        return said(best_loss=0.47)

    def best_total() -> dict[str, float]:
        return said(best_loss=4.5)

    def best_too_rough() -> dict[str, float]:
        return said(best_loss=0.6)

    def half_total() -> dict[str, float]:
        return said(fifty_fifty=5.55)

    def half_in_bits() -> dict[str, float]:
        return said(fifty_fifty=1)

    def half_itself() -> dict[str, float]:
        return said(fifty_fifty=0.5)

    def half_of_what_mix() -> dict[str, float]:
        return said(fifty_fifty=0.56)

    def factor_itself() -> dict[str, float]:
        return said(ten_times_less=10)

    def ten_in_decimal() -> dict[str, float]:
        return said(ten_times_less=1)

    def ten_in_bits() -> dict[str, float]:
        return said(ten_times_less=3.32)

    def ten_the_wrong_way() -> dict[str, float]:
        return said(ten_times_less=-2.3)

    def no_entry() -> dict[str, float]:
        return {"uniform_guess": 4.17}

    def wrong_value() -> dict[str, float]:
        return said(best_probability=0.7)


Loss = Callable[[float, bool], float]
REPORTS = torch.linspace(0, 1, 1001).tolist()


def expected(p: float, loss: Loss) -> list[float]:
    return [p * loss(report, True) + (1 - p) * loss(report, False) for report in REPORTS]


class Exercise0106:
    def right(p: float, loss: Loss) -> Tensor:
        """A coarse look at the whole range, then a fine one around the best."""
        best = 0.5
        for width in (0.5, 0.005):
            around = torch.linspace(max(0.0, best - width), min(1.0, best + width), 201).double()
            costs = [p * loss(report.item(), True) + (1 - p) * loss(report.item(), False) for report in around]
            best = around[torch.tensor(costs).argmin()].item()
        return torch.tensor(best)

    def stuck_in_a_valley(p: float, loss: Loss) -> float:
        """Thirds of an interval, which is right for a loss with one valley."""
        low, high = 0.0, 1.0
        while high - low > 1e-4:
            left, right = low + (high - low) / 3, high - (high - low) / 3
            if p * loss(left, True) + (1 - p) * loss(left, False) < p * loss(right, True) + (1 - p) * loss(
                right, False
            ):
                high = right
            else:
                low = left
        return (low + high) / 2

    def always_honest(p: float, loss: Loss) -> float:
        return p

    def always_extreme(p: float, loss: Loss) -> float:
        return float(p > 0.5)

    def one_outcome_only(p: float, loss: Loss) -> float:
        return min(REPORTS, key=lambda report: p * loss(report, True))

    def weights_swapped(p: float, loss: Loss) -> float:
        return Exercise0106.right(1 - p, loss)

    def no_weights(p: float, loss: Loss) -> float:
        return min(REPORTS, key=lambda report: loss(report, True) + loss(report, False))

    def maximises(p: float, loss: Loss) -> float:
        costs = expected(p, loss)
        return REPORTS[costs.index(max(costs))]

    def returns_the_loss(p: float, loss: Loss) -> float:
        return min(expected(p, loss))

    def too_coarse(p: float, loss: Loss) -> float:
        return min(
            (k / 10 for k in range(11)), key=lambda report: p * loss(report, True) + (1 - p) * loss(report, False)
        )

    def not_a_probability(p: float, loss: Loss) -> float:
        return REPORTS.index(min(REPORTS, key=lambda report: p * loss(report, True) + (1 - p) * loss(report, False)))


class Exercise0107:
    def right(report: float, happened: bool) -> float:
        return abs(report - happened)

    def ignores_the_outcome(report: float, happened: bool) -> float:
        return (report - 0.5) ** 2

    def one_sided(report: float, happened: bool) -> float:
        return -math.log(report) if happened else 0.0

    def backwards(report: float, happened: bool) -> float:
        return 1 - abs(report - happened)

    def staircase(report: float, happened: bool) -> float:
        return float((report > 0.5) != happened)

    def turns_back(report: float, happened: bool) -> float:
        return math.cos(7 * abs(report - happened))

    def proper(report: float, happened: bool) -> float:
        return -math.log(report if happened else 1 - report)

    def hardly_gamed(report: float, happened: bool) -> float:
        return abs(report - happened) ** 1.9

    def no_finite_number(report: float, happened: bool) -> float:
        return math.inf if abs(report - happened) > 0.9 else abs(report - happened)
