# ---
# title: Self-attention
# part: "III · The transformer"
# minutes: 75
# prerequisites: >-
#   Lesson 01, and a first look at PyTorch: tensors, the matrix product `@`, and a class made from `nn.Module`. What
#   else is needed from the lessons between is said in two sentences where it is needed.
# objectives:
#   - explain query, key and value as a dictionary that also answers when no key matches, and work out a small case by hand
#   - say why scores are divided by the root of the head size, and what happens without
#   - train a head and read from its map which word looks at which
#   - show why attention needs positions and a mask, and test both by laws
#   - weigh attention against a recurrent network in time, recall and memory as a text gets longer
# summary:
#   - A query is compared with every key by a dot product, softmax turns the scores into weights that add up to one, and
#     what comes out is the mean of the values under these weights. Sharp scores make it a plain dictionary again.
#   - The dot product of two random vectors of K numbers around one in size is typically as large as √K. Undivided, in a
#     large head it pushes softmax to zeros and ones, where there is no slope left to learn from.
#   - Nobody says where to look. Gradient descent turns the matrices that make queries, keys and values until *juice*
#     takes from its fruit, because that lowers the loss; a row of the map is one word's weights.
#   - Without a mask, attention sees a bag of words. Put them in another order, and the same outputs come out in that
#     order. So order has to be added to their vectors; and attention sees the future unless a mask sets those scores to
#     −∞ *before* softmax. Permuting the words, changing the last word and asking for gradients test it.
#   - Attention handles all words at once and reaches each in one step, where a recurrent network walks and must carry
#     everything in one vector. The price is a table of T × T weights; a fused kernel avoids storing it, not computing it.
# quiz:
#   - question: >-
#       Somebody builds a causal mask like this: softmax over all scores first, then the weights of later words are set to
#       zero. What is wrong?
#     options:
#       - answer: Nothing, for a weight of zero is a weight of zero.
#         because: The weights that are left are e^score divided by a sum over all words. That sum contains the later ones.
#       - answer: The earlier weights still depend on later words, and no longer add up to one.
#         right: true
#         because: The denominator has seen the future. With −∞ before softmax, a later word enters neither above nor below
#           the line.
#       - answer: Only that it is slower.
#         because: It computes about as much. The trouble is what it computes.
#   - question: >-
#       A head without positions and without a mask reads *the dog chased the cat* and *the cat chased the dog*. What
#       comes out for *chased*?
#     options:
#       - answer: The same in both.
#         right: true
#         because: It is a mean over the same five vectors with the same weights. The order in which they stand appears
#           nowhere in the formula.
#       - answer: Something different, because in one sentence the dog stands before it and in the other after it.
#         because: Before and after are known to us. The head gets vectors, and without positions a vector does not say
#           where its word stands.
#       - answer: Something different, because the two *the* are told apart by their neighbours.
#         because: A neighbour can only be recognised by its position. Without positions both *the* are one and the same
#           vector.
#   - question: >-
#       A training text becomes twice as long. Fused attention is used. What does that do to attention itself (its
#       projections not counted)?
#     options:
#       - answer: Twice the arithmetic, twice the memory kept for the backward pass.
#         because: Every word is still compared with every other, and there are four times as many pairs.
#       - answer: Four times the arithmetic, four times the memory kept for the backward pass.
#         because: True of the version that stores its table. The fused one keeps its inputs, its output and one number
#           more for each word.
#       - answer: Four times the arithmetic, twice the memory kept for the backward pass.
#         right: true
#         because: The pairs have to be computed, but the table of weights is never stored. That is all the kernel saves,
#           and it is a lot.
# read_next:
#   - "[Vaswani and others, *Attention Is All You Need* (2017)](https://arxiv.org/abs/1706.03762): section 3.2 is the middle of this lesson, section 4 its comparison with recurrence; footnote 4 is the square root."
#   - "[Bahdanau, Cho and Bengio, *Neural Machine Translation by Jointly Learning to Align and Translate* (2014)](https://arxiv.org/abs/1409.0473): where attention came from, as a helper of a recurrent network that had to press a sentence into one vector."
#   - "[Arora and others, *Zoology: Measuring and Improving Recall in Efficient Language Models* (2023)](https://arxiv.org/abs/2312.04927): the list of people and towns, done thoroughly, for newer rivals of attention too."
#   - "[Dao and others, *FlashAttention* (2022)](https://arxiv.org/abs/2205.14135): how the table of weights is avoided, and why memory traffic and not arithmetic was the brake."
#   - "[Elhage and others, *A Mathematical Framework for Transformer Circuits* (2021)](https://transformer-circuits.pub/2021/framework/index.html): heads taken apart into where they look and what they move."
# ---

# %% [markdown]
r"""
## What is in the glass?

*She drank apple juice.* Suppose you are shown a single word of this sentence, *juice*, and asked what is in the
glass. You cannot know. It might have been orange.

Every word of a text enters a network in just this way, alone: it is exchanged for a vector of numbers that belongs to
that word, its **embedding**.
"""

# %%
import math
import random
import re

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_lib import claim
from course_lib.display import curves, heatmap, table

# %%
few_words = ["she", "drank", "apple", "orange", "juice"]
embedding = nn.Embedding(len(few_words), 3)  # three random numbers for each word

vectors = {}
for sentence in ("she drank apple juice", "she drank orange juice"):
    ids = torch.tensor([few_words.index(word) for word in sentence.split()])
    vectors[sentence] = embedding(ids)  # T D: a row for each word
    print(sentence, "\n", vectors[sentence].detach().numpy().round(2))

# %%
apple_sentence, orange_sentence = vectors.values()
claim(torch.equal(apple_sentence[3], orange_sentence[3]), "the vector of juice is the same in both sentences")

# %% [markdown]
r"""
Whatever a network works out from the last row alone, it works out the same for both glasses. To know better, the
vector of *juice* has to take something from the vector of another word. From which? Here from the word before. In
*the juice that she made of apples* it stands further on. So a fixed place will not do: the words themselves must tell
who has something for whom.

Two things are taken on credit here. Gradient descent turns parameters downhill until a loss is small (lessons 02 and
03); its loop has five lines, and we use it as it is. And the numbers in the embeddings are parameters like any other,
so that words get vectors that suit their use (lesson 06).
"""

# %% [markdown]
r"""
## How would a programmer look something up?

With a dictionary.
"""

# %%
prices = {"apple": 3.0, "orange": 4.0, "milk": 2.0}  # on the market of a small town
prices["orange"]

# %% [markdown]
r"""
Three things play a part. The **keys** are what entries are found by. The **values** are what is handed over. And the
**query** is what we come with, here `"orange"`. Where the query equals a key, that key's value comes out.

The same can be said in matrices. Give each key a vector that has a single one, at a place of its own. Then the dot
product of a query with a key is 1 if they are equal and 0 otherwise.
"""

