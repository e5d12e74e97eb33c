"""What right answers of lesson 11 obey, and what wrong ones look like.

Shape letters: B sentences, T places in the target, S places in the source, D numbers in a token's vector, H heads, K
numbers in a query of one head, V tokens in the vocabulary.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from course_lib.checks.describe import as_numbers
from course_lib.checks.registry import exercise
from course_lib.checks.trial import BrokenLaw, Mistake, Returned, Trial, any_of, tensor_shows

Forecast = Callable[[list[int]], Tensor]

# ── 11.1 ──

IGNORE = -100
"""The label of a place that the loss skips."""


@exercise("11.1", title="One place behind", stars=1, minutes=10)
def shift_right(trial: Trial) -> None:
    batches: list[tuple[list[list[int]], int]] = [
        ([[5, 8, 6], [7]], 2),
        ([[4, 9, 3, 7, 5], [6, 8], [3, 3, 4, 9]], 0),
        ([[1, 4], [5, 3, 8, 2, 1, 9], [7, 2, 4]], 6),
        ([[3, 1, 2], [2, 2, 3]], 5),
        ([[7, 4, 4, 1]], 9),
        ([[4, 2], [], [1, 1, 3]], 0),
    ]
    for targets, end in batches:
        _shifts(trial(targets=targets, end=end), targets, end)


def _shifts(answer: Returned, targets: list[list[int]], end: int) -> None:
    given = answer.value
    pair = "what comes back is a pair: the inputs and the labels"
    answer.requires(
        isinstance(given, tuple | list) and len(given) == 2, pair, "not_a_pair", "Return both: `return inputs, labels`."
    )

    def rows(row: Callable[[list[int]], list[int]], filling: int, left: bool = False) -> Tensor:
        made = [row(target) for target in targets]
        longest = max(map(len, made))
        return torch.tensor(
            [
                [filling] * (longest - len(each)) + each if left else each + [filling] * (longest - len(each))
                for each in made
            ]
        )

    def begun(target: list[int]) -> list[int]:
        return [end, *target]

    def ended(target: list[int]) -> list[int]:
        return [*target, end]

    inputs, labels = rows(begun, end), rows(ended, IGNORE)
    last_column = torch.full((len(targets), 1), end)

    def in_a_column(filling: int) -> Tensor:
        """The end token behind the filling."""
        return torch.cat([rows(list, filling), last_column], dim=1)

    unequal = len({len(target) for target in targets}) > 1
    turned_round = all(
        (got := as_numbers(part)) is not None and torch.equal(got, want.double())
        for part, want in zip(given, (labels, inputs), strict=True)
    )
    answer.requires(not turned_round, pair, "exchanged", "Both are right, in the wrong order: the inputs come first.")
    answer.entry(0).equals(
        inputs,
        "the decoder reads the end token first and then the translation, one place behind",
        Mistake(
            "not_shifted",
            lambda x: any(
                torch.equal(x, wrong)
                for wrong in (rows(ended, end), labels, in_a_column(end), rows(list, end), rows(list, IGNORE))
            ),
            "The decoder reads, at each place, the very token that it is to forecast there. It will learn to "
            "copy, with "
            "a loss near 0, and translate nothing. Put the end token in front.",
        ),
        Mistake(
            "inputs_end_as_well",
            lambda x: any(
                torch.equal(x, rows(lambda target: [end, *target, end], filling)) for filling in (end, IGNORE)
            ),
            "There is an end token at both ends. After the last word the end is forecast, and nothing needs to be read "
            "then: the inputs are `[end, *target]`.",
        ),
        Mistake(
            "last_word_unread",
            lambda x: any(torch.equal(x, rows(begun, filling)[:, :-1]) for filling in (end, IGNORE)),
            "The last column is cut off. The longest translation's last word must be read, or its end cannot be "
            "forecast.",
        ),
        Mistake(
            "input_filled_with_ignore",
            lambda x: (
                unequal
                and any(
                    torch.equal(x, wrong)
                    for wrong in (rows(begun, IGNORE), torch.cat([last_column, labels[:, :-1]], dim=1))
                )
            ),
            f"Short inputs are filled with {IGNORE}. The decoder looks up a vector for each input, and there is none "
            "for that number: fill the inputs with `end`.",
        ),
        Mistake(
            "filled_on_the_left",
            rows(begun, end, left=True) if unequal else None,
            "The filling stands at the left. It belongs at the right end, where causality hides it.",
        ),
        Mistake(
            "input_filled_with_zero",
            rows(begun, 0) if unequal and end != 0 else None,
            f"Short inputs are filled with 0, which is a word like any other. Fill them with `end`, here {end}.",
        ),
        Mistake(
            "begins_with_zero",
            lambda x: end != 0 and any(torch.equal(x, rows(lambda target: [0, *target], each)) for each in (end, 0)),
            f"The inputs begin with 0. The end token is number {end} here.",
        ),
        Mistake(
            "sentences_in_columns",
            lambda x: x.shape != inputs.shape and torch.equal(x, inputs.T),
            "The sentences are columns. Wanted is one row for each. (`pad_sequence` needs `batch_first=True`.)",
        ),
    )
    answer.entry(1).equals(
        labels,
        "at each place the label is the word that comes next, the end token after the last, and −100 where "
        "nothing does",
        Mistake(
            "labels_are_inputs",
            lambda x: torch.equal(x, inputs) or (unequal and torch.equal(x, rows(begun, IGNORE))),
            "The labels are what the decoder reads at the same place. It is to forecast what comes *next*.",
        ),
        Mistake(
            "label_filled_with_end",
            rows(ended, end) if unequal else None,
            "Short labels are filled with the end token, so the loss counts forecasts behind the end. Only the first "
            f"end token counts; after it comes {IGNORE}.",
        ),
        Mistake(
            "label_filled_with_zero",
            rows(ended, 0) if unequal and end != 0 else None,
            f"Short labels are filled with 0, which is a word like any other. The loss skips {IGNORE}.",
        ),
        Mistake(
            "end_behind_the_filling",
            lambda x: unequal and any(torch.equal(x, in_a_column(filling)) for filling in (IGNORE, end, 0)),
            "The end token stands in the last column, behind the filling. It comes right after the last word.",
        ),
        Mistake(
            "no_end",
            lambda x: any(
                torch.equal(x, wrong)
                for wrong in (
                    rows(list, IGNORE),
                    torch.cat([rows(list, IGNORE), torch.full_like(last_column, IGNORE)], dim=1),
                )
            ),
            "The end is never a label, so the model never learns to stop.",
        ),
        Mistake(
            "shifted_twice",
            lambda x: any(
                torch.equal(x[:, : wrong.shape[1]], wrong) and bool((x[:, wrong.shape[1] :] == IGNORE).all())
                for wrong in (rows(lambda target: ended(target)[1:], IGNORE),)
            ),
            "The labels are one place too far: the first word is never forecast.",
        ),
        Mistake(
            "label_filled_on_the_left",
            rows(ended, IGNORE, left=True) if unequal else None,
            "The filling stands at the left. It belongs at the right end, as in the inputs.",
        ),
    )


# ── 11.2 ──


@exercise("11.2", title="Looking at another sentence", stars=2, minutes=25)
def cross_attention(trial: Trial) -> None:
    # As many queries as keys in the first cases: there a mistake shows in the numbers, and raises nothing. One sentence
    # of the first case has no filling and the others have some, so that a mask that leaves nan behind is told apart.
    for n_sentences, n_queries, lengths, n_heads, width in (
        (3, 5, [3, 5, 4], 1, 4),
        (2, 5, [5, 5], 1, 4),
        (2, 5, [4, 3], 3, 4),
        (3, 4, [6, 1, 4], 2, 3),
        (1, 1, [3], 2, 4),
        (2, 6, [2, 4], 2, 4),
    ):
        n_keys = 7 if n_queries != 5 else 5
        inputs = {
            "x": trial.normal(n_sentences, n_queries, 6),
            "source": trial.normal(n_sentences, n_keys, 6),
            "lengths": torch.tensor(lengths),
            **{name: trial.normal(n_heads, 6, width, scale=0.7) for name in ("w_q", "w_k", "w_v")},
        }
        _looks_across(trial(**inputs), **inputs)

    # Large numbers in the filling: a mask that hides with a small number lets them through.
    loud = {
        "x": trial.normal(2, 3, 6),
        "source": trial.normal(2, 5, 6),
        "lengths": torch.tensor([2, 4]),
        **{name: trial.normal(2, 6, 4, scale=0.7) for name in ("w_q", "w_k", "w_v")},
    }
    loud["source"][0, 2:] = 1000 * trial.normal(3, 6)
    loud["source"][1, 4:] = 1000 * trial.normal(1, 6)
    trial(**loud).equals(
        _attend(**loud),
        "whatever stands in the filling makes no difference, however large it is",
        Mistake(
            "filling_matters",
            lambda got: got.shape == (2, 3, 8),
            "Large numbers in the filling change the outputs: what you put in place of their scores is not low enough, "
            "or it comes too late. Put `-torch.inf` there, before the softmax.",
        ),
    )
    eye = torch.eye(2)[None]
    example = {
        "x": torch.tensor([[[2.0, 0.0]]]),
        "source": torch.tensor([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]]),
        "lengths": torch.tensor([2]),
        "w_q": eye,
        "w_k": eye,
        "w_v": eye,
    }
    trial(**example).equals(_attend(**example), "the example of the exercise comes out")


def _attend(x: Tensor, source: Tensor, lengths: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
    real = torch.arange(source.shape[1]) < lengths[:, None]
    heads = [
        scaled_dot_product_attention(x @ q, source @ k, source @ v, attn_mask=real[:, None].expand(-1, x.shape[1], -1))
        for q, k, v in zip(w_q, w_k, w_v, strict=True)
    ]
    return torch.cat(heads, dim=-1)


def _looks_across(
    answer: Returned, x: Tensor, source: Tensor, lengths: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor
) -> None:
    q, k, v = x[:, None] @ w_q, source[:, None] @ w_k, source[:, None] @ w_v
    own_q, own_k, own_v = source[:, None] @ w_q, x[:, None] @ w_k, x[:, None] @ w_v
    n_sentences, n_heads, n_queries, width = q.shape
    n_keys = source.shape[1]
    square = n_queries == n_keys
    places = torch.arange(n_keys)
    real = (places < lengths[:, None])[:, None, None]
    everything = torch.ones_like(real)
    products = q @ k.mT
    scores = products / width**0.5

    def weights(scores: Tensor, mask: Tensor = real, dim: int = -1) -> Tensor:
        return scores.masked_fill(~mask, -torch.inf).softmax(dim)

    def side_by_side(heads: Tensor) -> Tensor:
        return heads.transpose(1, 2).flatten(2)

    def out(mask: Tensor) -> Tensor:
        return side_by_side(weights(scores, mask) @ v)

    heads = weights(scores) @ v
    right = side_by_side(heads)
    causal = places <= torch.arange(n_queries)[:, None]
    padded = bool((lengths < n_keys).any())
    masks = (real, everything)

    def either(*results: Callable[[Tensor], Tensor]) -> Callable[[Tensor], bool]:
        """Whether one of the results came back, with the filling hidden or not."""
        return lambda got: any(_like(got, result(mask)) for result in results for mask in masks)

    def softmax_along(dim: int) -> Callable[[Tensor], bool]:
        """Whether the softmax ran along another axis, where a hidden column is nan."""
        tables = [weights(scores, mask, dim) for mask in masks]
        return lambda got: any(
            _like(got, side_by_side(table @ v), equal_nan=True)
            for each in tables
            for table in (each, each.nan_to_num(0.0))
        )

    answer.equals(
        right,
        "each place of the target takes a mean of its source's values, weighted by softmax(q·k / √K) over real words",
        Mistake(
            "filling_seen",
            out(everything) if padded else None,
            "The filling is looked at like any word. What a sentence gives then depends on how long *others* are.",
        ),
        Mistake(
            "inverted",
            lambda got: (
                padded
                and _like(
                    got[lengths < n_keys], side_by_side(weights(scores, ~real) @ v)[lengths < n_keys], equal_nan=True
                )
            ),
            "The mask is inverted: only the filling is looked at.",
        ),
        Mistake(
            "mask_after_softmax",
            side_by_side((scores.softmax(-1) * real) @ v) if padded else None,
            "The mask came after the softmax, so the filling has taken its share, and the weights of a row no "
            "longer add "
            "up to 1.",
        ),
        Mistake(
            "zero_as_score",
            lambda got: (
                padded and any(_like(got, side_by_side(((scores * real).softmax(-1) * last) @ v)) for last in (1, real))
            ),
            "The filling scores 0, or was itself set to 0, and e⁰ is 1: a weight like any other. Its *scores* must be "
            "−inf.",
        ),
        Mistake(
            "one_filling_seen",
            out((places <= lengths[:, None])[:, None, None]) if padded else None,
            "One place of filling is looked at. Places count from 0, so the words are those with place < length.",
        ),
        Mistake(
            "last_word_hidden",
            lambda got: _like(
                got[lengths > 1], out((places < lengths[:, None] - 1)[:, None, None])[lengths > 1], equal_nan=True
            ),
            "The last word of each source is hidden with the filling. Words are the places below the length.",
        ),
        Mistake(
            "filling_on_the_left",
            out((places >= n_keys - lengths[:, None])[:, None, None]) if padded else None,
            "You hide the left end. Here the filling stands *behind* the words.",
        ),
        Mistake(
            "one_length_for_all",
            lambda got: any(
                _like(got, out((places < each).expand_as(real)))
                for each in (lengths[0], lengths.max(), lengths.min(), lengths[-1])
                if not torch.equal((places < each).expand_as(real), real)
            ),
            "All sentences are cut at the same length. Each has its own: compare the places with `lengths[:, None]`.",
        ),
        Mistake(
            "hides_queries",
            lambda got: (
                padded and square and _like(got[:, : int(lengths.min())], out(everything)[:, : int(lengths.min())])
            ),
            "The mask lies along the axis of the queries. It is *keys* that are filling: the last axis of the scores.",
        ),
        Mistake(
            "causal",
            lambda got: n_queries > 1 and any(_like(got, out(mask & causal)) for mask in masks),
            "It looks as if a causal mask hid later words. The source is complete before the first word is "
            "written, and "
            "all of it may be looked at.",
        ),
        Mistake(
            "looks_at_itself",
            lambda got: (
                square
                and any(
                    _like(got, side_by_side(weights(q @ own_k.mT / width**0.5, mask) @ own_v))
                    for mask in (real, everything, causal[None, None], causal & real)
                )
            ),
            "Keys and values were made of `x`, so the target looks at itself and never at the source.",
        ),
        Mistake(
            "roles_exchanged",
            lambda got: any(
                _like(got, side_by_side(own_weights @ own_v))
                for own_weights in (
                    (own_q @ own_k.mT / width**0.5).softmax(-1),
                    *((weights(own_q @ own_k.mT / width**0.5),) if square else ()),
                )
            ),
            "The source asks and the target answers. It is the other way round: queries are made of `x`, keys "
            "and values "
            "of `source`.",
        ),
        Mistake(
            "source_only",
            lambda got: any(_like(got, side_by_side(weights(own_q @ k.mT / width**0.5, mask) @ v)) for mask in masks),
            "Queries were made of the source as well, so the target has no say. They are made of `x`.",
        ),
        Mistake(
            "values_of_the_target",
            lambda got: square and any(_like(got, side_by_side(weights(scores, mask) @ own_v)) for mask in masks),
            "The values were made of `x`. The target asks; what it gets comes from the source.",
        ),
        Mistake(
            "keys_of_the_target",
            lambda got: (
                square and any(_like(got, side_by_side(weights(q @ own_k.mT / width**0.5, mask) @ v)) for mask in masks)
            ),
            "The keys were made of `x`. What is asked is the source: its words need the keys.",
        ),
        Mistake(
            "values_are_keys",
            either(lambda mask: side_by_side(weights(scores, mask) @ k)),
            "The mean is over the keys. Keys are for being found, values are handed over.",
        ),
        Mistake(
            "not_scaled",
            either(lambda mask: side_by_side(weights(products, mask) @ v)),
            "The scores were not divided by √K.",
        ),
        Mistake(
            "divided_by_width",
            either(lambda mask: side_by_side(weights(products / width, mask) @ v)),
            "The scores were divided by K. Divide by its root.",
        ),
        Mistake(
            "scaled_by_model_width",
            lambda got: any(
                _like(got, side_by_side(weights(products / each**0.5, mask) @ v))
                for each in {x.shape[-1], width * n_heads} - {width}
                for mask in masks
            ),
            "The scores were divided by the root of D, or of the width of all heads together. The products of one head "
            "run over K numbers: divide by √K.",
        ),
        Mistake(
            "softmax_over_queries",
            softmax_along(-2),
            "The softmax runs over the queries. Each *query* has one unit of weight to give: `dim=-1`.",
        ),
        Mistake(
            "softmax_over_heads",
            softmax_along(1),
            "The softmax runs over the heads. It belongs along the axis of the keys: `dim=-1`.",
        ),
        Mistake(
            "heads_not_transposed",
            lambda got: (
                n_heads > 1
                and any(_like(got, (weights(scores, mask) @ v).reshape(n_sentences, n_queries, -1)) for mask in masks)
            ),
            "The shape is right, and the numbers are in the wrong order: `reshape` reads all places of head 0 first. "
            "Move the axis of the heads next to K before: `.transpose(1, 2)`.",
        ),
        Mistake(
            "heads_interleaved",
            heads.permute(0, 2, 3, 1).flatten(2) if n_heads > 1 else None,
            "The heads' numbers alternate. Wanted are all K of head 0 first, then all of head 1.",
        ),
        *any_of(
            "heads_mixed_up",
            "The heads were added up or averaged. Each keeps its own K numbers: they stand side by side.",
            *((heads.sum(1), heads.mean(1)) if n_heads > 1 else ()),
        ),
        tensor_shows(
            "heads_apart",
            lambda got: got.ndim == 4 and got.shape in (heads.shape, heads.transpose(1, 2).shape),
            "The heads have an axis of their own. Lay them side by side: `.transpose(1, 2).flatten(2)`.",
        ),
        Mistake(
            "weights_not_output",
            lambda got: got.shape == (n_sentences, n_heads, n_queries, n_keys),
            "These have the shape of the weights. Multiply them by the values.",
        ),
        Mistake(
            "plain_mean",
            lambda got: any(
                _like(got, side_by_side(((mask / mask.sum(-1, keepdim=True)) @ v).expand_as(heads))) for mask in masks
            ),
            "That is the plain mean of the values, whatever the scores are.",
        ),
        tensor_shows(
            "nan",
            lambda got: got.isnan().any(),
            "There is nan in it. Is there a row in which everything is hidden? Every source has at least one word, and "
            "every query may look at it. Or was infinity multiplied by 0? `masked_fill` puts −inf where it belongs.",
        ),
    )


def _like(got: Any, wanted: Tensor, equal_nan: bool = False) -> bool:
    return (
        isinstance(got, Tensor)
        and got.shape == wanted.shape
        and got.numel() > 0
        and torch.allclose(got.double(), wanted.double(), 1e-4, 1e-4, equal_nan=equal_nan)
    )


# ── 11.3 ──


def _made_up(table: Tensor) -> Forecast:
    """A forecast that depends on every token so far, and on their order. Table [N V]."""

    def next_scores(tokens: Any) -> Tensor:
        row = 0
        for token in torch.as_tensor(tokens).flatten().tolist():
            row = (31 * row + int(token) + 1) % len(table)
        return table[row].clone()

    return next_scores


def _write(
    scores: Forecast,
    end: int,
    n_most: int,
    *,
    context: Callable[[int, list[int]], list[int]] = lambda end, words: [end, *words],
    choice: Callable[[Tensor], Tensor] = torch.argmax,
    stop: Callable[[int, int], bool] = lambda token, end: token == end,
    more: int = 0,
) -> list[int]:
    """Greedy writing, and with other settings what it is mistaken for."""
    words: list[int] = []
    while len(words) < n_most + more:
        token = int(choice(scores(context(end, words))))
        if stop(token, end):
            break
        words.append(token)
    return words


def _never(token: int, end: int) -> bool:
    return False


class _Limited:
    """A forecast that can be asked so many times and no more, against loops without an end."""

    def __init__(self, forecast: Forecast, most: int = 400) -> None:
        self.forecast, self.most, self.asked = forecast, most, 0
        self.__name__ = getattr(forecast, "__name__", "forecast")

    def __call__(self, tokens: Any) -> Tensor:
        self.asked += 1
        if self.asked > self.most:
            raise RuntimeError("the forecast was asked for far more often than `n_most` allows")
        return self.forecast(tokens)

    def __deepcopy__(self, memo: dict) -> "_Limited":
        return self


def _ask(trial: Trial, name: str, forecast: Forecast, says: str, **others: int) -> Returned:
    """Call the answer with a forecast that does not let it go on for ever."""
    limited = _Limited(forecast)
    try:
        return trial(**{name: limited, **others})
    except BrokenLaw as broken:
        if broken.mistake == "raises" and limited.asked > limited.most:
            raise BrokenLaw(
                "goes_on_for_ever",
                "Broken law: at most `n_most` words are written.",
                says,
                f"tried:  {trial.happening}",
            ) from broken
        raise


def _explains(
    answers: Sequence[Returned], cases: Sequence[tuple], *ways: Callable[..., list[int]]
) -> Callable[[object], bool]:
    """Whether one of the ways explains every answer, so that a chance agreement in one case names nothing."""

    def shown(got: object) -> bool:
        return any(
            all(
                (ids := as_numbers(answer.value)) is not None and ids.tolist() == way(*case)
                for answer, case in zip(answers, cases, strict=True)
            )
            for way in ways
        )

    return shown


def _no_list(answer: Returned) -> None:
    """Demand a list of tokens, or a tensor of them."""
    value = answer.value
    law = "what comes back is a list of tokens"
    flat = as_numbers(value)
    answer.requires(
        not (isinstance(value, tuple) and len(value) == 2 and flat is None)
        and not (isinstance(value, list | tuple) and any(isinstance(part, list | tuple) for part in value)),
        law,
        "more_than_the_words",
        "There is more in it than one list of words. Return the words alone.",
    )
    answer.requires(
        not isinstance(value, str) and flat is not None, law, "no_list", f"Yours is of type {type(value).__name__}."
    )
    answer.requires(
        flat is None or flat.ndim == 1,
        law,
        "no_list",
        f"Yours has {0 if flat is None else flat.ndim} axes, and a list has one.",
    )


def _example_scores(tokens: Any) -> Tensor:
    """The statement's example of 11.3: 4, then 6, then the end token, which is 2."""
    n = torch.as_tensor(tokens).numel()
    return torch.eye(7)[{1: 4, 2: 6}.get(n, 2)]


