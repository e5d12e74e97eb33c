# ---
# lesson: 11_encoder_decoder
# ---

# %% [markdown]
r"""
Six exercises. You prepare a batch of pairs for training, let one text look at another, and check whether it looks
where it should. Then you write translations in two ways: one word after the other, and with several beginnings in
mind. The last exercise asks for numbers and letters instead of code.

Shape letters: B sentences, T places in the target, S places in the source, D numbers in a token's vector, H heads, K
numbers in a query or key of one head, V tokens in the vocabulary. Tensors hold 32-bit numbers, unless they hold
tokens, which are whole numbers.
"""

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="11.1"
r"""
In training, the decoder reads the right translation and forecasts it at the same time. So that it never reads the
token that it is about to forecast, the input runs one place behind: it begins with the end token, which here means
"begin", and then holds the translation. The **label** at each place is the token that is to be forecast there. After
the last word, that is the end token.

Prepare the inputs and the labels of several translations of unequal length, as two rectangles with as many columns as
the longest row needs.

- **Takes** `targets`, a list of B lists of tokens, of any lengths, 0 included; and `end`, the number of the end token,
  which is in none of the lists.
- **Returns** a pair: the inputs and the labels, both whole numbers of shape `(B, T)`. In the inputs, short rows are
  filled up with `end` at their right end. In the labels they are filled up with −100, so that the loss skips these
  places (01.2).

Example: `targets` is `[[5, 8, 6], [7]]` and `end` is 2. The pair is

```
inputs:   2    5    8    6        labels:   5    8    6    2
          2    7    2    2                  7    2 -100 -100
```
"""


# %%
def shift_right(targets: list[list[int]], end: int) -> tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]:
    """What the decoder reads and what it must forecast at each place, short rows filled up on the right."""
    ### BEGIN SOLUTION
    n_places = 1 + max(len(target) for target in targets)
    inputs = torch.full((len(targets), n_places), end)
    labels = torch.full((len(targets), n_places), -100)
    for row, target in enumerate(targets):
        inputs[row, : len(target) + 1] = torch.tensor([end, *target])
        labels[row, : len(target) + 1] = torch.tensor([*target, end])
    return inputs, labels
    ### END SOLUTION


# %%
check("11.1", shift_right)
# %% [markdown] tags=["hint"]
r"""
Write down one translation without any filling. It has $n$ words. How many forecasts are made for it, and what does the
decoder read at the first of them?
"""

# %% [markdown] tags=["hint"]
r"""
The input is `[end, *target]` and the label `[*target, end]`. Both have $n + 1$ places, so both rectangles have as many
columns as the longest translation has words, and one more. Put the end token in *before* you fill up.
"""

# %% [markdown] tags=["hint"]
r"""
`torch.full((B, T), end)` and `torch.full((B, T), -100)` are rectangles that are nothing but filling. Then, for each
`row, target` of `enumerate(targets)`: `inputs[row, : len(target) + 1] = torch.tensor([end, *target])`, and the labels
likewise.
"""

# %% [markdown] tags=["discussion"]
r"""
- The order matters: end token first, filling afterwards. Whoever makes a rectangle of the words and then adds a column
  of end tokens puts the end behind the filling, and short sentences never learn to stop.
- Filling the labels with `end` instead of −100 raises no error either. But then most of the loss of a short sentence is
  the question "what comes after the end?", which is easy, and the curve looks better than the model is.
- What fills the *inputs* does not matter: it stands to the right of everything that counts, so causality hides it, and
  nothing is asked of it. It only has to be a token, as −100 has no row in the table of vectors.
- `torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=...)` does the filling. Without
  `batch_first` it makes columns of the sentences.
"""