# %%
keys = torch.eye(3)  # S K: one row for apple, orange, milk
values = torch.tensor([[3.0], [4.0], [2.0]])  # S V: what each hands over
query = torch.tensor([0.0, 1.0, 0.0])  # K: asks for orange

matches = keys @ query
print("how well each key matches:", matches.tolist())
print("what comes out:", (matches @ values).tolist())

# %% [markdown]
r"""
`matches @ values` multiplies each value by how well its key matched and adds up: $0 \cdot 3 + 1 \cdot 4 + 0 \cdot 2$.
Several customers at once are several rows of queries, and $Q K^\top$ is the table of all matches: a row for each
query, a column for each key.
"""

# %%
queries = keys[[1, 2, 1, 0]]  # four customers: orange, milk, orange, apple
matches = queries @ keys.T  # T S
print(matches)

bought = [prices[name] for name in ("orange", "milk", "orange", "apple")]
claim((matches @ values).flatten().tolist() == bought, "the two matrix products look up what the dictionary does")

# %% [markdown]
r"""
Why go to such lengths for something that Python does in one line? Because of what a dictionary cannot do. Ask it for
`"aple"`, and it raises an error. A key matches or it does not, and nothing lies in between. That is a staircase, and
lesson 01 showed that a search finds no direction on a staircase. Multiplication and addition have slopes everywhere.
"""

# %% [markdown]
r"""
## And if no key matches?

Then take a little from each, and most from the best. Let us describe fruit by two numbers, how sweet it is and how
sour. The query does not name a fruit; it says what is wanted.
"""

# %%
fruit = ["apple", "lemon", "pear"]
keys = torch.tensor([[0.7, 0.3], [0.1, 1.0], [0.9, 0.1]])  # sweet, sour
values = torch.tensor([3.0, 5.0, 6.0])  # prices
query = torch.tensor([4.0, 0.0])  # sweet, please, and never mind the sour

scores = keys @ query
weights = scores.softmax(dim=0)
table(
    ["", "key: sweet, sour", "score: key · query", "weight", "value"],
    [
        [name, str([round(number, 1) for number in key]), score, weight, value]
        for name, key, score, weight, value in zip(
            fruit, keys.tolist(), scores.tolist(), weights.tolist(), values.tolist(), strict=True
        )
    ],
)

# %%
print(f"price of something sweet: {weights @ values:.2f}")

# %% [markdown]
r"""
The dot product is large where key and query point the same way, and where they are long. Softmax, known from lesson
01, turns the scores into weights: all positive, together one. And the answer is the mean of the values under these
weights, two thirds pear, most of the rest apple, hardly any lemon. No error was raised, and a query that moves a
little moves the answer a little.

How strictly "most from the best" is meant is a matter of scale. Multiply all scores by a number before softmax, and
see what is left of the differences.
"""

# %%
rows = []
for sharpness in (0, 1, 3, 10):
    weights = (sharpness * scores).softmax(dim=0)
    rows.append([f"× {sharpness}", *weights.tolist(), (weights @ values).item()])
table(["scores", *fruit, "price"], rows)

# %%
claim(abs(rows[0][4] - values.mean()) < 1e-6, "scores times zero give the plain mean of all values")
claim(rows[3][3] > 0.999, "scores times ten give the pear nearly alone: it is a dictionary again")

# %% [markdown]
r"""
At one end, a mean over everything. At the other, a dictionary that returns the entry of the best match. And a scale
between them that can be turned smoothly, for a query that is twice as long makes all scores twice as large. This soft
lookup is **attention**:

$$\text{weights} = \operatorname{softmax}(\text{scores}), \qquad \text{scores}_s = q \cdot k_s, \qquad \text{out} = \sum_s \text{weights}_s\, v_s$$
"""

# %% [markdown]
r"""
## What would *juice* ask?

Now to the sentence. Every word plays all three parts, and so has three vectors. Its **query** says what the word is
looking for. Its **key** says what it offers to be found by. Its **value** is what it hands over when it is found.
When the queries come from the same words as the keys and values, one speaks of *self*-attention.

We make the vectors up. Queries and keys have two numbers: the first is about fruit, the second about persons. *Juice*
asks for a fruit, loudly. *Drank* asks who did it. *She* and *apple* ask for nothing.
"""

# %%
sentence = ["she", "drank", "apple", "juice"]

#                          fruit person
queries = torch.tensor([[0.0, 0.0], [0.0, 4.0], [0.0, 0.0], [4.0, 0.0]])
keys = torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])  # she is a person, apple is a fruit
#                        a woman apple orange
values = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])

weights = (queries @ keys.T).softmax(dim=-1)  # each row on its own
heatmap(weights, sentence, sentence, xlabel="looked at (keys)", ylabel="who looks (queries)")

# %% [markdown]
r"""
Read it row by row: each row is one word's attention, and adds up to one. *Juice* takes 95 % from *apple*; three other
words with a score of zero share the rest, since $e^0$ is one and not nothing. *Drank* does the same with *she*. The
two words that ask for nothing have equal scores everywhere, so they get the plain mean of all.

What *juice* comes away with is its row of weights times the values. Put the other fruit into the sentence, and it
comes away with something else.
"""

# %%
with_apple = weights @ values
orange_values = values.clone()
orange_values[2] = torch.tensor([0.0, 0.0, 1.0])  # the third word is now an orange: same key, since it is a fruit too
with_orange = weights @ orange_values
table(
    ["juice takes in", "a woman", "apple", "orange"],
    [["she drank apple juice", *with_apple[3].tolist()], ["she drank orange juice", *with_orange[3].tolist()]],
)

# %%
claim(weights[3, 2] > 0.9, "juice takes more than 90 % of what it gets from its fruit")
claim(torch.allclose(weights[0], torch.tensor(0.25)), "a word with a query of zero takes evenly from all")

# %% [markdown]
r"""
That answers the first question of this lesson. *Juice* now has a vector that tells apple from orange, and the same
query did it both times. Keys say *that* something is a fruit, values say *which*. That is why there are both.
"""

# %% [markdown]
r"""
## What is the square root for?

In the paper that made it famous, the formula for all words at once reads

$$\text{attention}(Q, K, V) = \operatorname{softmax}\!\Big(\frac{Q K^\top}{\sqrt{d}}\Big)\, V$$

where $d$ is how many numbers a query and a key have; this course calls that number the head size and writes it
`head_dim`, or $K$ in a shape. Everything in the formula is known to you by now, except the root.

**Predict first.** Take two vectors of 64 random numbers, positive and negative, each about as large as one. Their dot
product is a sum of 64 products. How far from zero is it, typically? About 1, about 8, or about 64?
"""

# %%
sizes = [4, 16, 64, 256, 1024]
spread = []
for head_dim in sizes:
    q, k = torch.randn(20_000, head_dim), torch.randn(20_000, head_dim)
    spread.append((q * k).sum(dim=1).std().item())
print({head_dim: round(each, 1) for head_dim, each in zip(sizes, spread, strict=True)})

