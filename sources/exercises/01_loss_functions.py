# ---
# lesson: 01_loss_functions
# ---

# %% [markdown]
r"""
Seven exercises, easy ones first. The first two make the loss that every later lesson trains with, the next two make
the numbers by which models are compared, and the last three ask what a loss really rewards.

Natural logarithms throughout, so losses are in nats. Shape letters: B texts, T tokens in each, V words in the
vocabulary, N examples. `...` stands for any number of further axes, none included.
"""

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="01.1"
r"""
A model gives every word a *logit*, any real number. Softmax makes probabilities of them,
$p_i = e^{z_i} / \sum_j e^{z_j}$, and the loss needs the logarithm of those.

Written down as it stands, that breaks: $e^{1000}$ is too large for the 32-bit numbers that torch uses, and $e^{-200}$ is rounded
to 0, whose logarithm is $-\infty$. Yet the answer itself is harmless in both cases. Write a log-softmax that gets
there.

- **Takes** `logits`, shape `(..., V)`: each row along the last axis is one prediction.
- **Returns** the log-probabilities, same shape.

Example: `log_softmax(torch.tensor([1., 2., 4.]))` is about `[-3.170, -2.170, -0.170]`, and exp of that sums to 1.
With 1000 added to all three logits, the answer must be the same.

Use `exp`, `log`, `sum` and `amax`. (torch has a `log_softmax` and a `logsumexp`. You will use them from the next
exercise on.)
"""


# %%
def log_softmax(logits: Float[Tensor, "... V"]) -> Float[Tensor, "... V"]:
    """Logarithm of softmax along the last axis, in nats, for logits of any size."""
    ### BEGIN SOLUTION
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    return shifted - shifted.exp().sum(dim=-1, keepdim=True).log()
    ### END SOLUTION


# %%
check("01.1", log_softmax)
# %% [markdown] tags=["hint"]
r"""
What happens to softmax if you add the same number to every logit of a row? Which number would you like to add?
"""

# %% [markdown] tags=["hint"]
r"""
Take off each row's largest logit. Then the largest power is $e^0 = 1$: nothing overflows, and the sum is never 0.
That leaves the other end. $\log \frac{a}{b} = \log a - \log b$: what is $\log e^{z}$, without any rounding?
"""

# %% [markdown] tags=["hint"]
r"""
With `shifted = logits - logits.amax(dim=-1, keepdim=True)`, the answer is `shifted` minus the logarithm of the sum
of `shifted.exp()` along the last axis. `keepdim=True` keeps that axis, so that the subtraction lines up row by row.
"""

# %% [markdown] tags=["discussion"]
r"""
Both tricks come from one line: $\log p_i = (z_i - m) - \log \sum_j e^{z_j - m}$, true for every $m$.

- `logits.softmax(-1).log()` survives large logits (torch's softmax subtracts the maximum too), and still gives
  $-\infty$ for improbable words. That is the worst place to break: an improbable word that does come is exactly
  where a model has most to learn.
- Adding `1e-9` inside the logarithm replaces $-\infty$ by $-20.7$, a wrong number that looks like a right one. Its
  gradient is wrong as well: nearly zero where it should be largest.
- `logits.max()` instead of the row's own maximum is right until one row of a batch is far above another.
- `logits -= ...` changes the caller's tensor. Nothing is amiss in your function, and everything after it computes
  with other logits.
"""

# %% [markdown] exercise="01.2"
r"""
Now the loss: at each position, minus the log-probability of the word that really came; and of these the mean.

Texts in a batch differ in length, so short ones are padded. What stands on the padding is not worth predicting. The
custom is to mark such positions with a target that no word has, `-100`, and to leave them out of the mean
altogether.

- **Takes** `logits`, shape `(..., V)`; `targets`, whole numbers of shape `(...)`; and `ignore_index`, the mark.
- **Returns** a tensor with no axes: the mean over all positions that are not ignored. Every one of them counts the
  same, whatever text it stands in. If none is left, the loss is 0, and `backward()` works.

Example: `logits = [[0, 0, 0, 0], [0, ln 2, 0, 0], [9, 9, 9, 9]]`, `targets = [2, 1, -100]`. The first row is a
uniform guess and costs $\ln 4$. In the second the target has probability $\frac{2}{5}$ and costs $-\ln\frac25$. The
third is ignored. So the loss is $(1.386 + 0.916) / 2 = 1.151$.

You may use `log_softmax` from torch (`logits.log_softmax(-1)`) or your own, but not torch's cross-entropy.
"""


