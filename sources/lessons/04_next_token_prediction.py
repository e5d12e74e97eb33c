# ---
# title: Next-token prediction
# part: "II · Text becomes numbers"
# minutes: 80
# prerequisites: >-
#   Lessons 01 to 03: cross-entropy and the floor, gradient descent with Adam, and what `backward` does.
# objectives:
#   - write the probability of a text as a product of next-token guesses, and turn any model that guesses into one that
#     writes
#   - build an n-gram model from counts, see why zero counts are fatal, and repair it by add-k, back-off and Kneser-Ney
#   - show that a table of logits trained by gradient descent arrives at the counts
#   - build and train a neural model of a window of words (Bengio and others, 2003)
#   - say from measurements what more context and more text buy, where counting fails for good, and where it still wins
# summary:
#   - By the chain rule the probability of a text is the product of one guess per token, each from what stands before
#     it. Draw a token from the guess, append it, guess again, and the same model writes.
#   - An n-gram model's guess is the share of each token among those that followed the last n − 1. One that never
#     followed gets zero, at infinite cost. Kneser-Ney takes a discount off each count and gives it to the guess from
#     one token less, which counts in how many different places a token occurred.
#   - Gradient descent on a table of bigram logits ends at the count table's loss to three decimals. Cross-entropy is
#     lowest at the shares of the data, and the counts are those shares.
#   - A window model gives each word a vector, sets the vectors of the last few words side by side, and puts a hidden
#     layer and a head on top. Targets are the same text, shifted by one.
#   - More context lowers the loss as long as there is text enough to fill it. Counting knows nothing about contexts
#     that it never saw; a model with vectors does, so it wins by far on little text, and counts win where text is
#     plentiful and regular.
# quiz:
#   - question: >-
#       A count table and a table of logits are made from the same text. The logits are trained by gradient descent on
#       cross-entropy until nothing moves any more. Which has the lower loss on *that* text?
#     options:
#       - answer: The trained one, since it was optimised for it.
#         because: The counts are what the optimum is. Cross-entropy is lowest where the forecast equals the shares in
#           the data.
#       - answer: Neither. They come to the same forecasts.
#         right: true
#         because: Both hold one free number for each pair, and the best setting for the text is the share of each pair.
#       - answer: The counts, since gradient descent may be stuck in a poor valley.
#         because: In logits that stand for themselves this loss is convex, so there are no poor valleys, only a slow
#           end.
#   - question: >-
#       You raise the order of an n-gram model without any smoothing from 3 to 6. The loss on the training text falls,
#       the loss on held-out text becomes infinite. What happened?
#     options:
#       - answer: The code has a bug, for more context cannot hurt.
#         because: Knowing more cannot hurt. *Counting* more contexts from the same text means fewer counts for each.
#       - answer: Somewhere in the held-out text stands a 6-gram that was never counted, and it got probability zero.
#         right: true
#         because: One such place is enough. Back-off or a discount moves some probability to what was never seen.
#       - answer: It overfits, and a smaller learning rate would help.
#         because: Nothing is learned by steps here. The remedy is to mix in shorter contexts.
#   - question: >-
#       Why can a window model guess well after three words that never stood together in its training text, although it
#       was trained on nothing but windows of that text?
#     options:
#       - answer: It falls back to the last two words, then to the last one.
#         because: That is what back-off does, in a table. The window model has no list of what was seen.
#       - answer: It has more parameters than the table has counts.
#         because: Number is not the point. More counts would not help a table either where none is about these words.
#       - answer: Its words are vectors, and words of like use have like vectors, so the window resembles ones that it
#           was trained on.
#         right: true
#         because: What is learned about one name moves the weights that serve all names.
# read_next:
#   - "[Shannon, *A Mathematical Theory of Communication* (1948)](https://doi.org/10.1002/j.1538-7305.1948.tb01338.x): section 3 writes English from letter and word tables of rising order, by hand."
#   - "[Kneser and Ney, *Improved backing-off for m-gram language modeling* (1995)](https://doi.org/10.1109/ICASSP.1995.479394): four pages, and for twenty years the way to count."
#   - "[Chen and Goodman, *An Empirical Study of Smoothing Techniques for Language Modeling* (1998)](https://dash.harvard.edu/handle/1/25104739): everything one may do to a zero count, compared on equal terms."
#   - "[Bengio and others, *A Neural Probabilistic Language Model* (2003)](https://www.jmlr.org/papers/v3/bengio03a.html): the window model of this lesson, and the argument against counting."
#   - "[Brants and others, *Large Language Models in Machine Translation* (2007)](https://aclanthology.org/D07-1090/): how far counting goes with two trillion words."
# ---

# %% [markdown]
r"""
## How probable is a text?

*anna has a cat at home .* How likely is anyone to write that? For a whole sentence the question is hard to get hold
of. There are more sentences than can be listed, and nearly all of them have never been said.

One word at a time it becomes easy. How likely is a document to begin with *anna*? If it does, how likely is *has* to
come next? Then *a*? In the toy world of lesson 01 all of this can be looked up.
"""

# %%
import math
import random
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise

import torch
from torch.nn import functional as F

from course_lib import claim
from course_lib.display import coloured_tokens, curves, table
from course_lib.text import END, VALIDATION_SEED, load_corpus

corpus = load_corpus("world")
world = corpus.world
sentence = ["anna", "has", "a", "cat", "at", "home", ".", END]


def truth(words):
    """The true probability of each word that may come after `words` in the toy world."""
    return world.next_word("".join(word + " " for word in words))


guesses = [truth(sentence[:i])[sentence[i]] for i in range(len(sentence))]
shown = [*sentence[:-1], "(end)"]
table(["after", "comes", "p"], [[" ".join(shown[:i]), shown[i], guesses[i]] for i in range(len(shown))])

