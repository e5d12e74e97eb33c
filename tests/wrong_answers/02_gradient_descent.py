"""Wrong answers to the exercises of lesson 02, named after the diagnosis that they must get, and a second right one."""

import math
import random
from collections.abc import Callable

import torch
from torch import Tensor

F = Callable[[Tensor], float]


def slopes(f: F, x: Tensor, ahead: float, behind: float, width: float) -> Tensor:
    """(f(x + ahead) - f(x - behind)) / width in each coordinate, from lists of Python numbers."""
    found = []
    for i in range(len(x)):
        right, left = x.tolist(), x.tolist()
        right[i] += ahead
        left[i] -= behind
        found.append((f(torch.tensor(right).double()) - f(torch.tensor(left).double())) / width)
    return torch.tensor(found)


class Exercise0201:
    def right(f: F, x: Tensor, h: float) -> Tensor:
        found = []
        for unit in torch.eye(len(x), dtype=x.dtype):
            found.append((f(x + h * unit) - f(x - h * unit)) / (2 * h))
        return torch.tensor(found, dtype=x.dtype)

    def forward(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, h, 0, h)

    def backward(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, 0, h, h)

    def sign(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, -h, -h, 2 * h)

    def not_halved(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, h, h, h)

    def divides_by_half_h(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, h, h, h / 2)

    def brackets(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, h, h, 1) / 2 * h

    def difference_not_in_brackets(f: F, x: Tensor, h: float) -> Tensor:
        unit = torch.eye(len(x))
        return torch.tensor([f(x + h * step) - f(x - h * step) / (2 * h) for step in unit])

    def half_the_way(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, h / 2, h / 2, h)

    def only_the_first(f: F, x: Tensor, h: float) -> Tensor:
        found = torch.zeros_like(x)
        for i in range(len(x)):
            found[i] = slopes(f, x, h, h, 2 * h)[i]
            return found

    def added_up(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, h, h, 2 * h).sum()

    def not_divided(f: F, x: Tensor, h: float) -> Tensor:
        return slopes(f, x, h, h, 1)

    def together(f: F, x: Tensor, h: float) -> Tensor:
        return torch.full_like(x, (f(x + h) - f(x - h)) / (2 * h))

    def own_h(f: F, x: Tensor, h: float) -> Tensor:
        return Exercise0201.right(f, x, 1e-5)

    def rounding(f: F, x: Tensor, h: float) -> Tensor:
        return Exercise0201.right(lambda point: torch.tensor(f(point)).item(), x.float(), h)

    def moves_pile_up(f: F, x: Tensor, h: float) -> Tensor:
        ahead, behind, found = x.clone(), x.clone(), torch.zeros_like(x)
        for i in range(len(x)):
            ahead[i] += h
            behind[i] -= h
            found[i] = (f(ahead) - f(behind)) / (2 * h)
        return found

    def no_difference(f: F, x: Tensor, h: float) -> Tensor:
        found = torch.zeros_like(x)
        for i in range(len(x)):
            ahead = behind = x.clone()
            ahead[i] += h
            behind[i] -= h
            found[i] = (f(ahead) - f(behind)) / (2 * h)
        return found

    def mutates_input(f: F, x: Tensor, h: float) -> Tensor:
        found = torch.zeros_like(x)
        for i in range(len(x)):
            x[i] += h
            found[i] = f(x)
            x[i] -= 2 * h
            found[i] = (found[i] - f(x)) / (2 * h)
        return found

    def wrong_type(f: F, x: Tensor, h: float) -> list:
        return Exercise0201.right(f, x, h).tolist()

    def wrong_shape(f: F, x: Tensor, h: float) -> Tensor:
        return Exercise0201.right(f, x, h)[:, None]


Gradient = Callable[[Tensor], Tensor]