# %%
def cross_entropy(
    logits: Float[Tensor, "... V"], targets: Int[Tensor, "..."], ignore_index: int = -100
) -> Float[Tensor, ""]:
    """Mean of −log p(target), in nats, over the positions whose target is not `ignore_index`; 0 if there are none."""
    ### BEGIN SOLUTION
    kept = targets != ignore_index
    log_probs = logits.log_softmax(dim=-1)[kept]
    at_target = log_probs.gather(-1, targets[kept].unsqueeze(-1))
    return -at_target.sum() / kept.sum().clamp(min=1)
    ### END SOLUTION


# %%
check("01.2", cross_entropy)
# %% [markdown] tags=["hint"]
r"""
First find out which positions count: `kept = targets != ignore_index`. How many are they? What do you divide by?
"""

# %% [markdown] tags=["hint"]
r"""
A mask can pick rows: `logits[kept]` has shape `(n, V)` and `targets[kept]` has shape `(n,)`, whatever the shapes
were before. To take one number from each row, at the place that another tensor names, use
`gather(-1, places.unsqueeze(-1))`.
"""

# %% [markdown] tags=["hint"]
r"""
`logits.log_softmax(-1)[kept].gather(-1, targets[kept].unsqueeze(-1))` holds the log-probabilities of the targets.
Return minus their *sum*, divided by `kept.sum().clamp(min=1)`. (`.mean()` of an empty tensor is nan.)
"""

# %% [markdown] tags=["discussion"]
r"""
- Dividing by `targets.numel()` is the mistake that nobody notices. More padding makes the loss smaller, and
  with it every step of training.
- The mean of each text's mean is another quantity: a word in a short text would count more than one in a long text.
- What the loss is where nothing is left is a decision. torch's own `cross_entropy` gives nan, which is honest about
  0 divided by 0, and would wipe out all weights if it ever came up in training. Here it is 0, with zero gradient:
  no data, no change.
- `.item()`, `float(...)` and `torch.tensor(...)` give the right number and cut it off from the logits. A loss that
  cannot be differentiated cannot teach.
"""

# %% [markdown] exercise="01.3"
r"""
Model A cuts text into characters, model B into words. Both report a loss per token. You cannot compare them: B's
tokens are longer, so each is harder to predict, and there are fewer.

What can be compared is the cost of the *whole text*, over something that no tokenizer can change: its length in
bytes. That is bits per byte. Perplexity, on the other hand, is "per token", and stays with its tokenizer. Compute
both.

- **Takes** `token_nats`, shape `(T,)`: what each token of the text cost, in nats; and the `text` itself.
- **Returns** two numbers: the perplexity per token, $e^{\text{mean loss}}$, and the bits per byte.

Example: the text `"né né"` was cut into two tokens, which cost $\ln 8$ and $\ln 2$ nats. Their mean is $\ln 4$, so
the perplexity is 4. Together they cost $\ln 16$ nats, that is 4 bits. The text has five characters, and 7 bytes in
UTF-8, because each é takes two. So it costs $4 / 7 = 0.571$ bits per byte.
"""


# %%
def fair_scores(token_nats: Float[Tensor, "T"], text: str) -> tuple[float, float]:
    """Perplexity per token, and bits per byte of `text` in UTF-8."""
    ### BEGIN SOLUTION
    perplexity = math.exp(token_nats.mean())
    bits = token_nats.sum().item() / math.log(2)
    return perplexity, bits / len(text.encode("utf-8"))
    ### END SOLUTION


# %%
check("01.3", fair_scores)
# %% [markdown] tags=["hint"]
r"""
One of the two numbers needs the mean of the losses, the other their sum. Which needs which?
"""