# %% [markdown]
r"""
The first word is the hardest. Then *has* could have been *and*, *was*, or a colon, among others. After *has a* only
two things are possible, *bag* or the animal that anna has, and from there on everything is fixed. The end of the
document counts as a word too, because somebody has to decide to stop.

Multiply all eight and you have the probability of the whole. This is the **chain rule of probability**, and it holds
for any text and any way the text came about, since it only says "this, and then, given this, that":

$$p(w_1, w_2, \dots, w_n) = p(w_1)\; p(w_2 \mid w_1)\; p(w_3 \mid w_1, w_2) \cdots p(w_n \mid w_1, \dots, w_{n-1})$$
"""

# %%
product, known = math.prod(guesses), world.log_prob("anna has a cat at home .")
print(f"product of the guesses: {product:.2e}, and its logarithm: {math.log(product):.4f}")
print(f"the logarithm of the probability, as the world itself computes it: {known:.4f}")
claim(abs(math.log(product) - known) < 1e-9, "the product is the probability")

# %% [markdown]
r"""
So a model of *text* is a model that answers one question: what comes next? It gets some words, the **context**, and
returns a probability for each word of the vocabulary. That is next-token prediction. (A **token** is the unit that we
cut text into. Here it is a word. The next lesson asks what it should be.)

Such a model can also write. Let it guess, draw a word with the probabilities that it gave, append the word, and ask
again.
"""


# %%
def write(forecast, seed, start="", longest=40):
    """A text, drawn word by word from `forecast`, which maps a list of words to {next word: probability}."""
    rng, words = random.Random(seed), start.split()
    while len(words) < longest:
        p = forecast(words)
        word = rng.choices(list(p), list(p.values()))[0]
        if word == END:
            return " ".join(words)
        words.append(word)
    return " ".join(words) + " ..."


for seed in range(3):
    print(write(truth, seed), "\n")

# %% [markdown]
r"""
Those are perfect, since the forecaster was the world itself. The rest of this lesson replaces it by things that have
only *read*: 30,000 documents to learn from, and 1,000 others to be judged by. Each model will get the same two
questions. How many nats does it pay per word of the held-out documents? And what does it write?
"""

# %%
training = [line.split() for line in corpus.train.splitlines()]
held_out = [line.split() for line in corpus.val.splitlines()]
n_words = sum(len(words) + 1 for words in held_out)  # with the end of each document
floor = world.floor(world.documents(1000, VALIDATION_SEED))
V = len(world.words()) + 1

print(f"{sum(len(words) + 1 for words in training):,} words to learn from, {n_words:,} to be judged by")
print(f"a guess among {V} words costs {math.log(V):.3f} nats if made evenly; the floor is {floor.per_word:.3f}")

# %% [markdown]
r"""
## What can one learn by looking one word back?

The simplest forecast that deserves the name looks at the last word only. What followed *apple* in the training text,
and how often? Count it, divide by the total, done. This is a **bigram** model: *bi* because the tables are about
pairs.

We write the counting for any number of words back, since we shall need it. An **n-gram** is $n$ words in a row, and
the last of them is the one to be guessed. Where a document begins, the missing words are filled up with end marks.
"""


# %%
def ngrams(words, n):
    """Context and next word at each place of a document, its end included."""
    padded = (END,) * (n - 1) + (*words, END)
    return [(padded[i : i + n - 1], padded[i + n - 1]) for i in range(len(words) + 1)]


def count(documents, n):
    """For each context of n - 1 words, how often each word followed."""
    followers = defaultdict(Counter)
    for words in documents:
        for context, word in ngrams(words, n):
            followers[context][word] += 1
    return followers


counts = {2: count(training, 2)}
for word in ("apple", "lives", "anna"):
    print(f"{word} ->", dict(counts[2][word,].most_common(6)))

# %% [markdown]
r"""
After *apple* comes *and*, *juice*, or the end of the sentence, depending on what the apple was for, and the table
does not know what it was for. After *lives* comes *near*, if an animal lives there, or *in*, if a person does. After
*anna* the table can only say what comes after anna on the whole.

Let this table write, each word drawn from what followed the word before.
"""


# %%
def shares(followers):
    return {word: n / followers.total() for word, n in followers.items()}


def bigram(words):
    return shares(counts[2][words[-1] if words else END,])


for seed in range(4):
    print(write(bigram, seed), "\n")

# %% [markdown]
r"""
Every *pair* of neighbours is good, for each was drawn from real pairs. But three words further on, the text has
forgotten what it was about. The table has no memory beyond one word.

How good is it at guessing? For each word of the held-out documents, take the share that it had after the word before
it, and average $-\ln p$ as in lesson 01.
"""

# %%
pairs = [pair for words in held_out for pair in ngrams(words, 2)]
p = [counts[2][context][word] / counts[2][context].total() for context, word in pairs]
never = [f"{context[0]} {word}" for (context, word), share in zip(pairs, p, strict=True) if share == 0]
some = [share for share in p if share > 0]

print(f"{len(pairs):,} pairs, of which {len(never)} were never counted: {never}")
print(f"without these: {-sum(map(math.log, some)) / len(some):.4f} nats per word")
claim(0 < len(never) < 20, "a handful of held-out pairs never occurred in the training documents")

# %% [markdown]
r"""
A few pairs out of 28,000 never occurred in the training text. The table gave them zero, and $-\ln 0$ is infinite:
**the loss of this model is infinity**, although it is good on all the rest. They are no monsters, either. The world
can say them, it only has not done so yet. Not having seen a thing in 30,000 documents does not make it impossible.

The oldest cure is to pretend that every pair occurred $k$ more times than it did, the pairs that never occurred
included. It is called **add-k smoothing**:

$$p(w \mid c) = \frac{\text{count}(c, w) + k}{\text{count}(c) + k V}$$

**Predict first.** With $k = 1$ each of the pairs gets one free count. Is that a good choice, or too much, or too
little? And is the best $k$ the same for a table that looks four words back, a **5-gram** model?
"""

# %%
counts |= {n: count(training, n) for n in (1, 3, 4, 5)}


def seen_and_total(n):
    """For each place in the held-out documents: how often this n-gram, and how often its context, were counted."""
    places = [place for words in held_out for place in ngrams(words, n)]
    followers = [counts[n].get(context, Counter()) for context, _ in places]
    seen = torch.tensor([found[word] for found, (_, word) in zip(followers, places, strict=True)])
    return seen.double(), torch.tensor([found.total() for found in followers]).double()


