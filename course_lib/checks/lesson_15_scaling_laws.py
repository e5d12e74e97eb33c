"""What right answers of lesson 15 obey, and what wrong ones look like.

Letters as in the field: N parameters, D tokens, C FLOPs of a run; E, A, α, B, β of the law E + A/N^α + B/D^β.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial

HOUR = 3600.0


def _number(entry: Returned, law: str) -> float:
    """The one number that came back there; anything else breaks the law."""
    found = as_numbers(entry.value)
    if found is None or found.ndim:
        entry.equals(0.0, law, reveal=False)
        return math.nan
    return found.item()


def _shuffled(trial: Trial, n: int) -> Tensor:
    """The places 0 to n - 1 in an order that is the same at every check."""
    return trial.normal(n).argsort()


# ── 15.1 ──


@exercise("15.1", title="The bill before the run", stars=1, minutes=10)
def budget(trial: Trial) -> None:
    for run in (
        (1e9, 2e10, 8, 1e15, 0.4, 700.0, 1.2, 2.0, 0.4),
        (7e10, 1.4e12, 2048, 3.12e14, 0.52, 400.0, 1.1, 1.5, 0.35),
        (3e7, 9e8, 3, 6.5e13, 0.21, 70.0, 1.55, 0.3, 0.06),
    ):
        _agrees_with_budget(trial, *run)


def _agrees_with_budget(
    trial: Trial,
    n_parameters: float,
    n_tokens: float,
    n_gpus: int,
    peak: float,
    utilization: float,
    watts: float,
    pue: float,
    dollars_per_hour: float,
    kg_per_kwh: float,
) -> None:
    flops = 6 * n_parameters * n_tokens
    gpu_hours = flops / (peak * utilization) / HOUR
    days = gpu_hours / n_gpus / 24
    dollars = gpu_hours * dollars_per_hour
    kwh = gpu_hours * watts / 1000 * pue
    tonnes = kwh * kg_per_kwh / 1000
    answer = trial(
        n_parameters=n_parameters,
        n_tokens=n_tokens,
        n_gpus=n_gpus,
        peak=peak,
        utilization=utilization,
        watts=watts,
        pue=pue,
        dollars_per_hour=dollars_per_hour,
        kg_per_kwh=kg_per_kwh,
    )

    def expect(key: str, right: float, law: str, *mistakes: tuple[str, float, str]) -> None:
        entry = answer.entry(key)
        got = _number(entry, law)
        # Relative, for some of these numbers are tiny and others huge.
        if math.isclose(got, right, rel_tol=1e-4):
            return
        for mistake, wrong, says in mistakes:
            entry.requires(not math.isclose(got, wrong, rel_tol=1e-4), law, mistake, says)
        rounded = any(got == round(right, places) for places in range(5))
        entry.requires(not rounded or got == 0, law, "rounded", "It was rounded. Leave it as it is.")
        entry.equals(right, law, tolerance=1e-12)

    expect(
        "gpu_hours",
        gpu_hours,
        "GPU hours are the FLOPs 6ND, over peak times utilization, over 3,600 seconds",
        ("forward_only", gpu_hours / 3, "It is a third of the right number. 2ND is the forward pass alone."),
        ("backward_only", gpu_hours / 1.5, "It is two thirds of the right number: the forward pass is missing."),
        ("without_the_six", gpu_hours / 6, "How many FLOPs does one parameter cost for one token? Yours says one."),
        ("at_the_peak", gpu_hours * utilization, "These GPUs would work at their peak. They reach a share of it only."),
        (
            "utilization_upside_down",
            gpu_hours * utilization**2,
            "A GPU that is used badly takes longer. In yours it would be done sooner.",
        ),
        ("seconds_not_hours", gpu_hours * HOUR, "These are seconds. An hour has 3,600."),
        ("minutes_not_hours", gpu_hours * 60, "These are minutes. An hour has 3,600 seconds."),
        (
            "hours_on_the_clock",
            gpu_hours / n_gpus,
            "These are the hours that pass on the clock. GPU hours add up those of all GPUs, however many share the "
            "work.",
        ),
        ("gpus_counted_twice", gpu_hours * n_gpus, "More GPUs do not make more work. They share it."),
    )
    expect(
        "days",
        days,
        "the days on the clock are the GPU hours, shared among the GPUs, over 24",
        ("days_of_one_gpu", days * n_gpus, "So long would one GPU take. There are several, and they share the work."),
        ("hours_not_days", days * 24, "These are hours on the clock. A day has 24."),
        ("hours_not_days", gpu_hours, "These are the GPU hours."),
    )
    expect(
        "dollars",
        dollars,
        "every GPU hour is paid",
        ("one_gpu_paid", dollars / n_gpus, "That pays for one GPU only. The others cost as much."),
        ("days_paid", days * dollars_per_hour, "The price is for an hour, and yours pays it for each day."),
        ("days_paid", dollars / 24, "The price is for an hour, and yours pays it for each day."),
        ("gpus_paid_twice", dollars * n_gpus, "GPU hours count all GPUs already."),
    )
    expect(
        "kwh",
        kwh,
        "energy is GPU hours times the power of one GPU in kilowatts, times the PUE",
        ("building_forgotten", kwh / pue, "That is what the GPUs draw. Cooling and transformers come on top: the PUE."),
        ("building_upside_down", kwh / pue**2, "A PUE above 1 is waste, so it makes the energy more and not less."),
        ("watt_hours", kwh * 1000, "These are watt hours. A kilowatt hour has 1,000."),
        ("power_of_one_gpu", kwh / n_gpus, "That is the energy of one GPU."),
        ("gpus_powered_twice", kwh * n_gpus, "GPU hours count all GPUs already."),
        (
            "power_times_utilization",
            kwh * utilization,
            "The utilization is in the GPU hours already. A GPU that waits for data draws nearly as much power.",
        ),
        ("joules", kwh * 3.6e6, "These are joules. A kilowatt hour has 3.6 million."),
    )
    expect(
        "tonnes",
        tonnes,
        "the emissions are the energy times those of a kilowatt hour, in tonnes of 1,000 kg",
        ("kilograms", tonnes * 1000, "These are kilograms. A tonne has 1,000."),
        ("emissions_without_building", tonnes / pue, "The energy of the building was left out here."),
        ("emissions_divided", kwh / kg_per_kwh / 1000, "It was divided. Each kilowatt hour *adds* so many kilograms."),
        ("grams", tonnes * 1e6, "These are grams. A tonne has a million."),
    )


# ── 15.2 ──


class _Line(NamedTuple):
    """The power law A · N^−α."""

    A: float
    alpha: float


def _line(sizes: Tensor, losses: Tensor, floor: float = 0.0) -> _Line:
    """The least-squares line of ln(loss − floor) on ln N, as a power law."""
    x, y = sizes.double().log(), (losses.double() - floor).log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
    return _Line((y.mean() - slope * x.mean()).exp().item(), -slope.item())


@exercise("15.2", title="A power law is a straight line", stars=1, minutes=15)
def power_law(trial: Trial) -> None:
    _agrees_with_power_law(trial, torch.tensor([100.0, 10000.0]).double(), torch.tensor([3.0, 2.1]).double(), 2.0)
    for n, A, alpha, floor in ((7, 40.0, 0.31, 1.7), (12, 6.0, 0.12, 0.0), (5, 900.0, 0.55, 0.6)):
        sizes = (trial.normal(n).double() + 9).exp()
        noise = 0.15 * trial.normal(n).double()
        noise[sizes.argmax()] += 0.3
        losses = floor + A * sizes**-alpha * noise.exp()
        _agrees_with_power_law(trial, sizes, losses, floor)


def _agrees_with_power_law(trial: Trial, sizes: Tensor, losses: Tensor, floor: float) -> None:
    A, alpha = _line(sizes, losses, floor)
    x, y = sizes.log(), (losses - floor).log()
    intercept = math.log(A)
    turned = _line(y.exp(), sizes)
    order = sizes.argsort()
    ends = order[[0, -1]]
    answer = trial(sizes=sizes, losses=losses, floor=floor)
    law = "(A, α) is the least-squares line of ln(loss − floor) on ln N: ln A where it begins, −α its slope"
    first, second = answer.entry(0), answer.entry(1)
    pair = _number(first, law), _number(second, law)
    if math.isclose(pair[0], A, rel_tol=2e-3) and math.isclose(pair[1], alpha, rel_tol=1e-3):
        return

    def shows(mistake: str, says: str, *wrong: tuple[float, float]) -> None:
        """Refuse these pairs, nan standing for any number."""
        shown = any(
            all(math.isnan(b) or math.isclose(a, b, rel_tol=1e-3) for a, b in zip(pair, each, strict=True))
            and not (math.isnan(each[0]) and math.isclose(each[1], alpha, rel_tol=2e-3))
            for each in wrong
        )
        answer.requires(not shown, law, mistake, says)

    shows("swapped", "These are the two numbers in the other order. A comes first.", (alpha, A), (-alpha, A))
    shows(
        "sign",
        "The slope of the line is −α, and α itself is positive for a loss that falls.",
        (A, -alpha),
        (-A, -alpha),
    )
    shows(
        "A_upside_down",
        "The exponent is right, and your A is 1/A. The sign of the intercept was turned as well.",
        (1 / A, alpha),
    )
    if floor:
        shows("floor_forgotten", "That is the line of ln(loss). Take the floor off first.", _line(sizes, losses))
        shows("floor_added", "The floor was added. It has to be taken off.", _line(sizes, losses, -floor))
        bare = _line(sizes, losses)
        shows(
            "floor_after_the_log",
            "The floor was taken off the *logarithms*. It is a loss, so it has to go before the logarithm.",
            (bare.A * math.exp(-floor), bare.alpha),
        )
        shows(
            "logarithm_of_the_floor",
            "That is the line of ln(loss) − ln(floor). A difference of logarithms is the logarithm of a quotient: take "
            "loss − floor first, and then its logarithm.",
            (bare.A / floor, bare.alpha),
        )
    shows(
        "A_is_still_a_logarithm",
        "A is the number whose logarithm the line has at ln N = 0. Undo the logarithm.",
        (intercept, alpha),
        (intercept / math.log(10), alpha),
        (intercept, -alpha),
    )
    shows(
        "two_kinds_of_logarithm",
        "The exponent is right, and A is not. Was a logarithm to one base undone with a power of another?",
        (math.exp(intercept / math.log(10)), alpha),
        (math.exp(intercept / math.log(2)), alpha),
        (10**intercept, alpha),
        (2**intercept, alpha),
    )
    half_log = ((x - x.mean()) * (losses - losses.mean())).sum() / (x - x.mean()).square().sum()
    shows(
        "sizes_only_in_log",
        "Only the sizes have become logarithms. A power law is straight if both have.",
        (math.nan, -half_log.item()),
        (math.nan, half_log.item()),
    )
    centred = sizes - sizes.mean()
    straight = ((centred * (losses - losses.mean())).sum() / centred.square().sum()).item()
    shows(
        "no_logarithms",
        "That is the line of the losses on the sizes themselves. A power law is straight only in logarithms.",
        (math.nan, -straight),
        (math.nan, straight),
    )
    exponential = (centred * (y - y.mean())).sum() / centred.square().sum()
    shows(
        "losses_only_in_log",
        "Only the losses have become logarithms: that is an exponential law. A power law is straight if both have.",
        (math.nan, -exponential.item()),
        (math.nan, exponential.item()),
    )
    if len(sizes) > 2:
        shows(
            "pairs_torn",
            "Sizes and losses were sorted each on their own. With noise, a larger run may well have the higher loss: "
            "keep each loss with its size.",
            _line(sizes.sort().values, losses.sort(descending=True).values, floor),
        )
        shows(
            "line_the_other_way",
            "That is the line of ln N on ln(loss − floor), turned round. With noise that is another line: the errors "
            "are in the loss, so *its* squared errors have to be small.",
            (math.nan, 1 / turned.alpha),
            (math.nan, turned.alpha),
        )
        shows(
            "ends_only",
            "That line goes through the smallest and the largest run, and the others have no say.",
            (math.nan, _line(sizes[ends], losses[ends], floor).alpha),
        )
        shows(
            "ends_only",
            "That line goes through the first run and the last, and the others have no say.",
            (math.nan, _line(sizes[[0, -1]], losses[[0, -1]], floor).alpha),
        )
        steps = (y[order].diff() / x[order].diff()).mean().item()
        shows(
            "mean_of_steps",
            "That is the mean of the slopes between neighbours. Two that happen to lie close together count as much as "
            "two far apart.",
            (math.nan, -steps),
        )
    origin = ((x * y).sum() / x.square().sum()).item()
    shows(
        "through_the_origin",
        "That line has to pass through 0 at ln N = 0, so A would be 1. It may begin anywhere.",
        (math.nan, -origin),
        (math.nan, origin),
    )
    single = (y.mean() / x.mean()).item()
    shows("through_the_origin", "α is not a ratio of logarithms: A has a say as well.", (math.nan, -single))
    second.equals(alpha, law, tolerance=1e-3)
    first.equals(A, law, tolerance=1e-12)


# ── 15.3 ──


@exercise("15.3", title="The floor that nobody told you", stars=2, minutes=20)
def fit_with_floor(trial: Trial) -> None:
    for n, E, A, alpha, exponents in (
        (11, 0.9, 12.0, 0.42, torch.tensor([0.8, 0.5, 0.3, 0.45, 0.9, 0.1, 0.2])),
        (8, 1.7, 30.0, 0.3, torch.linspace(0.05, 1, 96)),
        (9, 2.4, 60.0, 0.62, torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])),
    ):
        sizes = torch.linspace(5, 11, n).double().exp()[_shuffled(trial, n)]
        losses = E + A * sizes**-alpha + 0.08 * trial.normal(n).double()
        losses[sizes.argsort()[n // 2]] += 0.5  # one bad run, by which measures of error differ
        _agrees_with_fit(trial, sizes, losses, exponents.double())
    # Exponents so small that the best line has its E below 0.
    sizes = torch.linspace(5, 11, 8).double().exp()[_shuffled(trial, 8)]
    losses = 0.1 + 10 * sizes**-0.4 + 0.02 * trial.normal(8).double()
    _agrees_with_fit(trial, sizes, losses, torch.tensor([0.15, 0.1, 0.2, 0.05]).double())
    # The statement's own comes last: with so few exponents, the last is the worst.
    _agrees_with_fit(
        trial,
        torch.tensor([1.0, 4, 16]).double(),
        torch.tensor([6.0, 4, 3]).double(),
        torch.tensor([0.25, 0.5, 1]).double(),
    )


def _plane(powers: Tensor, losses: Tensor) -> tuple[float, float, float]:
    """E and A of the least-squares law E + A · powers, and the sum of its squared errors."""
    centred = powers - powers.mean()
    A = (centred * losses).sum() / centred.square().sum()
    E = losses.mean() - A * powers.mean()
    return E.item(), A.item(), (E + A * powers - losses).square().sum().item()


def _agrees_with_fit(trial: Trial, sizes: Tensor, losses: Tensor, exponents: Tensor) -> None:
    fits = [(*_plane(sizes**-alpha, losses), alpha) for alpha in exponents.tolist()]
    E, A, _, alpha = min(fits, key=lambda fit: fit[2])
    answer = trial(sizes=sizes, losses=losses, exponents=exponents)
    law = "E + A/N^α is the law with the smallest sum of squared errors, for the exponents on the list"
    entries = [answer.entry(place) for place in range(3)]
    said = [_number(entry, law) for entry in entries]

    def near(wrong: tuple[float, ...], tolerance: float = 2e-3) -> bool:
        return all(math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-9) for a, b in zip(said, wrong, strict=True))

    if near((E, A, alpha)):
        return

    def refuse(mistake: str, says: str, *wrong: tuple[float, ...]) -> None:
        answer.requires(not any(map(near, wrong)), law, mistake, says)

    refuse("swapped", "The floor E comes first, then A, then α.", (A, E, alpha), (alpha, A, E), (A, alpha, E))
    refuse(
        "index_not_exponent",
        "The third number is the place on the list. Wanted is the exponent that stands there.",
        *((fit[0], fit[1], float(place)) for place, fit in enumerate(fits) if fit[3] == alpha),
    )
    refuse("sign", "The exponent on the list is α itself. The minus sign stands in the law.", (E, A, -alpha))
    worst = max(fits, key=lambda fit: fit[2])
    refuse(
        "largest_error",
        "That is the law with the *largest* error of all. Keep the one with the smallest.",
        (*worst[:2], worst[3]),
    )
    last = fits[-1]
    refuse(
        "last_exponent",
        "That is the law of the last exponent on the list, whether it is the best or not.",
        *([] if last[3] == alpha else [(last[0], last[1], last[3])]),
    )
    refuse(
        "parts_of_different_laws",
        "The exponent is the best one, but E and A belong to the last on the list. Keep all three together.",
        (last[0], last[1], alpha),
    )
    growing = [(*_plane(sizes**each, losses), each) for each in exponents.tolist()]
    refuse(
        "growing_power",
        "That is a law with N^α. Ours has N^−α, which gets smaller as N grows.",
        *((each[0], each[1], each[3]) for each in growing),
    )
    lowest = losses.min().item()
    answer.requires(
        not math.isclose(said[0], lowest, rel_tol=1e-6) or math.isclose(E, lowest, rel_tol=1e-3),
        law,
        "floor_is_the_lowest_loss",
        "E is the lowest loss that was measured. No model has arrived at the floor yet: the law says how far it is.",
    )
    answer.requires(
        not (abs(said[0]) < 1e-6 and E < -1e-3),
        law,
        "floor_kept_positive",
        "The best E is below 0 here, and yours is 0. It makes no sense as a floor, but E and A are any numbers: let "
        "whoever reads it see that the exponents on the list do not suit these runs.",
    )
    answer.requires(
        not (abs(said[0]) < 1e-6 < abs(E)),
        law,
        "no_floor",
        "E is 0. The law would fall to zero for ever larger models, and what is left of the loss has to be measured.",
    )
    if any(math.isclose(said[2], each, rel_tol=1e-5) for each in exponents.tolist()):
        own = min(fits, key=lambda fit: abs(fit[3] - said[2]))
        refuse(
            "another_exponent_is_better",
            "E and A are the best for your exponent, but with another exponent on the list the sum of squared errors "
            "is smaller. By what did you compare? (Errors that are not squared add up to 0, always.)",
            (own[0], own[1], own[3]),
        )
        answer.requires(
            False,
            law,
            "not_least_squares",
            "For your exponent, other E and A have a smaller sum of squared errors. With α held fixed, that sum is "
            "smallest for the straight line of the losses on N^−α.",
        )
    answer.requires(
        math.isnan(said[2]),
        law,
        "not_on_the_list",
        "α should be one of the exponents on the list, and yours is not.",
    )
    for entry, right in zip(entries, (E, A, alpha), strict=True):
        entry.equals(right, law, tolerance=1e-12)


# ── 15.4 ──


@exercise("15.4", title="Predict a run that the law has not seen", stars=2, minutes=15)
def forecast(trial: Trial) -> None:
    for n, n_held_out in ((5, 1), (9, 2), (12, 4)):
        sizes = torch.linspace(6, 12, n).double().exp()
        losses = 1.2 + 25 * sizes**-0.35 + 0.04 * trial.normal(n).double()
        # The lowest of the seen losses is not that of their largest run, and not the lowest of all.
        seen = n - n_held_out
        losses[seen - 2] = losses[:seen].min() - 0.02
        if n_held_out > 1:
            # One held-out run is bad and one good, so that errors with a sign cancel, and loss does not go by size.
            losses[seen] += 0.4
            losses[-1] -= 0.4
        order = _shuffled(trial, n)
        if order[-1] == n - 1:
            order = order.roll(1)
        _agrees_with_forecast(trial, sizes[order], losses[order], n_held_out)


def _agrees_with_forecast(trial: Trial, sizes: Tensor, losses: Tensor, n_held_out: int) -> None:
    order = sizes.argsort()
    seen, held = order[:-n_held_out], order[-n_held_out:]
    calls: list[tuple[Tensor, Tensor]] = []

    def fit_line(sizes: Any, losses: Any) -> Callable[[Any], Tensor]:
        n, loss = (torch.as_tensor(each).detach().double().flatten() for each in (sizes, losses))
        if len(n) != len(loss) or len(n) < 2:
            raise ValueError(f"a law needs at least two runs, with a loss for each size: got {len(n)} and {len(loss)}")
        calls.append((n, loss))
        A, alpha = _line(n, loss)
        return lambda wanted: A * torch.as_tensor(wanted).double() ** -alpha

    answer = trial(sizes=sizes, losses=losses, fit=fit_line, n_held_out=n_held_out)
    law = "the law is fitted on all runs but the largest, and tested on those"
    answer.requires(bool(calls), law, "fit_not_used", "Your function never called `fit`.")
    runs = set(zip(sizes.tolist(), losses.tolist(), strict=True))
    wanted = {(sizes[i].item(), losses[i].item()) for i in seen.tolist()}
    by_place = {(sizes[i].item(), losses[i].item()) for i in range(len(sizes) - n_held_out)}
    smallest_out = {(sizes[i].item(), losses[i].item()) for i in order[n_held_out:].tolist()}
    by_loss = {(sizes[i].item(), losses[i].item()) for i in losses.argsort(descending=True)[:-n_held_out].tolist()}
    held_only = runs - wanted

    def told(call: tuple[Tensor, Tensor]) -> list[tuple[float, float]]:
        return list(zip(call[0].tolist(), call[1].tolist(), strict=True))

    def known(call: tuple[Tensor, Tensor]) -> set[tuple[float, float]]:
        return {min(runs, key=lambda run: abs(n / run[0] - 1) + abs(loss / run[1] - 1)) for n, loss in told(call)}

    right_calls = [call for call in calls if known(call) == wanted and len(call[0]) == len(wanted)]
    call = (right_calls or calls)[-1]
    runs_told = known(call)
    torn = any(
        not any(math.isclose(n, a, rel_tol=1e-5) and math.isclose(b, y, rel_tol=1e-5) for a, b in runs)
        for n, y in told(call)
    )
    strange = any(not any(math.isclose(n, a, rel_tol=1e-5) for a, _ in runs) for n, _ in told(call))
    answer.requires(
        not strange,
        law,
        "strange_sizes",
        "`fit` was given sizes that no run has. It takes them as they are: it makes logarithms itself if it wants any.",
    )
    answer.requires(
        not torn,
        law,
        "pairs_torn",
        "`fit` was given a size together with a loss that belongs to another run. Whatever order the sizes are put in, "
        "the losses have to follow.",
    )
    answer.requires(
        runs_told != runs,
        law,
        "fitted_on_all",
        "`fit` was given all runs. A law that has seen the answer does not predict it.",
    )
    answer.requires(
        runs_told != held_only or runs_told == wanted,
        law,
        "fitted_on_held_out",
        "`fit` was given the runs that should have been held out.",
    )
    answer.requires(
        runs_told != smallest_out or runs_told == wanted,
        law,
        "smallest_held_out",
        "The smallest runs were held out. Nobody wants to know what a *smaller* model would do.",
    )
    answer.requires(
        runs_told != by_place or runs_told == wanted,
        law,
        "last_not_largest",
        "The runs at the end of the list were held out. They are in no order: the largest may stand anywhere.",
    )
    answer.requires(
        runs_told != by_loss or runs_told == wanted,
        law,
        "best_held_out",
        "The runs with the lowest loss were held out. Noise has a hand in which these are: go by size.",
    )
    answer.requires(
        runs_told == wanted and len(call[0]) == len(wanted),
        law,
        "other_runs",
        f"`fit` should be given the {len(wanted)} smallest of the {len(runs)} runs, each once.",
    )

    A, alpha = _line(sizes[seen], losses[seen])
    predicted = A * sizes**-alpha
    error = predicted - losses
    baseline = losses[seen].min() - losses[held]
    right, base = error[held].abs().mean().item(), baseline.abs().mean().item()
    first, second = answer.entry(0), answer.entry(1)
    first.equals(
        right,
        "the first number is the mean of |predicted − measured| over the runs held out",
        Mistake("swapped", base, "That is the error of the guess. The law's own comes first."),
        Mistake("error_on_seen", error[seen].abs().mean().item(), "That is the error on the runs that were fitted."),
        Mistake("error_on_all", error.abs().mean().item(), "That is the mean over all runs, the fitted ones included."),
        Mistake("signed", error[held].mean().item(), "Errors up and down cancel here. Take absolute values first."),
        Mistake("signed", -error[held].mean().item(), "Errors up and down cancel here. Take absolute values first."),
        Mistake("squared", error[held].square().mean().item(), "The errors were squared. Take their absolute values."),
        Mistake(
            "squared", error[held].square().mean().sqrt().item(), "The errors were squared. Take their absolute values."
        ),
        Mistake(
            "relative",
            (error / losses)[held].abs().mean().item(),
            "These are shares of the loss. Wanted is the error in nats.",
        ),
        Mistake(
            "relative", (error / predicted)[held].abs().mean().item(), "These are shares of the loss. Take the nats."
        ),
        Mistake(
            "in_logarithms",
            (predicted.log() - losses.log())[held].abs().mean().item(),
            "These are errors of the logarithm. Wanted are those of the loss, in nats.",
        ),
        Mistake("total", error[held].abs().sum().item(), "That is the sum of the errors. Wanted is their mean."),
        Mistake("largest", error[held].abs().max().item(), "That is the largest error. Wanted is the mean."),
        Mistake("largest_run_only", error[held[-1]].abs().item(), "That is the error of the largest run alone."),
    )
    second.equals(
        base,
        "the second number is the mean of |lowest loss among the fitted runs − measured| over the runs held out",
        Mistake(
            "guess_has_seen_all",
            (losses.min() - losses[held]).abs().mean().item(),
            "The guess is the lowest loss of *all* runs. It must not know those held out either.",
        ),
        Mistake(
            "guess_is_the_mean",
            (losses[seen].mean() - losses[held]).abs().mean().item(),
            "The guess is the mean loss of the fitted runs. Wanted is the lowest.",
        ),
        Mistake(
            "guess_is_the_largest_run",
            (losses[seen[-1]] - losses[held]).abs().mean().item(),
            "The guess is the loss of the largest fitted run. Wanted is the lowest loss among them.",
        ),
        Mistake(
            "guess_is_the_highest",
            (losses[seen].max() - losses[held]).abs().mean().item(),
            "The guess is the highest loss of the fitted runs. Wanted is the lowest.",
        ),
        Mistake("guess_itself", losses[seen].min().item(), "That is the guess itself. How far off is it?"),
        Mistake("guess_signed", baseline.mean().item(), "Take the absolute value of each error first."),
        Mistake(
            "guess_against_the_law",
            (losses[seen].min() - predicted[held]).abs().mean().item(),
            "The guess was compared with what the law predicts. Compare it with what was measured.",
        ),
    )


# ── 15.5 ──


@exercise("15.5", title="How sure is the exponent?", stars=2, minutes=20)
def bootstrap_interval(trial: Trial) -> None:
    for n, n_resamples, level in ((12, 200, 0.9), (9, 250, 0.8)):
        sizes = torch.linspace(6, 12, n).double().exp()[_shuffled(trial, n)]
        losses = 30 * sizes**-0.3 * (0.1 * trial.normal(n).double()).exp()
        _is_bootstrap(trial, sizes, losses, n_resamples, level)


def _is_bootstrap(trial: Trial, sizes: Tensor, losses: Tensor, n_resamples: int, level: float) -> None:
    n = len(sizes)
    calls: list[tuple[Tensor, Tensor]] = []
    results: list[float] = []

    def exponent(sizes: Any, losses: Any) -> float:
        """−slope of ln loss on ln N; 0 where all runs of a resample are the same."""
        size, loss = (torch.as_tensor(each).detach().double().flatten() for each in (sizes, losses))
        if len(size) != len(loss):
            raise ValueError(f"there are {len(size)} sizes and {len(loss)} losses")
        calls.append((size, loss))
        x, y = size.log(), loss.log()
        spread = (x - x.mean()).square().sum()
        results.append(-(((x - x.mean()) * (y - y.mean())).sum() / spread).item() if spread > 1e-9 else 0.0)
        return results[-1]

    answer = trial(sizes=sizes, losses=losses, fit=exponent, n_resamples=n_resamples, level=level)
    law = f"each of the {n_resamples} resamples draws {n} of the {n} runs, with replacement"
    answer.requires(bool(calls), law, "fit_not_used", "Your function never called `fit`.")
    # Who also fits the runs as they are, for a look at it, does no harm.
    for place in reversed(range(len(calls))):
        size, loss = calls[place]
        if len(calls) > n_resamples and torch.equal(size, sizes) and torch.equal(loss, losses):
            del calls[place], results[place]
    _holds_for_draws(answer, law, calls, sizes, losses)
    answer.requires(
        len(calls) == n_resamples,
        law,
        "number_of_resamples",
        f"`n_resamples` is {n_resamples}, and yours fitted {len(calls)} times.",
    )
    _is_percentile_interval(answer, results.copy(), exponent(sizes, losses), level)


def _holds_for_draws(
    answer: Returned, law: str, calls: list[tuple[Tensor, Tensor]], sizes: Tensor, losses: Tensor
) -> None:
    """Demand that the resamples are made of runs, drawn independently, all alike likely."""
    n = len(sizes)
    others = {len(size) for size, _ in calls} - {n}
    answer.requires(
        not others,
        law,
        "resample_size",
        f"A resample of yours is of size {min(others, default=n)}, and there are {n} runs. With fewer runs a fit "
        "varies more, with more of them less, and the interval would belong to another experiment.",
    )
    size, loss = torch.stack([each[0] for each in calls]), torch.stack([each[1] for each in calls])
    which = (size[..., None] - sizes).abs().div(sizes).argmin(-1)
    answer.requires(
        bool(torch.allclose(sizes[which], size, rtol=1e-4)),
        law,
        "strange_sizes",
        "`fit` was given sizes that no run has. It takes them as they are: it makes logarithms itself if it wants any.",
    )
    answer.requires(
        bool(torch.allclose(losses[which], loss, rtol=1e-4)),
        law,
        "pairs_torn",
        "`fit` was given a size together with a loss that was not measured at it. Draw *runs*: one draw of places, "
        "used for sizes and losses alike.",
    )
    drawn = which.sort(-1).values
    answer.requires(
        not bool((drawn == torch.arange(n)).all(-1).all()),
        law,
        "without_replacement",
        "In your resamples every run stands exactly once. All are the same runs in another order, and so is every fit. "
        "Draw with replacement.",
    )
    distinct = len({tuple(row) for row in which.tolist()})
    answer.requires(
        distinct > 1 or len(calls) == 1,
        law,
        "always_the_same",
        "All your resamples are one and the same. Was a seed set inside the loop, or the draw made before it?",
    )
    counts = torch.bincount(which.flatten(), minlength=n)
    expected = len(calls)
    answer.requires(
        bool((counts > 0).all()) or len(calls) < 20,
        law,
        "a_run_is_never_drawn",
        f"Run {int(counts.argmin())} of {n}, from 0, came up in no resample. Does the range of places end early?",
    )
    answer.requires(
        bool(((counts > 0.65 * expected) & (counts < 1.35 * expected)).all()) or len(calls) < 100,
        law,
        "unevenly",
        "Some runs come up much more often than others. Every draw should take each run with the same chance.",
    )
    answer.requires(
        distinct > 0.9 * len(calls),
        law,
        "few_different",
        "Many of your resamples are the same. Draw anew for each.",
    )


def _is_percentile_interval(answer: Returned, as_drawn: list[float], center: float, level: float) -> None:
    values = sorted(as_drawn)
    n = len(values)
    tail = (1 - level) / 2
    law = f"a {level:.0%} interval leaves out {tail:.0%} of the resampled values below and as many above"
    low, high = answer.entry(0), answer.entry(1)
    said = [_number(entry, law) for entry in (low, high)]
    array = torch.tensor(values).double()
    mean, std = array.mean().item(), array.std().item()
    z = math.sqrt(2) * torch.erfinv(torch.tensor(level)).item()

    def between(share: float, got: float) -> bool:
        """Whether `got` is the quantile by any of the usual conventions."""
        place = share * (n - 1)
        at = [values[min(n - 1, max(0, place))] for place in (math.floor(place) - 1, math.ceil(place) + 1)]
        slack = 1e-5 * max(abs(at[0]), abs(at[1]))
        return at[0] - slack <= got <= at[1] + slack

    def is_interval(lower: float, upper: float) -> bool:
        return between(lower, said[0]) and between(upper, said[1])

    if is_interval(tail, 1 - tail):
        return

    def near(*wrong: float) -> bool:
        return all(math.isclose(a, b, rel_tol=2e-3, abs_tol=2e-4) for a, b in zip(said, wrong, strict=True))

    refuse = answer.requires
    refuse(not (between(1 - tail, said[0]) and between(tail, said[1])), law, "swapped", "The lower end comes first.")
    refuse(
        not is_interval(1 - level, level),
        law,
        "whole_tail_on_each_side",
        f"Yours leaves out {1 - level:.0%} on *each* side, so {1 - 2 * (1 - level):.0%} lie inside. The two tails "
        "share what is left out.",
    )
    refuse(
        not (is_interval(0, level) or is_interval(1 - level, 1)),
        law,
        "one_tail",
        "All that is left out lies on one side. Half of it belongs on the other.",
    )
    refuse(
        not near(values[0], values[-1]),
        law,
        "smallest_and_largest",
        "These are the smallest and the largest of all values. More resamples would make that ever wider.",
    )
    refuse(
        not is_interval(level / 2, 1 - level / 2),
        law,
        "level_left_out",
        f"Yours leaves out {level / 2:.0%} on each side, so {1 - level:.0%} lie inside. `level` is the share "
        "that stays.",
    )
    refuse(
        not is_interval(tail / 2, 1 - tail / 2),
        law,
        "tail_halved_twice",
        f"Too little is left out: yours is a {1 - tail:.0%} interval. Was the tail halved twice, or `level` not used?",
    )
    refuse(
        not is_interval(tail / 100, (1 - tail) / 100),
        law,
        "share_taken_for_percent",
        "Both ends lie at the very bottom of the values. Does your function count in percent, from 0 to 100?",
    )
    mirrored = array.quantile(torch.tensor([1 - tail, tail]).double()).tolist()
    refuse(
        not near(*(2 * center - end for end in mirrored)),
        law,
        "mirrored",
        "That is the interval mirrored at the fit of the table itself (the *basic* bootstrap). Wanted are the "
        "percentiles as they are.",
    )
    refuse(
        not near(mean, std),
        law,
        "mean_and_spread",
        "These are the mean and the standard deviation. Wanted are the two ends of an interval.",
    )
    middle = [(c - z * s, c + z * s) for c in (mean, center) for s in (std, array.std(correction=0).item())]
    refuse(
        not any(near(*each) for each in middle),
        law,
        "bell_curve",
        "That is the middle ± so many standard deviations, which supposes a bell curve. Take the percentiles of the "
        "values themselves.",
    )
    refuse(
        not any(near(c - k * std, c + k * std) for c in (mean, center) for k in (1, 1.96, 2)),
        law,
        "standard_deviations",
        "That is the middle ± a number of standard deviations that does not know the level.",
    )
    refuse(
        not any(
            near(c - k * std / math.sqrt(m), c + k * std / math.sqrt(m))
            for c in (mean, center)
            for k in (1, z, 1.96, 2)
            for m in (n, n - 1)
        ),
        law,
        "standard_error_of_the_mean",
        "That says how well the *mean of the resamples* is known, and shrinks with every further resample. How sure "
        "the exponent is depends on the runs.",
    )
    refuse(
        not (0 <= said[0] <= said[1] <= 1 and near(tail, 1 - tail)),
        law,
        "levels_not_values",
        "These are the shares themselves. Which *values* stand there?",
    )
    refuse(
        not all(
            any(math.isclose(got, value, rel_tol=1e-5) for value in as_drawn[max(0, round(share * n) - 2) :][:4])
            for got, share in zip(said, (tail, 1 - tail), strict=True)
        ),
        law,
        "not_sorted",
        "These values stand at the right places of a list that is in the order of the draws. Sort it first.",
    )
    right = array.quantile(torch.tensor([tail, 1 - tail]).double()).tolist()
    if not between(tail, said[0]):
        low.equals(right[0], law, tolerance=1e-12)
    high.equals(right[1], law, tolerance=1e-12)


# ── 15.6 ──


class _Task(NamedTuple):
    """A law, the loss that is wanted, and how many tokens the model will process in use."""

    E: float
    A: float
    alpha: float
    B: float
    beta: float
    target: float
    served: float

    def tokens(self, n: float) -> float:
        """How much text a model of `n` parameters needs for the loss that is wanted; infinite if no text is enough."""
        gap = self.target - self.E - self.A / n**self.alpha
        return (self.B / gap) ** (1 / self.beta) if gap > 0 else math.inf

    def flops(self, n: float, d: float) -> float:
        """What training and use cost together."""
        return 6 * n * d + 2 * n * self.served

    def cheapest(self, cost: Callable[[Tensor, Tensor], Tensor]) -> tuple[float, float]:
        """N and D that reach the loss and have the smallest `cost`."""
        smallest = (self.A / (self.target - self.E)) ** (1 / self.alpha)
        n = smallest * torch.linspace(1e-4, math.log(3000), 20001).double().exp()
        d = (self.B / (self.target - self.E - self.A / n**self.alpha)) ** (1 / self.beta)
        best = int(cost(n, d).argmin())
        return n[best].item(), d[best].item()


@exercise("15.6", title="A model that will be used", stars=3, minutes=25)
def cheapest(trial: Trial) -> None:
    for task in (
        _Task(1.8172, 482.01, 0.3478, 2085.43, 0.3658, 1.974, 1e13),
        _Task(0.9, 30.0, 0.45, 900.0, 0.3, 1.6, 4e10),
        _Task(2.0, 700.0, 0.6, 9.0, 0.25, 2.5, 2e5),
        _Task(1.69, 406.4, 0.34, 410.7, 0.28, 2.2, 0.0),
        _Task(2.0, 4.0, 0.5, 1.0, 0.5, 2.1265, 1000.0),
    ):
        _agrees_with_cheapest(trial, task)


def _agrees_with_cheapest(trial: Trial, task: _Task) -> None:
    E, A, alpha, B, beta, target, served = task
    answer = trial(**task._asdict())
    law = "the loss is the one that was wanted, and no other N and D that reach it cost fewer FLOPs, use included"
    n, d = (_number(answer.entry(place), law) for place in range(2))
    best = task.cheapest(lambda n, d: 6 * n * d + 2 * n * served)

    def refuse(shown: bool, mistake: str, says: str) -> None:
        answer.requires(not shown, law, mistake, says)

    def near(a: float, b: float) -> bool:
        return math.isclose(a, b, rel_tol=1e-2)

    refuse(n <= 0 or d <= 0, "not_positive", "There have to be parameters and tokens, more than none of either.")
    if not (math.isfinite(n) and math.isfinite(d)):
        answer.requires(
            False,
            law,
            "below_the_smallest",
            "One of the numbers is nan or infinite. Below a certain size no amount of text is enough: what B is "
            "divided by is then negative or 0, and has no such root. Search above that size only.",
        )
    refuse(near(d, best[0]) and near(n, best[1]), "swapped", "These are the right numbers in the wrong order: N first.")
    refuse(
        near(n, math.log(best[0])) or near(n, math.log10(best[0])),
        "still_a_logarithm",
        "These are logarithms. Wanted are the numbers themselves.",
    )

    debts = A / n**alpha + B / d**beta
    gap = target - E
    if not math.isclose(debts, gap, rel_tol=2e-3):
        refuse(
            math.isclose(debts, target, rel_tol=2e-3),
            "floor_forgotten",
            "In yours A/N^α + B/D^β is the whole loss that was wanted. E comes on top.",
        )
        left = gap - A / n**alpha
        refuse(
            left > 0 and near(d, (B / left) ** beta),
            "power_not_undone",
            "If B/D^β is known, D is (B over that) to the power 1/β. Yours has the power β.",
        )
        refuse(
            left > 0 and near(d, B / left),
            "power_not_undone",
            "If B/D^β is known, B over that is D^β. One step is left.",
        )
        refuse(
            near(d, task.tokens(n) + served),
            "use_counted_as_text",
            "Your D has the tokens of the use in it. The model learns nothing from those.",
        )
        refuse(
            debts < gap,
            "better_than_asked",
            f"With these the loss would be {E + debts:.4f}, and {target:.4f} was wanted: it costs more than it has to.",
        )
        refuse(True, "target_missed", f"With these the loss would be {E + debts:.4f}, and {target:.4f} was wanted.")
    if task.flops(n, d) <= 1.002 * task.flops(*best):
        return

    def found(cost: Callable[[Tensor, Tensor], Tensor]) -> bool:
        return near(n, task.cheapest(cost)[0])

    refuse(
        found(lambda n, d: n * d),
        "use_forgotten",
        "So it would be if nobody ever used the model. Its use has to be paid as well.",
    )
    refuse(
        found(lambda n, d: n * (d + served)),
        "one_price_for_all",
        "Yours pays as much for a token in use as for one in training. In use there is no backward pass.",
    )
    refuse(
        found(lambda n, d: 2 * n * d + 6 * n * served),
        "prices_exchanged",
        "Six FLOPs are for training and two for use, not the other way round.",
    )
    refuse(
        found(lambda n, d: 6 * n * d + 2 * served * d),
        "use_by_the_text",
        "A token in use costs 2 FLOPs for each *parameter*. How much the model once read does not matter then.",
    )
    refuse(
        found(lambda n, d: 6 * n * d + 2 * n + 0 * d) and served > 0,
        "use_forgotten",
        "Every token in use is paid, and there are many.",
    )
    refuse(
        near(n, (2 * A / gap) ** (1 / alpha)),
        "terms_made_equal",
        "In yours A/N^α and B/D^β are equal. Nothing demands that.",
    )
    refuse(near(d, 20 * n), "twenty_tokens_each", "Twenty tokens for each parameter is a rule for other circumstances.")
    refuse(near(d, n), "equal_numbers", "Yours has as many tokens as parameters. Nothing demands that.")
    larger = task.flops(1.03 * n, task.tokens(1.03 * n)) < task.flops(n, d)
    size, text = ("larger", "less") if larger else ("smaller", "more")
    refuse(
        True,
        "not_the_cheapest",
        f"The loss is right, but a {size} model that reads {text} would cost fewer FLOPs in all. Is the search wide "
        "and fine enough?",
    )


# ── 15.7 ──

_FLAWS = {"long_run": "D", "straight_down": "A", "large_models": "F", "sure_thing": "B", "awakening": "C"}
"""Which flaw each report of 15.7 has."""


@exercise("15.7", title="Read a table, find the flaw", stars=2, minutes=15)
def readings(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake, tolerance: float = 1e-2) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=tolerance, reveal=False)

    expect(
        "best_size",
        4,
        "the best size of a budget is the one with the lowest loss in its column",
        Mistake("other_column", 2, "That is the lowest loss of another column."),
        Mistake("other_column_too", 8, "That is the lowest loss of another column."),
        Mistake("in_single_parameters", 4e6, "The right run. The question asks for millions of parameters."),
        Mistake("largest_model", 32, "That is the largest model. It has read too little for its budget."),
        Mistake("loss_not_size", 1.955, "That is its loss. How large is the model?"),
        Mistake("most_tokens", 0.5, "That is the smallest model. It has read the most, and could not learn more."),
    )
    expect(
        "tokens",
        80,
        "a run of N parameters can read C / (6N) tokens",
        Mistake("without_the_six", 480, "N · D would be the budget. What does a parameter cost for one token?"),
        Mistake("forward_only", 240, "That counts the forward pass alone, 2 FLOPs."),
        Mistake("in_single_tokens", 8e7, "The question asks for millions of tokens."),
        Mistake(
            "tokens_of_another_run", lambda got: got in (10, 20, 40, 160, 320, 640), "That is another run of the table."
        ),
    )
    expect(
        "exponent",
        0.5,
        "if a budget k times as large moves the best size by k^a, then a is ln(factor of N) / ln(factor of C)",
        Mistake("proportional", 1, "In proportion, four times the budget would mean four times the size."),
        Mistake("factor_of_size", 2, "By that *factor* the best size grows. To which power of 4 is that?"),
        Mistake("quarter", 0.25, "With that power, sixteen times the budget would mean twice the size."),
        Mistake("of_another_paper", 0.73, "That is the exponent of Kaplan and others. What does this table say?"),
    )
    expect(
        "next_size",
        32,
        "the best size goes on growing by the same power of the budget",
        Mistake("one_column_on", 16, "That would be the best for a budget of four times. The question has sixteen."),
        Mistake("one_column_too_far", 64, "That would be for sixty-four times: three steps of four. Sixteen is two."),
        Mistake("in_proportion", 128, "That grows in proportion to the budget. How did it grow in the table?"),
        Mistake("in_single_parameters_too", 3.2e7, "The question asks for millions of parameters."),
        Mistake("no_growth", 8, "That is the best size of the last column itself."),
    )
    expect(
        "all_right",
        0.349,
        "ten words are all right with the probability p^10, if one is with p",
        Mistake("as_one_word", 0.9, "That is one word. All ten have to be right at once."),
        Mistake("one_wrong_at_least", 0.651, "That is the chance that at least one of them is wrong."),
        Mistake("errors_added", 0, "Ten times one in ten would mean certain failure. Errors often meet in one answer."),
        Mistake("some_word_right", 1, "That is the chance that at least one of them is right."),
        Mistake("percent_all_right", 34.9, "That is right in percent. Wanted is a share between 0 and 1."),
        Mistake("a_tenth", 0.09, "It is no division by ten. Multiply the chances of ten words."),
        tolerance=6e-3,
    )
    _reads_reports(said)


def _reads_reports(said: Returned) -> None:
    report = {letter: name for name, letter in _FLAWS.items()} | {"E": "data"}
    hints = {
        ("long_run", "large_models"): (
            "long_run_rate_was_fine",
            "All losses of that report come from one run with one schedule that was good for it. What is it about a "
            "point in the *middle* of it?",
        ),
        ("long_run", "*"): (
            "long_run_is_no_set_of_runs",
            "Nothing was counted, extrapolated or scored there in that way. How would a run of 1,000 steps have ended?",
        ),
        ("straight_down", "sure_thing"): (
            "straight_down_was_tested",
            "That report did hold a run out, and said how far off it was. The trouble begins much farther out.",
        ),
        ("straight_down", "*"): (
            "straight_down_has_a_limit",
            "Follow that law to ever larger models. What loss would it promise in the end? Can a text be that easy?",
        ),
        ("large_models", "long_run"): (
            "large_models_ran_to_their_end",
            "Every run of that report had a schedule of its own length. What else was the same for all, and should not "
            "have been?",
        ),
        ("large_models", "*"): (
            "large_models_differ_in_more",
            "That report compares large and small. What was chosen to suit the small ones only?",
        ),
        ("sure_thing", "straight_down"): (
            "sure_thing_has_a_floor",
            "The law of that report has three numbers, and one of them is a floor. On which runs was it tested?",
        ),
        ("sure_thing", "*"): (
            "sure_thing_is_not_tested",
            "What is a close fit worth, if the law had as many numbers to turn as there are runs?",
        ),
        ("awakening", "*"): (
            "awakening_is_in_the_score",
            "The loss of those models has no jump anywhere. What turns a smooth curve into a jump?",
        ),
    }
    for name in ("long_run", "straight_down", "large_models", "sure_thing", "awakening"):
        entry = said.entry(name)
        letter = str(entry.value).strip().upper()
        law = f"the flaw of {name!r} explains what is wrong with it"
        entry.requires(
            isinstance(entry.value, str) and letter in report,
            law,
            "no_letter",
            f"Under {name!r} there should be one of the letters A to F, as text in quotation marks.",
        )
        taken = report[letter]
        if taken == "data":
            entry.requires(
                False, law, "data_is_enough", f"Nothing in {name!r} says that texts were read again and again."
            )
        if taken != name:
            mistake, says = next(hints[key] for key in ((name, taken), (name, "*")) if key in hints)
            entry.requires(False, law, mistake, says)
