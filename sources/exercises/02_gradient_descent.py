# ---
# lesson: 02_gradient_descent
# ---

# %% [markdown]
r"""
Seven exercises. They build the whole of an optimiser: a slope, a walk that stops, batches, momentum, a schedule,
and in the end AdamW, the usual optimiser for language models. The sixth asks for numbers instead of code.

Shape letters: D parameters, N examples, b examples in one batch, S steps. `...` stands for any number of axes, none
included. Unless an exercise says otherwise, tensors hold 32-bit numbers.
"""

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="02.1"
r"""
You have a function of several numbers and nothing else: no formula, no library that differentiates. All you can do
is call it. Find its gradient, one slope for each of the numbers.

Take the **central difference**. For coordinate $i$, move that coordinate alone, a distance $h$ to each side:

$$g_i = \frac{f(x + h\,e_i) - f(x - h\,e_i)}{2h}$$

where $e_i$ has a 1 in place $i$ and 0 everywhere else.

- **Takes** `f`, a function of a tensor of shape `(D,)` that returns a Python number; the point `x`, shape `(D,)`,
  in 64-bit numbers; and the distance `h`.
- **Returns** the D slopes, shape `(D,)`.

Example: $f(x) = x_0^3 + x_0 x_1$ at $x = (1, 2)$ with $h = 1$. In the first coordinate, $f(2, 2) = 12$ and
$f(0, 2) = 0$, so the slope is $12 / 2 = 6$. In the second, $f(1, 3) = 4$ and $f(1, 1) = 2$: the slope is
$2 / 2 = 1$. With $h = 0.001$ the first one becomes 5.000001. The exact one is 5.
"""


# %%
def numerical_gradient(f: Callable[[Tensor], float], x: Float[Tensor, "D"], h: float) -> Float[Tensor, "D"]:
    """The gradient of `f` at `x` by central differences, moving one coordinate at a time by `h` to each side."""
    ### BEGIN SOLUTION
    slopes = torch.zeros_like(x)
    for i in range(len(x)):
        step = torch.zeros_like(x)
        step[i] = h
        slopes[i] = (f(x + step) - f(x - step)) / (2 * h)
    return slopes
    ### END SOLUTION


# %%
check("02.1", numerical_gradient)
# %% [markdown] tags=["hint"]
r"""
How often must `f` be called for one slope? And for all of them? A loop over the coordinates is fine.
"""

# %% [markdown] tags=["hint"]
r"""
Make a tensor `step` that is 0 everywhere and `h` in place `i`. Then `x + step` and `x - step` are new tensors, and
`x` stays as it is.
"""

# %% [markdown] tags=["hint"]
r"""
For each `i`: `step = torch.zeros_like(x)`, then `step[i] = h`, and the slope is
`(f(x + step) - f(x - step)) / (2 * h)`. Collect the slopes in a second tensor of zeros.
"""

# %% [markdown] tags=["discussion"]
r"""
- The central difference is off by something like $h^2$, the one-sided $\frac{f(x + h) - f(x)}{h}$ by something like
  $h$. Both cost rounding errors of about $10^{-16} / h$ times the size of $f$, so a smaller $h$ is not always
  better.
- `x[i] += h` changes the caller's point. Taking `h` off again afterwards does not always repair it, because
  $(x + h) - h$ is rounded twice.
- A copy that is made once, before the loop, keeps the moves of the coordinates that came earlier. The slopes are
  then taken somewhere else, and nothing tells you.
- Two calls of `f` for each parameter: for a model with a million parameters, two million passes for a single step.
  Nobody trains that way. The next lesson gets all slopes for the price of a few passes, and this function is how
  one tests that they are right.
"""

