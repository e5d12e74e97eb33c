# ---
# lesson: 08_transformer_block
# ---

# %% [markdown]
r"""
Seven exercises. You cut vectors into heads, build the MLP and the norm, wire them into a block in both ways, turn a
deep post-norm model into a pre-norm one, and count what all of it holds. The last exercise asks for numbers and
letters instead of code.

Shape letters: B texts, T tokens, D numbers in a token's vector, H heads, K = D / H numbers for each head, F numbers
inside the MLP. `...` stands for any number of further axes, none included. Tensors hold 32-bit numbers.
"""

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="08.1"
r"""
With several heads, each of them works on its own slice of the vector: head 0 on the first K numbers, head 1 on the next
K, and so on. Afterwards the slices are laid side by side again, in the same order.

- **Takes** `x`, shape `(B, T, D)`; the number of heads, `n_heads`, which divides D; and a function `per_head`. It takes
  *all* heads at once, shape `(B, H, T, K)`, and returns a tensor of the same shape. What happens in it (attention, for
  instance) is not your concern.
- **Returns** what `per_head` made of the heads, put together again: shape `(B, T, D)`. Call `per_head` once.

Example: one text of two tokens, `[[[1, 2, 3, 4], [5, 6, 7, 8]]]`, and two heads. Head 0 gets `[[1, 2], [5, 6]]` and
head 1 gets `[[3, 4], [7, 8]]`. Say `per_head` multiplies everything in head 1 by 10. Then the result is
`[[[1, 2, 30, 40], [5, 6, 70, 80]]]`.
"""


