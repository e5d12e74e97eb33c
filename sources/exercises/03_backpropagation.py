# ---
# lesson: 03_backpropagation
# ---

# %% [markdown]
r"""
Seven exercises on getting slopes. The first two are the scalar engine: what it must know about an operation, and what it
does with that. Then come three backward passes that every language model runs in every training step, a piece of code to
read, and at last the one that most people get wrong on paper.

"The gradient of a value" means the derivative of the loss with respect to that value: how much the loss changes per unit
of it. It has the shape of the value. A backward pass is handed the gradient of its output, called `grad`, and returns the
gradients of its inputs.

Shape letters: N examples, D numbers in and M numbers out for each, V words in the vocabulary. `...` stands for any number
of further axes in front, none included. torch's autograd is a fine referee for all of these, and the exercises ask you to
do without it.
"""

# %%
import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="03.1"
r"""
What does an engine have to know about an operation? Two things: its value, and by how much that value changes per unit of
each input. These *local slopes* are all that the backward pass ever uses. Whoever adds an operation to an engine writes
down exactly this, and the engine does the rest.

Add division, $a / b$.

- **Takes** two numbers, `a` and `b`; `b` is not 0.
- **Returns** the value, and a pair: the slope of $a/b$ when $a$ changes and $b$ stays, and the slope when $b$ changes and
  $a$ stays. So `(value, (slope_a, slope_b))`.

Example: `divide(6.0, 2.0)` is `(3.0, (0.5, -1.5))`. Check it with your eyes: $6.01 / 2 = 3.005$, which is 0.5 times 0.01
more than 3. And $6 / 2.01$ is about $2.985$, which is 1.5 times 0.01 less.
"""


# %%
def divide(a: float, b: float) -> tuple[float, tuple[float, float]]:
    """a / b, and its slopes along a and along b."""
    ### BEGIN SOLUTION
    return a / b, (1 / b, -a / b**2)
    ### END SOLUTION


# %%
check("03.1", divide)
# %% [markdown] tags=["hint"]
r"""
With $b$ held fixed, $a / b$ is a straight line in $a$. How steep is it? With $a$ held fixed, does $a / b$ rise or fall as
a positive $b$ grows, if $a$ is positive?
"""

# %% [markdown] tags=["hint"]
r"""
Write the second one as $a \cdot b^{-1}$. School's rule for powers gives the derivative of $b^{-1}$, and $a$ is a factor in
front of it.
"""

# %% [markdown] tags=["hint"]
r"""
The slopes are $\frac{1}{b}$ and $-\frac{a}{b^2}$. In Python, mind the brackets: `-a / b * b` is `-a`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The second slope is also $-\frac{1}{b} \cdot \frac{a}{b}$: minus the value, divided by $b$. Many operations have slopes
  that are cheap once the value is known. For $e^x$ the slope *is* the value, for $\tanh x$ it is one minus the value
  squared. This is a reason why the forward pass keeps what it computed, and why training needs more memory than use.
- You did not need to know what the division is for. Whether its result goes into a loss or into a hundred further
  operations is not its business: the engine multiplies your slopes with the gradient that arrives.
- An engine that knows products and powers can do without: $a / b$ is $a \cdot b^{-1}$, and needs no new slope. An operation
  of its own is one node in the graph instead of two. A "fused" operation is the same idea on a larger scale.
- Divide a value by itself: the slopes along the two inputs are $\frac1x$ and $-\frac1x$, and the contributions add to 0.
  That is right, for $x / x$ is 1 whatever $x$ is. An engine that overwrites instead of adding would get it wrong.
"""

# %% [markdown] exercise="03.2"
r"""
Now the engine itself. Somebody has done the forward pass and written down, for every value, from which values it was
computed and with which local slopes. That is the graph:

```python
graph = {
    "loss": [("square", 2.0), ("a", 4.0)],  # loss = square · a
    "square": [("a", 2.0), ("a", 2.0)],  # square = a · a
    "a": [],  # an input: computed from nothing
}
```

Here $a = 2$, so the loss is $a^3 = 8$. A product's slope along one factor is the other factor. You see it twice in
`"square"`, where both factors are the same value.

- **Takes** `graph`, as above, its names **in no particular order**; and `last`, the name of the value whose slopes are
  wanted.
- **Returns** a dictionary with the derivative of `last` with respect to *every* name in the graph. It is 1 for `last`
  itself, and 0 for a value that `last` does not depend on.

Example: `gradients(graph, "loss")` is `{"loss": 1.0, "square": 2.0, "a": 12.0}`. To `a` come 4 directly, and
$2 \cdot 2$ for each of the two factors of the square. And $3a^2$ is 12.

The graph has no loops. It has values that are used many times, also values that are used early *and* late. In one of the
graphs that the check tries, there are more ways from `last` back to an input than you could ever walk one by one.
"""