@exercise("11.3", title="Word after word", stars=2, minutes=15)
def greedy(trial: Trial) -> None:
    table = trial.normal(61, 6)
    made_up, silent = _made_up(table), table.clone()
    silent[:, 4] = -9.0
    endless = _made_up(silent)
    cases = [
        (_example_scores, 2, 10),
        (_example_scores, 2, 1),
        (_example_scores, 2, 2),
        *((made_up, end, 12) for end in range(6)),
        *((made_up, end, 3) for end in range(6)),
        (endless, 4, 6),
        (_made_up(-silent.abs()), 4, 5),
        (_made_up(torch.eye(6)[[3]]), 3, 7),
    ]
    says = "Your loop did not end where the end token never comes. Count the words, and stop at `n_most`."
    answers = [_ask(trial, "next_scores", forecast, says, end=end, n_most=n_most) for forecast, end, n_most in cases]
    explains = partial(_explains, answers, cases)

    def cut(words: list[int], end: int) -> list[int]:
        return words[: words.index(end)] if end in words else words

    def with_end(scores: Forecast, end: int, n: int) -> list[int]:
        words = _write(scores, end, n + 1)
        return [*words[:n], end] if len(words) <= n else words[:n]

    def with_end_if_room(scores: Forecast, end: int, n: int) -> list[int]:
        words = _write(scores, end, n, stop=_never)
        return words[: words.index(end) + 1] if end in words else words

    for answer, case in zip(answers, cases, strict=True):
        _no_list(answer)
        right, end = _write(*case), case[1]
        answer.equals(
            right,
            "each word is the one with the highest score after all before it, until the end token or `n_most` words",
            Mistake(
                "end_included",
                explains(with_end, with_end_if_room, lambda *case: [*_write(*case), case[1]]),
                "The end token is in it. It ends the translation and is no word of it.",
            ),
            Mistake(
                "beginning_included",
                explains(
                    lambda *case: [case[1], *_write(*case)],
                    lambda *case: [case[1], *_write(case[0], case[1], case[2], more=-1)],
                    lambda *case: [case[1], *with_end_if_room(*case)],
                    lambda *case: [case[1], *with_end(*case)],
                    lambda *case: [case[1], *_write(*case), case[1]],
                ),
                'The end token that the list begins with is in it. It means "begin", and is no word.',
            ),
            Mistake(
                "never_begins",
                explains(lambda *case: []),
                "Nothing was written, in no case. Does your loop stop as soon as the end token is in the "
                "list? The list "
                "*begins* with it.",
            ),
            Mistake(
                "goes_on_after_the_end",
                explains(partial(_write, stop=_never), partial(_write, stop=_never, more=1)),
                "It goes on after the end token. Stop there.",
            ),
            Mistake(
                "end_skipped",
                explains(
                    lambda scores, end, n: [each for each in _write(scores, end, n, stop=_never) if each != end],
                ),
                "End tokens were taken out, and what came after them was kept. Nothing is written after the first.",
            ),
            Mistake(
                "stops_too_early",
                explains(partial(_write, more=-1)),
                "It writes at most n_most − 1 words. Neither the end token at the beginning nor the one at the end "
                "counts as a word. If you cut off the last token: is it always an end token?",
            ),
            Mistake(
                "last_word_lost",
                explains(lambda *case: _write(*case)[:-1]),
                "The last word is cut off. Only an end token has to go, and it is not always there.",
            ),
            Mistake(
                "one_too_many",
                explains(partial(_write, more=1)),
                "It writes up to n_most + 1 words.",
            ),
            Mistake(
                "always_asks_the_same",
                explains(partial(_write, context=lambda end, words: [end])),
                "The scores are always those of the beginning. Ask for the scores after all words so far.",
            ),
            Mistake(
                "only_the_last_token",
                explains(partial(_write, context=lambda end, words: [end, *words][-1:])),
                "The scores know the last token only. Hand `next_scores` the whole list so far.",
            ),
            Mistake(
                "beginning_forgotten",
                explains(
                    partial(_write, context=lambda end, words: words),
                    partial(_write, context=lambda end, words: words or [end]),
                ),
                'The list that is asked about does not begin with `end` every time. It means "begin", and the model '
                "was trained with it.",
            ),
            Mistake(
                "order_reversed",
                explains(partial(_write, context=lambda end, words: [*words[::-1], end])),
                "The list that is asked about runs backwards: new words belong at its end.",
            ),
            Mistake(
                "end_is_zero",
                explains(partial(_write, stop=lambda token, end: token == 0)),
                "It stops at token 0. The end token is the number that is handed over as `end`.",
            ),
            Mistake(
                "least_likely",
                explains(partial(_write, choice=torch.argmin)),
                "It takes the token with the *lowest* score.",
            ),
            Mistake(
                "absolute_value",
                explains(partial(_write, choice=lambda scores: scores.abs().argmax())),
                "It takes the score that is farthest from 0. Scores may be negative; the largest is wanted.",
            ),
            Mistake(
                "not_whole",
                lambda got: any(float(each) != int(each) for each in got),
                "These are no numbers of tokens. Are they scores? `argmax` tells *where* the highest stands.",
            ),
            Mistake(
                "reading_past_the_end",
                lambda got, right=right, end=end: cut([int(each) for each in got], end) == right,
                "It is right up to the first end token, and there it should stop.",
            ),
        )