# %%
def through_heads(
    x: Float[Tensor, "B T D"], n_heads: int, per_head: Callable[[Float[Tensor, "B H T K"]], Float[Tensor, "B H T K"]]
) -> Float[Tensor, "B T D"]:
    """Cut each vector into heads, let `per_head` work on them, and put them together again."""
    ### BEGIN SOLUTION
    n_texts, n_tokens, width = x.shape
    heads = x.view(n_texts, n_tokens, n_heads, width // n_heads).transpose(1, 2)
    return per_head(heads).transpose(1, 2).reshape(n_texts, n_tokens, width)
    ### END SOLUTION


# %%
check("08.1", through_heads)
# %% [markdown] tags=["hint"]
r"""
Which axis is cut? Only the last one, the D numbers of a token. So first split *that* axis in two, and move axes about
afterwards.
"""

# %% [markdown] tags=["hint"]
r"""
`x.view(B, T, H, K)` splits the last axis and leaves the tokens alone. `transpose(1, 2)` swaps the axes of tokens and
heads. On the way back the same steps are undone in reverse order.
"""

# %% [markdown] tags=["hint"]
r"""
`heads = x.view(B, T, H, K).transpose(1, 2)`, and at the end `per_head(heads).transpose(1, 2).reshape(B, T, D)`. After a
transposition `view` refuses, because the numbers do not lie in that order in memory; `reshape` copies them.
"""

# %% [markdown] tags=["discussion"]
r"""
- `x.view(B, H, T, K)` has the right shape and the wrong contents: the row of all numbers is cut in the wrong places,
  and a "head" holds a few whole tokens in place of a slice of every token. Nothing complains. Put together in the right
  way afterwards, the first token holds pieces of late ones, and no causal mask notices.
- `reshape(B, T, D)` without moving the axes back makes the same mistake on the way out.
- Neither cutting nor transposing computes anything. Heads cost nothing but a different way to look at the same numbers.
- `torch.stack(x.chunk(n_heads, dim=-1), dim=1)` cuts as well, and `torch.cat(list(y.unbind(1)), dim=-1)` puts together.
"""

# %% [markdown] exercise="08.2"
r"""
The second half of a block works on each token by itself: one linear map to a wider vector, a bend, and one linear map
back. The bend here is the **squared ReLU** ([So and others, 2021](https://arxiv.org/abs/2109.08668)): negative numbers
become 0, and the others are squared.

$$h = W_{in}\,x + b_{in} \qquad\qquad \text{mlp}(x) = W_{out}\,\max(0, h)^2 + b_{out}$$

- **Takes** `x`, shape `(..., D)`, and the two maps as `torch.nn.Linear` keeps them, with a row for each number that
  comes *out*: `w_in`, shape `(F, D)`; `b_in`, `(F,)`; `w_out`, `(D, F)`; `b_out`, `(D,)`.
- **Returns** a tensor of the shape of `x`. The residual connection is not part of it.

Example with $D = 2$ and $F = 3$: `x = [1, 2]`, `w_in = [[1, 1], [1, -1], [-2, 0]]`, `b_in = [0, 0, 3]`. Then $h$ is
`[3, -1, 1]`, and after the bend it is `[9, 0, 1]`. With `w_out = [[1, 0, 1], [0, 5, 2]]` and `b_out = [0.5, -1]` the
result is `[10.5, 1]`.
"""


# %%
def mlp(
    x: Float[Tensor, "... D"],
    w_in: Float[Tensor, "F D"],
    b_in: Float[Tensor, "F"],
    w_out: Float[Tensor, "D F"],
    b_out: Float[Tensor, "D"],
) -> Float[Tensor, "... D"]:
    """Two linear maps with a squared ReLU between them, for each token on its own."""
    ### BEGIN SOLUTION
    hidden = x @ w_in.T + b_in
    return torch.relu(hidden).square() @ w_out.T + b_out
    ### END SOLUTION


# %%
check("08.2", mlp)
# %% [markdown] tags=["hint"]
r"""
Tokens are rows of `x`, and the matrices have a row for each number that comes out. Which of the two has to be turned on
its side for `x @ ...` to fit?
"""

# %% [markdown] tags=["hint"]
r"""
`x @ w_in.T + b_in` is the first map, whatever axes come before the last. Then cut off what is negative, *then* square,
and then apply the second map in the same way.
"""

# %% [markdown] tags=["hint"]
r"""
`torch.relu(h).square()` is the bend. (`h.square()` alone makes negative numbers positive, and a ReLU after it has
nothing left to do.)
"""

# %% [markdown] tags=["discussion"]
r"""
- The order matters: squaring first turns −1 into 1, and the "ReLU" then lets it through. What is left is a plain
  square, which cannot shut any channel off.
- If $F = D$, the untransposed product `x @ w_in` runs and is wrong. Test with unequal sizes whenever you can.
- There is no bend at the end. What a block adds to the stream may well be negative.
- Without the bend the two maps would be one: $W_{out} W_{in}$ is a matrix like any other.
- Nothing here mixes tokens. Whoever wants to know what another token holds has to ask attention.
"""

# %% [markdown] exercise="08.3"
r"""
RMSNorm ([Zhang and Sennrich, 2019](https://arxiv.org/abs/1910.07467)) brings each vector to root mean square 1,
whatever its size was, and then multiplies each channel by a learned gain:

$$y_i = \frac{x_i}{\sqrt{\frac1D \sum_j x_j^2 + \varepsilon}} \cdot g_i$$

The small number $\varepsilon$ stands *inside* the root. It keeps a vector of zeros from being divided by 0.

- **Takes** `x`, shape `(..., D)`; the gains `gain`, shape `(D,)`; and `eps`.
- **Returns** the normalised vectors, in the shape of `x`. Gradients must get through, to `x` and to the gain.

Do not use torch's `rms_norm` or `RMSNorm`.

Example: `x = [3, 4]`, `gain = [1, 2]`, and `eps` is 0. The mean of the squares is 12.5, its root is 3.536, and the
result is `[0.849, 2.263]`.
"""


# %%
def rms_norm(x: Float[Tensor, "... D"], gain: Float[Tensor, "D"], eps: float) -> Float[Tensor, "... D"]:
    """Each vector at root mean square 1, then each channel times its gain."""
    ### BEGIN SOLUTION
    mean_square = x.square().mean(dim=-1, keepdim=True)
    return x / (mean_square + eps).sqrt() * gain
    ### END SOLUTION


# %%
check("08.3", rms_norm)
# %% [markdown] tags=["hint"]
r"""
Read the name from right to left: square, then mean, then root. Over which axis does the mean run, if every token is to
be normalised on its own?
"""

# %% [markdown] tags=["hint"]
r"""
`x.square().mean(dim=-1, keepdim=True)` is one number for each vector. `keepdim=True` leaves an axis of length 1, so
that the division fits whatever axes come before.
"""

# %% [markdown] tags=["hint"]
r"""
`x / torch.sqrt(mean_square + eps) * gain`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Layer norm would take off the mean first. RMSNorm does not, so `x.std()` and `x.var()` are the wrong tools: both take
  the mean off in secret, and by default they divide by $D - 1$.
- With the sum in place of the mean, vectors get *length* 1. Their numbers then shrink as the model gets wider.
- Inside the root or outside? For vectors of ordinary size nobody can tell. For very small ones, $\sqrt{\varepsilon}$ is
  what counts inside: with $\varepsilon = 10^{-6}$ that is $0.001$, a thousand times as much as outside.
- The root mean square is computed *from* `x`, so a gradient goes through it as well. It takes out of the gradient
  whatever would only make the vector longer. With a `detach` there, the forward pass is right and training is not.
"""

# %% [markdown] exercise="08.4"
r"""
Now the wiring. A block has two branches, attention and then the MLP, and each of them *adds* to the stream. The norm
can stand in two places:

| | |
| :-- | :-- |
| `"pre"` | before a branch: the branch reads the normalised stream, and what it finds is added to the stream as it was |
| `"post"` | after the addition: what is normalised is the sum, and from then on this is the stream |

- **Takes** the stream `x`, shape `(B, T, D)`; four functions, `attention`, `mlp`, `norm_1` and `norm_2`, each from such
  a tensor to another one of the same shape; and `place`, which is `"pre"` or `"post"`. `norm_1` belongs to attention
  and `norm_2` to the MLP.
- **Returns** the stream after the block. The stream that you were given must not change.

Example with a single number, $x = 4$. Both norms halve, `attention` multiplies by 3, and `mlp` subtracts 1. With
`"pre"` the stream is $4 + 3 \cdot 2 = 10$ after attention and $10 + (5 - 1) = 14$ at the end. With `"post"` it is
$(4 + 12) / 2 = 8$ after attention and $(8 + 7) / 2 = 7.5$ at the end.
"""


# %%
Layer = Callable[[Float[Tensor, "B T D"]], Float[Tensor, "B T D"]]


def block(
    x: Float[Tensor, "B T D"], attention: Layer, mlp: Layer, norm_1: Layer, norm_2: Layer, place: str
) -> Float[Tensor, "B T D"]:
    """The stream after a block with norms in their `place`, "pre" or "post"."""
    ### BEGIN SOLUTION
    if place == "pre":
        x = x + attention(norm_1(x))
        return x + mlp(norm_2(x))
    x = norm_1(x + attention(x))
    return norm_2(x + mlp(x))
    ### END SOLUTION


# %%
check("08.4", block)
# %% [markdown] tags=["hint"]
r"""
Do one branch after the other, and each time say to yourself: what does the branch read, what is it added to, and what
is the stream afterwards?
"""

# %% [markdown] tags=["hint"]
r"""
For `"pre"`, the first branch is `x + attention(norm_1(x))`. Here `x` occurs twice, once with and once without a norm.
The second branch does the same to the *result*, with `mlp` and `norm_2`.
"""

# %% [markdown] tags=["hint"]
r"""
For `"post"`: `x = norm_1(x + attention(x))`, then `norm_2(x + mlp(x))`. (`x = x + ...` makes a new tensor. `x += ...`
would change the one that belongs to the caller.)
"""

# %% [markdown] tags=["discussion"]
r"""
- `x = norm_1(x)` followed by `x = x + attention(x)` is the slip that is made most often. It normalises the *stream*, so
  the direct path from the first layer to the last is gone, and with it the reason for placing the norm before.
- `x + attention(norm_1(x)) + mlp(norm_2(x))` is another design: both branches in parallel, as in GPT-J. It trains well,
  too, but the MLP does not see what attention of the same block has found.
- `x + norm_1(attention(x))` normalises what is *added*. That keeps each addition small, and it is neither of the two.
- The original transformer is `"post"`. Nearly everything since GPT-2 is `"pre"`, because deep models train more
  easily that way.
"""

# %% [markdown] exercise="08.5"
r"""
Here is a deep post-norm model, as it was published in 2017. A *branch* is anything that adds to the stream, attention
or an MLP; their number is even in practice, but nothing depends on it.

```python
def post_norm(x, branches, norms):
    for branch, norm in zip(branches, norms, strict=True):
        x = norm(x + branch(x))
    return x
```

Write the pre-norm one. In it, the stream itself is never normalised on its way. So at the very end it has whatever size
it has grown to, and one **last norm** is needed before anybody reads it. Report also how the stream has grown.

- **Takes** `x`, of any shape; the `branches`, a list of n functions, possibly empty; and the `norms`, a list of n + 1
  functions. Norm $i$ belongs to branch $i$, and the last one to the end.
- **Returns** two things: the output, in the shape of `x`; and a list of n + 1 sizes. The first is the size of the
  stream that came in, and then there is one after each branch. The size of a stream is the root mean square of all
  numbers in it.

Example with a single number, $x = 4$, with branches that multiply by 3 and that subtract 1, and three norms that halve.
The stream is 4, then $4 + 3 \cdot 2 = 10$, then $10 + (5 - 1) = 14$. The result is `(7, [4, 10, 14])`.
"""


# %%
def pre_norm(
    x: Float[Tensor, "..."], branches: list[Callable[[Tensor], Tensor]], norms: list[Callable[[Tensor], Tensor]]
) -> tuple[Float[Tensor, "..."], list[float]]:
    """The output of a pre-norm model, and the size of its stream at the start and after each branch."""
    ### BEGIN SOLUTION
    sizes = [x.square().mean().sqrt().item()]
    for branch, norm in zip(branches, norms[:-1], strict=True):
        x = x + branch(norm(x))
        sizes.append(x.square().mean().sqrt().item())
    return norms[-1](x), sizes
    ### END SOLUTION


# %%
check("08.5", pre_norm)
# %% [markdown] tags=["hint"]
r"""
One line of the loop changes: which of the two, the branch or the sum, goes through the norm? Then see which norm is
left over when the loop is through.
"""

# %% [markdown] tags=["hint"]
r"""
In the loop, `x = x + branch(norm(x))`. The loop goes over the branches and the norms *without the last*, `norms[:-1]`.
The sizes are taken from `x` itself, once before the loop and once in each round.
"""

# %% [markdown] tags=["hint"]
r"""
The size is `x.square().mean().sqrt().item()`. At the end, `return norms[-1](x), sizes`: the output is normalised, and
the sizes are those of the stream without the norm.
"""

# %% [markdown] tags=["discussion"]
r"""
- Forgetting the last norm is the classic when a post-norm model is rewritten. The loss does not explode. The head just
  reads numbers that grow with depth, and the model starts out more confident than it has any reason to be.
- In the post-norm model every size would be the same, whatever the branches do: the norm resets it each time. In the
  pre-norm model the stream grows, so a late branch, whose output is of ordinary size, changes it comparatively little.
- `sizes.append(x)` in place of a number would keep all those tensors, with everything that torch has recorded about
  them, in memory. `.item()` makes a number.
"""

# %% [markdown] exercise="08.6"
r"""
How many numbers does a model hold? Count the parameters of a GPT with rotary positions, which have none of their own,
and with pre-norm blocks.

- The **embedding** has a row of width D for each of V words.
- **Attention** has four linear maps in each layer. Queries come from D to H·K numbers, with $K = D / H$. There may be
  fewer heads for keys and values, `n_kv_heads` = G: keys and values come from D to G·K numbers each. The last map goes
  from H·K back to D.
- The **MLP** has two maps in each layer, from D to F and back. If it is `gated` (SwiGLU), there is one more from D to
  F.
- If there are biases (`bias`), every one of these maps of the blocks has one for each number that comes *out*.
- The **norms** are RMSNorms: one gain for each channel and no bias. Each branch has one, and there is one before the
  head.
- The **head** maps D to V, without bias. If it is `tied`, it uses the embedding's matrix and has no number of its own.

Return a dictionary with the numbers of all layers together under `"embedding"`, `"attention"`, `"mlp"`, `"norms"` and
`"head"`, and their sum under `"total"`.

Example: a small model that tells stories ([stories260K](https://huggingface.co/karpathy/tinyllamas)) has V = 512, D =
64, 5 layers, H = 8, G = 4, F = 172, is gated, without biases, and tied. It has 32,768 numbers in the embedding, 61,440
in attention, 165,120 in the MLPs, 704 in the norms and 0 in the head, 260,032 in all.
"""


# %%
def count(
    vocabulary: int,
    width: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    hidden: int,
    gated: bool,
    bias: bool,
    tied: bool,
) -> dict[str, int]:
    """Parameters: {"embedding": ..., "attention": ..., "mlp": ..., "norms": ..., "head": ..., "total": ...}."""
    ### BEGIN SOLUTION
    kv_width = n_kv_heads * width // n_heads
    inwards = 2 if gated else 1
    counts = {
        "embedding": vocabulary * width,
        "attention": n_layers * (2 * width * (width + bias) + 2 * kv_width * (width + bias)),
        "mlp": n_layers * (inwards * hidden * (width + bias) + width * (hidden + bias)),
        "norms": (2 * n_layers + 1) * width,
        "head": 0 if tied else vocabulary * width,
    }
    return {**counts, "total": sum(counts.values())}
    ### END SOLUTION


# %%
check("08.6", count)
# %% [markdown] tags=["hint"]
r"""
A map from $n$ numbers to $m$ has $n \cdot m$ weights, and $m$ more with a bias. Write down $n$ and $m$ for each map of
one block.
"""

# %% [markdown] tags=["hint"]
r"""
Of the four maps of attention, two are $D \times D$ (queries and output), since $H \cdot K = D$. Keys and values have
$D \times G K$ each. True counts as 1 in a sum and as a factor, so `width + bias` is right for both cases.
"""

# %% [markdown] tags=["hint"]
r"""
With `kv_width = n_kv_heads * width // n_heads`, attention has
`2 * width * (width + bias) + 2 * kv_width * (width + bias)` a layer. The MLP has `hidden * (width + bias)` once or
twice, and `width * (hidden + bias)`. There are `2 * n_layers + 1` norms.
"""

# %% [markdown] tags=["discussion"]
r"""
- Without shared keys and with F = 4D, a block has $4 D^2$ in attention and $8 D^2$ in the MLP: two thirds are the MLP.
- The number of heads does not occur in $4 D^2$. Twice as many heads are half as wide.
- Shared keys and values save parameters, but that is not what they are for. They make the *cache* smaller, in which
  keys and values of earlier tokens are kept while a model writes.
- The bias belongs to what comes *out*: F numbers for the maps inwards and D for the one back.
- Norms hold so few numbers that no chart of parameters shows them.
"""

# %% [markdown] exercise="08.7"
r"""
No code this time: four numbers and six letters, by thinking. A calculator is allowed.

| entry | what it is |
| :-- | :-- |
| `"hidden"` | a model of width 768 has MLPs of two maps and hidden width 3072, without biases; the hidden width that a gated MLP (three maps) has to have for exactly as many parameters |
| `"dropout"` | in training, a long vector in which every number is 3 passes through dropout, which drops a share of 0.25; what is to be expected for the mean of the *squares* of the numbers that come out |
| `"stream"` | pre-norm, 12 blocks. At the start, the numbers of the stream have mean 0 and mean square 1. Each of the two branches of each block adds numbers of mean 0 and mean square 0.5, which have nothing to do with what is there already; the root mean square of the stream at the end, before the last norm |
| `"crossover"` | a block of width 512 (four maps of 512 × 512 in attention, an MLP of hidden width 2048) reads T tokens. For which T do the scores and the weighted means together cost as many multiplications as all the linear maps of the block? What the causal mask hides is computed, too |

And now the letters. Six programs have an embedding of width 32, *one* causal pre-norm block with rotary positions, a
last norm and a head, with random weights. In five of them one part was removed. A removed branch adds nothing. Without
residuals, a branch's output *replaces* the stream. Without norms, the last norm is missing, too. Each program reads the
same six words, and we look at the scores that it gives after the last word. Then the input is changed, and the change
of the scores is measured, as a share of the scores before (the length of the difference, divided by their length).

| program | numbers in the block's matrices | third word replaced by another | second and third word swapped | all embeddings times 10 |
| :-- | --: | --: | --: | --: |
| A | 12,288 | 0.611 | 0.401 | 0.000 |
| B | 12,288 | 0.323 | 0.171 | 0.893 |
| C | 4,096 | 0.244 | 0.140 | 0.399 |
| D | 12,288 | 0.304 | 0.223 | 128.954 |
| E | 12,288 | 0.186 | 0.000 | 0.939 |
| F | 8,192 | 0.000 | 0.000 | 0.818 |

What was removed where? Give the letter under `"attention"`, `"mlp"`, `"positions"`, `"residuals"`, `"norms"`, and under
`"nothing"` that of the whole model.
"""


# %%
def predictions() -> dict[str, float | str]:
    """Four numbers and six letters: `return {"hidden": ..., ..., "crossover": ..., "attention": "...", ...}`."""
    ### BEGIN SOLUTION
    return {
        "hidden": 2 * 768 * 3072 / (3 * 768),
        "dropout": 0.75 * (3 / 0.75) ** 2,
        "stream": math.sqrt(1 + 24 * 0.5),
        "crossover": (4 * 512 * 512 + 2 * 512 * 2048) / (2 * 512),
        "attention": "F",
        "mlp": "C",
        "positions": "E",
        "residuals": "A",
        "norms": "D",
        "nothing": "B",
    }
    ### END SOLUTION


# %%
check("08.7", predictions)
# %% [markdown] tags=["hint"]
r"""
How many matrices of 768 × F are there before, and how many after? What happens in dropout to the numbers that are *not*
dropped? Of numbers that have nothing to do with each other, do the roots or the squares add up? How many
multiplications does a table of T × T scores take, if each is a dot product over all 512 numbers of the heads together?
"""

# %% [markdown] tags=["hint"]
r"""
For the letters: which part alone can carry anything from one word to another? What must the table show if it is gone,
or if it cannot tell places apart? Which program has lost most of its numbers? And a norm makes a vector and ten times
that vector the same: in which program is *everything* that goes on read through a norm, and in which nothing?
"""

# %% [markdown] tags=["hint"]
r"""
$2 \cdot 3072 = 3 \cdot F$; a share of 0.75 stays and is divided by 0.75; $\sqrt{1 + 24 \cdot 0.5}$; each token has
$2 \cdot 512 \cdot T$ multiplications with other tokens, and $4 \cdot 512^2 + 2 \cdot 512 \cdot 2048$ in the maps. The
letters: two zeros in a row, one zero in the column of swaps, one zero in the last column and one very large number
there.
"""

# %% [markdown] tags=["discussion"]
r"""
`2048`, `12`, `3.606`, `3072`; attention `"F"`, MLP `"C"`, positions `"E"`, residuals `"A"`, norms `"D"`, nothing `"B"`.

- Two thirds of the usual width: that is where the odd hidden widths of Llama and its relatives come from.
- Dropout keeps the *mean* of the numbers: $0.75 \cdot 4 = 3$. The squares are on average larger than before,
  $0.75 \cdot 16 = 12$ where there were 9, so training with dropout shows the next layer larger vectors than evaluation
  does.
- Squares add up: $1 + 24 \cdot 0.5 = 13$. The 24th branch changes a stream of 3.5 by 0.7. In a post-norm model, the
  stream has size 1 everywhere.
- T is six times the width. Below that, a block spends most of its multiplications in linear maps.
- F: without attention no word hears of another. E: with attention but without places, the last word sees a *set* of
  words, and swapping two of them changes nothing. In a block after this one even that would no longer hold: the mask
  alone would give places away.
- A: everything is read through a norm and nothing goes round it, so the size of the embedding is gone. With residuals
  it is not: ten times the embedding outweighs what the branches add. D: without norms nothing limits the size, and the
  squared ReLU squares it.
"""
