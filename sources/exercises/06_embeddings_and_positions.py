# ---
# lesson: 06_embeddings_and_positions
# ---

# %% [markdown]
r"""
Seven exercises. You look up rows, weigh company, find neighbours, score analogies, and then give words their places
in the two ways that are computed and not learned. The last exercise asks for numbers and letters instead of code.

Shape letters: V words, D numbers in a word's vector, C words that are counted as company, Q questions, T places, K
numbers in a vector that is turned. `...` stands for any number of further axes, none included. Unless an exercise
says otherwise, tensors hold 32-bit numbers.
"""

# %%
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from course_lib import check

# %% [markdown] exercise="06.1"
r"""
Texts of unequal length are stored as one rectangle, and what is missing at the end of the short ones is filled up
with a word that is none, the **padding**. It has a number like any word, and the table has a row at that number, but
whatever stands in the row must not count.

Look up the vector of each word. Where the word is the padding, give a vector of zeros.

- **Takes** a `table`, shape `(V, D)`; the numbers of the words, `tokens`, shape `(...)`; and `pad`, the number of
  the padding, anything from 0 to V − 1.
- **Returns** the vectors, shape `(..., D)`.

The table is a parameter that is being trained. So do not change it, and let gradients through to the rows that were
looked up.

Example: the table is `[[1, 2], [3, 4], [5, 6]]`, the tokens are `[2, 0, 2]`, and `pad` is 0. The result is
`[[5, 6], [0, 0], [5, 6]]`. The gradient of the sum of these six numbers with respect to the table is
`[[0, 0], [0, 0], [2, 2]]`.
"""


# %%
def look_up(table: Float[Tensor, "V D"], tokens: Int[Tensor, "..."], pad: int) -> Float[Tensor, "... D"]:
    """The row of each token, and zeros where the token is `pad`."""
    ### BEGIN SOLUTION
    return table[tokens] * (tokens != pad)[..., None]
    ### END SOLUTION


# %%
check("06.1", look_up)
# %% [markdown] tags=["hint"]
r"""
First look up everything, the padding too: a tensor of numbers between square brackets picks rows, whatever its
shape. Then take care of the places where the token is the padding.
"""

# %% [markdown] tags=["hint"]
r"""
`tokens != pad` is true where there is a word. It has shape `(...)`, and the vectors have one axis more. `[..., None]`
gives it a last axis of length 1, which stretches over the D numbers.
"""

# %% [markdown] tags=["hint"]
r"""
True counts as 1 and False as 0, so `table[tokens] * (tokens != pad)[..., None]` is enough. One-hot vectors do it as
well: set those of the padding to zero, and multiply by the table.
"""

# %% [markdown] tags=["discussion"]
r"""
- `torch.nn.functional.embedding(tokens, table, padding_idx=pad)` does *not* give zeros. It gives the padding's row,
  and only keeps the gradient away from it. `nn.Embedding(..., padding_idx=pad)` sets that row to zero once, when it
  is made. If weights are loaded later, nobody sets it again.
- `table[pad] = 0` would do, if the table were yours. PyTorch even refuses it for a parameter: "a view of a leaf
  Variable that requires grad is being used in an in-place operation".
- A word that is there twice has its gradient twice. So frequent words are trained more, and a word that was in no
  batch still has the row that it was born with.
- The padding need not have number 0. Code that relies on it works until the tokenizer changes.
"""

# %% [markdown] exercise="06.2"
r"""
`counts[w, c]` says how often word $c$ was met in the company of word $w$. Turn it into **positive pointwise mutual
information**: how much more often than by chance, as a logarithm, and 0 instead of anything negative.

$$\text{PPMI}(w, c) = \max\Big(0,\; \ln \frac{p(w, c)}{p(w)\, p(c)}\Big)$$

With $N$ for the sum of all counts, $p(w, c)$ is the count divided by $N$, $p(w)$ the sum of row $w$ divided by $N$,
and $p(c)$ the sum of column $c$ divided by $N$.

- **Takes** `counts`, shape `(V, C)`, none negative. The words and their company may be different lists, and the table
  need not be symmetric.
- **Returns** the PPMI, shape `(V, C)`. It is 0 for every pair that never met, also where a whole row or column of the
  counts is empty.

Example: the counts are `[[6, 2], [0, 8]]`, 16 in all. The rows sum to 8 and 8, the columns to 6 and 10. The first
entry is $\ln\frac{6/16}{8/16 \cdot 6/16} = \ln 2 = 0.693$. The one beside it is $\ln 0.4$, which is negative, so 0. The
result is `[[0.693, 0], [0, 0.470]]`.
"""