tallies = {n: seen_and_total(n) for n in counts}
ks = [10 ** (quarter / 4) for quarter in range(-20, 5)]
add_k = {n: [-((seen + k) / (total + k * V)).log().mean().item() for k in ks] for n, (seen, total) in tallies.items()}

curves(
    ks,
    {"bigram": add_k[2], "5-gram": add_k[5]},
    xlabel="k, added to every count",
    ylabel="held-out loss (nats per word)",
    log="x",
)

# %%
for n in (2, 5):
    best_k, at_one = ks[add_k[n].index(min(add_k[n]))], add_k[n][ks.index(1)]
    print(f"{n}-gram: lowest at k = {best_k:.3g} with {min(add_k[n]):.3f} nats, at k = 1 {at_one:.3f}")
    claim(best_k < 0.005, f"the best k for the {n}-gram is far less than a hundredth")

claim(at_one > 2 * min(add_k[5]), "at k = 1 the 5-gram pays more than twice what it could")

# %% [markdown]
r"""
One is far too much. A free count for each of 584 words is 584 free counts in every row, and a context that was seen
ten times has little to set against them. For the 5-gram, many of whose contexts were seen a few times only, it is a
disaster. The best $k$ is tiny for both, far less than a hundredth of a count. And whatever $k$ is, it does a strange
thing: a word that never followed gets the same share whether it is *the* or *trumpets*. Surely one could do better
than that.
"""

# %% [markdown]
r"""
## Why not simply look further back?

The true forecast looks at everything said before. A table can look at four words as well as at one. Let us see what
that does to the tables.
"""

# %%
rows = []
for n in sorted(counts):
    seen, total = tallies[n]
    n_counted = sum(map(len, counts[n].values()))
    unseen = f"{(seen == 0).double().mean():.2%}"
    rows.append([n, f"{float(V) ** (n - 1):,.0f}", f"{len(counts[n]):,}", f"{n_counted:,}", unseen, min(add_k[n])])

claim((tallies[5][0] == 0).double().mean() > 0.01, "of the held-out 5-grams more than 1 in 100 are new")
claim(min(add_k[5]) < min(add_k[3]) < min(add_k[2]), "and yet more context gives a lower loss")
table(["n", "possible contexts", "contexts seen", "n-grams seen", "held-out n-grams never seen", "loss, best k"], rows)

# %% [markdown]
r"""
Two things pull against each other. More context lowers the loss, a great deal. And more context means that the same
827,000 words are spread over more rows: of the 116 billion possible contexts of four words we have seen some 28,000,
and more than one held-out 5-gram in a hundred is new. In a real language with its fifty thousand words, and no more
text than this, it would be most of them.

An obvious idea: use the long context *where it was seen*, and a shorter one where it was not. This is called
**back-off**. It has one gap. A context may be well known and the word still be new to it, and then the long table
says zero. So some probability has to be set aside for what was never seen after this context, and the shorter context
should say how to spend it. How much should be set aside?
"""

# %% [markdown]
r"""
## How much should be kept for what was never seen?

Ask the data. Take a thousand training documents and count their 5-grams. Then take the next thousand. A 5-gram that
stood once in the first thousand: how often does it stand in the second, on average? And one that stood four times?

**Predict first.** If counts could be taken at face value, what stood $r$ times in the one would stand $r$ times in
the other. Will it be more, less, or just as many? Does the difference grow with $r$?
"""

# %%
first, second = count(training[:1000], 5), count(training[1000:2000], 5)
later = defaultdict(list)
for context, followers in first.items():
    for word, r in followers.items():
        later[r].append(second[context][word] if context in second else 0)

again = {r: sum(later[r]) / len(later[r]) for r in range(1, 6)}
claim(all(again[r] < r for r in again), "on average every count comes back smaller")
claim(again[1] < 0.7, "what was seen once comes back about every other time")
news = [0.448, 1.25, 2.24, 3.23, 4.21]  # Church and Gale (1991), pairs in 22 + 22 million words
table(
    ["stood in the first thousand", "stands in the second", "in news (1991)"],
    [[r, again[r], there] for r, there in zip(again, news, strict=True)],
)

# %% [markdown]
r"""
Less, at every $r$. That something was seen is partly luck, and luck does not repeat. How much is missing does not
grow in step with $r$, either. The third column shows it better, since far more text stands behind it. [Church and
Gale](https://doi.org/10.1016/0885-2308%2891%2990016-J) compared pairs of words in two times 22 million words from a
news agency, and from $r = 2$ on about three quarters of a count were missing each time.

So here is a better rule than add-k. Take the same **discount** $D$ off every count. Each context then has $D$ for
each different word that followed it to give away, and it hands this to the forecast from one word less:

$$p(w \mid c) = \frac{\max(\text{count}(c, w) - D,\, 0)}{\text{count}(c)} \;+\; \frac{D \cdot \text{kinds}(c)}{\text{count}(c)} \; p(w \mid \text{shorter } c)$$

where $\text{kinds}(c)$ is how many different words followed $c$. The shorter forecast is built in the same way from a
still shorter one, down to no context at all, and at the bottom every word gets $1/V$. This is **absolute
discounting**, and because short and long are always mixed and not used one instead of the other, it is called
**interpolated**. A context that was always followed by one and the same word gives little away. One that was followed
by something new nearly every time gives away much. Both are as it should be.
"""

# %% [markdown]
r"""
## Which short-range forecast is a good fallback?

One thing is left to repair, and it is the cleverest. The shorter forecasts are needed *where the longer ones have
nothing to say*. Is a word that is common also common there? Look at how some words occur.
"""

# %%
before = defaultdict(Counter)  # for each word, what stood in front of it
for (previous,), followers in counts[2].items():
    for word, n in followers.items():
        before[word][previous] += n

rows = [
    [word, counts[1][()][word], len(before[word])]
    for word in ("upon", "juice", "diary", "glasses", "quiet", "red", "fish", "anna")
]
table(["word", "times in the text", "different words before it"], rows)

