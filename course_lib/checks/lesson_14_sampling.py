"""What right answers of lesson 14 obey, and what wrong ones look like.

Shape letters: B batch, T tokens, S tokens so far, D model width, K width of a head, V vocabulary.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial, any_of, tensor_shows


def _other_axes(x: Tensor) -> range:
    return range(x.ndim - 1)


@exercise("14.1", title="Warmer and colder", stars=1, minutes=10)
def with_temperature(trial: Trial) -> None:
    for logits, temperature in (
        (torch.tensor([1.0, 2.0, 4.0]).log(), 0.5),
        (trial.normal(4, 4), 2.5),
        (trial.normal(2, 3, 5, scale=2.0), 0.7),
        (trial.normal(3, 6), 1.0),
    ):
        _agrees_with_temperature(trial, logits, temperature)
    law = "temperature 0 gives all probability to the likeliest token"
    _agrees_at_zero(trial, trial.normal(3, 5), law)
    equals = torch.tensor([[1.0, 3.0, 3.0, 0.0], [2.0, 0.0, 1.0, 2.0]])
    _agrees_at_zero(trial, equals, f"{law}, and of equals to the first")

    small = torch.tensor([[1.0, -1.0, 0.995], [2.0, 2.0, -1.0]])
    trial(logits=small, temperature=0.001).equals(
        (small / 0.001).softmax(-1),
        "a small temperature gives numbers, and above 0 equal logits still share",
        tensor_shows(
            "underflows",
            lambda got: got.isnan().all(-1).any(),
            "Here the power 1 / T is 1000: every probability raised to it is rounded to 0, and 0 / 0 is nan. Divide "
            "the logits by T instead, and take the softmax after that.",
        ),
        tensor_shows(
            "overflows",
            lambda got: not got.isfinite().all(),
            "e to the power of a large logit is infinite. torch's softmax takes care of that, and so does taking off "
            "each row's largest logit before `exp`.",
        ),
        Mistake(
            "small_taken_for_zero",
            F.one_hot(small.argmax(-1), 3).float(),
            "This is the answer for temperature 0, and the temperature is 0.001: the second row has two equals.",
        ),
        tensor_shows(
            "temperature_has_a_floor",
            lambda got: (0.4 < got[0, 0] < 0.98) and (got.sum(-1) - 1).abs().max() < 1e-3,
            "Yours is warmer than it was asked to be. Is there a lower limit on the temperature, or something added "
            "to it?",
        ),
    )

    uneven = torch.tensor([[1000.0, 999.0], [1.0, 0.0]])
    trial(logits=uneven, temperature=1.0).equals(
        uneven.softmax(-1),
        "large logits do no harm, and rows do not know of each other",
        tensor_shows(
            "one_max_for_all_rows",
            lambda got: got[0].isfinite().all() and not got[1].isfinite().all(),
            "The second row breaks because of the first: you take the largest logit of the whole tensor off it. Take "
            "each row's own (`amax(-1, keepdim=True)`).",
        ),
    )
    cut = torch.tensor([0.5, -torch.inf, 1.5, -torch.inf])
    trial(logits=cut, temperature=2.0).equals(
        (cut / 2).softmax(-1),
        "a token whose logit is −inf has been ruled out, and no temperature brings it back",
    )


def _agrees_with_temperature(trial: Trial, logits: Tensor, temperature: float) -> None:
    right = (logits / temperature).softmax(-1)
    plain, powers = logits.softmax(-1), (logits / temperature).exp()
    trial(logits=logits, temperature=temperature).equals(
        right,
        "the output is the softmax of the logits divided by the temperature, along the last axis",
        *any_of(
            "multiplied",
            "It works the wrong way round, warmer where it should be colder. The logits are *divided* by T. (In "
            "probabilities: raised to the power 1 / T, not T, and normalised again.)",
            (logits * temperature).softmax(-1),
            plain**temperature,
        ),
        Mistake(
            "no_effect",
            plain,
            "The temperature has no effect. A number subtracted from all logits cancels, and so does one by which all "
            "probabilities are divided before they are normalised. Divide the logits.",
        ),
        Mistake("returns_logits", logits / temperature, "These are the logits, divided. Their softmax is wanted."),
        Mistake("log_probabilities", right.log(), "These are log-probabilities. Wanted are the probabilities."),
        Mistake(
            "divides_probabilities",
            plain / temperature,
            "The probabilities were divided, so their sum is no longer 1. Divide the logits, before the softmax.",
        ),
        *any_of(
            "softmax_twice",
            "The softmax was taken twice: what it is given has to be logits, not probabilities.",
            (plain / temperature).softmax(-1),
            right.softmax(-1),
        ),
        *any_of(
            "wrong_axis",
            "The softmax runs along another axis. The vocabulary is the last one.",
            *((logits / temperature).softmax(dim) for dim in _other_axes(logits)),
        ),
        Mistake(
            "sums_over_everything",
            (logits / temperature).flatten().softmax(0).view_as(logits),
            "One sum over the whole tensor normalises all rows together. Each row has a sum of its own "
            "(`dim=-1, keepdim=True`).",
        ),
        *any_of(
            "no_keepdim",
            "The sums of the rows were laid on the *columns*: without `keepdim=True` the axis is gone, and what is "
            "left lines up with the wrong one.",
            *([powers / powers.sum(-1)] if logits.shape[-2:] == logits.shape[-1:] * 2 else []),
        ),
        tensor_shows(
            "not_normalised",
            lambda got: ((got / right) / (got / right).mean(-1, keepdim=True) - 1).abs().max() < 1e-3,
            "The proportions are right, and the rows do not sum to 1. Divide each by its sum.",
        ),
    )


def _agrees_at_zero(trial: Trial, logits: Tensor, law: str) -> None:
    n = logits.shape[-1]
    is_largest = logits == logits.amax(-1, keepdim=True)
    last = n - 1 - logits.flip(-1).argmax(-1)
    right = F.one_hot(logits.argmax(-1), n).float()
    first = right.bool()
    trial(logits=logits, temperature=0.0).equals(
        right,
        law,
        tensor_shows(
            "nan_at_zero",
            lambda got: got.isnan().any(),
            "It is nan: a division by 0 happened. Temperature 0 is a limit and needs a line of its own.",
        ),
        Mistake(
            "zero_ignored",
            logits.softmax(-1),
            "That is the forecast at temperature 1. Is 0 taken for 'no temperature given'?",
        ),
        Mistake(
            "index_at_zero",
            logits.argmax(-1).float(),
            "That is *which* token is the likeliest. Wanted are probabilities: 1 at that place, 0 elsewhere.",
        ),
        Mistake(
            "one_winner_for_all_rows",
            F.one_hot(logits.argmax(), logits.numel()).float().view_as(logits),
            "One token of the whole batch got everything. Every row has a likeliest token (`argmax(-1)`).",
        ),
        Mistake("uniform_at_zero", torch.full_like(logits, 1 / n), "That is an infinite temperature, not 0."),
        Mistake(
            "equals_share",
            is_largest / is_largest.sum(-1, keepdim=True),
            "Equal logits share here. At temperature 0 the first of them gets everything. (Was the temperature "
            "replaced by a very small one?)",
        ),
        Mistake(
            "every_equal_wins",
            is_largest.float(),
            "Each of the equal logits got probability 1, which makes 2 in all. `argmax` names one place.",
        ),
        Mistake("last_of_equals", F.one_hot(last, n).float(), "The last of the equals won. The first should."),
        Mistake(
            "wrong_axis",
            F.one_hot(logits.argmax(0), len(logits)).T.float(),
            "The likeliest was looked for along another axis. The vocabulary is the last one.",
        ),
        tensor_shows(
            "others_keep_something",
            lambda got: (got[first] == 1).all() and (got[~first] != 0).any(),
            "The likeliest has probability 1, and others are not 0. Start from zeros.",
        ),
    )


def _cut(logits: Tensor, kept: Tensor) -> Tensor:
    return logits.masked_fill(~kept, -torch.inf)


def _rank(x: Tensor, dim: int = -1) -> Tensor:
    """Place of each number along `dim`, 0 for the largest; of equals, the first comes first."""
    return x.argsort(dim=dim, descending=True, stable=True).argsort(dim=dim)


def _hold(answers: list[tuple[Returned, Tensor, list[Mistake]]], law: str) -> None:
    """Demand that every answer equals its right value.

    In a small case, several mistakes can have the same result. So a mistake is named only if it explains all of the
    wrong answers, unless it can be seen.
    """
    wrong = [(answer, mistakes) for answer, right, mistakes in answers if not _close(answer.value, right)]

    def shows(answer: Returned, mistakes: list[Mistake], name: str) -> bool:
        return any(m.id == name and not callable(m.gives) and _close(answer.value, m.gives) for m in mistakes)

    def explains(mistake: Mistake) -> bool:
        return callable(mistake.gives) or all(shows(answer, mistakes, mistake.id) for answer, mistakes in wrong)

    for answer, right, mistakes in answers:
        answer.equals(right, law, *filter(explains, mistakes))


def _close(got: object, wanted: Tensor) -> bool:
    numbers = as_numbers(got)
    return (
        numbers is not None
        and numbers.shape == wanted.shape
        and torch.allclose(numbers, wanted.double(), rtol=1e-4, atol=1e-4, equal_nan=True)
    )


def _cut_mistakes(logits: Tensor, kept: Tensor) -> list[Mistake]:
    """What can go wrong in any exercise that keeps some logits and rules out the others."""
    right, probabilities = _cut(logits, kept), logits.softmax(-1)
    order = logits.argsort(dim=-1, descending=True, stable=True)
    return [
        Mistake("not_cut", logits, "Nothing was ruled out: these are the logits as they came."),
        Mistake(
            "zero_instead_of_minus_infinity",
            logits.masked_fill(~kept, 0.0),
            "The others got the logit 0, and 0 is a logit like any other: e⁰ = 1. What softmax turns into 0 is −inf.",
        ),
        Mistake(
            "upside_down",
            _cut(logits, ~kept),
            "Kept and ruled out are exchanged: yours keeps what should go. `masked_fill` fills where the mask is True.",
        ),
        Mistake(
            "not_put_back",
            right.gather(-1, order),
            "The right values, in sorted order. Every value must stand at the place of its token, or another token "
            "gets its probability.",
        ),
        Mistake(
            "mask_not_put_back",
            _cut(logits, kept.gather(-1, order)),
            "The mask belongs to the *sorted* row, and was laid on the row as it came. Bring it back into the tokens' "
            "own order first.",
        ),
        Mistake(
            "mask_gathered",
            _cut(logits, kept.gather(-1, order).gather(-1, order)),
            "`gather` with the ids of a sort does not undo it: it sorts once more. `scatter` puts each entry back "
            "where it came from.",
        ),
        *any_of(
            "probabilities",
            "These are probabilities. Wanted are the logits, so that a second cut can follow.",
            right.softmax(-1),
            probabilities * kept,
            _cut(probabilities, kept),
        ),
        *any_of(
            "log_probabilities",
            "These are log-probabilities: the right ones were kept, but their values changed. Return the logits as "
            "they came.",
            right.log_softmax(-1),
            _cut(logits.log_softmax(-1), kept),
        ),
        Mistake("mask", kept.float(), "That is the mask. Wanted are the logits, with −inf where the mask says so."),
        tensor_shows(
            "finite_instead_of_minus_infinity",
            lambda got: got[~kept].isfinite().all() and got[~kept].max() < -50 and (got == logits)[kept].all(),
            "A large negative number is nearly it. Only −inf says for certain: ruled out, whatever the logits are.",
        ),
        tensor_shows(
            "nan_from_infinity",
            lambda got: got.isnan().any(),
            "There is nan in it: 0 times infinity, perhaps. Do not multiply a mask with −inf; fill where it is True.",
        ),
        tensor_shows(
            "too_many_stay",
            lambda got: ((got == logits).sum(-1) > kept.sum(-1)).any(),
            "In some row, more tokens stay than should.",
        ),
        tensor_shows(
            "too_few_stay",
            lambda got: ((got == logits).sum(-1) < kept.sum(-1)).any() and (got == logits)[got.isfinite()].all(),
            "In some row, fewer tokens stay than should.",
        ),
        tensor_shows(
            "others_stay",
            lambda got: (got == logits)[got.isfinite()].all() and not torch.equal(got, right),
            "As many stay as there should, but not the likeliest.",
        ),
    ]


def _wrong_equals(logits: Tensor, kept: Tensor) -> Mistake:
    right = _cut(logits, kept)
    return tensor_shows(
        "wrong_equals",
        lambda got: (
            torch.equal(got.sort(-1).values, right.sort(-1).values)
            and (got == logits)[got.isfinite()].all()
            and not torch.equal(got, right)
        ),
        "As many stay as there should, and of equals not the first. `topk` does not promise which of them it takes, "
        "and an ascending sort ends with the last. `sort(descending=True, stable=True)` keeps their order.",
    )


@exercise("14.2", title="Exactly k", stars=2, minutes=15)
def keep_top_k(trial: Trial) -> None:
    for cases in (
        ((torch.tensor([1.0, 4.0, 2.0, 3.0, 0.0]), 2), (trial.normal(5, 5), 2)),
        ((trial.normal(2, 3, 8), 3), (trial.normal(4, 6), 1)),
    ):
        _hold(
            [
                (trial(logits=logits, k=k), _cut(logits, _rank(logits) < k), _top_k_mistakes(logits, k))
                for logits, k in cases
            ],
            "the k largest logits of each row stay, at their places, and all others are −inf",
        )

    near = torch.zeros(12)
    near[0], near[-1] = 1.0, 1.0000005
    trial(logits=near, k=1).equals(
        _cut(near, torch.arange(12) == 11),
        "of two logits that are nearly equal, the larger goes first",
        Mistake(
            "tie_breaker",
            _cut(near, torch.arange(12) == 0),
            "The last logit is larger than the first, by 0.0000005, and the first stayed. Was something small taken "
            "off for each place, or rounded? That puts equals in order and others out of it. Compare the logits as "
            "they are, with a sort that is stable.",
        ),
    )
    small = torch.tensor([[2.0, 5.0, 5.0, 5.0, 1.0], [3.0, 3.0, 3.0, 3.0, 3.0]])
    large = torch.tensor([[999.0, 1000.0, 1000.0, 1000.0, 1000.0]])
    for equals, k in ((small, 2), (small, 1), (small, 3), (large, 2), (large, 3)):
        kept, ordered = _rank(equals) < k, equals.sort(dim=-1, descending=True).values
        trial(logits=equals, k=k).equals(
            _cut(equals, kept),
            "exactly k stay, and of equal logits those with the lowest index",
            Mistake(
                "keeps_equals",
                _cut(equals, equals >= ordered[:, k - 1, None]),
                "More than k stay: every logit that equals the k-th passes a threshold at the k-th. Choose by place, "
                "not by value.",
            ),
            Mistake(
                "drops_equals",
                _cut(equals, equals > ordered[:, k, None]),
                "Fewer than k stay: a threshold throws out all that equal it together. Choose by place, not by value.",
            ),
            _wrong_equals(equals, kept),
        )
    logits = trial.normal(3, 4)
    for k in (4, 9):
        trial(logits=logits, k=k).equals(logits, "a k as large as the vocabulary, or larger, keeps every token")


def _top_k_mistakes(logits: Tensor, k: int) -> list[Mistake]:
    rank, n = _rank(logits), logits.shape[-1]
    ordered, ids = logits.sort(dim=-1, descending=True, stable=True)
    smallest_kept = ordered[..., k - 1, None]
    first_row = rank.reshape(-1, n)[0] < k
    without_keepdim = smallest_kept.squeeze(-1)
    return [
        Mistake("one_too_many", _cut(logits, rank <= k), "One too many stays: k + 1 of them."),
        Mistake(
            "one_too_few",
            _cut(logits, rank < k - 1),
            "One too few stays: k − 1 of them. Is the k-th itself ruled out (`<=`, where `<` should be)?",
        ),
        Mistake("smallest", _cut(logits, rank >= n - k), "These are the k smallest. Sort in descending order."),
        Mistake(
            "counted_from_the_smallest",
            _cut(logits, rank <= n - k),
            "The threshold is the k-th *smallest* logit (`kthvalue` counts from below). Wanted are the k largest.",
        ),
        Mistake(
            "over_the_batch",
            _cut(logits, _rank(logits.flatten()).view_as(logits) < k),
            "You keep k of the whole batch. Each row is a forecast of its own and keeps its own k.",
        ),
        *any_of(
            "first_row_for_all",
            "All rows are cut as the first one asks. Each row keeps its own k.",
            _cut(logits, first_row.expand_as(logits)),
            _cut(logits, logits >= smallest_kept.flatten()[0]),
        ),
        *any_of(
            "no_keepdim",
            "The rows' thresholds were laid on the *columns*: without `keepdim=True` (or `[..., None]`) the axis is "
            "gone, and what is left lines up with the wrong one.",
            *([_cut(logits, logits >= without_keepdim)] if without_keepdim.shape[-1:] == (n,) else []),
        ),
        *any_of(
            "wrong_axis",
            "The k largest were taken along another axis. The vocabulary is the last one.",
            *(_cut(logits, _rank(logits, dim) < k) for dim in _other_axes(logits)),
        ),
        Mistake("only_the_values", ordered[..., :k], "These are the k values alone. Wanted is the whole row."),
        Mistake("only_the_ids", ids[..., :k].float(), "These are the k token ids. Wanted is the whole row of logits."),
        *_cut_mistakes(logits, rank < k),
    ]


@exercise("14.3", title="The smallest set that covers p", stars=2, minutes=20)
def keep_top_p(trial: Trial) -> None:
    # In none of these does a sum of the likeliest come near p, so rounding decides nothing.
    sure, example = torch.tensor([2.0, 0.0, 6.0, 1.0]), torch.tensor([0.15, 0.5, 0.05, 0.3]).log()
    for cases in (
        ((sure, 0.6), (example, 0.7), (trial.normal(5, 6, scale=1.5), 0.8)),
        ((trial.normal(2, 3, 7), 0.55), (trial.normal(2, 3, 5, scale=4.0), 0.97)),
    ):
        _hold(
            [
                (trial(logits=logits, p=p), _cut(logits, _in_nucleus(logits, p)), _top_p_mistakes(logits, p))
                for logits, p in cases
            ],
            "what stays, in its place, is the smallest set of likeliest tokens that holds at least p",
        )

    equals, p = torch.tensor([[1.0, 2.0, 0.0, 1.0, -1.0], [0.5, 0.5, 0.5, 0.5, 0.5]]), 0.7
    kept = _in_nucleus(equals, p)
    right = _cut(equals, kept)
    trial(logits=equals, p=p).equals(
        right,
        "the set is the smallest, and of equally likely tokens the first go first",
        Mistake(
            "keeps_equals",
            _cut(equals, equals >= right.nan_to_num(neginf=torch.inf).amin(-1, keepdim=True)),
            "Tokens as probable as the last one stay as well: a threshold cannot tell equals apart. Choose by place, "
            "not by value.",
        ),
        _wrong_equals(equals, kept),
    )
    everything = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 3.0, 2.0, -1.0]])
    trial(logits=everything, p=1.0).equals(
        everything,
        "p = 1 asks for everything, and nothing is ruled out",
        tensor_shows(
            "not_all_at_one",
            lambda got: not got.isfinite().all(),
            "A cumulative sum ends at 1, or a rounding error beside it, so that nothing may ever be *above* p. "
            "Ask what the tokens before it hold: less than p, and the token stays.",
        ),
    )


def _in_nucleus(logits: Tensor, p: float) -> Tensor:
    """True for the tokens of the smallest set that holds at least p."""
    sure = logits.double().softmax(-1).sort(dim=-1, descending=True).values
    return (sure.cumsum(-1) - sure < p).gather(-1, _rank(logits))


def _top_p_mistakes(logits: Tensor, p: float) -> list[Mistake]:
    n, rank, kept = logits.shape[-1], _rank(logits), _in_nucleus(logits, p)
    ordered = logits.sort(dim=-1, descending=True).values
    sure = ordered.softmax(-1)
    total = sure.cumsum(-1)
    probabilities, highest = logits.softmax(-1), sure[..., :1]
    from_below = sure.flip(-1)
    sum_from_below = from_below.cumsum(-1)
    first_row = kept.reshape(-1, n)[0]

    def back(in_order: Tensor) -> Tensor:
        return _cut(logits, in_order.gather(-1, rank))

    def along(dim: int) -> Tensor:
        return _in_nucleus(logits.transpose(dim, -1), p).transpose(dim, -1)

    return [
        tensor_shows(
            "nothing_left",
            lambda got: not got.isfinite().any(-1).all(),
            "In one row nothing is left, and softmax makes nan of that. The token with which the sum reaches p belongs "
            "in the set, even if it is the very first.",
        ),
        *any_of(
            "leaves_out_the_crossing_one",
            "The token with which the sum reaches p is missing, so the set holds less than p. Ask of each token what "
            "those *before* it hold: less than p, and it stays.",
            back((total <= p) | (torch.arange(n) == 0)),
        ),
        Mistake(
            "one_too_many",
            back(torch.cat((torch.ones_like(kept[..., :1]), (total - sure < p)[..., :-1]), dim=-1)),
            "One too many stays: those before it hold p already. Was the mask moved on by one, and the sum as well?",
        ),
        *any_of(
            "ascending",
            "You count from the least probable token upwards. The set begins with the likeliest (`descending=True`).",
            back((sum_from_below - from_below < p).flip(-1)),
            back((sum_from_below <= p).flip(-1)),
        ),
        *any_of(
            "sums_logits",
            "The cumulative sum runs over logits, and p is a probability: softmax first.",
            back(ordered.cumsum(-1) - ordered < p),
            back(ordered.cumsum(-1) <= p),
        ),
        *any_of(
            "min_p",
            "You compare each token with the likeliest one. That is a cut too (min-p), and here the *sum* has to reach "
            "p.",
            _cut(logits, probabilities >= p * highest),
            _cut(logits, probabilities >= (1 - p) * highest),
        ),
        *any_of(
            "threshold_for_each",
            "Every token was held against p by itself. It is the probability of the set, taken together, that has to "
            "reach p.",
            _cut(logits, probabilities >= p),
            _cut(logits, probabilities >= 1 - p),
        ),
        *any_of(
            "share_of_the_vocabulary",
            "That is a share p of the *tokens*. Wanted is a share p of the probability.",
            *(_cut(logits, rank < count) for count in (math.ceil(p * n), math.floor(p * n), round(p * n))),
        ),
        Mistake(
            "one_minus_p",
            _cut(logits, _in_nucleus(logits, 1 - p)),
            "That is the set for 1 − p. What is *kept* has to hold at least p.",
        ),
        *any_of(
            "not_sorted",
            "The sum runs over the tokens in the order of the vocabulary. The likeliest come first: sort.",
            _cut(logits, probabilities.cumsum(-1) - probabilities < p),
            _cut(logits, probabilities.cumsum(-1) <= p),
        ),
        Mistake(
            "over_the_batch",
            _cut(logits, _in_nucleus(logits.flatten(), p).view_as(logits)),
            "The whole batch was treated as one forecast. Each row has a set of its own.",
        ),
        *any_of(
            "first_row_for_all",
            "All rows are cut as the first one asks. Each row has a set of its own, of its own size.",
            _cut(logits, first_row.expand_as(logits)),
            _cut(logits, rank < first_row.sum()),
        ),
        *any_of(
            "wrong_axis",
            "Softmax or sum runs along another axis. The vocabulary is the last one.",
            *(_cut(logits, along(dim)) for dim in _other_axes(logits)),
            *(back(ordered.softmax(dim).cumsum(-1) - ordered.softmax(dim) < p) for dim in _other_axes(logits)),
        ),
        *_cut_mistakes(logits, kept),
    ]


@exercise("14.4", title="One step with a cache", stars=2, minutes=20)
def step(trial: Trial) -> None:
    # With a single token in the cache, a wrong axis does not raise.
    B, D, K = 2, 4, 4
    answer = _try_step(trial, _case(trial, B, 1, D, K))
    for place in (1, 2):
        got = as_numbers(answer.entry(place).value)
        answer.entry(place).requires(
            got is None or got.numel() != B * 2 * K or got.shape == (B, 2, K),
            "the axes of a cache are texts, tokens, channels, and it grows by one token",
            "wrong_axis",
            "The new one was added along another axis. `x[:, None]` gives it an axis for tokens; join along `dim=1`.",
        )
    for inputs in (_case(trial, B, 4, D, K), _case(trial, 3, 4, 6, 3), _case(trial, 1, 0, 4, 2)):
        answer = _try_step(trial, inputs)
        _agrees_on_caches(answer, inputs)
        _agrees_on_output(answer, inputs)
    _agrees_over_a_whole_text(trial)


def _case(trial: Trial, B: int, S: int, D: int, K: int) -> dict[str, Tensor]:
    return {
        "x_new": trial.normal(B, D),
        "w_q": trial.normal(D, K),
        "w_k": trial.normal(D, K),
        "w_v": trial.normal(D, K),
        "keys": trial.normal(B, S, K),
        "values": trial.normal(B, S, K),
    }


def _try_step(trial: Trial, inputs: dict[str, Tensor]) -> Returned:
    answer = trial(**inputs)
    given = answer.value
    answer.requires(
        isinstance(given, tuple | list) and len(given) == 3,
        "what comes back is a tuple of three: output, keys, values",
        "not_three",
        "Yours is none. Whoever calls it again needs the longer caches too.",
    )
    dims = [numbers.ndim if (numbers := as_numbers(part)) is not None else 0 for part in given]
    answer.requires(
        dims != [3, 3, 2],
        "what comes back is a tuple of three: output, keys, values",
        "output_last",
        "All three are there, in another order: the output comes first.",
    )
    return answer


def _agrees_on_caches(answer: Returned, inputs: dict[str, Tensor]) -> None:
    x = inputs["x_new"]
    new = {"keys": x @ inputs["w_k"], "values": x @ inputs["w_v"]}

    def grown(name: str, by: Tensor) -> Tensor:
        return torch.cat((inputs[name], by[:, None]), dim=1)

    for place, name, other in ((1, "keys", "values"), (2, "values", "keys")):
        old, added = inputs[name], new[name]
        square = old.shape[-1] == x.shape[-1]
        weight = inputs["w_k" if name == "keys" else "w_v"]
        answer.entry(place).equals(
            grown(name, added),
            f"the {name} are those of the cache, and after them the new token's, x · w_{name[0]}",
            Mistake(
                "caches_exchanged",
                grown(other, new[other]),
                "Keys and values have changed places: the order is output, keys, values.",
            ),
            Mistake("not_extended", old, f"The {name} came back as they were. The new token's must be added."),
            *any_of(
                "only_the_new",
                f"Only the new token's {name} came back. The next token needs all of them.",
                added[:, None],
                added,
            ),
            Mistake(
                "appended_at_the_front",
                torch.cat((added[:, None], old), dim=1),
                "The new token stands first. A cache is in the order of the text.",
            ),
            *any_of(
                "forgets_one",
                "The cache has not grown: a token was pushed out or overwritten. All of them stay.",
                torch.cat((old[:, 1:], added[:, None]), dim=1),
                torch.cat((old[:, :-1], added[:, None]), dim=1),
            ),
            *any_of(
                "transposed",
                f"That is the new token times the *transposed* matrix. Shapes (B, D) and (D, K): x @ w_{name[0]}.",
                *([grown(name, x @ weight.T)] if square else []),
            ),
            *any_of(
                "caches_the_input",
                f"The new token itself was put in. What is kept are its {name}, x @ w_{name[0]}.",
                *([grown(name, x)] if square else []),
            ),
            Mistake(
                "caches_the_query",
                grown(name, x @ inputs["w_q"]),
                "The query was put in. It is used once and never again: nobody looks at an old query.",
            ),
            Mistake(
                "wrong_matrix",
                grown(name, new[other]),
                f"The new token's {other} were added to the {name}.",
            ),
        )


def _agrees_on_output(answer: Returned, inputs: dict[str, Tensor]) -> None:
    x, w_q, old_keys, old_values = inputs["x_new"], inputs["w_q"], inputs["keys"], inputs["values"]
    q, k, v = x @ w_q, x @ inputs["w_k"], x @ inputs["w_v"]
    keys, values = torch.cat((old_keys, k[:, None]), dim=1), torch.cat((old_values, v[:, None]), dim=1)
    (_, S, K), D = old_keys.shape, x.shape[-1]

    def attend(q: Tensor, keys: Tensor, values: Tensor, scale: float = K**-0.5, dim: int = -1) -> Tensor:
        weights = (scale * (keys @ q[..., None]).squeeze(-1)).softmax(dim)
        return (weights[:, None] @ values).squeeze(1)

    def all_texts_as_one() -> Tensor:
        return attend(q, keys.flatten(0, 1).expand(len(x), -1, -1), values.flatten(0, 1).expand(len(x), -1, -1))

    right = attend(q, keys, values)
    answer.entry(0).equals(
        right,
        "the output is the last row of causal attention: softmax(q · keys / √K) over all S + 1 tokens, times values",
        tensor_shows(
            "extra_axis",
            lambda got: got.ndim == 3 and got.shape[1] == 1 and torch.allclose(got[:, 0], right, 1e-3, 1e-3),
            "The numbers are right, and the axis of the one query is still there: take it away (`squeeze(1)`).",
        ),
        *any_of(
            "does_not_see_itself",
            "The new token looks at the old ones only. It may look at itself too: add its key and value to the cache "
            "first, then attend.",
            *([attend(q, old_keys, old_values)] if S else []),
        ),
        Mistake("sees_only_itself", v, "The new token sees only itself: that is its own value and nothing of the old."),
        Mistake(
            "mask_from_the_wrong_end",
            values[:, 0],
            "The new token sees only the first. A causal mask was cut for a query at position 0, and this one is the "
            "last: it may look everywhere, and needs no mask.",
        ),
        Mistake("no_scaling", attend(q, keys, values, scale=1.0), "The scores are not divided by √K."),
        Mistake(
            "scaled_by_d_model",
            attend(q, keys, values, scale=D**-0.5),
            "The scores were divided by √D. Queries and keys are K wide, so it is √K.",
        ),
        Mistake(
            "scaled_without_root",
            attend(q, keys, values, scale=1 / K),
            "The scores were divided by K. √K, once, is enough.",
        ),
        Mistake(
            "scaled_by_length",
            attend(q, keys, values, scale=(S + 1) ** -0.5),
            "The scores were divided by the root of the *number* of keys. It is the root of their width.",
        ),
        Mistake(
            "scaled_the_wrong_way",
            attend(q, keys, values, scale=K**0.5),
            "The scores were multiplied by √K. They are divided by it.",
        ),
        Mistake(
            "key_asks",
            attend(k, keys, values),
            "The new token's key was held against the keys. It is the query that asks: x @ w_q.",
        ),
        *any_of(
            "transposed",
            "The query is the new token times the *transposed* matrix. Shapes (B, D) and (D, K): x @ w_q.",
            *([attend(x @ w_q.T, keys, values)] if D == K else []),
        ),
        *any_of(
            "input_asks",
            "The new token itself was held against the keys. It is its query that asks: x @ w_q.",
            *([attend(x, keys, values)] if D == K else []),
        ),
        Mistake(
            "keys_and_values_exchanged",
            attend(q, values, keys),
            "The query was held against the values, and the keys were mixed. It goes the other way round.",
        ),
        *any_of(
            "returns_weights",
            "These are the weights or the scores, one for each token. Wanted are the values, mixed by them.",
            *(f(q, keys) for f in (_weights, _scores)),
        ),
        Mistake("mixes_keys", attend(q, keys, keys), "The *keys* were mixed. The weights are for the values."),
        Mistake(
            "no_softmax",
            (_scores(q, keys)[:, None] @ values).squeeze(1),
            "The values were weighted with the scores themselves. A softmax makes weights of them.",
        ),
        Mistake(
            "softmax_over_the_batch",
            attend(q, keys, values, dim=0),
            "The softmax runs over the texts of the batch. It has to run over the tokens that are looked at.",
        ),
        Mistake(
            "softmax_over_one",
            values.sum(1),
            "Every value came with weight 1: the softmax ran over an axis that has a single entry, the one query.",
        ),
        Mistake(
            "plain_mean", values.mean(1), "That is the plain mean of the values: all weights are the same. Why is that?"
        ),
        Mistake(
            "across_the_batch",
            all_texts_as_one(),
            "Tokens of one text look at those of another. The texts of a batch do not know of each other.",
        ),
    )


def _scores(q: Tensor, keys: Tensor) -> Tensor:
    return (keys @ q[..., None]).squeeze(-1) / q.shape[-1] ** 0.5


def _weights(q: Tensor, keys: Tensor) -> Tensor:
    return _scores(q, keys).softmax(-1)


def _agrees_over_a_whole_text(trial: Trial) -> None:
    B, T, D, K = 2, 6, 5, 4
    inputs, x = _case(trial, B, 0, D, K), trial.normal(B, T, D)
    whole = F.scaled_dot_product_attention(x @ inputs["w_q"], x @ inputs["w_k"], x @ inputs["w_v"], is_causal=True)
    for t in range(T):
        inputs["x_new"] = x[:, t]
        answer = _try_step(trial, inputs)
        answer.entry(0).equals(
            whole[:, t], f"read token by token, a text gives what causal attention gives at once (here token {t})"
        )
        _agrees_on_caches(answer, inputs)
        inputs["keys"], inputs["values"] = (answer.value[place].detach() for place in (1, 2))


Forecast = Callable[[list[int]], Tensor]


def _made_up_model(table: Tensor) -> Forecast:
    """A forecast that depends on every token so far, and on their order. Table [N V]: log-probabilities."""

    def next_log_probs(ids: list[int]) -> Tensor:
        row = 0
        for token in ids:
            row = (31 * row + int(token) + 1) % len(table)
        return table[row].clone()

    return next_log_probs


def _two_roads(ids: list[int]) -> Tensor:
    """The statement's example: the likelier first token leads to a near coin toss, the other to a near certainty."""
    after = {(): [0.6, 0.4], (0,): [0.55, 0.45], (1,): [0.1, 0.9]}
    return torch.tensor(after.get(tuple(int(token) for token in ids[1:]), [0.5, 0.5])).log()


