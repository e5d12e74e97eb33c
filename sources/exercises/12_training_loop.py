# ---
# lesson: 12_training_loop
# ---

# %% [markdown]
r"""
Seven exercises. Four are parts that every training program has: how long a step is, how long a gradient may be, how
small batches become a big one, and which documents are the same. The last three are the clinic. Six runs went wrong:
you find out from their symptoms what they suffer from, and then you mend the code of five of them.

Shape letters: B rows of a batch, T tokens of a row, V words, N documents. `...` stands for any axes.
"""

# %%
import copy
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from course_lib import check
from course_lib.checks.lesson_12_training_loop import Run

# %% [markdown] exercise="12.1"
r"""
How large is step number `step` of a run of `steps` updates? This schedule has three parts: the rate rises in a
line, holds its peak, and falls in a line to the end ([Hägele and others, 2024](https://arxiv.org/abs/2405.18392)).
As long as it holds, you need not have decided how long the run will be.

With steps counted from 0, the rate is

$$\text{peak} \cdot \min\Bigl(1,\; \frac{\text{step} + 1}{\text{warmup}},\;
\frac{\text{steps} - \text{step}}{\text{cooldown}}\Bigr).$$

So the first update has a rate above 0, and so has the last. A `warmup` of 0 means that there is none: leave its
fraction out. The same goes for a `cooldown` of 0. Where rise and fall overlap, the smaller counts. From step number
`steps` on, the run is over, and the rate is 0.

- **Takes** `step`, `steps`, `warmup` and `cooldown`, all of them numbers of updates; and the `peak`.
- **Returns** the learning rate for that step, a number.

Example: with 8 steps, a warm-up of 2, a cool-down of 4 and a peak of 1, the rates are 0.5, 1, 1, 1, 1, 0.75, 0.5,
0.25, and then 0.
"""


# %%
def learning_rate(step: int, steps: int, warmup: int, cooldown: int, peak: float) -> float:
    """Linear rise over `warmup` steps, a plateau at `peak`, linear fall over the last `cooldown` steps."""
    ### BEGIN SOLUTION
    if step >= steps:
        return 0.0
    rise = (step + 1) / warmup if warmup else 1.0
    fall = (steps - step) / cooldown if cooldown else 1.0
    return peak * min(1.0, rise, fall)
    ### END SOLUTION


# %%
check("12.1", learning_rate)
# %% [markdown] tags=["hint"]
r"""
Which cases would divide by zero, and which would give a negative rate? Deal with those first.
"""

# %% [markdown] tags=["hint"]
r"""
Compute `rise` and `fall` as two separate shares of the peak. Each is 1 where its part does not exist. Neither needs to
know where the other begins.
"""

# %% [markdown] tags=["hint"]
r"""
`if step >= steps: return 0.0`. Then `rise = (step + 1) / warmup if warmup else 1.0`, `fall` in the same way, and
`peak * min(1.0, rise, fall)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The minimum of three lines needs no `if` for where the parts begin. Written with three ranges, it is easy to be
  off by one at both joints, and the overlap needs a case of its own.
- `step / warmup` gives the first update the rate 0, so its batch is computed for nothing. The same mistake at the
  other end makes the last update worthless.
- The rate depends on `step`. A program that takes up a stopped run and begins to count at 0 warms up a second time,
  in the middle of training. You will meet such a run below.
"""

