# ---
# lesson: 07_self_attention
# ---

# %% [markdown]
r"""
Seven exercises. The first three are the parts of attention, the fourth puts them together, the fifth makes them fit
for texts of unequal length. Then you build by hand what training usually finds, and at the end you count.

Shape letters: B texts, T tokens that ask (queries), S tokens that are asked (keys), D numbers in a token's vector, K
numbers in a query, a key or a value. `...` stands for any number of further axes, none included. A mask is True where
a query *may* look.

You may use your own functions in later exercises.
"""

# %%
import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="07.1"
r"""
A query is what a token looks for, a key is what a token offers to be found by. How well the two fit is one number,
their dot product. It is divided by $\sqrt K$, so that the scores of wide vectors do not run away:

$$\text{score}_{ts} = \frac{q_t \cdot k_s}{\sqrt{K}}$$

- **Takes** `q`, shape `(..., T, K)`, and `k`, shape `(..., S, K)`. There may be fewer queries than keys, or more.
- **Returns** the scores, shape `(..., T, S)`: row $t$ belongs to query $t$. There is no mask yet, and no softmax.

Example with $K = 4$: one query `[1, 1, 1, 1]` and two keys, `[1, 2, 3, 4]` and `[0, 0, 0, 2]`. The dot products are 10
and 2, and $\sqrt 4 = 2$. So the scores are `[[5, 1]]`.
"""


# %%
def scores(q: Float[Tensor, "*B T K"], k: Float[Tensor, "*B S K"]) -> Float[Tensor, "*B T S"]:
    """q·k / √K for every query and every key."""
    ### BEGIN SOLUTION
    return q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    ### END SOLUTION


# %%
check("07.1", scores)
# %% [markdown] tags=["hint"]
r"""
All dot products of all rows of one matrix with all rows of another: which single operation does that? Look at the
shapes, $(T, K)$ and $(S, K)$, and at the shape that is wanted, $(T, S)$.
"""

# %% [markdown] tags=["hint"]
r"""
A matrix product `a @ b` wants the last axis of `a` to be as long as the last but one of `b`. So the keys have to be
turned on their side, and only their last two axes: `k.transpose(-2, -1)`.
"""

# %% [markdown] tags=["hint"]
r"""
`q @ k.transpose(-2, -1)` has the dot products. Divide by `math.sqrt(q.shape[-1])`, the root of the *last* axis.
"""

# %% [markdown] tags=["discussion"]
r"""
`torch.einsum("...tk,...sk->...ts", q, k)` says the same with the letters spelled out, and needs no transposition.

- Counting axes from the left (`.T`, `transpose(0, 1)`, `q.shape[1]`) is right for one text without heads. The first
  batch breaks it, at best with an error. Attention lives in the last two axes, so count from the right.
- Dividing by $K$ goes too far. For vectors of unrelated numbers around 1, the dot product is spread around 0 with a
  standard deviation of $\sqrt K$. Divided by $K$ it shrinks to $1/\sqrt K$, all scores are nearly alike, and the
  softmax nearly even.
- $\sqrt S$ would make the score of a pair depend on how many others stand in the text.
"""

# %% [markdown] exercise="07.2"
r"""
A model that predicts the next word must not see it. So each token may look at its own position and at those before
it, and at nothing after. As a table with a row for each query and a column for each key: True where looking is
allowed.

While a model writes, the queries are fewer than the keys. The keys of earlier tokens are kept, and only the newest
tokens ask. So here **the queries are the last `n_queries` of `n_keys` positions**.

- **Takes** `n_queries` and `n_keys`, whole numbers with $1 \le$ `n_queries` $\le$ `n_keys`.
- **Returns** a tensor of shape `(n_queries, n_keys)` that holds True and False.

Example: of 4 positions, the last 2 ask. The first of them stands at position 2 and may look at 0, 1 and 2; the second
at everything. So `causal_mask(2, 4)` is

```
True  True  True  False
True  True  True  True
```
"""


# %%
def causal_mask(n_queries: int, n_keys: int) -> Bool[Tensor, "T S"]:
    """True where a query may look: at its own position and before. The queries are the last positions."""
    ### BEGIN SOLUTION
    keys = torch.arange(n_keys)
    queries = keys[n_keys - n_queries :]
    return keys <= queries[:, None]
    ### END SOLUTION


# %%
check("07.2", causal_mask)
# %% [markdown] tags=["hint"]
r"""
Where does query 0 stand? Write down the positions of the queries and those of the keys, for 2 queries and 4 keys.
What has to hold between the two numbers for looking to be allowed?
"""

