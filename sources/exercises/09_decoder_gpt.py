# ---
# lesson: 09_decoder_gpt
# ---

# %% [markdown]
r"""
Seven exercises. You share a matrix, draw the first numbers, count the work, and let several queries share a key. Then
come the two big ones: a whole GPT in one function, and the weights of a stranger turned into ones that it can read.
The last exercise asks for numbers and letters instead of code.

Shape letters: B texts, T tokens, V words in the vocabulary, D model width, L blocks, H heads, G heads for keys and
values, K = D / H numbers in a head, F width inside the MLP. All tensors hold 32-bit numbers.

You may use your own functions in later exercises.
"""

# %%
import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib import check

# %% [markdown] exercise="09.1"
r"""
A GPT has two tables with a row of D numbers for each word: the embedding, which says what a word means when it is
read, and the head, which says what a vector must look like for the word to come next. **Tying** makes them one: the
head uses the embedding's matrix. There is then one parameter where there were two, and its gradient is the sum of what
comes from both uses.

- **Takes** a `model`, which has among its parts `model.embedding`, an `nn.Embedding` of V words, and `model.head`, an
  `nn.Linear` from D to V. The head may have a bias.
- **Returns** the model with `head.weight` and `embedding.weight` tied: **the same parameter**, with the numbers that
  the *embedding* had before. Everything else stays as it was, a bias too. You may change the model that you were given.

Example: with V = 5, D = 3 and no bias, the model has $15 + 15 = 30$ numbers in these two parts. Tied, it has 15. And if
a step of training changes `embedding.weight`, then `head.weight` has changed as well.
"""


# %%
def tie(model: nn.Module) -> nn.Module:
    """The model, its head's weight being the very parameter of its embedding."""
    ### BEGIN SOLUTION
    model.head.weight = model.embedding.weight
    return model
    ### END SOLUTION


# %%
check("09.1", tie)
# %% [markdown] tags=["hint"]
r"""
In Python, two names can stand for one and the same object. Which assignment makes the attribute `weight` of one module
stand for the parameter of another? No number has to be copied.
"""

# %% [markdown] tags=["hint"]
r"""
`nn.Embedding(V, D).weight` has the shape $(V, D)$. `nn.Linear(D, V).weight` has the shape (output, input), which is
also $(V, D)$. So the matrix fits as it is.
"""

# %% [markdown] tags=["hint"]
r"""
`model.head.weight = model.embedding.weight`, and return the model. Without `.data`, without `.clone()`, and without
wrapping it in a new `nn.Parameter`.
"""

# %% [markdown] tags=["discussion"]
r"""
- A copy is equal for one moment. The first step of training gives the two matrices different gradients, and they part.
- `model.head.weight.data = model.embedding.weight.data` is sneakier: two parameters that share one memory. The numbers
  stay equal. But each has its own gradient, and an optimiser keeps two sets of averages and takes two steps instead of
  one step along the sum. A file of weights would hold them twice.
- `model.parameters()` names a shared parameter once. Counting it is the quickest test that tying has worked.
- Tie *before* you hand the parameters to an optimiser. One that was made earlier still holds the old head's matrix,
  and trains what nobody uses any more.
"""

# %% [markdown] exercise="09.2"
r"""
Before training, somebody must draw the first numbers. For GPT-2
([Radford and others, 2019](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf),
section 2.3) what is written into the residual stream was made smaller, the more often it is written to. As
[nanoGPT](https://github.com/karpathy/nanoGPT) spells it out:

- a name that ends in `bias`: all 0;
- a name that ends in `norm.weight`, which is the gain of a norm: all 1;
- a name that ends in `project.weight`, the matrix through which attention or MLP writes into the residual stream: drawn
  from a normal distribution with mean 0 and standard deviation $0.02 / \sqrt{2L}$;
- every other name: drawn from a normal distribution with mean 0 and standard deviation 0.02.

There are L blocks with two such matrices each, so $2L$ random vectors are added to the stream. Independent ones add up
their variances, and $\sqrt{2L}$ cancels just that.

- **Takes** `shapes`, a dictionary from names to shapes, and `n_layers`, L.
- **Returns** a dictionary with the same names. Each value is a tensor of the shape that goes with the name.

Example: with `n_layers = 8`, the entry for `"blocks.0.mlp.project.weight": (64, 256)` has a standard deviation of
$0.02 / \sqrt{16} = 0.005$. That of `"blocks.0.mlp.expand.weight"` has 0.02, that of `"blocks.0.mlp_norm.weight"`
holds ones.
"""