# %% [markdown] exercise="12.2"
r"""
One damaged batch can make a gradient a hundred times longer than all others, and one step along it can ruin what a
thousand steps have built. So the gradient gets a maximal length ([Pascanu and others,
2013](https://arxiv.org/abs/1211.5063)).

All gradients of a model together are one long vector $g$, cut into tensors. Its length is $\lVert g \rVert =
\sqrt{\sum g_i^2}$, over all numbers of all tensors. If that is more than `max_norm`, every number is multiplied by
the same factor, $\text{max\_norm} / \lVert g \rVert$. If not, all stay as they are.

- **Takes** `gradients`, a list of tensors of any shapes, in which None stands for a weight that took no part; and
  `max_norm`, above 0.
- **Returns** two things: a list of tensors, in the same order, in which None stays None; and the length
  *before* shortening, a number.
- If any gradient holds `inf` or `nan`, there is no factor that repairs it. Return zeros in place of every gradient, so
  that plain gradient descent does not move, and a length that is `inf` or `nan`, so that whoever called can see it.

Example: for the gradients `[[3, 0], None, [[0], [4]]]` and `max_norm = 2.5` the length is 5, so all is halved:
`[[1.5, 0], None, [[0], [2]]]` and 5. What you were given stays unchanged. (torch's own `clip_grad_norm_` works on
weights, in place, and is not what is wanted here.)
"""


# %%
def clip(gradients: list[Tensor | None], max_norm: float) -> tuple[list[Tensor | None], float]:
    """All gradients shortened by one factor, to the length `max_norm` at most; and their length before that."""
    ### BEGIN SOLUTION
    norm = sum(gradient.square().sum().item() for gradient in gradients if gradient is not None) ** 0.5
    if not norm < float("inf"):  # nan is not less either
        return [None if gradient is None else torch.zeros_like(gradient) for gradient in gradients], norm
    factor = min(1.0, max_norm / norm) if norm > 0 else 1.0
    return [None if gradient is None else gradient * factor for gradient in gradients], norm
    ### END SOLUTION


# %%
check("12.2", clip)
# %% [markdown] tags=["hint"]
r"""
Two passes over the list: the first only measures, the second only multiplies. What does the first have to add up, so
that the root can be taken once, at the end?
"""

# %% [markdown] tags=["hint"]
r"""
Add up `gradient.square().sum()` over all that are not None. The factor is `min(1.0, max_norm / norm)`; think about
a norm of 0. For the bad case: what is `0 * float("inf")`? And `math.isfinite(norm)` is False for both `inf` and
`nan`.
"""

# %% [markdown] tags=["hint"]
r"""
`norm = sum(...) ** 0.5`. If it is not finite, return `torch.zeros_like(gradient)` for each that is not None. Else
`factor = min(1.0, max_norm / norm) if norm > 0 else 1.0`, and `gradient * factor` for each.
"""

# %% [markdown] tags=["discussion"]
r"""
- Clipping each tensor on its own changes the *direction* of the step: a layer with a long gradient loses more than one
  with a short gradient. One factor for all keeps the direction and shortens the step.
- $\lVert (a, b) \rVert$ is not $\lVert a \rVert + \lVert b \rVert$. Squares add up; the root comes last.
- Return the length before shortening. Afterwards it is never more than `max_norm`, and the curve of it, which is
  the first place where a sick run shows, would be flat.
- With `inf` in it, `max_norm / inf` is 0, and `inf * 0` is nan. So a clip that does not look first turns one bad
  number into a model full of nans. With zeros and momentum, or weight decay, a step would still move a little: the
  course's `train` therefore stops before the update and says so.
"""

# %% [markdown] exercise="12.3"
r"""
You want a batch of 64 rows, and memory holds 16. Then four batches of 16 have to give the same gradient as one of 64.
`backward()` helps: it *adds* to the gradients that are there.

But the batches are not equally long. Some positions are padding, whose target is −100, and they do not count. The
loss of the one big batch is the mean over all its *targets*, and that is what four small ones have to reproduce.

- **Takes** `model`, which maps inputs of shape `(B, T)` to logits of shape `(B, T, V)`; and `batches`, a list of pairs
  `(inputs, targets)`, whole numbers of shape `(B, T)` each. A batch may have no target at all, but not all of them.
- **Leaves** in each weight's `.grad` the gradient of the mean loss over all targets of all batches. The model may
  come with gradients of an earlier step: they do not belong to it. No weight changes.
- **Returns** that mean loss in nats, a number.
- Only one batch may be in memory at a time: call `backward()` for one before you let the model read the next.

Example: a first batch has two targets, which cost 1 and 3 nats, a second one target, which costs 5. The loss is
$(1 + 3 + 5) / 3 = 3$. The mean of the two means would be $(2 + 5) / 2 = 3.5$.

You may use torch's `cross_entropy`, which leaves out the targets −100. With `reduction="sum"` it gives the total in
place of the mean.
"""


