"""Wrong answers to the exercises of lesson 15, named after the diagnosis that they must get, and a second right one."""

import math
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def billed(*facts: float) -> dict[str, float]:
    n_parameters, n_tokens, n_gpus, peak, utilization, watts, pue, dollars_per_hour, kg_per_kwh = facts
    seconds = 6 * n_parameters * n_tokens / (n_gpus * peak * utilization)
    joules = seconds * n_gpus * watts * pue
    return {
        "days": seconds / 86400,
        "gpu_hours": n_gpus * seconds / 3600,
        "dollars": n_gpus * seconds / 3600 * dollars_per_hour,
        "kwh": joules / 3.6e6,
        "tonnes": joules / 3.6e6 * kg_per_kwh / 1000,
    }


def changed(key: str, factor: Callable[..., float]) -> Callable[..., dict[str, float]]:
    """The right bill, but one number is so many times as large."""

    def answer(
        n_parameters: float,
        n_tokens: float,
        n_gpus: int,
        peak: float,
        utilization: float,
        watts: float,
        pue: float,
        dollars_per_hour: float,
        kg_per_kwh: float,
    ) -> dict[str, float]:
        right = billed(n_parameters, n_tokens, n_gpus, peak, utilization, watts, pue, dollars_per_hour, kg_per_kwh)
        facts = {
            "n_gpus": n_gpus,
            "utilization": utilization,
            "pue": pue,
            "kg_per_kwh": kg_per_kwh,
        }
        return {**right, key: right[key] * factor(**facts)}

    return answer


def named(**answers: Callable) -> type:
    """A class of answers whose functions bear the names that they are given here."""
    for name, function in answers.items():
        function.__name__ = name
    return type("Answers", (), answers)


Exercise1501 = named(
    right=changed("days", lambda **_: 1),
    forward_only=changed("gpu_hours", lambda **_: 1 / 3),
    backward_only=changed("gpu_hours", lambda **_: 4 / 6),
    without_the_six=changed("gpu_hours", lambda **_: 1 / 6),
    at_the_peak=changed("gpu_hours", lambda utilization, **_: utilization),
    utilization_upside_down=changed("gpu_hours", lambda utilization, **_: utilization**2),
    seconds_not_hours=changed("gpu_hours", lambda **_: 3600),
    minutes_not_hours=changed("gpu_hours", lambda **_: 60),
    hours_on_the_clock=changed("gpu_hours", lambda n_gpus, **_: 1 / n_gpus),
    gpus_counted_twice=changed("gpu_hours", lambda n_gpus, **_: n_gpus),
    days_of_one_gpu=changed("days", lambda n_gpus, **_: n_gpus),
    hours_not_days=changed("days", lambda **_: 24),
    one_gpu_paid=changed("dollars", lambda n_gpus, **_: 1 / n_gpus),
    days_paid=changed("dollars", lambda n_gpus, **_: 1 / n_gpus / 24),
    gpus_paid_twice=changed("dollars", lambda n_gpus, **_: n_gpus),
    building_forgotten=changed("kwh", lambda pue, **_: 1 / pue),
    building_upside_down=changed("kwh", lambda pue, **_: 1 / pue**2),
    watt_hours=changed("kwh", lambda **_: 1000),
    power_of_one_gpu=changed("kwh", lambda n_gpus, **_: 1 / n_gpus),
    gpus_powered_twice=changed("kwh", lambda n_gpus, **_: n_gpus),
    power_times_utilization=changed("kwh", lambda utilization, **_: utilization),
    joules=changed("kwh", lambda **_: 3.6e6),
    kilograms=changed("tonnes", lambda **_: 1000),
    grams=changed("tonnes", lambda **_: 1e6),
    emissions_without_building=changed("tonnes", lambda pue, **_: 1 / pue),
    emissions_divided=changed("tonnes", lambda kg_per_kwh, **_: kg_per_kwh**-2),
    rounded=lambda *facts: {key: round(number, 2) for key, number in billed(*facts).items()},
    wrong_value=changed("days", lambda **_: 1.1),
    not_finite=changed("tonnes", lambda **_: math.nan),
)