claim(
    all(abs(each / math.sqrt(head_dim) - 1) < 0.05 for head_dim, each in zip(sizes, spread, strict=True)),
    "the standard deviation of q · k is the root of the head size, within 5 %",
)

# %% [markdown]
r"""
Eight. The *variance* of numbers is the mean of their squares (if their own mean is zero), and its root, the *standard
deviation*, is their typical size. Variances of independent terms add up, each product has variance one, so the sum of
64 has variance 64, and its typical size is the root of that. Larger heads therefore have larger scores, for no other
reason than being larger. And we saw what multiplying all scores does. Sixteen random keys and one random query, many
times over:
"""

# %%
rows = []
for head_dim in sizes:
    q, k = torch.randn(1000, 1, head_dim), torch.randn(1000, 16, head_dim)
    scores = (q * k).sum(dim=-1)  # 1000 16
    row = [str(head_dim)]
    for each in (scores, scores / math.sqrt(head_dim)):
        weights = each.softmax(dim=-1)
        slope = 1 - (weights**2).sum(dim=-1)  # how fast each weight moves with its own score, all sixteen added up
        row += [weights.max(dim=-1).values.median().item(), slope.median().item()]
    rows.append(row)
table(["head size", "largest weight", "slope", "divided by the root: largest weight", "slope"], rows)

# %%
claim(rows[-1][1] > 0.99, "undivided, at head size 1024 one key in sixteen typically gets more than 99 %")
claim(rows[-1][2] < 0.01, "and the slope has all but gone")
claim(
    all(abs(row[3] - rows[0][3]) < 0.1 and abs(row[4] - rows[0][4]) < 0.1 for row in rows),
    "divided by the root, all sizes behave alike",
)

# %% [markdown]
r"""
The *slope* column is what matters for learning. A weight $w$ moves with its own score at the rate $w\,(1 - w)$, which
is zero at $w = 0$ and at $w = 1$. A large head without the root, whose queries and keys start with numbers about as
large as one, starts its life convinced of an answer that it got by accident, on a tread of the staircase, and gradient
descent finds nothing there to correct it by. Divided by $\sqrt{d}$, such scores are about as large as one, whatever
the size, and every key still has a say.
"""

# %% [markdown]
r"""
## Who writes the queries?

So far we did, by hand. For a real vocabulary nobody could. But look at what has to be decided: for each word, three
vectors, made from its embedding. The simplest way to make a vector from a vector is a matrix, so there shall be three
of them, and their numbers are parameters.

$$q_t = x_t\, W_q \qquad k_t = x_t\, W_k \qquad v_t = x_t\, W_v$$

(`nn.Linear`, which holds such a matrix in PyTorch, keeps it turned over; the product is the same.) Here is
the whole mechanism. The argument `mask` has a section of its own further down.
"""