# %% [markdown] tags=["hint"]
r"""
Query $t$ stands at position `n_keys - n_queries + t`. A comparison of a column of numbers with a row of numbers makes
a table: `a[:, None] >= b[None, :]`. (Or begin with a table of ones and cut it with `tril`, which takes a number that
says how far the diagonal is moved.)
"""

# %% [markdown] tags=["hint"]
r"""
With `keys = torch.arange(n_keys)` and `queries = torch.arange(n_keys - n_queries, n_keys)`, return
`keys <= queries[:, None]`.
"""

# %% [markdown] tags=["discussion"]
r"""
`torch.ones(n_queries, n_keys, dtype=torch.bool).tril(n_keys - n_queries)` is the same triangle.

- A triangle without the shift is right as long as every token asks. The first token that is written with kept keys
  would then see the first key and nothing else. The text goes off the rails, and no error is raised.
- A token may look at *itself*. Its own word is known when the next one is predicted, and a first token that must not
  see itself has nothing to look at.
- A table of 0 and 1 is no mask, however much it looks like one: for torch's usual whole numbers `~1` is −2, and
  indexing with them picks rows 0 and 1. That is why the type matters here.
- Some libraries say True where looking is forbidden. Look it up each time; getting it wrong is silent.
"""

# %% [markdown] exercise="07.3"
r"""
Each query has one unit of attention to give. A softmax shares it out among the keys, and a mask says which keys take
part:

$$w_{ts} = \frac{e^{z_{ts}}}{\sum_{r \text{ allowed}} e^{z_{tr}}} \quad \text{where } s \text{ is allowed, else } 0$$

- **Takes** `scores`, shape `(..., T, S)`, of any size, and `mask`, True where a query may look. Its last two axes are
  `(T, S)`, and one mask may serve for several texts or heads: further axes may be missing, or of length 1.
- **Returns** the weights, in the shape of the scores. Forbidden places get exactly 0, every row sums to 1, and what
  was written at forbidden places makes no difference.
- A row in which *nothing* is allowed is all zeros. It can be differentiated like everything else: no gradient is
  nan either.

Example: scores `[[0, ln 3, 5]]`, mask `[[True, True, False]]`. The exponentials of the allowed ones are 1 and 3, so the
weights are `[[0.25, 0.75, 0]]`. The 5 is out of the game.

torch's `softmax` is welcome.
"""


# %%
def masked_softmax(scores: Float[Tensor, "*B T S"], mask: Bool[Tensor, "*#B T S"]) -> Float[Tensor, "*B T S"]:
    """Softmax over the allowed places of each row; 0 at the others, and in rows without an allowed place."""
    ### BEGIN SOLUTION
    hidden = scores.masked_fill(~mask, -torch.inf)
    return hidden.softmax(dim=-1).masked_fill(~mask, 0)
    ### END SOLUTION


# %%
check("07.3", masked_softmax)
# %% [markdown] tags=["hint"]
r"""
Softmax takes exponentials and divides by their sum. Which score has an exponential of 0, so that it counts neither
above the line nor below it?
"""

# %% [markdown] tags=["hint"]
r"""
`scores.masked_fill(~mask, -torch.inf)` writes −inf wherever the mask is False, and stretches the mask where axes are
missing. Softmax along the last axis then does the rest, save for the empty rows: what does it make of them, and what
can be done about it *afterwards*?
"""

# %% [markdown] tags=["hint"]
r"""
In an empty row the softmax is 0 divided by 0, which is nan. All of that row is forbidden, so filling the forbidden
places once more, this time of the *weights* and with 0, repairs it: `.softmax(dim=-1).masked_fill(~mask, 0)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Masking *after* the softmax leaves rows that do not sum to 1. Dividing by their sum afterwards repairs the small
  cases, and fails where a forbidden score is much larger than the allowed ones: those have been rounded to 0 already.
- A score of 0 is not "no attention". It is $e^0 = 1$, and often more than some allowed place has.
- $-10^9$ in place of −inf works until a row is empty. Then all its scores are equal, and the softmax shares the weight
  evenly among places that are all forbidden. Nothing is nan, and nothing is right.
- Where do empty rows come from? From padding, as in 07.5. One nan in such a row, that nobody wants to read, is enough
  to turn the loss into nan, and with it every parameter.
- Adding a table of 0 and −inf gives the same weights as filling. The way back differs: after filling, no gradient
  goes to the places that were filled, and the nan of an empty row stays there. After adding, it passes.
"""