# %%
def gradients(graph: dict[str, list[tuple[str, float]]], last: str) -> dict[str, float]:
    """The derivative of `last` with respect to every value of the graph; `graph[name]` lists (input, local slope)."""
    ### BEGIN SOLUTION
    order: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name not in seen:
            seen.add(name)
            for source, _ in graph[name]:
                visit(source)
            order.append(name)  # all that it was computed from stands in front of it

    visit(last)
    grads = dict.fromkeys(graph, 0.0)
    grads[last] = 1.0
    for name in reversed(order):
        for source, slope in graph[name]:
            grads[source] += slope * grads[name]
    return grads
    ### END SOLUTION


# %%
check("03.2", gradients)
# %% [markdown] tags=["hint"]
r"""
A value hands its gradient on to its inputs, each time multiplied by a slope. When may it do so? Not before its own
gradient is complete. Whose contributions does it have to wait for?
"""

# %% [markdown] tags=["hint"]
r"""
First find an order in which every value stands *behind* all its inputs. A function that visits a value does this: if the
value has been visited before, nothing; otherwise visit all its inputs, and only then append the value to a list. Then walk
through that list backwards.
"""

# %% [markdown] tags=["hint"]
r"""
Start with `grads = dict.fromkeys(graph, 0.0)` and `grads[last] = 1.0`. For every name of the reversed list, and for every
`source, slope in graph[name]`, do `grads[source] += slope * grads[name]`.
"""

# %% [markdown] tags=["discussion"]
r"""
- `+=` is the rule of the multivariable chain rule: the contributions of all uses add.
- A recursion that passes on what it has so far, whenever it comes by, hands the early part on twice: once alone, and once
  more as part of the total.
- A recursion that passes on only the *new* contribution, `walk(source, slope * incoming)`, is correct. It adds up all paths
  one by one, and there can be $2^{40}$ of them in a graph of 41 values. Waiting for the total first makes one pass of it,
  with as many multiplications as there are edges. That is the whole invention.
- Nobody has to work out an order afterwards if the forward pass keeps a list: in the order in which values were computed,
  each stands behind its inputs. Such a list is called a tape. Here the names came in any order, so you had to.
- Python stops a recursion at a depth of about a thousand. A deep graph needs a loop with a stack of its own, or a count of
  open uses for each value: it may hand on its gradient when the count has come down to 0.
"""

# %% [markdown] exercise="03.3"
r"""
A matrix product is where a language model spends its time. In `Y = X @ W`, each row of X, one example or one token, is
turned into a row of Y by the same weights.

- **Takes** `x`, shape `(..., N, D)`; `w`, shape `(D, M)`; and `grad`, the gradient of `x @ w`, shape `(..., N, M)`.
- **Returns** the gradient of `x` and the gradient of `w`, in this order, each in the shape of what it belongs to.

Example: `x = [[1, 2]]`, `w = [[1, 0, 2], [0, 3, 1]]`, so `x @ w` is `[[1, 6, 4]]`. With `grad = [[1, 0, -1]]`, the gradient
of `x` is `[[-1, -1]]`, and that of `w` is `[[1, 0, -1], [2, 0, -2]]`.

Mind the axes in front: with `x` of shape `(B, T, D)`, a batch of B texts of T tokens, the same `w` is used $B \cdot T$ times.
"""


# %%
def matmul_backward(
    x: Float[Tensor, "... N D"], w: Float[Tensor, "D M"], grad: Float[Tensor, "... N M"]
) -> tuple[Float[Tensor, "... N D"], Float[Tensor, "D M"]]:
    """The gradients of x and of w, from the gradient of x @ w."""
    ### BEGIN SOLUTION
    grad_x = grad @ w.T
    grad_w = x.flatten(0, -2).T @ grad.flatten(0, -2)
    return grad_x, grad_w
    ### END SOLUTION