# %%
def accumulate(model: nn.Module, batches: list[tuple[Int[Tensor, "B T"], Int[Tensor, "B T"]]]) -> float:
    """Fill `.grad` as one big batch would, one small batch at a time; the mean loss per target, in nats."""
    ### BEGIN SOLUTION
    n_targets = sum(int((targets != -100).sum()) for _, targets in batches)
    model.zero_grad()
    loss = 0.0
    for inputs, targets in batches:
        nats = cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
        share = nats / n_targets
        share.backward()
        loss += share.item()
    return loss
    ### END SOLUTION


# %%
check("12.3", accumulate)
# %% [markdown] tags=["hint"]
r"""
The gradient of a sum is the sum of the gradients. Write the mean over all targets as a sum over batches: what does
each batch contribute, and which number must be known before the first of them is read?
"""

# %% [markdown] tags=["hint"]
r"""
How many targets there are in all can be counted without the model: `(targets != -100).sum()`, over all batches.
Each batch contributes its total cost divided by that.
"""

# %% [markdown] tags=["hint"]
r"""
`model.zero_grad()` once, before the loop. In the loop: `cross_entropy(model(inputs).flatten(0, 1), targets.flatten(),
reduction="sum") / n_targets`, then `.backward()` on it, and add its `.item()` to the loss.
"""

# %% [markdown] tags=["discussion"]
r"""
- Dividing each batch's mean by the number of batches is right only if all have the same number of targets. It was
  wrong for a while in much-used training libraries, and went unnoticed, because the curves look plausible ([the
  Transformers team's account of it, 2024](https://huggingface.co/blog/gradient_accumulation)).
- Without any division the gradient grows with the number of batches. Adam hides that, since it divides by the
  gradient's size; clipping and plain gradient descent do not.
- Adding up the losses and calling `backward()` once gives the same gradient, and holds the graphs of all batches in
  memory. Then you could have taken the big batch.
- `zero_grad()` inside the loop throws away all batches but the last.
"""

# %% [markdown] exercise="12.4"
r"""
The web holds the same page a thousand times, each with another date at the bottom. A model that reads it a thousand
times learns it by heart, and a copy that lands in the validation split makes the score a lie. Exact copies are
found by comparing; near copies need a measure of similarity.

Cut each document into words (`document.split()`), and make of it the *set* of its pieces of `n` words in a row.
They overlap: one begins at each word that has `n - 1` more after it. A document of fewer than `n` words has one
piece, all of it. The similarity of two documents is the **Jaccard index** of their sets ([Broder,
1997](https://doi.org/10.1109/SEQUEN.1997.666900)),

$$J(A, B) = \frac{|A \cap B|}{|A \cup B|}.$$

Go through the documents in order. Drop one if its similarity with some earlier document *that you kept* is at least
`threshold`, and keep it otherwise.

- **Takes** `documents`, a list of N texts; `n`, at least 1; and the `threshold`, between 0 and 1.
- **Returns** the places of the documents to keep, in order, counted from 0.

Example with `n = 2` and a threshold of 0.6: `"the cat saw a bird"` is kept. `"the cat saw a dog"` has three of its
four pieces in common with it, and together they have five: $J = \frac35$, dropped. `"a bird saw the cat"` has the
same words as the first, but only two pieces in common, of six: $J = \frac13$, kept. The result is `[0, 2]`.
"""


# %%
def keep(documents: list[str], n: int, threshold: float) -> list[int]:
    """Places of the documents that are not nearly the same as an earlier one that is kept."""
    ### BEGIN SOLUTION
    kept: dict[int, set[tuple[str, ...]]] = {}
    for place, document in enumerate(documents):
        words = document.split()
        starts = range(max(1, len(words) - n + 1))
        pieces = {tuple(words[start : start + n]) for start in starts}
        if all(len(pieces & others) / len(pieces | others) < threshold for others in kept.values()):
            kept[place] = pieces
    return list(kept)
    ### END SOLUTION