# %% [markdown] tags=["hint"]
r"""
A bit is what a choice between two equally likely things costs: $\ln 2 = 0.693$ nats. So is a loss a larger or a
smaller number in bits? And `len(text)` counts characters: `text.encode("utf-8")` gives the bytes.
"""

# %% [markdown] tags=["hint"]
r"""
The perplexity is `math.exp(token_nats.mean())`. The bits per byte are
`token_nats.sum() / math.log(2) / len(text.encode("utf-8"))`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Bits per byte is also a promise about compression: an arithmetic coder that is fed with this model's probabilities
  stores the text in that many bits per byte, give or take a few bits in all.
- $2^{\text{loss}}$ is a perplexity only if the loss is in bits. Published numbers mix the two, so look before you
  compare.
- The mean of $e^{\text{loss}}$ is not the perplexity: a single token with probability $10^{-6}$ would make it
  enormous. Mean first, exp last.
- In English text characters and bytes are nearly the same, which is why dividing by `len(text)` goes unnoticed
  until someone evaluates on Greek.
"""

# %% [markdown] exercise="01.4"
r"""
A forecaster who says "80 %" should be right in 80 % of such cases. If so, it is *calibrated*, and its confidence
can be trusted. The **expected calibration error** (Naeini and others, 2015) measures how far it is from that.

Sort the examples into bins by confidence. With $n$ bins, bin $k$ holds those with
$\frac{k}{n} \le c < \frac{k+1}{n}$, where $k = 0, \dots, n-1$, and a confidence of exactly 1 belongs in the last.
In each bin, compare how often the forecaster was right with how sure it was on average. Then

$$\text{ECE} = \sum_{\text{bins}} \frac{\text{examples in the bin}}{\text{all examples}} \cdot
\bigl|\,\text{accuracy} - \text{mean confidence}\,\bigr|.$$

- **Takes** `confidences`, shape `(N,)`, from 0 to 1; `correct`, shape `(N,)`, True or False; and the number of
  bins.
- **Returns** one number. An empty bin adds nothing.

Example with two bins: confidences `[0.1, 0.3, 0.8, 0.8, 0.95]`, correct `[no, yes, yes, no, yes]`. In the lower bin, 2
of 5 examples, it was right half the time and 0.2 sure: a gap of 0.3. In the upper bin, 3 of 5 examples, it was right in
$\frac23$ and 0.85 sure: a gap of 0.183. So the ECE is $\frac25 \cdot 0.3 + \frac35 \cdot 0.183 = 0.23$.
"""


# %%
def calibration_error(confidences: Float[Tensor, "N"], correct: Bool[Tensor, "N"], n_bins: int = 10) -> float:
    """Expected calibration error over `n_bins` bins of equal width."""
    ### BEGIN SOLUTION
    bins = (confidences * n_bins).long().clamp(max=n_bins - 1)
    error = 0.0
    for k in range(n_bins):
        inside = bins == k
        if inside.any():
            gap = correct[inside].float().mean() - confidences[inside].mean()
            error += inside.float().mean().item() * abs(gap.item())
    return error
    ### END SOLUTION


# %%
check("01.4", calibration_error)
# %% [markdown] tags=["hint"]
r"""
Begin with a loop over the bins and a mask for the examples inside one. What has to happen in a bin without
examples?
"""

# %% [markdown] tags=["hint"]
r"""
`(confidences * n_bins).long()` gives each example the number of its bin, except that a confidence of 1.0 lands one
too high: `.clamp(max=n_bins - 1)`. `correct[inside].float().mean()` is the accuracy in a bin.
"""

# %% [markdown] tags=["hint"]
r"""
For each bin that is not empty, add `inside.float().mean()` (its share) times the absolute value of
`correct[inside].float().mean() - confidences[inside].mean()`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The absolute value must be taken *inside* the sum. Outside it, a forecaster that is too timid on easy questions
  and too bold on hard ones comes out perfect.
- Without the weights, a bin that holds one example speaks as loudly as one that holds a thousand.
- Comparing with the middle of the bin instead of its mean confidence charges the forecaster for where we put the
  edges.
- A low ECE is not a good forecast. Someone who says "50 %" to every fair question is calibrated and knows nothing;
  and one bin hides everything. That is why calibration is reported *beside* a loss, never instead of one.
"""