# %%
check("03.3", matmul_backward)
# %% [markdown] tags=["hint"]
r"""
Take one entry. `w[d, m]` is multiplied by `x[n, d]` and goes into `y[n, m]`, for every n. So its gradient collects
`x[n, d] * grad[n, m]` over all n. Which matrix product is that?
"""

# %% [markdown] tags=["hint"]
r"""
With two axes each, the shapes leave no choice: (N, D) can only be made of (N, M) and (M, D), and (D, M) of (D, N) and
(N, M). `w.T` is the transpose of `w`. With more axes in front, what has to be summed?
"""

# %% [markdown] tags=["hint"]
r"""
`grad @ w.T` is right for any number of axes. For `w`, make one long list of rows first: `x.flatten(0, -2)` has shape
`(all rows, D)`. Then `x.flatten(0, -2).T @ grad.flatten(0, -2)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The backward pass is two matrix products, each as large as the one forward. This is where the rule comes from that a
  backward pass costs twice a forward pass.
- To compute the gradient of `w`, one needs `x`. So the forward pass has to keep `x` until the backward pass comes by: these
  are the *activations* that fill a GPU's memory in training.
- If all sizes are equal, a forgotten transpose raises no error. Try new code on sizes that are all different: then most
  mistakes stop with a message.
- `x.mT @ grad` keeps the batch axis and gives one gradient for each text. Their sum is the gradient of `w`. Not the mean:
  if there is a mean in the loss, it is in `grad` already.
"""

# %% [markdown] exercise="03.4"
r"""
Add a bias of shape `(M,)` to a batch of shape `(N, M)`, and torch *broadcasts* it: every row gets the same bias. The rule:
shapes are lined up at their last axis; an axis that is missing in front, or that has size 1, is repeated to fit.

Whoever was repeated was used many times, and the contributions of all uses add. So the backward pass of any broadcast is a
sum. Write it once, for every shape.

- **Takes** `grad`, the gradient of the broadcast value; and `shape`, a tuple: the shape that the value had before. It can be
  broadcast to the shape of `grad`.
- **Returns** the gradient in that shape.

Example: for `grad = [[1, 2, 3], [4, 5, 6]]` and shape `(3,)`, the answer is `[5, 7, 9]`; for shape `(2, 1)` it is
`[[6], [15]]`; for shape `()`, a single number, it is `21`; for `(2, 3)` nothing was repeated, and it is `grad` itself.

(torch has `sum_to_size` for this. Do it by hand once, with `sum`.)
"""