# %%
def initialise(shapes: dict[str, tuple[int, ...]], n_layers: int) -> dict[str, Tensor]:
    """First numbers for each name, as for a GPT-2."""
    ### BEGIN SOLUTION
    weights = {}
    for name, shape in shapes.items():
        if name.endswith("bias"):
            weights[name] = torch.zeros(shape)
        elif name.endswith("norm.weight"):
            weights[name] = torch.ones(shape)
        else:
            std = 0.02 / math.sqrt(2 * n_layers) if name.endswith("project.weight") else 0.02
            weights[name] = std * torch.randn(shape)
    return weights
    ### END SOLUTION


# %%
check("09.2", initialise)
# %% [markdown] tags=["hint"]
r"""
One loop over the names, and four cases. `name.endswith("bias")` is true where a name ends so.
"""

# %% [markdown] tags=["hint"]
r"""
`torch.randn(shape)` draws from a normal distribution with standard deviation 1. What happens to the standard deviation
of numbers if each is multiplied by 0.02?
"""

# %% [markdown] tags=["hint"]
r"""
`torch.zeros(shape)`, `torch.ones(shape)`, and `std * torch.randn(shape)`, with `std = 0.02 / math.sqrt(2 * n_layers)`
for names that end in `"project.weight"` and `std = 0.02` for the rest.
"""

# %% [markdown] tags=["discussion"]
r"""
- A gain of 0 would make every norm return zeros, and a gain drawn around 0 would make the stream tiny. The case for
  norms has to come before the case for "every other name".
- `torch.rand` draws evenly from 0 to 1: all numbers positive, so all units of a layer are nearly alike.
- $2L$ and not $L$: each block adds twice, once after attention and once after the MLP.
- Setting the seed inside the loop gives every matrix of one shape the same numbers. Queries, keys and values begin
  equal then, and so do all layers.
- The course's own library goes further and starts the matrices that write into the stream at 0. Then every block
  passes its input on unchanged at first, and no $\sqrt{2L}$ is needed.
"""

# %% [markdown] exercise="09.3"
r"""
How much work is one forward pass? Count the multiplications and additions of its **matrix products**. A product of an
$n \times m$ matrix with an $m \times k$ matrix is $n \cdot m \cdot k$ multiplications and as many additions, so
$2nmk$ operations, which are called FLOPs.

The model reads one row of T tokens. It is built like Llama:

- each block has four matrices for attention: queries $D \to D$, keys $D \to G \cdot K$, values $D \to G \cdot K$, and
  the output $D \to D$;
- each of the H heads multiplies its queries with its keys, which is a full table of $T \times T$ scores, and the table
  with its values. Count the whole table, also what the causal mask hides. Heads that share a key still make their own
  scores;
- the MLP has *three* matrices: gate $D \to F$, expand $D \to F$, and back $F \to D$;
- after the last block, the head $D \to V$ at each of the T places.

Looking up rows, norms, activations, softmax, turning by rotary angles and adding are no matrix products, and count
nothing.

- **Takes** whole numbers: `n_tokens` (T), `vocab_size` (V), `n_layers` (L), `n_heads` (H), `n_kv_heads` (G), `d_model`
  (D) and `d_hidden` (F). H divides D, and G divides H.
- **Returns** the FLOPs of the forward pass, a whole number.

Example: T = 10, V = 100, L = 2, H = 4, G = 2, D = 32, F = 64, so K = 8. In a block, the four matrices of attention take
$20 \cdot 32 \cdot (32 + 16 + 16 + 32) = 61440$, scores and mixing $2 \cdot 2 \cdot 10 \cdot 10 \cdot 32 = 12800$, the
MLP $3 \cdot 20 \cdot 32 \cdot 64 = 122880$. Two blocks make 394240, the head adds $20 \cdot 32 \cdot 100 = 64000$. The
result is 458240.
"""