# %%
def ppmi(counts: Float[Tensor, "V C"]) -> Float[Tensor, "V C"]:
    """Positive pointwise mutual information, in nats, of each word (row) with each word of its company (column)."""
    ### BEGIN SOLUTION
    words, company = counts.sum(dim=1, keepdim=True), counts.sum(dim=0, keepdim=True)
    pmi = (counts * counts.sum() / (words * company)).log()
    return torch.where(counts > 0, pmi, 0.0).clamp(min=0)
    ### END SOLUTION


# %%
check("06.2", ppmi)
# %% [markdown] tags=["hint"]
r"""
Two sums, one along each axis, and the sum of everything. With `keepdim=True` they keep the shapes `(V, 1)` and
`(1, C)`, and their product has the shape `(V, C)`.
"""

# %% [markdown] tags=["hint"]
r"""
The ratio is $\text{count} \cdot N$ divided by (sum of the row · sum of the column). What does the logarithm make of
0, and what is 0 divided by 0? Decide those places by the counts, or repair them afterwards.
"""

# %% [markdown] tags=["hint"]
r"""
`counts * counts.sum() / (words * company)`, then `.log()`, then `.nan_to_num(nan=0.0)` against 0/0 and
`.clamp(min=0)` against everything negative, minus infinity included.
"""

# %% [markdown] tags=["discussion"]
r"""
- Counting the same texts twice changes nothing, since all shares stay what they were. A formula without $N$ does not
  have this property, and that is a quick way to find the mistake.
- Where the logarithm gives $-\infty$, `clamp` gives 0. Where it gives nan, `clamp` gives nan, and one nan is enough to
  spoil the whole decomposition that comes next.
- Adding a small number to every count also avoids $-\infty$. It is a different model, though: it claims to have seen
  pairs that it has not, and it makes rare words meet everybody.
- PMI is kind to rare pairs. Two words that occur once each, and together, have the largest PMI of all. In real texts
  one leaves out words that are too rare.
"""

# %% [markdown] exercise="06.3"
r"""
Which words are nearest to a word? Rank by the **cosine**, the dot product divided by both lengths. The word itself is
left out. Where several words have the same cosine, the one with the lower number comes first. A vector of zeros has
the cosine 0 with everything.

- **Takes** `vectors`, shape `(V, D)`; the number of a `word`, whose own vector is not zero; and `n`, at most V − 1.
- **Returns** the numbers of the `n` nearest words, the nearest first, shape `(n,)`, whole numbers.

Example: the vectors are `[[4, 0], [30, 40], [0, 2], [10, 1]]`. With word 0 the others have the cosines 0.6, 0 and
0.995. So for `word = 0` and `n = 2` the result is `[3, 1]`, although word 1 has the largest dot product.
"""


# %%
def nearest(vectors: Float[Tensor, "V D"], word: int, n: int) -> Int[Tensor, "n"]:
    """The numbers of the `n` other words with the largest cosine, the nearest first, ties by number."""
    ### BEGIN SOLUTION
    unit = normalize(vectors, dim=1)
    cosine = unit @ unit[word]
    cosine[word] = -math.inf
    return cosine.sort(descending=True, stable=True).indices[:n]
    ### END SOLUTION


# %%
check("06.3", nearest)
# %% [markdown] tags=["hint"]
r"""
Three steps: make every row length 1, take the dot products with the word's row, sort. How do you make sure that the
word itself is never among the results, whatever cosine the others have?
"""