def _search(
    forecast: Forecast,
    prompt: list[int],
    n_tokens: int,
    width: int,
    *,
    rank: Callable[[float, float], float] = lambda so_far, log_p: so_far + log_p,
    start: float = 0.0,
    context: Callable[[list[int], list[int]], list[int]] = lambda prompt, ids: prompt + ids,
    best: int = 0,
    largest: bool = True,
) -> list[int]:
    """Beam search, and with other settings what it is mistaken for."""
    beams: list[tuple[float, list[int]]] = [(start, [])]
    for _ in range(n_tokens):
        grown = [
            (rank(so_far, log_p), [*ids, token])
            for so_far, ids in beams
            for token, log_p in enumerate(forecast(context(prompt, ids)).tolist())
        ]
        beams = sorted(grown, key=lambda beam: beam[0], reverse=largest)[:width]
    return beams[best][1]


def _each_goes_alone(
    forecast: Forecast, prompt: list[int], n_tokens: int, width: int, n_children: int = 1
) -> list[int]:
    """The `width` likeliest first tokens, each of which goes on with its own likeliest children; nothing is cut."""
    beams: list[tuple[float, list[int]]] = [(0.0, [])]
    for t in range(n_tokens):
        grown = []
        for so_far, ids in beams:
            log_probs, tokens = forecast(prompt + ids).sort(descending=True)
            pairs = list(zip(log_probs.tolist(), tokens.tolist(), strict=True))[: n_children if t else width]
            grown += [(so_far + log_p, [*ids, token]) for log_p, token in pairs]
        beams = grown
    return max(beams, key=lambda beam: beam[0])[1]


