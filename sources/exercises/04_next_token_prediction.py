# ---
# lesson: 04_next_token_prediction
# ---

# %% [markdown]
r"""
Seven exercises on guessing the next token. The first four make a complete language model out of a table: count it,
smooth it, judge it, let it write. The fifth cuts text into what a network is trained on. Then come seven numbers to
work out by hand, and at last the best way of counting there is.

In all of them a token is a whole number from 0 to V − 1. **Token 0 is the end mark.** It stands between documents: it
is what a document's first word follows, and what comes after its last word. A document is a list of tokens without
any end mark in it, and may be empty. Tables are indexed as in the lesson: the row is the token before, the column is
the token that comes.
"""

# %%
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="04.1"
r"""
A bigram model is a table of counts. How often did token `b` come right after token `a`?

- **Takes** `documents`, a list of lists of tokens; and `vocab_size`, the number V.
- **Returns** the counts, shape `(V, V)`: at `[a, b]` how often `b` came after `a`. Whole numbers or floats, as you
  like.

The first token of a document comes after the end mark, and after its last token comes the end mark. Every document is
counted by itself: nothing that stands in one comes after something in another.

Example: for `[[1, 2, 2], [1]]` and `vocab_size = 3`, the answer is `[[0, 2, 0], [1, 0, 1], [1, 0, 1]]`. Both
documents begin with 1. One ends after 2, the other after 1. In an empty document, 0 comes after 0, once.
"""


# %%
def bigram_counts(documents: list[list[int]], vocab_size: int) -> Tensor:
    """How often each token came after each token, shape [V, V]; token 0 stands before and behind every document."""
    ### BEGIN SOLUTION
    counts = torch.zeros(vocab_size, vocab_size, dtype=torch.int64)
    for document in documents:
        before = 0
        for token in [*document, 0]:
            counts[before, token] += 1
            before = token
    return counts
    ### END SOLUTION


# %%
check("04.1", bigram_counts)
# %% [markdown] tags=["hint"]
r"""
How many guesses does a document of three tokens take, if the end is guessed too? Write the document `[1, 2, 2]` down
with an end mark on both sides and count the neighbours.
"""

# %% [markdown] tags=["hint"]
r"""
For each document, make `padded = [0, *document, 0]`. Each two neighbours in it, `padded[i]` and `padded[i + 1]`, add
one to one entry of the table.
"""

# %% [markdown] tags=["hint"]
r"""
Start from `torch.zeros(vocab_size, vocab_size, dtype=torch.int64)`. Then, for each document,
`for a, b in zip(padded, padded[1:]): counts[a, b] += 1`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The row of the end mark says how documents begin, and its column says after what they end. One symbol does for both,
  because one never needs to know whether a document has just ended or is about to start.
- Without torch's help this loop is slow on a million tokens. `torch.bincount(a * V + b, minlength=V * V).view(V, V)`
  does it at once: number each pair, and count the numbers.
- `counts[a, b] += 1` with *lists* of indices `a` and `b` counts a pair that is in the lists twice only once: every
  copy reads the old value and writes the same new one. `index_put_` with `accumulate=True` is the right form.
- Laying all documents in one row is fine with one end mark between two of them. With two, the model learns that
  documents are often empty. With none, it learns that stories begin in the middle.
"""

# %% [markdown] exercise="04.2"
r"""
A pair that was never counted is not impossible. Add-k smoothing pretends that everything was seen $k$ times more than
it was:

$$p(w \mid c) = \frac{\text{count}(c, w) + k}{\text{count}(c) + k V}$$

- **Takes** `counts`, whole numbers of shape `(..., V)`: the last axis is the token that comes, and the axes in front
  of it are what came before (one axis for a bigram table, two for a trigram table, none for counts without context).
  And `k`, a number above 0.
- **Returns** the probabilities, floats of the same shape.

Example: for `counts = [[3, 1, 0, 0], [0, 0, 0, 0]]` and `k = 1`, the answer is
`[[0.5, 0.25, 0.125, 0.125], [0.25, 0.25, 0.25, 0.25]]`. A context that was never seen forecasts evenly.
"""


# %%
def add_k(counts: Int[Tensor, "... V"], k: float) -> Float[Tensor, "... V"]:
    """The probability of each token after each context, with k added to every count."""
    ### BEGIN SOLUTION
    smoothed = counts + k
    return smoothed / smoothed.sum(dim=-1, keepdim=True)
    ### END SOLUTION