# %% [markdown] exercise="02.2"
r"""
Now walk. At each point, look at the gradient; if it is shorter than `tolerance`, you are (nearly) at the bottom, so
stop; otherwise take the step $x \leftarrow x - \text{lr} \cdot \text{gradient}$. Whatever happens, stop after
`max_steps` steps.

- **Takes** `gradient`, a function from a point to the gradient there; the point to `start` from, shape `(D,)`;
  `lr`; `tolerance`; and `max_steps`.
- **Returns** the path, shape `(S + 1, D)`: all points in order, the start first, the last one where you stopped. S
  is the number of steps taken, and may be 0.

The length of a gradient is $\sqrt{g_1^2 + \dots + g_D^2}$, and torch has it as `g.norm()`.

Example: the gradient at $(x, y)$ is $(x, 4y)$, the start is $(4, 1)$, the learning rate $\frac14$ and the tolerance
2. At the start the gradient is $(4, 4)$, of length 5.66, so step to $(3, 0)$. There it has length 3, then 2.25 at
$(2.25, 0)$, then 1.6875 at $(1.6875, 0)$: stop. Four points, three steps.
"""


# %%
def descend(
    gradient: Callable[[Tensor], Tensor], start: Float[Tensor, "D"], lr: float, tolerance: float, max_steps: int
) -> Float[Tensor, "S+1 D"]:
    """The points of a gradient descent, until the gradient is shorter than `tolerance` or after `max_steps` steps."""
    ### BEGIN SOLUTION
    path = [start]
    for _ in range(max_steps):
        slope = gradient(path[-1])
        if slope.norm() < tolerance:
            break
        path.append(path[-1] - lr * slope)
    return torch.stack(path)
    ### END SOLUTION


# %%
check("02.2", descend)
# %% [markdown] tags=["hint"]
r"""
Keep the points in a list that begins with the start. Which comes first in the loop, the question whether to stop,
or the step?
"""

# %% [markdown] tags=["hint"]
r"""
`for _ in range(max_steps):` takes care of the second way to stop, and `break` of the first. `torch.stack(path)`
makes one tensor of a list of points.
"""

# %% [markdown] tags=["hint"]
r"""
In the loop: compute the gradient at `path[-1]`, `break` if its norm is below `tolerance`, else append
`path[-1] - lr * slope`. With `-=` you would change the point that is already in the list.
"""

# %% [markdown] tags=["discussion"]
r"""
- `x -= lr * g; path.append(x)` appends *the same tensor* every time. At the end the list holds the last point, many
  times over. It is an easy bug to write, and a plot of such a path shows a single dot.
- A short gradient means "flat here", and no more. On a saddle or a plateau this walk stops as well.
- Stopping when the *step* is short sounds the same, and is not: with a tiny learning rate every step is short.
- Without `max_steps`, a learning rate that is too large never ends. Every loop over something that ought to
  converge needs a second way out.
"""

# %% [markdown] exercise="02.3"
r"""
The gradient of the loss is a mean over all N examples, and a batch of a few gives a cheap, noisy estimate of it. Go
through the data once, in batches: one **epoch** of stochastic gradient descent.

Shuffle the examples, once. Cut them into batches of `batch_size`; the last batch is smaller if there are not enough
left, and is used all the same. For each batch in turn: ask for the gradients of *its* examples at the *current*
weights, take their mean, step.

- **Takes** `weights`, shape `(D,)`; `inputs`, shape `(N, D)`; `targets`, shape `(N,)`; `gradients`, a function;
  `lr`; and `batch_size`. `gradients(weights, inputs, targets)` wants the inputs and targets of b examples, shapes
  `(b, D)` and `(b,)`, and returns b gradients, one a row, shape `(b, D)`.
- **Returns** the weights after the epoch, shape `(D,)`.

Every call has to draw a new order. Any source of chance will do, `torch.randperm` for instance.

Example: one weight $w = 0$, inputs 1, 2, 3 with targets 2, 4, 6, and the gradient of an example is $2(wx - y)x$.
The learning rate is 0.05, the batch size 2, and the order happens to be third, first, second. The first batch has
gradients $-36$ and $-4$, mean $-20$, so $w = 1$. The second batch is one example, with gradient
$2 (2 - 4) \cdot 2 = -8$, so $w = 1.4$.
"""