# %%
def forward_flops(
    n_tokens: int, vocab_size: int, n_layers: int, n_heads: int, n_kv_heads: int, d_model: int, d_hidden: int
) -> int:
    """Multiplications and additions of all matrix products when one row of tokens is read."""
    ### BEGIN SOLUTION
    d_keys = n_kv_heads * (d_model // n_heads)
    maps = d_model * (d_model + d_keys + d_keys + d_model)
    tables = 2 * n_tokens * d_model
    mlp = 3 * d_model * d_hidden
    return 2 * n_tokens * (n_layers * (maps + tables + mlp) + d_model * vocab_size)
    ### END SOLUTION


# %%
check("09.3", forward_flops)
# %% [markdown] tags=["hint"]
r"""
Go through the block product by product and write down three sizes for each: rows, what is summed over, columns. The
rows are the T tokens almost everywhere. What do H tables of $T \times T$ scores cost, each a sum over K?
"""

# %% [markdown] tags=["hint"]
r"""
A matrix $D \to X$ costs $2 T D X$. The scores of one head cost $2 \cdot T \cdot K \cdot T$, and of all heads
$2 T^2 \cdot H K = 2 T^2 D$. Mixing the values costs as much again. How many heads share a key plays no role in that.
"""

# %% [markdown] tags=["hint"]
r"""
Everything has a factor $2T$. Inside a block: $D \cdot (2D + 2GK) + 2TD + 3DF$. Multiply by L, then add $D \cdot V$ for
the head, once.
"""

# %% [markdown] tags=["discussion"]
r"""
- Without the tables, the FLOPs are $2T$ times the number of weights in matrices, if the head counts and the
  embedding does not. That is the well-known rule of two FLOPs for each parameter and token, six with the backward pass.
- The tables are the only part that grows with $T^2$, and the only one that no parameter pays for.
- Sharing keys saves parameters, some of the product that makes them, and above all memory when writing. It saves no
  scores: each of the H queries still meets every key.
- A tied head has no parameters of its own, but it has to be multiplied all the same.
"""

# %% [markdown] exercise="09.4"
r"""
In grouped-query attention ([Ainslie and others, 2023](https://arxiv.org/abs/2305.13245)) there are H heads of queries,
but only G heads of keys and values. Each of these serves a group of $H / G$ query heads, **neighbours in their order**:
with H = 6 and G = 2, the query heads 0, 1, 2 use the keys and values of head 0, and 3, 4, 5 use those of head 1. Apart
from that it is causal attention as you know it: scores $q \cdot k / \sqrt K$, no looking ahead, softmax, weighted sum
of values.

- **Takes** the queries `q`, shape `(B, H, T, K)`; the keys `k` and the values `v`, both of shape `(B, G, T, K)`. G
  divides H, and may be 1 or H.
- **Returns** the outputs of all heads, shape `(B, H, T, K)`.

Example: B = 1, H = 4, G = 2, T = 1, K = 1. There is one token, which can look only at itself, so the outputs are
values: with `v = [[[[5]], [[7]]]]`, the result is `[[[[5]], [[5]], [[7]], [[7]]]]`, whatever the queries and keys.

torch's `scaled_dot_product_attention` is welcome.
"""


# %%
def grouped_attention(
    q: Float[Tensor, "B H T K"], k: Float[Tensor, "B G T K"], v: Float[Tensor, "B G T K"]
) -> Float[Tensor, "B H T K"]:
    """Causal attention in which H / G neighbouring heads of queries share a head of keys and values."""
    ### BEGIN SOLUTION
    n_shared = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(n_shared, dim=1), v.repeat_interleave(n_shared, dim=1)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    ### END SOLUTION


# %%
check("09.4", grouped_attention)
# %% [markdown] tags=["hint"]
r"""
If every query head had its own keys and values, you would know what to do. So give each one a copy. In which order do
the copies have to stand?
"""

# %% [markdown] tags=["hint"]
r"""
torch knows two ways of repeating. Along an axis that holds a, b, `repeat` gives a, b, a, b, and `repeat_interleave`
gives a, a, b, b. The heads are axis 1.
"""

# %% [markdown] tags=["hint"]
r"""
`k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)`, the same for `v`, and then
`F.scaled_dot_product_attention(q, k, v, is_causal=True)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- With `repeat`, query head 1 would use key head 1 and not 0. The shapes are the same, a model can even be trained so,
  and weights that were trained with the other order talk nonsense. With G = 1 or G = H the two orders agree, so tests
  with these alone find nothing.
- Keys and values must go together. A head that finds by the keys of one group and reads from another is no attention.
- Copies are the simplest way, not the only one: with the queries as $(B, G, H/G, T, K)$ and keys and values as
  $(B, G, 1, T, K)$, the single axis stretches, and nothing is copied.
- What is gained is memory while writing. The keys and values of all earlier tokens are kept, and there are H / G times
  fewer of them.
"""

# %% [markdown] exercise="09.5"
r"""
Now the whole: from token ids to the scores of every next word. It is the GPT that the lesson ends with, built like
Llama, with the head tied to the embedding. All that it has learned is in one dictionary:

| entry | shape | what it is |
| :-- | :-- | :-- |
| `weights["embedding"]` | `(V, D)` | a row for each word; also the head |
| `weights["blocks"]` | | a list of L dictionaries, the first block first, each with: |
| ... `["attention_norm"]` | `(D,)` | gain of the norm before attention |
| ... `["q"]`, `["k"]`, `["v"]` | `(D, D)`, `(G·K, D)`, `(G·K, D)` | maps to queries, keys, values |
| ... `["project"]` | `(D, D)` | map of the joined heads back into the stream |
| ... `["mlp_norm"]` | `(D,)` | gain of the norm before the MLP |
| ... `["gate"]`, `["expand"]` | `(F, D)`, `(F, D)` | the two maps into the MLP |
| ... `["reduce"]` | `(D, F)` | the map out of it |
| `weights["norm"]` | `(D,)` | gain of the last norm |

Every map is (output, input), as in torch: `F.linear(x, matrix)`, which is `x @ matrix.T`. There is no bias anywhere.

1. $x$ is the embedding's row of each token.
2. Each block adds twice to it: $x \leftarrow x + \text{attention}(\text{norm}(x))$, then
   $x \leftarrow x + \text{mlp}(\text{norm}(x))$.
3. The logits are $\text{norm}(x)$ times every row of the embedding.

$\text{norm}(x) = \text{gain} \cdot x / \sqrt{\text{mean}(x^2) + 10^{-5}}$, the mean over the D numbers of a token.
$\text{mlp}(x) = \text{reduce}\,(\text{silu}(\text{gate}\,x) \cdot \text{expand}\,x)$. In attention, head $h$ owns rows
$hK$ to $hK + K - 1$ of `q`; likewise for the G heads of `k` and `v`. Queries and keys are turned by rotary positions:
in each head, number $i$ and number $i + K/2$ are a pair, which turns by $t \cdot 10000^{-2i/K}$ at place $t$, counted
from 0 (06.6). Then follows 09.4, and the outputs of the heads are joined in their order and go through `project`.

- **Takes** `ids`, shape `(B, T)`, whole numbers; `weights`, as above; `n_heads`, H. G follows from the shape of `k`.
- **Returns** the logits, shape `(B, T, V)`.

Example: with no block at all, an embedding of `[[3, 4], [1, 0]]` and a last gain of `[1, 1]`, the ids `[[0, 1]]` give
$(3, 4) / \sqrt{12.5} = (0.849, 1.131)$ and $(1, 0) / \sqrt{0.5} = (1.414, 0)$. The logits are
`[[[7.071, 0.849], [4.243, 1.414]]]`.
"""


# %%
def gpt(ids: Int[Tensor, "B T"], weights: dict, n_heads: int) -> Float[Tensor, "B T V"]:
    """Scores of every word as the next one, at every place."""

    ### BEGIN SOLUTION
    def split(x: Float[Tensor, "B T D"]) -> Float[Tensor, "B H T K"]:
        return x.unflatten(-1, (-1, width)).transpose(1, 2)

    def turn(x: Float[Tensor, "B H T K"]) -> Float[Tensor, "B H T K"]:
        left, right = x.chunk(2, dim=-1)
        return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)

    d_model, n_places = weights["embedding"].shape[1], ids.shape[1]
    width = d_model // n_heads
    angles = torch.outer(torch.arange(n_places), 10_000 ** (-torch.arange(0, width, 2) / width))
    cos, sin = angles.cos(), angles.sin()
    x = weights["embedding"][ids]
    for block in weights["blocks"]:
        normed = F.rms_norm(x, (d_model,), block["attention_norm"], 1e-5)
        q, k, v = (split(F.linear(normed, block[name])) for name in ("q", "k", "v"))
        heads = grouped_attention(turn(q), turn(k), v)
        x = x + F.linear(heads.transpose(1, 2).flatten(2), block["project"])
        normed = F.rms_norm(x, (d_model,), block["mlp_norm"], 1e-5)
        hidden = F.silu(F.linear(normed, block["gate"])) * F.linear(normed, block["expand"])
        x = x + F.linear(hidden, block["reduce"])
    x = F.rms_norm(x, (d_model,), weights["norm"], 1e-5)
    return F.linear(x, weights["embedding"])
    ### END SOLUTION