# %%
check("12.4", keep)
# %% [markdown] tags=["hint"]
r"""
First write the pieces of a single document. How many does one of 5 words have for `n = 2`? And what must happen
with one of 3 words for `n = 4`? A list cannot be in a set, but a tuple can.
"""

# %% [markdown] tags=["hint"]
r"""
`words[start : start + n]` for each start in `range(max(1, len(words) - n + 1))`: with that 1, a short document gets
its one piece. Python's sets have `&` for what both hold and `|` for what either holds.
"""

# %% [markdown] tags=["hint"]
r"""
Carry a dictionary from the place of each kept document to its set of pieces. A new document enters it if
`len(pieces & others) / len(pieces | others) < threshold` for `all` of its values. The result is the list of its keys.
"""

# %% [markdown] tags=["discussion"]
r"""
- Single words are too coarse: two texts about the same thing share most of them. With `n` large, one exchanged word
  already spoils `n` pieces. [Lee and others (2021)](https://arxiv.org/abs/2107.06499), who cleaned much-used
  corpora in this way and found that models trained on them write less by heart, took five.
- Divided by the size of one document only, a short one is "the same" as any long one that quotes it. That is
  called containment, and it is what you want for another question: is a validation text hidden in a training text?
- Compared with dropped documents as well, a chain of small changes would lose its end, although nothing like it is
  kept.
- This loop compares each with each: a million documents, half a million million comparisons. In practice each set
  is boiled down to a few hundred numbers by hashing, such that the share of equal numbers estimates $J$ (MinHash),
  and only documents that agree in some group of these numbers are compared at all.
"""