# %%
def sgd_epoch(
    weights: Float[Tensor, "D"],
    inputs: Float[Tensor, "N D"],
    targets: Float[Tensor, "N"],
    gradients: Callable[[Tensor, Tensor, Tensor], Tensor],
    lr: float,
    batch_size: int,
) -> Float[Tensor, "D"]:
    """The weights after one pass through the shuffled examples, with a step for every batch."""
    ### BEGIN SOLUTION
    for batch in torch.randperm(len(inputs)).split(batch_size):
        weights = weights - lr * gradients(weights, inputs[batch], targets[batch]).mean(dim=0)
    return weights
    ### END SOLUTION


# %%
check("02.3", sgd_epoch)
# %% [markdown] tags=["hint"]
r"""
Shuffle *numbers of examples*, not examples: then inputs and targets can be picked by the same numbers and stay
together.
"""

# %% [markdown] tags=["hint"]
r"""
`order = torch.randperm(len(inputs))`. A batch is `order[first : first + batch_size]`, for `first` in
`range(0, len(inputs), batch_size)`; a slice that reaches past the end is shorter. (`order.split(batch_size)` does
the same.) `inputs[batch]` picks those rows.
"""

# %% [markdown] tags=["hint"]
r"""
For each batch: `weights = weights - lr * gradients(weights, inputs[batch], targets[batch]).mean(dim=0)`. The mean
runs over the examples, so over axis 0.
"""

# %% [markdown] tags=["discussion"]
r"""
- The *mean* makes the learning rate mean the same at every batch size. With the sum, twice the batch is twice the
  step. And divide by the examples that are there: the last batch may be smaller than `batch_size`.
- `weights -= ...` would change the caller's tensor. In a real optimiser that is the purpose, and it is said in the
  name of the method. In a function that *returns* weights it is a surprise.
- Drawing every batch anew, with replacement, is a legitimate algorithm too, and the theory is easier for it. In an
  epoch of N draws, however, a share of about $1/e = 37\,\%$ of the examples never comes up.
- Data often arrive sorted (by date, by author, by class). Without shuffling, every batch pulls in the direction of
  its own sort, and the last one has the final word. Shuffling inside the batches changes nothing at all: a mean has
  no order.
- One seed set *inside* the function gives every epoch the same batches. Seed once, outside.
"""

# %% [markdown] exercise="02.4"
r"""
Momentum: do not follow the gradient, follow a velocity that remembers earlier gradients. Conventions differ between
books; here is the one that torch uses, with momentum $\beta$:

$$v \leftarrow \beta\, v + g \qquad\qquad w \leftarrow w - \text{lr} \cdot v$$

First the velocity, then the weights with the *new* velocity. It starts at zero.

- **Takes** `weights`, `velocity` and `gradient`, all of one shape `(...)`; `lr`; and `momentum`.
- **Returns** two tensors, the new weights and the new velocity.

Example: $w = 1$, $v = 2$, $g = 3$, lr 0.05 and momentum 0.9. Then $v = 0.9 \cdot 2 + 3 = 4.8$ and
$w = 1 - 0.05 \cdot 4.8 = 0.76$. (Plain arithmetic on tensors is all it takes; leave `torch.optim` out of it.)
"""


