# ---
# lesson: 10_masked_words_and_encoders
# ---

# %% [markdown]
r"""
Six exercises. You hide words as BERT's authors did, measure how well they are guessed, keep texts that share a row
apart, fill a blank with a model that reads from left to right, and fill many blanks with one that reads both ways. The
last exercise asks for numbers instead of code.

Shape letters: B rows, T places in a row, V tokens that a model knows, W words that are tried in a blank. `...` stands
for any number of axes. Where nothing is to be guessed, the target is −100, the number that torch's `cross_entropy`
leaves out.
"""

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="10.1"
r"""
The recipe of BERT ([Devlin and others, 2019](https://arxiv.org/abs/1810.04805)). Each token is **chosen** with a
chance of 15 %. Of those chosen, 80 % are shown as the mask, 10 % stay as they are, and 10 % are exchanged for any
token. All of those chosen are to be guessed.

The random numbers have been drawn for you, one of each kind for every place:

- a token is chosen if its `draw` is below 0.15 and it is not the end mark, which is never chosen;
- a chosen token with a `fate` below 0.8 is shown as `mask_id`. With a fate from 0.8 up to 0.9 it stays. From 0.9 on,
  it is exchanged for the token that stands at its place in `substitutes`.

Everything else is shown as it is.

- **Takes** the tokens, `ids`, shape `(...)`; `draw` and `fate`, floats of the same shape from 0 to 1; `substitutes`,
  whole numbers of the same shape; and two numbers, `mask_id` and `end_id`.
- **Returns** two tensors of whole numbers, shape `(...)`: `shown`, what the model gets to see, and `targets`, which
  holds the original token at every chosen place and −100 everywhere else.

Example: `ids` is `[7, 3, 9, 4, 0]`, `draw` is `[0.05, 0.60, 0.10, 0.14, 0.02]`, `fate` is `[0.18, 0.40, 0.95, 0.85,
0.50]`, `substitutes` is `[1, 2, 5, 8, 6]`, the mask is 10 and the end mark 0. Places 0, 2 and 3 are chosen. The
result is `[10, 3, 5, 4, 0]` and `[7, -100, 9, 4, -100]`.
"""


# %%
def hide(
    ids: Int[Tensor, "..."],
    draw: Float[Tensor, "..."],
    fate: Float[Tensor, "..."],
    substitutes: Int[Tensor, "..."],
    mask_id: int,
    end_id: int,
) -> tuple[Int[Tensor, "..."], Int[Tensor, "..."]]:
    """What the model is shown, and the targets: the token at each chosen place, −100 elsewhere."""
    ### BEGIN SOLUTION
    chosen = (draw < 0.15) & (ids != end_id)
    shown = torch.where(chosen & (fate < 0.8), mask_id, ids)
    shown = torch.where(chosen & (fate >= 0.9), substitutes, shown)
    return shown, torch.where(chosen, ids, -100)
    ### END SOLUTION


# %%
check("10.1", hide)
# %% [markdown] tags=["hint"]
r"""
First one tensor of True and False that says which places are chosen. Both results begin with it. The fate matters
for what is shown, and not for the targets.
"""

# %% [markdown] tags=["hint"]
r"""
Conditions are joined with `&`, and each of them needs brackets: `(draw < 0.15) & (ids != end_id)`.
`torch.where(condition, a, b)` takes `a` where the condition is true and `b` elsewhere. Either may be a number.
"""

# %% [markdown] tags=["hint"]
r"""
`shown = torch.where(chosen & (fate < 0.8), mask_id, ids)`, then
`shown = torch.where(chosen & (fate >= 0.9), substitutes, shown)`. The targets are `torch.where(chosen, ids, -100)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The targets have nothing to do with the fate. If only masked places were to be guessed, the model would learn that
  a word that is not the mask needs no thought, and its vectors at such places would be good for nothing.
- One random number for both questions does not work: a token that was chosen has a `draw` below 0.15, so `draw < 0.8`
  is always true for it.
- `shown[chosen & (fate < 0.8)] = mask_id` is as good, if `shown` is a copy: `shown = ids.clone()`. Without the copy you
  change the tokens themselves, and then the targets are masks.
- A substitute is drawn from all tokens, so now and then it is the very word that it replaces. Nobody minds.
"""