# %% [markdown] exercise="11.2"
r"""
**Cross-attention**: the target asks, the source answers. Queries are made of `x`, the vectors of the target. Keys and
values are made of `source`, what the encoder has made of the other sentence. Every place of the target may look at
every word of the source. What it may not look at is the filling behind a short source.

$$q = x\,W_q, \qquad k = \text{source}\,W_k, \qquad v = \text{source}\,W_v, \qquad
\text{out}_t = \sum_{s\,<\,\text{length}} \text{softmax}_s\!\left(\frac{q_t \cdot k_s}{\sqrt K}\right) v_s$$

Each head has three matrices of its own. The outputs of the heads stand side by side: the K numbers of head 0 first,
then those of head 1, and so on.

- **Takes** `x`, shape `(B, T, D)`; `source`, shape `(B, S, D)`; `lengths`, whole numbers of shape `(B,)`: source
  sentence `b` is its first `lengths[b]` places, at least 1, and the rest is filling, whatever numbers stand there; and
  `w_q`, `w_k` and `w_v`, each of shape `(H, D, K)`.
- **Returns** the outputs, shape `(B, T, H·K)`.

Everything in torch is allowed, `scaled_dot_product_attention` too, and loops are fine.

Example with one sentence, one head and matrices that change nothing, `[[1, 0], [0, 1]]`: `x` is `[[2, 0]]`, a single
place; `source` is `[[1, 0], [0, 1], [9, 9]]`, and its length is 2. The scores of the two words are $2 / \sqrt2 = 1.414$
and 0, their weights 0.804 and 0.196, and the output is `[0.804, 0.196]`.
"""


# %%
def cross_attention(
    x: Float[Tensor, "B T D"],
    source: Float[Tensor, "B S D"],
    lengths: Int[Tensor, "B"],
    w_q: Float[Tensor, "H D K"],
    w_k: Float[Tensor, "H D K"],
    w_v: Float[Tensor, "H D K"],
) -> Float[Tensor, "B T H*K"]:
    """What each place of the target takes from the words of its source, the heads side by side."""
    ### BEGIN SOLUTION
    q = x[:, None] @ w_q  # B H T K
    k, v = source[:, None] @ w_k, source[:, None] @ w_v  # B H S K
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    real = torch.arange(source.shape[1]) < lengths[:, None]  # B S
    weights = scores.masked_fill(~real[:, None, None], -torch.inf).softmax(dim=-1)
    return (weights @ v).transpose(1, 2).flatten(2)
    ### END SOLUTION


# %%
check("11.2", cross_attention)
# %% [markdown] tags=["hint"]
r"""
It is the attention of lesson 07 with two changes. Where did `x` stand there three times, and which of these become
`source`? And the mask no longer asks who comes first. What does it ask?
"""

# %% [markdown] tags=["hint"]
r"""
`x[:, None] @ w_q` has the shape `(B, H, T, K)`: the axis of length 1 stretches over the heads. With keys `(B, H, S, K)`
the scores are `(B, H, T, S)`. `torch.arange(S) < lengths[:, None]` has the shape `(B, S)` and needs two more axes, for
the heads and for the places of the target.
"""

# %% [markdown] tags=["hint"]
r"""
`scores.masked_fill(~real[:, None, None], -torch.inf).softmax(dim=-1) @ v` has the shape `(B, H, T, K)`. Before the heads
can be laid side by side, their axis must stand next to K: `.transpose(1, 2)`, and then `.flatten(2)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- There is no causal mask. The source is finished before the first word of the translation is written, and a word may
  well be needed that stands at its end: in Tolan the verb comes last, and in English it does not.
- The mask depends on the sentence and on the *key*, and on nothing else. That is why one row of S truths for each
  sentence is enough, with axes of length 1 for heads and queries.
- `(B, H, T, K).reshape(B, T, H * K)` has the right shape and the wrong contents: it reads the numbers in the order in
  which they are stored, all places of head 0 first. Transpose before you flatten.
- Keys and values do not depend on the target. While a translation is written, they are computed once and used for
  every word. That is what `Seq2Seq.encode` returns.
- The test that needs no reference: write other numbers into the filling, and no output may move.
"""