# %% [markdown] exercise="12.5"
r"""
Six patients, by their symptoms. All six really ran: a model of one layer, 64 wide, with a dropout of 0.3, on documents
of the toy world. In every run

- there were 200 updates of 8 rows of 64 tokens, by gradient descent with momentum 0.9, a warm-up over 10 updates
  and a cool-down over the last 100;
- gradients longer than 1 were to be shortened to 1;
- the batch of update 130 was damaged: all its *targets* had been replaced by one rare word. The inputs were whole;
- the program was stopped after update 150 and taken up again from its checkpoint. Done right, that changes nothing.

In six of the seven there is one mistake. Seeds and batches are the same, so numbers that are equal to those of the
healthy run say something. The model begins as a uniform guess over 584 words, and $\ln 584 = 6.37$. For some of the
updates you see the training loss of its batch, before the update, and below it the length of the gradient, *as it
stood when the optimiser's step was called*.

| | update | 1 | 50 | 100 | 129 | 130 | 131 | 133 | 150 | 160 | 175 | 200 |
| :-- | :-- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
| healthy | loss | 6.37 | 2.25 | 1.40 | 1.33 | 11.49 | 1.32 | 1.54 | 1.33 | 1.08 | 1.26 | 1.00 |
| | gradient | 0.47 | 0.66 | 0.50 | 0.52 | 1.00 | 0.49 | 0.63 | 0.40 | 0.43 | 0.45 | 0.35 |
| A | loss | 6.37 | 2.25 | 1.40 | 1.33 | 11.49 | 1.32 | 1.54 | 1.33 | 1.15 | 1.62 | 1.20 |
| | gradient | 0.47 | 0.66 | 0.50 | 0.52 | 1.00 | 0.49 | 0.63 | 0.40 | 0.46 | 0.69 | 0.47 |
| B | loss | 6.37 | 0.26 | 0.00 | 0.01 | 0.01 | 0.00 | 0.05 | 0.01 | 0.00 | 0.02 | 0.02 |
| | gradient | 1.00 | 0.47 | 0.04 | 0.18 | 0.05 | 0.03 | 0.23 | 0.04 | 0.00 | 0.05 | 0.05 |
| C | loss | 6.37 | 6.37 | 6.37 | 6.37 | 6.37 | 6.37 | 6.37 | 6.37 | 6.37 | 6.37 | 6.37 |
| | gradient | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 |
| D | loss | 6.37 | 2.25 | 1.40 | 1.33 | 11.49 | 1.32 | 1.54 | 1.33 | 1.08 | 1.26 | 1.00 |
| | gradient | 0.47 | 0.66 | 0.50 | 0.52 | 1.00 | 0.49 | 0.63 | 0.40 | 0.43 | 0.45 | 0.35 |
| E | loss | 6.37 | 6.47 | 6.92 | 7.07 | 8.79 | 8.13 | 7.97 | 6.54 | 7.32 | 5.91 | 5.43 |
| | gradient | 0.47 | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 |
| F | loss | 6.37 | 2.29 | 1.38 | 1.24 | 11.40 | 2.25 | 2.40 | 1.58 | 1.27 | 1.52 | 1.03 |
| | gradient | 0.47 | 0.64 | 0.47 | 0.46 | 3.37 | 1.51 | 0.86 | 0.53 | 0.49 | 0.52 | 0.38 |

After the last update the validation loss was computed twice, one right after the other, on the same 40 documents.
Then each program was given the word "the", and wrote on.

| | validation | again | it wrote: the ... |
| :-- | --: | --: | :-- |
| healthy | 1.462 | 1.462 | painter chased the house . the river brenna eats |
| A | 1.531 | 1.531 | painter chased the house . the river brenna ring |
| B | 0.031 | 0.031 | the the the the the the the the the |
| C | 6.370 | 6.370 | rainy learned many but river freya ben mia cards |
| D | 1.517 | 1.503 | painter chased the house . the river brenna eats |
| E | 5.245 | 5.245 | sunny of would happy . where a cat 1012 |
| F | 1.535 | 1.535 | goose chased the house . the river brenna eats |

Say what each suffers from, in the words of this table. Some of them fit nobody.

| words | what was wrong |
| :-- | :-- |
| `"never zeroed"` | the gradients were not set to zero, in no update |
| `"zeroed too early"` | they were set to zero after `backward()` and before the optimiser's step |
| `"no shift"` | the targets were the inputs themselves, in training and in validation |
| `"no mask"` | the causal mask was missing, so each place saw the words to come |
| `"clipped too late"` | the gradients were shortened after the optimiser's step |
| `"validates in training mode"` | the validation loss was computed with dropout at work |
| `"resumed with weights alone"` | after the stop, optimiser and count of updates began anew |
| `"leak"` | the validation documents were among the training documents, a hundred times each |
| `"rate too low"` | the learning rate was a millionth of what it should have been |
| `"frozen"` | the optimiser had been given the weights of another model |
"""


# %%
def causes() -> dict[str, str]:
    """What each patient suffers from: `return {"A": "...", "B": "...", ..., "F": "..."}`, in the words of the table."""
    ### BEGIN SOLUTION
    return {
        "A": "resumed with weights alone",
        "B": "no shift",
        "C": "zeroed too early",
        "D": "validates in training mode",
        "E": "never zeroed",
        "F": "clipped too late",
    }
    ### END SOLUTION


# %%
check("12.5", causes)
# %% [markdown] tags=["hint"]
r"""
Lay each patient beside the healthy run and find the *first* number that differs. What happened just before it?
"""

# %% [markdown] tags=["hint"]
r"""
A learning rate that is too small, weights of another model, and gradients that are zero all look alike in the loss.
Which of them can be told apart by the length of the gradient? And a program that copies and one that looks ahead
both have a loss that is too good: what do they make of a batch whose targets have nothing to do with its inputs?
"""

# %% [markdown] tags=["hint"]
r"""
A is healthy until the stop. B does not even notice that its targets were to be replaced. The optimiser of C gets
nothing. D is healthy to the last update. E's gradient is always as long as is allowed. F's gradient is longer than
is allowed.
"""

