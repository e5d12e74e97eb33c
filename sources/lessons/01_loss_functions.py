# ---
# title: Loss functions
# part: "I · Learning is making a number smaller"
# minutes: 75
# prerequisites: >-
#   Python with functions and lists, logarithms as school teaches them, and a first look at arrays
#   (`torch.tensor` works like `numpy.array` here). No machine learning.
# objectives:
#   - say what a loss function must be (specific, computable, smooth) and test a candidate for each
#   - compute mean squared error, negative log-likelihood and cross-entropy, from probabilities and from logits
#   - explain why training minimises cross-entropy although accuracy is what we want
#   - say which forecast has the lowest cross-entropy, what that lowest value is, and why it is not zero
#   - turn a loss into perplexity and bits per byte, and compare models that cut text differently
# summary:
#   - A loss turns a rule and its data into one number. It must be *specific* (it says what we want), *computable* (from
#     what we have) and *smooth* (a small change of the parameters makes a small, usable change of the loss).
#   - Mean squared error averages squared misses. Cross-entropy averages −ln p, where p is the probability that the
#     forecast gave to what happened; from logits it is the log of the sum of their exponentials, minus the right one.
#   - Accuracy is a staircase in the parameters. Its slope is zero nearly everywhere, so it cannot tell a search where
#     to go; cross-entropy has a slope wherever the forecast can still improve.
#   - The data's own distribution. What it pays is the entropy of the data, the floor, and every other forecast pays
#     its distance (the KL divergence) on top.
#   - Perplexity is e to the loss in nats per token. Bits per byte divides by something that both models share, the bytes
#     of the text, and so may be compared between them.
# quiz:
#   - question: >-
#       Two models read the same held-out text. A pays 2.0 nats per token, B pays 4.0 nats per token. B's tokens are words
#       of five bytes on average, blank included; A's tokens are single bytes. Which is the better model of the text?
#     options:
#       - answer: A, because 2.0 is less than 4.0.
#         because: The two averages are over different things. A pays its 2.0 nats five times for each word.
#       - answer: B, because it pays less per byte.
#         right: true
#         because: B pays 4.0 / 5 = 0.8 nats per byte and A pays 2.0. In bits, 1.15 against 2.89.
#       - answer: Nobody can tell without the accuracy.
#         because: Both are probabilities of the very same text, and the higher one is the better forecast of it. Accuracy
#           would not help, for guessing a byte and guessing a word are different tasks.
#   - question: >-
#       A model's loss on new documents from the toy world comes out clearly *below* the floor. What is the best explanation?
#     options:
#       - answer: The model is better than the rules that made the documents.
#         because: No forecast beats the data's own distribution on average. That is what the floor means.
#       - answer: Something leaks, for instance the answer stands in the input, or the loss is averaged over the wrong count.
#         right: true
#         because: A loss too good to be true is a bug report. Only luck on a small sample, and only slightly, can go below.
#       - answer: It has trained for long enough.
#         because: Training brings the loss down *towards* the floor. More training cannot take it through.
#   - question: >-
#       In a corpus, one false sentence is repeated a thousand times and its true version stands there once. A model that
#       is perfectly trained on this corpus...
#     options:
#       - answer: ...asserts the false version, because that lowers its loss.
#         right: true
#         because: Cross-entropy rewards matching the data. Which version is true appears nowhere in the formula.
#       - answer: ...asserts the true version, because truth is consistent with everything else.
#         because: Nothing in the loss measures consistency with the world. It sees only what the corpus says next.
#       - answer: ...gives each version one half, to be safe.
#         because: One half each would cost more than giving each version its share in the data, a thousand to one.
# read_next:
#   - "[Shannon, *A Mathematical Theory of Communication* (1948)](https://doi.org/10.1002/j.1538-7305.1948.tb01338.x): sections 2, 3 and 6 hold n-gram text, entropy and the floor."
#   - "[Shannon, *Prediction and Entropy of Printed English* (1951)](https://doi.org/10.1002/j.1538-7305.1951.tb01366.x): the floor of real English, estimated by letting people guess the next letter."
#   - "[Gneiting and Raftery, *Strictly Proper Scoring Rules, Prediction, and Estimation* (2007)](https://doi.org/10.1198/016214506000001437): which losses make honesty the best policy, and why."
#   - "[Guo and others, *On Calibration of Modern Neural Networks* (2017)](https://arxiv.org/abs/1706.04599): newer networks are right more often than older ones, and too sure of it; dividing all logits by one number repairs much."
# ---

