"""What right answers of lesson 01 obey, and what wrong ones look like.

Shape letters: B batch, T tokens, V vocabulary; N examples.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Trial

LN2 = math.log(2)


@exercise("01.1", title="A log-softmax that never overflows", stars=1, minutes=10)
def log_softmax(trial: Trial) -> None:
    for logits in (torch.tensor([1.0, 2.0, 4.0]), trial.normal(3, 3), trial.normal(2, 4, 5)):
        right = logits.log_softmax(-1)
        most = logits.amax(-1, keepdim=True)
        sums = logits.logsumexp(-1)
        trial(logits=logits).equals(
            right,
            "exp of the output is a probability distribution along the last axis",
            Mistake("not_log", logits.softmax(-1), "These are the probabilities themselves: take their logarithm."),
            Mistake("sign", -right, "The sign is turned round: log-probabilities are never above 0."),
            Mistake("bits", right / LN2, "That is the logarithm to base 2. Nats want the natural one, `torch.log`."),
            Mistake("first_axis", logits.log_softmax(0), "Its sum runs along the first axis. The vocabulary is last."),
            Mistake(
                "no_keepdim",
                logits - sums if sums.shape[-1:] == logits.shape[-1:] else None,
                "The sums of the rows were taken off the *columns*: without `keepdim=True` the axis is gone, and what "
                "is left lines up with the wrong one.",
            ),
            Mistake(
                "sums_over_everything",
                logits - logits.logsumexp(tuple(range(logits.ndim))),
                "One sum over the whole tensor normalises all rows together. Each row has a sum of its own "
                "(`dim=-1, keepdim=True`).",
            ),
            Mistake(
                "max_taken_off_once",
                right + most,
                "Every output is too large by the largest logit of its row. Whatever is subtracted inside `exp` must "
                "also be subtracted from the logit in front of it.",
            ),
            Mistake(
                "not_normalised",
                lambda got, right=right: (got - right).std(-1).max() < 1e-4,
                "Throughout a row, yours are off by one and the same amount. What is taken off a row has to be the "
                "logarithm of the sum of its exponentials.",
            ),
        )

    steep = torch.tensor([0.0, -200.0])
    trial(logits=steep).equals(
        steep.log_softmax(-1),
        "a very small probability keeps its logarithm",
        Mistake(
            "shift_too_small",
            lambda got: not got[0].isfinite(),
            "Here even the larger one is lost. What you take off the logits does not keep `exp` small in every row: "
            "the largest should be 0 afterwards.",
        ),
        Mistake(
            "underflows",
            lambda got: not got[1].isfinite(),
            "exp(-200) is rounded to 0, and its logarithm to -inf. Do not take the logarithm of a probability: "
            "log(a / b) = log a - log b, and the first of them needs no `exp` at all.",
        ),
        Mistake(
            "epsilon",
            lambda got: -199 < got[1] < -5,
            "Something hides the infinity behind a wrong number: a small number added inside the logarithm, or a "
            "limit. The answer is -200.",
        ),
    )

    large = torch.tensor([1000.0, 999.0, 0.0])
    trial(logits=large).equals(
        large.log_softmax(-1),
        "adding one number to all logits of a row changes nothing, however large it is",
        Mistake(
            "underflows",
            lambda got: got[:2].isfinite().all(),
            "exp(-1000) is rounded to 0 however many digits there are, and its logarithm to -inf. Do not take the "
            "logarithm of a probability: log(a / b) = log a - log b.",
        ),
        Mistake(
            "overflows",
            lambda got: not got.isfinite().all(),
            "exp(1000) is infinite. The same number may be taken off every logit of a row: which keeps `exp` small?",
        ),
    )
    uneven = torch.tensor([[1000.0, 999.0], [1.0, 0.0]])
    trial(logits=uneven).equals(
        uneven.log_softmax(-1),
        "rows do not know of each other",
        Mistake(
            "one_max_for_all_rows",
            lambda got: got[0].isfinite().all() and not got[1].isfinite().all(),
            "The second row breaks because of the first: you take the largest logit of the whole tensor off it. "
            "Take each row's own (`amax(-1, keepdim=True)`).",
        ),
    )


@exercise("01.2", title="Cross-entropy, with positions to ignore", stars=2, minutes=15)
def cross_entropy(trial: Trial) -> None:
    rows = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, LN2, 0.0, 0.0], [9.0, 9.0, 9.0, 9.0]])
    _agrees_with_cross_entropy(trial, rows, torch.tensor([2, 1, -100]), "positions marked −100 are left out")

    logits, targets = trial.normal(3, 5, 7), trial.integers(7, 3, 5)
    _agrees_with_cross_entropy(trial, logits, targets, "the shape (B, T, V) is B·T positions")

    targets[0, :4] = targets[2, 1] = -100
    _agrees_with_cross_entropy(
        trial, logits, targets, "ignored positions count neither in the sum nor in what it is divided by"
    )

    padded = targets.masked_fill(targets == -100, 0)
    trial(logits=logits, targets=padded, ignore_index=0).equals(
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), padded.flatten(), ignore_index=0),
        "what is ignored is the number in `ignore_index`",
        Mistake(
            "ignores_minus_100_only",
            torch.nn.functional.cross_entropy(logits.flatten(0, 1), padded.flatten()),
            "Here `ignore_index` is 0, and yours goes on to count those positions.",
        ),
    )

    large = torch.tensor([[1000.0, 0.0], [0.0, 1000.0]])
    loss = trial(logits=large, targets=torch.tensor([1, 1]), ignore_index=-100)
    loss.equals(
        torch.tensor(500.0),
        "large logits cost what they should and overflow nowhere",
        Mistake(
            "overflows",
            lambda got: not math.isfinite(float(got)),
            "A probability was rounded to 0 or a power to infinity on the way. Start from your log-softmax of 01.1.",
        ),
    )

    logits = trial.normal(2, 4).requires_grad_()
    loss = trial(logits=logits, targets=torch.tensor([1, 3]), ignore_index=-100)
    loss.requires(
        getattr(loss.value, "requires_grad", False),
        "the loss can be differentiated",
        "no_gradient",
        "It has lost its connection to the logits: was it an `.item()`, a `.detach()`, a new `torch.tensor(...)`?",
    )
    loss = trial(logits=logits, targets=torch.tensor([-100, -100]), ignore_index=-100)
    law = "where nothing is left to predict, the loss is 0, and `backward()` works"
    zero_without_gradient = Mistake(
        "zero_without_gradient",
        lambda got: not getattr(loss.value, "requires_grad", False),
        "Your 0 has nothing to do with the logits, and `backward()` fails on it. The sum over no positions is 0 as "
        "well, and has a gradient: divide it by at least 1.",
    )
    loss.equals(
        torch.tensor(0.0),
        law,
        Mistake(
            "nan_when_nothing_is_left",
            math.isnan,
            "0 divided by 0 is nan, and one nan in a batch reaches every weight. Divide by at least 1.",
        ),
        zero_without_gradient,
    )
    loss.requires(loss.value.requires_grad, law, zero_without_gradient.id, zero_without_gradient.says)


def _agrees_with_cross_entropy(trial: Trial, logits: Tensor, targets: Tensor, law: str) -> None:
    kept = targets != -100

    def at_target(values: Tensor) -> Tensor:
        return values.gather(-1, targets.clamp(min=0)[..., None]).squeeze(-1)

    nats = -at_target(logits.log_softmax(-1))
    probs = at_target(logits.softmax(-1))
    right = nats[kept].mean()
    trial(logits=logits, targets=targets, ignore_index=-100).equals(
        right,
        f"the loss is the mean of −log p(target), and {law}",
        Mistake(
            "python_number",
            lambda got: isinstance(got, float),
            "A Python number has no gradient, so nothing can learn from it. Return the tensor.",
        ),
        Mistake("sign", -right, "It is negative: a loss is *minus* the log-probability of the target."),
        Mistake(
            "sum", nats[kept].sum(), "That is the sum over positions. A longer text would cost more; take the mean."
        ),
        Mistake(
            "no_mean",
            lambda got: isinstance(got, Tensor) and got.ndim > 0,
            "There is one number per position. A loss is one number: their mean.",
        ),
        Mistake(
            "divides_by_all",
            nats[kept].sum() / targets.numel(),
            "The sum leaves out the ignored positions, and the division still counts them. Padding would make the loss "
            "look better than it is.",
        ),
        Mistake(
            "ignores_nothing",
            nats.mean(),
            "The ignored positions are in it as if their target were token 0.",
        ),
        Mistake("bits", right / LN2, "These are bits: the logarithm is to base 2. In nats it is the natural one."),
        Mistake(
            "no_log",
            -probs[kept].mean(),
            "That is minus the mean probability. Without the logarithm, being sure and wrong costs at most 1.",
        ),
        Mistake(
            "log_of_mean",
            -probs[kept].mean().log(),
            "The mean was taken of the probabilities, and its logarithm after that. Logarithm first, mean last: the "
            "text's probability is a *product*.",
        ),
        Mistake("perplexity", right.exp(), "That is e to the loss, the perplexity. The loss itself is the mean."),
        Mistake(
            "no_softmax",
            -at_target(logits)[kept].mean(),
            "These are the logits themselves, negated. They become log-probabilities by a log-softmax.",
        ),
        Mistake(
            "wrong_axis",
            -at_target(logits.log_softmax(-2))[kept].mean(),
            "The log-softmax runs over positions. It has to run over the vocabulary, the last axis.",
        ),
        Mistake(
            "softmax_twice",
            -at_target(logits.softmax(-1).log_softmax(-1))[kept].mean(),
            "The softmax was taken twice: the logits became probabilities before the log-softmax.",
        ),
        Mistake(
            "mean_of_row_means",
            torch.stack([row[keep].mean() for row, keep in zip(nats, kept, strict=True)]).nanmean(),
            "Each row was averaged by itself and then the rows: a row with one position left weighs as much as a full "
            "one. All positions count the same.",
        ),
    )


@exercise("01.3", title="A fair comparison across tokenizers", stars=2, minutes=10)
def fair_scores(trial: Trial) -> None:
    for text, token_nats in (
        ("né né", torch.tensor([8.0, 2.0]).log()),
        ("she drank apple juice", trial.normal(4).abs() + 0.5),
        ("🍏 = apple", trial.normal(9).abs()),
    ):
        total, mean, n_bytes = token_nats.sum().item(), token_nats.mean().item(), len(text.encode())
        answer = trial(token_nats=token_nats, text=text)
        answer.entry(0).equals(
            math.exp(mean),
            "perplexity is exp of the mean loss per token, in nats",
            Mistake("swapped", total / LN2 / n_bytes, "That is the bits per byte: perplexity comes first."),
            Mistake("loss_not_perplexity", mean, "That is the mean loss itself. Perplexity is exp of it."),
            Mistake(
                "exp_of_total", math.exp(total), "The exponent is the total loss. Take the mean over tokens first."
            ),
            Mistake(
                "mean_of_exps",
                token_nats.exp().mean().item(),
                "Every token's exp was taken, and the mean after that. One surprising token would drown all others: "
                "mean first.",
            ),
            Mistake(
                "power_of_two",
                2**mean,
                "2 to the power of the loss is right for a loss in bits. These losses are nats, so the base is e.",
            ),
            Mistake("per_byte", math.exp(total / n_bytes), "That is a perplexity per byte; here it is per token."),
        )
        answer.entry(1).equals(
            total / LN2 / n_bytes,
            "bits per byte is the total loss in bits, divided by the text's length in bytes",
            Mistake(
                "per_character",
                total / LN2 / len(text),
                "You divide by characters. `len(text)` counts é and 🍏 as 1; in UTF-8 they are 2 and 4 bytes.",
            ),
            Mistake(
                "per_token",
                mean / LN2,
                "You divide by tokens. How many there are is the tokenizer's choice: it would win by making few.",
            ),
            Mistake("not_divided", total / LN2, "That is the cost of the whole text in bits. Divide by its bytes."),
            Mistake(
                "times_eight",
                8 * total / LN2 / n_bytes,
                "The 8 does not belong there: a byte is stored in 8 bits, and here it *costs* what the loss says.",
            ),
            Mistake("nats_per_byte", total / n_bytes, "These are nats per byte. One bit is ln 2 nats."),
            Mistake("times_ln_2", total * LN2 / n_bytes, "Bits are the smaller unit: more of them, so divide by ln 2."),
            Mistake(
                "mean_over_bytes",
                mean / LN2 / n_bytes,
                "Take the *total* loss: the mean has been divided once already.",
            ),
        )


@exercise("01.4", title="Does it know how sure it is?", stars=2, minutes=15)
def calibration_error(trial: Trial) -> None:
    example = torch.tensor([0.1, 0.3, 0.8, 0.8, 0.95])
    _agrees_with_calibration_error(trial, example, torch.tensor([False, True, True, False, True]), 2)

    # Never near an edge between bins, where rounding would decide.
    sure = (trial.integers(5, 300) * 10 + 50 + trial.integers(9, 300) + 1) / 100
    right = trial.normal(300) < 0.3
    _agrees_with_calibration_error(trial, sure, right, 10)
    _agrees_with_calibration_error(trial, sure, right, 1)

    edges = torch.tensor([0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0])
    _agrees_with_calibration_error(trial, edges, torch.tensor([1, 0, 1, 1, 0, 1, 1, 0], dtype=torch.bool), 4)


def _agrees_with_calibration_error(trial: Trial, confidences: Tensor, correct: Tensor, n_bins: int) -> None:
    right = correct.float()
    miss = (confidences - right).abs()
    bins = (confidences * n_bins).long()
    full = bins.clamp(max=n_bins - 1)

    def shares_and_gaps(bins: Tensor, claimed: Tensor = confidences) -> tuple[Tensor, Tensor]:
        """Of each bin with an example in it: its share of all examples, and accuracy minus mean confidence."""
        inside = torch.stack([bins == k for k in bins.unique() if k >= 0]).float()
        sizes = inside.sum(-1)
        return sizes / len(bins), inside @ (right - claimed) / sizes

    def error(bins: Tensor, claimed: Tensor = confidences) -> float:
        share, gap = shares_and_gaps(bins, claimed)
        return float(share @ gap.abs())

    share, gap = shares_and_gaps(full)
    trial(confidences=confidences, correct=correct, n_bins=n_bins).equals(
        error(full),
        "every bin adds its share of the examples times |accuracy − mean confidence|",
        Mistake(
            "nan_from_empty_bins",
            lambda got: math.isnan(float(got)),
            "It is nan: a bin with no example in it has no mean. Such a bin adds nothing.",
        ),
        Mistake(
            "brier",
            miss.square().mean(),
            "That is the mean squared error of single forecasts, the Brier score.",
        ),
        Mistake(
            "no_bins",
            miss.mean(),
            "The difference was taken example by example. One example is right or wrong, never 70 % right: compare "
            "means over a bin.",
        ),
        Mistake(
            "gaps_cancel",
            (share @ gap).abs(),
            "Overconfidence here pays for underconfidence there. Take the absolute value in each bin, before adding.",
        ),
        Mistake(
            "bins_not_weighted",
            lambda got: any(
                math.isclose(float(got), float(wrong), rel_tol=1e-4)
                for wrong in (gap.abs().sum(), gap.abs().mean(), gap.abs().sum() / n_bins)
            ),
            "Every bin counts the same, whether it holds one example or a hundred. Weight it by its share.",
        ),
        Mistake("worst_bin", gap.abs().max(), "That is the gap of the worst bin. Wanted is the weighted mean of all."),
        Mistake(
            "squared_gaps",
            share @ gap.square(),
            "The gaps were squared. Take their absolute value, and the result is in units of probability.",
        ),
        Mistake(
            "not_divided", error(full) * len(bins), "Bins were weighted by their counts. Weight them by their shares."
        ),
        Mistake("percent", error(full) * 100, "That is the result in percent. Wanted is a share, between 0 and 1."),
        Mistake(
            "bin_middle",
            error(full, (full + 0.5) / n_bins),
            "You compare accuracy with the middle of the bin. Compare it with the mean confidence of what is in it.",
        ),
        Mistake(
            "always_ten_bins",
            error((confidences * 10).long().clamp(max=9)),
            f"`n_bins` is {n_bins}, and yours uses ten bins.",
        ),
        Mistake(
            "drops_full_confidence",
            error(bins.masked_fill(bins == n_bins, -1)),
            "An example with confidence 1.0 fell out of every bin. It belongs in the last.",
        ),
        Mistake(
            "own_bin_for_full_confidence",
            error(bins),
            "Examples with confidence 1.0 got a bin of their own. They belong in the last one, with the others.",
        ),
        Mistake(
            "edges_the_other_way",
            lambda got: any(
                math.isclose(float(got), error(lower), rel_tol=1e-4)
                for lower in (
                    (confidences * n_bins).ceil().long() - 1,
                    ((confidences * n_bins).ceil().long() - 1).clamp(min=0),
                )
            ),
            "A confidence on the edge between two bins belongs in the upper one; only 1.0 stays in the last.",
        ),
    )


@exercise("01.5", title="Say it before you compute it", stars=2, minutes=10)
def predictions(trial: Trial) -> None:
    said = trial()
    most, least = 0.75, 0.25
    floor = -(most * math.log(most) + least * math.log(least))

    def expect(key: str, right: float, law: str, *mistakes: Mistake) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=0.01, reveal=False)

    expect(
        "uniform_guess",
        math.log(65),
        "a uniform guess gives every character the same probability, and its loss is −log of that, in nats",
        Mistake("uniform_in_bits", math.log2(65), "That is right in bits, and the question asks for nats."),
        Mistake(
            "uniform_perplexity", 65, "That is the perplexity: as if it chose among so many. The loss is its logarithm."
        ),
        Mistake("uniform_probability", 1 / 65, "That is the probability of each character. The loss is −log of it."),
        Mistake("uniform_decimal_log", math.log10(65), "That is the logarithm to base 10. Nats use the natural one."),
        Mistake("uniform_sign", -math.log(65), "The size is right. A loss is *minus* the log-probability."),
    )
    expect(
        "best_probability",
        most,
        "the mean loss is smallest for one probability of 'Alba'",
        Mistake(
            "winner_takes_all",
            1,
            "Whoever gives 'Alba' all gives 'Bero' nothing, and both sentences with 'Bero' then cost −log 0 each.",
        ),
        Mistake(
            "truth_not_data",
            lambda got: float(got) < 0.3,
            "That favours the true town. The loss only ever sees the eight sentences; nobody told it which are true.",
        ),
        Mistake("undecided", 0.5, "Half and half costs ln 2 a sentence. Six of the eight sentences would reward more."),
        Mistake("percent", 75, "You mean a percentage. The answer is a probability, between 0 and 1."),
    )
    expect(
        "best_loss",
        floor,
        "the smallest mean loss is the entropy of the data, in nats",
        Mistake("floor_in_bits", floor / LN2, "That is right in bits, and the question asks for nats."),
        Mistake(
            "floor_is_zero",
            0,
            "Zero would need probability 1 for what comes, every time; the data contradict themselves.",
        ),
        Mistake(
            "frequent_word_only",
            -math.log(most),
            "That is the loss on the six. The other two cost more; average over all.",
        ),
        Mistake("best_total", 8 * floor, "That is the cost of all eight sentences. Wanted is their mean."),
        Mistake("best_too_rough", lambda got: abs(got - floor) < 0.05, "Nearly. Give two decimals."),
        Mistake(
            "log_of_mean_probability",
            -math.log(most * most + least * least),
            "That is the logarithm of the mean probability. It is the mean of the logarithms that counts.",
        ),
    )
    expect(
        "fifty_fifty",
        LN2,
        "a model that gives each town one half has the same loss on every sentence",
        Mistake("half_in_bits", 1, "One bit: true, and the question asks for nats."),
        Mistake("half_total", 8 * LN2, "That is the cost of all eight sentences. Wanted is their mean."),
        Mistake("half_itself", 0.5, "That is the probability. The loss is −log of it."),
        Mistake("half_of_what_mix", floor, "That is the loss of the best mix. This model says one half."),
    )
    expect(
        "ten_times_less",
        math.log(10),
        "a factor in probability is a difference in loss",
        Mistake(
            "factor_itself",
            lambda got: got in (10, 0.1),
            "Loss does not grow tenfold: −log(p / 10) is −log p plus something.",
        ),
        Mistake("ten_in_decimal", 1, "One, to base 10. In nats the logarithm is the natural one."),
        Mistake("ten_in_bits", math.log2(10), "That is right in bits, and the question asks for nats."),
        Mistake("ten_the_wrong_way", -math.log(10), "Less probability for what really comes costs *more*."),
    )


@exercise("01.6", title="What a loss really asks for", stars=3, minutes=15)
def best_report(trial: Trial) -> None:
    def squared_error(report: float, happened: bool) -> float:
        return (report - int(happened)) ** 2

    def absolute_error(report: float, happened: bool) -> float:
        return abs(report - int(happened))

    def log_loss(report: float, happened: bool) -> float:
        given = report if happened else 1 - report
        return -math.log(given) if given > 0 else math.inf

    def missed_rain_costs_triple(report: float, happened: bool) -> float:
        return 3 * (1 - report) ** 2 if happened else report**2

    def two_valleys(report: float, happened: bool) -> float:
        return min(100 * (report - 0.15) ** 2 - 1, (report - 0.75) ** 2)

    rarely = trial(p=0.34, loss=squared_error)
    mostly = trial(p=0.66, loss=squared_error)
    law = "the best report has the smallest p·loss(report, True) + (1 − p)·loss(report, False)"
    for p, answer in ((0.34, rarely), (0.66, mostly)):
        answer.equals(
            p,
            law,
            Mistake(
                "returns_the_loss", p * (1 - p), "That is the smallest expected loss. Wanted is the report that has it."
            ),
            Mistake("weights_swapped", 1 - p, "`p` is the chance that it happens: it weighs loss(report, True)."),
            Mistake(
                "no_weights", 0.5, "Both outcomes were added with equal weight. They have probabilities p and 1 − p."
            ),
            Mistake(
                "one_outcome_only",
                lambda got: _both_close(rarely.value, 1, mostly.value, 1),
                "Only the case that it happens was considered, and then 1 is always best. Add the other, weighted.",
            ),
            Mistake(
                "maximises",
                lambda got: _both_close(rarely.value, 1, mostly.value, 0),
                "That is the report with the *largest* expected loss.",
            ),
            Mistake(
                "always_extreme",
                round(p),
                "The likelier outcome with certainty: some losses ask for that. This one does not, so the answer has "
                "to depend on `loss`.",
            ),
            Mistake(
                "too_coarse",
                lambda got, p=p: abs(got - p) < 0.06,
                "Close: try reports in finer steps, 0.001 say.",
            ),
            Mistake(
                "not_a_probability",
                lambda got: got > 1,
                "A report lies between 0 and 1. Is that a percentage, or the place of the report in a list?",
            ),
            tolerance=0.005,
        )
    for p in (0.3, 0.8):
        trial(p=p, loss=absolute_error).equals(
            float(round(p)),
            law,
            Mistake(
                "always_honest",
                p,
                "The honest report, p itself, is not always the best: work out what this loss charges for others.",
            ),
            tolerance=0.005,
        )
    trial(p=0.9, loss=log_loss).equals(
        0.9,
        "a report may cost infinitely much, and is then not the best",
        tolerance=0.005,
    )
    trial(p=0.5, loss=missed_rain_costs_triple).equals(0.75, law, tolerance=0.005)
    trial(p=0.5, loss=two_valleys).equals(
        0.15,
        "of several valleys the deepest counts",
        Mistake(
            "stuck_in_a_valley",
            0.75,
            "This loss has two valleys, and you found the shallow one. A search that only goes downhill ends wherever "
            "it gets to first. Look at reports over the whole range.",
        ),
        tolerance=0.005,
    )


def _both_close(first: object, a: float, second: object, b: float) -> bool:
    return math.isclose(float(first), a, abs_tol=0.01) and math.isclose(float(second), b, abs_tol=0.01)  # type: ignore[arg-type]


@exercise("01.7", title="Design a loss that can be gamed", stars=3, minutes=15)
def gamed_loss(trial: Trial) -> None:
    grid = [k / 100 for k in range(1, 100)]
    table = {}
    for happened in (True, False):
        for report in grid:
            cost = trial(report=report, happened=happened)
            number = as_numbers(cost.value)
            cost.requires(
                number is not None and number.ndim == 0 and bool(number.isfinite()),
                "the loss is a finite number for every report between 0.01 and 0.99",
                "no_finite_number",
                "This one is none.",
            )
            table[report, happened] = float(number)  # type: ignore[arg-type]

    fair = "the loss looks fair: a report nearer to what happened always costs less"
    trial.requires(
        any(table[report, True] != table[report, False] for report in grid),
        fair,
        "ignores_the_outcome",
        "Yours charges the same whether it happened or not.",
    )
    # What a step of 0.01 towards the outcome gains, and where it starts.
    gains = {(b, True): table[a, True] - table[b, True] for a, b in pairwise(grid)}
    gains |= {(a, False): table[b, False] - table[a, False] for a, b in pairwise(grid)}
    for happened in (True, False):
        trial.requires(
            any(gain for (_, outcome), gain in gains.items() if outcome == happened),
            fair,
            "one_sided",
            f"Yours charges the same for every report if happened is {happened}.",
        )
    trial.requires(
        max(gains.values()) > 0, fair, "backwards", "Yours is turned round: the nearer the report, the more it costs."
    )
    (nearer, happened), least = min(gains.items(), key=lambda item: item[1])
    farther = nearer - 0.01 if happened else nearer + 0.01
    seen = (
        f"loss({farther:.2f}, {happened}) is {table[nearer, happened] + least:.4g}, "
        f"and loss({nearer:.2f}, {happened}) is {table[nearer, happened]:.4g}."
    )
    trial.requires(
        least != 0, fair, "staircase", f"Yours is a staircase, like accuracy, with steps on which nothing gains: {seen}"
    )
    trial.requires(least > 0, fair, "turns_back", f"Yours goes the wrong way somewhere: {seen}")

    def best(p: float) -> float:
        return min(grid, key=lambda report: p * table[report, True] + (1 - p) * table[report, False])

    chances = [k / 20 for k in range(1, 20)]
    p = max(chances, key=lambda chance: abs(best(chance) - chance))
    distance = abs(best(p) - p)
    gamed = "for some chance p, the best report is at least 0.1 away from p"
    trial.requires(
        distance > 0.02,
        gamed,
        "proper",
        "Yours cannot be gamed: for every p the honest report is the best. It is a *proper* loss, as log loss and "
        "squared error are. Look for one that is not.",
    )
    trial.requires(
        distance > 0.0999,
        gamed,
        "hardly_gamed",
        f"The most that lying moves the report is from {p:.2f} to {best(p):.2f}. Bend the loss further.",
    )
    trial.remark = (
        f"Under your loss, whoever believes in {100 * p:.0f} % pays least by reporting {100 * best(p):.0f} %."
    )