# %%
def sum_to_shape(grad: Float[Tensor, "..."], shape: tuple[int, ...]) -> Float[Tensor, "..."]:
    """The gradient of a value of shape `shape`, from that of the larger tensor that it was broadcast to."""
    ### BEGIN SOLUTION
    while grad.ndim > len(shape):
        grad = grad.sum(dim=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(dim=axis, keepdim=True)
    return grad
    ### END SOLUTION


# %%
check("03.4", sum_to_shape)
# %% [markdown] tags=["hint"]
r"""
There are two ways of being repeated: along an axis that was not there, and along an axis of size 1. Which axes of `grad`
are of the first kind, if shapes are lined up at the end? What should remain of an axis of the second kind?
"""

# %% [markdown] tags=["hint"]
r"""
First sum over the axes in front, until as many are left as `shape` has. Then sum over every axis where `shape` has a 1,
and keep that axis: `sum(dim=axis, keepdim=True)`.
"""

# %% [markdown] tags=["hint"]
r"""
`while grad.ndim > len(shape): grad = grad.sum(dim=0)`. After that, `for axis, size in enumerate(shape)`, and where
`size == 1`, `grad = grad.sum(dim=axis, keepdim=True)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The most expensive form of this mistake is silent. A bias with a gradient of shape `(N, M)` is updated by
  `bias = bias - lr * grad`, becomes a tensor of shape `(N, M)` by broadcasting once more, and the model now has a bias of
  its own for every place in the batch. Nothing raises until a batch has another size.
- Copying and adding are each other's backward: what is copied forward is summed backward, and the gradient of a sum is
  copied to all its terms. You will meet the same pair when a value is used twice, in a matrix product, and when one model
  is trained on several machines.
- `sum(dim=...)` without an axis, or with an empty list of axes, sums *everything* in torch. If you collect the axes first,
  look out for the case that there are none.
"""

# %% [markdown] exercise="03.5"
r"""
The last operation of a language model is the first in its backward pass: softmax and cross-entropy, averaged over N
predictions,

$$\text{loss} = -\frac1N \sum_{n} \ln p_n[\text{target}_n], \qquad p_n = \text{softmax}(z_n).$$

Its gradient with respect to the logits has a closed form that needs no backward pass at all.

- **Takes** `logits`, shape `(N, V)`; and `targets`, whole numbers of shape `(N,)`.
- **Returns** the gradient of the loss with respect to the logits, shape `(N, V)`. It has to survive large logits.

Example: `logits = [[0, ln 2, 0, 0], [0, 0, 0, 0]]`, `targets = [1, 2]`. The probabilities are `[0.2, 0.4, 0.2, 0.2]` and
four times 0.25. The answer is `[[0.1, -0.3, 0.1, 0.1], [0.125, 0.125, -0.375, 0.125]]`.
"""


# %%
def cross_entropy_backward(logits: Float[Tensor, "N V"], targets: Int[Tensor, "N"]) -> Float[Tensor, "N V"]:
    """The gradient of the mean cross-entropy with respect to the logits."""
    ### BEGIN SOLUTION
    grad = logits.softmax(dim=-1)
    grad[torch.arange(len(targets)), targets] -= 1
    return grad / len(targets)
    ### END SOLUTION


# %%
check("03.5", cross_entropy_backward)
# %% [markdown] tags=["hint"]
r"""
Look at a row of the example and compare it with the probabilities. What happened to the entry of the target, what to the
others? And where does the factor $\frac12$ come from?
"""

# %% [markdown] tags=["hint"]
r"""
For one row, the loss is $-z_t + \ln \sum_j e^{z_j}$, with t the target. What is the derivative of the second term with
respect to $z_i$? And of the first? (There are two cases.)
"""

# %% [markdown] tags=["hint"]
r"""
$(p - y) / N$, where $y$ is 1 at the target and 0 elsewhere. `torch.nn.functional.one_hot(targets, V)` makes it; or take 1
off at `p[torch.arange(N), targets]`, one place in each row.
"""

# %% [markdown] tags=["discussion"]
r"""
- Each row adds up to 0: what is pushed onto the target is taken off the other words, most from those that were most
  believed.
- No entry is ever larger than $\frac1N$. However wrong the model is, the loss pulls on its logits with a force of at most
  one in each direction. Squared error on probabilities has no such guarantee, and fades where the model is sure and wrong.
- `p[:, targets] -= 1` looks nearly the same as `p[torch.arange(N), targets] -= 1`. It takes 1 off in *all* rows, in every
  column that is anybody's target. Two lists of indices pick pairs; a colon and a list pick whole columns.
- Going backward step by step, through the logarithm and the division, multiplies $-\frac{1}{p_t}$ with something
  proportional to $p_t$. Where $p_t$ is rounded to 0 that is infinity times 0. The closed form has cancelled them on paper.
"""

# %% [markdown] exercise="03.6"
r"""
No code this time. Read, calculate by hand, and say what comes out.

**First**, a small graph. With $a = 2$ and $b = -3$, compute $c = a \cdot b$, then $d = c + a$, then $L = d^2$. Note that $a$
is used twice.

| entry | what it is |
| :-- | :-- |
| `"grad_c"` | $\partial L / \partial c$ |
| `"grad_b"` | $\partial L / \partial b$ |
| `"grad_a"` | $\partial L / \partial a$ |
| `"overwritten"` | what is shown as the gradient of $a$ by an engine that writes `grad = ...` instead of `grad += ...`, and goes back through $L$, then $d$, then $c$ |
| `"twice"` | what torch shows as `a.grad` if forward and backward are done, and then both are done once more on the same `a` and `b`, with nothing reset in between |

**Second**, a layer with ReLU and a squared error. Someone has written its backward pass. All shapes are right, it
runs without a complaint, and one of the seven numbered lines is wrong.

```python
def backward(X, W, b, Y):  # shapes (N, D), (D, M), (M,), (N, M)
    H = X @ W + b  # line 1
    A = H.clamp(min=0)  # line 2: ReLU. The loss is ((A - Y) ** 2).mean()
    dA = 2 * (A - Y) / A.numel()  # line 3
    dH = dA * (dA > 0)  # line 4
    dW = X.T @ dH  # line 5
    db = dH.sum(0)  # line 6
    dX = dH @ W.T  # line 7
    return dX, dW, db
```

Take `X = [[1], [2]]`, `W = [[2]]`, `b = [-3]`, `Y = [[-1], [3]]`: two examples, one number in, one out.

| entry | what it is |
| :-- | :-- |
| `"wrong_line"` | the number of the wrong line |
| `"dW_shown"` | the one number in `dW` that the code as it stands returns |
| `"dW_right"` | the one number that it should be |
"""


# %%
def predictions() -> dict[str, float]:
    """Eight numbers, by the names in the two tables: `return {"grad_c": ..., "grad_b": ..., ...}`."""
    ### BEGIN SOLUTION
    return {
        "grad_c": -8,
        "grad_b": -16,
        "grad_a": 16,
        "overwritten": 24,
        "twice": 32,
        "wrong_line": 4,
        "dW_shown": 1,
        "dW_right": -4,
    }
    ### END SOLUTION


# %%
check("03.6", predictions)
# %% [markdown] tags=["hint"]
r"""
Forward first: $c = -6$, and $d$ and $L$ follow. Then backward from $L$, one arrow at a time: the gradient of $d$ is $2d$. For
the code, do the same with the two examples: write the two numbers of H, A, A − Y and dA below each other.
"""

# %% [markdown] tags=["hint"]
r"""
The sum $c + a$ hands its gradient on to both unchanged; the product multiplies it by the other factor. To $a$ come two
contributions: which is the second one on the way back? For the code, say for each line what it should do. Where does a ReLU
let the gradient pass: where *what* is positive?
"""

# %% [markdown] tags=["hint"]
r"""
$d = -4$, so $d$ has the gradient −8, and so do $c$ and, over the sum, $a$. Over the product, $a$ gets $-8 \cdot b$ and $b$
gets $-8 \cdot a$. In the code, H is `[-1, 1]`, A is `[0, 1]`, and dA is `[1, -2]`. A ReLU looks at its input H, and lets the
gradient pass whatever *its* sign is.
"""

# %% [markdown] tags=["discussion"]
r"""
−8, −16, 16, 24, 32; line 4, 1, −4.

- $a$ receives −8 over the sum and 24 over the product. Only together they are the slope. By hand: $L = (ab + a)^2$, and its
  derivative along $a$ is $2(ab + a)(b + 1) = 2 \cdot (-4) \cdot (-2) = 16$.
- Overwritten, the later contribution stays. The result depends on the order in which the graph is walked, which makes it
  a bug that comes and goes.
- torch adds into `.grad` until somebody resets it. That is the same `+=`, kept up across backward passes: useful to make one
  large batch of several small ones, and the reason why training loops call `zero_grad()`.
- Line 4 should be `dH = dA * (H > 0)`. As it stands, only positive gradients pass, so weights are corrected in one
  direction alone. Here even the sign of `dW` is wrong. The loss of such a network may still fall for a while, and
  that is what makes these bugs expensive. A comparison with finite differences shows it in a second.
"""

# %% [markdown] exercise="03.7"
r"""
[Layer normalisation](https://arxiv.org/abs/1607.06450) (Ba, Kiros and Hinton, 2016) stands twice in every block of many
transformers. It takes the mean off the D numbers of each token, divides by their standard deviation, and then gives every
place a gain and a bias that are learned:

$$\mu = \frac1D \sum_i x_i, \qquad \sigma = \sqrt{\frac1D \sum_i (x_i - \mu)^2 + \varepsilon}, \qquad
\hat x_i = \frac{x_i - \mu}{\sigma}, \qquad y_i = \gamma_i \hat x_i + \beta_i.$$

Its backward pass is where most people slip: $x_i$ acts on $y_j$ directly if $i = j$, and on *all* $y_j$ through $\mu$ and
through $\sigma$.

- **Takes** `x`, shape `(..., D)`; `gain` ($\gamma$), shape `(D,)`; `grad`, the gradient of $y$, shape `(..., D)`; and `eps`
  ($\varepsilon$).
- **Returns** three gradients: of `x`, shape `(..., D)`; of the gain, shape `(D,)`; of the bias, shape `(D,)`.

Example: `x = [1, 1, 3, 3]`, with $\mu = 2$ and, for `eps = 0`, $\sigma = 1$, so $\hat x$ is `[-1, -1, 1, 1]`. With
`gain = [2, 1, 1, 1]` and `grad = [1, 0, 0, 0]` the gradient of `x` is `[1, -1, 0, 0]`, that of the gain `[-1, 0, 0, 0]`, and
that of the bias `[1, 0, 0, 0]`.
"""


# %%
def layer_norm_backward(
    x: Float[Tensor, "... D"], gain: Float[Tensor, "D"], grad: Float[Tensor, "... D"], eps: float = 1e-5
) -> tuple[Float[Tensor, "... D"], Float[Tensor, "D"], Float[Tensor, "D"]]:
    """The gradients of x, gain and bias, from the gradient of the layer norm's output."""
    ### BEGIN SOLUTION
    centred = x - x.mean(dim=-1, keepdim=True)
    sigma = (centred.square().mean(dim=-1, keepdim=True) + eps).sqrt()
    x_hat = centred / sigma

    g = grad * gain  # the gradient of x_hat
    along = (g * x_hat).mean(dim=-1, keepdim=True)
    grad_x = (g - g.mean(dim=-1, keepdim=True) - x_hat * along) / sigma

    rows = x.numel() // x.shape[-1]
    grad_gain = (grad * x_hat).reshape(rows, -1).sum(dim=0)
    grad_bias = grad.reshape(rows, -1).sum(dim=0)
    return grad_x, grad_gain, grad_bias
    ### END SOLUTION


# %%
check("03.7", layer_norm_backward)
# %% [markdown] tags=["hint"]
r"""
Begin with the easy two. The bias was broadcast to every row, and so was the gain, which multiplies $\hat x$. (You have
written the backward pass of a broadcast in 03.4.) For `x`, first get the gradient of $\hat x$; call it $g$. Gain and bias
are then out of the way.
"""

# %% [markdown] tags=["hint"]
r"""
With $\sigma$ held fixed, $\hat x_j$ depends on $x_i$ with slope $\frac1\sigma(1 - \frac1D)$ if $i = j$ and $-\frac{1}{\sigma D}$
otherwise: in the gradient that takes off the mean of $g$. Now let $\sigma$ move: $\frac{\partial \sigma}{\partial x_i} =
\frac{1}{\sigma D}(x_i - \mu) = \frac{\hat x_i}{D}$, and $\frac{\partial \hat x_j}{\partial \sigma} = -\frac{\hat x_j}{\sigma}$. Sum
over all $j$.
"""

# %% [markdown] tags=["hint"]
r"""
$g = \text{grad} \cdot \gamma$, and the gradient of $x$ is $\frac1\sigma \bigl(g - \text{mean}(g) - \hat x \cdot \text{mean}(g \hat x)
\bigr)$, with means over the last axis (`keepdim=True`). The gradient of the gain is the sum of $\text{grad} \cdot \hat x$ over
all axes but the last, that of the bias the sum of $\text{grad}$.
"""

# %% [markdown] tags=["discussion"]
r"""
- Read the formula as geometry. Take out of $g$ its part along $(1, \dots, 1)$, then its part along $\hat x$, and divide by
  $\sigma$. Moving $x$ in either of these two directions does not change $\hat x$ (with $\varepsilon = 0$), since the norm
  takes shifts and stretches away. So the loss cannot have a slope there, and the gradient must not point there.
- $(g - \text{mean}(g)) / \sigma$ is what comes out if the standard deviation is treated as a constant. The shapes are right,
  and its inner product with the right gradient is never negative, so it seldom looks broken in training. A comparison with
  finite differences or with torch tells at once.
- In the example the gain doubles the first gradient *before* the means are taken. Multiplying by the gain afterwards
  is the same only if all gains are equal, as they are at the start of training: a bug that waits.
- The gradient is divided by $\sigma$. If the numbers of a layer are large, its gradient comes back small, and a step
  changes relatively less. A layer with a norm behind it sets its own scale.
- `std()` in torch divides by $D - 1$. Layer norm divides by $D$: `var(unbiased=False)`.
"""