# %% [markdown] exercise="07.4"
r"""
Now the whole. One head makes queries, keys and values of its tokens, scores every query against every key, hides what
comes later, and takes the weighted mean of the values:

$$\text{out}_t = \sum_{s \le t} w_{ts}\, v_s, \qquad w_{t\cdot} = \text{softmax}_{s \le t}\!\left(\frac{q_t \cdot k_s}{\sqrt K}\right),
\qquad q = x\,W_q,\quad k = x\,W_k,\quad v = x\,W_v$$

- **Takes** `x`, shape `(..., T, D)`, and three matrices of shape `(D, K)`.
- **Returns** the outputs, shape `(..., T, K)`.

Example with three matrices that change nothing, `[[1, 0], [0, 1]]`, and two tokens, `x = [[1, 0], [0, 1]]`. The first
token sees only itself: its output is `[1, 0]`. The second scores 0 with the first and $1/\sqrt2 = 0.707$ with itself.
That makes weights of 0.330 and 0.670, and the output `[0.330, 0.670]`.

Do not use torch's `scaled_dot_product_attention`. Your answer will be compared with it.
"""


# %%
def head(
    x: Float[Tensor, "*B T D"], w_q: Float[Tensor, "D K"], w_k: Float[Tensor, "D K"], w_v: Float[Tensor, "D K"]
) -> Float[Tensor, "*B T K"]:
    """One head of causal self-attention."""
    ### BEGIN SOLUTION
    n_tokens = x.shape[-2]
    weights = masked_softmax(scores(x @ w_q, x @ w_k), causal_mask(n_tokens, n_tokens))
    return weights @ (x @ w_v)
    ### END SOLUTION


# %%
check("07.4", head)
# %% [markdown] tags=["hint"]
r"""
You have the parts already. In which order do they come, and what shape has each result? The values come last.
"""

# %% [markdown] tags=["hint"]
r"""
Queries are `x @ w_q`, shape `(..., T, K)`, and so on. Scores of shape `(..., T, T)`, the causal mask for T of T
positions, the masked softmax along the last axis. And a weighted mean of the values, for all tokens at once, is one
matrix product.
"""

# %% [markdown] tags=["hint"]
r"""
`masked_softmax(scores(x @ w_q, x @ w_k), causal_mask(T, T)) @ (x @ w_v)`, with `T = x.shape[-2]`.
"""

# %% [markdown] tags=["discussion"]
r"""
Two tests find nearly every mistake in such a function, and neither needs a reference. Change the last token: no
earlier output may move. And look at the first token: it sees only itself, so its output is its own value, whatever
its scores are.

- `weights.transpose(-2, -1) @ v` also has the right shape. There the row of a *key* is handed out, and tokens give
  where they should take.
- Taking the mean over `x` or over the keys works, too, in the sense that training makes something of it. But then
  what a token is found by and what it hands over are the same numbers, and *juice* cannot look for a fruit and get a
  flavour.
- The scores divided by $\sqrt D$: the products run over the $K$ numbers of a query, however wide the model is.
- A mask that is upside down trains splendidly. Each token sees the answer, the loss falls below the floor, and what
  the model writes afterwards is rubbish.
"""

# %% [markdown] exercise="07.5"
r"""
You want to go on with several beginnings at once. They differ in length, and a tensor has only one. So short ones are
padded, and on the *left*: then all texts end in the last column, and the next word of each belongs in the same place.

```
text 0, length 2:   ·     she   drank
text 1, length 3:   juice tastes good
```

Were the padding on the right, causality alone would hide it from the text. On the left it stands before every token,
and every token would look at it. What a text goes on with would then depend on how long the *others* are.

- **Takes** `lengths`, whole numbers of shape `(B,)`, each at least 1 and at most `n_tokens`; and `n_tokens`, how many
  places there are for each text. (Padding may be more than the longest text needs.)
- **Returns** True and False in the shape `(B, T, T)`, T being `n_tokens`: for each text a row for each query and a
  column for each key. True where the key is real (no padding) *and* stands at the query's own position or before.

Nobody looks at padding, so the rows of padding are empty. Your softmax of 07.3 knows what to do with them.

Example: `padding_mask(torch.tensor([2, 3]), 3)` is

```
text 0:  False False False      text 1:  True  False False
         False True  False               True  True  False
         False True  True                True  True  True
```
"""


# %%
def padding_mask(lengths: Int[Tensor, "B"], n_tokens: int) -> Bool[Tensor, "B T T"]:
    """True where a query may look, for texts that stand at the right end of `n_tokens` places, with padding before."""
    ### BEGIN SOLUTION
    real = torch.arange(n_tokens) >= (n_tokens - lengths)[:, None]
    return real[:, None, :] & causal_mask(n_tokens, n_tokens)
    ### END SOLUTION


