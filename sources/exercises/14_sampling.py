# ---
# lesson: 14_sampling
# ---

# %% [markdown]
r"""
Seven exercises. The first three change a forecast before a token is drawn from it. The next two are about writing:
without computing anything twice, and with more than one way on in mind. The last two turn a small model's guesses
into a large model's text, and ask for numbers.

Shape letters: B texts, T tokens in each, S tokens so far, V words in the vocabulary, D width of the model, K width of
a head. `*B` stands for any number of axes, none included. Everything in torch is allowed. Most of the answers
stand in `course_lib.generation` and some in the lesson, so leave both closed while you solve.
"""

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="14.1"
r"""
The temperature $T$ makes a forecast more cautious or more adventurous before a token is drawn. Every logit is divided
by it:

$$p_i = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}}$$

As $T$ falls to 0, the likeliest token takes everything. The formula itself breaks there, so temperature 0 is *agreed*
to mean that limit.

- **Takes** `logits`, shape `(*B, V)`: each row along the last axis is one forecast. And a `temperature`, a number
  from 0 up.
- **Returns** the probabilities, same shape. At temperature 0 the likeliest token of each row has probability 1, and
  the first of them if several are equally likely.

Logits may be as large as 1000 or be $-\infty$ (then that token has been ruled out), and temperatures as small as
0.001. No nan may come of it.

Example: the logits $\ln 1, \ln 2, \ln 4$ at temperature ½ give about `[0.048, 0.190, 0.762]`, that is, 1, 4 and 16
parts of 21. At temperature 2 they give about `[0.227, 0.320, 0.453]`, at temperature 0 `[0, 0, 1]`.
"""


# %%
def with_temperature(logits: Float[Tensor, "*B V"], temperature: float) -> Float[Tensor, "*B V"]:
    """Probabilities along the last axis, colder below temperature 1, warmer above; at 0 all for the likeliest."""
    ### BEGIN SOLUTION
    if temperature == 0:
        likeliest = logits.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, likeliest, 1.0)
    return (logits / temperature).softmax(dim=-1)
    ### END SOLUTION


# %%
check("14.1", with_temperature)
# %% [markdown] tags=["hint"]
r"""
For every temperature but one, this is a single line. Which operation of torch makes probabilities of logits, however
large they are?
"""

# %% [markdown] tags=["hint"]
r"""
At temperature 0 you need only know *where* the largest logit stands: `argmax`. It names the first of several equal
ones. Start from zeros and put a 1 there.
"""

# %% [markdown] tags=["hint"]
r"""
`(logits / temperature).softmax(-1)`, and before it: if the temperature is 0, return
`torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)`. The `scatter` writes 1.0 along the last
axis, at the places that the second argument names.
"""

# %% [markdown] tags=["discussion"]
r"""
- Dividing logits by $T$ is the same as raising probabilities to the power $\frac1T$ and normalising again. On paper,
  that is. At temperature 0.001 the power is 1000, every probability is rounded to 0, and 0 divided by 0 is nan. The
  logarithm is the safe place to work in, here as in lesson 01.
- Dividing *probabilities* by $T$ does nothing once they are normalised, and the temperature seems to have no effect.
- "A very small number instead of 0" is right until two logits are equal. Then they share, and greedy text is no
  longer the same every time.
- The order of the tokens never changes. That is all that all temperatures above 0 have in common.
"""

# %% [markdown] exercise="14.2"
r"""
However small their probabilities, there are many bad words, and in a long text one of them gets its turn. Top-k
allows only the $k$ likeliest (Fan and others, 2018). What is ruled out gets the logit $-\infty$, so that softmax
gives it exactly 0.

- **Takes** `logits`, shape `(*B, V)`, and a whole number `k`, at least 1.
- **Returns** logits of the same shape. In each row exactly `k` stay as they are, where they are. All others are
  $-\infty$.

*Exactly* `k`, also where logits are equal: of equals, the one with the lower index goes first. Of two that are only
nearly equal, the larger does. If `k` is larger than V, everything stays.

Example: `keep_top_k(torch.tensor([1., 4., 2., 4., 4.]), 2)` is `[-inf, 4, -inf, 4, -inf]`.
"""