# %% [markdown] exercise="10.2"
r"""
How well are the hidden words guessed? One mean over all targets mixes three different tasks. So take them apart. At a
place with a target, the shown token tells which kind it is:

| kind | shown is |
| :-- | :-- |
| masked | `mask_id` |
| exchanged | another token, neither the mask nor the target |
| left standing | the target itself |

Compute for each kind the mean of $-\ln p(\text{target})$, in nats, over the places of that kind. The probabilities are
the softmax of the logits. Places with the target −100 belong to no kind.

- **Takes** `logits`, shape `(B, T, V)`; `shown` and `targets`, whole numbers of shape `(B, T)`; and `mask_id`, which
  is one of the V tokens. No target is the mask.
- **Returns** three numbers in a tensor of shape `(3,)`, in the order of the table. If a kind does not occur, its
  number is 0.

Example: one row of four places, V = 3, and the mask is 2. `shown` is `[[2, 1, 0, 1]]` and `targets` is
`[[0, 0, 0, -100]]`. The logits of the first three places are `[0, 0, 0]`, `[ln 2, 0, 0]` and `[ln 6, 0, 0]`, so token 0
has the probabilities 1/3, 2/4 and 6/8. The result is `[1.099, 0.693, 0.288]`, whatever the logits of the last place.
"""


# %%
def losses_by_kind(
    logits: Float[Tensor, "B T V"], shown: Int[Tensor, "B T"], targets: Int[Tensor, "B T"], mask_id: int
) -> Float[Tensor, "3"]:
    """The mean loss where the word was masked, where it was exchanged, and where it was left standing."""
    ### BEGIN SOLUTION
    costs = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    costs = costs.view(targets.shape)
    masked = shown == mask_id
    same = shown == targets
    kinds = [masked, ~masked & ~same, same]
    kinds = [kind & (targets != -100) for kind in kinds]
    return torch.stack([(costs * kind).sum() / kind.sum().clamp(min=1) for kind in kinds])
    ### END SOLUTION


# %%
check("10.2", losses_by_kind)
# %% [markdown] tags=["hint"]
r"""
Two things are independent of each other: the loss of every place, shape `(B, T)`, and three tensors of True and
False, also of shape `(B, T)`, that say which places are of which kind. Then the three means.
"""

# %% [markdown] tags=["hint"]
r"""
`cross_entropy(..., reduction="none")` gives one loss for each place, and 0 where the target is −100. It wants the
logits in the shape `(B·T, V)` and the targets in the shape `(B·T,)`. A place without a target has a shown token that
differs from −100. So it looks like "exchanged", unless you leave it out.
"""

# %% [markdown] tags=["hint"]
r"""
With `costs` and `kind`, both of shape `(B, T)`: `(costs * kind).sum() / kind.sum().clamp(min=1)`. Where nothing is of
that kind, this is 0 / 1. `torch.stack([...])` makes one tensor of the three.
"""

# %% [markdown] tags=["discussion"]
r"""
- Expect three different numbers of a trained encoder. A word that was left standing is the easiest: the model need
  only believe what it sees, and mostly it may. A word that was exchanged is the hardest, because the model has to
  disbelieve it. Only the first number says how well blanks are filled.
- Leaving a word out of the sum is half the work. It must also be left out of what you divide by.
- `costs[kind].mean()` is nan if there is no such place. In a small batch that is no rarity, since only 1.5 % of all
  tokens are exchanged.
- A word that was exchanged for itself counts as left standing. The model cannot tell the difference, and neither can
  you.
"""

# %% [markdown] exercise="10.3"
r"""
Texts have different lengths, and a batch is a rectangle. So several texts share a row, and what is left over is
padding. `documents` says, for each place, which text of its row it belongs to. Padding has the number −1.
Numbers have no order, and the same number in two rows means nothing.

Make the mask of the attention, True where a place may look at a place:

- A word may look at all places of its own text, itself included, and at nothing else.
- If `causal` is true, it may not look at places that come after it. That is a decoder. If it is false, it may look in
  both directions. That is an encoder.
- The output at a place of padding is used by nobody, so what it looks at is up to you. But it must look at *something*,
  because a softmax over no place at all is nan.

Arguments and result:

- **Takes** `documents`, whole numbers of shape `(B, T)`, and `causal`, True or False.
- **Returns** the mask, shape `(B, T, T)`, True and False. Entry `[b, t, s]` is about place t looking at place s.

Example: `documents` is `[[4, 4, 1, -1]]`. For an encoder and for a decoder, the first three rows of the mask are

```
encoder:  True  True  False False      decoder:  True  False False False
          True  True  False False                True  True  False False
          False False True  False                False False True  False
```

and in the last row at least one entry is True, whichever.
"""