def _last_step_greedy(forecast: Forecast, prompt: list[int], n_tokens: int, width: int) -> list[int]:
    ids = _search(forecast, prompt, n_tokens - 1, width)
    return [*ids, int(forecast(prompt + ids).argmax())]


Case = tuple[Forecast, list[int], int, int]


@exercise("14.5", title="More than one way on", stars=3, minutes=30)
def beam_search(trial: Trial) -> None:
    made_up = _made_up_model(trial.normal(61, 4, scale=1.2).log_softmax(-1))
    after_each_step = "after each step the `width` likeliest of all extensions of all beams stay; the best is returned"
    cases: list[tuple[str, Case]] = [
        (after_each_step, (_two_roads, [0], 2, 2)),
        *((after_each_step, (made_up, [start, 1, start], 5, width)) for start in range(4) for width in (2, 3)),
        ("a width of 1 is the greedy text", (_two_roads, [0], 2, 1)),
        ("a width of 1 is the greedy text", (made_up, [3], 6, 1)),
        ("with nothing cut, the search finds the most probable text of all", (_two_roads, [1], 2, 8)),
        ("with nothing cut, the search finds the most probable text of all", (made_up, [2, 0], 4, 64)),
    ]
    names = ("next_log_probs", "prompt", "n_tokens", "width")
    answers = [trial(**dict(zip(names, case, strict=True))) for _, case in cases]
    rights = [torch.tensor(_search(*case), dtype=torch.float64) for _, case in cases]

    def all_look_like(*searches: Callable[..., list[int]]) -> Callable[[object], bool]:
        """Whether one of the searches explains every answer, so that a chance agreement in one case names nothing."""

        def shown(got: object) -> bool:
            return any(
                all(
                    (ids := as_numbers(answer.value)) is not None and ids.tolist() == search(*case)
                    for answer, (_, case) in zip(answers, cases, strict=True)
                )
                for search in searches
            )

        return shown

    for answer, (law, case), right in zip(answers, cases, rights, strict=True):
        _, prompt, n_tokens, _ = case
        ids = right.tolist()
        answer.equals(
            ids,
            law,
            Mistake(
                "returns_the_prompt_too",
                [*prompt, *ids],
                "The prompt is in it. Wanted are the new tokens alone.",
            ),
            Mistake(
                "returns_all_beams",
                lambda got, ids=ids: list(got[0]) == ids,
                "Beams came back, a list of lists. Wanted is the best one's list of tokens.",
            ),
            Mistake(
                "returns_the_score_too",
                lambda got, ids=ids: (
                    any(list(part) == ids for part in got if isinstance(part, list | tuple))
                    or (got[1:] == ids and isinstance(got[0], float))
                    or (got[:-1] == ids and isinstance(got[-1], float))
                ),
                "There is more in it than the tokens: the score, perhaps. Wanted is the list of tokens alone.",
            ),
            Mistake(
                "returns_the_score",
                lambda got: isinstance(got, float) or getattr(got, "ndim", 1) == 0,
                "A single number came back, a score perhaps. Wanted is the list of tokens.",
            ),
            Mistake(
                "wrong_length",
                lambda got, n=n_tokens: (x := as_numbers(got)) is not None and x.ndim == 1 and len(x) != n,
                f"`n_tokens` is {n_tokens}, and yours has another length.",
            ),
            Mistake(
                "greedy",
                all_look_like(lambda forecast, prompt, n, width: _search(forecast, prompt, n, 1)),
                "It is the greedy text, whatever the width. Is only one beam extended? Or are all beams the same? "
                "(`width` copies of the prompt stay copies: begin with one.)",
            ),
            Mistake(
                "forgets_the_earlier_score",
                all_look_like(partial(_search, rank=lambda so_far, log_p: log_p)),
                "The beams are ranked by their newest token alone. A text's log-probability is the sum over all of its "
                "tokens: carry it along.",
            ),
            Mistake(
                "adds_probabilities",
                all_look_like(partial(_search, rank=lambda so_far, log_p: so_far + math.exp(log_p))),
                "Probabilities were added. They multiply; it is their logarithms that add up.",
            ),
            Mistake(
                "multiplies_logs",
                all_look_like(
                    partial(_search, rank=lambda so_far, log_p: so_far * log_p, start=1.0),
                    partial(_search, rank=lambda so_far, log_p: so_far * log_p, start=1.0, largest=False),
                    partial(_search, rank=lambda so_far, log_p: so_far * log_p, start=-1.0),
                ),
                "Log-probabilities were multiplied. Probabilities multiply; their logarithms add up.",
            ),
            Mistake(
                "least_likely",
                all_look_like(
                    partial(_search, largest=False),
                    partial(_search, rank=lambda so_far, log_p: so_far - log_p),
                ),
                "It looks for the *least* probable text. Is the order of the sort turned round, or the sign?",
            ),
            Mistake(
                "worst_beam",
                all_look_like(partial(_search, best=-1)),
                "The search is right, and of its last beams the worst came back.",
            ),
            Mistake(
                "last_step_greedy",
                all_look_like(_last_step_greedy),
                "In the last step you extend only the best beam. The last step must extend all beams too: the "
                "likeliest text may end a beam that was not leading.",
            ),
            Mistake(
                "beams_never_compete",
                all_look_like(_each_goes_alone),
                "Each beam goes on greedily by itself, to the end. After each step *all* extensions of *all* beams "
                "compete for the `width` places, and one beam may take several of them.",
            ),
            Mistake(
                "never_cut",
                all_look_like(
                    lambda forecast, prompt, n, width: _search(forecast, prompt, n, 4**n),
                    lambda forecast, prompt, n, width: _each_goes_alone(forecast, prompt, n, width, width),
                ),
                "A more thorough search than was asked for: the beams grow beyond `width`. Cut them after each step, "
                "over all parents together, or the work grows exponentially.",
            ),
            Mistake(
                "ignores_its_own_tokens",
                all_look_like(partial(_search, context=lambda prompt, ids: prompt)),
                "Every forecast is the one after the prompt. Ask for the forecast after `prompt + ids`.",
            ),
            Mistake(
                "forgets_the_prompt",
                all_look_like(partial(_search, context=lambda prompt, ids: ids)),
                "The forecasts do not know the prompt. Ask for the forecast after `prompt + ids`.",
            ),
            Mistake(
                "only_the_last_token",
                all_look_like(partial(_search, context=lambda prompt, ids: (prompt + ids)[-1:])),
                "The forecasts know the last token only. Ask for the forecast after `prompt + ids`, all of it.",
            ),
        )