# %%
def attend(q, k, v, mask=None):
    """Each query's mean of the values, [... T K], and its weights, [... T S]. `mask`: true where a query may look."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1)
    return weights @ v, weights


# %% [markdown]
r"""
To train it we need a job. Each word of a sentence shall *name what it means*, from nothing but the vector that
attention brings it. *She* has to name *she*, *drank* has to name *drank*. But *juice* has to name its fruit. Where no
fruit is told, as in *she drank juice alone*, juice is just juice.
"""

# %%
from course_lib.text.world import FRUITS

WHO = ["she", "he", "anna", "clara", "nora", "erik", "felix", "leo"]
DID = ["drank", "made", "spilled", "wanted"]
HOW = ["today", "later", "again", "alone"]

sentences = [f"{who} {did} {fruit} juice" for who in WHO for did in DID for fruit in FRUITS]
sentences += [f"{who} {did} juice {how}" for who in WHO for did in DID for how in HOW]
random.shuffle(sentences)
vocabulary = sorted(set(" ".join(sentences).split()))
number_of = {word: number for number, word in enumerate(vocabulary)}
is_fruit = torch.tensor([word in FRUITS for word in vocabulary])


def encode(sentences):
    """Sentences of equal length as word numbers, [B, T]."""
    return torch.tensor([[number_of[word] for word in sentence.split()] for sentence in sentences])


def say_what_is_meant(sentence):
    """The sentence with each *juice* that follows a fruit replaced by that fruit."""
    return re.sub(f"({'|'.join(FRUITS)}) juice", r"\1 \1", sentence)


print(len(sentences), "sentences of", len(vocabulary), "words")
for each in sentences[:4]:
    print(f"{each:28} means  {say_what_is_meant(each)}")

# %% [markdown]
r"""
A head is an embedding, the three matrices, and a last matrix that turns what came out into a logit for each word of
the vocabulary. The queries' matrix starts at zero, so that at first nobody asks for anything and everybody gets the
plain mean. Any preference that we find later was learned.
"""


# %%
class Head(nn.Module):
    """One head of attention that names words: word numbers [B, T] to logits [B, T, V].

    Head size and vector size are both `width`.
    """

    def __init__(self, n_words, width):
        super().__init__()
        self.embedding = nn.Embedding(n_words, width)
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.name = nn.Linear(width, n_words, bias=False)
        nn.init.zeros_(self.query.weight)

    def vectors(self, ids):
        return self.embedding(ids)

    def mask(self, n_words):
        return None  # every word may look at every word

    def forward(self, ids):
        x = self.vectors(ids)
        mixed, self.weights = attend(self.query(x), self.key(x), self.value(x), self.mask(ids.shape[1]))
        return self.name(mixed)


# %%
def train(model, batches, lr):
    """The five lines of lesson 02; returns the loss at each step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    losses = []
    for ids, targets in batches:
        loss = cross_entropy(model(ids).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def random_batches(ids, targets, n_batches):
    """128 sentences at a time."""
    for _ in range(n_batches):
        rows = torch.randint(len(ids), (128,))
        yield ids[rows], targets[rows]


ids, meant = encode(sentences), encode([say_what_is_meant(each) for each in sentences])
head = Head(len(vocabulary), width=128)
losses = train(head, random_batches(ids[72:], meant[72:], n_batches=300), lr=0.003)  # 72 sentences are kept back
curves(
    range(60),
    {"loss": losses[:60]},
    xlabel="step",
    ylabel="loss (nats per word)",
    lines={"ln V": math.log(len(vocabulary))},
)

# %%
claim(abs(losses[0] - math.log(len(vocabulary))) < 0.3, "the loss starts at ln V, within 0.3 nats")
claim(losses[59] < 0.3, "and is below 0.3 nats where the picture ends")

# %% [markdown]
r"""
It starts at $\ln V$, as a model without opinions should, and is close to zero before the picture ends. So the head
can do its job. The question that we came for is *how*: where does *juice* look? Nobody told it.
"""

# %%
sentence = "she drank apple juice"
with torch.no_grad():
    head(encode([sentence]))
heatmap(head.weights[0], sentence.split(), sentence.split(), xlabel="looked at (keys)", ylabel="who looks (queries)")

# %%
juice = number_of["juice"]
with torch.no_grad():
    named = head(ids[:72]).argmax(dim=-1)  # 72 sentences that training has not seen
taken_from_fruit = (head.weights * is_fruit[ids[:72]][:, None]).sum(dim=-1)  # by each word
juice_of_a_fruit = (ids[:72] == juice) & (meant[:72] != juice)
print(f"words named rightly: {(named == meant[:72]).float().mean():.1%}")
print(f"juice takes from its fruit: {taken_from_fruit[juice_of_a_fruit].mean():.3f}")

claim((named == meant[:72])[juice_of_a_fruit].float().mean() > 0.9, "juice names its fruit in new sentences too")
claim(taken_from_fruit[juice_of_a_fruit].mean() > 0.9, "juice takes more than 90 % from its fruit, on average")

# %% [markdown]
r"""
The bottom row is the one that we made up by hand a while ago. Here it was *found*, because looking at the fruit makes
the loss smaller, and the three matrices could be turned that way. Nothing in the loss mentions looking.

Be careful with the other rows, though. A map shows what a head does and not why, and the loss cares only for the
result. Most words look at themselves, which is the obvious way to name oneself. But train with another seed, and you
may find one that looks somewhere else and still gets its name right, for want of anybody who would object.

And the values? We can ask them directly: take the value of each word alone, without any attention, and see which word
it names.
"""

# %%
with torch.no_grad():
    names = head.name(head.value(head.embedding.weight)).argmax(dim=-1)
fruit_names = {fruit: vocabulary[names[number_of[fruit]]] for fruit in FRUITS}
print(fruit_names)
claim(all(fruit == name for fruit, name in fruit_names.items()), "the value of each fruit names that fruit")

# %% [markdown]
r"""
Values say *which*. And the keys? Let the query of *juice* be compared with the key of each word that there is.
"""

# %%
with torch.no_grad():
    asked = head.key(head.embedding.weight) @ head.query(head.embedding.weight[juice])  # V
best_first = asked.argsort(descending=True)[:10].tolist()
print({vocabulary[number]: round(asked[number].item(), 1) for number in best_first})
beside_it = [number_of[word] for word in (*WHO, *DID, "juice")]  # the other words of a sentence with a fruit
claim(
    asked[is_fruit].min() > asked[beside_it].max(),
    "the query of juice fits every fruit's key better than that of any word beside it",
)

# %% [markdown]
r"""
So the division of labour from before has come back by itself. The key of *apple* says "fruit here", as the keys of
the other fruits do, and its value says "apple".
"""

# %% [markdown]
r"""
## What if there are two fruits?

*She took one orange and drank apple juice.* There is an orange in the story, and it is not in the glass.

**Predict first.** We train a new head of the same kind on sentences like this one, sometimes with the juice first,
sometimes with the other fruit first. It has to find out which fruit the juice is made of. How often will it be right?
"""

# %%
from itertools import combinations

PAIRS = list(combinations(FRUITS, 2))
random.shuffle(PAIRS)


def two_fruits(pairs):
    """A random sentence of nine words with the two fruits of one of the pairs."""
    in_the_glass, other = random.sample(random.choice(pairs), 2)
    what = [f"{random.choice(DID)} {in_the_glass} juice", f"{random.choice(['took', 'bought'])} one {other}"]
    random.shuffle(what)
    parts = [
        f"{random.choice(WHO)} {what[0]} {random.choice(['and', 'but'])} {what[1]}",
        random.choice(["then", "today"]),
    ]
    random.shuffle(parts)
    return " ".join(parts)


known = [two_fruits(PAIRS[:20]) for _ in range(3000)]
new = [two_fruits(PAIRS[20:]) for _ in range(500)]  # the fruits of these eight pairs never meet in training
vocabulary = sorted(set(" ".join(known + new).split()))
number_of = {word: number for number, word in enumerate(vocabulary)}
is_fruit = torch.tensor([word in FRUITS for word in vocabulary])
juice = number_of["juice"]

for each in known[:4]:
    print(each)

# %%
ids, meant = encode(known), encode([say_what_is_meant(each) for each in known])
orderless = Head(len(vocabulary), width=16)
train(orderless, random_batches(ids, meant, n_batches=300), lr=0.02)


def name_the_juice(model, sentences):
    """The forecast for *juice* in each sentence, [B, V], and the fruit that is meant, [B]."""
    ids, meant = encode(sentences), encode([say_what_is_meant(each) for each in sentences])
    with torch.no_grad():
        forecast = model(ids).softmax(dim=-1)
    return forecast[ids == juice], meant[ids == juice]


twins = ["then she took one orange and drank apple juice", "then she took one apple and drank orange juice"]
forecasts, _ = name_the_juice(orderless, twins)
table(
    ["", "juice names apple", "juice names orange"],
    [
        [twin, f[number_of["apple"]].item(), f[number_of["orange"]].item()]
        for twin, f in zip(twins, forecasts, strict=True)
    ],
)

# %% [markdown]
r"""
The two rows agree in every digit that is shown. It is not that the head has learned badly. It *cannot* tell the two
sentences apart, for they consist of the same words, and the order of the words appears nowhere in the formula: a
score compares two vectors, and a sum does not care who comes first. Whatever it says about one sentence it says about
the other, so of two such twins it gets at most one right.

That is a law, and we can test it in its general form. Shuffle the words of a sentence, and the outputs come out
shuffled in the same way, and otherwise unchanged.
"""

# %%
claim(torch.allclose(*forecasts, atol=1e-5), "the forecasts for the twins are equal, up to rounding")
with torch.no_grad():
    order = torch.randperm(9)
    claim(
        torch.allclose(orderless(ids[:100, order]), orderless(ids[:100])[:, order], atol=1e-4),
        "shuffled words give the same outputs, shuffled",
    )


def exchange(sentence):
    """The same sentence with its two fruits exchanged: the twin."""
    first, second = [word for word in sentence.split() if word in FRUITS]
    return " ".join({first: second, second: first}.get(word, word) for word in sentence.split())


with_twins = {
    name: each + [exchange(sentence) for sentence in each]
    for name, each in {"pairs met in training": known[:500], "new pairs of fruit": new}.items()
}
rows = []
for name, each in with_twins.items():
    forecasts, truth = name_the_juice(orderless, each)
    paid = -forecasts[torch.arange(len(truth)), truth].log()
    rows.append([name, (forecasts.argmax(dim=-1) == truth).float().mean().item(), paid.mean().item()])
    claim(rows[-1][1] < 0.51, f"{name}: of a sentence and its twin, at most one is right")
    claim(rows[-1][2] > math.log(2) - 1e-3, f"{name}: the loss is no less than that of tossing a coin, ln 2")
table(["", "right", "loss (nats per juice)"], rows)

# %% [markdown]
r"""
Lesson 01 told us to ask for the floor before we admire or despise a loss. For a reader without order the floor is
$\ln 2 = 0.69$ nats, a coin toss between the two fruits: on sentences whose twins are as likely, no training can get
below.

The cure is to tell each word where it stands. If attention sees nothing but vectors, the place must be *in* the
vector: we add to each embedding a second one that belongs to the place, first, second, third, and is learned like
all else. (Lesson 06 compares better ways of doing it. Exercises and library say *token* and *position* where we say
word and place.)
"""


# %%
class OrderedHead(Head):
    """A head whose words know their places."""

    def __init__(self, n_words, width, n_places):
        super().__init__(n_words, width)
        self.place = nn.Embedding(n_places, width)

    def vectors(self, ids):
        return self.embedding(ids) + self.place.weight[: ids.shape[1]]


ordered = OrderedHead(len(vocabulary), width=16, n_places=9)
train(ordered, random_batches(ids, meant, n_batches=300), lr=0.02)

words, rows = encode(with_twins["new pairs of fruit"]), []
for name, model in {"without places": orderless, "with places": ordered}.items():
    forecasts, truth = name_the_juice(model, with_twins["new pairs of fruit"])
    looks = model.weights[words == juice]  # B T: where each juice looks
    own = (looks * (words == truth[:, None])).sum(dim=1)
    other = (looks * is_fruit[words]).sum(dim=1) - own
    right = (forecasts.argmax(dim=-1) == truth).float()
    rows.append([name, *(each.mean().item() for each in (right, own, other))])
table(["head", "right", "juice takes from its fruit", "from the other fruit"], rows)

# %%
claim(rows[1][1] > 0.9, "with places, juice names its fruit in more than nine of ten sentences, of new pairs of fruit")
claim(rows[1][2] > 3 * rows[1][3], "and takes several times as much from its own fruit as from the other")

# %% [markdown]
r"""
Right in nearly every sentence, with pairs of fruit that never met in training. So it has not learned sentences, nor
pairs, by heart. Whether it has found the rule that you have in mind, *the fruit just before me*, is another question.

Try it on a sentence of your own. The slider multiplies the scores: at 0 every word takes evenly from all, towards 4
each takes from nearly only one word.
"""

# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, slider, text_box


def look(text, sharpness):
    typed = text.lower().split()
    unknown = sorted({word for word in typed if word not in number_of})
    words = [word for word in typed if word in number_of][:9] or ["juice"]
    x = ordered.vectors(encode([" ".join(words)]))
    mixed, weights = attend(sharpness * ordered.query(x), ordered.key(x), ordered.value(x))
    named = [vocabulary[number] for number in ordered.name(mixed)[0].argmax(dim=-1)]

    line = "It says: " + " ".join(named) + "."
    if unknown:
        line += f" Left out, for it has never met them: {', '.join(unknown)}. It knows: {', '.join(vocabulary)}."
    elif len(typed) > 9:
        line += " It has learned nine places; what stands further on is left out."
    return heatmap(weights[0].detach(), words, words, xlabel="looked at", ylabel="who looks"), line


Explorer(
    look,
    text=text_box(twins[0], label="sentence"),
    sharpness=slider(0, 4, 1, step=0.5, label="scores times"),
)

# %% [markdown]
r"""
Did you put a word where it never stood in training? *And* always stood fifth or sixth, a name always first or second,
and *juice* never sixth. So here are sentences that move them, such as *anna and erik drank apple juice*.
"""

# %%
moved = [f"{a} and {b} {did} {fruit} juice" for a, b in combinations(WHO, 2) for did in DID for fruit in FRUITS]
with torch.no_grad():
    right = ordered(encode(moved)).argmax(dim=-1) == encode([say_what_is_meant(each) for each in moved])
print("words named rightly, place by place:", right.float().mean(dim=0).numpy().round(2))
claim(right.float().mean() < 0.95, "with words at new places it names many wrongly")

# %% [markdown]
r"""
Every place was in use, but not by every word. Word and place are added up, what was learned holds for the sums that
occurred, and nothing made the head treat all places alike. That is one of the reasons why lesson 06 has other ways.
"""

# %% [markdown]
r"""
## What if the answer stands in the text?

Until now each word could look at all others, to the left and to the right. For a language model that is a scandal. It
is trained to forecast the next word, at every place of a text at once, and the next word *stands there*, one place
further on.

**Predict first.** We train two models on documents of the toy world. Each is a head like the one above, with its
words knowing their places, that forecasts at each word the one that follows. One sees all words, the other only those
up to its own place. The floor of these documents is known exactly. Where will the two end, compared with it?
"""

# %%
from course_lib.text import TRAINING_SEED, VALIDATION_SEED, WordTokenizer, World, evaluation_documents

world = World()
tokenizer = WordTokenizer(["\n", *world.words()])


def in_rows(documents, batch_size):
    """Batches of one document a row: `inputs` and, one word ahead, `targets`, filled up with what is ignored."""
    text = "".join(document.text + "\n" for document in documents)
    return evaluation_documents(tokenizer.encode(text), tokenizer.end_id, batch_size)


training = in_rows(world.documents(6400, seed=TRAINING_SEED), batch_size=16)
held_out_documents = world.documents(1000, seed=VALIDATION_SEED)
held_out = in_rows(held_out_documents, batch_size=100)
floor = world.floor(held_out_documents).per_word

# %% [markdown]
r"""
The mask says which pairs are allowed: row $t$ may look at columns up to $t$, itself included. In `attend` you saw what
is done with it. Where looking is forbidden, the score is set to minus infinity. Then $e^{-\infty} = 0$, and softmax
does the rest (as long as a row has something left to look at).
"""


# %%
class CausalHead(OrderedHead):
    """A head whose words see only themselves and what stands before them."""

    def mask(self, n_words):
        return torch.ones(n_words, n_words, dtype=torch.bool).tril()


print(CausalHead(2, 2, 2).mask(4).int())

# %%
see_all = OrderedHead(tokenizer.vocab_size, width=64, n_places=128)
see_past = CausalHead(tokenizer.vocab_size, width=64, n_places=128)
losses = {
    "sees everything": train(see_all, ((batch.inputs, batch.targets) for batch in training), lr=0.007),
    "sees the past": train(see_past, ((batch.inputs, batch.targets) for batch in training), lr=0.007),
}
curves(
    range(len(training)),
    losses | {"the floor": [floor] * len(training)},
    xlabel="step",
    ylabel="loss (nats per word)",
)


# %%
@torch.no_grad()
def nats_per_word(model):
    """Mean cost over the held-out documents, each target counted once."""
    paid = [
        cross_entropy(model(batch.inputs).flatten(0, 1), batch.targets.flatten(), reduction="sum") for batch in held_out
    ]
    return (sum(paid) / sum((batch.targets >= 0).sum() for batch in held_out)).item()


in_use = CausalHead(tokenizer.vocab_size, width=64, n_places=128)
in_use.load_state_dict(see_all.state_dict())  # the model that saw everything, where there is no future to be seen
cost = {
    "sees the past": nats_per_word(see_past),
    "sees everything": nats_per_word(see_all),
    "trained to see everything, then used": nats_per_word(in_use),
}
table(
    ["model", "nats per word, held-out"],
    [*cost.items(), ["the floor", floor], ["evenly", math.log(tokenizer.vocab_size)]],
)

# %%
one_ahead = see_all.weights.diagonal(1, 1, 2)[held_out[-1].targets[:, :-1] >= 0].mean()  # weights of the last batch
print(f"without the mask, a word takes {one_ahead:.0%} from the word that it should forecast")
claim(one_ahead > 0.4, "without the mask, a word takes more than 40 % from the one that it should forecast")
claim(cost["sees everything"] < floor, "without the mask, the loss on new documents falls below the floor")
claim(cost["sees the past"] > floor, "with the mask it does not")
claim(
    cost["trained to see everything, then used"] > math.log(tokenizer.vocab_size),
    "where the future is hidden, the model that learned with it is worse than guessing evenly",
)

# %% [markdown]
r"""
Below the floor, on documents drawn apart from the training. No forecaster can do that, so this is no forecast. The
head learned to look one place to the right and to read out what stands there. When the future is taken from it, as it
must be when the model is to *write*, what it mostly learned was to copy, and there is nothing left to copy from. (One
head alone is a modest forecaster even with the mask. There is more to a transformer, and the next lesson adds it.)

A loss too good to be true is a bug report, as the quiz of lesson 01 has it. On the toy world the floor raises the
alarm. On real text there is no such line, and the usual sign of a leak is joy.
"""

# %% [markdown]
r"""
## Is the mask tight?

One asks in two ways. The first is to *perturb*: change the last word, and see whether any earlier output moves. Not
"hardly moves". A weight of exactly zero times anything finite is exactly zero, so equality to the last bit is due.
"""

# %%
ids = held_out[0].inputs[:1, :6]
changed = ids.clone()
changed[0, -1] = (ids[0, -1] + 1) % tokenizer.vocab_size
with torch.no_grad():
    claim(
        torch.equal(see_past(ids)[:, :-1], see_past(changed)[:, :-1]), "with the mask, earlier outputs agree to the bit"
    )
    claim(not torch.equal(see_all(ids)[:, :-1], see_all(changed)[:, :-1]), "without it, they do not")

# %% [markdown]
r"""
The second way is to ask for *gradients*. How much does the output at place $t$ change with the vector at place $s$?
If nothing may flow from the future, that table is zero above its diagonal.
"""


# %%
def influence(mask):
    """For each pair of places: how much the sum of output t changes with the vector at s, [T, S]."""
    x = torch.randn(6, 8, requires_grad=True)
    out, _ = attend(x, x, x, mask)
    return torch.stack([torch.autograd.grad(row.sum(), x, retain_graph=True)[0].norm(dim=1) for row in out])


# %%
causal = torch.ones(6, 6, dtype=torch.bool).tril()
print(influence(causal).numpy().round(2))
claim(influence(causal).triu(1).max() == 0, "nothing flows from a later place to an earlier one")
claim(influence(None).min() > 0, "without a mask, everything depends on everything")

# %% [markdown]
r"""
These two tests are cheap and need no trained model. The second looks at every pair of places; the first does so if
each word is changed in turn, not only the last. A mask that is upside down or one place too wide is caught by either.
It is worth seeing them catch something. A tempting way to build the mask is to compute softmax as usual and *then* set
the forbidden weights to zero. Where is the harm?
"""


# %%
def attend_masked_too_late(q, k, v):
    weights = (q @ k.T / math.sqrt(q.shape[-1])).softmax(dim=-1) * causal
    return weights @ v, weights


x = torch.randn(6, 8)
x_changed = torch.cat([x[:-1], torch.randn(1, 8)])
out, weights = attend_masked_too_late(x, x, x)
out_changed, _ = attend_masked_too_late(x_changed, x_changed, x_changed)
print("rows add up to", weights.sum(dim=-1).numpy().round(2))

claim(weights.sum(dim=-1)[:-1].max() < 1, "the rows no longer add up to one")
claim(not torch.equal(out[:-1], out_changed[:-1]), "and changing the last word changes earlier outputs")

# %% [markdown]
r"""
The weights that remain were divided by a sum over *all* words. The future is no longer looked at, but it has left its
mark in the denominator. With $-\infty$ before softmax it appears neither above nor below the line.
"""

# %% [markdown]
r"""
## Is it the same as the real thing?

The library of this course has attention in two forms: `attention`, written to be read, and `fused_attention`, which
hands everything to one compiled routine (a *kernel*). Both are causal when no mask is given. Ours should agree with
both, in what comes out and in the gradients that go back.
"""

# %%
from course_lib.model import attention, causal_mask, fused_attention

q, k, v = (torch.randn(2, 3, 50, 16, requires_grad=True) for _ in range(3))  # texts, heads, words, head size
weighting = torch.randn(2, 3, 50, 16)


def outputs_and_gradients(function):
    out = function(q, k, v)
    return [out, *torch.autograd.grad((out * weighting).sum(), (q, k, v))]


ours = outputs_and_gradients(lambda q, k, v: attend(q, k, v, causal_mask(50, 50))[0])
for function in (attention, fused_attention):
    theirs = outputs_and_gradients(function)
    largest = max((one - other).abs().max() for one, other in zip(ours, theirs, strict=True))
    claim(largest < 1e-5, f"ours and {function.__name__} agree to 1e-5, outputs and gradients")

# %% [markdown]
r"""
Where only the outcome is wanted, we use the library's from here on; `attend` stays for looking at weights. What the
fused one does differently becomes visible in the last section. It works through the table of weights in small blocks
that fit into fast memory, keeps a running maximum and sum for softmax, and throws each block away. The whole table
never exists. (You may wonder about the axis called *heads*. That comes next.)
"""

# %% [markdown]
r"""
## Can one word ask two questions?

Back to the vectors that we made by hand, and suppose that *juice* wants to know two things, which fruit and whose
glass. We can add up the two queries. But softmax deals out *one* hundred percent.
"""

# %%
#                          fruit person
queries = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [6.0, 6.0]])
keys = torch.tensor([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])  # she, drank, apple, juice
values = keys  # each hands over what it is