# ── 11.4 ──


@exercise("11.4", title="Does it look where it should?", stars=2, minutes=20)
def alignment(trial: Trial) -> None:
    example = torch.tensor([[[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.1, 0.4, 0.5], [0.1, 0.1, 0.8]]])
    cases: list[tuple[list[Tensor], list[list[int | None]]]] = []

    def rendered(n_words: int, n_source: int) -> list[int | None]:
        places = trial.integers(n_source + 2, n_words).tolist()
        return [place if place < n_source else None for place in places]

    drawn_at_random: list[tuple[int, list[list[int | None]], list[int]]] = [
        (3, [rendered(43, 9), rendered(11, 6), [None, 0, 3]], [9, 6, 4]),
        (4, [rendered(17, 7), rendered(31, 8)], [7, 8]),
        (1, [[0, 3, 1, None, 2]], [5]),
        (2, [[None, None], [1, 0, 3, 2]], [4, 6]),
    ]
    for n_heads, renders, n_source in drawn_at_random:
        maps: list[Tensor] = []
        for places, width in zip(renders, n_source, strict=True):
            drawn = trial.normal(n_heads, len(places) + 1, width)
            for t, place in enumerate(places):
                if place is not None and t % 3 != 1:
                    drawn[:, t, place] += 1.2
            maps.append((1.5 * drawn).softmax(-1))
        cases.append((maps, renders))
    cases.append(([example], [[0, 2, 1]]))
    for weights, places_of in cases:
        _aligns(trial(maps=weights, renders=places_of), weights, places_of)