# %%
check("07.5", padding_mask)
# %% [markdown] tags=["hint"]
r"""
Two conditions, each a table of its own. One is the causal mask, the same for all texts. The other says for each text
which *places* are real. What are their shapes, and how do they become one?
"""

# %% [markdown] tags=["hint"]
r"""
A text of length 2 in 5 places has 3 places of padding, 0, 1 and 2. So place $s$ is real if
$s \ge$ `n_tokens - length`. For all texts at once, compare a row of places with a column of numbers: that has the
shape `(B, T)`. These are *keys*, so their axis must end up last.
"""

# %% [markdown] tags=["hint"]
r"""
`real = torch.arange(n_tokens) >= (n_tokens - lengths)[:, None]`. Then `real[:, None, :]` has the shape `(B, 1, T)`, the
causal mask has `(T, T)`, and `&` stretches both to `(B, T, T)`.
"""

# %% [markdown] tags=["discussion"]
r"""
The law behind it: what a text gives must not depend on what stands on its padding, nor on how much of it there is.
You can test that: write other words on the padding, and the outputs of the real tokens stay as they are, to the bit.

- Hiding *queries*, `real[:, :, None]`, hides nothing from anybody: padding does not ask, and is asked all the same.
  What has to be hidden are columns.
- In training, texts are often padded on the right. There the causal mask is enough, and what padding "predicts" is
  left out of the loss (01.2). In an encoder, where tokens see both sides, neither side is safe without a mask.
- Some libraries let each place of padding look at itself, only to have no empty rows. What comes out there is never
  read, so both are fine, as long as no real token looks at it.
- Hiding is half of it. Where positions are counted, the first real token has to get the position that it would have
  without padding, or it means something else.
"""

# %% [markdown] exercise="07.6"
r"""
A dictionary returns what is stored under a key, and nothing else. Attention returns a mean over everything. Yet the
first is a special case of the second. Build it: choose queries and keys with which attention looks up.

There are `n_symbols` symbols, called 0, 1, 2 and so on. At each of S places one of them is stored, no symbol twice
and in no particular order; beside it lies a value. Then T symbols are asked for. Attention without a mask computes

$$\text{out} = \text{softmax}\!\left(\frac{q\,k^\top}{\sqrt K}\right) v$$

- **Takes** `keys`, shape `(S,)`: which symbol stands at which place; `wanted`, shape `(T,)`: which symbols are asked
  for, each of them among the keys; and `n_symbols`, at most 1000.
- **Returns** a pair: `q` of shape `(T, K)` and `k` of shape `(S, K)`. The width K is yours to choose.

Whatever values between −1 and 1 are stored, output $t$ must be the value beside symbol `wanted[t]`, to within 0.001.
All numbers must be finite, in 32 bits. A query may depend on the symbol that it asks for, a key on its own symbol,
and neither on what else is stored: the vectors of a symbol are the same in every call.

Example: symbols `keys = [2, 0, 1]` with the values `[0.3, −0.8, 0.5]`, and `wanted = [0, 2]`. The outputs have to
be −0.8 and 0.3. The weights that do it are, nearly, `[0, 1, 0]` and `[1, 0, 0]`.
"""


# %%
def lookup_vectors(
    keys: Int[Tensor, "S"], wanted: Int[Tensor, "T"], n_symbols: int
) -> tuple[Float[Tensor, "T K"], Float[Tensor, "S K"]]:
    """Queries and keys with which attention returns what is stored under each wanted key."""
    ### BEGIN SOLUTION
    # A direction of its own for each symbol: the right key scores 20, every other one 0.
    one_hot = torch.eye(n_symbols)
    return 20 * math.sqrt(n_symbols) * one_hot[wanted], one_hot[keys]
    ### END SOLUTION


# %%
check("07.6", lookup_vectors)
# %% [markdown] tags=["hint"]
r"""
Give each symbol a vector such that its dot product with itself is large and with all others small. What is the
simplest set of vectors of which any two are perpendicular?
"""

# %% [markdown] tags=["hint"]
r"""
One-hot vectors: a 1 at the symbol's own number, 0 elsewhere; K is then `n_symbols`. The right key scores $1/\sqrt K$
and the others 0, which is far too soft. By what do you have to multiply the queries so that the right key gets all
but a few ten-thousandths of the weight?
"""

# %% [markdown] tags=["hint"]
r"""
Let the right key score $c$ and the others 0. It gets $e^c / (e^c + S - 1)$. With $c = 20$, $e^c$ is nearly 500
million, and no thousand others matter. Attention divides by $\sqrt K$, so the queries are one-hot vectors times
$20\sqrt K$. The rows of `torch.eye(n_symbols)`, indexed with `keys` or `wanted`, are one-hot vectors.
"""