# %% [markdown] tags=["discussion"]
r"""
- A warmed up a second time and then ran at the full rate, where the healthy run was slowing down. A jump at a
  resume has its cause in what was not saved. What must be saved is the question of 12.7.
- B's targets were the inputs, so replaced targets could not reach it. Without a mask, a loss near 0 would have come
  too, but the damaged batch would have cost it as much as the others. And it repeats itself, because what it has
  learned is to say the word that it stands on.
- C, a rate that is too low, and a frozen model give the same flat curve. Only the length of the gradient at the
  step tells them apart: 0.00 here, while in the other two it would be the healthy 0.47 at the first update.
- D has nothing. Its model is as good as the healthy one; only its examiner is not. Two validations of the same weights
  on the same text have to agree to the last digit.
- In E, each gradient holds all earlier ones, so it points where the loss used to fall, not where it falls now.
  Clipping hides the size of the sum, and it shows in a gradient that is *always* at the limit.
- F is still worse than the healthy run 20 updates after one bad batch. At 131, the healthy run had lost nothing.
"""

# %% [markdown] exercise="12.6"
r"""
Here is a loop with the mistakes of patients B, D, E and F in it, all at once. It runs without an error.

```python
def train(model, optimizer, batches, held_out, max_norm):
    losses = []
    for ids in batches:
        logits = model(ids)
        loss = cross_entropy(logits.flatten(0, 1), ids.flatten())
        loss.backward()
        optimizer.step()
        clip_grad_norm_(model.parameters(), max_norm)
        losses.append(loss)
    logits = model(held_out)
    return losses, cross_entropy(logits.flatten(0, 1), held_out.flatten())
```

Mend it.

- **Takes** `model`, which maps ids of shape `(B, T)` to logits of shape `(B, T, V)`, each from the ids up to its
  own place; an `optimizer` with `zero_grad()` and `step()`; `batches`, a list of ids of shape `(B, T)`; `held_out`,
  ids of the same kind; and `max_norm`.
- **Does** one update for each batch, in order: at each place but the last of a row, predict the id that follows.
  Gradients longer than `max_norm`, all together, are shortened before they are used. Updates happen in training
  mode, the verdict in evaluation mode, whatever mode the model is in when it comes.
- **Returns** a list of the training losses, each before its update, and the loss of the trained model on
  `held_out`; all of them plain numbers, in nats per predicted id.

Example: a batch of shape `(2, 5)` has $2 \cdot 4 = 8$ predictions. A model that guesses uniformly among 6 words
gets the loss $\ln 6 = 1.792$ for it.
"""


# %%
def train(
    model: nn.Module, optimizer: Any, batches: list[Int[Tensor, "B T"]], held_out: Int[Tensor, "B T"], max_norm: float
) -> tuple[list[float], float]:
    """One update for each batch; the loss of each batch, and the loss on `held_out` afterwards."""

    ### BEGIN SOLUTION
    def loss_of(ids: Int[Tensor, "B T"]) -> Tensor:
        logits = model(ids[:, :-1])
        return cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())

    model.train()
    losses = []
    for ids in batches:
        optimizer.zero_grad()
        loss = loss_of(ids)
        loss.backward()
        clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        return losses, loss_of(held_out).item()
    ### END SOLUTION


# %%
check("12.6", train)
# %% [markdown] tags=["hint"]
r"""
The order of one update is: forget the old gradient, read, measure, go backward, shorten, step. Which of these is
missing in the code, and which stands in the wrong place?
"""

# %% [markdown] tags=["hint"]
r"""
Two lines ask the model to say the word that it has just read: one in the loop and one after it. Cut logits and targets
at *opposite* ends. And who says in which mode the model is? `model.train()` and `model.eval()`.
"""

# %% [markdown] tags=["hint"]
r"""
Feed `ids[:, :-1]` and compare with `ids[:, 1:]`, in both places. `model.train()` and then for each batch
`zero_grad`, loss, `backward`, `clip_grad_norm_`, `step`, `loss.item()`. Then `model.eval()`, and the held-out loss
under `torch.no_grad()`.
"""