# %% [markdown] exercise="01.5"
r"""
No code this time: five numbers. Think first and use a calculator only for the logarithms; two decimals are enough.

A corpus contains eight sentences that say in which town the market is held. In six of them it is *Alba*, in two it
is *Bero*. The truth is Bero: the six are an old error that people copied from each other. A model reads *the market
is held in* and has to give the next word probabilities.

| entry | what it is |
| :-- | :-- |
| `"uniform_guess"` | the loss, in nats, of a model that gives each of 65 characters the same probability |
| `"best_probability"` | the probability of *Alba* for which the mean loss over the eight sentences is smallest |
| `"best_loss"` | that smallest mean loss, in nats |
| `"fifty_fifty"` | the mean loss over the eight, in nats, of a model that gives each of the two towns ½ |
| `"ten_times_less"` | how many nats *more* a word costs once the model gives it a tenth of its former probability |
"""


# %%
def predictions() -> dict[str, float]:
    """The five numbers, by the names in the table: `return {"uniform_guess": ..., "best_probability": ..., ...}`."""
    ### BEGIN SOLUTION
    return {
        "uniform_guess": math.log(65),
        "best_probability": 6 / 8,
        "best_loss": -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)),
        "fifty_fifty": math.log(2),
        "ten_times_less": math.log(10),
    }
    ### END SOLUTION


# %%
check("01.5", predictions)
# %% [markdown] tags=["hint"]
r"""
Every one of them is a statement about $-\ln p$. What is $p$ for a uniform guess among 65? And what does the loss
know about the world beyond these eight sentences?
"""

# %% [markdown] tags=["hint"]
r"""
With probability $q$ for *Alba*, six sentences cost $-\ln q$ each and two cost $-\ln(1 - q)$. Where does the mean of
the eight have its minimum? Set its slope to zero, or remember which distribution minimises cross-entropy. For the
last entry: $-\ln \frac{p}{10} = -\ln p + \ln 10$.
"""

# %% [markdown] tags=["hint"]
r"""
$\ln 65$; the share of *Alba* in the data, true or not; $-\frac34\ln\frac34 - \frac14\ln\frac14$; $\ln 2$; $\ln 10$.
"""

# %% [markdown] tags=["discussion"]
r"""
`4.17`, `0.75`, `0.56`, `0.69`, `2.30`.

- The best probability is the share *in the data*. That *Bero* is true appears nowhere in the loss, so a model that
  knows better pays for saying it. A loss rewards agreement with the corpus.
- The smallest loss is not 0. It is the entropy of the data: the price of a question that the corpus itself answers
  in two ways. No training gets below.
- The model that gives ½ each pays 0.13 nats more than it must. That difference is the Kullback–Leibler divergence
  between the data and the model, and it is all that training can still win.
- Ratios of probabilities become differences of loss. Therefore 0.1 nats means the same everywhere: the words that
  came got, on (geometric) average, almost 10 % less probability.
"""

# %% [markdown] exercise="01.6"
r"""
You believe that it rains tomorrow with probability $p$. You report a probability, and pay `loss(report, happened)`
tomorrow. You want to pay as little as possible on average. What do you report?

If the loss is any good, the answer is $p$: honesty is the best policy. Such a loss is called *proper*. Write the
function that finds out what a loss really asks for.

- **Takes** `p`, what you believe, above 0 and below 1; and `loss`, a function of a report (a number from 0 to 1) and of
  whether it happened (True or False).
- **Returns** the report, to within 0.005, for which the *expected* loss
  $p \cdot \text{loss}(r, \text{True}) + (1 - p) \cdot \text{loss}(r, \text{False})$ is smallest.

Example: $p = 0.3$, and the loss is the distance $|r - y|$ with $y = 1$ if it happened, else 0. The expected loss of
a report $r$ is $0.3 \cdot (1 - r) + 0.7 \cdot r = 0.3 + 0.4\,r$. That is smallest at $r = 0$: under this loss you
do best to swear that it stays dry.

You know nothing about `loss`. Its slope may be zero or infinite, it may have several valleys, and it may return
`math.inf`. So try many reports over the whole range.
"""