@exercise("14.6", title="Accept or draw again", stars=3, minutes=25)
def accept_or_redraw(trial: Trial) -> None:
    random_pair = (trial.normal(6).softmax(-1), trial.normal(6).softmax(-1))
    for p, q in (
        (torch.tensor([0.5, 0.4, 0.1, 0.0]), torch.tensor([0.4, 0.1, 0.3, 0.2])),
        random_pair,
        (torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.0, 0.7, 0.0, 0.3])),
        (torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0])),
        (random_pair[0], random_pair[0].clone()),
    ):
        _speaks_as_the_model(trial, p, q)
    nearly = torch.tensor([0.3997, 0.3005, 0.2, 0.0998])
    _speaks_as_the_model(trial, torch.tensor([0.4, 0.3, 0.2, 0.1]), nearly, nearly_equal=True)
    overlap = torch.minimum(*random_pair).sum()
    trial.remark = f"With this check's random p and q, {100 * overlap:.0f} % of drafts are kept: that is Σ min(p, q)."


def _speaks_as_the_model(trial: Trial, p: Tensor, q: Tensor, nearly_equal: bool = False) -> None:
    drafts = [token for token in range(len(q)) if q[token] > 0]
    answers = {drafted: trial(p=p, q=q, drafted=drafted) for drafted in drafts}
    what = "what comes back is a tuple of two: the probability of keeping the draft, and a distribution"
    for answer in answers.values():
        given = answer.value
        answer.requires(isinstance(given, tuple | list) and len(given) == 2, what, "not_two", "Yours is none.")
        shapes = [numbers.shape if (numbers := as_numbers(part)) is not None else None for part in given]
        answer.requires(shapes != [p.shape, torch.Size([])], what, "exchanged", "Yours has them the other way round.")

    kept = {drafted: as_numbers(answer.value[0]) for drafted, answer in answers.items()}

    def all_kept(probability: Callable[[float, float], float]) -> Callable[[object], bool]:
        """Whether every draft is kept with this probability, a function of its p and q."""
        wanted = {drafted: probability(p[drafted].item(), q[drafted].item()) for drafted in drafts}
        return lambda got: all(
            got_here is not None and got_here.ndim == 0 and math.isclose(got_here, wanted[drafted], abs_tol=1e-4)
            for drafted, got_here in kept.items()
        )

    overlap = torch.minimum(p, q).sum().item()
    for drafted, answer in answers.items():
        answer.entry(0).equals(
            min(1.0, p[drafted].item() / q[drafted].item()),
            "a draft is kept as often as possible, and no token comes more often than p allows",
            Mistake(
                "all_at_once",
                lambda got: isinstance(got, Tensor) and got.shape == p.shape,
                "There is one number for every token. Wanted is the one for the token that was drafted.",
            ),
            Mistake(
                "always_kept",
                all_kept(lambda p, q: 1.0),
                "Every draft is kept, and the text is the draft model's. Where q is larger than p, refuse some.",
            ),
            Mistake(
                "never_kept",
                all_kept(lambda p, q: 0.0),
                "Every draft is refused. That can give the right distribution, and the drafts were made for nothing.",
            ),
            Mistake(
                "ratio_upside_down",
                all_kept(lambda p, q: min(1.0, q / p) if p else 1.0),
                "The ratio is upside down. A token that the draft model likes too much (q > p) must sometimes be "
                "refused, and one that it likes too little never.",
            ),
            Mistake(
                "not_limited",
                all_kept(lambda p, q: p / q),
                "A probability is at most 1. Where p is larger than q, the draft is kept for certain.",
            ),
            Mistake(
                "probability_of_refusal",
                all_kept(lambda p, q: 1 - min(1.0, p / q)),
                "That is the probability of *refusing* the draft. Wanted is that of keeping it.",
            ),
            *(
                Mistake(
                    "all_or_nothing",
                    rule,
                    "Kept for certain or refused for certain. A token with q > p then comes too often or not at all: "
                    "it has to be kept in a share of cases.",
                )
                for rule in (all_kept(lambda p, q: float(p > q)), all_kept(lambda p, q: float(p >= q)))
            ),
            Mistake(
                "kept_with_probability_p",
                all_kept(lambda p, q: p),
                "The draft was already drawn with probability q. Kept with probability p, the token would come with "
                "q · p.",
            ),
            Mistake(
                "not_divided",
                all_kept(min),
                "min(p, q) is how often this token should be drafted *and* kept. It is drafted with probability q.",
            ),
            Mistake(
                "share_of_both",
                all_kept(lambda p, q: p / (p + q)),
                "p / (p + q) refuses half of the drafts even if p = q, where all can be kept.",
            ),
            Mistake(
                "rate_of_all_tokens",
                all_kept(lambda p, q: overlap),
                "Σ min(p, q) is how often a draft is kept on average. For this token it is another number.",
            ),
            Mistake(
                "logarithm",
                all_kept(lambda p, q: math.log(p / q) if p else -math.inf),
                "That is a logarithm. Wanted is the probability itself.",
            ),
        )
    said = _what_comes(answers, q)
    refusable = p < q
    for drafted, answer in answers.items():
        if refusable[drafted]:
            _redraws_rightly(answer, p, q, drafted, "" if nearly_equal else _beside(said, p), nearly_equal)
    for drafted, answer in answers.items():
        if not refusable[drafted]:
            _is_a_distribution(answer, equal=torch.equal(p, q))
            _is_the_same_for_all(answer, p, q, drafted)