# %% [markdown]
r"""
*upon* stands in the text more than a thousand times, each time after *once*. After *once* the bigram table knows all
about it. After any *other* word, where we have to fall back on what is common in general, *upon* is the last thing to
expect, however common it is. Its count is a fact about *once*.

So Kneser and Ney (1995) let the shorter tables count something else: not how often a word occurred but after how many
*different* words. This **continuation count** is 1 for *upon*. It answers the question that is asked at this point:
how readily does this word appear in a place where it was not seen before?
"""


# %%
class KneserNey:
    """Interpolated Kneser-Ney with tables of words, as the formulas say it."""

    def __init__(self, longest, order):
        self.tables = [longest]  # the longest contexts first
        for _ in range(order - 1):
            shorter = defaultdict(Counter)
            for context, followers in self.tables[-1].items():
                for word in followers:
                    shorter[context[1:]][word] += 1  # one for each different word on the left
            self.tables.append(shorter)
        self.discounts = [self.discount(table) for table in self.tables]

    def discount(self, table):
        """The usual estimate, from how many n-grams were seen once and how many twice."""
        how_many = Counter(n for followers in table.values() for n in followers.values())
        return how_many[1] / (how_many[1] + 2 * how_many[2]) if how_many[1] else 0.5

    def probability(self, word, context, level=0):
        if level == len(self.tables):
            return 1 / V
        shorter = self.probability(word, context[1:], level + 1)
        followers = self.tables[level].get(context)
        if not followers:
            return shorter
        d, total = self.discounts[level], followers.total()
        return max(followers[word] - d, 0) / total + d * len(followers) / total * shorter


naive = KneserNey(counts[3], order=3)
print("discounts, from the longest contexts to none:", [round(d, 3) for d in naive.discounts])

# %% [markdown]
r"""
The discount comes from the data too. With $n_1$ n-grams seen once and $n_2$ seen twice, $D = n_1 / (n_1 + 2 n_2)$ is
the usual estimate (Ney, Essen and Kneser 1994, and Chen and Goodman 1998 after them). `course_lib` has the same model
with tensors instead of dictionaries. It reads token ids and answers like any model of this course: ids in, a row of
log-probabilities for each place out.
"""

# %%
from course_lib.model import NgramModel
from course_lib.text import tokenizer_for

tokenizer = tokenizer_for(corpus)  # one token per word; the end mark is a token too
vocabulary, end = tokenizer.words, tokenizer.end_id
ids = torch.tensor([end, *tokenizer.encode(corpus.train)])
held_ids = torch.tensor([end, *tokenizer.encode(corpus.val)])

counted = {n: NgramModel(ids, order=n, vocab_size=V, end_id=end) for n in range(1, 6)}
some_ids = held_ids[:2000]
theirs = counted[3](some_ids[None, :-1])[0][torch.arange(1999), some_ids[1:]]
places = [place for words in held_out[:120] for place in ngrams(words, 3)][:1999]
ours = torch.tensor([math.log(naive.probability(word, context)) for context, word in places])

print(f"largest difference of a log-probability over {len(ours)} places: {(ours - theirs).abs().max():.1e}")
claim(torch.allclose(ours, theirs, atol=1e-3), "the library's Kneser-Ney equals the naive one")

# %% [markdown]
r"""
From here on we use the library's. One function measures every model of this lesson on the same held-out text: all
1,000 documents in a row, each word predicted from what stands before it *in its document*.
"""


# %%
@cache  # remembers what it has worked out
@torch.no_grad()
def costs(model, text=held_ids):
    """What each token of a text costs, in nats."""
    return F.cross_entropy(model(text[None, :-1])[0], text[1:], reduction="none")


def loss(model, text=held_ids):
    return costs(model, text).mean().item()


by_order = {n: loss(model) for n, model in counted.items()}
claim(by_order[5] < min(add_k[5]) - 0.05, "Kneser-Ney improves the 5-gram by more than 0.05 nats")
claim(abs(by_order[2] - min(add_k[2])) < 0.01, "it makes no difference to the bigram, which has counts enough")
table(
    ["n", "loss, add-k with the best k", "loss, Kneser-Ney"], [[n, min(add_k[n]), nats] for n, nats in by_order.items()]
)

# %% [markdown]
r"""
Add-k was even allowed to choose its $k$ on the held-out text, which is cheating, and from the trigram on it still
loses. For the bigram all of this makes no difference, since most of its counts are large. Smoothing matters where
they are small.

What does each order write, if it is made to begin like a story?
"""


# %%
def forecast_of(model, reach=20):
    """A function from words to {next word: probability}, which reads the last `reach` tokens."""

    def forecast(words):
        context = [end, *map(vocabulary.index, words)][-reach:]
        with torch.no_grad():
            p = model(torch.tensor([context]))[0, -1].softmax(dim=-1)
        return dict(zip(vocabulary, p.tolist(), strict=True))

    return forecast


for n, model in counted.items():
    print(f"{n}-gram:  {write(forecast_of(model), seed=10, start='one rainy')}\n")

# %% [markdown]
r"""
The 1-gram, which looks at nothing, pours out a bag of words. With one word to look at, neighbours fit. With two there
are phrases, and with four there are sentences that one has to read twice. They fail where something said earlier
matters: who was being talked about, which thing was lost, where they went.

Type the beginning of a document, choose an order, and compare with what is true.
"""

# %% tags=["hide-input"]
from course_lib.display.plots import paired_bars
from course_lib.display.widgets import Explorer, menu, text_box


def look(order, prefix):
    words = [word for word in prefix.lower().split() if word in world_words]
    unknown = [word for word in prefix.lower().split() if word not in world_words]
    model, true = forecast_of(counted[int(order[0])])(words), truth(words)
    likely = sorted(model, key=lambda word: -max(model[word], true.get(word, 0)))[:9]
    picture = paired_bars(
        [word if word != END else "(end)" for word in likely],
        {f"{order}": [model[word] for word in likely], "truth": [true.get(word, 0) for word in likely]},
        limits=[(0, 1.3), (0, 1.3)],
    )
    read = " ".join(words[-int(order[0]) + 1 :]) if order[0] != "1" else ""
    line = f"The {order} looks at “{read}”." if read else f"The {order} looks at nothing."
    if unknown:
        line += f" Left out, since the world does not know them: {', '.join(unknown)}."
    if not true:
        line += " No document of the world begins like this, so there is no truth to compare with."
    return picture, line