# %%
def may_look(documents: Int[Tensor, "B T"], causal: bool) -> Bool[Tensor, "B T T"]:
    """True where a place may look: at its own text only, and, if causal, not ahead."""
    ### BEGIN SOLUTION
    same = documents[:, :, None] == documents[:, None, :]
    return same.tril() if causal else same
    ### END SOLUTION


# %%
check("10.3", may_look)
# %% [markdown] tags=["hint"]
r"""
The main part is one comparison: of the text of the place that looks with the text of the place that is looked at. Which
axis of the result belongs to which of the two?
"""

# %% [markdown] tags=["hint"]
r"""
`documents[:, :, None]` has shape `(B, T, 1)`, the places that look, and `documents[:, None, :]` has shape `(B, 1, T)`.
Compared with `==` they give `(B, T, T)`. Does the comparison do something about padding already?
"""

# %% [markdown] tags=["hint"]
r"""
Places of padding all have the number −1. So they are a text of their own: they see each other, and no word sees them.
There is nothing left to do but `.tril()` if `causal` is true. It works on the last two axes.
"""

# %% [markdown] tags=["discussion"]
r"""
- Taking padding as one more text is the whole trick. If you forbid padding in rows *and* columns, its rows are empty,
  their softmax is nan, and nan comes through: 0 · nan is nan, so a later layer spreads it over the words.
- A test that needs no second implementation: put other tokens into the padding, or into a neighbouring text. No output
  of a word may change. The library's `Encoder` passes it.
- Many programs take an additive mask: 0 where a place may look and $-\infty$ where not. It is added to the scores.
  Others, such as `nn.MultiheadAttention`, have True mean "may *not* look". Read before you pass one.
- Padding needs no mask in a decoder if it stands at the end: no word can look at it anyway. In an encoder it always
  does.
"""

# %% [markdown] exercise="10.4"
r"""
A model that reads from left to right can fill a blank after all, if you let it read the whole text once for each word
that might stand there. Its `log_prob` gives $\ln p$ of a text. By the definition of a conditional probability, with
$\text{text}_w$ for the text with $w$ in its blank,

$$p(w \mid \text{everything else}) = \frac{p(\text{text}_w)}{\sum_v p(\text{text}_v)},$$

where the sum runs over all words $v$ that are tried.

- **Takes** a `text`, words separated by single blanks, exactly one of which is `_`; the list of `words` to try; and
  `log_prob`, a function that takes a text with every word in place and returns $\ln p$, a float.
- **Returns** the probability of each of the words, in the order of `words`, shape `(W,)`. They sum to 1.

A word may be impossible there, and then `log_prob` returns $-\infty$. At least one is possible. A text may be long, so
that $\ln p = -1000$ is nothing unusual.

Example: the text is `"the _ ran"` and the words are `["cat", "dog", "idea"]`. If `log_prob` gives `ln 0.03` for *the cat
ran*, `ln 0.01` for *the dog ran* and $-\infty$ for *the idea ran*, the result is `[0.75, 0.25, 0]`.
"""


# %%
def fill_blank(text: str, words: list[str], log_prob: Callable[[str], float]) -> Float[Tensor, "W"]:
    """The probability that each of the words stands in the blank, both sides considered."""
    ### BEGIN SOLUTION
    return torch.tensor([log_prob(text.replace("_", word)) for word in words]).softmax(dim=0)
    ### END SOLUTION


# %%
check("10.4", fill_blank)
# %% [markdown] tags=["hint"]
r"""
You need one number for each word: the $\ln p$ of the whole text, with the word in the blank and everything that follows.
"""

# %% [markdown] tags=["hint"]
r"""
exp of each, divided by the sum of all: you have met this formula before, under another name. And you have met its
remedy against $e^{-1000}$.
"""