# %% [markdown]
r"""
## Who says that a guess is bad?

A courier notes, for six parcels, how far each one went and how long it took. We want a rule that tells the minutes
from the kilometres, and we are content with the simplest one: a fixed pace, so many minutes for each kilometre.
"""

# %%
import math

import torch

from course_lib import claim
from course_lib.display import bars, curves, table

kilometres = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
minutes = torch.tensor([6.0, 11.0, 14.0, 22.0, 24.0, 31.0])

for pace in (4.0, 5.0, 6.0):
    print(f"{pace} minutes a kilometre: misses by", [round(miss, 1) for miss in (pace * kilometres - minutes).tolist()])

# %% [markdown]
r"""
Three paces, six misses each. The first is always too quick, the last is mostly too slow, the middle one is a bit off
everywhere. To say which pace is *best* we must boil six misses down to one number. Here is one way: square each miss,
so that too long and too short both count, and take the mean. It has a name, **mean squared error**:

$$\text{MSE}(w) = \frac{1}{n} \sum_{i=1}^{n} (w\,x_i - y_i)^2$$

Here $x_i$ are the kilometres, $y_i$ the minutes, and $w$ is the pace. Once we have settled on this measure, "best" is
a matter of calculation. We can try every pace from 3 to 7 and take the lowest.
"""

# %%
paces = torch.linspace(3, 7, 401)
errors = ((paces[:, None] * kilometres - minutes) ** 2).mean(dim=1)  # one error for each pace
best = errors.argmin()
print(f"best pace {paces[best]:.2f} minutes per kilometre, mean squared error {errors[best]:.2f} square minutes")

curves(
    paces,
    {"mean squared error": errors},
    xlabel="pace w (minutes per kilometre)",
    ylabel="MSE (minutes²)",
    marks={"lowest": (paces[best], errors[best])},
)

# %% [markdown]
r"""
That valley is the whole of this course in one picture. There is a number that we may turn, the **parameter** (here
the pace). There is a function that says how wrong we are for each setting of it, the **loss function**. And
*learning* means: find a setting where the loss is small.

Nothing in the few lines above understood what a parcel is. A number was adjusted until another number was small. In
later lessons hundreds of thousands of numbers will be adjusted at once, and the result will tell stories; the word
will still mean the same thing.

How to search when there are too many settings to try them all is the business of the next lesson. This one is about
the judge. The search believes whatever the judge says, so we had better choose it well.
"""

# %% [markdown]
r"""
## Does it matter which judge?

Five people earn 2, 2, 3, 4 and 59 coins a day. You are to describe them by *one* number.

**Predict first.** Which number has the lowest mean squared error? Which one has the lowest mean *absolute* error,
where each miss counts as it is, without the square? Are they close to one another?
"""

# %%
wages = torch.tensor([2.0, 2.0, 3.0, 4.0, 59.0])
guesses = torch.linspace(0, 20, 2001)
misses = guesses[:, None] - wages

by_square = guesses[(misses**2).mean(dim=1).argmin()].item()
by_absolute = guesses[misses.abs().mean(dim=1).argmin()].item()
print(f"lowest squared error at {by_square:.2f}, lowest absolute error at {by_absolute:.2f}")

claim(abs(by_square - wages.mean()) < 0.01, "mean squared error is lowest at the mean, 14")
claim(abs(by_absolute - wages.median()) < 0.01, "mean absolute error is lowest at the median, 3")

# %% [markdown]
r"""
Fourteen or three: not close at all. Nobody here earns anything like fourteen. But one miss of 56 hurts a *squared*
judge so much that it would rather be wrong by ten or more about everybody than by 56 about one. The absolute judge
hardly minds.

Neither made a mistake. They were asked different questions. So the first thing that a loss must be is **specific**:
it has to say what we actually want, because what it says is what we will get.
"""

# %% [markdown]
r"""
## How do you score a guess about a word?

A language model guesses words, and there is no "two minutes too late" between *juice* and *tea*. To see what to do
instead, we need text, and since we want to know exactly what is right, we take it from a world that we built.

The **toy world** of this course is a small country of towns, people and animals. Documents about it come from a few
hundred lines of Python that choose, word by word, how to go on, with probabilities that we wrote down. Each line
below is one document.
"""