world_words = set(world.words())
Explorer(
    look,
    order=menu([f"{n}-gram" for n in counted], "3-gram", label="model"),
    prefix=text_box("clara was thirsty . she took one mango and made some juice . then she drank", label="text so far"),
)

# %% [markdown]
r"""
The fruit stands nine words back, and none of the five orders reaches so far. Try *anna lives in* with each of them:
how many words must one see to know where anna lives? And *three plus four is*?
"""

# %% [markdown]
r"""
## Can gradient descent do without counting?

Now forget the counts. Take a table of $V \times V$ **logits**, one row for each word, one column for each word that
may follow, all zero at first. Its forecast after word $c$ is the softmax of row $c$. Move the logits downhill on the
cross-entropy of all 827,000 training pairs. This is a neural network, if the smallest: one layer, no hidden units.

It is the table of lesson 02, which said in passing that the descent has to end at the counts. Does it, and how
closely? As there, the loss over the *whole* text is one sum over the table, each pair's share times its $-\ln p$, and
so a step is quick.
"""

# %%
C = torch.zeros(V, V)
C.index_put_((ids[:-1], ids[1:]), torch.tensor(1.0), accumulate=True)
share = C / C.sum()

row_share = C / C.sum(dim=1, keepdim=True).clamp_min(1)
best = -(share * row_share.clamp_min(1e-30).log()).sum().item()


class LogitTable(torch.nn.Module):
    """A row of logits for each token; a row depends on nothing but the last token."""

    def __init__(self):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.zeros(V, V))

    def forward(self, ids, documents=None):
        return self.logits[ids]


learned = LogitTable()
optimizer = torch.optim.Adam(learned.parameters(), lr=0.5, betas=(0.9, 0.95))
history = []
for step in range(120):
    optimizer.param_groups[0]["lr"] = 0.5 * (1 - step / 120)
    step_loss = -(share * learned.logits.log_softmax(dim=1)).sum()
    optimizer.zero_grad()
    step_loss.backward()
    optimizer.step()
    history.append(step_loss.item())

print(f"first step {history[0]:.4f} (ln V = {math.log(V):.4f}), last step {history[-1]:.5f}, count table {best:.5f}")

excess = [max(1e-6, nats - best) for nats in history]
claim(excess[99] < 1e-3, "after a hundred steps, the gap is below a thousandth of a nat")
claim(-5e-5 < history[-1] - best < 5e-4, "gradient descent ends at the count table's loss, to three decimals")

# %%
curves(
    range(1, len(history) + 1),
    {"excess": excess},
    xlabel="step (each over the whole training text)",
    ylabel="nats above the count table",
    log="y",
)

# %%
with torch.no_grad():
    apart = (learned.logits.softmax(dim=1) - row_share)[C.sum(dim=1) > 0].abs().max().item()
claim(apart < 0.02, f"and at its probabilities: none differs by more than {apart:.4f}")

# %% [markdown]
r"""
It does, as closely as anyone can measure. It had to be so. Lesson 01 found that cross-entropy is lowest where the
forecast equals the shares in the data, and the shares are the counts. The gradient on a row is "forecast minus what
happened", summed over the text, and that is zero when the forecast is the share. So the two are one model, found in
two ways: once by dividing counts, once by 120 steps downhill, which might as well have gone through the pairs one by
one.

Then why bother with gradients? Because counting works only for tables. A table gives each context a row of its own,
and what is learned in one row stays there. In a table, *anna* and *rosa* have nothing in common. If the forecast is
instead *computed* from the words, by anything with a slope, then gradient descent still works and counting does not.
"""

# %% [markdown]
r"""
## How does one compute a forecast from several words?

Bengio and others did it in 2003. Give each word a **vector** of, say, 32 numbers: its row in a table, the
**embedding**. Take the last eight words, put their vectors side by side, 256 numbers in all. Send these through one
hidden layer, and from its 128 units compute a logit for each word of the vocabulary. All of it, the vectors too, is
learned by gradient descent from zero knowledge.

First the data. Each place in a document gives one example: a window of words, and the word that comes. Whoever writes
the windows under each other sees that the column of targets is just the text again, one place further on.
"""

# %%
document = next(words for words in held_out if len(words) < 8)
table(
    ["window of 4 words", "target"],
    [[" ".join(context).replace(END, "·"), word.replace(END, "(end)")] for context, word in ngrams(document, 5)],
)

# %%
from course_lib.model import WindowModel, preceding
from course_lib.presets import training_steps


class Window(torch.nn.Module):
    """Bengio's model on windows [N, W] of token ids: a score for each word that may come, [N, V]."""

    def __init__(self, vocab_size, window, d_embedding, d_hidden):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocab_size + 1, d_embedding)  # the last one: there is no word here
        self.hidden = torch.nn.Linear(window * d_embedding, d_hidden)
        self.head = torch.nn.Linear(d_hidden, vocab_size)

    def forward(self, windows):
        side_by_side = self.embedding(windows).flatten(1)
        return self.head(torch.tanh(self.hidden(side_by_side)))


torch.manual_seed(0)
ours = Window(V, window=8, d_embedding=32, d_hidden=128)
library = WindowModel(V, 8, d_embedding=32, d_hidden=128, end_id=end)
library.load_state_dict(ours.state_dict())

windows = preceding(held_ids[None, :500], 8, nothing=V, end_id=end)[0]  # [500, 8]
claim(torch.allclose(ours(windows), library(held_ids[None, :500])[0], atol=1e-5), "ours equals the library's")
n_counts = sum(len(followers) for n in counts for followers in counts[n].values())
n_parameters = sum(weight.numel() for weight in ours.parameters())
print(f"{n_parameters:,} parameters; in the tables up to n = 5 are {n_counts:,} counts")