# %%
check("04.2", add_k)
# %% [markdown] tags=["hint"]
r"""
What should the probabilities of a row add up to? If k is added to every count of a row, by how much does the row's
sum grow?
"""

# %% [markdown] tags=["hint"]
r"""
Add k first and normalise afterwards. Then the bottom of the fraction is nothing but the sum of the new row, along the
last axis.
"""

# %% [markdown] tags=["hint"]
r"""
`smoothed = counts + k`, divided by `smoothed.sum(dim=-1, keepdim=True)`. Without `keepdim=True` the sums line up with
the columns.
"""

# %% [markdown] tags=["discussion"]
r"""
- A row's sum grows by k for *each* of the V tokens. Whoever adds a single k below gives away more than there is.
- Seen as a mixture: add-k takes the share $\frac{\text{count}}{\text{count} + kV}$ of what was counted, and the rest
  of "everything is equally likely". With few counts the second wins. At $k = 1$ and V = 584, a context must be seen
  584 times before it is believed as much as it is doubted.
- The even forecast is a poor second opinion. What the lesson does next is to ask the shorter context instead, and
  04.7 is that.
- $k = 1$ is called Laplace smoothing, after the man who asked how likely the sun is to rise tomorrow, and any
  other $k$ is named after Lidstone. With k nearly 0 the table is nearly the bare shares, and an unseen pair costs
  about $\ln\frac1k$ nats more than one that was seen once.
"""

# %% [markdown] exercise="04.3"
r"""
How good is a table? Let it guess text that it was not made from, and take the average cost of a guess, $-\ln p$.

- **Takes** `p`, floats of shape `(V, V)`: at `[a, b]` the probability that `b` comes after `a`; and `documents`, a
  list of lists of tokens, at least one.
- **Returns** the nats per guess, one number: the sum of all costs divided by the number of all guesses, over all
  documents together.

Every document is guessed from its first token to its end, and the end is a guess like any other. A document of three
tokens takes four guesses. Where the table gives 0 to what comes, the cost is infinite, and so is the average: return
`math.inf`.

Example: with `p = [[0.5, 0.5], [0.25, 0.75]]` and `documents = [[1, 1], []]`, the guesses have the probabilities 0.5,
0.75 and 0.25 in the first document, and 0.5 in the empty one. The answer is 0.7651.
"""


# %%
def nats_per_guess(p: Float[Tensor, "V V"], documents: list[list[int]]) -> float:
    """The average of -ln p over all guesses, the end of each document included."""
    ### BEGIN SOLUTION
    costs = [-p[a, b].log().item() for words in documents for a, b in zip([0, *words], [*words, 0], strict=True)]
    return sum(costs) / len(costs)
    ### END SOLUTION


# %%
check("04.3", nats_per_guess)
# %% [markdown] tags=["hint"]
r"""
The pairs are those of 04.1. Each has a probability in the table. How many pairs does a document of n tokens have?
"""

# %% [markdown] tags=["hint"]
r"""
Go through all documents, add up $-\ln p$ of every pair and count the pairs, and divide once, at the very end. Python's
`math.log(0)` raises an error; torch's `log` of 0 is −inf.
"""

# %% [markdown] tags=["hint"]
r"""
`zip([0, *document], [*document, 0])` gives the pairs (before, comes) of a document. Collect `-p[a, b].log().item()`
for all pairs of all documents in one list, and return its mean.
"""

# %% [markdown] tags=["discussion"]
r"""
- If the end is not guessed, the average leaves out a guess that is often easy, and two people who differ in that
  report different numbers for the same model. Ask what a published number counts.
- The mean of the documents' means is another number: in it, a word in a short document weighs more.
- $e$ to the power of this number is the **perplexity**. Here it is 2.15: the table is as unsure as someone who
  chooses evenly among 2.15 tokens.
- It is tempting to multiply the table of held-out counts with the table of logarithms and add up. But $0 \cdot \ln 0$
  is not a number in floating point, so a zero that nobody needed spoils everything. Take only the entries that are
  needed, or use `torch.special.xlogy`.
- Leaving out the infinite ones, or raising every probability to some minimum in secret, makes a model look better
  than it is: then its probabilities no longer add up to 1.
"""