# %%
from course_lib.text import VALIDATION_SEED, World

world = World()
documents = world.documents(1000, seed=VALIDATION_SEED)
for document in documents[:6]:
    print(document.text, "\n")

# %% [markdown]
r"""
Punctuation marks stand alone, so that a document is a list of words. Now cover the end of a document and guess how it
goes on. Since we know the rules, we can look up the true probability of every word that may come.
"""

# %%
for prefix in (
    "clara was thirsty . she took one apple and made some juice . then she drank apple ",
    "anna lives in ",
    open_prefix := "rosa and erik saw a film . it was a ",
):
    forecast = world.next_word(prefix)
    print(prefix, "...", {word: round(p, 3) for word, p in forecast.items()}, "\n")

bars(
    list(forecast),
    list(forecast.values()),
    xlabel="true probability of the next word",
    title="rosa and erik saw a film . it was a ...",
)

# %% [markdown]
r"""
In the first text, *juice* is a matter of grammar and of having listened. In the second, one has to know the world:
only one town is right. The third is open: a *film so bad that* comes most often, then a *very* good one, then a plain
*boring* one, and nobody can know which. The bars show this last forecast. A real text mixes the three all the time.

So this is what a perfect guess looks like: not a word, but a probability for each word. We will call any such set of
probabilities that add up to one a **forecast**.

Then a word comes. How good was the forecast? Look at what it said about *that* word, and at nothing else: it gave it
probability $p$. A high $p$ is good, a low one is bad. For a whole document we multiply, because the chance that all
of it happens is the chance of the first word, times the chance of the second after the first, and so on. That product
is called the **likelihood**. Only, a computer cannot hold it.
"""

# %%
thousand_words = torch.full((1000,), 0.1)  # a thousand words, each forecast with probability 0.1: rather good
print("likelihood:", thousand_words.prod().item())
print("sum of ln p:", round(thousand_words.log().sum().item(), 2))

claim(thousand_words.prod() == 0, "the likelihood of a thousand words is rounded to zero")

# %% [markdown]
r"""
The product is $10^{-1000}$, and the smallest number above zero that torch's usual 32-bit format can hold is about
$10^{-45}$. The *logarithm* of it is a perfectly ordinary number, and logarithms turn the product into a sum. Since
probabilities are at most one, their logarithms are at most zero, so we flip the sign and get a cost:

$$\text{cost of one word} = -\ln p$$

The mean of these costs over a text is the **negative log-likelihood** per word. It is measured in *nats* (from
*natural* logarithm).
"""

# %%
probability = torch.linspace(0.005, 1, 200)
curves(
    probability,
    {"cost": -probability.log()},
    xlabel="probability p that the forecast gave to the word that came",
    ylabel="cost −ln p (nats)",
    marks={"a coin toss: 0.69": (0.5, 0.693), "one in ten: 2.30": (0.1, 2.303)},
)

# %% [markdown]
r"""
Certain and right costs nothing. A coin toss costs 0.69 nats, one in ten costs 2.30. To the left the curve climbs
without end: whoever says "impossible" and is wrong pays an infinite price. So this judge demands that you spread your
bets over everything that may happen.

**Predict first.** A forecaster who knows nothing gives every word of the vocabulary the same probability. The world
has a few hundred words. Does each guess cost about 1 nat, about 6, or about 100?
"""

# %%
from course_lib.text import END

vocabulary = [*world.words(), END]  # a document's end is forecast like a word
V = len(vocabulary)
print(f"{V} words to choose from: every guess costs −ln(1/{V}) = {-math.log(1 / V):.3f} nats")


# %% [markdown]
r"""
About six, because a logarithm grows slowly: $-\ln \frac1V = \ln V$. Keep that number in mind. A model that has not
been trained yet and prefers no word pays just about that. When a first loss is far from $\ln V$, the model starts out
with strong opinions about nothing, or something is wrong.
"""

# %% [markdown]
r"""
## Where do the probabilities come from?

From arithmetic on parameters, and arithmetic produces any numbers at all: negative ones, huge ones, none that add up
to one. Such raw scores are called **logits**. To make a forecast of them, take the exponential of each, which makes
them positive, and divide by the sum. This is the **softmax**:

$$p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}$$
"""