_, one_head = attend(queries, keys, values)


def split(x, n_heads):
    """Cut each vector into `n_heads` shorter ones: [T, H · K] to [H, T, K]."""
    return x.unflatten(-1, (n_heads, -1)).transpose(-3, -2)


_, two_heads = attend(split(queries, 2), split(keys, 2), split(values, 2))
table(
    ["where juice looks", "she", "drank", "apple", "juice"],
    [
        ["one head, two questions", *one_head[3].tolist()],
        ["first of two heads", *two_heads[0, 3].tolist()],
        ["second of two heads", *two_heads[1, 3].tolist()],
    ],
)

# %%
claim(one_head[3].max() < 0.5, "one head has to share its attention between the two answers")
claim(two_heads[:, 3].max(dim=-1).values.min() > 0.98, "of two heads, each has all of its own to give")

# %% [markdown]
r"""
Here both answers could still be read from the mixture, at half strength. But the one head gives every part of its
outcome the same weights: it cannot take *only* the fruit from *apple* and *only* the person from *she*. Two can.

The vectors are the same. They were only cut in half, and each half did a lookup of its own, with its own softmax.
That is **multi-head attention**: $D$ numbers are split among $H$ heads of $K = D / H$ numbers each, the heads look in
different places, what they bring home is laid side by side again, and a last matrix mixes it. That takes as many
multiplications as one wide head. What heads specialise in when they are trained is a matter for the next lesson.
"""