def _share(
    maps: list[Tensor], renders: list[list[int | None]], most: Callable[[Tensor], Tensor], row: int = 0
) -> float:
    pairs = [
        (int(most(each)[t + row]), place)
        for each, places in zip(maps, renders, strict=True)
        for t, place in enumerate(places)
        if place is not None
    ]
    return sum(looked == place for looked, place in pairs) / len(pairs)


def _aligns(answer: Returned, maps: list[Tensor], renders: list[list[int | None]]) -> None:
    def most(weights: Tensor) -> Tensor:
        return weights.mean(0).argmax(-1)

    right = _share(maps, renders, most)
    n_words = sum(map(len, renders))
    n_rendered = sum(place is not None for places in renders for place in places)
    n_none = n_words - n_rendered
    heads = range(maps[0].shape[0])
    several = len(heads) > 1
    each_head = [_share(maps, renders, lambda weights, head=head: weights[head].argmax(-1)) for head in heads]  # type: ignore[misc]
    some = [
        (weights, places)
        for weights, places in zip(maps, renders, strict=True)
        if any(place is not None for place in places)
    ]
    without_zero = [[place or None for place in places] for places in renders]
    weight = sum(
        float(weights.mean(0)[t, place])
        for weights, places in zip(maps, renders, strict=True)
        for t, place in enumerate(places)
        if place is not None
    )
    any_head = sum(
        place in weights[:, t].argmax(-1).tolist()
        for weights, places in zip(maps, renders, strict=True)
        for t, place in enumerate(places)
        if place is not None
    )
    answer.equals(
        right,
        "the share of hits among all words that render one, by the mean over the heads",
        Mistake(
            "first_place_left_out",
            _share(maps, without_zero, most),
            "Words that render place 0 were left out. `if place` is false for 0: ask `is not None`.",
        ),
        Mistake(
            "none_counted",
            right * n_rendered / n_words if n_none else None,
            "Words that render nothing were counted as misses. They are not counted at all.",
        ),
        Mistake(
            "none_is_a_hit",
            (right * n_rendered + n_none) / n_words if n_none else None,
            "Words that render nothing were counted as hits. They are not counted at all.",
        ),
        Mistake(
            "end_counted",
            lambda got: any(
                abs(float(got) - right * n_rendered / (n + len(maps))) < 1e-4 for n in (n_rendered, n_words)
            ),
            "The row at which the end is forecast was counted. It renders nothing.",
        ),
        Mistake(
            "row_too_far",
            _share(maps, renders, most, row=1),
            "It is one row too far: you look where the word has been *read* already. Row t belongs to the forecast of "
            "word t.",
        ),
        Mistake(
            "mean_of_sentences",
            sum(_share([weights], [places], most) for weights, places in some) / len(some),
            "That is the mean of each sentence's share. All words are to be counted together.",
        ),
        *any_of(
            "one_head",
            "That is the share of one head. Take the mean over all heads first.",
            *((each_head[0], each_head[-1]) if several else ()),
        ),
        *any_of(
            "heads_apart",
            "Each head was judged by itself. Take the mean of the weights over the heads first, then the largest.",
            *((sum(each_head) / len(each_head), max(each_head)) if several else ()),
        ),
        Mistake(
            "loudest_head",
            _share(maps, renders, lambda weights: weights.amax(0).argmax(-1)) if several else None,
            "You took the largest weight of any head. Take the mean over the heads, then the largest.",
        ),
        Mistake(
            "row_too_early",
            _share(maps, renders, lambda weights: most(weights).roll(1)),
            "It is one row too early: row 0 belongs to the forecast of word 0.",
        ),
        Mistake(
            "any_head",
            any_head / n_rendered if several else None,
            "A word counts as soon as *one* head looks at the right place. Take the mean over the heads first.",
        ),
        Mistake(
            "hits_not_share", right * n_rendered, "That is how many hits there are. Divide by the number of words."
        ),
        Mistake("percent", 100 * right, "These are per cent. Wanted is a share, from 0 to 1."),
        Mistake("misses", 1 - right, "That is the share of misses."),
        Mistake(
            "mean_weight",
            weight / n_rendered,
            "That is the mean weight of the right place. Wanted is how often the right place has the *largest*.",
        ),
        Mistake(
            "looks_least",
            _share(maps, renders, lambda weights: weights.mean(0).argmin(-1)),
            "You took the smallest weight.",
        ),
    )