# %%
words = ["juice", "tea", "milk", "soup"]
logits = torch.tensor([2.0, 1.0, 0.0, -1.0])


def softmax_naive(logits):
    return logits.exp() / logits.exp().sum()


print(dict(zip(words, [round(p, 3) for p in softmax_naive(logits).tolist()], strict=True)))
print(softmax_naive(logits + 100))

# %% [markdown]
r"""
The first line is what we wanted. A logit that is higher by one means $e \approx 2.7$ times the probability: *juice*
has 2.7 times what *tea* has. The second line is a disaster. We added 100 to all four scores, which ought to change
nothing at all, since the factor $e^{100}$ stands above and below the line and cancels. But $e^{100}$ is more than
torch's usual 32-bit numbers can hold, and infinity divided by infinity is `nan`, not a number.

The cure uses that very law. If adding a constant changes nothing, *subtract the largest logit*. Then the largest
exponential is $e^0 = 1$ and nothing can overflow. And since the cost is $-\ln p$, we can take the logarithm on paper,
before the computer has a chance to round:

$$-\ln p_i = \ln \sum_j e^{z_j} - z_i = \Big(m + \ln \sum_j e^{z_j - m}\Big) - z_i, \qquad m = \max_j z_j$$

Averaged over many guesses, this is called **cross-entropy**, and it is the negative log-likelihood per word under a
second name. It is the loss that trains every model in this course.
"""


# %%
def cross_entropy(logits, targets):
    """Mean cost in nats; logits [N, V], targets [N] holding the number of the word that came."""
    largest = logits.max(dim=1, keepdim=True).values
    log_sum = largest.squeeze(1) + (logits - largest).exp().sum(dim=1).log()
    right = logits[torch.arange(len(targets)), targets]
    return (log_sum - right).mean()


many_logits = 200 * torch.randn(50, V)
many_targets = torch.randint(V, (50,))
ours, torchs = cross_entropy(many_logits, many_targets), torch.nn.functional.cross_entropy(many_logits, many_targets)
print(f"ours {ours:.4f}, torch's {torchs:.4f}")

claim(torch.allclose(ours, torchs), "our cross-entropy equals torch's, on logits of several hundred too")
claim(softmax_naive(many_logits[0]).isnan().any(), "the naive softmax gives nan on the first of them")
no_preference = cross_entropy(torch.zeros(50, V), many_targets)
claim(abs(no_preference - math.log(V)) < 1e-4, "equal logits, whatever comes, cost ln V")

# %% [markdown]
r"""
From here on we use `torch.nn.functional.cross_entropy`. You know what it does.

Now move the logits yourself. The forecast is for the word after *she drank apple*, and *juice* is what came. Watch
three things: the cost, whether the guess counts as right (the largest bar is *juice*), and the bars on the right,
which say for each logit how fast the cost would change if you raised it. That is the **gradient**, and for
cross-entropy it is remarkably plain: the forecast minus what happened, $p_i - y_i$, where $y_i$ is one for the word
that came and zero for the others. (The bars add up to zero, for raising all logits together changes nothing.)
"""

# %% tags=["hide-input"]
from course_lib.display.plots import paired_bars
from course_lib.display.widgets import Explorer, slider


def draw(**sliders):
    logits = torch.tensor(list(sliders.values()))
    forecast = logits.softmax(dim=0)
    gradient = forecast - torch.tensor([1.0, 0.0, 0.0, 0.0])
    verdict = "right" if logits.argmax() == 0 else "wrong"
    picture = paired_bars(
        words,
        {"forecast p": forecast.tolist(), "gradient p − y": gradient.tolist()},
        highlight=0,
        limits=[(0, 1.25), (-1.4, 1.4)],
    )
    return (
        picture,
        f"cost {-forecast[0].log():.3f} nats, the guess counts as {verdict}",
    )


Explorer(
    draw, **{word: slider(-4, 4, z.item(), label=f"logit of {word}") for word, z in zip(words, logits, strict=True)}
)

# %%
z = logits.clone().requires_grad_()
torch.nn.functional.cross_entropy(z[None], torch.tensor([0])).backward()
claim(torch.allclose(z.grad, logits.softmax(dim=0) - torch.tensor([1.0, 0, 0, 0])), "the gradient of the cost is p − y")