LOOSE = 2e-3
"""For a distribution made of small differences: 1 − Σ min(p, q), rounded, is right to three digits or so."""


def _redraws_rightly(
    answer: Returned, p: Tensor, q: Tensor, drafted: int, seen: str, nearly_equal: bool = False
) -> None:
    missing = (p - q).clamp(min=0)
    others = p.index_fill(0, torch.tensor([drafted]), 0.0)
    answer.entry(1).equals(
        missing / missing.sum(),
        "whatever the draft model likes, in the end every token comes with probability p",
        tensor_shows(
            "taken_for_equal",
            lambda got: (
                nearly_equal and (torch.allclose(got, p, atol=1e-3) or not got.isfinite().all() or got.sum() == 0)
            ),
            "p and q differ by 0.0005 at most here, and yours takes them for equal. A small gap is a gap, and is "
            "divided by its sum like a large one. Only where nothing at all is missing, return p.",
        ),
        tensor_shows(
            "not_normalised",
            lambda got: not _sums_to_one(got) and torch.allclose(got / got.sum(), missing / missing.sum(), atol=1e-4),
            "The proportions are right, and the sum is not 1. A distribution has to be divided by its sum.",
        ),
        Mistake(
            "redraws_from_p",
            p,
            f"You draw again from p. But the kept drafts have supplied a part of it by then.{seen}",
        ),
        *any_of(
            "p_without_the_draft",
            f"You draw again from p without the refused token. Others have been kept as drafts, and come too often."
            f"{seen}",
            others,
            *([others / others.sum()] if others.sum() > 0 else []),
        ),
        *any_of(
            "absolute_difference",
            f"|p − q| also counts what the draft model gives too much. Only what is *missing* is drawn again.{seen}",
            (p - q).abs(),
            (p - q).abs() / (p - q).abs().sum(),
        ),
        *any_of(
            "draft_minus_model",
            f"The difference is turned round: you draw again what the draft gives too much already.{seen}",
            (q - p).clamp(min=0),
            (q - p).clamp(min=0) / missing.sum(),
        ),
        Mistake(
            "redraws_from_the_draft",
            q,
            f"You draw again from q, which has had its chance.{seen}",
        ),
        *any_of(
            "softmax_of_the_difference",
            f"A softmax gives every token something, even where nothing is missing. Divide by the sum instead.{seen}",
            (p - q).softmax(-1),
            missing.softmax(-1),
        ),
        *any_of(
            "what_both_share",
            f"min(p, q) has been supplied by kept drafts. Drawn again is what they cannot supply.{seen}",
            torch.minimum(p, q),
            *([torch.minimum(p, q) / torch.minimum(p, q).sum()] if torch.minimum(p, q).sum() > 0 else []),
        ),
        tensor_shows(
            "negative_probabilities",
            lambda got: (got < -1e-6).any() or not got.isfinite().all(),
            "Not all of it is between 0 and 1. p − q sums to 0 and is negative where the draft gives too much: set "
            "those to 0 first, then divide by the sum.",
        ),
        tensor_shows(
            "another_distribution",
            lambda got: got.shape == p.shape and _sums_to_one(got) and bool(seen),
            f"That is a distribution, and not the one that is needed.{seen}",
        ),
        tolerance=LOOSE if nearly_equal else 1e-4,
    )