# %% [markdown]
r"""
## Why did this replace what was there before?

Before 2017 the usual network read text as a clerk does who owns a single sheet of paper. He reads a word, rewrites his
sheet, reads the next word, rewrites it again. The sheet is a vector of fixed length, the *state*, and such a network
is called **recurrent**. In one common form, the GRU, the state has *gates*, numbers between zero and one. One of
them, the *update gate*, says for each number on the sheet how much of it is kept and how much is overwritten.

We put one beside attention, of the same size.
"""


# %%
class Attention(nn.Module):
    """Causal attention over vectors: [B, T, D] to [B, T, D]."""

    def __init__(self, d_model, head_dim):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(d_model, head_dim, bias=False) for _ in range(3))
        self.project = nn.Linear(head_dim, d_model, bias=False)

    def forward(self, x):
        q, k, v = (each(x)[:, None] for each in (self.query, self.key, self.value))  # B 1 T K: a single head
        return self.project(fused_attention(q, k, v)[:, 0])


class GRU(nn.GRU):
    """The same for a GRU. `keep` shifts what its update gate starts with: the larger, the more of the state stays."""

    def __init__(self, d_model, keep=0.0):
        super().__init__(d_model, d_model, batch_first=True)
        with torch.no_grad():
            # torch's order: reset, update, new; torch's update gate says how much is kept (some papers turn it round)
            self.bias_ih_l0[d_model : 2 * d_model] += keep

    def forward(self, x):
        return super().forward(x)[0]