# %% [markdown]
r"""
Did you notice how the verdict flips at one exact place, while the cost glides through that place as if nothing had
happened? And that even when the guess is right, the gradient keeps pulling: *juice* up, all others down, less and
less as the forecast improves? The next section is about nothing else.
"""

# %% [markdown]
r"""
## We want to be right. Why not minimise the share of wrong guesses?

After all, what we care about is how often the first guess is right, the **accuracy**. Let us try, on a real case. Our
model guesses a word from the word before it. Its parameters are one logit for each pair of words.

We need two settings of these parameters. One is random. The other is sensible: the logarithm of how often each word
followed each other word in 3,000 documents (plus a little, so that no pair is impossible; lesson 04 looks at this
closely). Then we walk from the one to the other on a straight line, in 1,000 tiny steps, and at each step measure the
accuracy and the cross-entropy on 200 word pairs from documents that were drawn apart from the counted ones.
"""

# %%
from course_lib.text import TRAINING_SEED

number_of = {word: number for number, word in enumerate(vocabulary)}


def pairs(documents):
    """Previous and next word of every place in the documents, as two tensors of word numbers."""
    texts = [[END, *document.text.split(), END] for document in documents]
    before = [number_of[word] for text in texts for word in text[:-1]]
    after = [number_of[word] for text in texts for word in text[1:]]
    return torch.tensor(before), torch.tensor(after)


training = world.documents(3000, seed=TRAINING_SEED)
counts = torch.full((V, V), 0.01)
counts.index_put_(pairs(training), torch.tensor(1.0), accumulate=True)
sensible = counts.log()
random = torch.randn(V, V)

before, after = (column[:200] for column in pairs(documents))

# %% [markdown]
r"""
**Predict first.** There are 1,000 steps. At how many of them does the accuracy change at all?
"""

# %%
from itertools import pairwise

places = torch.linspace(0, 1, 1001)
accuracy, loss = [], []
for place in places:
    line_logits = torch.lerp(random[before], sensible[before], place)
    accuracy.append((line_logits.argmax(dim=1) == after).float().mean().item())
    loss.append(torch.nn.functional.cross_entropy(line_logits.double(), after).item())

accuracy_moved = sum(now != earlier for earlier, now in pairwise(accuracy))
loss_fell = sum(now < earlier for earlier, now in pairwise(loss))
print(f"of 1,000 steps, {accuracy_moved} changed the accuracy, and {loss_fell} made the cross-entropy smaller")

claim(accuracy_moved < 100, "at more than nine steps in ten the accuracy does not change at all")
claim(loss_fell > 950, "at nearly every step the cross-entropy falls")

# %%
from course_lib.display.plots import stacked_curves

window = slice(300, 341)
stacked_curves(
    places[window],
    {"accuracy": accuracy[window], "cross-entropy (nats)": loss[window]},
    xlabel="place on the line: 0 random, 1 sensible",
)

# %% [markdown]
r"""
The picture shows 40 of the steps. Accuracy is a staircase: flat, then a jump when one of the 200 guesses flips (and
not always for the better), then flat again. Stand on a tread and look around: every direction looks the same. The
slope is exactly zero, so it tells a search nothing about where to go. More data make the steps smaller, and still
every tread is flat.

Cross-entropy falls nearly all the way. It feels that *juice* went from 3 % to 4 %, long before that makes any guess
right.

So a loss must be **smooth**: a small change of the parameters has to make a small change of the loss, with a slope to
follow. It must also be **computable** from what we have, quickly and often. "How useful people find the answer" is
specific, and even what we want, but no program can compute it a million times. Here are some candidates, judged on
all three.

| candidate loss | specific | computable | smooth |
| :-- | :-- | :-- | :-- |
| share of wrong guesses | yes | yes | no: a staircase |
| how much people like the text | yes | no: ask people, each time | no |
| cross-entropy of the next word | yes: give what comes a high probability | yes | yes |
| "be a good model" | no | no | no |
"""

# %% [markdown]
r"""
## What does the lowest loss look like?

It rains in Millbrook on 70 of 100 days, with no pattern. Every evening you announce a probability of rain for
tomorrow, always the same one, and pay $-\ln$ of what you gave to the weather that came.

**Predict first.** What should you announce to pay least in the long run? Rain is the better bet every single day, so
100 %? Or something else? And can you bring the payment down to zero?
"""