# %%
check("09.5", gpt)
# %% [markdown] tags=["hint"]
r"""
Do not write it in one go. The check begins with no block at all, then one whose attention writes nothing, then one
head, and ends with several of everything. Write step 1 and 3, run the check, see how far it gets, and go on.
"""

# %% [markdown] tags=["hint"]
r"""
`x.view(B, T, -1, K).transpose(1, 2)` cuts a map's output into heads, $(B, H, T, K)$; `.transpose(1, 2).flatten(2)`
joins them again. Both transpositions are needed, and `view` alone would deal the numbers out anew. Queries and keys
are turned *after* they were cut, for each head turns on its own. Values are not turned.
"""

# %% [markdown] tags=["hint"]
r"""
For each block: `normed = F.rms_norm(x, (D,), block["attention_norm"], 1e-5)`; cut `F.linear(normed, block["q"])`, and
so on, into heads; turn `q` and `k`; `grouped_attention(q, k, v)`; join; `x = x + F.linear(joined, block["project"])`.
Norm again, this time of the new `x`, and add `F.linear(F.silu(gate) * expand, block["reduce"])`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The residual stream `x` itself is never normed inside the blocks. Only what attention and MLP *read* is. If you wrote
  `x = norm(x)` and then `x = x + ...`, the last block's stream has forgotten how large its earlier sums were.
- The MLP reads the stream *after* attention has written. Reading the old one is a model of its own (a parallel block,
  as in GPT-J), and not this one.
- The last norm is easy to forget, and nothing fails: the logits are just of another size, and the distribution is too
  sharp or too flat.
- A cheap test for the mask in any model: exchange the last word, and no earlier logit may move.
- Return logits, not probabilities. The loss takes logits, and a temperature divides them.
"""