# %% [markdown] exercise="11.3"
r"""
Greedy writing: take the token with the highest score, append it, ask again. Stop at the end token, or when the
translation has become too long.

- **Takes** `next_scores`, a function that takes the list of all tokens so far and returns the scores of the next one, a
  tensor of shape `(V,)`; `end`, the number of the end token; and `n_most`, at least 1, the largest number of words to
  write.
- **Returns** the list of the words that were written, without the end token at either end. (A tensor of them will do as
  well.)

As in 11.1, the list that `next_scores` reads begins with `end`, which means "begin". The end token is no word, so a
translation of exactly `n_most` words is allowed.

Example: the scores are highest for token 4 after `[2]`, for 6 after `[2, 4]`, and for 2 after `[2, 4, 6]`. With `end = 2`
and `n_most = 10` the result is `[4, 6]`. With `n_most = 1` it is `[4]`.
"""


# %%
def greedy(next_scores: Callable[[list[int]], Float[Tensor, "V"]], end: int, n_most: int) -> list[int]:
    """The words that come of always taking the token with the highest score."""
    ### BEGIN SOLUTION
    words: list[int] = []
    while len(words) < n_most:
        token = int(next_scores([end, *words]).argmax())
        if token == end:
            break
        words.append(token)
    return words
    ### END SOLUTION


# %%
check("11.3", greedy)
# %% [markdown] tags=["hint"]
r"""
Two things can end the loop. Which of them is known before the scores are asked for, and which only afterwards?
"""

# %% [markdown] tags=["hint"]
r"""
Keep the words in a list of their own, and put the beginning in front each time that you ask:
`next_scores([end, *words])`. Then the end token is never among the words, and nothing has to be cut off.
"""

# %% [markdown] tags=["hint"]
r"""
For `_ in range(n_most)`: `token = int(next_scores([end, *words]).argmax())`; if `token == end`, leave the loop with
`break`; otherwise `words.append(token)`. At the end return `words`.
"""

# %% [markdown] tags=["discussion"]
r"""
- "Stop if the end token is in the list" stops before the first word, since the list begins with it. Many models have a
  begin token of their own, and then nobody notices this mistake.
- Softmax before the argmax changes nothing: the order of the scores stays the same.
- The limit is needed. A model that has fallen into a loop never says the end token.
- In training the decoder reads the *right* words so far, and here its own. After the first mistake it reads something
  that it never read in training, and a second mistake becomes likelier. Beam search, in 11.5, is one attempt to be less
  at the mercy of the first choice.
- Each call reads the whole list again. With a cache of keys and values, each token is read once, and the result is the
  same.
"""

# %% [markdown] exercise="11.4"
r"""
Does cross-attention look where it should? For Tolan the grammar knows the answer: which word of the source each word of
the translation renders. Compare. For each word of the translation that renders a word, take the source word with the
largest weight, by the *mean over the heads*. It is a hit if that is the word that it renders.

- **Takes** two lists, with one entry for each sentence pair. `maps` holds weights of shape `(H, T + 1, S)`, where T is
  the number of words in the translation: row $t$ belongs to the place at which word $t$ is *forecast*, and the last row
  to the place at which the end token is. `renders` holds lists of T entries: for word $t$ the place of the source word
  that it renders, counted from 0, or `None` for a word that renders none.
- **Returns** the share of hits among all words that render one, a number from 0 to 1. All sentences are counted
  together, so a long one weighs more than a short one. T and S differ from sentence to sentence, H does not.

Example with one head and one pair, *fairhaven was founded* and its translation *fairhaven vuamtit yez* (fairhaven
founded was), so `renders` is `[[0, 2, 1]]`. Say the map is

| | fairhaven | was | founded |
| :-- | --: | --: | --: |
| where *fairhaven* is forecast | **0.7** | 0.2 | 0.1 |
| where *vuamtit* is forecast | 0.1 | 0.2 | **0.7** |
| where *yez* is forecast | 0.1 | 0.4 | **0.5** |
| where the end is forecast | 0.1 | 0.1 | **0.8** |

*Fairhaven* and *vuamtit* are hits. *Yez* is not: it should look at place 1 and looks most at place 2. The result is
$\frac23 = 0.667$.
"""