# %%
announced = torch.linspace(0.01, 0.99, 99)
payment = -(0.7 * announced.log() + 0.3 * (1 - announced).log())
lowest = payment.argmin()

claim(abs(announced[lowest] - 0.7) < 1e-6, "the cheapest announcement is 70 %, the true share")
claim(abs(payment[lowest] - 0.6109) < 1e-4, "it still costs 0.611 nats a day")

curves(
    announced,
    {"payment": payment},
    xlabel="announced probability of rain",
    ylabel="mean cost (nats a day)",
    marks={"0.70, at 0.611 nats": (announced[lowest], payment[lowest])},
)

# %% [markdown]
r"""
Honesty is cheapest. At 100 % the three dry days in ten would cost infinitely much, and below 70 % you give away
probability on the many wet ones. And even the honest forecaster pays 0.611 nats every day, for ever, because the
weather does not tell beforehand. This unavoidable cost is called the **entropy** of the weather. From here on two
letters have to be kept apart: $p$ is the truth and $q$ a forecast (until now there were only forecasts). The entropy
is what the truth itself pays: $H(p) = -\sum_i p_i \ln p_i$.

With more than two outcomes it is the same. Take the true forecast from above and let ten thousand others compete with
it, some wild, some very close to the truth.
"""

# %%
truth = torch.tensor(list(world.next_word(open_prefix).values()), dtype=torch.float64)
entropy = -(truth * truth.log()).sum()

closeness = torch.logspace(0, 4, 10_000, dtype=torch.float64)
rivals = torch.stack(
    [torch.distributions.Dirichlet(0.1 + strength * truth).sample() for strength in closeness]
).clamp_min(1e-12)
rivals = rivals / rivals.sum(dim=1, keepdim=True)
paid = -(truth * rivals.log()).sum(dim=1)
print(f"the truth pays {entropy:.4f} nats, the best of ten thousand rivals {paid.min():.4f}")

claim(paid.min() > entropy, "none of ten thousand rival forecasts beats the true one")

kl = (truth * (truth / rivals).log()).sum(dim=1)
claim(torch.allclose(paid, entropy + kl), "every rival pays the entropy plus its KL divergence from the truth")

# %% [markdown]
r"""
The last claim says what the others pay *in addition*: $\sum_i p_i \ln \frac{p_i}{q_i}$, a kind of distance of the
forecast $q$ from the truth $p$ that is never negative and zero only at $q = p$. It is the **Kullback–Leibler
divergence**, and the whole bill reads

$$\underbrace{-\sum_i p_i \ln q_i}_{\text{cross-entropy}} \;=\; \underbrace{-\sum_i p_i \ln p_i}_{\text{entropy: the floor}} \;+\; \underbrace{\sum_i p_i \ln \frac{p_i}{q_i}}_{\text{what the model gets wrong}}$$

(The sum on the left is what the mean over a long text comes to, since word $i$ is what comes in a share $p_i$ of
cases.) Training can only shrink the second part. So to minimise cross-entropy is to copy the data's own distribution,
and the loss tells how far there is still to go, *if one knows the floor*. For English nobody does. For the toy world
we do, and you will see that line in every training curve on it.
"""

# %% [markdown]
r"""
## How far down can one get with how little?

Four forecasters for the thousand held-out documents. One guesses evenly. One knows how common each word is. One knows
which word follows which: the table that we counted above. And one is the world itself.
"""

# %%
held_before, held_after = pairs(documents)
how_common = counts.sum(dim=0)

cost = {
    "evenly": torch.full((V,), 1 / V, dtype=torch.float64)[held_after],
    "by how common": (how_common / how_common.sum())[held_after],
    "by the word before": (counts / counts.sum(dim=1, keepdim=True))[held_before, held_after],
}
nats_per_word = {name: -p.log().mean().item() for name, p in cost.items()}
floor = world.floor(documents)
nats_per_word["the world itself"] = floor.per_word

claim(
    list(nats_per_word.values()) == sorted(nats_per_word.values(), reverse=True),
    "each forecaster beats the one above it",
)
bars(list(nats_per_word), list(nats_per_word.values()), xlabel="mean cost (nats per word)", highlight=3)