# %% [markdown] exercise="04.4"
r"""
Now let the table write. Begin after the end mark, draw a token from that row, go on with the row of the token just
drawn, and stop when the end mark is drawn.

So that your text can be checked, the luck is handed in: `u` holds random numbers from 0 up to, not including, 1. For
each token, take the next one of them. Walk along the row and add up its probabilities: **the token drawn is the first
at which the running total is above the random number.** So a token with probability 0.2 is drawn for a fifth of all
random numbers.

- **Takes** `p`, floats of shape `(V, V)`, each row adding up to 1; and `u`, a list of numbers.
- **Returns** the text, a list of tokens, without any end mark. If `u` is used up before the end is drawn, it breaks
  off there.

Example: `p = [[0, 0.5, 0.5], [0.25, 0, 0.75], [0.5, 0.5, 0]]` and `u = [0.7, 0.1, 0.4, 0.9]`. The row of 0 has the
running totals 0, 0.5, 1, and the first above 0.7 is at token 2. In row 2, the totals are 0.5, 1, 1, and 0.1 draws
token 0, the end. The text is `[2]`, and 0.4 and 0.9 are not needed. With `u = [0.5, 0.5, 0.2]` it is `[2, 1]`.

Rounding may leave the total of a row a hair below 1, and the random number above it. Then the token drawn is the last
one whose probability is not 0.
"""


# %%
def write(p: Float[Tensor, "V V"], u: list[float]) -> list[int]:
    """A text drawn from the table `p` with the random numbers `u`, without the end mark."""
    ### BEGIN SOLUTION
    text: list[int] = []
    before = 0
    for number in u:
        total = p[before].cumsum(dim=0)
        above = (total > number).nonzero().flatten().tolist()
        possible = p[before].nonzero().flatten().tolist()
        token = above[0] if above else possible[-1]
        if token == 0:
            break
        text.append(token)
        before = token
    return text
    ### END SOLUTION


# %%
check("04.4", write)
# %% [markdown] tags=["hint"]
r"""
Draw one token first. A row of probabilities cuts the stretch from 0 to 1 into pieces, one for each token, as long as
the token is probable. On which piece does the random number lie?
"""

# %% [markdown] tags=["hint"]
r"""
`p[before].cumsum(dim=0)` are the running totals, and `total > number` says where they are above the random number.
The loop goes over `u`, one round for each token; `before` starts at 0 and becomes the token just drawn. When does the
loop stop early?
"""

# %% [markdown] tags=["hint"]
r"""
In each round, `above = (total > number).nonzero().flatten().tolist()` and `token = above[0]`. If `above` is empty,
take the last entry of `p[before].nonzero().flatten().tolist()`. If the token is 0, stop; otherwise append it and set
`before = token`.
"""

# %% [markdown] tags=["discussion"]
r"""
- This is how Python's `random.choices` draws. It turns a number that is spread evenly into one that is spread as the
  forecast says, which is called inverting the cumulative distribution.
- "Above" and "not below" differ when the random number hits a total exactly. That looks like a matter of taste until
  a row begins with zeros: a random number of 0.0 would then draw a token with probability 0. `torch.searchsorted`
  does that unless one says `right=True`.
- In float32 a running total over tens of thousands of tokens may end a little below 1. Code that then reads one place
  behind the end of the row fails very rarely, and usually overnight.
- Everything here works for any model that returns a row of probabilities. Only `p[before]` has to be replaced by a
  forecast that looks at more than one token.
"""

# %% [markdown] exercise="04.5"
r"""
A network is not trained on counts but on pieces of text: rows of `length` tokens, and under each token the one that
comes next. So the targets are the same text, shifted by one.

- **Takes** `ids`, the text, whole numbers of shape `(n,)`; `length`, the number of tokens in a row; and `step`, by
  how many tokens each row begins later than the one before.
- **Returns** `inputs` and `targets`, both whole numbers of shape `(N, length)`.

The first row begins with the first token of the text. There are as many rows as fit into the text *together with
their targets*; what is left over at the end is not used. If not even one fits, N is 0, and both have
the shape `(0, length)`.

Example: for `ids = [5, 6, 7, 8, 9, 4, 3]`, `length = 3` and `step = 2`, the inputs are `[[5, 6, 7], [7, 8, 9]]` and
the targets `[[6, 7, 8], [8, 9, 4]]`. A third row, `[9, 4, 3]`, would have no target for its last token.
"""