# %%
def alignment(maps: list[Float[Tensor, "H T+1 S"]], renders: list[list[int | None]]) -> float:
    """The share of rendered words whose forecast looks most at the word that they render, by the mean of the heads."""
    ### BEGIN SOLUTION
    hits = n_rendered = 0
    for each, places in zip(maps, renders, strict=True):
        most = each.mean(dim=0).argmax(dim=-1).tolist()
        for t, place in enumerate(places):
            if place is not None:
                hits += most[t] == place
                n_rendered += 1
    return hits / n_rendered
    ### END SOLUTION


# %%
check("11.4", alignment)
# %% [markdown] tags=["hint"]
r"""
For one pair: which axis holds the heads, and which the source words? Once these two are gone, what is left is a list of
T + 1 places, to be held against a list of T. Which of the T + 1 has no partner?
"""

# %% [markdown] tags=["hint"]
r"""
`weights.mean(dim=0).argmax(dim=-1)` says for each row where it looks most. Keep two counters over all pairs, one for
hits and one for words that render something, and divide once, at the very end.
"""

# %% [markdown] tags=["hint"]
r"""
Loop over `zip(maps, renders)`, and inside over `enumerate(places)`. `if place is not None:` adds 1 to the words, and
`most[t] == place` adds 1 to the hits. Not `if place:`, because place 0 counts as false.
"""

# %% [markdown] tags=["discussion"]
r"""
- `if place` leaves out the words that render the *first* word of the source, and nothing tells you. With `None` and
  numbers in one list, ask `is not None`.
- The row is that of the forecast. One row further down, the decoder has already *read* the word, and looks for the next
  one. A score that is suspiciously close to 0 often means an alignment that is one row off.
- The mean of each sentence's share is another number. It lets a sentence of two words weigh as much as one of thirty.
- The mean over heads is not the best head. If one head does the translating and three do something else, these three
  blur the picture. Which of the two you report has to be said.
- Large weights do not prove that the word was *used*. The encoder has let its words look at each other, so what stands
  at one place may tell of its neighbours.
"""

# %% [markdown] exercise="11.5"
r"""
Beam search as in the lesson, but for translations that end by themselves, some earlier than others. So finished texts
compete with unfinished ones, and that is what needs care. (In lesson 14 you will write beam search where no text ends.)

The search keeps `width` beginnings, the *beams*, each with its log-probability: the sum of the log-probabilities of all
its tokens, the end token included. It starts with a single beam that holds nothing yet. One step:

1. Each beam that has not ended is extended by every token of the vocabulary. If that token is the end token, the
   extension *has ended*.
2. A beam that has ended stays as it is, with the log-probability that it has, and competes with the extensions.
3. Of all these together, the `width` with the largest log-probabilities are the new beams. (If there are fewer, all.)

After `n_most` steps, or earlier if all beams have ended, the beam with the largest log-probability is the answer,
whether it has ended or not. Log-probabilities are not divided by lengths.

- **Takes** `next_log_probs`, a function that takes the list of all tokens so far, which begins with `end` as in 11.3,
  and returns the log-probabilities of the next token, shape `(V,)`; `end`; `n_most`, at least 1; and `width`, at least 1.
- **Returns** the words of the best beam, a list without the end token at either end. (A tensor will do as well.)

Example with three tokens, the end token 0 and the words 1 and 2. All that matters about the past is the last token:

| after | end | 1 | 2 |
| :-- | --: | --: | --: |
| the beginning | 0.1 | 0.5 | 0.4 |
| 1 | 0.1 | 0.5 | 0.4 |
| 2 | 0.9 | 0.05 | 0.05 |

With `n_most = 3` and `width = 2`: after the first step the beams are `[1]` with probability 0.5 and `[2]` with 0.4. The
best four of their six extensions are `[2, end]` with 0.36, `[1, 1]` with 0.25, `[1, 2]` with 0.2 and `[1, end]` with 0.05.
Two stay. In the third step `[2, end]` keeps its 0.36, and no extension of `[1, 1]` has more than 0.125. The answer is
`[2]`. With `width = 1` it is `[1, 1, 1]`, whose probability is 0.125.
"""