# %%
n_parameters = {
    type(layer).__name__: sum(p.numel() for p in layer.parameters()) for layer in (Attention(32, 48), GRU(32))
}
print(n_parameters)
claim(0.9 < n_parameters["Attention"] / n_parameters["GRU"] < 1.1, "the two differ by less than 10 % in size")

# %% [markdown]
r"""
**Time.** The clerk cannot begin the fifth word before he is done with the fourth. Attention does all words in a few
large products. We time the forward and the backward pass, on one core for both, for texts of growing length.
"""

# %%
import time


def milliseconds(function, *inputs, repeats=5):
    """Forward and backward on one core, the shortest of several runs: whatever disturbs a run makes it longer."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*inputs).sum().backward()
        times.append(time.perf_counter() - start)
    torch.set_num_threads(n_threads)
    return 1000 * min(times)


# %%
lengths = [32, 64, 128, 256, 512, 1024]
took = {
    type(layer).__name__: [milliseconds(layer, torch.randn(4, n_words, 32)) / 4 for n_words in lengths]
    for layer in (Attention(32, 48), GRU(32))
}

lead = [gru / attention for gru, attention in zip(took["GRU"], took["Attention"], strict=True)]
print("the GRU takes", ", ".join(f"{each:.0f} times as long at {n}" for n, each in zip(lengths, lead, strict=True)))
curves(lengths, took, xlabel="words in the text", ylabel="milliseconds per text", log="xy")

# %%
claim(min(lead[:3]) > 1.5, "up to 128 words the GRU takes longer")
claim(max(lead) > 3, "at some length several times as long")
claim(lead[-1] < 1.5 * max(lead[:-1]), "but its disadvantage does not keep growing")
claim(5 < took["GRU"][-1] / took["GRU"][0] < 150, "a text 32 times as long takes the GRU 5 to 150 times as long")

# %% [markdown]
r"""
On these axes equal distances are equal factors. A text ten times as long takes the GRU about ten times as long.
Attention starts far below and bends upwards: every word looks at every word, so its work grows with the
*square* of the length, and for texts long enough the lines must cross.

On one core nothing can be done side by side, and for short texts both do about as many multiplications. What the GRU
pays for here is starting thousands of tiny products one after another, where attention starts a few large ones. A
graphics card, which is fast only when it can do thousands of things at once, widens the gap: a walk gives it one word
at a time.
"""

# %% [markdown]
r"""
**Reach.** For training, the way back counts. An error at the end of a text has to reach the word that would have
prevented it, through everything in between. We measure, in layers that have not been trained, how much the last
output changes with the vector of the first word.
"""


# %%
def reach(layer, n_words):
    x = torch.randn(16, n_words, 32, requires_grad=True)
    last = layer(x)[:, -1]
    (slope,) = torch.autograd.grad((last * torch.randn_like(last)).sum(), x)
    return slope[:, 0].norm(dim=1).mean().item()


# %%
distances = [2, 4, 8, 16, 32, 64]
layers = {"attention": Attention(32, 48), "GRU": GRU(32), "GRU set to keep": GRU(32, keep=4.0)}
slopes = {name: [reach(layer, n_words) for n_words in distances] for name, layer in layers.items()}
curves(
    distances,
    slopes,
    xlabel="words in the text",
    ylabel="slope from last to first",
    log="xy",
)

# %%
fade = {name: each[0] / each[-1] for name, each in slopes.items()}
print({name: f"{each:.2g} times weaker at 64 words than at 2" for name, each in fade.items()})
claim(8 < fade["attention"] < 150, "attention: weaker about in proportion to the number of words")
claim(fade["GRU"] > 1e6, "a GRU as it comes: more than a million times weaker")
claim(fade["GRU set to keep"] < 20, "a GRU set to keep: less than twenty times weaker")

# %% [markdown]
r"""
For attention, the first word is one step away, wherever it stands. It only has to share with more others. In the GRU
the signal passes through the gates at every word, loses about the same *share* each time, and is soon gone. That is
the famous vanishing gradient. But it is not fate. Let its update gate start near one, so that nearly all of the sheet
is kept at each word, and the signal gets through. It starts low, because who keeps nearly everything writes little;
and it then fades even less than attention. We give the GRU that advantage from now on, to see what is left of the
difference.
"""

# %% [markdown]
r"""
**Recall.** A text of 32 lines tells who lives where, newly made up each time, so that nothing can be learned by
heart. To keep things small a line is one vector, the person's plus the town's. Then comes a question: a person, told
before, without a town. There are two versions. In the first, the question is always about the person who was told
*first*. In the second it may be about anybody.