def _is_the_same_for_all(answer: Returned, p: Tensor, q: Tensor, drafted: int) -> None:
    """Demand of a draft that is kept for certain the distribution of the refused ones, which are right already."""
    missing = (p - q).clamp(min=0)
    if torch.equal(p, q):
        answer.entry(1).equals(
            p,
            "where p = q no draft is ever refused, and the distribution is p",
            tensor_shows("not_p_when_equal", lambda got: True, "Yours is a distribution, and another one than p."),
        )
    else:
        answer.entry(1).equals(
            missing / missing.sum(),
            "the distribution to draw from does not depend on which token was drafted",
            tensor_shows(
                "depends_on_the_draft",
                lambda got: True,
                f"For drafts that may be refused, yours is right. Token {drafted} is kept for certain, and for it you "
                "return another one.",
            ),
            tolerance=LOOSE,
        )


def _sums_to_one(x: Tensor) -> bool:
    return abs(x.sum().item() - 1) < 1e-3


def _is_a_distribution(answer: Returned, equal: bool) -> None:
    entry = answer.entry(1)
    if equal:
        law = "where p = q no draft is ever refused, and the distribution is p"
    else:
        law = "the second place holds a distribution, also where it will not be needed"
    got = as_numbers(entry.value)
    p = answer.inputs["p"]
    entry.requires(
        got is not None and got.shape == p.shape and isinstance(entry.value, Tensor),
        f"{law}: a tensor of the shape of p",
        "no_distribution",
        "Yours is something else.",
    )
    assert got is not None
    entry.requires(
        not equal or bool(got.isfinite().all()),
        law,
        "nan_when_equal",
        "p − q is 0 everywhere, and 0 / 0 is nan. Catch the case that nothing is missing.",
    )
    entry.requires(
        not equal or bool((got != 0).any()),
        law,
        "zeros_when_equal",
        "It is 0 everywhere, and nothing can be drawn from that.",
    )
    entry.requires(
        bool((got >= -1e-6).all()) and _sums_to_one(got),
        law,
        "not_normalised" if (got >= -1e-6).all() else "negative_probabilities",
        "Its entries have to be at least 0 and sum to 1.",
    )