# %%
def windows(ids: Int[Tensor, "n"], length: int, step: int) -> tuple[Int[Tensor, "N length"], Int[Tensor, "N length"]]:
    """Rows of the text, and under each token the one that comes next."""
    ### BEGIN SOLUTION
    starts = range(0, len(ids) - length, step)
    if len(starts) == 0:
        return ids.new_zeros(0, length), ids.new_zeros(0, length)
    inputs = torch.stack([ids[start : start + length] for start in starts])
    targets = torch.stack([ids[start + 1 : start + length + 1] for start in starts])
    return inputs, targets
    ### END SOLUTION


# %%
check("04.5", windows)
# %% [markdown] tags=["hint"]
r"""
A row that begins at place s has its inputs at s, s + 1, ... Where are its targets? What is the last place that it
needs, and what is the largest s for which that place exists?
"""

# %% [markdown] tags=["hint"]
r"""
Inputs are `ids[s : s + length]`, targets `ids[s + 1 : s + length + 1]`. So `s + length` must be at most `n - 1`.
Which `range` has these starts, in steps of `step`?
"""

# %% [markdown] tags=["hint"]
r"""
`starts = range(0, len(ids) - length, step)`, and `torch.stack` the slices. `torch.stack` refuses an empty list, so
return `ids.new_zeros(0, length)` twice if there are no starts.
"""

# %% [markdown] tags=["discussion"]
r"""
- With `step = length` every token is a target exactly once (but the first, and what is left over). With `step = 1`
  each is a target `length` times (but near the ends), with more and less text in front of it.
- One row gives `length` guesses, and the first of them sees one token only. A window model with a fixed window makes
  one guess from each window. A transformer makes all of them in one pass, which is a good part of why it trains so
  fast.
- Targets that are not shifted are the classic: the model learns to copy its input, the loss falls to nearly 0 within
  minutes, and the text that it writes repeats one token for ever. A held-out
  loss far below the floor is always a bug.
- `torch.roll(ids, -1)` shifts too, but lets the first token of the text come after the last one: a target that never
  happened.
- `ids.unfold(0, length, step)` makes such rows without copying anything. Applied to `ids[:-1]` and `ids[1:]` it is
  the whole answer, where at least one row fits.
"""

# %% [markdown] exercise="04.6"
r"""
No code this time: seven numbers. Two decimals are enough, and whole numbers should be exact.

| entry | what it is |
| :-- | :-- |
| `"contexts"` | with a vocabulary of 20 words, how many different contexts a 4-gram model may meet (no end marks) |
| `"weights"` | how many numbers are learned by a window model with a vocabulary of 100 tokens, a window of 3, vectors of 10 numbers, and 20 hidden units; there are 100 vectors, one for each token, and hidden layer and head have biases |
| `"trained_table"` | the text `a b a c a b a b` gives seven pairs of neighbours; a table of logits is trained by gradient descent on these pairs until nothing moves any more; its loss on them, in nats per pair |
| `"bits_per_byte"` | a model pays 2.5 nats per token on a text of 1,000 tokens, which takes 4,000 bytes; its cost in bits per byte |
| `"bigram"` | the number of the line, below, that belongs to the bigram model |
| `"add_one"` | the number of the line that belongs to the 5-gram model with add-one smoothing |
| `"leak"` | the number of the split, below, that lets the model see most of what it is judged by |

**The lines.** Four models were counted on the first 300, 1,000, 3,000, 10,000 and 30,000 documents of the lesson's
world (584 words, so that an even guess costs 6.37 nats) and judged on the same held-out documents. They are a unigram
model (it looks at no context at all), a bigram model and a 5-gram model, all three with Kneser-Ney smoothing, and a
5-gram model with add-one smoothing ($k = 1$). Held-out nats per word:

| line | 300 | 1,000 | 3,000 | 10,000 | 30,000 |
| :-- | --: | --: | --: | --: | --: |
| 1 | 5.17 | 5.13 | 5.12 | 5.11 | 5.11 |
| 2 | 5.43 | 4.77 | 4.05 | 3.19 | 2.44 |
| 3 | 1.77 | 1.17 | 0.86 | 0.71 | 0.66 |
| 4 | 2.63 | 2.27 | 2.14 | 2.09 | 2.08 |

**The splits.** A large collection of letters, all by different people and no two alike, is divided into training text
and held-out text in one of these ways:

1. Shuffle the letters. Hold out the last tenth of them.
2. Put the letters in a row, cut every 64 tokens that stand in a row out of it (at 1 to 64, at 2 to 65, and so on),
   shuffle these windows, hold out a tenth of them.
3. Hold out every tenth letter. Then replace each word of the held-out letters that is in no training letter by the
   word *unknown*.
4. Sort the letters by date. Hold out the newest tenth of them.
"""


