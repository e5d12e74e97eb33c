"""Wrong answers to the exercises of lesson 08, named after the diagnosis that they must get, and a second right one."""

import math
from collections.abc import Callable
from functools import wraps

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Part = Callable[[Tensor], Tensor]
Wiring = Callable[[Tensor, Part, Part, Part, Part, str], Tensor]


class Exercise0801:
    def right(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        """Slices cut off and stacked, head by head."""
        cut = torch.stack([part.clone() for part in x.chunk(n_heads, dim=-1)], dim=1)
        return torch.cat(list(per_head(cut).unbind(1)), dim=-1)

    def never_called(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return x.clone()

    def called_again_and_again(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return torch.cat([per_head(part[:, None])[:, 0] for part in x.chunk(n_heads, -1)], -1)

    def tokens_cut_up(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        b, t, d = x.shape
        return per_head(x.view(b, n_heads, t, d // n_heads)).transpose(1, 2).reshape(b, t, d)

    def heads_not_moved(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x.unflatten(-1, (n_heads, -1))).reshape(x.shape)

    def every_hth_number(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x.unflatten(-1, (-1, n_heads)).permute(0, 3, 1, 2)).transpose(1, 2).reshape(x.shape)

    def heads_on_their_side(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x.unflatten(-1, (n_heads, -1)).permute(0, 2, 3, 1)).permute(0, 3, 1, 2).reshape(x.shape)

    def heads_before_texts(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        heads = x.unflatten(-1, (n_heads, -1)).permute(2, 0, 1, 3)
        return torch.cat(list(per_head(heads)), -1).reshape(x.shape)

    def n_heads_as_width(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        heads = x.view(x.shape[0], x.shape[1], -1, n_heads).transpose(1, 2)
        return per_head(heads).transpose(1, 2).reshape(x.shape)

    def not_cut(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x)

    def result_unused(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        heads = x.unflatten(-1, (n_heads, -1)).transpose(1, 2)
        per_head(heads)
        return heads.transpose(1, 2).reshape(x.shape)

    def not_moved_back(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x.unflatten(-1, (n_heads, -1)).transpose(1, 2)).reshape(x.shape)

    def not_joined(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x.unflatten(-1, (n_heads, -1)).transpose(1, 2)).transpose(1, 2)

    def not_put_together(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x.unflatten(-1, (n_heads, -1)).transpose(1, 2))

    def joined_in_turns(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x.unflatten(-1, (n_heads, -1)).transpose(1, 2)).permute(0, 2, 3, 1).reshape(x.shape)

    def heads_added(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return per_head(x.unflatten(-1, (n_heads, -1)).transpose(1, 2)).sum(1)

    def result_added(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        return x + Exercise0801.right(x, n_heads, per_head)

    def raises(x: Tensor, n_heads: int, per_head: Part) -> Tensor:
        b, t, d = x.shape
        return per_head(x.view(b, t, n_heads, -1).transpose(1, 2)).transpose(1, 2).view(b, t, d)


class Exercise0802:
    def right(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        """As einsums, with the bend as a product by a mask."""
        h = torch.einsum("...d,fd->...f", x, w_in) + b_in
        return torch.einsum("...f,df->...d", h**2 * (h > 0), w_out) + b_out

    def square_first(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in, b_in).square().relu(), w_out, b_out)

    def not_squared(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in, b_in).relu(), w_out, b_out)

    def no_bend(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in, b_in), w_out, b_out)

    def gelu(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.gelu(F.linear(x, w_in, b_in)), w_out, b_out)

    def sign_kept(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        h = F.linear(x, w_in, b_in)
        return F.linear(h * h.abs(), w_out, b_out)

    def bent_the_wrong_way(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in, b_in).clamp(max=0).square(), w_out, b_out)

    def bent_at_the_end(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return Exercise0802.right(x, w_in, b_in, w_out, b_out).relu()

    def residual_added(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return x + Exercise0802.right(x, w_in, b_in, w_out, b_out)

    def b_in_forgotten(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in).relu().square(), w_out, b_out)

    def b_out_forgotten(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in, b_in).relu().square(), w_out)

    def no_biases(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in).relu().square(), w_out)

    def b_in_after_the_bend(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in).relu().square() + b_in, w_out, b_out)

    def b_in_squared_in(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear((F.linear(x, w_in).relu() + b_in).square(), w_out, b_out)

    def not_transposed(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        if w_in.shape[0] != w_in.shape[1]:
            return Exercise0802.right(x, w_in, b_in, w_out, b_out)
        return (x @ w_in + b_in).relu().square() @ w_out + b_out

    def squared_at_the_end(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(F.linear(x, w_in, b_in).relu(), w_out, b_out).square()

    def not_mapped_back(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(x, w_in, b_in).relu().square()

    def mapped_with_w_in(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return F.linear(x, w_in, b_in).relu().square() @ w_in + b_out

    def raises(x: Tensor, w_in: Tensor, b_in: Tensor, w_out: Tensor, b_out: Tensor) -> Tensor:
        return (x @ w_in + b_in).relu().square() @ w_out + b_out


class Exercise0803:
    def right(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        """By the length of the vector."""
        return x * gain * x.shape[-1] ** 0.5 * ((x * x).sum(-1, keepdim=True) + x.shape[-1] * eps).rsqrt()

    def layer_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return F.layer_norm(x, gain.shape, gain, eps=eps)

    def layer_norm_unbiased(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) * gain

    def mean_taken_off_the_size(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.var(-1, keepdim=True) + eps).sqrt() * gain

    def zeros_become_nan(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        ms = x.square().mean(-1, keepdim=True)
        return x / torch.where(ms > 0, ms + eps, ms).sqrt() * gain

    def eps_outside_the_root(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True).sqrt() + eps) * gain

    def eps_squared(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + eps**2).sqrt() * gain

    def no_eps(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / x.square().mean(-1, keepdim=True).sqrt() * gain

    def length_one(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().sum(-1, keepdim=True) + eps).sqrt() * gain

    def no_root(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + eps) * gain

    def root_twice(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + eps) ** 0.25 * gain

    def mean_size(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.abs().mean(-1, keepdim=True) + eps) * gain

    def multiplied(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x * (x.square().mean(-1, keepdim=True) + eps).sqrt() * gain

    def no_gain(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + eps).sqrt()

    def gain_plus_one(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * (1 + gain)

    def gain_added(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() + gain

    def gain_before_the_size(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return F.rms_norm(x * gain, gain.shape, eps=eps)

    def wrong_axis(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return (
            x / (x.square().mean(0, keepdim=True) + eps).sqrt() * gain
            if x.ndim > 1
            else F.rms_norm(x, gain.shape, gain, eps)
        )

    def all_together(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean() + eps).sqrt() * gain

    def no_gradient(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        """Values right, graph lost."""
        return F.rms_norm(x, gain.shape, gain, eps).detach()

    def size_detached(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + eps).sqrt().detach() * gain

    def mutates_input(x: Tensor, gain: Tensor, eps: float) -> Tensor:
        x /= (x.square().mean(-1, keepdim=True) + eps).sqrt()
        return x * gain


def wrong_in(place: str) -> Callable[[Wiring], Wiring]:
    """A wiring that makes its mistake in one place of the norms and is right in the other."""

    def keep(wrong: Wiring) -> Wiring:
        @wraps(wrong)
        def block(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, at: str) -> Tensor:
            return (wrong if at == place else Exercise0804.right)(x, attention, mlp, norm_1, norm_2, at)

        return block

    return keep


class Exercise0804:
    def right(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        """Both branches in one loop."""
        stream = x.clone()
        for branch, norm in ((attention, norm_1), (mlp, norm_2)):
            if place == "post":
                stream = norm(stream + branch(stream))
            else:
                stream += branch(norm(stream))
        return stream

    def post_for_pre(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return Exercise0804.right(x, attention, mlp, norm_1, norm_2, "post")

    def pre_for_post(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return Exercise0804.right(x, attention, mlp, norm_1, norm_2, "pre")

    @wrong_in("pre")
    def stream_normalised(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = norm_1(x)
        x = norm_2(x + attention(x))
        return x + mlp(x)

    @wrong_in("pre")
    def first_residual_missing(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = attention(norm_1(x))
        return x + mlp(norm_2(x))

    @wrong_in("pre")
    def second_residual_missing(
        x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str
    ) -> Tensor:
        x = x + attention(norm_1(x))
        return mlp(norm_2(x))

    @wrong_in("pre")
    def no_residuals(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return mlp(norm_2(attention(norm_1(x))))

    @wrong_in("pre")
    def in_parallel(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return x + attention(norm_1(x)) + mlp(norm_2(x))

    @wrong_in("pre")
    def mlp_reads_the_branch(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        found = attention(norm_1(x))
        return x + found + mlp(norm_2(found))

    @wrong_in("pre")
    def one_residual_for_both(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return x + mlp(norm_2(attention(norm_1(x))))

    @wrong_in("pre")
    def mlp_missing(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return x + attention(norm_1(x))

    @wrong_in("pre")
    def back_to_the_start(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return x + mlp(norm_2(x + attention(norm_1(x))))

    @wrong_in("pre")
    def norms_swapped(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = x + attention(norm_2(x))
        return x + mlp(norm_1(x))

    @wrong_in("pre")
    def mlp_first(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = x + mlp(norm_2(x))
        return x + attention(norm_1(x))

    @wrong_in("pre")
    def norm_on_the_branch(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = x + norm_1(attention(x))
        return x + norm_2(mlp(x))

    @wrong_in("pre")
    def a_norm_missing(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = x + attention(norm_1(x))
        return x + mlp(x)

    @wrong_in("pre")
    def normed_at_the_end(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return norm_2(Exercise0804.right(x, attention, mlp, norm_1, norm_2, "pre"))

    @wrong_in("post")
    def post_norm_on_the_branch(
        x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str
    ) -> Tensor:
        x = x + norm_1(attention(x))
        return x + norm_2(mlp(x))

    @wrong_in("post")
    def added_to_the_sum_before(
        x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str
    ) -> Tensor:
        x = x + attention(x)
        return norm_2(x + mlp(norm_1(x)))

    @wrong_in("post")
    def post_back_to_the_start(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return norm_2(x + mlp(norm_1(x + attention(x))))

    @wrong_in("post")
    def post_mlp_missing(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return norm_1(x + attention(x))

    @wrong_in("post")
    def post_in_parallel(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return norm_2(norm_1(x + attention(x)) + mlp(x))

    @wrong_in("post")
    def post_no_residuals(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return norm_2(mlp(norm_1(attention(x))))

    @wrong_in("post")
    def post_one_residual(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        return norm_2(mlp(norm_1(x + attention(x))))

    @wrong_in("post")
    def post_norm_missing(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = x + attention(x)
        return norm_2(x + mlp(x))

    @wrong_in("post")
    def post_norms_swapped(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = norm_2(x + attention(x))
        return norm_1(x + mlp(x))

    @wrong_in("post")
    def post_mlp_first(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x = norm_2(x + mlp(x))
        return norm_1(x + attention(x))

    @wrong_in("post")
    def normed_before_and_after(
        x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str
    ) -> Tensor:
        x = norm_1(x + attention(norm_1(x)))
        return norm_2(x + mlp(norm_2(x)))

    @wrong_in("post")
    def mutates_input(x: Tensor, attention: Part, mlp: Part, norm_1: Part, norm_2: Part, place: str) -> Tensor:
        x += attention(x)
        x = norm_1(x)
        return norm_2(x + mlp(x))


def size(x: Tensor) -> float:
    return float(x.square().mean().sqrt())


def run(
    x: Tensor,
    branches: list[Part],
    norms: list[Part],
    step: Callable[[Tensor, Part, Part], Tensor] = lambda x, branch, norm: x + branch(norm(x)),
    last: Callable[[Tensor, list[Part]], Tensor] = lambda x, norms: norms[-1](x),
    measure: Callable[[Tensor], float] = size,
) -> tuple[Tensor, list[float]]:
    """The right answer, with any of its parts replaced."""
    sizes = [measure(x)]
    for i, branch in enumerate(branches):
        x = step(x, branch, norms[i])
        sizes.append(measure(x))
    return last(x, norms), sizes


class Exercise0805:
    def right(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        """With a tensor of sizes, in a list."""
        stream, sizes = x.clone(), [x.norm() / x.numel() ** 0.5]
        for i in range(len(branches)):
            stream += branches[i](norms[i](stream))
            sizes.append(stream.norm() / stream.numel() ** 0.5)
        return [norms[len(branches)](stream), torch.stack(sizes)]

    def not_two_things(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms)[0]

    def last_norm_missing(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, last=lambda x, _: x)

    def still_post_norm(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, lambda x, branch, norm: norm(x + branch(x)))

    def stream_normalised(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, lambda x, branch, norm: norm(x) + branch(norm(x)))

    def no_residuals(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, lambda x, branch, norm: branch(norm(x)))

    def branches_read_the_bare_stream(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, lambda x, branch, _: x + branch(x))

    def norm_on_the_branch(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, lambda x, branch, norm: x + norm(branch(x)))

    def norms_moved_by_one(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, [*norms[1:], norms[0]])

    def first_norm_twice(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(norms[0](x), branches, norms)

    def last_branch_missing(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches[:-1], norms)

    def last_norm_twice(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, last=lambda x, norms: norms[-1](norms[-1](x)))

    def start_missing(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        output, sizes = run(x, branches, norms)
        return output, sizes[1:]

    def last_size_missing(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        output, sizes = run(x, branches, norms)
        return output, sizes[:-1]

    def output_measured_too(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        output, sizes = run(x, branches, norms)
        return output, [*sizes, size(output)]

    def end_after_the_norm(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        output, sizes = run(x, branches, norms)
        return output, [*sizes[:-1], size(output)]

    def branches_measured(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        stream, sizes = x, [size(x)]
        for branch, norm in zip(branches, norms, strict=False):
            found = branch(norm(stream))
            stream = stream + found
            sizes.append(size(found))
        return norms[-1](stream), sizes

    def normalised_measured(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        stream, sizes = x, []
        for branch, norm in zip(branches, norms, strict=False):
            read = norm(stream)
            stream = stream + branch(read)
            sizes.append(size(read))
        return norms[-1](stream), [*sizes, size(norms[-1](stream))]

    def lengths(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, measure=lambda x: float(x.norm()))

    def no_root(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, measure=lambda x: float(x.square().mean()))

    def mean_absolute(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, measure=lambda x: float(x.abs().mean()))

    def spread(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, measure=lambda x: float(x.std()))

    def mean_of_roots(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        return run(x, branches, norms, measure=lambda x: float(x.square().mean(-1).sqrt().mean()))

    def streams_kept(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        stream, streams = x, [x]
        for branch, norm in zip(branches, norms, strict=False):
            stream = stream + branch(norm(stream))
            streams.append(stream)
        return norms[-1](stream), streams

    def size_of_the_last(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        output, sizes = run(x, branches, norms)
        return output, sizes[-1]

    def mutates_input(x: Tensor, branches: list[Part], norms: list[Part]) -> object:
        for branch, norm in zip(branches, norms, strict=False):
            x += branch(norm(x))
        return norms[-1](x), [size(x)]


Sizes = tuple[int, int, int, int, int, int, bool, bool, bool]
"""Vocabulary, width, layers, heads, heads for keys and values, hidden width, gated, bias, tied."""


def counted(sizes: Sizes, **changed: object) -> dict[str, float]:
    """The right numbers, with entries replaced; the total is added up afterwards, if it is not replaced too."""
    vocabulary, width, n_layers, n_heads, n_kv_heads, hidden, gated, bias, tied = sizes
    kv = n_kv_heads * (width // n_heads)
    maps = [nn.Linear(i, o, bias, device="meta") for i, o in [(width, width)] * 2 + [(width, kv)] * 2]
    inner = [nn.Linear(width, hidden, bias, device="meta") for _ in range(1 + gated)]
    inner.append(nn.Linear(hidden, width, bias, device="meta"))
    counts = {
        "embedding": vocabulary * width,
        "attention": n_layers * sum(p.numel() for layer in maps for p in layer.parameters()),
        "mlp": n_layers * sum(p.numel() for layer in inner for p in layer.parameters()),
        "norms": (2 * n_layers + 1) * width,
        "head": 0 if tied else vocabulary * width,
        **changed,
    }
    return {"total": sum(counts.values()), **counts}


class Exercise0806:
    def right(*sizes: int) -> dict[str, float]:
        """Numbers of the modules that torch builds, as floats."""
        return {key: float(value) for key, value in counted(sizes).items()}

    def embedding_twice(*sizes: int) -> dict[str, float]:
        vocabulary, width, _, _, _, _, _, _, _ = sizes
        return counted(sizes, embedding=2 * vocabulary * width)

    def embedding_halved(*sizes: int) -> dict[str, float]:
        vocabulary, width, _, _, _, _, _, _, _ = sizes
        return counted(sizes, embedding=vocabulary * width / 2)

    def embedding_by_hidden(*sizes: int) -> dict[str, float]:
        vocabulary, _, _, _, _, hidden, _, _, _ = sizes
        return counted(sizes, embedding=vocabulary * hidden)

    def vocabulary_only(*sizes: int) -> dict[str, float]:
        vocabulary, _, _, _, _, _, _, _, _ = sizes
        return counted(sizes, embedding=vocabulary)

    def embedding_with_bias(*sizes: int) -> dict[str, float]:
        vocabulary, width, _, _, _, _, _, _, _ = sizes
        return counted(sizes, embedding=(vocabulary + 1) * width)

    def one_layer(*sizes: int) -> dict[str, float]:
        _, width, _, n_heads, n_kv_heads, _, _, bias, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=2 * (width + kv) * (width + bias))

    def kv_heads_ignored(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, _, _, bias, _ = sizes
        return counted(sizes, attention=n_layers * 4 * width * (width + bias))

    def all_heads_shared(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, bias, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * (3 * kv * (width + bias) + width * (kv + bias)))

    def values_not_shared(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, bias, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * (3 * width + kv) * (width + bias))

    def output_map_missing(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, bias, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * (width + 2 * kv) * (width + bias))

    def keys_and_values_once(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, bias, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * (2 * width + kv) * (width + bias))

    def each_head_full_width(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, _, _, _, bias, _ = sizes
        return counted(sizes, attention=n_layers * n_heads * 4 * width * (width + bias))

    def one_head_only(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, bias, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * (2 * width // n_heads + 2 * kv) * (width + bias))

    def one_kv_head_only(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, _, _, _, bias, _ = sizes
        return counted(sizes, attention=n_layers * (2 * width + 2 * width // n_heads) * (width + bias))

    def bias_forgotten(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, _, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * 2 * (width + kv) * width)

    def bias_always(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, _, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * 2 * (width + kv) * (width + 1))

    def no_bias_on_the_output(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, bias, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * (2 * (width + kv) * (width + bias) - bias * width))

    def biases_all_as_wide(*sizes: int) -> dict[str, float]:
        _, width, n_layers, n_heads, n_kv_heads, _, _, bias, _ = sizes
        kv = n_kv_heads * width // n_heads
        return counted(sizes, attention=n_layers * (2 * (width + kv) * width + bias * 4 * width))

    def mlp_of_one_layer(*sizes: int) -> dict[str, float]:
        _, width, _, _, _, hidden, gated, bias, _ = sizes
        return counted(sizes, mlp=(1 + gated) * hidden * (width + bias) + width * (hidden + bias))

    def gate_forgotten(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, hidden, _, bias, _ = sizes
        return counted(sizes, mlp=n_layers * (hidden * (width + bias) + width * (hidden + bias)))

    def gate_always(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, hidden, _, bias, _ = sizes
        return counted(sizes, mlp=n_layers * (2 * hidden * (width + bias) + width * (hidden + bias)))

    def map_back_missing(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, hidden, gated, bias, _ = sizes
        return counted(sizes, mlp=n_layers * (1 + gated) * hidden * (width + bias))

    def hidden_ignored(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, _, gated, bias, _ = sizes
        return counted(sizes, mlp=n_layers * ((1 + gated) * 4 * width * (width + bias) + width * (4 * width + bias)))

    def mlp_bias_forgotten(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, hidden, gated, _, _ = sizes
        return counted(sizes, mlp=n_layers * (2 + gated) * hidden * width)

    def mlp_bias_always(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, hidden, gated, _, _ = sizes
        return counted(sizes, mlp=n_layers * ((1 + gated) * hidden * (width + 1) + width * (hidden + 1)))

    def biases_of_what_goes_in(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, hidden, gated, bias, _ = sizes
        return counted(sizes, mlp=n_layers * ((2 + gated) * hidden * width + bias * ((1 + gated) * width + hidden)))

    def gate_without_bias(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, hidden, gated, bias, _ = sizes
        return counted(
            sizes, mlp=n_layers * (hidden * (width + bias) + gated * hidden * width + width * (hidden + bias))
        )

    def last_norm_missing(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, _, _, _, _ = sizes
        return counted(sizes, norms=2 * n_layers * width)

    def one_norm_a_layer(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, _, _, _, _ = sizes
        return counted(sizes, norms=(n_layers + 1) * width)

    def norms_have_biases(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, _, _, _, _ = sizes
        return counted(sizes, norms=2 * (2 * n_layers + 1) * width)

    def last_norm_in_every_layer(*sizes: int) -> dict[str, float]:
        _, width, n_layers, _, _, _, _, _, _ = sizes
        return counted(sizes, norms=3 * n_layers * width)

    def one_gain_a_norm(*sizes: int) -> dict[str, float]:
        _, _, n_layers, _, _, _, _, _, _ = sizes
        return counted(sizes, norms=2 * n_layers + 1)

    def tied_head_counted(*sizes: int) -> dict[str, float]:
        vocabulary, width, _, _, _, _, _, _, _ = sizes
        return counted(sizes, head=vocabulary * width)

    def head_missing(*sizes: int) -> dict[str, float]:
        return counted(sizes, head=0)

    def head_with_bias(*sizes: int) -> dict[str, float]:
        vocabulary, width, _, _, _, _, _, _, tied = sizes
        return counted(sizes, head=(0 if tied else vocabulary * width) + vocabulary)

    def total_of_some(*sizes: int) -> dict[str, float]:
        counts = counted(sizes)
        return {**counts, "total": counts["total"] - counts["norms"]}

    def total_twice(*sizes: int) -> dict[str, float]:
        counts = counted(sizes)
        return {**counts, "total": 2 * counts["total"]}

    def no_entry(*sizes: int) -> dict[str, float]:
        return {"parameters": counted(sizes)["total"]}


def said(**changed: float | str) -> dict[str, float | str]:
    """Right predictions, some of them changed."""
    right = {"hidden": 2048, "dropout": 12, "stream": math.sqrt(13), "crossover": 3072}
    letters = {"attention": "F", "mlp": "C", "positions": "E", "residuals": "A", "norms": "D", "nothing": "B"}
    return {**right, **letters, **changed}


class Exercise0807:
    def right() -> dict[str, float | str]:
        return said(hidden=torch.tensor(2048), stream=3.606, mlp=" c ", crossover=3072.0)

    def hidden_as_before() -> dict[str, float | str]:
        return said(hidden=3072)

    def hidden_halved() -> dict[str, float | str]:
        return said(hidden=1536)

    def hidden_of_the_difference() -> dict[str, float | str]:
        return said(hidden=1024)

    def ratio_upside_down() -> dict[str, float | str]:
        return said(hidden=4608)

    def hidden_in_widths() -> dict[str, float | str]:
        return said(hidden=8 / 3)

    def hidden_parameters() -> dict[str, float | str]:
        return said(hidden=2 * 768 * 3072)

    def squares_unchanged() -> dict[str, float | str]:
        return said(dropout=9)

    def not_made_up_for() -> dict[str, float | str]:
        return said(dropout=6.75)

    def only_those_that_stay() -> dict[str, float | str]:
        return said(dropout=16)

    def mean_not_squares() -> dict[str, float | str]:
        return said(dropout=3)

    def shares_mixed_up() -> dict[str, float | str]:
        return said(dropout=36)

    def squared_after_the_mean() -> dict[str, float | str]:
        return said(dropout=(0.75 * 3) ** 2)

    def root_of_the_mean() -> dict[str, float | str]:
        return said(dropout=math.sqrt(12))

    def mean_square_not_root() -> dict[str, float | str]:
        return said(stream=13)

    def one_branch_a_block() -> dict[str, float | str]:
        return said(stream=math.sqrt(7))

    def start_forgotten() -> dict[str, float | str]:
        return said(stream=math.sqrt(12))

    def sizes_added() -> dict[str, float | str]:
        return said(stream=1 + 24 * math.sqrt(0.5))

    def one_branch_only() -> dict[str, float | str]:
        return said(stream=math.sqrt(1.5))

    def one_block_only() -> dict[str, float | str]:
        return said(stream=math.sqrt(2))

    def after_the_last_norm() -> dict[str, float | str]:
        return said(stream=1)

    def start_and_branches() -> dict[str, float | str]:
        return said(stream=5)

    def mlp_alone() -> dict[str, float | str]:
        return said(crossover=2048)

    def maps_of_attention_alone() -> dict[str, float | str]:
        return said(crossover=1024)

    def half_the_tables() -> dict[str, float | str]:
        return said(crossover=6144)

    def twice_the_tables() -> dict[str, float | str]:
        return said(crossover=1536)

    def output_map_missing() -> dict[str, float | str]:
        return said(crossover=2816)

    def only_the_width() -> dict[str, float | str]:
        return said(crossover=512)

    def per_head() -> dict[str, float | str]:
        return said(crossover=3072 * 8)

    def no_letter() -> dict[str, float | str]:
        return said(attention=6)

    def attention_replaced_word() -> dict[str, float | str]:
        return said(attention="E", positions="F")

    def attention_is_smaller() -> dict[str, float | str]:
        return said(attention="C")

    def attention_hears_others() -> dict[str, float | str]:
        return said(attention="B")

    def mlp_is_larger() -> dict[str, float | str]:
        return said(mlp="F")

    def mlp_holds_numbers() -> dict[str, float | str]:
        return said(mlp="D")

    def positions_hear_nothing() -> dict[str, float | str]:
        return said(positions="F")

    def positions_see_order() -> dict[str, float | str]:
        return said(positions="A")

    def residuals_grow() -> dict[str, float | str]:
        return said(residuals="D")

    def residuals_keep_the_size() -> dict[str, float | str]:
        return said(residuals="E")

    def norms_take_the_size() -> dict[str, float | str]:
        return said(norms="A")

    def norms_hold_the_size() -> dict[str, float | str]:
        return said(norms="B")

    def whole_lacks_attention() -> dict[str, float | str]:
        return said(nothing="F")

    def whole_lacks_numbers() -> dict[str, float | str]:
        return said(nothing="C")

    def whole_lacks_order() -> dict[str, float | str]:
        return said(nothing="E")

    def whole_lacks_size() -> dict[str, float | str]:
        return said(nothing="A")

    def whole_lacks_limits() -> dict[str, float | str]:
        return said(nothing="D")

    def wrong_value() -> dict[str, float | str]:
        return said(stream=2.2)

    def no_entry() -> dict[str, float | str]:
        return {"hidden": 2048}