# %%
def best_report(p: float, loss: Callable[[float, bool], float]) -> float:
    """The report between 0 and 1 with the smallest expected loss for someone who believes in `p`."""

    ### BEGIN SOLUTION
    def expected(report: float) -> float:
        return p * loss(report, True) + (1 - p) * loss(report, False)

    return min(torch.linspace(0, 1, 1001).tolist(), key=expected)
    ### END SOLUTION


# %%
check("01.6", best_report)
# %% [markdown] tags=["hint"]
r"""
For one report, how much do you pay on average? It happens with probability $p$ and does not with probability
$1 - p$.
"""

# %% [markdown] tags=["hint"]
r"""
Make a list of reports, 0, 0.001, 0.002 and so on up to 1, and compute the expected loss of each. Return the report
whose expected loss is smallest, not the loss.
"""

# %% [markdown] tags=["hint"]
r"""
Python's `min(reports, key=expected)` returns the element for which the function `expected` is smallest.
"""

# %% [markdown] tags=["discussion"]
r"""
Try it: under log loss and squared error the answer is $p$, whatever $p$ is. Under the absolute error it is 0 or 1,
and a model trained on that loss would learn to be certain of everything. The same expectation explains
cross-entropy over a whole vocabulary: its best report is the distribution itself (Gneiting and Raftery, 2007).

A search over a grid is slow, needs no slope, and misses only what is narrower than its steps. Descending a slope, the topic of the next
lesson, would be stuck on a staircase and could leave the range from 0 to 1.
"""

# %% [markdown] exercise="01.7"
r"""
Now be the one who sets the exam badly. Design a loss that *looks* fair and is not.

- **Takes** `report`, a probability from 0 to 1; and `happened`, True or False.
- **Returns** the loss, a finite number for every report from 0.01 to 0.99.

It looks fair: a report nearer to what happened always costs strictly less. (If it happened, more probability is
cheaper; if it did not, less is.)

Yet it can be gamed: for some belief $p$, the report that minimises the expected loss is at least 0.1 away from $p$.

Example of one that fails: `(report - happened) ** 2`, the squared error, looks fair and cannot be gamed. Neither
can log loss. (The distance of the previous exercise does the job. Can you find one of another shape?)
"""


# %%
def gamed_loss(report: float, happened: bool) -> float:
    """A loss that falls as the report nears what happened, and still rewards dishonest reports."""
    ### BEGIN SOLUTION
    # Whoever gets wet without a warning complains three times as loudly.
    return 3 * (1 - report) ** 2 if happened else report**2
    ### END SOLUTION


# %%
check("01.7", gamed_loss)
# %% [markdown] tags=["hint"]
r"""
Your `best_report` is the tool: try losses on it, with $p = 0.5$ for a start, and look whether it returns something
else than $p$.
"""

# %% [markdown] tags=["hint"]
r"""
The two outcomes need not be charged alike. What do you report if missing the rain costs much more than a false
alarm?
"""

# %% [markdown] tags=["hint"]
r"""
Multiply one half of the squared error by 3: `3 * (1 - report) ** 2` if it happened, and `report ** 2` if not.
"""

# %% [markdown] tags=["discussion"]
r"""
With weights 3 and 1 on the squared error the best report is $\frac{3p}{1 + 2p}$: three quarters for someone who
believes in one half. Whoever optimises this loss gives it what it asked for, and it asked for alarm.

Other families: $|r - y|$ to a power other than 2 (at 1 everyone swears, above 2 everyone hedges towards ½); log
loss with a class weighted up, which is common practice for rare classes, and makes the
probabilities of those classes come out too high.

Remember the pattern, for it comes back with reward models: what looks fair case by case can be unfair in
expectation, and an optimiser finds out before you do.
"""