# %%
def by_hand() -> dict[str, float]:
    """The seven numbers, by the names in the table: `return {"contexts": ..., "weights": ..., ...}`."""
    ### BEGIN SOLUTION
    after_a = -(3 / 4 * math.log(3 / 4) + 1 / 4 * math.log(1 / 4))
    return {
        "contexts": 20**3,
        "weights": 100 * 10 + (3 * 10 * 20 + 20) + (20 * 100 + 100),
        "trained_table": 4 / 7 * after_a,
        "bits_per_byte": 2.5 * 1000 / math.log(2) / 4000,
        "bigram": 4,
        "add_one": 2,
        "leak": 2,
    }
    ### END SOLUTION


# %%
check("04.6", by_hand)
# %% [markdown] tags=["hint"]
r"""
How many tokens does a 4-gram's context have? What does the lesson say about where gradient descent on a table of
logits ends? For the lines: which models have nothing more to learn after a few thousand documents? For the splits:
where may a stretch of held-out text also stand in the training text?
"""

# %% [markdown] tags=["hint"]
r"""
The window model has a table of vectors, a hidden layer that takes three vectors side by side, and a head. The trained
table's forecast after each letter is the share in the text: after `b` and after `c` there is nothing to guess. A bit
is $\ln 2 = 0.693$ nats. A free count for each of 584 words weighs much where contexts are rare.
"""

# %% [markdown] tags=["hint"]
r"""
$20^3$. $100 \cdot 10$, and $30 \cdot 20 + 20$, and $20 \cdot 100 + 100$. After `a` came `b` three times and `c` once,
and that is four of seven pairs. $\frac{2.5}{0.693} \cdot \frac{1000}{4000}$. A bigram has few contexts, each of them
seen often, and still knows something; add-one drowns a long context at first. And how many tokens do two windows
share, of which one begins a token later?
"""

# %% [markdown] tags=["discussion"]
r"""
`8000`, `3720`, `0.32`, `0.90`, `4`, `2`, `2`.

- The last of the four words is the one to be guessed, so the context has three: $20 \cdot 20 \cdot 20$. With 50,000
  tokens it would be 125 million millions, and that is why most contexts in new text are new.
- The window model's vectors are 1,000 numbers, its hidden layer 620, its head 2,100. A word more in the window costs
  200 numbers here. In a table of counts it multiplies the number of rows by 100.
- After `a` the best forecast is 3/4 and 1/4, at 0.562 nats; the other three pairs cost nothing. $\frac47 \cdot 0.562
  = 0.321$. A counted table has the same loss without any training.
- Nats per token cannot be compared between models that cut text into different tokens, bits per byte can. Multiply by
  tokens, divide by bytes, and divide by $\ln 2$.
- Line 1 learns nothing from more text: no context, and frequencies are soon known. Line 4 stops a little later: it
  needs 584 rows only. Line 2 begins near the even guess, because the free counts outweigh the few real ones in each
  row, and gains with every document. Line 3 has the same counts as line 2 and uses them better.
- Neighbouring windows share 63 of 64 tokens, so nearly all that is held out in split 2 also stands in a training
  window. Divide first, cut windows afterwards. Split 3 is sound, if the number is read with care: *unknown* is easier
  to guess than a rare word. Split 4 is the hardest test of the four, not a leak.
"""