# %% [markdown]
r"""
The library's model cuts the windows itself (`preceding` does it), none of which reaches into the document before. So
it can be fed text.
Now train it: draw 512 places of the training text at random, take a step of Adam on their cross-entropy, and let the
learning rate fall to zero towards the end.
"""


# %%
def train_window(ids, window, steps, batch_size=512, lr=0.02):
    torch.manual_seed(0)
    model = WindowModel(V, window, d_embedding=32, d_hidden=128, end_id=end)
    windows, targets = preceding(ids[None, :-1], window, nothing=V, end_id=end)[0], ids[1:]
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99))
    history, steps = [], training_steps(steps)  # fewer under the smoke preset
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * min(1, (1 - step / steps) / 0.6)
        drawn = torch.randint(len(targets), (batch_size,))
        side_by_side = model.embedding(windows[drawn]).flatten(1)
        step_loss = F.cross_entropy(model.head(model.hidden(side_by_side).tanh()), targets[drawn])
        optimizer.zero_grad()
        step_loss.backward()
        optimizer.step()
        history.append(step_loss.item())
    return model, history


neural, history = train_window(ids, window=8, steps=600)
print(f"held-out loss {loss(neural):.3f} nats per word; 5-gram {by_order[5]:.3f}, floor {floor.per_word:.3f}")

claim(loss(neural) < by_order[5], "a window of eight words pays less than the 5-gram")

# %%
from course_lib.display import loss_curve

for seed in (5, 6):
    print(write(forecast_of(neural), seed), "\n")
loss_curve(range(1, len(history) + 1), history, floor=floor.per_word, unit="nats per word")

# %% [markdown]
r"""
It began at $\ln V$ like everything that knows nothing, and now pays less than the 5-gram. But it also looks at eight
words, and the 5-gram at four. That is no fair comparison.
"""

# %% [markdown]
r"""
## What does each further word of context buy?

Give both kinds of model the same number of words to look at. For counts, none to eight. For the window model four
(trained half as long) and eight. The line at the bottom is the floor: what one pays who looks at *all* that was said.

**Predict first.** At eight words each, who is ahead: the counts or the network?
"""

# %%
reaches = [0, 1, 2, 3, 4, 6, 8]
counted |= {n: NgramModel(ids, n, V, end) for n in (7, 9)}
by_order |= {n: loss(counted[n]) for n in (7, 9)}
count_losses = {reach: by_order[reach + 1] for reach in reaches}
window_losses = {4: loss(train_window(ids, 4, steps=300)[0]), 8: loss(neural)}
print("counts:", {reach: round(nats, 3) for reach, nats in count_losses.items()})
print("window:", {reach: round(nats, 3) for reach, nats in window_losses.items()})
claim(count_losses[8] < count_losses[4] < count_losses[2] < count_losses[1], "more context, lower loss")
claim(count_losses[8] < window_losses[8], "with eight words each, counting is ahead")

# %%
from course_lib.display.plots import BLUE, ORANGE, Picture, axes, legend, reference_lines

picture = Picture()
ax = axes(picture, xlabel="words that the model looks at", ylabel="held-out loss (nats per word)")
ax.plot(list(count_losses), list(count_losses.values()), "o-", color=BLUE, linewidth=2.2, label="counts (Kneser-Ney)")
ax.plot(list(window_losses), list(window_losses.values()), "s--", color=ORANGE, linewidth=2.2, label="window model")
reference_lines(ax, {f"floor, with the whole document: {floor.per_word:.3f}": floor.per_word})
ax.set_yscale("log")
ax.set_ylim(0.3, 6)
ax.set_yticks([0.4, 0.6, 1, 2, 5], labels=["0.4", "0.6", "1", "2", "5"])
ax.minorticks_off()
legend(ax)
picture

# %% [markdown]
r"""
Every further word helps, the first ones most. And at equal context, the *counts* are ahead. That may be a surprise in
a course on neural networks. But this is a small world with much text about it: 827,000 words, and a limited stock of
sentence patterns that return again and again. For what was seen often enough, nothing beats having seen it. The
network has 127,000 numbers into which all of it has to fit, and trained for seconds.

But how much of that is *memory*? Some held-out documents also stand in the training text, word for word, and a table
with long contexts has them by heart.
"""

# %%
known = {tuple(words) for words in training}
is_new = [tuple(words) not in known for words in held_out]
new = torch.tensor([flag for flag, words in zip(is_new, held_out, strict=True) for _ in range(len(words) + 1)])
print(f"{1 - sum(is_new) / len(is_new):.0%} of the held-out documents stand in the training text")

paid = {"5-gram": costs(counted[5]), "9-gram": costs(counted[9]), "window of 8": costs(neural)}
rows = [[name, each.mean().item(), each[new].mean().item()] for name, each in paid.items()]
lead, lead_on_new = (rows[2][column] - rows[1][column] for column in (1, 2))
claim(
    lead_on_new < 0.6 * lead, f"the 9-gram leads by {lead:.3f} nats, on new documents by much less: {lead_on_new:.3f}"
)
table(["model", "all held-out words", "words of documents that are new"], rows)

# %% [markdown]
r"""
About half of the held-out documents were known, by and large the shorter ones. On the others, most of the lead is
gone.
Keep this in mind when you read that a model does well on a test: ask how much of the test it has seen.

So there are two reasons why counting does well here, repetition and a lot of text. Before we take the text away, here
is what a longer view means for a single guess.
"""

# %%
prefix = "near the river a big elephant eats leaves . a little calf eats leaves too . "
prefix += "the elephant trumpets , and the little calf comes close to the big"
forecasts = {f"{n}-gram": forecast_of(counted[n])(prefix.split()) for n in (5, 9)} | {"truth": truth(prefix.split())}
likely = sorted(vocabulary, key=lambda word: -max(p.get(word, 0) for p in forecasts.values()))[:6]
claim(forecasts["5-gram"]["elephant"] < 0.2, "the 5-gram cannot know who is meant")
claim(forecasts["9-gram"]["elephant"] + forecasts["9-gram"]["cow"] > 0.9, "the 9-gram knows that it is one of two")
bars = {name: [p.get(word, 0) for word in likely] for name, p in forecasts.items()}
paired_bars(likely, bars, limits=[(0, 1.3)] * 3)

