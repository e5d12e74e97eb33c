# ---
# title: The training loop, and how runs die
# part: "IV · Training and sampling"
# minutes: 80
# prerequisites: >-
#   Lesson 02 (gradient descent, Adam, schedules), lesson 04 (next-token prediction) and lesson 09 (the GPT that is
#   trained here).
# objectives:
#   - clean a text before it is read, find near-copies by hashes of word groups, and use a known floor as an alarm for
#     an exam that leaked
#   - grow a five-line loop, one need at a time, into one that has the library's losses
#   - say what clipping, accumulation, weight decay and sixteen-bit numbers do to an update, each from a measurement
#   - kill a training process at any moment and go on as if nothing had happened, and say what must be saved for that
#   - diagnose a sick run from its curves, its numbers and its samples
# summary:
#   - Text is filtered, freed of copies and cleared of the exam before anything is trained. Groups of a few words,
#     hashed, find copies that differ in a word. A held-out loss below the floor means that the exam was in the text.
#   - A step is batch, loss, gradient, clip, update, and a factor for the learning rate. Nothing else is in the
#     library's loop, and ours has the same losses.
#   - Clipping takes the length off one monstrous gradient and leaves its direction. Accumulated batches equal one big
#     batch if every token weighs the same. Vectors are not decayed. Small updates are rounded away in sixteen-bit
#     weights, so the weights stay in 32 bits.
#   - A run is its weights, what the optimizers remember, its place in the text and in the schedule, and its random
#     numbers. With all of them saved, a killed run goes on bit for bit.
#   - Compare the first loss with ln V, the last one with the floor, the training text with the held-out one, and look
#     at the gradient's length and at a sample. Most sick runs are told apart by these five.
# quiz:
#   - question: >-
#       You accumulate two batches for one update. The first has 900 tokens to predict, the second 100. You take the
#       mean loss of each, add the two, divide by two, and call backward. Compared with one batch of all 1,000 tokens,
#       what is wrong?
#     options:
#       - answer: Nothing, the mean of two means is the mean.
#         because: Only if both are taken over equally many. Here each of the 100 tokens has nine times the say of one
#           of the 900.
#       - answer: Each token of the small batch weighs nine times as much as one of the large batch.
#         right: true
#         because: Divide the *sum* of the losses of either batch by 1,000, and all weigh the same.
#       - answer: The gradient is twice as long as it should be.
#         because: That would happen without the division by two. The trouble here is the weights of the tokens.
#   - question: >-
#       A loss stands at ln V from the first step to the last. The gradient's length, printed right before the update,
#       is exactly 0. Where do you look?
#     options:
#       - answer: At the learning rate.
#         because: However small it is, it does not make the *gradient* zero.
#       - answer: At the place where gradients are zeroed.
#         right: true
#         because: Between backward and the update, zeroing throws the gradient away before anybody has used it.
#       - answer: At the text, which may be random.
#         because: A random text still has words that are more frequent than others, so there would be a gradient.
#   - question: >-
#       Weights and learning rate are in order, but the weights are kept in bfloat16. The loss falls quickly and then
#       stops far above where it stops in float32. Why?
#     options:
#       - answer: The numbers overflow.
#         because: bfloat16 has the range of float32. What it lacks is digits.
#       - answer: The matrix products are too coarse to be of use.
#         because: Products in bfloat16 are what everybody trains with. The update of the weights is the delicate part.
#       - answer: An update of less than about a five-hundredth of a weight changes nothing, and late updates are small.
#         right: true
#         because: The sum is rounded back to the old weight. So a copy in 32 bits is kept, and the updates are added
#           there.
# read_next:
#   - "[Karpathy, *A Recipe for Training Neural Networks* (2019)](https://karpathy.github.io/2019/04/25/recipe/): how to find bugs in something that fails silently, by somebody who has met them all."
#   - "[Lee and others, *Deduplicating Training Data Makes Language Models Better* (2022)](https://arxiv.org/abs/2107.06499): what is found twice in famous corpora, and what it costs to leave it there."
#   - "[Micikevicius and others, *Mixed Precision Training* (2018)](https://arxiv.org/abs/1710.03740): the copy of the weights in 32 bits, and the scaling of the loss."
#   - "[Chowdhery and others, *PaLM* (2022)](https://arxiv.org/abs/2204.02311): section 5.1 tells of about twenty spikes in one run, and what was done about them."
#   - "[Zhang and others, *OPT* (2022)](https://arxiv.org/abs/2205.01068): the account of a large run that kept dying, with a logbook that was published."
# ---

# %% [markdown]
r"""
## How can five lines go wrong?

You have written this loop several times by now. Take some text, see how badly the model predicts it, ask which way
each weight should go, go there, repeat.
"""

# %%
import math
import random

import numpy as np
import torch
from torch.nn import functional as F

from course_lib import claim
from course_lib.display import curves, table
from course_lib.evaluation import evaluate
from course_lib.model import GPT, Encoder, TransformerConfig
from course_lib.presets import training_steps
from course_lib.text import VALIDATION_SEED, DocumentRows, evaluation_documents, load_corpus, tokenizer_for

corpus = load_corpus("world")
world = corpus.world
tokenizer = tokenizer_for(corpus)
end, V = tokenizer.end_id, tokenizer.vocab_size


def encode(texts):
    return np.array(tokenizer.encode("".join(text + "\n" for text in texts)))


def rows_of(ids, seed=0, batch_size=8):
    """Endless batches: rows of 64 words, each of which begins where a document begins."""
    return DocumentRows(ids, end, batch_size, 64, seed)


def small_gpt(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return GPT(TransformerConfig(V, context_length=128, n_layers=1, n_heads=4, d_model=64, dropout=dropout))


# %%
def mean_loss(model, batch):
    logits = model(batch.inputs, batch.documents)
    return F.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())


def train_naively(model, batches, steps, lr=0.005):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        loss = mean_loss(model, next(batches))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


texts = corpus.train.splitlines()
ids = encode(texts)
naive = train_naively(small_gpt(), rows_of(ids), training_steps(80))
print(f"first loss {naive[0]:.3f} (ln {V} is {math.log(V):.3f}), last {naive[-1]:.3f} nats per word")
claim(abs(naive[0] - math.log(V)) < 1e-3, "it begins at ln V: all words equally likely")
claim(naive[-1] < naive[0] / 3, "and ends at less than a third of that")