# %%
def momentum_step(
    weights: Float[Tensor, "..."],
    velocity: Float[Tensor, "..."],
    gradient: Float[Tensor, "..."],
    lr: float,
    momentum: float,
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """Weights and velocity after one step of gradient descent with momentum, in torch's convention."""
    ### BEGIN SOLUTION
    velocity = momentum * velocity + gradient
    return weights - lr * velocity, velocity
    ### END SOLUTION


# %%
check("02.4", momentum_step)
# %% [markdown] tags=["hint"]
r"""
Two lines, one for each arrow. Which of them has to come first?
"""

# %% [markdown] tags=["hint"]
r"""
Use `velocity = momentum * velocity + gradient`, which makes a new tensor. `velocity *= momentum` would change the
one that you were given.
"""

# %% [markdown] tags=["hint"]
r"""
After `velocity = momentum * velocity + gradient`, return `weights - lr * velocity` and `velocity`.
"""

# %% [markdown] tags=["discussion"]
r"""
- If the gradient stays the same, $v$ grows until it is $g / (1 - \beta)$: with $\beta = 0.9$, ten times the gradient.
  So a learning rate that was right without momentum is ten times too large with it. Some books write
  $v \leftarrow \beta v + (1 - \beta) g$, which has no such growth. (In torch that is `dampening`.) When you copy a
  learning rate from a paper, look which of the two it uses.
- Other books put the learning rate into the velocity, $v \leftarrow \beta v - \text{lr} \cdot g$ and then
  $w \leftarrow w + v$. For a constant learning rate the weights come out the same. When the rate changes, they
  differ: there, old gradients keep the rate of their day; here, today's rate applies to everything.
- Nesterov's momentum looks one step further along, $w \leftarrow w - \text{lr}\,(g + \beta v)$. torch:
  `nesterov=True`.
"""

# %% [markdown] exercise="02.5"
r"""
How large a step, and when? The schedule with which many language models were trained has two parts: a **warm-up**,
in which the learning rate rises in a straight line, and a fall along half a cosine wave
([Loshchilov and Hutter, 2017](https://arxiv.org/abs/1608.03983)).

Steps are counted from 0, and there are three cases.

- In the warm-up, for `step < warmup`, the rate is $\text{peak} \cdot \frac{\text{step} + 1}{\text{warmup}}$: the
  very first step has a rate above 0, and the last one of the warm-up has the peak.
- After that, for `step < steps`, it is
  $\text{floor} + (\text{peak} - \text{floor}) \cdot \frac{1 + \cos(\pi\,p)}{2}$, where
  $p = \frac{\text{step} - \text{warmup}}{\text{steps} - \text{warmup}}$ is the share of the fall that is over.
- From step number `steps` on, it is the floor, for whoever trains on.

A `warmup` of 0 means that there is none, and one that is as long as the run means that nothing is left to fall.

- **Takes** `step`, `steps` and `warmup`, whole numbers; the `peak` and the `floor` of the rate.
- **Returns** the learning rate for that step, a number.

Example with 8 steps, 2 of them warm-up, peak 1 and floor 0.2: the rates are 0.5, 1, 1, 0.946, 0.8, 0.6, 0.4, 0.254,
and from then on 0.2.
"""


# %%
def learning_rate(step: int, steps: int, warmup: int, peak: float, floor: float) -> float:
    """Linear warm-up to `peak`, then a cosine down to `floor`, and `floor` from step number `steps` on."""
    ### BEGIN SOLUTION
    if step >= steps:
        return floor
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / (steps - warmup)
    return floor + (peak - floor) * (1 + math.cos(math.pi * progress)) / 2
    ### END SOLUTION


# %%
check("02.5", learning_rate)
# %% [markdown] tags=["hint"]
r"""
Three cases, three `return`s. If you ask for the last one first, none of the others can divide by zero.
"""

# %% [markdown] tags=["hint"]
r"""
What is $\frac{1 + \cos(\pi p)}{2}$ at $p = 0$, at $\frac12$, at 1? That is the share of the way from the floor up
to the peak. `math.cos` wants radians, and $\pi p$ is in radians.
"""

# %% [markdown] tags=["hint"]
r"""
`if step >= steps: return floor`, then `if step < warmup: return peak * (step + 1) / warmup`, and else with
`progress = (step - warmup) / (steps - warmup)` the line of the statement.
"""

# %% [markdown] tags=["discussion"]
r"""
- With $\frac{\text{step}}{\text{warmup}}$ the first step has rate 0: a whole batch computed for nothing. With
  $\frac{\text{step}}{\text{steps}}$ for $p$ the rate jumps where the warm-up ends.
- A cosine comes up again. Whoever trains past `steps` without the last case sees the rate rise, and the loss with
  it.
- The cosine falls slowly at first, then quickly, then slowly again. It depends on `steps`: a run that is cut short
  has never had its low rates. Later lessons use a schedule that stays at the peak and falls in a line at the end,
  so that the length can be decided late.
"""

# %% [markdown] exercise="02.6"
r"""
No code this time: seven numbers, by thinking, with a calculator for logarithms at most.

(a) The loss is $\frac12 (4x^2 + 10y^2 + \frac12 z^2)$, and plain gradient descent starts from $x = y = z = 1$. (b)
Of another loss, with one parameter, you only see what gradient descent with learning rate 0.05 printed: the
distances from the minimum, with their signs, are 8, −6, 4.5, −3.375, and so on.

| entry | what it is |
| :-- | :-- |
| `"largest_lr"` | (a) the bound below which a learning rate is stable: all three coordinates shrink to 0 |
| `"factor"` | (a) with learning rate 0.15, the number by which each step multiplies $y$ |
| `"steps"` | (a) with learning rate 0.15, the first step after which *all three* are smaller than a thousandth, whatever their sign |
| `"curvature"` | (b) the second derivative of that loss |
| `"batch"` | with batches of 16 independent draws, the gradient's noise has standard deviation 0.8; the batch size for which it is 0.2 |
| `"momentum"` | the gradient is 2 at every step, the learning rate 0.01, the momentum 0.9 (torch's): the length of a step after a long time |
| `"adam"` | Adam ($\beta_1 = 0.9$, $\beta_2 = 0.999$, with bias correction) meets a gradient of 500 as its very first: the length of its first step, divided by the learning rate |
"""


# %%
def predictions() -> dict[str, float]:
    """The seven numbers, by the names in the table: `return {"largest_lr": ..., "factor": ..., ...}`."""
    ### BEGIN SOLUTION
    return {
        "largest_lr": 2 / 10,
        "factor": 1 - 0.15 * 10,
        "steps": math.ceil(math.log(1e-3) / math.log(1 - 0.15 * 0.5)),
        "curvature": (1 + 6 / 8) / 0.05,
        "batch": 16 * (0.8 / 0.2) ** 2,
        "momentum": 0.01 * 2 / (1 - 0.9),
        "adam": 1,
    }
    ### END SOLUTION


# %%
check("02.6", predictions)
# %% [markdown] tags=["hint"]
r"""
The first four are about the factor $1 - \text{lr} \cdot \lambda$ by which a step multiplies the distance along a
direction of curvature $\lambda$. What is the curvature of $\frac12 \cdot 10 y^2$? Which direction is the slowest?
"""

# %% [markdown] tags=["hint"]
r"""
From $8$ to $-6$ is a factor with a sign. A mean over four times as many examples has half the noise. A velocity
that no longer changes satisfies $v = 0.9 v + 2$. And after bias correction, what are Adam's two averages after a
single gradient $g$?
"""

# %% [markdown] tags=["hint"]
r"""
$\frac{2}{10}$; $1 - 0.15 \cdot 10$; $0.925^n < 0.001$ for the smallest whole $n$; solve $1 - 0.05 \lambda = -0.75$;
four times less noise takes $4^2$ times the batch; $0.01 \cdot \frac{2}{1 - 0.9}$; $g / \sqrt{g^2}$.
"""

# %% [markdown] tags=["discussion"]
r"""
`0.2`, `-0.5`, `89`, `35`, `256`, `0.2`, `1`.

- The steepest direction sets the bound, the flattest sets the time. With learning rate 0.15, $x$ and $y$ are below
  a thousandth after 8 and 10 steps, and $z$ takes 89. The ratio of the two curvatures, here 20, is what makes a
  ravine slow.
- A distance that changes its sign at every step has jumped across the valley: $\text{lr} \cdot \lambda$ lies
  between 1 and 2. With the sign ignored one would have computed $\lambda = 5$, and thought a rate of 0.3 quite
  safe. The bound is $2/35 = 0.057$: this run was near the edge.
- Noise falls with the *square root* of the batch size. Past some size, more examples per step buy almost nothing,
  and the same examples spent on more steps would buy more.
- Adam's first step moves every weight by the learning rate, whether its gradient is 500 or 0.005. That protects
  against a steep start; it also means that one strange first batch moves every weight as far as a good one would
  have. Warm-up makes those first steps short.
"""

# %% [markdown] exercise="02.7"
r"""
The usual optimiser for language models: Adam ([Kingma and Ba, 2015](https://arxiv.org/abs/1412.6980)), with the
weight decay of AdamW ([Loshchilov and Hutter, 2019](https://arxiv.org/abs/1711.05101)). For each weight it keeps a
running mean $m$ of the gradient and a running mean $s$ of its square (which the paper calls $v$). At step number
$t$, counted from 1:

$$m \leftarrow \beta_1 m + (1 - \beta_1)\, g \qquad\qquad s \leftarrow \beta_2 s + (1 - \beta_2)\, g^2$$

Both begin at zero and are therefore too small at first. The update divides that out:

$$\hat m = \frac{m}{1 - \beta_1^t} \qquad \hat s = \frac{s}{1 - \beta_2^t} \qquad\qquad
w \leftarrow w - \text{lr} \left( \frac{\hat m}{\sqrt{\hat s} + \varepsilon} + \lambda\, w \right)$$

The last term is the weight decay with strength $\lambda$. It pulls each *old* weight towards 0 and never enters $m$
or $s$.

- **Takes** `weights`, `gradient`, `mean` ($m$) and `square` ($s$), all of one shape `(...)`; the number of this
  step, `t`, 1 for the first; `lr`, `beta1`, `beta2`, `eps`; and `weight_decay` ($\lambda$).
- **Returns** three tensors: the new weights, the new `mean`, the new `square`. The last two are kept for the next
  step as they are, without the correction.

Example: the first step, with $w = 1$, $g = 4$, $m = s = 0$, lr 0.1, $\beta_1 = 0.9$, $\beta_2 = 0.96$,
$\varepsilon = 0$ and $\lambda = 0.5$. Then $m = 0.4$ and $s = 0.64$; corrected, they are 4 and 16. So
$w = 1 - 0.1 \cdot (4 / 4 + 0.5) = 0.85$. (As before, without `torch.optim`.)
"""


# %%
def adamw_step(
    weights: Float[Tensor, "..."],
    gradient: Float[Tensor, "..."],
    mean: Float[Tensor, "..."],
    square: Float[Tensor, "..."],
    t: int,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."], Float[Tensor, "..."]]:
    """Weights and both running means after step number `t` (from 1) of AdamW."""
    ### BEGIN SOLUTION
    mean = beta1 * mean + (1 - beta1) * gradient
    square = beta2 * square + (1 - beta2) * gradient**2
    mean_hat = mean / (1 - beta1**t)
    square_hat = square / (1 - beta2**t)
    weights = weights - lr * (mean_hat / (square_hat.sqrt() + eps) + weight_decay * weights)
    return weights, mean, square
    ### END SOLUTION


# %%
check("02.7", adamw_step)
# %% [markdown] tags=["hint"]
r"""
Five assignments, in the order of the formulas. Which of the four averages are given back, and which are only used
in this step?
"""

# %% [markdown] tags=["hint"]
r"""
Give the corrected ones names of their own, `mean_hat = mean / (1 - beta1**t)`. Everything works weight by weight,
so there is no sum and no mean over the tensor. The root is taken first, `eps` is added after it.
"""

# %% [markdown] tags=["hint"]
r"""
`mean = beta1 * mean + (1 - beta1) * gradient`, `square` likewise with `gradient**2`, both divided into hats, and
then `weights - lr * (mean_hat / (square_hat.sqrt() + eps) + weight_decay * weights)`.
"""

# %% [markdown] tags=["discussion"]
r"""
This is what `torch.optim.AdamW` computes, up to rounding.

- Without bias correction, $m$ is $(1 - \beta_1) g$ after the first step and $\sqrt s$ is $\sqrt{1 - \beta_2}\,|g|$.
  With 0.9 and 0.999 the ratio is $0.1 / 0.0316 = 3.16$: the first step is three times too long, not too short.
- Storing the corrected means corrects them again at the next step.
- $\varepsilon$ inside the root is a different number: $\sqrt{10^{-8}} = 10^{-4}$. For weights with tiny gradients
  that decides how far they move.
- Decay that is added to the *gradient* (Adam with L2) is divided by $\sqrt{\hat s}$ as well, so weights with large
  gradients hardly decay. That is the difference for which AdamW was written.
- In torch the decay is multiplied by the learning rate, as here. The paper keeps them apart and multiplies both by
  a schedule; strengths are therefore not always comparable.
"""