# %% [markdown] exercise="09.6"
r"""
Somebody has trained such a model, and saved it in the format of
[llama2.c](https://github.com/karpathy/llama2.c): after a few whole numbers with the sizes come plain numbers, without
any name. The order is agreed on:

| part | shape | | part | shape |
| :-- | :-- | :-- | :-- | :-- |
| 1 · embedding | `(V, D)` | | 7 · norms before the MLP | `(L, D)` |
| 2 · norms before attention | `(L, D)` | | 8 · gate ("w1") | `(L, F, D)` |
| 3 · queries | `(L, H·K, D)` | | 9 · reduce ("w2") | `(L, D, F)` |
| 4 · keys | `(L, G·K, D)` | | 10 · expand ("w3") | `(L, F, D)` |
| 5 · values | `(L, G·K, D)` | | 11 · last norm | `(D,)` |
| 6 · project | `(L, D, H·K)` | | 12 · cosines and sines: not needed | any number |

So of each part come *all layers together*. A tensor is written row by row, and all matrices are (output, input).

There is one trap. llama2.c turns the numbers $2i$ and $2i + 1$ of a head as a pair, and your `gpt` turns $i$ and
$i + K/2$. So the *rows* of the query and key matrices have to be put into another order, **head by head**: first the
even rows of the head (0, 2, 4, …), then its odd rows (1, 3, 5, …). Values are not turned, so they stay as they are.

- **Takes** `numbers`, shape `(N,)`, and the sizes `vocab_size`, `n_layers`, `n_heads`, `n_kv_heads`, `d_model`,
  `d_hidden`.
- **Returns** a dictionary of weights that `gpt` of 09.5 understands, with the same names and shapes.

Example: if H = 1 and K = 4, and the rows of the queries in the file are $r_0, r_1, r_2, r_3$, then `["q"]` has the rows
$r_0, r_2, r_1, r_3$. If H = 2 and K = 4, there are eight rows, and the order is
$r_0, r_2, r_1, r_3, r_4, r_6, r_5, r_7$.
"""