# %% [markdown]
r"""
It works, and that is the trouble with it. A program with a mistake in it usually stops. A training run with a mistake
in it goes on, prints numbers that get smaller, and hands over a model that is worse than it should be, or one that
looks better than it is. Nobody is told.

So this lesson goes through what surrounds the five lines, one need after the other: the text that goes in, the length
of a step, batches that do not fit, numbers with few digits, machines that are switched off. The loop grows with them.
At the end there is a ward with eight patients, and you are the doctor.

## What is in the text?

Large models read the web, books, encyclopedias and programs: [The Pile](https://arxiv.org/abs/2101.00027) (2020) has
22 such sources. Nobody has read it all. So before the first step, programs have thrown out what no person would call
text, and what stands there twice. We make such a heap on a small scale, and note what we put into it.
"""

# %%
rng = random.Random(0)
words = world.words()


def with_one_word_changed(text):
    parts = text.split()
    parts[rng.randrange(len(parts))] = rng.choice(words)
    return " ".join(parts)


good = texts[:1500]
long_ones = [text for text in good if len(text.split()) >= 40]
heap = [(text, "good") for text in good]
heap += [(rng.choice(good), "copy") for _ in range(200)]
heap += [(with_one_word_changed(rng.choice(long_ones)), "near-copy") for _ in range(100)]
heap += [("home about contact " * rng.randint(2, 9), "menu") for _ in range(60)]
heap += [(" ".join(rng.choices(words, k=25)), "shuffled words") for _ in range(60)]
heap += [("".join(rng.choices("qxzjkw ", k=80)), "letters") for _ in range(60)]
rng.shuffle(heap)
print(f"{len(heap)} texts, among them:", *(text[:90] for text, _ in heap[:4]), sep="\n- ")

# %% [markdown]
r"""
The usual **filters** are crude, and they are meant to be: a text must have a few words, most of them known; no word
may make up too much of it; it must end like a sentence. [C4](https://arxiv.org/abs/1910.10683) (section 2.2) was made
from the web by such rules. Here are four.

**Predict first.** Which of the three kinds of rubbish will get through? And will any good text be lost?
"""

# %%
known = set(words)


def looks_like_text(text, n_last=1):
    parts = text.split()
    return (
        len(parts) >= 4
        and sum(word in known for word in parts) > 0.9 * len(parts)
        and max(map(parts.count, parts)) <= max(3, 0.3 * len(parts))
        and any(word in ".!?" for word in parts[-n_last:])
    )


kept = [(text, kind) for text, kind in heap if looks_like_text(text)]
kinds = sorted({kind for _, kind in heap})
counts = {kind: [sum(each == kind for _, each in part) for part in (heap, kept)] for kind in kinds}
table(["kind", "before", "after the filters"], [[kind, *both] for kind, both in counts.items()])

# %%
lost = [text for text, kind in heap if kind == "good" and not looks_like_text(text)]
print(f"{len(lost)} good texts lost, one of them:", lost[0])
claim(all(counts[kind][1] == 0 for kind in ("menu", "letters", "shuffled words")), "none of the rubbish gets through")
diaries = [text for text in good if text.startswith("dear diary")]
claim(sorted(lost) == sorted(diaries) != [], "what was lost of the good texts is every diary, and nothing else")

# %% [markdown]
r"""
No rubbish gets through, and no diary does. They end with a name and not with a full stop, and whoever wrote the rule
did not think of them. The model would never have learned to write one, and no curve would have said so. Real filters do
the same: in C4, a list of bad words removed text about minorities and in their dialects more often than other text
([Dodge and others, 2021](https://arxiv.org/abs/2104.08758)). So look at what a filter removes, not only at what it
leaves. Ours gets a milder last rule: there must be a stop among the last two words.

Then come the **exact copies**. They have the same hash: keep a set of the hashes seen so far, and drop what is in it.
"""

# %%
import hashlib

kept = [(text, kind) for text, kind in heap if looks_like_text(text, n_last=2)]
claim(all(text in dict(kept) for text in good), "with the milder rule, no good text is lost")


seen, once = set(), []
for text, kind in kept:
    if (mark := hashlib.blake2b(text.encode()).digest()) not in seen:
        seen.add(mark)
        once.append((text, kind))
left = {kind: sum(each == kind for _, each in once) for kind in ("good", "copy", "near-copy")}
print(f"{len(kept)} texts kept, {len(once)} different ones; by kind {left}")

# %% [markdown]
r"""
(Whether the original or its copy is met first is chance, so some "copies" stay. And the world itself tells short things
twice.) But a text with one word changed has another hash altogether. So cut a text into all its groups of five words
in a row, the **shingles**, and forget their order. Two texts are alike if most of their shingles are shared:

$$J(A, B) = \frac{|A \cap B|}{|A \cup B|}$$

This is the **Jaccard similarity**. One changed word spoils at most five shingles of each.
"""

# %%
import zlib


def shingles(text, n=5):
    parts = text.split()
    return {zlib.crc32(" ".join(parts[i : i + n]).encode()) for i in range(max(1, len(parts) - n + 1))}


def jaccard(one, other):
    return len(one & other) / len(one | other)


J = jaccard(shingles(long_ones[0]), shingles(with_one_word_changed(long_ones[0])))
print(f"a text of {len(long_ones[0].split())} words, and the same with one word changed: J = {J:.2f}")

# %% [markdown]
r"""
To compare every pair of a billion texts is out of the question. **MinHash** ([Broder,
1997](https://doi.org/10.1109/SEQUEN.1997.666900)) makes each text a short row of numbers that can be sorted. Take a
hash function and note the *smallest* value that any shingle of the text gets. In the union of two texts, every shingle
is equally likely to be the smallest, so the two minima agree with probability $J$. Sixty-four hash functions give
sixty-four tosses of that coin.

To find candidates without comparing pairs, cut the 64 numbers into 16 **bands** of four. Two texts that agree on all
four numbers of some band land in the same drawer. That happens with probability $1 - (1 - J^4)^{16}$.
"""

# %%
from collections import defaultdict
from itertools import combinations

factors = np.random.default_rng(0).integers(1, 2**31, size=(2, 64, 1), dtype=np.uint64)


def minhash(marks):
    hashed = (factors[0] * np.array(list(marks), dtype=np.uint64) + factors[1]) % (2**31 - 1)
    return hashed.min(axis=1)


sets = [shingles(text) for text, _ in once]
signatures = [minhash(marks) for marks in sets]
drawers = defaultdict(list)
for number, signature in enumerate(signatures):
    for band in range(16):
        drawers[band, signature[4 * band : 4 * band + 4].tobytes()].append(number)
