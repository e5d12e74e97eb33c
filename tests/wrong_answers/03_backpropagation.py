"""Wrong answers to the exercises of lesson 03, named after the diagnosis that they must get, and a second right one."""

from collections import Counter
from graphlib import TopologicalSorter

import torch
from torch import Tensor

Graph = dict[str, list[tuple[str, float]]]


class Exercise0301:
    def right(a: float, b: float) -> tuple:
        value = a * b**-1
        return [value, torch.tensor([1 / b, -value / b])]

    def not_nested(a: float, b: float) -> tuple:
        return a / b, 1 / b, -a / b**2

    def no_pair(a: float, b: float) -> float:
        return a / b

    def slopes_first(a: float, b: float) -> tuple:
        return (1 / b, -a / b**2), a / b

    def upside_down(a: float, b: float) -> tuple:
        return b / a, (-b / a**2, 1 / a)

    def multiplies(a: float, b: float) -> tuple:
        return a * b, (b, a)

    def rounds_down(a: float, b: float) -> tuple:
        # Right where the quotient is whole, as in the example.
        return a // b, (1 / b, -a / b**2)

    def no_pair_of_slopes(a: float, b: float) -> tuple:
        return a / b, 1 / b

    def swapped(a: float, b: float) -> tuple:
        return a / b, (-a / b**2, 1 / b)

    def constant_slope(a: float, b: float) -> tuple:
        return a / b, (1.0, -a / b**2)

    def slope_a_is_b(a: float, b: float) -> tuple:
        return a / b, (b, a)

    def slope_b_sign(a: float, b: float) -> tuple:
        return a / b, (1 / b, a / b**2)

    def forgot_a(a: float, b: float) -> tuple:
        return a / b, (1 / b, -1 / b**2)

    def forgot_a_and_sign(a: float, b: float) -> tuple:
        return a / b, (1 / b, 1 / b**2)

    def brackets(a: float, b: float) -> tuple:
        return a / b, (1 / b, -a / b * b)

    def not_squared(a: float, b: float) -> tuple:
        return a / b, (1 / b, -a / b)

    def factor_of_the_power(a: float, b: float) -> tuple:
        return a / b, (1 / b, -2 * a / b**2)

    def nearly(a: float, b: float) -> tuple:
        return a / b, (1 / b, (a / (b + 0.01) - a / b) / 0.01)

    def one_power_too_many(a: float, b: float) -> tuple:
        return a / b, (1 / b, -a / b**3)

    def b_held_fixed(a: float, b: float) -> tuple:
        return a / b, (1 / b, 0.0)

    def slope_of_a_logarithm(a: float, b: float) -> tuple:
        return a / b, (1 / b, -1 / b)

    def slope_of_a_difference(a: float, b: float) -> tuple:
        return a / b, ((a + 1) / b - a / b, a / (b + 1) - a / b)

    def raises(a: float, b: float) -> tuple:
        value = a / b
        return value, (value / a, -value / b)


