"""What right answers of lesson 08 obey, and what wrong ones look like.

Shape letters: B texts, T tokens, D numbers of a token's vector, H heads, K numbers of a head, F numbers inside the MLP.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib.checks.registry import exercise
from course_lib.checks.trial import Mistake, Returned, Trial, any_of, tensor_shows

# ── 08.1 ──


@exercise("08.1", title="Into heads and back", stars=1, minutes=10)
def heads(trial: Trial) -> None:
    for n_texts, n_heads, n_tokens, width in ((2, 3, 5, 4), (3, 4, 2, 2), (1, 1, 4, 6), (2, 6, 3, 1), (2, 4, 4, 4)):
        shape = (n_texts, n_heads, n_tokens, width)
        _splits(trial, trial.normal(n_texts, n_tokens, n_heads * width), n_heads, trial.normal(*shape))
    example = torch.tensor([[[1.0, 2, 3, 4], [5, 6, 7, 8]]])
    _splits(trial, example, 2, torch.tensor([[[[1.0, 2], [5, 6]], [[30, 40], [70, 80]]]]))


def _splits(trial: Trial, x: Tensor, n_heads: int, results: Tensor) -> None:
    """Hand over a `per_head` that writes down what it is given, and returns `results` if that has the right shape."""
    n_texts, n_tokens, width = x.shape
    received: list[Any] = []

    def per_head(given: Any) -> Any:
        received.append(given.detach().clone() if isinstance(given, Tensor) else given)
        fits = isinstance(given, Tensor) and given.shape == results.shape
        return results.clone() if fits else given

    answer = trial(x=x, n_heads=n_heads, per_head=per_head)
    calls = "`per_head` is called once, with all heads together"
    answer.requires(
        len(received) > 0,
        calls,
        "never_called",
        "Yours never calls it. Cut into heads first, then hand them to `per_head`, and go on with what it returns.",
    )
    answer.requires(
        len(received) == 1,
        calls,
        "called_again_and_again",
        f"Yours calls it {len(received)} times. Stack the heads to one tensor (B, H, T, K) before the call.",
    )
    right = x.unflatten(2, (n_heads, -1)).transpose(1, 2)
    by_stride = x.unflatten(2, (-1, n_heads)).permute(0, 3, 1, 2)
    Returned(received[0], f"what per_head gets in {answer.call}", answer.inputs).equals(
        right,
        "head h gets the numbers from h·K to h·K + K − 1 of every token, in the shape (B, H, T, K)",
        Mistake(
            "tokens_cut_up",
            x.reshape(n_texts, n_heads, n_tokens, -1),
            "The shape is right, and the heads hold whole tokens in place of a slice of each. Split the *last* axis in "
            "two (B, T, H, K), and then swap the axes of tokens and heads.",
        ),
        Mistake(
            "heads_not_moved",
            right.transpose(1, 2),
            "The axes are (B, T, H, K). Heads should come before tokens: swap these two.",
        ),
        Mistake(
            "every_hth_number",
            by_stride,
            "Head 0 got every H-th number of a token. A head is a slice of *neighbouring* numbers.",
        ),
        Mistake(
            "heads_on_their_side",
            right.transpose(2, 3),
            "The last two axes are (K, T). Tokens should come before the numbers of a head.",
        ),
        Mistake(
            "heads_before_texts",
            right.transpose(0, 1) if n_texts > 1 else None,
            "The axes are (H, B, T, K). Texts should come first.",
        ),
        Mistake(
            "n_heads_as_width",
            x.unflatten(2, (-1, n_heads)).transpose(1, 2),
            "Number of heads and width of a head are mixed up: cut into H slices of K = D / H numbers.",
        ),
        Mistake("not_cut", x, "`per_head` got `x` as it is. Cut it into heads first."),
    )

    answer.equals(
        results.transpose(1, 2).flatten(2),
        "the heads' results lie side by side again, in the shape (B, T, D)",
        Mistake(
            "result_unused",
            x,
            "That is `x` again. Go on with what `per_head` *returned*: it does not change what it is given.",
        ),
        Mistake(
            "not_moved_back",
            results.reshape(n_texts, n_tokens, width),
            "The cut is right. On the way back tokens and heads were mixed up: swap their two axes back *before* you "
            "join the last two.",
        ),
        Mistake(
            "not_joined",
            results.transpose(1, 2),
            "The heads are still an axis of their own. Join the last two axes, H and K, to one.",
        ),
        Mistake("not_put_together", results, "That is what `per_head` returned. Put the heads together again."),
        Mistake(
            "joined_in_turns",
            results.permute(0, 2, 3, 1).flatten(2),
            "The numbers of the heads were joined in turns. All of head 0 should come first, then all of head 1.",
        ),
        *any_of(
            "heads_added",
            "The heads were added up, or averaged. They should lie side by side.",
            results.sum(1),
            results.mean(1),
        ),
        Mistake(
            "result_added",
            x + results.transpose(1, 2).flatten(2),
            "`x` was added to the result. The residual connection is not part of this.",
        ),
    )


# ── 08.2 ──


@exercise("08.2", title="Wider, bent, and back", stars=1, minutes=10)
def mlp(trial: Trial) -> None:
    _thinks(
        trial,
        torch.tensor([1.0, 2]),
        torch.tensor([[1.0, 1], [1, -1], [-2, 0]]),
        torch.tensor([0.0, 0, 3]),
        torch.tensor([[1.0, 0, 1], [0, 5, 2]]),
        torch.tensor([0.5, -1]),
    )
    for shape, width, hidden in (((3,), 5, 20), ((2, 4), 6, 6), ((2, 3, 2), 4, 3), ((1, 1), 3, 12)):
        x = trial.normal(*shape, width)
        w_in, w_out = trial.normal(hidden, width), trial.normal(width, hidden)
        _thinks(trial, x, w_in, trial.normal(hidden), w_out, trial.normal(width))


def _thinks(trial: Trial, x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> None:
    h = F.linear(x, w_in, b_in)

    def back(bent: Tensor) -> Tensor:
        return F.linear(bent, w_out, b_out)

    right = back(h.relu().square())
    square = w_in.shape[0] == w_in.shape[1]
    trial(x=x, w_in=w_in, b_in=b_in, w_out=w_out, b_out=b_out).equals(
        right,
        "mlp(x) = W_out · max(0, W_in · x + b_in)² + b_out",
        Mistake(
            "square_first",
            back(h.square()),
            "Negative numbers got through: (−1)² is 1. Cut off what is negative first, and square then.",
        ),
        Mistake("not_squared", back(h.relu()), "That is the ReLU. Here it is squared as well."),
        Mistake(
            "no_bend",
            back(h),
            "There is no bend between the two maps, so together they are one linear map.",
        ),
        *any_of(
            "gelu",
            "That is the GELU. Wanted is the squared ReLU.",
            back(F.gelu(h)),
            back(F.gelu(h, approximate="tanh")),
        ),
        Mistake(
            "sign_kept",
            back(h * h.abs()),
            "What is negative has kept its sign and its size: h · |h|. It should become 0.",
        ),
        Mistake(
            "bent_the_wrong_way",
            back((-h).relu().square()),
            "The *positive* numbers were cut off. It should be the negative ones (`clamp(min=0)`).",
        ),
        Mistake(
            "bent_at_the_end",
            right.relu(),
            "There is a ReLU at the end as well. What the MLP returns may be negative.",
        ),
        Mistake("residual_added", x + right, "`x` was added. The residual connection is not part of this."),
        Mistake(
            "b_in_forgotten", back(F.linear(x, w_in).relu().square()), "`b_in` is missing, the bias of the first map."
        ),
        Mistake("b_out_forgotten", right - b_out, "`b_out` is missing, the bias of the second map."),
        Mistake(
            "no_biases",
            F.linear(F.linear(x, w_in).relu().square(), w_out),
            "Both biases are missing.",
        ),
        Mistake(
            "b_in_after_the_bend",
            back(F.linear(x, w_in).relu().square() + b_in),
            "`b_in` was added after the bend. It belongs to the first map, so it comes before.",
        ),
        Mistake(
            "b_in_squared_in",
            back((F.linear(x, w_in).relu() + b_in).square()),
            "`b_in` was added between ReLU and square. It belongs to the first map, so it comes before both.",
        ),
        *any_of(
            "not_transposed",
            "A matrix stands on its side. `torch.nn.Linear` keeps a row for each number that comes *out*, so with "
            "tokens as rows it is `x @ w.T`.",
            *(
                [
                    (x @ w_in + b_in).relu().square() @ w_out + b_out,
                    (x @ w_in + b_in).relu().square() @ w_out.T + b_out,
                    h.relu().square() @ w_out + b_out,
                ]
                if square
                else []
            ),
        ),
        Mistake(
            "squared_at_the_end",
            back(h.relu()).square(),
            "The square was taken after the second map. It belongs between the two, where the ReLU is.",
        ),
        Mistake("not_mapped_back", h.relu().square(), "That is the vector inside. The map back is missing."),
        Mistake(
            "mapped_with_w_in",
            F.linear(h.relu().square(), w_in.T, b_out),
            "The way back went through `w_in`, turned on its side. It has a matrix of its own, `w_out`.",
        ),
    )


# ── 08.3 ──


@exercise("08.3", title="Every vector the same size", stars=2, minutes=15)
def rms_norm(trial: Trial) -> None:
    law = "y = x / √(mean of x² + ε) · gain, for each vector on its own"
    _normalises(trial, torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0]), 0.0, law)
    for shape, eps in (((4, 6), 1e-6), ((2, 3, 3), 1e-5), ((5,), 0.25), ((2, 2, 2, 7), 0.5)):
        _normalises(trial, trial.normal(*shape, scale=3.0) + 1, trial.normal(shape[-1]) + 2, eps, law)
    small = "of a very small vector ε decides the size, and ε stands inside the root"
    _normalises(trial, trial.normal(3, 8, scale=1e-3), trial.normal(8) + 2, 1e-6, small)
    zeros = torch.cat([torch.zeros(1, 4), trial.normal(1, 4)])
    _normalises(trial, zeros, torch.ones(4), 1e-6, "a vector of zeros stays one")

    x, gain, weights, eps = trial.normal(3, 5) + 1, trial.normal(5) + 2, trial.normal(3, 5), 1e-3
    answer = trial(x=x.requires_grad_(), gain=gain.requires_grad_(), eps=eps)
    law = "the slopes are those of the formula, and the root mean square depends on x, too"
    lost = (
        "Your result has lost its connection to `x` or to the gain, so nothing can be trained through it. Was it a "
        "`.detach()`, `.data`, `.item()`, `torch.no_grad()`, or a new `torch.tensor(...)`?"
    )
    answer.requires(isinstance(answer.value, Tensor) and answer.value.requires_grad, law, "no_gradient", lost)
    inputs = [answer.inputs["x"], answer.inputs["gain"]]
    got = torch.autograd.grad((answer.value * weights).sum(), inputs, allow_unused=True)
    answer.requires(all(slope is not None for slope in got), law, "no_gradient", lost)
    right = torch.autograd.grad((F.rms_norm(x, (5,), gain, eps) * weights).sum(), [x, gain])
    held_fast = weights * gain / (x.square().mean(-1, keepdim=True) + eps).sqrt()
    call = f"the gradient for {answer.call}"
    Returned(got[0], f"{call}, of x", answer.inputs).equals(
        right[0],
        law,
        Mistake(
            "size_detached",
            held_fast.detach(),
            "These are the slopes for a root mean square that stands still. It is made of `x`, so a gradient goes "
            "through it as well. Was it detached, or turned into a plain number?",
        ),
    )
    Returned(got[1], f"{call}, of the gain", answer.inputs).equals(right[1], law)


def _normalises(trial: Trial, x: Tensor, gain: Tensor, eps: float, law: str) -> None:
    mean_square = x.square().mean(-1, keepdim=True)
    centred = x - x.mean(-1, keepdim=True)
    root = mean_square.sqrt()

    def scaled(by: Tensor, what: Tensor = x) -> Tensor:
        return what / by * gain

    right = scaled((mean_square + eps).sqrt())
    axes = list(range(x.ndim))
    over_tokens = x.square().mean(max(x.ndim - 2, 0), keepdim=True)
    over_first = x.square().mean(0, keepdim=True)
    variance = centred.square().mean(-1, keepdim=True)
    several = x.ndim > 1
    unbiased = variance * x.shape[-1] / (x.shape[-1] - 1)
    trial(x=x, gain=gain, eps=eps).equals(
        right,
        law,
        tensor_shows(
            "zeros_become_nan",
            lambda got: bool(got.isnan().any()) and bool((x == 0).all(-1).any()) and eps > 0,
            "A vector of zeros was divided by 0. That is what ε is for.",
        ),
        Mistake(
            "layer_norm",
            scaled((variance + eps).sqrt(), centred),
            "That is a layer norm: the mean was taken off. RMSNorm leaves it where it is.",
        ),
        *any_of(
            "mean_taken_off_the_size",
            "It was divided by a standard deviation, which takes the mean off before it squares. Wanted is the root of "
            "the mean of the *squares* (and so `std` and `var` do not help).",
            scaled((variance + eps).sqrt()),
            scaled((unbiased + eps).sqrt()),
            scaled(variance.sqrt() + eps),
            scaled(unbiased.sqrt() + eps),
        ),
        *any_of(
            "layer_norm_unbiased",
            "That is a layer norm with D − 1: the mean was taken off. RMSNorm leaves it where it is.",
            scaled((unbiased + eps).sqrt(), centred),
            scaled(unbiased.sqrt() + eps, centred),
        ),
        Mistake(
            "eps_outside_the_root",
            scaled(root + eps),
            "ε was added after taking the root. It stands inside, next to the mean of the squares.",
        ),
        Mistake("eps_squared", scaled((mean_square + eps**2).sqrt()), "ε was squared. It is added as it is."),
        *any_of(
            "no_eps",
            "`eps` makes no difference in yours. Add it to the mean of the squares, inside the root.",
            scaled(root),
            scaled(root.clamp(min=eps)),
            scaled(mean_square.clamp(min=eps).sqrt()),
        ),
        *any_of(
            "length_one",
            "The vectors got *length* 1: the squares were added up, and not averaged.",
            scaled((x.square().sum(-1, keepdim=True) + eps).sqrt()),
            scaled(x.norm(dim=-1, keepdim=True) + eps),
        ),
        *any_of(
            "no_root",
            "It was divided by the mean of the squares. The root is missing.",
            scaled(mean_square + eps),
        ),
        Mistake(
            "root_twice",
            scaled((mean_square + eps).sqrt().sqrt()),
            "The root was taken twice.",
        ),
        Mistake(
            "mean_size",
            scaled(x.abs().mean(-1, keepdim=True) + eps),
            "It was divided by the mean of the sizes, |x|. Square before you average, and take the root after.",
        ),
        Mistake(
            "multiplied",
            x * (mean_square + eps).sqrt() * gain,
            "It was multiplied by the root mean square. Divide by it.",
        ),
        Mistake("no_gain", right / gain, "The gain is missing."),
        Mistake(
            "gain_plus_one",
            right / gain * (1 + gain),
            "The gain was counted from 1, so a gain of 0 would change nothing. Here it is a plain factor.",
        ),
        Mistake("gain_added", right / gain + gain, "The gain was added. It is a factor."),
        Mistake(
            "gain_before_the_size",
            x * gain / ((x * gain).square().mean(-1, keepdim=True) + eps).sqrt(),
            "The vector was multiplied by the gain first, and normalised then. The gain comes last.",
        ),
        *any_of(
            "wrong_axis",
            "The mean runs over tokens, or over texts. Each vector is normalised on its own: `dim=-1`.",
            *(
                [scaled((over_tokens + eps).sqrt()), scaled((over_first + eps).sqrt())]
                if several and x.shape[0] > 1
                else []
            ),
        ),
        *any_of(
            "all_together",
            "All vectors were divided by one number. Each has its own: `mean(dim=-1, keepdim=True)`.",
            *([scaled((x.square().mean(axes) + eps).sqrt())] if several else []),
        ),
    )


# ── 08.4 ──


@exercise("08.4", title="Two ways to wire a block", stars=2, minutes=15)
def wiring(trial: Trial) -> None:
    def halve_1(x: Tensor) -> Tensor:
        return x / 2

    def halve_2(x: Tensor) -> Tensor:
        return x / 2

    def times_3(x: Tensor) -> Tensor:
        return 3 * x

    def minus_1(x: Tensor) -> Tensor:
        return x - 1

    for shape in ((2, 5, 4), (1, 3, 6), (3, 1, 2)):
        parts = _random_parts(trial, shape[-1])
        for place in ("pre", "post"):
            _wires(trial, trial.normal(*shape, scale=2.0), parts, place)
    for place in ("pre", "post"):
        _wires(trial, torch.tensor([[[4.0]]]), (times_3, minus_1, halve_1, halve_2), place)


Part = Callable[[Tensor], Tensor]


def _random_parts(trial: Trial, width: int) -> tuple[Part, Part, Part, Part]:
    mix, think = trial.normal(width, width), trial.normal(width, width)
    gain_1, gain_2 = trial.normal(width).exp(), trial.normal(width).exp()

    def attention(x: Tensor) -> Tensor:
        return (x.cumsum(-2) / torch.arange(1, x.shape[-2] + 1)[:, None]) @ mix + 0.3

    def mlp(x: Tensor) -> Tensor:
        return 2 * (x @ think).sigmoid() - 0.2

    def norm_1(x: Tensor) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + 0.1).sqrt() * gain_1

    def norm_2(x: Tensor) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + 0.1).sqrt() * gain_2

    return attention, mlp, norm_1, norm_2


def _pre(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part) -> Tensor:
    x = x + attention(norm_1(x))
    return x + mlp(norm_2(x))


def _post(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part) -> Tensor:
    x = norm_1(x + attention(x))
    return norm_2(x + mlp(x))


def _as_it_is(x: Tensor) -> Tensor:
    return x


def _wires(trial: Trial, x: Tensor, parts: tuple[Part, Part, Part, Part], place: str) -> None:
    a, m, n1, n2 = parts
    answer = trial(x=x, attention=a, mlp=m, norm_1=n1, norm_2=n2, place=place)
    if place == "pre":
        right, after = _pre(x, *parts), x + a(n1(x))
        answer.equals(
            right,
            "pre-norm: a branch reads the normalised stream, and adds to the stream as it was",
            Mistake(
                "post_for_pre",
                _post(x, *parts),
                'That is the post-norm block, and `place` was "pre". Are the two places mixed up?',
            ),
            Mistake(
                "stream_normalised",
                _added_to_the_normed(x, *parts),
                "The branches add to the *normalised* stream. Only what a branch reads goes through the norm: keep the "
                "stream as it was, and add to that.",
            ),
            *any_of(
                "first_residual_missing",
                "Attention's output has replaced the stream. It should be added to it.",
                a(n1(x)) + m(n2(a(n1(x)))),
            ),
            Mistake(
                "second_residual_missing",
                m(n2(after)),
                "The MLP's output has replaced the stream. It should be added to it.",
            ),
            Mistake(
                "no_residuals",
                m(n2(a(n1(x)))),
                "The branches follow each other, and nothing goes round them. Each *adds* to the stream.",
            ),
            Mistake(
                "in_parallel",
                x + a(n1(x)) + m(n2(x)),
                "Both branches read the stream that came in. The MLP should read what attention has added, too.",
            ),
            Mistake(
                "mlp_reads_the_branch",
                x + a(n1(x)) + m(n2(a(n1(x)))),
                "The MLP reads attention's output alone. It should read the whole stream, to which that was added.",
            ),
            Mistake(
                "one_residual_for_both",
                x + m(n2(a(n1(x)))),
                "One residual connection goes round both branches together. Each branch has its own.",
            ),
            Mistake("mlp_missing", after, "That is the stream after attention. The MLP is missing."),
            Mistake(
                "back_to_the_start",
                x + m(n2(after)),
                "The MLP's output was added to the stream from *before* attention, so what attention found is lost.",
            ),
            *any_of(
                "norms_swapped",
                "The norms are swapped, or one serves twice. `norm_1` belongs to attention and `norm_2` to the MLP.",
                _pre(x, a, m, n2, n1),
                _pre(x, a, m, n1, n1),
                _pre(x, a, m, n2, n2),
            ),
            *any_of(
                "mlp_first",
                "The MLP came first. Attention is the first branch.",
                _pre(x, m, a, n2, n1),
                _pre(x, m, a, n1, n2),
            ),
            Mistake(
                "norm_on_the_branch",
                (x + n1(a(x))) + n2(m(x + n1(a(x)))),
                "The norm stands *after* each branch, before the addition. In pre-norm it stands before the branch.",
            ),
            *any_of(
                "a_norm_missing",
                "At least one branch reads the stream without its norm.",
                _pre(x, a, m, _as_it_is, n2),
                _pre(x, a, m, n1, _as_it_is),
                _pre(x, a, m, _as_it_is, _as_it_is),
            ),
            *any_of(
                "normed_at_the_end",
                "The stream went through a norm at the end of the block. In pre-norm it stays as it is.",
                n2(right),
                n1(right),
            ),
        )
        return

    summed = x + a(x)
    stream = n1(summed)
    right = n2(stream + m(stream))
    answer.equals(
        right,
        "post-norm: the sum of stream and branch goes through the norm, and is the stream from then on",
        Mistake(
            "pre_for_post",
            _pre(x, *parts),
            'That is the pre-norm block, and `place` was "post". Does your function look at `place`?',
        ),
        Mistake(
            "post_norm_on_the_branch",
            (x + n1(a(x))) + n2(m(x + n1(a(x)))),
            "Each norm was applied to what the branch returned, before the addition. It should be applied to the sum.",
        ),
        Mistake(
            "added_to_the_sum_before",
            n2(summed + m(stream)),
            "The MLP's output was added to the sum from before `norm_1`. After the norm, the stream is its output.",
        ),
        Mistake(
            "post_back_to_the_start",
            n2(x + m(stream)),
            "The MLP's output was added to the stream from *before* attention, so what attention found is lost.",
        ),
        Mistake("post_mlp_missing", stream, "That is the stream after attention. The MLP is missing."),
        Mistake(
            "post_in_parallel",
            n2(n1(x + a(x)) + m(x)),
            "The MLP read the stream that came in. It should read what came out of the first norm.",
        ),
        Mistake(
            "post_no_residuals",
            n2(m(n1(a(x)))),
            "The branches follow each other, and nothing goes round them. Each *adds* to the stream.",
        ),
        *any_of(
            "post_one_residual",
            "One of the branches has replaced the stream. Both should add to it.",
            n2(m(stream)),
            n2(n1(a(x)) + m(n1(a(x)))),
        ),
        *any_of(
            "post_norm_missing",
            "One of the two norms is missing. There is one after each addition.",
            stream + m(stream),
            n2(summed + m(summed)),
            n1(summed + m(summed)),
            summed + m(summed),
        ),
        *any_of(
            "post_norms_swapped",
            "The norms are swapped, or one serves twice. `norm_1` belongs to attention and `norm_2` to the MLP.",
            _post(x, a, m, n2, n1),
            _post(x, a, m, n1, n1),
            _post(x, a, m, n2, n2),
        ),
        *any_of(
            "post_mlp_first",
            "The MLP came first. Attention is the first branch.",
            _post(x, m, a, n2, n1),
            _post(x, m, a, n1, n2),
        ),
        Mistake(
            "normed_before_and_after",
            _post_and_pre(x, *parts),
            "The branches read a normalised stream, and the sum is normalised once more. In post-norm there is only "
            "the second.",
        ),
    )


def _added_to_the_normed(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part) -> Tensor:
    x = norm_1(x)
    x = norm_2(x + attention(x))
    return x + mlp(x)


def _post_and_pre(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part) -> Tensor:
    x = norm_1(x + attention(norm_1(x)))
    return norm_2(x + mlp(norm_2(x)))


# ── 08.5 ──


@exercise("08.5", title="From post-norm to pre-norm", stars=3, minutes=20)
def deep_pre_norm(trial: Trial) -> None:
    def halve(x: Tensor) -> Tensor:
        return x / 2

    def times_3(x: Tensor) -> Tensor:
        return 3 * x

    def minus_1(x: Tensor) -> Tensor:
        return x - 1

    for shape, n in (((2, 3, 4), 4), ((5, 3), 1), ((2, 2, 6), 7), ((3, 4), 0)):
        pairs = [_random_parts(trial, shape[-1]) for _ in range(n + 1)]
        branches = [parts[i % 2] for i, parts in enumerate(pairs[:n])]
        _stacks(trial, trial.normal(*shape, scale=2.0) + 0.5, branches, [parts[2] for parts in pairs])
    _stacks(trial, torch.tensor([4.0]), [times_3, minus_1], [halve, halve, halve])


def _stacks(trial: Trial, x: Tensor, branches: list[Part], norms: list[Part]) -> None:
    n = len(branches)
    streams, normed, added = [x], [], []
    for branch, norm in zip(branches, norms[:-1], strict=True):
        normed.append(norm(streams[-1]))
        added.append(branch(normed[-1]))
        streams.append(streams[-1] + added[-1])
    last = streams[-1]
    right = norms[-1](last)

    def sizes(of: list[Tensor]) -> list[float]:
        return [float(tensor.square().mean().sqrt()) for tensor in of]

    def followed(step: Callable[[Tensor, Part, Part], Tensor], with_norms: list[Part]) -> Tensor:
        stream = x
        for branch, norm in zip(branches, with_norms, strict=False):
            stream = step(stream, branch, norm)
        return stream

    def pre(stream: Tensor, branch: Part, norm: Part) -> Tensor:
        return stream + branch(norm(stream))

    def post(stream: Tensor, branch: Part, norm: Part) -> Tensor:
        return norm(stream + branch(stream))

    def to_the_normed(stream: Tensor, branch: Part, norm: Part) -> Tensor:
        return norm(stream) + branch(norm(stream))

    def branch_only(_: Tensor, branch: Part, norm: Part) -> Tensor:
        return branch(norm(_))

    def bare(stream: Tensor, branch: Part, _: Part) -> Tensor:
        return stream + branch(stream)

    def after_branch(stream: Tensor, branch: Part, norm: Part) -> Tensor:
        return stream + norm(branch(stream))

    def shifted() -> Tensor:
        return norms[0](followed(pre, norms[1:]))

    answer = trial(x=x, branches=branches, norms=norms)
    answer.requires(
        isinstance(answer.value, tuple | list) and len(answer.value) == 2,
        "two things come back, the output and the list of sizes",
        "not_two_things",
        "`return output, sizes` makes a tuple of the two.",
    )
    some = n > 0
    answer.entry(0).equals(
        right,
        "each branch adds what it makes of the normalised stream, and the last norm comes at the very end",
        Mistake(
            "last_norm_missing",
            last,
            "The stream is right, and nobody has normalised it at the end. The last norm is for that.",
        ),
        *any_of(
            "still_post_norm",
            "The sum goes through the norm, as in the post-norm model. Here the norm stands before the branch.",
            *([followed(post, norms), norms[-1](followed(post, norms))] if some else []),
        ),
        *any_of(
            "stream_normalised",
            "The branches add to the *normalised* stream. Add to the stream as it was.",
            *([norms[-1](followed(to_the_normed, norms)), followed(to_the_normed, norms)] if some else []),
        ),
        *any_of(
            "no_residuals",
            "A branch's output has replaced the stream. It should be added to it.",
            *([norms[-1](followed(branch_only, norms)), followed(branch_only, norms)] if some else []),
        ),
        *any_of(
            "branches_read_the_bare_stream",
            "The branches read the stream without a norm.",
            *([norms[-1](followed(bare, norms))] if some else []),
        ),
        *any_of(
            "norm_on_the_branch",
            "The norm stands after each branch, before the addition. It belongs before the branch.",
            *([norms[-1](followed(after_branch, norms))] if some else []),
        ),
        *any_of(
            "norms_moved_by_one",
            "The norms are one place off: branch i has norm i, and the last norm comes at the end.",
            *([shifted(), norms[-1](followed(pre, norms[1:])), norms[0](last), norms[-2](last)] if some else []),
        ),
        *any_of(
            "first_norm_twice",
            "`x` went through the first norm before the loop, and the loop normalises it again.",
            *([norms[-1](_from(norms[0](x), branches, norms))] if some else []),
        ),
        *any_of(
            "last_branch_missing",
            "The last branch is missing.",
            *([norms[-1](streams[-2])] if some else []),
        ),
        Mistake("last_norm_twice", norms[-1](right), "The last norm was applied twice."),
    )

    wanted = sizes(streams)
    ends = sizes([right])
    root_lengths = [float(stream.norm()) for stream in streams]
    answer.entry(1).equals(
        wanted,
        "the sizes are the root mean square of the stream, at the start and after each branch",
        Mistake(
            "start_missing",
            wanted[1:] if some else None,
            "The sizes after the branches are right. The first entry should be the size of the stream that came in.",
        ),
        *any_of(
            "last_size_missing",
            "The stream was measured *before* each branch, so the last size is missing.",
            *([wanted[:-1]] if some else []),
        ),
        Mistake(
            "output_measured_too", wanted + ends, "There is one size too many: the output is no longer the stream."
        ),
        Mistake(
            "end_after_the_norm",
            wanted[:-1] + ends,
            "The last entry is the size of the *output*. Wanted is that of the stream before the last norm.",
        ),
        *any_of(
            "branches_measured",
            "These are the sizes of what the branches *add*. Wanted are those of the stream.",
            *([[wanted[0], *sizes(added)], sizes(added)] if some else []),
        ),
        *any_of(
            "normalised_measured",
            "These are sizes after a norm. Wanted are those of the stream as it is.",
            *([sizes(normed) + ends, sizes(normed), [wanted[0], *sizes(normed)]] if some else []),
        ),
        *any_of(
            "lengths",
            "These are lengths: squares were added up, and not averaged.",
            root_lengths,
            root_lengths[1:],
        ),
        Mistake("no_root", [size**2 for size in wanted], "These are means of squares. The root is missing."),
        Mistake(
            "mean_absolute",
            [float(stream.abs().mean()) for stream in streams],
            "These are means of |x|. Square before you average, and take the root after.",
        ),
        Mistake(
            "spread",
            lambda got: any(
                torch.allclose(_floats(got), _floats([s.std(correction=c) for s in streams]), 1e-3, 1e-3)
                for c in (0, 1)
            ),
            "These are standard deviations, which take the mean off first. Wanted is the root mean square.",
        ),
        Mistake(
            "mean_of_roots",
            [float(stream.square().mean(-1).sqrt().mean()) for stream in streams],
            "The root mean square was taken for each vector, and then averaged. Wanted is one over all numbers.",
        ),
        Mistake(
            "streams_kept",
            lambda got: len(got) >= n and some and all(isinstance(s, Tensor) and s.shape == x.shape for s in got),
            "The list holds the streams themselves. Wanted is one number for each, its root mean square.",
        ),
        Mistake(
            "size_of_the_last",
            lambda got: _floats(got).shape == () and some and math.isclose(float(got), wanted[-1], rel_tol=1e-3),
            "That is the last size alone. Keep a list, and append to it after each branch.",
        ),
    )


def _from(x: Tensor, branches: list[Part], norms: list[Part]) -> Tensor:
    for branch, norm in zip(branches, norms[:-1], strict=True):
        x = x + branch(norm(x))
    return x


def _floats(values: Any) -> Tensor:
    return torch.tensor([float(value) for value in values]) if isinstance(values, list) else torch.as_tensor(values)


# ── 08.6 ──


@exercise("08.6", title="What a model holds", stars=2, minutes=15)
def count(trial: Trial) -> None:
    for vocabulary, width, n_layers, n_heads, n_kv_heads, hidden, gated, bias, tied in (
        (321, 40, 7, 10, 5, 130, True, True, False),
        (512, 64, 5, 8, 4, 172, True, False, True),
        (100, 24, 3, 4, 4, 96, False, False, False),
        (100, 24, 3, 4, 4, 96, False, True, True),
        (50_000, 768, 12, 12, 1, 2048, True, False, False),
        (77, 12, 1, 6, 3, 20, False, True, False),
    ):
        _counts(trial, vocabulary, width, n_layers, n_heads, n_kv_heads, hidden, gated, bias, tied)


def _counts(
    trial: Trial,
    vocabulary: int,
    width: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    hidden: int,
    gated: bool,
    bias: bool,
    tied: bool,
) -> None:
    kv = n_kv_heads * width // n_heads
    big = vocabulary * width

    def attention(to: int = width, kv: int = kv, maps_back: int = 1, b: float = bias) -> float:
        """A layer's, with queries and output of `to` numbers and keys and values of `kv`."""
        return to * (width + b) + 2 * kv * (width + b) + maps_back * width * (to + b)

    def feed_forward(gated: bool = gated, b: float = bias, hidden: int = hidden) -> float:
        return (1 + gated) * hidden * (width + b) + width * (hidden + b)

    answer = trial(
        vocabulary=vocabulary,
        width=width,
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        hidden=hidden,
        gated=gated,
        bias=bias,
        tied=tied,
    )

    def expect(key: str, right: float, law: str, *mistakes: Mistake) -> None:
        answer.entry(key).equals(right, law, *mistakes, tolerance=1e-7)

    one_layer = "That is right for *one* layer. Wanted are all layers together."
    expect(
        "embedding",
        big,
        "the embedding has V rows of D numbers",
        Mistake("embedding_twice", 2 * big, "The matrix was counted twice. The head has an entry of its own."),
        Mistake("embedding_halved", big / 2, "The matrix was counted half. Whatever shares it, it is there in full."),
        Mistake("embedding_by_hidden", vocabulary * hidden, "A row of the embedding has D numbers, not F."),
        Mistake("vocabulary_only", vocabulary, "That is the number of rows. Each has D numbers."),
        Mistake(
            "embedding_with_bias",
            big + width,
            "There is no bias in the embedding. Biases belong to the maps of the blocks.",
        ),
    )
    expect(
        "attention",
        n_layers * attention(),
        "attention has maps D → D for queries and output and maps D → G·K for keys and for values",
        Mistake("one_layer", attention(), one_layer),
        Mistake(
            "kv_heads_ignored",
            n_layers * attention(kv=width),
            "Keys and values were counted with all H heads. There are only G of them here.",
        ),
        Mistake(
            "all_heads_shared",
            n_layers * attention(to=kv),
            "Queries and output were counted with G heads. Only keys and values are shared.",
        ),
        *any_of(
            "values_not_shared",
            "Keys were counted with G heads and values with H, or the other way round. Both have G.",
            n_layers * (attention() + (width - kv) * (width + bias)),
        ),
        Mistake(
            "output_map_missing",
            n_layers * attention(maps_back=0),
            "The fourth map is missing, from the heads back to D.",
        ),
        Mistake(
            "keys_and_values_once",
            n_layers * (attention() - kv * (width + bias)),
            "Keys and values have a map each. Yours has one for both.",
        ),
        Mistake(
            "each_head_full_width",
            n_layers * n_heads * attention(kv=width),
            "Each head was given the full width. All heads *together* have D numbers: K = D / H.",
        ),
        Mistake(
            "one_head_only",
            n_layers * (2 * (width // n_heads) * (width + bias) + 2 * kv * (width + bias)),
            "Queries and output were counted for one head. There are H of them.",
        ),
        Mistake(
            "one_kv_head_only",
            n_layers * attention(kv=width // n_heads),
            "Keys and values were counted for one head. There are G of them.",
        ),
        *any_of(
            "bias_forgotten",
            "The biases are missing. With `bias`, each of the four maps has one for each number that comes out.",
            *([n_layers * attention(b=0)] if bias else []),
        ),
        *any_of(
            "bias_always",
            "Biases were counted, and here there are none (`bias` is False).",
            *([n_layers * attention(b=1)] if not bias else []),
        ),
        *any_of(
            "no_bias_on_the_output",
            "The last map of attention has a bias, too.",
            *([n_layers * (attention() - width)] if bias else []),
        ),
        *any_of(
            "biases_all_as_wide",
            "Keys and values have biases of G·K numbers, as many as come out of their maps.",
            *([n_layers * (attention(b=0) + 4 * width)] if bias else []),
        ),
    )
    inwards = (1 + gated) * hidden
    expect(
        "mlp",
        n_layers * feed_forward(),
        "the MLP has a map D → F, one more if it is gated, and a map F → D",
        Mistake("mlp_of_one_layer", feed_forward(), one_layer),
        *any_of(
            "gate_forgotten",
            "It is gated, and the third map is missing.",
            *([n_layers * feed_forward(gated=False)] if gated else []),
        ),
        *any_of(
            "gate_always",
            "Three maps were counted, and this one is not gated.",
            *([n_layers * feed_forward(gated=True)] if not gated else []),
        ),
        Mistake(
            "map_back_missing",
            n_layers * inwards * (width + bias),
            "The map from F back to D is missing.",
        ),
        Mistake(
            "hidden_ignored",
            n_layers * feed_forward(hidden=4 * width) if hidden != 4 * width else None,
            "You took 4 D for the hidden width. Here it is given, `hidden`.",
        ),
        *any_of(
            "mlp_bias_forgotten",
            "The biases are missing. With `bias`, each of the maps has one for each number that comes out.",
            *([n_layers * feed_forward(b=0)] if bias else []),
        ),
        *any_of(
            "mlp_bias_always",
            "Biases were counted, and here there are none (`bias` is False).",
            *([n_layers * feed_forward(b=1)] if not bias else []),
        ),
        *any_of(
            "biases_of_what_goes_in",
            "The sizes of the biases are not right. A bias belongs to what comes *out*: F numbers for a map inwards, D "
            "for the one back.",
            *(
                [
                    n_layers * (feed_forward(b=0) + (1 + gated) * width + hidden),
                    n_layers * (feed_forward(b=0) + (2 + gated) * width),
                    n_layers * (feed_forward(b=0) + (2 + gated) * hidden),
                    n_layers * (feed_forward(b=0) + hidden),
                    n_layers * (feed_forward(b=0) + width),
                    n_layers * (feed_forward(b=0) + 1),
                ]
                if bias
                else []
            ),
        ),
        *any_of(
            "gate_without_bias",
            "The map of the gate has a bias, too.",
            *([n_layers * (feed_forward() - hidden)] if bias and gated else []),
        ),
    )
    expect(
        "norms",
        (2 * n_layers + 1) * width,
        "each layer has two norms, and there is one before the head, with D gains each",
        Mistake("last_norm_missing", 2 * n_layers * width, "The norm before the head is missing."),
        Mistake(
            "one_norm_a_layer",
            (n_layers + 1) * width,
            "Each layer has two norms, one for each branch.",
        ),
        Mistake(
            "norms_have_biases",
            2 * (2 * n_layers + 1) * width,
            "Each norm was counted with gain and bias. An RMSNorm has gains only.",
        ),
        Mistake(
            "last_norm_in_every_layer",
            3 * n_layers * width,
            "The norm before the head stands there once, not in every layer.",
        ),
        Mistake("one_gain_a_norm", 2 * n_layers + 1, "That is how many norms there are. Each has D gains."),
    )
    expect(
        "head",
        0 if tied else big,
        "the head has D · V numbers, and none if it shares the embedding's matrix",
        *any_of(
            "tied_head_counted",
            "The head is tied: it uses the embedding's matrix, which has been counted already.",
            *([big] if tied else []),
        ),
        *any_of(
            "head_missing",
            "The head is not tied here, so it has a matrix of its own.",
            *([0] if not tied else []),
        ),
        *any_of(
            "head_with_bias",
            "The head has no bias.",
            vocabulary if tied else big + vocabulary,
        ),
    )
    total = big * (2 - tied) + n_layers * (attention() + feed_forward()) + (2 * n_layers + 1) * width
    expect(
        "total",
        total,
        "the total is the sum of the five",
        *any_of(
            "total_of_some",
            "All five entries are right, and one of them is missing in the sum.",
            total - (2 * n_layers + 1) * width,
            total - n_layers * attention(),
            total - n_layers * feed_forward(),
            total - big,
        ),
        Mistake("total_twice", 2 * total, "That is twice the sum. Did the total itself take part in it?"),
    )


# ── 08.7 ──


@exercise("08.7", title="Which part is missing?", stars=2, minutes=20)
def predictions(trial: Trial) -> None:
    said = trial()

    def expect(key: str, right: float, law: str, *mistakes: Mistake, tolerance: float = 2e-3) -> None:
        said.entry(key).equals(right, law, *mistakes, tolerance=tolerance, reveal=False)

    expect(
        "hidden",
        2048,
        "the numbers of the maps, two before and three after, are the same",
        Mistake("hidden_as_before", 3072, "With that width, the third map comes on top."),
        Mistake("hidden_halved", 1536, "Half the width would be right for *four* maps. Count the gated ones again."),
        Mistake(
            "hidden_of_the_difference", 1024, "That is a third. The two maps of before are shared out among three."
        ),
        Mistake("ratio_upside_down", 4608, "That is wider than before, and there are more maps. It cannot be."),
        Mistake(
            "hidden_in_widths", 8 / 3, "That is how many times the width of the model. Wanted is the width itself."
        ),
        Mistake(
            "hidden_parameters",
            2 * 768 * 3072,
            "That is the number of parameters. Wanted is the hidden width that leads to it.",
        ),
        tolerance=1e-5,
    )
    expect(
        "dropout",
        12,
        "dropout leaves the *mean* to be expected as it was",
        Mistake(
            "squares_unchanged",
            9,
            "Dropout keeps the mean of the numbers. Does that keep the mean of their squares, too?",
        ),
        Mistake("not_made_up_for", 6.75, "What is dropped has to be made up for by what stays."),
        Mistake("only_those_that_stay", 16, "That is the square of a number that stays. Some are 0."),
        Mistake("mean_not_squares", 3, "That is the mean of the numbers. Wanted is the mean of their squares."),
        *any_of(
            "shares_mixed_up",
            "The shares are mixed up: 0.25 is the share that is *dropped*.",
            36,
            0.25 * 16,
            108,
            2.25,
        ),
        Mistake("squared_after_the_mean", 5.0625, "That is the square of a mean, and what stays was not made larger."),
        Mistake("root_of_the_mean", math.sqrt(12), "The root was taken. Wanted is the mean of the squares itself."),
    )
    expect(
        "stream",
        math.sqrt(13),
        "the stream at the end is the sum of what came in and of all that was added",
        Mistake(
            "mean_square_not_root",
            13,
            "Is that the mean square? Wanted is its root. (If sizes were added: the *squares* add up.)",
        ),
        Mistake(
            "one_branch_a_block",
            math.sqrt(7),
            "That has 12 additions of 0.5, or 24 of 0.25. There are 24, and 0.5 is a mean square already.",
        ),
        Mistake("start_forgotten", math.sqrt(12), "The stream is not empty at the start."),
        *any_of(
            "sizes_added",
            "Root mean squares were added up. Unrelated numbers cancel in part; it is their *squares* that add up.",
            1 + 24 * math.sqrt(0.5),
            1 + 12 * math.sqrt(0.5),
            24 * math.sqrt(0.5),
            7,
        ),
        Mistake("one_branch_only", math.sqrt(1.5), "That is after a single branch. There are 24."),
        Mistake("one_block_only", math.sqrt(2), "That is after the first block. There are 12."),
        Mistake("after_the_last_norm", 1, "That is so after the last norm, or in a post-norm model."),
        Mistake("start_and_branches", math.sqrt(25), "The branches add a mean square of 0.5 each, not 1."),
    )
    expect(
        "crossover",
        3072,
        "only products of token with token grow with the square of T, and there are two tables of them",
        Mistake("mlp_alone", 2048, "Compared with the MLP alone. Attention has linear maps, too."),
        Mistake("maps_of_attention_alone", 1024, "Compared with the maps of attention alone. The MLP has some, too."),
        Mistake(
            "half_the_tables",
            6144,
            "That is twice too long. Both the scores and the weighted means count, and the hidden half of the table is "
            "computed. (And did you count multiplications on both sides?)",
        ),
        Mistake(
            "twice_the_tables",
            1536,
            "That is half of it. Were additions counted on one side only, or the two tables twice?",
        ),
        Mistake("output_map_missing", 2816, "The map of attention's output is missing."),
        Mistake("only_the_width", 512, "There is more in the block than one map of 512 × 512."),
        Mistake(
            "per_head",
            lambda got: got > 0 and got != 3072 and math.isclose(math.log2(got / 3072) % 1, 0) and got > 6144,
            "Was the width of a single head taken? All heads together have 512 numbers.",
        ),
        tolerance=1e-5,
    )
    _reads_the_table(said)


REMOVED = {"attention": "F", "mlp": "C", "positions": "E", "residuals": "A", "norms": "D", "nothing": "B"}
"""Which program of 08.7 lacks which part."""


def _reads_the_table(said: Returned) -> None:
    lacks = {letter: name for name, letter in REMOVED.items()}
    hints = {
        ("attention", "positions"): (
            "attention_replaced_word",
            "There the last scores change when the third word does. How would they know of it?",
        ),
        ("attention", "mlp"): (
            "attention_is_smaller",
            "Look at how many numbers are left. How many of a block's matrices belong to attention?",
        ),
        ("attention", "*"): (
            "attention_hears_others",
            "There the last word hears of the second and the third. What else could have told it?",
        ),
        ("mlp", "attention"): (
            "mlp_is_larger",
            "Look at how many numbers are left. How many of a block's matrices belong to the MLP?",
        ),
        ("mlp", "*"): ("mlp_holds_numbers", "There the block has all its matrices still."),
        ("positions", "attention"): (
            "positions_hear_nothing",
            "There not even another word makes a difference. Without positions, words are still heard.",
        ),
        ("positions", "*"): (
            "positions_see_order",
            "There the order of two words makes a difference. Without positions, the last word sees a set.",
        ),
        ("residuals", "norms"): (
            "residuals_grow",
            "Without residuals, everything goes through a norm, which takes the size away. There the size grows.",
        ),
        ("residuals", "*"): (
            "residuals_keep_the_size",
            "There ten times the embedding makes a difference. If every path begins with a norm, can it?",
        ),
        ("norms", "residuals"): (
            "norms_take_the_size",
            "There the size of the embedding makes no difference at all. That is what a norm does.",
        ),
        ("norms", "*"): (
            "norms_hold_the_size",
            "There the scores keep about their size when the embedding grows tenfold. What holds them, if not a norm?",
        ),
        ("nothing", "attention"): ("whole_lacks_attention", "The last scores there know of no other word."),
        ("nothing", "mlp"): ("whole_lacks_numbers", "That block holds fewer numbers than others. So a part is gone."),
        ("nothing", "positions"): ("whole_lacks_order", "A whole model notices the order of its words."),
        ("nothing", "residuals"): (
            "whole_lacks_size",
            "With residuals, ten times the embedding weighs more against what the branches add. There it does not.",
        ),
        ("nothing", "norms"): ("whole_lacks_limits", "In a whole model a norm stands before the head."),
    }
    for name in REMOVED:
        entry = said.entry(name)
        letter = str(entry.value).strip().upper()
        law = f"the numbers of {name!r} are those of its program"
        entry.requires(
            isinstance(entry.value, str) and letter in lacks,
            law,
            "no_letter",
            f"Under {name!r} there should be one of the letters A to F, as text in quotation marks.",
        )
        if letter != REMOVED[name]:
            mistake, says = hints.get((name, lacks[letter])) or hints[(name, "*")]
            entry.requires(False, law, mistake, says)