# ── 11.5 ──


def _example_beams(tokens: Any) -> Tensor:
    last = [0, *torch.as_tensor(tokens, dtype=torch.long).flatten().tolist()][-1]
    return torch.tensor([[0.1, 0.5, 0.4], [0.1, 0.5, 0.4], [0.9, 0.05, 0.05]])[last].log()


def _overtaken(tokens: Any) -> Tensor:
    """An ended beam is pushed out by two others, which then fall behind it."""
    n = torch.as_tensor(tokens).numel()
    return torch.tensor([[0.15, 0.8, 0.03, 0.02], [0.01, 0.5, 0.48, 0.01], [0.2, 0.3, 0.24, 0.26]])[n % 3 - 1].log()


def _search(
    forecast: Forecast,
    end: int,
    n_most: int,
    width: int,
    *,
    ended: str = "stay",
    rank: Callable[[float, float], float] = lambda so_far, log_prob: so_far + log_prob,
    best: Callable[[float, int], float] = lambda score, n: score,
    largest: bool = True,
    context: Callable[[int, list[int]], list[int]] = lambda end, tokens: [end, *tokens],
    only_ended: bool = False,
    one_child: bool = False,
) -> list[int]:
    """Beam search, and with other settings what it is mistaken for."""
    beams: list[tuple[float, list[int]]] = [(0.0, [])]
    aside: list[tuple[float, list[int]]] = []
    for _ in range(n_most):
        grown = []
        for score, tokens in beams:
            if end in tokens and ended != "go on":
                if ended == "stay":
                    grown.append((score, tokens))
                if ended == "pay":
                    grown.append((rank(score, float(forecast(context(end, tokens))[end])), tokens))
                continue
            log_probs = forecast(context(end, tokens)).tolist()
            children = [(rank(score, log_prob), [*tokens, token]) for token, log_prob in enumerate(log_probs)]
            grown += [max(children)] if one_child and tokens else children
        if not grown:
            break
        grown = sorted(grown, key=lambda beam: beam[0], reverse=largest)
        beams = grown[:width]
        if ended == "aside":
            aside += [beam for beam in beams if end in beam[1]]
            beams = [beam for beam in grown if end not in beam[1]][:width]
        if ended == "first" and any(end in tokens for _, tokens in beams):
            beams = [beam for beam in beams if end in beam[1]]
            break
    beams = beams + aside
    if only_ended:
        beams = [beam for beam in beams if end in beam[1]] or beams
    tokens = sorted(beams, key=lambda beam: best(beam[0], len(beam[1])), reverse=largest)[0][1]
    return tokens[: tokens.index(end)] if end in tokens else tokens