class Exercise0302:
    def right(graph: Graph, last: str) -> dict:
        grads = dict.fromkeys(graph, 0.0) | {last: 1.0}
        order = TopologicalSorter({name: [source for source, _ in graph[name]] for name in graph}).static_order()
        for name in reversed(list(order)):
            for source, slope in graph[name]:
                grads[source] += slope * grads[name]
        return grads

    def no_seed(graph: Graph, last: str) -> dict:
        grads = dict.fromkeys(graph, 0.0)
        for name in reversed(ordered(graph, last)):
            for source, slope in graph[name]:
                grads[source] += slope * grads[name]
        return grads

    def last_not_one(graph: Graph, last: str) -> dict:
        return {**Exercise0302.right(graph, last), last: 0.0}

    def starts_everything_at_one(graph: Graph, last: str) -> dict:
        return handed_on(graph, reversed(ordered(graph, last)), dict.fromkeys(graph, 1.0))

    def one_edge_per_input(graph: Graph, last: str) -> dict:
        return Exercise0302.right({name: list(set(edges)) for name, edges in graph.items()}, last)

    def slopes_not_multiplied(graph: Graph, last: str) -> dict:
        grads = {**dict.fromkeys(graph, 0.0), last: 1.0}
        for name in reversed(ordered(graph, last)):
            for source, slope in graph[name]:
                grads[source] += slope
        return grads

    def slopes_ignored(graph: Graph, last: str) -> dict:
        grads = {**dict.fromkeys(graph, 0.0), last: 1.0}
        for name in reversed(ordered(graph, last)):
            for source, _ in graph[name]:
                grads[source] += grads[name]
        return grads

    def only_last_hands_on(graph: Graph, last: str) -> dict:
        return handed_on(graph, ordered(graph, last), {**dict.fromkeys(graph, 0.0), last: 1.0})

    def waits_for_strangers(graph: Graph, last: str) -> dict:
        grads = {**dict.fromkeys(graph, 0.0), last: 1.0}
        open_uses = Counter(source for edges in graph.values() for source, _ in edges)
        ready = [last]
        while ready:
            name = ready.pop()
            for source, slope in graph[name]:
                grads[source] += slope * grads[name]
                open_uses[source] -= 1
                if open_uses[source] == 0:
                    ready.append(source)
        return grads

    def other_seed(graph: Graph, last: str) -> dict:
        return {name: -grad for name, grad in Exercise0302.right(graph, last).items()}

    def wrong_gradient(graph: Graph, last: str) -> dict:
        grads = dict.fromkeys(graph, 1.0)
        for name in reversed(ordered(graph, last)):
            for source, slope in graph[name]:
                grads[source] *= slope * grads[name]
        return grads

    def trusts_the_order(graph: Graph, last: str) -> dict:
        return handed_on(graph, list(graph), {**dict.fromkeys(graph, 0.0), last: 1.0})

    def hands_on_twice(graph: Graph, last: str) -> dict:
        grads = {**dict.fromkeys(graph, 0.0), last: 1.0}

        def back(name: str) -> None:
            for source, slope in graph[name]:
                grads[source] += slope * grads[name]
                back(source)

        back(last)
        return grads

    def hands_on_too_early(graph: Graph, last: str) -> dict:
        grads = {**dict.fromkeys(graph, 0.0), last: 1.0}
        queue, seen = [last], set()
        while queue:
            name = queue.pop(0)
            if name not in seen:
                seen.add(name)
                for source, slope in graph[name]:
                    grads[source] += slope * grads[name]
                    queue.append(source)
        return grads

    def overwrites(graph: Graph, last: str) -> dict:
        grads = {**dict.fromkeys(graph, 0.0), last: 1.0}
        for name in reversed(ordered(graph, last)):
            for source, slope in graph[name]:
                grads[source] = slope * grads[name]
        return grads

    def unused_not_zero(graph: Graph, last: str) -> dict:
        reached = ordered(graph, last)
        return {name: grad if name in reached else 1.0 for name, grad in Exercise0302.right(graph, last).items()}

    def names_missing(graph: Graph, last: str) -> dict:
        reached = ordered(graph, last)
        return {name: grad for name, grad in Exercise0302.right(graph, last).items() if name in reached}

    def no_number(graph: Graph, last: str) -> dict:
        reached = ordered(graph, last)
        return {name: grad if name in reached else None for name, grad in Exercise0302.right(graph, last).items()}

    def strange_names(graph: Graph, last: str) -> dict:
        return {**Exercise0302.right(graph, last), "order": 0.0}

    def no_dictionary(graph: Graph, last: str) -> list:
        return list(Exercise0302.right(graph, last).items())

    def every_path(graph: Graph, last: str) -> dict:
        grads = dict.fromkeys(graph, 0.0)

        def walk(name: str, incoming: float) -> None:
            grads[name] += incoming
            for source, slope in graph[name]:
                walk(source, slope * incoming)

        walk(last, 1.0)
        return grads

    def never_returns(graph: Graph, last: str) -> dict:
        return Exercise0302.every_path(dict(graph), last)

    def mutates_input(graph: Graph, last: str) -> dict:
        grads = Exercise0302.right(graph, last)
        del graph[last]
        return grads


def ordered(graph: Graph, last: str) -> list[str]:
    """What `last` was computed from, each behind its inputs."""
    order = []

    def visit(name: str) -> None:
        if name not in order:
            for source, _ in graph[name]:
                visit(source)
            order.append(name)

    visit(last)
    return order


def handed_on(graph: Graph, order: list[str], grads: dict) -> dict:
    for name in order:
        for source, slope in graph[name]:
            grads[source] += slope * grads[name]
    return grads