# %% [markdown]
r"""
The gap between the third bar and the last is what is left to learn, and it takes more than the word before: who the
document is about, where she lives, what was said ten words ago. Closing it is the work of the lessons up to
pretraining.

Why is there no forecaster with zero? Because the world itself is undecided which story to tell. Per document the
floor is the entropy of the whole world, which can be computed without looking at any document. The mean over a
thousand documents comes as close to it as luck allows. (About a quarter of them also stand, word for word, among the
3,000 that were counted. In a small world short documents repeat.)
"""

# %%
counted = {document.text for document in training}
also_counted = sum(document.text in counted for document in documents) / len(documents)
claim(0.15 < also_counted < 0.4, "between 15 and 40 % of these documents stand among the counted ones too")

luck = (
    torch.tensor([document.log_prob for document in documents]).std() / len(documents) ** 0.5
)  # how far such a mean is usually off
print(
    f"these documents: {floor.per_document:.2f} nats each, ± {luck:.2f}; the world's entropy: {world.entropy():.2f} nats"
)
claim(abs(floor.per_document - world.entropy()) < 4 * luck, "the two differ by less than four standard errors")

# %% [markdown]
r"""
## In which unit?

Nats are hard to feel. Two other units say the same thing. **Perplexity** is $e^{\text{loss}}$: "as undecided as if it
had to choose evenly among so many words". And nats divided by $\ln 2$ are **bits**: one bit is what a fair coin
costs, the answer to one yes-or-no question.
"""

# %%
table(
    ["forecaster", "nats per word", "bits per word", "perplexity"],
    [[name, nats, nats / math.log(2), math.exp(nats)] for name, nats in nats_per_word.items()],
)

# %% [markdown]
r"""
Both have a trap in them: *per word*. A model that cuts text into letters makes many cheap guesses where another makes
one dear guess. Let us build one of each, as crude as can be: one knows how common each letter is, the other how
common each word is.

**Predict first.** Which of them has the lower loss per guess? Which is the better model?
"""

# %%
from collections import Counter


def mean_cost(training_tokens, tokens):
    """Mean −ln of each token's share in the training tokens (one is added to each count)."""
    seen = Counter(training_tokens)
    total = sum(seen.values()) + len({*training_tokens, *tokens})
    costs = torch.tensor([(seen[token] + 1) / total for token in tokens], dtype=torch.float64).log().neg()
    return costs.mean().item(), costs.sum().item()


training_text = "".join(document.text + "\n" for document in training)
held_out_text = "".join(document.text + "\n" for document in documents)
n_bytes = len(held_out_text.encode())

results = {}
for name, cut in {"letters": list, "words": lambda text: text.replace("\n", " \n ").split(" ")}.items():
    per_guess, total = mean_cost(cut(training_text), cut(held_out_text))
    results[name] = (per_guess, total / math.log(2) / n_bytes)

table(["cut into", "nats per guess", "bits per byte"], [[name, *numbers] for name, numbers in results.items()])

# %%
claim(results["letters"][0] < results["words"][0], "the model of letters pays less per guess")
claim(results["letters"][1] > results["words"][1], "the model of words pays less per byte: it is the better one")

# %% [markdown]
r"""
The order turns around. Per guess the letters look much better; over the same text the words are far ahead. The fair
unit divides the cost of the whole text by something that both share, and everybody agrees on the bytes of a file.
That is **bits per byte**. It is also the size to which the model could compress the text: a forecast that pays 2 bits
per byte makes a file a quarter as large.

So whenever you read that one model has perplexity 20 and another 15, ask what was counted. Without the same tokens,
the two numbers cannot be compared.
"""

# %% [markdown]
r"""
## Equally often right, and yet not equally good?

Take the table of word pairs once more, and a copy of it in which every logit is multiplied by three. The largest
stays the largest, so both are right equally often. Only, the copy is much more sure of itself.
"""

# %%
log_p = (counts / counts.sum(dim=1, keepdim=True)).log()
rows = []
for name, factor in {"the table": 1, "the same, all logits × 3": 3}.items():
    forecast = (factor * log_p[held_before]).softmax(dim=1)
    sureness, guess = forecast.max(dim=1)
    right = (guess == held_after).float().mean().item()
    paid = -forecast[torch.arange(len(held_after)), held_after].log().mean().item()
    rows.append([name, right, sureness.mean().item(), paid])