def path_of(
    gradient: Gradient, start: Tensor, lr: float, max_steps: int, stop: Callable[[Tensor], bool], sign: int = -1
) -> Tensor:
    path = [start]
    while len(path) <= max_steps and not stop(gradient(path[-1])):
        path.append(path[-1] + sign * lr * gradient(path[-1]))
    return torch.stack(path)


class Exercise0202:
    def right(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        x, path = start.clone(), [start.clone()]
        while gradient(x).square().sum().sqrt() >= tolerance and len(path) <= max_steps:
            x -= lr * gradient(x)
            path.append(x.clone())
        return torch.cat([point[None] for point in path])

    def only_the_end(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return Exercise0202.right(gradient, start, lr, tolerance, max_steps)[-1]

    def path_of_one_tensor(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        x = start.clone()
        path = [start]
        for _ in range(max_steps):
            if gradient(x).norm() < tolerance:
                break
            x -= lr * gradient(x)
            path.append(x)
        return torch.stack(path)

    def mutates_input(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        path = [start]
        while gradient(start).norm() >= tolerance:
            start -= lr * gradient(start)
            path.append(start)
        return torch.stack(path)

    def uphill(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, lr, max_steps, lambda slope: slope.norm() < tolerance, sign=1)

    def start_missing(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return Exercise0202.right(gradient, start, lr, tolerance, max_steps)[1:]

    def end_missing(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return Exercise0202.right(gradient, start, lr, tolerance, max_steps)[:-1]

    def frozen_gradient(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        slope, path = gradient(start), [start]
        while slope.norm() >= tolerance and len(path) <= max_steps:
            path.append(path[-1] - lr * slope)
        return torch.stack(path)

    def one_coordinate_after_another(
        gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int
    ) -> Tensor:
        x, path = start.clone(), [start]
        while gradient(x).norm() >= tolerance and len(path) <= max_steps:
            for i in range(len(x)):
                x[i] -= lr * gradient(x)[i]
            path.append(x.clone())
        return torch.stack(path)

    def unit_steps(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        path = [start]
        while gradient(path[-1]).norm() >= tolerance and len(path) <= max_steps:
            slope = gradient(path[-1])
            path.append(path[-1] - lr * slope / slope.norm())
        return torch.stack(path)

    def no_lr(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, 1.0, max_steps, lambda slope: slope.norm() < tolerance)

    def ignores_max_steps(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return Exercise0202.right(gradient, start, lr, tolerance, 1000)

    def squared_length(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, lr, max_steps, lambda slope: slope.square().sum() < tolerance)

    def largest_component(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, lr, max_steps, lambda slope: bool((slope.abs() < tolerance).all()))

    def signed_components(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, lr, max_steps, lambda slope: slope.sum() < tolerance)

    def sum_of_components(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, lr, max_steps, lambda slope: slope.abs().sum() < tolerance)

    def mean_of_squares(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, lr, max_steps, lambda slope: slope.square().mean().sqrt() < tolerance)

    def always_from_the_start(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        path = [start]
        while gradient(path[-1]).norm() >= tolerance and len(path) <= max_steps:
            path.append(start - lr * gradient(path[-1]))
        return torch.stack(path)

    def short_step(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, lr, max_steps, lambda slope: lr * slope.norm() < tolerance)

    def one_step_too_many(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        path = [start]
        for _ in range(max_steps):
            slope = gradient(path[-1])
            path.append(path[-1] - lr * slope)
            if slope.norm() < tolerance:
                break
        return torch.stack(path)

    def never_stops_early(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return path_of(gradient, start, lr, max_steps, lambda slope: False)

    def padded_path(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        path = torch.zeros(max_steps + 1, len(start))
        walked = Exercise0202.right(gradient, start, lr, tolerance, max_steps)
        path[: len(walked)] = walked
        return path

    def stops_too_early(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> Tensor:
        return Exercise0202.right(gradient, start, lr, tolerance, max_steps - 1)

    def wrong_type(gradient: Gradient, start: Tensor, lr: float, tolerance: float, max_steps: int) -> list:
        return list(Exercise0202.right(gradient, start, lr, tolerance, max_steps))


Gradients = Callable[[Tensor, Tensor, Tensor], Tensor]


def epoch(
    w: Tensor,
    x: Tensor,
    y: Tensor,
    gradients: Gradients,
    lr: float,
    batches: list,
    divide: Callable[[int], float] = lambda size: size,
) -> Tensor:
    for batch in batches:
        w = w - lr * gradients(w, x[batch], y[batch]).sum(0) / divide(len(batch))
    return w


def shuffled(n: int, batch_size: int) -> list[Tensor]:
    return list(torch.randperm(n).split(batch_size))


class Exercise0203:
    def right(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        examples = list(zip(x, y, strict=True))
        random.shuffle(examples)
        w = w.clone()
        while examples:
            batch, examples = examples[:batch_size], examples[batch_size:]
            slope = torch.zeros_like(w)
            for one_x, one_y in batch:
                slope += gradients(w, one_x[None], one_y[None])[0]
            w -= lr / len(batch) * slope
        return w

    def mutates_input(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        for batch in shuffled(len(x), batch_size):
            w -= lr * gradients(w, x[batch], y[batch]).mean(0)
        return w

    def never_asks(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        for batch in shuffled(len(x), batch_size):
            w = w - lr * (2 * (x[batch] @ w - y[batch])[:, None] * x[batch]).mean(0)
        return w

    def full_batch(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        for batch in shuffled(len(x), batch_size):
            w = w - lr * gradients(w, x, y)[batch].mean(0)
        return w

    def weights_never_move(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        new = w
        for batch in shuffled(len(x), batch_size):
            new = new - lr * gradients(w, x[batch], y[batch]).mean(0)
        return new

    def last_batch_dropped(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        order = torch.randperm(len(x))
        for k in range(len(x) // batch_size):
            batch = order[k * batch_size : (k + 1) * batch_size]
            w = w - lr * gradients(w, x[batch], y[batch]).mean(0)
        return w

    def with_replacement(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        batches = [torch.randint(len(x), (batch_size,)) for _ in range(math.ceil(len(x) / batch_size))]
        return epoch(w, x, y, gradients, lr, batches)

    def several_epochs(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, lr, shuffled(len(x), batch_size) + shuffled(len(x), batch_size))

    def last_batch_filled_up(
        w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int
    ) -> Tensor:
        order = torch.randperm(len(x)).repeat(2)
        batches = [order[first : first + batch_size] for first in range(0, len(x), batch_size)]
        return epoch(w, x, y, gradients, lr, batches)

    def batches_too_large(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        order = torch.randperm(len(x))
        return epoch(w, x, y, gradients, lr, [order[first:] for first in range(0, len(x), batch_size)])

    def divided_twice(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, lr, shuffled(len(x), batch_size), lambda size: size * batch_size)

    def examples_missing(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, lr, shuffled(len(x), batch_size)[:1])

    def torn_apart(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(
            w, x[torch.randperm(len(x))], y[torch.randperm(len(y))], gradients, lr, shuffled(len(x), batch_size)
        )

    def other_inputs(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x - x.mean(0), y, gradients, lr, shuffled(len(x), batch_size))

    def starts_elsewhere(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(torch.zeros_like(w), x, y, gradients, lr, shuffled(len(x), batch_size))

    def not_shuffled(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, lr, list(torch.arange(len(x)).split(batch_size)))

    def blocks_stay_together(
        w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int
    ) -> Tensor:
        batches = list(torch.arange(len(x)).split(batch_size))
        random.shuffle(batches)
        return epoch(w, x, y, gradients, lr, batches)

    def batch_size_ignored(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, lr, shuffled(len(x), 1))

    def wrong_sizes(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        n_batches = math.ceil(len(x) / batch_size)
        return epoch(w, x, y, gradients, lr, list(torch.randperm(len(x)).tensor_split(n_batches)))

    def same_order_every_time(
        w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int
    ) -> Tensor:
        torch.manual_seed(42)
        return epoch(w, x, y, gradients, lr, shuffled(len(x), batch_size))

    def last_step_missing(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        for batch in shuffled(len(x), batch_size):
            before = w
            w = w - lr * gradients(w, x[batch], y[batch]).mean(0)
        return before

    def uphill(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, -lr, shuffled(len(x), batch_size))

    def sum(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, lr, shuffled(len(x), batch_size), lambda size: 1)

    def last_batch_divided_by_batch_size(
        w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int
    ) -> Tensor:
        return epoch(w, x, y, gradients, lr, shuffled(len(x), batch_size), lambda size: batch_size)

    def divides_by_all(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, lr, shuffled(len(x), batch_size), lambda size: len(x))

    def no_lr(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        return epoch(w, x, y, gradients, 1.0, shuffled(len(x), batch_size))

    def wrong_axis(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        for batch in shuffled(len(x), batch_size):
            w = w - lr * gradients(w, x[batch], y[batch]).mean()
        return w

    def step_from_the_start(
        w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int
    ) -> Tensor:
        new = w
        for batch in shuffled(len(x), batch_size):
            new = w - lr * gradients(new, x[batch], y[batch]).mean(0)
        return new

    def raises(w: Tensor, x: Tensor, y: Tensor, gradients: Gradients, lr: float, batch_size: int) -> Tensor:
        for i in torch.randperm(len(x)):
            w = w - lr * gradients(w, x[i], y[i])
        return w


Pair = tuple[Tensor, Tensor]


class Exercise0204:
    def right(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> list[Tensor]:
        w, v = w.clone(), v.clone()
        v.mul_(momentum).add_(g)
        w.sub_(v, alpha=lr)
        return [w, v]

    def swapped(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        return momentum * v + g, w - lr * (momentum * v + g)

    def dampened(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v + (1 - momentum) * g
        return w - lr * v, v

    def shares_swapped(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = v + momentum * g
        return w - lr * v, v

    def lr_in_velocity(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v - lr * g
        return w + v, v

    def velocity_sign(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v - g
        return w + lr * v, v

    def never_forgets(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        return w - lr * (v + g), v + g

    def no_memory(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        return w - lr * (momentum * v + g), g

    def velocity_unchanged(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        return w - lr * (momentum * v + g), v

    def momentum_on_both(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * (v + g)
        return w - lr * v, v

    def old_velocity(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        return w - lr * v, momentum * v + g

    def uphill(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v + g
        return w + lr * v, v

    def no_lr(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v + g
        return w - v, v

    def plain_step(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        return w - lr * g, momentum * v + g

    def nesterov(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v + g
        return w - lr * (g + momentum * v), v

    def counted_twice(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v + g
        return w - lr * g - lr * v, v

    def momentum_twice(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v + g
        return w - lr * momentum * v, v

    def step_only(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = momentum * v + g
        return -lr * v, v

    def weights_unchanged(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        return w, momentum * v + g

    def mutates_input(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v *= momentum
        v += g
        return w - lr * v, v

    def lr_for_momentum(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Pair:
        v = lr * v + g
        return w - momentum * v, v

    def not_all_returned(w: Tensor, v: Tensor, g: Tensor, lr: float, momentum: float) -> Tensor:
        return w - lr * (momentum * v + g)


def fall(p: float, peak: float, floor: float) -> float:
    return floor + (peak - floor) * (1 + math.cos(math.pi * p)) / 2


def schedule(step: int, steps: int, warmup: int, peak: float, floor: float, shape: Callable[[float], float]) -> float:
    if step >= steps:
        return floor
    if step < warmup:
        return peak * (step + 1) / warmup
    return floor + (peak - floor) * shape((step - warmup) / (steps - warmup))


class Exercise0205:
    def right(step: int, steps: int, warmup: int, peak: float, floor: float) -> Tensor:
        rising = torch.tensor((step + 1) / warmup) if step < warmup else torch.tensor(1.0)
        over = min(1.0, max(0, step - warmup) / (steps - warmup)) if steps > warmup else float(step >= steps)
        lowered = floor + (peak - floor) * math.cos(math.pi * over / 2) ** 2
        return min(rising * peak, torch.tensor(lowered))

    def starts_at_zero(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return peak * step / warmup if step < warmup else Exercise0205.right(step, steps, warmup, peak, floor)

    def peak_too_late(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return (
            peak * (step + 1) / (warmup + 1) if step < warmup else Exercise0205.right(step, steps, warmup, peak, floor)
        )

    def warmup_from_floor(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        if step < warmup:
            return floor + (peak - floor) * (step + 1) / warmup
        return Exercise0205.right(step, steps, warmup, peak, floor)

    def no_warmup(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return fall(min(1, step / steps), peak, floor)

    def share_not_rate(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return Exercise0205.right(step, steps, warmup, 1.0, 0.0)

    def brackets(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: 1 + math.cos(math.pi * p) / 2)

    def gap_after_warmup(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        if warmup < step < steps:
            return fall((step - warmup) / (steps - warmup), peak, floor)
        return floor

    def whole_numbers(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return peak * ((step + 1) // warmup) if step < warmup else Exercise0205.right(step, steps, warmup, peak, floor)

    def warmup_times_cosine(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return min(1, (step + 1) / max(1, warmup)) * fall(min(1, step / steps), peak, floor)

    def warmup_one_longer(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        if step >= steps:
            return floor
        if warmup and step <= warmup:
            return peak * (step + 1) / warmup
        return fall((step - warmup) / (steps - warmup), peak, floor)

    def counts_from_the_start(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return peak * (step + 1) / warmup if step < warmup else fall(min(1, step / steps), peak, floor)

    def too_slow(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return peak * (step + 1) / warmup if step < warmup else fall((step - warmup) / steps, peak, floor)

    def ends_below_steps(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        if step >= steps:
            return floor
        return (
            peak * (step + 1) / warmup
            if step < warmup
            else fall((step - warmup) / max(1, steps - warmup - 1), peak, floor)
        )

    def one_step_ahead(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        if step >= steps:
            return floor
        return (
            peak * (step + 1) / warmup if step < warmup else fall((step + 1 - warmup) / (steps - warmup), peak, floor)
        )

    def no_floor(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return floor if step >= steps else Exercise0205.right(step, steps, warmup, peak, 0.0)

    def clipped_at_floor(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        rate = Exercise0205.right(step, steps, warmup, peak, 0.0)
        return rate if step < warmup else max(torch.tensor(floor), rate)

    def above_the_peak(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        rate = Exercise0205.right(step, steps, warmup, peak, 0.0)
        return rate if step < warmup else floor + rate

    def not_halved(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: 1 + math.cos(math.pi * p))

    def plain_cosine(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: math.cos(math.pi * p))

    def quarter_wave(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: math.cos(math.pi * p / 2))

    def whole_wave(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: (1 + math.cos(math.tau * p)) / 2)

    def no_pi(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: (1 + math.cos(p)) / 2)

    def degrees(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: (1 + math.cos(180 * p)) / 2)

    def line(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: 1 - p)

    def upside_down(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: (1 - math.cos(math.pi * p)) / 2)

    def stays_at_the_peak(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return schedule(step, steps, warmup, peak, floor, lambda p: 1)

    def rises_again(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        return fall((step - warmup) / max(1, steps - warmup), peak, floor)

    def zero_after_the_end(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return 0 if step >= steps else Exercise0205.right(step, steps, warmup, peak, floor)

    def peak_after_the_end(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return peak if step >= steps else Exercise0205.right(step, steps, warmup, peak, floor)

    def floor_one_late(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return peak if step == steps else Exercise0205.right(step, steps, warmup, peak, floor)

    def raises(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        return min((step + 1) / warmup, 1) * Exercise0205.right(max(step, warmup), steps, warmup, peak, floor)

    def returns_nothing(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
        if step < steps:
            return Exercise0205.right(step, steps, warmup, peak, floor)


def said(**changed: float) -> dict[str, float]:
    """Right numbers, some of them changed."""
    right = {"largest_lr": 0.2, "factor": -0.5, "steps": 89, "curvature": 35, "batch": 256, "momentum": 0.2, "adam": 1}
    return {**right, **changed}


class Exercise0206:
    def right() -> dict[str, float]:
        return said(steps=89.0, curvature=torch.tensor(35.0), batch=torch.tensor(256))

    def halved_curvature() -> dict[str, float]:
        return said(largest_lr=0.4)

    def flattest_direction() -> dict[str, float]:
        return said(largest_lr=4)

    def middle_direction() -> dict[str, float]:
        return said(largest_lr=0.5)

    def one_jump() -> dict[str, float]:
        return said(largest_lr=0.1)

    def mean_curvature() -> dict[str, float]:
        return said(largest_lr=0.414)

    def one_over_curvature() -> dict[str, float]:
        return said(largest_lr=0.25)

    def upside_down() -> dict[str, float]:
        return said(largest_lr=5)

    def sign_lost() -> dict[str, float]:
        return said(factor=0.5)

    def taken_off() -> dict[str, float]:
        return said(factor=1.5)

    def halved_curvature_factor() -> dict[str, float]:
        return said(factor=0.25)

    def wrong_direction_up() -> dict[str, float]:
        return said(factor=2.5)

    def other_coordinate() -> dict[str, float]:
        return said(factor=0.925)

    def steepest_only() -> dict[str, float]:
        return said(steps=10)

    def x_only() -> dict[str, float]:
        return said(steps=8)

    def one_too_few() -> dict[str, float]:
        return said(steps=88)

    def one_too_many() -> dict[str, float]:
        return said(steps=90)

    def between_steps() -> dict[str, float]:
        return said(steps=88.6)

    def not_exponential() -> dict[str, float]:
        return said(steps=93)

    def decimal_log_mixed() -> dict[str, float]:
        return said(steps=39)

    def straight_line() -> dict[str, float]:
        return said(steps=14)

    def halved_curvature_steps() -> dict[str, float]:
        return said(steps=181)

    def sign_ignored() -> dict[str, float]:
        return said(curvature=5)

    def factor_over_lr() -> dict[str, float]:
        return said(curvature=-15)

    def bound() -> dict[str, float]:
        return said(curvature=40)

    def product() -> dict[str, float]:
        return said(curvature=1.75)

    def one_jump_curvature() -> dict[str, float]:
        return said(curvature=20)

    def negative() -> dict[str, float]:
        return said(curvature=-35)

    def linear_noise() -> dict[str, float]:
        return said(batch=64)

    def wrong_way() -> dict[str, float]:
        return said(batch=1)

    def factor_only() -> dict[str, float]:
        return said(batch=16)

    def too_large() -> dict[str, float]:
        return said(batch=4096)

    def doubled() -> dict[str, float]:
        return said(batch=32)

    def first_step() -> dict[str, float]:
        return said(momentum=0.02)

    def second_step() -> dict[str, float]:
        return said(momentum=0.038)

    def velocity_itself() -> dict[str, float]:
        return said(momentum=20)

    def gradient_forgotten() -> dict[str, float]:
        return said(momentum=0.1)

    def times_momentum() -> dict[str, float]:
        return said(momentum=0.18)

    def no_bound() -> dict[str, float]:
        return said(momentum=math.inf)

    def step_sign() -> dict[str, float]:
        return said(momentum=-0.2)

    def like_sgd() -> dict[str, float]:
        return said(adam=500)

    def no_bias_correction() -> dict[str, float]:
        return said(adam=3.16)

    def corrects_one() -> dict[str, float]:
        return said(adam=31.6)

    def no_root() -> dict[str, float]:
        return said(adam=0.002)

    def uncorrected_mean() -> dict[str, float]:
        return said(adam=50)

    def length_itself() -> dict[str, float]:
        return said(adam=0.001)

    def adam_sign() -> dict[str, float]:
        return said(adam=-1)

    def no_entry() -> dict[str, float]:
        return {"largest_lr": 0.2}

    def wrong_value() -> dict[str, float]:
        return said(adam=7)


Three = tuple[Tensor, Tensor, Tensor]


def adamw(
    w: Tensor,
    g: Tensor,
    m: Tensor,
    s: Tensor,
    t: int,
    lr: float,
    b1: float,
    b2: float,
    eps: float,
    decay: float,
    update: Callable[..., Tensor] | None = None,
) -> Three:
    """AdamW, with `update` (corrected mean, corrected square, mean, square) in place of the right new weights."""
    m, s = torch.lerp(g, m, b1), torch.lerp(g * g, s, b2)
    m_hat, s_hat = m / (1 - b1**t), s / (1 - b2**t)
    if update is None:
        return (1 - lr * decay) * w - lr * m_hat / (s_hat.sqrt() + eps), m, s
    return update(m_hat, s_hat, m, s), m, s


class Exercise0207:
    def right(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        """In place on copies, as torch does it."""
        w, m, s = w.clone(), m.clone(), s.clone()
        w.mul_(1 - lr * decay)
        m.mul_(b1).add_(g, alpha=1 - b1)
        s.mul_(b2).addcmul_(g, g, value=1 - b2)
        root = (s.sqrt() / math.sqrt(1 - b2**t)).add_(eps)
        return w.addcdiv_(m, root, value=-lr / (1 - b1**t)), m, s

    def mutates_input(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        m.mul_(b1).add_(g, alpha=1 - b1)
        s.mul_(b2).add_(g * g, alpha=1 - b2)
        return w - lr * ((m / (1 - b1**t)) / ((s / (1 - b2**t)).sqrt() + eps) + decay * w), m, s

    def wrong_order(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        w, m, s = adamw(w, g, m, s, t, lr, b1, b2, eps, decay)
        return m, s, w

    def stores_corrected(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        m = (b1 * m + (1 - b1) * g) / (1 - b1**t)
        s = (b2 * s + (1 - b2) * g**2) / (1 - b2**t)
        return w - lr * (m / (s.sqrt() + eps) + decay * w), m, s

    def shares_swapped(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, lr, 1 - b1, 1 - b2, eps, decay)

    def betas_swapped(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, lr, b2, b1, eps, decay)

    def sum_not_mean(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        m, s = b1 * m + g, b2 * s + g**2
        return w - lr * (m / (s.sqrt() + eps) + decay * w), m, s

    def state_unchanged(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, lr, b1, b2, eps, decay)[0], m, s

    def decay_in_gradient(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g + decay * w, m, s, t, lr, b1, b2, eps, 0)

    def one_for_all(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        m, s = b1 * m + (1 - b1) * g.mean(), b2 * s + (1 - b2) * (g**2).mean()
        return w - lr * (m / (1 - b1**t)) / ((s / (1 - b2**t)).sqrt() + eps), m, s

    def not_squared(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        new = adamw(w, g, m, s, t, lr, b1, b2, eps, decay)
        return *new[:2], b2 * s + (1 - b2) * g

    def absolute(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        new = adamw(w, g, m, s, t, lr, b1, b2, eps, decay)
        return *new[:2], b2 * s + (1 - b2) * g.abs()

    def square_of_mean(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        new = adamw(w, g, m, s, t, lr, b1, b2, eps, decay)
        return *new[:2], b2 * s + (1 - b2) * new[1] ** 2

    def stores_root(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        w, m, s = adamw(w, g, m, s, t, lr, b1, b2, eps, decay)
        return w, m, s.sqrt()

    def share_squared_too(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        new = adamw(w, g, m, s, t, lr, b1, b2, eps, decay)
        return *new[:2], b2 * s + ((1 - b2) * g) ** 2

    def no_bias_correction(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m / (s.sqrt() + eps) + decay * w),
        )

    def corrects_one(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m_hat / (s.sqrt() + eps) + decay * w),
        )

    def correction_multiplied(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m * (1 - b1**t) / ((s * (1 - b2**t)).sqrt() + eps) + decay * w),
        )

    def product_not_power(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: (
                w - lr * (m / (1 - b1 * t) / ((s / (1 - b2 * t)).sqrt() + eps) + decay * w)
            ),
        )

    def power_of_difference(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: (
                w - lr * (m / (1 - b1) ** t / ((s / (1 - b2) ** t).sqrt() + eps) + decay * w)
            ),
        )

    def brackets(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * ((m / 1 - b1**t) / ((s / 1 - b2**t).sqrt() + eps) + decay * w),
        )

    def one_beta_for_both(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m_hat / ((s / (1 - b1**t)).sqrt() + eps) + decay * w),
        )

    def eps_outside(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m_hat / s_hat.sqrt() + eps + decay * w),
        )

    def not_all_returned(w, g, m, s, t, lr, b1, b2, eps, decay) -> Tensor:
        return adamw(w, g, m, s, t, lr, b1, b2, eps, decay)[0]

    def constant_correction(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m / (1 - b1) / ((s / (1 - b2)).sqrt() + eps) + decay * w),
        )

    def counts_from_zero(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t - 1, lr, b1, b2, eps, decay)

    def one_step_ahead(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t + 1, lr, b1, b2, eps, decay)

    def eps_inside_root(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m_hat / (s_hat + eps).sqrt() + decay * w),
        )

    def eps_before_correction(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: (
                w * (1 - lr * decay) - lr * math.sqrt(1 - b2**t) / (1 - b1**t) * m / (s.sqrt() + eps)
            ),
        )

    def no_eps(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, lr, b1, b2, 1e-8, decay)

    def no_root(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m_hat / (s_hat + eps) + decay * w),
        )

    def gradient_not_mean(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (g / (s_hat.sqrt() + eps) + decay * w),
        )

    def old_state(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        old_m, old_s = m / (1 - b1**t), s / (1 - b2**t)
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (old_m / (old_s.sqrt() + eps) + decay * w),
        )

    def uphill(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, -lr, b1, b2, eps, decay)

    def no_lr(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, 1.0, b1, b2, eps, decay)

    def no_decay(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, lr, b1, b2, eps, 0)

    def decay_without_lr(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, lr, b1, b2, eps, decay / lr)

    def weights_grow(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, lr, b1, b2, eps, -decay)

    def decay_rescaled(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(
            *(w, g, m, s, t, lr, b1, b2, eps, decay),
            update=lambda m_hat, s_hat, m, s: w - lr * (m_hat + decay * w) / (s_hat.sqrt() + eps),
        )

    def decays_new_weights(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        w, m, s = adamw(w, g, m, s, t, lr, b1, b2, eps, 0)
        return w * (1 - lr * decay), m, s

    def decay_without_weights(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        w, m, s = adamw(w, g, m, s, t, lr, b1, b2, eps, 0)
        return w - lr * decay, m, s

    def decay_lr_twice(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(w, g, m, s, t, lr, b1, b2, eps, lr * decay)

    def decay_by_sign(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        sign = w.sign()
        w, m, s = adamw(w, g, m, s, t, lr, b1, b2, eps, 0)
        return w - lr * decay * sign, m, s

    def decays_everything(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        w, m, s = adamw(w, g, m, s, t, lr, b1, b2, eps, 0)
        return w * (1 - decay), m, s

    def weights_unchanged(w, g, m, s, t, lr, b1, b2, eps, decay) -> Three:
        return adamw(*(w, g, m, s, t, lr, b1, b2, eps, decay), update=lambda *averages: w)