# %% [markdown] tags=["hint"]
r"""
`torch.nn.functional.normalize(vectors, dim=1)` divides each row by its length and leaves zeros as zeros. No cosine is
below −1, so a word whose cosine you set to $-\infty$ comes last.
"""

# %% [markdown] tags=["hint"]
r"""
`cosine.sort(descending=True, stable=True).indices[:n]`. A **stable** sort keeps equal values in the order in which it
found them, so the lower number comes first.
"""

# %% [markdown] tags=["discussion"]
r"""
- "Sort, then leave out the first" assumes that the word itself comes first. If another word has the very same vector,
  or one that is a multiple of it, then the *other* is thrown out.
- The dot product alone prefers long vectors, and long often means frequent or odd. Dividing by the length of the
  word that you ask about is not necessary, since it is the same for all; dividing by the others' lengths is.
- `x / x.norm()` is nan for a vector of zeros, and a descending sort puts nan *first*. A word that never occurs would
  be everybody's nearest neighbour.
- `topk` is faster than a sort, and makes no promise about ties.
"""

# %% [markdown] exercise="06.4"
r"""
$a$ is to $b$ as $c$ is to what? Make all vectors length 1, then take the word whose cosine with $b - a + c$ is the
largest. The words $a$, $b$ and $c$ of the question itself are no answers. (This is known as 3CosAdd.)

- **Takes** `vectors`, shape `(V, D)`, none of them zero; and `questions`, shape `(Q, 3)`: each row holds the numbers of
  $a$, $b$ and $c$, in this order. Two of the three may be the same word.
- **Returns** the number of the answer to each question, shape `(Q,)`, whole numbers.

Example: the vectors are `[[2, 0], [0, 1], [3, 4], [-1, 1], [1, 1]]` and the only question is `[0, 1, 2]`. With length 1
they are $a = (1, 0)$, $b = (0, 1)$ and $c = (0.6, 0.8)$, so $b - a + c = (-0.4, 1.8)$. Its dot products with the five
are −0.4, 1.8, 1.2, 1.556 and 0.990. The largest is that of $b$, which is no answer. The result is `[3]`.
"""


# %%
def analogies(vectors: Float[Tensor, "V D"], questions: Int[Tensor, "Q 3"]) -> Int[Tensor, "Q"]:
    """The answer to each question (a, b, c): a is to b as c is to the answer."""
    ### BEGIN SOLUTION
    unit = normalize(vectors, dim=1)
    a, b, c = unit[questions].unbind(dim=1)
    scores = (b - a + c) @ unit.T
    return scores.scatter(1, questions, -math.inf).argmax(dim=1)
    ### END SOLUTION


# %%
check("06.4", analogies)
# %% [markdown] tags=["hint"]
r"""
Every question has a target, $b - a + c$ of *unit* vectors, and a score for every word. A loop over the questions is
fine, and without one the scores have the shape `(Q, V)`.
"""

# %% [markdown] tags=["hint"]
r"""
`unit[questions]` has the shape `(Q, 3, D)`. The target's own length does not change which word scores highest, so there
is no need to divide by it. Each question forbids its own three words, and no others.
"""

# %% [markdown] tags=["hint"]
r"""
In a loop, for `a, b, c in questions.tolist()`: `scores = unit @ (unit[b] - unit[a] + unit[c])`, then
`scores[[a, b, c]] = -math.inf`, then `scores.argmax()`. Collect the answers in one tensor.
"""

# %% [markdown] tags=["discussion"]
r"""
- $b - a + c$, and not $a - b + c$: from man ($a$) to woman ($b$) is the step, and it is taken from king ($c$).
- With vectors that keep their lengths, a long $b$ drowns the step.
- With the inputs allowed, the answer is often $b$ or $c$: $b$ where $a$ has more in common with $c$ than with $b$, and
  $c$ otherwise. Leaving them out hides that. A good score is worth little as long as you do not know how often *the nearest word to c* is right alone.
- Setting forbidden scores to 0 is not enough: all allowed ones may be negative.
- The word $a$ is forbidden in its own question only. Whoever forbids all words of all questions gets a smaller
  vocabulary with every question that is asked.
"""