# %% [markdown] tags=["hint"]
r"""
`text.replace("_", word)` puts a word into the blank. `torch.tensor([...]).softmax(dim=0)` of the W log-probabilities is
the answer. softmax takes off the largest one before it takes exp.
"""

# %% [markdown] tags=["discussion"]
r"""
- Log-probabilities that are not normalised are logits. What all texts have in common, such as the words before the
  blank, is added to every one of them and falls out.
- `log_prob(left side + word)` alone is the *decoder's* guess, which knows nothing of what follows. All that an encoder
  has in advance of it comes from the rest.
- So a perfect decoder would need no encoder to fill a blank, but patience: W texts to read, and with two blanks W · W.
  An encoder reads once.
- Dividing $\ln p$ by the number of words would be right for comparing texts of different lengths by perplexity. In a
  conditional probability it has no place.
"""

# %% [markdown] exercise="10.5"
r"""
An encoder guesses each blank without knowing what it says in the others. Filled all at once, the words may contradict
each other. So fill one blank at a time, **the surest first**:

1. Ask the model about the text as it stands.
2. Among the places that are still masked, take the one where the most likely word has the largest probability, and
   write that word there.
3. If there are masks left, go back to 1.

- **Takes** a text of whole numbers, `ids`, shape `(T,)`; `mask_id`; and `guess`, a function from such a text, shape
  `(T,)`, to the probabilities of the V words at every place, shape `(T, V)`. The words are 0 to V − 1, and `mask_id` is
  V: the mask has no column, and is never guessed. `guess` gives probabilities for places with a known word as well.
- **Returns** the text with every mask filled, shape `(T,)`. All other places are as they were. There may be no mask at
  all.

Equal probabilities do not occur.

Example: `ids` is `[3, 9, 9]` and the mask is 9. Asked about it, `guess` says word 5 at place 1 with a probability of 0.6,
and word 7 at place 2 with 0.9. So the text becomes `[3, 9, 7]`. Asked again, it says word 4 at place 1 with 0.8. The
result is `[3, 4, 7]`. Word 5 is never written, because word 7 made another one likelier.
"""


# %%
def fill_all(ids: Int[Tensor, "T"], mask_id: int, guess: Callable[[Tensor], Tensor]) -> Int[Tensor, "T"]:
    """The text with all masks filled, one at a time, the surest first."""
    ### BEGIN SOLUTION
    ids = ids.clone()
    while (ids == mask_id).any():
        best, words = guess(ids).max(dim=-1)
        place = best.where(ids == mask_id, -1).argmax()
        ids[place] = words[place]
    return ids
    ### END SOLUTION


# %%
check("10.5", fill_all)
# %% [markdown] tags=["hint"]
r"""
A loop that goes on as long as there is a mask, and one call of `guess` in each round. Take a copy of `ids` before you
write into it.
"""

# %% [markdown] tags=["hint"]
r"""
`guess(ids).max(dim=-1)` gives two tensors of shape `(T,)`: the largest probability at each place, and the word that has
it. Known places must not win. What could you put in place of their probabilities?
"""

# %% [markdown] tags=["hint"]
r"""
`best, words = guess(ids).max(dim=-1)`, then `best.where(ids == mask_id, -1).argmax()` is the place: no probability is
as low as −1. Then `ids[place] = words[place]`, and so on until `(ids == mask_id).any()` is false.
"""

# %% [markdown] tags=["discussion"]
r"""
- A model is often most sure about places where a word already stands, since it can see it. If those are not left out,
  it fills the same place over and over, and the loop never ends.
- Asking once and then filling in the order of certainty is the same as filling all at once. The order matters only
  because each word changes what the model says about the rest.
- So T blanks cost T calls, as many as a decoder needs for T words. Some methods fill several places in each round, which
  buys speed with contradictions ([Ghazvininejad and others, 2019](https://arxiv.org/abs/1904.09324)).
- This takes the most likely word every time. It gives *one* text, and not texts with their true frequencies. For these
  one would draw the words, in any order, from a perfect guesser.
"""