candidates = {pair for drawer in drawers.values() for pair in combinations(drawer, 2)}
near = [(i, j) for i, j in candidates if jaccard(sets[i], sets[j]) > 0.7]
remaining = len(once) - len({max(pair) for pair in near})  # of each pair the later one goes
every_pair = math.comb(len(once), 2)
print(f"{every_pair:,} pairs, {len(candidates):,} candidates, {len(near)} of them with J above 0.7")

found = {k for pair in near for k in pair}
planted = [k for k, (_, kind) in enumerate(once) if kind == "near-copy"]
n_found = sum(k in found for k in planted)
print(f"of {len(planted)} planted near-copies, {n_found} are in a pair that was found; {remaining} texts remain")
claim(len(candidates) < every_pair / 10, "less than a tenth of all pairs had to be looked at")
claim(n_found > 0.85 * len(planted), "more than 85 % of the near-copies were found")

# %% [markdown]
r"""
More pairs were found than we planted. The world tells some things twice with a number or a name changed, and those are
near-copies too, although nobody copied. Whether to drop them is a choice again, and the threshold makes it.

Why bother? Lee and others (2022) found a 61-word text that stands in C4 more than 60,000 times. A model that reads a
text so often learns it by heart, at the expense of all the rest. It is worse when what it has by heart is the exam.
"""

# %% [markdown]
r"""
## Has it seen the exam?

Ten held-out documents are our exam. Two models are trained on a thousand documents each. Into the second text, each
document of the exam was slipped sixty times, as happens when a page with test questions is quoted all over the web.

The world's floor for this exam is what the world itself would pay, and nothing that has not seen the exam can pay less
on average.
"""

# %%
from course_lib.training import TrainingConfig, train

held_out = world.documents(1000, VALIDATION_SEED)
exam = [document.text for document in held_out[:10]]
floor_of_exam = world.floor(held_out[:10]).per_document
papers = evaluation_documents(encode(exam), end)
recipe = {"lr": 0.02, "muon_lr": 0.015}