# %% [markdown] exercise="06.5"
r"""
The positions of *Attention Is All You Need* ([Vaswani and others, 2017](https://arxiv.org/abs/1706.03762)), for any
base. Hand $i = 0, 1, \dots, D/2 - 1$ turns by $\omega_i = \text{base}^{-2i/D}$ radians at each place. Sine and cosine
of a hand stand in columns **next to each other**, the sine in the even column:

$$\text{PE}(t, 2i) = \sin(\omega_i\, t) \qquad\qquad \text{PE}(t, 2i + 1) = \cos(\omega_i\, t)$$

- **Takes** the number of places, `n_positions` (T); the `width` of a vector (D), an even number; and the `base`.
- **Returns** the table, shape `(T, D)`. Its first row belongs to place 0.

Example: 3 places, width 4, base 100. Then $\omega_0 = 1$ and $\omega_1 = 100^{-2/4} = 0.1$, and the table is

| place | $\sin t$ | $\cos t$ | $\sin 0.1 t$ | $\cos 0.1 t$ |
| --: | --: | --: | --: | --: |
| 0 | 0 | 1 | 0 | 1 |
| 1 | 0.841 | 0.540 | 0.100 | 0.995 |
| 2 | 0.909 | −0.416 | 0.199 | 0.980 |
"""


# %%
def clocks(n_positions: int, width: int, base: float) -> Float[Tensor, "T D"]:
    """A vector for each place: sines in the even columns, cosines in the odd ones, slower from pair to pair."""
    ### BEGIN SOLUTION
    speeds = base ** (-torch.arange(0, width, 2) / width)
    angles = torch.outer(torch.arange(n_positions), speeds)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    ### END SOLUTION


# %%
check("06.5", clocks)
# %% [markdown] tags=["hint"]
r"""
Begin with the D/2 speeds, then all angles, one for each place and hand: shape `(T, D/2)`. Sine and cosine of an angle
go to two neighbouring columns. Two loops over places and hands are fine too.
"""

# %% [markdown] tags=["hint"]
r"""
`torch.arange(0, width, 2)` holds 0, 2, 4, …, which are the $2i$ of the exponent. `torch.outer(places, speeds)` gives
every product of one with the other. In an empty table, `table[:, 0::2]` are the even columns and `table[:, 1::2]` the
odd ones.
"""

# %% [markdown] tags=["hint"]
r"""
`speeds = base ** (-torch.arange(0, width, 2) / width)`, `angles = torch.outer(torch.arange(n_positions), speeds)`,
`table = torch.zeros(n_positions, width)`, `table[:, 0::2] = angles.sin()`, and the cosines likewise.
"""

# %% [markdown] tags=["discussion"]
r"""
- In the exponent, $2i$ is the number of the *even column*. If you loop over columns and put the column number $j$ in
  place of $2i$, sine and cosine of one hand get different speeds. Every entry still looks plausible, but it is no
  clock any more, and dot products depend on more than the distance.
- All sines first and all cosines after them is a common layout, too. The dot products are the same, because both
  vectors are shuffled in the same way. But a model that was trained with one layout cannot be used with the other.
- Each row has length $\sqrt{D/2}$, whatever the place, since every hand has length 1. That is the quickest test.
- The slowest hand turns once in almost $2\pi \cdot \text{base}$ places (exactly $2\pi \cdot \text{base}^{1 - 2/D}$).
"""

# %% [markdown] exercise="06.6"
r"""
Rotary positions ([Su and others, 2021](https://arxiv.org/abs/2104.09864)): turn the vector itself. Its K numbers form
K/2 pairs. **Number $i$ and number $i + K/2$ are a pair**, for $i = 0, \dots, K/2 - 1$, as in the lesson. (The paper pairs
neighbours. That is not what is wanted here.) At place $t$, pair $i$ turns by the angle
$\alpha = t \cdot \text{base}^{-2i/K}$, in radians:

$$x'_i = x_i \cos\alpha - x_{i + K/2} \sin\alpha \qquad\qquad x'_{i + K/2} = x_i \sin\alpha + x_{i + K/2} \cos\alpha$$

- **Takes** the vectors `x`, shape `(..., T, K)`, K even; the places of the T vectors, `positions`, shape `(T,)`, whole
  numbers; and the `base`. The places need not begin at 0, nor follow each other.
- **Returns** the turned vectors, shape `(..., T, K)`. Each number stays in its own place in the vector.

Example: one vector `[1, 0, 0, 1]` at place 2, with base 100. The pairs are $(1, 0)$ and $(0, 1)$. The first turns by 2
and becomes $(\cos 2, \sin 2) = (-0.416, 0.909)$, the second turns by $0.2$ and becomes
$(-\sin 0.2, \cos 0.2) = (-0.199, 0.980)$. The result is `[[-0.416, -0.199, 0.909, 0.980]]`.
"""