@exercise("11.5", title="Several beginnings in mind", stars=3, minutes=30)
def beam_search(trial: Trial) -> None:
    made_up = _made_up(trial.normal(61, 5, scale=1.4).log_softmax(-1))
    cases = [
        (_example_beams, 0, 3, 2),
        (_example_beams, 0, 3, 1),
        *(
            (made_up, end, n_most, width)
            for end in range(5)
            for n_most, width in ((5, 2), (6, 3), (4, 1), (2, 4), (9, 4), (7, 2), (8, 6))
        ),
        (made_up, 1, 3, 125),
        (_overtaken, 0, 3, 2),
    ]
    says = (
        "That is far more than the search needs. Do only `width` beams stay after each step, and does it stop after "
        "`n_most` steps?"
    )
    answers = [
        _ask(trial, "next_log_probs", forecast, says, end=end, n_most=n_most, width=width)
        for forecast, end, n_most, width in cases
    ]
    explains = partial(_explains, answers, cases)
    for answer, case in zip(answers, cases, strict=True):
        _no_list(answer)
        right = _search(*case)
        answer.equals(
            right,
            "after each step the `width` likeliest of all beams stay, those that have ended among them",
            Mistake(
                "beginning_included",
                lambda got, right=right, end=case[1]: (
                    [int(each) for each in got][:1] == [end]
                    and [int(each) for each in got if int(each) != end] == right
                ),
                "The end token that the list begins with is in it. It is no word.",
            ),
            Mistake(
                "end_included",
                lambda got, right=right, end=case[1]: [int(each) for each in got] == [*right, end],
                "The end token is in it. It ends the translation and is no word of it.",
            ),
            Mistake(
                "greedy",
                explains(lambda forecast, end, n, width: _search(forecast, end, n, 1)),
                "It is greedy writing, whatever the width. Is only one beam extended, or are all beams the same?",
            ),
            Mistake(
                "one_child_each",
                explains(partial(_search, one_child=True)),
                "Each beam keeps its own best child. The cut is over all extensions together: one beam may deserve two "
                "places and another none.",
            ),
            Mistake(
                "ended_beams_go_on",
                explains(partial(_search, ended="go on")),
                "Beams that have ended are extended further, and lose probability with each token after their "
                "end. They "
                "stay as they are.",
            ),
            Mistake(
                "ended_beams_dropped",
                explains(partial(_search, ended="drop")),
                "A beam that has ended is not there in the next step. It must be a candidate again, unchanged.",
            ),
            Mistake(
                "stops_at_the_first_end",
                explains(partial(_search, ended="first")),
                "The search stops as soon as one beam has ended. Another may still be ahead of it: go on.",
            ),
            Mistake(
                "ended_set_aside",
                explains(partial(_search, ended="aside")),
                "Ended beams were set aside, where nothing can push them out. Here they stay in the beam and compete "
                "for its `width` places.",
            ),
            Mistake(
                "end_paid_again",
                explains(partial(_search, ended="pay")),
                "A beam that has ended loses probability in each further step. It keeps what it has.",
            ),
            Mistake(
                "divided_by_length",
                explains(partial(_search, best=lambda score, n: score / n)),
                "Log-probabilities were divided by lengths. Here they are compared as they are.",
            ),
            Mistake(
                "only_ended_win",
                explains(partial(_search, only_ended=True)),
                "A beam that has ended is preferred to one that has not. At the limit all compete alike.",
            ),
            Mistake(
                "forgets_the_earlier_score",
                explains(partial(_search, rank=lambda so_far, log_prob: log_prob)),
                "Beams are ranked by their newest token alone. Carry the sum of the log-probabilities along.",
            ),
            Mistake(
                "adds_probabilities",
                explains(partial(_search, rank=lambda so_far, log_prob: so_far + math.exp(log_prob))),
                "Probabilities were added. They multiply; it is their logarithms that add up.",
            ),
            Mistake(
                "least_likely",
                explains(partial(_search, largest=False)),
                "It looks for the *least* probable translation. Is the sort turned round?",
            ),
            Mistake(
                "beginning_forgotten",
                explains(partial(_search, context=lambda end, tokens: tokens)),
                "The list that is asked about does not begin with `end`.",
            ),
        )