# %% [markdown]
r"""
*close to the big* is all that the 5-gram sees. With four more words the *calf* comes into view, and a calf belongs to
an elephant or a cow. The word that settles it, *trumpets*, stands eleven words back, out of sight of both.
"""

# %% [markdown]
r"""
## What if there is little text?

We train again, on the first 300, 1,000 and 3,000 documents only. To save time, all are judged by the first 9,000
words of the held-out text.

**Predict first.** With 300 documents, is the 5-gram better than the bigram, and the 9-gram better than the 5-gram?
And the network, which was behind?
"""

# %%
lines = corpus.train.splitlines(keepends=True)
kept = {}  # by the number of documents: the models
for size, steps in {300: 100, 1000: 200, 3000: 300}.items():
    part = torch.tensor([end, *tokenizer.encode("".join(lines[:size]))])
    kept[size] = {f"{n}-gram": NgramModel(part, n, V, end) for n in (2, 5, 9)}
    kept[size]["window of 8"] = train_window(part, 8, steps, batch_size=256)[0]
kept[30_000] = {f"{n}-gram": counted[n] for n in (2, 5, 9)} | {"window of 8": neural}
scarce = {name: [loss(models[name], held_ids[:9001]) for models in kept.values()] for name in kept[300]}

# %%
picture = curves(
    list(kept),
    scarce,
    xlabel="training documents",
    ylabel="held-out loss (nats per word)",
    lines={f"floor: {floor.per_word:.3f}": floor.per_word},
    log="x",
)
picture.axes[0].set_ylim(bottom=0)
picture

# %%
claim(scarce["9-gram"][0] > scarce["5-gram"][0] - 0.05, "on 300 documents the 9-gram gains nothing over the 5-gram")
tables = min(scarce["9-gram"][1], scarce["5-gram"][1])
claim(scarce["window of 8"][1] < tables - 0.1, "on 1,000 the network is far ahead")
claim(scarce["9-gram"][-1] < scarce["window of 8"][-1], "on 30,000 the counts are ahead")
table(["documents", *scarce], [[size, *row] for size, *row in zip(kept, *scarce.values(), strict=True)])

# %% [markdown]
r"""
On 300 documents four words of context are already worth far more than one, but eight are worth no more than four: the
longer contexts have hardly ever been seen before. The bigram stops first. With 3,000 documents it has learned nearly
all that one word can tell. And the network is ahead of every table while text is scarce. Between 3,000 documents and
30,000 the curves cross.

What is the network doing with a thousand documents that the tables cannot do?
"""

# %% [markdown]
r"""
## Where does counting fail for good?

Look at places in the held-out text whose last *two* words never stood together in those 1,000 documents. There, all
the long tables are silent, and what remains is the forecast from one word.
"""

# %%
small = torch.tensor([end, *tokenizer.encode("".join(lines[:1000]))])


def contexts(text, length):
    return [tuple(row) for row in preceding(text[None, :-1], length, nothing=V, end_id=end)[0].tolist()]


seen = set(contexts(small, 2))
new = torch.tensor([context not in seen for context in contexts(held_ids, 2)])
tabled, networked = costs(kept[1000]["5-gram"]), costs(kept[1000]["window of 8"])
rows = [
    [name, f"{which.float().mean():.1%}", tabled[which].mean().item(), networked[which].mean().item()]
    for name, which in {"last two words seen together": ~new, "never seen together": new}.items()
]
claim(rows[1][2] > 2 * rows[1][3], "after two words that are new together, the table pays at least double")
table(["places in the held-out text", "share", "5-gram", "window of 8"], rows)

# %% [markdown]
r"""
Where the two words were seen together, the network is somewhat ahead. Where they were not, it is ahead by far. One
document shows it best. Each word is shaded by what it cost, first for the 5-gram, then for the network.
"""

# %%
ends = (held_ids == end).nonzero()[:, 0]
differences = [(tabled[a:b] - networked[a:b]).sum().item() if b - a < 26 else -1.0 for a, b in pairwise(ends)]
chosen = max(range(1000), key=differences.__getitem__)
place = slice(int(ends[chosen]), int(ends[chosen + 1]))
names = [*held_out[chosen], "(end)"]
coloured_tokens(names, tabled[place].tolist(), caption=f"5-gram: {tabled[place].sum():.1f} nats")

# %%
coloured_tokens(names, networked[place].tolist(), caption=f"window of 8: {networked[place].sum():.1f} nats")

# %% [markdown]
r"""
The sentence is grammatical and true, and a reader of a thousand such documents would not stumble over it. The table
stumbles at each name that it has not met in just this position, because for a table an unseen row is an unseen row.
It cannot know that this name is *like* others that it met there.

The network can, because a name is not a row but a vector. Training moves names that are used alike to similar places,
and then what was learned after one of them holds after all. For each fruit, look up the word whose vector, in the
model that read 30,000 documents, makes the smallest angle with its own.
"""

# %%
from course_lib.text.world import FRUITS

vectors = neural.embedding.weight[:V].detach()
vectors = F.normalize(vectors - vectors.mean(dim=0), dim=1)
similarity = (vectors @ vectors.T).fill_diagonal_(-1)
nearest = {fruit: vocabulary[similarity[vocabulary.index(fruit)].argmax()] for fruit in FRUITS}
print(nearest)
claim(sum(word in FRUITS for word in nearest.values()) >= 6, "nearly always, it is another fruit")

# %% [markdown]
r"""
Nobody told the model which of its words are fruits. They got similar vectors because similar vectors made good
forecasts. Lesson 06 looks into that.

And the pairs that made the bigram's loss infinite? They never occurred in 30,000 documents. What do the two models
that read all of these make of them?
"""

# %%
rows = []
for pair in never:
    name, verb = pair.split()
    p = [forecast([name])[verb] for forecast in (forecast_of(counted[5]), forecast_of(neural), truth)]
    rows.append([pair, *(f"{share:.5f}" for share in p)])
    claim(p[0] < p[2] / 10 < p[1] < 10 * p[2], f"{pair}: the network is within ten times the truth, the table is not")