# %%
def turn(x: Float[Tensor, "... T K"], positions: Int[Tensor, "T"], base: float) -> Float[Tensor, "... T K"]:
    """Each vector turned to its place; number i and number i + K/2 are a pair."""
    ### BEGIN SOLUTION
    width = x.shape[-1]
    angles = torch.outer(positions, base ** (-torch.arange(0, width, 2) / width))
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * angles.cos() - right * angles.sin(), left * angles.sin() + right * angles.cos()], dim=-1)
    ### END SOLUTION


# %%
check("06.6", turn)
# %% [markdown] tags=["hint"]
r"""
Cut every vector into its two halves. Then the first halves hold the $x_i$ and the second halves hold their partners, in
the same order, and the two formulas can be written down for all pairs at once.
"""

# %% [markdown] tags=["hint"]
r"""
The angles have the shape `(T, K/2)`, as in 06.5, and this is also the shape of the last two axes of a half. So they fit,
however many axes come before. `x.chunk(2, dim=-1)` gives the halves and `torch.cat([...], dim=-1)` joins two of them.
"""

# %% [markdown] tags=["hint"]
r"""
`angles = torch.outer(positions, base ** (-torch.arange(0, K, 2) / K))`. With `left` and `right` for the halves, the new
left one is `left * angles.cos() - right * angles.sin()` and the new right one is
`left * angles.sin() + right * angles.cos()`. Both use the *old* halves.
"""

# %% [markdown] tags=["discussion"]
r"""
- Two laws test any implementation. No vector changes its length, and the dot product of two turned vectors stays the
  same if both move on by the same number of places. Turning *backwards* passes both, as does the pairing of
  neighbours: a model can be trained with either. It cannot be *run* with another one than it was trained with, and
  this is a well-known way to ruin a model when weights are moved between programs.
- `left = left * cos - right * sin` and then `right = left * sin + right * cos` uses the new left half for the right
  one. The vectors get longer or shorter, so the first law finds it.
- `repeat_interleave` fits pairs of neighbours, `torch.cat([angles, angles])` fits halves. Mixing them turns the two
  numbers of a pair by different angles.
- When a text is generated word by word, each call brings one new word, and its place is not 0. That is why the places
  are handed over and not counted from the beginning.
"""