# %% [markdown] exercise="10.6"
r"""
No code this time: seven numbers, by thinking. A calculator helps. Write fractions, or three digits that count.

The first three are about training.

| entry | what it is |
| :-- | :-- |
| `"masks"` | the recipe of 10.1 is applied to 10,000 tokens, none of them an end mark; how many are shown as the mask, on average |
| `"suspect"` | a token is shown as a word and not as the mask; the probability that it is one that has to be guessed |
| `"leak"` | somebody trains a model *without* a causal mask to tell the next token. A window has 64 tokens, the targets are the same text shifted by one. The model has learned to copy whatever it can see, at no loss, and pays 2 nats for any other target; its mean loss, in nats per target |

The other four are about a language in which every text has two words. There are three texts: *red apple* with
probability 1/2, *red cherry* with 1/4 and *yellow banana* with 1/4. A perfect encoder knows, for each blank, the
probabilities given everything that is not hidden. A perfect decoder knows them given everything to the left.

| entry | what it is |
| :-- | :-- |
| `"encoder"` | in each text *one* of the two words is hidden, either with probability 1/2; the mean loss of the perfect encoder, in nats per hidden word |
| `"decoder"` | the mean loss of the perfect decoder, in nats per word, over both words of each text |
| `"together"` | both words are hidden. The perfect encoder gives the probabilities of both blanks, and the two words are drawn from them independently; the probability that they make one of the three texts |
| `"scores"` | each text gets a score: the probability of its first word given the second, times that of its second given the first, both from the perfect encoder; the sum of the scores of the three texts |
"""


# %%
def predictions() -> dict[str, float]:
    """The seven numbers, by the names in the tables: `return {"masks": ..., "suspect": ..., ...}`."""
    ### BEGIN SOLUTION
    after_red = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    return {
        "masks": 10_000 * 0.15 * 0.8,
        "suspect": 0.15 * 0.2 / (1 - 0.15 * 0.8),
        "leak": 2 / 64,
        "encoder": 1 / 2 * 0 + 1 / 2 * 3 / 4 * after_red,
        "decoder": (1 / 2 * math.log(2) + 2 * 1 / 4 * math.log(4)) / 2,
        "together": 3 / 4 * (1 / 2 + 1 / 4) + 1 / 4 * 1 / 4,
        "scores": 2 / 3 + 1 / 3 + 1,
    }
    ### END SOLUTION


# %%
check("10.6", predictions)
# %% [markdown] tags=["hint"]
r"""
Draw 100 tokens as boxes: how many are chosen, and how many of these are masks? Which of the 64 targets of a window does
not stand in the window? For the language, write down the probabilities of the first word, of the second word, and of
each given the other.
"""

# %% [markdown] tags=["hint"]
r"""
Of 100 tokens 12 are masks, and 88 are shown as words. The last target of a window is the only one outside. *red* has
probability 3/4. Given *red*, the fruits have 2/3 and 1/3. Given any fruit, the first word is certain.
"""

# %% [markdown] tags=["hint"]
r"""
3 of 88; 2 nats divided by 64; half of the time the second word is hidden, in 3/4 of these cases after *red*, and then
the loss is the entropy of (2/3, 1/3). The decoder's losses of both words add up to the entropy of the three texts.
Drawn apart: 3/4 times the chance of *apple* or *cherry*, plus 1/4 times that of *banana*. The scores: 1 · 2/3, 1 · 1/3
and 1 · 1.
"""

# %% [markdown] tags=["discussion"]
r"""
`1200`, `0.0341`, `0.03125`, `0.2387`, `0.5199`, `0.625`, `2`.

- Only 3.4 % of the words that stand there openly have to be guessed. But the model cannot tell which, so it has to
  form an opinion about all of them.
- A loss of 0.03 nats would be a sensation if it were honest. When a loss falls far below what is possible, look for a
  leak.
- 0.24 and 0.52 cannot be compared. The encoder has an easier task, as it sees the other word. Two perfect models of the
  same language have different losses.
- In 3 of 8 cases the two words do not fit: *yellow apple*, *yellow cherry* and *red banana*. Each blank was right by
  itself. If the second blank is asked again after the first is filled, it is 0 of 8.
- Probabilities of texts sum to 1, and the scores sum to 2. A product of "each word given all the others" is called a
  pseudo-likelihood. It can rank texts, but it is no probability.
"""