# ── 11.6 ──


@exercise("11.6", title="Four programs with a mistake", stars=2, minutes=20)
def predictions(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=1e-5, reveal=False)

    expect(
        "cross_scores",
        42,
        "each token that the decoder reads scores each word of the source",
        Mistake(
            "end_token_forgotten",
            35,
            "You counted the words that are written. How many tokens does the decoder *read*?",
        ),
        Mistake("self_attention", 36, "That is the decoder's attention to itself, without its mask."),
        Mistake(
            "masked_self_attention", 21, "That is the decoder's attention to itself. Who answers in cross-attention?"
        ),
        Mistake("encoder_attention", 49, "That is the encoder's attention to itself. Who asks in cross-attention?"),
        Mistake("both_together", lambda got: got in (169, 144), "Source and target do not stand in one row here."),
        Mistake(
            "added",
            lambda got: got in (13, 12),
            "Tokens of both sides were added. Every one of one side meets every one of the other.",
        ),
    )
    expect(
        "decoder_runs",
        6,
        "each forecast of a text that is being written needs the one before",
        Mistake("end_not_asked", 5, "How does the program learn that the translation is complete?"),
        Mistake("as_in_training", 1, "In training one run is enough, since the words are known. Here they are not."),
        Mistake("one_run_too_many", 7, "After the end token was forecast, is anything still asked?"),
    )
    expect(
        "encoder_runs",
        1,
        "what the encoder makes of the source does not depend on the target",
        Mistake(
            "source_read_each_time",
            lambda got: got in (5, 6),
            "Does anything that the encoder computes change from word to word?",
        ),
        Mistake("word_by_word", 7, "The encoder reads all words of the source at once."),
        Mistake("never_read", 0, "Somebody has to read the source."),
    )
    expect(
        "target_changed",
        3,
        "a forecast depends on what the decoder reads at its own place and before",
        Mistake("no_causal_mask", 6, "Some of the places stand before it, and a mask hides it from them."),
        Mistake("itself_left_out", 2, "You left out one. Which places are allowed to look at place 3?"),
        Mistake("counted_from_one", 4, "One too many. Places count from 0, and the last is 5."),
        Mistake("only_its_own", 1, "Later places look at it as well."),
    )
    expect(
        "source_changed",
        6,
        "every place of the target may look at every word of the source",
        Mistake(
            "causal_cross_attention", lambda got: got in (2, 3, 4), "Is there a causal mask between target and source?"
        ),
        Mistake("one_word_one_forecast", 1, "Which places of the target are allowed to look at a source word?"),
        Mistake("end_left_out", 5, "One of the forecasts is missing. Is that of the end made without the source?"),
        Mistake("source_counted", 7, "There are not so many forecasts."),
    )
    for name, letter in PROGRAMS.items():
        entry = said.entry(name)
        law = f"{name!r} behaves as its program must"
        given = entry.value.strip().upper() if isinstance(entry.value, str) else ""
        entry.requires(
            given in PROGRAMS.values(),
            law,
            "no_letter",
            f"Under {name!r} there should be a letter from A to E, as text.",
        )
        entry.requires(given == letter, law, f"{name}_mistaken", CLUES[name])


PROGRAMS = {"right": "B", "not_shifted": "A", "not_causal": "C", "filling_seen": "D", "no_cross": "E"}
"""Which program of 11.6 is which."""

CLUES = {
    "right": "A program without a mistake hides the future and the filling, and it needs the right source.",
    "not_shifted": "If the answer stands where it is asked for, is the source needed? And does the causal "
    "mask still work?",
    "not_causal": "Which forecasts see an exchanged token if nothing hides the future?",
    "filling_seen": "If the filling is not hidden, what happens when there is more of it?",
    "no_cross": "A decoder that never sees the source: can it matter to its loss which one it is given?",
}