# %%
def load(
    numbers: Float[Tensor, "N"],
    vocab_size: int,
    n_layers: int,
    n_heads: int,
    n_kv_heads: int,
    d_model: int,
    d_hidden: int,
) -> dict:
    """The weights for `gpt` out of the numbers of a file of llama2.c."""

    ### BEGIN SOLUTION
    def halves(rows: Float[Tensor, "L N D"]) -> Float[Tensor, "L N D"]:
        pairs = rows.unflatten(1, (-1, width // 2, 2))
        return pairs.transpose(2, 3).flatten(1, 3)

    width = d_model // n_heads
    d_keys = n_kv_heads * width
    stacks = {
        "attention_norm": (d_model,),
        "q": (d_model, d_model),
        "k": (d_keys, d_model),
        "v": (d_keys, d_model),
        "project": (d_model, d_model),
        "mlp_norm": (d_model,),
        "gate": (d_hidden, d_model),
        "reduce": (d_model, d_hidden),
        "expand": (d_hidden, d_model),
    }
    shapes = {"embedding": (vocab_size, d_model)}
    shapes |= {name: (n_layers, *shape) for name, shape in stacks.items()}
    shapes["norm"] = (d_model,)
    parts, begin = {}, 0
    for name, shape in shapes.items():
        end = begin + math.prod(shape)
        parts[name] = numbers[begin:end].view(shape)
        begin = end
    parts["q"], parts["k"] = halves(parts["q"]), halves(parts["k"])
    blocks = [{name: parts[name][layer] for name in stacks} for layer in range(n_layers)]
    return {"embedding": parts["embedding"], "blocks": blocks, "norm": parts["norm"]}
    ### END SOLUTION


# %%
check("09.6", load)
# %% [markdown] tags=["hint"]
r"""
Keep a place in the file. For each part in turn, take as many numbers as its shape holds, give them the shape, and move
the place on. Only at the end cut the stacks into layers, and put the rows of two of them into order.
"""

# %% [markdown] tags=["hint"]
r"""
`numbers[begin:end].view(shape)` with `end = begin + math.prod(shape)`. The order of rows for one head of K is
`[0, 2, 4, ..., 1, 3, 5, ...]`. The next head has the same, plus K. A plain list of row numbers is fine:
`matrix[order]`.
"""

# %% [markdown] tags=["hint"]
r"""
`order = [head * K + row for head in range(n) for row in [*range(0, K, 2), *range(1, K, 2)]]`, with `n = n_heads` for
the queries and `n = n_kv_heads` for the keys, then `parts["q"][layer][order]`. K is `d_model // n_heads` for both.
"""

# %% [markdown] tags=["discussion"]
r"""
- A forgotten order of rows gives a model that runs, has the right sizes, and writes words in an order that makes
  little sense. Shapes cannot find it. That is why it needs a test with a known output.
- Queries and keys are put into the *same* order, so their dot products do not change: a sum does not care about the
  order of its terms. What changes is which numbers turn together.
- "Head by head" matters. Even and odd rows of the whole matrix would mix the heads.
- The file's order is gate, reduce, expand, "w1, w2, w3", and not the order in which they are used. Gate and expand have
  the same shape, so exchanging them is silent; silu would be taken of the wrong one.
- GPT-2's files have another trap: their matrices are (input, output), and the square ones load without any complaint.
- The file of stories260K, the model of the lesson, begins with the whole numbers D = 64, F = 172, L = 5, H = 8, G = 4,
  V = 512 and a context of 512. Your `load` and your `gpt` are all that it takes to run it.
- `view` copies nothing. All weights but `q` and `k` still look into the same long row of numbers.
"""

# %% [markdown] exercise="09.7"
r"""
No code this time: three numbers and seven letters, by thinking.

| entry | what it is |
| :-- | :-- |
| `"losses"` | a batch has 8 rows of 129 ids each; a GPT reads all but the last id of each row in one pass; how many predictions, each with a loss of its own, are trained by it |
| `"saved"` | GPT-2 small has 50257 words and a width of 768, no bias in the head, and its head is tied; how many parameters it would have more if it were not |
| `"silent"` | how many of the four matrices of a block, in the story below, are copied without complaint |

The story: each block of GPT-2 small has a matrix of 768 × 2304 for queries, keys and values together, one of 768 × 768
after them, and 768 × 3072 and 3072 × 768 in the MLP. The file has them as (input, output), the layers want (output,
input). Somebody forgets to transpose, and copies each into its own layer with `copy_`, which refuses another shape.

And now the letters. Seven people built a GPT of *one* block, with learned positions, for our toy world with its 584
tokens, $\ln 584 = 6.37$. All trained it alike, and measured the loss on held-out texts before the first step and after
the last, in nats. Nobody can honestly get below 0.40 there. Then they gave the trained model beginnings of 12 words and
exchanged something in them. How far did the predicted probabilities move on average, from 0 for not at all to 1 for
completely?

| | loss at first | loss at last | last word exchanged: predictions at *earlier* places | first word exchanged: prediction after the last | order of the first 11 words shuffled: prediction after the last |
| :-- | --: | --: | --: | --: | --: |
| A | 6.39 | 0.87 | 0.00 | 0.04 | 0.00 |
| B | 6.37 | 0.00 | 0.00 | 0.00 | 0.00 |
| C | 6.38 | 0.72 | 0.00 | 0.01 | 0.14 |
| D | 6.38 | 6.38 | 0.00 | 0.00 | 0.00 |
| E | 6.38 | 0.03 | 0.07 | 0.00 | 0.73 |
| F | 6.38 | 2.10 | 0.00 | 0.00 | 0.00 |
| G | 25.03 | 0.72 | 0.00 | 0.01 | 0.18 |

Which is which? `"right"` made no mistake. `"mask"` forgot the causal mask. `"shift"` forgot to shift the targets, so
each place is to say the word that it has just read. `"head"` drew the head's matrix with a standard deviation of 1 and
not 0.02. `"places"` left the positions out, `"attention"` left attention out. And `"frozen"` gave the optimiser the
parameters of another model.
"""


# %%
def predictions() -> dict[str, float | str]:
    """Three numbers and seven letters: `return {"losses": ..., "saved": ..., "silent": ..., "right": ..., ...}`."""
    ### BEGIN SOLUTION
    return {
        "losses": 8 * 128,
        "saved": 50257 * 768,
        "silent": 1,
        "right": "C",
        "mask": "E",
        "shift": "B",
        "head": "G",
        "places": "A",
        "attention": "F",
        "frozen": "D",
    }
    ### END SOLUTION


# %%
check("09.7", predictions)
# %% [markdown] tags=["hint"]
r"""
Every place that is read predicts the word behind it. What is in a row of 3 ids, read up to the last but one? Which
matrices look the same after they were turned on their side? For the letters, begin with the losses: two are below what
is possible, one is far too high at first, one never moves.
"""

# %% [markdown] tags=["hint"]
r"""
Two of them see the answer. One sees it because a later place tells it, the other because the answer is the word that it
stands on. In which does an earlier prediction depend on a later word? Of those that are left: what does a model know
without attention, and what does attention know without positions?
"""

# %% [markdown] tags=["hint"]
r"""
$8 \cdot 128$; $50257 \cdot 768$; only a square matrix keeps its shape. Without attention, a prediction depends on the
last word alone. Without positions, a single block sees *which* words came before, and not in which order. That leaves
one letter for the model without a mistake.
"""

# %% [markdown] tags=["discussion"]
r"""
`1024`, `38597376`, `1`; right `"C"`, mask `"E"`, shift `"B"`, head `"G"`, places `"A"`, attention `"F"`, frozen `"D"`.

- One pass, 1024 losses. That is what makes training on texts cheap, and the causal mask is what makes it honest.
- Tying saves GPT-2 small 38.6 million parameters of what would be 163 million.
- The one square matrix loads in silence, and that is enough to ruin the model.
- A loss below the floor is never good news. Both E and B have seen the answer, and a held-out text does not find it
  out, because the answer is in the input there, too.
- G begins with a head that is sure of itself and wrong. Training repairs it, here completely, but its first steps
  are spent on that. A first loss far from $\ln V$ is the cheapest of all warnings: it costs one pass.
- F is about as good as a model can be that knows one word. A knows which words came before, like a bag of words, and
  its loss is surprisingly low. A few more blocks would even let it find out the order, since the mask tells places
  apart.
- D is the mistake with the fewest symptoms: no error, no odd number, only a curve that is flat.
"""