# %% [markdown] tags=["discussion"]
r"""
- Using the number of a symbol as if it were a size, $q = 7$, $k = 7$, finds the *largest* key. A dot product asks how
  far two vectors point the same way and how long they are. It does not ask whether they are equal.
- "Sharp" means a gap in scores, and a gap of 20 is as good as infinite. Infinity itself is worse: $0 \cdot \infty$ is
  nan.
- A factor that is right for few symbols gets too soft for many, because of $\sqrt K$.
- One number for each symbol is a luxury. Write the symbol in binary, with −1 for a 0: ten numbers name 1000 symbols.
  A code agrees with itself in all ten places and with any other in at most nine, so the right key is still ahead, by 2
  before scaling. With 0 and 1 instead it fails, since 111 "contains" 011.
- Two numbers are enough, $(2a, 1)$ and $(b, -b^2)$: their product is $a^2 - (a - b)^2$, largest where $b = a$.
- Vectors that are *nearly* perpendicular do as well, and a space of K dimensions has room for many more than K of
  those. That is how a head of 64 numbers can tell thousands of words apart.
"""

# %% [markdown] exercise="07.7"
r"""
No code this time: seven numbers. Think first, and let the calculator do no more than the sums.

One text of $T = 64$ tokens goes through one head with $K = 64$. Positions count from 0 to 63.

| entry | what it is |
| :-- | :-- |
| `"all_scores"` | how many scores there are without a mask |
| `"allowed_scores"` | how many of them the causal mask lets through |
| `"twice_as_long"` | by what factor the table of scores grows, without a mask, if the text is twice as long |
| `"output"` | a query sees two tokens, with scores 0 and $\ln 3$ (already divided by $\sqrt K$) and values 2 and 10: what it gets |
| `"spread"` | the standard deviation of $q \cdot k$, *not* yet divided by $\sqrt K$, if all numbers in $q$ and $k$ are drawn independently with mean 0 and standard deviation 1 |
| `"equal_scores"` | under the causal mask, all scores of the query at position 3 are equal: the weight that it gives to the token at position 0 |
| `"changed_outputs"` | under the causal mask, the token at position 60 is exchanged for another: how many of the 64 outputs can change |
"""


# %%
def predictions() -> dict[str, float]:
    """The seven numbers, by the names in the table: `return {"all_scores": ..., "allowed_scores": ..., ...}`."""
    ### BEGIN SOLUTION
    return {
        "all_scores": 64 * 64,
        "allowed_scores": 64 * 65 / 2,
        "twice_as_long": 4,
        "output": 1 / 4 * 2 + 3 / 4 * 10,
        "spread": 8,
        "equal_scores": 1 / 4,
        "changed_outputs": 4,
    }
    ### END SOLUTION


# %%
check("07.7", predictions)
# %% [markdown] tags=["hint"]
r"""
Draw the table for four tokens: a row for each query, a column for each key. How many fields has it, how many lie on
or below the diagonal, and which of them are in the *column* of one token?
"""

# %% [markdown] tags=["hint"]
r"""
Row $t$ has $t + 1$ allowed fields: add them up. For the output, take exponentials of the scores first, $e^0$ and
$e^{\ln 3}$, and divide them by their sum. For the spread: a product of two such numbers has mean 0 and variance 1, and
variances of independent terms add up.
"""

# %% [markdown] tags=["hint"]
r"""
$64^2$; $1 + 2 + \dots + 64$; $(2T)^2 / T^2$; weights ¼ and ¾; the root of 64; four tokens share one unit; positions
60, 61, 62, 63.
"""

# %% [markdown] tags=["discussion"]
r"""
`4096`, `2080`, `4`, `8`, `8`, `0.25`, `4`.

- The mask spares nearly half of the scores. The naive form computes all and throws half away; a fused kernel can skip
  the blocks that are hidden altogether.
- Twice the text means four times the table. A thousand tokens make a million scores for each head, in each layer.
- With a spread of 8, one of two unrelated keys is ahead of the other by 8 or more about half the time, and gets
  $e^8 \approx 3000$ times its weight. Such a softmax has made up its mind before anything was learned. Divided by
  $\sqrt{64}$, the spread is 1.
- Equal scores are what a head begins with when its queries and keys are still small: it takes the plain mean of what
  came before. With position the share falls, ½, ⅓, ¼.
- Row $t$ says what token $t$ sees. *Column* $t$ says who sees it. Mistakes with masks are often just that mix-up.
"""