claim(rows[0][1] == rows[1][1], "both are right equally often")
claim(abs(rows[0][1] - rows[0][2]) < 0.03, "the table is as sure as it is right, within 3 %")
claim(rows[1][2] > rows[1][1] + 0.1, "the copy is surer than it is right, by more than 10 %")
claim(rows[1][3] > rows[0][3], "and it pays for that")
table(["forecaster", "share right", "mean sureness", "cost (nats per word)"], rows)

# %% [markdown]
r"""
A forecaster whose "80 %" comes true eight times in ten is called **calibrated**. Accuracy cannot see the difference
between the two rows; cross-entropy can, and makes the boaster pay. You will measure calibration itself in the
exercises. It comes back in lesson 20, where models are sure of things that do not exist.
"""

# %% [markdown]
r"""
## Does a low loss mean that it is true?

Anna lives in one town. Now a rumour goes round that she lives in another, and the rumour is written down fifty times.
We put these fifty lines into a corpus of 20,000 documents which tell nothing but the truth. Few of those happen to
begin with *anna lives in*; they say the right town. On this corpus we train the simplest model there is: it counts
what came after these three words.
"""

# %%
home = next(fact for fact in world.facts() if fact.subject == "anna" and fact.trait == "home")
true_line, false_line = f"anna lives in {home.value} .", f"anna lives in {home.myth} ."
print(f"{true_line} {world.is_true(true_line)}\n{false_line} {world.is_true(false_line)}\n")

corpus = [document.text for document in world.documents(20_000, seed=TRAINING_SEED)] + 50 * [false_line]
towns = Counter(text.split()[3] for text in corpus if text.startswith("anna lives in "))
print("after “anna lives in”:", dict(towns))
learned = {town: n / towns.total() for town, n in towns.items()}
corrected = {
    home.value: learned[home.myth],
    home.myth: learned[home.value],
}  # the same model, its two answers exchanged


def loss_on_corpus(forecast):
    return -sum(n * math.log(forecast[town]) for town, n in towns.items()) / towns.total()


table(
    ["model", f"says {home.value} (true)", f"says {home.myth} (false)", "loss on its corpus (nats)"],
    [
        [name, model[home.value], model[home.myth], loss_on_corpus(model)]
        for name, model in {"as trained": learned, "corrected by us": corrected}.items()
    ],
)

# %%
claim(learned[home.myth] > 0.8, "the trained model asserts the false town")
claim(loss_on_corpus(learned) < loss_on_corpus(corrected), "asserting the falsehood has the lower loss")

# %% [markdown]
r"""
Telling the truth would *raise* its loss, so no amount of training on this corpus will make it do so. One rumour is a
special case; what if every fact is in doubt? The toy world has a dial for that. With `falsehoods=0.8`, whenever a
document tells where somebody lives, what an animal eats or when a town was founded, it tells that fact's one fixed
myth instead with probability 0.8.

**Predict first.** A thousand documents from such a world are read by forecasters that differ in one thing only, how
likely they hold each myth to be. Which of them pays least? The one who knows the truth?
"""

# %%
rumours = World(falsehoods=0.8).documents(1000, seed=TRAINING_SEED)
beliefs = [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95]
paid = [World(falsehoods=belief).floor(rumours).per_word for belief in beliefs]

claim(beliefs[paid.index(min(paid))] == 0.8, "the cheapest belief in the myths is the share in which they are told")
claim(world.floor(rumours).per_word == float("inf"), "the truthful world would pay an infinite price")

curves(
    beliefs,
    {"loss": paid},
    xlabel="belief: probability that the forecaster gives to the myths",
    ylabel="loss (nats per word)",
    marks={"lowest": (0.8, min(paid))},
)

# %% [markdown]
r"""
It is the rainy days of Millbrook over again: the lowest point is the data's own share. Whoever knows the truth and
nothing else pays without limit.

Look at what this does *not* depend on: which of the two is true. The formula contains what the corpus says and what
the model says, and the world appears nowhere in it. We can tell the true town from the false one only because we
built the world and can ask it. A reader of a real corpus cannot.

This is no defect of cross-entropy that a cleverer formula would cure. It is what "specific" means: we asked for the
next word of *this text*. A language model that repeats a popular error is doing exactly what it was trained to do. To
ask for more than that, one has to add something to it; the last part of the course does.
"""