class Exercise0303:
    def right(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return torch.einsum("...nm,dm->...nd", grad, w), torch.einsum("...nd,...nm->dm", x, grad)

    def swapped(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        grad_x, grad_w = Exercise0303.right(x, w, grad)
        return grad_w, grad_x

    def w_not_transposed(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad @ w, x.mT @ grad

    def forward_again(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return x @ w, x.mT @ grad

    def w_from_the_left(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return w.T @ grad, x.mT @ grad

    def grad_transposed(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad.T @ w, x.mT @ grad

    def transposed_result(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return w @ grad.T, x.mT @ grad

    def slope_alone(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return torch.ones_like(grad) @ w.T, x.mT @ grad

    def averaged_x(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad @ w.T / len(x), x.mT @ grad

    def x_unchanged_grad(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad, x.mT @ grad

    def x_not_transposed(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad @ w.T, x @ grad

    def transposed_gradient(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad @ w.T, grad.mT @ x

    def batch_axis_left(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad @ w.T, x.mT @ grad

    def batch_averaged(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        every = x.mT @ grad
        return grad @ w.T, every.mean(0) if every.ndim > 2 else every

    def averaged(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad @ w.T, x.mT @ grad / x.shape[-2]

    def first_of_the_batch(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        every = x.mT @ grad
        return grad @ w.T, every[0] if every.ndim > 2 else every

    def one_axis_summed(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        every = x.mT @ grad
        return grad @ w.T, every.sum(0) if every.ndim > 2 else every

    def axis_of_one_left(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        every = x.mT @ grad
        return grad @ w.T, every.sum(tuple(range(every.ndim - 2)), keepdim=True) if every.ndim > 2 else every

    def everything_summed(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        every = x.mT @ grad
        return grad @ w.T, every.sum(tuple(range(every.ndim - 2)))

    def inputs_not_used(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad @ w.T, grad.flatten(0, -2).sum(0).expand(w.shape)

    def elementwise(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad * w, grad * x

    def grad_not_used(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return x @ w @ w.T, x.mT @ (x @ w)

    def x_summed_over_batch(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        grad_x, grad_w = grad @ w.T, x.mT @ grad
        return (grad_x.sum(0), grad_w.sum(0)) if x.ndim > 2 else (grad_x, grad_w)

    def x_from_the_right(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        return grad @ w.T, grad @ x.mT

    def summed_before_the_product(x: Tensor, w: Tensor, grad: Tensor) -> tuple:
        xs, grads = (values.reshape(-1, *values.shape[-2:]).sum(0) for values in (x, grad))
        return grad @ w.T, xs.T @ grads

    def not_all_gradients(x: Tensor, w: Tensor, grad: Tensor) -> Tensor:
        return grad @ w.T


class Exercise0304:
    def right(grad: Tensor, shape: tuple) -> Tensor:
        padded = (1,) * (grad.ndim - len(shape)) + tuple(shape)
        axes = [axis for axis, size in enumerate(padded) if size != grad.shape[axis]]
        return (grad.sum(axes, keepdim=True) if axes else grad).reshape(shape)

    def everything_summed(grad: Tensor, shape: tuple) -> Tensor:
        padded = (1,) * (grad.ndim - len(shape)) + tuple(shape)
        axes = [axis for axis, size in enumerate(padded) if size != grad.shape[axis]]
        return (
            grad.sum(axes, keepdim=True).reshape(-1)[0].expand(shape) if not axes else Exercise0304.right(grad, shape)
        )

    def nothing_summed(grad: Tensor, shape: tuple) -> Tensor:
        return grad

    def aligned_left(grad: Tensor, shape: tuple) -> Tensor:
        while grad.ndim > len(shape):
            grad = grad.sum(-1)
        for axis, size in enumerate(shape):
            if size == 1:
                grad = grad.sum(axis, keepdim=True)
        return grad

    def averaged(grad: Tensor, shape: tuple) -> Tensor:
        return Exercise0304.right(grad, shape) / (grad.numel() / max(1, torch.Size(shape).numel()))

    def one_copy(grad: Tensor, shape: tuple) -> Tensor:
        while grad.ndim > len(shape):
            grad = grad[0]
        for axis, size in enumerate(shape):
            if size == 1:
                grad = grad.narrow(axis, 0, 1)
        return grad

    def axes_of_one_left(grad: Tensor, shape: tuple) -> Tensor:
        while grad.ndim > len(shape):
            grad = grad.sum(0)
        return grad

    def front_axes_left(grad: Tensor, shape: tuple) -> Tensor:
        if grad.ndim > len(shape):
            grad = grad.sum(0)
        for axis, size in enumerate(shape):
            if size == 1:
                grad = grad.sum(axis - len(shape), keepdim=True)
        return grad

    def axes_not_lined_up(grad: Tensor, shape: tuple) -> Tensor:
        for axis, size in enumerate(shape):
            if size == 1:
                grad = grad.sum(axis, keepdim=True)
        while grad.ndim > len(shape):
            grad = grad.sum(0)
        return grad

    def axis_lost(grad: Tensor, shape: tuple) -> Tensor:
        while grad.ndim > len(shape):
            grad = grad.sum(0)
        for axis in reversed(range(len(shape))):
            if shape[axis] == 1:
                grad = grad.sum(axis)
        return grad

    def axis_kept(grad: Tensor, shape: tuple) -> Tensor:
        small = Exercise0304.right(grad, shape)
        return small[None] if small.ndim < grad.ndim else small

    def python_number(grad: Tensor, shape: tuple) -> Tensor:
        return Exercise0304.right(grad, shape) if shape else grad.sum().item()

    def raises(grad: Tensor, shape: tuple) -> Tensor:
        return grad.reshape(shape)


class Exercise0305:
    def right(logits: Tensor, targets: Tensor) -> Tensor:
        grad = torch.empty_like(logits)
        for n, (row, target) in enumerate(zip(logits, targets, strict=True)):
            powers = (row - row.max()).exp()
            grad[n] = powers / powers.sum()
            grad[n, target] -= 1
        return grad / len(logits)

    def not_divided(logits: Tensor, targets: Tensor) -> Tensor:
        return logits.softmax(-1) - hot(logits, targets)

    def sign(logits: Tensor, targets: Tensor) -> Tensor:
        return (hot(logits, targets) - logits.softmax(-1)) / len(targets)

    def divided_by_all(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.softmax(-1) - hot(logits, targets)) / logits.numel()

    def divided_by_vocabulary(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.softmax(-1) - hot(logits, targets)) / logits.shape[-1]

    def divided_twice(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.softmax(-1) - hot(logits, targets)) / len(targets) ** 2

    def averaged_over_rows(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.softmax(-1) - hot(logits, targets)).mean(0)

    def limited(logits: Tensor, targets: Tensor) -> Tensor:
        powers = logits.clamp(max=80).exp()
        return (powers / powers.sum(-1, keepdim=True) - hot(logits, targets)) / len(targets)

    def probabilities_only(logits: Tensor, targets: Tensor) -> Tensor:
        return logits.softmax(-1) / len(targets)

    def whole_columns(logits: Tensor, targets: Tensor) -> Tensor:
        grad = logits.softmax(-1)
        grad[:, targets] -= 1
        return grad / len(targets)

    def targets_pick_rows(logits: Tensor, targets: Tensor) -> Tensor:
        grad = logits.softmax(-1)
        grad[targets] -= 1
        return grad / len(targets)

    def one_part_divided(logits: Tensor, targets: Tensor) -> Tensor:
        return logits.softmax(-1) - hot(logits, targets) / len(targets)

    def target_only(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.softmax(-1) - 1) * hot(logits, targets) / len(targets)

    def other_axis(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.softmax(0) - hot(logits, targets)) / len(targets)

    def no_softmax(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits - hot(logits, targets)) / len(targets)

    def log_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.log_softmax(-1) - hot(logits, targets)) / len(targets)

    def stops_at_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
        return -hot(logits, targets) / logits.softmax(-1) / len(targets)

    def stops_at_log_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
        return -hot(logits, targets) / len(targets)

    def softmax_slope_alone(logits: Tensor, targets: Tensor) -> Tensor:
        p = logits.softmax(-1)
        return (p - hot(logits, targets)) * p * (1 - p) / len(targets)

    def loss_itself(logits: Tensor, targets: Tensor) -> Tensor:
        return torch.nn.functional.cross_entropy(logits, targets)

    def rows_do_not_add_up(logits: Tensor, targets: Tensor) -> Tensor:
        return (logits.sigmoid() - hot(logits, targets)) / len(targets)

    def overflows(logits: Tensor, targets: Tensor) -> Tensor:
        p = logits.exp() / logits.exp().sum(-1, keepdim=True)
        return (p - hot(logits, targets)) / len(targets)

    def mutates_input(logits: Tensor, targets: Tensor) -> Tensor:
        logits -= logits.amax(-1, keepdim=True)
        return (logits.softmax(-1) - hot(logits, targets)) / len(targets)


def hot(logits: Tensor, targets: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(targets, logits.shape[-1])


def said(**changed: float) -> dict[str, float]:
    """The answers of 03.6, some of them changed."""
    right = {"grad_c": -8, "grad_b": -16, "grad_a": 16, "overwritten": 24, "twice": 32}
    return {**right, "wrong_line": 4, "dW_shown": 1, "dW_right": -4, **changed}


class Exercise0306:
    def right() -> dict:
        a, b = 2.0, -3.0
        d = a * b + a
        right = said(grad_c=2 * d, grad_b=2 * d * a, grad_a=2 * d * (b + 1))
        return {key: torch.tensor(float(number)) for key, number in right.items()}

    def c_outer_slope() -> dict:
        return said(grad_c=-4)

    def c_is_the_loss() -> dict:
        return said(grad_c=16)

    def c_from_c() -> dict:
        return said(grad_c=-12)

    def b_factor_missing() -> dict:
        return said(grad_b=-8)

    def b_own_factor() -> dict:
        return said(grad_b=24)

    def a_product_only() -> dict:
        return said(grad_a=24)

    def a_sum_only() -> dict:
        return said(grad_a=-8)

    def a_local() -> dict:
        return said(grad_a=-2)

    def overwritten_order() -> dict:
        return said(overwritten=-8)

    def overwritten_adds() -> dict:
        return said(overwritten=16)

    def twice_reset() -> dict:
        return said(twice=16)

    def twice_grows() -> dict:
        return said(twice=72)

    def line_3_is_right() -> dict:
        return said(wrong_line=3)

    def line_6_is_right() -> dict:
        return said(wrong_line=6)

    def no_such_line() -> dict:
        return said(wrong_line=0)

    def shown_is_right_one() -> dict:
        return said(dW_shown=-4)

    def shown_no_mask() -> dict:
        return said(dW_shown=-3)

    def right_is_shown_one() -> dict:
        return said(dW_right=1)

    def right_not_multiplied() -> dict:
        return said(dW_right=-2)

    def right_not_divided() -> dict:
        return said(dW_right=-8)

    def no_entry() -> dict:
        return {"grad_c": -8, "grad_b": -16}


class LayerNorm:
    """The pieces of a layer norm's backward pass."""

    def __init__(self, x: Tensor, gain: Tensor, grad: Tensor, eps: float) -> None:
        self.centred = x - self.mean(x)
        self.sigma = (self.mean(self.centred.square()) + eps).sqrt()
        self.x_hat = self.centred / self.sigma
        self.g = grad * gain
        self.of_gain = self.sum(grad * self.x_hat)
        self.of_bias = self.sum(grad)

    @staticmethod
    def mean(values: Tensor) -> Tensor:
        return values.mean(-1, keepdim=True)

    @staticmethod
    def sum(values: Tensor) -> Tensor:
        return values.reshape(-1, values.shape[-1]).sum(0)

    def with_x(self, grad_x: Tensor) -> tuple:
        return grad_x, self.of_gain, self.of_bias


class Exercise0307:
    def right(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        # The long way, one intermediate value after the other.
        n, d = LayerNorm(x, gain, grad, eps), x.shape[-1]
        of_variance = (n.g * n.centred).sum(-1, keepdim=True) * -0.5 * n.sigma**-3
        of_mean = -(n.g / n.sigma).sum(-1, keepdim=True)
        return n.with_x(n.g / n.sigma + of_variance * 2 * n.centred / d + of_mean / d)

    def gradient_of_x_hat(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x(n.g)

    def brackets(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x(n.g - n.mean(n.g) - n.x_hat * n.mean(n.g * n.x_hat) / n.sigma)

    def statistics_held_fixed(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x(n.g / n.sigma)

    def deviation_held_fixed(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x((n.g - n.mean(n.g)) / n.sigma)

    def mean_held_fixed(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x((n.g - n.x_hat * n.mean(n.g * n.x_hat)) / n.sigma)

    def gain_forgotten(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x((grad - n.mean(grad) - n.x_hat * n.mean(grad * n.x_hat)) / n.sigma)

    def gain_afterwards(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x(gain * (grad - n.mean(grad) - n.x_hat * n.mean(grad * n.x_hat)) / n.sigma)

    def sums_for_means(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        g, x_hat = n.g, n.x_hat
        return n.with_x((g - g.sum(-1, keepdim=True) - x_hat * (g * x_hat).sum(-1, keepdim=True)) / n.sigma)

    def sign_of_a_way(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x((n.g - n.mean(n.g) + n.x_hat * n.mean(n.g * n.x_hat)) / n.sigma)

    def not_divided_by_sigma(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x(n.g - n.mean(n.g) - n.x_hat * n.mean(n.g * n.x_hat))

    def centred_for_x_hat(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x((n.g - n.mean(n.g) - n.centred * n.mean(n.g * n.centred)) / n.sigma)

    def twice_the_variance_way(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x((n.g - n.mean(n.g) - 2 * n.x_hat * n.mean(n.g * n.x_hat)) / n.sigma)

    def mean_of_a_product(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x((n.g - n.mean(n.g) - n.mean(n.g * n.x_hat)) / n.sigma)

    def means_over_everything(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x((n.g - n.g.mean() - n.x_hat * (n.g * n.x_hat).mean()) / n.sigma)

    def unbiased(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        x_hat = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + eps).sqrt()
        n = LayerNorm(x, gain, grad, eps)
        return n.with_x(n.g)[0], n.sum(grad * x_hat), n.of_bias

    def eps_outside(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, 0)
        sigma = n.sigma + eps
        x_hat = n.centred / sigma
        grad_x = (n.g - n.mean(n.g) - x_hat * n.mean(n.g * x_hat)) / sigma
        return grad_x, n.sum(grad * x_hat), n.of_bias

    def eps_forgotten(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        return Exercise0307.right(x, gain, grad)

    def eps_in_one_place(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        exact, n = LayerNorm(x, gain, grad, eps), LayerNorm(x, gain, grad, 0)
        return exact.with_x((n.g - n.mean(n.g) - n.x_hat * n.mean(n.g * n.x_hat)) / n.sigma)

    def variance_not_deviation(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        x_hat = n.centred / n.sigma**2
        return n.g, n.sum(grad * x_hat), n.of_bias

    def gain_without_x_hat(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        grad_x, _, of_bias = Exercise0307.right(x, gain, grad, eps)
        return grad_x, of_bias, of_bias

    def gain_with_x(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        grad_x, _, of_bias = Exercise0307.right(x, gain, grad, eps)
        return grad_x, LayerNorm.sum(grad * x), of_bias

    def gain_not_summed(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.g, grad * n.x_hat, n.of_bias

    def bias_not_summed(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        n = LayerNorm(x, gain, grad, eps)
        return n.g, grad * n.x_hat, grad

    def one_axis_summed(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        grad_x, of_gain, of_bias = Exercise0307.right(x, gain, grad, eps)
        return grad_x, of_gain, grad.sum(0) if grad.ndim > 1 else of_bias

    def bias_averaged(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        grad_x, of_gain, _ = Exercise0307.right(x, gain, grad, eps)
        return grad_x, of_gain, grad.reshape(-1, len(gain)).mean(0)

    def summed_over_features(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        grad_x, of_gain, _ = Exercise0307.right(x, gain, grad, eps)
        return grad_x, of_gain, grad.sum(-1)

    def everything_summed(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        grad_x, of_gain, _ = Exercise0307.right(x, gain, grad, eps)
        return grad_x, of_gain, grad.sum(tuple(range(grad.ndim - 1)))

    def wrong_order(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> tuple:
        grad_x, of_gain, of_bias = Exercise0307.right(x, gain, grad, eps)
        return grad_x, of_bias, of_gain

    def not_all_gradients(x: Tensor, gain: Tensor, grad: Tensor, eps: float = 1e-5) -> Tensor:
        return Exercise0307.right(x, gain, grad, eps)[0]