# %% [markdown] tags=["discussion"]
r"""
- A test for the shift that needs no training: replace the targets by noise. A loss that does not mind has never
  looked at them.
- Gradients may be set to zero anywhere between the optimiser's step and the next `backward()`. Most people do it
  first thing, so that nobody else's gradients can be in the way.
- `clip_grad_norm_` after the step works on gradients whose work is done. Nothing complains.
- A list of losses that are still tensors with a graph keeps what every batch needed for its backward pass. Memory
  grows with each update, and the run dies after hours, far from the line that is to blame.
- One loss function for training and held-out text means one place for mistakes. Written twice, the second copy
  is the one that stays broken.
"""

# %% [markdown] exercise="12.7"
r"""
Patient A was stopped and taken up again with its weights alone. Here is what it did:

```python
def resume(old, new):
    new.model.load_state_dict(old.model.state_dict())
    return new
```

`old` is the run as it was when it stopped. `new` is what a new process begins with: it was made with another seed
and knows nothing. Bring `new` to exactly where `old` is, so that from now on both make the same updates, bit for
bit.

A run has these parts. `run()` makes one update and returns its loss.

| part | what it is |
| :-- | :-- |
| `run.model` | a torch module; it has dropout |
| `run.optimizer` | gradient descent with momentum, which remembers a velocity for each weight; it has `state_dict()` and `load_state_dict(state)`, as torch's optimisers have |
| `run.step` | updates made so far; the learning rate depends on it |
| `run.place` | number of the next batch; not always the same multiple of the step, because damaged batches are passed over |
| `run.generator` | a `torch.Generator`, from which dropout draws; it has `get_state()` and `set_state(state)` |

- **Takes** the runs `old` and `new`.
- **Returns** `new`, brought to where `old` is. `old` stays as it is.
- The two share nothing: if `old` makes another update afterwards, `new` does not notice. Beware: `state_dict()`
  hands out the living tensors, not copies, and this optimiser's `load_state_dict` keeps the very tensors that it is
  given. `copy.deepcopy` makes copies.

Example: after `old = Run(1)` and three calls of `old()`, and with `new = resume(old, Run(2))`, the calls `old()`
and `new()` return the same number, although the next batch is a new one and dropout draws anew. With the code above
they do not.
"""


# %%
def resume(old: Run, new: Run) -> Run:
    """Bring `new` to exactly where `old` is, without sharing anything, and return it."""
    ### BEGIN SOLUTION
    new.model.load_state_dict(old.model.state_dict())
    new.optimizer.load_state_dict(copy.deepcopy(old.optimizer.state_dict()))
    new.step = old.step
    new.place = old.place
    new.generator.set_state(old.generator.get_state())
    return new
    ### END SOLUTION


# %%
check("12.7", resume)
# %% [markdown] tags=["hint"]
r"""
What does an update depend on? The table lists five things. Whatever is not carried over begins anew.
"""

# %% [markdown] tags=["hint"]
r"""
Fill what is there, and do not exchange it: the new optimiser has to go on updating the weights of the new model,
and it knows them as they are. Numbers can be assigned. A generator cannot be shared: `set_state` of one takes
`get_state()` of the other.
"""

# %% [markdown] tags=["hint"]
r"""
Add to the code above: `new.optimizer.load_state_dict(copy.deepcopy(old.optimizer.state_dict()))`, then `new.step =
old.step`, the same for `place`, and `new.generator.set_state(old.generator.get_state())`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Weights alone are enough to *use* a model. To go on training it, one also needs the optimiser's memory, the count
  of updates, the place in the data, and every source of random numbers. The optimiser's memory is often the largest
  part: AdamW keeps two numbers for each weight.
- `best = model.state_dict()` is the same trap in everyday clothes. It looks like a copy of the best weights so far,
  and it is the model itself: after the next update it holds the newest ones.
- `new.model = old.model` leaves the new optimiser with weights that nobody uses any more. The loss is then a flat
  line.
- Through a file, copies come by themselves. Bit-equal is a demand that can be tested, and a run that only looks
  "about the same" after a resume has forgotten something.
"""