**Predict first.** How will the GRU that is set to keep do in the first version, where a name has to be kept through
31 other lines? And in the second?
"""

# %%
from course_lib.text import IGNORE


def who_lives_where(n_texts, first_only, n_people=32):
    """Texts of `n_people` lines and a question, [B, T, 2]: person and town. The target stands at the question."""
    people = torch.rand(n_texts, 60).argsort(dim=1)[:, :n_people]
    towns = torch.randint(12, (n_texts, n_people))
    asked = torch.randint(1 if first_only else n_people, (n_texts, 1))
    question = torch.cat([people.gather(1, asked), torch.full_like(asked, 12)], dim=1)  # town 12: not told
    lines = torch.stack([people, towns], dim=2)
    targets = torch.full((n_texts, n_people + 1), IGNORE)
    targets[:, -1:] = towns.gather(1, asked)
    return torch.cat([lines, question[:, None]], dim=1), targets


# %%
class Reader(nn.Module):
    """Names a town after each line: [B, T, 2] to logits [B, T, 12]."""

    def __init__(self, layer):
        super().__init__()
        self.people, self.towns = nn.Embedding(60, 32), nn.Embedding(13, 32)
        self.layer = layer
        self.answer = nn.Linear(32, 12)

    def forward(self, ids):
        return self.answer(self.layer(self.people(ids[..., 0]) + self.towns(ids[..., 1])))


# %%
def share_right(layer, lr, first_only, n_people=32):
    """Trains a reader on 300 batches of 32 texts: its right answers in 2000 new texts, and those of counting towns."""
    reader = Reader(layer)
    train(reader, (who_lives_where(32, first_only, n_people) for _ in range(300)), lr)
    ids, targets = who_lives_where(2000, first_only, n_people)
    with torch.no_grad():
        named = reader(ids)[:, -1].argmax(dim=1)
    told_most_often = ids[:, :-1, 1].mode(dim=1).values
    return [(each == targets[:, -1]).float().mean().item() for each in (named, told_most_often)]


recall = {}
for first_only in (True, False):
    recall["attention", first_only], _ = share_right(Attention(32, 48), 0.003, first_only)
    recall["GRU set to keep", first_only], guessing = share_right(GRU(32, keep=4.0), 0.01, first_only)

table(
    ["share of right answers", "about the first", "about anybody"],
    [[name, recall[name, True], recall[name, False]] for name in ("attention", "GRU set to keep")]
    + [["naming the town told most often", "", f"{guessing:.3f}"]],
)

# %%
claim(recall["attention", True] > 0.95 and recall["attention", False] > 0.95, "attention answers both")
claim(recall["GRU set to keep", True] > 0.9, "the GRU keeps one line through 31 others")
claim(
    recall["GRU set to keep", False] < guessing + 0.05,
    "asked about anybody, after 300 batches it is no better than counting towns",
)

# %% [markdown]
r"""
So it is not distance as such. A recurrent network can learn to hold on to one line through many others, *if it is
always the same one that matters*. When anybody may be asked about, this GRU has learned nothing that counting towns
would not give. Are 32 lines too much for a sheet of 32 numbers? Then two lines should be easy.
"""

# %%
short, guessing_short = share_right(GRU(32, keep=4.0), 0.01, first_only=False, n_people=2)
print(f"two lines: the GRU is right in {short:.3f} of the texts, counting towns in {guessing_short:.3f}")
claim(short < guessing_short + 0.07, "with two lines it still only counts")

# %% [markdown]
r"""
Attention has all 32 lines before it when the question comes, each with its key, and the question itself picks the
line. It starts with the lookup built in; the GRU would have to invent one within its sheet.

To be exact about what was shown: 300 batches of 32 texts each, one learning rate for each network. The number of
lines is not what stops the GRU here. With two lines it still only counts. That a sheet of fixed size must *in the end*
be too small for a list that keeps growing is another argument, and needs no experiment; attention's memory grows with
the text, one key and one value for each word.
"""

# %% [markdown]
r"""
## What does it cost?

Just that. Memory that grows, and a table of weights between all words and all words.

**Predict first.** Training keeps the results of the forward pass for the backward pass. With 2,048 words instead of
1,024, how much more has `attention` to keep? And `fused_attention`?

PyTorch lets us look at everything that is being kept, so nothing has to be estimated.
"""


# %%
def bytes_kept(function, *inputs):
    """What `function` keeps for its backward pass, its inputs not counted."""
    kept = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        function(*inputs)
    given = {tensor.untyped_storage().data_ptr() for tensor in inputs}
    return sum(storage.nbytes() for pointer, storage in kept.items() if pointer not in given)


# %%
lengths = [128, 256, 512, 1024, 2048]
kept = {"attention": [], "fused_attention": []}
took = {"attention": [], "fused_attention": []}
for n_words in lengths:
    qkv = [torch.randn(1, 1, n_words, 64, requires_grad=True) for _ in range(3)]
    for function in (attention, fused_attention):
        kept[function.__name__].append(bytes_kept(function, *qkv) / 1e6)
        took[function.__name__].append(milliseconds(function, *qkv))

curves(lengths, kept, xlabel="words in the text", ylabel="megabytes kept", log="xy")


# %%
def exponent(values):
    """The power of the length with which the values grow, from the first to the last."""
    return math.log(values[-1] / values[0]) / math.log(lengths[-1] / lengths[0])


for name in kept:
    print(f"{name}: memory grows as length^{exponent(kept[name]):.2f}, time as length^{exponent(took[name]):.1f}")

claim(abs(exponent(kept["attention"]) - 2) < 0.1, "the memory of plain attention grows with the square of the length")
claim(abs(exponent(kept["fused_attention"]) - 1) < 0.1, "that of the fused one in proportion to the length")
claim(min(exponent(each) for each in took.values()) > 1.1, "the time of both grows faster than the length")

# %% [markdown]
r"""
Four times, and twice. The fused kernel keeps for each word its output and one number more, the logarithm of the
softmax's denominator, and computes the weights again when the backward pass asks for them. It cannot keep the *time*
from growing with the square, since every word still looks at every word. (Where the powers come out lower than two, it
is because at the short end much of the time is what any call costs, whatever its length.)

Multiply by what a model has. GPT-2, the small one, has 12 layers of 12 heads, each head of 64 numbers. On top of
queries, keys and values, which both must keep, one text needs:
"""

# %%
qkv = [torch.randn(1, 12, 1024, 64, requires_grad=True) for _ in range(3)]  # one layer
plain, fused = (12 * bytes_kept(function, *qkv) / 1e9 for function in (attention, fused_attention))
table(
    ["words", "attention, beyond q, k, v (GB)", "fused_attention, beyond q, k, v (GB)"],
    [[f"{n:,}", plain * (n / 1024) ** 2, fused * n / 1024] for n in (1024, 8192, 65536)],
)

# %% [markdown]
r"""
With the middle column long texts do not fit; with the last one they do. What remains is the square in the arithmetic.
Where texts are short, as in this course, it does not hurt. Where they are long it does, and a whole branch of research
tries to have the recall without the square.

You now have the one part of a transformer in which words meet. All the rest of it looks at each word alone. The next
lesson puts that rest around it.
"""