# %%
def beam_search(
    next_log_probs: Callable[[list[int]], Float[Tensor, "V"]], end: int, n_most: int, width: int
) -> list[int]:
    """The words of the most probable translation that a search with `width` beams finds in `n_most` steps."""
    ### BEGIN SOLUTION
    beams: list[tuple[float, list[int]]] = [(0.0, [])]
    for _ in range(n_most):
        candidates = []
        for score, tokens in beams:
            if tokens and tokens[-1] == end:
                candidates.append((score, tokens))
                continue
            log_probs = next_log_probs([end, *tokens]).tolist()
            candidates += [(score + log_prob, [*tokens, token]) for token, log_prob in enumerate(log_probs)]
        beams = sorted(candidates, key=lambda beam: beam[0], reverse=True)[:width]
    return [token for token in beams[0][1] if token != end]
    ### END SOLUTION


# %%
check("11.5", beam_search)
# %% [markdown] tags=["hint"]
r"""
A beam is a pair of a log-probability and a list of tokens. How do you see from the list whether the beam has ended? And
how does a beam that has ended take part in a step?
"""

# %% [markdown] tags=["hint"]
r"""
In each step, gather the candidates in one new list. A beam that has ended puts itself into it, unchanged. Any other puts
V pairs into it, each with the *sum* of the old log-probability and the new token's. Then sort the whole list, largest
first, and cut it after `width`.
"""

# %% [markdown] tags=["hint"]
r"""
`beams = [(0.0, [])]`. For `score, tokens in beams`: if `tokens[-1:] == [end]`, append `(score, tokens)`; otherwise append
`(score + log_prob, [*tokens, token])` for all `token, log_prob` in
`enumerate(next_log_probs([end, *tokens]).tolist())`. After the last step, take the tokens of the best beam and leave out
the end token.
"""

# %% [markdown] tags=["discussion"]
r"""
- A beam that has ended must keep its place. If it is dropped, only unfinished texts are left, and if it is extended
  further, it loses a bit of probability with each token after its end.
- The first beam to end is not always the best. Log-probabilities only fall, so an *unfinished* beam that is behind can
  never catch up, but one that is ahead still may stay ahead. Once the best beam has ended, though, the search may stop.
- Many programs set finished beams aside and go on with `width` unfinished ones. Mostly the answer is the same, since
  what an ended beam has pushed out was less probable already, and only falls. But it may differ: here an ended beam can
  itself be pushed out, by unfinished ones that are ahead of it for a step and fall behind it later.
- Each word makes the sum smaller, so the search prefers short translations. Dividing by the length, or by a power of
  it, is common ([Wu and others, 2016](https://arxiv.org/abs/1609.08144)). It changes what is looked for.
- A width of 1 is greedy writing. If your function differs from 11.3 there, the mistake is in the ending.
"""