def follow_exam(training_texts, steps):
    """Train, and take the exam ten times along the way (nats per document)."""
    model, marks = small_gpt(), {}
    for step in train(model, rows_of(encode(training_texts)), TrainingConfig(steps=steps, **recipe)):
        if step.number % max(1, steps // 10) == 0:
            marks[step.number] = evaluate(model, papers).nats / len(exam)
    return marks


clean_text = texts[:1000]
leaked_text = random.Random(0).sample(clean_text + 60 * exam, 1600)
steps = training_steps(120)
clean, leaked = (follow_exam(text, steps) for text in (clean_text, leaked_text))

# %%
curves(
    list(clean), {"clean": list(clean.values()), "exam in the text": list(leaked.values())}, xlabel="step", log="y",
    ylabel="exam (nats per document)", lines={f"floor: {floor_of_exam:.1f}": floor_of_exam}
)  # fmt: skip

# %%
last_clean, last_leaked = clean[max(clean)], leaked[max(leaked)]
print(f"floor {floor_of_exam:.1f}, clean {last_clean:.1f}, exam in the text {last_leaked:.1f} nats per document")
claim(last_clean > floor_of_exam, "the model that has not seen the exam stays above the floor")
claim(10 * (floor_of_exam - last_leaked) > 40, "the one that has seen it pays over 40 nats less than the world itself")

# %% [markdown]
r"""
Below the floor. Nobody gets there by understanding; this model knows the documents. Or was it luck? The chance that a
forecaster who has not seen them pays $d$ nats less than the world, for all ten together, is at most $e^{-d}$, and here
$d$ is over 40. On real text nobody knows the floor, and the same curve would be announced as progress.

What one can do there is compare the exam with the text, by hashes of whole documents, of shingles, or of long groups of
words, and drop what both have in common. GPT-3's authors looked for shared groups of 13 words ([Brown and others,
2020](https://arxiv.org/abs/2005.14165), appendix C). A mistake in their filter let some through, and so they report how
much each result changes when only the untouched questions count.
"""

# %% [markdown]
r"""
## Which weights should shrink?

Now to the loop. `AdamW` takes a share off each weight at each step, the **weight decay**, whatever the gradient says:
$w \leftarrow (1 - \eta\lambda)\,w$ with learning rate $\eta$ and decay $\lambda$. With 0.01 and 0.1, a weight whose
gradient is 0 has shrunk to $0.999^{1000} \approx 37\,\%$ after a thousand steps. Which weights is that good for?

For an entry of a matrix, zero is a modest thing to be: *these two have nothing to do with each other*. Decay pulls it
there unless the text keeps insisting. It also keeps a matrix in front of a norm from growing without end. The norm
undoes the growth, but the longer the weights, the less a step of a given length turns them.

The gain of a norm is different. It starts at 1, and 1 means *pass it on as it is*. To pull it to 0 is to switch the
layer off. Biases only shift. So the usual rule is by shape: decay what has two axes or more, leave vectors alone. In
torch this takes two **parameter groups**, and the library makes such groups too.
"""

# %%
from course_lib.training import make_optimizers


def parameter_groups(model, weight_decay):
    matrices = [weight for weight in model.parameters() if weight.ndim >= 2]
    vectors = [weight for weight in model.parameters() if weight.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


model = small_gpt()
groups = parameter_groups(model, 0.1)
print("decayed and left alone, by shape:", *(sum(weight.numel() for weight in group["params"]) for group in groups))
claim(sum(len(group["params"]) for group in groups) == len(list(model.parameters())), "no weight is forgotten")
claim(0.36 < (1 - 0.01 * 0.1) ** 1000 < 0.38, "after a thousand steps, 37 % is left")
owner = {}
for optimizer in make_optimizers(model, lr=0.02, muon_lr=0.015, weight_decay=0.1):
    for weight in optimizer.state:
        owner[weight] = type(optimizer).__name__, optimizer.weight_decay
rows = [[name, str(tuple(weight.shape)), *map(str, owner[weight])] for name, weight in model.named_parameters()]
table(["weight", "shape", "optimizer", "decay"], rows)

# %% [markdown]
r"""
The library sorts by meaning: the gains of queries and keys form a table, with a row for each head, and are gains all
the same. It has a third group. The matrices *inside* the blocks map one hidden vector to another, and go to **Muon**,
which makes the update of a matrix turn all directions at the same speed. Embedding and head have an axis that counts
words; they stay with AdamW. The next lesson measures what Muon is worth. `TrainingConfig(muon_lr=None)` does without.
"""

# %% [markdown]
r"""
## How fast, and when?

Lesson 02 found that a run should start slowly and end slowly: a **warm-up** in a line, and a **decay** in another. So
the learning rate is multiplied by a factor between 0 and 1, which depends on the number of the step alone. Many runs go
down in half a wave instead of a line, $\tfrac12(1 + \cos \pi x)$ where $x$ goes from 0 to 1. Move the shares.
"""


# %%
def factor(step, steps, warmup, decay, shape="line"):
    """Share of the peak learning rate; `warmup` and `decay` are shares of the run, steps are counted from 0."""
    rising = min(1.0, (step + 1) / max(1, warmup * steps))
    to_go = min(1.0, (steps - step) / max(1, decay * steps))
    return min(rising, to_go if shape == "line" else 0.5 * (1 + math.cos(math.pi * (1 - to_go))))


# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, menu, slider


def draw(warmup, decay, shape):
    factors = [factor(step, 200, warmup, decay, shape) for step in range(200)]
    picture = curves(range(200), {"factor": factors}, xlabel="step of 200", ylabel="share of the peak learning rate")
    picture.axes[0].set_ylim(0, 1.1)
    return picture, f"First step {factors[0]:.1%}, last step {factors[-1]:.1%}; together {sum(factors):.0f} full steps."


shares = {
    "warmup": slider(0, 0.5, 0.1, step=0.05, label="warm-up"),
    "decay": slider(0, 1, 0.5, step=0.05, label="decay"),
}
Explorer(draw, **shares, shape=menu(["line", "cosine"], "line", label="the way down"))

# %% [markdown]
r"""
## What if the batch does not fit?

What `backward` needs of a batch of 32 rows takes four times the memory of one of 8. Gradients add up, though. In torch
`backward` *adds* to `.grad`, which is why one has to zero it. So do four small batches one after the other, and update
once: **gradient accumulation**.

Is it enough to take the mean loss of each small batch, divide it by four, and call `backward`?
"""

# %%
from course_lib.text import IGNORE, Batch

big = next(rows_of(ids, batch_size=32))
asked = torch.arange(32)[:, None] < 8  # in the rows after the first eight, only the first words are to be predicted
big = Batch(big.inputs, big.targets.where(asked | (torch.arange(64) < 10), IGNORE), big.documents)
parts = [Batch(*each) for each in zip(*(x.split(8) for x in (big.inputs, big.targets, big.documents)), strict=True)]
n_tokens = [int((part.targets != IGNORE).sum()) for part in parts]
print("tokens to be predicted in each of the four:", n_tokens)


def gradient(losses):
    """The gradient of `losses`, computed one after the other and added up, as one long vector."""
    model.zero_grad()
    for loss in losses:
        loss().backward()
    return torch.cat([weight.grad.flatten() for weight in model.parameters()])


# %%
model = small_gpt()
_ = train_naively(model, rows_of(ids), training_steps(20))
whole = gradient([lambda: mean_loss(model, big)])
means = gradient([lambda part=part: mean_loss(model, part) / 4 for part in parts])
shares = [(part, n / sum(n_tokens)) for part, n in zip(parts, n_tokens, strict=True)]
weighed = gradient([lambda part=part, share=share: mean_loss(model, part) * share for part, share in shares])
off_means, off_weighed = (((each - whole).norm() / whole.norm()).item() for each in (means, weighed))
print(f"off from the big batch's gradient: mean of means {off_means:.0%}, every token alike {off_weighed:.0e}")
claim(off_weighed < 1e-4, "weighed by tokens, it is the big batch's gradient up to rounding")
claim(off_means > 0.3, "the mean of means is off by more than 30 %")

# %% [markdown]
r"""
It is not enough when the batches differ in how much is to be predicted, as with padding, masked words and translation.
A mean of means lets a token in a nearly empty batch speak louder. A library that very many people train with [had this
wrong until 2024](https://huggingface.co/blog/gradient_accumulation), and the curves looked fine. So in our loop the
*sum* of the losses is divided by the number of tokens in all batches of the update.
"""

# %% [markdown]
r"""
## What does one bad batch do?

Somewhere in a terabyte of text there is a page that is not like the others. Or somebody forgets, in a rare branch of
the program, to divide by the number of tokens. We let that happen once: at one step of the run, the loss is the sum
over all 512 tokens and not the mean.

**Predict first.** A gradient 512 times too long. How long until the run has recovered? AdamW divides each gradient by
its running size, so perhaps it does not matter at all?
"""


# %%
def with_one_bad_batch(clip, steps, bad):
    model, batches = small_gpt(), rows_of(ids)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.0), lr=0.005)
    losses, lengths = [], []
    for step in range(steps):
        loss = mean_loss(model, next(batches))
        optimizer.zero_grad()
        (loss * 512 if step == bad else loss).backward()
        lengths.append(torch.nn.utils.clip_grad_norm_(model.parameters(), clip).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, lengths


steps, bad = training_steps(100), training_steps(50)
unclipped, lengths = with_one_bad_batch(math.inf, steps, bad)
clipped, _ = with_one_bad_batch(1.0, steps, bad)
print(f"length of the gradient before: {max(lengths[bad // 2 : bad]):.2f} at most; at the bad step {lengths[bad]:.0f}")

# %%
both = {"no clipping": unclipped, "clipped to 1": clipped}
curves(range(steps), both, xlabel="step", ylabel="loss (nats per word)", title=f"one bad batch, at step {bad}")

# %%
ends = [np.mean(losses[-max(1, steps // 8) :]) for losses in (unclipped, clipped)]
print(f"mean loss of the last eighth: {ends[0]:.2f} without clipping, {ends[1]:.2f} with")
claim(ends[0] > ends[1] + 0.4, "at the end of the run the bad batch still costs more than 0.4 nats, without clipping")
claim(max(clipped[bad:]) < clipped[bad] + 0.7, "with clipping there is no spike worth the name")

# %% [markdown]
r"""
AdamW is no protection. Its mean of gradients has a memory of about ten steps and its mean of squares one of about a
thousand. So the monster dominates the direction of the next steps, and after that it has swollen the denominator, so
that for hundreds of steps all the good gradients look small and are hardly followed. The rise is soon over. The long
dull stretch after it is what the batch costs.

**Clipping** measures the length of the gradient over all weights together. If it is more than 1, all are multiplied by
the same number so that it is 1:

$$g \leftarrow g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right), \qquad \lVert g \rVert = \sqrt{\textstyle\sum_i g_i^2}$$

The direction stays. Clipping each weight's own gradient would turn it. And a length that is not a number cannot be
clipped: then the step must not be made at all, or every weight is NaN from here on. The library stops with an error.
"""

# %% [markdown]
r"""
## How many digits does a weight need?

A GPU multiplies sixteen-bit numbers many times faster than 32-bit ones, and holds twice as many. There are two kinds.
`float16` spends its bits on digits, `bfloat16` on range.
"""

# %%
kinds = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
table(
    ["", "largest", "next after 1", "70,000 becomes", "1e-9 becomes"],
    [
        [name, f"{torch.finfo(kind).max:.3g}", f"1 + {torch.finfo(kind).eps:.2g}"]
        + [f"{torch.tensor(x).to(kind).item():.4g}" for x in (7e4, 1e-9)]
        for name, kind in kinds.items()
    ],
)

# %%
weight = torch.tensor(1.0, dtype=torch.bfloat16)
for _ in range(1000):
    weight += 0.003
print("1 + 1000 · 0.003 in bfloat16:", weight.item())
claim(weight.item() == 1, "a thousand updates of 0.003 have changed nothing")

# %% [markdown]
r"""
`float16` ends at about 65,500 and turns small gradients into zeros. (It can be used if the loss is multiplied by a
large number before `backward` and the gradients are divided by it after: *loss scaling*.) `bfloat16` has the range of
`float32`, so no scaling is needed, but from 1 to the next number it knows is 1/128. Add 0.003 to 1 and the result is
rounded to 1. A thousand times.

**Predict first.** The end of a run, where steps are small: a model that was trained for a while makes 40 more at a
learning rate of 0.00003, all on one batch. We do it three times: all in 32 bits; all in bfloat16; and with products in
bfloat16, but weights and updates in 32 bits. Which two will be alike?
"""

# %%
import copy

trained = small_gpt()
_ = train_naively(trained, rows_of(ids), training_steps(80))
same_batch = next(rows_of(ids, seed=1, batch_size=2))
before = mean_loss(trained, same_batch).item()


def go_on_in(kind, steps=40):
    """How far the loss of the batch falls, and the share of weights that the last step moved."""
    model = copy.deepcopy(trained)
    if kind == "bfloat16":
        model.bfloat16()
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.0), lr=0.00003)
    for _ in range(steps):
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "mixed"):
            logits = model(same_batch.inputs, same_batch.documents)
        loss = F.cross_entropy(logits.float().flatten(0, 1), same_batch.targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        old = [weight.detach().clone() for weight in model.parameters()]
        optimizer.step()
    moved = sum((a != b).sum().item() for a, b in zip(old, model.parameters(), strict=True))
    return before - mean_loss(model.float(), same_batch).item(), moved / model.n_parameters


results = {kind: go_on_in(kind) for kind in ("float32", "bfloat16", "mixed")}
table(["", "the loss fell by", "moved by the last step"], [[k, a, f"{b:.0%}"] for k, (a, b) in results.items()])

# %%
fell, moved = ({kind: pair[place] for kind, pair in results.items()} for place in (0, 1))
claim(abs(fell["mixed"] / fell["float32"] - 1) < 0.25, "mixed precision goes as far as 32 bits do, to within a quarter")
claim(fell["bfloat16"] < 0.5 * fell["float32"], "all in bfloat16, it is less than half of the way")
claim(moved["bfloat16"] < 0.3, "and there most weights do not move at all")

# %% [markdown]
r"""
The first and the third are alike. All in bfloat16, hardly a weight moves: most updates are rounded away. **Mixed
precision** is the third: the expensive products in sixteen bits, the weights and what the optimizer remembers in 32.
The full copy is called the *master weights*. In torch `autocast` decides for each operation which kind it takes. The
library's `autocast` switches bfloat16 on where a GPU has units for it, and leaves a CPU alone.
"""

# %% [markdown]
r"""
## When is a number a measurement?

The loss that the loop prints is that of one batch, before the update. To judge a model one takes text that it was not
trained on. How much of it?
"""

# %%
held_texts = [document.text for document in held_out]
held = evaluation_documents(encode(held_texts[:320]), end, batch_size=8)
model = small_gpt(dropout=0.2)
_ = list(train(model, rows_of(ids), TrainingConfig(steps=training_steps(80), **recipe)))
one_batch_each = [evaluate(model, [batch]).loss for batch in held]
spread = float(np.std(one_batch_each))
print(f"all {len(held)} batches: {evaluate(model, held).loss:.3f}")
print(f"one batch: {min(one_batch_each):.3f} to {max(one_batch_each):.3f}, standard deviation {spread:.3f}")

# %%
from course_lib.runtime import in_mode

with torch.no_grad(), in_mode(model, training=True):
    torch.manual_seed(0)
    twice = [np.mean([mean_loss(model, batch).item() for batch in held[:10]]) for _ in range(2)]
calm = np.mean([mean_loss(model.eval(), batch).item() for batch in held[:10]])
print(f"the same ten batches, dropout on: {twice[0]:.4f}, again: {twice[1]:.4f}; dropout off: {calm:.4f}")
claim(spread > 0.1, "from batch to batch the loss varies by more than a tenth of a nat")
claim(twice[0] != twice[1] and min(twice) > calm, "with dropout the same text gives two numbers, both too high")

# %% [markdown]
r"""
With eight documents in a batch, two checkpoints that differ by a hundredth cannot be told apart. The mean over $n$
batches varies by $1/\sqrt n$ of that. So: the whole split, always the same one, every token counted once, dropout off.
`evaluate` does that, and puts the model back into the mode that it had. Whoever writes `model.eval()` alone, in the
middle of a loop, trains the rest of the run without dropout.
"""

# %% [markdown]
r"""
## Is that all?

Put the needs together. This is the loop again, with everything in it.
"""


# %%
def our_train(model, batches, c):
    optimizers = make_optimizers(model, c.lr, c.muon_lr, c.weight_decay)
    for step in range(c.steps):
        group = [next(batches) for _ in range(c.accumulate)]
        n_tokens = sum(int((batch.targets != IGNORE).sum()) for batch in group)
        model.zero_grad()
        loss = 0.0
        for batch in group:
            logits = model(batch.inputs, batch.documents).flatten(0, 1)
            share = F.cross_entropy(logits, batch.targets.flatten(), reduction="sum") / n_tokens
            share.backward()
            loss += share.item()
        torch.nn.utils.clip_grad_norm_(model.parameters(), c.clip)
        for optimizer in optimizers:
            optimizer.step(factor(step, c.steps, c.warmup, c.decay))
        yield loss


# %%
config = TrainingConfig(steps=training_steps(20), warmup=0.2, accumulate=2, weight_decay=0.1, **recipe)
ours = list(our_train(small_gpt(), rows_of(ids), config))
library = [step.loss for step in train(small_gpt(), rows_of(ids), config)]
gap = max(abs(a - b) for a, b in zip(ours, library, strict=True))
print(f"{len(ours)} steps, last loss {ours[-1]:.6f} and {library[-1]:.6f}, largest difference {gap:.1e}")
claim(gap < 1e-4, "loss by loss, our loop is the library's")

# %% [markdown]
r"""
## What is lost when the plug is pulled?

From here on we use the library's loop. What it adds is that a step happens as a whole or not at all, and that the run
knows where it is. That is needed now.

Long runs die. The paper on OPT-175B counts at least 35 manual restarts in two months because hardware failed (Zhang and
others, 2022). Let us kill one. The run stands in a file of its own, with dropout, so that random numbers matter too.
"""

# %%
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from course_lib.training import load_checkpoint

N_THREADS = torch.get_num_threads()
PROGRAM = f"""
import torch
from course_lib.model import GPT, TransformerConfig
from course_lib.text import TRAINING_SEED, DocumentRows, WordTokenizer, World
from course_lib.training import TrainingConfig, save_checkpoint, train

torch.set_num_threads({N_THREADS})

tokenizer = WordTokenizer.train(" ".join(World().words()))
ids = tokenizer.encode("".join(document.text + "\\n" for document in World().documents(300, TRAINING_SEED)))

def start():
    torch.manual_seed(0)
    model = GPT(TransformerConfig(tokenizer.vocab_size, 64, n_layers=1, n_heads=2, d_model=32, dropout=0.1))
    return model, train(model, DocumentRows(ids, tokenizer.end_id, 4, 64, seed=0), TrainingConfig(steps=60))

if __name__ == "__main__":
    model, run = start()
    for step in run:
        if step.number % 10 == 0:
            states = {{"model_state": model.state_dict(), "run_state": run.state_dict()}}
            save_checkpoint("checkpoints", step=step.number, metadata={{}}, **states)
        if step.number == 35:
            print("half way", flush=True)
            while True:
                pass
"""
folder = tempfile.TemporaryDirectory()
_ = Path(folder.name, "program.py").write_text(PROGRAM)

# %% [markdown]
r"""
We start it as a process of its own, wait until it says that it is half way, and kill it. On Linux and macOS this is
`SIGKILL`, which a program cannot even notice: no warning, no chance to tidy up.
"""

# %%
environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
where = {"cwd": folder.name, "env": environment}
with subprocess.Popen([sys.executable, "program.py"], stdout=subprocess.PIPE, text=True, **where) as process:
    said = process.stdout.readline().strip()
    process.kill()
checkpoints = Path(folder.name, "checkpoints")
saved = load_checkpoint(checkpoints)
print(f"the process said {said!r}, then ended with {process.returncode}; saved last: step {saved.step}")
print("in the folder:", *sorted(path.name for path in checkpoints.iterdir()))
claim(saved.step == 30, "the checkpoint of step 30 is there, and whole")

# %% [markdown]
r"""
Now go on from there, in this process, and compare with a run that nobody killed. To see what a checkpoint must hold, we
also go on four times with something forgotten.

**Predict first.** Which of the five will have the losses of the unharmed run, to the last bit?
"""

# %%
sys.path.insert(0, folder.name)
from program import start

model, run = start()
unharmed = [step.loss for step in run]
unharmed_weights = model.state_dict()


def go_on(forgotten=()):
    model, run = start()
    model.load_state_dict(saved.model_state)
    fresh = run.state_dict()
    run.load_state_dict(saved.run_state | {name: fresh[name] for name in forgotten})
    return [step.loss for step in run], model.state_dict()


cases = {"nothing": (), "what the optimizers remember": ("optimizers",), "the place in the text": ("batches",)}
cases |= {"the random numbers": ("rng",), "all but the weights": ("optimizers", "batches", "rng")}
resumed = {name: go_on(forgotten) for name, forgotten in cases.items()}
gaps = {name: np.abs(np.subtract(losses, unharmed[30:])) for name, (losses, _) in resumed.items()}
rows = [[name, f"{(gap == 0).sum()} of {len(gap)}", gap.max()] for name, gap in gaps.items()]
table(["forgotten", "losses equal to the last bit", "largest difference (nats)"], rows)

# %%
losses, weights = resumed["nothing"]
claim(losses == unharmed[30:], "with everything saved, every loss is the same to the last bit")
claim(all((weights[name] == unharmed_weights[name]).all() for name in weights), "and so is every weight at the end")
claim(all(gap.any() for name, gap in gaps.items() if name != "nothing"), "whatever is forgotten, the run is another")
folder.cleanup()

# %% [markdown]
r"""
Only the first. A run is five things: the weights, the optimizers' memories, the place in the text, the place in the
schedule, and the state of the random numbers. (We kept the count of steps, which is the place in the schedule, in all
five cases.) The other runs are not ruined, and that is the danger. They go on as other runs, and no message says so.

Why was the checkpoint whole, when the process could have died while it was writing? It was written under another name,
forced to the disk, and only then renamed. A rename happens or does not happen. The manifest holds a hash of each file,
so a checkpoint that was damaged later is noticed, passed over, and the one before it is used.
"""

# %% [markdown]
r"""
## Can one stop it and look?

A kill is the crude way. More often you want to look at something and go on. While the next cell runs, press **pause**:
the curve stands still between two steps, and **resume** lets it go on. Press the notebook's stop button (■) and run the
cell below it: the same run goes on from the step that it had reached. (If your machine is too quick for you, raise the
number of steps.)
"""

# %%
from course_lib.display.widgets import Dashboard

model = small_gpt()
run = train(model, rows_of(ids), TrainingConfig(steps=training_steps(180), **recipe))
live = Dashboard(run.config.steps, floor=world.floor(held_out).per_word, unit="nats per word")


def watch():
    with live:
        for step in run:
            live.add(step.loss, step.number)


watch()

# %%
watch()  # after the stop button, this goes on; after the last step there is nothing to do
print(f"{run.step} of {run.config.steps} updates made")
claim(run.step == run.config.steps, "the run is complete")

# %% [markdown]
r"""
How can a button be heard while the cell is busy? The notebook's messages about widgets arrive in a second thread, a
**subshell** of the kernel (JupyterLab 4.4 and ipykernel 7, or later). All that a press does there is to set a flag, and
the loop looks at the flag after each step. On Colab, Kaggle and in some editors there is no such thread. A press is
heard only when the cell is over. There the stop button is your pause, and it works everywhere, because an interrupt
waits for the end of the step.
"""

# %% [markdown]
r"""
## What is wrong with this run?

Eight runs of the same small model, 60 steps each. One is healthy. In the others one line is wrong, and nothing crashed.
You get what one gets in practice: the curves, a few numbers, and what the model writes if it always takes the likeliest
word. Blue is the loss of the batches, the orange points are held-out text, and the dotted line is $\ln V$. (The cell
that made them is folded. Do not look yet.)
"""

# %% tags=["hide-input"]
STEPS = training_steps(60)
exam_rows = evaluation_documents(encode(held_texts[:40]), end)


def admit(patient):
    """Train with one thing wrong; the losses, held-out losses, the last gradient's length, and the model."""
    model, batches = small_gpt(), rows_of(encode(texts[:25]) if patient == "F" else ids)
    lr = {"B": 1e-9, "F": 0.015, "H": 0.5}.get(patient, 0.005)
    if patient == "E":
        torch.nn.init.normal_(model.head.weight, std=1.0)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.0), lr=lr)
    losses, held_losses, length = [], {}, 0.0
    for step in range(STEPS):
        batch = next(batches)
        targets = batch.inputs if patient == "C" else batch.targets
        asked = torch.full(targets.shape, not (patient == "G" and step == STEPS * 3 // 5)).float()
        logits = model(batch.inputs, batch.documents).flatten(0, 1)
        each = F.cross_entropy(logits, targets.flatten(), reduction="none")
        loss = (each * asked.flatten()).sum() / asked.sum()
        optimizer.zero_grad()
        loss.backward()
        if patient == "D":
            optimizer.zero_grad(set_to_none=False)
        length = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        optimizer.step()
        losses.append(loss.item())
        if step % max(1, STEPS // 4) == 0 or step == STEPS - 1:
            held_losses[step] = evaluate(model, exam_rows).loss
    return losses, held_losses, length, model


@torch.no_grad()
def likeliest(model, n_words=9):
    row = [end]
    for _ in range(n_words):
        row.append(int(model(torch.tensor([row]))[0, -1].argmax()))
    return tokenizer.decode(row[1:]).replace(" \n", "\n").replace("\n", " (end)").strip()


ward = {patient: admit(patient) for patient in "ABCDEFGH"}

# %% tags=["hide-input"]
from course_lib.display.plots import BLUE, INK, ORANGE, Picture, axes

picture = Picture(width=8.8, height=5.2)
for place, (patient, (losses, held_losses, _, _)) in enumerate(ward.items(), start=1):
    left, bottom = place in (1, 5), place > 4
    ax = axes(picture, xlabel="step" if bottom else "", ylabel="nats per word" if left else "", place=(2, 4, place))
    ax.plot(losses, color=BLUE, linewidth=1.8)
    ax.plot(list(held_losses), list(held_losses.values()), "o--", color=ORANGE, markersize=5)
    ax.axhline(math.log(V), color=INK, linewidth=1, linestyle=":")
    ax.set_title(patient, fontsize=14, loc="left", fontweight="bold")
    ax.set_ylim(0, 1.05 * min(25, max([8, *losses, *held_losses.values()])))
    ax.set_xlim(0, STEPS)
picture

# %%
rows = [
    [patient, losses[0], losses[-1], list(held_losses.values())[-1], f"{length:.3f}", likeliest(model)]
    for patient, (losses, held_losses, length, model) in ward.items()
]
table(["", "first loss", "last loss", "held out", "gradient's length", "the likeliest text"], rows)

# %% [markdown]
r"""
(The gradient is that of the last step, right before the update.)

**Predict first.** Write down a cause for each of the seven before you go on. These are the five questions that
separate most of them: Does it start at $\ln V$? Does it move? Is it better than possible? Do training and held-out
loss go together? What does it write?
"""

# %%
start_loss = {patient: losses[0] for patient, (losses, *_) in ward.items()}
last_loss = {patient: losses[-1] for patient, (losses, *_) in ward.items()}
out = {patient: list(held_losses.values()) for patient, (_, held_losses, _, _) in ward.items()}
claim(last_loss["A"] < 3 and abs(out["A"][-1] - last_loss["A"]) < 0.6, "A: falls, and held-out text goes with it")
claim(max(abs(last_loss[p] - math.log(V)) for p in "BD") < 0.01, "B and D: flat at ln V")
claim(ward["B"][2] > 0.01 and ward["D"][2] == 0, "but B has a gradient, and D has none")
claim(last_loss["C"] < 0.4 and out["C"][-1] > math.log(V) + 1, "C: nearly 0 on its batches, held out above a guess")
claim(start_loss["E"] > math.log(V) + 2, "E: begins far above ln V")
claim(last_loss["F"] < 1 and out["F"][-1] > min(out["F"]) + 0.2, "F: training falls while held-out text has turned up")
claim(math.isnan(last_loss["G"]), "G: NaN from one step on")
claim(last_loss["H"] > 3 and max(ward["H"][0]) > math.log(V) + 1, "H: has been above ln V, and ends above 3 nats")

# %% [markdown]
r"""
**A** is the healthy one. **B** does not move, and its gradient is there: the learning rate is $10^{-9}$. (Weights
that the optimizer was never given would look the same.) **D** does not move either, and its gradient is
exactly 0 at the moment of the update: it was zeroed between `backward` and `step`. One number tells the two apart.
(B even writes words. Which word is likeliest is a matter of order, not of size, and its tiny steps had a direction.)

**C** is too good. On its batches it pays nearly nothing, and on held-out text more than somebody who guesses. Its
targets are its inputs: nobody shifted them by one word. It has learned to repeat, and so it writes one word for ever.
(Where the mask is missing, or the exam leaked, held-out text is too good as well. Then look at what the model writes.
It is bad without a mask, for nothing can be copied from words that do not exist yet.)

**E** begins far above $\ln V$. Nothing was learned yet, so this is a matter of the initial weights: the head was drawn
with a standard deviation of 1, and the model was born with strong opinions. It recovers, at the price of the first
steps. **F** has read 25 documents again and again. It is right about those, and the held-out points have turned upward:
overfitting.

**G** died in one step. One batch had nothing to predict, the mean over no tokens is 0/0, and after one update every
weight was NaN. Look for the *first* NaN, never for the last. **H** has a learning rate of 0.5, a hundred times
too high: it jumped over the valley at once, and hovers on the other side.
"""

# %% [markdown]
r"""
Several of these need no run at all. Three tests take a second, and are worth it before every long run: is the first
loss $\ln V$? Does every weight get a gradient, once the first updates are made? Does a word that is still to come
change a forecast? (As it does in an encoder, which looks both ways.) There are more ways to die than eight: the
exercises have six patients of their own, and then the broken programs, for you to repair.
"""


# %%
def before_you_start(model, batch):
    """Three numbers that should be 0; give it a model to use up, for it makes three updates."""
    first = mean_loss(model, batch).item()
    train_naively(model, iter([batch] * 3), 3, lr=0.01)
    model.zero_grad()
    mean_loss(model, batch).backward()
    silent = sum(weight.grad is None or not weight.grad.any() for weight in model.parameters())
    changed = batch.inputs.clone()
    changed[:, 40:] = 0
    with torch.no_grad():
        leak = (model(batch.inputs) - model(changed))[:, :40].abs().max().item()
    return first - math.log(V), silent, leak


frozen, loud = small_gpt(), small_gpt()
frozen.blocks.requires_grad_(False)
torch.nn.init.normal_(loud.head.weight, std=1.0)
suspects = {"healthy": small_gpt(), "frozen blocks": frozen, "loud head": loud, "both ways": Encoder(loud.config)}
reports = {name: before_you_start(suspect, next(rows_of(ids))) for name, suspect in suspects.items()}
table(["", "first loss − ln V", "weights without gradient", "leak"], [[name, *each] for name, each in reports.items()])

# %%
claim(all(abs(reports[name][0]) < 0.01 for name in suspects if name != "loud head"), "one first loss is not ln V")
claim([name for name in suspects if reports[name][1]] == ["frozen blocks"], "only frozen blocks get no gradient")
claim([name for name in suspects if reports[name][2] > 1e-3] == ["both ways"], "only the encoder sees what is to come")

# %% [markdown]
r"""
## What makes a step fast?

A step has work that must be done: its matrix products, about $6N$ multiplications and additions for each token with $N$
parameters (the function `costs` of lesson 09 counts them exactly; backward is twice forward). And a machine has a rate
at which it can do them. So there is a shortest time, and one can ask which share of it is used.

**Predict first.** A batch of 64 rows makes 64 times as many multiplications as a batch of one row. Does its step take
64 times as long?
"""

# %%
import time

from course_lib.model import costs

larger = TransformerConfig(V, context_length=64, n_layers=2, n_heads=4, d_model=128)
flops_per_row = 3 * sum(part.flops for part in costs(larger, n_tokens=64).values())


def peak_rate(n=1024):
    """The best of five: FLOPs a second of one large matrix product."""
    a, b = torch.randn(2, n, n)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - begin)
    return 2 * n**3 / min(times)


def fastest_step(batch_size, kind=torch.float32, steps=5):
    run = train(GPT(larger), rows_of(ids, batch_size=batch_size), TrainingConfig(steps=steps, **recipe))
    with torch.autocast("cpu", kind, enabled=kind != torch.float32):
        return min(step.seconds for step in run)


# %%
peak = peak_rate()
seconds = {n: fastest_step(n) for n in (1, 4, 16, 64)}
used = {n: n * flops_per_row / took / peak for n, took in seconds.items()}
table(
    ["rows in a batch", "a step takes (ms)", "tokens a second", f"share of {peak / 1e9:.0f} GFLOP/s"],
    [[n, f"{1000 * took:.0f}", f"{64 * n / took:,.0f}", f"{used[n]:.0%}"] for n, took in seconds.items()],
)

# %%
print(f"64 times the work takes {seconds[64] / seconds[1]:.0f} times as long")
claim(seconds[64] < 40 * seconds[1], "64 rows take less than 40 times as long as one")
claim(used[64] > 1.6 * used[1], "and use a far larger share of the machine")

# %% [markdown]
r"""
With one row, most of the time goes into what does not depend on the batch: some hundreds of small operations, each
of which must be looked up and started, and the optimizers, which go once over all weights. That is paid once for a step,
so it is shared by all tokens in it. Past some size of the batch nothing is left to share.

The other way to a fast step is to do the same with fewer operations, and to write less into memory on the way. Attention
is one fused operation that never writes down its table (lesson 07). Queries, keys and values come out of one product.
Muon orthogonalises all matrices of one shape together. And two functions, the norm and the squared ReLU, have gradients
that were worked out by hand: the norm's derivative, taken apart by automatic differentiation, is a dozen operations, and
on paper it is a handful. What is each worth? Put the plain form back in its place, and compare in turns.
"""

# %%
from unittest.mock import patch

from course_lib.model.attention import attention


def plain_norm(x, root_of_eps):
    return x / (x.square().mean(dim=-1, keepdim=True) + root_of_eps**2).sqrt()


plain_forms = {
    "attention": ("attention.fused_attention", attention),
    "norm": ("layers.unit_rms", plain_norm),
    "squared ReLU": ("layers.squared_relu", lambda x: x.relu().square()),
}
times = {name: [] for name in ("nothing", *plain_forms)}
for _ in range(2):
    times["nothing"].append(fastest_step(16))
    for name, (place, plain) in plain_forms.items():
        with patch(f"course_lib.model.{place}", plain):
            times[name].append(fastest_step(16))
rows = [[name, f"{1000 * min(each):.0f}", f"{min(each) / min(times['nothing']):.2f} ×"] for name, each in times.items()]
table(["left plain", "a step takes (ms)", "beside the library's"], rows)

# %% [markdown]
r"""
Little, and perhaps one line of your table says the opposite: a few percent drown in whatever else a machine does, if one
measures so briefly. We did it sixteen times in turns, with four sizes of model, and took medians. The norm's plain form
cost 4 to 5 %, that of the squared ReLU at most 2 %, and plain attention 2 or 3 %, but 11 % where a narrow model read rows
of 256 tokens. Most of the time was in the matrix products all along, and nobody takes those away. So the large gains are
elsewhere: in a batch that uses the machine, in rows packed with documents to their end, so that no token is padding
(next lesson), and in an optimizer and a schedule that need fewer steps.

And the sixteen bits from above?
"""

# %%
in_16_bits = fastest_step(1, torch.bfloat16, steps=2)
print(f"one row with products in bfloat16: {seconds[1] / in_16_bits:.2f} times as fast as in float32, on this machine")

# %% [markdown]
r"""
This number depends on the machine more than any other in this lesson. A GPU of the last years, or a processor with
matrix units, is about twice as fast or more. A processor without units for it has to convert every number there and
back, and gets slower: then the answer to "use mixed precision, it is faster" is no. So a change for speed is measured
where it will run, beside the same work without it, in turns, several times. `make bench` does that for the whole library
and puts what others offer beside it.
"""

# %% [markdown]
r"""
## What have we got?

A loop of fifteen lines that can be trusted, and a way of looking at runs that cannot. The five lines of the beginning
are still in it, and each line that came was asked for by something that went wrong. The next lesson uses all of it for
one run from end to end: from the text to a model that can be handed over.
"""