table(["pair", "5-gram", "window of 8", "truth"], rows)

# %% [markdown]
r"""
The table has never met *bruno works*, so it gives it the little that its discounts have set aside. The network has
not met it either. But it has met *anna works*, *carl works* and dozens more, and bruno is somebody like them. So what
it gives is of the order of the truth, if not the truth: sharing makes guesses possible, not exact.

Real languages are always in the situation of our thousand documents. They have a hundred times as many words, and
however much text is counted, most sentences of twenty words are new. In 2007 Brants and others counted two *trillion*
words to help a translation system, and with every doubling the translations were still getting better. The lasting
answer was the other one: share strength.
"""

# %% [markdown]
r"""
## And on real text?

A million letters of Shakespeare, and now the tokens are letters, of which there are only 65. (Where the file cannot
be had, the toy world's letters take its place, a note says so, and your numbers will differ from the text.) We count
letter n-grams of rising order. And we train, for a few seconds, a small **transformer**, the model that lessons 07 to
09 build, which sees up to 64 letters.

**Predict first.** Which order of n-gram is best here? Does the loss go on falling as in the toy world? And does a
transformer, in seconds, beat a table?
"""

# %%
text = load_corpus("default")
letters = tokenizer_for(text, "char")
train_letters, held_letters = torch.tensor(letters.encode(text.train)), letters.encode(text.val)
print(f"{text.name}: {len(train_letters):,} letters to learn from, {letters.vocab_size} different ones")
print(text.train[:120])

# %%
import time

from course_lib.evaluation import evaluate
from course_lib.text import Windows, evaluation_windows

windows_of_64 = evaluation_windows(held_letters, context_length=64)  # every held-out letter, in pieces of 64
start = time.perf_counter()
letter_counts = {n: NgramModel(train_letters, n, letters.vocab_size) for n in range(2, 8)}
letter_losses = {n: evaluate(model, windows_of_64).loss for n, model in letter_counts.items()}
print(f"six models counted and judged in {time.perf_counter() - start:.0f} s")

# %%
from course_lib.model import GPT, TransformerConfig
from course_lib.training import TrainingConfig, train

torch.manual_seed(0)
gpt = GPT(TransformerConfig(vocab_size=letters.vocab_size, context_length=64, n_layers=2, n_heads=4, d_model=64))
start = time.perf_counter()
for _ in train(gpt, Windows(train_letters.numpy(), 16, 64, seed=0), TrainingConfig(steps=training_steps(100))):
    pass
seconds = time.perf_counter() - start
gpt_loss = evaluate(gpt, windows_of_64).loss
print(f"transformer: {gpt.n_parameters:,} parameters, {seconds:.0f} s, {gpt_loss:.3f} nats per letter")

# %%
curves(
    list(letter_losses),
    {"counts": list(letter_losses.values())},
    xlabel="n: letters in an n-gram",
    ylabel="held-out loss (nats per letter)",
    lines={f"small transformer, trained for seconds: {gpt_loss:.2f}": gpt_loss},
)

# %%
best_order = min(letter_losses, key=letter_losses.get)
print({n: round(nats, 3) for n, nats in letter_losses.items()}, "lowest at n =", best_order)
claim(letter_losses[5] < gpt_loss, "the 5-gram is ahead of a transformer that trained for seconds")
if text.name == "shakespeare":
    claim(1.58 < letter_losses[5] < 1.66, "the 5-gram pays about 1.62 nats per letter")
    claim(best_order in (5, 6, 7), "and the best order is about six: from there on the counts get too thin")

# %% [markdown]
r"""
On real text the curve turns. Up to six letters the longer view wins, then the counts get too thin, and even
Kneser-Ney cannot make up for it. And the transformer, after a few seconds of training, pays far more than the best
table, which took less time to count.

That is no fair fight, but a longer one is known too. [nanoGPT](https://github.com/karpathy/nanoGPT), a widely read
small implementation, has a recipe for a transformer on a laptop's processor, and gives its loss on this text as 1.88.
(On the machine where this course was made it reached 1.898, in 90 seconds.) That is still behind the 5-gram. The
difference is what happens next. A table is done when it has counted; more time does not help it. The transformer goes
on learning: nanoGPT's larger recipe, three minutes on an A100 GPU, is given as 1.47, and no order of counting in our
picture comes near. Lesson 13 returns to this text.
"""

# %% [markdown]
r"""
## Where do we stand?

This table will go through the course. The same 1,000 held-out documents of the toy world, predicted by better and
better models. Three columns say the same thing in three ways: nats per word, bits per byte (lesson 01), and how many
nats per *document* are paid beyond what the world itself would pay, which is what is left to learn.
"""

# %%
from course_lib.story import HEADER, STORY, score, story

measured = {
    "how often each word comes": score(counted[1]),
    "the word before, counted": score(counted[2]),
    "the word before, learned": score(learned),
    "the four words before, counted": score(counted[5]),
    "a window of words, learned": score(neural),
}
table(HEADER, story("04", measured))

# %%
for line in STORY:
    if line.lesson == "04":
        near = 0.03 if "learned" in line.model else 0.002
        difference = abs(measured[line.model].nats_per_word - line.nats_per_word)
        claim(difference < near, f"{line.model}: within {near} of what later lessons will show")

# %% [markdown]
r"""
From 168 nats a document above the floor to about six, and most of it by counting. The two lines for the word before
are one model found in two ways. (On *held-out* text they differ a little: a finite logit never gives exactly zero, so
the learned table paid a finite price even for the three pairs that it never saw.)

What is left is what stands further back than a window reaches: who this is about, which fruit, what was lost. A
longer window has more weights, one set for each place, and learns each place anew. What one would like is a model
that looks at *all* that was said and picks what matters. That is attention, and it comes in lesson 07.

Before that there are two things that we took for granted. A word was a number, and then a vector: lesson 06. And text
came cut into words, because somebody had put blanks around the full stops. What should a token be? That is the next
lesson.
"""