# %% [markdown] exercise="11.6"
r"""
No code this time: five numbers and five letters, by thinking.

A source of 7 words is translated into 5 words, by an encoder and a decoder of one layer each, whose attention has one
head. In training, the decoder reads 6 tokens, the end token and the 5 words, and makes 6 forecasts. Places count from 0.

| entry | what it is |
| :-- | :-- |
| `"cross_scores"` | how many scores the softmax of the cross-attention sees in training, for this one pair |
| `"decoder_runs"` | the translation is written greedily, and comes out right: how often the decoder is asked for its next forecast, that of the end token included |
| `"encoder_runs"` | how often the encoder must read the source for that |
| `"target_changed"` | in training, the token that the decoder reads at place 3 is exchanged for another: how many of the 6 forecasts can change |
| `"source_changed"` | instead, the source word at place 3 is exchanged for another: how many of the 6 forecasts can change |

And now the letters. Five programs train a model to translate into Tolan, and four of them have a mistake. Each model was
trained for 300 steps on the same 1,892 pairs (one block in each half, vectors of 64 numbers), and then looked at in four
ways on unseen pairs, always with the *same mistake in place*. The pair of the first two ways has 13 forecasts.

1. The token that the decoder reads at place 3 was exchanged. Which forecasts changed at all?
2. Five more places of filling were put behind the source. Did any forecast change?
3. The loss with the right sources, in nats per word.
4. The loss when each translation was given the source of another.

| program | 1: changed | 2: filling | 3: right source | 4: wrong source |
| :-- | :-- | :-- | --: | --: |
| A | from place 3 to the last | no | 0.00 | 0.00 |
| B | from place 3 to the last | no | 0.07 | 3.7 |
| C | at all places | no | 0.04 | 0.5 |
| D | from place 3 to the last | yes | 0.06 | 3.7 |
| E | from place 3 to the last | no | 0.93 | 0.93 |

Which is which? `"right"` has no mistake. `"not_shifted"` gives the decoder, at each place, the very token that is to be
forecast there. `"not_causal"` shifts as it should, and has no causal mask in the decoder's self-attention.
`"filling_seen"` has no mask for the filling of the source. `"no_cross"` has a decoder without cross-attention.
"""


# %%
def predictions() -> dict[str, float | str]:
    """Five numbers and five letters: `return {"cross_scores": ..., ..., "right": "...", "not_shifted": "...", ...}`."""
    ### BEGIN SOLUTION
    return {
        "cross_scores": 6 * 7,
        "decoder_runs": 5 + 1,
        "encoder_runs": 1,
        "target_changed": 3,
        "source_changed": 6,
        "right": "B",
        "not_shifted": "A",
        "not_causal": "C",
        "filling_seen": "D",
        "no_cross": "E",
    }
    ### END SOLUTION


# %%
check("11.6", predictions)
# %% [markdown] tags=["hint"]
r"""
Draw the table of the cross-attention's weights: a row for each query and a column for each key. Who asks, and who is
asked? And which forecast is the last that greedy writing needs, before it knows that it is done?
"""

# %% [markdown] tags=["hint"]
r"""
For the letters, ask of each program: can it see the token that it is to forecast? Then it has no need of the source. Can
it see the source at all? If not, can it matter which one it is given?
"""

# %% [markdown] tags=["hint"]
r"""
Six queries ask seven keys. Five words and the end are six forecasts, from one reading of the source. Places 3, 4 and 5
may look at place 3. Every place looks at the source. Of the two programs that copy, the one without a causal mask lets a
token change forecasts *before* it.
"""

# %% [markdown] tags=["discussion"]
r"""
`42`, `6`, `1`, `3`, `6`; right `"B"`, not shifted `"A"`, not causal `"C"`, filling seen `"D"`, no cross-attention `"E"`.

- A translation into Tolan is certain once the source is known, so the loss of a good model is near 0. That of a model
  that copies is, too, on held-out pairs as well as on others: a small loss alone does not tell them apart. Give both the
  wrong source. Program A reads the answer at its own place and does not mind; program B is lost.
- Program C need not mind either, but it had not yet given up its source altogether: 0.5 nats, against B's 3.7.
- Without the shift, the decoder forecasts what it has just read. If it writes alone, it begins with the end token,
  repeats it, and is done. Without the causal mask it looks up the answer one place to the right, where nothing stands
  yet when it writes alone.
- A model that sees filling may still translate well, as D shows: in training there was filling behind most sources.
  But then a translation depends on which other sentences are in the batch. A test that puts filling behind a source
  finds that at once.
- Without cross-attention, what is left is a language model of Tolan. It writes fluently, about something else.
- Keys and values of the source are the same for every word that is written, so the encoder runs once.
"""