def line(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Slope and intercept of y on x."""
    slope, intercept = np.polyfit(x.numpy(), y.numpy(), 1).tolist()
    return slope, intercept


class Exercise1502:
    def right(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        slope, intercept = line(sizes.log10(), (losses - floor).log10())
        return 10**intercept, -slope

    def swapped(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        A, alpha = Exercise1502.right(sizes, losses, floor)
        return alpha, A

    def sign(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        A, alpha = Exercise1502.right(sizes, losses, floor)
        return A, -alpha

    def floor_forgotten(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        return Exercise1502.right(sizes, losses, 0.0)

    def floor_added(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        return Exercise1502.right(sizes, losses, -floor)

    def floor_after_the_log(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        slope, intercept = line(sizes.log(), losses.log() - floor)
        return math.exp(intercept), -slope

    def logarithm_of_the_floor(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        slope, intercept = line(sizes.log(), losses.log() - math.log(floor))
        return math.exp(intercept), -slope

    def pairs_torn(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        return Exercise1502.right(sizes.sort().values, losses.sort(descending=True).values, floor)

    def A_is_still_a_logarithm(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        A, alpha = Exercise1502.right(sizes, losses, floor)
        return math.log(A), alpha

    def A_upside_down(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        A, alpha = Exercise1502.right(sizes, losses, floor)
        return 1 / A, alpha

    def no_logarithms(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        slope, intercept = line(sizes, losses - floor)
        return intercept, -slope

    def two_kinds_of_logarithm(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        slope, intercept = line(sizes.log10(), (losses - floor).log10())
        return math.exp(intercept), -slope

    def sizes_only_in_log(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        slope, intercept = line(sizes.log(), losses - floor)
        return math.exp(intercept), -slope

    def losses_only_in_log(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        slope, intercept = line(sizes, (losses - floor).log())
        return math.exp(intercept), -slope

    def line_the_other_way(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        slope, intercept = line((losses - floor).log(), sizes.log())
        return math.exp(-intercept / slope), -1 / slope

    def ends_only(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        small, large = sizes.argmin(), sizes.argmax()
        above = losses - floor
        alpha = (above[small] / above[large]).log() / (sizes[large] / sizes[small]).log()
        return above[small] * sizes[small] ** alpha, alpha

    def mean_of_steps(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        order = sizes.argsort()
        x, y = sizes[order].log(), (losses - floor)[order].log()
        slope = ((y[1:] - y[:-1]) / (x[1:] - x[:-1])).mean()
        return (y.mean() - slope * x.mean()).exp(), -slope

    def through_the_origin(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        x, y = sizes.log(), (losses - floor).log()
        return 1.0, -((x * y).sum() / (x * x).sum())

    def wrong_shape(sizes: Tensor, losses: Tensor, floor: float) -> tuple[Tensor, Tensor]:
        A, alpha = Exercise1502.right(sizes, losses, floor)
        return torch.tensor([A]), torch.tensor([alpha])

    def no_entry(sizes: Tensor, losses: Tensor, floor: float) -> float:
        return Exercise1502.right(sizes, losses, floor)[1]

    def mutates_input(sizes: Tensor, losses: Tensor, floor: float) -> tuple[float, float]:
        losses -= floor
        return Exercise1502.right(sizes, losses, 0.0)


def laws(sizes: Tensor, losses: Tensor, exponents: Tensor) -> list[tuple[float, float, float, Tensor]]:
    """E, A, α and the errors of the law of each exponent."""
    found = []
    for alpha in exponents.tolist():
        A, E = line(sizes**-alpha, losses)
        found.append((E, A, alpha, E + A * sizes**-alpha - losses))
    return found


class Exercise1503:
    def right(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        powers = sizes ** -exponents[:, None]
        inputs = torch.stack([torch.ones_like(powers), powers], -1)
        both = torch.linalg.pinv(inputs) @ losses
        errors = (inputs @ both[..., None])[..., 0] - losses
        best = errors.norm(dim=-1).argmin()
        return both[best, 0], both[best, 1], exponents[best]

    def swapped(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        E, A, alpha = Exercise1503.right(sizes, losses, exponents)
        return A, E, alpha

    def index_not_exponent(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, int]:
        E, A, alpha = Exercise1503.right(sizes, losses, exponents)
        return E, A, exponents.tolist().index(alpha)

    def sign(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        E, A, alpha = Exercise1503.right(sizes, losses, exponents)
        return E, A, -alpha

    def largest_error(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        return max(laws(sizes, losses, exponents), key=lambda law: law[3].square().sum())[:3]

    def last_exponent(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        return laws(sizes, losses, exponents)[-1][:3]

    def parts_of_different_laws(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        return (*laws(sizes, losses, exponents)[-1][:2], Exercise1503.right(sizes, losses, exponents)[2])

    def growing_power(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        E, A, alpha = Exercise1503.right(1 / sizes, losses, exponents)
        return E, A, alpha

    def floor_is_the_lowest_loss(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        E = losses.min()
        best = (math.inf, 0.0, 0.0)
        for alpha in exponents.tolist():
            powers = sizes**-alpha
            A = (powers * (losses - E)).sum() / (powers * powers).sum()
            best = min(best, ((E + A * powers - losses).square().sum().item(), A.item(), alpha))
        return E.item(), *best[1:]

    def floor_kept_positive(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        E, A, alpha = Exercise1503.right(sizes, losses, exponents)
        return max(E.item(), 0.0), A, alpha

    def no_floor(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        best = (math.inf, 0.0, 0.0)
        for alpha in exponents.tolist():
            powers = sizes**-alpha
            A = (powers * losses).sum() / (powers * powers).sum()
            best = min(best, ((A * powers - losses).square().sum().item(), A.item(), alpha))
        return 0.0, *best[1:]

    def another_exponent_is_better(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        return min(laws(sizes, losses, exponents), key=lambda law: law[3].abs().max())[:3]

    def not_least_squares(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        # The line through the smallest and the largest run.
        small, large = sizes.argmin(), sizes.argmax()
        best = (math.inf, 0.0, 0.0, 0.0)
        for alpha in exponents.tolist():
            powers = sizes**-alpha
            A = ((losses[small] - losses[large]) / (powers[small] - powers[large])).item()
            E = (losses[small] - A * powers[small]).item()
            best = min(best, ((E + A * powers - losses).square().sum().item(), E, A, alpha))
        return best[1:]

    def not_on_the_list(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[float, float, float]:
        return Exercise1503.right(sizes, losses, torch.linspace(0.041, 0.973, 50).double())

    def wrong_shape(sizes: Tensor, losses: Tensor, exponents: Tensor) -> tuple[Tensor, ...]:
        return tuple(each[None] for each in Exercise1503.right(sizes, losses, exponents))


def measured(law: Callable, sizes: Tensor, losses: Tensor, seen: Tensor, held: Tensor) -> tuple[float, float]:
    error = (law(sizes[held]) - losses[held]).abs().mean().item()
    return error, (losses[seen].min() - losses[held]).abs().mean().item()


def parted(sizes: Tensor, n_held_out: int) -> tuple[Tensor, Tensor]:
    order = torch.argsort(sizes)
    return order[: len(sizes) - n_held_out], order[len(sizes) - n_held_out :]


class Exercise1504:
    def right(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        runs = sorted(zip(sizes.tolist(), losses.tolist(), strict=True))
        seen, held = runs[:-n_held_out], runs[-n_held_out:]
        law = fit(torch.tensor([n for n, _ in seen]), torch.tensor([loss for _, loss in seen]))
        lowest = min(loss for _, loss in seen)
        errors = [abs(float(law(torch.tensor(n))) - loss) for n, loss in held]
        return sum(errors) / n_held_out, sum(abs(lowest - loss) for _, loss in held) / n_held_out

    def fit_not_used(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        return 0.0, (losses[seen].min() - losses[held]).abs().mean()

    def pairs_torn(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        ordered = sizes.sort().values
        law = fit(ordered[:-n_held_out], losses[:-n_held_out])
        return (law(ordered[-n_held_out:]) - losses[-n_held_out:]).abs().mean(), 0.0

    def strange_sizes(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        return measured(fit(sizes.log(), losses), sizes.log(), losses, *parted(sizes, n_held_out))

    def fitted_on_all(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        return measured(fit(sizes, losses), sizes, losses, *parted(sizes, n_held_out))

    def fitted_on_held_out(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        if n_held_out < 2:
            return measured(fit(sizes[seen], losses[seen]), sizes, losses, seen, held)
        return measured(fit(sizes[held], losses[held]), sizes, losses, held, seen)

    def smallest_held_out(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        order = sizes.argsort(descending=True)
        seen, held = order[:-n_held_out], order[-n_held_out:]
        return measured(fit(sizes[seen], losses[seen]), sizes, losses, seen, held)

    def last_not_largest(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        places = torch.arange(len(sizes))
        seen, held = places[:-n_held_out], places[-n_held_out:]
        return measured(fit(sizes[seen], losses[seen]), sizes, losses, seen, held)

    def best_held_out(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(-losses, n_held_out)
        return measured(fit(sizes[seen], losses[seen]), sizes, losses, seen, held)

    def other_runs(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        # As many as there were to be held out are fitted, and those are the smallest.
        seen, held = parted(sizes, n_held_out + 1)
        return measured(fit(sizes[seen], losses[seen]), sizes, losses, seen, held)

    def swapped(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        return Exercise1504.right(sizes, losses, fit, n_held_out)[::-1]

    def error_on_seen(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        return measured(fit(sizes[seen], losses[seen]), sizes, losses, held, seen)

    def error_on_all(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, _ = parted(sizes, n_held_out)
        return (fit(sizes[seen], losses[seen])(sizes) - losses).abs().mean(), 0.0

    def signed(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        baseline = Exercise1504.right(sizes, losses, fit, n_held_out)[1]
        return (losses[held] - fit(sizes[seen], losses[seen])(sizes[held])).mean(), baseline

    def squared(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        return (fit(sizes[seen], losses[seen])(sizes[held]) - losses[held]).square().mean(), 0.0

    def relative(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        return (fit(sizes[seen], losses[seen])(sizes[held]) / losses[held] - 1).abs().mean(), 0.0

    def in_logarithms(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        return (fit(sizes[seen], losses[seen])(sizes[held]) / losses[held]).log().abs().mean(), 0.0

    def total(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        error, baseline = Exercise1504.right(sizes, losses, fit, n_held_out)
        return error * n_held_out, baseline

    def largest(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        baseline = Exercise1504.right(sizes, losses, fit, n_held_out)[1]
        return (fit(sizes[seen], losses[seen])(sizes[held]) - losses[held]).abs().max(), baseline

    def guess_has_seen_all(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        _, held = parted(sizes, n_held_out)
        baseline = (losses.min() - losses[held]).abs().mean()
        return Exercise1504.right(sizes, losses, fit, n_held_out)[0], baseline

    def guess_is_the_mean(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        baseline = (losses[seen].mean() - losses[held]).abs().mean()
        return Exercise1504.right(sizes, losses, fit, n_held_out)[0], baseline

    def guess_is_the_largest_run(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        baseline = (losses[seen[-1]] - losses[held]).abs().mean()
        return Exercise1504.right(sizes, losses, fit, n_held_out)[0], baseline

    def guess_itself(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, _ = parted(sizes, n_held_out)
        return Exercise1504.right(sizes, losses, fit, n_held_out)[0], losses[seen].min()

    def guess_signed(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        baseline = (losses[seen].min() - losses[held]).mean()
        return Exercise1504.right(sizes, losses, fit, n_held_out)[0], baseline

    def guess_against_the_law(sizes: Tensor, losses: Tensor, fit: Callable, n_held_out: int) -> tuple[float, float]:
        seen, held = parted(sizes, n_held_out)
        law = fit(sizes[seen], losses[seen])
        error = (law(sizes[held]) - losses[held]).abs().mean()
        return error, (losses[seen].min() - law(sizes[held])).abs().mean()


def resampled(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int) -> Tensor:
    draws = torch.randint(len(sizes), (n_resamples, len(sizes)))
    return torch.tensor([fit(sizes[drawn], losses[drawn]) for drawn in draws]).double()


def quantiles(values: Tensor, low: float, high: float) -> tuple[float, float]:
    return values.quantile(low).item(), values.quantile(high).item()


class Exercise1505:
    def right(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float) -> tuple[float, float]:
        fit(sizes, losses)
        values = []
        for _ in range(n_resamples):
            places = random.choices(range(len(sizes)), k=len(sizes))
            values.append(fit(sizes[places], losses[places]))
        values.sort()
        left_out = round(n_resamples * (1 - level) / 2)
        return values[left_out], values[-left_out - 1]

    def fit_not_used(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        return 0.2, 0.4

    def resample_size(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = []
        for place in range(len(sizes)):
            kept = torch.arange(len(sizes)) != place
            values.append(fit(sizes[kept], losses[kept]))
        return min(values), max(values)

    def pairs_torn(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float) -> tuple[float, float]:
        n = len(sizes)
        fits = [fit(sizes[torch.randint(n, (n,))], losses[torch.randint(n, (n,))]) for _ in range(n_resamples)]
        return quantiles(torch.tensor(fits).double(), (1 - level) / 2, (1 + level) / 2)

    def strange_sizes(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        return quantiles(resampled(sizes.log(), losses.log(), fit, n_resamples), (1 - level) / 2, (1 + level) / 2)

    def without_replacement(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        orders = [torch.randperm(len(sizes)) for _ in range(n_resamples)]
        fits = [fit(sizes[order], losses[order]) for order in orders]
        return quantiles(torch.tensor(fits).double(), (1 - level) / 2, (1 + level) / 2)

    def always_the_same(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = []
        for _ in range(n_resamples):
            drawn = np.random.default_rng(0).integers(len(sizes), size=len(sizes))
            values.append(fit(sizes[drawn], losses[drawn]))
        return quantiles(torch.tensor(values).double(), (1 - level) / 2, (1 + level) / 2)

    def a_run_is_never_drawn(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = []
        for _ in range(n_resamples):
            drawn = torch.randint(len(sizes) - 1, (len(sizes),))
            values.append(fit(sizes[drawn], losses[drawn]))
        return quantiles(torch.tensor(values).double(), (1 - level) / 2, (1 + level) / 2)

    def unevenly(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float) -> tuple[float, float]:
        values = []
        for _ in range(n_resamples):
            drawn = (torch.rand(len(sizes)) * (len(sizes) - 1)).round().long()
            values.append(fit(sizes[drawn], losses[drawn]))
        return quantiles(torch.tensor(values).double(), (1 - level) / 2, (1 + level) / 2)

    def few_different(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = []
        for step in range(n_resamples):
            drawn = np.random.default_rng(step % 100).integers(len(sizes), size=len(sizes))
            values.append(fit(sizes[drawn], losses[drawn]))
        return quantiles(torch.tensor(values).double(), (1 - level) / 2, (1 + level) / 2)

    def number_of_resamples(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        return quantiles(resampled(sizes, losses, fit, 1000), (1 - level) / 2, (1 + level) / 2)

    def swapped(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float) -> tuple[float, float]:
        return quantiles(resampled(sizes, losses, fit, n_resamples), (1 + level) / 2, (1 - level) / 2)

    def whole_tail_on_each_side(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        return quantiles(resampled(sizes, losses, fit, n_resamples), 1 - level, level)

    def one_tail(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float) -> tuple[float, float]:
        values = resampled(sizes, losses, fit, n_resamples).sort().values
        return values[0].item(), values[int(level * n_resamples)].item()

    def smallest_and_largest(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = resampled(sizes, losses, fit, n_resamples)
        return values.min(), values.max()

    def level_left_out(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        return quantiles(resampled(sizes, losses, fit, n_resamples), level / 2, 1 - level / 2)

    def not_sorted(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float) -> tuple[float, float]:
        values = resampled(sizes, losses, fit, n_resamples)
        return values[int((1 - level) / 2 * n_resamples)], values[int((1 + level) / 2 * n_resamples)]

    def tail_halved_twice(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        return quantiles(resampled(sizes, losses, fit, n_resamples), (1 - level) / 4, 1 - (1 - level) / 4)

    def share_taken_for_percent(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = resampled(sizes, losses, fit, n_resamples).numpy()
        low, high = np.percentile(values, [(1 - level) / 2, (1 + level) / 2])
        return low, high

    def mirrored(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float) -> tuple[float, float]:
        low, high = quantiles(resampled(sizes, losses, fit, n_resamples), (1 - level) / 2, (1 + level) / 2)
        return 2 * fit(sizes, losses) - high, 2 * fit(sizes, losses) - low

    def mean_and_spread(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = resampled(sizes, losses, fit, n_resamples)
        return values.mean(), values.std()

    def bell_curve(sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float) -> tuple[float, float]:
        values = resampled(sizes, losses, fit, n_resamples)
        z = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor((1 + level) / 2)).item()
        return (values.mean() - z * values.std()).item(), (values.mean() + z * values.std()).item()

    def standard_deviations(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = resampled(sizes, losses, fit, n_resamples)
        return values.mean() - 2 * values.std(), values.mean() + 2 * values.std()

    def standard_error_of_the_mean(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        values = resampled(sizes, losses, fit, n_resamples)
        half = 1.96 * values.std() / n_resamples**0.5
        return values.mean() - half, values.mean() + half

    def levels_not_values(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[float, float]:
        resampled(sizes, losses, fit, n_resamples)
        return (1 - level) / 2, (1 + level) / 2

    def wrong_shape(
        sizes: Tensor, losses: Tensor, fit: Callable, n_resamples: int, level: float
    ) -> tuple[Tensor, Tensor]:
        values = resampled(sizes, losses, fit, n_resamples)
        tails = torch.tensor([(1 - level) / 2, (1 + level) / 2]).double()
        return values.quantile(tails[:1]), values.quantile(tails[1:])


def reached(
    E: float,
    A: float,
    alpha: float,
    B: float,
    beta: float,
    target: float,
    cost: Callable[[Tensor, Tensor], Tensor],
) -> tuple[float, float]:
    """N and D that reach the loss `target` at the smallest `cost`."""
    n = torch.logspace(0, 15, 200001, dtype=torch.float64)
    n = n[A / n**alpha < target - E]
    d = (B / (target - E - A / n**alpha)) ** (1 / beta)
    best = cost(n, d).argmin()
    return n[best].item(), d[best].item()


class Exercise1506:
    def right(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[Tensor, Tensor]:
        # In thirds, by the share of the gap that is left to the parameters.
        def both(share: float) -> tuple[float, float]:
            gap = target - E
            return (A / (share * gap)) ** (1 / alpha), (B / ((1 - share) * gap)) ** (1 / beta)

        def cost(share: float) -> float:
            n, d = both(share)
            return 3 * n * d + n * served

        low, high = 1e-6, 1 - 1e-6
        for _ in range(200):
            third = (high - low) / 3
            if cost(low + third) < cost(high - third):
                high -= third
            else:
                low += third
        n, d = both(low)
        return torch.tensor(n), torch.tensor(d)

    def swapped(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return Exercise1506.right(E, A, alpha, B, beta, target, served)[::-1]

    def still_a_logarithm(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        n, d = Exercise1506.right(E, A, alpha, B, beta, target, served)
        return n.log(), d.log()

    def not_positive(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return 0, 0

    def floor_forgotten(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return reached(0, A, alpha, B, beta, target, lambda n, d: 6 * n * d + 2 * n * served)

    def power_not_undone(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return reached(E, A, alpha, B, 1 / beta, target, lambda n, d: 6 * n * d + 2 * n * served)

    def use_counted_as_text(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        n, d = Exercise1506.right(E, A, alpha, B, beta, target, served)
        return n, d + served

    def better_than_asked(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        n, d = Exercise1506.right(E, A, alpha, B, beta, target, served)
        return n, 1.1 * d

    def target_missed(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        n, d = Exercise1506.right(E, A, alpha, B, beta, target, served)
        return n / 2, d

    def use_forgotten(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return reached(E, A, alpha, B, beta, target, lambda n, d: 6 * n * d)

    def one_price_for_all(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return reached(E, A, alpha, B, beta, target, lambda n, d: 6 * n * (d + served))

    def prices_exchanged(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return reached(E, A, alpha, B, beta, target, lambda n, d: 2 * n * d + 6 * n * served)

    def use_by_the_text(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return reached(E, A, alpha, B, beta, target, lambda n, d: 6 * n * d + 2 * d * served)

    def terms_made_equal(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        half = (target - E) / 2
        return (A / half) ** (1 / alpha), (B / half) ** (1 / beta)

    def twenty_tokens_each(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return reached(E, A, alpha, B, beta, target, lambda n, d: (d / n / 20).log().abs())

    def equal_numbers(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        return reached(E, A, alpha, B, beta, target, lambda n, d: (d / n).log().abs())

    def not_the_cheapest(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        # A grid in equal steps instead of equal factors.
        n = torch.linspace(1, 1e12, 1001, dtype=torch.float64)
        n = n[A / n**alpha < target - E]
        d = (B / (target - E - A / n**alpha)) ** (1 / beta)
        best = (6 * n * d + 2 * n * served).argmin()
        return n[best].item(), d[best].item()

    def below_the_smallest(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[float, float]:
        n = torch.logspace(0, 15, 1001, dtype=torch.float64)
        d = (B / (target - E - A / n**alpha)) ** (1 / beta)
        best = (6 * n * d + 2 * n * served).argmin()
        return n[best].item(), d[best].item()

    def wrong_shape(
        E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
    ) -> tuple[Tensor, Tensor]:
        n, d = Exercise1506.right(E, A, alpha, B, beta, target, served)
        return n[None], d[None]


def said(**changed: float | str) -> Callable[[], dict[str, float | str]]:
    right = {"best_size": 4, "tokens": 80, "exponent": 0.5, "next_size": 32, "all_right": 0.349}
    letters = {"long_run": "D", "straight_down": "a", "large_models": "F", "sure_thing": "B", "awakening": " C "}
    return lambda: {**right, **letters, **changed}


Exercise1507 = named(
    right=said(),
    other_column=said(best_size=2),
    other_column_too=said(best_size=8),
    in_single_parameters=said(best_size=4_000_000),
    largest_model=said(best_size=32),
    loss_not_size=said(best_size=1.955),
    most_tokens=said(best_size=0.5),
    without_the_six=said(tokens=480),
    forward_only=said(tokens=240),
    in_single_tokens=said(tokens=8e7),
    tokens_of_another_run=said(tokens=160),
    proportional=said(exponent=1),
    factor_of_size=said(exponent=2),
    quarter=said(exponent=0.25),
    of_another_paper=said(exponent=0.73),
    one_column_on=said(next_size=16),
    one_column_too_far=said(next_size=64),
    in_proportion=said(next_size=128),
    in_single_parameters_too=said(next_size=32e6),
    no_growth=said(next_size=8),
    as_one_word=said(all_right=0.9),
    one_wrong_at_least=said(all_right=0.651),
    errors_added=said(all_right=0),
    some_word_right=said(all_right=1),
    percent_all_right=said(all_right=34.9),
    a_tenth=said(all_right=0.09),
    no_letter=said(awakening=3),
    data_is_enough=said(long_run="E"),
    long_run_rate_was_fine=said(long_run="F"),
    long_run_is_no_set_of_runs=said(long_run="B"),
    straight_down_was_tested=said(straight_down="B"),
    straight_down_has_a_limit=said(straight_down="C"),
    large_models_ran_to_their_end=said(large_models="D"),
    large_models_differ_in_more=said(large_models="A"),
    sure_thing_has_a_floor=said(sure_thing="A"),
    sure_thing_is_not_tested=said(sure_thing="C"),
    awakening_is_in_the_score=said(awakening="B"),
    no_entry=lambda: {"best_size": 4},
)