# %%
def keep_top_k(logits: Float[Tensor, "*B V"], k: int) -> Float[Tensor, "*B V"]:
    """The k largest logits of each row at their places, −inf everywhere else."""
    ### BEGIN SOLUTION
    ids = logits.argsort(dim=-1, descending=True, stable=True)[..., :k]
    return torch.full_like(logits, -torch.inf).scatter(-1, ids, logits.gather(-1, ids))
    ### END SOLUTION


# %%
check("14.2", keep_top_k)
# %% [markdown] tags=["hint"]
r"""
"All that are at least as large as the k-th" is a threshold, and a threshold cannot tell equals apart. So do not ask
how large the k-th is. Ask *where* the k largest stand.
"""

# %% [markdown] tags=["hint"]
r"""
`argsort` gives places in the order of their values, and with `descending=True, stable=True` equals stay in the order
in which they came. Its first k entries along the last axis are the places you want. (A slice that is longer than the
axis is not an error.)
"""

# %% [markdown] tags=["hint"]
r"""
With the places in `ids`, `logits.gather(-1, ids)` fetches what stands there, and
`torch.full_like(logits, -torch.inf).scatter(-1, ids, those_values)` puts it at the same places of a tensor that is
$-\infty$ everywhere else.
"""

# %% [markdown] tags=["discussion"]
r"""
- `logits[logits < kth] = -torch.inf` has two faults. It keeps all equals of the k-th, and it writes into the caller's
  tensor, who may want to print the forecast afterwards.
- `topk` is right about the values, and promises nothing about *which* of several equals it names. For drawing a token
  that hardly matters. For a test that compares two programs token by token it does.
- Taking a millionth per place off the logits, so that equals come in order, puts some unequal ones in the wrong order.
  And where logits are as large as 1000, a millionth is less than the distance from one number to the next, and is gone.
- 0 is not "no probability". A logit of 0 beats every negative one. A cut that fills with zeros can even make the bad
  words likelier than they were.
- `k` without regard to the forecast is crude. Where the model is sure, the second token may be nonsense already, and
  where it is not, the fiftieth may be fine. The next exercise lets the forecast decide.
"""

# %% [markdown] exercise="14.3"
r"""
Top-p keeps as many tokens as it takes to hold a given probability (Holtzman and others, 2020): a few where the model
is sure, many where it is not.

- **Takes** `logits`, shape `(*B, V)`, and `p`, above 0 and at most 1.
- **Returns** logits of the same shape. In each row stays the *smallest* set of likeliest tokens whose probabilities
  add up to at least `p`. They stay as they are, where they are, and all others are $-\infty$.

At least one token always stays, and `p = 1` keeps all. Of equally likely tokens, the one with the lower index goes
first.

Example: let the probabilities be `[0.15, 0.5, 0.05, 0.3]` (so the logits are their logarithms) and `p` be 0.7. The
likeliest token holds 0.5, which is not enough. With the next it is 0.8, which is. So the second and fourth logit
stay, and the answer is `[-inf, -0.693, -inf, -1.204]`.
"""