# %% [markdown] exercise="04.7"
r"""
Kneser and Ney's bigram model (1995), interpolated as in the lesson. It takes the same discount $D$ off every count,
and hands what it saved to a shorter forecast, which does not count how often a word came but *after how many
different tokens*. With $C$ the counts, $c$ the token before and $w$ the token that comes:

$$p(w \mid c) = \frac{\max(C(c, w) - D,\, 0)}{C(c)} + \frac{D \cdot \text{kinds}(c)}{C(c)} \; p(w), \qquad
p(w) = \frac{\max(N(w) - D,\, 0)}{N} + \frac{D \cdot M}{N} \cdot \frac1V$$

Here $C(c)$ is the sum of row $c$, and $\text{kinds}(c)$ says how many different tokens came after $c$. $N(w)$ says
after how many different tokens $w$ came, $N$ is the sum of all $N(w)$, and $M$ says for how many tokens $N(w)$ is
above 0. After a token that was never followed by anything, the forecast is $p(w)$.

- **Takes** `counts`, whole numbers of shape `(V, V)`, not all 0; and `discount`, above 0 and below 1.
- **Returns** the probabilities, floats of shape `(V, V)`: at `[c, w]` that of $w$ after $c$.

Example: `counts = [[0, 2, 0], [0, 1, 1], [4, 0, 0]]` and `discount = 0.5`. Token 0 came most often, four times, but
only after token 2; token 1 came after two different ones. So $N(w)$ is 1, 2, 1, and $p(w)$ is 0.25, 0.5, 0.25. The
answer is `[[0.0625, 0.875, 0.0625], [0.125, 0.5, 0.375], [0.9062, 0.0625, 0.0312]]`.
"""


# %%
def kneser_ney(counts: Int[Tensor, "V V"], discount: float) -> Float[Tensor, "V V"]:
    """The interpolated Kneser-Ney probability of each token after each token."""
    ### BEGIN SOLUTION
    vocab_size = len(counts)
    after_how_many = (counts > 0).sum(dim=0)
    n = after_how_many.sum()
    saved = discount * (after_how_many > 0).sum() / n
    shorter = (after_how_many - discount).clamp(min=0) / n + saved / vocab_size

    total = counts.sum(dim=1, keepdim=True)
    kinds = (counts > 0).sum(dim=1, keepdim=True)
    mixed = ((counts - discount).clamp(min=0) + discount * kinds * shorter) / total.clamp(min=1)
    return torch.where(total > 0, mixed, shorter)
    ### END SOLUTION


# %%
check("04.7", kneser_ney)
# %% [markdown] tags=["hint"]
r"""
Begin with $p(w)$. In the table `counts > 0`, what is the sum of a column, and what is the sum of a row? One is
$N(w)$, the other $\text{kinds}(c)$. Then see that each row of your answer adds up to 1.
"""

# %% [markdown] tags=["hint"]
r"""
`after_how_many = (counts > 0).sum(dim=0)` is $N(w)$, and from it alone follow $N$, $M$ and $p(w)$. `kinds` is the
same sum along the other axis, and `total` the sum of the counts along that axis; both with `keepdim=True`. The
numerator is `(counts - discount).clamp(min=0)`.
"""

# %% [markdown] tags=["hint"]
r"""
`shorter = (after_how_many - discount).clamp(min=0) / n + discount * (after_how_many > 0).sum() / n / V`. Then
`(counts - discount).clamp(min=0) / total + discount * kinds / total * shorter`, and where `total` is 0, `shorter`:
`torch.where(total > 0, ..., shorter)` chooses row by row.
"""

# %% [markdown] tags=["discussion"]
r"""
- Why does it add up to 1? In row $c$, the discount was taken off as many times as there were kinds, and that is
  exactly what the second term hands out, since $p(w)$ adds up to 1 too. Where probabilities are made by hand, this
  sum is the first thing to test.
- $\max(\cdot, 0)$ is there for the zeros. Without it, tokens that never came would be charged $D$ each.
- $p(w)$ is added for *all* tokens, seen or not: that is what "interpolated" means. Using it only for the unseen ones,
  as back-off does, needs another factor in front, or the row no longer adds up to 1.
- With plain frequencies in place of $N(w)$ this is absolute discounting. In the example, token 0 would then
  get half of what rows 0 and 1 have saved, for no better reason than that it always comes after token 2.
- If every token came at least once, M is V, and $p(w)$ is $N(w) / N$ exactly: each token gives $D$ away and gets $D$
  back. The discount in $p(w)$ is there for tokens that never came.
- For a longer n-gram the same two lines are repeated. Each shorter table counts different tokens to the left, and the
  forecast of the longest context asks the one below, down to $\frac1V$.
"""
