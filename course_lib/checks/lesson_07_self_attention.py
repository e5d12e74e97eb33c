"""What right answers of lesson 07 obey, and what wrong ones look like.

Shape letters: B texts, T tokens that ask (queries), S tokens that are asked (keys), D model width, K width of a head.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from course_lib.checks.registry import exercise
from course_lib.checks.trial import BrokenLaw, Mistake, Returned, Trial


@exercise("07.1", title="How well does a key fit a query?", stars=1, minutes=10)
def scores(trial: Trial) -> None:
    example = {"q": torch.ones(1, 4), "k": torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 2.0]])}
    _agrees_with_scores(trial(**example), **example)

    matrices = {"q": trial.normal(3, 8), "k": trial.normal(5, 8)}
    _agrees_with_scores(trial(**matrices), **matrices)

    for leading in ((2,), (2, 6)):
        batch = {"q": trial.normal(*leading, 3, 8), "k": trial.normal(*leading, 5, 8)}
        answer = _on_further_axes(
            trial,
            "in front of T and K may stand any number of further axes",
            "Two matrices it can do, and here it stops. `.T`, `transpose(0, 1)` and einsum without `...` count axes "
            "from the left; the two that matter are the last ones: `k.transpose(-2, -1)`.",
            batch,
        )
        _agrees_with_scores(answer, **batch)


def _agrees_with_scores(answer: Returned, q: Tensor, k: Tensor) -> None:
    products = q @ k.transpose(-2, -1)
    *leading, n_queries, width = q.shape
    n_keys = k.shape[-2]
    right = products / width**0.5
    places = torch.arange(n_keys) <= torch.arange(n_queries)[:, None]
    answer.equals(
        right,
        "the score of query t and key s is q[t]·k[s] / √K",
        Mistake("not_scaled", products, "These are the dot products themselves. Divide by √K."),
        Mistake(
            "divided_by_width",
            products / width,
            "Divided by K. The spread of a dot product grows like the *root* of the width, so divide by √K.",
        ),
        Mistake("multiplied", products * width**0.5, "Multiplied by √K. Wide vectors have large products: divide."),
        Mistake(
            "power_before_division",
            lambda got: any(_like(got, products / factor) for factor in (width * 2, width / 2)),
            "`K ** 1/2` is K / 2, because powers come before division. Write `K ** 0.5` or `math.sqrt(K)`.",
        ),
        Mistake("whole_division", right.floor(), "`//` rounds down to a whole number. Divide with `/`."),
        Mistake(
            "reshaped",
            q @ k.reshape(*leading, width, n_keys) / width**0.5,
            "The keys were reshaped to (K, S), which keeps their numbers in a row and deals them out anew. Turn them "
            "on their side instead: `k.transpose(-2, -1)`.",
        ),
        Mistake(
            "scaled_by_keys",
            products / n_keys**0.5,
            "Divided by √S, the root of how many keys there are. What makes the products large is how many numbers are "
            "added in one of them: K, the last axis.",
        ),
        Mistake(
            "scaled_by_queries",
            products / n_queries**0.5,
            "Divided by √T, the root of how many queries there are. Is the axis counted from the left? K is "
            "`q.shape[-1]`.",
        ),
        *(
            Mistake(
                "scaled_by_leading_axis",
                products / n**0.5,
                "Divided by the root of a leading axis. Count axes from the right: K is `q.shape[-1]`.",
            )
            for n in leading
        ),
        Mistake(
            "transposed",
            right.transpose(-2, -1),
            "The numbers are right and lie on their side: you have a row for each key. Wanted is a row for each query, "
            "so q stands on the left.",
        ),
        Mistake(
            "softmax_already",
            lambda got: any(_like(got, right.softmax(axis)) for axis in (-1, -2)),
            "The softmax was taken already. Scores come before it, and may be any numbers.",
        ),
        Mistake(
            "masked",
            lambda got: bool(got.isinf().any()) and _like(got[..., places], right[..., places]),
            "Some scores were hidden by a mask. Here every query is scored against every key; the mask is the next "
            "exercise.",
        ),
        Mistake(
            "cosine",
            lambda got: any(
                _like(got, products / (q.norm(dim=-1)[..., :, None] * k.norm(dim=-1)[..., None, :]) / factor)
                for factor in (1, width**0.5)
            ),
            "The vectors were brought to length 1 first, so these are cosines. In a dot product, long vectors speak "
            "louder.",
        ),
    )


@exercise("07.2", title="Who may look at whom", stars=2, minutes=10)
def causal_mask(trial: Trial) -> None:
    for n_queries, n_keys in ((4, 4), (2, 4), (3, 7), (1, 5), (1, 1)):
        answer = trial(n_queries=n_queries, n_keys=n_keys)
        earlier = n_keys - n_queries
        law = "a query may look at its own position and before" + (
            f", and the {n_queries} queries are the last of {n_keys} positions" if earlier else ""
        )
        _is_boolean(answer)
        everything = torch.ones(n_queries, n_keys, dtype=torch.bool)
        right = everything.tril(earlier)
        answer.equals(
            right,
            law,
            *_mask_mistakes(right, everything.triu(earlier), everything.tril(earlier - 1)),
            Mistake(
                "queries_come_first",
                everything.tril(),
                f"You let the queries be the first {n_queries} positions. They are the last, so query 0 stands at "
                f"position {earlier} and may look at {earlier + 1} keys.",
            ),
            Mistake(
                "offset_backwards",
                everything.tril(-earlier),
                "The diagonal was moved the wrong way: those who come later may see more, not less.",
            ),
            Mistake(
                "sees_one_ahead",
                everything.tril(earlier + 1),
                "Every query sees one token too many: the next one. That is the very word it is to predict.",
            ),
            Mistake(
                "last_see_all",
                everything,
                "Every query sees everything. The mask is to hide what stands after a query.",
            ),
            Mistake("nothing_allowed", ~everything, "Nobody may look at anything."),
            Mistake(
                "only_itself",
                everything.tril(earlier) & everything.triu(earlier),
                "Each query sees nothing but its own position. It may also look at everything before.",
            ),
            Mistake(
                "axes_swapped",
                lambda got, shape=(n_keys, n_queries): got.shape == shape != shape[::-1],
                "You have a row for each key. Wanted is a row for each query.",
            ),
            Mistake(
                "row_for_every_position",
                lambda got, n=n_keys, other=n_queries: got.shape == (n, n) != (other, n),
                f"There is a row for each of the {n_keys} positions. Only the last {n_queries} of them ask: one row "
                "each.",
            ),
            Mistake(
                "earlier_keys_left_out",
                lambda got, n=n_queries, other=n_keys: got.shape == (n, n) != (n, other),
                f"There is a column for each query only. There are {n_keys} keys, and all of them need one.",
            ),
        )


def _mask_mistakes(right: Tensor, upside_down: Tensor, strict: Tensor) -> list[Mistake]:
    return [
        Mistake(
            "inverted",
            ~right,
            "It is inverted: True where looking is *forbidden*. Some libraries write masks that way; here True means "
            "allowed.",
        ),
        Mistake(
            "upside_down",
            upside_down,
            "It is upside down: each query sees its own position and what comes *after*. The triangle that is wanted "
            "is the lower one.",
        ),
        Mistake(
            "excludes_itself",
            strict,
            "No query sees its own position, and it may. (The word to be predicted is the next one, so nothing leaks.)",
        ),
    ]


def _is_boolean(answer: Returned) -> None:
    """Demand that a mask which is a tensor is one of True and False."""
    value = answer.value
    law = "a mask is made of True and False, with True where a query may look"
    answer.requires(
        not (isinstance(value, Tensor) and value.is_floating_point() and bool(value.isinf().any())),
        law,
        "additive",
        "Yours holds −inf: it is meant to be added to scores. Wanted is the mask itself.",
    )
    answer.requires(
        not (isinstance(value, Tensor) and value.dtype != torch.bool),
        law,
        "numbers_not_bool",
        "Yours is made of numbers. Make it with `dtype=torch.bool`, or by a comparison.",
    )


@exercise("07.3", title="A softmax among those allowed", stars=2, minutes=15)
def masked_softmax(trial: Trial) -> None:
    # No row and no column is empty, neither in the mask nor in its opposite.
    mask = torch.tensor([[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1]], dtype=torch.bool)
    for leading in ((), (2,), (2, 5)):
        whole = {"scores": trial.normal(*leading, 3, 4), "mask": mask.expand(*leading, 3, 4).clone()}
        _agrees_with_masked_softmax(trial(**whole), **whole)
    everything = {"scores": trial.normal(3, 4), "mask": torch.ones(3, 4, dtype=torch.bool)}
    _agrees_with_masked_softmax(trial(**everything), **everything)
    example = {"scores": torch.tensor([[0.0, math.log(3), 5.0]]), "mask": torch.tensor([[True, True, False]])}
    _agrees_with_masked_softmax(trial(**example), **example)
    law = "one mask may serve for all leading axes of the scores"
    for shape in ((3, 4), (1, 3, 4), (2, 1, 3, 4)):
        shared = {"scores": trial.normal(2, 5, 3, 4), "mask": mask.expand(shape).clone()}
        answer = _on_further_axes(
            trial,
            law,
            "It works as long as the mask has the shape of the scores, and here it stops. Indexing with a mask wants "
            "equal shapes; `masked_fill` and `torch.where` stretch the mask along the missing axes.",
            shared,
            mistake="mask_not_stretched",
        )
        _agrees_with_masked_softmax(answer, **shared)

    large = {
        "scores": torch.tensor([[1000.0, 999.0, 0.0], [2.0, 1.0, 0.0]]),
        "mask": torch.ones(2, 3, dtype=torch.bool),
    }
    trial(**large).equals(
        large["scores"].softmax(-1),
        "large scores are scores like any others",
        Mistake(
            "one_max_for_all_rows",
            lambda got: bool(got[0].isfinite().all() and not _like(got[1], large["scores"][1].softmax(-1))),
            "The second row breaks because of the first: you take the largest score of the whole tensor off it. Take "
            "each row's own, or leave it to torch's softmax.",
        ),
        Mistake(
            "overflows",
            lambda got: not got.isfinite().all(),
            "exp(1000) is infinite. torch's own `softmax` takes the largest score of each row off first (01.1).",
        ),
    )
    law = "what stands at a forbidden place makes no difference, however large it is"
    hidden_large = {"scores": torch.tensor([[1000.0, 0.0, 1.0]]), "mask": torch.tensor([[False, True, True]])}
    answer = trial(**hidden_large)
    answer.equals(
        _masked_softmax(**hidden_large),
        law,
        Mistake(
            "fill_not_low_enough",
            lambda got: got[0, 0] > 1e-3,
            "The forbidden place has some weight again: what you take off its score is not enough. No finite number is "
            "enough for every score; `-torch.inf` is.",
        ),
        Mistake(
            "forbidden_scores_matter",
            lambda got: got.shape == (1, 3),
            "A forbidden score of 1000 spoils the row: before it is cut out, it makes all others vanish, and nothing "
            "is left to divide by. Hide first, exponentials after.",
        ),
    )
    low = {"scores": torch.tensor([[-30000.0, -30001.0, 0.0]]), "mask": torch.tensor([[True, True, False]])}
    trial(**low).equals(
        _masked_softmax(**low),
        "scores may be very negative, and are allowed all the same",
        Mistake(
            "fill_not_low_enough",
            lambda got: got[0, 2] > 0 or got[0].sum() < 0.5,
            "Here the allowed scores are lower than what you put at the forbidden place. No finite number is low "
            "enough for every score; `-torch.inf` is.",
        ),
        Mistake(
            "forbidden_scores_matter",
            lambda got: not got.isfinite().all(),
            "The forbidden score is far larger than the others and makes them vanish. Hide first, exponentials after.",
        ),
    )

    empty = {"scores": trial.normal(2, 3, 4), "mask": mask.expand(2, 3, 4).clone()}
    empty["mask"][0, 1] = empty["mask"][1, 2] = False
    law = "a row in which nothing is allowed is all zeros"
    nothing = ~empty["mask"].any(-1)
    trial(**empty).equals(
        _masked_softmax(**empty),
        law,
        Mistake(
            "nan_on_empty_rows",
            lambda got: bool(got[nothing].isnan().all() and got[~nothing].isfinite().all()),
            "It is nan there: softmax divides by the sum of the exponentials, and that sum is 0. The zeros have to "
            "be put there afterwards.",
        ),
        Mistake(
            "uniform_on_empty_rows",
            lambda got: _like(got[nothing], torch.full((2, 4), 0.25)),
            "The row is spread evenly over everything that is forbidden. That is what a large finite number in place "
            "of −inf does: if all scores are equally low, none is low.",
        ),
        Mistake(
            "as_if_all_allowed",
            lambda got: _like(got[nothing], empty["scores"].softmax(-1)[nothing]),
            "There the mask is set aside, and the row looks at what is forbidden.",
        ),
        Mistake(
            "empty_rows_spread",
            lambda got: not _like(got[~nothing], _masked_softmax(**empty)[~nothing]),
            "Because one row is empty, rows that have something to look at come out differently.",
        ),
    )

    learning = {"scores": empty["scores"].clone().requires_grad_(), "mask": empty["mask"]}
    answer = trial(**learning)
    law = "the weights can be differentiated, and no gradient is nan"
    answer.requires(
        getattr(answer.value, "requires_grad", False),
        law,
        "no_gradient",
        "Yours have lost their connection to the scores: was it a `.detach()`, an `.item()`, a new "
        "`torch.tensor(...)`?",
    )
    try:
        (gradient,) = torch.autograd.grad(
            answer.value.square().sum(), answer.inputs["scores"], allow_unused=True, materialize_grads=True
        )
    except RuntimeError as error:
        answer.requires(
            False,
            law,
            "overwrites_what_backward_needs",
            "`backward()` fails on yours. Were weights overwritten in place (`weights[...] = 0`, `masked_fill_`)? "
            f"Softmax needs them again on the way back: make a new tensor. It said: {str(error).splitlines()[0][:120]}",
        )
    answer.requires(
        bool(gradient.isfinite().all()),
        law,
        "nan_in_gradient",
        "The weights are right, and the gradient of an empty row is nan, which reaches every parameter before it. "
        "`masked_fill` lets no gradient through where it fills; adding −inf does.",
    )


def _masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    return scores.masked_fill(~mask, -torch.inf).softmax(-1).masked_fill(~mask, 0)


def _agrees_with_masked_softmax(answer: Returned, scores: Tensor, mask: Tensor) -> None:
    mask = mask.expand(scores.shape)
    hidden = scores.masked_fill(~mask, -torch.inf)
    right = hidden.softmax(-1)
    cut = scores.softmax(-1) * mask
    law = "allowed places share the whole weight as a softmax does, forbidden ones get 0"
    answer.equals(
        right,
        law,
        Mistake("mask_ignored", scores.softmax(-1), "That is the softmax over everything, allowed or not."),
        Mistake(
            "mask_after_softmax",
            cut,
            "The mask came after the softmax. The forbidden places have taken their share already, so what is left "
            "does not add up to 1.",
        ),
        Mistake(
            "zero_as_score",
            lambda got: any(_like(got, (scores * mask).softmax(-1) * after) for after in (1, mask)),
            "Forbidden places were given the score 0, and e⁰ is 1: a weight like any other. The score whose "
            "exponential is 0 is −inf.",
        ),
        Mistake(
            "inverted",
            scores.masked_fill(mask, -torch.inf).softmax(-1),
            "You hide what is allowed and keep what is forbidden. True means that a query may look.",
        ),
        Mistake(
            "wrong_axis",
            lambda got: _like(got, hidden.softmax(-2), equal_nan=True),
            "The columns sum to 1. Each *query* has one unit of weight to give, and queries are the rows: `dim=-1`.",
        ),
        Mistake(
            "over_everything",
            hidden.flatten(-2).softmax(-1).view_as(hidden),
            "All rows of a matrix share one unit of weight. Each row has its own: `dim=-1`.",
        ),
        Mistake("no_softmax", hidden, "These are the scores, with the forbidden ones hidden. Now the softmax."),
        Mistake(
            "not_normalised",
            lambda got: any(_like(got, (scores - shift).exp() * mask) for shift in (0, scores.amax(-1, keepdim=True))),
            "These are the exponentials. Divide each row by its sum.",
        ),
        Mistake("logarithms", hidden.log_softmax(-1), "These are the logarithms of the weights."),
        Mistake(
            "infinity_times_mask",
            lambda got: bool(got.isnan().any()),
            "There are nan in it. Is something multiplied by −inf? 0 · ∞ is nan. *Fill* with −inf instead: "
            "`masked_fill` or `torch.where`.",
        ),
        Mistake(
            "rows_do_not_sum_to_one",
            lambda got: bool((got.sum(-1) - 1).abs().max() > 1e-3),
            "Not every row adds up to 1.",
        ),
    )
    answer.requires(
        bool((answer.value[~mask] == 0).all()),
        law,
        "fill_not_low_enough",
        "Forbidden places have a weight that is tiny, and not 0. No finite number is low enough for every score; "
        "`-torch.inf` is.",
    )


@exercise("07.4", title="A causal head", stars=2, minutes=15)
def head(trial: Trial) -> None:
    eye = torch.eye(2)
    example = {"x": torch.eye(2), "w_q": eye, "w_k": eye, "w_v": eye}
    # In the example queries, keys, values and inputs are the same: it could name the wrong mistake, so it comes last.
    matrices = {name: trial.normal(6, 4, scale=0.7) for name in ("w_q", "w_k", "w_v")}
    text = trial.normal(5, 6)
    other_end = torch.cat([text[:-1], trial.normal(1, 6)])
    answer = trial(x=text, **matrices)
    moved = _positions_moved(answer.value, trial(x=other_end, **matrices).value, (5, 4))
    _agrees_with_head(answer, text, matrices, moved)

    for shape in ((2, 5, 6), (3, 2, 7, 6), (1, 1, 6)):
        batch = trial.normal(*shape)
        answer = _on_further_axes(
            trial,
            "in front of T and D may stand any number of further axes",
            "One text it can do, and here it stops. Count axes from the right: `k.transpose(-2, -1)` and `dim=-1`, not "
            "`.T` and not `dim=1`.",
            {"x": batch, **matrices},
        )
        _agrees_with_head(answer, batch, matrices)

    loud = {"x": 12 * trial.normal(5, 6), **matrices}
    trial(**loud).equals(
        _attend(loud["x"], **matrices),
        "inputs may be large",
        Mistake(
            "overflows",
            lambda got: not got.isfinite().all(),
            "Some exponential became infinite. Take torch's `softmax`, or your own of 07.3.",
        ),
        tolerance=0.05,
    )
    trial(**example).equals(_attend(**example), "the example of the exercise comes out")


def _attend(x: Tensor, w_q: Tensor, w_k: Tensor, w_v: Tensor) -> Tensor:
    return scaled_dot_product_attention(x @ w_q, x @ w_k, x @ w_v, is_causal=True)


def _agrees_with_head(answer: Returned, x: Tensor, matrices: dict[str, Tensor], moved: tuple[int, ...] = ()) -> None:
    q, k, v = (x @ matrices[name] for name in ("w_q", "w_k", "w_v"))
    *_, n_tokens, d_model = x.shape
    width = q.shape[-1]
    products = q @ k.transpose(-2, -1)
    scores = products / width**0.5
    allowed = torch.ones(n_tokens, n_tokens, dtype=torch.bool).tril()

    def weights(scores: Tensor, allowed: Tensor = allowed, axis: int = -1) -> Tensor:
        return scores.masked_fill(~allowed, -torch.inf).softmax(axis)

    right = weights(scores)
    law = "each token takes the mean of the values at its place and before, weighted by softmax(q·k / √K)"
    if moved:
        law = (
            f"nothing that comes later makes a difference: the last token was changed, and the output at position "
            f"{moved[0]} changed with it"
        )
    answer.equals(
        _attend(x, **matrices),
        law,
        Mistake(
            "no_mask",
            scores.softmax(-1) @ v,
            "It looks as if every token saw the whole text. Hide the scores of later tokens before the softmax.",
        ),
        Mistake(
            "upside_down",
            weights(scores, allowed.mT) @ v,
            "The mask is upside down: each token sees itself and what comes *after* it.",
        ),
        Mistake(
            "inverted",
            lambda got: n_tokens > 2 and _like(got[..., :-1, :], (weights(scores, ~allowed) @ v)[..., :-1, :]),
            "The mask is inverted: what may be seen is hidden, and only what comes after a token is left.",
        ),
        Mistake(
            "excludes_itself",
            lambda got: n_tokens > 2 and _like(got[..., 1:, :], (weights(scores, allowed.tril(-1)) @ v)[..., 1:, :]),
            "No token sees itself, and the first sees nothing at all. It may look at its own place too.",
        ),
        Mistake(
            "sees_one_ahead",
            weights(scores, torch.ones_like(allowed).tril(1)) @ v,
            "Each token sees one too many: the one after it, which is what a model would have to predict.",
        ),
        Mistake(
            "mask_after_softmax",
            (scores.softmax(-1) * allowed) @ v,
            "The mask came after the softmax: the weights of a row no longer add up to 1, and the sum that they were "
            "divided by has seen the future.",
        ),
        Mistake(
            "zero_as_score",
            lambda got: any(_like(got, (scores * allowed).softmax(-1) * after @ v) for after in (1, allowed)),
            "Later tokens were given the score 0, and e⁰ is 1: a weight like any other. It takes −inf.",
        ),
        Mistake("not_scaled", weights(products) @ v, "The scores were not divided by √K."),
        Mistake(
            "divided_by_width",
            weights(products / width) @ v,
            "The scores were divided by K, or twice by √K. Divide by √K, once.",
        ),
        Mistake("multiplied", weights(products * width**0.5) @ v, "The scores were multiplied by √K. Divide by it."),
        Mistake(
            "scaled_by_model_width",
            weights(products / d_model**0.5) @ v,
            "The scores were divided by √D, the width of the model. The products run over the K numbers of a query and "
            "a key: divide by √K.",
        ),
        Mistake(
            "scaled_by_tokens",
            weights(products / n_tokens**0.5) @ v,
            "The scores were divided by √T. What is added up in one of them is K products: divide by √K.",
        ),
        Mistake(
            "roles_swapped",
            weights(scores.mT) @ v,
            "Queries and keys have changed places: row t has to hold the scores of *query* t, and the queries come "
            "from `w_q`.",
        ),
        Mistake(
            "values_are_inputs", right @ x, "The mean is over `x` itself. It is the values x·w_v that are handed over."
        ),
        Mistake(
            "values_are_keys", right @ k, "The mean is over the keys. Keys are for being found, values are handed over."
        ),
        Mistake(
            "values_are_queries", right @ q, "The mean is over the queries. It is the values that are handed over."
        ),
        Mistake(
            "softmax_over_queries",
            weights(scores, axis=-2) @ v,
            "The softmax runs over the queries: the columns sum to 1. Each query has one unit of weight to give, and "
            "queries are the rows: `dim=-1`.",
        ),
        Mistake(
            "weights_transposed",
            right.mT @ v,
            "The weights lie on their side: each *key* hands its row out. Row t of the weights belongs to query t.",
        ),
        Mistake(
            "no_softmax",
            lambda got: any(_like(got, (raw * allowed) @ v) for raw in (scores, products)),
            "The values were weighted by the scores themselves. A softmax has to make weights of them.",
        ),
        Mistake(
            "plain_mean",
            (allowed / allowed.sum(-1, keepdim=True)) @ v,
            "That is the plain mean over the values so far, whatever the scores are.",
        ),
        Mistake(
            "returns_weights", right, "These are the weights. Take the mean of the values with them: `weights @ v`."
        ),
        Mistake("returns_values", v, "These are the values themselves: no token has looked at another."),
        Mistake(
            "sees_the_future",
            lambda got: bool(moved) and got.shape == v.shape,
            "A token takes something from later ones. Hide their scores with −inf before the softmax.",
        ),
        Mistake(
            "texts_mix",
            _attend(x.flatten(0, -2), **matrices).view_as(v),
            "The texts of the batch were strung together to one: a token sees those of the texts before. Each text "
            "is by itself.",
        ),
        Mistake(
            "first_is_not_its_own_value",
            lambda got: got.shape == v.shape and not _like(got[..., 0, :], v[..., 0, :]),
            "Look at the first token. It sees only itself, so its weight is 1 and its output is its own value, "
            "`x[0] @ w_v`. Yours is something else.",
        ),
    )


def _positions_moved(before: Any, after: Any, shape: tuple[int, int]) -> tuple[int, ...]:
    """The rows, save the last, in which two results differ; none where they are not even of that shape."""
    if not all(isinstance(result, Tensor) and result.shape == shape for result in (before, after)):
        return ()
    same = torch.isclose(before.detach(), after.detach(), rtol=1e-4, atol=1e-4, equal_nan=True).all(-1)
    return tuple((~same[:-1]).nonzero()[:, 0].tolist())


@exercise("07.5", title="Beginnings of unequal length", stars=2, minutes=15)
def padding_mask(trial: Trial) -> None:
    for lengths, n_tokens in (([4, 1, 6, 3], 6), ([2, 3], 3), ([2, 4], 7), ([3], 4)):
        _agrees_with_padding_mask(
            trial(lengths=torch.tensor(lengths), n_tokens=n_tokens), torch.tensor(lengths), n_tokens
        )


def _agrees_with_padding_mask(answer: Returned, lengths: Tensor, n_tokens: int) -> None:
    n_texts = len(lengths)
    places = torch.arange(n_tokens)
    real = places >= (n_tokens - lengths)[:, None]
    causal = places <= places[:, None]
    right = real[:, None, :] & causal
    law = "a query looks at its own position and before, and never at padding, which stands on the left"
    _is_boolean(answer)

    right_end = places < lengths[:, None]
    block = real[:, None, :] & real[:, :, None]
    hides_by_distance = causal & (places > places[:, None] - lengths[:, None, None])

    def hides(columns: Tensor) -> Tensor:
        return columns[:, None, :] & causal

    answer.equals(
        right,
        law,
        Mistake(
            "ignores_padding",
            causal.expand(right.shape),
            "That is the causal mask alone, the same for every text. Padding stands *before* the text here, so "
            "causality does not hide it.",
        ),
        Mistake(
            "no_causality",
            lambda got: any(_like(got, wrong) for wrong in (real[:, None, :].expand(right.shape), block)),
            "The padding is hidden, and the future is not. Both conditions must hold: `&`.",
        ),
        Mistake(
            "either_is_enough",
            real[:, None, :] | causal,
            "A key may be looked at if it is real *or* not in the future. Both must hold: `&`.",
        ),
        Mistake(
            "padding_on_the_right",
            lambda got: any(
                _like(got, wrong)
                for wrong in (
                    hides(right_end),
                    hides(right_end) & right_end[:, :, None],
                    right_end[:, None, :].expand(right.shape),
                )
            ),
            "You hide the right end. Here the texts stand on the right, and the padding before them.",
        ),
        Mistake(
            "length_taken_for_padding",
            hides(places >= lengths[:, None]),
            "You hide as many places as the text is long. Its length is what stays: n_tokens − length places are "
            "padding.",
        ),
        Mistake(
            "hides_queries_only",
            real[:, :, None] & causal,
            "Rows of padding are hidden, and columns are not: no padding asks, and every real token still looks at it. "
            "What must be hidden are *keys*, the last axis.",
        ),
        Mistake(
            "padding_may_look",
            lambda got: got.shape == right.shape and torch.equal(got[real], right[real]),
            "The rows of real tokens are right, and on padding somebody looks at something. That spares a softmax its "
            "empty rows; the rule here is stricter: nobody looks at padding, so these rows are empty.",
        ),
        Mistake(
            "loses_first_token",
            hides(places > (n_tokens - lengths)[:, None]),
            "The first token of each text is hidden with the padding. n_tokens − length places are padding, numbered "
            "from 0, so place n_tokens − length is the first real one.",
        ),
        Mistake(
            "sees_last_padding",
            hides(places >= (n_tokens - lengths - 1)[:, None]),
            "One place of padding is still seen, the last before the text.",
        ),
        Mistake(
            "transposed",
            right.mT,
            "Every matrix lies on its side: rows are queries, columns are keys.",
        ),
        *_mask_mistakes(
            right, real[:, None, :] & (places >= places[:, None]), real[:, None, :] & (places < places[:, None])
        ),
        Mistake(
            "one_length_for_all",
            lambda got: (
                got.shape == right.shape and bool((got == got[:1]).all()) and bool((lengths != lengths[0]).any())
            ),
            "Every text has the same mask. Each has padding of its own: one matrix for each length.",
        ),
        Mistake(
            "longest_text_decides",
            lambda got: got.shape == (n_texts, int(lengths.max()), int(lengths.max())) != right.shape,
            "The mask is as wide as the longest text. It must be n_tokens wide: a batch may hold more padding than "
            "needed.",
        ),
        Mistake(
            "longest_text_decides",
            hides(places >= (lengths.max() - lengths)[:, None]),
            "Padding is counted from n_tokens, not from the longest text.",
        ),
        Mistake(
            "hides_by_distance",
            hides_by_distance,
            "Each query sees as many places back as the text is long, counted from the query. Padding does not move "
            "with the query: it is the first n_tokens − length places, for every row.",
        ),
        Mistake(
            "keys_only",
            lambda got: got.shape in {(n_texts, n_tokens), (n_texts, 1, n_tokens)} - {tuple(right.shape)},
            "It says which keys are real. Which of these a query may look at depends on the query too: a matrix for "
            "each text.",
        ),
        Mistake(
            "axis_for_heads",
            right[:, None],
            "It has an axis for heads. It is easily added where it is needed (`mask[:, None]`); here the shape is "
            "(B, T, T).",
        ),
    )


@exercise("07.6", title="Attention as a dictionary", stars=3, minutes=20)
def lookup_vectors(trial: Trial) -> None:
    _finds_the_keys(trial, torch.tensor([2, 0, 1]), torch.tensor([0, 2, 0, 1]), 3)
    mixed = trial.normal(12).argsort()
    _finds_the_keys(trial, mixed, mixed[trial.integers(12, 7)], 12)
    some = trial.normal(60).argsort()[:25]
    _finds_the_keys(trial, some, some[trial.integers(25, 9)], 60)
    many = trial.normal(1000).argsort()[:600]
    _finds_the_keys(trial, many, many[trial.integers(600, 20)], 1000)
    _finds_the_keys(trial, many[:8], many[trial.integers(8, 5)], 1000)
    _finds_the_keys(trial, torch.tensor([4]), torch.tensor([4, 4]), 6)

    wanted = some[trial.integers(25, 9)]
    q, _ = trial(keys=some, wanted=wanted, n_symbols=60).value
    _, k = trial(keys=some.flip(0), wanted=wanted, n_symbols=60).value
    hit = (q.float() @ k.float().mT / q.shape[-1] ** 0.5).softmax(-1)[wanted[:, None] == some.flip(0)]
    trial.requires(
        bool(hit.min() >= 1 - 5e-4),
        "a query depends on the symbol that it asks for and on nothing else, and a key on its own symbol",
        "knows_what_is_stored",
        "Queries of one call do not fit the keys of another, in which the same symbols are stored in another order. "
        "Did `q` look into `keys`, or are the vectors of the symbols drawn anew in each call?",
    )


def _finds_the_keys(trial: Trial, keys: Tensor, wanted: Tensor, n_symbols: int) -> None:
    answer = trial(keys=keys, wanted=wanted, n_symbols=n_symbols)
    n_keys, n_wanted = len(keys), len(wanted)
    law = "what comes back is q of shape (T, K) and k of shape (S, K), of finite 32-bit numbers"
    answer.requires(
        isinstance(answer.value, tuple | list) and len(answer.value) == 2,
        law,
        "not_a_pair",
        "Yours is no pair. Return both: `return q, k`.",
    )
    q, k = answer.value
    for name, vectors in (("q", q), ("k", k)):
        answer.requires(
            isinstance(vectors, Tensor) and not vectors.is_complex(),
            law,
            "wrong_type",
            f"Your {name} is no tensor of numbers.",
        )
        answer.requires(
            vectors.ndim == 2,
            law,
            "wrong_shape",
            f"Your {name} has shape {tuple(vectors.shape)}. It has to have two axes.",
        )
    answer.requires(
        len(q) == len(k) or (len(q), len(k)) != (n_keys, n_wanted),
        law,
        "pair_swapped",
        "The pair is the wrong way round: queries first, one for each wanted key, and then the keys.",
    )
    for name, vectors, n in (("q", q, n_wanted), ("k", k, n_keys)):
        answer.requires(
            len(vectors) == n,
            law,
            "wrong_number_of_rows",
            f"Your {name} has {len(vectors)} rows, and there are {n} {'wanted keys' if name == 'q' else 'keys'}.",
        )
    answer.requires(
        q.shape[1] == k.shape[1] > 0,
        law,
        "widths_differ",
        f"A query of {q.shape[1]} numbers and a key of {k.shape[1]} have no dot product: both need the same width K.",
    )
    answer.requires(
        q.is_floating_point() and k.is_floating_point(),
        law,
        "whole_numbers",
        "One of them holds whole numbers, as `one_hot` gives them. Attention multiplies floats: `.float()`.",
    )
    q, k = q.detach().float(), k.detach().float()
    answer.requires(
        bool(q.isfinite().all() and k.isfinite().all()),
        law,
        "infinite_numbers",
        "In 32 bits one of them holds inf or nan. Infinitely sharp is not needed, and infinity times 0 is nan.",
    )
    scores = q @ k.T / q.shape[1] ** 0.5
    answer.requires(
        bool(scores.isfinite().all()),
        "the scores are finite",
        "overflows",
        "Each vector is finite and their dot products are not: 32 bits end at about 3·10³⁸. A score that is larger "
        "than the others by 20 is sharp enough.",
    )

    weights = scores.softmax(-1)
    asked = torch.arange(n_wanted)
    place = (keys == wanted[:, None]).int().argmax(-1)
    hit = weights[asked, place]
    if hit.min() >= 1 - 5e-4:
        return
    law = "attention returns what is stored under the wanted key, to within 0.001"
    worst = int(hit.argmin())
    largest = weights.argmax(-1)
    seen = f"The wanted key {int(wanted[worst])} gets {hit[worst]:.4f} of the weight" + (
        "." if largest[worst] == place[worst] else f", and most goes to key {int(keys[largest[worst]])}."
    )
    others = scores.clone()
    others[asked, place] = -torch.inf
    right_score, best_other = scores[asked, place], others.amax(-1)
    uneven = weights.amax(-1) > weights.amin(-1) + 1e-6

    def found(id: str, condition: bool, says: str) -> None:
        answer.requires(not condition, law, id, f"{seen} {says}")

    found(
        "largest_key_wins",
        # A query of size 0 finds all keys alike.
        bool((largest == keys.argmax())[uneven].all() and (place != keys.argmax())[uneven].any()),
        "It is always the largest. The numbers of the symbols are names, not sizes: 7 is not more of a key than 3. "
        "Give each symbol a direction of its own.",
    )
    found(
        "places_not_keys",
        bool((wanted < n_keys).all()) and bool((largest == wanted).all()) and bool((place != wanted).any()),
        f"The query looks at *place* {int(wanted[worst])}, and at that place another key may be stored. Make the rows "
        "of `k` from `keys`.",
    )
    found(
        "avoids_the_key",
        n_keys > 2 and bool((right_score < others.masked_fill(others.isinf(), torch.inf).amin(-1) - 1e-3).all()),
        "The wanted key has the *lowest* score of all. Is a sign turned round, or 0 and 1?",
    )
    found(
        "ties",
        bool(((right_score - best_other).abs() <= 1e-5 * (1 + right_score.abs())).any()),
        "Another key scores exactly as high as the wanted one. Every other symbol must score less, for instance 0 "
        "where the right one scores 20.",
    )
    if bool((right_score > best_other).all()):
        (few, few_numbers), (many, many_numbers) = _least_gap(trial, 4), _least_gap(trial, 400)
        found(
            "crowded",
            many < few / 3 and many_numbers == few_numbers,
            f"The right key is ahead by {few:.1f} among 4 symbols and by {many:.1f} among 400. With more symbols their "
            "directions come closer together, and K has not grown: the vectors need more room, or length.",
        )
        found(
            "scale_forgotten",
            many < few / 3,
            f"The right key is ahead by {few:.1f} among 4 symbols and by {many:.1f} among 400: attention divides the "
            "scores by √K, so the queries have to grow with √K.",
        )
        found(
            "too_soft",
            True,
            f"The right key is ahead of all others, by {(right_score - best_other).min():.1f} at the least, and that "
            "is too little. Multiply the queries by something.",
        )
    found("another_key", True, "Some other key scores higher than the wanted one.")


def _least_gap(trial: Trial, n_symbols: int) -> tuple[float, int]:
    """By how much the right key is ahead of two others, at the least, and how many numbers a vector has."""
    keys = torch.tensor([n_symbols - 1, 0, 1])
    q, k = (vectors.detach().float() for vectors in trial(keys=keys, wanted=keys, n_symbols=n_symbols).value)
    scores = q @ k.mT / q.shape[-1] ** 0.5
    itself = torch.eye(len(keys), dtype=torch.bool)
    gap = float((scores.diagonal() - scores.masked_fill(itself, -torch.inf).amax(-1)).min())
    return gap, q.shape[-1]


@exercise("07.7", title="Count before you run it", stars=2, minutes=15)
def predictions(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake, tolerance: float = 1e-4) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=tolerance, reveal=False)

    expect(
        "all_scores",
        4096,
        "without a mask every query is scored against every key",
        Mistake("masked_already", 2080, "That is with the mask. This entry is without: all pairs."),
        Mistake(
            "each_pair_once",
            lambda got: got in (2016, 2048),
            "A score for t and s is another than for s and t. Count both.",
        ),
        Mistake("without_itself", 4032, "Each token is scored against itself as well."),
        Mistake("one_per_token", lambda got: got in (64, 128), "Each of the 64 queries has a score for *each* key."),
        Mistake("times_width", 4096 * 64, "A score is one number, however many are added up in it."),
    )
    expect(
        "allowed_scores",
        2080,
        "under the causal mask query t may look at t + 1 keys",
        Mistake("allowed_without_itself", 2016, "Each token may look at itself too: count the diagonal."),
        Mistake("half_of_all", 2048, "Nearly half of them, not exactly: the diagonal is not cut in two."),
        Mistake("mask_forgotten", 4096, "Those are all pairs. The causal mask hides the ones above the diagonal."),
    )
    expect(
        "twice_as_long",
        4,
        "a table with a row and a column for each token grows with the square of the length",
        Mistake("linear", 2, "Twice as many rows, and each of them is twice as long."),
        Mistake("cubic", 8, "The table has two axes that grow, not three."),
        Mistake(
            "size_not_factor", lambda got: got in (16384, 8256), "That is how many there are. Wanted is the factor."
        ),
        Mistake("added_not_multiplied", 3, "The increase is three times the old table. Wanted is new divided by old."),
    )
    expect(
        "output",
        8,
        "the output is the mean of the values, weighted by the softmax of the scores",
        Mistake("even_mean", 6, "That is the plain mean. The second score is higher, so the second value counts more."),
        Mistake(
            "winner_takes_all",
            10,
            "That is the second value alone. A softmax never gives 0: what is e⁰?",
        ),
        Mistake("weights_swapped", 4, "The larger weight went to the smaller score."),
        Mistake("unnormalised", 32, "The weights 1 and 3 add up to 4. Divide by that."),
        Mistake(
            "scores_as_weights",
            lambda got: abs(got - 10 * math.log(3)) < 0.05,
            "The scores become weights by a softmax.",
        ),
        Mistake(
            "weight_not_output",
            lambda got: got in (0.25, 0.75),
            "That is the weight of a token. Wanted is what the query gets from both.",
        ),
        tolerance=0.01,
    )
    expect(
        "spread",
        8,
        "variances of independent terms add up, and the spread is the root of the variance",
        Mistake("variance", 64, "That is the variance. The standard deviation is its root."),
        Mistake("scaled_already", 1, "That is after the division by √K. This entry is before it."),
        Mistake(
            "inverse",
            lambda got: abs(got - 1 / 8) < 1e-3 or abs(got - 1 / 64) < 1e-3,
            "More terms make the sum spread wider, not narrower. A *mean* would shrink.",
        ),
        Mistake(
            "two_factors",
            lambda got: abs(got - 128**0.5) < 0.1,
            "The product of two such numbers has variance 1, not 2.",
        ),
        tolerance=0.01,
    )
    expect(
        "equal_scores",
        0.25,
        "equal scores share the weight evenly among the allowed",
        Mistake("over_all_tokens", 1 / 64, "Evenly among 64 would be right without the mask. How many may it look at?"),
        Mistake(
            "one_too_few", lambda got: abs(got - 1 / 3) < 0.01, "Positions count from 0, and it may look at itself too."
        ),
        Mistake("one_too_many", 0.2, "Position 3 sees the positions 0, 1, 2, 3. Count them."),
        Mistake("percent", 25, "You mean a percentage. A weight lies between 0 and 1."),
        Mistake("count_not_weight", 4, "So many tokens share the weight. How much does each get?"),
        Mistake("no_scores_no_weight", 0, "Equal scores are not weights of 0. The weights of a row add up to 1."),
        tolerance=0.01,
    )
    expect(
        "changed_outputs",
        4,
        "a token is seen by itself and by those after it",
        Mistake("itself_forgotten", 3, "The changed token's own output changes too: it sees itself."),
        Mistake(
            "seen_from_before", lambda got: got in (59, 60, 61), "Those are the ones that *it* can see. Who can see it?"
        ),
        Mistake(
            "everything_changes",
            lambda got: got in (63, 64),
            "Without a mask it would. Tokens before position 60 do not see it.",
        ),
        Mistake("only_itself_changes", 1, "Those that come after it look at it as well."),
        Mistake("only_the_next", 2, "Not only the next one: any distance is one step."),
        Mistake("counted_from_one", 5, "Positions count from 0, so the last is 63."),
    )


def _on_further_axes(
    trial: Trial, law: str, says: str, inputs: dict[str, Tensor], mistake: str = "fewer_axes_only"
) -> Returned:
    """Call the learner's function where inputs with fewer axes went well, so that raising is due to the axes."""
    try:
        return trial(**inputs)
    except BrokenLaw as broken:
        if broken.mistake != "raises":
            raise
        raise BrokenLaw(mistake, f"Broken law: {law}.", says, *broken.lines) from broken


def _like(got: Any, wanted: Tensor, equal_nan: bool = False) -> bool:
    """Whether `got` is a tensor of these numbers, as nearly as rounding lets one say."""
    return (
        isinstance(got, Tensor)
        and got.shape == wanted.shape
        and torch.allclose(got.to(wanted.dtype), wanted, rtol=1e-4, atol=1e-4, equal_nan=equal_nan)
    )