# %%
def keep_top_p(logits: Float[Tensor, "*B V"], p: float) -> Float[Tensor, "*B V"]:
    """The smallest set of likeliest tokens that holds probability p, at their places; −inf everywhere else."""
    ### BEGIN SOLUTION
    values, ids = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = values.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities  # what all likelier tokens hold together
    values = values.masked_fill(before >= p, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(-1, ids, values)
    ### END SOLUTION


# %%
check("14.3", keep_top_p)
# %% [markdown] tags=["hint"]
r"""
Sort the tokens by probability, likeliest first, and add up. Look at one token in that order: which sum decides
whether it is still needed, the one with it or the one without it?
"""

# %% [markdown] tags=["hint"]
r"""
A token is needed as long as those *before* it hold less than `p`. With `cumsum` you get the sum that includes the
token; take its own probability off again. For the likeliest token that makes 0, which is always less than `p`.
"""

# %% [markdown] tags=["hint"]
r"""
`values, ids = logits.sort(dim=-1, descending=True, stable=True)`; probabilities from `values.softmax(-1)`; fill
`values` with $-\infty$ where `cumsum - probabilities >= p`. All of that is in sorted order. To put each value back,
write it to the place that `ids` names: `torch.full_like(logits, -torch.inf).scatter(-1, ids, values)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- `cumsum <= p` leaves out the token that crosses the line. The set then holds *less* than p, and when the model is
  sure the set is empty: softmax of nothing but $-\infty$ is nan.
- A mask made in sorted order means nothing in the order of the vocabulary. `scatter` with the ids of the sort undoes
  it; `gather` with the same ids sorts a second time. That goes unnoticed in a test with few tokens, because sorting
  two or three things twice often brings them back.
- The sum runs over probabilities. Over logits it runs as well, and means nothing.
- Min-p (Nguyen and others, 2024) is a rival with a simpler rule: keep each token that is at least a share of the
  likeliest one. It needs no sort at all.
"""

# %% [markdown] exercise="14.4"
r"""
Text is written one token at a time, and the old tokens do not change. Neither do their keys and values, since a
causal token never looks ahead. So keep them in a *cache*, and compute only what is new.

Write that one step for a head of attention.

- **Takes** `x_new`, shape `(B, D)`: the newest token of each of B texts; the matrices `w_q`, `w_k`, `w_v` of shape
  `(D, K)`; and the cache, `keys` and `values` of shape `(B, S, K)`, from the S tokens before it. S may be 0.
- **Returns** three things: the output for the new token, shape `(B, K)`; and the longer cache, keys and values of
  shape `(B, S + 1, K)`, in the order of the text.

The query of a token is `x @ w_q`, likewise its key and its value. The output is what causal attention over the whole
text gives at its last place: softmax of $\frac{q \cdot k}{\sqrt K}$ over all keys, the new token's own included, as
weights for the values. The cache that you are given belongs to the caller and must not change.

Example: all three matrices are the 2 × 2 identity, the cache holds one token with key and value `[0, 1]`, and the new
token is `[1, 0]`. Its scores are 0 with the old one and $\frac{1}{\sqrt2} = 0.707$ with itself. The softmax makes
0.330 and 0.670 of them, so the output is `[0.670, 0.330]`.
"""


# %%
def step(
    x_new: Float[Tensor, "B D"],
    w_q: Float[Tensor, "D K"],
    w_k: Float[Tensor, "D K"],
    w_v: Float[Tensor, "D K"],
    keys: Float[Tensor, "B S K"],
    values: Float[Tensor, "B S K"],
) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B S+1 K"], Float[Tensor, "B S+1 K"]]:
    """Attention's output for one new token of each text, and the cache with that token in it."""
    ### BEGIN SOLUTION
    q, k, v = x_new @ w_q, x_new @ w_k, x_new @ w_v
    keys = torch.cat((keys, k[:, None]), dim=1)
    values = torch.cat((values, v[:, None]), dim=1)
    scores = q[:, None] @ keys.transpose(1, 2) / math.sqrt(k.shape[-1])  # B 1 S+1
    output = scores.softmax(dim=-1) @ values
    return output.squeeze(1), keys, values
    ### END SOLUTION


# %%
check("14.4", step)
# %% [markdown] tags=["hint"]
r"""
Which comes first, adding the new token to the cache or attending? It may look at itself.
"""

# %% [markdown] tags=["hint"]
r"""
`x_new @ w_k` has shape `(B, K)`, and the cache has an axis for tokens between those two: `[:, None]` puts one there.
Then `torch.cat((keys, ...), dim=1)` makes a new, longer tensor and leaves the old one alone. The query gets such an
axis too, and scores are `(B, 1, S + 1)`.
"""

# %% [markdown] tags=["hint"]
r"""
After both are extended: `scores = q[:, None] @ keys.transpose(1, 2) / math.sqrt(K)`, then
`(scores.softmax(-1) @ values).squeeze(1)`. There is no mask: the newest token may look at everything there is.
"""

# %% [markdown] tags=["discussion"]
r"""
- The order matters. Attend first and append afterwards, and the token does not see itself. Nothing fails, the text is
  just a little worse. (With an empty cache it does fail, which is why a test should begin there.)
- A causal mask for one query is a trap. `torch.ones(1, S + 1).tril()` is True in its first place only, for it takes
  the one query for the *first* token. Masks count from the top left, and this query is at the bottom.
- Queries are not kept. The output of an old token was needed once, and nobody will ask its question again.
- What a step costs now: one row of scores instead of a triangle, and three products with one token instead of S + 1.
  The work for each token still grows with S, only much more slowly than without a cache.
- `cat` copies the whole cache at each step. A real one reserves room for the full length and writes into it, which is
  what `KVCache` does.
"""

# %% [markdown] exercise="14.5"
r"""
Greedy choice takes the likeliest token, again and again, and can still end with an improbable *text*. Suppose there
are two tokens. Token 0 comes first with probability 0.6, and after it nearly anything goes: 0.55 for another 0 and
0.45 for a 1. Token 1 comes first with probability 0.4, and after it comes another 1 with probability 0.9. The greedy
text is `[0, 0]`, with $0.6 \cdot 0.55 = 0.33$. But `[1, 1]` has $0.4 \cdot 0.9 = 0.36$.

**Beam search** keeps `width` beginnings in mind, the *beams*. In each step every beam is extended by every token of
the vocabulary. Of all these extensions together, the `width` most probable stay. (In the first step there may be
fewer than `width`. Then all of them stay.) After `n_tokens` steps, the most probable one is the answer.

- **Takes** `next_log_probs`, a function that takes a list of tokens, the whole text so far, and returns the
  log-probabilities of the next token, a tensor of shape `(V,)`; the `prompt`, a list of tokens; the number of new
  tokens `n_tokens`, at least 1; and the `width`, at least 1.
- **Returns** the list of the `n_tokens` new tokens (a tensor of them, shape `(n_tokens,)`, will do as well). There is
  no end token here.

Example: with the two tokens from above, a width of 1 gives `[0, 0]`, and a width of 2 gives `[1, 1]`.

How probable a text is, given its prompt: the sum of the log-probabilities of all its new tokens.
"""


# %%
def beam_search(
    next_log_probs: Callable[[list[int]], Float[Tensor, "V"]], prompt: list[int], n_tokens: int, width: int
) -> list[int]:
    """The most probable continuation of `prompt` that a search with `width` beams finds."""
    ### BEGIN SOLUTION
    beams: list[tuple[float, list[int]]] = [(0.0, [])]
    for _ in range(n_tokens):
        extensions = [
            (score + log_prob, [*ids, token])
            for score, ids in beams
            for token, log_prob in enumerate(next_log_probs(prompt + ids).tolist())
        ]
        beams = sorted(extensions, key=lambda beam: beam[0], reverse=True)[:width]
    return beams[0][1]
    ### END SOLUTION


# %%
check("14.5", beam_search)
# %% [markdown] tags=["hint"]
r"""
A beam is a pair: its tokens, and the log-probability of them all. You start with a single one, which is empty. What
is its log-probability?
"""

# %% [markdown] tags=["hint"]
r"""
One step: an empty list; for every beam, ask for the forecast after `prompt + ids`; for every token, append the pair
of the longer list `[*ids, token]` and the *sum* of the old score and the token's log-probability. Then sort this one
list and keep the best `width`.
"""

# %% [markdown] tags=["hint"]
r"""
`beams = [(0.0, [])]`. In each of `n_tokens` rounds, gather `(score + log_prob, [*ids, token])` for all beams and all
tokens, with `enumerate(next_log_probs(prompt + ids).tolist())`, then
`beams = sorted(extensions, key=lambda beam: beam[0], reverse=True)[:width]`. At the end `beams[0][1]` is the answer.
"""

# %% [markdown] tags=["discussion"]
r"""
- The cut is over *all* extensions. If every beam kept its own best child, they would be so many greedy texts side by
  side; often one beam deserves two places and another none.
- Starting with `width` copies of the empty beam keeps them copies for ever. The result is the greedy text, at `width`
  times the price.
- Probabilities multiply, so log-probabilities add. A beam must carry its sum along, or the search forgets how
  improbable a beginning was.
- With a width of $V^{n-1}$ nothing that matters is ever cut, and the search is exhaustive. In between, a wider beam
  often finds a text that is at least as probable, but not always. A beginning that was worth keeping can be pushed out
  by others that look better for a few steps: in the lesson, four beams end with something far less likely than greedy's
  document.
- The last step is a step like the others. Who extends only the leading beam in it ends with the best child of the best
  parent, and in the example with `[0, 0]`.
- With an end token, sums of different lengths compete. Every further token makes a sum smaller, so the search likes
  short texts. Dividing by the length is the usual repair, and it is a repair of the goal, not of the search.
- And the goal itself is doubtful. The likeliest text is not a typical one (Holtzman and others, 2020).
"""

# %% [markdown] exercise="14.6"
r"""
A large model is slow, a small one guesses well. **Speculative decoding** lets the small one draft a token and the
large one decide whether to keep it. If not, another token is drawn in its place. The point is that nobody can tell:
what is said in the end has *exactly* the large model's distribution, however bad the drafts are (Leviathan and
others, 2023; Chen and others, 2023).

Let $p$ be the large model's forecast and $q$ the draft model's. The drafted token was drawn from $q$. From
memory, or from the proof: how likely must it be kept, and from which distribution does one draw if it is not, such that

1. what is said in the end is distributed as $p$, and
2. drafts are kept as often as possible?

- **Takes** `p` and `q`, shape `(V,)`, probabilities that sum to 1; and the number of the `drafted` token, whose $q$
  is above 0.
- **Returns** two things: the probability of keeping the draft, a number; and the distribution, shape `(V,)`, to draw
  from if it is not kept. The latter does not depend on `drafted`: return the same one for every token, also for those
  that are kept for certain and never need it. If `p` and `q` are the same, nothing is ever refused, and it is `p`.

Example: $p = (0.5, 0.4, 0.1, 0)$ and $q = (0.4, 0.1, 0.3, 0.2)$. Token 2 was drafted. It is kept with probability
$\frac13$, and if it is not, the next draw is from $(0.25, 0.75, 0, 0)$. In the end it will have come in
$0.3 \cdot \frac13 = 0.1$ of all cases, just as $p$ wants.
"""


# %%
def accept_or_redraw(p: Float[Tensor, "V"], q: Float[Tensor, "V"], drafted: int) -> tuple[float, Float[Tensor, "V"]]:
    """Probability of keeping the token `drafted` from q, and what to draw from otherwise, so that p comes out."""
    ### BEGIN SOLUTION
    keep = min(1.0, (p[drafted] / q[drafted]).item())
    missing = (p - q).clamp(min=0)
    total = missing.sum()
    return keep, missing / total if total > 0 else p
    ### END SOLUTION


# %%
check("14.6", accept_or_redraw)
# %% [markdown] tags=["hint"]
r"""
Count in shares of all cases. A token is drafted in a share $q_i$ of them, and wanted in a share $p_i$. If it is
wanted more often than it is drafted, is there any reason to refuse it? If it is drafted more often, in what share of
*all* cases may it be kept?
"""

# %% [markdown] tags=["hint"]
r"""
Every token can be kept in a share $\min(p_i, q_i)$ of all cases, and not more. Divide by the share $q_i$ in which it
is drafted, and you have the first answer. Then look at what $p$ is still missing: $p_i - \min(p_i, q_i)$. That, and
nothing else, has to be supplied by the second draw.
"""

# %% [markdown] tags=["hint"]
r"""
Keep with probability $\min(1, \frac{p_i}{q_i})$. Otherwise draw from $\max(0, p_i - q_i)$, divided by its sum:
`(p - q).clamp(min=0)`. Where that sum is 0, nothing is missing; return `p`.
"""

# %% [markdown] tags=["discussion"]
r"""
Why it is exact. Token $i$ is drafted and kept in a share $q_i \min(1, \frac{p_i}{q_i}) = \min(p_i, q_i)$ of all
cases. So drafts are refused in a share $1 - \sum_j \min(p_j, q_j)$. The missing parts,
$\max(0, p_j - q_j) = p_j - \min(p_j, q_j)$, add up to that very number. So the division by their sum cancels, and the
second draw supplies $i$ in a share $\max(0, p_i - q_i)$. Together:

$$\min(p_i, q_i) + \max(0,\, p_i - q_i) = p_i.$$

- Drawing again from $p$ feels honest and is wrong. The drafts that were kept have already supplied a part of $p$, and
  what the draft model likes comes too often.
- Keeping whenever $p > q$, and never otherwise, gives a wrong distribution if one draws again as above: tokens with
  $q > p$ never come at all.
- Refusing everything and drawing from $p$ keeps the first law. The second law is what makes it fast: drafts are kept
  with probability $\sum_i \min(p_i, q_i)$, and no rule that keeps the first law can do better, because a token may
  not be said more often than $p_i$ nor kept more often than it is drafted.
- $p = q$ happens in practice, in a test that lets a model draft for itself. 0 divided by 0 is nan there. But ask whether
  the sum is 0, not whether it is small: where $p$ and $q$ differ a little, little is refused, and what replaces it is
  still what was missing.
- In use: draw a number $u$ between 0 and 1, keep if $u$ is below the first answer, else
  `torch.multinomial(distribution, 1)`.
"""

# %% [markdown] exercise="14.7"
r"""
No code this time: seven numbers. Think first and use a calculator only where you must; two decimals are enough, and
bytes should be exact to one per cent.

Below, *the forecast* gives six tokens the probabilities 0.50, 0.20, 0.15, 0.07, 0.06 and 0.02.

| entry | what it is |
| :-- | :-- |
| `"colder"` | two tokens have the probabilities 0.8 and 0.2; the first one's probability at temperature ½ |
| `"endless_heat"` | the number that the entropy of the forecast nears, in nats, as the temperature grows without end |
| `"top_p_keeps"` | how many tokens of the forecast top-p keeps with $p = 0.9$ |
| `"min_p_keeps"` | how many tokens of the forecast min-p keeps with 0.1: each that is at least 0.1 times as likely as the likeliest |
| `"cache_bytes"` | the size, in bytes, of a cache of keys and values for 3 texts of 200 tokens each, in a model of 5 layers with 6 heads of width 16, at 4 bytes a number |
| `"kept_drafts"` | the large model's forecast is (0.6, 0.3, 0.1), the draft model's is (0.2, 0.4, 0.4); the share of drafts that speculative decoding keeps |
| `"tokens_per_pass"` | the draft model drafts 3 tokens, and each is kept with probability 0.7, whatever the others are; how many tokens one pass of the large model gives on average |

For the last entry: at the first refusal, all later drafts are thrown away, and a token is drawn in place of the
refused one. If nothing is refused, the pass gives the next token after the three as well. So it gives 1 to 4 tokens.
"""


# %%
def by_hand() -> dict[str, float]:
    """The seven numbers, by the names in the table: `return {"colder": ..., "endless_heat": ..., ...}`."""
    ### BEGIN SOLUTION
    return {
        "colder": 0.8**2 / (0.8**2 + 0.2**2),
        "endless_heat": math.log(6),
        "top_p_keeps": 4,
        "min_p_keeps": 5,
        "cache_bytes": 2 * 5 * 3 * 200 * (6 * 16) * 4,
        "kept_drafts": min(0.6, 0.2) + min(0.3, 0.4) + min(0.1, 0.4),
        "tokens_per_pass": 1 + 0.7 + 0.7**2 + 0.7**3,
    }
    ### END SOLUTION


# %%
check("14.7", by_hand)
# %% [markdown] tags=["hint"]
r"""
What does dividing the logits by ½ do to the probabilities, before they are made to sum to 1? And what does a forecast
look like when all logits have been divided by something enormous?
"""

# %% [markdown] tags=["hint"]
r"""
Temperature ½ squares. Add up the six probabilities from the left until they reach 0.9. A tenth of the likeliest is
0.05. In the cache, each token of each text has a key and a value for each head of each layer. For the last entry: the
second token is there if the first draft was kept, the third if the first two were.
"""

# %% [markdown] tags=["hint"]
r"""
$\frac{0.64}{0.64 + 0.04}$; $\ln 6$; 0.50 + 0.20 + 0.15 is 0.85, so one more; all but 0.02;
$2 \cdot 5 \cdot 3 \cdot 200 \cdot 96 \cdot 4$; $\sum \min(p, q)$; $1 + a + a^2 + a^3$ with $a = 0.7$.
"""

# %% [markdown] tags=["discussion"]
r"""
`0.94`, `1.79`, `4`, `5`, `2304000`, `0.60`, `2.53`.

- A factor of 4 between two tokens becomes 16 at temperature ½, and 2 at temperature 2. Odds are raised to the power
  $\frac1T$.
- Without end, heat makes all tokens equal, and $\ln V$ is the most entropy that V tokens can have. With the
  vocabulary of a real model, that is noise.
- Top-p and min-p disagree here. The fifth token is not needed to reach 0.9, and still has more than a tenth of the
  likeliest one's probability.
- The cache of a small model is small. It grows with layers, width, texts and tokens, each in proportion. In a large
  model that writes many long texts at once, it can be several times the size of the weights (Pope and others, 2022).
- The average number of tokens is $1 + a + \dots + a^k = \frac{1 - a^{k+1}}{1 - a}$ (Leviathan and others, 2023). More
  drafts help less and less: without end it would be $\frac{1}{1 - a} = 3.33$ tokens a pass here.
"""