# %% [markdown] exercise="06.7"
r"""
No code this time: five numbers and five letters, by thinking. A calculator helps with two of them.

| entry | what it is |
| :-- | :-- |
| `"gradient"` | the text *cat dog cat cat* is looked up in a table, and the loss is the mean of the $4 \cdot D$ numbers, with $D = 10$; the gradient with respect to the first number in the row of *cat* |
| `"pmi"` | in 10,000 counted pairs, a word's row sums to 200, another word's column to 300, and the two met 24 times. Somebody counts all texts *twice* by mistake, so every count is doubled; the PMI that they get, in nats |
| `"hands"` | a place is written with two clock hands, one that goes round once in 8 places and one that goes round once in 12; the smallest distance above 0 at which two places have exactly the same vector |
| `"score"` | rotary positions with a single pair, which turns by $30°$ per place in the direction of the formulas of 06.6, from the first axis towards the second; the dot product of the query $(2, 0)$ at place 7 with the key $(0, 3)$ at place 3 |
| `"unmet"` | a model with rotary positions was trained on windows of 16 words and now reads one of 24. Each word looks at itself and at all words before it; in how many of these pairs are the two words further apart than any two in training? |

And now the letters. Two words with vectors $a$ and $b$, 8 numbers each, are compared by a dot product, $a$ at place $s$
and $b$ at place $t$. Five programs printed the result for six pairs of places $(s, t)$. All clocks have base 100.

| program | (0, 0) | (0, 4) | (10, 10) | (10, 14) | (30, 30) | (30, 34) |
| :-- | --: | --: | --: | --: | --: | --: |
| A | 4.00 | 1.56 | 4.00 | 1.56 | 4.00 | 1.56 |
| B | 3.03 | 3.66 | 8.45 | 3.01 | 4.04 | 0.83 |
| C | 2.00 | 1.03 | 2.00 | 1.03 | 2.00 | 1.03 |
| D | 12.05 | 0.79 | 12.07 | 1.70 | error | error |
| E | 2.00 | 2.00 | 2.00 | 2.00 | 2.00 | 2.00 |

Which is which? `"none"` used no positions at all. `"learned"` added rows of a table of 16. `"sinusoidal"` added clocks
to the words. `"rotary"` turned the words. And `"clocks"` forgot the words, and compared the clock vectors of the two
places alone.
"""


# %%
def predictions() -> dict[str, float | str]:
    """Five numbers and five letters: `return {"gradient": ..., ..., "unmet": ..., "none": "...", ...}`."""
    ### BEGIN SOLUTION
    return {
        "gradient": 3 / 40,
        "pmi": math.log(24 * 10_000 / (200 * 300)),
        "hands": math.lcm(8, 12),
        "score": 2 * 3 * math.cos(math.radians(7 * 30 - (90 + 3 * 30))),
        "unmet": sum(24 - distance for distance in range(16, 24)),
        "none": "E",
        "learned": "D",
        "sinusoidal": "B",
        "rotary": "C",
        "clocks": "A",
    }
    ### END SOLUTION


# %%
check("06.7", predictions)
# %% [markdown] tags=["hint"]
r"""
How many of the 40 numbers *are* the first number of *cat*? Which of the counts, row sums, column sums and total are
doubled? When is *each* of two hands back where it was? To which angle does each of the two arrows point after turning?
In a window of 16, how far apart are the first and the last word?
"""

# %% [markdown] tags=["hint"]
r"""
For the letters, look at what must stay the same. One program cannot run at every place. One knows nothing of places.
Two of the others depend on $t - s$ alone. What would each of these two give at distance 0, where a rotation has no
effect on the dot product, and where each clock hand meets itself?
"""

# %% [markdown] tags=["hint"]
r"""
$3 \cdot \frac{1}{40}$; $\ln\frac{48 \cdot 20000}{400 \cdot 600}$; a multiple of both 8 and 12; the query points to $210°$
and the key to $90° + 90°$, so $2 \cdot 3 \cdot \cos 30°$; distances 16, 17, …, 23 have 8, 7, …, 1 pairs. At distance 0, a
clock of D numbers gives $D/2$, and turned words give what the words alone give.
"""

# %% [markdown] tags=["discussion"]
r"""
`0.075`, `1.386`, `24`, `5.196`, `36`; none `"E"`, learned `"D"`, sinusoidal `"B"`, rotary `"C"`, clocks `"A"`.

- Three lookups, three gradients, added up. Each is $\frac1{40}$, because the mean divides by all numbers.
- $\ln 4$ either way. The doubled total cancels one of the two doubled sums, and the doubled count cancels the other.
- Hands with different periods meet again only after a multiple of both. That is why a few hands can name many places.
- The distance in *places* is 4, or $120°$; but the words point to different directions to begin with, and the dot
  product is about the angle between the turned arrows, $30°$.
- In training, the greatest distance was 15. With 24 words there are 36 new pairs of 300, all of them with one word
  near the end and one near the beginning. The places themselves are no news to rotary positions.
- A and C depend on the distance alone. With clocks *added to words* that is lost, because of the two terms in the
  middle: row B differs in every column. At distance 0, C equals E, since both words turn by the same angle.
"""