def _what_comes(answers: dict[int, Returned], q: Tensor) -> Tensor | None:
    """The distribution of what is said in the end, summed exactly over all drafts; None where that cannot be done."""
    comes = torch.zeros(len(q), dtype=torch.float64)
    for drafted, answer in answers.items():
        kept, again = (as_numbers(part) for part in answer.value)
        if kept is None or again is None or kept.ndim or again.shape != q.shape:
            return None
        comes[drafted] += q[drafted] * kept
        if kept < 1 - 1e-6:
            comes += q[drafted] * (1 - kept) * again
    return comes if bool(comes.isfinite().all()) else None


def _beside(comes: Tensor | None, p: Tensor) -> str:
    if comes is None or not 0.999 < comes.sum() < 1.001:
        return ""
    token = int((comes - p).abs().argmax())
    return f" Token {token} would come with probability {comes[token]:.2f} instead of {p[token]:.2f}."


@exercise("14.7", title="Numbers before code", stars=2, minutes=15)
def by_hand(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=0.01, reveal=False)

    expect(
        "colder",
        0.64 / 0.68,
        "temperature ½ squares the probabilities and makes them sum to 1 again",
        Mistake("colder_not_normalised", 0.64, "That is 0.8². The other one's square is 0.04: divide by their sum."),
        Mistake(
            "colder_is_warmer",
            2 / 3,
            "That is temperature 2. Below 1 the likely gets likelier.",
        ),
        Mistake("colder_unchanged", 0.8, "That is the forecast as it was, at temperature 1."),
        Mistake("colder_doubled", 1.6, "A probability above 1? It is the *logits* that are divided by ½."),
        Mistake("colder_halved", 0.4, "The probability was halved. It is the logits that are divided, by ½."),
        Mistake("colder_greedy", 1.0, "That is temperature 0. At ½ the other token keeps a little."),
        Mistake(
            "colder_softmax_of_probabilities",
            1 / (1 + math.exp(-1.2)),
            "You took the softmax of the probabilities, divided by ½. It takes logits: here the logarithms of 0.8 and "
            "0.2 will do.",
        ),
        Mistake("colder_other_token", 0.04 / 0.68, "That is what the other token keeps."),
        Mistake("colder_in_percent", 94.12, "You mean a percentage. The answer is a probability, between 0 and 1."),
    )
    expect(
        "endless_heat",
        math.log(6),
        "at an endless temperature all six tokens are equally likely, and the entropy is that of six equals, in nats",
        Mistake("heat_in_bits", math.log2(6), "That is right in bits, and the question asks for nats."),
        Mistake("heat_without_log", 6.0, "That is the perplexity, a number of tokens. The entropy is its logarithm."),
        Mistake(
            "heat_without_limit",
            math.isinf,
            "The logits go to 0, all of them. A forecast that gives six tokens ⅙ each has a finite entropy.",
        ),
        Mistake("heat_is_cold", 0.0, "That is temperature 0: one token gets everything. Heat goes the other way."),
        Mistake(
            "heat_not_applied",
            -sum(x * math.log(x) for x in (0.5, 0.2, 0.15, 0.07, 0.06, 0.02)),
            "That is the entropy of the forecast as it stands, at temperature 1.",
        ),
        Mistake("heat_in_decimal", math.log10(6), "That is to base 10. Nats use the natural logarithm."),
        Mistake("heat_probability", 1 / 6, "That is the probability of each token. What is the entropy of six such?"),
    )
    expect(
        "top_p_keeps",
        4,
        "top-p keeps the smallest set of likeliest tokens whose probability is at least p",
        Mistake(
            "top_p_leaves_one_out",
            3,
            "Three tokens hold 0.85, which is less than 0.9. The one that crosses the line belongs in the set.",
        ),
        Mistake("top_p_one_too_many", 5, "Four tokens hold 0.92 already, and the set is the smallest that will do."),
        Mistake("top_p_as_threshold", 0, "No single token has probability 0.9. It is their sum that has to reach it."),
        Mistake("top_p_like_min_p", 1, "You hold each token against 0.9 of the likeliest. It is the sum that counts."),
        Mistake("top_p_rest", 2, "That is how many it rules out. How many does it keep?"),
        Mistake("top_p_probability", 0.92, "That is the probability that the set holds. How many tokens are in it?"),
        Mistake("top_p_keeps_all", 6, "All six hold 1.00, and fewer are enough for 0.9."),
    )
    expect(
        "min_p_keeps",
        5,
        "min-p keeps the tokens that have at least that share of the likeliest one's probability",
        Mistake(
            "min_p_as_threshold",
            3,
            "Three have at least 0.1. But the threshold is 0.1 *of the largest*: 0.05.",
        ),
        Mistake("min_p_like_top_p", 4, "That is top-p with 0.9. Min-p asks each token by itself: does it reach 0.05?"),
        Mistake("min_p_rest", 1, "That is how many it rules out. How many does it keep?"),
        Mistake("min_p_keeps_all", 6, "The last one has 0.02. Is that a tenth of the likeliest one's?"),
        Mistake("min_p_threshold", 0.05, "That is the threshold. How many tokens reach it?"),
    )
    n_bytes = 2 * 5 * 3 * 200 * 96 * 4
    expect(
        "cache_bytes",
        n_bytes,
        "each layer keeps a key and a value for each head of each token of each text, four bytes a number",
        Mistake(
            "cache_of_one_kind",
            n_bytes / 2,
            "Half of it. Keys *and* values are kept (and a number takes four bytes here, not two).",
        ),
        Mistake("cache_in_numbers", n_bytes / 4, "So many *numbers*, and each of them takes four bytes."),
        Mistake(
            "cache_of_one_kind_in_numbers",
            n_bytes / 8,
            "An eighth of it: keys *and* values are kept, and a number takes four bytes.",
        ),
        Mistake("cache_of_one_text", n_bytes / 3, "That is for one text, and three are written at a time."),
        Mistake("cache_of_one_layer", n_bytes / 5, "That is for one layer, and there are five."),
        Mistake("cache_of_one_head", n_bytes / 6, "That is for one head, and there are six in each layer."),
        Mistake("cache_of_one_token", n_bytes / 200, "That is for one token, and each text has 200."),
        Mistake(
            "cache_with_heads_twice",
            n_bytes * 6,
            "The heads were counted twice: six heads of width 16 are 96 numbers in all.",
        ),
        Mistake("cache_in_bits", n_bytes * 8, "That is in bits, and the question asks for bytes."),
        Mistake(
            "cache_with_queries",
            n_bytes * 1.5,
            "The queries are in it as well. An old query is never asked again, so nobody keeps it.",
        ),
        Mistake("cache_of_scores", 4 * 5 * 3 * 6 * 200 * 200, "Those are the scores. They are not kept."),
        Mistake(
            "cache_in_larger_units",
            lambda got: any(math.isclose(got, n_bytes / unit, rel_tol=0.01) for unit in (1e3, 1e6, 2**10, 2**20)),
            "The amount is right, in kilobytes or megabytes. The question asks for bytes.",
        ),
    )
    expect(
        "kept_drafts",
        0.6,
        "a token is drafted with probability q, and kept with probability min(1, p / q)",
        Mistake("drafts_refused", 0.4, "That is how often a draft is *refused*."),
        Mistake(
            "same_by_chance",
            0.28,
            "Σ p·q is the chance that two separate draws agree. A draft may be kept without such luck.",
        ),
        Mistake("summed_distance", 0.8, "Σ |p − q| counts what is missing in one and what is too much in the other."),
        Mistake("one_minus_summed_distance", 0.2, "1 − Σ |p − q| takes the difference off twice; half of it will do."),
        Mistake(
            "mean_of_ratios",
            (1 + 0.75 + 0.25) / 3,
            "That is the plain mean of min(1, p/q) over the tokens. They are not drafted equally often.",
        ),
        Mistake("always_kept", 1.0, "That would need p = q. The last two tokens are drafted too often."),
    )
    a, k = 0.7, 3
    expect(
        "tokens_per_pass",
        (1 - a ** (k + 1)) / (1 - a),
        "a pass gives the drafts before the first refusal, and one token more",
        Mistake(
            "without_the_extra_token",
            a + a**2 + a**3,
            "These are the kept drafts. The pass adds one: drawn again after a refusal, or the next after the last.",
        ),
        Mistake(
            "one_power_short",
            (1 - a**k) / (1 - a),
            "Nearly: 1 + a + a². If all three drafts are kept, there is a fourth token.",
        ),
        Mistake(
            "each_by_itself",
            1 + k * a,
            "You count every draft that would be kept. But after the first refusal, all later drafts are thrown away.",
        ),
        Mistake(
            "each_by_itself_without_the_extra",
            k * a,
            "Two things: after the first refusal all later drafts are thrown away, and the pass adds a token itself.",
        ),
        Mistake("all_kept", 4.0, "That is the best case, in which all three are kept."),
        Mistake("drafts_only", 3.0, "That is how many are drafted."),
        Mistake(
            "endless_drafts",
            1 / (1 - a),
            "That is what endlessly many drafts would give. Here there are three.",
        ),
        Mistake("chance_of_all", a**k, "That is the probability that all three are kept."),
    )
